//! What is mapped to what: models over tables, and the relationships between them.
//!
//! Definitions ([`Model`], [`TableDefinition`], [`RelationshipDefinition`]) are what the user wrote.
//! [`Mapping::configure`] resolves their names, finds the columns that carry each relationship
//! (`join`), and refuses or warns where the reference does, with its words. What comes out never
//! changes again and is shared by sessions.
//!
//! Everything in a mapping is named by a small id; a [`ColumnRef`] names a column of any table, a
//! [`ColumnPosition`] one of a table that is known.

mod cascade;
mod configure;
mod ddl;
mod definition;
mod join;
mod mapper;
mod relationship;

pub use cascade::Cascade;
pub use configure::Configuration;
pub use definition::{
    Autoincrement, ColumnDefinition, ColumnPath, ColumnType, Direction as Order,
    ForeignKeyDefinition, Initially, Model, RelationshipDefinition, ServerDefault, TableDefinition,
};
pub use mapper::{Attribute, MappedColumn, MappedTable, Mapper};
pub use relationship::{
    ColumnPair, Direction, JoinTerm, Lazy, OrderBy, PassiveDeletes, Relationship, Side,
};

use crate::catalog::Name;
use std::ops::Index;

/// Names a mapper of a mapping, in the order of the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapperId(pub usize);

/// Names a relationship of a mapping: those of the first model in the order written, then those of
/// the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationshipId(pub usize);

/// Names a table of a mapping: those of the models in their order, then the plain ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableIndex(pub usize);

/// The position of a column in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnPosition(pub usize);

/// A column of a table of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnRef {
    /// The table.
    pub table: TableIndex,
    /// Its place there.
    pub column: ColumnPosition,
}

/// Models, tables and relationships, resolved.
#[derive(Clone, Debug)]
pub struct Mapping {
    tables: Vec<MappedTable>,
    mappers: Vec<Mapper>,
    relationships: Vec<Relationship>,
}

impl Index<MapperId> for Mapping {
    type Output = Mapper;

    fn index(&self, id: MapperId) -> &Mapper {
        &self.mappers[id.0]
    }
}

impl Index<RelationshipId> for Mapping {
    type Output = Relationship;

    fn index(&self, id: RelationshipId) -> &Relationship {
        &self.relationships[id.0]
    }
}

impl Index<TableIndex> for Mapping {
    type Output = MappedTable;

    fn index(&self, table: TableIndex) -> &MappedTable {
        &self.tables[table.0]
    }
}

impl Index<ColumnRef> for Mapping {
    type Output = MappedColumn;

    fn index(&self, column: ColumnRef) -> &MappedColumn {
        &self.tables[column.table.0].columns[column.column.0]
    }
}

impl Mapping {
    /// Every table: those of the models, then the plain ones.
    pub fn tables(&self) -> &[MappedTable] {
        &self.tables
    }

    /// Every mapper, in the order of the models.
    pub fn mappers(&self) -> &[Mapper] {
        &self.mappers
    }

    /// Every relationship, model by model.
    pub fn relationships(&self) -> &[Relationship] {
        &self.relationships
    }

    /// The mapper of a model.
    pub fn mapper(&self, name: &str) -> Option<MapperId> {
        self.mappers.iter().position(|mapper| &*mapper.name == name).map(MapperId)
    }

    /// The table of a mapper.
    pub fn table_of(&self, mapper: MapperId) -> &MappedTable {
        &self[self[mapper].table]
    }

    /// The positions of a mapper's primary key.
    pub fn primary_key(&self, mapper: MapperId) -> &[ColumnPosition] {
        &self.table_of(mapper).primary_key
    }

    /// An attribute by name.
    pub fn attribute(&self, mapper: MapperId, name: &str) -> Option<Attribute> {
        let relationships = &self[mapper].relationships;
        let relationship = relationships.iter().find(|&&id| &*self[id].name == name);
        match relationship {
            Some(&id) => Some(Attribute::Relationship(id)),
            None => self.table_of(mapper).position(name).map(Attribute::Column),
        }
    }

    /// The name of an attribute.
    pub fn attribute_name(&self, mapper: MapperId, attribute: Attribute) -> &Name {
        match attribute {
            Attribute::Column(position) => &self.table_of(mapper).column(position).name,
            Attribute::Relationship(id) => &self[id].name,
        }
    }

    /// Whether a foreign key leads from one column to the other.
    pub fn references(&self, from: ColumnRef, to: ColumnRef) -> bool {
        self[from.table].foreign_keys.iter().any(|key| {
            let mut pairs = key.columns.iter().zip(&key.referenced);
            key.table == self[to.table].name
                && pairs.any(|(column, referenced)| {
                    *column == self[from].name && *referenced == self[to].name
                })
        })
    }

    /// `team.id`, as messages have it.
    pub fn column_text(&self, column: ColumnRef) -> String {
        format!("{}.{}", self[column.table].name, self[column].name)
    }
}
