//! How rows find the rows they reference, and are found by those that reference them.
//!
//! A referencing row stands in the bucket of its referenced row; where that does not exist, in one
//! that is found by value. So when a referenced row dies or changes its key, the rows left behind are
//! *orphaned*; when a key arrives, its orphans are *adopted*.

use super::buckets::Listed;
use super::index::ReferenceIndex;
use super::key::key_of;
use super::log::{Adopted, Aside, Changed, Log};
use super::row_ids::NONE;
use super::table::{RowRef, TableStore};
use super::{IndexSpec, Link, Links, References, Slot, Store, Tables};
use crate::id::{FIRST_ROWS_MAX, FirstRowIds, IndexId, RowId, TableId};
use crate::value::{OrderedKey, Value, ValueRef};
use smallvec::SmallVec;

/// Where a row's foreign key leads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Known {
    /// Nowhere: it has a NULL.
    Nothing,
    /// To the live row of this slot.
    Row(u32),
    /// To a key that no live row has.
    Missing,
}

impl Store {
    /// Whether a live row's key is held by no live row. `index` is that of the foreign key.
    pub fn is_dangling(&self, table: TableId, index: IndexId, row_id: RowId) -> bool {
        let store = self.tables.get(table);
        let (Some(slot), Some(reference)) = (store.rows.find(row_id.0), store.reference(index))
        else {
            return false;
        };
        if !reference.references(&store.rows, slot) {
            return false;
        }
        // Rows deleted as a set leave their buckets behind without making orphans.
        let bucket = reference.buckets.bucket(reference.buckets.of(slot));
        bucket.is_orphan || !self.tables.get(reference.to.table).rows.is_live(bucket.owner)
    }

    /// The live row that holds a key which a foreign key references. `index` is that of the foreign
    /// key.
    pub fn find_referenced(
        &self,
        table: TableId,
        index: IndexId,
        key: &OrderedKey,
    ) -> Option<RowId> {
        let reference = self.tables.get(table).reference(index)?;
        let slot = self.tables.find_referenced(reference, key)?;
        Some(RowId(self.tables.get(reference.to.table).rows.id(slot)))
    }

    /// How many live rows reference a key, and the first of them, by row id unless there are very
    /// many. `index` is that of the foreign key, of `table`.
    ///
    /// # Cost
    /// **O(1)**: the rows are counted as they come and go.
    pub fn count_referencing(
        &self,
        table: TableId,
        index: IndexId,
        key: &OrderedKey,
    ) -> (usize, FirstRowIds) {
        let reference = self.tables.get(table).reference(index);
        let bucket = reference.and_then(|reference| self.bucket_of_key(reference, key));
        self.count_members(table, reference, bucket)
    }

    /// The same for the key of a live row, whose slot this is.
    #[inline]
    pub fn count_referencing_row(
        &self,
        table: TableId,
        index: IndexId,
        slot: Slot,
    ) -> (usize, FirstRowIds) {
        let reference = self.tables.get(table).reference(index);
        let bucket = reference.and_then(|reference| reference.of_referenced(slot.0));
        self.count_members(table, reference, bucket)
    }

    #[inline]
    fn count_members(
        &self,
        table: TableId,
        reference: Option<&ReferenceIndex>,
        bucket: Option<u32>,
    ) -> (usize, FirstRowIds) {
        /// So many are put into order, to name the first.
        const SORTED_MAX: usize = 64;
        let rows = &self.tables.get(table).rows;
        let (Some(reference), Some(bucket)) = (reference, bucket) else {
            return (0, FirstRowIds::NONE);
        };
        let count = reference.buckets.bucket(bucket).count as usize;
        let row_id = |slot: u32| RowId(rows.id(slot));
        let mut first: Vec<RowId> = match reference.buckets.listed(bucket) {
            Listed::Nobody => return (count, FirstRowIds::NONE),
            Listed::Run(start, len) if rows.ascends() => {
                return (count, rows.first_ids(start, len as usize));
            }
            _ if count <= SORTED_MAX => {
                let mut slots = reference.members(rows, bucket);
                rows.sort(&mut slots);
                slots.into_iter().take(FIRST_ROWS_MAX).map(row_id).collect()
            }
            Listed::Run(..) | Listed::Block(..) | Listed::Mixed => {
                let is_there = |slot: u32| rows.is_live(slot) && reference.references(rows, slot);
                let members = reference.buckets.first_members(bucket, FIRST_ROWS_MAX, is_there);
                members.map(row_id).collect()
            }
        };
        if !first.is_sorted() {
            first.sort_unstable();
        }
        (count, FirstRowIds::Listed(first))
    }

