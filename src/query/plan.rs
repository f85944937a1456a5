//! A bound query: names are slots, conditions stand where they can be asked first, and each source
//! has its way to find rows.

use super::aggregate::Aggregate;
use super::recursive::RecursivePlan;
use super::select::{Compound, Nulls};
use super::source::SuppliedTable;
use crate::expression::{Bound, ColumnComparison, Rule, SubqueryUse, Types};
use crate::id::{IndexId, TableId};
use crate::value::{Affinity, Collation, Value};
use std::sync::Arc;

/// A query, its parts combined from left to right.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) parts: Vec<Combination>,
    /// The first part's; every part has as many.
    pub(super) columns: Vec<OutColumn>,
    /// The last part's: what an expression takes for the columns of a subquery.
    pub(super) values: Vec<OutColumn>,
    /// How columns compare where all parts are combined.
    pub(super) collations: Vec<Collation>,
    /// Of several parts; a single one knows its own order.
    pub(super) order: Vec<SortKey>,
    /// What LIMIT and OFFSET read.
    pub(super) tail: ScopePlan,
    pub(super) limit: Option<Bound>,
    pub(super) offset: Option<Bound>,
    /// Whether it is known beforehand that nothing but the first row is wanted.
    pub(super) is_for_first: bool,
}

impl Plan {
    /// Makes reals of the integers that other parts than the first give to a REAL column: who reads a
    /// REAL column is given reals.
    pub(super) fn make_real(&self, row: &mut [Value]) {
        if self.parts.len() < 2 {
            return;
        }
        for (value, column) in row.iter_mut().zip(&self.columns) {
            if let (Some(Affinity::Real), Value::Integer(integer)) = (column.affinity, &*value) {
                *value = Value::Real(*integer as f64);
            }
        }
    }

    /// How many of the parts are merged before a row is known, where no ORDER BY sorts them all.
    pub(super) fn merged(&self) -> usize {
        let is_merged = |part: &Combination| match part.with {
            Compound::UnionAll => false,
            // The first row of a UNION is the first that one of its parts has.
            Compound::Union => !self.is_for_first,
            Compound::Except | Compound::Intersect => true,
        };
        self.parts.iter().rposition(is_merged).map_or(0, |last| last + 1)
    }

    /// A plan without parts, which are to come.
    pub(super) fn empty() -> Self {
        Plan {
            parts: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
            collations: Vec::new(),
            order: Vec::new(),
            tail: ScopePlan::default(),
            limit: None,
            offset: None,
            is_for_first: false,
        }
    }
}

/// A part, and how it is combined with those before it; the first one is added to no rows.
#[derive(Debug)]
pub(super) struct Combination {
    pub(super) with: Compound,
    pub(super) part: Part,
    /// How columns compare where rows of those before and its own are equal.
    pub(super) collations: Vec<Collation>,
}

#[derive(Debug)]
pub(super) enum Part {
    Select(Box<SelectPlan>),
    Values(ScopePlan, Vec<Vec<Bound>>),
}

/// A column of a result, as others that read it see it.
#[derive(Clone, Debug)]
pub(super) struct OutColumn {
    pub(super) name: String,
    pub(super) affinity: Option<Affinity>,
    pub(super) collation: Option<Collation>,
    /// Whether the collation is a COLLATE's.
    pub(super) is_explicit: bool,
    /// Of which types its values may be.
    pub(super) types: Types,
    /// Whether it is a CAST.
    pub(super) is_cast: bool,
    /// Of a join in parentheses.
    pub(super) origin: Option<Origin>,
}

/// Where a column of a join in parentheses comes from, for it goes by that outside of it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The name of its source.
    pub(super) table: Option<String>,
    /// Whether it has been made one with another column of the join.
    pub(super) is_joined: bool,
    /// The column of the join that stands for it where it is NULL.
    pub(super) fallback: Option<usize>,
}

/// By what rows are sorted.
#[derive(Clone, Debug)]
pub(super) struct SortKey {
    pub(super) by: SortBy,
    pub(super) collation: Collation,
    pub(super) is_descending: bool,
    pub(super) nulls: Option<Nulls>,
}

#[derive(Clone, Debug)]
pub(super) enum SortBy {
    /// A column of the result.
    Column(usize),
    /// Something else that the row's sources give.
    Computed(Bound),
}

/// What expressions of one SELECT read: slot → what it is.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopePlan {
    pub(super) slots: Vec<Slot>,
    pub(super) subqueries: Vec<SubqueryPlan>,
    /// Result columns that are named by their alias.
    pub(super) results: Vec<Bound>,
    /// Parts of conditions that read nothing which changes from row to row.
    pub(super) constants: Vec<Bound>,
}

