//! How far reading an attribute may go: the passive flags.
//!
//! Each flag permits one thing that a read could set off: calling a loader, sending SQL, loading the
//! related object, putting a default in place. What the session does in the background reads with
//! fewer of them than a program that asks for the value.

use std::ops::{BitOr, Sub};

/// What a read may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passive(u16);

impl Passive {
    /// Loaders may be called.
    pub const CALLABLES_OK: Passive = Passive(1);
    /// Loaders may send SQL.
    pub const SQL_OK: Passive = Passive(2);
    /// The object at the other end may be loaded, not only its key be compared.
    pub const RELATED_OBJECT_OK: Passive = Passive(4);
    /// An attribute without value may be given its default.
    pub const INIT_OK: Passive = Passive(8);
    /// Keys are taken as they are in the database, not as they were set since.
    pub const LOAD_AGAINST_COMMITTED: Passive = Passive(32);
    /// The session is not flushed before.
    pub const NO_AUTOFLUSH: Passive = Passive(64);
    /// What is configured to raise when loaded does not.
    pub const NO_RAISE: Passive = Passive(128);
    /// The value before a change is loaded although the attribute has one.
    pub const DEFERRED_HISTORY_LOAD: Passive = Passive(256);
    /// The history of an unloaded collection has what is queued for it.
    pub const INCLUDE_PENDING_MUTATIONS: Passive = Passive(512);

    /// Nothing may happen.
    pub const NO_CHANGE: Passive = Passive(0);
    /// Everything may happen.
    pub const OFF: Passive = Passive(1 | 2 | 4 | 8 | 16);
    /// Load, but put no default in place.
    pub const RETURN_NO_VALUE: Passive = Passive(1 | 2 | 4 | 16);
    /// Only what is there.
    pub const NO_INITIALIZE: Passive = Passive(2 | 4 | 16);
    /// No SQL.
    pub const NO_FETCH: Passive = Passive(1 | 4 | 8 | 16);
    /// SQL, but not for the related object itself.
    pub const NO_FETCH_RELATED: Passive = Passive(1 | 2 | 8 | 16);
    /// Load for objects with a row only.
    pub const ONLY_PERSISTENT: Passive = Passive(1 | 2 | 4 | 8);
    /// As for a merge: load, and let nothing raise.
    pub const MERGE: Passive = Passive(1 | 2 | 4 | 8 | 16 | 128);

    /// Whether everything in `flags` is permitted.
    pub const fn has(self, flags: Passive) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl BitOr for Passive {
    type Output = Passive;

    fn bitor(self, flags: Passive) -> Passive {
        Passive(self.0 | flags.0)
    }
}

/// Without these flags.
impl Sub for Passive {
    type Output = Passive;

    fn sub(self, flags: Passive) -> Passive {
        Passive(self.0 & !flags.0)
    }
}
