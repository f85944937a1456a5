//! The text of a scenario's `sql` steps: parameters by position, and what the statement means to a
//! backend that reads no SQL.
//!
//! Four forms are understood, each for one table: DELETE and UPDATE with `column = :name` joined by
//! AND, INSERT of one row, and SELECT of columns with an order.

use crate::database::{Delete, Insert, RowValues, Selector, Update};
use crate::expression::{Expression, col, lit};
use crate::query::Select;
use crate::session::Scalar;
use crate::session::statement::{Meaning, Text};
use crate::value::Value;

/// A text with its parameters by position; or the name of the one that has no value.
pub(super) fn read_sql(
    text: &str,
    params: &[(String, Scalar)],
) -> Result<(Text, Vec<Value>), String> {
    let tokens = tokens(text);
    let mut values = Vec::new();
    for token in &tokens {
        if let Token::Parameter(name) = token {
            let param = params.iter().find(|(known, _)| known == name);
            values.push(param.ok_or_else(|| (*name).to_owned())?.1.to_value());
        }
    }
    let mut statement = Reader { tokens: &tokens, values: values.iter() };
    let meaning = statement
        .meaning()
        .unwrap_or_else(|| Meaning::Refused("this form of statement is not understood".to_owned()));
    Ok((Text { sql: by_position(text), meaning }, values))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Parameter(&'t str),
    Mark(char),
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_parameter = first == ':' && rest[1..].starts_with(is_word);
        let start = usize::from(is_parameter);
        let length = rest[start..].find(|it| !is_word(it)).unwrap_or(rest.len() - start);
        let end = if length == 0 { first.len_utf8() } else { start + length };
        tokens.push(match (is_parameter, length) {
            (true, _) => Token::Parameter(&rest[1..end]),
            (false, 0) => Token::Mark(first),
            (false, _) => Token::Word(&rest[..end]),
        });
        rest = rest[end..].trim_start();
    }
    tokens
}

/// `:name` becomes `?`.
fn by_position(text: &str) -> String {
    let mut sql = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let name = rest[at + 1..].find(|it| !is_word(it)).unwrap_or(rest.len() - at - 1);
        sql.push_str(&rest[..at]);
        sql.push_str(if name == 0 { ":" } else { "?" });
        rest = &rest[at + 1 + name..];
    }
    sql + rest
}

struct Reader<'r, 't> {
    tokens: &'r [Token<'t>],
    values: std::slice::Iter<'r, Value>,
}

impl<'t> Reader<'_, 't> {
    fn meaning(&mut self) -> Option<Meaning> {
        let meaning = if self.takes("delete") {
            self.takes("from").then_some(())?;
            let table = self.word()?;
            Meaning::Statement(Delete::from(table).filter(self.filter()?).into())
        } else if self.takes("update") {
            self.update()?
        } else if self.takes("insert") {
            self.insert()?
        } else if self.takes("select") {
            self.select()?
        } else {
            return None;
        };
        self.tokens.is_empty().then_some(meaning)
    }

    fn update(&mut self) -> Option<Meaning> {
        let mut update = Update::of(self.word()?);
        self.takes("set").then_some(())?;
        loop {
            let column = self.word()?;
            self.mark('=')?;
            update = update.set(column, lit(self.parameter()?));
            if self.mark(',').is_none() {
                break;
            }
        }
        Some(Meaning::Statement(update.filter(self.filter()?).into()))
    }

    fn insert(&mut self) -> Option<Meaning> {
        self.takes("into").then_some(())?;
        let table = self.word()?;
        let columns = self.in_parentheses(Self::word)?;
        self.takes("values").then_some(())?;
        let values = self.in_parentheses(Self::parameter)?;
        if columns.len() != values.len() {
            return None;
        }
        let named = columns.into_iter().map(str::to_owned).zip(values).collect();
        Some(Meaning::Statement(Insert::into(table).row(RowValues::Named(named)).into()))
    }

    fn select(&mut self) -> Option<Meaning> {
        let columns = self.listed(Self::word)?;
        self.takes("from").then_some(())?;
        let mut select = Select::from(self.word()?).columns(columns).filter(self.filter()?);
        if self.takes("order") {
            self.takes("by").then_some(())?;
            for column in self.listed(Self::word)? {
                select = select.order_by(column);
            }
        }
        Some(Meaning::Query(select))
    }

    /// WHERE, if there is one.
    fn filter(&mut self) -> Option<Selector> {
        if !self.takes("where") {
            return Some(Selector::All);
        }
        let mut predicate: Option<Expression> = None;
        loop {
            let column = col(self.word()?);
            self.mark('=')?;
            let term = column.eq(lit(self.parameter()?));
            predicate = Some(match predicate {
                Some(before) => before.and(term),
                None => term,
            });
            if !self.takes("and") {
                return predicate.map(Selector::Filter);
            }
        }
    }

    fn in_parentheses<T>(&mut self, member: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.mark('(')?;
        let members = self.listed(member)?;
        self.mark(')')?;
        Some(members)
    }

    fn listed<T>(&mut self, member: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut members = vec![member(self)?];
        while self.mark(',').is_some() {
            members.push(member(self)?);
        }
        Some(members)
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let matches = matches!(self.tokens.first(),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        if matches {
            self.tokens = &self.tokens[1..];
        }
        matches
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        if self.tokens.first() != Some(&Token::Mark(mark)) {
            return None;
        }
        self.tokens = &self.tokens[1..];
        Some(())
    }

    fn word(&mut self) -> Option<&'t str> {
        match self.next()? {
            Token::Word(word) => Some(word),
            Token::Parameter(_) | Token::Mark(_) => None,
        }
    }

    fn parameter(&mut self) -> Option<Value> {
        match self.next()? {
            Token::Parameter(_) => self.values.next().cloned(),
            Token::Word(_) | Token::Mark(_) => None,
        }
    }
}
