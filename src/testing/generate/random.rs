//! Numbers that look random and depend on a seed alone, on every machine and for ever.
//!
//! SplitMix64: one addition and three multiplications a number, good enough to choose operations,
//! and small enough to stand here instead of a dependency.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(in crate::testing) struct Random(u64);

impl Random {
    pub(in crate::testing) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1.
    pub(in crate::testing) fn below(&mut self, bound: usize) -> usize {
        debug_assert!(bound > 0, "there must be something to choose from");
        (self.next() % bound as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(in crate::testing) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in so many cases of a hundred.
    pub(in crate::testing) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(in crate::testing) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    /// One of several, each as often as its weight says.
    pub(in crate::testing) fn weighted<T: Copy>(&mut self, items: &[(usize, T)]) -> T {
        let mut left = self.below(items.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in items {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *item,
            }
        }
        items[items.len() - 1].1
    }
}
