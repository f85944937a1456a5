//! Attributes of objects: reading, setting, their history, and what follows from a change.
//!
//! There are four kinds. A column holds a [`Scalar`]. A *reference* leads to one object or none. A
//! *collection* holds a list that is loaded when first read. A *dynamic* collection is never kept:
//! only what was added and removed since the last flush is known.
//!
//! A change is an *event*: it is told to the other side of the relationship (`backref`), it takes the
//! object along into the session (`cascade`), it counts parents, and it is noted in the history. The
//! [`Token`] of whoever began it goes along, so that it comes to an end.

mod backref;
mod collection;
mod dynamic;
mod events;
mod get;
mod history;
mod reference;
mod scalar;

use super::Session;
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::mapping::{Attribute, ColumnPosition, MapperId, Mapping, RelationshipId};
use super::passive::Passive;
use super::scalar::Scalar;
use super::state::AttributeId;

/// What reading an attribute found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Got<T> {
    /// It would have to be loaded, which was not permitted.
    NoResult,
    /// It has no value.
    NoValue,
    /// Its value.
    Value(T),
}

impl<T> Got<T> {
    /// The value, if there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Got::Value(value) => Some(value),
            Got::NoResult | Got::NoValue => None,
        }
    }
}

/// The four kinds of attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A column.
    Column(ColumnPosition),
    /// A relationship to one object or none.
    Reference(RelationshipId),
    /// A relationship to a list of objects.
    Collection(RelationshipId),
    /// A relationship to a list of objects that is never kept.
    Dynamic(RelationshipId),
}

/// What an event does to the attribute where it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// An object is added; for a reference, the same as `Replace`.
    Append,
    /// An object is removed.
    Remove,
    /// The object is replaced by another.
    Replace,
    /// The list is replaced by another.
    BulkReplace,
}

/// Who began an event: the attribute, and what was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) relationship: RelationshipId,
    pub(super) operation: Operation,
}

/// An object that comes into an attribute, or leaves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// Whose attribute it is.
    pub(super) object: ObjectId,
    /// Which attribute.
    pub(super) relationship: RelationshipId,
    /// The object that comes or goes.
    pub(super) item: ObjectId,
    /// Who began it.
    pub(super) initiator: Token,
}

impl Change {
    /// The same as it is on the other side, where a relationship mirrors this one.
    fn mirrored(self, mirror: RelationshipId) -> Change {
        Change { object: self.item, relationship: mirror, item: self.object, ..self }
    }
}

impl Mapping {
    /// How many attributes objects of a mapper have.
    pub(super) fn attribute_count(&self, mapper: MapperId) -> usize {
        self[mapper].column_count + self[mapper].relationships.len()
    }

    /// The slot of a relationship, in objects of its parent.
    pub(super) fn slot(&self, relationship: RelationshipId) -> AttributeId {
        let mapper = &self[self[relationship].parent];
        let first = mapper.relationships.first().map_or(0, |first| first.0);
        AttributeId((mapper.column_count + relationship.0 - first) as u16)
    }

    /// The slot of an attribute.
    pub(super) fn slot_of(&self, attribute: Attribute) -> AttributeId {
        match attribute {
            Attribute::Column(position) => column_slot(position),
            Attribute::Relationship(relationship) => self.slot(relationship),
        }
    }

    /// The kind of a relationship's attribute.
    pub(super) fn kind_of(&self, relationship: RelationshipId) -> Kind {
        let configured = &self[relationship];
        if configured.lazy.is_write_only() {
            Kind::Dynamic(relationship)
        } else if configured.uselist {
            Kind::Collection(relationship)
        } else {
            Kind::Reference(relationship)
        }
    }

    /// The kind of the attribute in a slot.
    pub(super) fn kind(&self, mapper: MapperId, attribute: AttributeId) -> Kind {
        let configured = &self[mapper];
        match attribute.index().checked_sub(configured.column_count) {
            None => Kind::Column(ColumnPosition(attribute.index())),
            Some(at) => self.kind_of(configured.relationships[at]),
        }
    }

    /// The name of the attribute in a slot.
    pub(super) fn name_of(&self, mapper: MapperId, attribute: AttributeId) -> &str {
        let configured = &self[mapper];
        match attribute.index().checked_sub(configured.column_count) {
            None => &self.table_of(mapper).columns[attribute.index()].name,
            Some(at) => &self[configured.relationships[at]].name,
        }
    }

    /// Whether the attribute in a slot is a column.
    pub(super) fn is_column(&self, mapper: MapperId, attribute: AttributeId) -> bool {
        attribute.index() < self[mapper].column_count
    }

    /// The token of an append to a relationship's attribute.
    pub(super) fn append_token(&self, relationship: RelationshipId) -> Token {
        let operation = match self.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => Operation::Replace,
            Kind::Collection(_) | Kind::Dynamic(_) => Operation::Append,
        };
        Token { relationship, operation }
    }
}

impl Token {
    pub(super) fn remove(relationship: RelationshipId) -> Token {
        Token { relationship, operation: Operation::Remove }
    }

