//! The id by which states, loader and unit of work speak of the same object.

/// Names an object of a session, for as long as the session's arena lives and in whatever state the
/// object is: an object of a session that was closed stays, detached, under its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub(super) u32);

impl ObjectId {
    /// The index into the session's states.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The number that stands for the object in a message, as in `<Hero at 0x7>`.
    pub fn number(self) -> u32 {
        self.0
    }
}
