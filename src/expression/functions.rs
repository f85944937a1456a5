//! The functions an expression can call, as SQLite defines them.
//!
//! All are pure but random, randomblob and those of the time. Those that choose among their
//! arguments (coalesce, ifnull) evaluate no more than they need; iif is bound as CASE. Text functions
//! take numbers as their text and blobs as if they were text.

use std::borrow::Cow;

use super::Pattern;
use super::dates::Dates;
use super::error::BindError;
use super::evaluate::{Fault, Scope};
use super::format::format_values;
use super::math::Math;
use super::random;
use super::resolved::Resolved;
use crate::value::{Collation, NULL, Value, compare, parse_real, real_to_fixed, real_to_text};

/// The longest text or blob, in bytes, as SQLite is compiled by default.
///
/// Without it, a few nested calls of replace would take all memory there is.
const LENGTH_MAX: usize = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Char,
    Coalesce,
    Concat,
    ConcatWs,
    Dates(Dates),
    Format,
    Hex,
    Iif,
    IfNull,
    Instr,
    Length,
    // likely, unlikely and likelihood, which tell SQLite's planner something.
    Likely,
    Lower,
    Matches(Pattern),
    Math(Math),
    Max,
    Min,
    NullIf,
    OctetLength,
    Quote,
    Random,
    RandomBlob,
    Replace,
    Round,
    Sign,
    Substr,
    Trim(Ends),
    TypeOf,
    Unhex,
    Unicode,
    Upper,
    ZeroBlob,
}

/// Which ends of a text are trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Left,
    Right,
    Both,
}

