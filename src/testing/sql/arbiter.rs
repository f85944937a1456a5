//! Who is right when the two disagree about a foreign key: decided from the rows, by neither of them.
//!
//! A script never switches enforcement on over dangling rows. So while it is on, no row dangles but
//! what a deferred key of the open transaction lets dangle, and SQLite is wrong
//!
//! * (A) if it accepted what leaves a row dangling; also what OR FAIL keeps before another refusal, or
//! * (B) if it refused, for a foreign key, what leaves none; also where the engine refused it for
//!   another reason, as OR FAIL does with rows kept, which a foreign key would have undone.
//!
//! Where SQLite itself says that an index lacks a row or is malformed, or that rows are out of order,
//! there is nothing left to compare.
//!
//! Inside a transaction only the rows of immediate keys count. Which of the closed list of exceptions
//! it is, the differential test of typed statements tells apart; here they are counted by these two.

use super::Answer;
use crate::catalog::{ForeignKeyEntry, Target};
use crate::database::Database;
use crate::error::SqliteError;
use rusqlite::ffi::SQLITE_CORRUPT;

/// What was seen of a statement.
pub(super) struct Moment<'a> {
    pub(super) ours: &'a Answer,
    pub(super) theirs: &'a Answer,
    /// What differs first.
    pub(super) what: &'static str,
    pub(super) sql: &'a str,
    /// Whether the rows here are as before it.
    pub(super) is_kept: bool,
    /// Whether anything says FAIL, and so may keep rows that were changed before.
    pub(super) may_fail: bool,
    pub(super) is_in_transaction: bool,
    /// Whether an index of SQLite's lacks a row, or its rows are out of order.
    pub(super) is_corrupt: bool,
}

/// The queries that count the rows that dangle, one for each key that counts; none for a key that
/// does not match what it references, as nothing can be written to it.
pub(super) fn counts(db: &Database, is_in_transaction: bool) -> Vec<String> {
    let counts = |key: &&ForeignKeyEntry| {
        !is_in_transaction || !(key.is_initially_deferred() || db.defers_all())
    };
    let keys = db.catalog().tables().flat_map(|table| &table.foreign_keys);
    keys.filter(counts).filter_map(|key| dangling(db, key)).collect()
}

fn dangling(db: &Database, key: &ForeignKeyEntry) -> Option<String> {
    let quoted = |name: &str| format!("\"{name}\"");
    let own = db.catalog().find_by_id(key.table)?;
    let columns: Vec<String> = own.column_names(&key.columns).iter().map(|it| quoted(it)).collect();
    let given: Vec<String> =
        columns.iter().map(|column| format!("o.{column} IS NOT NULL")).collect();
    let mut query =
        format!("SELECT count(*) FROM {} AS o WHERE {}", quoted(own.name()), given.join(" AND "));
    match &key.target {
        Target::Mismatch { .. } => return None,
        Target::MissingTable => {}
        Target::Resolved(to) => {
            let table = db.catalog().find_by_id(to.table)?;
            let referenced = table.column_names(&to.columns);
            let pairs = referenced.iter().zip(&columns);
            // On the left is what decides how the two compare.
            let same: Vec<String> =
                pairs.map(|(there, here)| format!("r.{} = o.{here}", quoted(there))).collect();
            query += &format!(
                " AND NOT EXISTS (SELECT 1 FROM {} AS r WHERE {})",
                quoted(table.name()),
                same.join(" AND ")
            );
        }
    }
    Some(query)
}

/// The exception that a disagreement proves to be, if it does. `ours` and `theirs` tell how many rows
/// dangle on that side.
pub(super) fn judge(
    moment: &Moment<'_>,
    ours: impl FnOnce() -> Option<i64>,
    theirs: impl FnOnce() -> Option<i64>,
) -> Option<&'static str> {
    if moment.is_corrupt {
        return Some("leaves a row out of an index, or out of order (E13, E16)");
    }
    // The codes of corruption, which it takes its own index for.
    if matches!(moment.theirs, Err(SqliteError { code, .. }) if code & 0xff == SQLITE_CORRUPT) {
        return Some("takes an index for malformed (E17)");
    }
    let is_foreign_key = |answer: &Answer| matches!(answer, Err(SqliteError { code: 787, .. }));
    let keeps_a_part = |answer: &Answer| {
        let starts = ["too many levels", "cannot store"];
        let starts = |error: &SqliteError| starts.iter().any(|it| error.message.starts_with(it));
        answer.as_ref().is_err_and(starts)
    };
    if moment.ours == moment.theirs && keeps_a_part(moment.ours) && moment.is_kept {
        return Some("keeps a part of what nests too deep or has a wrong type (E10)");
    }
    let may_keep = moment.may_fail && !is_foreign_key(moment.theirs);
    if is_foreign_key(moment.ours) && (moment.theirs.is_ok() || may_keep) {
        return (theirs()? > 0).then_some("accepted what leaves a row dangling (E1, E3, E5, E8)");
    }
    if is_foreign_key(moment.theirs)
        && !is_foreign_key(moment.ours)
        && (moment.ours.is_ok() || moment.may_fail)
    {
        return (ours()? == 0).then_some("refused what leaves none (E1, E2, E5, E6, E9)");
    }
    // It deletes, and counts, the rows of a table that is dropped only if its counter is not zero.
    let is_drop = moment.sql.starts_with("DROP TABLE") && moment.is_in_transaction;
    if is_drop && moment.what == "changes()" {
        return Some("counts what it drops by a wrong counter (E1, E2)");
    }
    None
}
