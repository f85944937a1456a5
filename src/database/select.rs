//! Queries over a database.

use super::Database;
use crate::error::Result;
use crate::query::{self, Select, Selection};
use crate::table::View;

impl Database {
    /// Everything there is to be read.
    pub fn view(&self) -> View<'_> {
        View::new(&self.schema.catalog, &self.store)
    }

    /// Runs a query.
    ///
    /// # Errors
    /// [`crate::Error::Name`] for a table or column that is not there, [`crate::Error::Query`] for a
    /// query without meaning.
    pub fn select(&self, select: &Select) -> Result<Selection> {
        query::select(self.view(), select, &|table, selector| self.find(table, selector.clone()))
    }
}
