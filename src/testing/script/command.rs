//! What a line of a script asks for.

use super::definition::{column, index, table};
use super::lexer::Token;
use super::parser::{Parsed, Parser};
use crate::catalog::Table;
use crate::database::{
    Control, Delete, Enforcement, Insert, OnConflict, RowValues, Selector, Statement, Update,
    Upsert,
};
use crate::id::RowId;
use crate::query::Select;
use crate::testing::Operation;
use crate::value::{Key, Value};

/// A line that has been read.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// Whatever changes the database, or may.
    Operation(Operation),
    /// `plan`: what a statement would do.
    Plan(Statement),
    /// `select`.
    Select(Select),
    /// `rows`: of one table, or of all.
    Rows(Option<String>),
    /// `print`: a table as CREATE TABLE.
    Print(String),
    /// `check`: what dangles.
    Check,
    /// `outstanding`: deferred violations.
    Outstanding,
    /// `changes`: SQLite's three counters.
    Changes,
    /// `record on|off`: of what is let pass.
    Record(bool),
    /// `let-pass`: what was.
    LetPass,
    /// `chain`: a table of this many rows, each referencing the one before it.
    Chain { table: Table, rows: i64 },
    /// `fork`: a second database, for lines that begin with `fork:`.
    Fork,
    /// `new`: a new database.
    New,
    /// `depth-limit`: a new database with this limit.
    DepthLimit(Option<usize>),
}

/// Reads a line.
pub(super) fn parse(line: &str) -> Parsed<Command> {
    let mut parser = Parser::new(line)?;
    let command = command(&mut parser)?;
    parser.expect_end()?;
    Ok(command)
}

fn command(parser: &mut Parser) -> Parsed<Command> {
    let word = parser.name()?;
    let operation = match word.as_str() {
        "plan" => return Ok(Command::Plan(plan(parser)?)),
        "select" => return Ok(Command::Select(select(parser)?)),
        "rows" if parser.is_at_end() => return Ok(Command::Rows(None)),
        "rows" => return Ok(Command::Rows(Some(parser.name()?))),
        "print" => return Ok(Command::Print(parser.name()?)),
        "check" => return Ok(Command::Check),
        "outstanding" => return Ok(Command::Outstanding),
        "changes" => return Ok(Command::Changes),
        "record" => return Ok(Command::Record(switch(parser)?)),
        "let-pass" => return Ok(Command::LetPass),
        "new" => return Ok(Command::New),
        "fork" => return Ok(Command::Fork),
        "chain" => return chain(parser),
        "depth-limit" => return depth_limit(parser),
        "begin" => Operation::Control(Control::Begin),
        "commit" => Operation::Control(Control::Commit),
        "rollback" => Operation::Control(Control::Rollback),
        "savepoint" => Operation::Control(Control::Savepoint(parser.name()?)),
        "release" => Operation::Control(Control::Release(parser.name()?)),
        "rollback-to" => Operation::Control(Control::RollbackTo(parser.name()?)),
        "enforce" => Operation::SetEnforcement(match switch(parser)? {
            true => Enforcement::On,
            false => Enforcement::Off,
        }),
        "defer-all" => Operation::SetDeferAll(switch(parser)?),
        "table" => Operation::CreateTable(table(parser)?),
        "drop" => Operation::DropTable(parser.name()?),
        "rename-table" => Operation::RenameTable { table: parser.name()?, to: parser.name()? },
        "rename-column" => Operation::RenameColumn {
            table: parser.name()?,
            column: parser.name()?,
            to: parser.name()?,
        },
        "add-column" => Operation::AddColumn { table: parser.name()?, column: column(parser)? },
        "drop-column" => Operation::DropColumn { table: parser.name()?, column: parser.name()? },
        "index" => Operation::CreateIndex(index(parser)?),
        "unique-index" => Operation::CreateIndex(index(parser)?.unique()),
        "drop-index" => Operation::DropIndex(parser.name()?),
        other => Operation::Statement(statement(other, parser)?),
    };
    Ok(Command::Operation(operation))
}

fn plan(parser: &mut Parser) -> Parsed<Statement> {
    let word = parser.name()?;
    statement(&word, parser)
}

fn statement(word: &str, parser: &mut Parser) -> Parsed<Statement> {
    Ok(match word {
        "insert" => insert(parser, OnConflict::Abort)?.into(),
        "insert-or-ignore" => insert(parser, OnConflict::Ignore)?.into(),
        "replace" => insert(parser, OnConflict::Replace)?.into(),
        "upsert" => upsert(parser)?.into(),
        "update" => update(parser, OnConflict::Abort)?.into(),
        "update-or-ignore" => update(parser, OnConflict::Ignore)?.into(),
        "update-or-replace" => update(parser, OnConflict::Replace)?.into(),
        "delete" => {
            let delete = Delete::from(parser.name()?);
            delete.filter(selector(parser)?).into()
        }
        other => return Err(format!("there is no command {other:?}")),
    })
}

