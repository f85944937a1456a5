//! What a delete from a table can reach: everything about a walk that definitions decide.

use super::super::dialect::ActionOrder;
use super::super::{Dialect, MatchFull, Programs};
use crate::catalog::{Catalog, ForeignKeyEntry, IndexEntry, ReferentialAction, TableEntry};
use crate::error::Event;
use crate::id::{ConstraintId, IndexId, TableId};
use crate::referential::program::Timing;
use crate::value::Value;
use smallvec::SmallVec;
use std::sync::OnceLock;

/// The footprint of a delete from each table of one schema, made when it is first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprints(OnceLock<Vec<OnceLock<Footprint>>>);

/// The tables that a delete reaches over CASCADE, and the foreign keys that it meets there.
#[derive(Clone, Debug)]
pub(super) struct Footprint {
    /// The root table first.
    pub(super) nodes: Vec<Node>,
    /// Those of all nodes.
    pub(super) edge_count: usize,
    /// Whether something that it touches asks for the exact path: clauses 1, 2 and 6.
    pub(super) is_exact: bool,
    /// Whether the matched rows are roots one after another.
    pub(super) takes_roots_alone: bool,
    /// Whether a table is reached from itself over actions.
    pub(super) is_cyclic: bool,
    /// How many actions can nest, in a graph without cycles.
    pub(super) longest: usize,
    /// Whether a refusal by RESTRICT can be told from a root alone: every foreign key that references
    /// it restricts or does nothing, none is of the root table, and rows are named by their id.
    pub(super) refuses_root: bool,
    /// Whether nothing but RESTRICT can refuse at a row, and what it looks at stays as it is.
    pub(super) tells_refusals: bool,
}

/// A table that rows are deleted from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) table: TableId,
    /// The foreign keys that reference it, in the dialect's order.
    pub(super) edges: Vec<Edge>,
}

/// A foreign key that references a table of the walk.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    /// Its number among all edges of the footprint.
    pub(super) number: usize,
    pub(super) constraint: ConstraintId,
    /// The referencing table, and its index over the referencing columns.
    pub(super) table: TableId,
    pub(super) index: IndexId,
    pub(super) action: ReferentialAction,
    /// For CASCADE: the node of the referencing table.
    pub(super) node: usize,
    /// Whether the walk deletes from the referencing table, too.
    pub(super) is_deleted_from: bool,
    /// For SET NULL: whether setting bits is all there is to it.
    pub(super) sets_bits: bool,
    /// For SET NULL: whether a column may not be NULL.
    pub(super) is_refused: bool,
    /// For SET NULL and SET DEFAULT: what the referencing columns become.
    pub(super) written: SmallVec<[(usize, Value); 1]>,
}

impl Footprints {
    pub(super) fn of(
        &self,
        catalog: &Catalog,
        programs: &Programs,
        dialect: &Dialect,
        table: TableId,
    ) -> &Footprint {
        let places = self.0.get_or_init(|| vec![OnceLock::new(); catalog.table_count()]);
        let make = || Footprint::new(catalog, programs, dialect, table);
        places[table.0 as usize].get_or_init(make)
    }
}

