//! One object per key: the identity map, and which of its objects were modified.

use super::id::ObjectId;
use super::ordered::{OrderedMap, OrderedSet};
use super::state::IdentityKey;

/// The objects of a session that have a row, by key, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct IdentityMap {
    objects: OrderedMap<IdentityKey, ObjectId>,
    /// Those that a flush has to look at, in the order in which they were modified.
    pub(super) modified: OrderedSet<ObjectId>,
}

impl IdentityMap {
    /// The object with this key.
    pub fn get(&self, key: &IdentityKey) -> Option<ObjectId> {
        self.objects.get(key).copied()
    }

    /// All objects, in the order in which they came.
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.objects.values().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Puts an object at its key and returns the one that was there.
    pub(super) fn put(&mut self, key: IdentityKey, object: ObjectId) -> Option<ObjectId> {
        self.objects.insert(key, object)
    }

    /// Takes the object at a key away.
    pub(super) fn take(&mut self, key: &IdentityKey) {
        self.objects.remove(key);
    }
}
