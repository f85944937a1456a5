//! Who is right when the two disagree: decided from the states before and after, by neither of them.
//!
//! A *suspect* is a row whose foreign key the transaction has written, or whose referenced key it has
//! vacated. SQLite is wrong
//!
//! * (A) if it accepted what leaves a suspect dangling, or
//! * (B) if it refused, for a foreign key, what leaves no suspect dangling.
//!
//! At a statement inside a transaction only immediate constraints count, and what this statement
//! wrote and vacated; at COMMIT everything the transaction did. In case of doubt a row counts as no
//! suspect for (A) and as one for (B), so doubt never excuses the engine. What is proved is then named
//! by the closed list of exceptions.

use super::{Outcome, State};
use crate::catalog::{Catalog, ForeignKeyEntry, ReferentialAction, Resolved, TableEntry, TableId};
use crate::database::{Control, OnConflict, RowValues, Statement, Update};
use crate::error::SqliteError;
use crate::testing::keys::{referenced_key, referencing_key};
use crate::testing::operation::Operation;
use crate::value::Value;
use std::rc::Rc;

/// One of SQLite's own differences from the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exception {
    /// Counters that pass through an old dangling row hide a new one, or fall below zero, which
    /// refuses as well.
    E1,
    /// A clean COMMIT is refused.
    E2,
    /// Ending defer-all forgets what was deferred.
    E3,
    /// A table that references itself: what is counted twice, or a change of nothing.
    E5,
    /// An old dangling row of a table that references itself is judged again.
    E6,
    /// A statement that compiles the SET NULL action of a foreign key right before the check of that
    /// key (OR REPLACE, DO UPDATE) leaves the check out; such a row, when it goes, makes up for another.
    E8,
    /// DROP TABLE is refused for a row of that table whose referenced table does not exist.
    E9,
    /// A statement that nests too deep in a transaction fails and keeps part of what it did.
    E10,
}

/// One operation of a transaction, with what was before and after it.
pub(super) struct Moment {
    pub(super) operation: Operation,
    pub(super) before: Rc<State>,
    pub(super) after: Rc<State>,
    /// The tables before it.
    pub(super) catalog_before: Catalog,
    /// The tables after it.
    pub(super) catalog: Catalog,
    /// Whether all constraints were deferred before it.
    pub(super) defers_all: bool,
    pub(super) failed: bool,
    /// The ids of the rows that an UPDATE matched, or that an INSERT of ours added.
    pub(super) matched: Vec<i64>,
    /// How many rows SQLite has changed directly.
    pub(super) changed: usize,
    /// The rows that an upsert of ours updated, as it left them.
    pub(super) updated: Vec<Vec<Value>>,
}

/// The exception that a disagreement proves to be, if it does.
pub(super) fn judge(
    history: &[Moment],
    moment: &Moment,
    ours: &Outcome,
    theirs: &Outcome,
    their_state: &State,
) -> Option<Exception> {
    let keeps_part = *their_state != *moment.before && *moment.after == *moment.before;
    let is_too_deep = matches!(ours, Err(SqliteError { code: 1, message }) if message.starts_with("too many levels"));
    if ours == theirs && is_too_deep && keeps_part {
        return Some(Exception::E10);
    }
    let is_foreign_key = |outcome: &Outcome| matches!(outcome, Err(SqliteError { code: 787, .. }));
    let ends =
        matches!(moment.operation, Operation::Control(Control::Commit | Control::Release(_)));
    let steps = || {
        history
            .iter()
            .filter(|_| ends)
            .chain([moment])
            .filter(|step| !step.failed || std::ptr::eq(*step, moment))
    };
    let is_statement_in_transaction = !ends && !history.is_empty();
    let counts = |key: &ForeignKeyEntry| {
        !is_statement_in_transaction || !(key.is_initially_deferred() || moment.defers_all)
    };
    let catalog = &moment.catalog;
    if let (Operation::DropTable(name), Ok(()), Ok(())) = (&moment.operation, ours, theirs) {
        return judge_drop(history, moment, name);
    }
    if is_foreign_key(ours) && theirs.is_ok() {
        let start = history.first().unwrap_or(moment);
        let found = dangling(catalog, their_state, counts).find(|row| {
            // A row that was not there when all began, whatever its row id has been meanwhile.
            let is_later = || {
                count_of(row, &start.before, start.catalog.find_by_id(row.key.table))
                    < count_of(row, their_state, catalog.find_by_id(row.key.table))
            };
            (ends && (is_later() || is_inserted(row, start, history, catalog)))
                || steps().any(|step| {
                    let after = if std::ptr::eq(step, moment) { their_state } else { &*step.after };
                    is_suspect(step, after, catalog, row, Doubt::No)
                })
        })?;
        return name_accepted(history, moment, &found, ends);
    }
    if is_foreign_key(theirs) && ours.is_ok() {
        let suspect = dangling(catalog, &moment.after, counts).find(|row| {
            steps().any(|step| is_suspect(step, &step.after, catalog, row, Doubt::Yes))
        });
        return match suspect {
            Some(_) => None,
            None => name_refused(moment, ends),
        };
    }
    None
}

