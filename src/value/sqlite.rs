//! Values on their way to SQLite and back.

use super::Value;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A value as the parameter of a statement; text and blobs are lent, not copied.
///
/// ```
/// use ondelete::Value;
///
/// let connection = rusqlite::Connection::open_in_memory()?;
/// let value = Value::from("Deadpond");
/// let found: Value = connection.query_row("SELECT ?", [&value], |row| row.get(0))?;
/// assert_eq!(found, value);
/// # Ok::<(), rusqlite::Error>(())
/// ```
impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

/// Any cell of a row, as it is: nothing is converted, and nothing refused. Bytes in a text that are
/// not UTF-8 are replaced.
impl FromSql for Value {
    fn column_result(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match cell {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => integer.into(),
            ValueRef::Real(real) => real.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).as_ref().into(),
            ValueRef::Blob(blob) => blob.into(),
        })
    }
}
