//! What looks after a relationship during a flush, whichever its direction.

use super::action::{Action, ActionId};
use super::{Intent, UnitOfWork};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{
    Direction, MapperId, Mapping, PassiveDeletes, Relationship, RelationshipId,
};
use crate::session::passive::Passive;

/// Looks after a relationship during a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::session) enum Processor {
    /// For objects that have the attribute.
    Relationship(RelationshipId),
    /// For objects that a many-to-one relationship leads to, in case their key changes.
    KeySwitch(RelationshipId),
}

impl Processor {
    pub(super) fn relationship(self) -> RelationshipId {
        match self {
            Processor::Relationship(relationship) | Processor::KeySwitch(relationship) => {
                relationship
            }
        }
    }

    /// Which way it looks along its relationship; `None` for one that looks for changed keys.
    fn direction(self, mapping: &Mapping) -> Option<Direction> {
        match self {
            Processor::Relationship(relationship) => Some(mapping[relationship].direction),
            Processor::KeySwitch(_) => None,
        }
    }

    /// The mapper whose objects it looks at.
    pub(super) fn looks_at(self, mapping: &Mapping) -> MapperId {
        match self {
            Processor::Relationship(relationship) => mapping[relationship].parent,
            Processor::KeySwitch(relationship) => mapping[relationship].target,
        }
    }
}

/// The processors that look at a mapper's objects: first those of many-to-one relationships that lead
/// here, then those of its own.
pub(super) fn of_mapper(mapping: &Mapping, mapper: MapperId) -> Vec<Processor> {
    let mut processors = Vec::new();
    for relationship in mapping.relationships() {
        let leads_here = relationship.target == mapper
            && relationship.direction == Direction::ManyToOne
            && !relationship.viewonly;
        if leads_here && detects_key_switch(mapping, relationship) {
            processors.push(Processor::KeySwitch(relationship.id));
        }
    }
    for &relationship in &mapping[mapper].relationships {
        if !mapping[relationship].viewonly {
            processors.push(Processor::Relationship(relationship));
        }
    }
    processors
}

/// Whether a changed key is looked for from here: not if the other side sees to it.
fn detects_key_switch(mapping: &Mapping, relationship: &Relationship) -> bool {
    relationship.reverse.is_empty()
        || (!relationship.passive_updates
            && relationship.reverse.iter().all(|&reverse| mapping[reverse].passive_updates))
}

/// How far a delete may load along a relationship.
pub(super) fn passive_delete(relationship: &Relationship) -> Passive {
    match relationship.passive_deletes {
        PassiveDeletes::No => Passive::OFF,
        PassiveDeletes::Yes | PassiveDeletes::All => Passive::NO_INITIALIZE,
    }
}

/// The actions on both ends of a relationship.
pub(super) struct Ends {
    pub(super) parent_saves: ActionId,
    pub(super) child_saves: ActionId,
    pub(super) parent_deletes: ActionId,
    pub(super) child_deletes: ActionId,
    pub(super) after_save: ActionId,
    pub(super) before_delete: ActionId,
}

/// The actions for one object and one object at the other end.
pub(super) struct OneEnds {
    /// Saves or deletes the parent.
    pub(super) parent: ActionId,
    /// Saves or deletes the child.
    pub(super) child: ActionId,
    /// Copies the keys of the parent.
    pub(super) process: ActionId,
    /// What becomes of the parent.
    pub(super) intent: Intent,
    /// What becomes of the child.
    pub(super) child_intent: Intent,
}

