//! Changing rows as sets: all rows that reference any row of a set, by their buckets.
//!
//! A set that was changed is a [`Swath`]: its rows stand in the log, where the next step reads them
//! forwards and the undo backwards. Nothing is allocated once the log is warm, and nothing is visited
//! twice: a row that has died is not gathered again.

use super::buckets::Listed;
use super::index::ReferenceIndex;
use super::log::{Change, Swath};
use super::row_ids::NONE;
use super::table::{Rows, TableStore};
use super::{Link, Slot, Store};
use crate::id::{IndexId, RowId, TableId};

/// What became of the rows that reference a set.
#[derive(Debug, Default)]
pub struct Swept {
    /// The rows that were changed; `None` if there were none.
    pub swath: Option<Swath>,
    /// Whether a bucket listed rows that are gone, perhaps since this walk began.
    pub met_dead: bool,
}

impl Store {
    /// Deletes live rows of a table as one change.
    pub fn sweep_rows(&mut self, table: TableId, row_ids: &[RowId]) -> Option<Swath> {
        let from = self.log.gathered();
        let rows = &self.tables.get(table).rows;
        self.log.slots.extend(row_ids.iter().filter_map(|row_id| rows.find(row_id.0)));
        let swath = self.log.swath(table, None, from)?;
        self.kill(swath);
        Some(swath)
    }

    /// Deletes every live row that references a row of `referenced` over a foreign key, whose index
    /// is `index` of `table`.
    ///
    /// # Cost
    /// **O(r + m)** for r referenced rows and m that reference them; a few nanoseconds each, and for
    /// neighbours a few a hundred.
    pub fn sweep_referencing(
        &mut self,
        referenced: &Swath,
        table: TableId,
        index: IndexId,
    ) -> Swept {
        let swept = self.gather_referencing(referenced, table, index);
        if let Some(swath) = swept.swath {
            self.kill(swath);
        }
        swept
    }

    /// Sets the referencing columns of the same rows to NULL. No other index may use the columns.
    pub fn null_referencing(
        &mut self,
        referenced: &Swath,
        table: TableId,
        index: IndexId,
    ) -> Swept {
        let swept = self.gather_referencing(referenced, table, index);
        if let Some(swath) = swept.swath
            && let Some(reference) = swath.by()
        {
            let store = self.tables.get_mut(table);
            store.set_all_valid(reference, self.log.rowset(&swath), false);
            self.log.push_swath(swath, |_| Change::Nulled);
            self.log.nulled += 1;
        }
        swept
    }

    /// The ids of the same rows, which stay as they are, and whether a bucket listed rows that are
    /// gone.
    pub fn referencing_rows(
        &mut self,
        referenced: &Swath,
        table: TableId,
        index: IndexId,
    ) -> (Vec<RowId>, bool) {
        let Swept { swath, met_dead } = self.gather_referencing(referenced, table, index);
        let Some(swath) = swath else { return (Vec::new(), met_dead) };
        let rows = &self.tables.get(table).rows;
        let mut found: Vec<u32> = self.log.rowset(&swath).iter().collect();
        rows.sort(&mut found);
        let ids = found.into_iter().map(|slot| RowId(rows.id(slot))).collect();
        self.log.ungather(&swath);
        (ids, met_dead)
    }

    /// Whether any live row references a row of the set over a foreign key.
    pub fn is_any_referencing(&self, referenced: &Swath, table: TableId, index: IndexId) -> bool {
        let Some(reference) = self.tables.get(table).reference(index) else { return false };
        let has_rows = |bucket: u32| reference.buckets.bucket(bucket).count > 0;
        reference.any_of_rowset(self.log.rowset(referenced), has_rows)
    }

