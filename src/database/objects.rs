//! What has been defined, as text: the rows of SQLite's `sqlite_schema`.
//!
//! The catalogue knows tables and indexes by what they mean. Who defines them by text keeps it here,
//! with views and triggers, which the catalogue does not know. All of it is undone with the schema.

use super::{Database, without_transaction};
use crate::error::Result;
use crate::id::{SchemaId, TableId};
use std::sync::Arc;

/// What an [`Object`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// An index, also one of a key.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

impl ObjectKind {
    /// Its word in `sqlite_schema`.
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::Table => "table",
            ObjectKind::Index => "index",
            ObjectKind::View => "view",
            ObjectKind::Trigger => "trigger",
        }
    }
}

/// Something that was defined by a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// The table or view that it belongs to; itself, if it is one.
    pub table: String,
    /// The text, rewritten by later renamings; `None` for the index of a key.
    pub sql: Option<String>,
    /// The schema that it is in.
    pub schema: SchemaId,
    /// Of a view: the id that its programs are attached to.
    pub view: Option<TableId>,
}

impl Object {
    /// Whether it is called so. Case counts for nothing.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it belongs to this table.
    pub fn is_of(&self, table: &str) -> bool {
        self.table.eq_ignore_ascii_case(table)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    /// In the order of definition.
    all: Arc<Vec<Arc<Object>>>,
    /// How many are in another schema than main.
    elsewhere: usize,
}

impl Database {
    /// What was defined by text, in the order of definition.
    pub fn objects(&self) -> &[Arc<Object>] {
        &self.schema.objects.all
    }

    /// The object of this kind and name in the first schema that has it.
    pub fn find_object(&self, kind: ObjectKind, name: &str) -> Option<&Arc<Object>> {
        let found = |schema| self.find_object_in(schema, kind, name);
        self.catalog().schemas().in_turn().find_map(found)
    }

    /// The object of this kind and name in a schema.
    pub fn find_object_in(
        &self,
        schema: SchemaId,
        kind: ObjectKind,
        name: &str,
    ) -> Option<&Arc<Object>> {
        self.objects_in(schema).find(|object| object.kind == kind && object.is_called(name))
    }

    /// What was defined by text in a schema, in the order of definition.
    pub fn objects_in(&self, schema: SchemaId) -> impl Iterator<Item = &Arc<Object>> {
        let all = match schema {
            SchemaId::MAIN => self.objects(),
            _ if self.schema.objects.elsewhere == 0 => &[],
            _ => self.objects(),
        };
        all.iter().filter(move |object| object.schema == schema)
    }

    /// A number that changes with the schema, also back: what was made of an older schema has to be
    /// made again.
    pub fn schema_version(&self) -> u64 {
        self.schema.version
    }

    /// Changes what is defined by text, as a statement.
    ///
    /// # Errors
    /// [`crate::Error::Transaction`] if the transaction is aborted or poisoned.
    #[cfg(feature = "sql")]
    pub(crate) fn change_objects(
        &mut self,
        change: impl FnOnce(&mut Vec<Arc<Object>>),
    ) -> Result<()> {
        self.statement(|db| {
            db.log_beside_catalog();
            let objects = &mut db.schema_mut().objects;
            change(Arc::make_mut(&mut objects.all));
            let is_elsewhere = |object: &&Arc<Object>| object.schema != SchemaId::MAIN;
            objects.elsewhere = objects.all.iter().filter(is_elsewhere).count();
            Ok(())
        })
    }

    /// Carries out several statements as one: all of them, or none.
    ///
    /// # Errors
    /// Those of `body`; nothing has changed then.
    pub fn as_one<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.check_usable()?;
        let moment = self.moment();
        let total_before = self.counters.total_changes;
        let was_part = std::mem::replace(&mut self.is_part, true);
        let result = body(self).and_then(|value| {
            if !was_part && self.open.is_none() {
                let sound = self.refuse_outstanding();
                if sound.is_err() && self.counters.total_changes > total_before {
                    // The rows that it has counted as its own are there again.
                    self.counters.total_changes -= self.counters.changes;
                    self.counters.changes = 0;
                }
                sound.map_err(without_transaction)?;
            }
            Ok(value)
        });
        self.is_part = was_part;
        if result.is_err() {
            self.undo_to(moment);
        }
        if !was_part {
            self.end_statement(result.is_err(), true);
        }
        result
    }
}
