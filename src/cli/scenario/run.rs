//! Carrying out the steps of a scenario on a session, and writing down what each did.

use super::names::Names;
use super::sql::read_sql;
use super::steps::{Action, Mode, New, Step};
use super::trace::{
    assigned_json, error_json, event_json, object_json, row_json, session_json, warnings_json,
};
use crate::database::Enforcement;
use crate::session::{
    Assigned, Error, ErrorClass, ObjectId, Query, Scalar, Session, TransactionId,
};
use hashbrown::HashMap;
use serde_json::{Map, Value as Json, json};

/// When objects and the session are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Snapshot {
    Each,
    End,
    None,
}

/// Why a step did not do what it says.
enum Stop {
    /// It names something that was never bound.
    Skipped(String),
    /// It raised.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// What a step shows, if it shows anything.
type Done = Result<Option<Json>, Stop>;

/// A scenario under way.
pub(super) struct Run<'s, 'a> {
    session: &'s mut Session<'a>,
    names: Names,
    savepoints: HashMap<String, TransactionId, foldhash::fast::FixedState>,
    /// What was written down last, by alias.
    objects: HashMap<String, Json, foldhash::fast::FixedState>,
    last_session: Json,
}

impl<'s, 'a> Run<'s, 'a> {
    pub(super) fn new(session: &'s mut Session<'a>) -> Self {
        Run {
            session,
            names: Names::default(),
            savepoints: HashMap::default(),
            objects: HashMap::default(),
            last_session: Json::Null,
        }
    }

    /// The object that has an alias by now.
    pub(super) fn object_named(&self, alias: &str) -> Option<ObjectId> {
        self.names.object(alias)
    }

    /// Carries out all steps and returns the trace of each.
    pub(super) fn steps(&mut self, steps: &[Step], snapshot: Snapshot) -> Vec<Json> {
        let last = steps.len().saturating_sub(1);
        let record = |(at, step): (usize, &Step)| {
            let is_shown = match snapshot {
                Snapshot::Each => true,
                Snapshot::End => at == last,
                Snapshot::None => false,
            };
            self.record(step, is_shown)
        };
        steps.iter().enumerate().map(record).collect()
    }

    fn record(&mut self, step: &Step, is_shown: bool) -> Json {
        let done = self.step(step);
        let events = self.session.trace().take();
        let mut json = json!({
            "op": step.op,
            "events": events.iter().map(event_json).collect::<Vec<Json>>(),
        });
        match done {
            Ok(Some(value)) => json["value"] = value,
            Ok(None) => {}
            Err(Stop::Skipped(name)) => json["skipped"] = json!(name),
            Err(Stop::Failed(error)) => json["error"] = error_json(&error, |it| self.normalise(it)),
        }
        let warnings = self.session.take_warnings();
        if !warnings.is_empty() {
            json["warnings"] = warnings_json(&warnings, |message| self.normalise(message));
        }
        if is_shown {
            self.show_changes(&mut json);
        }
        json
    }

    fn normalise(&self, message: &str) -> String {
        self.names.normalise(self.session, message)
    }

    /// Adds objects and session, as far as they are not as they were.
    fn show_changes(&mut self, json: &mut Json) {
        let mut changed = Map::new();
        for (alias, object) in self.names.all() {
            let now = object_json(self.session, &self.names, alias, *object);
            if self.objects.get(alias) != Some(&now) {
                changed.insert(alias.clone(), now.clone());
                self.objects.insert(alias.clone(), now);
            }
        }
        if !changed.is_empty() {
            json["objects"] = Json::Object(changed);
        }
        let session = session_json(self.session, &self.names);
        if session != self.last_session {
            json["session"] = session.clone();
            self.last_session = session;
        }
    }

    fn step(&mut self, step: &Step) -> Done {
        if !step.no_autoflush {
            return self.act(&step.action);
        }
        let autoflush = self.session.set_autoflush(false);
        let done = self.act(&step.action);
        self.session.set_autoflush(autoflush);
        done
    }

    fn object(&self, alias: &str) -> Result<ObjectId, Stop> {
        self.names.object(alias).ok_or_else(|| Stop::Skipped(alias.to_owned()))
    }

    fn objects(&self, aliases: &[String]) -> Result<Vec<ObjectId>, Stop> {
        aliases.iter().map(|alias| self.object(alias)).collect()
    }

    fn savepoint(&self, name: &str) -> Result<TransactionId, Stop> {
        self.savepoints.get(name).copied().ok_or_else(|| Stop::Skipped(name.to_owned()))
    }

