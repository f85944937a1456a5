#!/usr/bin/env python3
"""Records what the real SQLAlchemy does with the scenarios in tests/session, for tests/session.rs.

    python3 -m venv venv && venv/bin/pip install sqlalchemy==2.1.9
    venv/bin/python tests/record_session.py                  # all of tests/session, recorded anew
    venv/bin/python tests/record_session.py scenario.json    # one trace, to standard output

A fixture `tests/session/NAME.jsonl.gz` holds a line `{"scenario": ..., "trace": ...}` for each
scenario; recording replaces the traces and keeps the scenarios. To move to another version of
SQLAlchemy, state it below, record, and read what has changed.

The database is SQLite in memory, on one connection. Three things are pinned down, since SQLAlchemy
leaves them to chance: its sets of objects iterate in order of insertion; actions of a flush that sort
alike run in the order in which they were registered; and no object is forgotten as long as a session
lives. Transactions are real: BEGIN is sent where SQLAlchemy begins.
"""

import collections.abc
import glob
import gzip
import json
import os
import re
import sys
import warnings

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm import attributes, decl_base, dependency, identity, session, unitofwork
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import topological

SQLALCHEMY = "2.1.9"
FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "session", "*.jsonl.gz")


# --------------------------------------------------------------------------------------------------
# What is left to chance, pinned down


class Ordered(collections.abc.MutableSet):
    """A set that remembers in which order its members came."""

    __hash__ = None

    def __init__(self, members=()):
        self.members = dict.fromkeys(members)

    def __contains__(self, member):
        return member in self.members

    def __iter__(self):
        return iter(list(self.members))

    def __len__(self):
        return len(self.members)

    def add(self, member):
        self.members[member] = None

    def discard(self, member):
        self.members.pop(member, None)

    def pop(self):
        first = next(iter(self.members))
        del self.members[first]
        return first

    def update(self, *others):
        for other in others:
            self.members.update(dict.fromkeys(other))

    def difference_update(self, other):
        for member in list(other):
            self.discard(member)

    def intersection_update(self, other):
        kept = set(other)
        self.members = {member: None for member in self.members if member in kept}

    def union(self, *others):
        result = Ordered(self)
        result.update(*others)
        return result

    def difference(self, *others):
        result = Ordered(self)
        for other in others:
            result.difference_update(other)
        return result

    def intersection(self, other):
        result = Ordered(self)
        result.intersection_update(other)
        return result

    def issuperset(self, other):
        return all(member in self.members for member in other)

    def issubset(self, other):
        others = set(other)
        return all(member in others for member in self.members)

    def copy(self):
        return Ordered(self)

    __or__ = union
    __sub__ = difference
    __and__ = intersection

    def __ror__(self, other):
        return Ordered(other).union(self)

    def __ior__(self, other):
        self.update(other)
        return self


def execute_in_order(uow):
    """`UOWTransaction.execute`, but for actions that sort alike."""
    registered = {action: at for at, action in enumerate(uow.postsort_actions.values())}
    actions = uow._generate_actions()
    registered = {action: at for at, action in enumerate(uow.postsort_actions.values())}
    actions = sorted(actions, key=lambda action: (action.sort_key, registered[action]))
    if not uow.cycles:
        for action in topological.sort(uow.dependencies, actions):
            action.execute(uow)
        return
    for together in topological.sort_as_subsets(uow.dependencies, actions):
        left = Ordered(together)
        while left:
            left.pop().execute_aggregate(uow, left)


def pin_down():
    for module in (unitofwork, session, dependency, topological, identity):
        module.set = Ordered
    unitofwork.UOWTransaction.execute = execute_in_order
    orm.Mapper._prop_set = property(lambda mapper: Ordered(mapper._props.values()))


class KeepingSession(orm.Session):
    """A session whose identity map never loses an object."""


KEPT = []
for name in (
    "transient_to_pending",
    "pending_to_persistent",
    "deleted_to_persistent",
    "detached_to_persistent",
    "loaded_as_persistent",
):
    event.listen(KeepingSession, name, lambda _, instance: KEPT.append(instance))


