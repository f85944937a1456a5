//! Which condition is asked where, and how each source finds its rows.

use super::aggregate::Function;
use super::bind::Binder;
use super::plan::{Access, Find, RowsPlan, ScopePlan, SelectPlan, Slot, SortBy, SourcePlan};
use super::scope::ScopeNames;
use crate::catalog::{IndexEntry, TableEntry};
use crate::error::Result;
use crate::expression::{Bound, ColumnComparison, Expression, Rule, Shape};
use crate::value::{Affinity, Collation, DataType};

/// A condition, and what it says of a column if it says something simple.
pub(super) struct Term {
    bound: Bound,
    kind: Kind,
    /// The source of the LEFT JOIN whose ON it stands in.
    left: Option<usize>,
}

enum Kind {
    /// Two sides are equal by a rule.
    Equal(Bound, Bound, Rule),
    /// The same, and NULL is equal to NULL.
    Is(Bound, Bound, Rule),
    /// A column is among some values.
    Among(Bound, Rule),
    /// A column is beyond a bound, or between two.
    Range(Bound, Rule),
    Other,
}

impl Term {
    pub(super) fn bind(
        scope: &ScopeNames<'_>,
        condition: &Expression,
        left: Option<usize>,
    ) -> Result<Term> {
        let bound = scope.bind_condition(condition)?;
        let kind = match (condition.shape(), bound.rule()) {
            (Shape::Equal(a, b), Some(rule)) => {
                Kind::Equal(scope.bind_condition(a)?, scope.bind_condition(b)?, rule)
            }
            (Shape::Is(a, b), Some(rule)) => {
                Kind::Is(scope.bind_condition(a)?, scope.bind_condition(b)?, rule)
            }
            (Shape::In(operand), Some(rule)) => Kind::Among(scope.bind_condition(operand)?, rule),
            (Shape::Range(a, b), Some(rule)) => {
                let a = scope.bind_condition(a)?;
                match b {
                    Some(b) if a.as_column().is_none() => {
                        Kind::Range(scope.bind_condition(b)?, rule)
                    }
                    _ => Kind::Range(a, rule),
                }
            }
            _ => Kind::Other,
        };
        Ok(Term { bound, kind, left })
    }

    /// Whether it is an ON's and names a source behind it.
    pub(super) fn names_later(&self, scope: &ScopePlan) -> bool {
        self.left.is_some_and(|own| last_source(scope, &self.bound).is_some_and(|last| last > own))
    }

    /// `a = b`
    pub(super) fn equal(a: Bound, b: Bound, left: Option<usize>) -> Term {
        let bound = Bound::equal(&a, &b);
        let kind = bound.rule().map_or(Kind::Other, |rule| Kind::Equal(a, b, rule));
        Term { bound, kind, left }
    }
}

/// Puts the conditions where they can be asked first, and chooses how rows are found. What reads no
/// source is returned.
pub(super) fn place(
    binder: &Binder<'_>,
    scope: &ScopePlan,
    sources: &mut [SourcePlan],
    terms: Vec<Term>,
) -> Vec<Bound> {
    let mut settled = Vec::new();
    for at in 0..sources.len() {
        let chosen = choose(binder, scope, sources, at, &terms);
        sources[at].access = chosen.access;
        // A row that has gone with none is not looked for: WHERE is still to be asked of it.
        let is_right = sources[at].is_right;
        let is_settled = |&term: &usize| !is_right || terms[term].left.is_some();
        settled.extend(chosen.settled.into_iter().filter(is_settled));
    }
    let right = last_right(sources);
    let mut conditions = Vec::new();
    let terms = terms.into_iter().enumerate().filter(|(at, _)| !settled.contains(at));
    for (_, term) in terms {
        match (term.left, last_source(scope, &term.bound)) {
            (Some(source), _) => sources[source].on.push(term.bound),
            (None, Some(source)) => sources[source.max(right)].filter.push(term.bound),
            (None, None) => conditions.push(term.bound),
        }
    }
    for (at, source) in sources.iter_mut().enumerate() {
        make_tests(scope, source, at);
    }
    conditions
}

