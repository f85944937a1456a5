//! Many-to-one in a flush: the object holds the key of the one it leads to.

use super::action::Action;
use super::processor::{Ends, OneEnds, passive_delete};
use super::{Intent, Registration, UnitOfWork};
use crate::session::Session;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::mapping::{PassiveDeletes, Relationship, RelationshipId};
use crate::session::passive::Passive;

impl UnitOfWork {
    pub(super) fn order_many_to_one(&mut self, relationship: &Relationship, ends: &Ends) {
        let &Ends { parent_saves, child_saves, parent_deletes, child_deletes, .. } = ends;
        let &Ends { after_save, before_delete, .. } = ends;
        if !relationship.post_update {
            return self.order(&[
                (child_saves, after_save),
                (after_save, parent_saves),
                (parent_saves, child_deletes),
                (parent_deletes, child_deletes),
            ]);
        }
        let mapper = relationship.parent;
        let post = self.action(Action::PostUpdateAll { mapper, intent: Intent::Save });
        let pre = self.action(Action::PostUpdateAll { mapper, intent: Intent::Delete });
        self.order(&[
            (child_saves, after_save),
            (parent_saves, after_save),
            (after_save, post),
            (after_save, pre),
            (before_delete, pre),
            (pre, child_deletes),
            (pre, parent_deletes),
        ]);
    }

    pub(super) fn order_one_of_many_to_one(&mut self, relationship: &Relationship, ends: &OneEnds) {
        let &OneEnds { parent, child, process, .. } = ends;
        if !relationship.post_update {
            return match (ends.intent, ends.child_intent) {
                (Intent::Save, Intent::Save) => self.order(&[(child, process), (process, parent)]),
                (Intent::Save, Intent::Delete) => self.order(&[(process, parent)]),
                (Intent::Delete, Intent::Delete) => self.order(&[(parent, child)]),
                (Intent::Delete, Intent::Save) => {}
            };
        }
        let (mapper, intent) = (relationship.parent, ends.intent);
        let update = self.action(Action::PostUpdateAll { mapper, intent });
        match (ends.intent, ends.child_intent) {
            (Intent::Save, Intent::Delete) => self.order(&[(process, update), (update, child)]),
            (Intent::Save, Intent::Save) => {
                self.order(&[(parent, process), (child, process), (process, update)]);
            }
            (Intent::Delete, _) => {
                self.order(&[(process, update), (update, parent), (update, child)]);
            }
        }
    }

    /// With the cascade, what a deleted object leads to is deleted, too.
    pub(super) fn presort_many_to_one_deletes(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        if !configured.cascade.delete && !configured.cascade.delete_orphan {
            return Ok(());
        }
        for &object in objects {
            let passive = passive_delete(configured);
            let history = self.history(session, object, relationship, passive)?;
            let children: Vec<ObjectId> = if configured.cascade.delete_orphan {
                history.sum().flatten().collect()
            } else {
                history.non_deleted().flatten().collect()
            };
            for child in children {
                self.register_delete_with_cascade(session, child, relationship)?;
            }
        }
        Ok(())
    }

    pub(super) fn presort_many_to_one_saves(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        for &object in objects {
            self.register_as(session, object, Registration::SAVE.along("add", relationship));
            if !configured.cascade.delete_orphan {
                continue;
            }
            let passive = passive_delete(configured);
            let history = self.history(session, object, relationship, passive)?;
            for &child in history.deleted.iter().flatten() {
                if !session.has_parent(relationship, child, false) {
                    self.register_delete_with_cascade(session, child, relationship)?;
                }
            }
        }
        Ok(())
    }

    /// With an UPDATE of its own, an object lets go of the other one before it is deleted.
    pub(super) fn process_many_to_one_deletes(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        let lets_go = configured.post_update
            && !configured.cascade.delete_orphan
            && configured.passive_deletes != PassiveDeletes::All;
        if !lets_go {
            return Ok(());
        }
        for &object in objects {
            self.synchronize_parent(session, relationship, object, None, None)?;
            let passive = passive_delete(configured);
            let history = self.history(session, object, relationship, passive)?;
            if history.sum().flatten().next().is_some() {
                self.post_update(session, relationship, object);
            }
        }
        Ok(())
    }

    pub(super) fn process_many_to_one_saves(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        for &object in objects {
            let history = self.history(session, object, relationship, Passive::NO_INITIALIZE)?;
            for &child in &history.added {
                self.synchronize_parent(session, relationship, object, child, Some("add"))?;
            }
            if history.added.is_empty() && !history.deleted.is_empty() {
                self.synchronize_parent(session, relationship, object, None, Some("delete"))?;
            }
            if session.mapping[relationship].post_update && history.sum().next().is_some() {
                self.post_update(session, relationship, object);
            }
        }
        Ok(())
    }

    /// Gives an object the key of the one that it leads to, or none.
    fn synchronize_parent(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
        child: Option<ObjectId>,
        operation: Option<&str>,
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        if !configured.post_update && self.is_deleted(object) {
            return Ok(());
        }
        let Some(child) = child else { return self.clear(session, relationship, object) };
        if let Some(operation) = operation
            && !session.contains(child)
        {
            session.warn(will_not_proceed(session, child, operation, configured));
            return Ok(());
        }
        self.verify_class(session, relationship, Some(child))?;
        self.populate(session, relationship, child, object, false)
    }
}

/// What is warned of when an object at the other end is in no session.
pub(super) fn will_not_proceed(
    session: &Session<'_>,
    child: ObjectId,
    operation: &str,
    relationship: &Relationship,
) -> String {
    format!(
        "Object of type {} not in session, {operation} operation along '{}' won't proceed",
        session.class_text(child),
        relationship.path
    )
}
