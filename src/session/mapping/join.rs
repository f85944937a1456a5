//! Which columns carry a relationship: the joins, which side of each term references and which is
//! far, what a flush copies, and the direction that follows.
//!
//! The steps are those of SQLAlchemy's `_JoinCondition`: find the foreign keys between the tables,
//! mark the columns that reference, mark those that are remote, read the pairs off, and judge.

use super::definition::RelationshipDefinition;
use super::relationship::{ColumnPair, Direction, JoinTerm, Side};
use super::{ColumnPosition, ColumnRef, MappedTable, TableIndex};
use crate::session::error::{Error, ErrorClass, Result, Warning};

/// What is known of a relationship before its join is.
pub(super) struct Joining<'a> {
    pub(super) tables: &'a [MappedTable],
    pub(super) definition: &'a RelationshipDefinition,
    /// `Hero.team`, as messages have it.
    pub(super) path: &'a str,
    pub(super) parent: TableIndex,
    pub(super) target: TableIndex,
    pub(super) secondary: Option<TableIndex>,
    /// The columns of `foreign_keys`, resolved.
    pub(super) foreign_keys: Vec<ColumnRef>,
    /// The columns of `remote_side`, resolved.
    pub(super) remote_side: Vec<ColumnRef>,
}

/// What was found.
pub(super) struct Joined {
    pub(super) primary_join: Vec<JoinTerm>,
    pub(super) secondary_join: Vec<JoinTerm>,
    pub(super) synchronize_pairs: Vec<ColumnPair>,
    pub(super) secondary_synchronize_pairs: Vec<ColumnPair>,
    pub(super) local_remote_pairs: Vec<(ColumnRef, ColumnRef)>,
    pub(super) direction: Direction,
}

enum NoJoin {
    NoForeignKeys,
    Ambiguous,
}

