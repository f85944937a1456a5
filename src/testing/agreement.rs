//! Deletions of a parent under two strategies, really done: what `session::agreement` foretells.
//!
//! A [`Case`] is a chain of tables, each referencing the one before, with rows, and two ways in which
//! its relationships are configured and loaded. [`Case::observe`] builds the models, fills a database,
//! lets each way loose on a fork of it, and looks at everything afterwards: all tables, the state of
//! all objects and what reading them comes to, the error. [`Case::deletion`] is the same as the
//! prediction sees it.
//!
//! In each table there is one row more, [`BYSTANDER`], that has nothing to do with it; a default may
//! lead there.

use crate::catalog::{Name, ReferentialAction};
use crate::database::{Database, Enforcement, Selector};
use crate::expression::lit;
use crate::row;
use crate::session::agreement::{
    Cause, DefaultKey, Deletion, Ending, Link, Moment, Objects, Rows, Strategy as OneStrategy,
};
use crate::session::backend::{Backend, Memory};
use crate::session::mapping::{
    ColumnDefinition, ColumnType, ForeignKeyDefinition, Initially, Mapping, Model, PassiveDeletes,
    RelationshipDefinition, ServerDefault, TableDefinition,
};
use crate::session::{Assigned, Error, ErrorClass, ObjectId, ObjectState, Session};
use crate::value::Value;
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, any};
use proptest::sample::select;
use proptest::strategy::Strategy;
use std::sync::Arc;

/// The key of the row in each table that is not concerned.
pub const BYSTANDER: i64 = 99;
/// A key that no row has.
const NOBODY: i64 = 77;
/// The key of the parent that is deleted.
const PARENT: i64 = 1;

/// How often a cascade is chosen tells how people write them; all that matters is `delete`.
const CASCADES: [&str; 4] = ["none", "save-update, merge", "all, delete", "all, delete-orphan"];

/// A table of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The ON DELETE action, if one is written.
    pub rule: Option<ReferentialAction>,
    /// Whether the key takes NULL.
    pub nullable: bool,
    /// Whether the key is part of the primary key; then it does not.
    pub in_primary_key: bool,
    /// DEFERRABLE INITIALLY DEFERRED.
    pub deferred: bool,
    /// The default of the key.
    pub default: Option<i64>,
    /// Whether there is a relationship that leads here.
    pub related: bool,
    /// Whether there is one that leads back, too.
    pub mirrored: bool,
    /// Rows for each row of the table before.
    pub rows: usize,
}

/// What a relationship does, and whether its collection is read before the delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handling {
    /// `cascade`.
    pub cascade: &'static str,
    /// `passive_deletes`.
    pub passive_deletes: PassiveDeletes,
    /// Whether the collections of that level are read before.
    pub loaded: bool,
}

/// A chain of tables, and two ways to delete the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Whether foreign keys are acted on.
    pub enforcement: Enforcement,
    /// Whether the program has objects of all rows before the delete.
    pub holds_objects: bool,
    /// The tables below the parent's.
    pub levels: Vec<Level>,
    /// What the relationships do, a list each with as many as there are levels.
    pub ways: [Vec<Handling>; 2],
}

/// What has come of a deletion.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The error, without the numbers of objects, and when it came.
    pub error: Option<(ErrorClass, String, Moment)>,
    /// The rows of all tables.
    pub tables: Vec<Vec<Vec<Value>>>,
    /// For each object that the program held: where it stands, and whether reading it found a row.
    pub objects: Vec<(usize, i64, ObjectState, Result<Assigned, ErrorClass>)>,
}

