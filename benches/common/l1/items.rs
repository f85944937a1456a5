//! Items whose primary key is a text, referencing parents.

use super::super::{Cell, Forks, Subject, Updates};
use super::{Map, put_back, take_out};
use ondelete::Table;
use std::mem::replace;

/// The two tables; of the parents no more is needed than that they are there.
#[derive(Clone, Default)]
pub struct Items {
    parents: Map<i64, Box<str>>,
    rows: Vec<Item>,
    by_code: Map<Box<str>, u32>,
    by_parent: Map<i64, Vec<u32>>,
    free: Vec<u32>,
    log: Vec<Change>,
    mark: usize,
}

#[derive(Clone)]
struct Item {
    code: Box<str>,
    parent: i64,
    name: Box<str>,
}

/// What was done, with all that undoes it.
#[derive(Clone)]
enum Change {
    Inserted { slot: u32 },
    Deleted { slot: u32, at: usize },
    Updated { slot: u32, parent: i64, at: usize, name: Box<str> },
}

impl Items {
    fn unlink(&mut self, slot: u32) -> usize {
        let list = self.by_parent.get_mut(&self.rows[slot as usize].parent);
        list.map_or(0, |list| take_out(list, slot))
    }

    fn link(&mut self, slot: u32) {
        self.by_parent.entry(self.rows[slot as usize].parent).or_default().push(slot);
    }

    fn relink(&mut self, slot: u32, at: usize) {
        let parent = self.rows[slot as usize].parent;
        put_back(self.by_parent.entry(parent).or_default(), slot, at);
    }

    fn undo(&mut self, change: Change) {
        match change {
            Change::Inserted { slot } => {
                self.unlink(slot);
                let row = &mut self.rows[slot as usize];
                self.by_code.remove(&row.code);
                (row.code, row.name) = Default::default();
                self.free.push(slot);
            }
            Change::Deleted { slot, at } => {
                self.by_code.insert(self.rows[slot as usize].code.clone(), slot);
                self.relink(slot, at);
            }
            Change::Updated { slot, parent, at, name } => {
                self.unlink(slot);
                let row = &mut self.rows[slot as usize];
                (row.parent, row.name) = (parent, name);
                self.relink(slot, at);
            }
        }
    }
}

impl Subject for Items {
    type Plan = ();

    fn plan(_: &[Table]) {}

    fn new((): &()) -> Self {
        Items::default()
    }

    fn begin(&mut self) {}

    fn commit(&mut self) {
        for change in self.log.drain(..) {
            if let Change::Deleted { slot, .. } = change {
                let row = &mut self.rows[slot as usize];
                (row.code, row.name) = Default::default();
                self.free.push(slot);
            }
        }
    }

    fn mark(&mut self) {
        self.mark = self.log.len();
    }

    fn roll_back(&mut self) {
        while self.log.len() > self.mark {
            let Some(change) = self.log.pop() else { return };
            self.undo(change);
        }
    }

    fn release(&mut self) {}

    fn insert(&mut self, table: usize, row: &[Cell<'_>]) {
        let name: Box<str> = row.last().map_or("", Cell::text).into();
        if table == 0 {
            self.parents.insert(row[0].integer().expect("a key"), name);
            return;
        }
        let (code, parent) = (row[0].text(), row[1].integer().expect("a parent"));
        assert!(self.parents.contains_key(&parent), "{parent} is not there");
        let item = Item { code: code.into(), parent, name };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.rows[slot as usize] = item;
                slot
            }
            None => {
                self.rows.push(item);
                self.rows.len() as u32 - 1
            }
        };
        assert!(self.by_code.insert(code.into(), slot).is_none(), "{code} is taken");
        self.link(slot);
        self.log.push(Change::Inserted { slot });
    }

    fn delete(&mut self, table: usize, key: Cell<'_>) -> Option<u64> {
        assert_eq!(table, 1, "only items are ever deleted");
        let Some(slot) = self.by_code.remove(key.text()) else { return Some(0) };
        let at = self.unlink(slot);
        self.log.push(Change::Deleted { slot, at });
        Some(1)
    }
}

impl Updates for Items {
    fn update(&mut self, table: usize, key: Cell<'_>, values: &[Cell<'_>]) {
        assert_eq!(table, 1, "only items are ever updated");
        let parent = values[0].integer().expect("a parent");
        assert!(self.parents.contains_key(&parent), "{parent} is not there");
        let slot = self.by_code[key.text()];
        let at = self.unlink(slot);
        let row = &mut self.rows[slot as usize];
        let before = replace(&mut row.parent, parent);
        let name = replace(&mut row.name, values[1].text().into());
        self.link(slot);
        self.log.push(Change::Updated { slot, parent: before, at, name });
    }
}

impl Forks for Items {
    fn fork(&self) -> Self {
        self.clone()
    }
}
