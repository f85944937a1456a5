//! How the queries of a combination come together: what its columns are, compare by and are sorted by.

use super::bind::{With, result_position};
use super::plan::{OutColumn, Part, SortBy, SortKey};
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

/// Whether SQLite takes VALUES of several rows for a source: unless it comes with a WITH or has rows
/// that are no constants, for then each row is a query of its own.
pub(super) fn is_source(rows: &[Vec<Bound>], with: Option<&With<'_>>) -> bool {
    rows.len() > 1
        && with.is_none()
        && rows[0].iter().all(|value| value.affinity().is_none())
        && rows[1].iter().all(|value| value.columns().is_empty())
}

/// How the columns of a part compare where they are combined with others. Those of a source have a
/// collation, the usual one.
pub(super) fn part_collations(
    part: &Part,
    columns: &[OutColumn],
    with: Option<&With<'_>>,
) -> Vec<Option<Collation>> {
    let is_source = matches!(part, Part::Values(_, rows) if is_source(rows, with));
    let usual = is_source.then_some(Collation::Binary);
    columns.iter().map(|column| usual.or(column.collation)).collect()
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
