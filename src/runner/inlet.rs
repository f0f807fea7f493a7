//! The reading half of a connection: bytes in, events out, one at a time.
//!
//! It reads only when all that it read before is taken, so that a session that is busy slows the other side down.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::time::Instant;

use super::incoming::Incoming;
use super::stream::Stream;
use super::{Limits, Share};
use crate::transcript::{Ending, Role, What};

/// What is kept of a frame's payload at least, though all room is taken.
const LEAST_FRAME: usize = 4096;

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

pub(super) struct Inlet {
    half: ReadHalf<Stream>,
    chunk: Vec<u8>,
    begin: usize,
    end: usize,
    incoming: Incoming,
    events: VecDeque<What>,
    body_since: Option<Instant>,
    most_dropped: usize,
    /// Bytes of a frame's payload that are kept while there is room.
    frame: usize,
    share: Share,
    /// What is counted of the share for an event that is not complete.
    held: usize,
    is_on: bool,
    was_reset: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The stream has ended.
    Ended,
    /// Reading was given up.
    Flooded,
}

impl Inlet {
    /// The bytes of this side.
    pub(super) fn new(half: ReadHalf<Stream>, from: Role, limits: &Limits) -> Self {
        Self {
            half,
            chunk: vec![0; CHUNK],
            begin: 0,
            end: 0,
            incoming: Incoming::new(from, limits.frame),
            events: VecDeque::new(),
            body_since: None,
            most_dropped: limits.transcript,
            frame: limits.frame,
            share: limits.share.clone(),
            held: 0,
            is_on: true,
            was_reset: false,
            stage: Stage::Open,
        }
    }

    /// Reads once. Loses nothing when it is not waited for to the end.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        self.half.read(&mut self.chunk).await
    }

    /// Takes what [`Inlet::read`] came back with.
    pub(super) fn take(&mut self, result: io::Result<usize>) {
        match result {
            Ok(0) => self.finish(if self.was_reset { Ending::Reset } else { Ending::Finished }),
            Ok(count) => {
                (self.begin, self.end) = (0, count);
                self.incoming.keep_at_most(if self.share.has_room_for(count) { self.frame } else { self.frame.min(LEAST_FRAME) });
                self.advance();
                self.account();
            }
            Err(error) => self.finish(ending(&error)),
        }
    }

    /// The next event, if there is one.
    pub(super) fn pop(&mut self) -> Option<What> {
        let what = self.events.pop_front();
        self.advance();
        what
    }

    pub(super) fn expect_frames(&mut self) {
        self.events.extend(self.incoming.expect_frames());
        self.advance();
    }

    pub(super) fn give_up_body(&mut self) {
        self.events.extend(self.incoming.give_up_body());
        self.advance();
    }

    /// Stops or resumes reading, and handing out what was read.
    pub(super) fn switch(&mut self, on: bool) {
        self.is_on = on;
    }

    /// The writing half was told that the stream was reset.
    pub(super) fn remember_reset(&mut self) {
        self.was_reset = true;
    }

    pub(super) fn has_event(&self) -> bool {
        self.is_on && !self.events.is_empty()
    }

    pub(super) fn wants_bytes(&self) -> bool {
        self.is_on && self.stage == Stage::Open && self.events.is_empty()
    }

    /// Since when a head waits for its body, if one does.
    pub(super) fn waits_for_body_since(&self) -> Option<Instant> {
        self.body_since
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// True if all was read and taken.
    pub(super) fn is_over(&self) -> bool {
        self.stage != Stage::Open && self.events.is_empty()
    }

    /// True if so much arrived that nobody can read that reading was given up.
    pub(super) fn is_flooded(&self) -> bool {
        self.stage == Stage::Flooded
    }

    pub(super) fn into_half(self) -> ReadHalf<Stream> {
        self.half
    }

    /// Counts what is kept of an event that is not complete.
    fn account(&mut self) {
        let held = self.incoming.held();
        self.share.give(self.held);
        self.share.take(held);
        self.held = held;
    }

    /// The size of the next event, to be weighed before it is handed out.
    pub(super) fn weight(&self) -> usize {
        self.events.front().map_or(0, |what| match what {
            What::Frame(frame) => frame.payload.len(),
            What::Request(request) => request.body.len(),
            What::Response(response) => response.body.len(),
            _ => 0,
        })
    }

    /// Looks for the next event in what was read.
    fn advance(&mut self) {
        while self.events.is_empty() && self.begin < self.end {
            let mut input = &self.chunk[self.begin..self.end];
            let what = self.incoming.next(&mut input);
            self.begin = self.end - input.len();
            self.events.extend(what);
        }
        match (self.incoming.awaits_body(), self.body_since) {
            (true, None) => self.body_since = Some(Instant::now()),
            (false, Some(_)) => self.body_since = None,
            _ => {}
        }
        if self.stage == Stage::Open && self.incoming.dropped() > self.most_dropped as u64 {
            self.finish(Ending::Overflow(format!("more than {} bytes that cannot be kept", self.most_dropped)));
            self.stage = Stage::Flooded;
        }
    }

    fn finish(&mut self, ending: Ending) {
        self.events.extend(self.incoming.finish());
        self.events.push_back(What::Ended(ending));
        self.body_since = None;
        self.stage = Stage::Ended;
    }
}

/// What a failure to read says about the end of the stream. TLS without its farewell is an end like any other: what counts as a
/// truncated message shows in the frames.
fn ending(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ending::Finished,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Ending::Tls(error.to_string()),
        _ => Ending::Reset,
    }
}
