//! Tables, columns and indexes as a script defines them.

use super::lexer::Token;
use super::parser::{Parsed, Parser};
use crate::catalog::{
    Column, ConstraintMode, ForeignKey, Index, IndexColumn, MatchType, ReferentialAction, Table,
};
use crate::value::DataType;

/// `name (column, …, constraint, …)`.
pub(super) fn table(parser: &mut Parser) -> Parsed<Table> {
    let mut table = Table::new(parser.name()?);
    parser.expect_sign("(")?;
    let mut is_first = true;
    while !parser.take_sign(")") {
        if !std::mem::take(&mut is_first) {
            parser.expect_sign(",")?;
        }
        table = table_item(parser, table)?;
    }
    Ok(table)
}

fn table_item(parser: &mut Parser, table: Table) -> Parsed<Table> {
    if parser.take("primary key") {
        return Ok(table.primary_key(parser.names()?));
    }
    if parser.take("unique") {
        return Ok(table.unique(parser.names()?));
    }
    if parser.take("check") {
        return Ok(table.check(parenthesized(parser)?));
    }
    let name = if parser.take("constraint") { Some(parser.name()?) } else { None };
    if !parser.take("foreign key") {
        return Ok(table.column(column(parser)?));
    }
    let columns = parser.names()?;
    parser.expect("references")?;
    let referenced = parser.name()?;
    let key = match parser.peek() {
        Some(Token::Sign("(")) => ForeignKey::new(columns, referenced, parser.names()?),
        _ => ForeignKey::to_key(columns, referenced),
    };
    let key = name.into_iter().fold(key, |key, name| key.named(name));
    let key = options(parser)?.into_iter().fold(key, |key, option| match option {
        KeyOption::OnDelete(action) => key.on_delete(action),
        KeyOption::OnUpdate(action) => key.on_update(action),
        KeyOption::Match(word) => key.match_type(word),
        KeyOption::Mode(mode) => key.mode(mode),
    });
    Ok(table.foreign_key(key))
}

/// `name type constraint …`.
pub(super) fn column(parser: &mut Parser) -> Parsed<Column> {
    let name = parser.name()?;
    let data_type = parser.data_type().unwrap_or(DataType::Any);
    let mut column = Column::new(name, data_type);
    loop {
        column = if parser.take("primary key") {
            column.primary_key()
        } else if parser.take("not null") {
            column.not_null()
        } else if parser.take("unique") {
            column.unique()
        } else if parser.take("default") {
            match parser.value() {
                Some(value) => column.default(value),
                None => column.default(parenthesized(parser)?),
            }
        } else if parser.take("collate") {
            column.collate(parser.collation()?)
        } else if parser.take("check") {
            column.check(parenthesized(parser)?)
        } else if parser.is_word("constraint") || parser.is_word("references") {
            references(parser, column)?
        } else {
            return Ok(column);
        }
    }
}

fn references(parser: &mut Parser, column: Column) -> Parsed<Column> {
    let name = if parser.take("constraint") { Some(parser.name()?) } else { None };
    parser.expect("references")?;
    let table = parser.name()?;
    let column = match parser.peek() {
        Some(Token::Sign("(")) => match <[String; 1]>::try_from(parser.names()?) {
            Ok([referenced]) => column.references(table, referenced),
            Err(_) => return Err("a column references one column".to_owned()),
        },
        _ => column.references_key(table),
    };
    let column = name.into_iter().fold(column, |column, name| column.constraint(name));
    Ok(options(parser)?.into_iter().fold(column, |column, option| match option {
        KeyOption::OnDelete(action) => column.on_delete(action),
        KeyOption::OnUpdate(action) => column.on_update(action),
        KeyOption::Match(word) => column.match_type(word),
        KeyOption::Mode(mode) => column.mode(mode),
    }))
}

fn parenthesized(parser: &mut Parser) -> Parsed<crate::expression::Expression> {
    parser.expect_sign("(")?;
    let inner = parser.expression()?;
    parser.expect_sign(")")?;
    Ok(inner)
}

/// What may follow the referenced columns, in any order.
enum KeyOption {
    OnDelete(ReferentialAction),
    OnUpdate(ReferentialAction),
    Match(MatchType),
    Mode(ConstraintMode),
}

fn options(parser: &mut Parser) -> Parsed<Vec<KeyOption>> {
    let mut options = Vec::new();
    loop {
        options.push(if parser.take("on delete") {
            KeyOption::OnDelete(action(parser)?)
        } else if parser.take("on update") {
            KeyOption::OnUpdate(action(parser)?)
        } else if parser.take("match full") {
            KeyOption::Match(MatchType::Full)
        } else if parser.take("match partial") {
            KeyOption::Match(MatchType::Partial)
        } else if parser.take("match simple") {
            KeyOption::Match(MatchType::Simple)
        } else if parser.take("deferred") || parser.take("deferrable initially deferred") {
            KeyOption::Mode(ConstraintMode::DeferrableInitiallyDeferred)
        } else if parser.take("deferrable") {
            KeyOption::Mode(ConstraintMode::DeferrableInitiallyImmediate)
        } else {
            return Ok(options);
        });
    }
}

fn action(parser: &mut Parser) -> Parsed<ReferentialAction> {
    let mut actions = ReferentialAction::ALL.into_iter();
    let found = actions.find(|action| parser.take(&action.to_string()));
    found.ok_or_else(|| format!("an action is due before {:?}", parser.peek()))
}

/// `name on table (column [collate …] [desc], …) [where …]`.
pub(super) fn index(parser: &mut Parser) -> Parsed<Index> {
    let name = parser.name()?;
    parser.expect("on")?;
    let table = parser.name()?;
    let index = Index::new(name, table, parser.list(index_column)?);
    match parser.take("where") {
        true => Ok(index.filter(parser.expression()?)),
        false => Ok(index),
    }
}

fn index_column(parser: &mut Parser) -> Parsed<IndexColumn> {
    let mut column = IndexColumn::new(parser.name()?);
    if parser.take("collate") {
        column = column.collate(parser.collation()?);
    }
    Ok(if parser.take("desc") { column.descending() } else { column })
}
