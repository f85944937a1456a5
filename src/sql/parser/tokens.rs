//! The words of a text: where each begins and ends, where a statement ends, and how deep it nests.
//!
//! The parser is handed one statement at a time, and only one that is bounded: its length, its
//! parameters' numbers and the nesting of its parentheses are looked at here, on tokens, so that
//! nothing which walks the statement later can exhaust the stack.

use crate::error::{Error, Result, SqlError};

/// The longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// How deep parentheses, CASE and subqueries may nest.
pub const NESTING_MAX: usize = 100;

/// The greatest number of a parameter.
pub const PARAMETER_MAX: usize = 32_766;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes, `"a"`, `[a]` or `` `a` ``; SQLite lets a text in single quotes be one, too.
    Quoted,
    /// `'text'`
    Text,
    /// A number.
    Number,
    /// `X'0102'`
    Blob,
    /// `?`, `?1`, `:name`
    Parameter,
    /// Anything else: one character of an operator, a comma, a parenthesis.
    Sign,
}

/// A token and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub start: usize,
    /// Whether it lacks its closing quote.
    pub is_open: bool,
}

impl<'a> Token<'a> {
    /// Where it ends.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword.
    pub fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this sign.
    pub fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// The name that it is, without its quotes.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_owned()),
            Kind::Quoted | Kind::Text => Some(unquote(self.text)),
            Kind::Number | Kind::Blob | Kind::Parameter | Kind::Sign => None,
        }
    }
}

/// What stands between quotes, doubled ones once.
pub fn unquote(text: &str) -> String {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    match text.as_bytes().first() {
        Some(b'"') => inner.replace("\"\"", "\""),
        Some(b'\'') => inner.replace("''", "'"),
        Some(b'`') => inner.replace("``", "`"),
        _ => inner.to_owned(),
    }
}

/// The tokens of a text, comments and space left out.
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Whether the text ends within a comment.
    is_in_comment: bool,
}

/// The tokens of a text.
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0, is_in_comment: false }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let rest = &self.text.as_bytes()[self.at..];
        let (kind, length, is_open) = match *rest.first()? {
            b'\'' => quoted(Kind::Text, rest, b'\''),
            quote @ (b'"' | b'`') => quoted(Kind::Quoted, rest, quote),
            b'[' => match rest.iter().position(|&byte| byte == b']') {
                Some(end) => (Kind::Quoted, end + 1, false),
                None => (Kind::Quoted, rest.len(), true),
            },
            b'x' | b'X' if rest.get(1) == Some(&b'\'') => {
                let (_, length, is_open) = quoted(Kind::Blob, &rest[1..], b'\'');
                (Kind::Blob, length + 1, is_open)
            }
            byte if is_name_start(byte) => (Kind::Word, run(rest, is_name), false),
            b'0'..=b'9' => (Kind::Number, number(rest), false),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => {
                (Kind::Number, number(rest), false)
            }
            b'?' | b':' | b'@' | b'$' | b'#' => {
                (Kind::Parameter, 1 + run(&rest[1..], is_name), false)
            }
            _ => (Kind::Sign, 1, false),
        };
        let start = self.at;
        self.at += length;
        Some(Token { kind, text: &self.text[start..self.at], start, is_open })
    }
}

