//! The session's transactions: begun when first needed, nested as savepoints, and undone with the
//! states of the objects.
//!
//! Transactions form a chain. The *root* holds the connection's transaction, a *nested* one a
//! savepoint, and a flush runs in a *subtransaction* that has neither: if it fails, it takes the
//! transaction around it down, which then waits for `rollback()`. The connection hears of a
//! transaction only when a statement is to be sent (`link`). Root and nested ones remember what
//! happened to objects (`snapshot`), so that a rollback can put them back.

mod link;
mod snapshot;

use super::Session;
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use link::{CoreConnection, Link};
use snapshot::Snapshot;

/// How often a commit flushes before it gives up.
const FLUSHES_MAX: usize = 100;

/// Names a transaction of a session, also after it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(usize);

/// What a transaction may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Active,
    /// Flushed and about to be committed, which the database may refuse.
    Prepared,
    Committed,
    /// Rolled back by a failure; it waits for the program to say so, too.
    Deactive,
    Closed,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Active => "active",
            Phase::Prepared => "prepared",
            Phase::Committed => "committed",
            Phase::Deactive => "deactive",
            Phase::Closed => "closed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Begin,
    Nested,
    Subtransaction,
}

#[derive(Debug)]
struct Transaction {
    origin: Origin,
    parent: Option<TransactionId>,
    phase: Phase,
    /// What it has of the connection, once a statement was sent.
    link: Option<Link>,
    snapshot: Snapshot,
    /// The savepoint that was the innermost before.
    previous_nested: Option<TransactionId>,
    /// Why it was rolled back.
    failure: Option<Error>,
}

/// All transactions of a session, and the one that is current.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    all: Vec<Transaction>,
    current: Option<TransactionId>,
    nested: Option<TransactionId>,
    core: Option<CoreConnection>,
}

impl Transactions {
    fn get(&self, id: TransactionId) -> &Transaction {
        &self.all[id.0]
    }

    fn get_mut(&mut self, id: TransactionId) -> &mut Transaction {
        &mut self.all[id.0]
    }

    /// The transaction whose snapshot counts: the nearest that is no subtransaction.
    fn boundary(&self, mut id: TransactionId) -> TransactionId {
        while let (Origin::Subtransaction, Some(parent)) =
            (self.get(id).origin, self.get(id).parent)
        {
            id = parent;
        }
        id
    }

    fn snapshot_mut(&mut self) -> Option<&mut Snapshot> {
        let boundary = self.boundary(self.current?);
        Some(&mut self.get_mut(boundary).snapshot)
    }

    /// Forgets what happened in a transaction that is over. That it was there is remembered of those
    /// that a program may still ask for: savepoints.
    fn forget(&mut self, id: TransactionId) {
        let transaction = self.get_mut(id);
        transaction.phase = Phase::Closed;
        transaction.snapshot = Snapshot::default();
        let is_nested = transaction.origin == Origin::Nested;
        if !is_nested && id.0 + 1 == self.all.len() {
            self.all.pop();
        }
    }

    /// Forgets that an object was deleted in the current transaction.
    pub(super) fn forget_deleted(&mut self, object: ObjectId) {
        if let Some(snapshot) = self.snapshot_mut() {
            snapshot.deleted.remove(&object);
        }
    }

    /// The transaction and those around it, up to and with `last`; all of them if it is `None`.
    fn chain(
        &self,
        from: TransactionId,
        last: Option<TransactionId>,
    ) -> Result<Vec<TransactionId>> {
        let mut chain = vec![from];
        let mut at = from;
        while Some(self.get(at).parent) != Some(last) {
            let Some(parent) = self.get(at).parent else {
                return Err(Error::new(
                    ErrorClass::InvalidRequestError,
                    "Transaction <sqlalchemy.orm.session.SessionTransaction object at 0x?> is not \
                     on the active transaction list",
                ));
            };
            chain.push(parent);
            at = parent;
        }
        Ok(chain)
    }

    /// Adds to the text of the failure that the program is about to be told of.
    pub(super) fn amend_failure(&mut self, before: &Error, after: &Error) {
        if let Some(current) = self.current
            && self.get(current).failure.as_ref() == Some(before)
        {
            self.get_mut(current).failure = Some(after.clone());
        }
    }
}

