//! The steps of a flush: what each does, and how those that could go in any order are ordered.

use super::{Intent, Memo, Processor, UnitOfWork};
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::MapperId;
use crate::session::ordered::OrderedSet;
use crate::session::{Session, persistence};

/// Names an action of a flush: its place in the order in which they were made.
pub(super) type ActionId = usize;

/// Stands for the action of an object that has none; an edge that leads there says nothing.
pub(super) const NO_ACTION: ActionId = usize::MAX;

/// A step of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Insert or update all objects of a mapper.
    SaveAll(MapperId),
    /// Delete them.
    DeleteAll(MapperId),
    /// Copy keys for all objects that a processor looks at.
    ProcessAll { processor: Processor, intent: Intent },
    /// Update the columns that were left out before.
    PostUpdateAll { mapper: MapperId, intent: Intent },
    /// Insert or update one object.
    SaveOne(ObjectId),
    /// Delete one object.
    DeleteOne(ObjectId),
    /// Copy keys for one object.
    ProcessOne { processor: Processor, intent: Intent, object: ObjectId },
}

impl std::hash::Hash for Intent {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (*self == Intent::Delete).hash(state);
    }
}

/// By what actions are ordered that could go in any order: their kind by its name in the reference,
/// the class and relationship, saving before deleting. The reference has the module before each
/// class, which is the same for all.
type SortKey<'s> = (&'static str, &'s str, bool);

/// The actions of a flush, each once.
#[derive(Debug, Default)]
pub(super) struct Actions {
    all: Vec<Action>,
    positions: Memo<Action, ActionId>,
    disabled: Vec<bool>,
}

impl Actions {
    pub(super) fn get_or_add(&mut self, action: Action) -> ActionId {
        if let Some(&id) = self.positions.get(&action) {
            return id;
        }
        let id = self.all.len();
        self.all.push(action);
        self.disabled.push(false);
        self.positions.insert(action, id);
        id
    }

    pub(super) fn get(&self, id: ActionId) -> Action {
        self.all[id]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn disable(&mut self, id: ActionId) {
        self.disabled[id] = true;
    }

    pub(super) fn is_disabled(&self, id: ActionId) -> bool {
        self.disabled[id]
    }
}

fn sort_key<'s>(session: &'s Session<'_>, action: Action) -> SortKey<'s> {
    let mapping = session.mapping;
    let of_mapper = |mapper: MapperId| &*mapping[mapper].name;
    let of_object = |object| of_mapper(session.state(object).mapper);
    let of_processor = |processor: Processor| &*mapping[processor.relationship()].sort_name;
    let deletes = |intent| intent == Intent::Delete;
    match action {
        Action::SaveAll(mapper) => ("SaveUpdateAll", of_mapper(mapper), false),
        Action::DeleteAll(mapper) => ("DeleteAll", of_mapper(mapper), false),
        Action::ProcessAll { processor, intent } => {
            ("ProcessAll", of_processor(processor), deletes(intent))
        }
        Action::PostUpdateAll { mapper, intent } => {
            ("PostUpdateAll", of_mapper(mapper), deletes(intent))
        }
        Action::SaveOne(object) => ("ProcessState", of_object(object), false),
        Action::DeleteOne(object) => ("DeleteState", of_object(object), false),
        Action::ProcessOne { processor, .. } => ("ProcessState", of_processor(processor), false),
    }
}

impl UnitOfWork {
    /// The actions that are to be run, in the order in which they would be if nothing depended on
    /// anything.
    pub(super) fn sorted_actions(&self, session: &Session<'_>) -> Vec<ActionId> {
        let mut ids: Vec<ActionId> =
            (0..self.actions.len()).filter(|&id| !self.actions.is_disabled(id)).collect();
        ids.sort_by_key(|&id| sort_key(session, self.actions.get(id)));
        ids
    }

