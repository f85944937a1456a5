//! Changes of the catalogue: create, drop, rename, add and drop column, create and drop index.
//!
//! Each checks what definitions alone can show, changes the entries, and resolves every foreign key
//! anew. What the rows have to say (NOT NULL without a default, a unique index over duplicates) is
//! the caller's to check. On an error the catalogue may be half changed: callers work on a copy.

use super::constraint::{ForeignKey, Index, KeyConstraint};
use super::definition::{Column, Table};
use super::entry::{IndexKind, TableEntry};
use super::resolve::{
    Ids, bind_checks, build_entry, build_foreign_key, build_index, column_entries,
    foreign_key_name, key_columns,
};
use super::{Catalog, IndexId, TableId, fold};
use crate::error::{AlterCheck, Error, NameError, NameKind, SchemaError};
use std::sync::Arc;

impl Catalog {
    /// Adds a table. Its foreign keys may name tables that do not exist yet.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken or the definition names a column that it does not have;
    /// [`Error::Schema`] if the definition contradicts itself.
    pub fn create_table(&mut self, definition: Table) -> Result<TableId, Error> {
        self.check_name_is_free(definition.name())?;
        let id = TableId(self.entries.len() as u32);
        self.entries.push(None);
        let folded = fold(definition.name());
        let entry = build_entry(id, definition, self.ids())?;
        self.entries[id.0 as usize] = Some(Arc::new(entry));
        self.names.insert(folded, id);
        self.resolve();
        Ok(id)
    }

    /// Removes a table with its indexes and foreign keys. Foreign keys of other tables that
    /// reference it stay, without a target.
    pub fn drop_table(&mut self, id: TableId) {
        let Some(entry) = self.entries[id.0 as usize].take() else { return };
        self.names.shift_remove(&fold(entry.name()));
        self.index_names.retain(|_, table| *table != id);
        for key in &entry.foreign_keys {
            self.constraints[key.id.0 as usize] = None;
        }
        self.resolve();
    }

    /// Renames a table; every REFERENCES follows.
    ///
    /// # Errors
    /// [`Error::Schema`] if the new name is taken.
    pub fn rename_table(&mut self, id: TableId, name: &str) -> Result<(), Error> {
        let old = self.by_id(id).name().to_owned();
        if self.check_name_is_free(name).is_err() {
            // Its own name in another case is taken as well, as in SQLite.
            return Err(SchemaError::Alter {
                action: format!("rename table \"{old}\" to \"{name}\""),
                message: format!("there is already another table or index with this name: {name}"),
                reason: format!("A table or index \"{name}\" exists already."),
                found: AlterCheck::Definition,
            }
            .into());
        }
        let place = self.names.get_index_of(&fold(&old)).unwrap_or(self.names.len());
        self.names.shift_remove(&fold(&old));
        self.names.shift_insert(place, fold(name), id);
        self.rewrite_references(&old, |key| key.references = name.to_owned());
        let entry = self.entry_mut(id);
        entry.definition.name = name.to_owned();
        for index in &mut entry.indexes {
            if let IndexKind::Created(created) = &mut index.kind {
                created.table = name.to_owned();
            }
        }
        rename_foreign_keys(entry);
        self.resolve();
        Ok(())
    }

    /// Renames a column; keys, checks, indexes and every REFERENCES follow.
    ///
    /// # Errors
    /// [`Error::Name`] if the column does not exist or the new name is taken.
    pub fn rename_column(&mut self, id: TableId, from: &str, to: &str) -> Result<(), Error> {
        let entry = self.by_id(id);
        let position = entry.position(from)?;
        if entry.definition.position(to).is_some_and(|other| other != position) {
            return Err(NameError::taken(NameKind::Column, to, Some(entry.name())));
        }
        let table = entry.name().to_owned();
        let rename = |names: &mut Vec<String>| {
            for name in names.iter_mut().filter(|name| name.eq_ignore_ascii_case(from)) {
                *name = to.to_owned();
            }
        };
        self.rewrite_references(&table, |key| rename(&mut key.referenced_columns));
        let entry = self.entry_mut(id);
        let definition = &mut entry.definition;
        definition.columns[position].name = to.to_owned();
        definition.keys.iter_mut().for_each(|key| rename(&mut key.columns));
        definition.foreign_keys.iter_mut().for_each(|key| rename(&mut key.columns));
        for check in &mut definition.checks {
            check.expression = check.expression.rename_column(from, to);
            if check.column.as_ref().is_some_and(|column| column.eq_ignore_ascii_case(from)) {
                check.column = Some(to.to_owned());
            }
        }
        entry.checks = bind_checks(&entry.definition)?;
        for index in &mut entry.indexes {
            if let IndexKind::Created(created) = &mut index.kind {
                let same = created.columns.iter_mut().filter(|c| c.name.eq_ignore_ascii_case(from));
                same.for_each(|column| column.name = to.to_owned());
                created.filter =
                    created.filter.as_ref().map(|filter| filter.rename_column(from, to));
            }
        }
        rename_foreign_keys(entry);
        self.resolve();
        Ok(())
    }

