//! A database: one connection and its data.
//!
//! A statement is carried out in five steps, all in `run`:
//!
//! 1. *Prepare*: names become positions, expressions are bound, foreign keys must be resolved.
//! 2. *Mark*: the undo log's position is noted.
//! 3. *Run and judge*: `referential` changes the rows and finds what does not hold.
//! 4. *Commit*, in autocommit only: what was deferred is judged.
//! 5. *Release or undo*: everything since the mark stands, or nothing does.
//!
//! So a statement happens wholly or not at all, inside a transaction too. A savepoint is a mark with
//! a name; a transaction begins at the start of the log. `&self` reads, `&mut self` writes, and a
//! [`Transaction`] borrows the database mutably, so that misuse does not compile.
//!
//! This is the only module that begins, commits or undoes.

mod append;
#[cfg(feature = "sql")]
mod attach;
mod check;
mod compute;
mod find;
mod needs;
mod objects;
mod programs;
mod run;
mod schema;
mod select;
mod shared;
mod statement;
mod transaction;
#[cfg(feature = "sql")]
mod work;

pub use crate::query::Selector;
pub use crate::referential::{
    ActionOrder, Activation, ByConstraint, Deferral, DefinitionCheck, Dialect, Done, Enforcement,
    FailedCommit, FailedStatement, LetPass, LetPassKind, MatchFull, PLAN_SAMPLE_MAX, Plan,
    PlanStep, Program, ProgramWork, RowChange, SetImmediate, Start, Step, Stop, Timing, View, Walk,
    Walks,
};
#[cfg(feature = "sql")]
pub(crate) use crate::referential::{
    Assign, Attached, ConflictClause, ConflictTarget, Depth, NewRow, UpsertClause,
};
pub use crate::storage::{Row, RowRef};
#[cfg(feature = "sql")]
pub(crate) use check::dangling_rows;
pub use check::{CHECK_ROWS_MAX, CheckReport, DanglingRow};
pub use find::FoundRows;
#[cfg(feature = "sql")]
pub(crate) use find::rows_in_order;
pub(crate) use find::rows_where;
pub use objects::{Object, ObjectKind};
pub use shared::{SharedDatabase, WriteGuard};
pub use statement::{Delete, Insert, OnConflict, RowValues, Statement, Update, Upsert};
pub use transaction::{Control, Refused, Savepoint, Transaction};

use crate::catalog::{Catalog, TableEntry};
use crate::error::{AlterCheck, Error, Hint, Result, SchemaError, TransactionError, Violation};
use crate::id::{RowId, TableId, TableRef};
use crate::referential::{Footprints, Programs, Settings, Suspect, judge_outstanding};
use crate::storage::{Mark, Store};
use crate::table::Counters;
use objects::Objects;
use std::sync::Arc;
use transaction::Open;

/// Tables, their rows, and one connection to them.
///
/// ```
/// use ondelete::{Column, Database, Enforcement, ReferentialAction::SetNull, Table, key, row};
///
/// let mut db = Database::new(Enforcement::On);
/// db.create_table(Table::new("team").column(Column::integer("id").primary_key()))?;
/// db.create_table(Table::new("hero")
///     .column(Column::integer("id").primary_key())
///     .column(Column::integer("team_id").references("team", "id").on_delete(SetNull)))?;
/// db.insert("team", row! { "id": 3 })?;
/// db.insert("hero", row! { "id": 4, "team_id": 3 })?;
///
/// let done = db.delete("team", key![3])?;
/// assert_eq!((done.direct, done.rows_by("hero_team_id_fkey")), (1, 1));
/// assert_eq!(db.get("hero", key![4])?, Some(vec![4.into(), ().into()]));
/// # Ok::<(), ondelete::Error>(())
/// ```
#[derive(Debug)]
pub struct Database {
    schema: Arc<Schema>,
    store: Store,
    dialect: Dialect,
    enforcement: Enforcement,
    defers_all: bool,
    /// `Some` while a transaction is open; autocommit otherwise.
    open: Option<Open>,
    /// Deferred suspects of the open transaction, in the order in which they were found.
    outstanding: Vec<Suspect>,
    /// Programs and objects before each change of them since the log began.
    program_log: Vec<(Programs, Objects)>,
    /// Whether a statement is being carried out: still set afterwards only if it panicked.
    in_flight: bool,
    counters: Counters,
    let_pass: Option<Vec<LetPass>>,
    walk: Walk,
    walks: Walks,
    recursive_programs: bool,
    /// Whether statements are parts of another one.
    is_part: bool,
}

