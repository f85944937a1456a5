//! Names become positions, and SQLite's rules for comparisons are decided.
//!
//! What a comparison does depends on how its operands are written, not on their values: a column
//! brings its affinity and collation, CAST the affinity of its type, COLLATE its collation, and a
//! literal nothing. [`Traits`] carries this up the tree while it is bound, and each comparison keeps
//! the [`Rule`] that follows. Nothing of it is left to be looked up during evaluation.
//!
//! # Standard
//!
//! SQLite, "Datatypes In SQLite", 4.2 (affinity) and 7.1 (collation); `sqlite3ExprAffinity`,
//! `sqlite3CompareAffinity`, `sqlite3ExprCollSeq` and `sqlite3BinaryCompareCollSeq`.

use std::error;
use std::fmt;
use std::sync::Arc;

use super::functions::Function;
use super::{Arithmetic, Comparison, Expression, Node};
use crate::value::{Affinity, Collation, DataType, Value};

/// What an expression has to know of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Where the [`Scope`](super::Scope) has the column's value.
    pub position: usize,
    /// The affinity of the column's type.
    pub affinity: Affinity,
    /// The collation the column is declared with.
    pub collation: Collation,
}

/// The columns that an expression can name.
pub trait Columns {
    /// The column of this name, ASCII case aside.
    fn resolve(&self, name: &str) -> Option<ColumnInfo>;
}

/// Why an expression cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindError {
    /// No column has this name.
    UnknownColumn(String),
    /// No function has this name.
    UnknownFunction(String),
    /// A function is called with a number of arguments it does not take.
    ArgumentCount {
        /// The function's name.
        function: String,
        /// The numbers it takes, as in "1 or 2" or "at least 2".
        expected: String,
        /// The number it was given.
        found: usize,
    },
    /// The expression has more than [`DEPTH_MAX`](super::DEPTH_MAX) levels.
    TooDeep,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::UnknownColumn(name) => write!(f, "column \"{name}\" does not exist"),
            BindError::UnknownFunction(name) => write!(f, "function \"{name}\" does not exist"),
            BindError::ArgumentCount { function, expected, found } => {
                write!(f, "function \"{function}\" takes {expected} arguments, not {found}")
            }
            BindError::TooDeep => {
                write!(f, "expression has more than {} levels", super::DEPTH_MAX)
            }
        }
    }
}

impl error::Error for BindError {}

/// An expression whose columns are positions, ready to be evaluated. A clone shares the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound(pub(super) Arc<Resolved>);

/// The tree of a [`Bound`]; as that of an expression, without COLLATE, which the rules took in.
#[derive(Debug, PartialEq)]
pub(super) enum Resolved {
    Column(usize),
    Literal(Value),
    Not(Box<Resolved>),
    Negate(Box<Resolved>),
    IsNull { operand: Box<Resolved>, negated: bool },
    // IS TRUE and IS FALSE, which ask for the truth of the operand and not for its value.
    IsTruth { operand: Box<Resolved>, expected: bool, negated: bool },
    Compare { comparison: Comparison, operands: Box<[Resolved; 2]>, rule: Rule },
    And(Vec<Resolved>),
    Or(Vec<Resolved>),
    Arithmetic(Arithmetic, Box<[Resolved; 2]>),
    Concat(Box<[Resolved; 2]>),
    In { operand: Box<Resolved>, items: Vec<Resolved>, rule: Rule, negated: bool },
    Between { operands: Box<[Resolved; 3]>, low: Rule, high: Rule, negated: bool },
    Like { operands: Box<[Resolved; 2]>, negated: bool },
    // Pairs of a condition and its result, and perhaps a last result for when none is true.
    Case(Vec<Resolved>),
    Cast(Box<Resolved>, DataType),
    Call { function: Function, arguments: Vec<Resolved>, collation: Collation },
}

/// How the operands of one comparison are made alike and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// What is applied to both operands first.
    pub(super) affinity: Option<Affinity>,
    pub(super) collation: Collation,
    /// Whether a COLLATE decided the collation.
    explicit: bool,
}

