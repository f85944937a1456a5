//! SET: what columns become, of an UPDATE and of DO UPDATE.
//!
//! Several columns assigned at once are taken apart first: each column has a value of its own.

use super::dml::{is_generated, position_of, refused, scope_of};
use super::row::{Ready, RowExpressions, RowSource};
use super::syntax::Assignment;
use crate::catalog::TableEntry;
use crate::database::{Assign, Database, RowRef, Stop, View};
use crate::error::Result;
use crate::expression::{Expression, lit, subquery};
use crate::id::RowId;
use crate::query::{Select, Source};
use crate::value::Value;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

type Stopped<T> = std::result::Result<T, Stop>;

/// The assignments of SET.
#[derive(Debug)]
pub(super) struct AssignPlan {
    pub(super) positions: Vec<usize>,
    values: RowExpressions,
    filter: Option<RowExpressions>,
}

impl AssignPlan {
    pub(super) fn new(
        db: &Database,
        table: &TableEntry,
        sources: Vec<RowSource>,
        assignments: Vec<Assignment>,
        filter: Option<Expression>,
    ) -> Result<Self> {
        let bind = |list| RowExpressions::new(&db.view(), sources.clone(), list);
        let assignments = taken_apart(assignments)?;
        let found = assigned(table, assignments.clone());
        if found.as_ref().map_or(true, |(positions, _)| positions.len() < assignments.len()) {
            // What is wrong with a value comes before what is wrong with its column.
            for (name, value) in assignments {
                bind(vec![value.clone()])?;
                assigned(table, vec![(name, value)])?;
            }
        }
        let (positions, values) = found?;
        let filter = filter.map(|filter| bind(vec![filter])).transpose()?;
        Ok(AssignPlan { positions, values: bind(values)?, filter })
    }

    pub(super) fn ready(&self, parameters: &[Value]) -> Result<Arc<dyn Assign>> {
        Ok(Arc::new(ReadyAssign {
            positions: self.positions.clone(),
            values: self.values.ready(parameters)?,
            filter: self.filter.as_ref().map(|filter| filter.ready(parameters)).transpose()?,
        }))
    }
}

/// Position and value of each assignment. Of a column that is named twice the last counts.
pub(super) fn assigned(
    table: &TableEntry,
    assignments: Vec<(String, Expression)>,
) -> Result<(Vec<usize>, Vec<Expression>)> {
    let mut list: Vec<(usize, Expression)> = Vec::new();
    for (name, value) in assignments {
        let Some(position) = position_of(table, &name) else {
            return refused(format!("no such column: {name}"));
        };
        if is_generated(table, position) {
            return refused(format!("cannot UPDATE generated column \"{name}\""));
        }
        list.retain(|(other, _)| *other != position);
        list.push((position, value));
    }
    Ok(list.into_iter().unzip())
}

/// Each column of all assignments with its own value.
///
/// # Errors
/// If one has more values than columns, or fewer.
pub(super) fn taken_apart(assignments: Vec<Assignment>) -> Result<Vec<(String, Expression)>> {
    let mut single = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        single.extend(single_assignments(assignment)?);
    }
    Ok(single)
}

/// Each column of an assignment with its own value.
fn single_assignments(assignment: Assignment) -> Result<Vec<(String, Expression)>> {
    let Assignment { columns, value } = assignment;
    let values = match (columns.len(), value.row_values()) {
        (1, _) => vec![value],
        (width, Some(values)) if values.len() == width => values.to_vec(),
        (width, Some(values)) => {
            return refused(format!("{width} columns assigned {} values", values.len()));
        }
        (width, None) => columns_of_query(&value, width)?,
    };
    Ok(columns.into_iter().zip(values).collect())
}

/// The columns of a query that assigns several at once, each as a query of its own.
fn columns_of_query(value: &Expression, width: usize) -> Result<Vec<Expression>> {
    let query = value.as_subquery().and_then(|query| (query as &dyn Any).downcast_ref::<Select>());
    let Some(query) = query else {
        return refused(format!("{width} columns assigned 1 values"));
    };
    let query = Arc::new(query.clone());
    let names: Vec<String> = (0..width).map(|place| format!("value {place}")).collect();
    let column = |name: &String| {
        let source = Source::query_with_columns(query.clone(), names.clone());
        subquery(Select::from(source).columns([name.clone()]))
    };
    Ok(names.iter().map(column).collect())
}

#[derive(Debug)]
struct ReadyAssign {
    positions: Vec<usize>,
    values: Ready,
    filter: Option<Ready>,
}

impl Assign for ReadyAssign {
    fn columns(&self) -> Vec<usize> {
        self.positions.clone()
    }

    fn values(
        &self,
        view: &View<'_>,
        row: RowRef<'_>,
        proposed: Option<&[Value]>,
    ) -> Stopped<Option<Vec<(usize, Value)>>> {
        let mut scope = scope_of(row);
        if let Some(proposed) = proposed {
            scope.extend_from_slice(proposed);
            scope.push(Value::Null);
        }
        if let Some(filter) = &self.filter
            && !filter.is_true(view, &scope)?
        {
            return Ok(None);
        }
        let values = self.values.evaluate(view, &scope)?;
        Ok(Some(self.positions.iter().copied().zip(values).collect()))
    }
}

/// Values that were found with the rows: UPDATE FROM.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) positions: Vec<usize>,
    pub(super) values: HashMap<RowId, Vec<Value>>,
}

impl Assign for Found {
    fn columns(&self) -> Vec<usize> {
        self.positions.clone()
    }

    fn values(
        &self,
        _: &View<'_>,
        row: RowRef<'_>,
        _: Option<&[Value]>,
    ) -> Stopped<Option<Vec<(usize, Value)>>> {
        let values = self.values.get(&row.row_id()).cloned();
        Ok(values.map(|values| self.positions.iter().copied().zip(values).collect()))
    }
}

/// The same columns, assigned nothing.
pub(super) fn placeholders(assignments: Vec<Assignment>) -> Vec<Assignment> {
    let columns = assignments.into_iter().flat_map(|assignment| assignment.columns);
    columns.map(|column| Assignment { columns: vec![column], value: lit(Value::Null) }).collect()
}
