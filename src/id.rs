//! The ids by which storage, catalogue and executor speak of the same things.
//!
//! They live below both so that storage need not know the catalogue. Each is a type of its own,
//! because two bare integers side by side will be swapped one day.

use std::fmt;

/// Names a table for as long as it exists, through every renaming; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

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