/// What an operand contributes to a comparison.
#[derive(Clone, Copy)]
struct Traits {
    // None is no affinity, which is not that of a column without a type.
    affinity: Option<Affinity>,
    collation: Option<Collation>,
    // Whether the collation comes from a COLLATE, in the operand or anywhere below it.
    explicit: bool,
    // Whether there is no column in it.
    constant: bool,
}

impl Traits {
    const LITERAL: Traits =
        Traits { affinity: None, collation: None, explicit: false, constant: true };

    /// Those of an operator: nothing but the first COLLATE among its operands.
    fn of_operator(operands: impl IntoIterator<Item = Traits>) -> Traits {
        operands.into_iter().fold(Traits::LITERAL, |found, operand| Traits {
            affinity: None,
            collation: if found.explicit || !operand.explicit {
                found.collation
            } else {
                operand.collation
            },
            explicit: found.explicit || operand.explicit,
            constant: found.constant && operand.constant,
        })
    }
}

impl Rule {
    fn new(left: Traits, right: Traits) -> Rule {
        let collation = if left.explicit {
            left.collation
        } else if right.explicit {
            right.collation
        } else {
            left.collation.or(right.collation)
        };
        Rule {
            affinity: comparison_affinity(left.affinity, right.affinity),
            collation: collation.unwrap_or_default(),
            explicit: left.explicit || right.explicit,
        }
    }

    /// Of `left IN (…)`, where only the left operand counts.
    fn for_list(left: Traits, items: &[Expression], traits: &[Traits]) -> Rule {
        if let ([item], [item_traits]) = (items, traits)
            && item_traits.constant
            && !matches!(item.node, Node::Collate(..))
        {
            // SQLite rewrites x IN (constant) to x = +constant: a COLLATE within the constant now
            // counts, an affinity does not.
            return Rule::new(left, Traits { affinity: None, ..*item_traits });
        }
        Rule {
            affinity: left.affinity,
            collation: left.collation.unwrap_or_default(),
            explicit: left.explicit,
        }
    }
}

fn comparison_affinity(left: Option<Affinity>, right: Option<Affinity>) -> Option<Affinity> {
    match (left, right) {
        (Some(left), Some(right)) => {
            (left.is_numeric() || right.is_numeric()).then_some(Affinity::Numeric)
        }
        (one, other) => one.or(other),
    }
}

/// What an expression is resolved to; in a box, as is the error, to keep frames small.
struct Typed {
    resolved: Resolved,
    traits: Traits,
}

type Outcome = Result<Box<Typed>, Box<BindError>>;

fn typed(resolved: Resolved, traits: Traits) -> Outcome {
    Ok(Box::new(Typed { resolved, traits }))
}

impl Expression {
    /// Resolves the columns and functions.
    ///
    /// # Errors
    ///
    /// The first, from left to right, of a column or function that does not exist, a wrong number of
    /// arguments, or [`BindError::TooDeep`].
    pub fn bind(&self, columns: &dyn Columns) -> Result<Bound, BindError> {
        match resolve(self, columns) {
            Ok(typed) => Ok(Bound(Arc::new(typed.resolved))),
            Err(error) => Err(*error),
        }
    }
}

fn resolve(expression: &Expression, columns: &dyn Columns) -> Outcome {
    match &expression.node {
        Node::Column(name) => resolve_column(name, columns),
        Node::Literal(value) => resolve_literal(value),
        Node::Not(operand) => resolve_unary(operand, columns, &Resolved::Not),
        Node::Negate(operand) => resolve_negate(operand, columns),
        Node::IsNull { operand, negated } => resolve_is_null(operand, *negated, columns),
        Node::Compare(comparison, operands) => resolve_compare(*comparison, operands, columns),
        Node::And(operands) => resolve_all(operands, columns, Resolved::And),
        Node::Or(operands) => resolve_all(operands, columns, Resolved::Or),
        Node::Arithmetic(operator, operands) => resolve_arithmetic(*operator, operands, columns),
        Node::Concat(operands) => resolve_pair(operands, columns, &Resolved::Concat),
        Node::In { operand, items, negated } => resolve_in(operand, items, *negated, columns),
        Node::Between { operands, negated } => resolve_between(operands, *negated, columns),
        Node::Like { operands, negated } => resolve_like(operands, *negated, columns),
        Node::Case { branches, otherwise } => resolve_case(branches, otherwise.as_deref(), columns),
        Node::Cast(operand, data_type) => resolve_cast(operand, *data_type, columns),
        Node::Collate(operand, collation) => resolve_collate(operand, *collation, columns),
        Node::Function { name, arguments } => resolve_function(name, arguments, columns),
        Node::TooDeep => Err(Box::new(BindError::TooDeep)),
    }
}

