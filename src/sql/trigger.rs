//! Triggers as programs of the executor.
//!
//! A trigger is kept as its text. Whenever the schema has changed it is parsed and compiled anew,
//! since what it names may mean something else; one that cannot be compiled fails the statement that
//! starts it. OLD and NEW are parameters of its statements: the old row's id and columns, then the
//! new one's.

use super::dml::{DeletePlan, InsertPlan, Place, UpdatePlan, refused};
use super::names::{Home, Named, SchemaNames, TriggerRows, find, missing};
use super::parser;
use super::reach::{Errors, Linked};
use super::run;
use super::syntax::{CreateTrigger, QualifiedName, Statement, TriggerStep};
use super::view::{self, ViewPlan};
use crate::catalog::Resolution;
use crate::database::{
    Activation, Database, Depth, Object, ObjectKind, Program, Start, Step, Stop, Timing, View,
};
use crate::error::{Error, Event, QueryError, Result, SqlError};
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

/// Compiles all triggers for the schema as it stands. They come in the order that is the reverse of the
/// one in which they run: a table's own, the newest first, after its guests, the oldest first.
pub(super) fn link(db: &mut Database) -> Vec<Linked> {
    let is_trigger = |object: &&Arc<Object>| object.kind == ObjectKind::Trigger;
    let triggers: Vec<_> = db.objects().iter().filter(is_trigger).cloned().collect();
    let (mut linked, mut guests) = (Vec::new(), Vec::new());
    for trigger in triggers {
        // It was parsed when it was defined, so it can be.
        let Ok(plain) = read(db, &trigger, Reading::Form) else { continue };
        let compiled = Compilations::new(db, &trigger, &plain);
        let on = find(db, plain.table.schema.as_deref(), &plain.table.name);
        let is_guest = on.is_some_and(|on| on.schema() != trigger.schema);
        let order = if is_guest { &mut guests } else { &mut linked };
        order.push(Linked::new(db, &plain, is_guest, compiled.errors()));
        let columns = positions(db, &plain);
        db.restart_program(trigger.schema, &trigger.name, columns, start(compiled));
    }
    linked.extend(guests.into_iter().rev());
    linked
}

/// The positions of the columns that a trigger waits for. What no UPDATE can name starts nothing: a
/// column that is not there, or that is generated.
pub(super) fn positions(db: &Database, trigger: &CreateTrigger) -> Arc<[usize]> {
    let found = find(db, trigger.table.schema.as_deref(), &trigger.table.name);
    let columns: Vec<String> = match found {
        Some(Named::Table(table)) => {
            let columns = table.definition.columns().iter();
            columns.map(|column| column.name().to_owned()).collect()
        }
        // A view that cannot be read yet may have triggers all the same.
        Some(Named::View(view)) => view::columns(db, view).unwrap_or_default(),
        None => Vec::new(),
    };
    let table = found.and_then(Named::table);
    let generated = table.map_or(&[][..], |table| &table.generated);
    let position = |name: &String| {
        let found = view::position(&columns, name);
        let named = found.filter(|at| !generated.iter().any(|(column, _)| column == at));
        named.unwrap_or(usize::MAX)
    };
    trigger.columns.iter().map(position).collect()
}

type Compilation = std::result::Result<Arc<Compiled>, Broken>;

/// Why a trigger cannot be compiled, and which of its steps is to blame.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) step: usize,
    /// Whether it is what foreign keys do about that step.
    pub(super) is_in_action: bool,
    pub(super) error: Error,
}

impl Broken {
    fn at(step: usize) -> impl Fn(Error) -> Broken {
        move |error| Broken { step, is_in_action: false, error }
    }
}

/// A trigger as it is compiled under what a statement around it says about rows in conflict: what
/// holds for its own decides which foreign keys come into play.
struct Compilations {
    own: Compilation,
    replacing: Compilation,
    otherwise: Compilation,
}

impl Compilations {
    fn new(db: &Database, object: &Object, plain: &CreateTrigger) -> Self {
        let own = compile(db, object, plain, None).map(Arc::new);
        let under = |resolution| match db.catalog().has_unresolved() {
            true => compile(db, object, plain, Some(resolution)).map(Arc::new),
            false => own.clone(),
        };
        let (replacing, otherwise) = (under(Resolution::Replace), under(Resolution::Abort));
        Compilations { own, replacing, otherwise }
    }

