//! Steps of a scenario or a machine into frames: merged, filled, padded, cut into fragments, and wrong where the step says so.
//!
//! Frames leave here without a mask; [`Speaker`](super::speaker) masks what a client sends. Not HTTP: that is [`super::request`].

use serde_json::Value;

use crate::pack::scenario::{CloseStep, Control, Pad, Raw, RawBytes, RawFrame, Send};
use crate::pack::template::{Scope, TemplateError, render, render_text};
use crate::pack::{Pack, Settings};
use crate::transcript::{Close, Frame, Opcode, Width};

/// Why something could not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SendError {
    /// The catalogue has no such frame, or no example of it.
    #[error("the catalogue has no example of `{0}`")]
    NoExample(String),
    /// A text that is no hex.
    #[error("`{0}` is not hex")]
    NotHex(String),
    /// A message that is already longer than it shall be padded to.
    #[error("the message has {length} bytes and cannot be padded to {wanted}")]
    TooLong {
        /// Its length without the padding.
        length: usize,
        /// The length asked for.
        wanted: i64,
    },
    /// A message of more bytes than a peer builds.
    #[error("a message of {0} bytes is more than {LARGEST}")]
    TooLarge(u64),
    /// No string can stand at this pointer.
    #[error("nothing can be padded at `{0}`")]
    NoPlace(String),
    /// A placeholder that nothing fills.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A connection that is not there.
    #[error("there is no connection `{0}`")]
    NoConnection(String),
    /// An `include` or a `repeat` in a case.
    #[error("a step that holds steps was not unrolled")]
    NotUnrolled,
}

/// The most bytes that one step may ask for: a slip in a pack must not exhaust the memory.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The JSON of a frame of the catalogue: the first example, merged, cut and padded as the step says.
pub(super) fn value(send: &Send, pack: &Pack, settings: &Settings, scope: &mut dyn Scope) -> Result<Value, SendError> {
    let example = pack.manifest.frames.get(&send.frame).and_then(|kind| kind.examples.first());
    let mut value = example.cloned().ok_or_else(|| SendError::NoExample(send.frame.clone()))?;
    if let Some(set) = &send.set {
        merge(&mut value, render(set, scope)?);
    }
    for pointer in &send.unset {
        remove(&mut value, &render_text(pointer, scope)?);
    }
    if let Some(pad) = &send.pad {
        fill(&mut value, pad, settings)?;
    }
    Ok(value)
}

/// A text message in fragments of these sizes; the rest is the last one.
pub(super) fn fragments(opcode: Opcode, payload: Vec<u8>, sizes: &[usize]) -> Vec<Frame> {
    let mut rest = payload;
    let mut frames = Vec::with_capacity(sizes.len() + 1);
    for size in sizes {
        let tail = rest.split_off((*size).min(rest.len()));
        frames.push(std::mem::replace(&mut rest, tail));
    }
    frames.push(rest);
    let last = frames.len() - 1;
    let cut = frames.into_iter().enumerate().map(|(index, payload)| {
        let opcode = if index == 0 { opcode } else { Opcode::CONTINUATION };
        Frame { fin: index == last, ..Frame::new(opcode, payload) }
    });
    cut.collect()
}

/// The frames of a message that is no frame of the catalogue.
pub(super) fn message(raw: &Raw, scope: &mut dyn Scope) -> Result<Vec<Frame>, SendError> {
    let payload = match &raw.json {
        Some(json) => render(json, scope)?.to_string().into_bytes(),
        None => payload(raw.text.as_deref(), raw.hex.as_deref(), scope)?,
    };
    let opcode = if raw.binary { Opcode::BINARY } else { Opcode::TEXT };
    Ok(fragments(opcode, repeated(&payload, raw.times)?, &raw.fragments))
}

/// Bytes for the stream.
pub(super) fn bytes(raw: &RawBytes, scope: &mut dyn Scope) -> Result<Vec<u8>, SendError> {
    payload(raw.text.as_deref(), raw.hex.as_deref(), scope)
}

