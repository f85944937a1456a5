//! A real SQLite, which is sent the rendered text.

use super::{Backend, Outcome};
use crate::database::Enforcement;
use crate::error::SqliteError;
use crate::session::error::{DriverClass, DriverError};
use crate::session::mapping::MappedTable;
use crate::session::statement::Statement;
use crate::value::Value;
use rusqlite::ErrorCode;

/// A connection to SQLite.
#[derive(Debug)]
pub struct Sqlite {
    connection: rusqlite::Connection,
}

impl Sqlite {
    /// A database in memory.
    ///
    /// # Errors
    /// What SQLite says if it cannot open one.
    pub fn in_memory(enforcement: Enforcement) -> Result<Sqlite, DriverError> {
        let connection = rusqlite::Connection::open_in_memory().map_err(driver_error)?;
        let mut sqlite = Sqlite { connection };
        sqlite.set_enforcement(enforcement);
        Ok(sqlite)
    }

    fn run(&self, sql: &str) -> Result<(), DriverError> {
        self.connection.execute_batch(sql).map_err(driver_error)
    }
}

impl Backend for Sqlite {
    fn begin(&mut self) -> Result<(), DriverError> {
        self.run("BEGIN")
    }

    /// Nothing, as Python's driver does, if no transaction is open.
    fn commit(&mut self) -> Result<(), DriverError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.run("COMMIT")
    }

    /// Nothing, if SQLite has rolled back by itself.
    fn rollback(&mut self) -> Result<(), DriverError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.run("ROLLBACK")
    }

    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Outcome, DriverError> {
        let text = statement.render();
        let mut prepared = self.connection.prepare(&text).map_err(driver_error)?;
        for (at, value) in parameters.iter().enumerate() {
            prepared.raw_bind_parameter(at + 1, value).map_err(driver_error)?;
        }
        let columns = prepared.column_count();
        let mut outcome = Outcome::default();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(driver_error)? {
            let values = (0..columns).map(|at| row.get(at));
            outcome.rows.push(values.collect::<Result<_, _>>().map_err(driver_error)?);
        }
        drop(rows);
        drop(prepared);
        outcome.returns_rows = columns > 0;
        outcome.row_count = self.connection.changes() as usize;
        outcome.last_row_id = self.connection.last_insert_rowid();
        Ok(outcome)
    }

    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError> {
        self.run(&table.create_text())?;
        table.index_texts().iter().try_for_each(|text| self.run(text))
    }

    fn enforcement(&self) -> Enforcement {
        let on = self.connection.pragma_query_value(None, "foreign_keys", |row| row.get(0));
        if on.unwrap_or(false) { Enforcement::On } else { Enforcement::Off }
    }

    fn set_enforcement(&mut self, enforcement: Enforcement) {
        // SQLite ignores it inside a transaction, and has nothing else to refuse.
        let _ = self.connection.pragma_update(None, "foreign_keys", enforcement == Enforcement::On);
    }
}

/// The class that Python's driver gives the same failure.
fn driver_error(error: rusqlite::Error) -> DriverError {
    let class = match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            DriverClass::IntegrityError
        }
        _ => DriverClass::OperationalError,
    };
    DriverError { class, message: SqliteError::from(error).message }
}
