//! One operation on a database, as a value: what properties, fuzzing and scripts have in common.

use crate::catalog::{Catalog, Column, Index, Table};
use crate::database::{Control, Database, Enforcement, Statement};
use crate::error::Result;
use crate::expression::quote_identifier;

/// One operation. It can be carried out, and written as the SQL that does the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// CREATE TABLE.
    CreateTable(Table),
    /// DROP TABLE.
    DropTable(String),
    /// ALTER TABLE … RENAME TO.
    RenameTable {
        /// The table.
        table: String,
        /// Its new name.
        to: String,
    },
    /// ALTER TABLE … RENAME COLUMN.
    RenameColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its new name.
        to: String,
    },
    /// ALTER TABLE … ADD COLUMN.
    AddColumn {
        /// The table.
        table: String,
        /// The column.
        column: Column,
    },
    /// ALTER TABLE … DROP COLUMN.
    DropColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// CREATE INDEX.
    CreateIndex(Index),
    /// DROP INDEX.
    DropIndex(String),
    /// INSERT, UPDATE or DELETE.
    Statement(Statement),
    /// BEGIN, COMMIT and the like.
    Control(Control),
    /// `PRAGMA foreign_keys`.
    SetEnforcement(Enforcement),
    /// `PRAGMA defer_foreign_keys`.
    SetDeferAll(bool),
}

/// How many rows a statement that went through has changed; none for what is no statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Rows the statement itself changed.
    pub direct: usize,
    /// Rows changed in all.
    pub total: usize,
}

impl Operation {
    /// Carries the operation out.
    ///
    /// # Errors
    /// Whatever the database says.
    pub fn apply(&self, db: &mut Database) -> Result<Effect> {
        let mut effect = Effect::default();
        match self {
            Operation::CreateTable(table) => db.create_table(table.clone())?,
            Operation::DropTable(table) => db.drop_table(table)?,
            Operation::RenameTable { table, to } => db.rename_table(table, to)?,
            Operation::RenameColumn { table, column, to } => db.rename_column(table, column, to)?,
            Operation::AddColumn { table, column } => db.add_column(table, column.clone())?,
            Operation::DropColumn { table, column } => db.drop_column(table, column)?,
            Operation::CreateIndex(index) => db.create_index(index.clone())?,
            Operation::DropIndex(index) => db.drop_index(index)?,
            Operation::Statement(statement) => {
                let done = db.run(statement.clone())?;
                effect = Effect { direct: done.direct, total: done.total() };
            }
            Operation::Control(control) => db.control(control)?,
            Operation::SetEnforcement(enforcement) => {
                let _ = db.set_enforcement(*enforcement);
            }
            Operation::SetDeferAll(defers_all) => db.set_defer_all(*defers_all)?,
        }
        Ok(effect)
    }

    /// The operation as SQLite's SQL. The catalogue is the one before the operation: it knows the
    /// columns of a primary key.
    pub fn to_sql(&self, catalog: &Catalog) -> String {
        let alter = |table: &str| format!("ALTER TABLE {}", quote_identifier(table));
        match self {
            Operation::CreateTable(table) => table.to_string(),
            Operation::DropTable(table) => format!("DROP TABLE {}", quote_identifier(table)),
            Operation::RenameTable { table, to } => {
                format!("{} RENAME TO {}", alter(table), quote_identifier(to))
            }
            Operation::RenameColumn { table, column, to } => {
                let (column, to) = (quote_identifier(column), quote_identifier(to));
                format!("{} RENAME COLUMN {column} TO {to}", alter(table))
            }
            Operation::AddColumn { table, column } => {
                let alone = Table::new("t").column(column.clone()).to_string();
                let definition = alone.strip_prefix("CREATE TABLE t (\n  ").unwrap_or(&alone);
                let definition = definition.strip_suffix("\n)").unwrap_or(definition);
                format!("{} ADD COLUMN {definition}", alter(table))
            }
            Operation::DropColumn { table, column } => {
                format!("{} DROP COLUMN {}", alter(table), quote_identifier(column))
            }
            Operation::CreateIndex(index) => index.to_string(),
            Operation::DropIndex(index) => format!("DROP INDEX {}", quote_identifier(index)),
            Operation::Statement(statement) => statement.to_sql(catalog),
            Operation::Control(control) => control.to_string(),
            Operation::SetEnforcement(Enforcement::On) => "PRAGMA foreign_keys = ON".to_owned(),
            Operation::SetEnforcement(Enforcement::Off) => "PRAGMA foreign_keys = OFF".to_owned(),
            Operation::SetDeferAll(true) => "PRAGMA defer_foreign_keys = ON".to_owned(),
            Operation::SetDeferAll(false) => "PRAGMA defer_foreign_keys = OFF".to_owned(),
        }
    }
}
