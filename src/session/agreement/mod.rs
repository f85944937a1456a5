//! Do two ways of deleting a parent come to the same? Told from the definitions alone.
//!
//! A [`Deletion`] is a parent, the rows that reference it, those that reference these, and so on: a
//! chain of [`Link`]s. It says of each what decides: the foreign key, and the [`Strategy`] of the
//! relationship. [`Deletion::ending`] tells what becomes of all of them once the session has deleted
//! the parent and committed; [`agrees`] compares two endings and gives the reason if they differ.
//!
//! Nothing is run for it. The rule has two parts, and goes from the parent down.
//!
//! **What the unit of work sends** for the children of an object that it deletes. It *knows* of them if
//! the collection is loaded, or if `passive_deletes` is false: then it loads them.
//!
//! | | knows of them | cascade `delete` | `passive_deletes` | sends |
//! |---|---|---|---|---|
//! | U.1 | yes | yes | false, true | DELETE of each, before its parent's; then the same for what is below |
//! | U.2 | yes | no | false, true | UPDATE of each, which sets its key to NULL, before its parent's DELETE |
//! | U.3 | yes | no | "all" | nothing |
//! | U.4 | no | – | true, "all" | nothing |
//! | U.5 | – | yes | "all" | nothing ever: the mapping is refused |
//!
//! U.2 fails if a column of the key is NOT NULL (in the database) or part of the primary key (in the
//! session, before anything is sent).
//!
//! **What the database does** to rows that still reference one that it deletes, whoever asked for that:
//!
//! | | enforcement | ON DELETE | does |
//! |---|---|---|---|
//! | D.1 | off | – | nothing: they dangle |
//! | D.2 | on | CASCADE | deletes them; then the same for what is below |
//! | D.3 | on | SET NULL | takes their key; refuses if a column is NOT NULL |
//! | D.4 | on | SET DEFAULT | as D.3 if the default is NULL; else gives them that key, and refuses if no row has it |
//! | D.5 | on | RESTRICT | refuses at once |
//! | D.6 | on | NO ACTION | refuses at the end of the statement |
//!
//! A refusal that is not D.3 or D.5 waits for COMMIT if the foreign key is deferred.
//!
//! **Objects.** What the session has deleted (U.1) is detached afterwards. What the database has
//! deleted (D.2) the session has not noticed: those objects stay persistent, and reading one raises
//! `ObjectDeletedError`; so are those whose primary key SET DEFAULT has changed. All others are read
//! anew, and are as their rows. That can tell two endings
//! apart only if the program holds such objects: [`Deletion::holding_objects`].
//!
//! Since U.1 goes from the bottom up, a row is never deleted twice along a chain: a child that the
//! session deletes is gone before the database could delete it.
//!
//! Not covered, and refused by [`Deletion::of`]: rows that reference the deleted one over several ways
//! or levels (diamonds, trees that reference themselves), association tables, and relationships that
//! do not load as a list (`dynamic`, `write_only`, `noload`, `raise`).

mod deletion;
mod ending;

pub use deletion::{DefaultKey, Deletion, Link, Strategy, Uncovered};
pub use ending::{Cause, Ending, Fate, Moment, Objects, Refusal, Rows};

/// Whether two deletions end alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// In the same tables, the same states of objects and the same error, if any.
    Same,
    /// Not.
    Different {
        /// Where first: 0 is the parent, 1 are its children, 2 theirs.
        level: usize,
        /// Why.
        reason: Reason,
    },
}

/// Why two deletions do not end alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// One of them is refused, and all is as before. If both are, for different causes, then why the
    /// first one is.
    Refused(Cause),
    /// One of them leaves rows behind whose key leads nowhere.
    LeftDangling,
    /// In one of them the session sets the key to NULL, so that the delete rule never acts.
    NulledByOrm,
    /// In one of them the session deletes rows that the delete rule would have kept.
    DeletedByOrm,
    /// Both leave the rows to the database, whose delete rules or defaults are not the same.
    RulesDiffer,
    /// The tables are the same; but in one of them the database deleted rows whose objects the
    /// session still takes for persistent.
    StaleInMemory,
}

/// Whether two deletions end alike, and if not, where and why not.
///
/// The two may differ in anything: in the strategy, in the foreign keys, in enforcement. Objects are
/// compared if both hold them.
///
/// ```
/// use ondelete::Enforcement;
/// use ondelete::ReferentialAction::Cascade;
/// use ondelete::session::agreement::{Agreement, Deletion, Link, Reason, Strategy, agrees};
/// use ondelete::session::mapping::PassiveDeletes;
///
/// let team = |strategy| {
///     let heroes = Link::new("hero").on_delete(Cascade).strategy(strategy);
///     Deletion::new(Enforcement::On).link(heroes)
/// };
/// let default = team(Strategy::default());
/// let passive = team(Strategy::default().passive_deletes(PassiveDeletes::Yes));
/// let reason = Reason::NulledByOrm;
/// assert_eq!(agrees(&default, &passive), Agreement::Different { level: 1, reason });
///
/// let cascade = Strategy::default().cascade("all, delete-orphan")?;
/// let passive = cascade.passive_deletes(PassiveDeletes::Yes);
/// assert_eq!(agrees(&team(cascade), &team(passive)), Agreement::Same);
/// # Ok::<(), ondelete::session::Error>(())
/// ```
///
/// # Cost
/// **O(l)** for l links, whatever the number of rows.
pub fn agrees(one: &Deletion, other: &Deletion) -> Agreement {
    let (ours, theirs) = (one.ending(), other.ending());
    if ours.error() != theirs.error() {
        let refusal = ours.refusal.or(theirs.refusal).expect("one of two different errors is one");
        let reason = Reason::Refused(refusal.cause);
        return Agreement::Different { level: refusal.level, reason };
    }
    let holds_objects = one.holds_objects && other.holds_objects;
    for level in 0..ours.fates.len().max(theirs.fates.len()) {
        if let Some(reason) = difference(ours.fate(level), theirs.fate(level), holds_objects) {
            return Agreement::Different { level, reason };
        }
    }
    Agreement::Same
}

/// Why the rows of one level do not end alike.
fn difference(one: Fate, other: Fate, holds_objects: bool) -> Option<Reason> {
    let either = |fate| one == fate || other == fate;
    if one.rows() == other.rows() {
        let is_seen = holds_objects && one.objects() != other.objects();
        return is_seen.then_some(Reason::StaleInMemory);
    }
    Some(if either(Fate::LeftDangling) {
        Reason::LeftDangling
    } else if either(Fate::NulledByOrm) {
        Reason::NulledByOrm
    } else if either(Fate::DeletedByOrm) {
        Reason::DeletedByOrm
    } else {
        Reason::RulesDiffer
    })
}
