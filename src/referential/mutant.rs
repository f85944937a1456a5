//! Deliberately broken executors, to find out whether a comparison would notice: that of the engine
//! with SQLite, or, of a delete set at a time, that with the exact path.
//!
//! Each mutant is one wrong decision at the place where the right one is made; at most one is on, and
//! only for the thread that switched it on. None of this exists outside of unit tests.

use std::cell::Cell;

/// One way of being wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// The oldest constraint of a referenced row acts first.
    OldestFirst,
    /// RESTRICT neither acts nor is judged.
    RestrictIgnored,
    /// RESTRICT waits for the end of the statement.
    RestrictAtEnd,
    /// NO ACTION refuses at the row.
    NoActionAtRow,
    /// SET NULL writes the first column of the key only.
    SetNullFirstColumn,
    /// SET DEFAULT sets NULL.
    SetDefaultIsNull,
    /// CASCADE leaves the last of several rows out.
    CascadeSkipsLast,
    /// An update acts although the key stays the same.
    ActsWithoutChange,
    /// An updated row is judged only if its key has changed.
    UnchangedNotJudged,
    /// A key that an update has left is not judged.
    LeftKeyNotJudged,
    /// A deferred constraint is judged at once.
    DeferredIsImmediate,
    /// One nested action too few is allowed.
    DepthOffByOne,
    /// All matched rows are roots of one walk, even where they reference one another.
    WalkTakesRootsTogether,
    /// A walk goes over tables with programs (W.1).
    WalkIgnoresPrograms,
    /// A walk writes columns that are part of a referenced key (W.2).
    WalkWritesKeys,
    /// A walk writes columns that another foreign key still has to find its rows by (W.2).
    WalkWritesOtherKeys,
    /// RESTRICT is judged by what is left when the set has gone (W.3).
    WalkRestrictsBySet,
    /// A walk writes rows twice, or writes rows it has deleted (W.4).
    WalkWritesTwice,
    /// A walk writes a default that has gone (W.5).
    WalkWritesGoneKeys,
    /// A walk breaks NOT NULL and UNIQUE (W.6).
    WalkBreaksConstraints,
    /// A walk writes unique keys that its own dead rows had (W.6).
    WalkFreesKeys,
    /// A walk goes deeper than the limit (W.7).
    WalkIgnoresDepth,
    /// A walk takes levels for exact where rows were reached twice (W.7).
    WalkIgnoresLevels,
}

thread_local! {
    static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Whether this mutant is on.
pub(crate) fn is(mutant: Mutant) -> bool {
    ON.with(|on| on.get() == Some(mutant))
}

#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    /// Switches a mutant on and goes through seeds until one shows it, or enough has been tried. That
    /// seed must show nothing without the mutant. What was tried.
    fn find_catching_seed<C: Default>(
        mutant: Mutant,
        shows: impl Fn(u64, &mut C) -> bool,
        is_enough: impl Fn(&C) -> bool,
    ) -> C {
        let mut coverage = C::default();
        ON.with(|on| on.set(Some(mutant)));
        // A mutant may also break what storage relies on.
        let caught = (0..).find(|&seed| {
            catch_unwind(AssertUnwindSafe(|| shows(seed, &mut coverage))).unwrap_or(true)
                || is_enough(&coverage)
        });
        ON.with(|on| on.set(None));
        let is_sound = caught.is_some_and(|seed| !shows(seed, &mut C::default()));
        assert!(is_sound, "the case that catches {mutant:?} is sound without it");
        coverage
    }

    /// Every mutant of the exact path must be caught within so many statements.
    #[cfg(feature = "sqlite")]
    const STATEMENTS_MAX: usize = 20_000;

    #[cfg(feature = "sqlite")]
    #[test]
    fn every_mutant_is_caught() {
        use crate::testing::differential::{Coverage, differs};
        use Mutant::*;
        let mutants = [
            OldestFirst,
            RestrictIgnored,
            RestrictAtEnd,
            NoActionAtRow,
            SetNullFirstColumn,
            SetDefaultIsNull,
            CascadeSkipsLast,
            ActsWithoutChange,
            UnchangedNotJudged,
            LeftKeyNotJudged,
            DeferredIsImmediate,
            DepthOffByOne,
        ];
        for mutant in mutants {
            let is_enough = |coverage: &Coverage| coverage.statements > STATEMENTS_MAX;
            let Coverage { statements, .. } = find_catching_seed(mutant, differs, is_enough);
            println!("{mutant:?}: caught after {statements} statements");
            assert!(statements <= STATEMENTS_MAX, "{mutant:?} was not caught");
        }
    }

    /// Every mutant of rule W must be caught within so many deletes; but for one that takes a graph too
    /// rare to wait for, which has a test of its own.
    const DELETES_MAX: usize = 40_000;

    #[test]
    fn every_mutant_of_rule_w_is_caught() {
        use crate::testing::walks::{Coverage, disagrees};
        use Mutant::*;
        let mutants = [
            WalkTakesRootsTogether,
            WalkIgnoresPrograms,
            WalkWritesKeys,
            WalkWritesOtherKeys,
            WalkRestrictsBySet,
            WalkWritesTwice,
            WalkWritesGoneKeys,
            WalkBreaksConstraints,
            WalkFreesKeys,
            WalkIgnoresDepth,
        ];
        let catch = |mutant: Mutant| {
            let is_enough = |coverage: &Coverage| coverage.deletes() > DELETES_MAX;
            let deletes = find_catching_seed(mutant, disagrees, is_enough).deletes();
            println!("{mutant:?}: {deletes} deletes");
            assert!(deletes <= DELETES_MAX, "{mutant:?} was not caught");
        };
        // A mutant is on for one thread.
        thread::scope(|scope| {
            for share in mutants.chunks(mutants.len().div_ceil(2)) {
                scope.spawn(move || share.iter().copied().for_each(catch));
            }
        });
    }

    #[test]
    fn levels_are_not_exact_where_a_row_is_reached_twice() {
        use crate::error::Error;
        use crate::testing::walks::delete_what_is_reached_twice;
        assert!(matches!(delete_what_is_reached_twice(), Err(Error::Depth(_))));
        ON.with(|on| on.set(Some(Mutant::WalkIgnoresLevels)));
        let rows = delete_what_is_reached_twice();
        ON.with(|on| on.set(None));
        assert_eq!(rows, Ok(8));
    }
}
