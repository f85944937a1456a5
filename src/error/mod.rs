//! What can go wrong, by family of operation, as fields that a caller can match on.
//!
//! The text of an error is only its `Display`: one factual line, then `detail:` and `hint:` where
//! there is something to say. The reference's own line ("FOREIGN KEY constraint failed") is made by
//! [`crate::database::Dialect::message`].

mod names;
mod query;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod violation;

pub(crate) use names::{
    ConstraintNames, FirstRows, Hint, NamedRows, Reached, ReferencedNames, Side, TableNames,
};
pub use query::{QueryError, Raise};
pub use sql::SqlError;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteError;
pub use violation::{
    Event, Hop, PATH_HOPS_MAX, Path, RowName, Rows, VIOLATION_ROWS_MAX, Violation, ViolationKind,
};

use crate::value::Value;
use std::fmt;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call was refused. Whatever the family, the database is as it was before the call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A constraint does not hold.
    Violation(Box<Violation>),
    /// A definition does not fit the schema, or a foreign key cannot be resolved at first use.
    Schema(Box<SchemaError>),
    /// A name that is not there, or is there already.
    Name(Box<NameError>),
    /// A value, a row or a key of the wrong shape.
    Input(Box<InputError>),
    /// A transaction or savepoint used in a state that does not allow it.
    Transaction(TransactionError),
    /// A cascade went through more nested actions than the dialect allows.
    Depth(Box<DepthError>),
    /// A query, or an expression in a statement, that has no meaning.
    Query(Box<QueryError>),
    /// A text that is no SQL, or SQL that is not done here.
    Sql(Box<SqlError>),
    /// A program (trigger) aborted the statement with this message.
    Aborted(String),
}

impl Error {
    /// SQLite's extended result code for this error: 787 for a foreign key, 1811 for RESTRICT,
    /// 1 where SQLite knows no more than "error".
    pub fn extended_code(&self) -> i32 {
        match self {
            Error::Violation(violation) => violation.kind.extended_code(),
            Error::Input(error) => match **error {
                InputError::NotAnInteger { .. } => 20,
                InputError::ValueCount { .. }
                | InputError::KeyWidth { .. }
                | InputError::NoPrimaryKey { .. }
                | InputError::Expression { .. }
                | InputError::DuplicateColumn { .. }
                | InputError::RowIdsExhausted { .. } => 1,
            },
            Error::Aborted(_) => 1811,
            Error::Query(error) if matches!(**error, QueryError::Limit) => 20,
            Error::Query(error) if matches!(**error, QueryError::Raised { .. }) => 1811,
            Error::Schema(_)
            | Error::Name(_)
            | Error::Transaction(_)
            | Error::Depth(_)
            | Error::Query(_)
            | Error::Sql(_) => 1,
        }
    }

    /// The error as JSON: its text, SQLite's extended code, and the violation's fields if it is one.
    #[cfg(feature = "serde")]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "message": self.to_string(),
            "code": self.extended_code(),
            "violation": self.violation(),
        })
    }

    /// The violation inside, if this is one.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Error::Violation(violation) => Some(violation),
            _ => None,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Violation(violation) => violation.fmt(f),
            Error::Schema(error) => error.fmt(f),
            Error::Name(error) => error.fmt(f),
            Error::Input(error) => error.fmt(f),
            Error::Transaction(error) => error.fmt(f),
            Error::Depth(error) => error.fmt(f),
            Error::Query(error) => error.fmt(f),
            Error::Sql(error) => error.fmt(f),
            Error::Aborted(message) => write!(f, "statement aborted by a program: {message}"),
        }
    }
}

