//! The name of a table, column or constraint, as it was written.

use crate::value::Text;
use smallvec::SmallVec;

/// A name is a text. One of up to fifteen bytes needs no allocation, however often it is copied.
pub type Name = Text;

/// Names of columns: nearly always one.
pub(super) type Names = SmallVec<[Name; 1]>;
