//! Where a running query stands: the scope of its expressions.
//!
//! A [`Run`] is one execution of a whole query; it keeps the results of subqueries, each with the
//! values it was computed from, and is told of faults. A [`Frame`] is one SELECT in it: the row that
//! each source is at, the aggregates of the group, and the frame it stands in.

use super::plan::{Counter, ScopePlan, Slot, SubqueryPlan};
use super::run::run_plan;
use super::set::MemberSet;
use crate::error::{Error, QueryError, Result};
use crate::expression::{Fault, Operand, Rule, Scope, SubqueryUse};
use crate::table::{RowRef, View};
use crate::value::{Key, Value};
use smallvec::SmallVec;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

/// What a query is run with, besides the view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// The values of the parameters, from `?1` on. Those that are missing are NULL.
    pub parameters: &'a [Value],
    /// The rows that the query was bound within, in their order: OLD and NEW.
    pub rows: &'a [Option<RowRef<'a>>],
}

impl<'a> Inputs<'a> {
    /// Parameters, and no rows from outside.
    pub fn of(parameters: &'a [Value]) -> Self {
        Inputs { parameters, rows: &[] }
    }
}

/// One execution of a query.
pub(super) struct Run<'v> {
    pub(super) view: View<'v>,
    pub(super) inputs: Inputs<'v>,
    caches: RefCell<Vec<Option<Cached>>>,
    fault: RefCell<Option<Error>>,
    has_fault: Cell<bool>,
}

/// What is kept while a query runs.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    /// The values that it was made of.
    key: Key,
    value: Arc<dyn Any + Send + Sync>,
}

/// The results of subqueries that read nothing from outside. A statement that runs a query row by row
/// keeps them: SQLite computes them once a statement, whatever the statement changes meanwhile.
#[derive(Debug, Default)]
pub struct Kept(Vec<Option<Cached>>);

impl<'v> Run<'v> {
    pub(super) fn new(view: View<'v>, inputs: Inputs<'v>, caches: usize, kept: Kept) -> Self {
        let Kept(mut kept) = kept;
        kept.resize(caches, None);
        let (caches, fault) = (RefCell::new(kept), RefCell::new(None));
        Run { view, inputs, caches, fault, has_fault: Cell::new(false) }
    }

    /// What the next run may begin with: of the caches under these numbers, all that was made of
    /// nothing.
    pub(super) fn into_kept(self, keeps: &[usize]) -> Kept {
        let mut kept = self.caches.into_inner();
        for (number, cached) in kept.iter_mut().enumerate() {
            let is_made_of_nothing = cached.as_ref().is_some_and(|it| it.key.is_empty());
            if !(is_made_of_nothing && keeps.contains(&number)) {
                *cached = None;
            }
        }
        Kept(kept)
    }

    /// Remembers the first fault, and that there is one.
    pub(super) fn fail(&self, error: Error) {
        if !self.has_fault.replace(true) {
            *self.fault.borrow_mut() = Some(error);
        }
    }

    /// The fault met, if any.
    pub(super) fn check(&self) -> Result<()> {
        match self.has_fault.get() {
            false => Ok(()),
            true => match self.fault.borrow().clone() {
                Some(error) => Err(error),
                None => Ok(()),
            },
        }
    }

    /// Keeps rows under a number, in the place of others.
    pub(super) fn keep(&self, cache: usize, rows: Arc<Vec<Vec<Value>>>) {
        self.caches.borrow_mut()[cache] = Some(Cached { key: Key::default(), value: rows });
    }

    /// What is kept under a number if it was made of these values; else it is made now.
    pub(super) fn cached<T: Any + Send + Sync>(
        &self,
        cache: usize,
        key: Key,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        if let Some(cached) = &self.caches.borrow()[cache]
            && cached.key == key
            && let Ok(kept) = cached.value.clone().downcast::<T>()
        {
            return Ok(kept);
        }
        let made = Arc::new(make()?);
        self.caches.borrow_mut()[cache] = Some(Cached { key, value: made.clone() });
        Ok(made)
    }
}

/// The row that a source is at.
#[derive(Clone, Debug, Default)]
pub(super) enum Current<'v> {
    /// None: every column is NULL.
    #[default]
    Null,
    Stored(RowRef<'v>),
    Held(Arc<Vec<Vec<Value>>>, usize),
}

/// The rows that the sources are at: nearly always of one or two.
pub(super) type CurrentRows<'v> = SmallVec<[Current<'v>; 2]>;

/// None of any source.
pub(super) fn no_rows<'v>(sources: usize) -> CurrentRows<'v> {
    let mut rows = CurrentRows::new();
    rows.resize(sources, Current::Null);
    rows
}

/// One SELECT of a running query.
pub(super) struct Frame<'r, 'v> {
    pub(super) run: &'r Run<'v>,
    pub(super) plan: &'r ScopePlan,
    pub(super) parent: Option<&'r Frame<'r, 'v>>,
    pub(super) rows: RefCell<CurrentRows<'v>>,
    pub(super) aggregates: RefCell<Key>,
    constants: Vec<OnceCell<Value>>,
}

impl<'r, 'v> Frame<'r, 'v> {
    pub(super) fn new(
        run: &'r Run<'v>,
        plan: &'r ScopePlan,
        parent: Option<&'r Frame<'r, 'v>>,
        sources: usize,
    ) -> Self {
        let rows = RefCell::new(no_rows(sources));
        let constants = vec![OnceCell::new(); plan.constants.len()];
        Frame { run, plan, parent, rows, aggregates: RefCell::default(), constants }
    }

