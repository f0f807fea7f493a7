//! What RFC 6455 asks of an endpoint whatever the protocol above it: pong, close echo, the end of the stream, and the close codes for what
//! breaks the rules. One policy a connection; it says what to do and does nothing itself. Not the protocol of a pack: that is `machine`.

use std::time::Duration;

use crate::pack::Observation;
use crate::transcript::{Close, Frame, Opcode, Request, Response, Role, accept_key};

/// Which duties an endpoint fulfils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duties {
    /// Answer pings.
    pub(super) pong: bool,
    /// Answer close frames, and end the stream when it is time.
    pub(super) close: bool,
    /// Close with 1002, 1007 and 1009 where the other side breaks the rules.
    pub(super) fail: bool,
    /// The largest message that is taken, in bytes.
    pub(super) limit: Option<u64>,
    /// How long to wait for the other side once this side has sent its close frame. `None`: as long as it takes.
    pub(super) linger: Option<Duration>,
}

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Send this, masked as the side asks.
    Send(Frame),
    /// End the stream.
    End,
    /// End the stream after this time, if it is not over by then.
    Linger(Duration),
}

/// The state of one connection in the words of RFC 6455.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) duties: Duties,
    side: Role,
    has_closed: bool,
    is_closed: bool,
    has_failed: bool,
    message: u64,
}

impl Policy {
    pub(super) fn new(side: Role, duties: Duties) -> Self {
        Self { duties, side, has_closed: false, is_closed: false, has_failed: false, message: 0 }
    }

    /// This side sends a frame.
    pub(super) fn said(&mut self, frame: &Frame) -> Option<Duty> {
        if frame.opcode != Opcode::CLOSE || self.has_closed {
            return None;
        }
        self.has_closed = true;
        self.duties.linger.map(Duty::Linger)
    }

    /// The other side sent a frame, which the observer reads so. Says what is due, in order; each frame in it counts as [`said`](Self::said) when it
    /// is sent.
    pub(super) fn heard(&mut self, frame: &Frame, observations: &[Observation]) -> Vec<Duty> {
        if let Some(code) = self.failure(frame, observations) {
            self.has_failed = true;
            let close = Duty::Send(Frame::close(Some(&Close::code(code))));
            // A close frame that breaks the rules is the other side's last word all the same.
            self.is_closed |= frame.opcode == Opcode::CLOSE;
            let end = (self.is_closed && self.side == Role::Server).then_some(Duty::End);
            return std::iter::once(close).chain(end).collect();
        }
        let is = |name: &str| observations.iter().any(|observation| observation.name == name);
        if is("ping") && self.duties.pong && !self.has_closed {
            return vec![Duty::Send(Frame::new(Opcode::PONG, frame.payload.0.clone()))];
        }
        if is("close") && self.duties.close { self.closing(frame) } else { Vec::new() }
    }

    /// The other side ended its half of the stream.
    pub(super) fn ended(&self) -> Option<Duty> {
        self.duties.close.then_some(Duty::End)
    }

    /// True once this side has sent a close frame.
    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// True once this side has given the connection up because the other side broke the rules.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Bytes of the newest message until now, by what its headers declare.
    pub(super) fn message_size(&self) -> u64 {
        self.message
    }

    fn failure(&mut self, frame: &Frame, observations: &[Observation]) -> Option<u16> {
        let too_big = self.is_too_big(frame);
        if !self.duties.fail || self.has_closed {
            return None;
        }
        let kinds = observations.iter().filter(|observation| observation.name == "violation");
        let kinds: Vec<_> = kinds.filter_map(|observation| observation.value["kind"].as_str()).collect();
        // A frame that is cut off by the end of the stream has nobody left to be told.
        let broken = kinds.iter().find(|kind| !matches!(**kind, "truncated" | "after-close"));
        broken.map(|kind| if *kind == "utf8" { 1007 } else { 1002 }).or(too_big.then_some(1009))
    }

    /// Counts the bytes of the message that the frame belongs to, by what its header declares.
    fn is_too_big(&mut self, frame: &Frame) -> bool {
        if frame.opcode.is_control() {
            return false;
        }
        let before = if frame.opcode == Opcode::CONTINUATION { self.message } else { 0 };
        self.message = before.saturating_add(frame.length);
        self.duties.limit.is_some_and(|limit| self.message > limit)
    }

