//! The chapter's programs played whole, and what becomes of them when a line is taken out.
//!
//! A [`Program`] is a way to declare and delete, a [`Case`], with the variants that are worth running
//! beside it. Each case gets a database and a session of its own: rows are made as the program makes
//! them, the parent is deleted as the program deletes it, and what was sent and done meanwhile is
//! written down ([`Played`]). Who changed the children, the session or the database, is read off that
//! log, and what became of them off the tables.
//!
//! `models` declares and fills the tables, `observe` watches what is sent, `screen` prints.

mod models;
mod observe;
mod screen;

use super::Outcome as Became;
use crate::catalog::ReferentialAction::{self, Cascade, Restrict, SetNull};
use crate::database::{Database, Enforcement};
use crate::expression::col;
use crate::key;
use crate::query::Select;
use crate::session::mapping::{Lazy, PassiveDeletes};
use crate::session::{Result, Session, SessionOptions};
use crate::value::Value;
use models::Sample;
use observe::{Log, Observed, Shared};
pub(super) use screen::lines;

/// A program and its variants.
struct Program {
    /// What it is called in the title.
    name: &'static str,
    case: Case,
    variants: Vec<(&'static str, Case)>,
    why: &'static str,
}

/// One way to declare a parent and its children, and to delete the parent.
#[derive(Clone, Copy, Debug)]
struct Case {
    sample: Sample,
    /// Of the relationship to the children; none for the default.
    cascade: Option<&'static str>,
    passive_deletes: PassiveDeletes,
    lazy: Lazy,
    on_delete: Option<ReferentialAction>,
    nullable: bool,
    enforcement: Enforcement,
    body: Body,
}

/// How the parent is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// `session.delete(team)`.
    Delete,
    /// The same, after `team.heroes` was read.
    ReadAndDelete,
    /// The same, after `team.heroes.clear()` in a session of its own.
    ClearAndDelete,
    /// `DELETE FROM team WHERE id = 3`, past the session.
    Direct,
}

/// What came of a case.
#[derive(Debug, serde::Serialize)]
struct Played {
    /// From the moment when the parent is looked up.
    log: Log,
    error: Option<String>,
    parent: Parent,
    children: Vec<Child>,
    outcome: Became,
    by: Option<By>,
}

/// The row that was to be deleted.
#[derive(Debug, serde::Serialize)]
struct Parent {
    id: i64,
    name: String,
    stays: bool,
}

/// A row that referenced it.
#[derive(Debug, serde::Serialize)]
struct Child {
    id: i64,
    name: String,
    /// Its key now; none if it is gone.
    key: Option<Value>,
}

/// Who changed the children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum By {
    Session,
    Database,
}

impl Case {
    fn of(sample: Sample) -> Case {
        Case {
            sample,
            cascade: None,
            passive_deletes: PassiveDeletes::No,
            lazy: Lazy::Select,
            on_delete: None,
            nullable: true,
            enforcement: Enforcement::Off,
            body: Body::Delete,
        }
    }

    fn play(&self) -> Result<Played> {
        let mapping = models::mapping(self)?;
        let mut db = Database::new(self.enforcement);
        models::create_tables(&mut db, &mapping)?;
        let (observed, log) = Observed::new(&mut db);
        let mut session = Session::over(Box::new(observed), &mapping, SessionOptions::default());
        models::fill(&mut session, self)?;
        log.restart();
        let error = match self.body {
            Body::Direct => None,
            Body::Delete | Body::ReadAndDelete | Body::ClearAndDelete => {
                self.delete(&mut session).err().map(|error| error.to_string())
            }
        };
        session.close()?;
        drop(session);
        let error = match self.body {
            Body::Direct => self.delete_directly(&mut db, &log),
            Body::Delete | Body::ReadAndDelete | Body::ClearAndDelete => error,
        };
        let parts = self.sample.parts();
        let parent = Parent {
            id: parts.id,
            name: parts.name.to_owned(),
            stays: !rows(&db, parts.parent.table, "id", parts.id).is_empty(),
        };
        let child = |&(id, name): &(i64, &str)| {
            let row = rows(&db, parts.child.table, "id", id).pop();
            let key = row.and_then(|row| row.last().cloned());
            Child { id, name: name.to_owned(), key }
        };
        let children: Vec<Child> = parts.children.iter().map(child).collect();
        let log = log.take();
        let (outcome, by) = (outcome(&parent, &children), log.who_changed(parts.child.table));
        Ok(Played { log, error, parent, children, outcome, by })
    }

