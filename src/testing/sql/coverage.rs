//! What a run has tried, and whether that was enough.

use super::twins::{Step, Told, Way};
use std::collections::BTreeMap;
use std::fmt;

/// Counts of one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Statements that were compared.
    pub statements: usize,
    /// Those that were prepared as they are, and not with others that differ in literals.
    pub prepared: usize,
    /// Scripts.
    pub scripts: usize,
    /// Statements and what they did, each with those that went through.
    pub kinds: BTreeMap<&'static str, (usize, usize)>,
    /// Refusals, by what they say without its names.
    pub refusals: BTreeMap<String, usize>,
    /// Scripts ended by one of SQLite's own defects.
    pub exceptions: BTreeMap<&'static str, usize>,
    /// Scripts ended because a statement takes too long.
    pub too_long: usize,
    /// Scripts ended by what is not done here.
    pub unsupported: usize,
}

/// What a statement may be or hold, by the words it has, and how many of each ten thousand
/// statements at least are that and go through.
const KINDS: [(&str, &[&str], usize); 44] = [
    ("INSERT", &["INSERT INTO"], 500),
    ("INSERT OR", &["INSERT OR"], 100),
    ("REPLACE", &["REPLACE INTO"], 50),
    ("INSERT of a query", &["INTO", " SELECT "], 50),
    ("upsert", &[" DO UPDATE "], 30),
    ("DO NOTHING", &[" DO NOTHING"], 15),
    ("UPDATE", &["UPDATE ", " SET "], 500),
    ("UPDATE OR", &["UPDATE OR "], 100),
    ("DELETE", &["DELETE FROM"], 300),
    ("RETURNING", &[" RETURNING "], 100),
    ("subquery", &["(SELECT "], 100),
    ("SELECT", &["SELECT "], 300),
    ("WITH", &["WITH w"], 2),
    ("BEGIN", &["BEGIN"], 50),
    ("COMMIT", &["COMMIT"], 30),
    ("ROLLBACK", &["ROLLBACK"], 20),
    ("SAVEPOINT", &["SAVEPOINT "], 30),
    ("RELEASE", &["RELEASE "], 10),
    ("CREATE TABLE", &["CREATE TABLE"], 100),
    ("WITHOUT ROWID", &[" WITHOUT ROWID"], 30),
    ("temporary table", &["CREATE TEMP TABLE"], 10),
    ("STRICT", &["CREATE ", "TABLE ", " STRICT"], 10),
    ("AUTOINCREMENT", &["CREATE ", "TABLE ", " AUTOINCREMENT"], 10),
    ("generated column", &["CREATE ", "TABLE ", "g", " AS ("], 15),
    ("UPDATE FROM", &["UPDATE ", " FROM (SELECT "], 20),
    ("row value", &[") IS ("], 10),
    ("row value in rows", &[") IN (VALUES "], 10),
    ("index on an expression", &["CREATE ", "INDEX ", " (("], 2),
    ("temporary table's trigger", &["CREATE TRIGGER", " ON temp_"], 5),
    ("attached table", &["CREATE TABLE aux."], 3),
    ("attached table's trigger", &["CREATE TRIGGER aux."], 2),
    ("temporary trigger", &["CREATE TEMP TRIGGER"], 5),
    ("CREATE INDEX", &["CREATE ", "INDEX "], 20),
    ("partial index", &["CREATE ", "INDEX ", " WHERE "], 1),
    ("CREATE TRIGGER", &["CREATE TRIGGER"], 50),
    ("INSTEAD OF", &["INSTEAD OF"], 1),
    ("CREATE VIEW", &["CREATE VIEW"], 20),
    ("RENAME", &[" RENAME "], 15),
    ("ADD COLUMN", &["ADD COLUMN"], 3),
    ("DROP COLUMN", &["DROP COLUMN"], 1),
    ("DROP TABLE", &["DROP TABLE"], 5),
    ("DROP", &["DROP "], 20),
    ("PRAGMA", &["PRAGMA "], 200),
    ("defer_foreign_keys", &["defer_foreign_keys"], 2),
];

/// What a statement did, as the engine tells, and how many of ten thousand at least did so.
const EFFECTS: [(&str, usize); 3] = [
    ("changed rows over a foreign key", 4),
    ("changed rows by a trigger", 15),
    ("replaced rows", 10),
];

