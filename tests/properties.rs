//! What holds for every script: the engine does what the naive reference does, indexes agree with
//! rows, a plan leaves nothing behind, undo is exact, forks are independent, and nothing dangles
//! that is not known to.
//!
//! Runs are the same each time. Other ones: `ONDELETE_SEED=2 PROPTEST_CASES=20000`.
#![cfg(feature = "testing")]

use ondelete::testing::decode::{self, Script};
use ondelete::testing::{
    Operation, Rows, compare_with_reference, outstanding, rows, same, strategy,
};
use ondelete::{Control, Database, Enforcement, Plan, Statement};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Operations of a script after those that create its schema.
const OPERATIONS: usize = 48;

#[test]
fn the_engine_equals_the_reference() {
    check(1_500, compare_with_reference);
}

#[test]
fn plans_tell_the_truth_and_leave_nothing_behind() {
    check(500, |script| {
        let mut db = script.database();
        db.record_let_pass(true);
        for operation in &script.operations {
            if let Operation::Statement(statement) = operation {
                check_plan(&mut db, statement)?;
            } else {
                let _ = operation.apply(&mut db);
            }
        }
        Ok(())
    });
}

#[test]
fn savepoints_undo_everything() {
    check(500, |script| {
        let mut db = script.database();
        for operations in script.operations.chunks(6) {
            let before = Snapshot::of(&db);
            let savepoint = |control: fn(String) -> Control| control("undo".to_owned());
            db.control(&savepoint(Control::Savepoint)).expect("a savepoint can always be set");
            for operation in operations.iter().filter(|operation| !is_control(operation)) {
                let _ = operation.apply(&mut db);
            }
            db.control(&savepoint(Control::RollbackTo)).expect("it is there");
            same("after ROLLBACK TO", &before, &Snapshot::of(&db))?;
            same("indexes", &Vec::<String>::new(), &db.verify())?;
            db.control(&savepoint(Control::Release)).expect("nothing has happened since");
            same("after RELEASE", &before, &Snapshot::of(&db))?;
            for operation in operations {
                let _ = operation.apply(&mut db);
            }
        }
        Ok(())
    });
}

#[test]
fn transactions_undo_everything() {
    check(500, |script| {
        let mut db = script.database();
        for operations in script.operations.chunks(6) {
            let before = Snapshot::of(&db);
            if !db.is_in_transaction() {
                db.control(&Control::Begin).expect("none is open");
                for operation in operations.iter().filter(|operation| !is_control(operation)) {
                    let _ = operation.apply(&mut db);
                }
                db.control(&Control::Rollback).expect("one is open");
                same("after ROLLBACK", &before, &Snapshot::of(&db))?;
                same("indexes", &Vec::<String>::new(), &db.verify())?;
            }
            for operation in operations {
                let _ = operation.apply(&mut db);
            }
        }
        Ok(())
    });
}

#[test]
fn refused_operations_change_nothing() {
    check(500, |script| {
        let mut db = script.database();
        for operation in &script.operations {
            let before = Snapshot::of(&db);
            if operation.apply(&mut db).is_err() {
                same("after a refusal", &before, &Snapshot::of(&db))?;
            }
        }
        Ok(())
    });
}

#[test]
fn forks_are_independent() {
    check(300, |script| {
        let mut db = script.database();
        for operations in script.operations.chunks(8) {
            let before = Snapshot::of(&db);
            let Ok(mut fork) = db.fork() else {
                operations.iter().for_each(|operation| drop(operation.apply(&mut db)));
                continue;
            };
            same("the fork", &before, &Snapshot::of(&fork))?;
            // The fork's own switch is off.
            let deferred = db.defers_all();
            operations.iter().for_each(|operation| drop(operation.apply(&mut fork)));
            same("the original", &before, &Snapshot::of(&db))?;
            let forked = Snapshot::of(&fork);
            operations.iter().for_each(|operation| drop(operation.apply(&mut db)));
            same("the fork", &forked, &Snapshot::of(&fork))?;
            if !deferred {
                same("both", &forked, &Snapshot::of(&db))?;
            }
            same("indexes", &Vec::<String>::new(), &fork.verify())?;
        }
        Ok(())
    });
}

