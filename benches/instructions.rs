//! Has a change made the engine do more work? Counted in instructions, which another process on the
//! same machine does not change, as it does times.
//!
//! ```text
//! cargo bench --bench instructions                 count, and compare with the baseline
//! cargo bench --bench instructions -- cascade      only the workloads whose name has this in it
//! cargo bench --bench instructions -- --record     make what is counted now the baseline
//! ```
//!
//! Each workload runs once in a process of its own under valgrind's callgrind, which collects only
//! while `workloads::measured` runs, so that making the rows is not counted. More than 5 % above the
//! baseline fails, or 20 % where the compiler is another one than the baseline's. What fell by more
//! than 5 % is to be recorded, since the next change could take it back unseen.
//!
//! The drawback: cache misses and branches cost nothing here. `benches/workloads.rs` and
//! `ondelete bench` have the times. Without `--bench`, as `cargo test` calls it, each workload runs
//! once on a few rows.

#[path = "instructions/workloads.rs"]
mod workloads;

use std::env;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use workloads::{MEASURED, WORKLOADS, Workload};

/// How much more than the baseline is a failure, in percent.
const RISE_MAX: u64 = 5;

/// The same, if the baseline comes from another compiler.
const RISE_MAX_OTHER_COMPILER: u64 = 20;

