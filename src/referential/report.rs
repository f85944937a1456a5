//! What a statement did, told from its record: counts per constraint, the rows, or a plan.
//!
//! A plan is the record of a run that was undone, so plan and delete agree by construction. It is a
//! flat list of steps with the position of each step's origin; only its text is indented.

use super::effects::{Effects, StepKind};
use super::walk::Counts;
use super::{Detail, LetPass, Outcome};
use crate::catalog::{Catalog, Name};
use crate::error::{Error, Event, Rows, Violation};
use crate::id::{ConstraintId, RowId, RowIds};
use crate::table::{Change, RowRef, Store};
use crate::value::{Key, Value};
use std::fmt;

/// How many rows of a step a plan names.
pub const PLAN_SAMPLE_MAX: usize = 20;

/// Rows changed over one constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct ByConstraint {
    constraint: Name,
    table: Name,
    /// How they changed.
    pub event: Event,
    /// How many changes; a row changed twice counts twice.
    pub rows: usize,
}

impl ByConstraint {
    fn new(catalog: &Catalog, id: ConstraintId, event: Event, rows: usize) -> Self {
        let key = catalog.constraint(id);
        let table = catalog.by_id(key.table).shared_name();
        ByConstraint { constraint: key.name.clone(), table, event, rows }
    }

    /// The foreign key.
    pub fn constraint(&self) -> &str {
        &self.constraint
    }

    /// The referencing table, whose rows changed.
    pub fn table(&self) -> &str {
        &self.table
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ByConstraint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("ByConstraint", 4)?;
        fields.serialize_field("constraint", self.constraint())?;
        fields.serialize_field("table", self.table())?;
        fields.serialize_field("event", &self.event)?;
        fields.serialize_field("rows", &self.rows)?;
        fields.end()
    }
}

/// One row change, in the order in which they happened.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RowChange {
    /// The table.
    pub table: String,
    /// How the row changed.
    pub event: Event,
    /// The foreign key whose action changed it; `None` for the statement's own rows.
    pub constraint: Option<String>,
    /// The row before; `None` for INSERT.
    pub old: Option<Vec<Value>>,
    /// The row as the statement left it; `None` for DELETE, or if it was deleted later on.
    pub new: Option<Vec<Value>>,
}

/// What a statement did.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Done {
    /// Rows the statement changed itself: those matched and still there when their turn came.
    /// SQLite's `changes()`.
    pub direct: usize,
    /// Rows changed over each constraint, in the order in which the constraints first acted.
    pub by_constraint: Vec<ByConstraint>,
    /// Rows that stood in the way of a REPLACE and were deleted.
    pub replaced: usize,
    /// Rows changed by programs.
    pub by_program: usize,
    /// The ids of the rows that an INSERT added itself, in order.
    pub inserted: RowIds,
    /// Every row change, if the statement was run for its rows.
    pub rows: Option<Vec<RowChange>>,
}

impl Done {
    /// One row inserted, and nothing else.
    pub(crate) fn inserted(row_id: RowId) -> Self {
        Done { direct: 1, inserted: row_id.into(), ..Done::default() }
    }

    /// Direct rows, and those changed by constraints and programs: what the statement adds to
    /// SQLite's `total_changes()`. Replaced rows do not count there.
    pub fn total(&self) -> usize {
        self.direct + self.constrained() + self.by_program
    }

    /// Rows changed over any constraint.
    pub fn constrained(&self) -> usize {
        self.by_constraint.iter().map(|entry| entry.rows).sum()
    }

    /// Rows changed over the constraint of this name.
    pub fn rows_by(&self, constraint: &str) -> usize {
        let named = self.by_constraint.iter().filter(|entry| entry.constraint() == constraint);
        named.map(|entry| entry.rows).sum()
    }
}

