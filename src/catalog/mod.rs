//! What tables, indexes and foreign keys there are, and how they hang together.
//!
//! Definitions ([`Table`], [`ForeignKey`], [`Index`]) are what the user wrote. The catalogue turns
//! each table into a [`TableEntry`]: names become positions, expressions are bound, and each foreign
//! key gets a [`Target`], which says whether its referenced key can be found *now*. A foreign key
//! whose referenced table does not exist is no error here; whoever needs it asks for its target.
//!
//! Every change of the catalogue ends in `resolve`, which looks all targets up again. Nothing else
//! depends on another table, so that is the only place where tables meet.
//!
//! The catalogue holds no rows and knows no transactions: its owner keeps the version before a
//! change and puts it back to undo.

mod alter;
mod constraint;
mod definition;
mod entry;
mod names;
mod print;
mod resolve;

pub use constraint::{
    Check, ConstraintMode, ForeignKey, Index, IndexColumn, KeyConstraint, MatchType,
    ReferentialAction,
};
pub use definition::{Column, Table};
pub use entry::{
    CheckEntry, ColumnEntry, ForeignKeyEntry, IndexEntry, IndexKind, KeyLookup, Resolved,
    TableEntry, Target,
};

use crate::error::{Error, NameError, NameKind};
pub use crate::id::{ConstraintId, IndexId, TableId};
use indexmap::IndexMap;
use std::sync::Arc;

/// All tables and indexes.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Folded table name → id, in the order of creation.
    names: IndexMap<String, TableId>,
    /// Folded index name → the table it is of; only indexes made by `create_index`.
    index_names: IndexMap<String, TableId>,
    /// `TableId` → the table; `None` once dropped.
    entries: Vec<Option<Arc<TableEntry>>>,
    /// `ConstraintId` → its table and position there; `None` once dropped.
    constraints: Vec<Option<(TableId, usize)>>,
    next_index: u32,
    /// Whether some foreign key has no resolved target: only then do statements look for one.
    has_unresolved: bool,
}

/// Names compare without case, as SQLite's do (ASCII letters only).
pub(crate) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Catalog {
    /// The tables, in the order of creation.
    pub fn tables(&self) -> impl DoubleEndedIterator<Item = &Arc<TableEntry>> {
        self.names.values().filter_map(|id| self.entries[id.0 as usize].as_ref())
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`Error::Name`] with the nearest name, if there is none.
    pub fn table(&self, name: &str) -> Result<&Arc<TableEntry>, Error> {
        self.find_table(name).ok_or_else(|| {
            let names = self.tables().map(|table| table.name());
            NameError::missing(NameKind::Table, name, None, names)
        })
    }

    /// The table of this name, if it exists.
    pub fn find_table(&self, name: &str) -> Option<&Arc<TableEntry>> {
        let id = match self.names.get(name) {
            Some(id) => *id,
            None => *self.names.get(&fold(name))?,
        };
        self.entries[id.0 as usize].as_ref()
    }

    /// How many tables there are or have been: every `TableId` is below it.
    pub(crate) fn table_count(&self) -> usize {
        self.entries.len()
    }

    /// The table of this id, if it still exists.
    pub fn find_by_id(&self, id: TableId) -> Option<&Arc<TableEntry>> {
        self.entries.get(id.0 as usize)?.as_ref()
    }

    /// The table of this id.
    ///
    /// # Panics
    /// If it was dropped: ids are taken from this catalogue and used within one statement.
    pub(crate) fn by_id(&self, id: TableId) -> &TableEntry {
        self.entries[id.0 as usize].as_ref().expect("a table in use is not dropped")
    }

    /// The foreign key of this id, if it still exists.
    pub fn find_constraint(&self, id: ConstraintId) -> Option<&ForeignKeyEntry> {
        let (table, position) = (*self.constraints.get(id.0 as usize)?)?;
        self.by_id(table).foreign_keys.get(position)
    }

    /// The foreign key of this id.
    ///
    /// # Panics
    /// If it was dropped, as `by_id`.
    pub(crate) fn constraint(&self, id: ConstraintId) -> &ForeignKeyEntry {
        self.find_constraint(id).expect("a constraint in use is not dropped")
    }

    /// The table and position of the index of this name, if it was made by `create_index`.
    pub fn find_index(&self, name: &str) -> Option<(&Arc<TableEntry>, &IndexEntry)> {
        let folded = fold(name);
        let table = self.find_by_id(*self.index_names.get(&folded)?)?;
        let index = table.indexes.iter().find(|index| fold(&index.name) == folded)?;
        Some((table, index))
    }

    /// Names of the indexes made by `create_index`, folded, in the order of creation.
    pub fn index_names(&self) -> impl Iterator<Item = &str> {
        self.index_names.keys().map(String::as_str)
    }

    /// Whether some foreign key cannot be resolved now.
    pub fn has_unresolved(&self) -> bool {
        self.has_unresolved
    }
}
