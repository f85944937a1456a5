//! Teams and heroes as the session's benches map them, and the memory of an object.

use super::memory::Allocated;
use ondelete::ReferentialAction::Cascade;
use ondelete::session::backend::Memory;
use ondelete::session::mapping::{
    ColumnDefinition, ColumnType, ForeignKeyDefinition, Model, PassiveDeletes,
    RelationshipDefinition, TableDefinition,
};
use ondelete::session::{Mapping, Session};
use ondelete::{Database, Enforcement, row};
use std::sync::Arc;

/// What becomes of the heroes of a deleted team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heroes {
    /// They are loaded and deleted.
    Deleted,
    /// They are loaded and lose their team.
    Nulled,
    /// They are not loaded, and the foreign key deletes them.
    LeftToTheDatabase,
}

/// Teams and their heroes.
pub fn mapping(heroes: Heroes) -> Arc<Mapping> {
    let team = TableDefinition::new("team")
        .column(ColumnDefinition::new("id", ColumnType::Integer).primary_key())
        .column(ColumnDefinition::new("name", ColumnType::Varchar(None)));
    let hero = TableDefinition::new("hero")
        .column(ColumnDefinition::new("id", ColumnType::Integer).primary_key())
        .column(ColumnDefinition::new("name", ColumnType::Varchar(None)))
        .column(ColumnDefinition::new("team_id", ColumnType::Integer).index())
        .foreign_key(ForeignKeyDefinition::new(["team_id"], "team", ["id"]).on_delete(Cascade));
    let list = RelationshipDefinition::new("heroes", "Hero").back_populates("team");
    let list = match heroes {
        Heroes::Deleted => list.cascade_delete(),
        Heroes::Nulled => list,
        Heroes::LeftToTheDatabase => list.cascade_delete().passive_deletes(PassiveDeletes::Yes),
    };
    let models = [
        Model::new("Team", team).relationship(list),
        Model::new("Hero", hero)
            .relationship(RelationshipDefinition::new("team", "Team").back_populates("heroes")),
    ];
    Mapping::configure(&models, &[]).mapping.expect("the models are sound")
}

/// One team with so many heroes.
pub fn database(mapping: &Mapping, heroes: i64) -> Database {
    let mut db = Database::new(Enforcement::On);
    mapping.create_all(&mut Memory::new(&mut db)).expect("the tables are new");
    db.insert("team", row! { "id": 1, "name": "a" }).expect("the table is empty");
    let rows = (1..=heroes).map(|id| row! { "id": id, "name": format!("h{id}"), "team_id": 1 });
    db.insert_many("hero", rows).expect("the team is there");
    db
}

/// Bytes for each hero that a session has loaded: three columns, a relationship, and its place in the
/// identity map.
pub fn bytes_per_object(objects: i64, allocated: Allocated<'_>) -> f64 {
    let mapping = mapping(Heroes::Deleted);
    let mut db = database(&mapping, objects);
    let mut session = Session::new(&mut db, &mapping);
    session.query("Team").one().expect("the team is there");
    let before = allocated();
    let loaded = session.query("Hero").all().expect("they can be loaded").len();
    (allocated() - before) as f64 / loaded as f64
}
