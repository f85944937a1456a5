//! Expressions over a row that is being changed: those of SET, VALUES and RETURNING.
//!
//! What they can name are *sources* of one row each: the table, under its alias; `excluded` beside
//! it, in DO UPDATE. Without a subquery they are bound to these and evaluated at once. With one they
//! become a query that is bound within these rows.

use super::names::is_row_id;
use crate::catalog::TableEntry;
use crate::database::{RowRef, Stop, View};
use crate::error::{Error, QueryError, Raise, Result, SqlError};
use crate::expression::{
    BindError, Bound, ColumnInfo, ColumnName, Columns, Expression, Fault, Operand, Scope,
};
use crate::id::RowId;
use crate::query::{Inputs, Kept, OutsideRow, Query, Select};
use crate::value::{Affinity, Collation, Value};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::sync::Arc;

/// A table that supplies one row.
#[derive(Clone, Debug)]
pub(super) struct RowSource {
    name: String,
    table: Arc<TableEntry>,
    /// Whether its columns may be named without it.
    is_open: bool,
}

impl RowSource {
    /// A row of a table.
    pub(super) fn new(table: &Arc<TableEntry>, alias: Option<&str>) -> Self {
        let name = alias.unwrap_or(table.name()).to_owned();
        RowSource { name, table: table.clone(), is_open: true }
    }

    /// The row that could not be inserted.
    pub(super) fn excluded(table: &Arc<TableEntry>) -> Self {
        RowSource { is_open: false, ..RowSource::new(table, Some("excluded")) }
    }

    /// The values of a row in a scope: its columns, and its id.
    fn width(&self) -> usize {
        self.table.columns.len() + 1
    }

    fn find(&self, first: usize, name: &ColumnName) -> Option<ColumnInfo> {
        match name.table() {
            Some(table) if !table.eq_ignore_ascii_case(&self.name) => return None,
            None if !self.is_open => return None,
            Some(_) | None => {}
        }
        let columns = &self.table.columns;
        match self.table.definition.position(name.column()) {
            // To SQLite `excluded` is registers, without affinity and collation.
            Some(at) if !self.is_open => Some(ColumnInfo::computed(first + at)),
            Some(at) => {
                let column = &columns[at];
                Some(ColumnInfo::column(first + at, column.affinity, column.collation))
            }
            None if !self.table.definition.is_without_row_id() && is_row_id(name.column()) => {
                let at = first + columns.len();
                Some(ColumnInfo::column(at, Affinity::Integer, Collation::Binary))
            }
            None => None,
        }
    }
}

/// The names of several sources.
struct SourceNames<'a>(&'a [RowSource]);

impl Columns for SourceNames<'_> {
    fn resolve(&self, name: &ColumnName) -> std::result::Result<ColumnInfo, BindError> {
        let mut first = 0;
        for source in self.0 {
            if let Some(found) = source.find(first, name) {
                return Ok(found);
            }
            first += source.width();
        }
        Err(BindError::UnknownColumn(name.clone()))
    }
}

/// Expressions over some sources.
#[derive(Clone, Debug)]
pub(super) struct RowExpressions {
    sources: Vec<RowSource>,
    list: Vec<Expression>,
    /// The same as a query, if they cannot do without.
    query: Option<Query>,
}

/// The same with the values of the parameters, ready for any number of rows.
#[derive(Debug)]
pub(super) enum Ready {
    Bound(Vec<Bound>),
    Query {
        widths: Vec<usize>,
        query: Query,
        parameters: Vec<Value>,
        /// What subqueries that depend on no row have found in this statement.
        kept: Mutex<Kept>,
    },
}

impl RowExpressions {
    /// Looks whether all names are known.
    ///
    /// # Errors
    /// The first that is not.
    pub(super) fn new(
        view: &View<'_>,
        sources: Vec<RowSource>,
        list: Vec<Expression>,
    ) -> Result<Self> {
        let mut this = RowExpressions { sources, list, query: None };
        if this.bind(&[])?.is_none() {
            let rows = this.sources.iter().map(|source| OutsideRow {
                name: &source.name,
                table: &source.table,
                is_qualified: !source.is_open,
            });
            let rows: Vec<_> = rows.collect();
            let select = Select::of(this.list.iter().cloned());
            this.query = Some(Query::within(view.catalog(), &select, &rows)?);
        }
        Ok(this)
    }

