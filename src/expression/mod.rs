//! Expressions over the columns of a row: CHECK, DEFAULT and WHERE share them.
//!
//! An [`Expression`] is built from [`col`] and [`lit`] with methods and the arithmetic operators; it
//! names columns and knows nothing of tables. [`Expression::bind`] resolves the names against some
//! [`Columns`] and gives a [`Bound`], which is evaluated over a [`Scope`], that is a row. Whoever has
//! subqueries or outer rows to offer does so as further columns of its scope.
//!
//! Values and logic are SQLite's: three-valued, with its affinity and collation rules decided once,
//! in `bind`. Evaluation is total. Where SQLite fails the statement there is a value instead:
//!
//! - `abs(-9223372036854775808)` is the real 9223372036854775808.0 and no "integer overflow";
//! - text or a blob beyond SQLite's limit of a thousand million bytes is NULL and no "too big";
//! - a LIKE pattern may be of any length.
//!
//! A tree has at most [`DEPTH_MAX`] levels. Building one that is deeper gives an expression that
//! `bind` refuses, so nothing that walks a tree can exhaust the stack. AND and OR are flat: a chain
//! of them is one level however long.
//!
//! Printing an expression gives SQL that SQLite parses back to the same meaning.
//!
//! # Examples
//!
//! ```
//! use ondelete::expression::{ColumnInfo, Columns, col};
//! use ondelete::value::{Affinity, Collation, Value};
//!
//! struct Stock;
//! impl Columns for Stock {
//!     fn resolve(&self, name: &str) -> Option<ColumnInfo> {
//!         let position = ["price", "sold"].iter().position(|known| known.eq_ignore_ascii_case(name))?;
//!         let (affinity, collation) = (Affinity::Integer, Collation::Binary);
//!         Some(ColumnInfo { position, affinity, collation })
//!     }
//! }
//!
//! let check = col("price").gt(0).and((col("price") * 2).le(100).or(col("sold").is_null()));
//! assert_eq!(check.to_string(), "price > 0 AND (price * 2 <= 100 OR sold IS NULL)");
//! let check = check.bind(&Stock)?;
//! assert_eq!(check.truth(&[Value::Integer(60), Value::Null]), Some(true));
//! assert_eq!(check.truth(&[Value::Integer(60), Value::Integer(1)]), Some(false));
//! # Ok::<(), ondelete::expression::BindError>(())
//! ```

use std::ops;
use std::sync::Arc;

use crate::value::{Collation, DataType, Value};

mod bind;
mod display;
mod evaluate;
mod functions;

pub use bind::{BindError, Bound, ColumnInfo, Columns};
pub use display::quote_identifier;
pub use evaluate::Scope;

/// The most levels an expression can have.
pub const DEPTH_MAX: usize = 100;

/// A tree of operators over columns and literals; see the [module](self) for how to build one.
///
/// Equality is structural: `a = b` and `b = a` differ. A clone shares the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    node: Node,
    // The levels of the tree, 1 for a leaf; never more than DEPTH_MAX.
    depth: usize,
}

// Operands are shared, so that a clone takes neither time nor stack in proportion to the tree.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Column(String),
    Literal(Value),
    Not(Arc<Expression>),
    Negate(Arc<Expression>),
    IsNull { operand: Arc<Expression>, negated: bool },
    Compare(Comparison, Arc<[Expression; 2]>),
    // At least two conjuncts, none of them an AND itself.
    And(Arc<Vec<Expression>>),
    // At least two disjuncts, none of them an OR itself.
    Or(Arc<Vec<Expression>>),
    Arithmetic(Arithmetic, Arc<[Expression; 2]>),
    Concat(Arc<[Expression; 2]>),
    In { operand: Arc<Expression>, items: Arc<Vec<Expression>>, negated: bool },
    // The operand, the low and the high bound.
    Between { operands: Arc<[Expression; 3]>, negated: bool },
    // The subject and the pattern.
    Like { operands: Arc<[Expression; 2]>, negated: bool },
    // At least one branch: a condition and its result.
    Case { branches: Arc<Vec<[Expression; 2]>>, otherwise: Option<Arc<Expression>> },
    Cast(Arc<Expression>, DataType),
    Collate(Arc<Expression>, Collation),
    Function { name: String, arguments: Arc<Vec<Expression>> },
    // What would have been deeper than DEPTH_MAX.
    TooDeep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Is,
    IsNot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A column, by name. ASCII case does not count when it is bound.
