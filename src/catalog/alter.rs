//! Changes of the catalogue: create, drop, rename, add and drop column, create and drop index.
//!
//! Each checks what definitions alone can show, puts changed copies of the entries in place, and
//! resolves the foreign keys concerned anew. What the rows have to say (NOT NULL without a default, a
//! unique index over duplicates) is the caller's to check. On an error the catalogue may be half
//! changed: the caller undoes it.

use super::constraint::{ForeignKey, Index, KeyConstraint};
use super::definition::{Column, SEQUENCE_TABLE, Table};
use super::entry::{ForeignKeyEntry, IndexKind, TableEntry};
use super::links::{Named, is_same};
use super::resolve::{
    bind_checks, bind_generated, build_entry, build_foreign_key, build_index, column_entries,
    foreign_key_name, key_columns,
};
use super::{Catalog, IndexId, Name, SchemaId, TableId};
use crate::error::{AlterCheck, Error, NameError, NameKind, SchemaError};
use std::sync::Arc;

/// For how many tables the first one makes room.
const FIRST_TABLES: usize = 16;

impl Catalog {
    /// Adds a schema without tables. It is not logged.
    pub fn attach(&mut self, name: &str) -> SchemaId {
        self.schemas.attach(name)
    }

    /// Removes a schema, of which no table may be left. It is not logged.
    pub fn detach(&mut self, schema: SchemaId) {
        debug_assert!(self.tables_in(schema).next().is_none());
        self.schemas.detach(schema);
    }

    /// Adds a table. Its foreign keys may name tables that do not exist yet.
    ///
    /// # Cost
    /// That of the table itself; with foreign keys that name what does not exist, also **O(m)** for
    /// m of them.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken or the definition names a column that it does not have;
    /// [`Error::Schema`] if the definition contradicts itself.
    pub fn create_table(&mut self, definition: Arc<Table>) -> Result<TableId, Error> {
        self.check_name_is_free(definition.name(), definition.schema())?;
        let id = TableId(self.entries.len() as u32);
        let mut ids = self.ids;
        let mut shared = build_entry(id, definition, &mut ids)?;
        let entry = Arc::get_mut(&mut shared).expect("nobody else has it yet");
        for position in 0..entry.foreign_keys.len() {
            let target = self.find_target(&entry.foreign_keys[position].definition, entry);
            entry.foreign_keys[position].target = target;
        }
        if entry.definition.is_autoincrement() {
            let sequence = self.find_table_in(entry.definition.schema(), SEQUENCE_TABLE);
            entry.sequence = sequence.map(|sequence| sequence.id);
        }
        let waiting: Vec<_> = self.missing().collect();
        if self.entries.is_empty() {
            self.entries.reserve(FIRST_TABLES);
            self.links.reserve(FIRST_TABLES);
        }
        self.entries.push(None);
        self.replace(id, Some(shared), ids);
        self.resolve(&waiting);
        Ok(id)
    }

    /// Removes a table with its indexes and foreign keys. Foreign keys of other tables that
    /// reference it stay, without a target.
    pub fn drop_table(&mut self, id: TableId) {
        if self.find_by_id(id).is_none() {
            return;
        }
        let naming: Vec<_> = self.naming(id).collect();
        self.replace(id, None, self.ids);
        self.resolve(&naming);
    }

    /// Renames a table; every REFERENCES follows, unless only the table itself is to be renamed.
    ///
    /// # Errors
    /// [`Error::Schema`] if the new name is taken.
    pub fn rename_table(&mut self, id: TableId, name: &str, follows: bool) -> Result<(), Error> {
        let definition = &self.by_id(id).definition;
        let (old, schema) = (definition.name().to_owned(), definition.schema());
        if self.check_name_is_free(name, schema).is_err() {
            // Its own name in another case is taken as well, as in SQLite.
            return Err(SchemaError::Alter {
                action: format!("rename table \"{old}\" to \"{name}\""),
                message: format!("there is already another table or index with this name: {name}"),
                reason: format!("A table or index \"{name}\" exists already."),
                found: AlterCheck::Definition,
            }
            .into());
        }
        let naming: Vec<_> = self.naming(id).collect();
        if follows {
            self.rewrite_references(id, |key| key.references = name.into());
        }
        self.rewrite(id, |entry| {
            Arc::make_mut(&mut entry.definition).name = name.into();
            for index in &mut entry.indexes {
                if let IndexKind::Created(created) = &mut index.kind {
                    created.table = name.into();
                }
            }
            rename_foreign_keys(entry);
        });
        self.resolve_around(id);
        self.resolve(&naming);
        Ok(())
    }

