//! Expressions over the columns of rows: CHECK, DEFAULT, WHERE and queries share them.
//!
//! An [`Expression`] is built from [`col`] and [`lit`] with methods and the arithmetic operators; it
//! names columns and knows nothing of tables. [`Expression::bind`] resolves the names against some
//! [`Columns`] and gives a [`Bound`], which is evaluated over a [`Scope`], that is a row. Whoever has
//! more to offer than a row does so as further columns of its scope: parameters, aggregates, outer
//! rows, and subqueries, which are opaque here (see [`Subquery`]).
//!
//! Values and logic are SQLite's: three-valued, with its affinity and collation rules decided once,
//! in `bind`. Evaluation is total. Where SQLite fails the statement the value is NULL, and the scope
//! is told of the [`Fault`]; a row by itself ignores it. Besides,
//!
//! - `abs(-9223372036854775808)` is the real 9223372036854775808.0 and no "integer overflow";
//! - text or a blob beyond SQLite's limit of a thousand million bytes is NULL and no "too big";
//! - a LIKE pattern may be of any length.
//!
//! A tree has at most [`DEPTH_MAX`] levels, those of the queries in it included. Building one that is
//! deeper gives an expression that `bind` refuses, so nothing that walks a tree can exhaust the
//! stack. AND and OR are flat: a chain of them is one level however long.
//!
//! Printing an expression gives SQL that SQLite parses back to the same meaning.
//!
//! # Examples
//!
//! ```
//! use ondelete::expression::{BindError, ColumnInfo, ColumnName, Columns, col};
//! use ondelete::value::{Affinity, Collation, Value};
//!
//! struct Stock;
//! impl Columns for Stock {
//!     fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
//!         let position = ["price", "sold"].iter().position(|known| name.column() == *known);
//!         let position = position.ok_or_else(|| BindError::UnknownColumn(name.clone()))?;
//!         Ok(ColumnInfo::column(position, Affinity::Integer, Collation::Binary))
//!     }
//! }
//!
//! let check = col("price").gt(0).and((col("price") * 2).le(100).or(col("sold").is_null()));
//! assert_eq!(check.to_string(), "price > 0 AND (price * 2 <= 100 OR sold IS NULL)");
//! let check = check.bind(&Stock)?;
//! assert_eq!(check.truth(&[Value::Integer(60), Value::Null]), Some(true));
//! assert_eq!(check.truth(&[Value::Integer(60), Value::Integer(1)]), Some(false));
//! # Ok::<(), BindError>(())
//! ```

use std::sync::Arc;

use crate::value::{Collation, DataType, Value};

mod bind;
mod build;
mod call;
mod comparison;
mod dates;
mod display;
mod error;
mod evaluate;
mod format;
mod functions;
mod math;
mod name;
mod operand;
mod pattern;
mod random;
mod resolved;
mod subquery;
mod traits;

pub use bind::{ColumnInfo, Columns};
pub use build::{case, col, exists, function, lit, parameter, raise, row_value, subquery};
pub use call::Call;
pub use comparison::ColumnComparison;
pub use display::quote_identifier;
pub use error::BindError;
pub use evaluate::{Fault, Scope};
pub use functions::is_aggregate;
pub use name::ColumnName;
pub use operand::Operand;
pub use resolved::{Bound, Rule};
pub(crate) use subquery::levels;
pub use subquery::{Subquery, SubqueryUse};
pub(crate) use traits::Types;

