//! Whether every index says what the rows say: what the crate's own tests ask after every statement.

use super::key::key_of;
use super::table::TableStore;
use super::{ReferenceIndex, Store};
use crate::id::{IndexId, TableId};
use crate::value::OrderedKey;
use std::collections::BTreeMap;

/// Something in storage that disagrees with the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// The table.
    pub table: TableId,
    /// The index; `None` for the rows' own bookkeeping.
    pub index: Option<IndexId>,
    /// What is wrong, in words.
    pub what: String,
}

impl Store {
    /// Everything that disagrees with the rows: row ids that lead elsewhere, keys that find other
    /// rows than those that have them, buckets that list or count wrongly, invariants 1 to 8.
    ///
    /// # Cost
    /// **O(n log n)** for n rows times the indexes.
    pub fn verify(&self) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        for (at, store) in self.tables.stores.iter().enumerate() {
            let Some(store) = store else { continue };
            let table = TableId(at as u32);
            let mut report = |index: Option<IndexId>, what: String| {
                found.push(Discrepancy { table, index, what });
            };
            store.verify_rows(&mut |what| report(None, what));
            for index in &store.indexes {
                let by_key = rows_by_key(store, &|slot| {
                    let row = store.rows.row(slot);
                    index.spec.covers(row).then(|| index.spec.key(row)).flatten()
                });
                for (key, slots) in by_key {
                    let mut listed = index.find(&store.rows, &key);
                    listed.sort_unstable();
                    if listed != slots {
                        report(
                            Some(index.spec.id),
                            format!("{key} leads to {listed:?}, not {slots:?}"),
                        );
                    }
                }
            }
            for reference in &store.references {
                self.verify_reference(store, reference, &mut |what| {
                    report(Some(reference.spec.id), what);
                });
            }
        }
        found
    }

    fn verify_reference(
        &self,
        store: &TableStore,
        reference: &ReferenceIndex,
        report: &mut dyn FnMut(String),
    ) {
        let key = |slot: u32| key_of(&reference.spec.parts, store.rows.row(slot));
        for (key, slots) in rows_by_key(store, &key) {
            let referenced = self.tables.find_referenced(reference, &key);
            let bucket = match referenced {
                Some(slot) => reference.of_referenced(slot),
                None => reference.orphans_of(&key),
            };
            let Some(bucket) = bucket else {
                report(format!("{key} has no bucket for {slots:?}"));
                continue;
            };
            let header = reference.buckets.bucket(bucket);
            let mut listed = reference.members(&store.rows, bucket);
            listed.sort_unstable();
            if listed != slots {
                report(format!("the bucket of {key} lists {listed:?}, not {slots:?}"));
            }
            if header.count as usize != slots.len() {
                report(format!("the bucket of {key} counts {} of {slots:?}", header.count));
            }
            if header.is_orphan != referenced.is_none() {
                report(format!("the bucket of {key} is orphaned: {}", header.is_orphan));
            }
            if let Some(slot) = slots.iter().find(|&&slot| reference.buckets.of(slot) != bucket) {
                report(format!("row in slot {slot} is not in the bucket of {key}"));
            }
        }
        for (key, bucket) in reference.orphaned_keys() {
            let count = reference.buckets.bucket(bucket).count;
            if count == 0 && self.log.changes.is_empty() {
                report(format!("the orphaned bucket of {key} is empty"));
            }
            if count as usize != reference.members(&store.rows, bucket).len() {
                report(format!("the orphaned bucket of {key} counts {count}"));
            }
        }
        let referenced = &self.tables.get(reference.to.table).rows;
        for slot in (0..referenced.slot_count() as u32).filter(|&slot| referenced.is_live(slot)) {
            let Some(bucket) = reference.of_referenced(slot) else { continue };
            let header = reference.buckets.bucket(bucket);
            let members = reference.members(&store.rows, bucket).len();
            if header.count as usize != members {
                report(format!("slot {slot}'s bucket counts {} of {members}", header.count));
            }
            if header.owner != slot || header.is_orphan {
                report(format!("slot {slot}'s bucket is another's"));
            }
        }
    }
}

impl TableStore {
    fn verify_rows(&self, report: &mut dyn FnMut(String)) {
        let rows = &self.rows;
        let live: Vec<u32> = (0..rows.slot_count() as u32).filter(|&at| rows.is_live(at)).collect();
        if live.len() != rows.live_count() {
            report(format!("{} rows are live, {} are counted", live.len(), rows.live_count()));
        }
        for &slot in &live {
            if rows.find(rows.id(slot)) != Some(slot) {
                report(format!("row id {} does not lead to slot {slot}", rows.id(slot)));
            }
        }
        let in_order: Vec<i64> = rows.in_order().map(|row| row.row_id().0).collect();
        if !in_order.is_sorted() || in_order.len() != live.len() {
            report(format!("a scan finds row ids {in_order:?}"));
        }
        if rows.last_id() != in_order.last().copied() {
            report(format!("the last row id is taken to be {:?}", rows.last_id()));
        }
        for slot in self.free_slots() {
            if rows.is_live(slot) {
                report(format!("slot {slot} is free and live"));
            }
        }
    }
}

/// The slots of the live rows by their key, ascending.
fn rows_by_key(
    store: &TableStore,
    key: &dyn Fn(u32) -> Option<OrderedKey>,
) -> BTreeMap<OrderedKey, Vec<u32>> {
    let mut by_key: BTreeMap<OrderedKey, Vec<u32>> = BTreeMap::new();
    for slot in 0..store.rows.slot_count() as u32 {
        if store.rows.is_live(slot)
            && let Some(key) = key(slot)
        {
            by_key.entry(key).or_default().push(slot);
        }
    }
    by_key
}
