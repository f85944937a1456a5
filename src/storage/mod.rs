//! Rows, indexes and the undo log: what is stored, not what it means.
//!
//! A table's rows are held in row id order, each an immutable array of values; every index is an
//! ordered set of (key, row id). Whole tables are shared between a database and its forks and
//! copied at the first write. This is the plain form: simple to check, linear nowhere, and behind
//! an interface (find, scan, insert, update, delete, mark, undo) that another layout can fill.
//!
//! Every change is logged with what it takes to undo it. A [`Mark`] is a position in that log.
//! Changes of the tables themselves (created, dropped, re-indexed) are logged as the set of tables
//! before, which costs a pointer a table.
//!
//! Storage knows no names, no constraints and no referential actions. It does not refuse anything:
//! whoever writes has asked before whether it may.

mod index;

pub use index::{Filter, IndexSpec, KeyPart};

use crate::id::{IndexId, RowId, TableId};
use crate::value::{OrderedKey, Value};
use index::Index;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row: one value per column. Cheap to clone.
pub type Row = Arc<[Value]>;

/// A position in the undo log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

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
    },
    /// A row left.
    Deleted {
        /// Its table.
        table: TableId,
        /// The id it had.
        row_id: RowId,
        /// What it held.
        row: Row,
    },
    /// A row changed, perhaps its id too.
    Updated {
        /// Its table.
        table: TableId,
        /// Its id before.
        old_id: RowId,
        /// Its id since.
        new_id: RowId,
        /// What it held before.
        row: Row,
    },
    /// The tables themselves changed.
    Tables(Tables),
}

/// The set of tables at some moment.
#[derive(Clone, Debug, Default)]
pub struct Tables(Vec<Option<Arc<TableStore>>>);

/// One table's rows and indexes.
#[derive(Clone, Debug, Default)]
struct TableStore {
    rows: BTreeMap<RowId, Row>,
    indexes: Vec<Index>,
}

/// All rows of a database, and the log of their changes.
#[derive(Clone, Debug, Default)]
pub struct Store {
    tables: Tables,
    log: Vec<Change>,
}

/// An index entry that disagrees with the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// The table.
    pub table: TableId,
    /// The index.
    pub index: IndexId,
    /// The row whose entry is missing, or is there without the row.
    pub row_id: RowId,
    /// Whether the entry is missing, instead of being one too many.
    pub missing: bool,
}

impl Store {
    // Reading.

    /// The row of this id, if it is live.
    pub fn row(&self, table: TableId, row_id: RowId) -> Option<&Row> {
        self.table(table).rows.get(&row_id)
    }

    /// All rows, in row id order.
    pub fn rows(&self, table: TableId) -> impl DoubleEndedIterator<Item = (RowId, &Row)> {
        self.table(table).rows.iter().map(|(id, row)| (*id, row))
    }

    /// How many rows there are. **O(1)**.
    pub fn row_count(&self, table: TableId) -> usize {
        self.table(table).rows.len()
    }

    /// The greatest row id plus 1; the least free positive one if the greatest is the last there
    /// is; `None` if there is none.
    pub fn next_row_id(&self, table: TableId) -> Option<RowId> {
        let rows = &self.table(table).rows;
        match rows.last_key_value() {
            None => Some(RowId(1)),
            Some((RowId(last), _)) if *last < i64::MAX => Some(RowId(*last + 1)),
            Some(_) => (1..i64::MAX).map(RowId).find(|id| !rows.contains_key(id)),
        }
    }

    /// The ids of the rows with this key, ascending.
    pub fn find(
        &self,
        table: TableId,
        index: IndexId,
        key: &OrderedKey,
    ) -> impl Iterator<Item = RowId> {
        self.index(table, index).into_iter().flat_map(move |index| index.find(key))
    }

    /// The ids of all rows of an index, by key and then by id.
    pub fn scan_index(
        &self,
        table: TableId,
        index: IndexId,
    ) -> impl DoubleEndedIterator<Item = RowId> {
        self.index(table, index).into_iter().flat_map(Index::row_ids)
    }

    // Changing rows; each call is logged.

    /// Adds a row under an id that is free.
    pub fn insert(&mut self, table: TableId, row_id: RowId, row: Row) {
        debug_assert!(self.row(table, row_id).is_none(), "the row id is free");
        self.table_mut(table).put(row_id, row);
        self.log.push(Change::Inserted { table, row_id });
    }

    /// Takes a live row away.
    pub fn delete(&mut self, table: TableId, row_id: RowId) {
        if let Some(row) = self.table_mut(table).take(row_id) {
            self.log.push(Change::Deleted { table, row_id, row });
        }
    }

    /// Puts `row` in the place of a live row, under an id that is free or its own.
    pub fn update(&mut self, table: TableId, old_id: RowId, new_id: RowId, row: Row) {
        let store = self.table_mut(table);
        if let Some(old) = store.take(old_id) {
            store.put(new_id, row);
            self.log.push(Change::Updated { table, old_id, new_id, row: old });
        }
    }

    // Changing tables. `log_tables` comes first, and again after any row change.