/// What is done for objects along a relationship.
type Work = fn(&mut UnitOfWork, &mut Session<'_>, RelationshipId, &[ObjectId]) -> Result<()>;

/// What a processor does for the objects that are to be saved, or for those that are to be deleted.
struct Duties {
    /// Before anything is sent: registers the objects that these concern.
    presort: Work,
    /// In its turn: copies keys, or writes association rows.
    process: Work,
}

impl Duties {
    fn of(mapping: &Mapping, processor: Processor, intent: Intent) -> Duties {
        let (presort, process): (Work, Work) = match (processor.direction(mapping), intent) {
            (None, Intent::Save) => {
                (UnitOfWork::presort_key_switch, UnitOfWork::process_key_switches)
            }
            (None, Intent::Delete) => (|_, _, _, _| Ok(()), UnitOfWork::process_key_switches),
            (Some(Direction::OneToMany), Intent::Save) => {
                (UnitOfWork::presort_one_to_many_saves, UnitOfWork::process_one_to_many_saves)
            }
            (Some(Direction::OneToMany), Intent::Delete) => {
                (UnitOfWork::presort_one_to_many_deletes, UnitOfWork::process_one_to_many_deletes)
            }
            (Some(Direction::ManyToOne), Intent::Save) => {
                (UnitOfWork::presort_many_to_one_saves, UnitOfWork::process_many_to_one_saves)
            }
            (Some(Direction::ManyToOne), Intent::Delete) => {
                (UnitOfWork::presort_many_to_one_deletes, UnitOfWork::process_many_to_one_deletes)
            }
            (Some(Direction::ManyToMany), Intent::Save) => {
                (UnitOfWork::presort_many_to_many_saves, UnitOfWork::process_many_to_many_saves)
            }
            (Some(Direction::ManyToMany), Intent::Delete) => {
                (UnitOfWork::presort_many_to_many_deletes, UnitOfWork::process_many_to_many_deletes)
            }
        };
        Duties { presort, process }
    }
}

impl UnitOfWork {
    /// Lets a processor register the objects that these concern.
    pub(super) fn presort(
        &mut self,
        session: &mut Session<'_>,
        processor: Processor,
        intent: Intent,
        objects: &[ObjectId],
    ) -> Result<()> {
        let duties = Duties::of(session.mapping, processor, intent);
        (duties.presort)(self, session, processor.relationship(), objects)
    }

    /// Lets a processor do for these objects what it is there for.
    pub(super) fn process(
        &mut self,
        session: &mut Session<'_>,
        processor: Processor,
        intent: Intent,
        objects: &[ObjectId],
    ) -> Result<()> {
        let duties = Duties::of(session.mapping, processor, intent);
        (duties.process)(self, session, processor.relationship(), objects)
    }

    /// Whether a processor will have anything to do for these objects.
    pub(super) fn has_changes(
        &mut self,
        session: &mut Session<'_>,
        processor: Processor,
        intent: Intent,
        objects: &[ObjectId],
    ) -> Result<bool> {
        let relationship = match processor {
            Processor::KeySwitch(relationship) => {
                return self.has_key_switches(session, relationship, intent, objects);
            }
            Processor::Relationship(relationship) => relationship,
        };
        let configured = &session.mapping[relationship];
        let is_passive = intent == Intent::Save || configured.passive_deletes != PassiveDeletes::No;
        let passive = match (is_passive, configured.direction) {
            (true, _) => Passive::NO_INITIALIZE | Passive::INCLUDE_PENDING_MUTATIONS,
            (false, Direction::ManyToOne) => Passive::NO_FETCH_RELATED,
            (false, _) => Passive::OFF | Passive::INCLUDE_PENDING_MUTATIONS,
        };
        for &object in objects {
            if !self.history(session, object, relationship, passive)?.is_empty() {
                return Ok(true);
            }
        }
        let refers_to_itself = configured.parent == configured.target;
        let knows_target = !self.objects[configured.target.0].is_empty();
        Ok(!objects.is_empty() && !refers_to_itself && knows_target)
    }

    /// Sets the actions of a processor up and says what comes before what.
    pub(super) fn set_up_processor(&mut self, session: &Session<'_>, processor: Processor) {
        let relationship = match processor {
            Processor::KeySwitch(relationship) => {
                return self.set_up_key_switch(session, relationship);
            }
            Processor::Relationship(relationship) => relationship,
        };
        let configured = &session.mapping[relationship];
        let after_save = self.process_action(session, processor, Intent::Save);
        let before_delete = self.process_action(session, processor, Intent::Delete);
        let ends = Ends {
            after_save,
            before_delete,
            parent_saves: self.action(Action::SaveAll(configured.parent)),
            child_saves: self.action(Action::SaveAll(configured.target)),
            parent_deletes: self.action(Action::DeleteAll(configured.parent)),
            child_deletes: self.action(Action::DeleteAll(configured.target)),
        };
        match configured.direction {
            Direction::OneToMany => self.order_one_to_many(configured, &ends),
            Direction::ManyToOne => self.order_many_to_one(configured, &ends),
            Direction::ManyToMany => self.order_many_to_many(&ends),
        }
    }

    /// The action that lets a processor copy keys.
    pub(super) fn process_action(
        &mut self,
        session: &Session<'_>,
        processor: Processor,
        intent: Intent,
    ) -> ActionId {
        let action = self.action(Action::ProcessAll { processor, intent });
        let parent = session.mapping[processor.relationship()].parent;
        self.processors.get_or_default(parent).insert(processor);
        action
    }

    /// Registers an object to be deleted with everything that the cascade reaches from it.
    pub(super) fn register_delete_with_cascade(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<()> {
        use super::Registration;
        use crate::session::cascade::{CascadeKind, CascadeWalk};
        self.register_as(session, object, Registration::DELETE.along("delete", relationship));
        let mut walk = CascadeWalk::from(CascadeKind::Delete, object);
        while let Some(reached) = walk.next(session)? {
            self.register_as(session, reached, Registration::DELETE);
        }
        Ok(())
    }

    /// Refuses an object of a class that the relationship does not lead to.
    pub(super) fn verify_class(
        &self,
        session: &Session<'_>,
        relationship: RelationshipId,
        child: Option<ObjectId>,
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        let message = match child {
            None if configured.uselist => {
                format!("Can't flush None value found in collection {}", configured.path)
            }
            Some(child) if session.state(child).mapper != configured.target => format!(
                "Attempting to flush an item of type <class '{}'> as a member of collection \
                 \"{}\". Expected an object of type <class '{}'> or a polymorphic subclass of \
                 this type.",
                session.class_name(child),
                configured.path,
                session.mapping[configured.target].name
            ),
            _ => return Ok(()),
        };
        Err(Error::new(ErrorClass::FlushError, message))
    }

    /// Registers an object for one more UPDATE, of the columns that carry a relationship.
    pub(super) fn post_update(
        &mut self,
        session: &Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
    ) {
        let mapper = session.state(object).mapper;
        let pairs = &session.mapping[relationship].synchronize_pairs;
        let columns = pairs.iter().map(|pair| pair.destination.column);
        self.register_post_update(mapper, object, columns);
    }
}
