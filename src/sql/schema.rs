//! Changes of the schema: what a definition means, and what `sqlite_schema` then says.

use super::connection::Connection;
use super::names::missing;
use super::schema_table::objects_of_table;
use super::syntax::{
    AlterTable, CreateIndex, CreateTable, CreateTrigger, CreateView, QualifiedName, Statement,
    TableBody, TableDefinition,
};
use super::{parser, rename};
use super::{trigger, view};
use crate::catalog::{Column, Index, SEQUENCE_TABLE, Table};
use crate::database::{Database, Object, ObjectKind, Start};
use crate::error::{Error, NameError, NameKind, Result, SqlError};
use crate::id::TableId;
use crate::query::Query;
use crate::value::Affinity;
use std::sync::Arc;

/// The most columns of a table.
const COLUMNS_MAX: usize = 2_000;

fn refuse<T>(message: String) -> Result<T> {
    Err(SqlError::Refused { message }.into())
}

/// Carries out a change of the schema, wholly or not at all.
///
/// # Errors
/// What does not fit the schema as it stands.
pub(super) fn run(connection: &mut Connection, statement: Statement) -> Result<()> {
    let legacy = connection.settings.legacy_alter;
    let db = connection.database_mut();
    match statement {
        Statement::CreateTable(table) => create_table(db, *table),
        Statement::CreateIndex(index) => create_index(db, *index),
        Statement::CreateView(view) => create_view(db, *view),
        Statement::CreateTrigger(trigger) => create_trigger(db, &trigger),
        Statement::Drop { kind, name, if_exists } => drop(db, kind, &name, if_exists),
        Statement::AlterTable { table, change } => alter(db, &table, *change, legacy),
        _ => Ok(()),
    }
}

/// A name as it was written, at the beginning of a definition.
fn written<'a>(text: &'a str, name: &'a str) -> &'a str {
    parser::tokens(text).next().map_or(name, |token| token.text)
}

/// Whether there is something of this name; an error unless that is fine.
fn is_taken(
    db: &Database,
    kind: ObjectKind,
    name: &str,
    text: &str,
    is_temporary: bool,
    if_not_exists: bool,
) -> Result<bool> {
    let written = written(text, name);
    let schema = if is_temporary { "temp" } else { "main" };
    let full = format!("{schema}.{name}");
    if is_internal(name) {
        return refuse(format!("object name reserved for internal use: {name}"));
    }
    if let Some(view) = db.find_object(ObjectKind::View, name)
        && view.is_temporary == is_temporary
    {
        return match if_not_exists && kind != ObjectKind::Index {
            true => Ok(true),
            false => refuse(format!("{} {written} already exists", view.kind.word())),
        };
    }
    if db.catalog().find_table(&full).is_some() {
        return match (if_not_exists, kind) {
            (true, ObjectKind::Table | ObjectKind::View) => Ok(true),
            (_, ObjectKind::Index) => refuse(format!("there is already a table named {name}")),
            _ => refuse(format!("table {written} already exists")),
        };
    }
    if db.catalog().find_index(&full).is_some() {
        return match (if_not_exists, kind) {
            (true, ObjectKind::Index) => Ok(true),
            (_, ObjectKind::Index) => refuse(format!("index {name} already exists")),
            _ => refuse(format!("there is already an index named {name}")),
        };
    }
    Ok(false)
}

fn create_table(db: &mut Database, create: CreateTable) -> Result<()> {
    let name = create.name.name.clone();
    let temporary = is_to_be_temporary(&create.name, create.is_temporary)?;
    if is_taken(db, ObjectKind::Table, &name, &create.text, temporary, create.if_not_exists)? {
        return Ok(());
    }
    match create.body {
        TableBody::Definition(definition) => {
            let table = table_of(&name, definition)?;
            let sql = format!("CREATE TABLE {}", create.text);
            define_table(db, table, sql, temporary)
        }
        TableBody::Query(query) => {
            let query = db.prepare_select(&query)?;
            let rows = db.run_query(&query, &[])?;
            let (table, sql) = table_of_query(&name, &query);
            db.as_one(|db| {
                define_table(db, table, sql, temporary)?;
                let schema = if temporary { "temp" } else { "main" };
                db.fill_table(&format!("{schema}.{name}"), rows)
            })
        }
    }
}

