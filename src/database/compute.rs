//! Predicates and assignments that read more than a row of their table: subqueries, parameters.

use super::Database;
use crate::catalog::TableEntry;
use crate::error::Result;
use crate::expression::Expression;
use crate::id::RowId;
use crate::query::{Inputs, Kept, OutsideRow, Query, Select};
use crate::referential::{Assign, Stop};
use crate::storage::RowRef;
use crate::table::View;
use crate::value::Value;
use parking_lot::Mutex;
use std::sync::Arc;

/// Assignments whose values a query computes.
#[derive(Debug)]
struct Computed {
    columns: Vec<usize>,
    query: Query,
    parameters: Vec<Value>,
    /// What subqueries that depend on no row have found in this statement.
    kept: Mutex<Kept>,
}

impl Assign for Computed {
    fn columns(&self) -> Vec<usize> {
        self.columns.clone()
    }

    fn values(
        &self,
        view: &View<'_>,
        row: RowRef<'_>,
        proposed: Option<&[Value]>,
    ) -> std::result::Result<Option<Vec<(usize, Value)>>, Stop> {
        let rows = [Some(row), proposed.map(|values| RowRef::held(row.row_id(), values))];
        let inputs = Inputs { parameters: &self.parameters, rows: &rows };
        let values = self.query.first_keeping(*view, inputs, &mut self.kept.lock())?;
        Ok(values.map(|values| self.columns.iter().copied().zip(values).collect()))
    }
}

impl Database {
    /// Assignments to columns, over a row of a table and the one that could not be inserted.
    pub(super) fn compute<'e>(
        &self,
        table: &TableEntry,
        columns: Vec<usize>,
        values: impl IntoIterator<Item = &'e Expression>,
        filter: Option<&Expression>,
        parameters: &[Value],
    ) -> Result<Arc<dyn Assign>> {
        let mut select = Select::of(values.into_iter().cloned());
        if let Some(filter) = filter {
            select = select.filter(filter.clone());
        }
        let rows = [
            OutsideRow { name: table.name(), table, is_qualified: false },
            OutsideRow { name: "excluded", table, is_qualified: true },
        ];
        let query = Query::within(self.catalog(), &select, &rows)?;
        let parameters = parameters.to_vec();
        Ok(Arc::new(Computed { columns, query, parameters, kept: Mutex::default() }))
    }

    /// The ids of the rows for which a predicate is true, ascending.
    pub(super) fn find_by_query(
        &self,
        table: &TableEntry,
        predicate: &Expression,
        parameters: &[Value],
    ) -> Result<Vec<RowId>> {
        let query = Query::row_ids(self.catalog(), table, predicate)?;
        let mut ids = Vec::new();
        query.for_each(self.view(), Inputs::of(parameters), &mut |row| {
            ids.extend(row.first().and_then(Value::as_integer).map(RowId));
            Ok(true)
        })?;
        ids.sort_unstable();
        Ok(ids)
    }
}
