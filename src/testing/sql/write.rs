//! Random statements as text, for the schema as it stands.
//!
//! Values come from a space of a few, so that rows collide; names are mostly of what exists. Where
//! SQLite may choose in which order rows are visited, the text leaves it no choice (NOT INDEXED,
//! CROSS JOIN, a unary plus in triggers), as that order can be seen.

use super::define::{Place, Plan, RESOLUTIONS};
use super::twins::Way;
use crate::database::Database;
use crate::testing::generate::Random;
use crate::value::Affinity;
use std::collections::VecDeque;

/// Writes the statements of one script.
pub(super) struct Writer {
    pub(super) random: Random,
    pub(super) plans: Vec<Plan>,
    /// What is to come before anything is left to chance: the schema.
    planned: VecDeque<String>,
    /// The tables as they stand.
    shapes: Vec<Shape>,
    in_transaction: bool,
    /// The savepoint that was named last.
    savepoint: &'static str,
    /// Whether the switch may be thrown: SQLite miscounts where rows dangle that dangled before.
    may_enforce: bool,
    /// Whether what is being written is a view or trigger, which is compiled again and again.
    pub(super) is_kept: bool,
    /// Where the view or trigger that is being written is: it should name what is there.
    pub(super) home: Option<Place>,
}

/// A table: what a statement needs to know to name it.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) columns: Vec<ShapeColumn>,
    keys: Vec<Vec<String>>,
    pub(super) has_row_ids: bool,
    pub(super) place: Place,
    /// Whether a column is the row id.
    has_row_id_column: bool,
    /// Whether its rows may be changed by foreign keys.
    is_referencing: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ShapeColumn {
    pub(super) name: String,
    pub(super) affinity: Affinity,
    pub(super) is_generated: bool,
    /// The table and column that it references, if it is of a foreign key.
    references: Option<(String, String)>,
}

impl Shape {
    /// What makes a query of it read all its rows before the first of them is inserted. Exception E11:
    /// otherwise SQLite reads rows that the foreign keys of that INSERT have changed.
    pub(super) fn read_first(&self) -> String {
        // Without row ids it may read them from an index, in its order, though it is told not to.
        if self.has_row_ids && !self.is_referencing {
            return String::new();
        }
        let key = match self.has_row_ids {
            true => "+rowid".to_owned(),
            false => {
                self.keys[0].iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(", ")
            }
        };
        format!(" ORDER BY {key}")
    }
}

