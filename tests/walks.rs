//! Deletes set at a time and row by row do the same, over random schemas, rows and deletes.
//!
//! `ONDELETE_DELETES` says how many deletes to compare, `ONDELETE_SEED` which ones. What was tried is
//! printed; see it with `--nocapture`.
#![cfg(feature = "testing")]

mod threads;

use ondelete::testing::walks::{self, Coverage};

/// Deletes compared when nothing else is said.
const DELETES: usize = 40_000;

#[test]
fn both_ways_do_the_same() {
    let mut coverage = Coverage::default();
    for own in threads::run("ONDELETE_DELETES", DELETES, walks::run) {
        coverage.add(&own);
    }
    println!("{coverage}");
    assert_eq!(coverage.below_floor(), Vec::<String>::new());
}
