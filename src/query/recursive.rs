//! A query of WITH that reads itself.
//!
//! Its first parts fill a queue. Each row that leaves the queue is a row of the result, and stands for
//! the whole table while the recursive parts run, whose rows join the queue: at its end, or where
//! ORDER BY says. Under UNION no row joins that has been in the queue before. Nothing is computed
//! before it is wanted, so that a query which never ends can be read up to a LIMIT.
//!
//! # Standard
//! SQLite, "Recursive Common Table Expressions".

use super::bind::{SelectBinder, With, unique_names};
use super::combine::CombinedOrder;
use super::frame::{Frame, Run};
use super::plan::{Combination, OutColumn, Part, Plan, RowsPlan, ScopePlan, SortKey};
use super::run::{key_of, run_plan, window};
use super::scope::{NamedColumn, Place, ScopeNames, SourceNames};
use super::select::{CommonTable, Compound, Core, Select};
use super::sort::compare_rows;
use super::source::{Rows, Source};
use crate::error::{QueryError, Result};
use crate::value::{Collation, OrderedKey, Value};
use foldhash::fast::FixedState;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// A recursive query, bound.
#[derive(Debug)]
pub(super) struct RecursivePlan {
    initial: Plan,
    /// Run for each row of the result, which is the working row meanwhile.
    recursive: Plan,
    /// Where the working row is kept.
    working: usize,
    /// Whether no row comes twice.
    is_distinct: bool,
    /// Holds order, limit and offset; it has no parts.
    tail: Plan,
}

/// What a name stands for while the recursive parts are bound.
#[derive(Clone, Debug)]
pub(super) struct Working {
    /// Its position among the queries of its WITH.
    pub(super) at: usize,
    working: usize,
    columns: Vec<NamedColumn>,
    /// How often it has been read.
    reads: usize,
}

impl Working {
    /// The working row as a source.
    pub(super) fn read(&mut self, name: &str) -> (RowsPlan, SourceNames) {
        self.reads += 1;
        let (name, columns) = (Some(name.to_owned()), self.columns.clone());
        let names = SourceNames { name, columns, ..SourceNames::default() };
        (RowsPlan::Working(self.working), names)
    }
}

/// How many of the parts come before the first that reads the query itself; `None` if none does.
pub(super) fn initial_parts(table: &CommonTable) -> Option<usize> {
    let reads = |(_, core): &(Compound, Core)| references(core, &table.name) > 0;
    table.query.rest.iter().position(reads)
}

/// How often a part reads a name in its FROM.
fn references(core: &Core, name: &str) -> usize {
    let Core::Select(body) = core else { return 0 };
    let is_it = |source: &Source| match &source.rows {
        Rows::Named(own) => own.eq_ignore_ascii_case(name),
        Rows::Table(..) | Rows::Missing(..) | Rows::Query(..) | Rows::Supplied(..) => false,
    };
    body.from.iter().filter(|join| is_it(&join.source)).count()
}

fn refuse<T>(what: &str, table: &str) -> Result<T> {
    Err(QueryError::Recursion { what: what.to_owned(), table: table.to_owned() }.into())
}

impl SelectBinder<'_> {
    /// Binds the query of WITH at a position, whose parts behind the first few read itself.
    pub(super) fn bind_recursive(
        &self,
        with: &With<'_>,
        at: usize,
        initial: usize,
        source: &Source,
    ) -> Result<(RowsPlan, SourceNames)> {
        let table = &with.tables[at];
        let inner = With::new(&table.query.with, Some(with));
        let (parent, binder) = (self.scope.parent, self.binder);
        let bind = || -> Result<(RecursivePlan, Vec<NamedColumn>)> {
            let query = Select { with: Vec::new(), ..(*table.query).clone() };
            let (first, rest) = query.rest.split_at(initial);
            let first = Select {
                rest: first.to_vec(),
                order: Vec::new(),
                limit: None,
                offset: None,
                ..query.clone()
            };
            let mut order = CombinedOrder::new(&query.order);
            let initial = binder.bind_parts(&first, &mut order, parent, Some(&inner))?;
            let columns = named_columns(table, &initial)?;
            let working = binder.new_cache();
            with.working.borrow_mut().push(Working {
                at,
                working,
                columns: columns.clone(),
                reads: 0,
            });
            let width = columns.len();
            let parts = self.bind_recursive_parts(rest, &mut order, table, with, &inner, width);
            with.working.borrow_mut().pop();
            let tail = self.bind_tail(&query, &order, &columns, &inner)?;
            let is_distinct = rest.iter().any(|(compound, _)| *compound == Compound::Union);
            let recursive = Plan { parts: parts?, ..Plan::empty() };
            Ok((RecursivePlan { initial, recursive, working, is_distinct, tail }, columns))
        };
        let ((plan, columns), reads) = match parent {
            Some(parent) => parent.reads_of(bind)?,
            None => (bind()?, Vec::new()),
        };
        let name = source.name().map(str::to_owned);
        let names = SourceNames { name, columns, ..SourceNames::default() };
        let cache = binder.new_result_cache();
        Ok((RowsPlan::Recursive { plan: Arc::new(plan), cache, reads }, names))
    }

    fn bind_recursive_parts(
        &self,
        parts: &[(Compound, Core)],
        order: &mut CombinedOrder<'_>,
        table: &CommonTable,
        with: &With<'_>,
        inner: &With<'_>,
        width: usize,
    ) -> Result<Vec<Combination>> {
        let mut bound = Vec::with_capacity(parts.len());
        for (compound, core) in parts {
            match (compound, references(core, &table.name)) {
                (Compound::Union | Compound::UnionAll, 1) => {}
                (Compound::Union | Compound::UnionAll, 2..) => {
                    return refuse("multiple references to recursive table", &table.name);
                }
                _ => return refuse("circular reference", &table.name),
            }
            let (part, queries) =
                self.binder.bind_core(core, &[], order, self.scope.parent, Some(inner))?;
            if queries.first().map_or(0, Vec::len) != width {
                return Err(QueryError::CompoundWidth { operator: compound.name() }.into());
            }
            if let Part::Select(select) = &part
                && select.group.is_some()
            {
                return refuse("recursive aggregate queries not supported", "");
            }
            let (with, collations) = (Compound::UnionAll, Vec::new());
            bound.push(Combination { with, part, collations });
        }
        let reads = with.working.borrow().last().map_or(0, |working| working.reads);
        match reads == parts.len() {
            true => Ok(bound),
            false => refuse("recursive reference in a subquery", &table.name),
        }
    }

    fn bind_tail(
        &self,
        query: &Select,
        order: &CombinedOrder<'_>,
        columns: &[NamedColumn],
        with: &With<'_>,
    ) -> Result<Plan> {
        let collations: Vec<Collation> =
            columns.iter().map(|column| column.collation.unwrap_or_default()).collect();
        let order = order.keys(&collations)?;
        let scope = ScopeNames::new(self.binder, self.scope.parent, Some(with));
        let bind = |count| scope.bind(count, Place::Rows);
        let limit = query.limit.as_ref().map(bind).transpose()?;
        let offset = query.offset.as_ref().map(bind).transpose()?;
        let tail: ScopePlan = scope.plan.take();
        Ok(Plan { collations, order, tail, limit, offset, ..Plan::empty() })
    }
}

