//! `sqlite_schema` and its other names: what there is, as a table.

use crate::catalog::{IndexKind, TableEntry};
use crate::database::{Database, Object, ObjectKind, View};
use crate::error::Result;
use crate::id::SchemaId;
use crate::query::{SuppliedColumn, SuppliedTable};
use crate::value::Value;

/// The rows of `sqlite_schema` when a statement was prepared; it is prepared anew when they change.
#[derive(Debug)]
pub(super) struct SchemaTable {
    name: String,
    rows: Vec<Vec<Value>>,
}

/// Each name, and the schema that it lists unless another one is named.
const NAMES: [(&str, SchemaId); 4] = [
    ("sqlite_schema", SchemaId::MAIN),
    ("sqlite_master", SchemaId::MAIN),
    ("sqlite_temp_schema", SchemaId::TEMP),
    ("sqlite_temp_master", SchemaId::TEMP),
];

impl SchemaTable {
    /// The table of this name, if it is one of these.
    pub(super) fn find(db: &Database, schema: Option<&str>, name: &str) -> Option<Self> {
        let (name, own) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let schema = match schema {
            Some(schema) => db.catalog().schemas().find(schema)?,
            None => *own,
        };
        if *own == SchemaId::TEMP && schema != SchemaId::TEMP {
            return None;
        }
        let rows = db.objects_in(schema).map(|object| row(object)).collect();
        Some(SchemaTable { name: (*name).to_owned(), rows })
    }
}

fn row(object: &Object) -> Vec<Value> {
    let sql = match (&object.sql, object.kind) {
        (Some(sql), _) => Value::from(sql.as_str()),
        (None, _) => Value::Null,
    };
    vec![
        object.kind.word().into(),
        object.name.as_str().into(),
        object.table.as_str().into(),
        Value::Integer(0),
        sql,
    ]
}

impl SuppliedTable for SchemaTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> Vec<SuppliedColumn> {
        ["type", "name", "tbl_name", "rootpage", "sql"].map(SuppliedColumn::new).into()
    }

    fn rows(&self, _: &View<'_>, _: &[Value]) -> Result<Vec<Vec<Value>>> {
        Ok(self.rows.clone())
    }
}

/// The name under which SQLite lists an index: that of a key is made up.
pub(super) fn index_name(table: &TableEntry, position: usize) -> String {
    let index = &table.indexes[position];
    let is_key = |index: &crate::catalog::IndexEntry| !matches!(index.kind, IndexKind::Created(_));
    match &index.kind {
        IndexKind::Created(_) => index.name.to_string(),
        IndexKind::PrimaryKey | IndexKind::Unique => {
            let number = table.indexes[..=position].iter().filter(|index| is_key(index)).count();
            format!("sqlite_autoindex_{}_{number}", table.name())
        }
    }
}

/// The objects that a new table brings: itself, and the indexes of its keys.
pub(super) fn objects_of_table(table: &TableEntry, sql: String) -> Vec<Object> {
    let (name, schema) = (table.name().to_owned(), table.definition.schema());
    let object = |kind, name: String, sql| {
        let table = table.name().to_owned();
        Object { kind, name, table, sql, schema, view: None }
    };
    let mut objects = vec![object(ObjectKind::Table, name, Some(sql))];
    for (position, index) in table.indexes.iter().enumerate() {
        // The primary key of a table without row ids is the table itself.
        let is_table =
            table.definition.is_without_row_id() && matches!(index.kind, IndexKind::PrimaryKey);
        if !is_table {
            objects.push(object(ObjectKind::Index, index_name(table, position), None));
        }
    }
    objects
}
