//! Changing rows as sets: all rows that reference any row of a set, by their buckets.
//!
//! A set that was changed is a [`Swath`]: its rows stand in the log, where the next step reads them
//! forwards and the undo backwards. Nothing is allocated once the log is warm, and nothing is visited
//! twice: a row that has died is not gathered again.

use super::buckets::Listed;
use super::log::{Aside, Change, Swath};
use super::row_ids::NONE;
use super::table::TableStore;
use super::{Link, Slot, Store};
use crate::id::{IndexId, RowId, TableId};
use crate::value::OrderedKey;

/// What became of the rows that reference a set.
#[derive(Debug)]
pub struct Swept {
    /// The rows that were changed; `None` if there were none.
    pub swath: Option<Swath>,
    /// Whether a bucket listed rows that are gone, perhaps since this walk began.
    pub met_dead: bool,
}

impl Store {
    /// Deletes live rows of a table as one change.
    pub fn sweep_rows(&mut self, table: TableId, row_ids: &[RowId]) -> Option<Swath> {
        let (runs, slots) = (self.log.runs.len(), self.log.slots.len());
        let rows = &self.tables.get(table).rows;
        self.log.slots.extend(row_ids.iter().filter_map(|row_id| rows.find(row_id.0)));
        self.kill_gathered(table, None, runs, slots)
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
        let Some(reference) = self.position(table, index) else { return Swept::nothing() };
        let (runs, slots) = (self.log.runs.len(), self.log.slots.len());
        let met_dead = self.gather_referencing(referenced, Link { table, reference });
        Swept { swath: self.kill_gathered(table, Some(reference), runs, slots), met_dead }
    }

    /// Sets the referencing columns of the same rows to NULL. No other index may use the columns.
    pub fn null_referencing(
        &mut self,
        referenced: &Swath,
        table: TableId,
        index: IndexId,
    ) -> Swept {
        let Some(reference) = self.position(table, index) else { return Swept::nothing() };
        let (runs, slots) = (self.log.runs.len(), self.log.slots.len());
        let met_dead = self.gather_referencing(referenced, Link { table, reference });
        let Some(swath) = self.swath(table, Some(reference), runs, slots) else {
            return Swept { swath: None, met_dead };
        };
        let store = self.tables.get_mut(table);
        let parts = &store.references[reference].spec.parts;
        let positions: Vec<usize> = parts.iter().map(|part| part.position).collect();
        let (runs, slots) = (self.log.runs_of(&swath), self.log.slots_of(&swath));
        store.set_all_valid(&positions, runs, slots, false);
        self.log.push_swath(swath, |_| Change::Nulled);
        self.log.nulled += 1;
        Swept { swath: Some(swath), met_dead }
    }

    /// The ids of the same rows, which stay as they are.
    pub fn referencing_rows(
        &mut self,
        referenced: &Swath,
        table: TableId,
        index: IndexId,
    ) -> (Vec<RowId>, bool) {
        let Some(reference) = self.position(table, index) else { return (Vec::new(), false) };
        let (runs, slots) = (self.log.runs.len(), self.log.slots.len());
        let met_dead = self.gather_referencing(referenced, Link { table, reference });
        let rows = &self.tables.get(table).rows;
        let in_runs = self.log.runs[runs..].iter().flat_map(|&(start, len)| start..start + len);
        let mut found: Vec<u32> = in_runs.chain(self.log.slots[slots..].iter().copied()).collect();
        rows.sort(&mut found);
        let ids = found.into_iter().map(|slot| RowId(rows.id(slot))).collect();
        self.log.runs.truncate(runs);
        self.log.slots.truncate(slots);
        (ids, met_dead)
    }

    /// Whether any live row references a row of the set over a foreign key.
    pub fn is_any_referencing(&self, referenced: &Swath, table: TableId, index: IndexId) -> bool {
        let Some(reference) = self.tables.get(table).reference(index) else { return false };
        let is_referenced = |slot: u32| {
            let bucket = reference.of_referenced(slot);
            bucket.is_some_and(|bucket| reference.buckets.bucket(bucket).count > 0)
        };
        self.slots(referenced).any(is_referenced)
    }

