//! The one relation between a referencing and a referenced key.
//!
//! A referencing value is converted by the referenced column's affinity and compared in its
//! collation. Lookup of the referenced row, scan for referencing rows, actions and checks all go
//! through here, so they cannot disagree. (SQLite's scan is wider where the affinities differ:
//! exception E7.)

use crate::catalog::{ForeignKeyEntry, KeyLookup, Resolved};
use crate::id::RowId;
use crate::table::{KeyPart, RowRef, Store};
use crate::value::{Affinity, OrderedKey, Value};

/// The key by which a referencing row looks for its referenced row, in the constraint's column
/// order; `None` if it holds a NULL and so asks for nothing.
pub(crate) fn referencing_key(
    key: &ForeignKeyEntry,
    to: &Resolved,
    row: RowRef<'_>,
) -> Option<OrderedKey> {
    let part = |(&position, &(conversion, collation))| {
        let value = row.get(position);
        let part = KeyPart { position, conversion, collation };
        (!value.is_null()).then(|| part.key_value(value))
    };
    key.columns.iter().zip(&to.comparison).map(part).collect()
}

/// The key that a referenced row offers, in the constraint's column order; `None` if it holds a
/// NULL and so is nobody's.
pub(crate) fn referenced_key(to: &Resolved, row: RowRef<'_>) -> Option<OrderedKey> {
    let part = |(&position, &(_, collation))| {
        let value = row.get(position);
        let part = KeyPart { position, conversion: Affinity::Blob, collation };
        (!value.is_null()).then(|| part.key_value(value))
    };
    to.columns.iter().zip(&to.comparison).map(part).collect()
}

/// The live row that holds a key.
pub(crate) fn find_referenced(store: &Store, to: &Resolved, key: &OrderedKey) -> Option<RowId> {
    match &to.lookup {
        KeyLookup::RowId => match key.first() {
            Some(Value::Integer(id)) => {
                let id = RowId(*id);
                store.row(to.table, id).map(|_| id)
            }
            _ => None,
        },
        KeyLookup::Index { index, order } => {
            let key: OrderedKey = order.iter().map(|&at| key[at].clone()).collect();
            store.find_unique(to.table, *index, &key)
        }
    }
}

/// The live rows that reference a key, in row id order.
pub(crate) fn find_referencing(
    store: &Store,
    key: &ForeignKeyEntry,
    value: &OrderedKey,
) -> Vec<RowId> {
    store.find(key.table, key.index, value)
}
