//! From definitions to a [`Mapping`]: names resolved, relationships joined, mistakes found.
//!
//! The order is the reference's, since it decides which mistake is found first: tables, then the
//! arguments of every relationship, then the mappers, then each relationship in turn with its join,
//! its cascades and its `back_populates`.

use super::cascade::{self, Cascade};
use super::definition::{
    Autoincrement, ColumnDefinition, ColumnPath, ColumnType, Model, RelationshipDefinition,
    TableDefinition,
};
use super::join::{Joined, Joining};
use super::mapper::{MappedColumn, MappedTable, Mapper};
use super::relationship::{Direction, Lazy, OrderBy, PassiveDeletes, Relationship};
use super::{ColumnPosition, ColumnRef, MapperId, Mapping, RelationshipId, TableIndex};
use crate::catalog::Name;
use crate::session::error::{Error, ErrorClass, Result, Warning, WarningClass};
use std::sync::Arc;

/// What came of configuring: warnings there may be either way.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The mapping, or the first mistake found.
    pub mapping: Result<Arc<Mapping>>,
    /// What is probably not what was meant, in the order found.
    pub warnings: Vec<Warning>,
}

impl Mapping {
    /// Resolves models and plain tables.
    ///
    /// The mapping has no relationship that was not checked; after an error there is none.
    pub fn configure(models: &[Model], tables: &[TableDefinition]) -> Configuration {
        let mut warnings = Vec::new();
        let configured = Configuring::start(models, tables, &mut warnings)
            .and_then(|configuring| configuring.finish(models, &mut warnings));
        Configuration { mapping: configured.map(Arc::new), warnings }
    }
}

struct Configuring {
    mapping: Mapping,
    /// For each relationship: what is left to find out about it.
    pending: Vec<Pending>,
}

struct Pending {
    definition: RelationshipDefinition,
    cascade: Cascade,
    arguments: Arguments,
    is_started: bool,
    is_synchronized: bool,
}

/// The columns and tables that a relationship names.
struct Arguments {
    secondary: Option<TableIndex>,
    foreign_keys: Vec<ColumnRef>,
    remote_side: Vec<ColumnRef>,
    order_by: Vec<OrderBy>,
}

impl Configuring {
    fn start(
        models: &[Model],
        plain: &[TableDefinition],
        warnings: &mut Vec<Warning>,
    ) -> Result<Configuring> {
        let definitions = models.iter().map(|model| &model.table).chain(plain);
        let mut tables: Vec<MappedTable> = Vec::new();
        for definition in definitions {
            if tables.iter().any(|table| table.name == definition.name) {
                return Err(table_twice(&definition.name));
            }
            tables.push(map_table(definition)?);
        }
        let mapping = Mapping { tables, mappers: Vec::new(), relationships: Vec::new() };
        let mut configuring = Configuring { mapping, pending: Vec::new() };
        for (at, model) in models.iter().enumerate() {
            configuring.add_mapper(models, at, model, warnings)?;
        }
        Ok(configuring)
    }

    fn add_mapper(
        &mut self,
        models: &[Model],
        at: usize,
        model: &Model,
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        let id = MapperId(at);
        let mut relationships = Vec::new();
        for definition in &model.relationships {
            let arguments = self.arguments(models, definition)?;
            let cascade = check_arguments(definition, warnings)?;
            relationships.push(RelationshipId(self.pending.len()));
            self.pending.push(Pending {
                definition: definition.clone(),
                cascade,
                arguments,
                is_started: false,
                is_synchronized: !definition.viewonly,
            });
        }
        let table = &self.mapping.tables[at];
        if table.primary_key.is_empty() {
            return Err(argument_error(format!(
                "Mapper Mapper[{}({table_name})] could not assemble any primary key columns for \
                 mapped table '{table_name}'",
                model.name,
                table_name = table.name
            )));
        }
        self.mapping.mappers.push(Mapper {
            id,
            name: model.name.clone(),
            table: TableIndex(at),
            column_count: table.columns.len(),
            relationships,
            delete_orphans: Vec::new(),
        });
        Ok(())
    }

