//! PRAGMA: switches, and what it tells of tables, as statements and as tables of a query.
//!
//! An unknown pragma is ignored, as SQLite ignores it.

use super::connection::{Connection, Outcome};
use super::dml::refused;
use super::names::known_schema;
use super::schema_table::index_name;
use super::syntax::Pragma;
use super::view;
use crate::catalog::{Catalog, ForeignKeyEntry, IndexColumn, IndexEntry, IndexKind, TableEntry};
use crate::database::{Database, Enforcement, Object, ObjectKind, View, dangling_rows};
use crate::error::Result;
use crate::id::SchemaId;
use crate::query::{SuppliedColumn, SuppliedTable};
use crate::value::{Collation, Value};
use std::sync::Arc;

/// A pragma that tells of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    TableInfo,
    TableXinfo,
    IndexList,
    IndexInfo,
    IndexXinfo,
    ForeignKeyList,
    ForeignKeyCheck,
    DatabaseList,
    CollationList,
    TableList,
}

/// Each with its name and its columns.
const TOLD: [(Told, &str, &[&str]); 10] = [
    (Told::TableInfo, "table_info", &["cid", "name", "type", "notnull", "dflt_value", "pk"]),
    (
        Told::TableXinfo,
        "table_xinfo",
        &["cid", "name", "type", "notnull", "dflt_value", "pk", "hidden"],
    ),
    (Told::IndexList, "index_list", &["seq", "name", "unique", "origin", "partial"]),
    (Told::IndexInfo, "index_info", &["seqno", "cid", "name"]),
    (Told::IndexXinfo, "index_xinfo", &["seqno", "cid", "name", "desc", "coll", "key"]),
    (
        Told::ForeignKeyList,
        "foreign_key_list",
        &["id", "seq", "table", "from", "to", "on_update", "on_delete", "match"],
    ),
    (Told::ForeignKeyCheck, "foreign_key_check", &["table", "rowid", "parent", "fkid"]),
    (Told::DatabaseList, "database_list", &["seq", "name", "file"]),
    (Told::CollationList, "collation_list", &["seq", "name"]),
    (Told::TableList, "table_list", &["schema", "name", "type", "ncol", "wr", "strict"]),
];

type Row = Vec<Value>;

/// `pragma_x` as a table of a query.
#[derive(Debug)]
struct PragmaTable {
    told: Told,
    name: String,
    columns: &'static [&'static str],
    texts: Texts,
}

/// What is defined by text alone, as it is when a pragma is prepared: it is prepared anew when that
/// changes.
#[derive(Debug, Default)]
struct Texts {
    /// Whether there is anything in temp, which SQLite opens only then.
    has_temporary: bool,
    views: Vec<ViewColumns>,
}

/// Name and type of each column of a view.
#[derive(Debug)]
struct ViewColumns {
    schema: SchemaId,
    name: String,
    columns: Vec<(String, String)>,
}

impl Texts {
    fn new(db: &Database, told: Told, is_within_view: bool) -> Self {
        let has_temporary = db.objects_in(SchemaId::TEMP).next().is_some();
        let tells_views = matches!(told, Told::TableInfo | Told::TableXinfo | Told::TableList);
        // A view that asks for views would ask for itself.
        if !tells_views || is_within_view {
            return Texts { has_temporary, views: Vec::new() };
        }
        let views = db.objects().iter().filter(|object| object.kind == ObjectKind::View);
        let columns = |view: &Arc<Object>| {
            let (schema, name) = (view.schema, view.name.clone());
            let columns = view::typed_columns(db, view).ok()?;
            Some(ViewColumns { schema, name, columns })
        };
        Texts { has_temporary, views: views.filter_map(columns).collect() }
    }
}

/// The table that a name of the form `pragma_x` stands for, perhaps within a view.
pub(super) fn table(
    db: &Database,
    name: &str,
    is_within_view: bool,
) -> Option<Arc<dyn SuppliedTable>> {
    let prefix = name.get(..7).filter(|prefix| prefix.eq_ignore_ascii_case("pragma_"))?;
    let pragma = &name[prefix.len()..];
    let (told, _, columns) =
        TOLD.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(pragma))?;
    let (told, name, texts) = (*told, name.to_owned(), Texts::new(db, *told, is_within_view));
    Some(Arc::new(PragmaTable { told, name, columns, texts }))
}

