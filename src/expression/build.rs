//! How expressions are built: functions for the leaves, methods and operators for the rest.

use super::{
    Arithmetic, Call, ColumnName, Comparison, Expression, Node, Pattern, Raise, Subquery, Unary,
};
use crate::value::{Collation, DataType, Value};
use std::ops;
use std::sync::Arc;

/// A column, by its name or by that of its table and its own: `col("age")`, `col(("hero", "age"))`.
pub fn col(name: impl Into<ColumnName>) -> Expression {
    Expression::leaf(Node::Column(name.into()))
}

/// A literal value.
pub fn lit(value: impl Into<Value>) -> Expression {
    Expression::leaf(Node::Literal(value.into()))
}

/// The parameter of this number, from 1: `?1`. Its value is given when the statement runs.
pub fn parameter(number: usize) -> Expression {
    Expression::leaf(Node::Parameter(number))
}

/// `CASE WHEN … THEN … ELSE … END`: the result of the first branch whose condition is true.
///
/// Without a true condition the value is that of `otherwise`, or NULL. Without branches there is no
/// such SQL, and this is `otherwise` itself, or NULL.
pub fn case<C, R>(
    branches: impl IntoIterator<Item = (C, R)>,
    otherwise: Option<Expression>,
) -> Expression
where
    C: Into<Expression>,
    R: Into<Expression>,
{
    let branches: Vec<[Expression; 2]> =
        branches.into_iter().map(|(condition, result)| [condition.into(), result.into()]).collect();
    if branches.is_empty() {
        return otherwise.unwrap_or_else(|| lit(Value::Null));
    }
    Expression::over(Node::Case {
        branches: Arc::new(branches),
        otherwise: otherwise.map(Arc::new),
    })
}

/// A call of a function by name: `function("coalesce", [col("a"), lit(0)])`. For aggregates with
/// DISTINCT or FILTER, and for `count(*)`, see [`Call`].
///
/// Known are SQLite's functions of numbers and texts, in any case of letters. `bind` refuses others,
/// and a wrong number of arguments.
pub fn function<A: Into<Expression>>(
    name: impl Into<Arc<str>>,
    arguments: impl IntoIterator<Item = A>,
) -> Expression {
    Call::new(name, arguments).into()
}

/// `(a, b, …)`: several values, to be compared with as many.
pub fn row_value<E: Into<Expression>>(values: impl IntoIterator<Item = E>) -> Expression {
    let values = values.into_iter().map(Into::into).collect();
    Expression::over(Node::Row(Arc::new(values)))
}

/// `(SELECT …)`: the first row of a query, which has one column, or as many as it is compared with.
pub fn subquery(query: impl Into<Arc<dyn Subquery>>) -> Expression {
    Expression::over(Node::Subquery(query.into()))
}

/// `EXISTS (SELECT …)`
pub fn exists(query: impl Into<Arc<dyn Subquery>>) -> Expression {
    Expression::over(Node::Exists(query.into()))
}

/// `RAISE (ABORT, message)`: makes the statement fail, in a trigger.
pub fn raise(raise: Raise, message: impl Into<Arc<str>>) -> Expression {
    Expression::leaf(Node::Raise(raise, message.into()))
}

/// Every value is a literal, so that `col("a").eq(3)` reads as it should.
impl<T: Into<Value>> From<T> for Expression {
    fn from(value: T) -> Expression {
        lit(value)
    }
}

