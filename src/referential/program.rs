//! Programs: what a table runs before or after a row change, pulled one step at a time.
//!
//! A program is a value that the executor asks for its next [`Step`]. It never calls the executor,
//! so a program whose step fires another program nests on the executor's stack of frames and not on
//! the thread's. SQL triggers are such programs.

use super::Work;
use crate::catalog::Resolution;
use crate::error::{Error, Event, QueryError, Raise};
use crate::id::{RowId, SchemaId, TableId};
pub use crate::table::View;
use crate::table::{Row, RowRef};
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
    /// In place of the change: the table is a view.
    InsteadOf,
}

/// What a program is started with: the row change that it belongs to.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The table.
    pub table: TableId,
    /// What is done to the row.
    pub event: Event,
    /// What the statement says about broken constraints, which holds for the program's own too.
    pub resolution: Option<Resolution>,
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
    /// Carry out what a statement was prepared to.
    Work(ProgramWork),
    /// The program has ended; the row change goes on.
    Done,
    /// Give up the row change that started the program, without an error (RAISE(IGNORE)).
    Ignore,
    /// Undo the whole statement with this message (RAISE(ABORT)).
    Abort(String),
    /// End the statement otherwise.
    Stop(Stop),
}

/// Why a program or an assignment cannot go on.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The row change that started the innermost program is given up, without an error.
    Ignore,
    /// The statement fails with this error, and this becomes of what it did.
    Error(Resolution, Error),
}

impl From<Error> for Stop {
    /// What RAISE has raised says itself what becomes of the statement.
    fn from(error: Error) -> Self {
        let Error::Query(query) = &error else { return Stop::Error(Resolution::Abort, error) };
        let QueryError::Raised { raise, message } = &**query else {
            return Stop::Error(Resolution::Abort, error);
        };
        let resolution = match raise {
            Raise::Ignore => return Stop::Ignore,
            Raise::Abort => Resolution::Abort,
            Raise::Fail => Resolution::Fail,
            Raise::Rollback => Resolution::Rollback,
        };
        Stop::Error(resolution, Error::Aborted(message.clone()))
    }
}

/// A statement inside of a program, prepared by the database.
#[derive(Clone, Debug)]
pub struct ProgramWork {
    pub(crate) table: TableId,
    pub(crate) work: Work,
}

/// What the columns of a row become, found when the row's turn comes.
pub(crate) trait Assign: fmt::Debug + Send + Sync {
    /// The positions assigned.
    fn columns(&self) -> Vec<usize>;

    /// Position and value of each; `None` to leave the row as it is. `proposed` is the row that an
    /// upsert could not insert.
    fn values(
        &self,
        view: &View<'_>,
        row: RowRef<'_>,
        proposed: Option<&[Value]>,
    ) -> Result<Option<Vec<(usize, Value)>>, Stop>;
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
    /// Its name; no other in its schema has it.
    pub name: Arc<str>,
    /// The schema that it is in.
    pub schema: SchemaId,
    /// Whether its table is in another one.
    pub is_guest: bool,
    /// The table.
    pub table: TableId,
    /// What it waits for.
    pub event: Event,
    /// Before or after.
    pub timing: Timing,
    /// For an update: the columns one of which it must name; none for any update.
    pub columns: Arc<[usize]>,
    /// How it starts.
    pub start: Start,
}

impl Attached {
    /// Whether it has this name in this schema. Case counts for nothing.
    pub(crate) fn is(&self, schema: SchemaId, name: &str) -> bool {
        self.schema == schema && self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attached { name, table, event, timing, .. } = self;
        write!(f, "{name}: {timing:?} {event:?} of {table:?}")
    }
}

/// All attached programs, the guests last: those that are in another schema than their table.
#[derive(Clone, Debug, Default)]
pub struct Programs(pub(crate) Vec<Attached>);

impl Programs {
    /// Adds one, behind those that are to run after it.
    pub(crate) fn push(&mut self, program: Attached) {
        let own = self.0.partition_point(|known| !known.is_guest);
        self.0.insert(own, program);
    }

    /// Whether any program waits for such a row change.
    pub(crate) fn any(&self, table: TableId, event: Event, timing: Timing) -> bool {
        let fits = |program: &Attached| {
            program.table == table && program.event == event && program.timing == timing
        };
        self.0.iter().any(fits)
    }

    /// The programs of a row change, in the order they run, as in SQLite: the guests, the oldest first,
    /// then the table's own, the newest first. `named` are the columns of an update.
    pub(crate) fn of<'a>(
        &'a self,
        table: TableId,
        event: Event,
        timing: Timing,
        named: &'a [usize],
    ) -> impl Iterator<Item = &'a Attached> {
        let fits = move |program: &&Attached| {
            program.table == table
                && program.event == event
                && program.timing == timing
                && (program.columns.is_empty()
                    || program.columns.iter().any(|position| named.contains(position)))
        };
        self.0.iter().rev().filter(fits)
    }
}
