//! INSERT, UPDATE and DELETE on a view: its INSTEAD OF triggers stand for them.
//!
//! Each row of the view that the statement is about becomes an activation of the triggers, with OLD
//! as the view's query gives it. No row is changed but by them.

use super::assign::taken_apart;
use super::dml::{check_not_among, into_error};
use super::names::{self, Named, SchemaNames};
use super::run;
use super::syntax::{Delete, Insert, Limited, QualifiedName, Rows, Update};
use crate::catalog::Resolution;
use crate::database::{
    Activation, Database, Done, Object, ObjectKind, ProgramWork, Row, Stop, Timing, View,
};
use crate::error::{Error, Event, QueryError, Result, SqlError};
use crate::expression::{Expression, lit};
use crate::id::{RowId, SchemaId, TableId};
use crate::query::{Query, ResultColumn, Select, Source};
use crate::value::{Affinity, Value};

/// A change of a view's rows.
#[derive(Debug)]
pub(super) struct ViewPlan {
    /// What its triggers know it by.
    view: TableId,
    event: Event,
    width: usize,
    /// Where what the query gives behind OLD goes, or for an INSERT all that it gives.
    positions: Vec<usize>,
    /// What the values of NEW are converted to, by column: of an UPDATE alone, as in SQLite.
    affinities: Vec<Affinity>,
    /// OLD, and then what is assigned or inserted.
    query: Query,
    resolution: Option<Resolution>,
}

fn refused<T>(message: String) -> Result<T> {
    Err(SqlError::Refused { message }.into())
}

/// A view whose triggers stand for a change of it, and what they know it by.
#[derive(Clone, Copy)]
pub(super) struct Triggered<'a> {
    id: TableId,
    view: &'a Object,
}

/// The view of a name, if it is one, and a trigger stands for this event on it.
///
/// # Errors
/// For a view without such a trigger.
pub(super) fn find<'a>(
    db: &'a Database,
    name: &QualifiedName,
    event: Event,
) -> Result<Option<Triggered<'a>>> {
    let Some(Named::View(view)) = names::find(db, name.schema.as_deref(), &name.name) else {
        return Ok(None);
    };
    if let Some(id) = view.view.filter(|&id| db.has_program(id, event, Timing::InsteadOf)) {
        return Ok(Some(Triggered { id, view }));
    }
    columns(db, view)?;
    refused(format!("cannot modify {} because it is a view", view.name))
}

fn source(db: &Database, view: &Object, alias: Option<&str>) -> Result<Source> {
    let source = SchemaNames::new(db).view(view)?;
    Ok(alias.into_iter().fold(source, Source::alias))
}

/// The names of a view's columns.
///
/// # Errors
/// For a view that cannot be read.
pub(super) fn columns(db: &Database, view: &Object) -> Result<Vec<String>> {
    let query = run::bind(&db.view(), &Select::from(source(db, view, None)?))?;
    Ok(run::columns(&query))
}

/// Name and type of each of a view's columns.
///
/// # Errors
/// For a view that cannot be read.
pub(super) fn typed_columns(db: &Database, view: &Object) -> Result<Vec<(String, String)>> {
    let query = run::bind(&db.view(), &Select::from(source(db, view, None)?))?;
    Ok(run::columns(&query).into_iter().zip(query.column_types(db.catalog())).collect())
}

/// Looks whether a view finds all that it names, though not whether its functions are known.
///
/// # Errors
/// The first name that stands for nothing, and what else is wrong with it.
pub(super) fn check_names(db: &Database, view: &Object) -> Result<()> {
    let source = SchemaNames::never_run(db).view(view)?;
    match run::bind(&db.view(), &Select::from(source)) {
        Err(error) if is_of_functions(&error) => Ok(()),
        bound => bound.map(|_| ()),
    }
}

/// Whether an error is about what functions there are, which SQLite asks only when they are called.
pub(super) fn is_of_functions(error: &Error) -> bool {
    let Error::Query(error) = error else { return false };
    matches!(**error, QueryError::UnknownFunction { .. } | QueryError::ArgumentCount { .. })
}

pub(super) fn position(columns: &[String], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.eq_ignore_ascii_case(name))
}

impl ViewPlan {
    pub(super) fn insert(db: &Database, on: Triggered<'_>, insert: Insert) -> Result<Self> {
        let name = &insert.table.name;
        if !insert.upserts.is_empty() {
            return refused("cannot UPSERT a view".to_owned());
        }
        let columns = columns(db, on.view)?;
        let positions: Vec<usize> = match insert.columns.as_slice() {
            [] => (0..columns.len()).collect(),
            names => {
                let position = |column: &String| match position(&columns, column) {
                    Some(position) => Ok(position),
                    None => refused(format!("table {name} has no column named {column}")),
                };
                names.iter().map(position).collect::<Result<_>>()?
            }
        };
        let (select, positions) = match insert.rows {
            Rows::Default => (Select::values([vec![lit(Value::Null)]]), vec![0]),
            Rows::Query(query) => (query, positions),
            Rows::Values(rows) => (Select::values(rows), positions),
        };
        let query = run::bind(&db.view(), &select)?;
        let (expected, found) = (positions.len(), query.columns().len());
        if expected != found {
            return refused(format!(
                "table {name} has {expected} columns but {found} values were supplied"
            ));
        }
        let (event, width, resolution) = (Event::Insert, columns.len(), insert.resolution);
        let affinities = Vec::new();
        Ok(ViewPlan { view: on.id, event, width, positions, affinities, query, resolution })
    }

