//! Whether the engine and the naive reference agree about a script.

use super::decode::Script;
use super::{Reference, Refused, Rows, describe};
use crate::database::{Database, Selector};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Carries a script out twice and compares after each operation: what it came to, all rows, what is
/// outstanding, what dangles, the switches, and the engine's indexes with its rows.
///
/// # Errors
/// The first difference, in words.
pub fn compare_with_reference(script: &Script) -> Result<(), String> {
    let mut db = script.database();
    let mut reference = Reference::new(script.enforcement, Some(script.depth_limit));
    for (number, operation) in script.operations.iter().enumerate() {
        let sql = operation.to_sql(db.catalog());
        let expected = reference.apply(operation);
        let found = operation.apply(&mut db);
        let text = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let found = found.map_err(|error| Refused::from(&error));
        same(&text, &expected, &found)
            .and_then(|()| compare_states(&reference, &db))
            .map_err(|difference| format!("operation {number}: {sql}\n{difference}"))?;
    }
    Ok(())
}

fn compare_states(reference: &Reference, db: &Database) -> Result<(), String> {
    same("rows", &reference.rows(), &rows(db))?;
    same("outstanding", &reference.outstanding(), &outstanding(db))?;
    same("in a transaction", &reference.is_in_transaction(), &db.is_in_transaction())?;
    same("enforcement", &reference.enforcement(), &db.enforcement())?;
    same("defers all", &reference.defers_all(), &db.defers_all())?;
    same("dangling", &reference.dangling(), &db.check().ok().map(|report| report.total))?;
    same("indexes", &Vec::<String>::new(), &db.verify())
}

/// Every row of a database.
pub fn rows(db: &Database) -> Rows {
    let rows = |table: &str| {
        let found = db.find(table, Selector::All).unwrap_or_default();
        found.into_iter().map(|(id, row)| (id.0, row.to_vec())).collect()
    };
    db.catalog().tables().map(|table| (table.name().to_owned(), rows(table.name()))).collect()
}

/// What would refuse a COMMIT of the open transaction, each as [`describe`] has it.
pub fn outstanding(db: &Database) -> BTreeSet<String> {
    db.outstanding_violations().iter().map(describe).collect()
}

/// Whether two things are the same.
///
/// # Errors
/// Both of them, if they are not.
pub fn same<T: PartialEq + Debug + ?Sized>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}:\nexpected {expected:?}\nfound    {found:?}"))
}
