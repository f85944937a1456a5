//! How objects and relationships are loaded.

use super::Session;
use super::error::Result;
use super::id::ObjectId;
use super::mapping::RelationshipId;
use super::passive::Passive;
use super::state::AttributeSet;

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

impl Session<'_> {
    pub(super) fn load_scalar_attributes(
        &mut self,
        _: ObjectId,
        _: &AttributeSet,
        _: Passive,
    ) -> Result<()> {
        Ok(())
    }
    pub(super) fn load_lazily(
        &mut self,
        _: ObjectId,
        _: RelationshipId,
        _: Passive,
    ) -> Result<Loaded> {
        Ok(Loaded::Empty)
    }
    pub(super) fn load_dynamic(&mut self, _: ObjectId, _: RelationshipId) -> Result<Vec<ObjectId>> {
        Ok(vec![])
    }
    pub(super) fn read_dynamic(&mut self, _: ObjectId, _: RelationshipId) -> Result<Vec<ObjectId>> {
        Ok(vec![])
    }
}
