//! Bytes become schemas and operations: what the strategies and the fuzz target have in common.
//!
//! Every string of bytes is a script. It is read in records of fixed size, one for each table and
//! each operation, so that taking one away leaves the others what they were; and within a record
//! every choice is a byte of its own of which 0 is the simplest, so that making bytes smaller makes
//! scripts simpler. Keys are few, so that rows collide; sizes are bounded.
//!
//! An operation chooses its names among those that exist at that point. To know them, the script is
//! carried out on a database while it is read.

use super::Operation;
use crate::catalog::{
    Catalog, Column, ConstraintMode, ForeignKey, Index, ReferentialAction, Table, TableEntry,
};
use crate::database::{
    Control, Database, Delete, Dialect, Enforcement, Insert, OnConflict, RowValues, Selector,
    Statement, Update, Upsert,
};
use crate::expression::{Expression, col, lit};
use crate::id::RowId;
use crate::value::{Collation, DataType, Value};
use std::fmt;

/// Bytes of a table's record.
pub const TABLE_BYTES: usize = 44;
/// Bytes of an operation's record.
pub const OPERATION_BYTES: usize = 20;
/// How many tables a schema has at most.
pub const TABLES_MAX: usize = 5;
/// How many operations a script has at most, besides those that create its schema.
pub const OPERATIONS_MAX: usize = 64;

/// A database's beginning and what is then done to it. Its `Debug` is SQL that SQLite's shell runs.
#[derive(Clone, PartialEq)]
pub struct Script {
    /// Whether foreign keys are acted on at first.
    pub enforcement: Enforcement,
    /// The limit of nested actions.
    pub depth_limit: usize,
    /// What is done.
    pub operations: Vec<Operation>,
}

impl Script {
    /// An empty database as the script wants it.
    pub fn database(&self) -> Database {
        let dialect = Dialect::sqlite().with_depth_limit(Some(self.depth_limit));
        Database::with_dialect(self.enforcement, dialect)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut db = self.database();
        writeln!(f, "\n.limit trigger_depth {}", self.depth_limit)?;
        writeln!(f, "{};", Operation::SetEnforcement(self.enforcement).to_sql(db.catalog()))?;
        for operation in &self.operations {
            writeln!(f, "{};", operation.to_sql(db.catalog()))?;
            // A refusal is part of the script.
            let _ = operation.apply(&mut db);
        }
        Ok(())
    }
}

/// The script that any bytes are: one for how to begin, one for the number of tables, and records.
pub fn operations(bytes: &[u8]) -> Script {
    let (head, rest) = bytes.split_at(bytes.len().min(2));
    let mut head = Choices::new(head);
    let settings = head.next();
    let tables = (head.pick(TABLES_MAX) + 1) * TABLE_BYTES;
    let (tables, operations) = rest.split_at(rest.len().min(tables));
    let tables: Vec<_> = tables.chunks(TABLE_BYTES).collect();
    let operations: Vec<_> = operations.chunks(OPERATION_BYTES).take(OPERATIONS_MAX).collect();
    script(settings, &tables, &operations)
}

/// The script of these records.
pub fn script(settings: u8, tables: &[&[u8]], operations: &[&[u8]]) -> Script {
    let enforcement = if settings % 8 < 7 { Enforcement::On } else { Enforcement::Off };
    let depth_limit = [40, 40, 40, 2][usize::from(settings / 8 % 4)];
    let mut script = Script { enforcement, depth_limit, operations: Vec::new() };
    let mut db = script.database();
    for table in schema(tables) {
        script.push(&mut db, Operation::CreateTable(table));
    }
    for record in operations {
        let operation = operation(&mut Choices::new(record), db.catalog());
        script.push(&mut db, operation);
    }
    script
}

impl Script {
    fn push(&mut self, db: &mut Database, operation: Operation) {
        // What is refused stays in the script: to be refused is something to be compared.
        let _ = operation.apply(db);
        self.operations.push(operation);
    }
}

/// The tables of these records; there is at least one.
pub fn schema(records: &[&[u8]]) -> Vec<Table> {
    let mut choices: Vec<_> =
        records.iter().take(TABLES_MAX).map(|record| Choices::new(record)).collect();
    if choices.is_empty() {
        choices.push(Choices::new(&[]));
    }
    let keys: Vec<_> = choices.iter_mut().map(|choices| KeyShape::ALL[choices.pick(16)]).collect();
    choices.iter_mut().enumerate().map(|(at, choices)| table(choices, at, &keys)).collect()
}