pub use crate::error::Raise;

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
    Column(ColumnName),
    Literal(Value),
    // By number, from 1.
    Parameter(usize),
    Unary(Unary, Arc<Expression>),
    IsNull {
        operand: Arc<Expression>,
        negated: bool,
    },
    // IS TRUE and IS FALSE, which ask for the truth of the operand and not for its value.
    IsTruth {
        operand: Arc<Expression>,
        expected: bool,
        negated: bool,
    },
    Compare(Comparison, Arc<[Expression; 2]>),
    // At least two conjuncts, none of them an AND itself.
    And(Arc<Vec<Expression>>),
    // At least two disjuncts, none of them an OR itself.
    Or(Arc<Vec<Expression>>),
    Arithmetic(Arithmetic, Arc<[Expression; 2]>),
    Concat(Arc<[Expression; 2]>),
    In {
        operand: Arc<Expression>,
        items: Arc<Vec<Expression>>,
        negated: bool,
    },
    // The operand, the low and the high bound.
    Between {
        operands: Arc<[Expression; 3]>,
        negated: bool,
    },
    // The subject, the pattern, and perhaps the escape character.
    Match {
        pattern: Pattern,
        operands: Arc<Vec<Expression>>,
        negated: bool,
    },
    // At least one branch: a condition and its result.
    Case {
        branches: Arc<Vec<[Expression; 2]>>,
        otherwise: Option<Arc<Expression>>,
    },
    Cast(Arc<Expression>, DataType),
    Collate(Arc<Expression>, Collation),
    // What stands for a column, and has that column's collation as a column has it.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "only triggers have OLD and NEW"))]
    Declared(Arc<Expression>, Collation),
    Call(Arc<Call>),
    // A row value: several values that are compared one after the other.
    Row(Arc<Vec<Expression>>),
    Subquery(Arc<dyn Subquery>),
    Exists(Arc<dyn Subquery>),
    InSubquery {
        operand: Arc<Expression>,
        subquery: Arc<dyn Subquery>,
        negated: bool,
    },
    Raise(Raise, Arc<str>),
    // What would have been deeper than DEPTH_MAX.
    TooDeep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unary {
    Not,
    Negate,
    // The sign +, which takes affinity away and nothing else.
    Plus,
    // Every bit the other way round.
    Complement,
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
    BitAnd,
    BitOr,
    ShiftLeft,
    ShiftRight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    Like,
    Glob,
}

/// A condition by which rows can be looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'a> {
    /// Equal.
    Equal(&'a Expression, &'a Expression),
    /// Equal, NULL being equal to NULL.
    Is(&'a Expression, &'a Expression),
    /// Less or greater; BETWEEN has bounds of its own.
    Range(&'a Expression, Option<&'a Expression>),
    /// Among values, or among those of a subquery.
    In(&'a Expression),
    /// Any other.
    Other,
}

impl Expression {
    /// The value, if the expression is nothing but a literal.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.node {
            Node::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is a literal, with nothing but signs and CASTs around it: what SQLite computes when it
    /// reads a definition.
    pub(crate) fn is_signed_literal(&self) -> bool {
        let mut inner = self;
        loop {
            inner = match &inner.node {
                Node::Literal(_) => return true,
                Node::Unary(Unary::Negate | Unary::Plus, operand) | Node::Cast(operand, _) => {
                    operand
                }
                _ => return false,
            }
        }
    }

    /// The name, if the expression is nothing but a column.
    pub fn as_column(&self) -> Option<&ColumnName> {
        match &self.node {
            Node::Column(name) => Some(name),
            _ => None,
        }
    }

    /// The expression and the collation, if it is an expression with a COLLATE behind it.
    pub fn as_collate(&self) -> Option<(&Expression, Collation)> {
        match &self.node {
            Node::Collate(operand, collation) => Some((operand, *collation)),
            _ => None,
        }
    }

    /// What stands behind the signs before it, and 1, or -1 if they change the sign.
    pub(crate) fn without_signs(&self) -> (i64, &Expression) {
        let (mut sign, mut operand) = (1, self);
        while let Node::Unary(unary @ (Unary::Negate | Unary::Plus), below) = &operand.node {
            sign = if *unary == Unary::Negate { -sign } else { sign };
            operand = below;
        }
        (sign, operand)
    }

    /// The operands of AND, or the expression itself.
    pub fn conjuncts(&self) -> &[Expression] {
        match &self.node {
            Node::And(conjuncts) => conjuncts,
            _ => std::slice::from_ref(self),
        }
    }