    /// Renames a column; keys, checks, indexes and every REFERENCES follow.
    ///
    /// # Errors
    /// [`Error::Name`] if the column does not exist or the new name is taken.
    pub fn rename_column(
        &mut self,
        id: TableId,
        from: &str,
        to: &str,
        rewrite: &dyn Fn(&str) -> String,
    ) -> Result<(), Error> {
        let entry = self.by_id(id);
        let position = entry.position(from)?;
        if entry.definition.position(to).is_some_and(|other| other != position) {
            return Err(NameError::taken(NameKind::Column, to, Some(entry.name())));
        }
        self.rewrite_references(id, |key| rename(&mut key.referenced_columns, from, to));
        self.change(id, |entry, _| rename_own_column(entry, position, from, to, rewrite))?;
        self.resolve_around(id);
        Ok(())
    }

    /// Adds a column behind the others, with its checks and foreign keys.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken; [`Error::Schema`] for a PRIMARY KEY or UNIQUE column,
    /// which SQLite cannot add either.
    pub fn add_column(&mut self, id: TableId, column: Column) -> Result<(), Error> {
        self.change(id, |entry, ids| {
            if entry.definition.position(column.name()).is_some() {
                return Err(NameError::taken(NameKind::Column, column.name(), Some(entry.name())));
            }
            let name = column.name().to_owned();
            let (keys, foreign_keys) =
                (entry.definition.keys.len(), on_column_count(&entry.definition));
            entry.definition = Arc::new(Table::clone(&entry.definition).column(column));
            if entry.definition.keys.len() > keys {
                return Err(key_column_error(entry, &name));
            }
            entry.columns = column_entries(&entry.definition);
            entry.generated = bind_generated(&entry.definition)?;
            entry.checks = bind_checks(&entry.definition)?;
            for position in foreign_keys..on_column_count(&entry.definition) {
                let key = build_foreign_key(entry, position, ids)?;
                entry.foreign_keys.insert(position, key);
            }
            Ok(())
        })?;
        self.resolve_around(id);
        Ok(())
    }

    /// Removes a column and the foreign keys declared on it.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such column; [`Error::Schema`] if it is the last one, or a
    /// key, index, check or foreign key of the table still needs it.
    pub fn drop_column(&mut self, id: TableId, column: &str) -> Result<usize, Error> {
        let entry = self.by_id(id);
        let position = entry.position(column)?;
        check_column_is_unused(entry, position)?;
        self.change(id, |entry, _| drop_own_column(entry, position))?;
        self.resolve_around(id);
        Ok(position)
    }

    /// Calls the checks of a table, of no column of it, by these names, in their order.
    #[cfg(feature = "sql")]
    pub fn name_checks(&mut self, id: TableId, names: impl IntoIterator<Item = Option<Name>>) {
        self.rewrite(id, |entry| {
            let checks = Arc::make_mut(&mut entry.definition).checks.iter_mut();
            let of_table = checks.zip(&mut entry.checks).filter(|(it, _)| it.column.is_none());
            for ((check, bound), name) in of_table.zip(names) {
                check.name = name;
                bound.text = check.title();
            }
        });
    }

    /// Adds a secondary index.
    ///
    /// # Errors
    /// [`Error::Name`] if its name is taken, or its table or a column does not exist.
    pub fn create_index(&mut self, index: &Index) -> Result<(TableId, IndexId), Error> {
        let Some(table) = self.find_table(index.table()).map(|table| table.id) else {
            let names = self.tables().map(|table| table.name());
            return Err(NameError::missing(NameKind::Table, index.table(), Some("main"), names));
        };
        Ok((table, self.create_index_on(table, index)?))
    }

    /// The same on a table that is known, whatever the index says.
    ///
    /// # Errors
    /// As [`Catalog::create_index`].
    pub fn create_index_on(&mut self, table: TableId, index: &Index) -> Result<IndexId, Error> {
        self.check_name_is_free(index.name(), self.by_id(table).definition.schema())?;
        let id = self.change(table, |entry, ids| {
            let id = ids.index();
            let index = Index { table: entry.definition.name.clone(), ..index.clone() };
            entry.indexes.push(build_index(entry, &index, id)?);
            Ok(id)
        })?;
        self.resolve_around(table);
        Ok(id)
    }

