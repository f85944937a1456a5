//! `ondelete explain`: what a statement would do to one's own tables.

use super::Failure;
use crate::database::{Database, Enforcement};
use crate::sql::{Connection, split_statement};
use clap::{Args, ValueEnum};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Tell what a statement would do, on your own schema and data.
///
/// The file is SQL that makes the tables and fills them. Foreign keys are enforced.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ondelete explain examples/heroes.sql \"DELETE FROM team WHERE id = 3\"\n  \
    ondelete explain examples/heroes.sql \"DELETE FROM mission\" --format json")]
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
/// [`Failure::Input`] if the file cannot be read or run, or there is not one statement;
/// [`Failure::Statement`] if that one has no plan.
pub(super) fn run(arguments: &ExplainArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let Some((statement, rest)) = split_statement(&arguments.statement) else {
        return Err(Failure::Input("there is no statement to explain".to_owned()));
    };
    if split_statement(rest).is_some() {
        return Err(Failure::Input("only one statement is explained at a time".to_owned()));
    }
    let mut connection = Connection::new(Database::new(Enforcement::On));
    run_file(&mut connection, &arguments.schema)?;
    let plan = connection.plan(statement)?;
    match arguments.format {
        Format::Tree => writeln!(out, "{plan}")?,
        Format::Json => writeln!(out, "{:#}", plan.to_json())?,
    }
    Ok(())
}

/// Runs a file of SQL; what fails is told by its line.
fn run_file(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    let script = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    let mut rest = script.as_str();
    while let Some((statement, behind)) = split_statement(rest) {
        connection.query(statement, &[]).map_err(|error| {
            let before = &script[..script.len() - rest.len()];
            let blank = &rest[..rest.len() - rest.trim_start().len()];
            let line = 1 + before.matches('\n').count() + blank.matches('\n').count();
            Failure::Input(format!("line {line} of \"{}\": {error}", path.display()))
        })?;
        rest = behind;
    }
    Ok(())
}
