//! `pack.yaml`: what the protocol is, where it is documented, its frames, its numbers, and the phases that scenarios share.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameter::Parameter;
use super::scenario::Step;
use crate::transcript::Role;

/// The manifest of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the folder, and first word of every requirement id.
    pub id: String,
    /// What the protocol is called.
    pub title: String,
    /// Version of the protocol as the document gives it.
    pub version: String,
    /// The documents, most binding first. Requirements name them by id.
    pub documents: IndexMap<String, Document>,
    /// Where and how a client connects.
    pub endpoint: Endpoint,
    /// How a client proves who it is, one entry a way.
    #[serde(default)]
    pub authentication: Vec<Authentication>,
    /// The field, or fields, by which frames are told apart; for readers of `list`.
    pub discriminator: Vec<String>,
    /// The frame catalogue, in the order in which frames are recognised.
    pub frames: IndexMap<String, FrameKind>,
    /// Named numbers.
    #[serde(default)]
    pub parameters: IndexMap<String, Parameter>,
    /// Close codes that the document gives, with their meaning.
    #[serde(default)]
    pub closes: IndexMap<String, String>,
    /// What a target may or may not be able to do.
    #[serde(default)]
    pub capabilities: IndexMap<String, Capability>,
    /// What makes a target do something.
    #[serde(default)]
    pub stimuli: IndexMap<String, Stimulus>,
    /// Secrets and names that a live target must be given.
    #[serde(default)]
    pub credentials: IndexMap<String, Credential>,
    /// True if what one connection does shows on others of the same credentials, so that cases must not run side by side on a live server.
    #[serde(default)]
    pub exclusive: bool,
    /// Steps that scenarios include, by the side under test.
    #[serde(default)]
    pub phases: Phases,
    /// Where the document can be read in more than one way.
    #[serde(default)]
    pub ambiguities: Vec<Ambiguity>,
    /// Requirements of the layers below that this protocol cannot bring to the test, each with the reason.
    #[serde(default)]
    pub excluded: IndexMap<String, String>,
}

/// A document that requirements come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// Where it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The upgrade request that a good client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The path, which a target's URL may replace.
    pub path: String,
    /// Query parameters of the upgrade, templates allowed.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Header fields of the upgrade beside those of RFC 6455, templates allowed.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
}

/// One way of authenticating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// Where the credential travels.
    pub carried: Carrier,
    /// One sentence.
    pub what: String,
}

/// Where a credential travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// In a frame.
    Frame,
    /// In a header field of the upgrade.
    Header,
    /// In the query of the upgrade.
    Query,
    /// In `Sec-WebSocket-Protocol`.
    Subprotocol,
    /// There is none.
    None,
}

/// One kind of frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameKind {
    /// The side that sends it.
    pub from: Role,
    /// What its JSON looks like (see [`crate::pack::matcher`]). The first kind that fits, in file order, names the frame.
    #[serde(rename = "match")]
    pub tree: Value,
    /// The frame it answers, where only that tells it apart from others of the same look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// Where it carries a piece of a text, if the text may be cut anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Pieces>,
    /// True if it speaks of what the connections of one user share, so that each of them may get it, whoever asked.
    #[serde(default)]
    pub shared: bool,
    /// File name of its JSON Schema under `schemas/<protocol>/`.
    pub schema: String,
    /// One sentence.
    pub what: String,
    /// Examples that the schema accepts; the first is what `send` starts from.
    pub examples: Vec<Value>,
    /// Examples that the schema refuses, each different from a valid one in one thing. At least three.
    pub invalid: Vec<Value>,
}

/// What makes a frame the answer to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The frame that it answers.
    pub to: String,
    /// JSON Pointer to the value that is the same in both.
    pub by: String,
}

/// A text that comes in pieces: the observation `joined` shows what they make up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pieces {
    /// JSON Pointer to the piece, a string.
    pub at: String,
    /// JSON Pointer to what all pieces of one text have in common. Left out: all pieces on a connection are one text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Something that a target may or may not be able to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// One sentence.
    pub what: String,
    /// Whether a live target has it if it does not say. The reference peers have every capability.
    #[serde(default)]
    pub default: bool,
}

/// Something that makes a target act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stimulus {
    /// One sentence: what the target does when it gets it.
    pub what: String,
    /// The text that makes the reference peer do it; a live target declares its own.
    pub text: String,
    /// The side that can be stimulated.
    pub side: Role,
}

/// A secret or a name that a live target must be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// One sentence.
    pub what: String,
    /// What the reference peers use.
    pub value: String,
    /// True if a live run without it uses `value` as it is (a user name, not a secret).
    #[serde(default)]
    pub public: bool,
}

/// Steps by the side under test, then by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phases {
    /// For scenarios that test a server.
    #[serde(default)]
    pub server: IndexMap<String, Vec<Step>>,
    /// For scenarios that test a client.
    #[serde(default)]
    pub client: IndexMap<String, Vec<Step>>,
}

impl Phases {
    /// The phases of this side.
    pub fn of(&self, side: Role) -> &IndexMap<String, Vec<Step>> {
        match side {
            Role::Server => &self.server,
            Role::Client => &self.client,
        }
    }
}

/// A place where the document can be read in more than one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ambiguity {
    /// Short name.
    pub id: String,
    /// The question.
    pub question: String,
    /// The readings that framegate accepts.
    pub readings: Vec<Reading>,
}

/// One accepted reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The reading.
    pub reading: String,
    /// The scenario (`server/<name>` or `client/<name>`) or the variant of `faults.yaml` that shows that it passes; or `untested: why`.
    pub shown: String,
}
