//! A value as an operator looks at it.
//!
//! Most operators only look: a comparison of a column needs no copy of its text. So a scope says
//! where a value lies, and a value of its own is made of it by those alone who keep it.

use crate::value::{Collation, NULL, Value, ValueRef};
use std::borrow::Cow;

/// A value that is read where it lies, or one that was computed.
#[derive(Clone, Debug)]
pub enum Operand<'a> {
    /// A value that somebody holds.
    Held(&'a Value),
    /// A value in a stored row.
    Stored(ValueRef<'a>),
    /// A value that was computed.
    Computed(Value),
}

impl<'a> Operand<'a> {
    /// NULL.
    pub const NULL: Operand<'static> = Operand::Held(&NULL);

    /// The value, borrowed.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Operand::Held(value) => value.as_ref(),
            Operand::Stored(value) => *value,
            Operand::Computed(value) => value.as_ref(),
        }
    }

    /// Whether it is NULL.
    #[inline]
    pub fn is_null(&self) -> bool {
        self.as_ref().is_null()
    }

    /// A value of its own.
    #[inline]
    pub fn into_owned(self) -> Value {
        match self {
            Operand::Held(value) => value.clone(),
            Operand::Stored(value) => value.to_value(),
            Operand::Computed(value) => value,
        }
    }

    /// The representative of the values that are equal to this one under the collation, as
    /// [`canonical`](crate::value::canonical) has it.
    #[inline]
    pub fn into_canonical(self, collation: Collation) -> Value {
        match self.as_ref() {
            ValueRef::Integer(integer) => Value::Integer(integer),
            _ => self.into_owned().into_canonical(collation),
        }
    }

    /// The value as one that is held.
    #[inline]
    pub fn into_cow(self) -> Cow<'a, Value> {
        match self {
            Operand::Held(value) => Cow::Borrowed(value),
            Operand::Stored(value) => Cow::Owned(value.to_value()),
            Operand::Computed(value) => Cow::Owned(value),
        }
    }
}

impl<'a> From<Cow<'a, Value>> for Operand<'a> {
    #[inline]
    fn from(value: Cow<'a, Value>) -> Self {
        match value {
            Cow::Borrowed(value) => Operand::Held(value),
            Cow::Owned(value) => Operand::Computed(value),
        }
    }
}

impl From<Value> for Operand<'_> {
    #[inline]
    fn from(value: Value) -> Self {
        Operand::Computed(value)
    }
}