    fn closing(&mut self, frame: &Frame) -> Vec<Duty> {
        if std::mem::replace(&mut self.is_closed, true) {
            return Vec::new();
        }
        let echo = (!self.has_closed).then(|| Duty::Send(Frame::close(echo(frame).as_ref())));
        // RFC 6455 § 7.1.1: the server ends the TCP stream first.
        let end = (self.side == Role::Server).then_some(Duty::End);
        echo.into_iter().chain(end).collect()
    }
}

/// The same code; empty for empty; 1002 for what may not stand in a close frame.
fn echo(frame: &Frame) -> Option<Close> {
    if frame.payload.is_empty() {
        return None;
    }
    let code = frame.close_payload().map(|close| close.code).filter(|code| Close::is_sendable(*code));
    Some(Close::code(code.unwrap_or(1002)))
}

/// What a server answers to an upgrade that RFC 6455 § 4.2.1 forbids.
pub(super) fn refusal(request: &Request) -> Option<Response> {
    let has = |name: &str, token: &str| {
        request
            .headers
            .iter()
            .any(|(field, value)| field.eq_ignore_ascii_case(name) && tokens(value).any(|item| item.eq_ignore_ascii_case(token)))
    };
    let key = request.header("Sec-WebSocket-Key").and_then(|key| data_encoding::BASE64.decode(key.trim().as_bytes()).ok());
    let is_sound = request.version == "HTTP/1.1"
        && request.header("Host").is_some()
        && has("Connection", "upgrade")
        && key.is_some_and(|key| key.len() == 16);
    if request.method != "GET" {
        Some(Response::new(405).with("Allow", "GET"))
    } else if !is_sound {
        Some(Response::new(400))
    } else if request.header("Sec-WebSocket-Version").map(str::trim) != Some("13") {
        Some(Response::new(426).with("Sec-WebSocket-Version", "13"))
    } else {
        None
    }
}

/// True if a client may take this 101 as the answer to its request (RFC 6455 § 4.1).
pub(super) fn is_switched(request: &Request, response: &Response) -> bool {
    let key = request.header("Sec-WebSocket-Key").unwrap_or_default();
    let offered: Vec<_> = fields(&request.headers, "Sec-WebSocket-Protocol").collect();
    response.header("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
        && fields(&response.headers, "Connection").any(|token| token.eq_ignore_ascii_case("upgrade"))
        && response.header("Sec-WebSocket-Accept").is_some_and(|value| value.trim() == accept_key(key))
        && fields(&response.headers, "Sec-WebSocket-Protocol").all(|protocol| offered.contains(&protocol))
        && fields(&response.headers, "Sec-WebSocket-Extensions").next().is_none()
}

fn fields<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).flat_map(|(_, value)| tokens(value))
}