    /// The slots of the rows that reference a key, in no order.
    pub(super) fn referencing_slots(
        &self,
        table: TableId,
        index: IndexId,
        key: &OrderedKey,
    ) -> Vec<u32> {
        let store = self.tables.get(table);
        let Some(reference) = store.reference(index) else { return Vec::new() };
        match self.bucket_of_key(reference, key) {
            Some(bucket) => reference.members_listed(&store.rows, bucket),
            None => Vec::new(),
        }
    }

    /// The bucket of the rows that reference a key.
    fn bucket_of_key(&self, reference: &ReferenceIndex, key: &OrderedKey) -> Option<u32> {
        match self.tables.find_referenced(reference, key) {
            Some(slot) => reference.of_referenced(slot),
            None => reference.orphans_of(key),
        }
    }

    // A row arrives.

    /// A new row that took the slot of a dead one has none of its referencing rows.
    pub(super) fn forget_referenced(&mut self, table: TableId, slot: u32, is_reused: bool) {
        if is_reused {
            for at in 0..self.tables.links(table).len() {
                let link = self.tables.links(table)[at];
                self.tables.reference_mut(link).forget_referenced(slot);
            }
        }
    }

    /// Gives a row that has a key now the rows that have waited for it.
    #[inline]
    pub(super) fn adopt(&mut self, table: TableId, slot: u32) {
        if !self.tables.links(table).is_empty() {
            self.adopt_over_links(table, slot);
        }
    }

    fn adopt_over_links(&mut self, table: TableId, slot: u32) {
        for at in 0..self.tables.links(table).len() {
            let link = self.tables.links(table)[at];
            let reference = self.tables.reference(link);
            if !reference.has_orphans() {
                continue;
            }
            let row = self.tables.get(table).rows.row(slot);
            let Some(key) = key_of(&reference.to.parts, row) else { continue };
            if let Some((bucket, owner)) = self.tables.reference_mut(link).adopt(slot, &key) {
                let adopted = Adopted { bucket, owner, slot, key };
                self.log.aside(Aside::Adopted(link, Box::new(adopted)));
            }
        }
    }

    /// Puts a new row into the bucket of each row that it references and is not in yet: of itself, or
    /// of a key that no row has. Whether there is one of those.
    pub(super) fn join_rest(&mut self, table: TableId, slot: u32) -> bool {
        let mut dangles = false;
        for at in 0..self.tables.get(table).references.len() {
            let TableStore { rows, references, .. } = self.tables.get(table);
            if references[at].buckets.of(slot) == NONE && references[at].references(rows, slot) {
                dangles |= self.join(table, at, slot) == Known::Missing;
            }
        }
        dangles
    }

    /// Puts a row into the bucket of the row that it references, or of the key that no row has.
    fn join(&mut self, table: TableId, position: usize, slot: u32) -> Known {
        let store = self.tables.get(table);
        let known = self.tables.known(&store.references[position], store.rows.row(slot));
        if !self.tables.get_mut(table).references[position].join_known(slot, known) {
            self.join_orphans(table, position, slot);
        }
        known
    }

    /// Puts a row into the bucket of its key, which no row has.
    fn join_orphans(&mut self, table: TableId, position: usize, slot: u32) {
        let TableStore { rows, references, .. } = self.tables.get_mut(table);
        let reference = &mut references[position];
        let Some(key) = key_of(&reference.spec.parts, rows.row(slot)) else { return };
        let bucket = match reference.orphans_of(&key) {
            Some(bucket) => bucket,
            None => {
                let bucket = reference.buckets.open(NONE);
                reference.orphan(bucket, key.clone());
                let link = Link { table, reference: position };
                self.log.aside(Aside::Orphaned(link, Box::new(key)));
                bucket
            }
        };
        reference.buckets.join(slot, bucket);
    }

    // A row leaves, or changes.

    /// Lets the rows that still reference a row which has died be found by value.
    pub(super) fn orphan(&mut self, table: TableId, slot: u32) {
        for at in 0..self.tables.links(table).len() {
            let link = self.tables.links(table)[at];
            self.tables.orphan(&mut self.log, link, slot, None);
        }
    }

