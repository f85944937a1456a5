//! Objects by primary key: get, refresh, and the attributes that were expired.

use super::path::Path;
use super::plan::{Refresh, Request};
use super::post::PostLoads;
use crate::session::Session;
use crate::session::error::{Error, ErrorClass, Result};
use crate::session::id::ObjectId;
use crate::session::mapping::MapperId;
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::{AttributeSet, IdentityKey};
use crate::session::statement::{Column, Condition, Operand};

/// What looking into the identity map came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// It is there.
    Found(ObjectId),
    /// It is not, or its row is gone.
    Missing,
    /// It is expired, and finding out whether its row is still there was not permitted.
    NotPermitted,
}

impl Session<'_> {
    /// The object with a primary key: from the identity map if it is there, else from the database.
    ///
    /// # Errors
    /// `InvalidRequestError` for another number of values than the key has.
    pub fn get(&mut self, class: &str, key: &[Scalar]) -> Result<Option<ObjectId>> {
        let mapper = self.mapper_of(class)?;
        let mapping = self.mapping;
        let columns = mapping.primary_key(mapper);
        if key.len() != columns.len() {
            let table = mapping.table_of(mapper);
            let names =
                columns.iter().map(|&at| format!("'{}.{}'", table.name, table.column(at).name));
            let names: Vec<String> = names.collect();
            return Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!(
                    "Incorrect number of values in identifier to formulate primary key for \
                     session.get(); primary key columns are {}",
                    names.join(",")
                ),
            ));
        }
        let identity = IdentityKey { mapper, values: key.iter().cloned().collect() };
        if let Lookup::Found(object) = self.look_up(&identity, Passive::OFF)? {
            return Ok(Some(object));
        }
        let mut request = Request::new(mapping, mapper);
        self.identify_by(&mut request, key);
        let found = self.load(&request)?;
        Ok(found.first().and_then(|(object, _)| *object))
    }

    /// The mapper of a class.
    pub(in crate::session) fn mapper_of(&self, class: &str) -> Result<MapperId> {
        self.mapping.mapper(class).ok_or_else(|| {
            let message = format!("Class '{class}' is not mapped");
            Error::new(ErrorClass::UnmappedClassError, message)
        })
    }

    /// The object at a key of the identity map. If it is expired, it is loaded anew, as far as that
    /// is permitted; if its row turns out to be gone, the object is deleted.
    pub(super) fn look_up(&mut self, key: &IdentityKey, passive: Passive) -> Result<Lookup> {
        let Some(object) = self.identity_map.get(&self.states, key) else {
            return Ok(Lookup::Missing);
        };
        if !self.state(object).expired {
            return Ok(Lookup::Found(object));
        }
        if !passive.has(Passive::SQL_OK) {
            return Ok(Lookup::NotPermitted);
        }
        if !passive.has(Passive::RELATED_OBJECT_OK) {
            return Ok(Lookup::Found(object));
        }
        match self.load_expired(object, passive) {
            Ok(_) => Ok(Lookup::Found(object)),
            Err(error) if error.class == ErrorClass::ObjectDeletedError => {
                self.remove_newly_deleted(&[object]);
                Ok(Lookup::Missing)
            }
            Err(error) => Err(error),
        }
    }

    /// Restricts a request to one primary key. A value that is `None` is compared by `IS NULL`.
    pub(super) fn identify_by(&mut self, request: &mut Request, key: &[Scalar]) {
        let table = self.mapping.table_of(request.mapper);
        for (&column, value) in table.primary_key.iter().zip(key) {
            let column = Column::of(table.name.clone(), table.column(column).name.clone());
            request.filter.push(if value.is_null() {
                Condition::IsNull(Operand::Column(column))
            } else {
                request.parameters.push(value.to_value());
                Condition::Equal(Operand::Column(column), Operand::Parameter)
            });
        }
        if key.iter().all(Scalar::is_null) {
            self.warn(
                "fully NULL primary key identity cannot load any object.  This condition may raise \
                 an error in a future release.",
            );
        }
    }

    /// A request for an object that is there, with the options that it was loaded with.
    fn refreshing(&self, object: ObjectId, by_user: bool, only: Option<AttributeSet>) -> Request {
        let mapper = self.state(object).mapper;
        let mut request = Request::new(self.mapping, mapper);
        request.refresh = Some(Refresh { object, by_user });
        request.only = only;
        if let Some((options, path)) = self.loads.origins.get(&object) {
            request.options = options.clone();
            request.path = path.clone();
        } else {
            request.path = Path::root(mapper);
        }
        request
    }

    /// Loads these attributes of an object anew.
    ///
    /// # Errors
    /// `DetachedInstanceError` if it is in no session; `ObjectDeletedError` if its row is gone.
    pub(in crate::session) fn load_scalar_attributes(
        &mut self,
        object: ObjectId,
        attributes: &AttributeSet,
        passive: Passive,
    ) -> Result<()> {
        if !self.is_attached(object) {
            return Err(Error::new(
                ErrorClass::DetachedInstanceError,
                format!(
                    "Instance {} is not bound to a Session; attribute refresh operation cannot \
                     proceed",
                    self.object_text(object)
                ),
            ));
        }
        let key = self.state(object).key.clone();
        let has_key = key.is_some();
        let key = match key {
            Some(key) => key,
            None => self.key_of_pending(object)?,
        };
        if key.values.iter().all(Scalar::is_null) {
            self.warn(format!(
                "Instance {} to be refreshed doesn't contain a full primary key - can't be \
                 refreshed (and shouldn't be expired, either).",
                self.object_text(object)
            ));
            return Ok(());
        }
        let mut request = self.refreshing(object, false, Some(attributes.clone()));
        request.autoflush = !passive.has(Passive::NO_AUTOFLUSH);
        self.identify_by(&mut request, &key.values);
        let found = self.load(&request)?;
        if has_key && found.is_empty() {
            return Err(Error::new(
                ErrorClass::ObjectDeletedError,
                format!(
                    "Instance '{}' has been deleted, or its row is otherwise not present.",
                    self.object_text(object)
                ),
            ));
        }
        Ok(())
    }

    /// The key of an object that a flush has just written.
    fn key_of_pending(&mut self, object: ObjectId) -> Result<IdentityKey> {
        let mapper = self.state(object).mapper;
        let expired = &self.state(object).expired_attributes;
        let mut columns = self.mapping.primary_key(mapper).iter();
        if columns
            .any(|column| expired.contains(crate::session::state::AttributeId(column.0 as u16)))
        {
            return Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!(
                    "Instance {} cannot be refreshed - it's not  persistent and does not contain \
                     a full primary key.",
                    self.object_text(object)
                ),
            ));
        }
        self.key_from_attributes(object, Passive::RETURN_NO_VALUE)
    }

    /// Loads an object anew, or some of its attributes. What was changed is forgotten.
    ///
    /// # Errors
    /// `InvalidRequestError` if it is not persistent in this session, or its row is gone; `KeyError`
    /// for an attribute that it does not have.
    pub fn refresh(&mut self, object: ObjectId, attributes: Option<&[&str]>) -> Result<()> {
        self.expire(object, attributes)?;
        self.autoflush()?;
        let only = match attributes {
            Some(names) if !names.is_empty() => Some(self.attributes_to_refresh(object, names)?),
            _ => None,
        };
        let key = self.key_of(object);
        let mut request = self.refreshing(object, true, only);
        request.autoflush = false;
        self.identify_by(&mut request, &key.values);
        let found = self.load(&request)?;
        if found.is_empty() {
            return Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!("Could not refresh instance '{}'", self.object_text(object)),
            ));
        }
        Ok(())
    }

    /// The attributes of these names, and the primary key if a relationship is among them.
    fn attributes_to_refresh(&mut self, object: ObjectId, names: &[&str]) -> Result<AttributeSet> {
        let mapper = self.state(object).mapper;
        let mut attributes = AttributeSet::default();
        let mut has_relationship = false;
        for name in names {
            let (attribute, _) = self.attribute(object, name)?;
            has_relationship |= !self.mapping.is_column(mapper, attribute);
            attributes.insert(attribute);
        }
        let key = self.mapping.primary_key(mapper).iter();
        let key = key.map(|column| crate::session::state::AttributeId(column.0 as u16));
        let mut changed: Vec<&str> = Vec::new();
        for of in key.clone().filter(|&of| !attributes.contains(of)) {
            let history = self.scalar_history(object, of, Passive::NO_INITIALIZE)?;
            if history.added.is_some() || history.deleted.is_some() {
                changed.push(self.mapping.name_of(mapper, of));
            }
        }
        if !changed.is_empty() {
            return Err(Error::new(
                ErrorClass::InvalidRequestError,
                format!(
                    "Please flush pending primary key changes on attributes {{'{}'}} for mapper \
                     Mapper[{}({})] before proceeding with a refresh",
                    changed.join("', '"),
                    self.mapping[mapper].name,
                    self.mapping.table_of(mapper).name
                ),
            ));
        }
        if has_relationship {
            key.for_each(|of| attributes.insert(of));
        }
        Ok(attributes)
    }

    /// Loads by primary key what a relationship leads to.
    pub(super) fn load_related(
        &mut self,
        mut request: Request,
        key: &[Scalar],
        posts: Option<&mut PostLoads>,
    ) -> Result<Option<ObjectId>> {
        self.identify_by(&mut request, key);
        let found = match posts {
            Some(posts) => self.load_rows(&request, posts)?,
            None => self.load(&request)?,
        };
        Ok(found.first().and_then(|(object, _)| *object))
    }
}
