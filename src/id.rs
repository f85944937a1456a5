//! The ids by which storage, catalogue and executor speak of the same things.
//!
//! They live below both so that storage need not know the catalogue. Each is a type of its own,
//! because two bare integers side by side will be swapped one day.

use smallvec::SmallVec;
use std::fmt;

/// Names a table for as long as it exists, through every renaming; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// A table as a call names it: by name, or by the id that [`crate::Database::table_id`] gives, which
/// saves looking the name up.
///
/// An id is worth nothing in another database, other than a fork; nor if the transaction that created
/// the table was rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableRef<'a> {
    /// By its name, in any case.
    Name(&'a str),
    /// By its id.
    Id(TableId),
}

impl<'a> From<&'a str> for TableRef<'a> {
    fn from(name: &'a str) -> Self {
        TableRef::Name(name)
    }
}

impl<'a> From<&&'a str> for TableRef<'a> {
    fn from(name: &&'a str) -> Self {
        TableRef::Name(name)
    }
}

impl<'a> From<&'a String> for TableRef<'a> {
    fn from(name: &'a String) -> Self {
        TableRef::Name(name)
    }
}

impl From<TableId> for TableRef<'_> {
    fn from(id: TableId) -> Self {
        TableRef::Id(id)
    }
}

/// Names an index for as long as it exists; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexId(pub u32);

/// Names a foreign key for as long as it exists; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConstraintId(pub u32);

/// Names a row of a table: SQLite's row id, equal to the integer primary key where there is one.
/// A deleted row's id may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RowId(pub i64);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// So many rows of many are named.
pub const FIRST_ROWS_MAX: usize = 10;

/// The first rows of many.
pub type FirstRowIds = SmallVec<[RowId; FIRST_ROWS_MAX]>;
