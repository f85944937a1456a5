//! A session's SELECT over the engine's tables: sources are joined one after another, each row of
//! what is joined so far asking the next table for its matches.
//!
//! The engine's queries would find the same rows, in another order: they loop over the sources as they
//! are written, where SQLite weighs which side of a join to read first and for which to make an index
//! of its own. No ORDER BY hides that from a session, whose collections and flushes go in the order of
//! the rows. So what SQLite chooses is chosen here (`scans_second`, [`Access`]), for the few shapes of
//! query that a session sends: equalities, over one table mostly, with nothing to be bound first.

use super::{Memory, Outcome};
use crate::catalog::{IndexEntry, TableEntry};
use crate::database::Selector;
use crate::error::Error;
use crate::expression::{Expression, col, lit};
use crate::session::statement::{Column, Condition, From, Join, Operand, Select, Source};
use crate::value::{Collation, Value, compare, equals};
use hashbrown::HashSet;
use std::cmp::Ordering;
use std::slice::Iter;

/// Which columns the values of a joined row belong to.
type Layout = Vec<Column>;

/// Rows with the columns they have.
struct Rows {
    layout: Layout,
    rows: Vec<Vec<Value>>,
    /// How many SQLite would expect, which has never looked at the tables.
    expected: usize,
    /// Whether these are all rows of a table, of which a join finds the one that it needs.
    is_looked_up: bool,
}

impl Rows {
    /// The row that everything is joined to.
    fn start() -> Rows {
        Rows { layout: Vec::new(), rows: vec![Vec::new()], expected: 1, is_looked_up: false }
    }
}

