//! From what is asked for to one SELECT and the entities that its rows hold.
//!
//! The root entity comes from the request. Each relationship that is loaded by a join adds an entity
//! under an alias, and so on; what is loaded by statements of its own is registered with the post
//! loads, to be run after the rows. Columns of the root stand first in the SELECT, then those that
//! joins brought. Within an entity, relationships are set up before its own columns: that is the
//! order of the reference's attributes.

use super::path::Path;
use super::post::{PostKind, PostLoads};
use super::{LoadOption, LoadOptions};
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{
    ColumnPosition, ColumnRef, JoinTerm, Lazy, MapperId, Mapping, Order, OrderBy, RelationshipId,
    Side, TableIndex,
};
use crate::session::state::{AttributeId, AttributeSet};
use crate::session::statement::{
    Alias, Column, Condition, From, Join, Labels, Ordering, Select, Source, Statement,
};
use crate::value::Value;
use std::sync::Arc;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The mapper of the objects.
    pub(super) mapper: MapperId,
    /// How they are come by.
    pub(super) path: Path,
    /// What is read, the mapper's own table among it.
    pub(super) from: Vec<From>,
    pub(super) filter: Vec<Condition>,
    pub(super) parameters: Vec<Value>,
    pub(super) order_by: Vec<Ordering>,
    pub(super) labels: Labels,
    /// Columns that each row has beside the object: before its own columns, and after them.
    pub(super) before: Vec<Column>,
    pub(super) after: Vec<Column>,
    /// Only these attributes.
    pub(super) only: Option<AttributeSet>,
    /// The one object that the row belongs to.
    pub(super) refresh: Option<Refresh>,
    /// Whether objects that are loaded already are loaded anew.
    pub(super) populate_existing: bool,
    /// Whether eager loaders run for objects that are loaded already.
    pub(super) all_eagers: bool,
    pub(super) options: LoadOptions,
    /// Relationships of the root that are not loaded eagerly, since this load is their other side.
    pub(super) kept_lazy: Vec<RelationshipId>,
    /// The query that subquery loads repeat, if it is not this one.
    pub(super) origin: Option<Arc<Origin>>,
    pub(super) autoflush: bool,
}

/// One object, loaded anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    pub(super) object: ObjectId,
    /// Whether the program asked for it, not an expired attribute.
    pub(super) by_user: bool,
}

/// A query that subquery loads repeat, and how far they are from it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) mapper: MapperId,
    pub(super) from: Vec<From>,
    pub(super) filter: Vec<Condition>,
    pub(super) parameters: Vec<Value>,
    pub(super) chain: Vec<RelationshipId>,
}

impl Request {
    /// All objects of a mapper.
    pub(super) fn new(mapping: &Mapping, mapper: MapperId) -> Request {
        Request {
            mapper,
            path: Path::root(mapper),
            from: vec![From::Table(mapping.table_of(mapper).name.clone())],
            filter: Vec::new(),
            parameters: Vec::new(),
            order_by: Vec::new(),
            labels: Labels::Taken,
            before: Vec::new(),
            after: Vec::new(),
            only: None,
            refresh: None,
            populate_existing: false,
            all_eagers: true,
            options: Arc::default(),
            kept_lazy: Vec::new(),
            origin: None,
            autoflush: true,
        }
    }

    /// The text of its SELECT.
    pub(super) fn text(&self, mapping: &Mapping) -> Result<String> {
        let plan = plan(mapping, self, &mut PostLoads::default())?;
        Ok(Statement::Select(plan.select).render())
    }

    /// What a subquery load of this request's objects repeats.
    fn own_origin(&self) -> Origin {
        match &self.origin {
            Some(origin) => (**origin).clone(),
            None => Origin {
                mapper: self.mapper,
                from: self.from.clone(),
                filter: self.filter.clone(),
                parameters: self.parameters.clone(),
                chain: Vec::new(),
            },
        }
    }
}

/// A SELECT, and what its rows mean.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) select: Select,
    pub(super) root: Entity,
    /// Where the columns beside the object stand.
    pub(super) extra: Vec<usize>,
    pub(super) subqueries: Vec<SubqueryPlan>,
    /// Whether a collection is joined: an object comes once for each of its members.
    pub(super) repeats_objects: bool,
}

