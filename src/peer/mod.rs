//! One side of a conversation without I/O: what it is told, and what it does about it.
//!
//! A peer has no clock and no socket; the runner gives it time and carries out its actions. It never judges.

mod deed;
mod ledger;
mod machine;
mod mutation;
mod null;
mod outgoing;
mod policy;
mod quirks;
mod reaction;
mod request;
mod scope;
mod script;
mod speaker;
#[cfg(test)]
mod tests;
mod utterance;

use std::time::Duration;

pub use machine::Machine;
pub use mutation::{Mutated, faulty};
pub use null::Null;
pub use quirks::Applied;
pub use scope::Genesis;
pub use script::Script;
pub use utterance::{Uttered, utter, value};

use crate::transcript::{ConnectionId, Event, Frame, Mark, Request, Response};

/// One side of a conversation.
pub trait Peer: Send {
    /// Takes what happened and says what to do, in order. `now` is the time since the case began.
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action>;
}

impl<P: Peer + ?Sized> Peer for Box<P> {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        (**self).step(now, input)
    }
}

/// What a peer is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The case begins.
    Start,
    /// The other side did something. Connections that the other side opens are numbered by the runner.
    Event(&'a Event),
    /// A wake-up that the peer asked for.
    Wake(u64),
    /// Somebody outside wants it to do this.
    Stimulus(&'a str),
}

/// What a peer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a connection under this number and send its HTTP request (client). Numbers are given from 1, each once. The runner fills an
    /// empty `Host`.
    Open {
        /// The number.
        connection: ConnectionId,
        /// Label of its session.
        session: String,
        /// The request.
        request: Request,
    },
    /// Answer the connection's HTTP request (server). After a 101 the connection speaks frames; after anything else it ends.
    Respond {
        /// Where.
        connection: ConnectionId,
        /// The response.
        response: Response,
    },
    /// Send a frame as it is, lies included.
    Send {
        /// Where.
        connection: ConnectionId,
        /// The frame.
        frame: Frame,
    },
    /// Write bytes as they are.
    Bytes {
        /// Where.
        connection: ConnectionId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// End the sending half of the stream after what was sent so far (TCP FIN).
    Finish(ConnectionId),
    /// End the stream after what was sent so far.
    End(ConnectionId),
    /// Abort the stream at once (TCP RST).
    Reset(ConnectionId),
    /// Stop or resume reading.
    Read {
        /// Where.
        connection: ConnectionId,
        /// True to read.
        on: bool,
    },
    /// Wake me at this time since the case began, with this token.
    Wake {
        /// When.
        at: Duration,
        /// Handed back.
        token: u64,
    },
    /// Note this in the transcript.
    Mark(Mark),
    /// Make the target do this.
    Stimulate(String),
    /// The peer has nothing more to do: the case ends.
    Stop,
}
