//! What a row change does to the rows that reference it, and whether the keys hold afterwards.
//!
//! A statement goes through three parts of this module:
//!
//! 1. `executor` changes the statement's own rows and carries out referential actions and programs,
//!    depth first, on an explicit stack. RESTRICT refuses here, at the row.
//! 2. `judge` looks at what the statement has changed and finds the foreign keys that do not hold
//!    *now*. It reads states; it counts nothing up or down.
//! 3. `report` tells from the same record how many rows changed over which constraint.
//!
//! # The rules
//!
//! The numbers are cited where the code follows them.
//!
//! **One relation (R).** A referencing value is converted by the referenced column's affinity and
//! compared in its collation, in lookup, scan, action and check alike.
//!
//! **Order (O).** Each row is finished with all its actions before the next one is touched. Rows
//! are matched first and found again by row id; one that is gone is skipped, one that has changed is
//! read as it is now. Among the constraints that reference a row the newest acts first: tables in
//! reverse order of creation, constraints of one table in reverse order of declaration. Rows of one
//! action go in row id order.
//!
//! **Actions (A).** A.1 CASCADE deletes the referencing row, or gives it the new key. A.2 SET NULL
//! and A.3 SET DEFAULT write every referencing column. A.4 RESTRICT refuses if a row references the
//! old key at this moment, whatever may follow. A.5 NO ACTION does nothing: the judge decides. A.6 An
//! update acts only if the key has really changed under the referenced column's collation. A.7 A key
//! with a NULL references nothing and is referenced by nothing.
//!
//! **Depth (D).** Entering an action (other than NO ACTION) or a program counts one level, whether it
//! finds rows or not. A chain of 1,000 rows passes a limit of 1,000, one of 1,001 does not.
//!
//! **Judgement (J).** Suspects of a statement, per constraint: J.a each row inserted, or updated by
//! a statement or action that *names* a column of the key, even to the same value; J.b each
//! referenced key that a row change has vacated. J.a is violated if the row is live and its key,
//! without a NULL, is held by no live row; J.b if no live row holds the key and some live row
//! references it. Violated immediate constraints refuse the statement; violated deferred ones become
//! outstanding and are judged again at COMMIT. So a row that dangled before and is not touched blocks
//! nothing.
//!
//! **Set at a time (W).** Where order cannot be seen, a DELETE changes rows as sets instead: `walk`
//! has the rule. Rows, counts and errors are the same.
//!
//! # Drawbacks
//!
//! On the exact path, every referencing row of an action is changed by itself and every vacated key
//! is judged by itself. UPDATE, REPLACE and upsert always take it.

/// Whether a deliberately broken executor is switched on; outside of unit tests none exists.
#[cfg(test)]
macro_rules! is_mutant {
    ($name:ident) => {
        $crate::referential::mutant::is($crate::referential::mutant::Mutant::$name)
    };
}
#[cfg(not(test))]
macro_rules! is_mutant {
    ($name:ident) => {
        false
    };
}

mod dialect;
mod effects;
mod executor;
mod judge;
#[cfg(test)]
pub(crate) mod mutant;
mod prepare;
mod program;
mod relation;
mod report;
mod walk;

pub use dialect::{
    ActionOrder, Deferral, DefinitionCheck, Dialect, FailedCommit, FailedStatement, MatchFull,
    SetImmediate,
};
pub use executor::{Assignment, Computed};
pub(crate) use program::Assign;
pub use program::{
    Activation, Attached, Program, ProgramWork, Programs, Start, Step, Stop, Timing, View,
};
pub use report::{ByConstraint, Done, PLAN_SAMPLE_MAX, Plan, PlanStep, RowChange};
pub(crate) use report::{plan, summarize};
pub(crate) use walk::Footprints;
pub use walk::{Walk, Walks};

pub(crate) use judge::{Suspect, judge_outstanding};
pub(crate) use prepare::{
    Depth, Half, Need, check_actions, check_foreign_keys, involves_all_keys, looks_first,
    may_replace,
};
pub(crate) use relation::{is_referenced_key_there, referencing_key};

use crate::catalog::{Catalog, ForeignKeyEntry, ReferentialAction, Resolution};
use crate::error::{Error, Event, FirstRows, NamedRows, Rows, Side, Violation, ViolationKind};
use crate::id::{ConstraintId, FirstRowIds, RowId, RowIds, TableId};
use crate::table::{Counters, Row, Store};
use crate::value::{OrderedKey, Value};
use effects::Effects;
use executor::Executor;
use std::fmt;
use std::sync::Arc;
use walk::{Counts, Walked};

