//! A server that framegate started: its end and its memory are looked at after every try, and it is started again when it has ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::arena::{Arena, Lane};
use super::oracle;
use crate::plan::Case;
use crate::runner::{ServerTarget, Service, Stop, memory};
use crate::suite::{Bound, Subject};
use crate::transcript::{Event, Process, Role, What};
use crate::verdict::{CaseResult, Finding};

/// How long a server that does not behave may take to be gone.
const FALL: Duration = Duration::from_secs(1);
/// Memory that a server may take more after one conversation than before, beside [`SHARE`] times what it was sent in it.
pub const GROWTH: u64 = 64 * 1024 * 1024;
/// What a byte of a message may take in memory until it is given back.
pub const SHARE: u64 = 32;
/// How often memory is looked at in a campaign, at most; then only every second look is kept.
const LOOKS: usize = 32;
/// How many looks in a row must show more memory than the one before.
const RISES: usize = 8;

/// Starts the server, and says where it is.
pub type Start<'a> = dyn Fn() -> Option<(Service, Subject)> + Sync + 'a;

/// A lane to a server that is looked after.
pub struct Keeper<'a> {
    state: Mutex<State>,
    start: &'a Start<'a>,
    stop: Stop,
}

struct State {
    lane: Lane,
    service: Option<Service>,
    /// An end that no try of its own has shown.
    fallen: Option<Process>,
    looks: Vec<u64>,
    /// Every how many-th look is kept, and how many were not since.
    stride: (usize, usize),
    is_told: bool,
}

impl<'a> Keeper<'a> {
    /// Looks after this server, which is reached by this lane.
    pub fn new(lane: Lane, service: Service, start: &'a Start<'a>) -> Self {
        let stop = lane.stop.clone();
        let state = State { lane, service: Some(service), fallen: None, looks: Vec::new(), stride: (1, 0), is_told: false };
        Self { state: Mutex::new(state), start, stop }
    }

    /// Ends the server.
    pub fn finish(self) {
        let service = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).service;
        service.into_iter().for_each(Service::stop);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the server has ended, if it does within this time. It is started again.
    fn fall(&self, state: &mut State, within: Duration) -> Option<Process> {
        let process = state.service.as_mut()?.exit(within)?;
        state.service = None;
        state.looks.clear();
        self.raise(state);
        Some(process)
    }

    fn raise(&self, state: &mut State) {
        if self.stop.is_stopped() {
            return;
        }
        if let Some((service, subject)) = (self.start)() {
            (state.service, state.lane.subject) = (Some(service), subject);
        }
    }
}

impl Arena for Keeper<'_> {
    fn play(&self, bound: &Bound, case: &Case) -> CaseResult {
        let mut state = self.state();
        if state.service.is_none() {
            self.raise(&mut state);
        }
        if let Some(process) = self.fall(&mut state, Duration::ZERO) {
            state.fallen.get_or_insert(process);
        }
        let before = state.service.as_mut().and_then(Service::memory);
        let mut result = state.lane.play(bound, case);
        let sighting = oracle::judge(bound, case, &result);
        let is_strange =
            sighting.unreached.is_some() || !sighting.findings.is_empty() || matches!(sighting.reaction.as_str(), "resets" | "ends");
        let patience = if is_strange { FALL } else { Duration::ZERO };
        let after = state.service.as_mut().and_then(Service::memory);
        if let Some(process) = self.fall(&mut state, patience) {
            let at = result.transcript.events.last().map_or(Duration::ZERO, |event| event.at);
            result.transcript.events.push(Event { at, connection: 0, from: Role::Server, what: What::Exited(process) });
        } else if let Some((before, after)) = before.zip(after).filter(|(before, after)| after.saturating_sub(*before) >= bound_of(&result))
        {
            result.findings.push(oracle::memory(before, after, "one conversation"));
        }
        result
    }

    fn server(&self) -> Option<(ServerTarget, Stop)> {
        let mut state = self.state();
        if let Some(process) = self.fall(&mut state, Duration::ZERO) {
            state.fallen.get_or_insert(process);
        }
        state.lane.server()
    }

    fn misfortunes(&self) -> Vec<Finding> {
        let mut state = self.state();
        let fallen = self.fall(&mut state, Duration::ZERO);
        let fallen = state.fallen.take().or(fallen);
        let mut found: Vec<_> = fallen.iter().map(oracle::fall).collect();
        if let Some(held) = state.service.as_mut().and_then(Service::memory) {
            found.extend(state.look(held));
        }
        found
    }
}

impl State {
    /// Takes a look at the memory; says so, once, if it has only ever risen.
    fn look(&mut self, held: u64) -> Option<Finding> {
        let (every, skipped) = self.stride;
        if skipped + 1 < every {
            self.stride.1 += 1;
            return None;
        }
        self.stride.1 = 0;
        self.looks.push(held);
        let (first, last) = (*self.looks.first()?, *self.looks.last()?);
        let jump = self.looks.len().checked_sub(2).map(|before| self.looks[before]).filter(|before| is_grown(*before, last));
        if let Some(before) = jump.filter(|_| !self.is_told) {
            self.is_told = true;
            return Some(oracle::memory(before, last, "a stretch of tries"));
        }
        let is_rising = self.looks.len() >= RISES && self.looks.windows(2).all(|pair| pair[0] < pair[1]);
        if is_rising && is_grown(first, last) && !std::mem::replace(&mut self.is_told, true) {
            return Some(oracle::memory(first, last, "the campaign, and at no look less than at the one before"));
        }
        if self.looks.len() >= LOOKS {
            memory::thin(&mut self.looks);
            self.stride.0 *= 2;
        }
        None
    }
}

/// What a server may take for this conversation.
fn bound_of(result: &CaseResult) -> u64 {
    let sent = |event: &Event| match &event.what {
        What::Frame(frame) if event.from == Role::Client => frame.length,
        _ => 0,
    };
    GROWTH + SHARE * result.transcript.events.iter().map(sent).sum::<u64>()
}

/// True for growth that few conversations explain.
fn is_grown(before: u64, after: u64) -> bool {
    after.saturating_sub(before) >= GROWTH && after >= before.saturating_mul(2)
}
