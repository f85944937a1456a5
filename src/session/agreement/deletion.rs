//! A deletion, as far as its end depends on it: read from a mapping, or put together by hand.

use crate::catalog::{Name, ReferentialAction};
use crate::database::Enforcement;
use crate::session::error::Result;
use crate::session::mapping::{
    Cascade, Direction, ForeignKeyDefinition, Lazy, MappedTable, MapperId, Mapping, PassiveDeletes,
    Relationship,
};
use std::fmt;

/// How a relationship deals with the children of a deleted parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Strategy {
    /// What goes along; of it only `delete` matters here.
    pub cascade: Cascade,
    /// What is left to the delete rule.
    pub passive_deletes: PassiveDeletes,
    /// Whether the collection is in memory when the parent is deleted.
    pub loaded: bool,
}

/// What a relationship does unless something is said: `"save-update, merge"`, nothing passive, and
/// nothing loaded before.
impl Default for Strategy {
    fn default() -> Self {
        let cascade = Cascade { save_update: true, merge: true, ..Cascade::default() };
        Strategy { cascade, passive_deletes: PassiveDeletes::No, loaded: false }
    }
}

impl Strategy {
    /// With the cascades as one writes them: `"all, delete-orphan"`.
    ///
    /// # Errors
    /// `ArgumentError` for a word that is no cascade.
    pub fn cascade(mut self, text: &str) -> Result<Self> {
        self.cascade = Cascade::parse(text, false, &mut Vec::new())?;
        Ok(self)
    }

    /// With this left to the delete rule.
    #[must_use]
    pub fn passive_deletes(mut self, passive_deletes: PassiveDeletes) -> Self {
        self.passive_deletes = passive_deletes;
        self
    }

    /// With the collection in memory.
    #[must_use]
    pub fn loaded(mut self) -> Self {
        self.loaded = true;
        self
    }
}

/// Where the default of a foreign key's columns leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultKey {
    /// There is none, or it is NULL.
    Null,
    /// To a row that is still there afterwards.
    Present,
    /// Nowhere, or to a row that goes.
    Absent,
}

/// The rows of a table that reference those of the level above.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// The referencing table.
    pub table: Name,
    /// The ON DELETE action.
    pub rule: ReferentialAction,
    /// Whether all columns of the key take NULL.
    pub nullable: bool,
    /// Whether a column of it is part of the primary key.
    pub in_primary_key: bool,
    /// Whether it is checked at COMMIT.
    pub deferred: bool,
    /// Where SET DEFAULT would lead.
    pub default: DefaultKey,
    /// What the relationship does; `None` if no relationship leads to them.
    pub strategy: Option<Strategy>,
    /// Whether there are any.
    pub has_rows: bool,
}

impl Link {
    /// Rows over a nullable key without delete rule, to which a relationship with all its defaults
    /// leads.
    pub fn new(table: impl Into<Name>) -> Self {
        Link {
            table: table.into(),
            rule: ReferentialAction::NoAction,
            nullable: true,
            in_primary_key: false,
            deferred: false,
            default: DefaultKey::Null,
            strategy: Some(Strategy::default()),
            has_rows: true,
        }
    }

    /// With an ON DELETE action.
    #[must_use]
    pub fn on_delete(mut self, rule: ReferentialAction) -> Self {
        self.rule = rule;
        self
    }

    /// Whether the key takes NULL.
    #[must_use]
    pub fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    /// With a relationship that deals with them so.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }
}

/// A parent that the session deletes and then commits, with all that references it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deletion {
    /// Whether foreign keys are acted on.
    pub enforcement: Enforcement,
    /// Whether the program has objects of all rows, and looks at them afterwards.
    pub holds_objects: bool,
    /// The children, their children, and so on.
    pub links: Vec<Link>,
}

impl Deletion {
    /// Of a parent that nothing references yet.
    pub fn new(enforcement: Enforcement) -> Self {
        Deletion { enforcement, holds_objects: false, links: Vec::new() }
    }

    /// With rows that reference those of the link before, or the parent.
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// As a program sees it that holds objects of all rows.
    #[must_use]
    pub fn holding_objects(mut self) -> Self {
        self.holds_objects = true;
        self
    }

