//! Queries, run here and by SQLite, must find the same.
//!
//! A case is a few small tables and many queries over them. Each query is printed as SQL for SQLite.
//! Compared are the names of the columns, the rows in their order, and for what is refused SQLite's
//! own line.

mod generate;

use super::Difference;
use crate::database::{Database, Enforcement, Statement};
use crate::error::{Error, QueryError, SqliteError};
use crate::query::{Select, Selection};
use crate::value::{Collation, OrderedKey, Value, canonical};
use generate::Generator;
use rusqlite::Connection;
use std::fmt;

/// Queries of one case.
const QUERIES: usize = 60;

/// What a run has tried.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Queries that were compared.
    pub queries: usize,
    /// Those that found rows.
    pub with_rows: usize,
    /// Those that both refuse.
    pub refused: usize,
    /// Those that are refused here as not done.
    pub unsupported: usize,
    /// Those that find the same in another order where the query asks for none, or what depends on
    /// that order: SQLite loops over sources as it finds best, and not always as they are written.
    pub ordered_otherwise: usize,
    /// Queries by what is in them: joins, left joins, right and full joins, subqueries, groups,
    /// combinations, DISTINCT.
    pub with: [usize; 7],
}

/// What [`Coverage::with`] counts, as it is written in SQL.
const PARTS: [(&str, &[&str]); 7] = [
    ("joins", &[" JOIN ", ", t"]),
    ("left joins", &[" LEFT JOIN "]),
    ("right and full joins", &[" RIGHT JOIN ", " FULL JOIN "]),
    ("subqueries", &["(SELECT ", "(VALUES "]),
    ("groups", &[" GROUP BY ", "count(", "sum(", "min(", "max("]),
    ("combinations", &[" UNION ", " EXCEPT ", " INTERSECT "]),
    ("DISTINCT", &["SELECT DISTINCT "]),
];

/// Compares so many queries, made of a seed.
///
/// # Errors
/// The first difference.
pub fn run(seed: u64, queries: usize) -> Result<Coverage, Box<Difference>> {
    let mut coverage = Coverage::default();
    let mut case = 0;
    while coverage.queries < queries {
        let case_seed = seed.wrapping_mul(1_000_003).wrapping_add(case);
        run_case(case_seed, &mut coverage)?;
        case += 1;
    }
    Ok(coverage)
}

fn run_case(seed: u64, coverage: &mut Coverage) -> Result<(), Box<Difference>> {
    let mut generator = Generator::new(seed);
    let mut twins = Twins::new();
    for number in 0..generator.random().between(1, 3) {
        let (table, indexes) = generator.table(number);
        twins.say(&table.to_string(), |db| db.create_table(table.clone()).map(drop));
        let rows = Statement::from(generator.rows(number));
        if let Statement::Insert(insert) = &rows
            && !insert.rows_given().is_empty()
        {
            let sql = rows.to_string();
            twins.say(&sql, |db| db.run(rows.clone()).map(drop));
        }
        for index in indexes {
            twins.say(&index.to_string(), |db| db.create_index(index.clone()).map(drop));
        }
    }
    for _ in 0..QUERIES {
        let query = generator.query();
        twins.compare(&query, generator.depends_on_order(), coverage)?;
    }
    Ok(())
}

/// A database and a SQLite with the same rows.
struct Twins {
    db: Database,
    connection: Connection,
    script: String,
}

impl Twins {
    fn new() -> Self {
        let connection = Connection::open_in_memory().expect("memory is there");
        Twins { db: Database::new(Enforcement::Off), connection, script: String::new() }
    }

    fn say(&mut self, sql: &str, ours: impl FnOnce(&mut Database) -> Result<(), Error>) {
        let told = self.connection.execute_batch(sql);
        let done = ours(&mut self.db);
        assert_eq!(told.is_ok(), done.is_ok(), "{sql}: {told:?} {done:?}");
        self.script += &format!("{sql};\n");
    }

