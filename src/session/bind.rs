//! What a value becomes on its way to the database, by the type of its column.
//!
//! Truth values become 0 and 1, numbers for a FLOAT become reals, and what does not fit is refused
//! before anything is sent. Other types take what comes.

use super::error::{Error, ErrorClass, Result};
use super::mapping::ColumnType;
use super::scalar::Scalar;
use super::statement::Statement;
use crate::value::Value;

/// A value of the driver, or what Python would raise.
pub(super) fn convert(column_type: ColumnType, scalar: &Scalar) -> Result<Value, String> {
    match (column_type, scalar) {
        (_, Scalar::Null) => Ok(Value::Null),
        (ColumnType::Boolean, scalar) => to_boolean(scalar),
        (ColumnType::Float, scalar) => to_real(scalar),
        (ColumnType::Blob, Scalar::Blob(_)) => Ok(scalar.to_value()),
        (ColumnType::Blob, scalar) => Err(format!(
            "(builtins.TypeError) memoryview: a bytes-like object is required, not '{}'",
            scalar.python_class()
        )),
        (
            ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::Varchar(_)
            | ColumnType::Text,
            scalar,
        ) => Ok(scalar.to_value()),
    }
}

fn to_boolean(scalar: &Scalar) -> Result<Value, String> {
    let truth = [Scalar::Integer(0), Scalar::Integer(1)].iter().position(|one| one == scalar);
    match (truth, scalar) {
        (Some(truth), _) => Ok(Value::Integer(truth as i64)),
        (None, Scalar::Integer(_) | Scalar::Boolean(_)) => {
            Err(format!("(builtins.ValueError) Value {scalar} is not None, True, or False"))
        }
        (None, _) => Err(format!("(builtins.TypeError) Not a boolean value: {scalar}")),
    }
}

fn to_real(scalar: &Scalar) -> Result<Value, String> {
    let text = match scalar {
        Scalar::Boolean(truth) => return Ok(Value::Real(f64::from(*truth))),
        Scalar::Integer(integer) => return Ok(Value::Real(*integer as f64)),
        Scalar::Text(text) => text.trim().parse(),
        Scalar::Blob(blob) => String::from_utf8_lossy(blob).trim().parse(),
        Scalar::Null | Scalar::Real(_) => return Ok(scalar.to_value()),
    };
    text.map(Value::Real)
        .map_err(|_| format!("(builtins.ValueError) could not convert string to float: {scalar}"))
}

/// The parameters of a statement, each by its column's type.
///
/// # Errors
/// `StatementError` for a value that does not fit.
pub(super) fn bind<'s>(
    statement: &Statement,
    values: impl IntoIterator<Item = (ColumnType, &'s Scalar)>,
) -> Result<Vec<Value>> {
    let values = values.into_iter().map(|(column_type, scalar)| convert(column_type, scalar));
    let bound: Result<Vec<Value>, String> = values.collect();
    bound.map_err(|message| unbound(statement, message))
}

/// What the session raises for a value that [`convert`] refuses.
pub(super) fn unbound(statement: &Statement, message: String) -> Error {
    Error { sql: Some(statement.render()), ..Error::new(ErrorClass::StatementError, message) }
}
