//! The engine and SQLite side by side, told the same and compared.

use super::{Answer, Ending, Rows, arbiter};
use crate::catalog::TableEntry;
use crate::database::{Database, Dialect, Done, Enforcement, Selector};
use crate::error::{Error, SqliteError};
use crate::id::SchemaId;
use crate::sql::{Connection, Outcome, Prepared};
use crate::testing::Difference;
use crate::value::Value;
use rusqlite::ffi::SQLITE_CONSTRAINT_PINNED;
use rusqlite::limits::Limit;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// How many programs may nest, here and there: enough for any chain of keys, and few enough for
/// triggers that start each other without end.
const DEPTH_MAX: usize = 40;

/// SQLite's steps for one statement; one that takes more ends its script, before it is run here.
const STEPS_MAX: i32 = 60_000;

/// What reads SQLite's rows is prepared once for each table.
const STATEMENTS_KEPT: usize = 64;

/// All rows of all tables, each with its row id where it has one.
type State = Vec<(String, Rows)>;

/// By which way a statement comes in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// As a text that shares its plan with those that differ in their literals.
    Text,
    /// Prepared as it is written, and kept prepared for when it comes again.
    Prepared,
}

/// A statement, and by which way it comes in.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) way: Way,
}

/// What a statement did, for what is counted of it.
pub(super) struct Told {
    pub(super) answer: Answer,
    pub(super) done: Option<Done>,
}

/// One database of each kind.
pub(super) struct Twins {
    ours: Connection,
    theirs: rusqlite::Connection,
    script: String,
    before: State,
    /// Statements that came by [`Way::Prepared`], by their text.
    kept: HashMap<String, Prepared>,
}

