//! Tables as the engine uses them: names resolved to positions, expressions bound.

use super::constraint::{ConstraintMode, ForeignKey, Index, ReferentialAction, Resolution};
use super::definition::Table;
use super::links::is_same;
use super::names::KnownNames;
use super::{ConstraintId, IndexId, Name, TableId};
use crate::error::{Error, NameError, NameKind};
use crate::expression::{BindError, Bound, ColumnInfo, ColumnName, Columns};
use crate::id::RowId;
use crate::value::{Affinity, Collation, Value};
use smallvec::SmallVec;
use std::sync::Arc;

/// Positions of columns: a slice, without an allocation for one or two.
pub type Positions = SmallVec<[usize; 2]>;

/// Affinity and collation of columns: a slice, without an allocation for a few.
pub type Comparison = SmallVec<[(Affinity, Collation); 8]>;

/// A table of the catalogue.
#[derive(Clone, Debug)]
pub struct TableEntry {
    /// Its id.
    pub id: TableId,
    /// What the user wrote, with later renamings carried out.
    pub definition: Arc<Table>,
    /// The column that is the row id, if one is.
    pub row_id_column: Option<usize>,
    /// What is done about a row whose row id is taken, if its primary key says.
    pub row_id_resolution: Option<Resolution>,
    /// The table that remembers its greatest row id, with AUTOINCREMENT.
    pub sequence: Option<TableId>,
    /// Positions of the primary key's columns, in its order; empty without one.
    pub(super) key_columns: Positions,
    /// Of the primary key that is the row id, or of the bare row id.
    pub(super) row_id_names: KnownNames,
    /// One per column of the definition.
    pub columns: Vec<ColumnEntry>,
    /// The columns that are computed, each after those that it reads, and what from.
    pub generated: Vec<(usize, Bound)>,
    /// The checks, in order.
    pub checks: Vec<CheckEntry>,
    /// PRIMARY KEY (unless it is the row id), UNIQUE, and secondary indexes, in the order made.
    pub indexes: Vec<IndexEntry>,
    /// The foreign keys that this table holds, in the order declared.
    pub foreign_keys: SmallVec<[ForeignKeyEntry; 1]>,
}

/// What a row change needs to know of a column.
#[derive(Clone, Debug)]
pub struct ColumnEntry {
    /// Decides conversion on write.
    pub affinity: Affinity,
    /// Decides how texts compare.
    pub collation: Collation,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// What is done about a NULL, if its NOT NULL says.
    pub not_null_resolution: Option<Resolution>,
    /// The value of its DEFAULT, if that is one for all rows; NULL without one.
    pub default: Value,
    /// Its DEFAULT, if it is computed for each row.
    pub computed_default: Option<Bound>,
    pub(super) not_null_names: KnownNames,
}

/// A CHECK, bound.
#[derive(Clone, Debug)]
pub struct CheckEntry {
    /// Its text, which is also what SQLite calls it.
    pub text: String,
    /// What must not be false.
    pub expression: Bound,
    /// The columns it reads, ascending.
    pub columns: Vec<usize>,
    /// Whether it reads the row id, which stands behind the columns.
    pub reads_row_id: bool,
    pub(super) names: KnownNames,
}

/// Where an index comes from.
#[derive(Clone, Debug)]
pub enum IndexKind {
    /// PRIMARY KEY.
    PrimaryKey,
    /// UNIQUE in the table's definition.
    Unique,
    /// CREATE INDEX.
    Created(Index),
}

/// An index of a table, bound.
#[derive(Clone, Debug)]
pub struct IndexEntry {
    /// Its id.
    pub id: IndexId,
    /// Its name; for a key of the definition, the name it goes by here.
    pub name: Name,
    /// Where it comes from.
    pub kind: IndexKind,
    /// Whether two rows may not share a key.
    pub unique: bool,
    /// Position and collation of each column; empty for an index on expressions.
    pub columns: Vec<(usize, Collation)>,
    /// The parts of an index on expressions, columns among them, each with its collation.
    pub expressions: Vec<(Bound, Collation)>,
    /// What is done about a row whose key is taken, if the constraint says.
    pub resolution: Option<Resolution>,
    /// The predicate of a partial index.
    pub filter: Option<Bound>,
    pub(super) names: KnownNames,
}

