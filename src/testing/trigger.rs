//! Programs as values: what generated databases attach to their tables, written as SQL triggers.

use crate::catalog::TableEntry;
use crate::database::{Activation, Database, Program, Step, Timing, View};
use crate::error::{Event, Result};
use crate::expression::quote_identifier;
use crate::id::RowId;
use crate::value::Value;
use std::fmt;
use std::sync::Arc;

/// A program of at most one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The table.
    pub table: String,
    /// What it waits for.
    pub event: Event,
    /// Before or after.
    pub timing: Timing,
    /// What it does.
    pub body: Body,
}

/// What a trigger does. A table or column that is not there any more makes it do nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing.
    Nothing,
    /// Deletes rows.
    Delete(Where),
    /// Sets a column of rows to a value.
    Update {
        /// Which rows.
        rows: Where,
        /// The column.
        column: String,
        /// Its value.
        value: Value,
    },
    /// RAISE(IGNORE).
    Ignore,
    /// RAISE(ABORT).
    Abort,
}

/// Rows of a table that have a value in a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Where {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The value: this one, or that of a column of the row that the trigger was started for.
    pub value: Wanted,
}

/// A value, given or of the old row.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// This value.
    Value(Value),
    /// The old row's value in the column of this name.
    Old(String),
}

impl Trigger {
    /// Attaches it.
    ///
    /// # Errors
    /// Whatever the database says.
    pub fn attach(&self, db: &mut Database) -> Result<()> {
        let trigger = Arc::new(self.clone());
        let start = move |activation: &Activation| -> Box<dyn Program> {
            let (trigger, activation) = (trigger.clone(), activation.clone());
            Box::new(Running { trigger, activation, is_done: false })
        };
        db.attach_program(&self.name, &self.table, self.event, self.timing, Arc::new(start))
    }
}

struct Running {
    trigger: Arc<Trigger>,
    activation: Activation,
    is_done: bool,
}

impl Program for Running {
    fn step(&mut self, view: &View<'_>) -> Step {
        if std::mem::replace(&mut self.is_done, true) {
            return Step::Done;
        }
        match &self.trigger.body {
            Body::Nothing => None,
            Body::Ignore => Some(Step::Ignore),
            Body::Abort => Some(Step::Abort("the trigger says so".to_owned())),
            Body::Delete(rows) => self.rows(rows, view).map(|(table, rows)| {
                let table = table.id;
                Step::Delete { table, rows }
            }),
            Body::Update { rows, column, value } => {
                self.rows(rows, view).and_then(|(table, rows)| {
                    let assignments = vec![(table.position(column).ok()?, value.clone())];
                    Some(Step::Update { table: table.id, rows, assignments })
                })
            }
        }
        .unwrap_or(Step::Done)
    }
}

impl Running {
    fn rows<'a>(&self, rows: &Where, view: &'a View<'_>) -> Option<(&'a TableEntry, Vec<RowId>)> {
        let table = view.table(&rows.table).ok()?;
        let at = table.position(&rows.column).ok()?;
        let wanted = match &rows.value {
            Wanted::Value(value) => value.clone(),
            Wanted::Old(column) => {
                let old = view.table(&self.trigger.table).ok()?.position(column).ok()?;
                self.activation.old.as_ref()?.1.get(old)?.clone()
            }
        };
        let found = view.rows(table.id).into_iter().filter(|(_, row)| row[at] == wanted);
        Some((table, found.map(|(row_id, _)| row_id).collect()))
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timing = match self.timing {
            Timing::Before => "BEFORE",
            Timing::After => "AFTER",
            Timing::InsteadOf => "INSTEAD OF",
        };
        let event = match self.event {
            Event::Insert => "INSERT",
            Event::Update => "UPDATE",
            Event::Delete | Event::Commit => "DELETE",
        };
        let table = quote_identifier(&self.table);
        write!(f, "CREATE TRIGGER {} {timing} {event} ON {table} BEGIN ", self.name)?;
        match &self.body {
            Body::Nothing => f.write_str("SELECT 1")?,
            Body::Ignore => f.write_str("SELECT RAISE(IGNORE)")?,
            Body::Abort => f.write_str("SELECT RAISE(ABORT, 'the trigger says so')")?,
            Body::Delete(rows) => {
                write!(f, "DELETE FROM {} {rows}", quote_identifier(&rows.table))?
            }
            Body::Update { rows, column, value } => {
                let (table, column) = (quote_identifier(&rows.table), quote_identifier(column));
                write!(f, "UPDATE {table} SET {column} = {value} {rows}")?;
            }
        }
        f.write_str("; END")
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WHERE {} IS ", quote_identifier(&self.column))?;
        match &self.value {
            Wanted::Value(value) => value.fmt(f),
            Wanted::Old(column) => write!(f, "OLD.{}", quote_identifier(column)),
        }
    }
}
