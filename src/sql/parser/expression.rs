//! Expressions: the crate's tree into ours.
//!
//! One small function per form: the parser's limit of levels then fits a small stack.

use super::tokens::{Kind, Token, unquote};
use super::{ARGUMENTS_MAX, Adapter, at_most, collation_of, refuse, unsupported};
use crate::error::Result;
use crate::expression::{
    Call, ColumnName, Expression, Raise, case, col, exists, function, lit, parameter, raise,
    row_value, subquery,
};
use crate::query::{Select, Source};
use crate::value::{DataType, Value};
use turso_parser::ast::{
    Distinctness, Expr, FunctionTail, LikeOperator, Literal, Name, Operator, ResolveType,
    Select as ForeignSelect, Type, TypeSize, UnaryOperator,
};

impl Adapter<'_> {
    pub(super) fn expression(&self, expression: &Expr) -> Result<Expression> {
        match expression {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Id(name) | Expr::Name(name) => Ok(column(None, name)),
            Expr::Qualified(table, name) => {
                let of_row = self.names.row_column(table.as_str(), name.as_str());
                Ok(of_row.unwrap_or_else(|| column(Some(table), name)))
            }
            Expr::DoublyQualified(schema, table, name) => {
                let name = ColumnName::from((table.as_str(), name.as_str()));
                Ok(col(name.within(schema.as_str())))
            }
            Expr::Variable(variable) => Ok(parameter(variable.index.get() as usize)),
            Expr::Parenthesized(values) => self.parenthesized(values),
            Expr::Unary(operator, operand) => self.unary(*operator, operand),
            Expr::Binary(left, operator, right) => self.binary(left, *operator, right),
            Expr::IsNull(operand) => Ok(self.expression(operand)?.is_null()),
            Expr::NotNull(operand) => Ok(self.expression(operand)?.is_not_null()),
            Expr::Between { lhs, not, start, end } => self.between(lhs, *not, start, end),
            Expr::Case { base, when_then_pairs, else_expr } => {
                self.case(base.as_deref(), when_then_pairs, else_expr.as_deref())
            }
            Expr::Cast { expr, type_name } => self.cast(expr, type_name.as_ref()),
            Expr::Collate(operand, name) => {
                let operand = self.expression(operand)?;
                match collation_of(name) {
                    Err(_) if self.names.is_never_run() => Ok(operand),
                    collation => Ok(operand.collate(collation?)),
                }
            }
            Expr::Exists(query) => self.exists(query),
            Expr::Subquery(query) => self.subquery(query),
            Expr::FunctionCall {
                name,
                distinctness,
                args,
                order_by,
                within_group,
                filter_over,
            } => {
                if !order_by.is_empty() || !within_group.is_empty() {
                    return unsupported("ORDER BY in an aggregate");
                }
                self.call(name, *distinctness, args, filter_over)
            }
            Expr::FunctionCallStar { name, filter_over } => {
                self.tail(Call::star(name.as_str()), filter_over)
            }
            Expr::InList { lhs, not, rhs } => self.in_list(lhs, *not, rhs),
            Expr::InSelect { lhs, not, rhs } => self.in_select(lhs, *not, rhs),
            Expr::InTable { lhs, not, rhs, args } => {
                let schema = rhs.db_name.as_ref().map(Name::as_str);
                self.in_table(lhs, *not, schema, rhs.name.as_str(), args)
            }
            Expr::Like { lhs, not, op, rhs, escape } => {
                self.like(lhs, *not, *op, rhs, escape.as_deref())
            }
            Expr::Raise(..) if !self.in_trigger.get() => {
                refuse("RAISE() may only be used within a trigger-program")
            }
            Expr::Raise(kind, message) => raised(*kind, message.as_deref()),
            Expr::Default
            | Expr::Array { .. }
            | Expr::Subscript { .. }
            | Expr::FieldAccess { .. } => unsupported("arrays and fields"),
            Expr::Register(_)
            | Expr::Column { .. }
            | Expr::RowId { .. }
            | Expr::SubqueryResult { .. } => unsupported("this expression"),
        }
    }

    fn literal(&self, literal: &Literal) -> Result<Expression> {
        Ok(match literal {
            Literal::Numeric(text) => lit(number(text)?),
            Literal::String(text) => lit(unquote(text)),
            Literal::Blob(text) => lit(Value::Blob(blob(text)?.into())),
            Literal::Keyword(word) => col(word.as_str()),
            Literal::Null => lit(Value::Null),
            Literal::True => lit(1),
            Literal::False => lit(0),
            Literal::CurrentDate => function("current_date", Vec::<Expression>::new()),
            Literal::CurrentTime => function("current_time", Vec::<Expression>::new()),
            Literal::CurrentTimestamp => function("current_timestamp", Vec::<Expression>::new()),
        })
    }

    pub(super) fn expressions(&self, list: &[Box<Expr>]) -> Result<Vec<Expression>> {
        list.iter().map(|expression| self.expression(expression)).collect()
    }

    fn parenthesized(&self, values: &[Box<Expr>]) -> Result<Expression> {
        match values {
            [only] => self.expression(only),
            values => Ok(row_value(self.expressions(values)?)),
        }
    }

    fn unary(&self, operator: UnaryOperator, operand: &Expr) -> Result<Expression> {
        if let (UnaryOperator::Negative, Expr::Literal(Literal::Numeric(text))) =
            (operator, operand)
            && text.trim_start_matches('0') == LEAST_NEGATED
        {
            return Ok(lit(i64::MIN));
        }
        let operand = self.expression(operand)?;
        Ok(match operator {
            UnaryOperator::Not => operand.not(),
            UnaryOperator::Negative => operand.negate(),
            UnaryOperator::Positive => operand.plus(),
            UnaryOperator::BitwiseNot => operand.complement(),
        })
    }

    fn binary(&self, left: &Expr, operator: Operator, right: &Expr) -> Result<Expression> {
        if let (Operator::Is | Operator::IsNot, Expr::Literal(truth)) = (operator, right)
            && matches!(truth, Literal::True | Literal::False)
        {
            let left = self.expression(left)?;
            return Ok(match (operator, truth) {
                (Operator::Is, Literal::True) => left.is_true(),
                (Operator::Is, _) => left.is_false(),
                (_, Literal::True) => left.is_not_true(),
                (_, _) => left.is_not_false(),
            });
        }
        let left = self.expression(left)?;
        let right = self.expression(right)?;
        operate(left, operator, right)
    }

    fn between(&self, operand: &Expr, not: bool, low: &Expr, high: &Expr) -> Result<Expression> {
        let operand = self.expression(operand)?;
        let (low, high) = (self.expression(low)?, self.expression(high)?);
        Ok(if not { operand.not_between(low, high) } else { operand.between(low, high) })
    }

    fn case(
        &self,
        base: Option<&Expr>,
        pairs: &[(Box<Expr>, Box<Expr>)],
        otherwise: Option<&Expr>,
    ) -> Result<Expression> {
        let base = base.map(|base| self.expression(base)).transpose()?;
        let mut branches = Vec::with_capacity(pairs.len());
        for (when, then) in pairs {
            let when = self.expression(when)?;
            let condition = match &base {
                Some(base) => base.clone().eq(when),
                None => when,
            };
            branches.push((condition, self.expression(then)?));
        }
        let otherwise = otherwise.map(|otherwise| self.expression(otherwise)).transpose()?;
        Ok(case(branches, otherwise))
    }

    fn cast(&self, operand: &Expr, data_type: Option<&Type>) -> Result<Expression> {
        let operand = self.expression(operand)?;
        let declared = data_type.map(type_text).unwrap_or_default();
        Ok(match DataType::of_declared(&declared) {
            // CAST to nothing is a CAST to a blob's affinity, which is none.
            DataType::Any => operand,
            data_type => operand.cast(data_type),
        })
    }

    fn exists(&self, query: &ForeignSelect) -> Result<Expression> {
        Ok(exists(self.query(query)?))
    }

    fn subquery(&self, query: &ForeignSelect) -> Result<Expression> {
        Ok(subquery(self.query(query)?))
    }

    fn call(
        &self,
        name: &Name,
        distinctness: Option<Distinctness>,
        arguments: &[Box<Expr>],
        tail: &FunctionTail,
    ) -> Result<Expression> {
        let what = || format!("arguments on function {}", name.as_str());
        at_most(ARGUMENTS_MAX, arguments.len(), &what())?;
        let call = Call::new(name.as_str(), self.expressions(arguments)?);
        match distinctness {
            Some(Distinctness::Distinct) => self.tail(call.distinct(), tail),
            Some(Distinctness::All) | None => self.tail(call, tail),
        }
    }

    fn tail(&self, call: Call, tail: &FunctionTail) -> Result<Expression> {
        if tail.over_clause.is_some() {
            return unsupported("window functions");
        }
        Ok(match &tail.filter_clause {
            Some(filter) => call.filter(self.expression(filter)?).into(),
            None => call.into(),
        })
    }

    fn in_list(&self, operand: &Expr, not: bool, items: &[Box<Expr>]) -> Result<Expression> {
        let operand = self.expression(operand)?;
        let items = self.expressions(items)?;
        if let Some(width) = operand.row_values().map(<[_]>::len)
            && !items.is_empty()
        {
            return Ok(in_query(operand, not, Select::values(rows_of_list(items, width)?)));
        }
        Ok(if not { operand.not_in_list(items) } else { operand.in_list(items) })
    }

    fn in_select(&self, operand: &Expr, not: bool, query: &ForeignSelect) -> Result<Expression> {
        let operand = self.expression(operand)?;
        Ok(in_query(operand, not, self.query(query)?))
    }

    fn in_table(
        &self,
        operand: &Expr,
        not: bool,
        schema: Option<&str>,
        table: &str,
        arguments: &[Box<Expr>],
    ) -> Result<Expression> {
        let operand = self.expression(operand)?;
        let source: Source = match arguments {
            [] => self.named_source(schema, table)?,
            arguments => self.names.table_function(table, self.expressions(arguments)?)?,
        };
        Ok(in_query(operand, not, self.with_around(Select::from(source))))
    }

    fn like(
        &self,
        subject: &Expr,
        not: bool,
        operator: LikeOperator,
        pattern: &Expr,
        escape: Option<&Expr>,
    ) -> Result<Expression> {
        let (subject, pattern) = (self.expression(subject)?, self.expression(pattern)?);
        let matched = match (operator, escape) {
            (LikeOperator::Like, Some(escape)) => {
                subject.like_escape(pattern, self.expression(escape)?)
            }
            (LikeOperator::Like, None) if not => return Ok(subject.not_like(pattern)),
            (LikeOperator::Like, None) => subject.like(pattern),
            (LikeOperator::Glob, None) if not => return Ok(subject.not_glob(pattern)),
            (LikeOperator::Glob, None) => subject.glob(pattern),
            (LikeOperator::Regexp, _) => return refuse("no such function: REGEXP"),
            (LikeOperator::Match, _) => {
                return refuse("unable to use function MATCH in the requested context");
            }
            (LikeOperator::Glob, Some(_)) => {
                return refuse("wrong number of arguments to function GLOB()");
            }
        };
        Ok(if not { matched.not() } else { matched })
    }
}

