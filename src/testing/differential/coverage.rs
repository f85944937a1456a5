//! What a run has tried, and whether that was enough.
//!
//! A *cell* is a referential action for an event, immediate or deferred, within one table or between
//! two. A statement counts for a cell of CASCADE, SET NULL or SET DEFAULT when it went through and
//! that action changed a row. It counts for one of RESTRICT or NO ACTION when that constraint refused
//! it because of referencing rows, or when it went through and vacated a key that a row had referenced
//! before. Deferred means: declared so, or all constraints were deferred.

use super::State;
use super::arbiter::Exception;
use crate::catalog::{Catalog, ForeignKeyEntry, ReferentialAction};
use crate::database::{Database, Done, Enforcement, OnConflict, RowChange, Selector, Statement};
use crate::error::{Error, Event, ViolationKind};
use crate::testing::keys::{referenced_key, referencing_key};
use crate::testing::operation::Operation;
use crate::testing::ways::Ways;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// At least so many of a hundred statements delete, update or replace.
const CHANGING_MIN: usize = 40;
/// At least so many of a hundred statements are about two rows or more.
const MULTI_ROW_MIN: usize = 30;
/// At least so many of a hundred databases have old dangling rows.
const OLD_DANGLING_MIN: usize = 20;
/// At least so many statements a cell, in a run of [`FULL_RUN`] statements; in proportion in a
/// shorter one.
const CELL_MIN: usize = 500;
/// The run that the floor of the cells is meant for.
const FULL_RUN: usize = 500_000;

/// An action, an event, a timing and a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The referential action.
    pub action: ReferentialAction,
    /// Whether the referenced key was updated; else its row was deleted.
    pub is_update: bool,
    /// Whether the constraint was deferred.
    pub is_deferred: bool,
    /// Whether the table references itself.
    pub is_self: bool,
}

/// Counts of one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// INSERT, UPDATE and DELETE.
    pub statements: usize,
    /// Operations of all kinds.
    pub operations: usize,
    /// Statements that went through.
    pub accepted: usize,
    /// Statements that delete, update or replace.
    pub changing: usize,
    /// Statements that give or match two rows or more.
    pub multi_row: usize,
    /// Sequences.
    pub databases: usize,
    /// Sequences in which enforcement was switched on over dangling rows.
    pub with_old_dangling: usize,
    /// Statements per cell.
    pub cells: BTreeMap<Cell, usize>,
    /// Sequences ended by an exception.
    pub exceptions: BTreeMap<Exception, usize>,
    /// Refusals by extended code.
    pub refusals: BTreeMap<i32, usize>,
    /// Deletes by the way they went.
    pub ways: Ways,
    has_old_dangling: bool,
}

