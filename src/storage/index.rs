//! The indexes of a table: its own, by key; and those of its foreign keys, by referenced row.
//!
//! An own index hashes keys: a unique one to the slot of the row that has the key, another one to a
//! bucket of rows. The index of a foreign key needs no hash: a bucket belongs to a referenced row's
//! slot, found once, when the referencing row is written. Rows that reference a key which no live row
//! has are *orphaned*; their buckets are found by value, in a map that is expected to stay small.

use super::buckets::{Buckets, Listed};
use super::hash::HashTable;
use super::key::{IndexSpec, References, hash_key};
use super::log::Rowset;
use super::pages::{Paged, Plain, SMALL_PAGE};
use super::row_ids::NONE;
use super::shared::Shared;
use super::table::Rows;
use crate::value::OrderedKey;
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// An own index of a table. Rows with a NULL in their key are not in it.
#[derive(Clone, Debug)]
pub(super) struct OwnIndex {
    pub(super) spec: IndexSpec,
    /// Hash of a key → slots (unique), or buckets.
    table: HashTable,
    /// Only for an index that is not unique.
    by_key: Option<ByKey>,
}

/// Rows by key, where several may have one.
#[derive(Clone, Debug, Default)]
struct ByKey {
    /// Bucket → its key.
    keys: Paged<OrderedKey>,
    buckets: Buckets,
}

/// What a row's arrival did to an own index, for undoing it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entered {
    /// A slot was entered under a hash, perhaps in the place of another.
    Hashed { hash: u32, displaced: Option<u32> },
    /// A slot joined a bucket; it was in `raw` before, as a member or not.
    Joined { raw: u32, was_member: bool },
    /// A slot left its bucket.
    Left { raw: u32 },
}

impl OwnIndex {
    pub(super) fn new(spec: IndexSpec) -> Self {
        let by_key = (!spec.unique).then(ByKey::default);
        OwnIndex { spec, table: HashTable::default(), by_key }
    }

    /// Enters all rows of a table that has had no such index.
    pub(super) fn build(&mut self, rows: &Rows) {
        for slot in 0..rows.slot_count() as u32 {
            if rows.is_live(slot) {
                self.insert(rows, slot);
            } else if let Some(shared) = &mut self.by_key {
                shared.buckets.make_place(slot);
            }
        }
    }

    /// The slots of the live rows with a key, in no order.
    pub(super) fn find<'a>(&'a self, rows: &'a Rows, key: &'a OrderedKey) -> Vec<u32> {
        let hash = hash_key(key);
        match &self.by_key {
            None => {
                let has = |&slot: &u32| rows.is_live(slot) && self.has(rows, slot, key);
                self.table.find(hash).filter(has).collect()
            }
            Some(shared) => {
                let bucket =
                    self.table.find(hash).find(|&at| *shared.keys.get(at as usize) == *key);
                bucket.map_or_else(Vec::new, |bucket| {
                    shared.buckets.members(bucket, |slot| rows.is_live(slot))
                })
            }
        }
    }

    /// The live row with a key of a unique index.
    pub(super) fn find_one(&self, rows: &Rows, key: &OrderedKey) -> Option<u32> {
        let has = |&slot: &u32| rows.is_live(slot) && self.has(rows, slot, key);
        self.table.find(hash_key(key)).find(has)
    }

    fn has(&self, rows: &Rows, slot: u32, key: &OrderedKey) -> bool {
        let row = rows.row(slot);
        self.spec.has(row, key) && self.spec.covers(row)
    }

    /// Makes a place for a new row, and enters it if the index covers it.
    pub(super) fn insert(&mut self, rows: &Rows, slot: u32) -> Option<Entered> {
        if let Some(shared) = &mut self.by_key {
            shared.buckets.make_place(slot);
        }
        self.spec.covers(rows.row(slot)).then(|| self.enter(rows, slot, NONE, false))
    }

    fn enter(&mut self, rows: &Rows, slot: u32, raw: u32, was_member: bool) -> Entered {
        let row = rows.row(slot);
        let Some(shared) = &mut self.by_key else {
            let hash = self.spec.hash(row);
            let displaced = self.table.add(hash, slot, |other| !rows.is_live(other));
            return Entered::Hashed { hash, displaced };
        };
        let key = self.spec.key(row).unwrap_or_default();
        let hash = hash_key(&key);
        let found = self.table.find(hash).find(|&at| *shared.keys.get(at as usize) == key);
        let bucket = found.unwrap_or_else(|| {
            let bucket = shared.buckets.open(NONE);
            shared.keys.push(key);
            self.table.add(hash, bucket, |_| false);
            bucket
        });
        shared.buckets.join(slot, bucket);
        Entered::Joined { raw, was_member }
    }

    /// Follows a change of a row that both is and was live: `covered` says whether the index had it.
    pub(super) fn update(&mut self, rows: &Rows, slot: u32, covered: bool) -> Option<Entered> {
        let raw = match &mut self.by_key {
            Some(shared) if covered => shared.buckets.leave(slot),
            Some(shared) => shared.buckets.of(slot),
            None => NONE,
        };
        match self.spec.covers(rows.row(slot)) {
            true => Some(self.enter(rows, slot, raw, covered)),
            false => (covered && raw != NONE).then_some(Entered::Left { raw }),
        }
    }

    /// Undoes what a change did.
    pub(super) fn undo(&mut self, slot: u32, entered: Entered) {
        match (entered, &mut self.by_key) {
            (Entered::Hashed { hash, displaced }, _) => {
                self.table.take_back(hash, slot, displaced);
            }
            (Entered::Joined { raw, was_member }, Some(shared)) => {
                shared.buckets.come_back(slot, raw, was_member, true);
            }
            (Entered::Left { raw }, Some(shared)) => {
                shared.buckets.come_back(slot, raw, true, false)
            }
            (Entered::Joined { .. } | Entered::Left { .. }, None) => {}
        }
    }

    pub(super) fn drop_places(&mut self, from: u32) {
        if let Some(shared) = &mut self.by_key {
            shared.buckets.drop_places(from);
        }
    }

    /// Forgets a dead row, whose slot another one will take.
    pub(super) fn forget(&mut self, rows: &Rows, slot: u32) {
        if !self.spec.covers(rows.row(slot)) {
            return;
        }
        match &mut self.by_key {
            None => self.table.remove(self.spec.hash(rows.row(slot)), slot),
            Some(shared) => {
                if shared.buckets.of(slot) != NONE {
                    shared.buckets.leave(slot);
                }
            }
        }
    }

    /// Whether lists have grown too long, or there are many entries under keys that rows have had
    /// before.
    pub(super) fn is_untidy(&self, rows: &Rows) -> bool {
        match &self.by_key {
            Some(shared) => shared.buckets.has_bloated(),
            None => self.table.len() > 2 * rows.slot_count() + 64,
        }
    }

    /// Pays what changes have left behind, once nothing is left to be undone.
    pub(super) fn tidy(&mut self, rows: &Rows) {
        if !self.is_untidy(rows) {
            return;
        }
        match &mut self.by_key {
            Some(shared) => shared.buckets.shorten(|slot| rows.is_live(slot)),
            None => {
                self.table = HashTable::default();
                self.build(rows);
            }
        }
    }
}

