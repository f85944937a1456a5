//! What there is: definitions with their names, and rows in lists.

use crate::catalog::{Column, ConstraintMode, ForeignKey, Index, ReferentialAction, Table};
use crate::expression::{BindError, Bound, ColumnInfo, ColumnName, Columns, Expression};
use crate::value::{Affinity, Collation, Value, equals};

use super::Refused;

/// The database at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// In the order of creation.
    pub(super) tables: Vec<TableState>,
    /// What the open transaction has to answer for, in the order in which it was found.
    pub(super) outstanding: Vec<Suspect>,
    next_identity: u64,
}

#[derive(Clone, Debug)]
pub(super) struct TableState {
    pub(super) name: String,
    pub(super) columns: Vec<ColumnState>,
    /// PRIMARY KEY and UNIQUE, in the order of the definition.
    pub(super) keys: Vec<KeyState>,
    pub(super) checks: Vec<CheckState>,
    pub(super) foreign_keys: Vec<ForeignState>,
    /// Secondary indexes, in the order of creation.
    pub(super) indexes: Vec<IndexState>,
    /// In no order.
    pub(super) rows: Vec<RowState>,
}

#[derive(Clone, Debug)]
pub(super) struct ColumnState {
    pub(super) name: String,
    pub(super) affinity: Affinity,
    pub(super) collation: Collation,
    pub(super) is_integer: bool,
    pub(super) not_null: bool,
    pub(super) default: Value,
}

#[derive(Clone, Debug)]
pub(super) struct KeyState {
    pub(super) primary: bool,
    /// Whether it was declared on a column.
    pub(super) on_column: bool,
    pub(super) columns: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct CheckState {
    pub(super) expression: Expression,
    pub(super) column: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct IndexState {
    pub(super) name: String,
    pub(super) columns: Vec<(String, Option<Collation>)>,
    pub(super) unique: bool,
    pub(super) filter: Option<Expression>,
}

#[derive(Clone, Debug)]
pub(super) struct ForeignState {
    /// Never used again.
    pub(super) identity: u64,
    pub(super) given_name: Option<String>,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) references: String,
    /// Empty: the primary key.
    pub(super) referenced: Vec<String>,
    pub(super) on_delete: ReferentialAction,
    pub(super) on_update: ReferentialAction,
    pub(super) is_deferred: bool,
    pub(super) is_on_column: bool,
}

#[derive(Clone, Debug)]
pub(super) struct RowState {
    /// Never used again, however the row id changes.
    pub(super) identity: u64,
    pub(super) row_id: i64,
    pub(super) values: Vec<Value>,
}

/// What may be wrong after a change.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Suspect {
    /// This row may find nothing.
    Row { foreign_key: u64, row: u64 },
    /// This key was left; each part with the affinity and collation it was compared by.
    Key { foreign_key: u64, key: Vec<Value>, comparison: Vec<(Affinity, Collation)> },
}

/// What a foreign key references, found now.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) table: usize,
    /// Positions, in the order of the foreign key.
    pub(super) columns: Vec<usize>,
    pub(super) comparison: Vec<(Affinity, Collation)>,
}

/// A key that no two rows may share.
pub(super) struct UniqueKey {
    pub(super) primary: bool,
    pub(super) is_row_id: bool,
    pub(super) columns: Vec<(usize, Collation)>,
    pub(super) filter: Option<Bound>,
}

impl State {
    pub(super) fn new_identity(&mut self) -> u64 {
        self.next_identity += 1;
        self.next_identity
    }

    pub(super) fn find_table(&self, name: &str) -> Result<usize, Refused> {
        let same = |table: &TableState| table.name.eq_ignore_ascii_case(name);
        self.tables.iter().position(same).ok_or(Refused::Name)
    }

