//! A scenario up to its first delete: the rows that are there, and the object that is to go.

use super::engine::Engine;
use super::json::{At, Malformed, Result};
use super::run::{Run, Snapshot};
use super::{Scenario, misfit, models, open};
use crate::cli::Failure;
use crate::database::Database;
use crate::session::backend::Backend;
use crate::session::mapping::{Direction, Mapping, Model, TableDefinition};
use crate::session::{Scalar, Session};
use crate::sql::Connection;
use serde_json::Value as Json;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// What is there when a scenario comes to its first delete.
pub(in crate::cli) struct Prepared {
    pub(in crate::cli) models: Vec<Model>,
    pub(in crate::cli) tables: Vec<TableDefinition>,
    /// As the scenario has it.
    pub(in crate::cli) mapping: Arc<Mapping>,
    /// All rows, committed.
    pub(in crate::cli) db: Database,
    /// The class of the object that is deleted.
    pub(in crate::cli) class: String,
    /// Its primary key.
    pub(in crate::cli) key: Vec<Scalar>,
    /// The relationships of the class whose targets reference it.
    pub(in crate::cli) relationships: Vec<String>,
}

impl Prepared {
    /// The key's values.
    pub(in crate::cli) fn key_text(&self) -> String {
        let values: Vec<String> = self.key.iter().map(Scalar::to_string).collect();
        values.join(", ")
    }
}

/// Reads a scenario and carries out what comes before its first delete.
///
/// # Errors
/// [`Failure::Input`] if the file does not fit or has no delete, or if what was done before it cannot
/// be committed.
pub(in crate::cli) fn prepare(file: &Path) -> std::result::Result<Prepared, Failure> {
    let mut text = String::new();
    open(file)?.read_to_string(&mut text).map_err(|error| Failure::unreadable(file, &error))?;
    let fits = |malformed| misfit(file, &malformed);
    let json: Json =
        serde_json::from_str(&text).map_err(|error| fits(Malformed::whole(error.to_string())))?;
    let at = At::root(&json);
    let models = list(&at, "models", models::read_model).map_err(fits)?;
    let tables = list(&at, "tables", models::read_table).map_err(fits)?;
    let mapping = Mapping::configure(&models, &tables).mapping;
    let mapping = mapping.map_err(|error| Failure::Input(format!("models do not fit: {error}")))?;
    let scenario = Scenario::read(&at, &mapping).map_err(fits)?;
    let mut connection = Connection::new(Database::new(scenario.enforcement));
    let (class, key) = carry_out(&scenario, &mapping, &mut connection)?;
    let db = connection.into_database();
    let mapper = mapping.mapper(&class).expect("it is the class of an object");
    let all = mapping[mapper].relationships.iter().map(|&id| &mapping[id]);
    let leading = all.filter(|it| it.direction == Direction::OneToMany && !it.viewonly);
    let relationships = leading.map(|it| it.name.to_string()).collect();
    Ok(Prepared { models, tables, mapping, db, class, key, relationships })
}

fn list<T>(at: &At<'_>, key: &str, read: impl Fn(&At<'_>) -> Result<T>) -> Result<Vec<T>> {
    at.members(key)?.iter().map(read).collect()
}

/// Carries out the steps before the first delete and commits; the class and key of what it deletes.
fn carry_out(
    scenario: &Scenario,
    mapping: &Mapping,
    connection: &mut Connection,
) -> std::result::Result<(String, Vec<Scalar>), Failure> {
    let failed = |what: String| Failure::Input(format!("scenario cannot be compared: {what}"));
    let found =
        scenario.steps.iter().enumerate().find_map(|(at, step)| Some((at, step.deleted()?)));
    let (at, alias) = found.ok_or_else(|| failed("no step deletes an object".to_owned()))?;
    let mut engine = Engine::over(connection);
    for table in mapping.creation_order() {
        let created = engine.create_table(&mapping[table]);
        created.map_err(|error| failed(error.message))?;
    }
    let mut session = Session::over(Box::new(engine), mapping, scenario.options);
    let mut run = Run::new(&mut session);
    // A step that fails ends there, and the scenario goes on, as in a replay.
    run.steps(&scenario.steps[..at], Snapshot::None);
    let object = run.object_named(alias);
    let object = object.ok_or_else(|| failed(format!("nothing is called \"{alias}\"")))?;
    session.commit().map_err(|error| failed(error.to_string()))?;
    let key = session.identity(object).map(<[Scalar]>::to_vec);
    let key = key.ok_or_else(|| failed(format!("\"{alias}\" has no row")))?;
    let class = session.class_name(object).to_owned();
    session.close().map_err(|error| failed(error.to_string()))?;
    Ok((class, key))
}
