//! Tables, columns, constraints and indexes as they are defined.

use super::expression::type_text;
use super::{Adapter, COLUMNS_MAX, at_most, collation_of, refuse, text_of, tokens};
use crate::catalog::{
    Check, Column, ConstraintMode, ForeignKey, IndexColumn, KeyConstraint, MatchType,
    ReferentialAction, Resolution,
};
use crate::error::Result;
use crate::expression::lit;
use crate::sql::syntax::{ColumnDefinition, TableDefinition};
use turso_parser::ast::{
    ColumnConstraint, ColumnDefinition as ForeignColumn, DeferSubclause, Expr, ForeignKeyClause,
    GeneratedColumnType, IndexedColumn, InitDeferredPred, Name, NamedTableConstraint, NullsOrder,
    RefAct, RefArg, ResolveType, SortOrder, SortedColumn, TableConstraint, TableOptions,
};

impl Adapter<'_> {
    pub(super) fn table_definition(
        &self,
        columns: &[ForeignColumn],
        constraints: &[NamedTableConstraint],
        options: &TableOptions,
    ) -> Result<TableDefinition> {
        let mut defaults = default_texts(self.text).into_iter();
        let mut table = TableDefinition {
            columns: Vec::with_capacity(columns.len()),
            keys: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            without_row_id: options.contains_without_rowid(),
            is_strict: options.contains_strict(),
            is_autoincrement: false,
        };
        let mut name = None;
        for column in columns {
            name = column.constraints.iter().rev().find_map(|named| named.name.as_ref());
            let column = self.column(column, defaults.next().flatten())?;
            table.is_autoincrement |= column.is_autoincrement;
            table.columns.push(column);
        }
        for constraint in constraints {
            // The last column's name still holds for the first of them.
            let own = constraint.name.as_ref().or(name.take());
            self.table_constraint(constraint, own, &mut table)?;
        }
        Ok(table)
    }

    fn table_constraint(
        &self,
        named: &NamedTableConstraint,
        name: Option<&Name>,
        table: &mut TableDefinition,
    ) -> Result<()> {
        match &named.constraint {
            TableConstraint::PrimaryKey { columns, auto_increment, conflict_clause } => {
                let key = KeyConstraint::primary_key(key_columns(columns)?);
                table.keys.push(with_resolution(key, *conflict_clause));
                table.is_autoincrement |= auto_increment;
            }
            TableConstraint::Unique { columns, conflict_clause } => {
                let key = KeyConstraint::unique(key_columns(columns)?);
                let key = key.after_foreign_keys(table.foreign_keys.len());
                table.keys.push(with_resolution(key, *conflict_clause));
            }
            TableConstraint::Check { expr, source } => {
                table.checks.push(self.check(expr, source.as_deref(), name)?);
            }
            TableConstraint::ForeignKey { columns, clause, defer_clause } => {
                let columns = columns.iter().map(|column| text_of(&column.col_name));
                let key = foreign_key(columns, clause, defer_clause.as_ref());
                table.foreign_keys.push(with_name(key, named.name.as_ref()));
            }
        }
        Ok(())
    }

    fn check(&self, expr: &Expr, source: Option<&str>, name: Option<&Name>) -> Result<Check> {
        let check = Check::new(self.expression(expr)?);
        let check = match source {
            Some(text) => check.written_as(text),
            None => check,
        };
        Ok(match name {
            Some(name) => check.named(name.as_str()),
            None => check,
        })
    }

    /// A column with its constraints; `default` is the text of its DEFAULT.
    pub(super) fn column(
        &self,
        definition: &ForeignColumn,
        default: Option<String>,
    ) -> Result<ColumnDefinition> {
        let declared = definition.col_type.as_ref().map(type_text).unwrap_or_default();
        let mut column = Column::declared(definition.col_name.as_str(), &declared);
        if let Some(default) = default {
            column = column.default_written_as(default);
        }
        let mut is_autoincrement = false;
        let mut name = None;
        for named in &definition.constraints {
            // A name holds for all that follows, up to the next one.
            name = named.name.as_ref().or(name);
            if let ColumnConstraint::PrimaryKey { auto_increment: true, .. } = named.constraint {
                is_autoincrement = true;
            }
            column = self.column_constraint(column, &named.constraint, name)?;
        }
        Ok(ColumnDefinition { column, is_autoincrement })
    }

    fn column_constraint(
        &self,
        column: Column,
        constraint: &ColumnConstraint,
        name: Option<&Name>,
    ) -> Result<Column> {
        Ok(match constraint {
            ColumnConstraint::PrimaryKey { order, conflict_clause, .. } => {
                let key = IndexColumn::new(column.name().to_owned());
                let is_descending = *order == Some(SortOrder::Desc);
                let key = if is_descending { key.descending() } else { key };
                let key = KeyConstraint::primary_key([key]);
                column.key(with_resolution(key, *conflict_clause))
            }
            ColumnConstraint::Unique(conflict_clause) => {
                let key = KeyConstraint::unique([column.name().to_owned()]);
                column.key(with_resolution(key, *conflict_clause))
            }
            ColumnConstraint::NotNull { nullable: true, .. } => column,
            ColumnConstraint::NotNull { conflict_clause: None, .. } => column.not_null(),
            ColumnConstraint::NotNull { conflict_clause: Some(clause), .. } => {
                column.not_null().not_null_on_conflict(resolution(*clause))
            }
            ColumnConstraint::Check { expr, source } => {
                column.add_check(self.check(expr, source.as_deref(), name)?)
            }
            ColumnConstraint::Default(value) => column.default(match &**value {
                // A bare name is a text here.
                Expr::Id(name) | Expr::Name(name) => lit(name.as_str()),
                value => self.expression(value)?,
            }),
            ColumnConstraint::Collate { collation_name } => {
                column.collate(collation_of(collation_name)?)
            }
            ColumnConstraint::ForeignKey { clause, defer_clause } => {
                let key = foreign_key([column.name().to_owned()], clause, defer_clause.as_ref());
                column.foreign_key(with_name(key, name))
            }
            ColumnConstraint::Generated { expr, typ, .. } => {
                let is_stored = matches!(typ, Some(GeneratedColumnType::Stored));
                column.generated(self.expression(expr)?, is_stored)
            }
        })
    }
}

