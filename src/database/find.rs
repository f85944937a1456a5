//! Which rows a statement or query is about.

use super::Database;
use crate::catalog::{IndexEntry, IndexKind, TableEntry};
use crate::error::{Error, InputError, Result};
use crate::expression::{Bound, Expression, Operand, Scope};
use crate::id::{RowId, RowIds, TableRef};
use crate::query::Selector;
use crate::storage::{KeyPart, Row, RowIter, RowRef, Store};
use crate::table::View;
use crate::value::{Affinity, Collation, KeyRef, OrderedKey, Value, compare};
use std::cmp::Ordering;

impl Database {
    /// The row with this primary key.
    ///
    /// # Cost
    /// **O(log n)** for n rows.
    ///
    /// # Errors
    /// [`Error::Name`] without such a table; [`Error::Input`] without a primary key, or if the key
    /// has another number of values.
    pub fn get<'t, 'k>(
        &self,
        table: impl Into<TableRef<'t>>,
        key: impl Into<KeyRef<'k>>,
    ) -> Result<Option<Vec<Value>>> {
        Ok(self.row(table, key)?.map(RowRef::to_vec))
    }

    /// The rows selected, in row id order.
    ///
    /// # Cost
    /// **O(log n + m)** for m matches by key or row id, or where the predicate's equalities cover an
    /// index; else **O(n)** for n rows.
    ///
    /// # Errors
    /// As [`Database::get`]; [`Error::Input`] if the predicate names a column that is not there.
    pub fn find<'t>(
        &self,
        table: impl Into<TableRef<'t>>,
        selector: impl Into<Selector>,
    ) -> Result<Vec<(RowId, Row)>> {
        let (table, selector) = (self.table(table)?, selector.into());
        let copy = |row: RowRef<'_>| (row.row_id(), row.to_row());
        if let Selector::Filter(predicate) = &selector
            && let Ok(predicate) = bind(table, predicate)
        {
            return Ok(self.rows_where(table, &predicate).map(copy).collect());
        }
        let ids = self.matching(table, &selector, &[])?;
        Ok(ids.into_iter().filter_map(|id| self.store.row(table.id, id)).map(copy).collect())
    }

    /// The ids of the rows selected, ascending.
    pub(super) fn matching(
        &self,
        table: &TableEntry,
        selector: &Selector,
        parameters: &[Value],
    ) -> Result<RowIds> {
        match selector {
            Selector::All => Ok(self.store.rows(table.id).map(RowRef::row_id).collect()),
            Selector::RowId(row_id) => {
                Ok(self.store.row(table.id, *row_id).map(|_| *row_id).into_iter().collect())
            }
            Selector::Key(key) => Ok(self.find_by_key(table, key)?.into_iter().collect()),
            Selector::Filter(predicate) => match bind(table, predicate) {
                Ok(predicate) => {
                    Ok(self.rows_where(table, &predicate).map(RowRef::row_id).collect())
                }
                Err(error) => match self.find_by_query(table, predicate, parameters) {
                    // What a row knows under no name, a query does not either.
                    Err(_) if predicate.is_plain() => Err(error),
                    found => Ok(found?.into()),
                },
            },
        }
    }

    /// The row with this primary key.
    pub(super) fn find_by_key(&self, table: &TableEntry, key: &[Value]) -> Result<Option<RowId>> {
        // Nearly always the key is an integer that is the row id.
        if let ([Value::Integer(id)], Some(_)) = (key, table.row_id_column) {
            let row_id = RowId(*id);
            return Ok(self.store.row(table.id, row_id).map(|_| row_id));
        }
        let Some(columns) = table.naming_columns() else {
            return Err(InputError::NoPrimaryKey { table: table.name().to_owned() }.into());
        };
        if key.len() != columns.len() {
            let (name, expected, found) = (table.name().to_owned(), columns.len(), key.len());
            return Err(InputError::KeyWidth { name, expected, found }.into());
        }
        if key.iter().any(Value::is_null) {
            return Ok(None);
        }
        if let ([value], Some(_)) = (key, table.row_id_column) {
            let is_there = |id: &RowId| self.store.row(table.id, *id).is_some();
            return Ok(row_id_of(value).filter(is_there));
        }
        let parts = columns.iter().zip(key);
        let parts = parts.map(|(&at, value)| key_part(table, at).key_value(value.as_ref()));
        let (key, mut indexes): (OrderedKey, _) = (parts.collect(), table.indexes.iter());
        let index = indexes.find(|index| matches!(index.kind, IndexKind::PrimaryKey));
        Ok(index.and_then(|index| self.store.find_unique(table.id, index.id, &key)))
    }

    /// The rows for which a predicate is true, ascending.
    fn rows_where<'a>(
        &'a self,
        table: &TableEntry,
        predicate: &'a Bound,
    ) -> impl Iterator<Item = RowRef<'a>> {
        let candidates = candidates(&self.store, table, &predicate.equalities());
        let rows = candidates.unwrap_or_else(|| self.store.rows(table.id));
        rows.filter(|row| predicate.truth(&Stored(*row)) == Some(true))
    }
}

/// A row that is asked where it is.
struct Stored<'a>(RowRef<'a>);