    pub(super) fn update(db: &Database, on: Triggered<'_>, update: Update) -> Result<Self> {
        let columns = columns(db, on.view)?;
        let (mut positions, mut values) = (Vec::new(), Vec::new());
        for (name, value) in taken_apart(update.assignments)? {
            let Some(position) = position(&columns, &name) else {
                return refused(format!("no such column: {name}"));
            };
            positions.push(position);
            values.push(ResultColumn::from(value));
        }
        let name = update.alias.as_deref().unwrap_or(&update.table.name);
        let source = source(db, on.view, update.alias.as_deref())?;
        let select = match update.from {
            None => Select::from(source),
            Some(from) => {
                check_not_among(&from, None, name)?;
                // A row that goes with several others starts the triggers for each of them.
                from.behind(source)
            }
        };
        let all = [ResultColumn::AllOf(name.to_owned())].into_iter().chain(values);
        let select = limited(select.result(all), update.filter, update.limited);
        let query = run::bind(&db.view(), &select)?;
        let (event, width, resolution) = (Event::Update, columns.len(), update.resolution);
        let affinities =
            query.affinities().take(width).map(|affinity| affinity.unwrap_or(Affinity::Blob));
        let affinities = affinities.collect();
        Ok(ViewPlan { view: on.id, event, width, positions, affinities, query, resolution })
    }

    pub(super) fn delete(db: &Database, on: Triggered<'_>, delete: Delete) -> Result<Self> {
        let source = source(db, on.view, delete.alias.as_deref())?;
        let select = limited(Select::from(source), delete.filter, delete.limited);
        let query = run::bind(&db.view(), &select)?;
        let (event, width, resolution) = (Event::Delete, query.columns().len(), None);
        let (positions, affinities) = (Vec::new(), Vec::new());
        Ok(ViewPlan { view: on.id, event, width, positions, affinities, query, resolution })
    }

    /// The activations of the triggers.
    pub(super) fn work(
        &self,
        view: &View<'_>,
        parameters: &[Value],
        resolution: Option<Resolution>,
    ) -> std::result::Result<ProgramWork, Stop> {
        let rows = run::rows(view, &self.query, parameters)?;
        let resolution = resolution.or(self.resolution);
        let changes = rows.into_iter().map(|row| self.activation(row, resolution)).collect();
        Ok(ProgramWork::instead(self.view, changes, self.positions.clone()))
    }

    fn activation(&self, row: Vec<Value>, resolution: Option<Resolution>) -> Activation {
        let (old, new): (Option<Row>, Option<Row>) = match self.event {
            Event::Insert => {
                let mut values = vec![Value::Null; self.width];
                for (&position, value) in self.positions.iter().zip(row) {
                    values[position] = value;
                }
                (None, Some(values.into()))
            }
            Event::Update => {
                let (old, assigned) = row.split_at(self.width);
                let mut new = old.to_vec();
                for (&position, value) in self.positions.iter().zip(assigned) {
                    new[position] = value.clone();
                }
                for (value, affinity) in new.iter_mut().zip(&self.affinities) {
                    *value = affinity.apply(std::mem::take(value));
                }
                (Some(old.into()), Some(new.into()))
            }
            Event::Delete | Event::Commit => (Some(row.into()), None),
        };
        let no_id = RowId(-1);
        Activation {
            table: self.view,
            event: self.event,
            resolution,
            old: old.map(|row| (no_id, row)),
            new: new.map(|row| (Some(no_id), row)),
        }
    }

    pub(super) fn run(&self, db: &mut Database, parameters: &[Value]) -> Result<Done> {
        let work = self.work(&db.view(), parameters, None).map_err(into_error)?;
        Ok(db.carry(work, false)?.0)
    }
}

fn limited(select: Select, filter: Option<Expression>, limited: Option<Limited>) -> Select {
    let select = filter.into_iter().fold(select, Select::filter);
    limited.into_iter().fold(select, |select, limited| limited.apply(select))
}

/// A view's object, with the id that its triggers know it by.
pub(super) fn object(db: &Database, name: String, sql: String, schema: SchemaId) -> Object {
    // Tables are numbered from below, and never so many.
    let id = TableId(u32::MAX - (db.schema_version() as u32 & 0x3fff_ffff));
    let (kind, table) = (ObjectKind::View, name.clone());
    Object { kind, name, table, sql: Some(sql), schema, view: Some(id) }
}
