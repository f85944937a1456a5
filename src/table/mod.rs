//! The one door for a row change, whoever asks for it.
//!
//! A change goes through in two steps. *Prepare* makes the row that would be stored: values are
//! converted by their column's affinity, a row id is found, NOT NULL and CHECK are tested.
//! *Conflict* names the first row that stands in the way of a key. Between the two a conflict clause
//! may act; then [`insert`], [`update`] and [`delete`] store the row, which brings every index along
//! and logs what undoes it.
//!
//! The order of the tests is SQLite's: NOT NULL by column, CHECK by declaration, the row id, the types
//! of a STRICT table, then the keys. What a refusal means for the statement is not decided here.

pub mod sequence;
mod view;

use crate::catalog::{
    CheckEntry, ColumnEntry, ForeignKeyEntry, IndexEntry, IndexKind, KeyLookup, Resolution,
    Resolved, TableEntry,
};
use crate::id::{RowId, TableId};
use crate::storage::{IndexSpec, References};
// What the executor reads it reads from storage itself; what it changes goes through this module.
pub use crate::storage::{
    Change, KeyPart, Mark, Row, RowIter, RowRef, Slot, Store, Swath, Swept, Update, key_of,
};
use crate::value::{Affinity, OrderedKey, Value, ValueRef, canonical, compare};
use smallvec::SmallVec;
use std::cmp::Ordering;
pub(crate) use view::Counters;
pub use view::View;

/// A row ready to be stored.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The id it will have.
    pub row_id: RowId,
    /// Its values, converted: one per column.
    pub values: Vec<Value>,
}

/// Why a row cannot be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// NULL in the NOT NULL column at this position.
    NotNull(usize),
    /// The CHECK at this position is false for this row.
    Check(usize, RowId),
    /// This value in the column at this position of a STRICT table.
    Datatype(usize, Value),
    /// The row id column was given this.
    NotAnInteger(Value),
    /// No row id is free.
    RowIdsExhausted,
}

/// A key that another row holds already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Position of the index in the table's entry; `None` for the row id.
    pub index: Option<usize>,
    /// The row in the way.
    pub row_id: RowId,
}

/// The row id of a row to come.
#[derive(Clone, Copy, Debug)]
pub enum NewRowId<'a> {
    /// The value of the column that is the row id; NULL, or no such column: one is found for it.
    Own,
    /// The same, but one that is found is greater than this one too.
    Beyond(RowId),
    /// This value, in a table where no column is the row id; NULL: one is found for it.
    Given(&'a Value),
    /// It was found before.
    Known(RowId),
}

/// The id that [`prepare_insert`] gives a row.
///
/// # Errors
/// As [`prepare_insert`], of the row id alone.
pub fn new_row_id(
    store: &Store,
    table: &TableEntry,
    values: &[Value],
    row_id: NewRowId<'_>,
) -> Result<RowId, Refusal> {
    let given = match row_id {
        NewRowId::Known(row_id) => Some(row_id),
        NewRowId::Given(Value::Null) => None,
        NewRowId::Given(value) => Some(row_id_of(&Affinity::Integer.apply(value.clone()))?),
        NewRowId::Own | NewRowId::Beyond(_) => match table.row_id_column {
            Some(position) if !values[position].is_null() => {
                Some(row_id_of(&Affinity::Integer.apply(values[position].clone()))?)
            }
            Some(_) | None => None,
        },
    };
    match given {
        Some(row_id) => Ok(row_id),
        None => next_row_id(store, table, row_id).ok_or(Refusal::RowIdsExhausted),
    }
}

/// Makes a new row of one value per column. `resolution` is what the statement says about broken
/// constraints: under REPLACE a NULL becomes the column's default, if that is not NULL.
///
/// # Errors
/// A [`Refusal`]; nothing was stored.
pub fn prepare_insert(
    store: &Store,
    table: &TableEntry,
    mut values: Vec<Value>,
    row_id: NewRowId<'_>,
    resolution: Option<Resolution>,
) -> Result<Prepared, Refusal> {
    debug_assert_eq!(values.len(), table.columns.len(), "one value per column");
    convert(table, &mut values);
    let row_id = new_row_id(store, table, &values, row_id)?;
    if let Some(position) = table.row_id_column {
        values[position] = Value::Integer(row_id.0);
    }
    let all = 0..table.columns.len();
    check_types_first(table, &mut values, all.clone())?;
    complete(table, &mut values, all.clone(), resolution)?;
    if !table.checks.is_empty() {
        check_types(table, &values, all)?;
    }
    check_checks(table, &values, row_id, |_: &CheckEntry| true)?;
    Ok(Prepared { row_id, values })
}

