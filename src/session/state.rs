//! What the session knows of one object: its values, what they were in the database, where it stands.
//!
//! An object is its [`State`] in the session's arena, named by an [`ObjectId`]. Attributes are
//! numbered by the mapper, columns first, and each has a [`Slot`]. What was changed since the last
//! flush is remembered beside it as it was before ([`Committed`]), so that a flush writes only what
//! differs. What few objects have stands in [`Extras`], so that a loaded object is small.

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use super::id::ObjectId;
use super::mapping::{Lazy, MapperId, RelationshipId};
use super::scalar::Scalar;

/// Names an attribute of a mapper: its columns in table order, then its relationships as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeId(pub u16);

impl AttributeId {
    /// The index into an object's slots.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What an attribute holds in memory: the object's dictionary.
#[derive(Clone, Debug, Default)]
pub enum Slot {
    /// Nothing: never set, not loaded, or expired.
    #[default]
    Absent,
    /// The value of a column.
    Scalar(Scalar),
    /// The object a scalar relationship leads to.
    Reference(Option<ObjectId>),
    /// The objects of a collection.
    #[expect(clippy::box_collection, reason = "a slot is no larger than the value of a column")]
    Collection(Box<Vec<ObjectId>>),
    /// A collection that is never loaded has been changed.
    Dynamic,
}

impl Slot {
    /// A collection of these objects.
    pub fn of_objects(objects: Vec<ObjectId>) -> Slot {
        Slot::Collection(Box::new(objects))
    }
}

/// What an attribute held before it was changed.
#[derive(Clone, Debug)]
pub enum Committed {
    /// It had no value.
    NoValue,
    /// It had one that was not loaded.
    NoResult,
    /// The value of a column.
    Scalar(Scalar),
    /// The object it led to.
    Reference(Option<ObjectId>),
    /// The objects that were in it.
    Collection(Box<[ObjectId]>),
    /// What was added to and removed from a collection that is never loaded.
    Dynamic(Box<Mutations>),
}

/// Objects added to and removed from a collection that is not in memory.
#[derive(Clone, Debug, Default)]
pub struct Mutations {
    /// In the order added.
    pub added: super::ordered::OrderedSet<ObjectId>,
    /// In the order removed.
    pub removed: super::ordered::OrderedSet<ObjectId>,
}

impl Mutations {
    /// Queues an append to a collection that will be loaded: it cancels a removal.
    pub fn queue_append(&mut self, object: ObjectId) {
        if !self.removed.remove(&object) {
            self.added.insert(object);
        }
    }

    /// Queues a removal: it cancels an append.
    pub fn queue_remove(&mut self, object: ObjectId) {
        if !self.added.remove(&object) {
            self.removed.insert(object);
        }
    }
}

/// A set of attributes of one mapper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeSet(SmallVec<[u64; 2]>);

impl AttributeSet {
    /// The first `count` attributes.
    pub fn first(count: usize) -> AttributeSet {
        let word = |at: usize| match count - at * 64 {
            64.. => u64::MAX,
            rest => (1 << rest) - 1,
        };
        AttributeSet((0..count.div_ceil(64)).map(word).collect())
    }

    /// Adds an attribute.
    pub fn insert(&mut self, attribute: AttributeId) {
        let (word, bit) = (attribute.index() / 64, 1 << (attribute.index() % 64));
        match self.0.get_mut(word) {
            Some(word) => *word |= bit,
            None => {
                self.0.resize(word, 0);
                self.0.push(bit);
            }
        }
    }

    /// Removes an attribute.
    pub fn remove(&mut self, attribute: AttributeId) {
        if let Some(word) = self.0.get_mut(attribute.index() / 64) {
            *word &= !(1 << (attribute.index() % 64));
        }
    }

    /// Whether an attribute is in it.
    pub fn contains(&self, attribute: AttributeId) -> bool {
        let word = self.0.get(attribute.index() / 64);
        word.is_some_and(|word| word & (1 << (attribute.index() % 64)) != 0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Its attributes in their order.
    pub fn iter(&self) -> impl Iterator<Item = AttributeId> + '_ {
        let words = self.0.iter().enumerate();
        words.flat_map(|(at, &word)| {
            let next = |rest: &u64| Some(rest & (rest - 1)).filter(|rest| *rest != 0);
            let rests = std::iter::successors(Some(word).filter(|word| *word != 0), next);
            rests.map(move |rest| AttributeId((at * 64 + rest.trailing_zeros() as usize) as u16))
        })
    }
}

impl FromIterator<AttributeId> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = AttributeId>>(attributes: I) -> Self {
        let mut set = AttributeSet::default();
        for attribute in attributes {
            set.insert(attribute);
        }
        set
    }
}

/// What identifies an object in a session: its mapper and the values of its primary key.
///
/// Two keys are the same if their values are equal as the program sees them, so 1 and 1.0 are.
#[derive(Clone, Debug)]
pub struct IdentityKey {
    /// The mapper.
    pub mapper: MapperId,
    /// One value per primary key column, in the table's order.
    pub values: SmallVec<[Scalar; 1]>,
}

impl PartialEq for IdentityKey {
    fn eq(&self, other: &IdentityKey) -> bool {
        self.mapper == other.mapper && self.values == other.values
    }
}

impl Eq for IdentityKey {}

impl Hash for IdentityKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.mapper.hash(state);
        for value in &self.values {
            value.hash(state);
        }
    }
}

