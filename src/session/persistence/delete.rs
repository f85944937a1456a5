//! DELETE of the rows of objects, all of a mapper in one statement.

use super::{parameters, send, sorted};
use crate::session::Session;
use crate::session::attribute::Got;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnPosition, ColumnRef, MapperId};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::statement::{Condition, Delete, Statement};
use crate::value::Value;

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
    let statement = Statement::from(Delete::from(table.name.clone(), filter));
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut unset = Vec::new();
    for object in sorted(session, objects)? {
        let key = key_of_row(session, mapper, object)?;
        unset.extend(key.unset.into_iter().map(|position| (rows.len(), position)));
        rows.push(parameters(&statement, table, &key.values)?);
    }
    if rows.is_empty() {
        return Ok(());
    }
    if !unset.is_empty() {
        return session.refuse_unset(statement, rows, unset);
    }
    let expected = rows.len();
    let matched = send(session, statement, rows)?;
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

/// The key that the database has for an object.
struct RowKey {
    values: Vec<(ColumnPosition, Scalar)>,
    /// Positions of those that were never set: an object may be marked to be deleted before it has a
    /// row.
    unset: Vec<usize>,
}

fn key_of_row(session: &mut Session<'_>, mapper: MapperId, object: ObjectId) -> Result<RowKey> {
    let mapping = session.mapping;
    let table = mapping.table_of(mapper);
    let mut values = Vec::with_capacity(table.primary_key.len());
    let mut unset = Vec::new();
    for &column in &table.primary_key {
        let value = session.get_committed_column(object, column, Passive::RETURN_NO_VALUE)?;
        if value == Got::NoValue {
            unset.push(values.len());
            values.push((column, Scalar::Null));
            continue;
        }
        let value = value.value().unwrap_or_default();
        if value.is_null() {
            let of = ColumnRef { table: mapping[mapper].table, column };
            let message = format!(
                "Can't delete from table {} using NULL for primary key value on column {}",
                table.name,
                mapping.column_text(of)
            );
            return Err(Error::new(ErrorClass::FlushError, message));
        }
        values.push((column, value));
    }
    Ok(RowKey { values, unset })
}
