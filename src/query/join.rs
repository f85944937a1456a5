//! Loops over the sources of a SELECT, one within the other, on a stack of its own.
//!
//! Each source has a cursor over the rows that its access finds for the rows of the sources before
//! it. A condition is asked as soon as all that it reads has a row.

use super::frame::{Current, Frame, Run};
use super::plan::{Access, Find, RowsPlan, SelectPlan, SourcePlan};
use super::recursive::Recursion;
use super::run::run_plan;
use crate::error::Result;
use crate::expression::{Bound, ColumnComparison, Rule};
use crate::id::{RowId, TableId};
use crate::table::{RowIter, RowRef};
use crate::value::{Affinity, Collation, Key, OrderedKey, Value, ValueRef, compare_refs};
use foldhash::fast::FixedState;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The loops of one run of a SELECT.
pub(super) struct Loops<'r, 'v> {
    run: &'r Run<'v>,
    select: &'r SelectPlan,
    parent: Option<&'r Frame<'r, 'v>>,
    cursors: Vec<Cursor<'r, 'v>>,
}

/// Where a source stands.
struct Cursor<'r, 'v> {
    rows: Rows<'r, 'v>,
    /// What each test compares with, once it has been asked.
    tested: SmallVec<[OnceCell<Value>; 2]>,
    /// Whether a row went with those before it.
    is_matched: bool,
    /// Of a RIGHT or FULL JOIN, the rows that have gone with some.
    matched: HashSet<i64, FixedState>,
}

/// The rows still to come.
enum Rows<'r, 'v> {
    None,
    Stored(RowIter<'v>),
    Sorted(std::vec::IntoIter<RowRef<'v>>),
    Held(Arc<Vec<Vec<Value>>>, std::ops::Range<usize>),
    Chosen(Arc<Vec<Vec<Value>>>, std::vec::IntoIter<usize>),
    Recursive(Box<Recursion<'r, 'v>>),
}

impl<'v> Cursor<'_, 'v> {
    /// Goes to the next row that passes the tests; whether there is one.
    fn next(
        &mut self,
        at: usize,
        tests: &[ColumnComparison],
        frame: &Frame<'_, 'v>,
    ) -> Result<bool> {
        let tested = &self.tested;
        let passes = |row: &RowRef<'v>| {
            tests.iter().zip(tested).all(|(test, with)| {
                let with = with.get_or_init(|| test.with.evaluate(frame));
                test.is_true(row.get(test.column), with.as_ref())
            })
        };
        let row = match &mut self.rows {
            Rows::None => Current::Null,
            Rows::Stored(rows) if tests.is_empty() => stored(rows.next()),
            Rows::Stored(rows) => stored(rows.find(passes)),
            Rows::Sorted(rows) => stored(rows.find(passes)),
            Rows::Held(rows, range) => held(rows, range.next()),
            Rows::Chosen(rows, chosen) => held(rows, chosen.next()),
            Rows::Recursive(rows) => {
                rows.next()?.map_or(Current::Null, |row| Current::Held(Arc::new(vec![row]), 0))
            }
        };
        let is_found = !matches!(row, Current::Null);
        frame.set(at, row);
        Ok(is_found)
    }
}

