//! Random tables and random queries over them.
//!
//! Tables are small and values few, so that rows meet: NULLs, numbers of both kinds, texts that differ
//! only in case. Queries may nest twice.

use crate::catalog::{Column, Index, IndexColumn, Table};
use crate::database::Insert;
use crate::expression::{Call, Expression, case, col, exists, function, lit, row_value, subquery};
use crate::query::{
    Compound, JoinConstraint, JoinKind, Nulls, Order, ResultColumn, Select, Source,
};
use crate::testing::generate::Random;
use crate::value::{Collation, DataType, Value};

/// The columns that a query sees.
type Visible = Vec<VisibleColumn>;

#[derive(Clone)]
struct VisibleColumn {
    source: String,
    name: String,
    /// Whether values may be equal to each other that differ.
    folds: bool,
}

/// Makes one case: tables, rows, and queries over them.
pub(super) struct Generator {
    random: Random,
    /// Their names and those of their columns, each with whether it folds.
    tables: Vec<(String, Vec<(String, bool)>)>,
    /// Numbers the aliases.
    aliases: usize,
    /// Whether the values of the query made last depend on the order of rows.
    depends_on_order: bool,
}

/// The names of columns, shared by all tables.
const COLUMNS: [&str; 5] = ["a", "b", "c", "d", "e"];

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Generator {
            random: Random::new(seed),
            tables: Vec::new(),
            aliases: 0,
            depends_on_order: false,
        }
    }

    /// Whether the values of the query made last depend on the order of rows.
    pub(super) fn depends_on_order(&self) -> bool {
        self.depends_on_order
    }

    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    // Tables.

    pub(super) fn table(&mut self, number: usize) -> (Table, Vec<Index>) {
        let name = format!("t{number}");
        let mut table = Table::new(name.as_str());
        let mut names = Vec::new();
        if self.random.chance(50) {
            names.push(("id".to_owned(), false));
            table = table.column(Column::integer("id").primary_key());
        }
        let count = self.random.between(2, 4);
        for column_name in COLUMNS[..count].iter().map(|name| (*name).to_owned()) {
            let types = [DataType::Integer, DataType::Text, DataType::Any, DataType::Real];
            let mut column = Column::new(column_name.as_str(), self.random.pick(&types));
            let folds = self.random.chance(20);
            if folds {
                column = column.collate(self.random.pick(&[Collation::NoCase, Collation::RTrim]));
            }
            names.push((column_name, folds));
            table = table.column(column);
        }
        let mut indexes = Vec::new();
        for at in 0..self.random.weighted(&[(5, 0), (4, 1), (2, 2)]) {
            let count = self.random.between(1, 2);
            let columns: Vec<_> = (0..count).map(|_| self.random.pick(&names).0).collect();
            if columns.len() == 2 && columns[0] == columns[1] {
                continue;
            }
            let columns = columns.into_iter().map(|name| IndexColumn::new(name.as_str()));
            indexes.push(Index::new(format!("{name}_{at}"), name.as_str(), columns));
        }
        self.tables.push((name, names));
        (table, indexes)
    }

    pub(super) fn rows(&mut self, number: usize) -> Insert {
        let (name, columns) = self.tables[number].clone();
        let count = self.random.weighted(&[(1, 0), (2, 1), (4, 4), (4, 9)]);
        let mut insert = Insert::into(name.as_str());
        for at in 0..count {
            let value = |this: &mut Self, (column, _): &(String, bool)| match column.as_str() {
                "id" => Value::from((at * 7 % 11) as i64),
                _ => this.value(),
            };
            insert = insert.row(columns.iter().map(|it| value(self, it)).collect::<Vec<_>>());
        }
        insert
    }

    fn value(&mut self) -> Value {
        let values: [Value; 12] = [
            Value::Null,
            0.into(),
            1.into(),
            2.into(),
            3.into(),
            (-1).into(),
            1.5.into(),
            2.0.into(),
            "1".into(),
            "x".into(),
            "X".into(),
            "y ".into(),
        ];
        self.random.pick(&values)
    }

    // Queries.

    pub(super) fn query(&mut self) -> Select {
        self.aliases = 0;
        self.depends_on_order = false;
        let select = self.select(&Vec::new(), 2, None);
        self.ordered(select)
    }

    /// A query of so many columns, or of any number.
    fn select(&mut self, outer: &Visible, depth: usize, width: Option<usize>) -> Select {
        let first = self.simple(outer, depth, width);
        if !self.random.chance(12) {
            return first;
        }
        let width = width.unwrap_or_else(|| self.random.between(1, 3));
        let mut select = self.simple(outer, depth, Some(width));
        for _ in 0..self.random.between(1, 2) {
            let kinds =
                [Compound::Union, Compound::UnionAll, Compound::Except, Compound::Intersect];
            let other = self.simple(outer, depth.saturating_sub(1), Some(width));
            select = select.compound(self.random.pick(&kinds), other);
        }
        select
    }

    /// One SELECT or VALUES.
    fn simple(&mut self, outer: &Visible, depth: usize, width: Option<usize>) -> Select {
        if self.random.chance(3) {
            let width = width.unwrap_or(2);
            let rows = self.random.between(1, 3);
            let row = |this: &mut Self| (0..width).map(|_| lit(this.value())).collect::<Vec<_>>();
            return Select::values((0..rows).map(|_| row(self)).collect::<Vec<_>>());
        }
        let (mut select, own) = self.sources(outer, depth);
        let mut visible = own.clone();
        visible.extend(outer.iter().cloned());
        if self.random.chance(60) {
            let condition = self.condition(&visible, depth);
            select = select.filter(condition);
        }
        if self.random.chance(22) {
            return self.grouped(select, &own, depth, width);
        }
        if width.is_none() && self.random.chance(20) {
            return select;
        }
        let width = width.unwrap_or_else(|| self.random.between(1, 3));
        let mut folds = false;
        for at in 0..width {
            let column = match self.random.chance(60) {
                true => {
                    let (column, own_folds) = self.folding_column(&own);
                    folds |= own_folds;
                    column
                }
                false => self.expression(&visible, depth),
            };
            folds |= column.as_collate().is_some();
            let column = match self.random.chance(25) {
                true => ResultColumn::named(column, format!("r{at}")),
                false => column.into(),
            };
            select = select.column(column);
        }
        if !self.random.chance(12) {
            return select;
        }
        // Of rows that are equal the first stays.
        self.depends_on_order |= folds;
        select.distinct()
    }

    fn sources(&mut self, outer: &Visible, depth: usize) -> (Select, Visible) {
        let (source, mut own) = self.source(outer, depth);
        let mut select = Select::from(source);
        for _ in 0..self.random.weighted(&[(6, 0), (4, 1), (1, 2)]) {
            let (source, columns) = self.source(outer, depth);
            let before = own.clone();
            own.extend(columns.iter().cloned());
            let kind = self.random.weighted(&[
                (3, JoinKind::Comma),
                (3, JoinKind::Inner),
                (1, JoinKind::Cross),
                (4, JoinKind::Left),
                (1, JoinKind::Right),
                (1, JoinKind::Full),
            ]);
            let on = match kind {
                JoinKind::Comma => JoinConstraint::None,
                _ => match self.random.below(5) {
                    0 => JoinConstraint::None,
                    1 => {
                        let condition = self.condition(&own, 0);
                        JoinConstraint::On(condition)
                    }
                    _ => {
                        let (left, right) = (self.column(&before), self.column(&columns));
                        JoinConstraint::On(left.eq(right))
                    }
                },
            };
            select = select.join_with(kind, source, on);
        }
        (select, own)
    }

    fn source(&mut self, outer: &Visible, depth: usize) -> (Source, Visible) {
        self.aliases += 1;
        let alias = format!("s{}", self.aliases);
        if depth > 0 && self.random.chance(12) {
            let width = self.random.between(1, 2);
            // What affinity a column of a combined source has, SQLite leaves to its optimiser.
            let mut select = self.simple(outer, depth - 1, Some(width));
            if self.random.chance(30) {
                self.depends_on_order = true;
                select = select.limit(self.random.below(4) as i64);
            }
            // The columns' names are the query's own; to name them they need aliases.
            let names: Vec<String> = (0..width).map(|at| format!("k{at}")).collect();
            let source = Source::query_with_columns(select, names.clone()).alias(&alias);
            let visible = |name| VisibleColumn { source: alias.clone(), name, folds: true };
            return (source, names.into_iter().map(visible).collect());
        }
        let (name, columns) = self.random.pick(&self.tables.clone());
        let visible = |(name, folds)| VisibleColumn { source: alias.clone(), name, folds };
        let columns = columns.into_iter().map(visible).collect();
        (Source::table(name).alias(alias), columns)
    }

    fn grouped(
        &mut self,
        mut select: Select,
        own: &Visible,
        depth: usize,
        width: Option<usize>,
    ) -> Select {
        let keys: Vec<(Expression, bool)> =
            (0..self.random.below(3)).map(|_| self.folding_column(own)).collect();
        let width = width.unwrap_or_else(|| self.random.between(1, 3));
        for at in 0..width {
            let column = match at < keys.len() && self.random.chance(70) {
                true => {
                    let (key, folds) = keys[at].clone();
                    // That of the first row of a group.
                    self.depends_on_order |= folds;
                    key
                }
                false => self.aggregate(own, depth),
            };
            select = select.column(column);
        }
        if width <= keys.len() || self.random.chance(25) {
            let having = self.aggregate(own, 0).gt(self.value());
            if !keys.is_empty() {
                select = select.having(having);
            }
        }
        select.group_by(keys.into_iter().map(|(key, _)| key))
    }

    fn aggregate(&mut self, own: &Visible, depth: usize) -> Expression {
        // An aggregate over nothing but outer columns belongs to the enclosing query.
        let (argument, folds) = self.folding_column(own);
        let name =
            self.random.pick(&["count", "sum", "total", "avg", "min", "max", "group_concat"]);
        let mut call = match self.random.chance(25) {
            true => Call::star("count"),
            false => Call::new(name, [argument]),
        };
        if self.random.chance(15) && !call.is_star() {
            call = call.distinct();
        }
        if self.random.chance(15) {
            call = call.filter(self.condition(own, 0));
        }
        // Of values that are equal the first is the least, and the greatest.
        self.depends_on_order |= match name {
            "group_concat" => true,
            "min" | "max" => folds,
            _ => false,
        };
        let aggregate = Expression::from(call);
        match depth > 0 && self.random.chance(15) {
            true => aggregate + 1,
            false => aggregate,
        }
    }

    fn ordered(&mut self, mut select: Select) -> Select {
        if self.random.chance(30) {
            let order = Order::ascending(lit(1));
            let order = match self.random.chance(40) {
                true => Order::descending(lit(1)),
                false => order,
            };
            let order = match self.random.chance(20) {
                true => order.nulls(self.random.pick(&[Nulls::First, Nulls::Last])),
                false => order,
            };
            select = select.order_by(order);
        }
        if self.random.chance(12) {
            self.depends_on_order = true;
            select = select.limit(self.random.below(6) as i64 - 1);
            if self.random.chance(50) {
                select = select.offset(self.random.below(3) as i64);
            }
        }
        select
    }

    // Expressions.

    fn column(&mut self, visible: &Visible) -> Expression {
        self.folding_column(visible).0
    }

    /// A column, and whether it folds.
    fn folding_column(&mut self, visible: &Visible) -> (Expression, bool) {
        if visible.is_empty() {
            return (lit(self.value()), false);
        }
        let VisibleColumn { source, name, folds } = self.random.pick(visible);
        (col((source, name)), folds)
    }

    fn operand(&mut self, visible: &Visible, depth: usize) -> Expression {
        match self.random.below(10) {
            0..6 => self.column(visible),
            6..9 => lit(self.value()),
            _ => self.expression(visible, depth),
        }
    }

    fn condition(&mut self, visible: &Visible, depth: usize) -> Expression {
        let condition = self.comparison(visible, depth);
        match self.random.below(10) {
            0..6 => condition,
            6 | 7 => condition.and(self.comparison(visible, depth)),
            8 => condition.or(self.comparison(visible, depth)),
            _ => condition.not(),
        }
    }

    fn comparison(&mut self, visible: &Visible, depth: usize) -> Expression {
        let left = self.operand(visible, depth);
        if depth > 0 && self.random.chance(18) {
            return self.subquery_condition(left, visible, depth - 1);
        }
        let right = self.operand(visible, depth);
        match self.random.below(14) {
            0..5 => left.eq(right),
            5 => left.lt(right),
            6 => left.ge(right),
            7 => left.ne(right),
            8 => left.is(right),
            9 => left.is_null(),
            10 => left
                .in_list((0..self.random.below(4)).map(|_| lit(self.value())).collect::<Vec<_>>()),
            11 => left.between(right, lit(self.value())),
            12 => left.is_not_null(),
            _ => row_value([left, right]).le(row_value([self.value(), self.value()])),
        }
    }

    fn subquery_condition(
        &mut self,
        left: Expression,
        visible: &Visible,
        depth: usize,
    ) -> Expression {
        match self.random.below(5) {
            0 => exists(self.select(visible, depth, None)),
            1 => exists(self.select(visible, depth, None)).not(),
            2 => left.in_query(self.set(visible, depth, 1)),
            3 => left.not_in_query(self.set(visible, depth, 1)),
            _ => {
                let right = self.column(visible);
                row_value([left, right]).in_query(self.set(visible, depth, 2))
            }
        }
    }

    /// The right side of IN.
    fn set(&mut self, visible: &Visible, depth: usize, width: usize) -> Select {
        let set = self.select(visible, depth, Some(width));
        // SQLite forgets a COLLATE of the set if it looks for its values in an index.
        self.depends_on_order |= set.to_string().contains(" COLLATE ");
        set
    }

    fn expression(&mut self, visible: &Visible, depth: usize) -> Expression {
        let operand = |this: &mut Self| match this.random.chance(70) {
            true => this.column(visible),
            false => lit(this.value()),
        };
        let (a, b) = (operand(self), operand(self));
        if depth > 0 && self.random.chance(15) {
            self.depends_on_order = true;
            return subquery(self.select(visible, depth - 1, Some(1)));
        }
        match self.random.below(12) {
            0 => a + b,
            1 => a * b,
            2 => a.concat(b),
            3 => function("coalesce", [a, b]),
            4 => function("typeof", [a]),
            5 => case([(a.clone().is_null(), b)], Some(a)),
            6 => -a,
            7 => a.collate(Collation::NoCase),
            8 => function("max", [a, b]),
            9 => a.cast(DataType::Text),
            10 => a.plus(),
            _ => function("abs", [a]),
        }
    }
}
