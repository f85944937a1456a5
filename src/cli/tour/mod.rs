//! What becomes of the heroes when their team is deleted?
//!
//! The SQLModel documentation's chapter "Cascade Delete Relationships" answers with five programs, in
//! which the ORM and the database both have a hand. The tour plays them whole (`programs`): what the
//! session sends, what the foreign keys do about it, and what becomes of it if a line is taken out.
//!
//! Then it plays the database's half by itself on the same rows: Wakaland is deleted under each of the
//! five ON DELETE actions, with enforcement on and off. Each of the ten runs has a database of its
//! own, plans the delete, tries it, and keeps what it saw ([`Run`]). What the runs come to is read off
//! the tables ([`Outcome`]), and so is which sentence explains it; nothing but rows and sentences is
//! written down beforehand. `heroes` has the rows, `text` the screens.

mod heroes;
mod programs;
mod text;

use super::{ACTIONS, Failure, Format, action_parser};
use crate::catalog::{IndexKind, ReferentialAction};
use crate::database::Update;
use crate::database::{CheckReport, Database, Delete, Done, Enforcement, LetPass, Plan, Statement};
use crate::error::{Error, Result};
use crate::expression::{col, lit};
use crate::key;
use crate::value::Value;
use clap::{Args, ValueEnum};
use heroes::{Rows, WAKALAND};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::io::Write;

/// How to call the tour.
#[derive(Args, Debug)]
#[command(
    about = "Play the SQLModel tutorial's cascade deletes, session and database side by side",
    long_about = "Play the SQLModel tutorial's cascade deletes, session and database side by side.\n\n\
        Takes the three teams and five heroes of the SQLModel documentation's chapter\n\
        \"Cascade Delete Relationships\". First the chapter's five programs, and two that\n\
        others ask about: what they declare, what the session sends, what the foreign\n\
        keys do about it, and what becomes of it without this line or that. Then the\n\
        database by itself: team 3, Wakaland, is deleted ten times, under five actions,\n\
        with enforcement of foreign keys on and off, a screen each.",
    after_help = "Examples:\n  \
        ondelete tour                      seven programs, ten runs\n  \
        ondelete tour --part programs      the programs alone\n  \
        ondelete tour --action restrict    RESTRICT, enforced and not\n  \
        ondelete tour --enforcement off    what nobody keeps you from\n  \
        ondelete tour --format json        one JSON document, for machines"
)]
pub(super) struct TourArguments {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Which part; with --action or --enforcement, the database alone
    #[arg(long, value_enum, conflicts_with_all = ["actions", "enforcement"])]
    part: Option<Part>,

    /// Only the runs under this ON DELETE action; may be repeated
    #[arg(
        long = "action",
        value_name = "ACTION",
        ignore_case = true,
        value_parser = action_parser(),
    )]
    actions: Vec<ReferentialAction>,

    /// Whether foreign keys are enforced
    #[arg(long, value_enum)]
    enforcement: Option<Enforcements>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The programs, with their sessions
    Programs,
    /// The database by itself
    Database,
    /// Both
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Enforcements {
    /// Foreign keys are acted on
    On,
    /// They are declared, and nothing more
    Off,
    /// Each action in both ways
    Both,
}

impl TourArguments {
    fn part(&self) -> Part {
        let is_narrowed = !self.actions.is_empty() || self.enforcement.is_some();
        self.part.unwrap_or(if is_narrowed { Part::Database } else { Part::All })
    }

    /// The runs asked for, in the order of the tour.
    fn cases(&self) -> Vec<(ReferentialAction, Enforcement)> {
        let is_asked = |action| self.actions.is_empty() || self.actions.contains(&action);
        let actions = ACTIONS.iter().map(|(_, action)| *action).filter(|action| is_asked(*action));
        let enforcements: &[Enforcement] = match self.enforcement.unwrap_or(Enforcements::Both) {
            Enforcements::On => &[Enforcement::On],
            Enforcements::Off => &[Enforcement::Off],
            Enforcements::Both => &[Enforcement::On, Enforcement::Off],
        };
        actions.flat_map(|action| enforcements.iter().map(move |&each| (action, each))).collect()
    }
}

