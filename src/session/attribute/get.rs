//! Reading an attribute: from the object, by a loader, or its default.

use super::{Got, column_slot};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::load::Loaded;
use crate::session::mapping::{ColumnPosition, RelationshipId};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::{AttributeId, AttributeSet, Committed, Slot};

impl Session<'_> {
    /// Reads a column. An attribute that never had a value is `None`.
    pub(in crate::session) fn get_scalar(
        &mut self,
        object: ObjectId,
        attribute: AttributeId,
        passive: Passive,
    ) -> Result<Got<Scalar>> {
        if let Some(scalar) = self.state(object).scalar(attribute) {
            return Ok(Got::Value(scalar.clone()));
        }
        if self.asks_loader(object, attribute) {
            if !passive.has(Passive::CALLABLES_OK) {
                return Ok(Got::NoResult);
            }
            if self.state(object).expired_attributes.contains(attribute) {
                if !self.load_expired(object, passive)? {
                    return Ok(Got::NoResult);
                }
                return match self.state(object).scalar(attribute) {
                    Some(scalar) => Ok(Got::Value(scalar.clone())),
                    None => Err(self.failed_to_populate(object, attribute)),
                };
            }
        }
        Ok(if passive.has(Passive::INIT_OK) { Got::Value(Scalar::Null) } else { Got::NoValue })
    }

    /// Reads a column by its position.
    pub(in crate::session) fn get_column(
        &mut self,
        object: ObjectId,
        column: ColumnPosition,
        passive: Passive,
    ) -> Result<Got<Scalar>> {
        self.get_scalar(object, column_slot(column), passive)
    }

    /// Reads what a column held before it was changed.
    pub(in crate::session) fn get_committed_column(
        &mut self,
        object: ObjectId,
        column: ColumnPosition,
        passive: Passive,
    ) -> Result<Got<Scalar>> {
        match self.state(object).committed(column_slot(column)) {
            Some(Committed::Scalar(scalar)) => Ok(Got::Value(scalar.clone())),
            Some(_) => Ok(Got::Value(Scalar::Null)),
            None => self.get_column(object, column, passive),
        }
    }

    /// Whether an attribute that is not there may be loaded: not if it was deleted since.
    fn asks_loader(&self, object: ObjectId, attribute: AttributeId) -> bool {
        matches!(self.state(object).committed(attribute), None | Some(Committed::NoValue))
    }

    fn failed_to_populate(&self, object: ObjectId, attribute: AttributeId) -> Error {
        let name = self.mapping.name_of(self.state(object).mapper, attribute);
        let message =
            format!("Deferred loader for attribute '{name}' failed to populate correctly");
        Error::new(ErrorClass::KeyError, format!("\"{message}\""))
    }

    /// Loads all expired attributes that were not changed; whether it was permitted to.
    pub(in crate::session) fn load_expired(
        &mut self,
        object: ObjectId,
        passive: Passive,
    ) -> Result<bool> {
        if !passive.has(Passive::SQL_OK) {
            return Ok(false);
        }
        let state = self.state(object);
        let attributes = state.unmodified(&state.expired_attributes);
        self.load_scalar_attributes(object, &attributes, passive)?;
        self.state_mut(object).expired_attributes.clear();
        Ok(true)
    }

    /// Reads a reference.
    pub(in crate::session) fn get_reference(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Got<Option<ObjectId>>> {
        let attribute = self.mapping.slot(relationship);
        if let Slot::Reference(target) = self.state(object).slot(attribute) {
            return Ok(Got::Value(*target));
        }
        match self.load_relationship(object, relationship, passive)? {
            Loaded::NoResult => return Ok(Got::NoResult),
            Loaded::NoValue => return Ok(Got::NoValue),
            Loaded::AlreadySet => {
                return match self.state(object).slot(attribute) {
                    Slot::Reference(target) => Ok(Got::Value(*target)),
                    _ => Err(self.failed_to_populate(object, attribute)),
                };
            }
            Loaded::Objects(targets) => {
                let target = targets.first().copied();
                self.set_committed_reference(object, relationship, target);
                return Ok(Got::Value(target));
            }
            Loaded::Empty => {}
        }
        Ok(if passive.has(Passive::INIT_OK) { Got::Value(None) } else { Got::NoValue })
    }

    /// Reads a collection. What is there afterwards is in the object's slot; a collection that has
    /// never been touched is empty and not there.
    pub(in crate::session) fn get_collection(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Got<()>> {
        let attribute = self.mapping.slot(relationship);
        if self.state(object).has(attribute) {
            return Ok(Got::Value(()));
        }
        match self.load_relationship(object, relationship, passive)? {
            Loaded::NoResult => return Ok(Got::NoResult),
            Loaded::NoValue => return Ok(Got::NoValue),
            Loaded::AlreadySet if self.state(object).has(attribute) => return Ok(Got::Value(())),
            Loaded::AlreadySet => return Err(self.failed_to_populate(object, attribute)),
            Loaded::Objects(targets) => {
                self.set_committed_collection(object, relationship, targets)?;
                return Ok(Got::Value(()));
            }
            Loaded::Empty => {}
        }
        Ok(if passive.has(Passive::INIT_OK) { Got::Value(()) } else { Got::NoValue })
    }

    /// Asks the relationship's loader, if the attribute may be loaded.
    fn load_relationship(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Loaded> {
        if !self.asks_loader(object, self.mapping.slot(relationship)) {
            return Ok(Loaded::Empty);
        }
        if !passive.has(Passive::CALLABLES_OK) {
            return Ok(Loaded::NoResult);
        }
        self.load_lazily(object, relationship, passive)
    }

    /// Puts a loaded reference in place, as it is in the database.
    pub(in crate::session) fn set_committed_reference(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        target: Option<ObjectId>,
    ) {
        let attribute = self.mapping.slot(relationship);
        self.state_mut(object).put(attribute, Slot::Reference(target));
        self.commit_attribute(object, attribute);
    }

    /// Puts a loaded collection in place, as it is in the database, and does to it what was queued.
    ///
    /// # Errors
    /// `ValueError` if an object is to be removed that is not in it.
    pub(in crate::session) fn set_committed_collection(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        targets: Vec<ObjectId>,
    ) -> Result<()> {
        let attribute = self.mapping.slot(relationship);
        self.state_mut(object).put(attribute, Slot::of_objects(targets));
        self.commit_attribute(object, attribute);
        let has_pending = self.state(object).pending(attribute).is_some();
        if !has_pending {
            return Ok(());
        }
        let before = Committed::Collection(self.state(object).collection(attribute).into());
        self.note_modified(object, attribute, before);
        let pending = self.state_mut(object).take_pending(attribute).unwrap_or_default();
        self.state_mut(object).collection_mut(attribute).extend(pending.added.iter());
        for removed in pending.removed.iter() {
            self.remove_from_list(object, attribute, *removed)?;
        }
        Ok(())
    }

    /// Removes the first occurrence of `item` from a collection's list.
    pub(in crate::session) fn remove_from_list(
        &mut self,
        object: ObjectId,
        attribute: AttributeId,
        item: ObjectId,
    ) -> Result<()> {
        let list = self.state_mut(object).collection_mut(attribute);
        let Some(at) = list.iter().position(|&member| member == item) else {
            return Err(Error::new(ErrorClass::ValueError, "list.remove(x): x not in list"));
        };
        list.remove(at);
        Ok(())
    }

    /// Takes an attribute's value as what the database has.
    pub(in crate::session) fn commit_attribute(
        &mut self,
        object: ObjectId,
        attribute: AttributeId,
    ) {
        let state = self.state_mut(object);
        state.forget_committed(attribute);
        state.expired = false;
        if state.has(attribute) {
            state.expired_attributes.remove(attribute);
            state.forget_loader(attribute);
        }
    }

    /// All attributes of an object.
    pub(in crate::session) fn all_attributes(&self, object: ObjectId) -> AttributeSet {
        AttributeSet::first(self.state(object).slots.len())
    }
}
