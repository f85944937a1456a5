//! What a cell holds, and what two cells have to say to each other.
//!
//! A [`Value`] has one of SQLite's five storage classes. Everything a column declares about its
//! values is here too: the [`DataType`] a table is declared with, the [`Affinity`] that follows from
//! it and converts values as they are written, and the [`Collation`] under which text is compared.
//!
//! Two notions of sameness live side by side:
//!
//! - `==` on `Value` is structural. `Integer(1)` and `Real(1.0)` differ, as do `Real(0.0)` and
//!   `Real(-0.0)`. This is what tests and maps of exact values want.
//! - [`compare()`] and [`equals`] are SQLite's: numbers compare by what they are worth and text by
//!   its collation. [`canonical`] maps each value to one representative of its class, so that a hash
//!   map or a sorted map of canonical values ([`OrderedKey`]) finds what `compare` calls equal.
//!
//! Conversions follow the SQLite that feature `sqlite` bundles. A real is read from at most 19
//! significant digits, as there, and printed with up to 17; where the real is very large or very
//! small SQLite's 17th digit can be off by one, and ours is not. Older versions print fewer digits:
//! 3.40 stores 0.1 + 0.2 in a TEXT column as '0.3'.
//!
//! Text is always valid UTF-8. SQLite's text may be any bytes, so casting a blob that is not UTF-8 to
//! text replaces the offending bytes here and keeps them there.
//!
//! Entry points: [`Value`], [`compare()`], [`canonical`], [`Affinity::apply`], [`Key`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

mod compare;
mod convert;
mod decimal;
mod key;
#[cfg(feature = "sqlite")]
mod sqlite;
mod text;
mod value_ref;

pub(crate) use compare::compare_refs;
pub use compare::{Collation, canonical, compare, equals};
pub(crate) use convert::Number;
pub use convert::{Affinity, DataType};
pub(crate) use key::hash_canonical;
pub use key::{Key, KeyRef, OrderedKey};
pub use text::Text;
pub use value_ref::ValueRef;

pub(crate) use decimal::{parse_real, real_to_fixed, real_to_literal, real_to_text};

/// A value of one of SQLite's five storage classes.
///
/// Long texts and blobs are shared, so a clone is cheap whatever the size.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// The absence of a value.
    #[default]
    Null,
    /// A signed integer of 64 bits.
    Integer(i64),
    /// A double precision number. Never NaN when made by `From`: SQLite turns NaN into NULL.
    Real(f64),
    /// Unicode text.
    Text(Text),
    /// Bytes.
    Blob(Arc<[u8]>),
}

/// NULL, to be borrowed where there is no value to borrow.
pub(crate) static NULL: Value = Value::Null;

/// The kind of a value, as SQLite's `typeof()` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageClass {
    /// `null`
    Null,
    /// `integer`
    Integer,
    /// `real`
    Real,
    /// `text`
    Text,
    /// `blob`
    Blob,
}

impl StorageClass {
    /// The name that `typeof()` gives, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            StorageClass::Null => "null",
            StorageClass::Integer => "integer",
            StorageClass::Real => "real",
            StorageClass::Text => "text",
            StorageClass::Blob => "blob",
        }
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The kind of this value.
    pub fn storage_class(&self) -> StorageClass {
        match self {
            Value::Null => StorageClass::Null,
            Value::Integer(_) => StorageClass::Integer,
            Value::Real(_) => StorageClass::Real,
            Value::Text(_) => StorageClass::Text,
            Value::Blob(_) => StorageClass::Blob,
        }
    }

    /// The integer, if this is one. Nothing is converted: see [`Value::to_integer`] for that.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(integer) => Some(*integer),
            Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => None,
        }
    }

    /// The real, if this is one. Nothing is converted: see [`Value::to_real`] for that.
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Value::Real(real) => Some(*real),
            Value::Null | Value::Integer(_) | Value::Text(_) | Value::Blob(_) => None,
        }
    }

    /// The text, if this is text. Nothing is converted: see [`Value::to_text`] for that.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => None,
        }
    }

    /// The bytes, if this is a blob.
    pub fn as_blob(&self) -> Option<&[u8]> {
        match self {
            Value::Blob(blob) => Some(blob),
            Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => None,
        }
    }
}

/// Structural: the same class and the same content, reals by their bits.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Blob(a), Value::Blob(b)) => a == b,
            (
                Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Value::Null => {}
            Value::Integer(integer) => integer.hash(state),
            Value::Real(real) => real.to_bits().hash(state),
            Value::Text(text) => text.hash(state),
            Value::Blob(blob) => blob.hash(state),
        }
    }
}

