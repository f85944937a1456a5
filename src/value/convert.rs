//! How values change class: by a column's affinity, by CAST, and as operands.
//!
//! There are three conversions, and SQLite keeps them apart:
//!
//! - **Affinity** ([`Affinity::apply`]) converts what it can without loss and leaves the rest as it
//!   is: `'12'` becomes 12 in an INTEGER column, `'12abc'` stays text.
//! - **CAST** ([`Value::cast`]) always arrives at its type: `'12abc'` is cast to 12, `'abc'` to 0.
//! - **Use as a number** ([`Value::to_real`], [`Value::truth`]) is what operators do: as a cast, but
//!   the kind of number follows from the text.
//!
//! Numbers in text are decimal; `'0x10'` is a number to none of them.

use std::borrow::Cow;
use std::fmt;

use super::decimal::{IntegerFit, parse_integer, parse_real, real_to_text};
use super::{Text, Value};

/// The type a column is declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// `INTEGER`
    Integer,
    /// `REAL`
    Real,
    /// `TEXT`
    Text,
    /// `BLOB`
    Blob,
    /// `BOOLEAN`, of numeric affinity: any number may be stored, not just 0 and 1.
    Boolean,
    /// No type at all: every value is stored as it is.
    Any,
}

impl DataType {
    /// The type that a declared type stands for, by the letters in it: VARCHAR is text, INT an
    /// integer. What has none of the known letters is numeric, as BOOLEAN is.
    ///
    /// # Standard
    /// SQLite, "Datatypes In SQLite", 3.1.
    pub fn of_declared(declared: &str) -> DataType {
        let declared = declared.to_ascii_uppercase();
        let has = |letters: &[&str]| letters.iter().any(|letters| declared.contains(letters));
        if declared.is_empty() {
            DataType::Any
        } else if has(&["INT"]) {
            DataType::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            DataType::Text
        } else if has(&["BLOB"]) {
            DataType::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            DataType::Real
        } else {
            DataType::Boolean
        }
    }

    /// The affinity of a column that is declared with this type.
    pub fn affinity(self) -> Affinity {
        match self {
            DataType::Integer => Affinity::Integer,
            DataType::Real => Affinity::Real,
            DataType::Text => Affinity::Text,
            DataType::Boolean => Affinity::Numeric,
            DataType::Blob | DataType::Any => Affinity::Blob,
        }
    }
}

/// The name in SQL, empty for [`DataType::Any`].
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DataType::Integer => "INTEGER",
            DataType::Real => "REAL",
            DataType::Text => "TEXT",
            DataType::Blob => "BLOB",
            DataType::Boolean => "BOOLEAN",
            DataType::Any => "",
        })
    }
}

/// What a column does to the values written to it, and to those it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Affinity {
    /// Leaves every value as it is.
    Blob,
    /// Turns numbers into text.
    Text,
    /// Turns text that is a number into one, and numbers into integers where that is exact.
    Numeric,
    /// As [`Affinity::Numeric`]; the two differ in CAST.
    Integer,
    /// Turns text that is a number into a real, and integers too.
    Real,
}

impl Affinity {
    /// Whether this affinity prefers numbers.
    pub fn is_numeric(self) -> bool {
        match self {
            Affinity::Numeric | Affinity::Integer | Affinity::Real => true,
            Affinity::Blob | Affinity::Text => false,
        }
    }