impl Coverage {
    /// Notes an operation that was compared.
    #[allow(clippy::too_many_arguments, reason = "one operation is seen from all these sides")]
    pub(super) fn operation(
        &mut self,
        operation: &Operation,
        before: &Catalog,
        state: &State,
        defers_all: bool,
        db: &Database,
        outcome: &Result<(), Error>,
        done: &Option<Done>,
    ) {
        self.operations += 1;
        if let Operation::SetEnforcement(Enforcement::On) = operation
            && !db.is_in_transaction()
            && db.check().map_or(true, |report| report.total > 0)
        {
            self.has_old_dangling = true;
        }
        let Operation::Statement(statement) = operation else { return };
        self.statements += 1;
        self.accepted += usize::from(outcome.is_ok());
        let replaces = match statement {
            Statement::Insert(insert) => matches!(insert.conflict(), OnConflict::Replace),
            Statement::Update(_) | Statement::Delete(_) => true,
        };
        self.changing += usize::from(replaces);
        if let Err(error) = outcome {
            *self.refusals.entry(error.extended_code()).or_default() += 1;
        }
        let Some(table) = before.find_table(statement.table()) else { return };
        let rows_before = state.get(&table.id).map_or(0, Vec::len);
        let rows = match (statement, done) {
            (Statement::Insert(insert), _) => insert.rows_given().len(),
            (Statement::Update(_) | Statement::Delete(_), Some(done)) => done.direct,
            (Statement::Update(update), None) => matched(update.selector(), db, statement),
            (Statement::Delete(delete), None) => matched(delete.selector(), db, statement),
        };
        debug_assert!(rows <= rows_before || matches!(statement, Statement::Insert(_)));
        self.multi_row += usize::from(rows > 1);
        if db.enforcement() == Enforcement::Off {
            return;
        }
        let cells = match (outcome, done) {
            (Ok(()), Some(done)) => acted(before, state, done),
            (Err(Error::Violation(violation)), _) => {
                let is_refused = violation.kind == ViolationKind::Restrict
                    || (violation.kind == ViolationKind::ForeignKey && violation.still_referenced);
                let mut keys = before.tables().flat_map(|table| &table.foreign_keys);
                let key = keys.rfind(|key| key.name == violation.constraint());
                match key.filter(|_| is_refused) {
                    Some(key) => BTreeSet::from([Acted::new(key, violation.event)]),
                    None => BTreeSet::new(),
                }
            }
            _ => BTreeSet::new(),
        };
        for Acted { constraint, is_update } in cells {
            let Some(key) = before.find_constraint(crate::catalog::ConstraintId(constraint)) else {
                continue;
            };
            let cell = Cell {
                action: if is_update { key.update_rule() } else { key.delete_rule() },
                is_update,
                is_deferred: key.is_initially_deferred() || defers_all,
                is_self: key.resolved().is_some_and(|to| to.table == key.table),
            };
            *self.cells.entry(cell).or_default() += 1;
        }
    }

    /// Notes that a sequence has ended.
    pub(super) fn database(&mut self) {
        self.databases += 1;
        self.with_old_dangling += usize::from(std::mem::take(&mut self.has_old_dangling));
    }

    /// Notes that a sequence was ended by an exception.
    pub(super) fn exception(&mut self, exception: Exception) {
        *self.exceptions.entry(exception).or_default() += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        self.statements += other.statements;
        self.operations += other.operations;
        self.accepted += other.accepted;
        self.changing += other.changing;
        self.multi_row += other.multi_row;
        self.databases += other.databases;
        self.with_old_dangling += other.with_old_dangling;
        self.ways.add(&other.ways);
        for (cell, count) in &other.cells {
            *self.cells.entry(*cell).or_default() += count;
        }
        for (exception, count) in &other.exceptions {
            *self.exceptions.entry(*exception).or_default() += count;
        }
        for (code, count) in &other.refusals {
            *self.refusals.entry(*code).or_default() += count;
        }
    }

    /// What the run has tried too seldom; empty if nothing.
    pub fn below_floor(&self) -> Vec<String> {
        let mut low = Vec::new();
        let mut share = |what: &str, count: usize, of: usize, floor: usize| {
            if count * 100 < floor * of {
                low.push(format!("{what}: {count} of {of}, less than {floor} %"));
            }
        };
        share("delete, update, replace", self.changing, self.statements, CHANGING_MIN);
        share("multi-row statements", self.multi_row, self.statements, MULTI_ROW_MIN);
        share("old dangling rows", self.with_old_dangling, self.databases, OLD_DANGLING_MIN);
        let floor = CELL_MIN * self.statements.min(FULL_RUN) / FULL_RUN;
        for cell in Cell::all() {
            let count = self.cells.get(&cell).copied().unwrap_or(0);
            if count < floor {
                low.push(format!("{cell}: {count}, less than {floor}"));
            }
        }
        low.extend(self.ways.below_floor(&self.ways.shares()));
        low
    }
}

/// A constraint that did something, and for which event.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Acted {
    constraint: u32,
    is_update: bool,
}

impl Acted {
    fn new(key: &ForeignKeyEntry, event: Event) -> Self {
        Acted { constraint: key.id.0, is_update: event == Event::Update }
    }
}

/// The rows that a refused statement would have been about.
fn matched(selector: &Selector, db: &Database, statement: &Statement) -> usize {
    db.find(statement.table(), selector.clone()).map_or(0, |rows| rows.len())
}

