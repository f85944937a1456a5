//! Text for a terminal of 80 columns: aligned columns, wrapped sentences, rules, styles.
//!
//! Widths are counted in characters, before styles are put on, so that what is dropped where nobody
//! sees colour changes nothing else.

use anstyle::{AnsiColor, Style};
use comfy_table::CellAlignment;

/// How wide a line may be.
pub(super) const WIDTH: usize = 80;

/// How far the text of a section stands to the right of its label.
const INDENT: usize = 10;

/// How wide the text of a section may be.
pub(super) const SECTION_WIDTH: usize = WIDTH - INDENT;

/// As it is.
pub(super) const PLAIN: Style = Style::new();
/// Titles, and the labels of sections.
pub(super) const BOLD: Style = Style::new().bold();
/// What is there for orientation.
pub(super) const DIM: Style = Style::new().dimmed();
/// Refused, dangling, gone.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// Unchanged, sound.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Changed.
pub(super) const CHANGED: Style = AnsiColor::Yellow.on_default();

/// The text in a style; without escape sequences if there is nothing to be styled.
pub(super) fn styled(text: &str, style: Style) -> String {
    let style = if text.is_empty() { PLAIN } else { style };
    format!("{style}{text}{style:#}")
}

/// `── left ───────── right ──`, as wide as a line may be.
pub(super) fn rule(left: &str, right: &str) -> String {
    let left = format!("── {left} ");
    let right = if right.is_empty() { "──".to_owned() } else { format!(" {right} ──") };
    let fill = WIDTH.saturating_sub(left.chars().count() + right.chars().count());
    format!("{left}{}{right}", "─".repeat(fill))
}

/// The words of a text on lines of at most `width` characters. A longer word gets its own line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width).break_words(false);
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options.word_separator(textwrap::WordSeparator::AsciiSpace));
    lines.into_iter().map(|line| line.into_owned()).collect()
}

/// A text of several lines, each of them wrapped, all in one style.
pub(super) fn paragraph(text: &str, width: usize, style: Style) -> Vec<String> {
    let lines = text.lines().flat_map(|line| wrap(line, width));
    lines.map(|line| styled(&line, style)).collect()
}

/// The engine's own lines, all in one style; what does not fit a line goes on below, indented.
pub(super) fn listing(text: &str, width: usize, style: Style) -> Vec<String> {
    const HANG: &str = "  ";
    let fold = |line: &str| {
        if line.chars().count() <= width {
            return vec![line.to_owned()];
        }
        let mut lines = wrap(line, width - HANG.len());
        lines.iter_mut().skip(1).for_each(|line| line.insert_str(0, HANG));
        lines
    };
    text.lines().flat_map(fold).map(|line| styled(&line, style)).collect()
}

/// Lines behind a label, which stands before the first of them.
pub(super) fn section(label: &str, lines: Vec<String>) -> Vec<String> {
    debug_assert!(label.chars().count() < INDENT, "a label leaves a space before its text");
    let line = |(position, line): (usize, String)| {
        let label = if position == 0 { label } else { "" };
        let space = " ".repeat(INDENT - label.chars().count());
        format!("{}{space}{line}", styled(label, BOLD))
    };
    lines.into_iter().enumerate().map(line).collect()
}

/// One cell of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
    is_right: bool,
}

impl Cell {
    /// Text, from the left.
    pub(super) fn left(text: impl Into<String>) -> Self {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// Text, to the right, as numbers stand.
    pub(super) fn right(text: impl Into<String>) -> Self {
        Cell { is_right: true, ..Cell::left(text) }
    }

    /// In this style.
    pub(super) fn styled(self, style: Style) -> Self {
        Cell { style, ..self }
    }
}

/// Rows of cells as aligned lines: columns as wide as their widest cell, two spaces apart, nothing
/// behind a line's last text.
pub(super) fn columns(rows: &[Vec<Cell>]) -> Vec<String> {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    for row in rows {
        table.add_row(row.iter().map(|cell| {
            let side = if cell.is_right { CellAlignment::Right } else { CellAlignment::Left };
            comfy_table::Cell::new(styled(&cell.text, cell.style)).set_alignment(side)
        }));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 6), ["one", "two", "three"]);
        assert_eq!(wrap("incomprehensible", 5), ["incomprehensible"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn folds_lines_that_do_not_fit() {
        assert_eq!(listing("a b c d\ne", 7, PLAIN), ["a b c d", "e"]);
        assert_eq!(listing("a b c d\ne", 5, PLAIN), ["a b", "  c d", "e"]);
    }

    #[test]
    fn aligns_and_leaves_nothing_behind() {
        let rows = [
            vec![Cell::right("1"), Cell::left("Z-Force"), Cell::left("x")],
            vec![Cell::right("12"), Cell::left("no"), Cell::default()],
            vec![Cell::default(), Cell::default(), Cell::left("y").styled(PLAIN)],
        ];
        assert_eq!(columns(&rows), [" 1  Z-Force  x", "12  no", "             y"]);
    }

    #[test]
    fn a_rule_is_as_wide_as_the_line() {
        for right in ["", "tutorial 001"] {
            assert_eq!(rule("CASCADE", right).chars().count(), WIDTH);
        }
    }
}
