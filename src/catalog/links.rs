//! What can be looked up in the catalogue beside a table by its id: names, foreign keys by id, and
//! who references whom.
//!
//! All of it follows from the tables' entries. Whoever replaces an entry takes out what the old one
//! says and puts in what the new one says, so a change costs what the tables concerned hold, however
//! many others there are.

use super::entry::{ForeignKeyEntry, IndexKind, TableEntry, Target};
use super::{ConstraintId, IndexId, SchemaId, TableId};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::hash::{BuildHasher, Hasher};

/// Few tables are named by more.
type Keys = SmallVec<[ConstraintId; 4]>;

#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    /// Tables and indexes of a schema share one space of names, as in SQLite.
    names: HashTable<Name>,
    /// `ConstraintId` → its table and position there; `None` once dropped.
    constraints: Vec<Option<(TableId, usize)>>,
    /// `TableId` → the foreign keys that name it.
    references: Vec<References>,
    /// The foreign keys whose referenced table does not exist.
    missing: Keys,
    /// How many foreign keys name a table but no key of it.
    mismatches: usize,
    /// How many tables are in another schema than main.
    pub(super) elsewhere: usize,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    hash: u64,
    named: Named,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Table(TableId),
    /// An index made by CREATE INDEX, and its table.
    Index(TableId, IndexId),
}

/// The foreign keys that name a table, tables in the order of creation, and constraints of one table
/// in the order declared.
#[derive(Clone, Debug, Default)]
struct References {
    resolved: Keys,
    mismatched: Keys,
}

impl Links {
    /// Makes room for so many tables, with a foreign key each.
    pub(super) fn reserve(&mut self, tables: usize) {
        self.names.reserve(tables, |name| name.hash);
        self.constraints.reserve(tables);
        self.references.reserve(tables);
    }

    /// What stands under a name, of which `is_called` knows whether it is called so.
    pub(super) fn find(&self, name: &str, is_called: impl Fn(Named) -> bool) -> Option<Named> {
        let hash = hash(name);
        let is_it = |other: &Name| other.hash == hash && is_called(other.named);
        self.names.find(hash, is_it).map(|name| name.named)
    }

    /// The table and position of a foreign key.
    pub(super) fn place(&self, id: ConstraintId) -> Option<(TableId, usize)> {
        *self.constraints.get(id.0 as usize)?
    }

    pub(super) fn referenced_by(&self, table: TableId) -> &[ConstraintId] {
        self.references.get(table.0 as usize).map_or(&[], |keys| &keys.resolved)
    }

    pub(super) fn mismatched_by(&self, table: TableId) -> &[ConstraintId] {
        self.references.get(table.0 as usize).map_or(&[], |keys| &keys.mismatched)
    }

    pub(super) fn missing(&self) -> &[ConstraintId] {
        &self.missing
    }

    pub(super) fn has_unresolved(&self) -> bool {
        !self.missing.is_empty() || self.mismatches > 0
    }

    /// Puts in what an entry says.
    pub(super) fn add(&mut self, entry: &TableEntry) {
        self.elsewhere += usize::from(entry.definition.schema() != SchemaId::MAIN);
        self.add_name(entry.name(), Named::Table(entry.id));
        for index in created(entry) {
            self.add_name(&index.name, Named::Index(entry.id, index.id));
        }
        for (position, key) in entry.foreign_keys.iter().enumerate() {
            let slot = key.id.0 as usize;
            if self.constraints.len() <= slot {
                self.constraints.resize(slot + 1, None);
            }
            self.constraints[slot] = Some((entry.id, position));
        }
        for key in &entry.foreign_keys {
            self.add_reference(key);
        }
    }

    /// Takes out what an entry said.
    pub(super) fn remove(&mut self, entry: &TableEntry) {
        self.elsewhere -= usize::from(entry.definition.schema() != SchemaId::MAIN);
        self.remove_name(entry.name(), Named::Table(entry.id));
        for index in created(entry) {
            self.remove_name(&index.name, Named::Index(entry.id, index.id));
        }
        for key in &entry.foreign_keys {
            let is_other = |other: &mut ConstraintId| *other != key.id;
            self.references_of(key).retain(is_other);
            self.mismatches -= usize::from(matches!(key.target, Target::Mismatch { .. }));
            self.constraints[key.id.0 as usize] = None;
        }
    }

    /// Forgets that foreign keys from this id on were ever made; they have been taken out.
    pub(super) fn forget_constraints(&mut self, from: ConstraintId) {
        self.constraints.truncate(from.0 as usize);
    }

    fn add_reference(&mut self, key: &ForeignKeyEntry) {
        self.mismatches += usize::from(matches!(key.target, Target::Mismatch { .. }));
        let place = self.place(key.id);
        let mut keys = std::mem::take(self.references_of(key));
        // Nearly always it is the last one.
        let newer = keys.iter().rev().take_while(|other| self.place(**other) > place).count();
        keys.insert(keys.len() - newer, key.id);
        *self.references_of(key) = keys;
    }

    /// The list in which a foreign key stands.
    fn references_of(&mut self, key: &ForeignKeyEntry) -> &mut Keys {
        match &key.target {
            Target::Resolved(to) => &mut self.references_to(to.table).resolved,
            Target::Mismatch { table, .. } => &mut self.references_to(*table).mismatched,
            Target::MissingTable => &mut self.missing,
        }
    }

    fn references_to(&mut self, table: TableId) -> &mut References {
        let slot = table.0 as usize;
        if self.references.len() <= slot {
            self.references.resize_with(slot + 1, References::default);
        }
        &mut self.references[slot]
    }

    fn add_name(&mut self, name: &str, named: Named) {
        let hash = hash(name);
        self.names.insert_unique(hash, Name { hash, named }, |name| name.hash);
    }

    fn remove_name(&mut self, name: &str, named: Named) {
        if let Ok(found) = self.names.find_entry(hash(name), |name| name.named == named) {
            found.remove();
        }
    }
}

/// The indexes of a table that have a name of their own.
fn created(entry: &TableEntry) -> impl Iterator<Item = &super::IndexEntry> {
    entry.indexes.iter().filter(|index| matches!(index.kind, IndexKind::Created(_)))
}

/// Whether two names are one: case counts for nothing, in ASCII letters, as in SQLite.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one == other || one.eq_ignore_ascii_case(other))
}

/// The hash of a name, eight letters at a time. The bit that tells small letters from capital ones is
/// set in all; that some other characters become alike too only costs a comparison.
fn hash(name: &str) -> u64 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let mut hasher = FixedState::default().build_hasher();
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    for word in words {
        hasher.write_u64(u64::from_le_bytes(*word) | CASE);
    }
    let rest = rest.iter().fold(name.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    hasher.write_u64(rest | CASE);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_in_either_case() {
        assert_eq!(hash("Referencing_Table"), hash("referencing_TABLE"));
        assert_ne!(hash("table_1"), hash("table_2"));
        assert_ne!(hash("referencing_table"), hash("referencing_tabl"));
        assert!(is_same("Ä_a", "Ä_A") && !is_same("Ä", "ä"));
    }
}
