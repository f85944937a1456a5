//! Which foreign keys do not hold now: rule J of the [module](super).
//!
//! Suspects are read off the statement's record, in order. A row whose id changes takes its
//! suspicion along. Everything is judged from the state at the time of judgement, so a suspect that
//! was repaired meanwhile is none, and judging the same list again at COMMIT is right.

use super::effects::{Cause, Effects};
use super::relation::{is_referenced_key_there, referenced_key};
use super::{LetPass, LetPassKind, MatchFull, Outcome, Settings};
use crate::catalog::{
    Catalog, Comparison, ForeignKeyEntry, MatchType, ReferentialAction, Resolved, TableEntry,
};
use crate::error::{
    Error, Event, FirstRows, Hint, NamedRows, VIOLATION_ROWS_MAX, Violation, ViolationKind,
};
use crate::id::{ConstraintId, FirstRowIds, RowId, TableId};
use crate::table::{Change, KeyPart, RowRef, Store, Update};
use crate::value::{Key, OrderedKey};
use indexmap::IndexMap;

/// What may be wrong after a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Suspect {
    /// J.a: this row's key may find nothing.
    Row { constraint: ConstraintId, row_id: RowId },
    /// J.b: this key may have been left by its row while others still reference it.
    Key {
        constraint: ConstraintId,
        key: OrderedKey,
        /// How the key was compared when it was found to be missed: the referenced table may be
        /// dropped since. Empty until then.
        comparison: Comparison,
    },
    /// Not a suspect itself: a row went from one id to another, or away. Another row may have its
    /// old id since.
    Moved { table: TableId, from: RowId, to: Option<RowId> },
}

/// Suspects without repetition, each with the change that first raised it; `None` for a row that
/// has gone from that id.
type Settled = IndexMap<Suspicion, Option<Cause>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Suspicion {
    Row(ConstraintId, RowId),
    Key(ConstraintId, OrderedKey, Comparison),
}

/// A suspicion that has proved right.
struct Finding {
    constraint: ConstraintId,
    still_referenced: bool,
    key: Key,
    rows: NamedRows,
    cause: Cause,
}

/// Judges a statement that has run: an immediate violation becomes its refusal, deferred ones
/// become outstanding. With enforcement off, notes what was let pass, if anybody asked.
///
/// # Cost
/// **O(c · f · log n)** for c changed rows in tables with f foreign keys on either side.
pub(super) fn judge_statement(settings: &Settings<'_>, store: &Store, outcome: &mut Outcome) {
    if !settings.enforces() && !settings.observes {
        return;
    }
    let catalog = settings.catalog;
    let suspects = collect(settings, store, &outcome.effects);
    let mut moves: Vec<Suspect> = Vec::new();
    if settings.remembers {
        moves.extend(suspects.iter().map(|(suspect, _)| suspect).filter(|s| s.is_move()).cloned());
    }
    for (suspicion, cause) in live(settle(catalog, suspects)) {
        let Some(finding) = examine(settings, store, &suspicion, cause) else { continue };
        let key = catalog.constraint(finding.constraint);
        if !settings.enforces() {
            let event = event_of(&outcome.effects, cause);
            let rows = finding.rows.count;
            if !has_action(key, event) || !finding.still_referenced {
                LetPass::add(&mut outcome.let_pass, key, event, LetPassKind::Check, rows);
            }
        } else if settings.is_deferred(key) {
            outcome.outstanding.push(suspicion.into_outstanding(key));
        } else {
            let violation = describe(settings, store, Some(&outcome.effects), finding);
            outcome.refusal = Some(Error::Violation(violation));
            outcome.outstanding.clear();
            return;
        }
    }
    if settings.enforces() {
        moves.append(&mut outcome.outstanding);
        outcome.outstanding = moves;
    }
}

/// Judges the outstanding list anew: every violation there is now, in order.
pub(crate) fn judge_outstanding(
    settings: &Settings<'_>,
    store: &Store,
    outstanding: &[Suspect],
) -> Vec<Violation> {
    let suspects = outstanding.iter().map(|suspect| (suspect.clone(), None)).collect();
    live(settle(settings.catalog, suspects))
        .filter_map(|(suspicion, cause)| examine(settings, store, &suspicion, cause))
        .map(|finding| *describe(settings, store, None, finding))
        .collect()
}

