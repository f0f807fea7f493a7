//! The states of a conversation in which something can be done wrong: the places between the steps of the phases that every pack has.

use indexmap::IndexMap;

use crate::pack::Pack;
use crate::pack::scenario::{Expect, Send, Step};
use crate::transcript::Role;

/// The phase that brings a conversation to where it can go on.
pub(in crate::fuzz) const CONNECTED: &str = "connected";
/// The phase that proves that the target lives and is in step.
pub(in crate::fuzz) const EXCHANGE: &str = "exchange";

/// The state after one exchange.
pub(in crate::fuzz) const EXCHANGED: &str = "exchanged";

/// One state.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// `opened`, `connected`, `exchanged`, or `before-<frame>`.
    pub name: String,
    /// The steps that lead there.
    pub steps: Vec<Step>,
    /// True if the phase `exchange` can follow.
    pub is_ready: bool,
    /// The frame that the harness sends next.
    pub next: Option<String>,
    /// Frames that steps before this state keep, by the name under which.
    saved: IndexMap<String, Vec<String>>,
}

impl State {
    /// The states of conversations that test this side, in the order in which they are passed.
    pub fn all(pack: &Pack, side: Role) -> Vec<Self> {
        let phases = pack.manifest.phases.of(side);
        let steps = |phase: &str| unrolled(pack, side, phases.get(phase).map_or(&[][..], Vec::as_slice));
        let (connected, exchange) = (steps(CONNECTED), steps(EXCHANGE));
        let mut states = Vec::new();
        let opened = opening(&connected);
        for at in (opened..connected.len()).filter(|at| *at == opened || matches!(connected[*at], Step::Send(_))) {
            states.push(Self::new(connected[..at].to_vec(), &connected[..at], &connected[at..], at == opened));
        }
        let include = |phase: &str| Step::Include(phase.to_owned());
        let named = |name: &str, state: Self| Self { name: name.to_owned(), is_ready: true, ..state };
        states.push(named(CONNECTED, Self::new(vec![include(CONNECTED)], &connected, &exchange, false)));
        let both = |at: usize| [connected.as_slice(), &exchange[..at]].concat();
        for at in (1..exchange.len()).filter(|at| matches!(exchange[*at], Step::Send(_))) {
            let steps = [vec![include(CONNECTED)], exchange[..at].to_vec()].concat();
            states.push(Self::new(steps, &both(at), &exchange[at..], false));
        }
        if !exchange.is_empty() {
            let steps = vec![include(CONNECTED), include(EXCHANGE)];
            states.push(named(EXCHANGED, Self::new(steps, &both(exchange.len()), &exchange, false)));
        }
        states
    }

    fn new(steps: Vec<Step>, passed: &[Step], rest: &[Step], is_opened: bool) -> Self {
        let next = rest.iter().find_map(|step| if let Step::Send(send) = step { Some(send.frame.clone()) } else { None });
        let name = match &next {
            Some(frame) if !is_opened => format!("before-{frame}"),
            _ => "opened".to_owned(),
        };
        let mut saved: IndexMap<String, Vec<String>> = IndexMap::new();
        for step in passed {
            match step {
                Step::Send(Send { name: Some(name), frame, .. }) => drop(saved.insert(name.clone(), vec![frame.clone()])),
                Step::Expect(Expect { name: Some(name), is, .. }) => drop(saved.insert(name.clone(), is.0.clone())),
                _ => {}
            }
        }
        Self { name, steps, is_ready: false, next, saved }
    }

    /// True if something is kept under this name.
    pub(super) fn saves(&self, name: &str) -> bool {
        self.saved.contains_key(name)
    }

    /// The name under which a frame of this kind, and surely of this kind, is kept.
    pub(super) fn saved_as(&self, frame: &str) -> Option<&str> {
        let is_it = |frames: &Vec<String>| matches!(frames.as_slice(), [only] if only == frame);
        self.saved.iter().rev().find(|(_, frames)| is_it(frames)).map(|(name, _)| name.as_str())
    }

    /// What is kept under this name may be any of these.
    pub(super) fn kinds(&self, name: &str) -> &[String] {
        self.saved.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names under which frames are kept.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.saved.keys().map(String::as_str)
    }
}

/// Where both sides speak frames: after the step that has taken the answer to the upgrade, or after the upgrade was answered.
fn opening(connected: &[Step]) -> usize {
    let is_accepted = |step: &Step| matches!(step, Step::Expect(expect) if expect.is.0.iter().any(|name| name == "accept"));
    let expected = connected.iter().position(is_accepted);
    let opened = connected.iter().position(|step| matches!(step, Step::Open(_) | Step::Accept(_)));
    expected.or(opened).map_or(0, |at| at + 1)
}

/// The steps with the phases that they include in their place. A phase that includes itself, which `lint` forbids, ends the unrolling.
pub(in crate::fuzz) fn unrolled(pack: &Pack, side: Role, steps: &[Step]) -> Vec<Step> {
    fn visit(pack: &Pack, side: Role, steps: &[Step], depth: usize, found: &mut Vec<Step>) {
        for step in steps {
            match step {
                Step::Include(phase) if depth < 16 => {
                    let steps = pack.manifest.phases.of(side).get(phase);
                    visit(pack, side, steps.map_or(&[][..], Vec::as_slice), depth + 1, found);
                }
                step => found.push(step.clone()),
            }
        }
    }
    let mut found = Vec::new();
    visit(pack, side, steps, 0, &mut found);
    found
}
