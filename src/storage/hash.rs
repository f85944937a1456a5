//! A hash table of small numbers: slots of rows, or numbers of buckets.
//!
//! Entries are (hash, number) in one word, found by linear probing, in pages that are shared
//! copy-on-write. What a number's key is, the caller knows: an entry may be *stale*, its row dead or
//! its key changed, so whoever finds a number looks whether it still has the key. Deleting a row
//! leaves its entries alone; a new row with the same hash takes a dead one's place.

use super::pages::{Paged, SMALL_PAGE};

const EMPTY: u64 = u64::MAX;
const CAPACITY_MIN: usize = 8;

/// Below this, the entries stay flat: room for those of a thousand rows.
const FLAT: usize = 4096;

/// A hash table of numbers below 2³² − 1.
#[derive(Clone, Debug, Default)]
pub(super) struct HashTable {
    /// A power of two of entries, or none at all.
    entries: Paged<u64, SMALL_PAGE, FLAT>,
    used: usize,
}

impl HashTable {
    /// How many entries there are, stale ones too.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// The numbers under this hash, in the order of probing.
    #[inline]
    pub(super) fn find(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let start = self.start(hash);
        let places = (0..self.entries.len()).map(move |step| self.wrapped(start + step));
        let entries = places.map(|place| *self.entries.get(place));
        let entries = entries.take_while(|&entry| entry != EMPTY);
        entries.filter(move |&entry| hash_of(entry) == hash).map(number_of)
    }

    /// Adds a number, in the place of one under the same hash of which `may_go` holds, if there is
    /// one: that one is returned. A number that is there already is its own predecessor.
    pub(super) fn add(
        &mut self,
        hash: u32,
        number: u32,
        may_go: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        self.make_room();
        let mut place = self.start(hash);
        let mut free = None;
        loop {
            let entry = *self.entries.get(place);
            if entry == EMPTY {
                break;
            }
            if hash_of(entry) == hash {
                if number_of(entry) == number {
                    return Some(number);
                }
                if free.is_none() && may_go(number_of(entry)) {
                    free = Some((place, number_of(entry)));
                }
            }
            place = self.wrapped(place + 1);
        }
        let (place, displaced) = match free {
            Some((place, displaced)) => (place, Some(displaced)),
            None => {
                self.used += 1;
                (place, None)
            }
        };
        *self.entries.get_mut(place) = entry_of(hash, number);
        displaced
    }

    /// Undoes [`HashTable::add`].
    pub(super) fn take_back(&mut self, hash: u32, number: u32, displaced: Option<u32>) {
        match displaced {
            Some(displaced) => {
                if let Some(place) = self.place_of(hash, number) {
                    *self.entries.get_mut(place) = entry_of(hash, displaced);
                }
            }
            None => self.remove(hash, number),
        }
    }

    /// Removes a number, if it is there under this hash.
    pub(super) fn remove(&mut self, hash: u32, number: u32) {
        let Some(mut hole) = self.place_of(hash, number) else { return };
        self.used -= 1;
        // What follows moves up, unless that would put it before its own start.
        let mut place = hole;
        loop {
            place = self.wrapped(place + 1);
            let entry = *self.entries.get(place);
            if entry == EMPTY {
                break;
            }
            let distance = |from: usize| self.wrapped(place.wrapping_sub(from));
            if distance(self.start(hash_of(entry))) >= distance(hole) {
                *self.entries.get_mut(hole) = entry;
                hole = place;
            }
        }
        *self.entries.get_mut(hole) = EMPTY;
    }

    fn place_of(&self, hash: u32, number: u32) -> Option<usize> {
        let wanted = entry_of(hash, number);
        let mut place = self.start(hash);
        for _ in 0..self.entries.len() {
            let entry = *self.entries.get(place);
            if entry == wanted {
                return Some(place);
            }
            if entry == EMPTY {
                break;
            }
            place = self.wrapped(place + 1);
        }
        None
    }

    fn make_room(&mut self) {
        let capacity = self.entries.len();
        if (self.used + 1) * 4 <= capacity * 3 {
            return;
        }
        let mut wider = Paged::filled((capacity * 2).max(CAPACITY_MIN), EMPTY);
        std::mem::swap(&mut self.entries, &mut wider);
        for &entry in wider.iter().filter(|&&entry| entry != EMPTY) {
            let mut place = self.start(hash_of(entry));
            while *self.entries.get(place) != EMPTY {
                place = self.wrapped(place + 1);
            }
            *self.entries.get_mut(place) = entry;
        }
    }

    fn start(&self, hash: u32) -> usize {
        self.wrapped(hash as usize)
    }

    fn wrapped(&self, place: usize) -> usize {
        place & self.entries.len().wrapping_sub(1)
    }
}

fn entry_of(hash: u32, number: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(number)
}

fn hash_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

fn number_of(entry: u64) -> u32 {
    entry as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Few hashes, so that chains grow long and wrap around.
        #[test]
        fn finds_what_was_added_and_not_removed(
            operations in prop::collection::vec((0..40_u32, 0..60_u32, any::<bool>()), 0..300),
        ) {
            let (mut table, mut plain) = (HashTable::default(), BTreeSet::new());
            for (hash, number, adds) in operations {
                let hash = hash.wrapping_mul(0x4000_0003);
                if adds {
                    let displaced = table.add(hash, number, |_| false);
                    prop_assert_eq!(displaced.is_none(), plain.insert((hash, number)));
                } else {
                    table.remove(hash, number);
                    plain.remove(&(hash, number));
                }
                prop_assert_eq!(table.len(), plain.len());
                let found: BTreeSet<u32> = table.find(hash).collect();
                let expected = plain.iter().filter(|(other, _)| *other == hash);
                prop_assert_eq!(found, expected.map(|(_, number)| *number).collect());
            }
        }
    }

    #[test]
    fn a_number_is_there_once() {
        let mut table = HashTable::default();
        table.add(5, 1, |_| false);
        table.add(5, 2, |_| false);
        assert_eq!(table.add(5, 2, |number| number == 1), Some(2));
        assert_eq!(table.find(5).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn taking_back_restores_what_was_displaced() {
        let mut table = HashTable::default();
        assert_eq!(table.add(5, 1, |_| true), None);
        assert_eq!(table.add(5, 2, |_| true), Some(1));
        assert_eq!(table.add(5, 3, |_| false), None);
        table.take_back(5, 3, None);
        table.take_back(5, 2, Some(1));
        assert_eq!(table.find(5).collect::<Vec<_>>(), [1]);
    }
}
