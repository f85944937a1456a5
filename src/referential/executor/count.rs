//! How many rows SQLite would say have changed: what `total_changes()` keeps of a statement that fails,
//! and what `changes()` is within a program.
//!
//! SQLite adds up rows action by action and program by program, as each comes to its end, and takes none
//! of them back. So what is still on the stack has not been counted.

use super::{Executor, Frame, Place, ProgramFrame};
use crate::referential::effects::{Cause, ChangeRecord, Effects, StepId, StepKind};
use std::collections::HashSet;

impl Executor<'_> {
    /// Rows changed by actions and programs that are finished. `is_cut_short`: those on the way to
    /// the row at work are not.
    pub(in crate::referential) fn finished_changes(&self, is_cut_short: bool) -> usize {
        let Effects { steps, changes, .. } = &self.effects;
        let mut unfinished = HashSet::new();
        let mut at = self.at.filter(|_| is_cut_short);
        while let Some((step, cause)) = at {
            unfinished.insert((step, cause));
            let above = cause.map(|change| changes[change as usize]);
            at = above.map(|change| (change.step, change.cause));
        }
        let places = self.stack.iter().map(|frame| match frame {
            Frame::Rows(rows) => rows.place,
            Frame::Row(row) => row.place,
            Frame::Program(program) => program.place,
        });
        unfinished.extend(places.filter(|_| is_cut_short).map(|place| (place.step, place.cause)));
        // A program may have been started for the same cause before, and that one has ended.
        let asked = |step: StepId, cause: Cause| {
            self.stack.iter().rev().find_map(|frame| match frame {
                Frame::Program(program) if program.place.cause == cause => {
                    program.asked.filter(|(asked, _)| *asked == step).map(|(_, first)| first)
                }
                Frame::Program(_) | Frame::Rows(_) | Frame::Row(_) => None,
            })
        };
        let is_counted = |(at, change): &(usize, &ChangeRecord)| {
            let is_unfinished = unfinished.contains(&(change.step, change.cause));
            match steps[change.step.0 as usize].kind {
                StepKind::Constraint(_) => !is_unfinished,
                StepKind::Program(_) => {
                    !is_unfinished
                        || asked(change.step, change.cause).is_none_or(|first| *at < first)
                }
                StepKind::Direct | StepKind::Replaced => false,
            }
        };
        changes.iter().enumerate().filter(is_counted).count()
    }

    /// What `changes()` is after the step that a program has asked for: the rows that this changed
    /// itself.
    pub(super) fn count(&mut self, frame: &ProgramFrame) {
        if frame.asked.is_some() {
            self.counters.changes = frame.changed;
        }
    }

    /// Records a row change, and tells the program whose step it is.
    pub(super) fn record(&mut self, place: Place) -> Cause {
        if let StepKind::Program(_) = self.effects.steps[place.step.0 as usize].kind {
            let innermost = self.stack.iter_mut().rev().find_map(|frame| match frame {
                Frame::Program(program) => Some(program),
                Frame::Rows(_) | Frame::Row(_) => None,
            });
            innermost.into_iter().for_each(|program| program.changed += 1);
        }
        self.effects.record(place.step, place.cause)
    }
}
