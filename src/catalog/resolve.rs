//! From definition to entry, and from foreign key to target.
//!
//! What can be seen in a definition alone is checked when it is made: its own columns, and how many
//! columns a foreign key names on each side. What needs another table is looked up by `resolve` and
//! reported by whoever uses the foreign key (SQLite finds these at the first statement).

use super::entry::{
    CheckEntry, ColumnEntry, Comparison, ForeignKeyEntry, IndexEntry, IndexKind, KeyLookup,
    Positions, Resolved, TableEntry, Target, WithRowId,
};
use super::links::{Named, is_same};
use super::names::KnownNames;
use super::{
    Catalog, ConstraintId, ForeignKey, Index, IndexColumn, IndexId, KeyConstraint, Name,
    Resolution, Table, TableId,
};
use crate::error::{Error, NameError, NameKind, SchemaError};
use crate::expression::{BindError, Bound, ColumnInfo, ColumnName, Columns, Expression};
use crate::value::Collation;
use smallvec::SmallVec;
use std::sync::Arc;

/// The ids that were given out, of indexes and foreign keys.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ids {
    indexes: u32,
    constraints: u32,
}

impl Ids {
    pub(super) fn index(&mut self) -> IndexId {
        self.indexes += 1;
        IndexId(self.indexes)
    }

    fn constraint(&mut self) -> ConstraintId {
        let id = self.next_constraint();
        self.constraints += 1;
        id
    }

    pub(super) fn next_constraint(&self) -> ConstraintId {
        ConstraintId(self.constraints)
    }
}

/// The entry of a definition.
pub(super) fn build_entry(
    id: TableId,
    definition: Arc<Table>,
    ids: &mut Ids,
) -> Result<Arc<TableEntry>, Error> {
    check_columns(&definition)?;
    let definition = match definition.without_row_id {
        true => Arc::new(Arc::unwrap_or_clone(definition).without_repeated_keys()),
        false => definition,
    };
    let mut shared = Arc::new(TableEntry {
        id,
        row_id_column: definition.row_id_column(),
        row_id_resolution: row_id_resolution(&definition),
        sequence: None,
        key_columns: key_columns(&definition),
        row_id_names: KnownNames::new(),
        columns: column_entries(&definition),
        generated: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: SmallVec::new(),
        definition,
    });
    let entry = Arc::get_mut(&mut shared).expect("nobody else has it yet");
    entry.generated = bind_generated(&entry.definition)?;
    if !entry.definition.checks.is_empty() {
        entry.checks = bind_checks(&entry.definition)?;
    }
    entry.indexes = build_keys(entry, ids)?;
    for position in 0..entry.definition.foreign_keys.len() {
        let key = build_foreign_key(entry, position, ids)?;
        entry.foreign_keys.push(key);
    }
    Ok(shared)
}

fn check_columns(definition: &Table) -> Result<(), Error> {
    let name = definition.name();
    if definition.columns.is_empty() {
        return Err(SchemaError::NoColumns { kind: "table", name: name.to_owned() }.into());
    }
    for (position, column) in definition.columns.iter().enumerate() {
        if definition.position(&column.name) != Some(position) {
            return Err(NameError::taken(NameKind::Column, &column.name, Some(name)));
        }
        if let Some(default) = &column.default {
            let place = || format!("DEFAULT of column \"{}\" of table \"{name}\"", column.name);
            // A text in double quotes would be a column, if there were any.
            if let Some(name) = default.column_names().first() {
                return Err(expression_error(place(), &BindError::UnknownColumn((*name).into())));
            }
            bind(default, &NoColumns, place)?;
        }
    }
    if definition.keys.iter().filter(|key| key.primary).count() > 1 {
        return Err(SchemaError::SecondPrimaryKey { table: name.to_owned() }.into());
    }
    if definition.without_row_id && definition.primary_key_columns().is_empty() {
        return Err(SchemaError::NoPrimaryKey { table: name.to_owned() }.into());
    }
    Ok(())
}

/// Where the primary key's columns stand; one that is not there is found when the key is built.
pub(super) fn key_columns(definition: &Table) -> Positions {
    let mut positions = Positions::new();
    for column in definition.primary_key_columns() {
        if let Some(position) = definition.position(column) {
            positions.push(position);
        }
    }
    positions
}

fn row_id_resolution(definition: &Table) -> Option<Resolution> {
    definition.row_id_column()?;
    definition.primary_key_constraint()?.resolution()
}

