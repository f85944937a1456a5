//! What a statement did: one record per row change, beside storage's log of the same changes.
//!
//! A change belongs to a *step*: the statement itself, or one constraint acting on the rows that an
//! earlier step changed. A constraint that acts again below its own rows stays in its step, so a
//! chain of a million rows is one step, and there are no more steps than ways through the
//! constraints without walking one twice. Each change also names the change that caused it, which
//! is how the path of a violation is walked back.

use crate::catalog::Catalog;
use crate::error::{Event, Hop, PATH_HOPS_MAX, Path, Reached};
use crate::id::{ConstraintId, RowId, TableId};
use crate::table::{Change, Mark, RowRef, Store};
use std::collections::HashMap;
use std::sync::Arc;

/// Position of a step in [`Effects::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StepId(pub(crate) u32);

/// Position of a change in [`Effects::changes`]; `None` for what the statement itself does.
pub(crate) type Cause = Option<u32>;

/// Why the rows of a step change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StepKind {
    /// The statement says so.
    Direct,
    /// A foreign key's action.
    Constraint(ConstraintId),
    /// They stood in the way of a REPLACE.
    Replaced,
    /// A program says so.
    Program(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StepRecord {
    pub(crate) kind: StepKind,
    pub(crate) event: Event,
    pub(crate) table: TableId,
    /// The step whose rows this one followed; `None` for the statement itself.
    pub(crate) origin: Option<StepId>,
    /// The columns that an update of this step names.
    pub(crate) named: Arc<[usize]>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ChangeRecord {
    pub(crate) step: StepId,
    pub(crate) cause: Cause,
}

/// The record of one statement, from its mark on.
#[derive(Clone, Debug)]
pub(crate) struct Effects {
    /// Where the statement began. Change k of `changes` is entry k of the log since then.
    pub(crate) base: Mark,
    pub(crate) steps: Vec<StepRecord>,
    pub(crate) changes: Vec<ChangeRecord>,
    by_record: HashMap<StepRecord, StepId>,
}

impl Effects {
    pub(crate) fn new(base: Mark) -> Self {
        Effects { base, steps: Vec::new(), changes: Vec::new(), by_record: HashMap::new() }
    }

    /// The step for this kind of change below `origin`: an ancestor if the same one acts there
    /// already, else the one that another row of `origin` has opened, else a new one.
    pub(crate) fn step(&mut self, step: StepRecord) -> StepId {
        let mut ancestor = step.origin;
        while let Some(id) = ancestor {
            let candidate = &self.steps[id.0 as usize];
            let same = candidate.kind == step.kind && candidate.event == step.event;
            if same && candidate.table == step.table && candidate.named == step.named {
                return id;
            }
            ancestor = candidate.origin;
        }
        if let Some(id) = self.by_record.get(&step) {
            return *id;
        }
        let id = StepId(self.steps.len() as u32);
        self.by_record.insert(step.clone(), id);
        self.steps.push(step);
        id
    }

    pub(crate) fn record(&mut self, step: StepId, cause: Cause) -> Cause {
        self.changes.push(ChangeRecord { step, cause });
        Some((self.changes.len() - 1) as u32)
    }

    pub(crate) fn step_of(&self, change: &ChangeRecord) -> &StepRecord {
        &self.steps[change.step.0 as usize]
    }

    /// The way from the statement's own row to the row changed by `cause`, and on to `last`.
    pub(crate) fn path(
        &self,
        catalog: &Catalog,
        store: &Store,
        cause: Cause,
        last: Option<Hop>,
    ) -> Path {
        let mut back = Vec::new();
        let mut at = cause;
        while let Some(change) = at {
            back.push(change);
            at = self.changes[change as usize].cause;
        }
        let length = back.len() + usize::from(last.is_some());
        let log = store.changes_since(self.base);
        let hop = |&change: &u32| self.hop(catalog, store, change, &log[change as usize]);
        let half = PATH_HOPS_MAX / 2;
        let mut hops: Vec<Hop> = if length <= PATH_HOPS_MAX {
            back.iter().rev().map(hop).collect()
        } else {
            let tail = half - usize::from(last.is_some());
            back.iter().rev().take(half).chain(back[..tail].iter().rev()).map(hop).collect()
        };
        hops.extend(last);
        Path { hops, length }
    }

    /// How the row changed by `cause` was reached: the same, told in short where it is short.
    pub(crate) fn reached(&self, catalog: &Catalog, store: &Store, cause: Cause) -> Reached {
        if let Some(change) = cause
            && let record = &self.changes[change as usize]
            && let step = self.step_of(record)
            && record.cause.is_none()
            && step.kind == StepKind::Direct
            && catalog.by_id(step.table).is_named_by_row_id()
            && let Some(row_id) = match &store.changes_since(self.base)[change as usize] {
                Change::Inserted { row_id, .. } => {
                    store.row(step.table, *row_id).is_some().then_some(*row_id)
                }
                Change::Deleted { row_id, .. } => Some(*row_id),
                Change::Updated(update) => Some(store.updated(*update).old_id),
                Change::Swept(_) | Change::Nulled | Change::Created(_) | Change::Tables(_) => None,
            }
        {
            return Reached::Directly(row_id.0);
        }
        self.path(catalog, store, cause, None).into()
    }

    fn hop(&self, catalog: &Catalog, store: &Store, change: u32, logged: &Change) -> Hop {
        let step = self.step_of(&self.changes[change as usize]);
        let table = catalog.by_id(step.table);
        let constraint = match &step.kind {
            StepKind::Direct => None,
            StepKind::Constraint(id) => Some(catalog.constraint(*id).name.to_string()),
            StepKind::Replaced => Some("REPLACE".to_owned()),
            StepKind::Program(name) => Some(name.to_string()),
        };
        let (row_id, row) = match logged {
            Change::Inserted { row_id, .. } => (*row_id, store.row(table.id, *row_id)),
            Change::Deleted { row_id, .. } => (*row_id, store.before(logged)),
            Change::Updated(update) => (store.updated(*update).old_id, store.before(logged)),
            Change::Swept(_) | Change::Nulled | Change::Created(_) | Change::Tables(_) => {
                (RowId(0), None)
            }
        };
        let row = table.row_name(row_id, row.map(RowRef::to_vec).as_deref());
        Hop { constraint, table: table.name().to_owned(), row }
    }
}
