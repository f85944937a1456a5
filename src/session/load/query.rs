//! A program's query: the objects of a class for which some attributes have some values.

use super::lazy::distinct;
use super::plan::Request;
use super::{LoadOption, LoadOptions};
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::{Attribute, Lazy, MapperId, Order};
use crate::session::scalar::Scalar;
use crate::session::statement::{Column, Condition, Operand, Ordering};

/// How a query loads a relationship, other than configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// `selectinload`
    Selectin,
    /// `joinedload`
    Joined,
    /// `subqueryload`
    Subquery,
    /// `lazyload`
    Lazy,
    /// `raiseload`
    Raise,
}

impl LoadKind {
    fn lazy(self) -> Lazy {
        match self {
            LoadKind::Selectin => Lazy::Selectin,
            LoadKind::Joined => Lazy::Joined,
            LoadKind::Subquery => Lazy::Subquery,
            LoadKind::Lazy => Lazy::Select,
            LoadKind::Raise => Lazy::Raise,
        }
    }
}

/// What a program asks for.
///
/// ```
/// use ondelete::session::{LoadKind, Query};
/// let query = Query::of("Hero").filter("team_id", 1).order_by("name").load(LoadKind::Joined, "team");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    class: String,
    filter: Vec<(String, Scalar)>,
    order_by: Vec<(String, Order)>,
    load: Vec<(LoadKind, String)>,
    populate_existing: bool,
}

impl Query {
    /// All objects of a class.
    pub fn of(class: impl Into<String>) -> Query {
        Query {
            class: class.into(),
            filter: Vec::new(),
            order_by: Vec::new(),
            load: Vec::new(),
            populate_existing: false,
        }
    }

    /// Only those whose column has this value; `None` is compared by `IS NULL`.
    #[must_use]
    pub fn filter(mut self, attribute: impl Into<String>, value: impl Into<Scalar>) -> Query {
        self.filter.push((attribute.into(), value.into()));
        self
    }

    /// Ordered by one more column, from small to large.
    #[must_use]
    pub fn order_by(mut self, attribute: impl Into<String>) -> Query {
        self.order_by.push((attribute.into(), Order::Ascending));
        self
    }

    /// Ordered by one more column, from large to small.
    #[must_use]
    pub fn order_by_descending(mut self, attribute: impl Into<String>) -> Query {
        self.order_by.push((attribute.into(), Order::Descending));
        self
    }

    /// Loads a relationship in another way than configured.
    #[must_use]
    pub fn load(mut self, kind: LoadKind, relationship: impl Into<String>) -> Query {
        self.load.push((kind, relationship.into()));
        self
    }

    /// Loads objects anew that are loaded already. Their changes are forgotten.
    #[must_use]
    pub fn populate_existing(mut self) -> Query {
        self.populate_existing = true;
        self
    }
}

/// A query in its session.
#[derive(Debug)]
pub struct QueryIn<'s, 'a> {
    session: &'s mut Session<'a>,
    query: Query,
}

impl QueryIn<'_, '_> {
    /// As [`Query::filter`].
    #[must_use]
    pub fn filter(mut self, attribute: impl Into<String>, value: impl Into<Scalar>) -> Self {
        self.query = self.query.filter(attribute, value);
        self
    }

    /// As [`Query::order_by`].
    #[must_use]
    pub fn order_by(mut self, attribute: impl Into<String>) -> Self {
        self.query = self.query.order_by(attribute);
        self
    }

    /// As [`Query::load`].
    #[must_use]
    pub fn load(mut self, kind: LoadKind, relationship: impl Into<String>) -> Self {
        self.query = self.query.load(kind, relationship);
        self
    }

    /// As [`Session::all`].
    ///
    /// # Errors
    /// The same.
    pub fn all(self) -> Result<Vec<ObjectId>> {
        self.session.all(&self.query)
    }

    /// As [`Session::first`].
    ///
    /// # Errors
    /// The same.
    pub fn first(self) -> Result<Option<ObjectId>> {
        self.session.first(&self.query)
    }

    /// As [`Session::one`].
    ///
    /// # Errors
    /// The same.
    pub fn one(self) -> Result<ObjectId> {
        self.session.one(&self.query)
    }
}

impl<'a> Session<'a> {
    /// A query for objects of a class, to be narrowed and run.
    pub fn query(&mut self, class: impl Into<String>) -> QueryIn<'_, 'a> {
        QueryIn { session: self, query: Query::of(class) }
    }
}

