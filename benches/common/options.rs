//! What the programs that print a table are asked for.

use super::Sizes;
use super::list::Floor;
use std::time::Duration;

const USAGE: &str = "options: --quick, --check, --test, and parts of names of workloads";

/// What is asked for.
pub struct Options {
    /// How large the workloads are.
    pub sizes: Sizes,
    /// Whether a floor that is missed is a failure.
    pub checks: bool,
    /// Parts of names; none for all.
    names: Vec<String>,
}

impl Options {
    /// The options that this program was called with; `None` if they make no sense, which is told.
    pub fn from_arguments() -> Option<Options> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let read = Options::read(&arguments);
        read.inspect_err(|message| eprintln!("error: {message}")).ok()
    }

    fn read(arguments: &[String]) -> Result<Options, String> {
        let is_test = Sizes::is_test(arguments);
        let sizes = if is_test { Sizes::Tiny } else { Sizes::Full };
        let mut options = Options { sizes, checks: false, names: Vec::new() };
        for argument in arguments {
            match argument.as_str() {
                "--bench" | "--test" => {}
                "--quick" if !is_test => options.sizes = Sizes::Quick,
                "--check" => options.checks = !is_test,
                // Flags of the usual test harness, which every test program is given.
                flag if flag.starts_with('-') && is_test => {}
                flag if flag.starts_with('-') => return Err(format!("{flag}? {USAGE}")),
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }

    /// Whether a workload of this name is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    /// How many samples are taken of each subject.
    pub fn samples(&self) -> usize {
        self.sizes.pick(7, 5, 1)
    }

    /// The CPU time of one sample.
    pub fn goal(&self) -> Duration {
        self.sizes.pick(Duration::from_millis(20), Duration::from_millis(5), Duration::ZERO)
    }

    /// The floors that are judged: a few rows tell nothing.
    pub fn floors<'a>(&self, floors: &'a [Floor]) -> &'a [Floor] {
        if self.sizes == Sizes::Tiny { &[] } else { floors }
    }
}