impl Twins {
    pub(super) fn new() -> Self {
        let mut theirs = rusqlite::Connection::open_in_memory().expect("SQLite opens");
        let limit = theirs.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, DEPTH_MAX as i32);
        limit.expect("the limit is within SQLite's own");
        theirs.execute_batch("PRAGMA foreign_keys = OFF").expect("SQLite knows the switch");
        theirs.progress_handler(STEPS_MAX, Some(|| true)).expect("the connection is open");
        theirs.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Twins {
            ours: connection(),
            theirs,
            script: format!(".limit trigger_depth {DEPTH_MAX}\nPRAGMA foreign_keys = OFF;\n"),
            before: State::new(),
            kept: HashMap::new(),
        }
    }

    pub(super) fn db(&self) -> &Database {
        self.ours.database()
    }

    /// Runs a statement on both and compares.
    pub(super) fn step(&mut self, step: &Step) -> Result<Told, Ending> {
        let sql = &step.sql;
        self.script += sql;
        self.script += ";\n";
        let was_in_transaction = self.db().is_in_transaction();
        let Some(theirs) = self.ask_sqlite(sql) else { return Err(Ending::TooLong) };
        let told = self.tell(step);
        // SQLite refuses a change of the row whose REPLACE has started the trigger.
        let is_pinned = matches!(theirs, Err(SqliteError { code: SQLITE_CONSTRAINT_PINNED, .. }));
        let is_lacking =
            matches!(&told.answer, Err(error) if error.message.ends_with(" is not supported"));
        if is_pinned || is_lacking {
            return Err(Ending::Unsupported);
        }
        let after = self.our_state();
        let Err(difference) = self.compare(sql, &told.answer, &theirs, &after) else {
            self.before = after;
            return Ok(told);
        };
        let moment = arbiter::Moment {
            ours: &told.answer,
            theirs: &theirs,
            what: difference.what,
            sql,
            may_fail: self.script.contains("ON CONFLICT FAIL") || sql.contains("OR FAIL"),
            is_kept: after == self.before,
            is_corrupt: self.their_rows("PRAGMA integrity_check").is_ok_and(is_corrupt),
            is_in_transaction: was_in_transaction
                && self.db().is_in_transaction()
                && !self.theirs.is_autocommit(),
        };
        let counts = arbiter::counts(self.db(), moment.is_in_transaction);
        let (ours, theirs) = (&mut self.ours, &self.theirs);
        let here = || counts.iter().map(|sql| count(&ours.query(sql, &[]).ok()?.rows)).sum();
        let there =
            || counts.iter().map(|sql| count(&read(&mut theirs.prepare(sql).ok()?).ok()?)).sum();
        Err(match arbiter::judge(&moment, here, there) {
            Some(exception) => Ending::Explained(exception),
            None => Ending::Different(Box::new(difference)),
        })
    }

    // The engine.

    fn tell(&mut self, step: &Step) -> Told {
        let outcome = match step.way {
            Way::Text => self.ours.query(&step.sql, &[]),
            Way::Prepared => self.run_prepared(&step.sql),
        };
        match outcome {
            Ok(outcome) => Told { answer: Ok(outcome.rows), done: outcome.done },
            Err(error) => Told { answer: Err(line_of(&self.ours, &error)), done: None },
        }
    }

    /// Runs the same once more, several statements at once, which must come to the same: `texts` are
    /// what was run up to each refusal, with that refusal, and what came behind the last.
    pub(super) fn rerun(
        &mut self,
        texts: &[(String, Option<SqliteError>)],
    ) -> Result<(), Difference> {
        let mut again = Twins::new();
        for (text, refusal) in texts {
            again.script += text;
            let found = again.ours.execute_script(text).err();
            let found = found.map(|error| line_of(&again.ours, &error));
            again.same("refusal in a text", &found, refusal)?;
        }
        let counters = |db: &Database| (db.changes(), db.total_changes(), db.last_insert_row_id());
        again.same("counters after texts", &counters(again.db()), &counters(self.db()))?;
        let (ours, before) = (again.our_state(), self.our_state());
        again.same("rows after texts", &ours, &before)
    }

    fn run_prepared(&mut self, sql: &str) -> crate::error::Result<Outcome> {
        let mut prepared = match self.kept.remove(sql) {
            Some(prepared) => prepared,
            None => self.ours.prepare(sql)?,
        };
        let outcome = self.ours.run(&mut prepared, &[]);
        self.kept.insert(sql.to_owned(), prepared);
        outcome
    }

    fn our_state(&mut self) -> State {
        let tables: Vec<_> = self.db().catalog().tables().cloned().collect();
        tables.iter().map(|table| (full_name(table), self.our_rows(table))).collect()
    }

    fn our_rows(&mut self, table: &TableEntry) -> Rows {
        if table.definition.is_without_row_id() || is_of_sequences(table) {
            return self.run_prepared(&read_all(table)).expect("a table can be read").rows;
        }
        let rows = self.db().find(full_name(table).as_str(), Selector::All).unwrap_or_default();
        let row = |(id, row): (crate::id::RowId, crate::database::Row)| {
            std::iter::once(id.0.into()).chain(row.iter().cloned()).collect()
        };
        rows.into_iter().map(row).collect()
    }

    // SQLite.

    /// What SQLite makes of a statement; nothing if it would take too long.
    fn ask_sqlite(&self, sql: &str) -> Option<Answer> {
        let mut is_over = false;
        let answer = self.their_rows(sql).map_err(|error| {
            is_over = error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted);
            error.into()
        });
        (!is_over).then_some(answer)
    }

    fn their_rows(&self, sql: &str) -> rusqlite::Result<Rows> {
        read(&mut self.theirs.prepare(sql)?)
    }

    /// As [`Twins::their_rows`], for what is asked again and again and cannot be refused.
    fn known_rows(&self, sql: &str) -> Rows {
        let rows = || read(&mut *self.theirs.prepare_cached(sql)?);
        rows().expect("what is compared can be read")
    }

    /// The rows of the tables that there are here.
    fn their_state(&self) -> State {
        let state = |table: &Arc<TableEntry>| (full_name(table), self.known_rows(&read_all(table)));
        self.db().catalog().tables().map(state).collect()
    }

    /// The schemas that there are.
    fn schemas(&self) -> &'static [&'static str] {
        match self.db().catalog().schemas().find("aux") {
            Some(_) => &["main", "temp", "aux"],
            None => &["main", "temp"],
        }
    }

    fn switch(&self, name: &str) -> bool {
        let rows = self.their_rows(&format!("PRAGMA {name}"));
        rows.expect("a switch can be read") == [[Value::from(1)]]
    }

    // Comparison.

    fn compare(
        &mut self,
        sql: &str,
        ours: &Answer,
        theirs: &Answer,
        state: &State,
    ) -> Result<(), Difference> {
        self.same("answer", &in_order(sql, ours), &in_order(sql, theirs))?;
        // Whatever reads outside a transaction ends this switch, so it is read first and put back.
        let defers_all = self.switch("defer_foreign_keys");
        let is_open = self.db().is_in_transaction();
        self.same("in transaction", &is_open, &!self.theirs.is_autocommit())?;
        self.same("changes()", &(self.db().changes() as u64), &self.theirs.changes())?;
        let total = self.db().total_changes() as u64;
        self.same("total_changes()", &total, &self.theirs.total_changes())?;
        let row_id = self.db().last_insert_row_id().0;
        self.same("last_insert_rowid()", &row_id, &self.theirs.last_insert_rowid())?;
        if changes_schema(sql) {
            let columns = "type, name, tbl_name, sql";
            let of = |schema: &&str| format!("SELECT {columns} FROM {schema}.sqlite_schema");
            let all: Vec<_> = self.schemas().iter().map(of).collect();
            let select = all.join(" UNION ALL ") + " ORDER BY 1, 2, 3, 4";
            let ours = self.run_prepared(&select).expect("the schema can be read").rows;
            self.same("sqlite_schema", &ours, &self.known_rows(&select))?;
        }
        self.same("rows", state, &self.their_state())?;
        let dangling = self.db().check().ok().map(|report| report.total);
        let check = |schema: &&str| {
            let rows = self.their_rows(&format!("PRAGMA {schema}.foreign_key_check"));
            rows.map(|rows| rows.len()).ok()
        };
        let check: Option<usize> = self.schemas().iter().map(check).sum();
        self.same("foreign_key_check", &dangling, &check)?;
        let enforces = self.db().enforcement() == Enforcement::On;
        self.same("foreign_keys", &enforces, &self.switch("foreign_keys"))?;
        self.same("indexes", &self.db().verify(), &Vec::new())?;
        if defers_all && self.theirs.is_autocommit() {
            let put_back = self.theirs.execute_batch("PRAGMA defer_foreign_keys = ON");
            put_back.expect("SQLite knows the switch");
        }
        self.same("defer_foreign_keys", &self.db().defers_all(), &defers_all)
    }

    fn same<T: PartialEq + fmt::Debug>(
        &self,
        what: &'static str,
        ours: &T,
        theirs: &T,
    ) -> Result<(), Difference> {
        if ours == theirs {
            return Ok(());
        }
        let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
        Err(Difference { what, ours, theirs, script: self.script.clone() })
    }
}

