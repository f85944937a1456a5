//! What SQL costs beside SQLite: rows in through a prepared statement, one referenced row out with all
//! that reference it, and a script parsed and run.
//!
//! ```sh
//! cargo bench --bench sql --features sql,sqlite               # the three, and their floors
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
        let ratio = yours.as_secs_f64() / mine.as_secs_f64();
        println!("{name:<42} {mine:>10.1?} {yours:>10.1?} {ratio:>8.1}x (floor {floor}x)");
        is_met &= ratio >= floor;
    }
    if is_met || !checks { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