pub(super) fn column_entries(definition: &Table) -> Vec<ColumnEntry> {
    // What names a row cannot be NULL.
    let key = match definition.without_row_id || definition.strict {
        true if definition.row_id_column().is_none() => definition.primary_key_columns(),
        true | false => &[],
    };
    let is_key = |name: &str| key.iter().any(|other| is_same(other, name));
    let entry = |column: &super::Column| ColumnEntry {
        affinity: column.affinity(),
        collation: column.collation,
        not_null: column.not_null || is_key(&column.name),
        not_null_resolution: column.not_null_resolution,
        default: column.default_value(),
        computed_default: column.computed_default(),
        not_null_names: KnownNames::new(),
    };
    definition.columns.iter().map(entry).collect()
}

/// The columns that are computed, each after those that it reads.
pub(super) fn bind_generated(definition: &Table) -> Result<Vec<(usize, Bound)>, Error> {
    let mut waiting: Vec<(usize, Bound)> = Vec::new();
    for (position, column) in definition.columns.iter().enumerate() {
        if let Some((expression, _)) = &column.generated {
            let place = || format!("generated column \"{}\" of table", column.name);
            waiting.push((position, bind_stored(expression, definition, place)?));
        }
    }
    let mut ordered: Vec<(usize, Bound)> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_waiting = |column: &usize| waiting.iter().any(|(position, _)| position == column);
        let next = waiting.iter().position(|(_, bound)| !bound.columns().iter().any(is_waiting));
        let Some(next) = next else {
            let column = &definition.columns[waiting[0].0].name;
            return Err(SchemaError::Expression {
                place: format!("generated column \"{column}\""),
                message: format!("generated column loop on \"{column}\""),
                reason: "it is computed from itself".to_owned(),
            }
            .into());
        };
        ordered.push(waiting.remove(next));
    }
    let plain = definition.columns.len() - ordered.len();
    if plain == 0 && !ordered.is_empty() {
        let message = "must have at least one non-generated column".to_owned();
        let place = format!("table \"{}\"", definition.name());
        let reason = "all its columns are generated".to_owned();
        return Err(SchemaError::Expression { place, message, reason }.into());
    }
    Ok(ordered)
}

pub(super) fn bind_checks(definition: &Table) -> Result<Vec<CheckEntry>, Error> {
    let bind_one = |check: &super::Check| {
        let place = || format!("CHECK of table \"{}\"", definition.name());
        let expression = bind(&check.expression, &WithRowId(definition), place)?;
        let (text, names) = (check.title(), KnownNames::new());
        let mut columns = expression.columns();
        let row_id = definition.columns.len();
        let reads_row_id = columns.contains(&row_id);
        columns.retain(|column| *column != row_id);
        Ok(CheckEntry { text, columns, reads_row_id, expression, names })
    };
    definition.checks.iter().map(bind_one).collect()
}

/// PRIMARY KEY and UNIQUE as indexes; a primary key that is the row id needs none.
fn build_keys(entry: &TableEntry, ids: &mut Ids) -> Result<Vec<IndexEntry>, Error> {
    let mut indexes: Vec<IndexEntry> = Vec::new();
    // A primary key that would be the row id, if there were row ids, is made after the others.
    let has_late_key =
        entry.row_id_column.is_none() && entry.definition.integer_key_column().is_some();
    let is_late = |key: &&KeyConstraint| has_late_key && key.primary;
    let keys = &entry.definition.keys;
    let early = keys.iter().filter(|key| !is_late(key));
    for key in early.chain(keys.iter().filter(is_late)) {
        if key.columns.is_empty() {
            let name = entry.name().to_owned();
            return Err(SchemaError::NoColumns { kind: "a key of table", name }.into());
        }
        // Then the row id is its index; its one column has been found.
        if key.primary && entry.row_id_column.is_some() {
            continue;
        }
        let mut columns: Vec<(usize, Collation)> = Vec::with_capacity(key.columns.len());
        for (place, column) in key.columns.iter().enumerate() {
            let position = entry.position(column)?;
            let own = entry.columns[position].collation;
            columns.push((position, key.collation(place).unwrap_or(own)));
        }
        // What is declared twice is one index, the primary key's if it is among them.
        if let Some(same) = indexes.iter_mut().find(|index| index.columns == columns) {
            if let (Some(one), Some(other)) = (same.resolution, key.resolution)
                && one != other
            {
                return Err(conflicting_clauses(entry));
            }
            let kind = if key.primary { IndexKind::PrimaryKey } else { same.kind.clone() };
            (same.kind, same.resolution) = (kind, same.resolution.or(key.resolution));
            continue;
        }
        indexes.push(IndexEntry {
            id: ids.index(),
            name: key_name(entry, key, &indexes),
            kind: if key.primary { IndexKind::PrimaryKey } else { IndexKind::Unique },
            unique: true,
            columns,
            expressions: Vec::new(),
            resolution: key.resolution,
            filter: None,
            names: KnownNames::new(),
        });
    }
    Ok(indexes)
}

