//! Which triggers a statement may start, directly, by foreign keys' actions, or by other triggers: all
//! must compile before it runs, as SQLite compiles them along with it.

use super::syntax::{
    Assignment, CreateTrigger, Delete, Insert, QualifiedName, Rows, Statement, TriggerStep, Update,
};
use crate::catalog::{ForeignKeyEntry, ReferentialAction, Resolution, TableEntry};
use crate::database::{ConflictClause, Database, Enforcement, ObjectKind, Timing, UpsertClause};
use crate::error::{Error, Event};
use crate::id::TableId;
use std::sync::Arc;

/// A change of a table's rows, and the columns that an update names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reached {
    /// The table or view, by what its triggers know it by.
    table: Option<TableId>,
    event: Event,
    columns: Vec<String>,
}

/// A change, and what is done there about rows in conflict.
#[derive(Clone, Debug)]
struct Doing {
    reached: Reached,
    says: Says,
}

/// What a change says about rows in conflict.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// This, or nothing, unless a statement around it says something.
    Own(Option<Resolution>),
    /// ABORT, whatever is said around it: ON CONFLICT DO UPDATE.
    Abort,
}

impl Doing {
    /// What holds for it under what a statement around it says.
    fn under(&self, outer: Option<Resolution>) -> Visit<'static> {
        let resolution = match self.says {
            Says::Own(own) => outer.or(own),
            Says::Abort => Some(Resolution::Abort),
        };
        Visit::Change(self.reached.clone(), resolution)
    }
}

/// Why a trigger cannot be compiled, if it cannot: what a statement around it says about conflicts
/// holds for its own, and rows that are in the way bring more foreign keys into play.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors {
    /// Where nothing is said around it.
    pub(super) own: Option<Error>,
    /// Under OR REPLACE.
    pub(super) replacing: Option<Error>,
    /// Under anything else.
    pub(super) otherwise: Option<Error>,
}

/// A trigger: what starts it, what it does, and why it cannot be compiled, if it cannot.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    starts_at: Reached,
    /// Whether it waits until the row has changed.
    is_after: bool,
    does: Vec<Doing>,
    errors: Errors,
}

impl Linked {
    /// What a trigger waits for and does.
    pub(super) fn new(db: &Database, trigger: &CreateTrigger, errors: Errors) -> Self {
        let starts_at = Reached {
            table: id_of(db, &trigger.table),
            event: trigger.event,
            columns: trigger.columns.clone(),
        };
        let does = trigger.steps.iter().flat_map(|step| done_by_step(db, step)).collect();
        let is_after = trigger.timing == Timing::After;
        Linked { starts_at, is_after, does, errors }
    }

    fn is_sound(&self) -> bool {
        let Errors { own, replacing, otherwise } = &self.errors;
        own.is_none() && replacing.is_none() && otherwise.is_none()
    }

    /// Why it cannot be compiled under what a statement around it says about conflicts.
    fn error_under(&self, resolution: Option<Resolution>) -> Option<&Error> {
        let Errors { own, replacing, otherwise } = &self.errors;
        match resolution {
            None => own.as_ref(),
            Some(Resolution::Replace) => replacing.as_ref(),
            Some(_) => otherwise.as_ref(),
        }
    }

    fn is_started_by(&self, reached: &Reached) -> bool {
        let Reached { table, event, columns } = &self.starts_at;
        let overlaps = |column: &String| contains(&reached.columns, column);
        *event == reached.event
            && table.is_some()
            && *table == reached.table
            && (columns.is_empty() || columns.iter().any(overlaps))
    }
}

/// Whether an update that names these columns may change the key that `key` references.
fn names_key(db: &Database, key: &ForeignKeyEntry, columns: &[String]) -> bool {
    let Some(table) = key.resolved().and_then(|to| db.catalog().find_by_id(to.table)) else {
        return false;
    };
    let referenced = match key.definition.referenced_columns() {
        [] => table.definition.primary_key_columns(),
        columns => columns,
    };
    let is_named = |name: &str| {
        let is_row_id = table.row_id_column.is_some_and(|at| table.column_name(at) == name);
        contains(columns, name)
            || (is_row_id && columns.iter().any(|column| super::names::is_row_id(column)))
    };
    referenced.iter().any(|name| is_named(name))
}

