//! Bytes become schemas and operations: what the strategies and the fuzz target have in common.
//!
//! Every string of bytes is a script. It is read in records of fixed size, one for each table and
//! each operation, so that taking one away leaves the others what they were; and within a record
//! every choice is a byte of its own of which 0 is the simplest, so that making bytes smaller makes
//! scripts simpler. Keys are few, so that rows collide; sizes are bounded.
//!
//! An operation chooses its names, and most of its keys, among those that exist at that point. To
//! know them, the script is carried out on a database while it is read.

use super::Operation;
use crate::RowId;
use crate::catalog::{
    Catalog, Column, ConstraintMode, ForeignKey, Index, ReferentialAction, Table, TableEntry,
    TableId,
};
use crate::database::{
    Control, Database, Delete, Dialect, Enforcement, Insert, OnConflict, RowValues, Selector,
    Statement, Update, Upsert,
};
use crate::expression::{Expression, col, lit};
use crate::value::{Collation, DataType, Value};
use std::fmt;

/// Bytes of a table's record.
pub const TABLE_BYTES: usize = 44;
/// Bytes of an operation's record.
pub const OPERATION_BYTES: usize = 40;
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
        let operation = operation(&mut Choices::new(record), &db);
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
    let shapes = choices.iter_mut().map(|choices| KeyShape::ALL[choices.pick(16)]);
    let keys = Keys(shapes.enumerate().map(|(at, shape)| (format!("t{at}"), shape)).collect());
    let tables = choices.iter_mut().zip(&keys.0);
    tables.map(|(choices, (name, shape))| table(choices, name, *shape, &keys)).collect()
}

/// The key that a table offers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum KeyShape {
    /// `id INTEGER PRIMARY KEY`.
    RowId,
    /// `id TEXT PRIMARY KEY`.
    Text,
    /// `PRIMARY KEY (id, a)`.
    Composite,
    /// `id INTEGER UNIQUE`.
    Unique,
    /// `UNIQUE (a, b)`, beside a row id.
    Pair,
    /// None at all.
    None,
}

impl KeyShape {
    /// As often as they are to be chosen.
    const ALL: [KeyShape; 16] = {
        use KeyShape::{Composite, None, Pair, RowId, Text, Unique};
        [
            RowId, RowId, RowId, RowId, RowId, RowId, RowId, Composite, Composite, Composite,
            Unique, Unique, Pair, Pair, Text, None,
        ]
    };
}

const COLUMN_NAMES: [&str; 3] = ["a", "b", "c"];

fn table(choices: &mut Choices<'_>, name: &str, shape: KeyShape, keys: &Keys) -> Table {
    let mut table = Table::new(name);
    let id = if shape == KeyShape::Text { Column::text("id") } else { Column::integer("id") };
    let id = match shape {
        KeyShape::RowId | KeyShape::Text | KeyShape::Pair => id.primary_key(),
        KeyShape::Unique => id.unique(),
        KeyShape::Composite | KeyShape::None => id,
    };
    let id = if choices.one_in(16) { reference(choices, id, keys) } else { id };
    table = table.column(id);
    let least = if shape == KeyShape::Pair { 2 } else { 1 };
    let columns = &COLUMN_NAMES[..choices.pick(3).max(least - 1) + 1];
    for name in columns {
        table = table.column(column(choices, name, keys));
    }
    if shape == KeyShape::Composite {
        table = table.primary_key(["id", "a"]);
    }
    if shape == KeyShape::Pair {
        table = table.unique(["a", "b"]);
    }
    if columns.len() >= 2 && choices.pick(2) == 1 {
        let key = composite_reference(choices, keys);
        return key.into_iter().fold(table, Table::foreign_key);
    }
    table
}

