//! One event in one line: opcode, size, oddities, and the payload shortened. Escaped, since a target wrote it.

use super::text::{columns, escape, fit};
use crate::transcript::{Bytes, Close, Ending, Event, Frame, Mark, Opcode, Process, Request, Response, Role, What, Width};

/// Bytes of a payload that are looked at; a line shows less.
const LOOKED_AT: usize = 4096;
const HEX_SHOWN: usize = 16;

/// The event in one line of at most this many columns: what the pictures of a report show of it.
pub fn event_line(event: &Event, width: usize) -> String {
    label(event, width)
}

/// The event in at most this many columns.
pub(super) fn label(event: &Event, width: usize) -> String {
    let text = match &event.what {
        What::Opened { session } => format!("opens connection {}, session {}", event.connection, escape(session)),
        What::Request(request) => request_label(request, width),
        What::Response(response) => response_label(response, width),
        What::Frame(frame) => frame_label(event.from, frame, width),
        What::Garbage { bytes, problem } => format!("garbage ({}) {}", escape(problem), payload(bytes, width)),
        What::Ended(ending) => ending_label(ending),
        What::Exited(process) => process_label(process),
        What::Mark(mark) => mark_label(mark),
    };
    fit(&text, width)
}

/// What the line had no room for, escaped, in paragraphs: the payload of a text message, or the head and body of HTTP.
pub(super) fn whole(event: &Event, label: &str) -> Vec<String> {
    match &event.what {
        What::Frame(frame) if !frame.opcode.is_control() => {
            let text = frame.payload.text().map(escape);
            text.filter(|text| !label.contains(text)).into_iter().collect()
        }
        What::Request(Request { method, target, version, headers, body }) => http(format!("{method} {target} {version}"), headers, body),
        What::Response(Response { status, reason, headers, body }) => http(format!("{status} {reason}"), headers, body),
        _ => Vec::new(),
    }
}

fn http(start: String, headers: &[(String, String)], body: &Bytes) -> Vec<String> {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let body = (!body.is_empty()).then(|| String::from_utf8_lossy(body).into_owned());
    [start].into_iter().chain(headers).chain(body).map(|line| escape(&line)).collect()
}

fn frame_label(from: Role, frame: &Frame, width: usize) -> String {
    let oddities = oddities(from, frame);
    let head = match frame.opcode {
        Opcode::CLOSE => close_label(frame),
        opcode if opcode.is_reserved() => format!("opcode {:#x} {} B", opcode.0, frame.length),
        opcode => format!("{} {} B", opcode.name(), frame.length),
    };
    let head = if oddities.is_empty() { head } else { format!("{head} [{}]", oddities.join(", ")) };
    if frame.opcode == Opcode::CLOSE || frame.payload.is_empty() {
        return head;
    }
    format!("{head} {}", payload(&frame.payload, width.saturating_sub(columns(&head) + 1)))
}

/// What a reader who knows RFC 6455 would not expect of this frame.
fn oddities(from: Role, frame: &Frame) -> Vec<String> {
    let masked = frame.mask.is_some();
    let oddities = [
        (!frame.fin).then(|| "fin=0".to_owned()),
        (frame.rsv != 0).then(|| format!("rsv={}", frame.rsv)),
        (masked && from == Role::Server).then(|| "masked".to_owned()),
        (!masked && from == Role::Client).then(|| "unmasked".to_owned()),
        (frame.width != Width::minimal(frame.length)).then(|| "length not minimal".to_owned()),
        (!frame.is_whole()).then(|| format!("cut off after {} B", frame.arrived)),
    ];
    oddities.into_iter().flatten().collect()
}

fn close_label(frame: &Frame) -> String {
    match (frame.close_payload(), &frame.payload[..]) {
        (Some(Close { code, reason }), _) if reason.is_empty() => format!("close {code}"),
        (Some(Close { code, reason }), _) => format!("close {code} {}", escape(&format!("{reason:?}"))),
        (None, []) => "close without a code".to_owned(),
        (None, bytes) => format!("close 0x{}", data_encoding::HEXLOWER.encode(bytes)),
    }
}

