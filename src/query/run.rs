//! Runs a bound query: rows, groups, order, and the combination of several.
//!
//! Rows are handed to a closure as they are found, which says whether it wants more. Only what has
//! to be sorted, grouped or combined is kept.

use super::frame::{Frame, Run};
use super::group::run_groups;
use super::join::Loops;
use super::plan::{Combination, Part, Plan, ScopePlan, SelectPlan, SortBy, SortKey};
use super::select::Compound;
use super::sort::{Sorter, compare_rows};
use crate::error::{QueryError, Result};
use crate::expression::{Bound, Operand};
use crate::value::{Affinity, Collation, Key, OrderedKey, Value, canonical, compare};
use foldhash::fast::FixedState;
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::collections::HashSet;

/// Takes a row, and says whether more are wanted.
pub(super) type Sink<'a> = dyn FnMut(Vec<Value>) -> Result<bool> + 'a;

/// Runs a query in a frame, or by itself.
pub(super) fn run_plan<'r, 'v>(
    run: &'r Run<'v>,
    plan: &'r Plan,
    parent: Option<&'r Frame<'r, 'v>>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let (mut skip, mut take) = window(run, plan, parent)?;
    if take == 0 {
        return Ok(());
    }
    let most = usize::try_from(skip.saturating_add(take)).ok().filter(|_| take < u64::MAX);
    run_whole(run, plan, parent, most, &mut |row| {
        if skip > 0 {
            skip -= 1;
            return Ok(true);
        }
        take -= 1;
        Ok(sink(row)? && take > 0)
    })
}

/// How many rows to skip and to take.
pub(super) fn window<'r, 'v>(
    run: &'r Run<'v>,
    plan: &'r Plan,
    parent: Option<&'r Frame<'r, 'v>>,
) -> Result<(u64, u64)> {
    if plan.limit.is_none() && plan.offset.is_none() {
        return Ok((0, u64::MAX));
    }
    let frame = Frame::new(run, &plan.tail, parent, 0);
    let count = |bound: &Option<Bound>, negative: u64| -> Result<u64> {
        match bound {
            None => Ok(negative),
            Some(bound) => {
                let value = bound.evaluate(&frame);
                run.check()?;
                match Affinity::Integer.apply(value) {
                    Value::Integer(count) => Ok(u64::try_from(count).unwrap_or(negative)),
                    _ => Err(QueryError::Limit.into()),
                }
            }
        }
    };
    let take = count(&plan.limit, u64::MAX)?;
    Ok((count(&plan.offset, 0)?, take))
}

/// Runs a query without its LIMIT, but no more than the first `most` rows will be taken.
fn run_whole<'r, 'v>(
    run: &'r Run<'v>,
    plan: &'r Plan,
    parent: Option<&'r Frame<'r, 'v>>,
    most: Option<usize>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    if !plan.order.is_empty() {
        let mut rows = combine(run, &plan.parts, &plan.collations, parent)?;
        rows.sort_by(|a, b| compare_rows(&plan.order, a, b));
        return hand_over(rows, sink).map(drop);
    }
    // What comes behind all that is merged is handed over as it is found.
    let (merged, rest) = plan.parts.split_at(plan.merged());
    if let Some(last) = merged.last()
        && !hand_over(combine(run, merged, &last.collations, parent)?, sink)?
    {
        return Ok(());
    }
    for combination in rest {
        if !run_part(run, &combination.part, parent, most, sink)? {
            break;
        }
    }
    Ok(())
}

