//! Why a row change is refused, with everything that is known where it happens.

use super::{Executor, Place, Turn};
use crate::catalog::ForeignKeyEntry;
use crate::error::{Error, Event, Hop, InputError, RowName, Violation, ViolationKind};
use crate::id::{RowId, TableId};
use crate::referential::effects::StepKind;
use crate::referential::{ConflictClause, foreign_key_violation};
use crate::table::{self, Conflict, Prepared, Refusal, RowRef};
use crate::value::Value;

impl Executor<'_> {
    /// What a row that cannot be made comes to; `updated` is the row as it was, for an update.
    pub(super) fn refuse(
        &self,
        place: Place,
        updated: Option<RowId>,
        refusal: Refusal,
        conflict: &ConflictClause,
    ) -> Result<Turn, Error> {
        let entry = self.settings.catalog.by_id(place.table);
        let table = || entry.name().to_owned();
        let error = match refusal {
            Refusal::NotNull(_) | Refusal::Check(..)
                if matches!(conflict, ConflictClause::Ignore) =>
            {
                return Ok(Turn::Skipped);
            }
            Refusal::NotAnInteger(value) => {
                let column = entry.row_id_column.map_or("rowid", |at| entry.column_name(at));
                let constraint = self.acting_constraint(place);
                let (table, column) = (table(), column.to_owned());
                InputError::NotAnInteger { constraint, table, column, value }.into()
            }
            Refusal::RowIdsExhausted => InputError::RowIdsExhausted { table: table() }.into(),
            Refusal::NotNull(position) => {
                let column = entry.column_name(position).to_owned();
                let mut violation = self.own_violation(
                    place,
                    updated,
                    ViolationKind::NotNull,
                    format!("{}_{column}_not_null", entry.name()),
                );
                violation.columns = vec![column];
                violation.key = vec![Value::Null];
                violation.hint = self.not_null_hint(place);
                Error::Violation(Box::new(violation))
            }
            Refusal::Check(position, row_id) => {
                let text = entry.checks[position].text.clone();
                let mut violation = self.own_violation(place, updated, ViolationKind::Check, text);
                let row = self.store.row(place.table, row_id);
                violation.rows = vec![entry.row_name(row_id, row.map(RowRef::to_vec).as_deref())];
                violation.columns = entry.column_names(&entry.checks[position].columns);
                Error::Violation(Box::new(violation))
            }
        };
        Err(error)
    }

    /// SET NULL onto a NOT NULL column is the commonest way into this refusal.
    fn not_null_hint(&self, place: Place) -> Option<String> {
        let name = self.acting_constraint(place)?;
        Some(format!(
            "Foreign key \"{name}\" sets a column that may not be NULL; declare another action, or \
             drop NOT NULL."
        ))
    }

    /// The foreign key whose action is at work here.
    fn acting_constraint(&self, place: Place) -> Option<String> {
        match self.effects.steps[place.step.0 as usize].kind {
            StepKind::Constraint(id) => Some(self.settings.catalog.constraint(id).name.clone()),
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
        let (kind, name, columns) = match index {
            Some(index) if table::is_primary_key(index) => (
                ViolationKind::PrimaryKey,
                index.name.clone(),
                index.columns.iter().map(|(at, _)| *at).collect(),
            ),
            Some(index) => (
                ViolationKind::Unique,
                index.name.clone(),
                index.columns.iter().map(|(at, _)| *at).collect(),
            ),
            None => match entry.row_id_column {
                Some(position) => {
                    (ViolationKind::PrimaryKey, format!("{}_pkey", entry.name()), vec![position])
                }
                None => (ViolationKind::RowId, "rowid".to_owned(), Vec::new()),
            },
        };
        let mut violation = self.own_violation(place, updated, kind, name);
        let is_bare = columns.is_empty();
        violation.key = columns.iter().map(|&position| prepared.values[position].clone()).collect();
        violation.columns = entry.column_names(&columns);
        if is_bare {
            violation.columns = vec!["rowid".to_owned()];
            violation.key = vec![Value::Integer(prepared.row_id.0)];
        }
        let other = self.store.row(place.table, found.row_id).map(RowRef::to_vec);
        violation.rows = vec![entry.row_name(found.row_id, other.as_deref())];
        Error::Violation(Box::new(violation))
    }

    /// A violation of a constraint that the row's own table holds.
    fn own_violation(
        &self,
        place: Place,
        updated: Option<RowId>,
        kind: ViolationKind,
        name: String,
    ) -> Violation {
        let table = self.settings.catalog.by_id(place.table).name().to_owned();
        let path = self.effects.path(
            self.settings.catalog,
            self.store,
            place.cause,
            self.last_hop(place, updated),
        );
        Violation {
            kind,
            event: updated.map_or(Event::Insert, |_| Event::Update),
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
    fn last_hop(&self, place: Place, updated: Option<RowId>) -> Option<Hop> {
        let step = &self.effects.steps[place.step.0 as usize];
        let constraint = match &step.kind {
            StepKind::Direct | StepKind::Replaced => return None,
            StepKind::Constraint(id) => self.settings.catalog.constraint(*id).name.clone(),
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
        rows: Vec<RowName>,
        row_count: usize,
    ) -> Violation {
        foreign_key_violation(self.settings.catalog, kind, key, event, event_table, rows, row_count)
    }
}