/// A relationship that is loaded by repeating the query.
#[derive(Debug)]
pub(super) struct SubqueryPlan {
    pub(super) relationship: RelationshipId,
    pub(super) path: Path,
    pub(super) origin: Arc<Origin>,
}

/// Objects in the rows.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) mapper: MapperId,
    pub(super) path: Path,
    /// Where the value of each column stands.
    pub(super) columns: Vec<(ColumnPosition, usize)>,
    /// Where the primary key stands.
    pub(super) key: Vec<usize>,
    pub(super) relationships: Vec<(RelationshipId, Populate)>,
    /// Whether something is loaded for these objects after the rows.
    pub(super) has_posts: bool,
}

/// What a row does to a relationship.
#[derive(Debug)]
pub(super) enum Populate {
    /// It holds an object of it.
    Joined(Box<Entity>),
    /// Its objects come from another query, looked up by these columns of the row.
    Subquery { plan: usize, local: Vec<usize> },
    /// It is made empty.
    Empty,
    /// It is forgotten, to be loaded when it is next read.
    Forget,
    /// It is loaded, or not, in another way than configured.
    Instead(Lazy),
}

impl Populate {
    pub(super) fn is_eager(&self) -> bool {
        matches!(self, Populate::Joined(_) | Populate::Subquery { .. })
    }
}

/// Makes the plan of a request; what is loaded after the rows is registered with `posts`.
///
/// # Errors
/// `InvalidRequestError` if an option would load a collection that is never kept.
pub(super) fn plan(mapping: &Mapping, request: &Request, posts: &mut PostLoads) -> Result<Plan> {
    let table = mapping.table_of(request.mapper).name.clone();
    let mut planner = Planner {
        mapping,
        request,
        posts,
        primary: Vec::new(),
        secondary: Vec::new(),
        joins: Vec::new(),
        required: Vec::new(),
        order_by: request.order_by.clone(),
        subqueries: Vec::new(),
        repeats_objects: false,
        aliases: 0,
    };
    let mut extra: Vec<usize> =
        request.before.iter().map(|column| planner.primary_column(column.clone())).collect();
    let root = Place {
        mapper: request.mapper,
        source: Source::Table(table.clone()),
        path: request.path.clone(),
        inner: Path::root(request.mapper),
        is_root: true,
    };
    let mut root = planner.entity(&root)?;
    planner.require_columns();
    extra.extend(request.after.iter().map(|column| planner.primary_column(column.clone())));
    let Planner { mut primary, secondary, joins, order_by, subqueries, repeats_objects, .. } =
        planner;
    root.shift(primary.len());
    primary.extend(secondary);
    let select = Select {
        distinct: false,
        columns: primary,
        labels: request.labels,
        from: attach(request.from.clone(), &table, joins),
        filter: request.filter.clone(),
        order_by,
    };
    Ok(Plan { select, root, extra, subqueries, repeats_objects })
}

/// Puts the joins onto the table that they start from, which then stands last.
fn attach(mut from: Vec<From>, table: &str, joins: Vec<(From, Vec<Condition>)>) -> Vec<From> {
    if joins.is_empty() {
        return from;
    }
    let is_root = |from: &From| matches!(from, From::Table(name) if **name == *table);
    let at = from.iter().position(is_root).unwrap_or(0);
    let start = from.remove(at);
    let join = |left, (right, on)| From::Join(Box::new(Join { left, right, outer: true, on }));
    from.push(joins.into_iter().fold(start, join));
    from
}

/// A place in the FROM where objects of a mapper stand.
struct Place {
    mapper: MapperId,
    source: Source,
    path: Path,
    /// The path within this query.
    inner: Path,
    is_root: bool,
}

struct Planner<'p> {
    mapping: &'p Mapping,
    request: &'p Request,
    posts: &'p mut PostLoads,
    primary: Vec<Column>,
    secondary: Vec<Column>,
    joins: Vec<(From, Vec<Condition>)>,
    /// What the root is joined by, and must therefore be selected.
    required: Vec<Column>,
    order_by: Vec<Ordering>,
    subqueries: Vec<SubqueryPlan>,
    repeats_objects: bool,
    aliases: u32,
}

