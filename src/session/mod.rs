//! A session: objects, what of them is loaded and changed, and the statements that a flush sends, as
//! SQLAlchemy's unit of work does it.
//!
//! | module | answers |
//! |---|---|
//! | `mapping` | which class is which table, and how they are related |
//! | `statement` | what is sent, as values that print as SQLAlchemy's text |
//! | `backend`, `connection` | to which database, and what it said |
//! | `trace` | what was sent, in order |
//! | `scalar`, `error`, `quote` | values of attributes, refusals and warnings, names in text |

pub mod backend;
pub mod connection;
mod error;
pub mod mapping;
mod quote;
mod scalar;
pub mod statement;
pub mod trace;

pub use connection::Connection;
pub use error::{DriverClass, DriverError, Error, ErrorClass, Result, Warning, WarningClass};
pub use mapping::Mapping;
pub use scalar::Scalar;
pub use trace::Trace;