/// One frame as the step says. Whether it is masked is up to the sender, who reads `wrong_mask`.
pub(super) fn frame(raw: &RawFrame, scope: &mut dyn Scope) -> Result<Frame, SendError> {
    let payload = repeated(&payload(raw.text.as_deref(), raw.hex.as_deref(), scope)?, raw.times)?;
    let right = Frame { fin: raw.fin, rsv: raw.rsv & 7, ..Frame::new(Opcode(raw.opcode & 15), payload) };
    let length = raw.length.unwrap_or(right.length);
    let width = match raw.width {
        Some(0) => Width::Short,
        Some(2) => Width::Medium,
        Some(_) => Width::Long,
        None => Width::minimal(length),
    };
    Ok(Frame { length, width, ..right })
}

/// A ping or a pong.
pub(super) fn control(opcode: Opcode, control: &Control, scope: &mut dyn Scope) -> Result<Frame, SendError> {
    Ok(Frame::new(opcode, payload(control.text.as_deref(), control.hex.as_deref(), scope)?))
}

/// A close frame.
pub(super) fn close(step: &CloseStep, scope: &mut dyn Scope) -> Result<Frame, SendError> {
    if let Some(hex) = &step.hex {
        return Ok(Frame::new(Opcode::CLOSE, unhex(&render_text(hex, scope)?)?));
    }
    let reason = render_text(&step.reason, scope)?;
    Ok(Frame::close(step.code.map(|code| Close { code, reason }).as_ref()))
}

/// Objects key by key, anything else replaces.
pub(super) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Removes what stands at the pointer. True if something stood there.
pub(super) fn remove(value: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => entries.shift_remove(&key).is_some(),
        Some(Value::Array(items)) => {
            let index = key.parse().ok().filter(|index| *index < items.len());
            index.map(|index: usize| items.remove(index)).is_some()
        }
        _ => false,
    }
}

fn payload(text: Option<&str>, hex: Option<&str>, scope: &mut dyn Scope) -> Result<Vec<u8>, SendError> {
    match hex {
        Some(hex) => unhex(&render_text(hex, scope)?),
        None => Ok(render_text(text.unwrap_or_default(), scope)?.into_bytes()),
    }
}

fn repeated(payload: &[u8], times: Option<usize>) -> Result<Vec<u8>, SendError> {
    let times = times.unwrap_or(1);
    let length = payload.len().saturating_mul(times) as u64;
    if length > LARGEST { Err(SendError::TooLarge(length)) } else { Ok(payload.repeat(times)) }
}

fn unhex(hex: &str) -> Result<Vec<u8>, SendError> {
    let digits: String = hex.split_whitespace().collect();
    data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| SendError::NotHex(hex.to_owned()))
}

/// Fills the string so that the whole JSON text gets the wanted length: an `x` is one byte of it.
fn fill(value: &mut Value, pad: &Pad, settings: &Settings) -> Result<(), SendError> {
    let Pad { at, to, plus } = pad;
    put(value, at, Value::from(""))?;
    let length = value.to_string().len();
    let wanted = i64::try_from(settings.size(to)).unwrap_or(i64::MAX).saturating_add(*plus);
    if wanted.cast_unsigned() > LARGEST && wanted > 0 {
        return Err(SendError::TooLarge(wanted.unsigned_abs()));
    }
    let missing = usize::try_from(wanted).ok().and_then(|wanted| wanted.checked_sub(length));
    put(value, at, Value::from("x".repeat(missing.ok_or(SendError::TooLong { length, wanted })?)))
}

