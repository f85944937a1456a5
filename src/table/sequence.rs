//! AUTOINCREMENT: the greatest row id that a table has ever had is a row of `sqlite_sequence`, an
//! ordinary table of a name and a number that anybody may read and write.
//!
//! It is read when a row id is to be found, and written when a statement has gone through; both look
//! through all its rows, of which there are as many as tables with AUTOINCREMENT.

use super::{NewRowId, Prepared, prepare_insert};
use crate::catalog::TableEntry;
use crate::id::{RowId, TableId};
use crate::storage::{RowRef, Store};
use crate::value::Value;

const NAME: usize = 0;
const NUMBER: usize = 1;

/// The id of a row to come in a table with AUTOINCREMENT: positive, and greater than any it has had,
/// and than `given`; `None` if there is none.
pub(super) fn next_row_id(
    store: &Store,
    sequence: TableId,
    table: &TableEntry,
    given: i64,
) -> Option<RowId> {
    let last = store.rows(table.id).next_back().map_or(given, |row| row.row_id().0);
    let known = row_of(store, sequence, table.name()).map_or(given, number_of);
    last.max(known).max(given).max(0).checked_add(1).map(RowId)
}

fn row_of<'a>(store: &'a Store, sequence: TableId, name: &str) -> Option<RowRef<'a>> {
    store.rows(sequence).find(|row| row.get(NAME).to_value() == Value::from(name))
}

fn number_of(row: RowRef<'_>) -> i64 {
    row.get(NUMBER).to_value().to_integer()
}

/// Remembers the greatest row id that a statement has given.
pub fn remember(store: &mut Store, sequence: &TableEntry, table: &TableEntry, greatest: i64) {
    let values = |number: i64| vec![table.name().into(), Value::Integer(number)];
    match row_of(store, sequence.id, table.name()) {
        Some(row) if number_of(row) < greatest => {
            let row_id = row.row_id();
            super::update(store, sequence, row_id, Prepared { row_id, values: values(greatest) });
        }
        Some(_) => {}
        None => {
            let first = values(greatest.max(0));
            let new = prepare_insert(store, sequence, first, NewRowId::Own, None);
            if let Ok(prepared) = new {
                super::insert(store, sequence, prepared);
            }
        }
    }
}

/// Follows a table's new name.
pub fn rename(store: &mut Store, sequence: &TableEntry, old: &str, new: &str) {
    if let Some(row) = row_of(store, sequence.id, old) {
        let (row_id, values) = (row.row_id(), vec![new.into(), row.get(NUMBER).to_value()]);
        super::update(store, sequence, row_id, Prepared { row_id, values });
    }
}

/// Forgets a table that goes.
pub fn forget(store: &mut Store, sequence: TableId, table: &str) {
    while let Some(row) = row_of(store, sequence, table) {
        let row_id = row.row_id();
        store.delete(sequence, row_id);
    }
}
