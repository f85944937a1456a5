//! What storage promises about slots and buckets, seen from outside: the numbers are those of the
//! invariants in `src/storage/mod.rs`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ondelete::ReferentialAction::{Cascade, NoAction, SetNull};
use ondelete::{
    Column, Control, Database, Enforcement, ForeignKey, Index, ReferentialAction, RowId, Selector,
    Table, Value, col, key, row,
};

/// Teams and heroes, who lose or follow their team by this action.
fn heroes(action: ReferentialAction, enforcement: Enforcement) -> Database {
    let mut db = Database::new(enforcement);
    let team = Table::new("team").column(Column::integer("id").primary_key());
    let team = team.column(Column::text("name").unique());
    db.create_table(team).unwrap();
    let team_id = Column::integer("team_id").references("team", "id").on_delete(action);
    let hero = Table::new("hero").column(Column::integer("id").primary_key()).column(team_id);
    db.create_table(hero).unwrap();
    db
}

fn all(db: &Database, table: &str) -> Vec<Vec<Value>> {
    db.find(table, Selector::All).unwrap().into_iter().map(|(_, row)| row.to_vec()).collect()
}

fn assert_sound(db: &Database) {
    assert_eq!(db.verify(), Vec::<String>::new());
}

#[test]
fn a_row_that_takes_a_key_over_takes_its_rows_over() {
    // 1.
    let mut db = heroes(NoAction, Enforcement::On);
    db.insert("team", row![1, "Preventers"]).unwrap();
    db.insert_many("hero", [row![1, 1], row![2, 1]]).unwrap();
    db.replace("team", row![1, "Z-Force"]).unwrap();
    assert_sound(&db);
    let error = db.delete("team", key![1]).unwrap_err();
    assert_eq!(error.violation().unwrap().row_count, 2);
    db.control(&Control::Begin).unwrap();
    db.replace("team", row![1, "Wakaland"]).unwrap();
    db.control(&Control::Rollback).unwrap();
    assert_sound(&db);
    assert_eq!(all(&db, "team"), [[Value::from(1), "Z-Force".into()]]);
}

#[test]
fn an_index_entry_that_an_arrival_displaces_comes_back() {
    // 2.
    let mut db = heroes(Cascade, Enforcement::On);
    db.insert("team", row![1, "Preventers"]).unwrap();
    db.control(&Control::Begin).unwrap();
    for id in 2..50 {
        db.delete("team", col("name").eq("Preventers")).unwrap();
        db.insert("team", row![id, "Preventers"]).unwrap();
        assert_sound(&db);
    }
    db.control(&Control::Rollback).unwrap();
    assert_sound(&db);
    let found = db.find("team", col("name").eq("Preventers")).unwrap();
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [RowId(1)]);
}

#[test]
fn no_slot_is_used_again_while_a_rollback_may_come() {
    // 3.
    let mut db = heroes(Cascade, Enforcement::On);
    db.insert_many("team", (1..=300).map(|id| row![id, id.to_string()])).unwrap();
    db.insert_many("hero", (1..=300).map(|id| row![id, id])).unwrap();
    let before = (all(&db, "team"), all(&db, "hero"));
    db.control(&Control::Begin).unwrap();
    db.delete("team", col("id").le(250)).unwrap();
    db.insert_many("team", (1001..=1250).map(|id| row![id, id.to_string()])).unwrap();
    db.insert_many("hero", (1001..=1250).map(|id| row![id, id])).unwrap();
    assert_sound(&db);
    db.control(&Control::Rollback).unwrap();
    assert_sound(&db);
    assert_eq!((all(&db, "team"), all(&db, "hero")), before);
    // Committed, the same goes into slots that are free.
    db.delete("team", col("id").le(250)).unwrap();
    db.insert_many("team", (1001..=1250).map(|id| row![id, id.to_string()])).unwrap();
    db.insert_many("hero", (1001..=1250).map(|id| row![id, id])).unwrap();
    assert_sound(&db);
    assert_eq!(db.delete("team", col("id").gt(1000)).unwrap().total(), 500);
    assert_sound(&db);
}

#[test]
fn rows_left_behind_are_found_when_their_key_returns() {
    // 4.
    let mut db = heroes(Cascade, Enforcement::Off);
    db.insert_many("team", (1..=200).map(|id| row![id, id.to_string()])).unwrap();
    db.insert_many("hero", (1..=400).map(|id| row![id, 1 + id % 200])).unwrap();
    db.delete("team", Selector::All).unwrap();
    // Other teams take the slots.
    db.insert_many("team", (1001..=1200).map(|id| row![id, id.to_string()])).unwrap();
    assert_sound(&db);
    assert_eq!(db.check().unwrap().total, 400);
    db.insert_many("team", (1..=200).map(|id| row![id, id.to_string()])).unwrap();
    assert_sound(&db);
    assert_eq!(db.check().unwrap().total, 0);
    let _ = db.set_enforcement(Enforcement::On);
    assert_eq!(db.delete("team", key![7]).unwrap().rows_by("hero_team_id_fkey"), 2);
    assert_sound(&db);
}