fn operate(left: Expression, operator: Operator, right: Expression) -> Result<Expression> {
    Ok(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Modulus => left % right,
        Operator::And => left.and(right),
        Operator::Or => left.or(right),
        Operator::Concat => left.concat(right),
        Operator::Equals => left.eq(right),
        Operator::NotEquals => left.ne(right),
        Operator::Less => left.lt(right),
        Operator::LessEquals => left.le(right),
        Operator::Greater => left.gt(right),
        Operator::GreaterEquals => left.ge(right),
        Operator::Is => left.is(right),
        Operator::IsNot => left.is_not(right),
        Operator::BitwiseAnd => left.bit_and(right),
        Operator::BitwiseOr => left.bit_or(right),
        Operator::LeftShift => left.shift_left(right),
        Operator::RightShift => left.shift_right(right),
        Operator::ArrowRight | Operator::ArrowRightShift => return unsupported("JSON"),
        Operator::BitwiseNot | Operator::ArrayContains | Operator::ArrayOverlap => {
            return unsupported("this operator");
        }
    })
}

/// The row values of a list, each so wide.
fn rows_of_list(items: Vec<Expression>, width: usize) -> Result<Vec<Vec<Expression>>> {
    let row = |item: Expression| match item.row_values().map(<[_]>::to_vec) {
        Some(row) if row.len() == width => Ok(row),
        row => {
            let found = row.map_or(1, |row| row.len());
            let terms = if found == 1 { "term" } else { "terms" };
            refuse(format!("IN(...) element has {found} {terms} - expected {width}"))
        }
    };
    items.into_iter().map(row).collect()
}

