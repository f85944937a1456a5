//! Names become slots: a [`Select`] becomes a [`Plan`].

use super::access::{Term, drop_unseen_orders, place};
use super::aggregate::Aggregate;
use super::combine::{CombinedOrder, Combining, combined_columns, queries_of_values};
use super::plan::{
    Access, GroupPlan, Origin, OutColumn, Part, Plan, RowsPlan, ScopePlan, SelectPlan, SortBy,
    SortKey, SourcePlan,
};
use super::recursive::{Working, initial_parts};
use super::scope::{HIDDEN_ROW_ID, NamedColumn, Place, ScopeNames, SourceNames};
use super::select::{
    Body, CommonTable, Compound, Core, Order, ResultColumn, Select, literal_integer,
};
use super::selector::Selector;
use super::source::{Join, JoinConstraint, JoinKind, Rows, Source};
use crate::catalog::{Catalog, TableEntry};
use crate::error::{Error, InputError, QueryError, Result};
use crate::expression::{Bound, ColumnInfo, Expression, col, lit};
use crate::id::TableRef;
use crate::value::{Collation, Key};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What binding one query needs to know, and counts.
pub(super) struct Binder<'a> {
    pub(super) catalog: &'a Catalog,
    caches: Cell<usize>,
    /// The caches of what SQLite computes once a statement if it reads nothing from outside.
    keeps: RefCell<Vec<usize>>,
    sources: Cell<usize>,
    /// The tables that are read, as they are now.
    tables: RefCell<Vec<Arc<TableEntry>>>,
}

/// The queries of WITH that can be named.
pub(super) struct With<'a> {
    pub(super) tables: &'a [CommonTable],
    outer: Option<&'a With<'a>>,
    /// Those that are being bound, and must not read themselves.
    busy: RefCell<Vec<usize>>,
    /// Those whose recursive parts are being bound, which must.
    pub(super) working: RefCell<Vec<Working>>,
}

impl<'a> With<'a> {
    pub(super) fn new(tables: &'a [CommonTable], outer: Option<&'a With<'a>>) -> Self {
        With { tables, outer, busy: RefCell::default(), working: RefCell::default() }
    }
}

/// The most sources of one SELECT, as in SQLite.
const SOURCES_MAX: usize = 64;

/// The most columns of a result, and terms of ORDER BY and GROUP BY.
const COLUMNS_MAX: usize = 2000;

/// The most queries in a combination.
const PARTS_MAX: usize = 500;

/// The most sources of a whole query: queries of WITH that name each other several times grow fast.
const ALL_SOURCES_MAX: usize = 2000;

fn unsupported<T>(what: &str) -> Result<T> {
    Err(QueryError::Unsupported { what: what.to_owned() }.into())
}

