//! One side's half of a connection, from bytes to events: HTTP heads and bodies first, frames after the switch of protocols.
//!
//! Reads from no stream; the connection feeds it. It remembers nothing of the other half.

use super::body::{Body, Progress};
use super::http::{self, Head, LONGEST_HEAD, Parsed};
use super::wire::Decoder;
use crate::transcript::{Role, What};

/// This much of what cannot be read is shown.
const LARGEST_GARBAGE: usize = 4096;

/// Turns the bytes of one side of one connection into events.
#[derive(Debug)]
pub(super) struct Incoming {
    from: Role,
    frame_limit: usize,
    state: State,
    dropped: u64,
}

#[derive(Debug)]
enum State {
    /// Bytes of a head, and how many there must be before it is worth another look.
    Head(Vec<u8>, usize),
    Body(Head, Body),
    Frames(Decoder),
    /// Nothing more can be read.
    Unreadable,
}

impl Incoming {
    pub(super) fn new(from: Role, frame_limit: usize) -> Self {
        Self { from, frame_limit, state: State::Head(Vec::new(), 0), dropped: 0 }
    }

    /// Consumes bytes until an event is complete, or to their end if none is.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Option<What> {
        while !input.is_empty() {
            let what = match &mut self.state {
                State::Head(..) => self.take_head(input),
                State::Body(..) => self.take_body(input),
                State::Frames(decoder) => decoder.next(input),
                State::Unreadable => self.drop_all(input),
            };
            if what.is_some() {
                return what;
            }
        }
        None
    }

    /// From here on the bytes are frames, whatever the heads said.
    pub(super) fn expect_frames(&mut self) -> Vec<What> {
        match std::mem::replace(&mut self.state, State::Unreadable) {
            State::Head(bytes, _) => {
                self.state = State::Frames(Decoder::new(self.frame_limit));
                let mut input = &bytes[..];
                std::iter::from_fn(|| self.next(&mut input)).collect()
            }
            state => {
                self.state = state;
                Vec::new()
            }
        }
    }

    /// True while a head waits for its body.
    pub(super) fn awaits_body(&self) -> bool {
        matches!(self.state, State::Body(..))
    }

    /// Gives out a head whose body does not come to its end; what comes later is dropped.
    pub(super) fn give_up_body(&mut self) -> Option<What> {
        if !self.awaits_body() {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Unreadable) {
            State::Body(head, body) => Some(whole(head, body.into_kept())),
            _ => None,
        }
    }

    /// The stream ended: what was left unfinished.
    pub(super) fn finish(&mut self) -> Option<What> {
        match std::mem::replace(&mut self.state, State::Unreadable) {
            State::Head(bytes, _) if bytes.trim_ascii().is_empty() => None,
            State::Head(bytes, _) => Some(garbage(&bytes, "the stream ended inside an HTTP head".to_owned())),
            State::Body(head, body) => Some(whole(head, body.into_kept())),
            State::Frames(mut decoder) => decoder.finish(),
            State::Unreadable => None,
        }
    }

    /// From here on, at most this much of a frame's payload is kept.
    pub(super) fn keep_at_most(&mut self, limit: usize) {
        self.frame_limit = limit;
        if let State::Frames(decoder) = &mut self.state {
            decoder.keep_at_most(limit);
        }
    }

    /// Bytes that are kept for an event that is not complete.
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Head(bytes, _) => bytes.len(),
            State::Body(_, body) => body.held(),
            State::Frames(decoder) => decoder.held(),
            State::Unreadable => 0,
        }
    }

    /// Bytes that arrived and are in no event.
    pub(super) fn dropped(&self) -> u64 {
        match &self.state {
            State::Frames(decoder) => self.dropped + decoder.dropped(),
            _ => self.dropped,
        }
    }

    fn take_head(&mut self, input: &mut &[u8]) -> Option<What> {
        let State::Head(bytes, next_look) = &mut self.state else { return None };
        let before = bytes.len();
        // A little more than the limit, so that the parser sees that it is passed.
        let (taken, rest) = input.split_at(input.len().min(LONGEST_HEAD + 1 - before));
        bytes.extend_from_slice(taken);
        // A stream that drips would have its head read anew for each byte; each line, and each doubling, is enough.
        if !taken.contains(&b'\n') && bytes.len() < *next_look {
            *input = rest;
            return None;
        }
        *next_look = bytes.len().saturating_mul(2).min(LONGEST_HEAD + 1);
        match http::parse(self.from, bytes) {
            Parsed::Partial => {
                *input = rest;
                None
            }
            Parsed::Whole(head, length) => {
                *input = &input[length - before..];
                self.enter(head)
            }
            Parsed::Broken(problem) => {
                let garbage = garbage(bytes, problem);
                self.state = State::Unreadable;
                *input = rest;
                Some(garbage)
            }
        }
    }

    fn enter(&mut self, head: Head) -> Option<What> {
        if let Some(body) = Body::after(&head) {
            self.state = State::Body(head, body);
            return None;
        }
        self.state = self.after(&head);
        Some(whole(head, Vec::new()))
    }

    fn take_body(&mut self, input: &mut &[u8]) -> Option<What> {
        let State::Body(_, body) = &mut self.state else { return None };
        let progress = body.push(input);
        if progress == Progress::Partial {
            return None;
        }
        let State::Body(head, body) = std::mem::replace(&mut self.state, State::Unreadable) else { return None };
        if progress == Progress::Whole {
            self.state = self.after(&head);
        }
        Some(whole(head, body.into_kept()))
    }

    /// What follows a head and its body. A client that asks for an upgrade speaks frames at once: what it sends too early is seen.
    fn after(&self, head: &Head) -> State {
        let is_switch = match head {
            Head::Request(request) => request.is_upgrade(),
            Head::Response(response) => response.status == 101,
        };
        if is_switch { State::Frames(Decoder::new(self.frame_limit)) } else { State::Head(Vec::new(), 0) }
    }

    fn drop_all(&mut self, input: &mut &[u8]) -> Option<What> {
        self.dropped += input.len() as u64;
        *input = &[];
        None
    }
}

