//! One delete, in one way, and what came of it.

use super::Way;
use crate::cli::scenario::Prepared;
use crate::database::{Database, Enforcement, Selector};
use crate::session::backend::{Backend, Memory, Outcome as Answer};
use crate::session::mapping::{MappedTable, Mapping, Model};
use crate::session::statement::Statement;
use crate::session::trace::Event;
use crate::session::{Batch, DriverError, Error, Session, SessionOptions};
use crate::value::Value;
use std::cell::Cell;
use std::rc::Rc;

/// What came of a way.
pub(super) struct Outcome {
    pub(super) ending: Ending,
    /// What the session sent from the delete on, without BEGIN; a statement once, with `×n` behind it
    /// if it went for several rows.
    pub(super) statements: Vec<String>,
    /// Rows that came back, before the delete too; that of the object is among them.
    pub(super) rows_loaded: usize,
}

/// What tells ways apart.
#[derive(PartialEq)]
pub(super) struct Ending {
    /// The class of the error, and its words.
    pub(super) error: Option<(String, String)>,
    /// For each table, what became of its rows.
    pub(super) tables: Vec<(String, Rows)>,
    /// All rows.
    contents: Vec<Vec<Vec<Value>>>,
}

/// What became of the rows of a table: how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) gone: usize,
    pub(super) nulled: usize,
    pub(super) changed: usize,
    pub(super) dangling: usize,
    pub(super) kept: usize,
}

/// Deletes the object on a fork.
pub(super) fn delete(prepared: &Prepared, way: Way) -> Outcome {
    let mut db = prepared.db.fork().expect("no transaction is open");
    // A fork is in no transaction, so the switch is not ignored.
    let _ = db.set_enforcement(way.enforcement);
    let models: Vec<Model> =
        prepared.models.iter().map(|model| adapted(prepared, model, way)).collect();
    let mut statements = Vec::new();
    let rows_loaded = Rc::new(Cell::new(0));
    let error = match Mapping::configure(&models, &prepared.tables).mapping {
        Err(error) => Some(error),
        Ok(mapping) => {
            let counting = Counting { inner: Memory::new(&mut db), rows: rows_loaded.clone() };
            let options = SessionOptions::default();
            let mut session = Session::over(Box::new(counting), &mapping, options);
            let done = delete_in(&mut session, prepared, way, &mut statements);
            // A rollback after a failure, or nothing: there is no error that matters here.
            let _ = session.rollback();
            done.err()
        }
    };
    let error = error.map(|error| (error.class.to_string(), without_numbers(&error.message)));
    let ending = ending(prepared, &db, error);
    Outcome { ending, statements, rows_loaded: rows_loaded.get() }
}

/// A model with the way's strategy in the relationships of the class.
fn adapted(prepared: &Prepared, model: &Model, way: Way) -> Model {
    if model.name() != prepared.class {
        return model.clone();
    }
    model.clone().map_relationships(|relationship| {
        if !prepared.relationships.iter().any(|name| name == relationship.name()) {
            return relationship;
        }
        relationship.cascade(way.cascade).passive_deletes(way.passive.1)
    })
}

fn delete_in(
    session: &mut Session<'_>,
    prepared: &Prepared,
    way: Way,
    statements: &mut Vec<String>,
) -> Result<(), Error> {
    let Some(object) = session.get(&prepared.class, &prepared.key)? else { return Ok(()) };
    if way.loaded {
        for relationship in &prepared.relationships {
            session.read(object, relationship)?;
        }
    }
    session.trace().take();
    let done = session.delete(object).and_then(|()| session.commit());
    statements.extend(session.trace().take().iter().filter_map(sent));
    done
}

/// What was sent, on one line.
fn sent(event: &Event) -> Option<String> {
    match event {
        Event::Begin => None,
        Event::Commit => Some("COMMIT".to_owned()),
        Event::Rollback => Some("ROLLBACK".to_owned()),
        Event::Sql { statement, parameters } => {
            let text = statement.render().split_whitespace().collect::<Vec<_>>().join(" ");
            Some(match parameters.count() {
                1 => text,
                rows => format!("{text} ×{rows}"),
            })
        }
    }
}