fn named_columns(table: &CommonTable, plan: &Plan) -> Result<Vec<NamedColumn>> {
    let names = match table.columns.as_slice() {
        [] => plan.columns.iter().map(|column| column.name.clone()).collect(),
        names if names.len() == plan.columns.len() => names.to_vec(),
        names => {
            let (found, expected) = (plan.columns.len(), names.len());
            let table = table.name.clone();
            return Err(QueryError::CommonTableWidth { table, found, expected }.into());
        }
    };
    let named = unique_names(names).into_iter().zip(&plan.columns);
    let column = |(name, column): (String, &OutColumn)| {
        NamedColumn::new(name, column.affinity, column.collation.unwrap_or_default())
    };
    Ok(named.map(column).collect())
}

/// A recursive query that runs.
pub(super) struct Recursion<'r, 'v> {
    run: &'r Run<'v>,
    plan: &'r RecursivePlan,
    parent: Option<&'r Frame<'r, 'v>>,
    queue: VecDeque<Vec<Value>>,
    seen: HashSet<OrderedKey, FixedState>,
    /// The row that was handed over last: its own rows are still to come.
    last: Option<Vec<Value>>,
    skip: u64,
    take: u64,
}

impl<'r, 'v> Recursion<'r, 'v> {
    /// With the rows of its first parts.
    pub(super) fn new(
        run: &'r Run<'v>,
        plan: &'r RecursivePlan,
        parent: Option<&'r Frame<'r, 'v>>,
    ) -> Result<Self> {
        let (skip, take) = window(run, &plan.tail, parent)?;
        let (queue, seen, last) = (VecDeque::new(), HashSet::default(), None);
        let mut this = Recursion { run, plan, parent, queue, seen, last, skip, take };
        this.enqueue(&plan.initial)?;
        Ok(this)
    }

    fn enqueue(&mut self, plan: &'r Plan) -> Result<()> {
        let mut rows = Vec::new();
        run_plan(self.run, plan, self.parent, &mut |row| {
            rows.push(row);
            Ok(true)
        })?;
        let tail = &self.plan.tail;
        for row in rows {
            if self.plan.is_distinct && !self.seen.insert(key_of(&row, &tail.collations)) {
                continue;
            }
            match tail.order.is_empty() {
                true => self.queue.push_back(row),
                false => {
                    let goes_before = |other: &Vec<Value>| is_in_order(&tail.order, other, &row);
                    let at = self.queue.partition_point(goes_before);
                    self.queue.insert(at, row);
                }
            }
        }
        Ok(())
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Value>>> {
        loop {
            if let Some(last) = self.last.take() {
                self.run.keep(self.plan.working, Arc::new(vec![last]));
                self.enqueue(&self.plan.recursive)?;
            }
            if self.take == 0 {
                return Ok(None);
            }
            let Some(row) = self.queue.pop_front() else { return Ok(None) };
            self.last = Some(row.clone());
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.take -= 1;
            if self.take == 0 {
                self.last = None;
            }
            return Ok(Some(row));
        }
    }
}

/// Whether a row comes before another, or would if it had not come first.
fn is_in_order(order: &[SortKey], first: &[Value], second: &[Value]) -> bool {
    compare_rows(order, first, second).is_le()
}