fn next_row_id(store: &Store, table: &TableEntry, wanted: NewRowId<'_>) -> Option<RowId> {
    match (table.sequence, wanted) {
        (Some(sequence), NewRowId::Beyond(last)) => {
            sequence::next_row_id(store, sequence, table, last.0)
        }
        (Some(sequence), _) => sequence::next_row_id(store, sequence, table, 0),
        (None, _) => store.next_row_id(table.id),
    }
}

/// Makes the row that `old` becomes when these columns are assigned these values; the position
/// behind the last column is the row id, where no column is it.
///
/// # Errors
/// A [`Refusal`]; nothing was stored.
pub fn prepare_update(
    table: &TableEntry,
    row_id: RowId,
    old: RowRef<'_>,
    assigned: &[(usize, Value)],
    resolution: Option<Resolution>,
) -> Result<Prepared, Refusal> {
    let mut values = old.to_vec();
    let mut row_id = row_id;
    for (position, value) in assigned {
        match table.columns.get(*position) {
            Some(column) => values[*position] = column.affinity.apply(value.clone()),
            None => row_id = row_id_of(&Affinity::Integer.apply(value.clone()))?,
        }
    }
    if let Some(position) = table.row_id_column {
        row_id = row_id_of(&values[position])?;
    }
    let named = assigned.iter().map(|(position, _)| *position).collect();
    let named = if table.generated.is_empty() { named } else { table.with_generated(named) };
    let is_assigned = |position: &usize| named.contains(position);
    let positions = (0..values.len()).filter(is_assigned);
    check_types_first(table, &mut values, 0..table.columns.len())?;
    complete(table, &mut values, positions.clone(), resolution)?;
    let applies = |check: &CheckEntry| check.reads_row_id || check.columns.iter().any(is_assigned);
    if table.checks.iter().any(applies) {
        check_types(table, &values, positions)?;
    }
    check_checks(table, &values, row_id, applies)?;
    Ok(Prepared { row_id, values })
}

/// The keys of `prepared` that rows other than `replacing` hold: the row id first, then the indexes
/// in their turn.
///
/// `changed` limits the search to keys that an update can have changed.
pub fn find_conflicts<'a>(
    store: &'a Store,
    table: &'a TableEntry,
    prepared: &'a Prepared,
    replacing: Option<RowId>,
    changed: Option<&'a [usize]>,
) -> impl Iterator<Item = Conflict> + Clone + 'a {
    let is_taken =
        Some(prepared.row_id) != replacing && store.row(table.id, prepared.row_id).is_some();
    let row_id = is_taken.then_some(Conflict { index: None, row_id: prepared.row_id });
    let indexes = table.indexes_in_turn().filter(|(_, index)| index.unique);
    let keys = indexes.filter_map(move |(position, index)| {
        if changed.is_some_and(|changed| !is_touched(index, changed)) {
            return None;
        }
        let key = unique_key(index, &prepared.values)?;
        let row_id = store.find_unique(table.id, index.id, &key)?;
        if Some(row_id) == replacing {
            return None;
        }
        Some(Conflict { index: Some(position), row_id })
    });
    row_id.into_iter().chain(keys)
}

/// Rows, given in the order of their ids, in that of the primary key where it takes the ids' place.
pub fn rows_in_order(
    store: &Store,
    table: &TableEntry,
    rows: impl Iterator<Item = RowId>,
) -> Vec<RowId> {
    match table.primary_key_index() {
        Some(index) if table.definition.is_without_row_id() => key_order(store, table, index, rows),
        _ => rows.collect(),
    }
}

