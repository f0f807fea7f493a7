//! The course of a case: which requirements it was to put to the test and did not, and why.

use indexmap::IndexMap;

use crate::pack::Pack;
use crate::plan::Case;
use crate::verdict::{Finding, Outcome, Severity};

use super::expectation::{Obstacle, Steps};
use super::finding::{self, PREREQUISITE, about};
use super::harness;
use super::phrase;
use super::reading::Reading;
use super::tally::{Tally, Violation, Weight};

/// Adds every requirement of the case to the tallies, and gives a finding for each that was not put to the test.
pub(super) fn judge(pack: &Pack, case: &Case, reading: &Reading, steps: &Steps, tallies: &mut IndexMap<String, Tally>) -> Vec<Finding> {
    let meant = case.requirements();
    for requirement in &meant {
        tallies.entry((*requirement).to_owned()).or_default();
    }
    if let Some(missing) = missing_target(reading, steps) {
        // Whatever rules and steps made of it, nobody was there to break anything.
        tallies.values_mut().for_each(|tally| *tally = Tally::default());
        return vec![missing];
    }
    blame(case, steps, tallies);
    let is_open = |id: &&str| {
        let tally = &tallies[*id];
        tally.outcome() == Outcome::NotExercised && !tally.weighs(Weight::Unsure) && !steps.waived.contains(*id)
    };
    let obstacle = steps.obstacle.as_ref();
    let reason = obstacle.map_or_else(|| quiet(reading), Obstacle::reason);
    let (step, event) = (obstacle.and_then(|obstacle| obstacle.step), obstacle.and_then(|obstacle| obstacle.event));
    let open = meant.iter().copied().filter(is_open).filter_map(|id| pack.requirement(id));
    let findings: Vec<_> = open.map(|requirement| finding::inconclusive(requirement, step, event, &reason)).collect();
    let is_told = !findings.is_empty() || meant.iter().any(|id| is_explained(&tallies[*id]));
    match obstacle.filter(|_| !is_told) {
        Some(obstacle) => vec![prerequisite(obstacle)],
        None => findings,
    }
}

/// The scenario may say that an unmet prerequisite breaks something: its twin, which differs in that one thing, meets it.
fn blame(case: &Case, steps: &Steps, tallies: &mut IndexMap<String, Tally>) {
    let Some(obstacle) = steps.obstacle.as_ref().filter(|obstacle| obstacle.step.is_some()) else { return };
    for requirement in &case.blames {
        tallies.entry(requirement.clone()).or_default().add(Violation {
            event: obstacle.event,
            step: obstacle.step,
            expected: obstacle.expected.clone(),
            actual: obstacle.actual.clone(),
            weight: Weight::Full,
        });
    }
}

/// No target, unless a step expected that its process ends.
fn missing_target(reading: &Reading, steps: &Steps) -> Option<Finding> {
    let is_expected = reading.observations.iter().any(|seen| seen.name == "exit" && steps.taken.contains(&seen.event));
    harness::missing_target(reading).filter(|_| !is_expected)
}

/// True if findings already say that something about this requirement is wrong or doubtful.
fn is_explained(tally: &Tally) -> bool {
    tally.outcome() == Outcome::Violated || tally.weighs(Weight::Unsure)
}

fn quiet(reading: &Reading) -> String {
    let exit = reading.process.as_ref().filter(|process| !process.killed).map(|process| format!("; {}", harness::exit(process)));
    format!("the conversation did not bring it up in {}{}", phrase::time(reading.horizon.at), exit.unwrap_or_default())
}

fn prerequisite(obstacle: &Obstacle) -> Finding {
    Finding {
        step: obstacle.step,
        event: obstacle.event,
        ..about(PREREQUISITE, Severity::Inconclusive, obstacle.expected.clone(), obstacle.actual.clone())
    }
}
