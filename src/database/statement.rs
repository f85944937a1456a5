//! Statements as values: what to insert, update or delete. They print as the SQL that does the same.

use crate::catalog::Catalog;
use crate::expression::{Expression, col, lit, quote_identifier};
use crate::query::Selector;
use crate::value::Value;
use std::fmt;

/// The values of a row: by position, or by column name.
#[derive(Clone, Debug, PartialEq)]
pub enum RowValues {
    /// One value per column of the table, in order.
    Positional(Vec<Value>),
    /// Values by column; the others get their default.
    Named(Vec<(String, Value)>),
}

impl From<Vec<Value>> for RowValues {
    fn from(values: Vec<Value>) -> Self {
        RowValues::Positional(values)
    }
}

impl From<Vec<(String, Value)>> for RowValues {
    fn from(values: Vec<(String, Value)>) -> Self {
        RowValues::Named(values)
    }
}

/// A row's values by column: `row! { "id": 3, "name": "Wakaland" }`; or by position:
/// `row![3, "Wakaland"]`.
///
/// ```
/// use ondelete::{RowValues, row};
/// let named = row! { "id": 3, "name": "Wakaland" };
/// assert!(matches!(named, RowValues::Named(values) if values.len() == 2));
/// assert!(matches!(row![3, "Wakaland"], RowValues::Positional(_)));
/// ```
#[macro_export]
macro_rules! row {
    ($($name:literal : $value:expr),+ $(,)?) => {
        $crate::RowValues::Named(vec![$(($name.to_string(), $crate::Value::from($value))),+])
    };
    ($($value:expr),* $(,)?) => {
        $crate::RowValues::Positional(vec![$($crate::Value::from($value)),*])
    };
}

/// INSERT.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    pub(crate) table: String,
    pub(crate) rows: Vec<RowValues>,
    pub(crate) on_conflict: OnConflict,
}

impl Insert {
    /// Into this table; add rows.
    pub fn into(table: impl Into<String>) -> Self {
        Insert { table: table.into(), rows: Vec::new(), on_conflict: OnConflict::Abort }
    }

    /// One more row.
    #[must_use]
    pub fn row(mut self, row: impl Into<RowValues>) -> Self {
        self.rows.push(row.into());
        self
    }

    /// More rows.
    #[must_use]
    pub fn rows<R: Into<RowValues>>(mut self, rows: impl IntoIterator<Item = R>) -> Self {
        self.rows.extend(rows.into_iter().map(Into::into));
        self
    }

    /// What to do about a row whose key is taken.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// The rows to insert.
    pub fn rows_given(&self) -> &[RowValues] {
        &self.rows
    }

    /// What is done about a row whose key is taken.
    pub fn conflict(&self) -> &OnConflict {
        &self.on_conflict
    }
}

/// What a row does when another one holds its key. A foreign key violation is none of these: it
/// always undoes the statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OnConflict {
    /// The statement fails (OR ABORT).
    #[default]
    Abort,
    /// The row is skipped; also for NOT NULL and CHECK (OR IGNORE).
    Ignore,
    /// The other row is deleted, with its ON DELETE actions (OR REPLACE).
    Replace,
    /// ON CONFLICT … DO NOTHING or DO UPDATE; for INSERT only.
    Upsert(Upsert),
}

/// ON CONFLICT.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Upsert {
    pub(crate) target: Vec<String>,
    /// Empty: DO NOTHING.
    pub(crate) assignments: Vec<(String, Expression)>,
    pub(crate) filter: Option<Expression>,
}

impl Upsert {
    /// For a conflict over any key.
    pub fn any() -> Self {
        Upsert::default()
    }

    /// For a conflict over the key on exactly these columns; others still fail.
    pub fn on<N: Into<String>>(columns: impl IntoIterator<Item = N>) -> Self {
        Upsert { target: columns.into_iter().map(Into::into).collect(), ..Upsert::default() }
    }

    /// DO UPDATE SET column = value. The value may read the row in the way by column name, and the
    /// new one as `col(("excluded", name))`. Without any `set`: DO NOTHING.
    #[must_use]
    pub fn set(mut self, column: impl Into<String>, value: impl Into<Expression>) -> Self {
        self.assignments.push((column.into(), value.into()));
        self
    }

    /// The columns assigned, in order; none for DO NOTHING.
    pub fn assigned_columns(&self) -> impl Iterator<Item = &str> {
        self.assignments.iter().map(|(column, _)| column.as_str())
    }

    /// DO UPDATE … WHERE: the row in the way stays as it is unless this is true.
    #[must_use]
    pub fn filter(mut self, predicate: impl Into<Expression>) -> Self {
        self.filter = Some(predicate.into());
        self
    }
}

/// UPDATE.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub(crate) table: String,
    pub(crate) assignments: Vec<(String, Expression)>,
    pub(crate) selector: Selector,
    pub(crate) on_conflict: OnConflict,
}

impl Update {
    /// Of this table: all rows, unless a selector is given.
    pub fn of(table: impl Into<String>) -> Self {
        Update {
            table: table.into(),
            assignments: Vec::new(),
            selector: Selector::All,
            on_conflict: OnConflict::Abort,
        }
    }

    /// SET column = value, over the row as it is when its turn comes.
    #[must_use]
    pub fn set(mut self, column: impl Into<String>, value: impl Into<Expression>) -> Self {
        self.assignments.push((column.into(), value.into()));
        self
    }

    /// Which rows.
    #[must_use]
    pub fn filter(mut self, selector: impl Into<Selector>) -> Self {
        self.selector = selector.into();
        self
    }

    /// What to do about a row whose new key is taken: abort, ignore or replace.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// The columns assigned, in order.
    pub fn assigned_columns(&self) -> impl Iterator<Item = &str> {
        self.assignments.iter().map(|(column, _)| column.as_str())
    }

