//! The steps of a scenario, as values.

use super::json::{At, Result};
use crate::session::mapping::Mapping;
use crate::session::{LoadKind, Query, Scalar, SessionOptions, Synchronize};

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its `op`, as the trace repeats it.
    pub(super) op: String,
    pub(super) no_autoflush: bool,
    pub(super) action: Action,
}

impl Step {
    /// The alias of the object that it deletes, if it deletes one.
    pub(super) fn deleted(&self) -> Option<&Alias> {
        match &self.action {
            Action::Delete(alias) => Some(alias),
            _ => None,
        }
    }
}

/// An object's name in a scenario.
pub(super) type Alias = String;

/// What a step does; see the format for each.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Session(SessionOptions),
    New(New),
    Add(Alias),
    AddAll(Vec<Alias>),
    Set { obj: Alias, attr: String, value: Scalar },
    SetRef { obj: Alias, attr: String, to: Option<Alias> },
    DelAttr { obj: Alias, attr: String },
    Append { obj: Alias, attr: String, item: Alias },
    Insert { obj: Alias, attr: String, item: Alias, index: i64 },
    Extend { obj: Alias, attr: String, items: Vec<Alias> },
    Remove { obj: Alias, attr: String, item: Alias },
    Pop { obj: Alias, attr: String, index: i64 },
    Clear { obj: Alias, attr: String },
    Replace { obj: Alias, attr: String, items: Vec<Alias> },
    Touch { obj: Alias, attr: String, names: Vec<Alias> },
    Get { model: String, key: Vec<Scalar>, name: Option<Alias> },
    Query { query: Query, mode: Mode, names: Vec<Alias> },
    Delete(Alias),
    DeleteAll(Vec<Alias>),
    BulkDelete { model: String, filter: Vec<(String, Scalar)>, synchronize: Synchronize },
    Flush,
    Commit,
    Rollback,
    Recover,
    ExpireAll,
    ExpungeAll,
    BeginNested(String),
    CommitNested(String),
    RollbackNested(String),
    Expunge(Alias),
    Expire { obj: Alias, attrs: Option<Vec<String>> },
    Refresh { obj: Alias, attrs: Option<Vec<String>> },
    Merge { obj: Alias, name: Option<Alias>, load: bool },
    MakeTransient(Alias),
    IsModified(Alias),
    Close,
    Sql { text: String, params: Vec<(String, Scalar)> },
    Enforce(bool),
}

/// A new object and what its constructor is given.
#[derive(Clone, Debug)]
pub(super) struct New {
    pub(super) name: Alias,
    pub(super) model: String,
    pub(super) values: Vec<(String, Scalar)>,
    pub(super) refs: Vec<(String, Option<Alias>)>,
    pub(super) lists: Vec<(String, Vec<Alias>)>,
}

/// How many objects a query is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    All,
    First,
    One,
    OneOrNone,
}

pub(super) fn read_options(at: Option<&At<'_>>) -> Result<SessionOptions> {
    let Some(at) = at else { return Ok(SessionOptions::default()) };
    Ok(SessionOptions {
        autoflush: at.flag("autoflush", true)?,
        expire_on_commit: at.flag("expire_on_commit", true)?,
    })
}

/// Reads a step; the mapping tells which models there are.
pub(super) fn read_step(at: &At<'_>, mapping: &Mapping) -> Result<Step> {
    let op = at.name("op")?;
    let action = read_action(at, &op, mapping)?;
    Ok(Step { op, no_autoflush: at.flag("no_autoflush", false)?, action })
}

