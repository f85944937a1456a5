//! Transactions and savepoints: as guard values, and as control statements for those who read them
//! from a script.

use super::{Database, FailedCommit, Moment};
use crate::error::{Error, NameError, NameKind, Result, TransactionError};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// The open transaction of a database.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    /// Whether BEGIN opened it. One opened by a savepoint ends when that savepoint is released.
    is_explicit: bool,
    /// Whether a failed statement lets nothing but a rollback follow.
    pub(super) is_aborted: bool,
    savepoints: Vec<Named>,
}

#[derive(Clone, Debug)]
struct Named {
    name: String,
    moment: Moment,
}

/// A control statement, as a script has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// SAVEPOINT name. Outside a transaction it begins one.
    Savepoint(String),
    /// RELEASE name. Of the outermost savepoint, where no BEGIN came before, it is a COMMIT.
    Release(String),
    /// ROLLBACK TO name. The savepoint stays.
    RollbackTo(String),
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Control::Begin => f.write_str("BEGIN"),
            Control::Commit => f.write_str("COMMIT"),
            Control::Rollback => f.write_str("ROLLBACK"),
            Control::Savepoint(name) => write!(f, "SAVEPOINT {name}"),
            Control::Release(name) => write!(f, "RELEASE {name}"),
            Control::RollbackTo(name) => write!(f, "ROLLBACK TO {name}"),
        }
    }
}

impl Database {
    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// Begins a transaction and returns its guard, which rolls back when dropped.
    ///
    /// # Errors
    /// [`Error::Transaction`] if one is open already.
    pub fn begin(&mut self) -> Result<Transaction<'_>> {
        self.control(&Control::Begin)?;
        Ok(Transaction { db: self, is_done: false })
    }

    /// Carries out a control statement.
    ///
    /// # Errors
    /// [`Error::Transaction`] where the state does not allow it, [`Error::Name`] for a savepoint that
    /// is not there, [`Error::Violation`] if a COMMIT is refused: the transaction stays open then
    /// (in SQLite's dialect), to be repaired or rolled back.
    pub fn control(&mut self, control: &Control) -> Result<()> {
        let was_open = self.open.is_some();
        let result = self.carry_out_control(control);
        if result.is_err() && !was_open {
            // In autocommit a failure ends a transaction of its own, and with it the switch.
            self.defers_all = false;
        }
        result
    }

    fn carry_out_control(&mut self, control: &Control) -> Result<()> {
        match control {
            Control::Rollback => return self.rollback(),
            Control::RollbackTo(name) => return self.rollback_to(name),
            Control::Begin | Control::Commit | Control::Savepoint(_) | Control::Release(_) => {}
        }
        if self.in_flight {
            return Err(TransactionError::Poisoned.into());
        }
        match control {
            Control::Begin if self.open.is_some() => Err(TransactionError::AlreadyOpen.into()),
            Control::Begin => {
                self.open = Some(Open { is_explicit: true, ..Open::default() });
                Ok(())
            }
            Control::Commit => self.commit(),
            Control::Savepoint(name) => {
                self.check_usable()?;
                let moment = self.moment();
                let open = self.open.get_or_insert_default();
                open.savepoints.push(Named { name: name.clone(), moment });
                Ok(())
            }
            Control::Release(name) => self.release(name),
            Control::Rollback | Control::RollbackTo(_) => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<()> {
        let Some(open) = &self.open else { return Err(TransactionError::NothingToCommit.into()) };
        if open.is_aborted {
            // As in PostgreSQL, ending an aborted transaction undoes it.
            return self.rollback();
        }
        let refused = self.refuse_outstanding();
        match (&refused, self.dialect.failed_commit) {
            (Err(_), FailedCommit::StaysOpen) => {}
            (Err(_), FailedCommit::RollsBack) => self.rollback()?,
            (Ok(()), _) => self.forget_transaction(),
        }
        refused
    }

    pub(super) fn rollback(&mut self) -> Result<()> {
        if self.open.is_none() && !self.in_flight {
            return Err(TransactionError::NothingToRollBack.into());
        }
        self.undo_to(Moment::START);
        self.forget_transaction();
        Ok(())
    }

    fn release(&mut self, name: &str) -> Result<()> {
        self.check_usable()?;
        let position = self.savepoint(name)?;
        let Some(open) = &mut self.open else {
            return Err(TransactionError::NothingToCommit.into());
        };
        if position == 0 && !open.is_explicit {
            return self.commit();
        }
        open.savepoints.truncate(position);
        Ok(())
    }

    fn rollback_to(&mut self, name: &str) -> Result<()> {
        let position = self.savepoint(name)?;
        let Some(open) = &mut self.open else {
            return Err(TransactionError::NothingToRollBack.into());
        };
        open.savepoints.truncate(position + 1);
        open.is_aborted = false;
        let moment = open.savepoints[position].moment;
        self.undo_to(moment);
        self.in_flight = false;
        Ok(())
    }

    /// The position of the innermost savepoint of this name.
    fn savepoint(&self, name: &str) -> Result<usize> {
        let savepoints = self.open.as_ref().map_or(&[][..], |open| &open.savepoints);
        let found = savepoints.iter().rposition(|point| point.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names = savepoints.iter().map(|point| point.name.as_str());
            NameError::missing(NameKind::Savepoint, name, None, names)
        })
    }

    fn savepoint_count(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.savepoints.len())
    }
}

