//! Which triggers a statement may start, directly, by foreign keys' actions, or by other triggers: all
//! must compile before it runs, as SQLite compiles them along with it: in the midst of the statement,
//! whose parts behind the first that is wrong are never looked at.

use super::syntax::{
    Assignment, CreateTrigger, Delete, Extent, Insert, QualifiedName, Rows, Statement, TriggerStep,
    Update,
};
use super::trigger::Broken;
use crate::catalog::{ForeignKeyEntry, ReferentialAction, Resolution};
use crate::database::{
    ConflictClause, Database, Depth, Enforcement, ObjectKind, Timing, UpsertClause,
};
use crate::error::{Error, Event, Result};
use crate::id::TableId;
use std::sync::Arc;

/// A change of a table's rows, and the columns that an update names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reached {
    /// The table or view, by what its triggers know it by.
    table: Option<TableId>,
    event: Event,
    part: Part,
    columns: Vec<String>,
}

/// Which of the triggers on a change are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    Before,
    /// Those after it that are temporary, which the table is not.
    AfterAsGuests,
    /// The others after it.
    After,
}

/// A change, and what is done there about rows in conflict.
#[derive(Clone, Debug)]
struct Doing {
    reached: Reached,
    says: Says,
    keys: Keys,
}

/// The keys over which a change may meet rows in conflict.
#[derive(Clone, Debug)]
enum Keys {
    None,
    /// Those of the columns that it names.
    Named,
    /// Those of a new row, but for those that an ON CONFLICT is about.
    New {
        gives_row_id: bool,
        upserts: Arc<[UpsertClause]>,
    },
}

/// What a change says about rows in conflict.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// This, or nothing, unless a statement around it says something.
    Own(Option<Resolution>),
    /// ABORT, whatever is said around it: ON CONFLICT DO UPDATE.
    Abort,
    /// Nothing, whatever is said around it: DELETE.
    Nothing,
}

impl Doing {
    /// What no row can be in the way of.
    fn new(reached: Reached, says: Says) -> Self {
        Doing { reached, says, keys: Keys::None }
    }

    /// What it brings along under what a statement around it says: itself, and what follows if it
    /// deletes rows that are in the way. Those start triggers only if triggers may start themselves.
    fn under(&self, db: &Database, outer: Option<Resolution>) -> Vec<Visit<'static>> {
        let resolution = match self.says {
            Says::Own(own) => outer.or(own),
            Says::Abort => Some(Resolution::Abort),
            Says::Nothing => None,
        };
        let mut visits = vec![Visit::Change(self.reached.clone(), resolution)];
        if self.may_replace(db, resolution) {
            let (event, columns) = (Event::Delete, Vec::new());
            let deleted = Reached { event, columns, part: Part::All, ..self.reached.clone() };
            match db.has_recursive_programs() {
                true => visits.push(Visit::Change(deleted, Some(Resolution::Replace))),
                false => visits.extend(acts(db, &deleted)),
            }
        }
        visits
    }

    fn may_replace(&self, db: &Database, resolution: Option<Resolution>) -> bool {
        let table = self.reached.table.and_then(|table| db.catalog().find_by_id(table));
        let Some(entry) = table else { return false };
        let conflict = ConflictClause::of(resolution);
        match &self.keys {
            Keys::None => false,
            Keys::Named => {
                let position =
                    |name: &String| entry.definition.position(name).or(entry.row_id_column);
                let named: Vec<usize> = self.reached.columns.iter().filter_map(position).collect();
                db.update_may_replace(entry, &conflict, &entry.with_generated(named))
            }
            Keys::New { gives_row_id, upserts } => {
                let conflict = ConflictClause { upserts: upserts.clone(), ..conflict };
                db.insert_may_replace(entry, &conflict, *gives_row_id)
            }
        }
    }
}

/// Why a trigger cannot be compiled, if it cannot: what a statement around it says about conflicts
/// holds for its own, and rows that are in the way bring more foreign keys into play.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors {
    /// Where nothing is said around it.
    pub(super) own: Option<Broken>,
    /// Under OR REPLACE.
    pub(super) replacing: Option<Broken>,
    /// Under anything else.
    pub(super) otherwise: Option<Broken>,
}

/// A trigger: what starts it, what it does, and why it cannot be compiled, if it cannot.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    starts_at: Reached,
    /// Whether it waits until the row has changed.
    is_after: bool,
    is_guest: bool,
    /// Each with the step that does it.
    does: Vec<(usize, Doing)>,
    errors: Errors,
}

impl Linked {
    /// What a trigger waits for and does.
    pub(super) fn new(
        db: &Database,
        trigger: &CreateTrigger,
        is_guest: bool,
        errors: Errors,
    ) -> Self {
        let starts_at = Reached {
            table: id_of(db, &trigger.table),
            event: trigger.event,
            part: Part::All,
            columns: trigger.columns.clone(),
        };
        let does = trigger.steps.iter().enumerate().flat_map(|(at, step)| {
            done_by_step(db, step).into_iter().map(move |doing| (at, doing))
        });
        let does = does.collect();
        let is_after = trigger.timing == Timing::After;
        Linked { starts_at, is_after, is_guest, does, errors }
    }

