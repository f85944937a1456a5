//! Programs come and go: what a table runs before or after a row change, and SQL's triggers behind it.

use super::Database;
use crate::error::{Event, NameError, NameKind, Result};
use crate::id::TableId;
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
        self.attach_for(name, table, event, timing, Arc::default(), start)
    }

    /// The same of a table or view that is known, under a name that is free: only for updates of these
    /// columns, if there are any.
    ///
    /// # Errors
    /// [`Error::Transaction`](crate::Error::Transaction) if the transaction is aborted or poisoned.
    pub(crate) fn attach_for(
        &mut self,
        name: &str,
        table: TableId,
        event: Event,
        timing: Timing,
        columns: Arc<[usize]>,
        start: Start,
    ) -> Result<()> {
        let program = Attached { name: name.into(), table, event, timing, columns, start };
        self.statement(|db| {
            db.programs_mut().0.push(program);
            Ok(())
        })
    }

    /// Gives a program another way to start, and the columns that it now waits for: it is the same
    /// one, compiled anew.
    #[cfg(feature = "sql")]
    pub(crate) fn restart_program(&mut self, name: &str, columns: Arc<[usize]>, start: Start) {
        let programs = &mut Arc::make_mut(&mut self.schema).programs.0;
        if let Some(program) = programs.iter_mut().find(|program| is_named(program, name)) {
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
        self.statement(|db| {
            db.programs_mut().0.retain(|program| !is_named(program, name));
            Ok(())
        })
    }

    /// Whether there is a program of this name.
    pub(crate) fn has_program_named(&self, name: &str) -> bool {
        self.schema.programs.0.iter().any(|program| is_named(program, name))
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

fn is_named(program: &Attached, name: &str) -> bool {
    program.name.eq_ignore_ascii_case(name)
}
