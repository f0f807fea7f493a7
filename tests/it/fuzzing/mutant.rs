//! A reference peer that goes wrong once it has heard the wrong thing.

use std::collections::HashMap;
use std::time::Duration;

use framegate::peer::{Action, Input, Peer};
use framegate::transcript::{Close, ConnectionId, Event, Frame, Opcode, Response, Role, What};

/// What sets it off.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    /// A text message that holds this.
    Text(&'static str),
    /// A text message that is no JSON.
    NoJson,
    /// A text message of more bytes.
    Longer(usize),
    /// A binary message.
    Binary,
    /// A frame that is not the last of its message.
    Fragment,
    /// A text that is neither a hello nor the usual call, so many times on a connection.
    Count(usize),
}

/// What it then does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// Every stream is reset, and nobody is served any more.
    Crash,
    /// Nothing is done any more.
    Hang,
    /// Pings are answered, and nothing else is.
    Deaf,
    /// The connection is answered no more.
    HangHere,
    /// No ping is answered any more.
    NoPongs,
    /// New connections are refused.
    RefuseNew,
    /// New connections are accepted and ignored.
    IgnoreNew,
    /// Every other connection is ended.
    EndOthers,
    /// Every other connection gets all that this one gets.
    Leak,
    /// This text message is sent.
    Say(&'static str),
    /// A binary message is sent.
    SayBinary,
    /// This frame is sent.
    SayFrame { opcode: u8, rsv: u8, wrong_mask: bool },
    /// The connection is closed with this code.
    Close(u16),
    /// These bytes are written.
    Garbage,
}

/// True for what good conversations say.
fn is_usual(text: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    value["type"] == "hello"
        || value["method"] == "echo" && value["params"]["text"] == "hi" && value["id"].as_str().is_some_and(|id| id.len() == 36)
}

pub(super) struct Mutant {
    inner: Box<dyn Peer>,
    side: Role,
    trigger: Trigger,
    effect: Effect,
    heard: HashMap<ConnectionId, usize>,
    /// True if it can go wrong again on another connection, and forgets the one before.
    is_lasting: bool,
    /// Where it went wrong.
    hurt: Option<ConnectionId>,
    open: Vec<ConnectionId>,
    new: Vec<ConnectionId>,
}

impl Mutant {
    pub(super) fn new(inner: Box<dyn Peer>, side: Role, trigger: Trigger, effect: Effect) -> Self {
        Self { inner, side, trigger, effect, heard: HashMap::new(), is_lasting: false, hurt: None, open: Vec::new(), new: Vec::new() }
    }

    /// The same, for a process that lives through many conversations.
    pub(super) fn lasting(self) -> Self {
        Self { is_lasting: true, ..self }
    }

    fn is_set_off(&mut self, connection: ConnectionId, frame: &Frame) -> bool {
        let text = || std::str::from_utf8(&frame.payload).unwrap_or_default();
        let is_text = frame.opcode == Opcode::TEXT;
        let heard = self.heard.entry(connection).or_default();
        *heard += usize::from(is_text && !is_usual(text()));
        let heard = *heard;
        match self.trigger {
            Trigger::Text(inside) => is_text && text().contains(inside),
            Trigger::NoJson => is_text && frame.fin && serde_json::from_slice::<serde_json::Value>(&frame.payload).is_err(),
            Trigger::Longer(than) => is_text && frame.payload.len() > than,
            Trigger::Binary => frame.opcode == Opcode::BINARY,
            Trigger::Fragment => is_text && !frame.fin,
            Trigger::Count(times) => heard >= times,
        }
    }

    fn send(&self, connection: ConnectionId, frame: Frame) -> Action {
        Action::Send { connection, frame: frame.masked_for(self.side, [1, 2, 3, 4]) }
    }

    /// What it does at once.
    fn outburst(&self, here: ConnectionId) -> Vec<Action> {
        let others = self.open.iter().copied().filter(|other| *other != here);
        match self.effect {
            Effect::Crash => self.open.iter().map(|connection| Action::Reset(*connection)).collect(),
            Effect::EndOthers => others.map(Action::End).collect(),
            Effect::Say(text) => vec![self.send(here, Frame::text(text))],
            Effect::SayBinary => vec![self.send(here, Frame::new(Opcode::BINARY, "x"))],
            Effect::SayFrame { opcode, rsv, wrong_mask } => {
                let frame = Frame { rsv, ..Frame::new(Opcode(opcode), "") };
                let from = if wrong_mask { self.side.other() } else { self.side };
                vec![Action::Send { connection: here, frame: frame.masked_for(from, [1, 2, 3, 4]) }]
            }
            Effect::Close(code) => vec![self.send(here, Frame::close(Some(&Close::code(code))))],
            Effect::Garbage => vec![Action::Bytes { connection: here, bytes: vec![0xff; 16] }],
            _ => Vec::new(),
        }
    }

    /// True if what happened does not reach the peer inside.
    fn ignores(&self, input: &Input<'_>) -> bool {
        let Some(hurt) = self.hurt else { return false };
        let connection = if let Input::Event(event) = input { Some(event.connection) } else { None };
        match self.effect {
            Effect::Crash | Effect::Hang => true,
            Effect::HangHere => connection == Some(hurt),
            Effect::IgnoreNew => connection.is_some_and(|connection| self.new.contains(&connection)),
            _ => false,
        }
    }

    fn filter(&self, actions: Vec<Action>) -> Vec<Action> {
        let Some(hurt) = self.hurt else { return actions };
        let mut passed = Vec::new();
        for action in actions {
            match (&action, self.effect) {
                (Action::Send { connection, frame }, Effect::Deaf) if *connection == hurt && frame.opcode == Opcode::TEXT => {}
                (Action::Send { frame, .. }, Effect::NoPongs) if frame.opcode == Opcode::PONG => {}
                (Action::Send { connection, frame }, Effect::Leak) if *connection == hurt && frame.opcode == Opcode::TEXT => {
                    let others = self.open.iter().filter(|other| **other != hurt);
                    passed.extend(others.map(|other| Action::Send { connection: *other, frame: frame.clone() }));
                    passed.push(action);
                }
                (Action::Respond { connection, .. }, Effect::RefuseNew) => {
                    passed.push(Action::Respond { connection: *connection, response: Response::new(503) });
                }
                _ => passed.push(action),
            }
        }
        passed
    }
}

impl Peer for Mutant {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        let mut burst = Vec::new();
        if let Input::Event(Event { connection, what, .. }) = input {
            match what {
                What::Opened { .. } | What::Request(_) if !self.open.contains(connection) => {
                    self.open.push(*connection);
                    if self.hurt.is_some() {
                        self.new.push(*connection);
                    }
                }
                What::Response(_) if !self.open.contains(connection) => self.open.push(*connection),
                What::Ended(_) => self.open.retain(|open| open != connection),
                What::Frame(frame) if (self.is_lasting || self.hurt.is_none()) && self.is_set_off(*connection, frame) => {
                    self.hurt = Some(*connection);
                    burst = self.outburst(*connection);
                }
                _ => {}
            }
        }
        if self.ignores(&input) {
            return burst;
        }
        let actions = self.inner.step(now, input);
        burst.extend(self.filter(actions));
        burst
    }
}
