//! What the workloads W1 to W10 cost: this crate, SQLite and a yardstick beside each other.
//!
//! `cargo bench --bench workloads --features sqlite -- w3_tree`. What is measured is the CPU
//! time of one run of a case: of all deletes of a run, and not of one row. `cargo test --benches` runs
//! each once on a few rows. For ratios in one table, see the other program, `ratios`.

mod common;

use common::list::{Workload, workloads};
use common::measure::Clock;
use common::{Case, Kind, Sizes};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use std::time::Duration;

fn bench(criterion: &mut Criterion) {
    let arguments: Vec<String> = std::env::args().collect();
    let sizes = if Sizes::is_test(&arguments) { Sizes::Tiny } else { Sizes::Full };
    let clock = Clock::new();
    for workload in workloads(sizes) {
        bench_workload(criterion, clock, &workload);
    }
}

fn bench_workload(criterion: &mut Criterion, clock: Clock, workload: &Workload) {
    let mut group = criterion.benchmark_group(&workload.name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for kind in Kind::ALL {
        let Some(build) = (workload.on)(kind) else { continue };
        // Built only if the filter lets it run, and once for all samples.
        let mut case: Option<Box<dyn Case>> = None;
        group.bench_function(kind.name(), |bencher| {
            let case = case.get_or_insert_with(&build);
            bencher.iter_custom(|runs| clock.time(case.as_mut(), runs).0);
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
