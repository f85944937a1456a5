//! Changes of the schema, undone like any other statement.

use super::{Database, Done, Enforcement, rows_where};
use crate::catalog::{Catalog, Column, ForeignKeyEntry, Index, Resolution, Table, TableEntry};
use crate::error::{AlterCheck, Error, Event, Hint, Result, SchemaError, Violation, ViolationKind};
use crate::id::{IndexId, TableId, TableRef};
use crate::referential::{DefinitionCheck, Detail, Work};
use crate::storage::RowRef;
use crate::table::{Prepared, index_specs, reference_specs, sequence, unique_key, update};
use crate::value::Value;
use smallvec::SmallVec;
use std::collections::HashSet;
use std::sync::Arc;

/// What DROP TABLE does about the rows.
#[derive(Clone, Copy, PartialEq)]
enum Deletion {
    /// They go with their table, and `changes()` stays as it was.
    None,
    /// They would be deleted, and counted, if anything were outstanding.
    IsSkipped,
    /// They are deleted one by one.
    Runs,
}

impl Database {
    /// Creates a table. What its foreign keys reference need not exist yet: that is asked when a
    /// statement needs it. A definition that serves many databases is best kept in an `Arc`, which
    /// they share.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken or a column is named that is not there;
    /// [`Error::Schema`] if the definition contradicts itself.
    pub fn create_table(&mut self, table: impl Into<Arc<Table>>) -> Result<()> {
        self.create_tables([table])
    }

