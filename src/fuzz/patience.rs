//! How a conversation is played and seen: a server that takes one conversation at a time is given the time to let go of the last one before
//! it is blamed for anything.

use std::sync::atomic::{AtomicBool, Ordering};

use super::arena::Arena;
use super::conversation::{self, Probes};
use super::generator::state::CONNECTED;
use super::oracle::{self, Sighting};
use super::trial::Front;
use crate::pack::parameter::Span;
use crate::pack::scenario::{Scenario, Step, Wait};
use crate::plan;
use crate::suite::Bound;
use crate::transcript::Role;
use crate::verdict::Finding;

/// How long is waited before a good conversation is tried again, and again: common libraries wait 10 s for a close.
const LETTING_GO: [&str; 9] = ["20ms", "50ms", "100ms", "300ms", "1s", "2s", "3s", "4s", "5s"];

/// Plays a conversation that tests this side.
pub(super) fn play(bound: &Bound, arena: &dyn Arena, side: Role, scenario: &Scenario) -> Sighting {
    if let Some(case) = plan::bind(&bound.pack, &bound.settings, side, "fuzz", scenario).first() {
        return oracle::judge(bound, case, &arena.play(bound, case));
    }
    let why = "the pack has no scenarios".to_owned();
    Sighting { unreached: Some(why), reaction: String::new(), is_answered: false, findings: Vec::new() }
}

/// Plays conversations with a target.
pub(super) struct Patience<'a> {
    bound: &'a Bound,
    arena: &'a dyn Arena,
    /// A side that takes one conversation at a time, and a good one.
    good: Option<(Role, Scenario)>,
    /// True once the target has not let go of a conversation in time: it is not waited for until it serves one.
    is_deaf: AtomicBool,
}

impl<'a> Patience<'a> {
    pub(super) fn new<'f>(bound: &'a Bound, arena: &'a dyn Arena, mut fronts: impl Iterator<Item = &'f Front>) -> Self {
        let front = fronts.find(|front| conversation::is_exclusive(&bound.pack, front.side));
        let good = front.and_then(|front| {
            let connected = front.fields.iter().find(|field| field.state.name == CONNECTED)?;
            Some((front.side, conversation::scenario(&bound.pack, front.side, &connected.state, &[], Probes::default())))
        });
        Self { bound, arena, good, is_deaf: AtomicBool::new(false) }
    }

    /// Plays a conversation that tests this side. That another one was not over yet tells nothing of the target.
    pub(super) fn play(&self, side: Role, scenario: &Scenario) -> Sighting {
        let play = || play(self.bound, self.arena, side, scenario);
        let mut sighting = play();
        if sighting.unreached.is_some() && self.lets_go(side) {
            sighting = play();
        }
        if sighting.unreached.is_none() {
            self.is_deaf.store(false, Ordering::Relaxed);
        }
        let is_refused = |finding: &Finding| finding.requirement == oracle::ALIVE;
        if sighting.findings.iter().any(is_refused) && self.lets_go(side) {
            sighting.findings.retain(|finding| !is_refused(finding));
        }
        sighting
    }

    /// True if a good conversation is served within the time that a server has to let go of another one.
    fn lets_go(&self, side: Role) -> bool {
        let is_meant = |(exclusive, _): &&(Role, Scenario)| *exclusive == side && !self.is_deaf.load(Ordering::Relaxed);
        let Some((_, good)) = self.good.as_ref().filter(is_meant) else { return false };
        let is_served = |wait: &str| {
            let wait = Step::Wait(Wait { span: Span(wait.to_owned()), until: None });
            let later = Scenario::new("a good conversation, later", [vec![wait], good.steps.clone()].concat());
            let sighting = play(self.bound, self.arena, side, &later);
            sighting.unreached.is_none() && sighting.findings.is_empty()
        };
        let is_served = !self.arena.is_stopped() && LETTING_GO.iter().any(|wait| is_served(wait));
        self.is_deaf.store(!is_served, Ordering::Relaxed);
        is_served
    }
}
