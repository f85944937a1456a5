//! How many times faster than SQLite, and does that reach the floor?
//!
//! ```sh
//! cargo bench --bench ratios --features sqlite                      # everything
//! cargo bench --bench ratios --features sqlite -- --quick w1 w5     # some, smaller
//! cargo bench --bench ratios --features sqlite -- --check           # status 1 if a floor is missed
//! ```
//!
//! All subjects are in one process and take turns, sample by sample; a figure is the median of the
//! samples' CPU time per unit. So the ratios hold on a busy machine too, if not the figures. What
//! the subjects affect or read is compared first. The allocator counts, at the cost of an addition a
//! call to ours and to L1.

mod common;

use cap::Cap;
use common::list::{Floor, Workload, widest, workloads};
use common::measure::{Clock, run_once};
use common::memory::{bytes_per_row, drifts, shapes};
use common::report::{Figures, Report, figure};
use common::{Case, Kind, Sizes};
use std::alloc::System;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const USAGE: &str = "options: --quick, --check, --test, and parts of names of workloads";

/// A workload that takes longer than `PATIENCE` is content with so many samples.
const SAMPLES_MIN: usize = 3;
const PATIENCE: Duration = Duration::from_secs(15);

/// What is asked for.
struct Options {
    sizes: Sizes,
    checks: bool,
    /// Parts of names; none for all.
    names: Vec<String>,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Options, String> {
        let is_test = Sizes::is_test(arguments);
        let sizes = if is_test { Sizes::Tiny } else { Sizes::Full };
        let mut options = Options { sizes, checks: false, names: Vec::new() };
        for argument in arguments {
            match argument.as_str() {
                "--bench" | "--test" => {}
                "--quick" if !is_test => options.sizes = Sizes::Quick,
                "--check" => options.checks = !is_test,
                // Flags of the usual test harness, which every test program is given.
                flag if flag.starts_with('-') && is_test => {}
                flag if flag.starts_with('-') => return Err(format!("{flag}? {USAGE}")),
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    fn samples(&self) -> usize {
        self.sizes.pick(7, 5, 1)
    }

    /// The CPU time of one sample.
    fn goal(&self) -> Duration {
        self.sizes.pick(Duration::from_millis(20), Duration::from_millis(5), Duration::ZERO)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = match Options::read(&arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::default();
    Report::heading();
    time(&options, &mut report);
    weigh(&options, &mut report);
    tell_growth(&report);
    if report.missed().is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("missed: {}", report.missed().join(", "));
    ExitCode::from(u8::from(options.checks))
}

// ------------------------------------------------------------------------------------------------
// Time
// ------------------------------------------------------------------------------------------------

fn time(options: &Options, report: &mut Report) {
    let clock = Clock::new();
    let wanted = |workload: &Workload| options.wants(&workload.name);
    let mut all = workloads(options.sizes);
    if options.sizes == Sizes::Full {
        all.push(widest());
    }
    for workload in all.into_iter().filter(wanted) {
        let figures = take_turns(&workload, clock, options);
        report.line(&workload.name, workload.unit, figures, floors(options, &workload.floors));
    }
}

/// A few rows tell nothing about speed.
fn floors<'a>(options: &Options, floors: &'a [Floor]) -> &'a [Floor] {
    if options.sizes == Sizes::Tiny { &[] } else { floors }
}

/// The median figure of each subject.
fn take_turns(workload: &Workload, clock: Clock, options: &Options) -> Figures {
    let mut subjects: Vec<(Kind, Box<dyn Case>, Vec<f64>)> = Vec::new();
    for kind in Kind::ALL {
        if let Some(build) = (workload.on)(kind) {
            subjects.push((kind, build(), Vec::new()));
        }
    }
    compare(workload, &mut subjects);
    let began = Instant::now();
    for done in 0..options.samples() {
        if done >= SAMPLES_MIN && began.elapsed() > PATIENCE {
            break;
        }
        for (_, case, samples) in &mut subjects {
            samples.push(clock.sample(case.as_mut(), options.goal()));
        }
    }
    let mut figures = Figures::default();
    for (kind, _, samples) in subjects {
        figures.set(kind, median(samples));
    }
    figures
}

/// Runs each subject once. All must do the same.
fn compare(workload: &Workload, subjects: &mut [(Kind, Box<dyn Case>, Vec<f64>)]) {
    let mut first = None;
    for (kind, case, _) in subjects {
        let ran = run_once(case.as_mut());
        let (first_kind, first_ran) = *first.get_or_insert((*kind, ran));
        assert_eq!(ran, first_ran, "{}: {kind:?} against {first_kind:?}", workload.name);
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// How the cost of a row grows with the rows of a wide delete.
fn tell_growth(report: &Report) {
    let growth = report.ours_of("w1_wide/rows=");
    let growth: Vec<String> =
        growth.map(|(rows, ns)| format!("{} at {rows}", figure(Some(ns)))).collect();
    if !growth.is_empty() {
        println!("linearity of w1_wide, ours, ns/row: {}", growth.join(", "));
    }
}

// ------------------------------------------------------------------------------------------------
// Memory
// ------------------------------------------------------------------------------------------------

fn weigh(options: &Options, report: &mut Report) {
    let allocated = || ALLOCATOR.allocated();
    for (name, shape) in shapes(options.sizes).into_iter().filter(|(name, _)| options.wants(name)) {
        let mut figures = Figures::default();
        for kind in Kind::ALL {
            if let Some(bytes) = bytes_per_row(kind, &shape, &allocated) {
                figures.set(kind, bytes);
            }
        }
        report.line(&name, "bytes/row", figures, floors(options, &[Floor::AtMost(60.0)]));
    }
    for drift in drifts(options.sizes).into_iter().filter(|drift| options.wants(&drift.name)) {
        let mut figures = Figures::default();
        figures.set(Kind::Ours, (drift.measure)(drift.rounds, &allocated));
        report.line(&drift.name, "x fresh", figures, floors(options, &[Floor::AtMost(2.0)]));
    }
}
