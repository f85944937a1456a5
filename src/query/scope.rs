//! The names that the expressions of one SELECT can use, and the slots they become.
//!
//! A name is looked for among the sources, then among the aliases of the result columns, then in the
//! scope that this one stands in. What is found is noted as read there: by that it is known what a
//! subquery depends on.

use super::aggregate::{Aggregate, Function};
use super::bind::{Binder, With};
use super::plan::{Counter, ScopePlan, Slot, SubqueryPlan};
use super::select::Select;
use crate::catalog::{Name, TableEntry};
use crate::error::{Error, QueryError, Result};
use crate::expression::{
    BindError, Bound, Call, ColumnInfo, ColumnName, Columns, Expression, Subquery, SubqueryUse,
    is_aggregate,
};
use crate::value::{Affinity, Collation};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// A source as names see it.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceNames {
    pub(super) name: Option<String>,
    /// The schema of a table or view.
    pub(super) schema: Option<Name>,
    pub(super) columns: Vec<NamedColumn>,
    /// Whether its columns can only be named together with it.
    pub(super) is_qualified: bool,
    /// What the row id is called, if the source has one.
    pub(super) row_id: Option<String>,
    /// Whether the row id may be named as such: not that of a table without row ids.
    pub(super) shows_row_id: bool,
}

#[derive(Clone, Debug)]
pub(super) struct NamedColumn {
    pub(super) name: String,
    /// Of a join in parentheses: the source within that it belongs to.
    pub(super) table: Option<String>,
    pub(super) affinity: Option<Affinity>,
    pub(super) collation: Option<Collation>,
    /// Whether a join has made it one with the column of this name of a source before.
    pub(super) is_joined: bool,
    /// The column of a source behind it that stands for it where it is NULL: a RIGHT or FULL JOIN has
    /// made them one.
    pub(super) fallback: Option<(usize, usize)>,
}

impl NamedColumn {
    pub(super) fn new(
        name: impl Into<String>,
        affinity: Option<Affinity>,
        collation: Collation,
    ) -> Self {
        NamedColumn {
            name: name.into(),
            table: None,
            affinity,
            collation: Some(collation),
            is_joined: false,
            fallback: None,
        }
    }

    /// Leaves the values alone.
    pub(super) fn forget_type(&mut self) {
        (self.affinity, self.collation) = (None, None);
    }

    fn info(&self, position: usize) -> ColumnInfo {
        let (affinity, collation) = (self.affinity, self.collation);
        ColumnInfo { position, affinity, collation, is_explicit: false }
    }
}

impl SourceNames {
    pub(super) fn of_table(table: &TableEntry, name: &str) -> Self {
        let columns = table.definition.columns().iter().zip(&table.columns);
        let columns = columns.map(|(definition, column)| {
            NamedColumn::new(definition.name(), Some(column.affinity), column.collation)
        });
        let mut columns: Vec<NamedColumn> = columns.collect();
        if let Some(row_id) = table.row_id_column {
            // It is a number, and leaves to others how texts compare.
            columns[row_id].collation = None;
        }
        let row_id = table.row_id_column.map_or("rowid", |column| table.column_name(column));
        let (name, row_id) = (Some(name.to_owned()), Some(row_id.to_owned()));
        let shows_row_id = !table.definition.is_without_row_id();
        SourceNames { name, schema: None, columns, is_qualified: false, row_id, shows_row_id }
    }

    /// The same in a schema.
    pub(super) fn within(self, schema: &str) -> Self {
        SourceNames { schema: Some(schema.into()), ..self }
    }

    /// Whether a column's name may be that of one of its own, as far as table and schema go.
    fn goes_by(&self, name: &ColumnName) -> bool {
        let is_own = |own: Option<&str>, name: Option<&str>| {
            name.is_none_or(|name| own.is_some_and(|own| own.eq_ignore_ascii_case(name)))
        };
        match name.table() {
            None => !self.is_qualified,
            Some(table) => {
                is_own(self.name.as_deref(), Some(table))
                    && is_own(self.schema.as_deref(), name.schema())
            }
        }
    }

    /// Whether one of its columns may be named so, together with a source or by itself.
    fn shows(&self, column: &NamedColumn, name: &ColumnName) -> bool {
        match (name.table(), &column.table) {
            (Some(name), Some(table)) => table.eq_ignore_ascii_case(name),
            _ => self.goes_by(name),
        }
    }

    /// What a column of it is named together with.
    pub(super) fn name_of<'a>(&'a self, column: &'a NamedColumn) -> Option<&'a str> {
        column.table.as_deref().or(self.name.as_deref())
    }

    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|own| own.name.eq_ignore_ascii_case(column))
    }
}

