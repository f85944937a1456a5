//! Before anything is sent: processors look at what is registered, and register what that concerns.

use super::{Intent, Processor, Registered, Scope, UnitOfWork};
use crate::session::Session;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::ordered::OrderedSet;

/// A processor's look at the registered objects.
#[derive(Debug)]
pub(super) struct Preprocess {
    processor: Processor,
    /// Whether the objects have the attribute, or the attribute leads to them.
    from_parent: bool,
    /// The objects that it has seen.
    processed: OrderedSet<ObjectId>,
    /// Whether it has set up its actions.
    is_set_up: bool,
}

impl Preprocess {
    pub(super) fn new(processor: Processor, from_parent: bool) -> Preprocess {
        Preprocess { processor, from_parent, processed: OrderedSet::default(), is_set_up: false }
    }
}

impl UnitOfWork {
    /// Lets a processor look at the objects that it has not seen; whether there were any.
    pub(super) fn preprocess(
        &mut self,
        session: &mut Session<'_>,
        key: (Processor, bool),
    ) -> Result<bool> {
        let Some(look) = self.preprocesses.get(&key) else { return Ok(false) };
        let processor = look.processor;
        debug_assert_eq!(look.from_parent, matches!(processor, Processor::Relationship(_)));
        let mapper = processor.looks_at(session.mapping);
        let unseen: Vec<ObjectId> = match self.mappers.get(&mapper) {
            Some(objects) if objects.len() > look.processed.len() => {
                objects.iter().copied().filter(|object| !look.processed.contains(object)).collect()
            }
            _ => return Ok(false),
        };
        let with = |work: &UnitOfWork, intent| -> Vec<ObjectId> {
            let wanted = Registered { intent, scope: Scope::Full };
            let objects = unseen.iter().copied();
            objects.filter(|object| work.states.get(object) == Some(&wanted)).collect()
        };
        let (deletes, saves) = (with(self, Intent::Delete), with(self, Intent::Save));
        for (intent, objects) in [(Intent::Delete, &deletes), (Intent::Save, &saves)] {
            if objects.is_empty() {
                continue;
            }
            self.presort(session, processor, intent, objects)?;
            if let Some(look) = self.preprocesses.get_mut(&key) {
                look.processed.extend(objects.iter().copied());
            }
        }
        if deletes.is_empty() && saves.is_empty() {
            return Ok(false);
        }
        let is_set_up = self.preprocesses.get(&key).is_some_and(|look| look.is_set_up);
        if !is_set_up
            && (self.has_changes(session, processor, Intent::Delete, &deletes)?
                || self.has_changes(session, processor, Intent::Save, &saves)?)
        {
            self.set_up_processor(session, processor);
            if let Some(look) = self.preprocesses.get_mut(&key) {
                look.is_set_up = true;
            }
        }
        Ok(true)
    }
}