fn read_action(at: &At<'_>, op: &str, mapping: &Mapping) -> Result<Action> {
    let obj = || at.name("obj");
    let attr = || at.name("attr");
    Ok(match op {
        "session" => Action::Session(read_options(Some(at))?),
        "new" => Action::New(read_new(at, mapping)?),
        "add" => Action::Add(obj()?),
        "add_all" => Action::AddAll(needed_names(at, "objs")?),
        "set" => Action::Set { obj: obj()?, attr: attr()?, value: at.need("value")?.scalar()? },
        "set_ref" => Action::SetRef { obj: obj()?, attr: attr()?, to: read_to(at)? },
        "del_attr" => Action::DelAttr { obj: obj()?, attr: attr()? },
        "append" => Action::Append { obj: obj()?, attr: attr()?, item: at.name("item")? },
        "insert" => Action::Insert {
            obj: obj()?,
            attr: attr()?,
            item: at.name("item")?,
            index: at.need("index")?.integer()?,
        },
        "extend" => {
            Action::Extend { obj: obj()?, attr: attr()?, items: needed_names(at, "items")? }
        }
        "remove" => Action::Remove { obj: obj()?, attr: attr()?, item: at.name("item")? },
        "pop" => Action::Pop {
            obj: obj()?,
            attr: attr()?,
            index: at.get("index")?.map_or(Ok(-1), |at| at.integer())?,
        },
        "clear" => Action::Clear { obj: obj()?, attr: attr()? },
        "replace" => {
            Action::Replace { obj: obj()?, attr: attr()?, items: needed_names(at, "items")? }
        }
        "touch" => Action::Touch { obj: obj()?, attr: attr()?, names: read_names(at)? },
        "get" => read_get(at, mapping)?,
        "query" => read_query(at, mapping)?,
        "delete" => Action::Delete(obj()?),
        "delete_all" => Action::DeleteAll(needed_names(at, "objs")?),
        "bulk_delete" => read_bulk_delete(at, mapping)?,
        "flush" => Action::Flush,
        "commit" => Action::Commit,
        "rollback" => Action::Rollback,
        "recover" => Action::Recover,
        "expire_all" => Action::ExpireAll,
        "expunge_all" => Action::ExpungeAll,
        "begin_nested" => Action::BeginNested(at.name("as")?),
        "commit_nested" => Action::CommitNested(at.name("sp")?),
        "rollback_nested" => Action::RollbackNested(at.name("sp")?),
        "expunge" => Action::Expunge(obj()?),
        "expire" => Action::Expire { obj: obj()?, attrs: read_attrs(at)? },
        "refresh" => Action::Refresh { obj: obj()?, attrs: read_attrs(at)? },
        "merge" => Action::Merge {
            obj: obj()?,
            name: at.optional_name("as")?,
            load: at.flag("load", true)?,
        },
        "make_transient" => Action::MakeTransient(obj()?),
        "is_modified" => Action::IsModified(obj()?),
        "close" => Action::Close,
        "sql" => Action::Sql { text: at.name("text")?, params: read_values(at, "params")? },
        "enforce" => Action::Enforce(at.need("on")?.boolean()?),
        other => return Err(at.need("op")?.wrong(format!("no step is called \"{other}\""))),
    })
}

fn needed_names(at: &At<'_>, key: &str) -> Result<Vec<String>> {
    at.need(key)?;
    at.names(key)
}

fn read_to(at: &At<'_>) -> Result<Option<Alias>> {
    let to = at.need("to")?;
    if to.is_null() { Ok(None) } else { to.text().map(|name| Some(name.to_owned())) }
}

/// `as`: a name or a list of names.
fn read_names(at: &At<'_>) -> Result<Vec<Alias>> {
    match at.get("as")? {
        Some(one) if one.is_text() => Ok(vec![one.text()?.to_owned()]),
        _ => at.names("as"),
    }
}

fn read_attrs(at: &At<'_>) -> Result<Option<Vec<String>>> {
    Ok(if at.get("attrs")?.is_some() { Some(at.names("attrs")?) } else { None })
}

