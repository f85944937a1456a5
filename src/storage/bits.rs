//! A bitmap: one bit a slot.

use super::pages::{PAGE, Paged};
use std::ops::Range;

const WORD: usize = u64::BITS as usize;

/// Bits of one page of words.
const PAGE_BITS: usize = PAGE * WORD;

/// One bit a slot, cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    words: Paged<u64>,
    len: usize,
}

impl Bits {
    /// `length` bits that are all like this.
    pub(super) fn filled(length: usize, bit: bool) -> Self {
        let word = if bit { u64::MAX } else { 0 };
        let mut bits = Bits { words: Paged::filled(length.div_ceil(WORD), word), len: length };
        bits.truncate(length);
        bits
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> bool {
        let at = at as usize;
        self.words.get(at / WORD) >> (at % WORD) & 1 == 1
    }

    /// The same, `None` as [`Paged::at_hand`].
    #[inline(always)]
    pub(super) fn at_hand(&self, at: u32) -> Option<bool> {
        let at = at as usize;
        self.words.at_hand(at / WORD).map(|word| word >> (at % WORD) & 1 == 1)
    }

    #[inline]
    pub(super) fn set(&mut self, at: u32, bit: bool) {
        let at = at as usize;
        write(self.words.get_mut(at / WORD), at % WORD, bit);
    }

    #[inline]
    pub(super) fn push(&mut self, bit: bool) {
        let at = self.len % WORD;
        self.len += 1;
        if at == 0 {
            self.words.push(u64::from(bit));
        } else if let Some(word) = self.words.last_of_tail_mut() {
            *word |= u64::from(bit) << at;
        } else {
            self.set(self.len as u32 - 1, bit);
        }
    }

    /// Takes the bits from this length on away.
    pub(super) fn truncate(&mut self, length: usize) {
        self.words.truncate(length.div_ceil(WORD));
        self.len = length;
        if !length.is_multiple_of(WORD) {
            *self.words.get_mut(length / WORD) &= mask(0, length % WORD);
        }
    }

    /// Gives every bit from `start` on this value, `len` of them.
    pub(super) fn fill(&mut self, start: u32, len: u32, bit: bool) {
        let (mut at, end) = (start as usize, start as usize + len as usize);
        while at < end {
            let page_end = end.min((at / PAGE_BITS + 1) * PAGE_BITS);
            let words = self.words.page_mut(at / PAGE_BITS);
            while at < page_end {
                let upto = page_end.min((at / WORD + 1) * WORD);
                let mask = mask(at % WORD, upto - at);
                let word = &mut words[at / WORD % PAGE];
                *word = if bit { *word | mask } else { *word & !mask };
                at = upto;
            }
        }
    }

    /// Gives the bits of these slots this value.
    ///
    /// # Cost
    /// O(1) each, and as much for each page of words if there are fewer pages than slots.
    pub(super) fn set_all(&mut self, slots: &[u32], bit: bool) {
        if slots.len() > self.words.page_count()
            && let Some(mut words) = self.words.open()
        {
            for &slot in slots {
                write(words.get_mut(slot as usize / WORD), slot as usize % WORD, bit);
            }
            return;
        }
        slots.iter().for_each(|&slot| self.set(slot, bit));
    }

    /// The positions of the bits that are set, ascending.
    pub(super) fn ones(&self) -> AllOnes<'_> {
        let numbers = 0..self.words.len() as u32;
        AllOnes { words: &self.words, numbers, front: Ones::NONE, back: Ones::NONE }
    }
}

/// The positions of all ones.
pub(super) struct AllOnes<'a> {
    words: &'a Paged<u64>,
    /// The words not looked at yet.
    numbers: Range<u32>,
    front: Ones,
    back: Ones,
}

impl AllOnes<'_> {
    fn word(&self, number: u32) -> Ones {
        Ones { word: *self.words.get(number as usize), base: number * u64::BITS }
    }
}

impl Iterator for AllOnes<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        loop {
            if let Some(one) = self.front.next() {
                return Some(one);
            }
            match self.numbers.next() {
                Some(number) => self.front = self.word(number),
                None => return self.back.next(),
            }
        }
    }
}

impl DoubleEndedIterator for AllOnes<'_> {
    fn next_back(&mut self) -> Option<u32> {
        loop {
            if let Some(one) = self.back.next_back() {
                return Some(one);
            }
            match self.numbers.next_back() {
                Some(number) => self.back = self.word(number),
                None => return self.front.next_back(),
            }
        }
    }
}

/// The positions of a word's ones.
struct Ones {
    word: u64,
    base: u32,
}

impl Ones {
    const NONE: Ones = Ones { word: 0, base: 0 };
}

impl Iterator for Ones {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.base + bit)
    }
}

impl DoubleEndedIterator for Ones {
    fn next_back(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let bit = u64::BITS - 1 - self.word.leading_zeros();
        self.word &= !(1 << bit);
        Some(self.base + bit)
    }
}

#[inline]
fn write(word: &mut u64, at: usize, bit: bool) {
    *word = *word & !(1 << at) | u64::from(bit) << at;
}

/// `len` ones from `from` on, all within a word.
fn mask(from: usize, len: usize) -> u64 {
    debug_assert!(from + len <= WORD && len > 0, "within a word");
    (u64::MAX >> (WORD - len)) << from
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked bit by bit against a plain list, over word and page borders.
    #[test]
    fn runs_and_lists_change_just_their_bits() {
        let length = 2 * PAGE_BITS as u32 + 100;
        for (start, len) in [(0, 1), (3, 61), (3, 62), (60, 200), (PAGE_BITS as u32 - 5, 9)] {
            let mut bits = Bits::filled(length as usize, true);
            bits.fill(start, len, false);
            let within = |at: u32| (start..start + len).contains(&at);
            assert!((0..length).all(|at| bits.get(at) != within(at)));
            let slots: Vec<u32> = (start..start + len).rev().collect();
            bits.set_all(&slots, true);
            assert!((0..length).all(|at| bits.get(at)));
            assert_eq!(bits.ones().count(), length as usize);
        }
    }

    #[test]
    fn ones_come_in_either_order() {
        let mut bits = Bits::default();
        (0..300).for_each(|at| bits.push(at % 7 == 0));
        let expected: Vec<u32> = (0..300).filter(|at| at % 7 == 0).collect();
        assert_eq!(bits.ones().collect::<Vec<_>>(), expected);
        assert_eq!(
            bits.ones().rev().collect::<Vec<_>>(),
            expected.into_iter().rev().collect::<Vec<_>>()
        );
        bits.truncate(8);
        assert_eq!(bits.ones().collect::<Vec<_>>(), [0, 7]);
    }
}
