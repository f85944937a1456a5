//! The order of a result: rows sorted, or the first of them picked as they come.
//!
//! Where a LIMIT says how many rows are wanted, no more than these are kept, and a row that comes
//! behind them all is not even computed: its sort keys tell.

use super::frame::Frame;
use super::plan::{SelectPlan, Slot, SortBy, SortKey};
use super::select::Nulls;
use crate::expression::Operand;
use crate::value::{Key, Value, ValueRef, compare_refs};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Rows to be sorted.
pub(super) struct Sorter<'p> {
    order: &'p [SortKey],
    kept: Kept<'p>,
    /// How many rows have been added.
    count: usize,
}

enum Kept<'p> {
    All(Vec<Ranked<'p>>),
    /// No more than this many, the last on top.
    First(usize, BinaryHeap<Ranked<'p>>),
}

/// A row, and what tells its place: its sort keys, and of rows that are equal in them its number.
struct Ranked<'p> {
    order: &'p [SortKey],
    keys: Key,
    number: usize,
    row: Vec<Value>,
}

impl<'p> Sorter<'p> {
    /// For all rows, or for the first `most`.
    pub(super) fn new(order: &'p [SortKey], most: Option<usize>) -> Self {
        let kept = match most {
            None => Kept::All(Vec::new()),
            Some(most) => Kept::First(most, BinaryHeap::new()),
        };
        Sorter { order, kept, count: 0 }
    }

    /// Whether only the first rows are wanted.
    pub(super) fn is_bounded(&self) -> bool {
        matches!(self.kept, Kept::First(..))
    }

    /// Whether a row with these sort keys is wanted, as far as can be told now.
    pub(super) fn wants(&self, keys: &[Operand<'_>]) -> bool {
        let Kept::First(most, heap) = &self.kept else { return true };
        let Some(last) = heap.peek().filter(|_| heap.len() >= *most) else { return true };
        for (at, key) in self.order.iter().enumerate() {
            match key.compare(keys[at].as_ref(), last.keys[at].as_ref()) {
                Ordering::Less => return true,
                Ordering::Greater => return false,
                Ordering::Equal => {}
            }
        }
        false
    }

    /// Whether a row with this first sort key comes behind all that are wanted, whatever its others.
    pub(super) fn is_behind(&self, first: &Operand<'_>) -> bool {
        let Kept::First(most, heap) = &self.kept else { return false };
        let last = heap.peek().filter(|_| heap.len() >= *most);
        last.is_some_and(|last| {
            self.order[0].compare(first.as_ref(), last.keys[0].as_ref()).is_gt()
        })
    }

    /// Adds a row that is wanted.
    pub(super) fn add(&mut self, keys: Key, row: Vec<Value>) {
        let Sorter { order, kept, count } = self;
        let ranked = Ranked { order, keys, number: *count, row };
        *count += 1;
        match kept {
            Kept::All(rows) => rows.push(ranked),
            Kept::First(most, heap) => {
                heap.push(ranked);
                if heap.len() > *most {
                    heap.pop();
                }
            }
        }
    }

    /// The rows, sorted.
    pub(super) fn finish(self) -> impl Iterator<Item = Vec<Value>> {
        let sorted = match self.kept {
            Kept::All(mut rows) => {
                rows.sort();
                rows
            }
            Kept::First(_, heap) => heap.into_sorted_vec(),
        };
        sorted.into_iter().map(|ranked| ranked.row)
    }
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.keys.iter().map(Value::as_ref), other.keys.iter().map(Value::as_ref));
        compare_keys(self.order, a, b).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked<'_> {}

impl SortKey {
    /// Whether it is a column, to read which nothing can fail.
    pub(super) fn is_column(&self, select: &SelectPlan) -> bool {
        let bound = match &self.by {
            SortBy::Column(column) => &select.columns[*column],
            SortBy::Computed(bound) => bound,
        };
        let slot = bound.as_column().map(|slot| select.scope.slots[slot]);
        matches!(slot, Some(Slot::Column { .. } | Slot::RowId { .. }))
    }

    /// The value to sort by, of a row that is computed already or is not.
    pub(super) fn read<'a>(
        &'a self,
        select: &'a SelectPlan,
        row: Option<&'a [Value]>,
        frame: &'a Frame<'_, '_>,
    ) -> Operand<'a> {
        match (&self.by, row) {
            (SortBy::Column(column), Some(row)) => Operand::Held(&row[*column]),
            (SortBy::Column(column), None) => select.columns[*column].read(frame),
            (SortBy::Computed(bound), _) => bound.read(frame),
        }
    }
}

/// Compares rows that are sorted by nothing but their columns.
pub(super) fn compare_rows(order: &[SortKey], a: &[Value], b: &[Value]) -> Ordering {
    fn columns<'a>(
        order: &'a [SortKey],
        row: &'a [Value],
    ) -> impl Iterator<Item = ValueRef<'a>> + 'a {
        order.iter().map(|key| match key.by {
            SortBy::Column(column) => row[column].as_ref(),
            SortBy::Computed(_) => ValueRef::Null,
        })
    }
    compare_keys(order, columns(order, a), columns(order, b))
}

fn compare_keys<'a, 'b>(
    order: &[SortKey],
    a: impl Iterator<Item = ValueRef<'a>>,
    b: impl Iterator<Item = ValueRef<'b>>,
) -> Ordering {
    let mut orderings = order.iter().zip(a.zip(b)).map(|(key, (a, b))| key.compare(a, b));
    orderings.find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

impl SortKey {
    fn compare(&self, a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
        if let Some(nulls) = self.nulls
            && a.is_null() != b.is_null()
        {
            let first = if a.is_null() { Ordering::Less } else { Ordering::Greater };
            return if nulls == Nulls::First { first } else { first.reverse() };
        }
        let ordering = compare_refs(a, b, self.collation);
        if self.is_descending { ordering.reverse() } else { ordering }
    }
}
