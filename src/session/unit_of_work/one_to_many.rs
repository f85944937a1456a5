//! One-to-many in a flush: the children hold the key of their parent.

use super::action::Action;
use super::processor::{Ends, OneEnds, passive_delete};
use super::{Intent, Registered, Registration, Scope, UnitOfWork};
use crate::session::Session;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::mapping::{PassiveDeletes, Relationship, RelationshipId};
use crate::session::passive::Passive;

impl UnitOfWork {
    pub(super) fn order_one_to_many(&mut self, relationship: &Relationship, ends: &Ends) {
        let &Ends { parent_saves, child_saves, parent_deletes, child_deletes, .. } = ends;
        let &Ends { after_save, before_delete, .. } = ends;
        if !relationship.post_update {
            return self.order(&[
                (parent_saves, after_save),
                (after_save, child_saves),
                (after_save, child_deletes),
                (child_saves, parent_deletes),
                (child_deletes, parent_deletes),
                (before_delete, child_saves),
                (before_delete, child_deletes),
            ]);
        }
        let mapper = relationship.target;
        let post = self.action(Action::PostUpdateAll { mapper, intent: Intent::Save });
        let pre = self.action(Action::PostUpdateAll { mapper, intent: Intent::Delete });
        self.order(&[
            (child_saves, after_save),
            (parent_saves, after_save),
            (after_save, post),
            (child_saves, before_delete),
            (before_delete, post),
            (post, parent_deletes),
            (before_delete, pre),
            (pre, parent_deletes),
            (pre, child_deletes),
        ]);
    }

    pub(super) fn order_one_of_one_to_many(&mut self, relationship: &Relationship, ends: &OneEnds) {
        let &OneEnds { parent, child, process, .. } = ends;
        if !relationship.post_update {
            return match ends.intent {
                Intent::Save => {
                    self.order(&[(parent, process), (process, child), (parent, child)]);
                }
                Intent::Delete => self.order(&[(process, child), (child, parent)]),
            };
        }
        let mapper = relationship.target;
        let post = self.action(Action::PostUpdateAll { mapper, intent: Intent::Save });
        let pre = self.action(Action::PostUpdateAll { mapper, intent: Intent::Delete });
        match (ends.intent, ends.child_intent) {
            (Intent::Save, Intent::Delete) => self.order(&[(child, process), (process, post)]),
            (Intent::Save, Intent::Save) => {
                self.order(&[(parent, process), (child, process), (process, post)]);
            }
            (Intent::Delete, _) => self.order(&[(process, pre), (pre, parent)]),
        }
    }

    /// Children of a deleted parent that are not deleted with it have to lose its key.
    pub(super) fn presort_one_to_many_deletes(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        let should_null =
            !configured.cascade.delete && configured.passive_deletes != PassiveDeletes::All;
        for &object in objects {
            let passive = passive_delete(configured);
            let history = self.history(session, object, relationship, passive)?;
            for &child in history.deleted.iter().flatten() {
                if !session.has_parent(relationship, child, false) {
                    self.register(session, child, configured.cascade.delete_orphan);
                }
            }
            if should_null {
                for &child in history.unchanged.iter().flatten() {
                    let how = Registration::SAVE.along("delete", relationship);
                    self.register_as(session, child, how);
                }
            }
        }
        Ok(())
    }

    /// Children that came are saved with the key; those that went lose it, or are deleted as orphans;
    /// those that stay are told of a new key.
    pub(super) fn presort_one_to_many_saves(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        for &object in objects {
            let keys_changed = self.source_modified(session, object, relationship)?;
            let passive = if !keys_changed || configured.passive_updates {
                Passive::NO_INITIALIZE
            } else {
                Passive::OFF
            };
            let passive = passive | Passive::INCLUDE_PENDING_MUTATIONS;
            let history = self.history(session, object, relationship, passive)?;
            for &child in history.added.iter().flatten() {
                let how = Registration { cancels_delete: true, ..Registration::SAVE };
                self.register_as(session, child, how.along("add", relationship));
            }
            let added = self.children_added.entry(relationship).or_default();
            added.extend(history.added.iter().flatten().copied());
            for &child in history.deleted.iter().flatten() {
                self.presort_removed_child(session, relationship, child)?;
            }
            if keys_changed {
                self.presort_kept_children(session, relationship, &history.unchanged);
            }
        }
        Ok(())
    }

