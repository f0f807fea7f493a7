//! `server/*.yaml` and `client/*.yaml`: a scripted conversation and what it proves. The folder names the side under test.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::manifest::Endpoint;
use super::parameter::Span;
use super::pattern::{Names, Pattern};

/// One scenario file. Its id is its file name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line.
    pub title: String,
    /// Requirements with a rule that this conversation must exercise: a case in which one of them is not exercised is inconclusive.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Requirements that are broken if a prerequisite step is not met: the twin, which differs only in what they are about, meets it.
    #[serde(default)]
    pub blames: Vec<String>,
    /// The scenario of the same side that differs in one thing and must pass, or this one's failures are inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
    /// What the target must have declared; without it the case is skipped.
    #[serde(default)]
    pub needs: Needs,
    /// True if it must not run beside other cases on one target.
    #[serde(default)]
    pub exclusive: bool,
    /// True if a target that is wrong may lose what it holds, or change what is not its own; run only where that is allowed.
    #[serde(default)]
    pub destructive: bool,
    /// Variables for one case each; without rows the scenario is one case.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// A scenario that is nothing but its steps.
    pub fn new(title: impl Into<String>, steps: Vec<Step>) -> Self {
        Self {
            title: title.into(),
            covers: Vec::new(),
            blames: Vec::new(),
            twin: None,
            needs: Needs::default(),
            exclusive: false,
            destructive: false,
            rows: Vec::new(),
            steps,
        }
    }
}

/// What a target must have declared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Names of capabilities.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Names of stimuli.
    #[serde(default)]
    pub stimuli: Vec<String>,
    /// Names of credentials.
    #[serde(default)]
    pub credentials: Vec<String>,
}

/// Variables of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Last part of the case's id, after `#`.
    pub name: String,
    /// What `${row.…}` stands for.
    #[serde(default)]
    pub values: Map<String, Value>,
}

/// One step. Steps that name no connection mean `main`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Step {
    /// Open a connection and send its HTTP request (server under test).
    Open(Open),
    /// Wait for a connection and its upgrade request, and answer 101 (client under test).
    Accept(Accept),
    /// Wait for a connection and its upgrade request, and answer something else (client under test).
    Refuse(Refuse),
    /// Send a frame of the catalogue.
    Send(Send),
    /// Send a message that is no frame of the catalogue.
    Message(Raw),
    /// Write bytes to the stream.
    Bytes(RawBytes),
    /// Send one WebSocket frame, right or wrong.
    Frame(RawFrame),
    /// Send a ping.
    Ping(Control),
    /// Send a pong.
    Pong(Control),
    /// Send a close frame.
    Close(CloseStep),
    /// End the sending half of the stream (TCP FIN), and go on reading.
    Finish(On),
    /// End the stream.
    End(On),
    /// Abort the stream (TCP RST).
    Reset(On),
    /// Wait for something the target does.
    Expect(Expect),
    /// State that the target did not do something.
    Absent(Absent),
    /// Do nothing for a while.
    Wait(Wait),
    /// Name this point, for `since`.
    Mark(String),
    /// Make the target do something.
    Stimulus(String),
    /// Switch what the harness does by itself.
    Policy(Policy),
    /// The steps of a phase.
    Include(String),
    /// The same steps several times, with `${index}` from 1.
    Repeat(Repeat),
    /// Let the reference machine of the harness's side play.
    Play(Play),
}

/// Opens a connection. What is left out is as the manifest's endpoint says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Label of its session, for rules of that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// False for a plain HTTP request.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub upgrade: bool,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The query, instead of the manifest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<IndexMap<String, String>>,
    /// Header fields, replacing those of the same name.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Header fields to leave out.
    #[serde(default)]
    pub without: Vec<String>,
}

impl Open {
    /// The query and the header fields of the request, templates still: those of the endpoint where this step says nothing else.
    ///
    /// A plain request to the endpoint's own path carries what an upgrade would carry but the upgrade; to another path it carries nothing.
    pub fn fields(&self, endpoint: &Endpoint) -> (IndexMap<String, String>, IndexMap<String, String>) {
        let is_endpoint = self.upgrade || self.path.as_ref().is_none_or(|path| *path == endpoint.path);
        let (query, mut headers) = if is_endpoint { (endpoint.query.clone(), endpoint.headers.clone()) } else { Default::default() };
        for (name, value) in &self.headers {
            match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, field)) => field.clone_from(value),
                None => drop(headers.insert(name.clone(), value.clone())),
            }
        }
        headers.retain(|name, _| !self.without.iter().any(|without| without.eq_ignore_ascii_case(name)));
        (self.query.clone().unwrap_or(query), headers)
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

/// Answers an upgrade with 101.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Name of the connection; a new name takes the next connection that the client opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// How long to wait for it. Left out: the harness's default for a client to dial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// The subprotocol to select, where the client offers it. One that it does not offer is selected by `headers` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<String>,
    /// Header fields beside those of RFC 6455, replacing those of the same name.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Header fields to leave out.
    #[serde(default)]
    pub without: Vec<String>,
}

