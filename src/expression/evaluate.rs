//! The value of a bound expression over a row.
//!
//! Each operator has a function of its own, which keeps the frames of the recursion small: a tree of
//! [`DEPTH_MAX`](super::DEPTH_MAX) levels is evaluated within 256 KiB of stack, unoptimised.
//! Columns and literals are borrowed, never cloned, until they are the result.

use std::borrow::Cow;
use std::sync::Arc;

use super::functions::limited_text;
use super::operand::Operand;
use super::pattern::matches;
use super::resolved::{Bound, Resolved, Rule};
use super::{Arithmetic, Comparison, Raise, Unary};
use crate::value::{NULL, Number, Value};

/// What supplies the values of the columns: a row, or something that has more to offer.
pub trait Scope {
    /// The value of the column at this position, NULL if there is none.
    fn column(&self, position: usize) -> Operand<'_>;

    /// Whether the set at this position has these values, compared by a rule each; three-valued.
    fn has_member(
        &self,
        position: usize,
        values: &[Cow<'_, Value>],
        rules: &[Rule],
    ) -> Option<bool> {
        let _ = (position, values, rules);
        None
    }

    /// Is told what SQLite fails on; the value is NULL instead.
    fn report(&self, fault: Fault) {
        let _ = fault;
    }
}

/// What SQLite fails a statement for while it evaluates an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// RAISE was reached, with this message.
    Raised(Raise, Arc<str>),
    /// A LIKE's ESCAPE is not one character.
    Escape,
    /// The absolute value or the sum of integers is none.
    IntegerOverflow,
    /// The pattern of LIKE or GLOB is too long.
    Pattern,
}

impl Scope for [Value] {
    fn column(&self, position: usize) -> Operand<'_> {
        Operand::Held(self.get(position).unwrap_or(&NULL))
    }
}

impl<const N: usize> Scope for [Value; N] {
    fn column(&self, position: usize) -> Operand<'_> {
        self.as_slice().column(position)
    }
}

impl Scope for Vec<Value> {
    fn column(&self, position: usize) -> Operand<'_> {
        self.as_slice().column(position)
    }
}

impl Bound {
    /// The value over this row.
    ///
    /// Total: every operator has a value for all operands. See the [module](super) for where SQLite
    /// has an error instead.
    pub fn evaluate<S: Scope + ?Sized>(&self, scope: &S) -> Value {
        self.tree.operand(scope).into_owned()
    }

    /// The same for who only looks at the value.
    #[inline]
    pub fn read<'a, S: Scope + ?Sized>(&'a self, scope: &'a S) -> Operand<'a> {
        self.tree.operand(scope)
    }

    /// Whether the value is true as a condition: a number other than zero. `None` is NULL.
    ///
    /// WHERE wants `Some(true)`; CHECK is content with whatever is not `Some(false)`.
    pub fn truth<S: Scope + ?Sized>(&self, scope: &S) -> Option<bool> {
        self.tree.truth(scope)
    }
}

impl Resolved {
    /// The value for an operator that only looks at it.
    #[inline]
    fn operand<'a, S: Scope + ?Sized>(&'a self, scope: &'a S) -> Operand<'a> {
        match self {
            Resolved::Column(position) => scope.column(*position),
            Resolved::Literal(value) => Operand::Held(value),
            other => other.value(scope).into(),
        }
    }