    /// Removes a secondary index. Foreign keys that matched by it lose their target.
    ///
    /// # Errors
    /// [`Error::Name`] if there is none of this name. The index of a key cannot be dropped.
    pub fn drop_index(&mut self, name: &str) -> Result<TableId, Error> {
        let Some((table, index)) = self.find_index(name) else {
            let names: Vec<_> = self.index_names().collect();
            let names = names.iter().map(String::as_str);
            return Err(NameError::missing(NameKind::Index, name, None, names));
        };
        let (table, index) = (table.id, index.id);
        self.drop_index_of(table, index);
        Ok(table)
    }

    /// The same of a table that is known.
    pub fn drop_index_of(&mut self, table: TableId, index: IndexId) {
        self.rewrite(table, |entry| entry.indexes.retain(|other| other.id != index));
        self.resolve_around(table);
    }

    /// Tables and indexes of a schema share one space of names, as in SQLite.
    fn check_name_is_free(&self, name: &str, schema: SchemaId) -> Result<(), Error> {
        match self.named_in(schema, name) {
            None => Ok(()),
            Some(Named::Table(_)) => Err(NameError::taken(NameKind::Table, name, None)),
            Some(Named::Index(..)) => Err(NameError::taken(NameKind::Index, name, None)),
        }
    }

    /// Changes every foreign key, of any table, that references this one.
    fn rewrite_references(&mut self, table: TableId, change: impl Fn(&mut ForeignKey)) {
        let name = self.by_id(table).name().to_owned();
        let references = |key: &ForeignKey| is_same(&key.references, &name);
        let mut tables: Vec<_> =
            self.naming(table).filter_map(|key| Some(self.links.place(key)?.0)).collect();
        tables.sort_unstable();
        tables.dedup();
        for id in tables {
            self.rewrite(id, |entry| {
                let definitions = Arc::make_mut(&mut entry.definition).foreign_keys.iter_mut();
                let entries = entry.foreign_keys.iter_mut().map(|key| &mut key.definition);
                let keys = definitions.chain(entries).filter(|key| references(key));
                keys.for_each(|key| change(Arc::make_mut(key)));
            });
        }
    }
}

fn rename(names: &mut [Name], from: &str, to: &str) {
    names.iter_mut().filter(|name| is_same(name, from)).for_each(|name| *name = to.into());
}

fn rename_own_column(
    entry: &mut TableEntry,
    position: usize,
    from: &str,
    to: &str,
    rewrite: &dyn Fn(&str) -> String,
) -> Result<(), Error> {
    let definition = Arc::make_mut(&mut entry.definition);
    definition.columns[position].name = to.into();
    definition.keys.iter_mut().for_each(|key| key.rename_column(from, to));
    let keys = definition.foreign_keys.iter_mut().map(Arc::make_mut);
    keys.for_each(|key| rename(&mut key.columns, from, to));
    for column in &mut definition.columns {
        if let Some((expression, _)) = &mut column.generated {
            *expression = expression.rename_column(from, to);
        }
    }
    for check in &mut definition.checks {
        check.expression = check.expression.rename_column(from, to);
        check.text = check.text.as_ref().map(|text| rewrite(text).into());
        if check.column.as_ref().is_some_and(|column| is_same(column, from)) {
            check.column = Some(to.into());
        }
    }
    entry.checks = bind_checks(&entry.definition)?;
    entry.generated = bind_generated(&entry.definition)?;
    for index in &mut entry.indexes {
        if let IndexKind::Created(created) = &mut index.kind {
            created.columns.iter_mut().for_each(|column| column.rename_column(from, to));
            created.filter = created.filter.as_ref().map(|filter| filter.rename_column(from, to));
        }
    }
    rename_foreign_keys(entry);
    Ok(())
}

/// Why a column that is a key cannot be added; the definition has it already.
fn key_column_error(entry: &TableEntry, name: &str) -> Error {
    let is_primary = |key: &&KeyConstraint| key.primary;
    let primary: Vec<_> = entry.definition.keys.iter().filter(is_primary).collect();
    let is_this = primary.iter().any(|key| *key.columns == [name]);
    let word = if primary.len() > 1 || is_this { "PRIMARY KEY" } else { "UNIQUE" };
    SchemaError::Alter {
        action: format!("add column \"{name}\" to table \"{}\"", entry.name()),
        message: format!("Cannot add a {word} column"),
        reason: format!("A {word} column can only be declared when the table is created."),
        found: AlterCheck::Definition,
    }
    .into()
}