    /// The rows of the set that any live row references over a foreign key.
    pub fn referenced_slots<'a>(
        &'a self,
        of: &'a Swath,
        table: TableId,
        index: IndexId,
    ) -> impl Iterator<Item = Slot> + 'a {
        let reference = self.tables.get(table).reference(index);
        let slots = reference.into_iter().flat_map(|reference| {
            let has_rows = |(_, bucket): &(_, u32)| reference.buckets.bucket(*bucket).count > 0;
            reference.of_rowset(self.log.rowset(of)).filter(has_rows)
        });
        slots.map(|(slot, _)| Slot(slot))
    }

    /// The row that a row of `table`, dead or live, references over a foreign key.
    pub fn referenced_slot(&self, table: TableId, index: IndexId, slot: Slot) -> Option<Slot> {
        let reference = self.tables.get(table).reference(index)?;
        let owner = reference.buckets.bucket(reference.buckets.of(slot.0)).owner;
        (owner != NONE).then_some(Slot(owner))
    }

    /// The row id of a slot.
    pub fn row_id_of(&self, table: TableId, slot: Slot) -> RowId {
        RowId(self.tables.get(table).rows.id(slot.0))
    }

    /// Whether any row is listed as one that references a row of the set, be it gone by now.
    pub fn is_any_listed(&self, referenced: &Swath, table: TableId, index: IndexId) -> bool {
        let Some(reference) = self.tables.get(table).reference(index) else { return false };
        let lists = |bucket: u32| !reference.buckets.is_empty(bucket);
        reference.any_of_rowset(self.log.rowset(referenced), lists)
    }

    /// Whether any live row of a table references this one over a foreign key.
    #[inline]
    pub fn is_referenced(&self, slot: Slot, table: TableId, index: IndexId) -> bool {
        let reference = self.tables.get(table).reference(index);
        reference.is_some_and(|reference| reference.is_referenced(slot.0))
    }

    /// Lets the rows that still reference a row of the set be found by value.
    pub fn orphan_referencing(&mut self, referenced: &Swath, table: TableId, index: IndexId) {
        let Some(reference) = self.position(table, index) else { return };
        let asides = self.log.asides.len();
        let slots: Vec<u32> = self.log.rowset(referenced).iter().collect();
        for slot in slots {
            self.tables.orphan(&mut self.log, Link { table, reference }, slot, None);
        }
        // They belong to the change that was logged last, which is of this set or came after it.
        let last = self.log.changes.len() - 1;
        self.log.asides[asides..].iter_mut().for_each(|(at, _)| *at = last);
    }

    fn position(&self, table: TableId, index: IndexId) -> Option<usize> {
        let references = &self.tables.get(table).references;
        references.iter().position(|candidate| candidate.spec.id == index)
    }

    /// Gathers the live rows that reference a set at the end of the log's lists. They are not changed
    /// yet.
    fn gather_referencing(&mut self, referenced: &Swath, table: TableId, index: IndexId) -> Swept {
        let Some(position) = self.position(table, index) else { return Swept::default() };
        let from = self.log.gathered();
        let mut met_dead = false;
        let Store { tables, log } = self;
        let TableStore { rows, references, .. } = tables.get(table);
        let reference = &references[position];
        for at in referenced.runs() {
            let (start, len) = log.runs[at];
            for slot in start..start + len {
                met_dead |= gather(rows, reference, slot, from.0, log);
            }
        }
        for at in referenced.slots() {
            met_dead |= gather(rows, reference, log.slots[at], from.0, log);
        }
        Swept { swath: log.swath(table, Some(position), from), met_dead }
    }

    /// Deletes the rows of a set.
    fn kill(&mut self, swath: Swath) {
        let store = self.tables.get_mut(swath.table);
        store.set_all_live(self.log.rowset(&swath), false, swath.by());
        self.log.push_swath(swath, Change::Swept);
    }
}

/// Gathers the live rows of one bucket. Whether some that it lists are gone.
#[inline]
fn gather(
    rows: &Rows,
    reference: &ReferenceIndex,
    referenced: u32,
    from: usize,
    log: &mut super::Log,
) -> bool {
    let Some(bucket) = reference.of_referenced(referenced) else { return false };
    match reference.buckets.listed(bucket) {
        Listed::Nobody => !reference.buckets.is_empty(bucket),
        Listed::Run(slot, 1) => {
            log.gather(slot);
            false
        }
        Listed::Run(start, len) => {
            log.gather_run(from, start, len);
            false
        }
        Listed::Block(start, len) => {
            reference.buckets.read_block(start, len, |slots| log.slots.extend_from_slice(slots));
            false
        }
        Listed::Mixed => {
            log.slots.extend(reference.members(rows, bucket));
            true
        }
    }
}
