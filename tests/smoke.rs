//! A first walk through the engine.
use ondelete::ReferentialAction::*;
use ondelete::*;

fn tour(action: ReferentialAction, e: Enforcement) -> Database {
    let mut db = Database::new(e);
    db.create_table(
        Table::new("team")
            .column(Column::integer("id").primary_key())
            .column(Column::text("name").not_null()),
    )
    .unwrap();
    db.create_table(
        Table::new("hero")
            .column(Column::integer("id").primary_key())
            .column(Column::text("name").not_null())
            .column(Column::integer("team_id").references("team", "id").on_delete(action)),
    )
    .unwrap();
    db.insert_many("team", [row![1, "Z-Force"], row![2, "Preventers"], row![3, "Wakaland"]])
        .unwrap();
    db.insert_many(
        "hero",
        [
            row![1, "Deadpond", 1],
            row![2, "Rusty-Man", 2],
            row![3, "Spider-Boy", 2],
            row![4, "Black Lion", 3],
            row![5, "Princess Sure-E", 3],
        ],
    )
    .unwrap();
    db
}

#[test]
fn all() {
    for action in ReferentialAction::ALL {
        for e in [Enforcement::On, Enforcement::Off] {
            let mut db = tour(action, e);
            db.record_let_pass(true);
            println!("--- {action} {e:?}");
            println!("{}", db.plan_delete("team", key![3]).unwrap());
            match db.delete("team", key![3]) {
                Ok(done) => println!("{done:?}"),
                Err(error) => println!("{error}"),
            }
            println!("{:?} {:?}", db.let_pass(), db.select(&Select::from("hero")).unwrap().rows);
            println!("{}", db.check().unwrap());
            assert_eq!(db.verify(), Vec::<String>::new());
        }
    }
}

#[test]
fn chain() {
    let mut db = Database::with_dialect(Enforcement::On, Dialect::sqlite().with_depth_limit(None));
    db.create_table(
        Table::new("node")
            .column(Column::integer("id").primary_key())
            .column(Column::integer("up").references_key("node").on_delete(Cascade)),
    )
    .unwrap();
    let n = 100_000;
    let t = std::time::Instant::now();
    db.insert_many("node", (1..=n).map(|i| if i == 1 { row![i, ()] } else { row![i, i - 1] }))
        .unwrap();
    println!("insert {:?}", t.elapsed());
    let t = std::time::Instant::now();
    println!("{}", db.plan_delete("node", key![1]).unwrap());
    println!("plan {:?}", t.elapsed());
    let t = std::time::Instant::now();
    db.delete("node", key![1]).unwrap();
    println!("delete {:?}", t.elapsed());
}
