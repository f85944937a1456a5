//! Stage 2: the change of one row, and what a conflict clause makes of a key that is taken.

use super::{Assignment, Changed, Executor, Frame, How, Place, RowFrame, RowWork, Turn};
use crate::catalog::{ReferentialAction, TableEntry};
use crate::error::{Error, Event, NamedRows, ViolationKind};
use crate::expression::Bound;
use crate::id::RowId;
use crate::referential::ConflictClause;
use crate::referential::effects::StepKind;
use crate::referential::program::Timing;
use crate::referential::relation::{is_referenced_key_there, referencing_key};
use crate::table::{self, Conflict, Prepared, RowRef};
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
        if !table::delete(self.store, place.table, row_id) {
            return Turn::Skipped;
        }
        let change = self.effects.record(place.step, place.cause);
        Turn::Goes(Changed { change, new: None })
    }

    fn insert(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Insert { values, row_id, cleared, conflict } = &mut frame.work else {
            return Ok(Turn::Skipped);
        };
        let nulls = conflict.null_policy();
        let prepared = table::prepare_insert(self.store, entry, values.clone(), *row_id, nulls);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(place, None, refusal, conflict),
        };
        *row_id = Some(prepared.row_id);
        let conflicts = table::find_conflicts(self.store, entry, &prepared, None, None);
        match choose(conflict, conflicts, entry, cleared) {
            None => {}
            Some(Room::ToMake(found)) => {
                return self.resolve_conflict(place, None, found, prepared, conflict);
            }
            Some(Room::Taken(found)) => {
                return Err(self.conflict_violation(place, None, &found, &prepared));
            }
        }
        let row_id = prepared.row_id;
        let has_programs =
            self.settings.programs.of(place.table, Event::Insert, Timing::After).next().is_some();
        let new = has_programs.then(|| (row_id, prepared.values.clone().into()));
        table::insert(self.store, entry, prepared);
        if self.effects.steps[place.step.0 as usize].kind == StepKind::Direct {
            self.inserted.push(row_id);
        }
        let change = self.effects.record(place.step, place.cause);
        Ok(Turn::Goes(Changed { change, new }))
    }

    fn update(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Update { row_id, assignment, values, prepared: fixed, cleared, conflict } =
            &mut frame.work
        else {
            return Ok(Turn::Skipped);
        };
        let Some(old) = self.store.row(place.table, *row_id) else {
            return Ok(Turn::Skipped);
        };
        let prepared = match fixed.take() {
            Some(prepared) => prepared,
            None => {
                let assigned = values.clone().unwrap_or_else(|| assignment.evaluate(old));
                let nulls = conflict.null_policy();
                match table::prepare_update(entry, *row_id, old, &assigned, nulls) {
                    Ok(prepared) => prepared,
                    Err(refusal) => return self.refuse(place, Some(*row_id), refusal, conflict),
                }
            }
        };
        if matches!(conflict, ConflictClause::Replace) {
            *fixed = Some(prepared.clone());
        }
        let named = self.effects.steps[place.step.0 as usize].named.clone();
        let conflicts =
            table::find_conflicts(self.store, entry, &prepared, Some(*row_id), Some(&named));
        match choose(conflict, conflicts, entry, cleared) {
            None => {}
            Some(Room::ToMake(found)) => {
                return self.resolve_conflict(place, Some(*row_id), found, prepared, conflict);
            }
            Some(Room::Taken(found)) => {
                return Err(self.conflict_violation(place, Some(*row_id), &found, &prepared));
            }
        }
        let new = (prepared.row_id, prepared.values.clone().into());
        table::update(self.store, entry, *row_id, prepared);
        let change = self.effects.record(place.step, place.cause);
        let changed = Changed { change, new: Some(new) };
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
        let wanted = referencing_key(key, to, RowRef::held(*row_id, row));
        match wanted.filter(|wanted| !is_referenced_key_there(self.store, key, wanted)) {
            Some(_) if rule == ReferentialAction::SetDefault => {
                let values = key.columns.iter().map(|&position| row[position].clone());
                let entry = self.settings.catalog.by_id(key.table);
                let mut violation = self.foreign_key_violation(
                    ViolationKind::ForeignKey,
                    key,
                    Event::Update,
                    key.table,
                    NamedRows { first: entry.named_row(*row_id, Some(row)), count: 1 },
                );
                violation.key = values.collect();
                violation.reached =
                    self.effects.reached(self.settings.catalog, self.store, changed.change);
                Err(Error::Violation(violation))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A key is taken: the conflict clause decides.
    fn resolve_conflict(
        &mut self,
        place: Place,
        updated: Option<RowId>,
        found: Conflict,
        prepared: Prepared,
        conflict: &ConflictClause,
    ) -> Result<Turn, Error> {
        match conflict {
            ConflictClause::Ignore => Ok(Turn::Skipped),
            ConflictClause::DoNothing(_) if conflict.covers(found.index) => Ok(Turn::Skipped),
            ConflictClause::Replace => {
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
        let scope = [row.to_vec(), prepared.values.clone()].concat();
        if filter.is_some_and(|filter| filter.truth(&scope) != Some(true)) {
            return;
        }
        let assigned: Vec<_> =
            assignments.iter().map(|(at, value)| (*at, value.evaluate(&scope))).collect();
        let named = assigned.iter().map(|(position, _)| *position).collect();
        let step = self.open_step(StepKind::Direct, Event::Update, place.table, None, named);
        let place = Place { step, ..place };
        let assignment = Arc::new(Assignment::Values(assigned));
        self.push_rows(place, vec![row_id], How::Update(assignment, ConflictClause::Abort));
    }
}

/// A conflict, and whether the clause still has an answer to it.
enum Room {
    /// It has.
    ToMake(Conflict),
    /// REPLACE has made room for this key already, and an action of that deletion has filled it:
    /// keys are tested once more after REPLACE, and what is found then is a violation.
    Taken(Conflict),
}

/// Of the conflicts of a row, the one to deal with. `cleared` remembers how far REPLACE has come.
fn choose(
    conflict: &ConflictClause,
    mut conflicts: impl Iterator<Item = Conflict> + Clone,
    table: &TableEntry,
    cleared: &mut Option<usize>,
) -> Option<Room> {
    if !matches!(conflict, ConflictClause::Replace) {
        return conflict.choose(conflicts).map(Room::ToMake);
    }
    // The row id is tested first, then the newest index.
    let order = |found: &Conflict| found.index.map_or(0, |index| table.indexes.len() - index);
    match conflicts.clone().find(|found| Some(order(found)) > *cleared) {
        Some(found) => {
            *cleared = Some(order(&found));
            Some(Room::ToMake(found))
        }
        None => conflicts.next().map(Room::Taken),
    }
}
