//! Statements carried out: names resolved, rows matched, work handed to `referential`.

use super::find::{bind, expression_error};
use super::statement::{Delete, Insert, OnConflict, RowValues, Statement, Update, Upsert};
use super::{Database, Done, LetPass, Plan, Selector, Walks, without_transaction};
use crate::catalog::{IndexEntry, Resolution, TableEntry};
use crate::error::{Error, InputError, NameError, NameKind, Result};
use crate::expression::{BindError, Bound, ColumnInfo, ColumnName, Columns, Expression, col};
use crate::id::{RowId, TableId, TableRef};
use crate::query::{Inputs, OutsideRow, Query, ResultColumn, Select, Selection};
use crate::referential::{
    self, Assign, Assignment, Computed, ConflictClause, ConflictTarget, Depth, Detail, NewRow,
    Outcome, Settings, Stop, UpsertClause, View, Work,
};
use crate::storage::{Row, RowRef, Store};
use crate::table::sequence;
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::sync::Arc;

/// A statement ready to run: its table and work, and what its foreign keys were checked for.
struct Prepared {
    table: TableId,
    work: Work,
}

/// A statement that stands, wholly or as far as it came.
pub(super) struct Carried {
    pub(super) done: Done,
    let_pass: Vec<LetPass>,
    returned: Vec<(RowId, Row)>,
    /// Why it did not come further, under FAIL.
    failure: Option<Error>,
}