/// Of a table whose own deferred keys alone matter, SQLite deletes, and counts, the rows if its counter
/// is not zero: as it must be where a suspect dangles, and nowhere else.
fn judge_drop(history: &[Moment], moment: &Moment, name: &str) -> Option<Exception> {
    let before = &moment.catalog_before;
    let start = history.first().unwrap_or(moment);
    let is_deferred = |key: &ForeignKeyEntry| key.is_initially_deferred() || moment.defers_all;
    let has_suspects = |doubt: Doubt| {
        dangling(before, &moment.before, is_deferred).any(|row| {
            count_of(&row, &start.before, start.catalog.find_by_id(row.key.table))
                < count_of(&row, &moment.before, before.find_by_id(row.key.table))
                || history.iter().any(|step| is_suspect(step, &step.after, before, &row, doubt))
        })
    };
    let has_counted = moment.changed == rows(&moment.before, before.find_table(name)?.id).len();
    let is_wrong = match has_counted {
        true => !has_suspects(Doubt::Yes),
        false => has_suspects(Doubt::No),
    };
    is_wrong.then_some(Exception::E1)
}

/// How many rows hold the same key as this one; all of them if the columns were others then.
fn count_of(
    found: &Dangling<'_>,
    state: &State,
    table: Option<&std::sync::Arc<TableEntry>>,
) -> usize {
    let rows = rows(state, found.key.table);
    if rows.is_empty() {
        return 0;
    }
    let width = found.row.len();
    if table.is_none_or(|table| table.columns.len() != width) {
        return usize::MAX;
    }
    let same = |row: &[Value]| row.len() == width && values_of(found.key, row) == found.values();
    rows.iter().filter(|(_, row)| same(row)).count()
}

/// Whether a row shows that it has been inserted since all began: in a column no row had its value
/// then, and no UPDATE or action can have brought it.
fn is_inserted(
    found: &Dangling<'_>,
    start: &Moment,
    history: &[Moment],
    catalog: &Catalog,
) -> bool {
    let find = |catalog: &Catalog| catalog.find_by_id(found.key.table).cloned();
    let (Some(then), Some(table)) = (find(&start.catalog_before), find(catalog)) else {
        return false;
    };
    let before = rows(&start.before, table.id);
    let is_new = |at: usize| before.iter().all(|(_, row)| row[at] != found.row[at]);
    let is_updated = |at: usize| history.iter().any(|step| assigns(step, &table, at));
    let may_be_acted_on = |at: usize| {
        let (value, column) = (&found.row[at], &table.columns[at]);
        let default = column.affinity.apply(column.default.clone());
        let mut keys = table.foreign_keys.iter().filter(|key| key.columns.contains(&at));
        keys.any(|key| {
            value.is_null() || *value == default || key.update_rule() == ReferentialAction::Cascade
        })
    };
    then.definition == table.definition
        && (0..found.row.len()).any(|at| is_new(at) && !is_updated(at) && !may_be_acted_on(at))
}

