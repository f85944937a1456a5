//! Rows changed one by one, each with everything that follows from it before the next.

use super::prepare::{Clause, Ready, assigned};
use super::state::{RowState, State, Suspect, Target};
use super::{Refused, Rules};
use crate::catalog::ReferentialAction;
use crate::value::{Affinity, Value, equals};

/// A statement being carried out.
pub(super) struct Run<'a> {
    state: &'a mut State,
    rules: Rules,
    suspects: Vec<Suspect>,
    direct: usize,
    by_actions: usize,
}

/// A key of a new row that another row holds.
struct Conflict {
    /// Position in the table's list of unique keys.
    key: usize,
    row_id: i64,
    refused: Refused,
}

/// What a row with conflicts comes to.
enum Verdict {
    Store,
    /// Rows were deleted to make place.
    Replaced,
    Skip,
    Update(i64),
}

impl<'a> Run<'a> {
    pub(super) fn new(state: &'a mut State, rules: Rules) -> Self {
        Run { state, rules, suspects: Vec::new(), direct: 0, by_actions: 0 }
    }

    /// Rows changed by the statement itself, rows changed in all, and what is to be judged.
    pub(super) fn finish(self) -> (usize, usize, Vec<Suspect>) {
        (self.direct, self.direct + self.by_actions, self.suspects)
    }

    pub(super) fn carry_out(&mut self, ready: Ready) -> Result<(), Refused> {
        match ready {
            Ready::Insert { table, rows, clause } => {
                rows.into_iter().try_for_each(|values| self.insert(table, values, &clause))
            }
            Ready::Update { table, rows, assignments, clause } => {
                rows.into_iter().try_for_each(|row_id| {
                    let Some(row) = self.state.find_row(table, row_id) else { return Ok(()) };
                    let evaluate =
                        |(at, value): &(usize, _)| (*at, evaluate(value, row.values.as_slice()));
                    let values: Vec<_> = assignments.iter().map(evaluate).collect();
                    self.direct += usize::from(self.update(table, row_id, &values, &clause, 0)?);
                    Ok(())
                })
            }
            Ready::Delete { table, rows } => rows.into_iter().try_for_each(|row_id| {
                self.direct += usize::from(self.delete(table, row_id, 0)?);
                Ok(())
            }),
        }
    }

    /// Deletes every row, as DROP TABLE does.
    pub(super) fn delete_all(&mut self, table: usize) -> Result<(), Refused> {
        let rows = self.state.row_ids(table);
        self.carry_out(Ready::Delete { table, rows })
    }

    // One row.

    fn insert(
        &mut self,
        table: usize,
        mut values: Vec<Value>,
        clause: &Clause,
    ) -> Result<(), Refused> {
        let definition = &self.state.tables[table];
        for (value, column) in values.iter_mut().zip(&definition.columns) {
            *value = column.affinity.apply(value.clone());
        }
        let row_id = match definition.row_id_column().map(|at| &values[at]) {
            None | Some(Value::Null) => definition.next_row_id(),
            Some(Value::Integer(row_id)) => *row_id,
            Some(_) => return Err(Refused::Datatype),
        };
        if let Some(at) = definition.row_id_column() {
            values[at] = Value::Integer(row_id);
        }
        let all: Vec<usize> = (0..values.len()).collect();
        match self.test(table, values, &all, clause) {
            Err(Refused::NotNull | Refused::Check) if matches!(clause, Clause::Ignore) => {
                return Ok(());
            }
            tested => values = tested?,
        }
        match self.settle_conflicts(table, &values, None, &all, clause)? {
            Verdict::Skip => return Ok(()),
            Verdict::Update(other) => return self.upsert(table, other, &values, clause),
            Verdict::Store | Verdict::Replaced => {}
        }
        let identity = self.state.new_identity();
        self.state.tables[table].rows.push(RowState { identity, row_id, values });
        self.direct += 1;
        self.suspect_row(table, identity, &all);
        Ok(())
    }

