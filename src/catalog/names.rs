//! What a row and a constraint are called, for whoever has to tell of them.
//!
//! The names of a constraint are made when a violation of it first asks for them, kept in its entry,
//! and shared by all further violations. A change of the entry forgets them; and whatever else they
//! depend on, the name of the referenced table and of its columns, changes the entry too.

use super::entry::{ForeignKeyEntry, TableEntry, Target};
use super::{Catalog, Name, Table};
use crate::error::{ConstraintNames, FirstRows, ReferencedNames, RowName, TableNames};
use crate::id::RowId;
use crate::value::{Key, Value};
use std::sync::{Arc, OnceLock};

/// A constraint's names, once a violation has asked for them.
pub(super) type KnownNames = OnceLock<Arc<ConstraintNames>>;

/// The name of the row id where no column is it.
const ROW_ID: &str = "rowid";

impl Catalog {
    /// The names of a foreign key.
    pub(crate) fn foreign_key_names(&self, key: &ForeignKeyEntry) -> Arc<ConstraintNames> {
        known(&key.names, || {
            let own = self.by_id(key.table);
            let is_nullable = key.columns.iter().all(|&position| !own.columns[position].not_null);
            let referenced = Some(self.referenced_names(key));
            let columns = own.column_names(&key.columns);
            ConstraintNames { is_nullable, referenced, ..own.names(&key.name, columns) }
        })
    }

    fn referenced_names(&self, key: &ForeignKeyEntry) -> ReferencedNames {
        let written = key.definition.references.to_string();
        match &key.target {
            Target::Resolved(to) => {
                let table = self.by_id(to.table);
                let columns = table.column_names(&to.columns);
                ReferencedNames { written, table: table_names(&table.definition), columns }
            }
            Target::MissingTable | Target::Mismatch { .. } => {
                let columns = match key.definition.referenced_columns.as_slice() {
                    [] => self.by_id(key.table).column_names(&key.columns),
                    named => named.iter().map(Name::to_string).collect(),
                };
                let table = TableNames { name: written.clone(), naming: Vec::new() };
                ReferencedNames { written, table, columns }
            }
        }
    }
}

impl TableEntry {
    /// The names of a key: one over an index, by its position, or the row id.
    pub(crate) fn key_names(&self, index: Option<usize>) -> Arc<ConstraintNames> {
        match (index, self.row_id_column) {
            (Some(position), _) => {
                let index = &self.indexes[position];
                known(&index.names, || {
                    let positions: Vec<_> = index.columns.iter().map(|(at, _)| *at).collect();
                    // An index on expressions goes by its name alone.
                    self.names(&index.name, self.column_names(&positions))
                })
            }
            (None, Some(row_id)) => known(&self.row_id_names, || {
                self.names(&format!("{}_pkey", self.name()), self.column_names(&[row_id]))
            }),
            (None, None) => {
                known(&self.row_id_names, || self.names(ROW_ID, vec![ROW_ID.to_owned()]))
            }
        }
    }

    /// The names of the NOT NULL of a column.
    pub(crate) fn not_null_names(&self, position: usize) -> Arc<ConstraintNames> {
        known(&self.columns[position].not_null_names, || {
            let column = self.column_name(position);
            let name = format!("{}_{column}_not_null", self.name());
            self.names(&name, vec![column.to_owned()])
        })
    }

    /// The names of a STRICT table's type.
    pub(crate) fn type_names(&self, position: usize) -> Arc<ConstraintNames> {
        let column = &self.definition.columns()[position];
        let declared = column.declared_type().to_string().to_ascii_uppercase();
        Arc::new(self.names(&declared, vec![column.name().to_owned()]))
    }

    /// The names of a check.
    pub(crate) fn check_names(&self, position: usize) -> Arc<ConstraintNames> {
        let check = &self.checks[position];
        known(&check.names, || self.names(&check.text, self.column_names(&check.columns)))
    }

    /// Forgets all names: the entry is about to change.
    pub(super) fn forget_names(&mut self) {
        self.row_id_names = KnownNames::new();
        self.columns.iter_mut().for_each(|column| column.not_null_names = KnownNames::new());
        self.checks.iter_mut().for_each(|check| check.names = KnownNames::new());
        self.indexes.iter_mut().for_each(|index| index.names = KnownNames::new());
        self.foreign_keys.iter_mut().for_each(|key| key.names = KnownNames::new());
    }

    fn names(&self, constraint: &str, columns: Vec<String>) -> ConstraintNames {
        let (constraint, table) = (constraint.to_owned(), table_names(&self.definition));
        ConstraintNames { constraint, table, columns, referenced: None, is_nullable: false }
    }

    // Rows.

    /// The columns that name a row: the primary key's positions, or `None` for the bare row id.
    pub fn naming_columns(&self) -> Option<&[usize]> {
        (!self.key_columns.is_empty()).then_some(&self.key_columns)
    }

    /// Whether rows are named by their row id: it is the primary key, or there is none.
    pub(crate) fn is_named_by_row_id(&self) -> bool {
        self.row_id_column.is_some() || self.key_columns.is_empty()
    }

    /// What a row is called: its primary key, or its row id where there is none or the row is not
    /// at hand.
    pub(crate) fn row_name(&self, row_id: RowId, row: Option<&[Value]>) -> RowName {
        match (self.naming_columns(), row) {
            (Some(positions), Some(row)) => {
                RowName { values: self.primary_key_of(row), columns: self.column_names(positions) }
            }
            _ => RowName { columns: vec![ROW_ID.to_owned()], values: row_id.0.into() },
        }
    }

    /// The same for a violation's one row.
    pub(crate) fn named_row(&self, row_id: RowId, row: Option<&[Value]>) -> FirstRows {
        match row {
            None => FirstRows::Absent(row_id.0),
            Some(_) if self.is_named_by_row_id() => FirstRows::Ids(row_id.into()),
            Some(row) => FirstRows::Keys(vec![self.primary_key_of(row)]),
        }
    }

    /// The values of a row's primary key.
    pub(crate) fn primary_key_of(&self, row: &[Value]) -> Key {
        self.key_columns.iter().map(|&position| row[position].clone()).collect()
    }
}

fn table_names(definition: &Table) -> TableNames {
    let naming = match definition.primary_key_columns() {
        [] => vec![ROW_ID.to_owned()],
        columns => columns
            .iter()
            .filter_map(|column| definition.position(column))
            .map(|position| definition.columns[position].name.to_string())
            .collect(),
    };
    TableNames { name: definition.name.to_string(), naming }
}

/// The names of a constraint, made if nobody has asked before.
///
/// # Cost
/// One atomic increment, but for the first time.
fn known(names: &KnownNames, make: impl Fn() -> ConstraintNames) -> Arc<ConstraintNames> {
    let known = names.get_or_init(|| Arc::new(make()));
    debug_assert_eq!(**known, make(), "a change of the names has changed the entry");
    known.clone()
}
