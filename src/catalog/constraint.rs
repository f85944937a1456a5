//! Constraint definitions: keys, checks, foreign keys, and the words that go with them.

use super::links::is_same;
use super::name::{Name, Names};
use crate::expression::Expression;
use crate::value::Collation;
use std::fmt;

/// What happens to referencing rows when their referenced row is deleted or its key changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ReferentialAction {
    /// Nothing happens; the constraint is checked at the end of the statement, or at COMMIT.
    #[default]
    NoAction,
    /// Refused as soon as the row has gone, deferred or not.
    Restrict,
    /// Deleted along, or the key changed along.
    Cascade,
    /// The referencing columns become NULL.
    SetNull,
    /// The referencing columns become their defaults.
    SetDefault,
}

impl ReferentialAction {
    /// All five, in the standard's order.
    pub const ALL: [ReferentialAction; 5] = [
        ReferentialAction::NoAction,
        ReferentialAction::Restrict,
        ReferentialAction::Cascade,
        ReferentialAction::SetNull,
        ReferentialAction::SetDefault,
    ];
}

impl fmt::Display for ReferentialAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReferentialAction::NoAction => "NO ACTION",
            ReferentialAction::Restrict => "RESTRICT",
            ReferentialAction::Cascade => "CASCADE",
            ReferentialAction::SetNull => "SET NULL",
            ReferentialAction::SetDefault => "SET DEFAULT",
        })
    }
}

/// When a constraint is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ConstraintMode {
    /// At the end of the statement; nothing was said.
    #[default]
    NotDeferrable,
    /// DEFERRABLE: at the end of the statement, unless all constraints are deferred.
    DeferrableInitiallyImmediate,
    /// DEFERRABLE INITIALLY DEFERRED: at COMMIT.
    DeferrableInitiallyDeferred,
}

/// When a key with NULLs counts as satisfied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum MatchType {
    /// One NULL is enough. What SQLite does whatever the word says.
    #[default]
    Simple,
    /// All NULL or none; a dialect may ignore the word, as SQLite's does.
    Full,
    /// Parsed and ignored by both references.
    Partial,
}

/// What becomes of a row that breaks a constraint of its own table, and of the statement. A foreign
/// key asks nobody: it always undoes the statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// The transaction is rolled back.
    Rollback,
    /// The statement is undone.
    #[default]
    Abort,
    /// The statement ends; what it did before stays.
    Fail,
    /// The row is skipped.
    Ignore,
    /// Rows in the way are deleted; a NULL becomes the default.
    Replace,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resolution::Rollback => "ROLLBACK",
            Resolution::Abort => "ABORT",
            Resolution::Fail => "FAIL",
            Resolution::Ignore => "IGNORE",
            Resolution::Replace => "REPLACE",
        })
    }
}

/// A FOREIGN KEY.
///
/// ```
/// use ondelete::{ConstraintMode, ForeignKey, ReferentialAction::Cascade};
/// let key = ForeignKey::new(["order_id", "line"], "line", ["order_id", "number"])
///     .named("note_line")
///     .on_delete(Cascade)
///     .mode(ConstraintMode::DeferrableInitiallyDeferred);
/// assert_eq!(key.references(), "line");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    pub(super) name: Option<Name>,
    pub(super) columns: Names,
    pub(super) references: Name,
    /// Empty: the primary key of the referenced table.
    pub(super) referenced_columns: Names,
    pub(super) on_delete: ReferentialAction,
    pub(super) on_update: ReferentialAction,
    pub(super) mode: ConstraintMode,
    pub(super) match_type: MatchType,
    pub(super) on_column: bool,
}

impl ForeignKey {
    /// `columns` reference `referenced_columns` of `table`, pairwise. No referenced columns: the
    /// primary key of `table`.
    pub fn new<C: Into<Name>, R: Into<Name>>(
        columns: impl IntoIterator<Item = C>,
        table: impl Into<Name>,
        referenced_columns: impl IntoIterator<Item = R>,
    ) -> Self {
        ForeignKey {
            columns: columns.into_iter().map(Into::into).collect(),
            on_column: false,
            ..ForeignKey::on_column(
                table.into(),
                referenced_columns.into_iter().map(Into::into).collect(),
            )
        }
    }

    /// `columns` reference the primary key of `table`, whichever that is.
    pub fn to_key<C: Into<Name>>(
        columns: impl IntoIterator<Item = C>,
        table: impl Into<Name>,
    ) -> Self {
        ForeignKey::new(columns, table, std::iter::empty::<Name>())
    }

    pub(super) fn on_column(references: Name, referenced_columns: Names) -> Self {
        ForeignKey {
            name: None,
            columns: Names::new(),
            references,
            referenced_columns,
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            mode: ConstraintMode::NotDeferrable,
            match_type: MatchType::Simple,
            on_column: true,
        }
    }

    /// CONSTRAINT name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The delete rule.
    #[must_use]
    pub fn on_delete(mut self, action: ReferentialAction) -> Self {
        self.on_delete = action;
        self
    }

    /// The update rule.
    #[must_use]
    pub fn on_update(mut self, action: ReferentialAction) -> Self {
        self.on_update = action;
        self
    }

