//! The limits of SQL text: what is just within one goes through, what is just past it is refused with
//! a line that names it, and neither takes more stack than a small thread has, unoptimised.
//!
//! Where SQLite has the limit too, its number and its words are SQLite's own.
#![cfg(feature = "sql")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::sql::Connection;
use ondelete::{Database, Enforcement};

const STACK_BYTES: usize = 256 * 1024;

/// Levels of an expression, with those of the queries in it.
const DEPTH_MAX: usize = 100;
/// Parentheses, CASE and subqueries in each other.
const NESTING_MAX: usize = 100;

const TOO_DEEP: &str = "Expression tree is too large (maximum depth 100)";
const NESTS_TOO_DEEP: &str = "statement nests too deep";

fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(body);
    thread.unwrap().join().expect("the thread ends without a panic");
}

fn connection(setup: &str) -> Connection {
    let mut connection = Connection::new(Database::new(Enforcement::On));
    connection.execute_script(setup).unwrap();
    connection
}

/// What a statement is refused with, if it is.
fn refusal(connection: &mut Connection, sql: &str) -> Option<String> {
    let error = connection.query(sql, &[]).err()?;
    Some(connection.database().dialect().error_message(&error))
}

/// `within` goes through and `past` is refused with this line, after the same setup.
fn holds(setup: &str, within: &str, past: &str, line: &str) {
    let (setup, within) = (setup.to_owned(), within.to_owned());
    let (past, line) = (past.to_owned(), line.to_owned());
    on_a_small_stack(move || {
        let shown = |sql: &str| sql.chars().take(80).collect::<String>();
        let mut sql = connection(&setup);
        assert_eq!(refusal(&mut sql, &within), None, "{}", shown(&within));
        let refused = refusal(&mut sql, &past);
        assert_eq!(refused.as_deref(), Some(&*line), "{}", shown(&past));
        assert_eq!(sql.database().verify(), Vec::<String>::new());
    });
}

fn list(item: impl Fn(usize) -> String, count: usize) -> String {
    (1..=count).map(item).collect::<Vec<_>>().join(", ")
}

