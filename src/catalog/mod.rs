//! What tables, indexes and foreign keys there are, and how they hang together.
//!
//! Definitions ([`Table`], [`ForeignKey`], [`Index`]) are what the user wrote. The catalogue turns
//! each table into a [`TableEntry`]: names become positions, expressions are bound, and each foreign
//! key gets a [`Target`], which says whether its referenced key can be found *now*. A foreign key
//! whose referenced table does not exist is no error here; whoever needs it asks for its target.
//!
//! A change replaces the entry of its table and logs the old one. It ends in `resolve`, which looks
//! up anew what the foreign keys concerned reference: those that the table holds, and those that name
//! it. Nothing else depends on another table, so that is the only place where tables meet.
//!
//! The catalogue holds no rows and knows no transactions: its owner says when a change is undone, and
//! when the log may be forgotten. A mark is nothing but a position in that log.

mod alter;
mod constraint;
mod definition;
mod entry;
mod links;
mod name;
mod names;
mod print;
mod resolve;
mod schemas;

pub use constraint::{
    Check, ConstraintMode, ForeignKey, Index, IndexColumn, KeyConstraint, MatchType,
    ReferentialAction, Resolution,
};
pub use definition::{Column, SEQUENCE_TABLE, Table};
pub use entry::{
    CheckEntry, ColumnEntry, Comparison, ForeignKeyEntry, IndexEntry, IndexKind, KeyLookup,
    Positions, Resolved, TableEntry, Target,
};

pub use name::Name;
pub use schemas::Schemas;

use crate::error::{Error, NameError, NameKind};
pub use crate::id::{ConstraintId, IndexId, SchemaId, TableId, TableRef};
use links::{Links, Named, is_same};
use resolve::Ids;
use std::sync::Arc;

/// All tables and indexes.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// `TableId` → the table; `None` once dropped. In the order of creation.
    entries: Vec<Option<Arc<TableEntry>>>,
    schemas: Schemas,
    /// What follows from the entries.
    links: Links,
    /// The ids that were given out.
    ids: Ids,
    log: Vec<Replaced>,
}

/// A table's entry before a change.
#[derive(Clone, Debug)]
struct Replaced {
    table: TableId,
    /// `None` if the change has created the table.
    before: Option<Arc<TableEntry>>,
    /// The ids given out before it.
    ids: Ids,
}

