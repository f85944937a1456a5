//! What a statement asks of the foreign keys before it runs: the rows that it will write, and those
//! that it may delete because they are in the way.

use super::Database;
use crate::catalog::{IndexEntry, IndexKind, Resolution, TableEntry};
use crate::error::Result;
use crate::referential::{
    ConflictClause, ConflictTarget, Depth, Half, Need, check_actions, check_foreign_keys,
    involves_all_keys, looks_first, may_replace,
};
use smallvec::SmallVec;

impl Database {
    /// Asks the foreign keys that an INSERT needs; `looks_first` as [`Database::looks_first`] says of
    /// a single row.
    ///
    /// # Errors
    /// [`crate::Error::Schema`] for one that cannot be resolved.
    pub(crate) fn check_insert(
        &self,
        table: &TableEntry,
        conflict: &ConflictClause,
        gives_row_id: bool,
        looks_first: bool,
        depth: Depth,
    ) -> Result<()> {
        let may_clash = gives_row_id || table.indexes.iter().any(|index| index.unique);
        let mut needs: SmallVec<[Need; 3]> = SmallVec::new();
        for upsert in conflict.upserts.iter() {
            let is_needed = match upsert.target {
                ConflictTarget::Any => may_clash,
                ConflictTarget::Key(None) => gives_row_id,
                ConflictTarget::Key(Some(_)) => true,
            };
            if let (true, Some(update)) = (is_needed, &upsert.update) {
                needs.push(Need::update(table.id, update.columns()));
            }
        }
        if may_replace(table, conflict, gives_row_id) {
            needs.push(Need::delete(table.id));
        }
        needs.push(Need::insert(table.id, looks_first));
        check_foreign_keys(&self.settings(), &needs, depth)
    }

    /// Asks the foreign keys that an UPDATE of these columns needs.
    ///
    /// # Errors
    /// As [`Database::check_insert`].
    pub(crate) fn check_update(
        &self,
        table: &TableEntry,
        conflict: &ConflictClause,
        columns: Vec<usize>,
        depth: Depth,
    ) -> Result<()> {
        let named = table.with_generated(columns);
        let mut needs: SmallVec<[Need; 3]> = SmallVec::new();
        let update = Need::update(table.id, named);
        if self.update_may_replace(table, conflict, &update.named) {
            needs.push(Need { half: Half::First, ..update.clone() });
            needs.push(Need::delete(table.id));
            needs.push(Need { half: Half::Second, ..update });
        } else {
            needs.push(update);
        }
        check_foreign_keys(&self.settings(), &needs, depth)
    }

    /// Asks the foreign keys that a DELETE needs.
    ///
    /// # Errors
    /// As [`Database::check_insert`].
    pub(crate) fn check_delete(&self, table: &TableEntry, depth: Depth) -> Result<()> {
        check_foreign_keys(&self.settings(), &[Need::delete(table.id)], depth)
    }

    /// The same for the deletions that dropping a table starts.
    ///
    /// # Errors
    /// As [`Database::check_delete`].
    pub(crate) fn check_drop(&self, table: &TableEntry) -> Result<()> {
        check_actions(&self.settings(), table.id)
    }

    /// Whether SQLite looks for what the only row of an INSERT references before the row is in.
    pub(crate) fn looks_first(
        &self,
        table: &TableEntry,
        conflict: &ConflictClause,
        gives_row_id: bool,
    ) -> bool {
        looks_first(&self.settings(), table, conflict, gives_row_id)
    }

    /// Whether an INSERT may delete rows that are in the way.
    #[cfg(feature = "sql")]
    pub(crate) fn insert_may_replace(
        &self,
        table: &TableEntry,
        conflict: &ConflictClause,
        gives_row_id: bool,
    ) -> bool {
        may_replace(table, conflict, gives_row_id)
    }

    /// Whether an update of these columns may delete rows that are in the way.
    pub(crate) fn update_may_replace(
        &self,
        table: &TableEntry,
        conflict: &ConflictClause,
        named: &[usize],
    ) -> bool {
        let replaces = |declared: Option<Resolution>| {
            conflict.resolution.or(declared) == Some(Resolution::Replace)
        };
        let is_touched = |index: &IndexEntry| named.iter().any(|column| index.reads(*column));
        // A row that comes by another name is entered anew in all indexes.
        let names_row = match table.definition.is_without_row_id() {
            true => table.primary_key_index().is_some_and(is_touched),
            false => named.contains(&table.row_id_column.unwrap_or(table.columns.len())),
        };
        let involves_all = names_row || involves_all_keys(&self.settings(), table, named);
        let mut unique = table.indexes.iter().filter(|index| index.unique);
        // Where the primary key takes the row id's place, it cannot clash unless it changes.
        let is_own = |index: &IndexEntry| {
            table.definition.is_without_row_id() && matches!(index.kind, IndexKind::PrimaryKey)
        };
        let names_row_id = table.row_id_column.is_some_and(|row_id| named.contains(&row_id));
        (names_row_id && replaces(table.row_id_resolution))
            || unique.any(|index| {
                ((involves_all && !is_own(index)) || is_touched(index))
                    && replaces(index.resolution)
            })
    }
}
