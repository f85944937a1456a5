//! One object per key: the identity map, and which of its objects were modified.
//!
//! An object's key is in its state and nowhere else: the map holds the objects alone, by the hash of
//! their keys. So a key must not change while its object is in the map.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

use super::id::ObjectId;
use super::ordered::ObjectSet;
use super::state::{IdentityKey, State};

/// The objects of a session that have a row, by key, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct IdentityMap {
    by_key: HashTable<ObjectId>,
    objects: ObjectSet,
    /// Those that a flush has to look at, in the order in which they were modified.
    pub(super) modified: ObjectSet,
}

fn hash(key: &IdentityKey) -> u64 {
    foldhash::fast::FixedState::default().hash_one(key)
}

fn key_of(states: &[State], object: ObjectId) -> &IdentityKey {
    states[object.index()].key.as_ref().expect("only objects with an identity are in the map")
}

impl IdentityMap {
    /// The object with this key.
    pub fn get(&self, states: &[State], key: &IdentityKey) -> Option<ObjectId> {
        self.by_key.find(hash(key), |&object| key_of(states, object) == key).copied()
    }

    /// All objects, in the order in which they came.
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.objects.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, states: &[State], objects: usize) {
        self.by_key.reserve(objects, |&object| hash(key_of(states, object)));
    }

    /// Puts an object at its key, in the place of the other one that was there, which is returned.
    pub(super) fn put(&mut self, states: &[State], object: ObjectId) -> Option<ObjectId> {
        let key = key_of(states, object);
        let is_same = |&other: &ObjectId| key_of(states, other) == key;
        let hash_of = |&object: &ObjectId| hash(key_of(states, object));
        match self.by_key.entry(hash(key), is_same, hash_of) {
            Entry::Occupied(mut entry) => {
                let there = std::mem::replace(entry.get_mut(), object);
                self.objects.rename(&there, object);
                Some(there)
            }
            Entry::Vacant(entry) => {
                entry.insert(object);
                self.objects.push(object);
                None
            }
        }
    }

    /// Takes an object away that is at its key.
    pub(super) fn take(&mut self, states: &[State], object: ObjectId) {
        let key = hash(key_of(states, object));
        if let Ok(found) = self.by_key.find_entry(key, |&other| other == object) {
            found.remove();
            self.objects.remove(&object);
        }
    }
}
