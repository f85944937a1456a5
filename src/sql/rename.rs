//! ALTER TABLE in the texts: what was written is rewritten where it names what has changed.
//!
//! Texts are edited token by token, so that all the rest stays as it was written. Whether a token
//! names the table or column is told by the words around it: a table stands behind FROM, INTO,
//! REFERENCES and the like or before a dot; a column belongs to the table that its statement reads,
//! or to the one named before its dot.
//!
//! Drawback: a column's name without a table's is taken for the renamed one wherever its statement
//! reads the table at all, also where a subquery reads another table with a column so called.

use super::parser::{Kind, Token, tokens};
use crate::catalog::TableEntry;
use crate::database::{Database, Enforcement, Object, ObjectKind};
use crate::error::Result;
use crate::id::SchemaId;
use std::ops::Range;
use std::sync::Arc;

/// The table that is altered, and who may speak of it: what is in its schema, and what is temporary.
struct Altered {
    name: String,
    schema: SchemaId,
    schema_name: String,
    /// Whether what is temporary means it by its bare name.
    is_seen: bool,
    /// The triggers on it.
    triggers: Vec<(SchemaId, Arc<str>)>,
}

impl Altered {
    fn new(db: &Database, table: &TableEntry) -> Self {
        let schema = table.definition.schema();
        let found = db.catalog().find_table(table.name());
        Altered {
            name: table.name().to_owned(),
            schema,
            schema_name: db.catalog().schemas().name(schema).to_owned(),
            is_seen: found.is_some_and(|found| found.id == table.id),
            triggers: db.programs_of(table.id),
        }
    }

    /// Whether an object belongs to it.
    fn owns(&self, object: &Object) -> bool {
        let is_on_it = |(schema, name): &(SchemaId, Arc<str>)| {
            *schema == object.schema && object.is_called(name)
        };
        object.is_of(&self.name)
            && match object.kind {
                ObjectKind::Trigger => self.triggers.iter().any(is_on_it),
                ObjectKind::Table | ObjectKind::Index | ObjectKind::View => {
                    object.schema == self.schema
                }
            }
    }

    /// The names by which an object can mean it, if it can at all.
    fn names_in(&self, object: &Object) -> Option<TableName<'_>> {
        let is_bare = match object.schema {
            schema if schema == self.schema => true,
            // A temporary table's foreign keys lead to temporary tables.
            SchemaId::TEMP if !matches!(object.kind, ObjectKind::Table) => self.is_seen,
            _ => return None,
        };
        Some(TableName { schema: &self.schema_name, table: &self.name, is_bare })
    }
}

/// How a text can name the table that is altered.
#[derive(Clone, Copy)]
struct TableName<'a> {
    schema: &'a str,
    table: &'a str,
    /// Whether it means it where no schema is said.
    is_bare: bool,
}

/// Renames a table, and where texts name it.
///
/// # Errors
/// If the new name is taken.
pub(super) fn rename_table(
    db: &mut Database,
    table: &TableEntry,
    new: &str,
    legacy: bool,
) -> Result<()> {
    // As it once was, foreign keys follow only while they are enforced.
    let follows = !legacy || db.enforcement() == Enforcement::On;
    let altered = Altered::new(db, table);
    match follows {
        true => db.rename_table(table.id, new)?,
        false => db.rename_table_alone(table.id, new)?,
    }
    let old = table.name();
    let quoted = format!("\"{}\"", new.replace('"', "\"\""));
    rewrite(db, |object| {
        let is_own = altered.owns(object);
        if is_own {
            object.table = new.to_owned();
            if object.kind == ObjectKind::Table {
                object.name = new.to_owned();
            }
            let autoindex = format!("sqlite_autoindex_{old}_");
            let head = object.name.get(..autoindex.len());
            if head.is_some_and(|head| head.eq_ignore_ascii_case(&autoindex)) {
                object.name = format!("sqlite_autoindex_{new}_{}", &object.name[autoindex.len()..]);
            }
        }
        let is_reference = object.kind == ObjectKind::Table && follows;
        if legacy && !is_own && !is_reference {
            return;
        }
        let Some(name) = altered.names_in(object) else { return };
        edit(object, |all| {
            let names = (0..all.len()).filter(|&at| names_table(all, at, name));
            names.map(|at| (all[at].start..all[at].end(), quoted.clone())).collect()
        });
    })
}

