//! Schemas and their rows. The same shape has the same rows in the same order, always.
//!
//! Every table has its primary key first, then its foreign keys, then a short text.

use super::Cell;
use ondelete::ReferentialAction::{self, Cascade, Restrict};
use ondelete::{Column, Table};
use std::fmt::Write;

/// Where the children of a parent lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Beside each other.
    Neighbours,
    /// One of each parent in turn.
    Interleaved,
    /// Anywhere; each child has a parent by chance.
    Random,
}

/// Whether levels are tables, or rows of one table that references itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// A table for each.
    Tables,
    /// All in one.
    OneTable,
}

/// A schema with its rows.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `parent` and `child`, which references it.
    Pair { parents: i64, per_parent: i64, order: Order, action: ReferentialAction },
    /// Chains of rows, each referencing the one before.
    Chains { count: i64, depth: i64, levels: Levels },
    /// One root, `fan_out` rows below each row. With a guard, a row of a further table references
    /// the last leaf and lets nobody delete it.
    Tree { fan_out: i64, depth: u32, levels: Levels, has_guard: bool },
    /// One row of `a`; `b` and `c` reference it; each row of `d` references one of either.
    Diamond { sides: i64, bottom: i64 },
    /// `parent` and `item`, whose primary key is a text; ten interleaved items to a parent.
    Items { rows: i64 },
}

type Put<'a> = dyn FnMut(usize, &[Cell<'_>]) + 'a;

impl Shape {
    /// The tables, referenced ones first.
    pub fn schema(&self) -> Vec<Table> {
        match *self {
            Shape::Pair { action, .. } => pair(Column::integer("id"), "child", action),
            Shape::Items { .. } => pair(Column::text("code"), "item", Cascade),
            Shape::Chains { depth, levels, .. } => by_level(depth, levels),
            Shape::Tree { depth, levels, has_guard, .. } => {
                let mut schema = by_level(i64::from(depth) + 1, levels);
                if has_guard {
                    let last = schema.last().map_or("", Table::name).to_owned();
                    let up = reference("up", &last, Restrict);
                    schema.push(table("guard", Column::integer("id"), vec![up]));
                }
                schema
            }
            Shape::Diamond { .. } => diamond(),
        }
    }

    /// Gives every row to `put`, with its table's position.
    pub fn rows(&self, put: &mut Put<'_>) {
        match *self {
            Shape::Pair { parents, per_parent, order, .. } => {
                parent_rows(parents, put);
                child_rows(parents, per_parent, order, put);
            }
            Shape::Chains { count, depth, levels } => chain_rows(count, depth, levels, put),
            Shape::Tree { fan_out, depth, levels, has_guard } => {
                let last = tree_rows(fan_out, depth, levels, put);
                if has_guard {
                    let guard = [Cell::Integer(1), Cell::Integer(last), Cell::Text("guard")];
                    put(depth as usize + 1, &guard);
                }
            }
            Shape::Diamond { sides, bottom } => diamond_rows(sides, bottom, put),
            Shape::Items { rows } => {
                let parents = (rows / 10).max(1);
                parent_rows(parents, put);
                let mut text = Text::default();
                for item in 0..rows {
                    let parent = Cell::Integer(item % parents + 1);
                    let code = item_code(item);
                    put(1, &[Cell::Text(&code), parent, Cell::Text(text.name(item))]);
                }
            }
        }
    }

    /// The keys in the first table whose deletion takes everything below them.
    pub fn roots(&self) -> Vec<i64> {
        match *self {
            Shape::Pair { parents, .. } => (1..=parents).collect(),
            Shape::Chains { count, levels: Levels::Tables, .. } => (1..=count).collect(),
            Shape::Chains { count, depth, levels: Levels::OneTable } => {
                (0..count).map(|chain| chain * depth + 1).collect()
            }
            Shape::Tree { .. } | Shape::Diamond { .. } => vec![1],
            Shape::Items { rows } => (1..=(rows / 10).max(1)).collect(),
        }
    }

    /// How many rows there are.
    pub fn row_count(&self) -> u64 {
        let mut count = 0;
        self.rows(&mut |_, _| count += 1);
        count
    }
}

/// The primary key of an item.
pub fn item_code(item: i64) -> String {
    format!("item-{item:07}")
}

