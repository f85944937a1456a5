//! Buckets: which rows share a key of an index that is not unique.
//!
//! A bucket lists slots: as a *run* (start, length) as long as they are neighbours, else in a *block*
//! of a pool. Rows that die stay listed. `count` is the number of members that are there, so where
//! it equals the length of the list, the list is the members. A row that leaves a bucket by an
//! update, or comes to one that may list it already, makes the list *dirty*: then a member is listed
//! perhaps twice, and what is listed is a member only if `member_of` says so too.

use super::pages::{Paged, Plain, SMALL_PAGE};
use super::row_ids::NONE;

/// Block sizes are powers of two from this exponent on.
const CLASS_MIN: u8 = 3;

/// One bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// The first slot of a run; the place in the pool of a block.
    start: u32,
    len: u32,
    /// Members that are there.
    pub(super) count: u32,
    /// The referenced row that this bucket belonged to last; `NONE` if none.
    pub(super) owner: u32,
    /// The exponent of a block's size; 0 for a run.
    class: u8,
    is_dirty: bool,
    /// Whether no live row has the bucket's key; only used for foreign keys.
    pub(super) is_orphan: bool,
}

const EMPTY: Bucket =
    Bucket { start: 0, len: 0, count: 0, owner: NONE, class: 0, is_dirty: false, is_orphan: false };

/// What a bucket lists.
pub(super) enum Listed {
    /// Nobody who is there.
    Nobody,
    /// These slots, all of them members.
    Run(u32, u32),
    /// `len` slots from a place in the pool, all of them members.
    Block(u32, u32),
    /// Slots to be looked at one by one.
    Mixed,
}

/// All buckets of one index.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets {
    headers: Plain<Bucket, SMALL_PAGE>,
    /// Slot → the bucket it was put into last, or `NONE`.
    member_of: Plain<u32>,
    pool: Plain<u32, SMALL_PAGE>,
    /// Exponent → blocks of that size that are free.
    free: Vec<Paged<u32>>,
    /// Buckets whose lists have grown too long for their members.
    bloated: Vec<u32>,
}

impl Buckets {
    /// A new, empty bucket.
    pub(super) fn open(&mut self, owner: u32) -> u32 {
        self.headers.push(Bucket { owner, ..EMPTY });
        self.headers.len() as u32 - 1
    }

    /// Whether a bucket lists nothing, not even rows that are gone.
    pub(super) fn is_empty(&self, bucket: u32) -> bool {
        self.bucket(bucket).len == 0
    }

    #[inline]
    pub(super) fn bucket(&self, bucket: u32) -> &Bucket {
        self.headers.get(bucket as usize)
    }

    #[inline]
    pub(super) fn bucket_mut(&mut self, bucket: u32) -> &mut Bucket {
        self.headers.get_mut(bucket as usize)
    }

    /// The bucket that a slot was put into last.
    #[inline]
    pub(super) fn of(&self, slot: u32) -> u32 {
        *self.member_of.get(slot as usize)
    }

    /// Makes a place for a new slot, which may be one beyond the last.
    #[inline]
    pub(super) fn make_place(&mut self, slot: u32) {
        self.place(slot, NONE);
    }

    #[inline]
    fn place(&mut self, slot: u32, bucket: u32) {
        if slot as usize == self.member_of.len() {
            self.member_of.push(bucket);
        } else {
            *self.member_of.get_mut(slot as usize) = bucket;
        }
    }

    /// Makes a place for a new slot, and puts its row into a bucket.
    pub(super) fn arrive(&mut self, slot: u32, bucket: u32) {
        self.place(slot, bucket);
        self.list(bucket, slot, 1);
    }

    /// Takes the places of the slots from this one on away.
    pub(super) fn drop_places(&mut self, from: u32) {
        self.member_of.truncate(from as usize);
    }

    /// Puts a row into a bucket.
    pub(super) fn join(&mut self, slot: u32, bucket: u32) {
        *self.member_of.get_mut(slot as usize) = bucket;
        self.list(bucket, slot, 1);
    }

    /// Takes a row out of its bucket, which is returned.
    pub(super) fn leave(&mut self, slot: u32) -> u32 {
        let bucket = std::mem::replace(self.member_of.get_mut(slot as usize), NONE);
        let header = self.headers.get_mut(bucket as usize);
        header.count -= 1;
        header.is_dirty = true;
        self.note_bloated(bucket);
        bucket
    }

