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
//!
//! Of several errors SQLite reports the one found last, except that what is found in an action never
//! takes the place of another.

use super::program::Timing;
use super::{ConflictClause, Settings, UpsertClause};
use crate::catalog::{ForeignKeyEntry, ReferentialAction, Resolution, TableEntry};
use crate::error::{Error, Event};
use crate::id::TableId;

/// A statement, a part of one, or an action: the table, what is done, and the columns an update names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) table: TableId,
    pub(crate) event: Event,
    pub(crate) named: Vec<usize>,
    /// Which half of an update is asked.
    pub(crate) half: Half,
    /// Whether it stands alone: one row of an INSERT, not inside an action.
    pub(crate) is_single: bool,
}

/// How far the foreign keys of a statement are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Those of the statement, not those of its actions.
    Alone,
    /// Those of its actions, too.
    Whole,
}

/// SQLite asks an update twice, and looks for what may be in its way in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// Which columns of the old row will be needed.
    First,
    /// The rest.
    Second,
    /// All of it.
    Both,
}

impl Need {
    pub(crate) fn delete(table: TableId) -> Self {
        Need { event: Event::Delete, ..Need::update(table, Vec::new()) }
    }

    pub(crate) fn update(table: TableId, named: Vec<usize>) -> Self {
        Need { table, event: Event::Update, named, half: Half::Both, is_single: false }
    }

    pub(crate) fn insert(table: TableId, is_single: bool) -> Self {
        Need { event: Event::Insert, is_single, ..Need::update(table, Vec::new()) }
    }
}

/// What compiling a statement comes upon, in order.
enum Found {
    /// An error. A later one takes its place.
    Fails(Error),
    /// An action, compiled by itself. Its error counts if there is none yet.
    Action(Need),
}

/// A statement or action being compiled.
struct Compiling {
    rest: std::vec::IntoIter<Found>,
    error: Option<Error>,
}

/// Refuses a statement one of whose foreign keys cannot be resolved; `needs` are its parts, in the
/// order in which SQLite compiles them.
///
/// # Cost
/// **O(1)** while every foreign key of the catalogue is resolved; else the constraints that the
/// statement's actions can reach.
///
/// # Errors
/// [`Error::Schema`]: a missing table or a mismatch, the one that SQLite names.
pub(crate) fn check_foreign_keys(
    settings: &Settings<'_>,
    needs: &[Need],
    depth: Depth,
) -> Result<(), Error> {
    if !settings.enforces() || !settings.catalog.has_unresolved() {
        return Ok(());
    }
    let mut error = None;
    for (position, need) in needs.iter().enumerate() {
        // What deletes or updates other rows too does not stand alone.
        let writes_more = needs[..position].iter().any(|other| match other.event {
            Event::Delete => true,
            Event::Update => is_concerned(settings, settings.catalog.by_id(other.table), other),
            Event::Insert | Event::Commit => false,
        });
        let need = Need { is_single: need.is_single && !writes_more, ..need.clone() };
        let mut found = find(settings, &need);
        if depth == Depth::Alone {
            found.retain(|found| matches!(found, Found::Fails(_)));
        }
        error = compile(settings, Compiling { rest: found.into_iter(), error: None }, error);
    }
    error.map_or(Ok(()), Err)
}

/// The same for the deletions that DROP TABLE starts: the table's own foreign keys do not matter any
/// more, those of its actions do.
///
/// # Errors
/// As [`check_foreign_keys`].
pub(crate) fn check_actions(settings: &Settings<'_>, table: TableId) -> Result<(), Error> {
    if !settings.enforces() || !settings.catalog.has_unresolved() {
        return Ok(());
    }
    let mut found = Vec::new();
    find_in_actions(settings, &Need::delete(table), &mut found);
    found.retain(|found| matches!(found, Found::Action(_)));
    let compiling = Compiling { rest: found.into_iter(), error: None };
    compile(settings, compiling, None).map_or(Ok(()), Err)
}

/// Compiles a statement and all its actions; `error` is what was found in the parts before it.
fn compile(settings: &Settings<'_>, mut top: Compiling, error: Option<Error>) -> Option<Error> {
    top.error = error;
    let mut seen: Vec<Need> = Vec::new();
    let mut stack = vec![top];
    let mut result = None;
    while let Some(mut current) = stack.pop() {
        match current.rest.next() {
            Some(Found::Fails(error)) => {
                current.error = Some(error);
                stack.push(current);
            }
            Some(Found::Action(need)) => {
                stack.push(current);
                if !seen.contains(&need) {
                    stack.push(compiling(settings, &need));
                    seen.push(need);
                }
            }
            None => {
                let outer = stack.last_mut().map_or(&mut result, |outer| &mut outer.error);
                if outer.is_none() {
                    *outer = current.error;
                }
            }
        }
    }
    result
}

fn compiling(settings: &Settings<'_>, need: &Need) -> Compiling {
    Compiling { rest: find(settings, need).into_iter(), error: None }
}

