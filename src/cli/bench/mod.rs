//! What does a delete cost, and what does SQLite take for the same?
//!
//! A bench builds one of the [`Shape`]s, deletes its root in a transaction, rolls back, and does so
//! again for as many samples as were asked for. In a build with the feature `sqlite`, SQLite has
//! the same rows in the same process and takes its samples in between, so that what else the
//! machine does meets both. In every sample the subjects must agree on how many rows were changed,
//! or on SQLite's code for why the delete was refused.
//!
//! What is timed is the one statement; the rollback is told beside it, since an engine may leave to
//! it what another does at once. The median is printed: it takes no notice of the sample that was
//! disturbed.
//!
//! `shapes` has the schemas and rows, `engine` and `sqlite` are the subjects, `text` prints.

mod engine;
mod shapes;
#[cfg(feature = "sqlite")]
mod sqlite;
mod text;

use super::{Failure, Format, action_parser};
use crate::catalog::ReferentialAction;
use crate::error::Rows;
use clap::{Args, value_parser};
use engine::{Engine, Outcome};
use indicatif::{ProgressBar, ProgressStyle};
use shapes::{Layout, Shape};
use std::fmt;
use std::io::Write;
use std::time::Duration;

/// How to call a bench.
#[derive(Args, Debug)]
#[command(
    about = "Time a delete of one row that many others reference",
    long_about = "Time a delete of one row that many others reference.\n\n\
        Builds rows that reference each other in one of five shapes, deletes the row on\n\
        which all depend inside a transaction, rolls back, and repeats it. A build with\n\
        the feature `sqlite` does the same with SQLite in the same process, sample by\n\
        sample in turn. A delete that is refused is a result like any other.",
    after_help = "Examples:\n  \
        ondelete bench                                    one row, 100,000 go with it\n  \
        ondelete bench --shape tree --rows 1000000        a table for each level\n  \
        ondelete bench --shape diamond --action set-null  what is nulled by two ways\n  \
        ondelete bench --action restrict --format json    the price of a refusal"
)]
pub(super) struct BenchArguments {
    /// How the rows reference each other
    #[arg(long, value_enum, default_value_t = Shape::Wide)]
    shape: Shape,

    /// How many referencing rows, 1 to 10000000
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        value_parser = value_parser!(u32).range(1..=10_000_000),
    )]
    rows: u32,

    /// The ON DELETE action of every foreign key
    #[arg(
        long,
        value_name = "ACTION",
        ignore_case = true,
        default_value = "cascade",
        value_parser = action_parser(),
    )]
    action: ReferentialAction,

    /// How often the delete is timed, 1 to 1000
    #[arg(
        long,
        value_name = "K",
        default_value_t = 5,
        value_parser = value_parser!(u32).range(1..=1000),
    )]
    samples: u32,

    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How long a chain SQLite deletes: its limit is 1,000 nested actions, and the end of the chain is
/// asked too.
const CHAIN_ROWS_MAX: u32 = 999;

impl BenchArguments {
    /// Whether the delete nests more actions than SQLite allows.
    fn is_too_deep(&self) -> bool {
        let cascades = self.action == ReferentialAction::Cascade;
        self.shape == Shape::Chain && cascades && self.rows > CHAIN_ROWS_MAX
    }

    /// What a reader of the times should know.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if cfg!(debug_assertions) {
            notes.push("This build is not optimised: its times mean nothing. Use --release.");
        }
        if self.is_too_deep() {
            notes.push(
                "SQLite would refuse: it nests at most 1,000 actions. It is left out, and the \
                 limit is lifted here.",
            );
        } else if !cfg!(feature = "sqlite") {
            notes.push(
                "SQLite is not in this build. To have it beside: \
                 cargo run --release --features cli,sqlite -- bench",
            );
        }
        notes.into_iter().map(str::to_owned).collect()
    }
}

/// Measures what was asked for and prints it.
pub(super) fn run(arguments: &BenchArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let report = Report::measure(arguments)?;
    if arguments.format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        text::write(&report, out)?;
    }
    Ok(out.flush()?)
}

/// What was measured.
#[derive(Debug, serde::Serialize)]
struct Report {
    shape: Shape,
    action: ReferentialAction,
    /// Referencing rows, as asked for.
    rows: u32,
    tables: Vec<TableSize>,
    /// What the delete comes to.
    outcome: Outcome,
    /// This crate, then what it is compared with.
    subjects: Vec<Measured>,
    notes: Vec<String>,
}

#[derive(Debug, serde::Serialize)]
struct TableSize {
    table: String,
    rows: u64,
}

/// What one subject took.
#[derive(Debug, serde::Serialize)]
struct Measured {
    subject: &'static str,
    #[serde(flatten)]
    effect: Effect,
    /// The median of the samples.
    delete_ns: u64,
    /// None if no row was changed.
    ns_per_row: Option<f64>,
    /// Its time by this crate's.
    ratio: f64,
    /// The median of the samples.
    rollback_ns: u64,
    samples: Samples,
}

/// How long each delete and its rollback took, in the order in which they ran.
#[derive(Debug, Default, serde::Serialize)]
struct Samples {
    delete_ns: Vec<u64>,
    rollback_ns: Vec<u64>,
}

/// One of those that are compared, with its rows.
trait Subject {
    /// What it is called in the table.
    fn name(&self) -> &'static str;

    /// Deletes the root in a transaction and rolls back.
    fn delete_root(&mut self) -> Result<(Effect, Times), Failure>;
}

/// In what subjects must agree: the rows changed, or the code of the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
struct Effect {
    rows_changed: u64,
    /// SQLite's extended code, if the delete was refused.
    code: Option<i32>,
}

