//! RETURNING: the rows that a statement has changed, as it wants to see them.

use super::dml::into_error;
use super::row::{RowExpressions, RowSource};
use crate::catalog::TableEntry;
use crate::database::{Database, Done, Row};
use crate::error::{Result, SqlError};
use crate::expression::{Expression, col};
use crate::id::RowId;
use crate::query::{ResultColumn, Selection};
use crate::value::Value;
use std::sync::Arc;

/// The columns of RETURNING.
#[derive(Debug)]
pub(super) struct Returning {
    names: Vec<String>,
    columns: RowExpressions,
}

impl Returning {
    /// `None` without any.
    ///
    /// # Errors
    /// For a table that is not the statement's.
    pub(super) fn new(
        db: &Database,
        table: &Arc<TableEntry>,
        columns: Vec<ResultColumn>,
    ) -> Result<Option<Self>> {
        if columns.is_empty() {
            return Ok(None);
        }
        let (mut names, mut list): (Vec<String>, Vec<Expression>) = (Vec::new(), Vec::new());
        for column in columns {
            match column {
                ResultColumn::AllOf(_) => {
                    let message = "RETURNING may not use \"TABLE.*\" wildcards".to_owned();
                    return Err(SqlError::Refused { message }.into());
                }
                ResultColumn::All => {
                    for column in table.definition.columns() {
                        names.push(column.name().to_owned());
                        list.push(col(column.name()));
                    }
                }
                ResultColumn::Computed { expression, alias, text } => {
                    let own = expression.as_column().map(|name| name.column().to_owned());
                    let text = own.or(text).unwrap_or_else(|| expression.to_string());
                    names.push(alias.unwrap_or(text));
                    list.push(expression);
                }
            }
        }
        let sources = vec![RowSource::new(table, None)];
        let columns = RowExpressions::new(&db.view(), sources, list)?;
        Ok(Some(Returning { names, columns }))
    }

    /// What a statement returns: nothing, unless it has a RETURNING.
    ///
    /// # Errors
    /// What an expression fails on.
    pub(super) fn of(
        this: &Option<Self>,
        db: &Database,
        done: Done,
        changed: Vec<(RowId, Row)>,
        parameters: &[Value],
    ) -> Result<(Done, Option<Selection>)> {
        let Some(returning) = this else { return Ok((done, None)) };
        let ready = returning.columns.ready(parameters)?;
        let row = |(row_id, row): (RowId, Row)| {
            let mut scope = row.to_vec();
            scope.push(Value::Integer(row_id.0));
            ready.evaluate(&db.view(), &scope).map_err(into_error)
        };
        let rows = changed.into_iter().map(row).collect::<Result<_>>()?;
        Ok((done, Some(Selection { columns: returning.names.clone(), rows })))
    }
}
