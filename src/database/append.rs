//! Rows in, changed and out without a detour: for loading, changing and reading many.

use super::{Database, Dialect, Done, Enforcement, OnConflict, Schema, Selector, Update};
use crate::catalog::TableEntry;
use crate::error::Result;
use crate::expression::lit;
use crate::id::{RowId, TableId, TableRef};
use crate::referential::{Detail, MatchFull};
use crate::storage::RowRef;
use crate::table::{self, Appended};
use crate::value::{KeyRef, Value, ValueRef};
use smallvec::SmallVec;

impl Schema {
    /// Whether nothing but the table itself is to be asked when one of its rows comes or changes.
    fn is_plain(&self, entry: &TableEntry, dialect: &Dialect) -> bool {
        !self.programs.0.iter().any(|program| program.table == entry.id)
            && !self.catalog.has_unresolved()
            && dialect.match_full == MatchFull::Ignored
    }
}

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
    #[cfg(feature = "sql")]
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
        let entry = schema.catalog.table(table)?;
        if !schema.is_plain(entry, dialect) || let_pass.is_some() {
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

    /// Gives columns of the rows selected new values, by position, as [`Database::update`] does by
    /// name.
    ///
    /// ```
    /// # use ondelete::{Column, Database, Enforcement, Table, key, row};
    /// # let mut db = Database::new(Enforcement::On);
    /// # db.create_table(Table::new("hero").column(Column::integer("id").primary_key())
    /// #     .column(Column::text("name")).column(Column::integer("age")))?;
    /// # db.insert("hero", row![2, "Rusty-Man", 47])?;
    /// let done = db.assign("hero", key![2], &[(2, 48.into())])?;
    /// assert_eq!(done.direct, 1);
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    ///
    /// # Cost
    /// That of the update. One row that is named by its key or row id goes a short way, where no key
    /// changes but foreign ones to NULL, and nothing else is to be asked.
    ///
    /// # Errors
    /// As [`Database::update`].
    ///
    /// # Panics
    /// If there is no column at a position.
    pub fn assign<'t>(
        &mut self,
        table: impl Into<TableRef<'t>>,
        selector: impl Into<Selector>,
        values: &[(usize, ValueRef<'_>)],
    ) -> Result<Done> {
        self.check_usable()?;
        let (table, selector) = (self.table(table)?.id, selector.into());
        if self.assign_at_once(table, &selector, values)? {
            return Ok(Done { direct: 1, ..Done::default() });
        }
        let entry = self.table(table)?;
        let name = |position: usize| entry.column_name(position).to_owned();
        let update = Update::of(entry.name()).filter(selector);
        let named = values.iter().map(|(position, value)| (name(*position), value.to_value()));
        let set = |update: Update, (name, value)| update.set(name, lit(value));
        self.run_statement(named.fold(update, set).into(), Detail::Counts)
    }

    /// Carries out an update of one row, named by its key, with values that are known, if that sets
    /// nothing else in motion; whether it did.
    pub(super) fn update_at_once(&mut self, update: &Update) -> Result<bool> {
        self.check_usable()?;
        let entry = self.table(&update.table)?;
        let assigned = update.assignments.iter().map(|(column, value)| {
            Some((entry.definition.position(column)?, value.as_literal()?.as_ref()))
        });
        let assigned: Option<SmallVec<[_; 4]>> = assigned.collect();
        match assigned.filter(|_| update.on_conflict == OnConflict::Abort) {
            Some(values) => self.assign_at_once(entry.id, &update.selector, &values),
            None => Ok(false),
        }
    }

    /// The same for values by position. What is to be refused goes the long way, and is told there.
    fn assign_at_once(
        &mut self,
        table: TableId,
        selector: &Selector,
        values: &[(usize, ValueRef<'_>)],
    ) -> Result<bool> {
        let entry = self.schema.catalog.table(table)?;
        let is_one_row = matches!(selector, Selector::Key(_) | Selector::RowId(_));
        let mut columns = values.iter().enumerate();
        let is_twice = |(at, (column, _)): (usize, &(usize, ValueRef<'_>))| {
            values[..at].iter().any(|(other, _)| other == column)
        };
        if !is_one_row || values.is_empty() || columns.any(is_twice) {
            return Ok(false);
        }
        let [row_id] = self.matching(entry, selector, &[])?[..] else { return Ok(false) };
        let may_dangle = |&(position, value): &(usize, ValueRef<'_>)| {
            let mut keys = entry.foreign_keys.iter();
            value != ValueRef::Null && keys.any(|key| key.columns.contains(&position))
        };
        let is_judged = self.enforcement == Enforcement::On && values.iter().any(may_dangle);
        let is_plain = self.schema.is_plain(entry, &self.dialect) && self.let_pass.is_none();
        if is_judged || !is_plain || !self.outstanding.is_empty() {
            return Ok(false);
        }
        let Database { schema, store, .. } = self;
        if !table::assign(store, schema.catalog.table(table)?, row_id, values) {
            return Ok(false);
        }
        self.counters.changes = 1;
        self.counters.total_changes += 1;
        if self.open.is_none() {
            self.forget_transaction();
        }
        Ok(true)
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
    pub fn row<'t, 'k>(
        &self,
        table: impl Into<TableRef<'t>>,
        key: impl Into<KeyRef<'k>>,
    ) -> Result<Option<RowRef<'_>>> {
        let entry = self.table(table)?;
        match key.into() {
            KeyRef::Integer(id) if entry.row_id_column.is_some() => {
                Ok(self.store.row(entry.id, RowId(id)))
            }
            key => self.row_by_values(entry, &key),
        }
    }

    fn row_by_values(&self, entry: &TableEntry, key: &KeyRef<'_>) -> Result<Option<RowRef<'_>>> {
        let row_id = key.with_values(|values| self.find_by_key(entry, values))?;
        Ok(row_id.and_then(|row_id| self.store.row(entry.id, row_id)))
    }
}
