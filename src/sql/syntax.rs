//! What a statement says, names as they are written: the parser makes it, lowering gives it meaning.

use crate::catalog::{Check, Column, ForeignKey, IndexColumn, KeyConstraint, Resolution};
use crate::database::{ObjectKind, Timing};
use crate::error::{Error, Event};
use crate::expression::Expression;
use crate::query::{Order, ResultColumn, Select};
use std::sync::Arc;

/// A name, perhaps with its schema's: `temp.t`.
#[derive(Clone, Debug, PartialEq)]
pub struct QualifiedName {
    pub schema: Option<String>,
    pub name: String,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    CreateTable(Box<CreateTable>),
    CreateIndex(Box<CreateIndex>),
    CreateView(Box<CreateView>),
    CreateTrigger(Box<CreateTrigger>),
    AlterTable {
        table: QualifiedName,
        change: Box<AlterTable>,
    },
    Drop {
        kind: ObjectKind,
        name: QualifiedName,
        if_exists: bool,
    },
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Select(Box<Select>),
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    Pragma(Pragma),
    /// A query of the file and the name.
    Attach(Box<Select>),
    /// A query of the name.
    Detach(Box<Select>),
    /// VACUUM, ANALYZE, REINDEX: there is nothing to be done.
    Nothing,
}

/// How much of a statement is looked at, in the order in which SQLite does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All but what it returns, and what becomes of rows in the way of new ones.
    NewRows,
    /// All but what it returns.
    Changes,
    Whole,
}

impl Statement {
    /// So much of it.
    pub fn up_to(mut self, extent: Extent) -> Self {
        if let (Statement::Insert(insert), Extent::NewRows) = (&mut self, extent) {
            insert.upserts.iter_mut().for_each(|upsert| upsert.update = None);
        }
        if extent != Extent::Whole {
            match &mut self {
                Statement::Insert(insert) => insert.returning.clear(),
                Statement::Update(update) => update.returning.clear(),
                Statement::Delete(delete) => delete.returning.clear(),
                _ => {}
            }
        }
        self
    }
}

/// CREATE TABLE.
#[derive(Clone, Debug)]
pub struct CreateTable {
    pub name: QualifiedName,
    pub is_temporary: bool,
    pub if_not_exists: bool,
    pub body: TableBody,
    /// The text from the name on.
    pub text: String,
}

/// The beginning of a CREATE TABLE, up to the name.
#[derive(Clone, Debug)]
pub struct TableHead<'a> {
    pub name: QualifiedName,
    pub is_temporary: bool,
    pub if_not_exists: bool,
    /// The text from the name on.
    pub text: &'a str,
}

#[derive(Clone, Debug)]
pub enum TableBody {
    Definition(TableDefinition),
    Query(Select),
}

/// The columns and constraints of a table.
#[derive(Clone, Debug)]
pub struct TableDefinition {
    pub columns: Vec<ColumnDefinition>,
    pub keys: Vec<KeyConstraint>,
    pub checks: Vec<Check>,
    pub foreign_keys: Vec<ForeignKey>,
    pub without_row_id: bool,
    pub is_strict: bool,
    pub is_autoincrement: bool,
}

/// A column, and what was said of it that a [`Column`] does not hold.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    pub column: Column,
    pub is_autoincrement: bool,
}

/// CREATE INDEX.
#[derive(Clone, Debug)]
pub struct CreateIndex {
    pub name: QualifiedName,
    pub table: String,
    pub columns: Vec<IndexColumn>,
    pub is_unique: bool,
    pub filter: Option<Expression>,
    pub if_not_exists: bool,
    pub text: String,
}

/// CREATE VIEW.
#[derive(Clone, Debug)]
pub struct CreateView {
    pub name: QualifiedName,
    pub is_temporary: bool,
    pub if_not_exists: bool,
    pub columns: Vec<String>,
    pub query: Arc<Select>,
    pub text: String,
}