impl SuppliedTable for PragmaTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> Vec<SuppliedColumn> {
        self.columns.iter().map(|name| SuppliedColumn::new(*name)).collect()
    }

    fn rows(&self, view: &View<'_>, arguments: &[Value]) -> Result<Vec<Row>> {
        let text = |at: usize| arguments.get(at).and_then(Value::as_text);
        let schema = text(1).map(|name| known_schema(view.catalog(), name)).transpose()?;
        tell(self.told, view, About { schema, argument: text(0), texts: &self.texts })
    }
}

/// Carries out a pragma.
///
/// # Errors
/// Of `foreign_key_check`: a table that is not there, a foreign key that cannot be resolved.
pub(super) fn run(connection: &mut Connection, pragma: &Pragma) -> Result<Outcome> {
    let Pragma { name, value, schema } = pragma;
    let db = connection.database();
    let schema = schema.as_deref().map(|schema| known_schema(db.catalog(), schema)).transpose()?;
    if let Some((told, _, columns)) = TOLD.iter().find(|(_, known, _)| known == name) {
        let argument = value.as_deref();
        let texts = Texts::new(db, *told, false);
        let rows = tell(*told, &db.view(), About { schema, argument, texts: &texts })?;
        return Ok(Outcome::rows(columns.iter().map(|name| (*name).to_owned()).collect(), rows));
    }
    if let "integrity_check" | "quick_check" = name.as_str() {
        return Ok(Outcome::rows(vec![name.clone()], integrity(connection)));
    }
    match value {
        None => Ok(read(connection, name)),
        Some(value) => switch(connection, name, is_true(value)),
    }
}

/// Whether a value switches something on.
fn is_true(value: &str) -> bool {
    let words = ["on", "yes", "true"];
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
        || digits.bytes().any(|digit| digit != b'0')
}

fn read(connection: &Connection, name: &str) -> Outcome {
    let db = connection.database();
    let is_on = match name {
        "foreign_keys" => db.enforcement() == Enforcement::On,
        "defer_foreign_keys" => db.defers_all(),
        "recursive_triggers" => db.has_recursive_programs(),
        "count_changes" => connection.settings.counts_changes,
        "legacy_alter_table" => connection.settings.legacy_alter,
        "ignore_check_constraints" => false,
        _ => return Outcome::default(),
    };
    Outcome::rows(vec![name.to_owned()], vec![vec![is_on.into()]])
}

fn switch(connection: &mut Connection, name: &str, is_on: bool) -> Result<Outcome> {
    match name {
        "foreign_keys" => {
            let enforcement = if is_on { Enforcement::On } else { Enforcement::Off };
            // Inside a transaction it is ignored without a word, as in SQLite.
            let _ = connection.database_mut().set_enforcement(enforcement);
        }
        "defer_foreign_keys" => connection.database_mut().set_defer_all(is_on)?,
        "recursive_triggers" => connection.database_mut().set_recursive_programs(is_on),
        "count_changes" => connection.settings.counts_changes = is_on,
        "legacy_alter_table" => connection.settings.legacy_alter = is_on,
        _ => {}
    }
    Ok(Outcome::default())
}

fn integrity(connection: &Connection) -> Vec<Row> {
    let found = connection.database().verify();
    match found.as_slice() {
        [] => vec![vec!["ok".into()]],
        found => found.iter().map(|what| vec![what.as_str().into()]).collect(),
    }
}

/// What a pragma is to tell about.
#[derive(Clone, Copy)]
struct About<'a> {
    schema: Option<SchemaId>,
    argument: Option<&'a str>,
    texts: &'a Texts,
}

