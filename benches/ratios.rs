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
//! the subjects affect or read is compared first.

mod common;

use common::list::{Workload, widest, workloads};
use common::measure::{Clock, run_once};
use common::options::Options;
use common::report::{Figures, Report, figure};
use common::{Case, Kind, Sizes};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A workload that takes longer than `PATIENCE` is content with so many samples.
const SAMPLES_MIN: usize = 3;
const PATIENCE: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let Some(options) = Options::from_arguments() else { return ExitCode::from(2) };
    let mut report = Report::default();
    Report::heading();
    time(&options, &mut report);
    tell_growth(&report);
    report.finish(options.checks)
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
        report.line(&workload.name, workload.unit, figures, options.floors(&workload.floors));
    }
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
