//! Frames into messages, and what RFC 6455 forbids on the way.

use super::{Bytes, Close, Frame, Opcode, Role, Width};

/// A whole message, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `TEXT`, `BINARY`, `CLOSE`, `PING` or `PONG`.
    pub opcode: Opcode,
    /// The payload of all fragments.
    pub payload: Bytes,
    /// Number of frames it took.
    pub fragments: usize,
}

/// One thing that RFC 6455 forbids, seen in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A client's frame without a mask (§ 5.1).
    Unmasked,
    /// A server's frame with a mask (§ 5.1).
    Masked,
    /// A reserved bit is set though no extension was negotiated (§ 5.2).
    ReservedBits,
    /// An opcode that means nothing (§ 5.2).
    ReservedOpcode,
    /// A length written in more bytes than it needs, or with its top bit set (§ 5.2).
    Length,
    /// A fragmented control frame (§ 5.5).
    FragmentedControl,
    /// A control frame with more than 125 bytes (§ 5.5).
    LongControl,
    /// A continuation where nothing was begun, or a new message inside a fragmented one (§ 5.4).
    Fragmentation,
    /// A text message, or the reason of a close, that is not UTF-8 (§ 8.1).
    Utf8,
    /// A close payload of one byte, or a code that may not be sent (§§ 5.5.1, 7.4).
    ClosePayload,
    /// A data frame after this side's close frame (§ 5.5.1). Not a pong: one is owed until the other side's close has come (§ 5.5.2).
    AfterClose,
    /// The stream ended inside a frame (§ 5.2).
    Truncated,
}

impl Violation {
    /// A short name, as it stands in observations: `unmasked`, `reserved-bits`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Unmasked => "unmasked",
            Self::Masked => "masked",
            Self::ReservedBits => "reserved-bits",
            Self::ReservedOpcode => "reserved-opcode",
            Self::Length => "length",
            Self::FragmentedControl => "fragmented-control",
            Self::LongControl => "long-control",
            Self::Fragmentation => "fragmentation",
            Self::Utf8 => "utf8",
            Self::ClosePayload => "close-payload",
            Self::AfterClose => "after-close",
            Self::Truncated => "truncated",
        }
    }

    /// The close code with which an endpoint answers it (RFC 6455 § 7.4.1).
    pub fn close_code(self) -> u16 {
        if self == Self::Utf8 { 1007 } else { 1002 }
    }
}

/// Puts the frames of one side of one connection together.
#[derive(Clone, Debug)]
pub struct Assembler {
    from: Role,
    open: Option<Message>,
    closed: bool,
}

impl Assembler {
    /// An assembler for the frames that this side sends.
    pub fn new(from: Role) -> Self {
        Self { from, open: None, closed: false }
    }

    /// Takes the next frame; gives the message that it completes, if it does, and everything that is wrong with it.
    ///
    /// A frame that breaks the fragmentation rules completes nothing; any other violation leaves the message readable, so that a
    /// judge sees both. A text message that is not UTF-8 is still given.
    pub fn push(&mut self, frame: &Frame) -> (Option<Message>, Vec<Violation>) {
        let mut violations = header_violations(self.from, frame);
        if self.closed && !frame.opcode.is_control() {
            violations.push(Violation::AfterClose);
        }
        let message = if frame.opcode.is_control() { self.control(frame) } else { self.data(frame, &mut violations) };
        if let Some(message) = &message {
            violations.extend(payload_violation(message));
        }
        (message, violations)
    }

    fn control(&mut self, frame: &Frame) -> Option<Message> {
        self.closed |= frame.opcode == Opcode::CLOSE;
        (frame.is_whole() && !frame.opcode.is_reserved()).then(|| Message {
            opcode: frame.opcode,
            payload: frame.payload.clone(),
            fragments: 1,
        })
    }

    fn data(&mut self, frame: &Frame, violations: &mut Vec<Violation>) -> Option<Message> {
        if frame.opcode.is_reserved() || !frame.is_whole() {
            return None;
        }
        let starts = frame.opcode != Opcode::CONTINUATION;
        if starts == self.open.is_some() {
            violations.push(Violation::Fragmentation);
        }
        let mut message = match self.open.take() {
            Some(open) if !starts => open,
            None if !starts => return None,
            _ => Message { opcode: frame.opcode, payload: Bytes::default(), fragments: 0 },
        };
        message.payload.0.extend_from_slice(&frame.payload);
        message.fragments += 1;
        if frame.fin {
            return Some(message);
        }
        self.open = Some(message);
        None
    }
}

