//! Queries: SELECT as a value, and what it finds in a view.
//!
//! A [`Select`] is built from [`Source`]s and expressions and prints as SQL. Binding it (`bind`,
//! `scope`) turns names into slots and chooses how each source finds its rows (`access`); the
//! [`Query`] that comes of it is run over a [`View`](crate::database::View) any number of times
//! (`run`): loops over the sources (`join`), groups (`group`, `aggregate`), order, combination. A view
//! is there in the midst of a statement, too, so assignments and programs can run queries.
//!
//! A subquery is a column of the scope it stands in, computed when it is asked for and kept as long as
//! what it reads of that scope stays the same (`frame`).
//!
//! # Order
//!
//! Rows come in SQLite's order, also where no ORDER BY says so: that of the row ids, or of the index
//! that SQLite would use. Sources are looped over as they are written.

mod access;
mod aggregate;
mod bind;
mod display;
mod frame;
mod group;
mod join;
mod plan;
mod prepared;
mod run;
mod scope;
mod select;
mod selector;
mod set;
mod source;

pub use frame::{Inputs, Kept};
pub use prepared::{OutsideRow, Query, Selection};
pub use select::{CommonTable, Compound, Nulls, Order, ResultColumn, Select};
pub use selector::Selector;
pub use source::{JoinConstraint, JoinKind, Source, SuppliedColumn, SuppliedTable};
