"""What the workloads of benches/session.rs cost in SQLAlchemy: milliseconds of CPU time, a line each."""
import sys
import time

from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, create_engine
from sqlalchemy.orm import Session, registry, relationship
from sqlalchemy.pool import StaticPool

rows, rounds = int(sys.argv[1]), int(sys.argv[2])


class Team:
    pass


class Hero:
    pass


def database(passive, filled, cascade="all, delete-orphan"):
    reg, md = registry(), MetaData()
    team = Table("team", md, Column("id", Integer, primary_key=True), Column("name", String))
    hero = Table(
        "hero",
        md,
        Column("id", Integer, primary_key=True),
        Column("name", String),
        Column("team_id", Integer, ForeignKey("team.id", ondelete="CASCADE"), index=True),
    )
    heroes = relationship(
        Hero, back_populates="team", cascade=cascade, passive_deletes=passive
    )
    reg.map_imperatively(Team, team, properties={"heroes": heroes})
    reg.map_imperatively(Hero, hero, properties={"team": relationship(Team, back_populates="heroes")})
    reg.configure()
    engine = create_engine("sqlite://", poolclass=StaticPool)
    md.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.execute(team.insert(), [{"id": 1, "name": "a"}])
        if filled:
            connection.execute(
                hero.insert(),
                [{"id": i + 1, "name": "h%d" % i, "team_id": 1} for i in range(rows)],
            )
    return reg, engine


def delete(passive, cascade="all, delete-orphan"):
    reg, engine = database(passive, True, cascade)
    session = Session(engine)
    team = session.get(Team, 1)
    if not passive:
        list(team.heroes)
    session.delete(team)
    start = time.process_time()
    session.flush()
    return reg, session, time.process_time() - start


def load():
    reg, engine = database(False, True)
    session = Session(engine)
    team = session.get(Team, 1)
    start = time.process_time()
    list(team.heroes)
    return reg, session, time.process_time() - start


def add():
    reg, engine = database(False, False)
    session = Session(engine)
    session.get(Team, 1)
    heroes = []
    for i in range(rows):
        hero = Hero()
        hero.id, hero.name, hero.team_id = i + 1, "h%d" % i, 1
        heroes.append(hero)
    start = time.process_time()
    session.add_all(heroes)
    session.flush()
    return reg, session, time.process_time() - start


for name, work in (
    ("loaded", lambda: delete(False)),
    ("passive", lambda: delete(True)),
    ("nulled", lambda: delete(False, "save-update, merge")),
    ("add", add),
    ("load", load),
):
    best = None
    for _ in range(rounds):
        reg, session, seconds = work()
        session.close()
        reg.dispose()
        best = seconds if best is None else min(best, seconds)
    print(name, best * 1e3)
