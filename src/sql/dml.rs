//! INSERT, UPDATE and DELETE: from names to the work that the engine carries out.
//!
//! A plan is made once for a schema. When it runs it evaluates its queries over a view, with the
//! values of its parameters, and gives a [`ProgramWork`]: these rows, and what they become. The same
//! plan serves a statement by itself and one inside of a trigger.

use super::assign::{AssignPlan, Found, assigned, placeholders, taken_apart};
use super::names::{Named, find, find_table, is_row_id, missing};
use super::returning::Returning;
use super::row::{RowExpressions, RowSource};
use super::run;
use super::syntax::{Delete, Insert, Limited, QualifiedName, Rows, TriggerStep, Update, Upsert};
use crate::catalog::{Resolution, TableEntry};
use crate::database::{
    Assign, ConflictClause, ConflictTarget, Database, Depth, Done, NewRow, ProgramWork, RowRef,
    Stop, UpsertClause, View, rows_in_order, rows_where,
};
use crate::error::{Error, Result, SqlError};
use crate::expression::{Expression, col};
use crate::id::{RowId, TableId};
use crate::query::{HIDDEN_ROW_ID, Query, ResultColumn, Select, Selection, Source};
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::sync::Arc;

type Stopped<T> = std::result::Result<T, Stop>;

pub(super) fn refused<T>(message: String) -> Result<T> {
    Err(SqlError::Refused { message }.into())
}

/// The table that a statement changes.
///
/// # Errors
/// If there is none, or it cannot be changed.
fn target(db: &Database, name: &QualifiedName) -> Result<Arc<TableEntry>> {
    match find(db, name.schema.as_deref(), &name.name) {
        Some(Named::Table(table)) => Ok(table.clone()),
        Some(Named::View(_)) => {
            refused(format!("cannot modify {} because it is a view", name.name))
        }
        None => match schema_table(&name.name) {
            Some(table) => refused(format!("table {table} may not be modified")),
            None => Err(missing(db, name.schema.as_deref(), &name.name)),
        },
    }
}

/// The oldest of the names of `sqlite_schema`, by which errors call it, if it is one of them.
pub(super) fn schema_table(name: &str) -> Option<&'static str> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    match name {
        _ if is("sqlite_master") || is("sqlite_schema") => Some("sqlite_master"),
        _ if is("sqlite_temp_master") || is("sqlite_temp_schema") => Some("sqlite_temp_master"),
        _ => None,
    }
}

/// The position of a column that a statement assigns; behind the last one, that of the row id.
pub(super) fn position_of(table: &TableEntry, name: &str) -> Option<usize> {
    match table.definition.position(name) {
        Some(position) => Some(position),
        None if is_row_id(name) && !table.definition.is_without_row_id() => {
            Some(table.row_id_column.unwrap_or(table.columns.len()))
        }
        None => None,
    }
}

/// A row's values, and its id behind them.
pub(super) fn scope_of(row: RowRef<'_>) -> Vec<Value> {
    let mut scope = row.to_vec();
    scope.push(Value::Integer(row.row_id().0));
    scope
}

/// Where a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// By itself.
    Statement,
    /// In a trigger, among others.
    Trigger,
}

// INSERT.

/// An INSERT.
#[derive(Debug)]
pub(super) struct InsertPlan {
    table: Arc<TableEntry>,
    /// Where each value goes.
    positions: Vec<usize>,
    /// Whether the values are those of all columns, in order.
    is_whole: bool,
    rows: InsertRows,
    conflict: ConflictPlan,
    returning: Option<Returning>,
    /// Whether SQLite would look for what its only row references before the row is in.
    looks_first: bool,
}

#[derive(Debug)]
enum InsertRows {
    /// One row of literals and parameters: nothing is to be evaluated.
    Plain(Vec<Plain>),
    Values(Vec<RowExpressions>),
    Query(Query),
    Default,
}

