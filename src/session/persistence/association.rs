//! The rows of association tables.

use super::{Sending, Values, by_reference};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::mapping::{ColumnPosition, ColumnRef, MappedTable, TableIndex};
use crate::session::scalar::Scalar;
use crate::session::statement::{Condition, Delete, Insert, Update};

/// Which columns of an association row hold which values.
type Row = Vec<(ColumnRef, Scalar)>;

fn in_table_order(row: Row) -> Values {
    let mut values: Values = row.into_iter().map(|(of, value)| (of.column, value)).collect();
    values.sort_by_key(|(column, _)| *column);
    values
}

fn filter_by(table: &MappedTable, values: &Values) -> Vec<Condition> {
    let columns = values.iter().map(|(column, _)| &table.column(*column).name);
    columns.map(|name| Condition::key(table.name.clone(), name.clone())).collect()
}

fn stale(verb: &str, table: &MappedTable, expected: usize, matched: usize) -> Error {
    Error::new(
        ErrorClass::StaleDataError,
        format!(
            "{} statement on table '{}' expected to {verb} {expected} row(s); Only {matched} were \
             matched.",
            verb.to_uppercase(),
            table.name
        ),
    )
}

/// Deletes association rows.
///
/// # Errors
/// `StaleDataError` if another number of rows went.
pub(in crate::session) fn delete_associations(
    session: &mut Session<'_>,
    table: TableIndex,
    rows: Vec<Row>,
) -> Result<()> {
    let table = &session.mapping[table];
    let rows: Vec<Values> = rows.into_iter().map(in_table_order).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    let delete = Delete::from(table.name.clone(), filter_by(table, first));
    let mut sending = Sending::new(delete, table, first.len(), rows.len());
    rows.iter().try_for_each(|row| sending.push(by_reference(row)))?;
    let expected = rows.len();
    match sending.send(session)? {
        matched if matched == expected => Ok(()),
        matched => Err(stale("delete", table, expected, matched)),
    }
}

/// Lets association rows follow changed keys: each as it was, and as it is.
///
/// # Errors
/// `StaleDataError` if another number of rows was there.
pub(in crate::session) fn update_associations(
    session: &mut Session<'_>,
    table: TableIndex,
    rows: Vec<(Row, Row)>,
) -> Result<()> {
    let table = &session.mapping[table];
    let ordered = rows.into_iter().map(|(old, new)| (in_table_order(old), in_table_order(new)));
    let rows: Vec<(Values, Values)> = ordered.collect();
    let Some((old, new)) = rows.first() else { return Ok(()) };
    let set = new.iter().map(|(column, _)| table.column(*column).name.clone());
    let update = Update::of(table.name.clone(), set, filter_by(table, old));
    let mut sending = Sending::new(update, table, new.len() + old.len(), rows.len());
    for (old, new) in &rows {
        sending.push(by_reference(new).chain(by_reference(old)))?;
    }
    let expected = rows.len();
    match sending.send(session)? {
        matched if matched == expected => Ok(()),
        matched => Err(stale("update", table, expected, matched)),
    }
}

/// Inserts association rows. Columns that carry neither side get the session's default, if any.
///
/// # Errors
/// What the database refuses.
pub(in crate::session) fn insert_associations(
    session: &mut Session<'_>,
    table: TableIndex,
    rows: Vec<Row>,
) -> Result<()> {
    let table = &session.mapping[table];
    let mut rows: Vec<Values> = rows.into_iter().map(in_table_order).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    let columns = table.columns.iter().enumerate();
    let missing = columns.filter(|(at, _)| !first.iter().any(|(of, _)| of.0 == *at));
    let defaults: Values = missing
        .filter_map(|(at, column)| Some((ColumnPosition(at), column.default.clone()?)))
        .collect();
    for row in &mut rows {
        row.extend(defaults.iter().cloned());
        row.sort_by_key(|(column, _)| *column);
    }
    let names = rows[0].iter().map(|(column, _)| table.column(*column).name.clone());
    let insert = Insert::into(table.name.clone(), names);
    let mut sending = Sending::new(insert, table, rows[0].len(), rows.len());
    rows.iter().try_for_each(|row| sending.push(by_reference(row)))?;
    sending.send(session).map(drop)
}
