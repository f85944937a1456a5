//! Definitions made, changed and dropped.

use super::change::Run;
use super::judge;
use super::prepare::{Change, Needs};
use super::state::{
    ColumnState, ForeignState, IndexState, Nothing, State, TableState, table_state,
};
use super::{Failure, Refused, Rules};
use crate::catalog::{Column, Index, Table};
use crate::testing::Operation;

/// Carries out an operation that changes definitions.
pub(super) fn change(
    state: &mut State,
    rules: Rules,
    operation: &Operation,
) -> Result<(), Failure> {
    match operation {
        Operation::CreateTable(table) => create_table(state, table).map_err(Failure::BeforeRun),
        Operation::DropTable(table) => drop_table(state, rules, table),
        Operation::RenameTable { table, to } => {
            rename_table(state, table, to).map_err(Failure::BeforeRun)
        }
        Operation::RenameColumn { table, column, to } => {
            rename_column(state, table, column, to).map_err(Failure::BeforeRun)
        }
        Operation::AddColumn { table, column } => {
            add_column(state, rules, table, column).map_err(Failure::BeforeRun)
        }
        Operation::DropColumn { table, column } => drop_column(state, table, column),
        Operation::CreateIndex(index) => create_index(state, index),
        Operation::DropIndex(index) => drop_index(state, index).map_err(Failure::BeforeRun),
        Operation::Statement(_)
        | Operation::Control(_)
        | Operation::SetEnforcement(_)
        | Operation::SetDeferAll(_) => Ok(()),
    }
}

fn create_table(state: &mut State, definition: &Table) -> Result<(), Refused> {
    check_name_is_free(state, definition.name())?;
    let mut table = table_state(definition);
    check_columns(&table, definition)?;
    table.checks.iter().try_for_each(|check| check_binds(&check.expression, &table))?;
    for key in &table.keys {
        if key.columns.is_empty() {
            return Err(Refused::Schema);
        }
        if table.positions(&key.columns).len() != key.columns.len() {
            return Err(Refused::Name);
        }
    }
    let keys = std::mem::take(&mut table.foreign_keys);
    for key in keys {
        let key = declared(state, &table, key, table.foreign_keys.len())?;
        table.foreign_keys.push(key);
    }
    state.tables.push(table);
    Ok(())
}

fn check_columns(table: &TableState, definition: &Table) -> Result<(), Refused> {
    if table.columns.is_empty() {
        return Err(Refused::Schema);
    }
    for (at, column) in definition.columns().iter().enumerate() {
        if table.position(column.name()) != Some(at) {
            return Err(Refused::Name);
        }
        if let Some(default) = column.default_expression() {
            default.bind(&Nothing).map_err(|_| Refused::Schema)?;
        }
    }
    if table.keys.iter().filter(|key| key.primary).count() > 1 {
        return Err(Refused::Schema);
    }
    Ok(())
}

fn check_binds(
    expression: &crate::expression::Expression,
    table: &TableState,
) -> Result<(), Refused> {
    expression.bind(table).map(|_| ()).map_err(|_| Refused::Schema)
}

/// A foreign key with identity and name, to stand at `position` of its table.
fn declared(
    state: &mut State,
    table: &TableState,
    key: ForeignState,
    position: usize,
) -> Result<ForeignState, Refused> {
    let (own, referenced) = (key.columns.len(), key.referenced.len());
    if own == 0 || (referenced != 0 && referenced != own) {
        return Err(Refused::Schema);
    }
    if table.positions(&key.columns).len() != own {
        return Err(Refused::Name);
    }
    let before = &table.foreign_keys;
    debug_assert!(position <= before.len(), "keys stand one behind the other");
    let name = table.name_foreign_key(key.given_name.as_deref(), &key.columns, before);
    Ok(ForeignState { identity: state.new_identity(), name, ..key })
}

