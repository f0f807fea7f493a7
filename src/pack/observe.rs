//! Events in the pack's words: which frame a message is, and what an upgrade, a ping or a close looks like as JSON.
//!
//! Peers and checks read the wire through this one observer; neither sees what the other makes of it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::manifest::FrameKind;
use super::matcher;
use super::pattern::{Names, Pattern};
use crate::transcript::{Assembler, ConnectionId, Ending, Event, Message, Opcode, Request, Response, Role, What, accept_key};

/// Names of observations that are no frames of a catalogue. `message` and `frame` stand for sets of them.
pub const RESERVED: [&str; 19] = [
    "opened",
    "upgrade",
    "request",
    "accept",
    "refuse",
    "response",
    "unknown",
    "malformed",
    "binary",
    "fragmented",
    "joined",
    "ping",
    "pong",
    "close",
    "end",
    "violation",
    "garbage",
    "exit",
    "mark",
];

/// Names of sets of observations.
pub const SETS: [&str; 2] = ["message", "frame"];

/// One thing that a side did, in the pack's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When.
    pub at: Duration,
    /// Where.
    pub connection: ConnectionId,
    /// Who.
    pub from: Role,
    /// A frame's name, or one of [`RESERVED`].
    pub name: String,
    /// What it looks like: the JSON of a message, or an object for everything else.
    pub value: Value,
    /// Index of the deciding event in the transcript.
    pub event: usize,
}

impl Observation {
    /// True for messages of the application: frames of the catalogue, `unknown`, `malformed` and `binary`.
    pub fn is_message(&self) -> bool {
        matches!(self.name.as_str(), "unknown" | "malformed" | "binary") || self.is_frame()
    }

    /// True for frames of the catalogue.
    pub fn is_frame(&self) -> bool {
        !RESERVED.contains(&self.name.as_str())
    }

    /// True if one of the names, or the set that one of them names, holds this observation.
    pub fn is_any(&self, names: &Names) -> bool {
        names.0.iter().any(|name| match name.as_str() {
            "message" => self.is_message(),
            "frame" => self.is_frame(),
            name => name == self.name,
        })
    }

    /// True if the pattern holds this observation. The pattern's tree has no placeholders left.
    pub fn is(&self, pattern: &Pattern) -> bool {
        pattern.from.is_none_or(|from| from == self.from)
            && self.is_any(&pattern.is)
            && pattern.tree.as_ref().is_none_or(|tree| matcher::fits(tree, &self.value))
    }
}

/// Reads events one after another.
#[derive(Clone, Debug)]
pub struct Observer<'a> {
    frames: &'a IndexMap<String, FrameKind>,
    hearing: Hearing,
}

/// What was heard so far: an [`Observer`] without its catalogue, for those who own the pack and cannot borrow from it.
#[derive(Clone, Debug, Default)]
pub struct Hearing {
    connections: HashMap<ConnectionId, Conversation>,
    events: usize,
}

/// What must be remembered of a connection to name what comes next.
#[derive(Clone, Debug)]
struct Conversation {
    client: Assembler,
    server: Assembler,
    asked_upgrade: bool,
    /// `Sec-WebSocket-Accept` as the last upgrade asks for it.
    accept_key: String,
    /// Kind and correlation value of the frames that later ones may answer.
    requests: HashSet<(String, String)>,
    /// The end of what was said so far in frames that carry a text in pieces, by kind and correlation value.
    texts: HashMap<(String, String), String>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            client: Assembler::new(Role::Client),
            server: Assembler::new(Role::Server),
            asked_upgrade: false,
            accept_key: String::new(),
            requests: HashSet::new(),
            texts: HashMap::new(),
        }
    }
}

impl<'a> Observer<'a> {
    /// An observer with this catalogue.
    pub fn new(frames: &'a IndexMap<String, FrameKind>) -> Self {
        Self { frames, hearing: Hearing::default() }
    }

    /// Everything that a whole transcript holds.
    pub fn observe_all(frames: &'a IndexMap<String, FrameKind>, events: &[Event]) -> Vec<Observation> {
        let mut observer = Self::new(frames);
        events.iter().flat_map(|event| observer.observe(event)).collect()
    }

    /// What the next event means: usually one observation, none for a fragment, more where a frame also breaks RFC 6455.
    pub fn observe(&mut self, event: &Event) -> Vec<Observation> {
        self.hearing.observe(self.frames, event)
    }
}

impl Hearing {
    /// What the next event means with this catalogue, as [`Observer::observe`].
    pub fn observe(&mut self, frames: &IndexMap<String, FrameKind>, event: &Event) -> Vec<Observation> {
        let index = self.events;
        self.events += 1;
        let named = self.name(frames, event);
        named
            .into_iter()
            .map(|(name, value)| Observation { at: event.at, connection: event.connection, from: event.from, name, value, event: index })
            .collect()
    }

    /// Drops what is remembered of a connection that is over.
    pub fn forget(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
    }