/// Renames a column, and where texts name it.
///
/// # Errors
/// If there is another column of that name.
pub(super) fn rename_column(
    db: &mut Database,
    table: &TableEntry,
    from: &str,
    to: &str,
    is_quoted: bool,
) -> Result<()> {
    let altered = Altered::new(db, table);
    let quoted = format!("\"{}\"", to.replace('"', "\"\""));
    let new = |token: &Token<'_>| match token.kind == Kind::Word && !is_quoted {
        true => to.to_owned(),
        false => quoted.clone(),
    };
    db.rename_column_written(table.id, from, to, &|check| {
        edited(check, |all| {
            let names = (0..all.len()).filter(|&at| is_column(all, at, from));
            names.map(|at| (all[at].start..all[at].end(), new(&all[at]))).collect()
        })
    })?;
    // To what reads the table the row id is that column, too.
    let row_id = table.row_id_column.map(|at| table.column_name(at));
    let is_row_id = row_id.is_some_and(|name| name.eq_ignore_ascii_case(from));
    let read: &[&str] = if is_row_id { &[from, "rowid", "oid", "_rowid_"] } else { &[from] };
    rewrite(db, |object| {
        let (kind, own, table) = (object.kind, altered.owns(object), table.name());
        let Some(name) = altered.names_in(object) else { return };
        edit(object, |all| {
            let names = (0..all.len()).filter(|&at| match (kind, own) {
                (ObjectKind::Table, true) => names_own_column(all, at, table, from),
                (ObjectKind::Table, false) => names_referenced_column(all, at, table, from),
                (ObjectKind::Index, own) => own && is_column(all, at, from),
                (ObjectKind::View | ObjectKind::Trigger, own) => {
                    read.iter().any(|column| names_column_read(all, at, name, column, own))
                }
            });
            names.map(|at| (all[at].start..all[at].end(), new(&all[at]))).collect()
        });
    })
}

/// Writes an added column behind the others.
///
/// # Errors
/// As [`Database::change_objects`].
pub(super) fn add_column_text(db: &mut Database, table: &TableEntry, column: &str) -> Result<()> {
    rewrite(db, |object| {
        if is_definition(object, table) {
            edit(object, |all| {
                let end = end_of_columns(all);
                vec![(end..end, format!(", {column}"))]
            });
        }
    })
}

/// Takes a dropped column out.
///
/// # Errors
/// As [`Database::change_objects`].
pub(super) fn drop_column_text(
    db: &mut Database,
    table: &TableEntry,
    position: usize,
) -> Result<()> {
    rewrite(db, |object| {
        if is_definition(object, table) {
            edit(object, |all| {
                let starts = column_starts(all);
                let range = match (starts.get(position), starts.get(position + 1)) {
                    (Some(&start), Some(&next)) => all[start].start..all[next].start,
                    // The comma before the last one goes with it.
                    (Some(&start), None) => all[start - 1].start..end_of_columns(all),
                    (None, _) => return Vec::new(),
                };
                vec![(range, String::new())]
            });
        }
    })
}

fn is_definition(object: &Object, table: &TableEntry) -> bool {
    object.kind == ObjectKind::Table
        && object.schema == table.definition.schema()
        && object.is_called(table.name())
}

type Edits = Vec<(Range<usize>, String)>;

fn rewrite(db: &mut Database, change: impl Fn(&mut Object)) -> Result<()> {
    db.change_objects(|all| all.iter_mut().for_each(|object| change(Arc::make_mut(object))))
}