fn tokens(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Hearing;
    use crate::transcript::{Event, What, Width};
    use indexmap::IndexMap;

    const ALL: Duties = Duties { pong: true, close: true, fail: true, limit: Some(10), linger: Some(Duration::from_secs(1)) };

    struct Ear {
        policy: Policy,
        hearing: Hearing,
    }

    impl Ear {
        fn new(side: Role, duties: Duties) -> Self {
            Self { policy: Policy::new(side, duties), hearing: Hearing::default() }
        }

        fn hear(&mut self, frame: &Frame) -> Vec<Duty> {
            let from = self.policy.side.other();
            let frame = frame.clone().masked_for(from, [1, 2, 3, 4]);
            let event = Event { at: Duration::ZERO, connection: 1, from, what: What::Frame(frame.clone()) };
            let duties = self.policy.heard(&frame, &self.hearing.observe(&IndexMap::new(), &event));
            for duty in &duties {
                if let Duty::Send(frame) = duty {
                    self.policy.said(frame);
                }
            }
            duties
        }
    }

    fn close(code: u16) -> Duty {
        Duty::Send(Frame::close(Some(&Close::code(code))))
    }

    #[track_caller]
    fn check(frames: &[Frame], expected: &[Duty]) {
        let mut ear = Ear::new(Role::Client, ALL);
        let duties: Vec<_> = frames.iter().flat_map(|frame| ear.hear(frame)).collect();
        assert_eq!(duties, expected, "{frames:?}");
    }

    #[test]
    fn a_ping_is_answered_with_its_own_bytes_unless_switched_off_or_closed() {
        let ping = Frame::new(Opcode::PING, vec![0xFF, 0]);
        check(std::slice::from_ref(&ping), &[Duty::Send(Frame::new(Opcode::PONG, vec![0xFF, 0]))]);
        check(&[Frame::close(None), ping.clone()], &[Duty::Send(Frame::close(None))]);
        assert_eq!(Ear::new(Role::Client, Duties { pong: false, ..ALL }).hear(&ping), []);
    }

    #[test]
    fn a_close_is_echoed_once_and_only_the_server_ends_at_once() {
        let closing = Frame::close(Some(&Close { code: 4001, reason: "why".to_owned() }));
        check(&[closing.clone(), Frame::close(None)], &[close(4001)]);
        assert_eq!(Ear::new(Role::Server, ALL).hear(&closing), [close(4001), Duty::End]);
        assert_eq!(Ear::new(Role::Server, Duties { close: false, ..ALL }).hear(&closing), []);
        let mut ear = Ear::new(Role::Server, ALL);
        assert_eq!(ear.policy.said(&closing), Some(Duty::Linger(Duration::from_secs(1))));
        assert_eq!(ear.hear(&closing), [Duty::End], "the answer to an own close is not answered again");
    }

    #[test]
    fn what_breaks_the_rules_is_closed_with_its_code() {
        check(&[Frame { rsv: 4, ..Frame::text("x") }], &[close(1002)]);
        check(&[Frame::new(Opcode::TEXT, vec![0xFF])], &[close(1007)]);
        check(&[Frame::close(Some(&Close::code(1005)))], &[close(1002)]);
        check(&[Frame::new(Opcode(3), ""), Frame::new(Opcode(3), "")], &[close(1002)]);
        assert_eq!(Ear::new(Role::Server, ALL).hear(&Frame::new(Opcode::CLOSE, vec![3])), [close(1002), Duty::End]);
        let mut ear = Ear::new(Role::Client, Duties { fail: false, ..ALL });
        assert_eq!(ear.hear(&Frame { rsv: 4, ..Frame::text("x") }), []);
    }

    #[test]
    fn what_is_too_big_is_closed_with_1009_by_its_header_and_by_its_fragments() {
        let fragment = |opcode, fin, text: &str| Frame { fin, ..Frame::new(opcode, text) };
        check(&[Frame::text("0123456789")], &[]);
        check(&[Frame::text("0123456789a")], &[close(1009)]);
        check(&[Frame { length: 1 << 40, width: Width::Long, ..Frame::text("x") }], &[close(1009)]);
        let declared = Frame { fin: false, length: 1 << 40, width: Width::Long, arrived: 1 << 40, ..Frame::text("x") };
        check(&[declared], &[close(1009)]);
        check(&[fragment(Opcode::TEXT, false, "012345"), fragment(Opcode::CONTINUATION, true, "01234")], &[close(1009)]);
        check(&[fragment(Opcode::TEXT, false, "012345"), fragment(Opcode::CONTINUATION, true, "0123")], &[]);
    }

    #[test]
    fn a_server_refuses_what_is_no_upgrade_of_rfc_6455() {
        let good = Request::upgrade("h", "/", "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(refusal(&good), None);
        let with = |name: &str, value: &str| {
            let mut request = good.clone();
            request.headers.retain(|(field, _)| field != name);
            request.headers.push((name.to_owned(), value.to_owned()));
            refusal(&request).map(|response| response.status)
        };
        assert_eq!(with("Sec-WebSocket-Version", "8"), Some(426));
        assert_eq!(with("Sec-WebSocket-Key", "short"), Some(400));
        assert_eq!(with("Connection", "close"), Some(400));
        assert_eq!(with("Connection", "keep-alive, Upgrade"), None);
        assert_eq!(refusal(&Request { method: "POST".to_owned(), ..good }).map(|response| response.status), Some(405));
    }

    #[test]
    fn a_client_takes_only_the_101_that_answers_its_own_request() {
        let request = Request::upgrade("h", "/", "dGhlIHNhbXBsZSBub25jZQ==");
        let good = Response::switching(&request);
        assert!(is_switched(&request, &good));
        assert!(!is_switched(&request, &good.clone().with("Sec-WebSocket-Protocol", "x")));
        assert!(!is_switched(&request, &good.with("Sec-WebSocket-Extensions", "permessage-deflate")));
        assert!(!is_switched(&Request::upgrade("h", "/", "other"), &Response::switching(&request)));
    }
}
