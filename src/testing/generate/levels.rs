//! Databases whose tables stand in levels, full from the start: a delete at the top goes far.
//!
//! Each table below the first mostly references a table above it over CASCADE, and now and then
//! itself or a second table. Beside them stand tables that nothing references: a few rows that
//! RESTRICT or NO ACTION guards, and rows to be set. So restricted rows lie below cascades, with
//! finished actions before them; a general schema hardly ever has that.
//!
//! Tables are made in any order, since the order of foreign keys is that of actions.

use super::Generator;
use super::schema::{self, Weights};
use crate::catalog::{Column, ForeignKey, ReferentialAction, Table};
use crate::database::{Insert, RowValues};
use crate::expression::lit;
use crate::testing::operation::Operation;
use crate::value::{DataType, Value};

/// What a second foreign key does: all that can get into the way of the first.
const SECOND: Weights = [
    (5, ReferentialAction::NoAction),
    (26, ReferentialAction::Restrict),
    (26, ReferentialAction::Cascade),
    (25, ReferentialAction::SetNull),
    (18, ReferentialAction::SetDefault),
];
/// What a self-reference does.
const OWN: Weights = [
    (4, ReferentialAction::NoAction),
    (30, ReferentialAction::Restrict),
    (44, ReferentialAction::Cascade),
    (16, ReferentialAction::SetNull),
    (6, ReferentialAction::SetDefault),
];

/// The same where nothing but RESTRICT is to refuse: then a walk tells which row it is.
const SECOND_TOLD: Weights = [
    (12, ReferentialAction::NoAction),
    (0, ReferentialAction::Restrict),
    (30, ReferentialAction::Cascade),
    (58, ReferentialAction::SetNull),
    (0, ReferentialAction::SetDefault),
];
const OWN_TOLD: Weights = [
    (3, ReferentialAction::NoAction),
    (0, ReferentialAction::Restrict),
    (97, ReferentialAction::Cascade),
    (0, ReferentialAction::SetNull),
    (0, ReferentialAction::SetDefault),
];

/// What the foreign keys of one database are like.
struct Style {
    second: &'static Weights,
    own: &'static Weights,
    /// Whether actions are never in the way of one another.
    is_told: bool,
}

/// A table with its rows, so far.
struct Level {
    name: String,
    is_text: bool,
    /// Its keys go from 1 to this.
    rows: usize,
}

/// A foreign key of one column, and what its rows hold there.
struct Link {
    column: Column,
    is_unique: bool,
    /// The referenced table.
    to: String,
    /// Another one over the same column.
    second: Option<ForeignKey>,
    values: Vec<Value>,
}

impl Generator {
    /// Plans a database in levels.
    pub(super) fn plan_levels(&mut self) {
        let is_told = self.random.chance(60);
        let style = match is_told {
            true => Style { second: &SECOND_TOLD, own: &OWN_TOLD, is_told },
            false => Style { second: &SECOND, own: &OWN, is_told },
        };
        if is_told && self.triggers == 0 && self.random.chance(80) {
            self.depth_limit = None;
        }
        let mut levels: Vec<Level> = Vec::new();
        let mut tables = Vec::new();
        let mut inserts = Vec::new();
        for at in 0..self.random.between(2, 4) {
            let rows = if at == 0 { self.random.between(3, 8) } else { self.random.between(4, 10) };
            let is_text = self.random.chance(22);
            let level = Level { name: format!("t{at}"), is_text, rows };
            let links = self.links(&levels, &level, &style);
            levels.push(level);
            self.finish(&levels[at], links, &mut tables, &mut inserts);
        }
        let mut pick = |usual, other| match is_told || self.random.chance(80) {
            true => usual,
            false => other,
        };
        let guard = pick(ReferentialAction::Restrict, ReferentialAction::NoAction);
        let set = pick(ReferentialAction::SetNull, ReferentialAction::SetDefault);
        let guards = if is_told { self.random.between(1, 2) } else { self.random.below(2) };
        for at in 0..guards + self.random.below(3) {
            let (action, rows) = match at < guards {
                true => (guard, self.random.between(2, 4)),
                false => (set, self.random.between(2, 6)),
            };
            let level = Level { name: format!("s{at}"), is_text: false, rows };
            // Mostly where other actions come before.
            let to = self.random.below(levels.len()).max(self.random.below(levels.len()));
            let mut links = vec![self.link("f", &levels[to], &level, action, &style)];
            if !is_told && self.random.chance(50) {
                // One is to write what the other one finds its rows by.
                let other = if at < guards { set } else { guard };
                self.share(&levels, &mut links[0], other);
            }
            self.finish(&level, links, &mut tables, &mut inserts);
        }
        let mut planned = Vec::new();
        while !tables.is_empty() {
            planned.push(tables.swap_remove(self.random.below(tables.len())));
        }
        planned.append(&mut inserts);
        self.levels = levels.len();
        self.planned = planned.into();
        self.unenforced = 0;
        self.space = 9;
    }

