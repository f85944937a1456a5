//! Golden scripts: commands and what came of them as plain text, to be read, argued with and
//! recorded again.
//!
//! A script is a file of stanzas, each a comment that says what is shown, commands, `---`, and the
//! output as it was recorded. [`run`] carries out the commands on a database of their own and fails
//! where the output differs; with `UPDATE_GOLDENFILES=1` in the environment it records instead.
//!
//! ```text
//! # SET NULL: the heroes stay, without a team.
//! [plan,rows]> delete team 3
//! ---
//! plan: delete team: 1 row (3)
//! plan: └─ hero_team_id_fkey: set null in hero (2 rows; 4, 5)
//! 1 row; hero_team_id_fkey: 2 rows of hero updated
//! team: (1, 'Preventers')
//! hero: (4, 'Black Lion', NULL) (5, 'Princess Sure-E', NULL)
//! ```
//!
//! Nobody writes expectations by hand, so each command is held to more than its text:
//!
//! * [`Database::verify`] finds nothing after it, and one that fails leaves everything as it was;
//! * a plan leaves everything as it was, and says what the statement then does;
//! * with feature `sqlite`, a real SQLite is told the same, and must agree in success, message, code,
//!   counters and all rows. So what is recorded is SQLite's behaviour and not just ours. A script
//!   that begins with `# Exception E` is about one of the listed differences and is not compared.
//!
//! # Commands
//!
//! A command is a line of words after `>`; one that needs no signs can do without the `>`. `!` before
//! it says that it fails. Values are SQL's literals, names in double quotes are never keywords, and
//! expressions need spaces around a minus. What a statement did is printed; the other commands print
//! nothing when they go through.
//!
//! ```text
//! > table hero (id integer primary key, name text not null, team_id integer \
//!     constraint in_team references team (id) on delete set null deferred)
//! > insert hero 4 'Black Lion' 3 / 5 'Princess Sure-E' 3     insert-or-ignore, replace
//! > insert hero id = 6 name = 'Tarantula'
//! > upsert hero 4 'Lion' 3 on (id) set name = excluded.name where team_id > 1
//! > upsert hero 4 'Lion' 3 on any                            do nothing
//! > update hero set team_id = 1 where name like 'B%'         update-or-ignore, update-or-replace
//! > update hero 4 set team_id = 1                            by primary key
//! delete team 3                                              delete team rowid 3
//! > delete team where id in (1, 2)
//! > select id, name from hero where id > 1 order by name desc, id limit 2 offset 1
//! rows hero                                                  rows
//! plan delete team 3
//! begin   commit   rollback   savepoint a   release a   rollback-to a
//! enforce off   defer-all on   outstanding   check   changes
//! record on   let-pass
//! rename-table hero villain   rename-column hero name title
//! > add-column hero age integer default 3                    drop-column hero age
//! > unique-index by_name on hero (name collate nocase desc) where age > 3
//! drop-index by_name   drop hero   print hero
//! > chain 1000 node (id integer primary key, up integer references node on delete cascade)
//! new                                                        an empty database, enforced
//! depth-limit none                                           the same, not compared
//! fork                                                       then fork: delete team 3
//! ```
//!
//! # Tags
//!
//! `[plan]` prints the statement's plan before it is done, `[rows]` all rows afterwards, `[message]`
//! SQLite's own line and code of an error. `[undo]` rolls the command back and demands that all is as
//! before. `[ours]` asks SQLite nothing: for what only the typed interface can say.

mod command;
mod definition;
mod lexer;
mod parser;
#[cfg(feature = "sqlite")]
mod sqlite;

use super::{Effect, Operation};
use crate::catalog::{Catalog, Table};
use crate::database::{
    ByConstraint, Control, Database, Dialect, Done, Enforcement, EnforcementChange, Insert,
    LetPassKind, RowValues, Statement,
};
use crate::error::{Error, Event, Rows};
use crate::query::{Select, Selection};
use crate::value::{Key, Value};
use command::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How many rows of a table are printed before the rest is only counted.
const ROWS_MAX: usize = 20;

