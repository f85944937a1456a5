//! Expressions as SQL that SQLite parses back to the same meaning.
//!
//! Parentheses stand where SQLite's precedence demands them, and besides around a comparison within
//! a comparison: `a = b = c` is legal SQL, and misread by everyone.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::{Arithmetic, Call, Comparison, Expression, Node, Pattern, Raise, Unary};
use crate::value::Value;

/// How tightly an expression holds together; the order is that of SQLite's grammar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Comparison,
    Bits,
    Sum,
    Product,
    Concat,
    Collate,
    Unary,
    Primary,
}

/// SQL text. What was too deep to build prints as a remark in angle brackets, which is no SQL.
impl Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Column(name) => name.fmt(f),
            Node::Literal(value) => value.fmt(f),
            Node::Parameter(number) => write!(f, "?{number}"),
            Node::Unary(Unary::Not, operand) => prefix(f, "NOT ", operand, Level::Not),
            Node::Unary(operator, operand) => prefix(f, operator.symbol(), operand, Level::Primary),
            Node::IsNull { operand, negated } => {
                let test = if *negated { " IS NOT NULL" } else { " IS NULL" };
                postfix(f, operand, Level::Bits, test)
            }
            Node::IsTruth { operand, expected, negated } => {
                let test = match (expected, negated) {
                    (true, false) => " IS TRUE",
                    (true, true) => " IS NOT TRUE",
                    (false, false) => " IS FALSE",
                    (false, true) => " IS NOT FALSE",
                };
                postfix(f, operand, Level::Bits, test)
            }
            Node::Compare(comparison, operands) => {
                infix(f, operands, comparison.symbol(), Level::Bits, Level::Bits)
            }
            Node::And(operands) => chain(f, operands, " AND ", Level::Not),
            Node::Or(operands) => chain(f, operands, " OR ", Level::And),
            Node::Arithmetic(operator, operands) => {
                let (left, right) = operator.levels();
                infix(f, operands, operator.symbol(), left, right)
            }
            Node::Concat(operands) => infix(f, operands, "||", Level::Concat, Level::Collate),
            Node::In { operand, items, negated } => {
                let operator = if *negated { " NOT IN (" } else { " IN (" };
                postfix(f, operand, Level::Bits, operator)?;
                chain(f, items, ", ", Level::Or)?;
                f.write_str(")")
            }
            Node::Between { operands, negated } => between(f, operands, *negated),
            Node::Match { pattern, operands, negated } => {
                let not = if *negated { "NOT " } else { "" };
                within(f, &operands[0], Level::Bits)?;
                write!(f, " {not}{} ", pattern.symbol())?;
                let separator = " ESCAPE ";
                chain(f, &operands[1..], separator, Level::Bits)
            }
            Node::Case { branches, otherwise } => write_case(f, branches, otherwise.as_deref()),
            Node::Cast(operand, data_type) => write!(f, "CAST({operand} AS {data_type})"),
            Node::Declared(operand, _) => operand.fmt(f),
            Node::Collate(operand, collation) => {
                within(f, operand, Level::Collate)?;
                write!(f, " COLLATE {collation}")
            }
            Node::Call(call) => call.fmt(f),
            Node::Row(values) => {
                f.write_str("(")?;
                chain(f, values, ", ", Level::Or)?;
                f.write_str(")")
            }
            Node::Subquery(subquery) => write!(f, "({subquery})"),
            Node::Exists(subquery) => write!(f, "EXISTS ({subquery})"),
            Node::InSubquery { operand, subquery, negated } => {
                let operator = if *negated { " NOT IN (" } else { " IN (" };
                postfix(f, operand, Level::Bits, operator)?;
                write!(f, "{subquery})")
            }
            Node::Raise(Raise::Ignore, _) => f.write_str("RAISE (IGNORE)"),
            Node::Raise(raise, message) => {
                write!(f, "RAISE ({raise}, {})", Value::from(&**message))
            }
            Node::TooDeep => f.write_str("<expression nested too deep>"),
        }
    }
}