/// Chains of one to three tables below the parent's, over every rule, deferral and default, and two
/// ways of deleting that differ in one relationship or in all of them.
pub fn cases() -> impl Strategy<Value = Case> {
    (1..=3usize).prop_flat_map(|depth| {
        let both = (vec(handling(), depth), vec(handling(), depth), 0..depth, weighted(0.6));
        let ways = both.prop_map(|(one, other, at, is_close)| {
            let mut second = other;
            if is_close {
                let kept = second[at];
                second.clone_from(&one);
                second[at] = kept;
            }
            [one, second]
        });
        let enforcement = weighted(0.8).prop_map(|is_on| match is_on {
            true => Enforcement::On,
            false => Enforcement::Off,
        });
        let case = (enforcement, any::<bool>(), vec(level(), depth), ways);
        case.prop_map(|(enforcement, holds_objects, levels, ways)| Case {
            enforcement,
            holds_objects,
            levels,
            ways,
        })
    })
}

fn level() -> impl Strategy<Value = Level> {
    let rules = select(vec![
        ReferentialAction::Cascade,
        ReferentialAction::SetNull,
        ReferentialAction::SetDefault,
        ReferentialAction::Restrict,
        ReferentialAction::NoAction,
    ]);
    let key = (option::weighted(0.85, rules), weighted(0.7), weighted(0.1), weighted(0.3));
    let default = option::weighted(0.7, select(vec![BYSTANDER, BYSTANDER, NOBODY, PARENT]));
    let rows = proptest::prop_oneof![1 => Just(0usize), 6 => 1..=3usize];
    (key, default, weighted(0.85), any::<bool>(), rows).prop_map(
        |((rule, nullable, in_primary_key, deferred), default, related, mirrored, rows)| Level {
            rule,
            nullable: nullable && !in_primary_key,
            in_primary_key,
            deferred,
            default,
            related,
            mirrored,
            rows,
        },
    )
}

fn handling() -> impl Strategy<Value = Handling> {
    let passive = select(vec![PassiveDeletes::No, PassiveDeletes::Yes, PassiveDeletes::All]);
    let handling = (select(CASCADES.to_vec()), passive, any::<bool>());
    // What cannot be configured is tried, but does not crowd out the rest.
    let rarely_refused = weighted(0.1);
    (handling, rarely_refused).prop_map(|((cascade, passive_deletes, loaded), stays)| {
        let is_refused = passive_deletes == PassiveDeletes::All && cascade.contains("delete");
        let cascade = if is_refused && !stays { CASCADES[1] } else { cascade };
        Handling { cascade, passive_deletes, loaded }
    })
}

impl Case {
    /// What the prediction is told.
    pub fn deletion(&self, way: usize) -> Deletion {
        let link = |(at, (level, handling)): (usize, (&Level, &Handling))| Link {
            table: table_name(at + 1),
            rule: level.rule.unwrap_or_default(),
            nullable: level.nullable,
            in_primary_key: level.in_primary_key,
            deferred: level.deferred,
            default: match level.default {
                None => DefaultKey::Null,
                Some(BYSTANDER) => DefaultKey::Present,
                Some(_) => DefaultKey::Absent,
            },
            strategy: level.related.then(|| handling.strategy()),
            has_rows: level.rows > 0,
        };
        let links = self.levels.iter().zip(&self.ways[way]).enumerate().map(link);
        Deletion {
            enforcement: self.enforcement,
            holds_objects: self.holds_objects,
            links: links.collect(),
        }
    }

    /// Deletes the parent both ways, on forks of one database.
    pub fn observe(&self) -> [Observed; 2] {
        let base = self.database();
        [0, 1].map(|way| {
            let mut fork = base.fork().expect("no transaction is open");
            self.delete(way, &mut fork)
        })
    }

    /// The models of one way, or why they are refused.
    pub fn mapping(&self, way: usize) -> Result<Arc<Mapping>, Error> {
        let handlings = self.ways[way].iter().copied().map(Some).collect::<Vec<_>>();
        self.configure(&handlings)
    }

    fn configure(&self, handlings: &[Option<Handling>]) -> Result<Arc<Mapping>, Error> {
        let models: Vec<Model> =
            (0..=self.levels.len()).map(|at| self.model(at, handlings)).collect();
        Mapping::configure(&models, &[]).mapping
    }

