//! LIKE and GLOB.
//!
//! Only the last wildcard passed is ever taken up again: what an earlier one could match beyond, the
//! last one can too. So a match takes O(subject · pattern) and no recursion. A NUL ends a subject and
//! a pattern.

use super::Pattern;
use super::evaluate::{Fault, Scope};
use super::resolved::Resolved;
use std::iter::Peekable;
use std::str::Chars;

/// Whether the first operand matches the second, with the third as the escape character; NULL if one
/// is.
pub(super) fn matches<S: Scope + ?Sized>(
    pattern: Pattern,
    operands: &[Resolved],
    scope: &S,
) -> Option<bool> {
    let [subject, wanted, escape @ ..] = operands else { return None };
    let subject = subject.value(scope).to_text();
    let wanted = wanted.value(scope).to_text();
    let escape = match escape.first() {
        None => None,
        Some(escape) => {
            let escape = escape.value(scope).to_text()?;
            let mut characters = escape.chars();
            let (Some(escape), None) = (characters.next(), characters.next()) else {
                scope.report(Fault::Escape);
                return None;
            };
            Some(escape)
        }
    };
    let (subject, wanted) = (subject?, wanted?);
    if wanted.len() > PATTERN_BYTES_MAX {
        scope.report(Fault::Pattern);
        return None;
    }
    Some(match pattern {
        Pattern::Like => is_like(&subject, &wanted, escape),
        Pattern::Glob => is_glob(&subject, &wanted),
    })
}

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 50_000;

/// One element of a pattern.
enum Element {
    /// Any text.
    Any,
    /// Any one character.
    One,
    /// This character.
    Exactly(char),
    /// One character that is, or is not, among these ranges.
    Among(Vec<(char, char)>, bool),
    /// Nothing at all can match.
    Nothing,
}

fn is_like(subject: &str, pattern: &str, escape: Option<char>) -> bool {
    let next = |rest: &mut Rest<'_>| {
        Some(match rest.next()? {
            character if Some(character) == escape => {
                rest.next().map_or(Element::Nothing, Element::Exactly)
            }
            '%' => Element::Any,
            '_' => Element::One,
            character => Element::Exactly(character),
        })
    };
    is_match(subject, pattern, &next, &|a, b| a.eq_ignore_ascii_case(&b))
}

fn is_glob(subject: &str, pattern: &str) -> bool {
    let next = |rest: &mut Rest<'_>| {
        Some(match rest.next()? {
            '*' => Element::Any,
            '?' => Element::One,
            '[' => set(rest),
            character => Element::Exactly(character),
        })
    };
    is_match(subject, pattern, &next, &|a, b| a == b)
}

/// The set after `[`: `]` first stands for itself, `^` first means none of those, and `-` between two
/// characters is a range.
fn set(rest: &mut Rest<'_>) -> Element {
    let mut ranges = Vec::new();
    let is_wanted = rest.next_if('^').is_none();
    // What a range may begin with.
    let mut before = None;
    if rest.next_if(']').is_some() {
        ranges.push((']', ']'));
    }
    loop {
        let Some(character) = rest.next() else { return Element::Nothing };
        match (character, before, rest.peek()) {
            (']', ..) => return Element::Among(ranges, is_wanted),
            ('-', Some(first), Some(last)) if last != ']' => {
                rest.next();
                ranges.push((first, last));
                before = None;
            }
            _ => {
                ranges.push((character, character));
                before = Some(character);
            }
        }
    }
}

fn is_match(
    subject: &str,
    pattern: &str,
    next: &dyn Fn(&mut Rest<'_>) -> Option<Element>,
    is_same: &dyn Fn(char, char) -> bool,
) -> bool {
    let (mut subject, mut pattern) = (Rest::of(subject), Rest::of(pattern));
    // The pattern after the last wildcard, and the subject from where it was last tried.
    let mut retry: Option<(Rest<'_>, Rest<'_>)> = None;
    loop {
        let element = next(&mut pattern);
        if matches!(element, Some(Element::Any)) {
            retry = Some((pattern.clone(), subject.clone()));
            continue;
        }
        let found = subject.next();
        let is_matched = match (element, found) {
            (None, None) => return true,
            (Some(Element::One), Some(_)) => true,
            (Some(Element::Exactly(expected)), Some(found)) => is_same(expected, found),
            (Some(Element::Among(ranges, is_wanted)), Some(found)) => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&found)) == is_wanted
            }
            (Some(Element::Any | Element::Nothing), Some(_))
            | (None, Some(_))
            | (Some(_), None) => false,
        };
        if is_matched {
            continue;
        }
        let Some((after, from)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        pattern = after.clone();
        subject = from.clone();
    }
}

/// What is left of a text, up to a NUL.
#[derive(Clone)]
struct Rest<'a>(Peekable<Chars<'a>>);

impl<'a> Rest<'a> {
    fn of(text: &'a str) -> Self {
        Rest(text.chars().peekable())
    }

    /// SQLite reads two noncharacters as U+FFFD.
    fn peek(&mut self) -> Option<char> {
        match *self.0.peek()? {
            '\0' => None,
            '\u{fffe}' | '\u{ffff}' => Some('\u{fffd}'),
            other => Some(other),
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.0.next();
        Some(next)
    }

    fn next_if(&mut self, wanted: char) -> Option<char> {
        if self.peek() == Some(wanted) { self.next() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like() {
        for (subject, pattern, expected) in [
            ("abc", "ABC", true),
            ("abc", "a%", true),
            ("abc", "%b%", true),
            ("abc", "_b_", true),
            ("abc", "_", false),
            ("", "%", true),
            ("", "_", false),
            ("aab", "%a_", true),
            ("abab", "%ab", true),
            ("abcabd", "a%abd", true),
            ("É", "é", false),
            ("é", "_", true),
            ("ab\0c", "ab", true),
            ("a", "a%%_", false),
        ] {
            assert_eq!(is_like(subject, pattern, None), expected, "{subject:?} LIKE {pattern:?}");
        }
        assert!(is_like(&"a".repeat(2000), &"%a".repeat(500).replace("aa", "b"), None));
        assert!(is_like("50%", "50x%", Some('x')));
        assert!(!is_like("500", "50x%", Some('x')));
        assert!(!is_like("50", "50x", Some('x')));
        assert!(is_like("50x", "50xx", Some('x')));
    }

    #[test]
    fn glob() {
        for (subject, pattern, expected) in [
            ("abc", "ABC", false),
            ("abc", "a*", true),
            ("abc", "?b?", true),
            ("abc", "[a-c]b[^d]", true),
            ("abc", "[^a]*", false),
            ("]", "[]]", true),
            ("-", "[a-]", true),
            ("-", "[a-c]", false),
            ("a", "[", false),
            ("a", "[a", false),
            ("^", "[x^]", true),
        ] {
            assert_eq!(is_glob(subject, pattern), expected, "{subject:?} GLOB {pattern:?}");
        }
    }
}