/// How long one delete and its rollback took.
#[derive(Clone, Copy, Debug)]
struct Times {
    delete: Duration,
    rollback: Duration,
}

impl Report {
    fn measure(arguments: &BenchArguments) -> Result<Report, Failure> {
        let layout = arguments.shape.layout(arguments.rows.into(), arguments.action);
        let (mut subjects, outcome) = build(arguments, &layout)?;
        let samples = take_samples(&mut subjects, outcome.effect(), arguments.samples)?;
        let ours_ns = samples.first().map_or(0, |ours| median(&ours.delete_ns));
        let measured = subjects.iter().zip(samples).map(|(subject, samples)| {
            Measured::of(subject.name(), outcome.effect(), samples, ours_ns)
        });
        let tables = layout.parts.iter().map(|part| TableSize {
            table: part.definition.name().to_owned(),
            rows: part.row_count(),
        });
        Ok(Report {
            shape: arguments.shape,
            action: arguments.action,
            rows: arguments.rows,
            tables: tables.collect(),
            subjects: measured.collect(),
            outcome,
            notes: arguments.notes(),
        })
    }
}

impl Measured {
    fn of(subject: &'static str, effect: Effect, samples: Samples, ours_ns: u64) -> Self {
        let delete_ns = median(&samples.delete_ns);
        let rows = effect.rows_changed;
        Measured {
            subject,
            effect,
            delete_ns,
            ns_per_row: (rows > 0).then(|| delete_ns as f64 / rows as f64),
            // A clock may be too coarse for a single row.
            ratio: delete_ns.max(1) as f64 / ours_ns.max(1) as f64,
            rollback_ns: median(&samples.rollback_ns),
            samples,
        }
    }
}

/// All subjects with their rows, this crate first, and what the delete comes to there.
fn build(
    arguments: &BenchArguments,
    layout: &Layout,
) -> Result<(Vec<Box<dyn Subject>>, Outcome), Failure> {
    let has_sqlite = cfg!(feature = "sqlite") && !arguments.is_too_deep();
    let progress = progress(layout.row_count() * if has_sqlite { 2 } else { 1 });
    let count = |rows: usize| progress.inc(rows as u64);
    let mut engine = Engine::build(layout, arguments.is_too_deep(), &count)?;
    let outcome = engine.try_delete()?.0;
    #[allow(unused_mut, reason = "without the feature `sqlite` there is one subject")]
    let mut subjects: Vec<Box<dyn Subject>> = vec![Box::new(engine)];
    #[cfg(feature = "sqlite")]
    if has_sqlite {
        subjects.push(Box::new(sqlite::Sqlite::build(layout, &count)?));
    }
    progress.finish_and_clear();
    Ok((subjects, outcome))
}

/// Lets the subjects delete in turn. The first round warms them up.
fn take_samples(
    subjects: &mut [Box<dyn Subject>],
    expected: Effect,
    count: u32,
) -> Result<Vec<Samples>, Failure> {
    let mut samples: Vec<Samples> = subjects.iter().map(|_| Samples::default()).collect();
    for round in 0..=count {
        for (subject, samples) in subjects.iter_mut().zip(&mut samples) {
            let (effect, times) = subject.delete_root()?;
            if effect != expected {
                let name = subject.name();
                return Err(Failure::Bench(format!(
                    "the subjects disagree\ndetail: ondelete {expected}, {name} {effect}."
                )));
            }
            if round > 0 {
                samples.delete_ns.push(nanoseconds(times.delete));
                samples.rollback_ns.push(nanoseconds(times.rollback));
            }
        }
    }
    Ok(samples)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The one in the middle; of an even number, the longer of the two.
fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Below this many rows, building is done before a bar could be read.
const PROGRESS_ROWS_MIN: u64 = 100_000;

/// A bar on stderr, on a terminal only.
fn progress(rows: u64) -> ProgressBar {
    if rows < PROGRESS_ROWS_MIN {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("building {wide_bar} {human_pos} of {human_len} rows");
    ProgressBar::new(rows).with_style(style.expect("a template whose braces match"))
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => write!(f, "changes {}", Rows(self.rows_changed as usize)),
            Some(code) => write!(f, "refuses with code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says that it changed this many rows, at once.
    struct Says(u64);

    impl Subject for Says {
        fn name(&self) -> &'static str {
            "the other"
        }

        fn delete_root(&mut self) -> Result<(Effect, Times), Failure> {
            let times = Times { delete: Duration::ZERO, rollback: Duration::ZERO };
            Ok((Effect { rows_changed: self.0, code: None }, times))
        }
    }

    #[test]
    fn a_difference_is_an_error() {
        let expected = Effect { rows_changed: 1000, code: None };
        let samples = take_samples(&mut [Box::new(Says(1000))], expected, 3).unwrap();
        assert_eq!(samples[0].delete_ns, [0, 0, 0]);
        let failure = take_samples(&mut [Box::new(Says(999))], expected, 3).unwrap_err();
        assert_eq!(failure.exit_status(), 1);
        let says = "error: the subjects disagree\n\
            detail: ondelete changes 1,000 rows, the other changes 999 rows.";
        assert_eq!(failure.to_string(), says);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3, 1, 2]), 2);
        assert_eq!(median(&[4, 1, 2, 3]), 3);
        assert_eq!(median(&[]), 0);
    }

    #[test]
    fn nothing_is_measured_without_a_unit() {
        let effect = Effect { rows_changed: 0, code: Some(1811) };
        let samples = Samples { delete_ns: vec![10, 30, 20], rollback_ns: vec![1] };
        let measured = Measured::of("ours", effect, samples, 10);
        assert_eq!((measured.delete_ns, measured.ns_per_row, measured.ratio), (20, None, 2.0));
    }
}
