//! What a change sets off besides the change itself: the notes that the object was modified, who its
//! parent is, and which objects come along into the session or leave it.

use super::{Change, Got, Kind, Operation, Token};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::RelationshipId;
use crate::session::state::{AttributeId, Committed};

impl Session<'_> {
    /// Notes that an attribute is about to change, and what it held.
    ///
    /// Only the first change since the last flush counts. A relationship that is only for reading
    /// has no history.
    pub(in crate::session) fn note_modified(
        &mut self,
        object: ObjectId,
        attribute: AttributeId,
        before: Committed,
    ) {
        let mapper = self.state(object).mapper;
        if let Some(relationship) = self.relationship_in(mapper, attribute)
            && self.mapping[relationship].viewonly
        {
            return;
        }
        let state = self.state_mut(object);
        state.remember(attribute, before);
        if let Some(extras) = state.extras_if_any() {
            for (of, last_known) in &mut extras.last_known {
                if *of == attribute {
                    *last_known = None;
                }
            }
        }
        self.mark_modified(object);
    }

    /// The same for a collection, which is copied as it is, unless it is not there.
    pub(super) fn note_collection_modified(&mut self, object: ObjectId, attribute: AttributeId) {
        let state = self.state(object);
        let before = match state.committed(attribute) {
            Some(_) => Committed::NoValue,
            None if state.has(attribute) => {
                Committed::Collection(state.collection(attribute).into())
            }
            None => Committed::NoValue,
        };
        self.note_modified(object, attribute, before);
    }

    /// Notes that an object has changed, so that the next flush looks at it.
    pub(in crate::session) fn mark_modified(&mut self, object: ObjectId) {
        let state = self.state_mut(object);
        if !((state.session.is_some() && !state.held) || !state.modified) {
            return;
        }
        state.modified = true;
        let (in_map, in_session) = (state.in_identity_map, state.session.is_some());
        state.held |= in_session;
        let had_modified = in_map && !self.identity_map.modified.is_empty();
        if in_map {
            self.identity_map.modified.insert(object);
        }
        if in_session && !had_modified && self.is_attached(object) {
            self.autobegin();
        }
    }

    /// Whether a relationship counts the parents of its objects.
    pub(super) fn tracks_parent(&self, relationship: RelationshipId) -> bool {
        let configured = &self.mapping[relationship];
        let one_to_many = configured.direction == crate::session::mapping::Direction::OneToMany;
        configured.single_parent || one_to_many
    }

    /// Notes that `parent` has `child`, or no longer has it, if the relationship counts parents.
    ///
    /// A parent that lost the child to another one before does not take it away from that.
    pub(super) fn set_has_parent(
        &mut self,
        relationship: RelationshipId,
        child: ObjectId,
        parent: ObjectId,
        has: bool,
    ) {
        if !self.tracks_parent(relationship) {
            return;
        }
        if has {
            self.state_mut(child).set_parent(relationship, Some(parent));
            return;
        }
        if let Some(Some(last)) = self.state(child).parent(relationship)
            && self.state(last).key != self.state(parent).key
        {
            return;
        }
        self.state_mut(child).set_parent(relationship, None);
    }

    /// Whether an object has a parent along a relationship; `optimistic` says what to believe of one
    /// that nothing was heard of.
    pub(in crate::session) fn has_parent(
        &self,
        relationship: RelationshipId,
        child: ObjectId,
        optimistic: bool,
    ) -> bool {
        self.state(child).has_parent(relationship).unwrap_or(optimistic)
    }

    /// Refuses a second parent where only one is allowed.
    fn check_single_parent(
        &self,
        relationship: RelationshipId,
        value: ObjectId,
        is_old: bool,
        initiator: Token,
    ) -> Result<()> {
        let configured = &self.mapping[relationship];
        let began_here = self.mapping[initiator.relationship].name == configured.name;
        if !configured.single_parent || !began_here || is_old {
            return Ok(());
        }
        if !self.has_parent(initiator.relationship, value, false) {
            return Ok(());
        }
        Err(Error::new(
            ErrorClass::InvalidRequestError,
            format!(
                "Instance {} is already associated with an instance of <class '{}'> via its {} \
                 attribute, and is only allowed a single parent.",
                self.object_text(value),
                self.mapping[configured.parent].name,
                configured.path,
            ),
        ))
    }

    /// What an append to a list sets off.
    pub(super) fn fire_append(&mut self, change: Change) -> Result<()> {
        self.check_single_parent(change.relationship, change.item, false, change.initiator)?;
        self.cascade_append(change)?;
        self.backref_append(change)
    }

    /// What a removal from a list, or the deletion of a reference, sets off.
    pub(super) fn fire_remove(&mut self, change: Change) -> Result<()> {
        self.cascade_remove(change)?;
        self.backref_remove(change)
    }

    /// What the replacement of a reference sets off.
    pub(super) fn fire_replace(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        value: Option<ObjectId>,
        old: &Got<Option<ObjectId>>,
        initiator: Token,
    ) -> Result<()> {
        let is_same = *old == Got::Value(value);
        if let Some(value) = value {
            self.check_single_parent(relationship, value, is_same, initiator)?;
        }
        if is_same {
            return Ok(());
        }
        let old = old.clone().value().flatten();
        self.cascade_replace(object, relationship, value, old, initiator)?;
        self.backref_replace(object, relationship, value, old, initiator)
    }

    /// An object appended by the program, not by the other side, comes along into the session.
    pub(super) fn cascade_append(&mut self, change: Change) -> Result<()> {
        if !self.is_attached(change.object) {
            return Ok(());
        }
        self.warn_within_flush("collection append");
        self.take_along(change.relationship, change.item, change.initiator)
    }

    fn take_along(
        &mut self,
        relationship: RelationshipId,
        item: ObjectId,
        initiator: Token,
    ) -> Result<()> {
        let configured = &self.mapping[relationship];
        let began_here = self.mapping[initiator.relationship].name == configured.name;
        if configured.cascade.save_update && began_here && !self.contains(item) {
            self.save_or_update(item)?;
        }
        Ok(())
    }

    fn cascade_remove(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        let configured = &self.mapping[relationship];
        let attached = self.is_attached(object);
        if attached {
            let what =
                if configured.uselist { "collection remove" } else { "related attribute delete" };
            self.warn_within_flush(what);
        }
        if configured.cascade.delete_orphan && self.is_orphan_of(configured.target, item) {
            if attached && self.new.contains(&item) {
                self.expunge(item)?;
            } else {
                self.state_mut(item).orphaned_outside_of_session = true;
            }
        }
        Ok(())
    }

    fn cascade_replace(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        value: Option<ObjectId>,
        old: Option<ObjectId>,
        initiator: Token,
    ) -> Result<()> {
        if !self.is_attached(object) {
            return Ok(());
        }
        self.warn_within_flush("related attribute set");
        if let Some(value) = value {
            self.take_along(relationship, value, initiator)?;
        }
        let configured = &self.mapping[relationship];
        if let Some(old) = old
            && configured.cascade.delete_orphan
            && self.new.contains(&old)
            && self.is_orphan_of(configured.target, old)
        {
            self.expunge(old)?;
        }
        Ok(())
    }

    /// The token under which the other side removes: what a reference replaces, a list removes.
    pub(super) fn removal_token(&self, relationship: RelationshipId) -> Token {
        let operation = match self.mapping.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => Operation::Replace,
            Kind::Collection(_) | Kind::Dynamic(_) => Operation::Remove,
        };
        Token { relationship, operation }
    }
}