/// What to believe of a row that cannot be followed.
#[derive(Clone, Copy, PartialEq)]
enum Doubt {
    Yes,
    No,
}

/// A row whose key finds nothing.
struct Dangling<'a> {
    key: &'a ForeignKeyEntry,
    row_id: i64,
    row: &'a [Value],
}

impl Dangling<'_> {
    fn values(&self) -> Vec<&Value> {
        values_of(self.key, self.row)
    }
}

fn values_of<'a>(key: &ForeignKeyEntry, row: &'a [Value]) -> Vec<&'a Value> {
    key.columns.iter().map(|&at| &row[at]).collect()
}

/// Every dangling row of a state, over the constraints that count.
fn dangling<'a>(
    catalog: &'a Catalog,
    state: &'a State,
    counts: impl Fn(&ForeignKeyEntry) -> bool + 'a,
) -> impl Iterator<Item = Dangling<'a>> {
    let keys = catalog.tables().flat_map(|table| &table.foreign_keys);
    keys.filter(move |key| counts(key)).flat_map(move |key| {
        rows(state, key.table).iter().filter_map(move |(row_id, row)| {
            dangles(key, state, row).then_some(Dangling { key, row_id: *row_id, row })
        })
    })
}

fn rows(state: &State, table: TableId) -> &[(i64, Vec<Value>)] {
    state.get(&table).map(Vec::as_slice).unwrap_or_default()
}

fn dangles(key: &ForeignKeyEntry, state: &State, row: &[Value]) -> bool {
    if key.columns.iter().any(|&at| row[at].is_null()) {
        return false;
    }
    match key.resolved() {
        Some(to) => !is_held(to, state, &referencing_key(key, to, row)),
        None => true,
    }
}

fn is_held(to: &Resolved, state: &State, wanted: &Option<Vec<Value>>) -> bool {
    wanted.is_some()
        && rows(state, to.table).iter().any(|(_, row)| {
            to.columns.iter().all(|&at| at < row.len()) && referenced_key(to, row) == *wanted
        })
}

/// Whether a step has written a row's key or vacated what it references.
fn is_suspect(
    step: &Moment,
    after: &State,
    catalog: &Catalog,
    found: &Dangling<'_>,
    doubt: Doubt,
) -> bool {
    let Dangling { key, row_id, .. } = found;
    if matches!(step.operation, Operation::Control(_)) {
        // What a ROLLBACK TO puts back is written by none.
        return false;
    }
    let Some(table) = catalog.find_by_id(key.table) else { return false };
    let before = rows(&step.before, key.table);
    // A column that was added stands behind those of the key; one that was dropped moves them.
    let width = table.columns.len();
    let is_shifted =
        |row: &[Value]| row.len() > width || key.columns.iter().any(|&column| column >= row.len());
    if before.iter().chain(rows(after, key.table)).any(|(_, row)| is_shifted(row)) {
        return doubt == Doubt::Yes;
    }
    let same_key = |row: &[Value]| values_of(key, row) == found.values();
    let was_here = before.iter().any(|(id, row)| id == row_id && same_key(row));
    let count = |list: &[(i64, Vec<Value>)]| list.iter().filter(|(_, row)| same_key(row)).count();
    let is_new =
        rows(after, key.table).iter().any(|(id, row)| id == row_id && same_key(row)) && !was_here;
    // Perhaps a row has merely changed its row id: if there are no more such rows than there were,
    // and the statement is an UPDATE that does not name the key.
    let is_more = count(rows(after, key.table)) > count(before);
    let is_sure = match doubt {
        Doubt::Yes => !is_update_of_others(step, table, key, *row_id) && !may_move(step, table),
        Doubt::No => !may_move(step, table),
    };
    if is_new && (is_more || is_sure) {
        return true;
    }
    // As the key was resolved then: its table may be gone.
    let key_then = step.catalog_before.find_constraint(key.id);
    if let Some(to) = key_then.and_then(ForeignKeyEntry::resolved) {
        let wanted = referencing_key(key, to, found.row);
        let was_held = is_held(to, &step.before, &wanted) || has_offered(step, to, &wanted);
        if was_held && !is_held(to, after, &wanted) {
            return true;
        }
    }
    // Where the statement assigns the row id too, another row may have taken this id: it has if a
    // column differs that neither the statement nor an action can have written.
    let is_free = |at: &usize| {
        !table.foreign_keys.iter().any(|key| key.columns.contains(at)) && !assigns(step, table, *at)
    };
    let is_other =
        |row: &[Value]| (0..row.len()).filter(is_free).any(|at| row[at] != found.row[at]);
    let is_moved = is_update_of(step, table)
        && may_move(step, table)
        && before.iter().any(|(id, row)| id == row_id && is_other(row));
    names(step, table, key) && {
        // Or all rows that held this key, before or after, were written, wherever they have moved:
        // then whoever holds it now has been written, too.
        let is_matched = |id: i64| {
            let is_it = |(other, _): &&(i64, Vec<Value>)| *other == id;
            let now = rows(after, key.table).iter().find(is_it).map(|(_, row)| row.as_slice());
            is_matched(step, table, id, now, found.row, doubt)
        };
        let all_written = |list: &[(i64, Vec<Value>)]| {
            let mut holders = list.iter().filter(|(_, row)| same_key(row)).peekable();
            holders.peek().is_some() && holders.all(|(id, _)| is_matched(*id))
        };
        is_moved
            || is_matched(*row_id)
            || all_written(before)
            || all_written(rows(after, key.table))
    }
}

