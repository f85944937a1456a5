//! Deletes set at a time and row by row, held to the same.
//!
//! A case is one generated database, to which changes are made. Between them it is forked, again and
//! again; one copy may go set at a time, the other one always goes row by row, and both carry out the
//! same short sequence: deletes, in or out of a transaction, with and without enforcement. Compared
//! after each operation are: its outcome, with the whole error; the rows of all tables; `changes()`
//! and `total_changes()`; how many rows changed in which table over which constraint; what is
//! outstanding; and what storage says of itself. After a rollback both must be as they were.
//!
//! A row that two constraints reach may be counted for either. So counts are compared by constraint
//! where rows are updated, and by table where they are deleted.

mod coverage;
mod levels;
mod script;

pub use coverage::Coverage;
pub use levels::delete_what_is_reached_twice;

use super::generate::Generator;
use super::operation::Operation;
use super::reference::Rows;
use super::{rows, same};
use crate::database::{Control, Database, Dialect, Done, Enforcement, Statement, Walk};
use crate::error::{Error, Event};
use script::{Line, Script};
use std::collections::BTreeMap;
use std::fmt;

/// Rounds of a case: so many times its database is changed, and deleted from.
const ROUNDS: usize = 10;
/// Sequences of a round.
const SEQUENCES: usize = 6;

/// Something on which the two ways disagree.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// What was compared.
    pub what: String,
    /// What came of going row by row, and of going set at a time.
    pub values: String,
    /// The operations that lead there as SQL, the last one being where they part.
    pub script: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disagreement { what, values, script } = self;
        write!(f, "{what}: expected is row by row, found is set at a time\n{values}\n{script}")
    }
}

/// Runs cases until so many deletes have been compared.
///
/// # Errors
/// The first disagreement, with the shortest script found.
pub fn run(seed: u64, deletes: usize) -> Result<Coverage, Box<Disagreement>> {
    let mut coverage = Coverage::default();
    let mut case = 0;
    while coverage.deletes() < deletes {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(case);
        if let Some(found) = run_case(seed, &mut coverage) {
            return Err(Box::new(found.shrink()));
        }
        case += 1;
    }
    Ok(coverage)
}

/// Whether a case ends in a disagreement.
pub fn disagrees(seed: u64, coverage: &mut Coverage) -> bool {
    run_case(seed, coverage).is_some()
}

/// A case that ended in a disagreement.
struct Found {
    script: Script,
    mismatch: Mismatch,
}

/// A comparison that failed.
struct Mismatch {
    what: &'static str,
    values: String,
}

fn run_case(seed: u64, coverage: &mut Coverage) -> Option<Found> {
    let mut generator = Generator::for_deletes(seed);
    let mut script = Script::new(generator.enforcement(), generator.depth_limit());
    let mut db = script.database();
    while generator.is_planning() {
        let operation = generator.next(&db);
        script.push(&mut db, Line::Do(operation));
    }
    for trigger in generator.triggers(db.catalog()) {
        script.push(&mut db, Line::Attach(trigger));
    }
    for _ in 0..generator.filling() {
        let operation = generator.change(&db);
        script.push(&mut db, Line::Do(operation));
    }
    script.push(&mut db, Line::Do(Operation::SetEnforcement(Enforcement::On)));
    for _ in 0..ROUNDS {
        for _ in 0..generator.changes() {
            let operation = generator.change(&db);
            script.push(&mut db, Line::Do(operation));
        }
        for _ in 0..SEQUENCES {
            let mut pair = Pair::of(&db);
            let mut lines = vec![Line::Fork];
            for wish in generator.sequence() {
                let operation = generator.fulfil(wish, &pair.set);
                let compared = pair.step(&operation, coverage);
                lines.push(Line::Do(operation));
                if let Err(mismatch) = compared {
                    script.lines.append(&mut lines);
                    return Some(Found { script, mismatch });
                }
            }
        }
    }
    coverage.databases += 1;
    None
}

/// The same database twice, going one way each.
struct Pair {
    set: Database,
    exact: Database,
    /// All rows where the transaction began, and where the savepoint was set.
    begun: Option<Rows>,
    saved: Option<Rows>,
}

impl Pair {
    fn of(db: &Database) -> Self {
        let fork = |walk| {
            let mut fork = db.fork().expect("no transaction is open between sequences");
            fork.set_walk(walk);
            fork
        };
        Pair { set: fork(Walk::Auto), exact: fork(Walk::Exact), begun: None, saved: None }
    }

    /// Does one operation to both and compares.
    fn step(&mut self, operation: &Operation, coverage: &mut Coverage) -> Result<(), Mismatch> {
        let is_delete = matches!(operation, Operation::Statement(Statement::Delete(_)));
        let before = self.set.walks();
        if let Operation::Control(control) = operation {
            self.note(control);
        }
        let exact = perform(operation, &mut self.exact);
        let set = perform(operation, &mut self.set);
        if is_delete {
            coverage.delete(before, &self.set, &set);
        }
        let refusal = |outcome: &Result<Option<Done>, Error>| outcome.as_ref().err().cloned();
        check("refusal", &refusal(&exact), &refusal(&set))?;
        if let (Ok(Some(exact)), Ok(Some(set))) = (&exact, &set) {
            check("rows changed", &(exact.direct, exact.total()), &(set.direct, set.total()))?;
            check("rows changed by constraint", &by_constraint(exact), &by_constraint(set))?;
            coverage.counts(exact, set);
        }
        let counters = |db: &Database| (db.changes(), db.total_changes());
        check("changes() and total_changes()", &counters(&self.exact), &counters(&self.set))?;
        let (exact, set) = (rows(&self.exact), rows(&self.set));
        check("rows", &exact, &set)?;
        let outstanding = |db: &Database| db.outstanding_violations();
        check("outstanding", &outstanding(&self.exact), &outstanding(&self.set))?;
        let verified = (self.exact.verify(), self.set.verify());
        check("indexes", &(Vec::new(), Vec::new()), &verified)?;
        match operation {
            Operation::Control(Control::Rollback) => check("undone", &self.begun, &Some(set)),
            Operation::Control(Control::RollbackTo(_)) => check("undone", &self.saved, &Some(set)),
            _ => Ok(()),
        }
    }

    fn note(&mut self, control: &Control) {
        let now = || Some(rows(&self.exact));
        match control {
            Control::Begin => self.begun = now(),
            Control::Savepoint(_) => self.saved = now(),
            Control::Commit | Control::Rollback | Control::Release(_) | Control::RollbackTo(_) => {}
        }
    }
}

fn perform(operation: &Operation, db: &mut Database) -> Result<Option<Done>, Error> {
    match operation {
        Operation::Statement(statement) => db.run(statement.clone()).map(Some),
        _ => operation.apply(db).map(|_| None),
    }
}

/// Rows by table and event; of updates, by constraint as well.
fn by_constraint(done: &Done) -> BTreeMap<(String, bool, Option<String>), usize> {
    let mut counts = BTreeMap::new();
    for entry in &done.by_constraint {
        let is_update = entry.event == Event::Update;
        let constraint = is_update.then(|| entry.constraint().to_owned());
        *counts.entry((entry.table().to_owned(), is_update, constraint)).or_default() += entry.rows;
    }
    counts
}

fn check<T: PartialEq + fmt::Debug>(
    what: &'static str,
    exact: &T,
    set: &T,
) -> Result<(), Mismatch> {
    same("", exact, set).map_err(|values| Mismatch { what, values })
}