type Failure = Box<dyn std::error::Error>;

/// Runs the script in this file, or records it anew if `UPDATE_GOLDENFILES=1`.
///
/// # Errors
/// If the file cannot be read, a command cannot be understood, succeeds or fails unexpectedly, or
/// SQLite disagrees; with the line.
///
/// # Panics
/// If the output is not as recorded; with the difference.
pub fn run(path: impl AsRef<Path>) -> std::io::Result<()> {
    let text = std::fs::read_to_string(&path)?;
    let compare = if text.starts_with("# Exception E") { Compare::No } else { Compare::Yes };
    let main = Session::new(compare).map_err(std::io::Error::other)?;
    let mut script = Script { sessions: BTreeMap::from([(String::new(), main)]) };
    goldenscript::run(&mut script, path)
}

/// Whether SQLite is asked the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Yes,
    No,
}

/// A script being run: its database, and the fork if one was made, by the prefix of their lines.
struct Script {
    sessions: BTreeMap<String, Session>,
}

/// A line as it was read; `Err` in `try_from` ends the script, whether or not it was to fail.
struct Line(Command);

impl TryFrom<&goldenscript::Command> for Line {
    type Error = Failure;

    fn try_from(raw: &goldenscript::Command) -> Result<Self, Failure> {
        let mut line = raw.name.clone();
        for argument in &raw.args {
            match argument {
                goldenscript::Argument::Positional(word) => line = format!("{line} {word}"),
                _ => return Err("a command with signs begins with >".into()),
            }
        }
        Ok(Line(command::parse(&line)?))
    }
}

impl goldenscript::Runner for Script {
    type Command = Line;

    fn start_command(
        &mut self,
        line: &Line,
        context: &goldenscript::Context,
    ) -> Result<String, Failure> {
        let prefix = context.prefix.clone().unwrap_or_default();
        match (self.sessions.get_mut(&prefix), &line.0) {
            (Some(session), Command::Operation(Operation::Statement(statement)))
                if context.tags.contains("plan") =>
            {
                Ok(session.plan_lines(statement))
            }
            _ => Ok(String::new()),
        }
    }

    fn run(&mut self, line: &Line, context: &goldenscript::Context) -> Result<String, Failure> {
        let known = ["plan", "rows", "message", "undo", "ours"];
        let prefix = context.prefix.clone().unwrap_or_default();
        let Some(session) = self.sessions.get_mut(&prefix) else {
            return Err(format!("there is no database {prefix:?}").into());
        };
        if let Some(tag) = context.tags.iter().find(|tag| !known.contains(&tag.as_str())) {
            session.complaints.push(format!("there is no tag [{tag}]"));
        }
        if matches!(line.0, Command::Fork) {
            let fork = session.fork()?;
            self.sessions.insert("fork".to_owned(), fork);
            return Ok(String::new());
        }
        session.run(&line.0, &context.tags)
    }

    fn end_command(&mut self, _: &Line, _: &goldenscript::Context) -> Result<String, Failure> {
        for session in self.sessions.values_mut() {
            session.complaints.extend(session.db.verify());
            if !session.complaints.is_empty() {
                return Err(session.complaints.join("\n").into());
            }
        }
        Ok(String::new())
    }
}

/// A database, and SQLite beside it.
struct Session {
    db: Database,
    /// What `new` starts with.
    compare: Compare,
    #[cfg(feature = "sqlite")]
    judge: Option<sqlite::Judge>,
    /// What went wrong with the last command besides its failing, which may be expected.
    complaints: Vec<String>,
}

/// All that a failed command, a plan or a rollback leaves as it was.
#[derive(PartialEq)]
struct Snapshot {
    tables: Vec<String>,
    rows: Vec<Selection>,
    indexes: Vec<String>,
    outstanding: Vec<String>,
    is_in_transaction: bool,
}

impl Session {
    fn new(compare: Compare) -> Result<Self, String> {
        Session::with_dialect(Dialect::sqlite(), compare)
    }

