//! The table: one line per workload, judged by its floors.

use super::Kind;
use super::list::Floor;
use std::fmt;
use std::process::ExitCode;

/// What was measured for one workload, per unit.
#[derive(Clone, Debug, Default)]
pub struct Figures([Option<f64>; Kind::ALL.len()]);

impl Figures {
    /// Notes a subject's figure.
    pub fn set(&mut self, kind: Kind, figure: f64) {
        self.0[kind as usize] = Some(figure);
    }

    /// A subject's figure.
    pub fn of(&self, kind: Kind) -> Option<f64> {
        self.0[kind as usize]
    }

    /// How many times as much as ours a subject takes.
    fn times_ours(&self, kind: Kind) -> Option<f64> {
        Some(self.of(kind)? / self.of(Kind::Ours)?)
    }
}

/// What has been printed, as later lines compare themselves with it.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<(String, Figures)>,
    missed: Vec<String>,
}

/// Whether a line reaches its floors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    /// There is nothing to compare with.
    NotJudged,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::NotJudged => "-",
        })
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Floor::TimesSqlite(times) => write!(f, ">= {times} x"),
            Floor::AtMost(most) => write!(f, "<= {most}"),
            Floor::TimesLine(times, line) => write!(f, "<= {times} x {line}"),
        }
    }
}

impl Report {
    /// Says which floors were missed; the program's exit status, which is a failure only if `checks`.
    pub fn finish(&self, checks: bool) -> ExitCode {
        if self.missed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("missed: {}", self.missed.join(", "));
        ExitCode::from(u8::from(checks))
    }

    /// Prints the names of the columns.
    pub fn heading() {
        println!(
            "{:<36} {:<9} {:>11} {:>11} {:>11} {:>11} {:>8}  verdict",
            "workload", "unit", "ours", "SQLite", "L1", "SQLite/ours", "L1/ours"
        );
    }

    /// Prints a line and keeps it.
    pub fn line(&mut self, name: &str, unit: &str, figures: Figures, floors: &[Floor]) {
        let verdicts: Vec<Verdict> =
            floors.iter().map(|floor| self.judge(floor, &figures)).collect();
        let columns = Kind::ALL.map(|kind| figure(figures.of(kind)));
        let [ours, sqlite, l1] = columns;
        let times = |kind| figure(figures.times_ours(kind));
        let (sqlite_times, l1_times) = (times(Kind::Sqlite), times(Kind::L1));
        let judged = floors.iter().zip(&verdicts);
        let judged: Vec<String> =
            judged.map(|(floor, verdict)| format!("{verdict:<4} {floor}")).collect();
        let judged = if judged.is_empty() { "-".to_owned() } else { judged.join("; ") };
        println!(
            "{name:<36} {unit:<9} {ours:>11} {sqlite:>11} {l1:>11} {sqlite_times:>11} \
             {l1_times:>8}  {judged}"
        );
        if verdicts.contains(&Verdict::Fail) {
            self.missed.push(name.to_owned());
        }
        self.lines.push((name.to_owned(), figures));
    }

    /// The names of the lines that miss a floor.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    /// Ours in all lines whose name begins so: the rest of the name, and the figure.
    pub fn ours_of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let ours = move |(name, figures): &'a (String, Figures)| {
            Some((name.strip_prefix(prefix)?, figures.of(Kind::Ours)?))
        };
        self.lines.iter().filter_map(ours)
    }

    fn judge(&self, floor: &Floor, figures: &Figures) -> Verdict {
        let holds = match floor {
            Floor::TimesSqlite(least) => {
                figures.times_ours(Kind::Sqlite).map(|times| times >= *least)
            }
            Floor::AtMost(most) => figures.of(Kind::Ours).map(|ours| ours <= *most),
            Floor::TimesLine(most, line) => {
                let other = self.lines.iter().find(|(name, _)| name == line);
                let other = other.and_then(|(_, figures)| figures.of(Kind::Ours));
                figures.of(Kind::Ours).zip(other).map(|(ours, other)| ours <= most * other)
            }
        };
        match holds {
            Some(true) => Verdict::Pass,
            Some(false) => Verdict::Fail,
            None => Verdict::NotJudged,
        }
    }
}

/// Three digits or more; `-` where there is none.
pub fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < 1.0 => format!("{value:.3}"),
        Some(value) if value < 10.0 => format!("{value:.2}"),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}