    pub(super) fn value<'a, S: Scope + ?Sized>(&'a self, scope: &'a S) -> Cow<'a, Value> {
        match self {
            Resolved::Column(position) => scope.column(*position).into_cow(),
            Resolved::Literal(value) => Cow::Borrowed(value),
            Resolved::Unary(Unary::Not, _)
            | Resolved::IsNull { .. }
            | Resolved::IsTruth { .. }
            | Resolved::Compare { .. }
            | Resolved::CompareRows { .. }
            | Resolved::And(_)
            | Resolved::Or(_)
            | Resolved::In { .. }
            | Resolved::Member { .. }
            | Resolved::Between { .. }
            | Resolved::Match { .. } => Cow::Owned(self.truth(scope).into()),
            Resolved::Unary(operator, operand) => Cow::Owned(unary(*operator, operand, scope)),
            Resolved::Arithmetic(operator, operands) => {
                Cow::Owned(arithmetic_of(*operator, operands, scope))
            }
            Resolved::Concat(operands) => Cow::Owned(concat(operands, scope)),
            Resolved::Case(operands) => case(operands, scope),
            Resolved::Cast(operand, data_type) => Cow::Owned(operand.value(scope).cast(*data_type)),
            Resolved::Call { function, arguments, collation } => {
                function.call(arguments, *collation, scope)
            }
            Resolved::Raise(raise, message) => {
                scope.report(Fault::Raised(*raise, message.clone()));
                Cow::Borrowed(&NULL)
            }
        }
    }

    /// The value as a condition. Conditions come here at once, without a value in between.
    pub(super) fn truth<S: Scope + ?Sized>(&self, scope: &S) -> Option<bool> {
        match self {
            Resolved::Unary(Unary::Not, operand) => operand.truth(scope).map(|truth| !truth),
            Resolved::IsNull { operand, negated } => {
                Some(operand.operand(scope).is_null() != *negated)
            }
            Resolved::IsTruth { operand, expected, negated } => {
                Some((operand.truth(scope) == Some(*expected)) != *negated)
            }
            Resolved::Compare { comparison, operands, rule } => {
                compare_of(*comparison, operands, *rule, scope)
            }
            Resolved::CompareRows { comparison, pairs } => compare_rows(*comparison, pairs, scope),
            Resolved::And(operands) => all(operands, scope),
            Resolved::Or(operands) => any(operands, scope),
            Resolved::Member { operands, position, rules, negated } => {
                is_member(operands, *position, rules, scope).map(|found| found != *negated)
            }
            Resolved::In { operand, items, rule, negated } => {
                in_list(operand, items, *rule, scope).map(|found| found != *negated)
            }
            Resolved::Between { operands, low, high, negated } => {
                between(operands, *low, *high, scope).map(|within| within != *negated)
            }
            Resolved::Match { pattern, operands, negated } => {
                matches(*pattern, operands, scope).map(|found| found != *negated)
            }
            Resolved::Column(_)
            | Resolved::Literal(_)
            | Resolved::Unary(..)
            | Resolved::Arithmetic(..)
            | Resolved::Concat(_)
            | Resolved::Case(_)
            | Resolved::Cast(..)
            | Resolved::Call { .. }
            | Resolved::Raise(..) => self.value(scope).truth(),
        }
    }
}

/// False if one operand is, else NULL if one is, else true.
fn all<S: Scope + ?Sized>(operands: &[Resolved], scope: &S) -> Option<bool> {
    let mut outcome = Some(true);
    for operand in operands {
        match operand.truth(scope) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => outcome = None,
        }
    }
    outcome
}

/// True if one operand is, else NULL if one is, else false.
fn any<S: Scope + ?Sized>(operands: &[Resolved], scope: &S) -> Option<bool> {
    let mut outcome = Some(false);
    for operand in operands {
        match operand.truth(scope) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => outcome = None,
        }
    }
    outcome
}

fn compare_of<S: Scope + ?Sized>(
    comparison: Comparison,
    operands: &[Resolved; 2],
    rule: Rule,
    scope: &S,
) -> Option<bool> {
    let left = operands[0].operand(scope);
    let right = operands[1].operand(scope);
    comparison.holds(left.as_ref(), right.as_ref(), rule)
}

