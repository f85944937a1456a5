//! A mapper: a class, its table, and the attributes that its objects have.

use super::definition::{Autoincrement, ColumnType, ForeignKeyDefinition, ServerDefault};
use super::{ColumnPosition, MapperId, RelationshipId, TableIndex};
use crate::catalog::Name;
use crate::session::scalar::Scalar;

/// A column of a mapped table.
#[derive(Clone, Debug)]
pub struct MappedColumn {
    /// Its name, and that of the attribute.
    pub name: Name,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether it is part of the primary key.
    pub primary_key: bool,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether it is UNIQUE by itself.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub index: bool,
    /// What the session inserts where nothing was set.
    pub default: Option<Scalar>,
    /// What the database inserts where it is given nothing.
    pub server_default: Option<ServerDefault>,
    /// As it was asked for; see [`MappedTable::autoincrement`] for what came of it.
    pub autoincrement: Autoincrement,
}

/// A table: a mapper's, or a plain one.
#[derive(Clone, Debug)]
pub struct MappedTable {
    /// Its name.
    pub name: Name,
    /// Its columns, in order.
    pub columns: Vec<MappedColumn>,
    /// The positions of its primary key, in the order of the columns.
    pub primary_key: Vec<ColumnPosition>,
    /// The column whose value the database makes when a row is inserted.
    pub autoincrement: Option<ColumnPosition>,
    /// Its foreign keys, as written.
    pub(super) foreign_keys: Vec<ForeignKeyDefinition>,
    /// Its UNIQUE constraints over several columns.
    pub uniques: Vec<Vec<Name>>,
}

impl MappedTable {
    /// The position of a column.
    pub fn position(&self, name: &str) -> Option<ColumnPosition> {
        self.columns.iter().position(|column| &*column.name == name).map(ColumnPosition)
    }

    /// Its foreign keys, as written.
    pub fn foreign_keys(&self) -> &[ForeignKeyDefinition] {
        &self.foreign_keys
    }

    /// A column by position.
    pub fn column(&self, position: ColumnPosition) -> &MappedColumn {
        &self.columns[position.0]
    }
}

/// An attribute of a mapper's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// A column of the mapper's table.
    Column(ColumnPosition),
    /// A relationship of the mapper.
    Relationship(RelationshipId),
}

/// A class and its table.
///
/// SQLAlchemy lists an imperative mapper's attributes in this order: the relationships as written,
/// then the columns. [`Mapper::attributes`] follows it.
#[derive(Clone, Debug)]
pub struct Mapper {
    /// Its place in the mapping.
    pub id: MapperId,
    /// The class's name.
    pub name: Name,
    /// Its table.
    pub table: TableIndex,
    /// How many columns its table has; each is an attribute.
    pub column_count: usize,
    /// The relationships, in the order written.
    pub relationships: Vec<RelationshipId>,
    /// The relationships that lead to this mapper with delete-orphan, in the order of configuration.
    pub delete_orphans: Vec<RelationshipId>,
}

impl Mapper {
    /// All attributes, relationships first.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute> {
        let columns = (0..self.column_count).map(|at| Attribute::Column(ColumnPosition(at)));
        self.relationships.iter().copied().map(Attribute::Relationship).chain(columns)
    }
}