/// `table value … / value …`, or `table column = value … / column = value …`.
fn insert(parser: &mut Parser, on_conflict: OnConflict) -> Parsed<Insert> {
    let mut insert = Insert::into(parser.name()?).row(row(parser)?);
    while parser.take_sign("/") {
        insert = insert.row(row(parser)?);
    }
    Ok(insert.on_conflict(on_conflict))
}

fn row(parser: &mut Parser) -> Parsed<RowValues> {
    let mut positional = Vec::new();
    while let Some(value) = parser.value() {
        positional.push(value);
    }
    if !positional.is_empty() {
        return Ok(RowValues::Positional(positional));
    }
    let mut named = Vec::new();
    while matches!(parser.peek(), Some(Token::Word(word)) if word != "on")
        || matches!(parser.peek(), Some(Token::Quoted(_)))
    {
        let name = parser.name()?;
        parser.expect_sign("=")?;
        named.push((name, parser.value().ok_or("a value is due")?));
    }
    match named.is_empty() {
        true => Err("a row has no values".to_owned()),
        false => Ok(RowValues::Named(named)),
    }
}

/// `… on any` or `… on (column, …)`, then perhaps `set …` and `where …`.
fn upsert(parser: &mut Parser) -> Parsed<Insert> {
    let insert = insert(parser, OnConflict::Abort)?;
    parser.expect("on")?;
    let mut upsert = if parser.take("any") { Upsert::any() } else { Upsert::on(parser.names()?) };
    if parser.take("set") {
        for (column, value) in assignments(parser)? {
            upsert = upsert.set(column, value);
        }
    }
    if parser.take("where") {
        upsert = upsert.filter(parser.expression()?);
    }
    Ok(insert.on_conflict(OnConflict::Upsert(upsert)))
}

fn update(parser: &mut Parser, on_conflict: OnConflict) -> Parsed<Update> {
    let mut update = Update::of(parser.name()?);
    let by_key = selector(parser)?;
    parser.expect("set")?;
    for (column, value) in assignments(parser)? {
        update = update.set(column, value);
    }
    let selector = if by_key == Selector::All { selector(parser)? } else { by_key };
    Ok(update.filter(selector).on_conflict(on_conflict))
}

type Assignments = Vec<(String, crate::expression::Expression)>;

fn assignments(parser: &mut Parser) -> Parsed<Assignments> {
    let mut assignments = Vec::new();
    loop {
        let column = parser.name()?;
        parser.expect_sign("=")?;
        assignments.push((column, parser.expression()?));
        if !parser.take_sign(",") {
            return Ok(assignments);
        }
    }
}

/// A key, `rowid` and a number, `where` and a predicate, or nothing, which is all rows.
fn selector(parser: &mut Parser) -> Parsed<Selector> {
    if parser.take("where") {
        return Ok(parser.expression()?.into());
    }
    if parser.take("rowid") {
        return match parser.value() {
            Some(Value::Integer(id)) => Ok(RowId(id).into()),
            other => Err(format!("a row id is due instead of {other:?}")),
        };
    }
    let mut key = Vec::new();
    while let Some(value) = parser.value() {
        key.push(value);
    }
    Ok(if key.is_empty() { Selector::All } else { Key::from(key).into() })
}

/// `* from table …` or `a, b from table …`, then perhaps `order by`, `limit`, `offset`.
fn select(parser: &mut Parser) -> Parsed<Select> {
    let mut columns = Vec::new();
    if !parser.take_sign("*") {
        columns.push(parser.name()?);
        while parser.take_sign(",") {
            columns.push(parser.name()?);
        }
    }
    parser.expect("from")?;
    let mut select = Select::from(parser.name()?).columns(columns).filter(selector(parser)?);
    if parser.take("order by") {
        loop {
            let column = parser.name()?;
            select = match parser.take("desc") {
                true => select.order_by_descending(column),
                false => select.order_by(column),
            };
            if !parser.take_sign(",") {
                break;
            }
        }
    }
    if parser.take("limit") {
        select = select.limit(count(parser)?);
    }
    if parser.take("offset") {
        select = select.offset(count(parser)?);
    }
    Ok(select)
}

/// `rows table (…)`: the first two columns are a row's number and the row before it.
fn chain(parser: &mut Parser) -> Parsed<Command> {
    let rows = count(parser)?;
    Ok(Command::Chain { table: table(parser)?, rows })
}

fn depth_limit(parser: &mut Parser) -> Parsed<Command> {
    let limit = if parser.take("none") { None } else { Some(count(parser)? as usize) };
    Ok(Command::DepthLimit(limit))
}

fn count(parser: &mut Parser) -> Parsed<i64> {
    match parser.value() {
        Some(Value::Integer(count)) if count >= 0 => Ok(count),
        other => Err(format!("a count is due instead of {other:?}")),
    }
}

fn switch(parser: &mut Parser) -> Parsed<bool> {
    if parser.take("on") {
        return Ok(true);
    }
    parser.expect("off").map(|()| false)
}
