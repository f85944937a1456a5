//! Random databases and what is done to them, the same for the same seed.
//!
//! A [`Generator`] plans a schema and then makes one [`Operation`] after another, looking at the
//! database as it is: most foreign keys it writes exist, most savepoints it names are open, and a
//! table that was dropped is made again before long. That keeps the share of statements that *do*
//! something high, which blind generation does not. All keys come from a space of a few values, so
//! that rows collide.

mod levels;
mod probe;
mod random;
pub(super) use random::Random;
mod schema;

use super::keys::{referenced_key, referencing_key};
use super::operation::Operation;
use crate::catalog::{
    Catalog, Column, ForeignKeyEntry, Index, Name, ReferentialAction, Table, TableEntry, Target,
};
use crate::database::{
    Control, Database, Delete, Enforcement, Insert, OnConflict, RowValues, Selector, Update, Upsert,
};
use crate::expression::{Expression, case, col, lit};
use crate::value::{DataType, Value};

use std::collections::VecDeque;

/// Makes operations for one database.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
    /// Keys go from 1 to this.
    space: usize,
    /// What is to be done before anything is left to chance: the schema.
    planned: VecDeque<Operation>,
    /// How many operations are still to run with enforcement off, if it began so.
    unenforced: usize,
    /// Tables as they were when they were dropped.
    dropped: Vec<Table>,
    depth_limit: Option<usize>,
    /// How many programs the database is to have.
    triggers: usize,
    /// How many tables stand in levels above each other and are full from the start.
    levels: usize,
    /// Numbers the names that are made up on the way.
    made: usize,
}

/// Rows that are referenced: their values in one column of the key.
struct Referenced {
    table: TableEntry,
    at: usize,
    values: Vec<Value>,
}

impl Generator {
    /// A generator for one database. The same seed gives the same operations, as long as the
    /// database answers the same.
    pub fn new(seed: u64) -> Self {
        let mut generator = Generator::leaning_to(Random::new(seed), &schema::EVENLY);
        if generator.random.chance(5) {
            generator.plan_chain();
        }
        generator
    }

    /// A generator whose schema has delete rules as often as said.
    fn leaning_to(mut random: Random, on_delete: &schema::Weights) -> Self {
        let space = random.between(4, 9);
        let schema = schema::schema(&mut random, space, on_delete);
        let tables = schema.tables.into_iter().map(Operation::CreateTable);
        let planned = tables.chain(schema.indexes.into_iter().map(Operation::CreateIndex));
        let planned = planned.collect();
        let unenforced = if random.chance(34) { random.between(10, 26) } else { 0 };
        Generator {
            random,
            space,
            planned,
            unenforced,
            dropped: Vec::new(),
            depth_limit: None,
            triggers: 0,
            levels: 0,
            made: 0,
        }
    }

    /// One table whose rows reference each other in a chain about as long as actions may nest. More
    /// tables would not do: SQLite holds the limit against the depth of its compiler too.
    fn plan_chain(&mut self) {
        let limit = self.random.between(5, 8);
        let action = |this: &mut Self| match this.random.below(3) {
            0 => ReferentialAction::SetNull,
            _ => ReferentialAction::Cascade,
        };
        let key = Column::integer("f")
            .references_key("t")
            .on_delete(action(self))
            .on_update(action(self))
            .mode(schema::mode(&mut self.random));
        let table = Table::new("t").column(Column::integer("k").primary_key()).column(key);
        let length = self.random.between(limit - 1, limit + 2) as i64;
        let row = |at: i64| {
            let up = if at > 1 { Value::Integer(at - 1) } else { Value::Null };
            RowValues::Positional(vec![Value::Integer(at), up])
        };
        let insert = Insert::into("t").rows((1..=length).map(row));
        let delete = Delete::from("t").filter(col("k").eq(lit(1)));
        self.planned = VecDeque::from([
            Operation::CreateTable(table),
            Operation::Statement(insert.into()),
            Operation::Statement(delete.into()),
        ]);
        self.unenforced = 0;
        self.depth_limit = Some(limit);
    }