/// The constraints that acted in a statement that went through.
fn acted(catalog: &Catalog, state: &State, done: &Done) -> BTreeSet<Acted> {
    let mut acted = BTreeSet::new();
    let changes = done.rows.as_deref().unwrap_or_default();
    for table in catalog.tables() {
        for key in &table.foreign_keys {
            let Some(to) = key.resolved() else { continue };
            let Some(referenced) = catalog.find_by_id(to.table) else { continue };
            let of_referenced = |change: &&RowChange| change.table == referenced.name();
            let has_acted = done.by_constraint.iter().any(|entry| {
                key.name == entry.constraint() && entry.table() == table.name() && entry.rows > 0
            });
            if has_acted {
                // Which event it was for is certain only if no other one has vacated a key.
                let vacates = |change: &&RowChange| {
                    let old = change.old.as_ref().and_then(|row| referenced_key(to, row));
                    let new = change.new.as_ref().and_then(|row| referenced_key(to, row));
                    old.is_some() && (change.event == Event::Delete || old != new)
                };
                let events = changes.iter().filter(of_referenced).filter(vacates);
                let events: Vec<Event> = events.map(|change| change.event).collect();
                if !events.is_empty() && events.iter().all(|event| *event == events[0]) {
                    acted.insert(Acted::new(key, events[0]));
                }
            }
            let rows = state.get(&key.table).map(Vec::as_slice).unwrap_or_default();
            for change in changes.iter().filter(of_referenced) {
                let rule = match change.event {
                    Event::Delete => key.delete_rule(),
                    Event::Update => key.update_rule(),
                    Event::Insert | Event::Commit => continue,
                };
                let waits = match rule {
                    ReferentialAction::NoAction | ReferentialAction::Restrict => true,
                    ReferentialAction::Cascade
                    | ReferentialAction::SetNull
                    | ReferentialAction::SetDefault => false,
                };
                let old = change.old.as_ref().and_then(|row| referenced_key(to, row));
                let new = change.new.as_ref().and_then(|row| referenced_key(to, row));
                if waits
                    && old.is_some()
                    && old != new
                    && rows.iter().any(|(_, row)| referencing_key(key, to, row) == old)
                {
                    acted.insert(Acted::new(key, change.event));
                }
            }
        }
    }
    acted
}

impl Cell {
    /// All forty.
    pub fn all() -> impl Iterator<Item = Cell> {
        ReferentialAction::ALL.into_iter().flat_map(|action| {
            (0..8).map(move |bits| Cell {
                action,
                is_update: bits & 4 > 0,
                is_deferred: bits & 2 > 0,
                is_self: bits & 1 > 0,
            })
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { action, is_update, is_deferred, is_self } = self;
        let event = if *is_update { "UPDATE" } else { "DELETE" };
        let timing = if *is_deferred { "deferred" } else { "immediate" };
        let place = if *is_self { "self" } else { "other" };
        write!(f, "ON {event} {action} {timing} {place}")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
        let statements = self.statements;
        writeln!(f, "{statements} statements in {} databases", self.databases)?;
        writeln!(f, "{:5.1} % went through", percent(self.accepted, statements))?;
        writeln!(f, "{:5.1} % delete, update or replace", percent(self.changing, statements))?;
        writeln!(f, "{:5.1} % about several rows", percent(self.multi_row, statements))?;
        let old = percent(self.with_old_dangling, self.databases);
        writeln!(f, "{old:5.1} % of databases with old dangling rows")?;
        for action in ReferentialAction::ALL {
            write!(f, "{:12}", action.to_string())?;
            for cell in Cell::all().filter(|cell| cell.action == action) {
                write!(f, " {:6}", self.cells.get(&cell).copied().unwrap_or(0))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "(ON DELETE immediate other, self, deferred other, self; then ON UPDATE)")?;
        writeln!(f, "{} deletes, by the way they went:", self.ways.deletes)?;
        self.ways.write(f, &self.ways.shares())?;
        let told = [("refused set at a time", self.ways.walks.refused)];
        self.ways.write(f, &told)?;
        writeln!(f, "refusals by code: {:?}", self.refusals)?;
        write!(f, "exceptions: {:?}", self.exceptions)
    }
}
