//! What the names in a FROM stand for: tables, views, and tables that are made up.

use super::dml::refused;
use super::parser::{self, Names};
use super::pragma;
use super::schema_table::SchemaTable;
use super::syntax::{QualifiedName, Statement};
use crate::catalog::{Catalog, TableEntry};
use crate::database::{Database, Object, ObjectKind};
use crate::error::{NameError, NameKind, Result};
use crate::expression::{Expression, parameter};
use crate::id::{SchemaId, TableId};
use crate::query::Source;
use crate::value::{Collation, DataType};
use std::sync::Arc;

/// How many views may stand on one another.
const VIEWS_MAX: usize = 32;

/// What a name stands for.
#[derive(Clone, Copy)]
pub(super) enum Named<'a> {
    Table(&'a Arc<TableEntry>),
    View(&'a Arc<Object>),
}

impl<'a> Named<'a> {
    /// The table, if it is one.
    pub(super) fn table(self) -> Option<&'a Arc<TableEntry>> {
        match self {
            Named::Table(table) => Some(table),
            Named::View(_) => None,
        }
    }

    /// What its triggers know it by.
    pub(super) fn id(self) -> Option<TableId> {
        match self {
            Named::Table(table) => Some(table.id),
            Named::View(view) => view.view,
        }
    }

    pub(super) fn schema(self) -> SchemaId {
        match self {
            Named::Table(table) => table.definition.schema(),
            Named::View(view) => view.schema,
        }
    }
}

/// The table or view of a name: in its schema if it says one, else in the first that has it.
pub(super) fn find<'a>(db: &'a Database, schema: Option<&str>, name: &str) -> Option<Named<'a>> {
    let schemas = db.catalog().schemas();
    match schema {
        Some(schema) => find_in(db, schemas.find(schema)?, name),
        None => schemas.in_turn().find_map(|schema| find_in(db, schema, name)),
    }
}

/// The table of a name; `None` for that of a view.
pub(super) fn find_table<'a>(
    db: &'a Database,
    name: &QualifiedName,
) -> Option<&'a Arc<TableEntry>> {
    find(db, name.schema.as_deref(), &name.name)?.table()
}

/// The table or view of a name in a schema, where they share one space of names.
pub(super) fn find_in<'a>(db: &'a Database, schema: SchemaId, name: &str) -> Option<Named<'a>> {
    match db.catalog().find_table_in(schema, name) {
        Some(table) => Some(Named::Table(table)),
        None => db.find_object_in(schema, ObjectKind::View, name).map(Named::View),
    }
}

/// The schema of this name.
///
/// # Errors
/// If there is none.
pub(super) fn known_schema(catalog: &Catalog, name: &str) -> Result<SchemaId> {
    match catalog.schemas().find(name) {
        Some(schema) => Ok(schema),
        None => refused(format!("unknown database {name}")),
    }
}

/// A view or trigger as it is read: what it names is looked for in its own schema alone, unless it
/// is temporary.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    kind: ObjectKind,
    name: &'a str,
    schema: SchemaId,
}

impl<'a> Home<'a> {
    pub(super) fn new(kind: ObjectKind, name: &'a str, schema: SchemaId) -> Self {
        Home { kind, name, schema }
    }

    /// The only schema where names are looked for, if there is only one.
    pub(super) fn only(&self) -> Option<SchemaId> {
        Some(self.schema).filter(|schema| *schema != SchemaId::TEMP)
    }

    /// Refuses the name of another schema.
    ///
    /// # Errors
    /// In SQLite's words.
    pub(super) fn check(&self, db: &Database, schema: Option<&str>) -> Result<()> {
        let (Some(only), Some(named)) = (self.only(), schema) else { return Ok(()) };
        match db.catalog().schemas().find(named) == Some(only) {
            true => Ok(()),
            false => {
                let (kind, name) = (self.kind.word(), self.name);
                refused(format!("{kind} {name} cannot reference objects in database {named}"))
            }
        }
    }
}

/// The names of a database, and in a trigger those of its row's columns.
pub(super) struct SchemaNames<'a> {
    pub(super) db: &'a Database,
    pub(super) rows: Option<&'a TriggerRows>,
    /// The view or trigger that is being read, if it is one.
    home: Option<Home<'a>>,
    /// How many views are being looked through.
    views: usize,
    /// Whether a name may stand for what does not exist: nothing but the text's form is wanted.
    is_lenient: bool,
    /// Whether nothing is to be run: it is only looked for names that stand for nothing.
    is_never_run: bool,
}

/// The columns of OLD and NEW, which are parameters of a trigger's statements.
#[derive(Debug)]
pub(super) struct TriggerRows {
    /// Name and collation of each.
    pub(super) columns: Vec<(String, Collation)>,
    pub(super) has_row_id: bool,
    /// The column that is the row id.
    pub(super) row_id_column: Option<usize>,
    pub(super) has_old: bool,
    pub(super) has_new: bool,
}

