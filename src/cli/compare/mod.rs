//! `ondelete compare`: one delete under every strategy.
//!
//! A scenario gives models, rows and a delete: its steps up to the first `delete` are carried out, and
//! that object's class and key are remembered. Then each [`Way`] deletes it, on a fork of the database
//! of its own: the one-to-many relationships of the class get the way's cascade and passive deletes, a
//! new session loads the object, reads its collections or not, deletes it and commits.
//!
//! Ways that end alike, in all tables and in the error, make one class. Its reason, why it does not
//! end as the class after it, is that of `session::agreement`, where that covers the models.

mod run;
mod text;

use super::scenario::{Prepared, prepare};
use super::{Failure, Format};
use crate::database::Enforcement;
use crate::session::agreement::{Agreement, DefaultKey, Deletion, Reason, Strategy, agrees};
use crate::session::mapping::PassiveDeletes;
use clap::Args;
use run::{Ending, Outcome, Rows};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::PathBuf;

/// Delete a scenario's object under every strategy of the session, and say what differs
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    ondelete compare examples/heroes.json\n  \
    ondelete compare examples/heroes.json --format json")]
pub(super) struct CompareArguments {
    /// The scenario: its models, the rows made before its first delete, and that delete
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What relationships may say of their cascade: all that matters is `delete`.
const CASCADES: [&str; 4] = ["save-update, merge", "none", "all, delete", "all, delete-orphan"];

/// What may be left to the delete rule, with the names that one writes.
const PASSIVE: [(&str, PassiveDeletes); 3] = [
    ("False", PassiveDeletes::No),
    ("True", PassiveDeletes::Yes),
    ("\"all\"", PassiveDeletes::All),
];

/// One way to delete the object.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Way {
    enforcement: Enforcement,
    cascade: &'static str,
    passive: (&'static str, PassiveDeletes),
    loaded: bool,
}

impl Way {
    /// All ways, those that one meets most often first.
    fn all() -> Vec<Way> {
        let mut ways = Vec::new();
        for enforcement in [Enforcement::On, Enforcement::Off] {
            for cascade in CASCADES {
                for passive in PASSIVE {
                    for loaded in [false, true] {
                        ways.push(Way { enforcement, cascade, passive, loaded });
                    }
                }
            }
        }
        ways
    }

    fn is_enforced(self) -> bool {
        self.enforcement == Enforcement::On
    }
}

/// Ways that end alike.
struct Class {
    ways: Vec<Way>,
    /// What came of the first of them.
    witness: Outcome,
    /// Why the next class ends otherwise; `None` for the last one, and where no reason is known.
    reason: Option<Reason>,
}

pub(super) fn run(arguments: &CompareArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let prepared = prepare(&arguments.file)?;
    let classes = classes(&prepared);
    match arguments.format {
        Format::Text => text::write(&prepared, &classes, out)?,
        Format::Json => writeln!(out, "{:#}", as_json(&prepared, &classes))?,
    }
    Ok(())
}

fn classes(prepared: &Prepared) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for way in Way::all() {
        let witness = run::delete(prepared, way);
        match classes.iter_mut().find(|class| class.witness.ending == witness.ending) {
            Some(class) => class.ways.push(way),
            None => classes.push(Class { ways: vec![way], witness, reason: None }),
        }
    }
    for at in 1..classes.len() {
        let foretold = [at - 1, at].map(|at| deletion(prepared, &classes[at]));
        if let [Some(one), Some(next)] = foretold
            && let Agreement::Different { reason, .. } = agrees(&one, &next)
        {
            classes[at - 1].reason = Some(reason);
        }
    }
    classes
}

/// The first way of a class as the prediction sees it.
fn deletion(prepared: &Prepared, class: &Class) -> Option<Deletion> {
    let way = class.ways[0];
    let mut deletion = Deletion::of(&prepared.mapping, &prepared.class, way.enforcement).ok()?;
    let strategy = Strategy::default().cascade(way.cascade).ok()?;
    if let Some(own) = deletion.links.first_mut().and_then(|link| link.strategy.as_mut()) {
        // What is loaded with its parent is loaded in any case.
        let loaded = own.loaded || way.loaded;
        *own = Strategy { passive_deletes: way.passive.1, loaded, ..strategy };
    }
    for link in &mut deletion.links {
        link.has_rows = prepared.db.row_count(&*link.table).is_ok_and(|rows| rows > 0);
        // Whether its default leads to a row is seen from what came of it.
        let is_lost = class.witness.ending.error.is_some();
        if link.default == DefaultKey::Present && is_lost {
            link.default = DefaultKey::Absent;
        }
    }
    Some(deletion)
}

fn as_json(prepared: &Prepared, classes: &[Class]) -> Json {
    let classes = classes.iter().map(|class| {
        let Ending { error, tables, .. } = &class.witness.ending;
        let tables = tables.iter().map(|(name, rows)| {
            let Rows { gone, nulled, changed, dangling, kept } = *rows;
            json!({
                "table": name, "gone": gone, "nulled": nulled, "changed": changed,
                "dangling": dangling, "kept": kept,
            })
        });
        json!({
            "ways": class.ways.iter().map(|way| way_json(*way)).collect::<Json>(),
            "error": error.as_ref().map(|(class, message)| json!({
                "class": class, "message": message,
            })),
            "tables": tables.collect::<Json>(),
            "witness": {
                "way": way_json(class.ways[0]),
                "statements": class.witness.statements,
                "rows_loaded": class.witness.rows_loaded,
            },
            "differs_from_next": class.reason.map(|reason| format!("{reason:?}")),
        })
    });
    json!({
        "class": prepared.class,
        "key": prepared.key_text(),
        "relationships": prepared.relationships,
        "classes": classes.collect::<Json>(),
    })
}

fn way_json(way: Way) -> Json {
    json!({
        "enforcement": way.is_enforced(),
        "cascade": way.cascade,
        "passive_deletes": match way.passive.1 {
            PassiveDeletes::No => json!(false),
            PassiveDeletes::Yes => json!(true),
            PassiveDeletes::All => json!("all"),
        },
        "loaded": way.loaded,
    })
}