/// A definition that does not fit, or a foreign key that cannot be resolved when it is first used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SchemaError {
    /// The referenced columns are no key, or not as many as the referencing ones; found when a
    /// statement that needs the foreign key is prepared.
    ForeignKeyMismatch {
        /// The foreign key's name.
        constraint: String,
        /// The referencing table.
        table: String,
        /// The referenced table.
        referenced: String,
        /// What does not fit, as a sentence.
        reason: String,
    },
    /// The referenced table does not exist; found when a statement needs the foreign key.
    MissingReferencedTable {
        /// The foreign key's name.
        constraint: String,
        /// The referencing table.
        table: String,
        /// The schema in which the referenced table is looked for: "main", say.
        schema: String,
        /// The referenced table.
        referenced: String,
    },
    /// A foreign key names more or fewer columns than it references; found at definition.
    ColumnCount {
        /// The referencing table.
        table: String,
        /// The referenced table.
        referenced: String,
        /// The one referencing column, where the foreign key was declared on it.
        column: Option<String>,
        /// Referencing columns.
        found: usize,
        /// Referenced columns.
        expected: usize,
    },
    /// A table without columns, or a key or index without columns.
    NoColumns {
        /// "table", "primary key", "index" …
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// More than one primary key.
    SecondPrimaryKey {
        /// The table.
        table: String,
    },
    /// A table without row ids that has no primary key to name its rows.
    NoPrimaryKey {
        /// The table.
        table: String,
    },
    /// A CHECK, DEFAULT or index predicate that cannot be used there.
    Expression {
        /// Where: `CHECK of table "t"`.
        place: String,
        /// SQLite's own line.
        message: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A change of a table that its rows or its other definitions do not allow.
    Alter {
        /// What was tried: `add column "x" to table "t"`.
        action: String,
        /// SQLite's own line.
        message: String,
        /// Why, as a sentence.
        reason: String,
        /// Where that shows.
        found: AlterCheck,
    },
}

/// Where the reason lies that a table cannot be changed. SQLite finds the first kind before it runs
/// anything, the second while it runs, which ends a transaction of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlterCheck {
    /// In the definition as it stands.
    Definition,
    /// In the rows, or in the definition as it would be.
    Outcome,
}

impl SchemaError {
    /// Whether it is a change that the table's own definition forbids.
    #[cfg(feature = "sql")]
    pub(crate) fn is_of_definition(&self) -> bool {
        matches!(self, SchemaError::Alter { found: AlterCheck::Definition, .. })
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaError::ForeignKeyMismatch { constraint, table, referenced, reason } => write!(
                f,
                "foreign key \"{constraint}\" of table \"{table}\" does not match table \
                 \"{referenced}\"\ndetail: {reason}\nhint: The referenced columns must be the \
                 primary key, or have a UNIQUE constraint or a whole unique index on exactly \
                 those columns."
            ),
            SchemaError::MissingReferencedTable { constraint, table, referenced, .. } => write!(
                f,
                "foreign key \"{constraint}\" of table \"{table}\" references table \
                 \"{referenced}\", which does not exist\nhint: Create table \"{referenced}\", or \
                 drop table \"{table}\"."
            ),
            SchemaError::ColumnCount { table, referenced, found, expected, .. } => write!(
                f,
                "foreign key of table \"{table}\" has {found} columns but references {expected} \
                 of table \"{referenced}\""
            ),
            SchemaError::NoColumns { kind, name } => write!(f, "{kind} \"{name}\" has no columns"),
            SchemaError::SecondPrimaryKey { table } => {
                write!(f, "table \"{table}\" has more than one primary key")
            }
            SchemaError::NoPrimaryKey { table } => {
                write!(f, "table \"{table}\" has neither row ids nor a primary key")
            }
            SchemaError::Expression { place, reason, .. } => write!(f, "{place}: {reason}"),
            SchemaError::Alter { action, reason, .. } => {
                write!(f, "cannot {action}\ndetail: {reason}")
            }
        }
    }
}

