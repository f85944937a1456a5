//! SQLite's mathematical functions: NULL for what is no number, or has no result.

use crate::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Math {
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atan2,
    Atanh,
    Ceil,
    Cos,
    Cosh,
    Degrees,
    Exp,
    Floor,
    Ln,
    /// To base 10, or to the base that is the first of two arguments.
    Log,
    Log2,
    Mod,
    Pi,
    Pow,
    Radians,
    Sin,
    Sinh,
    Sqrt,
    Tan,
    Tanh,
    Trunc,
}

impl Math {
    /// The value of a call.
    pub(super) fn call(self, first: Option<&Value>, second: Option<&Value>) -> Value {
        if self == Math::Pi {
            return std::f64::consts::PI.into();
        }
        let Some(first) = first.and_then(number) else { return Value::Null };
        if let (Math::Ceil | Math::Floor | Math::Trunc, Value::Integer(_)) = (self, &first) {
            return first;
        }
        let x = first.to_real();
        let result = match second {
            None => self.of_one(x),
            Some(second) => match number(second) {
                Some(y) => self.of_two(x, y.to_real()),
                None => return Value::Null,
            },
        };
        if result.is_nan() { Value::Null } else { result.into() }
    }

    fn of_one(self, x: f64) -> f64 {
        match self {
            Math::Acos => x.acos(),
            Math::Acosh => x.acosh(),
            Math::Asin => x.asin(),
            Math::Asinh => x.asinh(),
            Math::Atan => x.atan(),
            Math::Atanh => x.atanh(),
            Math::Ceil => x.ceil(),
            Math::Cos => x.cos(),
            Math::Cosh => x.cosh(),
            Math::Degrees => x.to_degrees(),
            Math::Exp => x.exp(),
            Math::Floor => x.floor(),
            Math::Ln if x > 0.0 => x.ln(),
            Math::Log if x > 0.0 => x.log10(),
            Math::Log2 if x > 0.0 => x.log2(),
            Math::Radians => x.to_radians(),
            Math::Sin => x.sin(),
            Math::Sinh => x.sinh(),
            Math::Sqrt => x.sqrt(),
            Math::Tan => x.tan(),
            Math::Tanh => x.tanh(),
            Math::Trunc => x.trunc(),
            Math::Ln | Math::Log | Math::Log2 | Math::Atan2 | Math::Mod | Math::Pi | Math::Pow => {
                f64::NAN
            }
        }
    }

    fn of_two(self, x: f64, y: f64) -> f64 {
        match self {
            Math::Atan2 => x.atan2(y),
            Math::Log if x > 0.0 && y > 0.0 && x.ln() > 0.0 => y.ln() / x.ln(),
            Math::Mod => x % y,
            Math::Pow => x.powf(y),
            _ => f64::NAN,
        }
    }
}

/// A number, also one that a text is as a whole.
fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Integer(_) | Value::Real(_) => Some(value.clone()),
        Value::Text(text) => Value::number_of_text(text),
        Value::Null | Value::Blob(_) => None,
    }
}
