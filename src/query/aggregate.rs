//! Aggregates: what they are computed of, and how.

use super::frame::Frame;
use crate::expression::{Bound, Call, Fault, Operand, Scope};
use crate::value::{Collation, OrderedKey, Value, compare_refs};
use foldhash::fast::FixedState;
use std::collections::HashSet;

/// An aggregate of a group's rows.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    /// As written: two that are written alike are computed once.
    pub(super) call: Call,
    pub(super) function: Function,
    pub(super) arguments: Vec<Bound>,
    pub(super) filter: Option<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Average,
    Concat,
    Count,
    Max,
    Min,
    Sum,
    Total,
}

impl Function {
    /// The aggregate of this name.
    pub(super) fn by_name(name: &str) -> Option<Function> {
        Some(match name.to_ascii_lowercase().as_str() {
            "avg" => Function::Average,
            "count" => Function::Count,
            "group_concat" | "string_agg" => Function::Concat,
            "max" => Function::Max,
            "min" => Function::Min,
            "sum" => Function::Sum,
            "total" => Function::Total,
            _ => return None,
        })
    }
}

/// An aggregate of the rows seen so far.
#[derive(Debug, Default)]
pub(super) struct Accumulator {
    /// Rows that went in and were not NULL.
    count: i64,
    best: Value,
    sum: Sum,
    text: Option<String>,
    /// With DISTINCT: what went in.
    seen: HashSet<OrderedKey, FixedState>,
}

impl Aggregate {
    /// Adds a row. Whether bare columns are to be taken from it, as far as this aggregate has a say:
    /// min and max have.
    pub(super) fn add(&self, to: &mut Accumulator, frame: &Frame<'_, '_>) -> Option<bool> {
        if self.filter.as_ref().is_some_and(|filter| filter.truth(frame) != Some(true)) {
            return None;
        }
        let Some(argument) = self.arguments.first() else {
            to.count += 1;
            return None;
        };
        let (value, collation) = (argument.read(frame), argument.collation().unwrap_or_default());
        if value.is_null() {
            return self.decides().then_some(to.count == 0);
        }
        if self.call.is_distinct() {
            let key = OrderedKey::from_iter([value.clone().into_canonical(collation)]);
            if !to.seen.insert(key) {
                return None;
            }
        }
        to.count += 1;
        match self.function {
            Function::Count => None,
            Function::Sum | Function::Total | Function::Average => {
                to.sum.add(&value.into_cow());
                None
            }
            Function::Concat => {
                self.concat(to, &value.into_cow(), frame);
                None
            }
            Function::Max | Function::Min => Some(self.take_better(to, value, collation)),
        }
    }

    fn decides(&self) -> bool {
        matches!(self.function, Function::Max | Function::Min)
    }

    fn take_better(&self, to: &mut Accumulator, value: Operand<'_>, collation: Collation) -> bool {
        let order = compare_refs(value.as_ref(), to.best.as_ref(), collation);
        let wanted = if self.function == Function::Max { order.is_gt() } else { order.is_lt() };
        if to.count > 1 && !wanted {
            return false;
        }
        to.best = value.into_owned();
        true
    }

    fn concat(&self, to: &mut Accumulator, value: &Value, frame: &Frame<'_, '_>) {
        let separator = self.arguments.get(1).map(|separator| separator.evaluate(frame));
        let separator = separator.map_or(Some(",".into()), |separator| separator.to_text());
        let text = value.to_text().unwrap_or_default();
        match &mut to.text {
            None => to.text = Some(text.to_string()),
            Some(all) => {
                all.push_str(&separator.unwrap_or_default());
                all.push_str(&text);
            }
        }
    }

    /// The value of the aggregate.
    pub(super) fn value(&self, of: &Accumulator, frame: &Frame<'_, '_>) -> Value {
        match self.function {
            Function::Count => of.count.into(),
            Function::Max | Function::Min => of.best.clone(),
            Function::Concat => of.text.clone().into(),
            Function::Total => of.sum.real().into(),
            Function::Average if of.count == 0 => Value::Null,
            Function::Average => (of.sum.real() / of.count as f64).into(),
            Function::Sum if of.count == 0 => Value::Null,
            Function::Sum => of.sum.value().unwrap_or_else(|| {
                frame.report(Fault::IntegerOverflow);
                Value::Null
            }),
        }
    }
}

/// A sum that is exact as long as there are only integers. Reals are summed as SQLite does, with the
/// error of each addition kept (Kahan and Babuška).
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// `None` once it is beyond what an integer can be.
    integer: Option<i64>,
    is_started: bool,
    /// Whether anything but integers went in.
    is_real: bool,
    real: f64,
    error: f64,
}

impl Sum {
    fn add(&mut self, value: &Value) {
        let number = match value {
            Value::Text(text) => {
                Value::number_of_text(text).unwrap_or_else(|| Value::Real(value.to_real()))
            }
            Value::Integer(_) | Value::Real(_) => value.clone(),
            Value::Null | Value::Blob(_) => Value::Real(value.to_real()),
        };
        match number {
            Value::Integer(integer) if !self.is_real => {
                let sum = if self.is_started { self.integer } else { Some(0) };
                if self.is_started && sum.is_none() {
                    self.add_integer(integer);
                    return;
                }
                self.is_started = true;
                let before = sum.unwrap_or(0);
                self.integer = before.checked_add(integer);
                if self.integer.is_none() {
                    self.add_integer(before);
                    self.add_integer(integer);
                }
            }
            Value::Integer(integer) => self.add_integer(integer),
            other => {
                if !self.is_real {
                    self.is_real = true;
                    if let (true, Some(sum)) = (self.is_started, self.integer) {
                        self.add_integer(sum);
                    }
                }
                self.is_started = true;
                self.add_real(other.to_real());
            }
        }
    }

    fn add_integer(&mut self, integer: i64) {
        /// Beyond it a real has not every integer.
        const EXACT: i64 = 4_503_599_627_370_496;
        if integer.unsigned_abs() < EXACT.unsigned_abs() {
            return self.add_real(integer as f64);
        }
        let small = integer % 16_384;
        self.add_real((integer - small) as f64);
        self.add_real(small as f64);
    }

    fn add_real(&mut self, real: f64) {
        let sum = self.real + real;
        self.error += if self.real.abs() > real.abs() {
            (self.real - sum) + real
        } else {
            (real - sum) + self.real
        };
        self.real = sum;
    }

    fn real(&self) -> f64 {
        if !self.is_started {
            return 0.0;
        }
        match (self.is_real, self.integer) {
            (false, Some(integer)) => integer as f64,
            // An infinite sum has no error that could be added.
            _ if self.error.is_nan() || self.real.is_infinite() => self.real,
            _ => self.real + self.error,
        }
    }

    /// `None` if the integers have no sum.
    fn value(&self) -> Option<Value> {
        if self.is_real { Some(self.real().into()) } else { self.integer.map(Value::Integer) }
    }
}
