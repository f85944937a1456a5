//! Scenarios: models and steps as JSON, carried out on a session, whose trace is written as JSON.
//!
//! A file holds one scenario, or with `--batch` one a line. What does not fit is told by its place in
//! the JSON; in a batch the line gets an error object, and the others go on.

mod engine;
mod json;
mod models;
mod names;
mod prepare;
mod run;
mod sql;
mod steps;
mod trace;

pub(super) use prepare::{Prepared, prepare};

use super::Failure;
use crate::database::{Database, Enforcement};
use crate::session::backend::Backend;
use crate::session::mapping::{Configuration, Mapping};
use crate::session::{Error, Session, SessionOptions};
use crate::sql::Connection;
use clap::{Args, ValueEnum};
use engine::Engine;
use json::{At, Malformed};
use run::{Run, Snapshot};
use serde_json::{Value as Json, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use steps::Step;

/// The version of scenario and trace files.
const VERSION: i64 = 1;

/// Replay a scenario: models and steps as JSON in, its trace as JSON out
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ondelete replay scenario.json\n  \
    ondelete replay --batch scenarios.jsonl")]
pub(super) struct ReplayArguments {
    /// The scenario; - reads standard input
    file: PathBuf,
    /// The file holds a scenario a line; write a trace a line
    #[arg(long)]
    batch: bool,
    /// The database to run on
    #[arg(long, value_enum, default_value_t = On::Memory)]
    on: On,
}

/// The database that a scenario runs on.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum On {
    /// The engine of this crate
    Memory,
    /// SQLite, in memory
    #[cfg(feature = "sqlite")]
    Sqlite,
}

pub(super) fn run(arguments: &ReplayArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let mut input = open(&arguments.file)?;
    if arguments.batch {
        return replay_lines(input, arguments.on, out);
    }
    let mut text = String::new();
    input
        .read_to_string(&mut text)
        .map_err(|error| Failure::unreadable(&arguments.file, &error))?;
    let trace =
        replay(&text, arguments.on).map_err(|malformed| misfit(&arguments.file, &malformed))?;
    writeln!(out, "{trace:#}")?;
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    Ok(Box::new(BufReader::new(file)))
}

fn misfit(path: &Path, malformed: &Malformed) -> Failure {
    Failure::Input(format!("\"{}\" is no scenario: {malformed}", path.display()))
}

fn replay_lines(input: impl BufRead, on: On, out: &mut dyn Write) -> Result<(), Failure> {
    for line in input.lines() {
        let trace = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => {
                replay(&line, on).unwrap_or_else(|malformed| bad_scenario(&line, &malformed))
            }
            Err(error) => bad_scenario("", &Malformed::whole(error.to_string())),
        };
        // In one piece: the output looks at each piece it is given.
        out.write_all(format!("{trace}\n").as_bytes())?;
    }
    Ok(())
}

fn bad_scenario(line: &str, malformed: &Malformed) -> Json {
    let id = serde_json::from_str::<Json>(line).ok().and_then(|json| json.get("id").cloned());
    json!({ "version": VERSION, "id": id, "bad_scenario": malformed.to_string() })
}

/// Carries out a scenario and returns its trace.
pub(crate) fn replay(text: &str, on: On) -> Result<Json, Malformed> {
    let json: Json =
        serde_json::from_str(text).map_err(|error| Malformed::whole(error.to_string()))?;
    let at = At::root(&json);
    let version = at.need("version")?;
    if version.integer()? != VERSION {
        return Err(version.wrong(format!("expected {VERSION}")));
    }
    let Configuration { mapping, warnings } = read_mapping(&at)?;
    let mut trace = json!({
        "version": VERSION,
        "id": json.get("id"),
        "profile": json.get("profile"),
        "setup": { "ddl": [], "warnings": trace::warnings_json(&warnings, str::to_owned) },
        "steps": [],
        "tables": null,
        "foreign_key_check": null,
    });
    let scenario = match mapping {
        Ok(mapping) => Scenario::read(&at, &mapping).map(|scenario| (mapping, scenario))?,
        Err(error) => {
            trace["setup"]["error"] = trace::error_json(&error, str::to_owned);
            return Ok(trace);
        }
    };
    let (mapping, scenario) = scenario;
    trace["setup"]["ddl"] = json!(mapping.create_texts());
    if let Err(error) = scenario.carry_out(&mapping, on, &mut trace) {
        trace["setup"]["error"] = trace::error_json(&error, str::to_owned);
    }
    Ok(trace)
}

fn read_mapping(at: &At<'_>) -> json::Result<Configuration> {
    let models: json::Result<Vec<_>> =
        at.need("models")?.list()?.iter().map(models::read_model).collect();
    let tables: json::Result<Vec<_>> =
        at.members("tables")?.iter().map(models::read_table).collect();
    Ok(Mapping::configure(&models?, &tables?))
}

/// What a scenario says beside its models.
struct Scenario {
    enforcement: Enforcement,
    options: SessionOptions,
    snapshot: Snapshot,
    steps: Vec<Step>,
}

impl Scenario {
    fn read(at: &At<'_>, mapping: &Mapping) -> json::Result<Scenario> {
        let enforced = at.flag("enforce_foreign_keys", false)?;
        let snapshot = match at.get("snapshot")? {
            None => Snapshot::Each,
            Some(snapshot) => match snapshot.text()? {
                "each" => Snapshot::Each,
                "end" => Snapshot::End,
                "none" => Snapshot::None,
                other => {
                    let reason = format!("expected each, end or none, found \"{other}\"");
                    return Err(snapshot.wrong(reason));
                }
            },
        };
        let steps = at.need("steps")?.list()?;
        Ok(Scenario {
            enforcement: if enforced { Enforcement::On } else { Enforcement::Off },
            options: steps::read_options(at.get("session")?.as_ref())?,
            snapshot,
            steps: steps
                .iter()
                .map(|at| steps::read_step(at, mapping))
                .collect::<Result<_, _>>()?,
        })
    }

    fn carry_out(&self, mapping: &Mapping, on: On, trace: &mut Json) -> Result<(), Error> {
        match on {
            On::Memory => {
                let mut connection = Connection::new(Database::new(self.enforcement));
                self.carry_out_on(Box::new(Engine::over(&mut connection)), mapping, trace)
            }
            #[cfg(feature = "sqlite")]
            On::Sqlite => {
                let opened = crate::session::backend::Sqlite::in_memory(self.enforcement);
                let sqlite = opened.map_err(|error| Error::from_driver(&error, None))?;
                self.carry_out_on(Box::new(sqlite), mapping, trace)
            }
        }
    }

    fn carry_out_on<'a>(
        &self,
        mut backend: Box<dyn Backend + 'a>,
        mapping: &'a Mapping,
        trace: &mut Json,
    ) -> Result<(), Error> {
        for table in mapping.creation_order() {
            let created = backend.create_table(&mapping[table]);
            let text = || Some(mapping[table].create_text());
            created.map_err(|error| Error::from_driver(&error, text()))?;
        }
        let mut session = Session::over(backend, mapping, self.options);
        trace["steps"] = Run::new(&mut session).steps(&self.steps, self.snapshot).into();
        // What closing raises is of no interest any more.
        let _ = session.close();
        let _ = session.connection().backend().rollback();
        let tables = trace::read_tables(&mut session, mapping)
            .map_err(|error| Error::from_driver(&error, None))?;
        trace["tables"] = trace::tables_json(mapping, &tables);
        trace["foreign_key_check"] = trace::dangling_json(mapping, &tables);
        Ok(())
    }
}