/// Whether a name is one that SQLite keeps for itself.
fn is_internal(name: &str) -> bool {
    name.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"))
}

/// Whether something of this name will be temporary; `is_said` if its definition says so.
///
/// # Errors
/// For a schema that is not there, and a temporary thing in another one.
fn is_to_be_temporary(name: &QualifiedName, is_said: bool) -> Result<bool> {
    let Some(schema) = &name.schema else { return Ok(is_said) };
    if schema.eq_ignore_ascii_case("temp") {
        return Ok(true);
    }
    if !schema.eq_ignore_ascii_case("main") {
        return refuse(format!("unknown database {schema}"));
    }
    match is_said {
        true => refuse("temporary table name must be unqualified".to_owned()),
        false => Ok(false),
    }
}

/// Refuses parameters in a text that is kept.
fn without_parameters(text: &str, message: &str) -> Result<()> {
    match parser::tokens(text).any(|token| token.kind == parser::Kind::Parameter) {
        true => refuse(message.to_owned()),
        false => Ok(()),
    }
}

fn define_table(db: &mut Database, table: Table, sql: String, is_temporary: bool) -> Result<()> {
    let schema = if is_temporary { "temp" } else { "main" };
    let name = format!("{schema}.{}", table.name());
    let table = if is_temporary { table.temporary() } else { table };
    let sequences = format!("{schema}.{SEQUENCE_TABLE}");
    db.as_one(|db| {
        let had_sequences = db.catalog().find_table(&*sequences).is_some();
        db.create_table(table)?;
        let entry = db.catalog().table(&*name)?.clone();
        let mut objects = objects_of_table(&entry, sql, is_temporary);
        if let (false, Some(entry)) = (had_sequences, db.catalog().find_table(&*sequences)) {
            let sql = format!("CREATE TABLE {SEQUENCE_TABLE}(name,seq)");
            objects.extend(objects_of_table(entry, sql, is_temporary));
        }
        db.change_objects(|all| all.extend(objects.into_iter().map(Arc::new)))
    })
}

/// The definition of a table, with what SQL alone has to say about it looked at.
fn table_of(name: &str, definition: TableDefinition) -> Result<Table> {
    if definition.columns.len() > COLUMNS_MAX {
        return Err(SqlError::Limit { what: format!("too many columns on {name}") }.into());
    }
    let mut table = Table::new(name);
    if definition.is_strict {
        table = table.strict();
    }
    for column in definition.columns {
        table = table.column(match definition.is_strict {
            true => strict_column(name, column.column)?,
            false => column.column,
        });
    }
    table = definition.keys.into_iter().fold(table, Table::key);
    table = definition.checks.into_iter().fold(table, Table::add_check);
    table = definition.foreign_keys.into_iter().fold(table, Table::foreign_key);
    if definition.without_row_id {
        table = table.without_row_id();
    }
    if definition.is_autoincrement {
        if table.is_without_row_id() {
            return refuse("AUTOINCREMENT not allowed on WITHOUT ROWID tables".to_owned());
        }
        if table.row_id_column().is_none() {
            return refuse("AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY".to_owned());
        }
        table = table.autoincrement();
    }
    Ok(table)
}

/// A column of a STRICT table.
///
/// # Errors
/// If it has no type, or one that STRICT tables do not know.
fn strict_column(table: &str, column: Column) -> Result<Column> {
    let declared = column.declared_type().to_string();
    let known = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"];
    if known.iter().any(|known| known.eq_ignore_ascii_case(&declared)) {
        return Ok(column.in_strict_table());
    }
    let name = column.name();
    refuse(match declared.as_str() {
        "" => format!("missing datatype for {table}.{name}"),
        _ => format!("unknown datatype for {table}.{name}: \"{declared}\""),
    })
}