impl Tokens<'_> {
    fn skip_space(&mut self) {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            self.at += match rest {
                [b'-', b'-', ..] => run(rest, |byte| byte != b'\n'),
                [b'/', b'*', ..] => match find(&rest[2..], b"*/") {
                    Some(end) => end + 4,
                    None => {
                        self.is_in_comment = true;
                        rest.len()
                    }
                },
                [byte, ..] if byte.is_ascii_whitespace() || *byte == 0x0b => 1,
                _ => return,
            };
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn run(text: &[u8], goes_on: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|&&byte| goes_on(byte)).count()
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_name(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// A quoted token: a doubled quote does not end it.
fn quoted(kind: Kind, text: &[u8], quote: u8) -> (Kind, usize, bool) {
    let mut at = 1;
    loop {
        match text[at..].iter().position(|&byte| byte == quote) {
            None => return (kind, text.len(), true),
            Some(end) if text.get(at + end + 1) == Some(&quote) => at += end + 2,
            Some(end) => return (kind, at + end + 1, false),
        }
    }
}

fn number(text: &[u8]) -> usize {
    if matches!(text, [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit()) {
        return 2 + run(&text[2..], |byte| byte.is_ascii_hexdigit());
    }
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let mut at = run(text, is_digit);
    if text.get(at) == Some(&b'.') {
        at += 1 + run(&text[at + 1..], is_digit);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let digits = run(&text[(at + 1 + sign).min(text.len())..], is_digit);
        at += if digits > 0 { 1 + sign + digits } else { 0 };
    }
    // What follows at once belongs to it, and makes it no number.
    at + run(&text[at..], is_name)
}

/// Where one stands in a text that may define triggers, whose statements end in semicolons too.
#[derive(Clone, Copy, PartialEq)]
enum Stand {
    /// Between statements.
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

/// Whether a text ends where a statement does: SQLite's `sqlite3_complete`.
pub fn is_complete(text: &str) -> bool {
    let mut stand = Stand::Start;
    let mut tokens = tokens(text);
    let mut is_open = false;
    for token in tokens.by_ref() {
        stand = stand.after(&token);
        is_open = token.is_open;
    }
    stand == Stand::Start && !is_open && !tokens.is_in_comment
}

/// The first statement of a text and what follows it; `None` if there is none.
pub fn split_statement(text: &str) -> Option<(&str, &str)> {
    let mut stand = Stand::Start;
    let mut start = None;
    for token in tokens(text) {
        stand = stand.after(&token);
        if stand == Stand::Start {
            if let Some(start) = start {
                return Some((&text[start..token.start], &text[token.end()..]));
            }
        } else if start.is_none() {
            start = Some(token.start);
        }
    }
    start.map(|start| (&text[start..], ""))
}

/// Whether a statement defines a view or a trigger, which is kept as its text.
pub fn is_kept_as_text(statement: &str) -> bool {
    let mut all = tokens(statement);
    let is_create = all.next().is_some_and(|token| token.is("CREATE"));
    let mut behind = all.skip_while(|token| token.is("TEMP") || token.is("TEMPORARY"));
    is_create && behind.next().is_some_and(|token| token.is("VIEW") || token.is("TRIGGER"))
}

/// Looks whether a statement is within bounds; how much of a stack it may take, in levels: what nests
/// and what operators chain, at the most.
///
/// # Errors
/// [`Error::Sql`] if it is not, or holds what is no token.
pub fn check_limits(statement: &str) -> Result<usize> {
    let limit = |what: &str| Err(Error::from(SqlError::Limit { what: what.to_owned() }));
    let operators = ["AND", "OR", "NOT", "IS", "LIKE", "COLLATE", "UNION", "EXCEPT", "INTERSECT"];
    let (mut deepest, mut chained) = (0, 0_usize);
    if statement.len() > STATEMENT_BYTES_MAX {
        return limit("statement too long");
    }
    let mut depth = 0_usize;
    for token in tokens(statement) {
        if token.is_open {
            return Err(SqlError::Token { text: token.text.to_owned() }.into());
        }
        if token.is_sign("(") || token.is("CASE") {
            depth += 1;
        } else if token.is_sign(")") || token.is("END") {
            depth = depth.saturating_sub(1);
        }
        deepest = deepest.max(depth);
        let is_operator = token.kind == Kind::Sign && "+-*/%|&~<>=".contains(token.text);
        chained += usize::from(is_operator || operators.iter().any(|word| token.is(word)));
        if depth > NESTING_MAX {
            return limit("statement nests too deep");
        }
        let number = token.text.strip_prefix('?').and_then(|number| number.parse::<usize>().ok());
        if token.kind == Kind::Parameter && number.is_some_and(|n| n == 0 || n > PARAMETER_MAX) {
            return limit("variable number must be between ?1 and ?32766");
        }
    }
    Ok(2 * deepest + chained)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_one_statement() {
        let text =
            "CREATE TEMP TRIGGER a BEFORE DELETE ON t BEGIN SELECT ';'; SELECT 2; END; SELECT 1";
        let (first, rest) = split_statement(text).unwrap();
        assert!(first.ends_with("END"), "{first}");
        assert_eq!(rest, " SELECT 1");
        assert!(!is_complete(text) && is_complete(&text[..text.len() - " SELECT 1".len()]));
    }

    #[test]
    fn comments_and_quotes_hide_semicolons() {
        assert!(!is_complete("SELECT ';' -- ;"));
        assert!(!is_complete("SELECT 1; /* ;"));
        assert!(is_complete("SELECT 'it''s', \"a;\", [b;];"));
        assert_eq!(split_statement(" ; ; -- no\n"), None);
    }

    #[test]
    fn nesting_is_counted_before_anything_is_parsed() {
        let nested = |depth: usize| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(check_limits(&nested(NESTING_MAX)).is_ok());
        assert!(check_limits(&nested(NESTING_MAX + 1)).is_err());
    }
}