    /// Row ids, ascending.
    pub(super) fn row_ids(&self, table: usize) -> Vec<i64> {
        let mut ids: Vec<_> = self.tables[table].rows.iter().map(|row| row.row_id).collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn find_row(&self, table: usize, row_id: i64) -> Option<&RowState> {
        self.tables[table].rows.iter().find(|row| row.row_id == row_id)
    }

    /// A row that is known to be there.
    pub(super) fn row(&self, table: usize, row_id: i64) -> &RowState {
        self.find_row(table, row_id).expect("the id was read from the table")
    }

    /// What a foreign key references, if that can be told: its table, and a primary key or whole
    /// unique key on exactly the columns named, each in its column's own collation.
    pub(super) fn resolve(&self, key: &ForeignState) -> Option<Target> {
        let table = self.find_table(&key.references).ok()?;
        let referenced = &self.tables[table];
        let names = match key.referenced.as_slice() {
            [] => referenced.primary_key()?.columns.clone(),
            names => names.to_vec(),
        };
        if names.len() != key.columns.len() {
            return None;
        }
        let columns: Vec<usize> =
            names.iter().map(|name| referenced.position(name)).collect::<Option<_>>()?;
        if !referenced.unique_keys().iter().any(|unique| unique.is_exactly(&columns, referenced)) {
            return None;
        }
        let own = |&at: &usize| (referenced.columns[at].affinity, referenced.columns[at].collation);
        let comparison = columns.iter().map(own).collect();
        Some(Target { table, columns, comparison })
    }

    /// Every foreign key that references a table, as (referencing table, position there, target):
    /// the newest first.
    pub(super) fn referencing(&self, table: usize) -> Vec<(usize, usize, Target)> {
        let mut found = Vec::new();
        for (at, other) in self.tables.iter().enumerate().rev() {
            for (position, key) in other.foreign_keys.iter().enumerate().rev() {
                if let Some(target) = self.resolve(key).filter(|target| target.table == table) {
                    found.push((at, position, target));
                }
            }
        }
        found
    }

    /// The table and the definition of a foreign key that still exists.
    pub(super) fn foreign_key(&self, identity: u64) -> Option<(usize, &ForeignState)> {
        self.tables.iter().enumerate().find_map(|(at, table)| {
            let found = table.foreign_keys.iter().find(|key| key.identity == identity);
            found.map(|key| (at, key))
        })
    }

    /// The ids of the rows of `table` whose columns reference this key, ascending.
    pub(super) fn rows_that_reference(
        &self,
        table: usize,
        columns: &[usize],
        key: &[Value],
        comparison: &[(Affinity, Collation)],
    ) -> Vec<i64> {
        let references = |row_id: &i64| {
            let values = &self.row(table, *row_id).values;
            columns.iter().zip(key).zip(comparison).all(|((&at, part), &(affinity, collation))| {
                equals(&affinity.apply(values[at].clone()), part, collation) == Some(true)
            })
        };
        self.row_ids(table).into_iter().filter(references).collect()
    }

    /// Whether some row of the target holds this key.
    pub(super) fn is_held(&self, target: &Target, key: &[Value]) -> bool {
        self.tables[target.table].rows.iter().any(|row| {
            let parts = target.columns.iter().zip(key).zip(&target.comparison);
            let mut parts =
                parts.map(|((&at, part), &(_, collation))| (&row.values[at], part, collation));
            parts.all(|(own, part, collation)| equals(own, part, collation) == Some(true))
        })
    }
}

impl TableState {
    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|other| other.name.eq_ignore_ascii_case(column))
    }

    pub(super) fn positions(&self, columns: &[String]) -> Vec<usize> {
        columns.iter().filter_map(|column| self.position(column)).collect()
    }

    pub(super) fn primary_key(&self) -> Option<&KeyState> {
        self.keys.iter().find(|key| key.primary)
    }

    /// The column that is the row id.
    pub(super) fn row_id_column(&self) -> Option<usize> {
        let [only] = self.primary_key()?.columns.as_slice() else { return None };
        self.position(only).filter(|&at| self.columns[at].is_integer)
    }

    pub(super) fn next_row_id(&self) -> i64 {
        self.rows.iter().map(|row| row.row_id).max().map_or(1, |id| id + 1)
    }

    /// The keys in the order in which SQLite looks for conflicts: the row id, then the newest first.
    pub(super) fn unique_keys(&self) -> Vec<UniqueKey> {
        let declared = self.keys.iter().map(|key| UniqueKey {
            primary: key.primary,
            is_row_id: key.primary && self.row_id_column().is_some(),
            columns: self
                .positions(&key.columns)
                .into_iter()
                .map(|at| (at, self.columns[at].collation))
                .collect(),
            filter: None,
        });
        let created = self.indexes.iter().filter(|index| index.unique).map(|index| UniqueKey {
            primary: false,
            is_row_id: false,
            columns: self.index_columns(index),
            filter: index.filter.as_ref().and_then(|filter| filter.bind(self).ok()),
        });
        let mut keys: Vec<_> = declared.chain(created).collect();
        keys.reverse();
        keys.sort_by_key(|key| !key.is_row_id);
        keys
    }

    pub(super) fn index_columns(&self, index: &IndexState) -> Vec<(usize, Collation)> {
        let columns = index.columns.iter();
        let column = |(name, collation): &(String, Option<Collation>)| {
            self.position(name).map(|at| (at, collation.unwrap_or(self.columns[at].collation)))
        };
        columns.filter_map(column).collect()
    }

    /// The position and verdict of each check over a row.
    pub(super) fn check_columns(&self, check: &CheckState) -> Vec<usize> {
        let names = check.expression.column_names();
        names.into_iter().filter_map(|name| self.position(name)).collect()
    }

    /// The name that a foreign key goes by, after those declared before it.
    pub(super) fn name_foreign_key(
        &self,
        given: Option<&str>,
        columns: &[String],
        before: &[ForeignState],
    ) -> String {
        if let Some(given) = given {
            return given.to_owned();
        }
        let base = format!("{}_{}_fkey", self.name, columns.join("_"));
        let is_taken =
            |name: &str| before.iter().any(|other| other.name.eq_ignore_ascii_case(name));
        let numbered = (1..).map(|number| format!("{base}{number}"));
        let mut candidates = std::iter::once(base.clone()).chain(numbered);
        candidates.find(|name| !is_taken(name)).expect("numbers do not run out")
    }
}

