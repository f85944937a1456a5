//! What dangles now, whoever made it so: SQLite's `PRAGMA foreign_key_check`.

use super::Database;
#[cfg(feature = "sql")]
use super::{View, rows_where};
use crate::catalog::{ForeignKeyEntry, TableEntry, Target};
use crate::error::{Result, RowName};
use crate::id::RowId;
use crate::referential::{is_referenced_key_there, referencing_key};
use crate::storage::{RowRef, Store};
use crate::value::Value;
use std::fmt;

/// How many rows a check names.
pub const CHECK_ROWS_MAX: usize = 10;

/// A row whose key finds no referenced row.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DanglingRow {
    /// The foreign key.
    pub constraint: String,
    /// The referencing table.
    pub table: String,
    /// Its row id.
    pub row_id: RowId,
    /// The row, by primary key or row id.
    pub row: RowName,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// Their values: one per column.
    pub key: Vec<Value>,
    /// The referenced table.
    pub referenced: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CheckReport {
    /// How many keys dangle in all. A row counts once for each foreign key.
    pub total: usize,
    /// The first of them, at most [`CHECK_ROWS_MAX`]: table by table in the order of creation,
    /// constraint by constraint, row by row.
    pub first: Vec<DanglingRow>,
}

impl Database {
    /// Looks at every row of every table for keys that find nothing, whether enforcement is on or
    /// off, inside a transaction too. Rows that reference a table that does not exist dangle.
    ///
    /// # Cost
    /// **O(n log n)** for n rows in tables with foreign keys.
    ///
    /// # Errors
    /// [`crate::Error::Schema`] for a foreign key that does not match its referenced table.
    pub fn check(&self) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        for table in self.catalog().tables() {
            for key in &table.foreign_keys {
                self.check_key(table, key, &mut report)?;
            }
        }
        Ok(report)
    }

    fn check_key(
        &self,
        table: &TableEntry,
        key: &ForeignKeyEntry,
        report: &mut CheckReport,
    ) -> Result<()> {
        if matches!(key.target, Target::Mismatch { .. })
            && let Some(error) = self.catalog().target_error(key)
        {
            return Err(error.into());
        }
        for row in self.store.rows(table.id) {
            if !dangles(&self.store, key, row) {
                continue;
            }
            report.total += 1;
            if report.first.len() < CHECK_ROWS_MAX {
                report.first.push(DanglingRow {
                    constraint: key.name.to_string(),
                    table: table.name().to_owned(),
                    row_id: row.row_id(),
                    row: table.row_name(row.row_id(), Some(&row.to_vec())),
                    columns: table.column_names(&key.columns),
                    key: key.columns.iter().map(|&position| row.value(position)).collect(),
                    referenced: key.definition.references().to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Every row of a table, by row id, that dangles, with the position of the foreign key; row by row,
/// and for each row the constraint declared last first.
///
/// # Errors
/// [`crate::Error::Schema`] for a foreign key that does not match its referenced table.
#[cfg(feature = "sql")]
pub(crate) fn dangling_rows(view: &View<'_>, table: &TableEntry) -> Result<Vec<(RowId, usize)>> {
    let mismatch = |key: &&ForeignKeyEntry| matches!(key.target, Target::Mismatch { .. });
    let mismatched = table.foreign_keys.iter().rev().find(mismatch);
    if let Some(error) = mismatched.and_then(|key| view.catalog().target_error(key)) {
        return Err(error.into());
    }
    let mut found = Vec::new();
    let rows = rows_where(view, table, None).into_iter();
    for row in rows.filter_map(|row_id| view.store.row(table.id, row_id)) {
        for (position, key) in table.foreign_keys.iter().enumerate().rev() {
            if dangles(view.store, key, row) {
                found.push((row.row_id(), position));
            }
        }
    }
    Ok(found)
}

fn dangles(store: &Store, key: &ForeignKeyEntry, row: RowRef<'_>) -> bool {
    match key.resolved() {
        Some(to) => referencing_key(key, to, row)
            .is_some_and(|wanted| !is_referenced_key_there(store, key, &wanted)),
        None => key.columns.iter().all(|&position| !row.get(position).is_null()),
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return f.write_str("nothing dangles");
        }
        write!(f, "{} key{}", self.total, if self.total == 1 { " dangles" } else { "s dangle" })?;
        for DanglingRow { constraint, table, row, columns, key, referenced, .. } in &self.first {
            let name = RowName { columns: columns.clone(), values: key.iter().cloned().collect() };
            write!(f, "\n{constraint}: \"{table}\" {row} has {name}, not in \"{referenced}\"")?;
        }
        let rest = self.total - self.first.len();
        if rest > 0 {
            write!(f, "\n… and {rest} more")?;
        }
        Ok(())
    }
}
