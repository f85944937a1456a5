//! Copying keys from one object to another, along the columns that carry a relationship.

use super::UnitOfWork;
use crate::session::Session;
use crate::session::attribute::column_slot;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnPair, ColumnRef, RelationshipId};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;

/// Which columns of an association row hold which values.
pub(super) type AssociationRow = Vec<(ColumnRef, Scalar)>;

impl UnitOfWork {
    /// Copies the key of `source` to `destination`. With `is_cascaded`, the database's update rule
    /// does the same to the row, so that an UPDATE need not.
    pub(super) fn populate(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        source: ObjectId,
        destination: ObjectId,
        is_cascaded: bool,
    ) -> Result<()> {
        let mapping = session.mapping;
        for pair in &mapping[relationship].synchronize_pairs {
            let value = session.column_value(source, pair.source.column)?;
            session.set_scalar(destination, column_slot(pair.destination.column), value)?;
            let are_keys =
                mapping[pair.source].primary_key && mapping[pair.destination].primary_key;
            if is_cascaded && are_keys && mapping.references(pair.destination, pair.source) {
                self.cascaded_keys.insert((destination, pair.destination), ());
            }
        }
        Ok(())
    }

    /// Sets the columns of `destination` that carry a relationship to NULL.
    ///
    /// # Errors
    /// `AssertionError` if one of them is part of its primary key.
    pub(super) fn clear(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        destination: ObjectId,
    ) -> Result<()> {
        let mapping = session.mapping;
        for ColumnPair { source, destination: column } in &mapping[relationship].synchronize_pairs {
            if mapping[*column].primary_key {
                let value =
                    session.get_column(destination, column.column, Passive::RETURN_NO_VALUE)?;
                if value.value().is_some_and(|value| !value.is_null()) {
                    return Err(Error::new(
                        ErrorClass::AssertionError,
                        format!(
                            "Dependency rule on column '{}' tried to blank-out primary key column \
                             '{}' on instance '{}'",
                            mapping.column_text(*source),
                            mapping.column_text(*column),
                            session.object_text(destination)
                        ),
                    ));
                }
            }
            session.set_scalar(destination, column_slot(column.column), Scalar::Null)?;
        }
        Ok(())
    }

    /// Copies the key of an object into an association row.
    pub(super) fn populate_row(
        &self,
        session: &mut Session<'_>,
        pairs: &[ColumnPair],
        source: ObjectId,
        row: &mut AssociationRow,
    ) -> Result<()> {
        for pair in pairs {
            let value = session.column_value(source, pair.source.column)?;
            put(row, pair.destination, value);
        }
        Ok(())
    }

    /// Copies the key that an object had before into an association row.
    pub(super) fn populate_old_row(
        &self,
        session: &mut Session<'_>,
        pairs: &[ColumnPair],
        source: ObjectId,
        row: &mut AssociationRow,
    ) -> Result<()> {
        for pair in pairs {
            let column = pair.source.column;
            let old = session.get_committed_column(source, column, Passive::OFF)?.value();
            put(row, pair.destination, old.unwrap_or_default());
        }
        Ok(())
    }

    /// Whether the key of an object has changed since the last flush.
    pub(super) fn source_modified(
        &mut self,
        session: &mut Session<'_>,
        source: ObjectId,
        relationship: RelationshipId,
    ) -> Result<bool> {
        for pair in &session.mapping[relationship].synchronize_pairs {
            let column = pair.source.column;
            let history = self.scalar_history(session, source, column, Passive::NO_INITIALIZE)?;
            if history.deleted.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn put(row: &mut AssociationRow, column: ColumnRef, value: Scalar) {
    match row.iter_mut().find(|(of, _)| *of == column) {
        Some((_, old)) => *old = value,
        None => row.push((column, value)),
    }
}
