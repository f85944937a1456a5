//! Scripts of random SQL text, run here and by SQLite, must come to the same after every statement.
//!
//! Compared are: whether a statement went through and the line and code of its refusal where it did
//! not, the rows it returned, `changes()`, `total_changes()` and `last_insert_rowid()`, all rows of
//! all tables with their row ids, what `foreign_key_check` finds, whether a transaction is open, the
//! switches, and after a change of the schema or the end of a transaction the text of `sqlite_schema`.
//!
//! A script that has come to its end is run here once more, as many statements at once as went through,
//! and must come to the same.
//!
//! Rows that no ORDER BY puts in order are compared without it. A difference is allowed only if
//! `arbiter` proves it from the rows to be one of SQLite's own; the script ends there.

mod arbiter;
mod coverage;
mod define;
mod twins;
mod write;

pub use coverage::Coverage;

use super::{Difference, shrink};
use crate::error::SqliteError;
use crate::value::Value;
use twins::{Step, Twins};
use write::Writer;

/// The rows of a table or query.
type Rows = Vec<Vec<Value>>;

/// What a statement came to: its rows, or the code and line of its refusal.
type Answer = Result<Rows, SqliteError>;

/// How a script ends before its end.
enum Ending {
    /// With one of SQLite's own defects, by its number in the closed list.
    Explained(&'static str),
    /// With a statement that takes too long.
    TooLong,
    /// With what is not done here.
    Unsupported,
    /// With what nothing explains.
    Different(Box<Difference>),
}

/// Runs scripts until so many statements have been compared.
///
/// # Errors
/// The first difference that nothing explains, with the shortest script found.
pub fn run(seed: u64, statements: usize) -> Result<Coverage, Box<Difference>> {
    let mut coverage = Coverage::default();
    let mut script = 0;
    while coverage.statements < statements {
        run_script(seed.wrapping_mul(1_000_003).wrapping_add(script), &mut coverage)?;
        script += 1;
    }
    Ok(coverage)
}

fn run_script(seed: u64, coverage: &mut Coverage) -> Result<(), Box<Difference>> {
    let (mut writer, mut twins) = (Writer::new(seed), Twins::new());
    let mut steps = Vec::new();
    let mut texts = vec![(String::new(), None)];
    coverage.scripts += 1;
    for _ in 0..writer.length() {
        let step = Step { sql: writer.next(twins.db()), way: writer.way() };
        let told = twins.step(&step);
        steps.push(step);
        match told {
            Ok(told) => {
                let step = &steps[steps.len() - 1];
                coverage.note(step, &told);
                let (text, refusal) = texts.last_mut().expect("there is one from the start");
                *text += &format!("{};\n", step.sql);
                *refusal = told.answer.err();
                if refusal.is_some() {
                    texts.push((String::new(), None));
                }
            }
            Err(Ending::Different(found)) => return Err(shortest(steps, found)),
            Err(Ending::Explained(exception)) => {
                coverage.exception(exception);
                return Ok(());
            }
            Err(Ending::TooLong) => {
                coverage.too_long += 1;
                return Ok(());
            }
            Err(Ending::Unsupported) => {
                coverage.unsupported += 1;
                return Ok(());
            }
        }
    }
    twins.rerun(&texts).map_err(Box::new)
}

/// The difference that is left when every statement it can do without is left out.
fn shortest(steps: Vec<Step>, found: Box<Difference>) -> Box<Difference> {
    let is_same = |one: &Difference, other: &Difference| {
        one.what == other.what && (one.what != "answer" || one.theirs == other.theirs)
    };
    shrink::shrink(steps, found, replay, |one, other| is_same(one, other)).1
}

/// The difference that these statements end in, and how many of them it takes.
fn replay(steps: &[Step]) -> Option<(usize, Box<Difference>)> {
    let mut twins = Twins::new();
    for (at, step) in steps.iter().enumerate() {
        match twins.step(step) {
            Ok(_) => {}
            Err(Ending::Different(found)) => return Some((at + 1, found)),
            Err(_) => return None,
        }
    }
    None
}
