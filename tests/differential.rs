//! The engine and SQLite, side by side in process, over random schemas and operations.
//!
//! `ONDELETE_STATEMENTS` says how many statements to compare, `ONDELETE_SEED` which ones. What was
//! tried is printed; see it with `--nocapture`.
#![cfg(all(feature = "testing", feature = "sqlite"))]

mod threads;

use ondelete::testing::differential::{self, Coverage};

/// Statements compared when nothing else is said: as many as it takes for the rarest cell of the
/// coverage to be met 500 times.
const STATEMENTS: usize = 500_000;

#[test]
fn the_engine_agrees_with_sqlite() {
    let mut coverage = Coverage::default();
    for own in threads::run("ONDELETE_STATEMENTS", STATEMENTS, differential::run) {
        coverage.add(&own);
    }
    println!("{coverage}");
    assert_eq!(coverage.below_floor(), Vec::<String>::new());
}
