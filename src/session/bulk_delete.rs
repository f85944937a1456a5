//! DELETE by criteria: rows go without being loaded, and the session is told which of its objects
//! went with them.

use super::Session;
use super::attribute::Got;
use super::bind::bind;
use super::error::{Error, ErrorClass, Result};
use super::id::ObjectId;
use super::load;
use super::mapping::{ColumnPosition, MapperId};
use super::passive::Passive;
use super::scalar::Scalar;
use super::state::{AttributeId, IdentityKey};
use super::statement::{Column, Condition, Delete, Operand, Statement};

/// How the session learns which of its objects were deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronize {
    /// Not at all.
    No,
    /// As `Evaluate`: the criteria of [`Session::bulk_delete`] can always be evaluated.
    Auto,
    /// By evaluating the criteria on the objects that it has.
    Evaluate,
    /// By letting the database return the keys.
    Fetch,
}

/// What the criteria say of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Matches,
    Differs,
    /// An attribute that they ask for is expired.
    Expired,
}

impl Session<'_> {
    /// Deletes the rows of a class in which all these attributes have these values; `Null` asks for
    /// NULL. The number of rows deleted. The session is flushed before, but for what
    /// `without_autoflush` holds back.
    ///
    /// # Errors
    /// What the flush or the database raises; `AttributeError` for an attribute that the class does
    /// not have.
    pub fn bulk_delete(
        &mut self,
        class: &str,
        filter: &[(&str, Scalar)],
        synchronize: Synchronize,
    ) -> Result<usize> {
        let mapper = self.mapper_of(class)?;
        let criteria = self.criteria(mapper, filter)?;
        self.autoflush()?;
        let statement = self.bulk_delete_statement(mapper, &criteria, synchronize);
        let table = self.mapping.table_of(mapper);
        let values = criteria.iter().filter(|(_, value)| !value.is_null());
        let typed = values.map(|(column, value)| (table.column(*column).column_type, value));
        let parameters = bind(&statement, typed)?;
        let outcome = self.execute(statement, parameters)?;
        match synchronize {
            Synchronize::No => {}
            Synchronize::Auto | Synchronize::Evaluate => self.forget_matching(mapper, &criteria)?,
            Synchronize::Fetch => {
                for row in &outcome.rows {
                    let types = table.primary_key.iter().map(|&key| table.column(key).column_type);
                    let values = types.zip(row).map(|(of, value)| load::scalar(of, value));
                    let key = IdentityKey { mapper, values: values.collect() };
                    if let Some(object) = self.identity_map.get(&self.states, &key) {
                        self.remove_newly_deleted(&[object]);
                    }
                }
            }
        }
        Ok(outcome.row_count)
    }

    fn criteria(
        &self,
        mapper: MapperId,
        filter: &[(&str, Scalar)],
    ) -> Result<Vec<(ColumnPosition, Scalar)>> {
        let table = self.mapping.table_of(mapper);
        let column = |(name, value): &(&str, Scalar)| match table.position(name) {
            Some(column) => Ok((column, value.clone())),
            None => {
                let class = &self.mapping[mapper].name;
                let message = format!("type object '{class}' has no attribute '{name}'");
                Err(Error::new(ErrorClass::AttributeError, message))
            }
        };
        filter.iter().map(column).collect()
    }

    fn bulk_delete_statement(
        &self,
        mapper: MapperId,
        criteria: &[(ColumnPosition, Scalar)],
        synchronize: Synchronize,
    ) -> Statement {
        let table = self.mapping.table_of(mapper);
        let name = |column: ColumnPosition| table.column(column).name.clone();
        let filter = criteria.iter().map(|(column, value)| {
            let of = Operand::Column(Column::of(table.name.clone(), name(*column)));
            match value {
                Scalar::Null => Condition::IsNull(of),
                _ => Condition::Equal(of, Operand::Parameter),
            }
        });
        let delete = Delete::from(table.name.clone(), filter);
        match synchronize {
            Synchronize::Fetch => {
                delete.returning(table.primary_key.iter().map(|&key| name(key))).into()
            }
            _ => delete.into(),
        }
    }

    /// Takes the objects that match out of the session; those of which it cannot be said are expired.
    fn forget_matching(
        &mut self,
        mapper: MapperId,
        criteria: &[(ColumnPosition, Scalar)],
    ) -> Result<()> {
        let mut deleted = Vec::new();
        let present: Vec<ObjectId> = self.identity_map.objects().collect();
        let mut expired = Vec::new();
        for object in present {
            let state = self.state(object);
            if state.mapper != mapper || state.expired {
                continue;
            }
            match self.judge(object, criteria)? {
                Verdict::Matches => deleted.push(object),
                Verdict::Expired => expired.push(object),
                Verdict::Differs => {}
            }
        }
        expired.into_iter().for_each(|object| self.expire_object(object));
        self.remove_newly_deleted(&deleted);
        Ok(())
    }

    fn judge(
        &mut self,
        object: ObjectId,
        criteria: &[(ColumnPosition, Scalar)],
    ) -> Result<Verdict> {
        for (column, wanted) in criteria {
            let attribute = AttributeId(column.0 as u16);
            match self.get_scalar(object, attribute, Passive::NO_FETCH)? {
                Got::NoResult => return Ok(Verdict::Expired),
                Got::Value(value) if value == *wanted => {}
                Got::Value(_) | Got::NoValue => return Ok(Verdict::Differs),
            }
        }
        Ok(Verdict::Matches)
    }
}