/// A foreign key, bound to its own table; its target may or may not be resolved.
#[derive(Clone, Debug)]
pub struct ForeignKeyEntry {
    /// Its id.
    pub id: ConstraintId,
    /// The index over the referencing columns that every foreign key has of its own.
    pub index: IndexId,
    /// Its name; for one declared without, the name it goes by here.
    pub name: Name,
    /// The referencing table.
    pub table: TableId,
    /// What the user wrote.
    pub definition: Arc<ForeignKey>,
    /// Positions of the referencing columns, in the constraint's order.
    pub columns: Positions,
    /// What it references, as of the last change of the catalogue.
    pub target: Target,
    pub(super) names: KnownNames,
}

/// Whether a foreign key finds what it references.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// It does.
    Resolved(Resolved),
    /// The table does not exist.
    MissingTable,
    /// The table exists, but the columns are no key of it.
    Mismatch {
        /// The table.
        table: TableId,
        /// Why, as a sentence.
        reason: String,
    },
}

/// A resolved target.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The referenced table.
    pub table: TableId,
    /// Positions of the referenced columns, in the constraint's order.
    pub columns: Positions,
    /// Affinity and collation of each: a referencing value is converted and compared by them.
    pub comparison: Comparison,
    /// How the row with a key is found.
    pub lookup: KeyLookup,
}

/// How a referenced row is found by its key.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyLookup {
    /// The key is the row id.
    RowId,
    /// Over a unique index; for each of its columns, the position in the constraint's order.
    Index {
        /// The index.
        index: IndexId,
        /// Index column → position in the foreign key.
        order: Vec<usize>,
    },
}

impl ForeignKeyEntry {
    /// The resolved target, if there is one.
    pub fn resolved(&self) -> Option<&Resolved> {
        match &self.target {
            Target::Resolved(resolved) => Some(resolved),
            Target::MissingTable | Target::Mismatch { .. } => None,
        }
    }

    /// Whether it was declared DEFERRABLE INITIALLY DEFERRED.
    pub fn is_initially_deferred(&self) -> bool {
        self.definition.mode == ConstraintMode::DeferrableInitiallyDeferred
    }

    /// Whether it was declared DEFERRABLE, either way.
    pub fn is_deferrable(&self) -> bool {
        self.definition.mode != ConstraintMode::NotDeferrable
    }

    /// The delete rule.
    pub fn delete_rule(&self) -> ReferentialAction {
        self.definition.on_delete
    }

    /// The update rule.
    pub fn update_rule(&self) -> ReferentialAction {
        self.definition.on_update
    }
}

impl ColumnEntry {
    /// The value of its DEFAULT for one row; NULL without one.
    pub fn default_value(&self) -> Value {
        match &self.computed_default {
            Some(computed) => computed.evaluate(&[][..]),
            None => self.default.clone(),
        }
    }
}

impl IndexEntry {
    /// Whether what the index holds depends on the column at this position.
    pub fn reads(&self, position: usize) -> bool {
        let mut computed = self.expressions.iter().map(|(expression, _)| expression);
        self.columns.iter().any(|(column, _)| *column == position)
            || computed.any(|expression| expression.columns().contains(&position))
            || self.filter.as_ref().is_some_and(|filter| filter.columns().contains(&position))
    }

    /// Whether it holds all rows, by columns: what a lookup can use.
    pub fn is_plain(&self) -> bool {
        self.filter.is_none() && self.expressions.is_empty()
    }

    /// Whether the column at this place of it is DESC.
    pub fn is_descending(&self, place: usize, table: &TableEntry) -> bool {
        match &self.kind {
            IndexKind::Created(index) => index.columns()[place].is_descending(),
            IndexKind::PrimaryKey => table
                .definition
                .primary_key_constraint()
                .is_some_and(|key| key.is_descending(place)),
            IndexKind::Unique => false,
        }
    }
}

impl TableEntry {
    /// What a row has where nothing is given: a default each, but none for the row id, which is then
    /// made up whatever its column says.
    pub fn defaults(&self) -> Vec<Value> {
        let default = |(position, column): (usize, &ColumnEntry)| match self.row_id_column {
            Some(row_id) if row_id == position => Value::Null,
            Some(_) | None => column.default_value(),
        };
        self.columns.iter().enumerate().map(default).collect()
    }

