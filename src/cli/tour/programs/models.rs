//! The classes of the programs, their tables, and their rows.

use super::Case;
use crate::database::Database;
use crate::session::backend::{Backend, Memory};
use crate::session::mapping::{
    ColumnDefinition as Column,
    ColumnType::{Float, Integer, Varchar},
    ForeignKeyDefinition, Mapping, Model, RelationshipDefinition as Relationship, TableDefinition,
};
use crate::session::{Error, ObjectId, Result, Session, SessionOptions};
use std::sync::Arc;

/// Which classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// Teams and heroes, of the SQLModel documentation.
    Heroes,
    /// Classes and enrollments.
    Enrollments,
    /// Stores and their items.
    Items,
}

/// A class and its table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) class: &'static str,
    pub(super) table: &'static str,
}

/// What a sample's parts are called, and which row is deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) parent: Class,
    pub(super) child: Class,
    /// The parent's relationship, and the child's.
    pub(super) collection: &'static str,
    pub(super) reference: &'static str,
    /// The child's referencing column.
    pub(super) column: &'static str,
    /// The parent that is deleted.
    pub(super) id: i64,
    pub(super) name: &'static str,
    /// Its children.
    pub(super) children: &'static [(i64, &'static str)],
}

impl Sample {
    pub(super) fn parts(self) -> Parts {
        match self {
            Sample::Heroes => Parts {
                parent: Class { class: "Team", table: "team" },
                child: Class { class: "Hero", table: "hero" },
                collection: "heroes",
                reference: "team",
                column: "team_id",
                id: 3,
                name: "Wakaland",
                children: &[(4, "Black Lion"), (5, "Princess Sure-E")],
            },
            Sample::Enrollments => Parts {
                parent: Class { class: "Class", table: "class" },
                child: Class { class: "Enrollment", table: "enrollment" },
                collection: "enrollments",
                reference: "class_",
                column: "class_id",
                id: 1,
                name: "Maths",
                children: &[(1, "Ann"), (2, "Bo")],
            },
            Sample::Items => Parts {
                parent: Class { class: "StoreModel", table: "stores" },
                child: Class { class: "ItemModel", table: "items" },
                collection: "items",
                reference: "store",
                column: "store_id",
                id: 1,
                name: "Store 1",
                children: &[(1, "Item 1"), (2, "Item 2")],
            },
        }
    }

    /// The columns of both tables before the referencing one.
    fn columns(self) -> [Vec<Column>; 2] {
        let text = |name: &str| Column::new(name, Varchar(None));
        let name = |name: &str| text(name).nullable(false);
        let id = || Column::new("id", Integer).primary_key();
        match self {
            Sample::Heroes => [
                vec![id(), name("name").index(), name("headquarters")],
                vec![
                    id(),
                    name("name").index(),
                    name("secret_name"),
                    Column::new("age", Integer).index(),
                ],
            ],
            Sample::Enrollments => [vec![id(), text("name")], vec![id(), text("student")]],
            Sample::Items => [
                vec![id(), name("name").unique()],
                vec![id(), name("name").unique(), Column::new("price", Float)],
            ],
        }
    }
}

/// The classes of a case.
pub(super) fn mapping(case: &Case) -> Result<Arc<Mapping>> {
    let Parts { parent, child, collection, reference, column, .. } = case.sample.parts();
    let table = |class: Class, columns: Vec<Column>| {
        columns.into_iter().fold(TableDefinition::new(class.table), TableDefinition::column)
    };
    let [parents, mut children] = case.sample.columns();
    children.push(Column::new(column, Integer).nullable(case.nullable));
    let mut references = ForeignKeyDefinition::new([column], parent.table, ["id"]);
    if let Some(action) = case.on_delete {
        references = references.on_delete(action);
    }
    let mut to_children = Relationship::new(collection, child.class)
        .back_populates(reference)
        .passive_deletes(case.passive_deletes)
        .lazy(case.lazy);
    if let Some(cascade) = case.cascade {
        to_children = to_children.cascade(cascade);
    }
    let to_parent = Relationship::new(reference, parent.class).back_populates(collection);
    let models = [
        Model::new(parent.class, table(parent, parents)).relationship(to_children),
        Model::new(child.class, table(child, children).foreign_key(references))
            .relationship(to_parent),
    ];
    Mapping::configure(&models, &[]).mapping
}

