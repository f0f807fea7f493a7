//! Counterparts that know nothing of the protocol: a case that passes against one of them proves nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::policy::Duties;
use super::scope::Memory;
use super::speaker::Speaker;
use super::{Action, Input, Peer};
use crate::pack::scenario::Open;
use crate::pack::{Pack, Settings};
use crate::transcript::{Close, ConnectionId, Event, Frame, Opcode, Request, Response, Role, What};

/// What a null peer does with its connections. All of them answer pings and close frames but the silent one and those that speak no
/// WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Null {
    /// Says nothing at all after the 101, not even a pong.
    Silent,
    /// Sends every message back.
    Echo,
    /// Closes with 1000 as soon as the connection is open.
    Close,
    /// Ends the stream without a word as soon as it is asked, or open.
    Hangup,
    /// Sends bytes that are neither HTTP nor frames.
    Garbage,
    /// Answers every request with 200.
    Http,
    /// Answers every message with an error of the catalogue, if it has one, else with text.
    Error,
    /// Answers every message with a valid frame picked at random.
    Random,
}

impl Null {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [Self::Silent, Self::Echo, Self::Close, Self::Hangup, Self::Garbage, Self::Http, Self::Error, Self::Random];

    /// Its name, as it stands in a kill matrix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silent => "null-silent",
            Self::Echo => "null-echo",
            Self::Close => "null-close",
            Self::Hangup => "null-hangup",
            Self::Garbage => "null-garbage",
            Self::Http => "null-http",
            Self::Error => "null-error",
            Self::Random => "null-random",
        }
    }

    /// A peer of this side that does so. A client dials once, as the manifest says.
    pub fn peer(self, pack: Arc<Pack>, settings: Arc<Settings>, side: Role) -> Box<dyn Peer> {
        let speaks = !matches!(self, Self::Silent);
        let duties = Duties { pong: speaks, close: speaks, fail: false, limit: None, linger: None };
        Box::new(Nobody { kind: self, speaker: Speaker::new(pack, settings, side, duties, false), greeted: BTreeSet::new() })
    }
}

struct Nobody {
    kind: Null,
    speaker: Speaker,
    greeted: BTreeSet<ConnectionId>,
}

impl Peer for Nobody {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        self.speaker.begin(now);
        match input {
            Input::Start if self.speaker.side == Role::Client => self.dial(),
            Input::Event(event) => self.hear(event),
            Input::Start | Input::Wake(_) | Input::Stimulus(_) => {}
        }
        self.speaker.finish_step()
    }
}

impl Nobody {
    fn dial(&mut self) {
        if let Err(error) = self.speaker.dial(&Open { upgrade: self.kind != Null::Http, ..Open::default() }, Memory::default()) {
            self.speaker.fail(error);
        }
    }

    fn hear(&mut self, event: &Event) {
        let connection = event.connection;
        let observations = self.speaker.hear(event);
        match &event.what {
            What::Request(request) => self.be_asked(connection, request),
            What::Response(response) if response.status == 101 => self.greet(connection),
            _ => {
                for observation in observations.iter().filter(|observation| observation.is_message()) {
                    self.reply(connection, &observation.value);
                }
            }
        }
    }

    fn be_asked(&mut self, connection: ConnectionId, request: &Request) {
        match self.kind {
            Null::Hangup => self.speaker.end(connection),
            Null::Garbage => self.greet(connection),
            Null::Http => self.speaker.answer(connection, Response::new(200)),
            _ if request.is_upgrade() => {
                self.speaker.answer(connection, Response::switching(request));
                self.greet(connection);
            }
            _ => self.speaker.answer(connection, Response::new(404)),
        }
    }

    fn greet(&mut self, connection: ConnectionId) {
        if !self.greeted.insert(connection) {
            return;
        }
        match self.kind {
            Null::Close => self.speaker.send(connection, Frame::close(Some(&Close::code(1000)))),
            Null::Hangup => self.speaker.end(connection),
            Null::Garbage => {
                self.speaker.write(connection, b"\xFF\xFEgarbage\r\n\r\n\x00\x01".to_vec());
                self.speaker.end(connection);
            }
            // A client that waits to be spoken to would never say anything.
            Null::Error | Null::Random if self.speaker.side == Role::Client => self.reply(connection, &Value::Null),
            _ => {}
        }
    }

    fn reply(&mut self, connection: ConnectionId, heard: &Value) {
        let value = match self.kind {
            Null::Echo => heard.clone(),
            Null::Error => self.example(|name| name.contains("error")).unwrap_or_else(|| Value::from("error")),
            Null::Random => self.example(|_| true).unwrap_or(Value::Null),
            _ => return,
        };
        self.speaker.send(connection, Frame::new(Opcode::TEXT, value.to_string()));
    }

    /// A valid frame of this side, picked among the kinds with such a name.
    fn example(&mut self, is_meant: impl Fn(&str) -> bool) -> Option<Value> {
        let pack = Arc::clone(&self.speaker.pack);
        let kinds = pack.manifest.frames.iter().filter(|(name, kind)| kind.from == self.speaker.side && is_meant(name));
        let examples: Vec<&Value> = kinds.flat_map(|(_, kind)| &kind.examples).collect();
        examples.get(self.speaker.pick(examples.len())).map(|example| (*example).clone())
    }
}
