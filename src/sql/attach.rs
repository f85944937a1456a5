//! ATTACH and DETACH: a further schema, beside main and temp.
//!
//! Nothing is ever read from a file or written to one. Whatever file an ATTACH names, it gets a
//! database that is empty and lives in memory, until a DETACH drops it.

use super::dml::refused;
use super::run;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::id::SchemaId;
use crate::query::Query;
use crate::value::Value;

/// The most databases that may be attached at once.
const ATTACHED_MAX: usize = 10;

/// Attaches an empty database: a query gives the file, which counts for nothing, and the name.
///
/// # Errors
/// If there is one of that name, or there are too many.
pub(super) fn attach(db: &mut Database, query: &Query, parameters: &[Value]) -> Result<()> {
    let name = name_of(db, query, parameters)?;
    let schemas = db.catalog().schemas();
    if schemas.attached().len() >= ATTACHED_MAX {
        return refused(format!("too many attached databases - max {ATTACHED_MAX}"));
    }
    if schemas.find(&name).is_some() {
        return refused(format!("database {name} is already in use"));
    }
    db.attach_schema(&name);
    Ok(())
}

/// Drops the attached database whose name a query gives.
///
/// # Errors
/// If there is none, or a transaction has changed something: in SQLite, something in it.
pub(super) fn detach(db: &mut Database, query: &Query, parameters: &[Value]) -> Result<()> {
    let name = name_of(db, query, parameters)?;
    match db.catalog().schemas().find(&name) {
        None => refused(format!("no such database: {name}")),
        Some(SchemaId::MAIN | SchemaId::TEMP) => refused(format!("cannot detach database {name}")),
        Some(schema) => match db.detach_schema(schema) {
            Err(Error::Transaction(_)) => refused(format!("database {name} is locked")),
            done => done,
        },
    }
}

fn name_of(db: &Database, query: &Query, parameters: &[Value]) -> Result<String> {
    let rows = run::rows(&db.view(), query, parameters)?;
    let name = rows.first().and_then(|row| row.last()).and_then(Value::to_text);
    Ok(name.map_or_else(String::new, |name| name.to_string()))
}
