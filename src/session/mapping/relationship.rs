//! A relationship once configured: which columns carry it, in which direction, and what goes along.

use super::cascade::Cascade;
use super::definition::Direction as Order;
use super::{ColumnRef, MapperId, RelationshipId, TableIndex};
use crate::catalog::Name;

/// Which side holds the foreign key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The target references the parent.
    OneToMany,
    /// The parent references the target.
    ManyToOne,
    /// An association table references both.
    ManyToMany,
}

/// When and how a relationship is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lazy {
    /// When it is first read.
    Select,
    /// Anew at each reading; changes go through `append` and `remove`.
    Dynamic,
    /// Never; changes go through `add` and `remove`.
    WriteOnly,
    /// With its parents, by one more statement that lists their keys.
    Selectin,
    /// With its parents, by a join.
    Joined,
    /// With its parents, by one more statement that repeats the first one.
    Subquery,
    /// With each parent, one statement each.
    Immediate,
    /// Never: it is empty.
    Noload,
    /// Reading it is an error.
    Raise,
    /// Reading it is an error if it would need a statement.
    RaiseOnSql,
}

impl Lazy {
    /// Whether nothing of the collection is kept in the object.
    pub fn is_write_only(self) -> bool {
        matches!(self, Lazy::Dynamic | Lazy::WriteOnly)
    }
}

/// What a deleted parent leaves to the foreign key's delete rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassiveDeletes {
    /// Nothing: children are loaded, then deleted or cut off one by one.
    No,
    /// Children that are not loaded.
    Yes,
    /// All children, loaded or not.
    All,
}

/// An equality of a join: `left = right`, as SQL shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinTerm {
    /// The left side, the referenced column.
    pub left: Side,
    /// The right side, the referencing column.
    pub right: Side,
}

/// One column of a [`JoinTerm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The column.
    pub column: ColumnRef,
    /// Whether it is the one that references.
    pub foreign: bool,
    /// Whether it belongs to the far side: the target's table, or the association table.
    pub remote: bool,
}

/// A column that one relationship copies to another when it flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnPair {
    /// Where the value comes from.
    pub source: ColumnRef,
    /// Where it goes.
    pub destination: ColumnRef,
}

/// A column to order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderBy {
    /// The column.
    pub column: ColumnRef,
    /// Which way.
    pub order: Order,
}

/// A configured relationship; see [`RelationshipDefinition`](super::RelationshipDefinition) for what
/// the plain arguments mean.
#[derive(Clone, Debug)]
pub struct Relationship {
    /// Its place in the mapping.
    pub id: RelationshipId,
    /// The mapper whose objects have the attribute.
    pub parent: MapperId,
    /// The mapper of the objects that it leads to.
    pub target: MapperId,
    /// The attribute's name.
    pub name: Name,
    /// `Hero.team`, as messages have it.
    pub path: Box<str>,
    /// `Hero_team`, by which steps of a flush are ordered that could go in any order.
    pub(in crate::session) sort_name: Box<str>,
    /// Which side holds the foreign key.
    pub direction: Direction,
    /// Whether it is a collection.
    pub uselist: bool,
    /// How it is loaded.
    pub lazy: Lazy,
    /// What goes along.
    pub cascade: Cascade,
    /// What is left to the delete rule.
    pub passive_deletes: PassiveDeletes,
    /// Whether changed keys are left to the update rule.
    pub passive_updates: bool,
    /// Whether an object may have one parent only.
    pub single_parent: bool,
    /// Whether the key is written by an UPDATE of its own.
    pub post_update: bool,
    /// Whether it is only read.
    pub viewonly: bool,
    /// Whether the old value is loaded before it is replaced.
    pub active_history: bool,
    /// Whether the old value, if it was not loaded, is loaded when the flush asks for it:
    /// SQLAlchemy's `_deferred_history`.
    pub deferred_history: bool,
    /// The association table.
    pub secondary: Option<TableIndex>,
    /// The order of the collection.
    pub order_by: Vec<OrderBy>,
    /// Parent to target, or parent to association table.
    pub primary_join: Vec<JoinTerm>,
    /// Target to association table; empty without one.
    pub secondary_join: Vec<JoinTerm>,
    /// What a flush copies along `primary_join`.
    pub synchronize_pairs: Vec<ColumnPair>,
    /// What a flush copies along `secondary_join`.
    pub secondary_synchronize_pairs: Vec<ColumnPair>,
    /// The near column and the far column of each term, in the order of the joins.
    pub local_remote_pairs: Vec<(ColumnRef, ColumnRef)>,
    /// The relationships that mirror this one, in the order in which they were linked.
    pub reverse: Vec<RelationshipId>,
    /// The relationship that an event on this one is passed to: that of `back_populates`, unless
    /// one of the two is only for reading.
    pub backref: Option<RelationshipId>,
    /// Whether its target is found by primary key, so that the identity map may answer.
    pub use_get: bool,
}

impl Relationship {
    /// The pairs of both joins that a flush copies, the primary first.
    pub fn all_pairs(&self) -> impl Iterator<Item = &ColumnPair> {
        self.synchronize_pairs.iter().chain(&self.secondary_synchronize_pairs)
    }
}