impl Joining<'_> {
    pub(super) fn join(&self, warnings: &mut Vec<Warning>) -> Result<Joined> {
        let (mut primary_join, mut secondary_join) = self.determine()?;
        for term in primary_join.iter_mut().chain(&mut secondary_join) {
            self.mark_foreign(term);
        }
        for term in primary_join.iter_mut().chain(&mut secondary_join) {
            self.mark_remote(term);
        }
        let synchronize_pairs = pairs_to_copy(&primary_join);
        let secondary_synchronize_pairs = pairs_to_copy(&secondary_join);
        self.check_foreign("primary", &primary_join, &synchronize_pairs)?;
        if self.secondary.is_some() {
            self.check_foreign("secondary", &secondary_join, &secondary_synchronize_pairs)?;
        }
        let direction = self.direction(&primary_join)?;
        let local_remote_pairs = local_remote_pairs(primary_join.iter().chain(&secondary_join));
        self.check_remote(&local_remote_pairs, warnings)?;
        Ok(Joined {
            primary_join,
            secondary_join,
            synchronize_pairs,
            secondary_synchronize_pairs,
            local_remote_pairs,
            direction,
        })
    }

    fn determine(&self) -> Result<(Vec<JoinTerm>, Vec<JoinTerm>)> {
        let found = match self.secondary {
            Some(secondary) => self.between(self.target, secondary).and_then(|secondary_join| {
                Ok((self.between(self.parent, secondary)?, secondary_join))
            }),
            None => self.between(self.parent, self.target).map(|join| (join, Vec::new())),
        };
        found.map_err(|reason| self.no_join(&reason))
    }

    /// The terms of the one foreign key that links `right` to `left`, or `left` to `right`.
    fn between(&self, left: TableIndex, right: TableIndex) -> Result<Vec<JoinTerm>, NoJoin> {
        let mut found = self.foreign_keys_to(right, left);
        if left != right {
            found.extend(self.foreign_keys_to(left, right));
        }
        if found.len() > 1 && !self.foreign_keys.is_empty() {
            found.retain(|(columns, _)| {
                columns.iter().all(|column| self.foreign_keys.contains(column))
                    && self.foreign_keys.iter().all(|column| columns.contains(column))
            });
        }
        let mut terms: Vec<Vec<JoinTerm>> = found.into_iter().map(|(_, terms)| terms).collect();
        let same = terms.windows(2).all(|pair| pair[0] == pair[1]);
        match terms.len() {
            0 => Err(NoJoin::NoForeignKeys),
            1 => Ok(terms.remove(0)),
            _ if same => Ok(terms.remove(0)),
            _ => Err(NoJoin::Ambiguous),
        }
    }

    /// The foreign keys of a table to another, each as its columns and its terms; in the order of
    /// their first column in the table, and within each in the order of columns too.
    fn foreign_keys_to(
        &self,
        from: TableIndex,
        to: TableIndex,
    ) -> Vec<(Vec<ColumnRef>, Vec<JoinTerm>)> {
        let table = &self.tables[from.0];
        let mut found = Vec::new();
        for key in &table.foreign_keys {
            if key.table != self.tables[to.0].name {
                continue;
            }
            let all = key.columns.iter().zip(&key.referenced).filter_map(|(column, referenced)| {
                let column = ColumnRef { table: from, column: table.position(column)? };
                let position = self.tables[to.0].position(referenced)?;
                Some((column, ColumnRef { table: to, column: position }))
            });
            let mut pairs: Vec<(ColumnRef, ColumnRef)> = all.collect();
            let columns: Vec<ColumnRef> = pairs.iter().map(|(column, _)| *column).collect();
            pairs.retain(|(column, _)| {
                self.foreign_keys.is_empty() || self.foreign_keys.contains(column)
            });
            pairs.sort_by_key(|(column, _)| *column);
            if pairs.is_empty() {
                continue;
            }
            let first = pairs[0].0;
            let terms = pairs.into_iter().map(|(column, referenced)| JoinTerm {
                left: Side { column: referenced, foreign: false, remote: false },
                right: Side { column, foreign: false, remote: false },
            });
            found.push((first, columns, terms.collect()));
        }
        found.sort_by_key(|(first, _, _)| *first);
        found.into_iter().map(|(_, columns, terms)| (columns, terms)).collect()
    }

    fn mark_foreign(&self, term: &mut JoinTerm) {
        if !self.foreign_keys.is_empty() {
            term.left.foreign = self.foreign_keys.contains(&term.left.column);
            term.right.foreign = self.foreign_keys.contains(&term.right.column);
        } else if self.references(term.left.column, term.right.column) {
            term.left.foreign = true;
        } else {
            // The right side is where `between` has put the column that references.
            term.right.foreign = true;
        }
    }

    fn references(&self, from: ColumnRef, to: ColumnRef) -> bool {
        let name = |column: ColumnRef| &self.tables[column.table.0].columns[column.column.0].name;
        self.tables[from.table.0].foreign_keys.iter().any(|key| {
            key.table == self.tables[to.table.0].name
                && key
                    .columns
                    .iter()
                    .zip(&key.referenced)
                    .any(|(column, referenced)| column == name(from) && referenced == name(to))
        })
    }

    fn mark_remote(&self, term: &mut JoinTerm) {
        let is_self_referential = self.parent == self.target;
        let is_remote = |side: Side| match self.secondary {
            Some(secondary) => side.column.table == secondary,
            None if !self.remote_side.is_empty() => self.remote_side.contains(&side.column),
            None if is_self_referential => side.foreign,
            None => side.column.table == self.target,
        };
        let is_same = term.left.column == term.right.column;
        let (left, right) = (is_remote(term.left), is_remote(term.right));
        term.left.remote = left;
        term.right.remote = right && !(is_same && is_self_referential && self.secondary.is_none());
    }

    fn check_foreign(&self, which: &str, join: &[JoinTerm], pairs: &[ColumnPair]) -> Result<()> {
        let has_foreign = join.iter().any(|term| term.left.foreign || term.right.foreign);
        let synchronizes = !self.definition.viewonly;
        if if synchronizes { !pairs.is_empty() } else { has_foreign } {
            return Ok(());
        }
        let hint = "  Ensure that referencing columns are associated with a ForeignKey or \
                    ForeignKeyConstraint, or are annotated in the join condition with the \
                    foreign() annotation.";
        let condition = self.condition_text(join);
        let path = self.path;
        let message = if synchronizes && has_foreign {
            format!(
                "Could not locate any simple equality expressions involving locally mapped \
                 foreign key columns for {which} join condition '{condition}' on relationship \
                 {path}.{hint} To allow comparison operators other than '==', the relationship \
                 can be marked as viewonly=True."
            )
        } else {
            format!(
                "Could not locate any relevant foreign key columns for {which} join condition \
                 '{condition}' on relationship {path}.{hint}"
            )
        };
        Err(Error::new(ErrorClass::ArgumentError, message))
    }

    fn condition_text(&self, join: &[JoinTerm]) -> String {
        let terms: Vec<String> = join
            .iter()
            .map(|term| {
                format!("{} = {}", self.text(term.left.column), self.text(term.right.column))
            })
            .collect();
        terms.join(" AND ")
    }

    fn text(&self, column: ColumnRef) -> String {
        let table = &self.tables[column.table.0];
        format!("{}.{}", table.name, table.columns[column.column.0].name)
    }

    fn direction(&self, join: &[JoinTerm]) -> Result<Direction> {
        if self.secondary.is_some() {
            return Ok(Direction::ManyToMany);
        }
        let sides = || join.iter().flat_map(|term| [term.left, term.right]);
        let foreign_in = |table| sides().any(|side| side.foreign && side.column.table == table);
        match (foreign_in(self.target), foreign_in(self.parent)) {
            (true, false) => Ok(Direction::OneToMany),
            (false, true) => Ok(Direction::ManyToOne),
            (true, true) => self.direction_of_sides(sides()),
            (false, false) => Err(Error::new(
                ErrorClass::ArgumentError,
                format!(
                    "Can't determine relationship direction for relationship '{}' - foreign key \
                     columns are present in neither the parent nor the child's mapped tables",
                    self.path
                ),
            )),
        }
    }

    /// Foreign keys on both sides, as in a table that references itself: the far one decides.
    fn direction_of_sides(&self, sides: impl Iterator<Item = Side> + Clone) -> Result<Direction> {
        let remote: Vec<ColumnRef> =
            sides.clone().filter(|side| side.remote).map(|side| side.column).collect();
        let local: Vec<ColumnRef> =
            sides.clone().filter(|side| !side.remote).map(|side| side.column).collect();
        let mut far: Vec<Side> = sides.clone().filter(|side| side.foreign && side.remote).collect();
        let mut near: Vec<Side> = sides.filter(|side| side.foreign && !side.remote).collect();
        if !far.is_empty() && !near.is_empty() {
            let differs =
                |side: &Side| !(remote.contains(&side.column) && local.contains(&side.column));
            far.retain(differs);
            near.retain(differs);
        }
        match (far.is_empty(), near.is_empty()) {
            (false, true) => Ok(Direction::OneToMany),
            (true, false) => Ok(Direction::ManyToOne),
            _ => Err(Error::new(
                ErrorClass::ArgumentError,
                format!(
                    "Can't determine relationship direction for relationship '{}' - foreign key \
                     columns within the join condition are present in both the parent and the \
                     child's mapped tables.  Ensure that only those columns referring to a parent \
                     column are marked as foreign, either via the foreign() annotation or via the \
                     foreign_keys argument.",
                    self.path
                ),
            )),
        }
    }

    fn check_remote(
        &self,
        pairs: &[(ColumnRef, ColumnRef)],
        warnings: &mut Vec<Warning>,
    ) -> Result<()> {
        if pairs.is_empty() {
            let message = format!(
                "Relationship {} could not determine any unambiguous local/remote column pairs \
                 based on join condition and remote_side arguments.  Consider using the remote() \
                 annotation to accurately mark those elements of the join condition that are on \
                 the remote side of the relationship.",
                self.path
            );
            return Err(Error::new(ErrorClass::ArgumentError, message));
        }
        for (_, remote) in pairs {
            if remote.table == self.parent && self.parent != self.target {
                warnings.push(Warning::new(format!(
                    "Expression {} is marked as 'remote', but these column(s) are local to the \
                     local side.  The remote() annotation is needed only for a self-referential \
                     relationship where both sides of the relationship refer to the same tables.",
                    self.text(*remote)
                )));
            }
        }
        Ok(())
    }

    fn no_join(&self, reason: &NoJoin) -> Error {
        let start = "Could not determine join condition between parent/child tables on \
                     relationship";
        let path = self.path;
        let via = self.secondary.map(|secondary| &self.tables[secondary.0].name);
        let (class, message) = match (reason, via) {
            (NoJoin::NoForeignKeys, Some(secondary)) => (
                ErrorClass::NoForeignKeysError,
                format!(
                    "{start} {path} - there are no foreign keys linking these tables via \
                     secondary table '{secondary}'.  Ensure that referencing columns are \
                     associated with a ForeignKey or ForeignKeyConstraint, or specify \
                     'primaryjoin' and 'secondaryjoin' expressions."
                ),
            ),
            (NoJoin::NoForeignKeys, None) => (
                ErrorClass::NoForeignKeysError,
                format!(
                    "{start} {path} - there are no foreign keys linking these tables.  Ensure \
                     that referencing columns are associated with a ForeignKey or \
                     ForeignKeyConstraint, or specify a 'primaryjoin' expression."
                ),
            ),
            (NoJoin::Ambiguous, Some(secondary)) => (
                ErrorClass::AmbiguousForeignKeysError,
                format!(
                    "{start} {path} - there are multiple foreign key paths linking the tables via \
                     secondary table '{secondary}'.  Specify the 'foreign_keys' argument, \
                     providing a list of those columns which should be counted as containing a \
                     foreign key reference from the secondary table to each of the parent and \
                     child tables."
                ),
            ),
            (NoJoin::Ambiguous, None) => (
                ErrorClass::AmbiguousForeignKeysError,
                format!(
                    "{start} {path} - there are multiple foreign key paths linking the tables.  \
                     Specify the 'foreign_keys' argument, providing a list of those columns which \
                     should be counted as containing a foreign key reference to the parent table."
                ),
            ),
        };
        Error::new(class, message)
    }
}

/// From the other side to the side that references.
fn pairs_to_copy(join: &[JoinTerm]) -> Vec<ColumnPair> {
    join.iter().filter_map(JoinTerm::pair).collect()
}

impl JoinTerm {
    fn pair(&self) -> Option<ColumnPair> {
        let (left, right) = (self.left.column, self.right.column);
        if self.right.foreign {
            Some(ColumnPair { source: left, destination: right })
        } else if self.left.foreign {
            Some(ColumnPair { source: right, destination: left })
        } else {
            None
        }
    }
}

fn local_remote_pairs<'a>(
    terms: impl Iterator<Item = &'a JoinTerm>,
) -> Vec<(ColumnRef, ColumnRef)> {
    let mut pairs = Vec::new();
    for term in terms {
        let pair = match (term.left.remote, term.right.remote) {
            (false, true) => (term.left.column, term.right.column),
            (true, false) => (term.right.column, term.left.column),
            (true, true) | (false, false) => continue,
        };
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

/// The column a position names, for messages and orders.
impl ColumnRef {
    /// The column of a table.
    pub fn new(table: TableIndex, column: ColumnPosition) -> Self {
        ColumnRef { table, column }
    }
}