    /// Undoes `arrive` of a row that then goes away, and `make_place` of one that is in no bucket.
    #[inline]
    pub(super) fn unjoin(&mut self, slot: u32) {
        let bucket = self.of(slot);
        if bucket != NONE {
            self.unlist(bucket, slot);
        }
    }

    /// Undoes `list`, as far as that is possible.
    fn unlist(&mut self, bucket: u32, slot: u32) {
        let header = self.headers.get_mut(bucket as usize);
        header.count -= 1;
        let last = (header.start + header.len).wrapping_sub(1);
        let is_last = match header.class {
            _ if header.len == 0 => false,
            0 => last == slot,
            _ => *self.pool.get(last as usize) == slot,
        };
        match is_last {
            true => header.len -= 1,
            false => header.is_dirty = true,
        }
    }

    /// Undoes `leave`, if the row was a member, and `join`, if it is one now: the list of the bucket
    /// `raw` still has it.
    #[inline]
    pub(super) fn come_back(&mut self, slot: u32, raw: u32, was_member: bool, is_member: bool) {
        let bucket = std::mem::replace(self.member_of.get_mut(slot as usize), raw);
        if is_member {
            self.unlist(bucket, slot);
        }
        if was_member {
            self.headers.get_mut(raw as usize).count += 1;
        }
    }

    /// Notes that a member has died (`-1`) or lives again (`1`).
    #[inline]
    pub(super) fn adjust(&mut self, slot: u32, by: i32) {
        let bucket = self.of(slot);
        let header = self.headers.get_mut(bucket as usize);
        header.count = header.count.wrapping_add_signed(by);
    }

    /// [`Buckets::adjust`] of many, about `count` of them.
    pub(super) fn adjust_all(&mut self, slots: impl Iterator<Item = u32>, count: usize, by: i32) {
        if count > self.headers.page_count()
            && let Some(mut headers) = self.headers.open()
        {
            for slot in slots {
                let header = headers.get_mut(*self.member_of.get(slot as usize) as usize);
                header.count = header.count.wrapping_add_signed(by);
            }
            return;
        }
        slots.for_each(|slot| self.adjust(slot, by));
    }

    /// What a bucket lists.
    #[inline]
    pub(super) fn listed(&self, bucket: u32) -> Listed {
        let header = self.bucket(bucket);
        if header.count == 0 {
            return Listed::Nobody;
        }
        match (header.is_dirty || header.count != header.len, header.class) {
            (true, _) => Listed::Mixed,
            (false, 0) => Listed::Run(header.start, header.len),
            (false, _) => Listed::Block(header.start, header.len),
        }
    }

    /// Hands on the slots of a block of the pool, a piece at a time.
    #[inline]
    pub(super) fn read_block(&self, start: u32, len: u32, mut read: impl FnMut(&[u32])) {
        let (mut at, end) = (start as usize, start as usize + len as usize);
        while at < end {
            let upto = end.min((at / SMALL_PAGE + 1) * SMALL_PAGE);
            let from = at % SMALL_PAGE;
            read(&self.pool.page(at / SMALL_PAGE)[from..from + (upto - at)]);
            at = upto;
        }
    }

    /// The members of a bucket, in the order listed; a dirty list is put into slot order.
    pub(super) fn members(&self, bucket: u32, is_there: impl Fn(u32) -> bool) -> Vec<u32> {
        let header = self.bucket(bucket);
        let is_member =
            |slot: &u32| is_there(*slot) && (!header.is_dirty || self.of(*slot) == bucket);
        let mut members = Vec::with_capacity(header.count as usize);
        let mut take = |slot: u32| {
            if is_member(&slot) {
                members.push(slot);
            }
        };
        match header.class {
            0 => (header.start..header.start + header.len).for_each(take),
            _ => self.read_block(header.start, header.len, |slots| {
                slots.iter().for_each(|slot| take(*slot));
            }),
        }
        if header.is_dirty {
            members.sort_unstable();
            members.dedup();
        }
        members
    }

    /// The first few members in the order listed: enough for naming some.
    pub(super) fn first_members(
        &self,
        bucket: u32,
        max: usize,
        is_there: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = u32> {
        let is_dirty = self.bucket(bucket).is_dirty;
        let mut found: Vec<u32> = Vec::with_capacity(max);
        for slot in self.listing(bucket) {
            let is_new = !is_dirty || (self.of(slot) == bucket && !found.contains(&slot));
            if is_new && is_there(slot) {
                found.push(slot);
            }
            if found.len() == max {
                break;
            }
        }
        found.into_iter()
    }

    /// Everything a bucket lists.
    fn listing(&self, bucket: u32) -> impl Iterator<Item = u32> + '_ {
        let Bucket { start, len, class, .. } = *self.bucket(bucket);
        (start..start + len)
            .map(move |at| if class == 0 { at } else { *self.pool.get(at as usize) })
    }

