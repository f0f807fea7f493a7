//! A small pack and a builder of transcripts, for tests.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Judgement, judge};
use crate::pack::{Layer, Pack, Schema, Settings};
use crate::plan::Case;
use crate::transcript::{Close, ConnectionId, Ending, Event, Frame, Mark, Opcode, Process, Request, Response, Role, Transcript, What};
use crate::verdict::{Finding, Outcome, Severity};

pub(super) use Role::{Client, Server};

/// The only requirement of [`outcome`].
pub(super) const RULE: &str = "demo-rule";

/// A conversation that is written down event by event.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) side: Role,
    pub(super) events: Vec<Event>,
    at: Duration,
}

impl Talk {
    /// A conversation in which this side is under test.
    pub(super) fn testing(side: Role) -> Self {
        Self { side, events: Vec::new(), at: Duration::ZERO }
    }

    /// A server under test, with connection 1 accepted at the beginning.
    pub(super) fn with_server() -> Self {
        Self::testing(Server).connect(1)
    }

    /// A client under test, with connection 1 accepted at the beginning.
    pub(super) fn with_client() -> Self {
        Self::testing(Client).connect(1)
    }

    /// From here on it is so many milliseconds since the beginning.
    pub(super) fn at(mut self, milliseconds: u64) -> Self {
        self.at = Duration::from_millis(milliseconds);
        self
    }

    pub(super) fn add(mut self, connection: ConnectionId, from: Role, what: What) -> Self {
        self.events.push(Event { at: self.at, connection, from, what });
        self
    }

    pub(super) fn open(self, connection: ConnectionId) -> Self {
        self.open_in(connection, "main")
    }

    pub(super) fn open_in(self, connection: ConnectionId, session: &str) -> Self {
        let upgrade = Request::upgrade("localhost", "/ws", "a2V5");
        self.add(connection, Client, What::Opened { session: session.to_owned() }).add(connection, Client, What::Request(upgrade))
    }

    pub(super) fn answer(self, connection: ConnectionId, status: u16) -> Self {
        self.add(connection, Server, What::Response(Response::new(status)))
    }

    pub(super) fn connect(self, connection: ConnectionId) -> Self {
        self.open(connection).answer(connection, 101)
    }

    pub(super) fn frame(self, connection: ConnectionId, from: Role, frame: Frame) -> Self {
        self.add(connection, from, What::Frame(frame.masked_for(from, [1, 2, 3, 4])))
    }

    pub(super) fn text(self, connection: ConnectionId, from: Role, text: &str) -> Self {
        self.frame(connection, from, Frame::text(text))
    }

    pub(super) fn client(self, connection: ConnectionId, value: &Value) -> Self {
        self.text(connection, Client, &value.to_string())
    }

    pub(super) fn server(self, connection: ConnectionId, value: &Value) -> Self {
        self.text(connection, Server, &value.to_string())
    }

    pub(super) fn ask(self, id: u64) -> Self {
        self.client(1, &json!({"type": "ask", "id": id}))
    }

    pub(super) fn reply(self, id: u64) -> Self {
        self.server(1, &json!({"type": "reply", "id": id}))
    }

    pub(super) fn tick(self, seq: u64) -> Self {
        self.server(1, &json!({"type": "tick", "seq": seq}))
    }

    pub(super) fn ping(self, from: Role) -> Self {
        self.frame(1, from, Frame::new(Opcode::PING, "p"))
    }

    pub(super) fn close(self, from: Role, code: u16) -> Self {
        self.frame(1, from, Frame::close(Some(&Close::code(code))))
    }

    pub(super) fn end(self, from: Role) -> Self {
        self.end_of(1, from)
    }

    pub(super) fn end_of(self, connection: ConnectionId, from: Role) -> Self {
        self.add(connection, from, What::Ended(Ending::Finished))
    }

    pub(super) fn mark(self, mark: Mark) -> Self {
        let harness = self.side.other();
        self.add(0, harness, What::Mark(mark))
    }

    pub(super) fn step(self, step: usize) -> Self {
        self.mark(Mark::Step(step))
    }

    pub(super) fn late(self, milliseconds: u64) -> Self {
        self.mark(Mark::Late { milliseconds })
    }

    pub(super) fn exit(self, code: i32, stderr: &str) -> Self {
        let side = self.side;
        let process = Process { code: Some(code), signal: None, killed: false, stderr: vec![stderr.to_owned()] };
        self.add(0, side, What::Exited(process))
    }

    /// The script reached its end.
    pub(super) fn finish(self) -> Self {
        self.mark(Mark::Finished)
    }

    pub(super) fn transcript(&self) -> Transcript {
        Transcript { events: self.events.clone() }
    }

    /// What a pack with these requirements says of it.
    pub(super) fn judged_by(&self, requirements: &Value) -> Judgement {
        let pack = pack(self.side, requirements);
        judge(&pack, &Settings::embedded(&pack.manifest), None, self.side, &self.transcript())
    }