    fn arguments(
        &self,
        models: &[Model],
        definition: &RelationshipDefinition,
    ) -> Result<Arguments> {
        let tables = &self.mapping.tables;
        let secondary = definition.secondary.as_ref().map(|name| find_table(tables, name));
        let column = |path: &ColumnPath| {
            let model = models.iter().find(|model| model.name == path.owner);
            let table = find_table(tables, model.map_or(&path.owner, |model| &model.table.name))?;
            let column = tables[table.0].position(&path.column);
            let column = column.ok_or_else(|| key_error(&path.column))?;
            Ok(ColumnRef { table, column })
        };
        let columns = |paths: &[ColumnPath]| paths.iter().map(column).collect::<Result<Vec<_>>>();
        let order_by = definition
            .order_by
            .iter()
            .map(|(path, order)| column(path).map(|column| OrderBy { column, order: *order }));
        Ok(Arguments {
            secondary: secondary.transpose()?,
            remote_side: columns(&definition.remote_side)?,
            foreign_keys: columns(&definition.foreign_keys)?,
            order_by: order_by.collect::<Result<_>>()?,
        })
    }

    fn finish(mut self, models: &[Model], warnings: &mut Vec<Warning>) -> Result<Mapping> {
        let parents: Vec<MapperId> = self
            .mapping
            .mappers
            .iter()
            .flat_map(|mapper| mapper.relationships.iter().map(|_| mapper.id))
            .collect();
        // Every relationship is there from the start, so that `reverse` can name any.
        for (at, &parent) in parents.iter().enumerate() {
            let relationship = self.unresolved(RelationshipId(at), parent, models);
            self.mapping.relationships.push(relationship);
        }
        for at in 0..self.pending.len() {
            self.configure(RelationshipId(at), warnings)?;
        }
        Ok(self.mapping)
    }

    /// A relationship of which only the arguments are known. The target is the parent as long as
    /// the real one was not looked up.
    fn unresolved(&self, id: RelationshipId, parent: MapperId, models: &[Model]) -> Relationship {
        let Pending { definition, cascade, arguments, .. } = &self.pending[id.0];
        let target = models.iter().position(|model| model.name == definition.target);
        Relationship {
            id,
            parent,
            target: target.map_or(parent, MapperId),
            name: definition.name.clone(),
            path: format!("{}.{}", self.mapping[parent].name, definition.name).into(),
            sort_name: format!("{}_{}", self.mapping[parent].name, definition.name).into(),
            direction: Direction::OneToMany,
            uselist: true,
            lazy: definition.lazy,
            cascade: *cascade,
            passive_deletes: definition.passive_deletes,
            passive_updates: definition.passive_updates,
            single_parent: definition.single_parent,
            post_update: definition.post_update,
            viewonly: definition.viewonly,
            active_history: definition.active_history,
            deferred_history: false,
            secondary: arguments.secondary,
            order_by: arguments.order_by.clone(),
            primary_join: Vec::new(),
            secondary_join: Vec::new(),
            synchronize_pairs: Vec::new(),
            secondary_synchronize_pairs: Vec::new(),
            local_remote_pairs: Vec::new(),
            reverse: Vec::new(),
            backref: None,
            use_get: false,
        }
    }

    fn configure(&mut self, id: RelationshipId, warnings: &mut Vec<Warning>) -> Result<()> {
        self.pending[id.0].is_started = true;
        self.check_target(id)?;
        self.join(id, warnings)?;
        self.check_cascade(id)?;
        let relationship = &mut self.mapping.relationships[id.0];
        relationship.uselist = self.pending[id.0]
            .definition
            .uselist
            .unwrap_or(relationship.direction != Direction::ManyToOne);
        self.add_reverse(id)?;
        self.warn_of_conflicts(id, warnings);
        self.prepare_loading(id, warnings)
    }

    fn check_target(&self, id: RelationshipId) -> Result<()> {
        let relationship = &self.mapping[id];
        let target = &self.pending[id.0].definition.target;
        if self.mapping.mapper(target).is_some() {
            return Ok(());
        }
        let parent = &self.mapping[relationship.parent];
        Err(invalid_request(format!(
            "When initializing mapper Mapper[{}({})], expression '{target}' failed to locate a \
             name ('{target}'). If this is a class name, consider adding this relationship() to \
             the <class '{}'> class after both dependent classes have been defined.",
            parent.name, self.mapping[parent.table].name, parent.name
        )))
    }

