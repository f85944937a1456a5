//! How objects and relationships are loaded.
//!
//! Whatever is asked for becomes a [`Request`](plan::Request); `plan` makes one SELECT of it and says
//! what its rows hold; `populate` turns rows into objects, by way of the identity map; `post` is the
//! queue of what is loaded after the rows. The ways to ask are `query` (a program's queries), `get`
//! (by primary key, refresh, expired attributes), `lazy` (a relationship that is read), `selectin`
//! and `subquery` (a relationship of many objects at once), and `dynamic` (collections that are never
//! kept).
//!
//! An object that is in the identity map is not changed by a row, but for attributes that are not
//! loaded; one that is new, or refreshed, or met with `populate_existing`, takes all of it.

mod dynamic;
mod get;
mod lazy;
mod path;
mod plan;
mod populate;
mod post;
mod query;
mod selectin;
mod subquery;

pub(super) use populate::scalar;
pub use query::{LoadKind, Query, QueryIn};

use super::Session;
use super::id::ObjectId;
use super::mapping::{Lazy, RelationshipId};
use hashbrown::HashMap;
use path::Path;
use std::sync::Arc;

/// What a relationship's loader found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Loaded {
    /// It would have to do what is not permitted.
    NoResult,
    /// The key that it would look for was never set.
    NoValue,
    /// Loading put the attribute in place by the way.
    AlreadySet,
    /// There is nothing to load for this object: it has no row.
    Empty,
    /// These objects; none or one for a reference.
    Objects(Vec<ObjectId>),
}

/// How a query asked a relationship of its objects to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LoadOption {
    relationship: RelationshipId,
    lazy: Lazy,
}

/// The options of a query; they stay with the objects that it loads.
type LoadOptions = Arc<[LoadOption]>;

impl Session<'_> {
    /// Lets what is merged onto an object be loaded from now on as the object that is merged.
    pub(super) fn take_load_options(&mut self, from: ObjectId, to: ObjectId) {
        if from == to {
            return;
        }
        self.loads.copy_origin(from, to);
        let loaders = self.state(from).extras().map(|extras| extras.loaders.clone());
        if let Some(loaders) = loaders.filter(|loaders| !loaders.is_empty()) {
            self.state_mut(to).extras_mut().loaders = loaders;
        }
    }
}

/// What a session remembers of its loads.
#[derive(Debug, Default)]
pub(super) struct Loads {
    /// The number of the last query.
    last_run: u32,
    /// Object → the query that met it last.
    runs: Vec<u32>,
    /// Objects that were loaded with options → the options, and the path they apply to.
    origins: HashMap<ObjectId, (LoadOptions, Path), foldhash::fast::FixedState>,
}

impl Loads {
    fn next_run(&mut self) -> u32 {
        self.last_run += 1;
        self.last_run
    }

    /// Notes that a query met an object; whether for the first time.
    fn meets(&mut self, object: ObjectId, run: u32) -> bool {
        let is_new = self.is_new_to(object, run);
        if self.runs.len() <= object.index() {
            self.runs.resize(object.index() + 1, 0);
        }
        self.runs[object.index()] = run;
        is_new
    }

    fn is_new_to(&self, object: ObjectId, run: u32) -> bool {
        self.runs.get(object.index()).copied() != Some(run)
    }

    /// The shortest of the paths by which a query meets an object counts.
    fn shorten_origin(&mut self, object: ObjectId, path: &Path) {
        if let Some((_, known)) = self.origins.get_mut(&object)
            && path.steps().len() < known.steps().len()
        {
            *known = path.clone();
        }
    }

    /// Lets an object have been loaded as another one was.
    fn copy_origin(&mut self, from: ObjectId, to: ObjectId) {
        match self.origins.get(&from).cloned() {
            Some(origin) => self.origins.insert(to, origin),
            None => self.origins.remove(&to),
        };
    }

    fn set_origin(&mut self, object: ObjectId, options: &LoadOptions, path: &Path) {
        if options.is_empty() {
            self.origins.remove(&object);
        } else {
            self.origins.insert(object, (options.clone(), path.clone()));
        }
    }
}
