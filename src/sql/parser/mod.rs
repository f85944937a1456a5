//! The parser crate, and the only folder that knows it: its trees go no further than here.
//!
//! A statement's text is bounded first (`outline`), then parsed by the crate, and its tree is turned
//! into ours: expressions and queries into those that the engine runs, the rest into `syntax`. Names
//! stay names, with two exceptions that only the catalogue can decide, so that it is asked through
//! [`Names`]: what a FROM reads may be a view, or a table that is made up.
//!
//! The crate reads `REFERENCES t NOT NULL` as the beginning of NOT DEFERRABLE, and lacks some idle
//! words that SQLite takes. [`cure`] rewrites a definition so that it can be read.

mod definition;
mod expression;
mod limited;
mod outline;
mod query;
mod statement;
mod tokens;

pub use expression::literal;
pub use outline::{Outline, is_complete, outline, split_statement};
pub use tokens::{Kind, Token, tokens};

use super::syntax::{CommonTable, QualifiedName, Statement, TableHead};
use crate::error::{Error, Result, SqlError};
use crate::expression::Expression;
use crate::query::Source;
use crate::value::Collation;
use std::cell::{Cell, RefCell};
use turso_parser::ast::{Cmd, Name, Select, Stmt};
use turso_parser::error::Error as Foreign;
use turso_parser::parser::Parser;

/// What a FROM's names stand for.
pub trait Names: Sync {
    /// The table or view of this name.
    ///
    /// # Errors
    /// If there is none.
    fn table(&self, schema: Option<&str>, name: &str) -> Result<Source>;

    /// Looks for the table or view that a statement is to change.
    ///
    /// # Errors
    /// If there is none.
    fn target(&self, name: &QualifiedName) -> Result<()>;

    /// The table that a function makes up.
    ///
    /// # Errors
    /// If there is none of this name.
    fn table_function(&self, name: &str, arguments: Vec<Expression>) -> Result<Source>;

    /// Whether nothing of what is parsed is ever run, so that collations need not be known.
    fn is_never_run(&self) -> bool;

    /// The column of OLD or NEW, in a trigger.
    fn row_column(&self, table: &str, column: &str) -> Option<Expression>;
}

/// Whether there is no statement in a text.
pub fn is_empty(text: &str) -> bool {
    tokens(text).all(|token| token.is_sign(";"))
}

/// Parses the first statement of a text.
///
/// # Errors
/// [`Error::Sql`] with SQLite's own line; what `names` refuses.
pub fn parse(text: &str, names: &dyn Names) -> Result<Statement> {
    parse_outlined(&outline(text)?, names)
}

/// Parses a statement that has been looked at.
///
/// # Errors
/// As [`parse`].
pub fn parse_outlined(outline: &Outline<'_>, names: &dyn Names) -> Result<Statement> {
    let parsed = match outline.levels > LEVELS_ON_ANY_STACK {
        true => on_a_stack_of_its_own(|| parse_bounded(outline.text, names)),
        false => parse_bounded(outline.text, names),
    };
    parsed.map_err(|error| match error {
        Error::Sql(error) if *error == SqlError::Incomplete && outline.has_end => {
            SqlError::Syntax { near: ";".to_owned() }.into()
        }
        other => other,
    })
}

/// How a CREATE TABLE begins, whatever comes behind its name; `None` for anything else.
pub fn head_of_table(text: &str) -> Option<TableHead<'_>> {
    let mut all = tokens(text).peekable();
    let mut skips = |word: &str| all.next_if(|token| token.is(word)).is_some();
    let is_create = skips("CREATE");
    let is_temporary = skips("TEMP") || skips("TEMPORARY");
    if !is_create || !skips("TABLE") {
        return None;
    }
    let if_not_exists = skips("IF") && skips("NOT") && skips("EXISTS");
    let mut last = all.next()?;
    let mut schema = None;
    if all.next_if(|token| token.is_sign(".")).is_some() {
        schema = Some(last.name()?);
        last = all.next()?;
    }
    let name = QualifiedName { schema, name: last.name()? };
    let opens = all.next().is_some_and(|token| token.is_sign("(") || token.is("AS"));
    let text = &text[last.start..];
    opens.then_some(TableHead { name, is_temporary, if_not_exists, text })
}

/// The same on a stack of its own: for what is parsed in the midst of another statement.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(text: &str, names: &dyn Names) -> Result<Statement> {
    on_a_stack_of_its_own(|| parse(text, names))
}

/// How many levels are turned into ours on whatever stack there is.
const LEVELS_ON_ANY_STACK: usize = 24;

/// What the levels that are allowed take, unoptimised, and more.
const STACK_BYTES: usize = 8 << 20;

/// Runs where there is room for the levels of a statement, however little the caller has left.
fn on_a_stack_of_its_own<T: Send>(body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let builder = || std::thread::Builder::new().stack_size(STACK_BYTES);
    std::thread::scope(|scope| match builder().spawn_scoped(scope, body) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => refuse("statement nests too deep"),
    })
}

