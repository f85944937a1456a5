//! Why an expression cannot be bound, as fields; whoever asked for it makes an error of its own of it.

use super::ColumnName;
use crate::error::Error;
use std::error;
use std::fmt;

/// Why an expression cannot be bound.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BindError {
    /// No column has this name.
    UnknownColumn(ColumnName),
    /// Several tables have a column of this name.
    AmbiguousColumn(ColumnName),
    /// No function has this name.
    UnknownFunction(String),
    /// A function is called with a number of arguments it does not take.
    ArgumentCount {
        /// The function's name.
        function: String,
        /// The numbers it takes, as in "1 or 2" or "at least 2".
        expected: String,
        /// The number it was given.
        found: usize,
    },
    /// An aggregate where there are no rows to go into it.
    MisusedAggregate(String),
    /// One in a subquery that by its arguments is the enclosing query's, where that can have none.
    MisusedOuterAggregate(String),
    /// DISTINCT, FILTER or `*` in the call of a function that is no aggregate.
    NoAggregate(String),
    /// A row value where one value is wanted, or two of different widths.
    MisusedRow,
    /// A subquery with another number of columns than is wanted.
    SubqueryWidth {
        /// The columns wanted.
        expected: usize,
        /// The columns it has.
        found: usize,
    },
    /// Something that cannot stand where it does: "a subquery", "a parameter".
    Unsupported(&'static str),
    /// What the expression is bound to has a reason of its own.
    Refused(Box<Error>),
    /// The expression has more than [`DEPTH_MAX`](super::DEPTH_MAX) levels.
    TooDeep,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::UnknownColumn(name) => {
                write!(f, "column \"{}\" does not exist", name.dotted())
            }
            BindError::AmbiguousColumn(name) => {
                write!(f, "column \"{}\" is ambiguous", name.dotted())
            }
            BindError::UnknownFunction(name) => write!(f, "function \"{name}\" does not exist"),
            BindError::ArgumentCount { function, expected, found } => {
                write!(f, "function \"{function}\" takes {expected} arguments, not {found}")
            }
            BindError::MisusedAggregate(name) | BindError::MisusedOuterAggregate(name) => {
                write!(f, "aggregate \"{name}\" stands where there are no rows to go into it")
            }
            BindError::NoAggregate(name) => write!(f, "function \"{name}\" is no aggregate"),
            BindError::MisusedRow => f.write_str("a row value stands where it has no meaning"),
            BindError::SubqueryWidth { expected, found } => {
                write!(f, "a subquery has {found} columns where {expected} are wanted")
            }
            BindError::Unsupported(what) => write!(f, "{what} cannot stand here"),
            BindError::Refused(error) => error.fmt(f),
            BindError::TooDeep => {
                write!(f, "expression has more than {} levels", super::DEPTH_MAX)
            }
        }
    }
}

impl error::Error for BindError {}
