//! The shell on a terminal: lines that are edited and remembered, names that complete.

use super::{Failure, Shell};
use crate::database::Enforcement;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

/// Runs the shell until its user has had enough.
///
/// # Errors
/// [`Failure::Input`] if the terminal cannot be used, [`Failure::Output`] if it takes no more.
pub(super) fn run(shell: &mut Shell<'_>) -> Result<(), Failure> {
    let cannot = |error: ReadlineError| Failure::Input(format!("no terminal: {error}"));
    let mut editor: Editor<Names, _> = Editor::new().map_err(cannot)?;
    editor.set_helper(Some(Names::default()));
    writeln!(shell.out, "ondelete {}; \".help\" lists the commands.", env!("CARGO_PKG_VERSION"))?;
    if shell.connection.database().enforcement() == Enforcement::Off {
        let notice = "Foreign keys are not enforced, as in SQLite: PRAGMA foreign_keys = ON;";
        writeln!(shell.out, "{notice}")?;
    }
    while !shell.is_done {
        shell.out.flush()?;
        if let Some(names) = editor.helper_mut() {
            names.0 = names_of(shell);
        }
        let prompt = if shell.is_waiting() { "     ...> " } else { "ondelete> " };
        match editor.readline(prompt) {
            Ok(line) => {
                // A history that cannot take the line is no reason not to run it.
                let _ = editor.add_history_entry(line.as_str());
                shell.line(&(line + "\n"))?;
            }
            Err(ReadlineError::Interrupted) => shell.pending.clear(),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(cannot(error)),
        }
    }
    Ok(())
}

/// The names that a word may be completed to.
#[derive(Default)]
struct Names(Vec<String>);

const KEYWORDS: [&str; 24] = [
    "ALTER",
    "BEGIN",
    "CASCADE",
    "COMMIT",
    "CREATE",
    "DELETE",
    "DROP",
    "FOREIGN",
    "FROM",
    "INSERT",
    "INTO",
    "KEY",
    "PRAGMA",
    "PRIMARY",
    "REFERENCES",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "TABLE",
    "TRIGGER",
    "UPDATE",
    "VALUES",
    "WHERE",
];

fn names_of(shell: &Shell<'_>) -> Vec<String> {
    let db = shell.connection.database();
    let mut names: Vec<String> = KEYWORDS.iter().map(|word| (*word).to_owned()).collect();
    names.extend(db.objects().iter().map(|object| object.name.clone()));
    for table in db.catalog().tables() {
        names.extend(table.definition.columns().iter().map(|column| column.name().to_owned()));
    }
    names.sort_unstable();
    names.dedup();
    names
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let start = line[..position].trim_end_matches(is_name).len();
        let word = &line[start..position];
        let fits = |name: &&String| {
            name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
        };
        Ok((start, self.0.iter().filter(fits).cloned().collect()))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