    pub(super) fn replace(relationship: RelationshipId) -> Token {
        Token { relationship, operation: Operation::Replace }
    }

    pub(super) fn bulk_replace(relationship: RelationshipId) -> Token {
        Token { relationship, operation: Operation::BulkReplace }
    }
}

/// The slot of a column.
pub(super) fn column_slot(position: ColumnPosition) -> AttributeId {
    AttributeId(position.0 as u16)
}

/// A value that a program assigns to an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Assigned {
    /// A plain value.
    Scalar(Scalar),
    /// An object, or none.
    Object(Option<ObjectId>),
    /// A list of objects.
    List(Vec<ObjectId>),
}

impl Session<'_> {
    /// The slot and kind of an attribute by name.
    ///
    /// # Errors
    /// `AttributeError` if the object's class has no such attribute.
    pub(super) fn attribute(&self, object: ObjectId, name: &str) -> Result<(AttributeId, Kind)> {
        let mapper = self.state(object).mapper;
        match self.mapping.attribute(mapper, name) {
            Some(attribute) => {
                let slot = self.mapping.slot_of(attribute);
                Ok((slot, self.mapping.kind(mapper, slot)))
            }
            None => Err(Error::new(
                ErrorClass::AttributeError,
                format!("'{}' object has no attribute '{name}'", self.mapping[mapper].name),
            )),
        }
    }

    /// Sets an attribute, as a program does by assignment.
    ///
    /// # Errors
    /// `TypeError` for something that is not a list where one belongs, `AttributeError` for a plain
    /// value where an object belongs; whatever loading the old value or an event raises.
    pub fn set(&mut self, object: ObjectId, name: &str, value: impl Into<Assigned>) -> Result<()> {
        // A name that is not mapped is an ordinary attribute of the object, which nobody looks at.
        let Ok((attribute, kind)) = self.attribute(object, name) else { return Ok(()) };
        match (kind, value.into()) {
            (Kind::Column(_), Assigned::Scalar(value)) => self.set_scalar(object, attribute, value),
            (Kind::Column(_), _) => Err(Error::new(
                ErrorClass::TypeError,
                format!("attribute '{name}' is a column and takes a plain value"),
            )),
            (Kind::Reference(relationship), Assigned::Object(value)) => {
                let token = Token::replace(relationship);
                self.set_reference(object, relationship, value, token, None)
            }
            (Kind::Reference(relationship), Assigned::Scalar(Scalar::Null)) => {
                let token = Token::replace(relationship);
                self.set_reference(object, relationship, None, token, None)
            }
            (Kind::Reference(relationship), value) => {
                self.set_reference_to_no_object(object, relationship, &value)
            }
            (Kind::Collection(relationship), Assigned::List(value)) => {
                self.replace_collection(object, relationship, value, Passive::OFF)
            }
            (Kind::Collection(_), value) => Err(self.not_a_list(&value)),
            (Kind::Dynamic(relationship), Assigned::List(value)) => {
                self.replace_dynamic(object, relationship, &value)
            }
            (Kind::Dynamic(_), value) => Err(Error::new(
                ErrorClass::TypeError,
                format!("'{}' object is not iterable", self.class_of(&value)),
            )),
        }
    }

    fn not_a_list(&self, value: &Assigned) -> Error {
        let given = match value {
            Assigned::Scalar(Scalar::Null) | Assigned::Object(None) => "None".to_owned(),
            value => self.class_of(value),
        };
        let message = format!("Incompatible collection type: {given} is not list-like");
        Error::new(ErrorClass::TypeError, message)
    }

    /// The class of an assigned value in the reference's words.
    pub(super) fn class_of(&self, value: &Assigned) -> String {
        match value {
            Assigned::Scalar(scalar) => scalar.python_class().to_owned(),
            Assigned::Object(None) => "NoneType".to_owned(),
            Assigned::Object(Some(object)) => self.class_name(*object).to_owned(),
            Assigned::List(_) => "list".to_owned(),
        }
    }

    /// Deletes an attribute's value, as `del object.name` does.
    ///
    /// # Errors
    /// `AttributeError` if it has none.
    pub fn delete_attribute(&mut self, object: ObjectId, name: &str) -> Result<()> {
        let (attribute, kind) = self.attribute(object, name)?;
        match kind {
            Kind::Column(_) => self.delete_scalar(object, attribute),
            Kind::Reference(relationship) => self.delete_reference(object, relationship),
            Kind::Collection(relationship) => self.delete_collection(object, relationship),
            Kind::Dynamic(_) => Err(Error::new(ErrorClass::NotImplementedError, "")),
        }
    }
}

impl<T: Into<Scalar>> From<T> for Assigned {
    fn from(value: T) -> Assigned {
        Assigned::Scalar(value.into())
    }
}

impl From<ObjectId> for Assigned {
    fn from(object: ObjectId) -> Assigned {
        Assigned::Object(Some(object))
    }
}

impl From<Vec<ObjectId>> for Assigned {
    fn from(objects: Vec<ObjectId>) -> Assigned {
        Assigned::List(objects)
    }
}
