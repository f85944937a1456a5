//! What a flush costs here and in SQLAlchemy, in milliseconds of CPU time.
//!
//! ```sh
//! cargo bench --bench session                                # ours alone
//! ONDELETE_PYTHON=python3 cargo bench --bench session        # beside that Python's SQLAlchemy
//! cargo bench --bench session -- add 1000                    # one workload, so many heroes
//! ```
//!
//! Five workloads on a team with 10,000 heroes: the flush of its delete with all heroes loaded, the
//! same left to the database, the same where the heroes stay and lose their key; adding them; and
//! loading them. The best of some rounds counts.

mod common;

use common::session::{Heroes, database, mapping};
use cpu_time::ProcessTime;
use ondelete::session::Session;
use std::env;
use std::process::Command;
use std::time::Duration;

const ROWS: i64 = 10_000;
const ROUNDS: usize = 5;

/// Does a workload with so many rows; how long it took.
type Work = fn(i64) -> Duration;

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let is_test = env::args().any(|argument| argument == "--test") || cfg!(debug_assertions);
    let chosen: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let rows = chosen.iter().find_map(|it| it.parse().ok());
    let (rows, rounds) = if is_test { (100, 1) } else { (rows.unwrap_or(ROWS), ROUNDS) };
    let is_chosen = |name: &str| chosen.iter().all(|it| it == name || it.parse::<i64>().is_ok());
    let theirs = if is_test { vec![] } else { sqlalchemy(rows, rounds) };
    let workloads: [(&str, Work); 5] = [
        ("loaded", delete_loaded),
        ("passive", delete_passive),
        ("nulled", delete_nulled),
        ("add", add),
        ("load", load),
    ];
    println!("{:<10}{:>12}{:>14}{:>10}", "flush", "ours (ms)", "SQLAlchemy", "ratio");
    for (name, work) in workloads.into_iter().filter(|(name, _)| is_chosen(name)) {
        let best = (0..rounds).map(|_| work(rows)).min().unwrap_or_default();
        let ours = best.as_secs_f64() * 1e3;
        match theirs.iter().find(|(of, _)| of == name) {
            Some((_, theirs)) => {
                println!("{name:<10}{ours:>12.3}{theirs:>14.3}{:>9.1}x", theirs / ours);
            }
            None => println!("{name:<10}{ours:>12.3}{:>14}{:>10}", "-", "-"),
        }
    }
}

fn delete(rows: i64, heroes: Heroes) -> Duration {
    let mapping = mapping(heroes);
    let mut db = database(&mapping, rows);
    let mut session = Session::new(&mut db, &mapping);
    let team = session.query("Team").one().expect("the team is there");
    if heroes != Heroes::LeftToTheDatabase {
        session.read(team, "heroes").expect("its heroes can be loaded");
    }
    session.delete(team).expect("it is persistent");
    let start = ProcessTime::now();
    session.flush().expect("nothing else refers to it");
    start.elapsed()
}

fn delete_loaded(rows: i64) -> Duration {
    delete(rows, Heroes::Deleted)
}

fn delete_passive(rows: i64) -> Duration {
    delete(rows, Heroes::LeftToTheDatabase)
}

fn delete_nulled(rows: i64) -> Duration {
    delete(rows, Heroes::Nulled)
}

fn load(rows: i64) -> Duration {
    let mapping = mapping(Heroes::Deleted);
    let mut db = database(&mapping, rows);
    let mut session = Session::new(&mut db, &mapping);
    let team = session.query("Team").one().expect("the team is there");
    let start = ProcessTime::now();
    session.read(team, "heroes").expect("its heroes can be loaded");
    start.elapsed()
}

fn add(rows: i64) -> Duration {
    let mapping = mapping(Heroes::Deleted);
    let mut db = database(&mapping, 0);
    let mut session = Session::new(&mut db, &mapping);
    session.query("Team").one().expect("the team is there");
    let mut heroes = Vec::new();
    for id in 1..=rows {
        let hero = session.create("Hero").expect("the class is mapped");
        session.set(hero, "id", id).expect("it is transient");
        session.set(hero, "name", &*format!("h{id}")).expect("it is transient");
        session.set(hero, "team_id", 1).expect("it is transient");
        heroes.push(hero);
    }
    let start = ProcessTime::now();
    session.add_all(&heroes).expect("they are transient");
    session.flush().expect("their keys are new");
    start.elapsed()
}

/// What the same costs in SQLAlchemy, by workload; nothing without a Python that has it.
fn sqlalchemy(rows: i64, rounds: usize) -> Vec<(String, f64)> {
    let Ok(python) = env::var("ONDELETE_PYTHON") else { return vec![] };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/session.py");
    let output =
        Command::new(python).args([script, &rows.to_string(), &rounds.to_string()]).output();
    let Ok(output) = output else { return vec![] };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let (name, figure) = line.split_once(' ')?;
        Some((name.to_owned(), figure.trim().parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}
