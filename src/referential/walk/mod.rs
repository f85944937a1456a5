//! A DELETE set at a time: rule W of the [module](super).
//!
//! The exact path changes one row after another, because an order may be seen: in a refusal, in what
//! a program reads, in which of two writes is the last. Where nothing of that can happen, all rows
//! that reference any row of a set are changed together, and a cascade costs a few nanoseconds a row.
//!
//! # Rule W
//!
//! **Roots.** If the root table can be reached from itself over actions, the matched rows are roots
//! one after another, in scan order, each skipped if it is gone, each with its own walk. Otherwise
//! all matched rows are the roots of one walk.
//!
//! **Footprint**, from the definitions: the tables deleted from, closed over CASCADE; those written
//! by SET NULL and SET DEFAULT; the RESTRICT constraints met. The exact path is taken from the start
//! if
//!
//! * W.1 a touched table has a program for the event;
//! * W.2 a column that would be written is part of a referenced key or of another foreign key met
//!   that restricts or writes, is the row id, or occurs in the predicate of a partial index;
//! * W.6 a default would be written to a unique key of a table that is deleted from, where a row that
//!   dies later may still have it.
//!
//! **Walk.** Delete to a fixed point over CASCADE. Then match the SET constraints and look for rows
//! that RESTRICT, from all that has died. All is undone, and the exact path taken, if
//!
//! * W.3 a RESTRICT constraint finds any row, even one that dies in this walk;
//! * W.4 a row is to be written twice, or both written and deleted;
//! * W.5 a default that was written is a key that has gone;
//! * W.6 a write breaks NOT NULL, CHECK or UNIQUE;
//! * W.7 the depth limit could matter: a level beyond it has rows; or some row was reached twice, so
//!   that levels are not exact, the graph of actions is cyclic, and the walk has more rows than the
//!   limit allows levels;
//! * a NO ACTION constraint finds a row left behind: that is told by the exact path.
//!
//! **Refusals** are told by the exact path, unless RESTRICT is the only error that is possible: see
//! `refusal`. So a refusal costs the same at any number of rows that reference.
//!
//! **Counts.** One per deleted row, one per SET constraint and row; constraints in the order in which
//! the exact path would come upon them. A row that is reached over two constraints counts for the one
//! that the walk takes first, which may be the other one of the exact path where several roots or
//! rows share it; the totals agree.
//!
//! # Drawbacks
//!
//! "Reached twice" and "also deleted" are taken from buckets that list rows which are gone, whenever
//! they went: a table with many dead rows may be walked exactly without need.

mod footprint;
mod refusal;

pub(crate) use footprint::Footprints;

use super::Settings;
use super::judge::dangles;
use crate::catalog::ReferentialAction;
use crate::error::{Error, Event};
use crate::id::{ConstraintId, RowId, TableId};
use crate::table::{self, Store, Swath, Swept};
use footprint::{Edge, Footprint};
use refusal::Trail;
use std::ops::Range;

/// How deletes are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Walk {
    /// Set at a time wherever that cannot be seen, else row by row.
    #[default]
    Auto,
    /// Always row by row, in the dialect's order. Slower, and the same in all that can be seen.
    Exact,
}

/// How many deletes went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walks {
    /// Set at a time.
    pub set: usize,
    /// Row by row from the start.
    pub exact: usize,
    /// Set at a time up to where that would have been seen; undone, and done row by row.
    pub fallen_back: usize,
    /// Refused at once by RESTRICT.
    pub refused: usize,
}

/// What a delete has come to.
pub(super) enum Walked {
    /// It is done.
    Done(Counts),
    /// It is refused. Changes since the mark before are to be undone.
    Refused {
        error: Error,
        /// Rows that actions had changed by then, of those that the exact path had finished.
        acted: usize,
    },
    /// It must go row by row. Changes since the mark before are to be undone.
    FellBack,
    /// It must go row by row, and nothing was changed.
    Exact,
}

/// Rows changed by a walk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) direct: usize,
    /// In the order in which the constraints first acted.
    pub(crate) by_constraint: Vec<(ConstraintId, Event, usize)>,
}

/// Why a walk cannot go on.
enum Stop {
    /// What follows can be seen: the exact path tells.
    FallsBack,
    /// A RESTRICT constraint finds a row.
    Restricts,
    /// The first refusal is found.
    Refused(Trail),
}