impl Footprint {
    fn new(catalog: &Catalog, programs: &Programs, dialect: &Dialect, root: TableId) -> Self {
        let (tables, position) = deleted_tables(catalog, root);
        let node = |&table: &TableId| Node {
            table,
            edges: keys_of(catalog, dialect, table)
                .map(|key| Edge::new(catalog, &position, key))
                .collect(),
        };
        let mut nodes: Vec<Node> = tables.iter().map(node).collect();
        let edges = nodes.iter_mut().flat_map(|node| &mut node.edges);
        edges.enumerate().for_each(|(number, edge)| edge.number = number);
        let has_program = |table: TableId, event: Event| {
            let mut both = [Timing::Before, Timing::After].into_iter();
            both.any(|timing| programs.any(table, event, timing))
        };
        let edges = || nodes.iter().flat_map(|node| &node.edges);
        // Clause 2, for what is computed from what would be written.
        let generates =
            edges().any(|edge| edge.writes() && !catalog.by_id(edge.table).generated.is_empty());
        // Clause 1.
        let runs_programs = tables.iter().any(|&table| has_program(table, Event::Delete))
            || edges().any(|edge| edge.writes() && has_program(edge.table, Event::Update));
        // Clause 2.
        let writes_keys = edges().any(|edge| edge.writes() && is_used_elsewhere(catalog, edge));
        let mut writing = edges().filter(|edge| edge.writes());
        let writes_other = writing.any(|edge| edges().any(|other| edge.writes_columns_of(other)));
        // Clause 6.
        let frees_keys = edges().any(|edge| edge.is_deleted_from && sets_unique(catalog, edge));
        let rechecks = dialect.set_default_recheck || dialect.match_full == MatchFull::Enforced;
        let sets_default =
            edges().any(|edge| edge.action == ReferentialAction::SetDefault) && rechecks;
        let runs_programs = runs_programs && !is_mutant!(WalkIgnoresPrograms);
        let writes_keys = writes_keys && !is_mutant!(WalkWritesKeys);
        let writes_other = writes_other && !is_mutant!(WalkWritesOtherKeys);
        let frees_keys = frees_keys && !is_mutant!(WalkFreesKeys);
        let longest = longest_path(&nodes);
        let is_written = |table: TableId| edges().any(|edge| edge.writes() && edge.table == table);
        let is_told = |edge: &Edge| match edge.action {
            ReferentialAction::SetNull => edge.sets_bits && !edge.is_refused,
            ReferentialAction::SetDefault => false,
            ReferentialAction::Restrict => !edge.is_deleted_from && !is_written(edge.table),
            ReferentialAction::Cascade | ReferentialAction::NoAction => true,
        };
        let tells_refusals = edges().all(is_told);
        Footprint {
            edge_count: edges().count(),
            is_exact: generates
                || runs_programs
                || writes_keys
                || writes_other
                || frees_keys
                || sets_default,
            takes_roots_alone: reaches_itself(catalog, root) && !is_mutant!(WalkTakesRootsTogether),
            tells_refusals,
            is_cyclic: longest.is_none(),
            longest: longest.unwrap_or(usize::MAX),
            refuses_root: catalog.by_id(root).is_named_by_row_id()
                && nodes[0].edges.iter().all(|edge| match edge.action {
                    ReferentialAction::Restrict | ReferentialAction::NoAction => edge.table != root,
                    ReferentialAction::Cascade
                    | ReferentialAction::SetNull
                    | ReferentialAction::SetDefault => false,
                }),
            nodes,
        }
    }
}

impl Edge {
    fn new(catalog: &Catalog, nodes: &[Option<usize>], key: &ForeignKeyEntry) -> Self {
        let table = catalog.by_id(key.table);
        let node = nodes[key.table.0 as usize];
        let action = key.delete_rule();
        let value = |&position: &usize| {
            let column = &table.columns[position];
            let value = match action {
                ReferentialAction::SetDefault => column.affinity.apply(column.default_value()),
                _ => Value::Null,
            };
            (position, value)
        };
        Edge {
            number: 0,
            constraint: key.id,
            table: key.table,
            index: key.index,
            action,
            node: node.unwrap_or_default(),
            is_deleted_from: node.is_some(),
            sets_bits: sets_bits(table, key),
            is_refused: key.columns.iter().any(|&position| table.columns[position].not_null),
            written: key.columns.iter().map(value).collect(),
        }
    }

    /// Whether the action writes rows.
    pub(super) fn writes(&self) -> bool {
        matches!(self.action, ReferentialAction::SetNull | ReferentialAction::SetDefault)
    }

    /// Clause 2: whether the action writes a column that decides what another one finds. CASCADE has
    /// found all its rows before anything is written, and NO ACTION is judged when all is.
    fn writes_columns_of(&self, other: &Edge) -> bool {
        let finds = match other.action {
            ReferentialAction::Restrict
            | ReferentialAction::SetNull
            | ReferentialAction::SetDefault => true,
            ReferentialAction::Cascade | ReferentialAction::NoAction => false,
        };
        let is_shared = |(position, _): &(usize, Value)| {
            self.written.iter().any(|(written, _)| written == position)
        };
        let is_other = self.table == other.table && self.constraint != other.constraint;
        self.writes() && finds && is_other && other.written.iter().any(is_shared)
    }
}

/// Whether nothing but the foreign key itself looks at its columns.
fn sets_bits(table: &TableEntry, key: &ForeignKeyEntry) -> bool {
    let is_own = |position: &usize| key.columns.contains(position);
    let mut others = table.foreign_keys.iter().filter(|other| other.id != key.id);
    !table.indexes.iter().any(|index| key.columns.iter().any(|&column| index.reads(column)))
        && !others.any(|other| other.columns.iter().any(is_own))
        && !table.checks.iter().any(|check| check.columns.iter().any(is_own))
}

