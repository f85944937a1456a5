//! A query as a value, and how it is built.

use super::selector::Selector;
#[cfg(feature = "sql")]
use super::source::Rows;
use super::source::{Join, JoinConstraint, JoinKind, Source};
use crate::expression::{DEPTH_MAX, Expression, Subquery, col, levels};
use crate::value::Collation;
use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

/// A query: SELECT or VALUES, or several of them combined.
///
/// A clone shares nothing, but its expressions do.
///
/// ```
/// use ondelete::query::{Select, Source};
/// use ondelete::expression::{Call, col};
///
/// let teams = Select::from(Source::table("team").alias("t"))
///     .left_join("hero", col(("hero", "team_id")).eq(col(("t", "id"))))
///     .column(col(("t", "name")))
///     .column_as(Call::new("count", [col(("hero", "id"))]), "heroes")
///     .group_by([col(("t", "id"))])
///     .order_by("heroes");
/// assert_eq!(
///     teams.to_string(),
///     "SELECT t.name, count(hero.id) AS heroes FROM team AS t LEFT JOIN hero \
///      ON hero.team_id = t.id GROUP BY t.id ORDER BY heroes"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    pub(super) with: Vec<CommonTable>,
    pub(super) first: Core,
    /// What is combined with what comes before, from left to right.
    pub(super) rest: Vec<(Compound, Core)>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<Expression>,
    pub(super) offset: Option<Expression>,
}

/// One SELECT or VALUES, without what orders and limits the whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Core {
    Select(Box<Body>),
    /// Rows of as many expressions each.
    Values(Vec<Vec<Expression>>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body {
    pub(super) distinct: bool,
    /// Empty for `*`.
    pub(super) columns: Vec<ResultColumn>,
    pub(super) from: Vec<Join>,
    /// A key or row id is that of the first source.
    pub(super) filter: Selector,
    pub(super) group: Vec<Expression>,
    pub(super) having: Option<Expression>,
    /// Whether it is a join in parentheses.
    pub(super) is_nested: bool,
}

/// How two queries are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compound {
    /// The rows of either, each once.
    Union,
    /// The rows of the one and then those of the other.
    UnionAll,
    /// The rows of the one that the other has not, each once.
    Except,
    /// The rows of the one that the other has too, each once.
    Intersect,
}

/// A column of a query's result.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultColumn {
    /// `*`: all columns of all sources.
    All,
    /// `t.*`: all columns of one source.
    AllOf(String),
    /// A computed column.
    Computed {
        /// Its value.
        expression: Expression,
        /// `AS name`.
        alias: Option<String>,
        /// What the column is called without an alias, if the expression is no column: its text as
        /// it was written. `None`: as it prints.
        text: Option<String>,
    },
}

impl<E: Into<Expression>> From<E> for ResultColumn {
    fn from(expression: E) -> Self {
        ResultColumn::Computed { expression: expression.into(), alias: None, text: None }
    }
}

impl ResultColumn {
    /// `expression AS name`
    pub fn named(expression: impl Into<Expression>, name: impl Into<String>) -> Self {
        let (expression, alias) = (expression.into(), Some(name.into()));
        ResultColumn::Computed { expression, alias, text: None }
    }

    /// An expression that was written like this.
    pub fn written(expression: impl Into<Expression>, text: impl Into<String>) -> Self {
        let (expression, text) = (expression.into(), Some(text.into()));
        ResultColumn::Computed { expression, alias: None, text }
    }
}

/// By what a result is sorted. A literal integer is the position of a result column, from 1; a name
/// without a table is first looked for among the names of the result columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub(super) expression: Expression,
    pub(super) is_descending: bool,
    /// `None`: NULL is less than every value.
    pub(super) nulls: Option<Nulls>,
}

/// Where NULL is sorted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Before every value.
    First,
    /// After every value.
    Last,
}

impl Order {
    /// From the least to the greatest.
    pub fn ascending(expression: impl Into<Expression>) -> Self {
        Order { expression: expression.into(), is_descending: false, nulls: None }
    }

