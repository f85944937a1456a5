//! Undoing, and forgetting that one could.

use super::index::ReferenceIndex;
use super::key::key_of;
use super::log::{Adopted, Aside, Change, Mark, Swath, Update};
use super::row_ids::NONE;
use super::shared::Shared;
use super::table::{RowRef, TableStore};
use super::{Slot, Store, Tables};
use crate::id::TableId;

impl Store {
    /// Undoes every change since a mark, the last one first.
    ///
    /// # Cost
    /// **O(c)** for c changes.
    pub fn undo_to(&mut self, mark: Mark) {
        if self.log.remade > 0 {
            self.log.skip_to_remade(mark);
        }
        while self.log.changes.len() > mark.0 {
            match self.log.changes.pop().expect("the log is longer than the mark") {
                Change::Inserted { table, slot: Slot(slot), is_reused, .. } => {
                    self.undo_inserts(table, slot, is_reused, mark);
                }
                Change::Deleted { table, slot: Slot(slot), .. } => {
                    self.undo_asides(table, slot);
                    self.tables.get_mut(table).revive(slot);
                }
                Change::Updated(_) => self.undo_update(),
                Change::Swept(_) => {
                    let Some(swath) = self.log.pop_swath() else { continue };
                    self.undo_asides(swath.table, NONE);
                    let store = self.tables.get_mut(swath.table);
                    store.set_all_live(self.log.rowset(&swath), true, swath.by());
                    self.log.ungather(&swath);
                }
                Change::Nulled => {
                    let Some(swath) = self.log.pop_swath() else { continue };
                    self.log.nulled -= 1;
                    self.undo_nulled(&swath);
                }
                Change::Created(table) => self.uncreate_table(table),
                Change::Tables(tables) => {
                    self.log.remade -= 1;
                    self.tables = *tables;
                }
            }
        }
    }

    fn uncreate_table(&mut self, table: TableId) {
        self.unlink(table);
        self.tables.stores.truncate(table.0 as usize);
    }

    /// Undoes an insert just taken off the log, and those before it of the rows right before its
    /// own, if their slots are new as its own is, or as old.
    fn undo_inserts(&mut self, table: TableId, last: u32, is_reused: bool, mark: Mark) {
        let mut first = last;
        loop {
            self.detach_inserted(table, first);
            let is_before = |change: &mut Change| {
                let Change::Inserted { table: of, slot, is_reused: reuses, .. } = change else {
                    return false;
                };
                *of == table && slot.0 + 1 == first && *reuses == is_reused
            };
            if self.log.changes.len() == mark.0 || self.log.changes.pop_if(is_before).is_none() {
                break;
            }
            first -= 1;
        }
        self.tables.get_mut(table).unplace(first, last - first + 1, is_reused);
    }

    fn detach_inserted(&mut self, table: TableId, slot: u32) {
        let id_led_to = self.undo_asides(table, slot);
        let store = self.tables.get_mut(table);
        for reference in &mut store.references {
            reference.buckets.unjoin(slot);
        }
        store.lead_id_back(slot, id_led_to);
    }

    fn undo_update(&mut self) {
        let Some(&update @ Update { table, slot: Slot(slot), .. }) = self.log.updates.last() else {
            return;
        };
        let id_led_to = self.undo_asides(table, slot);
        let Store { tables, log } = self;
        tables.get_mut(table).write_back(&update, log.held_mut(&update), id_led_to);
        log.drop_update();
    }

    fn undo_nulled(&mut self, swath: &Swath) {
        let Some(reference) = swath.by() else { return };
        let store = self.tables.get_mut(swath.table);
        store.set_all_valid(reference, self.log.rowset(swath), true);
        self.log.ungather(swath);
    }

    /// Undoes what the change just taken off the log did besides, to the row of this slot. Where its
    /// row id led before.
    #[inline(always)]
    fn undo_asides(&mut self, table: TableId, slot: u32) -> Option<u32> {
        match self.log.asides.last() {
            Some((of, _)) if *of >= self.log.changes.len() => self.undo_some_asides(table, slot),
            Some(_) | None => None,
        }
    }

