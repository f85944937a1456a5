//! What a transaction has of the connection: BEGIN or SAVEPOINT is sent when the first statement is.

use super::{Origin, Phase, TransactionId};
use crate::session::Session;
use crate::session::backend::Outcome;
use crate::session::batch::Batch;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::statement::Statement;
use crate::value::Value;
use std::sync::Arc;

/// A transaction's hold on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The connection's transaction.
    Root,
    /// A savepoint, by its place among those of the connection.
    Savepoint(usize),
}

/// The connection as one root transaction has it, from BEGIN on.
#[derive(Debug, Default)]
pub(super) struct CoreConnection {
    /// Whether the transaction is open; a refused COMMIT leaves one that is not. `None` after it
    /// was committed or rolled back.
    root: Option<bool>,
    savepoints: Vec<SavepointState>,
    /// The innermost savepoint.
    current: Option<usize>,
}

#[derive(Debug)]
struct SavepointState {
    is_active: bool,
    previous: Option<usize>,
}

fn savepoint_name(at: usize) -> String {
    format!("sa_savepoint_{}", at + 1)
}

fn invalid_transaction(of: &str) -> Error {
    Error::new(
        ErrorClass::PendingRollbackError,
        format!(
            "Can't reconnect until invalid {of}transaction is rolled back.  Please rollback() \
             fully before proceeding"
        ),
    )
}

impl CoreConnection {
    fn savepoint_is_active(&self, at: usize) -> bool {
        self.savepoints[at].is_active
    }

    /// Ends all savepoints without a word, as the transaction around them ends.
    fn cancel_savepoints(&mut self) {
        while let Some(at) = self.current {
            self.savepoints[at].is_active = false;
            self.current = self.savepoints[at].previous;
        }
    }

    fn leave(&mut self, at: usize) {
        if self.current == Some(at) {
            self.current = self.savepoints[at].previous;
        }
    }

    /// Whether a statement can be sent.
    fn check(&self) -> Result<()> {
        let savepoint_ended = self.current.is_some_and(|at| !self.savepoint_is_active(at));
        if self.root == Some(false) || savepoint_ended {
            let of = if self.current.is_some() { "savepoint " } else { "" };
            return Err(invalid_transaction(of));
        }
        Ok(())
    }
}