/// What a statement may change besides rows.
#[derive(Clone, Debug, Default)]
struct Schema {
    catalog: Catalog,
    programs: Programs,
    objects: Objects,
    footprints: Footprints,
    /// Changes with every change.
    version: u64,
}

/// What one goes back to when a statement or savepoint is undone.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    mark: Mark,
    outstanding: usize,
    /// Where the catalogue's log stood.
    catalog: usize,
    /// Where the log of programs stood.
    programs: usize,
}

impl Moment {
    /// Before any change.
    const START: Moment = Moment { mark: Mark::START, outstanding: 0, catalog: 0, programs: 0 };
}

/// What [`Database::set_enforcement`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "inside a transaction the switch is ignored"]
pub enum EnforcementChange {
    /// Enforcement is switched. No row was checked.
    Changed,
    /// It was so already.
    Unchanged,
    /// A transaction is open: nothing was switched, as in SQLite.
    IgnoredInTransaction,
}

impl Database {
    /// An empty database that behaves as SQLite does, with enforcement as chosen.
    pub fn new(enforcement: Enforcement) -> Self {
        Database::with_dialect(enforcement, Dialect::sqlite())
    }

    /// An empty database of another dialect.
    pub fn with_dialect(enforcement: Enforcement, dialect: Dialect) -> Self {
        Database {
            schema: Arc::default(),
            store: Store::default(),
            dialect,
            enforcement,
            defers_all: false,
            open: None,
            outstanding: Vec::new(),
            program_log: Vec::new(),
            in_flight: false,
            counters: Counters::default(),
            let_pass: None,
            walk: Walk::Auto,
            walks: Walks::default(),
            recursive_programs: false,
            is_part: false,
        }
    }

