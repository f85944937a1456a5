//! INSERT: which columns of which row, and what comes back.
//!
//! A row whose key is known and whose defaults are given needs nothing back and shares its statement
//! with its neighbours. Otherwise a single row tells its key by the connection's last row id; more
//! rows, and rows with defaults of the database, by RETURNING. Where the database makes the keys,
//! that is one statement a row, so that keys and objects match; else all rows go in one.

use super::{Values, in_runs, parameters, put_written, send};
use crate::session::Session;
use crate::session::attribute::column_slot;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::load;
use crate::session::mapping::{ColumnPosition, MappedColumn, MappedTable, MapperId};
use crate::session::scalar::Scalar;
use crate::session::statement::{Insert, Rows, Statement};
use crate::value::Value;

/// How many rows one INSERT has at most, and how many parameters.
const ROWS_MAX: usize = 1000;
const PARAMETERS_MAX: usize = 32_766;

/// The row of one object.
struct Record {
    object: ObjectId,
    /// The values that it has; columns that are left to a default are not among them.
    values: Values,
}

/// What rows share that go into one statement.
#[derive(PartialEq)]
struct Shape {
    columns: Vec<ColumnPosition>,
    has_key: bool,
    has_defaults: bool,
}

pub(super) fn insert(
    session: &mut Session<'_>,
    mapper: MapperId,
    objects: &[ObjectId],
) -> Result<()> {
    let table = session.mapping.table_of(mapper);
    in_runs(
        session,
        objects,
        |session, object| Ok(Some(collect(session, table, object))),
        |session, shape, records| emit(session, table, &shape, records),
    )
}

fn collect(session: &Session<'_>, table: &MappedTable, object: ObjectId) -> (Shape, Record) {
    let state = session.state(object);
    let mut values = Values::new();
    for (at, column) in table.columns.iter().enumerate() {
        let position = ColumnPosition(at);
        match state.scalar(column_slot(position)) {
            Some(value) if !value.is_null() => values.push((position, value.clone())),
            _ if is_null_without_value(column) => values.push((position, Scalar::Null)),
            _ => {}
        }
    }
    let columns: Vec<ColumnPosition> = values.iter().map(|(column, _)| *column).collect();
    let has = |position: &ColumnPosition| columns.contains(position);
    let has_key = table.primary_key.iter().all(has);
    let defaults = (0..table.columns.len()).map(ColumnPosition);
    let has_defaults =
        defaults.filter(|&at| table.column(at).server_default.is_some()).all(|at| has(&at));
    (Shape { columns, has_key, has_defaults }, Record { object, values })
}

/// Whether a column without value is written as NULL.
fn is_null_without_value(column: &MappedColumn) -> bool {
    !column.primary_key && column.server_default.is_none() && column.default.is_none()
}

/// The session's own defaults, for the columns that have no value.
fn prefetched(table: &MappedTable, shape: &Shape) -> Values {
    let columns = table.columns.iter().enumerate();
    let missing = columns.filter(|(at, _)| !shape.columns.contains(&ColumnPosition(*at)));
    missing.filter_map(|(at, column)| Some((ColumnPosition(at), column.default.clone()?))).collect()
}

/// The columns that an INSERT returns.
fn returned(table: &MappedTable, shape: &Shape) -> Vec<ColumnPosition> {
    let columns = (0..table.columns.len()).map(ColumnPosition);
    let is_returned = |at: &ColumnPosition| {
        let column = table.column(*at);
        let makes_key = table.autoincrement == Some(*at);
        if shape.columns.contains(at) {
            return makes_key;
        }
        column.default.is_none() && (makes_key || column.server_default.is_some())
    };
    columns.filter(is_returned).collect()
}

fn emit(
    session: &mut Session<'_>,
    table: &MappedTable,
    shape: &Shape,
    mut records: Vec<Record>,
) -> Result<()> {
    let defaults = prefetched(table, shape);
    for record in &mut records {
        record.values.extend(defaults.iter().cloned());
        record.values.sort_by_key(|(column, _)| *column);
    }
    if shape.has_key && shape.has_defaults {
        emit_plain(session, table, &records)?;
    } else if records.len() == 1 && shape.has_defaults {
        return emit_by_row_id(session, table, &defaults, &records[0]);
    } else {
        emit_returning(session, table, &returned(table, shape), &defaults, &records)?;
    }
    records.iter().for_each(|record| put_defaults(session, record.object, &defaults));
    Ok(())
}

fn statement(table: &MappedTable, record: &Record) -> Insert {
    let columns = record.values.iter().map(|(column, _)| table.column(*column).name.clone());
    Insert::into(table.name.clone(), columns)
}

fn put_defaults(session: &mut Session<'_>, object: ObjectId, defaults: &Values) {
    for (column, value) in defaults {
        put_written(session, object, *column, value.clone());
        session.state_mut(object).forget_committed(column_slot(*column));
    }
}

