//! Why a real SQLite refused.

use std::fmt;

/// What SQLite says of a refusal, in the form in which an [`Error`](super::Error) is compared with
/// it: its extended result code, as [`Error::extended_code`](super::Error::extended_code) gives ours,
/// and its line, as [`Dialect::error_message`](crate::database::Dialect::error_message) words ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteError {
    /// The extended result code; -1 if it was the binding to SQLite that refused.
    pub code: i32,
    /// One line, without SQLite's "Error: " before it.
    pub message: String,
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        let (code, message) = match error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                (failure.extended_code, message.unwrap_or_default())
            }
            rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg),
            other => (-1, other.to_string()),
        };
        // The only line that differs between the versions of SQLite that we meet.
        let message = match message.as_str() {
            "triggers nested too deep" => "too many levels of trigger recursion".to_owned(),
            _ => message,
        };
        SqliteError { code, message }
    }
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SqliteError {}
