//! One table: its rows by slot, and its indexes.

use super::bits::{AllOnes, Bits};
use super::column::Column;
use super::index::{OwnIndex, ReferenceIndex};
use super::log::{Changed, Rowset, Slot, Update};
use super::pages::Paged;
use super::row_ids::RowIds;
use crate::id::{FirstRowIds, RowId};
use crate::value::{Value, ValueRef};
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// A row's values: one per column. Cheap to clone.
pub type Row = Arc<[Value]>;

/// A row, read where it is: in its table, or as somebody holds it.
#[derive(Clone, Copy)]
pub struct RowRef<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Stored(&'a Rows, u32),
    Held(RowId, &'a [Value]),
    Given(RowId, &'a [ValueRef<'a>]),
}

impl<'a> RowRef<'a> {
    /// A row that somebody holds.
    pub fn held(row_id: RowId, values: &'a [Value]) -> Self {
        RowRef(Source::Held(row_id, values))
    }

    /// A row that somebody is about to store.
    pub(super) fn given(row_id: RowId, values: &'a [ValueRef<'a>]) -> Self {
        RowRef(Source::Given(row_id, values))
    }

    /// Its row id.
    pub fn row_id(self) -> RowId {
        match self.0 {
            Source::Stored(rows, slot) => RowId(rows.ids.id(slot)),
            Source::Held(row_id, _) | Source::Given(row_id, _) => row_id,
        }
    }

    /// The value of the column at a position, which must be one of its table.
    #[inline(always)]
    pub fn get(self, position: usize) -> ValueRef<'a> {
        match self.0 {
            Source::Stored(rows, slot) => rows.get(position, slot),
            Source::Held(_, values) => values[position].as_ref(),
            Source::Given(_, values) => values[position],
        }
    }

    /// How many columns it has.
    pub fn width(self) -> usize {
        match self.0 {
            Source::Stored(rows, _) => rows.columns.len(),
            Source::Held(_, values) => values.len(),
            Source::Given(_, values) => values.len(),
        }
    }

    /// The value of the column at a position, copied.
    #[inline]
    pub fn value(self, position: usize) -> Value {
        self.get(position).to_value()
    }

    /// Its values, one per column.
    pub fn values(self) -> impl ExactSizeIterator<Item = ValueRef<'a>> {
        (0..self.width()).map(move |position| self.get(position))
    }

    /// A copy of its values.
    pub fn to_vec(self) -> Vec<Value> {
        (0..self.width()).map(|position| self.value(position)).collect()
    }

    /// A copy of its values that is cheap to clone.
    pub fn to_row(self) -> Row {
        (0..self.width()).map(|position| self.value(position)).collect()
    }
}

impl std::fmt::Debug for RowRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// Rows of a table, one after another, read where they are.
pub struct RowIter<'a> {
    rows: &'a Rows,
    slots: Slots<'a>,
}

/// Slots in the order in which rows are read.
enum Slots<'a> {
    /// Those that are live.
    Live(AllOnes<'a>),
    /// Looked for one by one in another way.
    Sought(Box<dyn DoubleEndedIterator<Item = u32> + 'a>),
    Listed(std::vec::IntoIter<u32>),
    /// No more than one.
    One(std::option::IntoIter<u32>),
}

impl<'a> RowIter<'a> {
    /// The row of this slot, if there is one.
    pub(super) fn one(rows: &'a Rows, slot: Option<u32>) -> Self {
        RowIter { rows, slots: Slots::One(slot.into_iter()) }
    }

    /// The rows of these slots, in this order.
    pub(super) fn listed(rows: &'a Rows, slots: Vec<u32>) -> Self {
        RowIter { rows, slots: Slots::Listed(slots.into_iter()) }
    }
}

impl<'a> Iterator for RowIter<'a> {
    type Item = RowRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RowRef<'a>> {
        let slot = match &mut self.slots {
            Slots::Live(slots) => slots.next(),
            Slots::Sought(slots) => slots.next(),
            Slots::Listed(slots) => slots.next(),
            Slots::One(slot) => slot.next(),
        };
        slot.map(|slot| self.rows.row(slot))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.slots {
            Slots::Live(_) | Slots::Sought(_) => (0, Some(self.rows.live_count)),
            Slots::Listed(slots) => slots.size_hint(),
            Slots::One(slot) => slot.size_hint(),
        }
    }
}

