//! A bound expression: what evaluation works on, and what a planner can learn of it.

use super::functions::Function;
use super::traits::Types;
use super::{Arithmetic, Comparison, Pattern, Raise, Unary};
use crate::value::{Affinity, Collation, DataType, Value};
use std::sync::Arc;

/// An expression whose columns are positions, ready to be evaluated. A clone shares the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub(super) tree: Arc<Resolved>,
    pub(super) affinity: Option<Affinity>,
    pub(super) collation: Option<Collation>,
    pub(super) is_explicit: bool,
    pub(super) types: Types,
}

/// The tree of a [`Bound`]; as that of an expression, without COLLATE, which the rules took in, and
/// with a column in the place of all that the scope supplies.
#[derive(Debug, PartialEq)]
pub(super) enum Resolved {
    Column(usize),
    Literal(Value),
    Unary(Unary, Box<Resolved>),
    IsNull { operand: Box<Resolved>, negated: bool },
    // IS TRUE and IS FALSE, which ask for the truth of the operand and not for its value.
    IsTruth { operand: Box<Resolved>, expected: bool, negated: bool },
    Compare { comparison: Comparison, operands: Box<[Resolved; 2]>, rule: Rule },
    // Of two row values, pair by pair.
    CompareRows { comparison: Comparison, pairs: Vec<([Resolved; 2], Rule)> },
    And(Vec<Resolved>),
    Or(Vec<Resolved>),
    Arithmetic(Arithmetic, Box<[Resolved; 2]>),
    Concat(Box<[Resolved; 2]>),
    In { operand: Box<Resolved>, items: Vec<Resolved>, rule: Rule, negated: bool },
    // Whether the scope's set at a position has these values.
    Member { operands: Vec<Resolved>, position: usize, rules: Arc<[Rule]>, negated: bool },
    Between { operands: Box<[Resolved; 3]>, low: Rule, high: Rule, negated: bool },
    Match { pattern: Pattern, operands: Vec<Resolved>, negated: bool },
    // Pairs of a condition and its result, and perhaps a last result for when none is true.
    Case(Vec<Resolved>),
    Cast(Box<Resolved>, DataType),
    Call { function: Function, arguments: Vec<Resolved>, collation: Collation },
    Raise(Raise, Arc<str>),
}

/// How the operands of one comparison are made alike and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// What is applied to both operands first.
    pub(super) affinity: Option<Affinity>,
    pub(super) collation: Collation,
    /// Whether a COLLATE decided the collation.
    pub(super) explicit: bool,
}

impl Rule {
    /// What is applied to both operands first.
    pub fn affinity(self) -> Option<Affinity> {
        self.affinity
    }

    /// How texts compare.
    pub fn collation(self) -> Collation {
        self.collation
    }

    /// The representative of the values that are equal to this one in a set built by this rule: both
    /// sides are converted.
    pub fn representative(self, value: Value) -> Value {
        let converted = match self.affinity {
            None => value,
            Some(affinity) => affinity.apply(value),
        };
        converted.into_canonical(self.collation)
    }
}

impl Bound {
    /// The affinity of the value, if it is a column's or a CAST's.
    pub fn affinity(&self) -> Option<Affinity> {
        self.affinity
    }

    /// The collation of the value, if it is a column's or a COLLATE's.
    pub fn collation(&self) -> Option<Collation> {
        self.collation
    }

    /// Whether the collation is a COLLATE's.
    pub fn has_explicit_collation(&self) -> bool {
        self.is_explicit
    }

    /// A part of an expression, taken out of it: it has its value and nothing else.
    pub(super) fn of_part(tree: Resolved) -> Bound {
        let (tree, types) = (Arc::new(tree), Types::ANY);
        Bound { tree, affinity: None, collation: None, is_explicit: false, types }
    }

    /// Of which types the value may be.
    pub(crate) fn types(&self) -> Types {
        self.types
    }

    /// Whether it is a CAST.
    pub(crate) fn is_cast(&self) -> bool {
        matches!(&*self.tree, Resolved::Cast(..))
    }

    /// The position, if this is nothing but a column.
    pub fn as_column(&self) -> Option<usize> {
        match &*self.tree {
            Resolved::Column(position) => Some(*position),
            _ => None,
        }
    }

    /// How a comparison, or an IN of one value, compares.
    pub fn rule(&self) -> Option<Rule> {
        match &*self.tree {
            Resolved::Compare { rule, .. } | Resolved::In { rule, .. } => Some(*rule),
            Resolved::Between { low, .. } => Some(*low),
            Resolved::Member { rules, .. } if rules.len() == 1 => rules.first().copied(),
            _ => None,
        }
    }

