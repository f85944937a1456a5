//! What can be said of a statement before it runs: names, shapes, the rows it is about, and whether
//! its foreign keys can be resolved.

use super::state::{ForeignState, State, TableState, UniqueKey};
use super::{Refused, Rules};
use crate::catalog::ReferentialAction;
use crate::database::{Insert, OnConflict, RowValues, Selector, Statement, Update, Upsert};
use crate::expression::{BindError, Bound, ColumnInfo, ColumnName, Columns, Expression};
use crate::value::{Value, equals};
use std::collections::BTreeSet;

/// A statement ready to run.
pub(super) enum Ready {
    Insert { table: usize, rows: Vec<Vec<Value>>, clause: Clause },
    Update { table: usize, rows: Vec<i64>, assignments: Assignments, clause: Clause },
    Delete { table: usize, rows: Vec<i64> },
}

/// Positions and what they are assigned.
pub(super) type Assignments = Vec<(usize, Bound)>;

/// What a row does whose key is taken.
#[derive(Clone)]
pub(super) enum Clause {
    Abort,
    Ignore,
    Replace,
    /// An upsert, for a conflict over the unique key at this position (`None`: any).
    DoNothing(Option<usize>),
    DoUpdate(Option<usize>, Assignments, Option<Bound>),
}

pub(super) fn prepare(
    state: &State,
    rules: Rules,
    statement: &Statement,
) -> Result<Ready, Refused> {
    let table = state.find_table(statement.table())?;
    match statement {
        Statement::Insert(insert) => prepare_insert(state, rules, table, insert),
        Statement::Update(update) => prepare_update(state, rules, table, update),
        Statement::Delete(delete) => {
            let rows = select(state, table, &delete.selector)?;
            Needs::new(state, rules).check(Change::Delete(table))?;
            Ok(Ready::Delete { table, rows })
        }
    }
}

fn prepare_insert(
    state: &State,
    rules: Rules,
    table: usize,
    insert: &Insert,
) -> Result<Ready, Refused> {
    let definition = &state.tables[table];
    let clause = clause(definition, &insert.on_conflict)?;
    let rows = insert.rows.iter().map(|row| values(definition, row));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    // SQLite compiles what a conflict leads to only where a key can be taken at all.
    let keys = definition.unique_keys();
    let row_id = definition.row_id_column();
    let gives_row_id = insert.rows.iter().any(|row| match row {
        RowValues::Positional(_) => row_id.is_some(),
        RowValues::Named(named) => {
            row_id.is_some() && named.iter().any(|(name, _)| definition.position(name) == row_id)
        }
    });
    let may_clash = gives_row_id || keys.iter().any(|key| !key.is_row_id);
    let mut needs = Needs::new(state, rules);
    let mut is_single = rows.len() < 2;
    if let Clause::DoUpdate(target, assignments, _) = &clause
        && target.map_or(may_clash, |target| !keys[target].is_row_id || gives_row_id)
    {
        let change = Change::Update(table, assigned(assignments));
        is_single &= needs.concerned(&change).is_empty();
        needs.check(change)?;
    }
    if matches!(clause, Clause::Replace) && may_clash {
        is_single = false;
        needs.check(Change::Delete(table))?;
    }
    needs.check(Change::Insert { table, is_single })?;
    Ok(Ready::Insert { table, rows, clause })
}

fn prepare_update(
    state: &State,
    rules: Rules,
    table: usize,
    update: &Update,
) -> Result<Ready, Refused> {
    let definition = &state.tables[table];
    let assignments = bind_assignments(definition, &update.assignments, definition)?;
    let clause = clause(definition, &update.on_conflict)?;
    let rows = select(state, table, &update.selector)?;
    let mut needs = Needs::new(state, rules);
    let named = assigned(&assignments);
    if matches!(clause, Clause::Replace) && needs.tests_a_unique_key(table, &named) {
        needs.check(Change::Delete(table))?;
    }
    needs.check(Change::Update(table, named))?;
    Ok(Ready::Update { table, rows, assignments, clause })
}

pub(super) fn assigned(assignments: &Assignments) -> Vec<usize> {
    assignments.iter().map(|(position, _)| *position).collect()
}

fn values(table: &TableState, row: &RowValues) -> Result<Vec<Value>, Refused> {
    match row {
        RowValues::Positional(values) if values.len() != table.columns.len() => Err(Refused::Input),
        RowValues::Positional(values) => Ok(values.clone()),
        RowValues::Named(named) => {
            let mut given = vec![None; table.columns.len()];
            for (name, value) in named {
                let position = table.position(name).ok_or(Refused::Name)?;
                if given[position].replace(value.clone()).is_some() {
                    return Err(Refused::Input);
                }
            }
            let values = given.into_iter().zip(&table.columns);
            Ok(values.map(|(value, column)| value.unwrap_or(column.default.clone())).collect())
        }
    }
}