    /// When it is checked.
    #[must_use]
    pub fn mode(mut self, mode: ConstraintMode) -> Self {
        self.mode = mode;
        self
    }

    /// Its MATCH word.
    #[must_use]
    pub fn match_type(mut self, match_type: MatchType) -> Self {
        self.match_type = match_type;
        self
    }

    /// The name given to it, if any.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The referencing columns.
    pub fn columns(&self) -> &[Name] {
        &self.columns
    }

    /// The referenced table.
    pub fn references(&self) -> &str {
        &self.references
    }

    /// The referenced columns as written; empty for the primary key.
    pub fn referenced_columns(&self) -> &[Name] {
        &self.referenced_columns
    }

    /// The delete rule.
    pub fn delete_rule(&self) -> ReferentialAction {
        self.on_delete
    }

    /// The update rule.
    pub fn update_rule(&self) -> ReferentialAction {
        self.on_update
    }

    /// When it is checked.
    pub fn constraint_mode(&self) -> ConstraintMode {
        self.mode
    }

    /// Its MATCH word.
    pub fn match_word(&self) -> MatchType {
        self.match_type
    }

    /// Whether it was declared on its column, and not on the table.
    pub fn is_on_column(&self) -> bool {
        self.on_column
    }
}

/// PRIMARY KEY or UNIQUE.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyConstraint {
    pub(super) primary: bool,
    pub(super) columns: Names,
    /// The same columns with COLLATE and DESC, if one of them has either.
    pub(super) written: Vec<IndexColumn>,
    pub(super) resolution: Option<Resolution>,
    pub(super) on_column: bool,
    /// How many foreign keys of its table, those of columns aside, are declared before it.
    pub(super) foreign_keys_before: usize,
}

impl KeyConstraint {
    /// PRIMARY KEY over these columns.
    pub fn primary_key<C: Into<IndexColumn>>(columns: impl IntoIterator<Item = C>) -> Self {
        KeyConstraint { primary: true, ..KeyConstraint::unique(columns) }
    }

    /// UNIQUE over these columns.
    pub fn unique<C: Into<IndexColumn>>(columns: impl IntoIterator<Item = C>) -> Self {
        let written: Vec<IndexColumn> = columns.into_iter().map(Into::into).collect();
        let names = written.iter().map(|column| column.name.clone()).collect();
        let is_plain = |column: &IndexColumn| column.collation.is_none() && !column.descending;
        let written = if written.iter().all(is_plain) { Vec::new() } else { written };
        KeyConstraint { written, ..KeyConstraint::over(false, names) }
    }

    /// ON CONFLICT: what is done about a row whose key is taken, unless the statement says.
    #[must_use]
    pub fn on_conflict(mut self, resolution: Resolution) -> Self {
        self.resolution = Some(resolution);
        self
    }

    /// Says that so many foreign keys of its table, those of columns aside, are declared before it:
    /// which of them is told first when a column of both is dropped.
    #[cfg(feature = "sql")]
    pub(crate) fn after_foreign_keys(mut self, count: usize) -> Self {
        self.foreign_keys_before = count;
        self
    }

    pub(super) fn over(primary: bool, columns: Names) -> Self {
        KeyConstraint {
            primary,
            columns,
            written: Vec::new(),
            resolution: None,
            on_column: false,
            foreign_keys_before: 0,
        }
    }

    pub(super) fn on_column(mut self) -> Self {
        self.on_column = true;
        self
    }

    /// Whether it was declared on a column.
    pub fn is_on_column(&self) -> bool {
        self.on_column
    }

    /// Whether it is the primary key.
    pub fn is_primary(&self) -> bool {
        self.primary
    }

    /// Its columns, in the order declared.
    pub fn columns(&self) -> &[Name] {
        &self.columns
    }

    /// Leaves out each column that stands in it before, in the same collation: `own` is that of a column
    /// whose key gives it none.
    pub(super) fn without_repetitions(mut self, own: impl Fn(&str) -> Collation) -> Self {
        let collation =
            |key: &Self, at: usize| key.collation(at).unwrap_or_else(|| own(&key.columns[at]));
        let is_first = |at: usize| {
            (0..at).all(|before| {
                !is_same(&self.columns[before], &self.columns[at])
                    || collation(&self, before) != collation(&self, at)
            })
        };
        let kept: Vec<usize> = (0..self.columns.len()).filter(|&at| is_first(at)).collect();
        let written = kept.iter().filter_map(|&at| self.written.get(at).cloned()).collect();
        let columns = kept.iter().map(|&at| self.columns[at].clone()).collect();
        (self.written, self.columns) = (written, columns);
        self
    }

    /// What is done about a row whose key is taken, if the constraint says.
    pub fn resolution(&self) -> Option<Resolution> {
        self.resolution
    }

    /// The collation given to the column at this place of the key; `None` for its own.
    pub fn collation(&self, place: usize) -> Option<Collation> {
        self.written.get(place).and_then(|column| column.collation)
    }

    /// Whether the column at this place of the key is DESC.
    pub fn is_descending(&self, place: usize) -> bool {
        self.written.get(place).is_some_and(|column| column.descending)
    }

