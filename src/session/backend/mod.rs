//! The database that a session speaks to: a small trait, and what implements it.
//!
//! [`Memory`] is the engine of this crate. `Sqlite` (feature `sqlite`) sends the rendered text to a
//! real SQLite. A session never asks which one it has.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::Memory;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

use super::batch::Batch;
use super::error::DriverError;
use super::mapping::MappedTable;
use super::statement::Statement;
use crate::database::{ByConstraint, Enforcement};
use crate::value::Value;

/// What a statement returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The rows of a SELECT or of RETURNING.
    pub rows: Vec<Vec<Value>>,
    /// How many rows were changed.
    pub row_count: usize,
    /// The row id of the row inserted last.
    pub last_row_id: i64,
    /// For a statement in the program's own words: whether it is one that returns rows.
    pub returns_rows: bool,
    /// Rows that foreign keys have changed, where the database tells.
    pub by_constraint: Vec<ByConstraint>,
}

/// A connection to a database.
///
/// # Errors
/// Each call may fail, with the class that Python's driver gives the failure and the database's words.
pub trait Backend {
    /// Begins a transaction; none is open.
    fn begin(&mut self) -> Result<(), DriverError>;

    /// COMMIT, if a transaction is open. If it is refused, the transaction stays open.
    fn commit(&mut self) -> Result<(), DriverError>;

    /// ROLLBACK, if a transaction is open.
    fn rollback(&mut self) -> Result<(), DriverError>;

    /// Sends a statement with its parameters, in the order of the text.
    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Outcome, DriverError>;

    /// Sends a statement once for each row of parameters and adds up the rows changed. After a
    /// failure the rows before it stay changed, until the transaction is rolled back.
    fn execute_many(
        &mut self,
        statement: &Statement,
        batch: &Batch,
    ) -> Result<Outcome, DriverError> {
        let mut all = Outcome::default();
        for parameters in batch.rows() {
            let outcome = self.execute(statement, parameters)?;
            all.row_count += outcome.row_count;
            all.last_row_id = outcome.last_row_id;
            all.by_constraint.extend(outcome.by_constraint);
        }
        Ok(all)
    }

    /// Creates a table with its indexes.
    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError>;

    /// Whether foreign keys are enforced.
    fn enforcement(&self) -> Enforcement;

    /// Turns enforcement on or off; inside a transaction nothing changes.
    fn set_enforcement(&mut self, enforcement: Enforcement);
}
