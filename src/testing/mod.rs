//! What it takes to doubt the engine: operations as values, strategies that make them, a naive
//! reference that does them another way, and scripts that record what happened.
//!
//! Everything here goes through the public interface, as a user's own tests would.

#[cfg(feature = "sqlite")]
pub mod differential;
mod generate;
mod keys;
mod operation;

pub use generate::Generator;
pub use operation::{Effect, Operation};
