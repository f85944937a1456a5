//! Rows in and out without a detour: for loading and reading many.

use super::{Database, Enforcement, Schema};
use crate::error::Result;
use crate::id::{RowId, TableId, TableRef};
use crate::referential::MatchFull;
use crate::storage::RowRef;
use crate::table::{self, Appended};
use crate::value::{Key, Value, ValueRef};

impl Database {
    /// Inserts one row, one value per column, as [`Database::insert`] does; its row id.
    ///
    /// Values are borrowed, so that nothing is allocated on the way of a row that fits as it is: of
    /// the columns' own types, in a table without CHECK, UNIQUE and programs. Who inserts many
    /// saves looking up the table's name with [`Database::table_id`].
    ///
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, RowId, Table};
    /// # let mut db = Database::new(Enforcement::On);
    /// db.create_table(Table::new("hero")
    ///     .column(Column::integer("id").primary_key())
    ///     .column(Column::text("name")))?;
    /// let hero = db.table_id("hero")?;
    /// assert_eq!(db.append(hero, &[1.into(), "Deadpond".into()])?, RowId(1));
    /// assert_eq!(db.append(hero, &[().into(), "Rusty-Man".into()])?, RowId(2));
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::insert`].
    pub fn append<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        values: &[ValueRef<'_>],
    ) -> Result<RowId> {
        let table = table.into();
        if let Some(row_id) = self.append_as_it_is(table, values)? {
            return Ok(row_id);
        }
        let values: Vec<Value> = values.iter().map(|value| value.to_value()).collect();
        let done = self.insert(table, values)?;
        Ok(done.inserted.first().copied().unwrap_or_else(|| self.last_insert_row_id()))
    }

    /// The same for who has another way for what does not fit: `None` then.
    ///
    /// # Errors
    /// [`crate::Error::Transaction`] if the transaction is aborted or poisoned.
    pub(crate) fn append_if_plain(
        &mut self,
        table: TableId,
        values: &[ValueRef<'_>],
    ) -> Result<Option<RowId>> {
        self.append_as_it_is(table.into(), values)
    }

    /// Puts a row in if there is nothing to convert, test or run; `None` if there is, or if the row
    /// is to be refused: then nothing has changed, and [`Database::insert`] tells why.
    pub(super) fn append_as_it_is(
        &mut self,
        table: TableRef<'_>,
        values: &[ValueRef<'_>],
    ) -> Result<Option<RowId>> {
        self.check_usable()?;
        let Database { schema, store, dialect, enforcement, let_pass, .. } = self;
        let Schema { catalog, programs, .. } = &**schema;
        let entry = catalog.table(table)?;
        let is_plain = !programs.0.iter().any(|program| program.table == entry.id)
            && let_pass.is_none()
            && !catalog.has_unresolved()
            && dialect.match_full == MatchFull::Ignored;
        if !is_plain {
            return Ok(None);
        }
        let mark = store.mark();
        let Some(Appended { row_id, dangles }) = table::append(store, entry, values) else {
            return Ok(None);
        };
        if dangles && *enforcement == Enforcement::On {
            store.undo_to(mark);
            return Ok(None);
        }
        self.counters.changes = 1;
        self.counters.total_changes += 1;
        self.counters.last_insert_row_id = row_id.0;
        if self.open.is_none() {
            self.forget_transaction();
        }
        Ok(Some(row_id))
    }

    /// The row with this primary key, read where it is: nothing is copied.
    ///
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, Table, ValueRef, key, row};
    /// # let mut db = Database::new(Enforcement::On);
    /// # db.create_table(Table::new("hero").column(Column::integer("id").primary_key())
    /// #     .column(Column::text("name")))?;
    /// db.insert("hero", row![1, "Deadpond"])?;
    /// let hero = db.row("hero", key![1])?.expect("it is there");
    /// assert_eq!(hero.get(1), ValueRef::Text("Deadpond"));
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    ///
    /// # Cost
    /// **O(1)**.
    ///
    /// # Errors
    /// As [`Database::get`].
    pub fn row<'t>(
        &self,
        table: impl Into<TableRef<'t>>,
        key: impl Into<Key>,
    ) -> Result<Option<RowRef<'_>>> {
        let (entry, key) = (self.table(table)?, key.into());
        let row_id = match (&key[..], entry.row_id_column) {
            ([Value::Integer(id)], Some(_)) => Some(RowId(*id)),
            _ => self.find_by_key(entry, &key)?,
        };
        Ok(row_id.and_then(|row_id| self.store.row(entry.id, row_id)))
    }
}