    /// With another strategy for the direct children; nothing changes if there are none.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        if let Some(link) = self.links.first_mut() {
            link.strategy = Some(strategy);
        }
        self
    }

    /// Of an object of a class of a mapping: which tables reference its table, over which keys, and
    /// with which relationships. Every table is taken to have rows, collections to be loaded as their
    /// `lazy` says, and every default to lead to a row; change [`links`](Self::links) where that is not so.
    ///
    /// # Errors
    /// [`Uncovered`] if the rule does not cover it.
    pub fn of(
        mapping: &Mapping,
        class: &str,
        enforcement: Enforcement,
    ) -> Result<Deletion, Uncovered> {
        let mapper = mapping.mapper(class).ok_or_else(|| Uncovered::NoSuchClass(class.into()))?;
        let mut deletion = Deletion::new(enforcement);
        let mut passed = vec![mapping.table_of(mapper).name.clone()];
        let mut above = Some(mapper);
        let mut table = mapping.table_of(mapper);
        loop {
            let strategies = above.map_or(Ok(vec![]), |mapper| strategies(mapping, mapper))?;
            let Some((below, key)) = only_reference(mapping, table)? else { return Ok(deletion) };
            if passed.contains(&below.name) {
                return Err(Uncovered::ReferencesItself(below.name.clone()));
            }
            passed.push(below.name.clone());
            let leading = strategies.iter().find(|it| is_over(mapping, it, below, key));
            let strategy = leading.map(|relationship| Strategy {
                cascade: relationship.cascade,
                passive_deletes: relationship.passive_deletes,
                // What is not loaded when it is read is loaded with its parent.
                loaded: relationship.lazy != Lazy::Select,
            });
            deletion.links.push(read_link(below, key, strategy));
            let mapped = mapping.mappers().iter().find(|it| mapping[it.table].name == below.name);
            above = mapped.map(|mapper| mapper.id);
            table = below;
        }
    }
}

/// The relationships of a mapper over which its children hear of its deletion.
fn strategies(mapping: &Mapping, mapper: MapperId) -> Result<Vec<&Relationship>, Uncovered> {
    let all = mapping[mapper].relationships.iter().map(|&id| &mapping[id]);
    let mut leading = Vec::new();
    for relationship in all.filter(|it| !it.viewonly) {
        let is_covered = match relationship.direction {
            Direction::ManyToOne => !relationship.cascade.delete,
            Direction::ManyToMany => false,
            Direction::OneToMany => {
                leading.push(relationship);
                !relationship.post_update && loads_a_list(relationship.lazy)
            }
        };
        if !is_covered {
            return Err(Uncovered::Relationship(relationship.path.as_ref().into()));
        }
    }
    Ok(leading)
}

fn loads_a_list(lazy: Lazy) -> bool {
    match lazy {
        Lazy::Select | Lazy::Selectin | Lazy::Joined | Lazy::Subquery | Lazy::Immediate => true,
        Lazy::Dynamic | Lazy::WriteOnly | Lazy::Noload | Lazy::Raise | Lazy::RaiseOnSql => false,
    }
}

/// The one foreign key that references a table, and the table that has it.
fn only_reference<'m>(
    mapping: &'m Mapping,
    table: &MappedTable,
) -> Result<Option<(&'m MappedTable, &'m ForeignKeyDefinition)>, Uncovered> {
    let all = mapping.tables().iter();
    let keys = all.flat_map(|from| from.foreign_keys().iter().map(move |key| (from, key)));
    let mut leading = keys.filter(|(_, key)| key.references() == &*table.name);
    let first = leading.next();
    match leading.next() {
        Some(_) => Err(Uncovered::SeveralKeys(table.name.clone())),
        None => Ok(first),
    }
}

/// Whether a relationship leads over a foreign key.
fn is_over(
    mapping: &Mapping,
    relationship: &Relationship,
    table: &MappedTable,
    key: &ForeignKeyDefinition,
) -> bool {
    relationship.synchronize_pairs.iter().all(|pair| {
        let destination = pair.destination;
        mapping[destination.table].name == table.name
            && key.columns().contains(&mapping[destination].name)
    })
}

fn read_link(table: &MappedTable, key: &ForeignKeyDefinition, strategy: Option<Strategy>) -> Link {
    let columns = || key.columns().iter().filter_map(|name| table.position(name));
    let has_default = columns().all(|at| table.column(at).server_default.is_some());
    Link {
        table: table.name.clone(),
        rule: key.delete_rule(),
        nullable: columns().all(|at| table.column(at).nullable),
        in_primary_key: columns().any(|at| table.primary_key.contains(&at)),
        deferred: key.is_deferred(),
        default: if has_default { DefaultKey::Present } else { DefaultKey::Null },
        strategy,
        has_rows: true,
    }
}

/// Why a deletion's end is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uncovered {
    /// No model has this name.
    NoSuchClass(Name),
    /// This table is referenced over several foreign keys.
    SeveralKeys(Name),
    /// This table references itself, or one that it is referenced by.
    ReferencesItself(Name),
    /// This relationship is many-to-many, deletes along many-to-one, updates afterwards, or does not
    /// load as a list.
    Relationship(Name),
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uncovered::NoSuchClass(name) => write!(f, "no model is called \"{}\"", &**name),
            Uncovered::SeveralKeys(name) => {
                write!(f, "table \"{}\" is referenced over several foreign keys", &**name)
            }
            Uncovered::ReferencesItself(name) => {
                write!(f, "table \"{}\" references itself on the way", &**name)
            }
            Uncovered::Relationship(path) => {
                write!(f, "relationship {} does more than lead to a list of children", &**path)
            }
        }
    }
}

impl std::error::Error for Uncovered {}
