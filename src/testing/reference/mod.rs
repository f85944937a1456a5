//! The naive reference: the same database done another way, slowly and obviously.
//!
//! Tables are lists of rows, every lookup scans a whole table, and what may have to be undone is
//! copied first: the database before each statement, at each savepoint and at BEGIN. Nothing is
//! indexed, nothing is logged, nothing is remembered between statements but the rows themselves.
//!
//! Foreign keys are judged by the definition: the rows whose key a statement has named and the keys
//! it has vacated are listed, and at its end each is looked at in the rows as they are then. A row
//! keeps an identity of its own here, whatever becomes of its row id.
//!
//! From the rest of the crate it takes definitions, expressions and values. It finds referenced
//! keys, rows, conflicts and violations by code of its own, and recurses from row to row where the
//! engine keeps a stack: so a mistake is unlikely to be made twice.
//!
//! Not modelled: programs, dialects other than SQLite's (but for the depth limit), the record of
//! what is let pass.

mod change;
mod judge;
mod prepare;
mod schema;
mod state;

use super::{Effect, Operation};
use crate::database::{Control, Enforcement, Statement};
use crate::error::{Error, InputError, Violation, ViolationKind};
use crate::value::{Collation, Value, canonical};
use change::Run;
use state::State;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The naive reference engine.
///
/// ```
/// use ondelete::testing::{Operation, Reference, Refused};
/// use ondelete::{Column, Delete, Enforcement, Insert, Table, row};
///
/// let mut reference = Reference::new(Enforcement::On, None);
/// let node = Table::new("node")
///     .column(Column::integer("id").primary_key())
///     .column(Column::integer("up").references_key("node"));
/// reference.apply(&Operation::CreateTable(node))?;
/// let rows = Insert::into("node").row(row![1, ()]).row(row![2, 1]);
/// reference.apply(&Operation::Statement(rows.into()))?;
///
/// let delete = Delete::from("node").filter(ondelete::RowId(1));
/// let refused = reference.apply(&Operation::Statement(delete.into()));
/// assert_eq!(refused, Err(Refused::ForeignKey));
/// # Ok::<(), Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reference {
    state: State,
    enforcement: Enforcement,
    defers_all: bool,
    depth_limit: Option<usize>,
    open: Option<Open>,
}

/// The rows of each table with their ids: tables in the order of creation, rows in that of ids.
pub type Rows = Vec<(String, Vec<(i64, Vec<Value>)>)>;

/// The open transaction.
#[derive(Clone, Debug)]
struct Open {
    is_explicit: bool,
    before: State,
    savepoints: Vec<(String, State)>,
}

/// Why an operation is refused, so far as the engine and the reference must agree about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A foreign key, at the end of the statement or at COMMIT.
    ForeignKey,
    /// RESTRICT, at the row.
    Restrict,
    /// UNIQUE.
    Unique,
    /// PRIMARY KEY.
    PrimaryKey,
    /// NOT NULL.
    NotNull,
    /// CHECK.
    Check,
    /// An integer primary key given something else.
    Datatype,
    /// A definition that does not fit, or a foreign key that cannot be resolved.
    Schema,
    /// Actions nest too deep.
    Depth,
    /// A control statement out of place.
    Transaction,
    /// A name that is not there, or is there already.
    Name,
    /// A row, key or expression of the wrong shape.
    Input,
}

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused: {self:?}")
    }
}

