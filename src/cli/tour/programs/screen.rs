//! The programs for people: what they declare, what is sent, what the database does about it, and
//! what becomes of it if a line is taken out.

use super::models::{Parts, Sample};
use super::observe::{Entry, Log, action_text};
use super::{Body, By, Case, Child, Parent, Played, Shown, Variant};
use crate::catalog::ReferentialAction;
use crate::cli::render::{
    BAD, BOLD, CHANGED, Cell, DIM, GOOD, PLAIN, SECTION_WIDTH, columns, listing, paragraph, rule,
    section, styled,
};
use crate::cli::tour::Outcome;
use crate::database::Enforcement;
use crate::session::mapping::{Lazy, PassiveDeletes};
use crate::value::Value;
use anstyle::Style;

/// One program's screen.
pub(in crate::cli::tour) fn lines(program: &Shown) -> Vec<String> {
    let Shown { name, declares, case, played, variants, why } = program;
    let enforcement = match case.enforcement {
        Enforcement::On => "PRAGMA foreign_keys = ON",
        Enforcement::Off => "foreign keys not enforced",
    };
    let mut lines = vec![styled(&rule(name, enforcement), BOLD)];
    let declared = declares.iter().flat_map(|line| listing(line, SECTION_WIDTH, PLAIN));
    lines.extend(section("models", declared.collect()));
    lines.extend(section("program", code(case)));
    lines.extend(section("console", console(&played.log)));
    if let Some(error) = &played.error {
        lines.extend(section("error", listing(error, SECTION_WIDTH, BAD)));
    }
    lines.extend(section("after", after(case.sample.parts(), played)));
    lines.extend(section("why", paragraph(why, SECTION_WIDTH, PLAIN)));
    lines.extend(section("instead", instead(variants, case)));
    lines
}

// ------------------------------------------------------------------------------------------------
// What is written
// ------------------------------------------------------------------------------------------------

/// The relationship and the foreign key, as the program has them.
pub(super) fn declarations(case: &Case) -> [String; 2] {
    let parts = case.sample.parts();
    match case.sample {
        Sample::Heroes => [sqlmodel_relationship(case, parts), sqlmodel_column(case, parts)],
        Sample::Enrollments | Sample::Items => [relationship(case, parts), column(case, parts)],
    }
}

fn sqlmodel_relationship(case: &Case, parts: Parts) -> String {
    let Parts { parent, child, collection, reference, .. } = parts;
    let mut arguments = vec![format!("back_populates=\"{reference}\"")];
    if case.cascade.is_some() {
        arguments.push("cascade_delete=True".to_owned());
    }
    arguments.extend(passive_deletes(case));
    let arguments = arguments.join(", ");
    format!("{}.{collection}: list[\"{}\"] = Relationship({arguments})", parent.class, child.class)
}

fn sqlmodel_column(case: &Case, parts: Parts) -> String {
    let Parts { parent, child, column, .. } = parts;
    let mut arguments = vec![format!("foreign_key=\"{}.id\"", parent.table)];
    if case.nullable {
        arguments.insert(0, "default=None".to_owned());
    }
    arguments.extend(case.on_delete.map(|action| format!("ondelete=\"{action}\"")));
    let optional = if case.nullable { " | None" } else { "" };
    format!("{}.{column}: int{optional} = Field({})", child.class, arguments.join(", "))
}

fn relationship(case: &Case, parts: Parts) -> String {
    let Parts { parent, child, collection, reference, .. } = parts;
    let mut arguments =
        vec![format!("\"{}\"", child.class), format!("back_populates=\"{reference}\"")];
    if case.lazy == Lazy::Dynamic {
        arguments.push("lazy=\"dynamic\"".to_owned());
    }
    arguments.extend(case.cascade.map(|cascade| format!("cascade=\"{cascade}\"")));
    arguments.extend(passive_deletes(case));
    format!("{}.{collection} = relationship({})", parent.class, arguments.join(", "))
}

fn column(case: &Case, parts: Parts) -> String {
    let Parts { parent, child, column, .. } = parts;
    let on_delete = |action: ReferentialAction| format!(", ondelete=\"{action}\"");
    let on_delete = case.on_delete.map(on_delete).unwrap_or_default();
    let nullable = if case.nullable { "" } else { ", nullable=False" };
    format!(
        "{}.{column} = Column(ForeignKey(\"{}.id\"{on_delete}){nullable})",
        child.class, parent.table
    )
}

fn passive_deletes(case: &Case) -> Option<String> {
    let value = match case.passive_deletes {
        PassiveDeletes::No => return None,
        PassiveDeletes::Yes => "True",
        PassiveDeletes::All => "\"all\"",
    };
    Some(format!("passive_deletes={value}"))
}