fn parse_bounded(text: &str, names: &dyn Names) -> Result<Statement> {
    let cured = cure(text);
    let source = cured.as_deref().unwrap_or(text);
    let limited = limited::split(source)?;
    let source = limited.as_ref().map_or(source, |(statement, _)| statement);
    let command = Parser::new(source.as_bytes()).next_cmd();
    let refusal = |error| misplaced_in_trigger(source).unwrap_or_else(|| refusal(&error, source));
    let command = command.map_err(refusal)?;
    let adapter = Adapter {
        names,
        text,
        common: RefCell::default(),
        around: RefCell::default(),
        depth: Cell::new(0),
        in_common: Cell::new(false),
        in_trigger: Cell::new(false),
        in_definition: Cell::new(false),
        limited: limited.map(|(_, query)| query),
    };
    match command {
        Some(Cmd::Stmt(statement)) => adapter.statement(&statement),
        Some(Cmd::Explain(_) | Cmd::ExplainQueryPlan { .. }) => unsupported("EXPLAIN"),
        None => Ok(Statement::Nothing),
    }
}

/// Turns the crate's trees into ours.
struct Adapter<'a> {
    names: &'a dyn Names,
    /// The statement as it was written.
    text: &'a str,
    /// The names that a WITH around has given to queries.
    common: RefCell<Vec<String>>,
    /// The queries of the WITH before an INSERT, UPDATE or DELETE.
    around: RefCell<Vec<CommonTable>>,
    /// How many queries stand around what is being turned.
    depth: Cell<usize>,
    /// Whether a query of a WITH is being turned.
    in_common: Cell<bool>,
    /// Whether a trigger's program is being turned.
    in_trigger: Cell<bool>,
    /// Whether a table or an index is being defined, where no query may stand: what one reads need
    /// not be there for it to be refused.
    in_definition: Cell<bool>,
    /// A query with the ORDER BY and LIMIT of an UPDATE or DELETE.
    limited: Option<Select>,
}

fn unsupported<T>(construct: &str) -> Result<T> {
    Err(SqlError::Unsupported { construct: construct.to_owned() }.into())
}

fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(SqlError::Refused { message: message.into() }.into())
}

/// A parser's error as SQLite words it.
fn refusal(error: &Foreign, source: &str) -> Error {
    match error {
        Foreign::ParseUnexpectedEOF => SqlError::Incomplete.into(),
        Foreign::ParseUnexpectedToken { token_text, offset, .. } => {
            // A parameter may be called by a digit, as `:1`.
            let is_it = |token: &Token<'_>| token.kind == Kind::Parameter && token.start == *offset;
            let found = tokens(source).find(is_it).map_or(token_text.as_str(), |token| token.text);
            SqlError::Syntax { near: found.to_owned() }.into()
        }
        Foreign::UnrecognizedToken { token_text, .. }
        | Foreign::UnterminatedLiteral { token_text, .. }
        | Foreign::UnterminatedBracket { token_text, .. }
        | Foreign::UnterminatedBlockComment { token_text, .. }
        | Foreign::ExpectedEqualsSign { token_text, .. } => {
            SqlError::Token { text: token_text.clone() }.into()
        }
        Foreign::BadNumber { offset, token_text, .. }
        | Foreign::BadFractionalPart { offset, token_text, .. }
        | Foreign::BadExponentPart { offset, token_text, .. }
        | Foreign::MalformedHexInteger { offset, token_text, .. } => {
            // The letters behind it belong to it.
            let is_it = |token: &Token<'_>| {
                token.kind == Kind::Number && (token.start..=token.end()).contains(offset)
            };
            let found = tokens(source).find(is_it);
            let text = found.map_or(token_text.as_str(), |token| token.text);
            SqlError::Token { text: text.to_owned() }.into()
        }
        other => {
            let message = other.to_string();
            let line = message.strip_prefix("Parse error: ").unwrap_or(&message);
            let line = line.strip_suffix(" in ALTER TABLE statement").unwrap_or(line);
            if let Some(option) = line.strip_prefix("unknown table option: WITHOUT ") {
                let message = format!("unknown table option: {option}");
                return SqlError::Refused { message }.into();
            }
            if line.starts_with("unsupported JOIN type")
                && let Some(words) = query::unknown_join(source)
            {
                let message = format!("unknown join type: {words}");
                return SqlError::Refused { message }.into();
            }
            match line.strip_prefix("unexpected token: ") {
                Some(token) => SqlError::Syntax { near: token.to_owned() }.into(),
                None => SqlError::Refused { message: line.to_owned() }.into(),
            }
        }
    }
}

/// What a trigger's statements may not say, though others may: the schema of the table that they
/// change, and which index is to be used.
fn misplaced_in_trigger(text: &str) -> Option<Error> {
    let all: Vec<Token<'_>> = tokens(text).collect();
    let is_trigger = |token: &Token<'_>| token.is("TRIGGER");
    let begin = all.iter().position(|token| token.is("BEGIN"))?;
    if !all.first()?.is("CREATE") || !all[..begin].iter().any(is_trigger) {
        return None;
    }
    let steps = all[begin + 1..].split(|token| token.is_sign(";"));
    let message = steps.filter_map(misplaced_in_step).next()?;
    Some(SqlError::Refused { message: format!("{message} within triggers") }.into())
}

