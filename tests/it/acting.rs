//! Peers for tests: a closure that acts, and the shortest ways to say what it does and what was seen.

use std::time::Duration;

use framegate::peer::{Action, Input, Peer};
use framegate::transcript::{Close, ConnectionId, Ending, Event, Frame, Opcode, Request, Response, Role, Transcript, What};

/// A peer that is one closure.
pub(crate) struct Acting<F>(pub(crate) F);

impl<F: FnMut(Duration, Input<'_>) -> Vec<Action> + Send> Peer for Acting<F> {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        self.0(now, input)
    }
}

/// A client that dials once and then reacts to what the server does on its connection.
pub(crate) fn client(mut react: impl FnMut(Duration, &What) -> Vec<Action> + Send) -> impl Peer {
    Acting(move |now, input: Input<'_>| match input {
        Input::Start => vec![open(1)],
        Input::Event(event) => react(now, &event.what),
        Input::Wake(_) => vec![Action::Stop],
        Input::Stimulus(_) => vec![],
    })
}

/// A server that accepts every upgrade, echoes text, and answers a close with a close and the end of the stream.
pub(crate) fn echo_server() -> impl Peer {
    Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(request), .. }) => accept(*connection, request),
        Input::Event(Event { connection, what: What::Frame(frame), .. }) if frame.opcode == Opcode::CLOSE => {
            vec![send(*connection, Frame::new(Opcode::CLOSE, frame.payload.0.clone())), Action::End(*connection)]
        }
        Input::Event(Event { connection, what: What::Frame(frame), .. }) => vec![send(*connection, Frame { mask: None, ..frame.clone() })],
        _ => vec![],
    })
}

pub(crate) fn open(connection: ConnectionId) -> Action {
    let request = Request::upgrade("", "/", "dGhlIHNhbXBsZSBub25jZQ==");
    Action::Open { connection, session: "main".to_owned(), request }
}

pub(crate) fn accept(connection: ConnectionId, request: &Request) -> Vec<Action> {
    vec![Action::Respond { connection, response: Response::switching(request) }]
}

pub(crate) fn send(connection: ConnectionId, frame: Frame) -> Action {
    Action::Send { connection, frame }
}

pub(crate) fn text(connection: ConnectionId, text: &str) -> Action {
    send(connection, Frame::text(text).masked([1, 2, 3, 4]))
}

pub(crate) fn close(connection: ConnectionId) -> Action {
    send(connection, Frame::close(Some(&Close::code(1000))).masked([1, 2, 3, 4]))
}

pub(crate) fn wake(at: Duration) -> Action {
    Action::Wake { at, token: 0 }
}

/// One short word an event, such as `server:text(hello)`: what a test compares.
pub(crate) fn story(transcript: &Transcript) -> Vec<String> {
    transcript.events.iter().map(|event| format!("{}:{}", event.from, word(&event.what))).collect()
}

fn word(what: &What) -> String {
    match what {
        What::Opened { .. } => "opened".to_owned(),
        What::Request(request) => format!("request({})", request.target),
        What::Response(response) => format!("response({})", response.status),
        What::Frame(frame) => format!("{}({})", frame.opcode.name(), frame.payload.text().unwrap_or("…")),
        What::Garbage { .. } => "garbage".to_owned(),
        What::Ended(Ending::Finished) => "finished".to_owned(),
        What::Ended(Ending::Reset) => "reset".to_owned(),
        What::Ended(Ending::Unreachable(_)) => "unreachable".to_owned(),
        What::Ended(Ending::Tls(_)) => "tls".to_owned(),
        What::Ended(Ending::Overflow(_)) => "overflow".to_owned(),
        What::Exited(_) => "exited".to_owned(),
        What::Mark(mark) => format!("{mark:?}"),
    }
}

/// What the target did, without what the harness did.
pub(crate) fn story_of(from: Role, transcript: &Transcript) -> Vec<String> {
    let events = transcript.events.iter().filter(|event| event.from == from).cloned().collect();
    story(&Transcript { events })
}
