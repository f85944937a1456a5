//! What does a bench delete from?
//!
//! A [`Shape`] is a family of schemas; a [`Layout`] is one of them with a size and an ON DELETE
//! action: tables, and for each row id what the row references. Rows are numbers and nothing else,
//! so that what is timed is the foreign keys. The root, whose delete is timed, has the id [`ROOT`]
//! in the first table.
//!
//! ```text
//! wide        team ◄── hero             one row, and all others reference it
//! chain       node ◄── node             each row references the one before
//! tree        t0 ◄── t1 ◄── t2 …        a table each level, ten rows to a row
//! self-tree   node ◄── node             the same in one table
//! diamond     a ◄── b ◄── d, a ◄── c ◄── d   each row of d is reached by two ways
//! ```
//!
//! Under SET DEFAULT each referenced table has one row more, [`SPARE`], which is every key's
//! default.

use crate::catalog::{Column, ReferentialAction, Table};
use clap::ValueEnum;
use std::ops::RangeInclusive;

/// The id of the row that is deleted.
pub(super) const ROOT: i64 = 1;

/// The id of the row to which SET DEFAULT moves.
const SPARE: i64 = 0;

/// How many rows reference each row of a tree, and of the arms of a diamond.
const FAN_OUT: i64 = 10;

/// How rows reference each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    /// One row, which all others reference
    Wide,
    /// One table; each row references the one before
    Chain,
    /// A table for each level, ten times as many rows in each
    Tree,
    /// One table; ten rows reference each row
    SelfTree,
    /// Four tables; two ways from each row to the root
    Diamond,
}

/// The tables of a bench, a referenced one before those that reference it.
pub(super) struct Layout {
    pub(super) parts: Vec<Part>,
}

/// One table and its rows.
pub(super) struct Part {
    pub(super) definition: Table,
    ids: RangeInclusive<i64>,
    /// What the row with this id references, one value per foreign key.
    references: fn(i64) -> Vec<Option<i64>>,
}

impl Shape {
    /// The layout with `rows` referencing rows; a diamond has them in its last table, besides some
    /// on the way there.
    pub(super) fn layout(self, rows: i64, action: ReferentialAction) -> Layout {
        let part = |name: &str, keys: &[(&str, &str)]| PartBuilder::new(name, keys, action);
        let parts = match self {
            Shape::Wide => vec![
                part("team", &[]).referenced(1, |_| vec![]),
                part("hero", &[("team_id", "team")]).rows(rows, |_| vec![Some(ROOT)]),
            ],
            Shape::Chain => vec![
                part("node", &[("up", "node")])
                    .referenced(rows + 1, |id| vec![(id > ROOT).then_some(id - 1)]),
            ],
            Shape::SelfTree => vec![
                part("node", &[("up", "node")])
                    .referenced(rows + 1, |id| vec![(id > ROOT).then_some(above(id - 1))]),
            ],
            Shape::Tree => tree(rows, action),
            Shape::Diamond => {
                let arm = above(rows);
                vec![
                    part("a", &[]).referenced(1, |_| vec![]),
                    part("b", &[("a_id", "a")]).referenced(arm, |_| vec![Some(ROOT)]),
                    part("c", &[("a_id", "a")]).referenced(arm, |_| vec![Some(ROOT)]),
                    part("d", &[("b_id", "b"), ("c_id", "c")])
                        .rows(rows, |id| vec![Some(above(id)), Some(above(id))]),
                ]
            }
        };
        Layout { parts }
    }
}

/// The row that the `id`th row of the level below references.
fn above(id: i64) -> i64 {
    (id - 1) / FAN_OUT + 1
}

/// Levels of 10, 100, 1,000 rows and so on; the last takes what is left.
fn tree(rows: i64, action: ReferentialAction) -> Vec<Part> {
    let mut parts = vec![PartBuilder::new("t0", &[], action).referenced(1, |_| vec![])];
    let (mut left, mut widest) = (rows, FAN_OUT);
    while left > 0 {
        let (name, referenced) = (format!("t{}", parts.len()), format!("t{}", parts.len() - 1));
        let count = left.min(widest);
        let level = PartBuilder::new(&name, &[("up", &referenced)], action);
        parts.push(level.referenced(count, |id| vec![Some(above(id))]));
        left -= count;
        widest *= FAN_OUT;
    }
    parts
}

