//! One object per key: the identity map, and which of its objects were modified.
//!
//! An object's key is in its state and nowhere else: the map holds the objects alone, by the hash of
//! their keys. So a key must not change while its object is in the map. It can be lost, though: a flush
//! that fails halfway may have given new objects their keys, and the rollback makes them transient
//! again. In SQLAlchemy they stay where the map had put them, and rows of these keys are read into them.

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
    /// Those that have lost their keys, with the keys: almost never any.
    keyless: Vec<(IdentityKey, ObjectId)>,
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
        let found = self.by_key.find(hash(key), |&object| key_of(states, object) == key);
        found.copied().or_else(|| self.keyless_at(key).map(|at| self.keyless[at].1))
    }

    fn keyless_at(&self, key: &IdentityKey) -> Option<usize> {
        self.keyless.iter().position(|(lost, _)| lost == key)
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
                let there = self.keyless_at(key).map(|at| self.keyless.swap_remove(at).1);
                match there {
                    Some(there) if there == object => return None,
                    Some(there) => self.objects.rename(&there, object),
                    None if !self.keyless.is_empty() && self.objects.contains(&object) => {}
                    None => self.objects.push(object),
                }
                there
            }
        }
    }

    /// Keeps an object that is about to lose its key where it is.
    pub(super) fn lose_key(&mut self, states: &[State], object: ObjectId) {
        let key = key_of(states, object);
        if let Ok(found) = self.by_key.find_entry(hash(key), |&other| other == object) {
            found.remove();
            self.keyless.push((key.clone(), object));
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