fn header_violations(from: Role, frame: &Frame) -> Vec<Violation> {
    let control = frame.opcode.is_control();
    let broken = [
        (from == Role::Client && frame.mask.is_none(), Violation::Unmasked),
        (from == Role::Server && frame.mask.is_some(), Violation::Masked),
        (frame.rsv != 0, Violation::ReservedBits),
        (frame.opcode.is_reserved(), Violation::ReservedOpcode),
        (frame.width != Width::minimal(frame.length) || frame.length >> 63 == 1, Violation::Length),
        (control && !frame.fin, Violation::FragmentedControl),
        (control && frame.length > 125, Violation::LongControl),
        (!frame.is_whole(), Violation::Truncated),
    ];
    broken.into_iter().filter_map(|(is_broken, violation)| is_broken.then_some(violation)).collect()
}

fn payload_violation(message: &Message) -> Option<Violation> {
    match (message.opcode, &message.payload[..]) {
        (Opcode::TEXT, bytes) => std::str::from_utf8(bytes).is_err().then_some(Violation::Utf8),
        (Opcode::CLOSE, []) => None,
        (Opcode::CLOSE, [high, low, reason @ ..]) => {
            let is_sendable = Close::is_sendable(u16::from_be_bytes([*high, *low]));
            let is_text = std::str::from_utf8(reason).is_ok();
            (!is_sendable).then_some(Violation::ClosePayload).or((!is_text).then_some(Violation::Utf8))
        }
        (Opcode::CLOSE, _) => Some(Violation::ClosePayload),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(fin: bool, opcode: Opcode, text: &str) -> Frame {
        Frame { fin, ..Frame::new(opcode, text) }
    }

    #[test]
    fn fragments_join_around_a_ping() {
        let mut assembler = Assembler::new(Role::Server);
        assert_eq!(assembler.push(&fragment(false, Opcode::TEXT, "a")), (None, vec![]));
        let (ping, _) = assembler.push(&Frame::new(Opcode::PING, "p"));
        assert_eq!(ping.map(|message| message.opcode), Some(Opcode::PING));
        let (message, violations) = assembler.push(&fragment(true, Opcode::CONTINUATION, "b"));
        assert_eq!(violations, []);
        assert_eq!(message.map(|message| (message.payload, message.fragments)), Some(("ab".into(), 2)));
    }

    fn check(from: Role, frames: &[Frame], expected: &[Violation]) {
        let mut assembler = Assembler::new(from);
        let seen: Vec<_> = frames.iter().flat_map(|frame| assembler.push(frame).1).collect();
        assert_eq!(seen, expected, "{frames:?}");
    }

    #[test]
    fn each_violation_is_seen_and_named() {
        let key = [1, 2, 3, 4];
        check(Role::Client, &[Frame::text("x")], &[Violation::Unmasked]);
        check(Role::Server, &[Frame::text("x").masked(key)], &[Violation::Masked]);
        check(Role::Server, &[Frame { rsv: 4, ..Frame::text("x") }], &[Violation::ReservedBits]);
        check(Role::Server, &[Frame::new(Opcode(3), "x")], &[Violation::ReservedOpcode]);
        check(Role::Server, &[Frame { width: Width::Long, ..Frame::text("x") }], &[Violation::Length]);
        check(Role::Server, &[fragment(false, Opcode::PING, "")], &[Violation::FragmentedControl]);
        check(Role::Server, &[Frame::new(Opcode::PING, vec![0; 126])], &[Violation::LongControl]);
        check(Role::Server, &[fragment(true, Opcode::CONTINUATION, "x")], &[Violation::Fragmentation]);
        check(Role::Server, &[fragment(false, Opcode::TEXT, "x"), Frame::text("y")], &[Violation::Fragmentation]);
        check(Role::Server, &[Frame::new(Opcode::TEXT, vec![0xFF])], &[Violation::Utf8]);
        check(Role::Server, &[Frame::new(Opcode::CLOSE, vec![3])], &[Violation::ClosePayload]);
        check(Role::Server, &[Frame::close(Some(&Close::code(1005)))], &[Violation::ClosePayload]);
        check(Role::Server, &[Frame::close(None), Frame::text("x")], &[Violation::AfterClose]);
        check(Role::Server, &[Frame::close(None), Frame::new(Opcode::PONG, "owed")], &[]);
        check(Role::Server, &[Frame { arrived: 0, ..Frame::text("x") }], &[Violation::Truncated]);
    }
}
