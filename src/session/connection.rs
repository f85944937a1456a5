//! A backend whose every event is written down, and whose refusals are the session's errors.

use super::backend::{Backend, Outcome};
use super::error::{DriverError, Error, Result};
use super::statement::Statement;
use super::trace::{Event, Parameters, Trace};
use crate::value::Value;
use std::sync::Arc;

/// A backend and its trace.
#[derive(Debug)]
pub struct Connection<B> {
    backend: B,
    trace: Trace,
    /// How many savepoints were named so far.
    savepoints: u32,
}

impl<B: Backend> Connection<B> {
    /// A connection on which nothing has happened yet.
    pub fn new(backend: B) -> Self {
        Connection { backend, trace: Trace::default(), savepoints: 0 }
    }

    /// The database itself. What is done to it directly is not traced.
    pub fn backend(&mut self) -> &mut B {
        &mut self.backend
    }

    /// What has happened.
    pub fn trace(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<()> {
        self.trace.push(Event::Begin);
        self.backend.begin().map_err(|error| Error::from_driver(&error, None))
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

    /// A name for a savepoint, never used before on this connection.
    pub fn next_savepoint(&mut self) -> String {
        self.savepoints += 1;
        format!("sa_savepoint_{}", self.savepoints)
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
        rows: Vec<Vec<Value>>,
    ) -> Result<Outcome> {
        let statement = statement.into();
        let result = self.backend.execute_many(&statement, &rows);
        self.note(&statement, Parameters::Many(rows));
        result.map_err(|error| failed(&error, &statement))
    }

    fn note(&mut self, statement: &Arc<Statement>, parameters: Parameters) {
        self.trace.push(Event::Sql { statement: statement.clone(), parameters });
    }
}

fn failed(error: &DriverError, statement: &Statement) -> Error {
    Error::from_driver(error, Some(statement.render()))
}
