//! Runs a bound query: rows, groups, order, and the combination of several.
//!
//! Rows are handed to a closure as they are found, which says whether it wants more. Only what has
//! to be sorted, grouped or combined is kept.

use super::frame::{Frame, Run};
use super::group::run_groups;
use super::join::Loops;
use super::plan::{Part, Plan, ScopePlan, SelectPlan, SortBy, SortKey};
use super::select::{Compound, Nulls};
use crate::error::{QueryError, Result};
use crate::expression::Bound;
use crate::value::{Affinity, Collation, OrderedKey, Value, canonical, compare};
use indexmap::map::Entry;
use indexmap::{IndexMap, IndexSet};
use std::cmp::Ordering;

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
    run_whole(run, plan, parent, &mut |row| {
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

/// Runs a query without its LIMIT.
fn run_whole<'r, 'v>(
    run: &'r Run<'v>,
    plan: &'r Plan,
    parent: Option<&'r Frame<'r, 'v>>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let mut combined = match plan.parts.as_slice() {
        [(_, part)] if plan.order.is_empty() => {
            return run_part(run, part, parent, sink).map(drop);
        }
        parts if plan.order.is_empty() && parts.iter().all(|(with, _)| with.is_union_all()) => {
            for (_, part) in parts {
                if !run_part(run, part, parent, sink)? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        parts => combine(run, plan, parts, parent)?,
    };
    if !plan.order.is_empty() {
        combined.sort_by(|a, b| compare_by(&plan.order, &|at| &a[at], &|at| &b[at]));
    }
    for row in combined {
        if !sink(row)? {
            break;
        }
    }
    Ok(())
}

/// Runs one part; `false` if no more rows are wanted.
fn run_part<'r, 'v>(
    run: &'r Run<'v>,
    part: &'r Part,
    parent: Option<&'r Frame<'r, 'v>>,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    match part {
        Part::Select(select) => run_select(run, select, parent, sink),
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

/// The rows of several parts together. UNION, EXCEPT and INTERSECT sort them.
fn combine<'r, 'v>(
    run: &'r Run<'v>,
    plan: &'r Plan,
    parts: &'r [(Compound, Part)],
    parent: Option<&'r Frame<'r, 'v>>,
) -> Result<Vec<Vec<Value>>> {
    let mut combined: Vec<Vec<Value>> = Vec::new();
    for (position, (compound, part)) in parts.iter().enumerate() {
        let mut rows = Vec::new();
        run_part(run, part, parent, &mut |row| {
            rows.push(row);
            Ok(true)
        })?;
        combined = match compound {
            _ if position == 0 => rows,
            Compound::UnionAll => {
                combined.append(&mut rows);
                combined
            }
            Compound::Union => {
                combined.append(&mut rows);
                sorted(by_key(combined, plan))
            }
            Compound::Except => {
                let mut left = by_key(combined, plan);
                rows.iter().for_each(|row| {
                    left.shift_remove(&key_of(row, &plan.collations));
                });
                sorted(left)
            }
            Compound::Intersect => {
                let mut left = by_key(combined, plan);
                let right = by_key(rows, plan);
                left.retain(|key, _| right.contains_key(key));
                sorted(left)
            }
        };
    }
    Ok(combined)
}

type Keyed = IndexMap<OrderedKey, Vec<Value>>;

/// Of rows that are equal the last one stays; or the first one, where SQLite merges sorted rows.
fn by_key(rows: Vec<Vec<Value>>, plan: &Plan) -> Keyed {
    let mut keyed = Keyed::new();
    for row in rows {
        match keyed.entry(key_of(&row, &plan.collations)) {
            Entry::Occupied(_) if !plan.order.is_empty() => {}
            Entry::Occupied(mut entry) => drop(entry.insert(row)),
            Entry::Vacant(entry) => drop(entry.insert(row)),
        }
    }
    keyed
}

fn sorted(mut rows: Keyed) -> Vec<Vec<Value>> {
    rows.sort_unstable_keys();
    rows.into_values().collect()
}

pub(super) fn key_of(row: &[Value], collations: &[Collation]) -> OrderedKey {
    row.iter().zip(collations).map(|(value, collation)| canonical(value, *collation)).collect()
}

/// Runs one SELECT; `false` if no more rows are wanted.
fn run_select<'r, 'v>(
    run: &'r Run<'v>,
    select: &'r SelectPlan,
    parent: Option<&'r Frame<'r, 'v>>,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let mut seen: IndexSet<OrderedKey> = IndexSet::new();
    let mut is_new = |row: &[Value]| match &select.distinct {
        None => true,
        Some(collations) => seen.insert(key_of(row, collations)),
    };
    if select.order.is_empty() {
        let mut goes_on = true;
        for_each_row(run, select, parent, &mut |frame| {
            let row: Vec<Value> = select.columns.iter().map(|it| it.evaluate(frame)).collect();
            run.check()?;
            if is_new(&row) {
                goes_on = sink(row)?;
            }
            Ok(goes_on)
        })?;
        return Ok(goes_on);
    }
    let mut rows: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    for_each_row(run, select, parent, &mut |frame| {
        let row: Vec<Value> = select.columns.iter().map(|it| it.evaluate(frame)).collect();
        let key = |key: &SortKey| match &key.by {
            SortBy::Column(_) => Value::Null,
            SortBy::Computed(bound) => bound.evaluate(frame),
        };
        let keys = select.order.iter().map(key).collect();
        run.check()?;
        if is_new(&row) {
            rows.push((keys, row));
        }
        Ok(true)
    })?;
    rows.sort_by(|a, b| compare_sorted(&select.order, a, b));
    for (_, row) in rows {
        if !sink(row)? {
            return Ok(false);
        }
    }
    Ok(true)
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

type Sorted = (Vec<Value>, Vec<Value>);

fn compare_sorted(order: &[SortKey], a: &Sorted, b: &Sorted) -> Ordering {
    for (position, key) in order.iter().enumerate() {
        let (a, b) = match &key.by {
            SortBy::Column(column) => (&a.1[*column], &b.1[*column]),
            SortBy::Computed(_) => (&a.0[position], &b.0[position]),
        };
        let ordering = compare_values(key, a, b);
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}

/// Compares combined rows, which are sorted by nothing but their columns.
pub(super) fn compare_by<'a>(
    order: &[SortKey],
    a: &dyn Fn(usize) -> &'a Value,
    b: &dyn Fn(usize) -> &'a Value,
) -> Ordering {
    for key in order {
        if let SortBy::Column(column) = &key.by {
            let ordering = compare_values(key, a(*column), b(*column));
            if ordering.is_ne() {
                return ordering;
            }
        }
    }
    Ordering::Equal
}

fn compare_values(key: &SortKey, a: &Value, b: &Value) -> Ordering {
    if let Some(nulls) = key.nulls
        && a.is_null() != b.is_null()
    {
        let first = if a.is_null() { Ordering::Less } else { Ordering::Greater };
        return if nulls == Nulls::First { first } else { first.reverse() };
    }
    let ordering = compare(a, b, key.collation);
    if key.is_descending { ordering.reverse() } else { ordering }
}

impl Compound {
    fn is_union_all(self) -> bool {
        match self {
            Compound::UnionAll => true,
            Compound::Union | Compound::Except | Compound::Intersect => false,
        }
    }
}
