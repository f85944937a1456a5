//! How two operands compare.

use super::Comparison;
use super::resolved::{Bound, Resolved, Rule};
use crate::value::{Affinity, Value, ValueRef, compare_refs};
use std::cmp::Ordering;

/// A condition that compares a column with another one, or with a literal. Who knows where both lie
/// can ask it without a scope.
#[derive(Clone, Debug)]
pub struct ColumnComparison {
    /// The position of the column.
    pub column: usize,
    /// What it is compared with.
    pub with: Bound,
    comparison: Comparison,
    rule: Rule,
}

impl ColumnComparison {
    /// Whether it is true of a value of the column, and of the other side.
    #[inline]
    pub fn is_true(&self, column: ValueRef<'_>, with: ValueRef<'_>) -> bool {
        // Integers compare alike by any rule.
        if let (ValueRef::Integer(column), ValueRef::Integer(with)) = (column, with) {
            return self.comparison.allows(column.cmp(&with));
        }
        self.comparison.holds(column, with, self.rule) == Some(true)
    }
}

impl Bound {
    /// The comparison that this is, if it is one of a column of which `is_meant` holds with a literal
    /// or another column.
    pub fn as_column_comparison(
        &self,
        is_meant: &dyn Fn(usize) -> bool,
    ) -> Option<ColumnComparison> {
        let Resolved::Compare { comparison, operands, rule } = &*self.tree else { return None };
        let (comparison, rule) = (*comparison, *rule);
        match &**operands {
            [Resolved::Column(column), with] if is_meant(*column) => {
                Some(ColumnComparison { column: *column, with: leaf(with)?, comparison, rule })
            }
            [with, Resolved::Column(column)] if is_meant(*column) => {
                let (with, comparison) = (leaf(with)?, comparison.flipped());
                Some(ColumnComparison { column: *column, with, comparison, rule })
            }
            _ => None,
        }
    }
}

/// A column or a literal by itself.
fn leaf(resolved: &Resolved) -> Option<Bound> {
    let tree = match resolved {
        Resolved::Column(position) => Resolved::Column(*position),
        Resolved::Literal(value) => Resolved::Literal(value.clone()),
        _ => return None,
    };
    Some(Bound::of_part(tree))
}

impl Comparison {
    /// The comparison that says the same of the operands the other way round.
    fn flipped(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::Equal | Comparison::NotEqual | Comparison::Is | Comparison::IsNot => self,
        }
    }

    /// Whether it holds; `None` if that is open.
    pub(super) fn holds(self, left: ValueRef<'_>, right: ValueRef<'_>, rule: Rule) -> Option<bool> {
        let is_open = left.is_null() || right.is_null();
        match self {
            // NULL is NULL, and nothing else.
            Comparison::Is if is_open => Some(left.is_null() == right.is_null()),
            Comparison::IsNot if is_open => Some(left.is_null() != right.is_null()),
            _ if is_open => None,
            _ => Some(self.allows(rule.order(left, right))),
        }
    }

    /// Whether it holds of values, none of them NULL, in this order.
    #[inline]
    fn allows(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal | Comparison::Is => order.is_eq(),
            Comparison::NotEqual | Comparison::IsNot => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Rule {
    /// The order of two values after the affinity is applied to both.
    fn order(self, left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
        match self.affinity {
            None | Some(Affinity::Blob) => compare_refs(left, right, self.collation),
            Some(Affinity::Text) => self.order_as_text(left, right),
            Some(Affinity::Numeric | Affinity::Integer | Affinity::Real) => {
                compare_refs(as_number(left), as_number(right), self.collation)
            }
        }
    }

    fn order_as_text(self, left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
        use ValueRef::{Integer, Real, Text};
        let as_text = |number: ValueRef<'_>| Value::from(number.to_value().to_text());
        match (left, right) {
            (Text(_), Integer(_) | Real(_)) => {
                compare_refs(left, as_text(right).as_ref(), self.collation)
            }
            (Integer(_) | Real(_), Text(_)) => {
                compare_refs(as_text(left).as_ref(), right, self.collation)
            }
            _ => compare_refs(left, right, self.collation),
        }
    }
}

/// The number that text is, or the value itself.
fn as_number(value: ValueRef<'_>) -> ValueRef<'_> {
    match value {
        ValueRef::Text(text) => match Value::number_of_text(text) {
            Some(Value::Integer(integer)) => ValueRef::Integer(integer),
            Some(Value::Real(real)) => ValueRef::Real(real),
            _ => value,
        },
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => value,
    }
}
