//! The engine of this crate as a session's database: statements are lowered to its own, no text is
//! made or read. A statement in the program's own words is refused: session and SQL are siblings, and
//! whoever has both can put a backend over both (as `cli::scenario` does).

mod select;
mod write;

use super::{Backend, Outcome};
use crate::database::{Control, Database, Enforcement};
use crate::error::{Error, InputError};
use crate::expression::{Expression, col, lit};
use crate::session::batch::Batch;
use crate::session::error::{DriverClass, DriverError};
use crate::session::mapping::MappedTable;
use crate::session::statement::{Condition, Operand, Statement};
use crate::value::Value;

/// A database of this crate, borrowed.
#[derive(Debug)]
pub struct Memory<'a> {
    db: &'a mut Database,
}

impl<'a> Memory<'a> {
    /// A connection to a database; the only one as long as it lives.
    pub fn new(db: &'a mut Database) -> Self {
        Memory { db }
    }

    /// The database.
    pub fn database(&mut self) -> &mut Database {
        self.db
    }

    /// Carries a statement out for each row of parameters. What does not read or write rows is none of
    /// its business.
    fn run<'p>(
        &mut self,
        statement: &Statement,
        rows: impl Iterator<Item = &'p [Value]>,
    ) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        match statement {
            Statement::Insert(insert) => {
                let insert = self.prepare_insert(insert)?;
                self.insert(&insert, rows, &mut outcome)?;
            }
            Statement::Update(update) => {
                let update = self.prepare_update(update)?;
                for row in rows {
                    self.update(&update, row, &mut outcome)?;
                }
            }
            Statement::Delete(delete) => {
                let target = self.target(&delete.table, &delete.filter)?;
                for row in rows {
                    self.delete(delete, &target, row, &mut outcome)?;
                }
            }
            Statement::Select(select) => {
                for row in rows {
                    outcome = self.select(select, row)?;
                }
            }
            Statement::Savepoint(_)
            | Statement::Release(_)
            | Statement::RollbackTo(_)
            | Statement::Text(_) => {}
        }
        outcome.last_row_id = self.db.last_insert_row_id().0;
        Ok(outcome)
    }

    fn control(&mut self, control: &Control) -> Result<Outcome, DriverError> {
        self.db.control(control).map_err(|error| self.refusal(&error))?;
        Ok(Outcome::default())
    }

    /// What SQLite's driver would say.
    pub fn refusal(&self, error: &Error) -> DriverError {
        let class = match error {
            Error::Violation(_) | Error::Aborted(_) => DriverClass::IntegrityError,
            Error::Input(input) if matches!(**input, InputError::NotAnInteger { .. }) => {
                DriverClass::IntegrityError
            }
            _ => DriverClass::OperationalError,
        };
        DriverError { class, message: self.db.dialect().error_message(error) }
    }
}

fn operational(message: String) -> DriverError {
    DriverError { class: DriverClass::OperationalError, message }
}

/// A condition on one table, with its parameters in place.
fn lower<'v>(
    condition: &Condition,
    parameters: &mut impl Iterator<Item = &'v Value>,
) -> Expression {
    let mut operand = |operand: &Operand| match operand {
        Operand::Column(column) => col(&*column.name),
        Operand::Parameter => lit(parameters.next().cloned().unwrap_or_default()),
    };
    match condition {
        Condition::Equal(left, right) => {
            let left = operand(left);
            left.eq(operand(right))
        }
        Condition::IsNull(of) => operand(of).is_null(),
        Condition::In { columns, keys } => select::lower_in(columns, *keys, parameters),
    }
}

impl Backend for Memory<'_> {
    fn begin(&mut self) -> Result<(), DriverError> {
        self.control(&Control::Begin).map(drop)
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        if !self.db.is_in_transaction() {
            return Ok(());
        }
        self.control(&Control::Commit).map(drop)
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        if !self.db.is_in_transaction() {
            return Ok(());
        }
        self.control(&Control::Rollback).map(drop)
    }

    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Outcome, DriverError> {
        match statement {
            Statement::Savepoint(name) => self.control(&Control::Savepoint(name.clone())),
            Statement::Release(name) => self.control(&Control::Release(name.clone())),
            Statement::RollbackTo(name) => self.control(&Control::RollbackTo(name.clone())),
            Statement::Text(_) => Err(operational("no SQL is read by this backend".to_owned())),
            statement => {
                let outcome = self.run(statement, std::iter::once(parameters));
                outcome.map_err(|error| self.refusal(&error))
            }
        }
    }

    fn execute_many(
        &mut self,
        statement: &Statement,
        batch: &Batch,
    ) -> Result<Outcome, DriverError> {
        let outcome = self.run(statement, batch.rows());
        outcome.map_err(|error| self.refusal(&error))
    }

    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError> {
        let created = self.db.create_table(table.definition());
        created.map_err(|error| self.refusal(&error))?;
        for index in table.index_definitions() {
            self.db.create_index(index).map_err(|error| self.refusal(&error))?;
        }
        Ok(())
    }

    fn enforcement(&self) -> Enforcement {
        self.db.enforcement()
    }

    fn set_enforcement(&mut self, enforcement: Enforcement) {
        // Inside a transaction the switch is ignored, which the trait promises no more than to do.
        let _ = self.db.set_enforcement(enforcement);
    }
}