    /// What a pack says of it as a run of a case with these steps. Requirements without a side are the side's under test.
    pub(super) fn judged_as(&self, requirements: &Value, covers: &[&str], steps: &Value) -> Judgement {
        let pack = pack(self.side, requirements);
        let case = case(self.side, covers, steps);
        judge(&pack, &Settings::embedded(&pack.manifest), Some(&case), self.side, &self.transcript())
    }

    /// What this rule alone says of it.
    pub(super) fn judged(&self, rule: &Value) -> Judgement {
        self.judged_by(&json!([{"id": RULE, "rule": rule}]))
    }
}

/// A rule, and conversations with what it says of them.
#[track_caller]
pub(super) fn check_rule(rule: &Value, talks: &[(&str, Talk, Outcome)]) {
    for (what, talk, expected) in talks {
        let judgement = talk.judged(rule);
        assert_eq!(judgement.outcomes[RULE], *expected, "{what}: {rule} says {:?}", judgement.findings);
        let is_told = judgement.findings.iter().any(|finding| finding.severity == Severity::Fail);
        assert_eq!(is_told, *expected == Outcome::Violated, "{what}: {:?}", judgement.findings);
    }
}

/// The only finding.
#[track_caller]
pub(super) fn only(judgement: &Judgement) -> &Finding {
    assert_eq!(judgement.findings.len(), 1, "{:?}", judgement.findings);
    &judgement.findings[0]
}

pub(super) fn case(side: Role, covers: &[&str], steps: &Value) -> Case {
    Case {
        id: "demo/case".to_owned(),
        title: "A case".to_owned(),
        protocol: "demo".to_owned(),
        group: "protocol".to_owned(),
        scenario: "case".to_owned(),
        origin: None,
        side,
        covers: covers.iter().map(|id| (*id).to_owned()).collect(),
        blames: Vec::new(),
        twin: None,
        skipped: None,
        lacks: Vec::new(),
        exclusive: false,
        steps: serde_json::from_value(steps.clone()).unwrap(),
        longest_wait: Duration::ZERO,
        deadline: Duration::from_secs(60),
    }
}

/// The demo protocol with these requirements, each given as `{id, …}` over what is usual.
pub(super) fn pack(side: Role, requirements: &Value) -> Pack {
    let requirements = requirements.as_array().unwrap().iter().map(|own| {
        let mut whole = json!({
            "level": "must", "side": side, "text": "Something holds.", "source": {"document": "page", "section": "One"},
        });
        whole.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    });
    let idle = json!({"start": "on", "states": {"on": {}}});
    Pack {
        layers: vec![Layer {
            group: "protocol".to_owned(),
            requirements: requirements.collect(),
            server: IndexMap::new(),
            client: IndexMap::new(),
            faults: crate::pack::fault::Faults::default(),
            origins: IndexMap::new(),
        }],
        machines: serde_json::from_value(json!({"server": idle, "client": idle})).unwrap(),
        schemas: schemas(),
        manifest: serde_json::from_value(manifest()).unwrap(),
    }
}

fn manifest() -> Value {
    let kind = |from: Role, name: &str| {
        let example = json!({ "type": name });
        json!({"from": from, "match": example, "schema": "s", "what": "A frame.", "examples": [example], "invalid": []})
    };
    json!({
        "id": "demo", "title": "Demo", "version": "1",
        "documents": {"page": {"title": "The page"}},
        "endpoint": {"path": "/ws"},
        "discriminator": ["type"],
        "frames": {
            "hello": kind(Client, "hello"),
            "ask": kind(Client, "ask"),
            "reply": kind(Server, "reply"),
            "tick": kind(Server, "tick"),
            "bye": kind(Server, "bye"),
        },
        "parameters": {
            "reply_time": {"value": "5s", "what": "How long a reply may take."},
            "beat": {"value": "10s", "pass": ["9s", "11s"], "warn": ["8s", "12s"], "what": "How often it beats."},
            "limit": {"value": 3, "what": "How many."},
        },
        "credentials": {
            "token": {"what": "A token.", "value": "swordfish"},
            "user": {"what": "A name.", "value": "anna", "public": true},
        },
    })
}

fn schemas() -> IndexMap<String, Schema> {
    let with = |name: &str, schema: Value| (name.to_owned(), Schema::compile(&schema, &[]).unwrap());
    let person = json!({"type": "object", "properties": {"age": {"type": "integer"}}});
    IndexMap::from([
        with("hello", json!({"required": ["name"], "properties": {"name": {"type": "string"}}})),
        with("ask", json!({"required": ["id"]})),
        with("reply", json!({"properties": {"id": {"type": "integer"}, "people": {"items": person}}})),
        with("tick", json!({"properties": {"seq": {"type": "integer"}}})),
        with("bye", json!({})),
    ])
}