fn whole(mut head: Head, body: Vec<u8>) -> What {
    *head.body_mut() = body.into();
    match head {
        Head::Request(request) => What::Request(request),
        Head::Response(response) => What::Response(response),
    }
}

fn garbage(bytes: &[u8], problem: String) -> What {
    What::Garbage { bytes: bytes[..bytes.len().min(LARGEST_GARBAGE)].to_vec().into(), problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runner::wire;
    use crate::transcript::{Frame, Request, Response};

    fn read(from: Role, bytes: &[u8], size: usize) -> Vec<What> {
        let mut incoming = Incoming::new(from, 1000);
        let mut seen = Vec::new();
        for mut piece in bytes.chunks(size) {
            seen.extend(std::iter::from_fn(|| incoming.next(&mut piece)));
        }
        seen.extend(incoming.finish());
        seen
    }

    fn check(from: Role, bytes: &[u8], expected: &[What]) {
        for size in [1, 2, 7, 64, 100_000] {
            assert_eq!(read(from, bytes, size), expected, "in pieces of {size}");
        }
    }

    fn frame_bytes(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::encode(frame, &mut bytes);
        bytes
    }

    #[test]
    fn a_frame_glued_to_a_head_is_read() {
        let request = Request::upgrade("h", "/", "k");
        let frame = Frame::text("early").masked([1, 2, 3, 4]);
        let bytes = [http::encode_request(&request), frame_bytes(&frame)].concat();
        check(Role::Client, &bytes, &[What::Request(request), What::Frame(frame)]);
        let response = Response::new(101);
        let frame = Frame::text("first");
        let bytes = [http::encode_response(&response), frame_bytes(&frame)].concat();
        check(Role::Server, &bytes, &[What::Response(response), What::Frame(frame)]);
    }

    #[test]
    fn a_refusal_is_given_with_its_body_in_any_framing() {
        for (name, value, sent) in
            [("Content-Length", "2", "no"), ("Transfer-Encoding", "chunked", "2\r\nno\r\n0\r\n\r\n"), ("Server", "x", "no")]
        {
            let head = Response::new(401).with(name, value);
            let expected = Response { body: "no".into(), ..head.clone() };
            check(Role::Server, &[http::encode_response(&head), sent.into()].concat(), &[What::Response(expected)]);
        }
    }

    #[test]
    fn an_informational_response_is_followed_by_the_real_one() {
        let (early, real) = (Response::new(103), Response::new(101));
        let bytes = [http::encode_response(&early), http::encode_response(&real)].concat();
        check(Role::Server, &bytes, &[What::Response(early), What::Response(real)]);
    }

    #[test]
    fn an_endless_head_is_garbage_and_bounded() {
        let bytes = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'x'; 200_000]].concat();
        let seen = read(Role::Client, &bytes, 1000);
        assert!(matches!(&seen[..], [What::Garbage { bytes, .. }] if bytes.len() == LARGEST_GARBAGE), "{}", seen.len());
    }

    #[test]
    fn a_body_that_never_ends_is_given_up_with_what_came() {
        let mut incoming = Incoming::new(Role::Server, 1000);
        let mut bytes = &b"HTTP/1.1 401 Unauthorized\r\n\r\nsorry"[..];
        assert_eq!(incoming.next(&mut bytes), None);
        assert!(incoming.awaits_body());
        let given = incoming.give_up_body();
        assert!(matches!(&given, Some(What::Response(response)) if response.body.text() == Some("sorry")), "{given:?}");
        assert_eq!((incoming.next(&mut &b"more"[..]), incoming.dropped()), (None, 4));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), size in 1..50_usize, head in 0..4_usize) {
            let head = ["", "HTTP/1.1 101 x\r\n\r\n", "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 x\r\n"][head];
            let bytes = [head.as_bytes(), &bytes].concat();
            read(Role::Server, &bytes, size);
            read(Role::Client, &bytes, size);
        }
    }
}