    fn upsert(
        &mut self,
        table: usize,
        row_id: i64,
        new: &[Value],
        clause: &Clause,
    ) -> Result<(), Refused> {
        let Clause::DoUpdate(_, assignments, filter) = clause else { return Ok(()) };
        let both = [&self.state.row(table, row_id).values, new].concat();
        if filter.as_ref().is_some_and(|filter| filter.truth(&both) != Some(true)) {
            return Ok(());
        }
        let values = assignments.iter().map(|(at, value)| (*at, value.evaluate(&both)));
        let values: Vec<_> = values.collect();
        debug_assert_eq!(assigned(assignments).len(), values.len(), "one value per assignment");
        self.direct += usize::from(self.update(table, row_id, &values, &Clause::Abort, 0)?);
        Ok(())
    }

    /// Gives a row new values; `false` if it is skipped.
    fn update(
        &mut self,
        table: usize,
        row_id: i64,
        assigned: &[(usize, Value)],
        clause: &Clause,
        depth: usize,
    ) -> Result<bool, Refused> {
        let named: Vec<usize> = assigned.iter().map(|(at, _)| *at).collect();
        let new = match self.updated(table, row_id, assigned, &named, clause) {
            Err(Refused::NotNull | Refused::Check) if matches!(clause, Clause::Ignore) => {
                return Ok(false);
            }
            new => new?,
        };
        let identity = self.state.row(table, row_id).identity;
        let new = match self.settle_conflicts(table, &new, Some(identity), &named, clause)? {
            Verdict::Skip | Verdict::Update(_) => return Ok(false),
            // The new row was made before the deletions, whatever they have done to the old one.
            Verdict::Replaced if self.state.find_row(table, row_id).is_none() => return Ok(false),
            Verdict::Replaced | Verdict::Store => new,
        };
        let new_id = match self.state.tables[table].row_id_column().map(|at| &new[at]) {
            Some(Value::Integer(new_id)) => *new_id,
            _ => row_id,
        };
        let rows = &mut self.state.tables[table].rows;
        let row = rows.iter_mut().find(|row| row.row_id == row_id).expect("found just now");
        let old = std::mem::replace(&mut row.values, new.clone());
        row.row_id = new_id;
        let identity = row.identity;
        self.suspect_row(table, identity, &named);
        self.suspect_keys(table, &old, Some(&new));
        self.act(table, &old, Some((&new, &named)), depth)?;
        Ok(true)
    }

    /// The row as these assignments make it, tested.
    fn updated(
        &self,
        table: usize,
        row_id: i64,
        assigned: &[(usize, Value)],
        named: &[usize],
        clause: &Clause,
    ) -> Result<Vec<Value>, Refused> {
        let definition = &self.state.tables[table];
        let mut new = self.state.row(table, row_id).values.clone();
        for (at, value) in assigned {
            new[*at] = definition.columns[*at].affinity.apply(value.clone());
        }
        match definition.row_id_column().map(|at| &new[at]) {
            None | Some(Value::Integer(_)) => self.test(table, new, named, clause),
            Some(_) => Err(Refused::Datatype),
        }
    }

    fn delete(&mut self, table: usize, row_id: i64, depth: usize) -> Result<bool, Refused> {
        let rows = &mut self.state.tables[table].rows;
        let Some(at) = rows.iter().position(|row| row.row_id == row_id) else { return Ok(false) };
        let old = rows.swap_remove(at).values;
        self.suspect_keys(table, &old, None);
        self.act(table, &old, None, depth)?;
        Ok(true)
    }

    // NOT NULL, CHECK and keys.

