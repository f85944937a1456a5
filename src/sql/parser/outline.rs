//! What one pass over a text's tokens tells of its first statement: where it ends, how deep it nests,
//! its parameters, and whether it could do with parameters in the place of its literals.
//!
//! The parser is handed one statement at a time, and only one that is bounded: its length, its
//! parameters' numbers and the nesting of its parentheses are looked at here, so that nothing which
//! walks the statement later can exhaust the stack.

use super::tokens::{Kind, Token, tokens};
use crate::error::{Error, Result, SqlError};
use std::collections::HashMap;
use std::ops::Range;

/// The longest statement, in bytes.
const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// How deep parentheses, CASE and subqueries may nest.
const NESTING_MAX: usize = 100;

/// The greatest number of a parameter.
const PARAMETER_MAX: usize = 32_766;

/// A statement that is bounded, and what its tokens tell.
#[derive(Debug, Default)]
pub struct Outline<'a> {
    /// Without its semicolon.
    pub text: &'a str,
    /// What follows the semicolon.
    pub rest: &'a str,
    /// Whether there is a semicolon: what lacks more is told there then.
    pub has_end: bool,
    /// How much of a stack it may take, in levels: what nests and what operators chain, at the most.
    pub levels: usize,
    /// The names of its parameters, numbered as the parser numbers them; `None` for one without a name.
    pub parameters: Vec<Option<String>>,
    /// Its literals with their signs, where they are in its text, if it is an INSERT, UPDATE or DELETE that means the same with
    /// parameters in their place.
    pub literals: Option<Vec<Token<'a>>>,
    /// Whether it defines a view or a trigger, which is kept as its text.
    pub is_kept_as_text: bool,
}

/// The first statement of a text; an empty one if there is none.
///
/// # Errors
/// [`Error::Sql`] if it is out of bounds, or holds what is no token.
pub fn outline(text: &str) -> Result<Outline<'_>> {
    let mut walk = Walk { text, ..Walk::default() };
    let mut bounds = None;
    for token in tokens(text) {
        walk.stand = walk.stand.after(&token);
        match (walk.stand, bounds) {
            (Stand::Start, None) => continue,
            (Stand::Start, Some((start, _))) => {
                return walk.finish(start..token.start, Some(&text[token.end()..]));
            }
            (_, None) => bounds = Some((token.start, token.end())),
            (_, Some((start, _))) => bounds = Some((start, token.end())),
        }
        walk.take(token)?;
    }
    let (start, end) = bounds.unwrap_or_default();
    walk.finish(start..end, None)
}

/// The first statement of a text, with its semicolon, and what follows it; `None` if there is none.
pub fn split_statement(text: &str) -> Option<(&str, &str)> {
    let mut stand = Stand::Start;
    let mut start = None;
    for token in tokens(text) {
        stand = stand.after(&token);
        if stand == Stand::Start {
            if let Some(start) = start {
                return Some(text[start..].split_at(token.end() - start));
            }
        } else if start.is_none() {
            start = Some(token.start);
        }
    }
    start.map(|start| (&text[start..], ""))
}

/// Whether a text ends where a statement does: SQLite's `sqlite3_complete`.
pub fn is_complete(text: &str) -> bool {
    let mut stand = Stand::Start;
    let mut tokens = tokens(text);
    let mut is_open = false;
    for token in tokens.by_ref() {
        stand = stand.after(&token);
        is_open = token.is_open;
    }
    stand == Stand::Start && !is_open && !tokens.is_in_comment()
}

/// Where one stands in a text that may define triggers, whose statements end in semicolons too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Stand {
    /// Between statements.
    #[default]
    Start,
    Within,
    Explained,
    Created,
    InTrigger,
    /// Behind a semicolon within a trigger.
    Semicolon,
    /// Behind the END that follows it.
    End,
}

impl Stand {
    /// SQLite's automaton of `sqlite3_complete`.
    fn after(self, token: &Token<'_>) -> Stand {
        let is_semicolon = token.is_sign(";");
        match self {
            Stand::Start if is_semicolon => Stand::Start,
            Stand::Start if token.is("EXPLAIN") => Stand::Explained,
            Stand::Start | Stand::Explained if token.is("CREATE") => Stand::Created,
            Stand::Start => Stand::Within,
            Stand::Within | Stand::Explained | Stand::Created if is_semicolon => Stand::Start,
            Stand::Within => Stand::Within,
            Stand::Explained if token.is("QUERY") || token.is("PLAN") => Stand::Explained,
            Stand::Explained => Stand::Within,
            Stand::Created if token.is("TEMP") || token.is("TEMPORARY") => Stand::Created,
            Stand::Created if token.is("TRIGGER") => Stand::InTrigger,
            Stand::Created => Stand::Within,
            Stand::InTrigger | Stand::Semicolon if is_semicolon => Stand::Semicolon,
            Stand::Semicolon if token.is("END") => Stand::End,
            Stand::End if is_semicolon => Stand::Start,
            Stand::InTrigger | Stand::Semicolon | Stand::End => Stand::InTrigger,
        }
    }
}

