//! `printf` and `format`, as SQLite formats.
//!
//! A conversion is `%`, flags, a width, a precision and a letter; the sizes `h`, `l` and `ll` of C mean
//! nothing. An argument that is missing is NULL, a letter that is unknown ends the text.

use crate::value::{NULL, Value};

/// The widest field and the greatest precision: more would only fill memory.
const WIDTH_MAX: usize = 100_000;

/// The digits that SQLite shows of a real number.
const DIGITS_MAX: usize = 16;

/// The same with the flag `!`.
const MORE_DIGITS_MAX: usize = 26;

/// One conversion.
#[derive(Debug, Default)]
struct Conversion {
    is_left: bool,
    has_plus: bool,
    has_space: bool,
    has_zeros: bool,
    is_alternate: bool,
    is_precise: bool,
    has_commas: bool,
    width: usize,
    precision: Option<usize>,
}

/// The text that a format and its arguments make.
pub(super) fn format_values(format: &str, arguments: &[&Value]) -> String {
    let mut arguments = arguments.iter().copied();
    let mut letters = format.chars().peekable();
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let conversion = Conversion::read(&mut letters, &mut arguments);
        let Some(kind) = letters.next() else {
            text.push('%');
            break;
        };
        match kind {
            '%' => text.push('%'),
            'n' => {}
            _ => match conversion.apply(kind, arguments.next().unwrap_or(&NULL)) {
                Some(field) => text.push_str(&field),
                None => break,
            },
        }
    }
    text
}

impl Conversion {
    fn read<'a>(
        letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
        arguments: &mut impl Iterator<Item = &'a Value>,
    ) -> Self {
        let mut this = Conversion::default();
        while let Some(flag) = letters.next_if(|letter| "-+ 0#!,".contains(*letter)) {
            match flag {
                '-' => this.is_left = true,
                '+' => this.has_plus = true,
                ' ' => this.has_space = true,
                '0' => this.has_zeros = true,
                '#' => this.is_alternate = true,
                '!' => this.is_precise = true,
                _ => this.has_commas = true,
            }
        }
        if let Some(width) = count(letters, arguments) {
            this.is_left |= width < 0;
            this.width = usize::try_from(width.unsigned_abs()).map_or(0, |w| w.min(WIDTH_MAX));
        }
        if letters.next_if_eq(&'.').is_some() {
            let precision = count(letters, arguments).unwrap_or(0).unsigned_abs();
            this.precision = Some(usize::try_from(precision).map_or(0, |p| p.min(WIDTH_MAX)));
        }
        while letters.next_if(|letter| matches!(letter, 'l' | 'h')).is_some() {}
        this
    }

    fn apply(&self, kind: char, value: &Value) -> Option<String> {
        Some(match kind {
            'd' | 'i' => {
                let number = value.to_integer();
                self.number(number < 0, self.grouped(number.unsigned_abs().to_string()))
            }
            'u' => self.number(false, self.grouped((value.to_integer() as u64).to_string())),
            'x' => self.unsigned(format!("{:x}", value.to_integer()), "0x"),
            'X' => self.unsigned(format!("{:X}", value.to_integer()), "0X"),
            'o' => self.unsigned(format!("{:o}", value.to_integer()), "0"),
            'p' => self.unsigned(format!("{:X}", value.to_integer()), ""),
            'f' | 'e' | 'E' | 'g' | 'G' => self.real(kind, value.to_real()),
            'c' => {
                let text = value.to_text().unwrap_or_default();
                let first = text.chars().next().map(String::from).unwrap_or_default();
                self.pad(first.repeat(self.precision.unwrap_or(1).max(1)))
            }
            's' | 'z' => self.text(&value.to_text().unwrap_or_default()),
            'q' | 'Q' | 'w' => {
                let quote = if kind == 'w' { '"' } else { '\'' };
                let text = match value.to_text() {
                    None if kind == 'Q' => return Some(self.pad("NULL".to_owned())),
                    None => "(NULL)".into(),
                    Some(text) => text,
                };
                let doubled = self.cut(&text).replace(quote, &String::from_iter([quote, quote]));
                self.pad(if kind == 'Q' { format!("'{doubled}'") } else { doubled })
            }
            _ => return None,
        })
    }

    fn text(&self, text: &str) -> String {
        self.pad(self.cut(text))
    }

    /// As many characters as the precision lets pass.
    fn cut(&self, text: &str) -> String {
        match self.precision {
            None => text.to_owned(),
            Some(precision) => text.chars().take(precision).collect(),
        }
    }

    fn pad(&self, text: String) -> String {
        let space = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.is_left { text + &space } else { space + &text }
    }

    fn grouped(&self, digits: String) -> String {
        if !self.has_commas {
            return digits;
        }
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }

    fn unsigned(&self, digits: String, prefix: &str) -> String {
        let prefix = if self.is_alternate && digits != "0" { prefix } else { "" };
        let plain = Conversion { precision: self.precision, has_zeros: self.has_zeros, ..*self };
        let plain = Conversion { has_plus: false, has_space: false, ..plain };
        plain.signed(prefix, digits)
    }

    fn number(&self, is_negative: bool, digits: String) -> String {
        self.signed(self.sign(is_negative), digits)
    }

    fn sign(&self, is_negative: bool) -> &'static str {
        match (is_negative, self.has_plus, self.has_space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    /// A sign or prefix, zeros up to the precision or width, digits.
    fn signed(&self, sign: &str, digits: String) -> String {
        let room = if self.has_zeros { self.width.saturating_sub(sign.len()) } else { 0 };
        let least = self.precision.unwrap_or(0).max(room);
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        self.pad(format!("{sign}{zeros}{digits}"))
    }

    fn real(&self, kind: char, real: f64) -> String {
        if real.is_nan() {
            return self.pad("NaN".to_owned());
        }
        let sign = self.sign(real.is_sign_negative() && real != 0.0);
        if real.is_infinite() {
            return self.pad(format!("{sign}Inf"));
        }
        let digits = if self.is_precise { MORE_DIGITS_MAX } else { DIGITS_MAX };
        let precision = self.precision.unwrap_or(6).min(1000);
        let magnitude = real.abs();
        let mut text = match kind {
            'f' => fixed(magnitude, precision, digits),
            'e' | 'E' => exponential(magnitude, precision, digits),
            _ => self.general(magnitude, precision.max(1), digits),
        };
        if kind.is_ascii_uppercase() {
            text = text.to_ascii_uppercase();
        }
        if self.has_commas && kind == 'f' {
            let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
            text = self.grouped(whole.to_owned()) + rest;
        }
        if self.is_precise && !text.contains('.') && kind != 'f' {
            let at = text.find(['e', 'E']).unwrap_or(text.len());
            text.insert_str(at, ".0");
        }
        Conversion { precision: None, ..*self }.signed(sign, text)
    }

    /// The shorter of the two others, without zeros at its end.
    fn general(&self, magnitude: f64, precision: usize, digits: usize) -> String {
        let by_exponent = exponential(magnitude, precision - 1, digits);
        let (mantissa, exponent) = by_exponent.split_once('e').unwrap_or((&by_exponent, "0"));
        let exponent: i64 = exponent.parse().unwrap_or_default();
        let is_short = (-4..precision as i64).contains(&exponent);
        let places = usize::try_from(precision as i64 - 1 - exponent).unwrap_or_default();
        match is_short {
            true => self.without_zeros(fixed(magnitude, places, digits)),
            false => {
                let mantissa = self.without_zeros(mantissa.to_owned());
                format!("{mantissa}{}", &by_exponent[by_exponent.find('e').unwrap_or_default()..])
            }
        }
    }

    fn without_zeros(&self, text: String) -> String {
        match text.contains('.') && !self.is_alternate {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}

/// A width or precision: a number, or `*` for an argument's value.
fn count<'a>(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    arguments: &mut impl Iterator<Item = &'a Value>,
) -> Option<i64> {
    if letters.next_if_eq(&'*').is_some() {
        return Some(arguments.next().unwrap_or(&NULL).to_integer());
    }
    let mut number = None;
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        let digit = i64::from(u32::from(digit) - u32::from('0'));
        number = Some((number.unwrap_or(0) * 10 + digit).min(WIDTH_MAX as i64));
    }
    number
}

