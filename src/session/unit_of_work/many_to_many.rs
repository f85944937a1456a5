//! Many-to-many in a flush: rows of the association table come and go.
//!
//! Both sides of a relationship would write the same rows; the one that comes second leaves out the
//! pairs that the first has written.

use super::many_to_one::will_not_proceed;
use super::processor::{Ends, OneEnds, passive_delete};
use super::synchronize::AssociationRow;
use super::{Intent, UnitOfWork};
use crate::session::error::Result;
use crate::session::history::History;
use crate::session::id::ObjectId;
use crate::session::mapping::RelationshipId;
use crate::session::passive::Passive;
use crate::session::{Session, persistence};

/// The rows that one step of a processor writes.
#[derive(Debug, Default)]
struct Rows {
    deletes: Vec<AssociationRow>,
    inserts: Vec<AssociationRow>,
    /// As they were, and as they are.
    updates: Vec<(AssociationRow, AssociationRow)>,
    /// The pairs that the other side need not write, seen from there.
    written: Vec<(ObjectId, ObjectId)>,
}

impl UnitOfWork {
    pub(super) fn order_many_to_many(&mut self, ends: &Ends) {
        let &Ends { parent_saves, child_saves, parent_deletes, child_deletes, .. } = ends;
        let &Ends { after_save, before_delete, .. } = ends;
        self.order(&[
            (parent_saves, after_save),
            (child_saves, after_save),
            (after_save, child_deletes),
            // A row may go over from a deleted parent to a saved one, which may then take an element
            // from the deleted one before its rows were processed.
            (before_delete, parent_saves),
            (before_delete, parent_deletes),
            (before_delete, child_deletes),
            (before_delete, child_saves),
        ]);
    }

    pub(super) fn order_one_of_many_to_many(&mut self, ends: &OneEnds) {
        let &OneEnds { parent, child, process, .. } = ends;
        match (ends.intent, ends.child_intent) {
            (Intent::Save, Intent::Delete) => self.order(&[(parent, process), (process, child)]),
            (Intent::Save, Intent::Save) => self.order(&[(parent, process), (child, process)]),
            (Intent::Delete, _) => self.order(&[(process, child), (process, parent)]),
        }
    }

    pub(super) fn presort_many_to_many_deletes(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let passive = passive_delete(&session.mapping[relationship]);
        if passive == Passive::OFF {
            for &object in objects {
                self.history(session, object, relationship, passive)?;
            }
        }
        Ok(())
    }