    fn act(&mut self, action: &Action) -> Done {
        match action {
            Action::Session(options) => {
                self.session.reopen(*options)?;
                self.savepoints.clear();
            }
            Action::New(new) => self.create(new)?,
            Action::Add(obj) => self.session.add(self.object(obj)?)?,
            Action::AddAll(objs) => self.session.add_all(&self.objects(objs)?)?,
            Action::Set { obj, attr, value } => {
                self.session.set(self.object(obj)?, attr, value.clone())?;
            }
            Action::SetRef { obj, attr, to } => self.set_reference(obj, attr, to.as_deref())?,
            Action::DelAttr { obj, attr } => {
                self.session.delete_attribute(self.object(obj)?, attr)?;
            }
            Action::Append { .. }
            | Action::Insert { .. }
            | Action::Extend { .. }
            | Action::Remove { .. }
            | Action::Pop { .. }
            | Action::Clear { .. }
            | Action::Replace { .. } => return self.change_collection(action),
            Action::Touch { obj, attr, names } => return self.touch(obj, attr, names),
            Action::Get { model, key, name } => {
                let found = self.session.get(model, key)?;
                self.bind(name.as_deref(), found);
                return Ok(Some(self.names.reference(self.session, found)));
            }
            Action::Query { query, mode, names } => return self.query(query, *mode, names),
            Action::Delete(obj) => self.session.delete(self.object(obj)?)?,
            Action::DeleteAll(objs) => self.session.delete_all(&self.objects(objs)?)?,
            Action::BulkDelete { model, filter, synchronize } => {
                let filter: Vec<(&str, Scalar)> =
                    filter.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                let rows = self.session.bulk_delete(model, &filter, *synchronize)?;
                return Ok(Some(json!({ "rowcount": rows })));
            }
            Action::Sql { text, params } => return self.sql(text, params),
            Action::Enforce(on) => return Ok(Some(json!(self.enforce(*on)))),
            other => return self.manage(other),
        }
        Ok(None)
    }

    /// What concerns the session and the objects in it as a whole.
    fn manage(&mut self, action: &Action) -> Done {
        match action {
            Action::Flush => self.session.flush()?,
            Action::Commit => self.session.commit()?,
            Action::Rollback => self.session.rollback()?,
            Action::Recover => {
                let is_active = self.session.is_active();
                if !is_active {
                    self.session.rollback()?;
                }
                return Ok(Some(json!(!is_active)));
            }
            Action::ExpireAll => self.session.expire_all(),
            Action::ExpungeAll => self.session.expunge_all(),
            Action::BeginNested(name) => {
                let savepoint = self.session.begin_nested()?;
                self.savepoints.insert(name.clone(), savepoint);
            }
            Action::CommitNested(name) => self.session.commit_nested(self.savepoint(name)?)?,
            Action::RollbackNested(name) => self.session.rollback_nested(self.savepoint(name)?)?,
            Action::Expunge(obj) => self.session.expunge(self.object(obj)?)?,
            Action::Expire { obj, attrs } => {
                let object = self.object(obj)?;
                self.session.expire(object, borrowed(attrs).as_deref())?;
            }
            Action::Refresh { obj, attrs } => {
                let object = self.object(obj)?;
                self.session.refresh(object, borrowed(attrs).as_deref())?;
            }
            Action::Merge { obj, name, load } => {
                let merged = self.session.merge(self.object(obj)?, *load)?;
                self.bind(name.as_deref(), Some(merged));
                return Ok(Some(self.names.reference(self.session, Some(merged))));
            }
            Action::MakeTransient(obj) => self.session.make_transient(self.object(obj)?),
            Action::IsModified(obj) => {
                return Ok(Some(json!(self.session.is_modified(self.object(obj)?)?)));
            }
            Action::Close => {
                self.session.close()?;
                self.savepoints.clear();
            }
            _ => unreachable!("`act` carries out the others"),
        }
        Ok(None)
    }

    fn bind(&mut self, alias: Option<&str>, object: Option<ObjectId>) {
        if let (Some(alias), Some(object)) = (alias, object) {
            self.names.bind(alias, object);
        }
    }

    /// The constructor of a class sets what it is given, in the order given.
    fn create(&mut self, new: &New) -> Result<(), Stop> {
        let mut given: Vec<(&str, Assigned)> = Vec::new();
        let mut give = |name, value| match given.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => given.push((name, value)),
        };
        for (name, value) in &new.values {
            give(name.as_str(), Assigned::Scalar(value.clone()));
        }
        for (name, alias) in &new.refs {
            let object = alias.as_deref().map(|alias| self.object(alias)).transpose()?;
            give(name, Assigned::Object(object));
        }
        for (name, aliases) in &new.lists {
            give(name, Assigned::List(self.objects(aliases)?));
        }
        let object = self.session.create(&new.model)?;
        for (name, value) in given {
            if !self.session.has_attribute(object, name) {
                let message = format!("'{name}' is an invalid keyword argument for {}", new.model);
                return Err(Error::new(ErrorClass::TypeError, message).into());
            }
            self.session.set(object, name, value)?;
        }
        self.names.bind(&new.name, object);
        Ok(())
    }