    /// The model of a level; a relationship without handling is left out.
    fn model(&self, at: usize, handlings: &[Option<Handling>]) -> Model {
        let mut model = Model::new(class_name(at), self.table(at));
        let related = |level: usize| self.levels[level].related && handlings[level].is_some();
        if at < self.levels.len()
            && related(at)
            && let Some(handling) = handlings[at]
        {
            let mut below = RelationshipDefinition::new("below", class_name(at + 1))
                .cascade(handling.cascade)
                .passive_deletes(handling.passive_deletes);
            if self.levels[at].mirrored {
                below = below.back_populates("above");
            }
            model = model.relationship(below);
        }
        if at > 0 && related(at - 1) && self.levels[at - 1].mirrored {
            let above = RelationshipDefinition::new("above", class_name(at - 1));
            model = model.relationship(above.back_populates("below"));
        }
        model
    }

    fn table(&self, at: usize) -> TableDefinition {
        let id = ColumnDefinition::new("id", ColumnType::Integer).primary_key();
        let table = TableDefinition::new(table_name(at));
        let Some(level) = at.checked_sub(1).map(|above| &self.levels[above]) else {
            return table.column(id);
        };
        let mut up = ColumnDefinition::new("up", ColumnType::Integer).nullable(level.nullable);
        if level.in_primary_key {
            up = up.primary_key();
        }
        if let Some(default) = level.default {
            let (text, meaning) = (default.to_string(), lit(default));
            up = up.server_default(ServerDefault { text, meaning });
        }
        let mut key = ForeignKeyDefinition::new(["up"], table_name(at - 1), ["id"]);
        if let Some(rule) = level.rule {
            key = key.on_delete(rule);
        }
        if level.deferred {
            key = key.deferrable(true).initially(Initially::Deferred);
        }
        // The next table references the id by itself.
        let id = if level.in_primary_key { id.unique() } else { id };
        table.column(id).column(up).foreign_key(key)
    }

    /// The tables with their rows.
    fn database(&self) -> Database {
        let plain = self.configure(&vec![None; self.levels.len()]).expect("tables do fit");
        let mut db = Database::new(self.enforcement);
        for table in plain.creation_order() {
            let created = Memory::new(&mut db).create_table(&plain[table]);
            created.expect("tables do fit");
        }
        for (at, rows) in self.rows().into_iter().enumerate() {
            let rows = rows.into_iter().map(|(id, up)| match at {
                0 => row![id],
                _ => row![id, up],
            });
            db.insert_many(&*table_name(at), rows)
                .expect("what they reference was inserted before");
        }
        db
    }

    /// For each table, the ids of its rows and what they reference; the bystander is the last one.
    fn rows(&self) -> Vec<Vec<(i64, i64)>> {
        let mut tables = vec![vec![(PARENT, 0), (BYSTANDER, 0)]];
        for level in &self.levels {
            let above = tables.last().expect("the parent's table is there");
            let concerned = above.iter().map(|(id, _)| *id).filter(|id| *id != BYSTANDER);
            let up = concerned.flat_map(|id| std::iter::repeat_n(id, level.rows));
            let mut rows: Vec<(i64, i64)> = (1..).zip(up).collect();
            rows.push((BYSTANDER, BYSTANDER));
            tables.push(rows);
        }
        tables
    }

    fn delete(&self, way: usize, db: &mut Database) -> Observed {
        let mut objects = Vec::new();
        let error = match self.mapping(way) {
            Err(error) => Some((error, Moment::Configuration)),
            Ok(mapping) => {
                let mut session = Session::new(db, &mapping);
                let (held, done) = self.delete_in(&mut session, way);
                if done.is_err() {
                    session.rollback().expect("a rollback goes through");
                }
                objects = held.into_iter().map(|held| look(&mut session, held)).collect();
                session.close().expect("nothing is left to fail");
                done.err()
            }
        };
        let tables = (0..=self.levels.len()).map(|at| {
            let rows = db.find(&*table_name(at), Selector::All).expect("it was created");
            rows.into_iter().map(|(_, row)| row.to_vec()).collect()
        });
        Observed {
            error: error.map(|(error, moment)| (error.class, without_numbers(&error), moment)),
            tables: tables.collect(),
            objects,
        }
    }