impl Memory<'_> {
    pub(super) fn select(&self, select: &Select, parameters: &[Value]) -> Result<Outcome, Error> {
        let rows = self.rows(select, &mut parameters.iter())?;
        Ok(Outcome { rows: rows.rows, ..Outcome::default() })
    }

    fn rows(&self, select: &Select, parameters: &mut Iter<'_, Value>) -> Result<Rows, Error> {
        let mut joined = Rows::start();
        // Parameters of a subselect come before those of the conditions.
        let mut conditions = Vec::new();
        let mut sources = Vec::new();
        for from in &select.from {
            sources.push(self.prepare(from, parameters)?);
        }
        for condition in &select.filter {
            conditions.push(Bound::new(condition, parameters));
        }
        for source in &sources {
            joined = self.join(joined, source, &conditions, false)?;
        }
        let equal = equal_columns(&conditions, &joined.layout);
        joined.rows.retain(|row| all_equal(&equal, row));
        self.order(&mut joined, select);
        Ok(project(joined, select))
    }

    /// A source with its subselects carried out.
    fn prepare<'s>(
        &self,
        from: &'s From,
        parameters: &mut Iter<'_, Value>,
    ) -> Result<Prepared<'s>, Error> {
        Ok(match from {
            From::Table(table) => Prepared::Table { table, source: Source::Table(table.clone()) },
            From::Aliased { table, alias } => {
                Prepared::Table { table, source: Source::Alias(alias.clone()) }
            }
            From::Subselect { select, alias } => {
                let mut rows = self.rows(select, parameters)?;
                rows.layout = label(&select.columns, &Source::Alias(alias.clone()));
                // SQLite takes such a subselect apart and looks its rows up by their key.
                rows.is_looked_up = !select.distinct && select.filter.is_empty();
                Prepared::Rows(rows)
            }
            From::Join(join) => {
                let Join { left, right, outer, on } = &**join;
                Prepared::Join {
                    left: Box::new(self.prepare(left, parameters)?),
                    right: Box::new(self.prepare(right, parameters)?),
                    outer: *outer,
                    on: on.iter().map(|condition| Bound::new(condition, parameters)).collect(),
                }
            }
        })
    }

    /// Each row with its matches in the source; with `outer`, a row without any stays.
    fn join(
        &self,
        left: Rows,
        source: &Prepared<'_>,
        conditions: &[Bound],
        outer: bool,
    ) -> Result<Rows, Error> {
        if let Prepared::Join { left: first, right: second, outer: inner_outer, on } = source {
            if left.layout.is_empty() {
                if self.scans_second(first, second, on)? {
                    let second = self.join(left, second, conditions, false)?;
                    return self.join(second, first, on, false);
                }
                let first = self.join(left, first, conditions, false)?;
                return self.join(first, second, on, *inner_outer);
            }
            let rows = self.join(Rows::start(), source, &[], false)?;
            return self.join(left, &Prepared::Rows(rows), conditions, outer);
        }
        let mut layout = left.layout.clone();
        layout.extend(self.layout(source)?);
        let access = self.access(source, conditions, &left, outer)?;
        let expected = left.expected.saturating_mul(access.expected);
        let equal = equal_columns(conditions, &layout);
        let mut rows = Vec::new();
        for row in left.rows {
            let matches = self.matches(source, conditions, (&left.layout, &row), &access.order)?;
            let mut found = false;
            for matching in matches {
                let whole = match row.is_empty() {
                    true => matching,
                    false => [row.as_slice(), &matching].concat(),
                };
                // A condition on a source still to come cannot be judged yet.
                if all_equal(&equal, &whole) {
                    rows.push(whole);
                    found = true;
                }
            }
            if outer && !found {
                let mut whole = row;
                whole.resize(layout.len(), Value::Null);
                rows.push(whole);
            }
        }
        Ok(Rows { layout, rows, expected, is_looked_up: false })
    }

    /// Whether the second side of a join is read as a whole and the first one's rows are looked up,
    /// since the second has no index to be found by.
    fn scans_second(
        &self,
        first: &Prepared<'_>,
        second: &Prepared<'_>,
        on: &[Bound],
    ) -> Result<bool, Error> {
        let (Prepared::Rows(rows), Prepared::Table { table, source }) = (first, second) else {
            return Ok(false);
        };
        let entry = self.db.catalog().table(table)?;
        let equated = on.iter().filter_map(|it| it.equated(source, &rows.layout));
        let equated: Vec<usize> =
            equated.filter_map(|name| entry.definition.position(name)).collect();
        let access = Access::of(entry, &equated, &[], false);
        Ok(rows.is_looked_up && access.expected == SCANNED)
    }

    /// How SQLite would find a source's rows.
    fn access(
        &self,
        source: &Prepared<'_>,
        conditions: &[Bound],
        left: &Rows,
        outer: bool,
    ) -> Result<Access, Error> {
        let Prepared::Table { table, source } = source else { return Ok(Access::default()) };
        let entry = self.db.catalog().table(table)?;
        let equated = conditions.iter().filter_map(|it| it.equated(source, &left.layout));
        let equated: Vec<usize> =
            equated.filter_map(|name| entry.definition.position(name)).collect();
        let listed = conditions.iter().filter_map(|it| it.listed(source));
        let listed: Vec<(usize, usize)> = listed
            .filter_map(|(name, keys)| Some((entry.definition.position(name)?, keys)))
            .collect();
        let makes_index = outer && left.expected >= EXPECTED_FOR_INDEX;
        Ok(Access::of(entry, &equated, &listed, makes_index))
    }

    fn layout(&self, source: &Prepared<'_>) -> Result<Layout, Error> {
        Ok(match source {
            Prepared::Table { table, source } => {
                let entry = self.db.catalog().table(table)?;
                let columns = entry.definition.columns().iter();
                let column = |name: &str| Column { source: source.clone(), name: name.into() };
                columns.map(|definition| column(definition.name())).collect()
            }
            Prepared::Rows(rows) => rows.layout.clone(),
            Prepared::Join { .. } => Vec::new(),
        })
    }

    fn matches(
        &self,
        source: &Prepared<'_>,
        conditions: &[Bound],
        (layout, row): (&[Column], &[Value]),
        order: &[usize],
    ) -> Result<Vec<Vec<Value>>, Error> {
        match source {
            Prepared::Table { table, source } => {
                let terms = conditions.iter().filter_map(|it| it.lower(source, layout, row));
                let selector = match terms.reduce(Expression::and) {
                    Some(predicate) => Selector::Filter(predicate),
                    None => Selector::All,
                };
                let found = self.db.find(table, selector)?;
                let mut rows: Vec<Vec<Value>> =
                    found.into_iter().map(|(_, row)| row.to_vec()).collect();
                if !order.is_empty() {
                    rows.sort_by(|a, b| compare_by(order, a, b));
                }
                Ok(rows)
            }
            Prepared::Rows(rows) => Ok(rows.rows.clone()),
            Prepared::Join { .. } => Ok(Vec::new()),
        }
    }

    fn order(&self, rows: &mut Rows, select: &Select) {
        let orderings = select.order_by.iter().filter_map(|ordering| {
            Some((position(&rows.layout, &ordering.column)?, ordering.descending))
        });
        let orderings: Vec<(usize, bool)> = orderings.collect();
        if orderings.is_empty() {
            return;
        }
        rows.rows.sort_by(|a, b| {
            let orders = orderings.iter().map(|&(at, descending)| {
                let order = compare(&a[at], &b[at], Collation::Binary);
                if descending { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
    }
}

/// How SQLite would find the rows of a table for which some columns have known values.
#[derive(Debug)]
struct Access {
    /// The columns that the rows come ordered by, before their row ids.
    order: Vec<usize>,
    /// How many rows SQLite would expect to match.
    expected: usize,
}

/// More rows than any condition leaves to be expected.
const SCANNED: usize = usize::MAX;

/// How many rows SQLite expects under one key of an index that is not unique.
const EXPECTED_UNDER_KEY: usize = 10;

/// For so many expected rows, and not for fewer, SQLite makes an index of a table that has none to
/// join them by. Measured: 44 row ids in an IN make one, 43 do not; nor do four keys of an index.
const EXPECTED_FOR_INDEX: usize = 44;

impl Default for Access {
    fn default() -> Self {
        Access { order: Vec::new(), expected: SCANNED }
    }
}

impl Access {
    /// By row id, by the index that has most of the equated columns in front, or by a scan; `listed`
    /// are columns that are IN so many keys. Where `makes_index`, a join does not scan: SQLite makes
    /// an index for it, of the equated columns and then all others.
    fn of(
        entry: &TableEntry,
        equated: &[usize],
        listed: &[(usize, usize)],
        makes_index: bool,
    ) -> Access {
        if entry.row_id_column.is_some_and(|column| equated.contains(&column)) {
            return Access { order: Vec::new(), expected: 1 };
        }
        let leading = |index: &&IndexEntry| {
            index.columns.iter().take_while(|(column, _)| equated.contains(column)).count()
        };
        let indexes = entry.indexes.iter();
        let usable = indexes.filter(|index| index.filter.is_none() && leading(index) > 0);
        if let Some(index) = usable.max_by_key(leading) {
            let is_unique = index.unique && leading(&index) == index.columns.len();
            return Access {
                order: index.columns.iter().map(|(column, _)| *column).collect(),
                expected: if is_unique { 1 } else { EXPECTED_UNDER_KEY },
            };
        }
        let others = (0..entry.columns.len())
            .filter(|column| !equated.contains(column) && entry.row_id_column != Some(*column));
        let makes_index = makes_index && !equated.is_empty();
        let order = if makes_index { others.collect() } else { Vec::new() };
        let keys = listed.iter().filter_map(|&(column, keys)| {
            let under_key = Access::expected_under_key(entry, column)?;
            Some(keys * under_key)
        });
        Access { order, expected: keys.min().unwrap_or(SCANNED) }
    }

    /// How many rows are expected under a value of one column; `None` if nothing finds them by it.
    fn expected_under_key(entry: &TableEntry, column: usize) -> Option<usize> {
        if entry.row_id_column == Some(column) {
            return Some(1);
        }
        let leads = |index: &&IndexEntry| {
            index.filter.is_none() && index.columns.first().is_some_and(|(at, _)| *at == column)
        };
        let found = entry.indexes.iter().filter(leads);
        found
            .map(|index| match index.unique && index.columns.len() == 1 {
                true => 1,
                false => EXPECTED_UNDER_KEY,
            })
            .min()
    }
}

fn compare_by(columns: &[usize], a: &[Value], b: &[Value]) -> Ordering {
    let orders = columns.iter().map(|&at| compare(&a[at], &b[at], Collation::Binary));
    orders.fold(Ordering::Equal, Ordering::then)
}

enum Prepared<'s> {
    Table { table: &'s str, source: Source },
    Rows(Rows),
    Join { left: Box<Prepared<'s>>, right: Box<Prepared<'s>>, outer: bool, on: Vec<Bound> },
}

/// A condition with its parameters in place.
enum Bound {
    Equal(Side, Side),
    IsNull(Side),
    In(Vec<Column>, Vec<Vec<Value>>),
}

enum Side {
    Column(Column),
    Value(Value),
}

impl Side {
    fn new(operand: &Operand, parameters: &mut Iter<'_, Value>) -> Side {
        match operand {
            Operand::Column(column) => Side::Column(column.clone()),
            Operand::Parameter => Side::Value(parameters.next().cloned().unwrap_or_default()),
        }
    }

    fn value(&self, layout: &[Column], row: &[Value]) -> Option<Value> {
        match self {
            Side::Column(column) => position(layout, column).map(|at| row[at].clone()),
            Side::Value(value) => Some(value.clone()),
        }
    }

    /// For the engine: a column of the source, or a value that is known.
    fn lower(&self, source: &Source, layout: &[Column], row: &[Value]) -> Option<Expression> {
        match self {
            Side::Column(column) if column.source == *source => Some(col(&*column.name)),
            known => known.value(layout, row).map(lit),
        }
    }
}

impl Bound {
    fn new(condition: &Condition, parameters: &mut Iter<'_, Value>) -> Bound {
        match condition {
            Condition::Equal(left, right) => {
                let left = Side::new(left, parameters);
                Bound::Equal(left, Side::new(right, parameters))
            }
            Condition::IsNull(operand) => Bound::IsNull(Side::new(operand, parameters)),
            Condition::In { columns, keys } => {
                let key = |_| parameters.by_ref().take(columns.len()).cloned().collect();
                Bound::In(columns.clone(), (0..*keys).map(key).collect())
            }
        }
    }

    fn lower(&self, source: &Source, layout: &[Column], row: &[Value]) -> Option<Expression> {
        match self {
            Bound::Equal(left, right) => {
                let left = left.lower(source, layout, row)?;
                Some(left.eq(right.lower(source, layout, row)?))
            }
            Bound::IsNull(side) => Some(side.lower(source, layout, row)?.is_null()),
            Bound::In(columns, keys) if columns.iter().all(|it| it.source == *source) => {
                Some(in_keys(columns, keys.iter().map(Vec::as_slice)))
            }
            Bound::In(..) => None,
        }
    }

    /// The column of a source that is one of so many keys.
    fn listed(&self, source: &Source) -> Option<(&str, usize)> {
        match self {
            Bound::In(columns, keys) => match &columns[..] {
                [only] if only.source == *source => Some((&*only.name, keys.len())),
                _ => None,
            },
            Bound::Equal(..) | Bound::IsNull(_) => None,
        }
    }

    /// The column of a source that is compared with a value that is known.
    fn equated<'b>(&'b self, source: &Source, layout: &[Column]) -> Option<&'b str> {
        let Bound::Equal(left, right) = self else { return None };
        let pairs = [(left, right), (right, left)];
        pairs.into_iter().find_map(|(this, other)| match (this, other) {
            (Side::Column(column), Side::Value(_)) if column.source == *source => {
                Some(&*column.name)
            }
            (Side::Column(column), Side::Column(other))
                if column.source == *source && position(layout, other).is_some() =>
            {
                Some(&*column.name)
            }
            _ => None,
        })
    }
}

/// The columns of a layout that conditions equate. Those with a column that is not there yet are left
/// out; what is compared with a value was asked of the table itself, which knows its affinities.
fn equal_columns(conditions: &[Bound], layout: &[Column]) -> Vec<(usize, usize)> {
    let pair = |condition: &Bound| match condition {
        Bound::Equal(Side::Column(left), Side::Column(right)) => {
            Some((position(layout, left)?, position(layout, right)?))
        }
        Bound::Equal(..) | Bound::IsNull(_) | Bound::In(..) => None,
    };
    conditions.iter().filter_map(pair).collect()
}

fn all_equal(columns: &[(usize, usize)], row: &[Value]) -> bool {
    columns
        .iter()
        .all(|&(left, right)| equals(&row[left], &row[right], Collation::Binary) == Some(true))
}

/// `columns IN keys`, of one table.
pub(super) fn lower_in<'v>(
    columns: &[Column],
    keys: usize,
    parameters: &mut impl Iterator<Item = &'v Value>,
) -> Expression {
    let key = |_| parameters.by_ref().take(columns.len()).cloned().collect::<Vec<_>>();
    let keys: Vec<Vec<Value>> = (0..keys).map(key).collect();
    in_keys(columns, keys.iter().map(Vec::as_slice))
}

fn in_keys<'v>(columns: &[Column], keys: impl Iterator<Item = &'v [Value]>) -> Expression {
    if let [only] = columns {
        return col(&*only.name).in_list(keys.map(|key| lit(key[0].clone())));
    }
    let equals = |key: &[Value]| {
        let terms = columns.iter().zip(key);
        terms
            .map(|(column, value)| col(&*column.name).eq(lit(value.clone())))
            .reduce(Expression::and)
            .unwrap_or_else(|| lit(1i64))
    };
    keys.map(equals).reduce(Expression::or).unwrap_or_else(|| lit(0i64))
}

