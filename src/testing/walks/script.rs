//! A case as a list of lines: to be repeated, made shorter, and read.

use super::{Coverage, Database, Dialect, Disagreement, Enforcement, Found, Mismatch, Pair};
use crate::database::{Insert, RowValues, Statement};
use crate::testing::operation::Operation;
use crate::testing::shrink::shrink;
use crate::testing::trigger::Trigger;

/// A line of a script.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// This operation.
    Do(Operation),
    /// This program.
    Attach(Trigger),
    /// From here on, two copies.
    Fork,
}

/// An empty database, and what is done to it.
#[derive(Clone, Debug)]
pub(super) struct Script {
    enforcement: Enforcement,
    depth_limit: Option<usize>,
    pub(super) lines: Vec<Line>,
}

impl Script {
    pub(super) fn new(enforcement: Enforcement, depth_limit: Option<usize>) -> Self {
        Script { enforcement, depth_limit, lines: Vec::new() }
    }

    pub(super) fn database(&self) -> Database {
        let dialect = match self.depth_limit {
            Some(limit) => Dialect::sqlite().with_depth_limit(Some(limit)),
            None => Dialect::sqlite(),
        };
        Database::with_dialect(self.enforcement, dialect)
    }

    /// Carries out a line and remembers it.
    pub(super) fn push(&mut self, db: &mut Database, line: Line) {
        apply(&line, db);
        self.lines.push(line);
    }

    /// As SQL, with a comment where the copies are made.
    fn to_sql(&self) -> String {
        let mut db = self.database();
        let limit = self.depth_limit.map(|limit| format!(".limit trigger_depth {limit}\n"));
        let mut sql = limit.unwrap_or_default();
        let switch = Operation::SetEnforcement(self.enforcement).to_sql(db.catalog());
        sql.push_str(&format!("{switch};\n"));
        for line in &self.lines {
            let text = match line {
                Line::Do(operation) => format!("{};\n", operation.to_sql(db.catalog())),
                Line::Attach(trigger) => format!("{trigger};\n"),
                Line::Fork => "-- On two copies:\n".to_owned(),
            };
            sql.push_str(&text);
            apply(line, &mut db);
        }
        sql
    }
}

/// What is refused stays in the script.
fn apply(line: &Line, db: &mut Database) {
    match line {
        Line::Do(operation) => {
            let _ = operation.apply(db);
        }
        Line::Attach(trigger) => {
            let _ = trigger.attach(db);
        }
        Line::Fork => {}
    }
}

impl Found {
    /// The same disagreement, of as few lines as can be.
    pub(super) fn shrink(self) -> Disagreement {
        let Found { script, mismatch } = self;
        let with = |lines: &[Line]| Script { lines: lines.to_vec(), ..script.clone() };
        let replay = |lines: &[Line]| replay(&with(lines));
        let is_same = |one: &Mismatch, other: &Mismatch| one.what == other.what;
        let mut found = (script.lines.clone(), mismatch);
        // Rows one by one, if that shows it as well.
        let single: Vec<Line> = found.0.iter().flat_map(one_by_one).collect();
        if let Some((length, shown)) = replay(&single)
            && is_same(&shown, &found.1)
        {
            found = (single[..length].to_vec(), shown);
        }
        let (lines, mismatch) = shrink(found.0, found.1, replay, is_same);
        let Mismatch { what, values } = mismatch;
        Disagreement { what: what.to_owned(), values, script: with(&lines).to_sql() }
    }
}

/// An INSERT of several rows as several of one; any other line as it is.
fn one_by_one(line: &Line) -> Vec<Line> {
    let Line::Do(Operation::Statement(statement @ Statement::Insert(insert))) = line else {
        return vec![line.clone()];
    };
    let single = |row: &RowValues| {
        let one = Insert::into(statement.table()).row(row.clone());
        Line::Do(Operation::Statement(one.on_conflict(insert.conflict().clone()).into()))
    };
    insert.rows_given().iter().map(single).collect()
}

/// How many lines it takes until the two ways part, if they do.
fn replay(script: &Script) -> Option<(usize, Mismatch)> {
    let mut db = script.database();
    let mut pair: Option<Pair> = None;
    let mut coverage = Coverage::default();
    for (at, line) in script.lines.iter().enumerate() {
        match (&mut pair, line) {
            (_, Line::Fork) if db.is_in_transaction() => return None,
            (_, Line::Fork) => pair = Some(Pair::of(&db)),
            (Some(pair), Line::Do(operation)) => {
                if let Err(mismatch) = pair.step(operation, &mut coverage) {
                    return Some((at + 1, mismatch));
                }
            }
            (_, line) => apply(line, &mut db),
        }
    }
    None
}
