//! Databases to delete from, and short sequences of deletes that are tried on copies of them.
//!
//! Schemas lean to the actions that a delete can take set at a time, or to those that it cannot, and
//! some have programs and low limits of depth. A delete is mostly about several rows that others
//! reference, so that actions meet each other's rows.

use super::schema::{self, Weights};
use super::{Generator, Random, Referenced};
use crate::catalog::{Catalog, ReferentialAction, TableEntry};
use crate::database::{Control, Database, Delete, Enforcement, Selector, Timing};
use crate::error::Event;
use crate::expression::{col, lit};
use crate::testing::operation::Operation;
use crate::testing::trigger::{Body, Trigger, Wanted, Where};
use crate::value::Value;

/// Mostly sets that grow.
const CASCADING: Weights = [
    (7, ReferentialAction::NoAction),
    (5, ReferentialAction::Restrict),
    (52, ReferentialAction::Cascade),
    (22, ReferentialAction::SetNull),
    (14, ReferentialAction::SetDefault),
];
/// Mostly rows that are written.
const WRITING: Weights = [
    (5, ReferentialAction::NoAction),
    (4, ReferentialAction::Restrict),
    (25, ReferentialAction::Cascade),
    (36, ReferentialAction::SetNull),
    (30, ReferentialAction::SetDefault),
];
/// Mostly rows that are in the way.
const REFUSING: Weights = [
    (32, ReferentialAction::NoAction),
    (38, ReferentialAction::Restrict),
    (18, ReferentialAction::Cascade),
    (7, ReferentialAction::SetNull),
    (5, ReferentialAction::SetDefault),
];

/// How many actions may nest where there are programs, which may start each other.
const DEPTH_LIMIT_WITH_PROGRAMS: usize = 12;

/// What an operation of a sequence is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing) enum Wish {
    Delete,
    /// INSERT, UPDATE or REPLACE.
    Change,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    RollbackTo,
    DeferAll,
    Switch(Enforcement),
}

impl Generator {
    /// A generator for one database to delete from: its schema comes first.
    pub(in crate::testing) fn for_deletes(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let leanings = [(40, &CASCADING), (24, &WRITING), (18, &REFUSING), (18, &schema::EVENLY)];
        let leaning = random.weighted(&leanings);
        let mut generator = Generator::leaning_to(random, leaning);
        let random = &mut generator.random;
        let is_in_levels = random.chance(54);
        generator.triggers = match is_in_levels {
            true => random.weighted(&[(92, 0), (8, 1)]),
            false => random.weighted(&[(82, 0), (11, 1), (7, 2)]),
        };
        generator.depth_limit = match random.weighted(&[(66, 0), (28, 1), (6, 2)]) {
            0 if generator.triggers > 0 => Some(DEPTH_LIMIT_WITH_PROGRAMS),
            0 => None,
            1 => Some(random.between(3, 6)),
            _ => Some(random.between(0, 2)),
        };
        if is_in_levels {
            generator.plan_levels();
        }
        generator
    }

    /// Whether the schema is still to be made.
    pub(in crate::testing) fn is_planning(&self) -> bool {
        !self.planned.is_empty()
    }

    /// Programs for some of the tables.
    pub(in crate::testing) fn triggers(&mut self, catalog: &Catalog) -> Vec<Trigger> {
        (0..self.triggers).filter_map(|_| self.trigger(catalog)).collect()
    }

    fn trigger(&mut self, catalog: &Catalog) -> Option<Trigger> {
        let table = self.table(catalog)?;
        let body = match self.random.weighted(&[(30, 0), (34, 1), (26, 2), (6, 3), (4, 4)]) {
            0 => Body::Nothing,
            1 => Body::Delete(self.place(&table, catalog)?),
            2 => {
                let rows = self.place(&table, catalog)?;
                let other = catalog.find_table(&rows.table)?;
                let at = self.random.below(other.columns.len());
                let (column, value) = (other.column_name(at).to_owned(), self.value(other, at));
                Body::Update { rows, column, value }
            }
            3 => Body::Ignore,
            _ => Body::Abort,
        };
        let event = self.random.weighted(&[(75, Event::Delete), (25, Event::Update)]);
        let timing = self.random.pick(&[Timing::Before, Timing::After]);
        Some(Trigger { name: self.name("p"), table: table.name().to_owned(), event, timing, body })
    }

    fn place(&mut self, table: &TableEntry, catalog: &Catalog) -> Option<Where> {
        let other = self.table(catalog)?;
        let at = self.random.below(other.columns.len());
        let value = match self.random.chance(60) {
            true => {
                let old = self.random.below(table.columns.len());
                Wanted::Old(table.column_name(old).to_owned())
            }
            false => Wanted::Value(self.value(&other, at)),
        };
        let column = other.column_name(at).to_owned();
        Some(Where { table: other.name().to_owned(), column, value })
    }

    /// How many changes fill the tables at first.
    pub(in crate::testing) fn filling(&mut self) -> usize {
        match self.levels {
            0 => self.random.between(18, 44),
            _ => self.random.below(6),
        }
    }