    /// Writes a row's new values, and brings along every index that they concern. Which columns that
    /// changes.
    pub(super) fn rewrite(
        &mut self,
        table: TableId,
        slot: u32,
        old: RowRef<'_>,
        new_id: RowId,
        values: &[ValueRef<'_>],
    ) -> Changed {
        let changed = Changed::between(old, values);
        self.detach(table, slot, old, changed);
        let store = self.tables.get_mut(table);
        let uses = |spec: &IndexSpec| {
            spec.filter.is_some()
                || spec.computed.is_some()
                || spec.parts.iter().any(|part| changed.has(part.position))
        };
        let indexes = store.indexes.iter().enumerate().filter(|(_, index)| uses(&index.spec));
        let covered: SmallVec<[(usize, bool); 4]> =
            indexes.map(|(at, index)| (at, index.spec.covers(old))).collect();
        let mut left: SmallVec<[(usize, u32, bool); 4]> = SmallVec::new();
        for at in 0..store.references.len() {
            if uses(&store.references[at].spec) {
                let (raw, was_member) = store.leave_bucket(at, slot);
                left.push((at, raw, was_member));
            }
        }
        // Undoing a set that was made NULL only lifts the NULL: what lies under it is kept.
        if self.log.nulled > 0 {
            for (position, value) in store.covered_by_null(slot, values) {
                self.log.aside(Aside::Overwritten { position, value });
            }
        }
        if let Some(led_to) = store.rewrite(slot, new_id.0, values, changed) {
            self.log.aside(Aside::IdLedTo(led_to));
        }
        let TableStore { rows, indexes, .. } = store;
        for (index, covered) in covered {
            if let Some(entered) = indexes[index].update(rows, slot, covered) {
                self.log.aside(Aside::Entered { index, entered });
            }
        }
        // A row that references itself finds itself under its new key.
        self.adopt_changed(table, slot, changed);
        for (reference, raw, was_member) in left {
            let is_member = self.join(table, reference, slot) != Known::Nothing;
            self.log.aside(Aside::Moved { reference, raw, was_member, is_member });
        }
        changed
    }

    /// Before a row's key changes: rows that reference the old one are found by value from now on.
    fn detach(&mut self, table: TableId, slot: u32, old: RowRef<'_>, changed: Changed) {
        for at in 0..self.tables.links(table).len() {
            let link = self.tables.links(table)[at];
            let reference = self.tables.reference(link);
            if !reference.to.parts.iter().any(|part| changed.has(part.position)) {
                continue;
            }
            let Some(bucket) = reference.of_referenced(slot) else { continue };
            self.tables.orphan(&mut self.log, link, slot, Some(old));
            self.tables.reference_mut(link).set_of_referenced(slot, NONE);
            self.log.aside(Aside::Detached { link, bucket, slot });
        }
    }

    /// After it has changed: a new key adopts.
    fn adopt_changed(&mut self, table: TableId, slot: u32, changed: Changed) {
        let is_key = |link: &Link| {
            let parts = &self.tables.reference(*link).to.parts;
            parts.iter().any(|part| changed.has(part.position))
        };
        if self.tables.links(table).iter().any(is_key) {
            self.adopt(table, slot);
        }
    }

    // Tables change.

    /// Builds the indexes of a table's foreign keys that are new or differ.
    pub(super) fn make_references(
        &mut self,
        table: TableId,
        specs: impl Iterator<Item = (IndexSpec, References)>,
    ) {
        self.unlink(table);
        let mut old: Vec<_> = self.tables.get_mut(table).references.drain(..).collect();
        for (spec, to) in specs {
            let kept = old.iter().position(|index| index.spec == spec && index.to == to);
            let is_new = kept.is_none();
            let index = match kept {
                Some(position) => old.swap_remove(position),
                None => ReferenceIndex::new(spec, to),
            };
            self.tables.get_mut(table).references.push(index);
            if is_new {
                self.build_reference(table);
            }
        }
        self.link(table);
    }

    /// Puts every row into its bucket of the foreign key added last.
    fn build_reference(&mut self, table: TableId) {
        let asides = self.log.asides.len();
        let slots = self.tables.get(table).rows.slot_count() as u32;
        let position = self.tables.get(table).references.len() - 1;
        for slot in 0..slots {
            let store = self.tables.get_mut(table);
            store.references[position].buckets.make_place(slot);
            if store.rows.is_live(slot) {
                self.join(table, position, slot);
            }
        }
        // It is undone with the tables as a whole.
        self.log.asides.truncate(asides);
    }

    /// Forgets what a table's foreign keys reference: they are about to change.
    pub(super) fn unlink(&mut self, table: TableId) {
        let Tables { stores, links } = &mut self.tables;
        let Some(store) = &stores[table.0 as usize] else { return };
        for index in &store.references {
            let links = &mut links.own()[index.to.table.0 as usize];
            links.retain(|link| link.table != table);
        }
    }

    /// Notes what a table's foreign keys reference.
    fn link(&mut self, table: TableId) {
        let Tables { stores, links } = &mut self.tables;
        let Some(store) = &stores[table.0 as usize] else { return };
        if store.references.is_empty() {
            return;
        }
        let links = links.own();
        links.resize(stores.len(), Links::new());
        for (reference, index) in store.references.iter().enumerate() {
            let (link, links) = (Link { table, reference }, &mut links[index.to.table.0 as usize]);
            links.insert(links.partition_point(|other| *other < link), link);
        }
    }
}

impl ReferenceIndex {
    /// Makes a place for a new row, in the bucket of the row that it references; `false` if that is
    /// not there.
    pub(super) fn arrive(&mut self, slot: u32, known: Known) -> bool {
        match known {
            Known::Row(referenced) => {
                let bucket = self.bucket_for(referenced);
                self.buckets.arrive(slot, bucket);
                true
            }
            Known::Nothing | Known::Missing => {
                self.buckets.make_place(slot);
                known == Known::Nothing
            }
        }
    }

