//! A relationship of many objects at once, by one more statement for each 500 of their keys.
//!
//! Three forms: a reference whose key the parents have is looked up in the target alone; a collection
//! that holds the parents' primary key is looked up by that, in the target or association table; else
//! the parents' table is joined.

use super::path::Path;
use super::plan::{Joint, Request, orderings};
use super::post::{PostLoader, PostLoads};
use crate::session::Session;
use crate::session::attribute::Got;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{ColumnRef, Direction, Relationship, RelationshipId, TableIndex};
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::statement::{Alias, Column, Condition, From, Join, Labels, Source};
use crate::value::Value;
use hashbrown::HashMap;

/// How many keys a statement lists at most.
const KEYS_MAX: usize = 500;

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// An object, its key, and whether what it has is replaced.
type Parent = (Vec<Scalar>, ObjectId, bool);

impl Session<'_> {
    pub(super) fn load_selectin(
        &mut self,
        path: &Path,
        loader: &PostLoader,
        objects: &[(ObjectId, bool)],
        posts: &mut PostLoads,
    ) -> Result<()> {
        let relationship = loader.relationship;
        let mut request = Request::new(self.mapping, self.mapping[relationship].target);
        request.path = path.with(relationship);
        request.options = loader.options.clone();
        request.populate_existing = loader.populate_existing;
        request.labels = Labels::None;
        if self.mapping[relationship].direction == Direction::ManyToOne
            && self.mapping[relationship].use_get
            && let Some(parents) = self.keys_of_references(relationship, objects)?
        {
            self.load_by_reference(request, relationship, &parents, posts)
        } else {
            self.load_by_parent(request, relationship, objects, posts)
        }
    }

    /// The key that each object references; `None` if one of them would have to be loaded for it.
    fn keys_of_references(
        &mut self,
        relationship: RelationshipId,
        objects: &[(ObjectId, bool)],
    ) -> Result<Option<Vec<Parent>>> {
        let near = columns_by_target_key(self, relationship);
        let mut parents = Vec::with_capacity(objects.len());
        for &(object, replaces) in objects {
            let mut key = Vec::with_capacity(near.len());
            for column in &near {
                match self.get_column(object, column.column, Passive::NO_FETCH)? {
                    Got::NoResult => return Ok(None),
                    Got::NoValue => key.push(Scalar::Null),
                    Got::Value(value) => key.push(value),
                }
            }
            parents.push((key, object, replaces));
        }
        Ok(Some(parents))
    }

    fn load_by_reference(
        &mut self,
        mut request: Request,
        relationship: RelationshipId,
        parents: &[Parent],
        posts: &mut PostLoads,
    ) -> Result<()> {
        let table = self.mapping.table_of(request.mapper);
        let keys = table.primary_key.iter().map(|&at| &table.column(at).name);
        let columns: Vec<Column> =
            keys.map(|name| Column::of(table.name.clone(), name.clone())).collect();
        request.before.clone_from(&columns);
        self.order_selectin(&mut request, relationship);
        let has_null = |key: &[Scalar]| key.iter().any(Scalar::is_null);
        let mut keys: Vec<&[Scalar]> = Vec::new();
        let mut by_key: Map<&[Scalar], Vec<(ObjectId, bool)>> = Map::default();
        for (key, object, replaces) in parents.iter().filter(|(key, ..)| !has_null(key)) {
            by_key
                .entry(key)
                .or_insert_with(|| {
                    keys.push(key);
                    Vec::new()
                })
                .push((*object, *replaces));
        }
        for chunk in keys.chunks(KEYS_MAX) {
            let found = self.load_chunk(&request, &columns, chunk, posts)?;
            for key in chunk {
                // The last row of a key counts.
                let target = found.get(*key).and_then(|targets| targets.last().copied());
                for &(object, replaces) in &by_key[key] {
                    self.set_loaded(object, relationship, replaces, target.into_iter().collect())?;
                }
            }
        }
        for (_, object, replaces) in parents.iter().filter(|(key, ..)| has_null(key)) {
            self.set_loaded(*object, relationship, *replaces, Vec::new())?;
        }
        Ok(())
    }

    fn load_by_parent(
        &mut self,
        mut request: Request,
        relationship: RelationshipId,
        objects: &[(ObjectId, bool)],
        posts: &mut PostLoads,
    ) -> Result<()> {
        let columns = self.parent_columns(&mut request, relationship);
        request.before.clone_from(&columns);
        self.order_selectin(&mut request, relationship);
        let parent = |&(object, replaces): &(ObjectId, bool)| {
            // One that a rollback has left in the identity map without its key.
            let message = "'NoneType' object is not subscriptable";
            let no_key = || Error::new(ErrorClass::TypeError, message);
            let key = self.state(object).key.as_ref().ok_or_else(no_key)?;
            Ok((key.values.to_vec(), object, replaces))
        };
        let parents = objects.iter().map(parent).collect::<Result<Vec<Parent>>>()?;
        for chunk in parents.chunks(KEYS_MAX) {
            let keys: Vec<&[Scalar]> = chunk.iter().map(|(key, ..)| &key[..]).collect();
            let found = self.load_chunk(&request, &columns, &keys, posts)?;
            for (key, object, replaces) in chunk {
                let targets = found.get(&key[..]).cloned().unwrap_or_default();
                self.set_loaded(*object, relationship, *replaces, targets)?;
            }
        }
        Ok(())
    }

    fn set_loaded(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        replaces: bool,
        targets: Vec<ObjectId>,
    ) -> Result<()> {
        if !replaces && self.state(object).has(self.mapping.slot(relationship)) {
            return Ok(());
        }
        self.set_eagerly(object, relationship, targets)
    }

    /// The objects that one statement finds, by key.
    fn load_chunk(
        &mut self,
        request: &Request,
        columns: &[Column],
        keys: &[&[Scalar]],
        posts: &mut PostLoads,
    ) -> Result<Map<Vec<Scalar>, Vec<ObjectId>>> {
        let mut request = request.clone();
        request.filter.push(Condition::In { columns: columns.to_vec(), keys: keys.len() });
        request.parameters = keys.iter().flat_map(|key| key.iter().map(Scalar::to_value)).collect();
        let found = self.load_rows(&request, posts)?;
        let mut by_key: Map<Vec<Scalar>, Vec<ObjectId>> = Map::default();
        for (object, extra) in found {
            let Some(object) = object else { continue };
            let key: Vec<Scalar> = extra.into_iter().map(|value: Value| value.into()).collect();
            by_key.entry(key).or_default().push(object);
        }
        Ok(by_key)
    }

    fn order_selectin(&self, request: &mut Request, relationship: RelationshipId) {
        let mapping = self.mapping;
        request.order_by.extend(orderings(mapping, &mapping[relationship].order_by, |table| {
            Source::Table(mapping[table].name.clone())
        }));
    }

    /// The columns by which the parents' keys are found, and the tables to find them in.
    fn parent_columns(&self, request: &mut Request, relationship: RelationshipId) -> Vec<Column> {
        let mapping = self.mapping;
        let configured = &mapping[relationship];
        let parent = mapping[configured.parent].table;
        let key = mapping.primary_key(configured.parent);
        let far = |column| {
            let near = ColumnRef { table: parent, column };
            let pair = configured.local_remote_pairs.iter().find(|(local, _)| *local == near);
            pair.map(|(_, remote)| *remote)
        };
        let is_covered = configured.primary_join.len() == key.len()
            && key.iter().all(|&column| far(column).is_some());
        let is_association_of_itself =
            configured.secondary.is_some() && configured.parent == configured.target;
        if !is_covered || is_association_of_itself || configured.direction == Direction::ManyToOne {
            return self.join_parent(request, configured);
        }
        if let Some(secondary) = configured.secondary {
            let source = |table: TableIndex| Source::Table(mapping[table].name.clone());
            let joint = Joint {
                mapping,
                near: source(parent),
                far: source(mapping[configured.target].table),
                secondary: Some(source(secondary)),
            };
            let right = request.from.remove(0);
            request.from = vec![From::Join(Box::new(Join {
                left: From::Table(mapping[secondary].name.clone()),
                right,
                outer: false,
                on: joint.secondary_terms(&configured.secondary_join),
            }))];
        }
        let columns = key.iter().filter_map(|&column| far(column));
        columns
            .map(|column| {
                Column::of(mapping[column.table].name.clone(), mapping[column].name.clone())
            })
            .collect()
    }

    /// Reads the parents' table, too, under an alias.
    fn join_parent(&self, request: &mut Request, configured: &Relationship) -> Vec<Column> {
        let mapping = self.mapping;
        let name = mapping.table_of(configured.parent).name.clone();
        // The plan numbers its own aliases from 1.
        let alias = Alias { base: name.clone(), id: 0 };
        let parent = Source::Alias(alias.clone());
        let secondary = configured.secondary.map(|table| {
            let table = mapping[table].name.clone();
            (table.clone(), Alias { base: table, id: u32::MAX })
        });
        let target = request.from.remove(0);
        let joint = Joint {
            mapping,
            near: parent.clone(),
            far: Source::Table(mapping.table_of(configured.target).name.clone()),
            secondary: secondary.as_ref().map(|(_, alias)| Source::Alias(alias.clone())),
        };
        let mut from = From::Aliased { table: name, alias };
        let inner = |left, right, on| From::Join(Box::new(Join { left, right, outer: false, on }));
        from = match secondary {
            None => inner(from, target, joint.terms(&configured.primary_join)),
            Some((table, alias)) => {
                let association = From::Aliased { table, alias };
                let on = joint.terms(&configured.primary_join);
                let left = inner(from, association, on);
                inner(left, target, joint.secondary_terms(&configured.secondary_join))
            }
        };
        request.from = vec![from];
        let table = mapping.table_of(configured.parent);
        let key = table.primary_key.iter().map(|&at| table.column(at).name.clone());
        key.map(|name| Column { source: parent.clone(), name }).collect()
    }
}

/// The near columns of a reference in the order of the target's primary key.
fn columns_by_target_key(session: &Session<'_>, relationship: RelationshipId) -> Vec<ColumnRef> {
    let mapping = session.mapping;
    let configured = &mapping[relationship];
    let table = mapping[configured.target].table;
    let far = |&column| ColumnRef { table, column };
    let near = |far| configured.local_remote_pairs.iter().find(|(_, it)| *it == far).map(|it| it.0);
    mapping.primary_key(configured.target).iter().map(far).filter_map(near).collect()
}
