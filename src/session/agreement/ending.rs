//! What a deletion comes to, level by level. The rules U.1 to U.5 and D.1 to D.6 are those of the
//! module above.

use super::deletion::{DefaultKey, Deletion, Link};
use crate::catalog::ReferentialAction;
use crate::database::Enforcement;
use crate::session::error::ErrorClass;
use crate::session::mapping::PassiveDeletes;

/// What becomes of the rows of a level, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing: what they reference stays, or there are none, or all was refused.
    Untouched,
    /// The session deletes them.
    DeletedByOrm,
    /// The session sets their key to NULL.
    NulledByOrm,
    /// ON DELETE CASCADE.
    DeletedByRule,
    /// ON DELETE SET NULL, or SET DEFAULT where that is NULL.
    NulledByRule,
    /// ON DELETE SET DEFAULT.
    DefaultedByRule,
    /// The same where the key is part of the primary key: objects look for their row in vain.
    RenamedByRule,
    /// Nobody does anything, and nobody minds.
    LeftDangling,
}

/// How rows are afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// As before.
    Kept,
    /// Deleted.
    Gone,
    /// There, their key NULL.
    Nulled,
    /// There, their key the default.
    Defaulted,
    /// As before, but what their key names is gone.
    Dangling,
}

/// How objects of rows are afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Objects {
    /// Persistent, and read anew from their rows.
    Persistent,
    /// Persistent, without a row of that key: reading one raises `ObjectDeletedError`.
    Stale,
    /// Out of the session.
    Detached,
}

impl Fate {
    /// How the rows are.
    pub fn rows(self) -> Rows {
        match self {
            Fate::Untouched => Rows::Kept,
            Fate::DeletedByOrm | Fate::DeletedByRule => Rows::Gone,
            Fate::NulledByOrm | Fate::NulledByRule => Rows::Nulled,
            Fate::DefaultedByRule | Fate::RenamedByRule => Rows::Defaulted,
            Fate::LeftDangling => Rows::Dangling,
        }
    }

    /// How the objects are that the session had of them.
    pub fn objects(self) -> Objects {
        match self {
            Fate::DeletedByOrm => Objects::Detached,
            Fate::DeletedByRule | Fate::RenamedByRule => Objects::Stale,
            Fate::Untouched
            | Fate::NulledByOrm
            | Fate::NulledByRule
            | Fate::DefaultedByRule
            | Fate::LeftDangling => Objects::Persistent,
        }
    }
}

/// What a deletion comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// For the parent, its children, and so on down.
    pub fates: Vec<Fate>,
    /// Why nothing was done at all, if so.
    pub refusal: Option<Refusal>,
}

impl Ending {
    /// What becomes of a level; what lies below the last one stays as it is.
    pub fn fate(&self, level: usize) -> Fate {
        self.fates.get(level).copied().unwrap_or(Fate::Untouched)
    }

    /// The error as the program sees it: its class and when it comes, and the level whose columns it
    /// names, if it does.
    pub fn error(&self) -> Option<(ErrorClass, Moment, Option<usize>)> {
        self.refusal.map(|refusal| {
            let Refusal { level, cause, moment } = refusal;
            (cause.error_class(), moment, cause.is_about_columns().then_some(level))
        })
    }
}

/// That a deletion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The level at whose rows.
    pub level: usize,
    /// Why.
    pub cause: Cause,
    /// When.
    pub moment: Moment,
}

/// When a deletion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before there is a session: when the models are configured.
    Configuration,
    /// In the flush.
    Flush,
    /// At COMMIT.
    Commit,
}

/// Why a deletion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// `passive_deletes="all"` beside cascade `delete`: `ArgumentError`.
    NotConfigurable,
    /// The session would set a column of the primary key to NULL: `AssertionError`.
    NullMeetsPrimaryKey,
    /// The session sets a column to NULL that is NOT NULL.
    NullMeetsNotNull,
    /// ON DELETE SET NULL, or SET DEFAULT without a default, on a column that is NOT NULL.
    RuleMeetsNotNull,
    /// ON DELETE SET DEFAULT, and no row has that key.
    DefaultLeadsNowhere,
    /// ON DELETE RESTRICT, and rows are left.
    RefusedByRestrict,
    /// No ON DELETE action, and rows are left.
    RefusedByNoAction,
}

impl Cause {
    /// The class of the exception.
    pub fn error_class(self) -> ErrorClass {
        match self {
            Cause::NotConfigurable => ErrorClass::ArgumentError,
            Cause::NullMeetsPrimaryKey => ErrorClass::AssertionError,
            Cause::NullMeetsNotNull
            | Cause::RuleMeetsNotNull
            | Cause::DefaultLeadsNowhere
            | Cause::RefusedByRestrict
            | Cause::RefusedByNoAction => ErrorClass::IntegrityError,
        }
    }

