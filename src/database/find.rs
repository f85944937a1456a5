//! Which rows a statement or query is about.

use super::Database;
use crate::catalog::{IndexKind, TableEntry};
use crate::error::{Error, InputError, Result};
use crate::expression::{Bound, ColumnComparison, Expression, Operand, Scope};
use crate::id::{RowId, RowIds, TableRef};
use crate::query::Selector;
use crate::storage::{KeyPart, Row, RowIter, RowRef, Store};
use crate::table::{self, View};
use crate::value::{Affinity, Collation, KeyRef, OrderedKey, Value};
use std::fmt;

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
    /// index; else **O(n)** for n rows. [`Database::rows`] copies none of them.
    ///
    /// # Errors
    /// As [`Database::get`]; [`Error::Input`] if the predicate names a column that is not there.
    pub fn find<'t>(
        &self,
        table: impl Into<TableRef<'t>>,
        selector: impl Into<Selector>,
    ) -> Result<Vec<(RowId, Row)>> {
        Ok(self.rows(table, selector)?.map(|row| (row.row_id(), row.to_row())).collect())
    }

    /// The rows selected, in row id order, read where they are: nothing is copied, and what is not
    /// asked for is not looked for.
    ///
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, Table, ValueRef, col, row};
    /// # let mut db = Database::new(Enforcement::On);
    /// # db.create_table(Table::new("hero").column(Column::integer("id").primary_key())
    /// #     .column(Column::text("name")))?;
    /// db.insert_many("hero", [row![1, "Deadpond"], row![2, "Rusty-Man"]])?;
    /// let mut later = db.rows("hero", col("id").gt(1))?;
    /// assert_eq!(later.next().expect("there is one").get(1), ValueRef::Text("Rusty-Man"));
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    ///
    /// # Cost
    /// As [`Database::find`], for the rows that are taken.
    ///
    /// # Errors
    /// As [`Database::find`].
    pub fn rows<'t>(
        &self,
        table: impl Into<TableRef<'t>>,
        selector: impl Into<Selector>,
    ) -> Result<FoundRows<'_>> {
        let table = self.table(table)?;
        match selector.into() {
            Selector::All => Ok(self.store.rows(table.id).into()),
            Selector::RowId(row_id) => Ok(self.store.rows_of_id(table.id, Some(row_id)).into()),
            Selector::Key(key) => {
                Ok(self.store.rows_of_id(table.id, self.find_by_key(table, &key)?).into())
            }
            Selector::Filter(predicate) => self.found_by(table, &predicate, &[]),
        }
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
            Selector::Filter(predicate) => {
                Ok(self.found_by(table, predicate, parameters)?.map(RowRef::row_id).collect())
            }
        }
    }

    /// The rows for which a predicate is true.
    fn found_by(
        &self,
        table: &TableEntry,
        predicate: &Expression,
        parameters: &[Value],
    ) -> Result<FoundRows<'_>> {
        match bind(table, predicate) {
            Ok(bound) => {
                let candidates = candidates(&self.store, table, &bound.equalities());
                let rows = candidates.unwrap_or_else(|| self.store.rows(table.id));
                Ok(FoundRows { rows, asked: Asked::of(bound) })
            }
            Err(error) => match self.find_by_query(table, predicate, parameters) {
                // What a row knows under no name, a query does not either.
                Err(_) if predicate.is_plain() => Err(error),
                found => Ok(self.store.rows_of_ids(table.id, &found?).into()),
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
}

/// Rows that were selected, one after another.
pub struct FoundRows<'a> {
    rows: RowIter<'a>,
    asked: Asked,
}

/// What a row is asked before it counts as selected.
enum Asked {
    Nothing,
    /// How a column compares with a value.
    Comparison(ColumnComparison, Value),
    Predicate(Bound),
}

impl<'a> From<RowIter<'a>> for FoundRows<'a> {
    /// All of them.
    fn from(rows: RowIter<'a>) -> Self {
        FoundRows { rows, asked: Asked::Nothing }
    }
}

impl<'a> Iterator for FoundRows<'a> {
    type Item = RowRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RowRef<'a>> {
        let FoundRows { rows, asked } = self;
        rows.find(|row| asked.is_true(*row))
    }
}

impl fmt::Debug for FoundRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundRows").finish_non_exhaustive()
    }
}

impl Asked {
    fn of(predicate: Bound) -> Self {
        match predicate.as_column_comparison(&|_| true) {
            Some(comparison) if comparison.with.as_column().is_none() => {
                let value = comparison.with.evaluate(&[] as &[Value]);
                Asked::Comparison(comparison, value)
            }
            _ => Asked::Predicate(predicate),
        }
    }

    #[inline]
    fn is_true(&self, row: RowRef<'_>) -> bool {
        match self {
            Asked::Nothing => true,
            Asked::Comparison(comparison, value) => {
                comparison.is_true(row.get(comparison.column), value.as_ref())
            }
            Asked::Predicate(predicate) => predicate.truth(&Stored(row)) == Some(true),
        }
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
        Some(rows) => rows_in_order(view, table, rows.map(RowRef::row_id)),
        None => rows_in_order(view, table, view.store.rows(table.id).map(RowRef::row_id)),
    }
}

/// Rows, given in the order of their ids, in that of the primary key where it takes the ids' place.
pub(crate) fn rows_in_order(
    view: &View<'_>,
    table: &TableEntry,
    rows: impl Iterator<Item = RowId>,
) -> Vec<RowId> {
    table::rows_in_order(view.store, table, rows)
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
    expression.bind(&*table.definition).map_err(|error| expression_error(table, &error))
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
