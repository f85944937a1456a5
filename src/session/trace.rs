//! What a session has sent, in order: what SQLAlchemy prints with `echo=True`.

use crate::session::batch::Batch;
use crate::session::scalar::Scalar;
use crate::session::statement::Statement;
use crate::value::Value;
use std::fmt;
use std::sync::Arc;

/// The parameters of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// Of a statement that was sent once.
    One(Vec<Value>),
    /// Of one that was sent for each of several rows, in one call (`executemany`).
    Many(Batch),
    /// Of one that the driver refused to send, because some have no value; see
    /// [`Connection::refuse_unset`](super::Connection::refuse_unset).
    Unset {
        /// As in `Many`; where there is no value, any.
        batch: Batch,
        /// Row and position of those without a value.
        unset: Vec<(usize, usize)>,
    },
}

/// What the reference hands to its driver where there is no value, as Python shows it.
pub const UNSET: &str = "<LoaderCallableStatus.NO_VALUE: 4>";

impl Parameters {
    /// For how many rows the statement was sent.
    pub fn count(&self) -> usize {
        match self {
            Parameters::One(_) => 1,
            Parameters::Many(batch) | Parameters::Unset { batch, .. } => batch.len(),
        }
    }
}

/// Something that went to the database.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A transaction was begun.
    Begin,
    /// A statement, whether it succeeded or not.
    Sql {
        /// The statement; its text is made when it is asked for.
        statement: Arc<Statement>,
        /// Its parameters.
        parameters: Parameters,
    },
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
}

/// What was sent, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    events: Vec<Event>,
}

impl Trace {
    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events since this was last called.
    pub fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// As on the console, one event after another: the statement, then its parameters as Python shows
/// them.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Begin => f.write_str("BEGIN (implicit)"),
            Event::Commit => f.write_str("COMMIT"),
            Event::Rollback => f.write_str("ROLLBACK"),
            Event::Sql { statement, parameters } => {
                writeln!(f, "{}", statement.render().trim_start())?;
                parameters.fmt(f)
            }
        }
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parameters::One(row) => write_row(f, row, |_| false),
            Parameters::Many(batch) => write_rows(f, batch, |_, _| false),
            Parameters::Unset { batch, unset } => match batch.rows().next() {
                Some(row) if batch.len() == 1 => {
                    write_row(f, row, |position| unset.contains(&(0, position)))
                }
                _ => write_rows(f, batch, |row, position| unset.contains(&(row, position))),
            },
        }
    }
}

/// A Python list of tuples.
fn write_rows(
    f: &mut fmt::Formatter<'_>,
    batch: &Batch,
    is_unset: impl Fn(usize, usize) -> bool,
) -> fmt::Result {
    f.write_str("[")?;
    for (at, row) in batch.rows().enumerate() {
        f.write_str(if at == 0 { "" } else { ", " })?;
        write_row(f, row, |position| is_unset(at, position))?;
    }
    f.write_str("]")
}

/// A Python tuple.
fn write_row(
    f: &mut fmt::Formatter<'_>,
    row: &[Value],
    is_unset: impl Fn(usize) -> bool,
) -> fmt::Result {
    f.write_str("(")?;
    for (at, value) in row.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        match is_unset(at) {
            true => write!(f, "{separator}{UNSET}")?,
            false => write!(f, "{separator}{}", Scalar::from(value.clone()))?,
        }
    }
    f.write_str(if row.len() == 1 { ",)" } else { ")" })
}