fn tell(told: Told, view: &View<'_>, about: About<'_>) -> Result<Vec<Row>> {
    let About { schema, argument, texts } = about;
    let catalog = view.catalog();
    let table = argument.and_then(|name| find_table(catalog, schema, name));
    let of_table = |rows: fn(&TableEntry) -> Vec<Row>| table.map_or(Vec::new(), rows);
    let columns = || match argument.and_then(|name| find_view(catalog, about, name)) {
        Some(view) => view_xinfo(view),
        None => of_table(table_xinfo),
    };
    Ok(match told {
        Told::TableInfo => {
            let mut rows = columns();
            rows.retain(|row| row[6] == Value::Integer(0));
            for (row, number) in rows.iter_mut().zip(0..) {
                row[0] = Value::Integer(number);
                row.pop();
            }
            rows
        }
        Told::TableXinfo => columns(),
        Told::IndexList => of_table(index_list),
        Told::IndexInfo | Told::IndexXinfo => {
            match argument.and_then(|name| find_index(catalog, schema, name)) {
                Some((table, index)) if told == Told::IndexInfo => index_info(table, index),
                Some((table, index)) => index_xinfo(table, index),
                None => Vec::new(),
            }
        }
        Told::ForeignKeyList => of_table(foreign_key_list),
        Told::ForeignKeyCheck => foreign_key_check(view, schema, argument)?,
        Told::DatabaseList => database_list(catalog, texts.has_temporary),
        Told::CollationList => {
            let names = ["RTRIM", "NOCASE", "BINARY"].into_iter().zip(0..);
            names.map(|(name, number)| vec![number.into(), name.into()]).collect()
        }
        Told::TableList => table_list(catalog, about),
    })
}

/// The table of this name in a schema, or in the first that has it.
fn find_table<'a>(
    catalog: &'a Catalog,
    schema: Option<SchemaId>,
    name: &str,
) -> Option<&'a TableEntry> {
    let found = match schema {
        Some(schema) => catalog.find_table_in(schema, name),
        None => catalog.schemas().in_turn().find_map(|schema| catalog.find_table_in(schema, name)),
    };
    found.map(|table| &**table)
}

/// The schemas, each with its place.
fn database_list(catalog: &Catalog, has_temporary: bool) -> Vec<Row> {
    let is_told = |id: SchemaId| has_temporary || id != SchemaId::TEMP;
    let rows = (0..).zip(catalog.schemas().iter()).filter(|(_, (id, _))| is_told(*id));
    rows.map(|(place, (_, name))| vec![place.into(), name.into(), "".into()]).collect()
}

/// The view of this name, unless a table has it in a schema that is asked before.
fn find_view<'a>(catalog: &Catalog, about: About<'a>, name: &str) -> Option<&'a ViewColumns> {
    let schemas = catalog.schemas().in_turn();
    let mut wanted = schemas.filter(|id| about.schema.is_none_or(|schema| schema == *id));
    let view = |id: SchemaId| {
        let is_it = |view: &&ViewColumns| view.schema == id && view.name.eq_ignore_ascii_case(name);
        about.texts.views.iter().find(is_it)
    };
    let first = wanted.find(|&id| catalog.find_table_in(id, name).is_some() || view(id).is_some());
    view(first?)
}

fn view_xinfo(view: &ViewColumns) -> Vec<Row> {
    let row = |(position, (name, declared)): (i64, &(String, String))| {
        let (name, declared) = (name.as_str().into(), declared.as_str().into());
        vec![position.into(), name, declared, 0.into(), Value::Null, 0.into(), 0.into()]
    };
    (0..).zip(&view.columns).map(row).collect()
}

