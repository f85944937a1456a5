//! A script that shows a difference, made as short as leaving out operations can make it.

use super::{Coverage, Diverged, Ending, Run};
use crate::database::Enforcement;
use crate::testing::operation::Operation;
use crate::testing::{Difference, shrink};

/// The difference that is left when every operation it can do without is left out.
pub(super) fn shrink(diverged: Diverged) -> Box<Difference> {
    let Diverged { enforcement, depth_limit, operations, difference } = diverged;
    let replay = |operations: &[Operation]| replay(enforcement, depth_limit, operations);
    shrink::shrink(operations, difference, replay, |one, other| is_same(one, other)).1
}

/// Whether two differences show the same.
fn is_same(one: &Difference, other: &Difference) -> bool {
    let is_outcome = ["outcome", "error"].contains(&one.what);
    one.what == other.what && (!is_outcome || one.theirs == other.theirs)
}

/// The difference that these operations end in, and how many of them it takes.
fn replay(
    enforcement: Enforcement,
    depth_limit: Option<usize>,
    operations: &[Operation],
) -> Option<(usize, Box<Difference>)> {
    let mut run = Run::new(enforcement, depth_limit);
    let mut coverage = Coverage::default();
    for (at, operation) in operations.iter().enumerate() {
        match run.step(operation, &mut coverage) {
            Ok(()) => {}
            Err(Ending::Unexplained(difference)) => return Some((at + 1, difference)),
            Err(Ending::Explained(..)) => return None,
        }
    }
    None
}