impl Database {
    /// Inserts one row.
    ///
    /// # Cost
    /// **O(i log n)** for i indexes, foreign keys included, of n rows.
    ///
    /// # Errors
    /// [`Error::Violation`] of any constraint; [`Error::Schema`] for a foreign key that cannot be
    /// resolved; [`Error::Name`] and [`Error::Input`] for a row that does not fit. Nothing changed.
    pub fn insert<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        row: impl Into<RowValues>,
    ) -> Result<Done> {
        let (table, row) = (table.into(), row.into());
        if let RowValues::Positional(values) = &row {
            // Pushed one by one, they are not moved once they are there.
            let mut borrowed: SmallVec<[ValueRef<'_>; 12]> = SmallVec::new();
            values.iter().for_each(|value| borrowed.push(value.as_ref()));
            if let Some(row_id) = self.append_as_it_is(table, &borrowed)? {
                return Ok(Done::inserted(row_id));
            }
        }
        self.run_insert(table, [row], &OnConflict::Abort)
    }

    /// Inserts rows, all or none. Keys are judged when the last one is in.
    ///
    /// # Errors
    /// As [`Database::insert`].
    pub fn insert_many<'t, R: Into<RowValues>>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Done> {
        self.run_insert(table.into(), rows.into_iter().map(Into::into), &OnConflict::Abort)
    }

    /// Inserts one row; rows that hold one of its keys are deleted first, with their ON DELETE
    /// actions.
    ///
    /// # Errors
    /// As [`Database::insert`].
    pub fn replace<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        row: impl Into<RowValues>,
    ) -> Result<Done> {
        self.run_insert(table.into(), [row.into()], &OnConflict::Replace)
    }

    /// Inserts one row, or updates the one that holds its key.
    ///
    /// # Errors
    /// As [`Database::insert`]; a conflict over a key that the upsert does not name is a violation.
    pub fn upsert<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        row: impl Into<RowValues>,
        upsert: Upsert,
    ) -> Result<Done> {
        self.run_insert(table.into(), [row.into()], &OnConflict::Upsert(upsert))
    }

    /// Assigns values, by column name, to the rows selected. For expressions, see [`Update`].
    ///
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, Table, key, row};
    /// # let mut db = Database::new(Enforcement::On);
    /// # db.create_table(Table::new("hero").column(Column::integer("id").primary_key())
    /// #     .column(Column::text("name")).column(Column::integer("age")))?;
    /// # db.insert("hero", row![2, "Rusty-Man", 47])?;
    /// db.update("hero", key![2], row! { "name": "Rusty-Man", "age": 48 })?;
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::insert`].
    pub fn update(
        &mut self,
        table: &str,
        selector: impl Into<Selector>,
        values: impl Into<RowValues>,
    ) -> Result<Done> {
        let named = match values.into() {
            RowValues::Named(named) => named,
            RowValues::Positional(values) => {
                let columns = self.table(table)?.definition.columns();
                if columns.len() != values.len() {
                    let (expected, found) = (columns.len(), values.len());
                    let table = table.to_owned();
                    return Err(InputError::ValueCount { table, expected, found }.into());
                }
                columns.iter().map(|column| column.name().to_owned()).zip(values).collect()
            }
        };
        let set =
            |update: Update, (column, value)| update.set(column, crate::expression::lit(value));
        self.run(named.into_iter().fold(Update::of(table).filter(selector), set))
    }

    /// Deletes the rows selected.
    ///
    /// # Cost
    /// For d rows deleted and a rows changed by actions, **O((d + a) · k log n)** with k keys and
    /// foreign keys on each; plus finding the rows.
    ///
    /// # Errors
    /// [`Error::Violation`] where RESTRICT or NO ACTION refuses or an action breaks a constraint,
    /// [`Error::Depth`], [`Error::Schema`], [`Error::Name`], [`Error::Input`]. Nothing changed.
    pub fn delete<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        selector: impl Into<Selector>,
    ) -> Result<Done> {
        self.check_usable()?;
        let (table, selector) = (table.into(), selector.into());
        if let Some(result) = self.delete_at_once(table, &selector) {
            return result;
        }
        let prepared = self.prepare_delete(table, &selector, &[])?;
        self.run_prepared(prepared, Detail::Counts)
    }

    /// Carries out any statement.
    ///
    /// # Errors
    /// As [`Database::insert`] and [`Database::delete`].
    pub fn run(&mut self, statement: impl Into<Statement>) -> Result<Done> {
        match statement.into() {
            Statement::Insert(mut insert)
                if insert.rows.len() == 1 && insert.on_conflict == OnConflict::Abort =>
            {
                self.insert(&insert.table, insert.rows.remove(0))
            }
            Statement::Update(update) => match self.update_at_once(&update)? {
                true => Ok(Done { direct: 1, ..Done::default() }),
                false => self.run_statement(update.into(), Detail::Counts),
            },
            statement @ (Statement::Insert(_) | Statement::Delete(_)) => {
                self.run_statement(statement, Detail::Counts)
            }
        }
    }

    /// Carries out any statement and tells every row change, in order: [`Done::rows`] is there.
    ///
    /// # Cost
    /// That of [`Database::run`], and a copy of every row before and after.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub fn run_with_rows(&mut self, statement: impl Into<Statement>) -> Result<Done> {
        self.run_statement(statement.into(), Detail::Rows)
    }

    /// What deleting the rows selected would do. Nothing is left of it.
    ///
    /// # Cost
    /// That of the delete, and of undoing it.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::Input`] if it cannot be asked. A refusal is no error here but
    /// part of the plan.
    pub fn plan_delete(&mut self, table: &str, selector: impl Into<Selector>) -> Result<Plan> {
        self.plan(Delete::from(table).filter(selector))
    }

    /// What any statement would do: the same run, between a mark and its undo.
    ///
    /// # Errors
    /// As [`Database::plan_delete`].
    pub fn plan(&mut self, statement: impl Into<Statement>) -> Result<Plan> {
        self.check_usable()?;
        let Prepared { table, work } = self.prepare(statement.into(), &[])?;
        Ok(self.plan_ready(table, work))
    }

    /// Runs a statement's work, tells of it, and undoes it.
    pub(super) fn plan_ready(&mut self, table: TableId, work: Work) -> Plan {
        let moment = self.moment();
        self.in_flight = true;
        let mut outcome = self.run_work(table, work, Detail::Rows);
        let settings = self.settings();
        let outstanding =
            referential::judge_outstanding(&settings, &self.store, &outcome.outstanding);
        if self.open.is_none() && outcome.refusal.is_none() {
            let first = outstanding.first().cloned();
            let refused = |violation| without_transaction(Error::Violation(Box::new(violation)));
            outcome.refusal = first.map(refused);
        }
        let plan = referential::plan(&self.schema.catalog, &self.store, outcome, outstanding);
        self.in_flight = false;
        self.undo_to(moment);
        plan
    }

    /// Carries out a statement with values for its parameters.
    ///
    /// # Errors
    /// As [`Database::run`].
    ///
    /// # Examples
    /// ```
    /// # use ondelete::expression::parameter;
    /// # use ondelete::{Column, Database, Enforcement, Select, Table, Update, col, row};
    /// let mut db = Database::new(Enforcement::On);
    /// db.create_table(Table::new("hero")
    ///     .column(Column::integer("id").primary_key())
    ///     .column(Column::integer("age")))?;
    /// db.insert_many("hero", [row![1, 48], row![2, 16]])?;
    ///
    /// let ages = Update::of("hero").set("age", parameter(2)).filter(col("id").eq(parameter(1)));
    /// assert_eq!(db.run_with(ages, &[2.into(), 17.into()])?.direct, 1);
    ///
    /// let older = Select::from("hero").filter(col("age").gt(parameter(1)));
    /// assert_eq!(db.select_with(&older, &[16.into()])?.rows.len(), 2);
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    pub fn run_with(
        &mut self,
        statement: impl Into<Statement>,
        parameters: &[Value],
    ) -> Result<Done> {
        self.check_usable()?;
        let prepared = self.prepare(statement.into(), parameters)?;
        self.run_prepared(prepared, Detail::Counts)
    }

    /// Carries out a statement and returns columns of the rows that it changed itself: RETURNING.
    ///
    /// # Cost
    /// That of [`Database::run`], and a copy of the rows.
    ///
    /// # Errors
    /// As [`Database::run`]; [`Error::Query`] for columns that have no meaning.
    pub fn run_returning(
        &mut self,
        statement: impl Into<Statement>,
        columns: &[ResultColumn],
        parameters: &[Value],
    ) -> Result<(Done, Selection)> {
        self.check_usable()?;
        let statement = statement.into();
        let query = self.returning(statement.table(), columns)?;
        let Prepared { table, work } = self.prepare(statement, parameters)?;
        let (done, changed) = self.run_ready(table, work, Detail::Returning)?;
        let names = query.columns().map(str::to_owned).collect();
        let mut selection = Selection { columns: names, rows: Vec::with_capacity(changed.len()) };
        for (row_id, row) in &changed {
            let rows = [Some(RowRef::held(*row_id, row))];
            let inputs = Inputs { parameters, rows: &rows };
            selection.rows.extend(query.first(self.view(), inputs)?);
        }
        Ok((done, selection))
    }

    /// RETURNING as a query over a row of the table.
    fn returning(&self, table: &str, columns: &[ResultColumn]) -> Result<Query> {
        let table = self.table(table)?;
        let mut select = Select::default();
        for column in columns {
            match column {
                ResultColumn::All => {
                    for column in table.definition.columns() {
                        select = select.column(col((table.name(), column.name())));
                    }
                }
                column => select = select.column(column.clone()),
            }
        }
        let row = OutsideRow { name: table.name(), table, is_qualified: false };
        Query::within(self.catalog(), &select, &[row])
    }

    pub(super) fn run_statement(&mut self, statement: Statement, detail: Detail) -> Result<Done> {
        self.check_usable()?;
        let prepared = self.prepare(statement, &[])?;
        self.run_prepared(prepared, detail)
    }

    fn run_insert(
        &mut self,
        table: TableRef<'_>,
        rows: impl IntoIterator<Item = RowValues>,
        on_conflict: &OnConflict,
    ) -> Result<Done> {
        self.check_usable()?;
        let prepared = self.prepare_insert(table, rows, on_conflict, &[])?;
        self.run_prepared(prepared, Detail::Counts)
    }

    fn run_prepared(&mut self, prepared: Prepared, detail: Detail) -> Result<Done> {
        let Prepared { table, work } = prepared;
        self.run_ready(table, work, detail).map(|(done, _)| done)
    }

    /// Runs a statement's work as a statement; what it did, and the rows it returns.
    ///
    /// # Errors
    /// Its refusal. Under FAIL what it did before stays, under ROLLBACK the transaction is gone.
    pub(super) fn run_ready(
        &mut self,
        table: TableId,
        work: Work,
        detail: Detail,
    ) -> Result<(Done, Vec<(RowId, Row)>)> {
        let mut resolution = Resolution::Abort;
        let result = self.statement(|db| db.carry_out(table, work, detail, &mut resolution));
        let Ok(carried) = result else {
            self.counters.changes = 0;
            if resolution == Resolution::Rollback && self.is_in_transaction() {
                self.rollback()?;
            }
            return result.map(|carried| (carried.done, carried.returned));
        };
        let Carried { done, mut let_pass, returned, failure } = carried;
        if let Some(record) = &mut self.let_pass {
            record.append(&mut let_pass);
        }
        self.count(&done);
        failure.map_or(Ok((done, returned)), Err)
    }

    /// Runs a statement's work and keeps what it has to remember.
    pub(super) fn carry_out(
        &mut self,
        table: TableId,
        work: Work,
        detail: Detail,
        resolution: &mut Resolution,
    ) -> Result<Carried> {
        let mut outcome = self.run_work(table, work, detail);
        // What actions have done counts even where the statement fails, and so does the last row.
        self.counters.total_changes += outcome.acted;
        if let Some(row_id) = outcome.inserted.last() {
            self.counters.last_insert_row_id = row_id.0;
        }
        *resolution = outcome.resolution;
        let failure = match outcome.refusal.take() {
            Some(refusal) if outcome.resolution != Resolution::Fail => return Err(refusal),
            failure => failure,
        };
        let done = referential::summarize(&self.schema.catalog, &self.store, &outcome, detail);
        self.note_outstanding(std::mem::take(&mut outcome.outstanding));
        // A statement that stops in its midst does not come to remember them.
        if failure.is_none() {
            self.remember_sequences(&outcome.sequences);
        }
        let Outcome { let_pass, returned, .. } = outcome;
        Ok(Carried { done, let_pass, returned, failure })
    }

    /// Remembers tables with AUTOINCREMENT, even if they have not been given any row id.
    ///
    /// # Errors
    /// [`crate::Error::Transaction`] if the transaction is aborted or poisoned.
    #[cfg(feature = "sql")]
    pub(crate) fn note_numbered(&mut self, tables: &[TableId]) -> Result<()> {
        let sequences: Vec<_> = tables.iter().map(|table| (*table, RowId(0))).collect();
        self.statement(|db| {
            db.remember_sequences(&sequences);
            Ok(())
        })
    }

    /// Remembers the greatest row ids that tables with AUTOINCREMENT have been given.
    fn remember_sequences(&mut self, sequences: &[(TableId, RowId)]) {
        let catalog = &self.schema.catalog;
        for (table, greatest) in sequences {
            let table = catalog.by_id(*table);
            if let Some(sequence) = table.sequence {
                sequence::remember(&mut self.store, catalog.by_id(sequence), table, greatest.0);
            }
        }
    }

    /// Counts the rows of a statement that went through; those of its actions count already.
    pub(super) fn count(&mut self, done: &Done) {
        self.counters.changes = done.direct;
        self.counters.total_changes += done.direct;
    }

    pub(super) fn run_work(&mut self, table: TableId, work: Work, detail: Detail) -> Outcome {
        let (settings, store, walks) = self.parts();
        referential::run(&settings, store, table, work, detail, walks)
    }

    /// What `referential` works with.
    fn parts(&mut self) -> (Settings<'_>, &mut Store, &mut Walks) {
        let remembers = !self.outstanding.is_empty();
        let Database { schema, store, dialect, enforcement, defers_all, let_pass, .. } = self;
        let settings = Settings {
            catalog: &schema.catalog,
            programs: &schema.programs,
            dialect,
            enforcement: *enforcement,
            defers_all: *defers_all,
            observes: let_pass.is_some(),
            walk: self.walk,
            recursive_programs: self.recursive_programs,
            remembers,
            counters: self.counters,
            footprints: &schema.footprints,
        };
        (settings, store, &mut self.walks)
    }

    /// Deletes one row of a table where that sets nothing else in motion, or is refused at once;
    /// `None` if it goes the long way.
    fn delete_at_once(&mut self, table: TableRef<'_>, selector: &Selector) -> Option<Result<Done>> {
        let entry = self.schema.catalog.find_table(table)?;
        if self.schema.catalog.has_unresolved() {
            return None;
        }
        // Whether a row has the id, the delete itself finds out.
        let row_id = match selector {
            Selector::Key(key) => match (&key[..], entry.row_id_column) {
                ([Value::Integer(id)], Some(_)) => RowId(*id),
                _ => self.find_by_key(entry, key).ok()??,
            },
            Selector::RowId(row_id) => *row_id,
            Selector::All | Selector::Filter(_) => return None,
        };
        let table = entry.id;
        let (settings, store, walks) = self.parts();
        let result = referential::delete_at_once(&settings, store, table, row_id, walks)?;
        let direct = usize::from(result.is_ok());
        self.counters.changes = direct;
        self.counters.total_changes += direct;
        self.end_statement(result.is_err(), true);
        Some(result.map(|()| Done { direct, ..Done::default() }))
    }

    fn prepare(&self, statement: Statement, parameters: &[Value]) -> Result<Prepared> {
        match statement {
            Statement::Insert(Insert { table, rows, on_conflict }) => {
                self.prepare_insert((&table).into(), rows, &on_conflict, parameters)
            }
            Statement::Update(update) => self.prepare_update(&update, parameters),
            Statement::Delete(Delete { table, selector }) => {
                self.prepare_delete((&table).into(), &selector, parameters)
            }
        }
    }

    fn prepare_insert(
        &self,
        table: TableRef<'_>,
        rows: impl IntoIterator<Item = RowValues>,
        on_conflict: &OnConflict,
        parameters: &[Value],
    ) -> Result<Prepared> {
        let table = self.table(table)?;
        let conflict = self.conflict_clause(table, on_conflict, parameters)?;
        let mut gives_row_id = false;
        let row = |row: RowValues| {
            gives_row_id |= names_row_id(table, &row);
            new_row(table, row)
        };
        let rows = rows.into_iter().map(row).collect::<Result<Vec<_>>>()?;
        let looks_first = rows.len() < 2 && self.looks_first(table, &conflict, gives_row_id);
        self.check_insert(table, &conflict, gives_row_id, looks_first, Depth::Whole)?;
        Ok(Prepared { table: table.id, work: Work::Insert { rows, conflict, looks_first } })
    }

    fn prepare_update(&self, update: &Update, parameters: &[Value]) -> Result<Prepared> {
        let table = self.table(&update.table)?;
        let assignment = Arc::new(self.assignment(table, &update.assignments, parameters)?);
        let conflict = self.conflict_clause(table, &update.on_conflict, parameters)?;
        let rows = self.matching(table, &update.selector, parameters)?;
        self.check_update(table, &conflict, assignment.columns(), Depth::Whole)?;
        Ok(Prepared { table: table.id, work: Work::Update { rows, assignment, conflict } })
    }

    fn prepare_delete(
        &self,
        table: TableRef<'_>,
        selector: &Selector,
        parameters: &[Value],
    ) -> Result<Prepared> {
        let table = self.table(table)?;
        let rows = self.matching(table, selector, parameters)?;
        self.check_delete(table, Depth::Whole)?;
        Ok(Prepared { table: table.id, work: Work::Delete { rows, runs_programs: true } })
    }
}