    /// The indexes, each with its position, in the order in which SQLite asks them: the newest first,
    /// and behind the others those that say REPLACE, so that nothing is replaced for a row that is
    /// refused or skipped.
    pub fn indexes_in_turn(&self) -> impl Iterator<Item = (usize, &IndexEntry)> + Clone {
        let replaces = |index: &IndexEntry| index.resolution == Some(Resolution::Replace);
        let newest = self.indexes.iter().enumerate().rev();
        let last = newest.clone().filter(move |(_, index)| replaces(index));
        newest.filter(move |(_, index)| !replaces(index)).chain(last)
    }

    /// The index of the primary key, unless that is the row id.
    pub fn primary_key_index(&self) -> Option<&IndexEntry> {
        self.indexes.iter().find(|index| matches!(index.kind, IndexKind::PrimaryKey))
    }

    /// These columns, and those that are computed from them.
    pub(crate) fn with_generated(&self, mut named: Vec<usize>) -> Vec<usize> {
        for (position, expression) in &self.generated {
            let reads = expression.columns().iter().any(|column| named.contains(column));
            if reads && !named.contains(position) {
                named.push(*position);
            }
        }
        named
    }

    /// Computes the columns that are to be computed.
    pub(crate) fn generate(&self, row: &mut [Value]) {
        for (position, expression) in &self.generated {
            let value = expression.evaluate(&*row);
            row[*position] = self.columns[*position].affinity.apply(value);
        }
    }

    /// The table's name, as written.
    pub fn name(&self) -> &str {
        self.definition.name()
    }

    /// The same, to be kept.
    pub(crate) fn shared_name(&self) -> Name {
        self.definition.name.clone()
    }

    /// The position of a column.
    ///
    /// # Errors
    /// [`Error::Name`] with the nearest name, if there is none.
    pub fn position(&self, column: &str) -> Result<usize, Error> {
        self.definition
            .position(column)
            .ok_or_else(|| self.missing_column(NameKind::Column, column))
    }

    /// The index of this id.
    pub(super) fn find_index(&self, id: IndexId) -> Option<&IndexEntry> {
        self.indexes.iter().find(|index| index.id == id)
    }

    /// The name of the column at a position.
    pub fn column_name(&self, position: usize) -> &str {
        &self.definition.columns()[position].name
    }

    /// The names of the columns at these positions.
    pub fn column_names(&self, positions: &[usize]) -> Vec<String> {
        positions.iter().map(|&position| self.column_name(position).to_owned()).collect()
    }

    pub(super) fn missing_column(&self, kind: NameKind, column: &str) -> Error {
        let names = self.definition.columns().iter().map(|column| column.name());
        NameError::missing(kind, column, Some(self.name()), names)
    }
}

/// The columns of a table, and the row id behind them if no column is it.
pub(super) struct WithRowId<'a>(pub(super) &'a Table);

impl Columns for WithRowId<'_> {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        self.0.resolve(name).or_else(|error| {
            let is_row_id =
                ["rowid", "oid", "_rowid_"].iter().any(|own| is_same(own, name.column()));
            if !is_row_id || self.0.without_row_id || name.table().is_some() {
                return Err(error);
            }
            let position = self.0.row_id_column().unwrap_or(self.0.columns.len());
            Ok(ColumnInfo::column(position, Affinity::Integer, Collation::Binary))
        })
    }
}

impl CheckEntry {
    /// Whether a row fails it.
    pub(crate) fn refuses(&self, row_id: RowId, values: &[Value]) -> bool {
        let truth = match self.reads_row_id {
            false => self.expression.truth(values),
            true => {
                let row_id = Value::Integer(row_id.0);
                let all: Vec<Value> = values.iter().cloned().chain([row_id]).collect();
                self.expression.truth(&*all)
            }
        };
        truth == Some(false)
    }
}

impl Columns for Table {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        let is_own = name.table().is_none_or(|table| table.eq_ignore_ascii_case(self.name()));
        let position = if is_own { self.position(name.column()) } else { None };
        let position = position.ok_or_else(|| BindError::UnknownColumn(name.clone()))?;
        let column = &self.columns()[position];
        Ok(ColumnInfo::column(position, column.affinity(), column.collation()))
    }
}