/// A number by chance, but the same each time.
pub fn random(seed: u64, at: i64) -> u64 {
    let mut z = seed.wrapping_add((at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One of `1..=count` by chance.
pub fn random_key(seed: u64, at: i64, count: i64) -> i64 {
    (random(seed, at) % count.max(1) as u64) as i64 + 1
}

// ------------------------------------------------------------------------------------------------
// Schemas
// ------------------------------------------------------------------------------------------------

fn table(name: &str, key: Column, references: Vec<Column>) -> Table {
    let table = Table::new(name).column(key.primary_key());
    let table = references.into_iter().fold(table, Table::column);
    table.column(Column::text("name"))
}

fn reference(column: &str, table: &str, action: ReferentialAction) -> Column {
    Column::integer(column).references_key(table).on_delete(action)
}

fn pair(key: Column, name: &str, action: ReferentialAction) -> Vec<Table> {
    let parent_id = reference("parent_id", "parent", action);
    vec![table("parent", Column::integer("id"), vec![]), table(name, key, vec![parent_id])]
}

fn by_level(depth: i64, levels: Levels) -> Vec<Table> {
    match levels {
        Levels::OneTable => {
            let up = reference("up", "node", Cascade);
            vec![table("node", Column::integer("id"), vec![up])]
        }
        Levels::Tables => {
            let level = |level: i64| {
                let above = level - 1;
                let up = (level > 0).then(|| reference("up", &format!("level_{above}"), Cascade));
                let up = up.unwrap_or_else(|| Column::integer("up"));
                table(&format!("level_{level}"), Column::integer("id"), vec![up])
            };
            (0..depth).map(level).collect()
        }
    }
}

fn diamond() -> Vec<Table> {
    let id = || Column::integer("id");
    let a_id = || vec![reference("a_id", "a", Cascade)];
    let both = vec![reference("b_id", "b", Cascade), reference("c_id", "c", Cascade)];
    vec![
        table("a", id(), vec![]),
        table("b", id(), a_id()),
        table("c", id(), a_id()),
        table("d", id(), both),
    ]
}

// ------------------------------------------------------------------------------------------------
// Rows
// ------------------------------------------------------------------------------------------------

/// The short texts, without an allocation for each.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// The text of a row.
    pub fn name(&mut self, id: i64) -> &str {
        self.0.clear();
        write!(self.0, "name-{id}").expect("a string takes any text");
        &self.0
    }
}

fn parent_rows(parents: i64, put: &mut Put<'_>) {
    let mut text = Text::default();
    for parent in 1..=parents {
        put(0, &[Cell::Integer(parent), Cell::Text(text.name(parent))]);
    }
}

fn child_rows(parents: i64, per_parent: i64, order: Order, put: &mut Put<'_>) {
    const SEED: u64 = 11;
    let mut text = Text::default();
    for child in 0..parents * per_parent {
        let parent = match order {
            Order::Neighbours => child / per_parent + 1,
            Order::Interleaved => child % parents + 1,
            Order::Random => random_key(SEED, child, parents),
        };
        let id = child + 1;
        put(1, &[Cell::Integer(id), Cell::Integer(parent), Cell::Text(text.name(id))]);
    }
}

fn chain_rows(count: i64, depth: i64, levels: Levels, put: &mut Put<'_>) {
    let mut text = Text::default();
    match levels {
        Levels::OneTable => {
            for id in 1..=count * depth {
                let is_first = (id - 1) % depth == 0;
                let up = if is_first { Cell::Null } else { Cell::Integer(id - 1) };
                put(0, &[Cell::Integer(id), up, Cell::Text(text.name(id))]);
            }
        }
        Levels::Tables => {
            for level in 0..depth {
                for id in 1..=count {
                    let up = if level == 0 { Cell::Null } else { Cell::Integer(id) };
                    put(level as usize, &[Cell::Integer(id), up, Cell::Text(text.name(id))]);
                }
            }
        }
    }
}

/// Gives the rows level by level; the key of the last.
fn tree_rows(fan_out: i64, depth: u32, levels: Levels, put: &mut Put<'_>) -> i64 {
    let mut text = Text::default();
    // In one table the keys of a level follow those of the level above.
    let (mut above, mut here, mut last) = (0, 0, 0);
    for level in 0..=depth {
        let rows = fan_out.pow(level);
        for row in 0..rows {
            last = here + row + 1;
            let up = if level == 0 { Cell::Null } else { Cell::Integer(above + row / fan_out + 1) };
            let table = if levels == Levels::Tables { level as usize } else { 0 };
            put(table, &[Cell::Integer(last), up, Cell::Text(text.name(last))]);
        }
        if levels == Levels::OneTable {
            (above, here) = (here, here + rows);
        }
    }
    last
}

fn diamond_rows(sides: i64, bottom: i64, put: &mut Put<'_>) {
    let mut text = Text::default();
    put(0, &[Cell::Integer(1), Cell::Text("top")]);
    for table in [1, 2] {
        for id in 1..=sides {
            put(table, &[Cell::Integer(id), Cell::Integer(1), Cell::Text(text.name(id))]);
        }
    }
    for id in 1..=bottom {
        let (b, c) = (random_key(21, id, sides), random_key(22, id, sides));
        let keys = [Cell::Integer(id), Cell::Integer(b), Cell::Integer(c)];
        put(3, &[keys[0], keys[1], keys[2], Cell::Text(text.name(id))]);
    }
}
