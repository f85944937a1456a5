//! What a flush writes, and in which order: gathered to a fixed point, sorted, carried out.
//!
//! Objects are *registered* to be saved or deleted. Each relationship has a [`Processor`] that, before
//! anything is sent, looks at the registered objects and registers those that they concern
//! (`preprocess`), and that later copies keys from one side to the other. What is to be done is an
//! [`Action`](action::Action): save all objects of a mapper, delete them, let a processor copy keys.
//! Which comes first is said by edges between actions. Where the edges go round in a circle, the
//! actions on the circle are split into one for each object (`split`), which can be ordered.

mod action;
mod key_switch;
mod many_to_many;
mod many_to_one;
mod one_to_many;
mod preprocess;
mod processor;
mod split;
mod synchronize;

use std::rc::Rc;

use action::{Action, ActionId, Actions, NO_ACTION};
use hashbrown::HashMap;
use preprocess::Preprocess;
pub(super) use processor::Processor;

use super::attribute::column_slot;
use super::error::{Error, ErrorClass, Result};
use super::history::{History, ScalarHistory};
use super::id::ObjectId;
use super::mapping::{ColumnPosition, ColumnRef, MapperId, Mapping, RelationshipId};
use super::ordered::{ObjectMap, ObjectSet, OrderedMap, OrderedSet};
use super::passive::Passive;
use super::topological;
use super::{ObjectState, Session};

/// Tables that are never iterated.
type Memo<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// What is to become of a registered object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// Insert or update it.
    Save,
    /// Delete it.
    Delete,
}

/// How much of it is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of it.
    Full,
    /// Nothing: it is listed because a statement for another object takes care of it.
    ListOnly,
}

/// A registered object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) intent: Intent,
    pub(super) scope: Scope,
}

/// How an object is to be registered.
#[derive(Clone, Copy, Debug)]
struct Registration {
    registered: Registered,
    /// Whether it is saved even if it was to be deleted.
    cancels_delete: bool,
    /// What is being done along which relationship, for the warning that the object is in no session.
    along: Option<(&'static str, RelationshipId)>,
}

impl Registration {
    const SAVE: Registration = Registration {
        registered: Registered { intent: Intent::Save, scope: Scope::Full },
        cancels_delete: false,
        along: None,
    };
    const DELETE: Registration = Registration {
        registered: Registered { intent: Intent::Delete, scope: Scope::Full },
        ..Registration::SAVE
    };

    fn along(self, operation: &'static str, relationship: RelationshipId) -> Registration {
        Registration { along: Some((operation, relationship)), ..self }
    }
}

/// The work of one flush.
#[derive(Debug, Default)]
pub(super) struct UnitOfWork {
    /// Object → what is to become of it, in the order of registration.
    states: ObjectMap<Registered>,
    /// By mapper, the places of its objects in `states`.
    objects: Vec<Vec<usize>>,
    preprocesses: OrderedMap<Processor, Preprocess>,
    actions: Actions,
    /// The first action comes before the second.
    dependencies: OrderedSet<(ActionId, ActionId)>,
    /// Mapper → the processors that look at its objects.
    processors: OrderedMap<MapperId, OrderedSet<Processor>>,
    /// Mapper → objects that need another UPDATE, and the columns that it sets.
    post_updates: OrderedMap<MapperId, (ObjectSet, OrderedSet<ColumnPosition>)>,
    /// By relationship, what was asked of objects. The history of those that have none is one and the
    /// same.
    histories: Vec<ObjectMap<(Rc<History>, Passive)>>,
    nothing: Rc<History>,
    scalar_histories: Memo<(MapperId, ColumnPosition), ObjectMap<(ScalarHistory, Passive)>>,
    /// Relationship → children that were added to a parent in this flush.
    children_added: Memo<RelationshipId, ObjectSet>,
    /// Names of two mirroring relationships → pairs whose association row one of them has written.
    associated: Memo<Vec<String>, Memo<(ObjectId, ObjectId), ()>>,
    /// Relationship → objects whose key has changed, and those whose key has not.
    key_switchers: Memo<RelationshipId, (ObjectSet, ObjectSet)>,
    /// Key columns that the database's own update rule has changed.
    cascaded_keys: Memo<(ObjectId, ColumnRef), ()>,
}

impl UnitOfWork {
    /// No work yet on objects of a mapping.
    pub(super) fn new(mapping: &Mapping) -> UnitOfWork {
        UnitOfWork {
            objects: vec![Vec::new(); mapping.mappers().len()],
            histories: mapping.relationships().iter().map(|_| ObjectMap::default()).collect(),
            ..UnitOfWork::default()
        }
    }

