//! The one relation between a referencing and a referenced key.
//!
//! A referencing value is converted by the referenced column's affinity and compared in its
//! collation. Lookup of the referenced row, scan for referencing rows, actions and checks all go
//! through here, so they cannot disagree. (SQLite's scan is wider where the affinities differ:
//! exception E7.)

use crate::catalog::{ForeignKeyEntry, Resolved};
use crate::id::RowId;
use crate::table::{RowRef, Store, key_of, referenced_parts, referencing_parts};
use crate::value::OrderedKey;

/// The key by which a referencing row looks for its referenced row, in the constraint's column
/// order; `None` if it holds a NULL and so asks for nothing.
pub(crate) fn referencing_key(
    key: &ForeignKeyEntry,
    to: &Resolved,
    row: RowRef<'_>,
) -> Option<OrderedKey> {
    key_of(referencing_parts(key, to), row)
}

/// The key that a referenced row offers, in the constraint's column order; `None` if it holds a
/// NULL and so is nobody's.
pub(crate) fn referenced_key(to: &Resolved, row: RowRef<'_>) -> Option<OrderedKey> {
    key_of(referenced_parts(to), row)
}

/// Whether a live row holds the key that a foreign key references.
pub(crate) fn is_referenced_key_there(
    store: &Store,
    key: &ForeignKeyEntry,
    value: &OrderedKey,
) -> bool {
    store.find_referenced(key.table, key.index, value).is_some()
}

/// The live rows that reference a key, in row id order.
pub(crate) fn find_referencing(
    store: &Store,
    key: &ForeignKeyEntry,
    value: &OrderedKey,
) -> Vec<RowId> {
    store.find(key.table, key.index, value).map(RowRef::row_id).collect()
}
