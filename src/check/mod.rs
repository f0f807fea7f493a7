//! A transcript into findings. Pure; knows nothing of peers or runners.
//!
//! Every rule of the pack that binds the side under test is judged on every transcript; the steps of a case are judged beside them, anew
//! and whatever the script made of them. Both speak of observations, never of the machines.

mod course;
mod expectation;
mod finding;
mod harness;
mod phrase;
mod raw;
mod reading;
mod rule;
#[cfg(test)]
mod sample;
mod schema;
mod tally;

use indexmap::IndexMap;

use crate::pack::{Pack, Settings};
use crate::plan::Case;
use crate::transcript::{Role, Transcript};
use crate::verdict::{Finding, Outcome};

pub use finding::{PREREQUISITE, TARGET};

use reading::Reading;
use schema::Conformance;
use tally::Tally;

/// What a transcript says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// What was found, most severe first.
    pub findings: Vec<Finding>,
    /// Every requirement of the side under test that has a rule, and every one that the case proves or covers. A warning that a
    /// measured time lies at the edge, or that an alternative was chosen, leaves its requirement satisfied.
    pub outcomes: IndexMap<String, Outcome>,
}

/// Judges a transcript by every rule of the pack that binds the side under test, and by the steps of its case, if it is one of a case.
pub fn judge(pack: &Pack, settings: &Settings, case: Option<&Case>, side: Role, transcript: &Transcript) -> Judgement {
    let reading = Reading::new(pack, side, transcript);
    let conformance = Conformance::new(pack, side, &transcript.events);
    let ground = rule::Ground { pack, settings, reading: &reading, conformance: &conformance };
    let mut tallies: IndexMap<String, Tally> =
        rule::judge(&ground).into_iter().map(|(requirement, tally)| (requirement.id.clone(), tally)).collect();
    let mut findings = harness::judge(pack, case, &reading);
    if let Some(case) = case {
        let steps = expectation::judge(settings, case, &reading);
        for (requirement, tally) in &steps.tallies {
            tallies.entry(requirement.clone()).or_default().merge(tally.clone());
        }
        findings.extend(course::judge(pack, case, &reading, &steps, &mut tallies));
    }
    let outcomes = tallies.iter().map(|(requirement, tally)| (requirement.clone(), tally.outcome())).collect();
    for (requirement, tally) in tallies {
        if let Some(requirement) = pack.requirement(&requirement) {
            findings.extend(tally.into_violations().into_iter().map(|violation| finding::of(requirement, violation)));
        }
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.event.unwrap_or(usize::MAX)));
    Judgement { findings, outcomes }
}