impl Adapter<'_> {
    /// The columns and expressions of an index.
    pub(super) fn index_columns(&self, columns: &[SortedColumn]) -> Result<Vec<IndexColumn>> {
        at_most(COLUMNS_MAX, columns.len(), "columns in index")?;
        columns.iter().map(|column| self.index_column(column)).collect()
    }

    fn index_column(&self, column: &SortedColumn) -> Result<IndexColumn> {
        let part = match key_column(&column.expr)? {
            Some(named) => named,
            None => match &*column.expr {
                Expr::Collate(inner, collation) => {
                    IndexColumn::of(self.expression(inner)?).collate(collation_of(collation)?)
                }
                expression => IndexColumn::of(self.expression(expression)?),
            },
        };
        Ok(if column.order == Some(SortOrder::Desc) { part.descending() } else { part })
    }
}

/// The column that an expression names, perhaps with a collation; `None` if it is another.
fn key_column(expression: &Expr) -> Result<Option<IndexColumn>> {
    Ok(match expression {
        Expr::Id(name) | Expr::Name(name) => Some(IndexColumn::new(name.as_str())),
        Expr::Literal(turso_parser::ast::Literal::String(text)) => {
            Some(IndexColumn::new(tokens::unquote(text)))
        }
        Expr::Parenthesized(inner) => match inner.as_slice() {
            [only] => key_column(only)?,
            _ => None,
        },
        Expr::Collate(inner, collation) => match key_column(inner)? {
            Some(column) if column.collation().is_none() => {
                Some(column.collate(collation_of(collation)?))
            }
            Some(column) => Some(column),
            None => None,
        },
        _ => None,
    })
}

/// Refuses to say where the NULLs of an index stand.
pub(super) fn without_nulls_order(columns: &[SortedColumn]) -> Result<()> {
    match columns.iter().find_map(|column| column.nulls) {
        None => Ok(()),
        Some(NullsOrder::First) => refuse("unsupported use of NULLS FIRST"),
        Some(NullsOrder::Last) => refuse("unsupported use of NULLS LAST"),
    }
}

fn key_columns(columns: &[SortedColumn]) -> Result<Vec<IndexColumn>> {
    without_nulls_order(columns)?;
    let column = |column: &SortedColumn| match key_column(&column.expr)? {
        Some(named) if column.order == Some(SortOrder::Desc) => Ok(named.descending()),
        Some(named) => Ok(named),
        None => refuse("expressions prohibited in PRIMARY KEY and UNIQUE constraints"),
    };
    columns.iter().map(column).collect()
}