/// The first pair that is not equal decides; a NULL met before it leaves the outcome open.
fn compare_rows<S: Scope + ?Sized>(
    comparison: Comparison,
    pairs: &[([Resolved; 2], Rule)],
    scope: &S,
) -> Option<bool> {
    let negated = matches!(comparison, Comparison::NotEqual | Comparison::IsNot);
    let is = matches!(comparison, Comparison::Is | Comparison::IsNot);
    let mut outcome = Some(true);
    for (position, ([left, right], rule)) in pairs.iter().enumerate() {
        let (left, right) = (left.operand(scope), right.operand(scope));
        let (left, right) = (left.as_ref(), right.as_ref());
        let is_last = position + 1 == pairs.len();
        match comparison {
            Comparison::Equal | Comparison::NotEqual | Comparison::Is | Comparison::IsNot => {
                let equal = if is { Comparison::Is } else { Comparison::Equal };
                match equal.holds(left, right, *rule) {
                    Some(true) => {}
                    Some(false) => return Some(negated),
                    None => outcome = None,
                }
            }
            Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual => {
                let equal = Comparison::Equal.holds(left, right, *rule);
                if equal != Some(true) || is_last {
                    return comparison.holds(left, right, *rule);
                }
            }
        }
    }
    outcome.map(|equal| equal != negated)
}

fn is_member<S: Scope + ?Sized>(
    operands: &[Resolved],
    position: usize,
    rules: &[Rule],
    scope: &S,
) -> Option<bool> {
    let values: Vec<_> = operands.iter().map(|operand| operand.value(scope)).collect();
    scope.has_member(position, &values, rules)
}

fn in_list<S: Scope + ?Sized>(
    operand: &Resolved,
    items: &[Resolved],
    rule: Rule,
    scope: &S,
) -> Option<bool> {
    if items.is_empty() {
        return Some(false);
    }
    let operand = operand.operand(scope);
    let operand = operand.as_ref();
    if operand.is_null() {
        return None;
    }
    let mut outcome = Some(false);
    for item in items {
        match Comparison::Equal.holds(operand, item.operand(scope).as_ref(), rule) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => outcome = None,
        }
    }
    outcome
}

fn between<S: Scope + ?Sized>(
    operands: &[Resolved; 3],
    low: Rule,
    high: Rule,
    scope: &S,
) -> Option<bool> {
    let operand = operands[0].operand(scope);
    let operand = operand.as_ref();
    let least = operands[1].operand(scope);
    let above = Comparison::GreaterOrEqual.holds(operand, least.as_ref(), low);
    if above == Some(false) {
        return Some(false);
    }
    match Comparison::LessOrEqual.holds(operand, operands[2].operand(scope).as_ref(), high) {
        Some(true) => above,
        other => other,
    }
}

fn case<'a, S: Scope + ?Sized>(operands: &'a [Resolved], scope: &'a S) -> Cow<'a, Value> {
    let branches = operands.chunks_exact(2);
    let otherwise = branches.remainder().first();
    for branch in branches {
        if branch[0].truth(scope) == Some(true) {
            return branch[1].value(scope);
        }
    }
    otherwise.map_or(Cow::Borrowed(&NULL), |otherwise| otherwise.value(scope))
}

fn unary<S: Scope + ?Sized>(operator: Unary, operand: &Resolved, scope: &S) -> Value {
    let operand = operand.value(scope);
    match operator {
        // So SQLite does it, and thus -x is 0 and not -0.0 where x is 0.0.
        Unary::Negate => arithmetic(Arithmetic::Subtract, &Value::Integer(0), &operand),
        Unary::Complement if operand.is_null() => Value::Null,
        Unary::Complement => Value::Integer(!operand.to_integer()),
        Unary::Not => operand.truth().map(|truth| !truth).into(),
        Unary::Plus => operand.into_owned(),
    }
}

fn arithmetic_of<S: Scope + ?Sized>(
    operator: Arithmetic,
    operands: &[Resolved; 2],
    scope: &S,
) -> Value {
    let left = operands[0].value(scope);
    let right = operands[1].value(scope);
    arithmetic(operator, &left, &right)
}

