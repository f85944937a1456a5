//! The diamond: `a`, `b` and `c` that reference it, `d` that references both.

use super::super::{Cell, Subject};
use super::Map;
use ondelete::Table;

/// The four tables. A row of `d` that died by way of `b` stays in its list under `c`, where its
/// tombstone tells; so no row is ever used again.
#[derive(Default)]
pub struct Diamond {
    a: Map<i64, Box<str>>,
    sides: [Side; 2],
    rows: Vec<Bottom>,
    by_id: Map<i64, u32>,
    log: Vec<Change>,
    mark: usize,
}

/// `b` or `c`.
#[derive(Default)]
struct Side {
    rows: Vec<SideRow>,
    by_id: Map<i64, u32>,
    by_a: Map<i64, Vec<u32>>,
    /// The rows of `d` that reference a row of this side.
    below: Map<i64, Vec<u32>>,
}

struct SideRow {
    id: i64,
    is_live: bool,
    _name: Box<str>,
}

/// A row of `d`.
struct Bottom {
    id: i64,
    is_live: bool,
    _name: Box<str>,
}

enum Change {
    Top {
        id: i64,
        name: Box<str>,
    },
    Side {
        side: usize,
        a: i64,
        list: Vec<u32>,
    },
    /// The list that was removed, and those of its rows that died by it.
    Bottom {
        side: usize,
        up: i64,
        list: Vec<u32>,
        died: Vec<u32>,
    },
}

impl Diamond {
    fn delete_side(&mut self, side: usize, a: i64) -> u64 {
        let Some(list) = self.sides[side].by_a.remove(&a) else { return 0 };
        let mut count = list.len() as u64;
        for slot in &list {
            let Side { rows, by_id, .. } = &mut self.sides[side];
            let row = &mut rows[*slot as usize];
            row.is_live = false;
            let id = row.id;
            by_id.remove(&id);
            count += self.delete_bottom(side, id);
        }
        self.log.push(Change::Side { side, a, list });
        count
    }

    fn delete_bottom(&mut self, side: usize, up: i64) -> u64 {
        let Some(list) = self.sides[side].below.remove(&up) else { return 0 };
        let mut died = Vec::new();
        for slot in &list {
            let row = &mut self.rows[*slot as usize];
            if std::mem::replace(&mut row.is_live, false) {
                self.by_id.remove(&row.id);
                died.push(*slot);
            }
        }
        let count = died.len() as u64;
        self.log.push(Change::Bottom { side, up, list, died });
        count
    }

    fn insert_side(&mut self, side: usize, id: i64, a: i64, name: Box<str>) {
        assert!(self.a.contains_key(&a), "{a} is not there");
        let Side { rows, by_id, by_a, .. } = &mut self.sides[side];
        let slot = rows.len() as u32;
        rows.push(SideRow { id, is_live: true, _name: name });
        assert!(by_id.insert(id, slot).is_none(), "{id} is taken");
        by_a.entry(a).or_default().push(slot);
    }

    fn insert_bottom(&mut self, id: i64, up: [i64; 2], name: Box<str>) {
        let slot = self.rows.len() as u32;
        for (side, up) in self.sides.iter_mut().zip(up) {
            assert!(side.by_id.contains_key(&up), "{up} is not there");
            side.below.entry(up).or_default().push(slot);
        }
        self.rows.push(Bottom { id, is_live: true, _name: name });
        assert!(self.by_id.insert(id, slot).is_none(), "{id} is taken");
    }
}

impl Subject for Diamond {
    type Plan = ();

    fn plan(_: &[Table]) {}

    fn new((): &()) -> Self {
        Diamond::default()
    }

    fn begin(&mut self) {}

    fn commit(&mut self) {
        self.log.clear();
    }

    fn mark(&mut self) {
        self.mark = self.log.len();
    }

    fn roll_back(&mut self) {
        while self.log.len() > self.mark {
            match self.log.pop() {
                Some(Change::Top { id, name }) => {
                    self.a.insert(id, name);
                }
                Some(Change::Side { side, a, list }) => {
                    let Side { rows, by_id, by_a, .. } = &mut self.sides[side];
                    for slot in &list {
                        let row = &mut rows[*slot as usize];
                        row.is_live = true;
                        by_id.insert(row.id, *slot);
                    }
                    by_a.insert(a, list);
                }
                Some(Change::Bottom { side, up, list, died }) => {
                    for slot in died {
                        let row = &mut self.rows[slot as usize];
                        row.is_live = true;
                        self.by_id.insert(row.id, slot);
                    }
                    self.sides[side].below.insert(up, list);
                }
                None => return,
            }
        }
    }

    fn release(&mut self) {}

    fn insert(&mut self, table: usize, row: &[Cell<'_>]) {
        let key = |at: usize| row[at].integer().expect("a key");
        let name = row.last().map_or("", Cell::text).into();
        match table {
            0 => {
                self.a.insert(key(0), name);
            }
            1 | 2 => self.insert_side(table - 1, key(0), key(1), name),
            _ => self.insert_bottom(key(0), [key(1), key(2)], name),
        }
    }

    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64> {
        assert_eq!(table, 0, "only the top is ever deleted");
        let id = key.integer()?;
        let Some(name) = self.a.remove(&id) else { return Some(0) };
        self.log.push(Change::Top { id, name });
        // The foreign key made last acts first.
        Some(1 + self.delete_side(1, id) + self.delete_side(0, id))
    }
}
