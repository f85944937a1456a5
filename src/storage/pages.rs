//! A long array that many databases can share, copied page by page where they part.
//!
//! Full pages are *sealed*: they stand in a spine that is shared as a whole, so that a copy of the
//! array costs the same at any length. The last, partly filled page is the *tail*, an ordinary
//! vector, so that appending asks nobody who else is reading. An array that is still short may be all
//! tail, if its cells are cheap to copy: that is one step to a cell instead of three. Where the spine is shared, a page that
//! is written to is copied into a *patch*, a sorted list of pages that stand in for those of the
//! spine; once nobody else holds the spine, or the patch has grown too long, it is folded in.
//!
//! A spine in two levels would do without the patch, but its first write would copy some hundred
//! shared pointers, each an atomic increment: more than the page itself.

use super::shared::Shared;
use std::ops::Range;

/// Cells in a page, where nothing else is said.
pub(super) const PAGE: usize = 256;

/// Cells in a page of an array that is written to at random: what a fork copies for a write.
pub(super) const SMALL_PAGE: usize = 64;

/// Up to how many cells an array stays flat, if copying them is but copying bytes.
const FLAT: usize = 1024;

/// For how many cells the first one makes room: a table of few rows has one allocation a column.
const FIRST: usize = 8;

/// How many pages a patch may have beside any spine.
const PATCH_MIN: usize = 32;

/// An array of cells that are but bytes.
pub(super) type Plain<T, const CELLS: usize = PAGE> = Paged<T, CELLS, FLAT>;

type Page<T, const CELLS: usize> = Shared<[T; CELLS]>;

/// An array of cells, cheap to clone, in pages of `CELLS`; all tail below `FLAT` of them.
#[derive(Clone, Debug)]
pub(super) struct Paged<T, const CELLS: usize = PAGE, const FLAT: usize = CELLS> {
    /// None as long as no page was full.
    spine: Option<Shared<Vec<Page<T, CELLS>>>>,
    /// Page number → the page in its place, ascending.
    patch: Vec<(usize, Page<T, CELLS>)>,
    /// Pages that are full. The spine may have more, left from before a truncation.
    sealed: usize,
    /// Less than a page; less than `FLAT` if no page is full.
    tail: Vec<T>,
}

impl<T, const CELLS: usize, const FLAT: usize> Default for Paged<T, CELLS, FLAT> {
    fn default() -> Self {
        Paged { spine: None, patch: Vec::new(), sealed: 0, tail: Vec::new() }
    }
}

impl<T: Clone, const CELLS: usize, const FLAT: usize> Paged<T, CELLS, FLAT> {
    /// `length` cells that all hold `value`.
    pub(super) fn filled(length: usize, value: T) -> Self {
        let mut cells = Paged::default();
        cells.resize(length, value);
        cells
    }

    pub(super) fn len(&self) -> usize {
        self.sealed * CELLS + self.tail.len()
    }

    /// The cell at a position below the length.
    #[inline(always)]
    pub(super) fn get(&self, position: usize) -> &T {
        match self.at_hand(position) {
            Some(cell) => cell,
            None => &self.patched_page(position / CELLS)[position % CELLS],
        }
    }

    /// The same, `None` where a patch has to be asked. Whoever leaves that to a function of its own has
    /// no call on the usual way, and so few instructions that the processor waits for the memory of
    /// several reads at a time.
    #[inline(always)]
    pub(super) fn at_hand(&self, position: usize) -> Option<&T> {
        let number = position / CELLS;
        if number >= self.sealed {
            return Some(&self.tail[self.beyond_pages(position)]);
        }
        match &self.spine {
            Some(spine) if self.patch.is_empty() => Some(&spine[number][position % CELLS]),
            _ => None,
        }
    }

    /// The cells of a page; of the last one, those there are.
    #[inline]
    pub(super) fn page(&self, number: usize) -> &[T] {
        if number >= self.sealed {
            return &self.tail[self.in_tail(number)];
        }
        match &self.spine {
            Some(spine) if self.patch.is_empty() => &spine[number][..],
            _ => &self.patched_page(number)[..],
        }
    }

