//! A session: objects, what of them is loaded and changed, and the statements that a flush sends, as
//! SQLAlchemy's unit of work does it.
//!
//! | module | answers |
//! |---|---|
//! | `mapping` | which class is which table, and how they are related |
//! | `statement` | what is sent, as values that print as SQLAlchemy's text |
//! | `backend`, `connection` | to which database, and what it said |
//! | `batch`, `trace` | rows of parameters; what was sent, in order |
//! | `scalar`, `error`, `quote` | values of attributes, refusals and warnings, names in text |
//! | `state`, `identity_map` | what is known of an object, and which object has which key |
//! | `attribute`, `history` | reading and changing attributes, and what changed since the last flush |
//! | `cascade` | which objects an operation reaches, and who is an orphan |
//! | `transaction` | the session's transactions and savepoints, and what a rollback restores |
//! | `lifecycle`, `merge`, `bulk_delete` | add, delete, expunge, expire, refresh; merge; DELETE by criteria |
//! | `flush`, `unit_of_work`, `persistence` | what a flush writes, in which order, by which statements |
//! | `load` | how objects and relationships are loaded |
//! | `agreement` | do two ways of deleting a parent come to the same? |
//!
//! A [`Session`] owns its objects in an arena; a program holds [`ObjectId`]s.

pub mod agreement;
mod attribute;
pub mod backend;
mod batch;
mod bind;
mod bulk_delete;
mod cascade;
pub mod connection;
mod error;
mod flush;
mod history;
mod id;
mod identity_map;
mod inspect;
mod lifecycle;
mod load;
pub mod mapping;
mod merge;
mod ordered;
mod passive;
mod persistence;
mod quote;
mod scalar;
mod state;
pub mod statement;
mod topological;
pub mod trace;
mod transaction;
mod unit_of_work;

pub use attribute::Assigned;
pub use batch::Batch;
pub use bulk_delete::Synchronize;
pub use connection::Connection;
pub use error::{DriverClass, DriverError, Error, ErrorClass, Result, Warning, WarningClass};
pub use id::ObjectId;
pub use load::{LoadKind, Query, QueryIn};
pub use mapping::Mapping;
pub use scalar::Scalar;
pub use trace::Trace;
pub use transaction::TransactionId;

use backend::{Backend, Memory};
use identity_map::IdentityMap;
use mapping::{MapperId, RelationshipId};
use ordered::ObjectSet;
use state::{AttributeId, IdentityKey, SessionNumber, State};
use transaction::Transactions;

use crate::database::Database;

/// How a session behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// Whether a query flushes first.
    pub autoflush: bool,
    /// Whether a commit expires all objects.
    pub expire_on_commit: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions { autoflush: true, expire_on_commit: true }
    }
}

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectState {
    /// Without row and in no session.
    Transient,
    /// In the session, to be inserted by the next flush.
    Pending,
    /// In the session and with a row.
    Persistent,
    /// Its row was deleted in this transaction.
    Deleted,
    /// With an identity, but in no session.
    Detached,
}

impl ObjectState {
    /// The name of the state, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            ObjectState::Transient => "transient",
            ObjectState::Pending => "pending",
            ObjectState::Persistent => "persistent",
            ObjectState::Deleted => "deleted",
            ObjectState::Detached => "detached",
        }
    }
}