fn level(expression: &Expression) -> Level {
    match &expression.node {
        Node::Literal(value) if is_negative(value) => Level::Unary,
        Node::Column(_)
        | Node::Literal(_)
        | Node::Parameter(_)
        | Node::Case { .. }
        | Node::Cast(..)
        | Node::Call(_)
        | Node::Row(_)
        | Node::Subquery(_)
        | Node::Exists(_)
        | Node::Raise(..)
        | Node::TooDeep => Level::Primary,
        Node::Unary(Unary::Not, _) => Level::Not,
        Node::Unary(..) => Level::Unary,
        Node::Declared(operand, _) => level(operand),
        Node::Collate(..) => Level::Collate,
        Node::Concat(_) => Level::Concat,
        Node::Arithmetic(operator, _) => operator.levels().0,
        Node::IsNull { .. }
        | Node::Compare(..)
        | Node::In { .. }
        | Node::IsTruth { .. }
        | Node::Between { .. }
        | Node::InSubquery { .. }
        | Node::Match { .. } => Level::Comparison,
        Node::And(_) => Level::And,
        Node::Or(_) => Level::Or,
    }
}

fn is_negative(value: &Value) -> bool {
    match value {
        Value::Integer(integer) => *integer < 0,
        Value::Real(real) => real.is_sign_negative() && !real.is_nan(),
        Value::Null | Value::Text(_) | Value::Blob(_) => false,
    }
}

/// Prints the expression, in parentheses unless it holds together at least as tightly as `least`.
fn within(f: &mut fmt::Formatter<'_>, expression: &Expression, least: Level) -> fmt::Result {
    if level(expression) >= least {
        return expression.fmt(f);
    }
    f.write_str("(")?;
    expression.fmt(f)?;
    f.write_str(")")
}

fn prefix(
    f: &mut fmt::Formatter<'_>,
    sign: &str,
    operand: &Expression,
    least: Level,
) -> fmt::Result {
    f.write_str(sign)?;
    within(f, operand, least)
}

fn postfix(
    f: &mut fmt::Formatter<'_>,
    operand: &Expression,
    least: Level,
    sign: &str,
) -> fmt::Result {
    within(f, operand, least)?;
    f.write_str(sign)
}

fn infix(
    f: &mut fmt::Formatter<'_>,
    operands: &[Expression; 2],
    operator: &str,
    left: Level,
    right: Level,
) -> fmt::Result {
    within(f, &operands[0], left)?;
    f.write_str(" ")?;
    f.write_str(operator)?;
    f.write_str(" ")?;
    within(f, &operands[1], right)
}

fn chain(
    f: &mut fmt::Formatter<'_>,
    operands: &[Expression],
    separator: &str,
    least: Level,
) -> fmt::Result {
    for (position, operand) in operands.iter().enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        within(f, operand, least)?;
    }
    Ok(())
}

fn between(f: &mut fmt::Formatter<'_>, operands: &[Expression; 3], negated: bool) -> fmt::Result {
    let [operand, low, high] = operands;
    postfix(f, operand, Level::Bits, if negated { " NOT BETWEEN " } else { " BETWEEN " })?;
    postfix(f, low, Level::Bits, " AND ")?;
    within(f, high, Level::Bits)
}

fn write_case(
    f: &mut fmt::Formatter<'_>,
    branches: &[[Expression; 2]],
    otherwise: Option<&Expression>,
) -> fmt::Result {
    f.write_str("CASE")?;
    for [condition, result] in branches {
        write!(f, " WHEN {condition} THEN {result}")?;
    }
    if let Some(otherwise) = otherwise {
        write!(f, " ELSE {otherwise}")?;
    }
    f.write_str(" END")
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_function_name(f, self.name())?;
        f.write_str(match (self.is_star(), self.is_distinct()) {
            (true, _) => "(*",
            (false, true) => "(DISTINCT ",
            (false, false) => "(",
        })?;
        chain(f, self.arguments(), ", ", Level::Or)?;
        f.write_str(")")?;
        match self.filter_given() {
            Some(filter) => write!(f, " FILTER (WHERE {filter})"),
            None => Ok(()),
        }
    }
}

