//! A relationship that is read: from the identity map if its key says it all, else by a SELECT.

use super::get::Lookup;
use super::path::Path;
use super::plan::{Request, orderings};
use super::post::{PostKind, PostLoader, PostLoads};
use super::{Loaded, populate};
use crate::session::Session;
use crate::session::attribute::Got;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnRef, Direction, JoinTerm, Lazy, RelationshipId, Side};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::IdentityKey;
use crate::session::statement::{Column, Condition, From, Labels, Operand, Source};

/// A lazy load, and on whose behalf.
struct LazyLoad<'l> {
    object: ObjectId,
    relationship: RelationshipId,
    passive: Passive,
    lazy: Lazy,
    /// The path of the object, where an eager load asks.
    path: Option<&'l Path>,
    posts: Option<&'l mut PostLoads>,
}

impl Session<'_> {
    /// Loads what a relationship of an object leads to, as far as that is permitted.
    ///
    /// # Errors
    /// `InvalidRequestError` if the relationship is configured to raise; `DetachedInstanceError` if
    /// the object is in no session.
    pub(in crate::session) fn load_lazily(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Loaded> {
        let slot = self.mapping.slot(relationship);
        let lazy = self.state(object).loader(slot).unwrap_or(self.mapping[relationship].lazy);
        if lazy == Lazy::Noload {
            return Ok(Loaded::Empty);
        }
        self.lazy_load(LazyLoad { object, relationship, passive, lazy, path: None, posts: None })
    }

    /// Loads a relationship for each of these objects.
    pub(super) fn load_immediately(
        &mut self,
        path: &Path,
        loader: &PostLoader,
        objects: &[(ObjectId, bool)],
        posts: &mut PostLoads,
    ) -> Result<()> {
        let relationship = loader.relationship;
        let slot = self.mapping.slot(relationship);
        let passive = match loader.kind {
            PostKind::FromIdentityMap => Passive::NO_FETCH_RELATED,
            PostKind::Immediate | PostKind::Selectin => Passive::OFF,
        };
        for &(object, replaces) in objects {
            if !replaces && self.state(object).has(slot) {
                continue;
            }
            let load = LazyLoad {
                object,
                relationship,
                passive: passive | Passive::NO_RAISE,
                lazy: Lazy::Select,
                path: Some(path),
                posts: Some(posts),
            };
            match self.lazy_load(load)? {
                Loaded::NoResult | Loaded::AlreadySet | Loaded::NoValue | Loaded::Empty => {}
                Loaded::Objects(targets) if self.mapping[relationship].uselist => {
                    self.set_committed_collection(object, relationship, targets)?;
                }
                Loaded::Objects(targets) => {
                    self.set_committed_reference(object, relationship, targets.first().copied());
                }
            }
        }
        Ok(())
    }

    fn lazy_load(&mut self, load: LazyLoad<'_>) -> Result<Loaded> {
        let LazyLoad { object, relationship, passive, lazy, .. } = load;
        if self.state(object).key.is_none() {
            return Ok(Loaded::Empty);
        }
        let use_get = self.mapping[relationship].use_get;
        if !passive.has(Passive::SQL_OK) && !use_get {
            return Ok(Loaded::NoResult);
        }
        let looks_further = !use_get || passive.has(Passive::RELATED_OBJECT_OK);
        if lazy == Lazy::Raise && !passive.has(Passive::NO_RAISE) && looks_further {
            return Err(self.not_available(relationship, "raise"));
        }
        if !self.is_attached(object) {
            if passive.has(Passive::NO_RAISE) {
                return Ok(Loaded::NoResult);
            }
            return Err(Error::new(
                ErrorClass::DetachedInstanceError,
                format!(
                    "Parent instance {} is not bound to a Session; lazy load operation of \
                     attribute '{}' cannot proceed",
                    self.object_text(object),
                    self.mapping[relationship].name
                ),
            ));
        }
        if use_get { self.load_by_key(load) } else { self.load_by_join(load) }
    }

    fn not_available(&self, relationship: RelationshipId, lazy: &str) -> Error {
        let path = &self.mapping[relationship].path;
        let message = format!("'{path}' is not available due to lazy='{lazy}'");
        Error::new(ErrorClass::InvalidRequestError, message)
    }

    /// A column of the object as it is, or as the database has it.
    fn near_value(
        &mut self,
        object: ObjectId,
        column: ColumnRef,
        passive: Passive,
    ) -> Result<Got<Scalar>> {
        if passive.has(Passive::LOAD_AGAINST_COMMITTED) {
            self.get_committed_column(object, column.column, passive)
        } else {
            self.get_column(object, column.column, passive)
        }
    }

    fn load_by_key(&mut self, load: LazyLoad<'_>) -> Result<Loaded> {
        let LazyLoad { object, relationship, passive, lazy, .. } = load;
        let mapping = self.mapping;
        let configured = &mapping[relationship];
        let target = mapping[configured.target].table;
        let mut key = IdentityKey { mapper: configured.target, values: Default::default() };
        let mut was_never_set = false;
        for &column in mapping.primary_key(configured.target) {
            let far = ColumnRef { table: target, column };
            let pair = configured.local_remote_pairs.iter().find(|(_, remote)| *remote == far);
            let (near, _) = pair.expect("a relationship by key covers the key");
            match self.near_value(object, *near, passive)? {
                Got::NoResult => return Ok(Loaded::NoResult),
                Got::NoValue => was_never_set = true,
                Got::Value(value) => key.values.push(value),
            }
        }
        if was_never_set {
            return Ok(Loaded::NoValue);
        }
        if key.values.iter().all(Scalar::is_null) {
            return Ok(Loaded::Objects(Vec::new()));
        }
        if self.is_set_already(object, relationship, passive) {
            return Ok(Loaded::AlreadySet);
        }
        match self.look_up(&key, passive)? {
            Lookup::Found(target) => return Ok(Loaded::Objects(vec![target])),
            Lookup::NotPermitted => return Ok(Loaded::NoResult),
            Lookup::Missing => {}
        }
        if !passive.has(Passive::SQL_OK) || !passive.has(Passive::RELATED_OBJECT_OK) {
            return Ok(Loaded::NoResult);
        }
        if lazy == Lazy::RaiseOnSql && !passive.has(Passive::NO_RAISE) {
            return Err(self.not_available(relationship, "raise_on_sql"));
        }
        let request = self.lazy_request(&load);
        let found = self.load_related(request, &key.values, load.posts)?;
        Ok(Loaded::Objects(found.into_iter().collect()))
    }

    fn is_set_already(
        &self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> bool {
        self.state(object).has(self.mapping.slot(relationship))
            && !passive.has(Passive::DEFERRED_HISTORY_LOAD)
    }

    /// The request of a lazy load, without its conditions.
    fn lazy_request(&self, load: &LazyLoad<'_>) -> Request {
        let mapping = self.mapping;
        let mut request = Request::new(mapping, mapping[load.relationship].target);
        request.labels = Labels::None;
        request.all_eagers = false;
        request.autoflush = !load.passive.has(Passive::NO_AUTOFLUSH);
        let origin = self.loads.origins.get(&load.object);
        let path = match (load.path, origin) {
            (Some(path), _) => path.clone(),
            (None, Some((_, path))) => path.clone(),
            (None, None) => Path::root(self.state(load.object).mapper),
        };
        request.path = path.with(load.relationship);
        if let Some((options, _)) = origin {
            request.options = options.clone();
        }
        request
    }

    fn load_by_join(&mut self, load: LazyLoad<'_>) -> Result<Loaded> {
        let LazyLoad { object, relationship, passive, lazy, .. } = load;
        let mut request = self.lazy_request(&load);
        let Some(()) = self.relate(&mut request, object, relationship, passive)? else {
            return Ok(Loaded::Objects(Vec::new()));
        };
        if self.is_set_already(object, relationship, passive) {
            return Ok(Loaded::AlreadySet);
        }
        if lazy == Lazy::RaiseOnSql && !passive.has(Passive::NO_RAISE) {
            return Err(self.not_available(relationship, "raise_on_sql"));
        }
        let mapping = self.mapping;
        let is_key_of_parent = |other: &&RelationshipId| {
            let other = &mapping[**other];
            other.direction == Direction::ManyToOne
                && other.use_get
                && !matches!(other.lazy, Lazy::Select | Lazy::Raise | Lazy::RaiseOnSql)
        };
        let reverse = mapping[relationship].reverse.iter();
        request.kept_lazy = reverse.filter(is_key_of_parent).copied().collect();
        let found = match load.posts {
            Some(posts) => self.load_rows(&request, posts)?,
            None => self.load(&request)?,
        };
        let targets = distinct(&found);
        if !mapping[relationship].uselist && targets.len() > 1 {
            self.warn(format!(
                "Multiple rows returned with uselist=False for lazily-loaded attribute '{}' ",
                mapping[relationship].path
            ));
        }
        Ok(Loaded::Objects(targets))
    }

    /// Restricts a request to what a relationship of an object leads to; nothing if a value that it
    /// needs was never set.
    fn relate(
        &mut self,
        request: &mut Request,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Option<()>> {
        let mapping = self.mapping;
        relate_by_parameters(mapping, request, relationship);
        for column in parameter_columns(mapping, relationship) {
            let passive = passive - Passive::INIT_OK;
            match self.near_value(object, column, passive)? {
                Got::Value(value) => request.parameters.push(value.to_value()),
                Got::NoValue | Got::NoResult => return Ok(None),
            }
        }
        Ok(Some(()))
    }
}

/// The conditions of a relationship with a parameter for each near column.
pub(super) fn relate_by_parameters(
    mapping: &crate::session::Mapping,
    request: &mut Request,
    relationship: RelationshipId,
) {
    let configured = &mapping[relationship];
    let name = |column: ColumnRef| mapping[column].name.clone();
    let table = |column: ColumnRef| mapping[column.table].name.clone();
    let column = |side: Side| Operand::Column(Column::of(table(side.column), name(side.column)));
    let near = |side: Side| if side.remote { column(side) } else { Operand::Parameter };
    let primary = configured.primary_join.iter();
    let primary = primary.map(|term| Condition::Equal(near(term.left), near(term.right)));
    let secondary = configured.secondary_join.iter();
    let secondary = secondary.map(|term| Condition::Equal(column(term.left), column(term.right)));
    request.filter.extend(primary.chain(secondary));
    if let Some(secondary) = configured.secondary {
        request.from.push(From::Table(mapping[secondary].name.clone()));
    }
    request.order_by.extend(orderings(mapping, &configured.order_by, |table| {
        Source::Table(mapping[table].name.clone())
    }));
}

/// The near columns of a relationship in the order of its parameters.
pub(super) fn parameter_columns(
    mapping: &crate::session::Mapping,
    relationship: RelationshipId,
) -> Vec<ColumnRef> {
    let sides = |term: &JoinTerm| [term.left, term.right];
    let near = mapping[relationship].primary_join.iter().flat_map(sides).filter(|it| !it.remote);
    near.map(|side| side.column).collect()
}

/// The objects of rows, each once.
pub(super) fn distinct(found: &[populate::Found]) -> Vec<ObjectId> {
    let objects = found.iter().filter_map(|(object, _)| *object);
    let once: crate::session::ordered::OrderedSet<ObjectId> = objects.collect();
    once.to_vec()
}
