//! Typed SELECT over one table: which rows, in which order, how many.
//!
//! A [`Select`] is a value; [`Database::select`] runs it. Rows are found by key, by an index whose
//! columns the predicate equates, or by a scan; see [`Selector`]. Without an order they come in row
//! id order.

use crate::catalog::TableEntry;
use crate::database::{Database, Selector};
use crate::error::Result;
use crate::expression::quote_identifier;
use crate::id::RowId;
use crate::value::{Collation, Value, compare};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A query over one table.
///
/// ```
/// use ondelete::{Column, Database, Enforcement, Select, Table, col, row};
/// let mut db = Database::new(Enforcement::On);
/// db.create_table(Table::new("hero")
///     .column(Column::integer("id").primary_key())
///     .column(Column::text("name"))
///     .column(Column::integer("age")))?;
/// db.insert_many("hero", [row![1, "Deadpond", ()], row![2, "Rusty-Man", 48], row![3, "Tarantula", 32]])?;
///
/// let adults = Select::from("hero").columns(["name"]).filter(col("age").gt(18)).order_by("age").limit(1);
/// assert_eq!(db.select(&adults)?.rows, [["Tarantula".into()]]);
/// # Ok::<(), ondelete::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    table: String,
    columns: Vec<String>,
    selector: Selector,
    order: Vec<(String, Direction)>,
    limit: Option<usize>,
    offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// The rows of a query.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Selection {
    /// The columns' names.
    pub columns: Vec<String>,
    /// One list of values per row, one value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Select {
    /// All rows and columns of this table.
    pub fn from(table: impl Into<String>) -> Self {
        Select {
            table: table.into(),
            columns: Vec::new(),
            selector: Selector::All,
            order: Vec::new(),
            limit: None,
            offset: 0,
        }
    }

    /// Only these columns, in this order.
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Which rows.
    #[must_use]
    pub fn filter(mut self, selector: impl Into<Selector>) -> Self {
        self.selector = selector.into();
        self
    }

    /// Sorts by this column, in its collation, after those given before; NULL comes first.
    #[must_use]
    pub fn order_by(mut self, column: impl Into<String>) -> Self {
        self.order.push((column.into(), Direction::Ascending));
        self
    }

    /// Sorts by this column the other way round; NULL comes last.
    #[must_use]
    pub fn order_by_descending(mut self, column: impl Into<String>) -> Self {
        self.order.push((column.into(), Direction::Descending));
        self
    }

    /// At most this many rows.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Without the first rows.
    #[must_use]
    pub fn offset(mut self, rows: usize) -> Self {
        self.offset = rows;
        self
    }
}

impl Database {
    /// Runs a query.
    ///
    /// # Cost
    /// That of [`Database::find`], plus **O(m log m)** for m matches if an order is asked for.
    ///
    /// # Errors
    /// [`crate::Error::Name`] for a table or column that is not there; [`crate::Error::Input`] for a
    /// key or predicate that does not fit.
    pub fn select(&self, select: &Select) -> Result<Selection> {
        let table = self.catalog().table(&select.table)?.clone();
        let positions = match select.columns.as_slice() {
            [] => (0..table.columns.len()).collect(),
            names => names.iter().map(|name| table.position(name)).collect::<Result<Vec<_>>>()?,
        };
        let order = sort_keys(&table, &select.order)?;
        let mut rows = self.find(&select.table, select.selector.clone())?;
        if !order.is_empty() {
            rows.sort_by(|(_, a), (_, b)| compare_rows(&order, a, b));
        }
        let taken = rows.iter().skip(select.offset).take(select.limit.unwrap_or(usize::MAX));
        let row = |(_, row): &(RowId, Arc<[Value]>)| {
            positions.iter().map(|&position| row[position].clone()).collect()
        };
        Ok(Selection { columns: table.column_names(&positions), rows: taken.map(row).collect() })
    }
}

type SortKey = (usize, Collation, Direction);

fn sort_keys(table: &TableEntry, order: &[(String, Direction)]) -> Result<Vec<SortKey>> {
    let key = |(name, direction): &(String, Direction)| {
        let position = table.position(name)?;
        Ok((position, table.columns[position].collation, *direction))
    };
    order.iter().map(key).collect()
}

fn compare_rows(order: &[SortKey], a: &[Value], b: &[Value]) -> Ordering {
    let by_column = order.iter().map(|&(position, collation, direction)| {
        let ascending = compare(&a[position], &b[position], collation);
        match direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    });
    by_column.fold(Ordering::Equal, Ordering::then)
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.columns.iter().map(|name| quote_identifier(name)).collect();
        let columns = if names.is_empty() { "*".to_owned() } else { names.join(", ") };
        write!(f, "SELECT {columns} FROM {}{}", quote_identifier(&self.table), self.selector)?;
        for (position, (column, direction)) in self.order.iter().enumerate() {
            let lead = if position == 0 { " ORDER BY" } else { "," };
            let word = if *direction == Direction::Descending { " DESC" } else { "" };
            write!(f, "{lead} {}{word}", quote_identifier(column))?;
        }
        match (self.limit, self.offset) {
            (None, 0) => Ok(()),
            (Some(limit), 0) => write!(f, " LIMIT {limit}"),
            (limit, offset) => {
                write!(f, " LIMIT {} OFFSET {offset}", limit.map_or(-1, |limit| limit as i64))
            }
        }
    }
}
