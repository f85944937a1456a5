//! A delete whose depth only the exact path can tell: too rare a graph to be met by chance.

use crate::catalog::{Column, ReferentialAction, Table};
use crate::database::{Database, Dialect, Enforcement};
use crate::error::Error;
use crate::row;
use crate::value::Key;

/// Deletes row 1, and tells how many rows went.
///
/// Row 7 is reached over `f` from row 3, two levels down; but the exact path comes to it first, over
/// `e` below row 2, where it is five levels down and what is below it too deep.
///
/// # Errors
/// [`Error::Depth`], if all is as it should be.
pub fn delete_what_is_reached_twice() -> Result<usize, Error> {
    let column = |name: &str| {
        Column::integer(name).references_key("node").on_delete(ReferentialAction::Cascade)
    };
    let node = Table::new("node").column(Column::integer("id").primary_key());
    let dialect = Dialect::sqlite().with_depth_limit(Some(6));
    let mut db = Database::with_dialect(Enforcement::On, dialect);
    db.create_table(node.column(column("e")).column(column("f")))?;
    db.insert("node", row![1, (), ()])?;
    for (id, e) in [(2, 1), (3, 1), (4, 2), (5, 4), (6, 5)] {
        db.insert("node", row![id, e, ()])?;
    }
    db.insert("node", row![7, 6, 3])?;
    db.insert("node", row![8, 7, ()])?;
    Ok(db.delete("node", Key::from(1))?.total())
}
