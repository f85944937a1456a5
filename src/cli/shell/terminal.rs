//! The shell on a terminal: statements that are edited and remembered whole, names and commands that
//! complete.

use super::command::COMMANDS;
use super::{Failure, Mode, Shell};
use crate::database::Enforcement;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

/// Runs the shell until its user has had enough.
///
/// # Errors
/// [`Failure::Input`] if the terminal cannot be used, [`Failure::Output`] if it takes no more.
pub(super) fn run(shell: &mut Shell<'_>) -> Result<(), Failure> {
    let cannot = |error: ReadlineError| Failure::Input(format!("no terminal: {error}"));
    let config = Config::builder().completion_type(CompletionType::List).build();
    let mut editor: Editor<Names, _> = Editor::with_config(config).map_err(cannot)?;
    editor.set_helper(Some(Names::default()));
    writeln!(shell.out, "ondelete {}; \".help\" lists the commands.", env!("CARGO_PKG_VERSION"))?;
    if shell.connection.database().enforcement() == Enforcement::Off {
        let notice = "Foreign keys are not enforced, as in SQLite: PRAGMA foreign_keys = ON;";
        writeln!(shell.out, "{notice}")?;
    }
    // The lines since the last statement was complete.
    let mut entry = String::new();
    while !shell.is_done {
        shell.out.flush()?;
        if let Some(names) = editor.helper_mut() {
            names.0 = names_of(shell);
        }
        let prompt = if shell.is_waiting() { "     ...> " } else { "ondelete> " };
        match editor.readline(prompt) {
            Ok(line) => {
                entry.push_str(&line);
                shell.line(&(line + "\n"))?;
                if shell.is_waiting() {
                    entry.push('\n');
                } else {
                    // A history that cannot take it is no reason not to go on.
                    let _ = editor.add_history_entry(std::mem::take(&mut entry));
                }
            }
            Err(ReadlineError::Interrupted) => {
                shell.pending.clear();
                entry.clear();
            }
            Err(ReadlineError::Eof) => {
                // What comes next on the terminal begins on a line of its own.
                writeln!(shell.out)?;
                break;
            }
            Err(error) => return Err(cannot(error)),
        }
    }
    Ok(())
}

/// The names that a word may be completed to.
#[derive(Default)]
struct Names(Vec<String>);

/// The keywords of SQL that are worth completing.
const KEYWORDS: &str = "\
    ALTER AND ANALYZE AS ASC AUTOINCREMENT BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE \
    COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS DEFAULT DEFERRABLE DEFERRED DELETE DESC \
    DISTINCT DROP ELSE END EXCEPT EXISTS FOREIGN FROM FULL GENERATED GROUP HAVING INDEX INITIALLY \
    INNER INSERT INTERSECT INTO JOIN KEY LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ORDER PRAGMA \
    PRIMARY RAISE RECURSIVE REFERENCES RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK \
    ROWID SAVEPOINT SELECT SET TABLE TEMP THEN TRIGGER UNION UNIQUE UPDATE USING VALUES VIEW WHEN \
    WHERE WITH WITHOUT";

fn names_of(shell: &Shell<'_>) -> Vec<String> {
    let db = shell.connection.database();
    let mut names: Vec<String> = KEYWORDS.split_whitespace().map(str::to_owned).collect();
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
        if line[..start] == *"." {
            return Ok((0, fitting(COMMANDS.iter().map(|(name, ..)| *name), &line[..position])));
        }
        let word = &line[start..position];
        if line[..start].trim() == ".mode" {
            return Ok((start, fitting(Mode::ALL.iter().map(|(name, _)| *name), word)));
        }
        Ok((start, fitting(self.0.iter().map(String::as_str), word)))
    }
}

/// The names that begin with a word, in whatever case.
fn fitting<'a>(names: impl Iterator<Item = &'a str>, word: &str) -> Vec<String> {
    let fits =
        |name: &&str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    names.filter(fits).map(str::to_owned).collect()
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