fn bind_assignments(
    table: &TableState,
    list: &[(String, Expression)],
    scope: &dyn Columns,
) -> Result<Assignments, Refused> {
    if list.is_empty() {
        return Err(Refused::Input);
    }
    let mut assignments = Assignments::new();
    for (column, value) in list {
        let position = table.position(column).ok_or(Refused::Name)?;
        if assignments.iter().any(|(other, _)| *other == position) {
            return Err(Refused::Input);
        }
        assignments.push((position, bind(value, scope)?));
    }
    Ok(assignments)
}

fn bind(expression: &Expression, scope: &dyn Columns) -> Result<Bound, Refused> {
    expression.bind(scope).map_err(|error| match error {
        BindError::UnknownColumn(_) => Refused::Name,
        _ => Refused::Input,
    })
}

fn clause(table: &TableState, on_conflict: &OnConflict) -> Result<Clause, Refused> {
    match on_conflict {
        OnConflict::Abort => Ok(Clause::Abort),
        OnConflict::Ignore => Ok(Clause::Ignore),
        OnConflict::Replace => Ok(Clause::Replace),
        OnConflict::Upsert(upsert) => upsert_clause(table, upsert),
    }
}

fn upsert_clause(table: &TableState, upsert: &Upsert) -> Result<Clause, Refused> {
    let target = match upsert.target.as_slice() {
        [] => None,
        names => Some(conflict_target(table, names)?),
    };
    if upsert.assignments.is_empty() {
        return Ok(Clause::DoNothing(target));
    }
    let scope = WithExcluded(table);
    let assignments = bind_assignments(table, &upsert.assignments, &scope)?;
    let filter = upsert.filter.as_ref().map(|filter| bind(filter, &scope)).transpose()?;
    Ok(Clause::DoUpdate(target, assignments, filter))
}

/// The position of the whole unique key on exactly these columns: the row id, else the oldest.
fn conflict_target(table: &TableState, names: &[String]) -> Result<usize, Refused> {
    let positions = names.iter().map(|name| table.position(name).ok_or(Refused::Name));
    let wanted = positions.collect::<Result<BTreeSet<_>, _>>()?;
    let keys = table.unique_keys();
    let columns = |key: &UniqueKey| key.columns.iter().map(|(at, _)| *at).collect::<BTreeSet<_>>();
    let fits = |key: &UniqueKey| key.filter.is_none() && columns(key) == wanted;
    let row_id = keys.first().filter(|key| key.is_row_id);
    if row_id.is_some_and(&fits) {
        return Ok(0);
    }
    // SQLite does not find a wider key over the row id's column.
    let holds_row_id = row_id.is_some_and(|key| columns(key).is_subset(&wanted));
    keys.iter().rposition(|key| fits(key) && !holds_row_id).ok_or(Refused::Name)
}

/// The row in the way, and behind it the one that is not inserted.
struct WithExcluded<'a>(&'a TableState);

impl Columns for WithExcluded<'_> {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        if !name.table().is_some_and(|table| table.eq_ignore_ascii_case("excluded")) {
            return self.0.resolve(name);
        }
        let found = self.0.resolve(&name.with_table(None))?;
        Ok(ColumnInfo { position: found.position + self.0.columns.len(), ..found })
    }
}

/// Whether a row, by id and values, is selected.
type RowTest<'a> = Box<dyn Fn(i64, &[Value]) -> bool + 'a>;

/// The ids of the rows selected, ascending.
fn select(state: &State, table: usize, selector: &Selector) -> Result<Vec<i64>, Refused> {
    let definition = &state.tables[table];
    let fits: RowTest<'_> = match selector {
        Selector::All => Box::new(|_, _| true),
        Selector::RowId(wanted) => Box::new(move |row_id, _| row_id == wanted.0),
        Selector::Key(key) => {
            let columns = &definition.primary_key().ok_or(Refused::Input)?.columns;
            if key.len() != columns.len() {
                return Err(Refused::Input);
            }
            let positions = definition.positions(columns);
            Box::new(move |_, values| {
                positions.iter().zip(key.iter()).all(|(&at, part)| {
                    let column = &definition.columns[at];
                    let part = column.affinity.apply(part.clone());
                    equals(&values[at], &part, column.collation) == Some(true)
                })
            })
        }
        Selector::Filter(predicate) => {
            let predicate = bind(predicate, definition)?;
            Box::new(move |_, values| predicate.truth(values) == Some(true))
        }
    };
    let mut ids = state.row_ids(table);
    ids.retain(|&id| fits(id, &state.row(table, id).values));
    Ok(ids)
}

/// A statement, or an action as one, as far as its foreign keys are concerned.
#[derive(Clone, PartialEq)]
pub(super) enum Change {
    Insert {
        table: usize,
        is_single: bool,
    },
    /// The columns it names.
    Update(usize, Vec<usize>),
    Delete(usize),
}