/// Whether foreign keys are acted on at all; SQLite's `PRAGMA foreign_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Enforcement {
    /// They are.
    On,
    /// They are declared, and nothing more.
    Off,
}

/// What a statement is carried out under.
pub(crate) struct Settings<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) programs: &'a Programs,
    pub(crate) dialect: &'a Dialect,
    pub(crate) enforcement: Enforcement,
    /// Whether the defer-all switch is on.
    pub(crate) defers_all: bool,
    /// Whether what enforcement would have done is to be recorded while it is off.
    pub(crate) observes: bool,
    /// Whether deletes may go set at a time, as far as the user is concerned.
    pub(crate) walk: Walk,
    /// Whether a program may start itself, directly or by way of others, and REPLACE programs.
    pub(crate) recursive_programs: bool,
    /// Whether suspects of earlier statements are outstanding.
    pub(crate) remembers: bool,
    /// As they were before the statement: what programs read of them.
    pub(crate) counters: Counters,
    pub(crate) footprints: &'a Footprints,
}

impl Settings<'_> {
    pub(crate) fn enforces(&self) -> bool {
        self.enforcement == Enforcement::On
    }

    /// Whether a constraint is checked at COMMIT, as things are switched.
    pub(crate) fn is_deferred(&self, key: &ForeignKeyEntry) -> bool {
        let covered = match self.dialect.deferral {
            Deferral::All => true,
            Deferral::Deferrable => key.is_deferrable(),
        };
        let is_deferred = key.is_initially_deferred() || (self.defers_all && covered);
        is_deferred && !is_mutant!(DeferredIsImmediate)
    }

    /// Whether every delete takes the exact path: as asked for, because somebody is to be told of each
    /// row, or because what earlier statements have left to check may be seen to by this one.
    fn goes_exactly(&self) -> bool {
        self.walk == Walk::Exact || self.remembers || self.observes
    }

    /// Whether RESTRICT refuses at the row, or waits to be judged like NO ACTION.
    fn restricts(&self) -> bool {
        let waits = self.defers_all && self.dialect.restrict_defers;
        !(waits || is_mutant!(RestrictAtEnd))
    }
}

/// A statement's own work on one table.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Insert these rows, in this order.
    Insert {
        rows: Vec<NewRow>,
        conflict: ConflictClause,
        /// Whether SQLite would look for what the only row references before it is in.
        looks_first: bool,
    },
    /// Assign to these rows, in this order.
    Update { rows: RowIds, assignment: Arc<Assignment>, conflict: ConflictClause },
    /// Delete these rows, in this order.
    Delete { rows: RowIds, runs_programs: bool },
    /// Run the programs that stand for these changes of a view's rows.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "SQL alone has views"))]
    Instead { changes: Vec<Activation>, named: Vec<usize> },
}

/// A row to insert: one value per column, before conversion.
#[derive(Clone, Debug)]
pub(crate) struct NewRow {
    pub(crate) values: Vec<Value>,
    /// In a table where no column is the row id, one may be given.
    pub(crate) row_id: Option<Value>,
}

/// What becomes of a row that breaks a constraint of its own table.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConflictClause {
    /// What the statement says; `None` leaves it to each constraint.
    pub(crate) resolution: Option<Resolution>,
    /// ON CONFLICT … DO …, in order: they come before all that.
    pub(crate) upserts: Arc<[UpsertClause]>,
}

/// ON CONFLICT … DO NOTHING or DO UPDATE.
#[derive(Clone, Debug)]
pub(crate) struct UpsertClause {
    pub(crate) target: ConflictTarget,
    /// What the row in the way becomes; `None` to do nothing.
    pub(crate) update: Option<Arc<dyn Assign>>,
}

impl ConflictClause {
    /// What the statement says, and no upsert.
    pub(crate) fn of(resolution: Option<Resolution>) -> Self {
        ConflictClause { resolution, upserts: Arc::default() }
    }

    /// What becomes of a row that breaks a constraint which itself says this.
    fn resolve(&self, declared: Option<Resolution>) -> Resolution {
        self.resolution.or(declared).unwrap_or_default()
    }