    /// Loads what is to be loaded and deletes the parent; with the objects that are held.
    fn delete_in(
        &self,
        session: &mut Session<'_>,
        way: usize,
    ) -> (Vec<Held>, Result<(), (Error, Moment)>) {
        let parent = [PARENT.into()];
        let found = session.get(&class_name(0), &parent).expect("loading goes through");
        let parent = found.expect("the parent is there");
        let mut held = vec![(0, PARENT, parent)];
        for (above, handling) in self.ways[way].iter().enumerate() {
            if handling.loaded && self.levels[above].related {
                for (_, owner) in load_all(session, above) {
                    session.read(owner, "below").expect("loading goes through");
                }
            }
        }
        if self.holds_objects {
            let levels = 1..=self.levels.len();
            let all = levels.flat_map(|at| {
                let objects = load_all(session, at).into_iter();
                objects.map(move |(id, object)| (at, id, object)).collect::<Vec<_>>()
            });
            held.extend(all);
        }
        let flushed = session.delete(parent).and_then(|()| session.flush());
        let done = flushed.map_err(|error| (error, Moment::Flush));
        (held, done.and_then(|()| session.commit().map_err(|error| (error, Moment::Commit))))
    }

    /// What was observed in the words of the prediction; an error if rows of one level ended
    /// differently.
    ///
    /// # Errors
    /// What does not fit into them.
    pub fn ending(&self, observed: &Observed) -> Result<Vec<(Rows, Option<Objects>)>, String> {
        let before = self.rows();
        let levels = before.iter().enumerate().map(|(at, rows)| {
            let concerned = rows.iter().filter(|(id, _)| *id != BYSTANDER);
            let endings: Vec<Rows> =
                concerned.map(|&(id, up)| self.row_ending(observed, at, id, up)).collect();
            let rows = only(&endings).ok_or_else(|| format!("rows of level {at}: {endings:?}"))?;
            let objects: Vec<Objects> = observed
                .objects
                .iter()
                .filter(|(level, id, ..)| *level == at && *id != BYSTANDER)
                .map(|(.., state, read)| object_ending(*state, read))
                .collect::<Result<_, _>>()?;
            let told = only(&objects).ok_or_else(|| format!("objects of level {at}"))?;
            Ok((rows.unwrap_or(Rows::Kept), told))
        });
        levels.collect()
    }

    fn row_ending(&self, observed: &Observed, at: usize, id: i64, up: i64) -> Rows {
        let find = |at: usize, id: i64| {
            observed.tables[at].iter().find(|row| row[0] == Value::Integer(id))
        };
        match find(at, id).map(|row| row.get(1)) {
            None => Rows::Gone,
            Some(None) => Rows::Kept,
            Some(Some(Value::Null)) => Rows::Nulled,
            Some(Some(now)) if *now != Value::Integer(up) => Rows::Defaulted,
            Some(Some(_)) if find(at - 1, up).is_some() => Rows::Kept,
            Some(Some(_)) => Rows::Dangling,
        }
    }

    /// Whether an observation is what was foretold.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, foretold: &Ending, observed: &Observed) -> Result<(), String> {
        let error = observed.error.as_ref().map(|(class, _, moment)| (*class, *moment));
        let expected = foretold.error().map(|(class, moment, _)| (class, moment));
        if error != expected {
            return Err(format!("foretold {expected:?}, came {:?}", observed.error));
        }
        if let (Some(refusal), Some((_, words, _))) = (foretold.refusal, &observed.error) {
            check_words(refusal.cause, refusal.level, words)?;
        }
        for (at, (rows, objects)) in self.ending(observed)?.into_iter().enumerate() {
            let fate = foretold.fate(at);
            if rows != fate.rows() || objects.is_some_and(|objects| objects != fate.objects()) {
                return Err(format!("level {at}: foretold {fate:?}, came {rows:?} {objects:?}"));
            }
        }
        Ok(())
    }
}

