//! Good conversations before anything is violated: which states can be reached, and what else can be proved beside a violation there.
//!
//! What a protocol allows (a second connection at the same time, one after another) its reference peers show; what the target makes of it is
//! seen on the target.

use std::collections::btree_map::Entry;

use super::arena::{Arena, Reference};
use super::cause::{Cause, Fingerprint};
use super::conversation::{self, Probes};
use super::generator::State;
use super::generator::state::EXCHANGED;
use super::oracle::{ALIVE, ANSWERS, Sighting, UNDISTURBED};
use super::patience::{Patience, play};
use super::summary::Summary;
use super::trial::Front;
use crate::pack::scenario::Scenario;
use crate::suite::Bound;
use crate::transcript::Role;

/// What is known of one state of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ground {
    /// What can be proved beside a violation.
    pub(super) probes: Probes,
    /// True if a good exchange can follow on the same connection.
    pub(super) is_ready: bool,
    /// Why the state cannot be reached, if it cannot.
    pub(super) unreachable: Option<String>,
}

/// A front as it is for one target.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    pub(super) front: Front,
    pub(super) grounds: Vec<Ground>,
    /// What was broken without any violation, with the conversation that shows it.
    pub(super) broken: Vec<(Fingerprint, Scenario)>,
}

impl Survey {
    /// True if any state is within reach.
    pub(super) fn is_reached(&self) -> bool {
        self.grounds.iter().any(|ground| ground.unreachable.is_none())
    }

    /// True if a good exchange can be followed by another one on the same connection.
    pub(super) fn is_repeatable(&self) -> bool {
        let states = self.front.fields.iter().zip(&self.grounds);
        states.filter(|(field, _)| field.state.name == EXCHANGED).all(|(_, ground)| ground.is_ready)
    }
}

/// Plays good conversations on the reference peer and on the target.
pub(super) fn survey(bound: &Bound, mut front: Front, arena: &dyn Arena, summary: &mut Summary) -> Survey {
    let side = front.side;
    let patience = Patience::new(bound, arena, std::iter::once(&front));
    let look = |state: &State, probes: Probes| patience.play(side, &conversation::scenario(&bound.pack, side, state, &[], probes));
    let mut broken = Vec::new();
    let mut grounds = Vec::new();
    for field in &mut front.fields {
        let mut ground = allowed(bound, side, &field.state);
        field.state.is_ready = ground.is_ready;
        let mut sighting = look(&field.state, ground.probes);
        for probe in [ALIVE, UNDISTURBED] {
            let Some(finding) = sighting.findings.iter().find(|finding| finding.requirement == probe && finding.step.is_some()).cloned()
            else {
                continue;
            };
            if side == Role::Server && probe == ALIVE {
                keep(summary, &mut broken, bound, side, &field.state, ground.probes, &sighting);
            }
            let what = if probe == ALIVE { "a connection after the violation" } else { "a second connection" };
            note(summary, format!("{side} {}: {what} is not watched: {}", field.state.name, finding.actual));
            if probe == ALIVE {
                ground.probes.fresh = false;
            } else {
                ground.probes.canary = false;
            }
            sighting = look(&field.state, ground.probes);
        }
        if sighting.findings.iter().any(|finding| finding.requirement == ANSWERS) && ground.is_ready {
            ground.is_ready = false;
            field.state.is_ready = false;
            sighting = look(&field.state, ground.probes);
        }
        keep(summary, &mut broken, bound, side, &field.state, ground.probes, &sighting);
        if let Some(why) = &sighting.unreached {
            note(summary, format!("{side} {}: not reached: {why}", field.state.name));
        }
        ground.unreachable = sighting.unreached;
        grounds.push(ground);
    }
    Survey { front, grounds, broken }
}

fn note(summary: &mut Summary, sentence: String) {
    if !summary.diagnosis.contains(&sentence) {
        summary.diagnosis.push(sentence);
    }
}

/// What the protocol allows in this state: the most that the reference peer takes without anything broken.
fn allowed(bound: &Bound, side: Role, state: &State) -> Ground {
    for is_ready in [true, false].into_iter().filter(|is_ready| !is_ready || state.is_ready) {
        for probes in Probes::ALL {
            let mut state = state.clone();
            state.is_ready = is_ready;
            let sighting = play(bound, &Reference, side, &conversation::scenario(&bound.pack, side, &state, &[], probes));
            if sighting.unreached.is_none() && sighting.findings.is_empty() && sighting.is_answered {
                return Ground { probes, is_ready, unreachable: None };
            }
        }
    }
    Ground::default()
}

fn keep(
    summary: &mut Summary,
    broken: &mut Vec<(Fingerprint, Scenario)>,
    bound: &Bound,
    side: Role,
    state: &State,
    probes: Probes,
    sighting: &Sighting,
) {
    for finding in &sighting.findings {
        let fingerprint = Fingerprint { side, requirement: finding.requirement.clone(), reaction: sighting.reaction.clone() };
        let cause = Cause::new(finding.clone(), None, format!("{} - good conversation", state.name));
        if let Entry::Vacant(vacant) = summary.baseline.entry(fingerprint) {
            broken.push((vacant.key().clone(), conversation::scenario(&bound.pack, side, state, &[], probes)));
            vacant.insert(cause);
        }
    }
}
