//! Queries: SELECT as a value, and what it finds in a view.
//!
//! A [`Select`] is built from [`Source`]s and expressions and prints as SQL. Binding it (`bind`,
//! `scope`) turns names into slots and chooses how each source finds its rows (`access`); the
//! [`Query`] that comes of it is run over a [`View`](crate::database::View) any number of times
//! (`run`): loops over the sources (`join`), groups (`group`, `aggregate`), order (`sort`),
//! combination (`combine`). A view
//! is there in the midst of a statement, too, so assignments and programs can run queries.
//!
//! A subquery is a column of the scope it stands in, computed when it is asked for and kept as long as
//! what it reads of that scope stays the same (`frame`).
//!
//! Rows are read where they are stored. What is asked of each of many is asked early and of as little
//! as possible: conditions that compare a column with what stays the same, before the row is set
//! (`join`); sort keys, before the row is computed (`sort`).
//!
//! # Order
//!
//! Without an ORDER BY the rows of a table come as SQLite would find them: by row id, or in the order
//! of the index that it would use. Sources are looped over as they are written.
//!
//! # Drawbacks
//!
//! SQLite weighs which source to begin with, and we do not: the rows of a join may come in another
//! order there, and what depends on that (LIMIT, the first row of a subquery) may differ. An index is
//! looked into for whole keys only; for a part of one, or a range, rows are found by a scan and put
//! into its order.

mod access;
mod aggregate;
mod bind;
mod combine;
mod declared;
mod display;
mod frame;
mod group;
mod join;
mod plan;
mod prepared;
mod recursive;
mod run;
mod scope;
mod select;
mod selector;
mod set;
mod sort;
mod source;

pub use frame::{Inputs, Kept};
pub use prepared::{OutsideRow, Query, Selection};
pub use scope::HIDDEN_ROW_ID;
pub use select::{CommonTable, Compound, Nulls, Order, ResultColumn, Select};
pub use selector::Selector;
pub use source::{JoinConstraint, JoinKind, Source, SuppliedColumn, SuppliedTable};