/// Plays the parts asked for and prints them.
pub(super) fn run(arguments: &TourArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let part = arguments.part();
    let programs = if part == Part::Database { Vec::new() } else { programs::play()? };
    let cases = if part == Part::Programs { Vec::new() } else { arguments.cases() };
    let runs = cases.into_iter().map(|(action, each)| Run::play(action, each));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    match arguments.format {
        Format::Text => text::write(&programs, &runs, out)?,
        Format::Json => {
            let all = serde_json::json!({ "programs": programs, "runs": runs });
            writeln!(out, "{all:#}")?;
        }
    }
    Ok(out.flush()?)
}

/// One delete of Wakaland: what was there, what was foreseen, what came.
#[derive(Debug, serde::Serialize)]
struct Run {
    action: ReferentialAction,
    enforcement: Enforcement,
    /// The chapter's programs that show it; none for a variant of ours.
    programs: &'static [&'static str],
    /// Both tables and their indexes, as SQL.
    schema: Vec<String>,
    /// The delete, as SQL.
    statement: String,
    before: Rows,
    #[serde(serialize_with = "write_plan")]
    plan: Plan,
    outcome: Outcome,
    /// What was done, if it went through.
    done: Option<Done>,
    /// Why it did not.
    error: Option<Refusal>,
    after: Rows,
    /// What the foreign key would have done, had it been enforced.
    let_pass: Vec<LetPass>,
    /// Rows whose key finds nothing now.
    dangling: CheckReport,
    /// Another way, where a program of the chapter takes one.
    instead: Option<Instead>,
    why: &'static str,
}

/// An error, and what SQLite itself would say.
#[derive(Debug, serde::Serialize)]
struct Refusal {
    message: String,
    sqlite: String,
    code: i32,
}

/// What program 005 does: take the heroes out of the team, then delete it.
#[derive(Debug, serde::Serialize)]
struct Instead {
    statement: String,
    heroes: usize,
    teams: usize,
    after: Rows,
}

impl Run {
    fn play(action: ReferentialAction, enforcement: Enforcement) -> Result<Run> {
        let mut db = heroes::database(action, enforcement)?;
        let fresh = db.fork()?;
        db.record_let_pass(true);
        let before = Rows::read(&db)?;
        let plan = db.plan_delete("team", key![WAKALAND])?;
        let (done, error) = match db.delete("team", key![WAKALAND]) {
            Ok(done) => (Some(done), None),
            Err(error) => (None, Some(Refusal::of(&db, &error))),
        };
        let after = Rows::read(&db)?;
        let outcome = Outcome::of(&before, &after);
        let programs = programs(action, enforcement);
        let instead = programs.contains(&CLEARS_FIRST).then(|| Instead::play(fresh)).transpose()?;
        Ok(Run {
            action,
            enforcement,
            programs,
            schema: schema(&db),
            statement: Statement::from(wakaland()).to_sql(db.catalog()),
            before,
            plan,
            outcome,
            done,
            error,
            after,
            let_pass: db.let_pass().to_vec(),
            dangling: db.check()?,
            instead,
            why: why(action, outcome),
        })
    }
}

impl Refusal {
    fn of(db: &Database, error: &Error) -> Self {
        Refusal {
            message: error.to_string(),
            sqlite: db.dialect().error_message(error),
            code: error.extended_code(),
        }
    }
}

impl Instead {
    fn play(mut db: Database) -> Result<Instead> {
        let clear = Update::of("hero").set("team_id", lit(())).filter(col("team_id").eq(WAKALAND));
        let statement = clear.to_string();
        let heroes = db.run(clear)?.direct;
        let teams = db.run(wakaland())?.direct;
        Ok(Instead { statement, heroes, teams, after: Rows::read(&db)? })
    }
}

fn wakaland() -> Delete {
    Delete::from("team").filter(key![WAKALAND])
}

fn schema(db: &Database) -> Vec<String> {
    let made = db.catalog().tables().map(|table| table.definition.to_string());
    let indexes = db.catalog().tables().flat_map(|table| &table.indexes);
    let created = indexes.filter_map(|index| match &index.kind {
        IndexKind::Created(index) => Some(index.to_string()),
        IndexKind::PrimaryKey | IndexKind::Unique => None,
    });
    made.chain(created).collect()
}