    /// Logs the set of tables as it is, so that the changes of tables that follow can be undone.
    pub fn log_tables(&mut self) {
        self.log.push(Change::Tables(self.tables.clone()));
    }

    /// Adds an empty table.
    pub fn create_table(&mut self, table: TableId) {
        self.assert_tables_are_logged();
        let slot = table.0 as usize;
        if self.tables.0.len() <= slot {
            self.tables.0.resize(slot + 1, None);
        }
        self.tables.0[slot] = Some(Arc::default());
    }

    /// Removes a table with all it holds.
    pub fn drop_table(&mut self, table: TableId) {
        self.assert_tables_are_logged();
        self.tables.0[table.0 as usize] = None;
    }

    /// Gives a table exactly these indexes. Those it has already stay as they are.
    ///
    /// # Cost
    /// **O(n log n)** for n rows and each index that is new or differs; none otherwise.
    pub fn set_indexes(&mut self, table: TableId, specs: Vec<IndexSpec>) {
        let current = self.table(table).indexes.iter().map(Index::spec);
        if current.eq(specs.iter()) {
            return;
        }
        self.assert_tables_are_logged();
        let store = self.table_mut(table);
        let mut old = std::mem::take(&mut store.indexes);
        for spec in specs {
            let kept = old.iter().position(|index| *index.spec() == spec);
            let index = match kept {
                Some(position) => old.swap_remove(position),
                None => Index::build(spec, &store.rows),
            };
            store.indexes.push(index);
        }
    }

    /// Replaces every row by what `change` makes of it. The indexes go; set them again.
    pub fn rewrite_rows(&mut self, table: TableId, change: impl Fn(&Row) -> Row) {
        self.assert_tables_are_logged();
        let store = self.table_mut(table);
        store.indexes.clear();
        store.rows.values_mut().for_each(|row| *row = change(row));
    }

    // The log.

    /// Where the log stands.
    pub fn mark(&self) -> Mark {
        Mark(self.log.len())
    }

    /// The changes since a mark, oldest first.
    pub fn changes_since(&self, mark: Mark) -> &[Change] {
        &self.log[mark.0..]
    }

    /// Undoes every change since a mark, the last one first.
    ///
    /// # Cost
    /// **O(c log n)** for c changes in tables of n rows.
    pub fn undo_to(&mut self, mark: Mark) {
        // The tables as they were before the first change of them hold all rows as of then; a later
        // row change may be of a table that is gone.
        let is_tables = |change: &Change| matches!(change, Change::Tables(_));
        if let Some(first) = self.log[mark.0..].iter().position(is_tables) {
            self.log.truncate(mark.0 + first + 1);
        }
        while self.log.len() > mark.0 {
            match self.log.pop().expect("the log is longer than the mark") {
                Change::Inserted { table, row_id } => {
                    self.table_mut(table).take(row_id);
                }
                Change::Deleted { table, row_id, row } => self.table_mut(table).put(row_id, row),
                Change::Updated { table, old_id, new_id, row } => {
                    let store = self.table_mut(table);
                    store.take(new_id);
                    store.put(old_id, row);
                }
                Change::Tables(tables) => self.tables = tables,
            }
        }
    }

    /// Forgets the log: nothing before now can be undone any more.
    pub fn forget_log(&mut self) {
        self.log.clear();
    }

    // Checking.

    /// Every index entry that disagrees with the rows.
    ///
    /// # Cost
    /// **O(n log n)** for n rows times the indexes: each index is built again and compared.
    pub fn verify(&self) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        for (slot, store) in self.tables.0.iter().enumerate() {
            let table = TableId(slot as u32);
            for index in store.iter().flat_map(|store| &store.indexes) {
                let fresh = Index::build(index.spec().clone(), &self.table(table).rows);
                for (row_id, missing) in index.differences(&fresh) {
                    found.push(Discrepancy { table, index: index.spec().id, row_id, missing });
                }
            }
        }
        found
    }

    /// Row changes between the log of the tables and a change of them would be undone in tables that
    /// are not theirs.
    fn assert_tables_are_logged(&self) {
        debug_assert!(
            matches!(self.log.last(), Some(Change::Tables(_))),
            "tables are logged first"
        );
    }

    fn table(&self, table: TableId) -> &TableStore {
        self.tables.0[table.0 as usize].as_deref().expect("a table in use exists")
    }

    fn table_mut(&mut self, table: TableId) -> &mut TableStore {
        let store = self.tables.0[table.0 as usize].as_mut().expect("a table in use exists");
        Arc::make_mut(store)
    }

    fn index(&self, table: TableId, index: IndexId) -> Option<&Index> {
        self.table(table).indexes.iter().find(|candidate| candidate.spec().id == index)
    }
}

impl TableStore {
    fn put(&mut self, row_id: RowId, row: Row) {
        self.indexes.iter_mut().for_each(|index| index.add(&row, row_id));
        self.rows.insert(row_id, row);
    }

    fn take(&mut self, row_id: RowId) -> Option<Row> {
        let row = self.rows.remove(&row_id)?;
        self.indexes.iter_mut().for_each(|index| index.remove(&row, row_id));
        Some(row)
    }
}