impl Session<'_> {
    /// Makes sure that the transaction has begun on the connection, savepoints and all.
    ///
    /// # Errors
    /// `PendingRollbackError` after a failed flush; what BEGIN or SAVEPOINT raises.
    pub(in crate::session) fn connect(&mut self) -> Result<()> {
        let current = self.autobegin();
        let mut missing = Vec::new();
        let mut at = Some(current);
        while let Some(id) = at {
            self.require(id, &[Phase::Active])?;
            let transaction = self.transactions.get(id);
            if transaction.link.is_some() {
                break;
            }
            if transaction.origin != Origin::Subtransaction {
                missing.push(id);
            }
            at = transaction.parent;
        }
        missing.into_iter().rev().try_for_each(|id| self.begin_link(id))
    }

    fn begin_link(&mut self, id: TransactionId) -> Result<()> {
        if self.transactions.get(id).origin == Origin::Begin {
            if let Err(error) = self.connection.begin() {
                self.reset_connection();
                return Err(error);
            }
            let core = CoreConnection { root: Some(true), ..CoreConnection::default() };
            self.transactions.core = Some(core);
            self.transactions.get_mut(id).link = Some(Link::Root);
            return Ok(());
        }
        let at = self.core().savepoints.len();
        self.send(Statement::Savepoint(savepoint_name(at)), vec![])?;
        let core = self.core();
        let previous = core.current.replace(at);
        core.savepoints.push(SavepointState { is_active: true, previous });
        self.transactions.get_mut(id).link = Some(Link::Savepoint(at));
        Ok(())
    }

    fn core(&mut self) -> &mut CoreConnection {
        self.transactions.core.get_or_insert_default()
    }

    /// Sends a statement in the current transaction.
    ///
    /// # Errors
    /// As [`Session::connect`]; what the database raises.
    pub(in crate::session) fn execute(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        parameters: Vec<Value>,
    ) -> Result<Outcome> {
        self.connect()?;
        self.send(statement, parameters)
    }

    /// Sends a statement for each row of parameters, in one call.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub(in crate::session) fn execute_many(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        batch: Batch,
    ) -> Result<Outcome> {
        self.connect()?;
        self.core().check()?;
        let outcome = self.connection.execute_many(statement, batch);
        self.linger_after(outcome)
    }

    /// Has the driver refuse a statement some of whose parameters, by row and position, have no value.
    ///
    /// # Errors
    /// `ProgrammingError`; as [`Session::execute`].
    pub(in crate::session) fn refuse_unset(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        batch: Batch,
        unset: Vec<(usize, usize)>,
    ) -> Result<()> {
        self.connect()?;
        self.core().check()?;
        let refusal = self.connection.refuse_unset(statement, batch, unset);
        self.linger_after(Err(refusal))
    }

    fn linger_after<T>(&mut self, done: Result<T>) -> Result<T> {
        if done.is_err() {
            self.linger();
        }
        done
    }

    fn send(
        &mut self,
        statement: impl Into<Arc<Statement>>,
        parameters: Vec<Value>,
    ) -> Result<Outcome> {
        self.core().check()?;
        let outcome = self.connection.execute(statement, parameters);
        self.linger_after(outcome)
    }

    pub(super) fn commit_link(&mut self, id: TransactionId) -> Result<()> {
        match self.transactions.get(id).link {
            None => Ok(()),
            Some(Link::Root) => self.commit_root(),
            Some(Link::Savepoint(at)) => self.release(at),
        }
    }

    fn commit_root(&mut self) -> Result<()> {
        if self.core().root == Some(false) {
            return Err(invalid_transaction(""));
        }
        let committed = self.connection.commit();
        let committed = self.linger_after(committed);
        let core = self.core();
        core.cancel_savepoints();
        core.root = if committed.is_ok() { None } else { Some(false) };
        committed.map(drop)
    }

    fn release(&mut self, at: usize) -> Result<()> {
        if !self.core().savepoint_is_active(at) {
            if self.core().current == Some(at) {
                return Err(invalid_transaction("savepoint "));
            }
            let message = "This nested transaction is inactive";
            return Err(Error::new(ErrorClass::InvalidRequestError, message));
        }
        let released = self.send(Statement::Release(savepoint_name(at)), vec![]);
        let core = self.core();
        core.savepoints[at].is_active = false;
        released?;
        self.core().leave(at);
        Ok(())
    }

    pub(super) fn rollback_link(&mut self, id: TransactionId) -> Result<()> {
        match self.transactions.get(id).link {
            None => Ok(()),
            Some(Link::Root) => self.rollback_root(),
            Some(Link::Savepoint(at)) => self.rollback_to(at),
        }
    }

    fn rollback_root(&mut self) -> Result<()> {
        let rolled_back = match self.core().root {
            Some(true) => self.connection.rollback().map(drop),
            Some(false) | None => Ok(()),
        };
        let core = self.core();
        core.cancel_savepoints();
        core.root = None;
        rolled_back
    }

    fn rollback_to(&mut self, at: usize) -> Result<()> {
        let core = self.core();
        let is_open = core.savepoint_is_active(at) && core.root == Some(true);
        let rolled_back = match is_open {
            true => self.send(Statement::RollbackTo(savepoint_name(at)), vec![]).map(drop),
            false => Ok(()),
        };
        let core = self.core();
        core.savepoints[at].is_active = false;
        core.leave(at);
        rolled_back
    }

    /// Ends a transaction's hold on the connection: what is open is rolled back.
    pub(super) fn close_link(&mut self, id: TransactionId) -> Result<()> {
        let link = self.transactions.get(id).link;
        match link {
            None => Ok(()),
            Some(Link::Savepoint(at)) if self.core().savepoint_is_active(at) => {
                self.rollback_to(at)
            }
            Some(Link::Savepoint(_)) => Ok(()),
            Some(Link::Root) => {
                let closed = match self.core().root {
                    Some(true) => self.rollback_root(),
                    Some(false) | None => Ok(()),
                };
                self.give_back();
                closed
            }
        }
    }

    /// Gives the connection back, which is rolled back once more in silence; unless a refused COMMIT
    /// still hangs on it, of which the connection thinks that somebody took care.
    fn give_back(&mut self) {
        if self.core().root.is_none() {
            self.reset_connection();
        }
        self.transactions.core = None;
    }

    /// What the connection does when a statement fails on it while no transaction is open.
    pub(in crate::session) fn roll_back_idle_connection(&mut self) {
        let is_open = self.transactions.core.as_ref().is_some_and(|core| core.root.is_some());
        if !is_open {
            // There is nothing that could refuse.
            let _ = self.connection.rollback();
        }
    }

    fn reset_connection(&mut self) {
        // There may be nothing to roll back, which is as good.
        let _ = self.connection.backend().rollback();
    }
}
