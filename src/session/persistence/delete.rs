//! DELETE of the rows of objects, all of a mapper in one statement.

use super::{Sending, Values, by_reference, sorted};
use crate::session::Session;
use crate::session::attribute::{Got, column_slot};
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnPosition, ColumnRef, MapperId};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::{Committed, State};
use crate::session::statement::{Condition, Delete};

/// Deletes the rows of objects. A row that is not there is warned of.
///
/// # Errors
/// What the database refuses; `FlushError` for an object without key.
pub(in crate::session) fn delete(
    session: &mut Session<'_>,
    mapper: MapperId,
    objects: Vec<ObjectId>,
) -> Result<()> {
    session.connect()?;
    let table = session.mapping.table_of(mapper);
    let key = table.primary_key.iter();
    let filter =
        key.map(|&column| Condition::key(table.name.clone(), table.column(column).name.clone()));
    let delete = Delete::from(table.name.clone(), filter);
    let mut sending = Sending::new(delete, table, table.primary_key.len(), objects.len());
    let mut unset = Vec::new();
    for (row, object) in sorted(session, objects)?.into_iter().enumerate() {
        let state = session.state(object);
        let known = |&column: &ColumnPosition| Some((column, known_in_row(state, column)?));
        if table.primary_key.iter().all(|column| known(column).is_some()) {
            sending.push(table.primary_key.iter().filter_map(known))?;
            continue;
        }
        let mut key = Values::new();
        for &column in &table.primary_key {
            match key_in_row(session, mapper, object, column)? {
                Some(value) => key.push((column, value)),
                None => {
                    unset.push((row, key.len()));
                    key.push((column, Scalar::Null));
                }
            }
        }
        sending.push(by_reference(&key))?;
    }
    let expected = sending.batch.len();
    if expected == 0 {
        return Ok(());
    }
    if !unset.is_empty() {
        return session.refuse_unset(sending.statement, sending.batch, unset);
    }
    let matched = sending.send(session)?;
    if matched != expected {
        session.warn(format!(
            "DELETE statement on table '{}' expected to delete {expected} row(s); {matched} were \
             matched.  Please set confirm_deleted_rows=False within the mapper configuration to \
             prevent this warning.",
            table.name
        ));
    }
    Ok(())
}

/// A key column as the database has it, if the object need not be asked for it.
fn known_in_row(state: &State, column: ColumnPosition) -> Option<&Scalar> {
    let value = match state.committed(column_slot(column)) {
        None => state.scalar(column_slot(column))?,
        Some(Committed::Scalar(before)) => before,
        Some(_) => return None,
    };
    (!value.is_null()).then_some(value)
}

/// A key column as the database has it; `None` if it was never set: an object may be marked to be
/// deleted before it has a row.
fn key_in_row(
    session: &mut Session<'_>,
    mapper: MapperId,
    object: ObjectId,
    column: ColumnPosition,
) -> Result<Option<Scalar>> {
    let value = match session.get_committed_column(object, column, Passive::RETURN_NO_VALUE)? {
        Got::NoValue => return Ok(None),
        got => got.value().unwrap_or_default(),
    };
    if !value.is_null() {
        return Ok(Some(value));
    }
    let of = ColumnRef { table: session.mapping[mapper].table, column };
    let message = format!(
        "Can't delete from table {} using NULL for primary key value on column {}",
        session.mapping.table_of(mapper).name,
        session.mapping.column_text(of)
    );
    Err(Error::new(ErrorClass::FlushError, message))
}