/// Whether an INSERT OR REPLACE has inserted a row with this key.
fn has_offered(step: &Moment, to: &Resolved, wanted: &Option<Vec<Value>>) -> bool {
    let is_it = |row: &Vec<Value>| wanted.is_some() && referenced_key(to, row) == *wanted;
    offered(step, to.table).iter().any(is_it)
}

/// The rows that an INSERT OR REPLACE gives to a table: it skips none of them.
fn offered(step: &Moment, table: TableId) -> Vec<Vec<Value>> {
    let Operation::Statement(statement @ Statement::Insert(insert)) = &step.operation else {
        return Vec::new();
    };
    let Some(table) = step.catalog_before.find_table(statement.table()).filter(|it| it.id == table)
    else {
        return Vec::new();
    };
    if !matches!(insert.conflict(), OnConflict::Replace) {
        return Vec::new();
    }
    let row = |given: &RowValues| {
        let mut values: Vec<Value> = vec![Value::Null; table.columns.len()];
        match given {
            RowValues::Positional(given) if given.len() == values.len() => values.clone_from(given),
            RowValues::Positional(_) => return None,
            RowValues::Named(given) => {
                for (name, value) in given {
                    values[table.position(name).ok()?] = value.clone();
                }
            }
        }
        for (value, column) in values.iter_mut().zip(&table.columns) {
            *value = column.affinity.apply(value.clone());
        }
        Some(values)
    };
    insert.rows_given().iter().filter_map(row).collect()
}

/// Whether a statement on this table names a column of the key, be it with the same value.
fn names(step: &Moment, table: &TableEntry, key: &ForeignKeyEntry) -> bool {
    let Operation::Statement(statement) = &step.operation else { return false };
    if !statement.table().eq_ignore_ascii_case(table.name()) {
        return false;
    }
    let named =
        |column: &str| table.position(column).is_ok_and(|position| key.columns.contains(&position));
    match statement {
        Statement::Insert(insert) => match insert.conflict() {
            OnConflict::Replace => true,
            OnConflict::Upsert(upsert) => upsert.assigned_columns().any(named),
            OnConflict::Abort | OnConflict::Ignore => false,
        },
        Statement::Update(update) => update.assigned_columns().any(named),
        Statement::Delete(_) => false,
    }
}