fn names_row_id(table: &TableEntry, row: &RowValues) -> bool {
    let Some(row_id) = table.row_id_column else { return false };
    match row {
        RowValues::Positional(_) => true,
        RowValues::Named(values) => {
            values.iter().any(|(name, _)| table.position(name).is_ok_and(|at| at == row_id))
        }
    }
}

/// One value per column: those given, defaults for the rest.
fn new_row(table: &TableEntry, row: RowValues) -> Result<NewRow> {
    match row {
        RowValues::Positional(values) => {
            let (expected, found) = (table.columns.len(), values.len());
            if expected != found {
                let table = table.name().to_owned();
                return Err(InputError::ValueCount { table, expected, found }.into());
            }
            Ok(NewRow { values, row_id: None })
        }
        RowValues::Named(named) => {
            let mut values = table.defaults();
            let mut given = vec![false; values.len()];
            for (name, value) in named {
                let position = table.position(&name)?;
                if std::mem::replace(&mut given[position], true) {
                    let (table, column) = (table.name().to_owned(), name);
                    return Err(InputError::DuplicateColumn { table, column }.into());
                }
                values[position] = value;
            }
            Ok(NewRow { values, row_id: None })
        }
    }
}

type BoundAssignment = (usize, Bound);

fn bind_assignments(
    table: &TableEntry,
    list: &[(String, Expression)],
    bind: &dyn Fn(&Expression) -> Result<Bound>,
) -> Result<Vec<BoundAssignment>> {
    if list.is_empty() {
        let (table, reason) = (table.name().to_owned(), "an update assigns nothing".to_owned());
        return Err(InputError::Expression { table, reason }.into());
    }
    let columns = assigned(table, list)?;
    let values = list.iter().map(|(_, value)| bind(value));
    columns.into_iter().zip(values).map(|(column, value)| Ok((column, value?))).collect()
}

