//! From rows to objects: a row's key is looked up in the identity map; a new object takes what the
//! row has, one that is loaded keeps what it has and takes what it lacks.

use super::path::Path;
use super::plan::{Entity, Plan, Populate, Request, plan};
use super::post::{PostKind, PostLoad, PostLoads};
use crate::session::Session;
use crate::session::error::Result;
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnPosition, ColumnType, MapperId, RelationshipId};
use crate::session::scalar::Scalar;
use crate::session::state::{AttributeId, AttributeSet, IdentityKey, Slot};
use crate::session::statement::Statement;
use crate::value::Value;
use hashbrown::{HashMap, HashSet};

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// A row of a request: its object, unless its key is NULL, and the columns beside it.
pub(super) type Found = (Option<ObjectId>, Vec<Value>);

/// Objects by the near columns of a subquery load.
pub(super) type Collections = Map<Vec<Scalar>, Vec<ObjectId>>;

/// One query under way.
struct Run<'r> {
    request: &'r Request,
    plan: &'r Plan,
    number: u32,
    /// Objects that were there already → the attributes that they take.
    partials: Map<ObjectId, AttributeSet>,
    /// What joins have put into collections so far.
    members: Map<(ObjectId, RelationshipId), HashSet<ObjectId, foldhash::fast::FixedState>>,
    subqueries: Vec<Option<Collections>>,
    posts: &'r mut PostLoads,
}