    /// Where a cell behind the full pages stands in the tail.
    #[inline(always)]
    fn beyond_pages(&self, position: usize) -> usize {
        if FLAT > CELLS { position - self.sealed * CELLS } else { position % CELLS }
    }

    /// Where the cells of a page stand in the tail.
    #[inline]
    fn in_tail(&self, number: usize) -> Range<usize> {
        let from = (number - self.sealed) * CELLS;
        from.min(self.tail.len())..(from + CELLS).min(self.tail.len())
    }

    /// A full page of an array that shares some.
    #[inline(never)]
    fn patched_page(&self, number: usize) -> &[T; CELLS] {
        match self.patch.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => &self.patch[at].1,
            Err(_) => &self.spine()[number],
        }
    }

    /// The cells of a range, as far as there are any, a piece of a page at a time, each with the
    /// position of its first.
    #[inline]
    pub(super) fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &[T])> {
        let (mut at, end) = (range.start, range.end.min(self.len()));
        std::iter::from_fn(move || {
            let upto = end.min((at / CELLS + 1) * CELLS);
            let from = at;
            at = upto.max(from);
            (from < upto).then(|| (from, &self.page(from / CELLS)[from % CELLS..][..upto - from]))
        })
    }

    #[inline]
    fn spine(&self) -> &[Page<T, CELLS>] {
        self.spine.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The spine, to be changed: this array's own from now on.
    #[inline]
    fn spine_mut(&mut self) -> &mut Vec<Page<T, CELLS>> {
        self.spine.get_or_insert_default().own()
    }

    /// Whether nobody else holds the spine.
    #[inline]
    fn owns_spine(&self) -> bool {
        self.spine.as_ref().is_none_or(Shared::is_own)
    }

    /// The cell at a position below the length, to be changed.
    #[inline(always)]
    pub(super) fn get_mut(&mut self, position: usize) -> &mut T {
        let number = position / CELLS;
        if number >= self.sealed {
            let at = self.beyond_pages(position);
            return &mut self.tail[at];
        }
        &mut self.sealed_page_mut(number)[position % CELLS]
    }

    /// The cells of a page, to be changed.
    ///
    /// # Cost
    /// **O(1)**, and a copy of the page if another array has it too.
    #[inline]
    pub(super) fn page_mut(&mut self, number: usize) -> &mut [T] {
        if number >= self.sealed {
            let cells = self.in_tail(number);
            return &mut self.tail[cells];
        }
        &mut self.sealed_page_mut(number)[..]
    }

    #[inline(always)]
    fn sealed_page_mut(&mut self, number: usize) -> &mut [T; CELLS] {
        if !self.patch.is_empty() || !self.owns_spine() {
            return self.shared_page_mut(number);
        }
        let spine = self.spine.as_mut().and_then(Shared::get_mut);
        spine.expect("a full page is in a spine")[number].own()
    }

    fn is_folded(&self) -> bool {
        self.patch.is_empty() && self.spine().len() == self.sealed
    }

    #[cold]
    #[inline(never)]
    fn shared_page_mut(&mut self, number: usize) -> &mut [T; CELLS] {
        if self.owns_spine() || self.patch_is_long() {
            self.fold();
            return self.spine_mut()[number].own();
        }
        let at = match self.patch.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => at,
            Err(at) => {
                self.patch.insert(at, (number, self.spine()[number].clone()));
                at
            }
        };
        self.patch[at].1.own()
    }

    fn patch_is_long(&self) -> bool {
        self.patch.len() > PATCH_MIN.max(self.spine().len() / 4)
    }

    /// Puts the patch into a spine of its own. A spine that is shared is copied, which costs an
    /// atomic increment a page.
    fn fold(&mut self) {
        if self.is_folded() {
            return;
        }
        let spine = self.spine.get_or_insert_default().own();
        spine.truncate(self.sealed);
        for (number, page) in self.patch.drain(..) {
            match spine.get_mut(number) {
                Some(place) => *place = page,
                None => spine.push(page),
            }
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        if self.tail.capacity() == 0 {
            self.tail.reserve_exact(FIRST.min(CELLS));
        }
        self.tail.push(value);
        if self.tail.len().is_multiple_of(CELLS) {
            self.seal_at_end();
        }
    }

    /// Makes pages of the tail if it has as many cells as it may.
    #[cold]
    fn seal_at_end(&mut self) {
        if self.sealed > 0 || self.tail.len() >= FLAT {
            self.seal();
        }
    }

    /// Makes pages of the tail, as many as it fills.
    fn seal(&mut self) {
        while self.tail.len() >= CELLS {
            let mut cells = self.tail.drain(..CELLS);
            let page = std::array::from_fn(|_| cells.next().expect("there are enough for a page"));
            drop(cells);
            self.push_page(Shared::new(page));
        }
        self.tail.shrink_to(CELLS);
    }

    fn push_page(&mut self, page: Page<T, CELLS>) {
        if self.owns_spine() {
            self.fold();
            self.spine_mut().push(page);
            self.sealed += 1;
            return;
        }
        self.patch.push((self.sealed, page));
        self.sealed += 1;
        if self.patch_is_long() {
            self.fold();
        }
    }

    /// The last cell, unless the last page has just been sealed.
    #[inline]
    pub(super) fn last_of_tail_mut(&mut self) -> Option<&mut T> {
        self.tail.last_mut()
    }

    /// Takes the last cell away.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        self.tail.pop().or_else(|| self.pop_sealed())
    }

    /// The same where the last page is full.
    #[cold]
    fn pop_sealed(&mut self) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        let value = self.get(last).clone();
        self.truncate(last);
        Some(value)
    }

    /// Makes the array as long as this, new cells holding `value`.
    pub(super) fn resize(&mut self, length: usize, value: T) {
        if length <= self.len() {
            return self.truncate(length);
        }
        if self.sealed == 0 && length >= FLAT {
            self.seal();
        }
        let end = if self.sealed == 0 && length < FLAT { FLAT } else { CELLS };
        while self.len() < length && (!self.tail.is_empty() || length - self.len() < end) {
            let more = (end - self.tail.len()).min(length - self.len());
            self.tail.resize(self.tail.len() + more, value.clone());
            if self.tail.len() == end {
                self.seal();
            }
        }
        if self.len() < length {
            // One page serves for all of them until they are written to.
            let page: Page<T, CELLS> = Shared::new(std::array::from_fn(|_| value.clone()));
            while length - self.len() >= CELLS {
                self.push_page(page.clone());
            }
            self.resize(length, value);
        }
    }

    /// Drops the cells from this position on.
    pub(super) fn truncate(&mut self, length: usize) {
        let sealed = length / CELLS;
        if sealed < self.sealed {
            let cut = &self.page(sealed)[..length % CELLS];
            self.tail = cut.to_vec();
            self.sealed = sealed;
            while self.patch.pop_if(|(number, _)| *number >= sealed).is_some() {}
        } else {
            self.tail.truncate(length - self.sealed * CELLS);
        }
    }

    /// The cells, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let pages = 0..self.sealed + self.tail.len().div_ceil(CELLS);
        pages.flat_map(|number| self.page(number).iter())
    }

    /// Every page at once, to be changed in any order; `None` if the spine is shared.
    ///
    /// # Cost
    /// **O(p)** for p pages.
    pub(super) fn open(&mut self) -> Option<Opened<'_, T, CELLS>> {
        if !self.owns_spine() {
            return None;
        }
        self.fold();
        let Paged { spine, tail, .. } = self;
        let spine = spine.as_mut().map_or(&mut [][..], |spine| &mut spine.own()[..]);
        let mut pages: Vec<&mut [T]> = spine.iter_mut().map(|page| &mut page.own()[..]).collect();
        pages.extend(tail.chunks_mut(CELLS));
        Some(Opened { pages })
    }

    /// How many pages there are to open.
    pub(super) fn page_count(&self) -> usize {
        self.sealed + self.tail.len().div_ceil(CELLS)
    }
}

