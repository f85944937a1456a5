//! INSERT: which columns of which row, and what comes back.
//!
//! A row whose key is known and whose defaults are given needs nothing back and shares its statement
//! with its neighbours. Otherwise a single row tells its key by the connection's last row id; more
//! rows, and rows with defaults of the database, by RETURNING. Where the database makes the keys,
//! that is one statement a row, so that keys and objects match; else all rows go in one.

use super::{Sending, in_runs, put_written};
use crate::session::Session;
use crate::session::attribute::column_slot;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::load;
use crate::session::mapping::{ColumnPosition, MappedColumn, MappedTable, MapperId};
use crate::session::scalar::Scalar;
use crate::session::state::AttributeSet;
use crate::session::statement::{Insert, Rows};
use crate::value::Value;

/// How many rows one INSERT has at most, and how many parameters.
const ROWS_MAX: usize = 1000;
const PARAMETERS_MAX: usize = 32_766;

/// What rows share that go into one statement.
#[derive(PartialEq)]
struct Shape {
    /// The columns that have a value, or none and no default either.
    columns: AttributeSet,
    has_key: bool,
    has_defaults: bool,
}

/// Rows of one shape.
struct Run<'t> {
    table: &'t MappedTable,
    shape: Shape,
    /// The columns of the statement, each with the session's default where the objects have no value.
    columns: Vec<(ColumnPosition, Option<&'t Scalar>)>,
    objects: Vec<ObjectId>,
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
        |session, object| Ok(Some((shape(session, table, object), object))),
        |session, shape, objects| Run::new(table, shape, objects).emit(session),
    )
}

fn shape(session: &Session<'_>, table: &MappedTable, object: ObjectId) -> Shape {
    let state = session.state(object);
    let (mut has_key, mut has_defaults) = (true, true);
    let mut columns = AttributeSet::default();
    for (at, column) in table.columns.iter().enumerate() {
        let slot = column_slot(ColumnPosition(at));
        let has_value = state.scalar(slot).is_some_and(|value| !value.is_null());
        if has_value || is_null_without_value(column) {
            columns.insert(slot);
        } else {
            has_key &= !column.primary_key;
            has_defaults &= column.server_default.is_none();
        }
    }
    Shape { columns, has_key, has_defaults }
}

/// Whether a column without value is written as NULL.
fn is_null_without_value(column: &MappedColumn) -> bool {
    !column.primary_key && column.server_default.is_none() && column.default.is_none()
}

/// A key that the statement made is put where there is none.
fn put_key(session: &mut Session<'_>, object: ObjectId, column: ColumnPosition, value: Scalar) {
    let known = session.state(object).scalar(column_slot(column));
    if known.is_none_or(Scalar::is_null) {
        put_written(session, object, column, value);
    }
}

impl<'t> Run<'t> {
    fn new(table: &'t MappedTable, shape: Shape, objects: Vec<ObjectId>) -> Self {
        let column = |(at, column): (usize, &'t MappedColumn)| {
            let position = ColumnPosition(at);
            match shape.columns.contains(column_slot(position)) {
                true => Some((position, None)),
                false => column.default.as_ref().map(|default| (position, Some(default))),
            }
        };
        let columns = table.columns.iter().enumerate().filter_map(column).collect();
        Run { table, shape, columns, objects }
    }

    /// Sends what inserts the rows, and puts into the objects what comes of it.
    fn emit(&self, session: &mut Session<'_>) -> Result<()> {
        if self.shape.has_key && self.shape.has_defaults {
            let sending = self.sending(session, &self.objects, self.statement())?;
            sending.send(session)?;
        } else if self.objects.len() == 1 && self.shape.has_defaults {
            self.emit_by_row_id(session, self.objects[0])?;
        } else {
            self.emit_returning(session)?;
        }
        self.objects.iter().for_each(|&object| self.put_defaults(session, object));
        Ok(())
    }

    fn statement(&self) -> Insert {
        let names = self.columns.iter().map(|(column, _)| self.table.column(*column).name.clone());
        Insert::into(self.table.name.clone(), names)
    }

