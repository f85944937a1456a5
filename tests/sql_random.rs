//! Random scripts of SQL come to the same here as in SQLite, statement by statement.
//!
//! `ONDELETE_SQL` says how many statements to compare, `ONDELETE_SEED` which ones. What was tried is
//! printed; see it with `--nocapture`.
#![cfg(all(feature = "testing", feature = "sqlite", feature = "sql"))]

mod threads;

use ondelete::testing::sql::{self, Coverage};

/// Statements compared when nothing else is said.
const STATEMENTS: usize = 100_000;

#[test]
fn scripts_come_to_the_same_as_in_sqlite() {
    let mut coverage = Coverage::default();
    for own in threads::run("ONDELETE_SQL", STATEMENTS, sql::run) {
        coverage.add(&own);
    }
    println!("{coverage}");
    assert_eq!(coverage.below_floor(), Vec::<String>::new());
}
