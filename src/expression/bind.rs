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

use std::sync::Arc;

use super::error::BindError;
use super::functions::{Function, is_aggregate};
use super::resolved::{Bound, Resolved, Rule};
use super::traits::{Traits, Types};
use super::{
    Arithmetic, Call, ColumnName, Comparison, Expression, Node, Pattern, Subquery, SubqueryUse,
    Unary,
};
use crate::value::{Affinity, Collation, DataType, Value};

/// What an expression has to know of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Where the [`Scope`](super::Scope) has the column's value.
    pub position: usize,
    /// The affinity of the column's type; `None` for what is no column but computed.
    pub affinity: Option<Affinity>,
    /// The collation the column is declared with; `None` for what is no column but computed.
    pub collation: Option<Collation>,
    /// Whether it has its collation from a COLLATE, which goes before one that is declared.
    pub is_explicit: bool,
}

impl ColumnInfo {
    /// A column of a table.
    pub fn column(position: usize, affinity: Affinity, collation: Collation) -> Self {
        let (affinity, collation) = (Some(affinity), Some(collation));
        ColumnInfo { position, affinity, collation, is_explicit: false }
    }

    /// A value of which nothing is known beforehand.
    pub fn computed(position: usize) -> Self {
        ColumnInfo { position, affinity: None, collation: None, is_explicit: false }
    }
}

/// What an expression can name, and what else its scope supplies as columns.
pub trait Columns {
    /// The column of this name, ASCII case aside.
    ///
    /// # Errors
    ///
    /// [`BindError::UnknownColumn`] if there is none, [`BindError::AmbiguousColumn`] if there are two.
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError>;

    /// The column in which the scope has the value of a parameter.
    ///
    /// # Errors
    ///
    /// [`BindError::Unsupported`] unless overridden.
    fn parameter(&self, number: usize) -> Result<ColumnInfo, BindError> {
        let _ = number;
        Err(BindError::Unsupported("a parameter"))
    }

    /// The columns in which the scope has what a subquery gives: as many as there are values, one for
    /// EXISTS; for a membership the columns of the set, whose first position the scope is asked at.
    ///
    /// # Errors
    ///
    /// [`BindError::Unsupported`] unless overridden.
    fn subquery(
        &self,
        subquery: &dyn Subquery,
        wanted: SubqueryUse,
    ) -> Result<Vec<ColumnInfo>, BindError> {
        let _ = (subquery, wanted);
        Err(BindError::Unsupported("a subquery"))
    }

    /// The column in which the scope has the value of a call: an aggregate, or what only a running
    /// statement knows. `None` for a function that is computed from its arguments.
    ///
    /// # Errors
    ///
    /// [`BindError::MisusedAggregate`] for an aggregate, unless overridden.
    fn call(&self, call: &Call) -> Result<Option<ColumnInfo>, BindError> {
        match is_aggregate(call.name(), call.arguments().len()) {
            true => Err(BindError::MisusedAggregate(call.name().to_owned())),
            false => Ok(None),
        }
    }
}

/// What an expression is resolved to; in a box, as is the error, to keep frames small.
struct Typed {
    resolved: Resolved,
    traits: Traits,
}

type Outcome = Result<Box<Typed>, Box<BindError>>;

fn typed(resolved: Resolved, traits: Traits) -> Outcome {
    let types = Types::of(&resolved, traits.affinity);
    of_types(resolved, traits, types)
}

/// The same of a tree whose form does not tell its types.
fn of_types(resolved: Resolved, traits: Traits, types: Types) -> Outcome {
    Ok(Box::new(Typed { resolved, traits: Traits { types, ..traits } }))
}

impl Bound {
    fn new(tree: Resolved, traits: Traits) -> Bound {
        let Traits { affinity, collation, explicit: is_explicit, types, .. } = traits;
        Bound { tree: Arc::new(tree), affinity, collation, is_explicit, types }
    }

    /// A column of a scope.
    pub(crate) fn column(column: ColumnInfo) -> Bound {
        Bound::new(Resolved::Column(column.position), Traits::of_column(column))
    }

    /// `a = b` of two columns; of what is no column nothing is known, not even that.
    pub(crate) fn equal(a: &Bound, b: &Bound) -> Bound {
        let traits = |bound: &Bound| Traits {
            affinity: bound.affinity,
            collation: bound.collation,
            explicit: bound.is_explicit,
            ..Traits::LITERAL
        };
        let side = |bound: &Bound| match &*bound.tree {
            Resolved::Column(position) => Resolved::Column(*position),
            _ => Resolved::Literal(Value::Null),
        };
        let (rule, operands) = (Rule::new(traits(a), traits(b)), Box::new([side(a), side(b)]));
        let tree = Resolved::Compare { comparison: Comparison::Equal, operands, rule };
        Bound::new(tree, Traits::LITERAL)
    }
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
            Ok(typed) => Ok(Bound::new(typed.resolved, typed.traits)),
            Err(error) => Err(*error),
        }
    }
}

