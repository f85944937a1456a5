//! The undo log: what has changed since the transaction began, and what it takes to undo it.
//!
//! A change of one row is an entry of its own. Rows that were changed as a set are one entry, which
//! points into two lists shared by all: runs of slots, and slots. What a change did to indexes stands
//! aside, unless its undoing can tell that from the row itself at no cost.

use super::index::Entered;
use super::row_ids::NONE;
use super::table::RowRef;
use super::{Link, Tables};
use crate::id::{RowId, TableId};
use crate::value::{OrderedKey, Value, ValueRef};
use std::ops::Range;

/// A position in the undo log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub(super) usize);

impl Mark {
    /// The mark before any change.
    pub const START: Mark = Mark(0);
}

/// One logged change, with what undoes it.
#[derive(Clone, Debug)]
pub enum Change {
    /// A row arrived.
    Inserted {
        /// Its table.
        table: TableId,
        /// Its id.
        row_id: RowId,
        /// Where it is.
        slot: Slot,
        /// Whether another one was there before.
        is_reused: bool,
    },
    /// A row left.
    Deleted {
        /// Its table.
        table: TableId,
        /// The id it had.
        row_id: RowId,
        /// Where it is still to be read.
        slot: Slot,
    },
    /// A row changed, perhaps its id too: a position in the log's list of updates.
    Updated(u32),
    /// Rows left as a set: a position in the log's list of sets.
    Swept(u32),
    /// The referencing columns of rows were set to NULL as a set.
    Nulled,
    /// A table was created.
    Created(TableId),
    /// Tables changed in another way: as they all were before.
    Tables(Box<Tables>),
}

/// A row that has changed.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Its table.
    pub table: TableId,
    /// Its id before.
    pub old_id: RowId,
    /// Its id since.
    pub new_id: RowId,
    /// Where it is.
    pub slot: Slot,
    /// What it held before: where that begins in the log's list of values, and how many.
    pub(super) start: u32,
    pub(super) width: u32,
    /// The columns that undoing it has to write.
    pub(super) changed: Changed,
}

/// Which columns an update changes. From the last bit's position on, all count as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed(u64);

impl Changed {
    /// The columns in which a row's new values differ from the old.
    pub(super) fn between(old: RowRef<'_>, new: &[ValueRef<'_>]) -> Self {
        let values = old.values().zip(new).enumerate();
        let bit = |(position, (old, new)): (usize, (ValueRef<'_>, &ValueRef<'_>))| {
            u64::from(!old.is_same(*new)) << Changed::bit(position)
        };
        Changed(values.map(bit).fold(0, |all, bit| all | bit))
    }

    /// Whether the column at a position may have changed.
    #[inline]
    pub(super) fn has(self, position: usize) -> bool {
        self.0 >> Changed::bit(position) & 1 == 1
    }

    fn bit(position: usize) -> u32 {
        position.min(u64::BITS as usize - 1) as u32
    }
}

/// The place of a row in its table, as long as the log remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(super) u32);

/// Rows of one table that were changed as a set: where in the log's lists they are.
#[derive(Clone, Copy, Debug)]
pub struct Swath {
    pub(super) table: TableId,
    /// The foreign key over which they were reached, by its position among the table's indexes of
    /// foreign keys; `NONE` for rows that the statement itself has named.
    pub(super) by: u32,
    pub(super) runs: (u32, u32),
    pub(super) slots: (u32, u32),
    pub(super) rows: u32,
}

impl Swath {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The position of the foreign key over which they were reached.
    pub(super) fn by(&self) -> Option<usize> {
        (self.by != NONE).then_some(self.by as usize)
    }

    pub(super) fn runs(&self) -> Range<usize> {
        self.runs.0 as usize..self.runs.1 as usize
    }

    pub(super) fn slots(&self) -> Range<usize> {
        self.slots.0 as usize..self.slots.1 as usize
    }
}

/// The rows of a set, as the log lists them: runs (start, length) of slots, and slots.
#[derive(Clone, Copy)]
pub(super) struct Rowset<'a> {
    pub(super) runs: &'a [(u32, u32)],
    pub(super) slots: &'a [u32],
    /// How many rows these are.
    pub(super) len: usize,
}

impl<'a> Rowset<'a> {
    /// Every slot.
    pub(super) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        let in_runs = self.runs.iter().flat_map(|&(start, len)| start..start + len);
        in_runs.chain(self.slots.iter().copied())
    }
}

/// What a change did besides.
#[derive(Clone, Debug)]
pub(super) enum Aside {
    /// The new row id led to another slot before.
    IdLedTo(u32),
    /// An own index entered the row.
    Entered { index: usize, entered: Entered },
    /// The row left the bucket `raw` of a foreign key, if it was a member, and joined another, if it
    /// is one now.
    Moved { reference: usize, raw: u32, was_member: bool, is_member: bool },
    /// A cell was overwritten that a set had made NULL: this lay under the NULL.
    Overwritten { position: usize, value: Value },
    /// Rows that reference this key became orphans.
    Orphaned(Link, Box<OrderedKey>),
    /// Orphans found a referenced row.
    Adopted(Link, Box<Adopted>),
    /// A referenced row lost its bucket with its old key.
    Detached { link: Link, bucket: u32, slot: u32 },
}