/// The error for one key that is declared twice, with different clauses.
fn conflicting_clauses(entry: &TableEntry) -> Error {
    let place = format!("table \"{}\"", entry.name());
    let message = "conflicting ON CONFLICT clauses specified".to_owned();
    let reason = "the same key is declared with another ON CONFLICT".to_owned();
    SchemaError::Expression { place, message, reason }.into()
}

/// The name that a key goes by.
fn key_name(entry: &TableEntry, key: &KeyConstraint, others: &[IndexEntry]) -> Name {
    let name = match key.primary {
        true => [entry.name(), "_pkey"].into_iter().collect(),
        false => derived_name(entry, &key.columns, "_key"),
    };
    unused_name(name, others.iter().map(|index| &*index.name))
}

/// `table_column_suffix`.
fn derived_name(entry: &TableEntry, columns: &[Name], suffix: &'static str) -> Name {
    let columns = columns.iter().flat_map(|column| ["_", column]);
    [entry.name()].into_iter().chain(columns).chain([suffix]).collect()
}

/// The entry of a secondary index of `table`.
pub(super) fn build_index(
    table: &TableEntry,
    index: &Index,
    id: IndexId,
) -> Result<IndexEntry, Error> {
    if index.columns.is_empty() {
        return Err(SchemaError::NoColumns { kind: "index", name: index.name.to_string() }.into());
    }
    let is_computed = index.columns.iter().any(|column| column.expression.is_some());
    let (columns, expressions) = match is_computed {
        true => (Vec::new(), bind_index_expressions(table, index)?),
        false => (index_positions(table, index)?, Vec::new()),
    };
    let place = || format!("WHERE of index \"{}\"", index.name);
    let filter = match &index.filter {
        Some(filter) => Some(bind_stored(filter, &table.definition, place)?),
        None => None,
    };
    Ok(IndexEntry {
        id,
        name: index.name.clone(),
        kind: IndexKind::Created(index.clone()),
        unique: index.unique,
        columns,
        expressions,
        resolution: None,
        filter,
        names: KnownNames::new(),
    })
}

fn index_positions(table: &TableEntry, index: &Index) -> Result<Vec<(usize, Collation)>, Error> {
    let column = |column: &IndexColumn| {
        let position = table.position(&column.name)?;
        Ok((position, column.collation.unwrap_or(table.columns[position].collation)))
    };
    index.columns.iter().map(column).collect()
}

/// The parts of an index on expressions, those that are columns among them.
fn bind_index_expressions(
    table: &TableEntry,
    index: &Index,
) -> Result<Vec<(Bound, Collation)>, Error> {
    let place = || format!("index \"{}\"", index.name);
    let part = |column: &IndexColumn| {
        let Some(expression) = &column.expression else {
            let bound = bind(&crate::expression::col(column.name()), &*table.definition, place)?;
            let collation = column.collation.or(bound.collation()).unwrap_or_default();
            return Ok((bound, collation));
        };
        // As in SQLite, no COLLATE but the outermost counts.
        let bound = bind_stored(expression, &table.definition, place)?;
        Ok((bound, column.collation.unwrap_or_default()))
    };
    index.columns.iter().map(part).collect()
}

/// The entry of the foreign key at `position`, with what its definition alone can show checked.
pub(super) fn build_foreign_key(
    entry: &TableEntry,
    position: usize,
    ids: &mut Ids,
) -> Result<ForeignKeyEntry, Error> {
    let definition = entry.definition.foreign_keys[position].clone();
    check_column_count(entry.name(), &definition)?;
    let mut columns = Positions::with_capacity(definition.columns.len());
    for column in &definition.columns {
        let found = entry.definition.position(column);
        columns
            .push(found.ok_or_else(|| entry.missing_column(NameKind::ReferencingColumn, column))?);
    }
    Ok(ForeignKeyEntry {
        id: ids.constraint(),
        index: ids.index(),
        name: foreign_key_name(entry, &definition),
        table: entry.id,
        definition,
        columns,
        target: Target::MissingTable,
        names: KnownNames::new(),
    })
}

pub(super) fn foreign_key_name(entry: &TableEntry, definition: &ForeignKey) -> Name {
    let derived = || {
        let name = derived_name(entry, &definition.columns, "_fkey");
        unused_name(name, entry.foreign_keys.iter().map(|key| &*key.name))
    };
    definition.name.clone().unwrap_or_else(derived)
}

