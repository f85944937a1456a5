//! What happened to objects in a transaction, and how a rollback puts them back.

use super::{Origin, TransactionId};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::ordered::{ObjectMap, ObjectSet};
use crate::session::state::IdentityKey;

/// What happened to objects since a transaction or savepoint began.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// Inserted.
    pub(super) new: ObjectSet,
    /// Deleted.
    pub(super) deleted: ObjectSet,
    /// Updated.
    pub(super) dirty: ObjectSet,
    /// The key it had, and the one it got.
    pub(super) key_switches: ObjectMap<(IdentityKey, IdentityKey)>,
}

impl Session<'_> {
    /// Notes that objects were deleted in the current transaction.
    pub(in crate::session) fn note_deleted(&mut self, objects: &[ObjectId]) {
        if let Some(snapshot) = self.transactions.snapshot_mut() {
            snapshot.deleted.extend(objects.iter().copied());
        }
    }

    /// Notes that objects were inserted or updated in the current transaction.
    pub(in crate::session) fn note_altered(&mut self, objects: &[ObjectId]) {
        let Some(Snapshot { new, dirty, .. }) = self.transactions.snapshot_mut() else { return };
        for &object in objects {
            let altered = if self.new.contains(&object) { &mut *new } else { &mut *dirty };
            altered.insert(object);
        }
    }

    /// Notes that an object's key changed in the current transaction. The first old one counts.
    pub(in crate::session) fn note_key_switch(
        &mut self,
        object: ObjectId,
        old: IdentityKey,
        new: IdentityKey,
    ) {
        if let Some(snapshot) = self.transactions.snapshot_mut() {
            let first = snapshot.key_switches.get(&object).map_or(old, |(first, _)| first.clone());
            snapshot.key_switches.insert(object, (first, new));
        }
    }

    /// Puts all objects back to where they stood when the transaction began.
    ///
    /// # Errors
    /// `InvalidRequestError` for an object that was inserted, deleted, and marked to be deleted once
    /// more: it has no identity to go back to. What comes after it stays as it is.
    pub(super) fn restore_snapshot(&mut self, boundary: TransactionId) -> Result<()> {
        let origin = self.transactions.get(boundary).origin;
        if origin == Origin::Subtransaction {
            return Err(Error::new(ErrorClass::AssertionError, ""));
        }
        let is_nested = origin == Origin::Nested;
        let mut inserted = self.transactions.get(boundary).snapshot.new.clone();
        inserted.extend(self.new.to_vec());
        self.expunge_objects(&inserted.to_vec(), true);
        self.restore_keys(boundary, &inserted);

        let mut deleted = self.transactions.get(boundary).snapshot.deleted.to_vec();
        deleted.extend(self.deleted.iter());
        for object in deleted {
            if self.state(object).key.is_none() {
                return Err(self.not_persisted(object));
            }
            self.revert_deletion(object);
        }
        let present: Vec<ObjectId> = self.identity_map.objects().collect();
        for object in present {
            let dirty = &self.transactions.get(boundary).snapshot.dirty;
            if !is_nested || self.state(object).modified || dirty.contains(&object) {
                self.expire_object(object);
            }
        }
        Ok(())
    }

    fn restore_keys(&mut self, boundary: TransactionId, inserted: &ObjectSet) {
        let switches = &self.transactions.get(boundary).snapshot.key_switches;
        let switches: Vec<(ObjectId, IdentityKey)> =
            switches.iter().map(|(object, (old, _))| (*object, old.clone())).collect();
        for (object, old) in switches {
            if self.state(object).key.is_some() {
                self.discard_from_identity_map(object);
            }
            self.state_mut(object).key = Some(old);
            if !inserted.contains(&object) {
                self.replace_in_identity_map(object);
            }
        }
    }

    /// Takes what happened as done: a savepoint passes it on, and a commit expires everything.
    pub(super) fn remove_snapshot(&mut self, id: TransactionId) {
        let transaction = self.transactions.get_mut(id);
        let (origin, parent) = (transaction.origin, transaction.parent);
        if let (Origin::Nested, Some(parent)) = (origin, parent) {
            let snapshot = std::mem::take(&mut transaction.snapshot);
            let outer = self.transactions.boundary(parent);
            let outer = &mut self.transactions.get_mut(outer).snapshot;
            outer.new.extend(snapshot.new.to_vec());
            outer.dirty.extend(snapshot.dirty.to_vec());
            outer.deleted.extend(snapshot.deleted.to_vec());
            for (object, switch) in snapshot.key_switches.iter() {
                outer.key_switches.insert(*object, switch.clone());
            }
        } else if self.options.expire_on_commit {
            self.expire_all();
            let deleted = &mut self.transactions.get_mut(id).snapshot.deleted;
            for object in std::mem::take(deleted).to_vec() {
                self.detach(object, false);
            }
        }
    }
}
