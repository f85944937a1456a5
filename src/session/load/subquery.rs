//! A relationship of many objects at once, by repeating the query that found them as a subselect.

use super::plan::{Joint, Origin, Request, SubqueryPlan, local_columns, orderings};
use super::populate::Collections;
use crate::session::Session;
use crate::session::error::Result;
use crate::session::mapping::{ColumnRef, Mapping, RelationshipId};
use crate::session::scalar::Scalar;
use crate::session::statement::{Alias, Column, From, Join, Labels, Select, Source};
use std::sync::Arc;

impl Session<'_> {
    /// The objects of a subquery load, by the near columns of its relationship.
    pub(super) fn load_subquery(
        &mut self,
        parent: &Request,
        plan: &SubqueryPlan,
    ) -> Result<Collections> {
        let request = subquery_request(self.mapping, parent, plan);
        let found = self.load(&request)?;
        let mut seen: hashbrown::HashSet<_, foldhash::fast::FixedState> = Default::default();
        let mut collections = Collections::default();
        for (object, extra) in found {
            let Some(object) = object else { continue };
            let key: Vec<Scalar> = extra.into_iter().map(Scalar::from).collect();
            if seen.insert((object, key.clone())) {
                collections.entry(key).or_default().push(object);
            }
        }
        Ok(collections)
    }
}

fn subquery_request(mapping: &Mapping, parent: &Request, plan: &SubqueryPlan) -> Request {
    let origin: &Arc<Origin> = &plan.origin;
    let mut request = Request::new(mapping, mapping[plan.relationship].target);
    request.path = plan.path.clone();
    request.options = parent.options.clone();
    request.populate_existing = parent.populate_existing;
    request.labels = Labels::All;
    request.parameters.clone_from(&origin.parameters);
    request.origin = Some(origin.clone());
    let anonymous = Alias { base: "anon".into(), id: u32::MAX };
    let mut from =
        From::Subselect { select: Box::new(repeated(mapping, origin)), alias: anonymous.clone() };
    let mut near = Near::Subselect(Source::Alias(anonymous));
    for (at, &step) in origin.chain.iter().enumerate() {
        let is_last = at + 1 == origin.chain.len();
        if is_last {
            request.after = near.columns(mapping, step);
        }
        (from, near) = join(mapping, from, &near, step, is_last, at as u32);
    }
    request.from = vec![from];
    let order_by = &mapping[plan.relationship].order_by;
    request
        .order_by
        .extend(orderings(mapping, order_by, |table| Source::Table(mapping[table].name.clone())));
    request
}

/// The query itself, of which only the near columns of the first relationship are left.
fn repeated(mapping: &Mapping, origin: &Origin) -> Select {
    let table = mapping.table_of(origin.mapper);
    let near = origin.chain.first().map(|&first| local_columns(mapping, first)).unwrap_or_default();
    let has_key = table.primary_key.iter().all(|key| near.iter().any(|it| it.column == *key));
    let name = |column: ColumnRef| Column::of(table.name.clone(), mapping[column].name.clone());
    Select {
        distinct: !has_key,
        columns: near.iter().map(|&column| name(column)).collect(),
        labels: Labels::All,
        from: origin.from.clone(),
        filter: origin.filter.clone(),
        order_by: Vec::new(),
    }
}

/// The near side of a join: the subselect, whose columns have its labels, or an alias of a table.
enum Near {
    Subselect(Source),
    Alias(Source),
}

impl Near {
    /// The near columns of a relationship.
    fn columns(&self, mapping: &Mapping, relationship: RelationshipId) -> Vec<Column> {
        let near = local_columns(mapping, relationship);
        let column = |&column: &ColumnRef| {
            let name = mapping[column].name.clone();
            match self {
                Near::Alias(source) => Column { source: source.clone(), name },
                Near::Subselect(source) => {
                    let table = &mapping[column.table].name;
                    let name = format!("{table}_{name}").as_str().into();
                    Column { source: source.clone(), name }
                }
            }
        };
        near.iter().map(column).collect()
    }
}

/// Joins the target of a relationship; all but the last go by an alias.
fn join(
    mapping: &Mapping,
    left: From,
    near: &Near,
    relationship: RelationshipId,
    is_last: bool,
    at: u32,
) -> (From, Near) {
    let configured = &mapping[relationship];
    let table = mapping.table_of(configured.target).name.clone();
    let alias = Alias { base: table.clone(), id: u32::MAX - 2 - 2 * at };
    let (target, far) = if is_last {
        (From::Table(table.clone()), Source::Table(table))
    } else {
        (From::Aliased { table, alias: alias.clone() }, Source::Alias(alias))
    };
    let secondary = configured.secondary.map(|table| {
        let table = mapping[table].name.clone();
        (table.clone(), Alias { base: table, id: u32::MAX - 1 - 2 * at })
    });
    let near_source = match near {
        Near::Subselect(source) | Near::Alias(source) => source.clone(),
    };
    let joint = Joint {
        mapping,
        near: near_source,
        far: far.clone(),
        secondary: secondary.as_ref().map(|(_, alias)| Source::Alias(alias.clone())),
    };
    let mut on = joint.terms(&configured.primary_join);
    if let Near::Subselect(source) = near {
        on.iter_mut().for_each(|condition| relabel(condition, source, mapping, relationship));
    }
    let inner = |left, right, on| From::Join(Box::new(Join { left, right, outer: false, on }));
    let from = match secondary {
        None => inner(left, target, on),
        Some((table, alias)) => {
            let association = From::Aliased { table, alias };
            let middle = inner(left, association, on);
            inner(middle, target, joint.secondary_terms(&configured.secondary_join))
        }
    };
    (from, Near::Alias(far))
}

/// A column of the subselect goes by its label there.
fn relabel(
    condition: &mut crate::session::statement::Condition,
    source: &Source,
    mapping: &Mapping,
    relationship: RelationshipId,
) {
    use crate::session::statement::{Condition, Operand};
    let parent = &mapping.table_of(mapping[relationship].parent).name;
    let rename = |operand: &mut Operand| {
        if let Operand::Column(column) = operand
            && column.source == *source
        {
            column.name = format!("{parent}_{}", column.name).as_str().into();
        }
    };
    if let Condition::Equal(left, right) = condition {
        rename(left);
        rename(right);
    }
}