    /// Whether anything is registered.
    pub(super) fn has_work(&self) -> bool {
        !self.states.is_empty()
    }

    /// Registers an object that the session has; whether it has it.
    pub(super) fn register(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
        deletes: bool,
    ) -> bool {
        let how = if deletes { Registration::DELETE } else { Registration::SAVE };
        self.register_as(session, object, how)
    }

    /// Registers an object, unless it is in no session, which is warned of.
    fn register_as(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
        how: Registration,
    ) -> bool {
        if !session.contains(object) {
            let is_deleted = session.object_state(object) == ObjectState::Deleted;
            if let Some((operation, relationship)) = how.along
                && !is_deleted
            {
                session.warn(format!(
                    "Object of type {} not in session, {operation} operation along '{}' will not \
                     proceed",
                    session.class_text(object),
                    session.mapping[relationship].path
                ));
            }
            return false;
        }
        let Registered { intent, scope } = how.registered;
        if let Some(registered) = self.states.get_mut(&object) {
            let changes = intent == Intent::Delete || how.cancels_delete;
            if scope == Scope::Full && changes {
                *registered = how.registered;
            }
            return true;
        }
        let mapper = session.state(object).mapper;
        let objects = &mut self.objects[mapper.0];
        objects.push(self.states.push(object, how.registered));
        if objects.len() == 1 {
            self.set_up_mapper(session, mapper);
        }
        true
    }

    /// Sets the actions of a mapper up, when its first object is registered.
    fn set_up_mapper(&mut self, session: &Session<'_>, mapper: MapperId) {
        let saves = self.action(Action::SaveAll(mapper));
        let deletes = self.action(Action::DeleteAll(mapper));
        self.dependencies.insert((saves, deletes));
        for processor in processor::of_mapper(session.mapping, mapper) {
            self.preprocesses.get_or_default(processor);
        }
    }

    /// The action, which is made if it is not there.
    fn action(&mut self, action: Action) -> ActionId {
        self.actions.get_or_add(action)
    }

    fn order(&mut self, edges: &[(ActionId, ActionId)]) {
        let edges = edges.iter().copied();
        let both_ends = |edge: &(ActionId, ActionId)| edge.0 != NO_ACTION && edge.1 != NO_ACTION;
        self.dependencies.extend(edges.filter(both_ends));
    }

    /// The registered objects of a mapper that are to be saved or deleted in full.
    fn objects_to(&self, intent: Intent, mapper: MapperId) -> Vec<ObjectId> {
        let wanted = Registered { intent, scope: Scope::Full };
        let registered = self.objects[mapper.0].iter().filter_map(|&place| self.states.at(place));
        registered
            .filter(|(_, registered)| *registered == wanted)
            .map(|(object, _)| *object)
            .collect()
    }

    /// Whether an object is to be deleted.
    pub(super) fn is_deleted(&self, object: ObjectId) -> bool {
        self.states.get(&object).is_some_and(|registered| registered.intent == Intent::Delete)
    }

    /// Leaves an object to a statement for another one.
    pub(super) fn remove_actions(&mut self, object: ObjectId) {
        if let Some(registered) = self.states.get_mut(&object) {
            registered.scope = Scope::ListOnly;
        }
    }

    /// Whether an object that is expired turns out to have been deleted before.
    pub(super) fn was_already_deleted(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
    ) -> Result<bool> {
        if !session.state(object).expired {
            return Ok(false);
        }
        match session.load_expired(object, Passive::OFF) {
            Err(error) if error.class == ErrorClass::ObjectDeletedError => {
                session.remove_newly_deleted(&[object]);
                Ok(true)
            }
            loaded => loaded.map(|_| false),
        }
    }

