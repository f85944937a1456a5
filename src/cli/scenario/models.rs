//! Models and plain tables of a scenario, as definitions of a mapping.

use super::json::{At, Result};
use crate::catalog::ReferentialAction;
use crate::expression::{Expression, lit};
use crate::session::mapping::{
    Autoincrement, ColumnDefinition, ColumnPath, ColumnType, ForeignKeyDefinition, Initially, Lazy,
    Model, Order, PassiveDeletes, RelationshipDefinition, ServerDefault, TableDefinition,
};
use crate::value::Value;

pub(super) fn read_model(at: &At<'_>) -> Result<Model> {
    let mut model = Model::new(at.name("name")?, read_table(at)?);
    for relationship in at.members("relationships")? {
        model = model.relationship(read_relationship(&relationship)?);
    }
    Ok(model)
}

pub(super) fn read_table(at: &At<'_>) -> Result<TableDefinition> {
    let mut table = TableDefinition::new(at.name("table")?);
    for column in at.need("columns")?.list()? {
        table = table.column(read_column(&column)?);
    }
    for key in at.members("foreign_keys")? {
        table = table.foreign_key(read_foreign_key(&key)?);
    }
    for unique in at.members("uniques")? {
        let columns: Result<Vec<&str>> = unique.list()?.iter().map(At::text).collect();
        table = table.unique(columns?);
    }
    Ok(table)
}

fn read_column(at: &At<'_>) -> Result<ColumnDefinition> {
    let mut column = ColumnDefinition::new(at.name("name")?, read_type(at)?);
    if at.flag("primary_key", false)? {
        column = column.primary_key();
    }
    if let Some(nullable) = at.get("nullable")? {
        column = column.nullable(nullable.boolean()?);
    }
    if at.flag("unique", false)? {
        column = column.unique();
    }
    if at.flag("index", false)? {
        column = column.index();
    }
    if let Some(default) = at.present("default")? {
        column = column.default(default.scalar()?);
    }
    if let Some(default) = at.get("server_default")? {
        column = column.server_default(read_server_default(&default)?);
    }
    if let Some(autoincrement) = at.get("autoincrement")? {
        column = column.autoincrement(read_autoincrement(&autoincrement)?);
    }
    Ok(column)
}

fn read_type(at: &At<'_>) -> Result<ColumnType> {
    let name = at.need("type")?;
    Ok(match name.text()? {
        "integer" => ColumnType::Integer,
        "bigint" => ColumnType::BigInteger,
        "varchar" => ColumnType::Varchar(match at.get("length")? {
            Some(length) => {
                let number = u32::try_from(length.integer()?);
                Some(number.map_err(|_| length.wrong("expected a length that is not negative"))?)
            }
            None => None,
        }),
        "text" => ColumnType::Text,
        "float" => ColumnType::Float,
        "boolean" => ColumnType::Boolean,
        "blob" => ColumnType::Blob,
        other => {
            return Err(name.wrong(format!(
                "expected integer, bigint, varchar, text, float, boolean or blob, found \"{other}\""
            )));
        }
    })
}

fn read_autoincrement(at: &At<'_>) -> Result<Autoincrement> {
    if !at.is_text() {
        return Ok(if at.boolean()? { Autoincrement::On } else { Autoincrement::Off });
    }
    match at.text()? {
        "auto" => Ok(Autoincrement::Auto),
        "ignore_fk" => Ok(Autoincrement::IgnoreForeignKey),
        other => Err(
            at.wrong(format!("expected true, false, \"auto\" or \"ignore_fk\", found \"{other}\""))
        ),
    }
}

fn read_server_default(at: &At<'_>) -> Result<ServerDefault> {
    let text = at.text()?.to_owned();
    let meaning = read_literal(&text)
        .ok_or_else(|| at.wrong(format!("expected an SQL literal, found {text}")))?;
    Ok(ServerDefault { text, meaning })
}

/// A number, a string in quotes or NULL.
fn read_literal(text: &str) -> Option<Expression> {
    let text = text.trim();
    let text = text.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(text).trim();
    if let Some(inner) = text.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')) {
        let unquoted = inner.replace("''", "'");
        return Some(lit(Value::Text(unquoted.into())));
    }
    if text.eq_ignore_ascii_case("null") {
        return Some(lit(Value::Null));
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Some(lit(integer));
    }
    text.parse::<f64>().ok().map(lit)
}