/// Makes tests of the first conditions of a stored source, as far as they are some: none is asked
/// before another that comes first.
fn make_tests(scope: &ScopePlan, source: &mut SourcePlan, at: usize) {
    // A row that goes with those before is noted even if the filter is against it.
    let conditions = match source.is_left || source.is_right || !source.on.is_empty() {
        true => &mut source.on,
        false => &mut source.filter,
    };
    if let RowsPlan::Table(_) = source.rows {
        let tests = conditions.iter().map_while(|condition| test_of(scope, condition, at));
        source.tests = tests.collect();
        conditions.drain(..source.tests.len());
    }
}

/// The test of a stored row that a condition is, if its other side is the same for all rows.
fn test_of(scope: &ScopePlan, condition: &Bound, at: usize) -> Option<ColumnComparison> {
    let own = |slot: usize| match scope.slots[slot] {
        Slot::Column { source, column } if source == at => Some(column),
        _ => None,
    };
    let is_same = |slot: usize| {
        let is_before = sources_of_slot(scope, slot) & !((1u64 << at) - 1) == 0;
        // Behind an alias there may be something else each time.
        is_before && !matches!(scope.slots[slot], Slot::Result(_))
    };
    let mut test = condition.as_column_comparison(&|slot| own(slot).is_some())?;
    test.column = own(test.column)?;
    test.with.as_column().is_none_or(is_same).then_some(test)
}

/// The last source of a RIGHT or FULL JOIN. Before it WHERE may not be asked: a row that WHERE is not
/// true for goes with others all the same.
fn last_right(sources: &[SourcePlan]) -> usize {
    sources.iter().rposition(|source| source.is_right).unwrap_or(0)
}

/// The sources that an expression reads, as bits.
fn sources_of(scope: &ScopePlan, bound: &Bound) -> u64 {
    bound.columns().into_iter().map(|slot| sources_of_slot(scope, slot)).fold(0, |a, b| a | b)
}

fn sources_of_slot(scope: &ScopePlan, slot: usize) -> u64 {
    match scope.slots[slot] {
        Slot::Column { source, .. } | Slot::RowId { source } => 1 << source,
        Slot::Either(first, second) => {
            sources_of_slot(scope, first) | sources_of_slot(scope, second)
        }
        Slot::Result(result) => sources_of(scope, &scope.results[result]),
        Slot::Value { subquery, .. } | Slot::Exists(subquery) | Slot::Set(subquery) => {
            let reads = &scope.subqueries[subquery].reads;
            reads.iter().map(|&slot| sources_of_slot(scope, slot)).fold(0, |a, b| a | b)
        }
        Slot::Outer(_)
        | Slot::Parameter(_)
        | Slot::Constant(_)
        | Slot::Aggregate(_)
        | Slot::Counter(_) => 0,
    }
}

fn last_source(scope: &ScopePlan, bound: &Bound) -> Option<usize> {
    let sources = sources_of(scope, bound);
    (sources != 0).then(|| 63 - sources.leading_zeros() as usize)
}

/// Drops the order of an index where it would not be seen.
///
/// Where groups are made by all that an order sorts by, it is the order of the groups; within one of
/// them the rows come by row id anyway. And rows that are only counted have no order.
pub(super) fn drop_unseen_orders(select: &mut SelectPlan) {
    let SelectPlan { scope, sources, group: Some(group), columns, order, .. } = select else {
        return;
    };
    let sorted = order.iter().filter_map(|key| match &key.by {
        SortBy::Column(_) => None,
        SortBy::Computed(bound) => Some(bound),
    });
    let mut shown = columns.iter().chain(&group.having).chain(sorted);
    let are_counted = group.keys.is_empty()
        && group.aggregates.iter().all(|aggregate| aggregate.function == Function::Count)
        && shown.all(|bound| sources_of(scope, bound) == 0);
    for (at, source) in sources.iter_mut().enumerate() {
        let is_key = |&(column, collation, _): &(usize, Collation, bool)| {
            let slot = Slot::Column { source: at, column };
            group.keys.iter().any(|(key, own)| {
                *own == collation && key.as_column().is_some_and(|key| scope.slots[key] == slot)
            })
        };
        if are_counted || source.access.order.iter().all(is_key) {
            source.access.order.clear();
        }
    }
}

/// How the rows of a source are found.
struct Chosen {
    access: Access,
    /// The numbers of the terms that are true of every row found.
    settled: Vec<usize>,
}