fn drop_table(state: &mut State, rules: Rules, name: &str) -> Result<(), Failure> {
    let table = state.find_table(name).map_err(Failure::BeforeRun)?;
    let mut needs = Needs::new(state, rules);
    if rules.enforces {
        needs.check_actions(&Change::Delete(table)).map_err(Failure::BeforeRun)?;
    }
    if rules.enforces {
        let mut run = Run::new(state, rules);
        run.delete_all(table).map_err(Failure::WhileRunning)?;
        let (_, _, suspects) = run.finish();
        judge::judge(state, rules, suspects).map_err(Failure::WhileRunning)?;
    }
    state.tables.remove(table);
    Ok(())
}

fn rename_table(state: &mut State, name: &str, to: &str) -> Result<(), Refused> {
    let table = state.find_table(name)?;
    // Its own name is taken as well.
    check_name_is_free(state, to).map_err(|_| Refused::Schema)?;
    let old = std::mem::replace(&mut state.tables[table].name, to.to_owned());
    for key in state.tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
        if key.references.eq_ignore_ascii_case(&old) {
            key.references = to.to_owned();
        }
    }
    rename_foreign_keys(&mut state.tables[table]);
    Ok(())
}

fn rename_column(state: &mut State, table: &str, from: &str, to: &str) -> Result<(), Refused> {
    let at = state.find_table(table)?;
    let position = state.tables[at].position(from).ok_or(Refused::Name)?;
    if state.tables[at].position(to).is_some_and(|other| other != position) {
        return Err(Refused::Name);
    }
    let rename = |name: &mut String| {
        if name.eq_ignore_ascii_case(from) {
            *name = to.to_owned();
        }
    };
    for key in state.tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
        if key.references.eq_ignore_ascii_case(table) {
            key.referenced.iter_mut().for_each(rename);
        }
    }
    let table = &mut state.tables[at];
    rename(&mut table.columns[position].name);
    table.keys.iter_mut().flat_map(|key| &mut key.columns).for_each(rename);
    table.foreign_keys.iter_mut().flat_map(|key| &mut key.columns).for_each(rename);
    for check in &mut table.checks {
        check.expression = check.expression.rename_column(from, to);
        check.column.iter_mut().for_each(rename);
    }
    for index in &mut table.indexes {
        index.columns.iter_mut().for_each(|(name, _)| rename(name));
        index.filter = index.filter.as_ref().map(|filter| filter.rename_column(from, to));
    }
    rename_foreign_keys(table);
    Ok(())
}

/// Names that were made from names that have changed.
fn rename_foreign_keys(table: &mut TableState) {
    for position in 0..table.foreign_keys.len() {
        let key = &table.foreign_keys[position];
        let before = &table.foreign_keys[..position];
        let name = table.name_foreign_key(key.given_name.as_deref(), &key.columns, before);
        table.foreign_keys[position].name = name;
    }
}

fn add_column(state: &mut State, rules: Rules, name: &str, column: &Column) -> Result<(), Refused> {
    let at = state.find_table(name)?;
    if state.tables[at].position(column.name()).is_some() {
        return Err(Refused::Name);
    }
    let alone = table_state(&Table::new("alone").column(column.clone()));
    if !alone.keys.is_empty() {
        return Err(Refused::Schema);
    }
    let added = ColumnState::from(column);
    let value = added.affinity.apply(added.default.clone());
    let mut table = state.tables[at].clone();
    table.columns.push(added);
    table.checks.extend(alone.checks);
    table.checks.iter().try_for_each(|check| check_binds(&check.expression, &table))?;
    let references = !alone.foreign_keys.is_empty();
    for key in alone.foreign_keys {
        let position = table.foreign_keys.iter().filter(|key| key.is_on_column).count();
        let key = declared(state, &table, key, position)?;
        table.foreign_keys.insert(position, key);
    }
    table.rows.iter_mut().for_each(|row| row.values.push(value.clone()));
    let dangles = references && rules.enforces && !value.is_null();
    let lacks_value = column.is_not_null() && value.is_null();
    let fails = |values: &[crate::value::Value]| {
        let bound = table.checks.iter().filter_map(|check| check.expression.bind(&table).ok());
        bound.into_iter().any(|check| check.truth(values) == Some(false))
    };
    let spoils = dangles || lacks_value || table.rows.iter().any(|row| fails(&row.values));
    if spoils && !table.rows.is_empty() {
        return Err(Refused::Schema);
    }
    state.tables[at] = table;
    Ok(())
}