#[derive(Debug)]
enum Plain {
    Literal(Value),
    Parameter(usize),
}

/// What becomes of rows in conflict.
#[derive(Debug)]
struct ConflictPlan {
    resolution: Option<Resolution>,
    upserts: Vec<UpsertPlan>,
}

#[derive(Debug)]
struct UpsertPlan {
    target: ConflictTarget,
    /// The keys that it is compiled for, each with the queries of its update for itself: they run once.
    keys: Vec<ConflictTarget>,
    update: Option<AssignPlan>,
}

impl InsertPlan {
    /// # Errors
    /// What SQLite would tell. It looks at RETURNING last, and only if nothing else is wrong.
    pub(super) fn new(db: &Database, insert: Insert, place: Place, depth: Depth) -> Result<Self> {
        let table = target(db, &insert.table)?;
        let positions = insert_positions(&table, &insert)?;
        let width = positions.len();
        let rows = match insert.rows {
            Rows::Default => InsertRows::Default,
            Rows::Query(query) => InsertRows::Query(run::bind(&db.view(), &query)?),
            Rows::Values(rows) => {
                if let Some(row) = rows.iter().find(|row| row.len() != width) {
                    return refused(match insert.columns.len() {
                        0 => format!(
                            "table {} has {} columns but {} values were supplied",
                            insert.table.name,
                            width,
                            row.len()
                        ),
                        columns => format!("{} values for {columns} columns", row.len()),
                    });
                }
                insert_rows(&db.view(), rows)?
            }
        };
        let alias = insert.alias.as_deref();
        let gives_row_id = gives_row_id(&table, &positions);
        let (resolution, upserts) = (insert.resolution, insert.upserts);
        let (conflict, refusal) =
            ConflictPlan::new(db, &table, alias, resolution, upserts, gives_row_id)?;
        if let InsertRows::Query(query) = &rows
            && query.columns().len() != width
        {
            let found = query.columns().len();
            return refused(match insert.columns.len() {
                0 => format!(
                    "table {} has {width} columns but {found} values were supplied",
                    insert.table.name
                ),
                columns => format!("{found} values for {columns} columns"),
            });
        }
        let is_whole = positions.iter().copied().eq(0..table.columns.len());
        let (looks_first, returning) = (false, None);
        let mut plan =
            InsertPlan { table, positions, is_whole, rows, conflict, returning, looks_first };
        plan.check(db, place, depth, !insert.returning.is_empty())?;
        refusal.map_or(Ok(()), Err)?;
        plan.returning = Returning::new(db, &plan.table, insert.returning)?;
        Ok(plan)
    }

    /// Asks names and foreign keys.
    fn check(&mut self, db: &Database, place: Place, depth: Depth, returns: bool) -> Result<()> {
        let gives_row_id = gives_row_id(&self.table, &self.positions);
        let has_one_row = match &self.rows {
            InsertRows::Plain(_) | InsertRows::Default => true,
            InsertRows::Values(rows) => rows.len() < 2,
            InsertRows::Query(_) => false,
        };
        let is_single = has_one_row && place == Place::Statement;
        let conflict = self.conflict.clause(&[], None)?;
        self.looks_first =
            is_single && !returns && db.looks_first(&self.table, &conflict, gives_row_id);
        db.check_insert(&self.table, &conflict, gives_row_id, self.looks_first, depth)
    }

    pub(super) fn run(
        &self,
        db: &mut Database,
        parameters: &[Value],
    ) -> Result<(Done, Option<Selection>)> {
        let work = self.work(&db.view(), parameters, None).map_err(into_error)?;
        let (done, changed) = db.carry(work, self.returning.is_some())?;
        Returning::of(&self.returning, db, done, changed, parameters)
    }

