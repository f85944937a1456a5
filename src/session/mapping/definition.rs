//! Models, tables and relationships as a user writes them: values, built by chaining.
//!
//! Nothing is looked up here. Names are resolved, and mistakes found, by
//! [`Mapping::configure`](super::Mapping::configure).

use super::relationship::{Lazy, PassiveDeletes};
use crate::catalog::{Name, ReferentialAction};
use crate::expression::Expression;
use crate::session::scalar::Scalar;

/// The type of a mapped column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// INTEGER.
    Integer,
    /// BIGINT.
    BigInteger,
    /// VARCHAR, with its length if it has one.
    Varchar(Option<u32>),
    /// TEXT.
    Text,
    /// FLOAT.
    Float,
    /// BOOLEAN: 0 and 1 in the database, `True` and `False` in an object.
    Boolean,
    /// BLOB.
    Blob,
}

/// Whether the database makes the key of a new row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Autoincrement {
    /// It does if the column is the only one of its primary key, an integer, and references nothing.
    #[default]
    Auto,
    /// It does.
    On,
    /// It does not.
    Off,
    /// As `Auto`, foreign key or not.
    IgnoreForeignKey,
}

/// A DEFAULT of the database: its text, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerDefault {
    /// As it stands in the CREATE TABLE.
    pub text: String,
    /// What the engine evaluates.
    pub meaning: Expression,
}

/// A column of a model or plain table.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    pub(super) name: Name,
    pub(super) column_type: ColumnType,
    pub(super) primary_key: bool,
    pub(super) nullable: Option<bool>,
    pub(super) unique: bool,
    pub(super) index: bool,
    pub(super) default: Option<Scalar>,
    pub(super) server_default: Option<ServerDefault>,
    pub(super) autoincrement: Autoincrement,
}

impl ColumnDefinition {
    /// A column that may be NULL, in no key and without default.
    pub fn new(name: impl Into<Name>, column_type: ColumnType) -> Self {
        ColumnDefinition {
            name: name.into(),
            column_type,
            primary_key: false,
            nullable: None,
            unique: false,
            index: false,
            default: None,
            server_default: None,
            autoincrement: Autoincrement::Auto,
        }
    }

    /// Part of the primary key.
    #[must_use]
    pub fn primary_key(mut self) -> Self {
        self.primary_key = true;
        self
    }

    /// Whether NULL is allowed; unless said, it is outside the primary key.
    #[must_use]
    pub fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = Some(nullable);
        self
    }

    /// UNIQUE.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// With an index of its own, `ix_table_column`.
    #[must_use]
    pub fn index(mut self) -> Self {
        self.index = true;
        self
    }

    /// What the session puts into a new row if the attribute was not set.
    #[must_use]
    pub fn default(mut self, default: impl Into<Scalar>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// What the database puts into a new row if it is given nothing.
    #[must_use]
    pub fn server_default(mut self, default: ServerDefault) -> Self {
        self.server_default = Some(default);
        self
    }

    /// Whether the database makes the key.
    #[must_use]
    pub fn autoincrement(mut self, autoincrement: Autoincrement) -> Self {
        self.autoincrement = autoincrement;
        self
    }
}

/// When a deferrable foreign key is checked, if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initially {
    /// At COMMIT.
    Deferred,
    /// After each statement.
    Immediate,
}

/// A foreign key of a model's table. What was not said does not stand in the DDL either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeyDefinition {
    pub(super) columns: Vec<Name>,
    pub(super) table: Name,
    pub(super) referenced: Vec<Name>,
    pub(super) on_delete: Option<ReferentialAction>,
    pub(super) on_update: Option<ReferentialAction>,
    pub(super) deferrable: Option<bool>,
    pub(super) initially: Option<Initially>,
}

impl ForeignKeyDefinition {
    /// From these columns to those of a table.
    pub fn new<C: Into<Name>, R: Into<Name>>(
        columns: impl IntoIterator<Item = C>,
        table: impl Into<Name>,
        referenced: impl IntoIterator<Item = R>,
    ) -> Self {
        ForeignKeyDefinition {
            columns: columns.into_iter().map(Into::into).collect(),
            table: table.into(),
            referenced: referenced.into_iter().map(Into::into).collect(),
            on_delete: None,
            on_update: None,
            deferrable: None,
            initially: None,
        }
    }

