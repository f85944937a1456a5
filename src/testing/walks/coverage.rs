//! What a run has tried, and whether that was enough.

use crate::database::{Database, Done, Walks};
use crate::error::Error;
use crate::testing::ways::Ways;
use std::fmt;

/// At least so many of a hundred deletes are refused set at a time in each place.
const TOLD_MIN: usize = 2;

/// Counts of one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Cases that came to their end.
    pub databases: usize,
    /// Deletes by the way they went where they were free to choose.
    pub ways: Ways,
    /// Deletes refused set at a time at the root, or at a row that another action had reached.
    pub told: [usize; 2],
    /// Deletes of several rows.
    pub several: usize,
    /// Deletes that changed rows over a constraint.
    pub acted: usize,
    /// Deletes that went set at a time and changed rows over a constraint.
    pub walked: usize,
    /// Deletes in a transaction.
    pub in_transaction: usize,
    /// Deletes that counted a row for another constraint than the other way did.
    pub counted_otherwise: usize,
    /// Deletes that came upon constraints in another order than the other way did.
    pub ordered_otherwise: usize,
}

impl Coverage {
    /// Deletes that were compared.
    pub fn deletes(&self) -> usize {
        self.ways.deletes
    }

    /// Notes a delete that has been carried out.
    pub(super) fn delete(
        &mut self,
        before: Walks,
        db: &Database,
        outcome: &Result<Option<Done>, Error>,
    ) {
        let after = db.walks();
        self.ways.note(before, after, outcome.is_err());
        self.in_transaction += usize::from(db.is_in_transaction());
        match outcome {
            Err(Error::Violation(violation)) if after.refused > before.refused => {
                self.told[usize::from(violation.path().length > 1)] += 1;
            }
            Err(_) | Ok(None) => {}
            Ok(Some(done)) => {
                let has_acted = done.constrained() > 0;
                self.several += usize::from(done.direct > 1);
                self.acted += usize::from(has_acted);
                self.walked += usize::from(has_acted && after.set > before.set);
            }
        }
    }

    /// Notes how a delete that went through was counted.
    pub(super) fn counts(&mut self, exact: &Done, set: &Done) {
        if exact.by_constraint == set.by_constraint {
            return;
        }
        let sorted = |done: &Done| {
            let mut counts = done.by_constraint.clone();
            counts.sort_by(|one, other| one.constraint().cmp(other.constraint()));
            counts
        };
        match sorted(exact) == sorted(set) {
            true => self.ordered_otherwise += 1,
            false => self.counted_otherwise += 1,
        }
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        self.databases += other.databases;
        self.ways.add(&other.ways);
        self.told[0] += other.told[0];
        self.told[1] += other.told[1];
        self.several += other.several;
        self.acted += other.acted;
        self.walked += other.walked;
        self.in_transaction += other.in_transaction;
        self.counted_otherwise += other.counted_otherwise;
        self.ordered_otherwise += other.ordered_otherwise;
    }

    /// What else has a floor: what only a comparison of the two ways is about.
    fn shares(&self) -> [(&'static str, usize); 3] {
        [
            ("of several rows", self.several),
            ("changed rows over a constraint", self.acted),
            ("changed rows over a constraint, set at a time", self.walked),
        ]
    }

    /// What the run has tried too seldom; empty if nothing.
    pub fn below_floor(&self) -> Vec<String> {
        let mut low = self.ways.below_floor(&self.ways.shares());
        low.extend(self.ways.below_floor(&self.shares()));
        for (count, place) in self.told.into_iter().zip(["at the root", "below a cascade"]) {
            if count * 100 < TOLD_MIN * self.deletes() {
                low.push(format!("refused set at a time {place}: {count}, less than {TOLD_MIN} %"));
            }
        }
        low
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} deletes in {} databases", self.deletes(), self.databases)?;
        self.ways.write(f, &self.ways.shares())?;
        self.ways.write(f, &self.shares())?;
        let others = [
            ("refused set at a time at the root", self.told[0]),
            ("refused set at a time below a cascade", self.told[1]),
            ("in a transaction", self.in_transaction),
            ("counted for another constraint", self.counted_otherwise),
            ("counted in another order", self.ordered_otherwise),
        ];
        self.ways.write(f, &others)
    }
}