impl TriggerRows {
    /// The parameter that is this column of OLD or NEW; `None` if it is neither's.
    fn parameter(&self, table: &str, column: &str) -> Option<Expression> {
        let first = if table.eq_ignore_ascii_case("old") && self.has_old {
            1
        } else if table.eq_ignore_ascii_case("new") && self.has_new {
            self.columns.len() + 2
        } else {
            return None;
        };
        let is_it = |(name, _): &(String, Collation)| name.eq_ignore_ascii_case(column);
        match self.columns.iter().position(is_it) {
            Some(position) => {
                let value = parameter(first + 1 + position);
                // OLD.x brings its column's collation to a comparison, but no affinity, unless it is
                // the row id.
                let value = match self.row_id_column == Some(position) {
                    true => value.cast(DataType::Integer),
                    false => value,
                };
                Some(value.declared(self.columns[position].1))
            }
            None if self.has_row_id && is_row_id(column) => {
                Some(parameter(first).cast(DataType::Integer))
            }
            None => None,
        }
    }
}

/// Whether a name is the row id's, where no column has it.
pub(super) fn is_row_id(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

impl<'a> SchemaNames<'a> {
    pub(super) fn new(db: &'a Database) -> Self {
        let (is_lenient, is_never_run) = (false, false);
        SchemaNames { db, rows: None, home: None, views: 0, is_lenient, is_never_run }
    }

    /// The names of what is only looked at.
    pub(super) fn never_run(db: &'a Database) -> Self {
        SchemaNames { is_never_run: true, ..SchemaNames::new(db) }
    }

    /// The same, in a trigger.
    pub(super) fn in_trigger(self, home: Home<'a>, rows: &'a TriggerRows) -> Self {
        SchemaNames { rows: Some(rows), home: Some(home), ..self }
    }

    /// Names as they come, whether there is such a thing or not.
    pub(super) fn lenient(db: &'a Database) -> Self {
        SchemaNames { is_lenient: true, ..SchemaNames::never_run(db) }
    }

    /// The same, in what is defined: it may not name other schemas.
    pub(super) fn of_definition(db: &'a Database, home: Home<'a>) -> Self {
        SchemaNames { home: Some(home), ..SchemaNames::lenient(db) }
    }

    /// The rows of a view: its query, parsed again, since what it names may have changed.
    pub(super) fn view(&self, view: &Object) -> Result<Source> {
        let name = view.name.as_str();
        let depth = self.views;
        if depth >= VIEWS_MAX {
            return refused(format!("view {name} is circularly defined"));
        }
        let home = Some(Home::new(ObjectKind::View, name, view.schema));
        let schema = view.schema;
        let (views, is_never_run) = (depth + 1, self.is_never_run);
        let within = SchemaNames { views, home, is_never_run, ..SchemaNames::new(self.db) };
        let sql = view.sql.as_deref().unwrap_or_default();
        match parser::parse_within(sql, &within)? {
            Statement::CreateView(view) => {
                let source = Source::query_with_columns(view.query, view.columns).alias(name);
                Ok(source.within(self.db.catalog().schemas().name(schema)))
            }
            _ => Err(missing(self.db, None, name)),
        }
    }

    /// The schema where a name is looked for, if it is only one.
    fn only_schema<'n>(&'n self, schema: Option<&'n str>) -> Option<&'n str> {
        let only = self.home.and_then(|home| home.only());
        schema.or(only.map(|only| self.db.catalog().schemas().name(only)))
    }
}

/// The error for a table that is not there.
pub(super) fn missing(db: &Database, schema: Option<&str>, name: &str) -> crate::error::Error {
    let names = db.catalog().tables().map(|table| table.name());
    NameError::missing(NameKind::Table, name, schema, names)
}

impl Names for SchemaNames<'_> {
    fn table(&self, schema: Option<&str>, name: &str) -> Result<Source> {
        if self.is_lenient {
            self.home.map_or(Ok(()), |home| home.check(self.db, schema))?;
            return Ok(Source::table(name));
        }
        let schema = self.only_schema(schema);
        if let Some(table) = SchemaTable::find(self.db, schema, name) {
            return Ok(Source::supplied(Arc::new(table), Vec::<Expression>::new()));
        }
        match find(self.db, schema, name) {
            Some(Named::View(view)) => self.view(view),
            Some(Named::Table(table)) => Ok(Source::of(table)),
            None => match pragma::table(self.db, name, self.views > 0) {
                Some(table) => Ok(Source::supplied(table, Vec::<Expression>::new())),
                None => Err(missing(self.db, schema, name)),
            },
        }
    }

    fn target(&self, name: &QualifiedName) -> Result<()> {
        let schema = self.only_schema(name.schema.as_deref());
        let is_there = self.is_lenient
            || find(self.db, schema, &name.name).is_some()
            || SchemaTable::find(self.db, schema, &name.name).is_some();
        match is_there {
            true => Ok(()),
            false => Err(missing(self.db, schema, &name.name)),
        }
    }

    fn table_function(&self, name: &str, arguments: Vec<Expression>) -> Result<Source> {
        if self.is_lenient {
            return Ok(Source::table(name));
        }
        match pragma::table(self.db, name, self.views > 0) {
            Some(table) => Ok(Source::supplied(table, arguments)),
            None => refused(format!("no such table: {name}")),
        }
    }

    fn is_never_run(&self) -> bool {
        self.is_never_run
    }

    fn row_column(&self, table: &str, column: &str) -> Option<Expression> {
        self.rows?.parameter(table, column)
    }
}