    /// The history of a relationship, asked of the object once in a flush; once more if it was not
    /// allowed to load before and is now.
    fn history(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Rc<History>> {
        let known = &mut self.histories[relationship.0];
        let asked = match known.get(&object) {
            Some((history, before)) if !may_load_now(*before, passive) => {
                return Ok(history.clone());
            }
            Some(_) => Passive::OFF,
            None => passive,
        };
        let asked = asked | Passive::LOAD_AGAINST_COMMITTED | Passive::NO_RAISE;
        let history = match session.has_no_history(object, relationship, asked) {
            true => self.nothing.clone(),
            false => Rc::new(session.history(object, relationship, asked)?),
        };
        known.insert(object, (history.clone(), passive));
        Ok(history)
    }

    /// The history of a column, asked of the object once in a flush.
    fn scalar_history(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
        column: ColumnPosition,
        passive: Passive,
    ) -> Result<ScalarHistory> {
        let of = (session.state(object).mapper, column);
        let known = self.scalar_histories.entry(of).or_default();
        let asked = match known.get(&object) {
            Some((history, before)) if !may_load_now(*before, passive) => {
                return Ok(history.clone());
            }
            Some(_) => Passive::OFF,
            None => passive,
        };
        let asked = asked | Passive::LOAD_AGAINST_COMMITTED | Passive::NO_RAISE;
        let history = session.scalar_history(object, column_slot(column), asked)?;
        known.insert(object, (history.clone(), passive));
        Ok(history)
    }

    /// Registers an object for one more UPDATE, of these columns.
    fn register_post_update(
        &mut self,
        mapper: MapperId,
        object: ObjectId,
        columns: impl Iterator<Item = ColumnPosition>,
    ) {
        let (objects, of) = self.post_updates.get_or_default(mapper);
        objects.insert(object);
        of.extend(columns);
    }

    /// Whether the database's own update rule has changed a key column of an object.
    pub(super) fn is_cascaded(&self, object: ObjectId, column: ColumnRef) -> bool {
        self.cascaded_keys.contains_key(&(object, column))
    }

    /// Carries the work out.
    ///
    /// # Errors
    /// `CircularDependencyError` if it cannot be ordered, after what could be was done; what the
    /// database refuses; what a processor refuses.
    pub(super) fn execute(&mut self, session: &mut Session<'_>) -> Result<()> {
        self.gather(session)?;
        let is_split = self.split_circles(session)?;
        let items = self.sorted_actions(session);
        let edges = self.dependencies.to_vec();
        let (subsets, circular) = topological::sort_as_subsets(&edges, &items, self.actions.len());
        for subset in subsets {
            if is_split {
                self.run_in_groups(session, subset)?;
            } else {
                subset.into_iter().try_for_each(|action| self.run(session, action))?;
            }
        }
        match circular {
            None => Ok(()),
            Some(topological::Circular) => {
                let message = "Circular dependency detected.";
                Err(Error::new(ErrorClass::CircularDependencyError, message))
            }
        }
    }

    /// Lets the processors look at what is registered until nothing new comes up.
    fn gather(&mut self, session: &mut Session<'_>) -> Result<()> {
        loop {
            let mut found = false;
            let processors: Vec<Processor> = self.preprocesses.keys().copied().collect();
            for processor in processors {
                found |= self.preprocess(session, processor)?;
            }
            if !found {
                return Ok(());
            }
        }
    }

    /// The objects that were deleted, and the others.
    pub(super) fn outcome(&self) -> (Vec<ObjectId>, Vec<ObjectId>) {
        let (mut deleted, mut written) = (Vec::new(), Vec::new());
        for (&object, registered) in self.states.iter() {
            match registered.intent {
                Intent::Delete => deleted.push(object),
                Intent::Save => written.push(object),
            }
        }
        (deleted, written)
    }
}

/// Whether what was asked without loading is asked again with it.
fn may_load_now(before: Passive, now: Passive) -> bool {
    !before.has(Passive::SQL_OK) && now.has(Passive::SQL_OK)
}
