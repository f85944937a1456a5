//! One column of a table: a typed array with a bitmap of the cells that are not NULL.
//!
//! A column takes its type from the first value it holds and becomes *mixed*, an array of whole
//! values, when one of another storage class arrives. A text of up to fifteen bytes lives in its
//! cell of sixteen; a longer one is shared by the pages that hold it. Either is read without asking
//! again whether the bytes are text: that costs more than the rest of a lookup. Setting a cell to
//! NULL leaves the value in place: undoing it is setting one bit.

use super::bits::Bits;
use super::pages::{Paged, Plain};
use crate::value::{Text, Value, ValueRef};

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
    Integer(Plain<i64>),
    Real(Plain<f64>),
    Text(Paged<Text>),
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
            Cells::Text(cells) => cells.len(),
            Cells::Mixed(cells) => cells.len(),
        }
    }

    #[inline(always)]
    pub(super) fn get(&self, slot: u32) -> ValueRef<'_> {
        // No call on the usual way: see `Paged::at_hand`.
        let cell = match (&self.cells, &self.valid) {
            (Cells::Integer(cells), None) => {
                cells.at_hand(slot as usize).map(|integer| ValueRef::Integer(*integer))
            }
            (Cells::Text(cells), None) => {
                cells.at_hand(slot as usize).map(|text| ValueRef::Text(text))
            }
            _ => None,
        };
        match cell {
            Some(value) => value,
            None => self.get_rarely(slot),
        }
    }

    #[inline(never)]
    fn get_rarely(&self, slot: u32) -> ValueRef<'_> {
        if !self.is_valid(slot) { ValueRef::Null } else { self.stored(slot) }
    }

    #[inline]
    pub(super) fn is_valid(&self, slot: u32) -> bool {
        !matches!(self.cells, Cells::Empty(_))
            && self.valid.as_ref().is_none_or(|valid| valid.get(slot))
    }

    /// Whether no cell is NULL, as far as can be told without looking at them.
    pub(super) fn is_total(&self) -> bool {
        self.valid.is_none() && !matches!(self.cells, Cells::Empty(_))
    }

    /// What the cell holds, also under a NULL.
    #[inline]
    pub(super) fn stored(&self, slot: u32) -> ValueRef<'_> {
        let at = slot as usize;
        match &self.cells {
            Cells::Empty(_) => ValueRef::Null,
            Cells::Integer(cells) => ValueRef::Integer(*cells.get(at)),
            Cells::Real(cells) => ValueRef::Real(*cells.get(at)),
            Cells::Text(cells) => ValueRef::Text(cells.get(at)),
            Cells::Mixed(cells) => cells.get(at).as_ref(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: ValueRef<'_>) {
        match (&mut self.cells, value) {
            (Cells::Integer(cells), ValueRef::Integer(integer)) => cells.push(integer),
            (Cells::Text(cells), ValueRef::Text(text)) => cells.push(text.into()),
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
            (Cells::Text(cells), ValueRef::Text(text)) => cells.push(text.into()),
            (Cells::Text(cells), _) => cells.push(Text::default()),
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
            (Cells::Text(cells), ValueRef::Text(text)) => *cells.get_mut(at) = text.into(),
            (Cells::Real(_) | Cells::Text(_), _) => {}
            (Cells::Mixed(cells), value) => *cells.get_mut(at) = value.to_value(),
        }
        if let Some(valid) = &mut self.valid {
            valid.set(slot, !value.is_null());
        }
    }

    /// Writes a cell with a value that is nobody else's.
    #[inline]
    pub(super) fn put(&mut self, slot: u32, value: Value) {
        match (&mut self.cells, value, &self.valid) {
            (Cells::Integer(cells), Value::Integer(integer), None) => {
                *cells.get_mut(slot as usize) = integer;
            }
            (Cells::Text(cells), Value::Text(text), None) => *cells.get_mut(slot as usize) = text,
            (_, value, _) => self.set(slot, value.as_ref()),
        }
    }

    /// Takes the cells from this one on away.
    pub(super) fn truncate(&mut self, slot: u32) {
        let length = slot as usize;
        match &mut self.cells {
            Cells::Empty(count) => *count = length,
            Cells::Integer(cells) => cells.truncate(length),
            Cells::Real(cells) => cells.truncate(length),
            Cells::Text(cells) => cells.truncate(length),
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
            | (Cells::Text(_), ValueRef::Text(_))
            | (Cells::Mixed(_), _) => {}
            (Cells::Empty(length), _) => {
                let length = *length;
                if length > 0 {
                    self.valid = Some(Bits::filled(length, false));
                }
                self.cells = match value {
                    ValueRef::Integer(_) => Cells::Integer(Plain::filled(length, 0)),
                    ValueRef::Real(_) => Cells::Real(Plain::filled(length, 0.0)),
                    ValueRef::Text(_) => Cells::Text(Paged::filled(length, Text::default())),
                    ValueRef::Null | ValueRef::Blob(_) => {
                        Cells::Mixed(Paged::filled(length, Value::Null))
                    }
                };
            }
            (Cells::Integer(_) | Cells::Real(_) | Cells::Text(_), _) => self.mix(),
        }
    }

    fn mix(&mut self) {
        let mut cells = Paged::default();
        (0..self.len() as u32).for_each(|slot| cells.push(self.stored(slot).to_value()));
        self.cells = Cells::Mixed(cells);
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
            column.truncate(cut as u32);
            prop_assert_eq!(all(&column), plain[..cut].to_vec());
            prop_assert_eq!(all(&fork), plain);
        }
    }
}
