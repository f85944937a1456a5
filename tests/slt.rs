//! Scripts of SQL with what SQLite answers, in the format of its own logic tests: each must hold there
//! and here. `UPDATE_GOLDENFILES=1` records them anew, from SQLite alone.
#![cfg(all(feature = "sql", feature = "sqlite"))]

use ondelete::error::SqliteError;
use ondelete::sql::Connection;
use ondelete::{Database, Enforcement, Value};
use sqllogictest::{
    DB, DBOutput, DefaultColumnType, Runner, default_normalizer, default_validator,
    strict_column_validator,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

type Answer = Result<DBOutput<DefaultColumnType>, SqliteError>;

/// The engine.
struct Ours(Connection);

impl DB for Ours {
    type Error = SqliteError;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Answer {
        match self.0.query(sql, &[]) {
            Ok(outcome) if outcome.columns.is_empty() => {
                let changed = outcome.done.map_or(0, |done| done.direct);
                Ok(DBOutput::StatementComplete(changed as u64))
            }
            Ok(outcome) => Ok(output(outcome.columns.len(), outcome.rows)),
            Err(error) => Err(SqliteError {
                code: error.extended_code(),
                message: self.0.database().dialect().error_message(&error),
            }),
        }
    }
}

/// SQLite.
struct Theirs(rusqlite::Connection);

impl DB for Theirs {
    type Error = SqliteError;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Answer {
        self.answer(sql).map_err(SqliteError::from)
    }
}

impl Theirs {
    fn answer(&self, sql: &str) -> rusqlite::Result<DBOutput<DefaultColumnType>> {
        let changed_before = self.0.total_changes();
        let mut statement = self.0.prepare(sql)?;
        let width = statement.column_count();
        let mut found = statement.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let cell = |at| row.get(at);
            rows.push((0..width).map(cell).collect::<rusqlite::Result<Vec<_>>>()?);
        }
        let is_changed = self.0.total_changes() != changed_before;
        Ok(match width {
            0 if is_changed => DBOutput::StatementComplete(self.0.changes()),
            0 => DBOutput::StatementComplete(0),
            _ => output(width, rows),
        })
    }
}

/// Rows as the format has them; the type of a column is that of its first value that is not NULL.
fn output(width: usize, rows: Vec<Vec<Value>>) -> DBOutput<DefaultColumnType> {
    let types = (0..width).map(|at| {
        let mut values = rows.iter().map(|row| &row[at]).filter(|value| !value.is_null());
        match values.next() {
            Some(Value::Integer(_)) => DefaultColumnType::Integer,
            Some(Value::Real(_)) => DefaultColumnType::FloatingPoint,
            _ => DefaultColumnType::Text,
        }
    });
    let types = types.collect();
    let cell = |value: &Value| match value {
        Value::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Value::Text(text) => text.to_string(),
        other => other.to_string(),
    };
    let rows = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    DBOutput::Rows { types, rows }
}

fn ours() -> Result<Ours, SqliteError> {
    Ok(Ours(Connection::new(Database::new(Enforcement::Off))))
}

fn theirs() -> Result<Theirs, SqliteError> {
    let connection = rusqlite::Connection::open_in_memory().expect("SQLite opens");
    connection.execute_batch("PRAGMA foreign_keys = OFF").expect("SQLite knows the switch");
    Ok(Theirs(connection))
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let entries = fs::read_dir(folder).expect("the folder of scripts can be read");
    let mut scripts: Vec<_> =
        entries.map(|entry| entry.expect("and so can its entries").path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "slt"));
    scripts.sort();
    scripts
}

/// Writes down what SQLite answers.
fn record(script: &Path) {
    let mut runner = Runner::new(|| async { theirs() });
    let recorded = pin!(runner.update_test_file(
        script,
        " ",
        default_validator,
        default_normalizer,
        strict_column_validator,
    ));
    // Neither database waits for anything, so it is done when it has been asked once.
    match recorded.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done.expect("the script can be recorded"),
        Poll::Pending => unreachable!("nothing is waited for"),
    }
}

#[test]
fn scripts_hold_in_sqlite_and_here() {
    let mut failed = Vec::new();
    for script in scripts() {
        if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
            record(&script);
        }
        let mut runner = Runner::new(|| async { theirs() });
        runner.with_column_validator(strict_column_validator);
        let theirs = runner.run_file(&script);
        failed.extend(theirs.err().map(|error| format!("in SQLite: {error}")));
        let mut runner = Runner::new(|| async { ours() });
        runner.with_column_validator(strict_column_validator);
        let ours = runner.run_file(&script);
        failed.extend(ours.err().map(|error| format!("here: {error}")));
    }
    assert!(failed.is_empty(), "{} scripts failed:\n{}", failed.len(), failed.join("\n"));
}
