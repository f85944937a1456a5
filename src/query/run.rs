//! Runs a query over one table.

use super::select::{Body, Core, Order, ResultColumn, Select};
use super::selector::Selector;
use super::source::{Join, Rows};
use crate::catalog::TableEntry;
use crate::error::{QueryError, Result};
use crate::expression::Expression;
use crate::id::RowId;
use crate::table::{Row, View};
use crate::value::{Collation, Value, compare};
use std::cmp::Ordering;

/// The rows of a query.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Selection {
    /// The columns' names.
    pub columns: Vec<String>,
    /// One list of values per row, one value per column.
    pub rows: Vec<Vec<Value>>,
}

fn unsupported<T>(what: &str) -> Result<T> {
    Err(QueryError::Unsupported { what: what.to_owned() }.into())
}

type Found = Result<Vec<(RowId, Row)>>;

/// Runs a query; `find` finds the rows of its table.
///
/// # Errors
/// Whatever is not a plain query over one table.
pub fn select(
    view: View<'_>,
    select: &Select,
    find: &dyn Fn(&str, &Selector) -> Found,
) -> Result<Selection> {
    let Select { with, first, rest, order, limit, offset } = select;
    let (Core::Select(body), [], []) = (first, with.as_slice(), rest.as_slice()) else {
        return unsupported("a combined query");
    };
    let Body { distinct: false, columns, from, filter, group, having: None } = &**body else {
        return unsupported("DISTINCT or HAVING");
    };
    let ([Join { source, .. }], []) = (from.as_slice(), group.as_slice()) else {
        return unsupported("a join or GROUP BY");
    };
    let (Rows::Named(table), None) = (&source.rows, &source.alias) else {
        return unsupported("a source that is no table");
    };
    let entry = view.table(table)?;
    let name = |column: &ResultColumn| match column {
        ResultColumn::Computed { expression, alias: None, .. } => position(entry, expression),
        _ => unsupported("a computed column"),
    };
    let positions = match columns.as_slice() {
        [] => (0..entry.columns.len()).collect(),
        columns => columns.iter().map(name).collect::<Result<Vec<_>>>()?,
    };
    let keys = order.iter().map(|order| sort_key(entry, order)).collect::<Result<Vec<_>>>()?;
    let mut rows = find(table, filter)?;
    if !keys.is_empty() {
        rows.sort_by(|(_, a), (_, b)| compare_rows(&keys, a, b));
    }
    let count = |expression: &Option<Expression>, default: usize| match expression {
        None => Ok(default),
        Some(expression) => match super::select::literal_integer(expression) {
            Some(count) => Ok(usize::try_from(count).unwrap_or(default)),
            None => unsupported("a computed LIMIT"),
        },
    };
    let taken = rows.iter().skip(count(offset, 0)?).take(count(limit, usize::MAX)?);
    let row = |(_, row): &(RowId, Row)| positions.iter().map(|&at| row[at].clone()).collect();
    Ok(Selection { columns: entry.column_names(&positions), rows: taken.map(row).collect() })
}

fn position(table: &TableEntry, expression: &Expression) -> Result<usize> {
    match expression.as_column() {
        Some(name) => table.position(name.column()),
        None => unsupported("a computed column"),
    }
}

type SortKey = (usize, Collation, bool);

fn sort_key(table: &TableEntry, order: &Order) -> Result<SortKey> {
    let position = position(table, &order.expression)?;
    Ok((position, table.columns[position].collation, order.is_descending))
}

fn compare_rows(order: &[SortKey], a: &[Value], b: &[Value]) -> Ordering {
    let by_column = order.iter().map(|&(position, collation, is_descending)| {
        let ascending = compare(&a[position], &b[position], collation);
        if is_descending { ascending.reverse() } else { ascending }
    });
    by_column.fold(Ordering::Equal, Ordering::then)
}