    fn compare(
        &self,
        query: &Select,
        depends_on_order: bool,
        coverage: &mut Coverage,
    ) -> Result<(), Box<Difference>> {
        let sql = query.to_string();
        let ours = self.db.select(query);
        if let Err(Error::Query(error)) = &ours
            && matches!(**error, QueryError::Unsupported { .. } | QueryError::TooDeep)
        {
            coverage.unsupported += 1;
            return Ok(());
        }
        coverage.note(&sql);
        let theirs = self.ask(&sql);
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => {
                coverage.with_rows += usize::from(!ours.rows.is_empty());
                return Ok(());
            }
            (Ok(ours), Ok(theirs))
                if ours.columns == theirs.columns
                    && (depends_on_order || sorted(&ours) == sorted(&theirs)) =>
            {
                coverage.ordered_otherwise += 1;
                if std::env::var_os("ONDELETE_ORDER").is_none() {
                    return Ok(());
                }
                (format!("{ours:?}"), format!("{theirs:?}"))
            }
            (Ok(ours), Ok(theirs)) => (format!("{ours:?}"), format!("{theirs:?}")),
            (Err(ours), Err(theirs)) => {
                let ours = self.db.dialect().error_message(&ours);
                if ours == theirs {
                    coverage.refused += 1;
                    return Ok(());
                }
                (ours, theirs)
            }
            (Ok(ours), Err(theirs)) => (format!("{ours:?}"), theirs),
            (Err(ours), Ok(theirs)) => (ours.to_string(), format!("{theirs:?}")),
        };
        let script = format!("{}{sql};\n", self.script);
        Err(Box::new(Difference { what: "query", ours, theirs, script }))
    }

    fn ask(&self, sql: &str) -> Result<Selection, String> {
        let message = |error| SqliteError::from(error).message;
        let mut statement = self.connection.prepare(sql).map_err(message)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = Vec::new();
        let mut found = statement.query([]).map_err(message)?;
        while let Some(row) = found.next().map_err(message)? {
            let value = |at| row.get(at).expect("a column");
            rows.push((0..columns.len()).map(value).collect());
        }
        Ok(Selection { columns, rows })
    }
}

/// The rows in an order of their own. Of values that are equal to DISTINCT or UNION it may be another
/// one that came first.
fn sorted(selection: &Selection) -> Vec<OrderedKey> {
    let alike = |value: &Value| match value {
        Value::Text(text) => text.trim_end().to_ascii_lowercase().into(),
        other => canonical(other, Collation::Binary),
    };
    let rows = selection.rows.iter().map(|row| row.iter().map(alike).collect());
    let mut rows: Vec<OrderedKey> = rows.collect();
    rows.sort();
    rows
}

impl Coverage {
    fn note(&mut self, sql: &str) {
        self.queries += 1;
        for (count, (_, words)) in self.with.iter_mut().zip(PARTS) {
            *count += usize::from(words.iter().any(|word| sql.contains(word)));
        }
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        self.queries += other.queries;
        self.with_rows += other.with_rows;
        self.refused += other.refused;
        self.unsupported += other.unsupported;
        self.ordered_otherwise += other.ordered_otherwise;
        for (count, more) in self.with.iter_mut().zip(other.with) {
            *count += more;
        }
    }

    /// What the run has tried too seldom; empty if nothing.
    pub fn below_floor(&self) -> Vec<String> {
        let mut low = Vec::new();
        for (count, (what, _)) in self.with.into_iter().zip(PARTS) {
            if count * 100 < 5 * self.queries {
                low.push(format!("{what}: {count}, less than 5 %"));
            }
        }
        if self.ordered_otherwise * 100 > 5 * self.queries {
            low.push(format!("in another order: {}, more than 5 %", self.ordered_otherwise));
        }
        if self.with_rows * 100 < 40 * self.queries {
            low.push(format!("with rows: {}, less than 40 %", self.with_rows));
        }
        low
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} queries, {} with rows, {} refused by both, {} not done here, {} in another order",
            self.queries, self.with_rows, self.refused, self.unsupported, self.ordered_otherwise
        )?;
        for (count, (what, _)) in self.with.into_iter().zip(PARTS) {
            writeln!(f, "  {what}: {count}")?;
        }
        Ok(())
    }
}
