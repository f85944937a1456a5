//! Queries: SELECT, VALUES, their sources, and what combines, orders and limits them.

use super::tokens::{Token, tokens};
use super::{Adapter, refuse, text_of, unsupported};
use crate::error::Result;
use crate::query::{
    Compound, JoinConstraint, JoinKind, Nulls, Order, ResultColumn, Select, Source,
};
use crate::sql::syntax::CommonTable;
use std::sync::Arc;
use turso_parser::ast::{
    As, CompoundOperator, Distinctness, Expr, FromClause, Indexed,
    JoinConstraint as ForeignConstraint, JoinOperator, JoinType, JoinedSelectTable, NullsOrder,
    OneSelect, ResultColumn as ForeignColumn, Select as ForeignSelect, SelectTable, SortOrder,
    SortedColumn, With,
};

impl Adapter<'_> {
    /// A query with all that belongs to it, the WITH of its statement included.
    pub(super) fn query(&self, query: &ForeignSelect) -> Result<Select> {
        self.depth.set(self.depth.get() + 1);
        let select = self.query_alone(query);
        self.depth.set(self.depth.get() - 1);
        Ok(self.with_around(select?))
    }

    /// A query that no other stands around gets the WITH of its statement.
    pub(super) fn with_around(&self, select: Select) -> Select {
        let around = self.around.borrow();
        let around = if self.depth.get() == 0 { around.as_slice() } else { &[] };
        around.iter().cloned().fold(select, |select, table| {
            select.with_columns(table.name, table.columns, table.query)
        })
    }

    /// Runs `body` with the queries of the WITH before a statement.
    pub(super) fn within<T>(
        &self,
        with: Option<&With>,
        body: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.with_names(with, |common| {
            let outer = self.around.replace(common);
            let result = body();
            self.around.replace(outer);
            result
        })
    }

    fn query_alone(&self, query: &ForeignSelect) -> Result<Select> {
        self.with_names(query.with.as_ref(), |common| {
            // Of several tables that are missing SQLite tells the last query's.
            let compounds = query.body.compounds.iter().rev();
            let cores = compounds.map(|compound| self.core(&compound.select));
            let cores = cores.collect::<Result<Vec<_>>>()?.into_iter().rev();
            let mut select = self.core(&query.body.select)?;
            for (compound, core) in query.body.compounds.iter().zip(cores) {
                let word = match compound.operator {
                    CompoundOperator::Union => Compound::Union,
                    CompoundOperator::UnionAll => Compound::UnionAll,
                    CompoundOperator::Except => Compound::Except,
                    CompoundOperator::Intersect => Compound::Intersect,
                };
                select = select.compound(word, core);
            }
            for order in &query.order_by {
                select = select.order_by(self.order(order)?);
            }
            if let Some(limit) = &query.limit {
                select = select.limit(self.expression(&limit.expr)?);
                if let Some(offset) = &limit.offset {
                    select = select.offset(self.expression(offset)?);
                }
            }
            Ok(common.into_iter().fold(select, |select, table| {
                select.with_columns(table.name, table.columns, table.query)
            }))
        })
    }

    /// Runs `body` with the queries of a WITH, whose names it may use.
    fn with_names<T>(
        &self,
        with: Option<&With>,
        body: impl FnOnce(Vec<CommonTable>) -> Result<T>,
    ) -> Result<T> {
        let before = self.common.borrow().len();
        let result = self.common_tables(with).and_then(body);
        self.common.borrow_mut().truncate(before);
        result
    }

    fn common_tables(&self, with: Option<&With>) -> Result<Vec<CommonTable>> {
        let Some(with) = with else { return Ok(Vec::new()) };
        // Each may name the others, and itself.
        let names = with.ctes.iter().map(|table| text_of(&table.tbl_name));
        self.common.borrow_mut().extend(names);
        let table = |table: &turso_parser::ast::CommonTableExpr| {
            let columns = table.columns.iter().map(|column| text_of(&column.col_name)).collect();
            self.depth.set(self.depth.get() + 1);
            let was_common = self.in_common.replace(true);
            let query = self.query(&table.select);
            self.in_common.set(was_common);
            self.depth.set(self.depth.get() - 1);
            let query = Arc::new(query?);
            Ok(CommonTable { name: text_of(&table.tbl_name), columns, query })
        };
        with.ctes.iter().map(table).collect()
    }

    fn core(&self, core: &OneSelect) -> Result<Select> {
        match core {
            OneSelect::Values(rows) => {
                let rows = rows.iter().map(|row| self.expressions(row));
                let rows = rows.collect::<Result<Vec<_>>>()?;
                if rows.iter().any(|row| row.len() != rows[0].len()) {
                    return refuse("all VALUES must have the same number of terms");
                }
                Ok(Select::values(rows))
            }
            OneSelect::Select {
                distinctness,
                columns,
                from,
                where_clause,
                group_by,
                window_clause,
            } => {
                if !window_clause.is_empty() {
                    return unsupported("window functions");
                }
                let mut select = self.from(from.as_ref())?.result(self.result_columns(columns)?);
                if *distinctness == Some(Distinctness::Distinct) {
                    select = select.distinct();
                }
                if let Some(filter) = where_clause {
                    select = select.filter(self.expression(filter)?);
                }
                if let Some(group) = group_by {
                    select = select.group_by(self.expressions(&group.exprs)?);
                    if let Some(having) = &group.having {
                        select = select.having(self.expression(having)?);
                    }
                }
                Ok(select)
            }
        }
    }

    pub(super) fn result_columns(&self, columns: &[ForeignColumn]) -> Result<Vec<ResultColumn>> {
        columns.iter().map(|column| self.result_column(column)).collect()
    }

    fn result_column(&self, column: &ForeignColumn) -> Result<ResultColumn> {
        Ok(match column {
            ForeignColumn::Star => ResultColumn::All,
            ForeignColumn::TableStar(table) => ResultColumn::AllOf(text_of(table)),
            ForeignColumn::Expr(expression, alias) => {
                let value = self.expression(expression)?;
                match alias {
                    Some(As::As(name) | As::Elided(name)) => {
                        ResultColumn::named(value, text_of(name))
                    }
                    Some(As::ImplicitColumnName(text)) => {
                        ResultColumn::written(value, text_of(text))
                    }
                    None => value.into(),
                }
            }
        })
    }

    pub(super) fn order(&self, column: &SortedColumn) -> Result<Order> {
        let expression = self.expression(&column.expr)?;
        let order = match column.order {
            Some(SortOrder::Desc) => Order::descending(expression),
            Some(SortOrder::Asc) | None => Order::ascending(expression),
        };
        Ok(match column.nulls {
            Some(NullsOrder::First) => order.nulls(Nulls::First),
            Some(NullsOrder::Last) => order.nulls(Nulls::Last),
            None => order,
        })
    }

    /// A query of everything that a FROM reads.
    pub(super) fn from(&self, from: Option<&FromClause>) -> Result<Select> {
        let Some(FromClause { select, joins }) = from else { return Ok(Select::default()) };
        let first = match &**select {
            // The first pair of parentheses changes nothing.
            SelectTable::Sub(inner, None) => self.from(Some(inner))?,
            source => Select::from(self.source(source)?),
        };
        joins.iter().try_fold(first, |select, join| self.join(select, join))
    }

    fn join(&self, select: Select, join: &JoinedSelectTable) -> Result<Select> {
        let source = self.source(&join.table)?;
        let (kind, is_natural) = match join.operator {
            JoinOperator::Comma => (JoinKind::Comma, false),
            JoinOperator::TypedJoin(None) => (JoinKind::Inner, false),
            JoinOperator::TypedJoin(Some(words)) => {
                (join_kind(words), words.contains(JoinType::NATURAL))
            }
        };
        let on = match &join.constraint {
            Some(_) if is_natural => {
                return refuse("a NATURAL join may not have an ON or USING clause");
            }
            Some(ForeignConstraint::On(on)) => JoinConstraint::On(self.expression(on)?),
            Some(ForeignConstraint::Using(names)) => {
                JoinConstraint::Using(names.iter().map(text_of).collect())
            }
            None if is_natural => JoinConstraint::Natural,
            None => JoinConstraint::None,
        };
        Ok(select.join_with(kind, source, on))
    }

    fn source(&self, table: &SelectTable) -> Result<Source> {
        let named = |source: Source, alias: &Option<As>| match alias {
            Some(alias) => source.alias(text_of(alias.name())),
            None => source,
        };
        Ok(match table {
            SelectTable::Table(name, alias, indexed) => {
                let schema = name.db_name.as_ref().map(|schema| schema.as_str());
                let source = named(self.named_source(schema, name.name.as_str())?, alias);
                match indexed {
                    Some(Indexed::NotIndexed) => source.not_indexed(),
                    Some(Indexed::IndexedBy(_)) | None => source,
                }
            }
            SelectTable::TableCall(name, arguments, alias) => {
                let arguments = self.expressions(arguments)?;
                named(self.names.table_function(name.name.as_str(), arguments)?, alias)
            }
            SelectTable::Select(query, alias) => named(Source::query(self.query(query)?), alias),
            SelectTable::Sub(inner, None) if inner.joins.is_empty() => {
                self.source(&inner.select)?
            }
            SelectTable::Sub(inner, None) => Source::query(self.from(Some(inner))?.nested()),
            SelectTable::Sub(inner, alias) => named(Source::query(self.from(Some(inner))?), alias),
        })
    }

    /// What a name in a FROM stands for: a query of a WITH around it, before anything else.
    pub(super) fn named_source(&self, schema: Option<&str>, name: &str) -> Result<Source> {
        let is_common = || {
            let common = self.common.borrow();
            common.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        match schema {
            None if is_common() => Ok(Source::table(name)),
            _ if self.in_definition.get() => Ok(Source::table(name)),
            // A query of WITH that nothing reads may name what is not there.
            schema => self.names.table(schema, name).or_else(|error| match self.in_common.get() {
                true => Ok(Source::missing(name, error)),
                false => Err(error),
            }),
        }
    }

    pub(super) fn filter(
        &self,
        filter: Option<&Expr>,
    ) -> Result<Option<crate::expression::Expression>> {
        filter.map(|filter| self.expression(filter)).transpose()
    }
}