    fn is_sound(&self) -> bool {
        let Errors { own, replacing, otherwise } = &self.errors;
        own.is_none() && replacing.is_none() && otherwise.is_none()
    }

    /// Why it cannot be compiled under what a statement around it says about conflicts.
    fn error_under(&self, resolution: Option<Resolution>) -> Option<&Broken> {
        let Errors { own, replacing, otherwise } = &self.errors;
        match resolution {
            None => own.as_ref(),
            Some(Resolution::Replace) => replacing.as_ref(),
            Some(_) => otherwise.as_ref(),
        }
    }

    fn is_started_by(&self, reached: &Reached) -> bool {
        let Reached { table, event, columns, .. } = &self.starts_at;
        let overlaps = |column: &String| contains(&reached.columns, column);
        let is_of_part = match reached.part {
            Part::All => true,
            Part::Before => !self.is_after,
            Part::AfterAsGuests => self.is_after && self.is_guest,
            Part::After => self.is_after && !self.is_guest,
        };
        *event == reached.event
            && is_of_part
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
    Doing::new(reached(db, &delete.table, Event::Delete), Says::Nothing)
}

fn done_by_update(db: &Database, update: &Update) -> Doing {
    let reached = reached_by_update(db, &update.table, &update.assignments);
    Doing { keys: Keys::Named, ..Doing::new(reached, Says::Own(update.resolution)) }
}

/// The row itself, and those in the way that are updated, between the triggers before and after it.
fn done_by_insert(db: &Database, insert: &Insert) -> Vec<Doing> {
    let turns = super::dml::turns(db, insert);
    let upserts = insert.upserts.iter().zip(turns).filter(|(_, has_turn)| *has_turn);
    let updates = upserts.filter_map(|(upsert, _)| upsert.update.as_ref());
    let updates = updates.map(|(assignments, _)| {
        Doing::new(reached_by_update(db, &insert.table, assignments), Says::Abort)
    });
    let part = |part: Part| {
        let reached = reached(db, &insert.table, Event::Insert);
        Doing::new(Reached { part, ..reached }, Says::Own(insert.resolution))
    };
    let before = Doing { keys: keys_of_new(db, insert), ..part(Part::Before) };
    let after = [part(Part::AfterAsGuests), part(Part::After)];
    std::iter::once(before).chain(updates).chain(after).collect()
}

/// The keys over which new rows may meet others.
fn keys_of_new(db: &Database, insert: &Insert) -> Keys {
    let Some(entry) = super::names::find_table(db, &insert.table) else { return Keys::None };
    let row_id = entry.row_id_column.map(|at| entry.column_name(at));
    let is_row_id = |name: &String| {
        super::names::is_row_id(name) || row_id.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    let names_all = insert.columns.is_empty() && !matches!(insert.rows, Rows::Default);
    let gives_row_id = insert.columns.iter().any(is_row_id) || (names_all && row_id.is_some());
    let targets = insert.upserts.iter().filter_map(|upsert| {
        Database::upsert_target(entry, &upsert.target, &upsert.target_filter).ok()
    });
    let upserts = targets.map(|target| UpsertClause { target, update: None }).collect();
    Keys::New { gives_row_id, upserts }
}

fn id_of(db: &Database, table: &QualifiedName) -> Option<TableId> {
    super::names::find(db, table.schema.as_deref(), &table.name)?.id()
}

fn reached(db: &Database, table: &QualifiedName, event: Event) -> Reached {
    Reached { table: id_of(db, table), event, part: Part::All, columns: Vec::new() }
}

fn reached_by_update(db: &Database, table: &QualifiedName, assignments: &[Assignment]) -> Reached {
    let columns = assignments.iter().flat_map(|assigned| assigned.columns.clone()).collect();
    Reached { columns, ..reached(db, table, Event::Update) }
}

/// What is still to be looked at, each under what a statement around it says about conflicts.
enum Visit<'a> {
    /// The statement itself, so far.
    Own(Extent),
    Change(Reached, Option<Resolution>),
    /// What a foreign key does. It is compiled as what aborts, but that holds only for what it updates.
    Action(Reached),
    Trigger(&'a Linked, Option<Resolution>),
    Error(&'a Error),
}

/// Looks for triggers in the way of a statement. `own` tells what is wrong with the statement itself,
/// if that is met before.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn find_broken(
    db: &Database,
    linked: &[Linked],
    statement: &Statement,
    own: &dyn Fn(Extent) -> Result<()>,
) -> Result<()> {
    match linked.iter().all(Linked::is_sound) {
        true => Ok(()),
        false => walk(db, linked, statement, own, &mut |_| {}),
    }
}

/// The tables with AUTOINCREMENT into which a statement or a trigger of its may insert, whether it
/// does or not: SQLite notes each of them when the statement has gone through.
pub(super) fn numbered_tables(
    db: &Database,
    linked: &[Linked],
    statement: &Statement,
) -> Vec<TableId> {
    let mut found = Vec::new();
    if db.catalog().tables().all(|table| table.sequence.is_none()) {
        return found;
    }
    let meet = &mut |reached: &Reached| {
        let table = reached.table.filter(|_| reached.event == Event::Insert);
        let table = table.and_then(|table| db.catalog().find_by_id(table));
        found.extend(table.filter(|table| table.sequence.is_some()).map(|table| table.id));
    };
    // What is broken is refused elsewhere.
    let _ = walk(db, linked, statement, &|_| Ok(()), meet);
    found
}

/// What a statement brings along, and between it how much of the statement itself.
fn brought_by(db: &Database, statement: &Statement) -> Vec<Visit<'static>> {
    let doings = done_by_statement(db, statement);
    let count = doings.len();
    let mut waiting = vec![Visit::Own(Extent::NewRows)];
    for (at, doing) in doings.into_iter().enumerate() {
        waiting.extend(doing.under(db, None));
        // Behind an INSERT's first are its updates, and before its last it returns.
        match statement {
            Statement::Insert(_) if at == 0 => waiting.push(Visit::Own(Extent::Changes)),
            Statement::Insert(_) if at + 2 == count => waiting.push(Visit::Own(Extent::Whole)),
            _ => {}
        }
    }
    // The rows of a table that is dropped start none of its own triggers.
    if let Statement::Drop { kind: ObjectKind::Table, name, .. } = statement {
        waiting.extend(acts(db, &reached(db, name, Event::Delete)));
    }
    waiting
}

/// Meets every change that a statement may bring along, up to the first trigger in its way.
fn walk(
    db: &Database,
    linked: &[Linked],
    statement: &Statement,
    own: &dyn Fn(Extent) -> Result<()>,
    meet: &mut dyn FnMut(&Reached),
) -> Result<()> {
    // As SQLite compiles them: a trigger with all that it starts before the next one, the newest first,
    // and those on UPDATE and DELETE before the foreign keys' actions: it asks them first which columns
    // of the old row they read.
    let mut seen: Vec<(Reached, Option<Resolution>)> = Vec::new();
    let mut stack: Vec<Visit<'_>> = brought_by(db, statement).into_iter().rev().collect();
    while let Some(visit) = stack.pop() {
        match visit {
            Visit::Own(extent) => own(extent)?,
            Visit::Error(error) => return Err(error.clone()),
            Visit::Trigger(linked, resolution) => {
                let broken = linked.error_under(resolution);
                let is_reached = |(at, _): &&(usize, Doing)| {
                    broken.is_none_or(|it| *at < it.step + usize::from(it.is_in_action))
                };
                let does = linked.does.iter().filter(is_reached);
                let does = does.flat_map(|(_, doing)| doing.under(db, resolution));
                stack.extend(broken.map(|broken| Visit::Error(&broken.error)));
                stack.extend(does.collect::<Vec<_>>().into_iter().rev());
            }
            Visit::Action(reached) => {
                check_action(db, &reached)?;
                let is_update = reached.event == Event::Update;
                let resolution = is_update.then_some(Resolution::Abort);
                stack.push(Visit::Change(reached, resolution));
            }
            Visit::Change(reached, resolution) => {
                let change = (reached, resolution);
                if seen.contains(&change) {
                    continue;
                }
                meet(&change.0);
                let is_started = |linked: &&Linked| linked.is_started_by(&change.0);
                let started = linked.iter().filter(is_started);
                stack.extend(acts(db, &change.0).into_iter().rev());
                stack.extend(started.map(|linked| Visit::Trigger(linked, resolution)));
                seen.push(change);
            }
        }
    }
    Ok(())
}

/// Asks the foreign keys of an action, not those of what follows from it.
fn check_action(db: &Database, reached: &Reached) -> Result<()> {
    let table = reached.table.and_then(|table| db.catalog().find_by_id(table));
    let Some(table) = table else { return Ok(()) };
    match reached.event {
        Event::Delete => db.check_delete(table, Depth::Alone),
        Event::Update => {
            let columns = reached.columns.iter();
            let columns = columns.filter_map(|name| table.definition.position(name)).collect();
            let conflict = ConflictClause::of(Some(Resolution::Abort));
            db.check_update(table, &conflict, columns, Depth::Alone)
        }
        Event::Insert | Event::Commit => Ok(()),
    }
}

/// What foreign keys do about a change.
fn acts(db: &Database, changed: &Reached) -> Vec<Visit<'static>> {
    let keys = db.catalog().tables().flat_map(|table| &table.foreign_keys);
    let keys = keys.filter(|_| db.enforcement() == Enforcement::On);
    keys.filter_map(|key| reached_by_action(db, key, changed)).map(Visit::Action).collect()
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
    Some(Reached { table: Some(key.table), event, part: Part::All, columns })
}
