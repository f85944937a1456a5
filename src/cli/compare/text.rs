//! The comparison for people: a screen for each class of ways that end alike.

use super::run::{Ending, Rows};
use super::{CASCADES, Class, PASSIVE, Way};
use crate::cli::render::{
    BAD, BOLD, CHANGED, DIM, GOOD, PLAIN, SECTION_WIDTH, WIDTH, listing, paragraph, rule, section,
    styled,
};
use crate::cli::scenario::Prepared;
use crate::error::Rows as CountedRows;
use crate::session::agreement::{Cause, Reason};
use anstyle::Style;
use std::io::{self, Write};

/// So many statements of a witness are shown.
const STATEMENTS_MAX: usize = 6;

pub(super) fn write(prepared: &Prepared, classes: &[Class], out: &mut dyn Write) -> io::Result<()> {
    for line in opening(prepared, classes) {
        writeln!(out, "{line}")?;
    }
    for (at, class) in classes.iter().enumerate() {
        writeln!(out)?;
        for line in screen(class, at + 1, classes.len()) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn opening(prepared: &Prepared, classes: &[Class]) -> Vec<String> {
    let object = format!("session.delete({} {})", prepared.class, prepared.key_text());
    let ways: usize = classes.iter().map(|class| class.ways.len()).sum();
    let relationships: Vec<String> =
        prepared.relationships.iter().map(|name| format!("{}.{name}", prepared.class)).collect();
    let varied = match relationships.as_slice() {
        [] => "; no relationship leads to what references it, so that the rest does not matter"
            .to_owned(),
        names => format!(
            ", and of {} the cascade, passive_deletes, and whether it was loaded",
            names.join(" and ")
        ),
    };
    let ends = match classes.len() {
        1 => "the same end".to_owned(),
        count => format!("{count} different ends"),
    };
    let text = format!(
        "{ways} ways to delete one object: enforcement on and off{varied}. They come to {ends}."
    );
    let mut lines = vec![styled(&rule("ondelete compare", &object), BOLD)];
    lines.extend(paragraph(&text, WIDTH, PLAIN));
    lines
}

fn screen(class: &Class, number: usize, count: usize) -> Vec<String> {
    let ending = &class.witness.ending;
    let ways = class.ways.len();
    let title = format!("{number} of {count} ── {}", summary(ending));
    let counted = format!("{ways} {}", if ways == 1 { "way" } else { "ways" });
    let mut lines = vec![styled(&rule(&title, &counted), BOLD)];
    lines.extend(section("ways", ways_text(&class.ways)));
    lines.extend(section("witness", paragraph(&way_text(class.ways[0]), SECTION_WIDTH, DIM)));
    lines.extend(section("sends", statements(&class.witness.statements)));
    lines.extend(section("loads", vec![loads(class.witness.rows_loaded)]));
    lines.extend(section("end", end(ending)));
    if let Some(reason) = class.reason {
        lines.extend(section("next", paragraph(explain(reason), SECTION_WIDTH, PLAIN)));
    }
    lines
}

fn loads(rows: usize) -> String {
    match rows {
        0 => styled("nothing", DIM),
        1 => "1 row, the object's own".to_owned(),
        rows => format!("{}, the object's own among them", CountedRows(rows)),
    }
}

/// The end in a few words.
fn summary(ending: &Ending) -> String {
    if let Some((class, _)) = &ending.error {
        return format!("refused, {class}");
    }
    let changed = ending.tables.iter().filter_map(|(name, rows)| {
        let text = rows_text(rows, false);
        (!text.is_empty()).then(|| format!("{name}: {text}"))
    });
    changed.collect::<Vec<_>>().join("; ")
}

fn rows_text(rows: &Rows, with_kept: bool) -> String {
    let kept = if with_kept { rows.kept } else { 0 };
    let counts = [
        (rows.gone, "gone"),
        (rows.nulled, "nulled"),
        (rows.changed, "changed"),
        (rows.dangling, "dangling"),
        (kept, "kept"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

fn end(ending: &Ending) -> Vec<String> {
    if let Some((class, message)) = &ending.error {
        let mut lines = listing(&format!("{class}: {message}"), SECTION_WIDTH, BAD);
        lines.push(styled("unchanged", GOOD));
        return lines;
    }
    let lines = ending
        .tables
        .iter()
        .map(|(name, rows)| styled(&format!("{name}: {}", rows_text(rows, true)), style(rows)));
    lines.collect()
}

fn style(rows: &Rows) -> Style {
    match rows {
        Rows { dangling: 1.., .. } => BAD,
        Rows { gone: 0, nulled: 0, changed: 0, .. } => GOOD,
        _ => CHANGED,
    }
}

fn statements(all: &[String]) -> Vec<String> {
    if all.is_empty() {
        return vec![styled("nothing", DIM)];
    }
    let mut lines: Vec<String> =
        all.iter().take(STATEMENTS_MAX).flat_map(|it| listing(it, SECTION_WIDTH, PLAIN)).collect();
    if all.len() > STATEMENTS_MAX {
        lines.push(styled(&format!("… {} more", all.len() - STATEMENTS_MAX), DIM));
    }
    lines
}

/// The ways of a class, with what they share said once.
fn ways_text(ways: &[Way]) -> Vec<String> {
    let text = |enforced: bool| {
        let ways: Vec<Way> =
            ways.iter().filter(|way| way.is_enforced() == enforced).copied().collect();
        cascades_text(&ways)
    };
    let (on, off) = (text(true), text(false));
    let head = |word: &str, lines: Vec<String>| {
        let lines = lines.into_iter().map(|line| format!("  {line}"));
        std::iter::once(format!("enforcement {word}")).chain(lines).collect::<Vec<_>>()
    };
    match (on.is_empty(), off.is_empty()) {
        _ if on == off => head("on or off", on),
        (false, true) => head("on", on),
        (true, false) => head("off", off),
        _ => [head("on", on), head("off", off)].concat(),
    }
}

/// A line for each group of cascades that go with the same passive deletes.
fn cascades_text(ways: &[Way]) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for cascade in CASCADES {
        let ways: Vec<Way> = ways.iter().filter(|way| way.cascade == cascade).copied().collect();
        let passive = passive_text(&ways);
        if passive.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|(text, _)| *text == passive) {
            Some((_, cascades)) => cascades.push(cascade),
            None => groups.push((passive, vec![cascade])),
        }
    }
    let lines = groups.into_iter().map(|(passive, cascades)| {
        let quoted: Vec<String> = cascades.iter().map(|it| format!("\"{it}\"")).collect();
        format!("cascade {}: passive_deletes {passive}", quoted.join(" or "))
    });
    lines.flat_map(|line| listing(&line, SECTION_WIDTH - 2, PLAIN)).collect()
}

fn passive_text(ways: &[Way]) -> String {
    let told = PASSIVE.iter().filter_map(|(name, _)| {
        let has = |loaded| ways.iter().any(|way| way.passive.0 == *name && way.loaded == loaded);
        match (has(true), has(false)) {
            (true, true) => Some((*name).to_owned()),
            (true, false) => Some(format!("{name} (loaded)")),
            (false, true) => Some(format!("{name} (not loaded)")),
            (false, false) => None,
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

fn way_text(way: Way) -> String {
    format!(
        "enforcement {}, cascade \"{}\", passive_deletes={}, {}",
        if way.is_enforced() { "on" } else { "off" },
        way.cascade,
        way.passive.0,
        if way.loaded { "loaded" } else { "not loaded" }
    )
}

/// Why one of two neighbours does not end as the other one.
fn explain(reason: Reason) -> &'static str {
    match reason {
        Reason::LeftDangling => {
            "differs because in one of the two nobody deals with the rows, and enforcement is off: \
             they are left dangling (LeftDangling)."
        }
        Reason::NulledByOrm => {
            "differs because in one of the two the session sets the key to NULL first, so that the \
             delete rule never acts (NulledByOrm)."
        }
        Reason::DeletedByOrm => {
            "differs because in one of the two the session itself deletes the rows (DeletedByOrm)."
        }
        Reason::RulesDiffer => "differs because the delete rules differ (RulesDiffer).",
        Reason::StaleInMemory => {
            "differs only in memory: the database deleted rows whose objects the session still \
             takes for persistent (StaleInMemory)."
        }
        Reason::Refused(cause) => match cause {
            Cause::NotConfigurable => {
                "differs because one of the two is no mapping: passive_deletes=\"all\" does not go \
                 with cascade delete (NotConfigurable)."
            }
            Cause::NullMeetsPrimaryKey => {
                "differs because in one of the two the session would set a primary key to NULL \
                 (NullMeetsPrimaryKey)."
            }
            Cause::NullMeetsNotNull => {
                "differs because in one of the two the session sets a key to NULL that is NOT NULL \
                 (NullMeetsNotNull)."
            }
            Cause::RuleMeetsNotNull => {
                "differs because in one of the two the delete rule sets a key to NULL that is NOT \
                 NULL (RuleMeetsNotNull)."
            }
            Cause::DefaultLeadsNowhere => {
                "differs because in one of the two the default leads to no row \
                 (DefaultLeadsNowhere)."
            }
            Cause::RefusedByRestrict => {
                "differs because in one of the two rows are left that RESTRICT minds \
                 (RefusedByRestrict)."
            }
            Cause::RefusedByNoAction => {
                "differs because in one of the two rows are left that reference what goes, and no \
                 delete rule deals with them (RefusedByNoAction)."
            }
        },
    }
}
