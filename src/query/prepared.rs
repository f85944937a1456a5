//! A query ready to run.

use super::bind::Binder;
use super::frame::{Current, Frame, Inputs, Run};
use super::plan::{Plan, ScopePlan, Slot};
use super::run::run_plan;
use super::scope::{ScopeNames, SourceNames};
use super::select::Select;
use crate::catalog::{Catalog, TableEntry};
use crate::error::Result;
use crate::table::View;
use crate::value::Value;
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

/// A query that is bound to the tables it names: bound once, run many times. It holds for the
/// catalogue it was bound to, and no other.
#[derive(Clone, Debug)]
pub struct Query {
    plan: Arc<Plan>,
    /// The slots of the rows that it was bound within.
    outside: Arc<ScopePlan>,
    caches: usize,
}

impl Query {
    /// Binds a query.
    ///
    /// # Errors
    /// [`crate::Error::Name`] for a table that is not there, [`crate::Error::Query`] for a query that
    /// has no meaning.
    pub fn new(catalog: &Catalog, select: &Select) -> Result<Self> {
        let binder = Binder::new(catalog);
        let plan = Arc::new(binder.bind_select(select, None, None)?);
        Ok(Query { plan, outside: Arc::default(), caches: binder.caches() })
    }

    /// Binds a query that may also read the columns of these rows, each by a name and of a table:
    /// those of [`Inputs::rows`] when it runs.
    ///
    /// # Errors
    /// As [`Query::new`].
    pub fn within(
        catalog: &Catalog,
        select: &Select,
        rows: &[(&str, &TableEntry)],
    ) -> Result<Self> {
        let binder = Binder::new(catalog);
        let scope = ScopeNames::new(&binder, None, None);
        let names = rows.iter().map(|(name, table)| SourceNames::of_table(table, name));
        *scope.sources.borrow_mut() = names.collect();
        let plan = Arc::new(binder.bind_select(select, Some(&scope), None)?);
        let outside = Arc::new(scope.plan.take());
        Ok(Query { plan, outside, caches: binder.caches() })
    }

    /// The names of the result's columns.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.plan.columns.iter().map(|column| column.name.as_str())
    }

    /// Whether the query reads the rows that it was bound within.
    pub fn reads_rows(&self) -> bool {
        self.outside
            .slots
            .iter()
            .any(|slot| matches!(slot, Slot::Column { .. } | Slot::RowId { .. }))
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
        let run = Run::new(view, inputs, self.caches);
        if self.outside.slots.is_empty() {
            return run_plan(&run, &self.plan, None, call);
        }
        let frame = Frame::new(&run, &self.outside, None, inputs.rows.len());
        for (at, row) in inputs.rows.iter().enumerate() {
            frame.set(at, row.map_or(Current::Null, Current::Stored));
        }
        run_plan(&run, &self.plan, Some(&frame), call)
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
        let mut first = None;
        self.for_each(view, inputs, &mut |row| {
            first = Some(row);
            Ok(false)
        })?;
        Ok(first)
    }
}
