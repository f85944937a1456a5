//! A many-to-one relationship without another side: if the key of the object it leads to changes,
//! who leads there is looked for among all objects of the session.

use super::action::Action;
use super::{Intent, Processor, Registered, Registration, Scope, UnitOfWork};
use crate::session::Session;
use crate::session::attribute::{Got, Kind};
use crate::session::cascade::symbol_in_place_of_object;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::mapping::RelationshipId;
use crate::session::passive::Passive;

impl UnitOfWork {
    pub(super) fn set_up_key_switch(
        &mut self,
        session: &Session<'_>,
        relationship: RelationshipId,
    ) {
        let parent_saves = self.action(Action::SaveAll(session.mapping[relationship].parent));
        let processor = Processor::KeySwitch(relationship);
        let after_save = self.process_action(session, processor, Intent::Save);
        self.order(&[(parent_saves, after_save)]);
    }

    /// Without the database's update rule the referencing objects are updated, so they are
    /// registered before anything is sent.
    pub(super) fn presort_key_switch(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        if session.mapping[relationship].passive_updates {
            return Ok(());
        }
        self.process_key_switches(session, relationship, objects)
    }

    pub(super) fn has_key_switches(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        intent: Intent,
        objects: &[ObjectId],
    ) -> Result<bool> {
        if intent == Intent::Delete || !session.mapping[relationship].passive_updates {
            return Ok(false);
        }
        Ok(!self.switched(session, relationship, objects)?.is_empty())
    }

    /// All objects seen so far whose key has changed.
    fn switched(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<Vec<ObjectId>> {
        for &object in objects {
            let seen = self.key_switchers.entry(relationship).or_default();
            if seen.0.contains(&object) || seen.1.contains(&object) {
                continue;
            }
            let changed = session.state(object).key.is_some()
                && self.source_modified(session, object, relationship)?;
            let (switched, kept) = self.key_switchers.entry(relationship).or_default();
            if changed {
                switched.insert(object)
            } else {
                kept.insert(object)
            };
        }
        let seen = self.key_switchers.get(&relationship);
        Ok(seen.map(|(switched, _)| switched.to_vec()).unwrap_or_default())
    }

    pub(super) fn process_key_switches(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let switched = self.switched(session, relationship, objects)?;
        if switched.is_empty() {
            return Ok(());
        }
        let configured = &session.mapping[relationship];
        let (passive, scope) = if configured.passive_updates {
            (Passive::NO_INITIALIZE, Scope::ListOnly)
        } else {
            (Passive::OFF, Scope::Full)
        };
        let present: Vec<ObjectId> = session.identity_map.objects().collect();
        for object in present {
            if session.state(object).mapper != configured.parent {
                continue;
            }
            let Some(target) = self.first_related(session, object, relationship, passive)? else {
                continue;
            };
            if switched.contains(&target) {
                let registered = Registered { intent: Intent::Save, scope };
                let how = Registration { registered, ..Registration::SAVE };
                self.register_as(session, object, how);
                let is_cascaded = configured.passive_updates;
                self.populate(session, relationship, target, object, is_cascaded)?;
            }
        }
        Ok(())
    }

    fn first_related(
        &self,
        session: &mut Session<'_>,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Option<ObjectId>> {
        if let Kind::Collection(_) = session.mapping.kind_of(relationship) {
            session.get_collection(object, relationship, passive)?;
            let slot = session.mapping.slot(relationship);
            return Ok(session.state(object).collection(slot).first().copied());
        }
        match session.get_reference(object, relationship, passive)? {
            Got::NoValue => Err(symbol_in_place_of_object("_sa_instance_state")),
            found => Ok(found.value().flatten()),
        }
    }
}
