//! No peer panics, and none runs away, whatever it is told.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::demo;
use crate::pack::fault::Change;
use crate::peer::{Action, Input, Machine, Null, Peer, Script, faulty};
use crate::transcript::{Bytes, Ending, Event, Frame, Opcode, Process, Request, Response, Role, What, Width};

#[derive(Clone, Debug)]
enum Told {
    Happened(u32, What),
    Woken(u64),
    Stimulated(&'static str),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"type":"hello","name":"ann","token":"demo-token"}"#.to_owned()),
        Just(r#"{"type":"hello","token":"wrong"}"#.to_owned()),
        Just(r#"{"type":"call","id":"1","method":"echo","params":{"a":[1]}}"#.to_owned()),
        Just(r#"{"type":"call","method":"watch"}"#.to_owned()),
        Just(r#"{"type":"welcome"}"#.to_owned()),
        Just(r#"{"type":"res","ok":true,"id":7}"#.to_owned()),
        ".{0,20}",
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    let payload = prop_oneof![text().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..200)];
    let sizes = prop_oneof![4 => Just(None), 1 => any::<u64>().prop_map(Some)];
    (0_u8..16, prop::bool::weighted(0.8), 0_u8..2, payload, any::<bool>(), sizes).prop_map(
        |(opcode, fin, rsv, payload, is_masked, size)| {
            let frame = Frame { fin, rsv, ..Frame::new(Opcode(opcode), payload) };
            let length = size.unwrap_or(frame.length);
            Frame { mask: is_masked.then_some([1, 2, 3, 4]), length, width: Width::minimal(length), ..frame }
        },
    )
}

fn told() -> impl Strategy<Value = Told> {
    let target = prop_oneof![Just("/ws"), Just("/other?x=%zz"), Just("")];
    let key = prop_oneof![Just("dGhlIHNhbXBsZSBub25jZQ=="), Just("")];
    let what = prop_oneof![
        Just(What::Opened { session: "main".to_owned() }),
        (target, key).prop_map(|(target, key)| What::Request(Request::upgrade("h", target, key))),
        prop_oneof![Just(101), 100_u16..600].prop_map(|status| What::Response(Response::new(status))),
        frame().prop_map(What::Frame),
        Just(What::Garbage { bytes: Bytes(vec![0xFF]), problem: "no HTTP".to_owned() }),
        prop_oneof![Just(Ending::Finished), Just(Ending::Reset), Just(Ending::Unreachable(String::new()))].prop_map(What::Ended),
        Just(What::Exited(Process { code: None, signal: Some(9), killed: false, stderr: Vec::new() })),
    ];
    prop_oneof![
        6 => (0_u32..4, what).prop_map(|(connection, what)| Told::Happened(connection, what)),
        2 => prop_oneof![0_u64..40, Just(u64::MAX)].prop_map(Told::Woken),
        1 => prop_oneof![Just("ask"), Just("none")].prop_map(Told::Stimulated),
    ]
}

fn script(side: Role) -> Script {
    let (pack, settings) = demo();
    let steps = match side {
        Role::Client => json!([
            {"open": {}}, {"expect": {"is": "accept", "optional": true}}, {"send": {"frame": "hello", "as": "h"}},
            {"play": {"state": "ready", "for": "1s"}}, {"expect": {"is": "message", "next": true, "optional": true, "as": "m"}},
            {"frame": {"opcode": 9, "text": "${saved.m.id}"}}, {"close": {}}, {"expect": {"is": ["close", "end"]}}
        ]),
        Role::Server => json!([
            {"expect": {"is": "request", "connection": "plain", "optional": true, "within": "1s"}}, {"accept": {}},
            {"expect": {"is": "hello", "optional": true}}, {"play": {"state": "greeting", "for": "1s", "until": {"is": "call"}}},
            {"refuse": {"connection": "two", "status": 401}}, {"reset": {}}
        ]),
    };
    Script::new(pack, settings, side, serde_json::from_value(steps).unwrap())
}

fn peers(side: Role) -> Vec<Box<dyn Peer>> {
    let (pack, settings) = demo();
    let changes: Vec<Change> = serde_json::from_value(json!([
        {"swap": {"is": "result"}}, {"delay": {"of": {"is": "message", "nth": 2}, "by": "3s"}}, {"repeat": {"is": "message"}},
        {"leak": {"is": "welcome"}}, {"fragment": {"of": {"is": "message"}, "size": 3}}, {"unset": {"of": {"is": "message"}, "at": "/id"}},
        {"replace": {"of": {"is": ["accept", "upgrade"], "nth": 2}, "with": {"text": "x"}}}, {"close_after": {"of": {"is": "pong"}, "code": 0}}
    ]))
    .unwrap();
    let mut peers: Vec<Box<dyn Peer>> = vec![
        Box::new(Machine::new(pack.clone(), settings.clone(), side)),
        Box::new(script(side)),
        faulty(pack.clone(), settings.clone(), side, &changes).0,
    ];
    peers.extend(Null::ALL.map(|null| null.peer(pack.clone(), settings.clone(), side)));
    peers
}

proptest! {
    #[test]
    fn peers_take_anything_in_any_order(is_server in any::<bool>(), all in prop::collection::vec(told(), 1..60)) {
        let side = if is_server { Role::Server } else { Role::Client };
        for peer in &mut peers(side) {
            let mut actions = peer.step(Duration::ZERO, Input::Start).len();
            for (told, seconds) in all.iter().zip(0..) {
                let at = Duration::from_secs(seconds);
                let done = match told {
                    Told::Happened(connection, what) => {
                        peer.step(at, Input::Event(&Event { at, connection: *connection, from: side.other(), what: what.clone() }))
                    }
                    Told::Woken(token) => peer.step(at, Input::Wake(*token)),
                    Told::Stimulated(name) => peer.step(at, Input::Stimulus(name)),
                };
                let failed = done.iter().find(|action| matches!(action, Action::Mark(crate::transcript::Mark::Failed(_))));
                prop_assert_eq!(failed, None);
                actions += done.len();
            }
            prop_assert!(actions < 3000, "{} actions", actions);
        }
    }
}