    /// Which rows.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// What is done about a row whose new key is taken.
    pub fn conflict(&self) -> &OnConflict {
        &self.on_conflict
    }
}

/// DELETE.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    pub(crate) table: String,
    pub(crate) selector: Selector,
}

impl Delete {
    /// From this table: all rows, unless a selector is given.
    pub fn from(table: impl Into<String>) -> Self {
        Delete { table: table.into(), selector: Selector::All }
    }

    /// Which rows.
    #[must_use]
    pub fn filter(mut self, selector: impl Into<Selector>) -> Self {
        self.selector = selector.into();
        self
    }

    /// Which rows.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }
}

/// Any of the three.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// INSERT.
    Insert(Insert),
    /// UPDATE.
    Update(Update),
    /// DELETE.
    Delete(Delete),
}

impl From<Insert> for Statement {
    fn from(statement: Insert) -> Self {
        Statement::Insert(statement)
    }
}

impl From<Update> for Statement {
    fn from(statement: Update) -> Self {
        Statement::Update(statement)
    }
}

impl From<Delete> for Statement {
    fn from(statement: Delete) -> Self {
        Statement::Delete(statement)
    }
}

impl Statement {
    /// The statement as SQL. Where it selects by primary key, the catalogue names the columns.
    pub fn to_sql(&self, catalog: &Catalog) -> String {
        let mut statement = self.clone();
        if let Statement::Update(Update { table, selector, .. })
        | Statement::Delete(Delete { table, selector }) = &mut statement
            && let (Selector::Key(key), Some(table)) = (&*selector, catalog.find_table(&*table))
        {
            let columns = table.definition.primary_key_columns().iter().zip(key.iter());
            let equal = columns.map(|(column, value)| col(&**column).eq(lit(value.clone())));
            if let Some(predicate) = equal.reduce(|all, one| all.and(one)) {
                *selector = Selector::Filter(predicate);
            }
        }
        statement.to_string()
    }

    /// The table it is on.
    pub fn table(&self) -> &str {
        match self {
            Statement::Insert(insert) => &insert.table,
            Statement::Update(update) => &update.table,
            Statement::Delete(delete) => &delete.table,
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Insert(insert) => insert.fmt(f),
            Statement::Update(update) => update.fmt(f),
            Statement::Delete(delete) => delete.fmt(f),
        }
    }
}

impl fmt::Display for Insert {
    /// One INSERT for rows that name the same columns; rows that do not are not one statement in SQL
    /// and print as several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = self.rows.as_slice();
        let mut is_first = true;
        while let Some(row) = rows.first() {
            let same = rows.iter().take_while(|other| column_names(other) == column_names(row));
            let count = same.count();
            f.write_str(if is_first { "" } else { "; " })?;
            self.write_rows(f, &rows[..count])?;
            rows = &rows[count..];
            is_first = false;
        }
        Ok(())
    }
}

impl Insert {
    fn write_rows(&self, f: &mut fmt::Formatter<'_>, rows: &[RowValues]) -> fmt::Result {
        write!(f, "INSERT {}INTO {}", or_word(&self.on_conflict), quote_identifier(&self.table))?;
        if let Some(names) = rows.first().and_then(column_names) {
            let names: Vec<_> = names.into_iter().map(quote_identifier).collect();
            write!(f, " ({})", names.join(", "))?;
        }
        f.write_str(" VALUES ")?;
        for (position, row) in rows.iter().enumerate() {
            let values: Vec<String> = match row {
                RowValues::Positional(values) => values.iter().map(Value::to_string).collect(),
                RowValues::Named(values) => values.iter().map(|(_, v)| v.to_string()).collect(),
            };
            let separator = if position > 0 { ", " } else { "" };
            write!(f, "{separator}({})", values.join(", "))?;
        }
        match &self.on_conflict {
            OnConflict::Upsert(upsert) => write!(f, " {upsert}"),
            OnConflict::Abort | OnConflict::Ignore | OnConflict::Replace => Ok(()),
        }
    }
}

fn column_names(row: &RowValues) -> Option<Vec<&str>> {
    match row {
        RowValues::Positional(_) => None,
        RowValues::Named(values) => Some(values.iter().map(|(name, _)| name.as_str()).collect()),
    }
}

fn or_word(on_conflict: &OnConflict) -> &'static str {
    match on_conflict {
        OnConflict::Abort | OnConflict::Upsert(_) => "",
        OnConflict::Ignore => "OR IGNORE ",
        OnConflict::Replace => "OR REPLACE ",
    }
}

impl fmt::Display for Upsert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ON CONFLICT")?;
        if !self.target.is_empty() {
            let names: Vec<_> = self.target.iter().map(|name| quote_identifier(name)).collect();
            write!(f, " ({})", names.join(", "))?;
        }
        if self.assignments.is_empty() {
            return f.write_str(" DO NOTHING");
        }
        write!(f, " DO UPDATE SET {}", Assignments(&self.assignments))?;
        match &self.filter {
            Some(filter) => write!(f, " WHERE {filter}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, table) = (or_word(&self.on_conflict), quote_identifier(&self.table));
        write!(f, "UPDATE {word}{table} SET {}{}", Assignments(&self.assignments), self.selector)
    }
}

impl fmt::Display for Delete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DELETE FROM {}{}", quote_identifier(&self.table), self.selector)
    }
}

struct Assignments<'a>(&'a [(String, Expression)]);

impl fmt::Display for Assignments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (column, value)) in self.0.iter().enumerate() {
            let separator = if position > 0 { ", " } else { "" };
            write!(f, "{separator}{} = {value}", quote_identifier(column))?;
        }
        Ok(())
    }
}