/// The key that a table offers.
#[derive(Clone, Copy, PartialEq)]
enum KeyShape {
    /// `id INTEGER PRIMARY KEY`.
    RowId,
    /// `id TEXT PRIMARY KEY`.
    Text,
    /// `PRIMARY KEY (id, a)`.
    Composite,
    /// `id INTEGER UNIQUE`.
    Unique,
    /// None at all.
    None,
}

impl KeyShape {
    /// As often as they are to be chosen.
    const ALL: [KeyShape; 16] = {
        use KeyShape::{Composite, None, RowId, Text, Unique};
        [
            RowId, RowId, RowId, RowId, RowId, RowId, RowId, RowId, Composite, Composite,
            Composite, Unique, Unique, Text, Text, None,
        ]
    };
}

const COLUMN_NAMES: [&str; 3] = ["a", "b", "c"];

fn table(choices: &mut Choices<'_>, at: usize, keys: &[KeyShape]) -> Table {
    let mut table = Table::new(format!("t{at}"));
    let id = if keys[at] == KeyShape::Text { Column::text("id") } else { Column::integer("id") };
    let id = match keys[at] {
        KeyShape::RowId | KeyShape::Text => id.primary_key(),
        KeyShape::Unique => id.unique(),
        KeyShape::Composite | KeyShape::None => id,
    };
    let id = if choices.one_in(16) { reference(choices, id, keys) } else { id };
    table = table.column(id);
    let columns = &COLUMN_NAMES[..choices.pick(3) + 1];
    for name in columns {
        table = table.column(column(choices, name, keys));
    }
    if keys[at] == KeyShape::Composite {
        table = table.primary_key(["id", "a"]);
    }
    if columns.len() < 2 {
        return table;
    }
    if choices.one_in(6) {
        table = table.unique(["a", "b"]);
    }
    match choices.one_in(3) {
        true => table.foreign_key(composite_reference(choices, keys)),
        false => table,
    }
}

fn column(choices: &mut Choices<'_>, name: &str, keys: &[KeyShape]) -> Column {
    let mut column = match choices.pick(16) {
        0..12 => Column::integer(name),
        12 | 13 => Column::text(name),
        14 => Column::text(name).collate(Collation::NoCase),
        _ => Column::new(name, DataType::Any),
    };
    match choices.pick(16) {
        10 | 11 => column = column.not_null(),
        12 => column = column.check(col(name).ne(4)),
        13..16 => column = column.unique(),
        _ => {}
    }
    if choices.one_in(3) {
        column = column.default(lit(choices.number()));
    }
    if choices.pick(8) < 5 { reference(choices, column, keys) } else { column }
}

/// A column with REFERENCES: usually the key that the referenced table offers.
fn reference(choices: &mut Choices<'_>, column: Column, keys: &[KeyShape]) -> Column {
    let target = choices.pick(keys.len());
    let name = format!("t{target}");
    let column = match choices.pick(16) {
        0..13 if keys[target] == KeyShape::Unique => column.references(name, "id"),
        0..13 => column.references_key(name),
        13 => column.references(name, "a"),
        _ => column.references(name, "id"),
    };
    let rules = Rules::draw(choices);
    column.on_delete(rules.on_delete).on_update(rules.on_update).mode(rules.mode)
}

/// FOREIGN KEY over two columns: to a table with a key of two, if there is one.
fn composite_reference(choices: &mut Choices<'_>, keys: &[KeyShape]) -> ForeignKey {
    let composite: Vec<_> = (0..keys.len()).filter(|at| keys[*at] == KeyShape::Composite).collect();
    let columns = if choices.one_in(3) { ["b", "a"] } else { ["a", "b"] };
    let key = match composite.as_slice() {
        [] => ForeignKey::new(columns, format!("t{}", choices.pick(keys.len())), ["a", "b"]),
        some => ForeignKey::to_key(columns, format!("t{}", some[choices.pick(some.len())])),
    };
    let rules = Rules::draw(choices);
    key.on_delete(rules.on_delete).on_update(rules.on_update).mode(rules.mode)
}

struct Rules {
    on_delete: ReferentialAction,
    on_update: ReferentialAction,
    mode: ConstraintMode,
}

impl Rules {
    fn draw(choices: &mut Choices<'_>) -> Self {
        let (on_delete, on_update) = (choices.pick(5), choices.pick(5));
        let mode = match choices.pick(8) {
            0..4 => ConstraintMode::NotDeferrable,
            4 => ConstraintMode::DeferrableInitiallyImmediate,
            _ => ConstraintMode::DeferrableInitiallyDeferred,
        };
        let (on_delete, on_update) =
            (ReferentialAction::ALL[on_delete], ReferentialAction::ALL[on_update]);
        Rules { on_delete, on_update, mode }
    }
}