fn arithmetic(operator: Arithmetic, left: &Value, right: &Value) -> Value {
    if let Some(bits) = operator.bits() {
        let is_null = left.is_null() || right.is_null();
        return if is_null {
            Value::Null
        } else {
            bits(left.to_integer(), right.to_integer()).into()
        };
    }
    let (Some(a), Some(b)) = (left.to_number(), right.to_number()) else {
        return Value::Null;
    };
    if let (Number::Integer(a), Number::Integer(b)) = (a, b) {
        if b == 0 && matches!(operator, Arithmetic::Divide | Arithmetic::Remainder) {
            return Value::Null;
        }
        let exact = match operator {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Subtract => a.checked_sub(b),
            Arithmetic::Multiply => a.checked_mul(b),
            Arithmetic::Divide => a.checked_div(b),
            // By -1 nothing remains, of the least integer neither.
            Arithmetic::Remainder => Some(a.checked_rem(b).unwrap_or(0)),
            Arithmetic::BitAnd
            | Arithmetic::BitOr
            | Arithmetic::ShiftLeft
            | Arithmetic::ShiftRight => None,
        };
        if let Some(integer) = exact {
            return Value::Integer(integer);
        }
    }
    let (a, b) = (left.to_real(), right.to_real());
    let real = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide if b == 0.0 => return Value::Null,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => {
            // Of integers even so, and those that a cast would find: '1e3' counts as 1 here.
            let (a, b) = (left.to_integer(), right.to_integer());
            if b == 0 {
                return Value::Null;
            }
            a.checked_rem(b).unwrap_or(0) as f64
        }
        Arithmetic::BitAnd | Arithmetic::BitOr | Arithmetic::ShiftLeft | Arithmetic::ShiftRight => {
            return Value::Null;
        }
    };
    real.into()
}

impl Arithmetic {
    /// What it does to the bits of integers, if it is about bits.
    fn bits(self) -> Option<fn(i64, i64) -> i64> {
        match self {
            Arithmetic::Add
            | Arithmetic::Subtract
            | Arithmetic::Multiply
            | Arithmetic::Divide
            | Arithmetic::Remainder => None,
            Arithmetic::BitAnd => Some(|a, b| a & b),
            Arithmetic::BitOr => Some(|a, b| a | b),
            Arithmetic::ShiftLeft => Some(shift),
            Arithmetic::ShiftRight => Some(|a, by| shift(a, by.saturating_neg())),
        }
    }
}

/// Shifts to the left, or to the right by a negative count. The sign stays when shifted right.
fn shift(bits: i64, by: i64) -> i64 {
    match by {
        0..64 => bits << by,
        -63..0 => bits >> -by,
        64.. => 0,
        _ => bits >> 63,
    }
}

fn concat<S: Scope + ?Sized>(operands: &[Resolved; 2], scope: &S) -> Value {
    let left = operands[0].value(scope);
    let right = operands[1].value(scope);
    let (Some(left), Some(right)) = (left.to_bytes(), right.to_bytes()) else {
        return Value::Null;
    };
    limited_text(&[&left, &right])
}

#[cfg(test)]
mod tests {
    use super::super::bind::TestColumns;
    use super::super::{DEPTH_MAX, Expression, case, col, function, lit, row_value};
    use super::*;
    use crate::value::{Affinity, Collation, DataType};

    fn evaluate(expression: impl Into<Expression>) -> Value {
        let columns = TestColumns(vec![
            (Affinity::Integer, Collation::Binary),
            (Affinity::Text, Collation::NoCase),
        ]);
        let row = [Value::Integer(10), Value::from("Abc")];
        expression.into().bind(&columns).unwrap().evaluate(&row)
    }

    fn null() -> Expression {
        lit(Value::Null)
    }

    #[test]
    fn logic_is_three_valued() {
        assert_eq!(evaluate(null().and(0)), Value::Integer(0));
        assert_eq!(evaluate(null().and(1)), Value::Null);
        assert_eq!(evaluate(null().or(1)), Value::Integer(1));
        assert_eq!(evaluate(null().or(0)), Value::Null);
        assert_eq!(evaluate(null().not()), Value::Null);
        assert_eq!(evaluate(null().eq(null())), Value::Null);
        assert_eq!(evaluate(null().is(null())), Value::Integer(1));
        assert_eq!(evaluate(null().is_not(1)), Value::Integer(1));
        assert_eq!(evaluate(lit("abc").not()), Value::Integer(1));
        assert_eq!(evaluate(lit("1abc").and(2.5)), Value::Integer(1));
    }

