//! What a delete from a table can reach: everything about a walk that definitions decide.

use super::super::dialect::ActionOrder;
use super::super::{Dialect, MatchFull, Programs};
use crate::catalog::{Catalog, ForeignKeyEntry, IndexEntry, ReferentialAction, TableEntry};
use crate::error::Event;
use crate::id::{ConstraintId, IndexId, TableId};
use crate::referential::program::Timing;
use crate::value::Value;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::OnceLock;

/// The footprint of a delete from each table of one schema, made when it is first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprints(OnceLock<Vec<OnceLock<Footprint>>>);

/// The tables that a delete reaches over CASCADE, and the foreign keys that it meets there.
#[derive(Clone, Debug)]
pub(super) struct Footprint {
    /// The root table first.
    pub(super) nodes: Vec<Node>,
    /// By number: those of the first node, then those of the second, and so on.
    pub(super) edges: Vec<Edge>,
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
    /// The numbers of the foreign keys that reference it, in the dialect's order.
    pub(super) edges: Range<usize>,
}

/// A foreign key that references a table of the walk.
#[derive(Clone, Debug)]
pub(super) struct Edge {
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
        let (nodes, edges) = reach(catalog, dialect, root);
        let has_program = |table: TableId, event: Event| {
            let mut both = [Timing::Before, Timing::After].into_iter();
            both.any(|timing| programs.any(table, event, timing))
        };
        let writing: Vec<&Edge> = edges.iter().filter(|edge| edge.writes()).collect();
        // Clause 2, for what is computed from what would be written.
        let generates = writing.iter().any(|edge| !catalog.by_id(edge.table).generated.is_empty());
        // Clause 1.
        let runs_programs = nodes.iter().any(|node| has_program(node.table, Event::Delete))
            || writing.iter().any(|edge| has_program(edge.table, Event::Update));
        // Clause 2.
        let writes_keys = writing.iter().any(|edge| is_used_elsewhere(catalog, edge));
        let writes_other =
            writing.iter().any(|edge| edges.iter().any(|other| edge.writes_columns_of(other)));
        // Clause 6.
        let frees_keys =
            writing.iter().any(|edge| edge.is_deleted_from && sets_unique(catalog, edge));
        let rechecks = dialect.set_default_recheck || dialect.match_full == MatchFull::Enforced;
        let sets_default =
            rechecks && writing.iter().any(|edge| edge.action == ReferentialAction::SetDefault);
        let runs_programs = runs_programs && !is_mutant!(WalkIgnoresPrograms);
        let writes_keys = writes_keys && !is_mutant!(WalkWritesKeys);
        let writes_other = writes_other && !is_mutant!(WalkWritesOtherKeys);
        let frees_keys = frees_keys && !is_mutant!(WalkFreesKeys);
        let longest = longest_path(&nodes, &edges);
        let is_written = |table: TableId| writing.iter().any(|edge| edge.table == table);
        let is_told = |edge: &Edge| match edge.action {
            ReferentialAction::SetNull => edge.sets_bits && !edge.is_refused,
            ReferentialAction::SetDefault => false,
            ReferentialAction::Restrict => !edge.is_deleted_from && !is_written(edge.table),
            ReferentialAction::Cascade | ReferentialAction::NoAction => true,
        };
        let tells_refusals = edges.iter().all(is_told);
        let acts_on_root =
            |edge: &Edge| edge.table == root && edge.action != ReferentialAction::NoAction;
        let reaches_itself = edges.iter().any(acts_on_root);
        Footprint {
            is_exact: generates
                || runs_programs
                || writes_keys
                || writes_other
                || frees_keys
                || sets_default,
            takes_roots_alone: reaches_itself && !is_mutant!(WalkTakesRootsTogether),
            tells_refusals,
            is_cyclic: longest.is_none(),
            longest: longest.unwrap_or(usize::MAX),
            refuses_root: catalog.by_id(root).is_named_by_row_id()
                && edges[nodes[0].edges.clone()].iter().all(|edge| match edge.action {
                    ReferentialAction::Restrict | ReferentialAction::NoAction => edge.table != root,
                    ReferentialAction::Cascade
                    | ReferentialAction::SetNull
                    | ReferentialAction::SetDefault => false,
                }),
            nodes,
            edges,
        }
    }

    /// The foreign keys that reference the table of a node, in the dialect's order.
    #[inline]
    pub(super) fn edges_of(&self, node: usize) -> &[Edge] {
        &self.edges[self.nodes[node].edges.clone()]
    }
}

impl Edge {
    /// It is to be told its node, and whether there is one.
    fn new(catalog: &Catalog, key: &ForeignKeyEntry) -> Self {
        let table = catalog.by_id(key.table);
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
            constraint: key.id,
            table: key.table,
            index: key.index,
            action,
            node: 0,
            is_deleted_from: false,
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

/// The tables that a delete from `root` deletes from, `root` first, and the foreign keys that
/// reference them.
fn reach(catalog: &Catalog, dialect: &Dialect, root: TableId) -> (Vec<Node>, Vec<Edge>) {
    /// For how many there is room without asking for more.
    const ROOM: usize = 16;
    // Table → its node.
    let mut place = vec![None; catalog.table_count()];
    place[root.0 as usize] = Some(0);
    let mut nodes = Vec::with_capacity(ROOM);
    let mut edges: Vec<Edge> = Vec::with_capacity(ROOM);
    nodes.push(Node { table: root, edges: 0..0 });
    let mut at = 0;
    while at < nodes.len() {
        let from = edges.len();
        for key in keys_of(catalog, dialect, nodes[at].table) {
            let place = &mut place[key.table.0 as usize];
            if key.delete_rule() == ReferentialAction::Cascade && place.is_none() {
                *place = Some(nodes.len());
                nodes.push(Node { table: key.table, edges: 0..0 });
            }
            edges.push(Edge::new(catalog, key));
        }
        nodes[at].edges = from..edges.len();
        at += 1;
    }
    for edge in &mut edges {
        let node = place[edge.table.0 as usize];
        (edge.node, edge.is_deleted_from) = (node.unwrap_or_default(), node.is_some());
    }
    (nodes, edges)
}

/// The nodes that cascades over these edges lead to.
fn cascades(edges: &[Edge]) -> impl Iterator<Item = usize> {
    edges.iter().filter(|edge| edge.action == ReferentialAction::Cascade).map(|edge| edge.node)
}

/// How many actions can nest; `None` if there is a cycle.
fn longest_path(nodes: &[Node], edges: &[Edge]) -> Option<usize> {
    // Node → how many unfinished edges lead to it.
    let mut incoming = vec![0_usize; nodes.len()];
    cascades(edges).for_each(|node| incoming[node] += 1);
    let mut length = vec![0_usize; nodes.len()];
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|&node| incoming[node] == 0).collect();
    let mut finished = 0;
    while let Some(at) = ready.pop() {
        finished += 1;
        for next in cascades(&edges[nodes[at].edges.clone()]) {
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
