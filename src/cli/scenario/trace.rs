//! A trace as JSON: events, errors, warnings, objects, the session, tables.

use super::names::{Names, scalar_json};
use crate::session::mapping::Mapping;
use crate::session::statement::{Column, From, Labels, Ordering, Select, Statement};
use crate::session::trace::{Event, Parameters, UNSET};
use crate::session::{Assigned, Error, ObjectId, Session, Warning};
use crate::value::{Collation, Value, compare};
use serde_json::{Map, Value as Json, json};

pub(super) fn event_json(event: &Event) -> Json {
    match event {
        Event::Begin => json!({ "ev": "BEGIN" }),
        Event::Commit => json!({ "ev": "COMMIT" }),
        Event::Rollback => json!({ "ev": "ROLLBACK" }),
        Event::Sql { statement, parameters } => {
            let (params, many): (Json, bool) = match parameters {
                Parameters::One(row) => (row_json(row), false),
                Parameters::Many(batch) => (batch.rows().map(row_json).collect(), true),
                Parameters::Unset { batch, unset } => {
                    let mut rows: Vec<Json> = batch.rows().map(row_json).collect();
                    for &(row, position) in unset {
                        rows[row][position] = json!({ "py": UNSET });
                    }
                    match rows.len() {
                        1 => (rows.swap_remove(0), false),
                        _ => (rows.into(), true),
                    }
                }
            };
            json!({ "ev": "SQL", "sql": statement.render(), "params": params, "many": many })
        }
    }
}

pub(super) fn row_json(row: &[Value]) -> Json {
    row.iter().map(value_json).collect()
}

fn value_json(value: &Value) -> Json {
    scalar_json(&value.clone().into())
}

/// An error as it is told; objects in it are called by `normalise`.
pub(super) fn error_json(error: &Error, normalise: impl Fn(&str) -> String) -> Json {
    let mut json = json!({
        "class": error.class.to_string(),
        "message": normalise(&error.message),
    });
    if let Some(driver) = error.driver {
        json["orig"] = json!(driver.to_string());
    }
    if let Some(sql) = &error.sql {
        json["sql"] = json!(sql);
    }
    json
}

/// Warnings, sorted by class and text.
pub(super) fn warnings_json(warnings: &[Warning], normalise: impl Fn(&str) -> String) -> Json {
    let mut told: Vec<(String, String)> = warnings
        .iter()
        .map(|it| (it.class.to_string(), normalise_end(&it.message, &normalise)))
        .collect();
    told.sort();
    told.into_iter().map(|(class, message)| json!({ "class": class, "message": message })).collect()
}

/// A warning keeps the space that it ends in.
fn normalise_end(message: &str, normalise: impl Fn(&str) -> String) -> String {
    let end = message.len() - message.trim_end().len();
    normalise(message) + &" ".repeat(end)
}

/// An object: where it stands, and what of it is in memory.
pub(super) fn object_json(
    session: &Session<'_>,
    names: &Names,
    alias: &str,
    object: ObjectId,
) -> Json {
    let mut loaded: Vec<(&str, Json)> = session
        .loaded(object)
        .into_iter()
        .map(|(name, value)| (name, assigned_json(session, names, &value)))
        .collect();
    loaded.sort_by_key(|(name, _)| *name);
    let loaded: Map<String, Json> =
        loaded.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut expired = session.expired(object);
    expired.sort_unstable();
    let key: Option<Json> =
        session.identity(object).map(|key| key.iter().map(scalar_json).collect());
    let mut json = json!({
        "model": session.class_name(object),
        "state": session.object_state(object).name(),
        "key": key,
        "loaded": loaded,
        "expired": expired,
    });
    match names.first_alias(object) {
        Some(first) if first != alias => json["same_as"] = json!(first),
        _ => {}
    }
    json
}

/// The value of an attribute.
pub(super) fn assigned_json(session: &Session<'_>, names: &Names, value: &Assigned) -> Json {
    match value {
        Assigned::Scalar(scalar) => scalar_json(scalar),
        Assigned::Object(object) => names.reference(session, *object),
        Assigned::List(objects) => names.references(session, objects),
    }
}

/// What the session has in hand.
pub(super) fn session_json(session: &Session<'_>, names: &Names) -> Json {
    let sorted = |objects: Vec<ObjectId>| {
        let mut names: Vec<String> =
            objects.into_iter().map(|object| names.name(session, object)).collect();
        names.sort();
        names
    };
    json!({
        "new": sorted(session.new_objects()),
        "dirty": sorted(session.dirty_objects()),
        "deleted": sorted(session.deleted_objects()),
        "in_transaction": session.in_transaction(),
        "in_nested": session.in_nested_transaction(),
    })
}

/// The rows of every table, ordered by all columns, as read past the session.
pub(super) fn read_tables(
    session: &mut Session<'_>,
    mapping: &Mapping,
) -> Result<Vec<Vec<Vec<Value>>>, crate::session::DriverError> {
    let backend = session.connection().backend();
    let read = |table: &crate::session::mapping::MappedTable| {
        let columns = table.columns.iter();
        let columns: Vec<Column> =
            columns.map(|column| Column::of(table.name.clone(), column.name.clone())).collect();
        let order_by = columns.iter().cloned();
        let select = Select {
            order_by: order_by.map(|column| Ordering { column, descending: false }).collect(),
            columns,
            labels: Labels::None,
            from: vec![From::Table(table.name.clone())],
            ..Select::default()
        };
        backend.execute(&Statement::Select(select), &[]).map(|outcome| outcome.rows)
    };
    mapping.tables().iter().map(read).collect()
}

pub(super) fn tables_json(mapping: &Mapping, tables: &[Vec<Vec<Value>>]) -> Json {
    let table = |(table, rows): (&crate::session::mapping::MappedTable, &Vec<Vec<Value>>)| {
        let columns: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
        let rows: Vec<Json> = rows.iter().map(|row| row_json(row)).collect();
        (table.name.to_string(), json!({ "columns": columns, "rows": rows }))
    };
    Json::Object(mapping.tables().iter().zip(tables).map(table).collect())
}

/// For each dangling row: its table, the referenced table, and the foreign key's number, which SQLite
/// counts from the last one declared.
pub(super) fn dangling_json(mapping: &Mapping, tables: &[Vec<Vec<Value>>]) -> Json {
    let mut dangling = Vec::new();
    for (table, rows) in mapping.tables().iter().zip(tables) {
        for (number, key) in table.foreign_keys().iter().rev().enumerate() {
            let target = mapping.tables().iter().position(|it| *it.name == *key.references());
            let referenced = target.map(|at| (&mapping.tables()[at], &tables[at]));
            let columns: Vec<usize> =
                key.columns().iter().filter_map(|it| table.position(it)).map(|it| it.0).collect();
            for row in rows {
                let values: Vec<&Value> = columns.iter().map(|&at| &row[at]).collect();
                if values.iter().any(|value| value.is_null()) {
                    continue;
                }
                let is_met = referenced.is_some_and(|(target, rows)| {
                    let at = key.referenced_columns().iter();
                    let at: Vec<usize> =
                        at.filter_map(|it| target.position(it)).map(|it| it.0).collect();
                    rows.iter().any(|row| {
                        at.iter()
                            .zip(&values)
                            .all(|(&at, value)| compare(&row[at], value, Collation::Binary).is_eq())
                    })
                });
                if !is_met {
                    dangling.push((table.name.to_string(), key.references().to_owned(), number));
                }
            }
        }
    }
    dangling.sort();
    json!(dangling)
}
