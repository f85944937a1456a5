//! The executor: every row change of a statement, in the dialect's order, without recursion.
//!
//! Work stands on a stack of frames. `Frame::Rows` is a list of rows still to be changed in one way;
//! `Frame::Row` is one row change in progress; `Frame::Program` is a program being pulled. One row
//! change goes through these stages, each of which may push frames that are finished first, which
//! makes the walk depth first:
//!
//! 1. BEFORE programs.
//! 2. The change. The row is found again by its id; one that is gone is skipped. A conflict clause
//!    may first push the deletion of rows that are in the way.
//! 3. For each foreign key that references the row's table, newest first: the action on the rows
//!    that reference the old key. RESTRICT refuses here, at the row.
//! 4. AFTER programs.
//!
//! A frame with nothing left to do is dropped before the next one is pushed, so a chain of
//! references takes one frame however long it is. Depth (nested actions and programs entered,
//! whether they find rows or not) is therefore carried along and not read off the stack.

use super::effects::{Cause, Effects, StepId, StepKind, StepRecord, row_name};
use super::program::{Activation, Attached, Program, Step, Timing, View};
use super::relation::{find_referenced, find_referencing, referenced_key, referencing_key};
use super::{ActionOrder, ConflictClause, LetPass, LetPassKind, NewRow, Settings, Work};
use crate::catalog::{ForeignKeyEntry, ReferentialAction, TableEntry};
use crate::error::{
    DepthError, Error, Event, Hop, InputError, RowName, VIOLATION_ROWS_MAX, Violation, ViolationKind,
};
use crate::expression::{Bound, Scope};
use crate::id::{ConstraintId, RowId, TableId};
use crate::storage::{Row, Store};
use crate::table::{self, Conflict, NullPolicy, Prepared, Refusal};
use crate::value::{OrderedKey, Value};
use std::sync::Arc;

/// What the columns of an update become.
#[derive(Clone, Debug)]
pub enum Assignment {
    /// These values.
    Values(Vec<(usize, Value)>),
    /// These expressions, over the current row.
    Expressions(Vec<(usize, Bound)>),
}

impl Assignment {
    /// The positions assigned, in order.
    pub fn columns(&self) -> Vec<usize> {
        match self {
            Assignment::Values(values) => values.iter().map(|(position, _)| *position).collect(),
            Assignment::Expressions(list) => list.iter().map(|(position, _)| *position).collect(),
        }
    }

    fn evaluate(&self, scope: &dyn Scope) -> Vec<(usize, Value)> {
        match self {
            Assignment::Values(values) => values.clone(),
            Assignment::Expressions(list) => {
                list.iter().map(|(position, value)| (*position, value.evaluate(scope))).collect()
            }
        }
    }
}

enum Frame {
    Rows(RowsFrame),
    Row(Box<RowFrame>),
    Program(ProgramFrame),
}

/// Where a frame stands in the statement.
#[derive(Clone, Copy)]
struct Place {
    step: StepId,
    cause: Cause,
    /// Actions and programs entered on the way here.
    depth: usize,
    table: TableId,
}

/// Rows still to be changed, all in one way.
struct RowsFrame {
    place: Place,
    rows: std::vec::IntoIter<RowId>,
    how: How,
}

#[derive(Clone)]
enum How {
    Delete,
    Update(Arc<Assignment>, ConflictClause),
}

/// One row change in progress.
struct RowFrame {
    place: Place,
    work: RowWork,
    stage: Stage,
}

enum RowWork {
    Insert { values: Vec<Value>, conflict: ConflictClause },
    Update { row_id: RowId, assignment: Arc<Assignment>, values: Option<Vec<(usize, Value)>>, conflict: ConflictClause },
    Delete { row_id: RowId, runs_programs: bool },
}

#[derive(Clone)]
enum Stage {
    Before(usize),
    Change,
    Constraints(usize, Changed),
    After(usize, Changed),
}

/// A row change that has happened.
#[derive(Clone)]
struct Changed {
    change: Cause,
    old: Option<(RowId, Row)>,
    new: Option<(RowId, Row)>,
}

struct ProgramFrame {
    name: Arc<str>,
    place: Place,
    program: Box<dyn Program>,
    /// How many frames were below it when it started: what RAISE(IGNORE) returns to.
    below: usize,
}

/// What a row's turn has come to.
enum Turn {
    /// The change has happened, or will after other frames: go on with the row's stages.
    Goes(Changed),
    /// Other frames come first; the row waits on the stack.
    Waits,
    /// The row is skipped.
    Skipped,
}

