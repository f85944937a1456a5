//! Changing a column's attribute.

use super::Got;
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::{AttributeId, Committed, Slot};

impl Session<'_> {
    /// Sets a column. The old value is loaded first only if the column is part of the primary key.
    pub(in crate::session) fn set_scalar(
        &mut self,
        object: ObjectId,
        attribute: AttributeId,
        value: Scalar,
    ) -> Result<()> {
        let before = self.scalar_before(object, attribute)?;
        self.note_modified(object, attribute, before);
        self.state_mut(object).put(attribute, Slot::Scalar(value));
        Ok(())
    }

    fn scalar_before(&mut self, object: ObjectId, attribute: AttributeId) -> Result<Committed> {
        let mapper = self.state(object).mapper;
        let is_key = self.mapping.table_of(mapper).columns[attribute.index()].primary_key;
        let old = if is_key {
            self.get_scalar(object, attribute, Passive::RETURN_NO_VALUE)?
        } else {
            self.state(object).scalar(attribute).cloned().map_or(Got::NoValue, Got::Value)
        };
        Ok(match old {
            Got::Value(value) => Committed::Scalar(value),
            Got::NoValue => Committed::NoValue,
            Got::NoResult => Committed::NoResult,
        })
    }

    /// Deletes a column's value.
    pub(super) fn delete_scalar(&mut self, object: ObjectId, attribute: AttributeId) -> Result<()> {
        let before = self.scalar_before(object, attribute)?;
        let had_value = !matches!(before, Committed::NoValue);
        self.note_modified(object, attribute, before);
        let was_there = !matches!(self.state_mut(object).take(attribute), Slot::Absent);
        let state = self.state(object);
        let is_expired = state.expired || state.expired_attributes.contains(attribute);
        if was_there || had_value || is_expired {
            return Ok(());
        }
        Err(self.has_no_value(object, attribute))
    }

    pub(super) fn has_no_value(&self, object: ObjectId, attribute: AttributeId) -> Error {
        let mapper = self.state(object).mapper;
        let name = self.mapping.name_of(mapper, attribute);
        let message = format!("{}.{name} object does not have a value", self.class_name(object));
        Error::new(ErrorClass::AttributeError, message)
    }
}