    /// Bound to the sources; `None` if that takes a query.
    fn bind(&self, parameters: &[Value]) -> Result<Option<Vec<Bound>>> {
        let bind = |expression: &Expression| {
            expression.with_parameters(parameters).bind(&SourceNames(&self.sources))
        };
        match self.list.iter().map(bind).collect::<std::result::Result<Vec<_>, _>>() {
            Ok(bound) => Ok(Some(bound)),
            // A function that is none of a row's may be one of the connection's.
            Err(BindError::Unsupported(_) | BindError::UnknownFunction(_)) => Ok(None),
            Err(error) => Err(bind_error(&error)),
        }
    }

    /// Fixes the values of the parameters.
    ///
    /// # Errors
    /// None that [`RowExpressions::new`] has not found.
    pub(super) fn ready(&self, parameters: &[Value]) -> Result<Ready> {
        if let Some(query) = &self.query {
            let widths = self.sources.iter().map(RowSource::width).collect();
            let (query, parameters) = (query.clone(), parameters.to_vec());
            let kept = Mutex::default();
            return Ok(Ready::Query { widths, query, parameters, kept });
        }
        Ok(Ready::Bound(self.bind(parameters)?.unwrap_or_default()))
    }
}

/// An expression that cannot be bound, as a query would tell it.
fn bind_error(error: &BindError) -> Error {
    let found = match error {
        BindError::UnknownColumn(name) => {
            QueryError::unknown_column(name.dotted(), name.column(), std::iter::empty())
        }
        BindError::UnknownFunction(function) => {
            QueryError::UnknownFunction { function: function.clone() }
        }
        BindError::ArgumentCount { function, expected, found } => QueryError::ArgumentCount {
            function: function.clone(),
            expected: expected.clone(),
            found: *found,
        },
        BindError::MisusedAggregate(function) => {
            QueryError::MisusedAggregate { function: function.clone(), is_outer: false }
        }
        BindError::MisusedRow => QueryError::MisusedRow,
        BindError::TooDeep => QueryError::TooDeep,
        other => return SqlError::Refused { message: other.to_string() }.into(),
    };
    found.into()
}

impl Ready {
    /// Their values over one row of each source, one after the other, each with its id behind it.
    ///
    /// # Errors
    /// What a RAISE says, or what a query fails on.
    pub(super) fn evaluate(
        &self,
        view: &View<'_>,
        row: &[Value],
    ) -> std::result::Result<Vec<Value>, Stop> {
        match self {
            Ready::Bound(bound) => {
                let scope = RowScope { row, fault: RefCell::default() };
                let values = bound.iter().map(|bound| bound.evaluate(&scope)).collect();
                match scope.fault.into_inner() {
                    None => Ok(values),
                    Some(fault) => Err(fault_error(fault).into()),
                }
            }
            Ready::Query { widths, query, parameters, kept } => {
                let mut rest = row;
                let mut rows = Vec::with_capacity(widths.len());
                for width in widths {
                    let (own, behind) = rest.split_at(*width);
                    rest = behind;
                    let (values, id) = own.split_at(width - 1);
                    let row_id = RowId(id[0].as_integer().unwrap_or_default());
                    rows.push(Some(RowRef::held(row_id, values)));
                }
                let inputs = Inputs { parameters, rows: &rows };
                let first = query.first_keeping(*view, inputs, &mut kept.lock())?;
                Ok(first.unwrap_or_default())
            }
        }
    }

    /// Whether the first of them is true.
    ///
    /// # Errors
    /// As [`Ready::evaluate`].
    pub(super) fn is_true(
        &self,
        view: &View<'_>,
        row: &[Value],
    ) -> std::result::Result<bool, Stop> {
        let values = self.evaluate(view, row)?;
        Ok(values.first().and_then(Value::truth) == Some(true))
    }

    /// The first, if it is bound.
    pub(super) fn bound(&self) -> Option<&Bound> {
        match self {
            Ready::Bound(bound) => bound.first(),
            Ready::Query { .. } => None,
        }
    }
}

/// The values of one row, and what an expression fails on.
struct RowScope<'a> {
    row: &'a [Value],
    fault: RefCell<Option<Fault>>,
}

impl Scope for RowScope<'_> {
    fn column(&self, position: usize) -> Operand<'_> {
        self.row.get(position).map_or(Operand::NULL, Operand::Held)
    }

    fn report(&self, fault: Fault) {
        self.fault.borrow_mut().get_or_insert(fault);
    }
}

fn fault_error(fault: Fault) -> Error {
    match fault {
        Fault::Raised(raise, message) => raised(raise, &message),
        Fault::Escape => QueryError::Escape.into(),
        Fault::Pattern => QueryError::Pattern.into(),
        Fault::IntegerOverflow => QueryError::IntegerOverflow.into(),
    }
}

fn raised(raise: Raise, message: &str) -> Error {
    QueryError::Raised { raise, message: message.to_owned() }.into()
}
