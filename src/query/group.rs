//! Rows in groups: GROUP BY, HAVING, and aggregates of all rows.
//!
//! Groups come in the order of their keys. Columns outside of any aggregate are those of the group's
//! first row, or of the row that the last min or max has its value from, as in SQLite.

use super::aggregate::Accumulator;
use super::frame::{Current, Frame, Run};
use super::join::Loops;
use super::plan::{GroupPlan, SelectPlan};
use crate::error::Result;
use crate::value::{OrderedKey, Value, canonical};
use indexmap::IndexMap;

/// A group as far as its rows are known.
struct Group<'v> {
    /// The row that its bare columns are of.
    rows: Vec<Current<'v>>,
    accumulators: Vec<Accumulator>,
}

impl<'v> Group<'v> {
    fn new(group: &GroupPlan, sources: usize) -> Self {
        let accumulators = group.aggregates.iter().map(|_| Accumulator::default()).collect();
        Group { rows: vec![Current::Null; sources], accumulators }
    }

    fn add(&mut self, plan: &GroupPlan, frame: &Frame<'_, 'v>, is_first: bool) {
        let mut decided = None;
        for (aggregate, accumulator) in plan.aggregates.iter().zip(&mut self.accumulators) {
            decided = aggregate.add(accumulator, frame).or(decided);
        }
        if decided.unwrap_or(is_first) {
            self.rows.clone_from(&frame.rows.borrow());
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
    let sources = select.sources.len();
    let mut groups: IndexMap<OrderedKey, Group<'v>> = IndexMap::new();
    if plan.keys.is_empty() {
        groups.insert(OrderedKey::default(), Group::new(plan, sources));
    }
    let mut is_empty = true;
    Loops::new(run, select, parent).run(frame, &mut |frame| {
        let key = plan.keys.iter();
        let key = key.map(|(key, collation)| canonical(&key.evaluate(frame), *collation)).collect();
        let count = groups.len();
        let entry = groups.entry(key);
        let is_first = entry.index() == count || (plan.keys.is_empty() && is_empty);
        entry.or_insert_with(|| Group::new(plan, sources)).add(plan, frame, is_first);
        is_empty = false;
        run.check()?;
        Ok(true)
    })?;
    groups.sort_unstable_keys();
    for (_, group) in groups {
        let Group { rows, accumulators } = group;
        *frame.rows.borrow_mut() = rows;
        let values = plan.aggregates.iter().zip(&accumulators);
        let values: Vec<Value> =
            values.map(|(aggregate, accumulator)| aggregate.value(accumulator, frame)).collect();
        *frame.aggregates.borrow_mut() = values;
        let passes = plan.having.as_ref().is_none_or(|having| having.truth(frame) == Some(true));
        run.check()?;
        if passes && !call(frame)? {
            break;
        }
    }
    Ok(())
}