impl<'a> Binder<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        let (caches, sources) = (Cell::new(0), Cell::new(0));
        let (keeps, tables) = (RefCell::default(), RefCell::default());
        Binder { catalog, caches, keeps, sources, tables }
    }

    /// A place to keep something while the query runs.
    pub(super) fn new_cache(&self) -> usize {
        self.caches.replace(self.caches.get() + 1)
    }

    /// A place for the result of a query.
    pub(super) fn new_result_cache(&self) -> usize {
        let cache = self.new_cache();
        self.keeps.borrow_mut().push(cache);
        cache
    }

    /// How many places there are, which are for results of queries, and the tables that are read.
    pub(super) fn finish(self) -> (usize, Vec<usize>, Vec<Arc<TableEntry>>) {
        (self.caches.get(), self.keeps.into_inner(), self.tables.into_inner())
    }

    /// Binds a query that stands in a scope, or by itself.
    pub(super) fn bind_select(
        &self,
        select: &Select,
        parent: Option<&ScopeNames<'_>>,
        with: Option<&With<'_>>,
    ) -> Result<Plan> {
        // VALUES is sorted by its columns, as what is combined is.
        let is_combined = !select.rest.is_empty() || matches!(select.first, Core::Values(_));
        let mut combined = CombinedOrder::new(if is_combined { &select.order } else { &[] });
        if select.with.is_empty() {
            return self.bind_parts(select, &mut combined, parent, with);
        }
        let with = With::new(&select.with, with);
        self.bind_parts(select, &mut combined, parent, Some(&with))
    }

    /// Binds a query without its WITH. What `combined` sorts by is looked for in its parts.
    pub(super) fn bind_parts(
        &self,
        select: &Select,
        combined: &mut CombinedOrder<'_>,
        parent: Option<&ScopeNames<'_>>,
        with: Option<&With<'_>>,
    ) -> Result<Plan> {
        at_most(PARTS_MAX, select.rest.len() + 1, "too many terms in compound SELECT")?;
        let order: &[Order] = if select.rest.is_empty() { &select.order } else { &[] };
        let rest = select.rest.iter().map(|(compound, core)| (*compound, core));
        let mut combining = Combining::default();
        for (compound, core) in [(Compound::UnionAll, &select.first)].into_iter().chain(rest) {
            let (part, queries) = self.bind_core(core, order, combined, parent, with)?;
            combining.add(compound, part, queries)?;
        }
        self.bind_ends(select, combining, combined, ScopeNames::new(self, parent, with))
    }

    /// Binds what stands behind the parts of a query. Apart from them, so that queries in queries do
    /// not take its stack as well.
    #[inline(never)]
    fn bind_ends(
        &self,
        select: &Select,
        combining: Combining,
        combined: &mut CombinedOrder<'_>,
        scope: ScopeNames<'_>,
    ) -> Result<Plan> {
        let Combining { parts, named, collations } = combining;
        let collations: Vec<Collation> =
            collations.into_iter().map(Option::unwrap_or_default).collect();
        let order = match select.order.is_empty() {
            true => Vec::new(),
            false => combined.keys(&collations)?,
        };
        let count = |expression: &Option<Expression>| {
            expression.as_ref().map(|it| scope.bind(it, Place::Rows)).transpose()
        };
        let (limit, offset) = (count(&select.limit)?, count(&select.offset)?);
        let tail = scope.plan.take();
        let values = named.last().cloned().unwrap_or_default();
        let columns = combined_columns(named);
        let is_one = |limit: &Expression| literal_integer(limit) == Some(1);
        let is_for_first = select.limit.as_ref().is_some_and(is_one) && offset.is_none();
        Ok(Plan { parts, columns, values, collations, order, tail, limit, offset, is_for_first })
    }

    /// Binds one SELECT or VALUES. VALUES may be several queries by its columns.
    pub(super) fn bind_core(
        &self,
        core: &Core,
        order: &[Order],
        combined: &mut CombinedOrder<'_>,
        parent: Option<&ScopeNames<'_>>,
        with: Option<&With<'_>>,
    ) -> Result<(Part, Vec<Vec<OutColumn>>)> {
        let scope = ScopeNames::new(self, parent, with);
        match core {
            Core::Values(rows) => bind_values(rows, &scope, with),
            Core::Select(body) => {
                SelectBinder { binder: self, scope, with }.bind(body, order, combined)
            }
        }
    }
}

fn bind_values(
    rows: &[Vec<Expression>],
    scope: &ScopeNames<'_>,
    with: Option<&With<'_>>,
) -> Result<(Part, Vec<Vec<OutColumn>>)> {
    let mut bound = Vec::with_capacity(rows.len());
    for row in rows {
        at_most(COLUMNS_MAX, row.len(), "too many columns in result set")?;
        let row = row.iter().map(|value| scope.bind(value, Place::Rows));
        bound.push(row.collect::<Result<Vec<Bound>>>()?);
    }
    let width = bound.first().map_or(0, Vec::len);
    if bound.iter().any(|row| row.len() != width) {
        return Err(QueryError::ValuesWidth.into());
    }
    let queries = queries_of_values(&bound, with);
    Ok((Part::Values(scope.plan.take(), bound), queries))
}