/// Where in a SELECT an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where each row of the sources is asked: aliases are known.
    Rows,
    /// In the list of result columns: aggregates are known.
    Columns,
    /// In HAVING or ORDER BY: both are known.
    Groups,
    /// Within an aggregate.
    Aggregate,
}

/// The scope of one SELECT while it is bound.
pub(super) struct ScopeNames<'a> {
    pub(super) binder: &'a Binder<'a>,
    pub(super) parent: Option<&'a ScopeNames<'a>>,
    pub(super) sources: RefCell<Vec<SourceNames>>,
    /// The queries of WITH that can be named here.
    with: Option<&'a With<'a>>,
    /// The aliases of result columns, and their positions.
    pub(super) aliases: RefCell<Vec<(String, usize)>>,
    /// The first source, if it is a table.
    pub(super) first_table: RefCell<Option<Arc<TableEntry>>>,
    pub(super) place: Cell<Place>,
    pub(super) plan: RefCell<ScopePlan>,
    pub(super) aggregates: RefCell<Vec<Aggregate>>,
    /// The slots that have been used by scopes within this one.
    read: RefCell<Vec<usize>>,
    /// Subqueries that are bound already, by where they lie.
    bound: RefCell<Vec<(*const (), SubqueryUse, usize)>>,
    /// Whether an own column, and a column from outside, was named.
    named: Cell<(bool, bool)>,
}

impl<'a> ScopeNames<'a> {
    pub(super) fn new(
        binder: &'a Binder<'a>,
        parent: Option<&'a ScopeNames<'a>>,
        with: Option<&'a With<'a>>,
    ) -> Self {
        ScopeNames {
            binder,
            parent,
            with,
            first_table: RefCell::default(),
            sources: RefCell::default(),
            aliases: RefCell::default(),
            place: Cell::new(Place::Rows),
            plan: RefCell::default(),
            aggregates: RefCell::default(),
            read: RefCell::default(),
            bound: RefCell::default(),
            named: Cell::default(),
        }
    }

    /// Binds an expression that stands at a place.
    pub(super) fn bind(&self, expression: &Expression, place: Place) -> Result<Bound> {
        self.place.set(place);
        expression.bind(self).map_err(|error| self.error(error))
    }

    /// Binds a condition that is asked at every row, or a side of one. What is the same at all of them
    /// is computed once.
    pub(super) fn bind_condition(&self, condition: &Expression) -> Result<Bound> {
        let mut bound = self.bind(condition, Place::Rows)?;
        let is_constant = |slot: usize| match self.plan.borrow().slots[slot] {
            Slot::Parameter(_) | Slot::Outer(_) => true,
            Slot::Column { .. }
            | Slot::RowId { .. }
            | Slot::Constant(_)
            | Slot::Aggregate(_)
            | Slot::Result(_)
            | Slot::Value { .. }
            | Slot::Exists(_)
            | Slot::Set(_)
            | Slot::Either(..)
            | Slot::Counter(_) => false,
        };
        bound.hoist(&is_constant, &mut |constant| self.slot_of_constant(constant));
        Ok(bound)
    }

    /// The position of a constant's slot, which there is once.
    fn slot_of_constant(&self, constant: Bound) -> usize {
        let mut plan = self.plan.borrow_mut();
        let known = plan.constants.iter().position(|known| *known == constant);
        let at = known.unwrap_or_else(|| {
            plan.constants.push(constant);
            plan.constants.len() - 1
        });
        drop(plan);
        self.slot(Slot::Constant(at))
    }

    /// What binding something within this scope has read of it.
    pub(super) fn reads_of<T>(&self, bind: impl FnOnce() -> Result<T>) -> Result<(T, Vec<usize>)> {
        let before = self.read.take();
        let place = self.place.get();
        let bound = bind();
        self.place.set(place);
        let mut reads = self.read.replace(before);
        reads.sort_unstable();
        reads.dedup();
        self.read.borrow_mut().extend(&reads);
        Ok((bound?, reads))
    }

