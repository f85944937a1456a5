//! SQLite as the subject of a bench: the same tables and rows, in memory, with what its users are
//! told to do for speed: statements prepared before they are timed, rows inserted in one
//! transaction, and an index on each referencing column, which this crate has of itself.

use super::shapes::{Layout, ROOT};
use super::{Effect, Subject, Times};
use crate::catalog::Index;
use crate::cli::Failure;
use rusqlite::{Connection, ErrorCode, params_from_iter};
use std::time::Instant;

/// Rows between two reports of progress.
const BATCH_ROWS: usize = 10_000;

/// A connection to a database with the rows of a layout.
pub(super) struct Sqlite {
    connection: Connection,
    delete: String,
}

impl Sqlite {
    /// Tells `built` of rows as they come to be there.
    pub(super) fn build(layout: &Layout, built: &dyn Fn(usize)) -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.pragma_update(None, "foreign_keys", "on")?;
        connection.execute_batch("BEGIN")?;
        for part in &layout.parts {
            let (definition, name) = (&part.definition, part.definition.name());
            connection.execute_batch(&definition.to_string())?;
            let places = vec!["?"; definition.columns().len()].join(", ");
            let mut insert =
                connection.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?;
            for (position, row) in part.rows().enumerate() {
                insert.execute(params_from_iter(row))?;
                if (position + 1) % BATCH_ROWS == 0 {
                    built(BATCH_ROWS);
                }
            }
            built(part.row_count() as usize % BATCH_ROWS);
            for key in definition.foreign_keys() {
                let columns = key.columns();
                let index = Index::new(format!("{name}_{}", columns.join("_")), name, columns);
                connection.execute_batch(&index.to_string())?;
            }
        }
        connection.execute_batch("COMMIT")?;
        let delete = format!("DELETE FROM {} WHERE id = {ROOT}", layout.root_table());
        Ok(Sqlite { connection, delete })
    }

    fn try_delete(&mut self) -> rusqlite::Result<(Effect, Times)> {
        let before = self.connection.total_changes();
        let mut statement = self.connection.prepare(&self.delete)?;
        self.connection.execute_batch("BEGIN")?;
        let began = Instant::now();
        let result = statement.execute([]);
        let delete = began.elapsed();
        let rows_changed = self.connection.total_changes() - before;
        let effect = match result {
            Ok(_) => Effect { rows_changed, code: None },
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::ConstraintViolation =>
            {
                Effect { rows_changed: 0, code: Some(failure.extended_code) }
            }
            Err(other) => return Err(other),
        };
        let began = Instant::now();
        self.connection.execute_batch("ROLLBACK")?;
        Ok((effect, Times { delete, rollback: began.elapsed() }))
    }
}

impl Subject for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn delete_root(&mut self) -> Result<(Effect, Times), Failure> {
        Ok(self.try_delete()?)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Bench(format!("SQLite failed: {error}"))
    }
}
