//! Definitions as text: tables with all that SQL can say of them, indexes, triggers, views.

use super::write::{Shape, Writer, quoted_list};
use crate::id::SchemaId;
use crate::value::Affinity;

/// What becomes of a row in conflict, as it is written.
pub(super) const RESOLUTIONS: [&str; 5] = ["ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"];

/// In which schema something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Main,
    Temporary,
    Attached,
}

impl Place {
    pub(super) fn of(schema: SchemaId) -> Self {
        match schema {
            SchemaId::MAIN => Place::Main,
            SchemaId::TEMP => Place::Temporary,
            _ => Place::Attached,
        }
    }

    /// What stands before the name of what is to be made there.
    fn prefix(self) -> &'static str {
        match self {
            Place::Main | Place::Temporary => "",
            Place::Attached => "aux.",
        }
    }
}

/// A table to be made. Foreign keys reference keys of these, whatever has become of the tables since.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) columns: Vec<(String, &'static str)>,
    /// The columns of the primary key, then those of the other keys.
    pub(super) keys: Vec<Vec<usize>>,
    has_row_ids: bool,
    pub(super) place: Place,
    is_strict: bool,
}

/// The types of columns that may be part of a key: one that references has the type of the one that
/// it references, since SQLite's exception E7 is about those that have not.
const KEY_TYPES: [&str; 4] = ["INTEGER", "INTEGER", "INT", "TEXT"];
const OTHER_TYPES: [&str; 6] = ["INTEGER", "TEXT", "", "NUMERIC", "REAL", "VARCHAR(9)"];
const STRICT_TYPES: [&str; 5] = ["INTEGER", "TEXT", "ANY", "REAL", "BLOB"];

impl Writer {
    /// Names and keys of the tables of a script.
    pub(super) fn plan_tables(&mut self) -> Vec<Plan> {
        let count = self.random.between(2, 5);
        let names = &["a", "b", "c", "d", "e"][..count];
        let mut plans: Vec<_> = names.iter().map(|name| self.plan(name, Place::Main)).collect();
        match self.random.weighted(&[(65, 0), (25, 1), (10, 2)]) {
            0 => {}
            1 => {
                plans.extend(["temp_a", "temp_b"].map(|name| self.plan(name, Place::Temporary)));
            }
            _ => plans.extend(["aux_a", "aux_b"].map(|name| self.plan(name, Place::Attached))),
        }
        plans
    }

    fn plan(&mut self, name: &str, place: Place) -> Plan {
        let is_strict = self.random.chance(8);
        let is_composite = self.random.chance(25);
        let mut columns = vec![("k".to_owned(), self.random.pick(&KEY_TYPES))];
        let mut keys = vec![vec![0]];
        if is_composite {
            columns.push(("l".to_owned(), self.random.pick(&KEY_TYPES)));
            keys = vec![if self.random.chance(30) { vec![1, 0] } else { vec![0, 1] }];
        }
        // The order of a table without row ids is the planner's choice, if there is one.
        let has_row_ids = !self.random.chance(20);
        for column in ["x", "y", "z"].iter().take(self.random.between(1, 3)) {
            let is_key = has_row_ids && self.random.chance(25);
            let data_type = match is_key {
                true => self.random.pick(&KEY_TYPES),
                false if is_strict => self.random.pick(&STRICT_TYPES),
                false => self.random.pick(&OTHER_TYPES),
            };
            if is_key {
                keys.push(vec![columns.len()]);
            }
            columns.push(((*column).to_owned(), data_type));
        }
        if has_row_ids && columns.len() > 3 && self.random.chance(15) {
            keys.push(vec![columns.len() - 1, 0]);
        }
        Plan { name: name.to_owned(), columns, keys, has_row_ids, place, is_strict }
    }