    #[test]
    fn comparisons_apply_affinity_and_collation() {
        assert_eq!(evaluate(col("a").eq("10")), Value::Integer(1));
        assert_eq!(evaluate(lit(10).eq("10")), Value::Integer(0));
        assert_eq!(evaluate(col("b").eq("aBC")), Value::Integer(1));
        assert_eq!(evaluate(col("b").eq(lit("abc").collate(Collation::Binary))), 0.into());
        assert_eq!(evaluate(col("a").lt("x")), Value::Integer(1));
    }

    #[test]
    fn arithmetic_is_sqlites() {
        assert_eq!(evaluate(lit(i64::MAX) + 1), Value::Real(9_223_372_036_854_775_808.0));
        assert_eq!(evaluate(lit(7) / 2), Value::Integer(3));
        assert_eq!(evaluate(lit(-7) % 2), Value::Integer(-1));
        assert_eq!(evaluate(lit(7) / 0), Value::Null);
        assert_eq!(evaluate(lit(7.0) / 0.0), Value::Null);
        assert_eq!(evaluate(lit(i64::MIN) / -1), Value::Real(9_223_372_036_854_775_808.0));
        assert_eq!(evaluate(lit(i64::MIN) % lit(-1)), Value::Integer(0));
        assert_eq!(evaluate(lit("3x") + 1), Value::Integer(4));
        assert_eq!(evaluate(lit("1e3") % 7), Value::Real(1.0));
        assert_eq!(evaluate(-lit(0.0)), Value::Real(-0.0));
        assert_eq!(evaluate(-(lit(0.0) + 0)), Value::Real(0.0));
        assert_eq!(evaluate(lit(f64::INFINITY) - f64::INFINITY), Value::Null);
    }

    #[test]
    fn lists_and_ranges() {
        assert_eq!(evaluate(lit(1).in_list([null(), lit(1)])), Value::Integer(1));
        assert_eq!(evaluate(lit(2).in_list([null(), lit(1)])), Value::Null);
        assert_eq!(evaluate(null().not_in_list(Vec::<i64>::new())), Value::Integer(1));
        assert_eq!(evaluate(lit(2).between(1, null())), Value::Null);
        assert_eq!(evaluate(lit(0).between(1, null())), Value::Integer(0));
        assert_eq!(evaluate(lit(4).between(null(), 3)), Value::Integer(0));
        assert_eq!(evaluate(lit(2).not_between(1, 3)), Value::Integer(0));
        assert_eq!(evaluate(case([(null(), 1), (lit(2), 3)], None)), Value::Integer(3));
        assert_eq!(evaluate(case([(lit(0), 1)], None)), Value::Null);
    }

    #[test]
    fn bits_are_those_of_integers() {
        assert_eq!(evaluate(lit(6).bit_and(3)), Value::Integer(2));
        assert_eq!(evaluate(lit(6).bit_or("1x")), Value::Integer(7));
        assert_eq!(evaluate(lit(1).shift_left(63)), Value::Integer(i64::MIN));
        assert_eq!(evaluate(lit(1).shift_left(64)), Value::Integer(0));
        assert_eq!(evaluate(lit(-1).shift_right(70)), Value::Integer(-1));
        assert_eq!(evaluate(lit(-8).shift_right(1)), Value::Integer(-4));
        assert_eq!(evaluate(lit(4).shift_left(-1)), Value::Integer(2));
        assert_eq!(evaluate(lit(4).shift_right(i64::MIN)), Value::Integer(0));
        assert_eq!(evaluate(lit(2.9).complement()), Value::Integer(-3));
        assert_eq!(evaluate(null().bit_and(0)), Value::Null);
    }

