//! An index: an ordered set of (key, row id), kept in step with the rows.

use super::Row;
use crate::id::{IndexId, RowId};
use crate::value::{Affinity, Collation, OrderedKey, Value, canonical};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Says whether a row belongs to a partial index.
pub type Filter = Arc<dyn Fn(&[Value]) -> bool + Send + Sync>;

/// How an index makes a key of a row.
#[derive(Clone)]
pub struct IndexSpec {
    /// The index.
    pub id: IndexId,
    /// The parts of the key.
    pub parts: Vec<KeyPart>,
    /// Whether rows with a NULL in the key are left out.
    pub skips_nulls: bool,
    /// Whether a row is in the index at all; `None` for all rows.
    pub filter: Option<Filter>,
}

/// One part of an index key.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub fn key_value(&self, value: &Value) -> Value {
        match self.conversion {
            Affinity::Blob => canonical(value, self.collation),
            affinity => canonical(&affinity.apply(value.clone()), self.collation),
        }
    }
}

/// Two specs with one id differ only in their parts: an index's filter never changes.
impl PartialEq for IndexSpec {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.parts == other.parts && self.skips_nulls == other.skips_nulls
    }
}

impl fmt::Debug for IndexSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSpec").field("id", &self.id).field("parts", &self.parts).finish()
    }
}

impl IndexSpec {
    /// The key of a row, if the row is in the index.
    pub fn key(&self, row: &[Value]) -> Option<OrderedKey> {
        if let Some(filter) = &self.filter
            && !filter(row)
        {
            return None;
        }
        if self.skips_nulls && self.parts.iter().any(|part| row[part.position].is_null()) {
            return None;
        }
        Some(self.parts.iter().map(|part| part.key_value(&row[part.position])).collect())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Index {
    spec: IndexSpec,
    entries: BTreeSet<(OrderedKey, RowId)>,
}

impl Index {
    pub(super) fn build(spec: IndexSpec, rows: &BTreeMap<RowId, Row>) -> Self {
        let keyed = |(id, row): (&RowId, &Row)| spec.key(row).map(|key| (key, *id));
        let entries = rows.iter().filter_map(keyed).collect();
        Index { spec, entries }
    }

    pub(super) fn spec(&self) -> &IndexSpec {
        &self.spec
    }

    pub(super) fn add(&mut self, row: &[Value], row_id: RowId) {
        if let Some(key) = self.spec.key(row) {
            self.entries.insert((key, row_id));
        }
    }

    pub(super) fn remove(&mut self, row: &[Value], row_id: RowId) {
        if let Some(key) = self.spec.key(row) {
            self.entries.remove(&(key, row_id));
        }
    }

    pub(super) fn find(&self, key: &OrderedKey) -> impl Iterator<Item = RowId> {
        let (first, last) = ((key.clone(), RowId(i64::MIN)), (key.clone(), RowId(i64::MAX)));
        self.entries.range(first..=last).map(|(_, id)| *id)
    }

    pub(super) fn row_ids(&self) -> impl DoubleEndedIterator<Item = RowId> {
        self.entries.iter().map(|(_, id)| *id)
    }

    /// The rows whose entries are only here (`false`) or only in `fresh` (`true`: missing here).
    pub(super) fn differences(&self, fresh: &Index) -> Vec<(RowId, bool)> {
        let extra = self.entries.difference(&fresh.entries).map(|(_, id)| (*id, false));
        let missing = fresh.entries.difference(&self.entries).map(|(_, id)| (*id, true));
        extra.chain(missing).collect()
    }
}
