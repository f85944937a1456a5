//! How rows are written: as SQL literals, as a list, as a table, as JSON.

use crate::sql::Outcome;
use crate::value::Value;
use std::io::{self, Write};

/// A way to write rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Values apart by `|`.
    List,
    /// Values as SQL literals.
    Quote,
    /// A frame around aligned columns.
    Table,
    /// An array of objects.
    Json,
}

impl Mode {
    /// Each by its name.
    pub(super) const ALL: [(&'static str, Mode); 4] = [
        ("quote", Mode::Quote),
        ("list", Mode::List),
        ("table", Mode::Table),
        ("json", Mode::Json),
    ];
}

/// Writes the rows of a statement; nothing if there are none.
pub(super) fn write(
    out: &mut dyn Write,
    mode: Mode,
    has_headers: bool,
    outcome: &Outcome,
) -> io::Result<()> {
    if outcome.rows.is_empty() {
        return Ok(());
    }
    match mode {
        Mode::List => write_lines(out, has_headers, outcome, "|", &as_text, &str::to_owned),
        Mode::Quote => write_lines(out, has_headers, outcome, ",", &Value::to_string, &quoted),
        Mode::Table => write_table(out, outcome),
        Mode::Json => write_json(out, outcome),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as it reads: NULL is nothing.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Integer(_) | Value::Real(_) | Value::Text(_) => {
            value.to_text().map_or_else(String::new, |text| text.to_string())
        }
    }
}

fn write_lines(
    out: &mut dyn Write,
    has_headers: bool,
    outcome: &Outcome,
    separator: &str,
    cell: &dyn Fn(&Value) -> String,
    name: &dyn Fn(&str) -> String,
) -> io::Result<()> {
    if has_headers {
        let names: Vec<_> = outcome.columns.iter().map(|column| name(column)).collect();
        writeln!(out, "{}", names.join(separator))?;
    }
    for row in &outcome.rows {
        let cells: Vec<_> = row.iter().map(cell).collect();
        writeln!(out, "{}", cells.join(separator))?;
    }
    Ok(())
}

fn write_table(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let rows: Vec<Vec<String>> =
        outcome.rows.iter().map(|row| row.iter().map(as_text).collect()).collect();
    let width = |(at, name): (usize, &String)| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.chain([name]).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = outcome.columns.iter().enumerate().map(width).collect();
    let line: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let line = format!("+{}+", line.join("+"));
    let framed = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} "));
        format!("|{}|", cells.collect::<Vec<_>>().join("|"))
    };
    writeln!(out, "{line}\n{}\n{line}", framed(&outcome.columns))?;
    for row in &rows {
        writeln!(out, "{}", framed(row))?;
    }
    writeln!(out, "{line}")
}

fn write_json(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let row = |row: &Vec<Value>| {
        let members = outcome.columns.iter().zip(row);
        let members = members.map(|(name, value)| {
            format!("{}:{}", serde_json::Value::from(name.as_str()), json(value))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    let rows: Vec<_> = outcome.rows.iter().map(row).collect();
    writeln!(out, "[{}]", rows.join(",\n"))
}

fn json(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) if real.is_finite() => Value::Real(*real).to_string(),
        Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
            serde_json::Value::from(as_text(value)).to_string()
        }
    }
}