/// The positions of the columns assigned, each once.
fn assigned(table: &TableEntry, list: &[(String, Expression)]) -> Result<Vec<usize>> {
    let mut columns = Vec::with_capacity(list.len());
    for (column, _) in list {
        let position = table.position(column)?;
        if columns.contains(&position) {
            let (table, column) = (table.name().to_owned(), column.clone());
            return Err(InputError::DuplicateColumn { table, column }.into());
        }
        columns.push(position);
    }
    Ok(columns)
}

impl Database {
    fn assignment(
        &self,
        table: &TableEntry,
        list: &[(String, Expression)],
        parameters: &[Value],
    ) -> Result<Assignment> {
        let error = match bind_assignments(table, list, &|expression| bind(table, expression)) {
            Ok(bound) => return Ok(Assignment::Expressions(bound)),
            Err(error) => error,
        };
        let values = list.iter().map(|(_, value)| value);
        if values.clone().all(Expression::is_plain) {
            return Err(error);
        }
        let columns = assigned(table, list)?;
        let computed = self.compute(table, columns, values, None, parameters)?;
        Ok(Assignment::Computed(Computed(computed)))
    }

    fn conflict_clause(
        &self,
        table: &TableEntry,
        on_conflict: &OnConflict,
        parameters: &[Value],
    ) -> Result<ConflictClause> {
        match on_conflict {
            OnConflict::Abort => Ok(ConflictClause::default()),
            OnConflict::Ignore => Ok(ConflictClause::of(Some(Resolution::Ignore))),
            OnConflict::Replace => Ok(ConflictClause::of(Some(Resolution::Replace))),
            OnConflict::Upsert(upsert) => {
                let upserts = [self.upsert_clause(table, upsert, parameters)?].into();
                Ok(ConflictClause { resolution: None, upserts })
            }
        }
    }