/// Clause 2: whether a column that the edge writes is part of a referenced key, is the row id, or
/// occurs in an expression or the predicate of a partial index.
fn is_used_elsewhere(catalog: &Catalog, edge: &Edge) -> bool {
    let table = catalog.by_id(edge.table);
    let is_written = |position: &usize| edge.written.iter().any(|(at, _)| at == position);
    let mut referenced = catalog
        .referenced_by(edge.table)
        .iter()
        .filter_map(|&id| catalog.constraint(id).resolved());
    // The columns of an index it brings along; what else it depends on it would have to compute.
    let mut computing = table.indexes.iter().filter(|index| !index.is_plain());
    let reads_written = |index: &IndexEntry| edge.written.iter().any(|(at, _)| index.reads(*at));
    let is_computed = |(at, _): &(usize, Value)| table.columns[*at].computed_default.is_some();
    let sets_default = edge.action == ReferentialAction::SetDefault;
    (sets_default && edge.written.iter().any(is_computed))
        || referenced.any(|to| to.columns.iter().any(is_written))
        || table.row_id_column.as_ref().is_some_and(is_written)
        || computing.any(reads_written)
}

/// Clause 6: whether SET DEFAULT writes to a unique key. NULL never stands in another row's way.
fn sets_unique(catalog: &Catalog, edge: &Edge) -> bool {
    let mut unique = catalog.by_id(edge.table).indexes.iter().filter(|index| index.unique);
    edge.action == ReferentialAction::SetDefault
        && unique.any(|index| edge.written.iter().any(|(at, _)| index.reads(*at)))
}

fn keys_of<'a>(
    catalog: &'a Catalog,
    dialect: &Dialect,
    table: TableId,
) -> impl Iterator<Item = &'a ForeignKeyEntry> {
    let ids = catalog.referenced_by(table);
    let is_reversed = dialect.order == ActionOrder::NewestFirst;
    let place = move |at: usize| if is_reversed { ids.len() - 1 - at } else { at };
    (0..ids.len()).map(move |at| catalog.constraint(ids[place(at)]))
}

/// The tables that a delete from `root` deletes from, `root` first; and for each table there is its
/// position among them.
fn deleted_tables(catalog: &Catalog, root: TableId) -> (Vec<TableId>, Vec<Option<usize>>) {
    let mut position = vec![None; catalog.table_count()];
    position[root.0 as usize] = Some(0);
    let mut tables = vec![root];
    let mut at = 0;
    while at < tables.len() {
        for &id in catalog.referenced_by(tables[at]) {
            let key = catalog.constraint(id);
            let position = &mut position[key.table.0 as usize];
            if key.delete_rule() == ReferentialAction::Cascade && position.is_none() {
                *position = Some(tables.len());
                tables.push(key.table);
            }
        }
        at += 1;
    }
    (tables, position)
}

/// Whether rows of a table can be reached from its own rows over actions, of which only CASCADE
/// goes on.
fn reaches_itself(catalog: &Catalog, root: TableId) -> bool {
    let acts = |table: TableId| {
        let keys = catalog.referenced_by(table).iter().map(|&id| catalog.constraint(id));
        keys.filter(|key| key.delete_rule() != ReferentialAction::NoAction)
    };
    let mut is_seen = vec![false; catalog.table_count()];
    let mut waiting = vec![root];
    while let Some(table) = waiting.pop() {
        for key in acts(table) {
            if key.table == root {
                return true;
            }
            if !std::mem::replace(&mut is_seen[key.table.0 as usize], true) {
                waiting.push(key.table);
            }
        }
    }
    false
}

/// The nodes that a node's cascades lead to.
fn cascades(node: &Node) -> impl Iterator<Item = usize> {
    let cascades = node.edges.iter().filter(|edge| edge.action == ReferentialAction::Cascade);
    cascades.map(|edge| edge.node)
}

/// How many actions can nest; `None` if there is a cycle.
fn longest_path(nodes: &[Node]) -> Option<usize> {
    // Node → how many unfinished edges lead to it.
    let mut incoming = vec![0_usize; nodes.len()];
    nodes.iter().flat_map(cascades).for_each(|node| incoming[node] += 1);
    let mut length = vec![0_usize; nodes.len()];
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|&node| incoming[node] == 0).collect();
    let mut finished = 0;
    while let Some(at) = ready.pop() {
        finished += 1;
        for next in cascades(&nodes[at]) {
            length[next] = length[next].max(length[at] + 1);
            incoming[next] -= 1;
            if incoming[next] == 0 {
                ready.push(next);
            }
        }
    }
    // The last table's own actions are entered, too.
    (finished == nodes.len()).then(|| length.into_iter().max().unwrap_or_default() + 1)
}
