//! Merging: the state of an object, from wherever it comes, is copied onto the object of this session
//! that has the same identity, and so are the objects that it leads to (cascade `merge`).
//!
//! The walk stands on an explicit stack: a frame for each object whose attributes are being copied.

use super::Session;
use super::attribute::{Kind, Token, column_slot};
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::mapping::{ColumnPosition, RelationshipId};
use super::ordered::{OrderedMap, OrderedSet};
use super::passive::Passive;
use super::state::{IdentityKey, Slot};

/// One call of [`Session::merge`].
struct Merge {
    load: bool,
    /// Object → what it was merged onto.
    merged: OrderedMap<ObjectId, ObjectId>,
    /// Key → what was merged onto that has it.
    by_key: OrderedMap<IdentityKey, ObjectId>,
    /// Objects that were come to, along which relationship.
    reached: OrderedSet<(ObjectId, RelationshipId)>,
    stack: Vec<Frame>,
}

/// An object whose attributes are being copied.
struct Frame {
    source: ObjectId,
    destination: ObjectId,
    /// How many of the attributes are done, relationships first.
    done: usize,
    /// The relationship whose objects are being merged.
    visit: Option<Visit>,
}

/// A relationship whose objects are being merged.
struct Visit {
    relationship: RelationshipId,
    items: Vec<ObjectId>,
    next: usize,
    found: Vec<ObjectId>,
}

impl Session<'_> {
    /// Copies an object's state onto the object of this session with the same identity, which is
    /// loaded or made if there is none, and returns that. With `load` false nothing is loaded, and
    /// what is copied counts as being in the database.
    ///
    /// # Errors
    /// `InvalidRequestError` if `load` is false and the object is transient or has changes; what the
    /// flush before or loading raises.
    pub fn merge(&mut self, object: ObjectId, load: bool) -> Result<ObjectId> {
        self.warn_within_flush("Session.merge()");
        if load {
            self.autoflush()?;
        }
        self.without_autoflush(|session| Merge::new(load).run(session, object))
    }
}

impl Merge {
    fn new(load: bool) -> Merge {
        Merge {
            load,
            merged: OrderedMap::default(),
            by_key: OrderedMap::default(),
            reached: OrderedSet::default(),
            stack: Vec::new(),
        }
    }

    fn run(&mut self, session: &mut Session<'_>, object: ObjectId) -> Result<ObjectId> {
        let destination = self.enter(session, object)?;
        while let Some(frame) = self.stack.last_mut() {
            match &mut frame.visit {
                Some(visit) if visit.next < visit.items.len() => {
                    let item = visit.items[visit.next];
                    visit.next += 1;
                    self.reached.insert((item, visit.relationship));
                    let depth = self.stack.len();
                    let found = self.enter(session, item)?;
                    // The frame that was entered, if any, lies above the one that entered it.
                    if let Some(visit) = &mut self.stack[depth - 1].visit {
                        visit.found.push(found);
                    }
                }
                Some(_) => self.finish_visit(session)?,
                None => self.step(session)?,
            }
        }
        Ok(destination)
    }

    /// Finds what an object is merged onto; its attributes are copied by the frame that is pushed.
    fn enter(&mut self, session: &mut Session<'_>, source: ObjectId) -> Result<ObjectId> {
        if let Some(&merged) = self.merged.get(&source) {
            return Ok(merged);
        }
        let key = self.key_of(session, source)?;
        let destination = self.destination(session, source, key.as_ref())?;
        self.merged.insert(source, destination);
        session.take_load_options(source, destination);
        if let Some(key) = key {
            self.by_key.insert(key, destination);
        }
        self.stack.push(Frame { source, destination, done: 0, visit: None });
        Ok(destination)
    }

    /// The identity of an object, as far as it has one.
    fn key_of(&self, session: &mut Session<'_>, source: ObjectId) -> Result<Option<IdentityKey>> {
        if let Some(key) = &session.state(source).key {
            return Ok(Some(key.clone()));
        }
        if session.new.contains(&source) {
            let text = session.object_text(source);
            session.warn(format!(
                "Instance {text} is already pending in this Session yet is being merged again; \
                 this is probably not what you want to do"
            ));
        }
        if !self.load {
            return Err(refused("transient (i.e. unpersisted) objects"));
        }
        let key = session.key_from_attributes(source, Passive::RETURN_NO_VALUE)?;
        let mapping = session.mapping;
        let is_set =
            |column: &ColumnPosition| session.state(source).scalar(column_slot(*column)).is_some();
        let all_set = mapping.primary_key(key.mapper).iter().all(is_set);
        let any_value = key.values.iter().any(|value| !value.is_null());
        Ok((all_set && any_value).then_some(key))
    }