    /// From the greatest to the least.
    pub fn descending(expression: impl Into<Expression>) -> Self {
        Order { expression: expression.into(), is_descending: true, nulls: None }
    }

    /// In this collation.
    #[must_use]
    pub fn collate(self, collation: Collation) -> Self {
        Order { expression: self.expression.collate(collation), ..self }
    }

    /// With NULL at this end, whatever the direction.
    #[must_use]
    pub fn nulls(self, nulls: Nulls) -> Self {
        Order { nulls: Some(nulls), ..self }
    }
}

impl From<&str> for Order {
    fn from(column: &str) -> Self {
        Order::ascending(col(column))
    }
}

impl From<String> for Order {
    fn from(column: String) -> Self {
        Order::ascending(col(column))
    }
}

impl From<Expression> for Order {
    fn from(expression: Expression) -> Self {
        Order::ascending(expression)
    }
}

/// WITH name (columns) AS (query): a query that others name like a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonTable {
    pub(super) name: String,
    /// Empty: those of the query.
    pub(super) columns: Vec<String>,
    pub(super) query: Nested,
}

/// A query inside of another one, and the levels that it adds to it.
///
/// What would be too deep is replaced by a query that cannot be bound, so that nothing which walks a
/// query can exhaust the stack.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nested {
    query: Arc<Select>,
    levels: usize,
}

impl Nested {
    pub(super) fn new(query: Arc<Select>) -> Self {
        let levels = levels(&*query);
        if levels < DEPTH_MAX {
            return Nested { query, levels };
        }
        Nested { query: Arc::new(Select::of([Expression::too_deep()])), levels: 1 }
    }
}

impl Deref for Nested {
    type Target = Select;

    fn deref(&self) -> &Select {
        &self.query
    }
}

impl Default for Core {
    fn default() -> Self {
        Core::Select(Box::default())
    }
}

impl Select {
    /// All columns of all rows of a table, or of whatever else a [`Source`] is.
    pub fn from(source: impl Into<Source>) -> Self {
        let join = Join { kind: JoinKind::Comma, source: source.into(), on: JoinConstraint::None };
        let body = Body { from: vec![join], ..Body::default() };
        Select { first: Core::Select(Box::new(body)), ..Select::default() }
    }

    /// One row of these columns, from no table.
    pub fn of<C: Into<ResultColumn>>(columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        let body = Body { columns, ..Body::default() };
        Select { first: Core::Select(Box::new(body)), ..Select::default() }
    }

    /// VALUES: these rows.
    pub fn values<E: Into<Expression>, R: IntoIterator<Item = E>>(
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let row = |row: R| row.into_iter().map(Into::into).collect();
        let rows = rows.into_iter().map(row).collect();
        Select { first: Core::Values(rows), ..Select::default() }
    }

    // What a row of the result is.

