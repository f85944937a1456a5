//! Where actions depend on each other in a circle, they are split into actions for single objects.

use super::action::{Action, ActionId, NO_ACTION};
use super::processor::{OneEnds, passive_delete};
use super::{Intent, Memo, Processor, UnitOfWork};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{Direction, MapperId, RelationshipId};
use crate::session::ordered::OrderedSet;
use crate::session::passive::Passive;
use crate::session::topological;

impl UnitOfWork {
    /// Splits the actions that lie on a circle; whether there were any.
    pub(super) fn split_circles(&mut self, session: &mut Session<'_>) -> Result<bool> {
        let edges = self.dependencies.to_vec();
        let cycles = topological::find_cycles(&edges, self.actions.len());
        if cycles.is_empty() {
            return Ok(false);
        }
        let mut parts: Memo<ActionId, Vec<ActionId>> = Memo::default();
        for &action in cycles.iter() {
            let split = self.split(session, action, &cycles)?;
            parts.insert(action, split);
        }
        self.rewire(&cycles, &parts);
        for &action in cycles.iter() {
            self.actions.disable(action);
        }
        Ok(true)
    }

    /// Lets edges that led to or from a split action lead to or from its parts.
    fn rewire(&mut self, cycles: &OrderedSet<ActionId>, parts: &Memo<ActionId, Vec<ActionId>>) {
        for edge in self.dependencies.to_vec() {
            let (before, after) = edge;
            let disabled = self.actions.is_disabled(before) || self.actions.is_disabled(after);
            match (parts.get(&before), parts.get(&after)) {
                (None, None) if !disabled => continue,
                _ => drop(self.dependencies.remove(&edge)),
            }
            if disabled || (cycles.contains(&before) && cycles.contains(&after)) {
                continue;
            }
            for &part in parts.get(&before).into_iter().flatten() {
                self.dependencies.insert((part, after));
            }
            for &part in parts.get(&after).into_iter().flatten() {
                self.dependencies.insert((before, part));
            }
        }
    }

    /// The parts of an action. Processors have none: those of their mapper's objects see to them.
    fn split(
        &mut self,
        session: &mut Session<'_>,
        action: ActionId,
        cycles: &OrderedSet<ActionId>,
    ) -> Result<Vec<ActionId>> {
        match self.actions.get(action) {
            Action::SaveAll(mapper) => self.split_mapper(session, mapper, Intent::Save, cycles),
            Action::DeleteAll(mapper) => self.split_mapper(session, mapper, Intent::Delete, cycles),
            Action::PostUpdateAll { .. } => Err(Error::new(
                ErrorClass::AttributeError,
                "'_PostUpdateAll' object has no attribute 'per_state_flush_actions'",
            )),
            Action::ProcessAll { .. }
            | Action::SaveOne(_)
            | Action::DeleteOne(_)
            | Action::ProcessOne { .. } => Ok(vec![]),
        }
    }

    fn split_mapper(
        &mut self,
        session: &mut Session<'_>,
        mapper: MapperId,
        intent: Intent,
        cycles: &OrderedSet<ActionId>,
    ) -> Result<Vec<ActionId>> {
        let objects = self.objects_to(intent, mapper);
        // Saves stay before deletes, so that a row can go over from one object to another.
        let other = self.action(match intent {
            Intent::Save => Action::DeleteAll(mapper),
            Intent::Delete => Action::SaveAll(mapper),
        });
        let mut parts = Vec::new();
        for &object in &objects {
            let part = self.action(one(intent, object));
            self.dependencies.insert(match intent {
                Intent::Save => (part, other),
                Intent::Delete => (other, part),
            });
            parts.push(part);
        }
        let processors = self.processors.get(&mapper).map(OrderedSet::to_vec).unwrap_or_default();
        for processor in processors {
            if let Processor::Relationship(relationship) = processor {
                self.split_processor(session, relationship, intent, &objects, cycles)?;
            }
        }
        Ok(parts)
    }

    /// Sets up the actions of a processor for single objects, in place of the one for all.
    fn split_processor(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        intent: Intent,
        objects: &[ObjectId],
        cycles: &OrderedSet<ActionId>,
    ) -> Result<()> {
        let mapping = session.mapping;
        let configured = &mapping[relationship];
        let processor = Processor::Relationship(relationship);
        let child_saves = self.action(Action::SaveAll(configured.target));
        let child_deletes = self.action(Action::DeleteAll(configured.target));
        let process_all = self.process_action(session, processor, intent);
        self.actions.disable(process_all);
        let splits_children = cycles.contains(&child_saves);
        if !splits_children && cycles.contains(&child_deletes) {
            return Err(Error::new(ErrorClass::AssertionError, ""));
        }
        let passive = match intent {
            Intent::Delete => passive_delete(configured),
            Intent::Save => Passive::NO_INITIALIZE,
        };
        for &object in objects {
            let children = session.all_pending(object, relationship, passive)?;
            if children.is_empty() {
                continue;
            }
            let process = self.action(Action::ProcessOne { processor, intent, object });
            let parent = self.action(one(intent, object));
            let child_actions = if splits_children {
                self.child_actions(&children)
            } else {
                vec![(child_saves, Intent::Save), (child_deletes, Intent::Delete)]
            };
            for (child, child_intent) in child_actions {
                let ends = OneEnds { parent, child, process, intent, child_intent };
                match configured.direction {
                    Direction::OneToMany => self.order_one_of_one_to_many(configured, &ends),
                    Direction::ManyToOne => self.order_one_of_many_to_one(configured, &ends),
                    Direction::ManyToMany => self.order_one_of_many_to_many(&ends),
                }
            }
        }
        Ok(())
    }

    /// The actions for the objects at the other end. One that is not registered has none, but counts
    /// as being saved.
    fn child_actions(&mut self, children: &[Option<ObjectId>]) -> Vec<(ActionId, Intent)> {
        let mut actions = Vec::new();
        for child in children {
            let registered = child.and_then(|child| Some((child, self.states.get(&child)?.intent)));
            actions.push(match registered {
                Some((child, intent)) => (self.action(one(intent, child)), intent),
                None => (NO_ACTION, Intent::Save),
            });
        }
        actions
    }
}

fn one(intent: Intent, object: ObjectId) -> Action {
    match intent {
        Intent::Save => Action::SaveOne(object),
        Intent::Delete => Action::DeleteOne(object),
    }
}