/// What a statement begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Beginning {
    #[default]
    Nothing,
    /// CREATE, and TEMP behind it.
    Create,
    /// INSERT and REPLACE.
    Insert,
    Update,
    Delete,
    Other,
}

/// What a word is to the one who outlines.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Opens,
    Closes,
    /// It chains operands, as AND does.
    Chains,
    /// Behind it a literal may mean something that a parameter does not, as in ORDER BY 1.
    Tells,
    /// The same, but for the one statement that has it anyway.
    TellsUnless(Beginning),
}

const ROLES: [(&str, Role); 28] = [
    ("AND", Role::Chains),
    ("BETWEEN", Role::Chains),
    ("CASE", Role::Opens),
    ("CAST", Role::Tells),
    ("COLLATE", Role::Chains),
    ("END", Role::Closes),
    ("EXCEPT", Role::Chains),
    ("FROM", Role::TellsUnless(Beginning::Delete)),
    ("GLOB", Role::Chains),
    ("GROUP", Role::Tells),
    ("IN", Role::Chains),
    ("INDEXED", Role::Tells),
    ("INTERSECT", Role::Chains),
    ("IS", Role::Chains),
    ("ISNULL", Role::Chains),
    ("LIKE", Role::Chains),
    ("LIMIT", Role::Tells),
    ("NOT", Role::Chains),
    ("NOTNULL", Role::Chains),
    ("ON", Role::Tells),
    ("OR", Role::Chains),
    ("ORDER", Role::Tells),
    ("RAISE", Role::Tells),
    ("RETURNING", Role::Tells),
    ("SELECT", Role::Tells),
    ("UNION", Role::Chains),
    ("VALUES", Role::TellsUnless(Beginning::Insert)),
    ("WITH", Role::Tells),
];

fn role(word: &str) -> Option<Role> {
    let found = ROLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    found.map(|(_, role)| *role)
}

/// What is known of a statement while its tokens pass.
#[derive(Debug, Default)]
struct Walk<'a> {
    text: &'a str,
    stand: Stand,
    beginning: Beginning,
    is_kept_as_text: bool,
    depth: usize,
    deepest: usize,
    chained: usize,
    parameters: ParameterNames,
    literals: Vec<Token<'a>>,
    has_telling_words: bool,
    /// The token before, if it is a sign.
    sign: Option<Token<'a>>,
    /// The token before, if it is a minus that belongs to the number that may follow.
    minus: Option<Token<'a>>,
}

fn limit<T>(what: &str) -> Result<T> {
    Err(Error::from(SqlError::Limit { what: what.to_owned() }))
}

impl<'a> Walk<'a> {
    fn take(&mut self, token: Token<'a>) -> Result<()> {
        if token.is_open {
            return Err(SqlError::Token { text: token.text.to_owned() }.into());
        }
        let (sign, minus) = (self.sign.take(), self.minus.take());
        match token.kind {
            Kind::Word => self.word(&token),
            Kind::Quoted => {}
            Kind::Text | Kind::Blob => self.literals.push(token),
            Kind::Number => self.literals.push(match minus {
                Some(minus) if minus.end() == token.start => Token {
                    text: &self.text[minus.start..token.end()],
                    start: minus.start,
                    ..token
                },
                _ => token,
            }),
            Kind::Parameter => {
                number_parameter(&mut self.parameters, token.text)?;
            }
            Kind::Sign => match token.text.as_bytes() {
                b"(" => self.open(),
                b")" => self.close(),
                b"+" | b"-" | b"*" | b"/" | b"%" | b"|" | b"&" | b"~" | b"<" | b">" | b"=" => {
                    self.chained += 1;
                }
                _ => {}
            },
        }
        if token.is_sign("-") && sign.is_some_and(|sign| "(,=".contains(sign.text)) {
            self.minus = Some(token);
        }
        if token.kind == Kind::Sign {
            self.sign = Some(token);
        }
        if self.beginning == Beginning::Nothing {
            self.beginning = Beginning::Other;
        }
        match self.depth > NESTING_MAX {
            true => limit("statement nests too deep"),
            false => Ok(()),
        }
    }

    fn open(&mut self) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn word(&mut self, token: &Token<'_>) {
        match self.beginning {
            Beginning::Nothing => return self.begin(token),
            Beginning::Create if token.is("TEMP") || token.is("TEMPORARY") => return,
            Beginning::Create => {
                self.is_kept_as_text = token.is("VIEW") || token.is("TRIGGER");
                self.beginning = Beginning::Other;
            }
            Beginning::Insert | Beginning::Update | Beginning::Delete | Beginning::Other => {}
        }
        match role(token.text) {
            Some(Role::Opens) => self.open(),
            Some(Role::Closes) => self.close(),
            Some(Role::Chains) => self.chained += 1,
            Some(Role::Tells) => self.has_telling_words = true,
            Some(Role::TellsUnless(beginning)) => {
                self.has_telling_words |= self.beginning != beginning;
            }
            None => {}
        }
    }

