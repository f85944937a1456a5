//! What the names in a FROM stand for: tables, views, and tables that are made up.

use super::parser::{self, Names};
use super::pragma;
use super::schema_table::SchemaTable;
use super::syntax::Statement;
use crate::database::{Database, ObjectKind};
use crate::error::{NameError, NameKind, Result, SqlError};
use crate::expression::{Expression, parameter};
use crate::query::Source;
use crate::value::{Collation, DataType};
use std::sync::Arc;

/// How many views may stand on one another.
const VIEWS_MAX: usize = 32;

/// The schemas there are.
pub(super) const SCHEMAS: [&str; 2] = ["main", "temp"];

/// The names of a database, and in a trigger those of its row's columns.
pub(super) struct SchemaNames<'a> {
    pub(super) db: &'a Database,
    pub(super) rows: Option<&'a TriggerRows>,
    /// How many views are being looked through.
    views: usize,
    /// Whether a name may stand for what does not exist: nothing but the text's form is wanted.
    is_lenient: bool,
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
        SchemaNames { db, rows: None, views: 0, is_lenient: false }
    }

    pub(super) fn in_trigger(db: &'a Database, rows: &'a TriggerRows) -> Self {
        SchemaNames { rows: Some(rows), ..SchemaNames::new(db) }
    }

    /// Names as they come, whether there is such a thing or not.
    pub(super) fn lenient(db: &'a Database) -> Self {
        SchemaNames { is_lenient: true, ..SchemaNames::new(db) }
    }

    /// The rows of a view: its query, parsed again, since what it names may have changed.
    fn view(&self, name: &str, sql: &str) -> Result<Source> {
        let depth = self.views;
        if depth >= VIEWS_MAX {
            let message = format!("view {name} is circularly defined");
            return Err(SqlError::Refused { message }.into());
        }
        let outer = SchemaNames { views: depth + 1, ..SchemaNames::new(self.db) };
        let parsed = parser::parse_within(sql, &outer);
        match parsed? {
            Statement::CreateView(view) => {
                Ok(Source::query_with_columns(view.query, view.columns).alias(name))
            }
            _ => Err(missing(self.db, None, name)),
        }
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
            return Ok(Source::table(name));
        }
        let is_known =
            |schema: &str| SCHEMAS.iter().any(|known| known.eq_ignore_ascii_case(schema));
        if !schema.is_none_or(is_known) {
            return Err(missing(self.db, schema, name));
        }
        if let Some(table) = SchemaTable::find(self.db, schema, name) {
            return Ok(Source::supplied(Arc::new(table), Vec::<Expression>::new()));
        }
        if let Some(view) = self.db.find_object(ObjectKind::View, name)
            && let Some(sql) = &view.sql
        {
            return self.view(&view.name, sql);
        }
        match schema {
            None if self.db.catalog().find_table(name).is_some() => return Ok(Source::table(name)),
            Some(schema) => {
                let full = format!("{schema}.{name}");
                if self.db.catalog().find_table(&full).is_some() {
                    return Ok(Source::table(full).alias(name));
                }
            }
            None => {}
        }
        match pragma::table(self.db, name) {
            Some(table) => Ok(Source::supplied(table, Vec::<Expression>::new())),
            // A view looks for what it names where it is itself.
            None if self.views > 0 => Err(missing(self.db, schema.or(Some("main")), name)),
            None => Err(missing(self.db, schema, name)),
        }
    }

    fn table_function(&self, name: &str, arguments: Vec<Expression>) -> Result<Source> {
        if self.is_lenient {
            return Ok(Source::table(name));
        }
        match pragma::table(self.db, name) {
            Some(table) => Ok(Source::supplied(table, arguments)),
            None => {
                let message = format!("no such table: {name}");
                Err(SqlError::Refused { message }.into())
            }
        }
    }

    fn row_column(&self, table: &str, column: &str) -> Option<Expression> {
        self.rows?.parameter(table, column)
    }
}
