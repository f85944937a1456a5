//! Statements that differ in their literals alone: they share a plan.
//!
//! A script that fills tables says one INSERT again and again with other values. Its shape is the
//! statement with parameters in the place of its literals; the plan of a shape is kept, and run with
//! the literals as the parameters' values. What cannot do with parameters, `outline` has told. A shape
//! that cannot be prepared is none: the statement is prepared as it was written, and says why not.
//!
//! Drawback: a statement that comes once costs a little more than without.

use super::connection::Prepared;
use super::parser::{self, Outline};
use crate::value::Value;
use hashbrown::HashMap;
use std::sync::Arc;

/// The longest statement that has a shape, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;

/// How many plans are kept before all are forgotten.
const PLANS_MAX: usize = 200;

/// A statement with parameters in the place of its literals, and these.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Shape {
    /// The shape of a statement; `None` if it has none.
    pub(super) fn of(outline: &Outline<'_>) -> Option<Shape> {
        let literals = outline.literals.as_ref()?;
        if outline.text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut text = String::with_capacity(outline.text.len());
        let mut values = Vec::with_capacity(literals.len());
        let mut copied = 0;
        for literal in literals {
            values.push(parser::literal(literal)?);
            text.push_str(&outline.text[copied..literal.start]);
            text.push('?');
            copied = literal.end();
        }
        text.push_str(&outline.text[copied..]);
        Some(Shape { text, values })
    }
}

/// The plans of shapes, by their text.
#[derive(Debug, Default)]
pub(super) struct Shapes(HashMap<Arc<str>, Prepared, foldhash::fast::FixedState>);

impl Shapes {
    /// The plan of a shape, if it is known; it is to be put back.
    pub(super) fn take(&mut self, text: &str) -> Option<Prepared> {
        self.0.remove(text)
    }

    /// Keeps a plan.
    pub(super) fn put(&mut self, prepared: Prepared) {
        if self.0.len() >= PLANS_MAX {
            self.0.clear();
        }
        self.0.insert(prepared.shared_text(), prepared);
    }
}