/// A function that is known: its name, what it is, and the least and greatest number of arguments.
type Known = (&'static str, Function, usize, usize);

const MANY: usize = usize::MAX;

/// In order of their names.
const FUNCTIONS: [Known; 77] = [
    ("abs", Function::Abs, 1, 1),
    ("acos", Function::Math(Math::Acos), 1, 1),
    ("acosh", Function::Math(Math::Acosh), 1, 1),
    ("asin", Function::Math(Math::Asin), 1, 1),
    ("asinh", Function::Math(Math::Asinh), 1, 1),
    ("atan", Function::Math(Math::Atan), 1, 1),
    ("atan2", Function::Math(Math::Atan2), 2, 2),
    ("atanh", Function::Math(Math::Atanh), 1, 1),
    ("ceil", Function::Math(Math::Ceil), 1, 1),
    ("ceiling", Function::Math(Math::Ceil), 1, 1),
    ("char", Function::Char, 0, MANY),
    ("coalesce", Function::Coalesce, 2, MANY),
    ("concat", Function::Concat, 1, MANY),
    ("concat_ws", Function::ConcatWs, 2, MANY),
    ("cos", Function::Math(Math::Cos), 1, 1),
    ("cosh", Function::Math(Math::Cosh), 1, 1),
    ("current_date", Function::Dates(Dates::Date), 0, 0),
    ("current_time", Function::Dates(Dates::Time), 0, 0),
    ("current_timestamp", Function::Dates(Dates::DateTime), 0, 0),
    ("date", Function::Dates(Dates::Date), 0, MANY),
    ("datetime", Function::Dates(Dates::DateTime), 0, MANY),
    ("degrees", Function::Math(Math::Degrees), 1, 1),
    ("exp", Function::Math(Math::Exp), 1, 1),
    ("floor", Function::Math(Math::Floor), 1, 1),
    ("format", Function::Format, 0, MANY),
    ("glob", Function::Matches(Pattern::Glob), 2, 2),
    ("hex", Function::Hex, 1, 1),
    ("if", Function::Iif, 2, MANY),
    ("ifnull", Function::IfNull, 2, 2),
    ("iif", Function::Iif, 2, MANY),
    ("instr", Function::Instr, 2, 2),
    ("julianday", Function::Dates(Dates::JulianDay), 0, MANY),
    ("length", Function::Length, 1, 1),
    ("like", Function::Matches(Pattern::Like), 2, 3),
    ("likelihood", Function::Likely, 2, 2),
    ("likely", Function::Likely, 1, 1),
    ("ln", Function::Math(Math::Ln), 1, 1),
    ("log", Function::Math(Math::Log), 1, 2),
    ("log10", Function::Math(Math::Log), 1, 1),
    ("log2", Function::Math(Math::Log2), 1, 1),
    ("lower", Function::Lower, 1, 1),
    ("ltrim", Function::Trim(Ends::Left), 1, 2),
    ("max", Function::Max, 2, MANY),
    ("min", Function::Min, 2, MANY),
    ("mod", Function::Math(Math::Mod), 2, 2),
    ("nullif", Function::NullIf, 2, 2),
    ("octet_length", Function::OctetLength, 1, 1),
    ("pi", Function::Math(Math::Pi), 0, 0),
    ("pow", Function::Math(Math::Pow), 2, 2),
    ("power", Function::Math(Math::Pow), 2, 2),
    ("printf", Function::Format, 0, MANY),
    ("quote", Function::Quote, 1, 1),
    ("radians", Function::Math(Math::Radians), 1, 1),
    ("random", Function::Random, 0, 0),
    ("randomblob", Function::RandomBlob, 1, 1),
    ("replace", Function::Replace, 3, 3),
    ("round", Function::Round, 1, 2),
    ("rtrim", Function::Trim(Ends::Right), 1, 2),
    ("sign", Function::Sign, 1, 1),
    ("sin", Function::Math(Math::Sin), 1, 1),
    ("sinh", Function::Math(Math::Sinh), 1, 1),
    ("sqrt", Function::Math(Math::Sqrt), 1, 1),
    ("strftime", Function::Dates(Dates::Format), 1, MANY),
    ("substr", Function::Substr, 2, 3),
    ("substring", Function::Substr, 2, 3),
    ("tan", Function::Math(Math::Tan), 1, 1),
    ("tanh", Function::Math(Math::Tanh), 1, 1),
    ("time", Function::Dates(Dates::Time), 0, MANY),
    ("trim", Function::Trim(Ends::Both), 1, 2),
    ("trunc", Function::Math(Math::Trunc), 1, 1),
    ("typeof", Function::TypeOf, 1, 1),
    ("unhex", Function::Unhex, 1, 2),
    ("unicode", Function::Unicode, 1, 1),
    ("unixepoch", Function::Dates(Dates::UnixEpoch), 0, MANY),
    ("unlikely", Function::Likely, 1, 1),
    ("upper", Function::Upper, 1, 1),
    ("zeroblob", Function::ZeroBlob, 1, 1),
];

/// The aggregates, with the least and greatest number of arguments.
const AGGREGATES: [(&str, usize, usize); 8] = [
    ("avg", 1, 1),
    ("count", 0, 1),
    ("group_concat", 1, 2),
    ("max", 1, 1),
    ("min", 1, 1),
    ("string_agg", 2, 2),
    ("sum", 1, 1),
    ("total", 1, 1),
];

/// Whether the function of this name is an aggregate when it has so many arguments, `*` being none.
pub fn is_aggregate(name: &str, count: usize) -> bool {
    let is_meant = |(known, least, most): &&(&str, usize, usize)| {
        known.eq_ignore_ascii_case(name) && (*least..=*most).contains(&count)
    };
    AGGREGATES.iter().any(|known| is_meant(&known))
}

/// Whether the function of this name may give something else each time.
pub(super) fn is_volatile(name: &str) -> bool {
    let is_it = |(known, ..): &&Known| known.eq_ignore_ascii_case(name);
    let known = FUNCTIONS.iter().find(is_it);
    known.is_some_and(|(_, function, ..)| function.is_volatile())
}

/// Whether the function of this name may give something else for the same arguments.
pub(super) fn is_of_chance(name: &str) -> bool {
    let all = [
        "random",
        "randomblob",
        "current_date",
        "current_time",
        "current_timestamp",
        "changes",
        "total_changes",
        "last_insert_rowid",
        "sqlite_version",
    ];
    all.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Function {
    /// Whether it may give something else each time.
    pub(super) fn is_volatile(self) -> bool {
        matches!(self, Function::Random | Function::RandomBlob | Function::Dates(_))
    }

    /// The function of this name for so many arguments.
    pub(super) fn find(name: &str, count: usize) -> Result<Function, Box<BindError>> {
        let lower = name.to_ascii_lowercase();
        let (function, least, most) =
            match FUNCTIONS.binary_search_by_key(&&*lower, |(known, ..)| known) {
                Ok(at) => (Some(FUNCTIONS[at].1), FUNCTIONS[at].2, FUNCTIONS[at].3),
                Err(_) => match AGGREGATES.iter().find(|(known, ..)| *known == lower) {
                    Some((_, least, most)) => (None, *least, *most),
                    None => return Err(Box::new(BindError::UnknownFunction(name.to_owned()))),
                },
            };
        match function {
            Some(function) if (least..=most).contains(&count) => Ok(function),
            _ => Err(Box::new(BindError::ArgumentCount {
                function: name.to_owned(),
                expected: numbers(least, most),
                found: count,
            })),
        }
    }

    /// The value of a call; `bind` has seen to the number of arguments.
    pub(super) fn call<'a, S: Scope + ?Sized>(
        self,
        arguments: &'a [Resolved],
        collation: Collation,
        scope: &'a S,
    ) -> Cow<'a, Value> {
        match self {
            Function::Coalesce | Function::IfNull => coalesce(arguments, scope),
            Function::Max => {
                extreme(arguments, scope, |best, next| compare(best, next, collation).is_lt())
            }
            // Of equal arguments the last, where max takes the first: 1 and 1.0 tell.
            Function::Min => {
                extreme(arguments, scope, |best, next| compare(best, next, collation).is_ge())
            }
            Function::NullIf => nullif(arguments, collation, scope),
            Function::Likely => {
                arguments.first().map_or(Cow::Borrowed(&NULL), |argument| argument.value(scope))
            }
            Function::Char => Cow::Owned(char_of(arguments, scope)),
            Function::Dates(dates) => Cow::Owned(dates.call(arguments, scope)),
            Function::Format => Cow::Owned(format_call(arguments, scope)),
            Function::Random => Cow::Owned(random::integer().into()),
            Function::Concat => Cow::Owned(concat(arguments, "", scope)),
            Function::ConcatWs => Cow::Owned(concat_ws(arguments, scope)),
            Function::Abs
            | Function::Hex
            | Function::Iif
            | Function::Instr
            | Function::Length
            | Function::Lower
            | Function::Matches(_)
            | Function::Math(_)
            | Function::OctetLength
            | Function::Quote
            | Function::RandomBlob
            | Function::Replace
            | Function::Round
            | Function::Sign
            | Function::Substr
            | Function::Trim(_)
            | Function::TypeOf
            | Function::Unhex
            | Function::Unicode
            | Function::Upper
            | Function::ZeroBlob => Cow::Owned(self.apply(arguments, scope)),
        }
    }

    /// The functions that look at all of their arguments' values.
    fn apply<S: Scope + ?Sized>(self, arguments: &[Resolved], scope: &S) -> Value {
        let value = |index: usize| arguments.get(index).map(|argument| argument.value(scope));
        let first = value(0);
        let first = first.as_deref().unwrap_or(&NULL);
        let (second, third) = (value(1), value(2));
        let (second, third) = (second.as_deref(), third.as_deref());
        match self {
            Function::Abs => {
                if *first == Value::Integer(i64::MIN) {
                    scope.report(Fault::IntegerOverflow);
                }
                abs(first)
            }
            Function::Hex => hex(first),
            Function::Instr => instr(first, second.unwrap_or(&NULL)),
            Function::Length => length(first),
            Function::Lower => map_text(first, |text| text.to_ascii_lowercase()),
            Function::Upper => map_text(first, |text| text.to_ascii_uppercase()),
            Function::Math(math) => math.call(value(0).as_deref(), second),
            Function::Quote => quote(first),
            Function::RandomBlob => random_blob(first),
            Function::Replace => replace(first, second.unwrap_or(&NULL), third.unwrap_or(&NULL)),
            Function::Round => round(first, second),
            Function::Substr => substr(first, second.unwrap_or(&NULL), third),
            Function::Trim(ends) => trim(first, second, ends),
            Function::TypeOf => first.storage_class().name().into(),
            Function::OctetLength => octet_length(first),
            Function::Sign => sign(first),
            Function::Unhex => unhex(first, second),
            Function::Unicode => unicode(first),
            Function::ZeroBlob => zeroblob(first),
            // Resolved to CASE or an operator, or called without looking at every argument.
            Function::Char
            | Function::Coalesce
            | Function::Concat
            | Function::ConcatWs
            | Function::Dates(_)
            | Function::Format
            | Function::Likely
            | Function::Matches(_)
            | Function::Random
            | Function::IfNull
            | Function::Iif
            | Function::Max
            | Function::Min
            | Function::NullIf => Value::Null,
        }
    }
}