/// Hands rows over; `false` if no more are wanted.
fn hand_over(rows: Vec<Vec<Value>>, sink: &mut Sink<'_>) -> Result<bool> {
    for row in rows {
        if !sink(row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs one part; `false` if no more rows are wanted.
fn run_part<'r, 'v>(
    run: &'r Run<'v>,
    part: &'r Part,
    parent: Option<&'r Frame<'r, 'v>>,
    most: Option<usize>,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    match part {
        Part::Select(select) if select.order.is_empty() => run_unsorted(run, select, parent, sink),
        Part::Select(select) => run_sorted(run, select, parent, most, sink),
        Part::Values(scope, rows) => run_values(run, scope, rows, parent, sink),
    }
}

fn run_values<'r, 'v>(
    run: &'r Run<'v>,
    scope: &'r ScopePlan,
    rows: &[Vec<Bound>],
    parent: Option<&'r Frame<'r, 'v>>,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let frame = Frame::new(run, scope, parent, 0);
    for row in rows {
        let row = row.iter().map(|value| value.evaluate(&frame)).collect();
        run.check()?;
        if !sink(row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows of several parts together. All but UNION ALL merges sorted rows, as SQLite does: of rows
/// that are equal the last part's stays, and of one part's the first.
fn combine<'r, 'v>(
    run: &'r Run<'v>,
    parts: &'r [Combination],
    order: &[Collation],
    parent: Option<&'r Frame<'r, 'v>>,
) -> Result<Vec<Vec<Value>>> {
    let mut combined: Vec<Vec<Value>> = Vec::new();
    for combination in parts {
        let mut rows = Vec::new();
        run_part(run, &combination.part, parent, None, &mut |row| {
            rows.push(row);
            Ok(true)
        })?;
        match combination.with {
            Compound::UnionAll => combined.append(&mut rows),
            with => {
                merge(&mut combined, rows, with, order);
                let are_equal =
                    |a: &[Value], b: &[Value]| compare_all(a, b, &combination.collations).is_eq();
                combined.dedup_by(|later, first| are_equal(later, first));
            }
        }
    }
    Ok(combined)
}

/// Merges rows into others; which are sorted then, and may still be equal to each other.
fn merge(
    combined: &mut Vec<Vec<Value>>,
    mut rows: Vec<Vec<Value>>,
    with: Compound,
    order: &[Collation],
) {
    let sort = |rows: &mut [Vec<Value>]| rows.sort_by(|a, b| compare_all(a, b, order));
    sort(combined);
    sort(&mut rows);
    let mut others = rows.iter().peekable();
    let mut is_among = |row: &[Value]| {
        while others.next_if(|other| compare_all(other, row, order).is_lt()).is_some() {}
        others.peek().is_some_and(|other| compare_all(other, row, order).is_eq())
    };
    combined.retain(|row| is_among(row) == (with == Compound::Intersect));
    if with == Compound::Union {
        combined.append(&mut rows);
        sort(combined);
    }
}

fn compare_all(a: &[Value], b: &[Value], collations: &[Collation]) -> Ordering {
    let pairs = a.iter().zip(b).zip(collations);
    let mut orders = pairs.map(|((a, b), collation)| compare(a, b, *collation));
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

pub(super) fn key_of(row: &[Value], collations: &[Collation]) -> OrderedKey {
    row.iter().zip(collations).map(|(value, collation)| canonical(value, *collation)).collect()
}

/// The rows of a DISTINCT that have been seen.
#[derive(Default)]
struct Seen(HashSet<OrderedKey, FixedState>);

impl Seen {
    /// Whether a row is wanted: the first of those that are equal, or any without DISTINCT.
    fn is_new(&mut self, select: &SelectPlan, row: &[Value]) -> bool {
        select.distinct.as_ref().is_none_or(|collations| self.0.insert(key_of(row, collations)))
    }
}

/// The row of the result for the rows that the sources are at.
fn row_of(select: &SelectPlan, frame: &Frame<'_, '_>) -> Vec<Value> {
    select.columns.iter().map(|column| column.evaluate(frame)).collect()
}

/// Runs one SELECT without ORDER BY; `false` if no more rows are wanted.
fn run_unsorted<'r, 'v>(
    run: &'r Run<'v>,
    select: &'r SelectPlan,
    parent: Option<&'r Frame<'r, 'v>>,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let (mut seen, mut goes_on) = (Seen::default(), true);
    for_each_row(run, select, parent, &mut |frame| {
        let row = row_of(select, frame);
        run.check()?;
        if seen.is_new(select, &row) {
            goes_on = sink(row)?;
        }
        Ok(goes_on)
    })?;
    Ok(goes_on)
}

/// Runs one SELECT with ORDER BY, of which no more than the first `most` rows will be taken.
fn run_sorted<'r, 'v>(
    run: &'r Run<'v>,
    select: &'r SelectPlan,
    parent: Option<&'r Frame<'r, 'v>>,
    most: Option<usize>,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let (mut seen, mut sorter) = (Seen::default(), Sorter::new(&select.order, most));
    // As in SQLite, a row that LIMIT keeps out is not computed; but DISTINCT has to see it.
    let is_late = sorter.is_bounded() && select.distinct.is_none();
    let is_told_early = is_late && select.order.iter().all(|key| key.is_column(select));
    for_each_row(run, select, parent, &mut |frame| {
        if is_told_early && sorter.is_behind(&select.order[0].read(select, None, frame)) {
            return Ok(true);
        }
        let row = (!is_late).then(|| row_of(select, frame));
        let mut keys: SmallVec<[Operand<'_>; 2]> = SmallVec::new();
        select.order.iter().for_each(|key| keys.push(key.read(select, row.as_deref(), frame)));
        run.check()?;
        let is_new = row.as_ref().is_none_or(|row| seen.is_new(select, row));
        if is_new && sorter.wants(&keys) {
            let keys: Key = keys.into_iter().map(Operand::into_owned).collect();
            let row = row.unwrap_or_else(|| row_with_keys(select, &keys, frame));
            run.check()?;
            sorter.add(keys, row);
        }
        Ok(true)
    })?;
    for row in sorter.finish() {
        if !sink(row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same row as [`row_of`], whose sort keys are known. What it is sorted by is not computed twice.
fn row_with_keys(select: &SelectPlan, keys: &[Value], frame: &Frame<'_, '_>) -> Vec<Value> {
    let known = |column: usize| {
        let is_it = |key: &SortKey| matches!(key.by, SortBy::Column(by) if by == column);
        select.order.iter().position(is_it).map(|at| keys[at].clone())
    };
    let columns = select.columns.iter().enumerate();
    columns.map(|(at, column)| known(at).unwrap_or_else(|| column.evaluate(frame))).collect()
}

/// Calls for each row of the sources, or for each group of them.
fn for_each_row<'r, 'v>(
    run: &'r Run<'v>,
    select: &'r SelectPlan,
    parent: Option<&'r Frame<'r, 'v>>,
    call: &mut dyn FnMut(&Frame<'r, 'v>) -> Result<bool>,
) -> Result<()> {
    let frame = Frame::new(run, &select.scope, parent, select.sources.len());
    match &select.group {
        None => Loops::new(run, select, parent).run(&frame, call),
        Some(group) => run_groups(run, select, group, &frame, parent, call),
    }
}