    /// Adds a column behind the others, with its checks and foreign keys.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is taken; [`Error::Schema`] for a PRIMARY KEY or UNIQUE column,
    /// which SQLite cannot add either.
    pub fn add_column(&mut self, id: TableId, column: Column) -> Result<(), Error> {
        let mut ids = Ids { next_index: &mut self.next_index, constraints: &mut self.constraints };
        let entry = self.entries[id.0 as usize].as_mut().expect("a table in use is not dropped");
        let entry = Arc::make_mut(entry);
        entry.forget_names();
        if entry.definition.position(column.name()).is_some() {
            return Err(NameError::taken(NameKind::Column, column.name(), Some(entry.name())));
        }
        let name = column.name().to_owned();
        let (keys, foreign_keys) =
            (entry.definition.keys.len(), on_column_count(&entry.definition));
        entry.definition = entry.definition.clone().column(column);
        if entry.definition.keys.len() > keys {
            let word = if entry.definition.keys.iter().filter(|key| key.primary).count() > 1
                || entry
                    .definition
                    .keys
                    .iter()
                    .any(|key| key.primary && key.columns == [name.clone()])
            {
                "PRIMARY KEY"
            } else {
                "UNIQUE"
            };
            return Err(SchemaError::Alter {
                action: format!("add column \"{name}\" to table \"{}\"", entry.name()),
                message: format!("Cannot add a {word} column"),
                reason: format!("A {word} column can only be declared when the table is created."),
                found: AlterCheck::Definition,
            }
            .into());
        }
        entry.columns = column_entries(&entry.definition);
        entry.checks = bind_checks(&entry.definition)?;
        for position in foreign_keys..on_column_count(&entry.definition) {
            let key = build_foreign_key(entry, position, &mut ids)?;
            entry.foreign_keys.insert(position, key);
        }
        renumber(entry, &mut self.constraints);
        self.resolve();
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
        let entry = self.entry_mut(id);
        let name = entry.definition.columns.remove(position).name;
        let goes = |columns: &[String]| columns.contains(&name);
        entry.definition.foreign_keys.retain(|key| !goes(&key.columns));
        entry.definition.checks.retain(|check| check.column.as_ref() != Some(&name));
        let dropped: Vec<_> = entry
            .foreign_keys
            .iter()
            .filter(|key| goes(&key.definition.columns))
            .map(|key| key.id)
            .collect();
        entry.foreign_keys.retain(|key| !goes(&key.definition.columns));
        entry.row_id_column = entry.definition.row_id_column();
        entry.key_columns = key_columns(&entry.definition);
        entry.columns = column_entries(&entry.definition);
        entry.checks = bind_checks(&entry.definition)?;
        let shift = |column: &mut usize| *column -= usize::from(*column > position);
        entry.foreign_keys.iter_mut().flat_map(|key| &mut key.columns).for_each(shift);
        for index in &mut entry.indexes {
            index.columns.iter_mut().for_each(|(column, _)| shift(column));
            if let IndexKind::Created(created) = &index.kind {
                let rebuilt = created.clone();
                index.filter = build_index_filter(&entry.definition, &rebuilt)?;
            }
        }
        let entry = self.by_id(id).clone();
        dropped.into_iter().for_each(|id| self.constraints[id.0 as usize] = None);
        renumber(&entry, &mut self.constraints);
        self.resolve();
        Ok(position)
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
        self.check_name_is_free(index.name())?;
        let id = self.ids().index();
        let entry = build_index(self.by_id(table), index, id)?;
        self.entry_mut(table).indexes.push(entry);
        self.index_names.insert(fold(index.name()), table);
        self.resolve();
        Ok((table, id))
    }