    fn error(&self, error: BindError) -> Error {
        let query_error = match error {
            BindError::Refused(error) => return *error,
            BindError::UnknownColumn(name) => {
                let sources = self.sources.borrow();
                let columns = sources.iter().flat_map(|source| &source.columns);
                let names = columns.map(|column| column.name.as_str());
                QueryError::unknown_column(name.dotted(), name.column(), names)
            }
            BindError::AmbiguousColumn(name) => QueryError::AmbiguousColumn { name: name.dotted() },
            BindError::UnknownFunction(function) => QueryError::UnknownFunction { function },
            BindError::ArgumentCount { function, expected, found } => {
                QueryError::ArgumentCount { function, expected, found }
            }
            BindError::MisusedAggregate(function) => {
                QueryError::MisusedAggregate { function, is_outer: false }
            }
            BindError::MisusedOuterAggregate(function) => {
                QueryError::MisusedAggregate { function, is_outer: true }
            }
            BindError::NoAggregate(function) => QueryError::NoAggregate { function },
            BindError::MisusedRow => QueryError::MisusedRow,
            BindError::SubqueryWidth { expected, found } => {
                QueryError::SubqueryWidth { expected, found }
            }
            BindError::Unsupported(what) => QueryError::Unsupported { what: what.to_owned() },
            BindError::TooDeep => QueryError::TooDeep,
        };
        query_error.into()
    }

    /// The position of a slot, which there is once.
    fn slot(&self, slot: Slot) -> usize {
        let slots = &mut self.plan.borrow_mut().slots;
        slots.iter().position(|known| *known == slot).unwrap_or_else(|| {
            slots.push(slot);
            slots.len() - 1
        })
    }

    fn find_column(&self, name: &ColumnName) -> Result<Option<ColumnInfo>, BindError> {
        let sources = self.sources.borrow();
        let mut found: Option<ColumnInfo> = None;
        for (at, source) in sources.iter().enumerate() {
            for (position, column) in source.columns.iter().enumerate() {
                let is_meant = column.name.eq_ignore_ascii_case(name.column())
                    && source.shows(column, name)
                    && !(column.is_joined && name.table().is_none());
                if !is_meant {
                    continue;
                }
                if found.is_some() {
                    return Err(BindError::AmbiguousColumn(name.clone()));
                }
                found = Some(match name.table() {
                    None => self.merged_column(&sources, at, position),
                    Some(_) => {
                        column.info(self.slot(Slot::Column { source: at, column: position }))
                    }
                });
            }
        }
        let is_hidden = name.column() == HIDDEN_ROW_ID;
        if found.is_some() || !(is_hidden || is_row_id(name.column())) {
            return Ok(found);
        }
        let has_it = |source: &SourceNames| {
            source.goes_by(name) && source.row_id.is_some() && (is_hidden || source.shows_row_id)
        };
        let mut having = (0..sources.len()).filter(|&at| has_it(&sources[at]));
        let row_id = |source: usize| {
            let position = self.slot(Slot::RowId { source });
            ColumnInfo::column(position, Affinity::Integer, Collation::Binary)
        };
        Ok(match (having.next(), having.next_back()) {
            // What is updated stands behind all that is joined to it, whatever that is called.
            (Some(_), Some(last)) if is_hidden => Some(row_id(last)),
            (Some(only), None) => Some(row_id(only)),
            (Some(_), Some(_)) | (None, _) => None,
        })
    }

    fn find_alias(&self, name: &ColumnName) -> Result<Option<ColumnInfo>, BindError> {
        let place = self.place.get();
        let Some(at) = self.position_of_alias(name).filter(|_| place != Place::Columns) else {
            return Ok(None);
        };
        let bound = self.plan.borrow().results[at].clone();
        if place != Place::Groups && self.has_aggregate(&bound) {
            let alias = name.column().to_owned();
            let misused = QueryError::MisusedAlias { alias };
            return Err(BindError::Refused(Box::new(misused.into())));
        }
        let position = self.slot(Slot::Result(at));
        Ok(Some(ColumnInfo {
            position,
            affinity: bound.affinity(),
            collation: bound.collation(),
            is_explicit: bound.has_explicit_collation(),
        }))
    }

    /// The result column that has this alias.
    fn position_of_alias(&self, name: &ColumnName) -> Option<usize> {
        if name.table().is_some() {
            return None;
        }
        let aliases = self.aliases.borrow();
        let is_meant = |(alias, _): &&(String, usize)| alias.eq_ignore_ascii_case(name.column());
        aliases.iter().find(is_meant).map(|(_, position)| *position)
    }

    /// The result column that ORDER BY means by a name.
    pub(super) fn find_result(&self, expression: &Expression) -> Option<usize> {
        self.position_of_alias(expression.as_column()?)
    }

    /// Whether the value depends on an aggregate.
    pub(super) fn has_aggregate(&self, bound: &Bound) -> bool {
        let plan = self.plan.borrow();
        let depends = |slot: usize| matches!(plan.slots[slot], Slot::Aggregate(_));
        bound.columns().into_iter().any(|slot| match plan.slots[slot] {
            Slot::Result(result) => plan.results[result].columns().into_iter().any(depends),
            _ => depends(slot),
        })
    }

