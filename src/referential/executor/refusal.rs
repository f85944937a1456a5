//! Why a row change is refused, with everything that is known where it happens.

use super::{Executor, Place, RowFrame, RowWork, Turn};
use crate::catalog::{ForeignKeyEntry, Resolution, TableEntry};
use crate::error::{
    ConstraintNames, Error, Event, Hint, Hop, InputError, NamedRows, Violation, ViolationKind,
};
use crate::id::{RowId, TableId};
use crate::referential::effects::StepKind;
use crate::referential::{ConflictClause, foreign_key_violation};
use crate::table::{self, Conflict, Prepared, Refusal, RowRef};
use crate::value::Value;
use std::sync::Arc;

impl Executor<'_> {
    /// What is given for a row id must be one before any program sees it.
    pub(super) fn check_row_id(&mut self, frame: &RowFrame) -> Result<(), Error> {
        let Some(entry) = self.settings.catalog.find_by_id(frame.place.table) else {
            return Ok(());
        };
        let position = entry.row_id_column;
        let (given, updated, conflict) = match &frame.work {
            RowWork::Insert { values, given, conflict, .. } => {
                let value = given.as_ref().or_else(|| position.and_then(|at| values.get(at)));
                (value.filter(|value| !value.is_null()), None, conflict)
            }
            RowWork::Update { row_id, values, conflict, .. } => {
                let position = position.unwrap_or(entry.columns.len());
                let mut assigned = values.iter().flatten();
                let value = assigned.find(|(at, _)| *at == position).map(|(_, value)| value);
                (value, Some(*row_id), conflict)
            }
            RowWork::Delete { .. } | RowWork::Instead(_) => return Ok(()),
        };
        match given.map(table::check_row_id) {
            Some(Err(refusal)) => self.refuse(frame.place, updated, refusal, conflict).map(|_| ()),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// What programs before the change of a row are shown has the types that its table demands.
    pub(super) fn check_types(&mut self, frame: &RowFrame) -> Result<(), Error> {
        let (updated, conflict) = match &frame.work {
            RowWork::Insert { conflict, .. } => (None, conflict),
            RowWork::Update { row_id, conflict, .. } => (Some(*row_id), conflict),
            RowWork::Delete { .. } | RowWork::Instead(_) => return Ok(()),
        };
        let entry = self.settings.catalog.by_id(frame.place.table);
        if !entry.definition.is_strict() {
            return Ok(());
        }
        let Some((_, row)) = self.activation_before(frame).new else { return Ok(()) };
        match table::check_row_types(entry, &row) {
            Ok(()) => Ok(()),
            Err(refusal) => self.refuse(frame.place, updated, refusal, conflict).map(|_| ()),
        }
    }

    /// What a row that cannot be made comes to; `updated` is the row as it was, for an update.
    pub(super) fn refuse(
        &mut self,
        place: Place,
        updated: Option<RowId>,
        refusal: Refusal,
        conflict: &ConflictClause,
    ) -> Result<Turn, Error> {
        let entry = self.settings.catalog.by_id(place.table);
        let table = || entry.name().to_owned();
        match self.resolve_refusal(entry, &refusal, conflict) {
            Resolution::Ignore => return Ok(Turn::Skipped),
            resolution => self.resolution = resolution,
        }
        let error = match refusal {
            Refusal::NotAnInteger(value) => {
                let column = entry.row_id_column.map_or("rowid", |at| entry.column_name(at));
                let constraint =
                    self.acting_foreign_key(place).map(|acting| acting.name.to_string());
                let (table, column) = (table(), column.to_owned());
                InputError::NotAnInteger { constraint, table, column, value }.into()
            }
            Refusal::RowIdsExhausted => InputError::RowIdsExhausted { table: table() }.into(),
            Refusal::NotNull(position) => {
                let (kind, names) = (ViolationKind::NotNull, entry.not_null_names(position));
                let mut violation = self.own_violation(place, updated, kind, names);
                violation.key = Value::Null.into();
                violation.hint = self.acting_foreign_key(place).map_or(Hint::None, |acting| {
                    // SET NULL onto a NOT NULL column is the commonest way into this refusal.
                    Hint::SetsNull(self.settings.catalog.foreign_key_names(acting))
                });
                Error::Violation(violation)
            }
            Refusal::Datatype(position, value) => {
                let (kind, names) = (ViolationKind::Datatype, entry.type_names(position));
                let mut violation = self.own_violation(place, updated, kind, names);
                violation.key = value.into();
                Error::Violation(violation)
            }
            Refusal::Check(position, row_id) => {
                let (kind, names) = (ViolationKind::Check, entry.check_names(position));
                let mut violation = self.own_violation(place, updated, kind, names);
                let row = self.store.row(place.table, row_id);
                let row = row.map(RowRef::to_vec);
                violation.rows = entry.named_row(row_id, row.as_deref());
                Error::Violation(violation)
            }
        };
        Err(error)
    }

    /// What becomes of a row with a NULL too many or a CHECK that fails. REPLACE has nothing to put
    /// in its place.
    fn resolve_refusal(
        &self,
        table: &TableEntry,
        refusal: &Refusal,
        conflict: &ConflictClause,
    ) -> Resolution {
        let resolution = match refusal {
            Refusal::NotNull(position) => {
                conflict.resolve(table.columns[*position].not_null_resolution)
            }
            Refusal::Check(..) => conflict.resolve(None),
            Refusal::Datatype(..) | Refusal::NotAnInteger(_) | Refusal::RowIdsExhausted => {
                Resolution::Abort
            }
        };
        match resolution {
            Resolution::Replace => Resolution::Abort,
            other => other,
        }
    }

    /// The foreign key whose action is at work here.
    fn acting_foreign_key(&self, place: Place) -> Option<&ForeignKeyEntry> {
        match self.effects.steps[place.step.0 as usize].kind {
            StepKind::Constraint(id) => Some(self.settings.catalog.constraint(id)),
            StepKind::Direct | StepKind::Replaced | StepKind::Program(_) => None,
        }
    }

    pub(super) fn conflict_violation(
        &self,
        place: Place,
        updated: Option<RowId>,
        found: &Conflict,
        prepared: &Prepared,
    ) -> Error {
        let entry = self.settings.catalog.by_id(place.table);
        let index = found.index.map(|position| &entry.indexes[position]);
        let kind = match index {
            Some(index) if !table::is_primary_key(index) => ViolationKind::Unique,
            None if entry.row_id_column.is_none() => ViolationKind::RowId,
            Some(_) | None => ViolationKind::PrimaryKey,
        };
        let names = entry.key_names(found.index);
        let mut violation = self.own_violation(place, updated, kind, names);
        violation.key = match index {
            Some(index) => {
                index.columns.iter().map(|(at, _)| prepared.values[*at].clone()).collect()
            }
            None => prepared.row_id.0.into(),
        };
        let other = self.store.row(place.table, found.row_id).map(RowRef::to_vec);
        violation.rows = entry.named_row(found.row_id, other.as_deref());
        Error::Violation(violation)
    }

    /// A violation of a constraint that the row's own table holds.
    fn own_violation(
        &self,
        place: Place,
        updated: Option<RowId>,
        kind: ViolationKind,
        names: Arc<ConstraintNames>,
    ) -> Box<Violation> {
        let (catalog, last) = (self.settings.catalog, self.last_hop(place, updated));
        let event = updated.map_or(Event::Insert, |_| Event::Update);
        let reached = self.effects.path(catalog, self.store, place.cause, last).into();
        Box::new(Violation { reached, ..Violation::new(names, kind, event) })
    }

    /// The hop to a row that an action or program was about to change.
    fn last_hop(&self, place: Place, updated: Option<RowId>) -> Option<Hop> {
        let step = &self.effects.steps[place.step.0 as usize];
        let constraint = match &step.kind {
            StepKind::Direct | StepKind::Replaced => return None,
            StepKind::Constraint(id) => self.settings.catalog.constraint(*id).name.to_string(),
            StepKind::Program(name) => name.to_string(),
        };
        let table = self.settings.catalog.by_id(place.table);
        let row_id = updated?;
        let row = self.store.row(place.table, row_id).map(RowRef::to_vec);
        let row = table.row_name(row_id, row.as_deref());
        Some(Hop { constraint: Some(constraint), table: table.name().to_owned(), row })
    }

    pub(super) fn foreign_key_violation(
        &self,
        kind: ViolationKind,
        key: &ForeignKeyEntry,
        event: Event,
        event_table: TableId,
        rows: NamedRows,
    ) -> Box<Violation> {
        let catalog = self.settings.catalog;
        Box::new(foreign_key_violation(catalog, kind, key, event, event_table, rows))
    }
}