    /// How many changes come between two rounds of sequences.
    pub(in crate::testing) fn changes(&mut self) -> usize {
        match self.levels {
            0 => self.random.between(0, 4),
            _ => self.random.below(3),
        }
    }

    /// A change of the database between two sequences: rows come and go.
    pub(in crate::testing) fn change(&mut self, db: &Database) -> Operation {
        match self.random.weighted(&[(82, 0), (12, 1), (6, 2)]) {
            0 => self.insert(db.catalog(), db),
            1 => self.update(db.catalog(), db),
            _ => self.delete_several(db),
        }
    }

    /// What a sequence is made of. There is a delete in every one.
    pub(in crate::testing) fn sequence(&mut self) -> Vec<Wish> {
        use Wish::{
            Begin, Change, Commit, DeferAll, Delete, Rollback, RollbackTo, Savepoint, Switch,
        };
        let off = Switch(Enforcement::Off);
        let on = Switch(Enforcement::On);
        let sequences: [(usize, &[Wish]); 9] = [
            (60, &[Delete]),
            (8, &[Begin, Delete, Rollback]),
            (6, &[Begin, DeferAll, Delete, Delete, Rollback]),
            (5, &[Begin, Delete, Change, Delete, Delete, Commit]),
            (6, &[Savepoint, Delete, RollbackTo, Delete, Commit]),
            (4, &[Begin, Change, Savepoint, Delete, Change, Delete, RollbackTo, Delete, Commit]),
            (
                4,
                &[Begin, Delete, Savepoint, DeferAll, Delete, RollbackTo, Change, Delete, Rollback],
            ),
            (4, &[off, Delete, Delete, on, Delete]),
            (3, &[off, Begin, Delete, Change, Delete, Rollback]),
        ];
        self.random.weighted(&sequences).to_vec()
    }

    /// An operation of this kind.
    pub(in crate::testing) fn fulfil(&mut self, wish: Wish, db: &Database) -> Operation {
        match wish {
            Wish::Delete => self.delete_several(db),
            Wish::Change => match self.random.chance(55) {
                true => self.insert(db.catalog(), db),
                false => self.update(db.catalog(), db),
            },
            Wish::Begin => Operation::Control(Control::Begin),
            Wish::Commit => Operation::Control(Control::Commit),
            Wish::Rollback => Operation::Control(Control::Rollback),
            Wish::Savepoint => Operation::Control(Control::Savepoint("s1".to_owned())),
            Wish::RollbackTo => Operation::Control(Control::RollbackTo("s1".to_owned())),
            Wish::DeferAll => Operation::SetDeferAll(true),
            Wish::Switch(enforcement) => Operation::SetEnforcement(enforcement),
        }
    }

    /// A delete of one to three rows of a table in levels, mostly not the last.
    fn delete_above(&mut self, db: &Database) -> Option<Operation> {
        let level = self.random.below(self.levels).min(self.random.below(self.levels));
        let table = format!("t{level}");
        let rows = db.find(&table, Selector::All).ok().filter(|rows| !rows.is_empty())?;
        let count = self.random.weighted(&[(22, 1), (38, 2), (40, 3)]);
        let mut value = || lit(rows[self.random.below(rows.len())].1[0].clone());
        let values: Vec<_> = (0..count).map(|_| value()).collect();
        let delete = Delete::from(table).filter(col("k").in_list(values));
        Some(Operation::Statement(delete.into()))
    }

    /// A delete that is mostly about several rows.
    fn delete_several(&mut self, db: &Database) -> Operation {
        let catalog = db.catalog();
        if self.levels > 0
            && self.random.chance(65)
            && let Some(delete) = self.delete_above(db)
        {
            return delete;
        }
        let picked = match self.random.chance(72) {
            true => self.referenced(catalog, db),
            false => None,
        };
        if let Some(Referenced { table, at, mut values }) = picked {
            while self.random.chance(64) {
                values.push(self.value(&table, at));
            }
            let filter = col(table.column_name(at)).in_list(values.into_iter().map(lit));
            return Operation::Statement(Delete::from(table.name()).filter(filter).into());
        }
        let Some(table) = self.table(catalog) else { return self.create() };
        let delete = Delete::from(table.name());
        let rows = db.find(table.name(), Selector::All).unwrap_or_default();
        let delete = match self.random.weighted(&[(22, 0), (16, 1), (42, 2), (20, 3)]) {
            0 => delete,
            1 if !rows.is_empty() => delete.filter(rows[self.random.below(rows.len())].0),
            2 if !rows.is_empty() => {
                let at = self.random.below(table.columns.len());
                let count = self.random.between(3, 7);
                let mut value = || rows[self.random.below(rows.len())].1[at].clone();
                let values: Vec<Value> = (0..count).map(|_| value()).collect();
                delete.filter(col(table.column_name(at)).in_list(values.into_iter().map(lit)))
            }
            _ => delete.filter(self.predicate(&table)),
        };
        Operation::Statement(delete.into())
    }
}
