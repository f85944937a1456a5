//! Which triggers a statement may start, directly, by foreign keys' actions, or by other triggers: all
//! must compile before it runs, as SQLite compiles them along with it.

use super::syntax::{CreateTrigger, Statement, TriggerStep};
use crate::catalog::{ForeignKeyEntry, ReferentialAction};
use crate::database::{Database, Enforcement};
use crate::error::{Error, Event};

/// A change of a table's rows, and the columns that an update names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reached {
    table: String,
    event: Event,
    columns: Vec<String>,
}

/// A trigger: what starts it, what it does, and why it cannot be compiled, if it cannot.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    starts_at: Reached,
    does: Vec<Reached>,
    error: Option<Error>,
}

impl Linked {
    /// What a trigger waits for and does.
    pub(super) fn new(trigger: &CreateTrigger, error: Option<Error>) -> Self {
        let starts_at = Reached {
            table: trigger.table.name.clone(),
            event: trigger.event,
            columns: trigger.columns.clone(),
        };
        let does = trigger.steps.iter().filter_map(reached_by_step).collect();
        Linked { starts_at, does, error }
    }

    fn is_started_by(&self, reached: &Reached) -> bool {
        let Reached { table, event, columns } = &self.starts_at;
        let overlaps = |column: &String| contains(&reached.columns, column);
        *event == reached.event
            && table.eq_ignore_ascii_case(&reached.table)
            && (columns.is_empty() || columns.iter().any(overlaps))
    }
}

fn contains(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn reached_by_step(step: &TriggerStep) -> Option<Reached> {
    let (table, event, columns) = match step {
        TriggerStep::Insert(insert) => (&insert.table.name, Event::Insert, Vec::new()),
        TriggerStep::Delete(delete) => (&delete.table.name, Event::Delete, Vec::new()),
        TriggerStep::Update(update) => {
            let columns = update.assignments.iter().flat_map(|assigned| assigned.columns.clone());
            (&update.table.name, Event::Update, columns.collect())
        }
        TriggerStep::Select(_) => return None,
    };
    Some(Reached { table: table.clone(), event, columns })
}

fn reached_by_statement(statement: &Statement) -> Option<Reached> {
    let (table, event, columns) = match statement {
        Statement::Insert(insert) => (&insert.table.name, Event::Insert, Vec::new()),
        Statement::Delete(delete) => (&delete.table.name, Event::Delete, Vec::new()),
        Statement::Update(update) => {
            let columns = update.assignments.iter().flat_map(|assigned| assigned.columns.clone());
            (&update.table.name, Event::Update, columns.collect())
        }
        _ => return None,
    };
    Some(Reached { table: table.clone(), event, columns })
}

/// The first trigger in the way of a statement.
pub(super) fn find_broken(
    db: &Database,
    linked: &[Linked],
    statement: &Statement,
) -> Option<Error> {
    if linked.iter().all(|linked| linked.error.is_none()) {
        return None;
    }
    let mut waiting: Vec<Reached> = reached_by_statement(statement).into_iter().collect();
    let mut seen: Vec<Reached> = Vec::new();
    while let Some(reached) = waiting.pop() {
        if seen.contains(&reached) {
            continue;
        }
        for linked in linked.iter().filter(|linked| linked.is_started_by(&reached)) {
            if let Some(error) = &linked.error {
                return Some(error.clone());
            }
            waiting.extend(linked.does.iter().cloned());
        }
        if db.enforcement() == Enforcement::On {
            let keys = db.catalog().tables().flat_map(|table| &table.foreign_keys);
            waiting.extend(keys.filter_map(|key| reached_by_action(db, key, &reached)));
        }
        seen.push(reached);
    }
    None
}

/// What a foreign key does about a change of the rows that it references.
fn reached_by_action(db: &Database, key: &ForeignKeyEntry, changed: &Reached) -> Option<Reached> {
    let definition = &key.definition;
    if !definition.references().eq_ignore_ascii_case(&changed.table) {
        return None;
    }
    let rule = match changed.event {
        Event::Delete => key.delete_rule(),
        Event::Update => key.update_rule(),
        Event::Insert | Event::Commit => return None,
    };
    let event = match rule {
        ReferentialAction::NoAction | ReferentialAction::Restrict => return None,
        ReferentialAction::Cascade => changed.event,
        ReferentialAction::SetNull | ReferentialAction::SetDefault => Event::Update,
    };
    let table = db.catalog().find_by_id(key.table)?.name().to_owned();
    let columns = definition.columns().iter().map(|column| column.to_string()).collect();
    Some(Reached { table, event, columns })
}
