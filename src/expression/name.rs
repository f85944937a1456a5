//! The name of a column in an expression: the column's own, perhaps with that of its table.

use super::display::quote_identifier;
use std::fmt;
use std::sync::Arc;

/// A column's name, and that of its table where it is given. ASCII case does not count when it is
/// resolved.
///
/// ```
/// use ondelete::expression::col;
/// assert_eq!(col("age").to_string(), "age");
/// assert_eq!(col(("hero", "age")).to_string(), "hero.age");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnName {
    table: Option<Arc<str>>,
    column: Arc<str>,
    /// Whether it is a text where no column is called so.
    or_text: bool,
}

impl ColumnName {
    /// A name in double quotes: SQLite takes it for a text where no column is called so.
    pub fn or_text(column: &str) -> Self {
        ColumnName { table: None, column: column.into(), or_text: true }
    }

    /// The text that it is where no column is called so.
    pub(super) fn as_text(&self) -> Option<&str> {
        self.or_text.then_some(&*self.column)
    }

    /// The table, or the name a query has given it.
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// The column.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Both parts as they were given, without quotes, and a dot between them.
    pub fn dotted(&self) -> String {
        match &self.table {
            Some(table) => format!("{table}.{}", self.column),
            None => self.column.to_string(),
        }
    }

    /// The same table's column of another name.
    #[must_use]
    pub fn with_column(&self, column: &str) -> ColumnName {
        ColumnName { table: self.table.clone(), column: column.into(), or_text: false }
    }

    /// The column of this name of another table.
    #[must_use]
    pub fn with_table(&self, table: Option<&str>) -> ColumnName {
        ColumnName { table: table.map(Into::into), column: self.column.clone(), or_text: false }
    }
}

impl From<&str> for ColumnName {
    fn from(column: &str) -> Self {
        ColumnName { table: None, column: column.into(), or_text: false }
    }
}

impl From<&String> for ColumnName {
    fn from(column: &String) -> Self {
        ColumnName { table: None, column: column.as_str().into(), or_text: false }
    }
}

impl From<String> for ColumnName {
    fn from(column: String) -> Self {
        ColumnName { table: None, column: column.into(), or_text: false }
    }
}

/// Table and column.
impl<T: AsRef<str>, C: AsRef<str>> From<(T, C)> for ColumnName {
    fn from((table, column): (T, C)) -> Self {
        let (table, column) = (table.as_ref().into(), column.as_ref().into());
        ColumnName { table: Some(table), column, or_text: false }
    }
}

/// As in SQL, each part quoted where it must be.
impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "{}.", quote_identifier(table))?;
        }
        f.write_str(&quote_identifier(&self.column))
    }
}
