//! Stage 2: the change of one row, and what a conflict clause makes of a key that is taken.

use super::{Assignment, Changed, Executor, Frame, How, Place, RowFrame, RowWork, Turn};
use crate::catalog::{ReferentialAction, Resolution, TableEntry};
use crate::error::{Error, Event, NamedRows, ViolationKind};
use crate::id::{RowId, TableId};
use crate::referential::ConflictClause;
use crate::referential::effects::StepKind;
use crate::referential::program::{Assign, Timing};
use crate::referential::relation::{is_referenced_key_there, referencing_key};
use crate::table::{self, Conflict, NewRowId, Prepared, Refusal, Row, RowRef, Store};
use crate::value::{OrderedKey, Value};
use std::collections::HashMap;
use std::sync::Arc;

impl Executor<'_> {
    pub(super) fn change(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        match &frame.work {
            RowWork::Delete { row_id, .. } => {
                Ok(self.delete(frame.place, *row_id, frame.row_before()))
            }
            RowWork::Insert { .. } => self.insert(frame),
            RowWork::Update { .. } => self.update(frame),
            // Its programs stood for it.
            RowWork::Instead(_) => Ok(Turn::Skipped),
        }
    }

    fn delete(&mut self, place: Place, row_id: RowId, old: Option<Row>) -> Turn {
        if self.is_returned(place)
            && let Some(row) = self.store.row(place.table, row_id)
        {
            self.returned.push((row_id, old.unwrap_or_else(|| row.to_row())));
        }
        self.note_vacated(place.table, row_id);
        if !table::delete(self.store, place.table, row_id) {
            return Turn::Skipped;
        }
        let change = self.record(place);
        Turn::Goes(Changed { change, new: None })
    }

    /// Notes a row that is to go, where a program may put one with its key in its place: what the
    /// statement still has to do with the one it does with the other.
    pub(super) fn note_vacated(&mut self, table: TableId, row_id: RowId) {
        if self.settings.programs.0.is_empty() {
            return;
        }
        let entry = self.settings.catalog.by_id(table);
        if entry.definition.is_without_row_id()
            && let Some(index) = entry.primary_key_index()
            && let Some(row) = self.store.row(table, row_id)
            && let Some(key) = table::unique_key(index, &row.to_vec())
        {
            self.vacated.insert((table, key), row_id);
        }
    }

    /// Whether the statement's caller wants to see the rows of this step.
    pub(super) fn is_returned(&self, place: Place) -> bool {
        self.returns && self.effects.steps[place.step.0 as usize].kind == StepKind::Direct
    }

    fn insert(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Insert { values, given, row_id, cleared, conflict } = &mut frame.work else {
            return Ok(Turn::Skipped);
        };
        let new_id = match (&*row_id, &*given) {
            (Some(row_id), _) => NewRowId::Known(*row_id),
            (None, Some(given)) => NewRowId::Given(given),
            (None, None) => match self.sequences.iter().find(|(table, _)| *table == place.table) {
                Some((_, last)) => NewRowId::Beyond(*last),
                None => NewRowId::Own,
            },
        };
        // What AUTOINCREMENT has given is given, whatever becomes of the row.
        let new_id = match entry.sequence {
            Some(_) => match table::new_row_id(self.store, entry, values, new_id) {
                Ok(found) => {
                    note_greatest(&mut self.sequences, place.table, found);
                    NewRowId::Known(found)
                }
                Err(refusal) => return self.refuse(place, None, refusal, conflict),
            },
            None => new_id,
        };
        let resolution = conflict.resolution;
        let prepared = table::prepare_insert(self.store, entry, values.clone(), new_id, resolution);
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(place, None, refusal, conflict),
        };
        if let Some(vacated) = find_vacated(&self.vacated, self.store, entry, &prepared.values) {
            prepared.row_id = vacated;
        }
        *row_id = Some(prepared.row_id);
        let conflicts = table::find_conflicts(self.store, entry, &prepared, None, None);
        let chosen = choose(conflict, conflicts, entry, cleared);
        if let Err(refusal) = check_types(entry, conflict, &chosen, &prepared) {
            return self.refuse(place, None, refusal, conflict);
        }
        match chosen {
            None => {}
            Some(Room::ToMake(found)) => {
                let conflict = conflict.clone();
                return self.resolve_conflict(place, None, found, prepared, &conflict);
            }
            Some(Room::Taken(found)) => {
                return Err(self.conflict_violation(place, None, &found, &prepared));
            }
        }
        let row_id = prepared.row_id;
        let mut programs =
            self.settings.programs.of(place.table, Event::Insert, Timing::After, &[]);
        let is_wanted = programs.next().is_some() || self.is_returned(place);
        let new = is_wanted.then(|| (row_id, prepared.values.clone().into()));
        table::insert(self.store, entry, prepared);
        // Without row ids there is none to tell.
        if !entry.definition.is_without_row_id() {
            self.counters.last_insert_row_id = row_id.0;
            if self.effects.steps[place.step.0 as usize].kind == StepKind::Direct {
                self.inserted.push(row_id);
            }
        }
        if self.is_returned(place) {
            self.returned.extend(new.clone());
        }
        let change = self.record(place);
        Ok(Turn::Goes(Changed { change, new }))
    }

    fn update(&mut self, frame: &mut RowFrame) -> Result<Turn, Error> {
        let place = frame.place;
        let entry = self.settings.catalog.by_id(place.table);
        let RowWork::Update { row_id, values, prepared: fixed, cleared, conflict, .. } =
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
                // They were fixed before any program ran.
                let assigned = values.as_deref().unwrap_or_default();
                match table::prepare_update(entry, *row_id, old, assigned, conflict.resolution) {
                    Ok(prepared) => prepared,
                    Err(refusal) => return self.refuse(place, Some(*row_id), refusal, conflict),
                }
            }
        };
        if may_replace(conflict, entry) {
            *fixed = Some(prepared.clone());
        }
        let named = self.effects.steps[place.step.0 as usize].named.clone();
        let conflicts =
            table::find_conflicts(self.store, entry, &prepared, Some(*row_id), Some(&named));
        let chosen = choose(conflict, conflicts, entry, cleared);
        if let Err(refusal) = check_types(entry, conflict, &chosen, &prepared) {
            return self.refuse(place, Some(*row_id), refusal, conflict);
        }
        match chosen {
            None => {}
            Some(Room::ToMake(found)) => {
                let conflict = conflict.clone();
                return self.resolve_conflict(place, Some(*row_id), found, prepared, &conflict);
            }
            Some(Room::Taken(found)) => {
                return Err(self.conflict_violation(place, Some(*row_id), &found, &prepared));
            }
        }
        let new = (prepared.row_id, prepared.values.clone().into());
        table::update(self.store, entry, *row_id, prepared);
        let change = self.record(place);
        if self.is_returned(place) {
            self.returned.push(new.clone());
        }
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
        if let Some((_, upsert)) = conflict.upsert(found.index) {
            if let Some(update) = &upsert.update {
                self.upsert(place, found.row_id, &prepared, update)?;
            }
            return Ok(Turn::Skipped);
        }
        match conflict.resolve(declared(self.settings.catalog.by_id(place.table), &found)) {
            Resolution::Ignore => Ok(Turn::Skipped),
            Resolution::Replace => {
                let step = self.open_step(
                    StepKind::Replaced,
                    Event::Delete,
                    place.table,
                    Some(place.step),
                    Vec::new(),
                );
                let place = Place { step, ..place };
                let runs_programs = self.settings.recursive_programs;
                let work = RowWork::Delete { row_id: found.row_id, runs_programs };
                self.stack.push(Frame::Row(RowFrame::new(place, work)));
                Ok(Turn::Waits)
            }
            resolution @ (Resolution::Abort | Resolution::Fail | Resolution::Rollback) => {
                self.resolution = resolution;
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
        update: &Arc<dyn Assign>,
    ) -> Result<(), Error> {
        let Some(row) = self.store.row(place.table, row_id) else { return Ok(()) };
        let view = self.view();
        let assigned = match update.values(&view, row, Some(&prepared.values)) {
            Ok(Some(assigned)) => assigned,
            Ok(None) => return Ok(()),
            Err(stop) => return self.stop(stop),
        };
        let kind = self.effects.steps[place.step.0 as usize].kind.clone();
        let step = self.open_step(kind, Event::Update, place.table, None, update.columns());
        let place = Place { step, ..place };
        let assignment = Arc::new(Assignment::Values(assigned));
        let conflict = ConflictClause::of(Some(Resolution::Abort));
        self.push_rows(place, vec![row_id], How::Update(assignment, conflict));
        Ok(())
    }
}