    /// What kind of a condition it is, for one who looks for rows by it.
    pub(crate) fn shape(&self) -> Shape<'_> {
        match &self.node {
            Node::Compare(Comparison::Equal, operands) => Shape::Equal(&operands[0], &operands[1]),
            Node::Compare(Comparison::Is, operands) => Shape::Is(&operands[0], &operands[1]),
            Node::Compare(
                Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual,
                operands,
            ) => Shape::Range(&operands[0], Some(&operands[1])),
            Node::Between { operands, negated: false } => Shape::Range(&operands[0], None),
            Node::In { operand, negated: false, .. }
            | Node::InSubquery { operand, negated: false, .. } => Shape::In(operand),
            _ => Shape::Other,
        }
    }

    /// The number, if the expression is nothing but a parameter.
    pub fn as_parameter(&self) -> Option<usize> {
        match &self.node {
            Node::Parameter(number) => Some(*number),
            Node::Declared(operand, _) => operand.as_parameter(),
            _ => None,
        }
    }

    /// The query, if the expression is nothing but its first row.
    pub fn as_subquery(&self) -> Option<&dyn Subquery> {
        match &self.node {
            Node::Subquery(subquery) => Some(&**subquery),
            _ => None,
        }
    }

    /// The values, if the expression is a row value.
    pub fn row_values(&self) -> Option<&[Expression]> {
        match &self.node {
            Node::Row(values) => Some(values),
            _ => None,
        }
    }

    /// The same expression with these values for its parameters, by number from 1, and NULL for those
    /// not given. Subqueries stay as they are.
    pub fn with_parameters(&self, values: &[Value]) -> Expression {
        let mut filled = self.clone();
        if self.parameter_count() > 0 {
            filled.fill(values);
        }
        filled
    }

    fn fill(&mut self, values: &[Value]) {
        if let Node::Parameter(number) = &self.node {
            self.node = Node::Literal(values.get(number - 1).cloned().unwrap_or(Value::Null));
        }
        self.node.for_each_child_mut(&mut |child| child.fill(values));
    }

    /// The levels of the tree, 1 for a column or literal.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The names of the columns used, in order of appearance and each once, whatever the table and
    /// ASCII case aside. Columns inside of subqueries do not count.
    pub fn column_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.visit(&mut |expression| {
            if let Node::Column(name) = &expression.node
                && !names.iter().any(|known| known.eq_ignore_ascii_case(name.column()))
            {
                names.push(name.column());
            }
        });
        names
    }

    /// The calls of functions, in order of appearance. Those inside of subqueries do not count.
    pub fn calls(&self) -> Vec<&Call> {
        let mut calls = Vec::new();
        self.visit(&mut |expression| {
            if let Node::Call(call) = &expression.node {
                calls.push(&**call);
            }
        });
        calls
    }

    /// The greatest number of a parameter, 0 without any. Subqueries count.
    pub fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.visit(&mut |expression| match &expression.node {
            Node::Parameter(number) => count = count.max(*number),
            Node::Subquery(subquery)
            | Node::Exists(subquery)
            | Node::InSubquery { subquery, .. } => count = count.max(subquery.parameter_count()),
            _ => {}
        });
        count
    }

    /// Whether a row is all that it reads: there is neither a subquery nor a parameter in it.
    pub fn is_plain(&self) -> bool {
        let mut is_plain = true;
        self.visit(&mut |expression| {
            is_plain &= expression.node.subquery().is_none()
                && !matches!(expression.node, Node::Parameter(_));
        });
        is_plain
    }

    /// The same expression with every use of a column renamed, whatever the table. ASCII case does
    /// not count in `from`. Subqueries stay as they are.
    pub fn rename_column(&self, from: &str, to: &str) -> Expression {
        let mut renamed = self.clone();
        renamed.rename(&|name| {
            let is_meant = name.column().eq_ignore_ascii_case(from);
            if is_meant { name.with_column(to) } else { name.clone() }
        });
        renamed
    }

    fn rename(&mut self, map: &dyn Fn(&ColumnName) -> ColumnName) {
        if let Node::Column(name) = &mut self.node {
            *name = map(name);
        }
        self.node.for_each_child_mut(&mut |child| child.rename(map));
    }

    /// Calls for this expression and then for all below it, from left to right.
    fn visit<'a>(&'a self, call: &mut dyn FnMut(&'a Expression)) {
        call(self);
        self.node.for_each_child(&mut |child| child.visit(call));
    }

    /// Whether it may come to something else each time: it calls a function of chance or of time.
    pub fn is_volatile(&self) -> bool {
        let mut is_volatile = false;
        self.visit(&mut |part| {
            if let Node::Call(call) = &part.node {
                is_volatile |= functions::is_volatile(call.name());
            }
        });
        is_volatile
    }

    /// Whether it calls what may give something else for the same arguments. The time does only
    /// where it is asked for as 'now', which SQLite finds when it runs.
    pub(crate) fn is_of_chance(&self) -> bool {
        let mut is_of_chance = false;
        self.visit(&mut |part| {
            if let Node::Call(call) = &part.node {
                is_of_chance |= functions::is_of_chance(call.name());
            }
        });
        is_of_chance
    }

    /// What cannot be bound, because it would have been too deep.
    pub(crate) fn too_deep() -> Expression {
        Expression::leaf(Node::TooDeep)
    }

    fn leaf(node: Node) -> Expression {
        Expression { node, depth: 1 }
    }

    /// An expression over its children, if that is not too deep.
    fn over(node: Node) -> Expression {
        let mut depth = node.subquery().map_or(0, |subquery| levels(&**subquery));
        let mut poisoned = false;
        node.for_each_child(&mut |child| {
            depth = depth.max(child.depth);
            poisoned |= matches!(child.node, Node::TooDeep);
        });
        if poisoned || depth >= DEPTH_MAX {
            return Expression::too_deep();
        }
        Expression { node, depth: depth + 1 }
    }
}

