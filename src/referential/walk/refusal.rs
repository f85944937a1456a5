//! Which refusal the exact path would have come upon first, told from a walk.
//!
//! Where RESTRICT is the only error that a delete can meet at a row, and no row was reached twice,
//! the rows that died form a tree. The exact path goes through it in a fixed order: constraints in
//! the dialect's order, the rows of each in row id order, every row with all that is below it. So the
//! first refusal is the least *trail*: the way from a root to a row that is restricted, as a list of
//! (constraint, row id), ended by the constraint that restricts.
//!
//! A failed statement still counts what its actions had finished by then. Those are the rows below
//! whatever stands before the trail; walking them again, a part at a time, counts them.

use super::footprint::{Edge, Footprint};
use super::{Dead, Met, Stop, Walker};
use crate::catalog::ReferentialAction;
use crate::error::{
    Error, Event, Hint, Hop, PATH_HOPS_MAX, Path, Reached, Side, Violation, ViolationKind,
};
use crate::id::{RowId, TableId};
use crate::referential::relation::{find_referencing, referenced_key};
use crate::referential::{Settings, name_rows};
use crate::table::{Mark, RowRef, Slot, Store};
use std::cmp::Ordering;

/// So many restricted rows are looked at; where there are more, the exact path soon comes upon one.
const CANDIDATES_MAX: usize = 16;

/// The way from a root to a row that is restricted.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// Number of an edge and the row reached over it; of the root, 0 and itself.
    steps: Vec<(usize, RowId)>,
    /// Number of the edge that restricts.
    last: usize,
}

/// The refusal of a single root by a RESTRICT constraint, if no other error is possible.
pub(super) fn refuse_root(
    settings: &Settings<'_>,
    store: &Store,
    footprint: &Footprint,
    row_id: RowId,
) -> Option<Error> {
    let is_only_error = settings.enforces()
        && settings.restricts()
        && footprint.refuses_root
        && settings.dialect.depth_limit != Some(0);
    if !is_only_error {
        return None;
    }
    let table = footprint.nodes[0].table;
    let slot = store.slot_of(table, row_id)?;
    let restricts = |edge: &&Edge| {
        edge.action == ReferentialAction::Restrict
            && store.is_referenced(slot, edge.table, edge.index)
    };
    let edge = footprint.edges_of(0).iter().find(restricts)?;
    let reached = Reached::Directly(row_id.0);
    restricted(settings, store, edge, table, slot, reached).map(Error::Violation)
}

/// The violation of a row that may not be deleted.
fn restricted(
    settings: &Settings<'_>,
    store: &Store,
    edge: &Edge,
    table: TableId,
    slot: Slot,
    reached: Reached,
) -> Option<Box<Violation>> {
    let catalog = settings.catalog;
    let key = catalog.constraint(edge.constraint);
    let (to, row) = (key.resolved()?, store.row_at(table, slot));
    let (count, first) = store.count_referencing_row(edge.table, edge.index, slot);
    let value = |&position: &usize| row.value(position);
    // Written where it is to be, and not filled in from another one: a violation that is built and
    // then moved takes a refusal a tenth longer.
    let place = Box::new_uninit();
    let violation = Violation {
        kind: ViolationKind::Restrict,
        event: Event::Delete,
        // Nearly every key has one column.
        key: match to.columns.as_slice() {
            [only] => value(only).into(),
            several => several.iter().map(value).collect(),
        },
        still_referenced: true,
        row_count: count,
        names: catalog.foreign_key_names(key),
        side: if table == key.table { Side::Own } else { Side::Referenced },
        rows: name_rows(catalog, store, key.table, first),
        reached,
        hint: Hint::ForeignKey,
    };
    Some(Box::write(place, violation))
}

impl Trail {
    /// Which one the exact path comes to the end of first.
    fn compare(&self, other: &Trail) -> Ordering {
        let steps = |trail: &Trail| {
            let end = (trail.last, RowId(i64::MIN));
            trail.steps.iter().copied().chain([end]).collect::<Vec<_>>()
        };
        steps(self).cmp(&steps(other))
    }
}

