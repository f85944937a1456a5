//! What a query reads: tables, other queries, and tables that the caller makes up.

use super::select::{Nested, Select};
use crate::catalog::TableEntry;
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::id::TableId;
use crate::table::View;
use crate::value::{Affinity, Collation, Value};
use std::fmt::{self, Debug};
use std::sync::Arc;

/// Something with rows and columns that a query reads from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub(super) rows: Rows,
    pub(super) alias: Option<String>,
    /// The schema of a view.
    pub(super) schema: Option<String>,
    pub(super) uses_indexes: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rows {
    /// A table, or a query of WITH, of this name.
    Named(String),
    /// A table that is known, and its name.
    Table(TableId, String),
    /// What cannot be found, and why: an error only if it is read.
    Missing(String, Box<Error>),
    /// A query of its own, perhaps with other names for its columns.
    Query(Nested, Vec<String>),
    /// What the caller supplies, over arguments that may read the sources before it.
    Supplied(Supplied, Vec<Expression>),
}

#[derive(Clone, Debug)]
pub(super) struct Supplied(pub(super) Arc<dyn SuppliedTable>);

impl PartialEq for Supplied {
    fn eq(&self, other: &Self) -> bool {
        self.0.name().eq_ignore_ascii_case(other.0.name())
    }
}

/// A table whose rows are computed: `pragma_foreign_key_list('hero')`, `sqlite_schema`. Two of one
/// name are the same.
pub trait SuppliedTable: Debug + Send + Sync {
    /// The name, by which it goes in a query without an alias.
    fn name(&self) -> &str;

    /// Its columns.
    fn columns(&self) -> Vec<SuppliedColumn>;

    /// Its rows: one value per column each.
    ///
    /// # Errors
    /// What the query then fails with.
    fn rows(&self, view: &View<'_>, arguments: &[Value]) -> Result<Vec<Vec<Value>>>;
}

/// A column of a [`SuppliedTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppliedColumn {
    /// Its name.
    pub name: String,
    /// Its affinity.
    pub affinity: Affinity,
    /// Its collation.
    pub collation: Collation,
}

impl SuppliedColumn {
    /// A column of this name without a type.
    pub fn new(name: impl Into<String>) -> Self {
        let (affinity, collation) = (Affinity::Blob, Collation::Binary);
        SuppliedColumn { name: name.into(), affinity, collation }
    }
}

impl Source {
    fn new(rows: Rows) -> Self {
        Source { rows, alias: None, schema: None, uses_indexes: true }
    }

    /// A table of the database, or a query of WITH.
    pub fn table(name: impl Into<String>) -> Self {
        Source::new(Rows::Named(name.into()))
    }

    /// This table of the database, whatever else has its name.
    pub fn of(table: &TableEntry) -> Self {
        let rows = Rows::Table(table.id, table.name().to_owned());
        Source::new(rows)
    }

    /// What was looked for in vain: a query that reads it fails with that error.
    pub fn missing(name: impl Into<String>, error: Error) -> Self {
        Source::new(Rows::Missing(name.into(), Box::new(error)))
    }

    /// The rows of another query.
    pub fn query(query: impl Into<Arc<Select>>) -> Self {
        Source::new(Rows::Query(Nested::new(query.into()), Vec::new()))
    }

    /// The rows of another query, its columns under other names: a view is that.
    pub fn query_with_columns<N: Into<String>>(
        query: impl Into<Arc<Select>>,
        columns: impl IntoIterator<Item = N>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Source::new(Rows::Query(Nested::new(query.into()), columns))
    }

    /// Rows that the caller supplies.
    pub fn supplied<A: Into<Expression>>(
        table: Arc<dyn SuppliedTable>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Source::new(Rows::Supplied(Supplied(table), arguments))
    }

    /// `NOT INDEXED`: rows come in the order of the table.
    #[must_use]
    pub fn not_indexed(self) -> Self {
        Source { uses_indexes: false, ..self }
    }

    /// A view that is in a schema.
    #[must_use]
    pub fn within(self, schema: impl Into<String>) -> Self {
        Source { schema: Some(schema.into()), ..self }
    }

    /// `AS name`
    #[must_use]
    pub fn alias(self, name: impl Into<String>) -> Self {
        Source { alias: Some(name.into()), ..self }
    }

    /// The name that columns are qualified by, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.alias.as_deref().or(match &self.rows {
            Rows::Named(name) | Rows::Table(_, name) | Rows::Missing(name, _) => Some(name),
            Rows::Supplied(table, _) => Some(table.0.name()),
            Rows::Query(..) => None,
        })
    }

    pub(super) fn query_given(&self) -> Option<&Nested> {
        match &self.rows {
            Rows::Query(query, _) => Some(query),
            Rows::Named(_) | Rows::Table(..) | Rows::Missing(..) | Rows::Supplied(..) => None,
        }
    }

    pub(super) fn arguments(&self) -> &[Expression] {
        match &self.rows {
            Rows::Supplied(_, arguments) => arguments,
            Rows::Named(_) | Rows::Table(..) | Rows::Missing(..) | Rows::Query(..) => &[],
        }
    }
}

impl From<&str> for Source {
    fn from(table: &str) -> Self {
        Source::table(table)
    }
}

impl From<String> for Source {
    fn from(table: String) -> Self {
        Source::table(table)
    }
}

impl From<&String> for Source {
    fn from(table: &String) -> Self {
        Source::table(table.as_str())
    }
}

impl From<Select> for Source {
    fn from(query: Select) -> Self {
        Source::query(query)
    }
}

/// A source, and how it is joined to what comes before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Join {
    pub(super) kind: JoinKind,
    pub(super) source: Source,
    pub(super) on: JoinConstraint,
}

/// How a source is joined to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// A comma: all pairs.
    Comma,
    /// INNER JOIN: the pairs that the constraint lets through.
    Inner,
    /// CROSS JOIN: the same.
    Cross,
    /// LEFT JOIN: these, and what comes before with NULLs where no row goes with it.
    Left,
    /// RIGHT JOIN: these, and the source's rows with NULLs before them where none goes with them.
    Right,
    /// FULL JOIN: both of these.
    Full,
}

/// Which pairs a join lets through.
#[derive(Clone, Debug, PartialEq)]
pub enum JoinConstraint {
    /// All of them.
    None,
    /// Those for which this is true.
    On(Expression),
    /// Those in which these columns are equal. They appear once in `*`.
    Using(Vec<String>),
    /// Those in which all columns that both sides have are equal.
    Natural,
}

impl<E: Into<Expression>> From<E> for JoinConstraint {
    fn from(on: E) -> Self {
        JoinConstraint::On(on.into())
    }
}

/// The words before the source.
impl fmt::Display for JoinKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JoinKind::Comma => ",",
            JoinKind::Inner => "JOIN",
            JoinKind::Cross => "CROSS JOIN",
            JoinKind::Left => "LEFT JOIN",
            JoinKind::Right => "RIGHT JOIN",
            JoinKind::Full => "FULL JOIN",
        })
    }
}
