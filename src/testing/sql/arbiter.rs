//! Who is right when the two disagree about a foreign key: decided from the rows, by neither of them.
//!
//! A script never switches enforcement on over dangling rows. So while it is on, no row dangles but
//! what a deferred key of the open transaction lets dangle, and SQLite is wrong
//!
//! * (A) if it accepted what leaves a row dangling, or
//! * (B) if it refused, for a foreign key, what leaves none.
//!
//! Inside a transaction only the rows of immediate keys count. Which of the closed list of exceptions
//! it is, the differential test of typed statements tells apart; here they are counted by these two.

use super::{Answer, Rows};
use crate::catalog::ForeignKeyEntry;
use crate::database::Database;
use crate::error::SqliteError;
use crate::value::Value;

/// What was seen of a statement.
pub(super) struct Moment<'a> {
    pub(super) ours: &'a Answer,
    pub(super) theirs: &'a Answer,
    /// Whether the rows here are as before it.
    pub(super) is_kept: bool,
    pub(super) is_in_transaction: bool,
}

/// The exception that a disagreement proves to be, if it does. `dangling` is what each side's
/// `foreign_key_check` finds.
pub(super) fn judge(
    db: &Database,
    moment: &Moment<'_>,
    dangling: (Option<Rows>, Option<Rows>),
) -> Option<&'static str> {
    let is_foreign_key = |answer: &Answer| matches!(answer, Err(SqliteError { code: 787, .. }));
    let is_too_deep = |answer: &Answer| matches!(answer, Err(error) if error.message.starts_with("too many levels"));
    if moment.ours == moment.theirs && is_too_deep(moment.ours) && moment.is_kept {
        return Some("keeps a part of what nests too deep (E10)");
    }
    let counts = |key: &ForeignKeyEntry| {
        !moment.is_in_transaction || !(key.is_initially_deferred() || db.defers_all())
    };
    if is_foreign_key(moment.ours) && moment.theirs.is_ok() {
        let is_wrong = count(db, &dangling.1?, counts) > 0;
        return is_wrong.then_some("accepted what leaves a row dangling (E1, E3, E5, E8)");
    }
    if is_foreign_key(moment.theirs) && moment.ours.is_ok() {
        let is_wrong = count(db, &dangling.0?, counts) == 0;
        return is_wrong.then_some("refused what leaves none (E1, E2, E5, E6, E9)");
    }
    None
}

/// How many rows dangle, of the keys that count.
fn count(db: &Database, dangling: &Rows, counts: impl Fn(&ForeignKeyEntry) -> bool) -> usize {
    let key = |row: &Vec<Value>| {
        let keys = &db.catalog().find_table(row[0].as_text()?)?.foreign_keys;
        // SQLite numbers the keys of a table from the last one.
        let number = usize::try_from(row[3].as_integer()?).ok()?;
        keys.get(keys.len().checked_sub(1 + number)?)
    };
    dangling.iter().filter(|row| key(row).is_none_or(&counts)).count()
}