impl Chosen {
    /// By looking for what terms say is equal.
    fn by(find: Find, terms: impl Iterator<Item = (Rule, usize)>) -> Self {
        // A real is rounded before it is looked for, but not before it is compared.
        let is_exact = |rule: Rule| rule.affinity() != Some(Affinity::Real);
        let settled = terms.filter(|(rule, _)| is_exact(*rule)).map(|(_, term)| term);
        Chosen { settled: settled.collect(), access: Access { find, order: Vec::new() } }
    }

    fn scan(order: Vec<(usize, Collation, bool)>) -> Self {
        Chosen { settled: Vec::new(), access: Access { find: Find::All, order } }
    }
}

/// What is known of one column of a source before its rows are looked for.
#[derive(Clone, Copy)]
struct Known<'t> {
    /// `None` for the row id.
    column: Option<usize>,
    rule: Rule,
    what: What<'t>,
    /// The number of the term that says it.
    term: usize,
}

/// What a column is equal to.
#[derive(Clone, Copy)]
struct Equal<'t> {
    bound: &'t Bound,
    rule: Rule,
    term: usize,
}

impl<'t> Known<'t> {
    fn equal(&self) -> Option<Equal<'t>> {
        let Known { rule, term, .. } = *self;
        match self.what {
            What::Equal(bound) => Some(Equal { bound, rule, term }),
            What::Among | What::Range => None,
        }
    }
}

#[derive(Clone, Copy)]
enum What<'t> {
    Equal(&'t Bound),
    /// Equal to one of several values, or to one that may be NULL.
    Among,
    Range,
}

fn choose(
    binder: &Binder<'_>,
    scope: &ScopePlan,
    sources: &[SourcePlan],
    at: usize,
    terms: &[Term],
) -> Chosen {
    let known = known_of(scope, sources, at, terms);
    match &sources[at].rows {
        RowsPlan::Supplied { .. } | RowsPlan::Recursive { .. } | RowsPlan::Working(_) => {
            Chosen::scan(Vec::new())
        }
        RowsPlan::Query { .. } => made(binder, scope, sources, at, &known),
        RowsPlan::Table(id) => {
            let table = binder.catalog.by_id(*id);
            let uses_indexes = sources[at].uses_indexes;
            let chosen = by_row_id(table, &known);
            let chosen = chosen.or_else(|| by_index(table, &known).filter(|_| uses_indexes));
            let chosen = chosen.or_else(|| by_foreign_key(table, &known));
            let mut chosen =
                chosen.unwrap_or_else(|| match made(binder, scope, sources, at, &known) {
                    Chosen { access: Access { find: Find::All, .. }, .. } if uses_indexes => {
                        Chosen::scan(covering(table, scope, at))
                    }
                    made => made,
                });
            if let (true, Some(key)) =
                (table.definition.is_without_row_id(), table.primary_key_index())
            {
                chosen.access.order.extend(order_of(table, key));
            }
            chosen
        }
    }
}

/// What the conditions say of a source's columns, given rows of those before it.
fn known_of<'t>(
    scope: &ScopePlan,
    sources: &[SourcePlan],
    at: usize,
    terms: &'t [Term],
) -> Vec<Known<'t>> {
    let before = (1u64 << at) - 1;
    let own = |bound: &Bound| match scope.slots[bound.as_column()?] {
        Slot::Column { source, column } if source == at => Some(Some(column)),
        Slot::RowId { source } if source == at => Some(None),
        _ => None,
    };
    let is_given = |bound: &Bound| sources_of(scope, bound) & !before == 0;
    let mut known = Vec::new();
    for (number, term) in terms.iter().enumerate() {
        // Of a source that may be NULLs, or go with NULLs, nothing but its own ON tells which rows go
        // with others.
        let is_outer = sources[at].is_left || sources[at].is_right;
        let is_too_early = term.left.is_none() && at < last_right(sources);
        if is_too_early || term.left != is_outer.then_some(at) {
            continue;
        }
        match &term.kind {
            Kind::Equal(a, b, rule) => {
                for (a, b) in [(a, b), (b, a)] {
                    if let (Some(column), true) = (own(a), is_given(b)) {
                        known.push(Known {
                            column,
                            rule: *rule,
                            what: What::Equal(b),
                            term: number,
                        });
                    }
                }
            }
            Kind::Is(a, b, rule) => {
                for (a, b) in [(a, b), (b, a)] {
                    if let (Some(column), true) = (own(a), is_given(b)) {
                        known.push(Known { column, rule: *rule, what: What::Among, term: number });
                    }
                }
            }
            Kind::Among(operand, rule) => {
                if let Some(column) = own(operand) {
                    known.push(Known { column, rule: *rule, what: What::Among, term: number });
                }
            }
            Kind::Range(operand, rule) => {
                if let Some(column) = own(operand) {
                    known.push(Known { column, rule: *rule, what: What::Range, term: number });
                }
            }
            Kind::Other => {}
        }
    }
    known
}

