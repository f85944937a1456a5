//! Numbers as decimal text, read and printed as SQLite does, to the last digit.
//!
//! Two facts decide the last digits. Reading, SQLite takes at most 19 significant digits and ignores
//! the rest; printing, it makes 17 and shows fewer where they read back the same. A key column of
//! type TEXT that is given 0.1 + 0.2 must hold the text SQLite would store. Between digits and binary
//! both sides round correctly, so the standard library's conversions serve; it may seem that
//! `str::parse` alone could do, but then the 20th digit of an input changes its value here and not
//! there.
//!
//! Entry points: [`parse_real`], [`parse_integer`], [`real_to_text`], [`real_to_fixed`],
//! [`real_to_literal`].

/// What the beginning of a text is worth as a real number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ParsedReal {
    /// The number, 0 if there is none.
    pub(crate) value: f64,
    /// Whether the whole text is a number, white space around it aside.
    pub(crate) whole: bool,
    /// Whether the number is written with a point or an exponent.
    pub(crate) fractional: bool,
}

/// How much of a text an integer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntegerFit {
    /// There is no integer at the beginning.
    Missing,
    /// All of it, white space around the integer aside.
    Whole,
    /// Other text follows.
    Prefix,
    /// The integer is beyond 64 bits; the value is the nearest that is not.
    TooLarge,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// A place in a text that ends at a NUL, as C strings do.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// The next byte, 0 at the end.
    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or(&[]);
    }

    fn skip_spaces(&mut self) {
        while is_space(self.peek()) {
            self.skip();
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        if found {
            self.skip();
        }
        found
    }

    fn take_digit(&mut self) -> Option<u64> {
        let byte = self.peek();
        if !byte.is_ascii_digit() {
            return None;
        }
        self.skip();
        Some(u64::from(byte - b'0'))
    }

    /// The exponent after `e`, if there are digits; otherwise nothing is taken.
    fn take_exponent(&mut self) -> Option<i32> {
        let start = self.rest;
        if !self.take(b'e') && !self.take(b'E') {
            return None;
        }
        let negative = self.take(b'-');
        if !negative {
            self.take(b'+');
        }
        let Some(first) = self.take_digit() else {
            self.rest = start;
            return None;
        };
        let mut exponent = first as i32;
        while let Some(digit) = self.take_digit() {
            exponent = if exponent < 10_000 { exponent * 10 + digit as i32 } else { 10_000 };
        }
        Some(if negative { -exponent } else { exponent })
    }
}

/// The most a significand may be for another digit to fit.
const SIGNIFICAND_MAX: u64 = (u64::MAX - 9) / 10;

/// Reads the real number at the beginning of a text.
pub(crate) fn parse_real(text: &[u8]) -> ParsedReal {
    let mut reader = Reader { rest: text };
    reader.skip_spaces();
    let negative = reader.take(b'-');
    if !negative {
        reader.take(b'+');
    }
    let mut significand = 0_u64;
    let mut exponent = 0_i32;
    let mut found = false;
    let mut fractional = false;
    while let Some(digit) = reader.take_digit() {
        found = true;
        if significand < SIGNIFICAND_MAX {
            significand = significand * 10 + digit;
        } else {
            exponent = exponent.saturating_add(1);
        }
    }
    if reader.take(b'.') {
        while let Some(digit) = reader.take_digit() {
            found = true;
            if significand < SIGNIFICAND_MAX {
                significand = significand * 10 + digit;
                exponent = exponent.saturating_sub(1);
            }
        }
        fractional = true;
    }
    if !found {
        return ParsedReal { value: 0.0, whole: false, fractional: false };
    }
    if let Some(power) = reader.take_exponent() {
        exponent = exponent.saturating_add(power);
        fractional = true;
    }
    let magnitude = if significand == 0 { 0.0 } else { to_binary(significand, exponent) };
    reader.skip_spaces();
    ParsedReal {
        value: if negative { -magnitude } else { magnitude },
        whole: reader.peek() == 0,
        fractional,
    }
}