impl From<&Error> for Refused {
    /// What the engine's error comes to.
    ///
    /// # Panics
    /// On the error of a program: the reference has none.
    fn from(error: &Error) -> Self {
        match error {
            Error::Violation(violation) => match violation.kind {
                ViolationKind::ForeignKey => Refused::ForeignKey,
                ViolationKind::Restrict => Refused::Restrict,
                ViolationKind::Unique => Refused::Unique,
                ViolationKind::PrimaryKey | ViolationKind::RowId => Refused::PrimaryKey,
                ViolationKind::NotNull => Refused::NotNull,
                ViolationKind::Check => Refused::Check,
                ViolationKind::Datatype => Refused::Datatype,
            },
            Error::Input(input) => match **input {
                InputError::NotAnInteger { .. } => Refused::Datatype,
                InputError::ValueCount { .. }
                | InputError::KeyWidth { .. }
                | InputError::NoPrimaryKey { .. }
                | InputError::Expression { .. }
                | InputError::DuplicateColumn { .. }
                | InputError::RowIdsExhausted { .. } => Refused::Input,
            },
            Error::Schema(_) => Refused::Schema,
            Error::Name(_) => Refused::Name,
            Error::Transaction(_) => Refused::Transaction,
            Error::Query(_) => Refused::Input,
            Error::Depth(_) => Refused::Depth,
            Error::Sql(_) | Error::Aborted(_) => panic!("the reference has no programs"),
        }
    }
}

/// A statement that came to nothing.
enum Failure {
    /// It was refused for what it says, before it ran: as if it had not been given.
    BeforeRun(Refused),
    /// It ran and was undone.
    WhileRunning(Refused),
}

/// What a statement is carried out under.
#[derive(Clone, Copy, Debug)]
struct Rules {
    enforces: bool,
    defers_all: bool,
    depth_limit: Option<usize>,
}

impl Reference {
    /// An empty database. The limit is that of nested actions.
    pub fn new(enforcement: Enforcement, depth_limit: Option<usize>) -> Self {
        Reference {
            state: State::default(),
            enforcement,
            defers_all: false,
            depth_limit,
            open: None,
        }
    }

    /// Carries an operation out.
    ///
    /// # Errors
    /// Why it is refused; nothing has changed then.
    pub fn apply(&mut self, operation: &Operation) -> Result<Effect, Refused> {
        match operation {
            Operation::Control(control) => {
                let was_open = self.open.is_some();
                let result = self.control(control);
                // In autocommit a failure, too, ends a transaction of its own.
                self.defers_all &= was_open || result.is_ok();
                result?;
            }
            Operation::SetEnforcement(enforcement) => {
                if self.open.is_none() {
                    self.enforcement = *enforcement;
                }
            }
            Operation::SetDeferAll(defers_all) => self.defers_all = *defers_all,
            Operation::Statement(statement) => {
                return self.statement(|state, rules| run(state, rules, statement));
            }
            Operation::CreateTable(_)
            | Operation::DropTable(_)
            | Operation::RenameTable { .. }
            | Operation::RenameColumn { .. }
            | Operation::AddColumn { .. }
            | Operation::DropColumn { .. }
            | Operation::CreateIndex(_)
            | Operation::DropIndex(_) => {
                self.statement(|state, rules| schema::change(state, rules, operation))?;
            }
        }
        Ok(Effect::default())
    }

    /// Every row of every table.
    pub fn rows(&self) -> Rows {
        let rows = |table: usize| {
            let ids = self.state.row_ids(table);
            ids.iter().map(|&id| (id, self.state.row(table, id).values.clone())).collect()
        };
        let tables = self.state.tables.iter().enumerate();
        tables.map(|(at, table)| (table.name.clone(), rows(at))).collect()
    }

    /// What would refuse a COMMIT now, each as [`describe`] has it.
    pub fn outstanding(&self) -> BTreeSet<String> {
        judge::outstanding(&self.state)
    }

    /// How many keys of live rows find nothing, each row once for each foreign key; `None` if some
    /// foreign key does not match what it references.
    pub fn dangling(&self) -> Option<usize> {
        judge::dangling(&self.state)
    }

    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// Whether foreign keys are acted on.
    pub fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// Whether all constraints are deferred.
    pub fn defers_all(&self) -> bool {
        self.defers_all
    }

    /// Runs `body` on the state, which is put back as it was if that comes to nothing.
    fn statement<T>(
        &mut self,
        body: impl FnOnce(&mut State, Rules) -> Result<T, Failure>,
    ) -> Result<T, Refused> {
        let rules = Rules {
            enforces: self.enforcement == Enforcement::On,
            defers_all: self.defers_all,
            depth_limit: self.depth_limit,
        };
        let before = self.state.clone();
        let mut result = body(&mut self.state, rules);
        if result.is_ok() && self.open.is_none() && !self.outstanding().is_empty() {
            result = Err(Failure::WhileRunning(Refused::ForeignKey));
        }
        if result.is_err() {
            self.state = before;
        }
        if self.open.is_none() && !matches!(result, Err(Failure::BeforeRun(_))) {
            self.end_transaction();
        }
        result.map_err(|failure| match failure {
            Failure::BeforeRun(refused) | Failure::WhileRunning(refused) => refused,
        })
    }

