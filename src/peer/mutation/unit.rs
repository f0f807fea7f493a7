//! One thing that a peer says, whole: the actions that say it, and what it is in the pack's words.

use std::time::Duration;

use serde_json::Value;

use super::is_data;
use crate::pack::Observation;
use crate::peer::Action;
use crate::peer::request::{put, with_query};
use crate::transcript::{Bytes, Close, ConnectionId, Frame, Opcode, Request, Response};

/// Something that stays together on its way to the wire.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) connection: ConnectionId,
    pub(super) actions: Vec<Action>,
    /// What it says; nothing for what is no observation of its own, such as the end of a stream.
    pub(super) seen: Option<Observation>,
    /// How much later it is sent.
    pub(super) delay: Option<Duration>,
    /// True if it is sent after the message that follows it.
    pub(super) is_swapped: bool,
    /// True if a fault lets nothing follow it.
    pub(super) is_final: bool,
}

impl Unit {
    pub(super) fn of(connection: ConnectionId, actions: Vec<Action>, seen: Option<Observation>) -> Self {
        Self { connection, actions, seen, delay: None, is_swapped: false, is_final: false }
    }

    pub(super) fn is_message(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Send { frame, .. } if is_data(frame)))
    }

    pub(super) fn is_frame(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Send { .. }))
    }

    pub(super) fn closes(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Send { frame, .. } if frame.opcode == Opcode::CLOSE))
    }

    pub(super) fn ends(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::End(_)))
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.name == name)
    }

    /// The payload of the message that it is.
    pub(super) fn payload(&self) -> Option<(Opcode, Vec<u8>)> {
        let mut frames = self.actions.iter().filter_map(|action| if let Action::Send { frame, .. } = action { Some(frame) } else { None });
        let first = frames.next()?;
        let mut payload = first.payload.0.clone();
        frames.for_each(|frame| payload.extend_from_slice(&frame.payload));
        Some((first.opcode, payload))
    }

    /// Replaces what it says by these frames.
    pub(super) fn say(&mut self, frames: impl IntoIterator<Item = Frame>) {
        let connection = self.connection;
        self.actions = frames.into_iter().map(|frame| Action::Send { connection, frame }).collect();
    }

    /// Says this instead, as far as it can be said. A frame comes back for the caller to mask.
    pub(super) fn rewrite(&mut self, value: Value) -> Option<Frame> {
        let seen = self.seen.as_mut()?;
        let old = std::mem::replace(&mut seen.value, value);
        let value = &seen.value;
        match seen.name.as_str() {
            "ping" => Some(Frame::new(Opcode::PING, text(&value["payload"]))),
            "pong" => Some(Frame::new(Opcode::PONG, text(&value["payload"]))),
            "close" => Some(Frame::close(close(value).as_ref())),
            "malformed" | "binary" => None,
            _ => match self.actions.first_mut() {
                Some(Action::Open { request, .. }) => {
                    rewrite_request(request, &old, value);
                    None
                }
                Some(Action::Respond { response, .. }) => {
                    rewrite_response(response, &old, value);
                    None
                }
                _ => Some(Frame::text(value.to_string())),
            },
        }
    }
}

fn text(value: &Value) -> String {
    crate::pack::template::as_text(value)
}

fn close(value: &Value) -> Option<Close> {
    let code = value["code"].as_u64().and_then(|code| u16::try_from(code).ok())?;
    Some(Close { code, reason: value["reason"].as_str().unwrap_or_default().to_owned() })
}

fn rewrite_request(request: &mut Request, old: &Value, new: &Value) {
    rewrite_headers(&mut request.headers, old, new);
    if let Some(method) = new["method"].as_str() {
        method.clone_into(&mut request.method);
    }
    if new["target"] != old["target"] {
        request.target = text(&new["target"]);
    } else if new["path"] != old["path"] || new["query"] != old["query"] {
        let query = new["query"].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value)));
        request.target = with_query(text(&new["path"]), query);
    }
}

fn rewrite_response(response: &mut Response, old: &Value, new: &Value) {
    rewrite_headers(&mut response.headers, old, new);
    if let Some(status) = new["status"].as_u64().and_then(|status| u16::try_from(status).ok())
        && status != response.status
    {
        response.status = status;
        response.reason = Response::new(status).reason;
    }
    if new["body"] != old["body"] {
        response.body = Bytes(text(&new["body"]).into_bytes());
    }
}

fn rewrite_headers(headers: &mut Vec<(String, String)>, old: &Value, new: &Value) {
    let new = &new["headers"];
    headers.retain(|(name, _)| new.get(name.to_ascii_lowercase()).is_some());
    // Names in a pack may be in any case; those of an observation are in lower case.
    for (name, value) in new.as_object().into_iter().flatten() {
        if old["headers"].get(name) != Some(value) {
            put(headers, name, text(value));
        }
    }
}