    /// The upsert about the index at this position, and its place among all.
    fn upsert(&self, index: Option<usize>) -> Option<(usize, &UpsertClause)> {
        let covers = |upsert: &UpsertClause| match upsert.target {
            ConflictTarget::Any => true,
            ConflictTarget::Key(key) => key == index,
        };
        self.upserts.iter().enumerate().find(|(_, upsert)| covers(upsert))
    }
}

/// The key that an upsert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConflictTarget {
    /// Whichever.
    Any,
    /// The index at this position of the table's entry; `None` for the row id.
    Key(Option<usize>),
}

/// What was let pass while enforcement was off.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LetPass {
    /// The foreign key.
    pub constraint: String,
    /// What was done to the row.
    pub event: Event,
    /// The action or check that would have come.
    pub kind: LetPassKind,
    /// Rows at the first level: those the action would have changed, or that now dangle.
    pub rows: usize,
    #[cfg_attr(feature = "serde", serde(skip))]
    id: ConstraintId,
}

/// What did not happen because enforcement was off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum LetPassKind {
    /// This action would have run on the rows (RESTRICT: would have refused).
    Action(ReferentialAction),
    /// The rows would have been found to dangle.
    Check,
}

impl LetPass {
    /// Adds to the entry of this statement and constraint, or opens it.
    fn add(
        list: &mut Vec<LetPass>,
        key: &ForeignKeyEntry,
        event: Event,
        kind: LetPassKind,
        rows: usize,
    ) {
        match list.iter_mut().find(|entry| entry.id == key.id && entry.kind == kind) {
            Some(entry) => entry.rows += rows,
            None => list.push(LetPass {
                constraint: key.name.to_string(),
                event,
                kind,
                rows,
                id: key.id,
            }),
        }
    }
}

impl fmt::Display for LetPass {
    /// `hero_team_id_fkey: CASCADE would have acted on 2 rows`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rows) = (&self.constraint, Rows(self.rows));
        match self.kind {
            LetPassKind::Check => write!(f, "{name}: the check would have found {rows}"),
            LetPassKind::Action(ReferentialAction::Restrict) => {
                write!(f, "{name}: RESTRICT would have refused because of {rows}")
            }
            LetPassKind::Action(action) => write!(f, "{name}: {action} would have acted on {rows}"),
        }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Enforcement::On => "on",
            Enforcement::Off => "off",
        })
    }
}

/// A statement that was carried out, or how far it came.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) effects: Effects,
    /// Rows changed set at a time: then there are no effects.
    pub(crate) walked: Option<Counts>,
    /// Ids of the rows that an INSERT added itself.
    pub(crate) inserted: RowIds,
    /// The greatest row id that was found or given for each table with AUTOINCREMENT.
    pub(crate) sequences: Vec<(TableId, RowId)>,
    pub(crate) let_pass: Vec<LetPass>,
    /// Suspects that became outstanding.
    pub(crate) outstanding: Vec<Suspect>,
    /// Rows changed by actions and programs that came to their end, also of a statement that did
    /// not: SQLite adds them to `total_changes()` one action at a time and never takes them back.
    pub(crate) acted: usize,
    /// Why it cannot stand.
    pub(crate) refusal: Option<Error>,
    /// What becomes of what it did up to there.
    pub(crate) resolution: Resolution,
    /// The rows that the statement itself changed, as RETURNING has them.
    pub(crate) returned: Vec<(RowId, Row)>,
}

/// What the caller wants to know of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// How many rows changed over which constraint.
    Counts,
    /// Every row change, in order.
    Rows,
    /// How many, and the rows themselves that the statement changed directly: those of an INSERT or
    /// UPDATE as they are now, those of a DELETE as they were.
    Returning,
}

