//! How many bytes for a row, for an object of a session, and what is left of rows that have gone?
//!
//! ```sh
//! cargo bench --bench memory --features sqlite                      # everything
//! cargo bench --bench memory --features sqlite -- --quick --check   # smaller; status 1 if too much
//! ```
//!
//! A program of its own, because its allocator counts, which costs ours and L1 time.

mod common;

use cap::Cap;
use common::Kind;
use common::list::Floor;
use common::memory::{bytes_per_row, drifts, shapes};
use common::options::Options;
use common::report::{Figures, Report};
use common::session::bytes_per_object;
use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    let Some(options) = Options::from_arguments() else { return ExitCode::from(2) };
    let mut report = Report::default();
    Report::heading();
    weigh(&options, &mut report);
    report.finish(options.checks)
}

fn weigh(options: &Options, report: &mut Report) {
    let allocated = || ALLOCATOR.allocated();
    for (name, shape) in shapes(options.sizes).into_iter().filter(|(name, _)| options.wants(name)) {
        let mut figures = Figures::default();
        for kind in Kind::ALL {
            if let Some(bytes) = bytes_per_row(kind, &shape, &allocated) {
                figures.set(kind, bytes);
            }
        }
        report.line(&name, "bytes/row", figures, options.floors(&[Floor::AtMost(60.0)]));
    }
    let objects = options.sizes.pick(1_000_000, 100_000, 20);
    let name = format!("session/loaded/objects={objects}");
    if options.wants(&name) {
        let mut figures = Figures::default();
        figures.set(Kind::Ours, bytes_per_object(objects, &allocated));
        report.line(&name, "bytes/object", figures, options.floors(&[Floor::AtMost(400.0)]));
    }
    for drift in drifts(options.sizes).into_iter().filter(|drift| options.wants(&drift.name)) {
        let mut figures = Figures::default();
        figures.set(Kind::Ours, (drift.measure)(drift.rounds, &allocated));
        report.line(&drift.name, "x fresh", figures, options.floors(&[Floor::AtMost(2.0)]));
    }
}
