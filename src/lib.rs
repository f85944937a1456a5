//! An in-memory relational engine whose foreign keys behave as SQLite's do.
#![forbid(unsafe_code)]

pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
pub mod database;
pub mod error;
pub mod expression;
mod id;
pub mod query;
mod referential;
pub mod session;
#[cfg(feature = "sql")]
pub mod sql;
mod storage;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
pub mod value;

pub use catalog::{
    Column, ConstraintMode, ForeignKey, Index, IndexColumn, MatchType, ReferentialAction, Table,
};
pub use database::{
    CheckReport, Control, Database, Delete, Dialect, Done, Enforcement, EnforcementChange, Insert,
    OnConflict, Plan, Row, RowRef, RowValues, Savepoint, Selector, SharedDatabase, Statement,
    Transaction, Update, Upsert, Walk, Walks,
};
pub use error::{Error, Result, Violation};
pub use expression::{Expression, col, lit};
pub use id::{RowId, TableId, TableRef};
pub use query::{Select, Selection};
pub use value::{Collation, DataType, Key, Value, ValueRef};

/// The README's Rust blocks are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