/// `create_all()`.
pub(super) fn create_tables(db: &mut Database, mapping: &Mapping) -> Result<()> {
    let mut memory = Memory::new(db);
    for table in mapping.creation_order() {
        let created = memory.create_table(&mapping[table]);
        created.map_err(|error| Error::from_driver(&error, None))?;
    }
    Ok(())
}

/// Makes the rows as the program makes them, and opens another session.
pub(super) fn fill(session: &mut Session<'_>, case: &Case) -> Result<()> {
    match case.sample {
        Sample::Heroes => create_heroes(session, case.nullable)?,
        Sample::Enrollments => create_enrollments(session)?,
        Sample::Items => create_items(session)?,
    }
    session.reopen(SessionOptions::default())
}

fn create_heroes(session: &mut Session<'_>, may_lack_team: bool) -> Result<()> {
    let preventers = team(session, "Preventers", "Sharp Tower")?;
    let z_force = team(session, "Z-Force", "Sister Margaret's Bar")?;
    let deadpond = hero(session, "Deadpond", "Dive Wilson", None)?;
    session.set(deadpond, "team", z_force)?;
    let rusty_man = hero(session, "Rusty-Man", "Tommy Sharp", Some(48))?;
    session.set(rusty_man, "team", preventers)?;
    let spider_boy = hero(session, "Spider-Boy", "Pedro Parqueador", None)?;
    if !may_lack_team {
        session.set(spider_boy, "team", preventers)?;
    }
    session.add_all(&[deadpond, rusty_man, spider_boy])?;
    session.commit()?;
    session.set(spider_boy, "team", preventers)?;
    session.commit()?;
    let black_lion = hero(session, "Black Lion", "Trevor Challa", Some(35))?;
    let sure_e = hero(session, "Princess Sure-E", "Sure-E", None)?;
    let wakaland = team(session, "Wakaland", "Wakaland Capital City")?;
    session.set(wakaland, "heroes", vec![black_lion, sure_e])?;
    session.add(wakaland)?;
    session.commit()
}

fn team(session: &mut Session<'_>, name: &str, headquarters: &str) -> Result<ObjectId> {
    let team = session.create("Team")?;
    session.set(team, "name", name)?;
    session.set(team, "headquarters", headquarters)?;
    Ok(team)
}

fn hero(
    session: &mut Session<'_>,
    name: &str,
    secret_name: &str,
    age: Option<i64>,
) -> Result<ObjectId> {
    let hero = session.create("Hero")?;
    session.set(hero, "name", name)?;
    session.set(hero, "secret_name", secret_name)?;
    if let Some(age) = age {
        session.set(hero, "age", age)?;
    }
    Ok(hero)
}

fn create_enrollments(session: &mut Session<'_>) -> Result<()> {
    let class = |session: &mut Session<'_>, name: &str| {
        let class = session.create("Class")?;
        session.set(class, "name", name)?;
        Ok(class)
    };
    let enrollment = |session: &mut Session<'_>, student: &str, class: ObjectId| {
        let enrollment = session.create("Enrollment")?;
        session.set(enrollment, "student", student)?;
        session.set(enrollment, "class_", class)?;
        Ok(enrollment)
    };
    let (maths, art) = (class(session, "Maths")?, class(session, "Art")?);
    let ann = enrollment(session, "Ann", maths)?;
    let bo = enrollment(session, "Bo", maths)?;
    let cy = enrollment(session, "Cy", art)?;
    session.add_all(&[maths, art, ann, bo, cy])?;
    session.commit()
}

fn create_items(session: &mut Session<'_>) -> Result<()> {
    let store = session.create("StoreModel")?;
    session.set(store, "name", "Store 1")?;
    session.add(store)?;
    for (name, price) in [("Item 1", 1.5), ("Item 2", 2.0)] {
        let item = session.create("ItemModel")?;
        session.set(item, "name", name)?;
        session.set(item, "price", price)?;
        session.set(item, "store", store)?;
        session.add(item)?;
    }
    session.commit()
}
