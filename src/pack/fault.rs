//! `faults.yaml`: known wrong behaviours of the reference peers with the requirements they must trip, and legal but unusual ones that
//! must trip nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameter::Span;
use super::pattern::{Names, Pattern};
use super::scenario::{Raw, RawFrame};
use crate::transcript::Role;

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Wrong behaviours.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Legal but unusual behaviours.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Generated mutants that nothing can notice.
    #[serde(default)]
    pub excused: Vec<Excuse>,
    /// Cases that a peer passes which implements nothing.
    #[serde(default)]
    pub vacuous: Vec<Vacuity>,
}

/// Mutants that nothing can notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excuse {
    /// A glob over ids of mutants.
    pub mutant: String,
    /// Why nothing can.
    pub reason: String,
}

/// Cases that a null peer passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vacuity {
    /// A glob over ids of cases, without the protocol.
    pub case: String,
    /// Names of the null peers.
    pub peers: Vec<String>,
    /// Why that is right.
    pub reason: String,
}

/// One wrong behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Short name.
    pub id: String,
    /// The side that misbehaves.
    pub side: Role,
    /// One sentence.
    pub what: String,
    /// Requirements that it must trip, at least one of them.
    pub trips: Names,
    /// What is different.
    pub change: Change,
}

/// One legal but unusual behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Short name.
    pub id: String,
    /// The side that behaves so.
    pub side: Role,
    /// One sentence, with why it is legal.
    pub what: String,
    /// What is different.
    pub changes: Vec<Change>,
}

/// Some of the peer's own observations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Names of observations: frames of the catalogue, `message`, `ping`, `pong`, `close`, `accept`, `refuse`, `upgrade`.
    pub is: Names,
    /// What the value must look like.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub tree: Option<Value>,
    /// Only the n-th of a case, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<usize>,
    /// Only on the n-th connection of a case, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u32>,
}

/// One deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Not sent.
    Drop(Select),
    /// Sent twice.
    Repeat(Select),
    /// Sent later, and everything after it too.
    Delay(Delay),
    /// Sent after the message that follows it.
    Swap(Select),
    /// Merged into the message.
    Set(Set),
    /// Removed from the message.
    Unset(Unset),
    /// Put at a place in the message.
    Put(Put),
    /// Says its first key twice.
    Double(Select),
    /// The value of the first time, every time.
    Freeze(Unset),
    /// Sent as something else.
    Replace(Replace),
    /// Preceded by something else.
    Precede(Replace),
    /// Followed by something else.
    Add(Replace),
    /// Followed by a frame with every bit in hand.
    AddFrame(AddFrame),
    /// Sent with its first frame bent.
    Bend(Bend),
    /// Sent in fragments of this many bytes.
    Fragment(Fragment),
    /// Said in several messages, each with a piece of a text.
    Cut(Cut),
    /// Closes with another code.
    CloseCode(u16),
    /// Ends the stream where it would have sent a close frame.
    CloseBare(bool),
    /// Never closes, though it should.
    CloseNever(bool),
    /// Closes after this, though it should not.
    CloseAfter(CloseAfter),
    /// Closes on hearing this, though it should not.
    CloseOn(CloseOn),
    /// Does nothing any more, on any connection, once it has heard this.
    DeafAfter(Pattern),
    /// Never ends the stream, though it should.
    EndNever(bool),
    /// Takes every upgrade, or every answer to it, as a good one.
    Credulous(bool),
    /// Answers no pings.
    PongNever(bool),
    /// Answers pings with another payload.
    PongPayload(String),
    /// Does not see this observation.
    Ignore(Pattern),
    /// Lacks these named reactions of its machine.
    Without(Names),
    /// Says on every other open connection too what it says on one.
    Leak(Select),
    /// Its timers run at another speed: 2.0 is twice as slow.
    Timers(f64),
    /// One of its parameters has another value.
    Parameter(ParameterChange),
}

/// A delay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Of what.
    pub of: Select,
    /// By how much.
    pub by: Span,
}

/// A merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Into what.
    pub of: Select,
    /// The tree that is merged in.
    pub tree: Value,
}

/// A value at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// Of what.
    pub of: Select,
    /// JSON Pointer; the value it points to must be there.
    pub at: String,
    /// The new value.
    pub value: Value,
}

/// A removal, or a value that stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unset {
    /// From what.
    pub of: Select,
    /// JSON Pointer.
    pub at: String,
}

/// A replacement or an addition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// Of what, or after what.
    pub of: Select,
    /// What stands there instead.
    pub with: Raw,
}

/// A frame with every bit in hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddFrame {
    /// After what.
    pub of: Select,
    /// The frame.
    pub frame: RawFrame,
}

/// What is wrong with a frame. What is left out stays right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bend {
    /// Of what.
    pub of: Select,
    /// Its reserved bits, RSV1 is 4.
    #[serde(default)]
    pub rsv: u8,
    /// True to mask as a server, or not to mask as a client.
    #[serde(default)]
    pub wrong_mask: bool,
    /// True to write its length in eight bytes.
    #[serde(default)]
    pub long: bool,
    /// True to end the stream in the middle of it.
    #[serde(default)]
    pub cut: bool,
}

/// Fragmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragment {
    /// Of what.
    pub of: Select,
    /// Bytes a fragment.
    pub size: usize,
}

/// A text in pieces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Of what.
    pub of: Select,
    /// JSON Pointer to the text.
    pub at: String,
    /// Characters a piece.
    pub size: usize,
}

/// An untimely close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseAfter {
    /// After what.
    pub of: Select,
    /// With which code; 0 ends the stream without a close frame.
    pub code: u16,
}

/// An untimely close in answer to the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseOn {
    /// On hearing what.
    pub on: Pattern,
    /// With which code; 0 ends the stream without a close frame.
    pub code: u16,
}

/// Another value of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterChange {
    /// Which.
    pub name: String,
    /// The value.
    pub value: super::parameter::Quantity,
}
