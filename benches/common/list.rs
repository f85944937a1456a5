//! The workloads W1 to W10, their sizes and the floors they must reach.

use super::cases::{
    Deletes, FindsChildren, ForksAndInserts, Inserts, LooksUp, Refuses, Resets, Settles, UnitTests,
};
use super::l1::{Diamond, Items, Levels as ByLevel};
use super::ours::{Exact, Ours};
use super::shapes::{Levels, Order, Shape};
#[cfg(feature = "sqlite")]
use super::sqlite::Sqlite;
use super::{Case, Kind, Sizes};
use ondelete::ReferentialAction::{Cascade, Restrict, SetNull};

/// One line of the table.
pub struct Workload {
    /// `group/parameters`.
    pub name: String,
    /// What one unit is.
    pub unit: &'static str,
    /// What must hold.
    pub floors: Vec<Floor>,
    /// What builds the case on a subject; `None` where a subject has no such thing.
    pub on: Box<dyn Fn(Kind) -> Option<Build>>,
}

/// Builds a case, which may take a while.
pub type Build = Box<dyn Fn() -> Box<dyn Case>>;

/// What a figure of ours must reach.
#[derive(Clone, Debug, PartialEq)]
pub enum Floor {
    /// SQLite takes so many times as long.
    TimesSqlite(f64),
    /// At most so much, in the unit of the line.
    AtMost(f64),
    /// At most so many times the figure of another line.
    TimesLine(f64, String),
}

/// What builds a case on the subject that is asked for.
macro_rules! on {
    ($kind:expr, $ours:ty, $l1:ty, $case:ident :: $new:ident ($($argument:expr),*)) => {
        match $kind {
            Kind::Ours => build(move || $case::<$ours>::$new($($argument),*)),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => build(move || $case::<Sqlite>::$new($($argument),*)),
            #[cfg(not(feature = "sqlite"))]
            Kind::Sqlite => None,
            Kind::L1 => build(move || $case::<$l1>::$new($($argument),*)),
        }
    };
}

fn build<C: Case + 'static>(make: impl Fn() -> C + 'static) -> Option<Build> {
    Some(Box::new(move || Box::new(make())))
}

/// All workloads, in the order of their numbers.
pub fn workloads(sizes: Sizes) -> Vec<Workload> {
    let mut all = Vec::new();
    wide(sizes, &mut all);
    chains(sizes, &mut all);
    trees(sizes, &mut all);
    set_null(sizes, &mut all);
    refusals(sizes, &mut all);
    resets(sizes, &mut all);
    single_rows(sizes, &mut all);
    unit_test(sizes, &mut all);
    if sizes != Sizes::Full {
        // They compare sizes that are not run.
        for workload in &mut all {
            workload.floors.retain(|floor| !matches!(floor, Floor::TimesLine(..)));
        }
    }
    all
}

/// The widest delete, by ours alone: does a row still cost the same?
pub fn widest() -> Workload {
    let rows = 10_000_000;
    let shape = neighbours(1, rows);
    let floor = Floor::TimesLine(3.0, wide_name(1_000));
    workload(wide_name(rows), "ns/row", [floor], move |kind| match kind {
        Kind::Ours => build(move || Deletes::<Ours>::new(&shape, 1)),
        Kind::Sqlite | Kind::L1 => None,
    })
}

fn wide_name(rows: i64) -> String {
    format!("w1_wide/rows={rows}")
}

fn workload(
    name: String,
    unit: &'static str,
    floors: impl IntoIterator<Item = Floor>,
    on: impl Fn(Kind) -> Option<Build> + 'static,
) -> Workload {
    Workload { name, unit, floors: floors.into_iter().collect(), on: Box::new(on) }
}

// ------------------------------------------------------------------------------------------------
// W1 to W5: what follows a delete
// ------------------------------------------------------------------------------------------------

fn neighbours(parents: i64, per_parent: i64) -> Shape {
    Shape::Pair { parents, per_parent, order: Order::Neighbours, action: Cascade }
}