/// Of each schema, or one of them, the views and the tables, the newest first.
fn table_list(catalog: &Catalog, about: About<'_>) -> Vec<Row> {
    let row = |schema: &str, name: &str, kind: &str, width: usize, has: [bool; 2]| -> Row {
        let [is_keyed, is_strict] = has.map(Value::from);
        vec![schema.into(), name.into(), kind.into(), (width as i64).into(), is_keyed, is_strict]
    };
    let mut rows = Vec::new();
    for (id, schema) in catalog.schemas().iter() {
        if about.schema.is_some_and(|wanted| wanted != id) {
            continue;
        }
        let views = about.texts.views.iter().rev().filter(|view| view.schema == id);
        rows.extend(
            views.map(|view| row(schema, &view.name, "view", view.columns.len(), [false, false])),
        );
        rows.extend(catalog.tables_in(id).rev().map(|table| {
            let has = [table.definition.is_without_row_id(), table.definition.is_strict()];
            row(schema, table.name(), "table", table.columns.len(), has)
        }));
    }
    let is_meant = |row: &Row| {
        about.argument.is_none_or(|name| {
            row[1].as_text().is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
    };
    rows.retain(is_meant);
    rows
}

/// A declared type as SQLite tells it: those that it knows well in capitals, others as written.
fn in_its_letters(declared: impl Into<String>) -> String {
    let declared: String = declared.into();
    let known = ["ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"];
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(&declared));
    found.map_or(declared, |known| (*known).to_owned())
}

fn table_xinfo(table: &TableEntry) -> Vec<Row> {
    let key = table.definition.primary_key_columns();
    let row = |(position, column): (usize, &crate::catalog::Column)| {
        let place = key.iter().position(|name| name.eq_ignore_ascii_case(column.name()));
        let not_null = table.columns[position].not_null;
        vec![
            (position as i64).into(),
            column.name().into(),
            in_its_letters(column.declared_type()).as_str().into(),
            not_null.into(),
            column.default_text().map_or(Value::Null, |text| text.as_str().into()),
            place.map_or(0, |place| place as i64 + 1).into(),
            match column.generated_stored() {
                None => 0.into(),
                Some(false) => 2.into(),
                Some(true) => 3.into(),
            },
        ]
    };
    table.definition.columns().iter().enumerate().map(row).collect()
}

fn index_list(table: &TableEntry) -> Vec<Row> {
    let row = |(number, (position, index)): (usize, (usize, &IndexEntry))| {
        let origin = match index.kind {
            IndexKind::Created(_) => "c",
            IndexKind::Unique => "u",
            IndexKind::PrimaryKey => "pk",
        };
        vec![
            (number as i64).into(),
            index_name(table, position).as_str().into(),
            index.unique.into(),
            origin.into(),
            index.filter.is_some().into(),
        ]
    };
    table.indexes_in_turn().enumerate().map(row).collect()
}

/// The index of a name; a table without row ids is the index of its primary key.
fn find_index<'a>(
    catalog: &'a Catalog,
    schema: Option<SchemaId>,
    name: &str,
) -> Option<(&'a TableEntry, usize)> {
    let is_key = |index: &IndexEntry| matches!(index.kind, IndexKind::PrimaryKey);
    let schemas = catalog.schemas().in_turn();
    let wanted = schemas.filter(|id| schema.is_none_or(|schema| schema == *id));
    let named = wanted.flat_map(|id| catalog.tables_in(id)).find_map(|table| {
        let is_it = |position: &usize| index_name(table, *position).eq_ignore_ascii_case(name);
        (0..table.indexes.len()).find(is_it).map(|position| (&**table, position))
    });
    named.or_else(|| {
        let table = find_table(catalog, schema, name)?;
        let table = Some(table).filter(|it| it.definition.is_without_row_id())?;
        Some((table, table.indexes.iter().position(is_key)?))
    })
}

fn index_info(table: &TableEntry, position: usize) -> Vec<Row> {
    let parts = parts_of(table, &table.indexes[position]);
    let row = |(number, (at, name, _)): (i64, (i64, Value, Collation))| {
        vec![number.into(), at.into(), name]
    };
    (0..).zip(parts).map(row).collect()
}

/// Number, name and collation of each column of an index; an expression has number -2 and no name.
fn parts_of(table: &TableEntry, index: &IndexEntry) -> Vec<(i64, Value, Collation)> {
    let column = |at: usize, collation| (at as i64, table.column_name(at).into(), collation);
    let IndexKind::Created(created) = &index.kind else {
        return index.columns.iter().map(|&(at, collation)| column(at, collation)).collect();
    };
    if index.expressions.is_empty() {
        return index.columns.iter().map(|&(at, collation)| column(at, collation)).collect();
    }
    let part = |(part, (_, collation)): (&IndexColumn, &(_, Collation))| {
        let position = table.definition.position(part.name());
        match position.filter(|_| part.expression().is_none()) {
            Some(at) => column(at, *collation),
            None => (-2, Value::Null, *collation),
        }
    };
    created.columns().iter().zip(&index.expressions).map(part).collect()
}

