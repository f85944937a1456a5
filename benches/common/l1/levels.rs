//! Tables in a row, each referencing the one before, or one table that references itself.

use super::super::{Cell, Forks, Reads, Subject};
use super::{Map, put_back, take_out};
use ondelete::ReferentialAction::{self, Cascade, SetNull};
use ondelete::Table;

/// The tables.
#[derive(Clone)]
pub struct Levels {
    levels: Vec<Level>,
    /// Whether the one table references itself.
    is_one_table: bool,
    log: Vec<Change>,
    mark: usize,
    /// Deleted keys whose referencing rows are still to be seen to.
    work: Vec<(usize, i64)>,
}

/// One table.
#[derive(Clone)]
pub struct Level {
    rows: Vec<Row>,
    by_id: Map<i64, u32>,
    by_up: Map<i64, Vec<u32>>,
    /// Rows that nobody needs any more, to be used again.
    free: Vec<u32>,
    /// What happens to these rows if what they reference goes.
    action: ReferentialAction,
}

#[derive(Clone)]
struct Row {
    id: i64,
    up: Option<i64>,
    name: Box<str>,
    is_live: bool,
}

/// What was done, with all that undoes it.
#[derive(Clone)]
enum Change {
    Inserted {
        level: usize,
        slot: u32,
    },
    /// One row, and where in its list it was.
    Deleted {
        level: usize,
        slot: u32,
        at: usize,
    },
    /// All rows that referenced a key.
    ListDeleted {
        level: usize,
        up: i64,
        list: Vec<u32>,
    },
    /// All rows that referenced a key lost it.
    ListCleared {
        level: usize,
        up: i64,
        list: Vec<u32>,
    },
}

impl Levels {
    /// The level whose rows reference this one's.
    fn below(&self, level: usize) -> Option<usize> {
        if self.is_one_table {
            return Some(0);
        }
        (level + 1 < self.levels.len()).then_some(level + 1)
    }

    fn delete_row(&mut self, level: usize, slot: u32) {
        let Level { rows, by_id, by_up, .. } = &mut self.levels[level];
        let row = &mut rows[slot as usize];
        row.is_live = false;
        by_id.remove(&row.id);
        let list = row.up.and_then(|up| by_up.get_mut(&up));
        let at = list.map_or(0, |list| take_out(list, slot));
        self.log.push(Change::Deleted { level, slot, at });
    }

    /// Sees to the rows that reference a key that has gone: how many, or `None` to refuse.
    fn follow(&mut self, level: usize, up: i64) -> Option<u64> {
        let Some(level) = self.below(level) else { return Some(0) };
        let has_below = self.below(level).is_some();
        let Level { rows, by_id, by_up, action, .. } = &mut self.levels[level];
        if matches!(action, ReferentialAction::Restrict | ReferentialAction::NoAction) {
            return by_up.get(&up).is_none_or(Vec::is_empty).then_some(0);
        }
        let Some(list) = by_up.remove(&up) else { return Some(0) };
        let count = list.len() as u64;
        if *action == Cascade {
            for slot in &list {
                let row = &mut rows[*slot as usize];
                row.is_live = false;
                by_id.remove(&row.id);
                if has_below {
                    self.work.push((level, row.id));
                }
            }
            self.log.push(Change::ListDeleted { level, up, list });
        } else {
            assert_eq!(*action, SetNull, "no workload has another action");
            for slot in &list {
                rows[*slot as usize].up = None;
            }
            self.log.push(Change::ListCleared { level, up, list });
        }
        Some(count)
    }

    fn undo_to(&mut self, mark: usize) {
        while self.log.len() > mark {
            let Some(change) = self.log.pop() else { return };
            match change {
                Change::Inserted { level, slot } => self.levels[level].uninsert(slot),
                Change::Deleted { level, slot, at } => {
                    let Level { rows, by_id, by_up, .. } = &mut self.levels[level];
                    let row = &mut rows[slot as usize];
                    row.is_live = true;
                    by_id.insert(row.id, slot);
                    if let Some(up) = row.up {
                        put_back(by_up.entry(up).or_default(), slot, at);
                    }
                }
                Change::ListDeleted { level, up, list } => {
                    let Level { rows, by_id, by_up, .. } = &mut self.levels[level];
                    for slot in &list {
                        let row = &mut rows[*slot as usize];
                        row.is_live = true;
                        by_id.insert(row.id, *slot);
                    }
                    by_up.insert(up, list);
                }
                Change::ListCleared { level, up, list } => {
                    let Level { rows, by_up, .. } = &mut self.levels[level];
                    for slot in &list {
                        rows[*slot as usize].up = Some(up);
                    }
                    by_up.insert(up, list);
                }
            }
        }
    }
}

