//! Statements: what each says, in our terms.

use super::definition::{default_text, resolution, without_nulls_order};
use super::tokens::{self, Token};
use super::{Adapter, COLUMNS_MAX, at_most, refuse, text_of, unsupported};
use crate::catalog::Resolution;
use crate::database::{ObjectKind, Timing};
use crate::error::{Error, Event, Result};
use crate::expression::{Expression, lit};
use crate::query::Select;
use crate::sql::syntax::{
    AlterTable, Assignment, CreateIndex, CreateTable, CreateTrigger, CreateView, Delete, Insert,
    Pragma, QualifiedName, Rows, Statement, TableBody, TriggerStep, Update, Upsert,
};
use std::sync::Arc;
use turso_parser::ast::{
    AlterTable as ForeignAlter, AlterTableBody, CreateTableBody, Expr, FromClause, InsertBody,
    Literal, Name, OneSelect, PragmaBody, QualifiedName as ForeignName, ResolveType,
    ResultColumn as ForeignColumn, Select as ForeignSelect, Set, Stmt, TriggerCmd, TriggerEvent,
    TriggerTime, UnaryOperator, Update as ForeignUpdate, Upsert as ForeignUpsert, UpsertDo, With,
};

impl Adapter<'_> {
    pub(super) fn any_statement(&self, statement: &Stmt) -> Result<Statement> {
        Ok(match statement {
            Stmt::Select(query) => Statement::Select(Box::new(self.query(query)?)),
            Stmt::Insert { with, or_conflict, tbl_name, columns, body, returning } => {
                let parts = InsertParts { with: with.as_ref(), columns, returning };
                Statement::Insert(Box::new(self.insert(tbl_name, *or_conflict, parts, body)?))
            }
            Stmt::Update(update) => Statement::Update(Box::new(self.update(update)?)),
            Stmt::Delete { with, tbl_name, where_clause, returning, .. } => {
                let filter = where_clause.as_deref();
                Statement::Delete(Box::new(self.delete(
                    with.as_ref(),
                    tbl_name,
                    filter,
                    returning,
                )?))
            }
            Stmt::Begin { .. } => Statement::Begin,
            Stmt::Commit { .. } => Statement::Commit,
            Stmt::Rollback { savepoint_name: Some(name), .. } => {
                Statement::RollbackTo(text_of(name))
            }
            Stmt::Rollback { .. } => Statement::Rollback,
            Stmt::Savepoint { name } => Statement::Savepoint(text_of(name)),
            Stmt::Release { name } => Statement::Release(text_of(name)),
            Stmt::Pragma { name, body } => Statement::Pragma(pragma(name, body.as_ref())),
            Stmt::Attach { expr, db_name, .. } => {
                let given = [self.word_or_value(expr)?, self.word_or_value(db_name)?];
                Statement::Attach(Box::new(Select::of(given)))
            }
            Stmt::Detach { name } => {
                Statement::Detach(Box::new(Select::of([self.word_or_value(name)?])))
            }
            Stmt::Analyze { .. } | Stmt::Reindex { .. } | Stmt::Vacuum { into: None, .. } => {
                Statement::Nothing
            }
            other => return self.schema_statement(other),
        })
    }

    /// A bare word as the text that it is, or the value of an expression.
    fn word_or_value(&self, expression: &Expr) -> Result<Expression> {
        match expression {
            Expr::Id(name) | Expr::Name(name) => Ok(lit(name.as_str())),
            other => self.expression(other),
        }
    }

    fn schema_statement(&self, statement: &Stmt) -> Result<Statement> {
        Ok(match statement {
            Stmt::CreateTable { temporary, if_not_exists, tbl_name, body } => {
                Statement::CreateTable(Box::new(CreateTable {
                    name: qualified(tbl_name),
                    is_temporary: *temporary,
                    if_not_exists: *if_not_exists,
                    body: self.table_body(body)?,
                    text: self.definition_text("TABLE"),
                }))
            }
            Stmt::CreateIndex {
                unique,
                if_not_exists,
                idx_name,
                tbl_name,
                columns,
                where_clause,
                ..
            } => {
                self.in_definition.set(true);
                without_nulls_order(columns)?;
                Statement::CreateIndex(Box::new(CreateIndex {
                    name: qualified(idx_name),
                    table: text_of(tbl_name),
                    columns: self.index_columns(columns)?,
                    is_unique: *unique,
                    filter: self.filter(where_clause.as_deref())?,
                    if_not_exists: *if_not_exists,
                    text: self.definition_text("INDEX"),
                }))
            }
            Stmt::CreateView { temporary, if_not_exists, view_name, columns, select } => {
                Statement::CreateView(Box::new(CreateView {
                    name: qualified(view_name),
                    is_temporary: *temporary,
                    if_not_exists: *if_not_exists,
                    columns: columns.iter().map(|column| text_of(&column.col_name)).collect(),
                    query: Arc::new(self.query(select)?),
                    text: self.definition_text("VIEW"),
                }))
            }
            Stmt::CreateTrigger { .. } => {
                Statement::CreateTrigger(Box::new(self.trigger(statement)?))
            }
            Stmt::AlterTable(ForeignAlter { name, body }) => Statement::AlterTable {
                table: qualified(name),
                change: Box::new(self.alter(body)?),
            },
            Stmt::DropTable { if_exists, tbl_name } => {
                drop(ObjectKind::Table, tbl_name, *if_exists)
            }
            Stmt::DropIndex { if_exists, idx_name } => {
                drop(ObjectKind::Index, idx_name, *if_exists)
            }
            Stmt::DropView { if_exists, view_name } => {
                drop(ObjectKind::View, view_name, *if_exists)
            }
            Stmt::DropTrigger { if_exists, trigger_name } => {
                drop(ObjectKind::Trigger, trigger_name, *if_exists)
            }
            Stmt::CreateVirtualTable(_) => return unsupported("CREATE VIRTUAL TABLE"),
            Stmt::Vacuum { .. } => return unsupported("VACUUM INTO"),
            _ => return unsupported("this statement"),
        })
    }

    /// The text of a CREATE from the object's own name on, as `sqlite_schema` keeps it.
    fn definition_text(&self, kind: &str) -> String {
        let all: Vec<Token<'_>> = tokens::tokens(self.text).collect();
        let behind = all.iter().position(|token| token.is(kind)).map_or(0, |at| at + 1);
        let is_guarded = all.get(behind).is_some_and(|token| token.is("IF"))
            && all.get(behind + 1).is_some_and(|token| token.is("NOT"));
        let name = if is_guarded { behind + 3 } else { behind };
        let is_qualified = all.get(name + 1).is_some_and(|token| token.is_sign("."));
        let start = all.get(if is_qualified { name + 2 } else { name });
        let end = all.last().map_or(0, Token::end);
        start.map_or_else(String::new, |start| self.text[start.start..end].to_owned())
    }

    fn table_body(&self, body: &CreateTableBody) -> Result<TableBody> {
        Ok(match body {
            CreateTableBody::AsSelect(query) => TableBody::Query(self.query(query)?),
            CreateTableBody::ColumnsAndConstraints { columns, constraints, options } => {
                self.in_definition.set(true);
                TableBody::Definition(self.table_definition(columns, constraints, options)?)
            }
        })
    }

    fn alter(&self, body: &AlterTableBody) -> Result<AlterTable> {
        Ok(match body {
            AlterTableBody::RenameTo(name) => AlterTable::RenameTo(text_of(name)),
            AlterTableBody::RenameColumn { old, new } => AlterTable::RenameColumn {
                from: text_of(old),
                to: text_of(new),
                is_quoted: new.quoted(),
            },
            AlterTableBody::DropColumn(name) => AlterTable::DropColumn(text_of(name)),
            AlterTableBody::AddColumn(column) => {
                let all: Vec<Token<'_>> = tokens::tokens(self.text).collect();
                let default = all.iter().enumerate().find_map(|(at, token)| {
                    let is_it = token.is("DEFAULT") && !all[at.saturating_sub(1)].is("SET");
                    is_it.then(|| default_text(self.text, &all[at + 1..])).flatten()
                });
                let add = all.iter().position(|token| token.is("ADD")).unwrap_or_default();
                let has_word = all.get(add + 1).is_some_and(|token| token.is("COLUMN"));
                let start = all.get(add + 1 + usize::from(has_word)).map_or(0, |token| token.start);
                let text = self.text[start..].trim_end().to_owned();
                AlterTable::AddColumn { column: Box::new(self.column(column, default)?), text }
            }
            AlterTableBody::AlterColumn { .. } => return unsupported("ALTER COLUMN"),
        })
    }

    fn trigger(&self, statement: &Stmt) -> Result<CreateTrigger> {
        let Stmt::CreateTrigger {
            temporary,
            if_not_exists,
            trigger_name,
            time,
            event,
            tbl_name,
            when_clause,
            commands,
            ..
        } = statement
        else {
            return unsupported("this statement");
        };
        let (event, columns) = match event {
            TriggerEvent::Delete => (Event::Delete, Vec::new()),
            TriggerEvent::Insert => (Event::Insert, Vec::new()),
            TriggerEvent::Update => (Event::Update, Vec::new()),
            TriggerEvent::UpdateOf(columns) => {
                (Event::Update, columns.iter().map(text_of).collect())
            }
        };
        let timing = match time {
            None | Some(TriggerTime::Before) => Timing::Before,
            Some(TriggerTime::After) => Timing::After,
            Some(TriggerTime::InsteadOf) => Timing::InsteadOf,
        };
        self.in_trigger.set(true);
        let condition = self.filter(when_clause.as_deref())?;
        let (mut steps, mut lacking) = (Vec::new(), None);
        for command in commands {
            match self.step(command) {
                Ok(step) => steps.push(step),
                Err(error @ Error::Name(_)) => {
                    lacking = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(CreateTrigger {
            name: qualified(trigger_name),
            is_temporary: *temporary,
            if_not_exists: *if_not_exists,
            timing,
            event,
            columns,
            table: qualified(tbl_name),
            condition,
            steps,
            lacking,
            text: self.definition_text("TRIGGER"),
        })
    }

    fn step(&self, command: &TriggerCmd) -> Result<TriggerStep> {
        Ok(match command {
            TriggerCmd::Select(query) => TriggerStep::Select(self.query(query)?),
            TriggerCmd::Delete { tbl_name, where_clause } => {
                let table = ForeignName::single(tbl_name.clone());
                TriggerStep::Delete(self.delete(None, &table, where_clause.as_deref(), &[])?)
            }
            TriggerCmd::Insert { or_conflict, tbl_name, col_names, select, upsert, returning } => {
                let table = ForeignName::single(tbl_name.clone());
                let body = InsertBody::Select(select.clone(), upsert.clone());
                let parts = InsertParts { with: None, columns: col_names, returning };
                TriggerStep::Insert(self.insert(&table, *or_conflict, parts, &body)?)
            }
            TriggerCmd::Update { or_conflict, tbl_name, sets, from, where_clause } => {
                TriggerStep::Update(self.update(&ForeignUpdate {
                    with: None,
                    or_conflict: *or_conflict,
                    tbl_name: ForeignName::single(tbl_name.clone()),
                    indexed: None,
                    sets: sets.clone(),
                    from: from.clone(),
                    where_clause: where_clause.clone(),
                    returning: Vec::new(),
                })?)
            }
        })
    }

    fn insert(
        &self,
        table: &ForeignName,
        or_conflict: Option<ResolveType>,
        parts: InsertParts<'_>,
        body: &InsertBody,
    ) -> Result<Insert> {
        let (query, upsert) = match body {
            InsertBody::DefaultValues => (None, None),
            InsertBody::Select(query, upsert) => (Some(query), upsert.as_deref()),
        };
        let rows = || query.map_or(Ok(Rows::Default), |query| self.rows(query));
        // What a trigger inserts is looked through before its target, where it is not to be run.
        let looked_at = self.names.is_never_run().then(rows).transpose()?;
        let insert = self.within(parts.with, || {
            let rows = looked_at.map_or_else(rows, Ok)?;
            let upserts = self.upserts(upsert)?;
            Ok(Insert {
                table: qualified(table),
                alias: table.alias.as_ref().map(text_of),
                columns: parts.columns.iter().map(text_of).collect(),
                rows,
                resolution: or(or_conflict),
                upserts,
                returning: self.result_columns(parts.returning)?,
            })
        });
        self.behind_target(table, insert)
    }

    /// The table that a statement changes is looked for before all others that it names.
    fn behind_target<T>(&self, table: &ForeignName, changed: Result<T>) -> Result<T> {
        changed.map_err(|error| match error {
            Error::Name(_) => self.names.target(&qualified(table)).err().unwrap_or(error),
            other => other,
        })
    }

    fn rows(&self, query: &ForeignSelect) -> Result<Rows> {
        let is_plain = query.with.is_none()
            && query.order_by.is_empty()
            && query.limit.is_none()
            && query.body.compounds.is_empty();
        if let (true, OneSelect::Values(rows)) = (is_plain, &query.body.select) {
            let rows = rows.iter().map(|row| self.expressions(row)).collect::<Result<Vec<_>>>()?;
            if rows.iter().any(|row| row.len() != rows[0].len()) {
                return refuse("all VALUES must have the same number of terms");
            }
            return Ok(Rows::Values(rows));
        }
        Ok(Rows::Query(self.query(query)?))
    }

    fn upserts(&self, first: Option<&ForeignUpsert>) -> Result<Vec<Upsert>> {
        let mut upserts = Vec::new();
        let mut next = first;
        while let Some(upsert) = next {
            let (target, target_filter) = match &upsert.index {
                None => (Vec::new(), None),
                Some(index) => {
                    without_nulls_order(&index.targets)?;
                    (
                        self.index_columns(&index.targets)?,
                        self.filter(index.where_clause.as_deref())?,
                    )
                }
            };
            let update = match &upsert.do_clause {
                UpsertDo::Nothing => None,
                UpsertDo::Set { sets, where_clause } => {
                    Some((self.assignments(sets)?, self.filter(where_clause.as_deref())?))
                }
            };
            upserts.push(Upsert { target, target_filter, update });
            next = upsert.next.as_deref();
        }
        Ok(upserts)
    }

    fn update(&self, update: &ForeignUpdate) -> Result<Update> {
        let changed = self.within(update.with.as_ref(), || {
            // What is joined is looked for before what is assigned.
            let from = self.update_from(update.from.as_ref())?;
            Ok(Update {
                table: qualified(&update.tbl_name),
                alias: update.tbl_name.alias.as_ref().map(text_of),
                assignments: self.assignments(&update.sets)?,
                from,
                filter: self.filter(update.where_clause.as_deref())?,
                limited: self.limited()?,
                resolution: or(update.or_conflict),
                returning: self.result_columns(&update.returning)?,
            })
        });
        self.behind_target(&update.tbl_name, changed)
    }

    /// What an UPDATE joins to its table, as one query that has all its columns.
    fn update_from(&self, from: Option<&FromClause>) -> Result<Option<Select>> {
        match from {
            None => Ok(None),
            Some(from) => Ok(Some(self.with_around(self.from(Some(from))?))),
        }
    }

    fn assignments(&self, sets: &[Set]) -> Result<Vec<Assignment>> {
        let count = sets.iter().map(|set| set.col_names.len()).sum();
        at_most(COLUMNS_MAX, count, "columns in set list")?;
        let assignment = |set: &Set| {
            let columns = set.col_names.iter().map(text_of).collect();
            Ok(Assignment { columns, value: self.expression(&set.expr)? })
        };
        sets.iter().map(assignment).collect()
    }

    fn delete(
        &self,
        with: Option<&With>,
        table: &ForeignName,
        filter: Option<&Expr>,
        returning: &[ForeignColumn],
    ) -> Result<Delete> {
        let changed = self.within(with, || {
            Ok(Delete {
                table: qualified(table),
                alias: table.alias.as_ref().map(text_of),
                filter: self.filter(filter)?,
                limited: self.limited()?,
                returning: self.result_columns(returning)?,
            })
        });
        self.behind_target(table, changed)
    }
}

/// What stands around the rows of an INSERT.
struct InsertParts<'a> {
    with: Option<&'a With>,
    columns: &'a [Name],
    returning: &'a [ForeignColumn],
}

fn or(clause: Option<ResolveType>) -> Option<Resolution> {
    clause.map(resolution)
}

pub(super) fn qualified(name: &ForeignName) -> QualifiedName {
    QualifiedName { schema: name.db_name.as_ref().map(text_of), name: text_of(&name.name) }
}

fn drop(kind: ObjectKind, name: &ForeignName, if_exists: bool) -> Statement {
    Statement::Drop { kind, name: qualified(name), if_exists }
}

fn pragma(name: &ForeignName, body: Option<&PragmaBody>) -> Pragma {
    let value = body.map(|body| match body {
        PragmaBody::Equals(value) | PragmaBody::Call(value) => pragma_value(value),
    });
    let schema = name.db_name.as_ref().map(text_of);
    Pragma { schema, name: name.name.as_str().to_ascii_lowercase(), value }
}

fn pragma_value(value: &Expr) -> String {
    match value {
        Expr::Id(name) | Expr::Name(name) => text_of(name),
        Expr::Literal(Literal::String(text)) => tokens::unquote(text),
        Expr::Literal(Literal::Numeric(text) | Literal::Keyword(text)) => text.clone(),
        Expr::Literal(Literal::True) => "true".to_owned(),
        Expr::Literal(Literal::False) => "false".to_owned(),
        Expr::Literal(Literal::Null) => "null".to_owned(),
        Expr::Unary(UnaryOperator::Negative, inner) => format!("-{}", pragma_value(inner)),
        Expr::Unary(UnaryOperator::Positive, inner) => pragma_value(inner),
        other => other.to_string(),
    }
}
