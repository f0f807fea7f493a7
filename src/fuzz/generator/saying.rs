//! Steps that say something on `main`: the few shapes that violations are made of.

use serde_json::Value;

use crate::pack::scenario::{Raw, RawBytes, RawFrame, Repeat, Step};

/// A text that no placeholder stands in.
pub(in crate::fuzz) fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

/// A JSON value that no placeholder stands in, keys included.
pub(in crate::fuzz) fn literal_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(literal(text)),
        Value::Array(items) => items.iter().map(literal_json).collect(),
        Value::Object(entries) => Value::Object(entries.iter().map(|(key, value)| (literal(key), literal_json(value))).collect()),
        other => other.clone(),
    }
}

/// A text message that carries this JSON; placeholders are filled.
pub(super) fn json(value: Value) -> Step {
    if value.is_null() {
        // A step cannot tell `json: null` from no JSON at all.
        return text("null");
    }
    Step::Message(Raw { json: Some(value), ..Raw::default() })
}

/// A text message, as it is.
pub(super) fn text(text: &str) -> Step {
    Step::Message(Raw { text: Some(literal(text)), ..Raw::default() })
}

/// A text message, so many times over.
pub(super) fn long(text: &str, times: usize) -> Step {
    Step::Message(Raw { text: Some(literal(text)), times: Some(times), ..Raw::default() })
}

/// A text message of bytes that need not be text.
pub(super) fn octets(bytes: &[u8]) -> Step {
    Step::Message(Raw { hex: Some(hex(bytes)), ..Raw::default() })
}

/// Bytes on the stream.
pub(super) fn stream(bytes: &[u8]) -> Step {
    Step::Bytes(RawBytes { hex: Some(hex(bytes)), ..RawBytes::default() })
}

/// A frame with this opcode and nothing wrong yet.
pub(super) fn frame(opcode: u8, payload: &str) -> RawFrame {
    RawFrame {
        opcode,
        fin: true,
        rsv: 0,
        wrong_mask: false,
        text: Some(literal(payload)),
        hex: None,
        times: None,
        length: None,
        width: None,
        connection: None,
    }
}

/// The steps, so many times.
pub(super) fn again(times: usize, steps: Vec<Step>) -> Step {
    Step::Repeat(Repeat { times, steps })
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
