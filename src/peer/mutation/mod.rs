//! Peers that deviate: a peer and what it does differently. What is different on the wire happens here; what is different inside a machine
//! is handed to it as [`Quirks`].

mod change;
mod unit;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::quirks::{Applied, Quirks};
use super::scope::{Genesis, Invention};
use super::{Action, Input, Machine, Peer};
use crate::pack::fault::{Change, CloseOn};
use crate::pack::{Hearing, Observation, Pack, Settings};
use crate::transcript::{ConnectionId, Event, Frame, Opcode, Role, What};
use unit::Unit;

/// The token of this peer's own wake-ups; the peer inside counts from 1.
const TOKEN: u64 = u64::MAX;

/// The reference peer of this side with these changes, and how often they made a difference.
pub fn faulty(pack: Arc<Pack>, settings: Arc<Settings>, side: Role, changes: &[Change]) -> (Box<dyn Peer>, Applied) {
    let mut quirks = Quirks::default();
    let applied = quirks.applied.clone();
    let mut faulty = Settings::clone(&settings);
    for one in changes {
        match one {
            Change::Credulous(true) => quirks.credulous = true,
            Change::Ignore(pattern) => quirks.ignore.push(pattern.clone()),
            Change::Without(names) => quirks.without.extend(names.0.iter().cloned()),
            Change::Timers(factor) if factor.is_finite() => quirks.pace *= factor.max(0.0),
            Change::Parameter(change) => {
                if let Some(parameter) = faulty.parameters.get_mut(&change.name) {
                    parameter.value = change.value;
                }
            }
            _ => {}
        }
    }
    if faulty != *settings {
        quirks.normal = Some(Arc::clone(&settings));
    }
    let machine = Machine::with(Arc::clone(&pack), Arc::new(faulty), side, quirks);
    (Box::new(Mutated::new(machine, pack, settings, side, changes, applied.clone())), applied)
}

/// A peer whose words are changed on their way to the wire.
#[derive(Clone, Debug)]
pub struct Mutated<P> {
    peer: P,
    pack: Arc<Pack>,
    settings: Arc<Settings>,
    side: Role,
    changes: Vec<Mutation>,
    applied: Applied,
    hearing: Hearing,
    paths: BTreeMap<ConnectionId, Path>,
    /// Frames of messages that are not complete yet.
    partial: HashMap<ConnectionId, Vec<Frame>>,
    invention: Invention,
    now: Duration,
    out: Vec<Action>,
    /// True if the peer inside has stopped while something of it was still held back.
    is_stopping: bool,
    /// True once a fault has made it deaf and dumb.
    is_deaf: bool,
}

/// A change and what it has met so far.
#[derive(Clone, Debug)]
struct Mutation {
    change: Change,
    /// How many observations its selection has met.
    met: usize,
    /// The value that stays.
    first: Option<serde_json::Value>,
}

/// The way of one connection's words to the wire.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and most combinations occur")]
#[derive(Clone, Debug, Default)]
struct Path {
    /// True while both sides speak frames.
    is_open: bool,
    /// True once a fault has ended the stream, or closed it so that no frame may follow.
    is_ended: bool,
    has_closed: bool,
    is_left: bool,
    /// True if a fault kept this side's end of the stream back until the other side has left.
    owes_end: bool,
    /// What is sent later, with its time.
    held: VecDeque<(Duration, Action)>,
    /// A message that waits for the one after it.
    swapped: Vec<Action>,
}

impl<P: Peer> Mutated<P> {
    /// This peer of this side with these changes of its words. Changes inside the peer are for [`faulty`]. What differs is counted in `applied`.
    pub fn new(peer: P, pack: Arc<Pack>, settings: Arc<Settings>, side: Role, changes: &[Change], applied: Applied) -> Self {
        let changes = changes.iter().map(|change| Mutation { change: change.clone(), met: 0, first: None }).collect();
        Self {
            peer,
            pack,
            settings,
            side,
            changes,
            applied,
            hearing: Hearing::default(),
            paths: BTreeMap::new(),
            partial: HashMap::new(),
            invention: Invention::new(Genesis { seed: 0xFA17, ..Genesis::default() }, side),
            now: Duration::ZERO,
            out: Vec::new(),
            is_stopping: false,
            is_deaf: false,
        }
    }

    fn overhear(&mut self, event: &Event) {
        let heard = self.hearing.observe(&self.pack.manifest.frames, event);
        self.respond(&heard);
        let path = self.paths.entry(event.connection).or_default();
        match &event.what {
            What::Response(response) => path.is_open = response.status == 101,
            What::Ended(_) => {
                path.is_open = false;
                path.is_left = true;
                if std::mem::take(&mut path.owes_end) {
                    self.out.push(Action::End(event.connection));
                }
            }
            _ => {}
        }
    }

    /// What a fault makes of what the other side did.
    fn respond(&mut self, heard: &[Observation]) {
        let changes: Vec<_> = self.changes.iter().map(|mutation| mutation.change.clone()).collect();
        for change in changes {
            let (Change::CloseOn(CloseOn { on, .. }) | Change::DeafAfter(on)) = &change else { continue };
            let Some(observation) = heard.iter().find(|observation| observation.is(on)) else { continue };
            self.applied.add();
            match change {
                Change::CloseOn(CloseOn { code, .. }) => {
                    let closing = self.closing(observation.connection, code);
                    self.emit(closing);
                }
                _ => self.is_deaf = true,
            }
        }
    }

