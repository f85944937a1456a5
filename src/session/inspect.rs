//! Looking at objects: reading an attribute as a program does, and what is in memory without loading.

use super::Session;
use super::attribute::{Assigned, Got, Kind};
use super::backend::Outcome;
use super::error::Result;
use super::id::ObjectId;
use super::mapping::Lazy;
use super::passive::Passive;
use super::scalar::Scalar;
use super::state::{AttributeId, Slot};
use super::statement::{Statement, Text};
use crate::value::Value;

impl Session<'_> {
    /// Reads an attribute; what is not in memory is loaded.
    ///
    /// # Errors
    /// `AttributeError` for one that the class does not have; what loading raises.
    pub fn read(&mut self, object: ObjectId, name: &str) -> Result<Assigned> {
        let (attribute, kind) = self.attribute(object, name)?;
        Ok(match kind {
            Kind::Column(_) => match self.get_scalar(object, attribute, Passive::OFF)? {
                Got::Value(value) => Assigned::Scalar(value),
                Got::NoResult | Got::NoValue => Assigned::Scalar(Scalar::Null),
            },
            Kind::Reference(relationship) => {
                let got = self.get_reference(object, relationship, Passive::OFF)?;
                Assigned::Object(got.value().flatten())
            }
            Kind::Collection(relationship) => {
                self.get_collection(object, relationship, Passive::OFF)?;
                Assigned::List(self.state(object).collection(attribute).to_vec())
            }
            Kind::Dynamic(relationship) => {
                Assigned::List(if self.mapping[relationship].lazy == Lazy::WriteOnly {
                    self.read_write_only(object, relationship)?
                } else {
                    self.read_dynamic(object, relationship)?
                })
            }
        })
    }

    /// Whether an object's class has an attribute of this name.
    pub fn has_attribute(&self, object: ObjectId, name: &str) -> bool {
        self.mapping.attribute(self.state(object).mapper, name).is_some()
    }

    /// What of an object is in memory, by attribute. Of a collection that is never kept it is no more
    /// than `True`, once it was changed.
    pub fn loaded(&self, object: ObjectId) -> Vec<(&str, Assigned)> {
        let state = self.state(object);
        let held = state.slots.iter().enumerate().filter_map(|(at, slot)| {
            let value = match slot {
                Slot::Absent => return None,
                Slot::Dynamic => Assigned::Scalar(Scalar::Boolean(true)),
                Slot::Scalar(scalar) => Assigned::Scalar(scalar.clone()),
                Slot::Reference(target) => Assigned::Object(*target),
                Slot::Collection(objects) => Assigned::List(objects.to_vec()),
            };
            Some((self.mapping.name_of(state.mapper, AttributeId(at as u16)), value))
        });
        held.collect()
    }

    /// The attributes of an object that are loaded anew when they are next read.
    pub fn expired(&self, object: ObjectId) -> Vec<&str> {
        let state = self.state(object);
        let expired = state.expired_attributes.iter();
        expired.map(|attribute| self.mapping.name_of(state.mapper, attribute)).collect()
    }

    /// The object that a message calls by this number.
    pub fn object(&self, number: u32) -> Option<ObjectId> {
        let index = number as usize;
        (index < self.states.len()).then(|| ObjectId::at(index))
    }

    /// Turns flushing before queries on or off, and returns what it was.
    pub fn set_autoflush(&mut self, autoflush: bool) -> bool {
        std::mem::replace(&mut self.options.autoflush, autoflush)
    }

    /// Sends a statement in the program's own words. The session is flushed before, if it does that.
    ///
    /// # Errors
    /// What the flush raises, and what the database refuses.
    pub fn execute_text(&mut self, text: Text, parameters: Vec<Value>) -> Result<Outcome> {
        self.autoflush()?;
        self.execute(Statement::Text(text), parameters)
    }
}