/// Asks whether the foreign keys that a statement and its actions need can be resolved.
pub(super) struct Needs<'a> {
    state: &'a State,
    rules: Rules,
    seen: Vec<Change>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(state: &'a State, rules: Rules) -> Self {
        Needs { state, rules, seen: Vec::new() }
    }

    pub(super) fn check(&mut self, change: Change) -> Result<(), Refused> {
        if !self.rules.enforces || self.seen.contains(&change) {
            return Ok(());
        }
        self.seen.push(change.clone());
        for (child, key) in self.concerned(&change) {
            let is_own = child == change.table();
            let is_parent = self.state.find_table(&key.references) == Ok(change.table());
            let is_needed = (is_own && self.needs_own(&change, key))
                || (is_parent && self.needs_referencing(&change, key));
            if is_needed && self.state.resolve(key).is_none() {
                return Err(Refused::Schema);
            }
        }
        self.check_actions(&change)
    }

    /// The actions that a change can start.
    pub(super) fn check_actions(&mut self, change: &Change) -> Result<(), Refused> {
        let state = self.state;
        for (child, position, target) in state.referencing(change.table()) {
            let key = &state.tables[child].foreign_keys[position];
            let rule = match change {
                Change::Insert { .. } => continue,
                Change::Delete(_) => key.on_delete,
                Change::Update(_, named) if target.columns.iter().any(|at| named.contains(at)) => {
                    key.on_update
                }
                Change::Update(..) => continue,
            };
            let is_delete = matches!(change, Change::Delete(_));
            match rule {
                ReferentialAction::NoAction | ReferentialAction::Restrict => {}
                ReferentialAction::Cascade if is_delete => self.check(Change::Delete(child))?,
                ReferentialAction::Cascade
                | ReferentialAction::SetNull
                | ReferentialAction::SetDefault => {
                    let named = state.tables[child].positions(&key.columns);
                    self.check(Change::Update(child, named))?;
                }
            }
        }
        Ok(())
    }

    /// Every foreign key on either side of the table, with the table that holds it.
    fn concerned(&self, change: &Change) -> Vec<(usize, &'a ForeignState)> {
        let table = change.table();
        let all = self.state.tables.iter().enumerate();
        let all = all.flat_map(|(at, state)| state.foreign_keys.iter().map(move |key| (at, key)));
        let name = &self.state.tables[table].name;
        let touches = |(at, key): &(usize, &ForeignState)| {
            *at == table || key.references.eq_ignore_ascii_case(name)
        };
        let touched: Vec<_> = all.filter(touches).collect();
        let Change::Update(_, named) = change else { return touched };
        // An UPDATE that names no column of any foreign key needs none.
        let names = |(at, key): &(usize, &ForeignState)| {
            (*at == table && names_own(&self.state.tables[table], key, named))
                || (key.references.eq_ignore_ascii_case(name)
                    && names_referenced(&self.state.tables[table], key, named))
        };
        if touched.iter().any(names) { touched } else { Vec::new() }
    }

    /// Whether SQLite compiles the test of a unique key into an UPDATE. It does so for those that
    /// name a column of the key, and for all where the foreign keys may change the row under way.
    fn tests_a_unique_key(&self, table: usize, named: &[usize]) -> bool {
        let definition = &self.state.tables[table];
        let is_self = |key: &ForeignState| key.references.eq_ignore_ascii_case(&definition.name);
        let mut own = definition.foreign_keys.iter();
        let mut all = self.state.tables.iter().flat_map(|table| &table.foreign_keys);
        let tests_all = own.any(|key| is_self(key) && names_own(definition, key, named))
            || all.any(|key| {
                is_self(key)
                    && key.on_update != ReferentialAction::NoAction
                    && names_referenced(definition, key, named)
            });
        definition.unique_keys().iter().any(|key| {
            let filter = key.filter.as_ref().map_or(Vec::new(), |filter| filter.columns());
            let mut read = key.columns.iter().map(|(at, _)| at).chain(&filter);
            (tests_all && !key.is_row_id) || read.any(|at| named.contains(at))
        })
    }

    fn needs_own(&self, change: &Change, key: &ForeignState) -> bool {
        let table = &self.state.tables[change.table()];
        match change {
            Change::Insert { .. } | Change::Delete(_) => true,
            Change::Update(_, named) => {
                key.references.eq_ignore_ascii_case(&table.name) || names_own(table, key, named)
            }
        }
    }

    fn needs_referencing(&self, change: &Change, key: &ForeignState) -> bool {
        match change {
            // SQLite has nothing to look for when a single row arrives under an immediate key.
            Change::Insert { is_single, .. } => {
                !is_single || key.is_deferred || self.rules.defers_all
            }
            // An UPDATE that names any column of a key looks up all that reference its table.
            Change::Delete(_) | Change::Update(..) => true,
        }
    }
}

impl Change {
    fn table(&self) -> usize {
        match self {
            Change::Insert { table, .. } | Change::Update(table, _) | Change::Delete(table) => {
                *table
            }
        }
    }
}

fn names_own(table: &TableState, key: &ForeignState, named: &[usize]) -> bool {
    table.positions(&key.columns).iter().any(|at| named.contains(at))
}

fn names_referenced(table: &TableState, key: &ForeignState, named: &[usize]) -> bool {
    let columns = match key.referenced.as_slice() {
        [] => table.primary_key().map_or(&[][..], |key| &key.columns),
        columns => columns,
    };
    table.positions(columns).iter().any(|at| named.contains(at))
}