    /// The row with NOT NULL and CHECK tested, as far as they read these columns.
    fn test(
        &self,
        table: usize,
        mut values: Vec<Value>,
        named: &[usize],
        clause: &Clause,
    ) -> Result<Vec<Value>, Refused> {
        let definition = &self.state.tables[table];
        for (at, column) in definition.columns.iter().enumerate() {
            if !named.contains(&at) || !column.not_null || !values[at].is_null() {
                continue;
            }
            if !matches!(clause, Clause::Replace) || column.default.is_null() {
                return Err(Refused::NotNull);
            }
            values[at] = column.affinity.apply(column.default.clone());
        }
        for check in &definition.checks {
            let reads = definition.check_columns(check).iter().any(|at| named.contains(at));
            let bound = check.expression.bind(definition).map_err(|_| Refused::Schema)?;
            if reads && bound.truth(values.as_slice()) == Some(false) {
                return Err(Refused::Check);
            }
        }
        Ok(values)
    }

    fn settle_conflicts(
        &mut self,
        table: usize,
        values: &[Value],
        replacing: Option<u64>,
        named: &[usize],
        clause: &Clause,
    ) -> Result<Verdict, Refused> {
        if matches!(clause, Clause::Replace) {
            return self.replace(table, values, replacing, named);
        }
        let conflicts = self.conflicts(table, values, replacing, named);
        let is_covered = |conflict: &&Conflict| match clause {
            Clause::Abort => false,
            Clause::Ignore | Clause::Replace => true,
            Clause::DoNothing(target) | Clause::DoUpdate(target, ..) => {
                target.is_none_or(|target| conflict.key == target)
            }
        };
        // The key that the clause names is looked at before any other.
        let named = conflicts.iter().find(is_covered);
        Ok(match (named.or(conflicts.first()), clause) {
            (None, _) => Verdict::Store,
            (Some(conflict), _) if !is_covered(&conflict) => return Err(conflict.refused),
            (Some(conflict), Clause::DoUpdate(..)) => Verdict::Update(conflict.row_id),
            (Some(_), _) => Verdict::Skip,
        })
    }

    /// Deletes what is in the way, key by key. What then is in the way is there by some action.
    fn replace(
        &mut self,
        table: usize,
        values: &[Value],
        replacing: Option<u64>,
        named: &[usize],
    ) -> Result<Verdict, Refused> {
        let mut verdict = Verdict::Store;
        for key in 0..self.state.tables[table].unique_keys().len() {
            let conflicts = self.conflicts(table, values, replacing, named);
            for conflict in conflicts.into_iter().filter(|conflict| conflict.key == key) {
                self.delete(table, conflict.row_id, 0)?;
                verdict = Verdict::Replaced;
            }
        }
        match self.conflicts(table, values, replacing, named).first() {
            Some(conflict) => Err(conflict.refused),
            None => Ok(verdict),
        }
    }

    fn conflicts(
        &self,
        table: usize,
        values: &[Value],
        replacing: Option<u64>,
        named: &[usize],
    ) -> Vec<Conflict> {
        let definition = &self.state.tables[table];
        let mut conflicts = Vec::new();
        for (position, key) in definition.unique_keys().into_iter().enumerate() {
            let filter = key.filter.as_ref().map_or(Vec::new(), |filter| filter.columns());
            let mut read = key.columns.iter().map(|(at, _)| at).chain(&filter);
            if !read.any(|at| named.contains(at)) {
                continue;
            }
            let others = definition.rows.iter().filter(|row| Some(row.identity) != replacing);
            for other in others.filter(|other| key.clash(&other.values, values)) {
                let refused = if key.primary { Refused::PrimaryKey } else { Refused::Unique };
                conflicts.push(Conflict { key: position, row_id: other.row_id, refused });
            }
        }
        conflicts
    }

    // Foreign keys.

    /// The row may find nothing over each foreign key of which a column was named.
    fn suspect_row(&mut self, table: usize, row: u64, named: &[usize]) {
        let definition = &self.state.tables[table];
        for key in &definition.foreign_keys {
            if definition.positions(&key.columns).iter().any(|at| named.contains(at)) {
                self.suspects.push(Suspect::Row { foreign_key: key.identity, row });
            }
        }
    }