    /// Removes a secondary index. Foreign keys that matched by it lose their target.
    ///
    /// # Errors
    /// [`Error::Name`] if there is none of this name. The index of a key cannot be dropped.
    pub fn drop_index(&mut self, name: &str) -> Result<TableId, Error> {
        let folded = fold(name);
        let Some(table) = self.index_names.shift_remove(&folded) else {
            return Err(NameError::missing(NameKind::Index, name, None, self.index_names()));
        };
        self.entry_mut(table).indexes.retain(|index| {
            !(matches!(index.kind, IndexKind::Created(_)) && fold(&index.name) == folded)
        });
        self.resolve();
        Ok(table)
    }

    /// Tables and indexes share one space of names, as in SQLite.
    fn check_name_is_free(&self, name: &str) -> Result<(), Error> {
        let folded = fold(name);
        if self.names.contains_key(&folded) {
            return Err(NameError::taken(NameKind::Table, name, None));
        }
        if self.index_names.contains_key(&folded) {
            return Err(NameError::taken(NameKind::Index, name, None));
        }
        Ok(())
    }

    fn ids(&mut self) -> Ids<'_> {
        Ids { next_index: &mut self.next_index, constraints: &mut self.constraints }
    }

    /// Changes every foreign key, of any table, that references the table of this name.
    fn rewrite_references(&mut self, table: &str, change: impl Fn(&mut ForeignKey)) {
        for id in self.names.values().copied().collect::<Vec<_>>() {
            let references = |key: &ForeignKey| key.references.eq_ignore_ascii_case(table);
            if !self.by_id(id).definition.foreign_keys.iter().any(references) {
                continue;
            }
            let entry = self.entry_mut(id);
            let definitions = entry.definition.foreign_keys.iter_mut();
            let entries = entry.foreign_keys.iter_mut().map(|key| &mut key.definition);
            definitions.chain(entries).filter(|key| references(key)).for_each(&change);
        }
    }
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

/// Notes where each foreign key now stands in its table.
fn renumber(entry: &TableEntry, constraints: &mut [Option<(TableId, usize)>]) {
    for (position, key) in entry.foreign_keys.iter().enumerate() {
        constraints[key.id.0 as usize] = Some((entry.id, position));
    }
}

fn on_column_count(definition: &Table) -> usize {
    definition.foreign_keys.iter().filter(|key| key.on_column).count()
}

fn build_index_filter(
    definition: &Table,
    index: &Index,
) -> Result<Option<crate::expression::Bound>, Error> {
    let bind = |filter: &crate::expression::Expression| {
        filter.bind(definition).map_err(|error| {
            let place = format!("WHERE of index \"{}\"", index.name());
            Error::from(SchemaError::Expression { place, reason: error.to_string() })
        })
    };
    index.filter.as_ref().map(bind).transpose()
}

fn check_column_is_unused(entry: &TableEntry, position: usize) -> Result<(), Error> {
    let name = entry.column_name(position);
    let table = entry.name();
    let refuse = |found: AlterCheck, message: String, reason: String| {
        let action = format!("drop column \"{name}\" of table \"{table}\"");
        Err(SchemaError::Alter { action, message, reason, found }.into())
    };
    let after = |what: &str| format!("error in {what} after drop column: no such column: {name}");
    let is_this = |other: &String| other.eq_ignore_ascii_case(name);
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
    if keys.next().is_some() {
        return refuse(
            AlterCheck::Outcome,
            after(&format!("table {table}")),
            "It is part of a UNIQUE.".to_owned(),
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
    for key in &entry.foreign_keys {
        if key.columns.contains(&position) && !key.definition.on_column {
            let message = format!(
                "error in table {table} after drop column: unknown column \"{name}\" in foreign key definition"
            );
            return refuse(
                AlterCheck::Outcome,
                message,
                format!("Foreign key \"{}\" needs it.", key.name),
            );
        }
    }
    for index in &entry.indexes {
        let read = index.filter.as_ref().is_some_and(|filter| filter.columns().contains(&position));
        if read || index.columns.iter().any(|&(column, _)| column == position) {
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