fn misplaced_in_step(step: &[Token<'_>]) -> Option<&'static str> {
    let first = step.first()?;
    let behind = |word: &str| step.iter().position(|token| token.is(word)).map(|at| at + 1);
    let name = if first.is("INSERT") || first.is("REPLACE") {
        behind("INTO")?
    } else if first.is("DELETE") {
        behind("FROM")?
    } else if first.is("UPDATE") {
        if step.get(1)?.is("OR") { 3 } else { 1 }
    } else {
        return None;
    };
    let next = step.get(name + 1)?;
    if next.is_sign(".") {
        Some("qualified table names are not allowed on INSERT, UPDATE, and DELETE statements")
    } else if next.is("INDEXED") {
        Some("the INDEXED BY clause is not allowed on UPDATE or DELETE statements")
    } else if next.is("NOT") && step.get(name + 2)?.is("INDEXED") {
        Some("the NOT INDEXED clause is not allowed on UPDATE or DELETE statements")
    } else {
        None
    }
}

/// The most columns of a table, an index or a SET.
const COLUMNS_MAX: usize = 2_000;

/// The most arguments of a function.
const ARGUMENTS_MAX: usize = 1_000;

/// Refuses what is more than SQLite takes.
fn at_most(max: usize, count: usize, what: &str) -> Result<()> {
    match count > max {
        true => Err(SqlError::Limit { what: format!("too many {what}") }.into()),
        false => Ok(()),
    }
}

/// The text of a definition as the crate can read it, where SQLite reads more; `None` if it can be
/// left as it is.
///
/// A NOT NULL behind REFERENCES gets a constraint's name before it. A constraint's name without a
/// constraint, and the ON CONFLICT of a CHECK, mean nothing and go.
fn cure(text: &str) -> Option<String> {
    let is_definition = |token: Token<'_>| token.is("CREATE") || token.is("ALTER");
    if !tokens(text).next().is_some_and(is_definition) {
        return None;
    }
    let all: Vec<Token<'_>> = tokens(text).collect();
    if !all.iter().any(|token| token.is("TABLE")) {
        return None;
    }
    let mut cured = String::new();
    let (mut copied, mut depth, mut has_references) = (0, 0_usize, false);
    let mut is_check = false;
    for (at, token) in all.iter().enumerate() {
        let is_next = |ahead: usize, word: &str| {
            all.get(at + ahead).is_some_and(|token| token.is(word) || token.is_sign(word))
        };
        if token.is_sign("(") {
            depth += 1;
        } else if token.is_sign(")") {
            depth = depth.saturating_sub(1);
        } else if depth > 1 {
            continue;
        } else if token.is_sign(",") {
            has_references = false;
        } else if token.is("REFERENCES") {
            has_references = true;
        } else if token.is("NOT") && has_references && is_next(1, "NULL") {
            cured.push_str(&text[copied..token.start]);
            cured.push_str("CONSTRAINT not_null ");
            copied = token.start;
        } else if token.is("CONSTRAINT") {
            let is_idle =
                at + 2 >= all.len() || [",", ")", "CONSTRAINT"].iter().any(|word| is_next(2, word));
            if is_idle {
                // One that stands for itself goes with the comma before it.
                let first = all[at.saturating_sub(1)];
                let start = if first.is_sign(",") { first.start } else { token.start };
                cured.push_str(&text[copied..start]);
                copied = all.get(at + 1).map_or(text.len(), Token::end);
            }
        } else if token.is("ON") && is_check && is_next(1, "CONFLICT") {
            cured.push_str(&text[copied..token.start]);
            copied = all.get(at + 2).map_or(text.len(), Token::end);
        }
        is_check = match token.text {
            ")" => depth <= 1 && opens_check(&all, at),
            _ => false,
        };
    }
    (copied > 0).then(|| cured + &text[copied..])
}

/// Whether the parenthesis that is closed here was opened behind CHECK.
fn opens_check(all: &[Token<'_>], close: usize) -> bool {
    let mut depth = 0_i32;
    let open = all[..=close].iter().rposition(|token| {
        depth += i32::from(token.is_sign(")")) - i32::from(token.is_sign("("));
        depth == 0
    });
    open.is_some_and(|open| open > 0 && all[open - 1].is("CHECK"))
}

fn text_of(name: &Name) -> String {
    name.as_str().to_owned()
}

fn collation_of(name: &Name) -> Result<Collation> {
    let all = [Collation::Binary, Collation::NoCase, Collation::RTrim];
    let found = all.into_iter().find(|known| known.to_string().eq_ignore_ascii_case(name.as_str()));
    match found {
        Some(collation) => Ok(collation),
        None => refuse(format!("no such collation sequence: {}", name.as_str())),
    }
}

impl Adapter<'_> {
    fn statement(&self, statement: &Stmt) -> Result<Statement> {
        self.any_statement(statement)
    }
}
