//! Programs attached to tables, which is what SQL triggers will be: when they run, what they may do,
//! and what a foreign key says about it afterwards.
//!
//! Each test writes the programs by hand. With feature `sqlite` the same is said to SQLite with SQL
//! triggers, and both must end with the same rows.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::ReferentialAction::{Cascade, NoAction, Restrict, SetDefault, SetNull};
use ondelete::catalog::TableId;
use ondelete::database::{Activation, Program, Start, Step, Timing, View};
use ondelete::error::Event;
#[cfg(feature = "sqlite")]
use ondelete::error::SqliteError;
use ondelete::{
    Column, Database, Dialect, Enforcement, Error, OnConflict, ReferentialAction, Select, Table,
    Value, col, key, row,
};
use std::sync::Arc;

// ------------------------------------------------------------------------------------------------
// Programs
// ------------------------------------------------------------------------------------------------

/// What a program does: given its row change, how many steps it has done, and what there is to see.
type Body = dyn Fn(&Activation, usize, &View<'_>) -> Step + Send + Sync;

struct Running {
    activation: Activation,
    body: Arc<Body>,
    done: usize,
}

impl Program for Running {
    fn step(&mut self, view: &View<'_>) -> Step {
        self.done += 1;
        (self.body)(&self.activation, self.done - 1, view)
    }
}

fn program(body: impl Fn(&Activation, usize, &View<'_>) -> Step + Send + Sync + 'static) -> Start {
    let body: Arc<Body> = Arc::new(body);
    Arc::new(move |activation: &Activation| {
        Box::new(Running { activation: activation.clone(), body: body.clone(), done: 0 })
    })
}

/// A program of one step.
fn once(body: impl Fn(&Activation, &View<'_>) -> Step + Send + Sync + 'static) -> Start {
    program(move |activation, done, view| match done {
        0 => body(activation, view),
        _ => Step::Done,
    })
}

/// A program that writes a line into `log`, which ends in the row's first column.
fn log(word: &'static str) -> Start {
    once(move |activation, view| {
        let old = activation.old.as_ref().map(|(_, row)| row[0].to_string()).unwrap_or_default();
        let new = activation.new.as_ref().map(|(_, row)| format!("->{}", row[0]));
        let line = format!("{word}{old}{}", new.unwrap_or_default());
        Step::Insert { table: view.table("log").unwrap().id, row: vec![line.into()] }
    })
}

fn old(activation: &Activation, column: usize) -> Value {
    activation.old.as_ref().unwrap().1[column].clone()
}

/// The ids of the rows of a table that have this value in a column.
fn rows_with(
    view: &View<'_>,
    table: TableId,
    column: usize,
    value: &Value,
) -> Vec<ondelete::RowId> {
    let rows = view.rows(table).into_iter();
    rows.filter(|(_, row)| row[column] == *value).map(|(id, _)| id).collect()
}

// ------------------------------------------------------------------------------------------------
// Databases
// ------------------------------------------------------------------------------------------------

fn database() -> Database {
    let mut db = Database::new(Enforcement::On);
    db.create_table(Table::new("log").column(Column::any("line"))).unwrap();
    db
}

/// `team (id, name)` and `hero (team)`, which references it; team 1 has one hero.
fn teams(on_delete: ReferentialAction, on_update: ReferentialAction) -> Database {
    let mut db = database();
    let id = Column::integer("id").primary_key();
    db.create_table(Table::new("team").column(id)).unwrap();
    let team = Column::any("team").default(7).references_key("team");
    let team = team.on_delete(on_delete).on_update(on_update);
    db.create_table(Table::new("hero").column(team)).unwrap();
    db.insert("team", row![1]).unwrap();
    db.insert("hero", row![1]).unwrap();
    db
}

/// The same for SQLite.
#[cfg(feature = "sqlite")]
fn teams_sql(rules: &str) -> String {
    format!(
        "CREATE TABLE log (line); CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE hero (team DEFAULT 7 REFERENCES team {rules});
         INSERT INTO team VALUES (1); INSERT INTO hero VALUES (1);"
    )
}

fn nodes(rows: &[(i64, Option<i64>)]) -> Database {
    let mut db = database();
    let up = Column::integer("up").references_key("node").on_delete(Cascade);
    let id = Column::integer("id").primary_key();
    db.create_table(Table::new("node").column(id).column(up)).unwrap();
    db.insert_many("node", rows.iter().map(|&(id, up)| row![id, up])).unwrap();
    db
}

#[cfg(feature = "sqlite")]
fn nodes_sql(rows: &[(i64, Option<i64>)]) -> String {
    let mut sql = "CREATE TABLE log (line); CREATE TABLE node (id INTEGER PRIMARY KEY,
         up INTEGER REFERENCES node ON DELETE CASCADE);"
        .to_owned();
    for (id, up) in rows {
        let up = up.map_or("NULL".to_owned(), |up| up.to_string());
        sql.push_str(&format!("INSERT INTO node VALUES ({id}, {up});"));
    }
    sql
}

fn attach(db: &mut Database, name: &str, table: &str, timing: Timing, event: Event, start: Start) {
    db.attach_program(name, table, event, timing, start).unwrap();
    db.set_recursive_programs(true);
}

fn lines(db: &Database) -> Vec<String> {
    let rows = db.select(&Select::from("log")).unwrap().rows;
    rows.into_iter().map(|row| row[0].as_text().unwrap_or_default().to_owned()).collect()
}

fn rows(db: &Database, table: &str) -> Vec<Vec<Value>> {
    db.select(&Select::from(table)).unwrap().rows
}

/// Demands that SQLite, told `setup` and then `statement`, fails with the same message and has the
/// same rows.
#[cfg(feature = "sqlite")]
fn judge(setup: &str, statement: &str, db: &Database, error: Option<&Error>) {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON").unwrap();
    connection.execute_batch(setup).unwrap();
    let theirs = connection.execute_batch(statement).err();
    let theirs = theirs.map(|error| SqliteError::from(error).message);
    // How a cascade that is too deep is worded depends on the version.
    if !matches!(error, Some(Error::Depth(_))) {
        assert_eq!(theirs, error.map(|error| db.dialect().error_message(error)));
    }
    assert_eq!(theirs.is_some(), error.is_some());
    for table in db.catalog().tables() {
        let select = Select::from(table.name());
        let mut statement = connection.prepare(&format!("{select} ORDER BY rowid")).unwrap();
        let width = statement.column_count();
        let theirs: Vec<Vec<String>> = statement
            .query_map([], |row| {
                (0..width).map(|at| Ok(format!("{:?}", row.get::<_, Value>(at)?))).collect()
            })
            .unwrap()
            .map(|row| row.unwrap())
            .collect();
        let ours = db.select(&select).unwrap().rows;
        let ours: Vec<Vec<String>> =
            ours.iter().map(|row| row.iter().map(|value| format!("{value:?}")).collect()).collect();
        assert_eq!(ours, theirs, "rows of {}", table.name());
    }
}

// ------------------------------------------------------------------------------------------------
// Order
// ------------------------------------------------------------------------------------------------

/// Around one row: BEFORE, the change, the actions, AFTER; and each row before the next one.
#[test]
fn each_row_is_finished_before_the_next_one() {
    let mut db = database();
    let id = || Column::integer("id").primary_key();
    db.create_table(Table::new("team").column(id())).unwrap();
    let team = Column::integer("team").references_key("team").on_delete(Cascade);
    db.create_table(Table::new("hero").column(id()).column(team)).unwrap();
    db.insert_many("team", [row![1], row![2]]).unwrap();
    db.insert_many("hero", [row![1, 2], row![2, 1], row![3, 2]]).unwrap();
    attach(&mut db, "a", "hero", Timing::After, Event::Delete, log("hero "));
    attach(&mut db, "b", "team", Timing::After, Event::Delete, log("team "));
    attach(&mut db, "c", "team", Timing::Before, Event::Delete, log("before team "));

    let done = db.delete("team", ondelete::Selector::All).unwrap();
    assert_eq!((done.direct, done.rows_by("hero_team_fkey"), done.by_program), (2, 3, 7));
    let expected =
        ["before team 1", "hero 2", "team 1", "before team 2", "hero 1", "hero 3", "team 2"];
    assert_eq!(lines(&db), expected);

    #[cfg(feature = "sqlite")]
    judge(
        "CREATE TABLE log (line); CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE hero (id INTEGER PRIMARY KEY, team INTEGER REFERENCES team ON DELETE CASCADE);
         INSERT INTO team VALUES (1), (2); INSERT INTO hero VALUES (1, 2), (2, 1), (3, 2);
         CREATE TRIGGER a AFTER DELETE ON hero BEGIN
             INSERT INTO log VALUES ('hero ' || old.id); END;
         CREATE TRIGGER b AFTER DELETE ON team BEGIN
             INSERT INTO log VALUES ('team ' || old.id); END;
         CREATE TRIGGER c BEFORE DELETE ON team BEGIN
             INSERT INTO log VALUES ('before team ' || old.id); END;",
        "DELETE FROM team",
        &db,
        None,
    );
}

/// Rows below one row go before its next sibling.
#[test]
fn cascades_go_depth_first() {
    let tree = [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2)), (5, Some(2))];
    let mut db = nodes(&tree);
    attach(&mut db, "a", "node", Timing::After, Event::Delete, log("after "));
    attach(&mut db, "b", "node", Timing::Before, Event::Delete, log("before "));

    let plan = db.plan_delete("node", key![1]).unwrap();
    assert_eq!(lines(&db), [""; 0], "a plan leaves nothing of what programs did");
    let done = db.delete("node", key![1]).unwrap();
    assert_eq!(plan.done, done);
    let expected = [
        "before 1", "before 2", "before 4", "after 4", "before 5", "after 5", "after 2",
        "before 3", "after 3", "after 1",
    ];
    assert_eq!(lines(&db), expected);

    #[cfg(feature = "sqlite")]
    judge(
        &(nodes_sql(&tree)
            + "CREATE TRIGGER a AFTER DELETE ON node BEGIN
                   INSERT INTO log VALUES ('after ' || old.id); END;
               CREATE TRIGGER b BEFORE DELETE ON node BEGIN
                   INSERT INTO log VALUES ('before ' || old.id); END;"),
        "DELETE FROM node WHERE id = 1",
        &db,
        None,
    );
}

/// The programs of a referencing table run for the rows that an action changes.
#[test]
fn actions_start_the_programs_of_their_rows() {
    let mut db = teams(Cascade, Cascade);
    attach(&mut db, "a", "hero", Timing::After, Event::Delete, log("gone "));
    attach(&mut db, "b", "hero", Timing::After, Event::Update, log("moved "));
    db.update("team", key![1], row! { "id": 5 }).unwrap();
    db.delete("team", key![5]).unwrap();
    assert_eq!(lines(&db), ["moved 1->5", "gone 5"]);

    #[cfg(feature = "sqlite")]
    judge(
        &(teams_sql("ON DELETE CASCADE ON UPDATE CASCADE")
            + "CREATE TRIGGER a AFTER DELETE ON hero BEGIN
                   INSERT INTO log VALUES ('gone ' || old.team); END;
               CREATE TRIGGER b AFTER UPDATE ON hero BEGIN
                   INSERT INTO log VALUES ('moved ' || old.team || '->' || new.team); END;"),
        "UPDATE team SET id = 5; DELETE FROM team",
        &db,
        None,
    );
}

/// While ON UPDATE CASCADE runs, the referenced row has its new key already.
#[test]
fn an_update_cascade_sees_the_new_key() {
    let mut db = teams(NoAction, Cascade);
    let look = once(|_, view| {
        let teams = view.rows(view.table("team").unwrap().id);
        let line = format!("team {}", teams[0].1[0]);
        Step::Insert { table: view.table("log").unwrap().id, row: vec![line.into()] }
    });
    attach(&mut db, "a", "hero", Timing::After, Event::Update, look);
    db.update("team", key![1], row! { "id": 2 }).unwrap();
    assert_eq!(lines(&db), ["team 2"]);
}

/// REPLACE deletes the row in its way with its actions, but starts no DELETE program for it.
#[test]
fn replace_starts_no_delete_program_of_its_own() {
    let mut db = teams(Cascade, NoAction);
    attach(&mut db, "a", "team", Timing::After, Event::Delete, log("team "));
    attach(&mut db, "b", "hero", Timing::After, Event::Delete, log("hero "));
    db.set_recursive_programs(false);
    db.replace("team", row![1]).unwrap();
    assert_eq!(lines(&db), ["hero 1"]);

    #[cfg(feature = "sqlite")]
    judge(
        &("PRAGMA recursive_triggers = OFF;".to_owned()
            + &teams_sql("ON DELETE CASCADE")
            + "CREATE TRIGGER a AFTER DELETE ON team BEGIN
                   INSERT INTO log VALUES ('team ' || old.id); END;
               CREATE TRIGGER b AFTER DELETE ON hero BEGIN
                   INSERT INTO log VALUES ('hero ' || old.team); END;"),
        "REPLACE INTO team VALUES (1)",
        &db,
        None,
    );
}

// ------------------------------------------------------------------------------------------------
// Programs that change what the statement is about
// ------------------------------------------------------------------------------------------------

/// A program that deletes again: rows that it took are skipped when their turn comes.
#[test]
fn rows_that_a_program_took_are_skipped() {
    let rows_of = [(1, None), (2, None), (3, None), (4, None)];
    let mut db = nodes(&rows_of);
    let take_next_but_one = once(|activation, view| {
        let table = activation.table;
        let next = Value::from(old(activation, 0).as_integer().unwrap() + 2);
        Step::Delete { table, rows: rows_with(view, table, 0, &next) }
    });
    attach(&mut db, "a", "node", Timing::After, Event::Delete, take_next_but_one);
    attach(&mut db, "b", "node", Timing::Before, Event::Delete, log("before "));
    let done = db.delete("node", ondelete::Selector::All).unwrap();
    assert_eq!(done.direct, 2, "1 and 2; 3 and 4 were gone when their turn came");
    assert_eq!(rows(&db, "node"), [[]; 0]);

    #[cfg(feature = "sqlite")]
    judge(
        &(nodes_sql(&rows_of)
            + "CREATE TRIGGER a AFTER DELETE ON node BEGIN
                   DELETE FROM node WHERE id = old.id + 2; END;
               CREATE TRIGGER b BEFORE DELETE ON node BEGIN
                   INSERT INTO log VALUES ('before ' || old.id); END;"),
        "DELETE FROM node",
        &db,
        None,
    );
}

/// A BEFORE program that deletes its own row: nothing is left to be deleted, and AFTER does not run.
#[test]
fn a_before_program_may_take_its_own_row() {
    let mut db = nodes(&[(1, None), (2, None)]);
    let take_it = once(|activation, _| {
        let row = activation.old.as_ref().unwrap().0;
        Step::Delete { table: activation.table, rows: vec![row] }
    });
    // Its own deletion would start it again, for a row that is still there.
    let first_time = program(move |activation, done, view| {
        let logged = view.rows(view.table("log").unwrap().id).len();
        match (done, logged) {
            (0, 0) => {
                Step::Insert { table: view.table("log").unwrap().id, row: vec!["once".into()] }
            }
            (1, 1) => take_it(activation).step(view),
            _ => Step::Done,
        }
    });
    attach(&mut db, "a", "node", Timing::Before, Event::Delete, first_time);
    let done = db.delete("node", key![1]).unwrap();
    assert_eq!((done.direct, done.by_program), (0, 2));
    assert_eq!(rows(&db, "node"), [[Value::from(2), Value::Null]]);
}

/// RAISE(IGNORE) gives up one row change without an error. Under CASCADE the row stays and dangles,
/// so the statement is refused after all.
#[test]
fn ignore_gives_up_the_row_and_no_more() {
    let mut db = nodes(&[(1, None), (2, None), (3, None)]);
    let spare = once(|activation, _| match old(activation, 0).as_integer() {
        Some(2) => Step::Ignore,
        _ => Step::Done,
    });
    attach(&mut db, "a", "node", Timing::Before, Event::Delete, spare);
    let done = db.delete("node", ondelete::Selector::All).unwrap();
    assert_eq!(done.direct, 2);
    assert_eq!(rows(&db, "node"), [[Value::from(2), Value::Null]]);
    #[cfg(feature = "sqlite")]
    judge(
        &(nodes_sql(&[(1, None), (2, None), (3, None)])
            + "CREATE TRIGGER a BEFORE DELETE ON node WHEN old.id = 2 BEGIN
                   SELECT RAISE(IGNORE); END;"),
        "DELETE FROM node",
        &db,
        None,
    );

    let mut db = teams(Cascade, NoAction);
    attach(&mut db, "a", "hero", Timing::Before, Event::Delete, once(|_, _| Step::Ignore));
    let error = db.delete("team", key![1]).unwrap_err();
    assert_eq!(error.extended_code(), 787);
    assert_eq!(db.row_count("team").unwrap(), 1);
    #[cfg(feature = "sqlite")]
    judge(
        &(teams_sql("ON DELETE CASCADE")
            + "CREATE TRIGGER a BEFORE DELETE ON hero BEGIN SELECT RAISE(IGNORE); END;"),
        "DELETE FROM team",
        &db,
        Some(&error),
    );
}

/// RAISE(ABORT) undoes the whole statement, with what programs did before it.
#[test]
fn abort_undoes_the_statement() {
    let mut db = nodes(&[(1, None), (2, Some(1)), (3, Some(2))]);
    let refuse = program(|activation, done, view| match (done, old(activation, 0).as_integer()) {
        (0, _) => Step::Insert { table: view.table("log").unwrap().id, row: vec![1.into()] },
        (1, Some(3)) => Step::Abort("three stays".to_owned()),
        _ => Step::Done,
    });
    attach(&mut db, "a", "node", Timing::Before, Event::Delete, refuse);
    let mut transaction = db.begin().unwrap();
    let error = transaction.delete("node", key![1]).unwrap_err();
    assert_eq!(error, Error::Aborted("three stays".to_owned()));
    assert_eq!(error.to_string(), "statement aborted by a program: three stays");
    transaction.commit().unwrap();
    assert_eq!((db.row_count("node").unwrap(), db.row_count("log").unwrap()), (3, 0));
    assert_eq!(db.verify(), [""; 0]);
    #[cfg(feature = "sqlite")]
    judge(
        &(nodes_sql(&[(1, None), (2, Some(1)), (3, Some(2))])
            + "CREATE TRIGGER a BEFORE DELETE ON node BEGIN
                   INSERT INTO log VALUES (1);
                   SELECT RAISE(ABORT, 'three stays') WHERE old.id = 3; END;"),
        "DELETE FROM node WHERE id = 1",
        &db,
        Some(&error),
    );
}

// ------------------------------------------------------------------------------------------------
// Programs and foreign keys
// ------------------------------------------------------------------------------------------------

/// AFTER DELETE on `team`: puts the row back, or another one.
fn insert_team(id: Option<i64>) -> Start {
    once(move |activation, _| {
        let id = id.map_or_else(|| old(activation, 0), Value::from);
        Step::Insert { table: activation.table, row: vec![id] }
    })
}

/// NO ACTION looks at the end of the statement, when a program has put the row back; RESTRICT looks
/// at the row.
#[test]
fn a_program_may_repair_what_no_action_would_refuse() {
    for (action, code) in [(NoAction, None), (Restrict, Some(1811))] {
        let mut db = teams(action, NoAction);
        attach(&mut db, "a", "team", Timing::After, Event::Delete, insert_team(None));
        let result = db.delete("team", key![1]);
        assert_eq!(result.as_ref().err().map(Error::extended_code), code, "{action}");
        assert_eq!(db.row_count("team").unwrap(), 1);
        #[cfg(feature = "sqlite")]
        judge(
            &(teams_sql(&format!("ON DELETE {action}"))
                + "CREATE TRIGGER a AFTER DELETE ON team BEGIN
                       INSERT INTO team VALUES (old.id); END;"),
            "DELETE FROM team",
            &db,
            result.err().as_ref(),
        );
    }
}

/// An AFTER program that removes the referencing row repairs NO ACTION, and comes too late for
/// RESTRICT; a BEFORE program does for both.
#[test]
fn a_program_may_remove_the_referencing_rows() {
    let remove = || {
        once(|activation, view| {
            let table = view.table("hero").unwrap().id;
            Step::Delete { table, rows: rows_with(view, table, 0, &old(activation, 0)) }
        })
    };
    let cases = [
        (NoAction, Timing::After, "AFTER", None),
        (Restrict, Timing::After, "AFTER", Some(1811)),
        (NoAction, Timing::Before, "BEFORE", None),
        (Restrict, Timing::Before, "BEFORE", None),
    ];
    for (action, timing, word, code) in cases {
        let mut db = teams(action, NoAction);
        attach(&mut db, "a", "team", timing, Event::Delete, remove());
        let result = db.delete("team", key![1]);
        assert_eq!(result.as_ref().err().map(Error::extended_code), code, "{word}, {action}");
        assert_eq!(db.row_count("hero").unwrap(), usize::from(code.is_some()));
        #[cfg(feature = "sqlite")]
        judge(
            &(teams_sql(&format!("ON DELETE {action}"))
                + &format!(
                    "CREATE TRIGGER a {word} DELETE ON team BEGIN
                         DELETE FROM hero WHERE team = old.id; END;"
                )),
            "DELETE FROM team",
            &db,
            result.err().as_ref(),
        );
        #[cfg(not(feature = "sqlite"))]
        let _ = word;
    }
}

/// A BEFORE UPDATE program on the referenced table may move the referencing rows away.
#[test]
fn a_program_may_point_the_referencing_rows_elsewhere() {
    let mut db = teams(NoAction, Restrict);
    let let_go = once(|activation, view| {
        let table = view.table("hero").unwrap().id;
        let rows = rows_with(view, table, 0, &old(activation, 0));
        Step::Update { table, rows, assignments: vec![(0, Value::Null)] }
    });
    attach(&mut db, "a", "team", Timing::Before, Event::Update, let_go);
    db.update("team", key![1], row! { "id": 2 }).unwrap();
    assert_eq!(rows(&db, "hero"), [[Value::Null]]);
    #[cfg(feature = "sqlite")]
    judge(
        &(teams_sql("ON UPDATE RESTRICT")
            + "CREATE TRIGGER a BEFORE UPDATE ON team BEGIN UPDATE hero SET team = NULL; END;"),
        "UPDATE team SET id = 2",
        &db,
        None,
    );
}

/// The row that SET DEFAULT needs may be supplied within the statement.
#[test]
fn a_program_may_supply_the_default() {
    let mut db = teams(SetDefault, NoAction);
    attach(&mut db, "a", "team", Timing::After, Event::Delete, insert_team(Some(7)));
    db.delete("team", key![1]).unwrap();
    assert_eq!(rows(&db, "hero"), [[Value::from(7)]]);
    #[cfg(feature = "sqlite")]
    judge(
        &(teams_sql("ON DELETE SET DEFAULT")
            + "CREATE TRIGGER a AFTER DELETE ON team BEGIN INSERT INTO team VALUES (7); END;"),
        "DELETE FROM team",
        &db,
        None,
    );
}

/// A program that takes back what SET NULL did brings the violation back.
#[test]
fn a_program_may_defeat_an_action() {
    let mut db = teams(SetNull, NoAction);
    let take_back = once(|activation, _| match &activation.new {
        Some((Some(id), row)) if row[0].is_null() => Step::Update {
            table: activation.table,
            rows: vec![*id],
            assignments: vec![(0, old(activation, 0))],
        },
        _ => Step::Done,
    });
    attach(&mut db, "a", "hero", Timing::After, Event::Update, take_back);
    let error = db.delete("team", key![1]).unwrap_err();
    assert_eq!(error.extended_code(), 787);
    assert_eq!(
        (rows(&db, "team"), rows(&db, "hero")),
        (vec![vec![1.into()]], vec![vec![1.into()]])
    );
    #[cfg(feature = "sqlite")]
    judge(
        &(teams_sql("ON DELETE SET NULL")
            + "CREATE TRIGGER a AFTER UPDATE ON hero WHEN new.team IS NULL BEGIN
                   UPDATE hero SET team = old.team; END;"),
        "DELETE FROM team",
        &db,
        Some(&error),
    );
}

/// Programs run for rows that are inserted too, an upsert's and a program's own.
#[test]
fn programs_run_for_every_way_a_row_arrives() {
    let mut db = teams(NoAction, NoAction);
    attach(&mut db, "a", "team", Timing::Before, Event::Insert, log("before insert"));
    attach(&mut db, "b", "team", Timing::After, Event::Insert, log("after insert"));
    attach(&mut db, "c", "team", Timing::After, Event::Update, log("after update "));
    db.insert("team", row![2]).unwrap();
    let excluded = ondelete::Upsert::on(["id"]).set("id", col(("excluded", "id")) + 10);
    db.upsert("team", row![2], excluded).unwrap();
    let ignore = ondelete::Insert::into("team").row(row![1]).on_conflict(OnConflict::Ignore);
    assert_eq!(db.run(ignore).unwrap().direct, 0);
    let expected = [
        "before insert->2",
        "after insert->2",
        "before insert->2",
        "after update 2->12",
        "before insert->1",
    ];
    assert_eq!(lines(&db), expected);
    #[cfg(feature = "sqlite")]
    judge(
        &(teams_sql("")
            + "CREATE TRIGGER a BEFORE INSERT ON team BEGIN
                   INSERT INTO log VALUES ('before insert->' || new.id); END;
               CREATE TRIGGER b AFTER INSERT ON team BEGIN
                   INSERT INTO log VALUES ('after insert->' || new.id); END;
               CREATE TRIGGER c AFTER UPDATE ON team BEGIN
                   INSERT INTO log VALUES ('after update ' || old.id || '->' || new.id); END;"),
        "INSERT INTO team VALUES (2);
         INSERT INTO team VALUES (2) ON CONFLICT (id) DO UPDATE SET id = excluded.id + 10;
         INSERT OR IGNORE INTO team VALUES (1)",
        &db,
        None,
    );
}

/// A program that is detached, or whose table is dropped, does not run any more.
#[test]
fn programs_come_and_go() {
    let mut db = teams(Cascade, NoAction);
    attach(&mut db, "a", "team", Timing::Before, Event::Delete, log("a "));
    attach(&mut db, "b", "team", Timing::Before, Event::Delete, log("b "));
    let taken = db.attach_program("A", "hero", Event::Delete, Timing::After, log("")).unwrap_err();
    assert_eq!(taken.to_string(), "program \"A\" exists already");
    let missing = db.detach_program("c").unwrap_err();
    assert_eq!(missing.to_string(), "program \"c\" does not exist", "no letter in common, no hint");
    attach(&mut db, "audit", "hero", Timing::After, Event::Update, log("audit "));
    let missing = db.detach_program("audti").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "program \"audti\" does not exist\nhint: Did you mean \"audit\"?"
    );
    db.delete("team", key![1]).unwrap();
    assert_eq!(lines(&db), ["b 1", "a 1"], "the newest first");
    db.detach_program("b").unwrap();
    db.insert("team", row![2]).unwrap();
    db.drop_table("team").unwrap();
    assert_eq!(lines(&db), ["b 1", "a 1"], "DROP TABLE starts no program of its own table");
    attach(&mut db, "a", "hero", Timing::Before, Event::Delete, log("free again "));
}

// ------------------------------------------------------------------------------------------------
// Depth
// ------------------------------------------------------------------------------------------------

/// Runs a body where nothing can recurse far.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(body).unwrap().join().unwrap();
}

/// `count` rows, each of which takes the next one along by a program.
fn row_after_row(count: i64, dialect: Dialect) -> Database {
    let mut db = Database::with_dialect(Enforcement::On, dialect);
    db.create_table(Table::new("node").column(Column::integer("id").primary_key())).unwrap();
    db.insert_many("node", (1..=count).map(|id| row![id])).unwrap();
    let take_next = once(|activation, view| {
        let row = activation.old.as_ref().unwrap().0;
        let next = ondelete::RowId(row.0 + 1);
        let rows = view.row(activation.table, next).map(|_| next).into_iter().collect();
        Step::Delete { table: activation.table, rows }
    });
    attach(&mut db, "next", "node", Timing::After, Event::Delete, take_next);
    db
}

/// A thousand programs nest, one more does not, and neither needs the thread's stack.
#[test]
fn a_thousand_programs_nest_on_a_small_stack() {
    on_a_small_stack(|| {
        let mut db = row_after_row(1000, Dialect::sqlite());
        let done = db.delete("node", key![1]).unwrap();
        assert_eq!((done.direct, done.by_program), (1, 999));

        let mut db = row_after_row(1001, Dialect::sqlite());
        let error = db.delete("node", key![1]).unwrap_err();
        assert!(matches!(error, Error::Depth(_)), "{error}");
        assert_eq!(db.row_count("node").unwrap(), 1001);
        assert_eq!(db.delete("node", key![2]).unwrap().by_program, 999);

        let mut db = row_after_row(100_000, Dialect::sqlite().with_depth_limit(None));
        assert_eq!(db.delete("node", key![1]).unwrap().by_program, 99_999);
    });
}

/// SQLite counts the same levels.
#[cfg(feature = "sqlite")]
#[test]
fn sqlite_nests_as_many() {
    for count in [1000, 1001] {
        let setup = format!(
            "CREATE TABLE node (id INTEGER PRIMARY KEY);
             WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 INSERT INTO node SELECT i FROM n;
             CREATE TRIGGER next AFTER DELETE ON node BEGIN
                 DELETE FROM node WHERE id = old.id + 1; END;"
        );
        let mut db = row_after_row(count, Dialect::sqlite());
        let error = db.delete("node", key![1]).err();
        assert_eq!(error.is_some(), count > 1000);
        judge(&setup, "DELETE FROM node WHERE id = 1", &db, error.as_ref());
    }
}