pub(super) struct Executor<'a> {
    settings: &'a Settings<'a>,
    store: &'a mut Store,
    stack: Vec<Frame>,
    pub(super) effects: Effects,
    pub(super) let_pass: Vec<LetPass>,
    pub(super) inserted: Vec<RowId>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(settings: &'a Settings<'a>, store: &'a mut Store) -> Self {
        let effects = Effects::new(store.mark());
        Executor { settings, store, stack: Vec::new(), effects, let_pass: Vec::new(), inserted: Vec::new() }
    }

    /// Carries out a statement's own work and all that follows from it.
    ///
    /// # Errors
    /// The first refusal met. What was done up to then is in the store and in the effects, for the
    /// caller to report and undo.
    pub(super) fn run(&mut self, table: TableId, work: Work) -> Result<(), Error> {
        let (event, named) = match &work {
            Work::Insert { .. } => (Event::Insert, Vec::new()),
            Work::Update { assignment, .. } => (Event::Update, assignment.columns()),
            Work::Delete { .. } => (Event::Delete, Vec::new()),
        };
        let step = self.open_step(StepKind::Direct, event, table, None, named);
        let place = Place { step, cause: None, depth: 0, table };
        match work {
            Work::Insert { rows, conflict } => {
                for NewRow { values } in rows {
                    let work = RowWork::Insert { values, conflict: conflict.clone() };
                    self.stack.push(Frame::Row(RowFrame::new(place, work)));
                    self.drain()?;
                }
                Ok(())
            }
            Work::Update { rows, assignment, conflict } => {
                self.push_rows(place, rows, How::Update(assignment, conflict));
                self.drain()
            }
            Work::Delete { rows, runs_programs: true } => {
                self.push_rows(place, rows, How::Delete);
                self.drain()
            }
            Work::Delete { rows, runs_programs: false } => {
                for row_id in rows {
                    let work = RowWork::Delete { row_id, runs_programs: false };
                    self.stack.push(Frame::Row(RowFrame::new(place, work)));
                    self.drain()?;
                }
                Ok(())
            }
        }
    }

    fn drain(&mut self) -> Result<(), Error> {
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Rows(rows) => self.next_row(rows)?,
                Frame::Row(row) => self.advance(row)?,
                Frame::Program(program) => self.pull(program)?,
            }
        }
        Ok(())
    }

    fn next_row(&mut self, mut frame: RowsFrame) -> Result<(), Error> {
        let Some(row_id) = frame.rows.next() else { return Ok(()) };
        let (place, how) = (frame.place, frame.how.clone());
        if !frame.rows.as_slice().is_empty() {
            self.stack.push(Frame::Rows(frame));
        }
        let work = match how {
            How::Delete => RowWork::Delete { row_id, runs_programs: true },
            How::Update(assignment, conflict) => {
                RowWork::Update { row_id, assignment, values: None, conflict }
            }
        };
        self.advance(Box::new(RowFrame { place, work, stage: Stage::Before(0) }))
    }

    /// Takes one row change as far as it goes before another frame must run.
    fn advance(&mut self, mut frame: Box<RowFrame>) -> Result<(), Error> {
        loop {
            match frame.stage.clone() {
                Stage::Before(position) => {
                    if !self.fix_values(&mut frame) {
                        return Ok(());
                    }
                    match self.attached(&frame, Timing::Before, position) {
                        Some(program) => {
                            let activation = self.activation_before(&frame);
                            frame.stage = Stage::Before(position + 1);
                            return self.enter_program(Some(frame), program, activation);
                        }
                        None => frame.stage = Stage::Change,
                    }
                }
                Stage::Change => match self.change(&mut frame)? {
                    Turn::Goes(changed) => frame.stage = Stage::Constraints(0, changed),
                    Turn::Waits => {
                        // The frames in the way are above; this row comes back to the same stage.
                        let deletions = self.stack.pop();
                        self.stack.push(Frame::Row(frame));
                        self.stack.extend(deletions);
                        return Ok(());
                    }
                    Turn::Skipped => return Ok(()),
                },
                Stage::Constraints(position, changed) => {
                    match self.next_action(&frame, position, &changed)? {
                        None => frame.stage = Stage::After(0, changed),
                        Some((next, rows)) => {
                            frame.stage = Stage::Constraints(next, changed);
                            if !self.is_finished(&frame) {
                                self.stack.push(Frame::Row(frame));
                            }
                            self.stack.push(Frame::Rows(rows));
                            return Ok(());
                        }
                    }
                }
                Stage::After(position, changed) => {
                    let Some(program) = self.attached(&frame, Timing::After, position) else {
                        return Ok(());
                    };
                    let activation = Activation {
                        table: frame.place.table,
                        event: frame.event(),
                        old: changed.old.clone(),
                        new: changed.new.clone().map(|(id, row)| (Some(id), row)),
                    };
                    frame.place.cause = changed.change;
                    let has_more = self.attached(&frame, Timing::After, position + 1).is_some();
                    frame.stage = Stage::After(position + 1, changed);
                    let (place, event) = (frame.place, frame.event());
                    return match has_more {
                        true => self.enter_program(Some(frame), program, activation),
                        false => self.enter_program_at(place, event, program, activation),
                    };
                }
            }
        }
    }

    // Stage 1 and 4: programs.

    /// An update's values are those of the row before any BEFORE program has run. `false`: the row
    /// is gone already.
    fn fix_values(&mut self, frame: &mut RowFrame) -> bool {
        let table = frame.place.table;
        match &mut frame.work {
            RowWork::Insert { .. } => true,
            RowWork::Delete { row_id, .. } => self.store.row(table, *row_id).is_some(),
            RowWork::Update { row_id, assignment, values, .. } => {
                let Some(row) = self.store.row(table, *row_id) else { return false };
                if values.is_none() {
                    *values = Some(assignment.evaluate(&**row));
                }
                true
            }
        }
    }

    fn attached(&self, frame: &RowFrame, timing: Timing, position: usize) -> Option<Attached> {
        if matches!(frame.work, RowWork::Delete { runs_programs: false, .. }) {
            return None;
        }
        let mut programs = self.settings.programs.of(frame.place.table, frame.event(), timing);
        programs.nth(position).cloned()
    }

    fn activation_before(&self, frame: &RowFrame) -> Activation {
        let table = frame.place.table;
        let old = |row_id: RowId| self.store.row(table, row_id).map(|row| (row_id, row.clone()));
        let (old, new) = match &frame.work {
            RowWork::Insert { values, .. } => (None, Some((None, values.clone().into()))),
            RowWork::Delete { row_id, .. } => (old(*row_id), None),
            RowWork::Update { row_id, values, .. } => {
                let mut new = old(*row_id).map(|(_, row)| row.to_vec()).unwrap_or_default();
                for (position, value) in values.iter().flatten() {
                    new[*position] = value.clone();
                }
                (old(*row_id), Some((Some(*row_id), new.into())))
            }
        };
        Activation { table, event: frame.event(), old, new }
    }

    fn enter_program(
        &mut self,
        waiting: Option<Box<RowFrame>>,
        program: Attached,
        activation: Activation,
    ) -> Result<(), Error> {
        let Some(frame) = waiting else { return Ok(()) };
        let (place, event) = (frame.place, frame.event());
        self.stack.push(Frame::Row(frame));
        let below = self.stack.len() - 1;
        self.push_program(place, event, program, activation, below)
    }

    /// The row's last program: the row itself has nothing left to wait for.
    fn enter_program_at(
        &mut self,
        place: Place,
        event: Event,
        program: Attached,
        activation: Activation,
    ) -> Result<(), Error> {
        let below = self.stack.len();
        self.push_program(place, event, program, activation, below)
    }

    fn push_program(
        &mut self,
        place: Place,
        _event: Event,
        program: Attached,
        activation: Activation,
        below: usize,
    ) -> Result<(), Error> {
        let depth = self.enter(place)?;
        let running = (program.start)(&activation);
        let place = Place { depth, ..place };
        self.stack.push(Frame::Program(ProgramFrame { name: program.name, place, program: running, below }));
        Ok(())
    }

    fn pull(&mut self, mut frame: ProgramFrame) -> Result<(), Error> {
        let view = View { catalog: self.settings.catalog, store: self.store };
        let step = frame.program.step(&view);
        let (table, event, named) = match &step {
            Step::Done => return Ok(()),
            Step::Ignore => {
                self.stack.truncate(frame.below);
                return Ok(());
            }
            Step::Abort(message) => return Err(Error::Aborted(message.clone())),
            Step::Insert { table, .. } => (*table, Event::Insert, Vec::new()),
            Step::Delete { table, .. } => (*table, Event::Delete, Vec::new()),
            Step::Update { table, assignments, .. } => {
                (*table, Event::Update, assignments.iter().map(|(position, _)| *position).collect())
            }
        };
        self.check_program_step(&frame.name, &step, table)?;
        let kind = StepKind::Program(frame.name.clone());
        let step_id = self.open_step(kind, event, table, Some(frame.place.step), named);
        let place = Place { step: step_id, table, ..frame.place };
        self.stack.push(Frame::Program(frame));
        match step {
            Step::Insert { row: values, .. } => {
                let work = RowWork::Insert { values, conflict: ConflictClause::Abort };
                self.stack.push(Frame::Row(RowFrame::new(place, work)));
            }
            Step::Update { rows, assignments, .. } => {
                let assignment = Arc::new(Assignment::Values(assignments));
                self.push_rows(place, rows, How::Update(assignment, ConflictClause::Abort));
            }
            Step::Delete { rows, .. } => self.push_rows(place, rows, How::Delete),
            Step::Done | Step::Ignore | Step::Abort(_) => {}
        }
        Ok(())
    }

    /// A program is foreign code: what it asks for may name what is not there.
    fn check_program_step(&self, name: &str, step: &Step, table: TableId) -> Result<(), Error> {
        let Some(entry) = self.settings.catalog.find_by_id(table) else {
            return Err(Error::Aborted(format!("program \"{name}\" names a table that is gone")));
        };
        let width = entry.columns.len();
        let fits = match step {
            Step::Insert { row, .. } => row.len() == width,
            Step::Update { assignments, .. } => assignments.iter().all(|(at, _)| *at < width),
            Step::Delete { .. } | Step::Done | Step::Ignore | Step::Abort(_) => true,
        };
        if fits {
            return Ok(());
        }
        let message = format!("program \"{name}\" gives table \"{}\" a row it does not fit", entry.name());
        Err(Error::Aborted(message))
    }

    // Stage 2: the change.

    fn change(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        match &frame.work {
            RowWork::Delete { row_id, .. } => Ok(self.delete(frame.place, *row_id)),
            RowWork::Insert { .. } => self.insert(frame),
            RowWork::Update { .. } => self.update(frame),
        }
    }

    fn delete(&mut self, place: Place, row_id: RowId) -> Turn {
        let Some(row) = self.store.row(place.table, row_id).cloned() else { return Turn::Skipped };
        table::delete(self.store, self.settings.catalog.by_id(place.table), row_id);
        let change = self.effects.record(place.step, place.cause);
        Turn::Goes(Changed { change, old: Some((row_id, row)), new: None })
    }

    fn insert(&mut self, frame: &RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Insert { values, conflict } = &frame.work else { return Ok(Turn::Skipped) };
        let prepared = table::prepare_insert(self.store, entry, values.clone(), conflict.null_policy());
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(place, Event::Insert, refusal, conflict),
        };
        if let Some(found) = table::find_conflict(self.store, entry, &prepared, None, None) {
            return self.resolve_conflict(place, Event::Insert, found, prepared, conflict);
        }
        let new = (prepared.row_id, prepared.row.clone());
        table::insert(self.store, entry, prepared);
        if self.effects.steps[place.step.0 as usize].kind == StepKind::Direct {
            self.inserted.push(new.0);
        }
        let change = self.effects.record(place.step, place.cause);
        Ok(Turn::Goes(Changed { change, old: None, new: Some(new) }))
    }

    fn update(&mut self, frame: &RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Update { row_id, assignment, values, conflict } = &frame.work else {
            return Ok(Turn::Skipped);
        };
        let Some(old) = self.store.row(place.table, *row_id).cloned() else {
            return Ok(Turn::Skipped);
        };
        let assigned = values.clone().unwrap_or_else(|| assignment.evaluate(&*old));
        let prepared = table::prepare_update(entry, *row_id, &old, &assigned, conflict.null_policy());
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(place, Event::Update, refusal, conflict),
        };
        let named = self.effects.steps[place.step.0 as usize].named.clone();
        let found = table::find_conflict(self.store, entry, &prepared, Some(*row_id), Some(&named));
        if let Some(found) = found {
            return self.resolve_conflict(place, Event::Update, found, prepared, conflict);
        }
        let new = (prepared.row_id, prepared.row.clone());
        table::update(self.store, entry, *row_id, prepared);
        let change = self.effects.record(place.step, place.cause);
        let changed = Changed { change, old: Some((*row_id, old)), new: Some(new) };
        if self.settings.dialect.set_default_recheck {
            self.recheck_set_default(place, &changed)?;
        }
        Ok(Turn::Goes(changed))
    }

    /// A dialect may look at once whether the default that SET DEFAULT wrote is there.
    fn recheck_set_default(&self, place: Place, changed: &Changed) -> Result<(), Error> {
        let step = &self.effects.steps[place.step.0 as usize];
        let StepKind::Constraint(id) = step.kind else { return Ok(()) };
        let key = self.settings.catalog.constraint(id);
        let event = place.cause.map(|cause| self.effects.changes[cause as usize]);
        let origin = event.map(|change| self.effects.step_of(&change).event);
        let rule = match origin {
            Some(Event::Delete) => key.delete_rule(),
            Some(Event::Update | Event::Insert | Event::Commit) | None => key.update_rule(),
        };
        let (Some(to), Some((row_id, row))) = (key.resolved(), &changed.new) else { return Ok(()) };
        let wanted = referencing_key(key, to, row);
        match wanted.filter(|wanted| find_referenced(self.store, to, wanted).is_none()) {
            Some(_) if rule == ReferentialAction::SetDefault => {
                let columns = key.columns.clone();
                let values = columns.iter().map(|&position| row[position].clone()).collect();
                let entry = self.settings.catalog.by_id(key.table);
                let rows = vec![row_name(entry, *row_id, Some(row))];
                let mut violation =
                    self.foreign_key_violation(ViolationKind::ForeignKey, key, Event::Update, key.table, rows, 1);
                violation.columns = entry.column_names(&columns);
                violation.key = values;
                violation.path = self.effects.path(self.settings.catalog, self.store, changed.change, None);
                Err(Error::Violation(Box::new(violation)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A key is taken: the conflict clause decides.
    fn resolve_conflict(
        &mut self,
        place: Place,
        event: Event,
        found: Conflict,
        prepared: Prepared,
        conflict: &ConflictClause,
    ) -> Result<Turn, Error> {
        match conflict {
            ConflictClause::Ignore => Ok(Turn::Skipped),
            ConflictClause::DoNothing(target) if target.covers(found.index) => Ok(Turn::Skipped),
            ConflictClause::Replace => {
                let step =
                    self.open_step(StepKind::Replaced, Event::Delete, place.table, Some(place.step), Vec::new());
                let place = Place { step, ..place };
                let work = RowWork::Delete { row_id: found.row_id, runs_programs: false };
                self.stack.push(Frame::Row(RowFrame::new(place, work)));
                Ok(Turn::Waits)
            }
            ConflictClause::DoUpdate { target, assignments, filter } if target.covers(found.index) => {
                self.upsert(place, found.row_id, &prepared, assignments, filter.as_ref());
                Ok(Turn::Skipped)
            }
            ConflictClause::Abort | ConflictClause::DoNothing(_) | ConflictClause::DoUpdate { .. } => {
                Err(self.conflict_violation(place, event, &found, &prepared))
            }
        }
    }

    /// ON CONFLICT DO UPDATE: the row in the way is updated instead, over itself and the new row.
    fn upsert(
        &mut self,
        place: Place,
        row_id: RowId,
        prepared: &Prepared,
        assignments: &[(usize, Bound)],
        filter: Option<&Bound>,
    ) {
        let Some(row) = self.store.row(place.table, row_id) else { return };
        let scope = [&**row, &*prepared.row].concat();
        if filter.is_some_and(|filter| filter.truth(&*scope) != Some(true)) {
            return;
        }
        let assigned: Vec<_> =
            assignments.iter().map(|(at, value)| (*at, value.evaluate(&*scope))).collect();
        let named = assigned.iter().map(|(position, _)| *position).collect();
        let step = self.open_step(StepKind::Direct, Event::Update, place.table, None, named);
        let place = Place { step, ..place };
        let assignment = Arc::new(Assignment::Values(assigned));
        self.push_rows(place, vec![row_id], How::Update(assignment, ConflictClause::Abort));
    }

    // Stage 3: referential actions.

    /// The next action on a changed row that has rows to change: the position after it, and them.
    fn next_action(
        &mut self,
        frame: &RowFrame,
        from: usize,
        changed: &Changed,
    ) -> Result<Option<(usize, RowsFrame)>, Error> {
        let Some((_, old)) = &changed.old else { return Ok(None) };
        let event = frame.event();
        let catalog = self.settings.catalog;
        let referenced_by = &catalog.by_id(frame.place.table).referenced_by;
        for position in from..referenced_by.len() {
            let constraint = self.in_order(referenced_by, position);
            let key = catalog.constraint(constraint);
            let Some(action) = self.action(frame, key) else { continue };
            if !self.settings.enforces() {
                self.note_let_pass(key, event, action, old, changed);
                continue;
            }
            let place = Place { cause: changed.change, ..frame.place };
            let depth = self.enter(place)?;
            let Some(vacated) = vacated_key(key, changed) else { continue };
            if action == ReferentialAction::Restrict {
                self.restrict(place, event, key, &vacated, old)?;
                continue;
            }
            let rows: Vec<RowId> = find_referencing(self.store, key, &vacated).collect();
            if rows.is_empty() {
                continue;
            }
            let how = self.how(key, event, action, changed);
            let (kind, event) = (StepKind::Constraint(constraint), how.event());
            let step = self.open_step(kind, event, key.table, Some(place.step), how.columns());
            let place = Place { step, depth, table: key.table, ..place };
            return Ok(Some((position + 1, RowsFrame { place, rows: rows.into_iter(), how })));
        }
        Ok(None)
    }

    /// The dialect's order of the constraints that reference a table.
    fn in_order(&self, created: &[ConstraintId], position: usize) -> ConstraintId {
        match self.settings.dialect.order {
            ActionOrder::NewestFirst => created[created.len() - 1 - position],
            ActionOrder::OldestFirst => created[position],
        }
    }

    /// What `key` does about this row change: nothing under NO ACTION, under a RESTRICT that is
    /// deferred, or for an update that names none of the referenced columns.
    fn action(&self, frame: &RowFrame, key: &ForeignKeyEntry) -> Option<ReferentialAction> {
        let action = match &frame.work {
            RowWork::Insert { .. } => return None,
            RowWork::Delete { .. } => key.delete_rule(),
            RowWork::Update { .. } => {
                let named = &self.effects.steps[frame.place.step.0 as usize].named;
                let referenced = key.resolved().map_or(&[][..], |to| &to.columns);
                if !referenced.iter().any(|position| named.contains(position)) {
                    return None;
                }
                key.update_rule()
            }
        };
        match action {
            ReferentialAction::NoAction => None,
            ReferentialAction::Restrict => self.settings.restricts().then_some(action),
            ReferentialAction::Cascade
            | ReferentialAction::SetNull
            | ReferentialAction::SetDefault => Some(action),
        }
    }

    fn how(
        &self,
        key: &ForeignKeyEntry,
        event: Event,
        action: ReferentialAction,
        changed: &Changed,
    ) -> How {
        let set = |value: &dyn Fn(usize) -> Value| {
            let values = key.columns.iter().enumerate();
            let values = values.map(|(at, &position)| (position, value(at))).collect();
            How::Update(Arc::new(Assignment::Values(values)), ConflictClause::Abort)
        };
        let columns = &self.settings.catalog.by_id(key.table).columns;
        match action {
            ReferentialAction::Cascade => match (&changed.new, key.resolved()) {
                (Some((_, new)), Some(to)) if event == Event::Update => {
                    set(&|at| new[to.columns[at]].clone())
                }
                _ => How::Delete,
            },
            ReferentialAction::SetDefault => set(&|at| columns[key.columns[at]].default.clone()),
            ReferentialAction::SetNull
            | ReferentialAction::NoAction
            | ReferentialAction::Restrict => set(&|_| Value::Null),
        }
    }

    fn restrict(
        &self,
        place: Place,
        event: Event,
        key: &ForeignKeyEntry,
        vacated: &OrderedKey,
        old: &Row,
    ) -> Result<(), Error> {
        let mut rows = find_referencing(self.store, key, vacated).peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let table = self.settings.catalog.by_id(key.table);
        let mut names = Vec::new();
        let mut count = 0;
        for row_id in rows {
            if count < VIOLATION_ROWS_MAX {
                names.push(row_name(table, row_id, self.store.row(key.table, row_id)));
            }
            count += 1;
        }
        let mut violation =
            self.foreign_key_violation(ViolationKind::Restrict, key, event, place.table, names, count);
        let columns = key.resolved().map(|to| to.columns.clone()).unwrap_or_default();
        violation.columns = self.settings.catalog.by_id(place.table).column_names(&columns);
        violation.key = columns.iter().map(|&position| old[position].clone()).collect();
        violation.still_referenced = true;
        violation.path = self.effects.path(self.settings.catalog, self.store, place.cause, None);
        violation.hint = Some(format!(
            "Delete or re-point those rows first, or declare ON {} CASCADE or SET NULL on \"{}\".",
            if event == Event::Delete { "DELETE" } else { "UPDATE" },
            key.name
        ));
        Err(Error::Violation(Box::new(violation)))
    }

    /// With enforcement off: what the action would have had to do, if anybody asked.
    fn note_let_pass(
        &mut self,
        key: &ForeignKeyEntry,
        event: Event,
        action: ReferentialAction,
        old: &Row,
        changed: &Changed,
    ) {
        if !self.settings.observes {
            return;
        }
        let to = key.resolved().filter(|_| !old.is_empty());
        let Some(vacated) = to.and_then(|_| vacated_key(key, changed)) else { return };
        let rows = find_referencing(self.store, key, &vacated).count();
        if rows > 0 {
            let kind = LetPassKind::Action(action);
            LetPass::add(&mut self.let_pass, key.id, &key.name, event, kind, rows);
        }
    }

    // Frames and steps.

    /// Enters one more nested action or program.
    fn enter(&self, place: Place) -> Result<usize, Error> {
        match self.settings.dialect.depth_limit {
            Some(limit) if place.depth >= limit => Err(Error::Depth(Box::new(DepthError {
                limit,
                table: self.settings.catalog.by_id(place.table).name().to_owned(),
                path: self.effects.path(self.settings.catalog, self.store, place.cause, None),
            }))),
            Some(_) | None => Ok(place.depth + 1),
        }
    }

    /// Whether a row has no action and no program left to run. What has nothing left is not kept
    /// on the stack: without this, a chain would take a frame a row.
    fn is_finished(&self, frame: &RowFrame) -> bool {
        let Stage::Constraints(from, _) = &frame.stage else { return false };
        let referenced_by = &self.settings.catalog.by_id(frame.place.table).referenced_by;
        let acts = |position: usize| {
            let key = self.settings.catalog.constraint(self.in_order(referenced_by, position));
            self.action(frame, key).is_some()
        };
        !(*from..referenced_by.len()).any(acts) && self.attached(frame, Timing::After, 0).is_none()
    }

    fn push_rows(&mut self, place: Place, rows: Vec<RowId>, how: How) {
        self.stack.push(Frame::Rows(RowsFrame { place, rows: rows.into_iter(), how }));
    }

    fn open_step(
        &mut self,
        kind: StepKind,
        event: Event,
        table: TableId,
        origin: Option<StepId>,
        named: Vec<usize>,
    ) -> StepId {
        self.effects.step(StepRecord { kind, event, table, origin, named: named.into() })
    }

    // Refusals.

    fn refuse(
        &self,
        place: Place,
        event: Event,
        refusal: Refusal,
        conflict: &ConflictClause,
    ) -> Result<Turn, Error> {
        let entry = self.settings.catalog.by_id(place.table);
        let table = || entry.name().to_owned();
        let error = match refusal {
            Refusal::NotNull(_) | Refusal::Check(..) if matches!(conflict, ConflictClause::Ignore) => {
                return Ok(Turn::Skipped);
            }
            Refusal::NotAnInteger(value) => {
                let column = entry.row_id_column.map_or("rowid", |at| entry.column_name(at));
                InputError::NotAnInteger { table: table(), column: column.to_owned(), value }.into()
            }
            Refusal::RowIdsExhausted => InputError::RowIdsExhausted { table: table() }.into(),
            Refusal::NotNull(position) => {
                let column = entry.column_name(position).to_owned();
                let mut violation =
                    self.own_violation(place, event, ViolationKind::NotNull, format!("{}_{column}_not_null", entry.name()));
                violation.columns = vec![column];
                violation.key = vec![Value::Null];
                violation.hint = self.not_null_hint(place);
                Error::Violation(Box::new(violation))
            }
            Refusal::Check(position, row_id) => {
                let text = entry.checks[position].text.clone();
                let mut violation = self.own_violation(place, event, ViolationKind::Check, text);
                let row = self.store.row(place.table, row_id);
                violation.rows = vec![row_name(entry, row_id, row)];
                violation.columns = entry.column_names(&entry.checks[position].columns);
                Error::Violation(Box::new(violation))
            }
        };
        Err(error)
    }

    /// SET NULL onto a NOT NULL column is the commonest way into this refusal.
    fn not_null_hint(&self, place: Place) -> Option<String> {
        let step = &self.effects.steps[place.step.0 as usize];
        let StepKind::Constraint(id) = step.kind else { return None };
        let key = self.settings.catalog.constraint(id);
        Some(format!(
            "Foreign key \"{}\" sets a column that may not be NULL; declare another action, or drop \
             NOT NULL.",
            key.name
        ))
    }

    fn conflict_violation(
        &self,
        place: Place,
        event: Event,
        found: &Conflict,
        prepared: &Prepared,
    ) -> Error {
        let entry = self.settings.catalog.by_id(place.table);
        let index = found.index.map(|position| &entry.indexes[position]);
        let (kind, name, columns) = match index {
            Some(index) if table::is_primary_key(index) => {
                (ViolationKind::PrimaryKey, index.name.clone(), index.columns.iter().map(|(at, _)| *at).collect())
            }
            Some(index) => {
                (ViolationKind::Unique, index.name.clone(), index.columns.iter().map(|(at, _)| *at).collect())
            }
            None => match entry.row_id_column {
                Some(position) => (ViolationKind::PrimaryKey, format!("{}_pkey", entry.name()), vec![position]),
                None => (ViolationKind::RowId, "rowid".to_owned(), Vec::new()),
            },
        };
        let mut violation = self.own_violation(place, event, kind, name);
        let is_bare = columns.is_empty();
        violation.key = columns.iter().map(|&position| prepared.row[position].clone()).collect();
        violation.columns = entry.column_names(&columns);
        if is_bare {
            violation.columns = vec!["rowid".to_owned()];
            violation.key = vec![Value::Integer(prepared.row_id.0)];
        }
        let other = self.store.row(place.table, found.row_id);
        violation.rows = vec![row_name(entry, found.row_id, other)];
        Error::Violation(Box::new(violation))
    }

    /// A violation of a constraint that the row's own table holds.
    fn own_violation(&self, place: Place, event: Event, kind: ViolationKind, name: String) -> Violation {
        let table = self.settings.catalog.by_id(place.table).name().to_owned();
        let path = self.effects.path(self.settings.catalog, self.store, place.cause, self.last_hop(place));
        Violation {
            kind,
            event,
            event_table: table.clone(),
            constraint: name,
            table,
            columns: Vec::new(),
            key: Vec::new(),
            other_table: None,
            still_referenced: false,
            rows: Vec::new(),
            row_count: 1,
            path,
            hint: None,
        }
    }

    /// The hop to a row that an action or program was about to change.
    fn last_hop(&self, place: Place) -> Option<Hop> {
        let step = &self.effects.steps[place.step.0 as usize];
        let constraint = match &step.kind {
            StepKind::Direct | StepKind::Replaced => return None,
            StepKind::Constraint(id) => self.settings.catalog.constraint(*id).name.clone(),
            StepKind::Program(name) => name.to_string(),
        };
        let table = self.settings.catalog.by_id(place.table);
        let row = RowName { columns: Vec::new(), values: [].into_iter().collect() };
        Some(Hop { constraint: Some(constraint), table: table.name().to_owned(), row })
    }

    fn foreign_key_violation(
        &self,
        kind: ViolationKind,
        key: &ForeignKeyEntry,
        event: Event,
        event_table: TableId,
        rows: Vec<RowName>,
        row_count: usize,
    ) -> Violation {
        super::foreign_key_violation(self.settings.catalog, kind, key, event, event_table, rows, row_count)
    }
}

/// The referenced key that a row change has left: the old one, unless it is still the row's.
fn vacated_key(key: &ForeignKeyEntry, changed: &Changed) -> Option<OrderedKey> {
    let to = key.resolved()?;
    let old = changed.old.as_ref().and_then(|(_, row)| referenced_key(to, row))?;
    let new = changed.new.as_ref().and_then(|(_, row)| referenced_key(to, row));
    (new.as_ref() != Some(&old)).then_some(old)
}

impl How {
    fn event(&self) -> Event {
        match self {
            How::Delete => Event::Delete,
            How::Update(..) => Event::Update,
        }
    }

    fn columns(&self) -> Vec<usize> {
        match self {
            How::Delete => Vec::new(),
            How::Update(assignment, _) => assignment.columns(),
        }
    }
}

impl RowFrame {
    fn new(place: Place, work: RowWork) -> Box<Self> {
        Box::new(RowFrame { place, work, stage: Stage::Before(0) })
    }

    fn event(&self) -> Event {
        match self.work {
            RowWork::Insert { .. } => Event::Insert,
            RowWork::Update { .. } => Event::Update,
            RowWork::Delete { .. } => Event::Delete,
        }
    }
}
