//! SQL from a program: prepared statements and their parameters, counts, and what no text may do: use up
//! the stack.
#![cfg(feature = "sql")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::sql::Connection;
use ondelete::{Database, Enforcement, Error, Value};

const STACK_BYTES: usize = 256 * 1024;

fn connection() -> Connection {
    Connection::new(Database::new(Enforcement::On))
}

/// Runs on a thread with a small stack.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(body);
    thread.expect("the thread starts").join().expect("the thread ends without a panic");
}

fn line(connection: &Connection, error: &Error) -> String {
    connection.database().dialect().error_message(error)
}

#[test]
fn a_prepared_statement_runs_again_and_follows_the_schema() {
    let mut sql = connection();
    sql.execute_script("CREATE TABLE t (a INTEGER PRIMARY KEY, b)").unwrap();
    let mut insert = sql.prepare("INSERT INTO t VALUES (?1, :b)").unwrap();
    assert_eq!(insert.parameters(), [None, Some(":b".to_owned())]);
    for id in 1..=3 {
        let done = sql.run(&mut insert, &[id.into(), "x".into()]).unwrap().done.unwrap();
        assert_eq!(done.direct, 1);
    }
    let mut select = sql.prepare("SELECT * FROM t WHERE a = ?").unwrap();
    assert_eq!(sql.run(&mut select, &[2.into()]).unwrap().rows, [[2.into(), Value::from("x")]]);
    sql.execute("ALTER TABLE t ADD COLUMN c DEFAULT 7", &[]).unwrap();
    let outcome = sql.run(&mut select, &[2.into()]).unwrap();
    assert_eq!(outcome.columns, ["a", "b", "c"]);
    assert_eq!(outcome.rows, [[2.into(), Value::from("x"), 7.into()]]);
    let error = sql.run(&mut insert, &[4.into(), "x".into()]).unwrap_err();
    assert_eq!(line(&sql, &error), "table t has 3 columns but 2 values were supplied");
}

#[test]
fn statements_that_differ_in_their_literals_alone_do_what_each_says() {
    let mut sql = connection();
    sql.execute_script(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c, UNIQUE (b));
         INSERT INTO t VALUES (1, 'x', -9223372036854775808);
         INSERT INTO t VALUES (2, 'it''s', 9223372036854775808);
         INSERT INTO t VALUES (3, 5, x'4142');
         INSERT INTO t VALUES (4, -.5, - 9223372036854775808);
         UPDATE t SET c = 'y' WHERE a = 3;
         UPDATE t SET c = 'z' WHERE a = 2;
         INSERT INTO t VALUES (6, 'six', 1), (7, 'seven', 0x10);
         DELETE FROM t WHERE b = 'six' OR a IN (3, 5);
         DELETE FROM t WHERE b = 'seven' OR a IN (9, 5);",
    )
    .unwrap();
    let mut refusal = |text: &str| {
        let error = sql.execute(text, &[]).unwrap_err();
        line(&sql, &error)
    };
    assert_eq!(refusal("INSERT INTO t VALUES (8, 'it''s', 0)"), "UNIQUE constraint failed: t.b");
    let message = "table t has 3 columns but 2 values were supplied";
    assert_eq!(refusal("INSERT INTO t VALUES (8, 9)"), message);
    let message = "unrecognized token: \"1x\"";
    assert_eq!(refusal("INSERT INTO 't' VALUES (8, 9, 1x)"), message);
    sql.execute_script("ALTER TABLE t ADD COLUMN d; UPDATE t SET d = 4 WHERE a = 2").unwrap();
    assert!(sql.execute("INSERT INTO t VALUES (8, 'eight', 0)", &[]).is_err());
    sql.execute("INSERT INTO 't' VALUES (8, '', 0.0, 1e3)", &[]).unwrap();
    let rows = sql.query("SELECT a, b, typeof(c), c, d FROM t", &[]).unwrap().rows;
    let text = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
    let expected = [
        "1 'x' 'integer' -9223372036854775808 NULL",
        "2 'it''s' 'text' 'z' 4",
        "4 '-0.5' 'integer' -9223372036854775808 NULL",
        "8 '' 'real' 0.0 1000.0",
    ];
    assert_eq!(rows.iter().map(text).collect::<Vec<_>>(), expected);
}

#[test]
fn counts_are_those_of_sqlite() {
    let mut sql = connection();
    sql.execute_script(
        "CREATE TABLE p (a INTEGER PRIMARY KEY);
         CREATE TABLE c (b REFERENCES p ON DELETE CASCADE);
         INSERT INTO p VALUES (5), (6);
         INSERT INTO c VALUES (5), (5), (6);",
    )
    .unwrap();
    assert_eq!(sql.execute("DELETE FROM p WHERE a = 5", &[]).unwrap(), 1);
    let counts = sql.query("SELECT changes(), total_changes(), last_insert_rowid()", &[]).unwrap();
    assert_eq!(counts.rows, [[1.into(), 8.into(), Value::from(3)]]);
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let mut sql = connection();
    for (text, message) in [
        ("EXPLAIN SELECT 1", "EXPLAIN is not supported"),
        ("SELECT row_number() OVER (ORDER BY 1)", "window functions is not supported"),
        ("CREATE VIRTUAL TABLE t USING fts5(a)", "CREATE VIRTUAL TABLE is not supported"),
        ("SELECT FROM", "near \"FROM\": syntax error"),
        ("SELECT (1", "incomplete input"),
        ("SELECT 'a", "unrecognized token: \"'a\""),
    ] {
        let error = sql.execute(text, &[]).unwrap_err();
        assert_eq!(line(&sql, &error), message, "{text}");
    }
}

#[test]
fn a_pragma_nobody_knows_is_ignored() {
    let mut sql = connection();
    assert_eq!(sql.query("PRAGMA no_such_pragma = 3", &[]).unwrap().rows.len(), 0);
}

#[test]
fn nothing_that_is_long_uses_up_the_stack() {
    on_a_small_stack(|| {
        let mut sql = connection();
        let many = |word: &str, count: usize| vec![word; count].join(", ");
        let rows = sql.query(&format!("VALUES {}", many("(1)", 5_000)), &[]).unwrap().rows;
        assert_eq!(rows.len(), 5_000);
        let _ = sql.query(&format!("SELECT {}", many("1", 5_000)), &[]);
        let _ = sql.query(&format!("SELECT 1 WHERE 1 IN ({})", many("2", 5_000)), &[]);
        let _ = sql.query(&format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(2_000)), &[]);
        let _ = sql.query(&format!("SELECT 1 WHERE {}1", "1 AND ".repeat(2_000)), &[]);
        let _ = sql.query(&format!("SELECT '{}'", "x".repeat(1 << 20)), &[]);
    });
}

#[test]
fn views_on_views_end() {
    on_a_small_stack(|| {
        let mut sql = connection();
        sql.execute("CREATE VIEW v0 AS SELECT 1 AS a", &[]).unwrap();
        for at in 1..40 {
            sql.execute(&format!("CREATE VIEW v{at} AS SELECT * FROM v{}", at - 1), &[]).unwrap();
        }
        assert!(sql.query("SELECT * FROM v5", &[]).is_ok());
        assert!(sql.query("SELECT * FROM v39", &[]).is_err());
        sql.execute_script("CREATE VIEW x AS SELECT * FROM y; CREATE VIEW y AS SELECT * FROM x;")
            .unwrap();
        let error = sql.query("SELECT * FROM x", &[]).unwrap_err();
        assert!(line(&sql, &error).ends_with("is circularly defined"));
    });
}
