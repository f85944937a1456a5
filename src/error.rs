//! What can go wrong, by family of operation, as fields that a caller can match on.
//!
//! The text of an error is only its `Display`: one factual line, then `detail:` and `hint:` where
//! there is something to say. The reference's own line ("FOREIGN KEY constraint failed") is made by
//! [`crate::database::Dialect::message`].

use crate::value::{Key, Value};
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
            Error::Schema(_) | Error::Name(_) | Error::Transaction(_) | Error::Depth(_) => 1,
        }
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
            Error::Aborted(message) => write!(f, "statement aborted by a program: {message}"),
        }
    }
}

/// Which constraint was found not to hold. The number beside each is SQLite's extended code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ViolationKind {
    /// A foreign key judged at the end of the statement or at COMMIT (787).
    ForeignKey,
    /// A foreign key refused at the row by RESTRICT (1811).
    Restrict,
    /// UNIQUE, or a unique index (2067).
    Unique,
    /// PRIMARY KEY (1555).
    PrimaryKey,
    /// The row id of a table without an integer primary key (2579).
    RowId,
    /// NOT NULL (1299).
    NotNull,
    /// CHECK (275).
    Check,
}

impl ViolationKind {
    /// SQLite's extended result code.
    pub fn extended_code(self) -> i32 {
        match self {
            ViolationKind::ForeignKey => 787,
            ViolationKind::Restrict => 1811,
            ViolationKind::Unique => 2067,
            ViolationKind::PrimaryKey => 1555,
            ViolationKind::RowId => 2579,
            ViolationKind::NotNull => 1299,
            ViolationKind::Check => 275,
        }
    }

    /// The constraint's kind in words: "foreign key constraint".
    pub fn words(self) -> &'static str {
        match self {
            ViolationKind::ForeignKey | ViolationKind::Restrict => "foreign key constraint",
            ViolationKind::Unique => "unique constraint",
            ViolationKind::PrimaryKey | ViolationKind::RowId => "primary key constraint",
            ViolationKind::NotNull => "not-null constraint",
            ViolationKind::Check => "check constraint",
        }
    }
}

/// What was being done when a violation was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Event {
    /// A row arrived.
    Insert,
    /// A row was changed.
    Update,
    /// A row left.
    Delete,
    /// A transaction was to end.
    Commit,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Event::Insert => "insert on",
            Event::Update => "update of",
            Event::Delete => "delete on",
            Event::Commit => "commit with a change of",
        })
    }
}

/// How many rows a violation names.
pub const VIOLATION_ROWS_MAX: usize = 10;

/// A constraint found not to hold: which, where, for which key and rows, and how one got there.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Violation {
    /// The kind of constraint.
    pub kind: ViolationKind,
    /// What was done to `event_table` when it was found.
    pub event: Event,
    /// The table whose row was being changed.
    pub event_table: String,
    /// The constraint's name; for one declared without a name, the name it goes by here.
    pub constraint: String,
    /// The table that holds the constraint (for a foreign key: the referencing table).
    pub table: String,
    /// The columns of `key`: the referencing ones where a referenced row is missing, the referenced
    /// ones where a referenced row may not go.
    pub columns: Vec<String>,
    /// One value per column of `columns`.
    pub key: Vec<Value>,
    /// The other side of the foreign key: the referenced table. Equal to `table` if it references
    /// itself; absent for other constraints.
    pub other_table: Option<String>,
    /// Whether the violation is seen from the referenced side: its key went, rows still have it.
    pub still_referenced: bool,
    /// The first rows (at most [`VIOLATION_ROWS_MAX`]) that violate, each by its primary key or row
    /// id, in row id order.
    pub rows: Vec<RowName>,
    /// How many rows violate.
    pub row_count: usize,
    /// From the row that the statement itself changed to the row where it was found.
    pub path: Path,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// A row by the columns that name it: its primary key, or its row id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RowName {
    /// The primary key's columns, or `rowid`.
    pub columns: Vec<String>,
    /// One value per column.
    pub values: Key,
}

impl fmt::Display for RowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KeyText { columns: &self.columns, values: &self.values }.fmt(f)
    }
}

/// One hop of a [`Path`]: over which constraint which row was reached.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Hop {
    /// The constraint or program; `None` for the row that the statement itself changed.
    pub constraint: Option<String>,
    /// The table of the row.
    pub table: String,
    /// The row.
    pub row: RowName,
}

/// The way from the row a statement changed to the row that refused.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Path {
    /// The hops in order; of a path longer than eight, the first four and the last four.
    pub hops: Vec<Hop>,
    /// How many hops there are in all.
    pub length: usize,
}

