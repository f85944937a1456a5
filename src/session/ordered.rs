//! Maps and sets that remember the order in which their members came.
//!
//! The session must never show the order of a hash table, and removes members one by one from sets
//! of many thousands. So a member that goes leaves a gap, and gaps are closed when they are many
//! times what is left: each operation is O(1), amortised, and the order is that of insertion.
//!
//! Where a key's entry stands is told by a [`Places`]: a hash table for most keys, and for objects,
//! which are numbers from 0 on, an array that has pages only where there are objects.

use std::hash::Hash;

use hashbrown::HashMap;

use super::id::ObjectId;

/// Tells where the entry of a key stands.
pub trait Places<K>: Default {
    /// The place of a key, if it is there.
    fn get(&self, key: &K) -> Option<u32>;

    /// Notes the place of a key.
    fn put(&mut self, key: &K, place: u32);

    /// Forgets a key; the place it had.
    fn take(&mut self, key: &K) -> Option<u32>;
}

/// Places by a hash of the key.
#[derive(Clone, Debug)]
pub struct Hashed<K>(HashMap<K, u32, foldhash::fast::FixedState>);

impl<K> Default for Hashed<K> {
    fn default() -> Self {
        Hashed(HashMap::default())
    }
}

impl<K: Hash + Eq + Clone> Places<K> for Hashed<K> {
    fn get(&self, key: &K) -> Option<u32> {
        self.0.get(key).copied()
    }

    fn put(&mut self, key: &K, place: u32) {
        self.0.insert(key.clone(), place);
    }

    fn take(&mut self, key: &K) -> Option<u32> {
        self.0.remove(key)
    }
}

/// How many objects have their places on one page.
const PAGE: usize = 256;

/// Places of objects, by their number.
#[derive(Clone, Debug, Default)]
pub struct Paged {
    /// One more than the place; 0 where there is none.
    pages: Vec<Option<Box<[u32; PAGE]>>>,
}

impl Places<ObjectId> for Paged {
    fn get(&self, key: &ObjectId) -> Option<u32> {
        let page = self.pages.get(key.index() / PAGE)?.as_ref()?;
        page[key.index() % PAGE].checked_sub(1)
    }

    fn put(&mut self, key: &ObjectId, place: u32) {
        let (page, at) = (key.index() / PAGE, key.index() % PAGE);
        match self.pages.get_mut(page) {
            Some(Some(page)) => page[at] = place + 1,
            _ => self.open_page(page)[at] = place + 1,
        }
    }

    fn take(&mut self, key: &ObjectId) -> Option<u32> {
        let page = self.pages.get_mut(key.index() / PAGE)?.as_mut()?;
        std::mem::take(&mut page[key.index() % PAGE]).checked_sub(1)
    }
}

impl Paged {
    #[cold]
    fn open_page(&mut self, page: usize) -> &mut [u32; PAGE] {
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        self.pages[page].get_or_insert_with(|| Box::new([0; PAGE]))
    }
}

/// A map in the order in which its keys were first inserted.
#[derive(Clone, Debug)]
pub struct OrderedMap<K, V, P = Hashed<K>> {
    /// Position in `entries` of each key.
    places: P,
    /// The entries in order; `None` where one was removed.
    entries: Vec<Option<(K, V)>>,
    /// How many entries are there.
    count: usize,
}

/// A map by object.
pub type ObjectMap<V> = OrderedMap<ObjectId, V, Paged>;

/// A set of objects.
pub type ObjectSet = OrderedSet<ObjectId, Paged>;

impl<K, V, P: Default> Default for OrderedMap<K, V, P> {
    fn default() -> Self {
        OrderedMap { places: P::default(), entries: Vec::new(), count: 0 }
    }
}

impl<K: Eq + Clone, V, P: Places<K>> OrderedMap<K, V, P> {
    /// Puts `value` at `key`, at the end if the key is new, and returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        self.push(key, value);
        None
    }

    /// The value at `key`; a default one is put at the end if there is none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = match self.places.get(&key) {
            Some(place) => place as usize,
            None => self.push(key, V::default()),
        };
        let entry = self.entries[place].as_mut();
        &mut entry.expect("a place is that of an entry that is there").1
    }

    /// Puts `value` at `key`, which is not there, at the end; its place.
    pub fn push(&mut self, key: K, value: V) -> usize {
        let place = self.entries.len();
        self.places.put(&key, place as u32);
        self.entries.push(Some((key, value)));
        self.count += 1;
        place
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.places.take(key)?;
        let entry = self.entries[place as usize].take();
        self.count -= 1;
        self.close_gaps();
        entry.map(|(_, value)| value)
    }

    fn close_gaps(&mut self) {
        if self.count == 0 {
            self.entries.clear();
        } else if self.entries.len() > 4 * self.count + 16 {
            self.entries.retain(Option::is_some);
            for (place, (key, _)) in self.entries.iter().flatten().enumerate() {
                self.places.put(key, place as u32);
            }
        }
    }

    /// Lets `new`, which is not there, take the place of `old`, which is, with its value.
    pub fn rename(&mut self, old: &K, new: K) {
        let Some(place) = self.places.take(old) else { return };
        self.places.put(&new, place);
        if let Some((key, _)) = &mut self.entries[place as usize] {
            *key = new;
        }
    }

    /// The entry at a place that [`OrderedMap::push`] has told, as long as nothing was removed.
    pub fn at(&self, place: usize) -> Option<&(K, V)> {
        self.entries.get(place)?.as_ref()
    }

    /// The value at `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.places.get(key)?;
        self.entries[place as usize].as_ref().map(|(_, value)| value)
    }

    /// The value at `key`, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.places.get(key)?;
        self.entries[place as usize].as_mut().map(|(_, value)| value)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.places.get(key).is_some()
    }

    /// The entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.entries.iter().flatten().map(|(key, value)| (key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = OrderedMap::default();
    }
}

/// A set in the order in which its members were first inserted.
#[derive(Clone, Debug)]
pub struct OrderedSet<K, P = Hashed<K>>(OrderedMap<K, (), P>);

impl<K, P: Default> Default for OrderedSet<K, P> {
    fn default() -> Self {
        OrderedSet(OrderedMap::default())
    }
}

impl<K: Eq + Clone, P: Places<K>> OrderedSet<K, P> {
    /// Adds `member`, at the end if it is new; whether it is.
    pub fn insert(&mut self, member: K) -> bool {
        self.0.insert(member, ()).is_none()
    }

    /// Removes `member`; whether it was there.
    pub fn remove(&mut self, member: &K) -> bool {
        self.0.remove(member).is_some()
    }

    /// Adds `member`, which is not there, at the end.
    pub fn push(&mut self, member: K) {
        self.0.push(member, ());
    }

    /// Lets `new`, which is not there, take the place of `old`, which is.
    pub fn rename(&mut self, old: &K, new: K) {
        self.0.rename(old, new);
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

impl<K: Eq + Clone, P: Places<K>> Extend<K> for OrderedSet<K, P> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, members: I) {
        for member in members {
            self.insert(member);
        }
    }
}

impl<K: Eq + Clone, P: Places<K>> FromIterator<K> for OrderedSet<K, P> {
    fn from_iter<I: IntoIterator<Item = K>>(members: I) -> Self {
        let mut set = OrderedSet::default();
        set.extend(members);
        set
    }
}
