//! What all parts of the script language share: a cursor over tokens, and expressions.

use super::lexer::{Token, tokenize};
use crate::expression::{Expression, case, col, function, lit};
use crate::value::{Collation, DataType, Value};

/// Why a line cannot be read.
pub(super) type Parsed<T> = Result<T, String>;

/// The tokens of a line that are still to be read.
pub(super) struct Parser {
    /// The next one last.
    tokens: Vec<Token>,
}

impl Parser {
    pub(super) fn new(line: &str) -> Parsed<Self> {
        let mut tokens = tokenize(line)?;
        tokens.reverse();
        Ok(Parser { tokens })
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.last()
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        self.tokens.pop()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn expect_end(&self) -> Parsed<()> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(format!("{token:?} follows where the line should end")),
        }
    }

    /// Whether the next token is this keyword.
    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    /// Takes these keywords if they all follow.
    pub(super) fn take(&mut self, keywords: &str) -> bool {
        let words: Vec<&str> = keywords.split(' ').collect();
        let next = self.tokens.iter().rev();
        let same = |(token, word): (&Token, &&str)| matches!(token, Token::Word(other) if other.eq_ignore_ascii_case(word));
        let follow = self.tokens.len() >= words.len() && next.zip(&words).all(same);
        if follow {
            self.tokens.truncate(self.tokens.len() - words.len());
        }
        follow
    }

    pub(super) fn expect(&mut self, keywords: &str) -> Parsed<()> {
        match self.take(keywords) {
            true => Ok(()),
            false => Err(format!("{keywords:?} is missing before {:?}", self.peek())),
        }
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let follows = matches!(self.peek(), Some(Token::Sign(other)) if *other == sign);
        if follows {
            self.tokens.pop();
        }
        follows
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Parsed<()> {
        match self.take_sign(sign) {
            true => Ok(()),
            false => Err(format!("{sign:?} is missing before {:?}", self.peek())),
        }
    }

    pub(super) fn name(&mut self) -> Parsed<String> {
        match self.next() {
            Some(Token::Word(name) | Token::Quoted(name)) => Ok(name),
            other => Err(format!("a name is due instead of {other:?}")),
        }
    }

    /// `(a, b)`; also `()`.
    pub(super) fn names(&mut self) -> Parsed<Vec<String>> {
        self.list(Parser::name)
    }

    /// `(item, item)`; also `()`.
    pub(super) fn list<T>(&mut self, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_sign("(")?;
        let mut items = Vec::new();
        while !self.take_sign(")") {
            if !items.is_empty() {
                self.expect_sign(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A literal, perhaps with a sign, if one follows.
    pub(super) fn value(&mut self) -> Option<Value> {
        if self.take("null") {
            return Some(Value::Null);
        }
        match (self.peek()?, self.tokens.iter().rev().nth(1)) {
            (Token::Literal(value), _) => {
                let value = value.clone();
                self.tokens.pop();
                Some(value)
            }
            (Token::Sign("-"), Some(Token::Literal(value))) => {
                let negated = match value {
                    Value::Integer(integer) => Value::Integer(-integer),
                    Value::Real(real) => Value::Real(-real),
                    Value::Null | Value::Text(_) | Value::Blob(_) => return None,
                };
                self.tokens.truncate(self.tokens.len() - 2);
                Some(negated)
            }
            _ => None,
        }
    }

    pub(super) fn data_type(&mut self) -> Option<DataType> {
        let types = [
            ("integer", DataType::Integer),
            ("real", DataType::Real),
            ("text", DataType::Text),
            ("blob", DataType::Blob),
            ("boolean", DataType::Boolean),
            ("any", DataType::Any),
        ];
        types.into_iter().find(|(word, _)| self.take(word)).map(|(_, data_type)| data_type)
    }

    pub(super) fn collation(&mut self) -> Parsed<Collation> {
        let collations = [
            ("binary", Collation::Binary),
            ("nocase", Collation::NoCase),
            ("rtrim", Collation::RTrim),
        ];
        let found = collations.into_iter().find(|(word, _)| self.take(word));
        found.map(|(_, collation)| collation).ok_or_else(|| "a collation is due".to_owned())
    }

    // Expressions, from the loosest operator to the tightest.

    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        let mut left = self.conjunction()?;
        while self.take("or") {
            left = left.or(self.conjunction()?);
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let mut left = self.negation()?;
        while self.take("and") {
            left = left.and(self.negation()?);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed<Expression> {
        match self.take("not") {
            true => Ok(self.negation()?.not()),
            false => self.comparison(),
        }
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        let left = self.sum()?;
        if self.take("is not null") {
            return Ok(left.is_not_null());
        }
        if self.take("is null") {
            return Ok(left.is_null());
        }
        if self.take("is not") {
            return Ok(left.is_not(self.sum()?));
        }
        if self.take("is") {
            return Ok(left.is(self.sum()?));
        }
        let negated = self.take("not");
        if self.take("in") {
            let items = self.list(Parser::expression)?;
            return Ok(if negated { left.not_in_list(items) } else { left.in_list(items) });
        }
        if self.take("between") {
            let low = self.sum()?;
            self.expect("and")?;
            let high = self.sum()?;
            return Ok(if negated { left.not_between(low, high) } else { left.between(low, high) });
        }
        if self.take("like") {
            let pattern = self.sum()?;
            return Ok(if negated { left.not_like(pattern) } else { left.like(pattern) });
        }
        type Compare = fn(Expression, Expression) -> Expression;
        let signs: [(&str, Compare); 7] = [
            ("=", Expression::eq),
            ("<>", Expression::ne),
            ("!=", Expression::ne),
            ("<=", Expression::le),
            (">=", Expression::ge),
            ("<", Expression::lt),
            (">", Expression::gt),
        ];
        match signs.into_iter().find(|(sign, _)| self.take_sign(sign)) {
            Some((_, compare)) => Ok(compare(left, self.sum()?)),
            None => Ok(left),
        }
    }

    fn sum(&mut self) -> Parsed<Expression> {
        let mut left = self.product()?;
        loop {
            if self.take_sign("+") {
                left = left + self.product()?;
            } else if self.take_sign("-") {
                left = left - self.product()?;
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Parsed<Expression> {
        let mut left = self.concatenation()?;
        loop {
            if self.take_sign("*") {
                left = left * self.concatenation()?;
            } else if self.take_sign("/") {
                left = left / self.concatenation()?;
            } else if self.take_sign("%") {
                left = left % self.concatenation()?;
            } else {
                return Ok(left);
            }
        }
    }

    fn concatenation(&mut self) -> Parsed<Expression> {
        let mut left = self.collated()?;
        while self.take_sign("||") {
            left = left.concat(self.collated()?);
        }
        Ok(left)
    }

    fn collated(&mut self) -> Parsed<Expression> {
        let operand = self.primary()?;
        match self.take("collate") {
            true => Ok(operand.collate(self.collation()?)),
            false => Ok(operand),
        }
    }

    fn primary(&mut self) -> Parsed<Expression> {
        if let Some(value) = self.value() {
            return Ok(lit(value));
        }
        if self.take_sign("-") {
            return Ok(self.primary()?.negate());
        }
        if self.take_sign("(") {
            let inner = self.expression()?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        if self.take("case") {
            return self.case();
        }
        let name = self.name()?;
        if !matches!(self.peek(), Some(Token::Sign("("))) {
            return Ok(match name.split_once('.') {
                Some((table, column)) => col((table, column)),
                None => col(name),
            });
        }
        if name.eq_ignore_ascii_case("cast") {
            self.expect_sign("(")?;
            let operand = self.expression()?;
            self.expect("as")?;
            let data_type = self.data_type().ok_or("a type is due")?;
            self.expect_sign(")")?;
            return Ok(operand.cast(data_type));
        }
        Ok(function(name, self.list(Parser::expression)?))
    }

    fn case(&mut self) -> Parsed<Expression> {
        let mut branches = Vec::new();
        while self.take("when") {
            let condition = self.expression()?;
            self.expect("then")?;
            branches.push((condition, self.expression()?));
        }
        let otherwise = if self.take("else") { Some(self.expression()?) } else { None };
        self.expect("end")?;
        Ok(case(branches, otherwise))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_with_the_precedence_of_sql() {
        let reads = |text: &str| Parser::new(text).unwrap().expression().unwrap().to_string();
        for text in [
            "a = 1 AND (b < 2 OR NOT c IS NULL)",
            "a + b * -2 || 'x' COLLATE NOCASE",
            "CASE WHEN a IN (1, 2) THEN b ELSE NULL END",
            "coalesce(a, CAST(b AS TEXT)) NOT BETWEEN 1 AND 2",
        ] {
            assert_eq!(reads(text), text);
        }
    }
}