/// What SQLite would say of an error.
fn line_of(connection: &Connection, error: &Error) -> SqliteError {
    let message = connection.database().dialect().error_message(error);
    SqliteError { code: error.extended_code(), message }
}

fn connection() -> Connection {
    let dialect = Dialect::sqlite().with_depth_limit(Some(DEPTH_MAX));
    Connection::new(Database::with_dialect(Enforcement::Off, dialect))
}

/// The query for all rows of a table, in their own order. Without row ids SQLite may read them from an
/// index, in its order, unless it is told another.
fn read_all(table: &TableEntry) -> String {
    let name = full_name(table);
    // In which order it has been given its rows is left open.
    if is_of_sequences(table) {
        return format!("SELECT * FROM {name} ORDER BY name");
    }
    if !table.definition.is_without_row_id() {
        return format!("SELECT rowid, * FROM {name} NOT INDEXED");
    }
    let key = table.definition.primary_key_columns();
    let key: Vec<String> = key.iter().map(|column| format!("\"{column}\"")).collect();
    format!("SELECT * FROM {name} ORDER BY {}", key.join(", "))
}

fn is_of_sequences(table: &TableEntry) -> bool {
    table.name() == "sqlite_sequence"
}

/// The name of a table with its schema: a temporary one may be called as another is.
fn full_name(table: &TableEntry) -> String {
    let schema = match table.definition.schema() {
        SchemaId::MAIN => "main",
        SchemaId::TEMP => "temp",
        _ => "aux",
    };
    format!("{schema}.{}", table.name())
}

/// Whether an integrity check has found more than values that are not what their columns demand.
fn is_corrupt(rows: Rows) -> bool {
    let lines = rows.iter().flatten().map(Value::to_string);
    let words = ["missing from index", "out of order"];
    lines.into_iter().any(|line| words.iter().any(|words| line.contains(words)))
}

/// The only value of a query that counts.
fn count(rows: &Rows) -> Option<i64> {
    rows.first()?.first()?.as_integer()
}

fn read(statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<Rows> {
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let width = row.as_ref().column_count();
        found.push((0..width).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?);
    }
    Ok(found)
}

/// An answer whose rows are sorted, if nothing in the statement says how they are.
fn in_order(sql: &str, answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    let is_query = sql.starts_with("SELECT") || sql.starts_with("WITH");
    if let Ok(rows) = &mut answer
        && is_query
        && !sql.contains("ORDER BY")
    {
        rows.sort_by_cached_key(|row| format!("{row:?}"));
    }
    answer
}

fn changes_schema(sql: &str) -> bool {
    ["CREATE", "DROP", "ALTER", "ROLLBACK"].iter().any(|word| sql.starts_with(word))
}
