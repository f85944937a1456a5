//! The engine and SQLite side by side, compared after every operation.
//!
//! A [`Run`] holds one database of each kind and does the same to both. Compared are: whether the
//! operation went through, the message and extended code where it did not, `changes()` and
//! `total_changes()`, all rows of all tables with their row ids, the number of dangling rows, whether
//! a transaction is open, and both switches. A difference is allowed only if the `arbiter` proves it
//! from the states before and after to be one of the closed list of SQLite's own; the sequence ends
//! there. Anything else is a [`Difference`], whose script is made as short as it will go.
//!
//! UPDATE and DELETE are sent with NOT INDEXED, so that rows are visited in row id order and not in
//! whatever order a planner likes. No statement is prepared twice.

mod arbiter;
mod coverage;
mod shrink;

pub use arbiter::Exception;
pub use coverage::{Cell, Coverage};

use super::Difference;
use super::generate::Generator;
use super::operation::Operation;
use crate::catalog::{Catalog, TableId};
use crate::database::{
    Control, Database, Dialect, Done, Enforcement, RowChange, Selector, Statement,
};
use crate::error::{Error, Event, SqliteError};
use crate::value::Value;
use arbiter::Moment;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// Rows by table, in row id order.
type State = BTreeMap<TableId, Vec<(i64, Vec<Value>)>>;

/// How a sequence ended before its end.
#[derive(Clone, Debug)]
pub enum Ending {
    /// With one of SQLite's own defects.
    Explained(Exception, Box<Difference>),
    /// With what nobody can explain.
    Unexplained(Box<Difference>),
}

/// One database of each kind.
pub struct Run {
    db: Database,
    sqlite: Connection,
    catalog: Catalog,
    state: Rc<State>,
    /// What the open transaction has done so far.
    history: Vec<Moment>,
    /// Open savepoints, with the length of the history at each.
    savepoints: Vec<(String, usize)>,
    /// Everything sent so far.
    script: String,
    /// `total_changes()` of both before the operation.
    totals: (usize, usize),
}

/// A comparison that failed.
struct Mismatch {
    what: &'static str,
    ours: String,
    theirs: String,
}

/// What an operation came to on one side: its error as code and message.
type Outcome = Result<(), SqliteError>;

impl Run {
    /// Two empty databases, in which so many actions may nest: SQLite's own number unless one is
    /// given.
    ///
    /// # Panics
    /// If SQLite cannot open a database in memory.
    pub fn new(enforcement: Enforcement, depth_limit: Option<usize>) -> Self {
        let sqlite = Connection::open_in_memory().expect("SQLite opens a database in memory");
        let switch = Operation::SetEnforcement(enforcement).to_sql(&Catalog::default());
        sqlite.execute_batch(&switch).expect("the switch is understood");
        let mut dialect = Dialect::sqlite();
        if let Some(limit) = depth_limit {
            dialect = dialect.with_depth_limit(Some(limit));
            let setting = rusqlite::limits::Limit::SQLITE_LIMIT_TRIGGER_DEPTH;
            sqlite.set_limit(setting, limit as i32).expect("the limit is within SQLite's own");
        }
        let db = Database::with_dialect(enforcement, dialect);
        let catalog = db.catalog().clone();
        Run {
            db,
            sqlite,
            catalog,
            state: Rc::default(),
            history: Vec::new(),
            savepoints: Vec::new(),
            script: match depth_limit {
                Some(limit) => format!(".limit trigger_depth {limit}\n{switch};\n"),
                None => format!("{switch};\n"),
            },
            totals: (0, 0),
        }
    }