/// What a position in a bound expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A column of the row that a source is at.
    Column { source: usize, column: usize },
    /// The row id of the row that a source is at.
    RowId { source: usize },
    /// A slot of the enclosing scope.
    Outer(usize),
    /// A parameter, from 0.
    Parameter(usize),
    /// A part of a condition that is computed once for all rows.
    Constant(usize),
    /// An aggregate of the group at hand.
    Aggregate(usize),
    /// A column of a result, by its alias.
    Result(usize),
    /// A column of the first row of a subquery.
    Value { subquery: usize, column: usize },
    /// Whether a subquery has a row.
    Exists(usize),
    /// All rows of a subquery.
    Set(usize),
    /// The first of two slots, or the second where that is NULL.
    Either(usize, usize),
    /// What is known of the connection.
    Counter(Counter),
}

/// What a running statement knows of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Changes,
    TotalChanges,
    LastInsertRowId,
}

/// A query that is run at most once for each set of values that it reads from outside.
#[derive(Clone, Debug)]
pub(super) struct SubqueryPlan {
    pub(super) plan: Arc<Plan>,
    pub(super) wanted: SubqueryUse,
    /// Where its last result is kept.
    pub(super) cache: usize,
    /// The slots that it reads of the scope it stands in.
    pub(super) reads: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct SelectPlan {
    pub(super) scope: ScopePlan,
    /// In the order in which they are looped over.
    pub(super) sources: Vec<SourcePlan>,
    /// Asked once, before any row.
    pub(super) conditions: Vec<Bound>,
    pub(super) group: Option<GroupPlan>,
    pub(super) columns: Vec<Bound>,
    /// Collations by which equal rows are found.
    pub(super) distinct: Option<Vec<Collation>>,
    pub(super) order: Vec<SortKey>,
}

/// Rows in groups.
#[derive(Debug)]
pub(super) struct GroupPlan {
    /// Empty: all rows are one group, even if there are none.
    pub(super) keys: Vec<(Bound, Collation)>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) having: Option<Bound>,
}

/// A source, and how its rows are found for those of the sources before it.
#[derive(Debug)]
pub(super) struct SourcePlan {
    pub(super) rows: RowsPlan,
    /// Whether what comes before stays with NULLs if no row goes with it.
    pub(super) is_left: bool,
    /// Whether its rows that go with none before it come at the end, with NULLs there.
    pub(super) is_right: bool,
    /// What is asked first of a stored row, before it is the one that the source is at: columns are
    /// compared with what is the same for all rows. What is not true here, is of no other interest.
    pub(super) tests: Vec<ColumnComparison>,
    /// Which rows go with those before.
    pub(super) on: Vec<Bound>,
    /// What is asked as soon as this source has a row, or none.
    pub(super) filter: Vec<Bound>,
    /// Whether the order of an index may be that of the rows: not under NOT INDEXED.
    pub(super) uses_indexes: bool,
    pub(super) access: Access,
}

#[derive(Debug)]
pub(super) enum RowsPlan {
    Table(TableId),
    /// The query, where its rows are kept, and what it reads of the scope that encloses this one.
    Query {
        plan: Arc<Plan>,
        cache: usize,
        reads: Vec<usize>,
    },
    /// A query that reads itself, and as above.
    Recursive {
        plan: Arc<RecursivePlan>,
        cache: usize,
        reads: Vec<usize>,
    },
    /// The working row of such a query, by where it is kept.
    Working(usize),
    Supplied {
        table: Arc<dyn SuppliedTable>,
        arguments: Vec<Bound>,
    },
}

/// How rows are found, and in which order they come.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) find: Find,
    /// Columns by which the rows are sorted before they are by row id, each with whether from the end.
    pub(super) order: Vec<(usize, Collation, bool)>,
}

/// Where to look. What is found has still to be asked all conditions.
#[derive(Debug)]
pub(super) enum Find {
    /// Everywhere.
    All,
    /// Under a row id.
    RowId(Bound),
    /// Under a key of an index.
    Index { index: IndexId, key: Vec<(Bound, Rule)> },
    /// Under a key of an index that is made for this query: columns, and what they are equal to.
    Made { cache: usize, key: Vec<(usize, Bound, Rule)> },
}

impl Access {
    pub(super) fn scan() -> Self {
        Access { find: Find::All, order: Vec::new() }
    }
}