/// The column that a literal position means.
pub(super) fn result_position(
    position: i64,
    clause: &'static str,
    term: usize,
    columns: usize,
) -> Result<usize> {
    match usize::try_from(position) {
        Ok(position) if (1..=columns).contains(&position) => Ok(position - 1),
        _ => Err(QueryError::Position { clause, term: term + 1, columns }.into()),
    }
}

/// Refuses more of something than SQLite takes.
fn at_most(max: usize, count: usize, what: &'static str) -> Result<()> {
    match count > max {
        true => Err(QueryError::TooMany { what }.into()),
        false => Ok(()),
    }
}

/// Binds one SELECT.
pub(super) struct SelectBinder<'b> {
    pub(super) binder: &'b Binder<'b>,
    pub(super) scope: ScopeNames<'b>,
    with: Option<&'b With<'b>>,
}

impl SelectBinder<'_> {
    fn bind(
        self,
        body: &Body,
        order: &[Order],
        combined: &mut CombinedOrder<'_>,
    ) -> Result<(Part, Vec<Vec<OutColumn>>)> {
        at_most(SOURCES_MAX, body.from.len(), "at most 64 tables in a join")?;
        at_most(COLUMNS_MAX, order.len(), "too many terms in ORDER BY clause")?;
        at_most(COLUMNS_MAX, body.group.len(), "too many terms in GROUP BY clause")?;
        let mut sources = Vec::with_capacity(body.from.len());
        let mut terms = Vec::new();
        for (position, join) in body.from.iter().enumerate() {
            sources.push(self.bind_source(position, join)?);
        }
        // ON may name sources that come later.
        let has_right = sources.iter().any(|source| source.is_right);
        for (position, join) in body.from.iter().enumerate() {
            // Rows that go with none need not fulfil the ON of other joins.
            let is_own = position > 0 && (has_right || sources[position].is_left);
            self.bind_constraint(position, join, is_own.then_some(position), &mut terms)?;
        }
        let scope = self.scope.plan.borrow();
        if has_right && terms.iter().any(|term| term.names_later(&scope)) {
            return unsupported("an ON that names a source behind it, beside a RIGHT JOIN");
        }
        drop(scope);
        let (columns, named) = match body.is_nested {
            true => self.bind_nested(),
            false => self.bind_columns(&body.columns)?,
        };
        at_most(COLUMNS_MAX, columns.len(), "too many columns in result set")?;
        combined.look_in(&self.scope, &columns);
        for condition in self.conditions(&body.filter)? {
            for conjunct in condition.conjuncts() {
                terms.push(self.term(conjunct, None)?);
            }
        }
        let keys = self.bind_group(body, &columns)?;
        // Only GROUP BY and the result's columns make groups of rows.
        let is_grouped = !keys.is_empty() || !self.scope.aggregates.borrow().is_empty();
        if body.having.is_some() && !is_grouped {
            return Err(QueryError::HavingWithoutGroup.into());
        }
        let having = body.having.as_ref().map(|it| self.scope.bind(it, Place::Groups));
        let having = having.transpose()?;
        let order = self.bind_order(order, &columns)?;
        let aggregates: Vec<Aggregate> = self.scope.aggregates.take();
        if let (false, Some(aggregate)) = (is_grouped, aggregates.first()) {
            let function = aggregate.call.name().to_owned();
            return Err(QueryError::MisusedAggregate { function, is_outer: true }.into());
        }
        let group = is_grouped.then_some(GroupPlan { keys, aggregates, having });
        let distinct = body
            .distinct
            .then(|| columns.iter().map(|column| column.collation().unwrap_or_default()).collect());
        let scope: ScopePlan = self.scope.plan.take();
        let conditions = place(self.binder, &scope, &mut sources, terms);
        let mut select = SelectPlan { scope, sources, conditions, group, columns, distinct, order };
        drop_unseen_orders(&mut select);
        Ok((Part::Select(Box::new(select)), vec![named]))
    }

    // Sources.

    fn bind_source(&self, position: usize, join: &Join) -> Result<SourcePlan> {
        let count = self.binder.sources.get() + 1;
        self.binder.sources.set(count);
        if count > ALL_SOURCES_MAX {
            return unsupported("a query of more than 2000 sources");
        }
        let (is_left, is_right) = match join.kind {
            JoinKind::Comma | JoinKind::Inner | JoinKind::Cross => (false, false),
            JoinKind::Left => (position > 0, false),
            JoinKind::Right => (false, position > 0),
            JoinKind::Full => (position > 0, position > 0),
        };
        let (rows, names) = self.bind_rows(&join.source)?;
        self.scope.sources.borrow_mut().push(names);
        let (tests, on, filter) = (Vec::new(), Vec::new(), Vec::new());
        let (uses_indexes, access) = (join.source.uses_indexes, Access::scan());
        Ok(SourcePlan { rows, is_left, is_right, tests, on, filter, uses_indexes, access })
    }

    fn bind_rows(&self, source: &Source) -> Result<(RowsPlan, SourceNames)> {
        match &source.rows {
            Rows::Named(name) => match self.find_common(name, source)? {
                Some(found) => Ok(found),
                None => self.bind_table(name.as_str().into(), source),
            },
            Rows::Table(id, _) => self.bind_table((*id).into(), source),
            Rows::Missing(_, error) => Err((**error).clone()),
            Rows::Query(query, columns) => self.bind_query(query, columns, source, self.with),
            Rows::Supplied(table, arguments) => {
                let bind = |it: &Expression| self.scope.bind(it, Place::Rows);
                let arguments = arguments.iter().map(bind).collect::<Result<Vec<_>>>()?;
                let columns = table.0.columns().into_iter().map(|column| {
                    NamedColumn::new(column.name, Some(column.affinity), column.collation)
                });
                let names = SourceNames {
                    name: source.name().map(str::to_owned),
                    schema: None,
                    columns: columns.collect(),
                    is_qualified: false,
                    row_id: Some("rowid".to_owned()),
                    shows_row_id: true,
                };
                Ok((RowsPlan::Supplied { table: table.0.clone(), arguments }, names))
            }
        }
    }

    /// The query of WITH that has this name.
    fn find_common(&self, name: &str, source: &Source) -> Result<Option<(RowsPlan, SourceNames)>> {
        let mut level = self.with;
        while let Some(with) = level {
            let is_meant = |table: &CommonTable| table.name.eq_ignore_ascii_case(name);
            if let Some(at) = with.tables.iter().position(is_meant) {
                let table = &with.tables[at];
                let called = source.name().unwrap_or(name);
                if let Some(working) =
                    with.working.borrow_mut().iter_mut().find(|working| working.at == at)
                {
                    return Ok(Some(working.read(called)));
                }
                if with.busy.borrow().contains(&at) {
                    return Err(QueryError::CircularReference { table: table.name.clone() }.into());
                }
                with.busy.borrow_mut().push(at);
                let source = source.clone().alias(called);
                let found = match initial_parts(table) {
                    Some(initial) => self.bind_recursive(with, at, initial, &source),
                    None => self.bind_query(&table.query, &table.columns, &source, level),
                };
                with.busy.borrow_mut().pop();
                return found.map(Some);
            }
            level = with.outer;
        }
        Ok(None)
    }

    fn bind_table(&self, table: TableRef<'_>, source: &Source) -> Result<(RowsPlan, SourceNames)> {
        let table = self.binder.catalog.table(table)?;
        self.binder.tables.borrow_mut().push(table.clone());
        let called = source.name().unwrap_or(table.name());
        if self.scope.sources.borrow().is_empty() {
            *self.scope.first_table.borrow_mut() = Some(table.clone());
        }
        let schema = self.binder.catalog.schemas().name(table.definition.schema());
        Ok((RowsPlan::Table(table.id), SourceNames::of_table(table, called).within(schema)))
    }

    fn bind_query(
        &self,
        query: &Select,
        columns: &[String],
        source: &Source,
        with: Option<&With<'_>>,
    ) -> Result<(RowsPlan, SourceNames)> {
        let parent = self.scope.parent;
        let bind = || self.binder.bind_select(query, parent, with);
        let (plan, reads) = match parent {
            Some(parent) => parent.reads_of(bind)?,
            None => (bind()?, Vec::new()),
        };
        self.name_columns(plan, reads, columns, source)
    }

    /// The columns of a query that is a source. Apart from binding it, as `bind_ends`.
    #[inline(never)]
    fn name_columns(
        &self,
        plan: Plan,
        reads: Vec<usize>,
        columns: &[String],
        source: &Source,
    ) -> Result<(RowsPlan, SourceNames)> {
        if !columns.is_empty() && columns.len() != plan.columns.len() {
            let table = source.name().unwrap_or_default().to_owned();
            let (found, expected) = (plan.columns.len(), columns.len());
            return Err(QueryError::CommonTableWidth { table, found, expected }.into());
        }
        let names = match columns {
            [] => plan.columns.iter().map(|column| column.name.clone()).collect(),
            columns => columns.to_vec(),
        };
        let is_nested = plan.columns.iter().any(|column| column.origin.is_some());
        let names = if is_nested { names } else { unique_names(names) };
        let at = self.scope.sources.borrow().len();
        let named = names.into_iter().zip(&plan.columns).map(|(name, column)| {
            // A column has a collation, and be it only the usual one, whatever it is computed from.
            let collation = column.collation.unwrap_or_default();
            let named = NamedColumn::new(name, column.affinity, collation);
            match &column.origin {
                None => named,
                Some(origin) => NamedColumn {
                    table: origin.table.clone(),
                    is_joined: origin.is_joined,
                    fallback: origin.fallback.map(|column| (at, column)),
                    ..named
                },
            }
        });
        let names = SourceNames {
            name: source.name().map(str::to_owned),
            schema: source.schema.as_deref().map(Into::into),
            columns: named.collect(),
            ..SourceNames::default()
        };
        let cache = self.binder.new_result_cache();
        Ok((RowsPlan::Query { plan: Arc::new(plan), cache, reads }, names))
    }

    /// Binds ON and USING as conditions; `left` if they tell which rows go with others, and no more.
    fn bind_constraint(
        &self,
        position: usize,
        join: &Join,
        left: Option<usize>,
        terms: &mut Vec<Term>,
    ) -> Result<()> {
        let names: Vec<String> = match &join.on {
            JoinConstraint::None => return Ok(()),
            JoinConstraint::On(on) => {
                for conjunct in on.conjuncts() {
                    terms.push(self.term(conjunct, left)?);
                }
                return Ok(());
            }
            JoinConstraint::Using(names) => names.clone(),
            JoinConstraint::Natural => {
                let sources = self.scope.sources.borrow();
                let own = sources[position].columns.iter().filter(|column| !column.is_joined);
                let names = own.map(|column| &column.name);
                let is_shared = |name: &&String| {
                    sources[..position].iter().any(|source| source.position(name).is_some())
                };
                names.filter(is_shared).cloned().collect()
            }
        };
        for name in names {
            let pair = self.join_column(position, join.kind, &name);
            let (before, own) = pair.ok_or(QueryError::JoinColumn { column: name })?;
            terms.push(Term::equal(Bound::column(before), Bound::column(own), left));
        }
        Ok(())
    }

    /// The columns of this name: of the sources before one, and its own, which becomes the same.
    fn join_column(
        &self,
        position: usize,
        kind: JoinKind,
        name: &str,
    ) -> Option<(ColumnInfo, ColumnInfo)> {
        let mut sources = self.scope.sources.borrow_mut();
        let find = |source: &SourceNames| source.position(name);
        let (at, before) =
            sources[..position].iter().enumerate().find_map(|(at, it)| Some((at, find(it)?)))?;
        let own = find(&sources[position])?;
        sources[position].columns[own].is_joined = true;
        let merged = self.scope.merged_column(&sources, at, before);
        let own_merged = self.scope.merged_column(&sources, position, own);
        if matches!(kind, JoinKind::Right | JoinKind::Full) && position > 0 {
            let mut last = (at, before);
            while let Some(next) = sources[last.0].columns[last.1].fallback {
                last = next;
            }
            sources[last.0].columns[last.1].fallback = Some((position, own));
        }
        Some((merged, own_merged))
    }

    // Conditions.

    fn term(&self, condition: &Expression, left: Option<usize>) -> Result<Term> {
        Term::bind(&self.scope, condition, left)
    }

    /// WHERE, as conditions.
    fn conditions(&self, selector: &Selector) -> Result<Vec<Expression>> {
        match selector {
            Selector::All => Ok(Vec::new()),
            Selector::Filter(predicate) => Ok(vec![predicate.clone()]),
            Selector::RowId(row_id) => {
                Ok(vec![self.first_source(col(HIDDEN_ROW_ID), HIDDEN_ROW_ID).eq(row_id.0)])
            }
            Selector::Key(key) => self.key_conditions(key),
        }
    }

    fn key_conditions(&self, key: &Key) -> Result<Vec<Expression>> {
        let Some(table) = self.scope.first_table.borrow().clone() else {
            return unsupported("a key of what is no table");
        };
        let Some(columns) = table.naming_columns() else {
            return Err(InputError::NoPrimaryKey { table: table.name().to_owned() }.into());
        };
        if key.len() != columns.len() {
            let (name, expected, found) = (table.name().to_owned(), columns.len(), key.len());
            return Err(InputError::KeyWidth { name, expected, found }.into());
        }
        let pairs = columns.iter().zip(key);
        let condition = |(&position, value): (&usize, &crate::value::Value)| {
            let name = table.column_name(position);
            self.first_source(col(name), name).eq(lit(value.clone()))
        };
        Ok(pairs.map(condition).collect())
    }

    /// A column of the first source.
    fn first_source(&self, plain: Expression, column: &str) -> Expression {
        match self.scope.sources.borrow().first().and_then(|source| source.name.as_deref()) {
            Some(name) => col((name, column)),
            None => plain,
        }
    }

    // Results.

    fn bind_columns(&self, columns: &[ResultColumn]) -> Result<(Vec<Bound>, Vec<OutColumn>)> {
        let mut bound = Vec::new();
        let mut named = Vec::new();
        let mut aliases = Vec::new();
        let all = [ResultColumn::All];
        for column in if columns.is_empty() { &all[..] } else { columns } {
            match column {
                ResultColumn::All => self.expand(None, &mut bound, &mut named)?,
                ResultColumn::AllOf(source) => {
                    self.expand(Some(source), &mut bound, &mut named)?;
                }
                ResultColumn::Computed { expression, alias, text } => {
                    let value = self.scope.bind(expression, Place::Columns)?;
                    let name = match (alias, self.scope.column_name(expression, &value), text) {
                        (Some(alias), ..) => alias.clone(),
                        (None, Some(name), _) => name,
                        (None, None, Some(text)) => text.clone(),
                        (None, None, None) => expression.to_string(),
                    };
                    if let Some(alias) = alias {
                        aliases.push((alias.clone(), bound.len()));
                    }
                    named.push(OutColumn::new(name, &value));
                    bound.push(value);
                }
            }
        }
        *self.scope.aliases.borrow_mut() = aliases;
        self.scope.plan.borrow_mut().results.clone_from(&bound);
        Ok((bound, named))
    }

    /// All columns of a join in parentheses, also those that it has made one: outside each goes by
    /// the name of its own source.
    fn bind_nested(&self) -> (Vec<Bound>, Vec<OutColumn>) {
        let sources = self.scope.sources.borrow().clone();
        let place = |(source, column): (usize, usize)| {
            sources[..source].iter().map(|before| before.columns.len()).sum::<usize>() + column
        };
        let mut all = (Vec::new(), Vec::new());
        for (at, names) in sources.iter().enumerate() {
            for (position, column) in names.columns.iter().enumerate() {
                let value = Bound::column(self.scope.column_of(at, position));
                let origin = Origin {
                    table: names.name_of(column).map(str::to_owned),
                    is_joined: column.is_joined,
                    fallback: column.fallback.map(place),
                };
                let out = OutColumn::new(column.name.clone(), &value);
                all.1.push(OutColumn { origin: Some(origin), ..out });
                all.0.push(value);
            }
        }
        self.scope.plan.borrow_mut().results.clone_from(&all.0);
        all
    }

    /// `*` or `t.*`.
    fn expand(
        &self,
        source: Option<&String>,
        bound: &mut Vec<Bound>,
        named: &mut Vec<OutColumn>,
    ) -> Result<()> {
        let sources = self.scope.sources.borrow().clone();
        if sources.is_empty() {
            return Err(match source {
                None => QueryError::NoSources.into(),
                Some(name) => Error::from(QueryError::UnknownSource { name: name.clone() }),
            });
        }
        let mut is_found = false;
        for (at, names) in sources.iter().enumerate() {
            for (position, column) in names.columns.iter().enumerate() {
                let is_wanted = match source {
                    None => !column.is_joined,
                    Some(wanted) => {
                        names.name_of(column).is_some_and(|own| own.eq_ignore_ascii_case(wanted))
                    }
                };
                is_found |= is_wanted;
                if !is_wanted {
                    continue;
                }
                let value = Bound::column(match source {
                    None => self.scope.merged_column(&sources, at, position),
                    Some(_) => self.scope.column_of(at, position),
                });
                named.push(OutColumn::new(column.name.clone(), &value));
                bound.push(value);
            }
        }
        match (is_found, source) {
            (false, Some(name)) => Err(QueryError::UnknownSource { name: name.clone() }.into()),
            _ => Ok(()),
        }
    }

    fn bind_group(&self, body: &Body, columns: &[Bound]) -> Result<Vec<(Bound, Collation)>> {
        let mut keys = Vec::with_capacity(body.group.len());
        for (term, expression) in body.group.iter().enumerate() {
            let bound = match literal_integer(expression) {
                Some(position) => {
                    columns[result_position(position, "GROUP BY", term, columns.len())?].clone()
                }
                None => self.scope.bind(expression, Place::Rows).map_err(in_group_by)?,
            };
            if self.scope.has_aggregate(&bound) {
                return Err(QueryError::AggregateInGroupBy.into());
            }
            let collation = bound.collation().unwrap_or_default();
            keys.push((bound, collation));
        }
        Ok(keys)
    }

    fn bind_order(&self, order: &[Order], columns: &[Bound]) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(order.len());
        for (term, order) in order.iter().enumerate() {
            let (expression, explicit) = order.parts();
            let position = match literal_integer(expression) {
                Some(position) => Some(result_position(position, "ORDER BY", term, columns.len())?),
                None => self.scope.find_result(expression),
            };
            let (by, collation) = match position {
                Some(position) => (SortBy::Column(position), columns[position].collation()),
                None => {
                    let bound = self.scope.bind(expression, Place::Groups)?;
                    let collation = bound.collation();
                    (SortBy::Computed(bound), collation)
                }
            };
            let collation = explicit.or(collation).unwrap_or_default();
            let Order { is_descending, nulls, .. } = *order;
            keys.push(SortKey { by, collation, is_descending, nulls });
        }
        Ok(keys)
    }
}

fn in_group_by(error: Error) -> Error {
    match &error {
        Error::Query(reason) if matches!(**reason, QueryError::MisusedAggregate { .. }) => {
            QueryError::AggregateInGroupBy.into()
        }
        _ => error,
    }
}

impl OutColumn {
    pub(super) fn new(name: String, value: &Bound) -> Self {
        OutColumn {
            name,
            affinity: value.affinity(),
            collation: value.collation(),
            is_explicit: value.has_explicit_collation(),
            types: value.types(),
            is_cast: value.is_cast(),
            origin: None,
        }
    }
}

/// Names of which none comes twice: a second `a` becomes `a:1`.
pub(super) fn unique_names(names: Vec<String>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let is_taken = |name: &str| unique.iter().any(|known| known.eq_ignore_ascii_case(name));
        let numbered = (1..).map(|number| format!("{name}:{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        unique.push(candidates.find(|name| !is_taken(name)).unwrap_or(name));
    }
    unique
}
