//! Nothing recurses on data: a chain of a million rows on a small stack, in a debug build too.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::ReferentialAction::{Cascade, NoAction, Restrict};
use ondelete::{Column, Database, Dialect, Enforcement, ReferentialAction, Table, key, row};

const STACK_BYTES: usize = 256 * 1024;
const ROWS: i64 = 1_000_000;

/// Runs on a thread with a small stack.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(body);
    thread.expect("the thread starts").join().expect("the thread ends without a panic");
}

/// `rows` rows, each referencing the one before; and a table that references the last one.
fn chain(rows: i64, dialect: Dialect, leaf: ReferentialAction) -> Database {
    let mut db = Database::with_dialect(Enforcement::On, dialect);
    let up = Column::integer("up").references_key("node").on_delete(Cascade).constraint("node_up");
    let node = Table::new("node").column(Column::integer("id").primary_key()).column(up);
    db.create_table(node).unwrap();
    let node_id = Column::integer("node_id").references_key("node").on_delete(leaf);
    db.create_table(Table::new("leaf").column(node_id.constraint("leaf_node"))).unwrap();
    db.insert_many("node", (1..=rows).map(|id| row![id, (id > 1).then_some(id - 1)])).unwrap();
    db
}

fn unlimited() -> Dialect {
    Dialect::sqlite().with_depth_limit(None)
}

#[test]
fn a_chain_of_a_million_rows_needs_no_stack() {
    on_a_small_stack(|| {
        let mut db = chain(ROWS, unlimited(), Restrict);
        let plan = db.plan_delete("node", key![1]).unwrap().to_string();
        assert_eq!(
            plan,
            "delete node (1 row; 1)\n\
             └─ node_up: cascade delete node (999,999 rows, depth 999,999; first 2, 3, 4 …)"
        );
        db.insert("leaf", row![ROWS]).unwrap();
        refused_at_the_leaf(&mut db, ROWS);
        db.delete("leaf", ondelete::Selector::All).unwrap();

        let mut transaction = db.begin().unwrap();
        let done = transaction.delete("node", key![1]).unwrap();
        assert_eq!((done.direct, done.rows_by("node_up")), (1, 999_999));
        transaction.rollback().unwrap();
        assert_eq!(db.row_count("node").unwrap(), 1_000_000);
        assert_eq!(db.verify(), Vec::<String>::new());
        db.drop_table("node").unwrap();
        assert!(db.row_count("node").is_err());
    });
}

#[test]
fn a_long_chain_is_refused_by_the_check_at_the_end_too() {
    on_a_small_stack(|| {
        let mut db = chain(ROWS / 10, unlimited(), NoAction);
        db.insert("leaf", row![ROWS / 10]).unwrap();
        refused_at_the_leaf(&mut db, ROWS / 10);
    });
}

fn refused_at_the_leaf(db: &mut Database, rows: i64) {
    let error = db.delete("node", key![1]).unwrap_err();
    let violation = error.violation().expect("a violation");
    assert_eq!(violation.constraint(), "leaf_node");
    assert_eq!(violation.path().length, rows as usize);
    let path = violation.path().to_string();
    assert!(path.starts_with("\"node\" (1) → node_up: \"node\" (2) → "), "{path}");
    assert!(path.contains(&format!("… {} more …", rows - 8)), "{path}");
    assert!(path.ends_with(&format!("node_up: \"node\" ({rows})")), "{path}");
    assert_eq!(db.row_count("node").unwrap(), rows as usize);
}

#[test]
fn the_depth_limit_is_sqlites() {
    // Counted are nested actions entered, whether they find rows or not: a chain of 1,000 rows
    // enters 1,000, the last of them in vain.
    for (rows, passes) in [(1000, true), (1001, false)] {
        let mut db = chain(rows, Dialect::sqlite(), NoAction);
        let result = db.delete("node", key![1]);
        assert_eq!(result.is_ok(), passes, "{rows} rows: {result:?}");
        if let Err(error) = result {
            assert_eq!(db.dialect().error_message(&error), "too many levels of trigger recursion");
            assert_eq!(db.row_count("node").unwrap(), 1001);
        }
    }
}