    /// Lists a slot at the end of a bucket, which gets so many members more.
    #[inline]
    fn list(&mut self, bucket: u32, slot: u32, more: u32) {
        let Buckets { headers, pool, .. } = self;
        let header = headers.get_mut(bucket as usize);
        let end = header.start + header.len;
        match header.class {
            0 if header.len == 0 => header.start = slot,
            0 if end == slot => {}
            class if class > 0 && header.len < 1 << class => {
                header.is_dirty |= header.len > 0 && *pool.get(end as usize - 1) >= slot;
                *pool.get_mut(end as usize) = slot;
            }
            _ => return self.list_in_wider(bucket, slot, more),
        }
        header.len += 1;
        header.count += more;
        if header.is_dirty {
            self.note_bloated(bucket);
        }
    }

    /// The same after moving what the bucket lists into a wider block.
    #[inline(never)]
    fn list_in_wider(&mut self, bucket: u32, slot: u32, more: u32) {
        let header = *self.bucket(bucket);
        let Bucket { start, len, class, .. } = header;
        let wider = (len + 1).next_power_of_two().trailing_zeros() as u8;
        let wider = wider.max(CLASS_MIN).max(class + 1);
        let place = match self.free.get_mut(wider as usize).and_then(Paged::pop) {
            Some(place) => place,
            None => {
                let end = self.pool.len();
                self.pool.resize(end + (1 << wider), NONE);
                end as u32
            }
        };
        let mut last = NONE;
        for at in 0..len {
            last = if class == 0 { start + at } else { *self.pool.get((start + at) as usize) };
            *self.pool.get_mut((place + at) as usize) = last;
        }
        *self.pool.get_mut((place + len) as usize) = slot;
        let is_dirty = header.is_dirty || len > 0 && last >= slot;
        self.free_block(&header);
        let (len, count) = (len + 1, header.count + more);
        *self.bucket_mut(bucket) =
            Bucket { start: place, class: wider, len, count, is_dirty, ..header };
        if is_dirty {
            self.note_bloated(bucket);
        }
    }

    fn free_block(&mut self, header: &Bucket) {
        let class = header.class as usize;
        if class > 0 {
            if self.free.len() <= class {
                self.free.resize(class + 1, Paged::default());
            }
            self.free[class].push(header.start);
        }
    }

    fn note_bloated(&mut self, bucket: u32) {
        let header = self.bucket(bucket);
        if header.is_dirty
            && header.len > 2 * header.count + 8
            && self.bloated.last() != Some(&bucket)
        {
            self.bloated.push(bucket);
        }
    }

    /// Marks that the row of a slot is about to be replaced by another: what the bucket lists of it
    /// is no longer to be trusted.
    pub(super) fn forget(&mut self, slot: u32) {
        let bucket = self.of(slot);
        if bucket != NONE {
            self.bucket_mut(bucket).is_dirty = true;
            self.note_bloated(bucket);
        }
    }

    /// Empties a bucket whose members are all gone.
    pub(super) fn clear(&mut self, bucket: u32) {
        let header = *self.bucket(bucket);
        self.free_block(&header);
        *self.bucket_mut(bucket) = Bucket { owner: header.owner, ..EMPTY };
    }

    /// Shortens the lists that have grown too long. Nothing may be left to be undone: rows that are
    /// gone are no longer listed.
    pub(super) fn shorten(&mut self, is_there: impl Fn(u32) -> bool) {
        for bucket in std::mem::take(&mut self.bloated) {
            let header = *self.bucket(bucket);
            if !header.is_dirty || header.len <= 2 * header.count + 8 {
                continue;
            }
            let members = self.members(bucket, &is_there);
            self.free_block(&header);
            let Bucket { owner, is_orphan, .. } = header;
            *self.bucket_mut(bucket) = Bucket { owner, is_orphan, ..EMPTY };
            members.iter().for_each(|&slot| self.list(bucket, slot, 0));
            self.bucket_mut(bucket).count = members.len() as u32;
        }
    }

    /// Whether lists wait to be shortened.
    pub(super) fn has_bloated(&self) -> bool {
        !self.bloated.is_empty()
    }
}