fn position(layout: &[Column], column: &Column) -> Option<usize> {
    layout.iter().position(|candidate| candidate == column)
}

/// The columns of a subselect as its alias has them: `post_user_id`.
fn label(columns: &[Column], source: &Source) -> Layout {
    let name = |column: &Column| match &column.source {
        Source::Table(table) => format!("{table}_{}", column.name),
        Source::Alias(alias) => format!("{}_{}", alias.base, column.name),
    };
    columns
        .iter()
        .map(|column| Column { source: source.clone(), name: name(column).as_str().into() })
        .collect()
}

fn project(rows: Rows, select: &Select) -> Rows {
    let at: Vec<Option<usize>> =
        select.columns.iter().map(|column| position(&rows.layout, column)).collect();
    let is_all = at.iter().copied().eq((0..rows.layout.len()).map(Some));
    let pick = |row: Vec<Value>| -> Vec<Value> {
        at.iter().map(|at| at.map_or(Value::Null, |at| row[at].clone())).collect()
    };
    let mut projected: Vec<Vec<Value>> = match is_all {
        true => rows.rows,
        false => rows.rows.into_iter().map(pick).collect(),
    };
    if select.distinct {
        let mut seen: HashSet<Vec<Value>, foldhash::fast::FixedState> = HashSet::default();
        projected.retain(|row| seen.insert(row.clone()));
    }
    Rows {
        layout: select.columns.clone(),
        rows: projected,
        expected: rows.expected,
        is_looked_up: false,
    }
}