    /// The referencing columns.
    pub fn columns(&self) -> &[Name] {
        &self.columns
    }

    /// The referenced table.
    pub fn references(&self) -> &str {
        &self.table
    }

    /// The referenced columns.
    pub fn referenced_columns(&self) -> &[Name] {
        &self.referenced
    }

    /// The delete rule; NO ACTION if nothing was said.
    pub fn delete_rule(&self) -> ReferentialAction {
        self.on_delete.unwrap_or_default()
    }

    /// Whether it is checked at COMMIT: it has to be both deferrable and initially deferred.
    pub fn is_deferred(&self) -> bool {
        (self.deferrable, self.initially) == (Some(true), Some(Initially::Deferred))
    }

    /// ON DELETE.
    #[must_use]
    pub fn on_delete(mut self, action: ReferentialAction) -> Self {
        self.on_delete = Some(action);
        self
    }

    /// ON UPDATE.
    #[must_use]
    pub fn on_update(mut self, action: ReferentialAction) -> Self {
        self.on_update = Some(action);
        self
    }

    /// DEFERRABLE or NOT DEFERRABLE.
    #[must_use]
    pub fn deferrable(mut self, deferrable: bool) -> Self {
        self.deferrable = Some(deferrable);
        self
    }

    /// INITIALLY.
    #[must_use]
    pub fn initially(mut self, initially: Initially) -> Self {
        self.initially = Some(initially);
        self
    }
}

/// A table: that of a model, or a plain one, such as an association table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDefinition {
    pub(super) name: Name,
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) foreign_keys: Vec<ForeignKeyDefinition>,
    pub(super) uniques: Vec<Vec<Name>>,
}

impl TableDefinition {
    /// A table without columns yet.
    pub fn new(name: impl Into<Name>) -> Self {
        TableDefinition {
            name: name.into(),
            columns: Vec::new(),
            foreign_keys: Vec::new(),
            uniques: Vec::new(),
        }
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, column: ColumnDefinition) -> Self {
        self.columns.push(column);
        self
    }

    /// Adds a foreign key.
    #[must_use]
    pub fn foreign_key(mut self, key: ForeignKeyDefinition) -> Self {
        self.foreign_keys.push(key);
        self
    }

    /// Adds UNIQUE over these columns.
    #[must_use]
    pub fn unique<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.uniques.push(columns.into_iter().map(Into::into).collect());
        self
    }
}

/// A class and the table its objects are kept in. Each column is an attribute of the same name.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(super) name: Name,
    pub(super) table: TableDefinition,
    pub(super) relationships: Vec<RelationshipDefinition>,
}

impl Model {
    /// A model over a table.
    pub fn new(name: impl Into<Name>, table: TableDefinition) -> Self {
        Model { name: name.into(), table, relationships: Vec::new() }
    }

    /// The class's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// With each relationship changed.
    #[must_use]
    pub fn map_relationships(
        mut self,
        change: impl FnMut(RelationshipDefinition) -> RelationshipDefinition,
    ) -> Self {
        self.relationships = self.relationships.into_iter().map(change).collect();
        self
    }

    /// Adds a relationship.
    #[must_use]
    pub fn relationship(mut self, relationship: RelationshipDefinition) -> Self {
        self.relationships.push(relationship);
        self
    }
}

/// A column of a model (`Hero.team_id`) or of a plain table (`post_tag.post_id`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnPath {
    /// The model's name, or the table's.
    pub owner: Name,
    /// The column.
    pub column: Name,
}

impl ColumnPath {
    /// The column of a model or table.
    pub fn new(owner: impl Into<Name>, column: impl Into<Name>) -> Self {
        ColumnPath { owner: owner.into(), column: column.into() }
    }
}

/// A relationship between models: the arguments of `relationship()`, all optional but the target.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationshipDefinition {
    pub(super) name: Name,
    pub(super) target: Name,
    pub(super) back_populates: Option<Name>,
    pub(super) cascade: Option<String>,
    pub(super) passive_deletes: PassiveDeletes,
    pub(super) passive_updates: bool,
    pub(super) uselist: Option<bool>,
    pub(super) lazy: Lazy,
    pub(super) single_parent: bool,
    pub(super) remote_side: Vec<ColumnPath>,
    pub(super) foreign_keys: Vec<ColumnPath>,
    pub(super) secondary: Option<Name>,
    pub(super) order_by: Vec<(ColumnPath, Direction)>,
    pub(super) post_update: bool,
    pub(super) viewonly: bool,
    pub(super) active_history: bool,
}

