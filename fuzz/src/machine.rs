//! The target that tells peers anything in any order.

use std::time::Duration;

use framegate::peer::{Action, Input, Machine, Null, Peer, faulty};
use framegate::transcript::{Bytes, Ending, Event, Frame, Mark, Opcode, Process, Request, Response, Role, What, Width};

use crate::BOUND;

/// Events of one input.
const MOST: usize = 64;
/// What a peer may do about all of them together.
const DEEDS: usize = 20_000;

/// What a peer is told.
enum Told<'a> {
    Happened(u32, What),
    Woken(u64),
    Stimulated(&'a str),
}

/// Any peer takes any events in any order: none panics, none runs away, and a faultless machine never says that it failed.
pub fn machine(data: &[u8]) {
    let mut bytes = Reader(data);
    let side = if bytes.byte() % 2 == 0 { Role::Server } else { Role::Client };
    let (mut peer, is_faultless) = peer(side, bytes.byte());
    let mut deeds = peer.step(Duration::ZERO, Input::Start).len();
    let stimuli: Vec<&str> = BOUND.pack.manifest.stimuli.keys().map(String::as_str).collect();
    let mut at = Duration::ZERO;
    for _ in 0..MOST {
        let Some(told) = bytes.told(&stimuli) else { break };
        at += Duration::from_millis(u64::from(bytes.byte()) * 500);
        let done = match told {
            Told::Happened(connection, what) => peer.step(at, Input::Event(&Event { at, connection, from: side.other(), what })),
            Told::Woken(token) => peer.step(at, Input::Wake(token)),
            Told::Stimulated(name) => peer.step(at, Input::Stimulus(name)),
        };
        deeds += done.len();
        let failed = done.iter().find(|action| matches!(action, Action::Mark(Mark::Failed(_))));
        assert!(!is_faultless || failed.is_none(), "{failed:?}");
        assert!(deeds < DEEDS, "it runs away");
    }
}

/// A machine, one with a fault of the pack, or a null peer.
fn peer(side: Role, which: u8) -> (Box<dyn Peer>, bool) {
    let (pack, settings) = (BOUND.pack.clone(), BOUND.settings.clone());
    let index = usize::from(which / 4);
    let faults: Vec<_> = BOUND.pack.faults().filter(|fault| fault.side == side).collect();
    match which % 4 {
        0 | 1 => (Box::new(Machine::new(pack, settings, side)), true),
        2 => (faulty(pack, settings, side, &[faults[index % faults.len()].change.clone()]).0, false),
        _ => (Null::ALL[index % Null::ALL.len()].peer(pack, settings, side), false),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// As many bytes as the next one says.
    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn told(&mut self, stimuli: &[&'a str]) -> Option<Told<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let connection = u32::from(self.byte() % 4);
        Some(match self.byte() % 12 {
            0 => Told::Woken(u64::from(self.byte())),
            1 if !stimuli.is_empty() => Told::Stimulated(stimuli[usize::from(self.byte()) % stimuli.len()]),
            2 => Told::Happened(connection, What::Opened { session: "main".to_owned() }),
            3 => Told::Happened(connection, What::Request(self.request())),
            4 => Told::Happened(connection, What::Response(Response::new(100 + u16::from(self.byte()) * 2))),
            5 => Told::Happened(connection, What::Garbage { bytes: Bytes(self.bytes().to_vec()), problem: "no frame".to_owned() }),
            6 => Told::Happened(connection, What::Ended(if self.byte().is_multiple_of(2) { Ending::Finished } else { Ending::Reset })),
            7 => Told::Happened(connection, What::Exited(Process { code: Some(1), signal: None, killed: false, stderr: Vec::new() })),
            8 => Told::Happened(connection, What::Frame(self.frame())),
            _ => Told::Happened(connection, What::Frame(Frame::text(self.text()))),
        })
    }

    fn request(&mut self) -> Request {
        let endpoint = BOUND.pack.manifest.endpoint.path.clone();
        let target = if self.byte().is_multiple_of(2) { endpoint } else { self.text() };
        Request::upgrade("h", &target, "dGhlIHNhbXBsZSBub25jZQ==")
    }

    fn frame(&mut self) -> Frame {
        let (head, length) = (self.byte(), self.byte());
        let frame = Frame { fin: head & 0x80 != 0, rsv: head >> 4 & 7, ..Frame::new(Opcode(head & 15), self.bytes().to_vec()) };
        let length = if length % 8 == 0 { u64::from(length) << 20 } else { frame.length };
        Frame { length, width: Width::minimal(length), ..frame }
    }
}
