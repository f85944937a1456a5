//! Changing an attribute that leads to one object or none.

use super::{Assigned, Change, Got, Token};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::RelationshipId;
use crate::session::passive::Passive;
use crate::session::state::{Committed, Slot};

impl Session<'_> {
    /// Sets a reference. With `only_if`, as when the other side lets go, only if it leads there.
    pub(in crate::session) fn set_reference(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        value: Option<ObjectId>,
        initiator: Token,
        only_if: Option<ObjectId>,
    ) -> Result<()> {
        let old = self.reference_before(object, relationship)?;
        if only_if.is_some() && old != Got::NoResult && old != Got::Value(only_if) {
            return Ok(());
        }
        let previous = old.clone().value().flatten();
        if let Some(previous) = previous
            && old != Got::Value(value)
        {
            self.set_has_parent(relationship, previous, object, false);
        }
        self.fire_replace(object, relationship, value, &old, initiator)?;
        let attribute = self.mapping.slot(relationship);
        self.note_modified(object, attribute, committed(old));
        if let Some(value) = value {
            self.set_has_parent(relationship, value, object, true);
        }
        self.state_mut(object).put(attribute, Slot::Reference(value));
        Ok(())
    }

    /// Whether setting a reference loads what it led to.
    fn has_active_history(&self, relationship: RelationshipId) -> bool {
        let configured = &self.mapping[relationship];
        configured.active_history || configured.single_parent
    }

    fn reference_before(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Got<Option<ObjectId>>> {
        let passive = if self.has_active_history(relationship) {
            Passive::ONLY_PERSISTENT | Passive::NO_AUTOFLUSH | Passive::LOAD_AGAINST_COMMITTED
        } else {
            (Passive::NO_FETCH - Passive::INIT_OK)
                | Passive::LOAD_AGAINST_COMMITTED
                | Passive::NO_RAISE
        };
        self.get_reference(object, relationship, passive)
    }

    /// Sets a reference to something that is no object, which goes wrong where the reference does:
    /// after the old value was read and told of, at the first look at the new one.
    pub(super) fn set_reference_to_no_object(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        value: &Assigned,
    ) -> Result<()> {
        let old = self.reference_before(object, relationship)?;
        if let Some(previous) = old.value().flatten() {
            self.set_has_parent(relationship, previous, object, false);
        }
        Err(Error::new(
            ErrorClass::AttributeError,
            format!("'{}' object has no attribute '_sa_instance_state'", self.class_of(value)),
        ))
    }

    /// Deletes a reference, as `del object.name` does.
    pub(super) fn delete_reference(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<()> {
        let attribute = self.mapping.slot(relationship);
        let old = self.reference_before(object, relationship)?;
        let had_no_result = old == Got::NoResult;
        if let Some(previous) = old.clone().value().flatten() {
            self.set_has_parent(relationship, previous, object, false);
            let initiator = Token::remove(relationship);
            self.fire_remove(Change { object, relationship, item: previous, initiator })?;
        }
        self.note_modified(object, attribute, committed(old));
        let was_there = !matches!(self.state_mut(object).take(attribute), Slot::Absent);
        if !was_there && !had_no_result && self.state(object).key.is_none() {
            return Err(self.has_no_value(object, attribute));
        }
        Ok(())
    }
}

fn committed(old: Got<Option<ObjectId>>) -> Committed {
    match old {
        Got::Value(object) => Committed::Reference(object),
        Got::NoValue => Committed::NoValue,
        Got::NoResult => Committed::NoResult,
    }
}
