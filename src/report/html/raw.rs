//! An event as it stood on the wire, with everything visible: header fields, HTTP heads, payloads. Bounded, since a target decides how much it is.

use serde::Serialize;

use crate::report::escape;
use crate::transcript::{Bytes, Event, Frame, Request, Response, What, Width};

/// Bytes of one event that are kept, and of all events of a page. The JSON report has the rest.
const OF_ONE: usize = 16 * 1024;
const OF_ALL: usize = 24 * 1024 * 1024;
/// Bytes of hex in a line.
const HEX_LINE: usize = 32;

/// What is left for the raw events of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: OF_ALL }
    }
}

impl Budget {
    /// As much of this as may be shown.
    fn take(&mut self, bytes: usize) -> usize {
        let taken = bytes.min(OF_ONE).min(self.left);
        self.left -= taken;
        taken
    }
}

/// One event in full.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Raw {
    event: usize,
    head: String,
    body: String,
    /// Bytes of the body that are left out.
    cut: usize,
}

impl Raw {
    /// The event in full, if it carries bytes.
    pub(super) fn new(index: usize, event: &Event, budget: &mut Budget) -> Option<Self> {
        let (head, bytes) = match &event.what {
            What::Frame(frame) => (frame_head(frame), &frame.payload),
            What::Request(Request { method, target, version, headers, body }) => {
                (http(&format!("{method} {target} {version}"), headers), body)
            }
            What::Response(Response { status, reason, headers, body }) => (http(&format!("{status} {reason}"), headers), body),
            What::Garbage { bytes, problem } => (format!("garbage: {}", escape(problem)), bytes),
            _ => return None,
        };
        let (body, cut) = body(bytes, budget);
        let head_room = budget.take(head.len());
        let head = if head_room < head.len() { cut_at(&head, head_room) + " …" } else { head };
        Some(Self { event: index, head, body, cut })
    }
}

fn frame_head(frame: &Frame) -> String {
    let fin = if frame.fin { "final" } else { "not final" };
    let rsv = if frame.rsv == 0 { String::new() } else { format!(", reserved bits {:03b}", frame.rsv) };
    let mask = frame.mask.map_or("unmasked".to_owned(), |mask| format!("masked with {}", data_encoding::HEXLOWER.encode(&mask)));
    let bits = match frame.width {
        Width::Short => 7,
        Width::Medium => 16,
        Width::Long => 64,
    };
    let arrived = if frame.is_whole() { String::new() } else { format!(", cut off after {}", frame.arrived) };
    let (name, code) = (frame.opcode.name(), frame.opcode.0);
    format!("{name} (opcode {code:#x}), {fin}{rsv}, {mask}, {} B in {bits} bits{arrived}", frame.length)
}

fn http(start: &str, headers: &[(String, String)]) -> String {
    let headers = headers.iter().map(|(name, value)| escape(&format!("{name}: {value}")));
    [escape(start)].into_iter().chain(headers).collect::<Vec<_>>().join("\n")
}

/// Text with its lines, or hex, and how many bytes are left out.
fn body(bytes: &Bytes, budget: &mut Budget) -> (String, usize) {
    let room = budget.take(bytes.len());
    if let Some(text) = bytes.text() {
        let shown = cut_at(text, room);
        let cut = text.len() - shown.len();
        (shown.split('\n').map(escape).collect::<Vec<_>>().join("\n"), cut)
    } else {
        let room = room.div_ceil(2);
        let lines: Vec<_> = bytes[..room].chunks(HEX_LINE).map(|line| data_encoding::HEXLOWER.encode(line)).collect();
        (lines.join("\n"), bytes.len() - room)
    }
}

/// The beginning of a text, at most this many bytes.
fn cut_at(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Opcode, Role};

    fn raw(what: What) -> Raw {
        let event = Event { at: std::time::Duration::ZERO, connection: 1, from: Role::Client, what };
        Raw::new(3, &event, &mut Budget::default()).unwrap()
    }

    #[test]
    fn a_frame_shows_its_header_and_its_payload() {
        let raw = raw(What::Frame(Frame::text("{\n\"a\": \"\u{1b}\u{202e}\"}").masked([1, 2, 3, 0xFF])));
        assert_eq!(raw.head, "text (opcode 0x1), final, masked with 010203ff, 14 B in 7 bits");
        assert_eq!(raw.body, "{\n\"a\": \"\\u{1b}\\u{202e}\"}");
    }

    #[test]
    fn bytes_that_are_no_text_are_hex() {
        let frame = Frame { fin: false, rsv: 4, arrived: 2, length: 9, ..Frame::new(Opcode::BINARY, vec![0xFF, 0]) };
        let raw = raw(What::Frame(frame));
        assert_eq!(raw.head, "binary (opcode 0x2), not final, reserved bits 100, unmasked, 9 B in 7 bits, cut off after 2");
        assert_eq!((raw.body.as_str(), raw.cut), ("ff", 1));
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let raw = raw(What::Frame(Frame::text("é".repeat(OF_ONE))));
        assert_eq!((raw.body.len(), raw.cut), (OF_ONE, OF_ONE));
        assert_eq!(cut_at("aé", 2), "a");
    }

    #[test]
    fn a_page_has_a_bound() {
        let mut budget = Budget { left: 10 };
        let event =
            |text: &str| Event { at: std::time::Duration::ZERO, connection: 1, from: Role::Client, what: What::Frame(Frame::text(text)) };
        Raw::new(0, &event("0123456789"), &mut budget).unwrap();
        let last = Raw::new(1, &event("0123456789"), &mut budget).unwrap();
        assert_eq!((last.head.as_str(), last.body.as_str(), last.cut), (" …", "", 10));
    }
}