    /// Creates tables as one statement, all or none. Each may reference any other.
    ///
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, Table};
    /// let mut db = Database::new(Enforcement::On);
    /// db.create_tables([
    ///     Table::new("hero").column(Column::integer("team_id").references_key("team")),
    ///     Table::new("team").column(Column::integer("id").primary_key()),
    /// ])?;
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::create_table`], of the first table that cannot be created.
    pub fn create_tables(
        &mut self,
        tables: impl IntoIterator<Item = impl Into<Arc<Table>>>,
    ) -> Result<()> {
        self.statement(|db| {
            let mark = db.schema.catalog.mark();
            for table in tables.into_iter().map(Into::into) {
                let schema = table.schema();
                if table.is_autoincrement() && !db.schema.catalog.has_sequences(schema) {
                    db.define_table(Table::of_sequences(schema).into())?;
                }
                db.define_table(table)?;
            }
            db.build_indexes(mark);
            match db.dialect.definition_check {
                DefinitionCheck::AtUse => Ok(()),
                DefinitionCheck::AtDefinition => check_targets(&db.schema.catalog, mark),
            }
        })
    }

    fn define_table(&mut self, table: Arc<Table>) -> Result<()> {
        let id = self.catalog_mut().create_table(table)?;
        let entry = self.schema.catalog.by_id(id);
        self.store.create_table(id, entry.columns.len(), entry.row_id_column);
        Ok(())
    }

    /// Drops a table. With enforcement on, its rows are deleted first, with their ON DELETE actions
    /// but without the table's own programs; an immediate violation keeps the table, a deferred one
    /// is outstanding.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such table; [`Error::Violation`] as a delete of all rows.
    pub fn drop_table<'t>(&mut self, table: impl Into<TableRef<'t>>) -> Result<()> {
        self.check_usable()?;
        let entry = self.table(table)?.clone();
        if self.dialect.definition_check == DefinitionCheck::AtDefinition {
            self.check_is_unreferenced(&entry)?;
        }
        self.check_drop(&entry)?;
        let deletion = match self.enforcement {
            Enforcement::On => self.deletion_of(&entry),
            Enforcement::Off => Deletion::None,
        };
        let mut done = Done::default();
        let result = self.change_schema(|db| {
            if deletion == Deletion::Runs {
                let rows = rows_where(&db.view(), &entry, None).into();
                let work = Work::Delete { rows, runs_programs: false };
                let mut resolution = Resolution::Abort;
                let carried = db.carry_out(entry.id, work, Detail::Counts, &mut resolution)?;
                done = carried.done;
            }
            if let Some(sequence) = entry.sequence {
                sequence::forget(&mut db.store, sequence, entry.name());
            }
            db.catalog_mut().drop_table(entry.id);
            if db.schema.programs.0.iter().any(|program| program.table == entry.id) {
                db.programs_mut().0.retain(|program| program.table != entry.id);
            }
            // Its rows went first: to undo that, the table must be there again.
            db.store.log_tables();
            db.store.drop_table(entry.id);
            Ok(())
        });
        if deletion != Deletion::None {
            self.count(&if result.is_ok() { done } else { Done::default() });
        }
        result
    }

    /// Whether dropping a table deletes its rows first, and counts them: if a foreign key names it,
    /// or if it has a deferred one of its own while something is outstanding.
    fn deletion_of(&self, table: &TableEntry) -> Deletion {
        let is_deferred = |key: &ForeignKeyEntry| self.settings().is_deferred(key);
        let is_referenced = self.catalog().naming(table.id).next().is_some();
        match is_referenced || table.foreign_keys.iter().any(is_deferred) {
            false => Deletion::None,
            true if is_referenced || !self.outstanding_violations().is_empty() => Deletion::Runs,
            true => Deletion::IsSkipped,
        }
    }

    /// Renames a table; every REFERENCES follows, whether enforcement is on or off.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such table or the new name is taken.
    pub fn rename_table<'t>(&mut self, table: impl Into<TableRef<'t>>, name: &str) -> Result<()> {
        self.rename_following(table.into(), name, true)
    }

    /// Renames a table, and leaves the REFERENCES of others as they are.
    ///
    /// # Errors
    /// As [`Database::rename_table`].
    pub fn rename_table_alone<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        name: &str,
    ) -> Result<()> {
        self.rename_following(table.into(), name, false)
    }

    fn rename_following(&mut self, table: TableRef<'_>, name: &str, follows: bool) -> Result<()> {
        let entry = self.table(table)?.clone();
        self.change_schema(|db| {
            db.catalog_mut().rename_table(entry.id, name, follows)?;
            if let Some(sequence) = entry.sequence {
                let sequence = db.schema.catalog.by_id(sequence);
                sequence::rename(&mut db.store, sequence, entry.name(), name);
            }
            Ok(())
        })
    }

    /// Renames a column; keys, checks, indexes and every REFERENCES follow.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such table or column, or the new name is taken.
    pub fn rename_column(&mut self, table: &str, column: &str, name: &str) -> Result<()> {
        self.rename_column_written(table, column, name, &str::to_owned)
    }

    /// The same, and the texts of checks become what `rewrite` makes of them.
    ///
    /// # Errors
    /// As [`Database::rename_column`].
    pub(crate) fn rename_column_written<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        column: &str,
        name: &str,
        rewrite: &dyn Fn(&str) -> String,
    ) -> Result<()> {
        let id = self.table(table)?.id;
        self.change_schema(|db| db.catalog_mut().rename_column(id, column, name, rewrite))
    }

    /// Adds a column behind the others; existing rows get its default.
    ///
    /// # Cost
    /// **O(n · i)** for n rows and i indexes.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken; [`Error::Schema`] where SQLite refuses: PRIMARY KEY or
    /// UNIQUE, and on a table with rows NOT NULL without a default, a foreign key with a default
    /// while enforcement is on, or a CHECK that a row fails.
    pub fn add_column<'t>(&mut self, table: impl Into<TableRef<'t>>, column: Column) -> Result<()> {
        let id = self.table(table)?.id;
        let name = column.name().to_owned();
        let value = column.affinity().apply(column.default_value());
        let is_not_null = column.is_not_null();
        let is_computed = column.generated_stored().is_some();
        let lacks_value = is_not_null && value.is_null() && !is_computed;
        let has_default = match column.default_expression() {
            Some(default) => default.as_literal().is_none_or(|value| !value.is_null()),
            None => false,
        };
        let is_stored = column.generated_stored() == Some(true);
        let is_constant = column.default_expression().is_none_or(|it| it.is_signed_literal());
        self.change_schema(|db| {
            let keys_before = db.schema.catalog.by_id(id).foreign_keys.len();
            db.catalog_mut().add_column(id, column)?;
            let entry = db.schema.catalog.by_id(id);
            let references = entry.foreign_keys.len() > keys_before;
            let has_rows = db.store.row_count(id) > 0;
            let refuse = |message: &str, reason: &str| {
                let action = format!("add column \"{name}\" to table \"{}\"", entry.name());
                let (message, reason) = (message.to_owned(), reason.to_owned());
                let found = AlterCheck::Outcome;
                Err(SchemaError::Alter { action, message, reason, found }.into())
            };
            if has_rows && references && has_default && db.settings().enforces() {
                let message = "Cannot add a REFERENCES column with non-NULL default value";
                return refuse(message, "Existing rows would reference a row that may not exist.");
            }
            if has_rows && is_stored {
                let message = "cannot add a STORED column";
                return refuse(message, "Existing rows would have to be computed.");
            }
            if has_rows && !is_constant {
                let message = "Cannot add a column with non-constant default";
                return refuse(message, "Existing rows would have to be computed.");
            }
            if has_rows && lacks_value {
                let message = "Cannot add a NOT NULL column with default value NULL";
                return refuse(message, "Existing rows would have no value for it.");
            }
            let column = entry.definition.columns().last();
            let is_held = column.is_none_or(|column| column.holds(&value));
            if has_rows && entry.definition.is_strict() && !is_held {
                return refuse("type mismatch on DEFAULT", "Existing rows could not have it.");
            }
            db.store.add_column(id, &value);
            let computed = entry.definition.columns().last().and_then(Column::generated_stored);
            if computed.is_some() {
                let rows: Vec<_> = db.store.rows(id).map(RowRef::to_vec).collect();
                let ids: Vec<_> = db.store.rows(id).map(RowRef::row_id).collect();
                for (row_id, mut values) in ids.into_iter().zip(rows) {
                    entry.generate(&mut values);
                    update(&mut db.store, entry, row_id, Prepared { row_id, values });
                }
            }
            for row in db.store.rows(id) {
                let (row_id, values) = (row.row_id(), row.to_vec());
                if entry.checks.iter().any(|check| check.refuses(row_id, &values)) {
                    return refuse("CHECK constraint failed", "An existing row fails its CHECK.");
                }
                if is_computed && is_not_null && values.last().is_some_and(Value::is_null) {
                    return refuse("NOT NULL constraint failed", "It is NULL in an existing row.");
                }
            }
            Ok(())
        })
    }

    /// Drops a column and the foreign keys declared on it.
    ///
    /// # Cost
    /// **O(n · i)** for n rows and i indexes.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such column; [`Error::Schema`] if something still needs it.
    pub fn drop_column<'t>(&mut self, table: impl Into<TableRef<'t>>, column: &str) -> Result<()> {
        let id = self.table(table)?.id;
        self.change_schema(|db| {
            let dropped = db.catalog_mut().drop_column(id, column)?;
            db.store.drop_column(id, dropped);
            Ok(())
        })
    }

    /// Calls the checks of a table, of no column of it, by these names, in their order.
    ///
    /// # Errors
    /// As any change of the schema.
    #[cfg(feature = "sql")]
    pub(crate) fn name_checks(
        &mut self,
        table: TableId,
        names: Vec<Option<crate::catalog::Name>>,
    ) -> Result<()> {
        self.change_schema(|db| {
            db.catalog_mut().name_checks(table, names);
            Ok(())
        })
    }

    /// Creates a secondary index. A unique one may be what a foreign key has waited for.
    ///
    /// # Cost
    /// **O(n log n)** for n rows.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken or a column is not there; [`Error::Violation`] if it is
    /// unique and the rows are not.
    pub fn create_index(&mut self, index: Index) -> Result<()> {
        self.change_schema(|db| {
            let (table, id) = db.catalog_mut().create_index(&index)?;
            db.check_new_index(table, id)
        })
    }

    /// The same on a table that is known, whatever the index says.
    ///
    /// # Errors
    /// As [`Database::create_index`].
    #[cfg(feature = "sql")]
    pub(crate) fn create_index_on(&mut self, table: TableId, index: &Index) -> Result<()> {
        self.change_schema(|db| {
            let id = db.catalog_mut().create_index_on(table, index)?;
            db.check_new_index(table, id)
        })
    }

    fn check_new_index(&self, table: TableId, id: IndexId) -> Result<()> {
        let entry = self.catalog().by_id(table);
        match entry.indexes.iter().position(|index| index.id == id && index.unique) {
            Some(position) => self.check_unique(entry, position),
            None => Ok(()),
        }
    }

    /// Drops a secondary index. A foreign key that matched by it will not be resolved any more.
    ///
    /// # Errors
    /// [`Error::Name`] if there is none of this name.
    pub fn drop_index(&mut self, index: &str) -> Result<()> {
        self.change_schema(|db| db.catalog_mut().drop_index(index).map(|_| ()))
    }

    /// The same of a table that is known.
    ///
    /// # Errors
    /// [`Error::Transaction`] if the transaction is aborted or poisoned.
    #[cfg(feature = "sql")]
    pub(crate) fn drop_index_of(&mut self, table: TableId, index: IndexId) -> Result<()> {
        self.change_schema(|db| {
            db.catalog_mut().drop_index_of(table, index);
            Ok(())
        })
    }

    /// Changes tables, as one statement.
    fn change_schema(&mut self, change: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.statement(|db| {
            let mark = db.schema.catalog.mark();
            db.store.log_tables();
            change(db)?;
            db.build_indexes(mark);
            Ok(())
        })
    }

    /// Gives storage the indexes of every table whose entry has changed since a mark.
    fn build_indexes(&mut self, mark: usize) {
        let catalog = &self.schema.catalog;
        let mut changed: SmallVec<[_; 8]> = catalog.changed_since(mark).collect();
        changed.sort_unstable();
        changed.dedup();
        let tables = || changed.iter().filter_map(|&id| catalog.find_by_id(id));
        tables().for_each(|table| self.store.set_indexes(table.id, index_specs(table)));
        tables().for_each(|table| self.store.set_references(table.id, reference_specs(table)));
    }

    fn check_unique(&self, table: &TableEntry, position: usize) -> Result<()> {
        let index = &table.indexes[position];
        let mut keys = HashSet::new();
        for row in self.store.rows(table.id) {
            let row = row.to_vec();
            let Some(key) = unique_key(index, &row) else { continue };
            if !keys.insert(key) {
                let (kind, names) = (ViolationKind::Unique, table.key_names(Some(position)));
                let key = index.columns.iter().map(|(position, _)| row[*position].clone());
                return Err(Error::Violation(Box::new(Violation {
                    key: key.collect(),
                    hint: Hint::RowsMustDiffer,
                    ..Violation::new(names, kind, Event::Insert)
                })));
            }
        }
        Ok(())
    }

    fn check_is_unreferenced(&self, table: &TableEntry) -> Result<()> {
        let catalog = self.catalog();
        let keys = catalog.referenced_by(table.id).iter().map(|&id| catalog.constraint(id));
        match keys.into_iter().find(|key| key.table != table.id) {
            None => Ok(()),
            Some(key) => Err(SchemaError::Alter {
                action: format!("drop table \"{}\"", table.name()),
                message: format!(
                    "cannot drop table {} because other objects depend on it",
                    table.name()
                ),
                reason: format!(
                    "Foreign key \"{}\" of table \"{}\" references it.",
                    key.name,
                    catalog.by_id(key.table).name()
                ),
                found: AlterCheck::Definition,
            }
            .into()),
        }
    }
}

/// Refuses tables changed since a mark one of whose foreign keys is not resolved.
fn check_targets(catalog: &Catalog, mark: usize) -> Result<()> {
    let tables = catalog.changed_since(mark).filter_map(|id| catalog.find_by_id(id));
    let keys = tables.flat_map(|table| &table.foreign_keys);
    let mut errors = keys.filter_map(|key| catalog.target_error(key));
    errors.next().map_or(Ok(()), |error| Err(error.into()))
}
