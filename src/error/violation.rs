//! A constraint found not to hold: the value that carries it, and how it reads.

use crate::value::{Key, Value};
use std::fmt;

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

/// How many rows a violation names on one line.
const SUMMARY_ROWS_MAX: usize = 5;

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

impl RowName {
    /// The values alone, without parentheses if there is but one.
    fn short(&self) -> String {
        match &self.values[..] {
            [only] => only.to_string(),
            _ => self.values.to_string(),
        }
    }
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
    /// The constraint and the rows that violate it, on one line:
    /// `hero_team_id_fkey: 2 rows of hero (4, 5)`.
    pub fn summary(&self) -> String {
        let Violation { constraint, table, rows, row_count, .. } = self;
        let named = rows.iter().take(SUMMARY_ROWS_MAX);
        let list: Vec<String> = named.map(|row| row.short()).collect();
        let more = if *row_count > list.len() { " …" } else { "" };
        match list.is_empty() {
            true => format!("{constraint}: {} of {table}", Rows(*row_count)),
            false => {
                format!("{constraint}: {} of {table} ({}{more})", Rows(*row_count), list.join(", "))
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_rows_are_grouped_by_thousands() {
        let shown = |n| Rows(n).to_string();
        assert_eq!(shown(1), "1 row");
        assert_eq!(shown(999), "999 rows");
        assert_eq!(shown(1_000), "1,000 rows");
        assert_eq!(shown(1_234_567), "1,234,567 rows");
    }
}
