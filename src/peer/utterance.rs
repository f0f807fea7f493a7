//! What steps put on the wire when nothing was said before them: the same bytes as a [`Script`](super::Script) that plays them, made once
//! and without a conversation.

use serde_json::Value;

use super::outgoing;
use super::quirks::Quirks;
use super::scope::{Genesis, Invention, Memory, View};
use crate::pack::scenario::{Send, Step};
use crate::pack::{Pack, Settings};
use crate::transcript::{Frame, Opcode, Role};

/// One thing that a step puts on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uttered {
    /// A frame, masked as its side must.
    Frame(Frame),
    /// Bytes that are no frame.
    Bytes(Vec<u8>),
}

/// What these steps of the harness's side say, each thing with the index of its step. Nothing if one of them says nothing, or needs what a conversation has brought.
pub fn utter(pack: &Pack, settings: &Settings, side: Role, steps: &[Step], genesis: Genesis) -> Option<Vec<(usize, Uttered)>> {
    let mut voice = Voice::new(pack, settings, side, genesis);
    let mut uttered = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        uttered.extend(voice.say(step)?.into_iter().map(|one| (index, one)));
    }
    Some(uttered)
}

/// The JSON of the frame that this side sends by this step. Nothing if it needs what a conversation has brought.
pub fn value(pack: &Pack, settings: &Settings, side: Role, send: &Send) -> Option<Value> {
    outgoing::value(send, pack, settings, &mut Voice::new(pack, settings, side, Genesis::default()).view()).ok()
}

struct Voice<'a> {
    pack: &'a Pack,
    settings: &'a Settings,
    side: Role,
    invention: Invention,
    quirks: Quirks,
}

impl<'a> Voice<'a> {
    fn new(pack: &'a Pack, settings: &'a Settings, side: Role, genesis: Genesis) -> Self {
        Self { pack, settings, side, invention: Invention::new(genesis, side), quirks: Quirks::default() }
    }

    fn say(&mut self, step: &Step) -> Option<Vec<Uttered>> {
        let (pack, settings) = (self.pack, self.settings);
        let frames = match step {
            Step::Send(send) => {
                let value = outgoing::value(send, pack, settings, &mut self.view()).ok()?;
                outgoing::fragments(Opcode::TEXT, value.to_string().into_bytes(), &send.fragments)
            }
            Step::Message(raw) => outgoing::message(raw, &mut self.view()).ok()?,
            Step::Ping(control) => vec![outgoing::control(Opcode::PING, control, &mut self.view()).ok()?],
            Step::Pong(control) => vec![outgoing::control(Opcode::PONG, control, &mut self.view()).ok()?],
            Step::Close(close) => vec![outgoing::close(close, &mut self.view()).ok()?],
            Step::Frame(raw) => {
                let frame = outgoing::frame(raw, &mut self.view()).ok()?;
                let from = if raw.wrong_mask { self.side.other() } else { self.side };
                return Some(vec![Uttered::Frame(frame.masked_for(from, self.invention.mask()))]);
            }
            Step::Bytes(raw) => return Some(vec![Uttered::Bytes(outgoing::bytes(raw, &mut self.view()).ok()?)]),
            _ => return None,
        };
        Some(frames.into_iter().map(|frame| Uttered::Frame(frame.masked_for(self.side, self.invention.mask()))).collect())
    }

    fn view(&mut self) -> View<'_> {
        View {
            memory: Memory { saved: Some(&Value::Null), connection: 1, ..Memory::default() },
            settings: self.settings,
            invention: &mut self.invention,
            quirks: &self.quirks,
            now: std::time::Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::tests::demo;
    use serde_json::json;

    fn said(steps: Value) -> Option<Vec<String>> {
        let (pack, settings) = demo();
        let steps: Vec<Step> = serde_json::from_value(steps).unwrap();
        let uttered = utter(&pack, &settings, Role::Client, &steps, Genesis::default())?;
        let text = |(_, one): &(usize, Uttered)| match one {
            Uttered::Frame(frame) => format!("{} {}", frame.opcode.name(), frame.payload.text().unwrap_or("?")),
            Uttered::Bytes(bytes) => format!("{} bytes", bytes.len()),
        };
        Some(uttered.iter().map(text).collect())
    }

    #[test]
    fn steps_that_speak_are_uttered_in_order() {
        let steps = json!([{"message": {"text": "a$${b}"}}, {"ping": {"text": "p"}}, {"bytes": {"hex": "0000"}}]);
        assert_eq!(said(steps), Some(vec!["text a${b}".to_owned(), "ping p".to_owned(), "2 bytes".to_owned()]));
    }

    #[test]
    fn what_needs_a_conversation_is_not_uttered() {
        assert_eq!(said(json!([{"message": {"text": "${saved.x}"}}])), None);
        assert_eq!(said(json!([{"message": {"text": "x"}}, {"expect": {"is": "pong"}}])), None);
    }
}