/// Whether values that compare by a rule can be looked for in an index of a column.
fn fits(rule: Rule, affinity: Affinity, collation: Collation) -> bool {
    let has_affinity = match rule.affinity() {
        None | Some(Affinity::Blob) => true,
        Some(Affinity::Text) => affinity == Affinity::Text,
        Some(Affinity::Numeric | Affinity::Integer | Affinity::Real) => affinity.is_numeric(),
    };
    has_affinity && rule.collation() == collation
}

fn by_row_id(table: &TableEntry, known: &[Known<'_>]) -> Option<Chosen> {
    let is_row_id = |known: &&Known<'_>| match known.column {
        None => true,
        Some(column) => table.row_id_column == Some(column),
    };
    let Equal { bound, rule, term } = known.iter().filter(is_row_id).find_map(Known::equal)?;
    // A text is looked for as the number that it is: compared otherwise, it may still be different.
    let is_number = rule.affinity().is_some_and(Affinity::is_numeric);
    let settled = is_number.then_some((rule, term));
    Some(Chosen::by(Find::RowId(bound.clone()), settled.into_iter()))
}

/// The order of an index, as rows are sorted by it.
fn order_of(
    table: &TableEntry,
    index: &IndexEntry,
) -> impl Iterator<Item = (usize, Collation, bool)> {
    let columns = index.columns.iter().enumerate();
    columns
        .map(|(place, &(column, collation))| (column, collation, index.is_descending(place, table)))
}

/// How much of an index the conditions cover.
struct Use<'t> {
    equal: Vec<Equal<'t>>,
    among: usize,
    has_range: bool,
}

fn by_index(table: &TableEntry, known: &[Known<'_>]) -> Option<Chosen> {
    let mut best: Option<(i32, Chosen)> = None;
    // SQLite asks the newest index first, and takes another only if it is better.
    for index in table.indexes.iter().rev().filter(|index| index.is_plain()) {
        let used = use_of(table, index, known);
        let covered = used.equal.len() + used.among;
        if covered == 0 && !used.has_range {
            continue;
        }
        let rows = estimate(index, &used);
        if best.as_ref().is_some_and(|(least, _)| *least <= rows) {
            continue;
        }
        let chosen = match used.equal.len() == index.columns.len() {
            true => {
                let key = used.equal.iter().map(|equal| (equal.bound.clone(), equal.rule));
                let find = Find::Index { index: index.id, key: key.collect() };
                Chosen::by(find, used.equal.iter().map(|equal| (equal.rule, equal.term)))
            }
            false => Chosen::scan(order_of(table, index).collect()),
        };
        best = Some((rows, chosen));
    }
    best.map(|(_, chosen)| chosen)
}

fn use_of<'t>(table: &TableEntry, index: &IndexEntry, known: &[Known<'t>]) -> Use<'t> {
    let mut used = Use { equal: Vec::new(), among: 0, has_range: false };
    for &(column, collation) in &index.columns {
        let affinity = table.columns[column].affinity;
        let mut of_column = known
            .iter()
            .filter(|known| known.column == Some(column) && fits(known.rule, affinity, collation));
        if let Some(equal) = of_column.clone().find_map(Known::equal) {
            used.equal.push(equal);
            continue;
        }
        if of_column.clone().any(|known| matches!(known.what, What::Among)) {
            used.among += 1;
            continue;
        }
        used.has_range = of_column.any(|known| matches!(known.what, What::Range));
        break;
    }
    used
}

/// How many rows SQLite expects, without statistics, in tenths of powers of two.
fn estimate(index: &IndexEntry, used: &Use<'_>) -> i32 {
    let covered = used.equal.len() + used.among;
    let rows = match covered {
        0 => 200,
        all if all == index.columns.len() && index.unique => 0,
        1 => 33,
        2 => 32,
        3 => 30,
        4 => 28,
        5 => 27,
        _ => 23,
    };
    rows + 20 * used.among as i32 - if used.has_range { 20 } else { 0 }
}

