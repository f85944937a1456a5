//! What is measured, whichever program measures it.
//!
//! | module | holds |
//! |---|---|
//! | `shapes` | schemas and their rows, deterministic |
//! | `ours`, `sqlite`, `l1` | the subjects: each is told the same through [`Subject`] |
//! | `cases` | one operation on one subject, with what comes before and after it untimed |
//! | `list` | the workloads: which case, on which shape, how large, and the floor it must reach |
//! | `measure` | CPU time of a case |
//! | `options` | what the programs are asked for |
//! | `memory` | bytes for a row (W11), and what is left of rows that have gone |
//! | `session` | teams and heroes as objects, and bytes for an object |
//! | `report` | the table of ratios and its floors |
//!
//! A subject is chosen when a case is built, so nothing is dispatched while it runs.

#![allow(dead_code, reason = "each program uses its own part")]

pub mod cases;
pub mod l1;
pub mod list;
pub mod measure;
pub mod memory;
pub mod options;
pub mod ours;
pub mod report;
pub mod session;
pub mod shapes;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use ondelete::Table;

/// A value on its way into a subject.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A text.
    Text(&'a str),
}

impl Cell<'_> {
    /// The integer, for a column that holds nothing else but NULL.
    pub fn integer(self) -> Option<i64> {
        match self {
            Cell::Integer(value) => Some(value),
            Cell::Null => None,
            Cell::Text(text) => panic!("{text:?} stands where an integer belongs"),
        }
    }

    /// The text; empty for anything else.
    pub fn text(&self) -> &str {
        match self {
            Cell::Text(text) => text,
            Cell::Null | Cell::Integer(_) => "",
        }
    }
}

/// Who carries out a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This crate.
    Ours,
    /// SQLite, in the same process.
    Sqlite,
    /// Rust written by hand for one schema.
    L1,
}

impl Kind {
    /// All of them, in the order of the columns.
    pub const ALL: [Kind; 3] = [Kind::Ours, Kind::Sqlite, Kind::L1];

    /// As it stands in names and headings.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ours => "ours",
            Kind::Sqlite => "sqlite",
            Kind::L1 => "l1",
        }
    }
}

/// How much is done: everything, less, or just enough to see that it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// As the floors are stated.
    Full,
    /// At most a tenth of the rows.
    Quick,
    /// A few rows, once: what `cargo test --benches` runs.
    Tiny,
}

impl Sizes {
    /// The value for this size.
    pub fn pick<T>(self, full: T, quick: T, tiny: T) -> T {
        match self {
            Sizes::Full => full,
            Sizes::Quick => quick,
            Sizes::Tiny => tiny,
        }
    }

    /// Whether a program was started by `cargo test`: that passes no `--bench`, as criterion knows.
    pub fn is_test(arguments: &[String]) -> bool {
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        has("--test") || !has("--bench")
    }
}

/// A database with enforcement on, told what to do by position: tables in the order of the schema,
/// columns in the order of the table, the primary key first.
pub trait Subject: Sized {
    /// A schema as this subject wants to be told it.
    type Plan;

    /// Makes the plan of a schema. Not part of any workload.
    fn plan(schema: &[Table]) -> Self::Plan;

    /// An empty database.
    fn new(plan: &Self::Plan) -> Self;

    /// BEGIN.
    fn begin(&mut self);

    /// COMMIT.
    fn commit(&mut self);

    /// SAVEPOINT, one at a time and inside a transaction.
    fn mark(&mut self);

    /// ROLLBACK TO the savepoint, which stays.
    fn roll_back(&mut self);

    /// RELEASE of the savepoint.
    fn release(&mut self);

    /// INSERT of one row.
    fn insert(&mut self, table: usize, row: &[Cell<'_>]);

    /// DELETE by primary key: all rows deleted or changed by it, or `None` if it was refused.
    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64>;
}

/// A subject that can be read.
pub trait Reads: Subject {
    /// Looks a row up by primary key and reads all of it: its second column and the length of its
    /// text, added up.
    fn get(&mut self, table: usize, key: i64) -> u64;

    /// Reads the keys of all rows whose second column holds this: how many, and their sum.
    fn referencing(&mut self, table: usize, key: i64) -> (u64, u64);
}

/// A subject whose rows can be updated.
pub trait Updates: Subject {
    /// UPDATE by primary key of all other columns.
    fn update(&mut self, table: usize, key: Cell<'_>, values: &[Cell<'_>]);
}

/// A subject of which there can be a second one.
pub trait Forks: Subject {
    /// An independent second one with the same contents; outside of transactions.
    fn fork(&self) -> Self;
}

/// One operation on one subject. `prepare`, `run`, `restore`, and again: only `run` is timed.
pub trait Case {
    /// Gets ready.
    fn prepare(&mut self) {}

    /// The operation.
    fn run(&mut self) -> Ran;

    /// Puts back what was.
    fn restore(&mut self) {}

    /// Whether `run` may follow `run`, so that many are timed together.
    fn is_repeatable(&self) -> bool {
        false
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What the time is divided by: rows, calls.
    pub units: u64,
    /// What must be the same for every subject: rows affected, values read.
    pub check: u64,
}