/// The value as an SQL literal that SQLite reads back as the same value.
///
/// Text that contains a NUL character has no literal in SQL; it is printed as an expression in
/// parentheses whose value it is, `(X'6100' || '')`. A NaN, which SQLite does not store, is `NULL`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(integer) => write!(f, "{integer}"),
            Value::Real(real) => f.write_str(&real_to_literal(*real)),
            Value::Text(text) if text.contains('\0') => {
                f.write_str("(")?;
                write_blob(f, text.as_bytes())?;
                f.write_str(" || '')")
            }
            Value::Text(text) => write_quoted(f, text),
            Value::Blob(blob) => write_blob(f, blob),
        }
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("'")?;
    for (position, part) in text.split('\'').enumerate() {
        if position > 0 {
            f.write_str("''")?;
        }
        f.write_str(part)?;
    }
    f.write_str("'")
}

fn write_blob(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("X'")?;
    for byte in bytes {
        write!(f, "{byte:02X}")?;
    }
    f.write_str("'")
}

/// NULL.
impl From<()> for Value {
    fn from((): ()) -> Self {
        Value::Null
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Value {
        Value::Integer(integer)
    }
}

impl From<i32> for Value {
    fn from(integer: i32) -> Value {
        Value::Integer(integer.into())
    }
}

impl From<u32> for Value {
    fn from(integer: u32) -> Value {
        Value::Integer(integer.into())
    }
}

impl From<u8> for Value {
    fn from(integer: u8) -> Value {
        Value::Integer(integer.into())
    }
}

/// NaN becomes NULL, as it does when bound to an SQLite statement.
impl From<f64> for Value {
    fn from(real: f64) -> Value {
        if real.is_nan() { Value::Null } else { Value::Real(real) }
    }
}

/// Truth is the integer 1, falsehood 0.
impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Integer(truth.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.as_str().into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Blob(bytes.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Blob(bytes.into())
    }
}

/// `None` is NULL.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// NULL, a number and a string are JSON's own; a blob is `{"blob": "0aff"}`, in lower case hex.
///
/// JSON has no infinities: what becomes of them is the serializer's business (`serde_json` writes
/// `null`).
#[cfg(feature = "serde")]
impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(integer) => serializer.serialize_i64(*integer),
            Value::Real(real) => serializer.serialize_f64(*real),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Blob(blob) => {
                let hex: String = blob.iter().map(|byte| format!("{byte:02x}")).collect();
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("blob", &hex)?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_structural() {
        assert_ne!(Value::Integer(1), Value::Real(1.0));
        assert_ne!(Value::Real(0.0), Value::Real(-0.0));
        assert_eq!(Value::Real(f64::NAN), Value::Real(f64::NAN));
        assert_ne!(Value::from("a"), Value::from(b"a".as_slice()));
        assert_eq!(Value::Null, Value::default());
    }

    #[test]
    fn displays_literals() {
        let shown: Vec<String> = [
            Value::Null,
            42.into(),
            i64::MIN.into(),
            1.0.into(),
            (-0.0).into(),
            1e300.into(),
            0.1.into(),
            f64::INFINITY.into(),
            f64::NEG_INFINITY.into(),
            "it's".into(),
            "".into(),
            vec![10, 255].into(),
            Vec::new().into(),
            "a\0".into(),
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        let expected = [
            "NULL",
            "42",
            "-9223372036854775808",
            "1.0",
            "-0.0",
            "1e300",
            "0.1",
            "9e999",
            "-9e999",
            "'it''s'",
            "''",
            "X'0AFF'",
            "X''",
            "(X'6100' || '')",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn converts_from_rust() {
        assert_eq!(Value::from(f64::NAN), Value::Null);
        assert_eq!(Value::from(true), Value::Integer(1));
        assert_eq!(Value::from(None::<i64>), Value::Null);
        assert_eq!(Value::from(Some("x")), Value::from("x"));
        assert_eq!(Value::from(u32::MAX).as_integer(), Some(4_294_967_295));
        assert_eq!(Value::from(7u8).as_integer(), Some(7));
        assert_eq!(Value::from(1.5).as_real(), Some(1.5));
        assert_eq!(Value::from(&String::from("t")).as_text(), Some("t"));
        assert_eq!(Value::from(vec![1]).as_blob(), Some([1].as_slice()));
        assert_eq!(Value::from("x").as_integer(), None);
        assert_eq!(Value::from("x").storage_class().to_string(), "text");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serializes() {
        let values = [Value::Null, 1.into(), 1.5.into(), "a".into(), Value::from(vec![10u8, 255])];
        let json = serde_json::to_string(&values).unwrap();
        assert_eq!(json, r#"[null,1,1.5,"a",{"blob":"0aff"}]"#);
    }
}