    fn presort_removed_child(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        child: ObjectId,
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        if configured.cascade.delete_orphan {
            if !session.has_parent(relationship, child, false) {
                self.register_delete_with_cascade(session, child, relationship)?;
            }
        } else if configured.passive_deletes != PassiveDeletes::All {
            self.register_as(session, child, Registration::SAVE.along("delete", relationship));
        }
        Ok(())
    }

    fn presort_kept_children(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        children: &[Option<ObjectId>],
    ) {
        let passive_updates = session.mapping[relationship].passive_updates;
        let scope = if passive_updates { Scope::ListOnly } else { Scope::Full };
        for &child in children.iter().flatten() {
            let registered = Registered { intent: Intent::Save, scope };
            let how = Registration { registered, ..Registration::SAVE };
            self.register_as(session, child, how.along("pk change", relationship));
        }
    }

    pub(super) fn process_one_to_many_deletes(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        if !configured.post_update && configured.passive_deletes == PassiveDeletes::All {
            return Ok(());
        }
        for &object in objects {
            let passive = passive_delete(configured);
            let history = self.history(session, object, relationship, passive)?;
            for &child in history.deleted.iter().flatten() {
                if !session.has_parent(relationship, child, false) {
                    self.cut_off(session, relationship, child)?;
                }
            }
            if !configured.post_update && configured.cascade.delete {
                continue;
            }
            let unique: crate::session::ordered::OrderedSet<ObjectId> =
                history.unchanged.iter().flatten().copied().collect();
            for &child in unique.iter() {
                let added = self.children_added.get(&relationship);
                if !added.is_some_and(|added| added.contains(&child)) {
                    self.cut_off(session, relationship, child)?;
                }
            }
        }
        Ok(())
    }

    /// Takes the parent's key from a child whose parent is deleted.
    fn cut_off(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        child: ObjectId,
    ) -> Result<()> {
        self.synchronize_child(session, relationship, None, child, false)?;
        if session.mapping[relationship].post_update {
            self.post_update(session, relationship, child);
        }
        Ok(())
    }

    pub(super) fn process_one_to_many_saves(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        let should_null =
            !configured.cascade.delete_orphan && configured.passive_deletes != PassiveDeletes::All;
        for &object in objects {
            let history = self.history(session, object, relationship, Passive::NO_INITIALIZE)?;
            for &child in &history.added {
                self.verify_class(session, relationship, child)?;
                let Some(child) = child else { continue };
                self.synchronize_child(session, relationship, Some(object), child, false)?;
                if configured.post_update {
                    self.post_update(session, relationship, child);
                }
            }
            for &child in history.deleted.iter().flatten() {
                if should_null && !session.has_parent(relationship, child, false) {
                    self.synchronize_child(session, relationship, None, child, false)?;
                }
            }
            if self.source_modified(session, object, relationship)? {
                for &child in history.unchanged.iter().flatten() {
                    self.synchronize_child(session, relationship, Some(object), child, true)?;
                }
            }
        }
        Ok(())
    }

    /// Gives a child the key of its parent, or none.
    fn synchronize_child(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        parent: Option<ObjectId>,
        child: ObjectId,
        keys_changed: bool,
    ) -> Result<()> {
        self.verify_class(session, relationship, Some(child))?;
        let configured = &session.mapping[relationship];
        if !configured.post_update && self.is_deleted(child) {
            return Ok(());
        }
        let is_cascaded = configured.passive_updates && keys_changed;
        match parent {
            Some(parent) => self.populate(session, relationship, parent, child, is_cascaded),
            None => self.clear(session, relationship, child),
        }
    }
}
