//! What there is to be read: the tables, as they are defined and as they stand.

use super::{Row, RowRef, Store};
use crate::catalog::{Catalog, TableEntry};
use crate::error::Error;
use crate::id::{RowId, TableId};

/// All tables and their rows at one moment: of a database, or in the midst of a statement.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) store: &'a Store,
    pub(crate) counters: Counters,
}

/// SQLite's `changes()`, `total_changes()` and `last_insert_rowid()`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) changes: usize,
    pub(crate) total_changes: usize,
    pub(crate) last_insert_row_id: i64,
}

impl<'a> View<'a> {
    pub(crate) fn new(catalog: &'a Catalog, store: &'a Store, counters: Counters) -> Self {
        View { catalog, store, counters }
    }

    /// The definitions.
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`Error::Name`] with the nearest name, if there is none.
    pub fn table(&self, name: &str) -> Result<&'a TableEntry, Error> {
        self.catalog.table(name).map(|table| &**table)
    }

    /// The row of this id, if it is live.
    pub fn row(&self, table: TableId, row_id: RowId) -> Option<RowRef<'a>> {
        self.catalog.find_by_id(table)?;
        self.store.row(table, row_id)
    }

    /// All rows of a table, in row id order.
    pub fn rows(&self, table: TableId) -> Vec<(RowId, Row)> {
        match self.catalog.find_by_id(table) {
            Some(_) => self.store.rows(table).map(|row| (row.row_id(), row.to_row())).collect(),
            None => Vec::new(),
        }
    }
}