fn drop_column(state: &mut State, table: &str, column: &str) -> Result<(), Failure> {
    let at = state.find_table(table).map_err(Failure::BeforeRun)?;
    let table = &mut state.tables[at];
    let position = table.position(column).ok_or(Failure::BeforeRun(Refused::Name))?;
    let is_this = |name: &String| name.eq_ignore_ascii_case(column);
    let mut keys = table.keys.iter().filter(|key| key.columns.iter().any(is_this));
    if keys.clone().any(|key| key.primary || key.on_column) || table.columns.len() == 1 {
        return Err(Failure::BeforeRun(Refused::Schema));
    }
    let reads = |filter: &crate::expression::Expression| {
        filter.column_names().iter().any(|name| name.eq_ignore_ascii_case(column))
    };
    let in_index = |index: &IndexState| {
        index.columns.iter().any(|(name, _)| is_this(name)) || index.filter.iter().any(reads)
    };
    let in_check = |check: &super::state::CheckState| {
        reads(&check.expression) && !check.column.iter().any(is_this)
    };
    let in_foreign_key = |key: &ForeignState| key.columns.iter().any(is_this) && !key.is_on_column;
    // What is left would not be a table, which SQLite finds when it has rewritten it.
    if keys.next().is_some()
        || table.indexes.iter().any(in_index)
        || table.checks.iter().any(in_check)
        || table.foreign_keys.iter().any(in_foreign_key)
    {
        return Err(Failure::WhileRunning(Refused::Schema));
    }
    table.columns.remove(position);
    table.checks.retain(|check| !check.column.iter().any(is_this));
    table.foreign_keys.retain(|key| !key.columns.iter().any(is_this));
    table.rows.iter_mut().for_each(|row| drop(row.values.remove(position)));
    Ok(())
}

fn create_index(state: &mut State, index: &Index) -> Result<(), Failure> {
    let at = check_index(state, index).map_err(Failure::BeforeRun)?;
    let table = &mut state.tables[at];
    table.indexes.push(IndexState::from(index));
    let clashes = |(at, a): (usize, &super::state::RowState)| {
        let others = table.rows[..at].iter();
        let keys = table.unique_keys();
        others.into_iter().any(|b| keys.iter().any(|key| key.clash(&a.values, &b.values)))
    };
    if index.is_unique() && table.rows.iter().enumerate().any(clashes) {
        return Err(Failure::WhileRunning(Refused::Unique));
    }
    Ok(())
}

fn check_index(state: &State, index: &Index) -> Result<usize, Refused> {
    let at = state.find_table(index.table())?;
    check_name_is_free(state, index.name())?;
    if index.columns().is_empty() {
        return Err(Refused::Schema);
    }
    let table = &state.tables[at];
    if index.columns().iter().any(|column| table.position(column.name()).is_none()) {
        return Err(Refused::Name);
    }
    if let Some(filter) = index.predicate() {
        check_binds(filter, table)?;
    }
    Ok(at)
}

fn drop_index(state: &mut State, name: &str) -> Result<(), Refused> {
    let is_this = |index: &IndexState| index.name.eq_ignore_ascii_case(name);
    let found = state.tables.iter_mut().find(|table| table.indexes.iter().any(is_this));
    found.ok_or(Refused::Name)?.indexes.retain(|index| !is_this(index));
    Ok(())
}

/// Tables and indexes share one space of names.
fn check_name_is_free(state: &State, name: &str) -> Result<(), Refused> {
    let is_taken = state.tables.iter().any(|table| {
        table.name.eq_ignore_ascii_case(name)
            || table.indexes.iter().any(|index| index.name.eq_ignore_ascii_case(name))
    });
    if is_taken { Err(Refused::Name) } else { Ok(()) }
}