    /// Puts a row into the bucket of the row that it references; `false` if that is not there.
    pub(super) fn join_known(&mut self, slot: u32, known: Known) -> bool {
        match known {
            Known::Nothing => true,
            Known::Missing => false,
            Known::Row(referenced) => {
                let bucket = self.bucket_for(referenced);
                self.buckets.join(slot, bucket);
                true
            }
        }
    }
}

impl Tables {
    /// What each foreign key of a row to be stored leads to.
    #[inline]
    pub(super) fn all_known(&self, table: TableId, row: RowRef<'_>) -> SmallVec<[Known; 4]> {
        let mut known = SmallVec::new();
        for reference in &self.get(table).references {
            known.push(self.known(reference, row));
        }
        known
    }

    #[inline(always)]
    fn known(&self, reference: &ReferenceIndex, row: RowRef<'_>) -> Known {
        // Nearly every foreign key references an integer primary key.
        if let ([part], None) = (reference.spec.parts.as_slice(), &reference.to.lookup) {
            match row.get(part.position) {
                ValueRef::Null => return Known::Nothing,
                ValueRef::Integer(id) => {
                    if let Some(slot) = self.get(reference.to.table).rows.find(id) {
                        return Known::Row(slot);
                    }
                }
                ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => {}
            }
        }
        self.known_by_key(reference, row)
    }

    #[inline(never)]
    fn known_by_key(&self, reference: &ReferenceIndex, row: RowRef<'_>) -> Known {
        match key_of(&reference.spec.parts, row) {
            None => Known::Nothing,
            Some(key) => self.find_referenced(reference, &key).map_or(Known::Missing, Known::Row),
        }
    }

    /// The slot of the live row that has a key.
    pub(super) fn find_referenced(
        &self,
        reference: &ReferenceIndex,
        key: &OrderedKey,
    ) -> Option<u32> {
        let store = self.get(reference.to.table);
        match &reference.to.lookup {
            None => match key.first() {
                Some(Value::Integer(id)) => store.rows.find(*id),
                _ => None,
            },
            Some((index, order)) => {
                let key: OrderedKey = order.iter().map(|&at| key[at].clone()).collect();
                let own = store.indexes.iter().find(|candidate| candidate.spec.id == *index)?;
                own.find_one(&store.rows, &key)
            }
        }
    }

    /// Orphans the rows that reference a row over one foreign key, if there are any. `row`: what the
    /// slot held, if that is not what it holds.
    pub(super) fn orphan(&mut self, log: &mut Log, link: Link, slot: u32, row: Option<RowRef<'_>>) {
        let reference = self.reference(link);
        let Some(bucket) = reference.of_referenced(slot) else { return };
        let header = reference.buckets.bucket(bucket);
        if header.count == 0 || header.is_orphan || header.owner != slot {
            return;
        }
        let row = row.unwrap_or_else(|| self.get(reference.to.table).rows.row(slot));
        let Some(key) = key_of(&reference.to.parts, row) else { return };
        self.reference_mut(link).orphan(bucket, key.clone());
        log.aside(Aside::Orphaned(link, Box::new(key)));
    }
}

impl TableStore {
    /// The index of a foreign key.
    pub(super) fn reference(&self, index: IndexId) -> Option<&ReferenceIndex> {
        self.references.iter().find(|candidate| candidate.spec.id == index)
    }

    /// Takes a row out of its bucket: the bucket it was put into last, and whether it was a member.
    fn leave_bucket(&mut self, reference: usize, slot: u32) -> (u32, bool) {
        let TableStore { rows, references, .. } = self;
        let reference = &mut references[reference];
        match reference.references(rows, slot) {
            true => (reference.buckets.leave(slot), true),
            false => (reference.buckets.of(slot), false),
        }
    }
}
