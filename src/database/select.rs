//! Queries over a database.

use super::Database;
use crate::error::Result;
use crate::query::{Inputs, Query, Select, Selection};
use crate::table::View;
use crate::value::Value;

impl Database {
    /// Everything there is to be read.
    pub fn view(&self) -> View<'_> {
        View::new(&self.schema.catalog, &self.store, self.counters)
    }

    /// Runs a query.
    ///
    /// # Cost
    /// Rows are found by row id, by key, or where a column is equal to something by an index, which
    /// is made if there is none; else by a scan.
    ///
    /// # Errors
    /// [`crate::Error::Name`] for a table that is not there, [`crate::Error::Query`] for a query that
    /// has no meaning.
    pub fn select(&self, select: &Select) -> Result<Selection> {
        self.select_with(select, &[])
    }

    /// Runs a query with values for its parameters; an example is with [`Database::run_with`].
    ///
    /// # Errors
    /// As [`Database::select`].
    pub fn select_with(&self, select: &Select, parameters: &[Value]) -> Result<Selection> {
        let query = self.prepare_select(select)?;
        let columns = query.columns().map(str::to_owned).collect();
        Ok(Selection { columns, rows: self.run_query(&query, parameters)? })
    }

    /// Binds a query, to be run many times. It holds until a table is created, altered or dropped.
    ///
    /// # Errors
    /// As [`Database::select`].
    pub fn prepare_select(&self, select: &Select) -> Result<Query> {
        Query::new(&self.schema.catalog, select)
    }

    /// Runs a query that was bound by [`Database::prepare_select`].
    ///
    /// # Errors
    /// [`crate::Error::Query`] for what can only be found while running.
    pub fn run_query(&self, query: &Query, parameters: &[Value]) -> Result<Vec<Vec<Value>>> {
        query.rows(self.view(), Inputs::of(parameters))
    }
}
