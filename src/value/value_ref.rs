//! A value borrowed from where it is stored.

use super::Value;

/// A value that is read where it lies: nothing is copied or counted.
///
/// ```
/// use ondelete::value::{Value, ValueRef};
/// let value = Value::from("Deadpond");
/// assert_eq!(value.as_ref(), ValueRef::Text("Deadpond"));
/// assert_eq!(ValueRef::from("Deadpond").to_value(), value);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ValueRef<'a> {
    /// The absence of a value.
    #[default]
    Null,
    /// A signed integer of 64 bits.
    Integer(i64),
    /// A double precision number.
    Real(f64),
    /// Unicode text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl<'a> ValueRef<'a> {
    /// Whether this is NULL.
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// The integer, if this is one.
    #[inline]
    pub fn as_integer(self) -> Option<i64> {
        match self {
            ValueRef::Integer(integer) => Some(integer),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        }
    }

    /// The text, if this is text.
    #[inline]
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            ValueRef::Text(text) => Some(text),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => None,
        }
    }

    /// Whether two values are the same in every respect, reals by their bits.
    pub(crate) fn is_same(self, other: ValueRef<'_>) -> bool {
        match (self, other) {
            (ValueRef::Real(a), ValueRef::Real(b)) => a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }

    /// A value of its own. Text and blobs are copied.
    #[inline]
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            ValueRef::Real(real) => Value::Real(real),
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::Blob(blob) => Value::Blob(blob.into()),
        }
    }
}

impl Value {
    /// The same value, borrowed.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }
    }
}

impl From<()> for ValueRef<'_> {
    fn from((): ()) -> Self {
        ValueRef::Null
    }
}

impl From<i64> for ValueRef<'_> {
    fn from(integer: i64) -> Self {
        ValueRef::Integer(integer)
    }
}

impl From<i32> for ValueRef<'_> {
    fn from(integer: i32) -> Self {
        ValueRef::Integer(integer.into())
    }
}

/// NaN becomes NULL, as for [`Value`].
impl From<f64> for ValueRef<'_> {
    fn from(real: f64) -> Self {
        if real.is_nan() { ValueRef::Null } else { ValueRef::Real(real) }
    }
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(text: &'a str) -> Self {
        ValueRef::Text(text)
    }
}

impl<'a> From<&'a [u8]> for ValueRef<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        ValueRef::Blob(bytes)
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}
