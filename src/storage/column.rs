//! One column of a table: a typed array with a bitmap of the cells that are not NULL.
//!
//! A column takes its type from the first value it holds and becomes *mixed*, an array of whole
//! values, when one of another storage class arrives. A text of up to fourteen bytes lives in its
//! cell; a longer one lies in a heap that is only appended to, and its cell says where. Setting a
//! cell to NULL leaves the value in place: undoing it is setting one bit.

use super::bits::Bits;
use super::pages::Paged;
use crate::value::{Value, ValueRef};
use triomphe::Arc;

/// The cells of a column, one a slot.
#[derive(Clone, Debug)]
pub(super) struct Column {
    cells: Cells,
    /// Slot → whether the cell is not NULL; `None` while none is NULL.
    valid: Option<Bits>,
}

#[derive(Clone, Debug)]
enum Cells {
    /// So many NULLs, and nothing else yet.
    Empty(usize),
    Integer(Paged<i64>),
    Real(Paged<f64>),
    Text(Paged<TextCell>, Heap),
    Mixed(Paged<Value>),
}

impl Default for Column {
    fn default() -> Self {
        Column { cells: Cells::Empty(0), valid: None }
    }
}

impl Column {
    /// `length` cells that all hold `value`.
    pub(super) fn filled(length: usize, value: &Value) -> Self {
        let mut column = Column::default();
        (0..length).for_each(|_| column.push(value.as_ref()));
        column
    }