    fn join(&mut self, id: RelationshipId, warnings: &mut Vec<Warning>) -> Result<()> {
        let Pending { definition, arguments, .. } = &self.pending[id.0];
        let relationship = &self.mapping[id];
        let joining = Joining {
            tables: &self.mapping.tables,
            definition,
            path: &relationship.path,
            parent: self.mapping[relationship.parent].table,
            target: self.mapping[relationship.target].table,
            secondary: arguments.secondary,
            foreign_keys: arguments.foreign_keys.clone(),
            remote_side: arguments.remote_side.clone(),
        };
        let joined: Joined = joining.join(warnings)?;
        let relationship = &mut self.mapping.relationships[id.0];
        relationship.direction = joined.direction;
        relationship.primary_join = joined.primary_join;
        relationship.secondary_join = joined.secondary_join;
        relationship.synchronize_pairs = joined.synchronize_pairs;
        relationship.secondary_synchronize_pairs = joined.secondary_synchronize_pairs;
        relationship.local_remote_pairs = joined.local_remote_pairs;
        Ok(())
    }

    fn check_cascade(&mut self, id: RelationshipId) -> Result<()> {
        let relationship = &self.mapping[id];
        let Relationship { cascade, direction, path, target, .. } = relationship;
        let parent_name = &self.mapping[relationship.parent].name;
        if cascade.delete_orphan && !relationship.single_parent {
            let words = match direction {
                Direction::OneToMany => None,
                Direction::ManyToOne => Some("many-to-one"),
                Direction::ManyToMany => Some("many-to-many"),
            };
            if let Some(words) = words {
                return Err(argument_error(format!(
                    "For {words} relationship {path}, delete-orphan cascade is normally \
                     configured only on the \"one\" side of a one-to-many relationship, and not on \
                     the \"many\" side of a many-to-one or many-to-many relationship.  To force \
                     this relationship to allow a particular \"{}\" object to be referenced by \
                     only a single \"{parent_name}\" object at a time via the {path} relationship, \
                     which would allow delete-orphan cascade to take place in this direction, set \
                     the single_parent=True flag.",
                    self.mapping[*target].name
                )));
            }
        }
        if relationship.passive_deletes == PassiveDeletes::All
            && (cascade.delete || cascade.delete_orphan)
        {
            return Err(argument_error(format!(
                "On {path}, can't set passive_deletes='all' in conjunction with 'delete' or \
                 'delete-orphan' cascade"
            )));
        }
        if cascade.delete_orphan {
            let target = *target;
            self.mapping.mappers[target.0].delete_orphans.push(id);
        }
        Ok(())
    }

    /// Links the relationship with the one that `back_populates` names.
    fn add_reverse(&mut self, id: RelationshipId) -> Result<()> {
        let Some(name) = self.pending[id.0].definition.back_populates.clone() else {
            return Ok(());
        };
        let relationship = &self.mapping[id];
        let target = &self.mapping[relationship.target];
        let found = target.relationships.iter().copied().find(|&at| self.mapping[at].name == name);
        let Some(other) = found else {
            return Err(self.no_reverse(id, &name));
        };
        if !self.pending[id.0].is_synchronized || self.pending[id.0].definition.viewonly {
            self.pending[other.0].is_synchronized = false;
        }
        if self.pending[other.0].definition.viewonly {
            self.pending[id.0].is_synchronized = false;
        }
        for (one, two) in [(id, other), (other, id)] {
            let reverse = &mut self.mapping.relationships[one.0].reverse;
            if !reverse.contains(&two) {
                reverse.push(two);
            }
        }
        self.check_target(other)?;
        self.check_reverse(id, other)?;
        if self.pending[id.0].is_synchronized {
            self.mapping.relationships[id.0].backref = Some(other);
        }
        Ok(())
    }

    fn no_reverse(&self, id: RelationshipId, name: &Name) -> Error {
        let relationship = &self.mapping[id];
        let target = &self.mapping[relationship.target];
        let table = &self.mapping[target.table];
        if table.position(name).is_some() {
            return invalid_request(format!(
                "back_populates on relationship '{}' refers to attribute '{}.{name}' that is not a \
                 relationship.  The back_populates parameter should refer to the name of a \
                 relationship on the target class.",
                relationship.path, target.name
            ));
        }
        invalid_request(format!(
            "Mapper 'Mapper[{}({})]' has no property '{name}'.  If this property was indicated \
             from other mappers or configure events, ensure registry.configure() has been called.",
            target.name, table.name
        ))
    }