    fn delete(&self, session: &mut Session<'_>) -> Result<()> {
        let parts = self.sample.parts();
        if self.body == Body::ClearAndDelete {
            let parent = session.query(parts.parent.class).filter("name", parts.name).one()?;
            session.clear(parent, parts.collection)?;
            session.add(parent)?;
            session.commit()?;
            session.reopen(SessionOptions::default())?;
        }
        let parent = session.query(parts.parent.class).filter("name", parts.name).one()?;
        if self.body == Body::ReadAndDelete {
            session.read(parent, parts.collection)?;
        }
        session.delete(parent)?;
        session.commit()
    }

    /// Deletes the parent without a session; what the database says if it refuses.
    fn delete_directly(&self, db: &mut Database, log: &Shared) -> Option<String> {
        let parts = self.sample.parts();
        let result = db.delete(parts.parent.table, key![parts.id]);
        let text = format!("DELETE FROM {} WHERE id = {}", parts.parent.table, parts.id);
        log.push_text(text, result.as_ref().map(|done| &done.by_constraint[..]).unwrap_or(&[]));
        result.err().map(|error| db.dialect().error_message(&error))
    }
}

/// The rows of a table whose column holds a number.
fn rows(db: &Database, table: &str, column: &str, value: i64) -> Vec<Vec<Value>> {
    let select = Select::from(table).filter(col(column).eq(value));
    db.select(&select).map(|selection| selection.rows).unwrap_or_default()
}

fn outcome(parent: &Parent, children: &[Child]) -> Became {
    let mut keys = children.iter().filter_map(|child| child.key.as_ref()).peekable();
    if parent.stays {
        Became::Refused
    } else if keys.peek().is_none() {
        Became::Gone
    } else if keys.all(Value::is_null) {
        Became::Nulled
    } else {
        Became::Dangling
    }
}