    /// Each key that the row has left may be missed.
    fn suspect_keys(&mut self, table: usize, old: &[Value], new: Option<&[Value]>) {
        for (child, position, target) in self.state.referencing(table) {
            if let Some(key) = left(&target, old, new) {
                let foreign_key = self.state.tables[child].foreign_keys[position].identity;
                let comparison = target.comparison;
                self.suspects.push(Suspect::Key { foreign_key, key, comparison });
            }
        }
    }

    /// The actions on the rows that reference what this row was; `new` with the columns named.
    fn act(
        &mut self,
        table: usize,
        old: &[Value],
        new: Option<(&[Value], &[usize])>,
        depth: usize,
    ) -> Result<(), Refused> {
        if !self.rules.enforces {
            return Ok(());
        }
        for (child, position, target) in self.state.referencing(table) {
            let key = self.state.tables[child].foreign_keys[position].clone();
            let rule = match new {
                None => key.on_delete,
                Some((_, named)) if target.columns.iter().any(|at| named.contains(at)) => {
                    key.on_update
                }
                Some(_) => continue,
            };
            let waits = rule == ReferentialAction::Restrict && self.rules.defers_all;
            if rule == ReferentialAction::NoAction || waits {
                continue;
            }
            if self.rules.depth_limit.is_some_and(|limit| depth >= limit) {
                return Err(Refused::Depth);
            }
            let Some(value) = left(&target, old, new.map(|(new, _)| new)) else { continue };
            let columns = self.state.tables[child].positions(&key.columns);
            let rows = self.state.rows_that_reference(child, &columns, &value, &target.comparison);
            if rule == ReferentialAction::Restrict && !rows.is_empty() {
                return Err(Refused::Restrict);
            }
            let set = match (rule, new) {
                (ReferentialAction::Cascade, None) => None,
                (ReferentialAction::Cascade, Some((new, _))) => {
                    Some(target.columns.iter().map(|&at| new[at].clone()).collect())
                }
                (ReferentialAction::SetDefault, _) => {
                    let all = &self.state.tables[child].columns;
                    Some(columns.iter().map(|&at| all[at].default.clone()).collect())
                }
                (ReferentialAction::SetNull, _) => Some(vec![Value::Null; columns.len()]),
                (ReferentialAction::NoAction | ReferentialAction::Restrict, _) => continue,
            };
            self.act_on(child, rows, &columns, set, depth + 1)?;
        }
        Ok(())
    }

    /// Sets these columns of each row that is still there, or deletes it.
    fn act_on(
        &mut self,
        table: usize,
        rows: Vec<i64>,
        columns: &[usize],
        set: Option<Vec<Value>>,
        depth: usize,
    ) -> Result<(), Refused> {
        for row_id in rows {
            let changed = match &set {
                None => self.delete(table, row_id, depth)?,
                Some(_) if self.state.find_row(table, row_id).is_none() => false,
                Some(values) => {
                    let assigned: Vec<_> =
                        columns.iter().copied().zip(values.iter().cloned()).collect();
                    self.update(table, row_id, &assigned, &Clause::Abort, depth)?
                }
            };
            self.by_actions += usize::from(changed);
        }
        Ok(())
    }
}

/// The key that a row change has left: that of the row before, unless it is that of the row after.
fn left(target: &Target, old: &[Value], new: Option<&[Value]>) -> Option<Vec<Value>> {
    let key: Vec<Value> = target.columns.iter().map(|&at| old[at].clone()).collect();
    if key.iter().any(Value::is_null) {
        return None;
    }
    let is_kept = |new: &[Value]| {
        target.columns.iter().zip(&target.comparison).all(
            |(&at, &(_, collation)): (_, &(Affinity, _))| {
                equals(&old[at], &new[at], collation) == Some(true)
            },
        )
    };
    if new.is_some_and(is_kept) { None } else { Some(key) }
}

fn evaluate(value: &crate::expression::Bound, row: &[Value]) -> Value {
    value.evaluate(row)
}