impl UniqueKey {
    fn is_exactly(&self, columns: &[usize], table: &TableState) -> bool {
        self.filter.is_none()
            && self.columns.len() == columns.len()
            && self.columns.iter().all(|(at, collation)| {
                columns.contains(at) && table.columns[*at].collation == *collation
            })
            && columns.iter().all(|column| self.columns.iter().any(|(at, _)| at == column))
    }

    pub(super) fn holds(&self, values: &[Value]) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.truth(values) == Some(true))
    }

    /// Whether two rows clash over this key.
    pub(super) fn clash(&self, a: &[Value], b: &[Value]) -> bool {
        let same = |&(at, collation): &(usize, Collation)| equals(&a[at], &b[at], collation);
        self.holds(a) && self.holds(b) && self.columns.iter().all(|part| same(part) == Some(true))
    }
}

impl Columns for TableState {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        let position = if name.table().is_none() { self.position(name.column()) } else { None };
        let position = position.ok_or_else(|| BindError::UnknownColumn(name.clone()))?;
        let ColumnState { affinity, collation, .. } = self.columns[position];
        Ok(ColumnInfo::column(position, affinity, collation))
    }
}

/// A scope without columns, for DEFAULT.
pub(super) struct Nothing;

impl Columns for Nothing {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        Err(BindError::UnknownColumn(name.clone()))
    }
}

impl From<&Column> for ColumnState {
    fn from(column: &Column) -> Self {
        let bound = column.default_expression().and_then(|default| default.bind(&Nothing).ok());
        ColumnState {
            name: column.name().to_owned(),
            affinity: column.affinity(),
            collation: column.collation(),
            is_integer: column.data_type() == crate::value::DataType::Integer,
            not_null: column.is_not_null(),
            default: bound.map_or(Value::Null, |default| default.evaluate(&[][..])),
        }
    }
}

impl From<&Index> for IndexState {
    fn from(index: &Index) -> Self {
        let columns = index.columns().iter();
        IndexState {
            name: index.name().to_owned(),
            columns: columns.map(|part| (part.name().to_owned(), part.collation())).collect(),
            unique: index.is_unique(),
            filter: index.predicate().cloned(),
        }
    }
}

/// A definition taken apart, still without rows and without names for its foreign keys.
pub(super) fn table_state(definition: &Table) -> TableState {
    let key = |key: &crate::catalog::KeyConstraint| KeyState {
        primary: key.is_primary(),
        on_column: key.is_on_column(),
        columns: key.columns().iter().map(String::from).collect(),
    };
    let check = |check: &crate::catalog::Check| CheckState {
        expression: check.expression().clone(),
        column: check.column().map(str::to_owned),
    };
    TableState {
        name: definition.name().to_owned(),
        columns: definition.columns().iter().map(ColumnState::from).collect(),
        keys: definition.keys().iter().map(key).collect(),
        checks: definition.checks().iter().map(check).collect(),
        foreign_keys: definition.foreign_keys().map(foreign_state).collect(),
        indexes: Vec::new(),
        rows: Vec::new(),
    }
}

fn foreign_state(key: &ForeignKey) -> ForeignState {
    ForeignState {
        identity: 0,
        given_name: key.name().map(str::to_owned),
        name: String::new(),
        columns: key.columns().iter().map(String::from).collect(),
        references: key.references().to_owned(),
        referenced: key.referenced_columns().iter().map(String::from).collect(),
        on_delete: key.delete_rule(),
        on_update: key.update_rule(),
        is_deferred: key.constraint_mode() == ConstraintMode::DeferrableInitiallyDeferred,
        is_on_column: key.is_on_column(),
    }
}