    pub(super) fn create_table(&mut self, plan: &Plan) -> String {
        let mut parts = Vec::new();
        let mut constraints = Vec::new();
        let mut columns = plan.columns.clone();
        for (at, key) in plan.keys.iter().enumerate() {
            if key.len() > 1 {
                let word = if at == 0 { "PRIMARY KEY" } else { "UNIQUE" };
                let names = quoted_list(key.iter().map(|&at| plan.columns[at].0.as_str()));
                let (name, conflict) = (self.constraint_name(), self.on_conflict());
                constraints.push(format!("{name}{word} ({names}){conflict}"));
            }
        }
        for place in 0..self.random.weighted(&[(25, 0), (40, 1), (35, 2)]) {
            let (own, text) = self.foreign_key(plan, place, &mut columns);
            constraints.push(format!(
                "{}FOREIGN KEY ({}) {text}",
                self.constraint_name(),
                quoted_list(own.iter().map(String::as_str))
            ));
        }
        // A row that references itself must have the same bytes on both sides: see exception E5.
        let is_self = |text: &String| text.contains(&format!("REFERENCES {}", plan.name));
        let may_collate = !constraints.iter().any(is_self);
        for (at, (name, data_type)) in columns.iter().enumerate() {
            let is_own = at < plan.columns.len();
            let place = plan.keys.iter().position(|key| is_own && key[..] == [at]);
            let mut text = self.column(name, data_type, place, &mut constraints);
            let may_number = place == Some(0) && plan.has_row_ids && *data_type == "INTEGER";
            let is_plain = !["DESC", "KEY ON CONFLICT"].iter().any(|word| text.contains(word));
            if may_number && is_plain && self.random.chance(20) {
                text = text.replacen("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT", 1);
            }
            if may_collate && self.random.chance(10) {
                text += &format!(" COLLATE {}", self.random.pick(&["NOCASE", "RTRIM", "BINARY"]));
            }
            parts.push(text);
        }
        if self.random.chance(12) {
            parts.push(self.generated(plan, &columns));
        }
        if self.random.chance(12) {
            let columns: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let (one, other) = (self.random.pick(&columns), self.random.pick(&columns));
            let name = self.constraint_name();
            constraints.push(format!("{name}CHECK ({one} IS NOT {other} OR {one} <> 3)"));
        }
        parts.append(&mut constraints);
        let tail = match (plan.has_row_ids, plan.is_strict) {
            (true, false) => "",
            (false, false) => " WITHOUT ROWID",
            (true, true) => " STRICT",
            (false, true) => " WITHOUT ROWID, STRICT",
        };
        let temporary = if plan.place == Place::Temporary { "TEMP " } else { "" };
        let name = match self.random.chance(5) {
            true => format!("\"{}\"", plan.name),
            false => plan.name.clone(),
        };
        let prefix = plan.place.prefix();
        format!("CREATE {temporary}TABLE {prefix}{name} ({}){tail}", parts.join(", "))
    }

    fn column(
        &mut self,
        name: &str,
        data_type: &str,
        key: Option<usize>,
        constraints: &mut Vec<String>,
    ) -> String {
        let mut text = name.to_owned();
        if !data_type.is_empty() {
            text += &format!(" {data_type}");
        }
        let value = |this: &mut Self| this.value(affinity_of(data_type));
        if key == Some(0) {
            let order = if self.random.chance(6) { " DESC" } else { "" };
            text += &format!(" PRIMARY KEY{order}{}", self.on_conflict());
        } else if key.is_some() && self.random.chance(70) {
            text += &format!(" {}UNIQUE{}", self.constraint_name(), self.on_conflict());
        } else if key.is_some() {
            constraints.push(format!("UNIQUE ({name}){}", self.on_conflict()));
        }
        if self.random.chance(if key.is_some() { 10 } else { 16 }) {
            text += &format!(" {}NOT NULL{}", self.constraint_name(), self.on_conflict());
        }
        if self.random.chance(28) {
            let value = value(self);
            text += &match self.random.chance(20) && value != "NULL" {
                true => format!(" DEFAULT (1 + {value})"),
                false => format!(" DEFAULT {value}"),
            };
        }
        if self.random.chance(10) {
            let value = value(self);
            let check = match self.random.below(4) {
                0 => format!("{name} IS NOT {value}"),
                1 => format!("{name} <> {value}"),
                2 => format!("length({name}) < 3"),
                _ => format!("typeof({name}) IN ('integer', 'text', 'null')"),
            };
            text += &format!(" {}CHECK ({check})", self.constraint_name());
        }
        text
    }

