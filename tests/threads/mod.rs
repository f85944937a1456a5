//! Random cases on several threads, as many and from which seed as the environment says.

use std::fmt::Display;
use std::thread;

/// Cases run side by side on this many threads, each with seeds of its own.
const THREADS: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

/// What each thread's share of the cases came to. `variable` says how many there are, unless it is
/// `usual`; `ONDELETE_SEED` says which.
///
/// # Panics
/// With what a run has found.
pub fn run<C, E>(
    variable: &str,
    usual: usize,
    run: impl Fn(u64, usize) -> Result<C, E> + Copy + Send + 'static,
) -> Vec<C>
where
    C: Send + 'static,
    E: Display + Send + 'static,
{
    let count = number(variable).map_or(usual, |count| count as usize);
    let seed = number("ONDELETE_SEED").unwrap_or(1);
    let share = count.div_ceil(THREADS as usize);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| thread::spawn(move || run(seed * THREADS + thread, share)))
        .collect();
    let outcome = |thread: thread::JoinHandle<Result<C, E>>| match thread
        .join()
        .expect("a run does not panic")
    {
        Ok(own) => own,
        Err(found) => panic!("{found}"),
    };
    threads.into_iter().map(outcome).collect()
}
