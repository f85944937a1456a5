//! The engine and SQLite, side by side in process, over random schemas and operations.
//!
//! `ONDELETE_STATEMENTS` says how many statements to compare, `ONDELETE_SEED` which ones. What was
//! tried is printed; see it with `--nocapture`.
#![cfg(all(feature = "testing", feature = "sqlite"))]

use ondelete::testing::differential::{self, Coverage};
use std::thread;

/// Statements compared when nothing else is said: as many as it takes for the rarest cell of the
/// coverage to be met 500 times.
const STATEMENTS: usize = 500_000;

/// Sequences run side by side on this many threads, each with seeds of its own.
const THREADS: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

#[test]
fn the_engine_agrees_with_sqlite() {
    let statements = number("ONDELETE_STATEMENTS").map_or(STATEMENTS, |count| count as usize);
    let seed = number("ONDELETE_SEED").unwrap_or(1);
    let share = statements.div_ceil(THREADS as usize);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| thread::spawn(move || differential::run(seed * THREADS + thread, share)))
        .collect();
    let mut coverage = Coverage::default();
    for thread in threads {
        match thread.join().expect("a run does not panic") {
            Ok(own) => coverage.add(&own),
            Err(difference) => panic!("{difference}"),
        }
    }
    println!("{coverage}");
    assert_eq!(coverage.below_floor(), Vec::<String>::new());
}
