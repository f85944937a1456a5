//! Schemas: the name spaces in which tables, views and triggers stand.
//!
//! There are always two, `main` and `temp`; others are attached beside them. A name without a
//! schema's is looked for in temp, then in main, then in the attached ones as they came. A foreign
//! key never leaves its table's schema.
//!
//! What is attached is no part of a transaction: it stays when one is rolled back. So it is not
//! logged either.

use super::Name;
use super::links::is_same;
use crate::id::SchemaId;

/// The schemas there are.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    /// Beside main and temp, in the order in which they came.
    attached: Vec<(SchemaId, Name)>,
    /// How many have been attached, ever.
    given: u32,
}

impl Schemas {
    /// Each with its name: main, temp, and the attached ones.
    pub fn iter(&self) -> impl Iterator<Item = (SchemaId, &str)> {
        let own = [(SchemaId::MAIN, "main"), (SchemaId::TEMP, "temp")];
        own.into_iter().chain(self.attached())
    }

    /// Those that were attached.
    pub fn attached(&self) -> impl ExactSizeIterator<Item = (SchemaId, &str)> {
        self.attached.iter().map(|(id, name)| (*id, &**name))
    }

    /// In the order in which a name is looked for.
    pub fn in_turn(&self) -> impl Iterator<Item = SchemaId> {
        let own = [SchemaId::TEMP, SchemaId::MAIN];
        own.into_iter().chain(self.attached.iter().map(|(id, _)| *id))
    }

    /// The schema of this name. Case counts for nothing.
    pub fn find(&self, name: &str) -> Option<SchemaId> {
        self.iter().find(|(_, known)| is_same(known, name)).map(|(id, _)| id)
    }

    /// The name of a schema; nothing once it is detached.
    pub fn name(&self, id: SchemaId) -> &str {
        self.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name)
    }

    /// A schema, and what is named in it, of a name that has both: `main.t`.
    pub(super) fn split<'n>(&self, name: &'n str) -> Option<(SchemaId, &'n str)> {
        self.iter().find_map(|(id, schema)| {
            let head = name.get(..schema.len()).filter(|head| is_same(head, schema))?;
            Some((id, name[head.len()..].strip_prefix('.')?))
        })
    }

    pub(super) fn attach(&mut self, name: &str) -> SchemaId {
        self.given += 1;
        let id = SchemaId(SchemaId::TEMP.0 + self.given);
        self.attached.push((id, name.into()));
        id
    }

    pub(super) fn detach(&mut self, id: SchemaId) {
        self.attached.retain(|(known, _)| *known != id);
    }
}