    /// Puts a plain row in without a detour, if it is one.
    pub(super) fn append(&self, db: &mut Database, parameters: &[Value]) -> Result<Option<RowId>> {
        let InsertRows::Plain(row) = &self.rows else { return Ok(None) };
        let is_plain = self.is_whole
            && !self.table.definition.is_without_row_id()
            && self.conflict.resolution.is_none()
            && self.conflict.upserts.is_empty()
            && self.returning.is_none();
        if !is_plain {
            return Ok(None);
        }
        // Pushed one by one, they are not moved once they are there.
        let mut values: SmallVec<[ValueRef<'_>; 12]> = SmallVec::new();
        row.iter().for_each(|value| values.push(value.get(parameters).as_ref()));
        db.append_if_plain(self.table.id, &values)
    }

    /// The rows to insert. `resolution` is that of the statement that started a trigger.
    pub(super) fn work(
        &self,
        view: &View<'_>,
        parameters: &[Value],
        resolution: Option<Resolution>,
    ) -> Stopped<ProgramWork> {
        let rows = self.new_rows(view, parameters)?;
        let conflict = self.conflict.clause(parameters, resolution)?;
        Ok(ProgramWork::insert(&self.table, rows, conflict, self.looks_first))
    }

    fn new_rows(&self, view: &View<'_>, parameters: &[Value]) -> Stopped<Vec<NewRow>> {
        match &self.rows {
            InsertRows::Default => Ok(vec![self.new_row(Vec::new())]),
            InsertRows::Plain(row) => {
                let values = row.iter().map(|value| value.get(parameters).clone()).collect();
                Ok(vec![self.new_row(values)])
            }
            InsertRows::Values(rows) => {
                let row = |row: &RowExpressions| {
                    Ok(self.new_row(row.ready(parameters)?.evaluate(view, &[])?))
                };
                rows.iter().map(row).collect()
            }
            InsertRows::Query(query) => {
                let rows = run::rows(view, query, parameters)?;
                Ok(rows.into_iter().map(|row| self.new_row(row)).collect())
            }
        }
    }

    /// One value per column: those given, defaults for the rest.
    fn new_row(&self, given: Vec<Value>) -> NewRow {
        if self.is_whole && !given.is_empty() {
            return NewRow { values: given, row_id: None };
        }
        let mut values = self.table.defaults();
        let mut row_id = None;
        // Of a column that is named twice the first counts, as in SQLite, but the last row id.
        let mut given_id = None;
        for (&position, value) in self.positions.iter().zip(given).rev() {
            match values.get_mut(position) {
                Some(_) if self.table.row_id_column == Some(position) => {
                    given_id.get_or_insert((position, value));
                }
                Some(place) => *place = value,
                None => row_id = row_id.or(Some(value)),
            }
        }
        if let Some((position, value)) = given_id {
            values[position] = value;
        }
        NewRow { values, row_id }
    }
}

/// What is wrong with one of several ON CONFLICT, with its number.
fn numbered(db: &Database, at: usize, error: &Error) -> Error {
    let ordinal = match at {
        0 => "1st".to_owned(),
        1 => "2nd".to_owned(),
        2 => "3rd".to_owned(),
        at => format!("{}th", at + 1),
    };
    let message = format!("{ordinal} {}", db.dialect().error_message(error));
    SqlError::Refused { message }.into()
}

/// The keys that a row may be in conflict over; `None` is the row id.
fn clashing_keys(table: &TableEntry, gives_row_id: bool) -> Vec<Option<usize>> {
    let indexes = table.indexes.iter().enumerate().filter(|(_, index)| index.unique);
    gives_row_id.then_some(None).into_iter().chain(indexes.map(|(at, _)| Some(at))).collect()
}

/// The same, in the order in which they are looked at.
fn targets_in_turn(table: &TableEntry, gives_row_id: bool) -> Vec<ConflictTarget> {
    let indexes = table.indexes_in_turn().filter(|(_, index)| index.unique);
    let keys = gives_row_id.then_some(None).into_iter().chain(indexes.map(|(at, _)| Some(at)));
    keys.map(ConflictTarget::Key).collect()
}

/// Whether an ON CONFLICT ever has its turn behind those before it; if not, SQLite does not look at
/// what it does.
fn has_turn(
    keys: &[Option<usize>],
    before: impl Iterator<Item = ConflictTarget> + Clone,
    target: ConflictTarget,
) -> bool {
    keys.iter().any(|&key| {
        let is_about = |target: ConflictTarget| {
            target == ConflictTarget::Any || target == ConflictTarget::Key(key)
        };
        is_about(target) && !before.clone().any(is_about)
    })
}

/// Which ON CONFLICT of an INSERT ever have their turn.
pub(super) fn turns(db: &Database, insert: &Insert) -> Vec<bool> {
    let Some(table) = find_table(db, &insert.table) else { return Vec::new() };
    let positions = insert_positions(table, insert).unwrap_or_default();
    let keys = clashing_keys(table, gives_row_id(table, &positions));
    let mut before: Vec<ConflictTarget> = Vec::new();
    let turn = |upsert: &Upsert| {
        let target = Database::upsert_target(table, &upsert.target, &upsert.target_filter);
        let Ok(target) = target else { return false };
        before.push(target);
        has_turn(&keys, before[..before.len() - 1].iter().copied(), target)
    };
    insert.upserts.iter().map(turn).collect()
}

/// Looks whether the expressions of a trigger's step find what they name, whatever columns they are
/// for.
///
/// # Errors
/// The first name that stands for nothing.
pub(super) fn check_names(db: &Database, step: &TriggerStep) -> Result<()> {
    let bind = |table: &QualifiedName, alias: Option<&str>, list: Vec<Expression>| {
        let Some(table) = find_table(db, table) else { return Ok(()) };
        let sources = vec![RowSource::new(table, alias)];
        RowExpressions::new(&db.view(), sources, list).map(|_| ())
    };
    match step {
        TriggerStep::Update(update) if update.from.is_none() => {
            let values = update.assignments.iter().map(|assignment| assignment.value.clone());
            let single = values.filter(|value| value.row_values().is_none());
            bind(
                &update.table,
                update.alias.as_deref(),
                single.chain(update.filter.clone()).collect(),
            )
        }
        TriggerStep::Insert(insert) => match &insert.rows {
            Rows::Values(rows) => rows.iter().try_for_each(|row| {
                RowExpressions::new(&db.view(), Vec::new(), row.clone()).map(|_| ())
            }),
            Rows::Query(query) => run::bind(&db.view(), query).map(|_| ()),
            Rows::Default => Ok(()),
        },
        TriggerStep::Update(_) | TriggerStep::Delete(_) | TriggerStep::Select(_) => Ok(()),
    }
}

fn gives_row_id(table: &TableEntry, positions: &[usize]) -> bool {
    positions.contains(&table.row_id_column.unwrap_or(table.columns.len()))
}

pub(super) fn is_generated(table: &TableEntry, position: usize) -> bool {
    table.generated.iter().any(|(column, _)| *column == position)
}

fn insert_positions(table: &TableEntry, insert: &Insert) -> Result<Vec<usize>> {
    if let Rows::Default = insert.rows {
        return Ok(Vec::new());
    }
    let is_given = |position: &usize| !is_generated(table, *position);
    if insert.columns.is_empty() {
        return Ok((0..table.columns.len()).filter(is_given).collect());
    }
    let position = |name: &String| match position_of(table, name) {
        Some(position) if !is_given(&position) => {
            refused(format!("cannot INSERT into generated column \"{name}\""))
        }
        Some(position) => Ok(position),
        None => refused(format!("table {} has no column named {name}", insert.table.name)),
    };
    insert.columns.iter().map(position).collect()
}

fn insert_rows(view: &View<'_>, rows: Vec<Vec<Expression>>) -> Result<InsertRows> {
    let plain = |expression: &Expression| match expression.as_literal() {
        Some(value) => Some(Plain::Literal(value.clone())),
        None => expression.as_parameter().map(Plain::Parameter),
    };
    if let [row] = rows.as_slice()
        && let Some(row) = row.iter().map(plain).collect()
    {
        return Ok(InsertRows::Plain(row));
    }
    let row = |row: Vec<Expression>| RowExpressions::new(view, Vec::new(), row);
    Ok(InsertRows::Values(rows.into_iter().map(row).collect::<Result<_>>()?))
}

impl Plain {
    fn get<'a>(&'a self, parameters: &'a [Value]) -> &'a Value {
        match self {
            Plain::Literal(value) => value,
            Plain::Parameter(number) => parameters.get(number - 1).unwrap_or(&crate::value::NULL),
        }
    }
}

impl ConflictPlan {
    fn new(
        db: &Database,
        table: &Arc<TableEntry>,
        alias: Option<&str>,
        resolution: Option<Resolution>,
        upserts: Vec<Upsert>,
        gives_row_id: bool,
    ) -> Result<(Self, Option<Error>)> {
        let sources = vec![RowSource::new(table, alias), RowSource::excluded(table)];
        let keys = clashing_keys(table, gives_row_id);
        let mut refusal = None;
        let mut plans: Vec<UpsertPlan> = Vec::new();
        let count = upserts.len();
        for (at, upsert) in upserts.into_iter().enumerate() {
            let target = Database::upsert_target(table, &upsert.target, &upsert.target_filter);
            let target = target.map_err(|error| match count {
                1 => error,
                _ => numbered(db, at, &error),
            })?;
            let before = plans.iter().map(|plan| plan.target);
            let has_turn = has_turn(&keys, before, target);
            let update = upsert.update.filter(|_| has_turn).map(|(assignments, filter)| {
                AssignPlan::new(db, table, sources.clone(), assignments, filter)
            });
            // SQLite goes on to the foreign keys, whose error comes before this one.
            let update = update.transpose().unwrap_or_else(|error| {
                refusal = Some(error);
                None
            });
            let keys = match (target, &update) {
                (ConflictTarget::Any, Some(_)) => targets_in_turn(table, gives_row_id),
                (ConflictTarget::Any | ConflictTarget::Key(_), _) => vec![target],
            };
            plans.push(UpsertPlan { target, keys, update });
        }
        Ok((ConflictPlan { resolution, upserts: plans }, refusal))
    }