/// "1", "1 or 2", "at least 2".
fn numbers(least: usize, most: usize) -> String {
    match most {
        MANY => format!("at least {least}"),
        _ if least == most => least.to_string(),
        _ => format!("{least} or {most}"),
    }
}

fn coalesce<'a, S: Scope + ?Sized>(arguments: &'a [Resolved], scope: &'a S) -> Cow<'a, Value> {
    let values = arguments.iter().map(|argument| argument.value(scope));
    values.into_iter().find(|value| !value.is_null()).unwrap_or(Cow::Borrowed(&NULL))
}

/// NULL if one argument is, else the one that no later one is better than.
fn extreme<'a, S: Scope + ?Sized>(
    arguments: &'a [Resolved],
    scope: &'a S,
    is_better: impl Fn(&Value, &Value) -> bool,
) -> Cow<'a, Value> {
    let mut best: Option<Cow<'a, Value>> = None;
    for argument in arguments {
        let next = argument.value(scope);
        if next.is_null() {
            return Cow::Borrowed(&NULL);
        }
        if best.as_ref().is_none_or(|best| is_better(best, &next)) {
            best = Some(next);
        }
    }
    best.unwrap_or(Cow::Borrowed(&NULL))
}

fn nullif<'a, S: Scope + ?Sized>(
    arguments: &'a [Resolved],
    collation: Collation,
    scope: &'a S,
) -> Cow<'a, Value> {
    let [first, second] = arguments else { return Cow::Borrowed(&NULL) };
    let first = first.value(scope);
    if compare(&first, &second.value(scope), collation).is_eq() {
        Cow::Borrowed(&NULL)
    } else {
        first
    }
}