    /// What an object, or a default, puts into a column of the statement.
    fn value<'v>(
        session: &'v Session<'_>,
        object: ObjectId,
        (column, default): (ColumnPosition, Option<&'v Scalar>),
    ) -> &'v Scalar {
        const NULL: &Scalar = &Scalar::Null;
        match default {
            Some(default) => default,
            None => session.state(object).scalar(column_slot(column)).unwrap_or(NULL),
        }
    }

    /// The same, for any column.
    fn given<'v>(
        &'v self,
        session: &'v Session<'_>,
        object: ObjectId,
        column: ColumnPosition,
    ) -> Option<&'v Scalar> {
        let of = self.columns.iter().find(|(of, _)| *of == column)?;
        Some(Self::value(session, object, *of))
    }

    /// A statement with the rows of these objects.
    fn sending(
        &self,
        session: &Session<'_>,
        objects: &[ObjectId],
        statement: Insert,
    ) -> Result<Sending<'t>> {
        let width = self.columns.len();
        let mut sending = Sending::new(statement, self.table, width, objects.len());
        for &object in objects {
            let columns = self.columns.iter();
            sending.push(columns.map(|&of| (of.0, Self::value(session, object, of))))?;
        }
        Ok(sending)
    }

    fn put_defaults(&self, session: &mut Session<'_>, object: ObjectId) {
        for &(column, default) in &self.columns {
            if let Some(default) = default {
                put_written(session, object, column, default.clone());
                session.state_mut(object).forget_committed(column_slot(column));
            }
        }
    }

    /// The key of a single row is the connection's last row id.
    fn emit_by_row_id(&self, session: &mut Session<'_>, object: ObjectId) -> Result<()> {
        let sending = self.sending(session, &[object], self.statement())?;
        let outcome = session.execute(sending.statement, sending.batch.into_values())?;
        for &column in &self.table.primary_key {
            let value = match self.given(session, object, column) {
                Some(value) => value.clone(),
                None if self.table.autoincrement == Some(column) => {
                    Scalar::Integer(outcome.last_row_id)
                }
                None => Scalar::Null,
            };
            put_key(session, object, column, value);
        }
        Ok(())
    }

    /// The columns that an INSERT returns.
    fn returned(&self) -> Vec<ColumnPosition> {
        let columns = (0..self.table.columns.len()).map(ColumnPosition);
        let is_returned = |at: &ColumnPosition| {
            let column = self.table.column(*at);
            let makes_key = self.table.autoincrement == Some(*at);
            if self.shape.columns.contains(column_slot(*at)) {
                return makes_key;
            }
            column.default.is_none() && (makes_key || column.server_default.is_some())
        };
        columns.filter(is_returned).collect()
    }

    fn emit_returning(&self, session: &mut Session<'_>) -> Result<()> {
        let table = self.table;
        let makes_key = |&column: &ColumnPosition| {
            table.autoincrement == Some(column) || table.column(column).server_default.is_some()
        };
        let mut returned = self.returned();
        let one_by_one = !returned.is_empty() && table.primary_key.iter().any(makes_key);
        let mut chunk = 1;
        if self.objects.len() > 1 && !one_by_one {
            if !returned.is_empty() {
                // The keys tell which of the rows that come back is whose.
                let keys = table.primary_key.iter().filter(|key| !returned.contains(key));
                let keys: Vec<ColumnPosition> = keys.copied().collect();
                returned.extend(keys);
            }
            chunk = ROWS_MAX.min(PARAMETERS_MAX / self.columns.len().max(1)).max(1);
        }
        let mut rows = Vec::with_capacity(self.objects.len());
        for objects in self.objects.chunks(chunk) {
            let mut sent = self.send_returning(session, &returned, objects)?;
            sent.resize(objects.len(), Vec::new());
            rows.append(&mut sent);
        }
        for (&object, row) in self.objects.iter().zip(rows) {
            self.take_returned(session, &returned, &row, object);
        }
        Ok(())
    }

    /// Sends one INSERT for these objects and returns what comes back of each. A statement for many,
    /// however few of them are sent at a time, cannot say DEFAULT VALUES.
    fn send_returning(
        &self,
        session: &mut Session<'_>,
        returned: &[ColumnPosition],
        objects: &[ObjectId],
    ) -> Result<Vec<Vec<Value>>> {
        let table = self.table;
        let names = returned.iter().map(|&column| table.column(column).name.clone());
        let mut insert = self.statement().returning(names);
        insert.rows = match insert.columns.is_empty() && self.objects.len() > 1 {
            true => Rows::NullIn(table.columns[0].name.clone()),
            false => Rows::Values(objects.len()),
        };
        let sending = self.sending(session, objects, insert)?;
        Ok(session.execute(sending.statement, sending.batch.into_values())?.rows)
    }

    fn take_returned(
        &self,
        session: &mut Session<'_>,
        returned: &[ColumnPosition],
        row: &[Value],
        object: ObjectId,
    ) {
        let table = self.table;
        for &column in &table.primary_key {
            let at = returned.iter().position(|of| *of == column);
            let value = match at.and_then(|at| row.get(at)) {
                Some(value) => load::scalar(table.column(column).column_type, value),
                None => self.given(session, object, column).cloned().unwrap_or_default(),
            };
            put_key(session, object, column, value);
        }
        for (&column, value) in returned.iter().zip(row) {
            if !table.column(column).primary_key {
                let value = load::scalar(table.column(column).column_type, value);
                put_written(session, object, column, value);
            }
        }
    }
}