impl Session<'_> {
    /// Whether a transaction has begun, for the session at least.
    pub fn in_transaction(&self) -> bool {
        self.transactions.current.is_some()
    }

    /// Whether a savepoint is open.
    pub fn in_nested_transaction(&self) -> bool {
        self.transactions.nested.is_some()
    }

    /// Whether statements can be sent: no flush has failed since the last `rollback()`.
    pub fn is_active(&self) -> bool {
        let current = self.transactions.current;
        current.is_none_or(|id| self.transactions.get(id).phase == Phase::Active)
    }

    /// Begins a transaction unless there is one.
    pub(super) fn autobegin(&mut self) -> TransactionId {
        match self.transactions.current {
            Some(current) => current,
            None => self.push_transaction(Origin::Begin, None),
        }
    }

    fn push_transaction(&mut self, origin: Origin, parent: Option<TransactionId>) -> TransactionId {
        let id = TransactionId(self.transactions.all.len());
        self.transactions.all.push(Transaction {
            origin,
            parent,
            phase: Phase::Active,
            link: None,
            snapshot: Snapshot::default(),
            previous_nested: self.transactions.nested,
            failure: None,
        });
        self.transactions.current = Some(id);
        id
    }

    /// Begins a savepoint, after a flush.
    ///
    /// # Errors
    /// What the flush raises; and `PendingRollbackError` after a failure.
    pub fn begin_nested(&mut self) -> Result<TransactionId> {
        let parent = self.autobegin();
        self.require(parent, &[Phase::Active])?;
        if !self.is_flushing {
            self.flush()?;
        }
        let id = self.push_transaction(Origin::Nested, Some(parent));
        self.transactions.nested = Some(id);
        Ok(id)
    }

    /// Begins the subtransaction of a flush.
    pub(super) fn begin_subtransaction(&mut self) -> Result<TransactionId> {
        let parent = self.autobegin();
        self.require(parent, &[Phase::Active])?;
        Ok(self.push_transaction(Origin::Subtransaction, Some(parent)))
    }

    /// Refuses what a transaction in this phase cannot do.
    fn require(&self, id: TransactionId, phases: &[Phase]) -> Result<()> {
        let transaction = self.transactions.get(id);
        if phases.contains(&transaction.phase) {
            return Ok(());
        }
        Err(match (transaction.phase, &transaction.failure) {
            (Phase::Deactive, Some(failure)) => Error::new(
                ErrorClass::PendingRollbackError,
                format!(
                    "This Session's transaction has been rolled back due to a previous exception \
                     during flush. To begin a new transaction with this Session, first issue \
                     Session.rollback(). Original exception was: {}",
                    failure.message
                ),
            ),
            (Phase::Deactive, None) => Error::new(
                ErrorClass::InvalidRequestError,
                "This session is in 'inactive' state, due to the SQL transaction being rolled \
                 back; no further SQL can be emitted within this transaction.",
            ),
            (Phase::Closed, _) => {
                Error::new(ErrorClass::ResourceClosedError, "This transaction is closed")
            }
            (phase, _) => Error::new(
                ErrorClass::InvalidRequestError,
                format!(
                    "This session is in '{}' state; no further SQL can be emitted within this \
                     transaction.",
                    phase.name()
                ),
            ),
        })
    }

    /// Flushes and commits, savepoints and all.
    ///
    /// # Errors
    /// What the flush or the database's COMMIT raises. If COMMIT is refused the transaction stays,
    /// to be rolled back.
    pub fn commit(&mut self) -> Result<()> {
        let mut at = Some(self.autobegin());
        while let Some(id) = at {
            at = self.transactions.get(id).parent;
            self.commit_transaction(id)?;
        }
        Ok(())
    }

    /// Commits a savepoint and those within it.
    ///
    /// # Errors
    /// `ResourceClosedError` if it is over; and as [`Session::commit`].
    pub fn commit_nested(&mut self, savepoint: TransactionId) -> Result<()> {
        self.commit_transaction(savepoint)
    }

    /// Commits a transaction, after those that are still open within it, innermost first.
    pub(super) fn commit_transaction(&mut self, id: TransactionId) -> Result<()> {
        self.require(id, &[Phase::Active, Phase::Prepared])?;
        if self.transactions.get(id).phase == Phase::Active {
            if let Some(current) = self.transactions.current.filter(|&current| current != id) {
                for inner in self.transactions.chain(current, Some(id))? {
                    self.commit_one(inner)?;
                }
            }
            self.prepare(id)?;
        }
        self.finish_commit(id)
    }

    /// Commits the current transaction, which has none within it.
    fn commit_one(&mut self, id: TransactionId) -> Result<()> {
        self.require(id, &[Phase::Active, Phase::Prepared])?;
        if self.transactions.get(id).phase == Phase::Active {
            self.prepare(id)?;
        }
        self.finish_commit(id)
    }

    fn prepare(&mut self, id: TransactionId) -> Result<()> {
        if !self.is_flushing {
            self.flush_all()?;
        }
        self.transactions.get_mut(id).phase = Phase::Prepared;
        Ok(())
    }

    /// Flushes until there is nothing left: a flush may give up a deletion, and leave the object to
    /// the next one.
    fn flush_all(&mut self) -> Result<()> {
        for _ in 0..FLUSHES_MAX {
            if self.is_clean() {
                return Ok(());
            }
            self.flush()?;
        }
        Err(Error::new(
            ErrorClass::FlushError,
            "Over 100 subsequent flushes have occurred within session.commit() - is an \
             after_flush() hook creating new objects?",
        ))
    }

    fn finish_commit(&mut self, id: TransactionId) -> Result<()> {
        if self.transactions.get(id).origin != Origin::Subtransaction {
            self.commit_link(id)?;
            self.transactions.get_mut(id).phase = Phase::Committed;
            self.remove_snapshot(id);
        }
        self.close_transaction(id)
    }

    /// Rolls everything back, savepoints and all. Objects are put back to where they stood.
    ///
    /// # Errors
    /// What the database's ROLLBACK raises.
    pub fn rollback(&mut self) -> Result<()> {
        let mut at = self.transactions.current;
        while let Some(id) = at {
            at = self.transactions.get(id).parent;
            self.rollback_transaction(id, None)?;
        }
        Ok(())
    }

    /// Rolls back to a savepoint and ends it.
    ///
    /// # Errors
    /// `ResourceClosedError` if it is over.
    pub fn rollback_nested(&mut self, savepoint: TransactionId) -> Result<()> {
        self.rollback_transaction(savepoint, None)
    }

    /// Rolls a transaction back. A subtransaction takes the transaction around it along, which is
    /// told of the `failure`.
    pub(super) fn rollback_transaction(
        &mut self,
        id: TransactionId,
        failure: Option<&Error>,
    ) -> Result<()> {
        self.require(id, &[Phase::Active, Phase::Deactive, Phase::Prepared])?;
        if let Some(current) = self.transactions.current.filter(|&current| current != id) {
            for inner in self.transactions.chain(current, Some(id))? {
                self.close_transaction(inner)?;
            }
        }
        let mut boundary = id;
        let mut refused = Ok(());
        if matches!(self.transactions.get(id).phase, Phase::Active | Phase::Prepared) {
            boundary = self.transactions.boundary(id);
            for deactivated in
                self.transactions.chain(id, self.transactions.get(boundary).parent)?
            {
                self.transactions.get_mut(deactivated).phase = Phase::Deactive;
            }
            refused = self.rollback_link(boundary);
            self.restore_snapshot(boundary)?;
        }
        if refused.is_ok() && !self.is_clean() {
            self.warn(
                "Session's state has been changed on a non-active transaction - this state will be \
                 discarded.",
            );
            self.restore_snapshot(boundary)?;
        }
        let parent = self.transactions.get(id).parent;
        self.close_transaction(id)?;
        if let (Some(parent), Some(failure)) = (parent, failure) {
            self.transactions.get_mut(parent).failure = Some(failure.clone());
            self.linger();
        }
        refused
    }

    fn close_transaction(&mut self, id: TransactionId) -> Result<()> {
        let transaction = self.transactions.get(id);
        let (origin, parent) = (transaction.origin, transaction.parent);
        if origin == Origin::Nested {
            self.transactions.nested = transaction.previous_nested;
        }
        self.transactions.current = parent;
        let closed = self.close_link(id);
        self.transactions.forget(id);
        closed
    }

    /// Ends all transactions; what was not committed is rolled back.
    pub(super) fn close_transactions(&mut self) -> Result<()> {
        let Some(current) = self.transactions.current else { return Ok(()) };
        for id in self.transactions.chain(current, None)? {
            self.close_transaction(id)?;
        }
        Ok(())
    }
}
