//! Changes of the schema: what a definition means, and what `sqlite_schema` then says.

use super::connection::Connection;
use super::dml::schema_table;
use super::names::{Home, Named, SchemaNames, find, find_in, known_schema, missing};
use super::schema_table::objects_of_table;
use super::syntax::{
    AlterTable, CreateIndex, CreateTable, CreateTrigger, CreateView, QualifiedName, Statement,
    TableBody, TableDefinition, TableHead,
};
use super::{parser, rename};
use super::{trigger, view};
use crate::catalog::{Column, Index, Name, SEQUENCE_TABLE, Table, TableEntry};
use crate::database::{Attached, Database, Object, ObjectKind};
use crate::error::{Error, NameError, NameKind, Result, SqlError};
use crate::id::{IndexId, SchemaId, TableId};
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
        Statement::CreateTrigger(trigger) => create_trigger(db, *trigger),
        Statement::Drop { kind, name, if_exists } => drop(db, kind, &name, if_exists),
        Statement::AlterTable { table, change } => alter(db, &table, *change, legacy),
        _ => Ok(()),
    }
}

/// A name as it was written, at the beginning of a definition.
fn written<'a>(text: &'a str, name: &'a str) -> &'a str {
    parser::tokens(text).next().map_or(name, |token| token.text)
}

/// What is to be defined, and where.
#[derive(Clone, Copy)]
struct New<'a> {
    kind: ObjectKind,
    schema: SchemaId,
    name: &'a str,
    /// The text from the name on.
    text: &'a str,
    if_not_exists: bool,
}

