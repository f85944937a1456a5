//! A constraint found not to hold: the value that carries it, and how it reads.

use super::names::{ConstraintNames, FirstRows, Hint, Reached, Side, TableNames};
use crate::id::FirstRowIds;
use crate::value::{Key, Value};
use std::fmt;
use std::sync::Arc;

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
    /// The type of a column in a STRICT table (3091).
    Datatype,
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
            ViolationKind::Datatype => 3091,
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
            ViolationKind::Datatype => "type",
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
pub const VIOLATION_ROWS_MAX: usize = crate::id::FIRST_ROWS_MAX;

/// A constraint found not to hold: which, where, for which key and rows, and how one got there.
///
/// # Cost
/// One allocation where rows are named by row id and the statement changed the row itself. Texts
/// are made by the methods that return them.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The kind of constraint.
    pub kind: ViolationKind,
    /// What was done to [`Violation::event_table`] when it was found.
    pub event: Event,
    /// One value per column of [`Violation::columns`].
    pub key: Key,
    /// Whether the violation is seen from the referenced side: its key went, rows still have it.
    pub still_referenced: bool,
    /// How many rows violate.
    pub row_count: usize,
    pub(crate) names: Arc<ConstraintNames>,
    /// The side whose row was being changed.
    pub(crate) side: Side,
    pub(crate) rows: FirstRows,
    pub(crate) reached: Reached,
    pub(crate) hint: Hint,
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

impl Violation {
    /// One row of the constraint's own table, not named, without a key: where it will stay, for the
    /// caller to fill.
    #[inline]
    pub(crate) fn new(names: Arc<ConstraintNames>, kind: ViolationKind, event: Event) -> Self {
        Violation {
            kind,
            event,
            key: Key::default(),
            still_referenced: false,
            row_count: 1,
            names,
            side: Side::Own,
            rows: FirstRows::Ids(FirstRowIds::NONE),
            reached: Reached::Nowhere,
            hint: Hint::None,
        }
    }

    /// The constraint's name; for one declared without a name, the name it goes by here.
    pub fn constraint(&self) -> &str {
        &self.names.constraint
    }

    /// The table that holds the constraint (for a foreign key: the referencing table).
    pub fn table(&self) -> &str {
        &self.names.table.name
    }

    /// The table whose row was being changed.
    pub fn event_table(&self) -> &str {
        &self.changed_table().name
    }

    /// The other side of a foreign key: the referenced table. Equal to [`Violation::table`] if it
    /// references itself; absent for other constraints.
    pub fn other_table(&self) -> Option<&str> {
        self.names.referenced.as_ref().map(|referenced| &*referenced.written)
    }

    /// The columns of `key`: the referencing ones where a referenced row is missing, the referenced
    /// ones where a referenced row may not go.
    pub fn columns(&self) -> &[String] {
        match &self.names.referenced {
            Some(referenced) if self.still_referenced => &referenced.columns,
            _ => &self.names.columns,
        }
    }

