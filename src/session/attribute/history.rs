//! The history of an attribute, and the objects that any of it leads to.

use super::{Got, Kind};
use crate::session::Session;
use crate::session::error::Result;
use crate::session::history::{History, ScalarHistory, reference_in};
use crate::session::id::ObjectId;
use crate::session::load::Loaded;
use crate::session::mapping::RelationshipId;
use crate::session::passive::Passive;
use crate::session::scalar::Scalar;
use crate::session::state::{AttributeId, Committed};

impl Session<'_> {
    /// The history of a column.
    pub(in crate::session) fn scalar_history(
        &mut self,
        object: ObjectId,
        attribute: AttributeId,
        passive: Passive,
    ) -> Result<ScalarHistory> {
        let state = self.state(object);
        let current = match state.scalar(attribute) {
            Some(scalar) => Some(scalar.clone()),
            None if state.committed(attribute).is_some() => None,
            None => match self.get_scalar(object, attribute, passive - Passive::INIT_OK)? {
                Got::NoResult => return Ok(ScalarHistory::default()),
                found => found.value(),
            },
        };
        Ok(ScalarHistory::of(current, self.state(object).committed(attribute)))
    }

    /// Whether it is clear at once that a relationship was neither loaded nor changed, and is not to be
    /// loaded now: its history is empty.
    pub(in crate::session) fn has_no_history(
        &self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> bool {
        let (state, attribute) = (self.state(object), self.mapping.slot(relationship));
        !passive.has(Passive::CALLABLES_OK)
            && !state.has(attribute)
            && state.committed(attribute).is_none()
            && state.pending(attribute).is_none()
    }

    /// The history of a relationship.
    pub(in crate::session) fn history(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<History> {
        match self.mapping.kind_of(relationship) {
            Kind::Collection(_) => self.collection_history(object, relationship, passive),
            Kind::Dynamic(_) => self.dynamic_history(object, relationship, passive),
            Kind::Reference(_) | Kind::Column(_) => {
                self.reference_history(object, relationship, passive)
            }
        }
    }

    fn reference_history(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<History> {
        let attribute = self.mapping.slot(relationship);
        let mut passive = passive;
        let current = match reference_in(self.state(object).slot(attribute)) {
            Some(current) => Some(current),
            None => {
                passive = passive - Passive::INIT_OK;
                match self.get_reference(object, relationship, passive)? {
                    Got::NoResult => return Ok(History::default()),
                    found => found.value(),
                }
            }
        };
        if self.mapping[relationship].deferred_history
            && matches!(self.state(object).committed(attribute), Some(Committed::NoResult))
        {
            let original = self.load_deferred_history(object, relationship, passive)?;
            return Ok(History::of_reference(current, Some(&original)));
        }
        Ok(History::of_reference(current, self.state(object).committed(attribute)))
    }

    /// What a reference led to that was replaced without being loaded.
    fn load_deferred_history(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Committed> {
        let passive = passive
            | Passive::ONLY_PERSISTENT
            | Passive::NO_AUTOFLUSH
            | Passive::LOAD_AGAINST_COMMITTED
            | Passive::NO_RAISE
            | Passive::DEFERRED_HISTORY_LOAD;
        Ok(match self.load_lazily(object, relationship, passive)? {
            Loaded::NoResult => Committed::NoResult,
            Loaded::NoValue | Loaded::AlreadySet | Loaded::Empty => Committed::NoValue,
            Loaded::Objects(targets) => Committed::Reference(targets.first().copied()),
        })
    }

    fn collection_history(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<History> {
        let attribute = self.mapping.slot(relationship);
        match self.get_collection(object, relationship, passive)? {
            Got::NoResult if passive.has(Passive::INCLUDE_PENDING_MUTATIONS) => {
                let pending = self.state(object).pending(attribute);
                Ok(pending.map(History::of_mutations).unwrap_or_default())
            }
            Got::NoResult | Got::NoValue => Ok(History::default()),
            Got::Value(()) => {
                let state = self.state(object);
                Ok(History::of_collection(state.collection(attribute), state.committed(attribute)))
            }
        }
    }

    fn dynamic_history(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<History> {
        // Reading may flush, which takes the changes as written.
        let mutations = self.mutations(object, relationship);
        let loaded = self.read_for_history(object, relationship, passive)?;
        Ok(match loaded {
            Some(loaded) => History::of_reconciled(&loaded, &mutations),
            None => History::of_mutations(&mutations),
        })
    }

    /// All objects that a relationship leads to or led to since the last flush. A reference that
    /// leads nowhere is `None`.
    pub(in crate::session) fn all_pending(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Vec<Option<ObjectId>>> {
        match self.mapping.kind_of(relationship) {
            Kind::Reference(_) | Kind::Column(_) => {
                self.pending_of_reference(object, relationship, passive)
            }
            Kind::Collection(_) => Ok(self.pending_of_collection(object, relationship)),
            Kind::Dynamic(_) => {
                let mutations = self.mutations(object, relationship);
                let loaded = self.read_for_history(object, relationship, passive)?;
                let mut all = mutations.added;
                all.extend(loaded.unwrap_or_default());
                all.extend(mutations.removed.to_vec());
                Ok(all.iter().copied().map(Some).collect())
            }
        }
    }

    fn pending_of_reference(
        &mut self,
        object: ObjectId,
        relationship: RelationshipId,
        passive: Passive,
    ) -> Result<Vec<Option<ObjectId>>> {
        let attribute = self.mapping.slot(relationship);
        let current = match reference_in(self.state(object).slot(attribute)) {
            Some(current) => current,
            None if passive.has(Passive::CALLABLES_OK) => {
                self.get_reference(object, relationship, passive)?.value().flatten()
            }
            None => return Ok(vec![]),
        };
        let mut all = vec![current];
        if let Some(Committed::Reference(Some(original))) = self.state(object).committed(attribute)
            && Some(*original) != current
        {
            all.push(Some(*original));
        }
        Ok(all)
    }

    fn pending_of_collection(
        &self,
        object: ObjectId,
        relationship: RelationshipId,
    ) -> Vec<Option<ObjectId>> {
        let attribute = self.mapping.slot(relationship);
        let state = self.state(object);
        if !state.has(attribute) {
            return vec![];
        }
        match state.committed(attribute) {
            Some(original @ Committed::Collection(_)) => {
                let current = state.collection(attribute);
                History::of_collection(current, Some(original)).sum().collect()
            }
            _ => state.collection(attribute).iter().copied().map(Some).collect(),
        }
    }

    /// The value of a column that is part of a key or was copied by a flush; `None` stands for no
    /// value too.
    pub(in crate::session) fn column_value(
        &mut self,
        object: ObjectId,
        column: crate::session::mapping::ColumnPosition,
    ) -> Result<Scalar> {
        Ok(self.get_column(object, column, Passive::OFF)?.value().unwrap_or_default())
    }
}