/// Whether there is something of this name; an error unless that is fine.
fn is_taken(db: &Database, new: New<'_>) -> Result<bool> {
    let New { kind, schema, name, text, if_not_exists } = new;
    let written = written(text, name);
    if is_internal(name) {
        return refuse(format!("object name reserved for internal use: {name}"));
    }
    match find_in(db, schema, name) {
        Some(Named::View(view)) => {
            return match if_not_exists && kind != ObjectKind::Index {
                true => Ok(true),
                false => refuse(format!("{} {written} already exists", view.kind.word())),
            };
        }
        Some(Named::Table(_)) => {
            return match (if_not_exists, kind) {
                (true, ObjectKind::Table | ObjectKind::View) => Ok(true),
                (_, ObjectKind::Index) => refuse(format!("there is already a table named {name}")),
                _ => refuse(format!("table {written} already exists")),
            };
        }
        None => {}
    }
    if db.catalog().find_index_in(schema, name).is_some() {
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
    let schema = schema_of(db, &create.name, create.is_temporary)?;
    let (kind, text, if_not_exists) = (ObjectKind::Table, &create.text, create.if_not_exists);
    if is_taken(db, New { kind, schema, name: &name, text, if_not_exists })? {
        return Ok(());
    }
    match create.body {
        TableBody::Definition(definition) => {
            let table = table_of(&name, definition)?.within(schema);
            let sql = format!("CREATE TABLE {}", create.text);
            db.as_one(|db| define_table(db, table, sql).map(|_| ()))
        }
        TableBody::Query(query) => {
            let query = db.prepare_select(&query)?;
            let rows = db.run_query(&query, &[])?;
            let (table, sql) = table_of_query(&name, &query);
            db.as_one(|db| {
                let table = define_table(db, table.within(schema), sql)?;
                db.fill_table(table, rows)
            })
        }
    }
}

/// Refuses the name of a new table if it is taken.
///
/// # Errors
/// As CREATE TABLE has them, of its name.
pub(super) fn refuse_taken(db: &Database, head: &TableHead<'_>) -> Result<()> {
    let TableHead { name, is_temporary, if_not_exists, text } = head;
    let schema = schema_of(db, name, *is_temporary)?;
    let (kind, name, if_not_exists) = (ObjectKind::Table, name.name.as_str(), *if_not_exists);
    is_taken(db, New { kind, schema, name, text, if_not_exists }).map(|_| ())
}

/// Whether a name is one that SQLite keeps for itself.
fn is_internal(name: &str) -> bool {
    name.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"))
}

/// The schema of something that is to have this name; `is_temporary` if its definition says so.
///
/// # Errors
/// For a schema that is not there, and a temporary thing in another one.
fn schema_of(db: &Database, name: &QualifiedName, is_temporary: bool) -> Result<SchemaId> {
    let schema =
        name.schema.as_deref().map(|schema| known_schema(db.catalog(), schema)).transpose()?;
    match (schema, is_temporary) {
        (None | Some(SchemaId::TEMP), true) => Ok(SchemaId::TEMP),
        (Some(_), true) => refuse("temporary table name must be unqualified".to_owned()),
        (schema, false) => Ok(schema.unwrap_or_default()),
    }
}

/// Refuses parameters in a text that is kept.
fn without_parameters(text: &str, message: &str) -> Result<()> {
    match parser::tokens(text).any(|token| token.kind == parser::Kind::Parameter) {
        true => refuse(message.to_owned()),
        false => Ok(()),
    }
}

/// Defines a table, as a part of a statement.
fn define_table(db: &mut Database, table: Table, sql: String) -> Result<TableId> {
    let (name, schema) = (table.name().to_owned(), table.schema());
    let sequences = |db: &Database| db.catalog().find_table_in(schema, SEQUENCE_TABLE).cloned();
    let had_sequences = sequences(db).is_some();
    db.create_table(table)?;
    let Some(entry) = db.catalog().find_table_in(schema, &name).cloned() else {
        return Err(missing(db, None, &name));
    };
    let mut objects = objects_of_table(&entry, sql);
    if let (false, Some(entry)) = (had_sequences, sequences(db)) {
        let sql = format!("CREATE TABLE {SEQUENCE_TABLE}(name,seq)");
        objects.extend(objects_of_table(&entry, sql));
    }
    db.change_objects(|all| all.extend(objects.into_iter().map(Arc::new)))?;
    Ok(entry.id)
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
    let schema = match &create.name.schema {
        Some(schema) => known_schema(db.catalog(), schema)?,
        // It is where its table is, if that is temporary, and in main otherwise.
        None => match find(db, None, &create.table).map(Named::schema) {
            Some(SchemaId::TEMP) => SchemaId::TEMP,
            Some(_) | None => SchemaId::MAIN,
        },
    };
    let table = match find_in(db, schema, &create.table) {
        Some(Named::Table(table)) => table.clone(),
        Some(Named::View(_)) => return refuse("views may not be indexed".to_owned()),
        None if let Some(table) = schema_table(&create.table) => return may_not_be_indexed(table),
        None if schema == SchemaId::TEMP && find(db, None, &create.table).is_some() => {
            let table = &create.table;
            return refuse(format!("cannot create a TEMP index on non-TEMP table \"{table}\""));
        }
        None => {
            let name = db.catalog().schemas().name(schema);
            return Err(missing(db, (schema != SchemaId::TEMP).then_some(name), &create.table));
        }
    };
    if is_internal(&create.table) {
        return may_not_be_indexed(&create.table);
    }
    let name = create.name.name.clone();
    let (kind, text, if_not_exists) = (ObjectKind::Index, &create.text, create.if_not_exists);
    if is_taken(db, New { kind, schema, name: &name, text, if_not_exists })? {
        return Ok(());
    }
    let mut index = Index::new(name.as_str(), table.name(), create.columns);
    if create.is_unique {
        index = index.unique();
    }
    if let Some(filter) = create.filter {
        index = index.filter(filter);
    }
    let word = if create.is_unique { "UNIQUE INDEX" } else { "INDEX" };
    let object = Object {
        kind,
        name,
        table: table.name().to_owned(),
        sql: Some(format!("CREATE {word} {}", create.text)),
        schema,
        view: None,
    };
    db.as_one(|db| {
        db.create_index_on(table.id, &index)?;
        db.change_objects(|all| all.push(Arc::new(object)))
    })
}

fn may_not_be_indexed(table: &str) -> Result<()> {
    refuse(format!("table {table} may not be indexed"))
}

fn create_view(db: &mut Database, create: CreateView) -> Result<()> {
    without_parameters(&create.text, "parameters are not allowed in views")?;
    let name = create.name.name.clone();
    let schema = schema_of(db, &create.name, create.is_temporary)?;
    let (kind, text, if_not_exists) = (ObjectKind::View, &create.text, create.if_not_exists);
    if is_taken(db, New { kind, schema, name: &name, text, if_not_exists })? {
        return Ok(());
    }
    let object = view::object(db, name, format!("CREATE VIEW {}", create.text), schema);
    check_schemas(db, &object)?;
    db.change_objects(|all| all.push(Arc::new(object)))
}

/// Refuses a view or trigger that names another schema than its own, unless it is temporary.
fn check_schemas(db: &Database, object: &Object) -> Result<()> {
    let home = Home::new(object.kind, &object.name, object.schema);
    let sql = object.sql.as_deref().unwrap_or_default();
    parser::parse(sql, &SchemaNames::of_definition(db, home)).map(|_| ())
}

fn create_trigger(db: &mut Database, mut create: CreateTrigger) -> Result<()> {
    let name = create.name.name.clone();
    if create.is_temporary && create.name.schema.is_some() {
        return refuse("temporary trigger may not have qualified name".to_owned());
    }
    let schema = schema_of(db, &create.name, create.is_temporary)?;
    let on = find(db, create.table.schema.as_deref(), &create.table.name);
    let schema = match on.map(Named::schema) {
        Some(SchemaId::TEMP) if create.name.schema.is_none() => SchemaId::TEMP,
        Some(_) | None => schema,
    };
    let home = Home::new(ObjectKind::Trigger, &name, schema);
    home.check(db, create.table.schema.as_deref())?;
    if let Some(only) = home.only() {
        create.table.schema = Some(db.catalog().schemas().name(only).to_owned());
    }
    let on = trigger::target(db, &create)?;
    if is_internal(&name) {
        return refuse(format!("object name reserved for internal use: {name}"));
    }
    if db.find_object_in(schema, ObjectKind::Trigger, &name).is_some() {
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
        schema,
        view: None,
    };
    check_schemas(db, &object)?;
    let program = Attached {
        name: name.into(),
        schema,
        is_guest: on.schema() != schema,
        table: on.id().unwrap_or(TableId(u32::MAX)),
        event: create.event,
        timing: create.timing,
        columns: trigger::positions(db, &create),
        start: Arc::new(|_| unreachable_program()),
    };
    db.as_one(|db| {
        db.attach(program)?;
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

/// What is to be dropped.
enum Goes {
    Table(Arc<TableEntry>),
    Index(SchemaId, TableId, IndexId),
    View(Arc<Object>),
    Trigger(Arc<Object>),
}

/// What a DROP is about, if there is such a thing.
fn find_dropped(db: &Database, kind: ObjectKind, name: &QualifiedName) -> Option<Goes> {
    let QualifiedName { schema, name } = name;
    match (kind, find(db, schema.as_deref(), name)) {
        (ObjectKind::Table, Some(Named::Table(table))) => Some(Goes::Table(table.clone())),
        (ObjectKind::View, Some(Named::View(view))) => Some(Goes::View(view.clone())),
        (ObjectKind::Table | ObjectKind::View, _) => None,
        (ObjectKind::Index, _) => {
            let index = |schema| db.catalog().find_index_in(schema, name);
            schemas_of(db, schema.as_deref()).into_iter().find_map(|schema| {
                let (table, index) = index(schema)?;
                Some(Goes::Index(schema, table.id, index.id))
            })
        }
        (ObjectKind::Trigger, _) => {
            let trigger = |schema| db.find_object_in(schema, ObjectKind::Trigger, name);
            let mut schemas = schemas_of(db, schema.as_deref()).into_iter();
            schemas.find_map(trigger).cloned().map(Goes::Trigger)
        }
    }
}

/// The schemas where a name is looked for.
fn schemas_of(db: &Database, schema: Option<&str>) -> Vec<SchemaId> {
    let schemas = db.catalog().schemas();
    match schema {
        Some(schema) => schemas.find(schema).into_iter().collect(),
        None => schemas.in_turn().collect(),
    }
}

fn drop(db: &mut Database, kind: ObjectKind, name: &QualifiedName, if_exists: bool) -> Result<()> {
    let goes = find_dropped(db, kind, name);
    let Some(goes) = goes.filter(|_| kind != ObjectKind::Table || !is_internal(&name.name)) else {
        return refuse_drop(db, kind, name, if_exists);
    };
    db.as_one(|db| match goes {
        Goes::Table(table) => {
            let triggers = db.programs_of(table.id);
            db.drop_table(table.id)?;
            db.change_objects(|all| {
                all.retain(|object| {
                    let is_part = object.schema == table.definition.schema()
                        && object.is_of(table.name())
                        && matches!(object.kind, ObjectKind::Table | ObjectKind::Index);
                    !is_part && !is_among(&triggers, object)
                });
            })
        }
        Goes::Index(schema, table, index) => {
            db.drop_index_of(table, index)?;
            let is_it = |object: &Object| {
                object.kind == ObjectKind::Index
                    && object.schema == schema
                    && object.is_called(&name.name)
            };
            db.change_objects(|all| all.retain(|object| !is_it(object)))
        }
        Goes::View(view) => {
            let triggers = view.view.map_or_else(Vec::new, |id| db.programs_of(id));
            db.detach_programs(|program| Some(program.table) == view.view)?;
            db.change_objects(|all| {
                all.retain(|object| *object != view && !is_among(&triggers, object));
            })
        }
        Goes::Trigger(trigger) => {
            db.detach_programs(|program| program.is(trigger.schema, &trigger.name))?;
            db.change_objects(|all| all.retain(|object| *object != trigger))
        }
    })
}

fn is_among(triggers: &[(SchemaId, Arc<str>)], object: &Object) -> bool {
    object.kind == ObjectKind::Trigger
        && triggers.iter().any(|(schema, name)| *schema == object.schema && object.is_called(name))
}

fn refuse_drop(
    db: &Database,
    kind: ObjectKind,
    name: &QualifiedName,
    if_exists: bool,
) -> Result<()> {
    let found = find(db, name.schema.as_deref(), &name.name);
    let text = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    let name = name.name.as_str();
    if name.to_ascii_lowercase().starts_with("sqlite_autoindex_") && kind == ObjectKind::Index {
        return refuse(
            "index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped".to_owned(),
        );
    }
    let is_table = |found: &Named<'_>| found.table().is_some() && is_internal(name);
    if let Some(table) = schema_table(name).or(found.filter(is_table).map(|_| name))
        && matches!(kind, ObjectKind::Table | ObjectKind::View)
    {
        return refuse(format!("table {table} may not be dropped"));
    }
    match (kind, found) {
        (ObjectKind::Table, Some(Named::View(_))) => {
            refuse(format!("use DROP VIEW to delete view {name}"))
        }
        (ObjectKind::View, Some(Named::Table(_))) => {
            refuse(format!("use DROP TABLE to delete table {name}"))
        }
        _ if if_exists => Ok(()),
        (ObjectKind::Table, _) => Err(missing(db, None, &text)),
        (ObjectKind::Index, _) => {
            let names: Vec<_> = db.catalog().index_names().collect();
            Err(NameError::missing(NameKind::Index, &text, None, names.iter().map(String::as_str)))
        }
        (ObjectKind::View, _) => refuse(format!("no such view: {text}")),
        (ObjectKind::Trigger, _) => refuse(format!("no such trigger: {text}")),
    }
}

fn alter(db: &mut Database, name: &QualifiedName, change: AlterTable, legacy: bool) -> Result<()> {
    let found = find(db, name.schema.as_deref(), &name.name);
    let Some(table) = found.and_then(Named::table).cloned() else {
        if found.is_some() {
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
        if let Some(table) = schema_table(&name.name) {
            return refuse(format!("table {table} may not be altered"));
        }
        return Err(missing(db, name.schema.as_deref(), &name.name));
    };
    let (old, schema) = (table.name().to_owned(), table.definition.schema());
    if is_internal(&old) {
        return refuse(format!("table {old} may not be altered"));
    }
    match change {
        AlterTable::RenameTo(new) if is_internal(&new) => {
            refuse(format!("object name reserved for internal use: {new}"))
        }
        AlterTable::RenameTo(new) => db.as_one(|db| {
            // Of what is temporary, what is on the table is read as it will be from the start.
            let is_ahead = |it: &Object| it.schema != schema && it.is_of(&old);
            let when = |object: &Object| if is_ahead(object) { AFTER_RENAME } else { "" };
            let texts = check_texts(db, schema, &when, legacy);
            first_refusal(texts, rename::rename_table(db, &table, &new, legacy))?;
            check_texts(db, schema, &|_| AFTER_RENAME, legacy)
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
                check_texts(db, schema, &|_| "", legacy)?;
                rename::rename_column(db, &table, &from, &to, is_quoted)?;
                check_texts(db, schema, &|_| AFTER_RENAME, legacy)
            })
        }
        AlterTable::AddColumn { column, text } => db.as_one(|db| {
            let (column, refusal) = match table.definition.is_strict() {
                true => match strict_column(&old, column.column.clone()) {
                    Ok(column) => (column, None),
                    Err(error) => (column.column, Some(error)),
                },
                false => (column.column, None),
            };
            // What its rows forbid comes before what a STRICT table does.
            db.add_column(table.id, column)?;
            if let Some(error) = refusal {
                let message = db.dialect().error_message(&error);
                return refuse(format!("error in table {old} after add column: {message}"));
            }
            rename::add_column_text(db, &table, &text)?;
            name_checks(db, &table)
        }),
        AlterTable::DropColumn(column) => {
            if table.definition.position(&column).is_none() {
                return refuse(format!("no such column: \"{column}\""));
            }
            db.as_one(|db| {
                let texts = check_texts(db, schema, &|_| "", legacy);
                let position = table.position(&column)?;
                first_refusal(texts, db.drop_column(table.id, &column))?;
                rename::drop_column_text(db, &table, position)?;
                name_checks(db, &table)?;
                check_texts(db, schema, &|_| " after drop column", legacy)
            })
        }
    }
}

/// Calls the checks behind the columns as the text now does: the last name in the last column holds for
/// the first of them, too.
fn name_checks(db: &mut Database, table: &TableEntry) -> Result<()> {
    let (schema, name) = (table.definition.schema(), table.name());
    let object = db.find_object_in(schema, ObjectKind::Table, name);
    let Some(sql) = object.and_then(|object| object.sql.as_deref()) else { return Ok(()) };
    let Statement::CreateTable(create) = parser::parse(sql, &SchemaNames::lenient(db))? else {
        return Ok(());
    };
    let TableBody::Definition(definition) = create.body else { return Ok(()) };
    let names = definition.checks.iter().map(|check| check.name().map(Name::from));
    db.name_checks(table.id, names.collect())
}

/// What the definition itself forbids comes before what is wrong in the texts.
fn first_refusal(texts: Result<()>, changed: Result<()>) -> Result<()> {
    match &changed {
        Err(Error::Schema(error)) if error.is_of_definition() => changed,
        Err(_) | Ok(()) => texts.and(changed),
    }
}

/// When a refusal says that a text was read.
const AFTER_RENAME: &str = " after rename";

/// Looks whether every view and trigger of a schema, and every temporary one, finds what it names,
/// before something is renamed in that schema and after; `when` is what a refusal says of that.
fn check_texts(
    db: &Database,
    schema: SchemaId,
    when: &dyn Fn(&Object) -> &'static str,
    legacy: bool,
) -> Result<()> {
    if legacy {
        return Ok(());
    }
    let of = |schema: SchemaId| db.objects().iter().filter(move |it| it.schema == schema);
    let temporary = of(SchemaId::TEMP).filter(|_| schema != SchemaId::TEMP);
    for object in of(schema).chain(temporary) {
        let found = match object.kind {
            ObjectKind::View => view::check_names(db, object),
            ObjectKind::Trigger => trigger::check_names(db, object),
            ObjectKind::Table | ObjectKind::Index => Ok(()),
        };
        found.or_else(|error| {
            let (kind, name, when) = (object.kind.word(), &object.name, when(object));
            refuse(format!("error in {kind} {name}{when}: {}", db.dialect().error_message(&error)))
        })?;
    }
    Ok(())
}
