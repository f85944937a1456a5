//! `ondelete shell`: SQL and dot-commands, as `sqlite3` takes them.
//!
//! On a pipe a line is read, and when it completes a statement everything up to there is run before
//! the next one is read, with the output flushed. An error is one line on stderr, skips the rest of
//! what its line completed, and stops nothing else unless `.bail on` was said. On a terminal lines
//! are edited and remembered (`terminal`).

mod command;
mod output;
mod terminal;

use super::Failure;
use crate::database::{Database, Enforcement};
use crate::error::Error;
use crate::sql::{Connection, is_complete, split_statement};
use clap::{Args, ValueEnum};
use output::Mode;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// SQL and dot-commands, as sqlite3 takes them.
///
/// Statements run as their lines are read. `.help` lists the dot-commands; `.plan DELETE …` tells
/// what a statement would do, `.why` what the last one came to.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ondelete shell                                          an empty database\n  \
    ondelete shell --foreign-keys on examples/heroes.sql    the tables of a file")]
pub(super) struct ShellArguments {
    /// Whether foreign keys are enforced from the start.
    #[arg(long, value_enum, default_value = "off", value_name = "SWITCH")]
    foreign_keys: Switch,
    /// Files of SQL to run first.
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// A running shell.
pub(super) struct Shell<'a> {
    connection: Connection,
    out: &'a mut dyn Write,
    mode: Mode,
    has_headers: bool,
    bails: bool,
    /// Whether an error is told with its detail and hint.
    explains: bool,
    /// What `.why` tells.
    last: Last,
    /// Lines that complete no statement yet.
    pending: String,
    is_done: bool,
    has_failed: bool,
    /// How many files are being read.
    reading: usize,
}

/// What the last statement came to.
enum Last {
    Nothing,
    Done(crate::database::Done),
    Failed(Box<Error>),
}

/// How many files may read one another.
const FILES_MAX: usize = 20;

/// Runs a shell until its input ends.
///
/// # Errors
/// [`Failure::Output`] if `out` takes no more; [`Failure::Input`] for a file that cannot be read;
/// [`Failure::Told`] if a statement or command has failed.
pub(super) fn run(arguments: &ShellArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let enforcement = match arguments.foreign_keys {
        Switch::On => Enforcement::On,
        Switch::Off => Enforcement::Off,
    };
    let mut shell = Shell::new(Connection::new(Database::new(enforcement)), out);
    for file in &arguments.files {
        shell.read_file(file)?;
    }
    if io::stdin().is_terminal() {
        terminal::run(&mut shell)?;
    } else {
        shell.read(&mut io::stdin().lock())?;
    }
    if shell.has_failed { Err(Failure::Told) } else { Ok(()) }
}

impl<'a> Shell<'a> {
    fn new(connection: Connection, out: &'a mut dyn Write) -> Self {
        Shell {
            connection,
            out,
            mode: Mode::List,
            has_headers: false,
            bails: false,
            explains: io::stdin().is_terminal(),
            last: Last::Nothing,
            pending: String::new(),
            is_done: false,
            has_failed: false,
            reading: 0,
        }
    }

    fn read_file(&mut self, path: &std::path::Path) -> Result<(), Failure> {
        let file = std::fs::File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
        if self.reading >= FILES_MAX {
            return Err(Failure::Input("files read one another without an end".to_owned()));
        }
        self.reading += 1;
        let result = self.read(&mut io::BufReader::new(file));
        self.reading -= 1;
        result
    }

    /// Reads lines to the end, and runs what they complete.
    fn read(&mut self, input: &mut dyn BufRead) -> Result<(), Failure> {
        let outer = std::mem::take(&mut self.pending);
        let mut line = Vec::new();
        while !self.is_done {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            self.line(&String::from_utf8_lossy(&line))?;
            self.out.flush()?;
        }
        if !self.is_done {
            let rest = std::mem::take(&mut self.pending);
            self.run_text(&rest)?;
        }
        self.pending = outer;
        self.out.flush()?;
        Ok(())
    }

    /// Takes one line.
    fn line(&mut self, line: &str) -> Result<(), Failure> {
        let is_first = self.pending.trim().is_empty();
        if is_first && line.starts_with('.') {
            return self.command(line.trim());
        }
        if is_first && line.trim().is_empty() {
            return Ok(());
        }
        self.pending.push_str(line);
        if is_complete(&self.pending) {
            let text = std::mem::take(&mut self.pending);
            self.run_text(&text)?;
        }
        Ok(())
    }

    /// Whether the lines so far complete no statement.
    fn is_waiting(&self) -> bool {
        !self.pending.trim().is_empty()
    }

    /// Runs statements up to the first that fails.
    fn run_text(&mut self, text: &str) -> Result<(), Failure> {
        let mut rest = text;
        while let Some((statement, behind)) = split_statement(rest) {
            rest = behind;
            match self.connection.query(statement, &[]) {
                Ok(outcome) => {
                    output::write(self.out, self.mode, self.has_headers, &outcome)?;
                    if let Some(done) = outcome.done {
                        self.last = Last::Done(done);
                    }
                }
                Err(error) => return self.fail(error),
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: Error) -> Result<(), Failure> {
        let message = self.connection.database().dialect().error_message(&error);
        self.complain(&message)?;
        if self.explains {
            let text = error.to_string();
            text.lines().skip(1).for_each(|line| eprintln!("{line}"));
        }
        self.last = Last::Failed(Box::new(error));
        Ok(())
    }

    /// One line of an error, after all that was written before.
    fn complain(&mut self, message: &str) -> Result<(), Failure> {
        self.out.flush()?;
        eprintln!("Error: {message}");
        self.has_failed = true;
        self.is_done |= self.bails;
        Ok(())
    }
}