pub(super) fn quoted_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        let mut writer = Writer {
            random: Random::new(seed),
            plans: Vec::new(),
            planned: VecDeque::new(),
            shapes: Vec::new(),
            in_transaction: false,
            savepoint: "s",
            may_enforce: false,
            is_kept: false,
            home: None,
        };
        writer.plans = writer.plan_tables();
        let switch = if writer.random.chance(88) { "ON" } else { "OFF" };
        writer.planned.push_back(format!("PRAGMA foreign_keys = {switch}"));
        if writer.random.chance(30) {
            writer.planned.push_back("PRAGMA recursive_triggers = ON".to_owned());
        }
        if writer.plans.iter().any(|plan| plan.place == Place::Attached) {
            writer.planned.push_back("ATTACH ':memory:' AS aux".to_owned());
        }
        for plan in writer.plans.clone() {
            let text = writer.create_table(&plan);
            writer.planned.push_back(text);
        }
        writer.planned.push_back("CREATE TABLE log (what, old, new)".to_owned());
        writer
    }

    /// How many statements a script has.
    pub(super) fn length(&mut self) -> usize {
        self.random.between(40, 90)
    }

    /// By which way a statement comes in.
    pub(super) fn way(&mut self) -> Way {
        if self.random.chance(25) { Way::Prepared } else { Way::Text }
    }

    /// The next statement for the database as it is.
    pub(super) fn next(&mut self, db: &Database) -> String {
        if let Some(text) = self.planned.pop_front() {
            return text;
        }
        self.shapes = shapes(db);
        self.in_transaction = db.is_in_transaction();
        self.may_enforce = db.check().is_ok_and(|report| report.total == 0);
        if self.shapes.is_empty() {
            let plan = self.plans[0].clone();
            return self.create_table(&plan);
        }
        let rows: usize =
            db.catalog().tables().filter_map(|table| db.row_count(table.name()).ok()).sum();
        // Nothing happens in empty tables, and too much in full ones.
        let (inserts, deletes) = match rows {
            0..12 => (46, 6),
            12..60 => (28, 16),
            _ => (10, 40),
        };
        match self.random.weighted(&[
            (inserts, 0),
            (22, 1),
            (deletes, 2),
            (8, 3),
            (10, 4),
            (8, 5),
            (3, 6),
        ]) {
            0 => self.insert(),
            1 => self.update(),
            2 => self.delete(),
            3 => self.query(),
            4 => self.control(),
            5 => self.definition(),
            _ => self.pragma(),
        }
    }

    pub(super) fn shape(&mut self) -> Shape {
        let with_log = self.random.chance(3);
        let home = self.home.filter(|_| !self.random.chance(5));
        let fits = |shape: &&Shape| {
            (with_log || shape.name != "log") && home.is_none_or(|home| shape.place == home)
        };
        let shapes: Vec<_> = self.shapes.iter().filter(fits).cloned().collect();
        match shapes.is_empty() {
            true => self.shapes[0].clone(),
            false => self.random.pick(&shapes),
        }
    }

    /// A column; in what is kept as text always one that there is.
    pub(super) fn column_of(&mut self, shape: &Shape) -> ShapeColumn {
        match !self.is_kept && self.random.chance(1) {
            true => ShapeColumn {
                name: self.random.pick(&["absent", "k"]).to_owned(),
                affinity: Affinity::Integer,
                is_generated: false,
                references: None,
            },
            false => self.random.pick(&shape.columns),
        }
    }

    // Values and expressions.

    pub(super) fn value(&mut self, affinity: Affinity) -> String {
        if self.random.chance(7) {
            return "NULL".to_owned();
        }
        let is_odd = self.random.chance(8);
        match affinity {
            Affinity::Integer | Affinity::Numeric | Affinity::Real if !is_odd => {
                self.random.between(1, 6).to_string()
            }
            Affinity::Text if !is_odd => {
                self.random.pick(&["'a'", "'b'", "'c'", "'d'", "'A'", "'2'", "'a '"]).to_owned()
            }
            _ => self
                .random
                .pick(&["1", "2", "3", "'a'", "'B'", "'3'", "1.5", "2.0", "X'01'", "-1", "''"])
                .to_owned(),
        }
    }

    /// What a column may be set to.
    pub(super) fn expression(&mut self, shape: &Shape, column: &ShapeColumn) -> String {
        let name = &column.name;
        let is_number = column.affinity != Affinity::Text;
        match self.random.below(16) {
            0 | 1 if is_number => format!("{name} + 1"),
            2 if is_number => format!("{name} - 1"),
            3 if is_number => format!("7 - {name}"),
            2 | 3 => format!("{name} || 'x'"),
            4 => self.column_of(shape).name,
            5 => {
                let (from, to) = (self.value(column.affinity), self.value(column.affinity));
                format!("CASE {name} WHEN {from} THEN {to} ELSE {name} END")
            }
            6 => {
                let other = self.shape();
                let from = self.column_of(&other).name;
                let function = self.random.pick(&["max", "min", "count"]);
                format!("(SELECT {function}({from}) FROM {} NOT INDEXED)", other.name)
            }
            7 => format!("coalesce({name}, {})", self.value(column.affinity)),
            _ => self.value(column.affinity),
        }
    }

    /// A condition on the rows of a table. Where `hides_columns`, no index can serve it.
    pub(super) fn condition(&mut self, shape: &Shape, hides_columns: bool) -> String {
        let column = self.column_of(shape);
        let name = match hides_columns {
            true => format!("+{}", column.name),
            false => column.name.clone(),
        };
        let value = self.value(column.affinity);
        match self.random.below(22) {
            0 => format!("{name} IS {value}"),
            1 | 2 => format!("{name} > {value}"),
            3 => format!("{name} <= {value}"),
            4 | 5 => {
                let (two, three) = (self.value(column.affinity), self.value(column.affinity));
                format!("{name} IN ({value}, {two}, {three})")
            }
            6 => format!("{name} IS NOT NULL"),
            7 => format!("{name} BETWEEN {value} AND {}", self.value(column.affinity)),
            8 => format!("{name} LIKE '{}'", self.random.pick(&["a%", "_", "%", "2%"])),
            9 => format!("{name} <> {value}"),
            10 | 11 => {
                let other = self.shape();
                let from = self.column_of(&other).name;
                let word = self.random.pick(&["IN", "NOT IN"]);
                format!("{name} {word} (SELECT {from} FROM {})", other.name)
            }
            12 => {
                let other = self.shape();
                let from = self.column_of(&other).name;
                let alias = "o";
                let own = &shape.name;
                format!(
                    "EXISTS (SELECT 1 FROM {} AS {alias} WHERE {alias}.{from} = {own}.{})",
                    other.name, column.name
                )
            }
            14 | 15 => self.row_condition(shape, &name, &column),
            13 => {
                let (one, two) = (self.condition_on(shape, hides_columns), &name);
                format!("({one} OR {two} = {value})")
            }
            _ => format!("{name} = {value}"),
        }
    }

    /// A condition on two columns at once.
    fn row_condition(&mut self, shape: &Shape, name: &str, column: &ShapeColumn) -> String {
        let other = self.column_of(shape);
        let row = format!("({name}, +{})", other.name);
        let mut values =
            || format!("({}, {})", self.value(column.affinity), self.value(other.affinity));
        let (one, two) = (values(), values());
        match self.random.below(4) {
            0 => format!("{row} IS {one}"),
            1 => format!("{row} > {one}"),
            2 => format!("{row} IN (VALUES {one}, {two})"),
            _ => {
                let given = self.shape();
                let (a, b) = (self.column_of(&given).name, self.column_of(&given).name);
                format!("{row} IN (SELECT {a}, {b} FROM {})", given.name)
            }
        }
    }

    fn condition_on(&mut self, shape: &Shape, hides_columns: bool) -> String {
        let column = self.column_of(shape);
        let plus = if hides_columns { "+" } else { "" };
        format!("{plus}{} = {}", column.name, self.value(column.affinity))
    }

    fn filter(&mut self, shape: &Shape) -> String {
        match self.random.chance(10) {
            true => String::new(),
            false => format!(" WHERE {}", self.condition(shape, false)),
        }
    }

    // Changes.

    pub(super) fn or(&mut self) -> String {
        match self.random.chance(25) {
            true => format!("OR {} ", self.random.pick(&RESOLUTIONS)),
            false => String::new(),
        }
    }

    fn returning(&mut self, shape: &Shape) -> String {
        if !self.random.chance(12) {
            return String::new();
        }
        match self.random.below(4) {
            0 => " RETURNING *".to_owned(),
            1 if shape.has_row_ids => " RETURNING rowid, *".to_owned(),
            2 => format!(" RETURNING {} AS one, 1 + 1", self.column_of(shape).name),
            _ => format!(" RETURNING {}", self.column_of(shape).name),
        }
    }

    fn given(&mut self, shape: &Shape) -> Vec<ShapeColumn> {
        let all: Vec<_> =
            shape.columns.iter().filter(|column| !column.is_generated).cloned().collect();
        if self.random.chance(60) {
            return all;
        }
        let mut some: Vec<_> = all.iter().filter(|_| self.random.chance(75)).cloned().collect();
        if some.is_empty() {
            some.push(self.random.pick(&all));
        }
        if self.random.chance(20) {
            some.reverse();
        }
        some
    }

    fn insert(&mut self) -> String {
        if self.random.chance(3) {
            let value = self.value(Affinity::Integer);
            return format!("INSERT INTO v{} VALUES ({value}, 2)", self.random.below(3));
        }
        let shape = self.shape();
        let name = &shape.name;
        let verb = match self.random.chance(6) {
            true => "REPLACE ".to_owned(),
            false => format!("INSERT {}", self.or()),
        };
        if self.random.chance(3) {
            return format!("{verb}INTO {name} DEFAULT VALUES{}", self.returning(&shape));
        }
        let columns = self.given(&shape);
        let is_whole = columns.len() == shape.columns.len() && self.random.chance(50);
        let names = match is_whole {
            true => String::new(),
            false => format!(" ({})", quoted_list(columns.iter().map(|it| it.name.as_str()))),
        };
        let rows = match self.random.chance(15) {
            true => self.given_query(columns.len()),
            false => {
                let mut rows = Vec::new();
                for _ in 0..self.random.weighted(&[(40, 1), (25, 2), (20, 3), (15, 5)]) {
                    let row: Vec<_> = columns.iter().map(|it| self.new_value(it)).collect();
                    rows.push(format!("({})", row.join(", ")));
                }
                format!("VALUES {}", rows.join(", "))
            }
        };
        let upsert = self.upserts(&shape);
        let returning = self.returning(&shape);
        format!("{verb}INTO {name}{names} {rows}{upsert}{returning}")
    }

    /// What a new row has in a column: where it references another one, often what that one has.
    fn new_value(&mut self, column: &ShapeColumn) -> String {
        match &column.references {
            Some((table, referenced)) if self.random.chance(35) => {
                let function = self.random.pick(&["max", "min"]);
                format!("(SELECT {function}({referenced}) FROM {table} NOT INDEXED)")
            }
            Some(_) | None => self.value(column.affinity),
        }
    }

    /// A query that gives rows of so many columns.
    fn given_query(&mut self, width: usize) -> String {
        let from = self.shape();
        let mut columns = Vec::new();
        for _ in 0..width {
            let column = self.column_of(&from);
            columns.push(match self.random.chance(60) {
                true => column.name,
                false => self.expression(&from, &column),
            });
        }
        let condition = self.condition(&from, false);
        format!(
            "SELECT {} FROM {} NOT INDEXED WHERE {condition}{}",
            columns.join(", "),
            from.name,
            from.read_first()
        )
    }

    fn upserts(&mut self, shape: &Shape) -> String {
        let mut text = String::new();
        if !self.random.chance(18) {
            return text;
        }
        for _ in 0..self.random.weighted(&[(80, 1), (20, 2)]) {
            text += " ON CONFLICT";
            if !shape.keys.is_empty() && self.random.chance(80) {
                text += &format!(" ({})", self.random.pick(&shape.keys).join(", "));
            }
            if self.random.chance(35) {
                text += " DO NOTHING";
                continue;
            }
            let column = self.assigned_column(shape);
            let value = match self.random.chance(50) {
                true => format!("excluded.{}", self.excluded(shape, &column).name),
                false => self.expression(shape, &column),
            };
            text += &format!(" DO UPDATE SET {} = {value}", column.name);
            if let Some(key) = shape.keys.first()
                && self.random.chance(20)
            {
                text += &format!(" WHERE excluded.{} IS NOT {}", key[0], self.random.between(1, 6));
            }
        }
        text
    }

    /// A column of the row that could not be inserted, to be assigned to another. Exception E12: where the
    /// row id is taken its values are not converted, so it is one that is converted alike.
    fn excluded(&mut self, shape: &Shape, to: &ShapeColumn) -> ShapeColumn {
        let given = self.column_of(shape);
        match shape.has_row_id_column && given.affinity != to.affinity {
            true => to.clone(),
            false => given,
        }
    }

    fn update(&mut self) -> String {
        if self.random.chance(3) {
            return format!("UPDATE v{} SET p = {}", self.random.below(3), self.random.below(5));
        }
        let shape = self.shape();
        let mut assigned = Vec::new();
        for _ in 0..self.random.weighted(&[(75, 1), (25, 2)]) {
            let column = self.assigned_column(&shape);
            assigned.push(format!("{} = {}", column.name, self.expression(&shape, &column)));
        }
        if self.random.chance(5) {
            let (one, two) = (self.assigned_column(&shape).name, self.column_of(&shape).name);
            let two = if shape.has_row_ids { two } else { one.clone() };
            assigned = vec![format!("({one}, {two}) = ({two}, {one})")];
        }
        // A REPLACE in a table without row ids: as with the assigned columns.
        let or = if shape.has_row_ids { self.or() } else { String::new() };
        let (mut assigned, mut from) = (assigned.join(", "), String::new());
        if self.random.chance(7) {
            // One row, as of several it would be left to chance which is taken.
            let given = self.shape();
            let column = self.column_of(&given).name;
            let function = self.random.pick(&["max", "min", "count"]);
            from = format!(" FROM (SELECT {function}({column}) AS found FROM {}) AS o", given.name);
            assigned = format!("{} = o.found", self.assigned_column(&shape).name);
        }
        let (filter, returning) = (self.filter(&shape), self.returning(&shape));
        format!("UPDATE {or}{} NOT INDEXED SET {assigned}{from}{filter}{returning}", shape.name)
    }

    /// A column to be assigned: not of the key by which the rows of a table without row ids are found
    /// again, as SQLite then finds those that others have become.
    pub(super) fn assigned_column(&mut self, shape: &Shape) -> ShapeColumn {
        let key = shape.keys.first().filter(|_| !shape.has_row_ids).cloned().unwrap_or_default();
        let may_be = |column: &&ShapeColumn| !column.is_generated && !key.contains(&column.name);
        let columns: Vec<_> = shape.columns.iter().filter(may_be).cloned().collect();
        match columns.is_empty() || self.random.chance(1) {
            true => self.column_of(shape),
            false => self.random.pick(&columns),
        }
    }

    fn delete(&mut self) -> String {
        if self.random.chance(3) {
            return format!("DELETE FROM v{} WHERE p > 2", self.random.below(3));
        }
        let shape = self.shape();
        let (filter, returning) = (self.filter(&shape), self.returning(&shape));
        let name = &shape.name;
        format!("DELETE FROM {name} NOT INDEXED{filter}{returning}")
    }

    // Queries.

    fn query(&mut self) -> String {
        let (one, other) = (self.shape(), self.shape());
        let (a, b) = (self.column_of(&one), self.column_of(&other));
        let condition = self.condition(&one, false);
        let (t, u) = (&one.name, &other.name);
        let (a, b) = (&a.name, &b.name);
        match self.random.below(14) {
            0 => format!("SELECT * FROM {t} WHERE {condition}"),
            1 => format!("SELECT {a}, typeof({a}) FROM {t} WHERE {condition} ORDER BY {a}, 2 DESC"),
            2 => format!("SELECT p.{a}, q.{b} FROM {t} AS p JOIN {u} AS q ON p.{a} = q.{b}"),
            3 => format!("SELECT p.{a}, q.{b} FROM {t} AS p LEFT JOIN {u} AS q ON q.{b} = p.{a}"),
            4 => {
                format!("SELECT count(*), sum({a}), count(DISTINCT {a}) FROM {t} WHERE {condition}")
            }
            5 => format!(
                "SELECT quote({a}), count(*) FROM {t} GROUP BY quote({a}) HAVING count(*) > 1"
            ),
            6 => format!("SELECT quote({a}) FROM {t} UNION SELECT quote({b}) FROM {u}"),
            7 => format!(
                "SELECT {a}, (SELECT count(*) FROM {u} WHERE {u}.{b} = o.{a}) FROM {t} AS o"
            ),
            8 => "SELECT changes(), total_changes(), last_insert_rowid()".to_owned(),
            9 => format!("SELECT * FROM v{}", self.random.below(3)),
            10 => format!("SELECT count(*) FROM {t} NATURAL JOIN {u}"),
            11 => format!(
                "WITH w (n) AS (SELECT {a} FROM {t}) SELECT count(w.n), typeof(max(x.n)) FROM w, w AS x"
            ),
            12 => format!("SELECT name, type, pk FROM pragma_table_info('{t}')"),
            _ => format!(
                "SELECT quote({a}) FROM {t} EXCEPT SELECT quote({b}) FROM {u} ORDER BY 1 LIMIT 3"
            ),
        }
    }

    // Control.

    fn control(&mut self) -> String {
        let (begin, end) = if self.in_transaction { (1, 6) } else { (9, 1) };
        let kind = self.random.weighted(&[(begin, 0), (end, 1), (4, 2), (2, 3), (2, 4)]);
        // One that there may be, seldom another.
        if kind == 2 || self.random.chance(15) {
            self.savepoint = self.random.pick(&["s", "r"]);
        }
        let name = self.savepoint;
        match kind {
            0 => self.random.pick(&["BEGIN", "BEGIN", "BEGIN IMMEDIATE"]).to_owned(),
            1 => self.random.pick(&["COMMIT", "COMMIT", "END", "ROLLBACK"]).to_owned(),
            2 => format!("SAVEPOINT {name}"),
            3 => format!("RELEASE {name}"),
            _ => format!("ROLLBACK TO {name}"),
        }
    }

    // Definitions.

    fn definition(&mut self) -> String {
        let shape = self.shape();
        let (name, column) = (shape.name.clone(), self.column_of(&shape).name);
        let number = self.random.below(9);
        match self.random.below(39) {
            0..6 => self.create_index(),
            6..21 => {
                self.is_kept = true;
                let text =
                    if self.random.chance(75) { self.create_trigger() } else { self.create_view() };
                (self.is_kept, self.home) = (false, None);
                text
            }
            21 => format!("DROP TRIGGER {}", self.temporary_trigger()),
            22 => format!("DROP TRIGGER t{}", self.random.below(7)),
            23 => format!("DROP VIEW IF EXISTS v{}", self.random.below(3)),
            24 => format!("DROP INDEX i{}", self.random.below(6)),
            25 | 26 => format!("DROP TABLE {name}"),
            27..30 => {
                let plans = self.plans.clone();
                let plan = self.random.pick(&plans);
                self.create_table(&plan)
            }
            30 | 31 => {
                let mut column =
                    format!("n{number} {}", self.random.pick(&["", "INTEGER", "TEXT"]));
                if self.random.chance(40) {
                    column += &format!(" DEFAULT {}", self.value(Affinity::Integer));
                }
                if self.random.chance(20) {
                    column += " NOT NULL";
                }
                if self.random.chance(20) {
                    column += &format!(" REFERENCES {}", self.shape().name);
                }
                if self.random.chance(10) {
                    column += &format!(" CHECK (n{number} IS NOT 2)");
                }
                format!("ALTER TABLE {name} ADD COLUMN {column}")
            }
            32 | 33 => {
                // A name that other tables have too is not always told apart in views and triggers.
                // Exception E14: of a temporary table that its triggers read no column can be renamed.
                let shapes = &self.shapes;
                let is_own = |it: &&ShapeColumn| {
                    let all = shapes.iter().flat_map(|shape| &shape.columns);
                    all.filter(|other| other.name == it.name).count() == 1
                };
                let own: Vec<_> = shape.columns.iter().filter(is_own).cloned().collect();
                let column = match own.is_empty() || shape.place == Place::Temporary {
                    true => "absent".to_owned(),
                    false => self.random.pick(&own).name,
                };
                format!("ALTER TABLE {name} RENAME COLUMN {column} TO m{number}")
            }
            34 => format!("ALTER TABLE {name} DROP COLUMN {column}"),
            35 | 36 => {
                // Exception E15: a temporary table hides no other one.
                let names: &[&str] = match shape.place {
                    Place::Main => &["f", "g", "h"],
                    Place::Temporary => &["temp_f", "temp_g"],
                    Place::Attached => &["aux_f", "aux_g"],
                };
                format!("ALTER TABLE {name} RENAME TO {}", self.random.pick(names))
            }
            37 => format!(
                "CREATE TABLE h AS SELECT {column}, 1 AS one FROM {name} NOT INDEXED{}",
                shape.read_first()
            ),
            _ => format!("DROP TRIGGER IF EXISTS t{}", self.random.below(7)),
        }
    }

    fn pragma(&mut self) -> String {
        let name = self.shape().name;
        match self.random.below(10) {
            0 if self.may_enforce || self.in_transaction => "PRAGMA foreign_keys = ON".to_owned(),
            1 if self.random.chance(30) => "PRAGMA foreign_keys = OFF".to_owned(),
            2 | 9 if self.in_transaction => "PRAGMA defer_foreign_keys = ON".to_owned(),
            3 => format!("PRAGMA recursive_triggers = {}", self.random.pick(&["ON", "OFF"])),
            4 => format!("PRAGMA foreign_key_list({name})"),
            5 => format!("PRAGMA foreign_key_check({name})"),
            6 => format!("PRAGMA table_info({name})"),
            7 => format!("PRAGMA index_list({name})"),
            8 => "PRAGMA integrity_check".to_owned(),
            _ => "PRAGMA foreign_keys".to_owned(),
        }
    }
}

