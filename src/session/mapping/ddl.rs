//! The tables of a mapping in the two forms in which they are created: SQLAlchemy's text, and the
//! engine's definitions.

use super::definition::{ColumnType, ForeignKeyDefinition, Initially};
use super::mapper::{MappedColumn, MappedTable};
use super::{Mapping, TableIndex};
use crate::catalog::{Column, ConstraintMode, ForeignKey, Index, Name, ReferentialAction, Table};
use crate::session::backend::Backend;
use crate::session::error::DriverError;
use crate::session::quote::quote;
use crate::value::DataType;
use std::fmt::Write;

impl ColumnType {
    /// Its name in a CREATE TABLE.
    pub fn text(self) -> String {
        match self {
            ColumnType::Integer => "INTEGER".to_owned(),
            ColumnType::BigInteger => "BIGINT".to_owned(),
            ColumnType::Varchar(None) => "VARCHAR".to_owned(),
            ColumnType::Varchar(Some(length)) => format!("VARCHAR({length})"),
            ColumnType::Text => "TEXT".to_owned(),
            ColumnType::Float => "FLOAT".to_owned(),
            ColumnType::Boolean => "BOOLEAN".to_owned(),
            ColumnType::Blob => "BLOB".to_owned(),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            ColumnType::Integer => DataType::Integer,
            // Numeric affinity, as BIGINT has; as the only key column it is not the row id.
            ColumnType::BigInteger => DataType::Boolean,
            ColumnType::Varchar(_) | ColumnType::Text => DataType::Text,
            ColumnType::Float => DataType::Real,
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Blob => DataType::Blob,
        }
    }
}

impl MappedTable {
    /// CREATE TABLE, as SQLAlchemy writes it.
    pub fn create_text(&self) -> String {
        let mut parts: Vec<String> = self.columns.iter().map(column_text).collect();
        if !self.primary_key.is_empty() {
            let keys = self.primary_key.iter().map(|&at| &self.column(at).name);
            parts.push(format!("PRIMARY KEY ({})", list(keys)));
        }
        parts.extend(self.foreign_keys.iter().map(foreign_key_text));
        parts.extend(self.uniques.iter().map(|names| format!("UNIQUE ({})", list(names))));
        let unique = self.columns.iter().filter(|column| column.unique && !column.index);
        parts.extend(unique.map(|column| format!("UNIQUE ({})", quote(&column.name))));
        format!("\nCREATE TABLE {} (\n\t{}\n)\n\n", quote(&self.name), parts.join(", \n\t"))
    }

    /// The CREATE INDEX statements that follow it, sorted by text.
    pub fn index_texts(&self) -> Vec<String> {
        let indexed = self.columns.iter().filter(|column| column.index);
        let mut texts: Vec<String> = indexed
            .map(|column| {
                let unique = if column.unique { "UNIQUE " } else { "" };
                let index = self.index_name(column);
                let (table, column) = (quote(&self.name), quote(&column.name));
                format!("CREATE {unique}INDEX {} ON {table} ({column})", quote(&index))
            })
            .collect();
        texts.sort();
        texts
    }

    fn index_name(&self, column: &MappedColumn) -> String {
        format!("ix_{}_{}", self.name, column.name)
    }

    /// The same table as a definition of the engine.
    pub fn definition(&self) -> Table {
        let columns = self.columns.iter().map(|column| {
            let mut definition = Column::new(column.name.clone(), column.column_type.data_type());
            if !column.nullable {
                definition = definition.not_null();
            }
            if let Some(default) = &column.server_default {
                definition = definition.default(default.meaning.clone());
            }
            definition
        });
        let mut table = columns.fold(Table::new(self.name.clone()), Table::column);
        if !self.primary_key.is_empty() {
            table =
                table.primary_key(self.primary_key.iter().map(|&at| self.column(at).name.clone()));
        }
        table = self.uniques.iter().fold(table, |table, names| table.unique(names.iter().cloned()));
        let unique = self.columns.iter().filter(|column| column.unique && !column.index);
        table = unique.fold(table, |table, column| table.unique([column.name.clone()]));
        let keys = self.foreign_keys.iter().map(foreign_key_definition);
        keys.fold(table, Table::foreign_key)
    }

    /// Its indexes as definitions of the engine, in the order of [`index_texts`](Self::index_texts).
    pub fn index_definitions(&self) -> Vec<Index> {
        let mut indexed: Vec<&MappedColumn> =
            self.columns.iter().filter(|column| column.index).collect();
        indexed.sort_by_key(|column| (!column.unique, self.index_name(column)));
        let definition = |column: &MappedColumn| {
            let index = Index::new(self.index_name(column), self.name.clone(), [&*column.name]);
            if column.unique { index.unique() } else { index }
        };
        indexed.into_iter().map(definition).collect()
    }
}