    fn destination(
        &mut self,
        session: &mut Session<'_>,
        source: ObjectId,
        key: Option<&IdentityKey>,
    ) -> Result<ObjectId> {
        let mapper = session.state(source).mapper;
        if let Some(key) = key {
            if let Some(present) = session.identity_map.get(&session.states, key) {
                return Ok(present);
            }
            if let Some(&merged) = self.by_key.get(key) {
                return Ok(merged);
            }
            if !self.load {
                if session.state(source).modified {
                    return Err(refused("marked as 'dirty'"));
                }
                let made = session.new_object(mapper);
                session.state_mut(made).key = Some(key.clone());
                session.take_in_persistent(made)?;
                return Ok(made);
            }
            let class = &session.mapping[mapper].name;
            if let Some(loaded) = session.get(class, &key.values)? {
                return Ok(loaded);
            }
        }
        let made = session.new_object(mapper);
        session.save_or_update(made)?;
        Ok(made)
    }

    /// Copies the next attribute, or ends the frame.
    fn step(&mut self, session: &mut Session<'_>) -> Result<()> {
        let Some(frame) = self.stack.last_mut() else { return Ok(()) };
        let (source, destination, at) = (frame.source, frame.destination, frame.done);
        let configured = &session.mapping[session.state(source).mapper];
        let relationships = &configured.relationships;
        let count = relationships.len() + configured.column_count;
        frame.done += 1;
        if source == destination || at >= count {
            self.stack.pop();
            if !self.load {
                session.commit_all(destination);
            }
            return Ok(());
        }
        match relationships.get(at) {
            Some(&relationship) => self.begin_visit(session, source, destination, relationship),
            None => {
                let column = ColumnPosition(at - relationships.len());
                self.copy_column(session, source, destination, column)
            }
        }
    }

    fn copy_column(
        &self,
        session: &mut Session<'_>,
        source: ObjectId,
        destination: ObjectId,
        column: ColumnPosition,
    ) -> Result<()> {
        let slot = column_slot(column);
        match session.state(source).scalar(slot).cloned() {
            Some(value) if self.load => session.set_scalar(destination, slot, value),
            Some(value) => {
                session.state_mut(destination).put(slot, Slot::Scalar(value));
                Ok(())
            }
            None => {
                let state = session.state(destination);
                if state.key.is_some() && !state.has(slot) {
                    session.expire_attribute(destination, slot);
                }
                Ok(())
            }
        }
    }

    fn begin_visit(
        &mut self,
        session: &mut Session<'_>,
        source: ObjectId,
        destination: ObjectId,
        relationship: RelationshipId,
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        let came_from_there = |reverse: &RelationshipId| self.reached.contains(&(source, *reverse));
        if self.load && configured.reverse.iter().any(came_from_there) {
            return Ok(());
        }
        let slot = session.mapping.slot(relationship);
        if !configured.cascade.merge || !session.state(source).has(slot) {
            return Ok(());
        }
        let items = match session.mapping.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => match session.state(source).slot(slot) {
                Slot::Reference(target) => target.iter().copied().collect(),
                _ => vec![],
            },
            Kind::Collection(_) => {
                let items = session.state(source).collection(slot).to_vec();
                if self.load {
                    session.get_collection(destination, relationship, Passive::MERGE)?;
                }
                items
            }
            Kind::Dynamic(_) => session.dynamic_items(source, relationship, Passive::OFF)?,
        };
        let visit = Visit { relationship, items, next: 0, found: Vec::new() };
        if let Some(frame) = self.stack.last_mut() {
            frame.visit = Some(visit);
        }
        Ok(())
    }

    /// Gives the destination what the objects of a relationship were merged onto.
    fn finish_visit(&mut self, session: &mut Session<'_>) -> Result<()> {
        let Some(frame) = self.stack.last_mut() else { return Ok(()) };
        let destination = frame.destination;
        let Some(visit) = frame.visit.take() else { return Ok(()) };
        let Visit { relationship, found, .. } = visit;
        let slot = session.mapping.slot(relationship);
        match (session.mapping.kind_of(relationship), self.load) {
            (Kind::Reference(_) | Kind::Column(_), true) => {
                let target = found.first().copied();
                let token = Token::replace(relationship);
                session.set_reference(destination, relationship, target, token, None)
            }
            (Kind::Reference(_) | Kind::Column(_), false) => {
                let target = found.first().copied();
                session.state_mut(destination).put(slot, Slot::Reference(target));
                Ok(())
            }
            (Kind::Collection(_), true) => {
                session.replace_collection(destination, relationship, found, Passive::MERGE)
            }
            (Kind::Collection(_), false) => {
                session.state_mut(destination).put(slot, Slot::of_objects(found));
                Ok(())
            }
            (Kind::Dynamic(_), true) => session.replace_dynamic(destination, relationship, &found),
            (Kind::Dynamic(_), false) => {
                // The reference reads what is there, and cannot add to it.
                session.read_for_history(destination, relationship, Passive::NO_FETCH)?;
                if found.is_empty() {
                    return Ok(());
                }
                let message = "'_DynamicCollectionAdapter' object has no attribute \
                               'append_without_event'";
                Err(Error::new(ErrorClass::AttributeError, message))
            }
        }
    }
}

fn refused(what: &str) -> Error {
    Error::new(
        ErrorClass::InvalidRequestError,
        format!(
            "merge() with load=False option does not support objects {what}.  flush() all changes \
             on mapped instances before merging with load=False."
        ),
    )
}
