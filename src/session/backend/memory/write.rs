//! INSERT, UPDATE and DELETE, prepared once for all the rows of parameters: names become positions,
//! and a row that is named by its integer key is found by it, without an expression.

use super::{Memory, Outcome, lower};
use crate::catalog::{Name, TableEntry};
use crate::database::{Done, Selector};
use crate::error::Error;
use crate::expression::Expression;
use crate::id::{RowId, TableId};
use crate::session::statement::{Condition, Delete, Insert, Operand, Rows, Update};
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;

/// Where a column of a new row has its value from.
enum Source {
    /// The parameter at this position of the row.
    Parameter(usize),
    /// The column's default.
    Default(Value),
}

/// INSERT whose names are positions.
pub(super) struct PreparedInsert<'s> {
    table: TableId,
    /// One for each column of the table.
    sources: Vec<Source>,
    statement: &'s Insert,
}

/// UPDATE whose names are positions.
pub(super) struct PreparedUpdate<'s> {
    columns: Vec<usize>,
    target: Target<'s>,
}

/// How the rows of an UPDATE or DELETE are found.
pub(super) struct Target<'s> {
    table: TableId,
    filter: &'s [Condition],
    /// Whether the condition names one row by its integer key, as nearly every one of a flush does.
    is_by_row_id: bool,
}

impl Target<'_> {
    fn selector(&self, parameters: &[Value]) -> Selector {
        if let [Value::Integer(id)] = parameters
            && self.is_by_row_id
        {
            return Selector::RowId(RowId(*id));
        }
        let parameters = &mut parameters.iter();
        let terms = self.filter.iter().map(|condition| lower(condition, parameters));
        // They are read in order, whatever becomes of them.
        let terms: Vec<Expression> = terms.collect();
        match terms.into_iter().reduce(Expression::and) {
            Some(predicate) => Selector::Filter(predicate),
            None => Selector::All,
        }
    }
}

impl Memory<'_> {
    pub(super) fn prepare_insert<'s>(
        &self,
        statement: &'s Insert,
    ) -> Result<PreparedInsert<'s>, Error> {
        let entry = self.db.catalog().table(&*statement.table)?;
        let defaults = entry.columns.iter().map(|column| Source::Default(column.default_value()));
        let mut sources: Vec<Source> = defaults.collect();
        match &statement.rows {
            Rows::NullIn(column) => sources[entry.position(column)?] = Source::Default(Value::Null),
            Rows::Values(_) => {
                for (at, column) in statement.columns.iter().enumerate() {
                    sources[entry.position(column)?] = Source::Parameter(at);
                }
            }
        }
        Ok(PreparedInsert { table: entry.id, sources, statement })
    }

    /// Inserts the rows of each row of parameters: a statement may have several.
    pub(super) fn insert<'p>(
        &mut self,
        insert: &PreparedInsert<'_>,
        parameters: impl Iterator<Item = &'p [Value]>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let width = insert.statement.columns.len();
        let mut row = Vec::with_capacity(insert.sources.len());
        for parameters in parameters {
            // One that has no columns has no parameters either, and one row.
            let count = parameters.len().checked_div(width).unwrap_or(1);
            for at in 0..count {
                let given = &parameters[at * width..(at + 1) * width];
                row.clear();
                row.extend(insert.sources.iter().map(|source| match source {
                    Source::Parameter(at) => given[*at].as_ref(),
                    Source::Default(value) => value.as_ref(),
                }));
                self.insert_row(insert, &row, outcome)?;
            }
        }
        Ok(())
    }

    fn insert_row(
        &mut self,
        insert: &PreparedInsert<'_>,
        row: &[ValueRef<'_>],
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let row_id = self.db.append(insert.table, row)?;
        outcome.row_count += 1;
        let returning = &insert.statement.returning;
        if !returning.is_empty() {
            let selector = Selector::RowId(row_id);
            outcome.rows.extend(self.returning(insert.table, selector, returning)?);
        }
        Ok(())
    }

    /// The rows of a table for which conditions hold.
    pub(super) fn target<'s>(
        &self,
        table: &Name,
        filter: &'s [Condition],
    ) -> Result<Target<'s>, Error> {
        let entry = self.db.catalog().table(&**table)?;
        let is_by_row_id = match filter {
            [Condition::Equal(Operand::Column(column), Operand::Parameter)] => {
                is_row_id(entry, &column.name)
            }
            _ => false,
        };
        Ok(Target { table: entry.id, filter, is_by_row_id })
    }

    pub(super) fn prepare_update<'s>(
        &self,
        statement: &'s Update,
    ) -> Result<PreparedUpdate<'s>, Error> {
        let target = self.target(&statement.table, &statement.filter)?;
        let entry = self.db.catalog().table(target.table)?;
        let columns = statement.set.iter().map(|column| entry.position(column));
        Ok(PreparedUpdate { columns: columns.collect::<Result<_, Error>>()?, target })
    }

    pub(super) fn update(
        &mut self,
        update: &PreparedUpdate<'_>,
        parameters: &[Value],
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let (set, keys) = parameters.split_at(update.columns.len());
        let columns = update.columns.iter().copied();
        let values: SmallVec<[_; 4]> = columns.zip(set.iter().map(Value::as_ref)).collect();
        let selector = update.target.selector(keys);
        let done = self.db.assign(update.target.table, selector, &values)?;
        add_to(outcome, done);
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        delete: &Delete,
        target: &Target<'_>,
        parameters: &[Value],
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let selector = target.selector(parameters);
        if !delete.returning.is_empty() {
            outcome.rows.extend(self.returning(
                target.table,
                selector.clone(),
                &delete.returning,
            )?);
        }
        let done = self.db.delete(target.table, selector)?;
        add_to(outcome, done);
        Ok(())
    }

    /// These columns of the rows selected.
    fn returning(
        &self,
        table: TableId,
        selector: Selector,
        columns: &[Name],
    ) -> Result<Vec<Vec<Value>>, Error> {
        let entry = self.db.catalog().table(table)?;
        let positions = columns.iter().map(|column| entry.position(column));
        let positions: Vec<usize> = positions.collect::<Result<_, Error>>()?;
        let rows = self.db.find(table, selector)?;
        let picked =
            rows.iter().map(|(_, row)| positions.iter().map(|&at| row[at].clone()).collect());
        Ok(picked.collect())
    }
}

fn add_to(outcome: &mut Outcome, done: Done) {
    outcome.row_count += done.direct;
    if !done.by_constraint.is_empty() {
        outcome.by_constraint.extend(done.by_constraint);
    }
}

fn is_row_id(entry: &TableEntry, column: &str) -> bool {
    entry.row_id_column.is_some() && entry.row_id_column == entry.definition.position(column)
}