fn without_numbers(message: &str) -> String {
    let mut words = message.split(" at 0x");
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, rest| {
        text + rest.trim_start_matches(|digit: char| digit.is_ascii_hexdigit())
    })
}

fn ending(prepared: &Prepared, db: &Database, error: Option<(String, String)>) -> Ending {
    let tables = prepared.mapping.tables();
    let contents: Vec<Vec<Vec<Value>>> = tables.iter().map(|table| contents(db, table)).collect();
    let counted = tables.iter().zip(&contents).map(|(table, after)| {
        let before = self::contents(&prepared.db, table);
        (table.name.to_string(), count(prepared, db, table, &before, after))
    });
    Ending { error, tables: counted.collect(), contents }
}

fn contents(db: &Database, table: &MappedTable) -> Vec<Vec<Value>> {
    let rows = db.find(&*table.name, Selector::All).unwrap_or_default();
    rows.into_iter().map(|(_, row)| row.to_vec()).collect()
}

/// What became of each row: it is found again by its primary key.
fn count(
    prepared: &Prepared,
    db: &Database,
    table: &MappedTable,
    before: &[Vec<Value>],
    after: &[Vec<Value>],
) -> Rows {
    let key = |row: &[Value]| -> Vec<Value> {
        table.primary_key.iter().map(|at| row[at.0].clone()).collect()
    };
    let mut rows = Rows::default();
    for was in before {
        match after.iter().find(|row| key(row) == key(was)) {
            None => rows.gone += 1,
            Some(is) if is == was && dangles(prepared, db, table, is) => rows.dangling += 1,
            Some(is) if is == was => rows.kept += 1,
            Some(is) if is.iter().zip(was).any(|(is, was)| is.is_null() && !was.is_null()) => {
                rows.nulled += 1;
            }
            Some(_) => rows.changed += 1,
        }
    }
    rows
}

/// Whether a key of a row leads to no row.
fn dangles(prepared: &Prepared, db: &Database, table: &MappedTable, row: &[Value]) -> bool {
    table.foreign_keys().iter().any(|key| {
        let columns = key.columns().iter().filter_map(|name| table.position(name));
        let values: Vec<&Value> = columns.map(|at| &row[at.0]).collect();
        let mut tables = prepared.mapping.tables().iter();
        let Some(target) = tables.find(|it| *it.name == *key.references()) else { return true };
        let places: Vec<usize> = key
            .referenced_columns()
            .iter()
            .filter_map(|it| target.position(it))
            .map(|it| it.0)
            .collect();
        let is_met =
            |row: &Vec<Value>| places.iter().zip(&values).all(|(&at, value)| row[at] == **value);
        !values.iter().any(|value| value.is_null()) && !contents(db, target).iter().any(is_met)
    })
}

/// The engine, with a count of the rows that it gives out.
struct Counting<'a> {
    inner: Memory<'a>,
    rows: Rc<Cell<usize>>,
}

impl Backend for Counting<'_> {
    fn begin(&mut self) -> Result<(), DriverError> {
        self.inner.begin()
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        self.inner.commit()
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        self.inner.rollback()
    }

    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Answer, DriverError> {
        let answer = self.inner.execute(statement, parameters)?;
        self.rows.set(self.rows.get() + answer.rows.len());
        Ok(answer)
    }

    fn execute_many(
        &mut self,
        statement: &Statement,
        batch: &Batch,
    ) -> Result<Answer, DriverError> {
        self.inner.execute_many(statement, batch)
    }

    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError> {
        self.inner.create_table(table)
    }

    fn enforcement(&self) -> Enforcement {
        self.inner.enforcement()
    }

    fn set_enforcement(&mut self, enforcement: Enforcement) {
        self.inner.set_enforcement(enforcement);
    }
}
