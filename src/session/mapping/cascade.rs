//! Which session operations go along a relationship: `"all, delete-orphan"` and the like.

use crate::session::error::{Error, ErrorClass, Warning};

/// The cascades of a relationship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cascade {
    /// `session.add()` goes along.
    pub save_update: bool,
    /// `session.delete()` goes along.
    pub delete: bool,
    /// `session.refresh()` and `expire()` go along.
    pub refresh_expire: bool,
    /// `session.merge()` goes along.
    pub merge: bool,
    /// `session.expunge()` goes along.
    pub expunge: bool,
    /// An object that its parent dropped is deleted.
    pub delete_orphan: bool,
}

/// What is written where nothing is.
pub(super) const DEFAULT: &str = "save-update, merge";

const NAMES: [&str; 8] =
    ["save-update", "delete", "refresh-expire", "merge", "expunge", "delete-orphan", "all", "none"];

impl Cascade {
    /// Reads what stands in `cascade="…"`. With `viewonly`, cascades that write are dropped.
    ///
    /// # Errors
    /// `ArgumentError` for a word that is no cascade.
    pub fn parse(
        text: &str,
        viewonly: bool,
        warnings: &mut Vec<Warning>,
    ) -> Result<Cascade, Error> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
        let mut wrong: Vec<&str> = words.iter().copied().filter(|w| !NAMES.contains(w)).collect();
        if !wrong.is_empty() {
            wrong.sort_unstable();
            wrong.dedup();
            let listed: Vec<String> = wrong.iter().map(|word| format!("'{word}'")).collect();
            let message = format!("Invalid cascade option(s): {}", listed.join(", "));
            return Err(Error::new(ErrorClass::ArgumentError, message));
        }
        let cascade = Cascade::of(&words);
        if cascade.delete_orphan && !cascade.delete {
            warnings.push(Warning::new("The 'delete-orphan' cascade option requires 'delete'."));
        }
        Ok(if viewonly { cascade.without_writes() } else { cascade })
    }

    fn of(words: &[&str]) -> Cascade {
        if words.contains(&"none") {
            return Cascade::default();
        }
        let has = |word: &str| words.contains(&word);
        let all = has("all");
        Cascade {
            save_update: all || has("save-update"),
            delete: all || has("delete"),
            refresh_expire: all || has("refresh-expire"),
            merge: all || has("merge"),
            expunge: all || has("expunge"),
            delete_orphan: has("delete-orphan"),
        }
    }

    fn without_writes(self) -> Cascade {
        Cascade { save_update: false, delete: false, delete_orphan: false, ..self }
    }
}