impl DoubleEndedIterator for RowIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let slot = match &mut self.slots {
            Slots::Live(slots) => slots.next_back(),
            Slots::Sought(slots) => slots.next_back(),
            Slots::Listed(slots) => slots.next_back(),
            Slots::One(slot) => slot.next_back(),
        };
        slot.map(|slot| self.rows.row(slot))
    }
}

/// The rows of a table by slot. A dead row's values stay until another row takes its slot.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    ids: RowIds,
    /// Slot → whether its row is there.
    live: Bits,
    live_count: usize,
    columns: Vec<Column>,
    /// The column that is the row id, whose values are not stored twice.
    row_id_column: Option<usize>,
    /// The greatest row id of a live row, once it has been asked for.
    last: OnceLock<Option<i64>>,
}

impl Rows {
    /// Gives a new table so many columns, of which one may be the row id.
    pub(super) fn set_columns(&mut self, width: usize, row_id_column: Option<usize>) {
        self.columns = std::iter::repeat_with(Column::default).take(width).collect();
        self.row_id_column = row_id_column;
    }

    pub(super) fn slot_count(&self) -> usize {
        self.ids.len()
    }

    /// Whether row ids ascend with the slots.
    pub(super) fn ascends(&self) -> bool {
        self.ids.ascends()
    }

    pub(super) fn live_count(&self) -> usize {
        self.live_count
    }

    #[inline]
    pub(super) fn is_live(&self, slot: u32) -> bool {
        self.live.get(slot)
    }

    /// The row of a slot, dead or not.
    #[inline]
    pub(super) fn row(&self, slot: u32) -> RowRef<'_> {
        RowRef(Source::Stored(self, slot))
    }

    #[inline]
    pub(super) fn id(&self, slot: u32) -> i64 {
        self.ids.id(slot)
    }

    /// The row ids of so many slots from this one on, and no more than are named of many.
    #[inline]
    pub(super) fn first_ids(&self, start: u32, len: usize) -> FirstRowIds {
        self.ids.first(start, len)
    }

    /// The slot of the live row with this id.
    #[inline(always)]
    pub(super) fn find(&self, id: i64) -> Option<u32> {
        // No call on the usual way: see `Paged::at_hand`.
        let Some((base, count)) = self.ids.implicit() else { return self.find_rarely(id) };
        // An id below the base comes to be beyond any count.
        let offset = id.wrapping_sub(base) as u64;
        if offset >= count as u64 {
            return None;
        }
        let slot = offset as u32;
        match self.live.at_hand(slot) {
            Some(is_live) => is_live.then_some(slot),
            None => self.find_rarely(id),
        }
    }

    #[inline(never)]
    fn find_rarely(&self, id: i64) -> Option<u32> {
        self.ids.find(id).filter(|&slot| self.live.get(slot))
    }

    #[inline(always)]
    pub(super) fn get(&self, position: usize, slot: u32) -> ValueRef<'_> {
        match self.row_id_column {
            Some(at) if at == position => ValueRef::Integer(self.ids.id(slot)),
            _ => self.columns[position].get(slot),
        }
    }

    #[inline]
    pub(super) fn is_valid(&self, position: usize, slot: u32) -> bool {
        self.row_id_column == Some(position) || self.columns[position].is_valid(slot)
    }

    /// Whether no row has a NULL in the column at a position, as far as can be told at once.
    pub(super) fn is_total(&self, position: usize) -> bool {
        self.row_id_column == Some(position) || self.columns[position].is_total()
    }

    /// The live rows, in the order of their row ids.
    ///
    /// # Cost
    /// **O(n)** for n slots, or **O(n log n)** where row ids are far apart and did not come in order.
    pub(super) fn in_order(&self) -> RowIter<'_> {
        if self.ids.ascends() {
            return RowIter { rows: self, slots: Slots::Live(self.live.ones()) };
        }
        match self.ids.in_order() {
            Some(slots) => {
                let slots = Box::new(slots.filter(|&slot| self.live.get(slot)));
                RowIter { rows: self, slots: Slots::Sought(slots) }
            }
            None => {
                let mut slots: Vec<u32> = self.live.ones().collect();
                self.sort(&mut slots);
                RowIter::listed(self, slots)
            }
        }
    }

    /// Puts slots into the order of their row ids.
    pub(super) fn sort(&self, slots: &mut [u32]) {
        if !slots.is_sorted_by_key(|&slot| self.ids.id(slot)) {
            slots.sort_unstable_by_key(|&slot| self.ids.id(slot));
        }
    }

    /// The greatest row id of a live row.
    pub(super) fn last_id(&self) -> Option<i64> {
        *self.last.get_or_init(|| {
            if self.ids.ascends() {
                return self.live.ones().next_back().map(|slot| self.ids.id(slot));
            }
            match self.ids.in_order() {
                Some(_) => self.in_order().next_back().map(|row| row.row_id().0),
                None => self.live.ones().map(|slot| self.ids.id(slot)).max(),
            }
        })
    }

    fn note_arrival(&mut self, id: i64) {
        if let Some(last) = self.last.get_mut()
            && last.is_none_or(|last| last < id)
        {
            *last = Some(id);
        }
    }

    fn note_departure(&mut self, id: i64) {
        if self.last.get().is_some_and(|last| *last == Some(id)) {
            self.last.take();
        }
    }

    #[inline]
    fn set_live(&mut self, slot: u32, is_live: bool) {
        self.live.set(slot, is_live);
        let id = self.ids.id(slot);
        match is_live {
            true => {
                self.live_count += 1;
                self.note_arrival(id);
            }
            false => {
                self.live_count -= 1;
                self.note_departure(id);
            }
        }
    }

    fn set_all_live(&mut self, set: Rowset<'_>, is_live: bool) {
        // A row at a time, as on the way down a chain, is not worth three loops.
        if let ([], [slot]) = (set.runs, set.slots) {
            return self.set_live(*slot, is_live);
        }
        set.runs.iter().for_each(|&(start, len)| self.live.fill(start, len, is_live));
        self.live.set_all(set.slots, is_live);
        self.last.take();
        match is_live {
            true => self.live_count += set.len,
            false => self.live_count -= set.len,
        }
    }

    /// Puts a value into the cell of a column that is not the row id.
    pub(super) fn put(&mut self, position: usize, slot: u32, value: Value) {
        self.columns[position].put(slot, value);
    }

    /// Writes the values that differ.
    fn write<'a>(&mut self, slot: u32, values: impl IntoIterator<Item = ValueRef<'a>>) {
        for (position, value) in values.into_iter().enumerate() {
            if self.row_id_column != Some(position)
                && !self.columns[position].get(slot).is_same(value)
            {
                self.columns[position].set(slot, value);
            }
        }
    }
}

