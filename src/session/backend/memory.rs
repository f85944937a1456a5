//! The engine of this crate as a session's database: statements are lowered to its own, no text is
//! made or read. A statement in the program's own words is refused: session and SQL are siblings, and
//! whoever has both can put a backend over both (as `cli::scenario` does).

mod select;

use super::{Backend, Outcome};
use crate::catalog::Name;
use crate::database::{
    Control, Database, Delete as EngineDelete, Done, Enforcement, Insert as EngineInsert,
    RowValues, Selector, Statement as EngineStatement, Update as EngineUpdate,
};
use crate::error::{Error, InputError};
use crate::expression::{Expression, col, lit};
use crate::id::RowId;
use crate::session::error::{DriverClass, DriverError};
use crate::session::mapping::MappedTable;
use crate::session::statement::{Condition, Delete, Insert, Operand, Rows, Statement, Update};
use crate::value::{Key, Value};

/// A database of this crate, borrowed.
#[derive(Debug)]
pub struct Memory<'a> {
    db: &'a mut Database,
}

impl<'a> Memory<'a> {
    /// A connection to a database; the only one as long as it lives.
    pub fn new(db: &'a mut Database) -> Self {
        Memory { db }
    }

    /// The database.
    pub fn database(&mut self) -> &mut Database {
        self.db
    }

    fn insert(&mut self, insert: &Insert, parameters: &[Value]) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        match &insert.rows {
            Rows::NullIn(column) => {
                self.insert_row(insert, vec![(column.to_string(), Value::Null)], &mut outcome)?;
            }
            Rows::Values(_) if insert.columns.is_empty() => {
                self.insert_row(insert, vec![], &mut outcome)?;
            }
            Rows::Values(_) => {
                for values in parameters.chunks(insert.columns.len()) {
                    let names = insert.columns.iter().map(Name::to_string);
                    let named = names.zip(values.iter().cloned()).collect();
                    self.insert_row(insert, named, &mut outcome)?;
                }
            }
        }
        Ok(outcome)
    }

    fn insert_row(
        &mut self,
        insert: &Insert,
        values: Vec<(String, Value)>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        self.db.run(EngineInsert::into(&*insert.table).row(RowValues::Named(values)))?;
        let row_id = self.db.last_insert_row_id();
        outcome.row_count += 1;
        outcome.last_row_id = row_id.0;
        if !insert.returning.is_empty() {
            let selector = Selector::RowId(row_id);
            outcome.rows.extend(self.returning(&insert.table, selector, &insert.returning)?);
        }
        Ok(())
    }

    fn update(&mut self, update: &Update, parameters: &[Value]) -> Result<Outcome, Error> {
        let (set, keys) = parameters.split_at(update.set.len());
        let statement = update
            .set
            .iter()
            .zip(set)
            .fold(EngineUpdate::of(&*update.table), |statement, (column, value)| {
                statement.set(&**column, lit(value.clone()))
            });
        let selector = self.selector(&update.table, &update.filter, &mut keys.iter());
        self.changed(statement.filter(selector))
    }

    fn delete(&mut self, delete: &Delete, parameters: &[Value]) -> Result<Outcome, Error> {
        if delete.returning.is_empty()
            && let Some(key) = self.row_id_key(&delete.table, &delete.filter, parameters)
        {
            let done = self.db.delete(&*delete.table, key)?;
            return Ok(self.outcome(done));
        }
        let selector = self.selector(&delete.table, &delete.filter, &mut parameters.iter());
        let rows = match delete.returning.is_empty() {
            true => Vec::new(),
            false => self.returning(&delete.table, selector.clone(), &delete.returning)?,
        };
        let outcome = self.changed(EngineDelete::from(&*delete.table).filter(selector))?;
        Ok(Outcome { rows, ..outcome })
    }

    fn changed(&mut self, statement: impl Into<EngineStatement>) -> Result<Outcome, Error> {
        let done = self.db.run(statement)?;
        Ok(self.outcome(done))
    }

    fn outcome(&self, done: Done) -> Outcome {
        let RowId(last_row_id) = self.db.last_insert_row_id();
        let (row_count, by_constraint) = (done.direct, done.by_constraint);
        Outcome { row_count, last_row_id, by_constraint, ..Outcome::default() }
    }

    /// The key of the one row that a condition names by its integer primary key, which nearly every
    /// statement of a flush does: found without an expression.
    fn row_id_key(&self, table: &str, filter: &[Condition], parameters: &[Value]) -> Option<Key> {
        let [Condition::Equal(Operand::Column(column), Operand::Parameter)] = filter else {
            return None;
        };
        let [Value::Integer(id)] = parameters else { return None };
        let entry = self.db.catalog().find_table(table)?;
        let is_row_id = entry.row_id_column == entry.definition.position(&column.name);
        (is_row_id && entry.row_id_column.is_some()).then(|| Key::from(*id))
    }

    /// These columns of the rows selected.
    fn returning(
        &self,
        table: &str,
        selector: Selector,
        columns: &[Name],
    ) -> Result<Vec<Vec<Value>>, Error> {
        let positions = self.positions(table, columns.iter().map(|name| &**name))?;
        let rows = self.db.find(table, selector)?;
        let picked =
            rows.iter().map(|(_, row)| positions.iter().map(|&at| row[at].clone()).collect());
        Ok(picked.collect())
    }

    fn positions<'n>(
        &self,
        table: &str,
        columns: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<usize>, Error> {
        let entry = self.db.catalog().table(table)?;
        let find = |column: &str| {
            let position = entry.definition.position(column);
            position.ok_or_else(|| {
                let names = entry.definition.columns().iter().map(|column| column.name());
                crate::error::NameError::missing(
                    crate::error::NameKind::Column,
                    column,
                    Some(table),
                    names,
                )
            })
        };
        columns.map(find).collect()
    }

    fn selector<'v>(
        &self,
        table: &str,
        filter: &[Condition],
        parameters: &mut impl Iterator<Item = &'v Value>,
    ) -> Selector {
        let terms: Vec<Expression> =
            filter.iter().map(|condition| lower(table, condition, parameters)).collect();
        match terms.into_iter().reduce(Expression::and) {
            Some(predicate) => Selector::Filter(predicate),
            None => Selector::All,
        }
    }

    fn control(&mut self, control: &Control) -> Result<Outcome, DriverError> {
        self.db.control(control).map_err(|error| self.refusal(&error))?;
        Ok(Outcome::default())
    }

    /// What SQLite's driver would say.
    pub fn refusal(&self, error: &Error) -> DriverError {
        let class = match error {
            Error::Violation(_) | Error::Aborted(_) => DriverClass::IntegrityError,
            Error::Input(input) if matches!(**input, InputError::NotAnInteger { .. }) => {
                DriverClass::IntegrityError
            }
            _ => DriverClass::OperationalError,
        };
        DriverError { class, message: self.db.dialect().error_message(error) }
    }
}

