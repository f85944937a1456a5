//! How an object was come by: from which mapper, over which relationships.
//!
//! A loader that would load what the path has passed already stops there; that is what ends eager
//! loading between two mappers that lead to each other.

use crate::session::mapping::{MapperId, Mapping, RelationshipId};
use smallvec::SmallVec;

/// A mapper and the relationships followed from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::session) struct Path {
    root: MapperId,
    steps: SmallVec<[RelationshipId; 4]>,
}

impl Path {
    /// Objects that were asked for themselves.
    pub(super) fn root(mapper: MapperId) -> Path {
        Path { root: mapper, steps: SmallVec::new() }
    }

    /// One relationship further.
    pub(super) fn with(&self, relationship: RelationshipId) -> Path {
        let mut path = self.clone();
        path.steps.push(relationship);
        path
    }

    /// Whether no relationship was followed.
    pub(super) fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The relationships followed.
    pub(super) fn steps(&self) -> &[RelationshipId] {
        &self.steps
    }

    /// Whether objects of this mapper are on the way, from the root to where it has come.
    pub(super) fn passes(&self, mapping: &Mapping, mapper: MapperId) -> bool {
        self.root == mapper || self.steps.iter().any(|&step| mapping[step].target == mapper)
    }
}
