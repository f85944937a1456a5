//! Three teams and five heroes: the tables and rows of the SQLModel documentation's chapter "Cascade
//! Delete Relationships", made in the order in which its programs make them.

use crate::catalog::{Column, Index, ReferentialAction, Table};
use crate::database::{Database, Enforcement};
use crate::error::Result;
use crate::key;
use crate::query::{Select, Selection};
use crate::row;
use crate::value::Value;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The id of Wakaland, the team that is deleted.
pub(super) const WAKALAND: i64 = 3;

/// The id of the Preventers: where SET DEFAULT moves a hero, which no program of the chapter does.
const DEFAULT_TEAM: i64 = 2;

/// A database with both tables, their indexes and all rows.
///
/// Ids are left to the tables, which count from 1. Spider-Boy joins a team later on; Wakaland and its
/// heroes come last.
pub(super) fn database(action: ReferentialAction, enforcement: Enforcement) -> Result<Database> {
    let mut db = Database::new(enforcement);
    create_tables(&mut db, action)?;
    db.insert_many(
        "team",
        [
            row! { "name": "Z-Force", "headquarters": "Sister Margaret's Bar" },
            row! { "name": "Preventers", "headquarters": "Sharp Tower" },
        ],
    )?;
    db.insert_many(
        "hero",
        [
            row! { "name": "Deadpond", "secret_name": "Dive Wilson", "team_id": 1 },
            row! { "name": "Rusty-Man", "secret_name": "Tommy Sharp", "age": 48, "team_id": 2 },
            row! { "name": "Spider-Boy", "secret_name": "Pedro Parqueador", "team_id": () },
        ],
    )?;
    db.update("hero", key![3], row! { "team_id": 2 })?;
    db.insert("team", row! { "name": "Wakaland", "headquarters": "Wakaland Capital City" })?;
    db.insert_many(
        "hero",
        [
            row! { "name": "Black Lion", "secret_name": "Trevor Challa", "age": 35, "team_id": 3 },
            row! { "name": "Princess Sure-E", "secret_name": "Sure-E", "team_id": 3 },
        ],
    )?;
    Ok(db)
}

fn create_tables(db: &mut Database, action: ReferentialAction) -> Result<()> {
    let mut team_id = Column::integer("team_id").references("team", "id").on_delete(action);
    if action == ReferentialAction::SetDefault {
        team_id = team_id.default(DEFAULT_TEAM);
    }
    db.create_table(
        Table::new("team")
            .column(Column::integer("id").primary_key().not_null())
            .column(Column::text("name").not_null())
            .column(Column::text("headquarters").not_null()),
    )?;
    db.create_table(
        Table::new("hero")
            .column(Column::integer("id").primary_key().not_null())
            .column(Column::text("name").not_null())
            .column(Column::text("secret_name").not_null())
            .column(Column::integer("age"))
            .column(team_id),
    )?;
    db.create_index(Index::new("ix_team_name", "team", ["name"]))?;
    db.create_index(Index::new("ix_hero_name", "hero", ["name"]))?;
    db.create_index(Index::new("ix_hero_age", "hero", ["age"]))
}

/// Both tables at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) teams: Selection,
    pub(super) heroes: Selection,
}

impl Rows {
    pub(super) fn read(db: &Database) -> Result<Rows> {
        let teams = db.select(&Select::from("team"))?;
        let heroes = db.select(&Select::from("hero"))?;
        Ok(Rows { teams, heroes })
    }

    /// A team's row.
    pub(super) fn team(&self, id: &Value) -> Option<&[Value]> {
        self.teams.rows.iter().map(Vec::as_slice).find(|team| team[0] == *id)
    }

    /// A hero.
    pub(super) fn hero(&self, id: &Value) -> Option<Hero<'_>> {
        self.heroes().find(|hero| hero.id == id)
    }

    /// All heroes.
    pub(super) fn heroes(&self) -> impl Iterator<Item = Hero<'_>> {
        self.heroes.rows.iter().filter_map(|row| match row.as_slice() {
            [id, name, _, _, team_id] => Some(Hero { id, name, team_id }),
            _ => None,
        })
    }
}

/// What a run shows of a hero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hero<'a> {
    pub(super) id: &'a Value,
    pub(super) name: &'a Value,
    pub(super) team_id: &'a Value,
}

/// One list of objects per table, each with its columns' names.
impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tables = serializer.serialize_map(Some(2))?;
        tables.serialize_entry("team", &Objects(&self.teams))?;
        tables.serialize_entry("hero", &Objects(&self.heroes))?;
        tables.end()
    }
}

struct Objects<'a>(&'a Selection);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Selection { columns, rows } = self.0;
        serializer.collect_seq(rows.iter().map(|values| Object { columns, values }))
    }
}

struct Object<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(self.values))
    }
}
