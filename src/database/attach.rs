//! Schemas come and go: SQL's ATTACH and DETACH.
//!
//! A schema is a name space in the catalogue and nothing more: its rows lie in the one store, so that
//! a transaction covers all schemas. What is attached is no part of a transaction: it stays when one
//! is rolled back, though not the tables that were made in it since.

use super::{Database, Moment};
use crate::error::{Result, TransactionError};
use crate::id::{SchemaId, TableId};

impl Database {
    /// Adds an empty schema, under a name that none has.
    pub(crate) fn attach_schema(&mut self, name: &str) -> SchemaId {
        self.catalog_mut().attach(name)
    }

    /// Removes a schema and all that is in it, for good.
    ///
    /// # Errors
    /// [`crate::Error::Transaction`] inside a transaction that has changed anything: what was in the
    /// schema could not be told any more from what a rollback brings back.
    pub(crate) fn detach_schema(&mut self, schema: SchemaId) -> Result<()> {
        if self.moment() != Moment::START {
            return Err(TransactionError::Open.into());
        }
        self.as_one(|db| {
            db.detach_programs(|program| program.schema == schema)?;
            db.change_objects(|all| all.retain(|object| object.schema != schema))?;
            db.drop_tables_alone(schema)
        })?;
        self.forget_changes();
        self.catalog_mut().detach(schema);
        Ok(())
    }

    /// Drops the tables of a schema without a look at their rows: nothing else references them.
    fn drop_tables_alone(&mut self, schema: SchemaId) -> Result<()> {
        self.statement(|db| {
            let tables: Vec<TableId> = db.catalog().tables_in(schema).map(|it| it.id).collect();
            db.store.log_tables();
            for table in tables {
                db.catalog_mut().drop_table(table);
                db.store.drop_table(table);
            }
            Ok(())
        })
    }
}