/// Tells what a statement did.
///
/// # Cost
/// **O(c)** for c changed rows; in detail, their values are copied.
pub(crate) fn summarize(
    catalog: &Catalog,
    store: &Store,
    outcome: &Outcome,
    detail: Detail,
) -> Done {
    if let Some(counts) = &outcome.walked {
        return summarize_walk(catalog, counts);
    }
    let mut per_step = vec![0; outcome.effects.steps.len()];
    for change in &outcome.effects.changes {
        per_step[change.step.0 as usize] += 1;
    }
    let mut constraints: Vec<ConstraintId> = Vec::new();
    let mut done = Done { inserted: outcome.inserted.clone(), ..Done::default() };
    for (step, rows) in outcome.effects.steps.iter().zip(per_step) {
        match &step.kind {
            StepKind::Direct => done.direct += rows,
            StepKind::Replaced => done.replaced += rows,
            StepKind::Program(_) => done.by_program += rows,
            StepKind::Constraint(id) if rows > 0 => {
                let same = |(other, entry): &(&ConstraintId, &mut ByConstraint)| {
                    *other == id && entry.event == step.event
                };
                match constraints.iter().zip(&mut done.by_constraint).find(same) {
                    Some((_, entry)) => entry.rows += rows,
                    None => {
                        constraints.push(*id);
                        done.by_constraint.push(ByConstraint::new(catalog, *id, step.event, rows));
                    }
                }
            }
            StepKind::Constraint(_) => {}
        }
    }
    if detail == Detail::Rows {
        done.rows = Some(row_changes(catalog, store, &outcome.effects));
    }
    done
}

fn summarize_walk(catalog: &Catalog, counts: &Counts) -> Done {
    let by_constraint = counts
        .by_constraint
        .iter()
        .map(|&(id, event, rows)| ByConstraint::new(catalog, id, event, rows));
    Done { direct: counts.direct, by_constraint: by_constraint.collect(), ..Done::default() }
}

fn row_changes(catalog: &Catalog, store: &Store, effects: &Effects) -> Vec<RowChange> {
    let log = store.changes_since(effects.base);
    let change = |(record, logged)| {
        let step = effects.step_of(record);
        let now = |row_id| store.row(step.table, row_id).map(RowRef::to_vec);
        let before = || store.before(logged).map(RowRef::to_vec);
        let (old, new) = match logged {
            &Change::Inserted { row_id, .. } => (None, now(row_id)),
            Change::Deleted { .. } => (before(), None),
            Change::Updated(update) => (before(), now(store.updated(*update).new_id)),
            Change::Swept(_) | Change::Nulled | Change::Created(_) | Change::Tables(_) => {
                (None, None)
            }
        };
        let constraint = match &step.kind {
            StepKind::Constraint(id) => Some(catalog.constraint(*id).name.to_string()),
            StepKind::Direct | StepKind::Replaced | StepKind::Program(_) => None,
        };
        let table = catalog.by_id(step.table).name().to_owned();
        RowChange { table, event: step.event, constraint, old, new }
    };
    effects.changes.iter().zip(log).map(change).collect()
}

/// What a statement would do. Nothing of it has happened.
///
/// Prints as a tree, one line a step that has changed a row, and below it why the statement would be
/// refused, what it would leave outstanding, and what is let pass:
///
/// ```text
/// delete team (1 row; 3)
/// └─ hero_team_id_fkey: set null in hero (2 rows; 4, 5)
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The steps, each after its origin.
    pub steps: Vec<PlanStep>,
    /// What it would have done, had nothing refused it; so far as it came, if something did.
    pub done: Done,
    /// Why it would be refused.
    pub refusal: Option<Error>,
    /// Deferred constraints that it would leave violated, to be repaired before COMMIT.
    pub outstanding: Vec<Violation>,
    /// What would be let pass because enforcement is off, if the database records that.
    pub let_pass: Vec<LetPass>,
}

/// Rows changed in one way, for one reason.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PlanStep {
    /// Position of the step whose rows this one follows; `None` for the statement itself.
    pub origin: Option<usize>,
    /// The foreign key or program; `None` for the statement itself.
    pub constraint: Option<String>,
    /// What happens: "delete", "cascade delete", "set null in" …
    pub action: &'static str,
    /// The table whose rows change.
    pub table: String,
    /// How many row changes.
    pub rows: usize,
    /// How many levels of rows below one another: more than 1 where a constraint acts again on the
    /// rows below its own.
    pub depth: usize,
    /// The first rows by primary key or row id, at most [`PLAN_SAMPLE_MAX`].
    pub sample: Vec<Key>,
}

