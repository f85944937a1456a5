//! UPDATE: only what has changed, where the row has the key that it had.

use super::{Sending, Values, by_reference, in_runs, sorted};
use crate::session::Session;
use crate::session::attribute::column_slot;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::history::ScalarHistory;
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnPosition, ColumnRef, MappedTable, MapperId};
use crate::session::ordered::OrderedSet;
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::Committed;
use crate::session::statement::{Condition, Update};
use crate::session::unit_of_work::UnitOfWork;
use smallvec::SmallVec;

/// The UPDATE of one object: what is set, and the key of its row.
struct Record {
    set: Values,
    key: Values,
}

pub(super) fn update(
    session: &mut Session<'_>,
    work: &UnitOfWork,
    mapper: MapperId,
    objects: &[ObjectId],
) -> Result<()> {
    let table = session.mapping.table_of(mapper);
    in_runs(
        session,
        objects,
        |session, object| collect(session, work, mapper, object),
        |session, columns, records| emit(session, table, &columns, records),
    )
}

/// The columns that are set, by which rows share a statement, and the rest.
type Collected = Option<(SmallVec<[ColumnPosition; 2]>, Record)>;

fn with_columns(record: Record) -> Collected {
    let columns = record.set.iter().map(|(column, _)| *column).collect();
    Some((columns, record))
}

fn collect(
    session: &mut Session<'_>,
    work: &UnitOfWork,
    mapper: MapperId,
    object: ObjectId,
) -> Result<Collected> {
    let mapping = session.mapping;
    let table = mapping.table_of(mapper);
    let mut set = changed(session, table, object)?;
    if set.is_empty() {
        return Ok(None);
    }
    let mut key = Values::new();
    for &column in &table.primary_key {
        let history = session.scalar_history(object, column_slot(column), Passive::OFF)?;
        let of = ColumnRef { table: mapping[mapper].table, column };
        let value = match history {
            ScalarHistory { added: Some(added), deleted, .. }
                if deleted.is_none() || work.is_cascaded(object, of) =>
            {
                set.retain(|(of, _)| *of != column);
                added
            }
            ScalarHistory { added: Some(_), deleted: Some(deleted), .. } => deleted,
            ScalarHistory { unchanged, .. } => unchanged
                .ok_or_else(|| Error::new(ErrorClass::IndexError, "tuple index out of range"))?,
        };
        if value.is_null() {
            let message = format!(
                "Can't update table {} using NULL for primary key value on column {}",
                table.name,
                mapping.column_text(of)
            );
            return Err(Error::new(ErrorClass::FlushError, message));
        }
        key.push((column, value));
    }
    Ok(if set.is_empty() { None } else { with_columns(Record { set, key }) })
}

/// The columns whose value differs from what the database has.
fn changed(session: &Session<'_>, table: &MappedTable, object: ObjectId) -> Result<Values> {
    let state = session.state(object);
    let mut set = Values::new();
    for at in 0..table.columns.len() {
        let column = ColumnPosition(at);
        let Some(before) = state.committed(column_slot(column)) else { continue };
        let Some(value) = state.scalar(column_slot(column)) else {
            let name = &table.columns[at].name;
            return Err(Error::new(ErrorClass::KeyError, format!("'{name}'")));
        };
        if !matches!(before, Committed::Scalar(before) if before == value) {
            set.push((column, value.clone()));
        }
    }
    Ok(set)
}

fn emit(
    session: &mut Session<'_>,
    table: &MappedTable,
    columns: &[ColumnPosition],
    records: Vec<Record>,
) -> Result<()> {
    let set = columns.iter().map(|&column| table.column(column).name.clone());
    let key = table.primary_key.iter();
    let filter =
        key.map(|&column| Condition::key(table.name.clone(), table.column(column).name.clone()));
    let update = Update::of(table.name.clone(), set, filter);
    let width = columns.len() + table.primary_key.len();
    let mut sending = Sending::new(update, table, width, records.len());
    for Record { set, key } in &records {
        sending.push(by_reference(set).chain(by_reference(key)))?;
    }
    let expected = records.len();
    let matched = sending.send(session)?;
    if matched == expected {
        return Ok(());
    }
    Err(Error::new(
        ErrorClass::StaleDataError,
        format!(
            "UPDATE statement on table '{}' expected to update {expected} row(s); {matched} were \
             matched.",
            table.name
        ),
    ))
}

/// Updates columns that were left out before, so that objects can refer to each other in a circle.
///
/// # Errors
/// As [`save`](super::save).
pub(in crate::session) fn post_update(
    session: &mut Session<'_>,
    mapper: MapperId,
    objects: Vec<ObjectId>,
    columns: &OrderedSet<ColumnPosition>,
) -> Result<()> {
    session.connect()?;
    let table = session.mapping.table_of(mapper);
    let objects = sorted(session, objects)?;
    in_runs(
        session,
        &objects,
        |session, object| collect_post_update(session, table, object, columns),
        |session, columns, records| emit(session, table, &columns, records),
    )
}

fn collect_post_update(
    session: &mut Session<'_>,
    table: &MappedTable,
    object: ObjectId,
    columns: &OrderedSet<ColumnPosition>,
) -> Result<Collected> {
    let (mut set, mut key) = (Values::new(), Values::new());
    for at in 0..table.columns.len() {
        let column = ColumnPosition(at);
        if table.column(column).primary_key {
            let value: Scalar = session.column_value(object, column)?;
            key.push((column, value));
        } else if columns.contains(&column) {
            let passive = Passive::NO_INITIALIZE;
            let history = session.scalar_history(object, column_slot(column), passive)?;
            set.extend(history.added.map(|added| (column, added)));
        }
    }
    Ok(if set.is_empty() { None } else { with_columns(Record { set, key }) })
}
