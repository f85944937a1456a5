//! Tables and indexes as the SQL text that makes them.

use super::constraint::{
    ConstraintMode, ForeignKey, Index, IndexColumn, MatchType, ReferentialAction, Resolution,
};
use super::definition::{Column, Table};
use super::name::Name;
use crate::expression::quote_identifier;
use crate::id::SchemaId;
use crate::value::{Collation, Value};
use std::fmt;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let temporary = if self.schema == SchemaId::TEMP { "TEMP " } else { "" };
        write!(f, "CREATE {temporary}TABLE {} (", quote_identifier(&self.name))?;
        let mut separator = "\n  ";
        for column in &self.columns {
            f.write_str(separator)?;
            self.write_column(f, column)?;
            separator = ",\n  ";
        }
        for key in self.keys.iter().filter(|key| !key.on_column) {
            let word = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
            write!(f, "{separator}{word} (")?;
            match key.written.as_slice() {
                [] => List(&key.columns).fmt(f)?,
                written => write_index_columns(f, written)?,
            }
            f.write_str(if key.primary { self.autoincrement_word() } else { "" })?;
            f.write_str(")")?;
            write_on_conflict(f, key.resolution)?;
        }
        for check in self.checks.iter().filter(|check| check.column.is_none()) {
            f.write_str(separator)?;
            if let Some(name) = &check.name {
                write!(f, "CONSTRAINT {} ", quote_identifier(name))?;
            }
            write!(f, "CHECK ({})", check.expression)?;
        }
        for key in self.foreign_keys.iter().filter(|key| !key.on_column) {
            f.write_str(separator)?;
            write_constraint_name(f, key)?;
            write!(f, "FOREIGN KEY ({}) ", List(&key.columns))?;
            write_references(f, key)?;
        }
        f.write_str(match (self.without_row_id, self.strict) {
            (false, false) => "\n)",
            (true, false) => "\n) WITHOUT ROWID",
            (false, true) => "\n) STRICT",
            (true, true) => "\n) WITHOUT ROWID, STRICT",
        })
    }
}

impl Table {
    fn autoincrement_word(&self) -> &'static str {
        if self.is_autoincrement() { " AUTOINCREMENT" } else { "" }
    }

    /// One column with the constraints declared on it.
    pub(super) fn write_column(&self, f: &mut fmt::Formatter<'_>, column: &Column) -> fmt::Result {
        write!(f, "{}", quote_identifier(&column.name))?;
        let data_type = column.declared_type();
        if !data_type.is_empty() {
            write!(f, " {data_type}")?;
        }
        let on_this = |names: &[Name]| names == std::slice::from_ref(&column.name);
        for key in self.keys.iter().filter(|key| key.on_column && on_this(&key.columns)) {
            f.write_str(if key.primary { " PRIMARY KEY" } else { " UNIQUE" })?;
            f.write_str(if key.is_descending(0) { " DESC" } else { "" })?;
            write_on_conflict(f, key.resolution)?;
            f.write_str(if key.primary { self.autoincrement_word() } else { "" })?;
        }
        if column.not_null {
            f.write_str(" NOT NULL")?;
            write_on_conflict(f, column.not_null_resolution)?;
        }
        match &column.default {
            None => {}
            // A text with a NUL in it is no literal in SQL.
            Some(default) if default.as_literal().is_some_and(|value| !has_nul(value)) => {
                write!(f, " DEFAULT {default}")?;
            }
            Some(default) => write!(f, " DEFAULT ({default})")?,
        }
        if let Some((expression, is_stored)) = &column.generated {
            let word = if *is_stored { " STORED" } else { "" };
            write!(f, " AS ({expression}){word}")?;
        }
        if column.collation != Collation::Binary {
            write!(f, " COLLATE {}", column.collation)?;
        }
        for check in self.checks.iter().filter(|check| check.column.as_ref() == Some(&column.name))
        {
            write!(f, " CHECK ({})", check.expression)?;
        }
        for key in self.foreign_keys.iter().filter(|key| key.on_column && on_this(&key.columns)) {
            f.write_str(" ")?;
            write_constraint_name(f, key)?;
            write_references(f, key)?;
        }
        Ok(())
    }
}

fn write_on_conflict(f: &mut fmt::Formatter<'_>, resolution: Option<Resolution>) -> fmt::Result {
    resolution.map_or(Ok(()), |resolution| write!(f, " ON CONFLICT {resolution}"))
}

fn has_nul(value: &Value) -> bool {
    value.as_text().is_some_and(|text| text.contains('\0'))
}

fn write_constraint_name(f: &mut fmt::Formatter<'_>, key: &ForeignKey) -> fmt::Result {
    match &key.name {
        Some(name) => write!(f, "CONSTRAINT {} ", quote_identifier(name)),
        None => Ok(()),
    }
}

fn write_references(f: &mut fmt::Formatter<'_>, key: &ForeignKey) -> fmt::Result {
    write!(f, "REFERENCES {}", quote_identifier(&key.references))?;
    if !key.referenced_columns.is_empty() {
        write!(f, " ({})", List(&key.referenced_columns))?;
    }
    if key.on_delete != ReferentialAction::NoAction {
        write!(f, " ON DELETE {}", key.on_delete)?;
    }
    if key.on_update != ReferentialAction::NoAction {
        write!(f, " ON UPDATE {}", key.on_update)?;
    }
    match key.match_type {
        MatchType::Simple => {}
        MatchType::Full => f.write_str(" MATCH FULL")?,
        MatchType::Partial => f.write_str(" MATCH PARTIAL")?,
    }
    match key.mode {
        ConstraintMode::NotDeferrable => Ok(()),
        ConstraintMode::DeferrableInitiallyImmediate => f.write_str(" DEFERRABLE"),
        ConstraintMode::DeferrableInitiallyDeferred => {
            f.write_str(" DEFERRABLE INITIALLY DEFERRED")
        }
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let (name, table) = (quote_identifier(&self.name), quote_identifier(&self.table));
        write!(f, "CREATE {unique}INDEX {name} ON {table} (")?;
        write_index_columns(f, &self.columns)?;
        f.write_str(")")?;
        match &self.filter {
            Some(filter) => write!(f, " WHERE {filter}"),
            None => Ok(()),
        }
    }
}

/// `a COLLATE NOCASE, b DESC`.
fn write_index_columns(f: &mut fmt::Formatter<'_>, columns: &[IndexColumn]) -> fmt::Result {
    for (position, column) in columns.iter().enumerate() {
        let separator = if position > 0 { ", " } else { "" };
        match &column.expression {
            Some(expression) => write!(f, "{separator}{expression}")?,
            None => write!(f, "{separator}{}", quote_identifier(&column.name))?,
        }
        if let Some(collation) = column.collation {
            write!(f, " COLLATE {collation}")?;
        }
        if column.descending {
            f.write_str(" DESC")?;
        }
    }
    Ok(())
}

/// `a, b`, each quoted where it must be.
struct List<'a>(&'a [Name]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.iter().enumerate() {
            let separator = if position > 0 { ", " } else { "" };
            write!(f, "{separator}{}", quote_identifier(name))?;
        }
        Ok(())
    }
}
