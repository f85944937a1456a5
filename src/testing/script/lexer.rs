//! A script's line as tokens: words, names in double quotes, literals as SQL writes them, and signs.

use crate::value::Value;

/// One token of a line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A bare word: a keyword or a name.
    Word(String),
    /// A name in double quotes, which is never a keyword.
    Quoted(String),
    /// A number, a text in single quotes or a blob (`x'00ff'`).
    Literal(Value),
    /// `(`, `,`, `=`, `<=` and the like.
    Sign(&'static str),
}

const SIGNS: [&str; 16] =
    ["||", "<=", ">=", "<>", "!=", "(", ")", ",", "=", "<", ">", "+", "-", "*", "/", "%"];

/// Splits a line into tokens.
pub(super) fn tokenize(line: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '\'' => {
                let (text, after) = quoted(rest, '\'')?;
                (Token::Literal(text.into()), after)
            }
            '"' => {
                let (name, after) = quoted(rest, '"')?;
                (Token::Quoted(name), after)
            }
            'x' | 'X' if rest[1..].starts_with('\'') => blob(rest)?,
            '0'..='9' => number(rest)?,
            _ if first.is_alphabetic() || first == '_' => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), &rest[end..])
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| format!("nothing starts with {first:?}"))?;
                (Token::Sign(sign), &rest[sign.len()..])
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// Letters, digits, and what joins them: `insert-or-ignore`, `hero.name`.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The content of a quoted token, in which a doubled quote stands for one, and the rest.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut content = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find(quote).ok_or_else(|| format!("no {quote} closes {text}"))?;
        content.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                content.push(quote);
                rest = after;
            }
            None => return Ok((content, rest)),
        }
    }
}

fn blob(text: &str) -> Result<(Token, &str), String> {
    let (digits, after) = quoted(&text[1..], '\'')?;
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
    let bytes = bytes.ok_or_else(|| format!("x'{digits}' is not pairs of hex digits"))?;
    Ok((Token::Literal(bytes.into()), after))
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let is_exponent = |at: usize| matches!(text.as_bytes()[at - 1], b'e' | b'E');
    let end = text
        .char_indices()
        .find(|&(at, c)| {
            !(c.is_ascii_alphanumeric() || c == '.' || (c == '-' && at > 0 && is_exponent(at)))
        })
        .map_or(text.len(), |(at, _)| at);
    let (digits, after) = text.split_at(end);
    let value = match (digits.parse::<i64>(), digits.parse::<f64>()) {
        (Ok(integer), _) => Value::from(integer),
        (Err(_), Ok(real)) => Value::from(real),
        (Err(_), Err(_)) => return Err(format!("{digits} is no number")),
    };
    Ok((Token::Literal(value), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_words_names_literals_and_signs() {
        let tokens = tokenize("insert-or-ignore \"a b\" -1 'it''s' x'0A' 1e-3>=c").unwrap();
        let expected = [
            Token::Word("insert-or-ignore".into()),
            Token::Quoted("a b".into()),
            Token::Sign("-"),
            Token::Literal(1.into()),
            Token::Literal("it's".into()),
            Token::Literal(vec![10].into()),
            Token::Literal(0.001.into()),
            Token::Sign(">="),
            Token::Word("c".into()),
        ];
        assert_eq!(tokens, expected);
        assert!(tokenize("'open").is_err());
        assert!(tokenize("1x").is_err());
        assert!(tokenize("?").is_err());
    }
}
