//! Guards, forks, threads and panics: what the types and the transaction's state allow.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::ReferentialAction::Cascade;
use ondelete::database::{LetPassKind, Program, Refused, Step, Timing, View};
use ondelete::error::{Event, TransactionError};
use ondelete::{
    Column, ConstraintMode, Control, Database, Enforcement, EnforcementChange, Error, Index,
    ReferentialAction, Selector, SharedDatabase, Table, key, row,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

fn teams(enforcement: Enforcement, mode: ConstraintMode) -> Database {
    let mut db = Database::new(enforcement);
    db.create_table(Table::new("team").column(Column::integer("id").primary_key())).unwrap();
    let team_id = Column::integer("team_id").references_key("team").mode(mode);
    let id = Column::integer("id").primary_key();
    db.create_table(Table::new("hero").column(id).column(team_id)).unwrap();
    db
}

#[test]
fn a_dropped_guard_rolls_back() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    let mut transaction = db.begin().unwrap();
    transaction.insert("team", row![1]).unwrap();
    drop(transaction);
    assert_eq!(db.row_count("team").unwrap(), 0);
    assert!(!db.is_in_transaction());
}

#[test]
fn savepoints_nest_and_are_undone_from_the_inside() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    let mut transaction = db.begin().unwrap();
    transaction.insert("team", row![1]).unwrap();
    let mut outer = transaction.savepoint().unwrap();
    outer.insert("team", row![2]).unwrap();
    let mut inner = outer.savepoint().unwrap();
    inner.insert("team", row![3]).unwrap();
    drop(inner);
    outer.release().unwrap();
    transaction.commit().unwrap();
    assert_eq!(db.row_count("team").unwrap(), 2);
}

#[test]
fn a_refused_commit_hands_the_transaction_back() {
    let mut db = teams(Enforcement::On, ConstraintMode::DeferrableInitiallyDeferred);
    let mut transaction = db.begin().unwrap();
    transaction.insert("hero", row![1, 7]).unwrap();
    let Refused { error, mut transaction } = transaction.commit().unwrap_err();
    assert_eq!(error.extended_code(), 787);
    assert_eq!(transaction.outstanding_violations().len(), 1);
    transaction.insert("team", row![7]).unwrap();
    transaction.commit().unwrap();
    assert_eq!(db.row_count("hero").unwrap(), 1);
}

#[test]
fn enforcement_is_not_switched_inside_a_transaction() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    assert_eq!(db.set_enforcement(Enforcement::On), EnforcementChange::Unchanged);
    let mut transaction = db.begin().unwrap();
    let change = transaction.set_enforcement(Enforcement::Off);
    assert_eq!(change, EnforcementChange::IgnoredInTransaction);
    transaction.rollback().unwrap();
    assert_eq!(db.enforcement(), Enforcement::On);
    assert_eq!(db.set_enforcement(Enforcement::Off), EnforcementChange::Changed);
}

#[test]
fn what_is_let_pass_is_recorded_when_asked_for() {
    let mut db = Database::new(Enforcement::Off);
    db.create_table(Table::new("team").column(Column::integer("id").primary_key())).unwrap();
    let team_id = Column::integer("team_id").references_key("team").on_delete(Cascade);
    let boss_id = Column::integer("boss_id").references_key("team");
    db.create_table(Table::new("hero").column(team_id).column(boss_id)).unwrap();
    db.insert("team", row![1]).unwrap();
    db.insert_many("hero", [row![1, 1], row![1, ()], row![(), 1]]).unwrap();
    assert!(db.let_pass().is_empty(), "nobody has asked");

    db.record_let_pass(true);
    db.delete("team", key![1]).unwrap();
    db.insert("hero", row![8, 9]).unwrap();
    let entries: Vec<_> = db
        .let_pass()
        .iter()
        .map(|entry| (entry.constraint.as_str(), entry.event, entry.kind, entry.rows))
        .collect();
    let action = LetPassKind::Action(Cascade);
    assert_eq!(
        entries,
        [
            ("hero_team_id_fkey", Event::Delete, action, 2),
            ("hero_boss_id_fkey", Event::Delete, LetPassKind::Check, 2),
            ("hero_team_id_fkey", Event::Insert, LetPassKind::Check, 1),
            ("hero_boss_id_fkey", Event::Insert, LetPassKind::Check, 1),
        ]
    );
    assert_eq!(db.check().unwrap().total, 6);
}

#[test]
fn a_fork_is_a_database_of_its_own() {
    let mut base = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    base.insert("team", row![1]).unwrap();
    let mut fork = base.fork().unwrap();
    fork.insert("team", row![2]).unwrap();
    fork.create_table(Table::new("extra").column(Column::any("x"))).unwrap();
    base.insert("hero", row![1, 1]).unwrap();
    assert_eq!((base.row_count("team").unwrap(), fork.row_count("team").unwrap()), (1, 2));
    assert_eq!((base.row_count("hero").unwrap(), fork.row_count("hero").unwrap()), (1, 0));
    assert!(base.row_count("extra").is_err());
    assert_eq!((base.total_changes(), fork.total_changes()), (2, 1));
    assert_eq!([base.verify(), fork.verify()], [Vec::<String>::new(), Vec::new()]);

    let transaction = base.begin().unwrap();
    let error = transaction.fork().unwrap_err();
    assert_eq!(error, Error::Transaction(TransactionError::Open));
}

