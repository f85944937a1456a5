//! Rows, indexes and the undo log: what is stored, not what it means.
//!
//! A row has a *slot*, one number for all columns of its table (`column`, typed arrays with a bitmap
//! of NULLs). Deleting a row clears one bit; values and index entries stay, and whoever reads looks
//! at the bit. That is what makes a delete cheap, and its undoing as cheap. The debt is paid by those
//! who come later: a new row takes the slot of one that is dead for good, and what the old one left
//! in indexes goes then.
//!
//! A foreign key is resolved to the referenced row's slot once, when a row is written. From there on
//! each referenced row has a *bucket* (`buckets`) of referencing rows, so that a cascade follows slots
//! and hashes nothing; see `index`. All arrays are in pages that databases share until one of them
//! writes (`pages`), so that a fork costs a pointer a table.
//!
//! Every change is logged with what it takes to undo it (`log`). A [`Mark`] is a position in that
//! log. Changes of the tables themselves (created, dropped, re-indexed) are logged as the set of
//! tables before, which costs a pointer a table.
//!
//! # Invariants
//!
//! Each has a test in tests/slots.rs; `verify` looks at all of them.
//!
//! 1. A row that takes over the key of a dead or changed one takes over its bucket, logged.
//! 2. An index entry that an arrival displaces is logged.
//! 3. No slot is moved; none is used again while the log remembers its row.
//! 4. Rows that reference a row which is gone are found by value: always orphaned at its death.
//! 5. DROP and ALTER build an index again, from the rows; a key that becomes resolvable adopts.
//! 6. Who is outside addresses rows by row id. 7. Scans run in row id order. 8. The next row id is
//!    the greatest live one plus 1, after a rollback too.
//!
//! # Why slots are used again, and not moved
//!
//! Rows could be moved together when many are dead. Then some statement would pay for rows that it
//! has nothing to do with, every list of slots would have to follow, and a reader could not keep one.
//! A free slot costs the row that takes it what the dead one left behind, and nobody else anything.
//!
//! # Drawbacks
//!
//! Memory is that of the most rows there have been; only what is dropped is given back. Rows that
//! take free slots are no longer neighbours, so their buckets become lists: two nanoseconds a row
//! instead of a small part of one. A list that is mostly stale is shortened by the statement that
//! finds it so, which pays up to twice the bucket's rows. Keys that no row has are found by a map
//! that a fork copies as a whole. A write to a page asks twice
//! whether it is shared, once for the spine and once for the page.
//!
//! Storage knows no names, no constraints and no referential actions. It does not refuse anything:
//! whoever writes has asked before whether it may.

mod bits;
mod buckets;
mod column;
mod hash;
mod index;
mod key;
mod log;
mod pages;
mod relate;
mod row_ids;
mod shared;
mod sweep;
mod table;
mod undo;
mod verify;

pub use key::{Computed, Filter, IndexSpec, KeyPart, References, key_of};
pub use log::{Change, Mark, Slot, Swath, Update};
pub use sweep::Swept;
pub use table::{Row, RowIter, RowRef};

use crate::id::{IndexId, RowId, TableId};
use crate::value::{OrderedKey, Value, ValueRef};
use index::{OwnIndex, ReferenceIndex};
use log::{Aside, Log};
use shared::Shared;
use smallvec::SmallVec;
use table::{Arrival, TableStore};

/// For how many tables and changes the first table makes room: a small database, as for one test, is
/// not to spend its time on making room.
const FIRST_TABLES: usize = 16;
const FIRST_CHANGES: usize = 64;

/// The set of tables at some moment.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    stores: Vec<Option<Shared<TableStore>>>,
    /// `TableId` → the foreign keys that reference it.
    links: Shared<Vec<Links>>,
}

/// The foreign keys that reference a table, by table and position; nearly always few.
type Links = SmallVec<[Link; 2]>;

/// The index of a foreign key: a table, and the position among its indexes of foreign keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    table: TableId,
    reference: usize,
}

/// All rows of a database, and the log of their changes.
#[derive(Clone, Debug, Default)]
pub struct Store {
    tables: Tables,
    log: Log,
}

