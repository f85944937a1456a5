//! What a flush writes, and in which order.

use super::Session;
use super::error::Result;
use super::id::ObjectId;

/// The work of one flush.
#[derive(Debug, Default)]
pub(super) struct UnitOfWork;

impl UnitOfWork {
    pub(super) fn has_work(&self) -> bool {
        false
    }
    pub(super) fn register(&mut self, _: &mut Session<'_>, _: ObjectId, _: bool) -> bool {
        true
    }
    pub(super) fn execute(&mut self, _: &mut Session<'_>) -> Result<()> {
        Ok(())
    }
    pub(super) fn outcome(&self) -> (Vec<ObjectId>, Vec<ObjectId>) {
        (vec![], vec![])
    }
}
