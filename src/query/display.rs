//! Queries as SQL that SQLite parses back to the same meaning.

use super::select::{Body, CommonTable, Compound, Core, Nulls, Order, ResultColumn, Select};
use super::source::{Join, JoinConstraint, JoinKind, Rows, Source};
use crate::expression::quote_identifier;
use std::fmt::{self, Display, Formatter};

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (position, table) in self.with.iter().enumerate() {
            f.write_str(if position == 0 { "WITH " } else { ", " })?;
            table.fmt(f)?;
        }
        f.write_str(if self.with.is_empty() { "" } else { " " })?;
        // In SQL nothing can order or limit VALUES.
        let is_plain = self.order.is_empty() && self.limit.is_none() && self.offset.is_none();
        let write = |f: &mut Formatter<'_>, core: &Core| match core {
            Core::Values(_) if !is_plain => write!(f, "SELECT * FROM ({core})"),
            core => core.fmt(f),
        };
        write(f, &self.first)?;
        for (compound, core) in &self.rest {
            write!(f, " {compound} ")?;
            write(f, core)?;
        }
        if !self.order.is_empty() {
            f.write_str(" ORDER BY ")?;
            write_list(f, &self.order)?;
        }
        match (&self.limit, &self.offset) {
            (None, None) => Ok(()),
            (Some(limit), None) => write!(f, " LIMIT {limit}"),
            (Some(limit), Some(offset)) => write!(f, " LIMIT {limit} OFFSET {offset}"),
            (None, Some(offset)) => write!(f, " LIMIT -1 OFFSET {offset}"),
        }
    }
}

fn write_list(f: &mut Formatter<'_>, items: &[impl Display]) -> fmt::Result {
    for (position, item) in items.iter().enumerate() {
        let separator = if position > 0 { ", " } else { "" };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

fn write_names(f: &mut Formatter<'_>, names: &[String]) -> fmt::Result {
    let names: Vec<_> = names.iter().map(|name| quote_identifier(name)).collect();
    write!(f, " ({})", names.join(", "))
}

impl Display for CommonTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&quote_identifier(&self.name))?;
        if !self.columns.is_empty() {
            write_names(f, &self.columns)?;
        }
        write!(f, " AS ({})", *self.query)
    }
}

impl Display for Compound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compound::Union => "UNION",
            Compound::UnionAll => "UNION ALL",
            Compound::Except => "EXCEPT",
            Compound::Intersect => "INTERSECT",
        })
    }
}

impl Display for Core {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rows = match self {
            Core::Select(body) => return body.fmt(f),
            Core::Values(rows) => rows,
        };
        f.write_str("VALUES ")?;
        for (position, row) in rows.iter().enumerate() {
            f.write_str(if position > 0 { ", (" } else { "(" })?;
            write_list(f, row)?;
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl Display for Body {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.distinct { "SELECT DISTINCT " } else { "SELECT " })?;
        match self.columns.as_slice() {
            [] => f.write_str("*")?,
            columns => write_list(f, columns)?,
        }
        for (position, join) in self.from.iter().enumerate() {
            match position {
                0 => write!(f, " FROM {}", join.source)?,
                _ => join.fmt(f)?,
            }
        }
        self.filter.fmt(f)?;
        if !self.group.is_empty() {
            f.write_str(" GROUP BY ")?;
            write_list(f, &self.group)?;
        }
        match &self.having {
            Some(having) => write!(f, " HAVING {having}"),
            None => Ok(()),
        }
    }
}

impl Display for ResultColumn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ResultColumn::All => f.write_str("*"),
            ResultColumn::AllOf(source) => write!(f, "{}.*", quote_identifier(source)),
            ResultColumn::Computed { expression, alias, .. } => match alias {
                Some(alias) => write!(f, "{expression} AS {}", quote_identifier(alias)),
                None => expression.fmt(f),
            },
        }
    }
}

impl Display for Join {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let natural = if self.on == JoinConstraint::Natural { " NATURAL" } else { "" };
        match self.kind {
            JoinKind::Comma => write!(f, ", {}", self.source)?,
            kind => write!(f, "{natural} {kind} {}", self.source)?,
        }
        match &self.on {
            JoinConstraint::None | JoinConstraint::Natural => Ok(()),
            JoinConstraint::On(on) => write!(f, " ON {on}"),
            JoinConstraint::Using(columns) => {
                f.write_str(" USING")?;
                write_names(f, columns)
            }
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.rows {
            Rows::Named(name) | Rows::Table(_, name) | Rows::Missing(name, _) => {
                f.write_str(&quote_identifier(name))?;
            }
            Rows::Query(query, columns) if columns.is_empty() => write!(f, "({})", **query)?,
            // SQL has no names for columns here, but WITH has.
            Rows::Query(query, columns) => {
                f.write_str("(WITH columns")?;
                write_names(f, columns)?;
                write!(f, " AS ({}) SELECT * FROM columns)", **query)?;
            }
            Rows::Supplied(table, arguments) => {
                f.write_str(&quote_identifier(table.0.name()))?;
                if !arguments.is_empty() {
                    f.write_str("(")?;
                    write_list(f, arguments)?;
                    f.write_str(")")?;
                }
            }
        }
        match &self.alias {
            Some(alias) => write!(f, " AS {}", quote_identifier(alias)),
            None => Ok(()),
        }
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Order { expression, is_descending, nulls } = self;
        expression.fmt(f)?;
        f.write_str(if *is_descending { " DESC" } else { "" })?;
        f.write_str(match nulls {
            None => "",
            Some(Nulls::First) => " NULLS FIRST",
            Some(Nulls::Last) => " NULLS LAST",
        })
    }
}