    fn check_reverse(&self, id: RelationshipId, other: RelationshipId) -> Result<()> {
        let (this, that) = (&self.mapping[id], &self.mapping[other]);
        if that.target != this.parent {
            let parent = &self.mapping[this.parent];
            let table = &self.mapping[parent.table].name;
            return Err(argument_error(format!(
                "reverse_property '{}' on relationship {} references relationship {}, which does \
                 not reference mapper Mapper[{}({table})]",
                that.name, this.path, that.path, parent.name
            )));
        }
        let is_directed = this.direction != Direction::ManyToMany;
        if self.pending[other.0].is_started && is_directed && this.direction == that.direction {
            let words = match this.direction {
                Direction::OneToMany => "<RelationshipDirection.ONETOMANY: 1>",
                Direction::ManyToOne => "<RelationshipDirection.MANYTOONE: 2>",
                Direction::ManyToMany => "<RelationshipDirection.MANYTOMANY: 3>",
            };
            return Err(argument_error(format!(
                "{} and back-reference {} are both of the same direction {words}.  Did you mean \
                 to set remote_side on the many-to-one side ?",
                that.path, this.path
            )));
        }
        Ok(())
    }

    /// Warns if a relationship configured before copies something else to the same column.
    fn warn_of_conflicts(&self, id: RelationshipId, warnings: &mut Vec<Warning>) {
        let this = &self.mapping[id];
        if this.viewonly {
            return;
        }
        let earlier: Vec<&Relationship> = (0..id.0)
            .map(|at| &self.mapping.relationships[at])
            .filter(|other| !other.viewonly && !this.reverse.contains(&other.id))
            .collect();
        for pair in this.all_pairs() {
            let conflicts = earlier.iter().filter_map(|other| {
                let copies = other.all_pairs().filter(|it| it.destination == pair.destination);
                copies.last().map(|it| (&other.path, &other.name, it.source))
            });
            let conflicts: Vec<_> = conflicts.collect();
            if conflicts.is_empty() {
                continue;
            }
            let to = self.mapping.column_text(pair.destination);
            let mut listed: Vec<String> = conflicts
                .iter()
                .map(|(path, _, from)| {
                    format!("'{path}' (copies {} to {to})", self.mapping.column_text(*from))
                })
                .collect();
            listed.sort();
            let mut names: Vec<&str> = conflicts.iter().map(|(_, name, _)| &***name).collect();
            names.sort_unstable();
            warnings.push(Warning::new(format!(
                "relationship '{path}' will copy column {from} to column {to}, which conflicts \
                 with relationship(s): {}. If this is not the intention, consider if these \
                 relationships should be linked with back_populates, or if viewonly=True should be \
                 applied to one or more if they are read-only. For the less common case that \
                 foreign key constraints are partially overlapping, the orm.foreign() annotation \
                 can be used to isolate the columns that should be written towards.   To silence \
                 this warning, add the parameter 'overlaps=\"{}\"' to the '{path}' relationship.",
                listed.join(", "),
                names.join(","),
                path = this.path,
                from = self.mapping.column_text(pair.source),
            )));
        }
    }

    fn prepare_loading(&mut self, id: RelationshipId, warnings: &mut Vec<Warning>) -> Result<()> {
        let primary_key = self.mapping.primary_key(self.mapping[id].target).to_vec();
        let target = self.mapping[self.mapping[id].target].table;
        let relationship = &mut self.mapping.relationships[id.0];
        relationship.use_get = !relationship.uselist
            && relationship.secondary.is_none()
            && is_primary_key(&relationship.local_remote_pairs, target, &primary_key);
        let is_reference = relationship.direction == Direction::ManyToOne && relationship.use_get;
        relationship.deferred_history = !relationship.active_history && !is_reference;
        let path = &relationship.path;
        match relationship.lazy {
            Lazy::Dynamic | Lazy::WriteOnly if !relationship.uselist => {
                let words =
                    if relationship.lazy == Lazy::Dynamic { "dynamic" } else { "write_only" };
                Err(invalid_request(format!(
                    "On relationship {path}, '{words}' loaders cannot be used with \
                     many-to-one/one-to-one relationships and/or uselist=False."
                )))
            }
            Lazy::Noload => {
                warnings.push(Warning {
                    class: WarningClass::SADeprecationWarning,
                    message: "The ``noload`` loader strategy is deprecated and will be removed in \
                              a future release.  This option produces incorrect results by \
                              returning ``None`` for related items. (deprecated since: 2.1)"
                        .to_owned(),
                });
                Ok(())
            }
            Lazy::Select
            | Lazy::Dynamic
            | Lazy::WriteOnly
            | Lazy::Selectin
            | Lazy::Joined
            | Lazy::Subquery
            | Lazy::Immediate
            | Lazy::Raise
            | Lazy::RaiseOnSql => Ok(()),
        }
    }
}