fn stored(row: Option<RowRef<'_>>) -> Current<'_> {
    row.map_or(Current::Null, Current::Stored)
}

fn held<'v>(rows: &Arc<Vec<Vec<Value>>>, at: Option<usize>) -> Current<'v> {
    at.map_or(Current::Null, |at| Current::Held(rows.clone(), at))
}

/// Rows of a source by the values of some of their columns.
type MadeIndex = HashMap<OrderedKey, Vec<usize>, FixedState>;

impl<'r, 'v> Loops<'r, 'v> {
    pub(super) fn new(
        run: &'r Run<'v>,
        select: &'r SelectPlan,
        parent: Option<&'r Frame<'r, 'v>>,
    ) -> Self {
        let cursor = |source: &SourcePlan| Cursor {
            rows: Rows::None,
            tested: source.tests.iter().map(|_| OnceCell::new()).collect(),
            is_matched: false,
            matched: HashSet::default(),
        };
        Loops { run, select, parent, cursors: select.sources.iter().map(cursor).collect() }
    }

    /// Calls for each row of all sources together, until the call wants no more.
    pub(super) fn run(
        &mut self,
        frame: &Frame<'r, 'v>,
        call: &mut dyn FnMut(&Frame<'r, 'v>) -> Result<bool>,
    ) -> Result<()> {
        let holds = self.holds(&self.select.conditions, frame)?;
        if !holds {
            return Ok(());
        }
        if self.select.sources.is_empty() {
            return call(frame).map(drop);
        }
        self.open(0, frame)?;
        let mut goes_on = self.descend(0, frame, call)?;
        for at in 0..self.select.sources.len() {
            if goes_on && self.select.sources[at].is_right {
                goes_on = self.descend_unmatched(at, frame, call)?;
            }
        }
        Ok(())
    }

    /// Loops over the rows of a source that have gone with none, with NULLs for those before it.
    fn descend_unmatched(
        &mut self,
        at: usize,
        frame: &Frame<'r, 'v>,
        call: &mut dyn FnMut(&Frame<'r, 'v>) -> Result<bool>,
    ) -> Result<bool> {
        (0..at).for_each(|before| frame.set(before, Current::Null));
        self.cursors[at].rows = self.find(at, &Access::scan(), frame)?;
        // Its own ON is not asked of them.
        while self.cursors[at].next(at, &[], frame)? {
            if self.cursors[at].matched.contains(&frame.identity(at)) {
                continue;
            }
            if !self.holds(&self.select.sources[at].filter, frame)? {
                continue;
            }
            let goes_on = match at + 1 < self.select.sources.len() {
                true => {
                    self.open(at + 1, frame)?;
                    self.descend(at + 1, frame, call)?
                }
                false => call(frame)?,
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Loops over the sources from this one on, which is open, for the rows before it; `false` if no
    /// more rows are wanted.
    fn descend(
        &mut self,
        first: usize,
        frame: &Frame<'r, 'v>,
        call: &mut dyn FnMut(&Frame<'r, 'v>) -> Result<bool>,
    ) -> Result<bool> {
        let last = self.select.sources.len() - 1;
        let mut at = first;
        loop {
            if self.advance(at, frame)? {
                if at == last {
                    if !call(frame)? {
                        return Ok(false);
                    }
                } else {
                    at += 1;
                    self.open(at, frame)?;
                }
            } else if at == first {
                return Ok(true);
            } else {
                at -= 1;
            }
        }
    }

    /// Goes to the next row that goes with those before it, or to the NULLs in its place.
    fn advance(&mut self, at: usize, frame: &Frame<'r, 'v>) -> Result<bool> {
        let select = self.select;
        let source = &select.sources[at];
        while self.cursors[at].next(at, &source.tests, frame)? {
            if self.holds(&source.on, frame)? {
                self.cursors[at].is_matched = true;
                if source.is_right {
                    self.cursors[at].matched.insert(frame.identity(at));
                }
                if self.holds(&source.filter, frame)? {
                    return Ok(true);
                }
            }
        }
        self.run.check()?;
        if source.is_left && !self.cursors[at].is_matched {
            self.cursors[at].is_matched = true;
            return self.holds(&source.filter, frame);
        }
        Ok(false)
    }

    fn holds(&self, conditions: &[Bound], frame: &Frame<'r, 'v>) -> Result<bool> {
        for condition in conditions {
            let truth = condition.truth(frame);
            self.run.check()?;
            if truth != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finds the rows of a source for those of the sources before it.
    fn open(&mut self, at: usize, frame: &Frame<'r, 'v>) -> Result<()> {
        let found = self.find(at, &self.select.sources[at].access, frame)?;
        let cursor = &mut self.cursors[at];
        cursor.rows = found;
        cursor.is_matched = false;
        cursor.tested.iter_mut().for_each(|tested| drop(tested.take()));
        Ok(())
    }

    fn find(&self, at: usize, access: &Access, frame: &Frame<'r, 'v>) -> Result<Rows<'r, 'v>> {
        let found = match &self.select.sources[at].rows {
            RowsPlan::Table(table) => self.find_stored(*table, access, frame),
            RowsPlan::Query { plan, cache, reads } => {
                let (run, parent) = (self.run, self.parent);
                let key = parent.map_or_else(Key::default, |parent| parent.values(reads));
                let held = run.cached(*cache, key.clone(), || {
                    let mut rows = Vec::new();
                    run_plan(run, plan, parent, &mut |mut row| {
                        plan.make_real(&mut row);
                        rows.push(row);
                        Ok(true)
                    })?;
                    Ok(rows)
                })?;
                self.find_held(held, access, frame, key)?
            }
            // The outermost source may be read to its end or not.
            RowsPlan::Recursive { plan, .. } if at == 0 => {
                Rows::Recursive(Box::new(Recursion::new(self.run, plan, self.parent)?))
            }
            RowsPlan::Recursive { plan, cache, reads } => {
                let key = self.parent.map_or_else(Key::default, |parent| parent.values(reads));
                let rows = self.run.cached(*cache, key, || {
                    let mut recursion = Recursion::new(self.run, plan, self.parent)?;
                    let mut rows = Vec::new();
                    while let Some(row) = recursion.next()? {
                        rows.push(row);
                    }
                    Ok(rows)
                })?;
                let count = rows.len();
                Rows::Held(rows, 0..count)
            }
            RowsPlan::Working(cache) => {
                let rows = self.run.cached(*cache, Key::default(), || Ok(Vec::new()))?;
                let count = rows.len();
                Rows::Held(rows, 0..count)
            }
            RowsPlan::Supplied { table, arguments } => {
                let arguments: Vec<Value> =
                    arguments.iter().map(|argument| argument.evaluate(frame)).collect();
                self.run.check()?;
                let rows = Arc::new(table.rows(&self.run.view, &arguments)?);
                let count = rows.len();
                Rows::Held(rows, 0..count)
            }
        };
        self.run.check()?;
        Ok(found)
    }

    fn find_stored(&self, table: TableId, access: &Access, frame: &Frame<'r, 'v>) -> Rows<'r, 'v> {
        let store = self.run.view.store;
        let found = match &access.find {
            Find::RowId(bound) => store.rows_of_id(table, row_id_of(bound.evaluate(frame))),
            Find::All => store.rows(table),
            Find::Index { index, key } => {
                let key = key.iter().map(|(bound, rule)| (bound, *rule));
                let Some(key) = wanted(key, frame) else { return Rows::None };
                store.find(table, *index, &key)
            }
            Find::Made { cache, key } => {
                let made = self.run.cached(*cache, Key::default(), || {
                    let rows: Vec<RowRef<'v>> = store.rows(table).collect();
                    let index = made_index(key, rows.len(), &|row, column| rows[row].value(column));
                    let ids: Vec<RowId> = rows.iter().map(|row| row.row_id()).collect();
                    Ok((ids, index))
                });
                let (Ok(made), Some(wanted)) = (made, wanted_of(key, frame)) else {
                    return Rows::None;
                };
                let (ids, index) = &*made;
                let places = index.get(&wanted).map_or(&[][..], Vec::as_slice);
                let found = places.iter().filter_map(|&place| store.row(table, ids[place]));
                return Rows::Sorted(sorted(found, &access.order));
            }
        };
        match access.order.is_empty() {
            true => Rows::Stored(found),
            false => Rows::Sorted(sorted(found, &access.order)),
        }
    }

    fn find_held(
        &self,
        rows: Arc<Vec<Vec<Value>>>,
        access: &Access,
        frame: &Frame<'r, 'v>,
        made_of: Key,
    ) -> Result<Rows<'r, 'v>> {
        let Find::Made { cache, key } = &access.find else {
            let count = rows.len();
            return Ok(Rows::Held(rows, 0..count));
        };
        let index = self.run.cached(*cache, made_of, || {
            Ok(made_index(key, rows.len(), &|row, column| rows[row][column].clone()))
        })?;
        let Some(wanted) = wanted_of(key, frame) else { return Ok(Rows::None) };
        let chosen = index.get(&wanted).cloned().unwrap_or_default();
        Ok(Rows::Chosen(rows, chosen.into_iter()))
    }
}

/// What an index is asked for; `None` if a part is NULL.
fn wanted<'p>(
    key: impl Iterator<Item = (&'p Bound, Rule)>,
    frame: &Frame<'_, '_>,
) -> Option<OrderedKey> {
    // Pushed one by one, they are not moved once they are there.
    let mut wanted = OrderedKey::default();
    for (bound, rule) in key {
        match rule.representative(bound.evaluate(frame)) {
            Value::Null => return None,
            value => wanted.push(value),
        }
    }
    Some(wanted)
}

/// What a made index is asked for.
fn wanted_of(key: &[(usize, Bound, Rule)], frame: &Frame<'_, '_>) -> Option<OrderedKey> {
    wanted(key.iter().map(|(_, bound, rule)| (bound, *rule)), frame)
}

/// The rows by their values in some columns. Rows with a NULL there are equal to nothing.
fn made_index(
    key: &[(usize, Bound, Rule)],
    count: usize,
    value: &dyn Fn(usize, usize) -> Value,
) -> MadeIndex {
    let mut index = MadeIndex::default();
    for row in 0..count {
        let parts = key.iter().map(|(column, _, rule)| rule.representative(value(row, *column)));
        let parts: OrderedKey = parts.collect();
        if !parts.has_null() {
            index.entry(parts).or_default().push(row);
        }
    }
    index
}

/// Puts rows that come by row id into the order of an index.
fn sorted<'v>(
    rows: impl Iterator<Item = RowRef<'v>>,
    order: &[(usize, Collation, bool)],
) -> std::vec::IntoIter<RowRef<'v>> {
    let Some((&(first, ..), rest)) = order.split_first() else {
        return rows.collect::<Vec<_>>().into_iter();
    };
    let by = |a: ValueRef<'_>, b: ValueRef<'_>, (_, collation, is_descending): (_, _, bool)| {
        let ordering = compare_refs(a, b, collation);
        if is_descending { ordering.reverse() } else { ordering }
    };
    // Nearly always the first column decides.
    let mut keyed: Vec<(ValueRef<'v>, RowRef<'v>)> =
        rows.map(|row| (row.get(first), row)).collect();
    keyed.sort_by(|(a, first), (b, second)| {
        let mut rest =
            rest.iter().map(|&column| by(first.get(column.0), second.get(column.0), column));
        by(*a, *b, order[0]).then_with(|| rest.find(|it| it.is_ne()).unwrap_or(Ordering::Equal))
    });
    keyed.into_iter().map(|(_, row)| row).collect::<Vec<_>>().into_iter()
}

/// The row id that a value is, as an INTEGER column would store it.
pub(super) fn row_id_of(value: Value) -> Option<RowId> {
    Affinity::Integer.apply(value).as_integer().map(RowId)
}
