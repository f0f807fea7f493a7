//! A WebSocket frame with everything visible that polite libraries hide (RFC 6455 § 5.2).

use serde::{Deserialize, Serialize};

use super::{Bytes, Role};

/// The four bits that say what a frame is (RFC 6455 § 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opcode(pub u8);

impl Opcode {
    /// Continuation of a fragmented message.
    pub const CONTINUATION: Self = Self(0x0);
    /// Text message.
    pub const TEXT: Self = Self(0x1);
    /// Binary message.
    pub const BINARY: Self = Self(0x2);
    /// Close.
    pub const CLOSE: Self = Self(0x8);
    /// Ping.
    pub const PING: Self = Self(0x9);
    /// Pong.
    pub const PONG: Self = Self(0xA);

    /// True for close, ping, pong and the reserved control opcodes.
    pub fn is_control(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// True for the opcodes RFC 6455 leaves undefined.
    pub fn is_reserved(self) -> bool {
        !matches!(self.0, 0x0..=0x2 | 0x8..=0xA)
    }

    /// The name of the opcode, `reserved` where it has none.
    pub fn name(self) -> &'static str {
        match self.0 {
            0x0 => "continuation",
            0x1 => "text",
            0x2 => "binary",
            0x8 => "close",
            0x9 => "ping",
            0xA => "pong",
            _ => "reserved",
        }
    }
}

/// How the payload length is written (RFC 6455 § 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// In the seven bits of the second byte.
    Short,
    /// In two more bytes.
    Medium,
    /// In eight more bytes.
    Long,
}

impl Width {
    /// The only width that RFC 6455 allows for this length.
    pub fn minimal(length: u64) -> Self {
        match length {
            0..=125 => Self::Short,
            126..=65_535 => Self::Medium,
            _ => Self::Long,
        }
    }
}

/// One frame as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Last fragment of its message.
    pub fin: bool,
    /// The three reserved bits, RSV1 highest (0–7).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rsv: u8,
    /// What it is.
    pub opcode: Opcode,
    /// The masking key, if the frame is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<[u8; 4]>,
    /// The length that the header declares, in bytes.
    pub length: u64,
    /// How the header writes it.
    pub width: Width,
    /// The payload, unmasked. Shorter than `length` if the stream ended before it, or if the harness kept only its beginning
    /// (see `kept`).
    pub payload: Bytes,
    /// Bytes of payload that arrived; more than `payload` holds only where the frame was larger than the harness keeps.
    pub arrived: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(rsv: &u8) -> bool {
    *rsv == 0
}

impl Frame {
    /// A correct, final, unmasked frame. Chain [`Frame::masked`] for a client's.
    pub fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        let payload = payload.into();
        let length = payload.len() as u64;
        Self { fin: true, rsv: 0, opcode, mask: None, length, width: Width::minimal(length), payload: Bytes(payload), arrived: length }
    }

    /// A correct text frame.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Opcode::TEXT, text.into().into_bytes())
    }

    /// A correct close frame. `None` is the empty close.
    pub fn close(close: Option<&Close>) -> Self {
        Self::new(Opcode::CLOSE, close.map(Close::payload).unwrap_or_default())
    }

    /// The same frame with this masking key.
    #[must_use]
    pub fn masked(self, key: [u8; 4]) -> Self {
        Self { mask: Some(key), ..self }
    }

    /// The same frame masked as RFC 6455 § 5.1 asks of this side: a client masks, a server does not.
    #[must_use]
    pub fn masked_for(self, from: Role, key: [u8; 4]) -> Self {
        let mask = (from == Role::Client).then_some(key);
        Self { mask, ..self }
    }

    /// True if the payload is all there.
    pub fn is_whole(&self) -> bool {
        self.arrived == self.length
    }

    /// Code and reason, if this is a close frame with a payload that has them.
    pub fn close_payload(&self) -> Option<Close> {
        let [high, low, reason @ ..] = &self.payload[..] else { return None };
        (self.opcode == Opcode::CLOSE)
            .then(|| Close { code: u16::from_be_bytes([*high, *low]), reason: String::from_utf8_lossy(reason).into_owned() })
    }
}

/// What a close frame says (RFC 6455 § 5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The status code.
    pub code: u16,
    /// The reason, often empty.
    #[serde(default)]
    pub reason: String,
}

impl Close {
    /// A code without a reason.
    pub fn code(code: u16) -> Self {
        Self { code, reason: String::new() }
    }

    /// The payload of the close frame that says this.
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = self.code.to_be_bytes().to_vec();
        payload.extend_from_slice(self.reason.as_bytes());
        payload
    }

    /// True for the codes that may stand in a close frame (RFC 6455 § 7.4, and 1012–1014 of the IANA registry).
    pub fn is_sendable(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}