fn repeated(word: &str, count: usize) -> String {
    list(|_| word.to_owned(), count)
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn chains_of_operators() {
    for chain in ["1 + ", "1 AND ", "0 OR ", "'a' || ", "- ", "NOT ", "~ ", "1 = "] {
        holds("", &nested(chain, "", DEPTH_MAX - 1), &nested(chain, "", DEPTH_MAX), TOO_DEEP);
    }
    for chain in [" COLLATE NOCASE", " IS NULL", " ISNULL", " IN (1)", " BETWEEN 0 AND 1"] {
        holds("", &nested("", chain, DEPTH_MAX - 1), &nested("", chain, DEPTH_MAX), TOO_DEEP);
    }
}

#[test]
fn calls_and_cases() {
    for (open, close) in [("abs(", ")"), ("CAST(", " AS TEXT)"), ("CASE WHEN 1 THEN ", " END")] {
        let within = nested(open, close, DEPTH_MAX - 1);
        holds("", &within, &nested(open, close, DEPTH_MAX), TOO_DEEP);
    }
}

/// Whatever nests, however deep: it comes back, refused with one of the lines.
#[test]
fn nothing_that_nests_uses_up_the_stack() {
    let shapes = [
        ("(", ")"),
        ("-", ""),
        ("- ", ""),
        ("NOT ", ""),
        ("abs(", ")"),
        ("(SELECT ", ")"),
        ("CASE WHEN 1 THEN ", " END"),
        ("CASE ", " WHEN 1 THEN 1 END"),
        ("1 IN (", ")"),
        ("1 IN (SELECT ", ")"),
        ("1 + ", ""),
        ("1 COLLATE BINARY + ", ""),
        ("EXISTS (SELECT ", ")"),
        ("CAST(", " AS TEXT)"),
        ("(1, ", ")"),
        ("", " ISNULL"),
        ("", " IS NOT NULL"),
        ("", " IN t"),
        ("", " IN ()"),
        ("", " NOT NULL"),
        ("", " COLLATE NOCASE"),
        ("", " -> 1"),
        ("", " LIKE 1"),
        ("", " GLOB 1"),
        ("", " BETWEEN 1 AND 1"),
        ("1 BETWEEN ", " AND 1"),
        ("1 LIKE 1 ESCAPE ", ""),
        ("* FROM (SELECT ", ")"),
        ("* FROM (", " JOIN t)"),
        ("* FROM t JOIN (", " AS u)"),
        ("", " UNION SELECT 1"),
        ("", " EXCEPT SELECT 1"),
        ("", ", 1"),
        ("sum(", ") OVER ()"),
    ];
    on_a_small_stack(move || {
        let mut sql = connection("CREATE TABLE t (a)");
        for (open, close) in shapes {
            for depth in [10, 50, 99, 100, 101, 1_000, 20_000] {
                refusal(&mut sql, &nested(open, close, depth));
            }
        }
        for open in
            ["WITH a AS (", "EXPLAIN ", "INSERT INTO t ", "CREATE TABLE x AS ", "BEGIN ; ", ";"]
        {
            refusal(&mut sql, &open.repeat(20_000));
        }
    });
}

#[test]
fn parentheses_and_queries_in_queries() {
    // Each takes one level or more: how many of them fit is told by trying.
    for (open, close) in [
        ("(", ")"),
        ("(SELECT ", ")"),
        ("EXISTS (SELECT ", ")"),
        ("1 IN (SELECT ", ")"),
        ("* FROM (SELECT ", ")"),
    ] {
        on_a_small_stack(move || {
            let mut sql = connection("");
            let mut fits = |depth| refusal(&mut sql, &nested(open, close, depth));
            let deepest = (1..=NESTING_MAX).take_while(|&depth| fits(depth).is_none()).count();
            assert!(deepest >= 8, "{open}: {deepest}");
            let line = fits(deepest + 1).unwrap();
            assert!([TOO_DEEP, NESTS_TOO_DEEP].contains(&&*line), "{open}: {line}");
        });
    }
}

#[test]
fn the_length_of_a_statement() {
    let statement = |bytes: usize| {
        let (before, after) = ("SELECT length('", "')");
        format!("{before}{}{after}", "x".repeat(bytes - before.len() - after.len()))
    };
    let max = 16 << 20;
    holds("", &statement(max), &statement(max + 1), "statement too long");
}

#[test]
fn columns() {
    let table = |name: &str, count: usize| {
        format!("CREATE TABLE {name} (c0, {})", list(|at| format!("c{at}"), count - 1))
    };
    holds("", &table("t", 2_000), &table("u", 2_001), "too many columns on u");
    let select = |count| format!("SELECT {}", repeated("1", count));
    holds("", &select(2_000), &select(2_001), "too many columns in result set");
    let values = |count| format!("VALUES ({})", repeated("1", count));
    holds("", &values(2_000), &values(2_001), "too many columns in result set");
    let order = |count| format!("SELECT a FROM t ORDER BY {}", repeated("a", count));
    let setup = "CREATE TABLE t (a)";
    holds(setup, &order(2_000), &order(2_001), "too many terms in ORDER BY clause");
    let group = |count| format!("SELECT 1 FROM t GROUP BY {}", repeated("a", count));
    holds(setup, &group(2_000), &group(2_001), "too many terms in GROUP BY clause");
    let set = |count| format!("UPDATE t SET {}", repeated("a = 1", count));
    holds(setup, &set(2_000), &set(2_001), "too many columns in set list");
    let index = |count| format!("CREATE INDEX i{count} ON t ({})", repeated("a", count));
    holds(setup, &index(2_000), &index(2_001), "too many columns in index");
}

#[test]
fn terms_of_a_compound() {
    let all = |count: usize| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(count - 1));
    holds("", &all(500), &all(501), "too many terms in compound SELECT");
}

