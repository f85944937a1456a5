//! Which rows of a table a statement or query is about.

use crate::expression::Expression;
use crate::id::RowId;
use crate::value::Key;
use std::fmt;

/// Which rows of a table: all, one by primary key or row id, or those for which a predicate is true.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Selector {
    /// Every row.
    #[default]
    All,
    /// The row with this primary key.
    Key(Key),
    /// The row with this row id.
    RowId(RowId),
    /// The rows for which this is true.
    Filter(Expression),
}

impl From<Key> for Selector {
    fn from(key: Key) -> Self {
        Selector::Key(key)
    }
}

impl From<RowId> for Selector {
    fn from(row_id: RowId) -> Self {
        Selector::RowId(row_id)
    }
}

impl From<Expression> for Selector {
    fn from(predicate: Expression) -> Self {
        Selector::Filter(predicate)
    }
}

/// As it follows a table's name in SQL. A key prints by position, since the selector alone does not
/// know the primary key's columns.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::All => Ok(()),
            Selector::Key(key) => write!(f, " WHERE PRIMARY KEY = {key}"),
            Selector::RowId(row_id) => write!(f, " WHERE rowid = {row_id}"),
            Selector::Filter(predicate) => write!(f, " WHERE {predicate}"),
        }
    }
}
