//! The command line: what can be asked for, and who answers.
//!
//! [`Arguments`] is the call as clap reads it, [`run`] does what it asks. Output goes to a writer
//! that is handed in, with its styles as escape sequences: the program hands in one that drops them
//! unless a terminal listens (`anstream`), a test one that drops them always.
//!
//! The exit status is 0 if it was done, 1 if a statement failed or what is compared differs, 2 if
//! the call itself is wrong. Refused deletes are the subject of a tour or bench, not its failure.

mod bench;
mod compare;
mod explain;
mod render;
mod scenario;
mod shell;
mod tour;

use crate::catalog::ReferentialAction;
use crate::error::Error;
use crate::session;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

/// The call of the program.
#[derive(Debug, Parser)]
#[command(
    name = "ondelete",
    version,
    max_term_width = 80,
    about = "See what a DELETE does, before it does it",
    long_about = "See what a DELETE does, before it does it.\n\n\
        An in-memory relational engine whose foreign keys behave as SQLite's do. It\n\
        plans a delete without doing it, carries it out, and says why rows vanish, turn\n\
        NULL, stay, or keep it from happening.",
    after_help = "Start with:\n  ondelete tour\n  ondelete shell",
    after_long_help = "Start with:\n  ondelete tour\n  ondelete shell\n\n\
        Exit status:\n  0  done\n  1  a statement failed, or what is compared differs\n  \
        2  the call is wrong"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Tour(tour::TourArguments),
    Explain(explain::ExplainArguments),
    Shell(shell::ShellArguments),
    Compare(compare::CompareArguments),
    Replay(scenario::ReplayArguments),
    Bench(bench::BenchArguments),
}

/// For whom output is written.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Format {
    /// For people: 80 columns, coloured on a terminal
    Text,
    /// For machines: one document
    Json,
}

/// The ON DELETE actions as one writes them on a command line, in the order of the tour: first
/// those that its chapter shows.
const ACTIONS: [(&str, ReferentialAction); 5] = [
    ("cascade", ReferentialAction::Cascade),
    ("set-null", ReferentialAction::SetNull),
    ("restrict", ReferentialAction::Restrict),
    ("no-action", ReferentialAction::NoAction),
    ("set-default", ReferentialAction::SetDefault),
];

fn action_parser() -> impl TypedValueParser<Value = ReferentialAction> {
    PossibleValuesParser::new(ACTIONS.map(|(name, _)| name)).try_map(|given| {
        let named = ACTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&given));
        named.map(|(_, action)| *action).ok_or("no such action")
    })
}

/// Why the program could not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// A statement failed.
    Statement(Error),
    /// The output could not be written.
    Output(io::Error),
    /// A statement of a shell failed, and the shell has told why.
    Told,
    /// The subjects of a bench disagree, or the one that it compares with failed.
    Bench(String),
    /// What the call names cannot be read, or does not fit.
    Input(String),
    /// A session refused where it should not have.
    Session(session::Error),
}

impl Failure {
    fn unreadable(path: &Path, error: &io::Error) -> Self {
        Failure::Input(format!("cannot read \"{}\": {error}", path.display()))
    }

    /// What the program should exit with.
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Statement(_) | Failure::Bench(_) | Failure::Session(_) | Failure::Told => 1,
            Failure::Output(_) | Failure::Input(_) => 2,
        }
    }
}

/// Empty for [`Failure::Told`].
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Statement(error) => write!(f, "error: {error}"),
            Failure::Session(error) => write!(f, "error: {error}"),
            Failure::Output(error) => write!(f, "error: the output cannot be written: {error}"),
            Failure::Bench(message) | Failure::Input(message) => write!(f, "error: {message}"),
            Failure::Told => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Statement(error)
    }
}

impl From<session::Error> for Failure {
    fn from(error: session::Error) -> Self {
        Failure::Session(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl Arguments {
    /// The arguments of this process. Exits with status 2 and a message on stderr if they are
    /// wrong, and with 0 after `--help` and `--version`.
    pub fn from_process() -> Self {
        Arguments::parse()
    }
}

/// Does what the call asks for and writes the result to `out`.
///
/// # Errors
/// [`Failure::Statement`] and [`Failure::Session`] if a statement failed, [`Failure::Bench`] if a
/// bench cannot compare, [`Failure::Output`] if `out` refused to take something, [`Failure::Input`] if
/// a file does not fit. A reader that has seen enough and hung up is no failure.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    let done = match &arguments.command {
        Command::Tour(tour) => tour::run(tour, out),
        Command::Bench(bench) => bench::run(bench, out),
        Command::Replay(replay) => scenario::run(replay, out),
        Command::Compare(compare) => compare::run(compare, out),
        Command::Explain(explain) => explain::run(explain, out),
        Command::Shell(shell) => shell::run(shell, out),
    };
    match done {
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
