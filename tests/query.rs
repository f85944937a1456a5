//! Queries find here what they find in SQLite, over random tables and queries.
//!
//! `ONDELETE_QUERIES` says how many queries to compare, `ONDELETE_SEED` which ones. What was tried is
//! printed; see it with `--nocapture`.
#![cfg(all(feature = "testing", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod threads;

use ondelete::expression::{Call, exists, function, parameter, subquery};
use ondelete::query::ResultColumn;
use ondelete::testing::queries::{self, Coverage};
use ondelete::{
    Column, Database, Delete, Enforcement, Insert, OnConflict, Select, Statement, Table, Update,
    Upsert, Value, col, lit, row,
};
use rusqlite::Connection;

/// Queries compared when nothing else is said.
const QUERIES: usize = 6_000;

#[test]
fn queries_find_what_sqlite_finds() {
    let mut coverage = Coverage::default();
    for own in threads::run("ONDELETE_QUERIES", QUERIES, queries::run) {
        coverage.add(&own);
    }
    println!("{coverage}");
    assert_eq!(coverage.below_floor(), Vec::<String>::new());
}

/// Carries a statement out here and in SQLite, and compares all rows of a table.
struct Twins {
    db: Database,
    connection: Connection,
}

impl Twins {
    fn new() -> Self {
        let mut twins = Twins {
            db: Database::new(Enforcement::Off),
            connection: Connection::open_in_memory().unwrap(),
        };
        for table in [
            Table::new("team")
                .column(Column::integer("id").primary_key())
                .column(Column::text("name").unique())
                .column(Column::integer("size")),
            Table::new("hero")
                .column(Column::integer("id").primary_key())
                .column(Column::integer("team_id"))
                .column(Column::text("name")),
        ] {
            twins.connection.execute_batch(&table.to_string()).unwrap();
            twins.db.create_table(table).unwrap();
        }
        twins.run(Insert::into("team").row(row![1, "A", ()]).row(row![2, "B", 7]));
        let heroes = [row![1, 1, "x"], row![2, 1, "y"], row![3, 2, "z"], row![4, (), "w"]];
        twins.run(Insert::into("hero").rows(heroes));
        twins
    }

    fn run(&mut self, statement: impl Into<Statement>) {
        let statement = statement.into();
        let sql = statement.to_string();
        let ours = self.db.run(statement).map(|done| done.direct);
        let theirs = self.connection.execute(&sql, []);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{sql}"),
            (ours, theirs) => {
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{sql}: {ours:?} {theirs:?}")
            }
        }
        for table in ["team", "hero"] {
            let ours = self.db.select(&Select::from(table)).unwrap().rows;
            let ours: Vec<String> = ours.iter().map(|row| format!("{row:?}")).collect();
            assert_eq!(ours, self.rows(&format!("SELECT * FROM {table}")), "{sql}");
        }
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let mut statement = self.connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| {
            let row: Vec<Value> = (0..width).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            Ok(format!("{row:?}"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

/// How many heroes a team has.
fn heroes_of(team: &str) -> Select {
    Select::from("hero")
        .column(Call::star("count"))
        .filter(col(("hero", "team_id")).eq(col((team, "id"))))
}

#[test]
fn statements_compute_with_queries() {
    let mut twins = Twins::new();
    // Each row's value is computed when its turn comes.
    twins.run(Update::of("team").set("size", subquery(heroes_of("team"))));
    let greatest = Select::from("team").column(function("max", [col("size")]));
    twins.run(Update::of("team").set("size", subquery(greatest) + 1));
    let of_a = Select::from("team").columns(["id"]).filter(col("name").eq("A"));
    twins.run(
        Update::of("hero")
            .set("name", col("name").concat("!"))
            .filter(col("team_id").in_query(of_a)),
    );
    twins.run(
        Insert::into("team").row(row![3, "A", 5]).on_conflict(OnConflict::Upsert(
            Upsert::on(["name"])
                .set("size", subquery(heroes_of("team")) + col(("excluded", "size")))
                .filter(exists(Select::from("hero"))),
        )),
    );
    twins.run(Delete::from("hero").filter(exists(heroes_of("hero").having(lit(1)))));
    let empty = col("id").not_in_query(
        Select::from("hero").columns(["team_id"]).filter(col("team_id").is_not_null()),
    );
    twins.run(Delete::from("team").filter(empty));
    twins.run(Update::of("hero").set("name", "r").filter(col("rowid").ge(3)));
    twins.run(Delete::from("hero").filter(col("nothing").eq(subquery(Select::from("team")))));
}

#[test]
fn statements_have_parameters_and_return_rows() {
    let mut db = Twins::new().db;
    let update = Update::of("hero").set("name", parameter(1)).filter(col("id").le(parameter(2)));
    let columns = [ResultColumn::All, ResultColumn::named(col("id") * 2, "twice")];
    let (done, returned) = db.run_returning(update, &columns, &["new".into(), 2.into()]).unwrap();
    assert_eq!(done.direct, 2);
    assert_eq!(returned.columns, ["id", "team_id", "name", "twice"]);
    let expected: [[Value; 4]; 2] = [
        [1.into(), 1.into(), "new".into(), 2.into()],
        [2.into(), 1.into(), "new".into(), 4.into()],
    ];
    assert_eq!(returned.rows, expected);
    let delete = Delete::from("hero").filter(col("name").eq(parameter(1)));
    let (_, returned) = db.run_returning(delete, &[col("name").into()], &["new".into()]).unwrap();
    assert_eq!(returned.rows, [["new".into()], ["new".into()]] as [[Value; 1]; 2]);
    let query = db
        .prepare_select(&Select::from("hero").columns(["name"]).filter(col("id").eq(parameter(1))));
    let query = query.unwrap();
    assert_eq!(db.run_query(&query, &[3.into()]).unwrap(), [["z".into()]] as [[Value; 1]; 1]);
    assert_eq!(db.run_query(&query, &["4".into()]).unwrap(), [["w".into()]] as [[Value; 1]; 1]);
    assert!(db.run_query(&query, &[]).unwrap().is_empty());
}

#[test]
fn a_query_holds_until_its_table_changes() {
    let mut db = Twins::new().db;
    let query = db.prepare_select(&Select::from("hero").columns(["id"]).limit(1)).unwrap();
    db.create_table(Table::new("other").column(Column::integer("id"))).unwrap();
    assert_eq!(db.run_query(&query, &[]).unwrap(), [[1.into()]] as [[Value; 1]; 1]);
    db.drop_table("hero").unwrap();
    let error = db.run_query(&query, &[]).unwrap_err();
    assert_eq!(db.dialect().error_message(&error), "database schema has changed");
}

/// A query within a query within a query: on a small stack, unoptimised.
#[test]
fn nested_queries_fit_a_small_stack() {
    let nest = || {
        let db = Twins::new().db;
        let mut select = Select::from("hero").columns(["id"]);
        let mut from = select.clone();
        let mut levels = 0;
        loop {
            let result = db.select(&select);
            let from_result = db.select(&from);
            if result.is_err() && from_result.is_err() {
                break;
            }
            levels += 1;
            select = Select::from("hero").columns(["id"]).filter(col("id").in_query(select));
            from = Select::from(from);
        }
        assert!((8..100).contains(&levels), "{levels}");
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(nest).unwrap();
    thread.join().unwrap();
}
