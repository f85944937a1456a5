//! The command `ondelete`, as a function that writes and as the program itself.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use clap::Parser;
use ondelete::cli::{Arguments, Failure, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A terminal's usual size.
const COLUMNS: usize = 80;
const LINES: usize = 24;
/// A program says more than a run.
const PROGRAM_LINES: usize = 36;

/// What the function writes for these arguments, with its escape sequences.
fn write(arguments: &[&str]) -> String {
    let call = std::iter::once("ondelete").chain(arguments.iter().copied());
    let arguments = Arguments::try_parse_from(call).unwrap();
    let mut out = Vec::new();
    run(&arguments, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What the program does with these arguments, its output going to a pipe.
fn call(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ondelete"));
    program.env_remove("CLICOLOR_FORCE").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = call(arguments);
    assert!(status.success(), "{arguments:?}: {status}");
    assert_eq!(String::from_utf8(stderr).unwrap(), "");
    String::from_utf8(stdout).unwrap()
}

/// The parts of a printed tour, each beginning with a rule: the opening, the runs, the closing table.
fn screens(text: &str) -> Vec<Vec<&str>> {
    let mut screens: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("──") {
            screens.push(Vec::new());
        }
        screens.last_mut().expect("a tour begins with a rule").push(line);
    }
    screens
}

/// The tour's runs of the database alone, as JSON.
fn json(arguments: &[&str]) -> Vec<Value> {
    let document: Value = serde_json::from_str(&printed(arguments)).unwrap();
    document["runs"].as_array().expect("an array of runs").clone()
}

/// The call that plays the database alone.
const DATABASE: [&str; 3] = ["tour", "--part", "database"];

/// What each program of the tour and its variants come to, as SQLAlchemy and SQLite have it: gone,
/// nulled, refused or dangling, and who did it.
const PROGRAMS: [(&str, &[&str]); 7] = [
    (
        "tutorial 001",
        &[
            "gone session",
            "nulled session",
            "gone session",
            "dangling",
            "gone database",
            "gone database",
        ],
    ),
    (
        "tutorial 002",
        &["nulled session", "nulled session", "dangling", "nulled database", "refused"],
    ),
    (
        "tutorial 003",
        &["nulled database", "nulled session", "dangling", "nulled database", "nulled session"],
    ),
    ("tutorial 004", &["refused", "nulled session", "dangling", "refused", "dangling"]),
    (
        "tutorial 005",
        &["nulled session", "refused", "nulled session", "nulled session", "gone session"],
    ),
    ("Class and Enrollment", &["gone session", "refused", "nulled session"]),
    ("StoreModel and ItemModel", &["gone session", "refused", "nulled session", "gone session"]),
];

#[test]
fn the_programs_come_to_what_the_reference_makes_of_them() {
    let text = printed(&["tour", "--format", "json", "--part", "programs"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let programs = document["programs"].as_array().unwrap();
    assert_eq!(programs.len(), PROGRAMS.len());
    for (program, (name, expected)) in programs.iter().zip(PROGRAMS) {
        assert_eq!(program["name"], name);
        let variants = program["variants"].as_array().unwrap();
        let found = std::iter::once(&program["played"]).chain(variants).map(|played| {
            let by = played["by"].as_str().filter(|_| played["outcome"] != "refused");
            [played["outcome"].as_str(), by].into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn the_tour_is_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tour.txt");
    let text = printed(&["tour"]);
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap();
    assert!(text == recorded, "not as in {}; what is printed now:\n{text}", path.display());
}

#[test]
fn programs_and_runs_fit_a_screen_each() {
    let text = printed(&["tour"]);
    let screens = screens(&text);
    assert_eq!(screens.len(), 1 + 7 + 1 + 10 + 1);
    for (at, screen) in screens.iter().enumerate() {
        let height = screen.iter().rposition(|line| !line.is_empty()).unwrap() + 1;
        let limit = if at <= PROGRAMS.len() { PROGRAM_LINES } else { LINES };
        assert!(height <= limit, "{height} lines:\n{}", screen.join("\n"));
    }
    for line in text.lines() {
        let width = line.chars().count();
        assert!(width <= COLUMNS, "{width} columns: {line}");
        assert_eq!(line.trim_end(), line, "nothing stands behind a line");
    }
}

#[test]
fn the_readme_quotes_the_tour() {
    let text = printed(&DATABASE);
    let screen = screens(&text)[5].join("\n");
    let readme = include_str!("../README.md");
    assert!(readme.contains(screen.trim_end()), "the README should quote this:\n{screen}");
}

#[test]
fn each_run_tells_its_story_in_order() {
    let text = printed(&DATABASE);
    for screen in &screens(&text)[1..11] {
        let labels = screen.iter().filter(|line| !line.starts_with([' ', '─']));
        let labels: Vec<_> = labels.filter_map(|line| line.split("  ").next()).collect();
        let labels: Vec<_> = labels.iter().map(|label| label.trim()).collect();
        let is_there = |label: &&str| labels.contains(label);
        let story = ["schema", "before", "delete", "plan", "error", "after", "check", "why"];
        let found: Vec<_> = labels.iter().filter(|label| story.contains(label)).collect();
        assert_eq!(found, story.iter().filter(|label| is_there(label)).collect::<Vec<_>>());
        assert!(is_there(&"error") != is_there(&"check"), "{screen:#?}");
    }
}

#[test]
fn colour_is_for_terminals() {
    let written = write(&["tour"]);
    assert!(written.contains('\u{1b}'), "the function leaves dropping styles to its writer");
    let text = printed(&["tour"]);
    assert!(!text.contains('\u{1b}'), "a pipe gets plain text");
    assert_eq!(anstream::adapter::strip_str(&written).to_string(), text);
    assert_eq!(write(&["tour", "--format", "json"]), printed(&["tour", "--format", "json"]));
}

#[test]
fn outcomes_are_what_the_tables_show() {
    let runs = json(&["tour", "--format", "json"]);
    assert_eq!(runs.len(), 10);
    let text = printed(&DATABASE);
    let screens = screens(&text);
    for (run, line) in runs.iter().zip(&screens[11][2..]) {
        let outcome = outcome_of(run);
        assert_eq!(run["outcome"], outcome, "{line}");
        assert!(line.contains(&format!(" {outcome} ")), "{outcome}: {line}");

        let is_refused = outcome == "refused";
        assert_eq!(run["error"].is_null(), !is_refused, "{line}");
        assert_eq!(run["done"].is_null(), is_refused, "{line}");
        assert_eq!(run["after"] == run["before"], is_refused, "{line}");
        assert_eq!(run["plan"]["refusal"]["message"], run["error"]["message"], "{line}");
        let dangling = if outcome == "dangling" { 2 } else { 0 };
        assert_eq!(run["dangling"]["total"], dangling, "{line}");
        let let_pass = run["let_pass"].as_array().unwrap();
        assert_eq!(let_pass.len(), usize::from(outcome == "dangling"), "{line}");
    }
}

/// The outcome read from the tables of one run alone.
fn outcome_of(run: &Value) -> &'static str {
    let rows = |table: &str| run["after"][table].as_array().unwrap();
    let has_team = |id: &Value| rows("team").iter().any(|team| team["id"] == *id);
    let is_member = |hero: &&Value| hero["id"] == 4 || hero["id"] == 5;
    let teams: Vec<_> =
        rows("hero").iter().filter(is_member).map(|hero| &hero["team_id"]).collect();
    match teams.as_slice() {
        _ if has_team(&3.into()) => "refused",
        [] => "gone",
        [Value::Null, Value::Null] => "nulled",
        [one, other] if has_team(one) && has_team(other) => "defaulted",
        [one, other] if !has_team(one) && !has_team(other) => "dangling",
        _ => panic!("two heroes of one team fared differently: {teams:?}"),
    }
}

#[test]
fn why_is_one_sentence_that_fits_the_outcome() {
    for run in json(&["tour", "--format", "json"]) {
        let why = run["why"].as_str().unwrap();
        assert!(why.ends_with('.') && why.matches(". ").count() == 0, "{why}");
        let (action, outcome) = (run["action"].as_str().unwrap(), run["outcome"].as_str().unwrap());
        let action = action.to_uppercase().replace('_', " ");
        let is_dangling = outcome == "dangling";
        assert_eq!(why.contains("nforcement"), is_dangling, "{why}");
        let says = match outcome {
            "gone" => "go with their team",
            "nulled" => "key that is NULL",
            "defaulted" => "column's default, team 2",
            "refused" if action == "RESTRICT" => "refuses at the row",
            "refused" => "the end of the statement",
            _ => "",
        };
        assert!(why.contains(says) && (is_dangling || why.contains(&action)), "{why}");
    }
}

#[test]
fn each_action_comes_to_its_own_outcome() {
    let runs = json(&["tour", "--format", "json"]);
    let outcomes = runs.iter().map(|run| {
        let words = [&run["action"], &run["enforcement"], &run["outcome"]];
        words.map(|word| word.as_str().unwrap()).join(" ")
    });
    let expected = [
        "cascade on gone",
        "cascade off dangling",
        "set_null on nulled",
        "set_null off dangling",
        "restrict on refused",
        "restrict off dangling",
        "no_action on refused",
        "no_action off dangling",
        "set_default on defaulted",
        "set_default off dangling",
    ];
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
    let code = |at: usize| &runs[at]["error"]["code"];
    assert_eq!((code(4), code(6)), (&1811.into(), &787.into()));
    assert_eq!(runs[4]["error"]["sqlite"], "FOREIGN KEY constraint failed");
}

/// The same schema, rows and statement in SQLite itself.
#[cfg(feature = "sqlite")]
#[test]
fn sqlite_leaves_the_same_tables_and_errors() {
    for run in json(&["tour", "--format", "json"]) {
        let sqlite = rusqlite::Connection::open_in_memory().unwrap();
        sqlite.pragma_update(None, "foreign_keys", run["enforcement"].as_str().unwrap()).unwrap();
        for sql in run["schema"].as_array().unwrap() {
            sqlite.execute_batch(sql.as_str().unwrap()).unwrap();
        }
        for table in ["team", "hero"] {
            for row in run["before"][table].as_array().unwrap() {
                sqlite.execute(&insert(table, row), []).unwrap();
            }
        }
        let error = match sqlite.execute(run["statement"].as_str().unwrap(), []) {
            Ok(_) => Value::Null,
            Err(rusqlite::Error::SqliteFailure(failure, _)) => failure.extended_code.into(),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(run["error"]["code"], error);
        for table in ["team", "hero"] {
            let rows = run["after"][table].as_array().unwrap();
            let expected: Vec<_> = rows.iter().map(|row| insert(table, row)).collect();
            assert_eq!(read(&sqlite, table, &rows[0]), expected);
        }
        let dangling = sqlite
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .map(|count: i64| Value::from(count));
        assert_eq!(run["dangling"]["total"], dangling.unwrap());
    }
}

/// A row of JSON as the INSERT that makes it.
#[cfg(feature = "sqlite")]
fn insert(table: &str, row: &Value) -> String {
    let row = row.as_object().unwrap();
    let literal = |value: &Value| match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    };
    let names: Vec<_> = row.keys().cloned().collect();
    let values: Vec<_> = row.values().map(literal).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
}

/// The rows that SQLite has, as the INSERTs that make them; `like` names the columns.
#[cfg(feature = "sqlite")]
fn read(sqlite: &rusqlite::Connection, table: &str, like: &Value) -> Vec<String> {
    use rusqlite::types::Value as Sqlite;
    let names: Vec<_> = like.as_object().unwrap().keys().cloned().collect();
    let query = format!("SELECT {} FROM {table} ORDER BY id", names.join(", "));
    let mut statement = sqlite.prepare(&query).unwrap();
    let value = |value: Sqlite| match value {
        Sqlite::Null => Value::Null,
        Sqlite::Integer(integer) => integer.into(),
        Sqlite::Text(text) => text.into(),
        other => panic!("no such value in the tour: {other:?}"),
    };
    let row = |row: &rusqlite::Row<'_>| {
        let cells = names.iter().map(|name| Ok((name.clone(), value(row.get(name.as_str())?))));
        let object = cells.collect::<rusqlite::Result<serde_json::Map<_, _>>>()?;
        Ok(insert(table, &Value::Object(object)))
    };
    let rows = statement.query_map([], row).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn tutorial_005_goes_through() {
    let run =
        &json(&["tour", "--format", "json", "--action", "restrict", "--enforcement", "on"])[0];
    let instead = &run["instead"];
    assert_eq!((&instead["heroes"], &instead["teams"]), (&2.into(), &1.into()));
    assert_eq!(instead["after"]["team"].as_array().unwrap().len(), 2);
    assert_eq!(instead["after"]["hero"][4]["team_id"], Value::Null);
}

#[test]
fn runs_can_be_chosen() {
    let count =
        |arguments: &[&str]| json(&[&["tour", "--format", "json"], arguments].concat()).len();
    assert_eq!(count(&["--action", "cascade"]), 2);
    assert_eq!(count(&["--action", "Set-Null", "--action", "restrict"]), 4);
    assert_eq!(count(&["--action", "cascade", "--action", "cascade"]), 2);
    assert_eq!(count(&["--enforcement", "off"]), 5);
    assert_eq!(count(&["--enforcement", "both"]), 10);
}

#[test]
fn a_wrong_call_says_what_is_right() {
    let wrong: [(&[&str], &str); 10] = [
        (&["tour", "--action", "cascde"], "a similar value exists: 'cascade'"),
        (&["tour", "--enforcement", "maybe"], "[possible values: on, off, both]"),
        (&["tour", "--format", "xml"], "[possible values: text, json]"),
        (&["bench", "--shape", "self-treee"], "a similar value exists: 'self-tree'"),
        (&["bench", "--action", "cascde"], "a similar value exists: 'cascade'"),
        (&["bench", "--rows", "0"], "0 is not in 1..=10000000"),
        (&["bench", "--rows", "10000001"], "10000001 is not in 1..=10000000"),
        (&["bench", "--samples", "0"], "0 is not in 1..=1000"),
        (&["tuor"], "a similar subcommand exists: 'tour'"),
        (&[], "Usage: ondelete <COMMAND>"),
    ];
    for (arguments, says) in wrong {
        let Output { status, stdout, stderr } = call(arguments);
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
        assert!(stdout.is_empty(), "{arguments:?}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
}

/// A file of this program's own for a test, by name.
fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_statement_on_tables_of_a_file_is_explained() {
    let explained = printed(&["explain", "examples/heroes.sql", "DELETE FROM team WHERE id = 3"]);
    assert_eq!(
        explained,
        "delete team (1 row; 3)\n\
         ├─ assignment_team_id_fkey: cascade delete assignment (2 rows; (3, 1), (3, 2))\n\
         └─ hero_team_id_fkey: set null in hero (2 rows; 4, 5)\n"
    );
}

#[test]
fn files_that_do_not_fit_are_named() {
    let (json, twice) =
        ("[", "CREATE TABLE t (a INTEGER PRIMARY KEY);\nINSERT INTO t\nVALUES (1);\n");
    let [json, once, twice] = [
        file("list.json", json),
        file("once.sql", twice),
        file("twice.sql", &format!("{twice}\nINSERT INTO t VALUES (1);")),
    ];
    let wrong: [(&[&str], i32, &str); 9] = [
        (&["replay", "nowhere.json"], 2, "error: cannot read \"nowhere.json\": "),
        (&["replay", &json], 2, "list.json\" is no scenario: $: EOF while parsing a list"),
        (&["compare", &json], 2, "list.json\" is no scenario: $: EOF while parsing a list"),
        (&["explain", "nowhere.sql", "DELETE FROM t"], 2, "error: cannot read \"nowhere.sql\": "),
        (&["explain", &twice, "DELETE FROM t"], 2, "error: line 5 of \""),
        (&["explain", &once, "DELETE FROM t; DELETE FROM t"], 2, "error: only one statement is"),
        (&["explain", &once, ";"], 2, "error: there is no statement"),
        (&["explain", &once, "DELETE FROM u"], 1, "error: table \"u\" does not exist\n"),
        (&["shell", &twice], 1, "Error: UNIQUE constraint failed: t.a\n"),
    ];
    for (arguments, status, says) in wrong {
        let output = call(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    assert_eq!(printed(&["explain", &once, "DELETE FROM t; -- all"]), "delete t (1 row; 1)\n");
}

#[test]
fn help_fits_the_terminal() {
    let calls = [
        &["--help"][..],
        &["-h"],
        &["tour", "--help"],
        &["help", "tour"],
        &["tour", "-h"],
        &["bench", "--help"],
        &["bench", "-h"],
    ];
    for arguments in calls {
        let text = printed(arguments);
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= COLUMNS, "{arguments:?}: {widest}");
    }
    assert!(printed(&["tour", "--help"]).contains("Examples:"));
    assert!(printed(&["bench", "--help"]).contains("Examples:"));
}

/// What a bench of 25 rows and two samples tells.
fn bench(shape: &str, action: &str, arguments: &[&str]) -> Value {
    let call =
        ["bench", "--shape", shape, "--action", action, "--samples", "2", "--format", "json"];
    let rows: &[&str] = if arguments.is_empty() { &["--rows", "25"] } else { arguments };
    serde_json::from_str(&printed(&[&call, rows].concat())).unwrap()
}

/// Rows deleted and rows whose key was set.
fn deleted_and_updated(report: &Value) -> (u64, u64) {
    let count = |name: &str| report["outcome"][name].as_u64().unwrap();
    (count("deleted"), count("updated"))
}

#[test]
fn a_bench_counts_what_each_action_changes() {
    // The root is deleted besides; a diamond of 25 rows has arms of 3.
    let expected = [
        ("wide", (26, 0), (1, 25)),
        ("chain", (26, 0), (1, 1)),
        ("tree", (26, 0), (1, 10)),
        ("self-tree", (26, 0), (1, 10)),
        ("diamond", (32, 0), (1, 6)),
    ];
    for (shape, gone, set) in expected {
        assert_eq!(deleted_and_updated(&bench(shape, "cascade", &[])), gone, "{shape}");
        assert_eq!(deleted_and_updated(&bench(shape, "set-null", &[])), set, "{shape}");
        assert_eq!(deleted_and_updated(&bench(shape, "set-default", &[])), set, "{shape}");
        for (action, code) in [("restrict", 1811), ("no-action", 787)] {
            let outcome = &bench(shape, action, &[])["outcome"];
            assert_eq!((&outcome["kind"], &outcome["code"]), (&"refused".into(), &code.into()));
            let message = outcome["message"].as_str().unwrap();
            assert!(message.contains(" violates foreign key constraint "), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
}

#[test]
fn a_bench_measures_every_subject() {
    let names: &[&str] =
        if cfg!(feature = "sqlite") { &["ondelete", "SQLite"] } else { &["ondelete"] };
    let report = bench("wide", "cascade", &[]);
    let subjects = report["subjects"].as_array().unwrap();
    assert_eq!(subjects.iter().map(|s| s["subject"].as_str().unwrap()).collect::<Vec<_>>(), names);
    assert_eq!(subjects[0]["ratio"], 1.0);
    for subject in subjects {
        assert_eq!(subject["rows_changed"], 26);
        assert!(subject["ns_per_row"].as_f64().is_some_and(|time| time >= 0.0));
        for samples in ["delete_ns", "rollback_ns"] {
            let samples = subject["samples"][samples].as_array().unwrap();
            assert_eq!(samples.len(), 2);
        }
    }
    let refused = &bench("wide", "restrict", &[])["subjects"][0];
    assert_eq!(refused["ns_per_row"], Value::Null);
    let notes = report["notes"].to_string();
    assert_eq!(notes.contains("--features cli,sqlite"), !cfg!(feature = "sqlite"), "{notes}");
}

#[test]
fn a_chain_may_be_longer_than_sqlite_allows() {
    for (rows, is_too_long) in [("999", false), ("1000", true)] {
        let report = bench("chain", "cascade", &["--rows", rows]);
        assert_eq!(deleted_and_updated(&report), (rows.parse::<u64>().unwrap() + 1, 0));
        assert_eq!(report["notes"].to_string().contains("SQLite would refuse"), is_too_long);
        let has_sqlite = cfg!(feature = "sqlite") && !is_too_long;
        assert_eq!(report["subjects"].as_array().unwrap().len(), 1 + usize::from(has_sqlite));
    }
    // Only a cascade goes down the chain.
    assert_eq!(
        bench("chain", "set-null", &["--rows", "1000"])["notes"].to_string().find("1,000"),
        None
    );
}

#[test]
fn a_printed_bench_fits_the_terminal() {
    let calls: [(&[&str], &str); 3] = [
        (&["--rows", "2000"], "2,001 rows deleted"),
        (
            &["--shape", "tree", "--rows", "2000", "--action", "Set-Null"],
            "1 row deleted, the key of 10 rows set to NULL",
        ),
        (&["--rows", "3", "--action", "restrict"], "refused: delete on table"),
    ];
    for (arguments, says) in calls {
        let text = printed(&[&["bench", "--samples", "1"], arguments].concat());
        assert!(text.contains(says), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert_eq!(line.trim_end(), line, "nothing stands behind a line");
        }
    }
}

#[test]
fn failures_have_their_exit_status() {
    let error = ondelete::Database::new(ondelete::Enforcement::On).row_count("team").unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.exit_status(), 1);
    assert!(failure.to_string().starts_with("error: "), "{failure}");
    assert_eq!(Failure::from(std::io::Error::other("full")).exit_status(), 2);
}

/// The example of a scenario.
const HEROES: &str = "examples/heroes.json";

#[test]
fn the_comparison_is_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/compare.txt");
    let text = printed(&["compare", HEROES]);
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap();
    assert!(text == recorded, "not as in {}; what is printed now:\n{text}", path.display());
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert_eq!(line.trim_end(), line, "nothing stands behind a line");
    }
}

#[test]
fn each_way_is_in_one_class() {
    let compared: Value =
        serde_json::from_str(&printed(&["compare", HEROES, "--format", "json"])).unwrap();
    let classes = compared["classes"].as_array().unwrap();
    let mut ways: Vec<String> = Vec::new();
    for class in classes {
        ways.extend(class["ways"].as_array().unwrap().iter().map(Value::to_string));
        assert_eq!(class["witness"]["way"], class["ways"][0]);
    }
    assert_eq!(ways.len(), 2 * 4 * 3 * 2);
    ways.sort();
    ways.dedup();
    assert_eq!(ways.len(), 2 * 4 * 3 * 2, "no way is in two classes");
    let (last, others) = classes.split_last().unwrap();
    assert!(last["differs_from_next"].is_null());
    assert!(others.iter().all(|class| class["differs_from_next"].is_string()));
}

/// Compares the example after a change to it.
fn compare_changed(name: &str, change: impl FnOnce(&mut Value)) -> Output {
    let mut scenario: Value = serde_json::from_str(&fs::read_to_string(HEROES).unwrap()).unwrap();
    change(&mut scenario);
    let path = std::env::temp_dir().join(format!("ondelete-{name}-{}.json", std::process::id()));
    fs::write(&path, scenario.to_string()).unwrap();
    let output = call(&["compare", path.to_str().unwrap(), "--format", "json"]);
    fs::remove_file(&path).unwrap();
    output
}

#[test]
fn without_a_relationship_only_the_database_decides() {
    let output = compare_changed("plain", |scenario| {
        let models = scenario["models"].as_array_mut().unwrap();
        models.iter_mut().for_each(|model| model["relationships"] = Value::Array(vec![]));
        let steps = scenario["steps"].as_array_mut().unwrap();
        steps.iter_mut().for_each(|step| drop(step.as_object_mut().unwrap().remove("refs")));
        let key = serde_json::json!({
            "op": "sql",
            "text": "UPDATE hero SET team_id = :team WHERE name = :name",
            "params": { "team": 2, "name": "Black Lion" },
        });
        steps.insert(7, key);
    });
    let compared: Value = serde_json::from_slice(&output.stdout).unwrap();
    let classes = compared["classes"].as_array().unwrap();
    let ends: Vec<_> = classes
        .iter()
        .map(|class| (&class["tables"][1], class["ways"].as_array().unwrap().len()))
        .map(|(heroes, ways)| (heroes["gone"].as_u64(), heroes["dangling"].as_u64(), ways))
        .collect();
    assert_eq!(ends, [(Some(1), Some(0), 24), (Some(0), Some(1), 24)]);
    assert_eq!(classes[0]["differs_from_next"], "LeftDangling");
}

#[test]
fn what_deletes_nothing_is_not_compared() {
    let output = compare_changed("nothing", |scenario| {
        scenario["steps"].as_array_mut().unwrap().truncate(7);
    });
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "error: scenario cannot be compared: no step deletes an object\n");
}
