//! What changed in an attribute since the last flush: added, unchanged, deleted.

use super::id::ObjectId;
use super::scalar::Scalar;
use super::state::{Committed, Mutations, Slot};
use smallvec::{SmallVec, smallvec};

/// The objects of a history. A scalar relationship has one or two, and those live without an
/// allocation of their own.
pub type Objects = SmallVec<[Option<ObjectId>; 4]>;

/// The changes of an attribute that leads to objects. A scalar relationship that leads nowhere has
/// `None` where the object would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What is there and was not.
    pub added: Objects,
    /// What is there and was.
    pub unchanged: Objects,
    /// What was there and is not.
    pub deleted: Objects,
}

impl History {
    /// Whether there is and was nothing.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.unchanged.is_empty() && self.deleted.is_empty()
    }

    /// Everything, the added first.
    pub fn sum(&self) -> impl Iterator<Item = Option<ObjectId>> + '_ {
        self.added.iter().chain(&self.unchanged).chain(&self.deleted).copied()
    }

    /// What is there.
    pub fn non_deleted(&self) -> impl Iterator<Item = Option<ObjectId>> + '_ {
        self.added.iter().chain(&self.unchanged).copied()
    }

    /// What was there.
    pub fn non_added(&self) -> impl Iterator<Item = Option<ObjectId>> + '_ {
        self.unchanged.iter().chain(&self.deleted).copied()
    }

    /// Of a scalar relationship: `current` is `None` if it has no value.
    pub(super) fn of_reference(
        current: Option<Option<ObjectId>>,
        original: Option<&Committed>,
    ) -> History {
        let same = match original {
            None => true,
            Some(Committed::Reference(original)) => current == Some(*original),
            Some(_) => false,
        };
        if same {
            return History { unchanged: current.into_iter().collect(), ..History::default() };
        }
        // What had no value and has none now counts as having been set to nothing.
        let (added, deleted) = match original {
            Some(Committed::Reference(Some(original))) => (current, smallvec![Some(*original)]),
            _ => (Some(current.unwrap_or(None)), Objects::new()),
        };
        let (added, unchanged) = (added.into_iter().collect(), Objects::new());
        History { added, unchanged, deleted }
    }

    /// Of a collection in memory.
    pub(super) fn of_collection(current: &[ObjectId], original: Option<&Committed>) -> History {
        let some = |objects: &[ObjectId]| objects.iter().copied().map(Some).collect();
        match original {
            None => History { unchanged: some(current), ..History::default() },
            Some(Committed::Collection(original)) => {
                let was = Membership::of(original);
                let is = Membership::of(current);
                let pick = |from: &[ObjectId], keep: &dyn Fn(ObjectId) -> bool| {
                    from.iter().copied().filter(|&object| keep(object)).map(Some).collect()
                };
                History {
                    added: pick(current, &|object| !was.contains(object)),
                    unchanged: pick(current, &|object| was.contains(object)),
                    deleted: pick(original, &|object| !is.contains(object)),
                }
            }
            Some(_) => History { added: some(current), ..History::default() },
        }
    }

    /// Of a collection that is not in memory, as far as it was changed.
    pub(super) fn of_mutations(mutations: &Mutations) -> History {
        History {
            added: mutations.added.iter().copied().map(Some).collect(),
            unchanged: Objects::new(),
            deleted: mutations.removed.iter().copied().map(Some).collect(),
        }
    }

    /// Of a collection that was read for the purpose and then compared with its changes.
    pub(super) fn of_reconciled(loaded: &[ObjectId], mutations: &Mutations) -> History {
        let was: super::ordered::OrderedSet<ObjectId> = loaded.iter().copied().collect();
        let added = mutations.added.iter().filter(|object| !was.contains(object));
        let deleted = mutations.removed.iter().filter(|object| was.contains(object));
        let unchanged = was.iter().filter(|object| !mutations.removed.contains(object));
        History {
            added: added.copied().map(Some).collect(),
            unchanged: unchanged.copied().map(Some).collect(),
            deleted: deleted.copied().map(Some).collect(),
        }
    }
}

/// Which objects are in a list, to be asked many times.
struct Membership(hashbrown::HashSet<ObjectId, foldhash::fast::FixedState>);

impl Membership {
    fn of(objects: &[ObjectId]) -> Membership {
        Membership(objects.iter().copied().collect())
    }

    fn contains(&self, object: ObjectId) -> bool {
        self.0.contains(&object)
    }
}

/// The change of a column's attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScalarHistory {
    /// The value it has, if it had another or none.
    pub added: Option<Scalar>,
    /// The value it has and had.
    pub unchanged: Option<Scalar>,
    /// The value it had, if it has another or none.
    pub deleted: Option<Scalar>,
}

impl ScalarHistory {
    /// Of a column: `current` is `None` if it has no value.
    pub(super) fn of(current: Option<Scalar>, original: Option<&Committed>) -> ScalarHistory {
        match (current, original) {
            (current, None) => ScalarHistory { unchanged: current, ..ScalarHistory::default() },
            (Some(current), Some(Committed::Scalar(original))) if current == *original => {
                ScalarHistory { unchanged: Some(current), ..ScalarHistory::default() }
            }
            (current, Some(Committed::Scalar(original))) => {
                ScalarHistory { added: current, unchanged: None, deleted: Some(original.clone()) }
            }
            // What had no value and has none now counts as having been set to nothing.
            (current, Some(_)) => ScalarHistory {
                added: Some(current.unwrap_or_default()),
                ..ScalarHistory::default()
            },
        }
    }
}

/// What a slot of a scalar relationship holds, as a history sees it.
pub(super) fn reference_in(slot: &Slot) -> Option<Option<ObjectId>> {
    match slot {
        Slot::Reference(object) => Some(*object),
        _ => None,
    }
}