    pub(super) fn presort_many_to_many_saves(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        if !configured.passive_updates {
            for &object in objects {
                if self.source_modified(session, object, relationship)? {
                    self.history(session, object, relationship, Passive::OFF)?;
                }
            }
        }
        if !configured.cascade.delete_orphan {
            return Ok(());
        }
        for &object in objects {
            let history = self.history(session, object, relationship, Passive::NO_INITIALIZE)?;
            for &child in history.deleted.iter().flatten() {
                if !session.has_parent(relationship, child, false) {
                    self.register_delete_with_cascade(session, child, relationship)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn process_many_to_many_deletes(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let mut rows = Rows::default();
        let passive = passive_delete(&session.mapping[relationship]);
        for &object in objects {
            let history = self.history(session, object, relationship, passive)?;
            for child in history.non_added().flatten() {
                self.delete_row(session, relationship, object, child, &mut rows)?;
            }
            rows.written.extend(history.non_added().flatten().map(|child| (child, object)));
        }
        self.write_rows(session, relationship, rows)
    }

    pub(super) fn process_many_to_many_saves(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        objects: &[ObjectId],
    ) -> Result<()> {
        let mut rows = Rows::default();
        let configured = &session.mapping[relationship];
        for &object in objects {
            let moves_rows = !configured.passive_updates
                && self.source_modified(session, object, relationship)?;
            let passive = if moves_rows { Passive::OFF } else { Passive::NO_INITIALIZE };
            let passive = passive | Passive::INCLUDE_PENDING_MUTATIONS;
            let history = self.history(session, object, relationship, passive)?;
            for &child in &history.added {
                self.insert_row(session, relationship, object, child, &mut rows)?;
            }
            for &child in history.deleted.iter().flatten() {
                self.delete_row(session, relationship, object, child, &mut rows)?;
            }
            let changed = history.added.iter().chain(&history.deleted).flatten();
            rows.written.extend(changed.map(|&child| (child, object)));
            if moves_rows {
                self.move_rows(session, relationship, object, &history, &mut rows)?;
            }
        }
        self.write_rows(session, relationship, rows)
    }

    fn insert_row(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
        child: Option<ObjectId>,
        rows: &mut Rows,
    ) -> Result<()> {
        if let Some(child) = child
            && self.is_written(session, relationship, object, child)
        {
            return Ok(());
        }
        let row = self.association_row(session, relationship, object, child, "add")?;
        rows.inserts.extend(row);
        Ok(())
    }

    fn delete_row(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
        child: ObjectId,
        rows: &mut Rows,
    ) -> Result<()> {
        if self.is_written(session, relationship, object, child) {
            return Ok(());
        }
        let row = self.association_row(session, relationship, object, Some(child), "delete")?;
        rows.deletes.extend(row);
        Ok(())
    }

    /// Rows of a parent whose key has changed follow it.
    fn move_rows(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
        history: &History,
        rows: &mut Rows,
    ) -> Result<()> {
        let configured = &session.mapping[relationship];
        let (near, far) = (&configured.synchronize_pairs, &configured.secondary_synchronize_pairs);
        for &child in history.unchanged.iter().flatten() {
            let (mut old, mut new) = (AssociationRow::new(), AssociationRow::new());
            self.populate_old_row(session, near, object, &mut old)?;
            self.populate_row(session, near, object, &mut new)?;
            self.populate_old_row(session, far, child, &mut old)?;
            self.populate_row(session, far, child, &mut new)?;
            rows.updates.push((old, new));
        }
        Ok(())
    }

    /// The association row of two objects; none, with a warning, if the other one is in no session.
    fn association_row(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
        child: Option<ObjectId>,
        operation: &str,
    ) -> Result<Option<AssociationRow>> {
        self.verify_class(session, relationship, child)?;
        let Some(child) = child else { return Ok(None) };
        let configured = &session.mapping[relationship];
        if !session.contains(child) {
            if session.object_state(child) != crate::session::ObjectState::Deleted {
                session.warn(will_not_proceed(session, child, operation, configured));
            }
            return Ok(None);
        }
        let mut row = AssociationRow::new();
        self.populate_row(session, &configured.synchronize_pairs, object, &mut row)?;
        self.populate_row(session, &configured.secondary_synchronize_pairs, child, &mut row)?;
        Ok(Some(row))
    }

    /// By what both sides of a relationship know each other: their names.
    fn names_of(session: &Session<'_>, relationship: RelationshipId) -> Option<Vec<String>> {
        let configured = &session.mapping[relationship];
        if configured.reverse.is_empty() {
            return None;
        }
        let mut names = vec![configured.name.to_string()];
        names.extend(configured.reverse.iter().map(|&id| session.mapping[id].name.to_string()));
        names.sort();
        Some(names)
    }

    fn is_written(
        &self,
        session: &Session<'_>,
        relationship: RelationshipId,
        object: ObjectId,
        child: ObjectId,
    ) -> bool {
        let names = Self::names_of(session, relationship);
        let written = names.and_then(|names| self.associated.get(&names));
        written.is_some_and(|pairs| pairs.contains_key(&(object, child)))
    }

    fn write_rows(
        &mut self,
        session: &mut Session<'_>,
        relationship: RelationshipId,
        rows: Rows,
    ) -> Result<()> {
        if let Some(names) = Self::names_of(session, relationship) {
            let written = self.associated.entry(names).or_default();
            written.extend(rows.written.into_iter().map(|pair| (pair, ())));
        }
        session.connect()?;
        let Some(table) = session.mapping[relationship].secondary else { return Ok(()) };
        persistence::delete_associations(session, table, rows.deletes)?;
        persistence::update_associations(session, table, rows.updates)?;
        persistence::insert_associations(session, table, rows.inserts)
    }
}
