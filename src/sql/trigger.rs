//! Triggers as programs of the executor.
//!
//! A trigger is kept as its text. Whenever the schema has changed it is parsed and compiled anew,
//! since what it names may mean something else; one that cannot be compiled fails the statement that
//! starts it. OLD and NEW are parameters of its statements: the old row's id and columns, then the
//! new one's.

use super::dml::{DeletePlan, InsertPlan, Place, UpdatePlan};
use super::names::{SchemaNames, TriggerRows};
use super::parser;
use super::reach::{Errors, Linked};
use super::run;
use super::syntax::{CreateTrigger, Statement, TriggerStep};
use super::view::{self, ViewPlan};
use crate::catalog::Resolution;
use crate::database::{
    Activation, Database, Object, ObjectKind, Program, Start, Step, Stop, Timing, View,
};
use crate::error::{Error, Event, NameKind, QueryError, Result, SqlError};
use crate::expression::Expression;
use crate::query::{Query, Select};
use crate::value::{Collation, Value};
use std::sync::Arc;

/// A trigger whose names are resolved.
#[derive(Debug)]
pub(super) struct Compiled {
    condition: Option<Query>,
    steps: Vec<CompiledStep>,
    width: usize,
}

#[derive(Debug)]
enum CompiledStep {
    Insert(InsertPlan),
    Update(UpdatePlan),
    Delete(DeletePlan),
    View(ViewPlan),
    Select(Query),
}

/// Compiles all triggers for the schema as it stands.
pub(super) fn link(db: &mut Database) -> Vec<Linked> {
    let is_trigger = |object: &&Arc<Object>| object.kind == ObjectKind::Trigger;
    let triggers: Vec<_> = db.objects().iter().filter(is_trigger).cloned().collect();
    let mut linked = Vec::new();
    for trigger in triggers {
        let sql = trigger.sql.as_deref().unwrap_or_default();
        // It was parsed when it was defined, so it can be.
        let Ok(plain) = parse_with(db, sql, None) else { continue };
        let compiled = compile(db, sql, &plain, None);
        let own = compiled.as_ref().err().cloned();
        let under = |resolution| match db.catalog().has_unresolved() {
            true => compile(db, sql, &plain, Some(resolution)).err(),
            false => own.clone(),
        };
        let (replacing, otherwise) = (under(Resolution::Replace), under(Resolution::Abort));
        linked.push(Linked::new(db, &plain, Errors { own, replacing, otherwise }));
        let columns = positions(db, &plain);
        db.restart_program(&trigger.name, columns, start(compiled.map(Arc::new)));
    }
    linked
}

/// The positions of the columns that a trigger waits for. What no UPDATE can name starts nothing: a
/// column that is not there, or that is generated.
pub(super) fn positions(db: &Database, trigger: &CreateTrigger) -> Arc<[usize]> {
    let name = &trigger.table.name;
    let table = db.catalog().find_table(name);
    let columns: Vec<String> = match table {
        Some(table) => {
            let columns = table.definition.columns().iter();
            columns.map(|column| column.name().to_owned()).collect()
        }
        // A view that cannot be read yet may have triggers all the same.
        None => view::columns(db, name).unwrap_or_default(),
    };
    let generated = table.map_or(&[][..], |table| &table.generated);
    let position = |name: &String| {
        let found = view::position(&columns, name);
        let named = found.filter(|at| !generated.iter().any(|(column, _)| column == at));
        named.unwrap_or(usize::MAX)
    };
    trigger.columns.iter().map(position).collect()
}

/// Starts a program that runs a compiled trigger.
fn start(compiled: Result<Arc<Compiled>>) -> Start {
    Arc::new(move |activation: &Activation| -> Box<dyn Program> {
        Box::new(Running {
            compiled: compiled.clone(),
            parameters: compiled
                .as_ref()
                .map_or_else(|_| Vec::new(), |compiled| parameters(compiled.width, activation)),
            resolution: activation.resolution,
            next: 0,
        })
    })
}

/// A trigger with OLD and NEW as parameters, and how many columns each has.
fn with_rows(db: &Database, sql: &str, plain: &CreateTrigger) -> Result<(CreateTrigger, usize)> {
    let (columns, has_row_id) = columns_of(db, plain)?;
    let table = db.catalog().find_table(&plain.table.name);
    let rows = TriggerRows {
        columns,
        has_row_id,
        row_id_column: table.and_then(|table| table.row_id_column),
        has_old: plain.event != Event::Insert,
        has_new: plain.event != Event::Delete,
    };
    let trigger = parse_with(db, sql, Some(&rows))?;
    Ok((trigger, rows.columns.len()))
}