impl Scope for Stored<'_> {
    fn column(&self, position: usize) -> Operand<'_> {
        match position < self.0.width() {
            true => Operand::Stored(self.0.get(position)),
            false => Operand::NULL,
        }
    }
}

/// Rows, ascending, among which are all that equal these values in these columns; `None` if no index
/// covers any of them.
fn candidates<'a>(
    store: &'a Store,
    table: &TableEntry,
    equal: &[(usize, Value)],
) -> Option<RowIter<'a>> {
    let value_at = |position: usize| equal.iter().find(|(at, _)| *at == position).map(|(_, v)| v);
    if let Some(value) = table.row_id_column.and_then(value_at) {
        return Some(store.rows_of_id(table.id, row_id_of(value)));
    }
    let part = |position: usize| {
        let value = value_at(position).filter(|value| !value.is_null())?;
        Some(key_part(table, position).key_value(value.as_ref()))
    };
    let in_own = table.indexes.iter().filter(|index| index.is_plain()).find_map(|index| {
        let own = |&(position, collation): &(usize, Collation)| {
            (table.columns[position].collation == collation).then(|| part(position)).flatten()
        };
        let key = index.columns.iter().map(own).collect::<Option<OrderedKey>>()?;
        Some(store.find(table.id, index.id, &key))
    });
    if in_own.is_some() {
        return in_own;
    }
    // A foreign key's own index serves where the referenced columns compare as these do.
    table.foreign_keys.iter().find_map(|key| {
        let compares_so = |(&at, (affinity, collation)): (&usize, &(Affinity, Collation))| {
            let column = &table.columns[at];
            column.affinity == *affinity && column.collation == *collation
        };
        let to = key.resolved()?;
        if !key.columns.iter().zip(&to.comparison).all(compares_so) {
            return None;
        }
        let value = key.columns.iter().map(|&position| part(position));
        Some(store.find(table.id, key.index, &value.collect::<Option<OrderedKey>>()?))
    })
}

/// The rows of a table for which a predicate may hold, in the order in which a statement visits them;
/// all of them without one. An index that the predicate's equalities cover narrows them down: the
/// rows have still to be asked.
pub(crate) fn rows_where(
    view: &View<'_>,
    table: &TableEntry,
    predicate: Option<&Bound>,
) -> Vec<RowId> {
    let found = predicate.and_then(|bound| candidates(view.store, table, &bound.equalities()));
    match found {
        Some(rows) => in_order(view, table, rows.map(RowRef::row_id)),
        None => match table.primary_key_index() {
            Some(index) if table.definition.is_without_row_id() => {
                key_order(view, table, index, view.store.rows(table.id).map(RowRef::row_id))
            }
            _ => view.store.rows(table.id).map(RowRef::row_id).collect(),
        },
    }
}

/// Rows in the order of their ids, or in that of the primary key where it takes the ids' place.
fn in_order(view: &View<'_>, table: &TableEntry, rows: impl Iterator<Item = RowId>) -> Vec<RowId> {
    match table.primary_key_index() {
        Some(index) if table.definition.is_without_row_id() => key_order(view, table, index, rows),
        _ => rows.collect(),
    }
}

fn key_order(
    view: &View<'_>,
    table: &TableEntry,
    index: &IndexEntry,
    rows: impl Iterator<Item = RowId>,
) -> Vec<RowId> {
    let mut rows: Vec<_> =
        rows.filter_map(|id| view.store.row(table.id, id).map(|row| (row.to_row(), id))).collect();
    let by_key = |a: &Row, b: &Row| {
        let columns = index.columns.iter().enumerate().map(|(place, &(at, collation))| {
            let ordering = compare(&a[at], &b[at], collation);
            if index.is_descending(place, table) { ordering.reverse() } else { ordering }
        });
        columns.fold(Ordering::Equal, Ordering::then)
    };
    rows.sort_by(|(a, _), (b, _)| by_key(a, b));
    rows.into_iter().map(|(_, id)| id).collect()
}

/// The row id that a value is, as an INTEGER column would store it.
fn row_id_of(value: &Value) -> Option<RowId> {
    match value {
        Value::Integer(id) => Some(RowId(*id)),
        other => Affinity::Integer.apply(other.clone()).as_integer().map(RowId),
    }
}

/// A column as values are compared with it.
fn key_part(table: &TableEntry, position: usize) -> KeyPart {
    let column = &table.columns[position];
    KeyPart { position, conversion: column.affinity, collation: column.collation }
}

/// Binds a predicate or assignment to a table's columns.
pub(super) fn bind(table: &TableEntry, expression: &Expression) -> Result<Bound> {
    expression.bind(&table.definition).map_err(|error| expression_error(table, &error))
}

/// A name in an expression that is not there earns a hint like any other.
pub(super) fn expression_error(table: &TableEntry, error: &crate::expression::BindError) -> Error {
    match error {
        crate::expression::BindError::UnknownColumn(name) => {
            table.position(&name.dotted()).err().unwrap_or_else(|| {
                InputError::Expression { table: table.name().to_owned(), reason: error.to_string() }
                    .into()
            })
        }
        other => {
            InputError::Expression { table: table.name().to_owned(), reason: other.to_string() }
                .into()
        }
    }
}