fn abs(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        // Where nobody listens to the fault, its magnitude it is.
        Value::Integer(integer) => {
            integer.checked_abs().map_or(Value::Real(integer.unsigned_abs() as f64), Value::Integer)
        }
        Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
            let real = value.to_real();
            // Not `f64::abs`: SQLite leaves the sign of a negative zero.
            Value::from(if real < 0.0 { -real } else { real })
        }
    }
}

fn hex(value: &Value) -> Value {
    let bytes = value.to_bytes().unwrap_or_default();
    if bytes.len() > LENGTH_MAX / 2 {
        return Value::Null;
    }
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect::<String>().into()
}

/// Characters of text up to a NUL, bytes of a blob or of a number's text.
fn length(value: &Value) -> Value {
    let length = match value {
        Value::Null => return Value::Null,
        Value::Text(text) => until_nul(text).chars().count(),
        Value::Integer(_) | Value::Real(_) | Value::Blob(_) => {
            value.to_bytes().unwrap_or_default().len()
        }
    };
    Value::Integer(length as i64)
}

fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or(text)
}

/// The bytes of a text or blob, or of a number's text.
fn octet_length(value: &Value) -> Value {
    value.to_bytes().map(|bytes| bytes.len() as i64).into()
}

/// -1, 0 or 1; NULL for what is no number, as a whole.
fn sign(value: &Value) -> Value {
    let number = match value {
        Value::Text(text) => Value::number_of_text(text),
        other => Some(other.clone()),
    };
    match number {
        Some(Value::Integer(integer)) => integer.signum().into(),
        Some(Value::Real(real)) if real > 0.0 => 1.into(),
        Some(Value::Real(real)) if real < 0.0 => (-1).into(),
        Some(Value::Real(_)) => 0.into(),
        Some(Value::Null | Value::Text(_) | Value::Blob(_)) | None => Value::Null,
    }
}