/// The table that CREATE TABLE AS makes, and how SQLite writes it down.
fn table_of_query(name: &str, query: &Query) -> (Table, String) {
    let mut table = Table::new(name);
    let mut names: Vec<String> = Vec::new();
    let mut written = Vec::new();
    for (column, affinity) in query.columns().zip(query.affinities()) {
        let mut unique = column.to_owned();
        let mut number = 0;
        while names.iter().any(|known| known.eq_ignore_ascii_case(&unique)) {
            number += 1;
            unique = format!("{column}:{number}");
        }
        let declared = match affinity {
            Some(Affinity::Integer) => "INT",
            Some(Affinity::Real) => "REAL",
            Some(Affinity::Text) => "TEXT",
            Some(Affinity::Numeric) => "NUM",
            Some(Affinity::Blob) | None => "",
        };
        table = table.column(Column::declared(unique.as_str(), declared));
        let quoted = crate::expression::quote_identifier(&unique).into_owned();
        written.push(if declared.is_empty() { quoted } else { format!("{quoted} {declared}") });
        names.push(unique);
    }
    // Short definitions stand on one line, long ones on several.
    let length: usize = written.iter().map(|column| column.len() + 5).sum::<usize>() + name.len();
    let quoted = crate::expression::quote_identifier(name);
    let sql = match length < 50 {
        true => format!("CREATE TABLE {quoted}({})", written.join(",")),
        false => format!("CREATE TABLE {quoted}(\n  {}\n)", written.join(",\n  ")),
    };
    (table, sql)
}

fn create_index(db: &mut Database, create: CreateIndex) -> Result<()> {
    is_to_be_temporary(&create.name, false)?;
    let name = create.name.name.clone();
    let on = match &create.name.schema {
        Some(schema) => format!("{schema}.{}", create.table),
        None => create.table.clone(),
    };
    let Some(table) = db.catalog().find_table(&on).cloned() else {
        if db.find_object(ObjectKind::View, &create.table).is_some() {
            return refuse("views may not be indexed".to_owned());
        }
        let schema = create.name.schema.as_deref().unwrap_or("main");
        return Err(missing(db, Some(schema), &create.table));
    };
    if is_internal(&create.table) {
        return refuse(format!("table {} may not be indexed", create.table));
    }
    let is_temporary = table.definition.is_temporary();
    if is_taken(db, ObjectKind::Index, &name, &create.text, is_temporary, create.if_not_exists)? {
        return Ok(());
    }
    let mut index = Index::new(name.as_str(), on.as_str(), create.columns);
    if create.is_unique {
        index = index.unique();
    }
    if let Some(filter) = create.filter {
        index = index.filter(filter);
    }
    let word = if create.is_unique { "UNIQUE INDEX" } else { "INDEX" };
    let object = Object {
        kind: ObjectKind::Index,
        name,
        table: table.name().to_owned(),
        sql: Some(format!("CREATE {word} {}", create.text)),
        is_temporary,
        view: None,
    };
    db.as_one(|db| {
        db.create_index(index)?;
        db.change_objects(|all| all.push(Arc::new(object)))
    })
}

fn create_view(db: &mut Database, create: CreateView) -> Result<()> {
    without_parameters(&create.text, "parameters are not allowed in views")?;
    let name = create.name.name.clone();
    let is_temporary = is_to_be_temporary(&create.name, create.is_temporary)?;
    if is_taken(db, ObjectKind::View, &name, &create.text, is_temporary, create.if_not_exists)? {
        return Ok(());
    }
    let object = view::object(db, name, format!("CREATE VIEW {}", create.text), is_temporary);
    db.change_objects(|all| all.push(Arc::new(object)))
}

fn create_trigger(db: &mut Database, create: &CreateTrigger) -> Result<()> {
    let name = create.name.name.clone();
    if create.is_temporary && create.name.schema.is_some() {
        return refuse("temporary trigger may not have qualified name".to_owned());
    }
    let is_temporary = is_to_be_temporary(&create.name, create.is_temporary)?;
    trigger::check_target(db, create)?;
    if db.find_object(ObjectKind::Trigger, &name).is_some() {
        return match create.if_not_exists {
            true => Ok(()),
            false => refuse(format!("trigger {} already exists", written(&create.text, &name))),
        };
    }
    without_parameters(&create.text, "trigger cannot use variables")?;
    let object = Object {
        kind: ObjectKind::Trigger,
        name: name.clone(),
        table: create.table.name.clone(),
        sql: Some(format!("CREATE TRIGGER {}", create.text)),
        is_temporary: is_temporary
            || db
                .catalog()
                .find_table(&create.table.full())
                .is_some_and(|it| it.definition.is_temporary()),
        view: None,
    };
    let never: Start = Arc::new(|_| unreachable_program());
    let table = match db.catalog().find_table(&create.table.name) {
        Some(table) => table.id,
        None => match db.find_object(ObjectKind::View, &create.table.name) {
            Some(view) => view.view.unwrap_or(TableId(u32::MAX)),
            None => return Err(missing(db, Some("main"), &create.table.name)),
        },
    };
    let positions = trigger::positions(db, create);
    db.as_one(|db| {
        db.attach_for(&name, table, create.event, create.timing, positions, never)?;
        db.change_objects(|all| all.push(Arc::new(object)))
    })
}