// The names are those of the SQL operators, which the standard traits also have; and a builder
// consumes what it builds on.
#[allow(
    clippy::should_implement_trait,
    clippy::wrong_self_convention,
    reason = "they are named as SQL names them, and build a tree instead of answering"
)]
impl Expression {
    /// `self = other`
    pub fn eq(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::Equal, other.into())
    }

    /// `self <> other`
    pub fn ne(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::NotEqual, other.into())
    }

    /// `self < other`
    pub fn lt(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::Less, other.into())
    }

    /// `self <= other`
    pub fn le(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::LessOrEqual, other.into())
    }

    /// `self > other`
    pub fn gt(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::Greater, other.into())
    }

    /// `self >= other`
    pub fn ge(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::GreaterOrEqual, other.into())
    }

    /// `self IS other`: equal, NULL being equal to NULL. Never NULL itself.
    pub fn is(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::Is, other.into())
    }

    /// `self IS NOT other`: the opposite of [`Expression::is`].
    pub fn is_not(self, other: impl Into<Expression>) -> Expression {
        self.compare(Comparison::IsNot, other.into())
    }

    /// `self IS NULL`
    pub fn is_null(self) -> Expression {
        Expression::over(Node::IsNull { operand: Arc::new(self), negated: false })
    }

    /// `self IS NOT NULL`
    pub fn is_not_null(self) -> Expression {
        Expression::over(Node::IsNull { operand: Arc::new(self), negated: true })
    }

    /// `self IS TRUE`
    pub fn is_true(self) -> Expression {
        self.is_truth(true, false)
    }

    /// `self IS NOT TRUE`
    pub fn is_not_true(self) -> Expression {
        self.is_truth(true, true)
    }

    /// `self IS FALSE`
    pub fn is_false(self) -> Expression {
        self.is_truth(false, false)
    }

    /// `self IS NOT FALSE`
    pub fn is_not_false(self) -> Expression {
        self.is_truth(false, true)
    }

    /// `self AND other`
    pub fn and(self, other: impl Into<Expression>) -> Expression {
        let mut conjuncts = self.into_conjuncts();
        conjuncts.extend(other.into().into_conjuncts());
        Expression::over(Node::And(Arc::new(conjuncts)))
    }

    /// `self OR other`
    pub fn or(self, other: impl Into<Expression>) -> Expression {
        let mut disjuncts = self.into_disjuncts();
        disjuncts.extend(other.into().into_disjuncts());
        Expression::over(Node::Or(Arc::new(disjuncts)))
    }

    /// `NOT self`
    pub fn not(self) -> Expression {
        self.unary(Unary::Not)
    }

    /// `-self`; the operator `-` does the same.
    pub fn negate(self) -> Expression {
        self.unary(Unary::Negate)
    }

    /// `self || other`
    pub fn concat(self, other: impl Into<Expression>) -> Expression {
        Expression::over(Node::Concat(Arc::new([self, other.into()])))
    }

    /// `self IN (items)`: false for an empty list, even if `self` is NULL.
    pub fn in_list<I: Into<Expression>>(self, items: impl IntoIterator<Item = I>) -> Expression {
        self.in_items(items.into_iter().map(Into::into).collect(), false)
    }

    /// `self NOT IN (items)`: true for an empty list, even if `self` is NULL.
    pub fn not_in_list<I: Into<Expression>>(
        self,
        items: impl IntoIterator<Item = I>,
    ) -> Expression {
        self.in_items(items.into_iter().map(Into::into).collect(), true)
    }

    /// `self BETWEEN low AND high`, both bounds included.
    pub fn between(self, low: impl Into<Expression>, high: impl Into<Expression>) -> Expression {
        let operands = Arc::new([self, low.into(), high.into()]);
        Expression::over(Node::Between { operands, negated: false })
    }

    /// `self NOT BETWEEN low AND high`
    pub fn not_between(
        self,
        low: impl Into<Expression>,
        high: impl Into<Expression>,
    ) -> Expression {
        let operands = Arc::new([self, low.into(), high.into()]);
        Expression::over(Node::Between { operands, negated: true })
    }

    /// `self LIKE pattern`: `%` is any text, `_` any character; ASCII letters match in either case.
    pub fn like(self, pattern: impl Into<Expression>) -> Expression {
        self.matches(Pattern::Like, vec![pattern.into()], false)
    }

    /// `self NOT LIKE pattern`
    pub fn not_like(self, pattern: impl Into<Expression>) -> Expression {
        self.matches(Pattern::Like, vec![pattern.into()], true)
    }

    /// `self LIKE pattern ESCAPE escape`: what follows the escape character stands for itself.
    pub fn like_escape(
        self,
        pattern: impl Into<Expression>,
        escape: impl Into<Expression>,
    ) -> Expression {
        self.matches(Pattern::Like, vec![pattern.into(), escape.into()], false)
    }

    /// `self GLOB pattern`: `*` is any text, `?` any character, `[…]` one of several; case counts.
    pub fn glob(self, pattern: impl Into<Expression>) -> Expression {
        self.matches(Pattern::Glob, vec![pattern.into()], false)
    }

    /// `self NOT GLOB pattern`
    pub fn not_glob(self, pattern: impl Into<Expression>) -> Expression {
        self.matches(Pattern::Glob, vec![pattern.into()], true)
    }

    /// `self & other`
    pub fn bit_and(self, other: impl Into<Expression>) -> Expression {
        self.arithmetic(Arithmetic::BitAnd, other.into())
    }

    /// `self | other`
    pub fn bit_or(self, other: impl Into<Expression>) -> Expression {
        self.arithmetic(Arithmetic::BitOr, other.into())
    }

    /// `self << other`
    pub fn shift_left(self, other: impl Into<Expression>) -> Expression {
        self.arithmetic(Arithmetic::ShiftLeft, other.into())
    }

    /// `self >> other`
    pub fn shift_right(self, other: impl Into<Expression>) -> Expression {
        self.arithmetic(Arithmetic::ShiftRight, other.into())
    }

    /// `~self`
    pub fn complement(self) -> Expression {
        self.unary(Unary::Complement)
    }

    /// `+self`: the same value, without the affinity of a column.
    pub fn plus(self) -> Expression {
        self.unary(Unary::Plus)
    }

    /// `self IN (SELECT …)`
    pub fn in_query(self, query: impl Into<Arc<dyn Subquery>>) -> Expression {
        let (operand, subquery) = (Arc::new(self), query.into());
        Expression::over(Node::InSubquery { operand, subquery, negated: false })
    }

    /// `self NOT IN (SELECT …)`
    pub fn not_in_query(self, query: impl Into<Arc<dyn Subquery>>) -> Expression {
        let (operand, subquery) = (Arc::new(self), query.into());
        Expression::over(Node::InSubquery { operand, subquery, negated: true })
    }

    /// `CAST(self AS data_type)`; with [`DataType::Any`] just `self`.
    pub fn cast(self, data_type: DataType) -> Expression {
        match data_type {
            DataType::Any => self,
            DataType::Integer
            | DataType::Real
            | DataType::Text
            | DataType::Blob
            | DataType::Boolean => Expression::over(Node::Cast(Arc::new(self), data_type)),
        }
    }

    /// `self COLLATE collation`: how a comparison this is an operand of compares text.
    pub fn collate(self, collation: Collation) -> Expression {
        Expression::over(Node::Collate(Arc::new(self), collation))
    }

    /// The same value in the place of a column that is declared with this collation.
    #[cfg(feature = "sql")]
    pub(crate) fn declared(self, collation: Collation) -> Expression {
        Expression::over(Node::Declared(Arc::new(self), collation))
    }

    fn unary(self, operator: Unary) -> Expression {
        Expression::over(Node::Unary(operator, Arc::new(self)))
    }

    fn is_truth(self, expected: bool, negated: bool) -> Expression {
        Expression::over(Node::IsTruth { operand: Arc::new(self), expected, negated })
    }

    fn matches(self, pattern: Pattern, rest: Vec<Expression>, negated: bool) -> Expression {
        let operands = Arc::new(std::iter::once(self).chain(rest).collect());
        Expression::over(Node::Match { pattern, operands, negated })
    }

    fn compare(self, comparison: Comparison, other: Expression) -> Expression {
        Expression::over(Node::Compare(comparison, Arc::new([self, other])))
    }

    fn arithmetic(self, operator: Arithmetic, other: Expression) -> Expression {
        Expression::over(Node::Arithmetic(operator, Arc::new([self, other])))
    }

    fn in_items(self, items: Vec<Expression>, negated: bool) -> Expression {
        Expression::over(Node::In { operand: Arc::new(self), items: Arc::new(items), negated })
    }

    fn into_conjuncts(self) -> Vec<Expression> {
        match self.node {
            Node::And(conjuncts) => Arc::unwrap_or_clone(conjuncts),
            node => vec![Expression { node, depth: self.depth }],
        }
    }

    fn into_disjuncts(self) -> Vec<Expression> {
        match self.node {
            Node::Or(disjuncts) => Arc::unwrap_or_clone(disjuncts),
            node => vec![Expression { node, depth: self.depth }],
        }
    }
}

