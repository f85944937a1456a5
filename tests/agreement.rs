//! Two ways of deleting a parent come to the same if and only if `session::agreement` says so.
//!
//! Both ways are carried out on forks of one database, and everything is compared: tables, objects,
//! errors. More than that, each way ends as foretold. Other runs: `ONDELETE_SEED=2
//! PROPTEST_CASES=100000`; what was tried is printed, see it with `--nocapture`.
#![cfg(feature = "testing")]

use ondelete::session::agreement::{Agreement, Deletion, agrees};
use ondelete::session::mapping::Mapping;
use ondelete::testing::agreement::{Case, cases};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cases run when nothing else is said.
const CASES: u32 = 10_000;
/// At least so many of a hundred cases end alike, and so many do not.
const SIDE_MIN: usize = 10;
/// Each reason is met in at least so many of ten thousand cases.
const REASON_MIN: usize = 20;

#[derive(Default)]
struct Coverage {
    cases: usize,
    same: usize,
    different: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
}

#[test]
fn two_ways_end_alike_if_and_only_if_it_is_foretold() {
    let coverage = RefCell::new(Coverage::default());
    check(&cases(), |case| {
        let observed = case.observe();
        let deletions = [case.deletion(0), case.deletion(1)];
        for (deletion, observed) in deletions.iter().zip(&observed) {
            case.check(&deletion.ending(), observed).map_err(TestCaseError::fail)?;
        }
        let agreement = agrees(&deletions[0], &deletions[1]);
        let is_same = observed[0] == observed[1];
        if is_same != (agreement == Agreement::Same) {
            let found = format!("foretold {agreement:?}, observed {observed:#?}");
            return Err(TestCaseError::fail(found));
        }
        coverage.borrow_mut().note(agreement, &deletions);
        Ok(())
    });
    let coverage = coverage.into_inner();
    coverage.print();
    coverage.assert_floors();
}

#[test]
fn what_is_read_from_a_mapping_is_what_was_written() {
    check(&cases(), |case| {
        for way in [0, 1] {
            let Ok(mapping) = case.mapping(way) else { continue };
            let read = read(&case, way, &mapping);
            if read != case.deletion(way) {
                return Err(TestCaseError::fail(format!("read {read:#?}")));
            }
        }
        Ok(())
    });
}

/// The deletion as it is read from a mapping, with what no mapping says.
fn read(case: &Case, way: usize, mapping: &Arc<Mapping>) -> Deletion {
    let read = Deletion::of(mapping, "P0", case.enforcement);
    let mut read = read.expect("a chain is covered");
    let told = case.deletion(way);
    read.holds_objects = told.holds_objects;
    for (link, told) in read.links.iter_mut().zip(&told.links) {
        link.has_rows = told.has_rows;
        link.default = told.default;
        if let (Some(strategy), Some(told)) = (&mut link.strategy, told.strategy) {
            strategy.loaded = told.loaded;
        }
    }
    read
}

impl Coverage {
    fn note(&mut self, agreement: Agreement, deletions: &[Deletion]) {
        self.cases += 1;
        match agreement {
            Agreement::Same => self.same += 1,
            Agreement::Different { reason, .. } => {
                *self.different.entry(format!("{reason:?}")).or_default() += 1;
            }
        }
        for refusal in deletions.iter().filter_map(|deletion| deletion.ending().refusal) {
            let moment = format!("{:?} {:?}", refusal.cause, refusal.moment);
            *self.refused.entry(moment).or_default() += 1;
        }
    }

    fn print(&self) {
        let percent = |count: usize| 100.0 * count as f64 / self.cases as f64;
        println!("{} cases, {} ({:.1} %) end alike", self.cases, self.same, percent(self.same));
        for (reason, count) in &self.different {
            println!("  {count:6} ({:4.1} %) differ: {reason}", percent(*count));
        }
        for (cause, count) in &self.refused {
            println!("  {count:6} deletes refused: {cause}");
        }
    }

    fn assert_floors(&self) {
        let different: usize = self.different.values().sum();
        assert!(self.same * 100 >= SIDE_MIN * self.cases, "too few cases end alike");
        assert!(different * 100 >= SIDE_MIN * self.cases, "too few cases end differently");
        let reasons = [
            "DeletedByOrm",
            "LeftDangling",
            "NulledByOrm",
            "Refused(DefaultLeadsNowhere)",
            "Refused(NotConfigurable)",
            "Refused(NullMeetsNotNull)",
            "Refused(NullMeetsPrimaryKey)",
            "Refused(RefusedByNoAction)",
            "Refused(RefusedByRestrict)",
            "Refused(RuleMeetsNotNull)",
            "StaleInMemory",
        ];
        for reason in reasons {
            let count = self.different.get(reason).copied().unwrap_or(0);
            assert!(count * 10_000 >= REASON_MIN * self.cases, "{reason}: only {count} cases");
        }
    }
}

/// Runs cases, the same each time unless another seed is asked for, and shows the smallest failure.
fn check(
    cases: &impl proptest::strategy::Strategy<Value = Case>,
    test: impl Fn(Case) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases: number("PROPTEST_CASES").unwrap_or(CASES),
        failure_persistence: None,
        ..Config::default()
    };
    let seed = number("ONDELETE_SEED").unwrap_or(1).to_le_bytes().repeat(8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    if let Err(failure) = TestRunner::new_with_rng(config, rng).run(cases, test) {
        panic!("{failure}");
    }
}

fn number(variable: &str) -> Option<u32> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}
