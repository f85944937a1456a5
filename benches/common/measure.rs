//! CPU time of a case, without what comes before and after each run.

use super::{Case, Ran};
use cpu_time::ProcessTime;
use std::time::{Duration, Instant};

/// A clock that knows what it costs to be read.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    cost: Duration,
}

impl Clock {
    /// Reads itself often enough to know.
    pub fn new() -> Self {
        let mut costs: Vec<_> = (0..1001).map(|_| ProcessTime::now().elapsed()).collect();
        costs.sort_unstable();
        Clock { cost: costs[costs.len() / 2] }
    }

    /// The CPU time of so many runs, and their units.
    pub fn time(self, case: &mut dyn Case, runs: u64) -> (Duration, u64) {
        if case.is_repeatable() {
            return self.time_together(case, runs);
        }
        let (mut time, mut units) = (Duration::ZERO, 0);
        for _ in 0..runs {
            case.prepare();
            let start = ProcessTime::now();
            let ran = case.run();
            time += start.elapsed();
            case.restore();
            units += ran.units;
        }
        // Taken off the sum: off each run, those that the clock got wrong would count as nothing.
        (time.saturating_sub(self.cost.mul_f64(runs as f64)), units)
    }

    fn time_together(self, case: &mut dyn Case, runs: u64) -> (Duration, u64) {
        case.prepare();
        let start = ProcessTime::now();
        let units = (0..runs).map(|_| case.run().units).sum();
        let time = start.elapsed().saturating_sub(self.cost);
        case.restore();
        (time, units)
    }

    /// Nanoseconds per unit, over as many runs as take `goal`.
    pub fn sample(self, case: &mut dyn Case, goal: Duration) -> f64 {
        let began = Instant::now();
        let (mut time, mut units, mut runs) = (Duration::ZERO, 0, 1);
        // What is not timed may take far longer than what is.
        while units == 0 || (time < goal && began.elapsed() < 20 * goal) {
            let (taken, done) = self.time(case, runs);
            time += taken;
            units += done;
            runs *= 2;
        }
        time.as_nanos() as f64 / units.max(1) as f64
    }
}

/// One whole run: what must be the same for every subject.
pub fn run_once(case: &mut dyn Case) -> Ran {
    case.prepare();
    let ran = case.run();
    case.restore();
    ran
}