fn check_column_count(table: &str, key: &ForeignKey) -> Result<(), Error> {
    let (found, expected) = (key.columns.len(), key.referenced_columns.len());
    if found == 0 {
        let name = format!("foreign key to {}", key.references);
        return Err(SchemaError::NoColumns { kind: "constraint", name }.into());
    }
    if expected == 0 || found == expected {
        return Ok(());
    }
    let column = key.on_column.then(|| key.columns[0].to_string());
    let (table, referenced) = (table.to_owned(), key.references.to_string());
    Err(SchemaError::ColumnCount { table, referenced, column, found, expected }.into())
}

/// `name`, or the first of `name1`, `name2` … that is not taken.
fn unused_name<'a>(name: Name, taken: impl Iterator<Item = &'a str> + Clone) -> Name {
    let is_free =
        |candidate: &str| !taken.clone().any(|other| other.eq_ignore_ascii_case(candidate));
    if is_free(&name) {
        return name;
    }
    let numbered = (1..).map(|number| Name::from(format!("{name}{number}")));
    numbered.into_iter().find(|candidate| is_free(candidate)).unwrap_or(name)
}

/// The scope of a DEFAULT.
pub(super) struct NoColumns;

impl Columns for NoColumns {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        Err(BindError::UnknownColumn(name.clone()))
    }
}

/// Why an expression cannot stand in a definition.
pub(super) fn expression_error(place: String, error: &BindError) -> Error {
    let message = match error {
        BindError::UnknownColumn(_) | BindError::Unsupported(_) if place.starts_with("DEFAULT") => {
            let column = place.split('"').nth(1).unwrap_or_default();
            format!("default value of column [{column}] is not constant")
        }
        BindError::UnknownColumn(name) => format!("no such column: {}", name.dotted()),
        BindError::UnknownFunction(name) => format!("no such function: {name}"),
        BindError::ArgumentCount { function, .. } => {
            format!("wrong number of arguments to function {function}()")
        }
        BindError::MisusedAggregate(name) => format!("misuse of aggregate function {name}()"),
        BindError::Unsupported("a subquery") => prohibited("subqueries", &place),
        BindError::Unsupported("a parameter") => prohibited("parameters", &place),
        BindError::Unsupported("a function of chance") => {
            prohibited("non-deterministic functions", &place)
        }
        other => other.to_string(),
    };
    SchemaError::Expression { place, message, reason: error.to_string() }.into()
}

/// What may not stand in a place of a definition, in SQLite's words.
fn prohibited(what: &str, place: &str) -> String {
    let places = [
        ("CHECK", "CHECK constraints"),
        ("WHERE", "partial index WHERE clauses"),
        ("index", "index expressions"),
        ("generated", "generated columns"),
    ];
    let found = places.iter().find(|(begins, _)| place.starts_with(begins));
    format!("{what} prohibited in {}", found.map_or(place, |(_, words)| words))
}

fn bind(
    expression: &Expression,
    columns: &dyn Columns,
    place: impl Fn() -> String,
) -> Result<Bound, Error> {
    expression.bind(columns).map_err(|error| expression_error(place(), &error))
}

/// The same for what is stored, and so must come to the same each time.
fn bind_stored(
    expression: &Expression,
    definition: &Table,
    place: impl Fn() -> String,
) -> Result<Bound, Error> {
    if expression.is_of_chance() {
        return Err(expression_error(place(), &BindError::Unsupported("a function of chance")));
    }
    bind(expression, definition, place)
}

impl Catalog {
    /// Looks up anew what these foreign keys reference.
    ///
    /// # Cost
    /// **O(f · k)** for f foreign keys and k keys of a referenced table; the entry of a table whose
    /// foreign key finds something else is copied.
    pub(super) fn resolve(&mut self, keys: &[ConstraintId]) {
        for &id in keys {
            let Some((table, position)) = self.links.place(id) else { continue };
            let entry = self.by_id(table);
            let key = &entry.foreign_keys[position];
            let target = self.find_target(&key.definition, entry);
            if target != key.target {
                self.rewrite(table, |entry| entry.foreign_keys[position].target = target);
            }
        }
    }

    /// Looks up anew what the foreign keys of a table reference, those that name it, and those that
    /// name what did not exist.
    pub(super) fn resolve_around(&mut self, table: TableId) {
        let own = self.by_id(table).foreign_keys.iter().map(|key| key.id);
        let keys: Vec<_> = own.chain(self.naming(table)).chain(self.missing()).collect();
        self.resolve(&keys);
    }

