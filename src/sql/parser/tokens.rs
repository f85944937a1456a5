//! The words of a text: where each begins and ends.

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
    /// Whether the text has turned out to end within a comment.
    pub fn is_in_comment(&self) -> bool {
        self.is_in_comment
    }

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
