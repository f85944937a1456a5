//! Which statements save and delete the objects of a mapper.
//!
//! Objects without row come in the order in which they became pending, the others by primary key.
//! Neighbours whose statements have the same columns share one: it is sent once for several rows.

mod association;
mod delete;
mod insert;
mod update;

use std::cmp::Ordering;

pub(super) use association::{delete_associations, insert_associations, update_associations};
pub(super) use delete::delete;
pub(super) use update::post_update;

use super::Session;
use super::attribute::column_slot;
use super::batch::Batch;
use super::bind::{convert, unbound};
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::mapping::{ColumnPosition, MappedTable, MapperId};
use super::passive::Passive;
use super::scalar::Scalar;
use super::statement::Statement;
use super::unit_of_work::UnitOfWork;
use smallvec::SmallVec;

/// Values by column, in the order of the table. Mostly one: what an UPDATE sets, or a key.
type Values = SmallVec<[(ColumnPosition, Scalar); 1]>;

/// Inserts or updates objects of a mapper.
///
/// # Errors
/// What the database refuses; `StaleDataError` if an UPDATE matched another number of rows;
/// `FlushError` for an object without key.
pub(super) fn save(
    session: &mut Session<'_>,
    work: &mut UnitOfWork,
    mapper: MapperId,
    objects: Vec<ObjectId>,
) -> Result<()> {
    session.connect()?;
    let (mut inserts, mut updates) = (Vec::new(), Vec::new());
    for object in sorted(session, objects)? {
        let has_row = session.state(object).key.is_some();
        if has_row || takes_over_row(session, work, object)? {
            updates.push(object);
        } else {
            inserts.push(object);
        }
    }
    update::update(session, work, mapper, &updates)?;
    insert::insert(session, mapper, &inserts)
}

/// Whether a new object takes over the row of one that is deleted in the same flush.
fn takes_over_row(
    session: &mut Session<'_>,
    work: &mut UnitOfWork,
    object: ObjectId,
) -> Result<bool> {
    let key = session.key_from_attributes(object, Passive::RETURN_NO_VALUE)?;
    let Some(existing) = session.identity_map.get(&session.states, &key) else { return Ok(false) };
    if work.was_already_deleted(session, existing)? {
        return Ok(false);
    }
    if work.is_deleted(existing) {
        work.remove_actions(existing);
        return Ok(true);
    }
    session.warn(format!(
        "New instance {} with identity key {} conflicts with persistent instance {}",
        session.object_text(object),
        session.key_text(&key),
        session.object_text(existing)
    ));
    Ok(false)
}

/// Pending objects in the order in which they became so, then the others by primary key.
fn sorted(session: &Session<'_>, objects: Vec<ObjectId>) -> Result<Vec<ObjectId>> {
    let has_key = |object: &ObjectId| session.state(*object).key.is_some();
    let (mut persistent, mut pending): (Vec<ObjectId>, Vec<ObjectId>) =
        objects.into_iter().partition(has_key);
    pending.sort_by_key(|&object| session.state(object).insert_order);
    let mut unsortable = None;
    persistent.sort_by(|&a, &b| {
        let (a, b) = (key_of(session, a), key_of(session, b));
        compare_keys(a, b).unwrap_or_else(|(a, b)| {
            unsortable.get_or_insert((a, b));
            Ordering::Equal
        })
    });
    if let Some((a, b)) = unsortable {
        return Err(Error::new(
            ErrorClass::InvalidRequestError,
            format!(
                "Could not sort objects by primary key; primary key values must be sortable in \
                 Python (was: '<' not supported between instances of '{a}' and '{b}')"
            ),
        ));
    }
    pending.extend(persistent);
    Ok(pending)
}

fn key_of<'s>(session: &'s Session<'_>, object: ObjectId) -> &'s [Scalar] {
    session.state(object).key.as_ref().map_or(&[], |key| &key.values)
}

/// The order of two keys, or the classes of the values that have none.
fn compare_keys(a: &[Scalar], b: &[Scalar]) -> Result<Ordering, (&'static str, &'static str)> {
    for (a, b) in a.iter().zip(b) {
        match a.compare(b) {
            Some(Ordering::Equal) => {}
            Some(ordering) => return Ok(ordering),
            None if a == b => {}
            None => return Err((a.python_class(), b.python_class())),
        }
    }
    Ok(Ordering::Equal)
}

/// A statement on a table, and the rows of parameters for which it is to be sent.
struct Sending<'t> {
    statement: Statement,
    table: &'t MappedTable,
    batch: Batch,
}

impl<'t> Sending<'t> {
    /// A statement with so many parameters a row, for about so many rows.
    fn new(
        statement: impl Into<Statement>,
        table: &'t MappedTable,
        width: usize,
        rows: usize,
    ) -> Self {
        let batch = Batch::of_width(width).with_room_for(rows);
        Sending { statement: statement.into(), table, batch }
    }

    /// Adds a row of these values.
    ///
    /// # Errors
    /// `StatementError` for a value that does not fit its column's type.
    fn push<'v>(
        &mut self,
        values: impl IntoIterator<Item = (ColumnPosition, &'v Scalar)>,
    ) -> Result<()> {
        let Sending { statement, table, batch } = self;
        let values = values.into_iter();
        let bound = values.map(|(column, value)| convert(table.column(column).column_type, value));
        batch.try_push(bound).map_err(|message| unbound(statement, message))
    }

    /// Sends the statement for its row or, in one call, for its rows. The number of rows that were
    /// changed.
    fn send(self, session: &mut Session<'_>) -> Result<usize> {
        let outcome = match self.batch.len() {
            1 => session.execute(self.statement, self.batch.into_values())?,
            _ => session.execute_many(self.statement, self.batch)?,
        };
        Ok(outcome.row_count)
    }
}

/// Values as a statement takes them.
fn by_reference(values: &Values) -> impl Iterator<Item = (ColumnPosition, &Scalar)> {
    values.iter().map(|(column, value)| (*column, value))
}

/// Puts a value in place that a statement has written or returned.
fn put_written(session: &mut Session<'_>, object: ObjectId, column: ColumnPosition, value: Scalar) {
    let slot = super::state::Slot::Scalar(value);
    session.state_mut(object).put(column_slot(column), slot);
}

/// Splits what a source yields into runs of the same key, each handed on when the next one begins.
fn in_runs<T, K: PartialEq>(
    session: &mut Session<'_>,
    objects: &[ObjectId],
    mut collect: impl FnMut(&mut Session<'_>, ObjectId) -> Result<Option<(K, T)>>,
    mut emit: impl FnMut(&mut Session<'_>, K, Vec<T>) -> Result<()>,
) -> Result<()> {
    let mut run: Option<(K, Vec<T>)> = None;
    for &object in objects {
        let Some((key, record)) = collect(session, object)? else { continue };
        match &mut run {
            Some((of, records)) if *of == key => records.push(record),
            _ => {
                if let Some((of, records)) = run.replace((key, vec![record])) {
                    emit(session, of, records)?;
                }
            }
        }
    }
    match run {
        Some((of, records)) => emit(session, of, records),
        None => Ok(()),
    }
}
