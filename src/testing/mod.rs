//! What it takes to doubt the engine: operations as values, strategies that make them, a naive
//! reference that does them another way, and scripts that record what happened.
//!
//! Everything here goes through the public interface, as a user's own tests would.

pub mod agreement;
mod compare;
pub mod decode;
#[cfg(feature = "sqlite")]
mod difference;
#[cfg(feature = "sqlite")]
pub mod differential;
mod generate;
mod keys;
mod operation;
#[cfg(feature = "sqlite")]
pub mod queries;
mod reference;
pub mod script;
mod shrink;
#[cfg(all(feature = "sqlite", feature = "sql"))]
pub mod sql;
pub mod strategy;
mod trigger;
pub mod walks;
mod ways;

pub use compare::{compare_with_reference, outstanding, rows, same};
#[cfg(feature = "sqlite")]
pub use difference::Difference;
pub use generate::Generator;
pub use operation::{Effect, Operation};
pub use reference::{Reference, Refused, Rows, describe};
pub use ways::Ways;