/// The lines that delete.
fn code(case: &Case) -> Vec<String> {
    let Parts { parent, collection, reference, name, .. } = case.sample.parts();
    let variable = match case.sample {
        Sample::Heroes | Sample::Items => reference,
        Sample::Enrollments => "class_",
    };
    let find =
        format!("{variable} = session.query({}).filter_by(name=\"{name}\").one()", parent.class);
    let mut lines = vec![find];
    match case.body {
        Body::ReadAndDelete => lines.push(format!("{variable}.{collection}")),
        Body::ClearAndDelete => {
            lines.push(format!("{variable}.{collection}.clear(); session.commit()"));
            lines.push("# and in another session:".to_owned());
        }
        Body::Delete | Body::Direct => {}
    }
    lines.push(format!("session.delete({variable}); session.commit()"));
    lines
}

// ------------------------------------------------------------------------------------------------
// What is sent
// ------------------------------------------------------------------------------------------------

/// What the session sends, and below each statement what the database's foreign keys do.
fn console(log: &Log) -> Vec<String> {
    log.0.iter().flat_map(entry).collect()
}

fn entry(entry: &Entry) -> Vec<String> {
    match entry {
        Entry::Begin => vec![styled("BEGIN (implicit)", DIM)],
        Entry::Commit => vec![styled("COMMIT", DIM)],
        Entry::Rollback => vec![styled("ROLLBACK", DIM)],
        Entry::Sql { text, parameters, by_constraint, .. } => {
            let style = if text.starts_with("SELECT") { PLAIN } else { CHANGED };
            let mut lines = listing(&format!("{text}  {parameters}"), SECTION_WIDTH, style);
            let actions = by_constraint.iter().map(|by| format!("└─ {}", action_text(by)));
            lines.extend(actions.map(|action| styled(&action, BAD)));
            lines
        }
    }
}

/// The statements in short: `SELECT hero, DELETE hero ×2, DELETE team`.
fn in_short(log: &Log, parent: &str) -> String {
    let sql = log.0.iter().filter_map(|entry| match entry {
        // What the program itself wrote, and that the parent is looked up, goes without saying.
        Entry::Sql { verb: "SQL", .. } => None,
        Entry::Sql { verb: "SELECT", table, .. } if table == parent => None,
        Entry::Sql { verb, table, times, .. } => Some((format!("{verb} {table}"), *times)),
        Entry::Begin | Entry::Commit | Entry::Rollback => None,
    });
    let text = |(text, times): (String, usize)| match times {
        1 => text,
        many => format!("{text} ×{many}"),
    };
    sql.map(text).collect::<Vec<_>>().join(", ")
}

// ------------------------------------------------------------------------------------------------
// What becomes of it
// ------------------------------------------------------------------------------------------------

fn after(parts: Parts, played: &Played) -> Vec<String> {
    let Parent { id, name, stays } = &played.parent;
    let (what, style) = if *stays { ("stays", GOOD) } else { ("gone", BAD) };
    let mut rows = vec![row(parts.parent.table, *id, name, what.to_owned(), style)];
    for Child { id, name, key } in &played.children {
        let (what, style) = match key {
            None => ("gone".to_owned(), BAD),
            Some(Value::Null) => (format!("{} NULL", parts.column), CHANGED),
            Some(key) if *stays => (format!("{} {key}", parts.column), GOOD),
            Some(key) => (format!("{} {key}, which is gone", parts.column), BAD),
        };
        rows.push(row(parts.child.table, *id, name, what, style));
    }
    columns(&rows)
}

fn row(table: &str, id: i64, name: &str, what: String, style: Style) -> Vec<Cell> {
    let what = Cell::left(what).styled(style);
    vec![Cell::left(table), Cell::right(id.to_string()), Cell::left(name), what]
}

/// The variants, each of which was run: what was changed, what was sent, what came of it.
fn instead(variants: &[Variant], case: &Case) -> Vec<String> {
    let mut lines = Vec::new();
    for Variant { change, played } in variants {
        let (verdict, style) = verdict(played);
        let sent = in_short(&played.log, case.sample.parts().parent.table);
        let fits = change.chars().count() + verdict.chars().count() + 2 <= SECTION_WIDTH;
        let (change, verdict) = (styled(change, BOLD), styled(&verdict, style));
        let sent = match sent.is_empty() {
            true => Vec::new(),
            false => listing(&format!("  {sent}"), SECTION_WIDTH, DIM),
        };
        if fits {
            lines.push(format!("{change}  {verdict}"));
            lines.extend(sent);
        } else {
            lines.push(change);
            lines.extend(sent);
            lines.push(format!("  {verdict}"));
        }
    }
    lines
}

fn verdict(played: &Played) -> (String, Style) {
    let by = match played.by {
        Some(By::Session) => " by the session",
        Some(By::Database) => " by the database",
        None => "",
    };
    match played.outcome {
        Outcome::Gone => (format!("→ children deleted{by}"), PLAIN),
        Outcome::Nulled => (format!("→ children set to NULL{by}"), CHANGED),
        Outcome::Refused => {
            let error = played.error.as_deref().unwrap_or_default();
            let error = error.rsplit(") ").next().unwrap_or_default();
            (format!("→ refused: {error}"), BAD)
        }
        Outcome::Dangling => ("→ children left dangling".to_owned(), BAD),
        Outcome::Defaulted => (format!("→ children moved{by}"), CHANGED),
    }
}