    fn errors(&self) -> Errors {
        let error = |compiled: &Compilation| compiled.as_ref().err().cloned();
        Errors {
            own: error(&self.own),
            replacing: error(&self.replacing),
            otherwise: error(&self.otherwise),
        }
    }

    fn under(&self, resolution: Option<Resolution>) -> &Compilation {
        match resolution {
            None => &self.own,
            Some(Resolution::Replace) => &self.replacing,
            Some(_) => &self.otherwise,
        }
    }
}

/// Starts a program that runs a compiled trigger.
fn start(compiled: Compilations) -> Start {
    Arc::new(move |activation: &Activation| -> Box<dyn Program> {
        let compiled = compiled.under(activation.resolution).clone();
        let parameters = compiled.as_ref().map(|compiled| parameters(compiled.width, activation));
        let (parameters, resolution) = (parameters.unwrap_or_default(), activation.resolution);
        Box::new(Running { compiled, parameters, resolution, next: 0 })
    })
}

/// What a trigger's text is read for.
#[derive(Clone, Copy)]
enum Reading<'a> {
    /// Its form, whatever its names stand for.
    Form,
    /// The names in it, with OLD and NEW as parameters: nothing of it is run.
    Names(&'a TriggerRows),
    /// What it does, with OLD and NEW as parameters.
    Program(&'a TriggerRows),
}

/// A trigger as it was written. Outside of temp it knows no schema but its own, which its names then
/// say.
fn read(db: &Database, object: &Object, reading: Reading<'_>) -> Result<CreateTrigger> {
    let home = Home::new(ObjectKind::Trigger, &object.name, object.schema);
    let names = match reading {
        Reading::Form => SchemaNames::lenient(db),
        Reading::Names(rows) => SchemaNames::never_run(db).in_trigger(home, rows),
        Reading::Program(rows) => SchemaNames::new(db).in_trigger(home, rows),
    };
    let parsed = parser::parse(object.sql.as_deref().unwrap_or_default(), &names)?;
    let Statement::CreateTrigger(mut trigger) = parsed else {
        return Err(SqlError::Incomplete.into());
    };
    if let Some(only) = home.only() {
        let only = db.catalog().schemas().name(only);
        let targets = trigger.steps.iter_mut().filter_map(TriggerStep::target);
        targets.chain([&mut trigger.table]).for_each(|it| it.schema = Some(only.to_owned()));
    }
    Ok(*trigger)
}

/// OLD and NEW of a trigger on a table or view.
fn rows_of(db: &Database, trigger: &CreateTrigger) -> Result<TriggerRows> {
    let QualifiedName { schema, name } = &trigger.table;
    let (columns, has_row_id, row_id_column) = match find(db, schema.as_deref(), name) {
        Some(Named::Table(table)) => {
            let columns = table.definition.columns().iter();
            let columns = columns.map(|column| (column.name().to_owned(), column.collation()));
            let has_row_id = !table.definition.is_without_row_id();
            (columns.collect(), has_row_id, table.row_id_column)
        }
        Some(Named::View(view)) => {
            let columns = view::columns(db, view)?.into_iter();
            (columns.map(|name| (name, Collation::Binary)).collect(), false, None)
        }
        None => return Err(missing(db, schema.as_deref(), name)),
    };
    let (has_old, has_new) = (trigger.event != Event::Insert, trigger.event != Event::Delete);
    Ok(TriggerRows { columns, has_row_id, row_id_column, has_old, has_new })
}

/// Compiles a trigger, all its statements under this resolution if there is one.
fn compile(
    db: &Database,
    object: &Object,
    plain: &CreateTrigger,
    resolution: Option<Resolution>,
) -> std::result::Result<Compiled, Broken> {
    let rows = rows_of(db, plain).map_err(Broken::at(0))?;
    let trigger = read(db, object, Reading::Program(&rows));
    let (mut trigger, width) = (trigger.map_err(Broken::at(0))?, rows.columns.len());
    for step in &mut trigger.steps {
        match step {
            TriggerStep::Insert(insert) => insert.resolution = resolution.or(insert.resolution),
            TriggerStep::Update(update) => update.resolution = resolution.or(update.resolution),
            TriggerStep::Delete(_) | TriggerStep::Select(_) => {}
        }
    }
    let condition = |condition: Expression| run::bind(&db.view(), &Select::of([condition]));
    let condition = trigger.condition.map(condition).transpose().map_err(Broken::at(0))?;
    let mut steps = Vec::with_capacity(trigger.steps.len());
    for (at, step) in trigger.steps.into_iter().enumerate() {
        let compiled = compile_step(db, step.clone(), Depth::Whole).map_err(|error| {
            let is_in_action = compile_step(db, step, Depth::Alone).is_ok();
            Broken { is_in_action, ..Broken::at(at)(error) }
        });
        steps.push(compiled?);
    }
    match trigger.lacking {
        None => Ok(Compiled { condition, steps, width }),
        Some(error) => Err(Broken::at(steps.len())(error)),
    }
}

/// Looks whether a trigger finds all tables and columns that it names; what else is wrong with it is
/// told when it is started.
///
/// # Errors
/// The first name that stands for nothing.
pub(super) fn check_names(db: &Database, trigger: &Object) -> Result<()> {
    let plain = read(db, trigger, Reading::Form)?;
    let trigger = read(db, trigger, Reading::Names(&rows_of(db, &plain)?))?;
    let names = |result: Result<()>| match result {
        // It names what there is.
        Err(Error::Query(error))
            if matches!(*error, QueryError::MisusedAggregate { is_outer: true, .. }) =>
        {
            Ok(())
        }
        Err(error) if view::is_of_functions(&error) => Ok(()),
        Err(error @ (Error::Name(_) | Error::Query(_))) => Err(error),
        Err(_) | Ok(()) => Ok(()),
    };
    if let Some(condition) = trigger.condition {
        names(run::bind(&db.view(), &Select::of([condition])).map(|_| ()))?;
    }
    trigger.steps.into_iter().try_for_each(|step| {
        names(super::dml::check_names(db, &step))?;
        names(compile_step(db, step, Depth::Whole).map(|_| ()))
    })?;
    trigger.lacking.map_or(Ok(()), Err)
}

fn compile_step(db: &Database, step: TriggerStep, depth: Depth) -> Result<CompiledStep> {
    Ok(match step {
        TriggerStep::Insert(insert) => match view::find(db, &insert.table, Event::Insert)? {
            Some(view) => CompiledStep::View(ViewPlan::insert(db, view, insert)?),
            None => CompiledStep::Insert(InsertPlan::new(db, insert, Place::Trigger, depth)?),
        },
        TriggerStep::Update(update) => match view::find(db, &update.table, Event::Update)? {
            Some(view) => CompiledStep::View(ViewPlan::update(db, view, update)?),
            None => CompiledStep::Update(UpdatePlan::new(db, update, depth)?),
        },
        TriggerStep::Delete(delete) => match view::find(db, &delete.table, Event::Delete)? {
            Some(view) => CompiledStep::View(ViewPlan::delete(db, view, delete)?),
            None => CompiledStep::Delete(DeletePlan::new(db, delete, depth)?),
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
    compiled: Compilation,
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
        let compiled = self.compiled.clone().map_err(|broken| broken.error)?;
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

/// The table or view that a trigger is to be on.
///
/// # Errors
/// If there is none, or the trigger cannot be on it.
pub(super) fn target<'a>(db: &'a Database, trigger: &CreateTrigger) -> Result<Named<'a>> {
    let QualifiedName { schema, name } = &trigger.table;
    if name.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_")) {
        return refused("cannot create trigger on system table".to_owned());
    }
    let Some(found) = find(db, schema.as_deref(), name) else {
        return Err(missing(db, schema.as_deref(), name));
    };
    match (found, trigger.timing) {
        (Named::View(_), Timing::Before) => {
            refused(format!("cannot create BEFORE trigger on view: {name}"))
        }
        (Named::View(_), Timing::After) => {
            refused(format!("cannot create AFTER trigger on view: {name}"))
        }
        (Named::Table(_), Timing::InsteadOf) => {
            refused(format!("cannot create INSTEAD OF trigger on table: {name}"))
        }
        (Named::View(_), Timing::InsteadOf) | (Named::Table(_), Timing::Before | Timing::After) => {
            Ok(found)
        }
    }
}