    /// A column of a source, or what stands for it where it is NULL.
    pub(super) fn merged_column(
        &self,
        sources: &[SourceNames],
        source: usize,
        column: usize,
    ) -> ColumnInfo {
        let named = &sources[source].columns[column];
        let own = self.slot(Slot::Column { source, column });
        match named.fallback {
            None => named.info(own),
            Some((source, column)) => {
                let fallback = self.merged_column(sources, source, column).position;
                named.info(self.slot(Slot::Either(own, fallback)))
            }
        }
    }

    /// A column of a source, by position.
    pub(super) fn column_of(&self, source: usize, column: usize) -> ColumnInfo {
        let position = self.slot(Slot::Column { source, column });
        let sources = self.sources.borrow();
        sources[source].columns[column].info(position)
    }

    /// What a result column is called that is nothing but a column.
    pub(super) fn column_name(&self, expression: &Expression, bound: &Bound) -> Option<String> {
        expression.as_column()?;
        self.name_of(bound.as_column()?)
    }

    fn name_of(&self, slot: usize) -> Option<String> {
        let slot = self.plan.borrow().slots[slot];
        let sources = self.sources.borrow();
        match slot {
            Slot::Column { source, column } => Some(sources[source].columns[column].name.clone()),
            Slot::RowId { source } => sources[source].row_id.clone(),
            Slot::Outer(slot) => self.parent?.name_of(slot),
            Slot::Either(slot, _) => {
                drop(sources);
                self.name_of(slot)
            }
            _ => None,
        }
    }

    /// A column as a scope within this one sees it.
    fn lend(&self, found: ColumnInfo) -> usize {
        self.read.borrow_mut().push(found.position);
        found.position
    }

    fn borrow_of(&self, found: ColumnInfo, parent: &ScopeNames<'_>) -> ColumnInfo {
        let position = self.slot(Slot::Outer(parent.lend(found)));
        ColumnInfo { position, ..found }
    }

    /// Binds an aggregate, or finds the one that is written alike.
    fn aggregate(&self, call: &Call, function: Function) -> Result<ColumnInfo, BindError> {
        let place = self.place.get();
        let known = self.aggregates.borrow().iter().position(|known| known.call == *call);
        if let (Some(at), Place::Columns | Place::Groups) = (known, place) {
            return Ok(self.aggregate_info(at));
        }
        let named = self.named.replace((false, false));
        self.place.set(Place::Aggregate);
        let bind = |expression: &Expression| expression.bind(self);
        let arguments = call.arguments().iter().map(bind).collect::<Result<Vec<_>, _>>();
        let filter = call.filter_given().map(bind).transpose();
        let of_outside = self.named.replace(named) == (false, true);
        let (arguments, filter) = (arguments?, filter?);
        self.place.set(place);
        if matches!(place, Place::Rows | Place::Aggregate) {
            return Err(BindError::MisusedAggregate(call.name().to_owned()));
        }
        if let (true, Some(parent)) = (of_outside, self.parent) {
            // It has nothing to do with the rows here, so it is one of the enclosing query.
            let found = parent.call(call).map_err(of_enclosing)?;
            let found =
                found.ok_or_else(|| BindError::MisusedOuterAggregate(call.name().to_owned()))?;
            return Ok(self.borrow_of(found, parent));
        }
        if call.is_distinct() && arguments.len() != 1 {
            return Err(BindError::Refused(Box::new(QueryError::DistinctArguments.into())));
        }
        let mut aggregates = self.aggregates.borrow_mut();
        aggregates.push(Aggregate { call: call.clone(), function, arguments, filter });
        let at = aggregates.len() - 1;
        drop(aggregates);
        Ok(self.aggregate_info(at))
    }

    /// A COLLATE in an argument counts outside, too.
    fn aggregate_info(&self, at: usize) -> ColumnInfo {
        let computed = ColumnInfo::computed(self.slot(Slot::Aggregate(at)));
        let aggregates = self.aggregates.borrow();
        let explicit = aggregates[at].arguments.iter().find(|it| it.has_explicit_collation());
        match explicit {
            None => computed,
            Some(argument) => {
                ColumnInfo { collation: argument.collation(), is_explicit: true, ..computed }
            }
        }
    }