# --------------------------------------------------------------------------------------------------
# The database, and what is sent to it

EVENTS = []


def to_json(value):
    return {"blob": bytes(value).hex()} if isinstance(value, (bytes, memoryview)) else value


def from_json(value):
    return bytes.fromhex(value["blob"]) if isinstance(value, dict) else value


def make_engine():
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def connected(connection, _):
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begun(connection):
        EVENTS.append({"ev": "BEGIN"})
        connection.connection.dbapi_connection.execute("BEGIN")

    event.listen(engine, "commit", lambda _: EVENTS.append({"ev": "COMMIT"}))
    event.listen(engine, "rollback", lambda _: EVENTS.append({"ev": "ROLLBACK"}))

    @event.listens_for(engine, "before_cursor_execute")
    def sent(_connection, _cursor, sql, parameters, _context, executemany):
        many = bool(executemany and isinstance(parameters, list) and parameters)
        rows = [list(map(to_json, row)) for row in (parameters if many else [parameters])]
        EVENTS.append({"ev": "SQL", "sql": sql, "params": rows if many else rows[0], "many": many})

    return engine


def take_events():
    taken = EVENTS[:]
    EVENTS.clear()
    return taken


# --------------------------------------------------------------------------------------------------
# Models

TYPES = {
    "integer": sa.Integer,
    "bigint": sa.BigInteger,
    "text": sa.Text,
    "float": sa.Float,
    "boolean": sa.Boolean,
    "blob": sa.LargeBinary,
}
PLAIN_ARGUMENTS = (
    "back_populates",
    "cascade",
    "passive_deletes",
    "passive_updates",
    "uselist",
    "lazy",
    "single_parent",
    "post_update",
    "viewonly",
    "active_history",
)


def make_column(column):
    kind = column["type"]
    kind = sa.String(column.get("length")) if kind == "varchar" else TYPES[kind]()
    options = {key: column[key] for key in ("nullable", "autoincrement") if key in column}
    options.update({key: True for key in ("primary_key", "unique", "index") if column.get(key)})
    if "default" in column:
        options["default"] = from_json(column["default"])
    if "server_default" in column:
        options["server_default"] = sa.text(column["server_default"])
    return sa.Column(column["name"], kind, **options)


def make_table(metadata, table):
    parts = [make_column(column) for column in table["columns"]]
    for key in table.get("foreign_keys") or []:
        named = {"ondelete": "on_delete", "onupdate": "on_update", "initially": "initially"}
        options = {option: key[name] for option, name in named.items() if key.get(name)}
        if key.get("deferrable") is not None:
            options["deferrable"] = key["deferrable"]
        referenced = ["%s.%s" % (key["table"], column) for column in key["ref_columns"]]
        parts.append(sa.ForeignKeyConstraint(key["columns"], referenced, **options))
    parts += [sa.UniqueConstraint(*columns) for columns in table.get("uniques") or []]
    return sa.Table(table["table"], metadata, *parts)