/// A table whose rows are not said yet.
struct PartBuilder {
    definition: Table,
    action: ReferentialAction,
}

impl PartBuilder {
    /// A table with an id and these foreign keys, each a column and the table that it references.
    fn new(name: &str, keys: &[(&str, &str)], action: ReferentialAction) -> Self {
        let table = Table::new(name).column(Column::integer("id").primary_key());
        let definition = keys.iter().fold(table, |table, (column, referenced)| {
            let column = Column::integer(*column).references(*referenced, "id").on_delete(action);
            table.column(match action {
                ReferentialAction::SetDefault => column.default(SPARE),
                ReferentialAction::Cascade
                | ReferentialAction::SetNull
                | ReferentialAction::Restrict
                | ReferentialAction::NoAction => column,
            })
        });
        PartBuilder { definition, action }
    }

    /// Rows with the ids 1 to `count`.
    fn rows(self, count: i64, references: fn(i64) -> Vec<Option<i64>>) -> Part {
        Part { definition: self.definition, ids: ROOT..=count, references }
    }

    /// The same, in a table that others reference: SET DEFAULT needs a row to move to.
    fn referenced(self, count: i64, references: fn(i64) -> Vec<Option<i64>>) -> Part {
        let first = if self.action == ReferentialAction::SetDefault { SPARE } else { ROOT };
        Part { ids: first..=count, ..self.rows(count, references) }
    }
}

impl Layout {
    /// The table of the row that is deleted.
    pub(super) fn root_table(&self) -> &str {
        self.parts.first().expect("a layout has the root's table").definition.name()
    }

    /// How many rows all tables have.
    pub(super) fn row_count(&self) -> u64 {
        self.parts.iter().map(Part::row_count).sum()
    }
}

impl Part {
    /// How many rows the table has.
    pub(super) fn row_count(&self) -> u64 {
        self.ids.end().abs_diff(*self.ids.start()) + 1
    }

    /// Its rows in the order of their ids: the id, then what it references.
    pub(super) fn rows(&self) -> impl Iterator<Item = Vec<Option<i64>>> {
        let keys = self.definition.foreign_keys().len();
        self.ids.clone().map(move |id| {
            let references = match id {
                SPARE => vec![None; keys],
                id => (self.references)(id),
            };
            std::iter::once(Some(id)).chain(references).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReferentialAction::{Cascade, SetDefault};

    /// Each table's name and number of rows.
    fn sizes(shape: Shape, rows: i64, action: ReferentialAction) -> Vec<(String, usize)> {
        let parts = shape.layout(rows, action).parts;
        parts.iter().map(|p| (p.definition.name().to_owned(), p.rows().count())).collect()
    }

    fn named(sizes: &[(&str, usize)]) -> Vec<(String, usize)> {
        sizes.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
    }

    #[test]
    fn shapes_have_the_rows_asked_for() {
        assert_eq!(sizes(Shape::Wide, 7, Cascade), named(&[("team", 1), ("hero", 7)]));
        assert_eq!(sizes(Shape::Chain, 7, Cascade), named(&[("node", 8)]));
        assert_eq!(sizes(Shape::SelfTree, 7, Cascade), named(&[("node", 8)]));
        let tree = named(&[("t0", 1), ("t1", 10), ("t2", 100), ("t3", 13)]);
        assert_eq!(sizes(Shape::Tree, 123, Cascade), tree);
        let diamond = named(&[("a", 1), ("b", 2), ("c", 2), ("d", 11)]);
        assert_eq!(sizes(Shape::Diamond, 11, Cascade), diamond);
        assert_eq!(sizes(Shape::Wide, 7, SetDefault), named(&[("team", 2), ("hero", 7)]));
    }

    #[test]
    fn ten_rows_reference_each_row_of_a_tree() {
        let layout = Shape::SelfTree.layout(30, Cascade);
        let up: Vec<_> = layout.parts[0].rows().map(|row| row[1]).collect();
        assert_eq!(up[0], None);
        for (place, key) in up[1..].iter().enumerate() {
            assert_eq!(*key, Some(place as i64 / 10 + 1));
        }
        assert_eq!(layout.row_count(), 31);
    }
}