/// A foreign key's own index serves where the referenced columns compare as these do.
fn by_foreign_key(table: &TableEntry, known: &[Known<'_>]) -> Option<Chosen> {
    table.foreign_keys.iter().find_map(|key| {
        let to = key.resolved()?;
        let part = |(&column, &(affinity, collation)): (&usize, &(Affinity, Collation))| {
            let own = &table.columns[column];
            if (own.affinity, own.collation) != (affinity, collation) {
                return None;
            }
            let mut known = known.iter().filter(|known| {
                known.column == Some(column) && fits(known.rule, affinity, collation)
            });
            known.find_map(Known::equal)
        };
        let parts = key.columns.iter().zip(&to.comparison).map(part);
        let parts = parts.collect::<Option<Vec<_>>>()?;
        let wanted = parts.iter().map(|equal| (equal.bound.clone(), equal.rule)).collect();
        let find = Find::Index { index: key.index, key: wanted };
        Some(Chosen::by(find, parts.iter().map(|equal| (equal.rule, equal.term))))
    })
}

/// An index of the query's own, if a column is equal to something that changes from row to row.
fn made(
    binder: &Binder<'_>,
    scope: &ScopePlan,
    sources: &[SourcePlan],
    at: usize,
    known: &[Known<'_>],
) -> Chosen {
    let is_text = |slot: Slot| match slot {
        Slot::Column { source, column } => match sources[source].rows {
            RowsPlan::Table(id) => {
                binder.catalog.by_id(id).columns[column].affinity == Affinity::Text
            }
            _ => false,
        },
        _ => false,
    };
    // As text 1 and 1.0 differ, and are equal all the same if neither side is one.
    let has_text = |column: usize, bound: &Bound| {
        let is_text_at = |slot: usize| is_text(scope.slots[slot]);
        is_text(Slot::Column { source: at, column })
            || bound.is_cast()
            || bound.as_column().is_some_and(is_text_at)
    };
    let mut key: Vec<(usize, Bound, Rule)> = Vec::new();
    for known in known {
        if let (Some(column), What::Equal(bound)) = (known.column, known.what)
            && sources_of(scope, bound) != 0
            && (known.rule.affinity() != Some(Affinity::Text) || has_text(column, bound))
            && !key.iter().any(|(other, ..)| *other == column)
        {
            key.push((column, bound.clone(), known.rule));
        }
    }
    if key.is_empty() {
        return Chosen::scan(Vec::new());
    }
    let find = Find::Made { cache: binder.new_cache(), key };
    Chosen::by(find, std::iter::empty())
}

/// How wide SQLite takes a column to be, as compared with a number.
fn width(data_type: DataType) -> i32 {
    match data_type {
        DataType::Text | DataType::Blob => 5,
        DataType::Integer | DataType::Real | DataType::Boolean | DataType::Any => 1,
    }
}

/// The order of an index that holds all that is read of a table, and is narrower than the table.
fn covering(table: &TableEntry, scope: &ScopePlan, at: usize) -> Vec<(usize, Collation, bool)> {
    let read = scope.slots.iter().filter_map(|slot| match slot {
        Slot::Column { source, column } if *source == at => Some(*column),
        _ => None,
    });
    let read: Vec<usize> = read.filter(|&column| table.row_id_column != Some(column)).collect();
    let width = |column: usize| width(table.definition.columns()[column].data_type());
    let of_table: i32 =
        (0..table.columns.len()).map(width).sum::<i32>() + i32::from(table.row_id_column.is_none());
    let mut best: Option<(i32, &IndexEntry)> = None;
    for index in table.indexes.iter().rev().filter(|index| index.is_plain()) {
        let holds = |column: &usize| index.columns.iter().any(|(own, _)| own == column);
        let of_index = 1 + index.columns.iter().map(|(column, _)| width(*column)).sum::<i32>();
        let is_narrow = of_index < of_table && best.is_none_or(|(least, _)| of_index < least);
        if read.iter().all(holds) && is_narrow {
            best = Some((of_index, index));
        }
    }
    best.map_or_else(Vec::new, |(_, index)| order_of(table, index).collect())
}
