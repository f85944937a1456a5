//! What a session refuses, and what it warns of: the reference's class and its words.
//!
//! An object in a message prints as `<Hero at 0x7>`, where the number is its
//! [`ObjectId`](crate::session::ObjectId) in base 16; whoever has a better name for it replaces that.

use std::fmt;

/// The result of what a session does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Classes of exceptions, named as in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Each is the name of the reference's class, and of nothing else.
#[non_exhaustive]
pub enum ErrorClass {
    AmbiguousForeignKeysError,
    ArgumentError,
    AssertionError,
    AttributeError,
    CircularDependencyError,
    DetachedInstanceError,
    FlushError,
    IndexError,
    IntegrityError,
    InterfaceError,
    InvalidRequestError,
    KeyError,
    MultipleResultsFound,
    NoForeignKeysError,
    NoReferencedTableError,
    NoReferencedColumnError,
    NoResultFound,
    NotImplementedError,
    ObjectDeletedError,
    OperationalError,
    OverflowError,
    PendingRollbackError,
    ProgrammingError,
    ResourceClosedError,
    StaleDataError,
    StatementError,
    TypeError,
    UnmappedClassError,
    UnmappedColumnError,
    UnmappedInstanceError,
    ValueError,
}

impl ErrorClass {
    /// The reference's module that has the class.
    pub(super) fn module(self) -> &'static str {
        match self {
            ErrorClass::DetachedInstanceError
            | ErrorClass::FlushError
            | ErrorClass::ObjectDeletedError
            | ErrorClass::StaleDataError
            | ErrorClass::UnmappedClassError
            | ErrorClass::UnmappedColumnError
            | ErrorClass::UnmappedInstanceError => "sqlalchemy.orm.exc",
            ErrorClass::AssertionError
            | ErrorClass::AttributeError
            | ErrorClass::IndexError
            | ErrorClass::KeyError
            | ErrorClass::NotImplementedError
            | ErrorClass::OverflowError
            | ErrorClass::TypeError
            | ErrorClass::ValueError => "builtins",
            ErrorClass::AmbiguousForeignKeysError
            | ErrorClass::ArgumentError
            | ErrorClass::CircularDependencyError
            | ErrorClass::IntegrityError
            | ErrorClass::InterfaceError
            | ErrorClass::InvalidRequestError
            | ErrorClass::MultipleResultsFound
            | ErrorClass::NoForeignKeysError
            | ErrorClass::NoReferencedTableError
            | ErrorClass::NoReferencedColumnError
            | ErrorClass::NoResultFound
            | ErrorClass::OperationalError
            | ErrorClass::PendingRollbackError
            | ErrorClass::ProgrammingError
            | ErrorClass::ResourceClosedError
            | ErrorClass::StatementError => "sqlalchemy.exc",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Classes of the driver's own exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // As for `ErrorClass`.
pub enum DriverClass {
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
}

impl DriverClass {
    /// The class that the reference wraps it in.
    pub fn wrapped(self) -> ErrorClass {
        match self {
            DriverClass::IntegrityError => ErrorClass::IntegrityError,
            DriverClass::InterfaceError => ErrorClass::InterfaceError,
            DriverClass::ProgrammingError => ErrorClass::ProgrammingError,
            DriverClass::DatabaseError | DriverClass::DataError | DriverClass::OperationalError => {
                ErrorClass::OperationalError
            }
        }
    }
}

impl fmt::Display for DriverClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a database said no to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverError {
    /// The driver's class for it.
    pub class: DriverClass,
    /// The database's own line, such as `FOREIGN KEY constraint failed`.
    pub message: String,
}

/// Why a session refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The class of the exception.
    pub class: ErrorClass,
    /// Its words.
    pub message: String,
    /// The driver's class, if the database refused.
    pub driver: Option<DriverClass>,
    /// The statement that failed, if one did.
    pub sql: Option<String>,
}

impl Error {
    /// An error of the session itself.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Error { class, message: message.into(), driver: None, sql: None }
    }

    /// What the driver refused, with the statement that it refused; a COMMIT has none.
    pub fn from_driver(error: &DriverError, sql: Option<String>) -> Self {
        Error {
            class: error.class.wrapped(),
            message: format!("(sqlite3.{}) {}", error.class, error.message),
            driver: Some(error.class),
            sql,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for Error {}

/// Classes of warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // As for `ErrorClass`.
pub enum WarningClass {
    SADeprecationWarning,
    SAWarning,
}

impl fmt::Display for WarningClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Something that was done, but is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The class of the warning.
    pub class: WarningClass,
    /// Its words.
    pub message: String,
}

impl Warning {
    /// A warning of the usual class.
    pub fn new(message: impl Into<String>) -> Self {
        Warning { class: WarningClass::SAWarning, message: message.into() }
    }
}