#[test]
fn nothing_dangles_but_what_is_outstanding() {
    check(500, |script| {
        let mut db = Database::with_dialect(Enforcement::On, script.database().dialect().clone());
        for operation in &script.operations {
            if matches!(operation, Operation::SetEnforcement(_) | Operation::DropIndex(_)) {
                continue;
            }
            let _ = operation.apply(&mut db);
            check_dangling(&db)?;
        }
        Ok(())
    });
}

#[test]
fn the_fuzz_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/statements");
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for file in files {
        let path = file.expect("the folder can be read").path();
        let bytes = std::fs::read(&path).expect("the file can be read");
        let script = decode::operations(&bytes);
        if let Err(error) = compare_with_reference(&script) {
            panic!("{}: {error}\n{script:?}", path.display());
        }
    }
}

/// Runs a property over scripts, as many as said unless the environment says otherwise.
fn check(cases: u32, property: impl Fn(&Script) -> Result<(), String>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("PROPTEST_CASES").map_or(cases, |cases| cases as u32);
    let seed = number("ONDELETE_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let property = |script: Script| property(&script).map_err(TestCaseError::fail);
    if let Err(error) = runner.run(&strategy::script(OPERATIONS), property) {
        panic!("{error}");
    }
}

/// What undo has to bring back.
#[derive(Debug, PartialEq)]
struct Snapshot {
    schema: Vec<String>,
    rows: Rows,
    outstanding: BTreeSet<String>,
}

impl Snapshot {
    fn of(db: &Database) -> Self {
        let tables = db.catalog().tables().map(|table| {
            let keys =
                table.foreign_keys.iter().map(|key| format!("{} {:?}", key.name, key.target));
            let indexes =
                table.indexes.iter().map(|index| format!("{} {:?}", index.name, index.id));
            let (keys, indexes) = (keys.collect::<Vec<_>>(), indexes.collect::<Vec<_>>());
            format!("{} {keys:?} {indexes:?}", table.definition)
        });
        let indexes = db.catalog().index_names();
        Snapshot {
            schema: tables.chain(indexes).collect(),
            rows: rows(db),
            outstanding: outstanding(db),
        }
    }
}

/// What a statement changes besides rows, which a plan must not.
fn counters(db: &Database) -> impl PartialEq + Debug + use<> {
    let counters = (db.changes(), db.total_changes(), db.last_insert_row_id());
    let switches = (db.enforcement(), db.defers_all(), db.is_in_transaction());
    (counters, switches, db.let_pass().to_vec())
}

fn check_plan(db: &mut Database, statement: &Statement) -> Result<(), String> {
    let place = statement.to_sql(db.catalog());
    let before = (Snapshot::of(db), counters(db), db.let_pass().len());
    let plan = db.plan(statement.clone());
    let after = (Snapshot::of(db), counters(db), db.let_pass().len());
    same(&format!("{place}\nafter the plan"), &before, &after)?;
    same("indexes", &Vec::<String>::new(), &db.verify())?;
    let done = db.run(statement.clone());
    let refused = match &plan {
        Err(error) | Ok(Plan { refusal: Some(error), .. }) => Some(error),
        Ok(Plan { refusal: None, .. }) => None,
    };
    same(&format!("{place}\nthe refusal"), &refused, &done.as_ref().err())?;
    if let (Ok(plan), Ok(done)) = (&plan, &done) {
        same(&format!("{place}\nwhat is done"), &plan.done, done)?;
        same("let pass", &plan.let_pass[..], &db.let_pass()[before.2..])?;
        let steps: usize = plan.steps.iter().map(|step| step.rows).sum();
        same("rows of the steps", &(done.total() + done.replaced), &steps)?;
    }
    Ok(())
}

fn check_dangling(db: &Database) -> Result<(), String> {
    let Ok(report) = db.check() else { return Ok(()) };
    if !db.is_in_transaction() {
        return same("dangling rows in autocommit", &0, &report.total);
    }
    let known: BTreeSet<String> = db
        .outstanding_violations()
        .iter()
        .flat_map(|found| found.rows().map(|row| format!("{} {row}", found.constraint())))
        .collect();
    for row in &report.first {
        let row = format!("{} {}", row.constraint, row.row);
        if !known.contains(&row) {
            return Err(format!("{row} is not outstanding: {known:?}"));
        }
    }
    Ok(())
}

fn is_control(operation: &Operation) -> bool {
    matches!(operation, Operation::Control(_) | Operation::SetDeferAll(_))
}
