//! How the queries of a combination come together: what its columns are, compare by and are sorted by.

use super::bind::{With, result_position};
use super::plan::{Combination, OutColumn, Part, SortBy, SortKey};
use super::scope::{Place, ScopeNames};
use super::select::{Compound, Order, literal_integer};
use crate::error::{QueryError, Result};
use crate::expression::{Bound, Expression, Types};
use crate::value::{Affinity, Collation};

impl Compound {
    pub(super) fn name(self) -> &'static str {
        match self {
            Compound::Union => "UNION",
            Compound::UnionAll => "UNION ALL",
            Compound::Except => "EXCEPT",
            Compound::Intersect => "INTERSECT",
        }
    }
}

/// The parts of a query, as far as they are bound.
#[derive(Default)]
pub(super) struct Combining {
    pub(super) parts: Vec<Combination>,
    /// The columns of each; of VALUES that comes first, those of each of its queries.
    pub(super) named: Vec<Vec<OutColumn>>,
    /// How the columns compare: by the first that says.
    pub(super) collations: Vec<Option<Collation>>,
}

impl Combining {
    /// Adds a part, which may be several queries by its columns.
    ///
    /// # Errors
    /// [`QueryError::CompoundWidth`] if it has not as many columns as those before it.
    pub(super) fn add(
        &mut self,
        with: Compound,
        part: Part,
        queries: Vec<Vec<OutColumn>>,
    ) -> Result<()> {
        let queries = match self.parts.is_empty() {
            true => {
                self.collations = vec![None; queries.first().map_or(0, Vec::len)];
                queries
            }
            false => vec![columns_of_one(queries)],
        };
        if queries.iter().any(|columns| columns.len() != self.collations.len()) {
            return Err(QueryError::CompoundWidth { operator: with.name() }.into());
        }
        for columns in &queries {
            for (collation, column) in self.collations.iter_mut().zip(columns) {
                *collation = collation.or(column.collation);
            }
        }
        self.named.extend(queries);
        let collations = self.collations.iter().map(|it| it.unwrap_or_default()).collect();
        self.parts.push(Combination { with, part, collations });
        Ok(())
    }
}

/// The columns of a combination, as others see them: the first part names them, and the first that
/// has an affinity gives it, unless another part may have values that this would convert.
pub(super) fn combined_columns(mut parts: Vec<Vec<OutColumn>>) -> Vec<OutColumn> {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let affinity = |at: usize| {
        let first = parts.iter().position(|part| part[at].affinity.is_some())?;
        let others = parts.iter().enumerate().filter(|(part, _)| *part != first);
        let types = others.fold(Types::default(), |types, (_, part)| types.or(part[at].types));
        parts[first][at].affinity.map(|affinity| match affinity {
            Affinity::Text if types.number => Affinity::Blob,
            affinity if affinity.is_numeric() && types.text => Affinity::Blob,
            // Nothing is converted to what only a CAST has said.
            affinity if affinity.is_numeric() && parts[0][at].is_cast => Affinity::Numeric,
            affinity => affinity,
        })
    };
    let affinities: Vec<_> = (0..parts[0].len()).map(affinity).collect();
    let mut columns = parts.swap_remove(0);
    for (column, affinity) in columns.iter_mut().zip(affinities) {
        column.affinity = affinity;
    }
    columns
}

/// The queries that SQLite makes of VALUES, by their columns. A row is one by itself; but constants
/// that follow each other are one source, if no WITH comes with it and the first have no affinity.
pub(super) fn queries_of_values(
    rows: &[Vec<Bound>],
    with: Option<&With<'_>>,
) -> Vec<Vec<OutColumn>> {
    let is_constant =
        |row: &[Bound]| with.is_none() && row.iter().all(|value| value.columns().is_empty());
    let has_affinity = |row: &[Bound]| row.iter().any(|value| value.affinity().is_some());
    let column = |(at, value)| OutColumn::new(format!("column{}", at + 1), value);
    let mut queries = Vec::new();
    let mut rest = rows;
    while let Some((first, behind)) = rest.split_first() {
        let columns = first.iter().enumerate().map(column);
        let may_begin = is_constant(first) && !has_affinity(first);
        let followers = behind.iter().take_while(|row| may_begin && is_constant(row)).count();
        queries.push(match followers {
            0 => columns.collect(),
            _ => columns.map(OutColumn::of_source).collect(),
        });
        rest = &behind[followers..];
    }
    queries
}

/// The columns of VALUES behind an operator: several queries are a source there.
fn columns_of_one(mut queries: Vec<Vec<OutColumn>>) -> Vec<OutColumn> {
    match queries.len() {
        1 => queries.swap_remove(0),
        _ => combined_columns(queries).into_iter().map(OutColumn::of_source).collect(),
    }
}

impl OutColumn {
    /// The same as a column of a source: it has a collation, and be it only the usual one.
    fn of_source(self) -> Self {
        OutColumn {
            collation: Some(self.collation.unwrap_or_default()),
            is_explicit: false,
            types: Types::of_affinity(self.affinity),
            is_cast: false,
            ..self
        }
    }
}

/// The ORDER BY of a combination, which sorts by nothing but its columns.
///
/// A term is a position, or written like a result column of one of the queries: its alias, or an
/// expression that means the same in that query. The first query in which it is one counts.
pub(super) struct CombinedOrder<'a> {
    terms: &'a [Order],
    /// The column that each term was found to be.
    found: Vec<Option<usize>>,
}

impl<'a> CombinedOrder<'a> {
    pub(super) fn new(terms: &'a [Order]) -> Self {
        CombinedOrder { terms, found: vec![None; terms.len()] }
    }

    /// Looks for the terms among the columns of a query.
    pub(super) fn look_in(&mut self, scope: &ScopeNames<'_>, columns: &[Bound]) {
        for (term, found) in self.terms.iter().zip(&mut self.found) {
            let (expression, _) = term.parts();
            if found.is_some() || literal_integer(expression).is_some() {
                continue;
            }
            *found = scope.find_result(expression).or_else(|| {
                let bound = scope.bind(expression, Place::Columns).ok()?;
                columns.iter().position(|column| *column == bound)
            });
        }
    }

    /// What to sort by.
    ///
    /// # Errors
    /// For a term that is no column.
    pub(super) fn keys(&self, collations: &[Collation]) -> Result<Vec<SortKey>> {
        let key = |(term, (order, found)): (usize, (&Order, &Option<usize>))| {
            let (expression, collation) = order.parts();
            let column = match literal_integer(expression) {
                Some(position) => result_position(position, "ORDER BY", term, collations.len())?,
                None => found.ok_or(QueryError::OrderTerm { term: term + 1 })?,
            };
            Ok(SortKey {
                by: SortBy::Column(column),
                collation: collation.unwrap_or(collations[column]),
                is_descending: order.is_descending,
                nulls: order.nulls,
            })
        };
        self.terms.iter().zip(&self.found).enumerate().map(key).collect()
    }
}

impl Order {
    /// The expression, and the collation that it is to be sorted with if one is named.
    pub(super) fn parts(&self) -> (&Expression, Option<Collation>) {
        let (mut expression, mut found) = (&self.expression, None);
        while let Some((operand, collation)) = expression.as_collate() {
            (expression, found) = (operand, found.or(Some(collation)));
        }
        (expression, found)
    }
}