/// Carries out a delete set at a time, if rule W lets it.
pub(super) fn walk(
    settings: &Settings<'_>,
    store: &mut Store,
    table: TableId,
    rows: &[RowId],
) -> Walked {
    let Settings { catalog, programs, dialect, .. } = *settings;
    let footprint = settings.footprints.of(catalog, programs, dialect, table);
    if footprint.is_exact {
        return Walked::Exact;
    }
    if let [row_id] = rows
        && let Some(result) = delete_alone(settings, store, footprint, *row_id)
    {
        return match result {
            Ok(()) => Walked::Done(Counts { direct: 1, ..Counts::default() }),
            Err(error) => Walked::Refused { error, acted: 0 },
        };
    }
    let counts = Vec::new();
    let mut walker =
        Walker { settings, footprint, store, counts, direct: 0, met_count: 0, finished: 0 };
    let walked = match footprint.takes_roots_alone && settings.enforces() {
        true => rows.chunks(1).try_for_each(|root| walker.walk(root)),
        false => walker.walk(rows),
    };
    match walked {
        Err(Stop::FallsBack | Stop::Restricts) => Walked::FellBack,
        Err(Stop::Refused(trail)) => match walker.refuse(&trail, rows) {
            Some((error, acted)) => Walked::Refused { error, acted },
            None => Walked::FellBack,
        },
        Ok(()) => Walked::Done(walker.finish()),
    }
}

/// Deletes one row that no action follows, or refuses it; `None` if it takes more of a walk.
pub(super) fn walk_alone(
    settings: &Settings<'_>,
    store: &mut Store,
    table: TableId,
    row_id: RowId,
) -> Option<Result<(), Error>> {
    let Settings { catalog, programs, dialect, .. } = *settings;
    let footprint = settings.footprints.of(catalog, programs, dialect, table);
    if footprint.is_exact {
        return None;
    }
    delete_alone(settings, store, footprint, row_id)
}

/// The same for a footprint that may be walked.
fn delete_alone(
    settings: &Settings<'_>,
    store: &mut Store,
    footprint: &Footprint,
    row_id: RowId,
) -> Option<Result<(), Error>> {
    match footprint.edges_of(0).is_empty() {
        true => table::delete(store, footprint.nodes[0].table, row_id).then_some(Ok(())),
        false => refusal::refuse_root(settings, store, footprint, row_id).map(Err),
    }
}

struct Walker<'a> {
    settings: &'a Settings<'a>,
    footprint: &'a Footprint,
    store: &'a mut Store,
    /// By the number of the edge.
    counts: Vec<Option<Count>>,
    direct: usize,
    /// How many times a constraint was met.
    met_count: usize,
    /// Rows changed by the walks of earlier roots.
    finished: usize,
}

/// Rows changed over one constraint.
#[derive(Clone)]
struct Count {
    constraint: ConstraintId,
    event: Event,
    rows: usize,
    /// When it first found a row, in the order in which constraints were met.
    first: usize,
}

/// Rows that one step has deleted.
struct Dead {
    node: usize,
    swath: Swath,
    /// Actions entered on the way here.
    depth: usize,
    /// Position of the step that led here, and number of the edge; of a root, its own.
    origin: (usize, usize),
}

/// An edge that does not cascade, met from rows that have died.
struct Met {
    /// Position in the walk's list of what has died.
    dead: usize,
    /// Its number.
    edge: usize,
    /// When.
    at: usize,
}

