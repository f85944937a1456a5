//! ORDER BY and LIMIT behind UPDATE and DELETE, which the parser crate does not read.
//!
//! They are cut off and read as those of a query: a statement ends with them.

use super::outline::{ParameterNames, number_parameter};
use super::tokens::{Kind, Token, tokens};
use super::{Adapter, refusal, refuse};
use crate::error::Result;
use crate::sql::syntax::Limited;
use turso_parser::ast::{Cmd, Select as ForeignSelect, Stmt};
use turso_parser::parser::Parser;

/// An UPDATE or DELETE without its ORDER BY and LIMIT, and a query that has them; `None` if it has
/// none.
///
/// # Errors
/// If they cannot be read, or there is no LIMIT.
pub(super) fn split(text: &str) -> Result<Option<(&str, ForeignSelect)>> {
    let Some((word, start)) = find(text) else { return Ok(None) };
    let source = format!("SELECT 1 {}", with_numbers(text, start)?);
    let command = Parser::new(source.as_bytes()).next_cmd();
    match command.map_err(|error| refusal(&error, &source))? {
        Some(Cmd::Stmt(Stmt::Select(query))) if query.limit.is_some() => {
            Ok(Some((&text[..start], query)))
        }
        _ => refuse(format!("ORDER BY without LIMIT on {word}")),
    }
}

/// Where they begin, and what they limit.
fn find(text: &str) -> Option<(&'static str, usize)> {
    let mut depth = 0_usize;
    let outermost = tokens(text).filter(|token| {
        depth += usize::from(token.is_sign("("));
        let is_outermost = depth == 0;
        depth = depth.saturating_sub(usize::from(token.is_sign(")")));
        is_outermost
    });
    let begins = |token: &Token<'_>| {
        let words = ["UPDATE", "DELETE", "SELECT", "VALUES", "INSERT", "REPLACE", "CREATE"];
        words.into_iter().find(|word| token.is(word))
    };
    let mut outermost = outermost.skip_while(|token| begins(token).is_none());
    let word = begins(&outermost.next()?).filter(|word| ["UPDATE", "DELETE"].contains(word))?;
    let tail = outermost.find(|token| token.is("ORDER") || token.is("LIMIT"))?;
    Some((word, tail.start))
}

/// The text from a place on, its parameters by the numbers that they have in the whole.
fn with_numbers(text: &str, start: usize) -> Result<String> {
    let (mut names, mut numbered, mut copied) = (ParameterNames::default(), String::new(), start);
    for token in tokens(text).filter(|token| token.kind == Kind::Parameter) {
        let number = number_parameter(&mut names, token.text)?;
        if token.start >= start {
            numbered.push_str(&text[copied..token.start]);
            numbered.push_str(&format!("?{number}"));
            copied = token.end();
        }
    }
    Ok(numbered + &text[copied..])
}

impl Adapter<'_> {
    /// What limits the statement.
    pub(super) fn limited(&self) -> Result<Option<Limited>> {
        let Some(query) = &self.limited else { return Ok(None) };
        let Some(limit) = &query.limit else { return Ok(None) };
        Ok(Some(Limited {
            order: query.order_by.iter().map(|order| self.order(order)).collect::<Result<_>>()?,
            limit: self.expression(&limit.expr)?,
            offset: self.filter(limit.offset.as_deref())?,
        }))
    }
}