fn key_order(
    store: &Store,
    table: &TableEntry,
    index: &IndexEntry,
    rows: impl Iterator<Item = RowId>,
) -> Vec<RowId> {
    let mut rows: Vec<_> =
        rows.filter_map(|id| store.row(table.id, id).map(|row| (row.to_row(), id))).collect();
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

/// Stores a new row.
pub fn insert(store: &mut Store, table: &TableEntry, prepared: Prepared) {
    let values: Borrowed<'_> = prepared.values.iter().map(Value::as_ref).collect();
    store.insert(table.id, prepared.row_id, &values);
}

/// A row that was appended.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// The id it has.
    pub row_id: RowId,
    /// Whether it references a key that no live row has.
    pub dangles: bool,
}

/// Stores a new row that needs no conversion and can meet no conflict: its values are what their
/// columns store, and the table has neither CHECK, UNIQUE nor AUTOINCREMENT and is not STRICT. `None`
/// if that is not so, or if the row id is taken; then nothing was stored.
pub fn append(store: &mut Store, table: &TableEntry, values: &[ValueRef<'_>]) -> Option<Appended> {
    let can_refuse = !(table.checks.is_empty() && table.generated.is_empty())
        || table.indexes.iter().any(|index| index.unique)
        || table.sequence.is_some()
        || table.definition.is_strict();
    if can_refuse || !fits(table, values) {
        return None;
    }
    let Some(position) = table.row_id_column else {
        let row_id = store.next_row_id(table.id)?;
        return Some(Appended { row_id, dangles: store.insert(table.id, row_id, values) });
    };
    if let Some(id) = values[position].as_integer() {
        let row_id = RowId(id);
        if store.slot_of(table.id, row_id).is_some() {
            return None;
        }
        return Some(Appended { row_id, dangles: store.insert(table.id, row_id, values) });
    }
    let row_id = store.next_row_id(table.id)?;
    let mut values: Borrowed<'_> = values.into();
    values[position] = ValueRef::Integer(row_id.0);
    Some(Appended { row_id, dangles: store.insert(table.id, row_id, &values) })
}

/// Gives columns of a row new values that need no conversion and can meet no conflict: they are what
/// their columns store, none is part of a key, and the table has no CHECK and is not STRICT. `false` if
/// that is not so, or if there is no such row; then nothing was stored.
pub fn assign(
    store: &mut Store,
    table: &TableEntry,
    row_id: RowId,
    values: &[(usize, ValueRef<'_>)],
) -> bool {
    let changed: SmallVec<[usize; 4]> = values.iter().map(|(position, _)| *position).collect();
    let touches_key = |index: &IndexEntry| index.unique && is_touched(index, &changed);
    let can_refuse = !(table.checks.is_empty() && table.generated.is_empty())
        || table.row_id_column.is_some_and(|row_id| changed.contains(&row_id))
        || table.definition.is_strict()
        || table.indexes.iter().any(touches_key);
    let fits = |(position, value): &(usize, ValueRef<'_>)| {
        fits_column(table, *position, &table.columns[*position], value)
    };
    if can_refuse || !values.iter().all(fits) {
        return false;
    }
    let Some(row) = store.row(table.id, row_id) else { return false };
    let mut new: SmallVec<[Value; 8]> = row.values().map(ValueRef::to_value).collect();
    for (position, value) in values {
        new[*position] = value.to_value();
    }
    let new: Borrowed<'_> = new.iter().map(Value::as_ref).collect();
    store.update(table.id, row_id, row_id, &new);
    true
}

/// Whether values are what their columns store, NULL where it may be.
fn fits(table: &TableEntry, values: &[ValueRef<'_>]) -> bool {
    let mut columns = table.columns.iter().zip(values).enumerate();
    values.len() == table.columns.len()
        && columns.all(|(position, (column, value))| fits_column(table, position, column, value))
}

/// Whether a value is what a column stores, or NULL where it may be.
#[inline]
fn fits_column(
    table: &TableEntry,
    position: usize,
    column: &ColumnEntry,
    value: &ValueRef<'_>,
) -> bool {
    match (column.affinity, value) {
        (_, ValueRef::Null) => !column.not_null || table.row_id_column == Some(position),
        (Affinity::Integer | Affinity::Numeric, ValueRef::Integer(_))
        | (Affinity::Text, ValueRef::Text(_))
        | (Affinity::Blob, ValueRef::Integer(_) | ValueRef::Text(_))
        | (Affinity::Text | Affinity::Blob | Affinity::Real, ValueRef::Blob(_)) => true,
        (Affinity::Real, ValueRef::Real(real)) => !real.is_nan(),
        _ => false,
    }
}

/// A row's values where they are; few rows have more columns than fit.
type Borrowed<'a> = SmallVec<[ValueRef<'a>; 12]>;

/// Stores a changed row in the place of the old one.
pub fn update(store: &mut Store, table: &TableEntry, old_id: RowId, prepared: Prepared) {
    let values: Borrowed<'_> = prepared.values.iter().map(Value::as_ref).collect();
    store.update(table.id, old_id, prepared.row_id, &values);
}

/// Takes a row away; `false` if it is gone already.
pub fn delete(store: &mut Store, table: TableId, row_id: RowId) -> bool {
    store.delete(table, row_id)
}

/// The indexes of its own that storage keeps for a table.
pub fn index_specs(table: &TableEntry) -> impl ExactSizeIterator<Item = IndexSpec> + Clone {
    table.indexes.iter().map(|index| IndexSpec {
        id: index.id,
        parts: index
            .columns
            .iter()
            .map(|&(position, collation)| KeyPart {
                position,
                conversion: Affinity::Blob,
                collation,
            })
            .collect(),
        unique: index.unique,
        filter: index.filter.clone().map(|filter| {
            let filter = move |row: &[Value]| filter.truth(row) == Some(true);
            std::sync::Arc::new(filter) as crate::storage::Filter
        }),
        computed: (!index.expressions.is_empty()).then(|| {
            let index = index.clone();
            let computed = move |row: &[Value]| key_in(&index, row);
            std::sync::Arc::new(computed) as crate::storage::Computed
        }),
    })
}

/// One more for each foreign key whose target is known, over the referencing columns as the
/// referenced ones compare.
pub fn reference_specs(
    table: &TableEntry,
) -> impl Iterator<Item = (IndexSpec, References)> + Clone {
    table.foreign_keys.iter().filter_map(|key| {
        let to = key.resolved()?;
        let parts = referencing_parts(key, to).collect();
        let spec = IndexSpec { id: key.index, parts, unique: false, filter: None, computed: None };
        let lookup = match &to.lookup {
            KeyLookup::RowId => None,
            KeyLookup::Index { index, order } => Some((*index, order.clone())),
        };
        Some((spec, References { table: to.table, parts: referenced_parts(to).collect(), lookup }))
    })
}

/// How a foreign key's referencing columns make a key: as the referenced ones compare.
pub fn referencing_parts(
    key: &ForeignKeyEntry,
    to: &Resolved,
) -> impl ExactSizeIterator<Item = KeyPart> {
    let part = |(&position, &(conversion, collation))| KeyPart { position, conversion, collation };
    key.columns.iter().zip(&to.comparison).map(part)
}

/// How a foreign key's referenced columns make a key.
pub fn referenced_parts(to: &Resolved) -> impl ExactSizeIterator<Item = KeyPart> {
    let part =
        |(&position, &(_, collation))| KeyPart { position, conversion: Affinity::Blob, collation };
    to.columns.iter().zip(&to.comparison).map(part)
}

/// The key of a row in a unique index; `None` if the row is not in it or its key has a NULL, which
/// makes it distinct from every other.
pub fn unique_key(index: &IndexEntry, row: &[Value]) -> Option<OrderedKey> {
    match &index.filter {
        Some(filter) if filter.truth(row) != Some(true) => None,
        Some(_) | None => key_in(index, row),
    }
}

/// The key that a row has in an index; `None` if there is a NULL in it.
fn key_in(index: &IndexEntry, row: &[Value]) -> Option<OrderedKey> {
    let part = |value: &Value, collation| (!value.is_null()).then(|| canonical(value, collation));
    if index.expressions.is_empty() {
        return index.columns.iter().map(|&(at, collation)| part(&row[at], collation)).collect();
    }
    let parts = index.expressions.iter();
    parts.map(|(expression, collation)| part(&expression.evaluate(row), *collation)).collect()
}

/// Whether the index is the table's primary key.
pub fn is_primary_key(index: &IndexEntry) -> bool {
    matches!(index.kind, IndexKind::PrimaryKey)
}

fn is_touched(index: &IndexEntry, changed: &[usize]) -> bool {
    changed.iter().any(|position| index.reads(*position))
}

fn convert(table: &TableEntry, values: &mut [Value]) {
    for (value, column) in values.iter_mut().zip(&table.columns) {
        *value = column.affinity.apply(std::mem::replace(value, Value::Null));
    }
}

/// Looks whether what is given for a row id can be one, of an insert or an update of these columns.
///
/// # Errors
/// [`Refusal::NotAnInteger`].
pub fn check_row_id(given: &Value) -> Result<(), Refusal> {
    row_id_of(&Affinity::Integer.apply(given.clone())).map(|_| ())
}

fn row_id_of(value: &Value) -> Result<RowId, Refusal> {
    match value {
        Value::Integer(id) => Ok(RowId(*id)),
        other => Err(Refusal::NotAnInteger(other.clone())),
    }
}

/// Computes what is to be computed, and looks for NULLs: first where a default may take their place,
/// so that what is computed of it is computed anew.
fn complete(
    table: &TableEntry,
    values: &mut [Value],
    positions: impl Iterator<Item = usize>,
    resolution: Option<Resolution>,
) -> Result<(), Refusal> {
    if table.generated.is_empty() {
        return check_nulls(table, values, positions, resolution);
    }
    let is_generated = |position: &usize| table.generated.iter().any(|(at, _)| at == position);
    let (generated, given): (Vec<_>, Vec<_>) = positions.partition(is_generated);
    check_nulls(table, values, given.into_iter(), resolution)?;
    table.generate(values);
    check_nulls(table, values, generated.into_iter(), resolution)
}

fn check_nulls(
    table: &TableEntry,
    values: &mut [Value],
    positions: impl Iterator<Item = usize>,
    resolution: Option<Resolution>,
) -> Result<(), Refusal> {
    let mut replaced = Vec::new();
    for position in positions {
        let column = &table.columns[position];
        if column.not_null && values[position].is_null() {
            let resolution = resolution.or(column.not_null_resolution);
            let has_default = table.definition.columns()[position].default_expression().is_some();
            if resolution != Some(Resolution::Replace) || !has_default {
                return Err(Refusal::NotNull(position));
            }
            values[position] = column.affinity.apply(column.default_value());
            replaced.push(position);
        }
    }
    // A default may be NULL as well, which SQLite looks at when it has been through all columns.
    match replaced.into_iter().find(|&position| values[position].is_null()) {
        Some(position) => Err(Refusal::NotNull(position)),
        None => Ok(()),
    }
}

/// Where columns are generated the types are looked at before all else.
fn check_types_first(
    table: &TableEntry,
    values: &mut [Value],
    positions: impl Iterator<Item = usize>,
) -> Result<(), Refusal> {
    if table.generated.is_empty() || !table.definition.is_strict() {
        return Ok(());
    }
    table.generate(values);
    check_types(table, values, positions)
}

/// Whether a STRICT table can hold the values of a row. Unless something else has asked for them
/// before, that is a CHECK, a generated column or a program, they are looked at between the row id and
/// the other keys.
///
/// # Errors
/// [`Refusal::Datatype`].
pub fn check_row_types(table: &TableEntry, values: &[Value]) -> Result<(), Refusal> {
    check_types(table, values, 0..table.columns.len())
}

/// Whether a STRICT table can hold the values at these positions.
fn check_types(
    table: &TableEntry,
    values: &[Value],
    mut positions: impl Iterator<Item = usize>,
) -> Result<(), Refusal> {
    if !table.definition.is_strict() {
        return Ok(());
    }
    let columns = table.definition.columns();
    match positions.find(|&position| !columns[position].holds(&values[position])) {
        Some(position) => Err(Refusal::Datatype(position, values[position].clone())),
        None => Ok(()),
    }
}

fn check_checks(
    table: &TableEntry,
    values: &[Value],
    row_id: RowId,
    applies: impl Fn(&CheckEntry) -> bool,
) -> Result<(), Refusal> {
    for (position, check) in table.checks.iter().enumerate() {
        if applies(check) && check.refuses(row_id, values) {
            return Err(Refusal::Check(position, row_id));
        }
    }
    Ok(())
}