    /// Whether the database is to begin with enforcement, which is up to whoever makes it.
    pub fn enforcement(&self) -> Enforcement {
        if self.unenforced > 0 { Enforcement::Off } else { Enforcement::On }
    }

    /// How many actions may nest, if this database is about that; SQLite's own number else.
    pub fn depth_limit(&self) -> Option<usize> {
        self.depth_limit
    }

    /// How many operations a sequence of this generator should have.
    pub fn length(&mut self) -> usize {
        self.planned.len() + self.unenforced + self.random.between(50, 130)
    }

    /// The next operation for the database as it is.
    pub fn next(&mut self, db: &Database) -> Operation {
        if let Some(operation) = self.planned.pop_front() {
            return operation;
        }
        if self.unenforced > 0 && !db.is_in_transaction() {
            self.unenforced -= 1;
            if self.unenforced == 0 {
                return Operation::SetEnforcement(Enforcement::On);
            }
            return match self.random.below(10) {
                0..7 => self.insert(db.catalog(), db),
                7 => self.update(db.catalog(), db),
                _ => self.delete(db.catalog(), db),
            };
        }
        if db.enforcement() == Enforcement::Off && self.random.chance(15) {
            return Operation::SetEnforcement(Enforcement::On);
        }
        if !self.dropped.is_empty() && self.random.chance(12) {
            let at = self.random.below(self.dropped.len());
            return Operation::CreateTable(self.dropped.swap_remove(at));
        }
        let (begin, end) = if db.is_in_transaction() { (1, 9) } else { (9, 1) };
        match self.random.weighted(&[
            (31, 0),
            (43, 1),
            (28, 2),
            (begin, 3),
            (end, 4),
            (3, 5),
            (1, 6),
            (1, 7),
            (2, 8),
        ]) {
            0 => self.insert(db.catalog(), db),
            1 => self.update(db.catalog(), db),
            2 => self.delete(db.catalog(), db),
            3 if self.random.chance(70) => Operation::Control(Control::Begin),
            3 => Operation::Control(Control::Savepoint(self.savepoint())),
            4 => Operation::Control(self.end()),
            5 => Operation::Control(self.savepoint_control()),
            6 => Operation::SetEnforcement(match self.random.chance(55) {
                true => Enforcement::Off,
                false => Enforcement::On,
            }),
            7 => Operation::SetDeferAll(self.random.chance(75)),
            _ => self.definition(db),
        }
    }

    // Control.

    fn savepoint(&mut self) -> String {
        self.random.pick(&["s1", "s2", "s3"]).to_owned()
    }

    fn end(&mut self) -> Control {
        match self.random.below(10) {
            0..7 => Control::Commit,
            7..9 => Control::Rollback,
            _ => Control::Release(self.savepoint()),
        }
    }

    fn savepoint_control(&mut self) -> Control {
        let name = self.savepoint();
        match self.random.below(10) {
            0..5 => Control::Savepoint(name),
            5..7 => Control::Release(name),
            _ => Control::RollbackTo(name),
        }
    }

    // Rows.

    fn insert(&mut self, catalog: &Catalog, db: &Database) -> Operation {
        let Some(table) = self.table(catalog) else { return self.create() };
        let count = self.random.weighted(&[(28, 1), (28, 2), (22, 3), (22, 5)]);
        let named = self.random.chance(40).then(|| self.some_columns(&table));
        let mut insert = Insert::into(table.name());
        let mut taken = Vec::new();
        for _ in 0..count {
            let values = self.row(&table, catalog, db, &mut taken);
            insert = insert.row(match &named {
                None => RowValues::Positional(values),
                Some(positions) => RowValues::Named(
                    positions
                        .iter()
                        .map(|&at| (table.column_name(at).to_owned(), values[at].clone()))
                        .collect(),
                ),
            });
        }
        let conflict = match self.random.weighted(&[(66, 0), (15, 1), (8, 2), (11, 3)]) {
            0 => OnConflict::Abort,
            1 => OnConflict::Replace,
            2 => OnConflict::Ignore,
            _ => OnConflict::Upsert(self.upsert(&table, catalog, db)),
        };
        Operation::Statement(insert.on_conflict(conflict).into())
    }

