//! What a query can be refused for.

use super::nearest_name;
use std::fmt;

/// A query, or an expression in a statement, that has no meaning.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum QueryError {
    /// No source has a column of this name.
    UnknownColumn {
        /// The name, with its table where one was given.
        name: String,
        /// The nearest name that there is.
        suggestion: Option<String>,
    },
    /// Several sources have a column of this name.
    AmbiguousColumn {
        /// The name.
        name: String,
    },
    /// `t.*` for a source that is not there.
    UnknownSource {
        /// The name.
        name: String,
    },
    /// No function has this name.
    UnknownFunction {
        /// The name.
        function: String,
    },
    /// A function does not take so many arguments.
    ArgumentCount {
        /// The function.
        function: String,
        /// The numbers it takes, in words.
        expected: String,
        /// The number it was given.
        found: usize,
    },
    /// An aggregate in WHERE, or anywhere else where no rows go into it.
    MisusedAggregate {
        /// The function.
        function: String,
        /// Whether it stands in a subquery, and by its arguments is the enclosing query's; or in the
        /// ORDER BY of a query that makes no groups.
        is_outer: bool,
    },
    /// The alias of an aggregate, where no rows go into one.
    MisusedAlias {
        /// The alias.
        alias: String,
    },
    /// An aggregate in GROUP BY.
    AggregateInGroupBy,
    /// HAVING without GROUP BY or an aggregate.
    HavingWithoutGroup,
    /// An aggregate with DISTINCT and several arguments.
    DistinctArguments,
    /// DISTINCT, FILTER or `*` for a function that is no aggregate.
    NoAggregate {
        /// The function.
        function: String,
    },
    /// A row value where a single value is wanted, or one of another width.
    MisusedRow,
    /// A subquery has more or fewer columns than are wanted.
    SubqueryWidth {
        /// The columns wanted.
        expected: usize,
        /// The columns it has.
        found: usize,
    },
    /// The queries that an operator combines have different numbers of columns.
    CompoundWidth {
        /// The operator, as in SQL.
        operator: &'static str,
    },
    /// The rows of VALUES have different numbers of values.
    ValuesWidth,
    /// WITH names more or fewer columns than its query has.
    CommonTableWidth {
        /// The table.
        table: String,
        /// The columns of the query.
        found: usize,
        /// The names.
        expected: usize,
    },
    /// A query of WITH that reads itself.
    CircularReference {
        /// The table.
        table: String,
    },
    /// A query of WITH that reads itself in a way that means nothing.
    Recursion {
        /// What is wrong with it.
        what: String,
        /// The table; empty if it does not matter which.
        table: String,
    },
    /// ORDER BY or GROUP BY a position that no column has.
    Position {
        /// "ORDER BY" or "GROUP BY".
        clause: &'static str,
        /// Which term of the clause, from 1.
        term: usize,
        /// The number of columns.
        columns: usize,
    },
    /// ORDER BY after UNION and the like, by what is no column of the result.
    OrderTerm {
        /// Which term, from 1.
        term: usize,
    },
    /// `*` without anything it could stand for.
    NoSources,
    /// USING a column that not both sides have.
    JoinColumn {
        /// The column.
        column: String,
    },
    /// A table is not what it was when the query was bound.
    Stale {
        /// The table.
        table: String,
    },
    /// LIMIT or OFFSET is no integer.
    Limit,
    /// More of something than a query may have.
    TooMany {
        /// What, as SQLite says it: "too many columns in result set".
        what: &'static str,
    },
    /// The pattern of a LIKE or GLOB is too long.
    Pattern,
    /// ESCAPE is not one character.
    Escape,
    /// RAISE was reached in a trigger.
    Raised {
        /// What is to become of the statement.
        raise: Raise,
        /// The message; empty for IGNORE.
        message: String,
    },
    /// Integers whose sum or absolute value is none.
    IntegerOverflow,
    /// Something that cannot stand where it does, or that is not done here.
    Unsupported {
        /// What, as the subject of a sentence: "a recursive query".
        what: String,
    },
    /// The expression, with the queries in it, has more levels than are allowed.
    TooDeep,
}

