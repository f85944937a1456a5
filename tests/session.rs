//! Does a session do what the real SQLAlchemy does: the same statements with the same parameters in
//! the same order, the same errors and warnings, the same states of objects, the same tables?
//!
//! Each file in `tests/session` holds scenarios with the trace that SQLAlchemy left of them, as
//! `tests/record_session.py` records it. Here they are played again, on the engine and on SQLite, and
//! the traces must be equal, but for the list of dangling rows, which is for information only.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use clap::Parser;
use flate2::read::GzDecoder;
use ondelete::cli::{Arguments, run};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// How many differences are shown before a reader has seen enough.
const SHOWN_MAX: usize = 10;

/// Not profiles but scenarios chosen one by one: the tutorial programs, and what only tens of thousands
/// of random scenarios have come upon.
const CHOSEN: [&str; 2] = ["tutorials", "rare"];

/// The least that a recorded profile holds.
const SCENARIOS_MIN: usize = 200;

struct Recorded {
    scenario: Value,
    trace: Value,
}

fn recorded(name: &str) -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/session/{name}.jsonl.gz"));
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
    let read = |line: String| {
        let mut line: Value = serde_json::from_str(&line).unwrap();
        Recorded { scenario: line["scenario"].take(), trace: line["trace"].take() }
    };
    lines.map(|line| read(line.unwrap())).collect()
}

/// The traces that the program writes of these scenarios.
fn replayed(name: &str, on: &str, recorded: &[Recorded]) -> Vec<Value> {
    let lines: Vec<String> = recorded.iter().map(|it| it.scenario.to_string()).collect();
    let file: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{on}.jsonl"));
    fs::write(&file, lines.join("\n")).unwrap();
    let call = ["ondelete", "replay", "--batch", "--on", on, file.to_str().unwrap()];
    let mut out = Vec::new();
    run(&Arguments::try_parse_from(call).unwrap(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where two values first differ, and how.
fn difference(path: &str, want: &Value, got: &Value) -> Option<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let keys = want.keys().chain(got.keys().filter(|key| !want.contains_key(*key)));
            keys.filter(|key| *key != "foreign_key_check").find_map(|key| {
                let nothing = Value::Null;
                let pair = (want.get(key).unwrap_or(&nothing), got.get(key).unwrap_or(&nothing));
                difference(&format!("{path}.{key}"), pair.0, pair.1)
            })
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            let mut pairs = want.iter().zip(got).enumerate();
            pairs.find_map(|(at, (want, got))| difference(&format!("{path}[{at}]"), want, got))
        }
        (want, got) if want == got => None,
        (want, got) => Some(format!("{path}\n    want {want}\n    got  {got}")),
    }
}

fn assert_replayed(name: &str, on: &str) {
    let recorded = recorded(name);
    let is_chosen = CHOSEN.contains(&name);
    assert!(is_chosen || recorded.len() >= SCENARIOS_MIN, "{name}: {}", recorded.len());
    let replayed = replayed(name, on, &recorded);
    assert_eq!(recorded.len(), replayed.len(), "{name}: a trace for each scenario");
    let differs = |(recorded, got): (&Recorded, &Value)| {
        difference("$", &recorded.trace, got).map(|how| format!("{}: {how}", recorded.trace["id"]))
    };
    let different: Vec<String> = recorded.iter().zip(&replayed).filter_map(differs).collect();
    assert!(
        different.is_empty(),
        "{name} on {on}: {} of {} differ\n{}",
        different.len(),
        recorded.len(),
        different[..different.len().min(SHOWN_MAX)].join("\n")
    );
}

macro_rules! recorded {
    ($($name:ident)*) => {
        mod memory {
            $(#[test]
            fn $name() {
                super::assert_replayed(stringify!($name), "memory");
            })*
        }

        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[test]
            fn $name() {
                super::assert_replayed(stringify!($name), "sqlite");
            })*
        }
    };
}

recorded!(tutorials rare basic tree m2m composite states raw full);

#[test]
fn a_difference_is_told_by_its_place() {
    let want = serde_json::json!({ "steps": [{ "value": 1 }, { "value": [true] }] });
    let mut got = want.clone();
    assert_eq!(difference("$", &want, &got), None);
    got["steps"][1]["value"][0] = serde_json::json!(1);
    let told = difference("$", &want, &got).unwrap();
    assert!(told.starts_with("$.steps[1].value[0]\n"), "{told}");
}

#[test]
fn a_scenario_that_does_not_fit_is_told_by_its_place_and_the_others_go_on() {
    let fits = recorded("tutorials").remove(0).scenario;
    let broken = [
        ("$: expected the key \"version\"", serde_json::json!({})),
        (
            "$.steps[0]: expected the key \"obj\"",
            with(&fits, "steps", serde_json::json!([{ "op": "add" }])),
        ),
        (
            "$.steps[0].op: no step is called \"dance\"",
            with(&fits, "steps", serde_json::json!([{ "op": "dance" }])),
        ),
        ("$.models: expected a list, found 3", with(&fits, "models", serde_json::json!(3))),
        ("$.version: expected 1", with(&fits, "version", serde_json::json!(2))),
    ];
    let scenarios = broken.iter().map(|(_, scenario)| scenario.clone()).chain([fits]);
    let scenarios: Vec<Recorded> =
        scenarios.map(|scenario| Recorded { scenario, trace: Value::Null }).collect();
    let traces = replayed("broken", "memory", &scenarios);
    for ((told, _), trace) in broken.iter().zip(&traces) {
        assert_eq!(trace["bad_scenario"], *told);
    }
    assert!(traces[broken.len()]["steps"].is_array());
}

fn with(scenario: &Value, key: &str, value: Value) -> Value {
    let mut scenario = scenario.clone();
    scenario[key] = value;
    scenario
}