    /// The engine's database.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// Does one operation to both and compares.
    ///
    /// # Errors
    /// How the sequence ends, if they differ.
    pub fn step(&mut self, operation: &Operation, coverage: &mut Coverage) -> Result<(), Ending> {
        let sql = not_indexed(operation, &self.db);
        self.script.push_str(&sql);
        self.script.push_str(";\n");
        let before = self.database().catalog().clone();
        let state_before = self.state.clone();
        let deferral = self.db.defers_all();
        let mut matched: Vec<i64> = match operation {
            Operation::Statement(Statement::Update(update)) => {
                let rows = self.db.find(operation_table(operation), update.selector().clone());
                rows.unwrap_or_default().into_iter().map(|(id, _)| id.0).collect()
            }
            _ => Vec::new(),
        };
        let walks_before = self.db.walks();
        let (ours, done) = self.run_ours(operation);
        let inserted = done.iter().flat_map(|done| &done.inserted).map(|id| id.0);
        let inserted: Vec<i64> = inserted.collect();
        let told = done.iter().flat_map(|done| done.rows.iter().flatten());
        let updates =
            told.filter(|change| change.event == Event::Update && change.constraint.is_none());
        let updated: Vec<Vec<Value>> = updates.filter_map(|change| change.new.clone()).collect();
        let theirs = self.run_theirs(&sql);
        self.catalog = self.db.catalog().clone();
        let ours_after = Rc::new(self.our_state());
        let done = done.map(|done| match done.rows {
            Some(_) => done,
            None => Done { rows: Some(changes(&before, &state_before, &ours_after)), ..done },
        });
        coverage.operation(operation, &before, &state_before, deferral, &self.db, &ours, &done);
        if let Operation::Statement(Statement::Delete(_)) = operation {
            coverage.ways.note(walks_before, self.db.walks(), ours.is_err());
        }
        let ours = ours.map_err(|error| SqliteError {
            code: error.extended_code(),
            message: self.db.dialect().error_message(&error),
        });
        let compared = self.compare(operation, &ours, &theirs, &ours_after);
        matched.extend(inserted);
        let moment = Moment {
            catalog_before: before,
            operation: operation.clone(),
            before: state_before,
            after: ours_after.clone(),
            catalog: self.catalog.clone(),
            defers_all: deferral,
            failed: ours.is_err(),
            matched,
            changed: self.their_counters().0,
            updated,
        };
        match compared {
            Ok(()) => {
                self.state = ours_after;
                self.remember(moment);
                Ok(())
            }
            Err(mismatch) => {
                let difference = Box::new(Difference {
                    what: mismatch.what,
                    ours: mismatch.ours,
                    theirs: mismatch.theirs,
                    script: self.script.clone(),
                });
                Err(match self.judge(moment, &ours, &theirs) {
                    Some(exception) => Ending::Explained(exception, difference),
                    None => Ending::Unexplained(difference),
                })
            }
        }
    }

    /// A DELETE is not asked for its rows: that would keep it from going set at a time.
    fn run_ours(&mut self, operation: &Operation) -> (Result<(), Error>, Option<Done>) {
        let done = match operation {
            Operation::Statement(statement @ Statement::Delete(_)) => {
                self.db.run(statement.clone())
            }
            Operation::Statement(statement) => self.db.run_with_rows(statement.clone()),
            _ => return (operation.apply(&mut self.db).map(|_| ()), None),
        };
        match done {
            Ok(done) => (Ok(()), Some(done)),
            Err(error) => (Err(error), None),
        }
    }

    fn run_theirs(&self, sql: &str) -> Outcome {
        let run = || -> rusqlite::Result<()> {
            let mut statement = self.sqlite.prepare(sql)?;
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            Ok(())
        };
        run().map_err(SqliteError::from)
    }

    // Comparison.

    fn compare(
        &mut self,
        operation: &Operation,
        ours: &Outcome,
        theirs: &Outcome,
        our_state: &State,
    ) -> Result<(), Mismatch> {
        let show = |outcome: &Outcome| match outcome {
            Ok(()) => "went through".to_owned(),
            Err(SqliteError { code, message }) => format!("({code}) {message}"),
        };
        if ours.is_ok() != theirs.is_ok() {
            return Err(mismatch("outcome", show(ours), show(theirs)));
        }
        if ours != theirs {
            return Err(mismatch("error", show(ours), show(theirs)));
        }
        let is_definition = !matches!(
            operation,
            Operation::Statement(_)
                | Operation::Control(_)
                | Operation::SetEnforcement(_)
                | Operation::SetDeferAll(_)
        );
        // Whatever reads outside a transaction ends the switch, so it is read first and put back.
        let defers_all = self.pragma("defer_foreign_keys") == 1;
        let (changes, total) = self.their_counters();
        same("changes()", &self.db.changes(), &changes)?;
        same(
            "total_changes()",
            &(self.db.total_changes() - self.totals.0),
            &(total - self.totals.1),
        )?;
        self.totals = (self.db.total_changes(), total);
        if is_definition || matches!(operation, Operation::Control(_)) {
            same("tables", &self.our_tables(), &self.their_tables())?;
        }
        same("rows", &self.shown(our_state), &self.shown(&self.their_state()))?;
        let dangling = self.db.check().ok().map(|report| report.total);
        same("foreign_key_check", &dangling, &self.their_check())?;
        same("in transaction", &self.db.is_in_transaction(), &!self.sqlite.is_autocommit())?;
        let enforces = self.db.enforcement() == Enforcement::On;
        same("foreign_keys", &enforces, &(self.pragma("foreign_keys") == 1))?;
        if defers_all && self.sqlite.is_autocommit() {
            // Nothing to be done about a failure that the comparison will not show.
            let _ = self.sqlite.execute_batch("PRAGMA defer_foreign_keys = ON");
        }
        same("defer_foreign_keys", &self.db.defers_all(), &defers_all)
    }