    /// One value per column: foreign keys mostly of rows that exist.
    fn row(
        &mut self,
        table: &TableEntry,
        catalog: &Catalog,
        db: &Database,
        taken: &mut Vec<Value>,
    ) -> Vec<Value> {
        let mut values: Vec<Value> =
            (0..table.columns.len()).map(|at| self.value(table, at)).collect();
        for key in &table.foreign_keys {
            if self.random.chance(82) {
                self.reference(key, catalog, db, &mut values);
            }
        }
        // Where the primary key is one column, mostly a value that is still free.
        if let [only] = table.naming_columns().unwrap_or_default()[..]
            && self.random.chance(65)
        {
            let rows = db.find(table.name(), Selector::All).unwrap_or_default();
            let is_taken = |value: &Value, taken: &[Value]| {
                taken.contains(value) || rows.iter().any(|(_, row)| row[only] == *value)
            };
            for _ in 0..6 {
                if !is_taken(&values[only], taken) {
                    break;
                }
                values[only] = self.value(table, only);
            }
            taken.push(values[only].clone());
        }
        values
    }

    /// Makes a row reference a row that exists, if there is one.
    fn reference(
        &mut self,
        key: &ForeignKeyEntry,
        catalog: &Catalog,
        db: &Database,
        values: &mut [Value],
    ) {
        let Target::Resolved(to) = &key.target else { return };
        let Some(referenced) = catalog.find_by_id(to.table) else { return };
        let rows = db.find(referenced.name(), Selector::All).unwrap_or_default();
        let is_self = key.table == to.table && self.random.chance(15);
        if is_self {
            for (&own, &other) in key.columns.iter().zip(&to.columns) {
                values[own] = values[other].clone();
            }
        } else if !rows.is_empty() {
            let row = &rows[self.random.below(rows.len())].1;
            for (&own, &other) in key.columns.iter().zip(&to.columns) {
                values[own] = self.dressed(row[other].clone());
            }
        }
    }

    /// The value, now and then as another type that a conversion undoes.
    fn dressed(&mut self, value: Value) -> Value {
        if !self.random.chance(4) {
            return value;
        }
        match value {
            Value::Integer(number) if self.random.chance(50) => {
                Value::from(number.to_string().as_str())
            }
            Value::Integer(number) => Value::Real(number as f64),
            Value::Text(text) => Value::from(text.to_ascii_uppercase()),
            other => other,
        }
    }

    /// A value for a column: of its type, rarely NULL, rarely of another type.
    fn value(&mut self, table: &TableEntry, at: usize) -> Value {
        let data_type = table.definition.columns()[at].data_type();
        let nulls = if table.columns[at].not_null { 2 } else { 9 };
        if self.random.chance(nulls) {
            return Value::Null;
        }
        let data_type = match self.random.chance(2) {
            true => self.random.pick(&[DataType::Integer, DataType::Text, DataType::Real]),
            false => data_type,
        };
        schema::key_value(&mut self.random, self.space, data_type)
    }

    fn some_columns(&mut self, table: &TableEntry) -> Vec<usize> {
        let mut positions: Vec<usize> =
            (0..table.columns.len()).filter(|_| self.random.chance(75)).collect();
        if positions.is_empty() {
            positions.push(self.random.below(table.columns.len()));
        }
        if self.random.chance(30) {
            positions.reverse();
        }
        positions
    }

    fn upsert(&mut self, table: &TableEntry, catalog: &Catalog, db: &Database) -> Upsert {
        let keys = table.definition.keys().iter().map(|key| key.columns().to_vec());
        let keys: Vec<Vec<Name>> = keys.collect();
        let mut upsert = match self.random.chance(75) && !keys.is_empty() {
            true => Upsert::on(self.random.pick(&keys)),
            false => Upsert::any(),
        };
        if self.random.chance(20) {
            return upsert;
        }
        for (at, value) in self.assignments(table, catalog, db) {
            let name = table.column_name(at).to_owned();
            let value = match self.random.chance(40) {
                true => col(("excluded", &name)),
                false => value,
            };
            upsert = upsert.set(name, value);
        }
        if self.random.chance(20) {
            upsert = upsert.filter(self.predicate(table));
        }
        upsert
    }