fn put(value: &mut Value, pointer: &str, new: Value) -> Result<(), SendError> {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = new;
        return Ok(());
    }
    let parent = pointer.rsplit_once('/').and_then(|(parent, key)| Some((value.pointer_mut(parent)?.as_object_mut()?, key)));
    let (entries, key) = parent.ok_or_else(|| SendError::NoPlace(pointer.to_owned()))?;
    entries.insert(key.replace("~1", "/").replace("~0", "~"), new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::tests::demo;
    use serde_json::json;

    struct Nothing;

    impl Scope for Nothing {
        fn lookup(&mut self, path: &str) -> Option<Value> {
            (path == "id").then(|| json!("i-1"))
        }
    }

    fn send(step: &Value) -> Result<Value, SendError> {
        let (pack, settings) = demo();
        value(&serde_json::from_value(step.clone()).unwrap(), &pack, &settings, &mut Nothing)
    }

    #[test]
    fn a_frame_is_the_first_example_merged_and_cut() {
        let step = json!({"frame": "call", "set": {"id": "${id}", "params": {"more": 1}}, "unset": ["/params/text", "/no/such"]});
        assert_eq!(send(&step), Ok(json!({"type": "call", "id": "i-1", "method": "echo", "params": {"more": 1}})));
        assert_eq!(send(&json!({"frame": "nothing"})), Err(SendError::NoExample("nothing".to_owned())));
    }

    #[test]
    fn a_padded_frame_has_exactly_the_length_asked_for() {
        for (to, plus, length) in [("max_message", 1, 65_537), ("200B", -7, 193)] {
            let value = send(&json!({"frame": "call", "pad": {"at": "/params/text", "to": to, "plus": plus}})).unwrap();
            assert_eq!(value.to_string().len(), length);
        }
        assert!(send(&json!({"frame": "call", "pad": {"at": "/params/new", "to": "200B"}})).is_ok());
        assert!(matches!(send(&json!({"frame": "call", "pad": {"at": "/id", "to": "5B"}})), Err(SendError::TooLong { .. })));
        assert!(matches!(send(&json!({"frame": "call", "pad": {"at": "/a/b", "to": "500B"}})), Err(SendError::NoPlace(_))));
    }

    #[test]
    fn a_message_is_cut_into_fragments_and_the_rest_is_the_last() {
        let raw: Raw = serde_json::from_value(json!({"text": "ab${id}", "times": 2, "fragments": [1, 0]})).unwrap();
        let frames = message(&raw, &mut Nothing).unwrap();
        let seen: Vec<_> = frames.iter().map(|frame| (frame.opcode.0, frame.fin, frame.payload.text().unwrap())).collect();
        assert_eq!(seen, [(1, false, "a"), (0, false, ""), (0, true, "bi-1abi-1")]);
        let raw: Raw = serde_json::from_value(json!({"hex": "FF 00", "binary": true})).unwrap();
        assert_eq!(message(&raw, &mut Nothing), Ok(vec![Frame::new(Opcode::BINARY, vec![0xFF, 0])]));
        let raw: Raw = serde_json::from_value(json!({"hex": "xx"})).unwrap();
        assert_eq!(message(&raw, &mut Nothing), Err(SendError::NotHex("xx".to_owned())));
    }

    #[test]
    fn a_frame_lies_where_the_step_says_so() {
        let raw = json!({"opcode": 3, "fin": false, "rsv": 4, "text": "ab", "length": 9, "width": 8});
        let built = frame(&serde_json::from_value(raw).unwrap(), &mut Nothing).unwrap();
        let expected = Frame { fin: false, rsv: 4, length: 9, width: Width::Long, ..Frame::new(Opcode(3), "ab") };
        assert_eq!(built, expected);
    }

    #[test]
    fn a_close_is_empty_or_has_a_code_or_any_bytes() {
        let built = |step: Value| close(&serde_json::from_value(step).unwrap(), &mut Nothing).unwrap().payload.0;
        assert_eq!(built(json!({})), b"");
        assert_eq!(built(json!({"code": 1000, "reason": "bye ${id}"})), b"\x03\xe8bye i-1");
        assert_eq!(built(json!({"hex": "03"})), [3]);
    }
}