impl QueryError {
    /// No column of this name, the nearest of which becomes the hint.
    pub(crate) fn unknown_column<'a>(
        name: String,
        column: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let suggestion = nearest_name(column, candidates);
        QueryError::UnknownColumn { name, suggestion }
    }

    /// SQLite's own line.
    pub(crate) fn sqlite_message(&self) -> String {
        match self {
            QueryError::UnknownColumn { name, .. } => format!("no such column: {name}"),
            QueryError::AmbiguousColumn { name } => format!("ambiguous column name: {name}"),
            QueryError::UnknownSource { name } => format!("no such table: {name}"),
            QueryError::UnknownFunction { function } => format!("no such function: {function}"),
            QueryError::ArgumentCount { function, .. } => {
                format!("wrong number of arguments to function {function}()")
            }
            QueryError::MisusedAggregate { function, is_outer: false } => {
                format!("misuse of aggregate function {function}()")
            }
            QueryError::MisusedAggregate { function, is_outer: true } => {
                format!("misuse of aggregate: {function}()")
            }
            QueryError::MisusedAlias { alias } => format!("misuse of aliased aggregate {alias}"),
            QueryError::AggregateInGroupBy => {
                "aggregate functions are not allowed in the GROUP BY clause".to_owned()
            }
            QueryError::HavingWithoutGroup => "HAVING clause on a non-aggregate query".to_owned(),
            QueryError::DistinctArguments => {
                "DISTINCT aggregates must have exactly one argument".to_owned()
            }
            QueryError::NoAggregate { function } => {
                format!("FILTER may not be used with non-aggregate {function}()")
            }
            QueryError::MisusedRow => "row value misused".to_owned(),
            QueryError::SubqueryWidth { expected, found } => {
                format!("sub-select returns {found} columns - expected {expected}")
            }
            QueryError::CompoundWidth { operator } => format!(
                "SELECTs to the left and right of {operator} do not have the same number of \
                 result columns"
            ),
            QueryError::ValuesWidth => "all VALUES must have the same number of terms".to_owned(),
            QueryError::CommonTableWidth { table, found, expected } => {
                format!("table {table} has {found} values for {expected} columns")
            }
            QueryError::CircularReference { table } => format!("circular reference: {table}"),
            QueryError::Recursion { what, table } if table.is_empty() => what.clone(),
            QueryError::Recursion { what, table } => format!("{what}: {table}"),
            QueryError::Position { clause, term, columns } => format!(
                "{} {clause} term out of range - should be between 1 and {columns}",
                Ordinal(*term)
            ),
            QueryError::OrderTerm { term } => format!(
                "{} ORDER BY term does not match any column in the result set",
                Ordinal(*term)
            ),
            QueryError::NoSources => "no tables specified".to_owned(),
            QueryError::JoinColumn { column } => {
                format!("cannot join using column {column} - column not present in both tables")
            }
            QueryError::Stale { .. } => "database schema has changed".to_owned(),
            QueryError::Limit => "datatype mismatch".to_owned(),
            QueryError::TooMany { what } => (*what).to_owned(),
            QueryError::Pattern => "LIKE or GLOB pattern too complex".to_owned(),
            QueryError::Escape => "ESCAPE expression must be a single character".to_owned(),
            QueryError::Raised { message, .. } => message.clone(),
            QueryError::IntegerOverflow => "integer overflow".to_owned(),
            QueryError::Unsupported { .. } => self.to_string(),
            QueryError::TooDeep => "Expression tree is too large (maximum depth 100)".to_owned(),
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::UnknownColumn { name, suggestion } => {
                write!(f, "column \"{name}\" does not exist")?;
                match suggestion {
                    Some(near) => write!(f, "\nhint: Did you mean \"{near}\"?"),
                    None => Ok(()),
                }
            }
            QueryError::AmbiguousColumn { name } => write!(
                f,
                "column \"{name}\" is ambiguous\nhint: Put the table's name before it, and a dot."
            ),
            QueryError::UnknownSource { name } => {
                write!(f, "the query has no source \"{name}\"")
            }
            QueryError::UnknownFunction { function } => {
                write!(f, "function \"{function}\" does not exist")
            }
            QueryError::ArgumentCount { function, expected, found } => {
                write!(f, "function \"{function}\" takes {expected} arguments, not {found}")
            }
            QueryError::MisusedAggregate { function, .. } => {
                write!(f, "aggregate \"{function}\" stands where there are no rows to go into it")
            }
            QueryError::MisusedAlias { alias } => {
                write!(f, "aggregate \"{alias}\" stands where there are no rows to go into it")
            }
            QueryError::AggregateInGroupBy => {
                f.write_str("GROUP BY is computed before any aggregate, and cannot have one")
            }
            QueryError::HavingWithoutGroup => {
                f.write_str("HAVING is asked of groups, and the query has none")
            }
            QueryError::DistinctArguments => {
                f.write_str("an aggregate with DISTINCT takes exactly one argument")
            }
            QueryError::NoAggregate { function } => {
                write!(f, "function \"{function}\" is no aggregate")
            }
            QueryError::MisusedRow => f.write_str("a row value stands where it has no meaning"),
            QueryError::SubqueryWidth { expected, found } => {
                write!(f, "a subquery has {found} columns where {expected} are wanted")
            }
            QueryError::CompoundWidth { operator } => {
                write!(f, "the queries beside {operator} have different numbers of columns")
            }
            QueryError::ValuesWidth => {
                f.write_str("the rows of VALUES have different numbers of values")
            }
            QueryError::CommonTableWidth { table, found, expected } => {
                write!(f, "\"{table}\" names {expected} columns of a query that has {found}")
            }
            QueryError::CircularReference { table } => {
                write!(f, "the query \"{table}\" reads itself")
            }
            QueryError::Recursion { what, table } if table.is_empty() => f.write_str(what),
            QueryError::Recursion { what, table } => write!(f, "{what}: \"{table}\""),
            QueryError::Position { clause, columns, .. } => {
                write!(f, "{clause} names a position outside of the {columns} columns")
            }
            QueryError::OrderTerm { term } => {
                write!(f, "term {term} of ORDER BY is no column of the combined result")
            }
            QueryError::NoSources => f.write_str("\"*\" stands for the columns of no table"),
            QueryError::JoinColumn { column } => {
                write!(f, "column \"{column}\" to join by is not on both sides")
            }
            QueryError::Stale { table } => write!(
                f,
                "table \"{table}\" has changed since the query was bound\nhint: Bind it again."
            ),
            QueryError::Limit => f.write_str("LIMIT or OFFSET is no integer"),
            QueryError::TooMany { what } => f.write_str(what),
            QueryError::Pattern => f.write_str("the pattern of LIKE or GLOB is too long"),
            QueryError::Escape => f.write_str("ESCAPE is not a single character"),
            QueryError::Raised { raise: Raise::Ignore, .. } => {
                f.write_str("a trigger gave the row change up")
            }
            QueryError::Raised { message, .. } => {
                write!(f, "statement aborted by a trigger: {message}")
            }
            QueryError::IntegerOverflow => f.write_str("the result is no integer of 64 bits"),
            QueryError::Unsupported { what } => write!(f, "{what} cannot stand here"),
            QueryError::TooDeep => {
                f.write_str("an expression, with the queries in it, has too many levels")
            }
        }
    }
}

/// "1st", "2nd", "3rd", "4th", "11th".
struct Ordinal(usize);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match (self.0 % 10, self.0 % 100 / 10) {
            (1, tens) if tens != 1 => "st",
            (2, tens) if tens != 1 => "nd",
            (3, tens) if tens != 1 => "rd",
            _ => "th",
        };
        write!(f, "{}{suffix}", self.0)
    }
}

/// What RAISE does to the statement that a trigger belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raise {
    /// The row change is given up, and the statement goes on.
    Ignore,
    /// The statement is undone.
    Abort,
    /// The statement ends, and keeps what it has done.
    Fail,
    /// The transaction is undone.
    Rollback,
}

/// The word in SQL.
impl fmt::Display for Raise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Raise::Ignore => "IGNORE",
            Raise::Abort => "ABORT",
            Raise::Fail => "FAIL",
            Raise::Rollback => "ROLLBACK",
        })
    }
}