fn index_xinfo(table: &TableEntry, position: usize) -> Vec<Row> {
    let index = &table.indexes[position];
    let own = parts_of(table, index);
    let rest = naming_parts(table, index);
    let is_descending = |place: usize| place < own.len() && index.is_descending(place, table);
    let row = |(place, (at, name, collation)): (usize, &(i64, Value, Collation))| {
        vec![
            (place as i64).into(),
            (*at).into(),
            name.clone(),
            is_descending(place).into(),
            collation.to_string().as_str().into(),
            (place < own.len()).into(),
        ]
    };
    own.iter().chain(&rest).enumerate().map(row).collect()
}

/// What an index has behind its own columns: the row id, or of a table without row ids those
/// columns of the primary key that are not among them. The primary key itself has all the others.
fn naming_parts(table: &TableEntry, index: &IndexEntry) -> Vec<(i64, Value, Collation)> {
    if !table.definition.is_without_row_id() {
        return vec![(-1, Value::Null, Collation::Binary)];
    }
    let part = |at: usize, collation: Collation| -> (i64, Value, Collation) {
        (at as i64, table.column_name(at).into(), collation)
    };
    let is_key = |other: &&IndexEntry| matches!(other.kind, IndexKind::PrimaryKey);
    let Some(key) = table.indexes.iter().find(is_key).filter(|key| key.id != index.id) else {
        let is_other = |at: &usize| index.columns.iter().all(|(own, _)| own != at);
        let rest = (0..table.columns.len()).filter(is_other);
        return rest.map(|at| part(at, table.columns[at].collation)).collect();
    };
    let missing = key.columns.iter().filter(|column| !index.columns.contains(column));
    missing.map(|&(at, collation)| part(at, collation)).collect()
}

/// The constraint declared last has number 0.
fn foreign_key_list(table: &TableEntry) -> Vec<Row> {
    let rows = |(id, key): (usize, &ForeignKeyEntry)| {
        let referenced = key.definition.referenced_columns().to_vec();
        let row = |(seq, &position): (usize, &usize)| {
            vec![
                (id as i64).into(),
                (seq as i64).into(),
                key.definition.references().into(),
                table.column_name(position).into(),
                referenced.get(seq).map_or(Value::Null, |name| Value::from(&**name)),
                key.update_rule().to_string().as_str().into(),
                key.delete_rule().to_string().as_str().into(),
                "NONE".into(),
            ]
        };
        key.columns.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    table.foreign_keys.iter().rev().enumerate().flat_map(rows).collect()
}

/// Of one table, or of all in a schema, main if none is named.
fn foreign_key_check(
    view: &View<'_>,
    schema: Option<SchemaId>,
    table: Option<&str>,
) -> Result<Vec<Row>> {
    let catalog = view.catalog();
    let tables: Vec<_> = match table {
        None => {
            let tables = catalog.tables_in(schema.unwrap_or_default());
            tables.rev().map(|table| &**table).collect()
        }
        Some(name) => match (find_table(catalog, schema, name), schema) {
            (Some(table), _) => vec![table],
            (None, None) => return refused(format!("no such table: {name}")),
            (None, Some(schema)) => {
                let schema = catalog.schemas().name(schema);
                return refused(format!("no such table: {schema}.{name}"));
            }
        },
    };
    let mut rows = Vec::new();
    for table in tables {
        for (row_id, position) in dangling_rows(view, table)? {
            let key = &table.foreign_keys[position];
            let row_id = match table.definition.is_without_row_id() {
                true => Value::Null,
                false => row_id.0.into(),
            };
            rows.push(vec![
                table.name().into(),
                row_id,
                key.definition.references().into(),
                ((table.foreign_keys.len() - 1 - position) as i64).into(),
            ]);
        }
    }
    Ok(rows)
}