    pub(super) fn len(&self) -> usize {
        match &self.cells {
            Cells::Empty(length) => *length,
            Cells::Integer(cells) => cells.len(),
            Cells::Real(cells) => cells.len(),
            Cells::Text(cells, _) => cells.len(),
            Cells::Mixed(cells) => cells.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> ValueRef<'_> {
        if !self.is_valid(slot) { ValueRef::Null } else { self.stored(slot) }
    }

    #[inline]
    pub(super) fn is_valid(&self, slot: u32) -> bool {
        match (&self.valid, &self.cells) {
            (_, Cells::Empty(_)) => false,
            (None, _) => true,
            (Some(valid), _) => valid.get(slot),
        }
    }

    /// What the cell holds, also under a NULL.
    #[inline]
    pub(super) fn stored(&self, slot: u32) -> ValueRef<'_> {
        let at = slot as usize;
        match &self.cells {
            Cells::Empty(_) => ValueRef::Null,
            Cells::Integer(cells) => ValueRef::Integer(*cells.get(at)),
            Cells::Real(cells) => ValueRef::Real(*cells.get(at)),
            Cells::Text(cells, heap) => ValueRef::Text(cells.get(at).text(heap)),
            Cells::Mixed(cells) => cells.get(at).as_ref(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: ValueRef<'_>) {
        match (&mut self.cells, value) {
            (Cells::Integer(cells), ValueRef::Integer(integer)) => cells.push(integer),
            (Cells::Text(cells, heap), ValueRef::Text(text)) => cells.push(heap.cell(text)),
            _ => return self.push_any(value),
        }
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
    }

    /// The same for a value that the column may have to make room for.
    fn push_any(&mut self, value: ValueRef<'_>) {
        self.make_fit(value);
        match (&mut self.cells, value) {
            (Cells::Empty(length), _) => *length += 1,
            (Cells::Integer(cells), value) => cells.push(value.as_integer().unwrap_or_default()),
            (Cells::Real(cells), ValueRef::Real(real)) => cells.push(real),
            (Cells::Real(cells), _) => cells.push(0.0),
            (Cells::Text(cells, heap), ValueRef::Text(text)) => cells.push(heap.cell(text)),
            (Cells::Text(cells, _), _) => cells.push(TextCell::default()),
            (Cells::Mixed(cells), value) => cells.push(value.to_value()),
        }
        if let Some(valid) = &mut self.valid {
            valid.push(!value.is_null());
        }
    }

    /// Writes a cell.
    pub(super) fn set(&mut self, slot: u32, value: ValueRef<'_>) {
        self.make_fit(value);
        let at = slot as usize;
        match (&mut self.cells, value) {
            (_, ValueRef::Null) | (Cells::Empty(_), _) => {}
            (Cells::Integer(cells), value) => {
                *cells.get_mut(at) = value.as_integer().unwrap_or_default();
            }
            (Cells::Real(cells), ValueRef::Real(real)) => *cells.get_mut(at) = real,
            (Cells::Text(cells, heap), ValueRef::Text(text)) => {
                heap.lose(*cells.get(at));
                *cells.get_mut(at) = heap.cell(text);
                if heap.is_mostly_lost() {
                    *heap = heap.rebuilt(cells);
                }
            }
            (Cells::Real(_) | Cells::Text(..), _) => {}
            (Cells::Mixed(cells), value) => *cells.get_mut(at) = value.to_value(),
        }
        if let Some(valid) = &mut self.valid {
            valid.set(slot, !value.is_null());
        }
    }

    pub(super) fn truncate(&mut self, length: usize) {
        match &mut self.cells {
            Cells::Empty(old) => *old = length,
            Cells::Integer(cells) => cells.truncate(length),
            Cells::Real(cells) => cells.truncate(length),
            Cells::Text(cells, heap) => {
                (length..cells.len()).for_each(|at| heap.lose(*cells.get(at)));
                cells.truncate(length);
            }
            Cells::Mixed(cells) => cells.truncate(length),
        }
        if let Some(valid) = &mut self.valid {
            valid.truncate(length);
        }
    }

    /// The bitmap of the cells that are not NULL, to be written to.
    pub(super) fn valid_mut(&mut self) -> &mut Bits {
        let length = self.len();
        let is_empty = matches!(self.cells, Cells::Empty(_));
        self.valid.get_or_insert_with(|| Bits::filled(length, !is_empty))
    }

    /// Makes room for a value of this class: a bitmap for a NULL, a type for a first value, mixed
    /// cells for a value of another class.
    #[inline]
    fn make_fit(&mut self, value: ValueRef<'_>) {
        match (&self.cells, value) {
            (Cells::Empty(_), ValueRef::Null) => {}
            (_, ValueRef::Null) => {
                self.valid_mut();
            }
            (Cells::Integer(_), ValueRef::Integer(_))
            | (Cells::Real(_), ValueRef::Real(_))
            | (Cells::Text(..), ValueRef::Text(_))
            | (Cells::Mixed(_), _) => {}
            (Cells::Empty(length), _) => {
                let length = *length;
                if length > 0 {
                    self.valid = Some(Bits::filled(length, false));
                }
                self.cells = match value {
                    ValueRef::Integer(_) => Cells::Integer(Paged::filled(length, 0)),
                    ValueRef::Real(_) => Cells::Real(Paged::filled(length, 0.0)),
                    ValueRef::Text(_) => {
                        Cells::Text(Paged::filled(length, TextCell::default()), Heap::default())
                    }
                    ValueRef::Null | ValueRef::Blob(_) => {
                        Cells::Mixed(Paged::filled(length, Value::Null))
                    }
                };
            }
            (Cells::Integer(_) | Cells::Real(_) | Cells::Text(..), _) => self.mix(),
        }
    }

    fn mix(&mut self) {
        let mut cells = Paged::default();
        (0..self.len() as u32).for_each(|slot| cells.push(self.stored(slot).to_value()));
        self.cells = Cells::Mixed(cells);
    }
}

/// Bytes of a text that fit into its cell.
const INLINE_MAX: usize = 14;

/// A text, or where it lies.
#[derive(Clone, Copy, Debug)]
enum TextCell {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Heap { len: u32, chunk: u32, offset: u32 },
}

impl Default for TextCell {
    fn default() -> Self {
        TextCell::Inline { len: 0, bytes: [0; INLINE_MAX] }
    }
}

impl TextCell {
    #[inline]
    fn text<'a>(&'a self, heap: &'a Heap) -> &'a str {
        let bytes = match self {
            TextCell::Inline { len, bytes } => &bytes[..*len as usize],
            TextCell::Heap { len, chunk, offset } => {
                let from = *offset as usize;
                &heap.chunks[*chunk as usize][from..from + *len as usize]
            }
        };
        std::str::from_utf8(bytes).expect("a cell holds a whole text")
    }
}

/// Chunks of bytes for long texts. What is no longer used is counted, and left behind when the
/// heap is built anew.
#[derive(Clone, Debug, Default)]
struct Heap {
    chunks: Arc<Vec<Arc<Vec<u8>>>>,
    used: usize,
    lost: usize,
}

const CHUNK_MIN: usize = 1 << 9;
const CHUNK_MAX: usize = 1 << 16;

impl Heap {
    #[inline]
    fn cell(&mut self, text: &str) -> TextCell {
        let mut bytes = [0; INLINE_MAX];
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text.as_bytes());
                TextCell::Inline { len: text.len() as u8, bytes }
            }
            None => self.append(text),
        }
    }

    fn append(&mut self, text: &str) -> TextCell {
        let chunks = Arc::make_mut(&mut self.chunks);
        let fits = |chunk: &Vec<u8>| chunk.len() + text.len() <= chunk.capacity();
        let last = chunks.last_mut().and_then(Arc::get_mut);
        if !last.is_some_and(|chunk| fits(chunk)) {
            let size = self.used.clamp(CHUNK_MIN, CHUNK_MAX).max(text.len());
            chunks.push(Arc::new(Vec::with_capacity(size)));
        }
        let number = chunks.len() - 1;
        let chunk = Arc::make_mut(&mut chunks[number]);
        let offset = chunk.len();
        chunk.extend_from_slice(text.as_bytes());
        self.used += text.len();
        TextCell::Heap { len: text.len() as u32, chunk: number as u32, offset: offset as u32 }
    }

    fn lose(&mut self, cell: TextCell) {
        if let TextCell::Heap { len, .. } = cell {
            self.lost += len as usize;
        }
    }

    fn is_mostly_lost(&self) -> bool {
        self.lost > CHUNK_MAX && self.lost > self.used / 2
    }

    /// A heap with just the texts of these cells, which then lie in it.
    fn rebuilt(&self, cells: &mut Paged<TextCell>) -> Heap {
        let mut fresh = Heap::default();
        for at in 0..cells.len() {
            if let cell @ TextCell::Heap { .. } = *cells.get(at) {
                *cells.get_mut(at) = fresh.append(cell.text(self));
            }
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            2 => Just(Value::Null),
            4 => any::<i64>().prop_map(Value::from),
            1 => any::<f64>().prop_map(Value::from),
            4 => "[a-zé]{0,20}".prop_map(Value::from),
            1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from),
        ]
    }

    proptest! {
        /// A column, whatever type it takes on the way, holds what was written to it.
        #[test]
        fn cells_hold_what_was_written(
            first in prop::collection::vec(value(), 0..6),
            writes in prop::collection::vec((any::<usize>(), value()), 0..40),
            cut in any::<usize>(),
        ) {
            let (mut column, mut plain) = (Column::default(), Vec::new());
            for value in first {
                column.push(value.as_ref());
                plain.push(value);
            }
            for (at, value) in writes {
                match at % (plain.len() + 1) {
                    new if new == plain.len() => {
                        column.push(value.as_ref());
                        plain.push(value);
                    }
                    old => {
                        column.set(old as u32, value.as_ref());
                        plain[old] = value;
                    }
                }
            }
            let fork = column.clone();
            let all = |column: &Column| -> Vec<Value> {
                (0..column.len() as u32).map(|slot| column.get(slot).to_value()).collect()
            };
            prop_assert_eq!(all(&column), plain.clone());
            let cut = cut % (plain.len() + 1);
            column.truncate(cut);
            prop_assert_eq!(all(&column), plain[..cut].to_vec());
            prop_assert_eq!(all(&fork), plain);
        }
    }

    /// Writing one long text again and again does not keep the old ones.
    #[test]
    fn the_heap_forgets_what_is_no_longer_used() {
        let mut column = Column::default();
        let text = |number: u32| format!("a text too long for its cell, number {number}");
        (0..10).for_each(|number| column.push(ValueRef::Text(&text(number))));
        (0..100_000).for_each(|number| column.set(3, ValueRef::Text(&text(number))));
        let Cells::Text(_, heap) = &column.cells else { panic!("a column of texts") };
        assert!(heap.used < 4 * CHUNK_MAX, "{} bytes are used", heap.used);
        assert_eq!(column.get(9), ValueRef::Text(&text(9)));
        assert_eq!(column.get(3), ValueRef::Text(&text(99_999)));
    }
}