impl Node {
    fn subquery(&self) -> Option<&Arc<dyn Subquery>> {
        match self {
            Node::Subquery(subquery)
            | Node::Exists(subquery)
            | Node::InSubquery { subquery, .. } => Some(subquery),
            _ => None,
        }
    }

    fn for_each_child<'a>(&'a self, call: &mut dyn FnMut(&'a Expression)) {
        match self {
            Node::Column(_)
            | Node::Literal(_)
            | Node::Parameter(_)
            | Node::Subquery(_)
            | Node::Exists(_)
            | Node::Raise(..)
            | Node::TooDeep => {}
            Node::Unary(_, operand)
            | Node::IsNull { operand, .. }
            | Node::IsTruth { operand, .. }
            | Node::Cast(operand, _)
            | Node::Collate(operand, _)
            | Node::Declared(operand, _)
            | Node::InSubquery { operand, .. } => call(operand),
            Node::Compare(_, operands) | Node::Arithmetic(_, operands) | Node::Concat(operands) => {
                operands.iter().for_each(call);
            }
            Node::Between { operands, .. } => operands.iter().for_each(call),
            Node::And(operands)
            | Node::Or(operands)
            | Node::Match { operands, .. }
            | Node::Row(operands) => operands.iter().for_each(call),
            Node::Call(function) => function.operands().for_each(call),
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
            Node::Column(_)
            | Node::Literal(_)
            | Node::Parameter(_)
            | Node::Subquery(_)
            | Node::Exists(_)
            | Node::Raise(..)
            | Node::TooDeep => {}
            Node::Unary(_, operand)
            | Node::IsNull { operand, .. }
            | Node::IsTruth { operand, .. }
            | Node::Cast(operand, _)
            | Node::Collate(operand, _)
            | Node::Declared(operand, _)
            | Node::InSubquery { operand, .. } => call(Arc::make_mut(operand)),
            Node::Compare(_, operands) | Node::Arithmetic(_, operands) | Node::Concat(operands) => {
                Arc::make_mut(operands).iter_mut().for_each(call);
            }
            Node::Between { operands, .. } => Arc::make_mut(operands).iter_mut().for_each(call),
            Node::And(operands)
            | Node::Or(operands)
            | Node::Match { operands, .. }
            | Node::Row(operands) => Arc::make_mut(operands).iter_mut().for_each(call),
            Node::Call(function) => Arc::make_mut(function).operands_mut().for_each(call),
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

    #[test]
    fn parameters_are_counted() {
        assert_eq!(parameter(2).eq(col("a")).and(parameter(1)).parameter_count(), 2);
        assert_eq!(col("a").parameter_count(), 0);
    }
}
