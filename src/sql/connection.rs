//! SQL on a database: statements prepared, run, and what they come to.
//!
//! A statement is prepared against the schema as it stands, and prepared anew when that has changed.
//! Preparing parses, resolves names and asks the foreign keys; running evaluates queries and hands
//! what is left to the engine. The switches that only SQL knows live here, beside the database.

use super::dml::{DeletePlan, InsertPlan, Place, UpdatePlan};
use super::names::{SchemaNames, find, find_table};
use super::parser::{self, Outline, outline};
use super::reach::{self, Linked};
use super::shape::{Shape, Shapes};
use super::syntax::{Pragma, Statement};
use super::trigger;
use super::view::{self, ViewPlan};
use super::{attach, pragma, schema};
use crate::database::{Control, Database, Depth, Done, Enforcement, ObjectKind};
use crate::error::{Error, Event, Result, SchemaError, SqlError};
use crate::id::TableId;
use crate::query::{Query, Selection};
use crate::value::Value;
use std::sync::Arc;

/// A database that speaks SQL.
///
/// ```
/// use ondelete::sql::Connection;
/// use ondelete::{Database, Enforcement, Value};
///
/// let mut connection = Connection::new(Database::new(Enforcement::On));
/// connection.execute_script(
///     "CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
///      CREATE TABLE hero (id INTEGER PRIMARY KEY, team REFERENCES team ON DELETE SET NULL);",
/// )?;
/// connection.execute("INSERT INTO team VALUES (?, ?)", &[3.into(), "Wakaland".into()])?;
/// connection.execute("INSERT INTO hero VALUES (4, 3), (5, 3)", &[])?;
/// assert_eq!(connection.execute("DELETE FROM team", &[])?, 1);
/// let heroes = connection.query("SELECT id, team FROM hero", &[])?;
/// assert_eq!(heroes.rows[0], [Value::from(4), Value::Null]);
/// # Ok::<(), ondelete::Error>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    db: Database,
    pub(super) settings: Settings,
    /// What the triggers were compiled for.
    linked: Option<Basis>,
    /// The triggers, as they were compiled.
    triggers: Vec<Linked>,
    /// Statements that came before with other literals.
    shapes: Shapes,
}

/// What a plan was made for: with another one a statement may be refused, or do something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Basis {
    schema_version: u64,
    enforcement: Enforcement,
    /// Whether foreign keys are looked for that are not there, and none of them asked at once.
    defers_unresolved: bool,
}

/// What only SQL can switch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    /// `PRAGMA count_changes`: INSERT, UPDATE and DELETE return how many rows they changed.
    pub(super) counts_changes: bool,
    /// `PRAGMA legacy_alter_table`: RENAME leaves triggers and views alone.
    pub(super) legacy_alter: bool,
}

/// A statement that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    text: Arc<str>,
    basis: Basis,
    plan: Plan,
    /// The tables with AUTOINCREMENT that it may insert into.
    numbered: Vec<TableId>,
    parameters: Vec<Option<String>>,
}

#[derive(Debug)]
enum Plan {
    Select(Query),
    Insert(Box<InsertPlan>),
    Update(Box<UpdatePlan>),
    Delete(Box<DeletePlan>),
    View(Box<ViewPlan>),
    Control(Control),
    Pragma(Pragma),
    Attach(Query),
    Detach(Query),
    /// A change of the schema, looked at when it runs.
    Schema(Box<Statement>),
    Nothing,
}

/// What a statement came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The names of the result's columns; none for a statement that returns nothing.
    pub columns: Vec<String>,
    /// The rows it returns.
    pub rows: Vec<Vec<Value>>,
    /// What it changed, if it is a statement that does.
    pub done: Option<Done>,
}

impl Outcome {
    pub(super) fn rows(columns: Vec<String>, rows: Vec<Vec<Value>>) -> Self {
        Outcome { columns, rows, done: None }
    }

    fn changed(done: Done) -> Self {
        Outcome { done: Some(done), ..Outcome::default() }
    }
}

impl Prepared {
    /// The statement as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn shared_text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// The names of its parameters, by number; `None` for one without a name.
    pub fn parameters(&self) -> &[Option<String>] {
        &self.parameters
    }
}