fn resolve_column(name: &str, columns: &dyn Columns) -> Outcome {
    let Some(column) = columns.resolve(name) else {
        return Err(Box::new(BindError::UnknownColumn(name.to_owned())));
    };
    let traits = Traits {
        affinity: Some(column.affinity),
        collation: Some(column.collation),
        explicit: false,
        constant: false,
    };
    typed(Resolved::Column(column.position), traits)
}

fn resolve_literal(value: &Value) -> Outcome {
    // A NaN is NULL, as it is printed.
    typed(Resolved::Literal(Affinity::Blob.apply(value.clone())), Traits::LITERAL)
}

fn resolve_unary(
    operand: &Expression,
    columns: &dyn Columns,
    make: &dyn Fn(Box<Resolved>) -> Resolved,
) -> Outcome {
    let operand = resolve(operand, columns)?;
    let traits = Traits::of_operator([operand.traits]);
    typed(make(Box::new(operand.resolved)), traits)
}

fn resolve_is_null(operand: &Expression, negated: bool, columns: &dyn Columns) -> Outcome {
    resolve_unary(operand, columns, &|operand| Resolved::IsNull { operand, negated })
}

fn resolve_negate(operand: &Expression, columns: &dyn Columns) -> Outcome {
    if let Node::Literal(Value::Real(real)) = operand.node
        && real.is_sign_positive()
        && !real.is_nan()
    {
        // A sign before a literal is part of it: -0.0 is the negative zero, where 0 - 0.0 is not.
        return typed(Resolved::Literal(Value::Real(-real)), Traits::LITERAL);
    }
    resolve_unary(operand, columns, &Resolved::Negate)
}

fn resolve_pair(
    operands: &[Expression; 2],
    columns: &dyn Columns,
    make: &dyn Fn(Box<[Resolved; 2]>) -> Resolved,
) -> Outcome {
    let left = resolve(&operands[0], columns)?;
    let right = resolve(&operands[1], columns)?;
    let traits = Traits::of_operator([left.traits, right.traits]);
    typed(make(Box::new([left.resolved, right.resolved])), traits)
}

fn resolve_arithmetic(
    operator: Arithmetic,
    operands: &[Expression; 2],
    columns: &dyn Columns,
) -> Outcome {
    resolve_pair(operands, columns, &|operands| Resolved::Arithmetic(operator, operands))
}

/// The operands' trees and traits, in their order.
type Resolutions = Result<(Vec<Resolved>, Vec<Traits>), Box<BindError>>;

fn resolve_list(
    operands: &mut dyn Iterator<Item = &Expression>,
    columns: &dyn Columns,
) -> Resolutions {
    let mut resolved = Vec::new();
    let mut traits = Vec::new();
    for operand in operands {
        let operand = resolve(operand, columns)?;
        traits.push(operand.traits);
        resolved.push(operand.resolved);
    }
    Ok((resolved, traits))
}

fn resolve_all(
    operands: &[Expression],
    columns: &dyn Columns,
    make: fn(Vec<Resolved>) -> Resolved,
) -> Outcome {
    let (operands, traits) = resolve_list(&mut operands.iter(), columns)?;
    typed(make(operands), Traits::of_operator(traits))
}

fn resolve_compare(
    comparison: Comparison,
    operands: &[Expression; 2],
    columns: &dyn Columns,
) -> Outcome {
    let left = resolve(&operands[0], columns)?;
    let right = resolve(&operands[1], columns)?;
    compare_resolved(comparison, left, right, truth_constant(&operands[1]))
}