/// Orphans that have found a referenced row.
#[derive(Clone, Debug)]
pub(super) struct Adopted {
    pub(super) bucket: u32,
    /// The row that owned the bucket before.
    pub(super) owner: u32,
    /// The row that has the key now.
    pub(super) slot: u32,
    pub(super) key: OrderedKey,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) changes: Vec<Change>,
    /// With the position of the change that each belongs to.
    pub(super) asides: Vec<(usize, Aside)>,
    pub(super) updates: Vec<Update>,
    /// What updated rows held before.
    pub(super) values: Vec<Value>,
    pub(super) swaths: Vec<Swath>,
    /// How many of the changes have made a set NULL.
    pub(super) nulled: usize,
    /// How many of them hold the tables as they were before.
    pub(super) remade: usize,
    pub(super) runs: Vec<(u32, u32)>,
    pub(super) slots: Vec<u32>,
}

impl Log {
    /// Logs an update of a row that held these values.
    pub(super) fn push_update(&mut self, update: Update, held: impl IntoIterator<Item = Value>) {
        self.changes.push(Change::Updated(self.updates.len() as u32));
        self.updates.push(Update { start: self.values.len() as u32, ..update });
        self.values.extend(held);
    }

    /// What the row of an update held before.
    pub(super) fn held(&self, update: &Update) -> &[Value] {
        &self.values[update.start as usize..(update.start + update.width) as usize]
    }

    /// The same of the update logged last, to be taken.
    pub(super) fn held_mut(&mut self, update: &Update) -> &mut [Value] {
        &mut self.values[update.start as usize..]
    }

    /// Takes the update logged last off the list, with what its row held before.
    pub(super) fn drop_update(&mut self) {
        if let Some(update) = self.updates.pop() {
            self.values.truncate(update.start as usize);
        }
    }

    fn drop_swath(&mut self) {
        if let Some(swath) = self.pop_swath() {
            self.ungather(&swath);
        }
    }

    /// Skips what follows the first change since a mark of how the tables are: with the tables as
    /// they were before it, all rows are as of then, and a later change may be of a table that is
    /// gone.
    pub(super) fn skip_to_remade(&mut self, mark: Mark) {
        let is_remade = |change: &Change| matches!(change, Change::Tables(_));
        let Some(first) = self.changes[mark.0..].iter().position(is_remade) else { return };
        let end = mark.0 + first + 1;
        for change in self.changes.split_off(end) {
            match change {
                Change::Updated(_) => self.drop_update(),
                Change::Swept(_) => self.drop_swath(),
                Change::Nulled => {
                    self.drop_swath();
                    self.nulled -= 1;
                }
                Change::Tables(_) => self.remade -= 1,
                Change::Inserted { .. } | Change::Deleted { .. } | Change::Created(_) => {}
            }
        }
        while self.asides.pop_if(|(at, _)| *at >= end).is_some() {}
    }

    /// Logs rows that were changed as a set.
    pub(super) fn push_swath(&mut self, swath: Swath, change: impl Fn(u32) -> Change) {
        self.changes.push(change(self.swaths.len() as u32));
        self.swaths.push(swath);
    }

    /// Takes the rows changed last as a set off the list; their slots are still to be read.
    pub(super) fn pop_swath(&mut self) -> Option<Swath> {
        self.swaths.pop()
    }

    /// Notes something that belongs to the change which is logged next.
    pub(super) fn aside(&mut self, aside: Aside) {
        self.asides.push((self.changes.len(), aside));
    }

    pub(super) fn rowset(&self, swath: &Swath) -> Rowset<'_> {
        let (runs, slots) = (&self.runs[swath.runs()], &self.slots[swath.slots()]);
        Rowset { runs, slots, len: swath.rows() }
    }

    /// How long the lists of runs and of slots are.
    pub(super) fn gathered(&self) -> (usize, usize) {
        (self.runs.len(), self.slots.len())
    }

    /// What was gathered since the lists were so long; `None` if that is nothing.
    pub(super) fn swath(
        &self,
        table: TableId,
        by: Option<usize>,
        (runs, slots): (usize, usize),
    ) -> Option<Swath> {
        let in_runs = self.runs[runs..].iter().map(|(_, len)| *len as usize).sum::<usize>();
        let rows = in_runs + self.slots.len() - slots;
        (rows > 0).then_some(Swath {
            table,
            by: by.map_or(NONE, |by| by as u32),
            runs: (runs as u32, self.runs.len() as u32),
            slots: (slots as u32, self.slots.len() as u32),
            rows: rows as u32,
        })
    }

    /// Takes the rows gathered last off the lists.
    pub(super) fn ungather(&mut self, swath: &Swath) {
        self.runs.truncate(swath.runs().start);
        self.slots.truncate(swath.slots().start);
    }

    /// Adds a slot to the rows gathered last; neighbours become runs.
    #[inline]
    pub(super) fn gather(&mut self, slot: u32) {
        self.slots.push(slot);
    }

    /// Adds a run to those gathered since `from`, merged with the last one if it goes on from there.
    #[inline]
    pub(super) fn gather_run(&mut self, from: usize, start: u32, len: u32) {
        match self.runs[from..].last_mut() {
            Some(last) if last.0 + last.1 == start => last.1 += len,
            Some(_) | None => self.runs.push((start, len)),
        }
    }

    /// Forgets everything, and gives back most of the room that a long transaction took.
    pub(super) fn clear(&mut self) {
        const KEPT_MAX: usize = 1024;
        fn clear<T>(list: &mut Vec<T>) {
            list.clear();
            if list.capacity() > KEPT_MAX {
                list.shrink_to(KEPT_MAX);
            }
        }
        self.nulled = 0;
        self.remade = 0;
        clear(&mut self.changes);
        clear(&mut self.updates);
        clear(&mut self.values);
        clear(&mut self.asides);
        clear(&mut self.swaths);
        clear(&mut self.runs);
        clear(&mut self.slots);
    }
}
