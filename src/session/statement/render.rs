//! A statement as SQLAlchemy writes it for SQLite, with its line breaks and spaces.
//!
//! Names that must be made (`team_1`, `id_2`, `anon_1`) are numbered in the order in which they are
//! first written, each base by itself; labels and aliases count together.

use super::{
    Alias, Column, Condition, Delete, From, Insert, Join, Labels, Operand, Rows, Select, Source,
    Statement, Update,
};
use crate::catalog::Name;
use crate::session::quote::quote;
use std::fmt::Write;

impl Statement {
    /// The text, with a `?` for each parameter.
    pub fn render(&self) -> String {
        match self {
            Statement::Insert(insert) => render_insert(insert),
            Statement::Update(update) => render_update(update),
            Statement::Delete(delete) => render_delete(delete),
            Statement::Select(select) => Writer::default().into_select(select),
            Statement::Savepoint(name) => format!("SAVEPOINT {name}"),
            Statement::Release(name) => format!("RELEASE SAVEPOINT {name}"),
            Statement::RollbackTo(name) => format!("ROLLBACK TO SAVEPOINT {name}"),
            Statement::Text(text) => text.sql.clone(),
        }
    }
}

fn render_insert(insert: &Insert) -> String {
    let table = quote(&insert.table);
    let mut text = match &insert.rows {
        Rows::NullIn(column) => format!("INSERT INTO {table} ({}) VALUES (NULL)", quote(column)),
        Rows::Values(_) if insert.columns.is_empty() => {
            format!("INSERT INTO {table} DEFAULT VALUES")
        }
        Rows::Values(rows) => {
            let marks = format!("({})", vec!["?"; insert.columns.len()].join(", "));
            let marks = vec![marks; *rows].join(", ");
            format!("INSERT INTO {table} ({}) VALUES {marks}", names(&insert.columns))
        }
    };
    write_returning(&mut text, &insert.returning);
    text
}

fn render_update(update: &Update) -> String {
    let set: Vec<String> = update.set.iter().map(|name| format!("{}=?", quote(name))).collect();
    let mut writer = Writer::default();
    let _ = write!(writer.text, "UPDATE {} SET {}", quote(&update.table), set.join(", "));
    writer.write_filter(" WHERE ", &update.filter);
    writer.text
}

fn render_delete(delete: &Delete) -> String {
    let mut writer = Writer::default();
    let _ = write!(writer.text, "DELETE FROM {}", quote(&delete.table));
    writer.write_filter(" WHERE ", &delete.filter);
    write_returning(&mut writer.text, &delete.returning);
    writer.text
}

fn write_returning(text: &mut String, columns: &[Name]) {
    if !columns.is_empty() {
        let _ = write!(text, " RETURNING {}", names(columns));
    }
}

fn names(names: &[Name]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| quote(name)).collect();
    quoted.join(", ")
}

#[derive(Default)]
struct Writer {
    text: String,
    /// Alias → the name it was given.
    aliases: Vec<(Alias, String)>,
    /// Base → the last number given.
    numbers: Vec<(String, u32)>,
}

impl Writer {
    fn into_select(mut self, select: &Select) -> String {
        self.write_select(select);
        self.text
    }

