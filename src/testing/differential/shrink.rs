//! A script that shows a difference, made as short as leaving out operations can make it.

use super::{Coverage, Difference, Diverged, Ending, Run};
use crate::database::Enforcement;
use crate::testing::operation::Operation;

/// Leaves out operations, ever smaller runs of them, as long as the same kind of difference is left.
///
/// # Cost
/// **O(n² log n)** operations for n at the start, at worst.
pub(super) fn shrink(diverged: Diverged) -> Box<Difference> {
    let Diverged { enforcement, depth_limit, mut operations, mut difference } = diverged;
    let replay = |operations: &[Operation]| replay(enforcement, depth_limit, operations);
    let mut width = operations.len() / 2;
    loop {
        let mut at = 0;
        let mut shrunk = false;
        while width > 0 && at < operations.len() {
            let mut fewer = operations.clone();
            fewer.drain(at..(at + width).min(operations.len()));
            match replay(&fewer) {
                Some((length, found)) if is_same(&found, &difference) => {
                    fewer.truncate(length);
                    operations = fewer;
                    difference = found;
                    shrunk = true;
                }
                _ => at += width,
            }
        }
        if width <= 1 && !shrunk {
            return difference;
        }
        if !shrunk || width > operations.len() {
            width = (width / 2).max(1);
        }
    }
}

/// Whether two differences show the same.
fn is_same(one: &Difference, other: &Difference) -> bool {
    let is_outcome = ["outcome", "error"].contains(&one.what.as_str());
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
