//! Before anything is sent: processors look at what is registered, and register what that concerns.

use super::{Intent, Processor, Registered, Scope, UnitOfWork};
use crate::session::Session;
use crate::session::error::Result;
use crate::session::id::ObjectId;

/// A processor's look at the registered objects of its mapper.
#[derive(Debug, Default)]
pub(super) struct Preprocess {
    /// Whether it has seen them, in the order of registration; those that came since are missing.
    seen: Vec<bool>,
    /// It has seen all before this one.
    first_unseen: usize,
    /// Whether it has set up its actions.
    is_set_up: bool,
}

impl UnitOfWork {
    /// Lets a processor look at the objects that it has not seen; whether there were any.
    pub(super) fn preprocess(
        &mut self,
        session: &mut Session<'_>,
        processor: Processor,
    ) -> Result<bool> {
        let (deletes, saves) = self.look(session, processor);
        if deletes.is_empty() && saves.is_empty() {
            return Ok(false);
        }
        for (intent, objects) in [(Intent::Delete, &deletes), (Intent::Save, &saves)] {
            if !objects.is_empty() {
                self.presort(session, processor, intent, objects)?;
            }
        }
        let is_set_up = self.preprocesses.get(&processor).is_some_and(|look| look.is_set_up);
        if !is_set_up
            && (self.has_changes(session, processor, Intent::Delete, &deletes)?
                || self.has_changes(session, processor, Intent::Save, &saves)?)
        {
            self.set_up_processor(session, processor);
            if let Some(look) = self.preprocesses.get_mut(&processor) {
                look.is_set_up = true;
            }
        }
        Ok(true)
    }

    /// The objects that a processor has not seen: those to be deleted, and those to be saved. One that
    /// is only listed may still become either, and is not seen before.
    fn look(
        &mut self,
        session: &Session<'_>,
        processor: Processor,
    ) -> (Vec<ObjectId>, Vec<ObjectId>) {
        let (mut deletes, mut saves) = (Vec::new(), Vec::new());
        let objects = &self.objects[processor.looks_at(session.mapping).0];
        let Some(look) = self.preprocesses.get_mut(&processor) else { return (deletes, saves) };
        look.seen.resize(objects.len(), false);
        for (&place, seen) in objects.iter().zip(&mut look.seen).skip(look.first_unseen) {
            let Some((object, Registered { intent, scope: Scope::Full })) = self.states.at(place)
            else {
                continue;
            };
            if !std::mem::replace(seen, true) {
                match intent {
                    Intent::Delete => deletes.push(*object),
                    Intent::Save => saves.push(*object),
                }
            }
        }
        let seen = look.seen[look.first_unseen..].iter().take_while(|seen| **seen);
        look.first_unseen += seen.count();
        (deletes, saves)
    }
}
