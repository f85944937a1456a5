//! What type a column of a result goes by, as SQLite tells it of a view: that which was declared, if
//! the column is nothing but one of a table, however many queries stand between them; else the word
//! for its affinity.

use super::plan::{Part, Plan, RowsPlan, SelectPlan, Slot};
use super::prepared::Query;
use crate::catalog::Catalog;
use crate::value::{Affinity, DataType};

impl Query {
    /// The type of each column of the result; an empty one where there is none.
    pub fn column_types(&self, catalog: &Catalog) -> Vec<String> {
        let affinities = self.affinities().enumerate();
        let types = affinities.map(|(position, affinity)| {
            let declared = declared(self.plan(), position, catalog);
            let fits =
                |declared: &String| !declared.is_empty() && Some(affinity_of(declared)) == affinity;
            declared.filter(fits).unwrap_or_else(|| word(affinity).to_owned())
        });
        types.collect()
    }
}

fn affinity_of(declared: &str) -> Affinity {
    DataType::of_declared(declared).affinity()
}

fn word(affinity: Option<Affinity>) -> &'static str {
    match affinity {
        None => "",
        Some(Affinity::Blob) => "BLOB",
        Some(Affinity::Integer) => "INT",
        Some(Affinity::Numeric) => "NUM",
        Some(Affinity::Real) => "REAL",
        Some(Affinity::Text) => "TEXT",
    }
}

/// The declared type of a column of a plan's first part.
fn declared(plan: &Plan, column: usize, catalog: &Catalog) -> Option<String> {
    match &plan.parts.first()?.part {
        Part::Select(select) => of_slot(select, select.columns.get(column)?.as_column()?, catalog),
        Part::Values(..) => None,
    }
}

fn of_slot(select: &SelectPlan, slot: usize, catalog: &Catalog) -> Option<String> {
    match select.scope.slots.get(slot)? {
        Slot::Column { source, column } => match &select.sources.get(*source)?.rows {
            RowsPlan::Table(table) => {
                let table = catalog.find_by_id(*table)?;
                Some(table.definition.columns().get(*column)?.declared_type())
            }
            RowsPlan::Query { plan, .. } => declared(plan, *column, catalog),
            RowsPlan::Recursive { .. } | RowsPlan::Working(_) | RowsPlan::Supplied { .. } => None,
        },
        Slot::RowId { .. } => Some("INTEGER".to_owned()),
        Slot::Either(first, _) => of_slot(select, *first, catalog),
        _ => None,
    }
}
