//! Queries find here what they find in SQLite, over random tables and queries.
//!
//! `ONDELETE_QUERIES` says how many queries to compare, `ONDELETE_SEED` which ones. What was tried is
//! printed; see it with `--nocapture`.
#![cfg(all(feature = "testing", feature = "sqlite"))]

use ondelete::testing::queries::{self, Coverage};
use std::thread;

/// Queries compared when nothing else is said.
const QUERIES: usize = 6_000;

/// Cases run side by side on this many threads, each with seeds of its own.
const THREADS: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

#[test]
fn queries_find_what_sqlite_finds() {
    let count = number("ONDELETE_QUERIES").map_or(QUERIES, |count| count as usize);
    let seed = number("ONDELETE_SEED").unwrap_or(1);
    let share = count.div_ceil(THREADS as usize);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| thread::spawn(move || queries::run(seed * THREADS + thread, share)))
        .collect();
    let mut coverage = Coverage::default();
    for thread in threads {
        match thread.join().expect("a run does not panic") {
            Ok(own) => coverage.add(&own),
            Err(found) => panic!("{found}"),
        }
    }
    println!("{coverage}");
    assert_eq!(coverage.below_floor(), Vec::<String>::new());
}