fn wide(sizes: Sizes, all: &mut Vec<Workload>) {
    let most = sizes.pick(1_000_000, 100_000, 20);
    for rows in [1_000, 10_000, 100_000, 1_000_000].map(|rows: i64| rows.min(most)) {
        if all.iter().any(|other| other.name == wide_name(rows)) {
            continue;
        }
        // Few rows are deleted many times over, so that the clock does not matter.
        let parents = (most.min(100_000) / rows).max(1);
        let shape = neighbours(parents, rows);
        let floor = (rows == 100_000).then_some(Floor::TimesSqlite(150.0));
        all.push(workload(wide_name(rows), "ns/row", floor, move |kind| {
            on!(kind, Ours, ByLevel, Deletes::new(&shape, parents as usize))
        }));
    }
    let rows = sizes.pick(100_000, 100_000, 20);
    let shape = neighbours(1, rows);
    let name = format!("w1_exact_path/rows={rows}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(5.0)], move |kind| {
        on!(kind, Exact, ByLevel, Deletes::new(&shape, 1))
    }));

    let (parents, order) = (3, Order::Interleaved);
    let shape = Shape::Pair { parents, per_parent: rows, order, action: Cascade };
    let name = format!("w1_listed/rows={rows}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(150.0)], move |kind| {
        on!(kind, Ours, ByLevel, Deletes::new(&shape, 1))
    }));

    let (parents, order) = (sizes.pick(100, 10, 4), Order::Random);
    let per_parent = sizes.pick(10_000, 10_000, 5);
    let shape = Shape::Pair { parents, per_parent, order, action: Cascade };
    let name = format!("w1_scattered/rows={per_parent}/of={}", parents * per_parent);
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(150.0)], move |kind| {
        on!(kind, Ours, ByLevel, Deletes::new(&shape, 1))
    }));

    for (name, order) in [("half", Order::Interleaved), ("block", Order::Neighbours)] {
        let per_parent = sizes.pick(100_000, 50_000, 20);
        let shape = Shape::Pair { parents: 2, per_parent, order, action: Cascade };
        let name = format!("w1_settled/{name}/rows={per_parent}");
        all.push(workload(name, "ns/row", [], move |kind| {
            on!(kind, Ours, ByLevel, Settles::new(&shape))
        }));
    }
}

fn chains(sizes: Sizes, all: &mut Vec<Workload>) {
    let rows = sizes.pick(3_000, 3_000, 20);
    let by_tables = sizes.pick(vec![10, 100], vec![10, 100], vec![5]);
    let by_rows = sizes.pick(vec![10, 100, 900], vec![10, 100], vec![5]);
    let by_tables = by_tables.into_iter().map(|depth| ("tables", Levels::Tables, depth));
    let by_rows = by_rows.into_iter().map(|depth| ("self", Levels::OneTable, depth));
    for (name, levels, depth) in by_tables.chain(by_rows) {
        let count = (rows / depth).max(1);
        let shape = Shape::Chains { count, depth, levels };
        let floor = (depth == 100).then_some(Floor::TimesSqlite(100.0));
        all.push(workload(
            format!("w2_chain/{name}/depth={depth}"),
            "ns/row",
            floor,
            move |kind| on!(kind, Ours, ByLevel, Deletes::new(&shape, count as usize)),
        ));
    }
}

fn trees(sizes: Sizes, all: &mut Vec<Workload>) {
    let (fan_out, depth) = (sizes.pick(10, 10, 3), sizes.pick(5, 4, 2));
    for (name, levels) in [("tables", Levels::Tables), ("self", Levels::OneTable)] {
        let shape = Shape::Tree { fan_out, depth, levels, has_guard: false };
        let name = format!("w3_tree/{name}/depth={depth}");
        all.push(workload(name, "ns/row", [Floor::TimesSqlite(150.0)], move |kind| {
            on!(kind, Ours, ByLevel, Deletes::new(&shape, 1))
        }));
    }
    let (sides, bottom) = (sizes.pick(300, 100, 3), sizes.pick(100_000, 10_000, 20));
    let shape = Shape::Diamond { sides, bottom };
    let name = format!("w4_diamond/rows={bottom}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(150.0)], move |kind| {
        on!(kind, Ours, Diamond, Deletes::new(&shape, 1))
    }));
}

fn set_null(sizes: Sizes, all: &mut Vec<Workload>) {
    let counts = sizes.pick(vec![1_000, 100_000, 1_000_000], vec![1_000, 100_000], vec![20]);
    for rows in counts {
        let parents = (sizes.pick(100_000, 100_000, 20) / rows).max(1);
        let order = Order::Neighbours;
        let shape = Shape::Pair { parents, per_parent: rows, order, action: SetNull };
        let floor = Floor::TimesSqlite(200.0);
        all.push(workload(format!("w5_set_null/rows={rows}"), "ns/row", [floor], move |kind| {
            on!(kind, Ours, ByLevel, Deletes::new(&shape, parents as usize))
        }));
    }
}