    /// Only these columns of the sources, in this order.
    #[must_use]
    pub fn columns<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        let column = |name: N| ResultColumn::from(col(name.into()));
        self.result(columns.into_iter().map(column))
    }

    /// Only these columns, in this order: of the sources, or computed.
    #[must_use]
    pub fn result<C: Into<ResultColumn>>(self, columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        self.body(|body| body.columns = columns)
    }

    /// One more column.
    #[must_use]
    pub fn column(self, column: impl Into<ResultColumn>) -> Self {
        let column = column.into();
        self.body(|body| body.columns.push(column))
    }

    /// One more column, with a name.
    #[must_use]
    pub fn column_as(self, expression: impl Into<Expression>, name: impl Into<String>) -> Self {
        self.column(ResultColumn::named(expression, name))
    }

    /// Equal rows once: DISTINCT.
    #[must_use]
    pub fn distinct(self) -> Self {
        self.body(|body| body.distinct = true)
    }

    // Which rows.

    /// Joins one more source.
    #[must_use]
    pub fn join_with(
        self,
        kind: JoinKind,
        source: impl Into<Source>,
        on: impl Into<JoinConstraint>,
    ) -> Self {
        let join = Join { kind, source: source.into(), on: on.into() };
        self.body(|body| body.from.push(join))
    }

    /// INNER JOIN: the pairs for which this is true.
    #[must_use]
    pub fn join(self, source: impl Into<Source>, on: impl Into<JoinConstraint>) -> Self {
        self.join_with(JoinKind::Inner, source, on)
    }

    /// LEFT JOIN: the pairs for which this is true, and with NULLs what is in no pair.
    #[must_use]
    pub fn left_join(self, source: impl Into<Source>, on: impl Into<JoinConstraint>) -> Self {
        self.join_with(JoinKind::Left, source, on)
    }

    /// All pairs: a comma.
    #[must_use]
    pub fn and_from(self, source: impl Into<Source>) -> Self {
        self.join_with(JoinKind::Comma, source, JoinConstraint::None)
    }

    /// Only the rows for which this is true, or the one of the first source with this primary key or
    /// row id. A second call takes the place of the first.
    #[must_use]
    pub fn filter(self, filter: impl Into<Selector>) -> Self {
        let filter = filter.into();
        self.body(|body| body.filter = filter)
    }

    /// One row per group of rows in which these are equal.
    #[must_use]
    pub fn group_by<E: Into<Expression>>(self, keys: impl IntoIterator<Item = E>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        self.body(|body| body.group = keys)
    }

    /// Only the groups for which this is true.
    #[must_use]
    pub fn having(self, predicate: impl Into<Expression>) -> Self {
        let predicate = predicate.into();
        self.body(|body| body.having = Some(predicate))
    }

    // Several queries. What orders and limits applies to the whole; that of `other` is dropped.

    /// UNION: the rows of either, each once, sorted.
    #[must_use]
    pub fn union(self, other: Select) -> Self {
        self.compound(Compound::Union, other)
    }

    /// UNION ALL: the rows of this query and then those of the other.
    #[must_use]
    pub fn union_all(self, other: Select) -> Self {
        self.compound(Compound::UnionAll, other)
    }

    /// EXCEPT: the rows that the other has not, each once.
    #[must_use]
    pub fn except(self, other: Select) -> Self {
        self.compound(Compound::Except, other)
    }

    /// INTERSECT: the rows that the other has, too, each once.
    #[must_use]
    pub fn intersect(self, other: Select) -> Self {
        self.compound(Compound::Intersect, other)
    }

    /// Any of the four. What comes before is combined first.
    #[must_use]
    pub fn compound(mut self, compound: Compound, other: Select) -> Self {
        self.rest.push((compound, other.first));
        self.rest.extend(other.rest);
        self
    }

    /// WITH: a query that this one names like a table, and so do those given after it.
    #[must_use]
    pub fn with(self, name: impl Into<String>, query: impl Into<Arc<Select>>) -> Self {
        self.with_columns(name, Vec::<String>::new(), query)
    }

    /// The same with names for its columns.
    #[must_use]
    pub fn with_columns<N: Into<String>>(
        mut self,
        name: impl Into<String>,
        columns: impl IntoIterator<Item = N>,
        query: impl Into<Arc<Select>>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        let query = Nested::new(query.into());
        self.with.push(CommonTable { name: name.into(), columns, query });
        self
    }

    // In which order, and how many.

    /// Sorts by this, after what was given before. NULL comes first.
    #[must_use]
    pub fn order_by(mut self, order: impl Into<Order>) -> Self {
        self.order.push(order.into());
        self
    }

    /// Sorts by this column the other way round. NULL comes last.
    #[must_use]
    pub fn order_by_descending(self, column: impl Into<String>) -> Self {
        self.order_by(Order::descending(col(column.into())))
    }

    /// At most this many rows; all if negative.
    #[must_use]
    pub fn limit(mut self, rows: impl Into<Expression>) -> Self {
        self.limit = Some(rows.into());
        self
    }

    /// Without the first rows.
    #[must_use]
    pub fn offset(mut self, rows: impl Into<Expression>) -> Self {
        self.offset = Some(rows.into());
        self
    }

    /// Changes the first SELECT. VALUES has nothing to be changed: it becomes a source.
    fn body(mut self, change: impl FnOnce(&mut Body)) -> Self {
        if let Core::Values(_) = &self.first {
            let values = Select { first: std::mem::take(&mut self.first), ..Select::default() };
            let Select { first, .. } = Select::from(values);
            self.first = first;
        }
        if let Core::Select(body) = &mut self.first {
            change(body);
        }
        self
    }

    /// The queries that this one reads from, those in its expressions aside.
    fn queries(&self) -> impl Iterator<Item = &Nested> {
        let cores = std::iter::once(&self.first).chain(self.rest.iter().map(|(_, core)| core));
        let joins = cores.flat_map(|core| match core {
            Core::Select(body) => body.from.as_slice(),
            Core::Values(_) => &[],
        });
        let sources = joins.filter_map(|join| join.source.query_given());
        self.with.iter().map(|table| &table.query).chain(sources)
    }

    /// Every expression in it, those of its sources' queries aside.
    pub(super) fn for_each_expression<'a>(&'a self, call: &mut dyn FnMut(&'a Expression)) {
        self.first.for_each_expression(call);
        self.rest.iter().for_each(|(_, core)| core.for_each_expression(call));
        self.order.iter().map(|order| &order.expression).for_each(&mut *call);
        self.limit.iter().chain(&self.offset).for_each(call);
    }
}