/// The text of these code points; what is none becomes U+FFFD.
fn char_of<S: Scope + ?Sized>(arguments: &[Resolved], scope: &S) -> Value {
    let character = |argument: &Resolved| {
        let code = u32::try_from(argument.value(scope).to_integer()).ok();
        code.and_then(char::from_u32).unwrap_or('\u{fffd}')
    };
    arguments.iter().map(character).collect::<String>().into()
}

/// The code point of a text's first character.
fn unicode(value: &Value) -> Value {
    let text = value.to_text();
    let first = text.as_deref().and_then(|text| until_nul(text).chars().next());
    first.map(|character| i64::from(u32::from(character))).into()
}

fn concat_ws<S: Scope + ?Sized>(arguments: &[Resolved], scope: &S) -> Value {
    let Some((separator, rest)) = arguments.split_first() else { return Value::Null };
    match separator.value(scope).to_text() {
        Some(separator) => concat(rest, &separator, scope),
        None => Value::Null,
    }
}

/// The arguments that are not NULL, with a separator between them.
fn concat<S: Scope + ?Sized>(arguments: &[Resolved], separator: &str, scope: &S) -> Value {
    let mut bytes = Vec::new();
    let mut is_first = true;
    for argument in arguments {
        let value = argument.value(scope);
        let Some(text) = value.to_bytes() else { continue };
        if !std::mem::replace(&mut is_first, false) {
            bytes.extend_from_slice(separator.as_bytes());
        }
        bytes.extend_from_slice(&text);
        if bytes.len() > LENGTH_MAX {
            return Value::Null;
        }
    }
    limited_text(&[&bytes])
}

/// The blob whose hexadecimal digits these are; characters to ignore may stand between the bytes.
fn unhex(value: &Value, ignored: Option<&Value>) -> Value {
    let Some(text) = value.to_text() else { return Value::Null };
    let ignored = match ignored {
        None => "".into(),
        Some(ignored) => match ignored.to_text() {
            Some(ignored) => ignored,
            None => return Value::Null,
        },
    };
    let mut bytes = Vec::new();
    let mut characters = until_nul(&text).chars();
    while let Some(character) = characters.next() {
        match character.to_digit(16) {
            Some(high) => match characters.next().and_then(|character| character.to_digit(16)) {
                Some(low) => bytes.push((high * 16 + low) as u8),
                None => return Value::Null,
            },
            None if ignored.contains(character) => {}
            None => return Value::Null,
        }
    }
    bytes.into()
}