/// Positions among the columns that joins brought are told by this until all are known.
const SECONDARY: usize = 1 << 32;

impl Planner<'_> {
    fn entity(&mut self, place: &Place) -> Result<Entity> {
        let only = if place.is_root { self.request.only.as_ref() } else { None };
        let is_wanted = |attribute: AttributeId| only.is_none_or(|only| only.contains(attribute));
        let mut relationships = Vec::new();
        for &relationship in &self.mapping[place.mapper].relationships {
            if is_wanted(self.mapping.slot(relationship))
                && let Some(populate) = self.relationship(place, relationship)?
            {
                relationships.push((relationship, populate));
            }
        }
        let table = self.mapping.table_of(place.mapper);
        let mut columns = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            if is_wanted(AttributeId(at as u16)) {
                let column = Column { source: place.source.clone(), name: column.name.clone() };
                columns.push((ColumnPosition(at), self.column(place, column)));
            }
        }
        let find = |wanted: &ColumnPosition| {
            columns.iter().find(|(position, _)| position == wanted).map(|(_, at)| *at)
        };
        let key = table.primary_key.iter().filter_map(find).collect();
        self.find_local_columns(&mut relationships, &columns);
        let has_posts = self.posts.has(&place.path);
        let (mapper, path) = (place.mapper, place.path.clone());
        Ok(Entity { mapper, path, columns, key, relationships, has_posts })
    }

    fn column(&mut self, place: &Place, column: Column) -> usize {
        if place.is_root {
            return self.primary_column(column);
        }
        self.secondary.push(column);
        SECONDARY + self.secondary.len() - 1
    }

    fn primary_column(&mut self, column: Column) -> usize {
        if let Some(at) = self.primary.iter().position(|known| *known == column) {
            return at;
        }
        self.primary.push(column);
        self.primary.len() - 1
    }

    /// How a relationship is loaded here, and whether an option says so.
    fn strategy(&self, place: &Place, relationship: RelationshipId) -> (Lazy, bool) {
        if place.is_root && self.request.kept_lazy.contains(&relationship) {
            return (Lazy::Select, true);
        }
        let is_asked_for = place.is_root && place.path.is_root();
        let option = self.request.options.iter().rev().find(|it| it.relationship == relationship);
        match option {
            Some(LoadOption { lazy, .. }) if is_asked_for => (*lazy, true),
            _ => (self.mapping[relationship].lazy, false),
        }
    }

    fn relationship(
        &mut self,
        place: &Place,
        relationship: RelationshipId,
    ) -> Result<Option<Populate>> {
        let (lazy, is_option) = self.strategy(place, relationship);
        let configured = self.mapping[relationship].lazy;
        if is_option && configured.is_write_only() {
            return match lazy {
                Lazy::Joined | Lazy::Selectin | Lazy::Subquery => Err(Error::new(
                    ErrorClass::InvalidRequestError,
                    format!(
                        "'{}' does not support object population - eager loading cannot be \
                         applied.",
                        self.mapping[relationship].path
                    ),
                )),
                _ => Ok(None),
            };
        }
        let is_refresh = self.request.refresh.is_some() && place.is_root;
        Ok(match lazy {
            Lazy::Joined
                if is_option || !place.inner.passes(self.mapping, self.target(relationship)) =>
            {
                Some(Populate::Joined(Box::new(self.joined(place, relationship)?)))
            }
            Lazy::Joined => self.lazily(place, relationship, Lazy::Select, false),
            Lazy::Select | Lazy::Raise | Lazy::RaiseOnSql => {
                self.lazily(place, relationship, lazy, is_option)
            }
            Lazy::Noload => Some(Populate::Empty),
            Lazy::Dynamic | Lazy::WriteOnly => None,
            Lazy::Immediate => {
                self.immediate(place, relationship, is_option);
                None
            }
            Lazy::Selectin | Lazy::Subquery if is_refresh || self.request.refresh.is_some() => {
                self.immediate(place, relationship, is_option);
                None
            }
            Lazy::Selectin => {
                if self.runs(place, relationship, is_option) {
                    self.register(place, relationship, PostKind::Selectin);
                }
                None
            }
            Lazy::Subquery => self
                .runs(place, relationship, is_option)
                .then(|| self.subquery(place, relationship)),
        })
    }

    fn target(&self, relationship: RelationshipId) -> MapperId {
        self.mapping[relationship].target
    }

    /// A relationship that is loaded when it is read.
    fn lazily(
        &mut self,
        place: &Place,
        relationship: RelationshipId,
        lazy: Lazy,
        is_option: bool,
    ) -> Option<Populate> {
        let by_user = self.request.refresh.is_some_and(|refresh| refresh.by_user);
        if by_user && self.request.only.is_some() && place.is_root {
            self.immediate(place, relationship, is_option);
            return None;
        }
        let configured = self.mapping[relationship].lazy;
        let is_of_class = match (lazy, configured) {
            (Lazy::Select, Lazy::Noload | Lazy::Raise | Lazy::RaiseOnSql) => false,
            (Lazy::Select, _) => true,
            (lazy, configured) => lazy == configured,
        };
        if !is_of_class {
            return Some(Populate::Instead(lazy));
        }
        self.request.populate_existing.then_some(Populate::Forget)
    }

    /// Whether a loader with statements of its own runs, or the path has been there already.
    fn runs(&self, place: &Place, relationship: RelationshipId, is_option: bool) -> bool {
        !self.posts.has_loader(&place.path, relationship)
            && (is_option || !place.path.passes(self.mapping, self.target(relationship)))
    }

    fn immediate(&mut self, place: &Place, relationship: RelationshipId, is_option: bool) {
        let runs = self.runs(place, relationship, is_option);
        let kind = if runs { PostKind::Immediate } else { PostKind::FromIdentityMap };
        self.register(place, relationship, kind);
    }

    fn register(&mut self, place: &Place, relationship: RelationshipId, kind: PostKind) {
        let only = if place.is_root { self.request.only.clone() } else { None };
        self.posts.register(
            place.path.clone(),
            relationship,
            kind,
            self.request.options.clone(),
            self.request.populate_existing,
            only,
        );
    }

    fn subquery(&mut self, place: &Place, relationship: RelationshipId) -> Populate {
        let mut origin = self.request.own_origin();
        origin.chain.extend(place.inner.steps());
        origin.chain.push(relationship);
        self.subqueries.push(SubqueryPlan {
            relationship,
            path: place.path.with(relationship),
            origin: Arc::new(origin),
        });
        Populate::Subquery { plan: self.subqueries.len() - 1, local: Vec::new() }
    }

    /// Where the near columns of subquery loads stand.
    fn find_local_columns(
        &self,
        relationships: &mut [(RelationshipId, Populate)],
        columns: &[(ColumnPosition, usize)],
    ) {
        for (relationship, populate) in relationships {
            if let Populate::Subquery { local, .. } = populate {
                let near = local_columns(self.mapping, *relationship);
                let find = |column: &ColumnRef| {
                    columns.iter().find(|(position, _)| *position == column.column)
                };
                local.extend(near.iter().filter_map(find).map(|(_, at)| *at));
            }
        }
    }

    fn joined(&mut self, place: &Place, relationship: RelationshipId) -> Result<Entity> {
        let configured = &self.mapping[relationship];
        self.repeats_objects |= configured.uselist;
        let target_table = self.mapping[configured.target].table;
        let target = self.alias(target_table);
        let secondary = configured.secondary.map(|table| (table, self.alias(table)));
        let joint = Joint {
            mapping: self.mapping,
            near: place.source.clone(),
            far: Source::Alias(target.clone()),
            secondary: secondary.as_ref().map(|(_, alias)| Source::Alias(alias.clone())),
        };
        let aliased = |table: TableIndex, alias: &Alias| From::Aliased {
            table: self.mapping[table].name.clone(),
            alias: alias.clone(),
        };
        let right = match &secondary {
            None => aliased(target_table, &target),
            Some((table, alias)) => From::Join(Box::new(Join {
                left: aliased(*table, alias),
                right: aliased(target_table, &target),
                outer: false,
                on: joint.secondary_terms(&configured.secondary_join),
            })),
        };
        self.joins.push((right, joint.terms(&configured.primary_join)));
        self.order_by.extend(orderings(self.mapping, &configured.order_by, |table| {
            if table == target_table {
                Source::Alias(target.clone())
            } else {
                joint.secondary.clone().unwrap_or(Source::Table(self.mapping[table].name.clone()))
            }
        }));
        if place.is_root {
            // Of a table that is joined to itself, those of the far side too: they are the root's as well.
            let table = self.mapping[place.mapper].table;
            let sides = configured.primary_join.iter().flat_map(|term| [term.left, term.right]);
            let column = |side: Side| Column {
                source: place.source.clone(),
                name: self.mapping[side.column].name.clone(),
            };
            self.required.extend(sides.filter(|side| side.column.table == table).map(column));
        }
        self.entity(&Place {
            mapper: configured.target,
            source: Source::Alias(target),
            path: place.path.with(relationship),
            inner: place.inner.with(relationship),
            is_root: false,
        })
    }

    /// The columns that the root is joined by are selected, whatever else is.
    fn require_columns(&mut self) {
        for column in std::mem::take(&mut self.required) {
            self.primary_column(column);
        }
    }

    fn alias(&mut self, table: TableIndex) -> Alias {
        self.aliases += 1;
        Alias { base: self.mapping[table].name.clone(), id: self.aliases }
    }
}

