//! Dates and times, as SQLite computes with them: an instant is a number of milliseconds since noon of
//! 24 November 4714 BC, the beginning of Julian days, and modifiers change it one after the other.
//!
//! There are no time zones but offsets that are written: local time is UTC.

use super::evaluate::Scope;
use super::format::format_values;
use super::resolved::Resolved;
use crate::value::{Value, parse_real};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a function makes of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    Date,
    Time,
    DateTime,
    JulianDay,
    UnixEpoch,
    /// The first argument is a format.
    Format,
}

const DAY_MS: i64 = 86_400_000;

/// The beginning of 1970.
const EPOCH_MS: i64 = 210_866_760_000_000;

/// The end of the year 9999.
const LAST_MS: i64 = 464_269_060_799_999;

/// The first Julian day that is a year of five digits.
const DAYS_MAX: f64 = 5_373_484.5;

/// A date and time by its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    /// Of the day.
    ms: i64,
}

/// What the arguments so far have come to.
#[derive(Clone, Copy, Debug)]
struct Instant {
    ms: i64,
    /// The number that was given, which `unixepoch` and `julianday` may explain.
    raw: Option<f64>,
    /// Whether fractions of a second are shown.
    is_precise: bool,
}

impl Dates {
    /// The value of a call; NULL for what is no date.
    pub(super) fn call<S: Scope + ?Sized>(self, arguments: &[Resolved], scope: &S) -> Value {
        let values: Vec<_> = arguments.iter().map(|argument| argument.value(scope)).collect();
        let values: Vec<&Value> = values.iter().map(AsRef::as_ref).collect();
        let (format, values) = match (self, values.split_first()) {
            (Dates::Format, None) => return Value::Null,
            (Dates::Format, Some((format, rest))) => (Some(*format), rest),
            (_, _) => (None, values.as_slice()),
        };
        let Some(instant) = instant(values) else { return Value::Null };
        match (self, format) {
            (Dates::Date, _) => instant.date().into(),
            (Dates::Time, _) => instant.time().into(),
            (Dates::DateTime, _) => format!("{} {}", instant.date(), instant.time()).into(),
            (Dates::JulianDay, _) => (instant.ms as f64 / DAY_MS as f64).into(),
            (Dates::UnixEpoch, _) if instant.is_precise => {
                ((instant.ms - EPOCH_MS) as f64 / 1000.0).into()
            }
            (Dates::UnixEpoch, _) => instant.unix_seconds().into(),
            (Dates::Format, Some(format)) => match format.to_text() {
                Some(format) => instant.format(&format).into(),
                None => Value::Null,
            },
            (Dates::Format, None) => Value::Null,
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EPOCH_MS + since.as_millis() as i64
}

/// The instant that a time value and its modifiers describe.
fn instant(values: &[&Value]) -> Option<Instant> {
    let mut instant = Instant { ms: now(), raw: None, is_precise: false };
    let Some((first, modifiers)) = values.split_first() else { return Some(instant) };
    match first {
        Value::Null => return None,
        Value::Integer(_) | Value::Real(_) => instant = Instant::of_number(first.to_real())?,
        Value::Text(_) | Value::Blob(_) => {
            let text = first.to_text()?;
            match text.to_ascii_lowercase().as_str() {
                "now" => {}
                "subsec" | "subsecond" => instant.is_precise = true,
                _ => instant = parse_time(&text)?,
            }
        }
    }
    for (position, modifier) in modifiers.iter().enumerate() {
        instant.modify(&modifier.to_text()?.to_ascii_lowercase(), position == 0)?;
    }
    (0..=LAST_MS).contains(&instant.ms).then_some(instant)
}

impl Civil {
    /// Of an instant.
    fn of(ms: i64) -> Civil {
        // Julian days begin at noon.
        let shifted = ms + DAY_MS / 2;
        let (days, ms) = (shifted.div_euclid(DAY_MS), shifted.rem_euclid(DAY_MS));
        // Years that begin in March have their leap day last.
        let z = days - 1_721_120;
        let era = z.div_euclid(146_097);
        let of_era = z.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let is_next_year = month >= 10;
        let month = if is_next_year { month - 9 } else { month + 3 };
        Civil { year: year + era * 400 + i64::from(is_next_year), month, day, ms }
    }

    /// The instant; a day beyond its month's end belongs to the next month.
    fn instant(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let month = (self.month + 9) % 12;
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * month + 2) / 5 + self.day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year + 1_721_120;
        days * DAY_MS - DAY_MS / 2 + self.ms
    }
}

impl Instant {
    fn at(ms: i64) -> Self {
        Instant { ms, raw: None, is_precise: false }
    }

    /// A Julian day, unless a modifier says otherwise.
    fn of_number(number: f64) -> Option<Self> {
        let ms = match (0.0..DAYS_MAX).contains(&number) {
            true => (number * DAY_MS as f64 + 0.5) as i64,
            // No date before a modifier explains it.
            false => -1,
        };
        Some(Instant { ms, raw: Some(number), is_precise: false })
    }