/// What a name was looked up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A table.
    Table,
    /// A column of the table named in `within`.
    Column,
    /// A column that a foreign key of the table named in `within` says it references from.
    ReferencingColumn,
    /// An index.
    Index,
    /// A savepoint of the open transaction.
    Savepoint,
    /// A primary key, UNIQUE or whole unique index of the table named in `within`, by its columns.
    Key,
    /// A program attached to a table.
    Program,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameKind::Table => "table",
            NameKind::Column => "column",
            NameKind::ReferencingColumn => "referencing column",
            NameKind::Index => "index",
            NameKind::Savepoint => "savepoint",
            NameKind::Key => "unique key",
            NameKind::Program => "program",
        })
    }
}

/// A name that is not there, or is there already.
#[derive(Clone, Debug, PartialEq)]
pub struct NameError {
    /// What was looked up.
    pub kind: NameKind,
    /// The name as given.
    pub name: String,
    /// The table (or other thing) it was looked up in.
    pub within: Option<String>,
    /// Whether it exists though it must not, instead of being absent.
    pub exists: bool,
    /// The nearest name that does exist.
    pub suggestion: Option<String>,
}

impl NameError {
    /// `name` is not among `candidates`, the nearest of which becomes the hint.
    pub fn missing<'a>(
        kind: NameKind,
        name: &str,
        within: Option<&str>,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Error {
        Error::Name(Box::new(NameError {
            kind,
            name: name.to_owned(),
            within: within.map(str::to_owned),
            exists: false,
            suggestion: nearest_name(name, candidates),
        }))
    }

    /// `name` is taken.
    pub fn taken(kind: NameKind, name: &str, within: Option<&str>) -> Error {
        Error::Name(Box::new(NameError {
            kind,
            name: name.to_owned(),
            within: within.map(str::to_owned),
            exists: true,
            suggestion: None,
        }))
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NameError { kind, name, within, exists, suggestion } = self;
        // A table is within the database itself.
        let within = within.as_ref().filter(|_| *kind != NameKind::Table);
        match (within, exists) {
            (Some(table), false) => {
                write!(f, "{kind} \"{name}\" of table \"{table}\" does not exist")?
            }
            (Some(table), true) => {
                write!(f, "{kind} \"{name}\" of table \"{table}\" exists already")?
            }
            (None, false) => write!(f, "{kind} \"{name}\" does not exist")?,
            (None, true) => write!(f, "{kind} \"{name}\" exists already")?,
        }
        match suggestion {
            Some(near) => write!(f, "\nhint: Did you mean \"{near}\"?"),
            None => Ok(()),
        }
    }
}

