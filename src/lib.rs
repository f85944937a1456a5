//! An in-memory relational engine whose foreign keys behave as SQLite's do, and a session above it whose
//! unit of work sends what SQLAlchemy's would.
//!
//! A delete can be planned without being done, is done wholly or not at all, and says why it is refused:
//!
//! ```
//! use ondelete::ReferentialAction::Restrict;
//! use ondelete::{Column, Database, Enforcement, Error, Table, key, row};
//!
//! let mut db = Database::new(Enforcement::On);
//! db.create_table(Table::new("team").column(Column::integer("id").primary_key()))?;
//! db.create_table(Table::new("hero")
//!     .column(Column::integer("id").primary_key())
//!     .column(Column::integer("team_id").references("team", "id").on_delete(Restrict)))?;
//! db.insert("team", row! { "id": 3 })?;
//! db.insert("hero", row! { "id": 4, "team_id": 3 })?;
//!
//! let refused = db.delete("team", key![3]).unwrap_err();
//! assert!(matches!(&refused, Error::Violation(it) if it.constraint() == "hero_team_id_fkey"));
//! assert!(refused.to_string().contains("Key (id)=(3) is still referenced by 1 row of \"hero\""));
//!
//! let mut fork = db.fork()?; // a second live database, which costs the number of tables
//! fork.delete("hero", key![4])?;
//! fork.delete("team", key![3])?;
//! assert_eq!((db.row_count("team")?, fork.row_count("team")?), (1, 0));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Where to begin
//!
//! - [`Database`] is one connection and its data: tables, rows, transactions, plans. [`Table`] and
//!   [`Column`] define, [`Update`] and [`Select`] are built, [`Expression`]s compute.
//! - [`Violation`] tells who refused and what would help, [`Done`] and [`Plan`] what a statement came to.
//! - [`Dialect`] says where engines differ; [`SharedDatabase`] serves several threads.
//! - [`session::Session`] works with objects: models and relationships, cascades, the unit of work.
//! - `sql::Connection` (feature `sql`) takes SQL text; `cli` (feature `cli`) is the command `ondelete`.
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
    CheckReport, Control, Database, Delete, Dialect, Done, Enforcement, EnforcementChange,
    FoundRows, Insert, OnConflict, Plan, Row, RowRef, RowValues, Savepoint, Selector,
    SharedDatabase, Statement, Transaction, Update, Upsert, Walk, Walks,
};
pub use error::{Error, Result, Violation};
pub use expression::{Expression, col, lit};
pub use id::{RowId, RowIds, SchemaId, TableId, TableRef};
pub use query::{Select, Selection};
pub use value::{Collation, DataType, Key, Value, ValueRef};

/// The README's Rust blocks are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
