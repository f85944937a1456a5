//! The relation between a referencing and a referenced row, written once more from its definition.

use crate::catalog::{ForeignKeyEntry, Resolved};
use crate::value::{Value, canonical};

/// A referencing row's key as the referenced columns convert and compare it; `None` with a NULL.
pub(super) fn referencing_key(
    key: &ForeignKeyEntry,
    to: &Resolved,
    row: &[Value],
) -> Option<Vec<Value>> {
    let parts = key.columns.iter().zip(&to.comparison).map(|(&at, &(affinity, collation))| {
        canonical(&affinity.apply(row[at].clone()), collation)
    });
    let parts: Vec<Value> = parts.collect();
    (!parts.iter().any(Value::is_null)).then_some(parts)
}

/// A referenced row's key as it compares; `None` with a NULL.
pub(super) fn referenced_key(to: &Resolved, row: &[Value]) -> Option<Vec<Value>> {
    let parts = to.columns.iter().zip(&to.comparison);
    let parts: Vec<Value> =
        parts.map(|(&at, &(_, collation))| canonical(&row[at], collation)).collect();
    (!parts.iter().any(Value::is_null)).then_some(parts)
}
