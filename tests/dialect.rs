//! Each field of the dialect changes what happens, by itself: the same script under SQLite's value
//! and under the other one. Values that PostgreSQL shares were taken from its documentation and from
//! runs of PostgreSQL 15; see the comment of each test.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::ReferentialAction::{Cascade, Restrict, SetDefault};
use ondelete::database::{
    ActionOrder, Deferral, DefinitionCheck, FailedCommit, FailedStatement, MatchFull, SetImmediate,
};
use ondelete::{
    Column, ConstraintMode, Control, Database, Dialect, Enforcement, Error, ForeignKey, MatchType,
    ReferentialAction, Table, Value, key, row,
};

fn database(change: impl FnOnce(&mut Dialect)) -> Database {
    let mut dialect = Dialect::sqlite();
    change(&mut dialect);
    Database::with_dialect(Enforcement::On, dialect)
}

fn parent() -> Table {
    Table::new("p").column(Column::integer("id").primary_key())
}

/// `p(id)` with row 1, and `c(f)` referencing it with row 1.
fn pair(db: &mut Database, action: ReferentialAction, mode: ConstraintMode) {
    db.create_table(parent()).unwrap();
    let f = Column::integer("f").references_key("p").on_delete(action).mode(mode);
    db.create_table(Table::new("c").column(f)).unwrap();
    db.insert("p", row![1]).unwrap();
    db.insert("c", row![1]).unwrap();
}

fn run(db: &mut Database, control: Control) -> Result<(), Error> {
    db.control(&control)
}

#[test]
fn order_decides_which_constraint_acts_first() {
    // Example R3 of the divergences: two keys on one column; both delete, with different rows left.
    let rows_left = |order| {
        let mut db = database(|dialect| dialect.order = order);
        let key = || ForeignKey::to_key(["f"], "t");
        let t = Table::new("t")
            .column(Column::integer("k").primary_key())
            .column(Column::integer("f"))
            .foreign_key(key().on_delete(SetDefault))
            .foreign_key(key().on_delete(Cascade));
        db.create_table(t).unwrap();
        db.insert_many("t", [row![5, ()], row![2, 5]]).unwrap();
        db.delete("t", key![5]).unwrap();
        db.get("t", key![2]).unwrap()
    };
    assert_eq!(rows_left(ActionOrder::NewestFirst), None);
    assert_eq!(rows_left(ActionOrder::OldestFirst), Some(vec![2.into(), Value::Null]));
}

#[test]
fn depth_limit_counts_nested_actions() {
    let deletes = |limit| {
        let mut db = database(|dialect| dialect.depth_limit = limit);
        let up = Column::integer("up").references_key("t").on_delete(Cascade);
        db.create_table(Table::new("t").column(Column::integer("k").primary_key()).column(up))
            .unwrap();
        db.insert_many("t", [row![1, ()], row![2, 1], row![3, 2]]).unwrap();
        db.delete("t", key![1]).is_ok()
    };
    assert!(deletes(Some(3)));
    assert!(!deletes(Some(2)));
    assert!(deletes(None));
}

#[test]
fn set_default_recheck_does_not_wait_for_commit() {
    // Example R5: the default is the deleted key itself, and the constraint is deferred.
    let deletes = |set_default_recheck| {
        let mut db = database(|dialect| dialect.set_default_recheck = set_default_recheck);
        db.create_table(parent()).unwrap();
        let f = Column::integer("f")
            .default(1)
            .references_key("p")
            .on_delete(SetDefault)
            .mode(ConstraintMode::DeferrableInitiallyDeferred);
        db.create_table(Table::new("c").column(f)).unwrap();
        db.insert("p", row![1]).unwrap();
        db.insert("c", row![1]).unwrap();
        run(&mut db, Control::Begin).unwrap();
        db.delete("p", key![1])
    };
    assert!(deletes(false).is_ok());
    let error = deletes(true).unwrap_err();
    assert_eq!(error.extended_code(), 787);
    assert!(error.to_string().contains("Key (f)=(1) is not present in table \"p\"."), "{error}");
}

#[test]
fn match_full_refuses_a_key_that_is_partly_null() {
    let inserts = |match_full| {
        let mut db = database(|dialect| dialect.match_full = match_full);
        let p = Table::new("p").column(Column::integer("a")).column(Column::integer("b"));
        db.create_table(p.primary_key(["a", "b"])).unwrap();
        let key = ForeignKey::to_key(["x", "y"], "p").match_type(MatchType::Full);
        let c = Table::new("c").column(Column::integer("x")).column(Column::integer("y"));
        db.create_table(c.foreign_key(key)).unwrap();
        db.insert("c", row![(), ()]).unwrap();
        db.insert("c", row![1, ()]).is_ok()
    };
    assert!(inserts(MatchFull::Ignored));
    assert!(!inserts(MatchFull::Enforced));
}