/// Whether the far columns are exactly a primary key.
fn is_primary_key(
    pairs: &[(ColumnRef, ColumnRef)],
    table: TableIndex,
    primary_key: &[ColumnPosition],
) -> bool {
    pairs.len() == primary_key.len()
        && primary_key
            .iter()
            .all(|&column| pairs.iter().any(|(_, far)| *far == ColumnRef { table, column }))
}

fn find_table(tables: &[MappedTable], name: &Name) -> Result<TableIndex> {
    let found = tables.iter().position(|table| table.name == *name);
    found.map(TableIndex).ok_or_else(|| key_error(name))
}

/// Checks what can be checked of a relationship by itself.
fn check_arguments(
    definition: &RelationshipDefinition,
    warnings: &mut Vec<Warning>,
) -> Result<Cascade> {
    if definition.viewonly {
        let flags = [
            ("passive_deletes", definition.passive_deletes != PassiveDeletes::No),
            ("passive_updates", !definition.passive_updates),
            ("active_history", definition.active_history),
        ];
        for (flag, _) in flags.iter().filter(|(_, is_set)| *is_set) {
            warnings.push(Warning::new(format!(
                "Setting {flag} on relationship() while also setting viewonly=True does not make \
                 sense, as a viewonly=True relationship does not perform persistence operations. \
                 This configuration may raise an error in a future release."
            )));
        }
    }
    match &definition.cascade {
        Some(text) => Cascade::parse(text, definition.viewonly, warnings),
        // Only for reading, the default is another: merge alone.
        None if definition.viewonly => Cascade::parse("merge", true, warnings),
        None => Cascade::parse(cascade::DEFAULT, false, warnings),
    }
}

fn map_table(definition: &TableDefinition) -> Result<MappedTable> {
    let columns: Vec<MappedColumn> = definition.columns.iter().map(map_column).collect();
    for column in definition.foreign_keys.iter().flat_map(|key| &key.columns) {
        if !columns.iter().any(|candidate| candidate.name == *column) {
            return Err(argument_error(format!(
                "Can't create ForeignKeyConstraint on table '{}': no column named '{column}' is \
                 present.",
                definition.name
            )));
        }
    }
    let keys = columns.iter().enumerate().filter(|(_, column)| column.primary_key);
    let primary_key: Vec<ColumnPosition> = keys.map(|(at, _)| ColumnPosition(at)).collect();
    let autoincrement = find_autoincrement(definition, &columns, &primary_key);
    Ok(MappedTable {
        name: definition.name.clone(),
        columns,
        primary_key,
        autoincrement,
        foreign_keys: definition.foreign_keys.clone(),
        uniques: definition.uniques.clone(),
    })
}

fn map_column(definition: &ColumnDefinition) -> MappedColumn {
    MappedColumn {
        name: definition.name.clone(),
        column_type: definition.column_type,
        primary_key: definition.primary_key,
        nullable: definition.nullable.unwrap_or(!definition.primary_key),
        unique: definition.unique,
        index: definition.index,
        default: definition.default.clone(),
        server_default: definition.server_default.clone(),
        autoincrement: definition.autoincrement,
    }
}

fn find_autoincrement(
    definition: &TableDefinition,
    columns: &[MappedColumn],
    primary_key: &[ColumnPosition],
) -> Option<ColumnPosition> {
    let asks = |position: &&ColumnPosition| columns[position.0].autoincrement == Autoincrement::On;
    let [only] = primary_key else {
        return primary_key.iter().find(asks).copied();
    };
    let column = &columns[only.0];
    let is_integer = matches!(column.column_type, ColumnType::Integer | ColumnType::BigInteger);
    let has_default = column.default.is_some() || column.server_default.is_some();
    let references = definition.foreign_keys.iter().any(|key| key.columns.contains(&column.name));
    let makes = match column.autoincrement {
        Autoincrement::On => true,
        Autoincrement::Off => false,
        Autoincrement::Auto => is_integer && !has_default && !references,
        Autoincrement::IgnoreForeignKey => is_integer && !has_default,
    };
    makes.then_some(*only)
}

fn table_twice(name: &Name) -> Error {
    invalid_request(format!(
        "Table '{name}' is already defined for this MetaData instance.  Specify \
         'extend_existing=True' to redefine options and columns on an existing Table object."
    ))
}

fn argument_error(message: String) -> Error {
    Error::new(ErrorClass::ArgumentError, message)
}

fn invalid_request(message: String) -> Error {
    Error::new(ErrorClass::InvalidRequestError, message)
}

fn key_error(name: &Name) -> Error {
    Error::new(ErrorClass::KeyError, format!("'{name}'"))
}
