//! Rows in groups: GROUP BY, HAVING, and aggregates of all rows.
//!
//! Groups come in the order of their keys. Columns outside of any aggregate are those of the group's
//! first row, or of the row that the last min or max has its value from, as in SQLite.

use super::aggregate::Accumulator;
use super::frame::{CurrentRows, Frame, Run, no_rows};
use super::join::Loops;
use super::plan::{GroupPlan, SelectPlan};
use crate::error::Result;
use crate::value::{Key, OrderedKey};
use foldhash::fast::FixedState;
use indexmap::IndexMap;

/// A group as far as its rows are known.
struct Group<'v> {
    /// The row that its bare columns are of.
    rows: CurrentRows<'v>,
    accumulators: Vec<Accumulator>,
}

impl<'v> Group<'v> {
    fn new(plan: &GroupPlan, frame: &Frame<'_, 'v>) -> Self {
        let accumulators = plan.aggregates.iter().map(|_| Accumulator::default()).collect();
        Group { rows: no_rows(frame.rows.borrow().len()), accumulators }
    }

    fn add(&mut self, plan: &GroupPlan, frame: &Frame<'_, 'v>, is_first: bool) {
        let mut decided = None;
        for (aggregate, accumulator) in plan.aggregates.iter().zip(&mut self.accumulators) {
            decided = aggregate.add(accumulator, frame).or(decided);
        }
        if decided.unwrap_or(is_first) {
            let rows = frame.rows.borrow();
            self.rows.iter_mut().zip(&*rows).for_each(|(own, row)| *own = row.clone());
        }
    }
}

pub(super) fn run_groups<'r, 'v>(
    run: &'r Run<'v>,
    select: &'r SelectPlan,
    plan: &'r GroupPlan,
    frame: &Frame<'r, 'v>,
    parent: Option<&'r Frame<'r, 'v>>,
    call: &mut dyn FnMut(&Frame<'r, 'v>) -> Result<bool>,
) -> Result<()> {
    let mut loops = Loops::new(run, select, parent);
    if plan.keys.is_empty() {
        let group = all_in_one(plan, frame, &mut loops)?;
        return finish(group, plan, frame, call).map(drop);
    }
    for group in by_key(plan, frame, &mut loops)? {
        if !finish(group, plan, frame, call)? {
            break;
        }
    }
    Ok(())
}

/// Calls for a group, if it passes; whether more are wanted.
fn finish<'r, 'v>(
    group: Group<'v>,
    plan: &GroupPlan,
    frame: &Frame<'r, 'v>,
    call: &mut dyn FnMut(&Frame<'r, 'v>) -> Result<bool>,
) -> Result<bool> {
    *frame.rows.borrow_mut() = group.rows;
    let values = plan.aggregates.iter().zip(&group.accumulators);
    let values: Key =
        values.map(|(aggregate, accumulator)| aggregate.value(accumulator, frame)).collect();
    *frame.aggregates.borrow_mut() = values;
    let passes = plan.having.as_ref().is_none_or(|having| having.truth(frame) == Some(true));
    frame.run.check()?;
    Ok(!passes || call(frame)?)
}

/// All rows as one group, even if there are none.
fn all_in_one<'r, 'v>(
    plan: &GroupPlan,
    frame: &Frame<'r, 'v>,
    loops: &mut Loops<'r, 'v>,
) -> Result<Group<'v>> {
    let (mut group, mut is_first) = (Group::new(plan, frame), true);
    loops.run(frame, &mut |frame| {
        group.add(plan, frame, is_first);
        is_first = false;
        frame.run.check()?;
        Ok(true)
    })?;
    Ok(group)
}

/// The groups of rows with equal keys, in the order of these.
fn by_key<'r, 'v>(
    plan: &GroupPlan,
    frame: &Frame<'r, 'v>,
    loops: &mut Loops<'r, 'v>,
) -> Result<Vec<Group<'v>>> {
    let mut groups: IndexMap<OrderedKey, Group<'v>, FixedState> = IndexMap::default();
    loops.run(frame, &mut |frame| {
        // Pushed one by one, they are not moved once they are there.
        let mut key = OrderedKey::default();
        for (part, collation) in &plan.keys {
            key.push(part.read(frame).into_canonical(*collation));
        }
        match groups.get_mut(&key) {
            Some(group) => group.add(plan, frame, false),
            None => {
                let mut group = Group::new(plan, frame);
                group.add(plan, frame, true);
                groups.insert(key, group);
            }
        }
        frame.run.check()?;
        Ok(true)
    })?;
    groups.sort_unstable_keys();
    Ok(groups.into_values().collect())
}