    #[inline(never)]
    fn undo_some_asides(&mut self, table: TableId, slot: u32) -> Option<u32> {
        let at = self.log.changes.len();
        let mut id_led_to = None;
        while let Some((_, aside)) = self.log.asides.pop_if(|(of, _)| *of >= at) {
            match aside {
                Aside::IdLedTo(other) => id_led_to = Some(other),
                // Writing the NULL back leaves what lies there.
                Aside::Overwritten { position, value } => {
                    self.tables.get_mut(table).rows.put(position, slot, value);
                }
                Aside::Entered { index, entered } => {
                    self.tables.get_mut(table).indexes[index].undo(slot, entered);
                }
                Aside::Moved { reference, raw, was_member, is_member } => {
                    let buckets = &mut self.tables.get_mut(table).references[reference].buckets;
                    buckets.come_back(slot, raw, was_member, is_member);
                }
                Aside::Orphaned(link, key) => self.tables.reference_mut(link).unorphan(&key),
                Aside::Adopted(link, adopted) => {
                    let Adopted { bucket, owner, slot, key } = *adopted;
                    let reference = self.tables.reference_mut(link);
                    reference.set_of_referenced(slot, NONE);
                    reference.buckets.bucket_mut(bucket).owner = owner;
                    reference.orphan(bucket, key);
                }
                Aside::Detached { link, bucket, slot } => {
                    self.tables.reference_mut(link).set_of_referenced(slot, bucket);
                }
            }
        }
        id_led_to
    }

    /// Forgets the log: nothing before now can be undone any more. What is dead now is dead for
    /// good, so its slots are free, and what the changes have left behind is paid.
    ///
    /// # Cost
    /// **O(c)** for c changes.
    pub fn forget_log(&mut self) {
        if self.log.changes.is_empty() {
            return;
        }
        // A table is tidied once for changes of it that follow each other.
        let mut written = None;
        for at in 0..self.log.changes.len() {
            let table = self.settle(at);
            if table.is_some() && table != written {
                written.into_iter().for_each(|before| self.tables.tidy(before));
                written = table;
            }
        }
        written.into_iter().for_each(|last| self.tables.tidy(last));
        self.log.clear();
    }

    /// Frees the slots of one change. The table, if it is one that rows were written to.
    #[inline]
    fn settle(&mut self, at: usize) -> Option<TableId> {
        let Store { tables, log } = self;
        match &log.changes[at] {
            Change::Created(_) | Change::Tables(_) | Change::Nulled => None,
            Change::Inserted { table, .. } => Some(*table),
            Change::Deleted { table, slot, .. } => {
                if let Some(store) = tables.find_mut(*table) {
                    store.end_orphanhoods(slot.0, None);
                    store.give_free([(slot.0, 1)]);
                }
                None
            }
            Change::Updated(update) => {
                let update = &log.updates[*update as usize];
                let &Update { table, old_id, slot, .. } = update;
                if let Some(store) = tables.find_mut(table) {
                    let before = RowRef::held(old_id, log.held(update));
                    store.end_orphanhoods(slot.0, Some(before));
                }
                Some(table)
            }
            Change::Swept(swath) => {
                let swath = &log.swaths[*swath as usize];
                let store = tables.find_mut(swath.table)?;
                let set = log.rowset(swath);
                if store.references.iter().any(ReferenceIndex::has_orphans) {
                    set.iter().for_each(|slot| store.end_orphanhoods(slot, None));
                }
                let single = set.slots.iter().map(|&slot| (slot, 1));
                store.give_free(set.runs.iter().copied().chain(single));
                None
            }
        }
    }
}

impl Tables {
    /// Pays what changes of a table have left behind, if that is due.
    fn tidy(&mut self, table: TableId) {
        let is_due = |store: &&Shared<TableStore>| store.is_untidy();
        let store = self.stores.get(table.0 as usize).and_then(Option::as_ref);
        if store.filter(is_due).is_some()
            && let Some(store) = self.find_mut(table)
        {
            store.tidy();
        }
    }
}

impl TableStore {
    /// A bucket of orphans that a row was the last one to leave need not be found by value any more.
    /// `row`: what the slot held, if that is not what it holds.
    fn end_orphanhoods(&mut self, slot: u32, row: Option<RowRef<'_>>) {
        let TableStore { rows, references, .. } = self;
        for reference in references.iter_mut().filter(|reference| reference.has_orphans()) {
            let row = row.unwrap_or_else(|| rows.row(slot));
            // A column may have been added since the row was as it was.
            if reference.spec.parts.iter().any(|part| part.position >= row.width()) {
                continue;
            }
            let Some(key) = key_of(&reference.spec.parts, row) else { continue };
            let bucket = reference.orphans_of(&key);
            if bucket.is_some_and(|bucket| reference.buckets.bucket(bucket).count == 0) {
                reference.unorphan(&key);
            }
        }
    }
}
