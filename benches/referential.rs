//! What a referential action costs, beside the same rows without enforcement.
//!
//! Each workload is timed twice in one run: `on` with enforcement, `off` with the same statements
//! done by hand (children first) and enforcement off. Read the ratio, not the times.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ondelete::ReferentialAction::{Cascade, Restrict, SetNull};
use ondelete::{Column, Database, Dialect, Enforcement, ReferentialAction, Table, col, key, row};

/// One team and `fanout` heroes in it.
fn wide(fanout: i64, action: ReferentialAction, enforcement: Enforcement) -> Database {
    let mut db = Database::new(enforcement);
    db.create_table(Table::new("team").column(Column::integer("id").primary_key())).expect("free");
    let team_id = Column::integer("team_id").references_key("team").on_delete(action);
    let hero = Table::new("hero").column(Column::integer("id").primary_key()).column(team_id);
    db.create_table(hero).expect("the name is free");
    db.insert("team", row![1]).expect("a first row");
    db.insert_many("hero", (0..fanout).map(|id| row![id, 1])).expect("rows of the team");
    db
}

/// `depth` rows, each referencing the one before.
fn chain(depth: i64) -> Database {
    let dialect = Dialect::sqlite().with_depth_limit(None);
    let mut db = Database::with_dialect(Enforcement::On, dialect);
    let up = Column::integer("up").references_key("node").on_delete(Cascade);
    let node = Table::new("node").column(Column::integer("id").primary_key()).column(up);
    db.create_table(node).expect("the name is free");
    db.insert_many("node", (1..=depth).map(|id| row![id, (id > 1).then_some(id - 1)]))
        .expect("rows that reference the one before");
    db
}

fn delete_wide(c: &mut Criterion) {
    const FANOUT: i64 = 1000;
    let mut group = c.benchmark_group(format!("delete_wide/fanout={FANOUT}"));
    for (name, action) in [("cascade", Cascade), ("set_null", SetNull)] {
        let base = wide(FANOUT, action, Enforcement::On);
        group.bench_function(format!("{name}/on"), |bencher| {
            let fork = || base.fork().expect("no transaction is open");
            bencher.iter_batched_ref(fork, |db| db.delete("team", key![1]), BatchSize::LargeInput);
        });
    }
    let base = wide(FANOUT, Cascade, Enforcement::Off);
    group.bench_function("by_hand/off", |bencher| {
        let fork = || base.fork().expect("no transaction is open");
        let delete = |db: &mut Database| {
            db.delete("hero", col("team_id").eq(1))?;
            db.delete("team", key![1])
        };
        bencher.iter_batched_ref(fork, delete, BatchSize::LargeInput);
    });
    group.finish();
}

fn refuse(c: &mut Criterion) {
    let mut group = c.benchmark_group("refuse_restrict");
    for fanout in [1, 1000] {
        let mut db = wide(fanout, Restrict, Enforcement::On);
        group.bench_function(format!("fanout={fanout}"), |bencher| {
            bencher.iter(|| db.delete("team", key![1]).is_err());
        });
    }
    group.finish();
}

fn delete_chain(c: &mut Criterion) {
    let mut group = c.benchmark_group("delete_cascade/self");
    for depth in [10, 1000] {
        let mut db = chain(depth);
        group.bench_function(format!("plan/depth={depth}"), |bencher| {
            bencher.iter(|| db.plan_delete("node", key![1]).is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, delete_wide, refuse, delete_chain);
criterion_main!(benches);