/// Where the columns of a relationship's joins come from in one query.
pub(super) struct Joint<'m> {
    pub(super) mapping: &'m Mapping,
    pub(super) near: Source,
    pub(super) far: Source,
    pub(super) secondary: Option<Source>,
}

impl Joint<'_> {
    /// The conditions from the near side to the far one, or to the association table.
    pub(super) fn terms(&self, terms: &[JoinTerm]) -> Vec<Condition> {
        let far = self.secondary.as_ref().unwrap_or(&self.far);
        self.conditions(terms, &self.near, far)
    }

    /// The conditions from the far side to the association table.
    pub(super) fn secondary_terms(&self, terms: &[JoinTerm]) -> Vec<Condition> {
        let secondary = self.secondary.as_ref().unwrap_or(&self.far);
        self.conditions(terms, &self.far, secondary)
    }

    fn conditions(&self, terms: &[JoinTerm], near: &Source, far: &Source) -> Vec<Condition> {
        let column = |side: Side| Column {
            source: if side.remote { far.clone() } else { near.clone() },
            name: self.mapping[side.column].name.clone(),
        };
        terms.iter().map(|term| Condition::columns(column(term.left), column(term.right))).collect()
    }
}

/// The near columns of a relationship, each once.
pub(super) fn local_columns(mapping: &Mapping, relationship: RelationshipId) -> Vec<ColumnRef> {
    let parent = mapping[mapping[relationship].parent].table;
    let mut columns = Vec::new();
    for (near, _) in &mapping[relationship].local_remote_pairs {
        if near.table == parent && !columns.contains(near) {
            columns.push(*near);
        }
    }
    columns
}

/// ORDER BY of a relationship, its columns taken from where `source` says.
pub(super) fn orderings(
    mapping: &Mapping,
    order_by: &[OrderBy],
    source: impl Fn(TableIndex) -> Source,
) -> Vec<Ordering> {
    let ordering = |by: &OrderBy| Ordering {
        column: Column { source: source(by.column.table), name: mapping[by.column].name.clone() },
        descending: by.order == Order::Descending,
    };
    order_by.iter().map(ordering).collect()
}

impl Entity {
    /// Tells the final positions of columns that joins brought, once it is known where they begin.
    fn shift(&mut self, start: usize) {
        let fix = |at: &mut usize| {
            if *at >= SECONDARY {
                *at = *at - SECONDARY + start;
            }
        };
        self.columns.iter_mut().for_each(|(_, at)| fix(at));
        self.key.iter_mut().for_each(fix);
        for (_, populate) in &mut self.relationships {
            match populate {
                Populate::Joined(entity) => entity.shift(start),
                Populate::Subquery { local, .. } => local.iter_mut().for_each(fix),
                Populate::Empty | Populate::Forget | Populate::Instead(_) => {}
            }
        }
    }
}