    fn update(&mut self, catalog: &Catalog, db: &Database) -> Operation {
        if self.random.chance(80)
            && let Some(operation) = self.move_referenced(catalog, db)
        {
            return operation;
        }
        let Some(table) = self.table(catalog) else { return self.create() };
        let mut update = Update::of(table.name());
        for (at, value) in self.assignments(&table, catalog, db) {
            update = update.set(table.column_name(at), value);
        }
        if !self.random.chance(14) {
            update = update.filter(self.predicate(&table));
        }
        let conflict = match self.random.weighted(&[(76, 0), (14, 1), (10, 2)]) {
            0 => OnConflict::Abort,
            1 => OnConflict::Replace,
            _ => OnConflict::Ignore,
        };
        Operation::Statement(update.on_conflict(conflict).into())
    }

    /// Moves one or two rows that are referenced to another key, mostly one that is free.
    fn move_referenced(&mut self, catalog: &Catalog, db: &Database) -> Option<Operation> {
        let Referenced { table, at, values } = self.referenced(catalog, db)?;
        let name = table.column_name(at);
        let is_numeric = table.columns[at].affinity.is_numeric();
        let moved = match self.random.below(5) {
            0 | 1 if is_numeric => col(name) + self.space as i64,
            2 if is_numeric => lit(2 * self.space as i64) - col(name),
            0 | 1 => col(name).concat(lit("x")),
            2 => case([(col(name).eq(lit(values[0].clone())), lit("y"))], Some(col(name))),
            _ => lit(self.value(&table, at)),
        };
        let update = Update::of(table.name()).set(name, moved);
        let update = update.filter(col(name).in_list(values.into_iter().map(lit)));
        let conflict = match self.random.weighted(&[(90, 0), (7, 1), (3, 2)]) {
            0 => OnConflict::Abort,
            1 => OnConflict::Replace,
            _ => OnConflict::Ignore,
        };
        Some(Operation::Statement(update.on_conflict(conflict).into()))
    }

    /// One or two rows that other rows reference, over a foreign key picked from all there are.
    fn referenced(&mut self, catalog: &Catalog, db: &Database) -> Option<Referenced> {
        (0..4).find_map(|_| self.try_referenced(catalog, db))
    }

    fn try_referenced(&mut self, catalog: &Catalog, db: &Database) -> Option<Referenced> {
        let keys = catalog.tables().flat_map(|table| &table.foreign_keys);
        let keys: Vec<_> = keys.filter_map(|key| Some((key, key.resolved()?))).collect();
        if keys.is_empty() {
            return None;
        }
        let mut picked = keys[self.random.below(keys.len())];
        for _ in 0..2 {
            if picked.0.table == picked.1.table {
                // Self-references come by themselves often enough.
                picked = keys[self.random.below(keys.len())];
            }
        }
        let (key, to) = picked;
        let table = catalog.find_by_id(to.table)?;
        let referencing = db.find(catalog.find_by_id(key.table)?.name(), Selector::All).ok()?;
        let wanted: Vec<_> =
            referencing.iter().filter_map(|(_, row)| referencing_key(key, to, row)).collect();
        let rows = db.find(table.name(), Selector::All).ok()?;
        let mut rows: Vec<_> = rows
            .into_iter()
            .filter(|(_, row)| referenced_key(to, row).is_some_and(|held| wanted.contains(&held)))
            .map(|(_, row)| row)
            .collect();
        let part = self.random.below(to.columns.len());
        let at = to.columns[part];
        let mut values = Vec::new();
        for _ in 0..self.random.weighted(&[(40, 1), (60, 2)]) {
            if !rows.is_empty() {
                let row = rows.swap_remove(self.random.below(rows.len()));
                values.push(row[at].clone());
            }
        }
        (!values.is_empty()).then(|| Referenced { table: TableEntry::clone(table), at, values })
    }