    fn set_reference(&mut self, obj: &str, attr: &str, to: Option<&str>) -> Result<(), Stop> {
        let object = self.object(obj)?;
        let target = to.map(|alias| self.object(alias)).transpose()?;
        Ok(self.session.set(object, attr, Assigned::Object(target))?)
    }

    fn change_collection(&mut self, action: &Action) -> Done {
        match action {
            Action::Append { obj, attr, item } => {
                let object = self.object(obj)?;
                self.session.append(object, attr, self.object(item)?)?;
            }
            Action::Insert { obj, attr, item, index } => {
                let item = self.object(item)?;
                self.session.insert(self.object(obj)?, attr, *index, item)?;
            }
            Action::Extend { obj, attr, items } => {
                let items = self.objects(items)?;
                self.session.extend(self.object(obj)?, attr, &items)?;
            }
            Action::Remove { obj, attr, item } => {
                let item = self.object(item)?;
                self.session.remove(self.object(obj)?, attr, item)?;
            }
            Action::Pop { obj, attr, index } => {
                let popped = self.session.pop(self.object(obj)?, attr, *index)?;
                return Ok(Some(self.names.reference(self.session, Some(popped))));
            }
            Action::Clear { obj, attr } => self.session.clear(self.object(obj)?, attr)?,
            Action::Replace { obj, attr, items } => {
                let object = self.object(obj)?;
                let items = self.objects(items)?;
                self.session.set(object, attr, Assigned::List(items))?;
            }
            _ => unreachable!("only what changes a collection comes here"),
        }
        Ok(None)
    }

    fn touch(&mut self, obj: &str, attr: &str, names: &[String]) -> Done {
        let object = self.object(obj)?;
        let value = self.session.read(object, attr)?;
        match &value {
            Assigned::List(objects) => self.bind_all(names, objects),
            Assigned::Object(found) => self.bind(names.first().map(String::as_str), *found),
            Assigned::Scalar(_) => {}
        }
        Ok(Some(assigned_json(self.session, &self.names, &value)))
    }

    fn bind_all(&mut self, names: &[String], objects: &[ObjectId]) {
        for (name, &object) in names.iter().zip(objects) {
            self.names.bind(name, object);
        }
    }

    fn query(&mut self, query: &Query, mode: Mode, names: &[String]) -> Done {
        let found = match mode {
            Mode::All => {
                let all = self.session.all(query)?;
                self.bind_all(names, &all);
                return Ok(Some(self.names.references(self.session, &all)));
            }
            Mode::First => self.session.first(query)?,
            Mode::One => Some(self.session.one(query)?),
            Mode::OneOrNone => self.session.one_or_none(query)?,
        };
        self.bind(names.first().map(String::as_str), found);
        Ok(Some(self.names.reference(self.session, found)))
    }

    fn sql(&mut self, text: &str, params: &[(String, Scalar)]) -> Done {
        let (text, values) = read_sql(text, params).map_err(|name| {
            let message = format!(
                "(sqlalchemy.exc.InvalidRequestError) A value is required for bind parameter \
                 '{name}'"
            );
            Error { sql: Some(text.to_owned()), ..Error::new(ErrorClass::StatementError, message) }
        })?;
        let outcome = self.session.execute_text(text, values)?;
        Ok(Some(if outcome.returns_rows {
            let rows: Vec<Json> = outcome.rows.iter().map(|row| row_json(row)).collect();
            json!({ "rows": rows })
        } else {
            json!({ "rowcount": outcome.row_count })
        }))
    }

    /// The switch goes past the session to a connection that its pool hands out. What is open on it
    /// when the pool takes it back is rolled back, without the session's knowing.
    fn enforce(&mut self, on: bool) -> bool {
        let backend = self.session.connection().backend();
        let _ = backend.rollback();
        backend.set_enforcement(if on { Enforcement::On } else { Enforcement::Off });
        backend.enforcement() == Enforcement::On
    }
}

fn borrowed(names: &Option<Vec<String>>) -> Option<Vec<&str>> {
    names.as_ref().map(|names| names.iter().map(String::as_str).collect())
}