    /// The value as a column of this affinity stores it.
    ///
    /// NULL and blobs are never converted. Text is a number if all of it is, white space around it
    /// aside. A number becomes an integer if some `i64` but the least and the greatest equals it. A
    /// NaN becomes NULL.
    ///
    /// # Cost
    ///
    /// No allocation, unless a number becomes text.
    ///
    /// # Standard
    ///
    /// SQLite, "Datatypes In SQLite", 3; `applyAffinity` and OP_MakeRecord.
    ///
    /// # Examples
    ///
    /// ```
    /// use ondelete::value::{Affinity, Value};
    ///
    /// assert_eq!(Affinity::Integer.apply("3.0".into()), Value::Integer(3));
    /// assert_eq!(Affinity::Integer.apply("12abc".into()), Value::from("12abc"));
    /// assert_eq!(Affinity::Text.apply(1e100.into()), Value::from("1.0e+100"));
    /// assert_eq!(Affinity::Real.apply(3.into()), Value::Real(3.0));
    /// ```
    pub fn apply(self, value: Value) -> Value {
        match self {
            Affinity::Blob => null_if_nan(value),
            Affinity::Text => text_affinity(value),
            Affinity::Numeric | Affinity::Integer => numeric_affinity(value),
            Affinity::Real => match numeric_affinity(value) {
                // By way of the integer, so that -0.0 is stored as 0.0: REAL columns keep whole
                // numbers as integers on disk.
                Value::Integer(integer) => Value::Real(integer as f64),
                other @ (Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_)) => other,
            },
        }
    }
}

/// An operand of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Real(f64),
}

impl Value {
    /// The value as text: numbers in SQLite's spelling, blobs byte for byte, `None` for NULL.
    ///
    /// Bytes of a blob that are not UTF-8 become U+FFFD; SQLite would keep them.
    pub fn to_text(&self) -> Option<Text> {
        match self {
            Value::Null => None,
            Value::Integer(integer) => Some(integer.to_string().into()),
            Value::Real(real) => Some(real_to_text(*real).into()),
            Value::Text(text) => Some(text.clone()),
            Value::Blob(blob) => Some(String::from_utf8_lossy(blob).into()),
        }
    }

    /// The bytes of [`Value::to_text`], or of the blob itself.
    pub(crate) fn to_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Value::Null => None,
            Value::Integer(integer) => Some(integer.to_string().into_bytes().into()),
            Value::Real(real) => Some(real_to_text(*real).into_bytes().into()),
            Value::Text(text) => Some(text.as_bytes().into()),
            Value::Blob(blob) => Some(Cow::Borrowed(blob)),
        }
    }

    /// The value as an integer, as CAST does: 0 for NULL and for text that begins with none.
    ///
    /// What is out of range becomes the nearest `i64`. A fraction is cut off; an exponent in text is
    /// not seen, so `'1e3'` is 1.
    pub fn to_integer(&self) -> i64 {
        match self {
            Value::Null => 0,
            Value::Integer(integer) => *integer,
            Value::Real(real) => *real as i64,
            Value::Text(text) => parse_integer(text.as_bytes()).0,
            Value::Blob(blob) => parse_integer(blob).0,
        }
    }

    /// The value as a real, as CAST does: 0 for NULL and for text that begins with no number.
    pub fn to_real(&self) -> f64 {
        match self {
            Value::Null => 0.0,
            Value::Integer(integer) => *integer as f64,
            Value::Real(real) => *real,
            Value::Text(text) => parse_real(text.as_bytes()).value,
            Value::Blob(blob) => parse_real(blob).value,
        }
    }

    /// Whether the value is true as a condition: a number other than zero. `None` for NULL.
    ///
    /// Text and blobs count by the number they begin with, so `'abc'` is false and `'1abc'` true.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Value::Null => None,
            Value::Integer(integer) => Some(*integer != 0),
            Value::Real(_) | Value::Text(_) | Value::Blob(_) => Some(self.to_real() != 0.0),
        }
    }

    /// The value as an operand of arithmetic, `None` for NULL.
    pub(crate) fn to_number(&self) -> Option<Number> {
        match self {
            Value::Null => None,
            Value::Integer(integer) => Some(Number::Integer(*integer)),
            Value::Real(real) => Some(Number::Real(*real)),
            Value::Text(text) => Some(number_in(text.as_bytes())),
            Value::Blob(blob) => Some(number_in(blob)),
        }
    }

    /// The value converted to a type whatever it takes, as CAST does; NULL stays NULL.
    ///
    /// To [`DataType::Any`] nothing is converted.
    ///
    /// # Standard
    ///
    /// SQLite, "SQL Language Expressions", 4 (CAST expressions).
    pub fn cast(&self, data_type: DataType) -> Value {
        if self.is_null() {
            return Value::Null;
        }
        match data_type {
            DataType::Integer => Value::Integer(self.to_integer()),
            DataType::Real => Value::Real(self.to_real()),
            DataType::Text => self.to_text().into(),
            DataType::Blob => match self {
                Value::Blob(blob) => Value::Blob(blob.clone()),
                Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => {
                    self.to_bytes().map(Cow::into_owned).into()
                }
            },
            DataType::Boolean => self.cast_to_numeric(),
            DataType::Any => self.clone(),
        }
    }

    fn cast_to_numeric(&self) -> Value {
        let bytes = match self {
            Value::Text(text) => text.as_bytes(),
            Value::Blob(blob) => blob,
            Value::Null | Value::Integer(_) | Value::Real(_) => return self.clone(),
        };
        let parsed = parse_real(bytes);
        if !parsed.fractional {
            let (integer, fit) = parse_integer(bytes);
            if fit != IntegerFit::TooLarge {
                return Value::Integer(integer);
            }
        }
        small_integer(parsed.value).map_or(Value::Real(parsed.value), Value::Integer)
    }

    /// The number that text wholly is, as a comparison with a numeric column wants it.
    pub(crate) fn number_of_text(text: &str) -> Option<Value> {
        let parsed = parse_real(text.as_bytes());
        if !parsed.whole {
            return None;
        }
        if !parsed.fractional {
            // The text may end in a NUL and more, which only `parse_real` overlooks.
            let (integer, fit) = parse_integer(text.as_bytes());
            if let Some(small) = small_integer(parsed.value) {
                return Some(Value::Integer(small));
            }
            if fit == IntegerFit::Whole {
                return Some(Value::Integer(integer));
            }
        }
        Some(Value::Real(parsed.value))
    }
}