/// What only SQL says and asks of a query.
#[cfg(feature = "sql")]
impl Select {
    /// Its sources as one: all their columns, each still named together with its own source. What a
    /// join in parentheses is.
    #[must_use]
    pub(crate) fn nested(self) -> Self {
        self.body(|body| body.is_nested = true)
    }

    /// All pairs with a source that comes before the others.
    #[must_use]
    pub(crate) fn behind(self, source: Source) -> Self {
        let join = Join { kind: JoinKind::Comma, source, on: JoinConstraint::None };
        self.body(|body| body.from.insert(0, join))
    }

    /// Whether it reads a table, or a query where none is said, under a name.
    pub(crate) fn reads_as(&self, table: Option<crate::id::TableId>, name: &str) -> bool {
        let joins = match &self.first {
            Core::Select(body) => body.from.as_slice(),
            Core::Values(_) => &[],
        };
        let is_meant = |join: &Join| {
            let is_it = match &join.source.rows {
                Rows::Table(own, _) => table == Some(*own),
                Rows::Query(..) => table.is_none(),
                Rows::Named(_) | Rows::Missing(..) | Rows::Supplied(..) => false,
            };
            is_it && join.source.name().is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        joins.iter().any(is_meant)
    }
}

impl Subquery for Select {
    fn depth(&self) -> usize {
        let mut depth = self.queries().map(|query| query.levels).fold(1, usize::max);
        self.for_each_expression(&mut |expression| depth = depth.max(expression.depth()));
        depth
    }

    fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.for_each_expression(&mut |expression| {
            count = count.max(expression.parameter_count());
        });
        self.queries().map(|query| query.parameter_count()).fold(count, usize::max)
    }

    fn is_same(&self, other: &dyn Subquery) -> bool {
        (other as &dyn Any).downcast_ref::<Select>() == Some(self)
    }
}

impl From<Select> for Arc<dyn Subquery> {
    fn from(query: Select) -> Self {
        Arc::new(query)
    }
}

impl Core {
    fn for_each_expression<'a>(&'a self, call: &mut dyn FnMut(&'a Expression)) {
        let body = match self {
            Core::Values(rows) => return rows.iter().flatten().for_each(call),
            Core::Select(body) => body,
        };
        for column in &body.columns {
            if let ResultColumn::Computed { expression, .. } = column {
                call(expression);
            }
        }
        for join in &body.from {
            join.source.arguments().iter().for_each(&mut *call);
            if let JoinConstraint::On(on) = &join.on {
                call(on);
            }
        }
        if let Selector::Filter(filter) = &body.filter {
            call(filter);
        }
        body.group.iter().chain(&body.having).for_each(call);
    }
}

/// A position or a count that a literal gives, whatever signs it has.
pub(super) fn literal_integer(expression: &Expression) -> Option<i64> {
    let (sign, literal) = expression.without_signs();
    literal.as_literal()?.as_integer()?.checked_mul(sign)
}