    fn upsert_clause(
        &self,
        table: &TableEntry,
        upsert: &Upsert,
        parameters: &[Value],
    ) -> Result<UpsertClause> {
        let Upsert { target, assignments, filter } = upsert;
        let target = conflict_target(table, target, &|index| index.filter.is_none())?;
        if assignments.is_empty() {
            return Ok(UpsertClause { target, update: None });
        }
        let values = assignments.iter().map(|(_, value)| value);
        let update: Arc<dyn Assign> = match plain_update(table, upsert) {
            Ok(plain) => Arc::new(plain),
            Err(error) if values.clone().chain(filter).all(Expression::is_plain) => {
                return Err(error);
            }
            Err(_) => {
                let columns = assigned(table, assignments)?;
                self.compute(table, columns, values, filter.as_ref(), parameters)?
            }
        };
        Ok(UpsertClause { target, update: Some(update) })
    }
}

/// The update of an upsert that reads nothing but the two rows.
fn plain_update(table: &TableEntry, upsert: &Upsert) -> Result<DoUpdate> {
    let scope = WithExcluded(table);
    let bind = |expression: &Expression| {
        expression.bind(&scope).map_err(|error| expression_error(table, &error))
    };
    let assignments = bind_assignments(table, &upsert.assignments, &bind)?;
    Ok(DoUpdate { assignments, filter: upsert.filter.as_ref().map(bind).transpose()? })
}

