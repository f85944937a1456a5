//! Whether a statement's foreign keys can be resolved, asked before it touches a row.
//!
//! SQLite finds a missing referenced table or a mismatched key when it compiles a statement, and it
//! compiles the actions along. So the answer depends on definitions alone, and rows, NULL keys or an
//! empty table do not help. What a statement needs:
//!
//! * P.1 DELETE, and an UPDATE that names a referencing column: its table's own foreign keys (of a
//!   table that references itself, all of them as soon as the UPDATE names any key column); INSERT
//!   too.
//! * P.2 DELETE, and an UPDATE that names any referencing or referenced column: the foreign keys that
//!   reference its table. A single-row INSERT needs only the deferred ones.
//! * P.3 every action of P.2 is a statement of its own on the referencing table.

use super::Settings;
use crate::catalog::{ForeignKeyEntry, ReferentialAction, TableEntry, Target};
use crate::error::{Error, Event, SchemaError};
use crate::id::TableId;

/// A statement, or an action as one: the table, what is done, and the columns an update names.
#[derive(Clone, PartialEq, Eq)]
struct Need {
    table: TableId,
    event: Event,
    named: Vec<usize>,
    /// Whether it stands alone: one row of an INSERT, not inside an action.
    is_single: bool,
}

/// Refuses a statement one of whose foreign keys cannot be resolved.
///
/// # Cost
/// **O(1)** while every foreign key of the catalogue is resolved; else the constraints that the
/// statement's actions can reach.
///
/// # Errors
/// [`Error::Schema`]: a missing table or a mismatch, the one that SQLite names.
pub(crate) fn check_foreign_keys(
    settings: &Settings<'_>,
    table: TableId,
    event: Event,
    named: &[usize],
    is_single: bool,
) -> Result<(), Error> {
    check_needs(settings, vec![Need { table, event, named: named.to_vec(), is_single }])
}

/// The same for the deletions that DROP TABLE starts: the table's own foreign keys do not matter any
/// more, those of its actions do.
///
/// # Errors
/// As [`check_foreign_keys`].
pub(crate) fn check_actions(settings: &Settings<'_>, table: TableId) -> Result<(), Error> {
    let need = Need { table, event: Event::Delete, named: Vec::new(), is_single: false };
    check_needs(settings, actions_of(settings, &need))
}

fn check_needs(settings: &Settings<'_>, mut todo: Vec<Need>) -> Result<(), Error> {
    if !settings.enforces() || !settings.catalog.has_unresolved() {
        return Ok(());
    }
    let mut seen = todo.clone();
    while let Some(need) = todo.pop() {
        for next in check_need(settings, &need)? {
            if !seen.contains(&next) {
                seen.push(next.clone());
                todo.push(next);
            }
        }
    }
    Ok(())
}

/// Checks one statement and returns the actions that it can start, the first to be asked last.
fn check_need(settings: &Settings<'_>, need: &Need) -> Result<Vec<Need>, Error> {
    let catalog = settings.catalog;
    let table = catalog.by_id(need.table);
    if need.event == Event::Update && !is_concerned(settings, table, need) {
        return Ok(Vec::new());
    }
    // P.1, newest declaration first.
    for key in table.foreign_keys.iter().rev() {
        let is_self = key.definition.references().eq_ignore_ascii_case(table.name());
        let named = key.columns.iter().any(|position| need.named.contains(position));
        if need.event != Event::Update || named || is_self {
            require(settings, key)?;
        }
    }
    // P.2.
    for &id in table.mismatched_by.iter().rev() {
        let key = catalog.constraint(id);
        let deferred = settings.is_deferred(key);
        let is_exempt = need.event == Event::Insert && need.is_single && !deferred;
        if !is_exempt {
            require(settings, key)?;
        }
    }
    Ok(actions_of(settings, need))
}

/// P.3.
fn actions_of(settings: &Settings<'_>, need: &Need) -> Vec<Need> {
    let catalog = settings.catalog;
    let table = catalog.by_id(need.table);
    let mut actions = Vec::new();
    for &id in &table.referenced_by {
        let key = catalog.constraint(id);
        let rule = match need.event {
            Event::Insert | Event::Commit => continue,
            Event::Delete => key.delete_rule(),
            Event::Update if !names_referenced(table, key, &need.named) => continue,
            Event::Update => key.update_rule(),
        };
        let (event, named) = match rule {
            ReferentialAction::NoAction | ReferentialAction::Restrict => continue,
            ReferentialAction::Cascade if need.event == Event::Delete => {
                (Event::Delete, Vec::new())
            }
            ReferentialAction::Cascade
            | ReferentialAction::SetNull
            | ReferentialAction::SetDefault => (Event::Update, key.columns.clone()),
        };
        actions.push(Need { table: key.table, event, named, is_single: false });
    }
    actions
}

/// Whether an UPDATE names any column of any foreign key, on either side.
fn is_concerned(settings: &Settings<'_>, table: &TableEntry, need: &Need) -> bool {
    let own = |key: &ForeignKeyEntry| key.columns.iter().any(|at| need.named.contains(at));
    let by = table.referenced_by.iter().chain(&table.mismatched_by);
    table.foreign_keys.iter().any(own)
        || by
            .into_iter()
            .any(|&id| names_referenced(table, settings.catalog.constraint(id), &need.named))
}

/// Whether these columns of a referenced table are among those that `key` references.
fn names_referenced(table: &TableEntry, key: &ForeignKeyEntry, named: &[usize]) -> bool {
    let columns = match key.definition.referenced_columns() {
        [] => table.definition.primary_key_columns(),
        columns => columns,
    };
    let mut positions = columns.iter().filter_map(|column| table.definition.position(column));
    positions.any(|position| named.contains(&position))
}

fn require(settings: &Settings<'_>, key: &ForeignKeyEntry) -> Result<(), Error> {
    let constraint = key.name.clone();
    let table = settings.catalog.by_id(key.table).name().to_owned();
    let referenced = key.definition.references().to_owned();
    match &key.target {
        Target::Resolved(_) => Ok(()),
        Target::MissingTable => {
            Err(SchemaError::MissingReferencedTable { constraint, table, referenced }.into())
        }
        Target::Mismatch(reason) => {
            let reason = reason.clone();
            Err(SchemaError::ForeignKeyMismatch { constraint, table, referenced, reason }.into())
        }
    }
}