    /// With the values of the parameters. What an outer statement says comes before all else.
    fn clause(&self, parameters: &[Value], outer: Option<Resolution>) -> Result<ConflictClause> {
        let mut upserts = Vec::with_capacity(self.upserts.len());
        for upsert in &self.upserts {
            for &target in &upsert.keys {
                let update = upsert.update.as_ref();
                let update = update.map(|update| update.ready(parameters)).transpose()?;
                upserts.push(UpsertClause { target, update });
            }
        }
        Ok(ConflictClause { resolution: outer.or(self.resolution), upserts: upserts.into() })
    }
}

// Which rows.

/// The rows of a table for which a condition holds.
#[derive(Debug)]
struct Matching {
    filter: Option<RowExpressions>,
    /// The row ids of those that ORDER BY and LIMIT leave, in the place of the condition.
    limited: Option<Query>,
}

impl Matching {
    fn new(
        db: &Database,
        table: &Arc<TableEntry>,
        alias: Option<&str>,
        filter: Option<Expression>,
        limited: Option<Limited>,
    ) -> Result<Self> {
        if let Some(limited) = limited {
            let row_ids = Select::from(source_of(table, alias));
            let row_ids = row_ids.result([hidden_row_id(table, alias)]);
            let row_ids = limited.apply(filter.into_iter().fold(row_ids, Select::filter));
            let limited = Some(run::bind(&db.view(), &row_ids)?);
            return Ok(Matching { filter: None, limited });
        }
        let sources = vec![RowSource::new(table, alias)];
        let bind = |filter| RowExpressions::new(&db.view(), sources, vec![filter]);
        Ok(Matching { filter: filter.map(bind).transpose()?, limited: None })
    }

