//! The engine as a session's database, with SQL for the statements that a scenario words itself.

use crate::database::Enforcement;
use crate::id::RowId;
use crate::session::DriverError;
use crate::session::backend::{Backend, Memory, Outcome};
use crate::session::mapping::MappedTable;
use crate::session::statement::{Statement, Text};
use crate::sql::Connection;
use crate::value::Value;

/// A database of this crate, borrowed, that takes typed statements and SQL.
#[derive(Debug)]
pub(super) struct Engine<'a> {
    connection: &'a mut Connection,
}

impl<'a> Engine<'a> {
    pub(super) fn over(connection: &'a mut Connection) -> Self {
        Engine { connection }
    }

    fn memory(&mut self) -> Memory<'_> {
        Memory::new(self.connection.database_mut())
    }

    fn text(&mut self, text: &Text, parameters: &[Value]) -> Result<Outcome, DriverError> {
        let outcome = self.connection.query(&text.sql, parameters);
        let outcome = outcome.map_err(|error| self.memory().refusal(&error))?;
        let RowId(last_row_id) = self.connection.database().last_insert_row_id();
        let done = outcome.done.unwrap_or_default();
        Ok(Outcome {
            returns_rows: !outcome.columns.is_empty(),
            rows: outcome.rows,
            row_count: done.direct,
            last_row_id,
            by_constraint: done.by_constraint,
        })
    }
}

impl Backend for Engine<'_> {
    fn begin(&mut self) -> Result<(), DriverError> {
        self.memory().begin()
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        self.memory().commit()
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        self.memory().rollback()
    }

    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Outcome, DriverError> {
        match statement {
            Statement::Text(text) => self.text(text, parameters),
            typed => self.memory().execute(typed, parameters),
        }
    }

    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError> {
        self.memory().create_table(table)
    }

    fn enforcement(&self) -> Enforcement {
        self.connection.database().enforcement()
    }

    fn set_enforcement(&mut self, enforcement: Enforcement) {
        self.memory().set_enforcement(enforcement);
    }
}
