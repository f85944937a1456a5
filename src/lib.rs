//! An in-memory relational engine whose foreign keys behave as SQLite's do.
#![forbid(unsafe_code)]

pub mod expression;
pub mod value;
