//! Takes credentials out of what was said, before anybody is shown it.
//!
//! A credential is found as it is, percent-encoded, as a JSON string, and across the fragments of a message. One that a target transforms
//! (hashes, reverses, splits over two messages) is not found.

use std::fmt::Write as _;
use std::ops::Range;

use super::{Bytes, ConnectionId, Ending, Event, Mark, Opcode, Process, Role, Transcript, What};

/// Values that must not be shown, with what is shown instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Longest first, so that a value that holds another goes first.
    replacements: Vec<(Vec<u8>, String)>,
}

/// Shorter values are no secrets, and taking them out would garble what is left.
const SHORTEST: usize = 4;

impl Redaction {
    /// Shows `<credential NAME>` for each of these names and values.
    pub fn new<'a>(credentials: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut replacements = Vec::new();
        for (name, value) in credentials.into_iter().filter(|(_, value)| value.len() >= SHORTEST) {
            for form in forms(value) {
                replacements.push((form.into_bytes(), format!("<credential {name}>")));
            }
        }
        replacements.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        replacements.dedup();
        Self { replacements }
    }

    /// The text without the values, and without what a `…` has left of them.
    pub fn text(&self, text: &str) -> String {
        let whole = if self.finds(text.as_bytes()).is_empty() {
            text.to_owned()
        } else {
            String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
        };
        self.replacements.iter().fold(whole, |text, (value, shown)| without_beginning(text, value, shown))
    }

    /// Takes the values out of every event.
    pub fn transcript(&self, transcript: &mut Transcript) {
        if self.replacements.is_empty() {
            return;
        }
        self.fragments(&mut transcript.events);
        transcript.events.iter_mut().for_each(|event| self.event(event));
    }

    fn event(&self, event: &mut Event) {
        match &mut event.what {
            What::Opened { session } => *session = self.text(session),
            What::Request(request) => {
                request.target = self.text(&request.target);
                self.http(&mut request.headers, &mut request.body);
            }
            What::Response(response) => {
                response.reason = self.text(&response.reason);
                self.http(&mut response.headers, &mut response.body);
            }
            What::Frame(frame) => frame.payload = Bytes(self.bytes(&frame.payload)),
            What::Garbage { bytes, .. } => *bytes = Bytes(self.bytes(bytes)),
            What::Ended(Ending::Unreachable(why) | Ending::Tls(why) | Ending::Overflow(why)) => *why = self.text(why),
            What::Exited(Process { stderr, .. }) => stderr.iter_mut().for_each(|line| *line = self.text(line)),
            What::Mark(Mark::Stimulus(text) | Mark::Failed(text)) => *text = self.text(text),
            What::Ended(_) | What::Mark(_) => {}
        }
    }

    fn http(&self, headers: &mut [(String, String)], body: &mut Bytes) {
        for (name, value) in headers {
            *name = self.text(name);
            *value = self.text(value);
        }
        *body = Bytes(self.bytes(body));
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut redacted = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for (range, shown) in self.finds(bytes) {
            redacted.extend_from_slice(&bytes[done..range.start]);
            redacted.extend_from_slice(shown.as_bytes());
            done = range.end;
        }
        redacted.extend_from_slice(&bytes[done..]);
        redacted
    }

    /// Where the values stand, from left to right, none over another.
    fn finds(&self, bytes: &[u8]) -> Vec<(Range<usize>, &str)> {
        let mut finds = Vec::new();
        let mut at = 0;
        while at < bytes.len() && !self.replacements.is_empty() {
            let found = self.replacements.iter().find(|(value, _)| bytes[at..].starts_with(value));
            match found {
                Some((value, shown)) => {
                    finds.push((at..at + value.len(), shown.as_str()));
                    at += value.len();
                }
                None => at += 1,
            }
        }
        finds
    }

    /// Values that only the joined fragments of a message hold.
    fn fragments(&self, events: &mut [Event]) {
        for message in fragmented(events) {
            let joined: Vec<u8> = message.iter().flat_map(|index| payload(&events[*index])).copied().collect();
            let finds = self.finds(&joined);
            let mut begin = 0;
            for index in message {
                let length = payload(&events[index]).len();
                let part = part(&joined, begin..begin + length, &finds);
                if let What::Frame(frame) = &mut events[index].what {
                    frame.payload = Bytes(part);
                }
                begin += length;
            }
        }
    }
}

/// What of the joined payload stays in one fragment: a value is shown where it begins.
fn part(joined: &[u8], fragment: Range<usize>, finds: &[(Range<usize>, &str)]) -> Vec<u8> {
    let mut part = Vec::new();
    let mut at = fragment.start;
    for (range, shown) in finds.iter().filter(|(range, _)| range.start < fragment.end && range.end > fragment.start) {
        part.extend_from_slice(&joined[at..range.start.max(at)]);
        if range.start >= fragment.start {
            part.extend_from_slice(shown.as_bytes());
        }
        at = range.end.min(fragment.end);
    }
    part.extend_from_slice(&joined[at..fragment.end]);
    part
}