/// The name of a function; some keywords are one unquoted.
fn write_function_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if ["replace", "like", "glob", "if"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return f.write_str(name);
    }
    f.write_str(&quote_identifier(name))
}

impl Unary {
    fn symbol(self) -> &'static str {
        match self {
            Unary::Not => "NOT ",
            Unary::Negate => "-",
            Unary::Plus => "+",
            Unary::Complement => "~",
        }
    }
}

impl Pattern {
    fn symbol(self) -> &'static str {
        match self {
            Pattern::Like => "LIKE",
            Pattern::Glob => "GLOB",
        }
    }
}

impl Comparison {
    fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Is => "IS",
            Comparison::IsNot => "IS NOT",
        }
    }
}

impl Arithmetic {
    fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
            Arithmetic::BitAnd => "&",
            Arithmetic::BitOr => "|",
            Arithmetic::ShiftLeft => "<<",
            Arithmetic::ShiftRight => ">>",
        }
    }

    /// The levels of the left and the right operand; the left one is the operator's own.
    fn levels(self) -> (Level, Level) {
        match self {
            Arithmetic::Add | Arithmetic::Subtract => (Level::Sum, Level::Product),
            Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder => {
                (Level::Product, Level::Concat)
            }
            Arithmetic::BitAnd
            | Arithmetic::BitOr
            | Arithmetic::ShiftLeft
            | Arithmetic::ShiftRight => (Level::Bits, Level::Sum),
        }
    }
}

/// The name as an identifier of SQL, in double quotes unless it can go without.
///
/// It can if it is made of ASCII letters, digits and underscores, does not begin with a digit and is
/// no keyword of SQLite. TRUE and FALSE count as keywords.
///
/// # Examples
///
/// ```
/// use ondelete::expression::quote_identifier;
///
/// assert_eq!(quote_identifier("author_id"), "author_id");
/// assert_eq!(quote_identifier("order"), r#""order""#);
/// assert_eq!(quote_identifier(r#"5" disk"#), r#""5"" disk""#);
/// ```
pub fn quote_identifier(name: &str) -> Cow<'_, str> {
    if is_plain(name) && !is_keyword(name) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(plain) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn is_keyword(name: &str) -> bool {
    KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_ok()
}

/// SQLite's keywords, and TRUE and FALSE, in order.
#[rustfmt::skip]
const KEYWORDS: [&str; 149] = [
    "ABORT", "ACTION", "ADD", "AFTER", "ALL", "ALTER", "ALWAYS", "ANALYZE", "AND", "AS", "ASC",
    "ATTACH", "AUTOINCREMENT", "BEFORE", "BEGIN", "BETWEEN", "BY", "CASCADE", "CASE", "CAST",
    "CHECK", "COLLATE", "COLUMN", "COMMIT", "CONFLICT", "CONSTRAINT", "CREATE", "CROSS", "CURRENT",
    "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "DATABASE", "DEFAULT", "DEFERRABLE",
    "DEFERRED", "DELETE", "DESC", "DETACH", "DISTINCT", "DO", "DROP", "EACH", "ELSE", "END",
    "ESCAPE", "EXCEPT", "EXCLUDE", "EXCLUSIVE", "EXISTS", "EXPLAIN", "FAIL", "FALSE", "FILTER",
    "FIRST", "FOLLOWING", "FOR", "FOREIGN", "FROM", "FULL", "GENERATED", "GLOB", "GROUP", "GROUPS",
    "HAVING", "IF", "IGNORE", "IMMEDIATE", "IN", "INDEX", "INDEXED", "INITIALLY", "INNER", "INSERT",
    "INSTEAD", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "KEY", "LAST", "LEFT", "LIKE", "LIMIT",
    "MATCH", "MATERIALIZED", "NATURAL", "NO", "NOT", "NOTHING", "NOTNULL", "NULL", "NULLS", "OF",
    "OFFSET", "ON", "OR", "ORDER", "OTHERS", "OUTER", "OVER", "PARTITION", "PLAN", "PRAGMA",
    "PRECEDING", "PRIMARY", "QUERY", "RAISE", "RANGE", "RECURSIVE", "REFERENCES", "REGEXP",
    "REINDEX", "RELEASE", "RENAME", "REPLACE", "RESTRICT", "RETURNING", "RIGHT", "ROLLBACK", "ROW",
    "ROWS", "SAVEPOINT", "SELECT", "SET", "TABLE", "TEMP", "TEMPORARY", "THEN", "TIES", "TO",
    "TRANSACTION", "TRIGGER", "TRUE", "UNBOUNDED", "UNION", "UNIQUE", "UPDATE", "USING", "VACUUM",
    "VALUES", "VIEW", "VIRTUAL", "WHEN", "WHERE", "WINDOW", "WITH", "WITHOUT",
];

