//! A real SQLite that is told the same and must answer the same.

use crate::catalog::Catalog;
use crate::database::Database;
use crate::error::{Error, InputError, NameKind, SchemaError, SqliteError};
use crate::query::Select;
use crate::testing::{Effect, Operation};
use crate::value::Value;
use rusqlite::Connection;

/// One SQLite beside one database.
pub(super) struct Judge {
    connection: Connection,
    /// What went through, to be told again to a fork.
    said: Vec<String>,
}

type Verdict<T = ()> = Result<T, String>;

impl Judge {
    /// An empty SQLite with enforcement on.
    pub(super) fn new() -> Verdict<Self> {
        let connection = Connection::open_in_memory().map_err(|error| error.to_string())?;
        let mut judge = Judge { connection, said: Vec::new() };
        judge.say("PRAGMA foreign_keys = ON").map_err(|refusal| refusal.message)?;
        Ok(judge)
    }

    /// A second one with the same contents.
    pub(super) fn fork(&self) -> Verdict<Self> {
        let mut fork = Judge::new()?;
        for sql in &self.said {
            fork.say(sql).map_err(|refusal| refusal.message)?;
        }
        Ok(fork)
    }

    fn say(&mut self, sql: &str) -> Result<(), SqliteError> {
        self.connection.execute_batch(sql).map_err(SqliteError::from)?;
        self.said.push(sql.to_owned());
        Ok(())
    }

    /// Tells SQLite what was told to us and compares the outcome, the counters and all rows.
    pub(super) fn judge(
        &mut self,
        operation: &Operation,
        before: &Catalog,
        db: &Database,
        ours: &Result<Effect, Error>,
    ) -> Verdict {
        let sql = operation.to_sql(before);
        let total = self.connection.total_changes();
        let theirs = self.say(&sql);
        let differ = |what: &str, ours: &str, theirs: &str| {
            Err(format!("{what} differs over {sql}\n  ours:   {ours}\n  SQLite: {theirs}"))
        };
        match (ours, &theirs) {
            (Ok(effect), Ok(())) if matches!(operation, Operation::Statement(_)) => {
                let total = self.connection.total_changes() - total;
                let theirs = (self.connection.changes(), total);
                let ours = (effect.direct as u64, effect.total as u64);
                if ours != theirs {
                    let text = |(direct, total)| format!("{direct} direct, {total} in all");
                    return differ("count", &text(ours), &text(theirs));
                }
            }
            (Ok(_), Ok(())) => {}
            (Ok(_), Err(refusal)) => return differ("outcome", "ok", &refusal.message),
            (Err(error), Ok(())) => return differ("outcome", &error.to_string(), "ok"),
            (Err(error), Err(refusal)) => {
                let message = db.dialect().error_message(error);
                if has_sqlite_message(error) && message != refusal.message {
                    return differ("message", &message, &refusal.message);
                }
                if has_sqlite_message(error) && error.extended_code() != refusal.code {
                    let (ours, theirs) = (error.extended_code(), refusal.code);
                    return differ("code", &ours.to_string(), &theirs.to_string());
                }
            }
        }
        if db.is_in_transaction() == self.connection.is_autocommit() {
            let ours = if db.is_in_transaction() { "open" } else { "closed" };
            return differ("transaction", ours, "the opposite");
        }
        match operation {
            // In autocommit, a SELECT would end the switch there as any statement does.
            Operation::SetDeferAll(_) => Ok(()),
            _ => self.compare_rows(db),
        }
    }

    fn compare_rows(&self, db: &Database) -> Verdict {
        for table in db.catalog().tables() {
            let all = Select::from(table.name());
            let ours = db.select(&all).map_err(|error| error.to_string())?.rows;
            let theirs = self.rows(&format!("{all} ORDER BY rowid"))?;
            if ours != theirs {
                let name = table.name();
                return Err(format!(
                    "rows of {name} differ\n  ours:   {ours:?}\n  SQLite: {theirs:?}"
                ));
            }
        }
        Ok(())
    }

    /// Asks SQLite the same query.
    pub(super) fn judge_select(&self, select: &Select, ours: &[Vec<Value>]) -> Verdict {
        let theirs = self.rows(&select.to_string())?;
        match theirs == ours {
            true => Ok(()),
            false => Err(format!("{select} differs\n  ours:   {ours:?}\n  SQLite: {theirs:?}")),
        }
    }

    /// Asks SQLite how many keys dangle.
    pub(super) fn judge_check(&self, total: usize) -> Verdict {
        let theirs = self.rows("PRAGMA foreign_key_check")?.len();
        match theirs == total {
            true => Ok(()),
            false => Err(format!("SQLite finds {theirs} keys that dangle")),
        }
    }

    /// Asks SQLite for its counters: changes, total changes, last row id.
    pub(super) fn judge_counters(&self, changes: usize, last: i64) -> Verdict {
        let theirs = (self.connection.changes(), self.connection.last_insert_rowid());
        match theirs == (changes as u64, last) {
            true => Ok(()),
            false => Err(format!("SQLite counts {theirs:?}, and here it is {:?}", (changes, last))),
        }
    }

    fn rows(&self, sql: &str) -> Verdict<Vec<Vec<Value>>> {
        let read = || -> rusqlite::Result<Vec<Vec<Value>>> {
            let mut statement = self.connection.prepare(sql)?;
            let width = statement.column_count();
            let rows = statement
                .query_map([], |row| (0..width).map(|position| row.get(position)).collect())?;
            rows.collect()
        };
        read().map_err(|error| format!("{sql}: {error}"))
    }
}

/// Where our dialect promises SQLite's own line. Of a column or a function that is not there, SQLite
/// says where it was written, which an error here does not know; and too deep a cascade is worded
/// otherwise from version to version.
fn has_sqlite_message(error: &Error) -> bool {
    match error {
        Error::Violation(_) | Error::Transaction(_) | Error::Aborted(_) | Error::Sql(_) => true,
        Error::Schema(error) => {
            !matches!(**error, SchemaError::Expression { .. } | SchemaError::NoColumns { .. })
        }
        Error::Name(error) => !matches!(error.kind, NameKind::Column | NameKind::Program),
        Error::Input(error) => matches!(**error, InputError::NotAnInteger { .. }),
        // A query is refused by the same words, behind those that say where.
        Error::Depth(_) | Error::Query(_) => false,
    }
}