pub fn col(name: impl Into<String>) -> Expression {
    Expression::leaf(Node::Column(name.into()))
}

/// A literal value.
pub fn lit(value: impl Into<Value>) -> Expression {
    Expression::leaf(Node::Literal(value.into()))
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

/// A call of a function by name: `function("coalesce", [col("a"), lit(0)])`.
///
/// Known are abs, coalesce, hex, ifnull, iif, instr, length, lower, ltrim, max, min, nullif, quote,
/// replace, round, rtrim, substr, substring, trim, typeof and upper, in any case. `bind` refuses
/// others, and a wrong number of arguments.
pub fn function<A: Into<Expression>>(
    name: impl Into<String>,
    arguments: impl IntoIterator<Item = A>,
) -> Expression {
    let arguments = arguments.into_iter().map(Into::into).collect();
    Expression::over(Node::Function { name: name.into(), arguments: Arc::new(arguments) })
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
        Expression::over(Node::Not(Arc::new(self)))
    }

    /// `-self`; the operator `-` does the same.
    pub fn negate(self) -> Expression {
        Expression::over(Node::Negate(Arc::new(self)))
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
        let operands = Arc::new([self, pattern.into()]);
        Expression::over(Node::Like { operands, negated: false })
    }

    /// `self NOT LIKE pattern`
    pub fn not_like(self, pattern: impl Into<Expression>) -> Expression {
        let operands = Arc::new([self, pattern.into()]);
        Expression::over(Node::Like { operands, negated: true })
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

    /// The value, if the expression is nothing but a literal.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.node {
            Node::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The names of the columns used, in order of appearance and each once, ASCII case aside.
    pub fn column_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.visit(&mut |expression| {
            if let Node::Column(name) = &expression.node
                && !names.iter().any(|known| known.eq_ignore_ascii_case(name))
            {
                names.push(name);
            }
        });
        names
    }

    /// The same expression with every use of a column renamed. ASCII case does not count in `from`.
    pub fn rename_column(&self, from: &str, to: &str) -> Expression {
        let mut renamed = self.clone();
        renamed.rename(from, to);
        renamed
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Node::Column(name) = &mut self.node
            && name.eq_ignore_ascii_case(from)
        {
            *name = to.to_owned();
        }
        self.node.for_each_child_mut(&mut |child| child.rename(from, to));
    }

    /// Calls for this expression and then for all below it, from left to right.
    fn visit<'a>(&'a self, call: &mut dyn FnMut(&'a Expression)) {
        call(self);
        self.node.for_each_child(&mut |child| child.visit(call));
    }

    fn leaf(node: Node) -> Expression {
        Expression { node, depth: 1 }
    }

    /// An expression over its children, if that is not too deep.
    fn over(node: Node) -> Expression {
        let mut depth = 0;
        let mut poisoned = false;
        node.for_each_child(&mut |child| {
            depth = depth.max(child.depth);
            poisoned |= matches!(child.node, Node::TooDeep);
        });
        if poisoned || depth >= DEPTH_MAX {
            return Expression::leaf(Node::TooDeep);
        }
        Expression { node, depth: depth + 1 }
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

impl Node {
    fn for_each_child<'a>(&'a self, call: &mut dyn FnMut(&'a Expression)) {
        match self {
            Node::Column(_) | Node::Literal(_) | Node::TooDeep => {}
            Node::Not(operand)
            | Node::Negate(operand)
            | Node::IsNull { operand, .. }
            | Node::Cast(operand, _)
            | Node::Collate(operand, _) => call(operand),
            Node::Compare(_, operands)
            | Node::Arithmetic(_, operands)
            | Node::Concat(operands)
            | Node::Like { operands, .. } => operands.iter().for_each(call),
            Node::Between { operands, .. } => operands.iter().for_each(call),
            Node::And(operands) | Node::Or(operands) => operands.iter().for_each(call),
            Node::Function { arguments, .. } => arguments.iter().for_each(call),
            Node::In { operand, items, .. } => {
                call(operand);
                items.iter().for_each(call);
            }
            Node::Case { branches, otherwise } => {
                branches.iter().flatten().for_each(&mut *call);
                otherwise.iter().for_each(|otherwise| call(otherwise));
            }
        }
    }

    fn for_each_child_mut(&mut self, call: &mut dyn FnMut(&mut Expression)) {
        match self {
            Node::Column(_) | Node::Literal(_) | Node::TooDeep => {}
            Node::Not(operand)
            | Node::Negate(operand)
            | Node::IsNull { operand, .. }
            | Node::Cast(operand, _)
            | Node::Collate(operand, _) => call(Arc::make_mut(operand)),
            Node::Compare(_, operands)
            | Node::Arithmetic(_, operands)
            | Node::Concat(operands)
            | Node::Like { operands, .. } => Arc::make_mut(operands).iter_mut().for_each(call),
            Node::Between { operands, .. } => Arc::make_mut(operands).iter_mut().for_each(call),
            Node::And(operands)
            | Node::Or(operands)
            | Node::Function { arguments: operands, .. } => {
                Arc::make_mut(operands).iter_mut().for_each(call);
            }
            Node::In { operand, items, .. } => {
                call(Arc::make_mut(operand));
                Arc::make_mut(items).iter_mut().for_each(call);
            }
            Node::Case { branches, otherwise } => {
                Arc::make_mut(branches).iter_mut().flatten().for_each(&mut *call);
                otherwise.iter_mut().for_each(|otherwise| call(Arc::make_mut(otherwise)));
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_expressions_are_operands_alike() {
        assert_eq!(col("a").eq(3), col("a").eq(lit(3)));
        assert_ne!(col("a").eq("3"), col("a").eq(col("3")));
        assert_eq!((col("a") + 1) % col("b"), (col("a") + lit(1)) % col("b"));
        assert_eq!(-col("a"), col("a").negate());
        assert_eq!(col("a").cast(DataType::Any), col("a"));
    }

    #[test]
    fn chains_of_and_are_one_level() {
        let mut chain = col("a").eq(0);
        for number in 1..10_000 {
            chain = chain.and(col("a").eq(number));
        }
        assert_eq!(chain.depth, 3);
        let nested = col("a").and(col("b").and(col("c")));
        assert_eq!(nested, col("a").and(col("b")).and(col("c")));
    }

    #[test]
    fn deep_expressions_are_poisoned() {
        let mut deep = col("a");
        for _ in 1..DEPTH_MAX {
            deep = deep.not();
        }
        assert_eq!(deep.depth, DEPTH_MAX);
        let deeper = deep.clone().not();
        assert_eq!(deeper.node, Node::TooDeep);
        assert_eq!(deeper.or(1).node, Node::TooDeep, "poison spreads");
        assert_eq!((deep + 1).node, Node::TooDeep);
    }

    #[test]
    fn columns_are_listed_and_renamed() {
        let expression = case([(col("b").is_null(), col("a"))], Some(col("B").in_list([col("c")])));
        assert_eq!(expression.column_names(), ["b", "a", "c"]);
        let renamed = expression.rename_column("B", "d");
        assert_eq!(renamed.column_names(), ["d", "a", "c"]);
        assert_eq!(renamed.to_string(), "CASE WHEN d IS NULL THEN a ELSE d IN (c) END");
    }

    #[test]
    fn a_case_without_branches_is_its_else() {
        let none: [(Expression, Expression); 0] = [];
        assert_eq!(case(none.clone(), None), lit(Value::Null));
        assert_eq!(case(none, Some(col("a"))), col("a"));
    }
}
