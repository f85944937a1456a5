//! Scripts of random SQL text, run here and by SQLite, must come to the same after every statement.
//!
//! Compared are: whether a statement went through and the line and code of its refusal where it did
//! not, the rows it returned, `changes()`, `total_changes()` and `last_insert_rowid()`, all rows of
//! all tables with their row ids, what `foreign_key_check` finds, whether a transaction is open, the
//! switches, and after a change of the schema or the end of a transaction the text of `sqlite_schema`.
//!
//! Rows that no ORDER BY puts in order are compared without it. A difference is allowed only if
//! `arbiter` proves it from the rows to be one of SQLite's own; the script ends there.

mod arbiter;
mod coverage;
mod define;
mod write;

pub use coverage::Coverage;

use super::{Difference, shrink};
use crate::catalog::TableEntry;
use crate::database::{Database, Dialect, Enforcement, Selector};
use crate::error::SqliteError;
use crate::sql::Connection;
use crate::value::Value;
use rusqlite::ffi::SQLITE_CONSTRAINT_PINNED;
use rusqlite::limits::Limit;
use std::fmt;
use write::Writer;

/// How many programs may nest, here and there: enough for any chain of keys, and few enough for
/// triggers that start each other without end.
const DEPTH_MAX: usize = 40;

/// SQLite's steps for one statement; one that takes more ends its script, before it is run here.
const STEPS_MAX: i32 = 60_000;

/// Rows as they are printed.
type Rows = Vec<Vec<String>>;

/// What a statement came to: its rows, or the code and line of its refusal.
type Answer = Result<Rows, SqliteError>;

/// All rows of all tables, each with its row id where it has one.
type State = Vec<(String, Rows)>;

/// How a script ends before its end.
enum Ending {
    /// With one of SQLite's own defects, by its number in the closed list.
    Explained(&'static str),
    /// With a statement that takes too long.
    TooLong,
    /// With what is not done here.
    Unsupported,
    /// With what nothing explains.
    Different(Box<Difference>),
}

/// One database of each kind.
struct Twins {
    ours: Connection,
    theirs: rusqlite::Connection,
    script: String,
    before: State,
}

impl Twins {
    fn new() -> Self {
        let dialect = Dialect::sqlite().with_depth_limit(Some(DEPTH_MAX));
        let mut theirs = rusqlite::Connection::open_in_memory().expect("SQLite opens");
        let limit = theirs.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, DEPTH_MAX as i32);
        limit.expect("the limit is within SQLite's own");
        theirs.execute_batch("PRAGMA foreign_keys = OFF").expect("SQLite knows the switch");
        theirs.progress_handler(STEPS_MAX, Some(|| true)).expect("the connection is open");
        Twins {
            ours: Connection::new(Database::with_dialect(Enforcement::Off, dialect)),
            theirs,
            script: format!(".limit trigger_depth {DEPTH_MAX}\nPRAGMA foreign_keys = OFF;\n"),
            before: State::new(),
        }
    }

    fn db(&self) -> &Database {
        self.ours.database()
    }

    /// Runs a statement on both and compares.
    fn step(&mut self, sql: &str, coverage: &mut Coverage) -> Result<(), Ending> {
        self.script += &format!("{sql};\n");
        let was_in_transaction = self.db().is_in_transaction();
        let Some(theirs) = self.ask_sqlite(sql) else { return Err(Ending::TooLong) };
        let outcome = self.ours.query(sql, &[]);
        let done = outcome.as_ref().ok().and_then(|outcome| outcome.done.clone());
        let ours = match outcome {
            Ok(outcome) => Ok(outcome.rows.iter().map(|row| shown(row)).collect()),
            Err(error) => Err(SqliteError {
                code: error.extended_code(),
                message: self.db().dialect().error_message(&error),
            }),
        };
        // SQLite refuses a change of the row whose REPLACE has started the trigger.
        let is_pinned = matches!(theirs, Err(SqliteError { code: SQLITE_CONSTRAINT_PINNED, .. }));
        if is_pinned || matches!(&ours, Err(error) if error.message.ends_with(" is not supported"))
        {
            return Err(Ending::Unsupported);
        }
        coverage.note(sql, &ours, done.as_ref());
        let compared = self.compare(sql, &ours, &theirs);
        let after = self.our_state();
        match compared {
            Ok(()) => {
                self.before = after;
                Ok(())
            }
            Err(difference) => {
                let moment = arbiter::Moment {
                    ours: &ours,
                    theirs: &theirs,
                    is_kept: after == self.before,
                    is_in_transaction: was_in_transaction
                        && self.db().is_in_transaction()
                        && !self.theirs.is_autocommit(),
                };
                let check = "PRAGMA foreign_key_check";
                let found = self.ours.query(check, &[]).ok();
                let ours = found.map(|found| found.rows.iter().map(|row| shown(row)).collect());
                let dangling = (ours, self.rows(check).ok());
                Err(match arbiter::judge(self.db(), &moment, dangling) {
                    Some(exception) => Ending::Explained(exception),
                    None => Ending::Different(Box::new(difference)),
                })
            }
        }
    }