/// What DO UPDATE makes of the row in the way: expressions over it, followed by the new one.
#[derive(Debug)]
struct DoUpdate {
    assignments: Vec<BoundAssignment>,
    filter: Option<Bound>,
}

impl Assign for DoUpdate {
    fn columns(&self) -> Vec<usize> {
        self.assignments.iter().map(|(position, _)| *position).collect()
    }

    fn values(
        &self,
        _: &View<'_>,
        row: RowRef<'_>,
        proposed: Option<&[Value]>,
    ) -> std::result::Result<Option<Vec<(usize, Value)>>, Stop> {
        let scope = [&row.to_vec(), proposed.unwrap_or_default()].concat();
        if self.filter.as_ref().is_some_and(|filter| filter.truth(&scope) != Some(true)) {
            return Ok(None);
        }
        let value = |(at, value): &BoundAssignment| (*at, value.evaluate(&scope));
        Ok(Some(self.assignments.iter().map(value).collect()))
    }
}

/// The key on exactly these columns, in any order.
pub(super) fn conflict_target(
    table: &TableEntry,
    columns: &[String],
    is_meant: &dyn Fn(&IndexEntry) -> bool,
) -> Result<ConflictTarget> {
    if columns.is_empty() {
        return Ok(ConflictTarget::Any);
    }
    let mut wanted =
        columns.iter().map(|column| table.position(column)).collect::<Result<Vec<_>>>()?;
    wanted.sort_unstable();
    if table.row_id_column.is_some_and(|row_id| wanted == [row_id]) {
        return Ok(ConflictTarget::Key(None));
    }
    // SQLite knows the row id's column by another number here, so no key that holds it is found.
    let has_row_id = table.row_id_column.is_some_and(|row_id| wanted.contains(&row_id));
    let covers = |index: &IndexEntry| {
        let mut positions: Vec<_> = index.columns.iter().map(|(position, _)| *position).collect();
        positions.sort_unstable();
        index.unique && is_meant(index) && positions == wanted && !has_row_id
    };
    // The newest of several, and whatever its collations.
    match table.indexes.iter().rposition(covers) {
        Some(position) => Ok(ConflictTarget::Key(Some(position))),
        None => {
            let name = format!("({})", columns.join(", "));
            let names = table.indexes.iter().map(|index| &*index.name);
            Err(NameError::missing(NameKind::Key, &name, Some(table.name()), names))
        }
    }
}

/// A table's columns, and behind them those of the row that could not be inserted, as
/// `excluded.name`.
struct WithExcluded<'a>(&'a TableEntry);

impl Columns for WithExcluded<'_> {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        match name.table() {
            Some(table) if table.eq_ignore_ascii_case("excluded") => {
                let unknown = |_| BindError::UnknownColumn(name.clone());
                let found = self.0.definition.resolve(&name.with_table(None)).map_err(unknown)?;
                // It is a register to SQLite, and has neither affinity nor collation.
                Ok(ColumnInfo::computed(found.position + self.0.columns.len()))
            }
            _ => self.0.definition.resolve(name),
        }
    }
}