// ------------------------------------------------------------------------------------------------
// W6 to W8: what does not happen after all
// ------------------------------------------------------------------------------------------------

fn refusals(sizes: Sizes, all: &mut Vec<Workload>) {
    for rows in sizes.pick(vec![1_000, 1_000_000], vec![1_000, 100_000], vec![20]) {
        let order = Order::Neighbours;
        let shape = Shape::Pair { parents: 1, per_parent: rows, order, action: Restrict };
        let floor = Floor::AtMost(100.0);
        all.push(workload(format!("w6_restrict/rows={rows}"), "ns/call", [floor], move |kind| {
            on!(kind, Ours, ByLevel, Refuses::new(&shape, 1))
        }));
    }
    let (fan_out, depth) = (sizes.pick(10, 10, 3), sizes.pick(4, 4, 2));
    let shape = Shape::Tree { fan_out, depth, levels: Levels::Tables, has_guard: true };
    let rows = (0..=depth).map(|level| (fan_out as u64).pow(level)).sum();
    let name = format!("w7_refused_at_leaf/rows={rows}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(100.0)], move |kind| {
        on!(kind, Ours, ByLevel, Refuses::new(&shape, rows))
    }));
}

fn resets(sizes: Sizes, all: &mut Vec<Workload>) {
    for rows in sizes.pick(vec![1_000, 100_000, 1_000_000], vec![1_000, 100_000], vec![20]) {
        let floor = Floor::TimesSqlite(5.0);
        all.push(workload(format!("w8_reset/rows={rows}"), "ns/reset", [floor], move |kind| {
            on!(kind, Ours, Items, Resets::new(rows))
        }));
    }
    let name = |rows: i64| format!("w8_fork/rows={rows}");
    for rows in sizes.pick(vec![100_000, 1_000_000], vec![100_000], vec![20]) {
        let is_most = rows == 1_000_000;
        let growth = is_most.then(|| Floor::TimesLine(1.5, name(100_000)));
        let floors = is_most.then_some(Floor::AtMost(25_000.0)).into_iter().chain(growth);
        all.push(workload(name(rows), "ns/fork", floors, move |kind| match kind {
            Kind::Ours => build(move || ForksAndInserts::<Ours>::new(rows)),
            // It has none; a copy of the whole database would say nothing.
            Kind::Sqlite => None,
            Kind::L1 => build(move || ForksAndInserts::<Items>::new(rows)),
        }));
    }
}

// ------------------------------------------------------------------------------------------------
// W9, W10: what a test does besides
// ------------------------------------------------------------------------------------------------

fn ten_each(rows: i64) -> Shape {
    let parents = (rows / 10).max(1);
    Shape::Pair { parents, per_parent: rows / parents, order: Order::Random, action: Cascade }
}

fn single_rows(sizes: Sizes, all: &mut Vec<Workload>) {
    let rows = sizes.pick(100_000, 100_000, 20);
    let shape = ten_each(rows);
    let name = format!("w9_insert/rows={rows}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(10.0)], move |kind| {
        on!(kind, Ours, ByLevel, Inserts::new(&shape))
    }));

    let rows = sizes.pick(1_000_000, 100_000, 20);
    let per_run = sizes.pick(1_000, 1_000, 10);
    let shape = ten_each(rows);
    let name = format!("w9_lookup/rows={rows}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(15.0)], move |kind| {
        on!(kind, Ours, ByLevel, LooksUp::new(&shape, rows, per_run))
    }));
    let name = format!("w9_children/rows={rows}");
    all.push(workload(name, "ns/row", [], move |kind| {
        on!(kind, Ours, ByLevel, FindsChildren::new(&shape, (rows / 10).max(1), per_run))
    }));
    let name = format!("w9_delete_leaf/rows={rows}");
    all.push(workload(name, "ns/row", [Floor::TimesSqlite(15.0)], move |kind| {
        on!(kind, Ours, ByLevel, Deletes::leaves(&shape, rows, per_run))
    }));
}

fn unit_test(sizes: Sizes, all: &mut Vec<Workload>) {
    let depth = sizes.pick(20, 20, 5);
    let shape = Shape::Chains { count: 5, depth, levels: Levels::Tables };
    let name = format!("w10_unit_test/tables={depth}");
    all.push(workload(name, "ns/test", [Floor::TimesSqlite(25.0)], move |kind| {
        on!(kind, Ours, ByLevel, UnitTests::new(&shape))
    }));
}