/// The five tutorial programs, and two that others ask about.
fn programs() -> Vec<Program> {
    use Enforcement::{Off, On};
    const ORPHANS: Option<&str> = Some("all, delete-orphan");
    let heroes = Case::of(Sample::Heroes);
    let first = Case { cascade: ORPHANS, on_delete: Some(Cascade), ..heroes };
    let second = Case { on_delete: Some(SetNull), ..heroes };
    let passive = Case { passive_deletes: PassiveDeletes::All, enforcement: On, ..heroes };
    let third = Case { on_delete: Some(SetNull), ..passive };
    let fourth = Case { on_delete: Some(Restrict), ..passive };
    let fifth = Case { body: Body::ClearAndDelete, ..fourth };
    let direct = |case: Case, enforcement| Case { body: Body::Direct, enforcement, ..case };
    let enrollments = Case { nullable: false, ..Case::of(Sample::Enrollments) };
    let items =
        Case { nullable: false, lazy: Lazy::Dynamic, enforcement: On, ..Case::of(Sample::Items) };
    vec![
        Program {
            name: "tutorial 001",
            case: first,
            variants: vec![
                ("without cascade_delete=True", Case { cascade: None, ..first }),
                ("without ondelete", Case { on_delete: None, ..first }),
                ("as SQL, past the session", direct(first, Off)),
                ("as SQL, enforced", direct(first, On)),
                (
                    "enforced, passive_deletes=True",
                    Case { passive_deletes: PassiveDeletes::Yes, enforcement: On, ..first },
                ),
            ],
            why: "cascade_delete=True has the session load and delete the heroes before the team. \
                  ondelete=\"CASCADE\" is for whoever comes past it, enforced.",
        },
        Program {
            name: "tutorial 002",
            case: second,
            variants: vec![
                ("without ondelete", Case { on_delete: None, ..second }),
                ("as SQL, past the session", direct(second, Off)),
                ("as SQL, enforced", direct(second, On)),
                ("team_id not nullable", Case { nullable: false, ..second }),
            ],
            why: "A relationship without a cascade gives up its children: the session loads the \
                  heroes and takes their team away before it deletes it.",
        },
        Program {
            name: "tutorial 003",
            case: third,
            variants: vec![
                ("without passive_deletes", Case { passive_deletes: PassiveDeletes::No, ..third }),
                ("without the pragma", Case { enforcement: Off, ..third }),
                ("team.heroes read before", Case { body: Body::ReadAndDelete, ..third }),
                (
                    "read, passive_deletes=True",
                    Case {
                        body: Body::ReadAndDelete,
                        passive_deletes: PassiveDeletes::Yes,
                        ..third
                    },
                ),
            ],
            why: "passive_deletes=\"all\" keeps the session's hands off the heroes, loaded or not. \
                  What becomes of them is the foreign key's, and enforcement's, to say.",
        },
        Program {
            name: "tutorial 004",
            case: fourth,
            variants: vec![
                ("without passive_deletes", Case { passive_deletes: PassiveDeletes::No, ..fourth }),
                ("without the pragma", Case { enforcement: Off, ..fourth }),
                ("as SQL, past the session", direct(fourth, On)),
                ("as SQL, not enforced", direct(fourth, Off)),
            ],
            why: "The session leaves the heroes alone and RESTRICT lets no team go that has any, so \
                  the commit fails and the transaction is rolled back.",
        },
        Program {
            name: "tutorial 005",
            case: fifth,
            variants: vec![
                ("without team.heroes.clear()", Case { body: Body::Delete, ..fifth }),
                ("without the pragma", Case { enforcement: Off, ..fifth }),
                ("without passive_deletes", Case { passive_deletes: PassiveDeletes::No, ..fifth }),
                (
                    "with cascade_delete=True",
                    Case { cascade: ORPHANS, passive_deletes: PassiveDeletes::No, ..fifth },
                ),
            ],
            why: "Cleared, the team has no heroes any more, and nothing is left for RESTRICT to \
                  find. With cascade_delete=True, clearing makes orphans of them, and orphans are \
                  deleted.",
        },
        Program {
            name: "Class and Enrollment",
            case: Case { cascade: Some("delete"), ..enrollments },
            variants: vec![
                ("without cascade=\"delete\"", enrollments),
                ("that, and class_id nullable", Case { nullable: true, ..enrollments }),
            ],
            why: "cascade=\"delete\" deletes what the session would otherwise set to NULL, which a \
                  column that is NOT NULL refuses.",
        },
        Program {
            name: "StoreModel and ItemModel",
            case: Case { cascade: Some("all, delete"), ..items },
            variants: vec![
                ("without cascade=\"all, delete\"", items),
                ("that, and store_id nullable", Case { nullable: true, ..items }),
                (
                    "with lazy=\"select\"",
                    Case { cascade: Some("all, delete"), lazy: Lazy::Select, ..items },
                ),
            ],
            why: "lazy=\"dynamic\" reads the items anew each time somebody asks for them, the delete \
                  included. Without a cascade they would be set to NULL, which NOT NULL refuses.",
        },
    ]
}

/// A program that was played, with its variants.
#[derive(Debug, serde::Serialize)]
pub(super) struct Shown {
    name: &'static str,
    /// The relationship and the foreign key.
    declares: [String; 2],
    #[serde(skip)]
    case: Case,
    played: Played,
    variants: Vec<Variant>,
    why: &'static str,
}

/// A variant that was played.
#[derive(Debug, serde::Serialize)]
struct Variant {
    change: &'static str,
    #[serde(flatten)]
    played: Played,
}

/// Plays them all.
pub(super) fn play() -> Result<Vec<Shown>> {
    let variant =
        |(change, case): (&'static str, Case)| Ok(Variant { change, played: case.play()? });
    let show = |Program { name, case, variants, why }: Program| {
        let variants = variants.into_iter().map(variant).collect::<Result<_>>()?;
        let declares = screen::declarations(&case);
        Ok(Shown { name, declares, case, played: case.play()?, variants, why })
    };
    programs().into_iter().map(show).collect()
}