    /// What to assign: mostly to columns of keys, on either side.
    fn assignments(
        &mut self,
        table: &TableEntry,
        catalog: &Catalog,
        db: &Database,
    ) -> Vec<(usize, Expression)> {
        if !table.foreign_keys.is_empty() && self.random.chance(22) {
            // A whole foreign key, to a row that exists.
            let key = &table.foreign_keys[self.random.below(table.foreign_keys.len())];
            let mut values: Vec<Value> =
                (0..table.columns.len()).map(|at| self.value(table, at)).collect();
            self.reference(key, catalog, db, &mut values);
            return key.columns.iter().map(|&at| (at, lit(values[at].clone()))).collect();
        }
        let mut assigned: Vec<(usize, Expression)> = Vec::new();
        for _ in 0..self.random.weighted(&[(75, 1), (20, 2), (5, 3)]) {
            let at = self.weighty_column(table, catalog);
            if !assigned.iter().any(|(other, _)| *other == at) {
                let value = self.expression(table, at);
                assigned.push((at, value));
            }
        }
        assigned
    }

    /// A column, mostly one that is referenced.
    fn weighty_column(&mut self, table: &TableEntry, catalog: &Catalog) -> usize {
        let referenced: Vec<usize> = catalog
            .referenced_by(table.id)
            .iter()
            .filter_map(|&id| catalog.find_constraint(id)?.resolved())
            .flat_map(|to| to.columns.clone())
            .collect();
        let referencing: Vec<usize> =
            table.foreign_keys.iter().flat_map(|key| key.columns.clone()).collect();
        match self.random.below(10) {
            0..6 if !referenced.is_empty() => self.random.pick(&referenced),
            6..8 if !referencing.is_empty() => self.random.pick(&referencing),
            _ => self.random.below(table.columns.len()),
        }
    }

    fn expression(&mut self, table: &TableEntry, at: usize) -> Expression {
        let name = table.column_name(at).to_owned();
        let is_numeric = table.columns[at].affinity.is_numeric();
        let value = |this: &mut Self| lit(this.value(table, at));
        match self.random.below(12) {
            0 | 1 if is_numeric => col(name) + 1,
            2 if is_numeric => col(name) - 1,
            3 if is_numeric => lit(self.space as i64 + 1) - col(name),
            4 | 5 => {
                let (from, to) = (value(self), value(self));
                case([(col(name.clone()).eq(from), to)], Some(col(name)))
            }
            6 => col(name),
            7 => col(table.column_name(self.random.below(table.columns.len()))),
            _ => value(self),
        }
    }

    fn delete(&mut self, catalog: &Catalog, db: &Database) -> Operation {
        if self.random.chance(68)
            && let Some(Referenced { table, at, values }) = self.referenced(catalog, db)
        {
            let predicate = col(table.column_name(at)).in_list(values.into_iter().map(lit));
            return Operation::Statement(Delete::from(table.name()).filter(predicate).into());
        }
        let Some(table) = self.table(catalog) else { return self.create() };
        let mut delete = Delete::from(table.name());
        if self.random.chance(6) {
            return Operation::Statement(delete.into());
        }
        let rows = db.find(table.name(), Selector::All).unwrap_or_default();
        delete = if rows.is_empty() || self.random.chance(55) {
            delete.filter(self.predicate(&table))
        } else {
            delete.filter(rows[self.random.below(rows.len())].0)
        };
        Operation::Statement(delete.into())
    }

    fn predicate(&mut self, table: &TableEntry) -> Expression {
        let at = self.random.below(table.columns.len());
        let at = match self.random.chance(50) {
            true => table.naming_columns().map_or(at, |columns| columns[0]),
            false => at,
        };
        let column = col(table.column_name(at));
        let value = |this: &mut Self| lit(this.value(table, at));
        match self.random.below(16) {
            0..6 => column.eq(value(self)),
            6..8 => column.gt(value(self)),
            8..10 => column.le(value(self)),
            10..12 => column.in_list([value(self), value(self), value(self)]),
            12 => column.ne(value(self)),
            13 => column.is_null(),
            14 => column.between(value(self), value(self)),
            _ => column.is_not_null().and(
                col(table.column_name(self.random.below(table.columns.len()))).ne(value(self)),
            ),
        }
    }