/// Carries out a statement's work, judges it, and says how it went. Nothing is undone here.
///
/// A delete goes set at a time if only its counts are wanted and rule W lets it; `walks` counts which
/// way it went. A suspect that stands from before takes the exact path, which tells it where its row
/// has gone.
pub(crate) fn run(
    settings: &Settings<'_>,
    store: &mut Store,
    table: TableId,
    work: Work,
    detail: Detail,
    walks: &mut Walks,
) -> Outcome {
    let Work::Delete { rows, runs_programs: true } = &work else {
        return run_exactly(settings, store, table, work, detail);
    };
    if detail != Detail::Counts || settings.goes_exactly() {
        walks.exact += 1;
        return run_exactly(settings, store, table, work, detail);
    }
    let mark = store.mark();
    let (walked, acted, refusal) = match walk::walk(settings, store, table, rows) {
        Walked::Done(counts) => {
            walks.set += 1;
            let acted = counts.by_constraint.iter().map(|(_, _, rows)| rows).sum();
            (counts, acted, None)
        }
        Walked::Refused { error, acted } => {
            walks.refused += 1;
            (Counts::default(), acted, Some(error))
        }
        Walked::FellBack => {
            walks.fallen_back += 1;
            store.undo_to(mark);
            return run_exactly(settings, store, table, work, detail);
        }
        Walked::Exact => {
            walks.exact += 1;
            return run_exactly(settings, store, table, work, detail);
        }
    };
    Outcome {
        effects: Effects::new(mark),
        inserted: RowIds::default(),
        sequences: Vec::new(),
        let_pass: Vec::new(),
        outstanding: Vec::new(),
        acted,
        walked: Some(walked),
        refusal,
        resolution: Resolution::Abort,
        returned: Vec::new(),
    }
}

/// Deletes one row if that is all there is to it, or is refused by RESTRICT at once; `None` if
/// [`run`] has to find out.
pub(crate) fn delete_at_once(
    settings: &Settings<'_>,
    store: &mut Store,
    table: TableId,
    row_id: RowId,
    walks: &mut Walks,
) -> Option<Result<(), Error>> {
    if settings.goes_exactly() {
        return None;
    }
    match walk::walk_alone(settings, store, table, row_id)? {
        Ok(()) => {
            walks.set += 1;
            Some(Ok(()))
        }
        Err(error) => {
            walks.refused += 1;
            Some(Err(error))
        }
    }
}

fn run_exactly(
    settings: &Settings<'_>,
    store: &mut Store,
    table: TableId,
    work: Work,
    detail: Detail,
) -> Outcome {
    let looks_first = matches!(work, Work::Insert { looks_first: true, .. });
    let mut executor = Executor::new(settings, store, detail == Detail::Returning);
    let refusal = executor.run(table, work).err();
    let acted = executor.finished_changes(refusal.is_some());
    let Executor { effects, inserted, sequences, let_pass, resolution, returned, .. } = executor;
    let (outstanding, walked) = (Vec::new(), None);
    let mut outcome = Outcome {
        effects,
        walked,
        inserted,
        sequences,
        let_pass,
        outstanding,
        acted,
        refusal,
        resolution,
        returned,
    };
    // What a statement keeps though it fails must not leave a foreign key that does not hold.
    if outcome.refusal.is_none() || outcome.resolution == Resolution::Fail {
        let failure = outcome.refusal.take();
        judge::judge_statement(settings, store, &mut outcome);
        match &outcome.refusal {
            Some(_) => {
                outcome.resolution = Resolution::Abort;
                if looks_first {
                    outcome.inserted = RowIds::default();
                }
            }
            None => outcome.refusal = failure,
        }
    }
    outcome
}

/// A foreign key's violation with everything that the catalogue knows about it filled in; the rest
/// is for the caller to set.
#[inline]
fn foreign_key_violation(
    catalog: &Catalog,
    kind: ViolationKind,
    key: &ForeignKeyEntry,
    event: Event,
    event_table: TableId,
    rows: NamedRows,
) -> Violation {
    let NamedRows { first, count } = rows;
    Violation {
        side: if event_table == key.table { Side::Own } else { Side::Referenced },
        rows: first,
        row_count: count,
        ..Violation::new(catalog.foreign_key_names(key), kind, event)
    }
}

/// The first of the rows that reference a key, by name, and how many there are.
fn name_referencing(
    catalog: &Catalog,
    store: &Store,
    key: &ForeignKeyEntry,
    value: &OrderedKey,
) -> NamedRows {
    let (count, first) = store.count_referencing(key.table, key.index, value);
    NamedRows { first: name_rows(catalog, store, key.table, first), count }
}

/// These rows, by name.
#[inline]
fn name_rows(catalog: &Catalog, store: &Store, table: TableId, rows: FirstRowIds) -> FirstRows {
    let entry = catalog.by_id(table);
    let key = |row_id: RowId| {
        let row = store.row(table, row_id)?;
        Some(entry.primary_key_of(&row.to_vec()))
    };
    if !entry.is_named_by_row_id() {
        return FirstRows::Keys(rows.iter().filter_map(key).collect());
    }
    FirstRows::Ids(rows)
}