fn in_query(operand: Expression, not: bool, query: Select) -> Expression {
    if not { operand.not_in_query(query) } else { operand.in_query(query) }
}

fn column(table: Option<&Name>, name: &Name) -> Expression {
    let text = name.as_str();
    match table {
        Some(table) => col((table.as_str(), text)),
        // SQLite takes what is in double quotes for a text where no column has that name.
        None if name.quoted_with('"') => col(ColumnName::or_text(text)),
        None => col(text),
    }
}

fn raised(kind: ResolveType, message: Option<&Expr>) -> Result<Expression> {
    let kind = match kind {
        ResolveType::Ignore => return Ok(raise(Raise::Ignore, "")),
        ResolveType::Abort => Raise::Abort,
        ResolveType::Fail => Raise::Fail,
        ResolveType::Rollback => Raise::Rollback,
        ResolveType::Replace => return unsupported("RAISE (REPLACE)"),
    };
    match message {
        Some(Expr::Literal(Literal::String(text))) => Ok(raise(kind, unquote(text))),
        Some(Expr::Id(name) | Expr::Name(name)) => Ok(raise(kind, name.as_str())),
        Some(_) | None => unsupported("a computed message of RAISE"),
    }
}

/// The name of a type without the quotes around all of it.
fn unquoted_type(name: &str) -> &str {
    let mut characters = name.chars();
    let (first, last) = (characters.next(), characters.next_back());
    let inner = characters.as_str();
    match (first, last) {
        (Some('"'), Some('"'))
        | (Some('`'), Some('`'))
        | (Some('\''), Some('\''))
        | (Some('['), Some(']'))
            if !inner.contains(['"', '`', '\'', ']']) =>
        {
            inner
        }
        _ => name,
    }
}

