//! A backend whose every event is written down, and whose refusals are the session's errors.

use super::backend::{Backend, Outcome};
use super::batch::Batch;
use super::error::{DriverClass, DriverError, Error, Result};
use super::statement::Statement;
use super::trace::{Event, Parameters, Trace};
use crate::value::Value;
use std::sync::Arc;

/// A backend and its trace.
pub struct Connection<'a> {
    backend: Box<dyn Backend + 'a>,
    trace: Trace,
}

impl<'a> Connection<'a> {
    /// A connection on which nothing has happened yet.
    pub fn new(backend: Box<dyn Backend + 'a>) -> Self {
        Connection { backend, trace: Trace::default() }
    }

    /// The database itself. What is done to it directly is not traced.
    pub fn backend(&mut self) -> &mut (dyn Backend + 'a) {
        &mut *self.backend
    }

    /// What has happened.
    pub fn trace(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<()> {
        self.trace.push(Event::Begin);
        // The reference's hook sends BEGIN by itself, so what goes wrong there is not wrapped.
        self.backend.begin().map_err(|error| Error::new(error.class.wrapped(), error.message))
    }

    /// Commits. If it is refused, the transaction stays open.
    pub fn commit(&mut self) -> Result<()> {
        self.trace.push(Event::Commit);
        self.backend.commit().map_err(|error| Error::from_driver(&error, None))
    }

    /// Rolls back.
    pub fn rollback(&mut self) -> Result<()> {
        self.trace.push(Event::Rollback);
        self.backend.rollback().map_err(|error| Error::from_driver(&error, None))
    }

    /// Sends a statement with its parameters.
    pub fn execute(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        parameters: Vec<Value>,
    ) -> Result<Outcome> {
        let statement = statement.into();
        let result = self.backend.execute(&statement, &parameters);
        self.note(&statement, Parameters::One(parameters));
        result.map_err(|error| failed(&error, &statement))
    }

    /// Sends a statement once for each row of parameters, as one event.
    pub fn execute_many(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        batch: Batch,
    ) -> Result<Outcome> {
        let statement = statement.into();
        let result = self.backend.execute_many(&statement, &batch);
        self.note(&statement, Parameters::Many(batch));
        result.map_err(|error| failed(&error, &statement))
    }

    /// What comes of sending a statement some of whose parameters have no value, `unset`, by row and
    /// position: the reference's driver does not know what it is given there, and refuses.
    pub fn refuse_unset(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        batch: Batch,
        unset: Vec<(usize, usize)>,
    ) -> Error {
        let statement = statement.into();
        let position = unset.first().map_or(0, |(_, position)| *position);
        let message = format!(
            "Error binding parameter {}: type 'LoaderCallableStatus' is not supported",
            position + 1
        );
        self.note(&statement, Parameters::Unset { batch, unset });
        failed(&DriverError { class: DriverClass::ProgrammingError, message }, &statement)
    }

    fn note(&mut self, statement: &Arc<Statement>, parameters: Parameters) {
        self.trace.push(Event::Sql { statement: statement.clone(), parameters });
    }
}

fn failed(error: &DriverError, statement: &Statement) -> Error {
    Error::from_driver(error, Some(statement.render()))
}