fn with_resolution(key: KeyConstraint, clause: Option<ResolveType>) -> KeyConstraint {
    clause.into_iter().fold(key, |key, clause| key.on_conflict(resolution(clause)))
}

fn with_name(key: ForeignKey, name: Option<&Name>) -> ForeignKey {
    name.into_iter().fold(key, |key, name| key.named(name.as_str()))
}

pub(super) fn resolution(clause: ResolveType) -> Resolution {
    match clause {
        ResolveType::Rollback => Resolution::Rollback,
        ResolveType::Abort => Resolution::Abort,
        ResolveType::Fail => Resolution::Fail,
        ResolveType::Ignore => Resolution::Ignore,
        ResolveType::Replace => Resolution::Replace,
    }
}

fn foreign_key(
    columns: impl IntoIterator<Item = String>,
    clause: &ForeignKeyClause,
    defer: Option<&DeferSubclause>,
) -> ForeignKey {
    let referenced = clause.columns.iter().map(|column: &IndexedColumn| text_of(&column.col_name));
    let key = ForeignKey::new(columns, clause.tbl_name.as_str(), referenced);
    // What is said last counts.
    let key = clause.args.iter().fold(key, |key, argument| match argument {
        RefArg::OnDelete(action) => key.on_delete(referential_action(*action)),
        RefArg::OnUpdate(action) => key.on_update(referential_action(*action)),
        RefArg::OnInsert(_) => key,
        RefArg::Match(word) if word.as_str().eq_ignore_ascii_case("FULL") => {
            key.match_type(MatchType::Full)
        }
        RefArg::Match(word) if word.as_str().eq_ignore_ascii_case("PARTIAL") => {
            key.match_type(MatchType::Partial)
        }
        RefArg::Match(_) => key,
    });
    key.mode(match defer {
        Some(DeferSubclause { deferrable: true, init_deferred }) => match init_deferred {
            Some(InitDeferredPred::InitiallyDeferred) => {
                ConstraintMode::DeferrableInitiallyDeferred
            }
            Some(InitDeferredPred::InitiallyImmediate) | None => {
                ConstraintMode::DeferrableInitiallyImmediate
            }
        },
        Some(DeferSubclause { deferrable: false, .. }) | None => ConstraintMode::NotDeferrable,
    })
}

fn referential_action(action: RefAct) -> ReferentialAction {
    match action {
        RefAct::SetNull => ReferentialAction::SetNull,
        RefAct::SetDefault => ReferentialAction::SetDefault,
        RefAct::Cascade => ReferentialAction::Cascade,
        RefAct::Restrict => ReferentialAction::Restrict,
        RefAct::NoAction => ReferentialAction::NoAction,
    }
}

/// The text of each column's DEFAULT in a CREATE TABLE, by the column's position.
fn default_texts(text: &str) -> Vec<Option<String>> {
    let all: Vec<_> = tokens::tokens(text).collect();
    let mut defaults = vec![None];
    let mut depth = 0_usize;
    for (at, token) in all.iter().enumerate() {
        if token.is_sign("(") {
            depth += 1;
        } else if token.is_sign(")") {
            depth = depth.saturating_sub(1);
        } else if token.is_sign(",") && depth == 1 {
            defaults.push(None);
        } else if token.is("DEFAULT") && depth == 1 && !all[at - 1].is("SET") {
            *defaults.last_mut().expect("there is one from the start") =
                default_text(text, &all[at + 1..]);
        }
    }
    defaults
}

/// The text of a DEFAULT, from the token behind the word: what stands in parentheses, or a literal
/// with its sign.
pub(super) fn default_text(text: &str, rest: &[tokens::Token<'_>]) -> Option<String> {
    let first = rest.first()?;
    if first.is_sign("(") {
        let mut depth = 0;
        let end = rest.iter().find(|token| {
            depth += i32::from(token.is_sign("(")) - i32::from(token.is_sign(")"));
            depth == 0
        })?;
        return Some(text[first.end()..end.start].trim().to_owned());
    }
    let is_signed = first.is_sign("-") || first.is_sign("+");
    let last = rest.get(usize::from(is_signed))?;
    Some(text[first.start..last.end()].to_owned())
}
