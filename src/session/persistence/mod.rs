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
use super::bind::bind;
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::mapping::{ColumnPosition, MappedTable, MapperId};
use super::passive::Passive;
use super::scalar::Scalar;
use super::statement::Statement;
use super::unit_of_work::UnitOfWork;
use crate::value::Value;

/// Values by column, in the order of the table.
type Values = Vec<(ColumnPosition, Scalar)>;

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
    let Some(existing) = session.identity_map.get(&key) else { return Ok(false) };
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
        if a == b {
            continue;
        }
        return a.compare(b).ok_or((a.python_class(), b.python_class()));
    }
    Ok(Ordering::Equal)
}

/// Sends a statement for one row of values or, in one call, for several. The number of rows that
/// were changed.
fn send(
    session: &mut Session<'_>,
    statement: Statement,
    mut rows: Vec<Vec<Value>>,
) -> Result<usize> {
    let outcome = match rows.len() {
        1 => session.execute(statement, rows.swap_remove(0))?,
        _ => session.execute_many(statement, rows)?,
    };
    Ok(outcome.row_count)
}

/// The parameters for these values of a table.
fn parameters<'v>(
    statement: &Statement,
    table: &MappedTable,
    values: impl IntoIterator<Item = &'v (ColumnPosition, Scalar)>,
) -> Result<Vec<Value>> {
    let typed = values.into_iter();
    bind(statement, typed.map(|(column, value)| (table.column(*column).column_type, value)))
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
