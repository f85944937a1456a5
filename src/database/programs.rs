//! Programs come and go: what a table runs before or after a row change, and SQL's triggers behind it.

use super::Database;
use crate::error::{Event, NameError, NameKind, Result};
use crate::id::SchemaId;
use crate::referential::{Attached, Programs, Start, Timing};
use std::sync::Arc;

impl Database {
    /// Attaches a program that runs before or after each row change of a table.
    ///
    /// # Errors
    /// [`Error::Name`](crate::Error::Name) if there is no such table or the program's name is taken.
    pub fn attach_program(
        &mut self,
        name: &str,
        table: &str,
        event: Event,
        timing: Timing,
        start: Start,
    ) -> Result<()> {
        let table = self.table(table)?.id;
        if self.has_program_named(name) {
            return Err(NameError::taken(NameKind::Program, name, None));
        }
        let (name, schema, columns) = (name.into(), SchemaId::MAIN, Arc::default());
        let is_guest = false;
        self.attach(Attached { name, schema, is_guest, table, event, timing, columns, start })
    }

    /// Attaches a program to a table or view that is there, under a name that is free in its schema.
    ///
    /// # Errors
    /// [`Error::Transaction`](crate::Error::Transaction) if the transaction is aborted or poisoned.
    pub(crate) fn attach(&mut self, program: Attached) -> Result<()> {
        self.statement(|db| {
            db.programs_mut().push(program);
            Ok(())
        })
    }

    /// Gives a program another way to start, and the columns that it now waits for: it is the same
    /// one, compiled anew.
    #[cfg(feature = "sql")]
    pub(crate) fn restart_program(
        &mut self,
        schema: SchemaId,
        name: &str,
        columns: Arc<[usize]>,
        start: Start,
    ) {
        let programs = &mut Arc::make_mut(&mut self.schema).programs.0;
        if let Some(program) = programs.iter_mut().find(|program| program.is(schema, name)) {
            program.columns = columns;
            program.start = start;
        }
    }

    /// Detaches a program.
    ///
    /// # Errors
    /// [`Error::Name`](crate::Error::Name) if there is none of this name.
    pub fn detach_program(&mut self, name: &str) -> Result<()> {
        if !self.has_program_named(name) {
            let names = self.schema.programs.0.iter().map(|program| &*program.name);
            return Err(NameError::missing(NameKind::Program, name, None, names));
        }
        self.detach_programs(|program| program.is(SchemaId::MAIN, name))
    }

    /// Detaches the programs of which that is said.
    ///
    /// # Errors
    /// [`Error::Transaction`](crate::Error::Transaction) if the transaction is aborted or poisoned.
    pub(crate) fn detach_programs(&mut self, goes: impl Fn(&Attached) -> bool) -> Result<()> {
        self.statement(|db| {
            if db.schema.programs.0.iter().any(&goes) {
                db.programs_mut().0.retain(|program| !goes(program));
            }
            Ok(())
        })
    }

    /// The programs of a table or view: schema and name of each.
    #[cfg(feature = "sql")]
    pub(crate) fn programs_of(&self, table: crate::id::TableId) -> Vec<(SchemaId, Arc<str>)> {
        let programs = self.schema.programs.0.iter().filter(|program| program.table == table);
        programs.map(|program| (program.schema, program.name.clone())).collect()
    }

    fn has_program_named(&self, name: &str) -> bool {
        self.schema.programs.0.iter().any(|program| program.is(SchemaId::MAIN, name))
    }

    /// Whether a program may start itself again, and REPLACE start programs: SQLite's `PRAGMA
    /// recursive_triggers`, off from the start.
    pub fn has_recursive_programs(&self) -> bool {
        self.recursive_programs
    }

    /// Switches that.
    pub fn set_recursive_programs(&mut self, recursive: bool) {
        self.recursive_programs = recursive;
    }

    /// The programs to be changed, logged.
    pub(super) fn programs_mut(&mut self) -> &mut Programs {
        self.log_beside_catalog();
        &mut self.schema_mut().programs
    }
}