fn operational(message: String) -> DriverError {
    DriverError { class: DriverClass::OperationalError, message }
}

/// A condition on one table, with its parameters in place.
fn lower<'v>(
    table: &str,
    condition: &Condition,
    parameters: &mut impl Iterator<Item = &'v Value>,
) -> Expression {
    let mut operand = |operand: &Operand| match operand {
        Operand::Column(column) => col(&*column.name),
        Operand::Parameter => lit(parameters.next().cloned().unwrap_or_default()),
    };
    match condition {
        Condition::Equal(left, right) => {
            let left = operand(left);
            left.eq(operand(right))
        }
        Condition::IsNull(of) => operand(of).is_null(),
        Condition::In { columns, keys } => select::lower_in(table, columns, *keys, parameters),
    }
}

impl Backend for Memory<'_> {
    fn begin(&mut self) -> Result<(), DriverError> {
        self.control(&Control::Begin).map(drop)
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        if !self.db.is_in_transaction() {
            return Ok(());
        }
        self.control(&Control::Commit).map(drop)
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        if !self.db.is_in_transaction() {
            return Ok(());
        }
        self.control(&Control::Rollback).map(drop)
    }

    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Outcome, DriverError> {
        let outcome = match statement {
            Statement::Insert(insert) => self.insert(insert, parameters),
            Statement::Update(update) => self.update(update, parameters),
            Statement::Delete(delete) => self.delete(delete, parameters),
            Statement::Select(select) => self.select(select, parameters),
            Statement::Savepoint(name) => return self.control(&Control::Savepoint(name.clone())),
            Statement::Release(name) => return self.control(&Control::Release(name.clone())),
            Statement::RollbackTo(name) => return self.control(&Control::RollbackTo(name.clone())),
            Statement::Text(_) => {
                return Err(operational("no SQL is read by this backend".to_owned()));
            }
        };
        outcome.map_err(|error| self.refusal(&error))
    }

    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError> {
        let created = self.db.create_table(table.definition());
        created.map_err(|error| self.refusal(&error))?;
        for index in table.index_definitions() {
            self.db.create_index(index).map_err(|error| self.refusal(&error))?;
        }
        Ok(())
    }

    fn enforcement(&self) -> Enforcement {
        self.db.enforcement()
    }

    fn set_enforcement(&mut self, enforcement: Enforcement) {
        // Inside a transaction the switch is ignored, which the trait promises no more than to do.
        let _ = self.db.set_enforcement(enforcement);
    }
}