    /// The positions of the columns used, in ascending order and each once.
    pub fn columns(&self) -> Vec<usize> {
        let mut positions = Vec::new();
        self.tree.collect_columns(&mut positions);
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// Puts columns in the place of the largest parts whose value is the same wherever those columns
    /// are of which `is_constant` holds. `keep` is given each part, and says at which position its
    /// value can be read. A part that is a column or a literal already stays, and so does the whole.
    pub fn hoist(
        &mut self,
        is_constant: &dyn Fn(usize) -> bool,
        keep: &mut dyn FnMut(Bound) -> usize,
    ) {
        if let Some(tree) = Arc::get_mut(&mut self.tree) {
            tree.hoist(is_constant, keep);
        }
    }

    /// The conjuncts that say "column = literal", in order: where an index may begin to look.
    ///
    /// The literal may be on either side and is given as written, without affinity and perhaps NULL;
    /// a comparison with a COLLATE of its own is left out. The rows found have still to be asked
    /// [`Bound::truth`]: this is only a part of the condition.
    pub fn equalities(&self) -> Vec<(usize, Value)> {
        let conjuncts = match &*self.tree {
            Resolved::And(conjuncts) => conjuncts.as_slice(),
            other => std::slice::from_ref(other),
        };
        conjuncts.iter().filter_map(Resolved::as_equality).collect()
    }
}

impl Resolved {
    fn as_equality(&self) -> Option<(usize, Value)> {
        let Resolved::Compare { comparison: Comparison::Equal, operands, rule } = self else {
            return None;
        };
        match operands.as_ref() {
            [Resolved::Column(column), Resolved::Literal(value)]
            | [Resolved::Literal(value), Resolved::Column(column)]
                if !rule.explicit =>
            {
                Some((*column, value.clone()))
            }
            _ => None,
        }
    }

    /// Hoists constant operands, unless it is a constant as a whole: whether it is.
    fn hoist(
        &mut self,
        is_constant: &dyn Fn(usize) -> bool,
        keep: &mut dyn FnMut(Bound) -> usize,
    ) -> bool {
        let is_constant_operator = match self {
            Resolved::Column(position) | Resolved::Member { position, .. } => {
                is_constant(*position)
            }
            Resolved::Call { function, .. } => !function.is_volatile(),
            Resolved::Raise(..) => false,
            _ => true,
        };
        let mut operands = self.operands_mut();
        let constant: Vec<bool> =
            operands.iter_mut().map(|operand| operand.hoist(is_constant, keep)).collect();
        if is_constant_operator && constant.iter().all(|is_constant| *is_constant) {
            return true;
        }
        for (operand, is_constant) in operands.into_iter().zip(constant) {
            if is_constant && !matches!(operand, Resolved::Column(_) | Resolved::Literal(_)) {
                let part = std::mem::replace(operand, Resolved::Literal(Value::Null));
                let position = keep(Bound::of_part(part));
                *operand = Resolved::Column(position);
            }
        }
        false
    }

    fn operands_mut(&mut self) -> Vec<&mut Resolved> {
        match self {
            Resolved::Column(_) | Resolved::Literal(_) | Resolved::Raise(..) => Vec::new(),
            Resolved::Unary(_, operand)
            | Resolved::IsNull { operand, .. }
            | Resolved::IsTruth { operand, .. }
            | Resolved::Cast(operand, _) => vec![operand],
            Resolved::Compare { operands, .. }
            | Resolved::Arithmetic(_, operands)
            | Resolved::Concat(operands) => operands.iter_mut().collect(),
            Resolved::CompareRows { pairs, .. } => {
                pairs.iter_mut().flat_map(|(pair, _)| pair).collect()
            }
            Resolved::Between { operands, .. } => operands.iter_mut().collect(),
            Resolved::Member { operands, .. }
            | Resolved::And(operands)
            | Resolved::Or(operands)
            | Resolved::Case(operands)
            | Resolved::Match { operands, .. }
            | Resolved::Call { arguments: operands, .. } => operands.iter_mut().collect(),
            Resolved::In { operand, items, .. } => {
                std::iter::once(&mut **operand).chain(items).collect()
            }
        }
    }

    fn collect_columns(&self, positions: &mut Vec<usize>) {
        match self {
            Resolved::Column(position) => positions.push(*position),
            Resolved::Literal(_) | Resolved::Raise(..) => {}
            Resolved::Unary(_, operand)
            | Resolved::IsNull { operand, .. }
            | Resolved::IsTruth { operand, .. }
            | Resolved::Cast(operand, _) => operand.collect_columns(positions),
            Resolved::Compare { operands, .. }
            | Resolved::Arithmetic(_, operands)
            | Resolved::Concat(operands) => collect_all(operands.as_slice(), positions),
            Resolved::CompareRows { pairs, .. } => {
                pairs.iter().for_each(|(pair, _)| collect_all(pair, positions));
            }
            Resolved::Member { operands, position, .. } => {
                positions.push(*position);
                collect_all(operands, positions);
            }
            Resolved::Between { operands, .. } => collect_all(operands.as_slice(), positions),
            Resolved::And(operands)
            | Resolved::Or(operands)
            | Resolved::Case(operands)
            | Resolved::Match { operands, .. } => collect_all(operands, positions),
            Resolved::Call { arguments, .. } => collect_all(arguments, positions),
            Resolved::In { operand, items, .. } => {
                operand.collect_columns(positions);
                collect_all(items, positions);
            }
        }
    }
}

fn collect_all(operands: &[Resolved], positions: &mut Vec<usize>) {
    for operand in operands {
        operand.collect_columns(positions);
    }
}
