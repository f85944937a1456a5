//! The tour for people: an opening, a screen for each run, and what they all came to.

use super::heroes::{Hero, Rows, WAKALAND};
use super::programs::{Shown, lines};
use super::{Instead, Outcome, Refusal, Run};
use crate::cli::render::{
    BAD, BOLD, CHANGED, Cell, DIM, GOOD, PLAIN, SECTION_WIDTH, WIDTH, columns, listing, paragraph,
    rule, section, styled,
};
use crate::database::{CheckReport, Enforcement, LetPass};
use crate::error::Rows as CountedRows;
use crate::value::Value;
use anstyle::Style;
use std::io::{self, Write};

/// Prints the programs, then the runs between the opening and the closing table.
pub(super) fn write(programs: &[Shown], runs: &[Run], out: &mut dyn Write) -> io::Result<()> {
    if !programs.is_empty() {
        write_programs(programs, out)?;
    }
    let Some(first) = runs.first() else { return Ok(()) };
    let screens = runs.iter().enumerate().map(|(at, run)| screen(run, at + 1, runs.len()));
    for lines in [opening(first)].into_iter().chain(screens) {
        for line in lines {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    for line in closing(runs) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_programs(programs: &[Shown], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", styled(&rule("ondelete tour", "what the programs do"), BOLD))?;
    for line in paragraph(PROGRAMS, WIDTH, PLAIN) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for program in programs {
        for line in lines(program) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

const PROGRAMS: &str = "The five programs of the SQLModel documentation's chapter \
    \"Cascade Delete Relationships\", and two that others ask about, played whole: rows are made \
    through a session, then the parent is looked up and deleted. The console shows what the session \
    sends, as SQLAlchemy's echo does, and below a statement (└─) what the database's foreign keys do \
    about it. Each \"instead\" is the same program with one thing changed, run as well.";

// ------------------------------------------------------------------------------------------------
// The opening: what everything starts from
// ------------------------------------------------------------------------------------------------

const INTRODUCTION: &str = "Three teams and five heroes, as the chapter has them. Each run makes them \
    anew and deletes team 3, Wakaland. Runs that the chapter's programs show carry their numbers; \
    the others, NO ACTION and SET DEFAULT among them, are variants of ours on the same rows. Only \
    the database is at work here.";

fn opening(run: &Run) -> Vec<String> {
    let mut lines = vec![styled(&rule("the database alone", "a team is deleted"), BOLD)];
    lines.extend(paragraph(INTRODUCTION, WIDTH, PLAIN));
    let tables = [("team", &run.before.teams), ("hero", &run.before.heroes)];
    for (name, table) in tables {
        let header = table.columns.iter().map(|name| Cell::left(name).styled(DIM)).collect();
        let rows = table.rows.iter().map(|row| row.iter().map(plain_cell).collect());
        let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
        lines.push(String::new());
        lines.extend(section(name, columns(&rows)));
    }
    let indexes = run.schema.iter().filter_map(|sql| sql.strip_prefix("CREATE INDEX "));
    lines.push(String::new());
    lines.extend(section("indexes", indexes.map(str::to_owned).collect()));
    lines
}

/// A value as people write it: a text without quotes.
fn plain_cell(value: &Value) -> Cell {
    match value {
        Value::Text(text) => Cell::left(&**text),
        Value::Null => Cell::right("NULL"),
        Value::Integer(_) | Value::Real(_) | Value::Blob(_) => Cell::right(value.to_string()),
    }
}

// ------------------------------------------------------------------------------------------------
// One run
// ------------------------------------------------------------------------------------------------

fn screen(run: &Run, number: usize, count: usize) -> Vec<String> {
    let title = format!("{number} of {count} ── {}, enforcement {}", run.action, word(run));
    let mut lines = vec![styled(&rule(&title, &shown_by(run)), BOLD)];
    let tables = Compared { before: &run.before, after: &run.after, dangling: &run.dangling };
    let (before, after) = tables.lines();
    lines.extend(section("schema", paragraph(foreign_key(run), SECTION_WIDTH, PLAIN)));
    lines.extend(section("before", before));
    lines.extend(section("delete", paragraph(&run.statement, SECTION_WIDTH, PLAIN)));
    lines.extend(section("plan", plan(run)));
    match &run.error {
        None => lines.extend(section("after", after)),
        Some(error) => lines.extend(refusal(run, error)),
    }
    lines.extend(section("let pass", run.let_pass.iter().flat_map(let_pass).collect()));
    if run.error.is_none() {
        lines.extend(section("check", check(&run.dangling)));
    }
    lines.extend(section("instead", run.instead.iter().flat_map(instead).collect()));
    lines.extend(section("why", paragraph(run.why, SECTION_WIDTH, PLAIN)));
    lines
}

fn word(run: &Run) -> &'static str {
    match run.enforcement {
        Enforcement::On => "on",
        Enforcement::Off => "off",
    }
}

fn shown_by(run: &Run) -> String {
    match run.programs {
        [] => "a variant of ours".to_owned(),
        [one] => format!("tutorial {one}"),
        several => format!("tutorials {}", several.join(", ")),
    }
}

/// The line of the schema on which everything hangs.
fn foreign_key(run: &Run) -> &str {
    let mut lines = run.schema.iter().flat_map(|sql| sql.lines());
    lines.find(|line| line.contains(" REFERENCES ")).unwrap_or_default().trim()
}

/// The plan, with what is let pass left to the section of its own.
fn plan(run: &Run) -> Vec<String> {
    let text = run.plan.to_string();
    let lines = text.lines().filter(|line| !line.starts_with("let pass: "));
    let style = |line: &str| if line.starts_with("refused by ") { BAD } else { PLAIN };
    lines.flat_map(|line| listing(line, SECTION_WIDTH, style(line))).collect()
}

fn refusal(run: &Run, error: &Refusal) -> Vec<String> {
    let mut lines = section("error", listing(&error.message, SECTION_WIDTH, BAD));
    let sqlite = format!("SQLite says only: {} (extended code {})", error.sqlite, error.code);
    lines.extend(section("", vec![styled(&sqlite, DIM)]));
    let (teams, heroes) = (run.after.teams.rows.len(), run.after.heroes.rows.len());
    let text = match run.before == run.after {
        true => styled(&format!("unchanged: {teams} teams, {heroes} heroes"), GOOD),
        false => styled(&format!("half done: {teams} teams, {heroes} heroes"), BAD),
    };
    lines.extend(section("after", vec![text]));
    lines
}

fn let_pass(entry: &LetPass) -> Vec<String> {
    paragraph(&entry.to_string(), SECTION_WIDTH, PLAIN)
}

fn check(report: &CheckReport) -> Vec<String> {
    let style = if report.total == 0 { GOOD } else { BAD };
    listing(&report.to_string(), SECTION_WIDTH, style)
}

fn instead(instead: &Instead) -> Vec<String> {
    let Instead { statement, heroes, teams, .. } = instead;
    let (heroes, teams) = (CountedRows(*heroes), CountedRows(*teams));
    let text = format!(
        "tutorial 005: {statement} ({heroes}) first, then the delete goes through ({teams})"
    );
    paragraph(&text, SECTION_WIDTH, PLAIN)
}

/// Teams and heroes side by side, before and after, each row in its place.
struct Compared<'a> {
    before: &'a Rows,
    after: &'a Rows,
    dangling: &'a CheckReport,
}

impl Compared<'_> {
    /// The lines of both, aligned with one another.
    fn lines(&self) -> (Vec<String>, Vec<String>) {
        let mut rows = vec![header()];
        let (teams, heroes) = (&self.before.teams.rows, self.before.heroes());
        let heroes: Vec<Hero<'_>> = heroes.collect();
        let height = teams.len().max(heroes.len());
        let row = |left: [Cell; 2], right: [Cell; 4]| {
            left.into_iter().chain([Cell::default()]).chain(right).collect()
        };
        for at in 0..height {
            rows.push(row(team_cells(teams.get(at)), hero_cells(heroes.get(at), "", PLAIN)));
        }
        rows.push(header());
        for at in 0..height {
            rows.push(row(self.team_after(teams.get(at)), self.hero_after(heroes.get(at))));
        }
        let mut lines = columns(&rows);
        let after = lines.split_off(height + 1);
        (lines, after)
    }

    fn team_after(&self, team: Option<&Vec<Value>>) -> [Cell; 2] {
        match team.filter(|team| self.after.team(&team[0]).is_none()) {
            Some(team) => gone(&team[0]),
            None => team_cells(team),
        }
    }

    fn hero_after(&self, hero: Option<&Hero<'_>>) -> [Cell; 4] {
        let Some(before) = hero else { return Default::default() };
        let Some(now) = self.after.hero(before.id) else {
            let [id, name] = gone(before.id);
            return [id, name, Cell::default(), Cell::default()];
        };
        if self.dangles(now.id) {
            return hero_cells(Some(&now), "dangles", BAD);
        }
        match now.team_id == before.team_id {
            true => hero_cells(Some(&now), "", PLAIN),
            false => hero_cells(Some(&now), &format!("was {}", before.team_id), CHANGED),
        }
    }

    fn dangles(&self, hero: &Value) -> bool {
        let mut rows = self.dangling.first.iter();
        rows.any(|row| row.table == "hero" && *row.row.values == [hero.clone()])
    }
}

fn header() -> Vec<Cell> {
    let name = |text| Cell::left(text).styled(DIM);
    vec![name("team.id"), name("name"), name(""), name("hero.id"), name("name"), name("team_id")]
}

fn gone(id: &Value) -> [Cell; 2] {
    [plain_cell(id).styled(BAD), Cell::left("(gone)").styled(BAD)]
}

fn team_cells(team: Option<&Vec<Value>>) -> [Cell; 2] {
    match team.map(Vec::as_slice) {
        Some([id, name, ..]) => [plain_cell(id), plain_cell(name)],
        Some(_) | None => Default::default(),
    }
}

fn hero_cells(hero: Option<&Hero<'_>>, note: &str, style: Style) -> [Cell; 4] {
    let Some(Hero { id, name, team_id }) = hero else { return Default::default() };
    let team_id = Cell::right(team_id.to_string()).styled(style);
    [plain_cell(id), plain_cell(name), team_id, Cell::left(note).styled(style)]
}

// ------------------------------------------------------------------------------------------------
// The closing table
// ------------------------------------------------------------------------------------------------

fn closing(runs: &[Run]) -> Vec<String> {
    let names = ["ON DELETE", "enforcement", "team", "its heroes", "outcome", "tutorial"];
    let header = names.map(|name| Cell::left(name).styled(DIM)).to_vec();
    let rows: Vec<_> = std::iter::once(header).chain(runs.iter().map(summary)).collect();
    let mut lines = vec![styled(&rule("what they came to", ""), BOLD)];
    lines.extend(columns(&rows));
    lines
}

fn summary(run: &Run) -> Vec<Cell> {
    let team = match run.after.team(&Value::from(WAKALAND)) {
        Some(_) => "stays",
        None => "gone",
    };
    let style = match run.outcome {
        Outcome::Gone | Outcome::Nulled | Outcome::Defaulted => PLAIN,
        Outcome::Refused | Outcome::Dangling => BAD,
    };
    let programs = run.programs.join(", ");
    vec![
        Cell::left(run.action.to_string()),
        Cell::left(word(run)),
        Cell::left(team),
        Cell::left(members_after(run)),
        Cell::left(run.outcome.to_string()).styled(style),
        Cell::left(if programs.is_empty() { "–" } else { &programs }),
    ]
}

/// What became of those who were in Wakaland.
fn members_after(run: &Run) -> String {
    let members = run.before.heroes().filter(|hero| *hero.team_id == Value::from(WAKALAND));
    let mut words: Vec<String> = members
        .map(|hero| match run.after.hero(hero.id) {
            Some(now) => format!("team_id {}", now.team_id),
            None => "gone".to_owned(),
        })
        .collect();
    words.dedup();
    words.join(", ")
}