    pub(super) fn run(&mut self, session: &mut Session<'_>, id: ActionId) -> Result<()> {
        match self.actions.get(id) {
            Action::SaveAll(mapper) => {
                let objects = self.objects_to(Intent::Save, mapper);
                persistence::save(session, self, mapper, objects)
            }
            Action::DeleteAll(mapper) => {
                let objects = self.objects_to(Intent::Delete, mapper);
                persistence::delete(session, mapper, objects)
            }
            Action::ProcessAll { processor, intent } => {
                let mapper = processor.looks_at(session.mapping);
                let objects = self.objects_to(intent, mapper);
                self.process(session, processor, intent, &objects)
            }
            Action::PostUpdateAll { mapper, intent } => {
                self.run_post_update(session, mapper, intent)
            }
            Action::SaveOne(object) => {
                let mapper = session.state(object).mapper;
                persistence::save(session, self, mapper, vec![object])
            }
            Action::DeleteOne(object) => {
                let mapper = session.state(object).mapper;
                persistence::delete(session, mapper, vec![object])
            }
            Action::ProcessOne { processor, intent, object } => {
                self.process(session, processor, intent, &[object])
            }
        }
    }

    fn run_post_update(
        &mut self,
        session: &mut Session<'_>,
        mapper: MapperId,
        intent: Intent,
    ) -> Result<()> {
        let (objects, columns) = match self.post_updates.get(&mapper) {
            Some((objects, columns)) => (objects.to_vec(), columns.clone()),
            None => (vec![], OrderedSet::default()),
        };
        let mut wanted = Vec::new();
        for object in objects {
            match self.states.get(&object) {
                Some(registered) if registered.intent == intent => wanted.push(object),
                Some(_) => {}
                None => {
                    let text = "<sqlalchemy.orm.state.InstanceState object at 0x?>";
                    return Err(Error::new(ErrorClass::KeyError, text));
                }
            }
        }
        persistence::post_update(session, mapper, wanted, &columns)
    }

    /// Runs actions that do not depend on each other: those of the same kind at once, so that they
    /// share statements.
    pub(super) fn run_in_groups(
        &mut self,
        session: &mut Session<'_>,
        subset: Vec<ActionId>,
    ) -> Result<()> {
        let mut groups: crate::session::ordered::OrderedMap<Group, Vec<ActionId>> =
            Default::default();
        for id in subset {
            let group = self.group_of(session, id);
            match groups.get_mut(&group) {
                Some(ids) => ids.push(id),
                None => drop(groups.insert(group, vec![id])),
            }
        }
        for (group, ids) in groups.iter() {
            self.run_group(session, *group, ids)?;
        }
        Ok(())
    }

    fn group_of(&self, session: &Session<'_>, id: ActionId) -> Group {
        match self.actions.get(id) {
            Action::SaveOne(object) => Group::Save(session.state(object).mapper),
            Action::DeleteOne(object) => Group::Delete(session.state(object).mapper),
            Action::ProcessOne { processor, intent, .. } => Group::Process(processor, intent),
            _ => Group::Alone(id),
        }
    }

    fn run_group(
        &mut self,
        session: &mut Session<'_>,
        group: Group,
        ids: &[ActionId],
    ) -> Result<()> {
        let objects = ids.iter().filter_map(|&id| match self.actions.get(id) {
            Action::SaveOne(object)
            | Action::DeleteOne(object)
            | Action::ProcessOne { object, .. } => Some(object),
            _ => None,
        });
        let mut objects: Vec<ObjectId> = objects.collect();
        match group {
            Group::Alone(id) => self.run(session, id),
            Group::Save(mapper) => persistence::save(session, self, mapper, objects),
            Group::Delete(mapper) => {
                objects.retain(|object| self.is_deleted(*object));
                persistence::delete(session, mapper, objects)
            }
            Group::Process(processor, intent) => self.process(session, processor, intent, &objects),
        }
    }
}

/// Actions that are run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    Save(MapperId),
    Delete(MapperId),
    Process(Processor, Intent),
    Alone(ActionId),
}
