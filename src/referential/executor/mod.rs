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

mod action;
mod change;
mod count;
mod refusal;

use super::effects::{Cause, Effects, StepId, StepKind, StepRecord};
use super::program::{
    Activation, Assign, Attached, Program, ProgramWork, Step, Stop, Timing, View,
};
use super::{ConflictClause, LetPass, NewRow, Settings, Work};
use crate::catalog::Resolution;
use crate::error::{DepthError, Error, Event};
use crate::expression::Bound;
use crate::id::{ConstraintId, RowId, RowIds, TableId};
use crate::table::{self, Counters, Prepared, Row, RowRef, Store};
use crate::value::{Affinity, OrderedKey, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What the columns of an update become.
#[derive(Clone, Debug)]
pub enum Assignment {
    /// These values.
    Values(Vec<(usize, Value)>),
    /// These expressions, over the current row.
    Expressions(Vec<(usize, Bound)>),
    /// Whatever this finds.
    Computed(Computed),
}

/// An assignment that may read more than the row.
#[derive(Clone, Debug)]
pub struct Computed(pub(crate) Arc<dyn Assign>);

impl Assignment {
    /// The positions assigned, in order.
    pub fn columns(&self) -> Vec<usize> {
        match self {
            Assignment::Values(values) => values.iter().map(|(position, _)| *position).collect(),
            Assignment::Expressions(list) => list.iter().map(|(position, _)| *position).collect(),
            Assignment::Computed(computed) => computed.0.columns(),
        }
    }

    /// The values for a row; `None` to leave it as it is.
    fn evaluate(
        &self,
        view: &View<'_>,
        row: RowRef<'_>,
    ) -> Result<Option<Vec<(usize, Value)>>, Stop> {
        match self {
            Assignment::Values(values) => Ok(Some(values.clone())),
            Assignment::Expressions(list) => {
                let scope = row.to_vec();
                let value =
                    |(position, value): &(usize, Bound)| (*position, value.evaluate(&scope));
                Ok(Some(list.iter().map(value).collect()))
            }
            Assignment::Computed(computed) => computed.0.values(view, row, None),
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
    Delete { runs_programs: bool },
    Update(Arc<Assignment>, ConflictClause),
}

/// One row change in progress.
struct RowFrame {
    place: Place,
    work: RowWork,
    stage: Stage,
    /// What the first program before the change was shown: all the others see the same old row, and
    /// the same new one until it has changed.
    shown: Option<Box<Activation>>,
}

enum RowWork {
    Insert {
        values: Vec<Value>,
        /// The row id as the statement gives it.
        given: Option<Value>,
        /// The row id, once it was found: rows that give way do not change it.
        row_id: Option<RowId>,
        /// The last key for which REPLACE has made room, in the order of testing.
        cleared: Option<usize>,
        conflict: ConflictClause,
    },
    Update {
        row_id: RowId,
        assignment: Arc<Assignment>,
        values: Option<Vec<(usize, Value)>>,
        /// The new row, once it was made: rows that give way do not change it, even if the action
        /// that follows them writes this row.
        prepared: Option<Prepared>,
        /// As for an insert.
        cleared: Option<usize>,
        conflict: ConflictClause,
    },
    Delete {
        row_id: RowId,
        runs_programs: bool,
    },
    /// The change of a view's row, for which programs stand.
    Instead(Activation),
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
    /// The row as the change left it: of an update, and of an insert that a program follows.
    new: Option<(RowId, Row)>,
}

struct ProgramFrame {
    name: Arc<str>,
    place: Place,
    program: Box<dyn Program>,
    /// How many frames were below it when it started: what RAISE(IGNORE) returns to.
    below: usize,
    /// The counters when it started, which come back when it ends.
    counters: Counters,
    /// The step that it has asked for, and how many changes there were before that.
    asked: Option<(StepId, usize)>,
    /// Rows that this step has changed itself.
    changed: usize,
    /// Whether the row that it is started for is not returned if it is given up: rows are returned
    /// after the guests among the programs, and before the others.
    may_withhold: bool,
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
    pub(super) inserted: RowIds,
    /// The greatest row id of each table with AUTOINCREMENT, as far as this statement has come.
    pub(super) sequences: Vec<(TableId, RowId)>,
    /// What becomes of what was done, if the statement fails.
    pub(super) resolution: Resolution,
    /// The ids of rows that are gone from tables without row ids, by the key that stood for them.
    vacated: HashMap<(TableId, OrderedKey), RowId>,
    /// The rows that the statement itself has changed, if they are wanted.
    pub(super) returned: Vec<(RowId, Row)>,
    returns: bool,
    /// As a program at work has them; `total_changes` stays what it was before the statement.
    counters: Counters,
    /// The step and cause of the row or program at work: where a refusal finds the statement.
    at: Option<(StepId, Cause)>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(settings: &'a Settings<'a>, store: &'a mut Store, returns: bool) -> Self {
        let effects = Effects::new(store.mark());
        Executor {
            settings,
            store,
            stack: Vec::new(),
            effects,
            let_pass: Vec::new(),
            inserted: RowIds::default(),
            sequences: Vec::new(),
            resolution: Resolution::Abort,
            vacated: HashMap::new(),
            returned: Vec::new(),
            returns,
            counters: settings.counters,
            at: None,
        }
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
            Work::Instead { changes, named } => {
                (changes.first().map_or(Event::Delete, |change| change.event), named.clone())
            }
        };
        let step = self.open_step(StepKind::Direct, event, table, None, named);
        let place = Place { step, cause: None, depth: 0, table };
        if let Work::Insert { rows, conflict, .. } = work {
            // One after the other, since a frame of each would take more than the rows do.
            for row in rows {
                self.push_insert(place, row, conflict.clone());
                self.drain()?;
            }
            return Ok(());
        }
        self.push_work(place, work);
        self.drain()
    }

    fn push_insert(&mut self, place: Place, row: NewRow, conflict: ConflictClause) {
        let NewRow { values, row_id: given } = row;
        let work = RowWork::Insert { values, given, row_id: None, cleared: None, conflict };
        self.stack.push(Frame::Row(RowFrame::new(place, work)));
    }

    /// Puts a statement's work on the stack, the first row on top.
    fn push_work(&mut self, place: Place, work: Work) {
        match work {
            Work::Insert { rows, conflict, .. } => {
                for row in rows.into_iter().rev() {
                    self.push_insert(place, row, conflict.clone());
                }
            }
            Work::Update { rows, assignment, conflict } => {
                self.push_rows(place, rows.into(), How::Update(assignment, conflict));
            }
            Work::Delete { rows, runs_programs } => {
                self.push_rows(place, rows.into(), How::Delete { runs_programs });
            }
            Work::Instead { changes, .. } => {
                for change in changes.into_iter().rev() {
                    self.stack.push(Frame::Row(RowFrame::new(place, RowWork::Instead(change))));
                }
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
        if let How::Delete { runs_programs } = frame.how
            && !self.returns
            && self.is_leaf(frame.place.table, runs_programs)
        {
            self.delete_leaves(frame);
            return Ok(());
        }
        let Some(row_id) = frame.rows.next() else { return Ok(()) };
        let (place, how) = (frame.place, frame.how.clone());
        if !frame.rows.as_slice().is_empty() {
            self.stack.push(Frame::Rows(frame));
        }
        let work = match how {
            How::Delete { runs_programs } => RowWork::Delete { row_id, runs_programs },
            How::Update(assignment, conflict) => RowWork::Update {
                row_id,
                assignment,
                values: None,
                prepared: None,
                cleared: None,
                conflict,
            },
        };
        self.advance(RowFrame::new(place, work))
    }

    /// Whether deleting a row of a table is all there is to it: no program runs, and no action.
    fn is_leaf(&self, table: TableId, runs_programs: bool) -> bool {
        let Settings { catalog, programs, .. } = self.settings;
        let has_programs = programs.0.iter().any(|program| program.table == table);
        let acts = |id: &ConstraintId| self.delete_action(catalog.constraint(*id)).is_some();
        let runs_any = has_programs && runs_programs;
        !runs_any && !catalog.referenced_by(table).iter().any(acts)
    }

    fn delete_leaves(&mut self, frame: RowsFrame) {
        let RowsFrame { place, rows, .. } = frame;
        self.at = Some((place.step, place.cause));
        for row_id in rows {
            self.note_vacated(place.table, row_id);
            if table::delete(self.store, place.table, row_id) {
                self.record(place);
            }
        }
    }

    /// Takes one row change as far as it goes before another frame must run.
    fn advance(&mut self, mut frame: Box<RowFrame>) -> Result<(), Error> {
        self.at = Some((frame.place.step, frame.place.cause));
        loop {
            match frame.stage.clone() {
                Stage::Before(position) => {
                    match self.fix_values(&mut frame) {
                        Ok(true) => {}
                        Ok(false) => return Ok(()),
                        Err(stop) => return self.stop(stop),
                    }
                    let program = self.attached(&frame, frame.first_timing(), position);
                    if position == 0 && program.is_some() {
                        self.check_row_id(&frame)?;
                        self.check_types(&frame)?;
                    }
                    match program {
                        Some(program) if self.may_not_start(&program) => {
                            frame.stage = Stage::Before(position + 1);
                        }
                        Some(program) => {
                            let activation = self.activation_before(&frame);
                            frame.shown.get_or_insert_with(|| Box::new(activation.clone()));
                            frame.stage = Stage::Before(position + 1);
                            let (place, below) = (frame.place, self.stack.len());
                            self.stack.push(Frame::Row(frame));
                            return self.start(place, program, activation, below);
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
                    if self.may_not_start(&program) {
                        frame.stage = Stage::After(position + 1, changed);
                        continue;
                    }
                    let old = self.old_row(&changed).map(|row| {
                        let before = frame.row_before();
                        (row.row_id(), before.unwrap_or_else(|| row.to_row()))
                    });
                    let activation = Activation {
                        table: frame.place.table,
                        event: frame.event(),
                        resolution: self.resolution(&frame),
                        old,
                        new: changed.new.clone().map(|(id, row)| (Some(id), row)),
                    };
                    let place = Place { cause: changed.change, ..frame.place };
                    let below = self.stack.len();
                    frame.stage = Stage::After(position + 1, changed);
                    // The row's last program: the row has nothing left to wait for.
                    if self.attached(&frame, Timing::After, position + 1).is_some() {
                        self.stack.push(Frame::Row(frame));
                    }
                    return self.start(place, program, activation, below);
                }
            }
        }
    }

    // Stage 1 and 4: programs.

    /// An update's values are those of the row before any BEFORE program has run. `false`: the row
    /// is gone already.
    fn fix_values(&mut self, frame: &mut RowFrame) -> Result<bool, Stop> {
        let table = frame.place.table;
        match &mut frame.work {
            RowWork::Insert { .. } | RowWork::Instead(_) => Ok(true),
            // Once the first of its programs has run, the others do, whatever that has deleted.
            _ if frame.shown.is_some() => Ok(true),
            RowWork::Delete { row_id, .. } => Ok(self.store.row(table, *row_id).is_some()),
            RowWork::Update { row_id, assignment, values, .. } => {
                let Some(row) = self.store.row(table, *row_id) else { return Ok(false) };
                if values.is_none() {
                    let view = View::new(self.settings.catalog, self.store, self.counters);
                    *values = assignment.evaluate(&view, row)?;
                }
                Ok(values.is_some())
            }
        }
    }

    /// Ends the statement, or what the innermost program was started for.
    fn stop(&mut self, stop: Stop) -> Result<(), Error> {
        match stop {
            Stop::Ignore => {
                let is_program = |frame: &Frame| matches!(frame, Frame::Program(_));
                let innermost = self.stack.iter().rposition(is_program);
                self.stack.truncate(innermost.map_or(0, |at| at + 1));
                if let Some(Frame::Program(program)) = self.stack.pop() {
                    self.ignore(&program);
                }
                Ok(())
            }
            Stop::Error(resolution, error) => {
                self.resolution = resolution;
                Err(error)
            }
        }
    }

    /// Gives up the row that a program was started for.
    fn ignore(&mut self, program: &ProgramFrame) {
        self.counters = program.counters;
        self.stack.truncate(program.below);
        if program.may_withhold {
            self.returned.pop();
        }
    }

    /// Whether a program is at work already and may not start itself again.
    fn may_not_start(&self, program: &Attached) -> bool {
        !self.settings.recursive_programs
            && self.stack.iter().any(|frame| match frame {
                Frame::Program(running) => Arc::ptr_eq(&running.name, &program.name),
                Frame::Rows(_) | Frame::Row(_) => false,
            })
    }

    fn attached(&self, frame: &RowFrame, timing: Timing, position: usize) -> Option<Attached> {
        if matches!(frame.work, RowWork::Delete { runs_programs: false, .. }) {
            return None;
        }
        let named = &self.effects.steps[frame.place.step.0 as usize].named;
        let mut programs =
            self.settings.programs.of(frame.place.table, frame.event(), timing, named);
        programs.nth(position).cloned()
    }

    fn activation_before(&self, frame: &RowFrame) -> Activation {
        if let Some(shown) = &frame.shown {
            return Activation::clone(shown);
        }
        let table = frame.place.table;
        let old = |row_id: RowId| self.store.row(table, row_id).map(|row| (row_id, row.to_row()));
        let (old, new) = match &frame.work {
            RowWork::Instead(activation) => return activation.clone(),
            RowWork::Insert { values, given, .. } => {
                let mut values = values.clone();
                let column = self.settings.catalog.by_id(table).row_id_column;
                let own = column.map(|at| &mut values[at]);
                let given = given.as_ref().or(own.as_deref()).cloned().unwrap_or_default();
                let row_id = Affinity::Integer.apply(given).as_integer().map(RowId);
                // Before it is found SQLite says -1.
                if let Some(own) = own.filter(|own| own.is_null()) {
                    *own = Value::Integer(-1);
                }
                (None, Some((row_id, self.converted(table, &values))))
            }
            RowWork::Delete { row_id, .. } => (old(*row_id), None),
            RowWork::Update { row_id, values, .. } => {
                let mut new = old(*row_id).map(|(_, row)| row.to_vec()).unwrap_or_default();
                for (position, value) in values.iter().flatten() {
                    if let Some(place) = new.get_mut(*position) {
                        *place = value.clone();
                    }
                }
                (old(*row_id), Some((Some(*row_id), self.converted(table, &new))))
            }
        };
        Activation { table, event: frame.event(), resolution: self.resolution(frame), old, new }
    }

    /// What a row change says about broken constraints to the programs that it starts.
    fn resolution(&self, frame: &RowFrame) -> Option<Resolution> {
        match self.effects.steps[frame.place.step.0 as usize].kind {
            StepKind::Replaced => Some(Resolution::Replace),
            StepKind::Direct | StepKind::Constraint(_) | StepKind::Program(_) => frame.resolution(),
        }
    }

    /// Values as the columns of a table would store them.
    fn converted(&self, table: TableId, values: &[Value]) -> Row {
        let entry = self.settings.catalog.by_id(table);
        let converted = entry.columns.iter().zip(values);
        let converted = converted.map(|(column, value)| column.affinity.apply(value.clone()));
        let mut row: Vec<Value> = converted.collect();
        entry.generate(&mut row);
        row.into()
    }

    /// Starts a program above what stands on the stack. RAISE(IGNORE) in it cuts the stack back to
    /// `below` frames: without the row change that started it.
    fn start(
        &mut self,
        place: Place,
        program: Attached,
        activation: Activation,
        below: usize,
    ) -> Result<(), Error> {
        let place = Place { depth: self.enter(place)?, ..place };
        let running = (program.start)(&activation);
        let (name, counters) = (program.name, self.counters);
        let is_behind = program.is_guest && program.timing == Timing::After;
        let may_withhold = is_behind && self.is_returned(place);
        let frame = ProgramFrame {
            name,
            place,
            program: running,
            below,
            counters,
            asked: None,
            changed: 0,
            may_withhold,
        };
        self.stack.push(Frame::Program(frame));
        Ok(())
    }

    fn pull(&mut self, mut frame: ProgramFrame) -> Result<(), Error> {
        self.count(&frame);
        self.at = Some((frame.place.step, frame.place.cause));
        let step = frame.program.step(&self.view());
        let (table, work) = match step {
            Step::Done => {
                self.counters = frame.counters;
                return Ok(());
            }
            Step::Ignore | Step::Stop(Stop::Ignore) => {
                self.ignore(&frame);
                return Ok(());
            }
            Step::Abort(message) => return Err(Error::Aborted(message)),
            Step::Stop(stop) => return self.stop(stop),
            Step::Insert { table, row: values } => {
                let rows = vec![NewRow { values, row_id: None }];
                (
                    table,
                    Work::Insert { rows, conflict: ConflictClause::default(), looks_first: false },
                )
            }
            Step::Update { table, rows, assignments } => {
                let assignment = Arc::new(Assignment::Values(assignments));
                let conflict = ConflictClause::default();
                (table, Work::Update { rows: rows.into(), assignment, conflict })
            }
            Step::Delete { table, rows } => {
                (table, Work::Delete { rows: rows.into(), runs_programs: true })
            }
            Step::Work(ProgramWork { table, work }) => (table, work),
        };
        let (event, named) = match &work {
            Work::Insert { .. } => (Event::Insert, Vec::new()),
            Work::Update { assignment, .. } => (Event::Update, assignment.columns()),
            Work::Delete { .. } => (Event::Delete, Vec::new()),
            Work::Instead { changes, named } => match changes.first() {
                Some(change) => (change.event, named.clone()),
                None => return self.pull_again(frame),
            },
        };
        self.at = Some((frame.place.step, frame.place.cause));
        self.check_program_work(&frame.name, &work, table)?;
        let kind = StepKind::Program(frame.name.clone());
        let step_id = self.open_step(kind, event, table, Some(frame.place.step), named);
        let place = Place { step: step_id, table, ..frame.place };
        frame.asked = Some((step_id, self.effects.changes.len()));
        frame.changed = 0;
        self.stack.push(Frame::Program(frame));
        self.push_work(place, work);
        Ok(())
    }

    /// Everything that a program may read.
    fn view(&self) -> View<'_> {
        View::new(self.settings.catalog, self.store, self.counters)
    }

    fn pull_again(&mut self, frame: ProgramFrame) -> Result<(), Error> {
        self.stack.push(Frame::Program(frame));
        Ok(())
    }

    /// A program is foreign code: what it asks for may name what is not there.
    fn check_program_work(&self, name: &str, work: &Work, table: TableId) -> Result<(), Error> {
        if matches!(work, Work::Instead { .. }) {
            return Ok(());
        }
        let Some(entry) = self.settings.catalog.find_by_id(table) else {
            return Err(Error::Aborted(format!("program \"{name}\" names a table that is gone")));
        };
        let width = entry.columns.len();
        // Behind the last column stands the row id.
        let last = if entry.row_id_column.is_none() { width } else { width - 1 };
        let fits = match work {
            Work::Insert { rows, .. } => rows.iter().all(|row| row.values.len() == width),
            Work::Update { assignment, .. } => assignment.columns().iter().all(|at| *at <= last),
            Work::Delete { .. } | Work::Instead { .. } => true,
        };
        if fits {
            return Ok(());
        }
        let message =
            format!("program \"{name}\" gives table \"{}\" a row it does not fit", entry.name());
        Err(Error::Aborted(message))
    }

    // Frames and steps.

    /// A changed row as it was before, also if it is gone.
    fn old_row(&self, changed: &Changed) -> Option<RowRef<'_>> {
        let log = self.store.changes_since(self.effects.base);
        self.store.before(&log[changed.change? as usize])
    }

    /// Enters one more nested action or program.
    fn enter(&self, place: Place) -> Result<usize, Error> {
        match self.settings.dialect.depth_limit {
            Some(limit) if place.depth + usize::from(is_mutant!(DepthOffByOne)) >= limit => {
                Err(Error::Depth(Box::new(DepthError {
                    limit,
                    table: match self.settings.catalog.find_by_id(place.table) {
                        Some(table) => table.name().to_owned(),
                        None => "a view".to_owned(),
                    },
                    path: self.effects.path(self.settings.catalog, self.store, place.cause, None),
                })))
            }
            Some(_) | None => Ok(place.depth + 1),
        }
    }

    /// Whether a row has no action and no program left to run. What has nothing left is not kept
    /// on the stack: without this, a chain would take a frame a row.
    fn is_finished(&self, frame: &RowFrame) -> bool {
        let Stage::Constraints(from, _) = &frame.stage else { return false };
        let referenced_by = self.settings.catalog.referenced_by(frame.place.table);
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
        let named = match self.settings.catalog.find_by_id(table) {
            Some(entry) if event == Event::Update && !entry.generated.is_empty() => {
                entry.with_generated(named)
            }
            Some(_) | None => named,
        };
        self.effects.step(StepRecord { kind, event, table, origin, named: named.into() })
    }
}

impl How {
    fn event(&self) -> Event {
        match self {
            How::Delete { .. } => Event::Delete,
            How::Update(..) => Event::Update,
        }
    }

    fn columns(&self) -> Vec<usize> {
        match self {
            How::Delete { .. } => Vec::new(),
            How::Update(assignment, _) => assignment.columns(),
        }
    }
}

impl RowFrame {
    fn new(place: Place, work: RowWork) -> Box<Self> {
        Box::new(RowFrame { place, work, stage: Stage::Before(0), shown: None })
    }

    /// The row as the programs before its change have seen it, if there were any.
    fn row_before(&self) -> Option<Row> {
        let (_, row) = self.shown.as_ref()?.old.as_ref()?;
        Some(row.clone())
    }

    /// What the statement says about broken constraints.
    fn resolution(&self) -> Option<Resolution> {
        match &self.work {
            RowWork::Insert { conflict, .. } | RowWork::Update { conflict, .. } => {
                conflict.resolution
            }
            RowWork::Instead(activation) => activation.resolution,
            RowWork::Delete { .. } => None,
        }
    }

    /// When its first programs run.
    fn first_timing(&self) -> Timing {
        match self.work {
            RowWork::Instead(_) => Timing::InsteadOf,
            RowWork::Insert { .. } | RowWork::Update { .. } | RowWork::Delete { .. } => {
                Timing::Before
            }
        }
    }

    fn event(&self) -> Event {
        match &self.work {
            RowWork::Instead(activation) => activation.event,
            RowWork::Insert { .. } => Event::Insert,
            RowWork::Update { .. } => Event::Update,
            RowWork::Delete { .. } => Event::Delete,
        }
    }
}
