//! A database shared by threads: many readers or one writer at a time.

use super::{Control, Database};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A handle to one database, to be cloned for each thread.
///
/// Readers see committed states only: a writer keeps them out until its guard is dropped, and what
/// it has not committed by then is rolled back.
///
/// ```
/// use ondelete::{Column, Database, Enforcement, SharedDatabase, Table, row};
/// let mut db = Database::new(Enforcement::On);
/// db.create_table(Table::new("team").column(Column::integer("id").primary_key()))?;
/// let shared = SharedDatabase::new(db);
/// let writer = shared.clone();
/// std::thread::spawn(move || writer.write().insert("team", row! { "id": 1 }))
///     .join()
///     .expect("the thread ends")?;
/// assert_eq!(shared.read().row_count("team")?, 1);
/// # Ok::<(), ondelete::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedDatabase {
    inner: Arc<RwLock<Database>>,
}

impl SharedDatabase {
    /// Shares a database.
    pub fn new(db: Database) -> Self {
        SharedDatabase { inner: Arc::new(RwLock::new(db)) }
    }

    /// Reads, beside other readers. Waits while a writer is at work.
    pub fn read(&self) -> RwLockReadGuard<'_, Database> {
        self.inner.read()
    }

    /// Writes, alone. Waits until readers and writers are done.
    pub fn write(&self) -> WriteGuard<'_> {
        WriteGuard { db: self.inner.write() }
    }
}

/// The database, for one writer. Dropped, it rolls back a transaction that is still open.
#[derive(Debug)]
pub struct WriteGuard<'a> {
    db: RwLockWriteGuard<'a, Database>,
}

impl Deref for WriteGuard<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.db
    }
}

impl DerefMut for WriteGuard<'_> {
    fn deref_mut(&mut self) -> &mut Database {
        &mut self.db
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        // An error says that no transaction is open, and no statement was cut short by a panic.
        let _ = self.db.control(&Control::Rollback);
    }
}