/// CREATE TRIGGER.
#[derive(Clone, Debug)]
pub struct CreateTrigger {
    pub name: QualifiedName,
    pub is_temporary: bool,
    pub if_not_exists: bool,
    pub timing: Timing,
    pub event: Event,
    /// UPDATE OF.
    pub columns: Vec<String>,
    pub table: QualifiedName,
    pub condition: Option<Expression>,
    pub steps: Vec<TriggerStep>,
    /// What the step behind these names in vain, where one does.
    pub lacking: Option<Error>,
    pub text: String,
}

/// A statement of a trigger.
#[derive(Clone, Debug)]
pub enum TriggerStep {
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Select(Select),
}

impl TriggerStep {
    /// The table that it changes, if it changes one.
    pub fn target(&mut self) -> Option<&mut QualifiedName> {
        match self {
            TriggerStep::Insert(insert) => Some(&mut insert.table),
            TriggerStep::Update(update) => Some(&mut update.table),
            TriggerStep::Delete(delete) => Some(&mut delete.table),
            TriggerStep::Select(_) => None,
        }
    }
}

/// ALTER TABLE.
#[derive(Clone, Debug)]
pub enum AlterTable {
    RenameTo(String),
    RenameColumn { from: String, to: String, is_quoted: bool },
    AddColumn { column: Box<ColumnDefinition>, text: String },
    DropColumn(String),
}

/// INSERT.
#[derive(Clone, Debug)]
pub struct Insert {
    pub table: QualifiedName,
    pub alias: Option<String>,
    /// Empty: all columns.
    pub columns: Vec<String>,
    pub rows: Rows,
    pub resolution: Option<Resolution>,
    pub upserts: Vec<Upsert>,
    pub returning: Vec<ResultColumn>,
}

/// The rows to insert.
#[derive(Clone, Debug)]
pub enum Rows {
    /// VALUES.
    Values(Vec<Vec<Expression>>),
    Query(Select),
    /// DEFAULT VALUES.
    Default,
}

/// ON CONFLICT … DO ….
#[derive(Clone, Debug)]
pub struct Upsert {
    /// Empty: any key.
    pub target: Vec<IndexColumn>,
    pub target_filter: Option<Expression>,
    /// `None`: DO NOTHING.
    pub update: Option<(Vec<Assignment>, Option<Expression>)>,
}

/// `column = value` or `(column, …) = value`.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub columns: Vec<String>,
    pub value: Expression,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct Update {
    pub table: QualifiedName,
    pub alias: Option<String>,
    pub assignments: Vec<Assignment>,
    /// FROM: a query of everything that is joined to the table.
    pub from: Option<Select>,
    pub filter: Option<Expression>,
    pub limited: Option<Limited>,
    pub resolution: Option<Resolution>,
    pub returning: Vec<ResultColumn>,
}

/// ORDER BY and LIMIT of an UPDATE or DELETE: which of the rows it is about. SQLite has them where
/// it was compiled with `SQLITE_ENABLE_UPDATE_DELETE_LIMIT`, as most systems compile it.
#[derive(Clone, Debug)]
pub struct Limited {
    pub order: Vec<Order>,
    pub limit: Expression,
    pub offset: Option<Expression>,
}

impl Limited {
    /// The same of a query of the rows.
    pub fn apply(self, select: Select) -> Select {
        let select = self.order.into_iter().fold(select, Select::order_by);
        let select = select.limit(self.limit);
        self.offset.into_iter().fold(select, Select::offset)
    }
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct Delete {
    pub table: QualifiedName,
    pub alias: Option<String>,
    pub filter: Option<Expression>,
    pub limited: Option<Limited>,
    pub returning: Vec<ResultColumn>,
}

/// WITH name (columns) AS (query).
#[derive(Clone, Debug)]
pub struct CommonTable {
    pub name: String,
    pub columns: Vec<String>,
    pub query: Arc<Select>,
}

/// PRAGMA.
#[derive(Clone, Debug)]
pub struct Pragma {
    pub schema: Option<String>,
    pub name: String,
    /// `= value` or `(value)`, as written and without quotes.
    pub value: Option<String>,
}