impl Mapping {
    /// Creates every table of the mapping, with its indexes, referenced ones first.
    ///
    /// # Errors
    /// What the database refuses; the tables before it are there.
    pub fn create_all(&self, backend: &mut dyn Backend) -> Result<(), DriverError> {
        let order = self.creation_order().into_iter();
        order.map(|table| &self[table]).try_for_each(|table| backend.create_table(table))
    }

    /// The tables in the order in which they are created: referenced ones first, else as declared.
    /// Where they reference each other in a circle, their foreign keys do not count.
    pub fn creation_order(&self) -> Vec<TableIndex> {
        let declared: Vec<TableIndex> = (0..self.tables.len()).map(TableIndex).collect();
        let circular = self.circular(&declared);
        let waits = |table: TableIndex, others: &[TableIndex]| {
            !circular.contains(&table)
                && self.referenced(table).any(|referenced| others.contains(&referenced))
        };
        let mut left = declared;
        let mut order = Vec::new();
        while !left.is_empty() {
            let (next, rest): (Vec<_>, Vec<_>) =
                left.iter().partition(|&&table| !waits(table, &left));
            order.extend(next);
            left = rest;
        }
        order
    }

    /// The tables that can be reached from themselves.
    fn circular(&self, tables: &[TableIndex]) -> Vec<TableIndex> {
        let reaches_itself = |start: TableIndex| {
            let mut seen: Vec<TableIndex> = self.referenced(start).collect();
            let mut at = 0;
            while at < seen.len() {
                let next: Vec<TableIndex> =
                    self.referenced(seen[at]).filter(|table| !seen.contains(table)).collect();
                seen.extend(next);
                at += 1;
            }
            seen.contains(&start)
        };
        tables.iter().copied().filter(|&table| reaches_itself(table)).collect()
    }

    /// The other tables that a table references.
    fn referenced(&self, table: TableIndex) -> impl Iterator<Item = TableIndex> + '_ {
        let keys = self[table].foreign_keys.iter();
        let tables = keys
            .filter_map(|key| self.tables.iter().position(|candidate| candidate.name == key.table));
        tables.map(TableIndex).filter(move |referenced| *referenced != table)
    }

    /// What `metadata.create_all()` sends.
    pub fn create_texts(&self) -> Vec<String> {
        let order = self.creation_order();
        let tables = order.into_iter().map(|table| &self[table]);
        tables
            .flat_map(|table| std::iter::once(table.create_text()).chain(table.index_texts()))
            .collect()
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| quote(name)).collect();
    quoted.join(", ")
}

fn column_text(column: &MappedColumn) -> String {
    let mut text = format!("{} {}", quote(&column.name), column.column_type.text());
    if let Some(default) = &column.server_default {
        let default = &default.text;
        let is_quoted = default.trim_start().starts_with(['\'', '"', '(']);
        let has_other = default.chars().any(|it| !it.is_alphanumeric() && it != '_');
        let (open, close) = if !is_quoted && has_other { ("(", ")") } else { ("", "") };
        let _ = write!(text, " DEFAULT {open}{default}{close}");
    }
    if !column.nullable {
        text.push_str(" NOT NULL");
    }
    text
}

fn foreign_key_text(key: &ForeignKeyDefinition) -> String {
    let mut text = format!(
        "FOREIGN KEY({}) REFERENCES {} ({})",
        list(&key.columns),
        quote(&key.table),
        list(&key.referenced)
    );
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if let Some(action) = action {
            let _ = write!(text, " ON {event} {}", action_text(action));
        }
    }
    match key.deferrable {
        Some(true) => text.push_str(" DEFERRABLE"),
        Some(false) => text.push_str(" NOT DEFERRABLE"),
        None => {}
    }
    match key.initially {
        Some(Initially::Deferred) => text.push_str(" INITIALLY DEFERRED"),
        Some(Initially::Immediate) => text.push_str(" INITIALLY IMMEDIATE"),
        None => {}
    }
    text
}

fn action_text(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::SetDefault => "SET DEFAULT",
    }
}

fn foreign_key_definition(key: &ForeignKeyDefinition) -> ForeignKey {
    let mut definition = ForeignKey::new(
        key.columns.iter().cloned(),
        key.table.clone(),
        key.referenced.iter().cloned(),
    );
    if let Some(action) = key.on_delete {
        definition = definition.on_delete(action);
    }
    if let Some(action) = key.on_update {
        definition = definition.on_update(action);
    }
    // SQLite defers what is both deferrable and initially deferred, and checks the rest at once.
    if key.is_deferred() {
        definition = definition.mode(ConstraintMode::DeferrableInitiallyDeferred);
    }
    definition
}
