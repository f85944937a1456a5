//! Deletes set at a time and row by row do the same, over random schemas, rows and deletes.
//!
//! `ONDELETE_DELETES` says how many deletes to compare, `ONDELETE_SEED` which ones. What was tried is
//! printed; see it with `--nocapture`.
#![cfg(feature = "testing")]

use ondelete::testing::walks::{self, Coverage};
use std::thread;

/// Deletes compared when nothing else is said.
const DELETES: usize = 40_000;

/// Cases run side by side on this many threads, each with seeds of its own.
const THREADS: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

#[test]
fn both_ways_do_the_same() {
    let deletes = number("ONDELETE_DELETES").map_or(DELETES, |count| count as usize);
    let seed = number("ONDELETE_SEED").unwrap_or(1);
    let share = deletes.div_ceil(THREADS as usize);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| thread::spawn(move || walks::run(seed * THREADS + thread, share)))
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
