//! Golden scripts of the session: commands, and under them the statements that were sent, what was
//! refused or warned of, and where the objects then stand.
//!
//! What is recorded is what SQLAlchemy does, not what we do:
//!
//! ```sh
//! cargo test --all-features --test session_scripts                             # ours, as recorded?
//! ONDELETE_PYTHON=python3 cargo test --all-features --test session_scripts     # SQLAlchemy, too?
//! UPDATE_GOLDENFILES=1 ONDELETE_PYTHON=python3 cargo test --all-features --test session_scripts
//! ```
//!
//! A script is read as the scenarios that `ondelete replay` and `tests/record_session.py` play
//! (`language`), and the trace of either is told in words (`rendering`). The second and third call
//! need a Python with the SQLAlchemy that `tests/record_session.py` names.
#![cfg(all(feature = "cli", feature = "testing"))]

mod language;
mod rendering;

use clap::Parser;
use language::{Line, Reader, Told};
use ondelete::cli::{Arguments, run};
use rendering::Rendering;
use serde_json::Value as Json;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Reads the commands of a script; nothing comes of them yet.
#[derive(Default)]
struct Reading(Reader);

impl goldenscript::Runner for Reading {
    type Command = Line;

    fn run(&mut self, line: &Line, _: &goldenscript::Context) -> Result<String> {
        self.0.read(line)?;
        Ok(String::new())
    }
}

/// Tells what came of each command.
struct Telling {
    told: std::vec::IntoIter<Told>,
    /// One for each scenario.
    renderings: Vec<Rendering>,
}

impl goldenscript::Runner for Telling {
    type Command = Line;

    fn run(&mut self, _: &Line, _: &goldenscript::Context) -> Result<String> {
        Ok(match self.told.next().ok_or("the script has changed while it was read")? {
            Told::Nothing => String::new(),
            Told::SetUp(scenario) => self.renderings[scenario].set_up(),
            Told::Step(scenario, at) => self.renderings[scenario].step(at),
            Told::Object(scenario, alias) => self.renderings[scenario].object(&alias),
            Told::Tables(scenario) => self.renderings[scenario].tables(),
        })
    }
}

/// The trace of a scenario: SQLAlchemy's if there is a Python to ask, else ours.
fn trace(name: &str, scenario: &Json) -> Result<Json> {
    let file: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    fs::write(&file, scenario.to_string())?;
    let file = file.to_str().ok_or("the target's path is not in UTF-8")?;
    let Ok(python) = std::env::var("ONDELETE_PYTHON") else {
        let mut out = Vec::new();
        run(&Arguments::try_parse_from(["ondelete", "replay", file])?, &mut out)
            .map_err(|failure| failure.to_string())?;
        return Ok(serde_json::from_slice(&out)?);
    };
    let recorder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/record_session.py");
    let output = Command::new(python).args([recorder, file]).output()?;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

fn run_script(path: &Path) -> Result<()> {
    let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a script has a name")?;
    let mut reading = Reading::default();
    goldenscript::generate(&mut reading, &fs::read_to_string(path)?)?;
    let (scenarios, told) = reading.0.finish();
    let mut renderings = Vec::new();
    for (at, scenario) in scenarios.iter().enumerate() {
        renderings.push(Rendering::of(trace(&format!("{name}-{at}"), scenario)?));
    }
    goldenscript::run(&mut Telling { told: told.into_iter(), renderings }, path)?;
    Ok(())
}

#[test]
fn the_session_does_what_is_recorded_of_sqlalchemy() {
    let asks_python = std::env::var("ONDELETE_PYTHON").is_ok();
    let records = std::env::var("UPDATE_GOLDENFILES").is_ok();
    if records && !asks_python {
        // Other scripts are recorded from ourselves; these are not.
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/session");
    let entries = fs::read_dir(&folder).expect("the folder of scripts can be read");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("and so can its entries").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no scripts in {}", folder.display());
    for path in paths {
        if let Err(error) = run_script(&path) {
            panic!("{}: {error}", path.display());
        }
    }
}
