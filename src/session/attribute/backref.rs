//! Two relationships that mirror each other are kept in step: a change on one side is made on the
//! other.
//!
//! The token of whoever began the change goes along; an attribute that meets its own token stops.

use super::{Kind, Operation, Token};
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

    pub(super) fn backref_append(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        item: ObjectId,
        initiator: Token,
    ) -> Result<()> {
        let Some(mirror) = self.mirror(relationship, item)? else { return Ok(()) };
        self.check_conflict(object, relationship, mirror, initiator)?;
        self.mirror_append(mirror, item, object, initiator)
    }

    /// Refuses an event that began at neither of the two sides.
    fn check_conflict(
        &self,
        object: ObjectId,
        relationship: RelationshipId,
        mirror: RelationshipId,
        initiator: Token,
    ) -> Result<()> {
        let began = initiator.relationship;
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

    fn mirror_append(
        &mut self,
        mirror: RelationshipId,
        item: ObjectId,
        object: ObjectId,
        initiator: Token,
    ) -> Result<()> {
        if initiator == self.mapping.append_token(mirror)
            || initiator == Token::bulk_replace(mirror)
        {
            return Ok(());
        }
        match self.mapping.kind_of(mirror) {
            Kind::Reference(_) | Kind::Column(_) => {
                self.set_reference(item, mirror, Some(object), initiator, None)
            }
            Kind::Collection(_) => {
                self.append_to_collection(item, mirror, object, initiator, Passive::NO_FETCH)
            }
            Kind::Dynamic(_) => self.append_to_dynamic(item, mirror, object, initiator),
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
            let token = self.mapping.append_token(relationship);
            self.mirror_remove(mirror, old, object, token)?;
        }
        let Some(value) = value else { return Ok(()) };
        let Some(mirror) = self.mirror(relationship, value)? else { return Ok(()) };
        self.check_conflict(object, relationship, mirror, initiator)?;
        self.mirror_append(mirror, value, object, initiator)
    }

    pub(super) fn backref_remove(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        item: ObjectId,
        initiator: Token,
    ) -> Result<()> {
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
        self.mirror_remove(mirror, item, object, initiator)
    }

    fn holds_twice(&self, object: ObjectId, relationship: RelationshipId, item: ObjectId) -> bool {
        let list = self.state(object).collection(self.mapping.slot(relationship));
        list.iter().filter(|&&member| member == item).nth(1).is_some()
    }

    /// Takes `object` away from the mirror of `item`, if it is there.
    fn mirror_remove(
        &mut self,
        mirror: RelationshipId,
        item: ObjectId,
        object: ObjectId,
        initiator: Token,
    ) -> Result<()> {
        match self.mapping.kind_of(mirror) {
            Kind::Reference(_) | Kind::Column(_) => {
                self.set_reference(item, mirror, None, initiator, Some(object))
            }
            Kind::Collection(_) => {
                let passive = Passive::NO_FETCH;
                match self.remove_from_collection(item, mirror, object, initiator, passive) {
                    Err(error) if is_lookup_error(error.class) => Ok(()),
                    done => done,
                }
            }
            Kind::Dynamic(_) => self.remove_from_dynamic(item, mirror, object, initiator),
        }
    }
}

fn is_lookup_error(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::ValueError | ErrorClass::KeyError | ErrorClass::IndexError)
}