/// A declared type as it was written, its words one space apart.
pub(super) fn type_text(data_type: &Type) -> String {
    let size = |size: &Expr| match size {
        Expr::Literal(Literal::Numeric(text)) => text.clone(),
        Expr::Unary(UnaryOperator::Negative, inner) => match &**inner {
            Expr::Literal(Literal::Numeric(text)) => format!("-{text}"),
            _ => String::new(),
        },
        Expr::Unary(UnaryOperator::Positive, inner) => match &**inner {
            Expr::Literal(Literal::Numeric(text)) => format!("+{text}"),
            _ => String::new(),
        },
        Expr::Id(name) | Expr::Name(name) => name.as_str().to_owned(),
        _ => String::new(),
    };
    let name = unquoted_type(&data_type.name);
    match &data_type.size {
        None => name.to_owned(),
        Some(TypeSize::MaxSize(one)) => format!("{name}({})", size(one)),
        Some(TypeSize::TypeSize(one, two)) => {
            format!("{name}({},{})", size(one), size(two))
        }
    }
}

/// The value of a literal; `None` for one that means something else with what is before it.
pub fn literal(token: &Token<'_>) -> Option<Value> {
    match token.kind {
        Kind::Text => Some(unquote(token.text).into()),
        Kind::Blob => Some(Value::Blob(blob(token.text).ok()?.into())),
        Kind::Number if token.text.trim_start_matches('0') == LEAST_NEGATED => None,
        Kind::Number => match token.text.parse() {
            Ok(integer) => Some(Value::Integer(integer)),
            // With underscores, in hexadecimal or none at all: the parser tells.
            Err(_) if token.text.parse::<f64>().is_err() => None,
            Err(_) => Some(Value::Text(token.text.into()).cast(DataType::Real)),
        },
        Kind::Word | Kind::Quoted | Kind::Parameter | Kind::Sign => None,
    }
}

/// The digits of the least integer, which has no positive one to be the negative of.
const LEAST_NEGATED: &str = "9223372036854775808";

/// A number as SQLite reads it: an integer if it is one of 64 bits, else a real.
fn number(text: &str) -> Result<Value> {
    if let Ok(integer) = text.parse() {
        return Ok(Value::Integer(integer));
    }
    let digits = text.replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return match u64::from_str_radix(hex, 16) {
            Ok(bits) => Ok(Value::Integer(bits as i64)),
            Err(_) => refuse(format!("hex literal too big: {text}")),
        };
    }
    if let Ok(integer) = digits.parse::<i64>() {
        return Ok(Value::Integer(integer));
    }
    Ok(Value::Text(digits.into()).cast(DataType::Real))
}

fn blob(text: &str) -> Result<Vec<u8>> {
    let digits = text.get(2..text.len().saturating_sub(1)).unwrap_or_default().as_bytes();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    match digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>() {
        Some(bytes) if digits.len() % 2 == 0 => Ok(bytes),
        _ => refuse(format!("unrecognized token: \"{text}\"")),
    }
}