/// An open transaction. It is the database while it lives, and rolls back when dropped.
///
/// ```
/// # use ondelete::{Column, Database, Enforcement, Table, row};
/// # let mut db = Database::new(Enforcement::On);
/// # db.create_table(Table::new("team").column(Column::integer("id").primary_key()))?;
/// let mut transaction = db.begin()?;
/// transaction.insert("team", row! { "id": 1 })?;
/// let mut savepoint = transaction.savepoint()?;
/// savepoint.insert("team", row! { "id": 2 })?;
/// savepoint.rollback()?;
/// transaction.commit()?;
/// assert_eq!(db.row_count("team")?, 1);
/// # Ok::<(), ondelete::Error>(())
/// ```
#[derive(Debug)]
pub struct Transaction<'a> {
    db: &'a mut Database,
    is_done: bool,
}

impl<'a> Transaction<'a> {
    /// Makes the changes stand.
    ///
    /// # Errors
    /// [`Refused`], which holds the transaction, still open, if a deferred constraint does not hold.
    /// With `?` it becomes an [`Error`], and the transaction is rolled back.
    pub fn commit(mut self) -> Result<(), Refused<'a>> {
        match self.db.control(&Control::Commit) {
            Ok(()) => {
                self.is_done = true;
                Ok(())
            }
            Err(error) => {
                self.is_done = !self.db.is_in_transaction();
                Err(Refused { error: Box::new(error), transaction: self })
            }
        }
    }

    /// Undoes the changes.
    ///
    /// # Errors
    /// [`Error::Transaction`] if a control statement has ended the transaction behind the guard.
    pub fn rollback(mut self) -> Result<()> {
        self.is_done = true;
        self.db.control(&Control::Rollback)
    }

    /// Opens a savepoint and returns its guard, which undoes what came after it when dropped.
    ///
    /// # Errors
    /// [`Error::Transaction`] if the transaction is aborted or poisoned.
    pub fn savepoint(&mut self) -> Result<Savepoint<'_>> {
        Savepoint::open(self.db)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            // An error says that there is nothing left to roll back.
            let _ = self.db.control(&Control::Rollback);
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.db
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Database {
        self.db
    }
}

/// A COMMIT that was refused, with the transaction as it was.
#[derive(Debug)]
pub struct Refused<'a> {
    /// Why.
    pub error: Box<Error>,
    /// The transaction: repair it and commit again, or drop it to roll back.
    pub transaction: Transaction<'a>,
}

impl From<Refused<'_>> for Error {
    fn from(refused: Refused<'_>) -> Self {
        *refused.error
    }
}

/// An open savepoint of a transaction. Dropped, it undoes what came after it.
#[derive(Debug)]
pub struct Savepoint<'a> {
    db: &'a mut Database,
    name: String,
    is_done: bool,
}

impl<'a> Savepoint<'a> {
    /// Names itself by its depth, which no name in a script is likely to clash with.
    fn open(db: &'a mut Database) -> Result<Self> {
        let name = format!("savepoint {}", db.savepoint_count() + 1);
        db.control(&Control::Savepoint(name.clone()))?;
        Ok(Savepoint { db, name, is_done: false })
    }

    /// Keeps what came after it, as part of the transaction.
    ///
    /// # Errors
    /// [`Error::Name`] if a control statement has removed the savepoint behind the guard.
    pub fn release(mut self) -> Result<()> {
        self.is_done = true;
        self.db.control(&Control::Release(self.name.clone()))
    }

    /// Undoes what came after it.
    ///
    /// # Errors
    /// [`Error::Name`] if a control statement has removed the savepoint behind the guard.
    pub fn rollback(mut self) -> Result<()> {
        self.is_done = true;
        self.undo()
    }

    /// Opens a savepoint inside this one.
    ///
    /// # Errors
    /// [`Error::Transaction`] if the transaction is aborted or poisoned.
    pub fn savepoint(&mut self) -> Result<Savepoint<'_>> {
        Savepoint::open(self.db)
    }

    fn undo(&mut self) -> Result<()> {
        self.db.control(&Control::RollbackTo(self.name.clone()))?;
        self.db.control(&Control::Release(self.name.clone()))
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            // An error says that there is nothing left to undo.
            let _ = self.undo();
        }
    }
}

impl Deref for Savepoint<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.db
    }
}

impl DerefMut for Savepoint<'_> {
    fn deref_mut(&mut self) -> &mut Database {
        self.db
    }
}