impl Session<'_> {
    /// Carries out a request, and all that is to be loaded after its rows.
    pub(super) fn load(&mut self, request: &Request) -> Result<Vec<Found>> {
        let mut posts = PostLoads::default();
        let found = self.load_rows(request, &mut posts)?;
        self.load_posts(&mut posts)?;
        Ok(found)
    }

    /// Carries out a request as part of another: what is to be loaded after the rows is left to it.
    pub(super) fn load_rows(
        &mut self,
        request: &Request,
        posts: &mut PostLoads,
    ) -> Result<Vec<Found>> {
        let plan = plan(self.mapping, request, posts)?;
        if request.autoflush {
            self.autoflush()?;
        }
        let statement = Statement::Select(plan.select.clone());
        let outcome = self.execute(statement, request.parameters.clone())?;
        let number = self.loads.next_run();
        let subqueries = plan.subqueries.iter().map(|_| None).collect();
        let mut run = Run {
            request,
            plan: &plan,
            number,
            partials: Map::default(),
            members: Map::default(),
            subqueries,
            posts,
        };
        self.identity_map.reserve(&self.states, outcome.rows.len());
        let mut found = Vec::with_capacity(outcome.rows.len());
        for row in outcome.rows {
            let object = self.instance(&mut run, &plan.root, true, &row)?;
            let extra = plan.extra.iter().map(|&at| row[at].clone()).collect();
            found.push((object, extra));
        }
        if plan.repeats_objects {
            let mut seen: HashSet<Found, foldhash::fast::FixedState> = HashSet::default();
            found.retain(|row| seen.insert(row.clone()));
        }
        Ok(found)
    }

    /// Loads what was noted to be loaded after the rows, and what that brings with it.
    fn load_posts(&mut self, posts: &mut PostLoads) -> Result<()> {
        loop {
            let loads = posts.take();
            if loads.is_empty() {
                return Ok(());
            }
            for (path, load) in loads {
                self.load_post(&path, &load, posts)?;
            }
        }
    }

    fn load_post(&mut self, path: &Path, load: &PostLoad, posts: &mut PostLoads) -> Result<()> {
        let objects: Vec<(ObjectId, bool)> =
            load.objects.iter().map(|(object, replaces)| (*object, *replaces)).collect();
        if objects.is_empty() {
            return Ok(());
        }
        for loader in &load.loaders {
            let slot = self.mapping.slot(loader.relationship);
            match loader.kind {
                PostKind::Selectin if load.only.as_ref().is_some_and(|it| !it.contains(slot)) => {}
                PostKind::Selectin => self.load_selectin(path, loader, &objects, posts)?,
                PostKind::Immediate | PostKind::FromIdentityMap => {
                    self.load_immediately(path, loader, &objects, posts)?;
                }
            }
        }
        Ok(())
    }

    /// The object of a row, loaded as far as the row goes.
    fn instance(
        &mut self,
        run: &mut Run<'_>,
        entity: &Entity,
        is_root: bool,
        row: &[Value],
    ) -> Result<Option<ObjectId>> {
        let refresh = run.request.refresh.filter(|_| is_root).map(|refresh| refresh.object);
        let (object, is_known) = match refresh {
            Some(object) => (object, true),
            None => match self.find_or_make(entity, row) {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let is_new = self.loads.is_new_to(object, run.number);
        let is_current = refresh.is_some() || !is_known || !is_new;
        let replaces = run.request.populate_existing || refresh.is_some();
        if is_current || replaces {
            self.populate_full(run, entity, object, row, is_new, replaces)?;
            if entity.has_posts {
                run.posts.add(&entity.path, object, true);
            }
        } else {
            self.populate_partly(run, entity, object, row)?;
            if entity.has_posts && run.request.all_eagers {
                run.posts.add(&entity.path, object, false);
            }
        }
        Ok(Some(object))
    }

    /// The object with the row's key, and whether it was there already; none if the key is NULL.
    fn find_or_make(&mut self, entity: &Entity, row: &[Value]) -> Option<(ObjectId, bool)> {
        let mapping = self.mapping;
        let table = mapping.table_of(entity.mapper);
        let columns = table.primary_key.iter().zip(&entity.key);
        let values =
            columns.map(|(&column, &at)| scalar(table.column(column).column_type, &row[at]));
        let key = IdentityKey { mapper: entity.mapper, values: values.collect() };
        if let Some(object) = self.identity_map.get(&self.states, &key) {
            return Some((object, true));
        }
        if key.values.iter().all(Scalar::is_null) {
            return None;
        }
        Some((self.make(entity.mapper, key), false))
    }

    fn make(&mut self, mapper: MapperId, key: IdentityKey) -> ObjectId {
        let object = self.new_object(mapper);
        let number = self.number;
        let state = self.state_mut(object);
        state.key = Some(key);
        state.session = Some(number);
        state.in_identity_map = true;
        self.identity_map.put(&self.states, object);
        object
    }

    fn populate_full(
        &mut self,
        run: &mut Run<'_>,
        entity: &Entity,
        object: ObjectId,
        row: &[Value],
        is_new: bool,
        replaces: bool,
    ) -> Result<()> {
        let is_stamped = !run.request.options.is_empty() || !replaces;
        if !is_new {
            if is_stamped {
                self.loads.shorten_origin(object, &entity.path);
            }
            return self.populate_relationships(run, entity, object, row, Visit::Again, None);
        }
        if is_stamped {
            self.loads.set_origin(object, &run.request.options, &entity.path);
        }
        self.loads.meets(object, run.number);
        for &(column, at) in &entity.columns {
            self.put_column(object, column, &row[at]);
        }
        self.populate_relationships(run, entity, object, row, Visit::First, None)?;
        if replaces || self.state(object).modified {
            match (&run.request.only, run.request.refresh) {
                (Some(only), Some(refresh)) if refresh.object == object => {
                    only.iter().for_each(|attribute| self.commit_attribute(object, attribute));
                }
                _ => self.commit_all(object),
            }
        }
        Ok(())
    }

    fn populate_partly(
        &mut self,
        run: &mut Run<'_>,
        entity: &Entity,
        object: ObjectId,
        row: &[Value],
    ) -> Result<()> {
        let unloaded = self.unloaded(object);
        let known = run.partials.get(&object).cloned();
        let is_new = known.is_none();
        let has_eager = run.request.all_eagers
            && entity.relationships.iter().any(|(_, populate)| populate.is_eager());
        if is_new && unloaded.is_empty() && !has_eager {
            return Ok(());
        }
        let takes = known.unwrap_or_else(|| unloaded.clone());
        if is_new {
            run.partials.insert(object, takes.clone());
        }
        for &(column, at) in &entity.columns {
            if unloaded.contains(AttributeId(column.0 as u16)) {
                self.put_column(object, column, &row[at]);
            }
        }
        let visit = if is_new { Visit::First } else { Visit::Again };
        self.populate_relationships(run, entity, object, row, visit, Some(&takes))?;
        if has_eager {
            self.descend(run, entity, &unloaded, row)?;
        }
        if is_new {
            takes.iter().for_each(|attribute| self.commit_attribute(object, attribute));
        }
        Ok(())
    }

    /// The attributes that are neither there nor changed.
    fn unloaded(&self, object: ObjectId) -> AttributeSet {
        let state = self.state(object);
        let all = AttributeSet::first(state.slots.len());
        let absent = all
            .iter()
            .filter(|&attribute| !state.has(attribute) && state.committed(attribute).is_none());
        absent.collect()
    }

    fn put_column(&mut self, object: ObjectId, column: ColumnPosition, value: &Value) {
        let mapping = self.mapping;
        let state = self.state_mut(object);
        let column_type = mapping.table_of(state.mapper).column(column).column_type;
        state.put(AttributeId(column.0 as u16), Slot::Scalar(scalar(column_type, value)));
    }

    /// Eager loaders run for what is loaded already, too, for the sake of what lies behind it.
    fn descend(
        &mut self,
        run: &mut Run<'_>,
        entity: &Entity,
        unloaded: &AttributeSet,
        row: &[Value],
    ) -> Result<()> {
        for (relationship, populate) in &entity.relationships {
            if unloaded.contains(self.mapping.slot(*relationship)) {
                continue;
            }
            match populate {
                Populate::Joined(joined) => {
                    self.instance(run, joined, false, row)?;
                }
                Populate::Subquery { plan, .. } => self.load_collections(run, *plan)?,
                Populate::Empty | Populate::Forget | Populate::Instead(_) => {}
            }
        }
        Ok(())
    }

    fn populate_relationships(
        &mut self,
        run: &mut Run<'_>,
        entity: &Entity,
        object: ObjectId,
        row: &[Value],
        visit: Visit,
        only: Option<&AttributeSet>,
    ) -> Result<()> {
        for (relationship, populate) in &entity.relationships {
            let slot = self.mapping.slot(*relationship);
            if only.is_some_and(|only| !only.contains(slot)) {
                continue;
            }
            match populate {
                Populate::Joined(joined) => {
                    self.populate_joined(run, joined, object, *relationship, row, visit)?;
                }
                Populate::Subquery { plan, local } => {
                    if visit == Visit::First || !self.state(object).has(slot) {
                        self.populate_from_subquery(run, object, *plan, local, row)?;
                    }
                }
                Populate::Empty if visit == Visit::First => self.make_empty(object, *relationship),
                Populate::Forget if visit == Visit::First => self.forget(object, slot),
                Populate::Instead(lazy) if visit == Visit::First => {
                    if self.mapping[*relationship].uselist {
                        self.state_mut(object).take(slot);
                    }
                    self.state_mut(object).set_loader(slot, *lazy);
                }
                Populate::Empty | Populate::Forget | Populate::Instead(_) => {}
            }
        }
        Ok(())
    }

    fn make_empty(&mut self, object: ObjectId, relationship: RelationshipId) {
        let slot = self.mapping.slot(relationship);
        let empty = match self.mapping[relationship].uselist {
            true => Slot::of_objects(Vec::new()),
            false => Slot::Reference(None),
        };
        self.state_mut(object).put(slot, empty);
    }

    fn forget(&mut self, object: ObjectId, slot: AttributeId) {
        let state = self.state_mut(object);
        state.take(slot);
        state.expired_attributes.remove(slot);
        state.forget_loader(slot);
    }

    fn populate_joined(
        &mut self,
        run: &mut Run<'_>,
        joined: &Entity,
        object: ObjectId,
        relationship: RelationshipId,
        row: &[Value],
        visit: Visit,
    ) -> Result<()> {
        let slot = self.mapping.slot(relationship);
        if self.mapping[relationship].uselist {
            let begins =
                visit == Visit::First || !run.members.contains_key(&(object, relationship));
            if begins {
                self.make_empty(object, relationship);
                run.members.insert((object, relationship), HashSet::default());
            }
            let member = self.instance(run, joined, false, row)?;
            let members = run.members.entry((object, relationship)).or_default();
            if let Some(member) = member
                && members.insert(member)
            {
                self.state_mut(object).collection_mut(slot).push(member);
            }
            return Ok(());
        }
        let target = self.instance(run, joined, false, row)?;
        match (visit, self.state(object).slot(slot)) {
            (Visit::Again, Slot::Reference(there)) => {
                if *there != target {
                    self.warn_of_several(relationship);
                }
            }
            _ => {
                self.state_mut(object).put(slot, Slot::Reference(target));
            }
        }
        Ok(())
    }

    /// Warns that a reference was eagerly loaded from several rows.
    pub(super) fn warn_of_several(&mut self, relationship: RelationshipId) {
        self.warn(format!(
            "Multiple rows returned with uselist=False for eagerly-loaded attribute '{}' ",
            self.mapping[relationship].path
        ));
    }

    fn load_collections(&mut self, run: &mut Run<'_>, at: usize) -> Result<()> {
        if run.subqueries[at].is_none() {
            let loaded = self.load_subquery(run.request, &run.plan.subqueries[at])?;
            run.subqueries[at] = Some(loaded);
        }
        Ok(())
    }

    fn populate_from_subquery(
        &mut self,
        run: &mut Run<'_>,
        object: ObjectId,
        at: usize,
        local: &[usize],
        row: &[Value],
    ) -> Result<()> {
        self.load_collections(run, at)?;
        let relationship = run.plan.subqueries[at].relationship;
        let key: Vec<Scalar> = local.iter().map(|&at| Scalar::from(row[at].clone())).collect();
        let collections = run.subqueries[at].as_ref();
        let found = collections.and_then(|collections| collections.get(&key));
        self.set_eagerly(object, relationship, found.cloned().unwrap_or_default())
    }

    /// Puts what was loaded for many objects at once in place for one of them.
    pub(super) fn set_eagerly(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        targets: Vec<ObjectId>,
    ) -> Result<()> {
        if self.mapping[relationship].uselist {
            return self.set_committed_collection(object, relationship, targets);
        }
        if targets.len() > 1 {
            self.warn_of_several(relationship);
        }
        self.set_committed_reference(object, relationship, targets.first().copied());
        Ok(())
    }
}

/// Whether a row is the first of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    First,
    Again,
}

/// A value of the database as an attribute has it.
pub(in crate::session) fn scalar(column_type: ColumnType, value: &Value) -> Scalar {
    match (column_type, value) {
        (ColumnType::Boolean, Value::Integer(integer)) => Scalar::Boolean(*integer != 0),
        (ColumnType::Boolean, Value::Real(real)) => Scalar::Boolean(*real != 0.0),
        (_, value) => Scalar::from(value.clone()),
    }
}