#[allow(clippy::boxed_local, reason = "unboxed, they would widen the caller's frame")]
fn compare_resolved(
    comparison: Comparison,
    left: Box<Typed>,
    right: Box<Typed>,
    truth: Option<bool>,
) -> Outcome {
    let rule = Rule::new(left.traits, right.traits);
    let traits = Traits::of_operator([left.traits, right.traits]);
    if let (Comparison::Is | Comparison::IsNot, Some(expected)) = (comparison, truth) {
        let operand = Box::new(left.resolved);
        let negated = comparison == Comparison::IsNot;
        return typed(Resolved::IsTruth { operand, expected, negated }, traits);
    }
    let operands = Box::new([left.resolved, right.resolved]);
    typed(Resolved::Compare { comparison, operands, rule }, traits)
}

/// Whether SQLite reads the expression as the keyword TRUE or FALSE.
///
/// Its parser puts them in the place of `x NOT IN ()` and `x IN ()`, unless there is a function in x;
/// and `y IS TRUE` asks for the truth of y, where `y IS 1` asks for its value.
fn truth_constant(expression: &Expression) -> Option<bool> {
    let mut expression = expression;
    while let Node::Collate(operand, _) = &expression.node {
        expression = operand;
    }
    let Node::In { operand, items, negated } = &expression.node else { return None };
    if !items.is_empty() {
        return None;
    }
    let mut has_function = false;
    operand.visit(&mut |below| {
        has_function |= matches!(below.node, Node::Function { .. } | Node::Like { .. });
    });
    (!has_function).then_some(*negated)
}

fn resolve_in(
    operand: &Expression,
    items: &[Expression],
    negated: bool,
    columns: &dyn Columns,
) -> Outcome {
    let operand = resolve(operand, columns)?;
    let (resolved, traits) = resolve_list(&mut items.iter(), columns)?;
    in_resolved(operand, items, resolved, traits, negated)
}

#[allow(clippy::boxed_local, reason = "unboxed, they would widen the caller's frame")]
fn in_resolved(
    operand: Box<Typed>,
    items: &[Expression],
    resolved: Vec<Resolved>,
    traits: Vec<Traits>,
    negated: bool,
) -> Outcome {
    let rule = Rule::for_list(operand.traits, items, &traits);
    let traits = Traits::of_operator(std::iter::once(operand.traits).chain(traits));
    let operand = Box::new(operand.resolved);
    typed(Resolved::In { operand, items: resolved, rule, negated }, traits)
}

fn resolve_between(operands: &[Expression; 3], negated: bool, columns: &dyn Columns) -> Outcome {
    let operand = resolve(&operands[0], columns)?;
    let low = resolve(&operands[1], columns)?;
    let high = resolve(&operands[2], columns)?;
    between_resolved(operand, low, high, negated)
}

#[allow(clippy::boxed_local, reason = "unboxed, they would widen the caller's frame")]
fn between_resolved(
    operand: Box<Typed>,
    low: Box<Typed>,
    high: Box<Typed>,
    negated: bool,
) -> Outcome {
    let traits = Traits::of_operator([operand.traits, low.traits, high.traits]);
    let resolved = Resolved::Between {
        low: Rule::new(operand.traits, low.traits),
        high: Rule::new(operand.traits, high.traits),
        operands: Box::new([operand.resolved, low.resolved, high.resolved]),
        negated,
    };
    typed(resolved, traits)
}

fn resolve_like(operands: &[Expression; 2], negated: bool, columns: &dyn Columns) -> Outcome {
    let subject = resolve(&operands[0], columns)?;
    let pattern = resolve(&operands[1], columns)?;
    // To SQLite this is the function like(pattern, subject), in this order.
    let traits = Traits::of_operator([pattern.traits, subject.traits]);
    let operands = Box::new([subject.resolved, pattern.resolved]);
    typed(Resolved::Like { operands, negated }, traits)
}

fn resolve_case(
    branches: &[[Expression; 2]],
    otherwise: Option<&Expression>,
    columns: &dyn Columns,
) -> Outcome {
    let mut operands = branches.as_flattened().iter().chain(otherwise);
    let (operands, traits) = resolve_list(&mut operands, columns)?;
    typed(Resolved::Case(operands), Traits::of_operator(traits))
}