/// Numbers a session among those that used one arena, so that an object knows whether the one it
/// belongs to is still the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionNumber(pub u32);

/// What few objects have.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// What changed attributes held before.
    committed: SmallVec<[(AttributeId, Committed); 1]>,
    /// By which relationship the object has which parent; `None` after it lost it.
    pub parents: SmallVec<[(RelationshipId, Option<ObjectId>); 2]>,
    /// What waits for a collection to be loaded.
    pub pending: Vec<(AttributeId, Mutations)>,
    /// How a relationship is loaded for this object, other than configured.
    pub loaders: Vec<(AttributeId, Lazy)>,
    /// Values to go by once they are expired: `None` while the attribute has one.
    pub last_known: Vec<(AttributeId, Option<Scalar>)>,
}

/// One object.
#[derive(Clone, Debug)]
pub struct State {
    /// Its mapper.
    pub mapper: MapperId,
    /// What its attributes hold.
    pub slots: Box<[Slot]>,
    /// The changed ones that had no value before, which is all that a new object has; what others held
    /// stands in its extras.
    new_attributes: AttributeSet,
    /// The attributes to load anew when they are next read.
    pub expired_attributes: AttributeSet,
    /// Its identity, once it has a row.
    pub key: Option<IdentityKey>,
    /// The session it belongs to.
    pub session: Option<SessionNumber>,
    /// Its place among the pending objects.
    pub insert_order: u32,
    /// Whether anything was changed since the last flush.
    pub modified: bool,
    /// Whether the session holds it for having been modified.
    pub held: bool,
    /// Whether all of it was expired.
    pub expired: bool,
    /// Whether its row was deleted by a flush.
    pub deleted: bool,
    /// Whether its parent dropped it while the parent was in no session.
    pub orphaned_outside_of_session: bool,
    /// Whether the identity map knows it, and is told when it is modified.
    pub in_identity_map: bool,
    extras: Option<Box<Extras>>,
}

impl State {
    /// A transient object with `attribute_count` attributes, none of which has a value.
    pub fn new(mapper: MapperId, attribute_count: usize) -> State {
        State {
            mapper,
            slots: (0..attribute_count).map(|_| Slot::Absent).collect(),
            new_attributes: AttributeSet::default(),
            expired_attributes: AttributeSet::default(),
            key: None,
            session: None,
            insert_order: 0,
            modified: false,
            held: false,
            expired: false,
            deleted: false,
            orphaned_outside_of_session: false,
            in_identity_map: false,
            extras: None,
        }
    }

    /// What an attribute holds.
    pub fn slot(&self, attribute: AttributeId) -> &Slot {
        &self.slots[attribute.index()]
    }

    /// Whether an attribute holds anything.
    pub fn has(&self, attribute: AttributeId) -> bool {
        !matches!(self.slot(attribute), Slot::Absent)
    }

    /// Puts a value in place and returns what was there.
    pub fn put(&mut self, attribute: AttributeId, slot: Slot) -> Slot {
        std::mem::replace(&mut self.slots[attribute.index()], slot)
    }

    /// Takes what an attribute holds.
    pub fn take(&mut self, attribute: AttributeId) -> Slot {
        self.put(attribute, Slot::Absent)
    }

