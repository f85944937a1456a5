//! The rows of a subquery as a set, for IN.

use crate::expression::Rule;
use crate::value::{OrderedKey, Value};
use foldhash::fast::FixedState;
use indexmap::IndexSet;
use std::borrow::Cow;

/// Rows of as many values as IN has on its left, each value made the representative of all that it
/// is equal to.
#[derive(Debug, Default)]
pub(super) struct MemberSet {
    rows: IndexSet<OrderedKey, FixedState>,
    has_nulls: bool,
}

impl MemberSet {
    pub(super) fn insert(&mut self, row: Vec<Value>, rules: &[Rule]) {
        let row = row.into_iter().zip(rules).map(|(value, rule)| rule.representative(value));
        let row: OrderedKey = row.collect();
        self.has_nulls |= row.has_null();
        self.rows.insert(row);
    }

    /// Whether the values are a row of the set; NULL if they could be, were it not for a NULL.
    pub(super) fn find(&self, values: &[Cow<'_, Value>], rules: &[Rule]) -> Option<bool> {
        let values = values.iter().zip(rules);
        let values = values.map(|(value, rule)| rule.representative(value.as_ref().clone()));
        let wanted: OrderedKey = values.collect();
        if !wanted.has_null() && self.rows.contains(&wanted) {
            return Some(true);
        }
        let has_nulls = wanted.has_null() || self.has_nulls;
        if !has_nulls || self.rows.is_empty() {
            return Some(false);
        }
        if wanted.len() == 1 {
            return None;
        }
        let may_be = |row: &OrderedKey| {
            row.iter().zip(wanted.iter()).all(|(a, b)| a.is_null() || b.is_null() || a == b)
        };
        if self.rows.iter().any(may_be) { None } else { Some(false) }
    }
}