#[test]
fn rows_and_lists_have_no_limit() {
    on_a_small_stack(|| {
        let mut sql = connection("CREATE TABLE t (a)");
        for text in [
            format!("INSERT INTO t VALUES {}", repeated("(1)", 40_000)),
            format!("SELECT 1 WHERE 1 IN ({})", repeated("2", 40_000)),
            format!("SELECT CASE 1{} END", " WHEN 2 THEN 3".repeat(10_000)),
        ] {
            assert_eq!(refusal(&mut sql, &text), None);
        }
    });
}

#[test]
fn tables_of_a_join() {
    let join = |count| {
        let tables = list(|at| format!("t AS t{at}"), count);
        format!("SELECT count(*) FROM {tables}")
    };
    holds("CREATE TABLE t (a)", &join(64), &join(65), "at most 64 tables in a join");
}

#[test]
fn arguments_of_a_function() {
    let call = |count| format!("SELECT max({})", repeated("1", count));
    holds("", &call(1_000), &call(1_001), "too many arguments on function max");
}

#[test]
fn parameters() {
    let out_of_range = "variable number must be between ?1 and ?32766";
    holds("", "SELECT ?32766", "SELECT ?32767", out_of_range);
    holds("", "SELECT ?1", "SELECT ?0", out_of_range);
    holds("", "SELECT ?1", "SELECT ?99999999999999999999999", out_of_range);
    let many = |count| format!("SELECT 1 IN ({})", repeated("?", count));
    holds("", &many(32_766), &many(32_767), "too many SQL variables");
    holds("", "SELECT ?32766", "SELECT ?32766, ?", "too many SQL variables");
}

#[test]
fn patterns() {
    let like = |bytes: usize| format!("SELECT 'a' LIKE '{}'", "%".repeat(bytes));
    let line = "LIKE or GLOB pattern too complex";
    holds("", &like(50_000), &like(50_001), line);
    let glob = |bytes: usize| format!("SELECT 'a' GLOB '{}'", "*".repeat(bytes));
    holds("", &glob(50_000), &glob(50_001), line);
}

#[test]
fn literals() {
    holds(
        "",
        "SELECT 0x7fffffffffffffff, -9223372036854775808, 1e308",
        "SELECT 0x10000000000000000",
        "hex literal too big: 0x10000000000000000",
    );
    holds(
        "",
        &format!("SELECT {}", "9".repeat(100_000)),
        "SELECT X'123'",
        "unrecognized token: \"X'123'\"",
    );
}

#[test]
fn triggers_that_start_each_other() {
    let setup = "CREATE TABLE t (n INTEGER);
        CREATE TRIGGER r AFTER INSERT ON t WHEN new.n > 1 BEGIN INSERT INTO t VALUES (new.n - 1); END;
        PRAGMA recursive_triggers = ON";
    let insert = |levels: usize| format!("INSERT INTO t VALUES ({levels})");
    let line = "too many levels of trigger recursion";
    holds(setup, &insert(1_000), &insert(1_001), line);
}

#[test]
fn views_in_views() {
    let views = |count: usize| {
        let view = |at: usize| format!("CREATE VIEW v{at} AS SELECT * FROM v{};", at - 1);
        (1..count).fold("CREATE VIEW v0 AS SELECT 1 AS a;".to_owned(), |all, at| all + &view(at))
    };
    on_a_small_stack(move || {
        let mut sql = connection(&views(40));
        let mut fits = |at: usize| refusal(&mut sql, &format!("SELECT * FROM v{at}"));
        let deepest = (0..40).take_while(|&at| fits(at).is_none()).count();
        assert!((10..40).contains(&deepest), "{deepest}");
        let line = fits(deepest).unwrap();
        assert!(line.contains("too") || line.contains("view"), "{line}");
    });
}