/// The candidate with the fewest edits to `name`, if there are at most a quarter as many edits as
/// letters, rounded up. Case counts for nothing.
///
/// # Cost
/// **O(n · a · b)** for n candidates of a letters and a name of b; names longer than 64 letters
/// earn no hint.
fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    if wanted.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 64)
        .map(|candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().collect();
            (edit_distance(&wanted, &letters), candidate)
        })
        .filter(|(distance, _)| *distance <= wanted.len().div_ceil(4))
        .filter(|(distance, name)| *distance < name.chars().count())
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// How many letters must be put in, left out, replaced, or exchanged with their neighbour.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    // The matrix of distances between beginnings, of which two rows above are needed.
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// "1 value", "2 values".
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// A value, a row or a key of the wrong shape.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputError {
    /// A row with more or fewer values than there are columns.
    ValueCount {
        /// The table.
        table: String,
        /// Its columns, or those the row named.
        expected: usize,
        /// The values given.
        found: usize,
    },
    /// A key with more or fewer values than the primary key or index has columns.
    KeyWidth {
        /// The table or index.
        name: String,
        /// The key's columns.
        expected: usize,
        /// The values given.
        found: usize,
    },
    /// A row was to be found by primary key in a table that has none.
    NoPrimaryKey {
        /// The table.
        table: String,
    },
    /// An integer primary key was given something else.
    NotAnInteger {
        /// The foreign key whose action gave it, if one did.
        constraint: Option<String>,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What it was given.
        value: Value,
    },
    /// A predicate or assignment that cannot be understood.
    Expression {
        /// The table it was meant for.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A row or an assignment names a column twice.
    DuplicateColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Every positive row id is in use.
    RowIdsExhausted {
        /// The table.
        table: String,
    },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::ValueCount { table, expected, found } => {
                let found = Count(*found, "value");
                write!(
                    f,
                    "row for table \"{table}\" has {found} for {}",
                    Count(*expected, "column")
                )
            }
            InputError::KeyWidth { name, expected, found } => {
                let found = Count(*found, "value");
                write!(f, "key for \"{name}\" has {found} for {}", Count(*expected, "column"))
            }
            InputError::NoPrimaryKey { table } => write!(
                f,
                "table \"{table}\" has no primary key to find a row by\nhint: Use a predicate, or \
                 the row id."
            ),
            InputError::NotAnInteger { constraint, table, column, value } => {
                write!(
                    f,
                    "integer primary key \"{column}\" of table \"{table}\" cannot be {value}"
                )?;
                match constraint {
                    Some(name) => write!(
                        f,
                        "\nhint: Foreign key \"{name}\" sets it; declare another action there."
                    ),
                    None => Ok(()),
                }
            }
            InputError::Expression { table, reason } => {
                write!(f, "expression for table \"{table}\": {reason}")
            }
            InputError::DuplicateColumn { table, column } => {
                write!(f, "column \"{column}\" of table \"{table}\" is given twice")
            }
            InputError::RowIdsExhausted { table } => {
                write!(f, "table \"{table}\" has no free row id")
            }
        }
    }
}

/// A transaction used in a state that does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionError {
    /// BEGIN inside a transaction.
    AlreadyOpen,
    /// COMMIT outside one.
    NothingToCommit,
    /// ROLLBACK outside one.
    NothingToRollBack,
    /// A call that needs autocommit, such as `fork`, inside a transaction.
    Open,
    /// A statement was cut short by a panic; only a rollback is possible now.
    Poisoned,
    /// A statement failed, and the dialect lets nothing but a rollback follow.
    Aborted,
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransactionError::AlreadyOpen => "a transaction is open already",
            TransactionError::NothingToCommit | TransactionError::NothingToRollBack => {
                "no transaction is open"
            }
            TransactionError::Open => "not possible while a transaction is open",
            TransactionError::Poisoned => {
                "a statement of this transaction was cut short by a panic\nhint: Roll back."
            }
            TransactionError::Aborted => {
                "the transaction is aborted by a failed statement\nhint: Roll back, wholly or to a savepoint."
            }
        })
    }
}

/// A cascade deeper than the dialect allows.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthError {
    /// Nested actions and programs allowed.
    pub limit: usize,
    /// The table whose constraint or program would have been one too many.
    pub table: String,
    /// From the row that the statement changed to the row that went too deep.
    pub path: Path,
}

impl fmt::Display for DepthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "actions nest deeper than {} at table \"{}\"\ndetail: Reached by {}.\nhint: Delete from \
             the far end first, or raise the dialect's depth limit.",
            self.limit, self.table, self.path
        )
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Error::Schema(Box::new(error))
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        Error::Sql(Box::new(error))
    }
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Error::Input(Box::new(error))
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        Error::Query(Box::new(error))
    }
}

impl From<TransactionError> for Error {
    fn from(error: TransactionError) -> Self {
        Error::Transaction(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_earn_a_hint() {
        assert_eq!(nearest_name("heros", ["team", "hero"]), Some("hero".to_owned()));
        assert_eq!(nearest_name("TEAN", ["team", "hero"]), Some("team".to_owned()));
        assert_eq!(nearest_name("villain", ["team", "hero"]), None);
        assert_eq!(nearest_name("hreo", ["team", "hero"]), Some("hero".to_owned()));
        assert_eq!(nearest_name("c", ["a", "b"]), None);
        assert_eq!(nearest_name("", ["team"]), None);
    }
}
