//! Deliberately broken executors, to find out whether the comparison with SQLite would notice.
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

#[cfg(all(feature = "testing", feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::testing::differential::{Coverage, differs};

    /// Every mutant must be caught within so many statements.
    const STATEMENTS_MAX: usize = 20_000;

    #[test]
    fn every_mutant_is_caught() {
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
            WalkTakesRootsTogether,
            WalkIgnoresPrograms,
            WalkWritesKeys,
            WalkRestrictsBySet,
            WalkWritesTwice,
            WalkWritesGoneKeys,
            WalkBreaksConstraints,
            WalkIgnoresDepth,
            WalkIgnoresLevels,
        ];
        for mutant in mutants {
            ON.with(|on| on.set(Some(mutant)));
            let mut coverage = Coverage::default();
            let caught = (0..)
                .find(|&seed| differs(seed, &mut coverage) || coverage.statements > STATEMENTS_MAX);
            ON.with(|on| on.set(None));
            let is_sound = caught.is_some_and(|seed| !differs(seed, &mut Coverage::default()));
            assert!(is_sound, "the sequence that catches {mutant:?} is sound without it");
            let statements = coverage.statements;
            println!("{mutant:?}: caught after {statements} statements");
            assert!(statements <= STATEMENTS_MAX, "{mutant:?} was not caught");
        }
    }
}
