//! The name of a column in an expression: the column's own, perhaps with those of its table and its
//! schema.

use super::display::quote_identifier;
use std::fmt;
use std::sync::Arc;

/// A column's name, and those of its table and its schema where they are given. ASCII case does not count when it is
/// resolved.
///
/// ```
/// use ondelete::expression::col;
/// assert_eq!(col("age").to_string(), "age");
/// assert_eq!(col(("hero", "age")).to_string(), "hero.age");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnName {
    schema: Option<Arc<str>>,
    table: Option<Arc<str>>,
    column: Arc<str>,
    /// Whether it is a text where no column is called so.
    or_text: bool,
}

impl ColumnName {
    /// A name in double quotes: SQLite takes it for a text where no column is called so.
    pub fn or_text(column: &str) -> Self {
        ColumnName { or_text: true, ..ColumnName::from(column) }
    }

    /// The text that it is where no column is called so.
    pub(super) fn as_text(&self) -> Option<&str> {
        self.or_text.then_some(&*self.column)
    }

    /// The same in a schema.
    #[must_use]
    pub fn within(self, schema: &str) -> Self {
        ColumnName { schema: Some(schema.into()), ..self }
    }

    /// The schema.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The table, or the name a query has given it.
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// The column.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Its parts as they were given, without quotes, and dots between them.
    pub fn dotted(&self) -> String {
        let parts = [&self.schema, &self.table].into_iter().flatten();
        let parts: Vec<&str> = parts.chain([&self.column]).map(|part| &**part).collect();
        parts.join(".")
    }

    /// The same table's column of another name.
    #[must_use]
    pub fn with_column(&self, column: &str) -> ColumnName {
        let (schema, table) = (self.schema.clone(), self.table.clone());
        ColumnName { schema, table, ..ColumnName::from(column) }
    }

    /// The column of this name of another table.
    #[must_use]
    pub fn with_table(&self, table: Option<&str>) -> ColumnName {
        ColumnName { table: table.map(Into::into), ..ColumnName::from(&*self.column) }
    }
}

impl From<&str> for ColumnName {
    fn from(column: &str) -> Self {
        ColumnName { schema: None, table: None, column: column.into(), or_text: false }
    }
}

impl From<&String> for ColumnName {
    fn from(column: &String) -> Self {
        ColumnName::from(column.as_str())
    }
}

impl From<String> for ColumnName {
    fn from(column: String) -> Self {
        ColumnName::from(column.as_str())
    }
}

/// Table and column.
impl<T: AsRef<str>, C: AsRef<str>> From<(T, C)> for ColumnName {
    fn from((table, column): (T, C)) -> Self {
        ColumnName { table: Some(table.as_ref().into()), ..ColumnName::from(column.as_ref()) }
    }
}

/// As in SQL, each part quoted where it must be.
impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.schema, &self.table].into_iter().flatten() {
            write!(f, "{}.", quote_identifier(part))?;
        }
        f.write_str(&quote_identifier(&self.column))
    }
}
