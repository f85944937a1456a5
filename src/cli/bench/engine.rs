//! This crate as the subject of a bench, through its public interface.

use super::shapes::{Layout, ROOT};
use super::{Effect, Subject, Times};
use crate::cli::Failure;
use crate::database::{Database, Dialect, Done, Enforcement};
use crate::error::{Error, Event, Result};
use crate::key;
use crate::value::Value;
use std::time::Instant;

/// Rows of one INSERT: many enough to be fast, few enough to be held twice.
const BATCH_ROWS: usize = 10_000;

/// A database with the rows of a layout.
pub(super) struct Engine {
    db: Database,
    table: String,
}

/// What a delete comes to.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It went through.
    Done {
        /// Rows deleted, the root among them.
        deleted: u64,
        /// Rows whose key was set to NULL or to its default.
        updated: u64,
    },
    /// A constraint kept it from happening.
    Refused {
        /// The violation in one line.
        message: String,
        /// SQLite's extended code.
        code: i32,
    },
}

impl Engine {
    /// Tells `built` of rows as they come to be there.
    pub(super) fn build(layout: &Layout, is_too_deep: bool, built: &dyn Fn(usize)) -> Result<Self> {
        let mut dialect = Dialect::sqlite();
        if is_too_deep {
            dialect = dialect.with_depth_limit(None);
        }
        let mut db = Database::with_dialect(Enforcement::On, dialect);
        for part in &layout.parts {
            db.create_table(part.definition.clone())?;
            let mut rows = part.rows().map(|row| row.into_iter().map(Value::from).collect());
            loop {
                let batch: Vec<Vec<Value>> = rows.by_ref().take(BATCH_ROWS).collect();
                if batch.is_empty() {
                    break;
                }
                built(batch.len());
                db.insert_many(part.definition.name(), batch)?;
            }
        }
        Ok(Engine { db, table: layout.root_table().to_owned() })
    }

    /// Deletes the root, rolls back, and tells all about it.
    pub(super) fn try_delete(&mut self) -> Result<(Outcome, Times)> {
        let mut transaction = self.db.begin()?;
        let began = Instant::now();
        let result = transaction.delete(&self.table, key![ROOT]);
        let delete = began.elapsed();
        let began = Instant::now();
        transaction.rollback()?;
        let times = Times { delete, rollback: began.elapsed() };
        Ok((Outcome::of(result)?, times))
    }
}

impl Subject for Engine {
    fn name(&self) -> &'static str {
        "ondelete"
    }

    fn delete_root(&mut self) -> Result<(Effect, Times), Failure> {
        let (outcome, times) = self.try_delete()?;
        Ok((outcome.effect(), times))
    }
}

impl Outcome {
    /// A violation is an outcome; what else goes wrong is not.
    fn of(result: Result<Done>) -> Result<Outcome> {
        match result {
            Ok(done) => {
                let rows = |event| {
                    let over = done.by_constraint.iter().filter(|entry| entry.event == event);
                    over.map(|entry| entry.rows as u64).sum::<u64>()
                };
                let deleted = done.direct as u64 + rows(Event::Delete);
                Ok(Outcome::Done { deleted, updated: rows(Event::Update) })
            }
            Err(error @ Error::Violation(_)) => {
                let message = error.to_string().lines().next().unwrap_or_default().to_owned();
                Ok(Outcome::Refused { message, code: error.extended_code() })
            }
            Err(error) => Err(error),
        }
    }

    /// That of it which another subject can be asked for.
    pub(super) fn effect(&self) -> Effect {
        match self {
            Outcome::Done { deleted, updated } => {
                Effect { rows_changed: deleted + updated, code: None }
            }
            Outcome::Refused { code, .. } => Effect { rows_changed: 0, code: Some(*code) },
        }
    }
}
