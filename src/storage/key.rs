//! Keys of rows: how an index makes one, and how it hashes.

use super::table::{RowRef, Rows};
use crate::id::{IndexId, TableId};
use crate::value::{
    Affinity, Collation, OrderedKey, Value, ValueRef, canonical, compare_refs, hash_canonical,
};
use foldhash::fast::FixedState;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// Says whether a row belongs to a partial index.
pub type Filter = Arc<dyn Fn(&[Value]) -> bool + Send + Sync>;

/// Makes the key of a row in an index on expressions; `None` if there is a NULL in it.
pub type Computed = Arc<dyn Fn(&[Value]) -> Option<OrderedKey> + Send + Sync>;

/// The parts of a key: nearly always one or two.
pub type KeyParts = SmallVec<[KeyPart; 2]>;

/// How an index makes a key of a row. A key with a NULL in it is never looked for, and is in no
/// index.
#[derive(Clone)]
pub struct IndexSpec {
    /// The index.
    pub id: IndexId,
    /// The parts of the key.
    pub parts: KeyParts,
    /// Whether no two rows share a key.
    pub unique: bool,
    /// Whether a row is in the index at all; `None` for all rows.
    pub filter: Option<Filter>,
    /// What makes the key instead of the parts, of which there are none then.
    pub computed: Option<Computed>,
}

/// The other side of a foreign key.
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// The referenced table.
    pub table: TableId,
    /// The referenced columns, in the foreign key's order.
    pub parts: KeyParts,
    /// The unique index that finds a referenced row, and for each of its parts the position in the
    /// foreign key; `None` if the key is the row id.
    pub lookup: Option<(IndexId, Vec<usize>)>,
}

/// One part of an index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// The column.
    pub position: usize,
    /// The affinity to convert its value by first: that of a referenced column, for a foreign key.
    pub conversion: Affinity,
    /// How it compares.
    pub collation: Collation,
}

impl KeyPart {
    /// The value as it stands in a key.
    pub fn key_value(&self, value: ValueRef<'_>) -> Value {
        match (self.conversion, value) {
            (_, ValueRef::Integer(integer)) if self.keeps_integers() => Value::Integer(integer),
            (Affinity::Blob, value) => canonical(&value.to_value(), self.collation),
            (affinity, value) => canonical(&affinity.apply(value.to_value()), self.collation),
        }
    }

    /// Whether an integer stands in a key as it is.
    fn keeps_integers(&self) -> bool {
        match self.conversion {
            // A real that is whole is an integer again in a key.
            Affinity::Blob | Affinity::Integer | Affinity::Numeric => true,
            Affinity::Text | Affinity::Real => false,
        }
    }

    /// Whether a cell stands in a key as this value.
    fn holds(&self, cell: ValueRef<'_>, value: &Value) -> bool {
        match self.conversion {
            Affinity::Blob => compare_refs(cell, value.as_ref(), self.collation).is_eq(),
            _ => self.key_value(cell) == *value,
        }
    }

    fn hash(&self, cell: ValueRef<'_>, hasher: &mut impl Hasher) {
        match (self.conversion, cell, self.collation) {
            (Affinity::Blob, ValueRef::Text(text), Collation::Binary) => {
                text.as_bytes().hash(hasher);
            }
            _ => hash_canonical(&self.key_value(cell), hasher),
        }
    }
}

/// Two specs with one id differ only in their parts: what an index computes never changes.
impl PartialEq for IndexSpec {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.parts == other.parts && self.unique == other.unique
    }
}

impl fmt::Debug for IndexSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSpec").field("id", &self.id).field("parts", &self.parts).finish()
    }
}

impl IndexSpec {
    /// Whether the key of a row has no NULL.
    #[inline(always)]
    pub(super) fn references(&self, rows: &Rows, slot: u32) -> bool {
        // Nearly every key has one column.
        match self.parts.as_slice() {
            [only] => rows.is_valid(only.position, slot),
            parts => parts.iter().all(|part| rows.is_valid(part.position, slot)),
        }
    }

    /// Whether a row is in the index: its key has no NULL, and the filter lets it in.
    pub(super) fn covers(&self, row: RowRef<'_>) -> bool {
        if self.computed.is_some() && self.key(row).is_none() {
            return false;
        }
        !self.parts.iter().any(|part| row.get(part.position).is_null())
            && self.filter.as_ref().is_none_or(|filter| filter(&row.to_vec()))
    }

    /// The hash of the key of a row that is in the index.
    pub(super) fn hash(&self, row: RowRef<'_>) -> u32 {
        if self.computed.is_some() {
            return hash_key(&self.key(row).unwrap_or_default());
        }
        let mut hasher = hasher();
        self.parts.iter().for_each(|part| part.hash(row.get(part.position), &mut hasher));
        fold(hasher.finish())
    }

    /// The key of a row; `None` if it has a NULL.
    pub(super) fn key(&self, row: RowRef<'_>) -> Option<OrderedKey> {
        match &self.computed {
            Some(computed) => computed(&row.to_vec()),
            None => key_of(&self.parts, row),
        }
    }

    /// Whether a row in the index has this key.
    pub(super) fn has(&self, row: RowRef<'_>, key: &OrderedKey) -> bool {
        if self.computed.is_some() {
            return self.key(row).as_ref() == Some(key);
        }
        self.parts
            .iter()
            .zip(key.iter())
            .all(|(part, value)| part.holds(row.get(part.position), value))
    }
}

/// The key of a row; `None` if it has a NULL.
pub fn key_of<P: Borrow<KeyPart>>(
    parts: impl IntoIterator<Item = P>,
    row: RowRef<'_>,
) -> Option<OrderedKey> {
    // Pushed one by one, they are not moved once they are there.
    let mut key = OrderedKey::default();
    for part in parts {
        let part = part.borrow();
        match row.get(part.position) {
            ValueRef::Null => return None,
            value => key.push(part.key_value(value)),
        }
    }
    Some(key)
}

/// The hash of a key, as [`IndexSpec::hash`] of a row that has it.
pub(super) fn hash_key(key: &OrderedKey) -> u32 {
    let mut hasher = hasher();
    key.hash(&mut hasher);
    fold(hasher.finish())
}

/// The hash of a row id.
pub(super) fn hash_integer(integer: i64) -> u32 {
    let mut hasher = hasher();
    integer.hash(&mut hasher);
    fold(hasher.finish())
}

/// The same in every run: what can be seen must not depend on it, and so cannot.
fn hasher() -> impl Hasher {
    FixedState::default().build_hasher()
}

fn fold(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}