/// A unit of work over one connection.
///
/// ```
/// use ondelete::session::backend::Memory;
/// use ondelete::session::mapping::{ColumnDefinition, ColumnType, Model, TableDefinition};
/// use ondelete::session::{Mapping, Session};
/// use ondelete::{Database, Enforcement};
///
/// let hero = TableDefinition::new("hero")
///     .column(ColumnDefinition::new("id", ColumnType::Integer).primary_key())
///     .column(ColumnDefinition::new("name", ColumnType::Varchar(None)));
/// let mapping = Mapping::configure(&[Model::new("Hero", hero)], &[]).mapping?;
/// let mut db = Database::new(Enforcement::On);
/// mapping.create_all(&mut Memory::new(&mut db)).expect("the table is new");
///
/// let mut session = Session::new(&mut db, &mapping);
/// let hero = session.create("Hero")?;
/// session.set(hero, "name", "Deadpond")?;
/// session.add(hero)?;
/// session.commit()?;
///
/// session.trace().take();
/// let found = session.query("Hero").filter("name", "Deadpond").one()?;
/// assert_eq!(found, hero); // one object per row
/// session.delete(found)?;
/// session.flush()?;
/// assert!(session.trace().to_string().ends_with("DELETE FROM hero WHERE hero.id = ?\n(1,)\n"));
/// # Ok::<(), ondelete::session::Error>(())
/// ```
pub struct Session<'a> {
    mapping: &'a Mapping,
    connection: Connection<'a>,
    options: SessionOptions,
    /// Which of the sessions on this arena this is.
    number: SessionNumber,
    /// Sessions before this one that still hold the objects that they have deleted.
    lingering: Vec<SessionNumber>,
    states: Vec<State>,
    identity_map: IdentityMap,
    /// Pending objects, in the order in which they became so.
    new: ObjectSet,
    /// Objects that the next flush deletes, in the order in which they were marked.
    deleted: ObjectSet,
    transactions: Transactions,
    is_flushing: bool,
    /// Whether changes are warned of, as they come while a flush runs.
    warns_on_events: bool,
    warnings: Vec<Warning>,
    loads: load::Loads,
}