class World:
    """The classes and tables of a scenario, or why there are none."""

    def __init__(self, scenario):
        self.classes, self.error, self.ddl = {}, None, []
        self.models = scenario["models"]
        self.definitions = self.models + (scenario.get("tables") or [])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self.configure()
                self.create()
            except Exception as error:
                self.error = error_json(error, None)
        self.warnings = warnings_json(caught, None)

    def configure(self):
        registry = orm.registry()
        self.metadata = registry.metadata
        self.tables = {it["table"]: make_table(self.metadata, it) for it in self.definitions}
        for model in self.models:
            body = {"__init__": decl_base._declarative_constructor, "__module__": "m"}
            self.classes[model["name"]] = type(model["name"], (), body)
        for model in self.models:
            related = model.get("relationships") or []
            registry.map_imperatively(
                self.classes[model["name"]],
                self.tables[model["table"]],
                properties={it["name"]: self.relationship(it) for it in related},
            )
        registry.configure()

    def column(self, path):
        owner, column = path.rsplit(".", 1)
        names = {model["name"]: model["table"] for model in self.models}
        return self.tables[names.get(owner, owner)].c[column]

    def relationship(self, it):
        options = {key: it[key] for key in PLAIN_ARGUMENTS if it.get(key) is not None}
        if it.get("secondary"):
            options["secondary"] = self.tables[it["secondary"]]
        for key in ("remote_side", "foreign_keys"):
            if it.get(key):
                options[key] = [self.column(path) for path in it[key]]
        if it.get("order_by"):
            options["order_by"] = [
                self.column(path[1:]).desc() if path[0] == "-" else self.column(path)
                for path in it["order_by"]
            ]
        return orm.relationship(self.classes.get(it["target"], it["target"]), **options)

    def create(self):
        """The text of create_all(); indexes of a table come from a set and are sorted."""
        ENGINE.dispose()
        take_events()
        self.metadata.create_all(ENGINE, checkfirst=False)
        indexes = []
        for sql in [sent["sql"] for sent in take_events() if sent["ev"] == "SQL"]:
            if sql.startswith("CREATE INDEX"):
                indexes.append(sql)
            else:
                self.ddl += sorted(indexes) + [sql]
                indexes = []
        self.ddl += sorted(indexes)


# --------------------------------------------------------------------------------------------------
# Errors and warnings

OBJECT = re.compile(r"<(?:m\.)?(\w+)(?: object)? at 0x([0-9a-f]+)>")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
BACKGROUND = re.compile(r"\s*\(Background on this (?:error|warning) at: [^)]*\)")
CIRCULAR = "Circular dependency detected."
# Said when a statement is compiled, that is, not again when it is found in the cache.
SAID_ONCE = "is marked as a member of the primary key for table"


def normal(text, player):
    def alias(match):
        known = player.first_alias(int(match.group(2), 16)) if player else None
        return "<%s %s>" % (match.group(1), known or "?")

    text = OBJECT.sub(alias, BACKGROUND.sub("", text)).replace("<class 'm.", "<class '")
    text = ADDRESS.sub("0x?", text)
    return text[: text.find(CIRCULAR) + len(CIRCULAR)] if CIRCULAR in text else text


def error_json(error, player):
    told = {
        "class": type(error).__name__,
        "message": normal(str(error).split("\n[SQL:")[0], player).strip(),
    }
    if isinstance(error, sa.exc.DBAPIError):
        told["orig"] = type(error.orig).__name__
    if isinstance(error, sa.exc.StatementError) and error.statement is not None:
        told["sql"] = error.statement
    return told


def warnings_json(caught, player):
    told = [
        {"class": it.category.__name__, "message": normal(str(it.message), player)}
        for it in caught
        if SAID_ONCE not in str(it.message)
    ]
    return sorted(told, key=lambda it: (it["class"], it["message"]))


# --------------------------------------------------------------------------------------------------
# Playing a scenario


class Unbound(Exception):
    """A step names what was never bound."""


NOTHING = object()
LOADERS = {
    "selectin": orm.selectinload,
    "joined": orm.joinedload,
    "subquery": orm.subqueryload,
    "lazy": orm.lazyload,
    "raise": orm.raiseload,
}


