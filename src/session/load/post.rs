//! What is loaded after the rows: a queue of loaders by path, each for all objects that came along it.

use super::LoadOptions;
use super::path::Path;
use crate::session::id::ObjectId;
use crate::session::mapping::RelationshipId;
use crate::session::ordered::OrderedMap;
use crate::session::state::AttributeSet;

/// How a relationship is loaded after the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PostKind {
    /// For all objects at once, by their keys.
    Selectin,
    /// For each object by itself.
    Immediate,
    /// Only what the identity map has, since the path has been there already.
    FromIdentityMap,
}

/// A relationship to load for the objects of a path.
#[derive(Clone, Debug)]
pub(super) struct PostLoader {
    pub(super) relationship: RelationshipId,
    pub(super) kind: PostKind,
    pub(super) options: LoadOptions,
    pub(super) populate_existing: bool,
}

/// The loaders of one path and their objects.
#[derive(Clone, Debug, Default)]
pub(super) struct PostLoad {
    pub(super) loaders: Vec<PostLoader>,
    /// Objects in the order of the rows, each with whether what it has is replaced.
    pub(super) objects: OrderedMap<ObjectId, bool>,
    /// The attributes that were asked for, if not all.
    pub(super) only: Option<AttributeSet>,
}

/// All that is to be loaded after the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct PostLoads {
    loads: OrderedMap<Path, PostLoad>,
}

impl PostLoads {
    /// Whether anything is to be loaded for objects of a path.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.loads.contains_key(path)
    }

    /// Whether a relationship is to be loaded for them.
    pub(super) fn has_loader(&self, path: &Path, relationship: RelationshipId) -> bool {
        let load = self.loads.get(path);
        load.is_some_and(|load| load.loaders.iter().any(|it| it.relationship == relationship))
    }

    /// Notes a relationship to be loaded for the objects of a path.
    pub(super) fn register(
        &mut self,
        path: Path,
        relationship: RelationshipId,
        kind: PostKind,
        options: LoadOptions,
        populate_existing: bool,
        only: Option<AttributeSet>,
    ) {
        if !self.loads.contains_key(&path) {
            self.loads.insert(path.clone(), PostLoad::default());
        }
        let load = self.loads.get_mut(&path).expect("it was just put there");
        load.only = only.or(load.only.take());
        let loader = PostLoader { relationship, kind, options, populate_existing };
        match load.loaders.iter_mut().find(|it| it.relationship == relationship) {
            Some(known) => *known = loader,
            None => load.loaders.push(loader),
        }
    }

    /// Adds an object to a path.
    pub(super) fn add(&mut self, path: &Path, object: ObjectId, replaces: bool) {
        if let Some(load) = self.loads.get_mut(path) {
            load.objects.insert(object, replaces);
        }
    }

    /// Takes all that was noted.
    pub(super) fn take(&mut self) -> Vec<(Path, PostLoad)> {
        let loads = std::mem::take(&mut self.loads);
        loads.iter().map(|(path, load)| (path.clone(), load.clone())).collect()
    }
}