    /// What SQLite makes of a statement; nothing if it would take too long.
    fn ask_sqlite(&self, sql: &str) -> Option<Answer> {
        let mut is_over = false;
        let answer = self.rows(sql).map_err(|error| {
            is_over = error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted);
            error.into()
        });
        (!is_over).then_some(answer)
    }

    fn rows(&self, sql: &str) -> rusqlite::Result<Rows> {
        let mut statement = self.theirs.prepare(sql)?;
        read(&mut statement)
    }

    /// As [`Twins::rows`], for what cannot be refused.
    fn known_rows(&self, sql: &str) -> Rows {
        self.rows(sql).expect("what is compared can be read")
    }

    // Comparison.

    fn compare(&mut self, sql: &str, ours: &Answer, theirs: &Answer) -> Result<(), Difference> {
        let script = self.script.clone();
        let same = |what: &'static str, ours: &dyn fmt::Debug, theirs: &dyn fmt::Debug| {
            let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
            match ours == theirs {
                true => Ok(()),
                false => Err(Difference { what, ours, theirs, script: script.clone() }),
            }
        };
        same("answer", &in_order(sql, ours), &in_order(sql, theirs))?;
        // Whatever reads outside a transaction ends this switch, so it is read first and put back.
        let defers_all = self.switch("defer_foreign_keys");
        same("in transaction", &self.db().is_in_transaction(), &!self.theirs.is_autocommit())?;
        same("changes()", &self.db().changes(), &self.theirs.changes())?;
        same("total_changes()", &self.db().total_changes(), &self.theirs.total_changes())?;
        let row_id = self.db().last_insert_row_id().0;
        same("last_insert_rowid()", &row_id, &self.theirs.last_insert_rowid())?;
        let state = self.our_state();
        if changes_schema(sql) {
            let select = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
            let outcome = self.ours.query(select, &[]).expect("the schema can be read");
            let ours: Rows = outcome.rows.iter().map(|row| shown(row)).collect();
            same("sqlite_schema", &ours, &self.known_rows(select))?;
        }
        same("rows", &state, &self.their_state())?;
        let dangling = self.db().check().ok().map(|report| report.total);
        let check = self.rows("PRAGMA foreign_key_check").ok();
        same("foreign_key_check", &dangling, &check.map(|rows| rows.len()))?;
        let enforces = self.db().enforcement() == Enforcement::On;
        same("foreign_keys", &enforces, &self.switch("foreign_keys"))?;
        same("indexes", &self.db().verify(), &Vec::<String>::new())?;
        if defers_all && self.theirs.is_autocommit() {
            let put_back = self.theirs.execute_batch("PRAGMA defer_foreign_keys = ON");
            put_back.expect("SQLite knows the switch");
        }
        same("defer_foreign_keys", &self.db().defers_all(), &defers_all)
    }

    fn switch(&self, name: &str) -> bool {
        self.known_rows(&format!("PRAGMA {name}")) == [["1"]]
    }

    fn our_state(&mut self) -> State {
        let tables: Vec<_> = self.db().catalog().tables().cloned().collect();
        tables.iter().map(|table| (table.name().to_owned(), self.our_rows(table))).collect()
    }

    fn our_rows(&mut self, table: &TableEntry) -> Rows {
        if table.definition.is_without_row_id() {
            let select = format!("SELECT * FROM \"{}\" NOT INDEXED", table.name());
            let outcome = self.ours.query(&select, &[]).expect("what is compared can be read");
            return outcome.rows.iter().map(|row| shown(row)).collect();
        }
        let rows = self.db().find(table.name(), Selector::All).unwrap_or_default();
        let row = |(id, row): (crate::id::RowId, crate::database::Row)| {
            std::iter::once(id.0.to_string()).chain(shown(&row)).collect()
        };
        rows.into_iter().map(row).collect()
    }

    /// The rows of the tables that there are here.
    fn their_state(&self) -> State {
        let state = |table: &std::sync::Arc<TableEntry>| {
            let id = if table.definition.is_without_row_id() { "" } else { "rowid, " };
            let name = table.name();
            let rows = self.known_rows(&format!("SELECT {id}* FROM \"{name}\" NOT INDEXED"));
            (name.to_owned(), rows)
        };
        self.db().catalog().tables().map(state).collect()
    }
}