fn join_kind(words: JoinType) -> JoinKind {
    match (words.contains(JoinType::LEFT), words.contains(JoinType::RIGHT)) {
        (true, true) => JoinKind::Full,
        (true, false) => JoinKind::Left,
        (false, true) => JoinKind::Right,
        (false, false) if words.contains(JoinType::CROSS) => JoinKind::Cross,
        (false, false) => JoinKind::Inner,
    }
}

/// The words before the first JOIN of a text that are no kind of join together.
pub(super) fn unknown_join(text: &str) -> Option<String> {
    const WORDS: [&str; 7] = ["NATURAL", "LEFT", "OUTER", "RIGHT", "FULL", "INNER", "CROSS"];
    let is_known = |token: &Token<'_>| WORDS.iter().any(|word| token.is(word));
    let all: Vec<Token<'_>> = tokens(text).collect();
    let joins = (0..all.len()).filter(|&at: &usize| all[at].is("JOIN"));
    joins
        .filter_map(|join| {
            let first = (join.saturating_sub(3)..join).find(|&at| is_known(&all[at]))?;
            let words = &all[first..join];
            let has = |word: &str| words.iter().any(|token| token.is(word));
            let is_outer = has("LEFT") || has("RIGHT") || has("FULL");
            let is_sound = words.iter().all(is_known)
                && !(has("INNER") && (has("OUTER") || is_outer))
                && (is_outer || !has("OUTER"));
            let texts: Vec<&str> = words.iter().map(|token| token.text).collect();
            (!is_sound).then(|| texts.join(" "))
        })
        .next()
}