/// Whether a statement updates rows of this table without naming a column of the key, this row
/// perhaps among them: an UPDATE, or an upsert that has not inserted the row.
fn is_update_of_others(
    step: &Moment,
    table: &TableEntry,
    key: &ForeignKeyEntry,
    row_id: i64,
) -> bool {
    let Operation::Statement(statement) = &step.operation else { return false };
    let may_update = match statement {
        Statement::Update(_) => true,
        Statement::Insert(insert) => {
            matches!(insert.conflict(), OnConflict::Upsert(_)) && !step.matched.contains(&row_id)
        }
        Statement::Delete(_) => false,
    };
    let is_here = statement.table().eq_ignore_ascii_case(table.name());
    may_update && is_here && !names(step, table, key)
}

/// Whether a statement has written the row of this id, if that is still there. `written` is a row as it
/// would be then, `after` what is there under the id.
fn is_matched(
    step: &Moment,
    table: &TableEntry,
    row_id: i64,
    after: Option<&[Value]>,
    written: &[Value],
    doubt: Doubt,
) -> bool {
    let Operation::Statement(statement) = &step.operation else { return false };
    let is_here = step.matched.contains(&row_id);
    match statement {
        Statement::Update(update) => {
            let is_ignoring = matches!(update.conflict(), OnConflict::Ignore);
            let is_skipped = match doubt {
                Doubt::No => step.changed < step.matched.len(),
                Doubt::Yes => after.is_some_and(|row| lacks_assigned(update, table, row)),
            };
            is_here && !(is_ignoring && is_skipped)
        }
        Statement::Insert(_) => {
            let is_updated = || step.updated.iter().any(|updated| updated == written);
            let is_id = |at: usize, row: &[Value]| row[at] == Value::Integer(row_id);
            let is_offered = |at| offered(step, table.id).iter().any(|row| is_id(at, row));
            is_here
                || table.row_id_column.is_some_and(is_offered)
                || (doubt == Doubt::Yes && is_updated())
        }
        Statement::Delete(_) => false,
    }
}

/// Whether a row lacks a value that an UPDATE assigns to a column which no action writes.
fn lacks_assigned(update: &Update, table: &TableEntry, row: &[Value]) -> bool {
    update.assignments.iter().any(|(column, value)| {
        let (Ok(at), Some(value)) = (table.position(column), value.as_literal()) else {
            return false;
        };
        let is_free = !table.foreign_keys.iter().any(|key| key.columns.contains(&at));
        let assigned = table.columns[at].affinity.apply(value.clone());
        is_free && row.get(at).is_some_and(|value| *value != assigned)
    })
}

/// Whether a statement on this table assigns the column at a position: an UPDATE or an upsert.
fn assigns(step: &Moment, table: &TableEntry, position: usize) -> bool {
    let Operation::Statement(statement) = &step.operation else { return false };
    if !statement.table().eq_ignore_ascii_case(table.name()) {
        return false;
    }
    let is_it = |column: &str| table.position(column).is_ok_and(|at| at == position);
    match statement {
        Statement::Update(update) => update.assigned_columns().any(is_it),
        Statement::Insert(insert) => match insert.conflict() {
            OnConflict::Upsert(upsert) => upsert.assigned_columns().any(is_it),
            OnConflict::Abort | OnConflict::Ignore | OnConflict::Replace => false,
        },
        Statement::Delete(_) => false,
    }
}

fn is_update_of(step: &Moment, table: &TableEntry) -> bool {
    match &step.operation {
        Operation::Statement(statement @ Statement::Update(_)) => {
            statement.table().eq_ignore_ascii_case(table.name())
        }
        _ => false,
    }
}

