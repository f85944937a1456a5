//! The values of a key: one for each of its columns, in the key's column order.
//!
//! A [`Key`] holds the values as they are stored, for messages and reports. An [`OrderedKey`] holds
//! canonical values and is what indexes sort and hash by. Nearly all keys have one or two columns,
//! and those are kept without an allocation of their own.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use smallvec::SmallVec;

use super::{Collation, Value, canonical, compare};

/// The values of a key, one `Value` per column.
///
/// Equality and hash are structural, as those of [`Value`].
///
/// # Examples
///
/// ```
/// use ondelete::{key, value::Key};
///
/// let key = key![1, "a"];
/// assert_eq!(key.to_string(), "(1, 'a')");
/// assert_eq!(key.len(), 2);
/// assert_eq!(Key::from(7), key![7]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(SmallVec<[Value; 2]>);

/// A [`Key`](crate::value::Key) of the values given, each `impl Into<Value>`.
#[macro_export]
macro_rules! key {
    ($($value:expr),* $(,)?) => {
        $crate::value::Key::new([$($crate::value::Value::from($value)),*])
    };
}

impl Key {
    /// A key of these values, in this order.
    pub fn new(values: impl IntoIterator<Item = Value>) -> Key {
        // For one or two values, pushing is faster than what asks for their number first.
        let mut key = SmallVec::new();
        values.into_iter().for_each(|value| key.push(value));
        Key(key)
    }

    /// Whether one of the values is NULL.
    pub fn has_null(&self) -> bool {
        self.iter().any(Value::is_null)
    }
}

impl Deref for Key {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0
    }
}

impl From<Vec<Value>> for Key {
    fn from(values: Vec<Value>) -> Key {
        Key(values.into())
    }
}

/// A key of one column.
impl<T: Into<Value>> From<T> for Key {
    #[inline]
    fn from(value: T) -> Key {
        let mut values = SmallVec::new();
        values.push(value.into());
        Key(values)
    }
}

/// A key as a call names it: an integer, which is what most keys are and costs nothing to make, or
/// any values.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyRef<'a> {
    /// An integer alone.
    Integer(i64),
    /// Values that somebody else holds, one per column.
    Borrowed(&'a [Value]),
    /// Values, one per column.
    Owned(Key),
}

impl KeyRef<'_> {
    /// Hands on the values, one per column.
    pub(crate) fn with_values<R>(&self, read: impl FnOnce(&[Value]) -> R) -> R {
        match self {
            KeyRef::Integer(integer) => read(&[Value::Integer(*integer)]),
            KeyRef::Borrowed(values) => read(values),
            KeyRef::Owned(key) => read(key),
        }
    }
}

/// A key of one column.
impl<T: Into<Value>> From<T> for KeyRef<'_> {
    #[inline]
    fn from(value: T) -> Self {
        match value.into() {
            Value::Integer(integer) => KeyRef::Integer(integer),
            other => KeyRef::Owned(other.into()),
        }
    }
}

impl From<Key> for KeyRef<'_> {
    fn from(key: Key) -> Self {
        KeyRef::Owned(key)
    }
}

impl From<Vec<Value>> for KeyRef<'_> {
    fn from(values: Vec<Value>) -> Self {
        KeyRef::Owned(values.into())
    }
}

impl<'a> From<&'a Key> for KeyRef<'a> {
    fn from(key: &'a Key) -> Self {
        KeyRef::Borrowed(key)
    }
}

impl FromIterator<Value> for Key {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Key {
        Key::new(values)
    }
}

impl IntoIterator for Key {
    type Item = Value;
    type IntoIter = smallvec::IntoIter<[Value; 2]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Key {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// `(1, 'a')`, each value as an SQL literal.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (position, value) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{value}")?;
        }
        f.write_str(")")
    }
}

/// The list of its values.
#[cfg(feature = "serde")]
impl serde::Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// A key of canonical values, in SQLite's order.
///
/// Keys are ordered column by column; a key that is the beginning of another comes before it. Equal
/// here means equal by [`compare`] under the collations the key was made with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedKey(Key);

impl Hash for OrderedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|value| hash_canonical(value, state));
    }
}

/// Canonical values of different classes never compare equal, so what tells them apart need not be
/// hashed.
pub(crate) fn hash_canonical(value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::Null => {}
        Value::Integer(integer) => integer.hash(hasher),
        Value::Real(real) => real.to_bits().hash(hasher),
        Value::Text(text) => text.as_bytes().hash(hasher),
        Value::Blob(blob) => blob.hash(hasher),
    }
}

impl OrderedKey {
    /// Makes each value canonical under the collation of its column; columns beyond the last
    /// collation are BINARY.
    pub fn new<'a>(
        values: impl IntoIterator<Item = &'a Value>,
        collations: &[Collation],
    ) -> OrderedKey {
        let collations = collations.iter().copied().chain(std::iter::repeat(Collation::Binary));
        let canonical = |(value, collation)| canonical(value, collation);
        OrderedKey(values.into_iter().zip(collations).map(canonical).collect())
    }

    /// The canonical values.
    pub fn key(&self) -> &Key {
        &self.0
    }

    /// Adds a value that is canonical already.
    #[inline]
    pub(crate) fn push(&mut self, value: Value) {
        self.0.0.push(value);
    }
}

/// Of values that are canonical already.
impl FromIterator<Value> for OrderedKey {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        OrderedKey(values.into_iter().collect())
    }
}

impl Deref for OrderedKey {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.0
    }
}

impl Ord for OrderedKey {
    fn cmp(&self, other: &OrderedKey) -> Ordering {
        for (a, b) in self.iter().zip(other.iter()) {
            let order = compare(a, b, Collation::Binary);
            if order.is_ne() {
                return order;
            }
        }
        self.len().cmp(&other.len())
    }
}

impl PartialOrd for OrderedKey {
    fn partial_cmp(&self, other: &OrderedKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for OrderedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_and_shown() {
        let key = key![1, "it's", None::<i64>];
        assert_eq!(key.to_string(), "(1, 'it''s', NULL)");
        assert!(key.has_null());
        assert!(!key![1].has_null());
        assert_eq!(Key::from("a"), key!["a"]);
        assert_eq!(Key::from(vec![Value::Integer(1)]), key![1]);
        assert_eq!(key.clone().into_iter().collect::<Key>(), key);
        assert_eq!((&key).into_iter().count(), 3);
        assert_eq!(key![].to_string(), "()");
    }

    #[test]
    fn ordered_keys_agree_with_their_collations() {
        let no_case = |text: &str| OrderedKey::new([&text.into()], &[Collation::NoCase]);
        assert_eq!(no_case("A"), no_case("a"));
        assert!(no_case("A") < no_case("b"));
        let plain = |key: Key| OrderedKey::new(&key, &[]);
        assert_eq!(plain(key![1, 2.0]), plain(key![1.0, 2]));
        assert!(plain(key![1]) < plain(key![1, Value::Null]));
        assert!(plain(key![1, 5]) < plain(key![1.5]));
        assert!(plain(key![2]) < plain(key!["1"]));
    }
}
