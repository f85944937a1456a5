//! What is the same in every violation of a constraint: its names, made once and shared.
//!
//! A refusal is an answer like any other and should cost no more than one: a violation holds one
//! pointer to the names below, the row ids as numbers, and an allocation of its own only where keys
//! or a path have to be told. Texts are made when somebody reads them.

use super::{Path, RowName};
use crate::id::FirstRowIds;
use crate::value::Key;
use std::sync::Arc;

/// The names of one constraint. The catalogue makes them when a violation first asks for them, and
/// forgets them when a definition changes.
#[derive(Debug, PartialEq)]
pub(crate) struct ConstraintNames {
    /// The constraint's own.
    pub(crate) constraint: String,
    /// The table that holds it.
    pub(crate) table: TableNames,
    /// The columns it is on: for a foreign key, the referencing ones.
    pub(crate) columns: Vec<String>,
    /// The other side of a foreign key.
    pub(crate) referenced: Option<ReferencedNames>,
    /// Whether all of `columns` take NULL: then SET NULL is a remedy.
    pub(crate) is_nullable: bool,
}

/// A table and the columns that name a row of it.
#[derive(Debug, PartialEq)]
pub(crate) struct TableNames {
    pub(crate) name: String,
    /// The primary key's columns, or `rowid`.
    pub(crate) naming: Vec<String>,
}

/// The referenced side of a foreign key.
#[derive(Debug, PartialEq)]
pub(crate) struct ReferencedNames {
    /// The table as the foreign key writes it.
    pub(crate) written: String,
    /// The table as it calls itself; as written, if it does not exist.
    pub(crate) table: TableNames,
    pub(crate) columns: Vec<String>,
}

/// The first rows that violate a constraint, in row id order.
#[derive(Clone, Debug)]
pub(crate) enum FirstRows {
    /// Row ids, which are what rows of this table are named by.
    Ids(FirstRowIds),
    /// The primary keys of rows that have another one.
    Keys(Vec<Key>),
    /// The id of a row that is not at hand to be named otherwise.
    Absent(i64),
}

/// The rows that violate a constraint.
#[derive(Clone, Debug)]
pub(crate) struct NamedRows {
    pub(crate) first: FirstRows,
    /// How many there are in all.
    pub(crate) count: usize,
}

impl FirstRows {
    pub(crate) fn len(&self) -> usize {
        match self {
            FirstRows::Ids(ids) => ids.len(),
            FirstRows::Keys(keys) => keys.len(),
            FirstRows::Absent(_) => 1,
        }
    }

    /// The row at a position below `len`, named by these columns unless it is absent.
    pub(super) fn name(&self, position: usize, naming: &[String]) -> RowName {
        let (naming, values) = match self {
            FirstRows::Ids(ids) => (naming.to_vec(), ids.get(position).0.into()),
            FirstRows::Keys(keys) => (naming.to_vec(), keys[position].clone()),
            FirstRows::Absent(id) => (vec!["rowid".to_owned()], (*id).into()),
        };
        RowName { columns: naming, values }
    }
}

/// How the row where a violation was found was reached.
#[derive(Clone, Debug)]
pub(crate) enum Reached {
    /// Nobody went there: a COMMIT looked, or the row was never made.
    Nowhere,
    /// The statement itself changed the row of `event_table` that this row id names.
    Directly(i64),
    /// By a path of more than that.
    By(Box<Path>),
}

impl From<Path> for Reached {
    fn from(path: Path) -> Self {
        match path.length {
            0 => Reached::Nowhere,
            _ => Reached::By(Box::new(path)),
        }
    }
}

/// Which side of a constraint a row is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The table that holds the constraint.
    Own,
    /// The table that a foreign key references.
    Referenced,
}

/// What is advised, before it is put into words.
#[derive(Clone, Debug)]
pub(crate) enum Hint {
    /// Nothing.
    None,
    /// What helps against the violation of a foreign key, by what was done and on which side.
    ForeignKey,
    /// The action of this foreign key sets NULL where none may be.
    SetsNull(Arc<ConstraintNames>),
    /// In autocommit there is nothing to commit again.
    OneTransaction,
    /// A unique index is to be made over rows that are not.
    RowsMustDiffer,
}