/// How many of ten thousand statements at least are refused in these words.
const REFUSALS: [(&str, usize); 13] = [
    ("FOREIGN KEY constraint failed", 200),
    ("UNIQUE constraint failed", 200),
    ("NOT NULL constraint failed", 50),
    ("CHECK constraint failed", 30),
    ("datatype mismatch", 10),
    ("foreign key mismatch", 3),
    ("no such table", 10),
    ("no such column", 10),
    ("no such savepoint", 10),
    ("cannot commit", 3),
    ("cannot start a transaction", 3),
    ("cannot modify", 1),
    ("trigger", 3),
];

/// At most so many of a hundred scripts end early.
const ENDED_MAX: usize = 10;

impl Coverage {
    /// Notes a statement that was run on both.
    pub(super) fn note(&mut self, step: &Step, told: &Told) {
        let (sql, answer) = (&step.sql, &told.answer);
        self.statements += 1;
        self.prepared += usize::from(step.way == Way::Prepared);
        for (kind, words, _) in KINDS {
            if words.iter().all(|word| sql.contains(word)) {
                let (all, accepted) = self.kinds.entry(kind).or_default();
                *all += 1;
                *accepted += usize::from(answer.is_ok());
            }
        }
        if let Some(done) = &told.done {
            let did = [done.constrained() > 0, done.by_program > 0, done.replaced > 0];
            for ((effect, _), did) in EFFECTS.into_iter().zip(did) {
                self.kinds.entry(effect).or_default().1 += usize::from(did);
            }
        }
        if let Err(error) = answer {
            *self.refusals.entry(without_names(&error.message)).or_default() += 1;
        }
    }

    pub(super) fn exception(&mut self, exception: &'static str) {
        *self.exceptions.entry(exception).or_default() += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        self.statements += other.statements;
        self.prepared += other.prepared;
        self.scripts += other.scripts;
        self.too_long += other.too_long;
        self.unsupported += other.unsupported;
        for (kind, (all, accepted)) in &other.kinds {
            let own = self.kinds.entry(kind).or_default();
            own.0 += all;
            own.1 += accepted;
        }
        for (line, count) in &other.refusals {
            *self.refusals.entry(line.clone()).or_default() += count;
        }
        for (exception, count) in &other.exceptions {
            *self.exceptions.entry(exception).or_default() += count;
        }
    }

    /// What the run has tried too seldom; empty if nothing.
    pub fn below_floor(&self) -> Vec<String> {
        let mut low = Vec::new();
        let mut floor = |what: &str, count: usize, of_ten_thousand: usize| {
            let floor = of_ten_thousand * self.statements / 10_000;
            if count < floor {
                low.push(format!("{what}: {count}, less than {floor}"));
            }
        };
        floor("prepared", self.prepared, 2_000);
        let accepted = |kind: &str| self.kinds.get(kind).map_or(0, |(_, accepted)| *accepted);
        for (kind, _, least) in KINDS {
            floor(kind, accepted(kind), least);
        }
        for (effect, least) in EFFECTS {
            floor(effect, accepted(effect), least);
        }
        for (line, least) in REFUSALS {
            let said = self.refusals.iter().filter(|(other, _)| other.contains(line));
            floor(line, said.map(|(_, count)| count).sum(), least);
        }
        let ended = self.too_long + self.unsupported + self.exceptions.values().sum::<usize>();
        if ended * 100 > ENDED_MAX * self.scripts {
            low.push(format!("{ended} of {} scripts ended early", self.scripts));
        }
        low
    }
}

/// A line of refusal up to the first thing that it names.
fn without_names(line: &str) -> String {
    line.split([':', '"']).next().unwrap_or_default().trim().to_owned()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} statements ({} prepared as they are) in {} scripts, of which {} were ended by a statement that takes too long, {} by \
             one that is not done here",
            self.statements, self.prepared, self.scripts, self.too_long, self.unsupported
        )?;
        for (kind, (all, accepted)) in &self.kinds {
            writeln!(f, "  {kind}: {accepted} went through of {all}")?;
        }
        for (line, count) in &self.refusals {
            writeln!(f, "  refused, {line}: {count}")?;
        }
        for (exception, count) in &self.exceptions {
            writeln!(f, "  scripts ended as SQLite {exception}: {count}")?;
        }
        Ok(())
    }
}