    /// A second, independent database with the same tables, rows, dialect and enforcement. Counters
    /// and records start anew.
    ///
    /// # Cost
    /// **O(t)** for t tables: their pages are shared, and whoever writes to one copies it first, some
    /// hundred cells.
    ///
    /// # Errors
    /// [`Error::Transaction`] inside a transaction.
    ///
    /// # Examples
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, Table, row};
    /// let mut fixture = Database::new(Enforcement::On);
    /// fixture.create_table(Table::new("team").column(Column::integer("id").primary_key()))?;
    /// let mut mine = fixture.fork()?;
    /// mine.insert("team", row![3])?;
    /// assert_eq!((fixture.row_count("team")?, mine.row_count("team")?), (0, 1));
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    pub fn fork(&self) -> Result<Database> {
        self.check_usable()?;
        if self.open.is_some() {
            return Err(TransactionError::Open.into());
        }
        Ok(Database {
            schema: self.schema.clone(),
            store: self.store.clone(),
            let_pass: self.let_pass.as_ref().map(|_| Vec::new()),
            walk: self.walk,
            recursive_programs: self.recursive_programs,
            ..Database::with_dialect(self.enforcement, self.dialect.clone())
        })
    }

    // What there is.

    /// The tables, indexes and foreign keys.
    pub fn catalog(&self) -> &Catalog {
        &self.schema.catalog
    }

    /// The dialect.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The id of a table, by which [`Database::append`], [`Database::row`], [`Database::insert`],
    /// [`Database::delete`] and others know it without looking up its name.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such table.
    pub fn table_id(&self, table: &str) -> Result<TableId> {
        Ok(self.table(table)?.id)
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// [`Error::Name`] if there is no such table.
    pub fn row_count<'t>(&self, table: impl Into<TableRef<'t>>) -> Result<usize> {
        Ok(self.store.row_count(self.table(table)?.id))
    }

    /// Rows that the last statement changed itself; 0 if it failed. SQLite's `changes()`.
    pub fn changes(&self) -> usize {
        self.counters.changes
    }

    /// Rows changed since the database was made, by statements, actions and programs. SQLite's
    /// `total_changes()`.
    pub fn total_changes(&self) -> usize {
        self.counters.total_changes
    }

    /// The row id of the row inserted last by a statement itself; 0 before the first.
    pub fn last_insert_row_id(&self) -> RowId {
        RowId(self.counters.last_insert_row_id)
    }

    // Enforcement.

    /// Whether foreign keys are acted on.
    pub fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// Switches enforcement; inside a transaction nothing happens, as in SQLite. Rows are not checked:
    /// see [`Database::check`].
    pub fn set_enforcement(&mut self, enforcement: Enforcement) -> EnforcementChange {
        if self.open.is_some() {
            return EnforcementChange::IgnoredInTransaction;
        }
        match std::mem::replace(&mut self.enforcement, enforcement) == enforcement {
            true => EnforcementChange::Unchanged,
            false => EnforcementChange::Changed,
        }
    }

    /// Starts (`true`) or ends the record of what is let pass while enforcement is off.
    pub fn record_let_pass(&mut self, record: bool) {
        self.let_pass = record.then(Vec::new);
    }

    /// What was let pass since the record was started: one entry per statement, constraint and kind.
    pub fn let_pass(&self) -> &[LetPass] {
        self.let_pass.as_deref().unwrap_or_default()
    }

    // How deletes are carried out.

    /// Lets deletes go set at a time where that cannot be seen, or never. It is [`Walk::Auto`] unless
    /// this is called; tests and benchmarks of the exact path call it.
    pub fn set_walk(&mut self, walk: Walk) {
        self.walk = walk;
    }

    /// How many deletes have gone which way since the database was made.
    pub fn walks(&self) -> Walks {
        self.walks
    }

    /// Bounds how many actions and programs may nest; `None` for no bound.
    pub fn set_depth_limit(&mut self, limit: Option<usize>) {
        self.dialect.depth_limit = limit;
    }

    // Deferral.

    /// Whether all constraints are deferred.
    pub fn defers_all(&self) -> bool {
        self.defers_all
    }

    /// Defers all constraints until the transaction ends (SQLite's `PRAGMA defer_foreign_keys`), or
    /// stops doing so. RESTRICT becomes NO ACTION meanwhile. What is outstanding stays outstanding.
    ///
    /// # Errors
    /// In a dialect that checks when the switch is ended: the first violation there is. The switch
    /// stays on then.
    pub fn set_defer_all(&mut self, defers_all: bool) -> Result<()> {
        if self.defers_all && !defers_all && self.dialect.set_immediate == SetImmediate::ChecksNow {
            self.refuse_outstanding()?;
        }
        self.defers_all = defers_all;
        Ok(())
    }

    /// The deferred constraints that do not hold now, in the order in which they were violated.
    pub fn outstanding_violations(&self) -> Vec<Violation> {
        if self.outstanding.is_empty() {
            return Vec::new();
        }
        judge_outstanding(&self.settings(), &self.store, &self.outstanding)
    }

    /// Everything in storage that disagrees with the rows, in words. Nothing, unless this crate is
    /// broken: it is what the crate's own tests ask after every statement.
    pub fn verify(&self) -> Vec<String> {
        let catalog = &self.schema.catalog;
        let name = |id| catalog.find_by_id(id).map_or("a dropped table", |table| table.name());
        let found = self.store.verify();
        let words = found.iter().map(|found| match found.index {
            Some(index) => format!("{index:?} of {}: {}", name(found.table), found.what),
            None => format!("{}: {}", name(found.table), found.what),
        });
        words.collect()
    }

    // For the other files of this module.

    fn settings(&self) -> Settings<'_> {
        Settings {
            catalog: &self.schema.catalog,
            programs: &self.schema.programs,
            dialect: &self.dialect,
            enforcement: self.enforcement,
            defers_all: self.defers_all,
            observes: self.let_pass.is_some(),
            walk: self.walk,
            recursive_programs: self.recursive_programs,
            remembers: !self.outstanding.is_empty(),
            counters: self.counters,
            footprints: &self.schema.footprints,
        }
    }

    fn table<'t>(&self, table: impl Into<TableRef<'t>>) -> Result<&Arc<TableEntry>> {
        self.schema.catalog.table(table)
    }

    /// The schema to be changed: the database's own from now on, if a fork shares it.
    fn schema_mut(&mut self) -> &mut Schema {
        let schema = Arc::make_mut(&mut self.schema);
        schema.footprints = Footprints::default();
        schema.version += 1;
        schema
    }

    fn catalog_mut(&mut self) -> &mut Catalog {
        &mut self.schema_mut().catalog
    }

    fn moment(&self) -> Moment {
        Moment {
            mark: self.store.mark(),
            outstanding: self.outstanding.len(),
            catalog: self.schema.catalog.mark(),
            programs: self.program_log.len(),
        }
    }

    /// Adds what a statement left outstanding. Where rows have gone matters only to what is known of
    /// them by then.
    fn note_outstanding(&mut self, found: Vec<Suspect>) {
        let is_first = self.outstanding.is_empty();
        self.outstanding.extend(found.into_iter().filter(|found| !is_first || !found.is_move()));
    }

    /// Logs programs and objects as they are.
    fn log_beside_catalog(&mut self) {
        let Schema { programs, objects, .. } = &*self.schema;
        self.program_log.push((programs.clone(), objects.clone()));
    }

    /// Puts rows, schema and outstanding list back to how they were.
    fn undo_to(&mut self, moment: Moment) {
        self.store.undo_to(moment.mark);
        self.outstanding.truncate(moment.outstanding);
        if self.schema.catalog.mark() > moment.catalog {
            self.catalog_mut().undo_to(moment.catalog);
        }
        let programs = self.program_log.drain(moment.programs..).next();
        if let Some((programs, objects)) = programs {
            let schema = self.schema_mut();
            (schema.programs, schema.objects) = (programs, objects);
        }
    }

    /// Ends a transaction whose changes stand or are undone already.
    fn forget_transaction(&mut self) {
        self.forget_changes();
        self.outstanding.clear();
        self.defers_all = false;
        self.open = None;
        self.in_flight = false;
    }

    /// Makes everything that was changed stand: nothing can be undone to before now.
    fn forget_changes(&mut self) {
        self.store.forget_log();
        if self.schema.catalog.mark() > 0 {
            self.catalog_mut().forget_log();
        }
        self.program_log.clear();
    }

    fn check_usable(&self) -> Result<()> {
        if self.in_flight {
            return Err(TransactionError::Poisoned.into());
        }
        if self.open.as_ref().is_some_and(|open| open.is_aborted) {
            return Err(TransactionError::Aborted.into());
        }
        Ok(())
    }

    /// The first outstanding violation as an error.
    fn refuse_outstanding(&self) -> Result<()> {
        match self.outstanding_violations().into_iter().next() {
            Some(violation) => Err(Error::Violation(Box::new(violation))),
            None => Ok(()),
        }
    }

    /// Carries out `body` as one statement: wholly, or not at all.
    fn statement<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.check_usable()?;
        let moment = self.moment();
        if self.is_part {
            // The statement that it is part of commits, or is undone.
            return body(self).inspect_err(|_| self.undo_to(moment));
        }
        self.in_flight = true;
        let result = body(self).and_then(|value| {
            if self.open.is_none() {
                self.refuse_outstanding().map_err(without_transaction)?;
            }
            Ok(value)
        });
        self.in_flight = false;
        if result.is_err() {
            self.undo_to(moment);
        }
        // What SQLite finds when it compiles a statement ends no transaction, so no switch either.
        let was_run = match &result {
            Ok(_) => true,
            Err(error) => !is_found_in_compiling(error),
        };
        self.end_statement(result.is_err(), was_run);
        result
    }

    /// Ends the transaction of a statement that had one of its own; else notes how it went.
    fn end_statement(&mut self, is_failed: bool, was_run: bool) {
        let defers_all = self.defers_all && !was_run;
        match &mut self.open {
            None => {
                self.forget_transaction();
                self.defers_all = defers_all;
            }
            Some(open) if is_failed => {
                open.is_aborted =
                    self.dialect.failed_statement == FailedStatement::AbortsTransaction;
            }
            Some(_) => {}
        }
    }
}

/// Whether SQLite finds an error before it runs anything. What ALTER TABLE finds in the rows, or in
/// the schema as it would be afterwards, it finds while running.
fn is_found_in_compiling(error: &Error) -> bool {
    match error {
        Error::Name(_) => true,
        Error::Schema(error) => match &**error {
            SchemaError::Alter { found, .. } => *found == AlterCheck::Definition,
            _ => true,
        },
        _ => false,
    }
}

/// In autocommit there is nothing to commit again.
fn without_transaction(mut error: Error) -> Error {
    if let Error::Violation(violation) = &mut error {
        violation.hint = Hint::OneTransaction;
    }
    error
}
