//! What a text of SQL can be refused for.

use std::fmt;

/// A text that is no SQL, or SQL that is not done here.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqlError {
    /// A token where it cannot stand.
    Syntax {
        /// The token.
        near: String,
    },
    /// The text ends before the statement does.
    Incomplete,
    /// What is no token.
    Token {
        /// The text.
        text: String,
    },
    /// A statement beyond what is taken.
    Limit {
        /// What is too much.
        what: String,
    },
    /// A construct of SQL that is not done here.
    Unsupported {
        /// Its name.
        construct: String,
    },
    /// What SQLite refuses, in its words.
    Refused {
        /// SQLite's own line.
        message: String,
    },
}

impl SqlError {
    /// SQLite's own line, where it has one.
    pub(crate) fn sqlite_message(&self) -> String {
        match self {
            SqlError::Syntax { near } => format!("near \"{near}\": syntax error"),
            SqlError::Incomplete => "incomplete input".to_owned(),
            SqlError::Token { text } => format!("unrecognized token: \"{text}\""),
            SqlError::Limit { what } => what.clone(),
            SqlError::Unsupported { .. } => self.to_string(),
            SqlError::Refused { message } => message.clone(),
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlError::Unsupported { construct } => write!(f, "{construct} is not supported"),
            other => f.write_str(&other.sqlite_message()),
        }
    }
}
