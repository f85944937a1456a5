//! What databases share until one of them writes to it.
//!
//! Every write asks whether what it writes to is shared. That is why the pointers are `triomphe`'s:
//! the standard library's have to lock out weak references first, which cost a single insert more
//! than all the rest of it.

use std::ops::Deref;
use triomphe::Arc;

/// A value that several may have, and one alone may change. Cheap to clone.
#[derive(Debug, Default)]
pub(super) struct Shared<T>(Arc<T>);

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Shared(Arc::new(value))
    }

    /// Whether nobody else has it. Nobody else can come to have what only this one has.
    #[inline(always)]
    pub(super) fn is_own(&self) -> bool {
        self.0.is_unique()
    }

    /// The value, to be changed, if nobody else has it.
    #[inline(always)]
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        Arc::get_mut(&mut self.0)
    }
}

impl<T: Clone> Shared<T> {
    /// The value, to be changed: a copy of one's own if somebody else has it too. Copying is out of
    /// the way of those who need not.
    #[inline(always)]
    pub(super) fn own(&mut self) -> &mut T {
        if !self.is_own() {
            self.part();
        }
        self.get_mut().expect("nobody else has it now")
    }

    #[cold]
    #[inline(never)]
    fn part(&mut self) {
        *self = Shared::new(T::clone(self));
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