    fn generated(&mut self, plan: &Plan, columns: &[(String, &str)]) -> String {
        let (one, other) = (self.random.pick(columns).0, self.random.pick(columns).0);
        let value = match self.random.below(3) {
            0 => format!("{one} || {other}"),
            1 => format!("{one} + 1"),
            _ => format!("coalesce({one}, {other})"),
        };
        let kind = self.random.pick(&["", " STORED", " VIRTUAL"]);
        let data_type = if plan.is_strict { " ANY" } else { "" };
        format!("g{data_type} AS ({value}){kind}")
    }

    /// A foreign key of a table: columns for it, and the text behind them.
    fn foreign_key(
        &mut self,
        plan: &Plan,
        place: usize,
        columns: &mut Vec<(String, &'static str)>,
    ) -> (Vec<String>, String) {
        let is_beside = |other: &&Plan| other.place == plan.place;
        let plans: Vec<_> = self.plans.iter().filter(is_beside).cloned().collect();
        let to = match self.random.chance(15) {
            true => plan.clone(),
            false => self.random.pick(&plans),
        };
        let key = self.random.weighted(&[(4, 0), (2, to.keys.len() - 1)]);
        let key = &to.keys[key];
        // Its own columns, or now and then one that the table has anyway.
        let mut own = Vec::new();
        for (part, &at) in key.iter().enumerate() {
            let data_type = to.columns[at].1;
            let same: Vec<_> = plan.columns.iter().filter(|other| other.1 == data_type).collect();
            if !same.is_empty() && self.random.chance(25) {
                own.push(self.random.pick(&same).0.clone());
            } else {
                let name = format!("f{place}{part}");
                columns.push((name.clone(), data_type));
                own.push(name);
            }
        }
        own.dedup();
        let names = quoted_list(key.iter().map(|&at| to.columns[at].0.as_str()));
        let target = match self.random.below(100) {
            0 => "missing".to_owned(),
            1..40 if *key == to.keys[0] => to.name.clone(),
            _ => format!("{} ({names})", to.name),
        };
        (own, format!("REFERENCES {target}{}", self.actions()))
    }

    fn actions(&mut self) -> String {
        let all = ["NO ACTION", "RESTRICT", "CASCADE", "CASCADE", "SET NULL", "SET DEFAULT"];
        let mut text = String::new();
        for event in ["DELETE", "UPDATE"] {
            if self.random.chance(75) {
                text += &format!(" ON {event} {}", self.random.pick(&all));
            }
        }
        if self.random.chance(4) {
            text += " MATCH FULL";
        }
        text += match self.random.below(20) {
            0..4 => " DEFERRABLE INITIALLY DEFERRED",
            4 => " DEFERRABLE INITIALLY IMMEDIATE",
            5 => " NOT DEFERRABLE INITIALLY DEFERRED",
            _ => "",
        };
        text
    }

    fn constraint_name(&mut self) -> String {
        match self.random.chance(12) {
            true => format!("CONSTRAINT c{} ", self.random.below(9)),
            false => String::new(),
        }
    }

    fn on_conflict(&mut self) -> String {
        match self.random.chance(13) {
            true => format!(" ON CONFLICT {}", self.random.pick(&RESOLUTIONS)),
            false => String::new(),
        }
    }

    pub(super) fn create_index(&mut self) -> String {
        let mut shape = self.shape();
        while !shape.has_row_ids && !self.random.chance(1) {
            shape = self.shape();
        }
        let unique = if self.random.chance(40) { "UNIQUE " } else { "" };
        let count = self.random.weighted(&[(7, 1), (3, 2)]);
        let mut columns = Vec::new();
        for _ in 0..count {
            let mut column = self.column_of(&shape).name;
            if columns.iter().any(|known: &String| known.starts_with(&column)) {
                continue;
            }
            if self.random.chance(10) {
                column = self.computed(&column);
            } else if self.random.chance(10) {
                column += " COLLATE NOCASE";
            }
            if self.random.chance(20) {
                column += " DESC";
            }
            columns.push(column);
        }
        let filter = match self.random.chance(25) {
            true => {
                let column = self.column_of(&shape);
                let value = self.value(column.affinity);
                match self.random.chance(50) {
                    true => format!(" WHERE {} IS NOT NULL", column.name),
                    false => format!(" WHERE {} > {value}", column.name),
                }
            }
            false => String::new(),
        };
        let exists = if self.random.chance(15) { "IF NOT EXISTS " } else { "" };
        let number = self.random.below(6);
        format!(
            "CREATE {unique}INDEX {exists}{}i{number} ON {} ({}){filter}",
            shape.place.prefix(),
            shape.name,
            columns.join(", ")
        )
    }

    /// What an index may have in the place of a column.
    fn computed(&mut self, column: &str) -> String {
        match self.random.below(5) {
            0 => format!("({column} + 1)"),
            1 => format!("({column} || 'x')"),
            2 => format!("(lower({column}))"),
            3 => format!("(coalesce({column}, 2))"),
            _ => format!("({column} IS NULL)"),
        }
    }

    pub(super) fn create_view(&mut self) -> String {
        self.home = Some(Place::Main);
        let (one, other) = (self.shape(), self.shape());
        let (a, b) = (self.column_of(&one).name, self.column_of(&other).name);
        let kind = self.random.below(5);
        let query = match kind {
            0 => format!("SELECT * FROM {}", one.name),
            1 => format!("SELECT {a} AS p, count(*) AS q FROM {} GROUP BY {a}", one.name),
            2 => format!(
                "SELECT {a} AS p FROM {} UNION ALL SELECT {b} FROM {}",
                one.name, other.name
            ),
            3 => format!(
                "SELECT t.{a} AS p, u.{b} AS q FROM {} AS t JOIN {} AS u ON t.{a} = u.{b}",
                one.name, other.name
            ),
            _ => format!("SELECT {a} AS p, {a} IS NULL AS q FROM {} WHERE {}", one.name, {
                self.condition(&one, false)
            }),
        };
        let columns =
            if [1, 3, 4].contains(&kind) && self.random.chance(15) { " (p, q)" } else { "" };
        format!("CREATE VIEW v{}{columns} AS {query}", self.random.below(3))
    }

    pub(super) fn create_trigger(&mut self) -> String {
        let number = self.random.below(7);
        if self.random.chance(20) {
            return self.view_trigger(number);
        }
        let mut shape = self.shape();
        let is_guest = shape.place != Place::Temporary && self.random.chance(15);
        let word = if is_guest { "TEMP " } else { "" };
        let name = match is_guest || shape.place == Place::Temporary {
            // Of more temporary triggers than these the order is one of hashes.
            true => self.temporary_trigger(),
            false => format!("{}t{number}", shape.place.prefix()),
        };
        self.home = Some(shape.place).filter(|_| !is_guest);
        let timing = self.random.pick(&["BEFORE ", "AFTER ", "AFTER ", ""]);
        if timing != "AFTER " && shape.columns.len() > 1 {
            // Before the change SQLite computes a generated column of only what the trigger names.
            shape.columns.retain(|column| !column.is_generated);
        }
        let column = self.column_of(&shape);
        let event = self.random.pick(&["INSERT", "UPDATE", "DELETE", "UPDATE OF"]);
        let event = match event {
            "UPDATE OF" => format!("UPDATE OF {}", column.name),
            event => event.to_owned(),
        };
        let rows: &[&str] = match event.as_str() {
            "INSERT" => &["new"],
            "DELETE" => &["old"],
            _ => &["old", "new"],
        };
        let row = format!("{}.{}", self.random.pick(rows), self.column_of(&shape).name);
        let each = if self.random.chance(20) { " FOR EACH ROW" } else { "" };
        let when = match self.random.chance(25) {
            true => format!(" WHEN {row} IS NOT {}", self.value(column.affinity)),
            false => String::new(),
        };
        let mut steps = Vec::new();
        for _ in 0..self.random.weighted(&[(6, 1), (3, 2), (1, 3)]) {
            let row = format!("{}.{}", self.random.pick(rows), self.column_of(&shape).name);
            steps.push(self.step(&shape, &event, &row));
        }
        format!(
            "CREATE {word}TRIGGER {name} {timing}{event} ON {}{each}{when} BEGIN {}; END",
            shape.name,
            steps.join("; ")
        )
    }

    /// The name of a trigger on a temporary table, or of a temporary one on another table.
    pub(super) fn temporary_trigger(&mut self) -> String {
        format!("q{}", self.random.below(3))
    }

    fn view_trigger(&mut self, number: usize) -> String {
        self.home = Some(Place::Main);
        let shape = self.shape();
        let event = self.random.pick(&["INSERT", "UPDATE", "DELETE"]);
        let row = if event == "DELETE" { "old.p" } else { "new.p" };
        let step = self.step(&shape, event, row);
        format!(
            "CREATE TRIGGER t{number} INSTEAD OF {event} ON v{} BEGIN {step}; END",
            self.random.below(3)
        )
    }

    /// One statement of a trigger. Its conditions keep SQLite from using an index, whose order would
    /// decide which row is met first.
    fn step(&mut self, own: &Shape, event: &str, row: &str) -> String {
        let shape = self.shape();
        let column = self.assigned_column(&shape);
        let name = &column.name;
        match self.random.below(12) {
            0 | 1 => {
                let or = self.or();
                let value = match self.random.chance(50) {
                    true => row.to_owned(),
                    false => self.expression(&shape, &column),
                };
                let condition = self.condition(&shape, true);
                format!("UPDATE {or}{} SET {name} = {value} WHERE {condition}", shape.name)
            }
            2 => format!("UPDATE {} SET {name} = {row} WHERE +{name} IS {row}", shape.name),
            3 => format!("DELETE FROM {} WHERE +{name} IS {row}", shape.name),
            4 => {
                let condition = self.condition(&shape, true);
                format!("DELETE FROM {} WHERE {condition} AND +{name} = {row}", shape.name)
            }
            5 => {
                let raise = self.random.pick(&[
                    "IGNORE",
                    "ABORT, 'no'",
                    "FAIL, 'not so'",
                    "ROLLBACK, 'never'",
                ]);
                format!("SELECT RAISE({raise}) WHERE {row} = {}", self.value(column.affinity))
            }
            6 => {
                let (or, other) = (self.or(), self.assigned_column(&shape).name);
                format!("INSERT {or}INTO {} ({name}, {other}) VALUES ({row}, 4)", shape.name)
            }
            7 => {
                let (or, given) = (self.or(), self.shape());
                let from = self.column_of(&given).name;
                format!(
                    "INSERT {or}INTO {} ({name}) SELECT {from} FROM {} NOT INDEXED WHERE {from} IS {row}{}",
                    shape.name,
                    given.name,
                    given.read_first()
                )
            }
            _ => {
                let counter = self.random.pick(&["changes()", "last_insert_rowid()", "NULL"]);
                format!("INSERT INTO log VALUES ('{} {event}', {row}, {counter})", own.name)
            }
        }
    }
}

/// The affinity of a declared type, of those that are written here.
fn affinity_of(data_type: &str) -> Affinity {
    match data_type {
        "INTEGER" | "INT" => Affinity::Integer,
        "TEXT" | "VARCHAR(9)" => Affinity::Text,
        "REAL" => Affinity::Real,
        "NUMERIC" => Affinity::Numeric,
        _ => Affinity::Blob,
    }
}