fn drop_own_column(entry: &mut TableEntry, position: usize) -> Result<(), Error> {
    let definition = Arc::make_mut(&mut entry.definition);
    let name = definition.columns.remove(position).name;
    let goes = |columns: &[Name]| columns.contains(&name);
    definition.foreign_keys.retain(|key| !goes(&key.columns));
    definition.checks.retain(|check| check.column.as_ref() != Some(&name));
    entry.foreign_keys.retain(|key| !goes(&key.definition.columns));
    entry.row_id_column = entry.definition.row_id_column();
    entry.key_columns = key_columns(&entry.definition);
    entry.columns = column_entries(&entry.definition);
    entry.generated = bind_generated(&entry.definition)?;
    entry.checks = bind_checks(&entry.definition)?;
    let shift = |column: &mut usize| *column -= usize::from(*column > position);
    entry.foreign_keys.iter_mut().flat_map(|key| &mut key.columns).for_each(shift);
    let mut indexes = std::mem::take(&mut entry.indexes);
    for index in &mut indexes {
        index.columns.iter_mut().for_each(|(column, _)| shift(column));
        if let IndexKind::Created(created) = &index.kind {
            let rebuilt = build_index(entry, created, index.id)?;
            (index.expressions, index.filter) = (rebuilt.expressions, rebuilt.filter);
        }
    }
    entry.indexes = indexes;
    Ok(())
}

/// Brings the entries of foreign keys in line with their definitions, whose names have changed.
fn rename_foreign_keys(entry: &mut TableEntry) {
    let keys = std::mem::take(&mut entry.foreign_keys);
    for (mut key, definition) in keys.into_iter().zip(entry.definition.foreign_keys.clone()) {
        key.name = foreign_key_name(entry, &definition);
        key.definition = definition;
        entry.foreign_keys.push(key);
    }
}

fn on_column_count(definition: &Table) -> usize {
    definition.foreign_keys.iter().filter(|key| key.on_column).count()
}

fn check_column_is_unused(entry: &TableEntry, position: usize) -> Result<(), Error> {
    let name = entry.column_name(position);
    let table = entry.name();
    let refuse = |found: AlterCheck, message: String, reason: String| {
        let action = format!("drop column \"{name}\" of table \"{table}\"");
        Err(SchemaError::Alter { action, message, reason, found }.into())
    };
    let after = |what: &str| format!("error in {what} after drop column: no such column: {name}");
    let is_this = |other: &Name| other.eq_ignore_ascii_case(name);
    let mut keys = entry.definition.keys.iter().filter(|key| key.columns.iter().any(is_this));
    let is_flagged = |key: &&KeyConstraint| key.primary || key.on_column;
    if let Some(key) = keys.clone().find(is_flagged) {
        let word = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
        let message = format!("cannot drop {word} column: \"{name}\"");
        return refuse(AlterCheck::Definition, message, format!("It is part of a {word}."));
    }
    if entry.columns.len() == 1 {
        let message = format!("cannot drop column \"{name}\": no other columns exist");
        return refuse(AlterCheck::Definition, message, "A table needs a column.".to_owned());
    }
    // What is declared first is told first.
    let references =
        |key: &ForeignKeyEntry| key.columns.contains(&position) && !key.definition.on_column;
    let reference = entry.foreign_keys.iter().position(references);
    let is_first = |key: &KeyConstraint| {
        let before = on_column_count(&entry.definition) + key.foreign_keys_before;
        reference.is_none_or(|reference| reference >= before)
    };
    if keys.next().is_some_and(is_first) {
        return refuse(
            AlterCheck::Outcome,
            after(&format!("table {table}")),
            "It is part of a UNIQUE.".to_owned(),
        );
    }
    if let Some(reference) = reference {
        let key = &entry.foreign_keys[reference].name;
        let message = format!(
            "error in table {table} after drop column: unknown column \"{name}\" in foreign key definition"
        );
        return refuse(AlterCheck::Outcome, message, format!("Foreign key \"{key}\" needs it."));
    }
    let mut generated = entry.generated.iter();
    if let Some((other, _)) = generated.find(|(_, bound)| bound.columns().contains(&position)) {
        return refuse(
            AlterCheck::Outcome,
            after(&format!("table {table}")),
            format!("Column \"{}\" is computed from it.", entry.column_name(*other)),
        );
    }
    for (check, entry) in entry.definition.checks.iter().zip(&entry.checks) {
        if entry.columns.contains(&position) && check.column.as_deref() != Some(name) {
            return refuse(
                AlterCheck::Outcome,
                after(&format!("table {table}")),
                format!("CHECK ({}) needs it.", entry.text),
            );
        }
    }
    for index in &entry.indexes {
        if index.reads(position) {
            let message = after(&format!("index {}", index.name));
            return refuse(
                AlterCheck::Outcome,
                message,
                format!("Index \"{}\" needs it.", index.name),
            );
        }
    }
    Ok(())
}
