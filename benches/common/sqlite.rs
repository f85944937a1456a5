//! SQLite in the same process: in memory, foreign keys on, an index on every referencing column,
//! every statement prepared once and kept.

use super::{Cell, Reads, Subject, Updates};
use ondelete::Table;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement};
use std::fmt::Write;
use std::sync::Arc;

self_cell::self_cell!(
    struct Prepared {
        owner: Connection,
        #[not_covariant]
        dependent: Statements,
    }
);

/// Statements of a connection, prepared when first asked for.
struct Statements<'c> {
    tables: Vec<OfTable<'c>>,
    begin: Option<Statement<'c>>,
    commit: Option<Statement<'c>>,
    mark: Option<Statement<'c>>,
    roll_back: Option<Statement<'c>>,
    release: Option<Statement<'c>>,
}

#[derive(Default)]
struct OfTable<'c> {
    insert: Option<Statement<'c>>,
    delete: Option<Statement<'c>>,
    update: Option<Statement<'c>>,
    get: Option<Statement<'c>>,
    referencing: Option<Statement<'c>>,
}

/// A connection and its statements.
pub struct Sqlite {
    prepared: Prepared,
    plan: Arc<Texts>,
}

/// What is said, as SQL.
pub struct Texts {
    schema: String,
    tables: Vec<TableTexts>,
}

struct TableTexts {
    insert: String,
    delete: String,
    update: String,
    get: String,
    referencing: String,
}

impl TableTexts {
    fn new(table: &Table) -> Self {
        let name = table.name();
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name()).collect();
        let key = columns[0];
        let places = vec!["?"; columns.len()].join(", ");
        let assigned: Vec<String> = columns[1..].iter().map(|name| format!("{name} = ?")).collect();
        let assigned = assigned.join(", ");
        TableTexts {
            insert: format!("INSERT INTO {name} VALUES ({places})"),
            delete: format!("DELETE FROM {name} WHERE {key} = ?"),
            update: format!("UPDATE {name} SET {assigned} WHERE {key} = ?"),
            get: format!("SELECT * FROM {name} WHERE {key} = ?"),
            referencing: format!("SELECT {key} FROM {name} WHERE {} = ?", columns[1]),
        }
    }
}

fn schema_text(schema: &[Table]) -> String {
    let mut text = "PRAGMA foreign_keys = ON; BEGIN;".to_owned();
    for table in schema {
        write!(text, "{table};").expect("a string takes any text");
        let name = table.name();
        for key in table.foreign_keys() {
            let columns = key.columns().join(", ");
            let index = format!("{name}_{}", key.columns().join("_"));
            write!(text, "CREATE INDEX {index} ON {name} ({columns});")
                .expect("a string takes any text");
        }
    }
    text.push_str("COMMIT;");
    text
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(value) => ValueRef::Integer(*value),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The statement, prepared if it was not yet.
fn ready<'s, 'c>(
    slot: &'s mut Option<Statement<'c>>,
    connection: &'c Connection,
    sql: &str,
) -> &'s mut Statement<'c> {
    slot.get_or_insert_with(|| connection.prepare(sql).expect("the SQL is sound"))
}

fn execute<'a>(
    statement: &mut Statement<'_>,
    values: impl Iterator<Item = &'a Cell<'a>>,
) -> rusqlite::Result<usize> {
    for (position, value) in values.enumerate() {
        statement.raw_bind_parameter(position + 1, value)?;
    }
    statement.raw_execute()
}

impl Sqlite {
    /// Bytes of all pages of the database.
    pub fn bytes(&self) -> u64 {
        let connection = self.prepared.borrow_owner();
        let pragma = |name: &str| -> u64 {
            let value = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            value.expect("the pragma has a value") as u64
        };
        pragma("page_count") * pragma("page_size")
    }

    fn control(
        &mut self,
        slot: impl for<'s, 'c> Fn(&'s mut Statements<'c>) -> &'s mut Option<Statement<'c>>,
        sql: &str,
    ) {
        self.prepared.with_dependent_mut(|connection, statements| {
            let statement = ready(slot(statements), connection, sql);
            statement.raw_execute().expect("the control statement fits the state");
        });
    }
}