fn read_values(at: &At<'_>, key: &str) -> Result<Vec<(String, Scalar)>> {
    let value = |(name, at): &(&str, At<'_>)| Ok(((*name).to_owned(), at.scalar()?));
    at.entries_of(key)?.iter().map(value).collect()
}

fn read_model_name(at: &At<'_>, mapping: &Mapping) -> Result<String> {
    let name = at.name("model")?;
    if mapping.mapper(&name).is_none() {
        return Err(at.need("model")?.wrong(format!("no model is called \"{name}\"")));
    }
    Ok(name)
}

fn read_new(at: &At<'_>, mapping: &Mapping) -> Result<New> {
    let reference = |(name, at): &(&str, At<'_>)| {
        let to = if at.is_null() { None } else { Some(at.text()?.to_owned()) };
        Ok(((*name).to_owned(), to))
    };
    let list = |(name, at): &(&str, At<'_>)| {
        let members: Result<Vec<Alias>> =
            at.list()?.iter().map(|at| at.text().map(str::to_owned)).collect();
        Ok(((*name).to_owned(), members?))
    };
    Ok(New {
        name: at.name("as")?,
        model: read_model_name(at, mapping)?,
        values: read_values(at, "values")?,
        refs: at.entries_of("refs")?.iter().map(reference).collect::<Result<_>>()?,
        lists: at.entries_of("lists")?.iter().map(list).collect::<Result<_>>()?,
    })
}

fn read_get(at: &At<'_>, mapping: &Mapping) -> Result<Action> {
    let key: Result<Vec<Scalar>> = at.need("pk")?.list()?.iter().map(At::scalar).collect();
    Ok(Action::Get {
        model: read_model_name(at, mapping)?,
        key: key?,
        name: at.optional_name("as")?,
    })
}

fn read_query(at: &At<'_>, mapping: &Mapping) -> Result<Action> {
    let mut query = Query::of(read_model_name(at, mapping)?);
    for (name, value) in read_values(at, "where")? {
        query = query.filter(name, value);
    }
    for name in at.names("order_by")? {
        query = match name.strip_prefix('-') {
            Some(name) => query.order_by_descending(name),
            None => query.order_by(name),
        };
    }
    for pair in at.members("load")? {
        let [kind, relationship] = &pair.list()?[..] else {
            return Err(pair.wrong("expected a list of two strings"));
        };
        query = query.load(read_load_kind(kind)?, relationship.text()?);
    }
    if at.flag("populate_existing", false)? {
        query = query.populate_existing();
    }
    let mode = match at.get("mode")? {
        None => Mode::All,
        Some(mode) => match mode.text()? {
            "all" => Mode::All,
            "first" => Mode::First,
            "one" => Mode::One,
            "one_or_none" => Mode::OneOrNone,
            other => {
                return Err(mode
                    .wrong(format!("expected all, first, one or one_or_none, found \"{other}\"")));
            }
        },
    };
    Ok(Action::Query { query, mode, names: read_names(at)? })
}

fn read_load_kind(at: &At<'_>) -> Result<LoadKind> {
    Ok(match at.text()? {
        "selectin" => LoadKind::Selectin,
        "joined" => LoadKind::Joined,
        "subquery" => LoadKind::Subquery,
        "lazy" => LoadKind::Lazy,
        "raise" => LoadKind::Raise,
        other => {
            return Err(at.wrong(format!(
                "expected selectin, joined, subquery, lazy or raise, found \"{other}\""
            )));
        }
    })
}

fn read_bulk_delete(at: &At<'_>, mapping: &Mapping) -> Result<Action> {
    let synchronize = match at.get("sync")? {
        None => Synchronize::No,
        Some(sync) if sync.is_text() => match sync.text()? {
            "auto" => Synchronize::Auto,
            "evaluate" => Synchronize::Evaluate,
            "fetch" => Synchronize::Fetch,
            other => {
                return Err(sync.wrong(format!(
                    "expected false, \"auto\", \"evaluate\" or \"fetch\", found \"{other}\""
                )));
            }
        },
        Some(sync) => {
            if sync.boolean()? {
                return Err(sync.wrong("expected false, \"auto\", \"evaluate\" or \"fetch\""));
            }
            Synchronize::No
        }
    };
    Ok(Action::BulkDelete {
        model: read_model_name(at, mapping)?,
        filter: read_values(at, "where")?,
        synchronize,
    })
}