    /// Whether the error names a column: SQLite says which one is NOT NULL, but not which foreign key
    /// does not hold.
    fn is_about_columns(self) -> bool {
        match self {
            Cause::NotConfigurable
            | Cause::NullMeetsPrimaryKey
            | Cause::NullMeetsNotNull
            | Cause::RuleMeetsNotNull => true,
            Cause::DefaultLeadsNowhere | Cause::RefusedByRestrict | Cause::RefusedByNoAction => {
                false
            }
        }
    }
}

/// What the unit of work does about the children of an object that it deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Deletes,
    Updates,
    Nothing,
}

impl Deletion {
    /// What it comes to.
    ///
    /// # Cost
    /// **O(l)** for l links.
    pub fn ending(&self) -> Ending {
        match self.fates() {
            Ok(fates) => Ending { fates, refusal: None },
            Err(refusal) => {
                let fates = vec![Fate::Untouched; self.links.len() + 1];
                Ending { fates, refusal: Some(refusal) }
            }
        }
    }

    fn fates(&self) -> Result<Vec<Fate>, Refusal> {
        if let Some(at) = self.links.iter().position(Link::is_refused) {
            let (cause, moment) = (Cause::NotConfigurable, Moment::Configuration);
            return Err(Refusal { level: at + 1, cause, moment });
        }
        let mut fates = vec![Fate::DeletedByOrm];
        for (above, link) in self.links.iter().enumerate() {
            let fate = self.fate_below(fates[above], link);
            let refuse = |(cause, moment)| Refusal { level: above + 1, cause, moment };
            fates.push(fate.map_err(refuse)?);
        }
        Ok(fates)
    }

    /// What becomes of the rows of a link, after what became of those that they reference.
    fn fate_below(&self, above: Fate, link: &Link) -> Result<Fate, (Cause, Moment)> {
        if above.rows() != Rows::Gone || !link.has_rows {
            return Ok(Fate::Untouched);
        }
        let sent = match above {
            Fate::DeletedByOrm => link.sent(),
            // What the database deletes the session does not see.
            _ => Sent::Nothing,
        };
        match sent {
            Sent::Deletes => Ok(Fate::DeletedByOrm),
            Sent::Updates if link.in_primary_key => {
                Err((Cause::NullMeetsPrimaryKey, Moment::Flush))
            }
            Sent::Updates if !link.nullable => Err((Cause::NullMeetsNotNull, Moment::Flush)),
            Sent::Updates => Ok(Fate::NulledByOrm),
            Sent::Nothing if self.enforcement == Enforcement::Off => Ok(Fate::LeftDangling),
            Sent::Nothing => link.obey(),
        }
    }
}

impl Link {
    /// U.5.
    fn is_refused(&self) -> bool {
        self.strategy.is_some_and(|strategy| {
            let cascade = strategy.cascade;
            let deletes = cascade.delete || cascade.delete_orphan;
            strategy.passive_deletes == PassiveDeletes::All && deletes
        })
    }

    /// U.1 to U.4.
    fn sent(&self) -> Sent {
        let Some(strategy) = self.strategy else { return Sent::Nothing };
        let knows = strategy.loaded || strategy.passive_deletes == PassiveDeletes::No;
        match strategy.passive_deletes {
            _ if !knows => Sent::Nothing,
            _ if strategy.cascade.delete => Sent::Deletes,
            PassiveDeletes::All => Sent::Nothing,
            PassiveDeletes::No | PassiveDeletes::Yes => Sent::Updates,
        }
    }

    /// D.2 to D.6.
    fn obey(&self) -> Result<Fate, (Cause, Moment)> {
        let at_end = if self.deferred { Moment::Commit } else { Moment::Flush };
        let nulled = if self.nullable && !self.in_primary_key {
            Ok(Fate::NulledByRule)
        } else {
            Err((Cause::RuleMeetsNotNull, Moment::Flush))
        };
        match (self.rule, self.default) {
            (ReferentialAction::Cascade, _) => Ok(Fate::DeletedByRule),
            (ReferentialAction::SetNull, _) => nulled,
            (ReferentialAction::SetDefault, DefaultKey::Null) => nulled,
            (ReferentialAction::SetDefault, DefaultKey::Present) if self.in_primary_key => {
                Ok(Fate::RenamedByRule)
            }
            (ReferentialAction::SetDefault, DefaultKey::Present) => Ok(Fate::DefaultedByRule),
            (ReferentialAction::SetDefault, DefaultKey::Absent) => {
                Err((Cause::DefaultLeadsNowhere, at_end))
            }
            (ReferentialAction::Restrict, _) => Err((Cause::RefusedByRestrict, Moment::Flush)),
            (ReferentialAction::NoAction, _) => Err((Cause::RefusedByNoAction, at_end)),
        }
    }
}