/// Reads the integer at the beginning of a text.
///
/// Unlike in [`parse_real`] a NUL is no end here but other text.
pub(super) fn parse_integer(text: &[u8]) -> (i64, IntegerFit) {
    let mut reader = Reader { rest: text };
    reader.skip_spaces();
    let negative = reader.take(b'-');
    if !negative {
        reader.take(b'+');
    }
    let mut found = false;
    let mut magnitude = Some(0_u64);
    while let Some(digit) = reader.take_digit() {
        found = true;
        magnitude = magnitude.and_then(|m| m.checked_mul(10)).and_then(|m| m.checked_add(digit));
    }
    let value = magnitude.and_then(|magnitude| {
        if negative { 0_i64.checked_sub_unsigned(magnitude) } else { magnitude.try_into().ok() }
    });
    let Some(value) = value else {
        return (if negative { i64::MIN } else { i64::MAX }, IntegerFit::TooLarge);
    };
    if !found {
        return (0, IntegerFit::Missing);
    }
    let only_spaces = reader.rest.iter().all(|byte| is_space(*byte));
    (value, if only_spaces { IntegerFit::Whole } else { IntegerFit::Prefix })
}

/// The text SQLite makes of a real: `1.0`, `0.1`, `1.0e+100`, `-Inf`.
///
/// # Standard
///
/// SQLite's `printf("%!.17g")`.
pub(crate) fn real_to_text(real: f64) -> String {
    if real.is_infinite() {
        return if real < 0.0 { "-Inf" } else { "Inf" }.to_owned();
    }
    general(&Decimal::new(real, 17))
}

/// The real as an SQL literal, in the fewest digits that read back as the same real.
pub(crate) fn real_to_literal(real: f64) -> String {
    if real.is_nan() {
        return "NULL".to_owned();
    }
    if real.is_infinite() {
        return if real < 0.0 { "-9e999" } else { "9e999" }.to_owned();
    }
    let shortest = format!("{real:?}");
    if parse_real(shortest.as_bytes()).value.to_bits() == real.to_bits() {
        return shortest;
    }
    // SQLite reads the shortest form as a neighbour of this real: more digits say which is meant.
    let longer = format!("{real:.17e}");
    debug_assert_eq!(parse_real(longer.as_bytes()).value.to_bits(), real.to_bits());
    longer
}

/// The real with a fixed number of digits after the point, zeros at the end left out.
///
/// # Standard
///
/// SQLite's `printf("%!.*f")`, of which `round()` is made.
pub(crate) fn real_to_fixed(real: f64, places: u8) -> String {
    if !real.is_finite() {
        return real_to_text(real);
    }
    let decimal = Decimal::new(real, -i32::from(places));
    let mut text = String::new();
    write_fixed(&mut text, &decimal, decimal.point, i32::from(places));
    text
}

/// `%g`: with an exponent when the number is very small or has more than 17 whole digits.
fn general(decimal: &Decimal) -> String {
    let exponent = decimal.point - 1;
    let mut text = String::new();
    if (-4..=16).contains(&exponent) {
        write_fixed(&mut text, decimal, decimal.point, 16 - exponent);
        return text;
    }
    write_fixed(&mut text, decimal, 1, 16);
    let sign = if exponent < 0 { '-' } else { '+' };
    text.push_str(&format!("e{sign}{:02}", exponent.unsigned_abs()));
    text
}

/// Prints the digits with the point after the first `point` of them, and at most `places` beyond it.
fn write_fixed(text: &mut String, decimal: &Decimal, point: i32, places: i32) {
    if decimal.negative {
        text.push('-');
    }
    let mut digits = decimal.digits.iter().map(|digit| char::from(*digit));
    if point <= 0 {
        text.push('0');
    }
    for _ in 0..point {
        text.push(digits.next().unwrap_or('0'));
    }
    text.push('.');
    let zeros = (-point).clamp(0, places);
    text.extend(std::iter::repeat_n('0', zeros as usize));
    text.extend(digits.take((places - zeros) as usize));
    text.truncate(text.trim_end_matches('0').len());
    if text.ends_with('.') {
        text.push('0');
    }
}

/// A finite real as significant decimal digits.
struct Decimal {
    negative: bool,
    /// ASCII digits, the last of them not zero unless it is the only one.
    digits: Vec<u8>,
    /// How many of the digits, or of zeros before them if negative, come before the point.
    point: i32,
}