/// A program that has not been compiled yet; it is before any statement could start it.
fn unreachable_program() -> Box<dyn crate::database::Program> {
    Box::new(Uncompiled)
}

struct Uncompiled;

impl crate::database::Program for Uncompiled {
    fn step(&mut self, _: &crate::database::View<'_>) -> crate::database::Step {
        crate::database::Step::Done
    }
}

fn drop(db: &mut Database, kind: ObjectKind, name: &QualifiedName, if_exists: bool) -> Result<()> {
    let text = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    let (full, name) = (name.full(), name.name.as_str());
    let is_there = match kind {
        ObjectKind::Table => db.catalog().find_table(&full).is_some(),
        ObjectKind::Index => db.catalog().find_index(&full).is_some(),
        ObjectKind::View | ObjectKind::Trigger => db.find_object(kind, name).is_some(),
    };
    if !is_there || (kind == ObjectKind::Table && is_internal(name)) {
        return refuse_drop(db, kind, name, &text, if_exists);
    }
    db.as_one(|db| match kind {
        ObjectKind::Table => {
            let triggers: Vec<_> = db
                .objects()
                .iter()
                .filter(|object| object.kind == ObjectKind::Trigger && object.is_of(name))
                .cloned()
                .collect();
            let table = db.catalog().table(&*full)?;
            let is_temporary = table.definition.is_temporary();
            db.drop_table(&full)?;
            db.change_objects(|all| {
                all.retain(|object| {
                    let goes = object.is_of(name)
                        && object.kind != ObjectKind::View
                        && object.is_temporary == is_temporary;
                    !goes && !triggers.contains(object)
                });
            })
        }
        ObjectKind::Index => {
            db.drop_index(&full)?;
            let is_it =
                |object: &Arc<Object>| object.kind == ObjectKind::Index && object.is_called(name);
            db.change_objects(|all| all.retain(|object| !is_it(object)))
        }
        ObjectKind::View => {
            let goes = |object: &Arc<Object>| {
                object.is_of(name) && matches!(object.kind, ObjectKind::View | ObjectKind::Trigger)
            };
            let gone: Vec<_> = db.objects().iter().filter(|object| goes(object)).cloned().collect();
            gone.iter().try_for_each(|object| detach(db, &object.name))?;
            db.change_objects(|all| all.retain(|object| !goes(object)))
        }
        ObjectKind::Trigger => {
            detach(db, name)?;
            let is_it =
                |object: &Arc<Object>| object.kind == ObjectKind::Trigger && object.is_called(name);
            db.change_objects(|all| all.retain(|object| !is_it(object)))
        }
    })
}

/// Detaches a trigger's program, unless it has gone with its table.
fn detach(db: &mut Database, trigger: &str) -> Result<()> {
    if db.has_program_named(trigger) { db.detach_program(trigger) } else { Ok(()) }
}

fn refuse_drop(
    db: &Database,
    kind: ObjectKind,
    name: &str,
    text: &str,
    if_exists: bool,
) -> Result<()> {
    if name.to_ascii_lowercase().starts_with("sqlite_autoindex_") && kind == ObjectKind::Index {
        return refuse(
            "index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped".to_owned(),
        );
    }
    if is_internal(name) && kind == ObjectKind::Table {
        return refuse(format!("table {name} may not be dropped"));
    }
    match kind {
        ObjectKind::Table if db.find_object(ObjectKind::View, name).is_some() => {
            refuse(format!("use DROP VIEW to delete view {name}"))
        }
        ObjectKind::View if db.catalog().find_table(name).is_some() => {
            refuse(format!("use DROP TABLE to delete table {name}"))
        }
        _ if if_exists => Ok(()),
        ObjectKind::Table => Err(missing(db, None, text)),
        ObjectKind::Index => {
            let names: Vec<_> = db.catalog().index_names().collect();
            Err(NameError::missing(NameKind::Index, text, None, names.iter().map(String::as_str)))
        }
        ObjectKind::View => refuse(format!("no such view: {text}")),
        ObjectKind::Trigger => refuse(format!("no such trigger: {text}")),
    }
}