fn resolve(expression: &Expression, columns: &dyn Columns) -> Outcome {
    match &expression.node {
        Node::Column(name) => resolve_column(name, columns),
        Node::Literal(value) => resolve_literal(value),
        Node::Parameter(number) => resolve_parameter(*number, columns),
        Node::Unary(operator, operand) => resolve_operator(*operator, operand, columns),
        Node::IsNull { operand, negated } => resolve_is_null(operand, *negated, columns),
        Node::IsTruth { operand, expected, negated } => {
            resolve_is_truth(operand, *expected, *negated, columns)
        }
        Node::Compare(comparison, operands) => resolve_compare(*comparison, operands, columns),
        Node::And(operands) => resolve_all(operands, columns, Resolved::And),
        Node::Or(operands) => resolve_all(operands, columns, Resolved::Or),
        Node::Arithmetic(operator, operands) => resolve_arithmetic(*operator, operands, columns),
        Node::Concat(operands) => resolve_pair(operands, columns, &Resolved::Concat),
        Node::In { operand, items, negated } => resolve_in(operand, items, *negated, columns),
        Node::Between { operands, negated } => resolve_between(operands, *negated, columns),
        Node::Match { pattern, operands, negated } => {
            resolve_match(*pattern, operands, *negated, columns)
        }
        Node::Case { branches, otherwise } => resolve_case(branches, otherwise.as_deref(), columns),
        Node::Cast(operand, data_type) => resolve_cast(operand, *data_type, columns),
        Node::Collate(operand, collation) => resolve_collate(operand, *collation, columns),
        Node::Declared(operand, collation) => resolve_declared(operand, *collation, columns),
        Node::Call(call) => resolve_call(call, columns),
        Node::Row(_) => Err(Box::new(BindError::MisusedRow)),
        Node::Subquery(subquery) => resolve_subquery(&**subquery, columns),
        Node::Exists(subquery) => resolve_exists(&**subquery, columns),
        Node::InSubquery { operand, subquery, negated } => {
            resolve_in_subquery(operand, &**subquery, *negated, columns)
        }
        Node::Raise(raise, message) => {
            typed(Resolved::Raise(*raise, message.clone()), Traits::LITERAL)
        }
        Node::TooDeep => Err(Box::new(BindError::TooDeep)),
    }
}

fn resolve_column(name: &ColumnName, columns: &dyn Columns) -> Outcome {
    match (columns.resolve(name), name.as_text()) {
        (Ok(column), _) => typed(Resolved::Column(column.position), Traits::of_column(column)),
        (Err(BindError::UnknownColumn(_)), Some(text)) => resolve_literal(&Value::from(text)),
        (Err(error), _) => Err(Box::new(error)),
    }
}

