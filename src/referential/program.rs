//! Programs: what a table runs before or after a row change, pulled one step at a time.
//!
//! A program is a value that the executor asks for its next [`Step`]. It never calls the executor,
//! so a program whose step fires another program nests on the executor's stack of frames and not on
//! the thread's. SQL triggers are such programs.

use crate::error::Event;
use crate::id::{RowId, TableId};
use crate::table::Row;
pub use crate::table::View;
use crate::value::Value;
use std::fmt;
use std::sync::Arc;

/// When a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timing {
    /// Before the row changes. Rows that it removes are not changed any more.
    Before,
    /// After the row has changed and every referential action on it has run.
    After,
}

/// What a program is started with: the row change that it belongs to.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The table.
    pub table: TableId,
    /// What is done to the row.
    pub event: Event,
    /// The row before, for UPDATE and DELETE.
    pub old: Option<(RowId, Row)>,
    /// The row after, for INSERT (`None` id before the row is stored) and UPDATE.
    pub new: Option<(Option<RowId>, Row)>,
}

/// What a running program wants done next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Insert a row: one value per column.
    Insert {
        /// Into this table.
        table: TableId,
        /// These values.
        row: Vec<Value>,
    },
    /// Assign values by position to these rows; rows that are gone by then are skipped.
    Update {
        /// Of this table.
        table: TableId,
        /// These rows, in this order.
        rows: Vec<RowId>,
        /// Position and value.
        assignments: Vec<(usize, Value)>,
    },
    /// Delete these rows; those that are gone by then are skipped.
    Delete {
        /// From this table.
        table: TableId,
        /// These rows, in this order.
        rows: Vec<RowId>,
    },
    /// The program has ended; the row change goes on.
    Done,
    /// Give up the row change that started the program, without an error (RAISE(IGNORE)).
    Ignore,
    /// Undo the whole statement with this message (RAISE(ABORT)).
    Abort(String),
}

/// A running program. Each call returns the next step; the steps before it have been carried out.
pub trait Program: Send {
    /// The next step, decided by what the program sees now.
    fn step(&mut self, view: &View<'_>) -> Step;
}

/// Starts a program for a row change.
pub type Start = Arc<dyn Fn(&Activation) -> Box<dyn Program> + Send + Sync>;

/// A program attached to a table.
#[derive(Clone)]
pub struct Attached {
    /// Its name.
    pub name: Arc<str>,
    /// The table.
    pub table: TableId,
    /// What it waits for.
    pub event: Event,
    /// Before or after.
    pub timing: Timing,
    /// How it starts.
    pub start: Start,
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attached { name, table, event, timing, start: _ } = self;
        write!(f, "{name}: {timing:?} {event:?} of {table:?}")
    }
}

/// All attached programs, in the order of attachment.
#[derive(Clone, Debug, Default)]
pub struct Programs(pub(crate) Vec<Attached>);

impl Programs {
    /// The programs of a row change, in the order they run: the newest first, as in SQLite.
    pub(crate) fn of(
        &self,
        table: TableId,
        event: Event,
        timing: Timing,
    ) -> impl Iterator<Item = &Attached> {
        let fits = move |program: &&Attached| {
            program.table == table && program.event == event && program.timing == timing
        };
        self.0.iter().rev().filter(fits)
    }
}