fn format_call<S: Scope + ?Sized>(arguments: &[Resolved], scope: &S) -> Value {
    let values: Vec<_> = arguments.iter().map(|argument| argument.value(scope)).collect();
    let values: Vec<&Value> = values.iter().map(AsRef::as_ref).collect();
    let Some((format, rest)) = values.split_first() else { return Value::Null };
    match format.to_text() {
        Some(format) => limited_text(&[format_values(&format, rest).as_bytes()]),
        None => Value::Null,
    }
}

/// At least one byte, whatever is asked for.
fn random_blob(value: &Value) -> Value {
    match usize::try_from(value.to_integer().max(1)) {
        Ok(length) if length <= LENGTH_MAX => random::bytes(length).into(),
        _ => Value::Null,
    }
}

fn zeroblob(value: &Value) -> Value {
    match usize::try_from(value.to_integer().max(0)) {
        Ok(length) if length <= LENGTH_MAX => vec![0; length].into(),
        _ => Value::Null,
    }
}

fn map_text(value: &Value, map: impl FnOnce(&str) -> String) -> Value {
    value.to_text().map(|text| map(&text)).into()
}

fn quote(value: &Value) -> Value {
    match value {
        Value::Null | Value::Integer(_) => value.to_string().into(),
        Value::Real(real) if real.is_infinite() => {
            if *real < 0.0 { "-9.0e+999" } else { "9.0e+999" }.into()
        }
        Value::Real(real) => real_to_text(*real).into(),
        Value::Text(text) => Value::from(until_nul(text)).to_string().into(),
        Value::Blob(blob) if blob.len() > LENGTH_MAX / 2 => Value::Null,
        Value::Blob(_) => value.to_string().into(),
    }
}

/// Where the needle first occurs, from 1: in bytes if both are blobs, else in characters.
fn instr(haystack: &Value, needle: &Value) -> Value {
    let in_bytes = matches!((haystack, needle), (Value::Blob(_), Value::Blob(_)));
    let (Some(haystack), Some(needle)) = (haystack.to_bytes(), needle.to_bytes()) else {
        return Value::Null;
    };
    if needle.is_empty() {
        return Value::Integer(1);
    }
    let starts_here = |byte: &u8| in_bytes || byte & 0xc0 != 0x80;
    let mut position = 1;
    for (offset, window) in haystack.windows(needle.len()).enumerate() {
        if offset > 0 && !starts_here(&window[0]) {
            continue;
        }
        position += i64::from(offset > 0);
        if *window == *needle {
            return Value::Integer(position);
        }
    }
    Value::Integer(0)
}

fn replace(text: &Value, pattern: &Value, replacement: &Value) -> Value {
    let (Some(text), Some(pattern)) = (text.to_bytes(), pattern.to_bytes()) else {
        return Value::Null;
    };
    if pattern.first().is_none_or(|first| *first == 0) {
        return limited_text(&[&text]);
    }
    let Some(replacement) = replacement.to_bytes() else { return Value::Null };
    let mut replaced = Vec::new();
    let mut rest: &[u8] = &text;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(&*pattern) {
            replaced.extend_from_slice(&replacement);
            rest = after;
        } else {
            replaced.push(*first);
            rest = &rest[1..];
        }
        if replaced.len() > LENGTH_MAX {
            return Value::Null;
        }
    }
    limited_text(&[&replaced])
}

/// Rounds half away from zero, to 0 to 30 places; always a real.
fn round(value: &Value, places: Option<&Value>) -> Value {
    if value.is_null() || places.is_some_and(Value::is_null) {
        return Value::Null;
    }
    let places = places.map_or(0, |places| places.to_integer().clamp(0, 30)) as u8;
    let real = value.to_real();
    /// 2⁵²: a real beyond it has no fraction.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    if !(-WHOLE..=WHOLE).contains(&real) {
        return real.into();
    }
    if places == 0 {
        // By way of an integer, which has no negative zero.
        let half = if real < 0.0 { -0.5 } else { 0.5 };
        return Value::Real((real + half) as i64 as f64);
    }
    Value::Real(parse_real(real_to_fixed(real, places).as_bytes()).value)
}