    #[inline(always)]
    pub(super) fn set(&self, source: usize, row: Current<'v>) {
        self.rows.borrow_mut()[source] = row;
    }

    /// What tells the row that a source is at from the others of the source.
    pub(super) fn identity(&self, source: usize) -> i64 {
        match &self.rows.borrow()[source] {
            Current::Null => 0,
            Current::Stored(row) => row.row_id().0,
            Current::Held(_, at) => *at as i64,
        }
    }

    /// The values of these slots.
    pub(super) fn values(&self, slots: &[usize]) -> Key {
        slots.iter().map(|&slot| self.column(slot).into_owned()).collect()
    }

    #[inline]
    fn cell(&self, source: usize, column: usize) -> Operand<'_> {
        match &self.rows.borrow()[source] {
            Current::Null => Operand::NULL,
            Current::Stored(row) => Operand::Stored(row.get(column)),
            Current::Held(rows, at) => rows[*at].get(column).cloned().unwrap_or_default().into(),
        }
    }

    fn row_id(&self, source: usize) -> Value {
        match &self.rows.borrow()[source] {
            Current::Null => Value::Null,
            Current::Stored(row) => row.row_id().0.into(),
            // Of what is made up the rows are numbered as they come.
            Current::Held(_, at) => (*at as i64 + 1).into(),
        }
    }

    /// What a slot holds. By itself, so that a column's value is read without any of this.
    #[inline(never)]
    fn read(&self, slot: Slot) -> Operand<'_> {
        match slot {
            Slot::Column { source, column } => self.cell(source, column),
            Slot::Parameter(number) => {
                let parameters = self.run.inputs.parameters;
                parameters.get(number).map_or(Operand::NULL, Operand::Held)
            }
            Slot::RowId { source } => self.row_id(source).into(),
            Slot::Outer(slot) => self.parent.map_or(Operand::NULL, |parent| parent.column(slot)),
            Slot::Constant(constant) => Operand::Held(self.constant(constant)),
            Slot::Aggregate(aggregate) => {
                self.aggregates.borrow().get(aggregate).cloned().unwrap_or_default().into()
            }
            Slot::Either(first, second) => {
                let value = self.column(first);
                if value.is_null() { self.column(second) } else { value }
            }
            Slot::Result(column) => self.plan.results[column].read(self),
            Slot::Value { subquery, column } => {
                let row = self.first_row(&self.plan.subqueries[subquery]);
                let row = row.as_deref().and_then(Option::as_ref);
                row.and_then(|row| row.get(column)).cloned().unwrap_or_default().into()
            }
            Slot::Exists(subquery) => {
                let row = self.first_row(&self.plan.subqueries[subquery]);
                Value::from(row.is_some_and(|row| row.is_some())).into()
            }
            // Asked by `has_member`.
            Slot::Set(_) => Operand::NULL,
            Slot::Counter(counter) => {
                let counters = self.run.view.counters;
                let count = match counter {
                    Counter::Changes => counters.changes as i64,
                    Counter::TotalChanges => counters.total_changes as i64,
                    Counter::LastInsertRowId => counters.last_insert_row_id,
                };
                Value::Integer(count).into()
            }
        }
    }

    /// What reads nothing that changes while the frame is there, computed when it is first read.
    fn constant(&self, constant: usize) -> &Value {
        self.constants[constant].get_or_init(|| self.plan.constants[constant].evaluate(self))
    }

    /// The result of a subquery; `None` after a fault.
    fn result<T: Any + Send + Sync>(
        &self,
        subquery: &SubqueryPlan,
        make: impl FnOnce() -> Result<T>,
    ) -> Option<Arc<T>> {
        match self.run.cached(subquery.cache, self.values(&subquery.reads), make) {
            Ok(result) => Some(result),
            Err(error) => {
                self.run.fail(error);
                None
            }
        }
    }

    /// The first row.
    fn first_row(&self, subquery: &SubqueryPlan) -> Option<Arc<Option<Vec<Value>>>> {
        self.result(subquery, || {
            let mut first = None;
            run_plan(self.run, &subquery.plan, Some(self), &mut |row| {
                first = Some(row);
                Ok(false)
            })?;
            Ok(first)
        })
    }

    fn set_of(&self, subquery: &SubqueryPlan, rules: &[Rule]) -> Option<Arc<MemberSet>> {
        self.result(subquery, || {
            let mut set = MemberSet::default();
            run_plan(self.run, &subquery.plan, Some(self), &mut |row| {
                set.insert(row, rules);
                Ok(true)
            })?;
            Ok(set)
        })
    }
}

impl Scope for Frame<'_, '_> {
    #[inline]
    fn column(&self, position: usize) -> Operand<'_> {
        match self.plan.slots[position] {
            Slot::Column { source, column } => self.cell(source, column),
            slot => self.read(slot),
        }
    }

    fn has_member(
        &self,
        position: usize,
        values: &[Cow<'_, Value>],
        rules: &[Rule],
    ) -> Option<bool> {
        let Slot::Set(subquery) = self.plan.slots[position] else { return None };
        let subquery = &self.plan.subqueries[subquery];
        debug_assert_eq!(subquery.wanted, SubqueryUse::Membership(values.len()));
        self.set_of(subquery, rules)?.find(values, rules)
    }

    fn report(&self, fault: Fault) {
        self.run.fail(match fault {
            Fault::Raised(raise, message) => {
                QueryError::Raised { raise, message: message.to_string() }.into()
            }
            Fault::Escape => QueryError::Escape.into(),
            Fault::Pattern => QueryError::Pattern.into(),
            Fault::IntegerOverflow => QueryError::IntegerOverflow.into(),
        });
    }
}