/// A name as it is written: CREATE TABLE AS makes such as `one:1`.
fn named(name: &str) -> String {
    match name.contains(':') {
        true => format!("\"{name}\""),
        false => name.to_owned(),
    }
}

fn shapes(db: &Database) -> Vec<Shape> {
    let shape = |table: &std::sync::Arc<crate::catalog::TableEntry>| {
        let generated = |at: usize| table.generated.iter().any(|(column, _)| *column == at);
        let references = |at: usize| {
            table.foreign_keys.iter().find_map(|key| {
                let place = key.columns.iter().position(|column| *column == at)?;
                let to = key.resolved()?;
                let referenced = db.catalog().find_by_id(to.table)?;
                let column = named(referenced.column_name(to.columns[place]));
                Some((referenced.name().to_owned(), column))
            })
        };
        let column = |at: usize| ShapeColumn {
            name: named(table.column_name(at)),
            affinity: table.columns[at].affinity,
            is_generated: generated(at),
            references: references(at),
        };
        let key = |names: &[crate::catalog::Name]| names.iter().map(ToString::to_string).collect();
        Shape {
            name: table.name().to_owned(),
            columns: (0..table.columns.len()).map(column).collect(),
            keys: table.definition.keys().iter().map(|found| key(found.columns())).collect(),
            has_row_ids: !table.definition.is_without_row_id(),
            place: Place::of(table.definition.schema()),
            has_row_id_column: table.row_id_column.is_some(),
            is_referencing: !table.foreign_keys.is_empty(),
        }
    };
    let is_own =
        |table: &&std::sync::Arc<crate::catalog::TableEntry>| !table.name().starts_with("sqlite_");
    db.catalog().tables().filter(is_own).map(shape).collect()
}