impl Connection {
    /// SQL on this database, with its switches as SQLite has them at first.
    pub fn new(db: Database) -> Self {
        Connection {
            db,
            settings: Settings::default(),
            linked: None,
            triggers: Vec::new(),
            shapes: Shapes::default(),
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// The database, to be changed by other ways than SQL.
    pub fn database_mut(&mut self) -> &mut Database {
        &mut self.db
    }

    /// The database, and no more SQL.
    pub fn into_database(self) -> Database {
        self.db
    }

    /// Prepares the first statement of a text.
    ///
    /// # Errors
    /// [`crate::Error::Sql`] for what SQL cannot be, others for what does not fit the schema.
    pub fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        self.prepare_outlined(outline(sql)?)
    }

    fn prepare_outlined(&mut self, outline: Outline<'_>) -> Result<Prepared> {
        self.link();
        let basis = self.basis();
        // What a view or trigger names may come later than it.
        let names = match outline.is_kept_as_text {
            true => SchemaNames::lenient(&self.db),
            false => SchemaNames::new(&self.db),
        };
        let statement = parser::parse_outlined(&outline, &names)
            .map_err(|error| self.taken_or(&outline, error))?;
        let own = |extent| self.plan_of(statement.clone().up_to(extent), Depth::Alone).map(|_| ());
        let broken = reach::find_broken(&self.db, &self.triggers, &statement, &own);
        broken.map_err(|error| self.view_is_no_parent(error))?;
        let numbered = reach::numbered_tables(&self.db, &self.triggers, &statement);
        let plan =
            self.plan_of(statement, Depth::Whole).map_err(|error| self.view_is_no_parent(error))?;
        let (text, parameters) = (outline.text.into(), outline.parameters);
        Ok(Prepared { text, basis, plan, numbered, parameters })
    }

    /// What is wrong with a definition. That the name of a new table is taken SQLite tells before it
    /// reads any further.
    fn taken_or(&self, outline: &Outline<'_>, error: Error) -> Error {
        let head = parser::head_of_table(outline.text);
        head.and_then(|head| schema::refuse_taken(&self.db, &head).err()).unwrap_or(error)
    }

    fn basis(&self) -> Basis {
        Basis {
            schema_version: self.db.schema_version(),
            enforcement: self.db.enforcement(),
            defers_unresolved: self.db.defers_all() && self.db.catalog().has_unresolved(),
        }
    }

    /// Compiles the triggers, if what they were compiled for is no more.
    fn link(&mut self) {
        if self.linked != Some(self.basis()) {
            self.triggers = trigger::link(&mut self.db);
            self.linked = Some(self.basis());
        }
    }

    /// A view that a foreign key references is there, but has no key.
    fn view_is_no_parent(&self, error: Error) -> Error {
        let Error::Schema(schema) = &error else { return error };
        let SchemaError::MissingReferencedTable { constraint, table, schema, referenced } =
            &**schema
        else {
            return error;
        };
        if find(&self.db, Some(schema), referenced).is_none() {
            return error;
        }
        let (constraint, table) = (constraint.clone(), table.clone());
        let (referenced, reason) = (referenced.clone(), "A view has no key.".to_owned());
        SchemaError::ForeignKeyMismatch { constraint, table, referenced, reason }.into()
    }

    /// A statement's plan, with its foreign keys asked so far.
    fn plan_of(&self, statement: Statement, depth: Depth) -> Result<Plan> {
        Ok(match statement {
            Statement::Select(select) => Plan::Select(self.db.prepare_select(&select)?),
            Statement::Insert(insert) => {
                match view::find(&self.db, &insert.table, Event::Insert)? {
                    Some(view) => Plan::View(Box::new(ViewPlan::insert(&self.db, view, *insert)?)),
                    None => {
                        let place = Place::Statement;
                        Plan::Insert(Box::new(InsertPlan::new(&self.db, *insert, place, depth)?))
                    }
                }
            }
            Statement::Update(update) => {
                match view::find(&self.db, &update.table, Event::Update)? {
                    Some(view) => Plan::View(Box::new(ViewPlan::update(&self.db, view, *update)?)),
                    None => Plan::Update(Box::new(UpdatePlan::new(&self.db, *update, depth)?)),
                }
            }
            Statement::Delete(delete) => {
                match view::find(&self.db, &delete.table, Event::Delete)? {
                    Some(view) => Plan::View(Box::new(ViewPlan::delete(&self.db, view, *delete)?)),
                    None => Plan::Delete(Box::new(DeletePlan::new(&self.db, *delete, depth)?)),
                }
            }
            Statement::Begin => Plan::Control(Control::Begin),
            Statement::Commit => Plan::Control(Control::Commit),
            Statement::Rollback => Plan::Control(Control::Rollback),
            Statement::Savepoint(name) => Plan::Control(Control::Savepoint(name)),
            Statement::Release(name) => Plan::Control(Control::Release(name)),
            Statement::RollbackTo(name) => Plan::Control(Control::RollbackTo(name)),
            Statement::Pragma(pragma) => Plan::Pragma(pragma),
            Statement::Attach(query) => Plan::Attach(self.db.prepare_select(&query)?),
            Statement::Detach(query) => Plan::Detach(self.db.prepare_select(&query)?),
            Statement::Nothing => Plan::Nothing,
            schema @ Statement::Drop { .. } => {
                if let Statement::Drop { kind: ObjectKind::Table, name, .. } = &schema
                    && depth == Depth::Whole
                    && let Some(table) = find_table(&self.db, name)
                {
                    self.db.check_drop(table)?;
                }
                Plan::Schema(Box::new(schema))
            }
            schema @ (Statement::CreateTable(_)
            | Statement::CreateIndex(_)
            | Statement::CreateView(_)
            | Statement::CreateTrigger(_)
            | Statement::AlterTable { .. }) => Plan::Schema(Box::new(schema)),
        })
    }

    /// Runs a prepared statement with these values for its parameters; those not given are NULL.
    ///
    /// # Errors
    /// Whatever the statement is refused for; what becomes of it is SQLite's rule.
    pub fn run(&mut self, prepared: &mut Prepared, parameters: &[Value]) -> Result<Outcome> {
        if prepared.basis != self.basis() {
            *prepared = self.prepare(&prepared.text)?;
        }
        let (columns, done, rows) = match &prepared.plan {
            Plan::Select(query) => {
                let rows = self.db.run_query(query, parameters)?;
                return Ok(Outcome::rows(super::run::columns(query), rows));
            }
            Plan::Insert(plan) => {
                let (done, returned) = match plan.append(&mut self.db, parameters)? {
                    Some(row_id) if !self.settings.counts_changes => {
                        return Ok(Outcome::changed(Done::inserted(row_id)));
                    }
                    Some(row_id) => (Done::inserted(row_id), None),
                    None => plan.run(&mut self.db, parameters)?,
                };
                ("rows inserted", done, returned)
            }
            Plan::Update(plan) => {
                let (done, returned) = plan.run(&mut self.db, parameters)?;
                ("rows updated", done, returned)
            }
            Plan::Delete(plan) => {
                let (done, returned) = plan.run(&mut self.db, parameters)?;
                ("rows deleted", done, returned)
            }
            Plan::View(plan) => ("rows changed", plan.run(&mut self.db, parameters)?, None),
            Plan::Control(control) => {
                self.db.control(control)?;
                return Ok(Outcome::default());
            }
            Plan::Pragma(pragma) => {
                let pragma = pragma.clone();
                return pragma::run(self, &pragma);
            }
            Plan::Attach(query) => {
                attach::attach(&mut self.db, query, parameters)?;
                return Ok(Outcome::default());
            }
            Plan::Detach(query) => {
                attach::detach(&mut self.db, query, parameters)?;
                return Ok(Outcome::default());
            }
            Plan::Schema(statement) => {
                let statement = statement.clone();
                schema::run(self, *statement)?;
                // A DROP TABLE deletes rows first, and those may start triggers.
                let is_there = |table: &TableId| self.db.catalog().find_by_id(*table).is_some();
                let numbered: Vec<_> = prepared.numbered.iter().copied().filter(is_there).collect();
                if !numbered.is_empty() {
                    self.db.note_numbered(&numbered)?;
                }
                return Ok(Outcome::default());
            }
            Plan::Nothing => return Ok(Outcome::default()),
        };
        if !prepared.numbered.is_empty() {
            self.db.note_numbered(&prepared.numbered)?;
        }
        Ok(self.outcome(columns, done, rows))
    }

    /// The outcome of a change: the rows it returns, or their number if that is asked for.
    fn outcome(&self, column: &str, done: Done, returned: Option<Selection>) -> Outcome {
        match returned {
            Some(Selection { columns, rows }) => Outcome { columns, rows, done: Some(done) },
            None if self.settings.counts_changes => {
                let rows = vec![vec![(done.direct as i64).into()]];
                Outcome { columns: vec![column.to_owned()], rows, done: Some(done) }
            }
            None => Outcome::changed(done),
        }
    }

    /// What an INSERT, UPDATE or DELETE would do; nothing is left of it.
    ///
    /// # Errors
    /// As [`Connection::prepare`]; [`crate::Error::Sql`] for any other statement. A refusal is no
    /// error here but part of the plan.
    pub fn plan(&mut self, sql: &str) -> Result<crate::database::Plan> {
        let prepared = self.prepare(sql)?;
        let view = self.db.view();
        let work = match &prepared.plan {
            Plan::Insert(plan) => plan.work(&view, &[], None),
            Plan::Update(plan) => plan.work(&view, &[], None),
            Plan::Delete(plan) => plan.work(&view, &[]),
            Plan::View(plan) => plan.work(&view, &[], None),
            Plan::Select(_)
            | Plan::Control(_)
            | Plan::Pragma(_)
            | Plan::Attach(_)
            | Plan::Detach(_)
            | Plan::Schema(_)
            | Plan::Nothing => {
                let construct = "a plan of anything but INSERT, UPDATE and DELETE".to_owned();
                return Err(SqlError::Unsupported { construct }.into());
            }
        };
        self.db.plan_work(work.map_err(super::dml::into_error)?)
    }

    /// Runs one statement; how many rows it changed itself.
    ///
    /// # Errors
    /// As [`Connection::prepare`] and [`Connection::run`]; [`crate::Error::Sql`] for a text of more
    /// than one statement.
    pub fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<usize> {
        let outcome = self.run_only(sql, parameters)?;
        Ok(outcome.done.map_or(0, |done| done.direct))
    }

    /// Runs one statement; the rows it returns, and what it changed.
    ///
    /// # Errors
    /// As [`Connection::execute`].
    pub fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Outcome> {
        self.run_only(sql, parameters)
    }

    fn run_only(&mut self, sql: &str, parameters: &[Value]) -> Result<Outcome> {
        let outline = outline(sql)?;
        if !parser::is_empty(outline.rest) {
            let message = "more than one statement, where one is asked for".to_owned();
            return Err(SqlError::Refused { message }.into());
        }
        self.run_outlined(outline, parameters)
    }

    /// Runs statements one after the other, up to the first that fails.
    ///
    /// # Errors
    /// Of the statement that fails; those before it stand.
    pub fn execute_script(&mut self, sql: &str) -> Result<()> {
        let mut rest = sql;
        while !rest.is_empty() {
            let outline = outline(rest)?;
            rest = outline.rest;
            self.run_outlined(outline, &[])?;
        }
        Ok(())
    }

    fn run_outlined(&mut self, outline: Outline<'_>, parameters: &[Value]) -> Result<Outcome> {
        if let Some(shape) = Shape::of(&outline)
            && let Some(mut prepared) = self.prepare_shape(&shape)
        {
            let outcome = self.run(&mut prepared, &shape.values);
            self.shapes.put(prepared);
            return outcome;
        }
        let mut prepared = self.prepare_outlined(outline)?;
        self.run(&mut prepared, parameters)
    }

    /// The plan of a shape; `None` if there is none: the statement as it was written tells why.
    fn prepare_shape(&mut self, shape: &Shape) -> Option<Prepared> {
        match self.shapes.take(&shape.text) {
            Some(prepared) => Some(prepared),
            None => self.prepare(&shape.text).ok(),
        }
    }
}
