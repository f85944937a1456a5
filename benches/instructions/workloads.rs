//! What is counted: the core of what the engine is for, through its public interface.

use ondelete::ReferentialAction::{Cascade, Restrict, SetNull};
use ondelete::{Column, Database, Enforcement, ReferentialAction, Table, Value, key};
use std::hint::black_box;

/// What is counted: its name, how large, and how to do it at any size.
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) size: i64,
    pub(super) run: fn(i64),
}

pub(super) const WORKLOADS: [Workload; 13] = [
    Workload { name: "cascade/wide", size: 10_000, run: cascade_wide },
    Workload { name: "cascade/scattered", size: 10_000, run: cascade_scattered },
    Workload { name: "cascade/chain", size: 1_000, run: cascade_chain },
    Workload { name: "cascade/tree", size: 10_000, run: cascade_tree },
    Workload { name: "cascade/diamond", size: 10_000, run: cascade_diamond },
    Workload { name: "cascade/rollback", size: 10_000, run: cascade_rollback },
    Workload { name: "set_null/wide", size: 10_000, run: set_null_wide },
    Workload { name: "restrict/refused", size: 1_000, run: restrict_refused },
    Workload { name: "insert/one", size: 10_000, run: insert_one },
    Workload { name: "lookup/key", size: 10_000, run: lookup_key },
    Workload { name: "delete/leaf", size: 10_000, run: delete_leaf },
    Workload { name: "fork/insert", size: 10_000, run: fork_insert },
    Workload { name: "unit_test/tables", size: 20, run: unit_test },
];

/// The part of a workload that counts. Callgrind finds it by its name, so it has to keep it.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// The pattern by which callgrind finds [`measured`].
pub(super) const MEASURED: &str = "instructions::workloads::measured*";

/// Every row that a workload inserts by itself: the one place to try a quicker call.
fn insert(db: &mut Database, table: &str, row: Vec<Value>) {
    db.insert(table, row).expect("a row that fits");
}

/// Every row that a workload looks up: the one place to try a quicker call.
fn lookup(db: &Database, table: &str, id: i64) -> usize {
    let row = db.get(table, key![id]).expect("a table with a key");
    row.map_or(0, |row| row.len())
}

/// A table with an id and these foreign keys, each a column and the table that it references.
fn table(name: &str, keys: &[(&str, &str)], action: ReferentialAction) -> Table {
    let table = Table::new(name).column(Column::integer("id").primary_key());
    keys.iter().fold(table, |table, (column, referenced)| {
        let column = Column::integer(*column).references(*referenced, "id");
        table.column(column.on_delete(action))
    })
}

/// Tables with their rows, made in this order.
fn database(tables: impl IntoIterator<Item = (Table, Vec<Vec<Value>>)>) -> Database {
    let mut db = Database::new(Enforcement::On);
    for (table, rows) in tables {
        let name = table.name().to_owned();
        db.create_table(table).expect("the name is free");
        db.insert_many(&name, rows).expect("rows that reference what is there");
    }
    db
}

/// Rows with the ids from 1, and what each references.
fn rows(count: i64, references: impl Fn(i64) -> Vec<Value>) -> Vec<Vec<Value>> {
    let row = |id: i64| std::iter::once(id.into()).chain(references(id)).collect();
    (1..=count).map(row).collect()
}

/// `size` heroes, spread over the teams as a rota spreads them.
fn teams(teams: i64, size: i64, action: ReferentialAction) -> Database {
    let hero = table("hero", &[("team_id", "team")], action);
    database([
        (table("team", &[], action), rows(teams, |_| vec![])),
        (hero, rows(size, |id| vec![(id % teams + 1).into()])),
    ])
}

/// Deletes the first row of a table, and must change as many rows.
fn delete_first(db: &mut Database, table: &str, expected: i64) {
    let done = measured(|| db.delete(table, key![1])).expect("no constraint stands against it");
    assert_eq!(done.total() as i64, expected);
}

/// The one team goes, and all heroes with it.
fn cascade_wide(size: i64) {
    delete_first(&mut teams(1, size, Cascade), "team", size + 1);
}

/// A hundred teams go one by one, each with heroes from all over the table.
fn cascade_scattered(size: i64) {
    let mut db = teams(100, size, Cascade);
    measured(|| {
        for id in 1..=100 {
            db.delete("team", key![id]).expect("no constraint stands against it");
        }
    });
    assert_eq!(db.row_count("hero"), Ok(0));
}

/// Each row references the one before.
fn cascade_chain(size: i64) {
    let above = |id| vec![if id > 1 { Value::from(id - 1) } else { ().into() }];
    let mut db = database([(table("node", &[("up", "node")], Cascade), rows(size, above))]);
    delete_first(&mut db, "node", size);
}