fn request_label(request: &Request, width: usize) -> String {
    let upgrade = if request.is_upgrade() { " (upgrade)" } else { "" };
    let room = width.saturating_sub(columns(&request.method) + 1 + upgrade.len());
    format!("{} {}{upgrade}", escape(&request.method), fit(&escape(&request.target), room))
}

fn response_label(response: &Response, width: usize) -> String {
    let head = format!("{} {}", response.status, escape(&response.reason));
    let room = width.saturating_sub(columns(&head) + 1);
    if response.body.is_empty() { head } else { format!("{head} {}", payload(&response.body, room)) }
}

fn ending_label(ending: &Ending) -> String {
    match ending {
        Ending::Finished => "ends the stream".to_owned(),
        Ending::Reset => "resets the stream".to_owned(),
        Ending::Unreachable(why) => format!("cannot be reached: {}", escape(why)),
        Ending::Tls(why) => format!("TLS failed: {}", escape(why)),
        Ending::Overflow(why) => format!("more than the harness keeps: {}", escape(why)),
    }
}

fn process_label(process: &Process) -> String {
    match (process.code, process.signal, process.killed) {
        (_, _, true) => "process ended by the harness".to_owned(),
        (Some(code), ..) => format!("process exited with code {code}"),
        (None, Some(signal), _) => format!("process ended by signal {signal}"),
        (None, None, _) => "process ended".to_owned(),
    }
}

fn mark_label(mark: &Mark) -> String {
    match mark {
        Mark::Step(step) => format!("step {step} begins"),
        Mark::Finished => "the script reached its end".to_owned(),
        Mark::Stopped(step) => format!("the script stopped at step {step}"),
        Mark::Stimulus(name) => format!("stimulus {}", escape(name)),
        Mark::Late { milliseconds } => format!("the harness was {milliseconds} ms late"),
        Mark::Omitted { events } => format!("{events} events are left out here"),
        Mark::Deadline => "the deadline of the case passed".to_owned(),
        Mark::Failed(why) => format!("the harness failed: {}", escape(why)),
    }
}

