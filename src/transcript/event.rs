//! One thing that happened, when, on which connection, and who did it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bytes, Frame, Request, Response};

/// A side of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The side that dials.
    Client,
    /// The side that listens.
    Server,
}

impl Role {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// `client` or `server`, as it stands in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Number of a connection within one transcript, from 1 in the order of opening.
pub type ConnectionId = u32;

/// One entry of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Time since the case began. Virtual for embedded peers, monotonic for live targets.
    #[serde(with = "nanoseconds", rename = "at_ns")]
    pub at: Duration,
    /// The connection it happened on; 0 for what belongs to none (marks, the process).
    pub connection: ConnectionId,
    /// The side that did it.
    pub from: Role,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A byte stream was opened. `session` groups the connections that one principal opens one after another.
    Opened {
        /// Label of the session, `main` unless a scenario says otherwise.
        session: String,
    },
    /// An HTTP request: an upgrade, or a plain request beside it.
    Request(Request),
    /// The answer to the last request of the connection.
    Response(Response),
    /// One WebSocket frame, whole or cut off by the end of the stream.
    Frame(Frame),
    /// Bytes that are neither an HTTP head nor a frame, and why not.
    Garbage {
        /// The first of the bytes.
        bytes: Bytes,
        /// Why they could not be read, as a clause.
        problem: String,
    },
    /// This side ended its half of the stream.
    Ended(Ending),
    /// The process under test ended.
    Exited(Process),
    /// A note of the harness about its own doing.
    Mark(Mark),
}

impl What {
    /// Bytes that the harness wrote as they are.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self::Garbage { bytes: bytes.into(), problem: "written as raw bytes".to_owned() }
    }
}

/// How a byte stream ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// An orderly end (TCP FIN).
    Finished,
    /// An abortive end (TCP RST).
    Reset,
    /// The stream could not be opened at all; the text says why.
    Unreachable(String),
    /// The TLS handshake failed; the text says why.
    Tls(String),
    /// The harness gave up on it because it exceeded a bound of the harness; the text says which.
    Overflow(String),
}

/// How a process ended and what it last said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Exit code, if it exited by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Signal that ended it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// True if the harness killed it at the end of the case.
    #[serde(default)]
    pub killed: bool,
    /// Its last lines on standard error.
    #[serde(default)]
    pub stderr: Vec<String>,
}

/// A note of the harness about its own doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The script begins step number n of the case, from 0, counted after includes and repeats are unrolled.
    Step(usize),
    /// The script reached its end.
    Finished,
    /// The script gave up at step n because what it waited for did not come in time.
    Stopped(usize),
    /// The target was asked to do this.
    Stimulus(String),
    /// The harness itself was scheduled this much later than it had asked for.
    Late {
        /// By how many milliseconds.
        milliseconds: u64,
    },
    /// The transcript was too long to be kept whole, and this many events are left out here. Nothing is judged from here on.
    Omitted {
        /// How many.
        events: usize,
    },
    /// The deadline of the whole case passed.
    Deadline,
    /// The harness could not do its work; the text says what failed. Makes the verdict `error`.
    Failed(String),
}

mod nanoseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}
