//! A query ready to run.

use super::bind::Binder;
use super::frame::{Current, Frame, Inputs, Kept, Run};
use super::plan::{Combination, Part, Plan, ScopePlan, Slot};
use super::run::run_plan;
use super::scope::{NamedColumn, ScopeNames, SourceNames};
use super::select::Select;
use crate::catalog::{Catalog, TableEntry};
use crate::error::{QueryError, Result};
use crate::expression::{Bound, ColumnInfo, Expression, lit};
use crate::table::View;
use crate::value::{Affinity, Value};
use std::sync::Arc;

/// The rows of a query.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Selection {
    /// The columns' names.
    pub columns: Vec<String>,
    /// One list of values per row, one value per column.
    pub rows: Vec<Vec<Value>>,
}

/// A row that a query is bound within: OLD and NEW, or the row that an UPDATE is at.
#[derive(Clone, Copy, Debug)]
pub struct OutsideRow<'a> {
    /// What the row is called.
    pub name: &'a str,
    /// What it is a row of.
    pub table: &'a TableEntry,
    /// Whether its columns can only be named together with it, and have neither affinity nor
    /// collation: `excluded`.
    pub is_qualified: bool,
}

/// A query that is bound to the tables it names: bound once, run many times, until one of them is
/// altered or dropped.
#[derive(Clone, Debug)]
pub struct Query(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    plan: Plan,
    /// The slots of the rows that it was bound within.
    outside: ScopePlan,
    caches: usize,
    /// Those that a statement keeps.
    keeps: Vec<usize>,
    /// The tables that are read, as they were.
    tables: Vec<Arc<TableEntry>>,
}

impl Prepared {
    /// Looks whether the tables are still as they were.
    fn check(&self, catalog: &Catalog) -> Result<()> {
        let is_same = |table: &&Arc<TableEntry>| {
            catalog.find_by_id(table.id).is_some_and(|now| {
                let ids = |table: &TableEntry| -> Vec<_> {
                    table.indexes.iter().map(|index| index.id).collect()
                };
                Arc::ptr_eq(now, table)
                    || (now.definition == table.definition && ids(now) == ids(table))
            })
        };
        match self.tables.iter().find(|table| !is_same(table)) {
            None => Ok(()),
            Some(table) => Err(QueryError::Stale { table: table.name().to_owned() }.into()),
        }
    }
}

impl Query {
    /// Binds a query.
    ///
    /// # Errors
    /// [`crate::Error::Name`] for a table that is not there, [`crate::Error::Query`] for a query that
    /// has no meaning.
    pub fn new(catalog: &Catalog, select: &Select) -> Result<Self> {
        let binder = Binder::new(catalog);
        let plan = binder.bind_select(select, None, None)?;
        Ok(Query::of(plan, ScopePlan::default(), binder))
    }

    /// Binds a query that may also read the columns of these rows: those of [`Inputs::rows`] when it
    /// runs, in the same order.
    ///
    /// # Errors
    /// As [`Query::new`].
    pub fn within(catalog: &Catalog, select: &Select, rows: &[OutsideRow<'_>]) -> Result<Self> {
        let binder = Binder::new(catalog);
        let scope = ScopeNames::new(&binder, None, None);
        let names = rows.iter().map(|row| {
            let mut names = SourceNames::of_table(row.table, row.name);
            if row.is_qualified {
                names.is_qualified = true;
                names.columns.iter_mut().for_each(NamedColumn::forget_type);
            }
            names
        });
        *scope.sources.borrow_mut() = names.collect();
        let plan = binder.bind_select(select, Some(&scope), None)?;
        let outside = scope.plan.take();
        drop(scope);
        Ok(Query::of(plan, outside, binder))
    }

    /// Binds a query for the ids of the rows of a table for which a predicate is true.
    ///
    /// # Errors
    /// As [`Query::new`].
    pub(crate) fn row_ids(
        catalog: &Catalog,
        table: &TableEntry,
        predicate: &Expression,
    ) -> Result<Self> {
        let select = Select::from(table.name()).column(lit(1)).filter(predicate.clone());
        let binder = Binder::new(catalog);
        let mut plan = binder.bind_select(&select, None, None)?;
        for Combination { part, .. } in &mut plan.parts {
            if let Part::Select(select) = part {
                select.scope.slots.push(Slot::RowId { source: 0 });
                let position = select.scope.slots.len() - 1;
                select.columns = vec![Bound::column(ColumnInfo::computed(position))];
            }
        }
        Ok(Query::of(plan, ScopePlan::default(), binder))
    }

    fn of(plan: Plan, outside: ScopePlan, binder: Binder<'_>) -> Self {
        let (caches, keeps, tables) = binder.finish();
        Query(Arc::new(Prepared { plan, outside, caches, keeps, tables }))
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The names of the result's columns.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.plan.columns.iter().map(|column| column.name.as_str())
    }

    /// The affinity of each, where it has one: that of a column or a CAST.
    pub fn affinities(&self) -> impl ExactSizeIterator<Item = Option<Affinity>> {
        self.0.plan.columns.iter().map(|column| column.affinity)
    }

    /// Runs the query and hands each row over, until the call returns `false`.
    ///
    /// # Errors
    /// [`crate::Error::Query`] for what can only be found while running; what the call fails with.
    pub fn for_each(
        &self,
        view: View<'_>,
        inputs: Inputs<'_>,
        call: &mut dyn FnMut(Vec<Value>) -> Result<bool>,
    ) -> Result<()> {
        let run = Run::new(view, inputs, self.0.caches, Kept::default());
        self.run(&run, call)
    }

    fn run(&self, run: &Run<'_>, call: &mut dyn FnMut(Vec<Value>) -> Result<bool>) -> Result<()> {
        self.0.check(run.view.catalog())?;
        let rows = run.inputs.rows;
        if self.0.outside.slots.is_empty() {
            return run_plan(run, &self.0.plan, None, call);
        }
        let frame = Frame::new(run, &self.0.outside, None, rows.len());
        for (at, row) in rows.iter().enumerate() {
            frame.set(at, row.map_or(Current::Null, Current::Stored));
        }
        run_plan(run, &self.0.plan, Some(&frame), call)
    }

    /// Runs the query and keeps its rows.
    ///
    /// # Errors
    /// As [`Query::for_each`].
    pub fn rows(&self, view: View<'_>, inputs: Inputs<'_>) -> Result<Vec<Vec<Value>>> {
        let mut rows = Vec::new();
        self.for_each(view, inputs, &mut |row| {
            rows.push(row);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Query::for_each`].
    pub fn first(&self, view: View<'_>, inputs: Inputs<'_>) -> Result<Option<Vec<Value>>> {
        self.first_keeping(view, inputs, &mut Kept::default())
    }

    /// The first row of a query that one statement runs several times.
    ///
    /// # Errors
    /// As [`Query::for_each`].
    pub fn first_keeping(
        &self,
        view: View<'_>,
        inputs: Inputs<'_>,
        kept: &mut Kept,
    ) -> Result<Option<Vec<Value>>> {
        let run = Run::new(view, inputs, self.0.caches, std::mem::take(kept));
        let mut first = None;
        self.run(&run, &mut |row| {
            first = Some(row);
            Ok(false)
        })?;
        *kept = run.into_kept(&self.0.keeps);
        Ok(first)
    }
}