    /// The ids of the rows, in the order in which they are visited.
    fn rows(
        &self,
        view: &View<'_>,
        table: &TableEntry,
        parameters: &[Value],
    ) -> Stopped<Vec<RowId>> {
        if let Some(limited) = &self.limited {
            let found = run::rows(view, limited, parameters)?;
            let ids = found.iter().filter_map(|row| row.first()?.as_integer());
            let mut rows: Vec<RowId> = ids.map(RowId).collect();
            rows.sort_unstable();
            return Ok(rows_in_order(view, table, rows.into_iter()));
        }
        let Some(filter) = &self.filter else { return Ok(rows_where(view, table, None)) };
        let ready = filter.ready(parameters)?;
        let mut rows = Vec::new();
        for row_id in rows_where(view, table, ready.bound()) {
            if let Some(row) = view.row(table.id, row_id)
                && ready.is_true(view, &scope_of(row))?
            {
                rows.push(row_id);
            }
        }
        Ok(rows)
    }
}

/// A table as a query reads it.
fn source_of(table: &TableEntry, alias: Option<&str>) -> Source {
    alias.into_iter().fold(Source::of(table), Source::alias)
}

/// Refuses the table that is updated, or the view if none is said, among what FROM joins to it
/// under the same name.
pub(super) fn check_not_among(from: &Select, table: Option<TableId>, name: &str) -> Result<()> {
    match from.reads_as(table, name) {
        true => refused(format!("target object/alias may not appear in FROM clause: {name}")),
        false => Ok(()),
    }
}

/// The row id as a query names it, also of a table that has none to show.
fn hidden_row_id(table: &TableEntry, alias: Option<&str>) -> ResultColumn {
    col((alias.unwrap_or(table.name()), HIDDEN_ROW_ID)).into()
}

// UPDATE.

/// An UPDATE.
#[derive(Debug)]
pub(super) struct UpdatePlan {
    table: Arc<TableEntry>,
    assign: AssignPlan,
    matching: Matching,
    /// UPDATE FROM: row ids and values at once.
    from: Option<Query>,
    resolution: Option<Resolution>,
    returning: Option<Returning>,
}

impl UpdatePlan {
    /// # Errors
    /// As [`InsertPlan::new`].
    pub(super) fn new(db: &Database, mut update: Update, depth: Depth) -> Result<Self> {
        let table = target(db, &update.table)?;
        let alias = update.alias.clone();
        let alias = alias.as_deref();
        let sources = vec![RowSource::new(&table, alias)];
        let from = match update.from {
            None => None,
            Some(from) => {
                let (_, values) = assigned(&table, taken_apart(update.assignments.clone())?)?;
                check_not_among(&from, Some(table.id), alias.unwrap_or(table.name()))?;
                let row_id = hidden_row_id(&table, alias);
                let columns = [row_id].into_iter().chain(values.into_iter().map(Into::into));
                let select = from.and_from(source_of(&table, alias)).result(columns);
                let select = update.filter.clone().into_iter().fold(select, Select::filter);
                let select = match update.limited.take() {
                    None => select,
                    Some(limited) => {
                        // A row that goes with several others counts once.
                        let name = alias.unwrap_or(table.name());
                        limited.apply(select.group_by([col((name, HIDDEN_ROW_ID))]))
                    }
                };
                Some(run::bind(&db.view(), &select))
            }
        };
        // What FROM supplies is found with the rows.
        let (assignments, filter) = match from {
            None => (update.assignments, update.filter),
            Some(_) => (placeholders(update.assignments), None),
        };
        let assign = AssignPlan::new(db, &table, sources, assignments, None)?;
        if let Some(Err(_)) = &from {
            // SQLite goes on to the foreign keys, whose error takes the place of this one.
            let conflict = ConflictClause::of(update.resolution);
            db.check_update(&table, &conflict, assign.positions.clone(), depth)?;
        }
        let from = from.transpose()?;
        let matching = Matching::new(db, &table, alias, filter, update.limited)?;
        let (resolution, returning) = (update.resolution, None);
        let mut plan = UpdatePlan { table, assign, matching, from, resolution, returning };
        plan.check(db, depth)?;
        plan.returning = Returning::new(db, &plan.table, update.returning)?;
        Ok(plan)
    }

