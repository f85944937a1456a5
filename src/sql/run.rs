//! Queries, bound once for a schema and run with the values of their parameters.

use crate::database::View;
use crate::error::Result;
use crate::query::{Inputs, Query, Select};
use crate::value::Value;

/// Binds a query to the tables of a view.
///
/// # Errors
/// For a query that has no meaning.
pub(super) fn bind(view: &View<'_>, select: &Select) -> Result<Query> {
    Query::new(view.catalog(), select)
}

/// All rows of a query.
///
/// # Errors
/// What it fails on, a RAISE included.
pub(super) fn rows(
    view: &View<'_>,
    query: &Query,
    parameters: &[Value],
) -> Result<Vec<Vec<Value>>> {
    query.rows(*view, Inputs::of(parameters))
}

/// The names of a query's columns.
pub(super) fn columns(query: &Query) -> Vec<String> {
    query.columns().map(str::to_owned).collect()
}