/// Which way rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From small to large.
    Ascending,
    /// From large to small.
    Descending,
}

impl RelationshipDefinition {
    /// An attribute that leads to objects of the target model.
    pub fn new(name: impl Into<Name>, target: impl Into<Name>) -> Self {
        RelationshipDefinition {
            name: name.into(),
            target: target.into(),
            back_populates: None,
            cascade: None,
            passive_deletes: PassiveDeletes::No,
            passive_updates: true,
            uselist: None,
            lazy: Lazy::Select,
            single_parent: false,
            remote_side: Vec::new(),
            foreign_keys: Vec::new(),
            secondary: None,
            order_by: Vec::new(),
            post_update: false,
            viewonly: false,
            active_history: false,
        }
    }

    /// The attribute's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attribute of the target that mirrors this one.
    #[must_use]
    pub fn back_populates(mut self, name: impl Into<Name>) -> Self {
        self.back_populates = Some(name.into());
        self
    }

    /// Which session operations go along, as in `"all, delete-orphan"`; unless said,
    /// `"save-update, merge"`.
    #[must_use]
    pub fn cascade(mut self, cascade: impl Into<String>) -> Self {
        self.cascade = Some(cascade.into());
        self
    }

    /// What SQLModel's `cascade_delete=True` says: `"all, delete-orphan"`.
    #[must_use]
    pub fn cascade_delete(self) -> Self {
        self.cascade("all, delete-orphan")
    }

    /// What is left to the foreign key's delete rule.
    #[must_use]
    pub fn passive_deletes(mut self, passive_deletes: PassiveDeletes) -> Self {
        self.passive_deletes = passive_deletes;
        self
    }

    /// Whether a changed key is left to the foreign key's update rule; unless said, it is.
    #[must_use]
    pub fn passive_updates(mut self, passive_updates: bool) -> Self {
        self.passive_updates = passive_updates;
        self
    }

    /// Whether it is a collection; unless said, it is unless many-to-one.
    #[must_use]
    pub fn uselist(mut self, uselist: bool) -> Self {
        self.uselist = Some(uselist);
        self
    }

    /// When and how it is loaded.
    #[must_use]
    pub fn lazy(mut self, lazy: Lazy) -> Self {
        self.lazy = lazy;
        self
    }

    /// An object may have one parent only.
    #[must_use]
    pub fn single_parent(mut self, single_parent: bool) -> Self {
        self.single_parent = single_parent;
        self
    }

    /// The columns on the far side.
    #[must_use]
    pub fn remote_side(mut self, columns: impl IntoIterator<Item = ColumnPath>) -> Self {
        self.remote_side = columns.into_iter().collect();
        self
    }

    /// The columns that count as referencing.
    #[must_use]
    pub fn foreign_keys(mut self, columns: impl IntoIterator<Item = ColumnPath>) -> Self {
        self.foreign_keys = columns.into_iter().collect();
        self
    }

    /// The association table.
    #[must_use]
    pub fn secondary(mut self, table: impl Into<Name>) -> Self {
        self.secondary = Some(table.into());
        self
    }

    /// Orders the collection by one more column.
    #[must_use]
    pub fn order_by(mut self, column: ColumnPath, direction: Direction) -> Self {
        self.order_by.push((column, direction));
        self
    }

    /// Writes the key by an UPDATE after the INSERTs and before the DELETEs.
    #[must_use]
    pub fn post_update(mut self, post_update: bool) -> Self {
        self.post_update = post_update;
        self
    }

    /// Only for reading.
    #[must_use]
    pub fn viewonly(mut self, viewonly: bool) -> Self {
        self.viewonly = viewonly;
        self
    }

    /// Loads the old value before it is replaced.
    #[must_use]
    pub fn active_history(mut self, active_history: bool) -> Self {
        self.active_history = active_history;
        self
    }
}
