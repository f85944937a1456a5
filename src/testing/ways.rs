//! Which way deletes went, for the coverage of every comparison that has deletes.

use crate::database::Walks;
use std::fmt;

/// At least so many of a hundred deletes go each way, and are refused.
const SHARE_MIN: usize = 5;

/// Deletes by the way they went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ways {
    /// All of them.
    pub deletes: usize,
    /// Those that came to choose a way.
    pub walks: Walks,
    /// Those that were refused, whichever way they went.
    pub refused: usize,
}

impl Ways {
    /// Notes a delete: what its database had counted before it and after it.
    pub(super) fn note(&mut self, before: Walks, after: Walks, is_refused: bool) {
        self.deletes += 1;
        self.walks.set += after.set - before.set;
        self.walks.exact += after.exact - before.exact;
        self.walks.fallen_back += after.fallen_back - before.fallen_back;
        self.walks.refused += after.refused - before.refused;
        self.refused += usize::from(is_refused);
    }

    /// Adds the counts of another run.
    pub(super) fn add(&mut self, other: &Ways) {
        self.deletes += other.deletes;
        self.walks.set += other.walks.set;
        self.walks.exact += other.walks.exact;
        self.walks.fallen_back += other.walks.fallen_back;
        self.walks.refused += other.walks.refused;
        self.refused += other.refused;
    }

    /// What has a floor in every comparison.
    pub(super) fn shares(&self) -> [(&'static str, usize); 4] {
        [
            ("set at a time", self.walks.set),
            ("row by row from the start", self.walks.exact),
            ("fallen back", self.walks.fallen_back),
            ("refused, whichever way", self.refused),
        ]
    }

    /// Those of these counts that are below the floor.
    pub(super) fn below_floor(&self, shares: &[(&str, usize)]) -> Vec<String> {
        let low = |(_, count): &&(&str, usize)| count * 100 < SHARE_MIN * self.deletes;
        let text = |(what, count): &(&str, usize)| {
            format!("{what}: {count} of {} deletes, less than {SHARE_MIN} %", self.deletes)
        };
        shares.iter().filter(low).map(text).collect()
    }

    /// Each of these counts as its share of all deletes.
    pub(super) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        shares: &[(&str, usize)],
    ) -> fmt::Result {
        for (what, count) in shares {
            let percent = 100.0 * *count as f64 / self.deletes.max(1) as f64;
            writeln!(f, "{percent:5.1} % {what}")?;
        }
        Ok(())
    }
}