/// All pages of an array.
pub(super) struct Opened<'a, T, const CELLS: usize> {
    pages: Vec<&'a mut [T]>,
}

impl<T, const CELLS: usize> Opened<'_, T, CELLS> {
    #[inline]
    pub(super) fn get_mut(&mut self, position: usize) -> &mut T {
        &mut self.pages[position / CELLS][position % CELLS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Push(u8),
        Write(usize, u8),
        Truncate(usize),
        Resize(usize),
        Fork,
        Drop,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            4 => any::<u8>().prop_map(Operation::Push),
            6 => (any::<usize>(), any::<u8>()).prop_map(|(at, value)| Operation::Write(at, value)),
            1 => any::<usize>().prop_map(Operation::Truncate),
            3 => (0..2000_usize).prop_map(Operation::Resize),
            2 => Just(Operation::Fork),
            2 => Just(Operation::Drop),
        ]
    }

    fn apply<const FLAT: usize>(
        pages: &mut Paged<u8, PAGE, FLAT>,
        plain: &mut Vec<u8>,
        operation: &Operation,
    ) {
        match operation {
            Operation::Push(value) => {
                pages.push(*value);
                plain.push(*value);
            }
            Operation::Write(at, value) if !plain.is_empty() => {
                let at = at % plain.len();
                *pages.get_mut(at) = *value;
                plain[at] = *value;
            }
            Operation::Truncate(length) => {
                let length = length % (plain.len() + 1);
                pages.truncate(length);
                plain.truncate(length);
            }
            Operation::Resize(more) => {
                let length = plain.len() + more;
                pages.resize(length, 7);
                plain.resize(length, 7);
            }
            Operation::Write(..) | Operation::Fork | Operation::Drop => {}
        }
    }

    /// Any number of copies, each written to in its own way, hold what plain vectors hold.
    fn check_copies<const FLAT: usize>(
        operations: Vec<(usize, Operation)>,
    ) -> Result<(), TestCaseError> {
        let mut forks = vec![(Paged::<u8, PAGE, FLAT>::default(), Vec::<u8>::new())];
        for (which, operation) in operations {
            let which = which % forks.len();
            match operation {
                Operation::Fork if forks.len() < 5 => forks.push(forks[which].clone()),
                Operation::Drop if forks.len() > 1 => drop(forks.swap_remove(which)),
                other => {
                    let (pages, plain) = &mut forks[which];
                    apply(pages, plain, &other);
                }
            }
        }
        for (mut pages, plain) in forks {
            prop_assert_eq!(pages.len(), plain.len());
            prop_assert!(pages.iter().eq(plain.iter()));
            let start = plain.len() / 3;
            let pieces = pages.pieces(start..plain.len() + 5);
            let cells = pieces.flat_map(|(from, cells)| (from..).zip(cells.iter().copied()));
            prop_assert!(cells.eq((start..).zip(plain[start..].iter().copied())));
            if let Some(mut opened) = pages.open() {
                for (at, value) in plain.iter().enumerate() {
                    prop_assert_eq!(*opened.get_mut(at), *value);
                }
            }
        }
        Ok(())
    }

    fn operations() -> impl Strategy<Value = Vec<(usize, Operation)>> {
        prop::collection::vec((any::<usize>(), operation()), 1..120)
    }

    proptest! {
        #[test]
        fn copies_are_independent(operations in operations()) {
            check_copies::<PAGE>(operations)?;
        }

        #[test]
        fn copies_of_what_begins_flat_are_independent(operations in operations()) {
            check_copies::<FLAT>(operations)?;
        }
    }
}