/// What the constraint says about a row that is in conflict with it.
fn declared(table: &TableEntry, found: &Conflict) -> Option<Resolution> {
    match found.index {
        Some(position) => table.indexes[position].resolution,
        None => table.row_id_resolution,
    }
}

/// Whether a row in the way may be deleted, by the statement's word or a constraint's.
fn may_replace(conflict: &ConflictClause, table: &TableEntry) -> bool {
    let replace = Some(Resolution::Replace);
    match conflict.resolution {
        Some(resolution) => resolution == Resolution::Replace,
        None => {
            table.row_id_resolution == replace
                || table.indexes.iter().any(|index| index.resolution == replace)
        }
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

impl Room {
    fn is_of_row_id(&self) -> bool {
        let (Room::ToMake(found) | Room::Taken(found)) = self;
        found.index.is_none()
    }
}

/// The id of the row that is gone whose key a new row has, in a table without row ids.
fn find_vacated(
    vacated: &HashMap<(TableId, OrderedKey), RowId>,
    store: &Store,
    table: &TableEntry,
    values: &[Value],
) -> Option<RowId> {
    if vacated.is_empty() || !table.definition.is_without_row_id() {
        return None;
    }
    let key = table::unique_key(table.primary_key_index()?, values)?;
    let found = vacated.get(&(table.id, key))?;
    store.row(table.id, *found).is_none().then_some(*found)
}

/// Refuses what a STRICT table cannot hold, unless a row with the same id stands in the way before.
fn check_types(
    table: &TableEntry,
    conflict: &ConflictClause,
    chosen: &Option<Room>,
    prepared: &Prepared,
) -> Result<(), Refusal> {
    // An upsert that begins with another key puts the row id off behind the types.
    let begins_with_row_id =
        conflict.upserts.is_empty() || conflict.upsert(None).is_some_and(|(place, _)| place == 0);
    match begins_with_row_id && chosen.as_ref().is_some_and(Room::is_of_row_id) {
        true => Ok(()),
        false => table::check_row_types(table, &prepared.values),
    }
}

/// Of the conflicts of a row, which are given in their turn, the one to deal with. `cleared` remembers
/// how far REPLACE has come.
///
/// What an upsert names comes before all others, and the row id after them if only its constraint
/// says to REPLACE.
fn choose(
    conflict: &ConflictClause,
    mut conflicts: impl Iterator<Item = Conflict> + Clone,
    table: &TableEntry,
    cleared: &mut Option<usize>,
) -> Option<Room> {
    if conflict.upserts.is_empty() && !may_replace(conflict, table) {
        return conflicts.next().map(Room::ToMake);
    }
    let is_row_id_last =
        conflict.resolution.is_none() && table.row_id_resolution == Some(Resolution::Replace);
    let (upserts, indexes) = (conflict.upserts.len(), table.indexes.len());
    let order = |found: &Conflict| match (conflict.upsert(found.index), found.index) {
        (Some((place, _)), _) => place,
        (None, None) => upserts + if is_row_id_last { indexes + 1 } else { 0 },
        (None, Some(index)) => {
            let turn = table.indexes_in_turn().position(|(position, _)| position == index);
            upserts + 1 + turn.expect("a conflict is over an index of the table")
        }
    };
    let ahead = conflicts.clone().filter(|found| Some(order(found)) > *cleared);
    match ahead.min_by_key(order) {
        Some(found) => {
            *cleared = Some(order(&found));
            Some(Room::ToMake(found))
        }
        None => conflicts.next().map(Room::Taken),
    }
}

fn note_greatest(sequences: &mut Vec<(TableId, RowId)>, table: TableId, row_id: RowId) {
    match sequences.iter_mut().find(|(known, _)| *known == table) {
        Some((_, last)) => *last = row_id.max(*last),
        None => sequences.push((table, row_id)),
    }
}