impl Decimal {
    /// Rounds to `round` significant digits if positive, else to `-round` digits after the point.
    fn new(real: f64, round: i32) -> Decimal {
        let negative = real < 0.0;
        let magnitude = real.abs();
        if magnitude == 0.0 {
            return Decimal { negative, digits: vec![b'0'], point: 1 };
        }
        let wanted = if round <= 0 || round >= 18 { 18 } else { round + 1 };
        let (number, power) = to_decimal(magnitude, wanted);
        let mut digits = number.to_string().into_bytes();
        let mut point = digits.len() as i32 + power;
        let mut round = round;
        if round <= 0 {
            round = point - round;
            if round == 0 && digits[0] >= b'5' {
                round = 1;
                digits.insert(0, b'0');
                point += 1;
            }
        }
        let mut decimal = Decimal { negative, digits, point };
        decimal.round(magnitude, round, power);
        decimal.trim_zeros();
        decimal
    }

    fn round(&mut self, magnitude: f64, round: i32, power: i32) {
        /// As many digits as are ever printed.
        const DIGITS_MAX: usize = 20;
        let length = self.digits.len();
        let Ok(round) = usize::try_from(round) else { return };
        if round == 0 || (round >= length && length <= DIGITS_MAX) {
            return;
        }
        let mut keep = round.min(DIGITS_MAX);
        if keep == 17 {
            keep = self.fewer_digits(magnitude, power).unwrap_or(keep);
        }
        let up = self.digits.get(keep).is_some_and(|digit| *digit >= b'5');
        self.digits.truncate(keep);
        if up {
            self.round_up();
        }
    }

    /// A number of digits below 17 that still reads back as the same real: thus 49.47 is printed
    /// and not 49.469999999999999. As SQLite, this only tries where the digits end in nines or
    /// zeros, or the number is whole.
    fn fewer_digits(&self, magnitude: f64, power: i32) -> Option<usize> {
        let digits = &self.digits;
        let last = digits.get(13..16)?;
        let count = |stop: u8, from: usize| {
            let run = digits[..from].iter().rev().take_while(|digit| **digit == stop).count();
            from - run
        };
        let (kept, number) = if last[1..] == *b"99" {
            let kept = count(b'9', 14);
            (kept, leading(&digits[..kept]) + 1)
        } else if self.point >= digits.len() as i32 || last == b"000" {
            let kept = count(b'0', 13);
            (kept, leading(&digits[..kept]))
        } else {
            return None;
        };
        let exponent = power + (digits.len() - kept) as i32;
        (number > 0 && to_binary(number, exponent) == magnitude).then_some(kept + 1)
    }

    /// Adds one in the last place.
    fn round_up(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.digits.insert(0, b'1');
        self.point += 1;
    }

    fn trim_zeros(&mut self) {
        while self.digits.len() > 1 && self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
    }
}