fn operation(choices: &mut Choices<'_>, catalog: &Catalog) -> Operation {
    let kind = choices.pick(64);
    let tables: Vec<_> = catalog.tables().collect();
    if tables.is_empty() && !(40..54).contains(&kind) {
        return create_table(choices, 0);
    }
    let table = |choices: &mut Choices<'_>| tables[choices.pick(tables.len())];
    match kind {
        0..20 => insert(choices, table),
        20..32 => Operation::Statement(update(choices, table).into()),
        32..40 => {
            let table = table(choices);
            let delete = Delete::from(table.name()).filter(selector(choices, table));
            Operation::Statement(Statement::Delete(delete))
        }
        40..50 => Operation::Control(control(choices)),
        50..52 => Operation::SetDeferAll(choices.pick(4) < 3),
        52..54 => Operation::SetEnforcement(match choices.pick(2) {
            0 => Enforcement::On,
            _ => Enforcement::Off,
        }),
        54..56 => create_index(choices, table),
        56 => drop_index(choices, catalog),
        57 => create_table(choices, tables.len()),
        58 | 59 => Operation::DropTable(table(choices).name().to_owned()),
        60 => {
            let (table, to) = (table(choices).name().to_owned(), format!("t{}", choices.pick(6)));
            Operation::RenameTable { table, to }
        }
        61 => {
            let table = table(choices);
            let column = column_of(choices, table);
            let to = ["a", "b", "c", "d", "id"][choices.pick(5)].to_owned();
            Operation::RenameColumn { table: table.name().to_owned(), column, to }
        }
        62 => {
            let table = table(choices).name().to_owned();
            let name = ["d", "e"][choices.pick(2)];
            let keys = vec![KeyShape::RowId; tables.len()];
            Operation::AddColumn { table, column: column(choices, name, &keys) }
        }
        _ => {
            let table = table(choices);
            let column = column_of(choices, table);
            Operation::DropColumn { table: table.name().to_owned(), column }
        }
    }
}

fn create_table(choices: &mut Choices<'_>, count: usize) -> Operation {
    let shape = KeyShape::ALL[choices.pick(16)];
    let at = choices.pick(count.min(TABLES_MAX) + 1);
    Operation::CreateTable(table(choices, at, &vec![shape; at.max(1) + 1]))
}

fn create_index<'a>(
    choices: &mut Choices<'_>,
    table: impl Fn(&mut Choices<'_>) -> &'a std::sync::Arc<TableEntry>,
) -> Operation {
    let table = table(choices);
    let mut columns = vec![column_of(choices, table)];
    if choices.one_in(4) {
        let second = column_of(choices, table);
        columns.extend(Some(second).filter(|second| *second != columns[0]));
    }
    let name = format!("i{}", choices.pick(3));
    let mut index = Index::new(name, table.name(), columns);
    if choices.pick(2) == 0 {
        index = index.unique();
    }
    if choices.one_in(6) {
        index = index.filter(col(column_of(choices, table)).gt(1));
    }
    Operation::CreateIndex(index)
}

fn drop_index(choices: &mut Choices<'_>, catalog: &Catalog) -> Operation {
    let names: Vec<_> = catalog.index_names().collect();
    let name = match names.len() {
        0 => "i0",
        count => names[choices.pick(count)],
    };
    Operation::DropIndex(name.to_owned())
}

fn insert<'a>(
    choices: &mut Choices<'_>,
    table: impl Fn(&mut Choices<'_>) -> &'a std::sync::Arc<TableEntry>,
) -> Operation {
    let table = table(choices);
    let clause = choices.pick(16);
    let count = [1, 1, 2, 3][choices.pick(4)];
    let is_named = choices.one_in(4);
    let left_out = if is_named { choices.pick(table.columns.len()) } else { 0 };
    let mut insert = Insert::into(table.name());
    for _ in 0..count {
        let values = table.definition.columns().iter().map(|_| choices.value());
        let row = match is_named {
            false => RowValues::Positional(values.collect()),
            true => {
                let names = table.definition.columns().iter().map(|column| column.name());
                let named = names.map(str::to_owned).zip(values.collect::<Vec<_>>());
                let kept = named.enumerate().filter(|(at, _)| *at != left_out);
                RowValues::Named(kept.map(|(_, pair)| pair).collect())
            }
        };
        insert = insert.row(row);
    }
    // SQLite has no row without columns here.
    if insert.rows.iter().any(|row| matches!(row, RowValues::Named(named) if named.is_empty())) {
        return Operation::Statement(Delete::from(table.name()).into());
    }
    let insert = insert.on_conflict(match clause {
        0..9 => OnConflict::Abort,
        9 => OnConflict::Ignore,
        10..14 => OnConflict::Replace,
        _ => OnConflict::Upsert(upsert(choices, table)),
    });
    Operation::Statement(insert.into())
}