    fn table(&mut self, catalog: &Catalog) -> Option<TableEntry> {
        let tables: Vec<_> = catalog.tables().collect();
        if tables.is_empty() {
            return None;
        }
        // Tables that others reference are where actions start.
        let referenced: Vec<_> =
            tables.iter().filter(|table| !catalog.referenced_by(table.id).is_empty()).collect();
        let table = match !referenced.is_empty() && self.random.chance(45) {
            true => referenced[self.random.below(referenced.len())],
            false => &tables[self.random.below(tables.len())],
        };
        Some(TableEntry::clone(table))
    }

    // Definitions.

    fn name(&mut self, stem: &str) -> String {
        self.made += 1;
        format!("{stem}{}", self.made)
    }

    fn create(&mut self) -> Operation {
        let name = self.name("n");
        Operation::CreateTable(schema::lone_table(&mut self.random, self.space, &name))
    }

    fn definition(&mut self, db: &Database) -> Operation {
        let catalog = db.catalog();
        let Some(table) = self.table(catalog) else { return self.create() };
        let name = table.name().to_owned();
        let column = table.column_name(self.random.below(table.columns.len())).to_owned();
        match self.random.below(13) {
            0..2 => {
                self.dropped.push(Table::clone(&table.definition));
                Operation::DropTable(name)
            }
            2 | 3 => Operation::RenameTable { table: name, to: self.name("r") },
            4 | 5 => Operation::RenameColumn { table: name, column, to: self.name("c") },
            6 | 7 => Operation::AddColumn { table: name, column: self.new_column(catalog) },
            // In a transaction the arbiter could not follow the keys across it.
            8 if !db.is_in_transaction() => Operation::DropColumn { table: name, column },
            9 | 10 => match self.new_index(&table) {
                Some(index) => Operation::CreateIndex(index),
                None => Operation::CreateTable(Table::clone(&table.definition)),
            },
            11 => {
                let names: Vec<String> = catalog.index_names().collect();
                match names.is_empty() {
                    true => Operation::DropIndex("nothing".to_owned()),
                    false => Operation::DropIndex(self.random.pick(&names)),
                }
            }
            _ => self.create(),
        }
    }

    fn new_column(&mut self, catalog: &Catalog) -> Column {
        let mut column = Column::integer(self.name("a"));
        if self.random.chance(30) {
            column = column.default(lit(self.random.between(1, 3) as i64));
        }
        if self.random.chance(15) {
            column = column.not_null();
        }
        if self.random.chance(10) {
            let positive = col(column.name()).gt(lit(1));
            column = column.check(positive);
        }
        if self.random.chance(5) {
            column = column.unique();
        }
        // Only tables whose key is the row id: whatever else would have to match the type.
        let plain: Vec<String> = catalog
            .tables()
            .filter(|table| table.row_id_column.is_some())
            .map(|table| table.name().to_owned())
            .collect();
        if !plain.is_empty() && self.random.chance(50) {
            let delete: ReferentialAction = schema::action(&mut self.random);
            column = column
                .references_key(self.random.pick(&plain))
                .on_delete(delete)
                .on_update(schema::action(&mut self.random))
                .mode(schema::mode(&mut self.random));
        }
        column
    }

    /// A secondary index that leaves the order of actions alone.
    fn new_index(&mut self, table: &TableEntry) -> Option<Index> {
        let count = table.columns.len();
        let mut columns = vec![self.random.below(count)];
        if self.random.chance(30) {
            columns.push(self.random.below(count));
            columns.dedup();
        }
        let is_safe =
            table.foreign_keys.iter().all(|key| schema::is_index_safe(&columns, &key.columns));
        if !is_safe {
            return None;
        }
        let parts: Vec<_> = columns
            .iter()
            .map(|&at| schema::index_column(&mut self.random, table.column_name(at)))
            .collect();
        let referencing = table.foreign_keys.iter().any(|key| key.columns.contains(&columns[0]));
        let mut index = Index::new(self.name("i"), table.name(), parts);
        if self.random.chance(40) {
            index = index.unique();
        }
        if self.random.chance(20) && !referencing {
            let column = col(table.column_name(self.random.below(count)));
            index = index.filter(column.is_not_null());
        }
        Some(index)
    }
}