fn parse_with(db: &Database, sql: &str, rows: Option<&TriggerRows>) -> Result<CreateTrigger> {
    let names = match rows {
        Some(rows) => SchemaNames::in_trigger(db, rows),
        None => SchemaNames::lenient(db),
    };
    match parser::parse(sql, &names)? {
        Statement::CreateTrigger(trigger) => Ok(*trigger),
        _ => Err(SqlError::Incomplete.into()),
    }
}

/// The columns of the table or view that a trigger is on, and whether its rows have ids.
fn columns_of(db: &Database, trigger: &CreateTrigger) -> Result<(Vec<(String, Collation)>, bool)> {
    let name = &trigger.table.name;
    if let Some(table) = db.catalog().find_table(name) {
        let columns = table.definition.columns().iter();
        let columns = columns.map(|column| (column.name().to_owned(), column.collation()));
        return Ok((columns.collect(), !table.definition.is_without_row_id()));
    }
    if db.find_object(ObjectKind::View, name).is_some() {
        let source = parser::Names::table(&SchemaNames::new(db), None, name)?;
        let query = run::bind(&db.view(), &Select::from(source))?;
        let columns = run::columns(&query).into_iter().map(|name| (name, Collation::Binary));
        return Ok((columns.collect(), false));
    }
    Err(super::names::missing(db, trigger.table.schema.as_deref().or(Some("main")), name))
}

/// Compiles a trigger, all its statements under this resolution if there is one.
fn compile(
    db: &Database,
    sql: &str,
    plain: &CreateTrigger,
    resolution: Option<Resolution>,
) -> Result<Compiled> {
    let compiled = with_rows(db, sql, plain).and_then(|(mut trigger, width)| {
        for step in &mut trigger.steps {
            match step {
                TriggerStep::Insert(insert) => insert.resolution = resolution.or(insert.resolution),
                TriggerStep::Update(update) => update.resolution = resolution.or(update.resolution),
                TriggerStep::Delete(_) | TriggerStep::Select(_) => {}
            }
        }
        compile_parsed(db, trigger, width)
    });
    compiled.map_err(in_its_schema)
}

/// What a trigger names is looked for where the trigger is.
pub(super) fn in_its_schema(error: Error) -> Error {
    match error {
        Error::Name(mut name) if name.kind == NameKind::Table && name.within.is_none() => {
            name.within = Some("main".to_owned());
            Error::Name(name)
        }
        other => other,
    }
}

/// Looks whether a trigger finds all tables and columns that it names; what else is wrong with it is
/// told when it is started.
///
/// # Errors
/// The first name that stands for nothing.
pub(super) fn check_names(db: &Database, trigger: &Object) -> Result<()> {
    let sql = trigger.sql.as_deref().unwrap_or_default();
    let plain = parse_with(db, sql, None)?;
    let (trigger, _) = with_rows(db, sql, &plain).map_err(in_its_schema)?;
    let names = |result: Result<()>| match result {
        // It names what there is.
        Err(Error::Query(error))
            if matches!(*error, QueryError::MisusedAggregate { is_outer: true, .. }) =>
        {
            Ok(())
        }
        Err(error @ (Error::Name(_) | Error::Query(_))) => Err(in_its_schema(error)),
        Err(_) | Ok(()) => Ok(()),
    };
    if let Some(condition) = trigger.condition {
        names(run::bind(&db.view(), &Select::of([condition])).map(|_| ()))?;
    }
    trigger.steps.into_iter().try_for_each(|step| {
        names(super::dml::check_names(db, &step))?;
        names(compile_step(db, step).map(|_| ()))
    })
}

fn compile_parsed(db: &Database, trigger: CreateTrigger, width: usize) -> Result<Compiled> {
    let step = |step| compile_step(db, step);
    let condition = |condition: Expression| run::bind(&db.view(), &Select::of([condition]));
    Ok(Compiled {
        condition: trigger.condition.map(condition).transpose()?,
        steps: trigger.steps.into_iter().map(step).collect::<Result<_>>()?,
        width,
    })
}