/// Makes a plan of a statement that has run and is not undone yet.
///
/// # Cost
/// **O(c)** for c changed rows.
pub(crate) fn plan(
    catalog: &Catalog,
    store: &Store,
    outcome: Outcome,
    outstanding: Vec<Violation>,
) -> Plan {
    let done = summarize(catalog, store, &outcome, Detail::Counts);
    let effects = &outcome.effects;
    let mut steps: Vec<PlanStep> =
        (0..effects.steps.len()).map(|at| empty_step(catalog, effects, at)).collect();
    let mut levels = vec![0_usize; effects.changes.len()];
    let mut first_level = vec![usize::MAX; steps.len()];
    for (position, (record, logged)) in
        effects.changes.iter().zip(store.changes_since(effects.base)).enumerate()
    {
        levels[position] = record.cause.map_or(0, |cause| levels[cause as usize] + 1);
        let at = record.step.0 as usize;
        let step = &mut steps[at];
        step.rows += 1;
        first_level[at] = first_level[at].min(levels[position]);
        step.depth = step.depth.max(levels[position] + 1 - first_level[at]);
        if step.sample.len() < PLAN_SAMPLE_MAX {
            step.sample.push(sample(catalog, store, effects, position, logged));
        }
    }
    Plan { steps, done, refusal: outcome.refusal, outstanding, let_pass: outcome.let_pass }
}

fn empty_step(catalog: &Catalog, effects: &Effects, position: usize) -> PlanStep {
    let step = &effects.steps[position];
    let constraint = match &step.kind {
        StepKind::Direct => None,
        StepKind::Replaced => Some("REPLACE".to_owned()),
        StepKind::Program(name) => Some(name.to_string()),
        StepKind::Constraint(id) => Some(catalog.constraint(*id).name.to_string()),
    };
    PlanStep {
        origin: step.origin.map(|origin| origin.0 as usize),
        constraint,
        action: action_words(catalog, effects, position),
        table: catalog.by_id(step.table).name().to_owned(),
        rows: 0,
        depth: 0,
        sample: Vec::new(),
    }
}

fn action_words(catalog: &Catalog, effects: &Effects, position: usize) -> &'static str {
    use crate::catalog::ReferentialAction::{Cascade, NoAction, Restrict, SetDefault, SetNull};
    let step = &effects.steps[position];
    let StepKind::Constraint(id) = &step.kind else {
        return match step.event {
            Event::Insert => "insert into",
            Event::Update => "update",
            Event::Delete | Event::Commit => "delete",
        };
    };
    let key = catalog.constraint(*id);
    let origin = step.origin.map(|origin| effects.steps[origin.0 as usize].event);
    let rule = match origin {
        Some(Event::Delete) => key.delete_rule(),
        Some(Event::Insert | Event::Update | Event::Commit) | None => key.update_rule(),
    };
    match rule {
        Cascade if step.event == Event::Delete => "cascade delete",
        Cascade => "cascade update",
        SetNull => "set null in",
        SetDefault => "set default in",
        NoAction | Restrict => "keep",
    }
}

fn sample(
    catalog: &Catalog,
    store: &Store,
    effects: &Effects,
    position: usize,
    logged: &Change,
) -> Key {
    let table = catalog.by_id(effects.step_of(&effects.changes[position]).table);
    let (row_id, row) = match logged {
        Change::Inserted { row_id, .. } => (*row_id, store.row(table.id, *row_id)),
        Change::Deleted { row_id, .. } => (*row_id, store.before(logged)),
        Change::Updated(update) => (store.updated(*update).old_id, store.before(logged)),
        Change::Swept(_) | Change::Nulled | Change::Created(_) | Change::Tables(_) => {
            return Key::new([]);
        }
    };
    table.row_name(row_id, row.map(RowRef::to_vec).as_deref()).values
}

