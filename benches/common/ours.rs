//! This crate, through its public interface.
//!
//! Four functions choose how a row is put in, read, found and walked; all else is as for anyone.

use super::{Cell, Forks, Reads, Subject, Updates};
use ondelete::{
    Control, Database, Dialect, Enforcement, Key, Table, TableId, Value, ValueRef, Walk, col,
};
use std::sync::Arc;

/// A database.
pub struct Ours {
    db: Database,
    /// By position.
    tables: Arc<Vec<Names>>,
    ids: Vec<TableId>,
    mark: Control,
    roll_back: Control,
    release: Control,
}

struct Names {
    table: String,
    columns: Vec<String>,
}

/// The tables as a user defines them, and their names.
pub struct Plan {
    schema: Vec<Arc<Table>>,
    tables: Arc<Vec<Names>>,
}

// ------------------------------------------------------------------------------------------------
// The four ways that depend on the interface
// ------------------------------------------------------------------------------------------------

/// INTERFACE: puts one row in by position.
fn append(db: &mut Database, table: TableId, row: &[Cell<'_>]) -> ondelete::Result<()> {
    let mut values = [ValueRef::Null; WIDTH_MAX];
    for (place, cell) in values.iter_mut().zip(row) {
        *place = value_ref(*cell);
    }
    db.append(table, &values[..row.len()]).map(|_| ())
}

/// INTERFACE: reads one row's second column and the length of its text.
fn read(db: &Database, table: TableId, key: i64) -> ondelete::Result<u64> {
    let Some(row) = db.row(table, key)? else { return Ok(0) };
    let text = row.get(row.width() - 1).as_text().map_or(0, str::len);
    Ok(row.get(1).as_integer().unwrap_or(0) as u64 + text as u64)
}

/// INTERFACE: finds the rows whose column holds this; how many, and the sum of their keys.
fn find(db: &Database, table: &str, column: &str, key: i64) -> ondelete::Result<(u64, u64)> {
    let ids = db.rows(table, col(column).eq(key))?.filter_map(|row| row.get(0).as_integer());
    Ok(ids.fold((0, 0), |(count, sum), id| (count + 1, sum + id as u64)))
}

/// INTERFACE: has every row walked by itself.
fn walk_exactly(db: &mut Database) {
    db.set_walk(Walk::Exact);
}

// ------------------------------------------------------------------------------------------------
// The subject
// ------------------------------------------------------------------------------------------------

fn value(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(value) => value.into(),
        Cell::Text(text) => text.into(),
    }
}

fn value_ref(cell: Cell<'_>) -> ValueRef<'_> {
    match cell {
        Cell::Null => ValueRef::Null,
        Cell::Integer(value) => value.into(),
        Cell::Text(text) => text.into(),
    }
}

const MARK: &str = "mark";

/// No table here has more columns.
const WIDTH_MAX: usize = 4;

impl Ours {
    fn from(db: Database, tables: Arc<Vec<Names>>) -> Self {
        let id = |names: &Names| db.table_id(&names.table).expect("the table was created");
        let ids = tables.iter().map(id).collect();
        let [mark, roll_back, release] =
            [Control::Savepoint, Control::RollbackTo, Control::Release]
                .map(|of| of(MARK.to_owned()));
        Ours { db, tables, ids, mark, roll_back, release }
    }

    fn control(&mut self, control: &Control) {
        self.db.control(control).expect("the control statement fits the state");
    }

    /// The same, walking every row by itself.
    fn exactly(mut self) -> Self {
        walk_exactly(&mut self.db);
        self
    }
}

impl Subject for Ours {
    type Plan = Plan;

    fn plan(schema: &[Table]) -> Plan {
        let names = |table: &Table| Names {
            table: table.name().to_owned(),
            columns: table.columns().iter().map(|column| column.name().to_owned()).collect(),
        };
        Plan {
            schema: schema.iter().cloned().map(Arc::new).collect(),
            tables: Arc::new(schema.iter().map(names).collect()),
        }
    }

    fn new(plan: &Plan) -> Self {
        let mut db = Database::with_dialect(Enforcement::On, Dialect::sqlite());
        for table in &plan.schema {
            db.create_table(table.clone()).expect("the schema is sound");
        }
        Ours::from(db, plan.tables.clone())
    }

    fn begin(&mut self) {
        self.control(&Control::Begin);
    }

    fn commit(&mut self) {
        self.control(&Control::Commit);
    }

    fn mark(&mut self) {
        self.db.control(&self.mark).expect("a transaction is open");
    }

    fn roll_back(&mut self) {
        self.db.control(&self.roll_back).expect("the savepoint is there");
    }

    fn release(&mut self) {
        self.db.control(&self.release).expect("the savepoint is there");
    }

    fn insert(&mut self, table: usize, row: &[Cell<'_>]) {
        append(&mut self.db, self.ids[table], row).expect("the row fits");
    }

    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64> {
        let done = self.db.delete(self.ids[table], Key::from(value(key)));
        match done {
            Ok(done) => Some(done.total() as u64),
            Err(error) => {
                assert!(error.violation().is_some(), "refused, but not by a key: {error}");
                None
            }
        }
    }
}

impl Reads for Ours {
    fn get(&mut self, table: usize, key: i64) -> u64 {
        read(&self.db, self.ids[table], key).expect("the table has a primary key")
    }

    fn referencing(&mut self, table: usize, key: i64) -> (u64, u64) {
        let Names { table, columns } = &self.tables[table];
        find(&self.db, table, &columns[1], key).expect("the column is there")
    }
}

impl Updates for Ours {
    fn update(&mut self, table: usize, key: Cell<'_>, values: &[Cell<'_>]) {
        let Names { table, columns } = &self.tables[table];
        let named = columns[1..].iter().cloned().zip(values.iter().map(|cell| value(*cell)));
        let named: Vec<(String, Value)> = named.collect();
        self.db.update(table, Key::new([value(key)]), named).expect("the values fit");
    }
}

impl Forks for Ours {
    fn fork(&self) -> Self {
        let db = self.db.fork().expect("no transaction is open");
        Ours::from(db, self.tables.clone())
    }
}

/// The same database where every row is walked by itself.
pub struct Exact(Ours);

impl Subject for Exact {
    type Plan = Plan;

    fn plan(schema: &[Table]) -> Plan {
        Ours::plan(schema)
    }

    fn new(plan: &Plan) -> Self {
        Exact(Ours::new(plan).exactly())
    }

    fn begin(&mut self) {
        self.0.begin();
    }

    fn commit(&mut self) {
        self.0.commit();
    }

    fn mark(&mut self) {
        self.0.mark();
    }

    fn roll_back(&mut self) {
        self.0.roll_back();
    }

    fn release(&mut self) {
        self.0.release();
    }

    fn insert(&mut self, table: usize, row: &[Cell<'_>]) {
        self.0.insert(table, row);
    }

    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64> {
        self.0.delete(table, key)
    }
}