fn read_foreign_key(at: &At<'_>) -> Result<ForeignKeyDefinition> {
    let columns = at.names("columns")?;
    let referenced = at.names("ref_columns")?;
    if columns.is_empty() || columns.len() != referenced.len() {
        return Err(at.wrong("expected as many columns as ref_columns, and at least one"));
    }
    let mut key = ForeignKeyDefinition::new(columns, at.name("table")?, referenced);
    if let Some(action) = at.get("on_delete")? {
        key = key.on_delete(read_action(&action)?);
    }
    if let Some(action) = at.get("on_update")? {
        key = key.on_update(read_action(&action)?);
    }
    if let Some(deferrable) = at.get("deferrable")? {
        key = key.deferrable(deferrable.boolean()?);
    }
    if let Some(initially) = at.get("initially")? {
        key = key.initially(match initially.text()? {
            "DEFERRED" => Initially::Deferred,
            "IMMEDIATE" => Initially::Immediate,
            other => {
                return Err(
                    initially.wrong(format!("expected DEFERRED or IMMEDIATE, found \"{other}\""))
                );
            }
        });
    }
    Ok(key)
}

fn read_action(at: &At<'_>) -> Result<ReferentialAction> {
    Ok(match at.text()? {
        "CASCADE" => ReferentialAction::Cascade,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        "RESTRICT" => ReferentialAction::Restrict,
        "NO ACTION" => ReferentialAction::NoAction,
        other => {
            return Err(at.wrong(format!(
                "expected CASCADE, SET NULL, SET DEFAULT, RESTRICT or NO ACTION, found \"{other}\""
            )));
        }
    })
}

fn read_relationship(at: &At<'_>) -> Result<RelationshipDefinition> {
    let mut it = RelationshipDefinition::new(at.name("name")?, at.name("target")?)
        .passive_deletes(read_passive_deletes(at)?)
        .passive_updates(at.flag("passive_updates", true)?)
        .single_parent(at.flag("single_parent", false)?)
        .post_update(at.flag("post_update", false)?)
        .viewonly(at.flag("viewonly", false)?)
        .active_history(at.flag("active_history", false)?)
        .remote_side(read_paths(at, "remote_side")?)
        .foreign_keys(read_paths(at, "foreign_keys")?);
    if let Some(name) = at.optional_name("back_populates")? {
        it = it.back_populates(name);
    }
    if let Some(cascade) = at.optional_name("cascade")? {
        it = it.cascade(cascade);
    }
    if at.flag("cascade_delete", false)? {
        it = it.cascade_delete();
    }
    if let Some(uselist) = at.get("uselist")? {
        it = it.uselist(uselist.boolean()?);
    }
    if let Some(lazy) = at.get("lazy")? {
        it = it.lazy(read_lazy(&lazy)?);
    }
    if let Some(secondary) = at.optional_name("secondary")? {
        it = it.secondary(secondary);
    }
    for member in at.members("order_by")? {
        let text = member.text()?;
        let (text, order) = match text.strip_prefix('-') {
            Some(rest) => (rest, Order::Descending),
            None => (text, Order::Ascending),
        };
        it = it.order_by(read_path(&member, text)?, order);
    }
    Ok(it)
}

fn read_passive_deletes(at: &At<'_>) -> Result<PassiveDeletes> {
    let Some(at) = at.get("passive_deletes")? else { return Ok(PassiveDeletes::No) };
    if at.is_text() {
        return match at.text()? {
            "all" => Ok(PassiveDeletes::All),
            other => Err(at.wrong(format!("expected false, true or \"all\", found \"{other}\""))),
        };
    }
    Ok(if at.boolean()? { PassiveDeletes::Yes } else { PassiveDeletes::No })
}

fn read_lazy(at: &At<'_>) -> Result<Lazy> {
    Ok(match at.text()? {
        "select" => Lazy::Select,
        "dynamic" => Lazy::Dynamic,
        "write_only" => Lazy::WriteOnly,
        "selectin" => Lazy::Selectin,
        "joined" => Lazy::Joined,
        "subquery" => Lazy::Subquery,
        "immediate" => Lazy::Immediate,
        "noload" => Lazy::Noload,
        "raise" => Lazy::Raise,
        "raise_on_sql" => Lazy::RaiseOnSql,
        other => {
            return Err(at.wrong(format!(
                "expected select, dynamic, write_only, selectin, joined, subquery, immediate, \
                 noload, raise or raise_on_sql, found \"{other}\""
            )));
        }
    })
}

fn read_paths(at: &At<'_>, key: &str) -> Result<Vec<ColumnPath>> {
    at.members(key)?.iter().map(|member| read_path(member, member.text()?)).collect()
}

fn read_path(at: &At<'_>, text: &str) -> Result<ColumnPath> {
    let parts = text.rsplit_once('.');
    let (owner, column) =
        parts.ok_or_else(|| at.wrong(format!("expected \"Model.column\", found \"{text}\"")))?;
    Ok(ColumnPath::new(owner, column))
}