fn substr(value: &Value, start: &Value, length: Option<&Value>) -> Value {
    if value.is_null() || start.is_null() || length.is_some_and(Value::is_null) {
        return Value::Null;
    }
    let start = start.to_integer();
    let length = length.map_or(i64::MAX, Value::to_integer);
    if let Value::Blob(blob) = value {
        if blob.is_empty() {
            // SQLite takes the empty blob for a missing one here.
            return Value::Null;
        }
        let (skip, take) = span(start, length, blob.len());
        let bytes: Vec<u8> = blob.iter().skip(skip).take(take).copied().collect();
        return bytes.into();
    }
    let text = value.to_text().unwrap_or_default();
    let text = until_nul(&text);
    // Only a start from the end has to know where the end is.
    let count = if start < 0 { text.chars().count() } else { 0 };
    let (skip, take) = span(start, length, count);
    text.chars().skip(skip).take(take).collect::<String>().into()
}

/// How much to skip and to take of `count` characters, as the numbers given to substr say.
///
/// A start of 1 is the first character, -1 the last. A negative length takes what comes before.
fn span(start: i64, length: i64, count: usize) -> (usize, usize) {
    let mut skip = start;
    let mut take = length;
    if skip < 0 {
        skip = skip.saturating_add(count as i64);
        if skip < 0 {
            take = if take < 0 { 0 } else { take.saturating_add(skip) };
            skip = 0;
        }
    } else if skip > 0 {
        skip -= 1;
    } else if take > 0 {
        take -= 1;
    }
    if take < 0 {
        take = if take < -skip { skip } else { -take };
        skip -= take;
    }
    (usize::try_from(skip).unwrap_or(0), usize::try_from(take).unwrap_or(0))
}

fn trim(value: &Value, characters: Option<&Value>, ends: Ends) -> Value {
    let Some(text) = value.to_text() else { return Value::Null };
    let characters = match characters {
        None => " ".into(),
        Some(characters) => match characters.to_text() {
            None => return Value::Null,
            Some(characters) => characters,
        },
    };
    let unwanted = |character: char| until_nul(&characters).contains(character);
    let trimmed = match ends {
        Ends::Left => text.trim_start_matches(unwanted),
        Ends::Right => text.trim_end_matches(unwanted),
        Ends::Both => text.trim_matches(unwanted),
    };
    trimmed.into()
}