/// The number that at most 19 digits make.
fn leading(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// ⌊log₂⌋ of a positive finite real.
fn binary_exponent(magnitude: f64) -> i32 {
    let bits = magnitude.to_bits();
    match (bits >> 52) as i32 {
        0 => -1011 - bits.leading_zeros() as i32,
        biased => biased - 1023,
    }
}

/// ⌊log₁₀ 2^e⌋
fn log10_of_power_of_2(e: i32) -> i32 {
    (f64::from(e) * std::f64::consts::LOG10_2).floor() as i32
}

/// A positive finite real as `d · 10^p` with at least `digits` (1 to 18) significant digits: the
/// last one is cut off, or rounded where all 18 are asked for.
fn to_decimal(magnitude: f64, digits: i32) -> (u64, i32) {
    // More digits than are kept, so that cutting them off is cutting the exact number.
    const SPARE: usize = 20;
    let p = digits - 1 - log10_of_power_of_2(binary_exponent(magnitude));
    let (_, exponent) = scientific(magnitude, SPARE);
    let kept = (exponent + p + 1).max(1) as usize;
    let number = if digits == 18 {
        let (number, rounded) = scientific(magnitude, kept - 1);
        // 99…9.6 is rounded to a digit more.
        leading(&number) * 10_u64.pow((rounded - exponent) as u32)
    } else {
        leading(&scientific(magnitude, kept - 1 + SPARE).0[..kept])
    };
    (number, -p)
}

/// The digits of a number with one before the point and `places` behind it, and its exponent.
fn scientific(magnitude: f64, places: usize) -> (Vec<u8>, i32) {
    let text = format!("{magnitude:.places$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.bytes().filter(u8::is_ascii_digit).collect();
    (digits, exponent.parse().unwrap_or(0))
}

/// The real nearest to `d · 10^p`.
fn to_binary(d: u64, p: i32) -> f64 {
    // Beyond these exponents no 64-bit d gives anything but zero or infinity.
    format!("{d}e{}", p.clamp(-400, 400)).parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_reals_as_sqlite() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "0.0"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (49.47, "49.47"),
            (1e100, "1.0e+100"),
            (-1.5e-7, "-1.5e-07"),
            (9_007_199_254_740_992.0, "9007199254740992.0"),
            (1e17, "1.0e+17"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (real, text) in cases {
            assert_eq!(real_to_text(real), text);
        }
    }

    #[test]
    fn prints_fixed_places() {
        let cases = [
            (1.25, 1, "1.3"),
            (0.06, 1, "0.1"),
            (0.04, 1, "0.0"),
            (0.004, 1, "0.0"),
            (99.96, 1, "100.0"),
            (-2.5, 3, "-2.5"),
            (123.456, 10, "123.456"),
        ];
        for (real, places, text) in cases {
            assert_eq!(real_to_fixed(real, places), text, "{real} {places}");
        }
    }

    #[test]
    fn reads_reals() {
        let parse = |text: &str| {
            let parsed = parse_real(text.as_bytes());
            (parsed.value, parsed.whole, parsed.fractional)
        };
        assert_eq!(parse(" 12 "), (12.0, true, false));
        assert_eq!(parse("-1.5e3"), (-1500.0, true, true));
        assert_eq!(parse(".5"), (0.5, true, true));
        assert_eq!(parse("5."), (5.0, true, true));
        assert_eq!(parse("12abc"), (12.0, false, false));
        assert_eq!(parse("1e"), (1.0, false, false));
        assert_eq!(parse("1e+"), (1.0, false, false));
        assert_eq!(parse("."), (0.0, false, false));
        assert_eq!(parse(""), (0.0, false, false));
        assert_eq!(parse("- 1"), (0.0, false, false));
        assert_eq!(parse("0x10"), (0.0, false, false));
        assert_eq!(parse("7\0x"), (7.0, true, false));
        assert_eq!(parse("1e400"), (f64::INFINITY, true, true));
        assert_eq!(parse("1e-400"), (0.0, true, true));
        assert_eq!(parse(&"9".repeat(400)), (f64::INFINITY, true, false));
    }

    #[test]
    fn reads_integers() {
        let parse = |text: &str| parse_integer(text.as_bytes());
        assert_eq!(parse(" -12 "), (-12, IntegerFit::Whole));
        assert_eq!(parse("12abc"), (12, IntegerFit::Prefix));
        assert_eq!(parse("abc"), (0, IntegerFit::Missing));
        assert_eq!(parse("000000000000000000000001"), (1, IntegerFit::Whole));
        assert_eq!(parse("9223372036854775807"), (i64::MAX, IntegerFit::Whole));
        assert_eq!(parse("9223372036854775808"), (i64::MAX, IntegerFit::TooLarge));
        assert_eq!(parse("-9223372036854775808"), (i64::MIN, IntegerFit::Whole));
        assert_eq!(parse("-9223372036854775809x"), (i64::MIN, IntegerFit::TooLarge));
    }

    #[test]
    fn literals_read_back() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let real = f64::from_bits(bits);
            if !real.is_nan() {
                let literal = real_to_literal(real);
                assert_eq!(parse_real(literal.as_bytes()).value.to_bits(), bits, "{literal}");
            }
        }
        for real in [f64::MIN_POSITIVE, 5e-324, f64::MAX, -0.0] {
            let literal = real_to_literal(real);
            assert_eq!(parse_real(literal.as_bytes()).value.to_bits(), real.to_bits());
            assert!(!real_to_text(real).is_empty());
        }
    }
}