impl Tables {
    #[inline(always)]
    fn get(&self, table: TableId) -> &TableStore {
        self.stores[table.0 as usize].as_deref().expect("a table in use exists")
    }

    #[inline(always)]
    fn get_mut(&mut self, table: TableId) -> &mut TableStore {
        self.stores[table.0 as usize].as_mut().expect("a table in use exists").own()
    }

    fn find_mut(&mut self, table: TableId) -> Option<&mut TableStore> {
        self.stores.get_mut(table.0 as usize)?.as_mut().map(Shared::own)
    }

    fn links(&self, table: TableId) -> &[Link] {
        self.links.get(table.0 as usize).map_or(&[], Links::as_slice)
    }

    fn reference(&self, link: Link) -> &ReferenceIndex {
        &self.get(link.table).references[link.reference]
    }

    fn reference_mut(&mut self, link: Link) -> &mut ReferenceIndex {
        &mut self.get_mut(link.table).references[link.reference]
    }
}

impl Store {
    // Reading.

    /// The row of this id, if it is live.
    #[inline]
    pub fn row(&self, table: TableId, row_id: RowId) -> Option<RowRef<'_>> {
        let rows = &self.tables.get(table).rows;
        rows.find(row_id.0).map(|slot| rows.row(slot))
    }

    /// The slot of a live row.
    #[inline]
    pub fn slot_of(&self, table: TableId, row_id: RowId) -> Option<Slot> {
        self.tables.get(table).rows.find(row_id.0).map(Slot)
    }

    /// The row of a slot.
    #[inline]
    pub fn row_at(&self, table: TableId, slot: Slot) -> RowRef<'_> {
        self.tables.get(table).rows.row(slot.0)
    }

    /// All rows, in row id order.
    pub fn rows(&self, table: TableId) -> RowIter<'_> {
        self.tables.get(table).rows.in_order()
    }

    /// The row of this id by itself, if it is live.
    pub fn rows_of_id(&self, table: TableId, row_id: Option<RowId>) -> RowIter<'_> {
        let rows = &self.tables.get(table).rows;
        RowIter::one(rows, row_id.and_then(|row_id| rows.find(row_id.0)))
    }

    /// The rows of these ids that are live, in this order.
    pub fn rows_of_ids(&self, table: TableId, row_ids: &[RowId]) -> RowIter<'_> {
        let rows = &self.tables.get(table).rows;
        RowIter::listed(rows, row_ids.iter().filter_map(|id| rows.find(id.0)).collect())
    }

    /// How many rows there are. **O(1)**.
    pub fn row_count(&self, table: TableId) -> usize {
        self.tables.get(table).rows.live_count()
    }

    /// The greatest row id plus 1; the least free positive one if the greatest is the last there
    /// is; `None` if there is none.
    pub fn next_row_id(&self, table: TableId) -> Option<RowId> {
        let rows = &self.tables.get(table).rows;
        match rows.last_id() {
            None => Some(RowId(1)),
            Some(last) if last < i64::MAX => Some(RowId(last + 1)),
            Some(_) => (1..i64::MAX).find(|&id| rows.find(id).is_none()).map(RowId),
        }
    }

    /// The rows with this key, in row id order. Rows with a NULL in their key have none.
    ///
    /// # Cost
    /// **O(m)** for m rows; **O(m log m)** if they came in another order than that of their ids.
    pub fn find(&self, table: TableId, index: IndexId, key: &OrderedKey) -> RowIter<'_> {
        let rows = &self.tables.get(table).rows;
        let mut slots = match self.own_index(table, index) {
            Some(own) => own.find(rows, key),
            None => self.referencing_slots(table, index, key),
        };
        rows.sort(&mut slots);
        RowIter::listed(rows, slots)
    }

    /// The live row with this key of a unique index.
    pub fn find_unique(&self, table: TableId, index: IndexId, key: &OrderedKey) -> Option<RowId> {
        let rows = &self.tables.get(table).rows;
        let slot = self.own_index(table, index)?.find_one(rows, key)?;
        Some(RowId(rows.id(slot)))
    }

    /// The row of a logged change as it was before, also if it is gone; `None` for an arrival.
    pub fn before<'a>(&'a self, change: &'a Change) -> Option<RowRef<'a>> {
        match change {
            Change::Deleted { table, slot, .. } => Some(self.tables.get(*table).rows.row(slot.0)),
            Change::Updated(update) => {
                let update = self.updated(*update);
                Some(RowRef::held(update.old_id, self.log.held(update)))
            }
            Change::Inserted { .. }
            | Change::Swept(_)
            | Change::Nulled
            | Change::Created(_)
            | Change::Tables(_) => None,
        }
    }

    /// A logged update, by the number that its change has.
    pub fn updated(&self, update: u32) -> &Update {
        &self.log.updates[update as usize]
    }

    // Changing rows; each call is logged.

    /// Adds a row under an id that is free and, where a column is the row id, also its value. Whether
    /// it references a key that no live row has.
    pub fn insert(&mut self, table: TableId, row_id: RowId, values: &[ValueRef<'_>]) -> bool {
        debug_assert!(self.row(table, row_id).is_none(), "the row id is free");
        let known = self.tables.all_known(table, RowRef::given(row_id, values));
        let Store { tables, log } = self;
        let store = tables.get_mut(table);
        let Arrival { slot, id_led_to, is_reused } = store.place(row_id.0, values);
        if let Some(led_to) = id_led_to {
            log.aside(Aside::IdLedTo(led_to));
        }
        let TableStore { rows, indexes, references, .. } = store;
        for (index, own) in indexes.iter_mut().enumerate() {
            if let Some(entered) = own.insert(rows, slot) {
                log.aside(Aside::Entered { index, entered });
            }
        }
        let mut is_joined = true;
        for (reference, known) in references.iter_mut().zip(known) {
            is_joined &= reference.arrive(slot, known);
        }
        self.forget_referenced(table, slot, is_reused);
        self.adopt(table, slot);
        let dangles = !is_joined && self.join_rest(table, slot);
        self.log.changes.push(Change::Inserted { table, row_id, slot: Slot(slot), is_reused });
        dangles
    }

    /// Takes a row away; `false` if there is none.
    pub fn delete(&mut self, table: TableId, row_id: RowId) -> bool {
        let Some(slot) = self.tables.get(table).rows.find(row_id.0) else { return false };
        self.tables.get_mut(table).kill(slot);
        self.orphan(table, slot);
        self.log.changes.push(Change::Deleted { table, row_id, slot: Slot(slot) });
        true
    }

    /// Puts new values in the place of a live row's, under an id that is free or its own.
    pub fn update(
        &mut self,
        table: TableId,
        old_id: RowId,
        new_id: RowId,
        values: &[ValueRef<'_>],
    ) {
        let Some(slot) = self.tables.get(table).rows.find(old_id.0) else { return };
        let row = self.tables.get(table).rows.row(slot);
        let held: SmallVec<[Value; 8]> = row.values().map(ValueRef::to_value).collect();
        let changed = self.rewrite(table, slot, RowRef::held(old_id, &held), new_id, values);
        let (start, width) = (0, held.len() as u32);
        let update = Update { table, old_id, new_id, slot: Slot(slot), start, width, changed };
        self.log.push_update(update, held);
    }

    // Changing tables. But for their creation, `log_tables` comes first, and again after any row
    // change.

    /// Logs the set of tables as it is, so that the changes of tables that follow can be undone.
    pub fn log_tables(&mut self) {
        self.log.remade += 1;
        self.log.changes.push(Change::Tables(Box::new(self.tables.clone())));
    }

    /// Adds an empty table of so many columns, of which one may be the row id; logged. Its id is the
    /// one that follows the last one given out.
    pub fn create_table(&mut self, table: TableId, width: usize, row_id_column: Option<usize>) {
        debug_assert_eq!(self.tables.stores.len(), table.0 as usize, "ids are given out in order");
        if self.tables.stores.is_empty() {
            self.tables.stores.reserve(FIRST_TABLES);
            self.log.changes.reserve(FIRST_CHANGES);
        }
        let mut store = Shared::<TableStore>::default();
        store.own().rows.set_columns(width, row_id_column);
        self.tables.stores.push(Some(store));
        self.log.changes.push(Change::Created(table));
    }

    /// Removes a table with all it holds.
    pub fn drop_table(&mut self, table: TableId) {
        self.assert_tables_are_logged();
        self.unlink(table);
        self.tables.stores[table.0 as usize] = None;
    }

    /// Gives a table exactly these indexes of its own. Those it has already stay as they are. Logged,
    /// unless the tables are.
    ///
    /// # Cost
    /// **O(n)** for n rows and each index that is new or differs; none otherwise.
    pub fn set_indexes(
        &mut self,
        table: TableId,
        specs: impl ExactSizeIterator<Item = IndexSpec> + Clone,
    ) {
        let current = &self.tables.get(table).indexes;
        let mut pairs = current.iter().zip(specs.clone());
        if current.len() == specs.len() && pairs.all(|(index, spec)| index.spec == spec) {
            return;
        }
        self.log_tables_for(table);
        let TableStore { rows, indexes, .. } = self.tables.get_mut(table);
        let mut old = std::mem::take(indexes);
        let index = |spec: IndexSpec| match old.iter().position(|index| index.spec == spec) {
            Some(position) => old.swap_remove(position),
            None => {
                let mut index = OwnIndex::new(spec);
                index.build(rows);
                index
            }
        };
        *indexes = specs.map(index).collect();
    }

    /// The same for the indexes over the referencing columns of its foreign keys. Those find
    /// referenced rows over own indexes of the tables they reference, which come first.
    pub fn set_references(
        &mut self,
        table: TableId,
        specs: impl Iterator<Item = (IndexSpec, References)> + Clone,
    ) {
        let mut current = self.tables.get(table).references.iter();
        let is_current = |(spec, to): (IndexSpec, References)| {
            current.next().is_some_and(|index| index.spec == spec && index.to == to)
        };
        if specs.clone().all(is_current) && current.next().is_none() {
            return;
        }
        self.log_tables_for(table);
        self.make_references(table, specs);
    }

    /// Adds a column that has this value in every row.
    pub fn add_column(&mut self, table: TableId, value: &Value) {
        self.assert_tables_are_logged();
        self.tables.get_mut(table).add_column(value);
    }

    /// Drops a column. The indexes go; set them again.
    pub fn drop_column(&mut self, table: TableId, position: usize) {
        self.assert_tables_are_logged();
        self.unlink(table);
        self.tables.get_mut(table).drop_column(position);
    }

    // The log.

    /// Where the log stands.
    pub fn mark(&self) -> Mark {
        Mark(self.log.changes.len())
    }

    /// The changes since a mark, oldest first.
    pub fn changes_since(&self, mark: Mark) -> &[Change] {
        &self.log.changes[mark.0..]
    }

    /// Logs the set of tables before this one changes, unless it is undone with all it has: what was
    /// created last is, and what has been logged.
    fn log_tables_for(&mut self, table: TableId) {
        let changes = &self.log.changes;
        let is_undone_anyway = match changes.last() {
            // Ids are given out in order, so tables created together follow each other here.
            Some(Change::Created(last)) => {
                let at = changes.len().checked_sub(1 + (last.0 - table.0.min(last.0)) as usize);
                let change = at.map(|at| &changes[at]);
                matches!(change, Some(Change::Created(created)) if *created == table)
            }
            Some(Change::Tables(_)) => true,
            _ => false,
        };
        if !is_undone_anyway {
            self.log_tables();
        }
    }

    /// Row changes between the log of the tables and a change of them would be undone in tables that
    /// are not theirs.
    fn assert_tables_are_logged(&self) {
        debug_assert!(
            matches!(self.log.changes.last(), Some(Change::Tables(_))),
            "tables are logged first"
        );
    }

    fn own_index(&self, table: TableId, index: IndexId) -> Option<&OwnIndex> {
        self.tables.get(table).indexes.iter().find(|candidate| candidate.spec.id == index)
    }
}
