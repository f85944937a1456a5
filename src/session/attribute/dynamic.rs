//! Changing a collection that is never kept: only what was added and removed is known.

use super::{Change, Token};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{Lazy, RelationshipId};
use crate::session::ordered::OrderedSet;
use crate::session::passive::Passive;
use crate::session::state::{Committed, Mutations, Slot};

impl Session<'_> {
    /// What was added and removed since the last flush, to be added to.
    fn mutations_of(&mut self, object: ObjectId, relationship: RelationshipId) -> &mut Mutations {
        let attribute = self.mapping.slot(relationship);
        self.state_mut(object).mutations_mut(attribute);
        self.note_modified(object, attribute, Committed::NoValue);
        let state = self.state_mut(object);
        state.put(attribute, Slot::Dynamic);
        state.mutations_mut(attribute)
    }

    pub(super) fn append_to_dynamic(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        self.mutations_of(object, relationship).added.insert(item);
        self.fire_append(change)?;
        self.set_has_parent(relationship, item, object, true);
        Ok(())
    }

    pub(super) fn remove_from_dynamic(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        let mutations = self.mutations_of(object, relationship);
        if !mutations.added.remove(&item) {
            mutations.removed.insert(item);
        }
        self.set_has_parent(relationship, item, object, false);
        self.fire_remove(change)
    }

    /// Puts a new list in place of a dynamic collection. What the database has is read for it.
    pub(in crate::session) fn replace_dynamic(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        values: &[ObjectId],
    ) -> Result<()> {
        let mut old: OrderedSet<ObjectId> = OrderedSet::default();
        if self.state(object).key.is_some() {
            let configured = &self.mapping[relationship];
            if configured.lazy == Lazy::WriteOnly {
                return Err(Error::new(
                    ErrorClass::InvalidRequestError,
                    format!(
                        "Collection \"{}\" does not support implicit iteration; collection \
                         replacement operations can't be used",
                        configured.path
                    ),
                ));
            }
            old.extend(self.read_dynamic(object, relationship)?);
        }
        old.extend(self.mutations_of(object, relationship).added.to_vec());
        let new: OrderedSet<ObjectId> = values.iter().copied().collect();
        for &value in values.iter().filter(|value| !old.contains(value)) {
            let initiator = self.mapping.append_token(relationship);
            self.append_to_dynamic(Change { object, relationship, item: value, initiator })?;
        }
        for &removed in old.iter().filter(|member| !new.contains(member)) {
            let initiator = Token::remove(relationship);
            self.remove_from_dynamic(Change { object, relationship, item: removed, initiator })?;
        }
        Ok(())
    }

    /// What was added and removed since the last flush.
    pub(in crate::session) fn mutations(
        &self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Mutations {
        match self.state(object).committed(self.mapping.slot(relationship)) {
            Some(Committed::Dynamic(mutations)) => (**mutations).clone(),
            _ => Mutations::default(),
        }
    }

    /// What was added and what the database has, if it may be read.
    pub(in crate::session) fn dynamic_items(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Vec<ObjectId>> {
        self.track_last_known(object, relationship);
        let mut items = self.mutations(object, relationship).added;
        let loaded = self.read_for_history(object, relationship, passive)?;
        items.extend(loaded.unwrap_or_default());
        Ok(items.to_vec())
    }

    /// What the database has of a dynamic collection, if the history is to know it: the object has a
    /// row and reading is permitted.
    pub(in crate::session) fn read_for_history(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Option<Vec<ObjectId>>> {
        if self.state(object).key.is_none() || !passive.has(Passive::INIT_OK) {
            return Ok(None);
        }
        let configured = &self.mapping[relationship];
        if configured.lazy != Lazy::WriteOnly {
            return self.load_dynamic(object, relationship).map(Some);
        }
        if !passive.has(Passive::SQL_OK) {
            return Ok(None);
        }
        Err(Error::new(
            ErrorClass::InvalidRequestError,
            format!(
                "Attribute {path} can't load the existing state from the database for this \
                 operation; full iteration is not permitted.  If this is a delete operation, \
                 configure passive_deletes=True on the {path} relationship in order to resolve \
                 this error.",
                path = configured.path
            ),
        ))
    }
}