impl<T: Into<Expression>> ops::Add<T> for Expression {
    type Output = Expression;

    fn add(self, other: T) -> Expression {
        self.arithmetic(Arithmetic::Add, other.into())
    }
}

impl<T: Into<Expression>> ops::Sub<T> for Expression {
    type Output = Expression;

    fn sub(self, other: T) -> Expression {
        self.arithmetic(Arithmetic::Subtract, other.into())
    }
}

impl<T: Into<Expression>> ops::Mul<T> for Expression {
    type Output = Expression;

    fn mul(self, other: T) -> Expression {
        self.arithmetic(Arithmetic::Multiply, other.into())
    }
}

/// Integers are divided as integers. Division by zero is NULL.
impl<T: Into<Expression>> ops::Div<T> for Expression {
    type Output = Expression;

    fn div(self, other: T) -> Expression {
        self.arithmetic(Arithmetic::Divide, other.into())
    }
}

/// The remainder of integers, which real operands are cut to first.
impl<T: Into<Expression>> ops::Rem<T> for Expression {
    type Output = Expression;

    fn rem(self, other: T) -> Expression {
        self.arithmetic(Arithmetic::Remainder, other.into())
    }
}

impl ops::Neg for Expression {
    type Output = Expression;

    fn neg(self) -> Expression {
        self.negate()
    }
}