/// The parts as one text, NULL if that is too long. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn limited_text(parts: &[&[u8]]) -> Value {
    if parts.iter().map(|part| part.len()).sum::<usize>() > LENGTH_MAX {
        return Value::Null;
    }
    match String::from_utf8(parts.concat()) {
        Ok(text) => text.into(),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).as_ref().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bind::TestColumns;
    use super::super::{function, lit};
    use super::*;

    fn call(name: &str, arguments: &[Value]) -> Value {
        let expression = function(name, arguments.iter().cloned().map(lit));
        expression.bind(&TestColumns(vec![])).unwrap().evaluate(&Vec::new())
    }

    fn check(name: &str, arguments: &[Value], expected: impl Into<Value>) {
        assert_eq!(call(name, arguments), expected.into(), "{name} {arguments:?}");
    }

    #[test]
    fn numbers() {
        check("abs", &[(-5).into()], 5);
        check("abs", &[i64::MIN.into()], 9_223_372_036_854_775_808.0);
        check("ABS", &["-1.5x".into()], 1.5);
        check("round", &[2.5.into()], 3.0);
        check("round", &[(-2.5).into()], -3.0);
        check("round", &[1.005.into(), 2.into()], 1.0);
        check("round", &[1.25.into(), 1.into()], 1.3);
        check("round", &[1.25.into(), Value::Null], Value::Null);
        check("max", &[1.into(), 1.0.into()], 1);
        check("min", &[1.into(), 1.0.into()], 1.0);
        check("min", &[1.into(), Value::Null], Value::Null);
    }

    #[test]
    fn choices() {
        check("coalesce", &[Value::Null, 2.into(), 3.into()], 2);
        check("ifnull", &[Value::Null, 2.into()], 2);
        check("iif", &[0.into(), 1.into()], Value::Null);
        check("iif", &[0.into(), 1.into(), 1.into(), 2.into(), 3.into()], 2);
        check("iif", &[0.into(), 1.into(), 3.into()], 3);
        check("nullif", &[1.into(), 1.0.into()], Value::Null);
        check("nullif", &["a".into(), "A".into()], "a");
        check("typeof", &[1.5.into()], "real");
    }

    #[test]
    fn text() {
        check("length", &["é\0x".into()], 1);
        check("length", &[vec![1, 0, 2].into()], 3);
        check("length", &[1.0.into()], 3);
        check("lower", &["ÀB".into()], "Àb");
        check("upper", &[Value::Null], Value::Null);
        check("trim", &["  a ".into()], "a");
        check("ltrim", &["xyxa".into(), "yx".into()], "a");
        check("rtrim", &["axx".into(), "x".into()], "a");
        check("replace", &["abab".into(), "b".into(), "xx".into()], "axxaxx");
        check("replace", &["ab".into(), "".into(), Value::Null], "ab");
        check("instr", &["éab".into(), "b".into()], 3);
        check("instr", &["ab".into(), "".into()], 1);
        check("instr", &["ab".into(), "abc".into()], 0);
        check("hex", &["é".into()], "C3A9");
        check("quote", &["it's".into()], "'it''s'");
        check("quote", &[f64::NEG_INFINITY.into()], "-9.0e+999");
    }

    #[test]
    fn functions_are_in_order() {
        assert!(FUNCTIONS.is_sorted_by_key(|(name, ..)| *name));
        assert!(is_aggregate("COUNT", 0) && is_aggregate("max", 1) && !is_aggregate("max", 2));
    }

    #[test]
    fn bytes_and_code_points() {
        check("char", &[104.into(), 233.into(), (-1).into()], "hé\u{fffd}");
        check("unicode", &["é".into()], 233);
        check("unicode", &["".into()], Value::Null);
        check("octet_length", &["é".into()], 2);
        check("concat", &["a".into(), Value::Null, 1.into()], "a1");
        check("concat_ws", &[", ".into(), "a".into(), Value::Null, "b".into()], "a, b");
        check("unhex", &["61-62".into(), "-".into()], b"ab".to_vec());
        check("unhex", &["6".into()], Value::Null);
        check("zeroblob", &[2.into()], vec![0, 0]);
        check("sign", &["-2.5".into()], -1);
        check("sign", &["2x".into()], Value::Null);
        check("likely", &["x".into()], "x");
        check("like", &["a%".into(), "Abc".into()], 1);
        check("glob", &["a*".into(), "Abc".into()], 0);
    }

    #[test]
    fn parts_of_text() {
        let part =
            |start: i64, length: i64| call("substr", &["abcd".into(), start.into(), length.into()]);
        assert_eq!(part(2, 2), "bc".into());
        assert_eq!(part(-2, 5), "cd".into());
        assert_eq!(part(0, 2), "a".into());
        assert_eq!(part(3, -2), "ab".into());
        assert_eq!(part(-9, 7), "ab".into());
        assert_eq!(part(i64::MIN, i64::MIN), "".into());
        assert_eq!(part(i64::MAX, i64::MIN), "abcd".into());
        check("substr", &["abcd".into(), 3.into()], "cd");
        check("substr", &[vec![1, 2, 3].into(), (-1).into()], vec![3]);
    }

    #[test]
    fn what_is_too_long_is_null() {
        let long = Value::from("a".repeat(40_000));
        check("replace", &[long.clone(), "a".into(), long], Value::Null);
    }
}