fn payload(bytes: &Bytes, width: usize) -> String {
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(looked_at) {
        Ok(text) => Some(text),
        // Cut inside a character by the bound above.
        Err(error) if error.error_len().is_none() && bytes.len() > LOOKED_AT => std::str::from_utf8(&looked_at[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    if let Some(text) = text {
        return fit(&escape(&shorten(text, width)), width);
    }
    let shown = data_encoding::HEXLOWER.encode(&bytes[..bytes.len().min(HEX_SHOWN)]);
    let rest = if bytes.len() > HEX_SHOWN { "…" } else { "" };
    format!("0x{shown}{rest}")
}

/// The longest string and the deepest nesting that each try keeps.
const TRIES: [(usize, usize); 5] = [(usize::MAX, usize::MAX), (40, usize::MAX), (40, 2), (24, 1), (12, 1)];

/// JSON in about this many characters: first its long strings go, then what is nested. Works on the text alone, so that numbers, duplicate keys
/// and broken JSON show as they were sent.
fn shorten(text: &str, width: usize) -> String {
    let tries = TRIES.iter().map(|(string, depth)| elide(text, *string, *depth));
    let mut last = String::new();
    for short in tries {
        if columns(&short) <= width {
            return short;
        }
        last = short;
    }
    last
}

/// The text with its strings cut to `longest` characters and whatever is nested deeper than `deepest` left out.
fn elide(text: &str, longest: usize, deepest: usize) -> String {
    let mut short = String::new();
    let (mut depth, mut string, mut is_escaped, mut is_elided) = (0_usize, None::<usize>, false, false);
    for character in text.chars() {
        if string.is_none() && character.is_ascii_whitespace() {
            continue;
        }
        let ends = character == '"' && !is_escaped;
        is_escaped = string.is_some() && character == '\\' && !is_escaped;
        let closes = string.is_none() && matches!(character, '}' | ']');
        depth = depth.saturating_sub(usize::from(closes));
        if closes && depth == deepest && std::mem::take(&mut is_elided) {
            short.push('…');
        }
        match string {
            _ if depth > deepest => is_elided = true,
            Some(length) if !ends && length == longest => short.push('…'),
            Some(length) if !ends && length > longest => {}
            _ => short.push(character),
        }
        depth += usize::from(string.is_none() && matches!(character, '{' | '['));
        string = match string {
            Some(length) => (!ends).then_some(length + 1),
            None => ends.then_some(0),
        };
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: Role, what: What, width: usize, expected: &str) {
        let event = Event { at: std::time::Duration::ZERO, connection: 1, from, what };
        assert_eq!(label(&event, width), expected);
    }

    #[test]
    fn a_frame_shows_its_opcode_its_size_and_what_is_odd_about_it() {
        let key = [1, 2, 3, 4];
        check(Role::Client, What::Frame(Frame::text("{\"a\": 1}").masked(key)), 60, "text 8 B {\"a\":1}");
        check(Role::Client, What::Frame(Frame::text("")), 60, "text 0 B [unmasked]");
        let odd = Frame { rsv: 4, fin: false, arrived: 1, ..Frame::new(Opcode::BINARY, vec![0xFF]) };
        check(Role::Server, What::Frame(Frame { length: 9, ..odd }), 60, "binary 9 B [fin=0, rsv=4, cut off after 1 B] 0xff");
        check(Role::Server, What::Frame(Frame::new(Opcode(3), "x")), 60, "opcode 0x3 1 B x");
        check(Role::Server, What::Frame(Frame::close(Some(&Close { code: 1008, reason: "no".into() }))), 60, "close 1008 \"no\"");
        check(Role::Server, What::Frame(Frame::close(None)), 60, "close without a code");
    }

    #[test]
    fn a_target_cannot_write_control_characters() {
        let frame = Frame::text("{\"a\":\"\u{1b}[2J\"}");
        check(Role::Server, What::Frame(frame), 60, "text 12 B {\"a\":\"\\u{1b}[2J\"}");
        check(Role::Server, What::Response(Response { reason: "\u{7}".into(), ..Response::new(401) }), 60, "401 \\u{7}");
        let reason = Close { code: 1000, reason: "\u{1b}\u{202e}".into() };
        check(Role::Server, What::Frame(Frame::close(Some(&reason))), 60, "close 1000 \"\\u{1b}\\u{202e}\"");
    }

    #[test]
    fn json_loses_long_strings_before_nested_values_and_keeps_its_numbers() {
        let text = r#"{"type": "res", "id": 12345678901234567890, "payload": {"a": {"b": [1, 2]}, "text": "0123456789012345678901234567890123456789012345"}}"#;
        let compact: String = text.replace(' ', "");
        assert_eq!(shorten(text, 200), compact);
        assert_eq!(shorten(text, 120), compact.replace("012345\"}}", "…\"}}"));
        assert_eq!(shorten(text, 60), r#"{"type":"res","id":12345678901234567890,"payload":{…}}"#);
        assert_eq!(shorten("{\"a\": [[\"}\\\"]\"]", 9), "{\"a\":[[…]");
        assert_eq!(elide(r#"{"a":{},"b":{"c":1}}"#, 9, 1), r#"{"a":{},"b":{…}}"#);
    }

    #[test]
    fn a_label_never_takes_more_than_its_columns() {
        let frame = Frame::text(format!("{{\"text\":\"{}\"}}", "你\u{1b}".repeat(5000)));
        for width in [0, 1, 10, 37, 80] {
            let event = Event { at: std::time::Duration::ZERO, connection: 1, from: Role::Server, what: What::Frame(frame.clone()) };
            assert!(columns(&label(&event, width)) <= width);
        }
    }
}