impl Level {
    fn new(table: &Table) -> Level {
        let action = table.foreign_keys().next().map_or(Cascade, |key| key.delete_rule());
        Level {
            rows: Vec::new(),
            by_id: Map::default(),
            by_up: Map::default(),
            free: Vec::new(),
            action,
        }
    }

    fn add(&mut self, row: Row) -> u32 {
        let (id, up) = (row.id, row.up);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.rows[slot as usize] = row;
                slot
            }
            None => {
                self.rows.push(row);
                self.rows.len() as u32 - 1
            }
        };
        assert!(self.by_id.insert(id, slot).is_none(), "{id} is taken");
        if let Some(up) = up {
            self.by_up.entry(up).or_default().push(slot);
        }
        slot
    }

    fn uninsert(&mut self, slot: u32) {
        let row = &mut self.rows[slot as usize];
        row.is_live = false;
        row.name = Box::default();
        self.by_id.remove(&row.id);
        if let Some(list) = row.up.and_then(|up| self.by_up.get_mut(&up)) {
            take_out(list, slot);
        }
        self.free.push(slot);
    }

    fn release(&mut self, slot: u32) {
        self.rows[slot as usize].name = Box::default();
        self.free.push(slot);
    }
}

impl Subject for Levels {
    type Plan = (Vec<Level>, bool);

    fn plan(schema: &[Table]) -> Self::Plan {
        let is_one_table = schema.len() == 1;
        (schema.iter().map(Level::new).collect(), is_one_table)
    }

    fn new((levels, is_one_table): &Self::Plan) -> Self {
        let (levels, is_one_table) = (levels.clone(), *is_one_table);
        Levels { levels, is_one_table, log: Vec::new(), mark: 0, work: Vec::new() }
    }

    fn begin(&mut self) {}

    fn commit(&mut self) {
        for change in self.log.drain(..) {
            match change {
                Change::Inserted { .. } | Change::ListCleared { .. } => {}
                Change::Deleted { level, slot, .. } => self.levels[level].release(slot),
                Change::ListDeleted { level, list, .. } => {
                    list.iter().for_each(|slot| self.levels[level].release(*slot));
                }
            }
        }
    }

    fn mark(&mut self) {
        self.mark = self.log.len();
    }

    fn roll_back(&mut self) {
        self.undo_to(self.mark);
    }

    fn release(&mut self) {}

    fn insert(&mut self, table: usize, row: &[Cell<'_>]) {
        // A table that nothing precedes may come without the column.
        let (id, up) = (row[0].integer().expect("a key"), row.get(1).copied());
        let up = if row.len() > 2 { up.and_then(Cell::integer) } else { None };
        let name = row.last().map_or("", Cell::text).into();
        let above = if self.is_one_table { 0 } else { table.saturating_sub(1) };
        if let Some(up) = up {
            assert!(self.levels[above].by_id.contains_key(&up), "{up} is not there");
        }
        let slot = self.levels[table].add(Row { id, up, name, is_live: true });
        self.log.push(Change::Inserted { level: table, slot });
    }

    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64> {
        let id = key.integer()?;
        let Some(slot) = self.levels[table].by_id.get(&id).copied() else { return Some(0) };
        let mark = self.log.len();
        self.delete_row(table, slot);
        let mut count = 1;
        self.work.clear();
        self.work.push((table, id));
        let mut at = 0;
        while let Some((level, id)) = self.work.get(at).copied() {
            at += 1;
            match self.follow(level, id) {
                Some(followed) => count += followed,
                None => {
                    self.undo_to(mark);
                    return None;
                }
            }
        }
        Some(count)
    }
}

impl Reads for Levels {
    fn get(&mut self, table: usize, key: i64) -> u64 {
        let Level { rows, by_id, .. } = &self.levels[table];
        by_id.get(&key).map_or(0, |slot| {
            let row = &rows[*slot as usize];
            row.up.unwrap_or(0) as u64 + row.name.len() as u64
        })
    }

    fn referencing(&mut self, table: usize, key: i64) -> (u64, u64) {
        let Level { rows, by_up, .. } = &self.levels[table];
        by_up.get(&key).map_or((0, 0), |list| {
            let ids = list.iter().map(|slot| rows[*slot as usize].id as u64);
            (list.len() as u64, ids.sum())
        })
    }
}

impl Forks for Levels {
    fn fork(&self) -> Self {
        self.clone()
    }
}