/// Four tables, each with ten times the rows of the one before.
fn cascade_tree(size: i64) {
    let above = |id: i64| vec![((id - 1) / 10 + 1).into()];
    let level = |name: &str, referenced: &str| table(name, &[("up", referenced)], Cascade);
    let mut db = database([
        (table("t0", &[], Cascade), rows(1, |_| vec![])),
        (level("t1", "t0"), rows(size.div_euclid(1000).max(1), |_| vec![1.into()])),
        (level("t2", "t1"), rows(size.div_euclid(100).max(1), above)),
        (level("t3", "t2"), rows(size.div_euclid(10).max(1), above)),
        (level("t4", "t3"), rows(size, above)),
    ]);
    measured(|| db.delete("t0", key![1])).expect("no constraint stands against it");
    assert_eq!(db.row_count("t4"), Ok(0));
}

/// Each row of the last table is reached by two ways.
fn cascade_diamond(size: i64) {
    let arm = size.div_euclid(10).max(1);
    let arms = |id: i64| vec![(id % arm + 1).into(), (id % arm + 1).into()];
    let mut db = database([
        (table("a", &[], Cascade), rows(1, |_| vec![])),
        (table("b", &[("a_id", "a")], Cascade), rows(arm, |_| vec![1.into()])),
        (table("c", &[("a_id", "a")], Cascade), rows(arm, |_| vec![1.into()])),
        (table("d", &[("b_id", "b"), ("c_id", "c")], Cascade), rows(size, arms)),
    ]);
    delete_first(&mut db, "a", 1 + 2 * arm + size);
}

/// Only the rollback, of a delete that took all rows with it.
fn cascade_rollback(size: i64) {
    let mut db = teams(1, size, Cascade);
    let mut transaction = db.begin().expect("no transaction is open");
    transaction.delete("team", key![1]).expect("no constraint stands against it");
    measured(|| transaction.rollback()).expect("the transaction is open");
    assert_eq!(db.row_count("hero"), Ok(size as usize));
}

/// The one team goes, and all heroes stay without one.
fn set_null_wide(size: i64) {
    delete_first(&mut teams(1, size, SetNull), "team", size + 1);
}

/// The same delete is refused again and again, for ten heroes.
fn restrict_refused(size: i64) {
    let mut db = teams(1, 10, Restrict);
    let refused = measured(|| (0..size).filter(|_| db.delete("team", key![1]).is_err()).count());
    assert_eq!(refused as i64, size);
}

/// Rows with a key to check, each by a statement of its own.
fn insert_one(size: i64) {
    let mut db = teams(100, 0, Cascade);
    let new = rows(size, |id| vec![(id % 100 + 1).into()]);
    measured(|| new.into_iter().for_each(|row| insert(&mut db, "hero", row)));
    assert_eq!(db.row_count("hero"), Ok(size as usize));
}

/// Each row once, by its key.
fn lookup_key(size: i64) {
    let db = teams(100, size, Cascade);
    let values: usize = measured(|| (1..=size).map(|id| lookup(&db, "hero", id)).sum());
    assert_eq!(values as i64, 2 * size);
}

/// Rows that nothing references, each by a statement of its own.
fn delete_leaf(size: i64) {
    let mut db = teams(100, size, Cascade);
    measured(|| {
        for id in 1..=size {
            db.delete("hero", key![id]).expect("nothing references a hero");
        }
    });
    assert_eq!(db.row_count("hero"), Ok(0));
}

/// What a test does with a fixture of this size: ten rows into a fork of it, ten times over.
fn fork_insert(size: i64) {
    let base = teams(100, size, Cascade);
    let forks = measured(|| {
        let fork = |_| {
            let mut fork = base.fork().expect("no transaction is open");
            for id in 1..=10 {
                insert(&mut fork, "hero", vec![(size + id).into(), id.into()]);
            }
            fork
        };
        (0..10).map(fork).collect::<Vec<_>>()
    });
    assert!(forks.iter().all(|fork| fork.row_count("hero") == Ok(size as usize + 10)));
}

/// A whole test, ten times over: tables that reference each other in a row, five rows in each, and
/// a delete that takes one row of each with it.
fn unit_test(size: i64) {
    let name = |at: i64| format!("t{at}");
    let whole = || {
        let mut db = Database::new(Enforcement::On);
        for at in 1..=size {
            let above = name(at - 1);
            let up: &[(&str, &str)] = if at > 1 { &[("up", &above)] } else { &[] };
            db.create_table(table(&name(at), up, Cascade)).expect("the name is free");
            for id in 1..=5 {
                let up = (at > 1).then_some(id.into());
                insert(&mut db, &name(at), std::iter::once(id.into()).chain(up).collect());
            }
        }
        let done = db.delete(&name(1), key![1]).expect("no constraint stands against it");
        done.total()
    };
    let total: usize = measured(|| (0..10).map(|_| whole()).sum());
    assert_eq!(total as i64, 10 * size);
}
