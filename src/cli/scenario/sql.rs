//! The text of a scenario's `sql` steps: `:name` becomes `?`, and values go by position.

use crate::session::Scalar;
use crate::session::statement::Text;
use crate::value::Value;

/// A text with its parameters by position; or the name of the one that has no value.
pub(super) fn read_sql(
    text: &str,
    params: &[(String, Scalar)],
) -> Result<(Text, Vec<Value>), String> {
    let mut sql = String::with_capacity(text.len());
    let mut values = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let name = &after[..after.find(|it| !is_word(it)).unwrap_or(after.len())];
        if let Some(before) = before.strip_suffix('\\') {
            sql.push_str(before);
            sql.push(':');
        } else if name.is_empty() || stands_apart(before, &after[name.len()..]) {
            sql.push_str(&rest[..=at]);
        } else {
            let param = params.iter().find(|(known, _)| known == name);
            values.push(param.ok_or_else(|| name.to_owned())?.1.to_value());
            sql.push_str(before);
            sql.push('?');
            rest = &after[name.len()..];
            continue;
        }
        rest = after;
    }
    sql.push_str(rest);
    Ok((Text { sql }, values))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a colon between these is no parameter's: that of a time of day, or of `::`.
fn stands_apart(before: &str, after: &str) -> bool {
    before.ends_with(|it: char| is_word(it) || it == ':') || after.starts_with(':')
}