fn null_if_nan(value: Value) -> Value {
    match value {
        Value::Real(real) if real.is_nan() => Value::Null,
        Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => value,
    }
}

fn text_affinity(value: Value) -> Value {
    match null_if_nan(value) {
        number @ (Value::Integer(_) | Value::Real(_)) => number.to_text().into(),
        other @ (Value::Null | Value::Text(_) | Value::Blob(_)) => other,
    }
}

fn numeric_affinity(value: Value) -> Value {
    let number = match null_if_nan(value) {
        Value::Text(text) => match Value::number_of_text(&text) {
            Some(number) => number,
            None => return Value::Text(text),
        },
        other @ (Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_)) => other,
    };
    match number {
        Value::Real(real) => exact_integer(real).map_or(number, Value::Integer),
        Value::Null | Value::Integer(_) | Value::Text(_) | Value::Blob(_) => number,
    }
}

/// The integer that equals the real, if there is one other than the extremes (SQLite ticket 3922).
fn exact_integer(real: f64) -> Option<i64> {
    let integer = real as i64;
    let inner = integer > i64::MIN && integer < i64::MAX;
    (inner && integer as f64 == real).then_some(integer)
}

/// The integer that equals the real, if it is within 51 bits.
fn small_integer(real: f64) -> Option<i64> {
    const LIMIT: i64 = 1 << 51;
    let integer = real as i64;
    ((-LIMIT..LIMIT).contains(&integer) && integer as f64 == real).then_some(integer)
}