/// What compiling one statement comes upon.
fn find(settings: &Settings<'_>, need: &Need) -> Vec<Found> {
    let mut found = Vec::new();
    let table = settings.catalog.by_id(need.table);
    if need.event == Event::Update && !is_concerned(settings, table, need) {
        return found;
    }
    let catalog = settings.catalog;
    let mismatched =
        || catalog.mismatched_by(table.id).iter().rev().map(|&id| catalog.constraint(id));
    // P.2, for the columns of the old row that will be needed.
    if need.event != Event::Insert && need.half != Half::Second {
        found.extend(mismatched().filter_map(|key| failure(settings, key)));
    }
    if need.half == Half::First {
        return found;
    }
    // P.1, newest declaration first; the first error ends the check of the row.
    let is_asked = |key: &&ForeignKeyEntry| {
        let is_self = key.definition.references().eq_ignore_ascii_case(table.name());
        let named = key.columns.iter().any(|position| need.named.contains(position));
        need.event != Event::Update || named || is_self
    };
    let own = table.foreign_keys.iter().rev().filter(is_asked);
    // P.2, for the row itself.
    let is_touched = |key: &&ForeignKeyEntry| match need.event {
        Event::Insert => !need.is_single || settings.is_deferred(key),
        Event::Update => names_referenced(table, key, &need.named),
        Event::Delete | Event::Commit => true,
    };
    found.extend(
        own.chain(mismatched().filter(is_touched)).filter_map(|key| failure(settings, key)).take(1),
    );
    find_in_actions(settings, need, &mut found);
    found
}

/// P.3, newest foreign key first.
fn find_in_actions(settings: &Settings<'_>, need: &Need, found: &mut Vec<Found>) {
    let catalog = settings.catalog;
    let table = catalog.by_id(need.table);
    let references =
        |key: &&ForeignKeyEntry| key.definition.references().eq_ignore_ascii_case(table.name());
    let keys = catalog.tables().rev().flat_map(|table| table.foreign_keys.iter().rev());
    for key in keys.filter(references) {
        let rule = match need.event {
            Event::Insert | Event::Commit => continue,
            Event::Delete => key.delete_rule(),
            Event::Update if !names_referenced(table, key, &need.named) => continue,
            Event::Update => key.update_rule(),
        };
        let action = match rule {
            ReferentialAction::NoAction => continue,
            ReferentialAction::Restrict if !settings.restricts() => continue,
            ReferentialAction::Restrict => None,
            ReferentialAction::Cascade if need.event == Event::Delete => {
                Some(Need::delete(key.table))
            }
            ReferentialAction::Cascade
            | ReferentialAction::SetNull
            | ReferentialAction::SetDefault => Some(Need::update(key.table, key.columns.to_vec())),
        };
        match failure(settings, key) {
            Some(failure) => found.push(failure),
            None => found.extend(action.map(Found::Action)),
        }
    }
}

/// Whether SQLite looks for what the row of an INSERT references before the row is in, so that its id is
/// never noted if there is nothing: where no more than this one row can change.
pub(crate) fn looks_first(
    settings: &Settings<'_>,
    table: &TableEntry,
    conflict: &ConflictClause,
    gives_row_id: bool,
) -> bool {
    let waits = |event, columns: &[usize]| {
        let timings = [Timing::Before, Timing::After];
        timings
            .iter()
            .any(|&timing| settings.programs.of(table.id, event, timing, columns).next().is_some())
    };
    let updates = |upsert: &UpsertClause| {
        let Some(update) = &upsert.update else { return false };
        let columns = table.with_generated(update.columns());
        waits(Event::Update, &columns)
            || is_concerned(settings, table, &Need::update(table.id, columns))
    };
    !waits(Event::Insert, &[])
        && !conflict.upserts.iter().any(updates)
        && !may_replace(table, conflict, gives_row_id)
}

/// Whether an INSERT may delete rows that are in the way.
pub(crate) fn may_replace(
    table: &TableEntry,
    conflict: &ConflictClause,
    gives_row_id: bool,
) -> bool {
    let replaces = |index: Option<usize>, declared: Option<Resolution>| {
        conflict.upsert(index).is_none() && conflict.resolve(declared) == Resolution::Replace
    };
    let mut keys = table.indexes.iter().enumerate().filter(|(_, index)| index.unique);
    (gives_row_id && replaces(None, table.row_id_resolution))
        || keys.any(|(at, index)| replaces(Some(at), index.resolution))
}

/// Whether SQLite brings all unique keys into play for an UPDATE of these columns, and not only
/// those that it touches: if a foreign key may write the same table again.
pub(crate) fn involves_all_keys(
    settings: &Settings<'_>,
    table: &TableEntry,
    named: &[usize],
) -> bool {
    let is_self = |key: &ForeignKeyEntry| {
        key.definition.references().eq_ignore_ascii_case(table.name())
            && key.columns.iter().any(|at| named.contains(at))
    };
    table.foreign_keys.iter().any(is_self)
        || settings.catalog.naming(table.id).any(|id| {
            let key = settings.catalog.constraint(id);
            key.update_rule() != ReferentialAction::NoAction && names_referenced(table, key, named)
        })
}

/// Whether an UPDATE names any column of any foreign key, on either side.
fn is_concerned(settings: &Settings<'_>, table: &TableEntry, need: &Need) -> bool {
    let own = |key: &ForeignKeyEntry| key.columns.iter().any(|at| need.named.contains(at));
    let names = |id| names_referenced(table, settings.catalog.constraint(id), &need.named);
    table.foreign_keys.iter().any(own) || settings.catalog.naming(table.id).any(names)
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

/// Why a foreign key cannot be resolved, if it cannot.
fn failure(settings: &Settings<'_>, key: &ForeignKeyEntry) -> Option<Found> {
    let error = settings.catalog.target_error(key)?;
    Some(Found::Fails(error.into()))
}