fn alter(db: &mut Database, name: &QualifiedName, change: AlterTable, legacy: bool) -> Result<()> {
    let Some(table) = db.catalog().find_table(&name.full()).cloned() else {
        if db.find_object(ObjectKind::View, &name.name).is_some() {
            return refuse(match change {
                AlterTable::RenameTo(_) => format!("view {} may not be altered", name.name),
                AlterTable::RenameColumn { .. } => {
                    format!("cannot rename columns of view \"{}\"", name.name)
                }
                AlterTable::DropColumn(_) => {
                    format!("cannot drop column from view \"{}\"", name.name)
                }
                AlterTable::AddColumn { .. } => "Cannot add a column to a view".to_owned(),
            });
        }
        if is_internal(&name.name) {
            return refuse(format!("table {} may not be altered", name.name.to_ascii_lowercase()));
        }
        return Err(missing(db, name.schema.as_deref(), &name.name));
    };
    let old = table.name().to_owned();
    if is_internal(&old) {
        return refuse(format!("table {old} may not be altered"));
    }
    match change {
        AlterTable::RenameTo(new) if is_internal(&new) => {
            refuse(format!("object name reserved for internal use: {new}"))
        }
        AlterTable::RenameTo(new) => db.as_one(|db| {
            let texts = check_texts(db, "", legacy);
            first_refusal(texts, rename::rename_table(db, &old, &new, legacy))?;
            check_texts(db, " after rename", legacy)
        }),
        AlterTable::RenameColumn { from, to, is_quoted } => {
            if table.definition.position(&from).is_none() {
                return refuse(format!("no such column: \"{from}\""));
            }
            let is_same = |other: usize| table.definition.position(&from) == Some(other);
            if table.definition.position(&to).is_some_and(|other| !is_same(other)) {
                return refuse(format!(
                    "error in table {old} after rename: duplicate column name: {to}"
                ));
            }
            db.as_one(|db| {
                check_texts(db, "", legacy)?;
                rename::rename_column(db, &old, &from, &to, is_quoted)?;
                check_texts(db, " after rename", legacy)
            })
        }
        AlterTable::AddColumn { column, text } => db.as_one(|db| {
            let column = match table.definition.is_strict() {
                true => strict_column(&old, column.column).or_else(|error| {
                    let message = db.dialect().error_message(&error);
                    refuse(format!("error in table {old} after add column: {message}"))
                })?,
                false => column.column,
            };
            db.add_column(&old, column)?;
            rename::add_column_text(db, &old, &text)
        }),
        AlterTable::DropColumn(column) => {
            if table.definition.position(&column).is_none() {
                return refuse(format!("no such column: \"{column}\""));
            }
            db.as_one(|db| {
                let texts = check_texts(db, "", legacy);
                let position = table.position(&column)?;
                first_refusal(texts, db.drop_column(&old, &column))?;
                rename::drop_column_text(db, &old, position)?;
                check_texts(db, " after drop column", legacy)
            })
        }
    }
}

/// What the definition itself forbids comes before what is wrong in the texts.
fn first_refusal(texts: Result<()>, changed: Result<()>) -> Result<()> {
    match &changed {
        Err(Error::Schema(error)) if error.is_of_definition() => changed,
        Err(_) | Ok(()) => texts.and(changed),
    }
}

/// Looks whether every view and trigger finds what it names, before something is renamed and after.
fn check_texts(db: &Database, when: &str, legacy: bool) -> Result<()> {
    if legacy {
        return Ok(());
    }
    for object in db.objects() {
        let found = match object.kind {
            ObjectKind::View => view::columns(db, &object.name)
                .map_or_else(|e| Err(trigger::in_its_schema(e)), |_| Ok(())),
            ObjectKind::Trigger => trigger::check_names(db, object),
            ObjectKind::Table | ObjectKind::Index => Ok(()),
        };
        found.or_else(|error| {
            let (kind, name) = (object.kind.word(), &object.name);
            refuse(format!("error in {kind} {name}{when}: {}", db.dialect().error_message(&error)))
        })?;
    }
    Ok(())
}