/// Whether a row of this table may have changed its row id: if an UPDATE or upsert assigns it, or an
/// action may.
fn may_move(step: &Moment, table: &TableEntry) -> bool {
    let Some(row_id) = table.row_id_column else { return false };
    let is_update = matches!(&step.operation, Operation::Statement(Statement::Update(_)));
    if is_update && step.matched.is_empty() {
        return false;
    }
    // SET NULL cannot, nor SET DEFAULT without a default: the row id is never NULL.
    let has_default = !table.columns[row_id].default.is_null();
    let moves = |key: &ForeignKeyEntry| {
        let rules = [key.update_rule(), key.delete_rule()];
        key.update_rule() == ReferentialAction::Cascade
            || (has_default && rules.contains(&ReferentialAction::SetDefault))
    };
    let mut over = table.foreign_keys.iter().filter(|key| key.columns.contains(&row_id));
    assigns(step, table, row_id) || over.any(moves)
}

fn name_accepted(
    history: &[Moment],
    moment: &Moment,
    found: &Dangling<'_>,
    ends: bool,
) -> Option<Exception> {
    // Also where it was off already: SQLite forgets all the same.
    let ended_deferral = history.iter().any(|step| step.operation == Operation::SetDeferAll(false));
    if ends && ended_deferral {
        return Some(Exception::E3);
    }
    let steps = || history.iter().filter(|_| ends).chain([moment]);
    if sets_null(found.key) && steps().any(|step| replaces(step, found.key)) {
        return Some(Exception::E8);
    }
    if ends && history.iter().any(|step| takes_back(step, &moment.before)) {
        return Some(Exception::E8);
    }
    let before = history.first().unwrap_or(moment);
    let had_dangling = dangling(&before.catalog, &before.before, |_| true).next().is_some();
    if had_dangling {
        return Some(Exception::E1);
    }
    let catalog = &moment.catalog;
    let has_self = catalog.tables().flat_map(|table| &table.foreign_keys).any(is_self);
    has_self.then_some(Exception::E5)
}

fn sets_null(key: &ForeignKeyEntry) -> bool {
    [key.delete_rule(), key.update_rule()].contains(&ReferentialAction::SetNull)
}

/// Whether a statement may delete or update rows of the key's table before it writes its own.
fn replaces(step: &Moment, key: &ForeignKeyEntry) -> bool {
    let Operation::Statement(statement) = &step.operation else { return false };
    let conflict = match statement {
        Statement::Insert(insert) => insert.conflict(),
        Statement::Update(update) => update.conflict(),
        Statement::Delete(_) => return false,
    };
    let table = step.catalog_before.find_table(statement.table());
    table.is_some_and(|table| table.id == key.table)
        && matches!(conflict, OnConflict::Replace | OnConflict::Upsert(_))
}

/// Whether a row whose check was left out has gone since, or its key has: that takes back what was
/// never counted, and so makes up for another row.
fn takes_back(step: &Moment, now: &State) -> bool {
    let unchecked =
        dangling(&step.catalog, &step.after, |key| sets_null(key) && replaces(step, key));
    let is_left = |found: &Dangling<'_>| {
        let same = |row: &[Value]| {
            row.len() == found.row.len() && values_of(found.key, row) == found.values()
        };
        rows(now, found.key.table).iter().any(|(id, row)| *id == found.row_id && same(row))
    };
    unchecked.into_iter().any(|found| !is_left(&found))
}

fn name_refused(moment: &Moment, ends: bool) -> Option<Exception> {
    if ends {
        return Some(Exception::E2);
    }
    if matches!(moment.operation, Operation::DropTable(_)) {
        return Some(Exception::E9);
    }
    let catalog = &moment.catalog;
    let selves: Vec<TableId> = catalog
        .tables()
        .filter(|table| table.foreign_keys.iter().any(is_self))
        .map(|table| table.id)
        .collect();
    let mut old = dangling(catalog, &moment.before, |key| selves.contains(&key.table));
    if old.next().is_some() {
        return Some(Exception::E6);
    }
    if dangling(catalog, &moment.before, |_| true).next().is_some() {
        return Some(Exception::E1);
    }
    let Operation::Statement(statement) = &moment.operation else { return None };
    let table = catalog.find_table(statement.table())?;
    selves.contains(&table.id).then_some(Exception::E5)
}

fn is_self(key: &ForeignKeyEntry) -> bool {
    key.resolved().is_some_and(|to| to.table == key.table)
}