    #[cfg(feature = "sqlite")]
    fn with_dialect(dialect: Dialect, compare: Compare) -> Result<Self, String> {
        let judge = match compare {
            Compare::Yes => Some(sqlite::Judge::new()?),
            Compare::No => None,
        };
        let db = Database::with_dialect(Enforcement::On, dialect);
        Ok(Session { db, compare, judge, complaints: Vec::new() })
    }

    #[cfg(not(feature = "sqlite"))]
    fn with_dialect(dialect: Dialect, compare: Compare) -> Result<Self, String> {
        let db = Database::with_dialect(Enforcement::On, dialect);
        Ok(Session { db, compare, complaints: Vec::new() })
    }

    fn fork(&self) -> Result<Self, Failure> {
        Ok(Session {
            db: self.db.fork()?,
            compare: self.compare,
            #[cfg(feature = "sqlite")]
            judge: self.judge.as_ref().map(sqlite::Judge::fork).transpose()?,
            complaints: Vec::new(),
        })
    }

    fn start_anew(&mut self, dialect: Dialect, compare: Compare) {
        match Session::with_dialect(dialect, compare) {
            Ok(session) => *self = Session { compare: self.compare, ..session },
            Err(complaint) => self.complaints.push(complaint),
        }
    }

    fn run(&mut self, command: &Command, tags: &BTreeSet<String>) -> Result<String, Failure> {
        if let Command::Operation(operation) = command {
            return self.operate(operation, tags);
        }
        let before = self.snapshot();
        let result = self.ask(command, tags);
        if self.snapshot() != before && !changes_database(command) {
            self.complaints.push("something has changed".to_owned());
        }
        result.map_err(|error| failure(&self.db, &error, tags))
    }

    /// Carries out what only reads, and the commands that stand for several operations.
    fn ask(&mut self, command: &Command, tags: &BTreeSet<String>) -> Result<String, Error> {
        match command {
            Command::Operation(_) | Command::Fork => Ok(String::new()),
            Command::Plan(statement) => Ok(self.db.plan(statement.clone())?.to_string()),
            Command::Select(select) => {
                let selection = self.db.select(select)?;
                if !tags.contains("ours") {
                    self.judge_select(select, &selection.rows);
                }
                Ok(row_texts(&selection.rows))
            }
            Command::Rows(Some(table)) => self.rows(table),
            Command::Rows(None) => Ok(self.all_rows()),
            Command::Print(table) => Ok(self.db.catalog().table(table)?.definition.to_string()),
            Command::Check => {
                let report = self.db.check()?;
                self.judge_check(report.total);
                Ok(report.to_string())
            }
            Command::Outstanding => {
                let lines = self.db.outstanding_violations();
                let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
                Ok(if lines.is_empty() { "none".to_owned() } else { lines.join("\n") })
            }
            Command::Changes => {
                let (changes, last) = (self.db.changes(), self.db.last_insert_row_id());
                self.judge_counters(changes, last.0);
                let total = self.db.total_changes();
                Ok(format!("{changes} direct, {total} in all, last row id {last}"))
            }
            Command::Record(record) => {
                self.db.record_let_pass(*record);
                Ok(String::new())
            }
            Command::LetPass => Ok(self.let_pass()),
            Command::Chain { table, rows } => self.chain(table, *rows),
            Command::New => {
                self.start_anew(Dialect::sqlite(), self.compare);
                Ok(String::new())
            }
            Command::DepthLimit(limit) => {
                self.start_anew(Dialect::sqlite().with_depth_limit(*limit), Compare::No);
                Ok(String::new())
            }
        }
    }