#[test]
fn deferral_covers_all_constraints_or_the_deferrable_ones() {
    let deletes = |deferral, mode| {
        let mut db = database(|dialect| dialect.deferral = deferral);
        pair(&mut db, ReferentialAction::NoAction, mode);
        run(&mut db, Control::Begin).unwrap();
        db.set_defer_all(true).unwrap();
        db.delete("p", key![1]).is_ok()
    };
    assert!(deletes(Deferral::All, ConstraintMode::NotDeferrable));
    assert!(!deletes(Deferral::Deferrable, ConstraintMode::NotDeferrable));
    assert!(deletes(Deferral::Deferrable, ConstraintMode::DeferrableInitiallyImmediate));
}

#[test]
fn restrict_waits_where_the_switch_defers_it() {
    let deletes = |restrict_defers| {
        let mut db = database(|dialect| dialect.restrict_defers = restrict_defers);
        pair(&mut db, Restrict, ConstraintMode::NotDeferrable);
        run(&mut db, Control::Begin).unwrap();
        db.set_defer_all(true).unwrap();
        db.delete("p", key![1]).is_ok()
    };
    assert!(deletes(true));
    assert!(!deletes(false));
}

#[test]
fn ending_the_switch_checks_now_or_at_commit() {
    let ends = |set_immediate| {
        let mut db = database(|dialect| dialect.set_immediate = set_immediate);
        pair(&mut db, ReferentialAction::NoAction, ConstraintMode::NotDeferrable);
        run(&mut db, Control::Begin).unwrap();
        db.set_defer_all(true).unwrap();
        db.delete("p", key![1]).unwrap();
        let ended = db.set_defer_all(false).is_ok();
        assert_eq!(db.defers_all(), !ended, "the switch stays on if the check fails");
        assert!(run(&mut db, Control::Commit).is_err(), "what is outstanding stays outstanding");
        ended
    };
    assert!(ends(SetImmediate::ChecksNothing));
    assert!(!ends(SetImmediate::ChecksNow));
}

#[test]
fn a_refused_commit_leaves_the_transaction_open_or_nothing() {
    // Example R7.
    let after = |failed_commit| {
        let mut db = database(|dialect| dialect.failed_commit = failed_commit);
        pair(&mut db, ReferentialAction::NoAction, ConstraintMode::DeferrableInitiallyDeferred);
        run(&mut db, Control::Begin).unwrap();
        db.insert("c", row![9]).unwrap();
        assert!(run(&mut db, Control::Commit).is_err());
        let is_open = db.is_in_transaction();
        db.insert("p", row![9]).unwrap();
        if is_open {
            run(&mut db, Control::Commit).unwrap();
        }
        (is_open, db.row_count("c").unwrap())
    };
    assert_eq!(after(FailedCommit::StaysOpen), (true, 2));
    assert_eq!(after(FailedCommit::RollsBack), (false, 1));
}

#[test]
fn a_failed_statement_undoes_itself_or_aborts_its_transaction() {
    // Example R8: PostgreSQL keeps nothing, and its COMMIT is a rollback.
    let after = |failed_statement| {
        let mut db = database(|dialect| dialect.failed_statement = failed_statement);
        db.create_table(parent()).unwrap();
        run(&mut db, Control::Begin).unwrap();
        db.insert("p", row![1]).unwrap();
        assert!(db.insert("p", row![1]).is_err());
        let goes_on = db.insert("p", row![2]).is_ok();
        run(&mut db, Control::Commit).unwrap();
        (goes_on, db.row_count("p").unwrap())
    };
    assert_eq!(after(FailedStatement::UndoesItself), (true, 2));
    assert_eq!(after(FailedStatement::AbortsTransaction), (false, 0));
}

#[test]
fn an_aborted_transaction_goes_on_from_a_savepoint() {
    let mut db = database(|d| d.failed_statement = FailedStatement::AbortsTransaction);
    db.create_table(parent()).unwrap();
    run(&mut db, Control::Begin).unwrap();
    db.insert("p", row![1]).unwrap();
    run(&mut db, Control::Savepoint("s".into())).unwrap();
    assert!(db.insert("p", row![1]).is_err());
    assert!(run(&mut db, Control::Release("s".into())).is_err());
    run(&mut db, Control::RollbackTo("s".into())).unwrap();
    db.insert("p", row![2]).unwrap();
    run(&mut db, Control::Commit).unwrap();
    assert_eq!(db.row_count("p").unwrap(), 2);
}

#[test]
fn definitions_are_checked_at_use_or_at_once() {
    let child = || Table::new("c").column(Column::integer("f").references_key("p"));
    let mut db = database(|d| d.definition_check = DefinitionCheck::AtDefinition);
    assert!(db.create_table(child()).is_err(), "no such table to reference");
    db.create_table(parent()).unwrap();
    db.create_table(child()).unwrap();
    assert!(db.drop_table("p").is_err(), "it is referenced");
    db.drop_table("c").unwrap();
    db.drop_table("p").unwrap();

    let mut db = database(|d| d.definition_check = DefinitionCheck::AtUse);
    db.create_table(child()).unwrap();
    assert!(db.insert("c", row![()]).is_err(), "the first use asks for the table");
    db.create_table(parent()).unwrap();
    db.insert("c", row![()]).unwrap();
    db.drop_table("p").unwrap();
}
