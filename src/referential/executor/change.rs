//! Stage 2: the change of one row, and what a conflict clause makes of a key that is taken.

use super::{Assignment, Changed, Executor, Frame, How, Place, RowFrame, RowWork, Turn};
use crate::catalog::ReferentialAction;
use crate::error::{Error, Event, ViolationKind};
use crate::expression::Bound;
use crate::id::RowId;
use crate::referential::ConflictClause;
use crate::referential::effects::StepKind;
use crate::referential::relation::{find_referenced, referencing_key};
use crate::table::{self, Conflict, Prepared};
use std::sync::Arc;

impl Executor<'_> {
    pub(super) fn change(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
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

    fn insert(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Insert { values, conflict } = &frame.work else { return Ok(Turn::Skipped) };
        let nulls = conflict.null_policy();
        let prepared =
            table::prepare_insert(self.store, entry, values.clone(), frame.row_id, nulls);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(place, None, refusal, conflict),
        };
        let conflicts = table::find_conflicts(self.store, entry, &prepared, None, None);
        let indexes = entry.indexes.len();
        let is_freed = |index| RowFrame::key_position(indexes, index) < frame.keys_freed;
        if let Some(found) = conflict.choose(conflicts, is_freed) {
            frame.row_id = Some(prepared.row_id);
            return self.resolve_conflict(frame, None, found, prepared);
        }
        let new = (prepared.row_id, prepared.row.clone());
        table::insert(self.store, entry, prepared);
        if self.effects.steps[place.step.0 as usize].kind == StepKind::Direct {
            self.inserted.push(new.0);
        }
        let change = self.effects.record(place.step, place.cause);
        Ok(Turn::Goes(Changed { change, old: None, new: Some(new) }))
    }

    fn update(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Update { row_id, assignment, values, conflict } = &frame.work else {
            return Ok(Turn::Skipped);
        };
        let Some(old) = self.store.row(place.table, *row_id).cloned() else {
            return Ok(Turn::Skipped);
        };
        let assigned = values.clone().unwrap_or_else(|| assignment.evaluate(&old));
        let prepared =
            table::prepare_update(entry, *row_id, &old, &assigned, conflict.null_policy());
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(place, Some(*row_id), refusal, conflict),
        };
        let named = self.effects.steps[place.step.0 as usize].named.clone();
        let conflicts =
            table::find_conflicts(self.store, entry, &prepared, Some(*row_id), Some(&named));
        let indexes = entry.indexes.len();
        let is_freed = |index| RowFrame::key_position(indexes, index) < frame.keys_freed;
        if let Some(found) = conflict.choose(conflicts, is_freed) {
            let row_id = Some(*row_id);
            return self.resolve_conflict(frame, row_id, found, prepared);
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
                let rows = vec![entry.row_name(*row_id, Some(row))];
                let mut violation = self.foreign_key_violation(
                    ViolationKind::ForeignKey,
                    key,
                    Event::Update,
                    key.table,
                    rows,
                    1,
                );
                violation.columns = entry.column_names(&columns);
                violation.key = values;
                violation.path =
                    self.effects.path(self.settings.catalog, self.store, changed.change, None);
                Err(Error::Violation(Box::new(violation)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A key is taken: the conflict clause decides.
    fn resolve_conflict(
        &mut self,
        frame: &mut RowFrame,
        updated: Option<RowId>,
        found: Conflict,
        prepared: Prepared,
    ) -> Result<Turn, Error> {
        let place = frame.place;
        let (RowWork::Insert { conflict, .. } | RowWork::Update { conflict, .. }) = &frame.work
        else {
            return Ok(Turn::Skipped);
        };
        match conflict {
            ConflictClause::Ignore => Ok(Turn::Skipped),
            ConflictClause::DoNothing(_) if conflict.covers(found.index) => Ok(Turn::Skipped),
            ConflictClause::Replace => {
                let indexes = self.settings.catalog.by_id(place.table).indexes.len();
                let key = RowFrame::key_position(indexes, found.index);
                if key < frame.keys_freed {
                    return Err(self.conflict_violation(place, updated, &found, &prepared));
                }
                frame.keys_freed = key + 1;
                let step = self.open_step(
                    StepKind::Replaced,
                    Event::Delete,
                    place.table,
                    Some(place.step),
                    Vec::new(),
                );
                let place = Place { step, ..place };
                let work = RowWork::Delete { row_id: found.row_id, runs_programs: false };
                self.stack.push(Frame::Row(RowFrame::new(place, work)));
                Ok(Turn::Waits)
            }
            ConflictClause::DoUpdate { assignments, filter, .. }
                if conflict.covers(found.index) =>
            {
                self.upsert(place, found.row_id, &prepared, assignments, filter.as_ref());
                Ok(Turn::Skipped)
            }
            ConflictClause::Abort
            | ConflictClause::DoNothing(_)
            | ConflictClause::DoUpdate { .. } => {
                Err(self.conflict_violation(place, updated, &found, &prepared))
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
}