    fn our_state(&self) -> State {
        let rows = |name: &str| {
            let rows = self.db.find(name, Selector::All).unwrap_or_default();
            rows.into_iter().map(|(id, row)| (id.0, row.to_vec())).collect()
        };
        self.catalog.tables().map(|table| (table.id, rows(table.name()))).collect()
    }

    fn their_state(&self) -> State {
        let rows = |name: &str| {
            let sql = format!("SELECT rowid, * FROM \"{name}\" NOT INDEXED ORDER BY rowid");
            self.their_rows(&sql).unwrap_or_default()
        };
        self.catalog.tables().map(|table| (table.id, rows(table.name()))).collect()
    }

    fn their_rows(&self, sql: &str) -> rusqlite::Result<Vec<(i64, Vec<Value>)>> {
        let mut statement = self.sqlite.prepare(sql)?;
        let width = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (1..width).map(|at| row.get(at));
            found.push((row.get(0)?, values.collect::<rusqlite::Result<_>>()?));
        }
        Ok(found)
    }

    fn shown(&self, state: &State) -> String {
        let mut text = String::new();
        for (id, rows) in state {
            let name = self.catalog.find_by_id(*id).map_or("?", |table| table.name());
            for (row_id, row) in rows {
                let values: Vec<String> = row.iter().map(Value::to_string).collect();
                text.push_str(&format!("{name}#{row_id}({}) ", values.join(", ")));
            }
        }
        text
    }

    fn our_tables(&self) -> Vec<String> {
        let mut names: Vec<_> = self.catalog.tables().map(|t| t.name().to_owned()).collect();
        names.sort();
        names
    }

    fn their_tables(&self) -> Vec<String> {
        let sql = "SELECT 0, name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let rows = self.their_rows(sql).unwrap_or_default();
        let mut names: Vec<_> =
            rows.into_iter().filter_map(|(_, row)| row[0].as_text().map(str::to_owned)).collect();
        names.sort();
        names
    }

    fn their_counters(&self) -> (usize, usize) {
        (self.sqlite.changes() as usize, self.sqlite.total_changes() as usize)
    }

    fn their_check(&self) -> Option<usize> {
        let mut statement = self.sqlite.prepare("PRAGMA foreign_key_check").ok()?;
        let mut rows = statement.raw_query();
        let mut count = 0;
        loop {
            match rows.next() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Some(count),
                Err(_) => return None,
            }
        }
    }

    fn pragma(&self, name: &str) -> i64 {
        self.sqlite.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap_or(-1)
    }

    // The open transaction.

    fn remember(&mut self, moment: Moment) {
        if !self.db.is_in_transaction() {
            self.history.clear();
            self.savepoints.clear();
            return;
        }
        if let Operation::Control(control) = &moment.operation
            && !moment.failed
        {
            let find = |name: &str, list: &[(String, usize)]| {
                list.iter().rposition(|(other, _)| other.eq_ignore_ascii_case(name))
            };
            match control {
                Control::Savepoint(name) => {
                    self.savepoints.push((name.clone(), self.history.len()));
                }
                Control::Release(name) => {
                    let at = find(name, &self.savepoints).unwrap_or(0);
                    self.savepoints.truncate(at);
                }
                Control::RollbackTo(name) => {
                    let at = find(name, &self.savepoints).unwrap_or(0);
                    // What was switched or failed meanwhile is not undone.
                    let length = self.savepoints[at].1;
                    let kept = self.history.split_off(length);
                    let stays = |moment: &Moment| {
                        moment.failed || matches!(moment.operation, Operation::SetDeferAll(_))
                    };
                    self.history.extend(kept.into_iter().filter(stays));
                    self.savepoints.truncate(at + 1);
                }
                Control::Begin | Control::Commit | Control::Rollback => {}
            }
        }
        self.history.push(moment);
    }

    fn judge(&mut self, moment: Moment, ours: &Outcome, theirs: &Outcome) -> Option<Exception> {
        let their_state = self.their_state();
        arbiter::judge(&self.history, &moment, ours, theirs, &their_state)
    }
}

