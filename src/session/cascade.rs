//! Which objects an operation reaches along relationships, and which object is an orphan.
//!
//! The walk goes depth first in the order of the relationships and stands on an explicit stack, so a
//! chain of a hundred thousand objects is walked as a short one is.

use super::Session;
use super::attribute::{Got, Kind};
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::mapping::{Cascade, MapperId, PassiveDeletes, RelationshipId};
use super::ordered::OrderedSet;
use super::passive::Passive;
use smallvec::{SmallVec, smallvec};

/// The operations that go along relationships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CascadeKind {
    SaveUpdate,
    Delete,
    RefreshExpire,
    Expunge,
}

impl CascadeKind {
    fn is_in(self, cascade: Cascade) -> bool {
        match self {
            CascadeKind::SaveUpdate => cascade.save_update,
            CascadeKind::Delete => cascade.delete,
            CascadeKind::RefreshExpire => cascade.refresh_expire,
            CascadeKind::Expunge => cascade.expunge,
        }
    }
}

/// A walk along the relationships from one object: a stack of what is still to be visited.
///
/// It is pulled, object by object, because what is done to an object decides where the walk goes on:
/// an object that was added is not walked into again.
pub(super) struct CascadeWalk {
    kind: CascadeKind,
    visited: OrderedSet<ObjectId>,
    /// Mostly one object, which leads nowhere.
    stack: SmallVec<[Frame; 1]>,
}

enum Frame {
    /// The relationships of an object, from the one at `next`.
    Relationships { object: ObjectId, next: usize },
    /// Objects found along a relationship, the next one last.
    Objects(Vec<ObjectId>),
}

impl CascadeWalk {
    pub(super) fn from(kind: CascadeKind, object: ObjectId) -> CascadeWalk {
        let stack = smallvec![Frame::Relationships { object, next: 0 }];
        CascadeWalk { kind, visited: OrderedSet::default(), stack }
    }

    /// The next object.
    ///
    /// # Errors
    /// What loading a relationship raises, and `AssertionError` for an object of the wrong class.
    pub(super) fn next(&mut self, session: &mut Session<'_>) -> Result<Option<ObjectId>> {
        loop {
            match self.stack.last_mut() {
                None => return Ok(None),
                Some(Frame::Objects(objects)) => match objects.pop() {
                    Some(object) => {
                        self.stack.push(Frame::Relationships { object, next: 0 });
                        return Ok(Some(object));
                    }
                    None => drop(self.stack.pop()),
                },
                Some(Frame::Relationships { object, next }) => {
                    let (object, at) = (*object, *next);
                    *next += 1;
                    let mapper = &session.mapping[session.state(object).mapper];
                    match mapper.relationships.get(at) {
                        Some(&relationship) => self.enter(session, object, relationship)?,
                        None => drop(self.stack.pop()),
                    }
                }
            }
        }
    }

    fn enter(
        &mut self,
        session: &mut Session<'_>,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        if !self.kind.is_in(configured.cascade) {
            return Ok(());
        }
        let skips_pending =
            self.kind == CascadeKind::RefreshExpire && !configured.cascade.delete_orphan;
        let mut found = Vec::new();
        for target in session.cascaded(self.kind, object, relationship)? {
            let halts = self.kind == CascadeKind::SaveUpdate && session.contains(target);
            let skipped = skips_pending && session.state(target).key.is_none();
            if self.visited.contains(&target) || halts || skipped {
                continue;
            }
            if session.state(target).mapper != configured.target {
                return Err(session.wrong_class(relationship, target));
            }
            self.visited.insert(target);
            found.push(target);
        }
        if !found.is_empty() {
            found.reverse();
            self.stack.push(Frame::Objects(found));
        }
        Ok(())
    }
}

/// An attribute that was deleted and not set since has no value, and where nothing may be loaded
/// the reference goes on with the symbol that says so.
pub(super) fn symbol_in_place_of_object(asked: &str) -> Error {
    let message = format!("'LoaderCallableStatus' object has no attribute '{asked}'");
    Error::new(ErrorClass::AttributeError, message)
}

impl Session<'_> {
    /// All objects that an operation reaches from one object, without that one itself.
    pub(super) fn cascade_all(
        &mut self,
        kind: CascadeKind,
        object: ObjectId,
    ) -> Result<Vec<ObjectId>> {
        let mut walk = CascadeWalk::from(kind, object);
        let mut reached = Vec::new();
        while let Some(object) = walk.next(self)? {
            reached.push(object);
        }
        Ok(reached)
    }

    fn wrong_class(&self, relationship: RelationshipId, target: ObjectId) -> Error {
        let configured = &self.mapping[relationship];
        let message = format!(
            "Attribute '{}' on class '<class '{}'>' doesn't handle objects of type '<class '{}'>'",
            configured.name,
            self.mapping[configured.parent].name,
            self.class_name(target)
        );
        Error::new(ErrorClass::AssertionError, message)
    }

    /// The objects that an operation meets along one relationship of one object.
    ///
    /// A delete loads what is not there, unless it is left to the database; everything else takes
    /// only what is there. Adding takes also what was removed since the last flush.
    fn cascaded(
        &mut self,
        kind: CascadeKind,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>> {
        let passive_deletes = self.mapping[relationship].passive_deletes != PassiveDeletes::No;
        let passive = if kind != CascadeKind::Delete || passive_deletes {
            Passive::NO_INITIALIZE
        } else {
            Passive::OFF | Passive::NO_RAISE
        };
        if kind == CascadeKind::SaveUpdate {
            let all = self.all_pending(object, relationship, Passive::NO_INITIALIZE)?;
            return Ok(all.into_iter().flatten().collect());
        }
        match self.mapping.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => {
                match self.get_reference(object, relationship, passive)? {
                    // The reference takes the symbol for "no value" for the object.
                    Got::NoValue => Err(symbol_in_place_of_object("_sa_instance_state")),
                    found => Ok(found.value().flatten().into_iter().collect()),
                }
            }
            Kind::Collection(_) => {
                match self.get_collection(object, relationship, passive)? {
                    Got::NoResult => return Ok(vec![]),
                    Got::NoValue => return Err(symbol_in_place_of_object("_sa_adapter")),
                    Got::Value(()) => {}
                }
                Ok(self.state(object).collection(self.mapping.slot(relationship)).to_vec())
            }
            Kind::Dynamic(_) => self.dynamic_items(object, relationship, passive),
        }
    }

    /// Whether an object has lost a parent without which it should not be.
    pub(super) fn is_orphan(&self, object: ObjectId) -> bool {
        self.is_orphan_of(self.state(object).mapper, object)
    }

    /// The same, judged by the relationships that lead to a mapper.
    pub(super) fn is_orphan_of(&self, mapper: MapperId, object: ObjectId) -> bool {
        let has_identity = self.state(object).key.is_some();
        let owners = &self.mapping[mapper].delete_orphans;
        owners.iter().any(|&owner| !self.has_parent(owner, object, has_identity))
    }
}
