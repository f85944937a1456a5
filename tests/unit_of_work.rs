//! The session as a program uses it: what a flush sends, and what it costs no more for.

use ondelete::session::backend::Memory;
use ondelete::session::mapping::{
    ColumnDefinition, ColumnPath, ColumnType, ForeignKeyDefinition, Model, PassiveDeletes,
    RelationshipDefinition, TableDefinition,
};
use ondelete::session::{Mapping, ObjectId, ObjectState, Result, Session};
use ondelete::{Database, Enforcement, ReferentialAction};
use std::sync::Arc;
use std::thread;

fn id() -> ColumnDefinition {
    ColumnDefinition::new("id", ColumnType::Integer).primary_key()
}

/// Nodes that have a parent and children.
fn nodes() -> Arc<Mapping> {
    let key = ForeignKeyDefinition::new(["parent_id"], "node", ["id"]);
    let table = TableDefinition::new("node")
        .column(id())
        .column(ColumnDefinition::new("parent_id", ColumnType::Integer).index())
        .foreign_key(key);
    let children = RelationshipDefinition::new("children", "Node")
        .back_populates("parent")
        .cascade("all, delete-orphan");
    let parent = RelationshipDefinition::new("parent", "Node")
        .back_populates("children")
        .remote_side([ColumnPath::new("Node", "id")]);
    let model = Model::new("Node", table).relationship(children).relationship(parent);
    Mapping::configure(&[model], &[]).mapping.expect("the model is sound")
}

fn database(mapping: &Mapping) -> Database {
    let mut db = Database::new(Enforcement::On);
    mapping.create_all(&mut Memory::new(&mut db)).expect("the tables are new");
    db
}

/// So long is a chain that no recursion on the stack of [`with_a_chain`] would come to its end.
const LENGTH: usize = 100_000;

/// Links new nodes, each to the next, and hands the first and the last to `work`, all on a stack of 256 KiB.
fn with_a_chain(
    link: fn(&mut Session<'_>, ObjectId, ObjectId) -> Result<()>,
    work: fn(&mut Session<'_>, ObjectId, ObjectId) -> Result<()>,
) {
    let run = move || {
        let mapping = nodes();
        let mut db = database(&mapping);
        let mut session = Session::new(&mut db, &mapping);
        let chain: Result<Vec<_>> = (0..LENGTH).map(|_| session.create("Node")).collect();
        let chain = chain.expect("the class is mapped");
        for pair in chain.windows(2) {
            link(&mut session, pair[0], pair[1]).expect("both are transient");
        }
        work(&mut session, chain[0], chain[LENGTH - 1]).expect("nothing in it is refused");
    };
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(run);
    thread.expect("a thread can be started").join().expect("it needs no more than its stack");
}

/// Nothing in a session recurses on data: a cascade, a flush and the sorting of its steps stand on
/// explicit stacks.
#[test]
fn a_long_chain_of_children_needs_no_more_stack_than_a_short_one() {
    let link = |session: &mut Session<'_>, parent, child| session.append(parent, "children", child);
    with_a_chain(link, |session, first, last| {
        session.add(first)?;
        session.flush()?;
        assert_eq!(session.object_state(last), ObjectState::Persistent);

        session.delete(first)?;
        session.flush()?;
        assert_eq!(session.object_state(last), ObjectState::Deleted);
        session.commit()?;
        assert_eq!(session.query("Node").all()?, []);
        Ok(())
    });
}

/// The same from the other side: a list that is linked by its references.
#[test]
fn a_long_chain_of_parents_needs_no_more_stack_than_a_short_one() {
    let link = |session: &mut Session<'_>, parent, child| session.set(child, "parent", parent);
    with_a_chain(link, |session, first, last| {
        session.add(last)?;
        session.flush()?;
        assert_eq!(session.object_state(first), ObjectState::Persistent);

        session.expunge(first)?;
        assert_eq!(session.object_state(last), ObjectState::Detached);
        let merged = session.merge(first, false)?;
        assert_eq!(session.object_state(merged), ObjectState::Persistent);
        assert_eq!(session.dirty_objects(), []);
        session.refresh(merged, None)?;
        session.rollback()
    });
}

/// With `passive_deletes`, children that are not loaded are left to the foreign key.
#[test]
fn what_is_not_loaded_is_left_to_the_delete_rule() {
    let team = TableDefinition::new("team").column(id());
    let key = ForeignKeyDefinition::new(["team_id"], "team", ["id"]);
    let hero = TableDefinition::new("hero")
        .column(id())
        .column(ColumnDefinition::new("team_id", ColumnType::Integer))
        .foreign_key(key.on_delete(ReferentialAction::Cascade));
    let heroes = RelationshipDefinition::new("heroes", "Hero")
        .cascade_delete()
        .passive_deletes(PassiveDeletes::Yes);
    let models = [Model::new("Team", team).relationship(heroes), Model::new("Hero", hero)];
    let mapping = Mapping::configure(&models, &[]).mapping.expect("the models are sound");
    let mut db = database(&mapping);
    let mut session = Session::new(&mut db, &mapping);
    let team = session.create("Team").expect("the class is mapped");
    for _ in 0..3 {
        let hero = session.create("Hero").expect("the class is mapped");
        session.append(team, "heroes", hero).expect("both are transient");
    }
    session.add(team).expect("it is transient");
    session.commit().expect("the keys are new");

    session.delete(team).expect("it is persistent");
    session.trace().take();
    session.flush().expect("the heroes go with it");
    let sent = "BEGIN (implicit)\n\
        SELECT team.id \nFROM team \nWHERE team.id = ?\n(1,)\n\
        DELETE FROM team WHERE team.id = ?\n(1,)\n";
    assert_eq!(session.trace().to_string(), sent);
    session.commit().expect("nothing dangles");
    drop(session);
    assert_eq!(db.row_count("hero").expect("the table is there"), 0);
}