impl Walker<'_> {
    /// One walk from these roots.
    fn walk(&mut self, roots: &[RowId]) -> Result<(), Stop> {
        let mark = self.store.mark();
        let Some(swath) = self.store.sweep_rows(self.footprint.nodes[0].table, roots) else {
            return Ok(());
        };
        self.direct += swath.rows();
        if !self.settings.enforces() {
            self.leave_behind(&swath);
            return Ok(());
        }
        let mut dead = Vec::with_capacity(self.footprint.nodes.len());
        dead.push(Dead { node: 0, swath, depth: 0, origin: (0, 0) });
        let (met, reached_twice) = self.cascade(&mut dead, usize::MAX)?;
        match self.settle_all(&dead, &met) {
            Err(Stop::Restricts) if !reached_twice => Err(self.first_refusal(&dead, &met, mark)),
            other => other,
        }?;
        self.finished = self.acted();
        Ok(())
    }

    /// What the constraints that do not cascade do about rows that have died.
    fn settle_all(&mut self, dead: &[Dead], met: &[Met]) -> Result<(), Stop> {
        // A table that one constraint writes to: another one might write the same rows.
        let mut written: Vec<(TableId, ConstraintId)> = Vec::new();
        for &Met { dead: position, edge: number, at } in met {
            let edge = &self.footprint.edges[number];
            let rows = self.settle(edge, &dead[position].swath, &mut written)?;
            self.count(number, rows, at);
        }
        Ok(())
    }

    /// Rows changed over constraints.
    fn acted(&self) -> usize {
        self.counts.iter().flatten().map(|count| count.rows).sum()
    }

    /// With enforcement off: rows that reference the dead ones just stay.
    fn leave_behind(&mut self, swath: &Swath) {
        for edge in self.footprint.edges_of(0) {
            self.store.orphan_referencing(swath, edge.table, edge.index);
        }
    }

    /// Deletes to a fixed point, depth first over the constraints; from the roots over those before
    /// this number. What else was met, in order, and whether some row was reached twice.
    fn cascade(&mut self, dead: &mut Vec<Dead>, end: usize) -> Result<(Vec<Met>, bool), Stop> {
        let mut met = Vec::new();
        let mut reached_twice = false;
        let mut rows = dead[0].swath.rows();
        let Range { start, end: last } = self.footprint.nodes[dead[0].node].edges;
        let mut stack = vec![(0, start..last.min(end))];
        while let Some((at, mut numbers)) = stack.pop() {
            let Some(number) = numbers.next() else { continue };
            if !numbers.is_empty() {
                stack.push((at, numbers));
            }
            let edge = &self.footprint.edges[number];
            let acts = match edge.action {
                ReferentialAction::NoAction => false,
                ReferentialAction::Restrict => self.settings.restricts(),
                ReferentialAction::Cascade
                | ReferentialAction::SetNull
                | ReferentialAction::SetDefault => true,
            };
            let depth = dead[at].depth;
            if acts {
                self.check_depth(depth)?;
            }
            self.met_count += 1;
            if edge.action != ReferentialAction::Cascade {
                met.push(Met { dead: at, edge: number, at: self.met_count });
                continue;
            }
            let Swept { swath, met_dead } =
                self.store.sweep_referencing(&dead[at].swath, edge.table, edge.index);
            reached_twice |= met_dead;
            let Some(swath) = swath else { continue };
            self.count(number, swath.rows(), self.met_count);
            rows += swath.rows();
            stack.push((dead.len(), self.footprint.nodes[edge.node].edges.clone()));
            let origin = (at, number);
            dead.push(Dead { node: edge.node, swath, depth: depth + 1, origin });
        }
        // W.7: where a row was reached twice, it may have been on another level.
        let limit = self.settings.dialect.depth_limit.unwrap_or(usize::MAX);
        let is_deep = match self.footprint.is_cyclic {
            true => reached_twice && rows > limit,
            false => reached_twice && self.footprint.longest > limit,
        };
        match is_deep && !is_mutant!(WalkIgnoresLevels) {
            true => Err(Stop::FallsBack),
            false => Ok((met, reached_twice)),
        }
    }

    /// W.7: nothing may be entered at the limit.
    fn check_depth(&self, depth: usize) -> Result<(), Stop> {
        let depth = depth + usize::from(is_mutant!(DepthOffByOne));
        match self.settings.dialect.depth_limit {
            Some(limit) if depth >= limit && !is_mutant!(WalkIgnoresDepth) => Err(Stop::FallsBack),
            Some(_) | None => Ok(()),
        }
    }

    fn count(&mut self, number: usize, rows: usize, at: usize) {
        if rows == 0 {
            return;
        }
        if self.counts.is_empty() {
            self.counts.resize(self.footprint.edges.len(), None);
        }
        match &mut self.counts[number] {
            Some(count) => {
                count.rows += rows;
                count.first = count.first.min(at);
            }
            place @ None => {
                let edge = &self.footprint.edges[number];
                let event = if edge.writes() { Event::Update } else { Event::Delete };
                *place = Some(Count { constraint: edge.constraint, event, rows, first: at });
            }
        }
    }

    fn finish(self) -> Counts {
        let mut counts: Vec<Count> = self.counts.into_iter().flatten().collect();
        counts.sort_unstable_by_key(|count| count.first);
        let by_constraint = counts.iter();
        let by_constraint = by_constraint.map(|count| (count.constraint, count.event, count.rows));
        Counts { direct: self.direct, by_constraint: by_constraint.collect() }
    }

    /// What a constraint that does not cascade does about rows that have died: how many it writes.
    fn settle(
        &mut self,
        edge: &Edge,
        swath: &Swath,
        written: &mut Vec<(TableId, ConstraintId)>,
    ) -> Result<usize, Stop> {
        match edge.action {
            ReferentialAction::Cascade => Ok(0),
            ReferentialAction::Restrict | ReferentialAction::NoAction => {
                // W.3.
                let restricts =
                    edge.action == ReferentialAction::Restrict && self.settings.restricts();
                let even_dead = restricts && edge.is_deleted_from;
                let Edge { table, index, .. } = *edge;
                let finds = match even_dead && !is_mutant!(WalkRestrictsBySet) {
                    true => self.store.is_any_listed(swath, table, index),
                    false => self.store.is_any_referencing(swath, table, index),
                };
                match finds {
                    true if restricts => Err(Stop::Restricts),
                    true => Err(Stop::FallsBack),
                    false => Ok(0),
                }
            }
            ReferentialAction::SetNull if edge.sets_bits => {
                let swept = self.store.null_referencing(swath, edge.table, edge.index);
                self.check_written(edge, swept.met_dead, swept.swath.is_some(), written)?;
                Ok(swept.swath.map_or(0, |swath| swath.rows()))
            }
            ReferentialAction::SetNull | ReferentialAction::SetDefault => {
                let (rows, met_dead) = self.store.referencing_rows(swath, edge.table, edge.index);
                self.check_written(edge, met_dead, !rows.is_empty(), written)?;
                rows.iter().try_for_each(|&row_id| self.write(edge, row_id))?;
                Ok(rows.len())
            }
        }
    }

    /// W.4, and W.6 for NOT NULL.
    fn check_written(
        &self,
        edge: &Edge,
        met_dead: bool,
        writes: bool,
        written: &mut Vec<(TableId, ConstraintId)>,
    ) -> Result<(), Stop> {
        let is_deleted = met_dead && edge.is_deleted_from;
        let is_other = |(table, constraint): &(TableId, ConstraintId)| {
            *table == edge.table && *constraint != edge.constraint
        };
        let is_twice = writes && written.iter().any(is_other);
        if (is_deleted || is_twice) && !is_mutant!(WalkWritesTwice) {
            return Err(Stop::FallsBack);
        }
        let breaks_not_null = edge.action == ReferentialAction::SetNull && edge.is_refused;
        if writes && breaks_not_null && !is_mutant!(WalkBreaksConstraints) {
            return Err(Stop::FallsBack);
        }
        if writes && !written.contains(&(edge.table, edge.constraint)) {
            written.push((edge.table, edge.constraint));
        }
        Ok(())
    }

    /// Writes one row through the one door.
    fn write(&mut self, edge: &Edge, row_id: RowId) -> Result<(), Stop> {
        let entry = self.settings.catalog.by_id(edge.table);
        let Some(old) = self.store.row(edge.table, row_id) else { return Err(Stop::FallsBack) };
        let resolution = Some(crate::catalog::Resolution::Abort);
        let prepared = table::prepare_update(entry, row_id, old, &edge.written, resolution);
        // W.6.
        let Ok(prepared) = prepared else { return Err(Stop::FallsBack) };
        if table::check_row_types(entry, &prepared.values).is_err() {
            return Err(Stop::FallsBack);
        }
        let named: Vec<usize> = edge.written.iter().map(|(position, _)| *position).collect();
        let mut conflicts =
            table::find_conflicts(self.store, entry, &prepared, Some(row_id), Some(&named));
        if conflicts.next().is_some() && !is_mutant!(WalkBreaksConstraints) {
            return Err(Stop::FallsBack);
        }
        drop(conflicts);
        table::update(self.store, entry, row_id, prepared);
        // W.5.
        let Some(row) = self.store.row(edge.table, row_id) else { return Err(Stop::FallsBack) };
        let names = |columns: &[usize]| columns.iter().any(|position| named.contains(position));
        let mut keys = entry.foreign_keys.iter().filter(|key| names(&key.columns));
        let is_left_behind = keys.any(|key| dangles(self.settings, self.store, key, row));
        match is_left_behind && !is_mutant!(WalkWritesGoneKeys) {
            true => Err(Stop::FallsBack),
            false => Ok(()),
        }
    }
}