/// Rows of a workload that only has to run.
const SIZE_IN_TESTS: i64 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [option, name] = arguments.as_slice()
        && option == RUN
    {
        run_alone(name);
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        check_the_judge();
        for workload in &WORKLOADS {
            (workload.run)(workload.size.min(SIZE_IN_TESTS));
        }
        println!("{} workloads ran; counting them: cargo bench", WORKLOADS.len());
        return ExitCode::SUCCESS;
    }
    match count_and_judge(&arguments) {
        Ok(exit) => exit,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

// ------------------------------------------------------------------------------------------------
// Counting
// ------------------------------------------------------------------------------------------------

/// How this program calls itself under valgrind, followed by a workload's label.
const RUN: &str = "--run-alone";

impl Workload {
    /// What the baseline calls it: a workload of another size is another one.
    fn label(&self) -> String {
        format!("{}={}", self.name, self.size)
    }
}

fn run_alone(label: &str) {
    let found = WORKLOADS.iter().find(|workload| workload.label() == label);
    let workload = found.expect("called with a label of its own");
    (workload.run)(workload.size);
}

/// The instructions of a workload.
fn count(label: &str) -> Result<u64, String> {
    let this = env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(this)
        .args([RUN, label])
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{label} failed under valgrind\n{said}"));
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    match collected.and_then(|(_, count)| count.trim().parse().ok()) {
        None | Some(0) => Err(format!("callgrind found no {MEASURED} in {label}\n{said}")),
        Some(count) => Ok(count),
    }
}

fn is_asked(label: &str, filters: &[&String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| label.contains(filter.as_str()))
}

/// What was counted, and by whom.
#[derive(Clone, Debug, PartialEq)]
struct Counts {
    /// As `rustc --version` says.
    compiler: String,
    /// Another processor has other instructions.
    machine: String,
    /// Label and instructions, in the order of the workloads.
    workloads: Vec<(String, u64)>,
}

impl Counts {
    /// Counts the workloads whose label has one of these in it; all of them, if there are none.
    fn take(filters: &[&String]) -> Result<Counts, String> {
        let labels = WORKLOADS.iter().map(Workload::label).filter(|label| is_asked(label, filters));
        let workloads = labels.map(|label| count(&label).map(|count| (label, count)));
        let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let version = Command::new(rustc).arg("--version").output();
        let version = version.map_err(|error| format!("rustc cannot be started: {error}"))?;
        Ok(Counts {
            compiler: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
            machine: format!("{} {}", env::consts::ARCH, env::consts::OS),
            workloads: workloads.collect::<Result<_, _>>()?,
        })
    }

    fn instructions(&self, label: &str) -> Option<u64> {
        self.workloads.iter().find(|(known, _)| known == label).map(|(_, count)| *count)
    }

    /// As [`fmt::Display`] writes it.
    fn parse(text: &str) -> Result<Counts, String> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut line = || lines.next().map(str::to_owned).ok_or("the baseline has no lines");
        let (compiler, machine) = (line()?, line()?);
        let workload = |line: &str| {
            let (label, count) = line.split_once(' ')?;
            Some((label.to_owned(), count.trim().replace(',', "").parse().ok()?))
        };
        let workload = |line| workload(line).ok_or(format!("the baseline has a line {line:?}"));
        Ok(Counts { compiler, machine, workloads: lines.map(workload).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What benches/instructions.rs counted. To record it anew, here and in one go:"
        )?;
        writeln!(f, "#     {RECORD}")?;
        writeln!(f, "{}\n{}", self.compiler, self.machine)?;
        for (label, count) in &self.workloads {
            writeln!(f, "{label:LABEL$} {:>COUNT$}", grouped(*count))?;
        }
        Ok(())
    }
}

// ------------------------------------------------------------------------------------------------
// Judging
// ------------------------------------------------------------------------------------------------

const RECORD: &str = "cargo bench --bench instructions -- --record";

/// How wide a label may be in a table.
const LABEL: usize = 26;

/// How wide a number of instructions may be in a table.
const COUNT: usize = 15;

/// Records what is counted, or compares it with what was recorded.
fn count_and_judge(arguments: &[String]) -> Result<ExitCode, String> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!(
            "WARNING: valgrind is not installed: NO INSTRUCTIONS WERE COUNTED, and nothing was"
        );
        eprintln!("WARNING: compared with the baseline. On Debian: apt-get install valgrind");
        return Ok(ExitCode::SUCCESS);
    }
    let filters: Vec<_> = arguments.iter().filter(|given| !given.starts_with('-')).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt");
    if arguments.iter().any(|given| given == "--record") {
        if !filters.is_empty() {
            return Err("a baseline is recorded as a whole: leave the names out".to_owned());
        }
        let counts = Counts::take(&filters)?;
        fs::write(&path, counts.to_string()).map_err(|error| error.to_string())?;
        println!("{counts}\nrecorded in {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let recorded = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let mut baseline = Counts::parse(&recorded)?;
    baseline.workloads.retain(|(label, _)| is_asked(label, &filters));
    let comparison = Comparison::of(&baseline, &Counts::take(&filters)?);
    print!("{}", comparison.report);
    Ok(if comparison.is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was counted, beside the baseline.
struct Comparison {
    /// A table, and what follows from it.
    report: String,
    is_failure: bool,
}

impl Comparison {
    fn of(baseline: &Counts, now: &Counts) -> Comparison {
        let is_same_compiler = baseline.compiler == now.compiler;
        let rise_max = if is_same_compiler { RISE_MAX } else { RISE_MAX_OTHER_COMPILER };
        let mut report = format!(
            "{:LABEL$} {:>COUNT$} {:>COUNT$} {:>9}\n",
            "workload", "baseline", "now", "change"
        );
        let mut remarks = Vec::new();
        let mut is_failure = false;
        for (label, count) in &now.workloads {
            let Some(before) = baseline.instructions(label) else {
                remarks.push(format!("error: {label} is not in the baseline"));
                is_failure = true;
                continue;
            };
            let change = (*count as f64 / before as f64 - 1.0) * 100.0;
            let (was, is) = (grouped(before), grouped(*count));
            report += &format!("{label:LABEL$} {was:>COUNT$} {is:>COUNT$} {change:>+7.1} %\n");
            let rises_by = |percent| count * 100 > before * (100 + percent);
            if rises_by(rise_max) {
                remarks.push(format!("error: {label} takes {change:.1} % more instructions"));
                is_failure = true;
            } else if rises_by(RISE_MAX) {
                remarks.push(format!("warning: {label} takes {change:.1} % more instructions"));
            } else if count * 100 < before * (100 - RISE_MAX) {
                remarks.push(format!("{label} takes {:.1} % fewer: record it", -change));
            }
        }
        let gone = |label: &&String| now.instructions(label).is_none();
        for label in baseline.workloads.iter().map(|(label, _)| label).filter(gone) {
            remarks.push(format!("error: {label} is in the baseline and is not counted"));
            is_failure = true;
        }
        if baseline.machine != now.machine {
            let (theirs, ours) = (&baseline.machine, &now.machine);
            remarks =
                vec![format!("WARNING: NOT COMPARED: the baseline is of {theirs}, this is {ours}")];
            is_failure = false;
        } else if !is_same_compiler {
            remarks.push(format!("warning: the baseline was compiled by {}", baseline.compiler));
        }
        if !remarks.is_empty() {
            remarks.push(format!(
                "If the change is worth it, or another workload is counted: {RECORD}"
            ));
        }
        for remark in remarks {
            report += &format!("{remark}\n");
        }
        Comparison { report, is_failure }
    }
}

/// `1,234`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// A check that cannot fail is a defect too.
fn check_the_judge() {
    let counts = |compiler: &str, count| Counts {
        compiler: compiler.to_owned(),
        machine: "a machine".to_owned(),
        workloads: vec![("delete/leaf=1".to_owned(), count), ("lookup/key=1".to_owned(), 5)],
    };
    let baseline = counts("rustc 1", 1000);
    assert_eq!(Counts::parse(&baseline.to_string()), Ok(baseline.clone()));
    let judged = |now: Counts| {
        let Comparison { report, is_failure } = Comparison::of(&baseline, &now);
        (is_failure, report.contains("warning: "), report.contains("error: "))
    };
    assert_eq!(judged(counts("rustc 1", 1050)), (false, false, false));
    assert_eq!(judged(counts("rustc 1", 1051)), (true, false, true));
    assert_eq!(judged(counts("rustc 2", 1051)), (false, true, false));
    assert_eq!(judged(counts("rustc 2", 1201)), (true, true, true));
    let mut fewer = counts("rustc 1", 1000);
    fewer.workloads.pop();
    assert_eq!(judged(fewer), (true, false, true));
    let mut more = counts("rustc 1", 1000);
    more.workloads.push(("insert/one=1".to_owned(), 7));
    assert_eq!(judged(more), (true, false, true));
    let other = Counts { machine: "another".to_owned(), ..counts("rustc 1", 2000) };
    assert_eq!(judged(other), (false, false, false));
}
