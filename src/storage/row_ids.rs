//! Which row id a slot has, and which slot a row id.
//!
//! Three ways, each taken when the one before no longer serves: *implicit*, where rows came with
//! consecutive ids and nothing is stored at all; *dense*, an array from id to slot, as long as the
//! ids are not too far apart; *hashed*. A lookup finds the slot that had the id last; whether the row
//! there is live, the table knows.

use super::hash::HashTable;
use super::key::hash_integer;
use super::pages::Plain;
use crate::id::{FIRST_ROWS_MAX, FirstRowIds, RowId};

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// Row ids of a table's slots.
#[derive(Clone, Debug)]
pub(super) struct RowIds {
    slots: Slots,
    /// Slot → row id; empty while implicit.
    ids: Plain<i64>,
    /// Whether ids ascend with the slots, dead ones included.
    ascends: bool,
}

#[derive(Clone, Debug)]
enum Slots {
    /// Slot s has id `base` + s, for `count` slots.
    Implicit {
        base: i64,
        count: usize,
    },
    /// Id − `base` → slot.
    Dense {
        base: i64,
        slots: Plain<u32>,
    },
    Hashed(HashTable),
}

impl Default for RowIds {
    fn default() -> Self {
        let slots = Slots::Implicit { base: 1, count: 0 };
        RowIds { slots, ids: Plain::default(), ascends: true }
    }
}

