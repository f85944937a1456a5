//! The golden scripts of tests/scripts: every file is run and held to what was recorded.
//!
//! `UPDATE_GOLDENFILES=1 cargo test --all-features --test scripts` records them anew; then the
//! difference is read as carefully as code. See `ondelete::testing::script` for the language.
#![cfg(feature = "testing")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use ondelete::testing::script;

/// Every script below a folder, in order.
fn find_scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of scripts can be read");
            todo.extend(entries.map(|entry| entry.expect("and so can its entries").path()));
        } else if path.extension().is_some_and(|extension| extension == "script") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs all of them, says which fail, and only then fails.
fn run_scripts(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(folder);
    let scripts = find_scripts(&folder);
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    let mut failed = Vec::new();
    for path in &scripts {
        match catch_unwind(|| script::run(path)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed.push(format!("{}: {error}", path.display())),
            Err(_) => failed.push(format!("{}: not as recorded", path.display())),
        }
    }
    assert!(failed.is_empty(), "{} scripts failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn referential() {
    run_scripts("referential");
}

#[test]
fn transactions() {
    run_scripts("transactions");
}

#[test]
fn constraints() {
    run_scripts("constraints");
}

#[test]
fn schema() {
    run_scripts("schema");
}

#[test]
fn input() {
    run_scripts("input");
}

#[test]
fn exception_scripts() {
    run_scripts("exceptions");
}

/// The bundled SQLite really does otherwise where the scripts of exceptions say that it does.
#[cfg(feature = "sqlite")]
mod exceptions {
    use rusqlite::Connection;

    fn sqlite(setup: &str) -> Connection {
        let connection = Connection::open_in_memory().expect("SQLite opens");
        connection.execute_batch(setup).expect("the setup goes through");
        connection
    }

    fn dangling(connection: &Connection) -> i64 {
        let count = "SELECT count(*) FROM pragma_foreign_key_check";
        connection.query_row(count, [], |row| row.get(0)).expect("SQLite counts")
    }

    /// SQLite accepts, and leaves a key that dangles.
    fn accepts_a_new_dangling_row(connection: &Connection, sql: &str) {
        connection.execute_batch(sql).expect("SQLite accepts it");
        assert!(connection.is_autocommit(), "and it is committed");
        assert_eq!(dangling(connection), 1);
    }

    #[test]
    fn e1_counts_come_out_even() {
        let deferred = "CREATE TABLE team (id PRIMARY KEY);
            CREATE TABLE hero (team REFERENCES team DEFERRABLE INITIALLY DEFERRED);
            PRAGMA foreign_keys = OFF; INSERT INTO hero VALUES (1); PRAGMA foreign_keys = ON;";
        for repair in ["DELETE FROM hero WHERE team = 1", "INSERT INTO team VALUES (1)"] {
            let sql = format!("BEGIN; INSERT INTO hero VALUES (2); {repair}; COMMIT");
            accepts_a_new_dangling_row(&sqlite(deferred), &sql);
        }
        let immediate = "PRAGMA foreign_keys = OFF; CREATE TABLE team (id INTEGER PRIMARY KEY);
            CREATE TABLE hero (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team);
            INSERT INTO team VALUES (1); INSERT INTO hero VALUES (1, 1), (2, 99);
            PRAGMA foreign_keys = ON;";
        let update = "UPDATE hero SET team_id = CASE WHEN id = 1 THEN 77 ELSE 1 END";
        accepts_a_new_dangling_row(&sqlite(immediate), update);
    }

    #[test]
    fn e2_a_clean_commit_is_refused() {
        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE team (id INTEGER PRIMARY KEY);
             CREATE TABLE hero (id INTEGER PRIMARY KEY, now INTEGER REFERENCES team,
                 later INTEGER REFERENCES team DEFERRABLE INITIALLY DEFERRED); BEGIN;",
        );
        assert!(connection.execute_batch("INSERT INTO hero VALUES (1, 7, 8)").is_err());
        assert_eq!(dangling(&connection), 0);
        assert!(connection.execute_batch("COMMIT").is_err(), "H1");
    }

    #[test]
    fn e3_the_switch_forgets() {
        for mode in ["", "DEFERRABLE INITIALLY DEFERRED"] {
            let connection = sqlite(&format!(
                "PRAGMA foreign_keys = ON; CREATE TABLE team (id PRIMARY KEY);
                 CREATE TABLE hero (team REFERENCES team {mode});"
            ));
            let sql = "BEGIN; PRAGMA defer_foreign_keys = ON; INSERT INTO hero VALUES (1);
                PRAGMA defer_foreign_keys = OFF; COMMIT";
            accepts_a_new_dangling_row(&connection, sql);
        }
    }

    #[test]
    fn e4_a_reused_insert_errs_and_keeps_its_row() {
        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE team (id INTEGER PRIMARY KEY);
             CREATE TABLE hero (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team);
             BEGIN; PRAGMA defer_foreign_keys = ON;",
        );
        let sql = "INSERT INTO hero VALUES (?1, ?2)";
        let mut insert = connection.prepare(sql).expect("it is prepared under the switch");
        insert.execute([1, 7]).expect("it waits for COMMIT");
        connection.execute_batch("INSERT INTO team VALUES (7); COMMIT").expect("all is repaired");
        connection.execute_batch("BEGIN").expect("the switch is off again");
        assert!(insert.execute([2, 8]).is_err());
        drop(insert);
        connection.execute_batch("COMMIT").expect("SQLite sees nothing outstanding");
        assert_eq!(dangling(&connection), 1, "the row it reports as refused is there");
    }

    #[test]
    fn e8_replace_leaves_the_check_out() {
        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE node
                 (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node ON DELETE SET NULL);",
        );
        accepts_a_new_dangling_row(&connection, "INSERT OR REPLACE INTO node VALUES (1, 99)");
    }

    #[test]
    fn e9_a_drop_counts_below_zero() {
        let connection = sqlite(
            "PRAGMA foreign_keys = OFF; CREATE TABLE node (id INTEGER PRIMARY KEY,
                 up INTEGER REFERENCES node, x INTEGER REFERENCES missing);
             INSERT INTO node VALUES (1, NULL, 5); PRAGMA foreign_keys = ON;",
        );
        assert!(connection.execute_batch("DROP TABLE node").is_err());
    }

    #[test]
    fn e10_too_deep_keeps_a_part() {
        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE node
                 (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node ON DELETE CASCADE);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1002)
                 INSERT INTO node SELECT i, CASE i WHEN 1 THEN NULL ELSE i - 1 END FROM n; BEGIN;",
        );
        assert!(connection.execute_batch("DELETE FROM node WHERE id = 1").is_err());
        let left: i64 = connection
            .query_row("SELECT count(*) FROM node", [], |row| row.get(0))
            .expect("SQLite counts");
        assert_eq!(left, 1, "the statement failed, and most of its rows are gone");
    }

    #[test]
    fn e5_a_row_of_its_own_counts_twice() {
        let connection = sqlite(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE node (id INTEGER PRIMARY KEY, v INTEGER UNIQUE, f INTEGER REFERENCES node (v));
             INSERT INTO node VALUES (0, 4, NULL), (3, 3, 4); INSERT INTO node VALUES (2, 2, 3);",
        );
        accepts_a_new_dangling_row(&connection, "UPDATE node SET v = v + 1 WHERE v >= 3");

        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE node
                 (id PRIMARY KEY, f REFERENCES node DEFERRABLE INITIALLY DEFERRED);",
        );
        let sql = "BEGIN; INSERT INTO node VALUES (2, 99), (1000, 97);
            UPDATE node SET id = 99 WHERE id = 2; COMMIT";
        accepts_a_new_dangling_row(&connection, sql);

        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE node (id TEXT PRIMARY KEY, f TEXT REFERENCES node);
             INSERT INTO node VALUES ('a', 'c'), ('c', 'c');",
        );
        assert!(connection.execute_batch("UPDATE node SET id = id").is_err(), "H7");
    }

    #[test]
    fn e6_an_old_row_is_judged_again() {
        let connection = sqlite(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE node (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node, name TEXT);
             INSERT INTO node VALUES (1, 99, 'a'); PRAGMA foreign_keys = ON;",
        );
        assert!(connection.execute_batch("UPDATE node SET id = 2").is_err());
        assert!(connection.execute_batch("UPDATE node SET name = 'b'").is_ok());
    }

    #[test]
    fn e7_it_looks_wider_from_above() {
        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE team (id TEXT PRIMARY KEY);
             CREATE TABLE hero (team INTEGER REFERENCES team (id));
             INSERT INTO team VALUES ('01'), ('1'); INSERT INTO hero VALUES ('01');",
        );
        assert!(connection.execute_batch("DELETE FROM team WHERE id = '01'").is_err());
        let connection = sqlite(
            "PRAGMA foreign_keys = ON; CREATE TABLE team (id TEXT PRIMARY KEY);
             CREATE TABLE hero (team INTEGER REFERENCES team (id) ON DELETE CASCADE);
             INSERT INTO team VALUES ('01'), ('1'); INSERT INTO hero VALUES (1);",
        );
        assert!(connection.execute_batch("DELETE FROM team WHERE id = '01'").is_err());
    }
}