/// The program that empties the team before it deletes it.
const CLEARS_FIRST: &str = "005";

/// Which of the chapter's programs put the database in this situation.
fn programs(action: ReferentialAction, enforcement: Enforcement) -> &'static [&'static str] {
    use Enforcement::{Off, On};
    use ReferentialAction::{Cascade, NoAction, Restrict, SetDefault, SetNull};
    match (action, enforcement) {
        (Cascade, Off) => &["001"],
        (SetNull, Off) => &["002"],
        (SetNull, On) => &["003"],
        (Restrict, On) => &["004", CLEARS_FIRST],
        (Cascade, On) | (Restrict, Off) | (NoAction | SetDefault, On | Off) => &[],
    }
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The heroes are gone with their team.
    Gone,
    /// They have no team.
    Nulled,
    /// They have another team.
    Defaulted,
    /// The team is still there.
    Refused,
    /// They have a team that is not there.
    Dangling,
}

impl Outcome {
    /// Reads it off the tables: is the team there, and whom do its heroes name?
    fn of(before: &Rows, after: &Rows) -> Outcome {
        let wakaland = Value::from(WAKALAND);
        if after.team(&wakaland).is_some() {
            return Outcome::Refused;
        }
        let members = before.heroes().filter(|hero| *hero.team_id == wakaland);
        let left: Vec<_> = members.filter_map(|hero| after.hero(hero.id)).collect();
        if left.is_empty() {
            Outcome::Gone
        } else if left.iter().all(|hero| hero.team_id.is_null()) {
            Outcome::Nulled
        } else if left.iter().all(|hero| after.team(hero.team_id).is_some()) {
            Outcome::Defaulted
        } else {
            Outcome::Dangling
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Gone => "gone",
            Outcome::Nulled => "nulled",
            Outcome::Defaulted => "defaulted",
            Outcome::Refused => "refused",
            Outcome::Dangling => "dangling",
        })
    }
}

/// One sentence on why this action came to this.
fn why(action: ReferentialAction, outcome: Outcome) -> &'static str {
    use ReferentialAction::{Cascade, NoAction, Restrict, SetDefault, SetNull};
    match outcome {
        Outcome::Gone => {
            "CASCADE deletes every row that references a deleted row, so Wakaland's two heroes go \
             with their team, whether or not a program ever loaded them."
        }
        Outcome::Nulled => {
            "SET NULL keeps the heroes and takes their team away: the column allows NULL, and a \
             key that is NULL references nothing."
        }
        Outcome::Defaulted => {
            "SET DEFAULT gives the heroes their column's default, team 2, which is there, so the \
             key holds again."
        }
        Outcome::Refused => match action {
            Restrict => {
                "RESTRICT refuses at the row, at once: while a hero references Wakaland, the team \
                 cannot go."
            }
            NoAction | Cascade | SetNull | SetDefault => {
                "NO ACTION, which is what a foreign key has that names none, waits for the end of \
                 the statement, where two heroes still name a team that is gone, so all of it is \
                 undone."
            }
        },
        Outcome::Dangling => match action {
            Cascade => {
                "ON DELETE CASCADE is only words while enforcement is off, SQLite's own default: \
                 in tutorial 001 it is the ORM that deletes the heroes."
            }
            SetNull => {
                "ON DELETE SET NULL is only words while enforcement is off: in tutorial 002 it is \
                 the ORM that sets the heroes' team to NULL before it deletes the team."
            }
            Restrict => {
                "Even RESTRICT refuses nothing while enforcement is off: the team is deleted \
                 under its heroes, and nobody is told."
            }
            NoAction => {
                "Without enforcement nobody looks at the end of the statement either, so the two \
                 heroes keep the id of a team that is gone."
            }
            SetDefault => {
                "The default is there and is never used: while enforcement is off, an action does \
                 not run, and the heroes keep a team that is gone."
            }
        },
    }
}

fn write_plan<S: Serializer>(plan: &Plan, to: S) -> Result<S::Ok, S::Error> {
    plan.to_json().serialize(to)
}