    fn modify(&mut self, modifier: &str, is_first: bool) -> Option<()> {
        let raw = self.raw.take();
        match modifier {
            "unixepoch" if is_first => self.explain_as_seconds(raw?)?,
            "julianday" if is_first => {
                raw.filter(|number| (0.0..DAYS_MAX).contains(number))?;
            }
            "auto" if is_first => match raw {
                Some(number) if !(0.0..DAYS_MAX).contains(&number) => {
                    self.explain_as_seconds(number)?;
                }
                Some(_) | None => {}
            },
            "subsec" | "subsecond" => {
                self.is_precise = true;
                self.raw = raw;
            }
            "localtime" | "utc" => {}
            _ if self.ms < 0 => return None,
            _ if modifier.starts_with("weekday ") => {
                let wanted = modifier["weekday ".len()..].trim().parse::<f64>().ok()?;
                let is_day = (0.0..7.0).contains(&wanted) && wanted.fract() == 0.0;
                let wanted = is_day.then_some(wanted as i64)?;
                self.ms += (wanted - weekday(self.ms)).rem_euclid(7) * DAY_MS;
            }
            _ if modifier.starts_with("start of ") => {
                self.start_of(&modifier["start of ".len()..])?;
            }
            _ => self.shift(modifier)?,
        }
        Some(())
    }

    fn explain_as_seconds(&mut self, number: f64) -> Option<()> {
        let ms = number * 1000.0 + EPOCH_MS as f64;
        let is_date = (0.0..LAST_MS as f64 + 1.0).contains(&ms);
        self.ms = is_date.then_some((ms + 0.5) as i64)?;
        Some(())
    }

    fn start_of(&mut self, unit: &str) -> Option<()> {
        let mut civil = Civil { ms: 0, ..Civil::of(self.ms) };
        match unit.trim() {
            "day" => {}
            "month" => civil.day = 1,
            "year" => (civil.month, civil.day) = (1, 1),
            _ => return None,
        }
        self.ms = civil.instant();
        Some(())
    }

    /// `+3 days`, `-1.5 hours`, `+01:30`.
    fn shift(&mut self, modifier: &str) -> Option<()> {
        let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.e".contains(byte);
        if !modifier.bytes().next().is_some_and(|first| is_number(&first)) {
            return None;
        }
        if let Some(time) = modifier.strip_prefix(['+', '-']).filter(|rest| rest.contains(':')) {
            let (ms, rest) = parse_clock(time)?;
            let sign = if modifier.starts_with('-') { -1 } else { 1 };
            self.ms += sign * ms;
            return rest.trim().is_empty().then_some(());
        }
        let end = modifier.find(|letter: char| !is_number(&(letter as u8))).unwrap_or(0);
        let number = modifier[..end].parse::<f64>().ok()?;
        let unit = modifier[end..].trim();
        let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
            "second" => 1.0,
            "minute" => 60.0,
            "hour" => 3600.0,
            "day" => 86_400.0,
            "month" => {
                self.add_months(whole(number)?);
                return self.add_seconds(number.fract(), 30.0 * 86_400.0);
            }
            "year" => {
                self.add_months(whole(number)?.checked_mul(12)?);
                return self.add_seconds(number.fract(), 365.0 * 86_400.0);
            }
            _ => return None,
        };
        self.add_seconds(number, seconds)
    }

    fn add_seconds(&mut self, number: f64, seconds: f64) -> Option<()> {
        let half = if number < 0.0 { -0.5 } else { 0.5 };
        let ms = number * 1000.0 * seconds + half;
        self.ms = (ms.abs() <= LAST_MS as f64).then_some(self.ms + ms as i64)?;
        Some(())
    }

    fn add_months(&mut self, count: i64) {
        let mut civil = Civil::of(self.ms);
        let months = civil.month - 1 + count;
        civil.year += months.div_euclid(12);
        civil.month = months.rem_euclid(12) + 1;
        self.ms = civil.instant();
    }

    fn unix_seconds(&self) -> i64 {
        (self.ms - EPOCH_MS).div_euclid(1000)
    }

    fn date(&self) -> String {
        let Civil { year, month, day, .. } = Civil::of(self.ms);
        let sign = if year < 0 { "-" } else { "" };
        format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
    }

    fn time(&self) -> String {
        let ms = Civil::of(self.ms).ms;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        match self.is_precise {
            true => format!("{hour:02}:{minute:02}:{second:02}.{:03}", ms % 1000),
            false => format!("{hour:02}:{minute:02}:{second:02}"),
        }
    }