fn resolve_cast(operand: &Expression, data_type: DataType, columns: &dyn Columns) -> Outcome {
    let operand = resolve(operand, columns)?;
    // A cast column keeps its collation.
    let traits = Traits { affinity: Some(data_type.affinity()), ..operand.traits };
    typed(Resolved::Cast(Box::new(operand.resolved), data_type), traits)
}

fn resolve_collate(operand: &Expression, collation: Collation, columns: &dyn Columns) -> Outcome {
    let mut operand = resolve(operand, columns)?;
    operand.traits.collation = Some(collation);
    operand.traits.explicit = true;
    Ok(operand)
}

fn resolve_function(name: &str, arguments: &[Expression], columns: &dyn Columns) -> Outcome {
    let function = find_function(name, arguments.len())?;
    let (arguments, traits) = resolve_list(&mut arguments.iter(), columns)?;
    // What min, max and nullif compare by: the first collation among the arguments.
    let collation = traits.iter().find_map(|traits| traits.collation).unwrap_or_default();
    let resolved = match function {
        // Another spelling of CASE.
        Function::Iif => Resolved::Case(arguments),
        function => Resolved::Call { function, arguments, collation },
    };
    typed(resolved, Traits::of_operator(traits))
}

fn find_function(name: &str, count: usize) -> Result<Function, Box<BindError>> {
    let Some(function) = Function::by_name(name) else {
        return Err(Box::new(BindError::UnknownFunction(name.to_owned())));
    };
    if function.takes(count) {
        return Ok(function);
    }
    Err(Box::new(BindError::ArgumentCount {
        function: name.to_owned(),
        expected: function.expected().to_owned(),
        found: count,
    }))
}

impl Bound {
    /// The positions of the columns used, in ascending order and each once.
    pub fn columns(&self) -> Vec<usize> {
        let mut positions = Vec::new();
        self.0.collect_columns(&mut positions);
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// The conjuncts that say "column = literal", in order: where an index may begin to look.
    ///
    /// The literal may be on either side and is given as written, without affinity and perhaps NULL;
    /// a comparison with a COLLATE of its own is left out. The rows found have still to be asked
    /// [`Bound::truth`]: this is only a part of the condition.
    pub fn equalities(&self) -> Vec<(usize, Value)> {
        let conjuncts = match &*self.0 {
            Resolved::And(conjuncts) => conjuncts.as_slice(),
            other => std::slice::from_ref(other),
        };
        conjuncts.iter().filter_map(Resolved::as_equality).collect()
    }
}

impl Resolved {
    fn as_equality(&self) -> Option<(usize, Value)> {
        let Resolved::Compare { comparison: Comparison::Equal, operands, rule } = self else {
            return None;
        };
        match operands.as_ref() {
            [Resolved::Column(column), Resolved::Literal(value)]
            | [Resolved::Literal(value), Resolved::Column(column)]
                if !rule.explicit =>
            {
                Some((*column, value.clone()))
            }
            _ => None,
        }
    }