fn resolve_parameter(number: usize, columns: &dyn Columns) -> Outcome {
    let column = columns.parameter(number)?;
    let traits = Traits { constant: true, ..Traits::of_column(column) };
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

fn resolve_is_truth(
    operand: &Expression,
    expected: bool,
    negated: bool,
    columns: &dyn Columns,
) -> Outcome {
    let make = |operand| Resolved::IsTruth { operand, expected, negated };
    resolve_unary(operand, columns, &make)
}

fn resolve_operator(operator: Unary, operand: &Expression, columns: &dyn Columns) -> Outcome {
    if let (Unary::Negate, Node::Literal(Value::Real(real))) = (operator, &operand.node)
        && real.is_sign_positive()
        && !real.is_nan()
    {
        // A sign before a literal is part of it: -0.0 is the negative zero, where 0 - 0.0 is not.
        return typed(Resolved::Literal(Value::Real(-real)), Traits::LITERAL);
    }
    let mut operand = resolve(operand, columns)?;
    if operator == Unary::Plus {
        // A column behind it keeps its collation.
        operand.traits.affinity = None;
        return Ok(operand);
    }
    let traits = Traits::of_operator([operand.traits]);
    typed(Resolved::Unary(operator, Box::new(operand.resolved)), traits)
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
    if let Some(width) = compared_width(operands, columns) {
        return resolve_compare_rows(comparison, operands, width, columns);
    }
    let left = resolve(&operands[0], columns)?;
    let right = resolve(&operands[1], columns)?;
    compare_resolved(comparison, left, right, truth_constant(&operands[1]))
}

fn row_width(expression: &Expression) -> Option<usize> {
    match &expression.node {
        Node::Row(values) => Some(values.len()),
        _ => None,
    }
}

/// How wide two operands are that are compared as rows.
fn compared_width(operands: &[Expression; 2], columns: &dyn Columns) -> Option<usize> {
    let [left, right] = operands;
    let said = row_width(left).or(row_width(right));
    said.or_else(|| width_of_row(left, columns)).or_else(|| width_of_row(right, columns))
}

/// How many values a row value has, or a subquery of several columns; `None` for a single value.
fn width_of_row(expression: &Expression, columns: &dyn Columns) -> Option<usize> {
    let Node::Subquery(subquery) = &expression.node else { return row_width(expression) };
    match columns.subquery(&**subquery, SubqueryUse::Values(1)) {
        Err(BindError::SubqueryWidth { found, .. }) => Some(found),
        Ok(_) | Err(_) => None,
    }
}

fn resolve_compare_rows(
    comparison: Comparison,
    operands: &[Expression; 2],
    width: usize,
    columns: &dyn Columns,
) -> Outcome {
    let left = resolve_row(&operands[0], width, columns)?;
    let right = resolve_row(&operands[1], width, columns)?;
    rows_resolved(comparison, left, right)
}

fn rows_resolved(comparison: Comparison, left: Vec<Typed>, right: Vec<Typed>) -> Outcome {
    let mut traits = Traits::LITERAL;
    let mut pairs = Vec::with_capacity(left.len());
    for (left, right) in left.into_iter().zip(right) {
        traits = Traits::of_operator([traits, left.traits, right.traits]);
        pairs.push(([left.resolved, right.resolved], Rule::new(left.traits, right.traits)));
    }
    typed(Resolved::CompareRows { comparison, pairs }, traits)
}

/// The values of a row value, or of a subquery in its place.
fn resolve_row(
    expression: &Expression,
    width: usize,
    columns: &dyn Columns,
) -> Result<Vec<Typed>, Box<BindError>> {
    let values = match &expression.node {
        Node::Row(values) if values.len() == width => values.as_slice(),
        Node::Subquery(subquery) => return resolve_row_of(&**subquery, width, columns),
        _ if width == 1 => std::slice::from_ref(expression),
        _ => return Err(Box::new(BindError::MisusedRow)),
    };
    let mut resolved = Vec::with_capacity(width);
    for value in values {
        let value = resolve(value, columns)?;
        resolved.push(*value);
    }
    Ok(resolved)
}

fn resolve_row_of(
    subquery: &dyn Subquery,
    width: usize,
    columns: &dyn Columns,
) -> Result<Vec<Typed>, Box<BindError>> {
    let found = match columns.subquery(subquery, SubqueryUse::Values(width)) {
        Err(BindError::SubqueryWidth { .. }) => return Err(Box::new(BindError::MisusedRow)),
        found => found?,
    };
    found.into_iter().map(|column| Ok(*of_subquery(column)?)).collect()
}

/// A value that a subquery gives: it has its column's affinity, and no collation.
fn of_subquery(column: ColumnInfo) -> Outcome {
    let traits = Traits { collation: None, explicit: false, ..Traits::of_column(column) };
    typed(Resolved::Column(column.position), traits)
}

fn resolve_subquery(subquery: &dyn Subquery, columns: &dyn Columns) -> Outcome {
    match columns.subquery(subquery, SubqueryUse::Values(1))?.first() {
        Some(column) => of_subquery(*column),
        None => Err(Box::new(BindError::SubqueryWidth { expected: 1, found: 0 })),
    }
}

fn resolve_exists(subquery: &dyn Subquery, columns: &dyn Columns) -> Outcome {
    match columns.subquery(subquery, SubqueryUse::Exists)?.first() {
        Some(column) => of_subquery(ColumnInfo::computed(column.position)),
        None => Err(Box::new(BindError::Unsupported("EXISTS"))),
    }
}

fn resolve_in_subquery(
    operand: &Expression,
    subquery: &dyn Subquery,
    negated: bool,
    columns: &dyn Columns,
) -> Outcome {
    let width = width_of_row(operand, columns).unwrap_or(1);
    let left = resolve_row(operand, width, columns)?;
    member_resolved(left, subquery, negated, columns)
}

fn member_resolved(
    left: Vec<Typed>,
    subquery: &dyn Subquery,
    negated: bool,
    columns: &dyn Columns,
) -> Outcome {
    let width = left.len();
    let set = columns.subquery(subquery, SubqueryUse::Membership(width))?;
    let Some(ColumnInfo { position, .. }) = set.first().copied() else {
        return Err(Box::new(BindError::SubqueryWidth { expected: width, found: 0 }));
    };
    let rule =
        |(left, column): (&Typed, &ColumnInfo)| Rule::new(left.traits, Traits::of_column(*column));
    let rules = left.iter().zip(&set).map(rule).collect();
    let traits = Traits::of_operator(left.iter().map(|left| left.traits));
    let traits = Traits { constant: false, ..traits };
    let operands = left.into_iter().map(|left| left.resolved).collect();
    typed(Resolved::Member { operands, position, rules, negated }, traits)
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
        has_function |= matches!(below.node, Node::Call(_) | Node::Match { .. });
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
    if width_of_row(&operands[0], columns).is_some() {
        let [operand, low, high] = operands;
        let between = operand.clone().ge(low.clone()).and(operand.clone().le(high.clone()));
        let between = if negated { between.not() } else { between };
        return resolve(&between, columns);
    }
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

fn resolve_match(
    pattern: Pattern,
    operands: &[Expression],
    negated: bool,
    columns: &dyn Columns,
) -> Outcome {
    let (operands, mut traits) = resolve_list(&mut operands.iter(), columns)?;
    // To SQLite this is the function like(pattern, subject, escape), in this order.
    traits.swap(0, 1);
    typed(Resolved::Match { pattern, operands, negated }, Traits::of_operator(traits))
}

fn resolve_case(
    branches: &[[Expression; 2]],
    otherwise: Option<&Expression>,
    columns: &dyn Columns,
) -> Outcome {
    let mut operands = branches.as_flattened().iter().chain(otherwise);
    let (operands, traits) = resolve_list(&mut operands, columns)?;
    let results = (0..traits.len()).filter(|at| at % 2 == 1 || at + 1 == traits.len());
    let types = results.fold(Types::default(), |types, at| types.or(traits[at].types));
    of_types(Resolved::Case(operands), Traits::of_operator(traits), types)
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

fn resolve_declared(operand: &Expression, collation: Collation, columns: &dyn Columns) -> Outcome {
    let mut operand = resolve(operand, columns)?;
    operand.traits.collation = Some(collation);
    operand.traits.constant = false;
    Ok(operand)
}

fn resolve_call(call: &Call, columns: &dyn Columns) -> Outcome {
    let function = match find_function(call, columns)? {
        Found::Function(function) => function,
        Found::Column(column) => {
            return typed(Resolved::Column(column.position), Traits::of_column(column));
        }
    };
    let (arguments, traits) = resolve_list(&mut call.arguments().iter(), columns)?;
    call_resolved(function, arguments, &traits)
}

/// What a call is: computed from its arguments, or supplied by the scope.
enum Found {
    Function(Function),
    Column(ColumnInfo),
}

fn find_function(call: &Call, columns: &dyn Columns) -> Result<Found, Box<BindError>> {
    if let Some(column) = columns.call(call)? {
        return Ok(Found::Column(column));
    }
    if call.filter_given().is_some() {
        return Err(Box::new(BindError::NoAggregate(call.name().to_owned())));
    }
    // Of a function that is no aggregate DISTINCT says nothing; `*` is no argument.
    Ok(Found::Function(Function::find(call.name(), call.arguments().len())?))
}

fn call_resolved(function: Function, arguments: Vec<Resolved>, traits: &[Traits]) -> Outcome {
    // What min, max and nullif compare by: the first collation among the arguments.
    let collation = traits.iter().find_map(|traits| traits.collation).unwrap_or_default();
    let resolved = match function {
        // Another spelling of CASE.
        Function::Iif => Resolved::Case(arguments),
        Function::Matches(pattern) => matches_call(pattern, arguments),
        function => Resolved::Call { function, arguments, collation },
    };
    of_types(resolved, Traits::of_operator(traits.iter().copied()), Types::ANY)
}

/// `like(pattern, subject, escape)` as the operator that it is another spelling of.
fn matches_call(pattern: Pattern, mut operands: Vec<Resolved>) -> Resolved {
    operands.swap(0, 1);
    Resolved::Match { pattern, operands, negated: false }
}

/// For the tests of this folder: columns a, b, … of the affinities and collations listed.
#[cfg(test)]
pub(super) struct TestColumns(pub(super) Vec<(Affinity, Collation)>);

#[cfg(test)]
impl Columns for TestColumns {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        let names = &["a", "b", "c", "d"][..self.0.len()];
        let position = names.iter().position(|known| known.eq_ignore_ascii_case(name.column()));
        let position = position.ok_or_else(|| BindError::UnknownColumn(name.clone()))?;
        let (affinity, collation) = self.0[position];
        Ok(ColumnInfo::column(position, affinity, collation))
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
        match &*bind(expression).tree {
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
        assert_eq!(
            error(call("load_extension", 1)).to_string(),
            "function \"load_extension\" does not exist"
        );
        assert_eq!(
            error(call("Substr", 1)).to_string(),
            "function \"Substr\" takes 2 or 3 arguments, not 1"
        );
        assert_eq!(
            error(call("max", 1)).to_string(),
            "aggregate \"max\" stands where there are no rows to go into it"
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