    fn pass(&mut self, action: Action) {
        match connection(&action) {
            Some(connection) => {
                let Some(unit) = self.read(connection, action) else { return };
                for unit in self.change(unit) {
                    self.emit(unit);
                }
            }
            None if action == Action::Stop && self.is_holding() => self.is_stopping = true,
            None => self.out.push(action),
        }
    }

    /// What an action says, once it is complete: the fragments of a message come together.
    fn read(&mut self, connection: ConnectionId, action: Action) -> Option<Unit> {
        let what = match &action {
            Action::Open { request, .. } => What::Request(request.clone()),
            Action::Respond { response, .. } => What::Response(response.clone()),
            Action::Send { frame, .. } => What::Frame(frame.clone()),
            _ => return Some(Unit::of(connection, vec![action], None)),
        };
        self.track(connection, &what);
        let event = Event { at: self.now, connection, from: self.side, what };
        let observations = self.hearing.observe(&self.pack.manifest.frames, &event);
        let seen = observations.into_iter().find(|observation| !matches!(observation.name.as_str(), "violation" | "fragmented"));
        let Action::Send { frame, .. } = action else { return Some(Unit::of(connection, vec![action], seen)) };
        if frame.opcode.is_control() {
            return Some(Unit::of(connection, vec![Action::Send { connection, frame }], seen));
        }
        let is_last = frame.fin;
        let frames = self.partial.entry(connection).or_default();
        frames.push(frame);
        if !is_last {
            return None;
        }
        let frames = std::mem::take(frames);
        Some(Unit::of(connection, frames.into_iter().map(|frame| Action::Send { connection, frame }).collect(), seen))
    }

    fn track(&mut self, connection: ConnectionId, what: &What) {
        if let What::Response(response) = what {
            self.paths.entry(connection).or_default().is_open = response.status == 101;
        }
    }

    /// Sends a unit now, or keeps it where it or something before it must wait.
    fn emit(&mut self, unit: Unit) {
        let path = self.paths.entry(unit.connection).or_default();
        let is_frame = unit.is_frame();
        if path.is_ended || path.has_closed && is_frame {
            return;
        }
        let is_message = unit.is_message();
        if unit.is_swapped && path.swapped.is_empty() && is_message {
            path.swapped = unit.actions;
            return;
        }
        let is_last = unit.closes() || !is_frame;
        let waiting = if is_message || is_last { std::mem::take(&mut path.swapped) } else { Vec::new() };
        let (first, second) = if is_message { (unit.actions, waiting) } else { (waiting, unit.actions) };
        path.has_closed |= unit.is_final;
        path.is_ended |= unit.is_final && second.iter().chain(&first).any(|action| matches!(action, Action::End(_)));
        for action in first.into_iter().chain(second) {
            self.hold(unit.connection, action, unit.delay);
        }
    }

    fn hold(&mut self, connection: ConnectionId, action: Action, delay: Option<Duration>) {
        let path = self.paths.entry(connection).or_default();
        let before = path.held.back().map(|(at, _)| *at);
        let Some(at) = delay.map(|delay| self.now.saturating_add(delay)).max(before) else {
            return self.out.push(action);
        };
        path.held.push_back((at, action));
        self.out.push(Action::Wake { at, token: TOKEN });
    }

    fn release(&mut self) {
        for path in self.paths.values_mut() {
            while path.held.front().is_some_and(|(at, _)| *at <= self.now) {
                self.out.extend(path.held.pop_front().map(|(_, action)| action));
            }
        }
        if self.is_stopping && !self.is_holding() {
            self.out.push(Action::Stop);
        }
    }

    fn is_holding(&self) -> bool {
        self.paths.values().any(|path| !path.held.is_empty())
    }

    fn masked_wrongly(&mut self, frame: Frame) -> Frame {
        let key = self.invention.mask();
        frame.masked_for(self.side.other(), key)
    }

    fn masked(&mut self, frame: Frame) -> Frame {
        let key = self.invention.mask();
        frame.masked_for(self.side, key)
    }
}

impl<P: Peer> Peer for Mutated<P> {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        self.now = now;
        if let Input::Wake(TOKEN) = input {
            self.release();
            return std::mem::take(&mut self.out);
        }
        if let Input::Event(event) = input {
            self.overhear(event);
        }
        if self.is_deaf {
            return std::mem::take(&mut self.out);
        }
        for action in self.peer.step(now, input) {
            self.pass(action);
        }
        std::mem::take(&mut self.out)
    }
}

/// The connection that an action is about.
fn connection(action: &Action) -> Option<ConnectionId> {
    match action {
        Action::Open { connection, .. }
        | Action::Respond { connection, .. }
        | Action::Send { connection, .. }
        | Action::Bytes { connection, .. }
        | Action::Read { connection, .. }
        | Action::Finish(connection)
        | Action::End(connection)
        | Action::Reset(connection) => Some(*connection),
        Action::Wake { .. } | Action::Mark(_) | Action::Stimulate(_) | Action::Stop => None,
    }
}

/// True for the frames of messages.
fn is_data(frame: &Frame) -> bool {
    !frame.opcode.is_control() || frame.opcode == Opcode::CONTINUATION
}
