//! Does SQL on a pipe come to what SQLite prints? The cases in `tests/sql` are SQLite's own output, and
//! ours where the closed list of exceptions says so.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

/// One case of a file.
struct Case {
    name: String,
    sql: String,
    expected: String,
}

/// The cases of a file: `== name: what it shows`, SQL, `--`, what SQLite prints, and perhaps
/// `-- E1` and what we print.
fn cases(text: &str) -> Vec<Case> {
    let cases = text.split("\n== ").skip(1);
    let case = |case: &str| {
        let (title, rest) = case.split_once('\n').expect("a title line");
        let (sql, outputs) = rest.split_once("\n--\n").expect("a line of two dashes");
        let ours = outputs.split("\n-- E").nth(1).and_then(|ours| ours.split_once('\n'));
        let expected = ours.map_or(outputs, |(_, ours)| ours);
        Case {
            name: title.split(':').next().unwrap_or_default().to_owned(),
            sql: format!("{sql}\n"),
            expected: expected.trim().to_owned(),
        }
    };
    cases.map(case).collect()
}

/// What the shell prints, errors among the rest.
fn shell(input: &str) -> io::Result<String> {
    let (mut reader, writer) = io::pipe()?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_ondelete"))
        .arg("shell")
        .stdin(Stdio::piped())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    let mut stdin = child.stdin.take().expect("it was asked for");
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let mut output = String::new();
    reader.read_to_string(&mut output)?;
    child.wait()?;
    Ok(output)
}

#[test]
fn the_shell_prints_what_sqlite_prints() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql");
    let mut failures = Vec::new();
    let mut count = 0;
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        for case in cases(&fs::read_to_string(&file).unwrap()) {
            count += 1;
            let got = shell(&format!(".mode quote\n{}", case.sql)).unwrap();
            if got.trim() != case.expected {
                let Case { name, sql, expected } = case;
                failures.push(format!("{name}\n{sql}expected:\n{expected}\ngot:\n{got}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} differ\n{}", failures.len(), failures.join("\n"));
    assert!(count > 150, "only {count} cases were found");
}

#[test]
fn a_statement_runs_when_its_line_is_read_and_output_is_flushed() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ondelete"))
        .arg("shell")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdin.write_all(b"SELECT 1,\n 2;\n").unwrap();
    // Nothing more is written before the answer has come.
    let mut answer = [0; 4];
    stdout.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"1|2\n");
    stdin.write_all(b"SELECT nothing; SELECT 3;\nSELECT 4").unwrap();
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    // An error skips what its line has completed besides, and no more.
    assert_eq!(rest, "4\n");
    // It is told by the exit status, as by that of sqlite3.
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn modes_and_commands_print_as_they_say() {
    let script = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);\n\
        INSERT INTO t VALUES (1, 'it''s'), (2, NULL);\n\
        .headers on\n.mode quote\nSELECT a, b, 0.5 AS c, X'0aff' FROM t WHERE a = 1;\n\
        SELECT * FROM t WHERE a > 9;\n\
        .mode json\nSELECT * FROM t;\n.mode table\nSELECT * FROM t;\n\
        .tables\n.schema t\n.print done\n.nonsense\n";
    let printed = shell(script).unwrap();
    assert_eq!(
        printed,
        "'a','b','c','X''0aff'''\n1,'it''s',0.5,X'0AFF'\n\
         [{\"a\":1,\"b\":\"it's\"},\n{\"a\":2,\"b\":null}]\n\
         +---+------+\n| a | b    |\n+---+------+\n| 1 | it's |\n| 2 |      |\n+---+------+\n\
         t\nCREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);\ndone\n\
         Error: unknown command or invalid arguments:  \"nonsense\". Enter \".help\" for help\n"
    );
}

#[test]
fn a_plan_is_told_and_leaves_nothing() {
    let script = "PRAGMA foreign_keys = ON;\n\
        CREATE TABLE team (id INTEGER PRIMARY KEY);\n\
        CREATE TABLE hero (id INTEGER PRIMARY KEY, team REFERENCES team ON DELETE SET NULL);\n\
        INSERT INTO team VALUES (3); INSERT INTO hero VALUES (4, 3), (5, 3);\n\
        .plan DELETE FROM team WHERE id = 3\nSELECT count(*) FROM team;\n";
    assert_eq!(
        shell(script).unwrap(),
        "delete team (1 row; 3)\n└─ hero_team_fkey: set null in hero (2 rows; 4, 5)\n1\n"
    );
}