/// One table's rows and indexes.
#[derive(Clone, Debug, Default)]
pub(super) struct TableStore {
    pub(super) rows: Rows,
    pub(super) indexes: Vec<OwnIndex>,
    pub(super) references: SmallVec<[ReferenceIndex; 1]>,
    /// The run (start, length) of slots that is used next, of those whose rows are dead for good.
    next_free: (u32, u32),
    /// The other ones; the last is used first.
    free: Paged<(u32, u32)>,
    free_count: usize,
}

/// What a row's arrival displaced, besides indexes: where its row id led before.
pub(super) struct Arrival {
    pub(super) slot: u32,
    pub(super) id_led_to: Option<u32>,
    /// Whether a dead row had the slot before.
    pub(super) is_reused: bool,
}

impl TableStore {
    /// Writes a new row, at the end or into a free slot. It is in no index yet.
    #[inline(always)]
    pub(super) fn place(&mut self, id: i64, values: &[ValueRef<'_>]) -> Arrival {
        match self.take_free() {
            Some(slot) => self.place_at(slot, id, values),
            None => {
                let rows = &mut self.rows;
                let slot = rows.ids.len() as u32;
                let id_led_to = rows.ids.push(id, |slot| rows.live.get(slot));
                for (position, value) in values.iter().enumerate() {
                    if rows.row_id_column != Some(position) {
                        rows.columns[position].push(*value);
                    }
                }
                rows.live.push(true);
                rows.live_count += 1;
                rows.note_arrival(id);
                Arrival { slot, id_led_to, is_reused: false }
            }
        }
    }

    fn place_at(&mut self, slot: u32, id: i64, values: &[ValueRef<'_>]) -> Arrival {
        let TableStore { rows, indexes, references, .. } = self;
        indexes.iter_mut().for_each(|index| index.forget(rows, slot));
        references.iter_mut().for_each(|reference| reference.forget(rows, slot));
        rows.ids.forget(slot);
        let id_led_to = rows.ids.set(slot, id, |slot| rows.live.get(slot));
        rows.write(slot, values.iter().copied());
        rows.set_live(slot, true);
        Arrival { slot, id_led_to, is_reused: true }
    }

    /// Lets the row id of a new row lead back to where it led before.
    pub(super) fn lead_id_back(&mut self, slot: u32, id_led_to: Option<u32>) {
        let rows = &mut self.rows;
        rows.ids.lead_back(rows.ids.id(slot), slot, id_led_to.filter(|&other| other != slot));
    }

    /// Takes a run of new rows away again. A slot that was there before stays: what led to it then may
    /// do so again.
    pub(super) fn unplace(&mut self, start: u32, len: u32, is_reused: bool) {
        let (rows, run) = (&mut self.rows, (start, len));
        if is_reused {
            rows.set_all_live(Rowset { runs: &[run], slots: &[], len: len as usize }, false);
            return self.give_free([run]);
        }
        debug_assert_eq!((start + len) as usize, rows.ids.len(), "new slots are last");
        rows.last.take();
        rows.live_count -= len as usize;
        rows.live.truncate(start as usize);
        rows.ids.truncate(start);
        for (position, column) in rows.columns.iter_mut().enumerate() {
            if rows.row_id_column != Some(position) {
                column.truncate(start);
            }
        }
        self.indexes.iter_mut().for_each(|index| index.drop_places(start));
        self.references.iter_mut().for_each(|reference| reference.buckets.drop_places(start));
    }

    /// Free slots are used only when there are many: rows that come in order stay in order, and
    /// neighbours stay neighbours, as long as little is deleted.
    fn take_free(&mut self) -> Option<u32> {
        if self.free_count < 64.max(self.rows.live_count / 8) {
            return None;
        }
        let (start, len) = self.next_free;
        self.next_free = match len {
            1 => self.free.pop().unwrap_or_default(),
            _ => (start + 1, len - 1),
        };
        self.free_count -= 1;
        Some(start)
    }

    /// Frees runs (start, length) of slots whose rows are dead for good.
    pub(super) fn give_free(&mut self, runs: impl IntoIterator<Item = (u32, u32)>) {
        for (start, len) in runs {
            self.free_count += len as usize;
            let next = self.next_free;
            self.next_free = match next {
                (from, before) if from + before == start => (from, before + len),
                (from, before) if start + len == from => (start, len + before),
                _ => {
                    if next.1 > 0 {
                        self.free.push(next);
                    }
                    (start, len)
                }
            };
        }
    }

    /// The slots that are free.
    pub(super) fn free_slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.free.iter().chain([&self.next_free]).flat_map(|&(start, len)| start..start + len)
    }

    /// Marks a live row dead, with its part in every foreign key.
    pub(super) fn kill(&mut self, slot: u32) {
        self.rows.set_live(slot, false);
        self.adjust(slot, -1);
    }

    pub(super) fn revive(&mut self, slot: u32) {
        self.rows.set_live(slot, true);
        self.adjust(slot, 1);
    }

    #[inline]
    fn adjust(&mut self, slot: u32, by: i32) {
        let TableStore { rows, references, .. } = self;
        for reference in references {
            if reference.references(rows, slot) {
                reference.buckets.adjust(slot, by);
            }
        }
    }

    /// Marks many rows dead, or alive again, that all are the contrary. `by`: the foreign key over
    /// which they were reached, all referencing rows of a referenced one together: its counts stay.
    pub(super) fn set_all_live(&mut self, set: Rowset<'_>, is_live: bool, by: Option<usize>) {
        let TableStore { rows, references, .. } = self;
        rows.set_all_live(set, is_live);
        if references.len() == usize::from(by.is_some()) {
            return;
        }
        let change = if is_live { 1 } else { -1 };
        for (position, reference) in references.iter_mut().enumerate() {
            if Some(position) == by {
                continue;
            }
            let ReferenceIndex { spec, buckets, .. } = reference;
            if spec.parts.iter().all(|part| rows.is_total(part.position)) {
                buckets.adjust_all(set.iter(), set.len, change);
            } else {
                let members = set.iter().filter(|&slot| spec.references(rows, slot));
                buckets.adjust_all(members, set.len, change);
            }
        }
    }

    /// Sets the columns of a foreign key of many rows to NULL, or back to what they were.
    pub(super) fn set_all_valid(&mut self, reference: usize, set: Rowset<'_>, is_valid: bool) {
        let TableStore { rows, references, .. } = self;
        for part in &references[reference].spec.parts {
            let valid = rows.columns[part.position].valid_mut();
            set.runs.iter().for_each(|&(start, len)| valid.fill(start, len, is_valid));
            valid.set_all(set.slots, is_valid);
        }
    }

    /// Writes the values that have changed and perhaps another row id into a live row. Where the new
    /// id led before is returned.
    pub(super) fn rewrite(
        &mut self,
        slot: u32,
        id: i64,
        values: &[ValueRef<'_>],
        changed: Changed,
    ) -> Option<u32> {
        let rows = &mut self.rows;
        let old = rows.ids.id(slot);
        let led_to = (old != id).then(|| rows.ids.set(slot, id, |slot| rows.live.get(slot)));
        if old != id {
            rows.note_departure(old);
            rows.note_arrival(id);
        }
        let columns = rows.columns.iter_mut().enumerate().zip(values);
        for ((position, column), value) in columns {
            if changed.has(position) && rows.row_id_column != Some(position) {
                column.set(slot, *value);
            }
        }
        led_to.flatten()
    }

    /// What lies under the NULLs of a row that these values would overwrite.
    pub(super) fn covered_by_null(
        &self,
        slot: u32,
        values: &[ValueRef<'_>],
    ) -> Vec<(usize, Value)> {
        let columns = self.rows.columns.iter().enumerate().zip(values);
        let overwritten = columns.filter(|((position, column), value)| {
            self.rows.row_id_column != Some(*position) && !value.is_null() && !column.is_valid(slot)
        });
        let cell = |((position, column), _): ((usize, &Column), _)| {
            (position, column.stored(slot).to_value())
        };
        overwritten.map(cell).collect()
    }

    /// Undoes `rewrite`, with what the row held before, which is taken.
    pub(super) fn write_back(
        &mut self,
        update: &Update,
        held: &mut [Value],
        id_led_to: Option<u32>,
    ) {
        let &Update { slot: Slot(slot), old_id: RowId(id), new_id: RowId(now), changed, .. } =
            update;
        let rows = &mut self.rows;
        if now != id {
            rows.note_departure(now);
            if id_led_to != Some(slot) {
                rows.ids.lead_back(now, slot, id_led_to);
            }
            rows.ids.restore(slot, id);
            rows.note_arrival(id);
        }
        for (position, value) in held.iter_mut().enumerate() {
            if changed.has(position) && rows.row_id_column != Some(position) {
                rows.columns[position].put(slot, std::mem::take(value));
            }
        }
    }

    /// Adds a column that has this value in every row.
    pub(super) fn add_column(&mut self, value: &Value) {
        self.rows.columns.push(Column::filled(self.rows.slot_count(), value));
    }

    /// Drops a column. The indexes go; set them again.
    pub(super) fn drop_column(&mut self, position: usize) {
        self.rows.columns.remove(position);
        match &mut self.rows.row_id_column {
            Some(at) if *at == position => self.rows.row_id_column = None,
            Some(at) if *at > position => *at -= 1,
            Some(_) | None => {}
        }
        self.indexes.clear();
        self.references.clear();
    }

    /// Whether changes have left something behind that is to be paid.
    pub(super) fn is_untidy(&self) -> bool {
        self.references.iter().any(|reference| reference.buckets.has_bloated())
            || self.indexes.iter().any(|index| index.is_untidy(&self.rows))
    }

    /// Pays what changes have left behind, once nothing is left to be undone.
    pub(super) fn tidy(&mut self) {
        let TableStore { rows, indexes, references, .. } = self;
        indexes.iter_mut().for_each(|index| index.tidy(rows));
        references.iter_mut().for_each(|reference| reference.tidy(rows));
    }
}
