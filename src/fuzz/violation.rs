//! One thing that a harness does wrong, or oddly, on purpose: what, where, how it is said, and what it must break to count.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::generator::sample::settled;
use crate::pack::Pack;
use crate::pack::scenario::{Raw, Step};

/// What kind of thing is wrong. In the order in which tables list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A frame of the catalogue breaks one keyword of its schema.
    Schema,
    /// The text is no JSON object, or JSON at a parser's limits.
    Json,
    /// The fields by which frames are told apart are missing, unknown or those of another frame.
    Envelope,
    /// Ids are unknown, used twice, stale, empty or very long.
    Identity,
    /// A good frame at the wrong time.
    Order,
    /// At the largest size, beyond it, or very many at once.
    Size,
    /// The frames of RFC 6455 themselves are wrong, or the stream ends where it should not.
    Transport,
    /// Values that a schema allows and that break programs.
    Boundary,
    /// Several of these in a row, or bytes changed at random.
    Random,
}

impl Class {
    /// All of them, in order.
    pub const ALL: [Self; 9] =
        [Self::Schema, Self::Json, Self::Envelope, Self::Identity, Self::Order, Self::Size, Self::Transport, Self::Boundary, Self::Random];

    /// The word as it stands in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Json => "json",
            Self::Envelope => "envelope",
            Self::Identity => "identity",
            Self::Order => "order",
            Self::Size => "size",
            Self::Transport => "transport",
            Self::Boundary => "boundary",
            Self::Random => "random",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What the connection is good for once the violation was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aftermath {
    /// It speaks frames: a ping must be answered, or the connection closed.
    Speaking,
    /// The harness has closed it, ended it or left a frame unfinished: nothing more can be asked of it.
    Over,
}

/// What a violation must break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This keyword at this place, in the schema of this frame.
    Schema {
        /// Name of the frame.
        frame: String,
        /// JSON Pointer, as [`crate::pack::Breach`] gives it.
        at: String,
        /// The keyword.
        keyword: String,
    },
    /// The text is not one JSON object in UTF-8 with each key once.
    Json,
    /// No catalogue frame of the harness's side, or not this one.
    NoLonger(String),
}

/// One violation.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// What kind.
    pub class: Class,
    /// What is done, in a few words joined by `-`.
    pub operator: String,
    /// The frame that is spoiled; empty where no frame is.
    pub frame: String,
    /// JSON Pointer to what is spoiled in it; empty for the whole.
    pub at: String,
    /// The steps that commit it, on the connection `main`.
    pub steps: Vec<Step>,
    /// What the connection is good for afterwards.
    pub aftermath: Aftermath,
    /// What must be broken, if anything must.
    pub claim: Option<Claim>,
}

impl Violation {
    /// A violation of one message that leaves the connection speaking.
    pub(super) fn new(class: Class, operator: impl Into<String>, frame: &str, at: &str, steps: Vec<Step>) -> Self {
        let (operator, frame, at) = (operator.into(), frame.to_owned(), at.to_owned());
        Self { class, operator, frame, at, steps, aftermath: Aftermath::Speaking, claim: None }
    }

    /// The same, and nothing more can be asked of the connection.
    pub(super) fn over(self) -> Self {
        Self { aftermath: Aftermath::Over, ..self }
    }

    /// The same with what it must break.
    pub(super) fn claiming(self, claim: Claim) -> Self {
        Self { claim: Some(claim), ..self }
    }

    /// Why it does not break what it claims to break, if it does not.
    pub fn masked(&self, pack: &Pack) -> Option<String> {
        let claim = self.claim.as_ref()?;
        claim.unbroken(pack, &self.steps)
    }
}

impl Claim {
    /// Why none of these steps breaks what is claimed, if none does.
    pub fn unbroken(&self, pack: &Pack, steps: &[Step]) -> Option<String> {
        let messages = || steps.iter().filter_map(|step| if let Step::Message(raw) = step { Some(raw) } else { None });
        match self {
            Self::Schema { frame, at, keyword } => {
                let schema = pack.schemas.get(frame)?;
                let found: Vec<_> = messages().filter_map(|raw| sent(pack, frame, raw)).flat_map(|value| schema.breaches(&value)).collect();
                let is_broken = found.iter().any(|breach| breach.at == *at && breach.keyword == *keyword);
                let names = || found.iter().map(|breach| format!("{} at {}", breach.keyword, breach.at)).collect::<Vec<_>>().join(", ");
                let why = || if found.is_empty() { "the schema accepts it".to_owned() } else { format!("it breaks {} instead", names()) };
                (!is_broken).then(why)
            }
            Self::Json => {
                let is_broken = messages().any(|raw| text(raw).is_none_or(|text| !is_one_object(&text)));
                (!is_broken).then(|| "it is JSON after all".to_owned())
            }
            Self::NoLonger(frame) => {
                let tree = &pack.manifest.frames.get(frame)?.tree;
                let is_still = messages().filter_map(|raw| sent(pack, frame, raw)).all(|value| crate::pack::matcher::fits(tree, &value));
                is_still.then(|| format!("it still fits `{frame}`"))
            }
        }
    }
}

/// The JSON that a message carries, its placeholders filled as the frame's example would.
fn sent(pack: &Pack, frame: &str, raw: &Raw) -> Option<Value> {
    let examples = pack.manifest.frames.get(frame).map_or(&[][..], |kind| &kind.examples);
    match &raw.json {
        Some(json) => Some(settled(json, examples)),
        None => serde_json::from_str(&text(raw)?).ok(),
    }
}

/// The text of a message, if it is UTF-8.
fn text(raw: &Raw) -> Option<String> {
    let once = match (&raw.json, &raw.text, &raw.hex) {
        (Some(json), ..) => json.to_string(),
        (_, Some(text), _) => text.clone(),
        (.., Some(hex)) => String::from_utf8(data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?).ok()?,
        _ => String::new(),
    };
    // What is wrong with a text that is repeated shows after a few times, unless it is as deep as the text is long.
    Some(once.replace("$${", "${").repeat(raw.times.unwrap_or(1).min(1000)))
}

fn is_one_object(text: &str) -> bool {
    use crate::transcript::json::{duplicate_key, parse};
    parse(text).is_ok_and(|value| value.is_object()) && duplicate_key(text).is_none()
}