/// The text with every cut-off beginning of the value replaced.
fn without_beginning(text: String, value: &[u8], shown: &str) -> String {
    let Some(value) = std::str::from_utf8(value).ok().filter(|_| text.contains('…')) else { return text };
    let ends = value.char_indices().map(|(end, _)| end).filter(|end| *end >= SHORTEST);
    ends.rev().fold(text, |text, end| text.replace(&format!("{}…", &value[..end]), &format!("{shown}…")))
}

/// The indices of the frames of each message that took several.
fn fragmented(events: &[Event]) -> Vec<Vec<usize>> {
    let mut messages: Vec<((ConnectionId, Role), Vec<usize>)> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let What::Frame(frame) = &event.what else { continue };
        let side = (event.connection, event.from);
        match frame.opcode {
            Opcode::CONTINUATION => {
                if let Some((_, message)) = messages.iter_mut().rev().find(|(other, _)| *other == side) {
                    message.push(index);
                }
            }
            opcode if !opcode.is_control() => messages.push((side, vec![index])),
            _ => {}
        }
    }
    messages.into_iter().map(|(_, message)| message).filter(|message| message.len() > 1).collect()
}

fn payload(event: &Event) -> &[u8] {
    match &event.what {
        What::Frame(frame) => &frame.payload,
        _ => &[],
    }
}

/// A value as it may stand on the wire.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let mut forms = vec![value.to_owned(), json[1..json.len() - 1].to_owned(), percent(value, true), percent(value, false)];
    forms.dedup();
    forms
}

fn percent(value: &str, is_upper: bool) -> String {
    value.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => write!(encoded, "{}", char::from(byte)),
            _ if is_upper => write!(encoded, "%{byte:02X}"),
            _ => write!(encoded, "%{byte:02x}"),
        };
        encoded
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transcript::{Frame, Request, Response};

    fn redaction() -> Redaction {
        Redaction::new([("token", "s3cr\"t+x"), ("user", "ann"), ("long", "s3cr\"t+x-and-more")])
    }

    fn redacted(whats: Vec<What>) -> String {
        let events = whats.into_iter().map(|what| Event { at: Duration::ZERO, connection: 1, from: Role::Client, what }).collect();
        let mut transcript = Transcript { events };
        redaction().transcript(&mut transcript);
        transcript.to_json_lines()
    }

    #[test]
    fn a_credential_goes_in_every_form_and_place() {
        let mut request = Request::upgrade("h", "/ws?token=s3cr%22t%2Bx&again=s3cr%22t%2bx", "k");
        request.headers.push(("Authorization".to_owned(), "Bearer s3cr\"t+x".to_owned()));
        let lines = redacted(vec![
            What::Request(request),
            What::Response(Response { body: "no s3cr\"t+x".into(), ..Response::new(401) }),
            What::Frame(Frame::text(serde_json::json!({"token": "s3cr\"t+x"}).to_string())),
            What::Exited(Process { code: Some(1), signal: None, killed: false, stderr: vec!["got s3cr\"t+x".to_owned()] }),
            What::Mark(Mark::Failed("s3cr\"t+x".to_owned())),
        ]);
        assert_eq!(lines.matches("<credential token>").count(), 7, "{lines}");
        assert!(!lines.contains("s3cr"), "{lines}");
    }

    #[test]
    fn a_credential_that_is_split_over_fragments_goes_too() {
        let payload = b"{\"token\":\"s3cr\\\"t+x\"}";
        let fragment = |(index, part): (usize, &[u8])| {
            let opcode = if index == 0 { Opcode::TEXT } else { Opcode::CONTINUATION };
            What::Frame(Frame { fin: false, ..Frame::new(opcode, part) })
        };
        for size in 1..payload.len() {
            let lines = redacted(payload.chunks(size).enumerate().map(fragment).collect());
            assert_eq!(lines.matches("<credential token>").count(), 1, "{size}: {lines}");
            assert!(!lines.contains("t+x"), "{size}: {lines}");
        }
    }

    #[test]
    fn the_longer_of_two_values_goes_first_and_short_ones_stay() {
        assert_eq!(redaction().text("ann s3cr\"t+x-and-more"), "ann <credential long>");
    }

    #[test]
    fn the_beginning_of_a_value_goes_where_a_text_was_cut() {
        assert_eq!(redaction().text("`{\"a\":\"s3cr\"t…`"), "`{\"a\":\"<credential token>…`".replace("token", "long"));
        assert_eq!(redaction().text("s3cr\"t and more…"), "s3cr\"t and more…");
    }

    #[test]
    fn without_credentials_nothing_changes() {
        assert_eq!(Redaction::default().text("s3cr\"t+x"), "s3cr\"t+x");
    }
}