class Player:
    def __init__(self, scenario, world):
        self.scenario, self.world = scenario, world
        self.objects, self.first, self.savepoints = {}, {}, {}
        self.session, self.shown, self.shown_session = None, {}, None

    # Names

    def first_alias(self, address):
        return self.first.get(address)

    def bind(self, alias, instance):
        if alias is not None and instance is not None:
            KEPT.append(instance)
            self.objects[alias] = instance
            self.first.setdefault(id(instance), alias)

    def bind_all(self, aliases, instances):
        for alias, instance in zip([aliases] if isinstance(aliases, str) else aliases or [], instances):
            self.bind(alias, instance)

    def __call__(self, alias):
        if alias is None:
            return None
        if alias not in self.objects:
            raise Unbound(alias)
        return self.objects[alias]

    def all(self, aliases):
        return [self(alias) for alias in aliases]

    def name(self, instance):
        state = attributes.instance_state(instance)
        if id(instance) in self.first:
            return self.first[id(instance)]
        key = ["?"] if state.key is None else [json.dumps(to_json(it)) for it in state.key[1]]
        return "%s(%s)" % (state.class_.__name__, ",".join(key))

    def value(self, value):
        if isinstance(value, (list, tuple)) or hasattr(value, "_sa_adapter"):
            return [self.value(member) for member in value]
        return {"ref": self.name(value)} if hasattr(value, "_sa_instance_state") else to_json(value)

    # What is shown after a step

    def show_object(self, alias, instance):
        state = attributes.instance_state(instance)
        where = ("transient", "pending", "persistent", "deleted", "detached")
        held = {key: it for key, it in state.dict.items() if key in state.manager}
        shown = {
            "model": state.class_.__name__,
            "state": next(name for name in where if getattr(state, name)),
            "key": None if state.key is None else [to_json(it) for it in state.key[1]],
            "loaded": {key: self.value(held[key]) for key in sorted(held)},
            "expired": sorted(state.expired_attributes),
        }
        if self.first[id(instance)] != alias:
            shown["same_as"] = self.first[id(instance)]
        return shown

    def show_session(self):
        names = lambda instances: sorted(self.name(it) for it in instances)
        return {
            "new": names(self.session._new.values()),
            "dirty": names(self.session.dirty),
            "deleted": names(self.session._deleted.values()),
            "in_transaction": self.session.in_transaction(),
            "in_nested": self.session.in_nested_transaction(),
        }

    def show_changes(self, trace):
        shown = {alias: self.show_object(alias, it) for alias, it in self.objects.items()}
        changed = {alias: it for alias, it in shown.items() if self.shown.get(alias) != it}
        if changed:
            trace["objects"] = changed
        self.shown = shown
        if (now := self.show_session()) != self.shown_session:
            trace["session"] = self.shown_session = now

    # Steps

    def open(self, options):
        if self.session is not None:
            self.session.close()
        chosen = {key: options.get(key, True) for key in ("autoflush", "expire_on_commit")}
        self.session, self.savepoints = KeepingSession(ENGINE, **chosen), {}

    def play(self):
        connection = raw_connection()
        for sql in self.world.ddl:
            connection.execute(sql)
        enforced = "ON" if self.scenario.get("enforce_foreign_keys") else "OFF"
        connection.execute("PRAGMA foreign_keys=" + enforced)
        self.open(self.scenario.get("session") or {})
        steps, snapshot = self.scenario["steps"], self.scenario.get("snapshot", "each")
        traces = []
        for at, step in enumerate(steps):
            traces.append(self.step(step))
            if snapshot == "each" or (snapshot == "end" and at + 1 == len(steps)):
                self.show_changes(traces[-1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.session.close()
        if connection.in_transaction:
            connection.rollback()
        return traces, connection

    def step(self, step):
        take_events()
        trace = {"op": step["op"], "events": None}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                act = getattr(self, "do_" + step["op"])
                if step.get("no_autoflush"):
                    with self.session.no_autoflush:
                        value = act(step)
                else:
                    value = act(step)
                if value is not NOTHING:
                    trace["value"] = value
            except Unbound as unbound:
                trace["skipped"] = str(unbound)
            except Exception as error:
                trace["error"] = error_json(error, self)
        trace["events"] = take_events()
        if told := warnings_json(caught, self):
            trace["warnings"] = told
        return trace

    def do_session(self, step):
        self.open(step)
        return NOTHING

    def do_new(self, step):
        given = {key: from_json(it) for key, it in (step.get("values") or {}).items()}
        given.update({key: self(it) for key, it in (step.get("refs") or {}).items()})
        given.update({key: self.all(it) for key, it in (step.get("lists") or {}).items()})
        self.bind(step["as"], self.world.classes[step["model"]](**given))
        return NOTHING

    def do_touch(self, step):
        value = getattr(self(step["obj"]), step["attr"])
        if hasattr(value, "all") and hasattr(value, "statement"):
            value = value.all()
        elif hasattr(value, "select") and hasattr(value, "add_all"):
            value = self.session.scalars(value.select()).all()
        if isinstance(value, list) or hasattr(value, "_sa_adapter"):
            self.bind_all(step.get("as"), value)
        elif hasattr(value, "_sa_instance_state"):
            self.bind_all(step.get("as"), [value])
        return self.value(value)

    def do_get(self, step):
        key = tuple(map(from_json, step["pk"]))
        found = self.session.get(
            self.world.classes[step["model"]], key[0] if len(key) == 1 else key
        )
        self.bind(step.get("as"), found)
        return self.value(found)

    def criteria(self, step):
        of = self.world.classes[step["model"]]
        return [getattr(of, key) == from_json(it) for key, it in (step.get("where") or {}).items()]

    def do_query(self, step):
        of = self.world.classes[step["model"]]
        query = sa.select(of).where(*self.criteria(step))
        for name in step.get("order_by") or []:
            column = getattr(of, name.lstrip("-"))
            query = query.order_by(column.desc() if name[0] == "-" else column)
        for kind, relationship in step.get("load") or []:
            query = query.options(LOADERS[kind](getattr(of, relationship)))
        if step.get("populate_existing"):
            query = query.execution_options(populate_existing=True)
        found = getattr(self.session.scalars(query).unique(), step.get("mode", "all"))()
        self.bind_all(step.get("as"), found if isinstance(found, (list, tuple)) else [found])
        return self.value(found)

    def do_bulk_delete(self, step):
        of = self.world.classes[step["model"]]
        options = {"synchronize_session": step.get("sync", False)}
        done = self.session.execute(
            sa.delete(of).where(*self.criteria(step)), execution_options=options
        )
        return {"rowcount": done.rowcount}

    def do_merge(self, step):
        merged = self.session.merge(self(step["obj"]), load=step.get("load", True))
        self.bind(step.get("as"), merged)
        return self.value(merged)

    def do_sql(self, step):
        given = {key: from_json(it) for key, it in (step.get("params") or {}).items()}
        done = self.session.execute(sa.text(step["text"]), given)
        if done.returns_rows:
            return {"rows": [list(map(to_json, row)) for row in done.fetchall()]}
        return {"rowcount": done.rowcount}

    def do_recover(self, _step):
        if self.session.is_active:
            return False
        self.session.rollback()
        return True

    def do_enforce(self, step):
        connection = raw_connection()
        connection.execute("PRAGMA foreign_keys=" + ("ON" if step["on"] else "OFF"))
        return bool(connection.execute("PRAGMA foreign_keys").fetchone()[0])

    def do_begin_nested(self, step):
        self.savepoints[step["as"]] = self.session.begin_nested()
        return NOTHING

    def savepoint(self, step):
        if step["sp"] not in self.savepoints:
            raise Unbound(step["sp"])
        return self.savepoints[step["sp"]]

    def do_close(self, _step):
        self.session.close()
        self.savepoints = {}
        return NOTHING


def shown(act):
    """A step whose value is that of a Python expression."""
    return lambda player, step: act(player, step)


def silent(act):
    """A step that is carried out for its effect."""

    def step(player, step):
        act(player, step)
        return NOTHING

    return step


def with_append(collection):
    return collection.append if hasattr(collection, "append") else collection.add


def with_extend(collection):
    return collection.extend if hasattr(collection, "extend") else collection.add_all


def collection(player, step):
    return getattr(player(step["obj"]), step["attr"])


def item_first(call):
    """The aliases of items are looked up before the collection is."""

    def act(player, step):
        given = player.all(step["items"]) if "items" in step else player(step["item"])
        call(collection(player, step), given, step)

    return act


def append(player, step):
    owner, item = player(step["obj"]), player(step["item"])
    with_append(getattr(owner, step["attr"]))(item)


SILENT = {
    "add": lambda p, s: p.session.add(p(s["obj"])),
    "add_all": lambda p, s: p.session.add_all(p.all(s["objs"])),
    "set": lambda p, s: setattr(p(s["obj"]), s["attr"], from_json(s["value"])),
    "set_ref": lambda p, s: setattr(p(s["obj"]), s["attr"], p(s["to"])),
    "del_attr": lambda p, s: delattr(p(s["obj"]), s["attr"]),
    "append": append,
    "insert": item_first(lambda c, item, s: c.insert(s["index"], item)),
    "extend": item_first(lambda c, items, s: with_extend(c)(items)),
    "remove": item_first(lambda c, item, s: c.remove(item)),
    "clear": lambda p, s: collection(p, s).clear(),
    "replace": lambda p, s: setattr(p(s["obj"]), s["attr"], p.all(s["items"])),
    "delete": lambda p, s: p.session.delete(p(s["obj"])),
    "delete_all": lambda p, s: p.session.delete_all(p.all(s["objs"])),
    "flush": lambda p, s: p.session.flush(),
    "commit": lambda p, s: p.session.commit(),
    "rollback": lambda p, s: p.session.rollback(),
    "expire_all": lambda p, s: p.session.expire_all(),
    "expunge_all": lambda p, s: p.session.expunge_all(),
    "commit_nested": lambda p, s: p.savepoint(s).commit(),
    "rollback_nested": lambda p, s: p.savepoint(s).rollback(),
    "expunge": lambda p, s: p.session.expunge(p(s["obj"])),
    "expire": lambda p, s: p.session.expire(p(s["obj"]), s.get("attrs")),
    "refresh": lambda p, s: p.session.refresh(p(s["obj"]), s.get("attrs")),
    "make_transient": lambda p, s: orm.make_transient(p(s["obj"])),
}
for op, act in SILENT.items():
    setattr(Player, "do_" + op, silent(act))
Player.do_pop = shown(lambda p, s: p.value(collection(p, s).pop(s.get("index", -1))))
Player.do_is_modified = shown(lambda p, s: p.session.is_modified(p(s["obj"])))


# --------------------------------------------------------------------------------------------------
# Traces


def raw_connection():
    borrowed = ENGINE.raw_connection()
    connection = borrowed.dbapi_connection
    borrowed.close()
    return connection


def read_tables(world, connection):
    tables = {}
    for definition in world.definitions:
        table, columns = definition["table"], [it["name"] for it in definition["columns"]]
        order = ",".join(str(at + 1) for at in range(len(columns)))
        rows = connection.execute('SELECT * FROM "%s" ORDER BY %s' % (table, order)).fetchall()
        tables[table] = {"columns": columns, "rows": [list(map(to_json, row)) for row in rows]}
    return tables


def record(scenario):
    """The trace of a scenario."""
    KEPT.clear()
    world = World(scenario)
    trace = {
        "version": 1,
        "id": scenario.get("id"),
        "profile": scenario.get("profile"),
        "setup": {"ddl": world.ddl, "warnings": world.warnings},
        "steps": [],
        "tables": None,
        "foreign_key_check": None,
    }
    if world.error is not None:
        trace["setup"]["error"] = world.error
        return trace
    ENGINE.dispose()
    trace["steps"], connection = Player(scenario, world).play()
    trace["tables"] = read_tables(world, connection)
    dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
    trace["foreign_key_check"] = sorted([row[0], row[2], row[3]] for row in dangling)
    return trace


def record_fixture(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        scenarios = [json.loads(line)["scenario"] for line in lines]
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for scenario in scenarios:
            line = json.dumps({"scenario": scenario, "trace": record(scenario)}, ensure_ascii=False)
            packed.write((line + "\n").encode())
    print("%s: %d scenarios" % (path, len(scenarios)))


def main():
    if sa.__version__ != SQLALCHEMY:
        sys.exit("this records SQLAlchemy %s, and %s is installed" % (SQLALCHEMY, sa.__version__))
    pin_down()
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            json.dump(record(json.load(file)), sys.stdout, indent=1, ensure_ascii=False)
        return
    for path in sorted(glob.glob(FIXTURES)):
        record_fixture(path)


ENGINE = make_engine()
if __name__ == "__main__":
    main()
