//! A flush: what was changed is gathered, ordered and written; then the objects are as the database
//! has them.

use super::Session;
use super::error::{Error, ErrorClass, Result, Warning};
use super::id::ObjectId;
use super::passive::Passive;
use super::state::{AttributeId, Slot, State};
use super::unit_of_work::UnitOfWork;

/// What is added to a warning that comes from a flush before a query.
const AUTOFLUSH_WARNING: &str = " (This warning originated from the Session 'autoflush' process, \
    which was invoked automatically in response to a user-initiated operation. Consider using \
    ``no_autoflush`` context manager if this warning happened while initializing objects.)";

/// What is put before an error that comes from a flush before a query.
const AUTOFLUSH_ERROR: &str = "(raised as a result of Query-invoked autoflush; consider using a \
    session.no_autoflush block if this flush is occurring prematurely)\n";

impl Session<'_> {
    /// Whether a flush would find nothing to do.
    pub(super) fn is_clean(&self) -> bool {
        self.identity_map.modified.is_empty() && self.deleted.is_empty() && self.new.is_empty()
    }

    /// Flushes before a query, if the session does that.
    ///
    /// # Errors
    /// As [`Session::flush`].
    pub(super) fn autoflush(&mut self) -> Result<()> {
        if !self.options.autoflush || self.is_flushing {
            return Ok(());
        }
        let before = self.warnings.len();
        let flushed = self.flush();
        for Warning { message, .. } in &mut self.warnings[before..] {
            message.push_str(AUTOFLUSH_WARNING);
        }
        flushed.map_err(|error| {
            if error.sql.is_none() && error.driver.is_none() {
                return error;
            }
            let message = format!("{AUTOFLUSH_ERROR}{}", error.message);
            let told = Error { message, ..error.clone() };
            self.transactions.amend_failure(&error, &told);
            told
        })
    }

    /// Writes all changes to the database.
    ///
    /// # Cost
    /// Only objects that were added, modified or deleted are looked at, and those that their
    /// relationships bring along. Rows of one table that share their columns go as one batch.
    ///
    /// # Errors
    /// What the database refuses, and what the unit of work refuses before it gets there. The
    /// transaction is rolled back then, and waits for [`Session::rollback`].
    pub fn flush(&mut self) -> Result<()> {
        if self.is_flushing {
            let message = "Session is already flushing";
            return Err(Error::new(ErrorClass::InvalidRequestError, message));
        }
        if self.is_clean() {
            return Ok(());
        }
        self.is_flushing = true;
        let flushed = self.flush_changes();
        self.is_flushing = false;
        flushed
    }

    fn flush_changes(&mut self) -> Result<()> {
        let mut work = UnitOfWork::new(self.mapping);
        self.register_changes(&mut work)?;
        if !work.has_work() {
            return Ok(());
        }
        let transaction = self.begin_subtransaction()?;
        let done = self.carry_out(&mut work).and_then(|()| self.commit_transaction(transaction));
        if let Err(error) = &done {
            self.rollback_transaction(transaction, Some(error))?;
        }
        done
    }

    fn carry_out(&mut self, work: &mut UnitOfWork) -> Result<()> {
        self.warns_on_events = true;
        let executed = work.execute(self);
        self.warns_on_events = false;
        executed?;
        self.finalize(work)
    }

    /// Registers what is new, changed or to be deleted. An orphan is deleted if it has a row; one
    /// without leaves the session if its parent dropped it outside of any session.
    fn register_changes(&mut self, work: &mut UnitOfWork) -> Result<()> {
        let mut changed = self.new.to_vec();
        changed.extend(self.identity_map.modified.iter());
        for object in changed {
            if self.deleted.contains(&object) {
                continue;
            }
            let is_orphan = self.is_orphan(object);
            let has_identity = self.state(object).key.is_some();
            if is_orphan && !has_identity && self.state(object).orphaned_outside_of_session {
                self.expunge_objects(&[object], false);
            } else if !work.register(self, object, is_orphan && has_identity) {
                return Err(Self::failed_to_add());
            }
        }
        for object in self.deleted.to_vec() {
            if !work.register(self, object, true) {
                return Err(Self::failed_to_add());
            }
        }
        Ok(())
    }

    fn failed_to_add() -> Error {
        let message = "Failed to add object to the flush context!";
        Error::new(ErrorClass::AssertionError, message)
    }

    /// Takes what was written as what is.
    fn finalize(&mut self, work: &UnitOfWork) -> Result<()> {
        let (deleted, written) = work.outcome();
        self.remove_newly_deleted(&deleted);
        self.register_persistent(&written)?;
        let leftover = self.identity_map.modified.to_vec();
        if leftover.is_empty() {
            return Ok(());
        }
        for &object in &leftover {
            self.commit_all(object);
        }
        self.warn(format!(
            "Attribute history events accumulated on {} previously clean instances within \
             inner-flush event handlers have been reset, and will not result in database updates. \
             Consider using set_committed_value() within inner-flush event handlers to avoid this \
             warning.",
            leftover.len()
        ));
        Ok(())
    }

    /// Takes objects whose rows were deleted out of the identity map.
    pub(super) fn remove_newly_deleted(&mut self, objects: &[ObjectId]) {
        self.note_deleted(objects);
        for &object in objects {
            self.discard_from_identity_map(object);
            self.deleted.remove(&object);
            self.state_mut(object).deleted = true;
        }
    }

    /// Gives objects that were written their identity and forgets their changes.
    fn register_persistent(&mut self, objects: &[ObjectId]) -> Result<()> {
        self.identity_map.reserve(&self.states, objects.len());
        for &object in objects {
            self.identify(object)?;
        }
        for &object in objects {
            self.commit_all(object);
        }
        self.note_altered(objects);
        for object in objects {
            self.new.remove(object);
        }
        Ok(())
    }

    fn identify(&mut self, object: ObjectId) -> Result<()> {
        let key = self.key_from_attributes(object, Passive::RETURN_NO_VALUE)?;
        if key.values.iter().all(super::Scalar::is_null) {
            return Err(Error::new(
                ErrorClass::FlushError,
                format!(
                    "Instance {} has a NULL identity key.  If this is an auto-generated value, \
                     check that the database table allows generation of new primary key values, \
                     and that the mapped Column object is configured to expect these generated \
                     values.  Ensure also that this flush() is not occurring at an inappropriate \
                     time, such as within a load() event.",
                    self.object_text(object)
                ),
            ));
        }
        match &self.state(object).key {
            Some(old) if *old == key => {}
            Some(old) => {
                let old = old.clone();
                self.discard_from_identity_map(object);
                self.note_key_switch(object, old, key.clone());
                self.state_mut(object).key = Some(key);
            }
            None => {
                let state = self.state_mut(object);
                state.key = Some(key);
                // One that was left in the map without its key comes there anew.
                state.in_identity_map = false;
            }
        }
        if let Some(old) = self.replace_in_identity_map(object) {
            let key = self.key_of(object);
            if self.key_from_attributes(old, Passive::NO_FETCH)? == key {
                self.warn(format!(
                    "Identity map already had an identity for {}, replacing it with newly flushed \
                     object.   Are there load operations occurring inside of an event handler \
                     within the flush?",
                    self.key_text(&key)
                ));
            }
        }
        self.state_mut(object).orphaned_outside_of_session = false;
        Ok(())
    }

    /// Takes all of an object as what the database has.
    pub(super) fn commit_all(&mut self, object: ObjectId) {
        let state: &mut State = &mut self.states[object.index()];
        state.forget_all_committed();
        if let Some(extras) = state.extras_if_any() {
            extras.pending.clear();
        }
        if !state.expired_attributes.is_empty() {
            for (at, slot) in state.slots.iter().enumerate() {
                if !matches!(slot, Slot::Absent) {
                    state.expired_attributes.remove(AttributeId(at as u16));
                }
            }
        }
        if state.modified {
            self.identity_map.modified.remove(&object);
        }
        state.modified = false;
        state.expired = false;
        state.held = false;
    }
}