fn edit(object: &mut Object, edits: impl FnOnce(&[Token<'_>]) -> Edits) {
    let Some(sql) = &object.sql else { return };
    object.sql = Some(edited(sql, edits));
}

fn edited(sql: &str, edits: impl FnOnce(&[Token<'_>]) -> Edits) -> String {
    let all: Vec<Token<'_>> = tokens(sql).collect();
    let mut edited = String::with_capacity(sql.len());
    let mut copied = 0;
    for (range, new) in edits(&all) {
        edited.push_str(&sql[copied..range.start]);
        edited.push_str(&new);
        copied = range.end;
    }
    edited.push_str(&sql[copied..]);
    edited
}

fn is_name(token: &Token<'_>, name: &str) -> bool {
    matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Text)
        && token.name().is_some_and(|found| found.eq_ignore_ascii_case(name))
}

fn before<'a, 'b>(all: &'a [Token<'b>], at: usize) -> Option<&'a Token<'b>> {
    at.checked_sub(1).map(|before| &all[before])
}

fn is_sign_at(all: &[Token<'_>], at: usize, sign: &str) -> bool {
    all.get(at).is_some_and(|token| token.is_sign(sign))
}

// Tables.

/// Words behind which a table stands.
const BEFORE_TABLE: [&str; 8] =
    ["TABLE", "REFERENCES", "ON", "INTO", "UPDATE", "FROM", "JOIN", "IN"];

fn names_table(all: &[Token<'_>], at: usize, name: TableName<'_>) -> bool {
    if !is_name(&all[at], name.table) {
        return false;
    }
    let (is_before_column, is_qualified) =
        (is_sign_at(all, at + 1, "."), at >= 2 && is_sign_at(all, at - 1, "."));
    let is_meant = if is_qualified { is_name(&all[at - 2], name.schema) } else { name.is_bare };
    if !is_meant {
        return false;
    }
    if is_before_column {
        return true;
    }
    let start = if is_qualified { at - 2 } else { at };
    stands_as_table(all, start)
}

/// Whether a name that begins here stands where only a table can.
fn stands_as_table(all: &[Token<'_>], at: usize) -> bool {
    let Some(previous) = before(all, at) else { return false };
    let is_behind_word = BEFORE_TABLE.iter().any(|word| previous.is(word));
    let is_behind_or = at >= 3 && all[at - 3].is("UPDATE") && all[at - 2].is("OR");
    // ON is also what a join's condition begins with.
    let is_condition = previous.is("ON") && is_in_from(all, at);
    (is_behind_word && !is_condition)
        || is_behind_or
        || ((previous.is_sign(",") || previous.is_sign("(")) && is_in_from(all, at))
}

/// Whether a token stands in the list of a FROM, at the same depth or in a join in parentheses.
fn is_in_from(all: &[Token<'_>], at: usize) -> bool {
    let opens_join = |open: usize| {
        before(all, open).is_some_and(|token| {
            [",", "("].iter().any(|sign| token.is_sign(sign))
                || ["FROM", "JOIN"].iter().any(|word| token.is(word))
        })
    };
    let mut depth = 0;
    for (place, token) in all[..at].iter().enumerate().rev() {
        if token.is_sign(")") {
            depth += 1;
        } else if token.is_sign("(") {
            if depth == 0 && !opens_join(place) {
                return false;
            }
            depth = usize::saturating_sub(depth, 1);
        } else if depth == 0 && token.is("FROM") {
            return true;
        } else if depth == 0
            && (token.is_sign(";")
                || ["SELECT", "WHERE", "SET", "VALUES", "GROUP", "ORDER", "BEGIN"]
                    .iter()
                    .any(|word| token.is(word)))
        {
            return false;
        }
    }
    false
}

// Columns.

/// Whether a token may be a column's name: it is called so, and is no function, table or alias.
fn is_column(all: &[Token<'_>], at: usize, column: &str) -> bool {
    let not_behind = ["AS", "COLLATE", "CONSTRAINT", "INDEX"];
    let is_qualified = at >= 2 && is_sign_at(all, at - 1, ".");
    is_name(&all[at], column)
        && all[at].kind != Kind::Text
        && !stands_as_table(all, if is_qualified { at - 2 } else { at })
        && !is_sign_at(all, at + 1, "(")
        && !is_sign_at(all, at + 1, ".")
        && !before(all, at).is_some_and(|token| not_behind.iter().any(|word| token.is(word)))
}

/// Where the definitions of a table's columns begin.
fn column_starts(all: &[Token<'_>]) -> Vec<usize> {
    items(all).into_iter().take_while(|&at| !is_constraint(&all[at])).collect()
}

fn is_constraint(token: &Token<'_>) -> bool {
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].iter().any(|word| token.is(word))
}

/// Where the parts of a definition begin: columns and constraints.
fn items(all: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut starts = Vec::new();
    for (at, token) in all.iter().enumerate() {
        let opens = token.is_sign("(");
        if (opens && depth == 0) || (token.is_sign(",") && depth == 1) {
            starts.push(at + 1);
        }
        if opens {
            depth += 1;
        } else if token.is_sign(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                break;
            }
        }
    }
    starts.retain(|&at| at < all.len());
    starts
}

/// Where a further column would be written: before the constraints, or the closing parenthesis.
fn end_of_columns(all: &[Token<'_>]) -> usize {
    if let Some(constraint) = items(all).into_iter().find(|&at| is_constraint(&all[at])) {
        return all[constraint - 1].start;
    }
    let mut depth = 0_usize;
    for token in all {
        if token.is_sign("(") {
            depth += 1;
        } else if token.is_sign(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return token.start;
            }
        }
    }
    all.last().map_or(0, Token::end)
}

/// The table whose columns a token's parentheses list, if REFERENCES stands before them.
fn referenced_table<'a>(all: &'a [Token<'a>], at: usize) -> Option<&'a Token<'a>> {
    let open = all[..at].iter().rposition(|token| token.is_sign("("))?;
    let is_closed = all[open..at].iter().any(|token| token.is_sign(")"));
    let is_list = open >= 2 && all[open - 2].is("REFERENCES");
    (is_list && !is_closed).then(|| &all[open - 1])
}

fn names_referenced_column(all: &[Token<'_>], at: usize, table: &str, column: &str) -> bool {
    is_name(&all[at], column) && referenced_table(all, at).is_some_and(|to| is_name(to, table))
}

/// In the table's own definition: a column's definition, a key, a check, a reference to itself.
fn names_own_column(all: &[Token<'_>], at: usize, table: &str, column: &str) -> bool {
    if let Some(to) = referenced_table(all, at) {
        return is_name(&all[at], column) && is_name(to, table);
    }
    if !is_name(&all[at], column) {
        return false;
    }
    let starts = column_starts(all);
    if starts.contains(&at) {
        return true;
    }
    let mut depth = 0_i32;
    for token in &all[..at] {
        depth += i32::from(token.is_sign("(")) - i32::from(token.is_sign(")"));
    }
    // Within a column's definition, only what stands in parentheses can name a column.
    depth >= 2 && is_column(all, at, column)
}

/// In a view or trigger: a column of the table among those that its statement reads.
fn names_column_read(
    all: &[Token<'_>],
    at: usize,
    table: TableName<'_>,
    column: &str,
    is_on_table: bool,
) -> bool {
    if !is_column(all, at, column) {
        return false;
    }
    let statement = statement_around(all, at);
    if is_sign_at(all, at.wrapping_sub(1), ".") {
        let Some(qualifier) = at.checked_sub(2).map(|at| &all[at]) else { return false };
        let is_row = is_name(qualifier, "new") || is_name(qualifier, "old");
        return is_name(qualifier, table.table)
            || (is_name(qualifier, "excluded") && inserts_into(&all[statement.clone()], table))
            || (is_row && is_on_table)
            || is_alias(&all[statement], qualifier, table);
    }
    let is_of = all[..at].iter().any(|token| token.is("OF"))
        && !all[..at].iter().any(|token| token.is("BEGIN"));
    if is_of {
        return is_on_table;
    }
    let tokens = &all[statement];
    (0..tokens.len()).any(|at| names_table(tokens, at, table))
}

/// Whether a statement inserts into the table: what it would have inserted has its columns then.
fn inserts_into(statement: &[Token<'_>], table: TableName<'_>) -> bool {
    let Some(into) = statement.iter().position(|token| token.is("INTO")) else { return false };
    let name = if is_sign_at(statement, into + 2, ".") { into + 3 } else { into + 1 };
    name < statement.len() && names_table(statement, name, table)
}

/// The tokens between the semicolons around one.
fn statement_around(all: &[Token<'_>], at: usize) -> Range<usize> {
    let ends = |token: &Token<'_>| token.is_sign(";") || token.is("BEGIN");
    let start = all[..at].iter().rposition(ends).map_or(0, |start| start + 1);
    let end = all[at..].iter().position(ends).map_or(all.len(), |end| at + end);
    start..end
}

/// Whether a name is given to the table within a statement.
fn is_alias(statement: &[Token<'_>], alias: &Token<'_>, table: TableName<'_>) -> bool {
    let Some(alias) = alias.name() else { return false };
    (0..statement.len()).any(|at| {
        let behind = at + 1 + usize::from(statement.get(at + 1).is_some_and(|t| t.is("AS")));
        names_table(statement, at, table)
            && statement.get(behind).is_some_and(|token| is_name(token, &alias))
    })
}
