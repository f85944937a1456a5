//! Changing a collection: append, insert, extend, remove, pop, clear, replace.
//!
//! An event comes before the change it tells of, so that a refusal leaves the list as it was; `pop`
//! alone is the other way round, as it has to know what it pops.

use super::{Change, Got, Kind, Token};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{Lazy, RelationshipId};
use crate::session::ordered::OrderedSet;
use crate::session::passive::Passive;
use crate::session::state::{Committed, Slot};

impl Session<'_> {
    /// Appends to a collection.
    ///
    /// # Errors
    /// `AttributeError` if the attribute is no collection; what loading or an event raises.
    pub fn append(&mut self, object: ObjectId, name: &str, item: ObjectId) -> Result<()> {
        let (attribute, kind) = self.attribute(object, name)?;
        match kind {
            Kind::Collection(relationship) => {
                self.get_collection(object, relationship, Passive::OFF)?;
                self.append_with_event(object, relationship, item)
            }
            Kind::Dynamic(relationship) => {
                let initiator = self.mapping.append_token(relationship);
                self.append_to_dynamic(Change { object, relationship, item, initiator })
            }
            _ => Err(self.no_method(object, attribute, kind, "add")?),
        }
    }

    /// Inserts into a collection before the item at `index`; a negative index counts from the end.
    ///
    /// # Errors
    /// As [`Session::append`].
    pub fn insert(
        &mut self,
        object: ObjectId,
        name: &str,
        index: i64,
        item: ObjectId,
    ) -> Result<()> {
        let (attribute, kind) = self.attribute(object, name)?;
        let Kind::Collection(relationship) = kind else {
            return Err(self.no_method(object, attribute, kind, "insert")?);
        };
        self.get_collection(object, relationship, Passive::OFF)?;
        let initiator = self.mapping.append_token(relationship);
        self.fire_collection_append(Change { object, relationship, item, initiator })?;
        let list = self.state_mut(object).collection_mut(attribute);
        let length = list.len() as i64;
        let at = if index < 0 { (index + length).max(0) } else { index.min(length) };
        list.insert(at as usize, item);
        Ok(())
    }

    /// Appends several objects, one after the other.
    ///
    /// # Errors
    /// As [`Session::append`]; what was appended before the error stays.
    pub fn extend(&mut self, object: ObjectId, name: &str, items: &[ObjectId]) -> Result<()> {
        let (attribute, kind) = self.attribute(object, name)?;
        match kind {
            Kind::Collection(relationship) => {
                self.get_collection(object, relationship, Passive::OFF)?;
                for &item in items {
                    self.append_with_event(object, relationship, item)?;
                }
                Ok(())
            }
            Kind::Dynamic(relationship) => {
                let initiator = self.mapping.append_token(relationship);
                for &item in items {
                    self.append_to_dynamic(Change { object, relationship, item, initiator })?;
                }
                Ok(())
            }
            _ => Err(self.no_method(object, attribute, kind, "add_all")?),
        }
    }

    /// Removes the first occurrence of an object from a collection.
    ///
    /// # Errors
    /// `ValueError` if it is not in it; and as [`Session::append`].
    pub fn remove(&mut self, object: ObjectId, name: &str, item: ObjectId) -> Result<()> {
        let (attribute, kind) = self.attribute(object, name)?;
        match kind {
            Kind::Collection(relationship) => {
                self.get_collection(object, relationship, Passive::OFF)?;
                let initiator = Token::remove(relationship);
                self.remove_with_event(Change { object, relationship, item, initiator })
            }
            Kind::Dynamic(relationship) => {
                let initiator = Token::remove(relationship);
                self.remove_from_dynamic(Change { object, relationship, item, initiator })
            }
            _ => Err(self.no_method(object, attribute, kind, "remove")?),
        }
    }

    /// Removes the object at `index` from a collection and returns it; a negative index counts from
    /// the end.
    ///
    /// # Errors
    /// `IndexError` if there is none; and as [`Session::append`].
    pub fn pop(&mut self, object: ObjectId, name: &str, index: i64) -> Result<ObjectId> {
        let (attribute, kind) = self.attribute(object, name)?;
        let Kind::Collection(relationship) = kind else {
            return Err(self.no_method(object, attribute, kind, "pop")?);
        };
        self.get_collection(object, relationship, Passive::OFF)?;
        self.note_collection_modified(object, attribute);
        let length = self.state(object).collection(attribute).len() as i64;
        let at = if index < 0 { index + length } else { index };
        if at < 0 || at >= length {
            let message =
                if length == 0 { "pop from empty list" } else { "pop index out of range" };
            return Err(Error::new(ErrorClass::IndexError, message));
        }
        let item = self.state_mut(object).collection_mut(attribute).remove(at as usize);
        let initiator = Token::remove(relationship);
        self.fire_collection_remove(Change { object, relationship, item, initiator })?;
        Ok(item)
    }

    /// Removes everything from a collection.
    ///
    /// # Errors
    /// As [`Session::append`].
    pub fn clear(&mut self, object: ObjectId, name: &str) -> Result<()> {
        let (attribute, kind) = self.attribute(object, name)?;
        let Kind::Collection(relationship) = kind else {
            return Err(self.no_method(object, attribute, kind, "clear")?);
        };
        self.get_collection(object, relationship, Passive::OFF)?;
        let initiator = Token::remove(relationship);
        let mut at = 0;
        while let Some(&item) = self.state(object).collection(attribute).get(at) {
            self.fire_collection_remove(Change { object, relationship, item, initiator })?;
            at += 1;
        }
        if let Slot::Collection(list) = &mut self.state_mut(object).slots[attribute.index()] {
            list.clear();
        }
        Ok(())
    }

    /// What calling a list's method on something else raises. The attribute is read first.
    fn no_method(
        &mut self,
        object: ObjectId,
        attribute: crate::session::state::AttributeId,
        kind: Kind,
        method: &str,
    ) -> Result<Error> {
        let class = match kind {
            Kind::Column(_) => {
                let value = self.get_scalar(object, attribute, Passive::OFF)?.value();
                value.unwrap_or_default().python_class().to_owned()
            }
            Kind::Reference(relationship) => {
                let target = self.get_reference(object, relationship, Passive::OFF)?.value();
                target.flatten().map_or("NoneType", |target| self.class_name(target)).to_owned()
            }
            Kind::Collection(_) => "InstrumentedList".to_owned(),
            Kind::Dynamic(relationship) => match self.mapping[relationship].lazy {
                Lazy::WriteOnly if method == "insert" => {
                    return Ok(Error::new(
                        ErrorClass::TypeError,
                        "WriteOnlyCollection.insert() takes 1 positional argument but 3 were given",
                    ));
                }
                Lazy::WriteOnly => "WriteOnlyCollection".to_owned(),
                _ => "AppenderQuery".to_owned(),
            },
        };
        let message = format!("'{class}' object has no attribute '{method}'");
        Ok(Error::new(ErrorClass::AttributeError, message))
    }

    fn append_with_event(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        item: ObjectId,
    ) -> Result<()> {
        let initiator = self.mapping.append_token(relationship);
        self.fire_collection_append(Change { object, relationship, item, initiator })?;
        let attribute = self.mapping.slot(relationship);
        self.state_mut(object).collection_mut(attribute).push(item);
        Ok(())
    }

    fn remove_with_event(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        self.put_in_place(object, relationship);
        self.fire_collection_remove(change)?;
        self.remove_from_list(object, self.mapping.slot(relationship), item)
    }

    /// A collection that was never touched is put in place when it is first changed.
    fn put_in_place(&mut self, object: ObjectId, relationship: RelationshipId) {
        let attribute = self.mapping.slot(relationship);
        self.state_mut(object).collection_mut(attribute);
    }

    fn fire_collection_append(&mut self, change: Change) -> Result<()> {
        self.put_in_place(change.object, change.relationship);
        self.fire_append_and_note(change)
    }

    fn fire_append_and_note(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        self.fire_append(change)?;
        self.note_collection_modified(object, self.mapping.slot(relationship));
        self.set_has_parent(relationship, item, object, true);
        Ok(())
    }

    fn fire_collection_remove(&mut self, change: Change) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        self.set_has_parent(relationship, item, object, false);
        self.fire_remove(change)?;
        self.note_collection_modified(object, self.mapping.slot(relationship));
        Ok(())
    }

    /// Appends on behalf of the other side. A collection that is not loaded queues it.
    pub(super) fn append_to_collection(&mut self, change: Change, passive: Passive) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        let attribute = self.mapping.slot(relationship);
        if self.get_collection(object, relationship, passive)? == Got::NoResult {
            self.fire_append_and_note(change)?;
            self.state_mut(object).pending_mut(attribute).queue_append(item);
            return Ok(());
        }
        self.fire_collection_append(change)?;
        self.state_mut(object).collection_mut(attribute).push(item);
        Ok(())
    }

    /// Removes on behalf of the other side. A collection that is not loaded queues it.
    pub(super) fn remove_from_collection(
        &mut self,
        change: Change,
        passive: Passive,
    ) -> Result<()> {
        let Change { object, relationship, item, .. } = change;
        if self.get_collection(object, relationship, passive)? == Got::NoResult {
            self.fire_collection_remove(change)?;
            let attribute = self.mapping.slot(relationship);
            self.state_mut(object).pending_mut(attribute).queue_remove(item);
            return Ok(());
        }
        self.remove_with_event(change)
    }

    /// Puts a new list in place of a collection: what is new in it is appended, what was in the old
    /// one only is removed, each with its event.
    pub(in crate::session) fn replace_collection(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        values: Vec<ObjectId>,
        passive: Passive,
    ) -> Result<()> {
        let attribute = self.mapping.slot(relationship);
        let no_raise = passive.has(Passive::NO_RAISE);
        let reading = if no_raise {
            Passive::ONLY_PERSISTENT | Passive::NO_RAISE
        } else {
            Passive::ONLY_PERSISTENT
        };
        self.get_collection(object, relationship, reading)?;
        let old = self.state(object).collection(attribute).to_vec();
        self.note_modified(object, attribute, Committed::Collection(old.as_slice().into()));
        self.state_mut(object).put(attribute, Slot::of_objects(Vec::new()));

        let initiator = Token::bulk_replace(relationship);
        let change = |item| Change { object, relationship, item, initiator };
        let old: OrderedSet<ObjectId> = old.into_iter().collect();
        let new: OrderedSet<ObjectId> = values.iter().copied().collect();
        for &value in &values {
            if !old.contains(&value) {
                self.fire_append_and_note(change(value))?;
            }
            self.state_mut(object).collection_mut(attribute).push(value);
        }
        for &kept in old.iter().filter(|member| new.contains(member)) {
            self.cascade_append(change(kept))?;
        }
        for &removed in old.iter().filter(|member| !new.contains(member)) {
            self.fire_collection_remove(change(removed))?;
        }
        Ok(())
    }

    /// Empties a collection and takes it out of the object, as `del object.name` does.
    pub(super) fn delete_collection(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<()> {
        let attribute = self.mapping.slot(relationship);
        if !self.state(object).has(attribute) {
            return Ok(());
        }
        self.note_collection_modified(object, attribute);
        let initiator = Token::remove(relationship);
        for item in self.state(object).collection(attribute).to_vec() {
            self.remove_with_event(Change { object, relationship, item, initiator })?;
        }
        self.state_mut(object).take(attribute);
        Ok(())
    }
}