    /// strftime; `None` for a conversion that there is not.
    fn format(&self, format: &str) -> Option<String> {
        let mut text = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' => text.push_str(&self.field(letters.next()?)?),
                letter => text.push(letter),
            }
        }
        Some(text)
    }

    fn field(&self, letter: char) -> Option<String> {
        let Civil { year, month, day, ms } = Civil::of(self.ms);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let of_twelve = (hour + 11) % 12 + 1;
        let weekday = weekday(self.ms);
        let from_monday = (weekday + 6) % 7;
        let of_year = (self.ms - ms - Civil { month: 1, day: 1, ms: 0, year }.instant()) / DAY_MS;
        let (week_year, week) = self.iso_week(from_monday);
        Some(match letter {
            'd' => format!("{day:02}"),
            'e' => format!("{day:2}"),
            'f' => format!("{second:02}.{:03}", ms % 1000),
            'F' => self.date(),
            'g' => format!("{:02}", week_year.rem_euclid(100)),
            'G' => format!("{week_year:04}"),
            'H' => format!("{hour:02}"),
            'I' => format!("{of_twelve:02}"),
            'j' => format!("{:03}", of_year + 1),
            'J' => format_values("%.16g", &[&(self.ms as f64 / DAY_MS as f64).into()]),
            'k' => format!("{hour:2}"),
            'l' => format!("{of_twelve:2}"),
            'm' => format!("{month:02}"),
            'M' => format!("{minute:02}"),
            'p' => if hour >= 12 { "PM" } else { "AM" }.to_owned(),
            'P' => if hour >= 12 { "pm" } else { "am" }.to_owned(),
            'R' => format!("{hour:02}:{minute:02}"),
            's' => self.unix_seconds().to_string(),
            'S' => format!("{second:02}"),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            'u' => (from_monday + 1).to_string(),
            'U' => format!("{:02}", (of_year + 7 - weekday) / 7),
            'V' => format!("{week:02}"),
            'w' => weekday.to_string(),
            'W' => format!("{:02}", (of_year + 7 - from_monday) / 7),
            'Y' => format!("{year:04}"),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }

    /// Year and number of the week, which belongs to the year of its Thursday.
    fn iso_week(&self, from_monday: i64) -> (i64, i64) {
        let thursday = Civil::of(self.ms + (3 - from_monday) * DAY_MS);
        let first = Civil { month: 1, day: 1, ..thursday }.instant();
        (thursday.year, (thursday.instant() - first) / DAY_MS / 7 + 1)
    }
}

/// 0 is Sunday.
fn weekday(ms: i64) -> i64 {
    ((ms + DAY_MS / 2).div_euclid(DAY_MS) + 1).rem_euclid(7)
}

/// The whole part of a number of months or years that is not beyond all years.
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 200_000.0).then_some(number.trunc() as i64)
}

/// A date, a time, both, or a number.
fn parse_time(text: &str) -> Option<Instant> {
    if let Some((date, rest)) = parse_date(text) {
        let rest =
            rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == 'T');
        let offset = if rest.is_empty() { 0 } else { parse_time_of_day(rest)? };
        return Some(Instant::at(date.instant() + offset));
    }
    if let Some(offset) = parse_time_of_day(text) {
        let date = Civil { year: 2000, month: 1, day: 1, ms: 0 };
        return Some(Instant::at(date.instant() + offset));
    }
    let number = parse_real(text.as_bytes());
    number.whole.then(|| Instant::of_number(number.value)).flatten()
}

/// A number of exactly so many digits, up to a limit.
fn digits(text: &str, count: usize, limit: i64) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|number| is_number && *number <= limit)?;
    Some((number, rest))
}

fn parse_date(text: &str) -> Option<(Civil, &str)> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (year, rest) = digits(rest, 4, 9999)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2, 12)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2, 31)?;
    let year = if is_negative { -year } else { year };
    (month > 0 && day > 0).then_some((Civil { year, month, day, ms: 0 }, rest))
}

/// `HH:MM`, `HH:MM:SS`, `HH:MM:SS.SSS`, in milliseconds.
fn parse_clock(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text, 2, 24)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2, 59)?;
    let mut ms = 0;
    if let Some(behind) = rest.strip_prefix(':') {
        let (second, behind) = digits(behind, 2, 59)?;
        (ms, rest) = (second * 1000, behind);
        if let Some(fraction) = behind.strip_prefix('.') {
            let end = fraction.find(|digit: char| !digit.is_ascii_digit());
            let end = end.unwrap_or(fraction.len());
            let parsed = format!("0.{}", &fraction[..end]).parse::<f64>().ok()?;
            (ms, rest) = (ms + (parsed * 1000.0 + 0.5) as i64, &fraction[end..]);
        }
    }
    Some((hour * 3_600_000 + minute * 60_000 + ms, rest))
}

/// A time and perhaps its distance from UTC, which is taken off.
fn parse_time_of_day(text: &str) -> Option<i64> {
    let (ms, rest) = parse_clock(text)?;
    let rest = rest.trim();
    if rest.is_empty() || rest.eq_ignore_ascii_case("z") {
        return Some(ms);
    }
    let sign = match rest.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = digits(&rest[1..], 2, 14)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2, 59)?;
    rest.is_empty().then_some(ms - sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_back_as_they_went() {
        for days in (0..5_373_484).step_by(97) {
            let ms = days * DAY_MS + 12_345;
            assert_eq!(Civil::of(ms).instant(), ms);
        }
        let epoch = Civil { year: 1970, month: 1, day: 1, ms: 0 };
        assert_eq!((epoch.instant(), Civil::of(EPOCH_MS)), (EPOCH_MS, epoch));
    }
}
