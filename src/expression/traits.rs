//! What an operand brings to a comparison, and the rule that follows from two of them.
//!
//! # Standard
//!
//! SQLite, `sqlite3ExprAffinity`, `sqlite3CompareAffinity`, `sqlite3ExprCollSeq`,
//! `sqlite3BinaryCompareCollSeq`, and `sqlite3ExprDataType` for [`Types`].

use super::bind::ColumnInfo;
use super::resolved::{Resolved, Rule};
use super::{Expression, Node};
use crate::value::{Affinity, Collation, Value};

/// Of which types a value may be, as far as the form of its expression tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Types {
    pub(crate) number: bool,
    pub(crate) text: bool,
}

impl Types {
    const NONE: Types = Types { number: false, text: false };
    const NUMBER: Types = Types { number: true, text: false };
    const TEXT: Types = Types { number: false, text: true };
    pub(crate) const ANY: Types = Types { number: true, text: true };

    /// Those of either.
    pub(crate) fn or(self, other: Types) -> Types {
        Types { number: self.number || other.number, text: self.text || other.text }
    }

    /// Those of a column of this affinity.
    pub(crate) fn of_affinity(affinity: Option<Affinity>) -> Types {
        match affinity {
            Some(affinity) if affinity.is_numeric() => Types::NUMBER,
            Some(Affinity::Text) => Types::TEXT,
            Some(_) | None => Types::ANY,
        }
    }

    /// Those of a tree of this affinity. A CASE has those of its results instead.
    pub(super) fn of(tree: &Resolved, affinity: Option<Affinity>) -> Types {
        match tree {
            Resolved::Literal(Value::Null | Value::Blob(_)) => Types::NONE,
            Resolved::Literal(Value::Text(_)) | Resolved::Concat(_) => Types::TEXT,
            Resolved::Column(_) | Resolved::Cast(..) => Types::of_affinity(affinity),
            Resolved::Call { .. } | Resolved::Match { .. } => Types::ANY,
            Resolved::Literal(Value::Integer(_) | Value::Real(_))
            | Resolved::Unary(..)
            | Resolved::IsNull { .. }
            | Resolved::IsTruth { .. }
            | Resolved::Compare { .. }
            | Resolved::CompareRows { .. }
            | Resolved::And(_)
            | Resolved::Or(_)
            | Resolved::Arithmetic(..)
            | Resolved::In { .. }
            | Resolved::Member { .. }
            | Resolved::Between { .. }
            | Resolved::Case(_)
            | Resolved::Raise(..) => Types::NUMBER,
        }
    }
}

/// What an operand contributes to a comparison.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    // None is no affinity, which is not that of a column without a type.
    pub(super) affinity: Option<Affinity>,
    pub(super) collation: Option<Collation>,
    // Whether the collation comes from a COLLATE, in the operand or anywhere below it.
    pub(super) explicit: bool,
    // Whether there is no column in it.
    pub(super) constant: bool,
    // None until it is part of what is resolved.
    pub(super) types: Types,
}

impl Traits {
    pub(super) const LITERAL: Traits = Traits {
        affinity: None,
        collation: None,
        explicit: false,
        constant: true,
        types: Types::NONE,
    };

    pub(super) fn of_column(column: ColumnInfo) -> Traits {
        let ColumnInfo { affinity, collation, is_explicit: explicit, .. } = column;
        let types = Types::of_affinity(affinity);
        Traits { affinity, collation, explicit, constant: false, types }
    }

    /// Those of an operator: nothing but the first COLLATE among its operands.
    pub(super) fn of_operator(operands: impl IntoIterator<Item = Traits>) -> Traits {
        operands.into_iter().fold(Traits::LITERAL, |found, operand| Traits {
            affinity: None,
            collation: if found.explicit || !operand.explicit {
                found.collation
            } else {
                operand.collation
            },
            explicit: found.explicit || operand.explicit,
            constant: found.constant && operand.constant,
            types: Types::NONE,
        })
    }
}

impl Rule {
    pub(super) fn new(left: Traits, right: Traits) -> Rule {
        let collation = if left.explicit {
            left.collation
        } else if right.explicit {
            right.collation
        } else {
            left.collation.or(right.collation)
        };
        Rule {
            affinity: comparison_affinity(left.affinity, right.affinity),
            collation: collation.unwrap_or_default(),
            explicit: left.explicit || right.explicit,
        }
    }

    /// Of `left IN (…)`, where only the left operand counts.
    pub(super) fn for_list(left: Traits, items: &[Expression], traits: &[Traits]) -> Rule {
        if let ([item], [item_traits]) = (items, traits)
            && item_traits.constant
            && !matches!(item.node, Node::Collate(..))
        {
            // SQLite rewrites x IN (constant) to x = +constant: a COLLATE within the constant now
            // counts, an affinity does not.
            return Rule::new(left, Traits { affinity: None, ..*item_traits });
        }
        Rule {
            affinity: left.affinity,
            collation: left.collation.unwrap_or_default(),
            explicit: left.explicit,
        }
    }
}

fn comparison_affinity(left: Option<Affinity>, right: Option<Affinity>) -> Option<Affinity> {
    match (left, right) {
        (Some(left), Some(right)) => {
            (left.is_numeric() || right.is_numeric()).then_some(Affinity::Numeric)
        }
        (one, other) => one.or(other),
    }
}
