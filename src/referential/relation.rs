//! The one relation between a referencing and a referenced key.
//!
//! A referencing value is converted by the referenced column's affinity and compared in its
//! collation. Lookup of the referenced row, scan for referencing rows, actions and checks all go
//! through here, so they cannot disagree. (SQLite's scan is wider where the affinities differ:
//! exception E7.)

use crate::catalog::{ForeignKeyEntry, KeyLookup, Resolved};
use crate::id::RowId;
use crate::table::{KeyPart, Store};
use crate::value::{OrderedKey, Value, canonical};

/// The key by which a referencing row looks for its referenced row, in the constraint's column
/// order; `None` if it holds a NULL and so asks for nothing.
pub(crate) fn referencing_key(
    key: &ForeignKeyEntry,
    to: &Resolved,
    row: &[Value],
) -> Option<OrderedKey> {
    if key.columns.iter().any(|&position| row[position].is_null()) {
        return None;
    }
    let part = |(&position, &(conversion, collation))| {
        KeyPart { position, conversion, collation }.key_value(&row[position])
    };
    Some(key.columns.iter().zip(&to.comparison).map(part).collect())
}

/// The key that a referenced row offers, in the constraint's column order; `None` if it holds a
/// NULL and so is nobody's.
pub(crate) fn referenced_key(to: &Resolved, row: &[Value]) -> Option<OrderedKey> {
    if to.columns.iter().any(|&position| row[position].is_null()) {
        return None;
    }
    let columns = to.columns.iter().zip(&to.comparison);
    Some(columns.map(|(&position, &(_, collation))| canonical(&row[position], collation)).collect())
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
            store.find(to.table, *index, &key).next()
        }
    }
}

/// The live rows that reference a key, in row id order.
pub(crate) fn find_referencing<'a>(
    store: &'a Store,
    key: &ForeignKeyEntry,
    value: &'a OrderedKey,
) -> impl Iterator<Item = RowId> + 'a {
    store.find(key.table, key.index, value)
}