#[cfg(test)]
mod tests {
    use super::super::{case, col, function, lit};
    use super::*;
    use crate::value::{Collation, DataType};

    fn shows(expression: Expression, text: &str) {
        assert_eq!(expression.to_string(), text);
    }

    #[test]
    fn parentheses_are_few() {
        shows(col("b").lt(100), "b < 100");
        shows((col("a") + 1).gt(col("b")).and(col("c").is_null()), "a + 1 > b AND c IS NULL");
        shows(col("a").or(col("b")).and(col("c")), "(a OR b) AND c");
        shows(col("a").and(col("b")).or(col("c").not()), "a AND b OR NOT c");
        shows(col("a").eq(col("b")).not(), "NOT a = b");
        shows(col("a").not().eq(col("b")), "(NOT a) = b");
        shows(col("a").eq(col("b")).eq(col("c")), "(a = b) = c");
        shows(col("a") - (col("b") - col("c")), "a - (b - c)");
        shows((col("a") - col("b")) - col("c"), "a - b - c");
        shows((col("a") + 1) * 2, "(a + 1) * 2");
        shows(col("a").concat(col("b") * 2), "a || (b * 2)");
        shows(col("a").concat("x").concat("y"), "a || 'x' || 'y'");
    }

    #[test]
    fn signs_are_no_comments() {
        shows(-lit(5), "-5");
        shows(-lit(-5), "-(-5)");
        shows(-(-col("a")), "-(-a)");
        shows(col("a") - -5, "a - -5");
        shows(-(col("a").collate(Collation::NoCase)), "-(a COLLATE NOCASE)");
        shows((-col("a")).collate(Collation::NoCase), "-a COLLATE NOCASE");
    }

    #[test]
    fn every_form_is_shown() {
        shows(col("a").is(lit(Value::Null)), "a IS NULL");
        shows(col("a").is_not(1), "a IS NOT 1");
        shows(col("a").in_list([1, 2]), "a IN (1, 2)");
        shows(col("a").not_in_list(Vec::<i64>::new()), "a NOT IN ()");
        shows(col("a").between(1, col("b").eq(2)), "a BETWEEN 1 AND (b = 2)");
        shows(col("a").not_like("x%"), "a NOT LIKE 'x%'");
        shows(case([(col("a"), 1)], Some(lit(2))), "CASE WHEN a THEN 1 ELSE 2 END");
        shows(col("a").cast(DataType::Text), "CAST(a AS TEXT)");
        shows(function("replace", [col("a"), lit("x")]), "replace(a, 'x')");
        shows(col("Select").eq(col("x y")), "\"Select\" = \"x y\"");
    }

    #[test]
    fn keywords_are_in_order() {
        assert!(KEYWORDS.is_sorted());
        assert_eq!(quote_identifier("true"), "\"true\"");
        assert_eq!(quote_identifier(""), "\"\"");
        assert_eq!(quote_identifier("_1"), "_1");
        assert_eq!(quote_identifier("1a"), "\"1a\"");
        assert_eq!(quote_identifier("é"), "\"é\"");
    }
}