    /// The value of a column's attribute, if it has one.
    pub fn scalar(&self, attribute: AttributeId) -> Option<&Scalar> {
        match self.slot(attribute) {
            Slot::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The objects of a collection; none if it is not there.
    pub fn collection(&self, attribute: AttributeId) -> &[ObjectId] {
        match self.slot(attribute) {
            Slot::Collection(objects) => objects,
            _ => &[],
        }
    }

    /// The objects of a collection, to be changed; an absent one is put in place.
    pub fn collection_mut(&mut self, attribute: AttributeId) -> &mut Vec<ObjectId> {
        let slot = &mut self.slots[attribute.index()];
        if !matches!(slot, Slot::Collection(_)) {
            *slot = Slot::of_objects(Vec::new());
        }
        match slot {
            Slot::Collection(objects) => objects,
            _ => unreachable!("a collection was just put in place"),
        }
    }

    /// What a changed attribute held before.
    pub fn committed(&self, attribute: AttributeId) -> Option<&Committed> {
        if self.new_attributes.contains(attribute) {
            return Some(&Committed::NoValue);
        }
        let committed = &self.extras()?.committed;
        committed.iter().find(|(of, _)| *of == attribute).map(|(_, committed)| committed)
    }

    /// Notes what an attribute that is about to change held, unless it has been changed before.
    pub fn remember(&mut self, attribute: AttributeId, before: Committed) {
        if self.committed(attribute).is_some() {
            return;
        }
        match before {
            Committed::NoValue => self.new_attributes.insert(attribute),
            before => self.extras_mut().committed.push((attribute, before)),
        }
    }

    /// What was added to and removed from a collection that is never loaded, to be added to.
    pub fn mutations_mut(&mut self, attribute: AttributeId) -> &mut Mutations {
        self.remember(attribute, Committed::Dynamic(Box::default()));
        let mut committed = self.extras_mut().committed.iter_mut();
        match committed.find(|(of, _)| *of == attribute) {
            Some((_, Committed::Dynamic(mutations))) => mutations,
            _ => unreachable!("a dynamic collection's history is its mutations"),
        }
    }

    /// Forgets what an attribute held before.
    pub fn forget_committed(&mut self, attribute: AttributeId) {
        self.new_attributes.remove(attribute);
        if let Some(extras) = self.extras_if_any() {
            extras.committed.retain(|(of, _)| *of != attribute);
        }
    }

    /// Forgets what all attributes held before.
    pub fn forget_all_committed(&mut self) {
        self.new_attributes.clear();
        if let Some(extras) = self.extras_if_any() {
            extras.committed = SmallVec::new();
        }
    }

    /// What few objects have, if this one has any of it.
    pub fn extras(&self) -> Option<&Extras> {
        self.extras.as_deref()
    }

    /// What few objects have, to be changed.
    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The same, if there is any.
    pub fn extras_if_any(&mut self) -> Option<&mut Extras> {
        self.extras.as_deref_mut()
    }

    /// What waits for a collection to be loaded.
    pub fn pending(&self, attribute: AttributeId) -> Option<&Mutations> {
        let pending = &self.extras()?.pending;
        pending.iter().find(|(of, _)| *of == attribute).map(|(_, mutations)| mutations)
    }

    /// The same, to be added to.
    pub fn pending_mut(&mut self, attribute: AttributeId) -> &mut Mutations {
        let pending = &mut self.extras_mut().pending;
        let at = pending.iter().position(|(of, _)| *of == attribute).unwrap_or_else(|| {
            pending.push((attribute, Mutations::default()));
            pending.len() - 1
        });
        &mut pending[at].1
    }

    /// Takes what waits for a collection.
    pub fn take_pending(&mut self, attribute: AttributeId) -> Option<Mutations> {
        let pending = &mut self.extras_if_any()?.pending;
        let at = pending.iter().position(|(of, _)| *of == attribute)?;
        Some(pending.remove(at).1)
    }

    /// How a relationship is loaded for this object, if other than configured.
    pub fn loader(&self, attribute: AttributeId) -> Option<Lazy> {
        let loaders = &self.extras()?.loaders;
        loaders.iter().find(|(of, _)| *of == attribute).map(|(_, lazy)| *lazy)
    }

    /// Loads a relationship of this object other than configured.
    pub fn set_loader(&mut self, attribute: AttributeId, lazy: Lazy) {
        self.forget_loader(attribute);
        self.extras_mut().loaders.push((attribute, lazy));
    }

    /// Loads a relationship of this object as configured.
    pub fn forget_loader(&mut self, attribute: AttributeId) {
        if let Some(extras) = self.extras_if_any() {
            extras.loaders.retain(|(of, _)| *of != attribute);
        }
    }

    /// Whether the parent along a relationship is known: `None` if nothing was ever heard of one.
    pub fn has_parent(&self, relationship: RelationshipId) -> Option<bool> {
        let parents = &self.extras()?.parents;
        parents.iter().find(|(by, _)| *by == relationship).map(|(_, parent)| parent.is_some())
    }

    /// The parent along a relationship: `None` if nothing was heard of one, `Some(None)` if it
    /// dropped the object.
    pub fn parent(&self, relationship: RelationshipId) -> Option<Option<ObjectId>> {
        let parents = &self.extras()?.parents;
        parents.iter().find(|(by, _)| *by == relationship).map(|(_, parent)| *parent)
    }

    /// Notes the parent along a relationship, or that it has none any more.
    pub fn set_parent(&mut self, relationship: RelationshipId, parent: Option<ObjectId>) {
        let parents = &mut self.extras_mut().parents;
        match parents.iter_mut().find(|(by, _)| *by == relationship) {
            Some((_, known)) => *known = parent,
            None => parents.push((relationship, parent)),
        }
    }

    /// The attributes in the set that have not been changed.
    pub fn unmodified(&self, attributes: &AttributeSet) -> AttributeSet {
        attributes.iter().filter(|&attribute| self.committed(attribute).is_none()).collect()
    }
}