    /// The rows of the set that any live row references over a foreign key.
    pub fn referenced_slots<'a>(
        &'a self,
        of: &'a Swath,
        table: TableId,
        index: IndexId,
    ) -> impl Iterator<Item = Slot> + 'a {
        let reference = self.tables.get(table).reference(index);
        let is_referenced = move |slot: &u32| {
            let bucket = reference.and_then(|reference| reference.of_referenced(*slot));
            bucket
                .zip(reference)
                .is_some_and(|(bucket, reference)| reference.buckets.bucket(bucket).count > 0)
        };
        self.slots(of).filter(is_referenced).map(Slot)
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
        let lists = |slot: u32| {
            let bucket = reference.of_referenced(slot);
            bucket.is_some_and(|bucket| !reference.buckets.is_empty(bucket))
        };
        self.slots(referenced).any(lists)
    }

    /// Whether any live row references a live one, whose id this is.
    #[inline]
    pub fn is_referenced(
        &self,
        row_id: RowId,
        of: TableId,
        table: TableId,
        index: IndexId,
    ) -> bool {
        let Some(reference) = self.tables.get(table).reference(index) else { return false };
        let slot = self.tables.get(of).rows.find(row_id.0);
        let bucket = slot.and_then(|slot| reference.of_referenced(slot));
        bucket.is_some_and(|bucket| reference.buckets.bucket(bucket).count > 0)
    }

    /// Lets the rows that still reference a row of the set be found by value. Their keys.
    pub fn orphan_referencing(
        &mut self,
        referenced: &Swath,
        table: TableId,
        index: IndexId,
    ) -> Vec<OrderedKey> {
        let Some(reference) = self.position(table, index) else { return Vec::new() };
        let link = Link { table, reference };
        let asides = self.log.asides.len();
        let slots: Vec<u32> = self.slots(referenced).collect();
        for slot in slots {
            self.tables.orphan(&mut self.log, link, slot, None);
        }
        // They belong to the change that was logged last, which is of this set or came after it.
        let last = self.log.changes.len() - 1;
        let mut keys = Vec::new();
        for (at, aside) in &mut self.log.asides[asides..] {
            *at = last;
            if let Aside::Orphaned { key, .. } = aside {
                keys.push(key.clone());
            }
        }
        keys
    }

    fn slots(&self, swath: &Swath) -> impl Iterator<Item = u32> + '_ {
        let runs = self.log.runs_of(swath).iter();
        let slots = self.log.slots_of(swath).iter().copied();
        runs.flat_map(|&(start, len)| start..start + len).chain(slots)
    }

    fn position(&self, table: TableId, index: IndexId) -> Option<usize> {
        let references = &self.tables.get(table).references;
        references.iter().position(|candidate| candidate.spec.id == index)
    }

    /// Gathers the live rows that reference a set at the end of the log's lists.
    fn gather_referencing(&mut self, referenced: &Swath, link: Link) -> bool {
        let from = self.log.runs.len();
        let mut met_dead = false;
        let Store { tables, log } = self;
        let store = tables.get(link.table);
        for at in referenced.runs() {
            let (start, len) = log.runs[at];
            for slot in start..start + len {
                met_dead |= gather(store, link.reference, slot, from, log);
            }
        }
        for at in referenced.slots() {
            met_dead |= gather(store, link.reference, log.slots[at], from, log);
        }
        met_dead
    }

    fn kill_gathered(
        &mut self,
        table: TableId,
        by: Option<usize>,
        runs: usize,
        slots: usize,
    ) -> Option<Swath> {
        let swath = self.swath(table, by, runs, slots)?;
        let (runs, slots) = (self.log.runs_of(&swath), self.log.slots_of(&swath));
        self.tables.get_mut(table).set_all_live(runs, slots, false, by);
        self.log.push_swath(swath, Change::Swept);
        Some(swath)
    }

    /// What was gathered since these positions; `None` if that is nothing.
    fn swath(&self, table: TableId, by: Option<usize>, runs: usize, slots: usize) -> Option<Swath> {
        let in_runs: usize = self.log.runs[runs..].iter().map(|(_, len)| *len as usize).sum();
        let rows = in_runs + self.log.slots.len() - slots;
        (rows > 0).then_some(Swath {
            table,
            by: by.map_or(NONE, |by| by as u32),
            runs: (runs as u32, self.log.runs.len() as u32),
            slots: (slots as u32, self.log.slots.len() as u32),
            rows: rows as u32,
        })
    }
}

/// Gathers the live rows of one bucket. Whether some that it lists are gone.
#[inline]
fn gather(
    store: &TableStore,
    position: usize,
    referenced: u32,
    from: usize,
    log: &mut super::Log,
) -> bool {
    let reference = &store.references[position];
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
            log.slots.extend(reference.members(&store.rows, bucket));
            true
        }
    }
}

impl Swept {
    fn nothing() -> Self {
        Swept { swath: None, met_dead: false }
    }
}