    fn name(&mut self, frames: &IndexMap<String, FrameKind>, event: &Event) -> Vec<(String, Value)> {
        let conversation = self.connections.entry(event.connection).or_default();
        let one = |name: &str, value| vec![(name.to_owned(), value)];
        match &event.what {
            What::Opened { session } => one("opened", json!({ "session": session })),
            What::Request(request) => {
                conversation.asked_upgrade = request.is_upgrade();
                conversation.accept_key = accept_key(request.header("Sec-WebSocket-Key").unwrap_or_default());
                one(if request.is_upgrade() { "upgrade" } else { "request" }, request_value(request))
            }
            What::Response(response) => {
                let name = match (response.status, conversation.asked_upgrade) {
                    (101, _) => "accept",
                    (_, true) => "refuse",
                    _ => "response",
                };
                let mut value = response_value(response);
                if name == "accept" {
                    value["key"] = Value::from(judge_key(response, &conversation.accept_key));
                }
                one(name, value)
            }
            What::Frame(frame) => {
                let assembler = if event.from == Role::Client { &mut conversation.client } else { &mut conversation.server };
                let (message, violations) = assembler.push(frame);
                let fragmented = message.as_ref().filter(|message| message.fragments > 1);
                let fragmented = fragmented.map(|message| ("fragmented".to_owned(), json!({ "fragments": message.fragments })));
                let message = message.map(|message| name_message(frames, &mut conversation.requests, event.from, &message));
                let joined = message.as_ref().and_then(|(name, value)| join(frames, &mut conversation.texts, name, value));
                let violations = violations.into_iter().map(|violation| ("violation".to_owned(), json!({ "kind": violation.name() })));
                violations.chain(fragmented).chain(message).chain(joined).collect()
            }
            What::Garbage { bytes, problem } => one("garbage", json!({ "text": String::from_utf8_lossy(bytes), "problem": problem })),
            What::Ended(ending) => one("end", ending_value(ending)),
            What::Exited(process) => one("exit", json!({ "code": process.code, "signal": process.signal, "killed": process.killed })),
            What::Mark(mark) => one("mark", json!(mark)),
        }
    }
}

/// Names a message: the first kind of the catalogue that its sender may send, that its JSON fits, and whose request was seen.
fn name_message(
    frames: &IndexMap<String, FrameKind>,
    requests: &mut HashSet<(String, String)>,
    from: Role,
    message: &Message,
) -> (String, Value) {
    let payload = &message.payload;
    match message.opcode {
        Opcode::PING => return ("ping".to_owned(), json!({ "payload": printable(payload) })),
        Opcode::PONG => return ("pong".to_owned(), json!({ "payload": printable(payload) })),
        Opcode::CLOSE => return ("close".to_owned(), close_value(payload)),
        Opcode::BINARY => return ("binary".to_owned(), json!({ "payload": printable(payload), "length": payload.len() })),
        _ => {}
    }
    let parsed = payload.text().ok_or_else(|| "not UTF-8".to_owned()).and_then(crate::transcript::json::parse);
    match parsed {
        Ok(value @ Value::Object(_)) => {
            let fits = |kind: &FrameKind| kind.from == from && matcher::fits(&kind.tree, &value) && is_reply(kind, requests, &value);
            let name = frames.iter().find(|(_, kind)| fits(kind)).map_or("unknown", |(name, _)| name).to_owned();
            remember(frames, requests, &name, &value);
            (name, value)
        }
        Ok(value) => ("malformed".to_owned(), json!({ "text": printable(payload), "problem": "not a JSON object", "json": value })),
        Err(problem) => ("malformed".to_owned(), json!({ "text": printable(payload), "problem": problem })),
    }
}

fn is_reply(kind: &FrameKind, requests: &HashSet<(String, String)>, value: &Value) -> bool {
    kind.reply.as_ref().is_none_or(|reply| requests.contains(&(reply.to.clone(), correlation(value, &reply.by))))
}

fn remember(frames: &IndexMap<String, FrameKind>, requests: &mut HashSet<(String, String)>, name: &str, value: &Value) {
    for reply in frames.values().filter_map(|kind| kind.reply.as_ref()).filter(|reply| reply.to == name) {
        requests.insert((name.to_owned(), correlation(value, &reply.by)));
    }
}

/// What the pieces of a text make up so far, where this frame carries one: the end of what was said before, and the piece.
fn join(
    frames: &IndexMap<String, FrameKind>,
    texts: &mut HashMap<(String, String), String>,
    name: &str,
    value: &Value,
) -> Option<(String, Value)> {
    /// How many bytes of what was said before are kept. A target may say much, and each piece is joined anew.
    const KEPT: usize = 4096;
    /// How many texts are kept at a time.
    const TEXTS: usize = 256;
    let pieces = frames.get(name)?.pieces.as_ref()?;
    let piece = value.pointer(&pieces.at)?.as_str()?;
    let of = pieces.by.as_ref().and_then(|by| value.pointer(by)).cloned().unwrap_or_default();
    let key = (name.to_owned(), of.to_string());
    if texts.len() >= TEXTS && !texts.contains_key(&key) {
        texts.clear();
    }
    let said = texts.entry(key).or_default();
    said.push_str(piece);
    let joined = json!({ "frame": name, "of": of, "text": said });
    let start = (said.len().saturating_sub(KEPT)..=said.len()).find(|at| said.is_char_boundary(*at));
    said.drain(..start.unwrap_or_default());
    Some(("joined".to_owned(), joined))
}

