//! What a run has tried, and whether that was enough.

use crate::database::{Database, Done, Walks};
use crate::error::Error;
use std::fmt;

/// At least so many of a hundred deletes go each way, and are refused.
const SHARE_MIN: usize = 5;

/// Counts of one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Deletes that were compared.
    pub deletes: usize,
    /// Cases that came to their end.
    pub databases: usize,
    /// Deletes by the way they went where they were free to choose.
    pub walks: Walks,
    /// Deletes that were refused, whichever way.
    pub refused: usize,
    /// Deletes of several rows.
    pub several: usize,
    /// Deletes that changed rows over a constraint.
    pub acted: usize,
    /// Deletes in a transaction.
    pub in_transaction: usize,
    /// Deletes that counted a row for another constraint than the other way did.
    pub counted_otherwise: usize,
    /// Deletes that came upon constraints in another order than the other way did.
    pub ordered_otherwise: usize,
}

impl Coverage {
    /// Notes a delete that has been carried out.
    pub(super) fn delete(
        &mut self,
        before: &Walks,
        db: &Database,
        outcome: &Result<Option<Done>, Error>,
    ) {
        let after = db.walks();
        self.deletes += 1;
        self.walks.set += after.set - before.set;
        self.walks.exact += after.exact - before.exact;
        self.walks.fallen_back += after.fallen_back - before.fallen_back;
        self.walks.refused += after.refused - before.refused;
        self.in_transaction += usize::from(db.is_in_transaction());
        match outcome {
            Err(_) => self.refused += 1,
            Ok(None) => {}
            Ok(Some(done)) => {
                self.several += usize::from(done.direct > 1);
                self.acted += usize::from(done.constrained() > 0);
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
        self.deletes += other.deletes;
        self.databases += other.databases;
        self.walks.set += other.walks.set;
        self.walks.exact += other.walks.exact;
        self.walks.fallen_back += other.walks.fallen_back;
        self.walks.refused += other.walks.refused;
        self.refused += other.refused;
        self.several += other.several;
        self.acted += other.acted;
        self.in_transaction += other.in_transaction;
        self.counted_otherwise += other.counted_otherwise;
        self.ordered_otherwise += other.ordered_otherwise;
    }

    /// What has a floor.
    fn shares(&self) -> [(&'static str, usize); 4] {
        [
            ("set at a time", self.walks.set),
            ("row by row from the start", self.walks.exact),
            ("fallen back", self.walks.fallen_back),
            ("refused, whichever way", self.refused),
        ]
    }

    /// What the run has tried too seldom; empty if nothing.
    pub fn below_floor(&self) -> Vec<String> {
        let low = |(_, count): &(&str, usize)| count * 100 < SHARE_MIN * self.deletes;
        let text = |(what, count)| {
            format!("{what}: {count} of {} deletes, less than {SHARE_MIN} %", self.deletes)
        };
        self.shares().into_iter().filter(low).map(text).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} deletes in {} databases", self.deletes, self.databases)?;
        let others = [
            ("refused set at a time", self.walks.refused),
            ("of several rows", self.several),
            ("changed rows over a constraint", self.acted),
            ("in a transaction", self.in_transaction),
            ("counted for another constraint", self.counted_otherwise),
            ("counted in another order", self.ordered_otherwise),
        ];
        for (what, count) in self.shares().into_iter().chain(others) {
            let percent = 100.0 * count as f64 / self.deletes.max(1) as f64;
            writeln!(f, "{percent:5.1} % {what}")?;
        }
        Ok(())
    }
}
