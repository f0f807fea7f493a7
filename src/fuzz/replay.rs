//! A scenario file played once more and judged as the campaign judged it: by `framegate replay`, and in every run if it stands in a pack.

use super::arena::Arena;
use super::conversation::VIOLATION;
use super::oracle::{self, Sighting};
use crate::pack::scenario::{Scenario, Step};
use crate::plan::{self, Case};
use crate::suite::Bound;
use crate::transcript::{Mark, Role, What};
use crate::verdict::{CaseResult, Outcome, Severity};

/// Plays the cases of a scenario; to what the pack's rules find comes what the oracle finds.
pub fn replay(bound: &Bound, side: Role, name: &str, scenario: &Scenario, arena: &dyn Arena) -> Vec<CaseResult> {
    let cases = plan::bind(&bound.pack, &bound.settings, side, name, scenario);
    cases
        .iter()
        .map(|case| {
            let mut result = arena.play(bound, case);
            judge_again(bound, case, &mut result);
            result
        })
        .collect()
}

/// A second opinion, for a run: the oracle's on a saved reproducer, none on any other case.
pub fn judge_regression(bound: &Bound, case: &Case, result: &mut CaseResult) {
    if case.is_regression() {
        judge_again(bound, case, result);
    }
}

/// Keeps what a campaign would have kept, and adds what its oracle finds. Where the violation was committed and nothing broke, it does not
/// matter whether the conversation went on as the one that was saved: another good answer is as good.
fn judge_again(bound: &Bound, case: &Case, result: &mut CaseResult) {
    if result.skipped.is_some() {
        return;
    }
    let sighting = oracle::judge(bound, case, result);
    let is_late = result.transcript.events.iter().any(|event| matches!(event.what, What::Mark(Mark::Late { .. })));
    let is_told = is_committed(case, result, &sighting) && !is_late;
    result.findings.retain(|finding| finding.severity < if is_told { Severity::Inconclusive } else { Severity::Fail });
    result.findings.splice(0..0, sighting.findings);
    for (requirement, outcome) in &mut result.outcomes {
        // What the oracle has set aside says nothing about its requirement.
        if *outcome == Outcome::Violated && !result.findings.iter().any(|finding| finding.requirement == *requirement) {
            *outcome = Outcome::NotExercised;
        }
    }
}

/// True if what was saved was said again: a conversation that has lost its mark on the way to the shortest one is said to its last step.
fn is_committed(case: &Case, result: &CaseResult, sighting: &Sighting) -> bool {
    let last = case.steps.len().saturating_sub(1);
    if case.steps.iter().any(|step| matches!(step, Step::Mark(name) if name == VIOLATION)) {
        return sighting.unreached.is_none();
    }
    result.transcript.events.iter().any(|event| event.what == What::Mark(Mark::Step(last)))
}
