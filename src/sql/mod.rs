//! SQL text, as SQLite has it: parsed, lowered to statements and queries, and run.
//!
//! A text is split into statements, and each goes through three steps:
//!
//! 1. `parser` bounds it, parses it, and turns the parser's tree into ours: `syntax` for what a
//!    statement says, the engine's own expressions and queries for what it computes.
//! 2. `connection` makes a plan of it: `dml` for INSERT, UPDATE and DELETE, a query for SELECT, the
//!    statement itself for what changes the schema, which `schema` looks at when it runs.
//! 3. The plan runs: queries over a view, changes through the engine. Triggers are plans as well,
//!    pulled by the executor as programs (`trigger`).
//!
//! Statements of a script that differ in their literals alone go through the second step once
//! (`shape`).
//!
//! What a table, view or trigger was defined by is kept as text, is what `sqlite_schema` shows
//! (`schema_table`), and is rewritten when something in it is renamed (`rename`). A view or trigger
//! is its text: it is parsed again when the schema has changed.
//!
//! Entry points: [`Connection`], [`is_complete`], [`split_statement`].

mod assign;
mod attach;
mod connection;
mod dml;
mod names;
mod parser;
mod pragma;
mod reach;
mod rename;
mod returning;
mod row;
mod run;
mod schema;
mod schema_table;
mod shape;
mod syntax;
mod trigger;
mod view;

pub use connection::{Connection, Outcome, Prepared};
pub use parser::{is_complete, split_statement};