#[test]
fn readers_see_committed_states_only() {
    let shared = SharedDatabase::new(teams(Enforcement::On, ConstraintMode::NotDeferrable));
    let mut writer = shared.write();
    writer.control(&Control::Begin).unwrap();
    writer.insert("team", row![1]).unwrap();
    drop(writer);
    assert_eq!(shared.read().row_count("team").unwrap(), 0, "rolled back with its guard");

    let threads: Vec<_> = (1..=4)
        .map(|id| {
            let shared = shared.clone();
            std::thread::spawn(move || {
                shared.write().insert("team", row![id]).unwrap();
                let first = shared.read();
                let second = first.row_count("team").unwrap();
                assert_eq!(first.row_count("team").unwrap(), second);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(shared.read().row_count("team").unwrap(), 4);
}

/// A program that panics.
struct Panics;

impl Program for Panics {
    fn step(&mut self, _: &View<'_>) -> Step {
        panic!("a user's program may do anything")
    }
}

#[test]
fn a_panic_inside_a_statement_poisons_until_rollback() {
    for in_transaction in [false, true] {
        let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
        let start = Arc::new(|_: &ondelete::database::Activation| Box::new(Panics) as Box<_>);
        db.attach_program("bomb", "team", Event::Insert, Timing::After, start).unwrap();
        if in_transaction {
            db.control(&Control::Begin).unwrap();
            db.insert("hero", row![1, ()]).unwrap();
        }
        let insert = AssertUnwindSafe(|| db.insert("team", row![1]));
        assert!(catch_unwind(insert).is_err());

        let poisoned = Error::Transaction(TransactionError::Poisoned);
        assert_eq!(db.insert("hero", row![2, ()]).unwrap_err(), poisoned);
        assert_eq!(db.control(&Control::Commit).unwrap_err(), poisoned);
        assert_eq!(db.control(&Control::Begin).unwrap_err(), poisoned);
        assert_eq!(db.fork().unwrap_err(), poisoned);

        db.control(&Control::Rollback).unwrap();
        assert_eq!((db.row_count("team").unwrap(), db.row_count("hero").unwrap()), (0, 0));
        assert_eq!(db.verify(), Vec::<String>::new());
        db.insert("hero", row![2, ()]).unwrap();
    }
}

#[test]
fn statements_are_atomic_inside_a_transaction() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    let mut transaction = db.begin().unwrap();
    transaction.insert("team", row![1]).unwrap();
    assert!(transaction.insert_many("team", [row![2], row![3], row![1]]).is_err());
    assert_eq!(transaction.row_count("team").unwrap(), 1);
    assert!(transaction.insert_many("hero", [row![1, 1], row![2, 9]]).is_err());
    assert_eq!(transaction.row_count("hero").unwrap(), 0);
    transaction.commit().unwrap();
    assert_eq!(db.row_count("team").unwrap(), 1);
}

#[test]
fn schema_changes_are_undone_with_their_transaction() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    db.insert("team", row![1]).unwrap();
    db.insert("hero", row![1, 1]).unwrap();
    let before: Vec<String> = db.catalog().tables().map(|t| t.definition.to_string()).collect();
    let mut transaction = db.begin().unwrap();
    transaction.rename_table("team", "squad").unwrap();
    transaction.add_column("hero", Column::text("name").default("nobody")).unwrap();
    transaction.delete("hero", Selector::All).unwrap();
    transaction.drop_table("squad").unwrap();
    transaction.create_table(Table::new("team").column(Column::text("id").primary_key())).unwrap();
    transaction.rollback().unwrap();
    let after: Vec<String> = db.catalog().tables().map(|t| t.definition.to_string()).collect();
    assert_eq!(before, after);
    assert_eq!(db.row_count("hero").unwrap(), 1);
    assert_eq!(db.verify(), Vec::<String>::new());
    assert!(db.delete("team", key![1]).is_err(), "the foreign key is resolved again");
    assert_eq!(ReferentialAction::default(), ReferentialAction::NoAction);
}

#[test]
fn tables_are_created_all_or_none() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    let schema = |db: &Database| {
        let tables = db.catalog().tables().map(|table| format!("{table:?}"));
        tables.collect::<Vec<_>>()
    };
    let before = schema(&db);
    let column = || Column::integer("id").primary_key();
    let squad =
        || Table::new("squad").column(column()).column(Column::any("t").references_key("team"));
    let hero = || Table::new("HERO").column(column());
    assert!(db.create_tables([squad(), hero()]).is_err(), "there are heroes already");
    assert_eq!(schema(&db), before);
    db.create_tables([squad(), hero().renamed("Villain")]).unwrap();
    assert_eq!(db.catalog().table("VILLAIN").unwrap().name(), "Villain");
    db.insert("squad", row![1, ()]).unwrap();
}

#[test]
fn schema_changes_are_undone_to_their_savepoint() {
    let mut db = teams(Enforcement::On, ConstraintMode::NotDeferrable);
    db.create_index(Index::new("by_team", "hero", ["team_id"])).unwrap();
    let fork = db.fork().unwrap();
    let mut transaction = db.begin().unwrap();
    transaction.drop_index("by_team").unwrap();
    let mut savepoint = transaction.savepoint().unwrap();
    savepoint.create_index(Index::new("BY_TEAM", "team", ["id"])).unwrap();
    savepoint.drop_table("team").unwrap();
    assert!(savepoint.catalog().has_unresolved());
    savepoint.rollback().unwrap();
    assert!(!transaction.catalog().has_unresolved());
    assert!(transaction.catalog().find_index("by_team").is_none());
    transaction.rollback().unwrap();
    for db in [&db, &fork] {
        let (table, index) = db.catalog().find_index("By_Team").expect("it is there again");
        assert_eq!((table.name(), &*index.name), ("hero", "by_team"));
        let team = db.catalog().table("team").unwrap();
        assert_eq!(db.catalog().referenced_by(team.id).len(), 1);
    }
}