impl Session<'_> {
    /// All objects that a query finds, each once. The session is flushed before, if it does that.
    ///
    /// # Errors
    /// `AttributeError` for an attribute that the class does not have; what the flush raises.
    pub fn all(&mut self, query: &Query) -> Result<Vec<ObjectId>> {
        let mapper = self.mapper_of(&query.class)?;
        let mut request = Request::new(self.mapping, mapper);
        for (name, value) in &query.filter {
            let column = Operand::Column(self.column_named(mapper, name)?);
            request.filter.push(if value.is_null() {
                Condition::IsNull(column)
            } else {
                request.parameters.push(value.to_value());
                Condition::Equal(column, Operand::Parameter)
            });
        }
        for (name, order) in &query.order_by {
            let column = self.column_named(mapper, name)?;
            let descending = *order == Order::Descending;
            request.order_by.push(Ordering { column, descending });
        }
        request.options = self.load_options(mapper, &query.load)?;
        request.populate_existing = query.populate_existing;
        let found = self.load(&request)?;
        Ok(distinct(&found))
    }

    /// The first object that a query finds.
    ///
    /// # Errors
    /// As [`Session::all`].
    pub fn first(&mut self, query: &Query) -> Result<Option<ObjectId>> {
        Ok(self.all(query)?.first().copied())
    }

    /// The one object that a query finds.
    ///
    /// # Errors
    /// `NoResultFound` or `MultipleResultsFound` if it is not one; else as [`Session::all`].
    pub fn one(&mut self, query: &Query) -> Result<ObjectId> {
        match self.all(query)?[..] {
            [one] => Ok(one),
            [] => {
                Err(Error::new(ErrorClass::NoResultFound, "No row was found when one was required"))
            }
            _ => Err(Error::new(
                ErrorClass::MultipleResultsFound,
                "Multiple rows were found when exactly one was required",
            )),
        }
    }

    /// The one object that a query finds, if it finds one.
    ///
    /// # Errors
    /// `MultipleResultsFound` if there are more; else as [`Session::all`].
    pub fn one_or_none(&mut self, query: &Query) -> Result<Option<ObjectId>> {
        match self.all(query)?[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(Error::new(
                ErrorClass::MultipleResultsFound,
                "Multiple rows were found when one or none was required",
            )),
        }
    }

    fn column_named(&self, mapper: MapperId, name: &str) -> Result<Column> {
        match self.mapping.attribute(mapper, name) {
            Some(Attribute::Column(position)) => {
                let table = self.mapping.table_of(mapper);
                Ok(Column::of(table.name.clone(), table.column(position).name.clone()))
            }
            Some(Attribute::Relationship(_)) => Err(Error::new(
                ErrorClass::ArgumentError,
                format!("attribute '{name}' is a relationship; a query compares columns"),
            )),
            None => Err(self.no_attribute_of_class(mapper, name)),
        }
    }

    fn no_attribute_of_class(&self, mapper: MapperId, name: &str) -> Error {
        let class = &self.mapping[mapper].name;
        let message = format!("type object '{class}' has no attribute '{name}'");
        Error::new(ErrorClass::AttributeError, message)
    }

    fn load_options(&self, mapper: MapperId, load: &[(LoadKind, String)]) -> Result<LoadOptions> {
        let option = |(kind, name): &(LoadKind, String)| match self.mapping.attribute(mapper, name)
        {
            Some(Attribute::Relationship(relationship)) => {
                Ok(LoadOption { relationship, lazy: kind.lazy() })
            }
            Some(Attribute::Column(_)) => Err(Error::new(
                ErrorClass::ArgumentError,
                format!(
                    "Can't apply \"{}\" strategy to property \"{}.{name}\", which is a \"column \
                         property\"; this loader strategy is intended to be used with a \
                         \"relationship property\".",
                    kind.words(),
                    self.mapping[mapper].name
                ),
            )),
            None => Err(self.no_attribute_of_class(mapper, name)),
        };
        load.iter().map(option).collect()
    }
}

impl LoadKind {
    fn words(self) -> &'static str {
        match self {
            LoadKind::Selectin => "selectin loader",
            LoadKind::Joined => "joined loader",
            LoadKind::Subquery => "subquery loader",
            LoadKind::Lazy => "lazy loader",
            LoadKind::Raise => "raise loader",
        }
    }
}
