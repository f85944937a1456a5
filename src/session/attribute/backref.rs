//! Two relationships that mirror each other are kept in step: a change on one side is made on the
//! other.
//!
//! The token of whoever began the change goes along; an attribute that meets its own token stops.

use super::{Change, Kind, Operation, Token};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{Attribute, RelationshipId};
use crate::session::passive::Passive;

impl Session<'_> {
    /// The relationship of `object` that mirrors `relationship`, found by its name, as objects of
    /// another class than the one expected can be put in. `None` if nothing mirrors it.
    fn mirror(
        &self,
        relationship: RelationshipId,
        object: ObjectId,
    ) -> Result<Option<RelationshipId>> {
        let Some(mirror) = self.mapping[relationship].backref else { return Ok(None) };
        let name = &self.mapping[mirror].name;
        match self.mapping.attribute(self.state(object).mapper, name) {
            Some(Attribute::Relationship(found)) => Ok(Some(found)),
            Some(Attribute::Column(_)) | None => {
                Err(Error::new(ErrorClass::KeyError, format!("'{name}'")))
            }
        }
    }

    pub(super) fn backref_append(&mut self, change: Change) -> Result<()> {
        let Some(mirror) = self.mirror(change.relationship, change.item)? else { return Ok(()) };
        self.check_conflict(change, mirror)?;
        self.mirror_append(change.mirrored(mirror))
    }

    /// Refuses an event that began at neither of the two sides.
    fn check_conflict(&self, change: Change, mirror: RelationshipId) -> Result<()> {
        let Change { object, relationship, .. } = change;
        let began = change.initiator.relationship;
        if began == relationship || began == mirror {
            return Ok(());
        }
        Err(Error::new(
            ErrorClass::ValueError,
            format!(
                "Bidirectional attribute conflict detected: Passing object {} to attribute \"{}\" \
                 triggers a modify event on attribute \"{}\" via the backref \"{}\".",
                self.object_text(object),
                self.mapping[began].path,
                self.mapping[mirror].path,
                self.mapping[relationship].path,
            ),
        ))
    }

    /// Makes a change that began on the other side.
    fn mirror_append(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, initiator } = change;
        if initiator == self.mapping.append_token(relationship)
            || initiator == Token::bulk_replace(relationship)
        {
            return Ok(());
        }
        match self.mapping.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => {
                self.set_reference(object, relationship, Some(item), initiator, None)
            }
            Kind::Collection(_) => self.append_to_collection(change, Passive::NO_FETCH),
            Kind::Dynamic(_) => self.append_to_dynamic(change),
        }
    }

    pub(super) fn backref_replace(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        value: Option<ObjectId>,
        old: Option<ObjectId>,
        initiator: Token,
    ) -> Result<()> {
        if let Some(old) = old
            && let Some(mirror) = self.mirror(relationship, old)?
            && initiator != self.removal_token(mirror)
        {
            let initiator = self.mapping.append_token(relationship);
            let leaves = Change { object, relationship, item: old, initiator };
            self.mirror_remove(leaves.mirrored(mirror))?;
        }
        let Some(value) = value else { return Ok(()) };
        let Some(mirror) = self.mirror(relationship, value)? else { return Ok(()) };
        let comes = Change { object, relationship, item: value, initiator };
        self.check_conflict(comes, mirror)?;
        self.mirror_append(comes.mirrored(mirror))
    }

    pub(super) fn backref_remove(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, initiator } = change;
        let Some(mirror) = self.mirror(relationship, item)? else { return Ok(()) };
        let (began_there, mirrors_list) = match self.mapping.kind_of(mirror) {
            Kind::Reference(_) | Kind::Column(_) => {
                let operations = [Operation::Remove, Operation::Replace];
                (operations.contains(&initiator.operation), false)
            }
            Kind::Collection(_) => {
                let operations = [Operation::Remove, Operation::BulkReplace];
                (operations.contains(&initiator.operation), true)
            }
            Kind::Dynamic(_) => (initiator.operation == Operation::Remove, true),
        };
        if began_there && initiator.relationship == mirror {
            return Ok(());
        }
        let is_list = matches!(self.mapping.kind_of(relationship), Kind::Collection(_));
        if is_list && !mirrors_list && self.holds_twice(object, relationship, item) {
            return Ok(());
        }
        self.mirror_remove(change.mirrored(mirror))
    }

    fn holds_twice(&self, object: ObjectId, relationship: RelationshipId, item: ObjectId) -> bool {
        let list = self.state(object).collection(self.mapping.slot(relationship));
        list.iter().filter(|&&member| member == item).nth(1).is_some()
    }

    /// The same for an object that leaves, if it is there.
    fn mirror_remove(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, initiator } = change;
        match self.mapping.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => {
                self.set_reference(object, relationship, None, initiator, Some(item))
            }
            Kind::Collection(_) => match self.remove_from_collection(change, Passive::NO_FETCH) {
                Err(error) if is_lookup_error(error.class) => Ok(()),
                done => done,
            },
            Kind::Dynamic(_) => self.remove_from_dynamic(change),
        }
    }
}

fn is_lookup_error(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::ValueError | ErrorClass::KeyError | ErrorClass::IndexError)
}