fn read(statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<Rows> {
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cell = |at| Ok(row.get::<_, Value>(at)?.to_string());
        found.push((0..width).map(cell).collect::<rusqlite::Result<_>>()?);
    }
    Ok(found)
}

fn shown(row: &[Value]) -> Vec<String> {
    row.iter().map(Value::to_string).collect()
}

/// An answer whose rows are sorted, if nothing in the statement says how they are.
fn in_order(sql: &str, answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    let is_query = sql.starts_with("SELECT") || sql.starts_with("WITH");
    if let Ok(rows) = &mut answer
        && is_query
        && !sql.contains("ORDER BY")
    {
        rows.sort();
    }
    answer
}

fn changes_schema(sql: &str) -> bool {
    ["CREATE", "DROP", "ALTER", "ROLLBACK"].iter().any(|word| sql.starts_with(word))
}

/// Runs scripts until so many statements have been compared.
///
/// # Errors
/// The first difference that nothing explains, with the shortest script found.
pub fn run(seed: u64, statements: usize) -> Result<Coverage, Box<Difference>> {
    let mut coverage = Coverage::default();
    let mut script = 0;
    while coverage.statements < statements {
        run_script(seed.wrapping_mul(1_000_003).wrapping_add(script), &mut coverage)?;
        script += 1;
    }
    Ok(coverage)
}

fn run_script(seed: u64, coverage: &mut Coverage) -> Result<(), Box<Difference>> {
    let (mut writer, mut twins) = (Writer::new(seed), Twins::new());
    let mut statements = Vec::new();
    coverage.scripts += 1;
    for _ in 0..writer.length() {
        let sql = writer.next(twins.db());
        let result = twins.step(&sql, coverage);
        statements.push(sql);
        match result {
            Ok(()) => {}
            Err(Ending::Different(found)) => return Err(shortest(statements, found)),
            Err(Ending::Explained(exception)) => {
                coverage.exception(exception);
                break;
            }
            Err(Ending::TooLong) => {
                coverage.too_long += 1;
                break;
            }
            Err(Ending::Unsupported) => {
                coverage.unsupported += 1;
                break;
            }
        }
    }
    Ok(())
}

/// The difference that is left when every statement it can do without is left out.
fn shortest(statements: Vec<String>, found: Box<Difference>) -> Box<Difference> {
    let is_same = |one: &Difference, other: &Difference| {
        one.what == other.what && (one.what != "answer" || one.theirs == other.theirs)
    };
    shrink::shrink(statements, found, replay, |one, other| is_same(one, other)).1
}

/// The difference that these statements end in, and how many of them it takes.
fn replay(statements: &[String]) -> Option<(usize, Box<Difference>)> {
    let (mut twins, mut coverage) = (Twins::new(), Coverage::default());
    for (at, sql) in statements.iter().enumerate() {
        match twins.step(sql, &mut coverage) {
            Ok(()) => {}
            Err(Ending::Different(found)) => return Some((at + 1, found)),
            Err(_) => return None,
        }
    }
    None
}