    fn begin(&mut self, token: &Token<'_>) {
        let all = [
            ("INSERT", Beginning::Insert),
            ("REPLACE", Beginning::Insert),
            ("UPDATE", Beginning::Update),
            ("DELETE", Beginning::Delete),
            ("CREATE", Beginning::Create),
        ];
        let found = all.iter().find(|(word, _)| token.is(word));
        self.beginning = found.map_or(Beginning::Other, |(_, beginning)| *beginning);
        // Of what no parameters may replace, literals need not be kept.
        self.has_telling_words |= matches!(self.beginning, Beginning::Create | Beginning::Other);
    }

    fn finish(mut self, statement: Range<usize>, rest: Option<&'a str>) -> Result<Outline<'a>> {
        self.literals.iter_mut().for_each(|literal| literal.start -= statement.start);
        let text = &self.text[statement];
        if text.len() > STATEMENT_BYTES_MAX {
            return limit("statement too long");
        }
        let is_plain = !self.has_telling_words
            && self.parameters.names.is_empty()
            && self.beginning != Beginning::Nothing;
        Ok(Outline {
            text,
            rest: rest.unwrap_or_default(),
            has_end: rest.is_some(),
            levels: 2 * self.deepest + self.chained,
            parameters: self.parameters.names,
            literals: is_plain.then_some(self.literals),
            is_kept_as_text: self.is_kept_as_text,
        })
    }
}

/// The number of a parameter behind others, whose names these are.
///
/// # Errors
/// If there are more than can be numbered.
pub(super) fn number_parameter(names: &mut ParameterNames, text: &str) -> Result<usize> {
    let digits = text
        .strip_prefix('?')
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    let number = match digits.map(|digits| digits.parse::<usize>().unwrap_or(usize::MAX)) {
        Some(number) if number == 0 || number > PARAMETER_MAX => {
            return limit("variable number must be between ?1 and ?32766");
        }
        Some(number) => number,
        None => match names.numbers.get(text) {
            Some(number) => *number,
            None => names.names.len() + 1,
        },
    };
    if number > PARAMETER_MAX {
        return limit("too many SQL variables");
    }
    names.names.resize(names.names.len().max(number), None);
    if digits.is_none() && text != "?" && !names.numbers.contains_key(text) {
        names.names[number - 1] = Some(text.to_owned());
        names.numbers.insert(text.to_owned(), number);
    }
    Ok(number)
}

/// The names of the parameters so far, by number and back.
#[derive(Debug, Default)]
pub(super) struct ParameterNames {
    names: Vec<Option<String>>,
    numbers: HashMap<String, usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_one_statement() {
        let text =
            "CREATE TEMP TRIGGER a BEFORE DELETE ON t BEGIN SELECT ';'; SELECT 2; END; SELECT 1";
        let outline = outline(text).unwrap();
        assert!(outline.text.ends_with("END"), "{outline:?}");
        assert_eq!(outline.rest, " SELECT 1");
        assert!(outline.is_kept_as_text && outline.literals.is_none());
        let (statement, rest) = split_statement(text).unwrap();
        assert_eq!((statement.strip_suffix(';'), rest), (Some(outline.text), outline.rest));
        assert!(!is_complete(text) && is_complete(&text[..text.len() - " SELECT 1".len()]));
    }

    #[test]
    fn comments_and_quotes_hide_semicolons() {
        assert!(!is_complete("SELECT ';' -- ;"));
        assert!(!is_complete("SELECT 1; /* ;"));
        assert!(is_complete("SELECT 'it''s', \"a;\", [b;];"));
        assert_eq!(split_statement(" ; ; -- no\n"), None);
        assert_eq!(outline(" ; ; -- no\n").unwrap().text, "");
    }

    #[test]
    fn nesting_is_counted_before_anything_is_parsed() {
        let nested = |depth: usize| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(outline(&nested(NESTING_MAX)).is_ok());
        assert!(outline(&nested(NESTING_MAX + 1)).is_err());
    }

    #[test]
    fn literals_are_told_where_parameters_could_stand() {
        let literals = |text| {
            let found = outline(text).unwrap().literals;
            found.map(|all| all.iter().map(|token| token.text).collect::<Vec<_>>().join(" "))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            literals("INSERT INTO t VALUES (-1, 'a', x'00', 2 -3)"),
            some("-1 'a' x'00' 2 3")
        );
        assert_eq!(literals("UPDATE t SET a = -.5e1 WHERE b < 7"), some("-.5e1 7"));
        assert_eq!(literals("DELETE FROM t"), some(""));
        assert_eq!(literals("DELETE FROM t WHERE a = ?"), None);
        assert_eq!(literals("DELETE FROM t WHERE a IN (SELECT 1)"), None);
        assert_eq!(literals("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING"), None);
        assert_eq!(literals("UPDATE t SET a = b FROM u WHERE b = 1"), None);
        assert_eq!(literals("CREATE TABLE t (a DEFAULT 1)"), None);
    }

    #[test]
    fn parameters_are_numbered() {
        let named = |name: &str| Some(name.to_owned());
        let outline = outline("SELECT ?, :a, ?4, :a, ?").unwrap();
        assert_eq!(outline.parameters, [None, named(":a"), None, None, None]);
    }
}
