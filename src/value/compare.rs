//! How two values compare, and the representative of those that compare equal.
//!
//! The order is SQLite's, and total: NULL, then numbers by what they are worth, then text under the
//! collation, then blobs byte by byte. An integer and a real are compared exactly; neither is
//! rounded to the other's kind first.
//!
//! [`canonical`] turns "equal under this collation" into plain equality, so that an index can hash
//! or sort its keys without knowing its collation: the collation is applied once, as the key is
//! made.

use std::cmp::Ordering;
use std::fmt;

use super::{Text, Value, ValueRef};

/// The rule by which text is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collation {
    /// Byte by byte.
    #[default]
    Binary,
    /// As [`Collation::Binary`], the 26 upper case letters of ASCII taken as lower case.
    NoCase,
    /// As [`Collation::Binary`], spaces at the end ignored.
    RTrim,
}

/// The name in SQL: `BINARY`, `NOCASE` or `RTRIM`.
impl fmt::Display for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Collation::Binary => "BINARY",
            Collation::NoCase => "NOCASE",
            Collation::RTrim => "RTRIM",
        })
    }
}

/// SQLite's order of two values, as ORDER BY and indexes have it.
///
/// NULL equals NULL here; [`equals`] is the three-valued question. No affinity is applied. A NaN,
/// which `From<f64>` never lets in, sorts before every other number and equals itself.
///
/// # Examples
///
/// ```
/// use ondelete::value::{Collation, Value, compare};
/// use std::cmp::Ordering;
///
/// let (one, real_one) = (Value::from(1), Value::from(1.0));
/// assert_eq!(compare(&one, &real_one, Collation::Binary), Ordering::Equal);
/// let (lower, upper) = (Value::from("a"), Value::from("A"));
/// assert_eq!(compare(&lower, &upper, Collation::Binary), Ordering::Greater);
/// assert_eq!(compare(&lower, &upper, Collation::NoCase), Ordering::Equal);
/// ```
pub fn compare(a: &Value, b: &Value, collation: Collation) -> Ordering {
    compare_refs(a.as_ref(), b.as_ref(), collation)
}

/// [`compare()`] of values that are borrowed.
pub(crate) fn compare_refs(a: ValueRef<'_>, b: ValueRef<'_>, collation: Collation) -> Ordering {
    use ValueRef::{Blob, Integer, Null, Real, Text};
    match (a, b) {
        (Integer(a), Integer(b)) => a.cmp(&b),
        (Text(a), Text(b)) => compare_text(a, b, collation),
        (Real(a), Real(b)) => compare_reals(a, b),
        (Integer(a), Real(b)) => compare_integer_to_real(a, b),
        (Real(a), Integer(b)) => compare_integer_to_real(b, a).reverse(),
        (Blob(a), Blob(b)) => a.cmp(b),
        (Null | Integer(_) | Real(_) | Text(_) | Blob(_), _) => class_rank(a).cmp(&class_rank(b)),
    }
}

/// Whether two values are equal: three-valued, so `None` as soon as one of them is NULL.
pub fn equals(a: &Value, b: &Value, collation: Collation) -> Option<bool> {
    if a.is_null() || b.is_null() {
        return None;
    }
    Some(compare(a, b, collation) == Ordering::Equal)
}

/// The representative of the values that compare equal to this one under the collation.
///
/// `compare(&canonical(a, c), &canonical(b, c), Collation::Binary) == compare(a, b, c)`, and two
/// canonical values compare equal just when they are structurally equal. A real that some `i64`
/// equals becomes that integer; text is folded (NOCASE) or trimmed (RTRIM).
///
/// # Cost
///
/// A clone, that is no allocation, unless text has to change; then O(length).
pub fn canonical(value: &Value, collation: Collation) -> Value {
    value.clone().into_canonical(collation)
}

impl Value {
    /// [`canonical()`] of a value that is not needed any more.
    #[inline]
    pub(crate) fn into_canonical(self, collation: Collation) -> Value {
        match self {
            Value::Null | Value::Integer(_) | Value::Blob(_) => self,
            Value::Real(real) => canonical_real(real),
            Value::Text(text) => Value::Text(canonical_text(text, collation)),
        }
    }
}

fn class_rank(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 1,
        ValueRef::Text(_) => 2,
        ValueRef::Blob(_) => 3,
    }
}

fn compare_reals(a: f64, b: f64) -> Ordering {
    // Only a NaN has no order; `is_nan` puts the lone NaN first and two of them equal.
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// 2⁶³ as a real: the least real above every `i64`.
const INTEGER_END: f64 = 9_223_372_036_854_775_808.0;

fn compare_integer_to_real(integer: i64, real: f64) -> Ordering {
    if real.is_nan() || real < -INTEGER_END {
        return Ordering::Greater;
    }
    if real >= INTEGER_END {
        return Ordering::Less;
    }
    // When the whole parts are equal and there is a fraction, then |real| < 2⁵³, and the
    // conversion of the integer is exact.
    integer.cmp(&(real as i64)).then_with(|| compare_reals(integer as f64, real))
}

fn canonical_real(real: f64) -> Value {
    if real.is_nan() {
        // One NaN for all of them, whatever their bits.
        return Value::Real(f64::NAN);
    }
    let in_range = (-INTEGER_END..INTEGER_END).contains(&real);
    if in_range && real.trunc() == real { Value::Integer(real as i64) } else { Value::Real(real) }
}

fn compare_text(a: &str, b: &str, collation: Collation) -> Ordering {
    match collation {
        Collation::Binary => a.as_bytes().cmp(b.as_bytes()),
        Collation::NoCase => compare_folded(a.as_bytes(), b.as_bytes()),
        Collation::RTrim => trim_spaces(a).as_bytes().cmp(trim_spaces(b).as_bytes()),
    }
}

/// SQLite's NOCASE stops reading at a NUL character that both texts have in the same place; from
/// there on only their lengths count.
fn compare_folded(a: &[u8], b: &[u8]) -> Ordering {
    for (x, y) in a.iter().zip(b) {
        let order = x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase());
        if order.is_ne() {
            return order;
        }
        if *x == 0 {
            break;
        }
    }
    a.len().cmp(&b.len())
}

