//! What SQL costs beside SQLite: rows in through a prepared statement, one referenced row out with all
//! that reference it, a script parsed and run, and queries.
//!
//! ```sh
//! cargo bench --bench sql --features sql,sqlite               # all, and their floors
//! cargo bench --bench sql --features sql,sqlite -- --check    # status 1 if a floor is missed
//! ```
//!
//! Both take turns in one process, and a figure is the least CPU time of several runs.

use cpu_time::ProcessTime;
use ondelete::sql::Connection;
use ondelete::{Database, Enforcement};
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

const ROWS: i64 = 100_000;
const RUNS: usize = 7;

/// A workload for both, and how many times faster than SQLite it must be.
struct Workload {
    name: &'static str,
    floor: f64,
    ours: fn() -> Duration,
    theirs: fn() -> Duration,
}

const WORKLOADS: [Workload; 3] = [
    Workload {
        name: "100,000 prepared INSERTs",
        floor: 3.0,
        ours: || insert_ours(&mut ours(TABLES)),
        theirs: || insert_theirs(&theirs(TABLES)),
    },
    Workload {
        name: "DELETE of one row that 100,000 reference",
        floor: 100.0,
        ours: delete_ours,
        theirs: delete_theirs,
    },
    Workload { name: "a script of 200 statements", floor: 1.0, ours: run_ours, theirs: run_theirs },
];

/// A query for both: how many times faster than SQLite it must be, and how often it runs.
struct QueryLoad {
    name: &'static str,
    floor: f64,
    sql: &'static str,
    times: i64,
}

/// Each has one parameter, the number of its run. SQLite is the faster one where each of many rows is
/// grouped or sorted, and where a subquery starts anew for each: the floors keep that from growing.
const QUERIES: [QueryLoad; 6] = [
    QueryLoad {
        name: "SELECT by primary key",
        floor: 0.8,
        sql: "SELECT t FROM c WHERE id = ?",
        times: 20_000,
    },
    QueryLoad {
        name: "SELECT by an index, 10 rows",
        floor: 1.2,
        sql: "SELECT id, t FROM c WHERE b = ?",
        times: 5_000,
    },
    QueryLoad {
        name: "join of 1,000 rows with 10,000",
        floor: 0.8,
        sql: "SELECT count(*) FROM p JOIN c ON c.b = p.a WHERE p.a > ? % 2",
        times: 20,
    },
    QueryLoad {
        name: "10,000 rows in 1,000 groups",
        floor: 0.5,
        sql: "SELECT b, count(*), max(id) FROM c WHERE id > ? % 2 GROUP BY b",
        times: 20,
    },
    QueryLoad {
        name: "the first 10 of 10,000 by another column",
        floor: 0.6,
        sql: "SELECT id FROM c WHERE id > ? % 2 ORDER BY t DESC LIMIT 10",
        times: 20,
    },
    QueryLoad {
        name: "a correlated subquery for 1,000 rows",
        floor: 0.6,
        sql: "SELECT a, (SELECT count(*) FROM c WHERE b = a) FROM p WHERE a > ? % 2",
        times: 20,
    },
];

/// 1,000 rows, and ten that reference each.
const FILLED: &str = "CREATE TABLE p (a INTEGER PRIMARY KEY);
    CREATE TABLE c (id INTEGER PRIMARY KEY, b INTEGER REFERENCES p ON DELETE CASCADE, t TEXT);
    CREATE INDEX c_b ON c (b);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO p SELECT i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        INSERT INTO c SELECT i, i % 1000 + 1, 'some text ' || (i * 7919 % 10000) FROM n";

const TABLES: &str = "CREATE TABLE p (a INTEGER PRIMARY KEY);
    CREATE TABLE c (id INTEGER PRIMARY KEY, b INTEGER REFERENCES p ON DELETE CASCADE, t TEXT);
    CREATE INDEX c_b ON c (b);
    INSERT INTO p VALUES (1)";