/// Every suspect that the statement's changes raise, in order.
fn collect(settings: &Settings<'_>, store: &Store, effects: &Effects) -> Vec<(Suspect, Cause)> {
    let catalog = settings.catalog;
    let mut suspects: Vec<(Suspect, Cause)> = Vec::new();
    // Where rows have gone matters only to what is suspected of rows.
    let mut suspects_rows = settings.remembers;
    for (position, change) in store.changes_since(effects.base).iter().enumerate() {
        let cause = Some(position as u32);
        let mut row = |key: &ForeignKeyEntry, row_id| {
            suspects.push((Suspect::Row { constraint: key.id, row_id }, cause));
        };
        match change {
            Change::Inserted { table, row_id, .. } => {
                suspects_rows = true;
                catalog.by_id(*table).foreign_keys.iter().for_each(|key| row(key, *row_id));
            }
            Change::Deleted { table, row_id, .. } => {
                let table = catalog.by_id(*table);
                if suspects_rows && !table.foreign_keys.is_empty() {
                    let gone = Suspect::Moved { table: table.id, from: *row_id, to: None };
                    suspects.push((gone, cause));
                }
                let old = store.before(change);
                vacated(catalog, table, old, None, cause, &mut suspects);
            }
            Change::Updated(update) => {
                let Update { table, old_id, new_id, .. } = store.updated(*update);
                suspects_rows = true;
                let Some(old) = store.before(change) else { continue };
                let table = catalog.by_id(*table);
                let named = &effects.step_of(&effects.changes[position]).named;
                let names =
                    |key: &&ForeignKeyEntry| key.columns.iter().any(|at| named.contains(at));
                if old_id != new_id {
                    let (from, to) = (*old_id, Some(*new_id));
                    let moved = Suspect::Moved { table: table.id, from, to };
                    suspects.push((moved, cause));
                }
                for key in table.foreign_keys.iter().filter(names) {
                    let now = store.row(table.id, *new_id);
                    if is_mutant!(UnchangedNotJudged)
                        && now.is_some_and(|now| {
                            key.columns.iter().all(|&at| now.get(at) == old.get(at))
                        })
                    {
                        continue;
                    }
                    suspects.push((Suspect::Row { constraint: key.id, row_id: *new_id }, cause));
                }
                // The row as it is now, not as this change left it: a key that has come back is held,
                // and one that has gone since is raised by the change that took it.
                let new = store.row(table.id, *new_id);
                if is_mutant!(LeftKeyNotJudged) {
                    continue;
                }
                vacated(catalog, table, Some(old), new, cause, &mut suspects);
            }
            Change::Swept(_) | Change::Nulled | Change::Created(_) | Change::Tables(_) => {}
        }
    }
    suspects
}

/// J.b for one row change.
fn vacated(
    catalog: &Catalog,
    table: &TableEntry,
    old: Option<RowRef<'_>>,
    new: Option<RowRef<'_>>,
    cause: Cause,
    suspects: &mut Vec<(Suspect, Cause)>,
) {
    for &constraint in catalog.referenced_by(table.id) {
        let key = catalog.constraint(constraint);
        let Some(to) = key.resolved() else { continue };
        let Some(left) = old.and_then(|old| referenced_key(to, old)) else { continue };
        if new.and_then(|new| referenced_key(to, new)).as_ref() != Some(&left) {
            let comparison = Comparison::new();
            suspects.push((Suspect::Key { constraint, key: left, comparison }, cause));
        }
    }
}

/// Carries moves out and drops repetitions and constraints that are gone.
fn settle(catalog: &Catalog, suspects: Vec<(Suspect, Cause)>) -> Settled {
    let mut settled = Settled::new();
    let raise = |settled: &mut Settled, suspicion, cause| {
        settled.entry(suspicion).or_default().get_or_insert(cause);
    };
    for (suspect, cause) in suspects {
        match suspect {
            Suspect::Row { constraint, row_id } => {
                raise(&mut settled, Suspicion::Row(constraint, row_id), cause);
            }
            Suspect::Key { constraint, key, comparison } => {
                raise(&mut settled, Suspicion::Key(constraint, key, comparison), cause);
            }
            Suspect::Moved { table, from, to } => {
                let keys = catalog.find_by_id(table).map_or(&[][..], |table| &table.foreign_keys);
                for key in keys {
                    let left = settled.get_mut(&Suspicion::Row(key.id, from));
                    let cause = left.and_then(Option::take);
                    if let (Some(cause), Some(to)) = (cause, to) {
                        raise(&mut settled, Suspicion::Row(key.id, to), cause);
                    }
                }
            }
        }
    }
    settled.retain(|suspicion, _| catalog.find_constraint(suspicion.constraint()).is_some());
    settled
}

/// What is left to be examined, in order.
fn live(settled: Settled) -> impl Iterator<Item = (Suspicion, Cause)> {
    settled.into_iter().filter_map(|(suspicion, cause)| Some((suspicion, cause?)))
}

fn examine(
    settings: &Settings<'_>,
    store: &Store,
    suspicion: &Suspicion,
    cause: Cause,
) -> Option<Finding> {
    let key = settings.catalog.constraint(suspicion.constraint());
    let table = settings.catalog.by_id(key.table);
    match suspicion {
        Suspicion::Row(constraint, row_id) => {
            let row = store.row(key.table, *row_id)?;
            dangles(settings, store, key, row).then(|| Finding {
                constraint: *constraint,
                still_referenced: false,
                key: key.columns.iter().map(|&position| row.value(position)).collect(),
                rows: NamedRows { first: table.named_row(*row_id, Some(&row.to_vec())), count: 1 },
                cause,
            })
        }
        Suspicion::Key(constraint, value, comparison) => {
            if is_mutant!(RestrictIgnored) && key.delete_rule() == ReferentialAction::Restrict {
                return None;
            }
            let rows = dangling_rows(settings, store, key, value, comparison);
            (rows.count > 0).then(|| Finding {
                constraint: *constraint,
                still_referenced: true,
                key: value.key().clone(),
                rows,
                cause,
            })
        }
    }
}

