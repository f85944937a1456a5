//! Statements that somebody else has prepared: SQL's, at the top or inside of a trigger.
//!
//! Whoever prepares one finds rows and values by queries of its own, over a `View`, and hands over
//! what is left: which rows of which table become what. The foreign keys are asked when the
//! statement is prepared, as they are for the typed statements.

use super::run::conflict_target;
use super::{Database, Enforcement};
use crate::catalog::{IndexColumn, IndexEntry, IndexKind, TableEntry};
use crate::error::{Event, NameError, NameKind, Result};
use crate::expression::Expression;
use crate::id::{RowId, TableId};
use crate::referential::{
    Activation, Assign, Assignment, Computed, ConflictClause, ConflictTarget, Detail, Done, NewRow,
    Plan, ProgramWork, Timing, Work,
};
use crate::storage::Row;
use crate::value::{Collation, Value};
use std::sync::Arc;

/// The rows that a statement itself has changed, and what it came to.
type Changed = (Done, Vec<(RowId, Row)>);

impl ProgramWork {
    /// INSERT these rows; `looks_first` as [`Database::looks_first`] says.
    pub(crate) fn insert(
        table: &TableEntry,
        rows: Vec<NewRow>,
        conflict: ConflictClause,
        looks_first: bool,
    ) -> Self {
        ProgramWork { table: table.id, work: Work::Insert { rows, conflict, looks_first } }
    }

    /// UPDATE these rows.
    pub(crate) fn update(
        table: &TableEntry,
        rows: Vec<RowId>,
        assign: Arc<dyn Assign>,
        conflict: ConflictClause,
    ) -> Self {
        let assignment = Arc::new(Assignment::Computed(Computed(assign)));
        let rows = rows.into();
        ProgramWork { table: table.id, work: Work::Update { rows, assignment, conflict } }
    }

    /// Run the programs that stand for these changes of a view's rows; `named` are the columns of an
    /// update.
    pub(crate) fn instead(view: TableId, changes: Vec<Activation>, named: Vec<usize>) -> Self {
        ProgramWork { table: view, work: Work::Instead { changes, named } }
    }

    /// DELETE these rows.
    pub(crate) fn delete(table: &TableEntry, rows: Vec<RowId>) -> Self {
        let rows = rows.into();
        ProgramWork { table: table.id, work: Work::Delete { rows, runs_programs: true } }
    }
}

impl Database {
    /// Whether a program waits for such a change.
    pub(crate) fn has_program(&self, table: TableId, event: Event, timing: Timing) -> bool {
        self.schema.programs.any(table, event, timing)
    }

    /// The key that an upsert is about, by its columns and, of a partial index, by its predicate.
    ///
    /// # Errors
    /// [`crate::Error::Name`] if there is none on exactly these.
    pub(crate) fn upsert_target(
        table: &TableEntry,
        columns: &[IndexColumn],
        filter: &Option<Expression>,
    ) -> Result<ConflictTarget> {
        if columns.iter().any(|column| column.expression().is_some()) {
            return computed_target(table, columns, filter);
        }
        let names: Vec<String> = columns.iter().map(|column| column.name().to_owned()).collect();
        let is_meant = |index: &IndexEntry| {
            let is_same = |&(position, collation): &(usize, Collation)| {
                let name = table.column_name(position);
                let mut named = columns.iter();
                let column = named.find(|column| column.name().eq_ignore_ascii_case(name));
                let given = column.and_then(IndexColumn::collation);
                given.is_none_or(|given| given == collation)
            };
            let is_partial = match &index.kind {
                IndexKind::Created(created) => created.predicate(),
                IndexKind::PrimaryKey | IndexKind::Unique => None,
            };
            index.columns.iter().all(is_same)
                && is_partial.is_none_or(|predicate| Some(predicate) == filter.as_ref())
        };
        conflict_target(table, &names, &is_meant)
    }

    /// What it would do; nothing is left of it.
    ///
    /// # Errors
    /// [`crate::Error::Transaction`] if the transaction is aborted or poisoned.
    pub(crate) fn plan_work(&mut self, work: ProgramWork) -> Result<Plan> {
        self.check_usable()?;
        Ok(self.plan_ready(work.table, work.work))
    }

    /// Carries out what was prepared, as a statement; `returns` if the changed rows are wanted.
    ///
    /// # Errors
    /// As the typed statements.
    pub(crate) fn carry(&mut self, work: ProgramWork, returns: bool) -> Result<Changed> {
        self.check_usable()?;
        let detail = if returns { Detail::Returning } else { Detail::Counts };
        self.run_ready(work.table, work.work, detail)
    }

    /// Puts the rows of its query into a new table; none of the counters counts them, and no foreign key
    /// that waits for such a table is asked.
    ///
    /// # Errors
    /// As [`Database::insert_many`].
    pub(crate) fn fill_table(&mut self, table: TableId, rows: Vec<Vec<Value>>) -> Result<()> {
        let (counters, enforcement) = (self.counters, self.enforcement);
        let let_pass = self.let_pass.take();
        self.enforcement = Enforcement::Off;
        let result = self.insert_many(table, rows);
        (self.counters, self.enforcement, self.let_pass) = (counters, enforcement, let_pass);
        result.map(|_| ())
    }
}

/// The key over an index on expressions that an upsert is about.
fn computed_target(
    table: &TableEntry,
    columns: &[IndexColumn],
    filter: &Option<Expression>,
) -> Result<ConflictTarget> {
    let is_same = |own: &IndexColumn, given: &IndexColumn| {
        own.name().eq_ignore_ascii_case(given.name())
            && (given.collation().is_none() || own.collation() == given.collation())
    };
    let is_meant = |index: &IndexEntry| match &index.kind {
        IndexKind::Created(created) => {
            let has = |own: &IndexColumn| columns.iter().any(|given| is_same(own, given));
            let is_partial = created.predicate();
            created.is_unique()
                && created.columns().len() == columns.len()
                && created.columns().iter().all(has)
                && is_partial.is_none_or(|predicate| Some(predicate) == filter.as_ref())
        }
        IndexKind::PrimaryKey | IndexKind::Unique => false,
    };
    match table.indexes.iter().rposition(is_meant) {
        Some(position) => Ok(ConflictTarget::Key(Some(position))),
        None => {
            let names: Vec<_> = columns.iter().map(IndexColumn::name).collect();
            let name = format!("({})", names.join(", "));
            let known = table.indexes.iter().map(|index| &*index.name);
            Err(NameError::missing(NameKind::Key, &name, Some(table.name()), known))
        }
    }
}