    fn control(&mut self, control: &Control) -> Result<(), Refused> {
        match control {
            Control::Begin if self.open.is_some() => return Err(Refused::Transaction),
            Control::Begin => self.begin(true),
            Control::Commit if self.open.is_none() => return Err(Refused::Transaction),
            Control::Commit => return self.commit(),
            Control::Rollback => {
                let open = self.open.take().ok_or(Refused::Transaction)?;
                self.state = open.before;
                self.end_transaction();
            }
            Control::Savepoint(name) => {
                if self.open.is_none() {
                    self.begin(false);
                }
                let point = (name.clone(), self.state.clone());
                self.open.as_mut().expect("begun just now").savepoints.push(point);
            }
            Control::Release(name) => {
                let (open, position) = self.find_savepoint(name)?;
                if position == 0 && !open.is_explicit {
                    return self.commit();
                }
                open.savepoints.truncate(position);
            }
            Control::RollbackTo(name) => {
                let (open, position) = self.find_savepoint(name)?;
                open.savepoints.truncate(position + 1);
                self.state = open.savepoints[position].1.clone();
            }
        }
        Ok(())
    }

    fn begin(&mut self, is_explicit: bool) {
        let before = self.state.clone();
        self.open = Some(Open { is_explicit, before, savepoints: Vec::new() });
    }

    fn commit(&mut self) -> Result<(), Refused> {
        if !self.outstanding().is_empty() {
            return Err(Refused::ForeignKey);
        }
        self.end_transaction();
        Ok(())
    }

    fn end_transaction(&mut self) {
        self.open = None;
        self.defers_all = false;
        self.state.outstanding.clear();
    }

    fn find_savepoint(&mut self, name: &str) -> Result<(&mut Open, usize), Refused> {
        let open = self.open.as_mut().ok_or(Refused::Name)?;
        let same = |(other, _): &(String, State)| other.eq_ignore_ascii_case(name);
        let position = open.savepoints.iter().rposition(same).ok_or(Refused::Name)?;
        Ok((open, position))
    }
}

fn run(state: &mut State, rules: Rules, statement: &Statement) -> Result<Effect, Failure> {
    let ready = prepare::prepare(state, rules, statement).map_err(Failure::BeforeRun)?;
    let mut run = Run::new(state, rules);
    run.carry_out(ready).map_err(Failure::WhileRunning)?;
    let (direct, total, suspects) = run.finish();
    judge::judge(state, rules, suspects).map_err(Failure::WhileRunning)?;
    Ok(Effect { direct, total })
}

/// A violation of a deferred constraint in words that engine and reference have in common: the
/// constraint, its key, and the rows that are in violation, if they are not more than ten.
pub fn describe(violation: &Violation) -> String {
    let rows = violation.rows().map(|row| row.values.to_string()).collect();
    let found = Found {
        constraint: violation.constraint(),
        still_referenced: violation.still_referenced,
        key: violation.key.to_vec(),
        rows,
        row_count: violation.row_count,
    };
    found.to_text()
}

struct Found<'a> {
    constraint: &'a str,
    still_referenced: bool,
    key: Vec<Value>,
    rows: Vec<String>,
    row_count: usize,
}

impl Found<'_> {
    fn to_text(&self) -> String {
        let key = self.key.iter().map(|value| canonical(value, Collation::Binary).to_string());
        let key = key.collect::<Vec<_>>().join(", ");
        let what = if self.still_referenced { "still referenced" } else { "not present" };
        let mut text = format!("{}: ({key}) {what}, {} rows:", self.constraint, self.row_count);
        for row in &self.rows {
            let _ = write!(text, " {row}");
        }
        text
    }
}