    fn write_select(&mut self, select: &Select) {
        self.text.push_str(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.write_columns(select);
        self.text.push_str(" \nFROM ");
        for (at, from) in select.from.iter().enumerate() {
            self.separate(at, ", ");
            self.write_from(from);
        }
        self.write_filter(" \nWHERE ", &select.filter);
        for (at, ordering) in select.order_by.iter().enumerate() {
            self.text.push_str(if at == 0 { " ORDER BY " } else { ", " });
            self.write_column(&ordering.column);
            self.text.push_str(if ordering.descending { " DESC" } else { "" });
        }
    }

    fn write_columns(&mut self, select: &Select) {
        let mut taken: Vec<String> = Vec::with_capacity(select.columns.len());
        for (at, column) in select.columns.iter().enumerate() {
            self.separate(at, ", ");
            self.write_column(column);
            let label = match select.labels {
                Labels::None => None,
                Labels::Taken if taken.iter().any(|name| **name == *column.name) => {
                    Some(self.number(&column.name))
                }
                Labels::Taken => None,
                Labels::All => Some(self.full_label(column, &taken)),
            };
            if let Some(label) = &label {
                let _ = write!(self.text, " AS {}", quote(label));
            }
            taken.push(label.unwrap_or_else(|| column.name.to_string()));
        }
    }

    /// `team_id`; a second column of that label gets a number.
    fn full_label(&mut self, column: &Column, taken: &[String]) -> String {
        let label = format!("{}_{}", self.source_name(&column.source), column.name);
        if taken.contains(&label) { self.number(&label) } else { label }
    }

    fn write_from(&mut self, from: &From) {
        match from {
            From::Table(table) => self.text.push_str(&quote(table)),
            From::Aliased { table, alias } => {
                let alias = self.alias_name(alias);
                let _ = write!(self.text, "{} AS {}", quote(table), quote(&alias));
            }
            From::Subselect { select, alias } => {
                self.text.push('(');
                self.write_select(select);
                let alias = self.alias_name(alias);
                let _ = write!(self.text, ") AS {}", quote(&alias));
            }
            From::Join(join) => self.write_join(join),
        }
    }

    fn write_join(&mut self, join: &Join) {
        self.write_from(&join.left);
        self.text.push_str(if join.outer { " LEFT OUTER JOIN " } else { " JOIN " });
        if matches!(join.right, From::Join(_)) {
            self.text.push('(');
            self.write_from(&join.right);
            self.text.push(')');
        } else {
            self.write_from(&join.right);
        }
        self.write_filter(" ON ", &join.on);
    }

    fn write_filter(&mut self, word: &str, filter: &[Condition]) {
        for (at, condition) in filter.iter().enumerate() {
            self.text.push_str(if at == 0 { word } else { " AND " });
            self.write_condition(condition);
        }
    }

    fn write_condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Equal(left, right) => {
                self.write_operand(left);
                self.text.push_str(" = ");
                self.write_operand(right);
            }
            Condition::IsNull(operand) => {
                self.write_operand(operand);
                self.text.push_str(" IS NULL");
            }
            Condition::In { columns, keys } => self.write_in(columns, *keys),
        }
    }

    fn write_in(&mut self, columns: &[Column], keys: usize) {
        if let [only] = columns {
            self.write_column(only);
            let _ = write!(self.text, " IN ({})", vec!["?"; keys].join(", "));
            return;
        }
        self.text.push('(');
        for (at, column) in columns.iter().enumerate() {
            self.separate(at, ", ");
            self.write_column(column);
        }
        let key = format!("({})", vec!["?"; columns.len()].join(", "));
        let _ = write!(self.text, ") IN (VALUES {})", vec![key; keys].join(", "));
    }

    fn write_operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Column(column) => self.write_column(column),
            Operand::Parameter => self.text.push('?'),
        }
    }

    fn write_column(&mut self, column: &Column) {
        let source = self.source_name(&column.source);
        let _ = write!(self.text, "{}.{}", quote(&source), quote(&column.name));
    }

    fn source_name(&mut self, source: &Source) -> String {
        match source {
            Source::Table(table) => table.to_string(),
            Source::Alias(alias) => self.alias_name(alias),
        }
    }

    fn alias_name(&mut self, alias: &Alias) -> String {
        if let Some((_, name)) = self.aliases.iter().find(|(known, _)| known == alias) {
            return name.clone();
        }
        let name = self.number(&alias.base);
        self.aliases.push((alias.clone(), name.clone()));
        name
    }

    /// The base with the next number of its own.
    fn number(&mut self, base: &str) -> String {
        match self.numbers.iter_mut().find(|(known, _)| known == base) {
            Some((_, last)) => {
                *last += 1;
                format!("{base}_{last}")
            }
            None => {
                self.numbers.push((base.to_owned(), 1));
                format!("{base}_1")
            }
        }
    }

    fn separate(&mut self, at: usize, separator: &str) {
        if at > 0 {
            self.text.push_str(separator);
        }
    }
}
