//! The ids by which storage, catalogue and executor speak of the same things.
//!
//! They live below both so that storage need not know the catalogue. Each is a type of its own,
//! because two bare integers side by side will be swapped one day.

use smallvec::SmallVec;
use std::fmt;
use std::ops::Deref;

/// Names a table for as long as it exists, through every renaming; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// Names a schema, a name space of tables, for as long as it exists; never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub u32);

impl SchemaId {
    /// `main`, where everything is that does not say otherwise.
    pub const MAIN: SchemaId = SchemaId(0);
    /// `temp`, whose names stand before all others.
    pub const TEMP: SchemaId = SchemaId(1);
}

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

/// Ids of rows, in some order. One or two of them, which is what most statements are about, allocate
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowIds(SmallVec<[RowId; 2]>);

impl RowIds {
    /// Adds one at the end.
    #[inline]
    pub(crate) fn push(&mut self, row_id: RowId) {
        self.0.push(row_id);
    }
}

impl Deref for RowIds {
    type Target = [RowId];

    #[inline]
    fn deref(&self) -> &[RowId] {
        &self.0
    }
}

impl From<RowId> for RowIds {
    #[inline]
    fn from(row_id: RowId) -> Self {
        let mut ids = RowIds::default();
        ids.push(row_id);
        ids
    }
}

impl From<Vec<RowId>> for RowIds {
    fn from(ids: Vec<RowId>) -> Self {
        RowIds(ids.into())
    }
}

impl From<RowIds> for Vec<RowId> {
    fn from(ids: RowIds) -> Self {
        ids.0.into_vec()
    }
}

impl FromIterator<RowId> for RowIds {
    fn from_iter<I: IntoIterator<Item = RowId>>(ids: I) -> Self {
        RowIds(ids.into_iter().collect())
    }
}

impl IntoIterator for RowIds {
    type Item = RowId;
    type IntoIter = smallvec::IntoIter<[RowId; 2]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a RowIds {
    type Item = &'a RowId;
    type IntoIter = std::slice::Iter<'a, RowId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for RowIds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// So many rows of many are named.
pub const FIRST_ROWS_MAX: usize = 10;

/// The first rows of many, ascending. Rows that came one after another have consecutive ids, and to
/// name those allocates nothing.
#[derive(Clone, Debug)]
pub enum FirstRowIds {
    /// So many from this one on.
    Consecutive(RowId, usize),
    /// These.
    Listed(Vec<RowId>),
}

impl FirstRowIds {
    /// No row.
    pub const NONE: FirstRowIds = FirstRowIds::Consecutive(RowId(0), 0);

    /// How many are named.
    pub fn len(&self) -> usize {
        match self {
            FirstRowIds::Consecutive(_, len) => *len,
            FirstRowIds::Listed(ids) => ids.len(),
        }
    }

    /// The row at a position below `len`.
    pub fn get(&self, position: usize) -> RowId {
        match self {
            FirstRowIds::Consecutive(first, _) => RowId(first.0 + position as i64),
            FirstRowIds::Listed(ids) => ids[position],
        }
    }

    /// All that are named.
    pub fn iter(&self) -> impl Iterator<Item = RowId> + '_ {
        (0..self.len()).map(|position| self.get(position))
    }
}

impl From<RowId> for FirstRowIds {
    fn from(row_id: RowId) -> Self {
        FirstRowIds::Consecutive(row_id, 1)
    }
}

impl FromIterator<RowId> for FirstRowIds {
    fn from_iter<I: IntoIterator<Item = RowId>>(ids: I) -> Self {
        FirstRowIds::Listed(ids.into_iter().collect())
    }
}