/// Whether a live row's key finds nothing.
pub(super) fn dangles(
    settings: &Settings<'_>,
    store: &Store,
    key: &ForeignKeyEntry,
    row: RowRef<'_>,
) -> bool {
    let nulls = key.columns.iter().filter(|&&position| row.get(position).is_null()).count();
    if nulls > 0 {
        return settings.dialect.match_full == MatchFull::Enforced
            && key.definition.match_word() == MatchType::Full
            && nulls < key.columns.len();
    }
    match key.resolved() {
        Some(_) => store.is_dangling(key.table, key.index, row.row_id()),
        None => true,
    }
}

/// The live rows that reference a key and find nothing. If the constraint has lost its target since
/// the key was left, or found another one, then the rows are those that referenced it by the
/// comparison of then, and no index serves.
fn dangling_rows(
    settings: &Settings<'_>,
    store: &Store,
    key: &ForeignKeyEntry,
    value: &OrderedKey,
    comparison: &Comparison,
) -> NamedRows {
    let is_as_then = |to: &&Resolved| comparison.is_empty() || *comparison == to.comparison;
    if key.resolved().filter(is_as_then).is_some() {
        return match is_referenced_key_there(store, key, value) {
            true => NamedRows { first: FirstRows::Keys(Vec::new()), count: 0 },
            false => super::name_referencing(settings.catalog, store, key, value),
        };
    }
    let part = |row: RowRef<'_>, position: usize, (conversion, collation)| {
        KeyPart { position, conversion, collation }.key_value(row.get(position))
    };
    let has_key = |row: RowRef<'_>| {
        let own = key.columns.iter().zip(comparison);
        own.map(|(&position, &by)| part(row, position, by)).collect::<OrderedKey>() == *value
    };
    let rows = store.rows(key.table);
    let rows = rows.filter(|row| has_key(*row) && dangles(settings, store, key, *row));
    let mut rows = rows.map(RowRef::row_id);
    let first: FirstRowIds = rows.by_ref().take(VIOLATION_ROWS_MAX).collect();
    let count = first.len() + rows.count();
    NamedRows { first: super::name_rows(settings.catalog, store, key.table, first), count }
}

fn describe(
    settings: &Settings<'_>,
    store: &Store,
    effects: Option<&Effects>,
    finding: Finding,
) -> Box<Violation> {
    let catalog = settings.catalog;
    let key = catalog.constraint(finding.constraint);
    let event = effects.map_or(Event::Commit, |effects| event_of(effects, finding.cause));
    let changed = match (effects, finding.cause) {
        (Some(effects), Some(cause)) => effects.step_of(&effects.changes[cause as usize]).table,
        _ => key.table,
    };
    let kind = ViolationKind::ForeignKey;
    let mut violation = Box::new(Violation {
        still_referenced: finding.still_referenced,
        key: finding.key,
        hint: Hint::ForeignKey,
        ..super::foreign_key_violation(catalog, kind, key, event, changed, finding.rows)
    });
    if let Some(effects) = effects {
        violation.reached = effects.reached(catalog, store, finding.cause);
    }
    violation
}

fn event_of(effects: &Effects, cause: Cause) -> Event {
    let change = cause.map(|cause| effects.changes[cause as usize]);
    change.map_or(Event::Commit, |change| effects.step_of(&change).event)
}

/// Whether an action, and not the check, was due: then the action is what was let pass.
fn has_action(key: &ForeignKeyEntry, event: Event) -> bool {
    use ReferentialAction::NoAction;
    match event {
        Event::Delete => key.delete_rule() != NoAction,
        Event::Update => key.update_rule() != NoAction,
        Event::Insert | Event::Commit => false,
    }
}

impl Suspect {
    pub(crate) fn is_move(&self) -> bool {
        matches!(self, Suspect::Moved { .. })
    }
}

impl Suspicion {
    fn constraint(&self) -> ConstraintId {
        match self {
            Suspicion::Row(constraint, _) | Suspicion::Key(constraint, ..) => *constraint,
        }
    }

    fn into_outstanding(self, foreign_key: &ForeignKeyEntry) -> Suspect {
        match self {
            Suspicion::Row(constraint, row_id) => Suspect::Row { constraint, row_id },
            Suspicion::Key(constraint, key, _) => {
                let comparison = foreign_key.resolved().map(|to| to.comparison.clone());
                Suspect::Key { constraint, key, comparison: comparison.unwrap_or_default() }
            }
        }
    }
}
