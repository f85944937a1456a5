//! A backend that writes down what a session sends, and what the database's foreign keys do about it.

use crate::database::{ByConstraint, Database, Enforcement};
use crate::error::Event as RowEvent;
use crate::session::backend::{Backend, Memory, Outcome};
use crate::session::mapping::MappedTable;
use crate::session::statement::{Alias, Select, Source, Statement};
use crate::session::trace::Parameters;
use crate::session::{Batch, DriverError};
use crate::value::Value;
use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

/// What was sent, in order.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Log(pub(super) Vec<Entry>);

/// Something that was sent.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    Begin,
    Commit,
    Rollback,
    Sql {
        /// As SQLAlchemy writes it, on one line.
        text: String,
        /// As its console shows them.
        parameters: String,
        /// INSERT, UPDATE, DELETE or SELECT, and the table.
        verb: &'static str,
        table: String,
        /// How often it was sent in one go.
        times: usize,
        /// What foreign keys did.
        by_constraint: Vec<ByConstraint>,
    },
}

/// The database, and the log that both ends hold.
pub(super) struct Observed<'a> {
    memory: Memory<'a>,
    log: Shared,
}

/// The log while it is being written.
#[derive(Clone, Default)]
pub(super) struct Shared(Rc<RefCell<Log>>);

impl Shared {
    /// Forgets what was sent so far.
    pub(super) fn restart(&self) {
        self.0.borrow_mut().0.clear();
    }

    /// What was sent.
    pub(super) fn take(&self) -> Log {
        mem::take(&mut self.0.borrow_mut())
    }

    fn push(&self, entry: Entry) {
        self.0.borrow_mut().0.push(entry);
    }

    /// Notes a statement that the program wrote itself.
    pub(super) fn push_text(&self, text: String, by_constraint: &[ByConstraint]) {
        self.push(Entry::Sql {
            table: text.clone(),
            text,
            parameters: "()".to_owned(),
            verb: "SQL",
            times: 1,
            by_constraint: by_constraint.to_vec(),
        });
    }

    fn push_sql(&self, statement: &Statement, parameters: Parameters, outcomes: &Outcome) {
        let (verb, table) = verb(statement);
        let times = parameters.count();
        self.push(Entry::Sql {
            text: statement.render().split_whitespace().collect::<Vec<_>>().join(" "),
            parameters: parameters.to_string(),
            verb,
            table,
            times,
            by_constraint: outcomes.by_constraint.clone(),
        });
    }
}

fn verb(statement: &Statement) -> (&'static str, String) {
    match statement {
        Statement::Insert(insert) => ("INSERT", insert.table.to_string()),
        Statement::Update(update) => ("UPDATE", update.table.to_string()),
        Statement::Delete(delete) => ("DELETE", delete.table.to_string()),
        Statement::Select(select) => ("SELECT", first_table(select)),
        Statement::Text(text) => ("SQL", text.sql.clone()),
        Statement::Savepoint(name) | Statement::Release(name) | Statement::RollbackTo(name) => {
            ("SAVEPOINT", name.clone())
        }
    }
}

/// The table of the first column.
fn first_table(select: &Select) -> String {
    match select.columns.first().map(|column| &column.source) {
        Some(Source::Table(name) | Source::Alias(Alias { base: name, .. })) => name.to_string(),
        None => String::new(),
    }
}

impl Log {
    /// Who changed rows of a table: the session by statements of its own, or the database.
    pub(super) fn who_changed(&self, changed: &str) -> Option<super::By> {
        let sql = self.0.iter().filter_map(|entry| match entry {
            Entry::Sql { verb, table, by_constraint, .. } => Some((*verb, table, by_constraint)),
            Entry::Begin | Entry::Commit | Entry::Rollback => None,
        });
        let by = |(verb, table, by_constraint): (&str, &String, &Vec<ByConstraint>)| {
            if matches!(verb, "UPDATE" | "DELETE") && table == changed {
                return Some(super::By::Session);
            }
            let acted = by_constraint.iter().any(|by| by.table() == changed && by.rows > 0);
            acted.then_some(super::By::Database)
        };
        sql.filter_map(by).next()
    }
}

/// What a foreign key did: `hero_team_id_fkey: set null in hero (2 rows)`.
pub(super) fn action_text(by: &ByConstraint) -> String {
    let verb = match by.event {
        RowEvent::Delete => "deletes from",
        RowEvent::Insert | RowEvent::Update | RowEvent::Commit => "sets NULL in",
    };
    let rows = crate::error::Rows(by.rows);
    format!("{} {verb} {} ({rows})", by.constraint(), by.table())
}

impl<'a> Observed<'a> {
    /// A database, and the log of what will be sent to it.
    pub(super) fn new(db: &'a mut Database) -> (Self, Shared) {
        let log = Shared::default();
        (Observed { memory: Memory::new(db), log: log.clone() }, log)
    }
}

impl Backend for Observed<'_> {
    fn begin(&mut self) -> Result<(), DriverError> {
        self.log.push(Entry::Begin);
        self.memory.begin()
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        self.log.push(Entry::Commit);
        self.memory.commit()
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        if self.memory.database().is_in_transaction() {
            self.log.push(Entry::Rollback);
        }
        self.memory.rollback()
    }

    fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Outcome, DriverError> {
        let result = self.memory.execute(statement, parameters);
        let outcome = result.clone().unwrap_or_default();
        self.log.push_sql(statement, Parameters::One(parameters.to_vec()), &outcome);
        result
    }

    fn execute_many(
        &mut self,
        statement: &Statement,
        batch: &Batch,
    ) -> Result<Outcome, DriverError> {
        let result = self.memory.execute_many(statement, batch);
        let outcome = result.clone().unwrap_or_default();
        self.log.push_sql(statement, Parameters::Many(batch.clone()), &outcome);
        result
    }

    fn create_table(&mut self, table: &MappedTable) -> Result<(), DriverError> {
        self.memory.create_table(table)
    }

    fn enforcement(&self) -> Enforcement {
        self.memory.enforcement()
    }

    fn set_enforcement(&mut self, enforcement: Enforcement) {
        self.memory.set_enforcement(enforcement);
    }
}