/// How many hops of a path are kept whole; of a longer one, half at each end.
pub const PATH_HOPS_MAX: usize = 8;

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.length.saturating_sub(self.hops.len());
        for (position, hop) in self.hops.iter().enumerate() {
            if position > 0 {
                f.write_str(" → ")?;
            }
            if left_out > 0 && position == PATH_HOPS_MAX / 2 {
                write!(f, "… {left_out} more … → ")?;
            }
            if let Some(constraint) = &hop.constraint {
                write!(f, "{constraint}: ")?;
            }
            write!(f, "\"{}\" {}", hop.table, hop.row.values)?;
        }
        Ok(())
    }
}

/// `(a, b)=(1, 'x')`.
struct KeyText<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({})=(", self.columns.join(", "))?;
        for (position, value) in self.values.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            value.fmt(f)?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} table \"{}\" violates {} \"{}\"",
            self.event,
            self.event_table,
            self.kind.words(),
            self.constraint
        )?;
        if self.table != self.event_table {
            write!(f, " on table \"{}\"", self.table)?;
        }
        write!(f, "\ndetail: ")?;
        self.write_detail(f)?;
        if self.path.length > 1 {
            write!(f, "\ndetail: Reached by {}.", self.path)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Violation {
    fn write_detail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = KeyText { columns: &self.columns, values: &self.key };
        match self.kind {
            ViolationKind::ForeignKey | ViolationKind::Restrict if self.still_referenced => {
                write!(
                    f,
                    "Key {key} is still referenced by {} of \"{}\"",
                    Rows(self.row_count),
                    self.table
                )?;
                match self.rows.first() {
                    Some(row) if self.row_count == 1 => write!(f, ", {row}."),
                    Some(row) => write!(f, ", the first with {row}."),
                    None => f.write_str("."),
                }
            }
            ViolationKind::ForeignKey | ViolationKind::Restrict => {
                let other = self.other_table.as_deref().unwrap_or_default();
                write!(f, "Key {key} is not present in table \"{other}\".")
            }
            ViolationKind::Unique | ViolationKind::PrimaryKey | ViolationKind::RowId => {
                write!(f, "Key {key} already exists.")
            }
            ViolationKind::NotNull => {
                write!(f, "Column \"{}\" may not be NULL.", self.columns.join(", "))
            }
            ViolationKind::Check => match self.rows.first() {
                Some(row) => write!(f, "The row with {row} fails it."),
                None => f.write_str("The row fails it."),
            },
        }
    }
}

/// "1 row", "1,234 rows".
pub struct Rows(pub usize);

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str(if self.0 == 1 { " row" } else { " rows" })
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
    /// A CHECK, DEFAULT or index predicate that cannot be used there.
    Expression {
        /// Where: `CHECK of table "t"`.
        place: String,
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
    },
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
            SchemaError::MissingReferencedTable { constraint, table, referenced } => write!(
                f,
                "foreign key \"{constraint}\" of table \"{table}\" references table \
                 \"{referenced}\", which does not exist\nhint: Create table \"{referenced}\", or \
                 drop table \"{table}\"."
            ),
            SchemaError::ColumnCount { table, referenced, found, expected, .. } => write!(
                f,
                "foreign key of table \"{table}\" has {found} columns and references {expected} \
                 of table \"{referenced}\""
            ),
            SchemaError::NoColumns { kind, name } => write!(f, "{kind} \"{name}\" has no columns"),
            SchemaError::SecondPrimaryKey { table } => {
                write!(f, "table \"{table}\" has more than one primary key")
            }
            SchemaError::Expression { place, reason } => write!(f, "{place}: {reason}"),
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
    /// A constraint of the table named in `within`.
    Constraint,
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
            NameKind::Constraint => "constraint",
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

/// The candidate with the fewest edits to `name`, if there are at most a third as many edits as
/// letters (and at least one is allowed). Case counts for nothing.
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
        .filter(|(distance, _)| *distance <= (wanted.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Levenshtein's distance, one row of the matrix at a time.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
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
                write!(f, "row for table \"{table}\" has {found} values where {expected} are due")
            }
            InputError::KeyWidth { name, expected, found } => {
                write!(f, "key for \"{name}\" has {found} values where {expected} are due")
            }
            InputError::NoPrimaryKey { table } => write!(
                f,
                "table \"{table}\" has no primary key to find a row by\nhint: Use a predicate, or \
                 the row id."
            ),
            InputError::NotAnInteger { table, column, value } => {
                write!(f, "integer primary key \"{column}\" of table \"{table}\" cannot be {value}")
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

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Error::Input(Box::new(error))
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
        assert_eq!(nearest_name("", ["team"]), None);
    }

    #[test]
    fn counts_of_rows_are_grouped_by_thousands() {
        let shown = |n| Rows(n).to_string();
        assert_eq!(shown(1), "1 row");
        assert_eq!(shown(999), "999 rows");
        assert_eq!(shown(1_000), "1,000 rows");
        assert_eq!(shown(1_234_567), "1,234,567 rows");
    }
}
