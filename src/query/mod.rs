//! Queries: SELECT as a value, and what it finds in a view.
//!
//! A [`Select`] is built from [`Source`]s and expressions, prints as SQL, and is run by
//! `Database::select`. It reads a [`View`](crate::database::View), so a program may run one in the
//! midst of a statement.

mod display;
mod run;
mod select;
mod selector;
mod source;

pub use run::{Selection, select};
pub use select::{CommonTable, Compound, Nulls, Order, ResultColumn, Select};
pub use selector::Selector;
pub use source::{JoinConstraint, JoinKind, Source, SuppliedColumn, SuppliedTable};