fn column(choices: &mut Choices<'_>, name: &str, keys: &Keys) -> Column {
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

/// A column with REFERENCES to a table that offers a key of one column, if there is one; now and
/// then to what is no key.
fn reference(choices: &mut Choices<'_>, column: Column, keys: &Keys) -> Column {
    let (kind, target) = (choices.next(), choices.next());
    let rules = Rules::draw(choices);
    let singles = keys.of(&[KeyShape::RowId, KeyShape::Unique, KeyShape::Text]);
    let column = match (kind, pick_from(target, &singles), pick_from(target, &keys.0)) {
        (255, _, Some((name, _))) => column.references(name, "a"),
        (254, _, Some((name, _))) => column.references_key(name),
        (253, ..) => column.references_key("t9"),
        (_, Some((name, KeyShape::Unique)), _) => column.references(name, "id"),
        (230..253, Some((name, _)), _) => column.references(name, "id"),
        (_, Some((name, _)), _) => column.references_key(name),
        (_, None, _) => return column,
    };
    column.on_delete(rules.on_delete).on_update(rules.on_update).mode(rules.mode)
}

/// FOREIGN KEY over two columns, to a table that offers such a key, if there is one.
fn composite_reference(choices: &mut Choices<'_>, keys: &Keys) -> Option<ForeignKey> {
    let (order, target) = (choices.one_in(3), choices.next());
    let rules = Rules::draw(choices);
    let columns = if order { ["b", "a"] } else { ["a", "b"] };
    let composites = keys.of(&[KeyShape::Composite, KeyShape::Pair]);
    let key = match pick_from(target, &composites)? {
        (name, KeyShape::Pair) => ForeignKey::new(columns, name, ["a", "b"]),
        (name, _) => ForeignKey::to_key(columns, name),
    };
    Some(key.on_delete(rules.on_delete).on_update(rules.on_update).mode(rules.mode))
}

fn pick_from<T>(byte: u8, list: &[T]) -> Option<&T> {
    list.get(usize::from(byte) * list.len() / 256)
}

/// The tables that there are or will be, with the key that each offers.
struct Keys(Vec<(String, KeyShape)>);

impl Keys {
    fn of(&self, shapes: &[KeyShape]) -> Vec<(String, KeyShape)> {
        self.0.iter().filter(|(_, shape)| shapes.contains(shape)).cloned().collect()
    }

    fn of_catalog(catalog: &Catalog) -> Self {
        let shape = |table: &TableEntry| match table.definition.primary_key_columns() {
            [_] if table.row_id_column.is_some() => KeyShape::RowId,
            [_] => KeyShape::Text,
            [_, _] => KeyShape::Composite,
            _ => KeyShape::None,
        };
        Keys(catalog.tables().map(|table| (table.name().to_owned(), shape(table))).collect())
    }
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

fn operation(choices: &mut Choices<'_>, db: &Database) -> Operation {
    let kind = choices.next();
    let tables: Vec<_> = db.catalog().tables().collect();
    let Some(table) = pick_from(choices.next(), &tables) else {
        return create_table(choices, db.catalog());
    };
    // What is referenced is more worth changing.
    let referenced = tables.iter().filter(|table| !db.catalog().referenced_by(table.id).is_empty());
    let referenced: Vec<_> = referenced.filter(|table| has_rows(db, table)).collect();
    let missed = tables.iter().filter(|table| !db.catalog().referenced_by(table.id).is_empty());
    let table = match (kind, pick_from(choices.next(), &referenced)) {
        (104..156, Some(referenced)) => referenced,
        (44..88, _) => missed.into_iter().find(|table| !has_rows(db, table)).unwrap_or(table),
        _ => table,
    };
    let is_empty = !has_rows(db, table);
    match kind {
        0..88 => insert(choices, db, table),
        88..172 if is_empty => insert(choices, db, table),
        88..136 => Operation::Statement(update(choices, db, table).into()),
        136..172 => {
            let delete = Delete::from(table.name()).filter(selector(choices, db, table));
            Operation::Statement(Statement::Delete(delete))
        }
        172..212 => Operation::Control(control(choices)),
        212..221 => Operation::SetDeferAll(choices.pick(4) < 3),
        221..226 => Operation::SetEnforcement(match choices.pick(2) {
            0 => Enforcement::On,
            _ => Enforcement::Off,
        }),
        226..234 => create_index(choices, table),
        _ => schema_change(choices, kind, db.catalog(), table),
    }
}

fn has_rows(db: &Database, table: &TableEntry) -> bool {
    db.row_count(table.name()).is_ok_and(|count| count > 0)
}

fn schema_change(
    choices: &mut Choices<'_>,
    kind: u8,
    catalog: &Catalog,
    table: &TableEntry,
) -> Operation {
    let name = table.name().to_owned();
    match kind {
        ..236 => drop_index(choices, catalog),
        236..239 => create_table(choices, catalog),
        239..241 => Operation::DropTable(name),
        241..244 => Operation::RenameTable { table: name, to: format!("t{}", choices.pick(6)) },
        244..247 => {
            let column = column_of(choices, table);
            let to = ["a", "b", "c", "d", "id"][choices.pick(5)].to_owned();
            Operation::RenameColumn { table: name, column, to }
        }
        247..252 => {
            let column_name = ["d", "e"][choices.pick(2)];
            let column = column(choices, column_name, &Keys::of_catalog(catalog));
            Operation::AddColumn { table: name, column }
        }
        252.. => Operation::DropColumn { table: name, column: column_of(choices, table) },
    }
}

fn create_table(choices: &mut Choices<'_>, catalog: &Catalog) -> Operation {
    let shape = KeyShape::ALL[choices.pick(16)];
    let mut free = (0..=TABLES_MAX).map(|at| format!("t{at}"));
    let name = free.find(|name| catalog.find_table(name).is_none() || choices.one_in(8));
    let name = name.unwrap_or_else(|| "t0".to_owned());
    let mut keys = Keys::of_catalog(catalog);
    keys.0.push((name.clone(), shape));
    Operation::CreateTable(table(choices, &name, shape, &keys))
}

fn create_index(choices: &mut Choices<'_>, table: &TableEntry) -> Operation {
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
        0 => "i0".to_owned(),
        count => names[choices.pick(count)].clone(),
    };
    Operation::DropIndex(name)
}

fn insert(choices: &mut Choices<'_>, db: &Database, table: &TableEntry) -> Operation {
    let clause = choices.pick(16);
    let count = [1, 2, 3, 3][choices.pick(4)];
    let is_named = choices.one_in(4);
    let left_out = if is_named { choices.pick(table.columns.len()) } else { 0 };
    let mut insert = Insert::into(table.name());
    for _ in 0..count {
        let values = row(choices, db, table);
        let row = match is_named {
            false => RowValues::Positional(values),
            true => {
                let names = table.definition.columns().iter().map(|column| column.name());
                let named = names.map(str::to_owned).zip(values);
                let kept = named.enumerate().filter(|(at, _)| *at != left_out);
                RowValues::Named(kept.map(|(_, pair)| pair).collect())
            }
        };
        insert = insert.row(row);
    }
    // SQL has no row without columns.
    if is_named && table.columns.len() == 1 {
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

/// A row that usually references rows that are there.
fn row(choices: &mut Choices<'_>, db: &Database, table: &TableEntry) -> Vec<Value> {
    let mut values: Vec<_> = table.columns.iter().map(|_| choices.value()).collect();
    if let Some(at) = table.row_id_column.filter(|_| choices.pick(2) == 1) {
        values[at] = Value::Null;
    }
    for key in &table.foreign_keys {
        let target = choices.next();
        let Some(to) = key.resolved().filter(|_| target < 224) else { continue };
        let referenced = any_row(db, to.table, target.wrapping_mul(5));
        for (&own, &other) in key.columns.iter().zip(&to.columns) {
            match &referenced {
                Some(row) => values[own] = row[other].clone(),
                None if table.columns[own].not_null => {}
                None => values[own] = Value::Null,
            }
        }
    }
    values
}

fn any_row(db: &Database, table: TableId, byte: u8) -> Option<Vec<Value>> {
    let name = db.catalog().find_by_id(table)?.name();
    let rows = db.find(name, Selector::All).ok()?;
    pick_from(byte, &rows).map(|(_, row)| row.to_vec())
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
        2 => upsert.set(column.clone(), col(("excluded", column))),
        _ => upsert.set(column.clone(), col(column.clone()) + 1).filter(col(column).gt(1)),
    }
}

fn update(choices: &mut Choices<'_>, db: &Database, table: &TableEntry) -> Update {
    let clause = choices.pick(12);
    let mut update = Update::of(table.name()).filter(selector(choices, db, table));
    let mut named: Vec<String> = Vec::new();
    for _ in 0..choices.pick(2) + 1 {
        let all = table.columns.len();
        // Keys come first, and are more worth changing.
        let position = choices.pick(all * 2).saturating_sub(all);
        let column = table.definition.columns()[position].name().to_owned();
        let value = match choices.pick(8) {
            0 | 1 => lit(choices.value()),
            2..5 => lit(row(choices, db, table).swap_remove(position)),
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

/// Usually rows that are there.
fn selector(choices: &mut Choices<'_>, db: &Database, table: &TableEntry) -> Selector {
    let kind = choices.pick(8);
    let key = table.naming_columns();
    let row = any_row(db, table.id, choices.next());
    match (kind, row, key) {
        (0, ..) => Selector::All,
        (1..4, Some(row), Some(key)) => {
            Selector::Key(key.iter().map(|&at| row[at].clone()).collect())
        }
        (4, _, Some(key)) => Selector::Key(key.iter().map(|_| choices.value()).collect()),
        (5, ..) => Selector::RowId(RowId(choices.number())),
        _ => Selector::Filter(predicate(choices, table)),
    }
}

fn predicate(choices: &mut Choices<'_>, table: &TableEntry) -> Expression {
    let column = col(column_of(choices, table));
    match choices.pick(8) {
        0..3 => column.eq(lit(choices.value())),
        3 => column.is_null(),
        4 | 5 => column.gt(choices.number()),
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
        match self.pick(64) {
            at @ 0..54 => Value::Integer(at as i64 / 9),
            54..60 => Value::Null,
            60 => Value::from("1"),
            61 => Value::from("a"),
            62 => Value::from("A"),
            _ => Value::Real(2.0),
        }
    }
}