fn trim_spaces(text: &str) -> &str {
    text.trim_end_matches(' ')
}

fn canonical_text(text: Text, collation: Collation) -> Text {
    match collation {
        Collation::Binary => text,
        Collation::NoCase => fold(text),
        Collation::RTrim => {
            let trimmed = trim_spaces(&text);
            if trimmed.len() == text.len() { text } else { trimmed.into() }
        }
    }
}

fn fold(text: Text) -> Text {
    if !text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == 0) {
        return text;
    }
    let mut folded = text.to_ascii_lowercase();
    // As `compare_folded`: what follows a NUL counts by its length alone, so NULs stand for it.
    if let Some(end) = folded.find('\0') {
        let length = folded.len();
        folded.truncate(end);
        folded.extend(std::iter::repeat_n('\0', length - end));
    }
    folded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Value> {
        let two_53 = 9_007_199_254_740_992_i64;
        let mut values: Vec<Value> = vec![
            Value::Null,
            Value::Real(f64::NAN),
            Value::Real(-f64::NAN),
            f64::NEG_INFINITY.into(),
            (-1e19).into(),
            i64::MIN.into(),
            (i64::MIN as f64).into(),
            (i64::MIN + 1).into(),
            (-1.5).into(),
            (-1).into(),
            (-0.0).into(),
            0.0.into(),
            0.into(),
            0.5.into(),
            1.into(),
            1.0.into(),
            two_53.into(),
            (two_53 as f64).into(),
            (two_53 + 1).into(),
            (i64::MAX - 1).into(),
            i64::MAX.into(),
            (i64::MAX as f64).into(),
            f64::INFINITY.into(),
        ];
        let texts =
            ["", " ", "  ", "A", "a", "a ", "A  ", "aB", "Ab", "B", "Z", "[", "_", "z", "é"];
        values.extend(texts.map(Value::from));
        values.extend(["\0", "a\0b", "a\0c", "A\0", "a\0B ", "a\0bc"].map(Value::from));
        values.extend([vec![], vec![0], vec![0, 1], vec![97], vec![255]].map(Value::from));
        values
    }

    const COLLATIONS: [Collation; 3] = [Collation::Binary, Collation::NoCase, Collation::RTrim];

    #[test]
    fn canonical_values_compare_as_their_originals() {
        for collation in COLLATIONS {
            for a in samples() {
                for b in samples() {
                    let order = compare(&a, &b, collation);
                    let (x, y) = (canonical(&a, collation), canonical(&b, collation));
                    assert_eq!(compare(&x, &y, Collation::Binary), order, "{a:?} {b:?}");
                    assert_eq!(x == y, order.is_eq(), "{a:?} {b:?} {collation}");
                    assert_eq!(compare(&b, &a, collation), order.reverse(), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn compare_is_transitive() {
        for collation in COLLATIONS {
            for a in samples() {
                for b in samples() {
                    for c in samples() {
                        if compare(&a, &b, collation).is_le() && compare(&b, &c, collation).is_le()
                        {
                            assert!(compare(&a, &c, collation).is_le(), "{a:?} {b:?} {c:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn integers_and_reals_compare_exactly() {
        let two_53 = 9_007_199_254_740_992_i64;
        let order = |a: Value, b: Value| compare(&a, &b, Collation::Binary);
        assert_eq!(order((two_53 + 1).into(), (two_53 as f64).into()), Ordering::Greater);
        assert_eq!(order(i64::MAX.into(), (i64::MAX as f64).into()), Ordering::Less);
        assert_eq!(order(i64::MIN.into(), (i64::MIN as f64).into()), Ordering::Equal);
        assert_eq!(order(1.into(), 1.5.into()), Ordering::Less);
        assert_eq!(order((-1).into(), (-1.5).into()), Ordering::Greater);
    }

    #[test]
    fn equality_is_three_valued() {
        let binary = Collation::Binary;
        assert_eq!(equals(&Value::Null, &Value::Null, binary), None);
        assert_eq!(equals(&1.into(), &Value::Null, binary), None);
        assert_eq!(equals(&1.into(), &1.0.into(), binary), Some(true));
        assert_eq!(equals(&1.into(), &"1".into(), binary), Some(false));
    }

    #[test]
    fn canonical_shares_what_it_does_not_change() {
        let text = Text::from("longer than what fits into a value");
        for collation in COLLATIONS {
            match canonical(&Value::Text(text.clone()), collation) {
                Value::Text(same) => assert_eq!(same.as_ptr(), text.as_ptr()),
                other => panic!("{other:?}"),
            }
        }
    }
}