    /// The foreign keys of a level below these.
    fn links(&mut self, above: &[Level], level: &Level, style: &Style) -> Vec<Link> {
        let mut links = Vec::new();
        if let Some(last) = above.last() {
            let to = if self.random.chance(70) { last } else { &above[0] };
            let action = match self.random.chance(88) {
                true => ReferentialAction::Cascade,
                false => self.random.weighted(style.second),
            };
            links.push(self.link("f", to, level, action, style));
            if self.random.chance(if style.is_told { 20 } else { 45 }) {
                let (to, action) =
                    (self.random.below(above.len()), self.random.weighted(style.second));
                links.push(self.link("g", &above[to], level, action, style));
            } else if !style.is_told && self.random.chance(12) {
                let action = self.random.weighted(style.second);
                self.share(above, &mut links[0], action);
            }
        }
        if self.random.chance(if above.is_empty() { 34 } else { 26 }) {
            let action = self.random.weighted(style.own);
            let mut link = self.link("o", level, level, action, style);
            // Trees: rows reference those that were there before them.
            for (at, value) in link.values.iter_mut().enumerate() {
                let up = if self.random.chance(6) { at + 1 } else { self.random.below(at + 1) };
                *value = if up == 0 { Value::Null } else { key(level.is_text, up) };
            }
            links.push(link);
        }
        links
    }

    /// A foreign key of a column of its own, mostly with rows that others are deleted with.
    fn link(
        &mut self,
        name: &str,
        to: &Level,
        from: &Level,
        action: ReferentialAction,
        style: &Style,
    ) -> Link {
        let data_type = if to.is_text { DataType::Text } else { DataType::Integer };
        let mut column = Column::new(name, data_type).references(to.name.as_str(), "k");
        column = column.on_delete(action).on_update(schema::action(&mut self.random));
        if self.random.chance(25) {
            column = column.mode(schema::mode(&mut self.random));
        }
        let sets_default = action == ReferentialAction::SetDefault;
        if sets_default && self.random.chance(80) {
            column = column.default(lit(key(to.is_text, self.random.between(1, 3))));
        }
        let is_unique = self.random.chance(if sets_default { 40 } else { 4 }) && !style.is_told;
        let is_not_null = self.random.chance(8) && !is_unique && !style.is_told;
        let value = |this: &mut Self, row: usize| match is_unique {
            true if row <= to.rows => key(to.is_text, row),
            false if is_not_null || this.random.chance(90) => {
                key(to.is_text, this.random.between(1, to.rows))
            }
            true | false => Value::Null,
        };
        let values = (1..=from.rows).map(|row| value(self, row)).collect();
        if is_unique {
            column = column.unique();
        }
        if is_not_null {
            column = column.not_null();
        }
        Link { column, is_unique, to: to.name.clone(), second: None, values }
    }

    /// Adds a second foreign key over the same column; its rows satisfy both.
    fn share(&mut self, levels: &[Level], first: &mut Link, action: ReferentialAction) {
        let is_text = first.column.data_type() == DataType::Text;
        let fits = |level: &&Level| level.is_text == is_text && level.name != first.to;
        let fitting: Vec<&Level> = levels.iter().filter(fits).collect();
        if fitting.is_empty() || first.is_unique {
            return;
        }
        let to = self.random.pick(&fitting);
        for value in &mut first.values {
            if !matches!(value, Value::Null) {
                *value = key(is_text, self.random.between(1, 3));
            }
        }
        let foreign_key = ForeignKey::new([first.column.name()], to.name.as_str(), ["k"])
            .on_delete(action)
            .on_update(schema::action(&mut self.random));
        first.second = Some(foreign_key);
    }

    fn finish(
        &mut self,
        level: &Level,
        links: Vec<Link>,
        tables: &mut Vec<Operation>,
        inserts: &mut Vec<Operation>,
    ) {
        let data_type = if level.is_text { DataType::Text } else { DataType::Integer };
        let own = Column::new("k", data_type).primary_key();
        let mut table = Table::new(level.name.as_str()).column(own);
        let row = |at: usize| {
            let values = links.iter().map(|link| link.values[at - 1].clone());
            RowValues::Positional([key(level.is_text, at)].into_iter().chain(values).collect())
        };
        let insert = Insert::into(level.name.as_str()).rows((1..=level.rows).map(row));
        for link in links {
            table = table.column(link.column);
            if let Some(foreign_key) = link.second {
                table = table.foreign_key(foreign_key);
            }
        }
        tables.push(Operation::CreateTable(table));
        inserts.push(Operation::Statement(insert.into()));
    }
}

/// The key of this number.
fn key(is_text: bool, number: usize) -> Value {
    match is_text {
        true => Value::from(((b'a' + (number - 1) as u8) as char).to_string().as_str()),
        false => Value::Integer(number as i64),
    }
}
