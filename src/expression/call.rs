//! The call of a function: of one that computes, or of an aggregate.

use super::{Expression, Node};
use std::sync::Arc;

/// A function, its arguments, and what an aggregate has besides.
///
/// ```
/// use ondelete::expression::{Call, Expression, col};
/// let names: Expression =
///     Call::new("group_concat", [col("name")]).distinct().filter(col("age").gt(18)).into();
/// assert_eq!(names.to_string(), "group_concat(DISTINCT name) FILTER (WHERE age > 18)");
/// assert_eq!(Expression::from(Call::star("count")).to_string(), "count(*)");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    name: Arc<str>,
    arguments: Arguments,
    filter: Option<Expression>,
}

#[derive(Clone, Debug, PartialEq)]
enum Arguments {
    Star,
    All(Vec<Expression>),
    Distinct(Vec<Expression>),
}

impl Call {
    /// `name(arguments)`
    pub fn new<A: Into<Expression>>(
        name: impl Into<Arc<str>>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Call {
        let arguments = Arguments::All(arguments.into_iter().map(Into::into).collect());
        Call { name: name.into(), arguments, filter: None }
    }

    /// `name(*)`
    pub fn star(name: impl Into<Arc<str>>) -> Call {
        Call { name: name.into(), arguments: Arguments::Star, filter: None }
    }

    /// `name(DISTINCT arguments)`: equal values go in once.
    #[must_use]
    pub fn distinct(self) -> Call {
        let arguments = match self.arguments {
            Arguments::All(arguments) => Arguments::Distinct(arguments),
            other => other,
        };
        Call { arguments, ..self }
    }

    /// `FILTER (WHERE …)`: only rows for which this is true go in.
    #[must_use]
    pub fn filter(self, predicate: impl Into<Expression>) -> Call {
        Call { filter: Some(predicate.into()), ..self }
    }

    /// The function's name, as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments; none for `*`.
    pub fn arguments(&self) -> &[Expression] {
        match &self.arguments {
            Arguments::Star => &[],
            Arguments::All(arguments) | Arguments::Distinct(arguments) => arguments,
        }
    }

    /// Whether the argument is `*`.
    pub fn is_star(&self) -> bool {
        self.arguments == Arguments::Star
    }

    /// Whether equal values go in once.
    pub fn is_distinct(&self) -> bool {
        matches!(self.arguments, Arguments::Distinct(_))
    }

    /// Which rows go in.
    pub fn filter_given(&self) -> Option<&Expression> {
        self.filter.as_ref()
    }

    /// Arguments and filter.
    pub(super) fn operands(&self) -> impl Iterator<Item = &Expression> {
        self.arguments().iter().chain(&self.filter)
    }

    pub(super) fn operands_mut(&mut self) -> impl Iterator<Item = &mut Expression> {
        let arguments: &mut [Expression] = match &mut self.arguments {
            Arguments::Star => &mut [],
            Arguments::All(arguments) | Arguments::Distinct(arguments) => arguments,
        };
        arguments.iter_mut().chain(&mut self.filter)
    }
}

impl From<Call> for Expression {
    fn from(call: Call) -> Expression {
        Expression::over(Node::Call(Arc::new(call)))
    }
}
