//! Rows of parameters, in one piece.

use crate::value::Value;

/// The rows of parameters for which one statement is sent, all of the same width.
///
/// ```
/// use ondelete::session::Batch;
/// let mut batch = Batch::of_width(2);
/// batch.push([1.into(), "a".into()]);
/// batch.push([2.into(), "b".into()]);
/// assert_eq!(batch.rows().map(<[_]>::len).collect::<Vec<_>>(), [2, 2]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    width: usize,
    count: usize,
    /// One row after the other.
    values: Vec<Value>,
}

impl Batch {
    /// No rows yet; each will have so many values.
    pub fn of_width(width: usize) -> Batch {
        Batch { width, ..Batch::default() }
    }

    /// Makes room for so many rows.
    #[must_use]
    pub fn with_room_for(mut self, rows: usize) -> Batch {
        self.values.reserve_exact(rows * self.width);
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has another number of values.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        self.values.extend(row);
        self.end_row();
    }

    /// Adds a row whose values may fail to come; then there is no more use for the batch.
    pub(super) fn try_push<E>(
        &mut self,
        row: impl IntoIterator<Item = Result<Value, E>>,
    ) -> Result<(), E> {
        for value in row {
            self.values.push(value?);
        }
        self.end_row();
        Ok(())
    }

    fn end_row(&mut self) {
        self.count += 1;
        let expected = self.count * self.width;
        assert_eq!(self.values.len(), expected, "rows of a batch are of one width");
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = &[Value]> {
        (0..self.count).map(|row| &self.values[row * self.width..(row + 1) * self.width])
    }

    /// The values of all rows, one row after the other.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}
