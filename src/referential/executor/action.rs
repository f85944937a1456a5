//! Stage 3: what the foreign keys that reference a changed row do about it: rules A and O.

use super::{Assignment, Changed, Executor, How, Place, RowFrame, RowWork, RowsFrame};
use crate::catalog::{ForeignKeyEntry, ReferentialAction, Resolution};
use crate::error::{Error, Event, Hint, ViolationKind};
use crate::id::ConstraintId;
use crate::referential::effects::StepKind;
use crate::referential::relation::{find_referencing, referenced_key};
use crate::referential::{ActionOrder, ConflictClause, LetPass, LetPassKind, name_referencing};
use crate::table::{self, RowRef};
use crate::value::{OrderedKey, Value};
use std::sync::Arc;

impl Executor<'_> {
    /// The next action on a changed row that has rows to change: the position after it, and them.
    pub(super) fn next_action(
        &mut self,
        frame: &RowFrame,
        from: usize,
        changed: &Changed,
    ) -> Result<Option<(usize, RowsFrame)>, Error> {
        let event = frame.event();
        let catalog = self.settings.catalog;
        let referenced_by = catalog.referenced_by(frame.place.table);
        for position in from..referenced_by.len() {
            let constraint = self.in_order(referenced_by, position);
            let key = catalog.constraint(constraint);
            let Some(action) = self.action(frame, key) else { continue };
            if !self.settings.enforces() {
                self.note_let_pass(key, event, action, changed);
                continue;
            }
            let place = Place { cause: changed.change, ..frame.place };
            let depth = self.enter(place)?;
            let Some(vacated) = self.vacated_key(key, changed) else { continue };
            if action == ReferentialAction::Restrict {
                self.restrict(place, event, key, &vacated)?;
                continue;
            }
            let mut rows = find_referencing(self.store, key, &vacated);
            if rows.len() > 1 {
                let table = catalog.by_id(key.table);
                rows = table::rows_in_order(self.store, table, rows.into_iter());
            }
            if is_mutant!(CascadeSkipsLast)
                && action == ReferentialAction::Cascade
                && rows.len() > 1
            {
                rows.pop();
            }
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
    pub(super) fn in_order(&self, created: &[ConstraintId], position: usize) -> ConstraintId {
        match self.settings.dialect.order {
            ActionOrder::NewestFirst if is_mutant!(OldestFirst) => created[position],
            ActionOrder::NewestFirst => created[created.len() - 1 - position],
            ActionOrder::OldestFirst => created[position],
        }
    }

    /// What `key` does about this row change: nothing under NO ACTION, under a RESTRICT that is
    /// deferred, or for an update that names none of the referenced columns.
    pub(super) fn action(
        &self,
        frame: &RowFrame,
        key: &ForeignKeyEntry,
    ) -> Option<ReferentialAction> {
        match &frame.work {
            RowWork::Insert { .. } | RowWork::Instead(_) => None,
            RowWork::Delete { .. } => self.delete_action(key),
            RowWork::Update { .. } => {
                let named = &self.effects.steps[frame.place.step.0 as usize].named;
                let referenced = key.resolved().map_or(&[][..], |to| &to.columns);
                if !referenced.iter().any(|position| named.contains(position)) {
                    return None;
                }
                self.acting(key, key.update_rule())
            }
        }
    }

    /// What `key` does about a deleted row.
    pub(super) fn delete_action(&self, key: &ForeignKeyEntry) -> Option<ReferentialAction> {
        self.acting(key, key.delete_rule())
    }

    fn acting(
        &self,
        key: &ForeignKeyEntry,
        action: ReferentialAction,
    ) -> Option<ReferentialAction> {
        match action {
            ReferentialAction::NoAction if is_mutant!(NoActionAtRow) => {
                (!self.settings.is_deferred(key)).then_some(ReferentialAction::Restrict)
            }
            ReferentialAction::NoAction => None,
            ReferentialAction::Restrict if is_mutant!(RestrictIgnored) => None,
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
            let written = match action {
                ReferentialAction::SetNull if is_mutant!(SetNullFirstColumn) => 1,
                _ => key.columns.len(),
            };
            let values = key.columns.iter().enumerate().take(written);
            let values = values.map(|(at, &position)| (position, value(at))).collect();
            let conflict = ConflictClause::of(Some(Resolution::Abort));
            How::Update(Arc::new(Assignment::Values(values)), conflict)
        };
        let columns = &self.settings.catalog.by_id(key.table).columns;
        match action {
            ReferentialAction::Cascade => match (&changed.new, key.resolved()) {
                (Some((_, new)), Some(to)) if event == Event::Update => {
                    set(&|at| new[to.columns[at]].clone())
                }
                _ => How::Delete { runs_programs: true },
            },
            ReferentialAction::SetDefault if is_mutant!(SetDefaultIsNull) => set(&|_| Value::Null),
            ReferentialAction::SetDefault => set(&|at| columns[key.columns[at]].default_value()),
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
    ) -> Result<(), Error> {
        let rows = name_referencing(self.settings.catalog, self.store, key, vacated);
        if rows.count == 0 {
            return Ok(());
        }
        let old = place.cause.map(|change| Changed { change: Some(change), new: None });
        let old = old.as_ref().and_then(|changed| self.old_row(changed));
        let kind = ViolationKind::Restrict;
        let mut violation = self.foreign_key_violation(kind, key, event, place.table, rows);
        let columns = key.resolved().map_or(&[][..], |to| &to.columns);
        violation.key =
            old.iter().flat_map(|row| columns.iter().map(|&at| row.value(at))).collect();
        violation.still_referenced = true;
        violation.reached = self.effects.reached(self.settings.catalog, self.store, place.cause);
        violation.hint = Hint::ForeignKey;
        Err(Error::Violation(violation))
    }

    /// With enforcement off: what the action would have had to do, if anybody asked.
    fn note_let_pass(
        &mut self,
        key: &ForeignKeyEntry,
        event: Event,
        action: ReferentialAction,
        changed: &Changed,
    ) {
        if !self.settings.observes {
            return;
        }
        let Some(vacated) = self.vacated_key(key, changed) else { return };
        let rows = find_referencing(self.store, key, &vacated).len();
        if rows > 0 {
            let kind = LetPassKind::Action(action);
            LetPass::add(&mut self.let_pass, key, event, kind, rows);
        }
    }

    /// The referenced key that a row change has left: the old one, unless it is still the row's.
    fn vacated_key(&self, key: &ForeignKeyEntry, changed: &Changed) -> Option<OrderedKey> {
        let to = key.resolved()?;
        let old = referenced_key(to, self.old_row(changed)?)?;
        let new = changed.new.as_ref();
        let new = new.and_then(|(row_id, row)| referenced_key(to, RowRef::held(*row_id, row)));
        (new.as_ref() != Some(&old) || is_mutant!(ActsWithoutChange)).then_some(old)
    }
}
