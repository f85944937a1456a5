//! How objects come into the session and leave it: add, delete, expunge, expire, refresh, close.

use super::Session;
use super::attribute::column_slot;
use super::cascade::{CascadeKind, CascadeWalk};
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::passive::Passive;
use super::state::{AttributeId, AttributeSet, IdentityKey, Slot};

impl Session<'_> {
    /// Puts an object into the session: a transient one becomes pending, a detached one persistent.
    /// What it leads to comes along (cascade `save-update`).
    ///
    /// # Errors
    /// `InvalidRequestError` if its row was deleted, or if another object has its identity.
    pub fn add(&mut self, object: ObjectId) -> Result<()> {
        self.warn_within_flush("Session.add()");
        self.save_or_update(object)
    }

    /// Puts several objects into the session, one after the other.
    ///
    /// # Errors
    /// As [`Session::add`]; what was added before the error stays.
    pub fn add_all(&mut self, objects: &[ObjectId]) -> Result<()> {
        self.warn_within_flush("Session.add_all()");
        objects.iter().try_for_each(|&object| self.save_or_update(object))
    }

    pub(super) fn save_or_update(&mut self, object: ObjectId) -> Result<()> {
        self.state_mut(object).orphaned_outside_of_session = false;
        self.take_in(object)?;
        let mut walk = CascadeWalk::from(CascadeKind::SaveUpdate, object);
        while let Some(reached) = walk.next(self)? {
            self.take_in(reached)?;
        }
        Ok(())
    }

    /// Takes in one object, without what it leads to.
    fn take_in(&mut self, object: ObjectId) -> Result<()> {
        if self.state(object).key.is_some() {
            return self.take_in_persistent(object);
        }
        let attaches = self.before_attach(object)?;
        if self.new.insert(object) {
            self.state_mut(object).insert_order = self.new.len() as u32;
        }
        if attaches {
            self.after_attach(object);
        }
        Ok(())
    }

    /// Takes in an object that has an identity.
    ///
    /// # Errors
    /// `InvalidRequestError` if its row was deleted, or if another object has its identity.
    pub(super) fn take_in_persistent(&mut self, object: ObjectId) -> Result<()> {
        if self.state(object).deleted {
            return Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!(
                    "Instance '{}' has been deleted.  Use the make_transient() function to send \
                     this object back to the transient state.",
                    self.object_text(object)
                ),
            ));
        }
        let attaches = self.before_attach(object)?;
        self.deleted.remove(&object);
        self.add_to_identity_map(object)?;
        if attaches {
            self.after_attach(object);
        }
        Ok(())
    }

    /// Takes an object back whose deletion is undone.
    pub(super) fn revert_deletion(&mut self, object: ObjectId) {
        if self.state(object).deleted {
            if !self.is_attached(object) {
                return;
            }
            self.state_mut(object).deleted = false;
        }
        let attaches = !self.is_attached(object);
        self.deleted.remove(&object);
        self.replace_in_identity_map(object);
        if attaches {
            self.after_attach(object);
        }
    }

    /// Begins a transaction; whether the object is new to this session.
    fn before_attach(&mut self, object: ObjectId) -> Result<bool> {
        self.autobegin();
        match self.state(object).session {
            Some(other) if other != self.number && self.lingering.contains(&other) => {
                Err(Error::new(
                    ErrorClass::InvalidRequestError,
                    format!(
                        "Object '{}' is already attached to session '{}' (this is '{}')",
                        self.object_text(object),
                        other.0 + 1,
                        self.number.0 + 1
                    ),
                ))
            }
            attached => Ok(attached != Some(self.number)),
        }
    }

    fn after_attach(&mut self, object: ObjectId) {
        let number = self.number;
        let state = self.state_mut(object);
        state.session = Some(number);
        state.held |= state.modified;
    }

    /// Puts an object at its key in the identity map.
    ///
    /// # Errors
    /// `InvalidRequestError` if another object is there.
    pub(super) fn add_to_identity_map(&mut self, object: ObjectId) -> Result<()> {
        let key = self.key_of(object);
        match self.identity_map.get(&self.states, &key) {
            Some(there) if there == object => Ok(()),
            Some(_) => Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!(
                    "Can't attach instance {}; another instance with key {} is already present in \
                     this session.",
                    self.object_text(object),
                    self.key_text(&key)
                ),
            )),
            None => {
                self.identity_map.put(&self.states, object);
                self.manage(object);
                Ok(())
            }
        }
    }

    /// Puts an object at its key in the identity map and returns the other one that was there.
    pub(super) fn replace_in_identity_map(&mut self, object: ObjectId) -> Option<ObjectId> {
        if self.is_in_identity_map(object) {
            return None;
        }
        let there = self.identity_map.put(&self.states, object);
        if let Some(there) = there {
            self.unmanage(there);
        }
        self.manage(object);
        there
    }

    /// Takes an object out of the identity map, if it is the one at its key.
    pub(super) fn discard_from_identity_map(&mut self, object: ObjectId) {
        if self.is_in_identity_map(object) {
            self.identity_map.take(&self.states, object);
            self.unmanage(object);
        }
    }

    fn manage(&mut self, object: ObjectId) {
        let state = self.state_mut(object);
        state.in_identity_map = true;
        if state.modified {
            self.identity_map.modified.insert(object);
        }
    }

    fn unmanage(&mut self, object: ObjectId) {
        let state = self.state_mut(object);
        state.in_identity_map = false;
        if state.modified {
            self.identity_map.modified.remove(&object);
        }
    }

    /// The key of an object that has one.
    pub(super) fn key_of(&self, object: ObjectId) -> IdentityKey {
        self.state(object).key.clone().expect("only objects with an identity are looked up by it")
    }

    /// The key that an object's primary key attributes make. A value that is not there is `None`.
    pub(super) fn key_from_attributes(
        &mut self,
        object: ObjectId,
        passive: Passive,
    ) -> Result<IdentityKey> {
        let mapper = self.state(object).mapper;
        let mapping = self.mapping;
        let mut values = smallvec::SmallVec::new();
        for &column in mapping.primary_key(mapper) {
            let known = self.state(object).scalar(column_slot(column)).cloned();
            values.push(match known {
                Some(value) => value,
                None => self.get_column(object, column, passive)?.value().unwrap_or_default(),
            });
        }
        Ok(IdentityKey { mapper, values })
    }

    /// Marks an object to be deleted by the next flush, with what the cascade `delete` reaches. What
    /// is not loaded is loaded for it, unless that is left to the database.
    ///
    /// # Errors
    /// `InvalidRequestError` if it has no row; what loading raises.
    pub fn delete(&mut self, object: ObjectId) -> Result<()> {
        self.warn_within_flush("Session.delete()");
        self.mark_deleted(object)
    }

    /// Marks several objects to be deleted, one after the other.
    ///
    /// # Errors
    /// As [`Session::delete`].
    pub fn delete_all(&mut self, objects: &[ObjectId]) -> Result<()> {
        self.warn_within_flush("Session.delete_all()");
        objects.iter().try_for_each(|&object| self.mark_deleted(object))
    }

    fn mark_deleted(&mut self, object: ObjectId) -> Result<()> {
        if self.state(object).key.is_none() {
            return Err(self.not_persisted(object));
        }
        if !self.attach_deleted(object)? {
            return Ok(());
        }
        let reached = self.cascade_all(CascadeKind::Delete, object)?;
        self.deleted.insert(object);
        for object in reached {
            if self.state(object).key.is_some() && self.attach_deleted(object)? {
                self.deleted.insert(object);
            }
        }
        Ok(())
    }

    pub(super) fn not_persisted(&self, object: ObjectId) -> Error {
        let message = format!("Instance '{}' is not persisted", self.object_text(object));
        Error::new(ErrorClass::InvalidRequestError, message)
    }

    /// Attaches an object that is to be deleted; whether it was not marked yet.
    fn attach_deleted(&mut self, object: ObjectId) -> Result<bool> {
        let attaches = self.before_attach(object)?;
        if self.deleted.contains(&object) {
            return Ok(false);
        }
        self.add_to_identity_map(object)?;
        if attaches {
            self.after_attach(object);
        }
        Ok(true)
    }

    /// Takes an object out of the session, with what the cascade `expunge` reaches.
    ///
    /// # Errors
    /// `InvalidRequestError` if it is not in this session.
    pub fn expunge(&mut self, object: ObjectId) -> Result<()> {
        if !self.is_attached(object) {
            return Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!("Instance {} is not present in this Session", self.object_text(object)),
            ));
        }
        let mut objects = vec![object];
        objects.extend(self.cascade_all(CascadeKind::Expunge, object)?);
        self.expunge_objects(&objects, false);
        Ok(())
    }

    /// Takes these objects out of the session; `to_transient` takes their identity, too.
    pub(super) fn expunge_objects(&mut self, objects: &[ObjectId], to_transient: bool) {
        for &object in objects {
            if self.new.remove(&object) {
                continue;
            }
            if self.is_in_identity_map(object) {
                self.discard_from_identity_map(object);
                self.deleted.remove(&object);
            } else {
                self.transactions.forget_deleted(object);
            }
        }
        for &object in objects {
            self.detach(object, to_transient);
        }
    }

    pub(super) fn detach(&mut self, object: ObjectId, to_transient: bool) {
        if to_transient && self.is_in_identity_map(object) {
            self.identity_map.lose_key(&self.states, object);
        }
        let state = self.state_mut(object);
        state.session = None;
        state.held = false;
        if to_transient {
            state.key = None;
        }
    }

    /// Takes all objects out of the session.
    pub fn expunge_all(&mut self) {
        let mut all: Vec<ObjectId> = self.identity_map.objects().collect();
        for &object in &all {
            self.state_mut(object).in_identity_map = false;
        }
        all.extend(self.new.iter());
        self.identity_map = super::IdentityMap::default();
        self.new.clear();
        self.deleted.clear();
        for object in all {
            self.detach(object, false);
        }
    }

    /// Expires an object, or some of its attributes: they are loaded anew when they are next read.
    ///
    /// # Errors
    /// `InvalidRequestError` if it is not persistent in this session; `KeyError` for an attribute
    /// that it does not have.
    pub fn expire(&mut self, object: ObjectId, attributes: Option<&[&str]>) -> Result<()> {
        self.validate_persistent(object)?;
        match attributes {
            Some(names) if !names.is_empty() => self.expire_named(object, names),
            _ => self.expire_with_cascade(object),
        }
    }

    pub(super) fn validate_persistent(&self, object: ObjectId) -> Result<()> {
        if self.is_in_identity_map(object) {
            return Ok(());
        }
        Err(Error::new(
            ErrorClass::InvalidRequestError,
            format!(
                "Instance '{}' is not persistent within this Session",
                self.object_text(object)
            ),
        ))
    }

    fn expire_named(&mut self, object: ObjectId, names: &[&str]) -> Result<()> {
        for name in names {
            let mapper = self.state(object).mapper;
            let Some(attribute) = self.mapping.attribute(mapper, name) else {
                return Err(Error::new(ErrorClass::KeyError, format!("'{name}'")));
            };
            self.expire_attribute(object, self.mapping.slot_of(attribute));
        }
        Ok(())
    }

    pub(super) fn expire_with_cascade(&mut self, object: ObjectId) -> Result<()> {
        let reached = self.cascade_all(CascadeKind::RefreshExpire, object)?;
        self.expire_or_drop(object);
        for object in reached {
            self.expire_or_drop(object);
        }
        Ok(())
    }

    /// Expires an object with a row; a pending one leaves the session.
    fn expire_or_drop(&mut self, object: ObjectId) {
        if self.state(object).key.is_some() {
            self.expire_object(object);
        } else if self.new.remove(&object) {
            self.detach(object, false);
        }
    }

    /// Expires all attributes of an object and forgets its changes.
    pub(super) fn expire_object(&mut self, object: ObjectId) {
        let mapping = self.mapping;
        if self.state(object).modified {
            self.identity_map.modified.remove(&object);
        }
        let state = self.state_mut(object);
        state.expired = true;
        if state.modified {
            state.forget_all_committed();
            state.modified = false;
        }
        state.held = false;
        state.expired_attributes = AttributeSet::first(mapping.attribute_count(state.mapper));
        let slots = &state.slots;
        let known: Vec<(AttributeId, Slot)> = match state.extras() {
            Some(extras) => {
                let of = extras.last_known.iter().map(|(of, _)| *of);
                of.map(|of| (of, slots[of.index()].clone())).collect()
            }
            None => vec![],
        };
        if let Some(extras) = state.extras_if_any() {
            extras.parents.clear();
            extras.pending.clear();
            extras.loaders.clear();
            for (of, slot) in known {
                if let Slot::Scalar(value) = slot
                    && let Some(last) = extras.last_known.iter_mut().find(|(at, _)| *at == of)
                {
                    last.1 = Some(value);
                }
            }
        }
        state.slots.fill(Slot::Absent);
    }

    /// Expires one attribute and forgets its change. A relationship is not marked as expired: what is
    /// not there is loaded anyway.
    pub(super) fn expire_attribute(&mut self, object: ObjectId, attribute: AttributeId) {
        let mapping = self.mapping;
        let state = self.state_mut(object);
        if mapping.is_column(state.mapper, attribute) {
            state.expired_attributes.insert(attribute);
            state.forget_loader(attribute);
        }
        let old = state.take(attribute);
        if let Slot::Scalar(value) = old
            && let Some(extras) = state.extras_if_any()
            && let Some(last) = extras.last_known.iter_mut().find(|(of, _)| *of == attribute)
        {
            last.1 = Some(value);
        }
        state.forget_committed(attribute);
        state.take_pending(attribute);
    }

    /// Expires all objects of the session.
    pub fn expire_all(&mut self) {
        let all: Vec<ObjectId> = self.identity_map.objects().collect();
        for object in all {
            self.expire_object(object);
        }
    }

    /// Makes an object transient: it leaves the session and forgets that it has a row.
    pub fn make_transient(&mut self, object: ObjectId) {
        if self.is_attached(object) {
            self.expunge_objects(&[object], false);
        }
        let state = self.state_mut(object);
        state.expired_attributes.clear();
        if let Some(extras) = state.extras_if_any() {
            extras.loaders.clear();
        }
        state.key = None;
        state.deleted = false;
    }

    /// Whether a flush would find anything changed in the object. Nothing is loaded to find out.
    ///
    /// # Errors
    /// None in practice; histories that need no loading do not fail.
    pub fn is_modified(&mut self, object: ObjectId) -> Result<bool> {
        if !self.state(object).modified {
            return Ok(false);
        }
        let mapper = self.state(object).mapper;
        for attribute in self.all_attributes(object).iter() {
            let changed = match self.relationship_in(mapper, attribute) {
                Some(relationship) => {
                    let history = self.history(object, relationship, Passive::NO_CHANGE)?;
                    !history.added.is_empty() || !history.deleted.is_empty()
                }
                None => {
                    let history = self.scalar_history(object, attribute, Passive::NO_CHANGE)?;
                    history.added.is_some() || history.deleted.is_some()
                }
            };
            if changed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Closes the session: all objects leave it, and what was not committed is rolled back. It can be
    /// used again afterwards.
    ///
    /// # Errors
    /// What the database raises when it rolls back.
    pub fn close(&mut self) -> Result<()> {
        self.expunge_all();
        self.close_transactions()
    }
}