fn main() -> ExitCode {
    let checks = std::env::args().any(|argument| argument == "--check");
    let mut is_met = true;
    for Workload { name, floor, ours, theirs } in WORKLOADS {
        let (mut mine, mut yours) = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            mine = mine.min(ours());
            yours = yours.min(theirs());
        }
        is_met &= tell(name, floor, mine, yours);
    }
    let (mut engine, sqlite) = (ours(FILLED), theirs(FILLED));
    for query in QUERIES {
        let (mut mine, mut yours) = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            mine = mine.min(query_ours(&mut engine, &query));
            yours = yours.min(query_theirs(&sqlite, &query));
        }
        is_met &= tell(query.name, query.floor, mine, yours);
    }
    if is_met || !checks { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what something took, here and there; whether that is fast enough.
fn tell(name: &str, floor: f64, mine: Duration, yours: Duration) -> bool {
    let ratio = yours.as_secs_f64() / mine.as_secs_f64();
    println!("{name:<42} {mine:>10.1?} {yours:>10.1?} {ratio:>8.2}x (floor {floor}x)");
    ratio >= floor
}

fn ours(script: &str) -> Connection {
    let mut connection = Connection::new(Database::new(Enforcement::On));
    connection.execute_script(script).expect("the tables are made");
    connection
}

fn theirs(script: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().expect("it opens");
    connection.execute_batch("PRAGMA foreign_keys = ON").expect("it is switched on");
    connection.execute_batch(script).expect("the tables are made");
    connection
}

fn insert_ours(connection: &mut Connection) -> Duration {
    connection.execute("BEGIN", &[]).expect("it begins");
    let mut insert = connection.prepare("INSERT INTO c VALUES (?, 1, ?)").expect("it is SQL");
    let start = ProcessTime::now();
    for id in 1..=ROWS {
        connection.run(&mut insert, &[id.into(), "some text".into()]).expect("it fits");
    }
    let taken = start.elapsed();
    connection.execute("COMMIT", &[]).expect("it holds");
    taken
}

fn insert_theirs(connection: &rusqlite::Connection) -> Duration {
    connection.execute_batch("BEGIN").expect("it begins");
    let mut insert = connection.prepare("INSERT INTO c VALUES (?, 1, ?)").expect("it is SQL");
    let start = ProcessTime::now();
    for id in 1..=ROWS {
        insert.execute(rusqlite::params![id, "some text"]).expect("it fits");
    }
    let taken = start.elapsed();
    drop(insert);
    connection.execute_batch("COMMIT").expect("it holds");
    taken
}

fn delete_ours() -> Duration {
    let mut connection = ours(TABLES);
    insert_ours(&mut connection);
    let mut delete = connection.prepare("DELETE FROM p WHERE a = ?").expect("it is SQL");
    let start = ProcessTime::now();
    connection.run(&mut delete, &[1.into()]).expect("it goes");
    start.elapsed()
}

fn delete_theirs() -> Duration {
    let connection = theirs(TABLES);
    insert_theirs(&connection);
    let mut delete = connection.prepare("DELETE FROM p WHERE a = ?").expect("it is SQL");
    let start = ProcessTime::now();
    delete.execute([1]).expect("it goes");
    start.elapsed()
}

/// Tables, rows, queries and changes of them: 200 statements.
fn script() -> String {
    let mut script = String::from(TABLES);
    for at in 2..66 {
        write!(
            script,
            ";\nINSERT INTO p VALUES ({at});\nINSERT INTO c VALUES ({at}, {at}, 'row {at}');\n\
             UPDATE c SET t = 'changed' WHERE id = {at}"
        )
        .expect("a text takes whatever is written");
    }
    script
        + ";\nDELETE FROM p WHERE a > 40;\nSELECT count(*) FROM c;\nDELETE FROM c;\nDELETE FROM p"
}

fn run_ours() -> Duration {
    let (script, mut connection) = (script(), ours(""));
    let start = ProcessTime::now();
    connection.execute_script(&script).expect("it runs");
    start.elapsed()
}

fn run_theirs() -> Duration {
    let (script, connection) = (script(), theirs(""));
    let start = ProcessTime::now();
    connection.execute_batch(&script).expect("it runs");
    start.elapsed()
}

fn query_ours(connection: &mut Connection, query: &QueryLoad) -> Duration {
    let mut prepared = connection.prepare(query.sql).expect("it is SQL");
    let start = ProcessTime::now();
    for run in 1..=query.times {
        let found = connection.run(&mut prepared, &[run.into()]).expect("it runs");
        std::hint::black_box(found);
    }
    start.elapsed()
}

fn query_theirs(connection: &rusqlite::Connection, query: &QueryLoad) -> Duration {
    let mut prepared = connection.prepare(query.sql).expect("it is SQL");
    let width = prepared.column_count();
    let start = ProcessTime::now();
    for run in 1..=query.times {
        let mut rows = prepared.query([run]).expect("it runs");
        while let Some(row) = rows.next().expect("it runs") {
            for column in 0..width {
                let value: rusqlite::types::Value = row.get(column).expect("it is there");
                std::hint::black_box(value);
            }
        }
    }
    start.elapsed()
}
