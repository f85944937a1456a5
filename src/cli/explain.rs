//! `ondelete explain`: what a statement would do to one's own tables.

use super::Failure;
use crate::database::{Database, Enforcement};
use crate::sql::Connection;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// Tell what a statement would do, on your own schema and data.
///
/// The file is SQL that makes the tables and fills them. Foreign keys are enforced.
#[derive(Args, Debug)]
pub(super) struct ExplainArguments {
    /// A file of SQL: tables and rows.
    schema: PathBuf,
    /// The statement: DELETE, UPDATE or INSERT.
    statement: String,
    /// How the plan is written.
    #[arg(long, value_enum, default_value = "tree")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Tree,
    Json,
}

/// Writes the plan of a statement.
///
/// # Errors
/// [`Failure::Input`] if the file cannot be read, [`Failure::Statement`] for SQL that fails.
pub(super) fn run(arguments: &ExplainArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let path = &arguments.schema;
    let script = std::fs::read_to_string(path)
        .map_err(|error| Failure::Input(format!("cannot read \"{}\": {error}", path.display())))?;
    let mut connection = Connection::new(Database::new(Enforcement::On));
    connection.execute_script(&script)?;
    let plan = connection.plan(&arguments.statement)?;
    match arguments.format {
        Format::Tree => writeln!(out, "{plan}")?,
        Format::Json => writeln!(out, "{:#}", plan.to_json())?,
    }
    Ok(())
}