fn compile_step(db: &Database, step: TriggerStep) -> Result<CompiledStep> {
    Ok(match step {
        TriggerStep::Insert(insert) => match view::find(db, &insert.table.name, Event::Insert)? {
            Some(id) => CompiledStep::View(ViewPlan::insert(db, id, insert)?),
            None => CompiledStep::Insert(InsertPlan::new(db, insert, Place::Trigger)?),
        },
        TriggerStep::Update(update) => match view::find(db, &update.table.name, Event::Update)? {
            Some(id) => CompiledStep::View(ViewPlan::update(db, id, update)?),
            None => CompiledStep::Update(UpdatePlan::new(db, update)?),
        },
        TriggerStep::Delete(delete) => match view::find(db, &delete.table.name, Event::Delete)? {
            Some(id) => CompiledStep::View(ViewPlan::delete(db, id, delete)?),
            None => CompiledStep::Delete(DeletePlan::new(db, delete)?),
        },
        TriggerStep::Select(select) => CompiledStep::Select(run::bind(&db.view(), &select)?),
    })
}

/// The values of OLD and NEW: each its row id and its columns.
fn parameters(width: usize, activation: &Activation) -> Vec<Value> {
    let mut values = vec![Value::Null; 2 * (width + 1)];
    if let Some((row_id, row)) = &activation.old {
        values[0] = Value::Integer(row_id.0);
        values[1..=row.len()].clone_from_slice(row);
    }
    if let Some((row_id, row)) = &activation.new {
        let first = width + 1;
        // Before it is stored a row has no id yet: SQLite says -1.
        values[first] = Value::Integer(row_id.map_or(-1, |row_id| row_id.0));
        values[first + 1..=first + row.len()].clone_from_slice(row);
    }
    values
}

struct Running {
    compiled: Result<Arc<Compiled>>,
    parameters: Vec<Value>,
    resolution: Option<Resolution>,
    next: usize,
}

impl Program for Running {
    fn step(&mut self, view: &View<'_>) -> Step {
        self.advance(view).unwrap_or_else(Step::Stop)
    }
}

impl Running {
    fn advance(&mut self, view: &View<'_>) -> std::result::Result<Step, Stop> {
        let compiled = self.compiled.clone()?;
        if self.next == 0 && !self.applies(&compiled, view)? {
            return Ok(Step::Done);
        }
        while let Some(step) = compiled.steps.get(self.next) {
            self.next += 1;
            let (parameters, resolution) = (&self.parameters, self.resolution);
            return Ok(Step::Work(match step {
                CompiledStep::Insert(insert) => insert.work(view, parameters, resolution)?,
                CompiledStep::Update(update) => update.work(view, parameters, resolution)?,
                CompiledStep::Delete(delete) => delete.work(view, parameters)?,
                CompiledStep::View(change) => change.work(view, parameters, resolution)?,
                CompiledStep::Select(select) => {
                    run::rows(view, select, parameters)?;
                    continue;
                }
            }));
        }
        Ok(Step::Done)
    }

    fn applies(&self, compiled: &Compiled, view: &View<'_>) -> std::result::Result<bool, Stop> {
        let Some(condition) = &compiled.condition else { return Ok(true) };
        let rows = run::rows(view, condition, &self.parameters)?;
        let value = rows.first().and_then(|row| row.first());
        Ok(value.and_then(Value::truth) == Some(true))
    }
}

/// The error of a trigger on something that it cannot be on.
pub(super) fn check_target(db: &Database, trigger: &CreateTrigger) -> Result<()> {
    let name = &trigger.table.name;
    if name.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_")) {
        let message = "cannot create trigger on system table".to_owned();
        return Err(SqlError::Refused { message }.into());
    }
    let is_view = db.find_object(ObjectKind::View, name).is_some();
    let message = match (is_view, trigger.timing) {
        (true, Timing::InsteadOf) => return Ok(()),
        (true, timing) => {
            let word = if timing == Timing::Before { "BEFORE" } else { "AFTER" };
            format!("cannot create {word} trigger on view: {name}")
        }
        (false, Timing::InsteadOf) if db.catalog().find_table(name).is_some() => {
            format!("cannot create INSTEAD OF trigger on table: {name}")
        }
        (false, _) if db.catalog().find_table(name).is_some() => return Ok(()),
        (false, _) => {
            let schema = (!trigger.is_temporary).then_some("main");
            return Err(super::names::missing(db, schema, name));
        }
    };
    Err(Error::from(SqlError::Refused { message }))
}