fn operation_table(operation: &Operation) -> &str {
    match operation {
        Operation::Statement(statement) => statement.table(),
        _ => "",
    }
}

/// A statement's SQL as it is sent: UPDATE and DELETE without the help of indexes.
fn not_indexed(operation: &Operation, db: &Database) -> String {
    let sql = operation.to_sql(db.catalog());
    let Operation::Statement(statement) = operation else { return sql };
    let table = crate::expression::quote_identifier(statement.table());
    match statement {
        Statement::Insert(_) => sql,
        Statement::Update(_) => {
            sql.replacen(&format!("{table} SET"), &format!("{table} NOT INDEXED SET"), 1)
        }
        Statement::Delete(_) => {
            sql.replacen(&format!("FROM {table}"), &format!("FROM {table} NOT INDEXED"), 1)
        }
    }
}

/// What became of each row of `before` that is not as it was, in no order. A row whose id an action
/// has changed looks deleted; over which constraint a row changed cannot be seen.
fn changes(catalog: &Catalog, before: &State, after: &State) -> Vec<RowChange> {
    let mut changes = Vec::new();
    for (table, rows) in before {
        let Some(entry) = catalog.find_by_id(*table) else { continue };
        let left = after.get(table).map(Vec::as_slice).unwrap_or_default();
        for (row_id, old) in rows {
            let at = left.binary_search_by_key(row_id, |(row_id, _)| *row_id).ok();
            let new = at.map(|at| &left[at].1);
            if new != Some(old) {
                changes.push(RowChange {
                    table: entry.name().to_owned(),
                    event: if new.is_some() { Event::Update } else { Event::Delete },
                    constraint: None,
                    old: Some(old.clone()),
                    new: new.cloned(),
                });
            }
        }
    }
    changes
}

fn mismatch(what: &'static str, ours: String, theirs: String) -> Mismatch {
    Mismatch { what, ours, theirs }
}

fn same<T: PartialEq + fmt::Debug>(
    what: &'static str,
    ours: &T,
    theirs: &T,
) -> Result<(), Mismatch> {
    match ours == theirs {
        true => Ok(()),
        false => Err(mismatch(what, format!("{ours:?}"), format!("{theirs:?}"))),
    }
}

/// Runs sequences of generated operations until so many statements have been compared.
///
/// # Errors
/// The first difference that nothing explains, with the shortest script found.
pub fn run(seed: u64, statements: usize) -> Result<Coverage, Box<Difference>> {
    let mut coverage = Coverage::default();
    let mut sequence = 0;
    while coverage.statements < statements {
        run_sequence(seed.wrapping_mul(1_000_003).wrapping_add(sequence), &mut coverage)?;
        sequence += 1;
    }
    Ok(coverage)
}

/// Runs one sequence.
///
/// # Errors
/// A difference that nothing explains, with the shortest script found.
pub fn run_sequence(seed: u64, coverage: &mut Coverage) -> Result<(), Box<Difference>> {
    match sequence(seed, coverage) {
        None => Ok(()),
        Some(diverged) => Err(shrink::shrink(diverged)),
    }
}

/// Whether a sequence ends in a difference that nothing explains.
pub fn differs(seed: u64, coverage: &mut Coverage) -> bool {
    sequence(seed, coverage).is_some()
}

/// A sequence that ended in a difference.
struct Diverged {
    enforcement: Enforcement,
    depth_limit: Option<usize>,
    operations: Vec<Operation>,
    difference: Box<Difference>,
}

fn sequence(seed: u64, coverage: &mut Coverage) -> Option<Diverged> {
    let mut generator = Generator::new(seed);
    let (enforcement, depth_limit) = (generator.enforcement(), generator.depth_limit());
    let mut run = Run::new(enforcement, depth_limit);
    let mut operations = Vec::new();
    for _ in 0..generator.length() {
        let operation = generator.next(run.database());
        let result = run.step(&operation, coverage);
        operations.push(operation);
        match result {
            Ok(()) => {}
            Err(Ending::Explained(exception, _)) => {
                coverage.exception(exception);
                break;
            }
            Err(Ending::Unexplained(difference)) => {
                return Some(Diverged { enforcement, depth_limit, operations, difference });
            }
        }
    }
    coverage.database();
    None
}