impl RowIds {
    /// How many slots there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match &self.slots {
            Slots::Implicit { count, .. } => *count,
            Slots::Dense { .. } | Slots::Hashed(_) => self.ids.len(),
        }
    }

    #[inline]
    pub(super) fn id(&self, slot: u32) -> i64 {
        match &self.slots {
            Slots::Implicit { base, .. } => base + i64::from(slot),
            Slots::Dense { .. } | Slots::Hashed(_) => *self.ids.get(slot as usize),
        }
    }

    /// The ids of so many slots from this one on, and no more than are named of many.
    #[inline]
    pub(super) fn first(&self, start: u32, len: usize) -> FirstRowIds {
        let len = len.min(FIRST_ROWS_MAX);
        match &self.slots {
            Slots::Implicit { base, .. } => {
                FirstRowIds::Consecutive(RowId(base + i64::from(start)), len)
            }
            Slots::Dense { .. } | Slots::Hashed(_) => {
                let pieces = self.ids.pieces(start as usize..start as usize + len);
                pieces.flat_map(|(_, ids)| ids).map(|id| RowId(*id)).collect()
            }
        }
    }

    /// Whether ids ascend with the slots.
    pub(super) fn ascends(&self) -> bool {
        self.ascends
    }

    /// The first id and how many there are, where nothing is stored.
    #[inline(always)]
    pub(super) fn implicit(&self) -> Option<(i64, usize)> {
        match &self.slots {
            Slots::Implicit { base, count } => Some((*base, *count)),
            Slots::Dense { .. } | Slots::Hashed(_) => None,
        }
    }

    /// The slot that had this id last.
    pub(super) fn find(&self, id: i64) -> Option<u32> {
        match &self.slots {
            Slots::Implicit { base, count } => {
                let offset = usize::try_from(id.checked_sub(*base)?).ok()?;
                (offset < *count).then_some(offset as u32)
            }
            Slots::Dense { base, slots } => {
                let offset = usize::try_from(id.checked_sub(*base)?).ok()?;
                let slot = (offset < slots.len()).then(|| *slots.get(offset))?;
                (slot != NONE && *self.ids.get(slot as usize) == id).then_some(slot)
            }
            Slots::Hashed(table) => {
                table.find(hash_integer(id)).find(|&slot| *self.ids.get(slot as usize) == id)
            }
        }
    }

    /// Adds a slot at the end. The slot that the id led to before is returned.
    #[inline]
    pub(super) fn push(&mut self, id: i64, is_live: impl Fn(u32) -> bool) -> Option<u32> {
        if let Slots::Implicit { base, count } = &mut self.slots {
            if *count == 0 {
                *base = id;
            }
            if base.checked_add(*count as i64) == Some(id) {
                *count += 1;
                return None;
            }
            self.store();
        }
        let slot = self.ids.len() as u32;
        self.ascends &= slot == 0 || *self.ids.get(slot as usize - 1) < id;
        self.ids.push(id);
        self.enter(id, slot, is_live)
    }

    /// Gives a slot another id. The slot that the new id led to before is returned.
    pub(super) fn set(&mut self, slot: u32, id: i64, is_live: impl Fn(u32) -> bool) -> Option<u32> {
        if self.id(slot) == id && self.find(id) == Some(slot) {
            return Some(slot);
        }
        self.store();
        self.ascends = false;
        *self.ids.get_mut(slot as usize) = id;
        self.enter(id, slot, is_live)
    }

    /// Undoes `set` or `push`: leads the id back to where it led before.
    pub(super) fn lead_back(&mut self, id: i64, slot: u32, displaced: Option<u32>) {
        match &mut self.slots {
            Slots::Implicit { .. } => {}
            Slots::Dense { base, slots } => {
                *slots.get_mut((id - *base) as usize) = displaced.unwrap_or(NONE);
            }
            Slots::Hashed(table) => table.take_back(hash_integer(id), slot, displaced),
        }
    }

    /// Gives a slot its former id.
    pub(super) fn restore(&mut self, slot: u32, id: i64) {
        *self.ids.get_mut(slot as usize) = id;
        // It still leads to the slot, unless ids have become hashed since.
        if self.find(id) != Some(slot)
            && let Slots::Hashed(table) = &mut self.slots
        {
            table.add(hash_integer(id), slot, |_| false);
        }
    }

    /// Takes the slots from this one on away.
    pub(super) fn truncate(&mut self, slot: u32) {
        match &mut self.slots {
            Slots::Implicit { count, .. } => *count = slot as usize,
            Slots::Dense { .. } | Slots::Hashed(_) => self.ids.truncate(slot as usize),
        }
    }

    /// Leads the id of a dead slot nowhere, if it still leads there.
    pub(super) fn forget(&mut self, slot: u32) {
        let id = self.id(slot);
        match &mut self.slots {
            Slots::Implicit { .. } => {}
            Slots::Dense { base, slots } => {
                let place = (id - *base) as usize;
                if *slots.get(place) == slot {
                    *slots.get_mut(place) = NONE;
                }
            }
            Slots::Hashed(table) => table.remove(hash_integer(id), slot),
        }
    }

    /// The slots in the order of their ids, live or not, each id's last one; `None` if only sorting
    /// tells.
    pub(super) fn in_order(&self) -> Option<impl DoubleEndedIterator<Item = u32> + '_> {
        let Slots::Dense { base, slots } = &self.slots else { return None };
        let at = move |offset: usize| (*slots.get(offset), base + offset as i64);
        let leads = |&(slot, id): &(u32, i64)| slot != NONE && *self.ids.get(slot as usize) == id;
        Some((0..slots.len()).map(at).filter(leads).map(|(slot, _)| slot))
    }

    fn enter(&mut self, id: i64, slot: u32, is_live: impl Fn(u32) -> bool) -> Option<u32> {
        if let Slots::Dense { .. } = self.slots {
            self.make_span(id, &is_live);
        }
        match &mut self.slots {
            Slots::Dense { base, slots } => {
                let place = slots.get_mut((id - *base) as usize);
                let old = std::mem::replace(place, slot);
                (old != NONE).then_some(old)
            }
            Slots::Hashed(table) => {
                let ids = &self.ids;
                let had_it = |other: u32| *ids.get(other as usize) == id && !is_live(other);
                table.add(hash_integer(id), slot, had_it)
            }
            Slots::Implicit { .. } => None,
        }
    }

    /// Stores what was implicit.
    fn store(&mut self) {
        if let Slots::Implicit { base, count } = self.slots {
            for slot in 0..count {
                self.ids.push(base + slot as i64);
            }
            let mut slots = Plain::default();
            (0..count as u32).for_each(|slot| slots.push(slot));
            self.slots = Slots::Dense { base, slots };
        }
    }

    /// Makes the dense array reach an id, or gives it up.
    fn make_span(&mut self, id: i64, is_live: &impl Fn(u32) -> bool) {
        let span_max = 4 * self.ids.len() as i128 + 1024;
        let Slots::Dense { base, slots } = &mut self.slots else { return };
        let (low, high) = (i128::from(*base), i128::from(*base) + slots.len() as i128);
        let id = i128::from(id);
        if (low..high).contains(&id) {
            return;
        }
        if high.max(id + 1) - low.min(id) > span_max {
            let mut table = HashTable::default();
            // The last one to have an id comes last, and takes the place of one that is dead.
            for (slot, id) in (0_u32..).zip(self.ids.iter()) {
                let had_it = |other: u32| *self.ids.get(other as usize) == *id && !is_live(other);
                table.add(hash_integer(*id), slot, had_it);
            }
            self.slots = Slots::Hashed(table);
        } else if id >= high {
            // Ids are likely to go on ascending.
            slots.resize((id - low + 1) as usize, NONE);
        } else {
            let more = ((low - id) as usize)
                .max(slots.len() / 2)
                .min((low - i128::from(i64::MIN)) as usize);
            let mut wider = Plain::filled(more, NONE);
            slots.iter().for_each(|slot| wider.push(*slot));
            (*base, *slots) = (*base - more as i64, wider);
        }
    }
}