    /// Why a foreign key is not resolved, if it is not.
    pub(crate) fn target_error(&self, key: &ForeignKeyEntry) -> Option<SchemaError> {
        let own = &self.by_id(key.table).definition;
        let (constraint, table) = (key.name.to_string(), own.name().to_owned());
        let referenced = key.definition.references.to_string();
        match &key.target {
            Target::Resolved(_) => None,
            Target::MissingTable => {
                let schema = self.schemas.name(own.schema()).to_owned();
                Some(SchemaError::MissingReferencedTable { constraint, table, schema, referenced })
            }
            Target::Mismatch { reason, .. } => {
                let reason = reason.clone();
                Some(SchemaError::ForeignKeyMismatch { constraint, table, referenced, reason })
            }
        }
    }

    /// The foreign keys that name a table.
    pub(crate) fn naming(&self, table: TableId) -> impl Iterator<Item = ConstraintId> {
        self.referenced_by(table).iter().chain(self.mismatched_by(table)).copied()
    }

    /// The foreign keys that name what does not exist.
    pub(super) fn missing(&self) -> impl Iterator<Item = ConstraintId> {
        self.links.missing().iter().copied()
    }

    /// Changes a copy of an entry and puts it in place. If the change fails, nothing has happened.
    pub(super) fn change<T>(
        &mut self,
        table: TableId,
        change: impl FnOnce(&mut TableEntry, &mut Ids) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut entry, mut ids) = (self.by_id(table).clone(), self.ids);
        entry.forget_names();
        let value = change(&mut entry, &mut ids)?;
        self.replace(table, Some(Arc::new(entry)), ids);
        Ok(value)
    }

    /// The same for a change that cannot fail.
    pub(super) fn rewrite(&mut self, table: TableId, change: impl FnOnce(&mut TableEntry)) {
        let mut entry = self.by_id(table).clone();
        entry.forget_names();
        change(&mut entry);
        self.replace(table, Some(Arc::new(entry)), self.ids);
    }

    /// The key that `key`, a foreign key of `own`, references: the primary key if it names no
    /// columns, else a key or whole unique index on exactly the columns named, each in its column's
    /// own collation.
    pub(super) fn find_target(&self, key: &ForeignKey, own: &TableEntry) -> Target {
        if is_same(&key.references, own.name()) {
            return find_key(key, own);
        }
        match self.named_in(own.definition.schema(), &key.references) {
            Some(Named::Table(table)) => find_key(key, self.by_id(table)),
            Some(Named::Index(..)) | None => Target::MissingTable,
        }
    }
}

fn find_key(key: &ForeignKey, table: &TableEntry) -> Target {
    let name = table.name();
    let mismatch = |reason| Target::Mismatch { table: table.id, reason };
    let named = match key.referenced_columns.as_slice() {
        [] => table.definition.primary_key_columns(),
        named => named,
    };
    if named.is_empty() {
        return mismatch(format!("Table \"{name}\" has no primary key."));
    }
    if named.len() != key.columns.len() {
        let (found, expected) = (key.columns.len(), named.len());
        return mismatch(format!(
            "The primary key of table \"{name}\" has {expected} columns, the foreign key {found}."
        ));
    }
    let mut columns = Positions::with_capacity(named.len());
    for column in named {
        match table.definition.position(column) {
            Some(position) => columns.push(position),
            None => return mismatch(format!("Table \"{name}\" has no column \"{column}\".")),
        }
    }
    match find_lookup(table, &columns) {
        Some(lookup) => {
            let mut comparison = Comparison::new();
            for &position in &columns {
                let column = &table.columns[position];
                comparison.push((column.affinity, column.collation));
            }
            Target::Resolved(Resolved { table: table.id, columns, comparison, lookup })
        }
        None => mismatch(format!(
            "No key of table \"{name}\" is on just ({}) in the columns' own collations.",
            named.join(", ")
        )),
    }
}

fn find_lookup(table: &TableEntry, columns: &[usize]) -> Option<KeyLookup> {
    if let ([only], Some(row_id)) = (columns, table.row_id_column)
        && *only == row_id
    {
        return Some(KeyLookup::RowId);
    }
    table.indexes.iter().find_map(|index| {
        let whole = index.unique && index.filter.is_none() && index.columns.len() == columns.len();
        let order: Option<Vec<usize>> = index
            .columns
            .iter()
            .map(|&(position, collation)| {
                let own = table.columns[position].collation == collation;
                columns.iter().position(|&column| own && column == position)
            })
            .collect();
        let order =
            order.filter(|order| whole && (0..columns.len()).all(|at| order.contains(&at)))?;
        Some(KeyLookup::Index { index: index.id, order })
    })
}
