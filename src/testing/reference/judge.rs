//! Which foreign keys do not hold, by the definition and from scratch.

use super::state::{ForeignState, State, Suspect, TableState, Target};
use super::{Found, Refused, Rules};
use crate::error::VIOLATION_ROWS_MAX;
use crate::value::{Collation, Key, Value, canonical};
use std::collections::BTreeSet;

/// Judges a statement's suspects: a violated immediate constraint refuses it, a violated deferred
/// one is outstanding from now on.
pub(super) fn judge(
    state: &mut State,
    rules: Rules,
    suspects: Vec<Suspect>,
) -> Result<(), Refused> {
    if !rules.enforces {
        return Ok(());
    }
    for suspect in suspects {
        if examine(state, &suspect).is_none() {
            continue;
        }
        let is_deferred =
            state.foreign_key(suspect.foreign_key()).is_some_and(|(_, key)| key.is_deferred);
        if !is_deferred && !rules.defers_all {
            return Err(Refused::ForeignKey);
        }
        state.outstanding.push(suspect);
    }
    Ok(())
}

pub(super) fn outstanding(state: &State) -> BTreeSet<String> {
    state.outstanding.iter().filter_map(|suspect| examine(state, suspect)).collect()
}

pub(super) fn dangling(state: &State) -> Option<usize> {
    let mut count = 0;
    for table in &state.tables {
        for key in &table.foreign_keys {
            let target = state.resolve(key);
            if target.is_none() && state.find_table(&key.references).is_ok() {
                return None;
            }
            let columns = table.positions(&key.columns);
            let dangles = |values: &[Value]| dangles(state, target.as_ref(), &columns, values);
            count += table.rows.iter().filter(|row| dangles(&row.values)).count();
        }
    }
    Some(count)
}

/// The violation in words, if the suspicion is right.
fn examine(state: &State, suspect: &Suspect) -> Option<String> {
    let (at, key) = state.foreign_key(suspect.foreign_key())?;
    let table = &state.tables[at];
    let columns = table.positions(&key.columns);
    let target = state.resolve(key);
    match suspect {
        Suspect::Row { row, .. } => {
            let row = table.rows.iter().find(|other| other.identity == *row)?;
            if !dangles(state, target.as_ref(), &columns, &row.values) {
                return None;
            }
            let own = columns.iter().map(|&column| row.values[column].clone()).collect();
            Some(text(table, key, false, own, &[row.row_id]))
        }
        Suspect::Key { key: left, comparison, .. } => {
            // As they were compared when the key was left, and as they find something now: the
            // referenced table may be another one since.
            let mut rows = state.rows_that_reference(at, &columns, left, comparison);
            let dangles =
                |id: i64| dangles(state, target.as_ref(), &columns, &state.row(at, id).values);
            rows.retain(|&id| dangles(id));
            if rows.is_empty() {
                return None;
            }
            let parts = left.iter().zip(comparison);
            let left = parts.map(|(part, (_, collation))| canonical(part, *collation)).collect();
            Some(text(table, key, true, left, &rows))
        }
    }
}

fn dangles(state: &State, target: Option<&Target>, columns: &[usize], values: &[Value]) -> bool {
    if columns.iter().any(|&at| values[at].is_null()) {
        return false;
    }
    let Some(target) = target else { return true };
    let parts = columns.iter().zip(&target.comparison);
    let key: Vec<Value> =
        parts.map(|(&at, (affinity, _))| affinity.apply(values[at].clone())).collect();
    !state.is_held(target, &key)
}

fn text(
    table: &TableState,
    key: &ForeignState,
    still_referenced: bool,
    values: Vec<Value>,
    rows: &[i64],
) -> String {
    let name = |row_id: &i64| {
        let row = table.rows.iter().find(|row| row.row_id == *row_id);
        let name: Key = match (table.primary_key(), row) {
            (Some(key), Some(row)) => {
                table.positions(&key.columns).iter().map(|&at| row.values[at].clone()).collect()
            }
            _ => Key::new([Value::Integer(*row_id)]),
        };
        name.to_string()
    };
    let found = Found {
        constraint: &key.name,
        still_referenced,
        key: values.iter().map(|value| canonical(value, Collation::Binary)).collect(),
        rows: rows.iter().take(VIOLATION_ROWS_MAX).map(name).collect(),
        row_count: rows.len(),
    };
    found.to_text()
}

impl Suspect {
    fn foreign_key(&self) -> u64 {
        match self {
            Suspect::Row { foreign_key, .. } | Suspect::Key { foreign_key, .. } => *foreign_key,
        }
    }
}
