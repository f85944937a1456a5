//! Maps and sets that remember the order in which their members came.
//!
//! The session must never show the order of a hash table, and removes members one by one from sets
//! of many thousands. So a member that goes leaves a gap, and gaps are closed when they are more
//! than what is left: each operation is O(1), amortised, and the order is that of insertion.

use std::hash::Hash;

use hashbrown::HashMap;

type Positions<K> = HashMap<K, u32, foldhash::fast::FixedState>;

/// A map in the order in which its keys were first inserted.
#[derive(Clone, Debug)]
pub struct OrderedMap<K, V> {
    /// Position in `entries` of each key.
    positions: Positions<K>,
    /// The entries in order; `None` where one was removed.
    entries: Vec<Option<(K, V)>>,
}

impl<K, V> Default for OrderedMap<K, V> {
    fn default() -> Self {
        OrderedMap { positions: HashMap::default(), entries: Vec::new() }
    }
}

impl<K: Hash + Eq + Clone, V> OrderedMap<K, V> {
    /// Puts `value` at `key`, at the end if the key is new, and returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(&position) = self.positions.get(&key) {
            let entry = self.entries[position as usize].as_mut();
            let (_, old) = entry.expect("a position names an entry that is there");
            return Some(std::mem::replace(old, value));
        }
        self.positions.insert(key.clone(), self.entries.len() as u32);
        self.entries.push(Some((key, value)));
        None
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let position = self.positions.remove(key)?;
        let entry = self.entries[position as usize].take();
        self.close_gaps();
        entry.map(|(_, value)| value)
    }

    fn close_gaps(&mut self) {
        if self.positions.is_empty() {
            self.entries.clear();
        } else if self.entries.len() > 2 * self.positions.len() + 16 {
            self.entries.retain(Option::is_some);
            for (position, (key, _)) in self.entries.iter().flatten().enumerate() {
                if let Some(old) = self.positions.get_mut(key) {
                    *old = position as u32;
                }
            }
        }
    }

    /// The value at `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let position = *self.positions.get(key)?;
        self.entries[position as usize].as_ref().map(|(_, value)| value)
    }

    /// The value at `key`, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let position = *self.positions.get(key)?;
        self.entries[position as usize].as_mut().map(|(_, value)| value)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.positions.contains_key(key)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.entries.iter().flatten().map(|(key, value)| (key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.positions.clear();
        self.entries.clear();
    }
}

/// A set in the order in which its members were first inserted.
#[derive(Clone, Debug)]
pub struct OrderedSet<K>(OrderedMap<K, ()>);

impl<K> Default for OrderedSet<K> {
    fn default() -> Self {
        OrderedSet(OrderedMap::default())
    }
}

impl<K: Hash + Eq + Clone> OrderedSet<K> {
    /// Adds `member`, at the end if it is new; whether it is.
    pub fn insert(&mut self, member: K) -> bool {
        self.0.insert(member, ()).is_none()
    }

    /// Removes `member`; whether it was there.
    pub fn remove(&mut self, member: &K) -> bool {
        self.0.remove(member).is_some()
    }

    /// Whether `member` is there.
    pub fn contains(&self, member: &K) -> bool {
        self.0.contains_key(member)
    }

    /// The members in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.keys()
    }

    /// The members in order, copied.
    pub fn to_vec(&self) -> Vec<K> {
        self.iter().cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Hash + Eq + Clone> Extend<K> for OrderedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, members: I) {
        for member in members {
            self.insert(member);
        }
    }
}

impl<K: Hash + Eq + Clone> FromIterator<K> for OrderedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(members: I) -> Self {
        let mut set = OrderedSet::default();
        set.extend(members);
        set
    }
}