fn upsert(choices: &mut Choices<'_>, table: &TableEntry) -> Upsert {
    let keys = table.definition.keys();
    let upsert = match (choices.pick(4), keys.len()) {
        (0, _) | (_, 0) => return Upsert::any(),
        (_, count) => Upsert::on(keys[choices.pick(count)].columns().to_vec()),
    };
    let column = column_of(choices, table);
    match choices.pick(4) {
        0 => upsert,
        1 => upsert.set(column, lit(choices.value())),
        2 => upsert.set(column.clone(), col(format!("excluded.{column}"))),
        _ => upsert.set(column.clone(), col(column.clone()) + 1).filter(col(column).gt(1)),
    }
}

fn update<'a>(
    choices: &mut Choices<'_>,
    table: impl Fn(&mut Choices<'_>) -> &'a std::sync::Arc<TableEntry>,
) -> Update {
    let table = table(choices);
    let clause = choices.pick(12);
    let mut update = Update::of(table.name()).filter(selector(choices, table));
    let mut named: Vec<String> = Vec::new();
    for _ in 0..choices.pick(2) + 1 {
        let column = column_of(choices, table);
        let value = match choices.pick(8) {
            0..5 => lit(choices.value()),
            5 => col(column.clone()) + 1,
            6 => col(column_of(choices, table)),
            _ => lit(3) - col(column.clone()),
        };
        if !named.contains(&column) {
            named.push(column.clone());
            update = update.set(column, value);
        }
    }
    update.on_conflict(match clause {
        0..9 => OnConflict::Abort,
        9 => OnConflict::Ignore,
        _ => OnConflict::Replace,
    })
}

fn selector(choices: &mut Choices<'_>, table: &TableEntry) -> Selector {
    let key = table.definition.primary_key_columns().len();
    match choices.pick(8) {
        0 => Selector::All,
        1 | 2 if key > 0 => Selector::Key((0..key).map(|_| choices.value()).collect()),
        1..4 => Selector::RowId(RowId(choices.number())),
        _ => Selector::Filter(predicate(choices, table)),
    }
}

fn predicate(choices: &mut Choices<'_>, table: &TableEntry) -> Expression {
    let column = col(column_of(choices, table));
    match choices.pick(8) {
        0..4 => column.eq(lit(choices.value())),
        4 => column.is_null(),
        5 => column.gt(choices.number()),
        6 => column.in_list([choices.number(), choices.number()]),
        _ => column.ge(choices.number()).or(col(column_of(choices, table)).is_null()),
    }
}

fn control(choices: &mut Choices<'_>) -> Control {
    let name = |choices: &mut Choices<'_>| format!("s{}", choices.pick(2));
    match choices.pick(16) {
        0..5 => Control::Begin,
        5..8 => Control::Commit,
        8 | 9 => Control::Rollback,
        10..12 => Control::Savepoint(name(choices)),
        12 | 13 => Control::Release(name(choices)),
        _ => Control::RollbackTo(name(choices)),
    }
}

fn column_of(choices: &mut Choices<'_>, table: &TableEntry) -> String {
    let columns = table.definition.columns();
    columns[choices.pick(columns.len())].name().to_owned()
}

/// Bytes as choices; after the last one, every choice is the first.
struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Choices<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Choices { bytes: bytes.iter() }
    }

    fn next(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// One of `count`: a smaller byte never chooses a later one.
    fn pick(&mut self, count: usize) -> usize {
        usize::from(self.next()) * count / 256
    }

    /// Rather not; 1 time in `count`.
    fn one_in(&mut self, count: usize) -> bool {
        self.pick(count) == count - 1
    }

    /// A key.
    fn number(&mut self) -> i64 {
        self.pick(6) as i64
    }

    /// Mostly a small integer; also NULL, and what is one only to some columns.
    fn value(&mut self) -> Value {
        match self.pick(32) {
            at @ 0..24 => Value::Integer(at as i64 % 6),
            24..28 => Value::Null,
            28 => Value::from("1"),
            29 => Value::from("a"),
            30 => Value::from("A"),
            _ => Value::Real(2.0),
        }
    }
}