fn correlation(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map(Value::to_string).unwrap_or_default()
}

fn printable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("0x{}", data_encoding::HEXLOWER.encode(bytes)),
    }
}

fn close_value(payload: &[u8]) -> Value {
    match payload {
        [high, low, reason @ ..] => json!({ "code": u16::from_be_bytes([*high, *low]), "reason": printable(reason) }),
        _ => json!({ "code": null, "reason": printable(payload) }),
    }
}

fn judge_key(response: &Response, right: &str) -> &'static str {
    match response.header("Sec-WebSocket-Accept") {
        Some(key) if key == right => "right",
        Some(_) => "wrong",
        None => "missing",
    }
}

fn ending_value(ending: &Ending) -> Value {
    let (how, why) = match ending {
        Ending::Finished => ("finished", ""),
        Ending::Reset => ("reset", ""),
        Ending::Unreachable(why) => ("unreachable", why.as_str()),
        Ending::Tls(why) => ("tls", why.as_str()),
        Ending::Overflow(why) => ("overflow", why.as_str()),
    };
    json!({ "how": how, "why": why })
}

fn request_value(request: &Request) -> Value {
    let query: Map<_, _> = request.query().into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    json!({
        "method": request.method,
        "version": request.version,
        "path": request.path(),
        "target": request.target,
        "query": query,
        "headers": headers_value(&request.headers),
        "body": body_value(&request.body),
    })
}

fn response_value(response: &Response) -> Value {
    json!({
        "status": response.status,
        "reason": response.reason,
        "headers": headers_value(&response.headers),
        "body": body_value(&response.body),
    })
}

/// Names in lower case; fields of the same name joined with `, ` as RFC 9110 § 5.3 allows.
fn headers_value(headers: &[(String, String)]) -> Value {
    let mut joined = Map::new();
    for (name, value) in headers {
        let entry = joined.entry(name.to_ascii_lowercase()).or_insert_with(|| Value::from(""));
        let text = entry.as_str().unwrap_or_default();
        *entry = Value::from(if text.is_empty() { value.clone() } else { format!("{text}, {value}") });
    }
    Value::Object(joined)
}

/// JSON where it is JSON, text elsewhere.
fn body_value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::from(printable(body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Frame;

    fn frames() -> IndexMap<String, FrameKind> {
        let kind = |from, pieces| {
            let kind = json!({"from": from, "match": {}, "pieces": pieces, "schema": "s", "what": "w", "examples": [], "invalid": []});
            serde_json::from_value(kind).unwrap()
        };
        IndexMap::from([
            ("output".to_owned(), kind("server", json!({"at": "/text", "by": "/of"}))),
            ("input".to_owned(), kind("client", json!({"at": "/text"}))),
        ])
    }

    fn joined(said: &[(Role, Value)]) -> Vec<Value> {
        let event = |(from, value): &(Role, Value)| {
            let frame = Frame::text(value.to_string()).masked_for(*from, [1, 2, 3, 4]);
            Event { at: Duration::ZERO, connection: 1, from: *from, what: What::Frame(frame) }
        };
        let events: Vec<_> = said.iter().map(event).collect();
        let observations = Observer::observe_all(&frames(), &events);
        observations.into_iter().filter(|seen| seen.name == "joined").map(|seen| seen.value).collect()
    }

    #[test]
    fn pieces_of_a_text_are_joined_by_what_they_have_in_common() {
        let said = [
            (Role::Server, json!({"of": "a", "text": "on"})),
            (Role::Server, json!({"of": "b", "text": "two"})),
            (Role::Client, json!({"of": "a", "text": "x"})),
            (Role::Server, json!({"of": "a", "text": "e"})),
            (Role::Server, json!({"of": "a", "text": 1})),
        ];
        let text = |frame: &str, of: Value, text: &str| json!({"frame": frame, "of": of, "text": text});
        let expected = [
            text("output", json!("a"), "on"),
            text("output", json!("b"), "two"),
            text("input", Value::Null, "x"),
            text("output", json!("a"), "one"),
        ];
        assert_eq!(joined(&said), expected);
    }

    #[test]
    fn of_what_was_said_before_the_end_is_kept() {
        let long = "é".repeat(10_000);
        let said = [(Role::Client, json!({"text": long})), (Role::Client, json!({"text": long})), (Role::Client, json!({"text": "!"}))];
        let lengths: Vec<_> = joined(&said).iter().map(|joined| joined["text"].as_str().unwrap().len()).collect();
        assert_eq!(lengths, [20_000, 24_096, 4097]);
    }
}