    /// Follows a column's new name.
    pub(super) fn rename_column(&mut self, from: &str, to: &str) {
        let written = self.written.iter_mut().map(|column| &mut column.name);
        for name in self.columns.iter_mut().chain(written) {
            if is_same(name, from) {
                *name = to.into();
            }
        }
    }
}

/// CHECK.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub(super) name: Option<Name>,
    pub(super) expression: Expression,
    /// The expression as it was written, if it was.
    pub(super) text: Option<Name>,
    /// The column it was declared on; `None` for one of the table.
    pub(super) column: Option<Name>,
}

impl Check {
    /// CHECK (expression).
    pub fn new(expression: impl Into<Expression>) -> Self {
        Check { name: None, expression: expression.into(), text: None, column: None }
    }

    /// CONSTRAINT name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The expression as it was written: what a violation calls a check without a name.
    #[must_use]
    pub fn written_as(mut self, text: impl Into<Name>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// CONSTRAINT name; `None` without one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What a violation calls it: its name, else its text.
    pub(super) fn title(&self) -> String {
        match self.name.as_ref().or(self.text.as_ref()) {
            Some(title) => title.to_string(),
            None => self.expression.to_string(),
        }
    }

    /// What must not be false.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The column it was declared on; `None` for one of the table.
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }
}

/// A secondary index: CREATE \[UNIQUE\] INDEX name ON table (columns) \[WHERE predicate\].
///
/// ```
/// use ondelete::{Index, expression::col};
/// let index = Index::new("hero_name", "hero", ["name"]).unique().filter(col("age").is_not_null());
/// assert_eq!(
///     index.to_string(),
///     "CREATE UNIQUE INDEX hero_name ON hero (name) WHERE age IS NOT NULL"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub(super) name: Name,
    pub(super) table: Name,
    pub(super) columns: Vec<IndexColumn>,
    pub(super) unique: bool,
    pub(super) filter: Option<Expression>,
}

/// A column of an index, or an expression in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexColumn {
    /// The column's name, or the expression's text.
    pub(super) name: Name,
    pub(super) expression: Option<Expression>,
    pub(super) collation: Option<Collation>,
    pub(super) descending: bool,
}

impl IndexColumn {
    /// The column, in its own collation, ascending.
    pub fn new(name: impl Into<Name>) -> Self {
        IndexColumn { name: name.into(), expression: None, collation: None, descending: false }
    }

    /// What an expression over a row's columns comes to; only in a secondary index.
    ///
    /// ```
    /// use ondelete::expression::{col, function};
    /// use ondelete::{Index, IndexColumn};
    /// let lower = IndexColumn::of(function("lower", [col("name")]));
    /// let index = Index::new("hero_name", "hero", [lower]).unique();
    /// assert_eq!(index.to_string(), "CREATE UNIQUE INDEX hero_name ON hero (lower(name))");
    /// ```
    pub fn of(expression: impl Into<Expression>) -> Self {
        let expression = expression.into();
        let name = expression.to_string();
        IndexColumn { expression: Some(expression), ..IndexColumn::new(name) }
    }

    /// In this collation instead of the column's own.
    #[must_use]
    pub fn collate(mut self, collation: Collation) -> Self {
        self.collation = Some(collation);
        self
    }

    /// DESC. It changes how the index prints, not what it finds.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// The column's name, or the expression's text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The expression, if it is no column.
    pub fn expression(&self) -> Option<&Expression> {
        self.expression.as_ref()
    }

    /// Follows a column's new name.
    pub(super) fn rename_column(&mut self, from: &str, to: &str) {
        match &mut self.expression {
            Some(expression) => {
                *expression = expression.rename_column(from, to);
                self.name = expression.to_string().into();
            }
            None if is_same(&self.name, from) => self.name = to.into(),
            None => {}
        }
    }

    /// The collation given to it; `None` for the column's own.
    pub fn collation(&self) -> Option<Collation> {
        self.collation
    }

    /// Whether it is DESC.
    pub fn is_descending(&self) -> bool {
        self.descending
    }
}

impl<N: Into<Name>> From<N> for IndexColumn {
    fn from(name: N) -> Self {
        IndexColumn::new(name)
    }
}

impl Index {
    /// An index of `table` over `columns`, each a name or an [`IndexColumn`].
    pub fn new<C: Into<IndexColumn>>(
        name: impl Into<Name>,
        table: impl Into<Name>,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Index {
            name: name.into(),
            table: table.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            unique: false,
            filter: None,
        }
    }

    /// UNIQUE: no two rows of the index with the same key, unless it holds a NULL.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// WHERE: only rows for which the predicate is true are in the index.
    #[must_use]
    pub fn filter(mut self, predicate: impl Into<Expression>) -> Self {
        self.filter = Some(predicate.into());
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table it is of.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Whether it is unique.
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    /// Its columns, in order.
    pub fn columns(&self) -> &[IndexColumn] {
        &self.columns
    }

    /// The predicate of a partial index.
    pub fn predicate(&self) -> Option<&Expression> {
        self.filter.as_ref()
    }
}