    fn check(&self, db: &Database, depth: Depth) -> Result<()> {
        let conflict = ConflictClause::of(self.resolution);
        db.check_update(&self.table, &conflict, self.assign.positions.clone(), depth)
    }

    pub(super) fn run(
        &self,
        db: &mut Database,
        parameters: &[Value],
    ) -> Result<(Done, Option<Selection>)> {
        let work = self.work(&db.view(), parameters, None).map_err(into_error)?;
        let (done, changed) = db.carry(work, self.returning.is_some())?;
        Returning::of(&self.returning, db, done, changed, parameters)
    }

    /// As [`InsertPlan::work`].
    pub(super) fn work(
        &self,
        view: &View<'_>,
        parameters: &[Value],
        resolution: Option<Resolution>,
    ) -> Stopped<ProgramWork> {
        let conflict = ConflictClause::of(resolution.or(self.resolution));
        let (rows, assign): (Vec<RowId>, Arc<dyn Assign>) = match &self.from {
            None => {
                let rows = self.matching.rows(view, &self.table, parameters)?;
                (rows, self.assign.ready(parameters)?)
            }
            Some(query) => {
                let mut rows = Vec::new();
                let mut values = std::collections::HashMap::new();
                for mut row in run::rows(view, query, parameters)? {
                    let Some(id) = row.remove(0).as_integer().map(RowId) else { continue };
                    if values.insert(id, row).is_none() {
                        rows.push(id);
                    }
                }
                rows.sort_unstable();
                let rows = rows_in_order(view, &self.table, rows.into_iter());
                (rows, Arc::new(Found { positions: self.assign.positions.clone(), values }))
            }
        };
        Ok(ProgramWork::update(&self.table, rows, assign, conflict))
    }
}

// DELETE.

/// A DELETE.
#[derive(Debug)]
pub(super) struct DeletePlan {
    table: Arc<TableEntry>,
    matching: Matching,
    returning: Option<Returning>,
}

impl DeletePlan {
    /// # Errors
    /// As [`InsertPlan::new`].
    pub(super) fn new(db: &Database, delete: Delete, depth: Depth) -> Result<Self> {
        let table = target(db, &delete.table)?;
        let alias = delete.alias.as_deref();
        let matching = Matching::new(db, &table, alias, delete.filter, delete.limited)?;
        db.check_delete(&table, depth)?;
        let returning = Returning::new(db, &table, delete.returning)?;
        Ok(DeletePlan { table, matching, returning })
    }

    pub(super) fn run(
        &self,
        db: &mut Database,
        parameters: &[Value],
    ) -> Result<(Done, Option<Selection>)> {
        let work = self.work(&db.view(), parameters).map_err(into_error)?;
        let (done, changed) = db.carry(work, self.returning.is_some())?;
        Returning::of(&self.returning, db, done, changed, parameters)
    }

    /// The rows to delete.
    pub(super) fn work(&self, view: &View<'_>, parameters: &[Value]) -> Stopped<ProgramWork> {
        let rows = self.matching.rows(view, &self.table, parameters)?;
        Ok(ProgramWork::delete(&self.table, rows))
    }
}

/// What stops a statement that no trigger has started.
pub(super) fn into_error(stop: Stop) -> Error {
    match stop {
        Stop::Error(_, error) => error,
        Stop::Ignore => SqlError::Refused {
            message: "RAISE() may only be used within a trigger-program".to_owned(),
        }
        .into(),
    }
}