/// The decimal digits of a number, rounded half up, and how many of them stand before the point.
struct Digits {
    digits: Vec<u8>,
    point: i64,
}

/// As many digits as a number is computed to.
const COMPUTED: usize = 18;

impl Digits {
    /// As many digits as `wanted` says for a number with this many before its point, at most `max`.
    fn new(magnitude: f64, max: usize, wanted: impl Fn(i64) -> i64) -> Self {
        let text = format!("{magnitude:.*e}", COMPUTED - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let point = exponent.parse().unwrap_or(0) + 1;
        let mut this = Digits { digits, point };
        this.round(wanted(point).min(max as i64));
        this
    }

    fn round(&mut self, keep: i64) {
        let Ok(keep) = usize::try_from(keep) else {
            self.digits.clear();
            return;
        };
        let up = self.digits.get(keep).is_some_and(|digit| *digit >= b'5');
        self.digits.truncate(keep);
        if !up {
            return;
        }
        let nines = self.digits.iter().rev().take_while(|digit| **digit == b'9').count();
        let rest = self.digits.len() - nines;
        self.digits.truncate(rest);
        match self.digits.last_mut() {
            Some(digit) => *digit += 1,
            None => {
                self.digits.push(b'1');
                self.point += 1;
            }
        }
    }

    /// The digit at a place behind the point, or before it if that is negative.
    fn at(&self, place: i64) -> char {
        let digit = usize::try_from(place + self.point).ok().and_then(|at| self.digits.get(at));
        digit.map_or('0', |digit| char::from(*digit))
    }

    /// The digits from one place up to another, the point before place 0.
    fn write(&self, from: i64, to: i64) -> String {
        let mut text = String::new();
        for place in from..to {
            if place == 0 {
                text.push('.');
            }
            text.push(self.at(place));
        }
        text
    }
}

/// Digits with an exponent, of which only so many are told; zeros follow.
fn exponential(magnitude: f64, precision: usize, max: usize) -> String {
    let places = precision as i64;
    let mut digits = Digits::new(magnitude, max, |_| places + 1);
    let exponent = if magnitude == 0.0 { 0 } else { digits.point - 1 };
    digits.point = 1;
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", digits.write(-1, places), exponent.unsigned_abs())
}

/// Digits with a point, of which only so many are told; zeros follow.
fn fixed(magnitude: f64, precision: usize, max: usize) -> String {
    let places = precision as i64;
    let digits = Digits::new(magnitude, max, |point| point + places);
    digits.write(-digits.point.max(1), places)
}