    /// The first rows (at most [`VIOLATION_ROWS_MAX`]) that violate, each by its primary key or row
    /// id, in row id order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RowName> {
        let naming = &self.names.table.naming;
        (0..self.rows.len()).map(|position| self.rows.name(position, naming))
    }

    /// From the row that the statement itself changed to the row where it was found.
    pub fn path(&self) -> Path {
        match &self.reached {
            Reached::Nowhere => Path::default(),
            Reached::Directly(id) => {
                let TableNames { name, naming } = self.changed_table();
                let row = RowName { columns: naming.clone(), values: (*id).into() };
                let hop = Hop { constraint: None, table: name.clone(), row };
                Path { hops: vec![hop], length: 1 }
            }
            Reached::By(path) => (**path).clone(),
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match &self.hint {
            Hint::None => None,
            Hint::ForeignKey => self.foreign_key_hint(),
            Hint::SetsNull(acting) => Some(format!(
                "Foreign key \"{}\" sets a column that may not be NULL; declare another action, or \
                 drop NOT NULL.",
                acting.constraint
            )),
            Hint::OneTransaction => {
                Some("Put the statement and what repairs it into one transaction.".to_owned())
            }
            Hint::RowsMustDiffer => Some("Make the rows differ first.".to_owned()),
        }
    }

    fn foreign_key_hint(&self) -> Option<String> {
        let name = self.constraint();
        let actions = if self.names.is_nullable { "CASCADE or SET NULL" } else { "CASCADE" };
        match self.event {
            Event::Commit => Some("Repair those rows and commit again, or roll back.".to_owned()),
            Event::Delete if self.still_referenced => Some(format!(
                "Delete or re-point those rows first, or declare ON DELETE {actions} on \"{name}\"."
            )),
            Event::Update if self.still_referenced => Some(format!(
                "Re-point those rows first, or declare ON UPDATE {actions} on \"{name}\"."
            )),
            Event::Insert | Event::Update if !self.still_referenced => Some(format!(
                "Insert that row into \"{}\" first, or declare \"{name}\" DEFERRABLE INITIALLY \
                 DEFERRED.",
                self.other_table().unwrap_or_default()
            )),
            Event::Insert | Event::Update | Event::Delete => None,
        }
    }

    /// The constraint and the rows that violate it, on one line:
    /// `hero_team_id_fkey: 2 rows of hero (4, 5)`.
    pub fn summary(&self) -> String {
        let (constraint, table) = (self.constraint(), self.table());
        let list: Vec<String> = self.rows().take(SUMMARY_ROWS_MAX).map(|row| row.short()).collect();
        let more = if self.row_count > list.len() { " …" } else { "" };
        let rows = Rows(self.row_count);
        match list.is_empty() {
            true => format!("{constraint}: {rows} of {table}"),
            false => format!("{constraint}: {rows} of {table} ({}{more})", list.join(", ")),
        }
    }

    fn changed_table(&self) -> &TableNames {
        match (self.side, &self.names.referenced) {
            (Side::Referenced, Some(referenced)) => &referenced.table,
            (Side::Own | Side::Referenced, _) => &self.names.table,
        }
    }

    fn write_detail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = KeyText { columns: self.columns(), values: &self.key };
        let first = self.rows().next();
        match self.kind {
            ViolationKind::ForeignKey | ViolationKind::Restrict if self.still_referenced => {
                write!(
                    f,
                    "Key {key} is still referenced by {} of \"{}\"",
                    Rows(self.row_count),
                    self.table()
                )?;
                match first {
                    Some(row) if self.row_count == 1 => write!(f, ", {row}."),
                    Some(row) => write!(f, ", the first with {row}."),
                    None => f.write_str("."),
                }
            }
            ViolationKind::ForeignKey | ViolationKind::Restrict => {
                let other = self.other_table().unwrap_or_default();
                write!(f, "Key {key} is not present in table \"{other}\".")
            }
            ViolationKind::Unique if self.columns().is_empty() => {
                f.write_str("What the index computes of the row exists already.")
            }
            ViolationKind::Unique | ViolationKind::PrimaryKey | ViolationKind::RowId => {
                write!(f, "Key {key} already exists.")
            }
            ViolationKind::NotNull => {
                write!(f, "Column \"{}\" may not be NULL.", self.columns().join(", "))
            }
            ViolationKind::Check => match first {
                Some(row) => write!(f, "The row with {row} fails it."),
                None => f.write_str("The row fails it."),
            },
            ViolationKind::Datatype => write!(f, "The value is {}.", self.key),
        }
    }
}

/// Whether two violations tell the same.
impl PartialEq for Violation {
    fn eq(&self, other: &Violation) -> bool {
        let told = |violation: &Violation| {
            (violation.kind, violation.event, violation.still_referenced, violation.row_count)
        };
        told(self) == told(other)
            && self.event_table() == other.event_table()
            && self.constraint() == other.constraint()
            && self.table() == other.table()
            && self.columns() == other.columns()
            && self.key == other.key
            && self.other_table() == other.other_table()
            && self.rows().eq(other.rows())
            && self.path() == other.path()
            && self.hint() == other.hint()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Violation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut told = serializer.serialize_struct("Violation", 13)?;
        told.serialize_field("kind", &self.kind)?;
        told.serialize_field("event", &self.event)?;
        told.serialize_field("event_table", self.event_table())?;
        told.serialize_field("constraint", self.constraint())?;
        told.serialize_field("table", self.table())?;
        told.serialize_field("columns", self.columns())?;
        told.serialize_field("key", &self.key)?;
        told.serialize_field("other_table", &self.other_table())?;
        told.serialize_field("still_referenced", &self.still_referenced)?;
        told.serialize_field("rows", &self.rows().collect::<Vec<_>>())?;
        told.serialize_field("row_count", &self.row_count)?;
        told.serialize_field("path", &self.path())?;
        told.serialize_field("hint", &self.hint())?;
        told.end()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { event, kind, .. } = self;
        let (event_table, constraint) = (self.event_table(), self.constraint());
        write!(f, "{event} table \"{event_table}\" violates {} \"{constraint}\"", kind.words())?;
        if self.table() != event_table {
            write!(f, " on table \"{}\"", self.table())?;
        }
        write!(f, "\ndetail: ")?;
        self.write_detail(f)?;
        let path = self.path();
        if path.length > 1 {
            write!(f, "\ndetail: Reached by {path}.")?;
        }
        match self.hint() {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
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
