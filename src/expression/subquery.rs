//! A query inside of an expression, as much of it as an expression has to know: nothing but that it
//! prints, is equal to another, and has a depth. Who binds the expression knows the rest.

use super::DEPTH_MAX;
use std::any::Any;
use std::fmt::{Debug, Display};

/// A query inside of an expression. The binder of queries downcasts it to what it is.
pub trait Subquery: Any + Debug + Display + Send + Sync {
    /// The levels of the query's deepest expression, those of its own subqueries included.
    fn depth(&self) -> usize;

    /// The greatest number of a parameter in it, 0 without any.
    fn parameter_count(&self) -> usize;

    /// Whether the other one is the same query, as written.
    fn is_same(&self, other: &dyn Subquery) -> bool;
}

impl PartialEq for dyn Subquery {
    fn eq(&self, other: &dyn Subquery) -> bool {
        self.is_same(other)
    }
}

/// What an expression wants of a subquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubqueryUse {
    /// The values of its first row, this many; NULL if there is none.
    Values(usize),
    /// Whether it has a row.
    Exists,
    /// Whether one of its rows is equal to this many values.
    Membership(usize),
}

/// Running a query takes the stack of about so many levels of an expression.
const LEVELS_OF_A_QUERY: usize = 9;

/// The levels that a query adds to what it stands in: its own, and what running it takes.
pub(crate) fn levels(subquery: &dyn Subquery) -> usize {
    subquery.depth().saturating_add(LEVELS_OF_A_QUERY).min(DEPTH_MAX)
}
