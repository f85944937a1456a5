//! Collections that are never kept: each reading is a query.

use super::lazy::{distinct, parameter_columns, relate_by_parameters};
use super::plan::{Request, plan};
use super::post::PostLoads;
use crate::session::ObjectState;
use crate::session::Session;
use crate::session::attribute::Got;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnRef, RelationshipId};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::AttributeId;
use crate::session::statement::Labels;

impl Session<'_> {
    /// What the database has of a dynamic collection, for its history: nothing is flushed before.
    pub(in crate::session) fn load_dynamic(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>> {
        self.track_last_known(object, relationship);
        if !self.is_attached(object) {
            return Err(Error::new(
                ErrorClass::DetachedInstanceError,
                format!(
                    "Parent instance {} is not bound to a Session, and no contextual session is \
                     established; lazy load operation of attribute '{}' cannot proceed",
                    self.object_text(object),
                    self.mapping[relationship].name
                ),
            ));
        }
        self.query_collection(object, relationship, Labels::All)
    }

    /// Reads a dynamic collection, as a program does. The session is flushed before, if it does that.
    pub(in crate::session) fn read_dynamic(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>> {
        self.track_last_known(object, relationship);
        if self.options.autoflush && self.is_attached(object) && self.contains(object) {
            self.flush()?;
        }
        if !self.is_attached(object) || self.state(object).key.is_none() {
            return self.dynamic_of_detached(object, relationship);
        }
        self.autoflush()?;
        self.query_collection(object, relationship, Labels::All)
    }

    /// Reads a write-only collection by its `select()`, in this session, whether the object is in it
    /// or not.
    pub(in crate::session) fn read_write_only(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>> {
        self.track_last_known(object, relationship);
        self.autoflush()?;
        let found = self.query_collection(object, relationship, Labels::Taken)?;
        // The reference asks for `unique()` where a row is no object, once it has read a first one.
        let request = Request::new(self.mapping, self.mapping[relationship].target);
        let plan = plan(self.mapping, &request, &mut PostLoads::default())?;
        if plan.repeats_objects && !found.is_empty() {
            let message = "The unique() method must be invoked on this Result, as it contains \
                           results that include joined eager loads against collections";
            return Err(Error::new(ErrorClass::InvalidRequestError, message));
        }
        Ok(found)
    }

    fn dynamic_of_detached(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>> {
        if self.object_state(object) == ObjectState::Detached {
            self.warn(format!(
                "Instance {} is detached, dynamic relationship cannot return a correct result.   \
                 This warning will become a DetachedInstanceError in a future release.",
                self.object_text(object)
            ));
        }
        Ok(self.mutations(object, relationship).added.to_vec())
    }

    fn query_collection(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        labels: Labels,
    ) -> Result<Vec<ObjectId>> {
        let mapping = self.mapping;
        let mut request = Request::new(mapping, mapping[relationship].target);
        request.labels = labels;
        request.autoflush = false;
        relate_by_parameters(mapping, &mut request, relationship);
        self.connect()?;
        for column in parameter_columns(mapping, relationship) {
            match self.last_value(object, column) {
                Ok(value) => request.parameters.push(value.to_value()),
                Err(error) => {
                    let sql = request.text(mapping)?;
                    return Err(self.failed_to_bind(error, sql));
                }
            }
        }
        let found = self.load(&request)?;
        Ok(distinct(&found))
    }

    /// Parameters are looked up when the statement is about to be sent, so what goes wrong then is
    /// told as an error of the statement. If the transaction is gone by then, the connection rolls
    /// back once more.
    fn failed_to_bind(&mut self, error: Error, sql: String) -> Error {
        self.roll_back_idle_connection();
        if error.sql.is_some() {
            return error;
        }
        let message = format!("({}.{}) {}", error.class.module(), error.class, error.message);
        Error { sql: Some(sql), ..Error::new(ErrorClass::StatementError, message) }
    }

    /// From now on the values that the collection is found by are remembered when they expire.
    pub(in crate::session) fn track_last_known(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
    ) {
        for column in parameter_columns(self.mapping, relationship) {
            let attribute = AttributeId(column.column.0 as u16);
            let known = &mut self.state_mut(object).extras_mut().last_known;
            if !known.iter().any(|(of, _)| *of == attribute) {
                known.push((attribute, None));
            }
        }
    }

    /// The value of a column, or the last one known if it cannot be loaded.
    fn last_value(&mut self, object: ObjectId, column: ColumnRef) -> Result<Scalar> {
        let passive = match self.object_state(object) {
            ObjectState::Persistent => Passive::OFF,
            _ => Passive::NO_FETCH - Passive::INIT_OK,
        };
        let attribute = AttributeId(column.column.0 as u16);
        let extras = self.state(object).extras();
        let known = extras.and_then(|extras| {
            extras.last_known.iter().find(|(of, _)| *of == attribute)?.1.clone()
        });
        let value = match (self.get_column(object, column.column, passive)?, known) {
            (Got::Value(value), _) => value,
            (Got::NoValue | Got::NoResult, Some(known)) => known,
            (Got::NoValue, None) => {
                return Err(self.cannot_resolve(
                    object,
                    column,
                    "no value has been set for this column",
                ));
            }
            (Got::NoResult, None) => {
                return Err(self.cannot_resolve(
                    object,
                    column,
                    "the object is detached and the value was expired",
                ));
            }
        };
        if value.is_null() {
            self.warn(format!(
                "Got None for value of column {}; this is unsupported for a relationship comparison \
                 and will not currently produce an IS comparison (but may in a future release)",
                self.mapping.column_text(column)
            ));
        }
        Ok(value)
    }

    fn cannot_resolve(&self, object: ObjectId, column: ColumnRef, why: &str) -> Error {
        Error::new(
            ErrorClass::InvalidRequestError,
            format!(
                "Can't resolve value for column {} on object {}; {why}",
                self.mapping.column_text(column),
                self.object_text(object)
            ),
        )
    }
}