/// The number that text begins with; an integer unless it is written as a real or too large.
fn number_in(bytes: &[u8]) -> Number {
    let parsed = parse_real(bytes);
    if !parsed.fractional {
        let (integer, fit) = parse_integer(bytes);
        let integral = match fit {
            IntegerFit::Whole => true,
            // Where a NUL hides the rest, SQLite sees a whole number that is no whole integer.
            IntegerFit::Missing | IntegerFit::Prefix => !parsed.whole,
            IntegerFit::TooLarge => false,
        };
        if integral {
            return Number::Integer(integer);
        }
    }
    Number::Real(parsed.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_affinity_converts_what_is_a_number() {
        let store = |text: &str| Affinity::Numeric.apply(text.into());
        assert_eq!(store("3.0"), Value::Integer(3));
        assert_eq!(store("1e3"), Value::Integer(1000));
        assert_eq!(store(" 12 "), Value::Integer(12));
        assert_eq!(store("12abc"), Value::from("12abc"));
        assert_eq!(store("0x10"), Value::from("0x10"));
        assert_eq!(store(""), Value::from(""));
        assert_eq!(store("9007199254740993"), Value::Integer(9_007_199_254_740_993));
        assert_eq!(store("9223372036854775808"), Value::Real(9_223_372_036_854_775_808.0));
        assert_eq!(store("-0"), Value::Integer(0));
    }

    #[test]
    fn reals_become_integers_where_exact() {
        let store = |real: f64| Affinity::Integer.apply(Value::Real(real));
        assert_eq!(store(1e18), Value::Integer(1_000_000_000_000_000_000));
        assert_eq!(store(9.3e18), Value::Real(9.3e18));
        assert_eq!(store(i64::MIN as f64), Value::Real(i64::MIN as f64));
        assert_eq!(store(1.5), Value::Real(1.5));
        assert_eq!(store(-0.0), Value::Integer(0));
        assert_eq!(store(f64::NAN), Value::Null);
        assert_eq!(Affinity::Blob.apply(Value::Real(f64::NAN)), Value::Null);
    }

    #[test]
    fn text_and_real_affinity() {
        assert_eq!(Affinity::Text.apply(12.into()), Value::from("12"));
        assert_eq!(Affinity::Text.apply(1.0.into()), Value::from("1.0"));
        assert_eq!(Affinity::Real.apply(" 5 ".into()), Value::Real(5.0));
        assert_eq!(Affinity::Real.apply("x".into()), Value::from("x"));
        let blob = Value::from(vec![49]);
        for affinity in [Affinity::Text, Affinity::Numeric, Affinity::Real, Affinity::Blob] {
            assert_eq!(affinity.apply(blob.clone()), blob);
            assert_eq!(affinity.apply(Value::Null), Value::Null);
        }
    }

    #[test]
    fn casts_arrive_at_their_type() {
        let text = |text: &str, data_type: DataType| Value::from(text).cast(data_type);
        assert_eq!(text("12abc", DataType::Integer), Value::Integer(12));
        assert_eq!(text("1e3", DataType::Integer), Value::Integer(1));
        assert_eq!(text("1e3", DataType::Boolean), Value::Integer(1000));
        assert_eq!(text("9e18", DataType::Boolean), Value::Real(9e18));
        assert_eq!(text("abc", DataType::Real), Value::Real(0.0));
        assert_eq!(text("ab", DataType::Blob), Value::from(b"ab".as_slice()));
        assert_eq!(Value::Real(1e300).cast(DataType::Integer), Value::Integer(i64::MAX));
        assert_eq!(Value::Real(1.0).cast(DataType::Boolean), Value::Real(1.0));
        assert_eq!(Value::from(vec![0x61, 0xff]).cast(DataType::Text), Value::from("a\u{fffd}"));
        assert_eq!(Value::Null.cast(DataType::Text), Value::Null);
    }

    #[test]
    fn truth_is_that_of_the_leading_number() {
        assert_eq!(Value::from("1abc").truth(), Some(true));
        assert_eq!(Value::from("abc").truth(), Some(false));
        assert_eq!(Value::from(0.1).truth(), Some(true));
        assert_eq!(Value::from(b"0.0".as_slice()).truth(), Some(false));
        assert_eq!(Value::Null.truth(), None);
    }

    #[test]
    fn types_have_names_and_affinities() {
        let shown: Vec<String> = [
            DataType::Integer,
            DataType::Real,
            DataType::Text,
            DataType::Blob,
            DataType::Boolean,
            DataType::Any,
        ]
        .map(|data_type| format!("{data_type}: {:?}", data_type.affinity()))
        .to_vec();
        assert_eq!(
            shown.join(", "),
            "INTEGER: Integer, REAL: Real, TEXT: Text, BLOB: Blob, BOOLEAN: Numeric, : Blob"
        );
    }
}