/// Nothing is to come back.
fn emit_plain(session: &mut Session<'_>, table: &MappedTable, records: &[Record]) -> Result<()> {
    let Some(first) = records.first() else { return Ok(()) };
    let statement = Statement::from(statement(table, first));
    let rows = records.iter().map(|record| parameters(&statement, table, &record.values));
    let rows: Vec<Vec<Value>> = rows.collect::<Result<_>>()?;
    send(session, statement, rows).map(drop)
}

/// The key of a single row is the connection's last row id.
fn emit_by_row_id(
    session: &mut Session<'_>,
    table: &MappedTable,
    defaults: &Values,
    record: &Record,
) -> Result<()> {
    let statement = Statement::from(statement(table, record));
    let parameters = parameters(&statement, table, &record.values)?;
    let outcome = session.execute(statement, parameters)?;
    for &column in &table.primary_key {
        let given = record.values.iter().find(|(of, _)| *of == column).map(|(_, value)| value);
        let value = match given {
            Some(value) => value.clone(),
            None if table.autoincrement == Some(column) => Scalar::Integer(outcome.last_row_id),
            None => Scalar::Null,
        };
        put_key(session, record.object, column, value);
    }
    put_defaults(session, record.object, defaults);
    Ok(())
}

/// A key that the statement made is put where there is none.
fn put_key(session: &mut Session<'_>, object: ObjectId, column: ColumnPosition, value: Scalar) {
    let known = session.state(object).scalar(column_slot(column));
    if known.is_none_or(Scalar::is_null) {
        put_written(session, object, column, value);
    }
}

fn emit_returning(
    session: &mut Session<'_>,
    table: &MappedTable,
    returned: &[ColumnPosition],
    defaults: &Values,
    records: &[Record],
) -> Result<()> {
    let makes_key = |&column: &ColumnPosition| {
        table.autoincrement == Some(column) || table.column(column).server_default.is_some()
    };
    let one_by_one = !returned.is_empty() && table.primary_key.iter().any(makes_key);
    let mut returned = returned.to_vec();
    let mut chunk = 1;
    if records.len() > 1 && !one_by_one {
        // The keys tell which of the rows that come back is whose.
        let keys: Vec<ColumnPosition> = match returned.is_empty() {
            true => vec![],
            false => {
                table.primary_key.iter().filter(|&key| !returned.contains(key)).copied().collect()
            }
        };
        returned.extend(keys);
        let width = records[0].values.len().max(1);
        chunk = ROWS_MAX.min(PARAMETERS_MAX / width).max(1);
    }
    let mut rows = Vec::with_capacity(records.len());
    for chunk in records.chunks(chunk) {
        let mut sent = send_returning(session, table, &returned, chunk, records.len() > 1)?;
        sent.resize(chunk.len(), Vec::new());
        rows.append(&mut sent);
    }
    for (record, row) in records.iter().zip(rows) {
        take_returned(session, table, &returned, &row, record);
        put_defaults(session, record.object, defaults);
    }
    Ok(())
}

/// Sends one INSERT for these rows and returns what comes back of each. `is_many` tells that there
/// are more rows than these: a statement for many cannot say DEFAULT VALUES.
fn send_returning(
    session: &mut Session<'_>,
    table: &MappedTable,
    returned: &[ColumnPosition],
    records: &[Record],
    is_many: bool,
) -> Result<Vec<Vec<Value>>> {
    let names = returned.iter().map(|&column| table.column(column).name.clone());
    let mut insert = statement(table, &records[0]).returning(names);
    insert.rows = match (insert.columns.is_empty(), is_many) {
        (true, true) => Rows::NullIn(table.columns[0].name.clone()),
        _ => Rows::Values(records.len()),
    };
    let statement = Statement::from(insert);
    let mut all = Vec::new();
    for record in records {
        all.extend(parameters(&statement, table, &record.values)?);
    }
    Ok(session.execute(statement, all)?.rows)
}

fn take_returned(
    session: &mut Session<'_>,
    table: &MappedTable,
    returned: &[ColumnPosition],
    row: &[Value],
    record: &Record,
) {
    for &column in &table.primary_key {
        let at = returned.iter().position(|of| *of == column);
        let value = match at.and_then(|at| row.get(at)) {
            Some(value) => load::scalar(table.column(column).column_type, value),
            None => {
                let given = record.values.iter().find(|(of, _)| *of == column);
                given.map(|(_, value)| value.clone()).unwrap_or_default()
            }
        };
        put_key(session, record.object, column, value);
    }
    for (&column, value) in returned.iter().zip(row) {
        if !table.column(column).primary_key {
            let value = load::scalar(table.column(column).column_type, value);
            put_written(session, record.object, column, value);
        }
    }
}