impl Subject for Sqlite {
    type Plan = Arc<Texts>;

    fn plan(schema: &[Table]) -> Arc<Texts> {
        let tables = schema.iter().map(TableTexts::new).collect();
        Arc::new(Texts { schema: schema_text(schema), tables })
    }

    fn new(plan: &Arc<Texts>) -> Self {
        let connection = Connection::open_in_memory().expect("there is memory");
        connection.execute_batch(&plan.schema).expect("the schema is sound");
        let prepared = Prepared::new(connection, |_| Statements {
            tables: plan.tables.iter().map(|_| OfTable::default()).collect(),
            begin: None,
            commit: None,
            mark: None,
            roll_back: None,
            release: None,
        });
        Sqlite { prepared, plan: plan.clone() }
    }

    fn begin(&mut self) {
        self.control(|statements| &mut statements.begin, "BEGIN");
    }

    fn commit(&mut self) {
        self.control(|statements| &mut statements.commit, "COMMIT");
    }

    fn mark(&mut self) {
        self.control(|statements| &mut statements.mark, "SAVEPOINT mark");
    }

    fn roll_back(&mut self) {
        self.control(|statements| &mut statements.roll_back, "ROLLBACK TO mark");
    }

    fn release(&mut self) {
        self.control(|statements| &mut statements.release, "RELEASE mark");
    }

    fn insert(&mut self, table: usize, row: &[Cell<'_>]) {
        let sql = &self.plan.tables[table].insert;
        self.prepared.with_dependent_mut(|connection, statements| {
            let statement = ready(&mut statements.tables[table].insert, connection, sql);
            execute(statement, row.iter()).expect("the row fits");
        });
    }

    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64> {
        let sql = &self.plan.tables[table].delete;
        self.prepared.with_dependent_mut(|connection, statements| {
            let before = connection.total_changes();
            let statement = ready(&mut statements.tables[table].delete, connection, sql);
            match execute(statement, [key].iter()) {
                Ok(_) => Some(connection.total_changes() - before),
                Err(error) => {
                    let code = error.sqlite_error_code();
                    assert_eq!(code, Some(ErrorCode::ConstraintViolation), "{error}");
                    None
                }
            }
        })
    }
}

impl Reads for Sqlite {
    fn get(&mut self, table: usize, key: i64) -> u64 {
        let sql = &self.plan.tables[table].get;
        self.prepared
            .with_dependent_mut(|connection, statements| {
                let statement = ready(&mut statements.tables[table].get, connection, sql);
                statement.raw_bind_parameter(1, key)?;
                let last = statement.column_count() - 1;
                let mut rows = statement.raw_query();
                let Some(row) = rows.next()? else { return Ok(0) };
                let (number, text) = (row.get_ref(1)?, row.get_ref(last)?);
                let text = text.as_str().map_or(0, str::len);
                Ok::<u64, rusqlite::Error>(number.as_i64().unwrap_or(0) as u64 + text as u64)
            })
            .expect("the row can be read")
    }

    fn referencing(&mut self, table: usize, key: i64) -> (u64, u64) {
        let sql = &self.plan.tables[table].referencing;
        self.prepared
            .with_dependent_mut(|connection, statements| {
                let statement = ready(&mut statements.tables[table].referencing, connection, sql);
                statement.raw_bind_parameter(1, key)?;
                let mut rows = statement.raw_query();
                let (mut count, mut sum) = (0, 0);
                while let Some(row) = rows.next()? {
                    count += 1;
                    sum += row.get::<_, i64>(0)? as u64;
                }
                Ok::<(u64, u64), rusqlite::Error>((count, sum))
            })
            .expect("the rows can be read")
    }
}

impl Updates for Sqlite {
    fn update(&mut self, table: usize, key: Cell<'_>, values: &[Cell<'_>]) {
        let sql = &self.plan.tables[table].update;
        self.prepared.with_dependent_mut(|connection, statements| {
            let statement = ready(&mut statements.tables[table].update, connection, sql);
            execute(statement, values.iter().chain([&key])).expect("the values fit");
        });
    }
}