impl Handling {
    fn strategy(&self) -> OneStrategy {
        let strategy = OneStrategy::default().cascade(self.cascade);
        let strategy = strategy.expect("its words are cascades");
        let loaded = self.loaded;
        OneStrategy { passive_deletes: self.passive_deletes, loaded, ..strategy }
    }
}

/// A level, the id of a row, its object.
type Held = (usize, i64, ObjectId);

fn class_name(level: usize) -> String {
    format!("P{level}")
}

fn table_name(level: usize) -> Name {
    format!("p{level}").as_str().into()
}

/// All objects of a level, with the ids of their rows.
fn load_all(session: &mut Session<'_>, level: usize) -> Vec<(i64, ObjectId)> {
    let objects = session.query(class_name(level)).all().expect("loading goes through");
    let id = |object| match session.identity(object).map(|key| key[0].to_value()) {
        Some(Value::Integer(id)) => (id, object),
        other => unreachable!("the key of a row is an integer, not {other:?}"),
    };
    objects.into_iter().map(id).collect()
}

/// Where an object stands, and what reading its row comes to.
fn look(
    session: &mut Session<'_>,
    (level, id, object): Held,
) -> (usize, i64, ObjectState, Result<Assigned, ErrorClass>) {
    let state = session.object_state(object);
    let attribute = if level == 0 { "id" } else { "up" };
    let read = match state {
        // What is in memory of an object that left the session depends on what was loaded before.
        ObjectState::Detached => Err(ErrorClass::DetachedInstanceError),
        _ => session.read(object, attribute).map_err(|error| error.class),
    };
    (level, id, state, read)
}

fn object_ending(
    state: ObjectState,
    read: &Result<Assigned, ErrorClass>,
) -> Result<Objects, String> {
    match (state, read) {
        (ObjectState::Persistent, Ok(_)) => Ok(Objects::Persistent),
        (ObjectState::Persistent, Err(ErrorClass::ObjectDeletedError)) => Ok(Objects::Stale),
        (ObjectState::Detached, _) => Ok(Objects::Detached),
        other => Err(format!("an object is {other:?}")),
    }
}

/// The value that all of a list have; `Some(None)` for an empty list.
fn only<T: Copy + PartialEq>(all: &[T]) -> Option<Option<T>> {
    all.iter().all(|it| *it == all[0]).then(|| all.first().copied())
}

/// An error's words without the numbers of objects.
fn without_numbers(error: &Error) -> String {
    let mut words = error.message.split(" at 0x");
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, rest| {
        text + rest.trim_start_matches(|digit: char| digit.is_ascii_hexdigit())
    })
}

/// Whether the words of an error speak of its cause.
fn check_words(cause: Cause, level: usize, words: &str) -> Result<(), String> {
    let expected = match cause {
        Cause::NotConfigurable => format!("On P{}.below, can't set passive_deletes", level - 1),
        Cause::NullMeetsPrimaryKey => format!("blank-out primary key column 'p{level}.up'"),
        Cause::NullMeetsNotNull | Cause::RuleMeetsNotNull => {
            format!("NOT NULL constraint failed: p{level}.up")
        }
        Cause::DefaultLeadsNowhere | Cause::RefusedByRestrict | Cause::RefusedByNoAction => {
            "FOREIGN KEY constraint failed".to_owned()
        }
    };
    if words.contains(&expected) {
        return Ok(());
    }
    Err(format!("foretold \"{expected}\", came \"{words}\""))
}
