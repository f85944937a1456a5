//! Where the engine and SQLite part: what a comparison with SQLite ends in when nothing explains it.

use std::fmt;

/// Something on which the engine and SQLite disagree.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What was compared.
    pub what: &'static str,
    /// What was found here.
    pub ours: String,
    /// What SQLite found.
    pub theirs: String,
    /// The statements that lead there, as a script for SQLite's shell; the two part over the last.
    pub script: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { what, ours, theirs, script } = self;
        write!(f, "{script}\n{what}\n  ours:   {ours}\n  SQLite: {theirs}")
    }
}