    /// Binds a subquery, or finds it if it is bound already.
    fn bind_subquery(&self, select: &Select, wanted: SubqueryUse) -> Result<usize> {
        let address = std::ptr::from_ref(select).cast::<()>();
        let is_same =
            |known: &&(*const (), SubqueryUse, usize)| (known.0, known.1) == (address, wanted);
        if let Some((.., number)) = self.bound.borrow().iter().find(is_same) {
            return Ok(*number);
        }
        let (mut plan, reads) =
            self.reads_of(|| self.binder.bind_select(select, Some(self), self.with))?;
        if let SubqueryUse::Values(_) = wanted {
            plan.is_for_first |= plan.limit.is_none();
        }
        let subquery = SubqueryPlan {
            plan: Arc::new(plan),
            wanted,
            cache: self.binder.new_result_cache(),
            reads,
        };
        let subqueries = &mut self.plan.borrow_mut().subqueries;
        subqueries.push(subquery);
        self.bound.borrow_mut().push((address, wanted, subqueries.len() - 1));
        Ok(subqueries.len() - 1)
    }

    fn width_of(&self, subquery: usize) -> usize {
        self.plan.borrow().subqueries[subquery].plan.columns.len()
    }
}

/// What is wrong with an aggregate, as the query says it in which it is written.
fn of_enclosing(error: BindError) -> BindError {
    match error {
        BindError::MisusedAggregate(name) => BindError::MisusedOuterAggregate(name),
        other => other,
    }
}

/// What the row id is called where it need not be one that the user may name. No text of SQL can say it.
pub const HIDDEN_ROW_ID: &str = "\0rowid";

fn is_row_id(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Columns for ScopeNames<'_> {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        let (own, outside) = self.named.get();
        if let Some(found) = self.find_column(name)? {
            self.named.set((true, outside));
            return Ok(found);
        }
        if let Some(found) = self.find_alias(name)? {
            self.named.set((true, outside));
            return Ok(found);
        }
        let Some(parent) = self.parent else {
            return Err(BindError::UnknownColumn(name.clone()));
        };
        let found = parent.resolve(name)?;
        self.named.set((own, true));
        Ok(self.borrow_of(found, parent))
    }

    fn parameter(&self, number: usize) -> Result<ColumnInfo, BindError> {
        match number.checked_sub(1) {
            Some(number) => Ok(ColumnInfo::computed(self.slot(Slot::Parameter(number)))),
            None => Err(BindError::Unsupported("the parameter ?0")),
        }
    }

    fn subquery(
        &self,
        subquery: &dyn Subquery,
        wanted: SubqueryUse,
    ) -> Result<Vec<ColumnInfo>, BindError> {
        let Some(select) = (subquery as &dyn Any).downcast_ref::<Select>() else {
            return Err(BindError::Unsupported("a subquery that is no SELECT"));
        };
        let refused = |error| BindError::Refused(Box::new(error));
        let number = self.bind_subquery(select, wanted).map_err(refused)?;
        let found = self.width_of(number);
        let expected = match wanted {
            SubqueryUse::Exists => {
                return Ok(vec![ColumnInfo::computed(self.slot(Slot::Exists(number)))]);
            }
            SubqueryUse::Values(expected) | SubqueryUse::Membership(expected) => expected,
        };
        if found != expected {
            return Err(BindError::SubqueryWidth { expected, found });
        }
        let slot = |column: usize| match wanted {
            SubqueryUse::Membership(_) => Slot::Set(number),
            SubqueryUse::Values(_) | SubqueryUse::Exists => {
                Slot::Value { subquery: number, column }
            }
        };
        let positions: Vec<usize> = (0..expected).map(|column| self.slot(slot(column))).collect();
        let plan = self.plan.borrow();
        let columns = &plan.subqueries[number].plan.values;
        let info = |(position, column): (usize, &super::plan::OutColumn)| ColumnInfo {
            position,
            affinity: column.affinity,
            collation: column.collation,
            is_explicit: column.is_explicit,
        };
        Ok(positions.into_iter().zip(columns).map(info).collect())
    }

    fn call(&self, call: &Call) -> Result<Option<ColumnInfo>, BindError> {
        let count = call.arguments().len();
        if is_aggregate(call.name(), count)
            && let Some(function) = Function::by_name(call.name())
            && (!call.is_star() || function == Function::Count)
        {
            return self.aggregate(call, function).map(Some);
        }
        let counter = match call.name().to_ascii_lowercase().as_str() {
            "changes" => Counter::Changes,
            "total_changes" => Counter::TotalChanges,
            "last_insert_rowid" => Counter::LastInsertRowId,
            _ => return Ok(None),
        };
        match count {
            0 => Ok(Some(ColumnInfo::computed(self.slot(Slot::Counter(counter))))),
            found => Err(BindError::ArgumentCount {
                function: call.name().to_owned(),
                expected: "0".to_owned(),
                found,
            }),
        }
    }
}
