//! The id by which states, loader and unit of work speak of the same object.

use std::num::NonZeroU32;

/// Names an object of a session, for as long as the session's arena lives and in whatever state the
/// object is: an object of a session that was closed stays, detached, under its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(NonZeroU32);

impl ObjectId {
    /// The object at an index into the session's states.
    pub(super) fn at(index: usize) -> ObjectId {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        ObjectId(number.expect("fewer than 2^32 objects"))
    }

    /// The index into the session's states.
    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The number that stands for the object in a message, as in `<Hero at 0x7>`.
    pub fn number(self) -> u32 {
        self.0.get() - 1
    }
}