impl Catalog {
    /// The tables, in the order of creation.
    pub fn tables(&self) -> impl DoubleEndedIterator<Item = &Arc<TableEntry>> {
        self.entries.iter().flatten()
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`Error::Name`] with the nearest name, if there is none.
    pub fn table<'t>(&self, table: impl Into<TableRef<'t>>) -> Result<&Arc<TableEntry>, Error> {
        let table = table.into();
        self.find_table(table).ok_or_else(|| self.missing_table(table))
    }

    /// The table of this name or id, if it exists.
    pub fn find_table<'t>(&self, table: impl Into<TableRef<'t>>) -> Option<&Arc<TableEntry>> {
        match table.into() {
            TableRef::Id(id) => self.find_by_id(id),
            TableRef::Name(name) => match self.named(name)? {
                Named::Table(id) => self.find_by_id(id),
                Named::Index(..) => None,
            },
        }
    }

    /// The table of this name in a schema.
    pub fn find_table_in(&self, schema: SchemaId, name: &str) -> Option<&Arc<TableEntry>> {
        match self.named_in(schema, name)? {
            Named::Table(id) => self.find_by_id(id),
            Named::Index(..) => None,
        }
    }

    /// The schemas.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// The tables of a schema, in the order of creation.
    pub fn tables_in(&self, schema: SchemaId) -> impl DoubleEndedIterator<Item = &Arc<TableEntry>> {
        self.tables().filter(move |table| table.definition.schema() == schema)
    }

    #[cold]
    fn missing_table(&self, table: TableRef<'_>) -> Error {
        let name = match table {
            TableRef::Name(name) => name.to_owned(),
            TableRef::Id(id) => format!("table number {}", id.0),
        };
        let names = self.tables().map(|table| table.name());
        NameError::missing(NameKind::Table, &name, None, names)
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
        let (table, position) = self.links.place(id)?;
        self.by_id(table).foreign_keys.get(position)
    }

    /// The foreign key of this id.
    ///
    /// # Panics
    /// If it was dropped, as `by_id`.
    pub(crate) fn constraint(&self, id: ConstraintId) -> &ForeignKeyEntry {
        self.find_constraint(id).expect("a constraint in use is not dropped")
    }

    /// The foreign keys whose resolved target this table is: tables in the order of creation, the
    /// constraints of each in the order declared.
    pub fn referenced_by(&self, table: TableId) -> &[ConstraintId] {
        self.links.referenced_by(table)
    }

    /// The foreign keys that name this table but do not match a key of it, in the same order.
    pub fn mismatched_by(&self, table: TableId) -> &[ConstraintId] {
        self.links.mismatched_by(table)
    }

    /// The index of this name and its table, if it was made by `create_index`.
    pub fn find_index(&self, name: &str) -> Option<(&Arc<TableEntry>, &IndexEntry)> {
        self.index_of(self.named(name)?)
    }

    /// The same in a schema.
    pub fn find_index_in(
        &self,
        schema: SchemaId,
        name: &str,
    ) -> Option<(&Arc<TableEntry>, &IndexEntry)> {
        self.index_of(self.named_in(schema, name)?)
    }

    fn index_of(&self, named: Named) -> Option<(&Arc<TableEntry>, &IndexEntry)> {
        match named {
            Named::Table(_) => None,
            Named::Index(table, index) => {
                let table = self.find_by_id(table)?;
                Some((table, table.find_index(index)?))
            }
        }
    }

    /// Names of the indexes made by `create_index`, in small letters, in the order of creation.
    pub fn index_names(&self) -> impl Iterator<Item = String> {
        let indexes = self.tables().flat_map(|table| &table.indexes);
        let mut created: Vec<_> =
            indexes.filter(|index| matches!(index.kind, IndexKind::Created(_))).collect();
        created.sort_by_key(|index| index.id);
        created.into_iter().map(|index| index.name.to_ascii_lowercase())
    }

    /// Whether there is or has been a table with AUTOINCREMENT in a schema.
    pub(crate) fn has_sequences(&self, schema: SchemaId) -> bool {
        self.find_table_in(schema, SEQUENCE_TABLE).is_some()
    }

    /// Whether some foreign key cannot be resolved now.
    pub fn has_unresolved(&self) -> bool {
        self.links.has_unresolved()
    }

    /// What a name stands for in the first schema that has it, unless it says which, as in `main.t`.
    fn named(&self, name: &str) -> Option<Named> {
        let found = match self.links.elsewhere {
            0 => self.named_in(SchemaId::MAIN, name),
            _ => self.schemas.in_turn().find_map(|schema| self.named_in(schema, name)),
        };
        found.or_else(|| {
            let (schema, name) = self.schemas.split(name)?;
            self.named_in(schema, name)
        })
    }

    /// What a name stands for in a schema.
    fn named_in(&self, schema: SchemaId, name: &str) -> Option<Named> {
        if schema != SchemaId::MAIN && self.links.elsewhere == 0 {
            return None;
        }
        let is_there = |table: TableId| self.by_id(table).definition.schema() == schema;
        self.links.find(name, |named| match named {
            Named::Table(table) | Named::Index(table, _) if !is_there(table) => false,
            Named::Table(table) => is_same(self.by_id(table).name(), name),
            Named::Index(table, index) => {
                let index = self.by_id(table).find_index(index);
                index.is_some_and(|index| is_same(&index.name, name))
            }
        })
    }

    // The log.

    /// Where the log stands.
    pub(crate) fn mark(&self) -> usize {
        self.log.len()
    }

    /// The tables changed since a mark; one that was changed twice comes twice.
    pub(crate) fn changed_since(&self, mark: usize) -> impl Iterator<Item = TableId> {
        self.log[mark..].iter().map(|replaced| replaced.table)
    }

    /// Undoes every change since a mark, the last one first.
    pub(crate) fn undo_to(&mut self, mark: usize) {
        while self.log.len() > mark {
            let Some(Replaced { table, before, ids }) = self.log.pop() else { return };
            let is_created = before.is_none();
            self.put(table, before);
            if is_created {
                self.entries.pop();
            }
            self.ids = ids;
            self.links.forget_constraints(ids.next_constraint());
        }
    }

    /// Forgets the log: nothing before now can be undone any more.
    pub(crate) fn forget_log(&mut self) {
        self.log.clear();
    }

    // Entries.

    /// Puts an entry in the place of another one, logged.
    fn replace(&mut self, table: TableId, entry: Option<Arc<TableEntry>>, ids: Ids) {
        let before = self.put(table, entry);
        let ids = std::mem::replace(&mut self.ids, ids);
        self.log.push(Replaced { table, before, ids });
    }

    /// Puts an entry in the place of another one, which is returned, and links with it.
    fn put(&mut self, table: TableId, entry: Option<Arc<TableEntry>>) -> Option<Arc<TableEntry>> {
        let before = self.entries[table.0 as usize].take();
        if let Some(before) = &before {
            self.links.remove(before);
        }
        if let Some(entry) = &entry {
            self.links.add(entry);
        }
        self.entries[table.0 as usize] = entry;
        before
    }
}