    fn operate(
        &mut self,
        operation: &Operation,
        tags: &BTreeSet<String>,
    ) -> Result<String, Failure> {
        let catalog = self.db.catalog().clone();
        let before = self.snapshot();
        if tags.contains("undo") {
            let begin = Operation::Control(Control::Savepoint("undo".to_owned()));
            self.carry_out(&begin, tags, &catalog).1?;
        }
        let (mut output, result) = self.carry_out(operation, tags, &catalog);
        if tags.contains("undo") {
            let name = || "undo".to_owned();
            for control in [Control::RollbackTo(name()), Control::Release(name())] {
                self.carry_out(&Operation::Control(control), tags, &catalog).1?;
            }
        }
        if (result.is_err() || tags.contains("undo")) && self.snapshot() != before {
            self.complaints.push("something has changed".to_owned());
        }
        if let Err(error) = result {
            return Err(failure(&self.db, &error, tags));
        }
        if tags.contains("rows") {
            let lines = [output, self.all_rows()];
            output = lines
                .iter()
                .filter(|text| !text.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join("\n");
        }
        Ok(output)
    }

    /// Does it here and in SQLite. The text is that of the effect.
    fn carry_out(
        &mut self,
        operation: &Operation,
        tags: &BTreeSet<String>,
        catalog: &Catalog,
    ) -> (String, Result<Effect, Error>) {
        let (text, result) = match operation {
            Operation::Statement(statement) => match self.db.run(statement.clone()) {
                Ok(done) => {
                    let effect = Effect { direct: done.direct, total: done.total() };
                    (done_text(&done), Ok(effect))
                }
                Err(error) => (String::new(), Err(error)),
            },
            Operation::SetEnforcement(enforcement) => {
                let text = match self.db.set_enforcement(*enforcement) {
                    EnforcementChange::Changed => "",
                    EnforcementChange::Unchanged => "unchanged",
                    EnforcementChange::IgnoredInTransaction => "ignored in a transaction",
                };
                (text.to_owned(), Ok(Effect::default()))
            }
            other => (String::new(), other.apply(&mut self.db)),
        };
        if !tags.contains("ours") {
            self.judge(operation, catalog, &result);
        }
        (text, result)
    }

    /// The plan, each line marked as one. What it says must be what then happens.
    fn plan_lines(&mut self, statement: &Statement) -> String {
        let before = self.snapshot();
        let plan = match self.db.plan(statement.clone()) {
            Ok(plan) => plan,
            Err(error) => return format!("plan: refused: {}\n", first_line(&error)),
        };
        if self.snapshot() != before {
            self.complaints.push("the plan has changed something".to_owned());
        }
        let mut copy = None;
        if !self.db.is_in_transaction() {
            copy = self.db.fork().ok();
        }
        let done = copy.map(|mut copy| copy.run(statement.clone()));
        let agrees = match (&done, &plan.refusal) {
            (Some(Ok(done)), None) => *done == plan.done,
            (Some(Err(error)), Some(refusal)) => error == refusal,
            (None, _) => true,
            _ => false,
        };
        if !agrees {
            self.complaints.push(format!("the plan promises otherwise: {plan:?}, {done:?}"));
        }
        let mut lines = String::new();
        for line in plan.to_string().lines().take_while(|line| !line.starts_with("refused: ")) {
            lines.push_str(&format!("plan: {line}\n"));
        }
        if let Some(refusal) = &plan.refusal {
            lines.push_str(&format!("plan: refused: {}\n", first_line(refusal)));
        }
        lines
    }

    /// Creates the table and rows 1 to `rows`, each of which references the one before it.
    fn chain(&mut self, table: &Table, rows: i64) -> Result<String, Error> {
        let before = |id: i64| if id == 1 { Value::Null } else { Value::from(id - 1) };
        let rows = (1..=rows).map(|id| RowValues::Positional(vec![id.into(), before(id)]));
        let insert = Insert::into(table.name()).rows(rows);
        let mut text = String::new();
        for operation in
            [Operation::CreateTable(table.clone()), Operation::Statement(insert.into())]
        {
            let catalog = self.db.catalog().clone();
            let (said, result) = self.carry_out(&operation, &BTreeSet::new(), &catalog);
            result?;
            text = said;
        }
        Ok(text)
    }

    fn rows(&self, table: &str) -> Result<String, Error> {
        let selection = self.db.select(&Select::from(table))?;
        let name = self.db.catalog().table(table)?.name();
        Ok(format!("{name}: {}", row_texts(&selection.rows)))
    }

    fn all_rows(&self) -> String {
        let tables = self.db.catalog().tables();
        let lines = tables.map(|table| self.rows(table.name()).unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn let_pass(&self) -> String {
        let line = |entry: &crate::database::LetPass| {
            let kind = match entry.kind {
                LetPassKind::Action(action) => action.to_string(),
                LetPassKind::Check => "check".to_owned(),
            };
            let event = format!("{:?}", entry.event).to_lowercase();
            format!("{}: {event}, {kind}, {}", entry.constraint, Rows(entry.rows))
        };
        match self.db.let_pass() {
            [] => "nothing".to_owned(),
            entries => entries.iter().map(line).collect::<Vec<_>>().join("\n"),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let tables = || self.db.catalog().tables();
        let select = |name: &str| self.db.select(&Select::from(name)).unwrap_or_default();
        let violations = self.db.outstanding_violations();
        Snapshot {
            tables: tables().map(|table| table.definition.to_string()).collect(),
            rows: tables().map(|table| select(table.name())).collect(),
            indexes: self.db.catalog().index_names().collect(),
            outstanding: violations.iter().map(ToString::to_string).collect(),
            is_in_transaction: self.db.is_in_transaction(),
        }
    }
}

#[cfg(feature = "sqlite")]
impl Session {
    fn judge(&mut self, operation: &Operation, before: &Catalog, ours: &Result<Effect, Error>) {
        let Some(judge) = &mut self.judge else { return };
        self.complaints.extend(judge.judge(operation, before, &self.db, ours).err());
    }

    fn judge_select(&mut self, select: &Select, ours: &[Vec<Value>]) {
        let Some(judge) = &self.judge else { return };
        self.complaints.extend(judge.judge_select(select, ours).err());
    }

    fn judge_check(&mut self, total: usize) {
        let Some(judge) = &self.judge else { return };
        self.complaints.extend(judge.judge_check(total).err());
    }

    fn judge_counters(&mut self, changes: usize, last: i64) {
        let Some(judge) = &self.judge else { return };
        self.complaints.extend(judge.judge_counters(changes, last).err());
    }
}

#[cfg(not(feature = "sqlite"))]
impl Session {
    fn judge(&mut self, _: &Operation, _: &Catalog, _: &Result<Effect, Error>) {}

    fn judge_select(&mut self, _: &Select, _: &[Vec<Value>]) {}

    fn judge_check(&mut self, _: usize) {}

    fn judge_counters(&mut self, _: usize, _: i64) {}
}

fn changes_database(command: &Command) -> bool {
    matches!(command, Command::Chain { .. } | Command::New | Command::DepthLimit(_))
}

fn failure(db: &Database, error: &Error, tags: &BTreeSet<String>) -> Failure {
    let mut text = error.to_string();
    if tags.contains("message") {
        let message = db.dialect().error_message(error);
        text.push_str(&format!("\nSQLite: {message} ({})", error.extended_code()));
    }
    text.into()
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// `1 row; hero_team_id_fkey: 2 rows of hero updated`.
fn done_text(done: &Done) -> String {
    let mut text = Rows(done.direct).to_string();
    if done.replaced > 0 {
        text.push_str(&format!("; replaced {}", Rows(done.replaced)));
    }
    for entry in &done.by_constraint {
        let ByConstraint { rows, .. } = entry;
        let (constraint, table) = (entry.constraint(), entry.table());
        let done = if entry.event == Event::Delete { "deleted" } else { "updated" };
        text.push_str(&format!("; {constraint}: {} of {table} {done}", Rows(*rows)));
    }
    text
}

/// `(1, 'a') (2, NULL)`; of many rows the first three and their number.
fn row_texts(rows: &[Vec<Value>]) -> String {
    if rows.is_empty() {
        return "no rows".to_owned();
    }
    let shown = if rows.len() > ROWS_MAX { 3 } else { rows.len() };
    let texts = rows.iter().take(shown).map(|row| Key::from(row.clone()).to_string());
    let mut text = texts.collect::<Vec<_>>().join(" ");
    if rows.len() > shown {
        text.push_str(&format!(" … {} in all", Rows(rows.len())));
    }
    text
}
