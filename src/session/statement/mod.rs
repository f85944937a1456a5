//! The statements that a session sends, as values.
//!
//! A statement has two faces: [`Statement::render`] is the text that SQLAlchemy would send to SQLite,
//! letter for letter, and a backend that speaks no SQL reads the fields. Values are never part of a
//! statement: each `?` is an [`Operand::Parameter`], and the parameters are given beside it, in the
//! order in which the `?` appear in the text. So one statement serves many rows.
//!
//! ```
//! use ondelete::session::statement::{Condition, Update, Statement};
//! let update = Update::of("hero", ["team_id"], [Condition::key("hero", "id")]);
//! assert_eq!(Statement::from(update).render(), "UPDATE hero SET team_id=? WHERE hero.id = ?");
//! ```
//!
//! A column is named with the [`Source`] it comes from: a table, or an alias that has a number only
//! when it is rendered (`team_1`), since numbers are given in the order in which aliases appear.

mod render;

use crate::catalog::Name;

/// Where a column comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A table by its name.
    Table(Name),
    /// A table under another name, or a subselect (whose base is `anon`).
    Alias(Alias),
}

/// An alias whose name is made when it is rendered: its base and a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alias {
    /// What the number follows: the table's name, or `anon` for a subselect.
    pub base: Name,
    /// Tells aliases of one statement apart; it is not the number that shows.
    pub id: u32,
}

/// A column of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// Where it comes from.
    pub source: Source,
    /// Its name there. For a column of a subselect: the name that the subselect's label style gives.
    pub name: Name,
}

impl Column {
    /// A column of a table that goes by its own name.
    pub fn of(table: impl Into<Name>, name: impl Into<Name>) -> Self {
        Column { source: Source::Table(table.into()), name: name.into() }
    }
}

/// One side of an equality.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A column.
    Column(Column),
    /// The next parameter.
    Parameter,
}

/// A condition; where several stand together, all must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `left = right`.
    Equal(Operand, Operand),
    /// `column IS NULL`.
    IsNull(Operand),
    /// `column IN (?, ?)`, or `(a, b) IN (VALUES (?, ?), (?, ?))`; one parameter for each column of
    /// each key.
    In {
        /// What is compared with each key.
        columns: Vec<Column>,
        /// How many keys there are.
        keys: usize,
    },
}

impl Condition {
    /// `table.column = ?`.
    pub fn key(table: impl Into<Name>, column: impl Into<Name>) -> Self {
        Condition::Equal(Operand::Column(Column::of(table, column)), Operand::Parameter)
    }

    /// `left = right`, of two columns.
    pub fn columns(left: Column, right: Column) -> Self {
        Condition::Equal(Operand::Column(left), Operand::Column(right))
    }
}

/// Which rows an INSERT puts in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// So many, each with a parameter for each column; one without columns is `DEFAULT VALUES`.
    Values(usize),
    /// One, of which nothing is said but that this column is NULL.
    NullIn(Name),
}

/// INSERT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    /// The table.
    pub table: Name,
    /// The columns that get a parameter each.
    pub columns: Vec<Name>,
    /// The rows.
    pub rows: Rows,
    /// What the new row's columns return.
    pub returning: Vec<Name>,
}

impl Insert {
    /// INSERT of one row with a value for each of these columns.
    pub fn into<N: Into<Name>>(
        table: impl Into<Name>,
        columns: impl IntoIterator<Item = N>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Insert { table: table.into(), columns, rows: Rows::Values(1), returning: Vec::new() }
    }

    /// RETURNING.
    #[must_use]
    pub fn returning<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.returning = columns.into_iter().map(Into::into).collect();
        self
    }
}

/// UPDATE: a parameter for each column set, then those of the conditions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    /// The table.
    pub table: Name,
    /// The columns that are set.
    pub set: Vec<Name>,
    /// Which rows.
    pub filter: Vec<Condition>,
}

impl Update {
    /// UPDATE of these columns where the conditions hold.
    pub fn of<N: Into<Name>>(
        table: impl Into<Name>,
        set: impl IntoIterator<Item = N>,
        filter: impl IntoIterator<Item = Condition>,
    ) -> Self {
        Update {
            table: table.into(),
            set: set.into_iter().map(Into::into).collect(),
            filter: filter.into_iter().collect(),
        }
    }
}

/// DELETE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delete {
    /// The table.
    pub table: Name,
    /// Which rows; all of them without any.
    pub filter: Vec<Condition>,
    /// What the deleted rows' columns return.
    pub returning: Vec<Name>,
}

impl Delete {
    /// DELETE where the conditions hold.
    pub fn from(table: impl Into<Name>, filter: impl IntoIterator<Item = Condition>) -> Self {
        let filter = filter.into_iter().collect();
        Delete { table: table.into(), filter, returning: Vec::new() }
    }

    /// RETURNING.
    #[must_use]
    pub fn returning<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.returning = columns.into_iter().map(Into::into).collect();
        self
    }
}

/// Which columns of a SELECT get a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Labels {
    /// None.
    None,
    /// Those whose name is taken: `team_1.id AS id_1`.
    #[default]
    Taken,
    /// All: `team.id AS team_id`.
    All,
}

/// What a SELECT reads: tables and joins, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum From {
    /// A table.
    Table(Name),
    /// A table under an alias.
    Aliased {
        /// The table.
        table: Name,
        /// Its alias.
        alias: Alias,
    },
    /// A subselect under an alias.
    Subselect {
        /// The subselect.
        select: Box<Select>,
        /// Its alias.
        alias: Alias,
    },
    /// A join.
    Join(Box<Join>),
}

/// `left JOIN right ON …` or `left LEFT OUTER JOIN right ON …`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Join {
    /// The left side.
    pub left: From,
    /// The right side.
    pub right: From,
    /// Whether rows of the left side without match stay.
    pub outer: bool,
    /// What must hold.
    pub on: Vec<Condition>,
}

/// A column to order by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ordering {
    /// The column.
    pub column: Column,
    /// Whether from large to small.
    pub descending: bool,
}

/// SELECT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Select {
    /// Whether equal rows come once.
    pub distinct: bool,
    /// The columns of the result.
    pub columns: Vec<Column>,
    /// Which of them get a label.
    pub labels: Labels,
    /// What is read.
    pub from: Vec<From>,
    /// Which rows.
    pub filter: Vec<Condition>,
    /// In which order.
    pub order_by: Vec<Ordering>,
}

/// A statement whose text the program wrote itself; only a backend that reads SQL takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    /// The text, with a `?` for each parameter.
    pub sql: String,
}

/// Anything that a session sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// INSERT.
    Insert(Insert),
    /// UPDATE.
    Update(Update),
    /// DELETE.
    Delete(Delete),
    /// SELECT.
    Select(Select),
    /// SAVEPOINT name.
    Savepoint(String),
    /// RELEASE SAVEPOINT name.
    Release(String),
    /// ROLLBACK TO SAVEPOINT name.
    RollbackTo(String),
    /// The program's own text.
    Text(Text),
}

impl std::convert::From<Insert> for Statement {
    fn from(insert: Insert) -> Self {
        Statement::Insert(insert)
    }
}

impl std::convert::From<Update> for Statement {
    fn from(update: Update) -> Self {
        Statement::Update(update)
    }
}

impl std::convert::From<Delete> for Statement {
    fn from(delete: Delete) -> Self {
        Statement::Delete(delete)
    }
}

impl std::convert::From<Select> for Statement {
    fn from(select: Select) -> Self {
        Statement::Select(select)
    }
}