    fn collect_columns(&self, positions: &mut Vec<usize>) {
        match self {
            Resolved::Column(position) => positions.push(*position),
            Resolved::Literal(_) => {}
            Resolved::Not(operand)
            | Resolved::Negate(operand)
            | Resolved::IsNull { operand, .. }
            | Resolved::IsTruth { operand, .. }
            | Resolved::Cast(operand, _) => operand.collect_columns(positions),
            Resolved::Compare { operands, .. }
            | Resolved::Arithmetic(_, operands)
            | Resolved::Concat(operands)
            | Resolved::Like { operands, .. } => collect_all(operands.as_slice(), positions),
            Resolved::Between { operands, .. } => collect_all(operands.as_slice(), positions),
            Resolved::And(operands) | Resolved::Or(operands) | Resolved::Case(operands) => {
                collect_all(operands, positions);
            }
            Resolved::Call { arguments, .. } => collect_all(arguments, positions),
            Resolved::In { operand, items, .. } => {
                operand.collect_columns(positions);
                collect_all(items, positions);
            }
        }
    }
}

fn collect_all(operands: &[Resolved], positions: &mut Vec<usize>) {
    for operand in operands {
        operand.collect_columns(positions);
    }
}

/// For the tests of this folder: columns a, b, … of the affinities and collations listed.
#[cfg(test)]
pub(super) struct TestColumns(pub(super) Vec<(Affinity, Collation)>);

#[cfg(test)]
impl Columns for TestColumns {
    fn resolve(&self, name: &str) -> Option<ColumnInfo> {
        let names = &["a", "b", "c", "d"][..self.0.len()];
        let position = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        let (affinity, collation) = self.0[position];
        Some(ColumnInfo { position, affinity, collation })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{col, function, lit};
    use super::*;

    fn columns() -> TestColumns {
        TestColumns(vec![
            (Affinity::Integer, Collation::Binary),
            (Affinity::Text, Collation::NoCase),
            (Affinity::Blob, Collation::Binary),
        ])
    }

    fn bind(expression: Expression) -> Bound {
        expression.bind(&columns()).unwrap()
    }

    fn rule(expression: Expression) -> (Option<Affinity>, Collation) {
        match &*bind(expression).0 {
            Resolved::Compare { rule, .. } | Resolved::In { rule, .. } => {
                (rule.affinity, rule.collation)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn comparisons_follow_their_operands() {
        let (binary, no_case) = (Collation::Binary, Collation::NoCase);
        assert_eq!(rule(col("a").eq("1")), (Some(Affinity::Integer), binary));
        assert_eq!(rule(lit("1").eq(col("b"))), (Some(Affinity::Text), no_case));
        assert_eq!(rule(col("a").eq(col("b"))), (Some(Affinity::Numeric), binary));
        assert_eq!(rule(col("b").eq(col("c"))), (None, no_case));
        assert_eq!(rule(col("c").eq(col("b").collate(Collation::RTrim))), (None, Collation::RTrim));
        assert_eq!(rule(lit(1).eq("1")), (None, binary));
        assert_eq!(rule(lit("1").cast(DataType::Real).eq("1")), (Some(Affinity::Real), binary));
        let nested = (lit("A").collate(no_case).concat("b")).eq("aB");
        assert_eq!(rule(nested), (None, no_case));
    }

    #[test]
    fn a_list_of_one_constant_is_an_equality() {
        let constant = || lit("a").collate(Collation::NoCase).concat("b");
        assert_eq!(rule(lit("AB").in_list([constant()])).1, Collation::NoCase);
        assert_eq!(rule(lit("AB").in_list([constant(), constant()])).1, Collation::Binary);
        assert_eq!(rule(col("b").in_list(["x", "y"])), (Some(Affinity::Text), Collation::NoCase));
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let error = |expression: Expression| expression.bind(&columns()).unwrap_err();
        assert_eq!(error(col("a").eq(col("z"))).to_string(), "column \"z\" does not exist");
        let call = |name: &str, count: usize| function(name, vec![lit(1); count]);
        assert_eq!(error(call("sin", 1)).to_string(), "function \"sin\" does not exist");
        assert_eq!(
            error(call("Substr", 1)).to_string(),
            "function \"Substr\" takes 2 or 3 arguments, not 1"
        );
        assert_eq!(
            error(call("max", 1)).to_string(),
            "function \"max\" takes at least 2 arguments, not 1"
        );
        let deep = (0..super::super::DEPTH_MAX).fold(col("a"), |deep, _| deep.not());
        assert_eq!(error(deep).to_string(), "expression has more than 100 levels");
    }

    #[test]
    fn lists_columns_and_equalities() {
        let condition = col("a")
            .eq(1)
            .and(lit("x").eq(col("b")))
            .and(col("c").eq("y").or(col("c").eq("z")))
            .and(col("b").collate(Collation::Binary).eq("n"))
            .and(col("A").gt(0))
            .and(col("c").eq(Value::Null));
        let bound = bind(condition);
        assert_eq!(bound.columns(), [0, 1, 2]);
        let equalities = [(0, Value::Integer(1)), (1, "x".into()), (2, Value::Null)];
        assert_eq!(bound.equalities(), equalities);
        assert_eq!(bind(col("a").eq(2)).equalities(), [(0, Value::Integer(2))]);
        assert_eq!(bind(col("a").is(2)).equalities(), []);
    }
}