fn contains(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn done_by_step(db: &Database, step: &TriggerStep) -> Vec<Doing> {
    match step {
        TriggerStep::Insert(insert) => done_by_insert(db, insert),
        TriggerStep::Delete(delete) => vec![done_by_delete(db, delete)],
        TriggerStep::Update(update) => vec![done_by_update(db, update)],
        TriggerStep::Select(_) => Vec::new(),
    }
}

fn done_by_statement(db: &Database, statement: &Statement) -> Vec<Doing> {
    match statement {
        Statement::Insert(insert) => done_by_insert(db, insert),
        Statement::Delete(delete) => vec![done_by_delete(db, delete)],
        Statement::Update(update) => vec![done_by_update(db, update)],
        _ => Vec::new(),
    }
}

fn done_by_delete(db: &Database, delete: &Delete) -> Doing {
    Doing { reached: reached(db, &delete.table, Event::Delete), says: Says::Own(None) }
}

fn done_by_update(db: &Database, update: &Update) -> Doing {
    let reached = reached_by_update(db, &update.table, &update.assignments);
    Doing { reached, says: Says::Own(update.resolution) }
}

/// The row itself, and those in the way that are updated.
fn done_by_insert(db: &Database, insert: &Insert) -> Vec<Doing> {
    let turns = super::dml::turns(db, insert);
    let upserts = insert.upserts.iter().zip(turns).filter(|(_, has_turn)| *has_turn);
    let updates = upserts.filter_map(|(upsert, _)| upsert.update.as_ref());
    let update = |(assignments, _): &(Vec<Assignment>, _)| {
        let reached = reached_by_update(db, &insert.table, assignments);
        Doing { reached, says: Says::Abort }
    };
    let own = Doing {
        reached: reached(db, &insert.table, Event::Insert),
        says: Says::Own(insert.resolution),
    };
    std::iter::once(own).chain(updates.map(update)).collect()
}

fn id_of(db: &Database, table: &QualifiedName) -> Option<TableId> {
    super::names::find(db, table.schema.as_deref(), &table.name)?.id()
}

fn reached(db: &Database, table: &QualifiedName, event: Event) -> Reached {
    Reached { table: id_of(db, table), event, columns: Vec::new() }
}

fn reached_by_update(db: &Database, table: &QualifiedName, assignments: &[Assignment]) -> Reached {
    let columns = assignments.iter().flat_map(|assigned| assigned.columns.clone()).collect();
    Reached { columns, ..reached(db, table, Event::Update) }
}

/// The rows in the way that a statement may delete.
fn reached_by_replacing(db: &Database, statement: &Statement) -> Option<Reached> {
    let (table, columns, resolution, names_all) = match statement {
        Statement::Insert(insert) => {
            let names_all = insert.columns.is_empty() && !matches!(insert.rows, Rows::Default);
            (&insert.table, insert.columns.clone(), insert.resolution, names_all)
        }
        Statement::Update(update) => {
            let Reached { columns, .. } = reached_by_update(db, &update.table, &update.assignments);
            (&update.table, columns, update.resolution, false)
        }
        _ => return None,
    };
    let entry = super::names::find_table(db, table)?;
    let conflict = ConflictClause::of(resolution);
    let may_replace = match statement {
        Statement::Update(_) => {
            let position = |name: &String| entry.definition.position(name).or(entry.row_id_column);
            let named: Vec<usize> = columns.iter().filter_map(position).collect();
            db.update_may_replace(entry, &conflict, &entry.with_generated(named))
        }
        _ => {
            let row_id = entry.row_id_column.map(|at| entry.column_name(at));
            let is_row_id = |name: &String| {
                super::names::is_row_id(name)
                    || row_id.is_some_and(|own| own.eq_ignore_ascii_case(name))
            };
            let gives_row_id = columns.iter().any(is_row_id) || (names_all && row_id.is_some());
            let upserts = upserts_of(entry, statement);
            let conflict = ConflictClause { upserts, ..conflict };
            db.insert_may_replace(entry, &conflict, gives_row_id)
        }
    };
    may_replace.then(|| reached(db, table, Event::Delete))
}

/// The keys that the ON CONFLICT of an INSERT are about, which are not replaced.
fn upserts_of(table: &TableEntry, statement: &Statement) -> Arc<[UpsertClause]> {
    let Statement::Insert(insert) = statement else { return Arc::default() };
    let targets = insert.upserts.iter().filter_map(|upsert| {
        Database::upsert_target(table, &upsert.target, &upsert.target_filter).ok()
    });
    targets.map(|target| UpsertClause { target, update: None }).collect()
}

/// What is still to be looked at, each under what a statement around it says about conflicts.
enum Visit<'a> {
    Change(Reached, Option<Resolution>),
    Trigger(&'a Linked, Option<Resolution>),
}

/// The first trigger in the way of a statement.
pub(super) fn find_broken(
    db: &Database,
    linked: &[Linked],
    statement: &Statement,
) -> Option<Error> {
    if linked.iter().all(Linked::is_sound) {
        return None;
    }
    let acts = |reached: &Reached| {
        let keys = db.catalog().tables().flat_map(|table| &table.foreign_keys);
        let keys = keys.filter(|_| db.enforcement() == Enforcement::On);
        let reached = keys.filter_map(|key| reached_by_action(db, key, reached));
        // An action is compiled as one that aborts.
        reached.map(|reached| Visit::Change(reached, Some(Resolution::Abort))).collect::<Vec<_>>()
    };
    let own = done_by_statement(db, statement).into_iter();
    let mut waiting: Vec<_> = own.map(|doing| doing.under(None)).collect();
    // What a REPLACE deletes starts triggers only if they may start themselves.
    match reached_by_replacing(db, statement) {
        Some(deleted) if db.has_recursive_programs() => {
            waiting.push(Visit::Change(deleted, Some(Resolution::Replace)));
        }
        Some(deleted) => waiting.extend(acts(&deleted)),
        None => {}
    }
    // The rows of a table that is dropped start none of its own triggers.
    if let Statement::Drop { kind: ObjectKind::Table, name, .. } = statement {
        waiting.extend(acts(&reached(db, name, Event::Delete)));
    }
    // As SQLite compiles them: a trigger with all that it starts before the next one, the newest first.
    // Those on INSERT as it comes to them, the others all before the foreign keys' actions: it asks
    // them first which columns of the old row they read.
    let mut seen: Vec<(Reached, Option<Resolution>)> = Vec::new();
    let mut stack: Vec<Visit<'_>> = waiting.into_iter().rev().collect();
    while let Some(visit) = stack.pop() {
        match visit {
            Visit::Trigger(linked, resolution) => {
                if let Some(error) = linked.error_under(resolution) {
                    return Some(error.clone());
                }
                stack.extend(linked.does.iter().rev().map(|doing| doing.under(resolution)));
            }
            Visit::Change(reached, resolution) => {
                let change = (reached, resolution);
                if seen.contains(&change) {
                    continue;
                }
                let is_started = |linked: &&Linked| linked.is_started_by(&change.0);
                let started = linked.iter().filter(is_started);
                let mut started: Vec<&Linked> = started.collect();
                if change.0.event == Event::Insert {
                    started.sort_by_key(|linked| !linked.is_after);
                }
                stack.extend(acts(&change.0).into_iter().rev());
                stack.extend(started.into_iter().map(|linked| Visit::Trigger(linked, resolution)));
                seen.push(change);
            }
        }
    }
    None
}

/// What a foreign key does about a change of the rows that it references.
fn reached_by_action(db: &Database, key: &ForeignKeyEntry, changed: &Reached) -> Option<Reached> {
    let definition = &key.definition;
    if Some(key.resolved()?.table) != changed.table {
        return None;
    }
    let rule = match changed.event {
        Event::Delete => key.delete_rule(),
        Event::Update if names_key(db, key, &changed.columns) => key.update_rule(),
        Event::Update | Event::Insert | Event::Commit => return None,
    };
    let event = match rule {
        ReferentialAction::NoAction | ReferentialAction::Restrict => return None,
        ReferentialAction::Cascade => changed.event,
        ReferentialAction::SetNull | ReferentialAction::SetDefault => Event::Update,
    };
    let columns = definition.columns().iter().map(|column| column.to_string()).collect();
    Some(Reached { table: Some(key.table), event, columns })
}