impl Plan {
    /// Whether it would go through, at least until COMMIT.
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// The plan as JSON: a flat list of steps, each with the position of its origin; counts; why it
    /// would be refused.
    #[cfg(feature = "serde")]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "steps": self.steps,
            "direct": self.done.direct,
            "by_constraint": self.done.by_constraint,
            "refusal": self.refusal.as_ref().map(Error::to_json),
            "outstanding": self.outstanding,
            "let_pass": self.let_pass,
        })
    }

    /// The steps that follow each step, in order; the last list holds those without an origin.
    fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.steps.len() + 1];
        for (position, step) in self.steps.iter().enumerate() {
            // A step that a refusal has kept from its first row has nothing to tell; but the
            // statement itself is always told.
            if step.rows > 0 || position == 0 {
                children[step.origin.unwrap_or(self.steps.len())].push(position);
            }
        }
        children
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.children();
        // (step, indentation of its children, its own lead), the next one last.
        let mut todo: Vec<(usize, String, String)> = Vec::new();
        for &root in children[self.steps.len()].iter().rev() {
            todo.push((root, String::new(), String::new()));
        }
        let mut is_first = true;
        while let Some((position, lead, indent)) = todo.pop() {
            if !std::mem::take(&mut is_first) {
                f.write_str("\n")?;
            }
            write!(f, "{lead}{}", self.steps[position])?;
            for (place, &child) in children[position].iter().enumerate().rev() {
                let is_last = place + 1 == children[position].len();
                let (lead, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                todo.push((child, format!("{indent}{lead}"), format!("{indent}{below}")));
            }
        }
        match &self.refusal {
            Some(Error::Violation(violation)) => write!(f, "\nrefused by {}", violation.summary())?,
            Some(error) => {
                let text = error.to_string();
                write!(f, "\nrefused: {}", text.lines().next().unwrap_or_default())?;
            }
            None => {
                for violation in &self.outstanding {
                    write!(f, "\noutstanding: {}", violation.summary())?;
                }
            }
        }
        for entry in &self.let_pass {
            write!(f, "\nlet pass: {entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanStep { constraint, action, table, rows, depth, .. } = self;
        if let Some(name) = constraint {
            write!(f, "{name}: ")?;
        }
        write!(f, "{action} {table} ({}", Rows(*rows))?;
        if *depth > 1 {
            let grouped = Rows(*depth).to_string();
            write!(f, ", depth {}", grouped.split(' ').next().unwrap_or_default())?;
        }
        self.write_sample(f)?;
        f.write_str(")")
    }
}

impl PlanStep {
    /// `; 3, 4, 5`, or `; first 3, 4, 5 …` where there are more than fit a line.
    fn write_sample(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 5;
        if self.sample.is_empty() {
            return Ok(());
        }
        let is_cut = self.rows > SHOWN_MAX;
        let shown = if is_cut { 3 } else { SHOWN_MAX };
        let keys = self.sample.iter().take(shown);
        let list = keys.map(|key| Short(key).to_string()).collect::<Vec<_>>().join(", ");
        write!(
            f,
            "; {}{list}{}",
            if is_cut { "first " } else { "" },
            if is_cut { " …" } else { "" }
        )
    }
}

/// A key of one value without its parentheses.
struct Short<'a>(&'a Key);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [only] => only.fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

impl fmt::Display for Done {
    /// `1 row; hero_team_id_fkey: 2 rows`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Rows(self.direct).fmt(f)?;
        for entry @ ByConstraint { rows, .. } in &self.by_constraint {
            let constraint = entry.constraint();
            write!(f, "; {constraint}: {}", Rows(*rows))?;
        }
        for (what, rows) in [("replaced", self.replaced), ("by programs", self.by_program)] {
            if rows > 0 {
                write!(f, "; {what}: {}", Rows(rows))?;
            }
        }
        Ok(())
    }
}
