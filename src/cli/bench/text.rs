//! A bench for people: what there is, what each subject took, what the delete comes to.

use super::engine::Outcome;
use super::{Measured, Report};
use crate::catalog::ReferentialAction;
use crate::cli::render::{
    BAD, BOLD, CHANGED, Cell, DIM, PLAIN, SECTION_WIDTH, columns, paragraph, rule, section, styled,
};
use crate::error::Rows;
use clap::ValueEnum;
use std::io::{self, Write};

/// Prints the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let shape = report.shape.to_possible_value().map(|value| value.get_name().to_owned());
    let title = format!("{}, ON DELETE {}", shape.unwrap_or_default(), report.action);
    writeln!(out, "{}", styled(&rule("ondelete bench", &title), BOLD))?;
    let notes = report.notes.iter().map(|note| section("note", lines(note, DIM)));
    let parts = [
        section("rows", lines(&tables(report), PLAIN)),
        section("times", columns(&times(report))),
        section("outcome", outcome(report)),
    ];
    for line in parts.into_iter().chain(notes).flatten() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn lines(text: &str, style: anstyle::Style) -> Vec<String> {
    paragraph(text, SECTION_WIDTH, style)
}

/// `1 row in team, 7 rows in hero`.
fn tables(report: &Report) -> String {
    let table = report.tables.iter().map(|size| format!("{} in {}", rows(size.rows), size.table));
    table.collect::<Vec<_>>().join(", ")
}

/// One line a subject: medians of its samples.
fn times(report: &Report) -> Vec<Vec<Cell>> {
    let header = ["rows changed", "delete", "per row", "ratio", "rollback"];
    let header = std::iter::once(Cell::left("subject")).chain(header.map(Cell::right));
    let line = |measured: &Measured| {
        let per_row = measured.ns_per_row.map_or("–".to_owned(), |time| format!("{time:.0} ns"));
        vec![
            Cell::left(measured.subject),
            Cell::right(number(measured.effect.rows_changed)),
            Cell::right(time(measured.delete_ns)),
            Cell::right(per_row),
            Cell::right(format!("{:.2}", measured.ratio)),
            Cell::right(time(measured.rollback_ns)),
        ]
    };
    let header = header.map(|cell| cell.styled(DIM)).collect();
    std::iter::once(header).chain(report.subjects.iter().map(line)).collect()
}

fn outcome(report: &Report) -> Vec<String> {
    match &report.outcome {
        Outcome::Done { deleted, updated: 0 } => {
            lines(&format!("{} deleted", rows(*deleted)), CHANGED)
        }
        Outcome::Done { deleted, updated } => {
            let to = match report.action {
                ReferentialAction::SetDefault => "its default",
                ReferentialAction::SetNull
                | ReferentialAction::Cascade
                | ReferentialAction::Restrict
                | ReferentialAction::NoAction => "NULL",
            };
            let text =
                format!("{} deleted, the key of {} set to {to}", rows(*deleted), rows(*updated));
            lines(&text, CHANGED)
        }
        Outcome::Refused { message, .. } => lines(&format!("refused: {message}"), BAD),
    }
}

/// `1 row`, `1,234 rows`.
fn rows(count: u64) -> String {
    Rows(count as usize).to_string()
}

/// `1,234`.
fn number(count: u64) -> String {
    rows(count).split(' ').next().unwrap_or_default().to_owned()
}

/// In the largest unit of which there is at least one.
fn time(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    match units.into_iter().find(|(unit, _)| ns >= *unit) {
        Some((unit, name)) => format!("{:.2} {name}", ns as f64 / unit as f64),
        None => format!("{ns} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!([0, 999].map(time), ["0 ns", "999 ns"]);
        assert_eq!([1_000, 1_234_567].map(time), ["1.00 µs", "1.23 ms"]);
        assert_eq!(time(61_000_000_000), "61.00 s");
        assert_eq!([0, 1, 12_345].map(number), ["0", "1", "12,345"]);
    }
}