/// The index of a foreign key over its referencing rows.
#[derive(Clone, Debug)]
pub(super) struct ReferenceIndex {
    pub(super) spec: IndexSpec,
    pub(super) to: References,
    pub(super) buckets: Buckets,
    /// Slot of a referenced row → its bucket, or `NONE`; as long as has been needed.
    of_referenced: Plain<u32, SMALL_PAGE>,
    /// Key that no live row has → the bucket of the rows that reference it; `None` before the first.
    orphans: Option<Shared<Orphans>>,
}

type Orphans = HashMap<OrderedKey, u32, FixedState>;

impl ReferenceIndex {
    pub(super) fn new(spec: IndexSpec, to: References) -> Self {
        ReferenceIndex {
            spec,
            to,
            buckets: Buckets::default(),
            of_referenced: Plain::default(),
            orphans: None,
        }
    }

    /// The bucket of a referenced row.
    #[inline]
    pub(super) fn of_referenced(&self, slot: u32) -> Option<u32> {
        let at = slot as usize;
        let bucket = if at < self.of_referenced.len() { *self.of_referenced.get(at) } else { NONE };
        (bucket != NONE).then_some(bucket)
    }

    /// The rows of a set, dead or live, that have a bucket, and that.
    ///
    /// # Cost
    /// A word each to look at, as far as any row behind them has a bucket.
    #[inline]
    pub(super) fn of_rowset<'a>(
        &'a self,
        set: Rowset<'a>,
    ) -> impl Iterator<Item = (u32, u32)> + 'a {
        let range = |&(start, len): &(u32, u32)| start as usize..start as usize + len as usize;
        let pieces = set.runs.iter().flat_map(move |run| self.of_referenced.pieces(range(run)));
        let in_runs = pieces.flat_map(|(from, buckets)| {
            let slots = from as u32..;
            slots.zip(buckets.iter().copied()).filter(|(_, bucket)| *bucket != NONE)
        });
        let single = |&slot: &u32| Some((slot, self.of_referenced(slot)?));
        in_runs.chain(set.slots.iter().filter_map(single))
    }

    /// Whether this holds of the bucket of any row of a set. Runs of one row, as on the way down a
    /// chain, are not worth an iterator.
    #[inline]
    pub(super) fn any_of_rowset(
        &self,
        set: Rowset<'_>,
        mut is_wanted: impl FnMut(u32) -> bool,
    ) -> bool {
        if let ([(slot, 1)], []) = (set.runs, set.slots) {
            return self.of_referenced(*slot).is_some_and(is_wanted);
        }
        self.of_rowset(set).any(|(_, bucket)| is_wanted(bucket))
    }

    /// Whether any live row references this one, dead or live.
    #[inline]
    pub(super) fn is_referenced(&self, slot: u32) -> bool {
        self.of_referenced(slot).is_some_and(|bucket| self.buckets.bucket(bucket).count > 0)
    }

    pub(super) fn set_of_referenced(&mut self, slot: u32, bucket: u32) {
        let at = slot as usize;
        if at < self.of_referenced.len() {
            *self.of_referenced.get_mut(at) = bucket;
            return;
        }
        self.of_referenced.resize(at, NONE);
        self.of_referenced.push(bucket);
    }

    /// The bucket of a referenced row, made if there is none yet.
    pub(super) fn bucket_for(&mut self, referenced: u32) -> u32 {
        match self.of_referenced(referenced) {
            Some(bucket) => bucket,
            None => {
                let bucket = self.buckets.open(referenced);
                self.set_of_referenced(referenced, bucket);
                bucket
            }
        }
    }

    /// The bucket of the rows that reference a key which no live row has.
    pub(super) fn orphans_of(&self, key: &OrderedKey) -> Option<u32> {
        self.orphans.as_ref()?.get(key).copied()
    }

    pub(super) fn has_orphans(&self) -> bool {
        self.orphans.as_ref().is_some_and(|orphans| !orphans.is_empty())
    }

    /// Makes a bucket one that is found by value.
    pub(super) fn orphan(&mut self, bucket: u32, key: OrderedKey) {
        self.buckets.bucket_mut(bucket).is_orphan = true;
        self.orphans.get_or_insert_default().own().insert(key, bucket);
    }

    /// Undoes `orphan`, or ends it for a bucket that has become empty.
    pub(super) fn unorphan(&mut self, key: &OrderedKey) {
        let orphans = self.orphans.as_mut().map(Shared::own);
        if let Some(bucket) = orphans.and_then(|orphans| orphans.remove(key)) {
            self.buckets.bucket_mut(bucket).is_orphan = false;
        }
    }

    /// Hands the orphans of a key over to a referenced row that has it now. The bucket and its owner
    /// before are returned.
    pub(super) fn adopt(&mut self, referenced: u32, key: &OrderedKey) -> Option<(u32, u32)> {
        let bucket = self.orphans_of(key)?;
        self.unorphan(key);
        let owner = std::mem::replace(&mut self.buckets.bucket_mut(bucket).owner, referenced);
        self.set_of_referenced(referenced, bucket);
        Some((bucket, owner))
    }

    /// Whether a row's key has no NULL.
    #[inline]
    pub(super) fn references(&self, rows: &Rows, slot: u32) -> bool {
        self.spec.references(rows, slot)
    }

    /// Forgets a dead referenced row, whose slot another one will take.
    pub(super) fn forget_referenced(&mut self, slot: u32) {
        let Some(bucket) = self.of_referenced(slot) else { return };
        let header = *self.buckets.bucket(bucket);
        if header.owner == slot && !header.is_orphan {
            self.buckets.clear(bucket);
        } else {
            self.set_of_referenced(slot, NONE);
        }
    }

    /// Forgets a dead referencing row, whose slot another one will take.
    pub(super) fn forget(&mut self, rows: &Rows, slot: u32) {
        if self.references(rows, slot) {
            self.buckets.forget(slot);
        }
    }

    /// Pays what changes have left behind, once nothing is left to be undone.
    pub(super) fn tidy(&mut self, rows: &Rows) {
        let ReferenceIndex { spec, buckets, .. } = self;
        if buckets.has_bloated() {
            buckets.shorten(|slot| rows.is_live(slot) && spec.references(rows, slot));
        }
    }

    /// The keys of the orphaned buckets.
    pub(super) fn orphaned_keys(&self) -> impl Iterator<Item = (&OrderedKey, u32)> {
        let orphans = self.orphans.iter().flat_map(|orphans| orphans.iter());
        orphans.map(|(key, bucket)| (key, *bucket))
    }

    /// The members of a bucket, in slot order if its list is. Each is asked, whatever is counted.
    pub(super) fn members(&self, rows: &Rows, bucket: u32) -> Vec<u32> {
        self.buckets.members(bucket, |slot| rows.is_live(slot) && self.references(rows, slot))
    }

    /// The same, and those of a list that has nobody else are not asked.
    pub(super) fn members_listed(&self, rows: &Rows, bucket: u32) -> Vec<u32> {
        match self.buckets.listed(bucket) {
            Listed::Nobody => Vec::new(),
            Listed::Run(start, len) => (start..start + len).collect(),
            Listed::Block(start, len) => {
                let mut members = Vec::with_capacity(len as usize);
                self.buckets.read_block(start, len, |slots| members.extend_from_slice(slots));
                members
            }
            Listed::Mixed => self.members(rows, bucket),
        }
    }
}
