//! The value of a column's attribute.
//!
//! It is a value of the database, but for truth values: an attribute holds `True` where the database
//! holds 1. Two scalars are equal as they are in Python: `True == 1 == 1.0`.

use crate::value::{Text, Value};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A value that an attribute of an object can hold.
#[derive(Clone, Debug, Default)]
pub enum Scalar {
    /// `None`.
    #[default]
    Null,
    /// `True` or `False`.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Real(f64),
    /// A string.
    Text(Text),
    /// Bytes.
    Blob(Arc<[u8]>),
}

impl Scalar {
    /// Whether this is `None`.
    pub fn is_null(&self) -> bool {
        matches!(self, Scalar::Null)
    }

    /// The same value as the database has it: 0 and 1 for truth values.
    pub fn to_value(&self) -> Value {
        match self {
            Scalar::Null => Value::Null,
            Scalar::Boolean(boolean) => Value::Integer(i64::from(*boolean)),
            Scalar::Integer(integer) => Value::Integer(*integer),
            Scalar::Real(real) => Value::Real(*real),
            Scalar::Text(text) => Value::Text(text.clone()),
            Scalar::Blob(blob) => Value::Blob(blob.clone()),
        }
    }

    /// Its class in Python.
    pub fn python_class(&self) -> &'static str {
        match self {
            Scalar::Null => "NoneType",
            Scalar::Boolean(_) => "bool",
            Scalar::Integer(_) => "int",
            Scalar::Real(_) => "float",
            Scalar::Text(_) => "str",
            Scalar::Blob(_) => "bytes",
        }
    }

    /// The order of two values that are both numbers, both text or both bytes; `None` where Python
    /// does not compare them.
    pub fn compare(&self, other: &Scalar) -> Option<Ordering> {
        match (self, other) {
            (Scalar::Integer(a), Scalar::Integer(b)) => Some(a.cmp(b)),
            (Scalar::Text(a), Scalar::Text(b)) => Some(a.cmp(b)),
            (Scalar::Blob(a), Scalar::Blob(b)) => Some(a.cmp(b)),
            (a, b) => match (a.as_integer(), b.as_integer()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => a.as_real()?.partial_cmp(&b.as_real()?),
            },
        }
    }

    fn as_integer(&self) -> Option<i64> {
        match self {
            Scalar::Boolean(boolean) => Some(i64::from(*boolean)),
            Scalar::Integer(integer) => Some(*integer),
            Scalar::Null | Scalar::Real(_) | Scalar::Text(_) | Scalar::Blob(_) => None,
        }
    }

    fn as_real(&self) -> Option<f64> {
        match self {
            Scalar::Real(real) => Some(*real),
            other => other.as_integer().map(|integer| integer as f64),
        }
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Scalar::Null, Scalar::Null) => true,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }
}

// A NaN is not equal to itself, as in Python; it cannot come out of the database.
impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Scalar::Null => 0u8.hash(state),
            Scalar::Text(text) => text.hash(state),
            Scalar::Blob(blob) => blob.hash(state),
            // Equal numbers of different classes hash alike.
            Scalar::Real(real) if real.fract() != 0.0 => real.to_bits().hash(state),
            Scalar::Real(real) => (*real as i64).hash(state),
            Scalar::Boolean(boolean) => i64::from(*boolean).hash(state),
            Scalar::Integer(integer) => integer.hash(state),
        }
    }
}

/// As Python's `repr` shows it.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Null => f.write_str("None"),
            Scalar::Boolean(true) => f.write_str("True"),
            Scalar::Boolean(false) => f.write_str("False"),
            Scalar::Integer(integer) => integer.fmt(f),
            Scalar::Real(real) => write!(f, "{real:?}"),
            Scalar::Text(text) => write_python_text(f, text),
            Scalar::Blob(blob) => write_python_bytes(f, blob),
        }
    }
}

fn quote_for(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

fn write_python_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = quote_for(text.contains('\''), text.contains('"'));
    write!(f, "{quote}")?;
    for character in text.chars() {
        match character {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            _ if character == quote => write!(f, "\\{character}")?,
            _ if (character as u32) < 32 || character as u32 == 127 => {
                write!(f, "\\x{:02x}", character as u32)?;
            }
            _ => write!(f, "{character}")?,
        }
    }
    write!(f, "{quote}")
}

fn write_python_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let quote = quote_for(bytes.contains(&b'\''), bytes.contains(&b'"'));
    write!(f, "b{quote}")?;
    for &byte in bytes {
        match byte {
            b'\\' => f.write_str("\\\\")?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            _ if byte as char == quote => write!(f, "\\{}", byte as char)?,
            32..127 => write!(f, "{}", byte as char)?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    write!(f, "{quote}")
}

/// The value as it comes from the database, where nothing is known of the column's type.
impl From<Value> for Scalar {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Scalar::Null,
            Value::Integer(integer) => Scalar::Integer(integer),
            Value::Real(real) => Scalar::Real(real),
            Value::Text(text) => Scalar::Text(text),
            Value::Blob(blob) => Scalar::Blob(blob),
        }
    }
}

impl From<i64> for Scalar {
    fn from(integer: i64) -> Self {
        Scalar::Integer(integer)
    }
}

impl From<f64> for Scalar {
    fn from(real: f64) -> Self {
        Scalar::Real(real)
    }
}

impl From<bool> for Scalar {
    fn from(boolean: bool) -> Self {
        Scalar::Boolean(boolean)
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Scalar::Text(text.into())
    }
}

impl From<&[u8]> for Scalar {
    fn from(bytes: &[u8]) -> Self {
        Scalar::Blob(bytes.into())
    }
}

impl<T: Into<Scalar>> From<Option<T>> for Scalar {
    fn from(value: Option<T>) -> Self {
        value.map_or(Scalar::Null, Into::into)
    }
}