/// Answers an upgrade with another status than 101.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// Name of the connection, as for `accept`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// How long to wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// The status.
    pub status: u16,
    /// Header fields.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body: text as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Sends a frame of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Name of the frame; its first example is the base.
    pub frame: String,
    /// Merged into the example: objects key by key, anything else replaces. Templates allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Value>,
    /// JSON Pointers to remove.
    #[serde(default)]
    pub unset: Vec<String>,
    /// Make the message exactly so many bytes long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
    /// Sizes of the fragments; the rest is the last one.
    #[serde(default)]
    pub fragments: Vec<usize>,
    /// True if the schema is broken on purpose.
    #[serde(default)]
    pub invalid: bool,
    /// Remember the frame as `${saved.NAME…}`.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// Fills a string until the message has a given length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// JSON Pointer to the string that is filled with `x`.
    pub at: String,
    /// Length of the whole message: a size such as `1MB`, or the name of a parameter.
    pub to: Span,
    /// Added to it.
    #[serde(default)]
    pub plus: i64,
}

/// A message that is no frame of the catalogue. Exactly one of `text`, `hex` and `json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The text. Templates allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// A JSON value. Templates allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// True for a binary message.
    #[serde(default)]
    pub binary: bool,
    /// Sizes of the fragments; the rest is the last one.
    #[serde(default)]
    pub fragments: Vec<usize>,
    /// The bytes this many times over (for deep nesting and floods of bytes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// Bytes written to the stream as they are. Exactly one of `text` and `hex`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBytes {
    /// The bytes as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// One frame of RFC 6455 § 5.2 with every bit in hand. What is left out is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFrame {
    /// 0–15.
    pub opcode: u8,
    /// The final bit.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub fin: bool,
    /// 0–7, RSV1 is 4.
    #[serde(default)]
    pub rsv: u8,
    /// True to do what this side must not: mask as a server, send unmasked as a client.
    #[serde(default)]
    pub wrong_mask: bool,
    /// The payload as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The payload in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// The payload this many times over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
    /// The length that the header declares, if it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// How many more bytes hold the length: 0, 2 or 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u8>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// A ping or a pong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The payload as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The payload in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// A close frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseStep {
    /// The code. Left out: an empty close frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The reason.
    #[serde(default)]
    pub reason: String,
    /// The whole payload in hex, instead of code and reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// Which connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// Waits for something the target does. What earlier `expect` steps have taken is not taken again; what lies between is passed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Names of observations.
    pub is: Names,
    /// What the value must look like. Templates allowed.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub tree: Option<Value>,
    /// How long to wait from this step's beginning. Left out: parameter `reply_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Other observations that end the wait too, each with what it means.
    #[serde(default)]
    pub or: Vec<Alternative>,
    /// Requirements that this proves. Without any, the step is a prerequisite: if it is not met, the case is inconclusive.
    #[serde(default)]
    pub proves: Vec<String>,
    /// True if the script goes on when nothing comes; nothing is proved and nothing broken then.
    #[serde(default)]
    pub optional: bool,
    /// True if it must be the very next observation from the target that `of` names (a message, unless `is` names something else).
    #[serde(default)]
    pub next: bool,
    /// Look only at what came after this mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Remember the value as `${saved.NAME…}`.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the connection; `any` for whichever. For a client under test a new name takes the next connection that it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// Something else than the expected that ends a wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// Names of observations.
    pub is: Names,
    /// What the value must look like.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub tree: Option<Value>,
    /// What it means.
    pub means: Meaning,
    /// Why, in one phrase; quoted in the finding.
    pub because: String,
}

/// What an alternative means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// As good as the expected.
    Pass,
    /// Worth a warning.
    Warn,
    /// Breaks the requirement, and no need to wait on.
    Fail,
}

/// States that the target did not do something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Names of observations.
    pub is: Names,
    /// What the value would look like.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub tree: Option<Value>,
    /// From this mark to now. Left out: from the connection's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Requirements that this proves.
    #[serde(default)]
    pub proves: Vec<String>,
    /// Name of the connection; `any` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// Does nothing for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// How long.
    #[serde(rename = "for")]
    pub span: Span,
    /// Ends the wait early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Pattern>,
}

/// Switches what the harness does by itself. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Answer pings. On at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pong: Option<bool>,
    /// Answer a close frame with a close frame, and end the stream. On at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<bool>,
    /// Read from the stream. On at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<bool>,
    /// Send every message in fragments of this many bytes; 0 for whole messages, as at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragment: Option<Span>,
    /// Send a ping between fragments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interleave: Option<bool>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// The same steps several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub times: usize,
    /// What.
    pub steps: Vec<Step>,
}

/// Lets the reference machine of the harness's side play on a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// The state in which the machine begins.
    pub state: String,
    /// For how long.
    #[serde(rename = "for")]
    pub span: Span,
    /// Ends it early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Pattern>,
    /// What the machine remembers at its beginning. Templates allowed.
    #[serde(default)]
    pub memory: Map<String, Value>,
    /// Name of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}