#[test]
fn indexes_follow_when_tables_change() {
    // 5.
    let mut db = Database::new(Enforcement::Off);
    let hero = Table::new("hero").column(Column::integer("id").primary_key());
    let hero = hero.column(Column::text("team"));
    let to_name = ForeignKey::new(["team"], "team", ["name"]).on_delete(SetNull);
    db.create_table(hero.foreign_key(to_name)).unwrap();
    db.insert_many("hero", [row![1, "Z-Force"], row![2, "nobody"]]).unwrap();
    db.create_table(Table::new("team").column(Column::text("name"))).unwrap();
    db.insert("team", row!["Z-Force"]).unwrap();
    assert_sound(&db);
    // Only now can the foreign key be resolved.
    db.create_index(Index::new("team_name", "team", ["name"]).unique()).unwrap();
    assert_sound(&db);
    assert_eq!(db.check().unwrap().total, 1);
    db.add_column("hero", Column::integer("age").default(30)).unwrap();
    db.add_column("team", Column::text("city")).unwrap();
    db.drop_column("team", "city").unwrap();
    assert_sound(&db);
    let _ = db.set_enforcement(Enforcement::On);
    let done = db.delete("team", col("name").eq("Z-Force")).unwrap();
    assert_eq!(done.total(), 2);
    db.drop_table("team").unwrap();
    assert_sound(&db);
    assert_eq!(db.get("hero", key![1]).unwrap().unwrap(), [1.into(), Value::Null, 30.into()]);
}

#[test]
fn scans_go_by_row_id_and_not_by_slot() {
    // 6, 7.
    let mut db = heroes(Cascade, Enforcement::On);
    let far = 1_i64 << 40;
    for id in [5, 3, 900, 4, far, 1, -7, 2] {
        db.insert("team", row![id, id.to_string()]).unwrap();
        assert_sound(&db);
    }
    db.update("team", key![900], row! { "id": 0 }).unwrap();
    let ids: Vec<Value> = all(&db, "team").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, [-7, 0, 1, 2, 3, 4, 5, far].map(Value::from));
    assert_sound(&db);
}

#[test]
fn the_next_row_id_is_the_greatest_plus_one() {
    // 8.
    let mut db = heroes(Cascade, Enforcement::On);
    let next = |db: &mut Database| db.insert("team", row![(), ()]).unwrap().inserted[0].0;
    assert_eq!((next(&mut db), next(&mut db), next(&mut db)), (1, 2, 3));
    db.delete("team", key![3]).unwrap();
    assert_eq!(next(&mut db), 3);
    db.control(&Control::Begin).unwrap();
    db.insert("team", row![50, "far"]).unwrap();
    assert_eq!(next(&mut db), 51);
    db.control(&Control::Rollback).unwrap();
    assert_eq!(next(&mut db), 4);
    db.delete("team", Selector::All).unwrap();
    assert_eq!(next(&mut db), 1);
    assert_sound(&db);
}

#[test]
fn forks_share_until_one_of_them_writes() {
    let mut base = heroes(Cascade, Enforcement::On);
    base.insert_many("team", (1..=1000).map(|id| row![id, id.to_string()])).unwrap();
    base.insert_many("hero", (1..=3000).map(|id| row![id, 1 + id % 1000])).unwrap();
    let before = (all(&base, "team"), all(&base, "hero"));
    let mut forks: Vec<Database> = (0..4).map(|_| base.fork().unwrap()).collect();
    for (fork, first) in forks.iter_mut().zip([1, 300, 600, 900]) {
        fork.delete("team", col("id").between(first, first + 50)).unwrap();
        fork.update("hero", col("team_id").eq(first + 60), row! { "team_id": 999 }).unwrap();
        fork.insert_many("hero", (0..300).map(|_| row![(), 500])).unwrap();
        assert_sound(fork);
    }
    // A fork of a fork, after the one between is gone.
    let mut last = forks[1].fork().unwrap();
    drop(forks);
    last.delete("team", key![500]).unwrap();
    assert_sound(&last);
    assert_eq!(last.row_count("hero").unwrap(), 3000 - 51 * 3 + 300 - 303);
    assert_eq!((all(&base, "team"), all(&base, "hero")), before);
    base.delete("team", Selector::All).unwrap();
    assert_sound(&base);
    assert_sound(&last);
}