impl<'a> Session<'a> {
    /// A session over a database of this crate.
    pub fn new(db: &'a mut Database, mapping: &'a Mapping) -> Session<'a> {
        Session::over(Box::new(Memory::new(db)), mapping, SessionOptions::default())
    }

    /// A session over any backend.
    pub fn over(
        backend: Box<dyn Backend + 'a>,
        mapping: &'a Mapping,
        options: SessionOptions,
    ) -> Session<'a> {
        Session {
            mapping,
            connection: Connection::new(backend),
            options,
            number: SessionNumber(0),
            lingering: Vec::new(),
            states: Vec::new(),
            identity_map: IdentityMap::default(),
            new: ObjectSet::default(),
            deleted: ObjectSet::default(),
            transactions: Transactions::default(),
            is_flushing: false,
            warns_on_events: false,
            warnings: Vec::new(),
            loads: load::Loads::default(),
        }
    }

    /// Closes this session and opens another one on the same connection. The objects of the old one
    /// stay, detached.
    ///
    /// # Errors
    /// What closing raises.
    pub fn reopen(&mut self, options: SessionOptions) -> Result<()> {
        self.close()?;
        self.number = SessionNumber(self.number.0 + 1);
        self.options = options;
        self.transactions = Transactions::default();
        Ok(())
    }

    /// The mapping.
    pub fn mapping(&self) -> &'a Mapping {
        self.mapping
    }

    /// The connection, for what a session does not do.
    pub fn connection(&mut self) -> &mut Connection<'a> {
        &mut self.connection
    }

    /// What was sent so far: what `echo=True` prints.
    pub fn trace(&mut self) -> &mut Trace {
        self.connection.trace()
    }

    /// The warnings since this was last called.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// Runs `work` without flushing before queries.
    pub fn without_autoflush<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let autoflush = std::mem::replace(&mut self.options.autoflush, false);
        let done = work(self);
        self.options.autoflush = autoflush;
        done
    }

    /// A transient object of a class: nothing of it is set.
    ///
    /// # Errors
    /// `UnmappedClassError` if there is no such class.
    pub fn create(&mut self, class: &str) -> Result<ObjectId> {
        match self.mapping.mapper(class) {
            Some(mapper) => Ok(self.new_object(mapper)),
            None => Err(Error::new(
                ErrorClass::UnmappedClassError,
                format!("Class '{class}' is not mapped"),
            )),
        }
    }

    /// Where an object stands.
    pub fn object_state(&self, object: ObjectId) -> ObjectState {
        let state = self.state(object);
        match (&state.key, self.is_held(state), state.deleted) {
            (None, false, _) => ObjectState::Transient,
            (None, true, _) => ObjectState::Pending,
            (Some(_), true, true) => ObjectState::Deleted,
            (Some(_), true, false) => ObjectState::Persistent,
            (Some(_), false, _) => ObjectState::Detached,
        }
    }

    /// The class of an object.
    pub fn class_name(&self, object: ObjectId) -> &'a str {
        &self.mapping[self.state(object).mapper].name
    }

    /// The primary key of an object's identity, if it has one.
    pub fn identity(&self, object: ObjectId) -> Option<&[Scalar]> {
        self.state(object).key.as_ref().map(|key| &key.values[..])
    }

    /// The pending objects.
    pub fn new_objects(&self) -> Vec<ObjectId> {
        self.new.to_vec()
    }

    /// The objects that were modified and are not to be deleted.
    pub fn dirty_objects(&self) -> Vec<ObjectId> {
        let modified = self.identity_map.modified.iter();
        modified.filter(|object| !self.deleted.contains(object)).copied().collect()
    }

    /// The objects that the next flush deletes.
    pub fn deleted_objects(&self) -> Vec<ObjectId> {
        self.deleted.to_vec()
    }

    /// Whether the object is in this session, pending or persistent.
    pub fn contains(&self, object: ObjectId) -> bool {
        self.is_in_identity_map(object) || self.new.contains(&object)
    }

    /// Whether the object is in the identity map under a key that it still has.
    fn is_in_identity_map(&self, object: ObjectId) -> bool {
        let state = self.state(object);
        state.in_identity_map && state.key.is_some()
    }

    /// Whether the object belongs to the session that is open.
    fn is_attached(&self, object: ObjectId) -> bool {
        self.state(object).session == Some(self.number)
    }

    /// Whether the object belongs to the session that is open, or to one before that lingers.
    fn is_held(&self, state: &State) -> bool {
        let current = self.number;
        state.session.is_some_and(|of| of == current || self.lingering.contains(&of))
    }

    /// After a failure the reference's session is not let go of when it is replaced by another: the
    /// error still refers to it. The objects that it has deleted stay with it.
    fn linger(&mut self) {
        if !self.lingering.contains(&self.number) {
            self.lingering.push(self.number);
        }
    }

    fn state(&self, object: ObjectId) -> &State {
        &self.states[object.index()]
    }

    fn state_mut(&mut self, object: ObjectId) -> &mut State {
        &mut self.states[object.index()]
    }

    fn new_object(&mut self, mapper: MapperId) -> ObjectId {
        let id = ObjectId::at(self.states.len());
        self.states.push(State::new(mapper, self.mapping.attribute_count(mapper)));
        id
    }

    /// The relationship whose attribute a slot is.
    fn relationship_in(&self, mapper: MapperId, attribute: AttributeId) -> Option<RelationshipId> {
        let configured = &self.mapping[mapper];
        let at = attribute.index().checked_sub(configured.column_count)?;
        Some(configured.relationships[at])
    }

    /// An object in a message.
    fn object_text(&self, object: ObjectId) -> String {
        format!("<{} at 0x{:x}>", self.class_name(object), object.number())
    }

    /// An object's class in a message.
    fn class_text(&self, object: ObjectId) -> String {
        format!("<{}>", self.class_name(object))
    }

    /// An identity key in a message.
    fn key_text(&self, key: &IdentityKey) -> String {
        let values: Vec<String> = key.values.iter().map(Scalar::to_string).collect();
        let comma = if values.len() == 1 { "," } else { "" };
        let class = &self.mapping[key.mapper].name;
        format!("(<class '{class}'>, ({}{comma}), None)", values.join(", "))
    }

    fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(Warning::new(message));
    }

    /// Warns of a change that comes while a flush runs.
    fn warn_within_flush(&mut self, operation: &str) {
        if self.warns_on_events {
            self.warn(format!(
                "Usage of the '{operation}' operation is not currently supported within the \
                 execution stage of the flush process. Results may not be consistent.  Consider \
                 using alternative event listeners or connection-level operations instead."
            ));
        }
    }
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("objects", &self.states.len())
            .field("in_identity_map", &self.identity_map.len())
            .field("new", &self.new.len())
            .field("deleted", &self.deleted.len())
            .finish_non_exhaustive()
    }
}
