//! L1, the yardstick: what one writes by hand in Rust for one schema.
//!
//! Rows are structs in a `Vec`; a deleted one stays there as a tombstone until the transaction ends.
//! A hash map leads from each primary key to its row, another from each referenced key to the list of
//! rows that reference it. Texts are `Box<str>`. What is done goes into a log, a whole list at a
//! time, and really can be undone.
//!
//! One file per schema: `levels` for tables in a row or one table that references itself, `diamond`,
//! and `items` for a primary key that is a text.

mod diamond;
mod items;
mod levels;

pub use diamond::Diamond;
pub use items::Items;
pub use levels::Levels;

use std::collections::HashMap;

/// A map with a fast hash.
type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Takes a slot out of a list, and tells where it was.
fn take_out(list: &mut Vec<u32>, slot: u32) -> usize {
    let at = list.iter().position(|other| *other == slot).expect("the row is in its list");
    list.swap_remove(at);
    at
}

/// Puts back what [`take_out`] took.
fn put_back(list: &mut Vec<u32>, slot: u32, at: usize) {
    list.push(slot);
    let last = list.len() - 1;
    list.swap(at, last);
}