impl Walker<'_> {
    /// The first refusal of a walk that a RESTRICT constraint has stopped. The walk is undone then.
    pub(super) fn first_refusal(&mut self, dead: &[Dead], met: &[Met], mark: Mark) -> Stop {
        if !self.footprint.tells_refusals {
            return Stop::FallsBack;
        }
        let mut first: Option<Trail> = None;
        let mut candidates = 0;
        for &Met { dead: at, edge: last, .. } in met {
            let edge = &self.footprint.edges[last];
            if edge.action != ReferentialAction::Restrict {
                continue;
            }
            for slot in self.store.referenced_slots(&dead[at].swath, edge.table, edge.index) {
                candidates += 1;
                let trail = self.trail(dead, at, slot, last);
                if candidates > CANDIDATES_MAX || trail.is_none() {
                    return Stop::FallsBack;
                }
                first = first.into_iter().chain(trail).min_by(Trail::compare);
            }
        }
        self.store.undo_to(mark);
        first.map_or(Stop::FallsBack, Stop::Refused)
    }

    fn trail(&self, dead: &[Dead], mut at: usize, mut slot: Slot, last: usize) -> Option<Trail> {
        let mut steps = Vec::new();
        loop {
            let Dead { node, origin: (above, number), .. } = dead[at];
            let row_id = self.store.row_id_of(self.footprint.nodes[node].table, slot);
            steps.push((number, row_id));
            if at == 0 {
                break;
            }
            let edge = &self.footprint.edges[number];
            slot = self.store.referenced_slot(edge.table, edge.index, slot)?;
            at = above;
        }
        steps.reverse();
        Some(Trail { steps, last })
    }

    /// The refusal at the end of a trail, and how many rows finished actions have changed by then.
    pub(super) fn refuse(&mut self, trail: &Trail, roots: &[RowId]) -> Option<(Error, usize)> {
        let nodes = self.nodes(trail);
        let &(_, row_id) = trail.steps.last()?;
        let table = self.footprint.nodes[*nodes.last()?].table;
        let edge = &self.footprint.edges[trail.last];
        let slot = self.store.slot_of(table, row_id)?;
        let reached = self.reached(trail, &nodes);
        let violation = restricted(self.settings, self.store, edge, table, slot, reached)?;
        let acted = self.count_finished(trail, &nodes, roots)?;
        Some((Error::Violation(violation), acted))
    }

    /// The node of each step.
    fn nodes(&self, trail: &Trail) -> Vec<usize> {
        let steps = trail.steps[1..].iter();
        [0].into_iter().chain(steps.map(|(number, _)| self.footprint.edges[*number].node)).collect()
    }

    fn reached(&self, trail: &Trail, nodes: &[usize]) -> Reached {
        let catalog = self.settings.catalog;
        let length = trail.steps.len();
        let hop = |at: usize| {
            let (number, row_id) = trail.steps[at];
            let entry = catalog.by_id(self.footprint.nodes[nodes[at]].table);
            let row = self.store.row(entry.id, row_id).map(RowRef::to_vec);
            let constraint = (at > 0).then(|| {
                let edge = &self.footprint.edges[number];
                catalog.constraint(edge.constraint).name.to_string()
            });
            let row = entry.row_name(row_id, row.as_deref());
            Hop { constraint, table: entry.name().to_owned(), row }
        };
        if let ([(_, row_id)], true) = (
            trail.steps.as_slice(),
            catalog.by_id(self.footprint.nodes[0].table).is_named_by_row_id(),
        ) {
            return Reached::Directly(row_id.0);
        }
        let half = PATH_HOPS_MAX / 2;
        let hops = match length <= PATH_HOPS_MAX {
            true => (0..length).map(hop).collect(),
            false => (0..half).chain(length - half..length).map(hop).collect(),
        };
        Path { hops, length }.into()
    }

    /// Rows that the exact path's actions have changed before they come to the end of the trail, but
    /// for those of the actions on the trail itself, which are not finished.
    fn count_finished(&mut self, trail: &Trail, nodes: &[usize], roots: &[RowId]) -> Option<usize> {
        // All is looked up before anything of it dies.
        let mut before: Vec<(usize, Vec<RowId>, usize)> = Vec::new();
        for (at, &(number, row_id)) in trail.steps.iter().enumerate() {
            let siblings = match at.checked_sub(1) {
                None if self.footprint.takes_roots_alone => Vec::new(),
                None => roots.iter().copied().take_while(|root| *root != row_id).collect(),
                Some(above) => {
                    self.siblings_before(nodes[above], trail.steps[above].1, number, row_id)?
                }
            };
            before.push((nodes[at], siblings, usize::MAX));
            let next = trail.steps.get(at + 1).map_or(trail.last, |(number, _)| *number);
            before.push((nodes[at], vec![row_id], next));
        }
        self.counts.clear();
        for (node, rows, end) in before {
            if end > self.footprint.nodes[node].edges.start && !rows.is_empty() {
                self.walk_part(node, &rows, end).ok()?;
            }
        }
        Some(self.finished + self.acted())
    }

    /// The rows that the same action reaches from `above` before this one.
    fn siblings_before(
        &self,
        node: usize,
        above: RowId,
        number: usize,
        row_id: RowId,
    ) -> Option<Vec<RowId>> {
        let table = self.footprint.nodes[node].table;
        let edge = &self.footprint.edges[number];
        let key = self.settings.catalog.constraint(edge.constraint);
        let value = referenced_key(key.resolved()?, self.store.row(table, above)?)?;
        let mut rows = find_referencing(self.store, key, &value);
        rows.truncate(rows.iter().position(|row| *row == row_id)?);
        Some(rows)
    }

    /// Walks what is below these rows, from themselves over constraints before this one.
    fn walk_part(&mut self, node: usize, rows: &[RowId], end: usize) -> Result<(), Stop> {
        let table = self.footprint.nodes[node].table;
        let Some(swath) = self.store.sweep_rows(table, rows) else { return Ok(()) };
        let mut dead = vec![Dead { node, swath, depth: 0, origin: (0, 0) }];
        let (mut met, _) = self.cascade(&mut dead, end)?;
        // Nothing is judged before the end of the statement.
        met.retain(|met| self.footprint.edges[met.edge].action != ReferentialAction::NoAction);
        self.settle_all(&dead, &met)
    }
}
