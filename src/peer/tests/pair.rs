//! A server peer and a client peer on one queue of events: no sockets, no threads, and a clock that jumps to the next event.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::pack::{Observation, Observer, Pack};
use crate::peer::{Action, Input, Peer};
use crate::transcript::{Bytes, ConnectionId, Ending, Event, Mark, Role, Transcript, What};

/// How long anything takes on the way.
const WAY: Duration = Duration::from_millis(1);

/// More events than any test needs.
const MOST: usize = 20_000;

enum Coming {
    Event(Role, Event),
    Wake(Role, u64),
    Stimulus(Role, String),
}

/// What two peers said until one of them stopped, or nothing was left to happen, or the time was up.
pub(in crate::peer) struct Pair {
    peers: HashMap<Role, Box<dyn Peer>>,
    /// By time, then in the order of being sent.
    queue: BTreeMap<(Duration, usize), Coming>,
    sent: usize,
    now: Duration,
    ended: HashSet<(Role, ConnectionId)>,
    stopped: HashSet<Role>,
    pub(in crate::peer) transcript: Transcript,
}

impl Pair {
    pub(in crate::peer) fn new(server: impl Peer + 'static, client: impl Peer + 'static) -> Self {
        let peers: [(Role, Box<dyn Peer>); 2] = [(Role::Server, Box::new(server)), (Role::Client, Box::new(client))];
        Self {
            peers: peers.into(),
            queue: BTreeMap::new(),
            sent: 0,
            now: Duration::ZERO,
            ended: HashSet::new(),
            stopped: HashSet::new(),
            transcript: Transcript::default(),
        }
    }

    /// Stimulates this side at this time.
    pub(in crate::peer) fn stimulate(mut self, side: Role, at: Duration, name: &str) -> Self {
        self.push(at, Coming::Stimulus(side, name.to_owned()));
        self
    }

    /// Runs to the end, at the latest to this time.
    pub(in crate::peer) fn run(mut self, until: Duration) -> Self {
        for side in [Role::Server, Role::Client] {
            self.step(side, Input::Start);
        }
        while let Some(((at, _), coming)) = self.queue.pop_first() {
            if at > until || self.stopped.len() == 2 || self.sent > MOST {
                break;
            }
            self.now = at;
            match coming {
                Coming::Event(side, event) => self.step(side, Input::Event(&event)),
                Coming::Wake(side, token) => self.step(side, Input::Wake(token)),
                Coming::Stimulus(side, name) => self.step(side, Input::Stimulus(&name)),
            }
        }
        assert!(self.sent <= MOST, "the peers do not come to an end");
        self
    }

    /// True if this side said that it is done.
    pub(in crate::peer) fn has_stopped(&self, side: Role) -> bool {
        self.stopped.contains(&side)
    }

    pub(in crate::peer) fn observations(&self, pack: &Pack) -> Vec<Observation> {
        Observer::observe_all(&pack.manifest.frames, &self.transcript.events)
    }

    /// Who did what, in order: `client hello`, `server close 1008`.
    pub(in crate::peer) fn story(&self, pack: &Pack) -> Vec<String> {
        let observations = self.observations(pack);
        let told = observations.iter().filter(|observation| !matches!(observation.name.as_str(), "mark" | "opened"));
        told.map(|observation| {
            let detail = match observation.name.as_str() {
                "close" => format!(" {}", observation.value["code"]),
                "refuse" | "response" => format!(" {}", observation.value["status"]),
                "violation" => format!(" {}", observation.value["kind"]),
                _ => String::new(),
            };
            format!("{} {}{detail}", observation.from, observation.name)
        })
        .collect()
    }

    pub(in crate::peer) fn marks(&self) -> Vec<&Mark> {
        let marks = self.transcript.events.iter().filter_map(|event| match &event.what {
            What::Mark(mark) => Some(mark),
            _ => None,
        });
        marks.collect()
    }

    fn push(&mut self, at: Duration, coming: Coming) {
        self.sent += 1;
        self.queue.insert((at, self.sent), coming);
    }

    fn step(&mut self, side: Role, input: Input<'_>) {
        if self.stopped.contains(&side) {
            return;
        }
        let actions = self.peers.get_mut(&side).unwrap().step(self.now, input);
        for action in actions {
            self.carry_out(side, action);
        }
    }

    fn carry_out(&mut self, side: Role, action: Action) {
        match action {
            Action::Open { connection, session, request } => {
                self.happen(side, connection, What::Opened { session });
                self.happen(side, connection, What::Request(request));
            }
            Action::Respond { connection, response } => {
                let ends = response.status != 101;
                self.happen(side, connection, What::Response(response));
                if ends {
                    self.end(side, connection, Ending::Finished);
                }
            }
            Action::Send { connection, frame } => self.happen(side, connection, What::Frame(frame)),
            Action::Bytes { connection, bytes } => {
                self.happen(side, connection, What::Garbage { bytes: Bytes(bytes), problem: "raw bytes".to_owned() });
            }
            Action::Finish(connection) | Action::End(connection) => self.end(side, connection, Ending::Finished),
            Action::Reset(connection) => self.end(side, connection, Ending::Reset),
            Action::Read { .. } => {}
            Action::Wake { at, token } => self.push(at.max(self.now), Coming::Wake(side, token)),
            Action::Mark(mark) => drop(self.note(side, 0, What::Mark(mark))),
            Action::Stimulate(name) => self.push(self.now, Coming::Stimulus(side.other(), name)),
            Action::Stop => {
                self.stopped.insert(side);
            }
        }
    }

    fn end(&mut self, side: Role, connection: ConnectionId, how: Ending) {
        self.happen(side, connection, What::Ended(how));
        self.ended.insert((side, connection));
    }

    fn happen(&mut self, side: Role, connection: ConnectionId, what: What) {
        assert!(!self.ended.contains(&(side, connection)), "{side} speaks on connection {connection}, which it has ended: {what:?}");
        let event = self.note(side, connection, what);
        self.push(self.now + WAY, Coming::Event(side.other(), event));
    }

    fn note(&mut self, from: Role, connection: ConnectionId, what: What) -> Event {
        let event = Event { at: self.now, connection, from, what };
        self.transcript.events.push(event.clone());
        event
    }
}