    #[test]
    fn rows_compare_from_left_to_right() {
        let row = |a: Value, b: Value| row_value([a, b]);
        let one = |b: Value| row(1.into(), b);
        assert_eq!(evaluate(one(2.into()).lt(one(3.into()))), 1.into());
        assert_eq!(evaluate(one(Value::Null).lt(row(2.into(), 0.into()))), 1.into());
        assert_eq!(evaluate(one(Value::Null).lt(one(3.into()))), Value::Null);
        assert_eq!(evaluate(one(Value::Null).eq(row(2.into(), 0.into()))), 0.into());
        assert_eq!(evaluate(one(Value::Null).ne(one(3.into()))), Value::Null);
        assert_eq!(evaluate(one(Value::Null).is(one(Value::Null))), 1.into());
        assert_eq!(evaluate(one(Value::Null).is_not(one(1.into()))), 1.into());
        assert_eq!(evaluate(one(2.into()).ge(one(2.into()))), 1.into());
    }

    #[test]
    fn missing_columns_are_null() {
        let bound = col("b").bind(&TestColumns(vec![(Affinity::Blob, Collation::Binary); 2]));
        assert_eq!(bound.unwrap().evaluate([Value::Integer(1)].as_slice()), Value::Null);
    }

    /// Every kind of node, each nested in itself and in the others as deep as can be.
    #[test]
    fn the_deepest_trees_fit_a_small_stack() {
        let wraps: Vec<fn(Expression) -> Expression> = vec![
            |e| e.not(),
            |e| e.negate(),
            |e| e.is_null(),
            |e| e.eq(1),
            |e| lit("1").lt(e),
            |e| lit(1).and(e.is_not(3).or(1)),
            |e| lit(0).or(e + 1),
            |e| lit(2) * e,
            |e| e.concat("x"),
            |e| lit(5).in_list([e, lit(7)]),
            |e| e.in_list([1, 2]),
            |e| e.between(0, 5),
            |e| lit(5).between(0, e),
            |e| e.like("%1%"),
            |e| e.like_escape("%1%", "x"),
            |e| e.glob("*1*"),
            |e| e.is_true(),
            |e| e.complement(),
            |e| e.bit_or(1),
            |e| row_value([e, lit(1)]).eq(row_value([1, 1])),
            |e| row_value([lit(1), lit(1)]).lt(row_value([lit(1), e])),
            |e| case([(e, 1)], Some(lit(0))),
            |e| case([(0, 1)], Some(e)),
            |e| e.cast(DataType::Text),
            |e| e.collate(Collation::NoCase),
            |e| function("coalesce", [lit(Value::Null), e]),
            |e| function("max", [lit(3), e]),
            |e| function("replace", [e, lit("1"), lit("2")]),
            |e| function("round", [e]),
        ];
        let walk = move || {
            let mixed = (0..wraps.len()).map(|start| (start, 1));
            let single = (0..wraps.len()).map(|start| (start, 0));
            for (start, step) in single.chain(mixed) {
                let mut tree = col("a");
                let mut turn = start;
                loop {
                    let deeper = wraps[turn % wraps.len()](tree.clone());
                    if deeper.depth < tree.depth {
                        break;
                    }
                    tree = deeper;
                    turn += step;
                }
                assert!(tree.depth >= DEPTH_MAX - 3);
                let columns = TestColumns(vec![(Affinity::Integer, Collation::Binary)]);
                let bound = tree.bind(&columns).unwrap();

                assert_eq!(bound, bound.clone());
                assert_eq!(bound.columns(), [0]);
                let value = bound.evaluate(&[Value::Integer(1)]);
                assert_eq!(bound.truth(&[Value::Integer(1)]), value.truth());
                assert!(!tree.to_string().is_empty());
                assert_eq!(tree.rename_column("a", "z").column_names(), ["z"]);
            }
        };
        let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(walk);
        thread.unwrap().join().unwrap();
    }
}
