//! What reference machines do: one test for each action, and for what RFC 6455 adds.

use std::time::Duration;

use serde_json::{Value, json};

use super::pair::Pair;
use super::{demo, with_machine};
use crate::pack::Observation;
use crate::peer::{Action, Genesis, Input, Machine, Peer};
use crate::transcript::{Close, Ending, Event, Frame, Mark, Opcode, Request, Role, What};

const SECOND: Duration = Duration::from_secs(1);

/// The story of the demo client and this server, or of this client and the demo server, in ten seconds.
#[track_caller]
fn check(side: Role, machine: &Value, expected: &[&str]) {
    let (pack, settings) = with_machine(side, machine.clone());
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let client = Machine::new(pack.clone(), settings, Role::Client);
    let pair = Pair::new(server, client).stimulate(side, SECOND, "ask").run(SECOND * 10);
    assert_eq!(pair.marks(), Vec::<&Mark>::new());
    assert_eq!(pair.story(&pack), expected);
}

/// A server with these reactions in its one state.
fn server(reactions: &Value) -> Value {
    json!({"start": "only", "states": {"only": {"on": reactions}}, "timers": {
        "once": {"after": "1s", "do": [{"ping": {"text": "once"}}]},
        "often": {"every": "1s", "do": [{"ping": {"text": "often"}}]}
    }})
}

const HELLO: [&str; 3] = ["client upgrade", "server accept", "client hello"];

#[track_caller]
fn check_hello(actions: &Value, expected: &[&str]) {
    let machine = server(&json!([{"on": {"is": "hello"}, "do": actions}]));
    check(Role::Server, &machine, &[&HELLO[..], expected].concat());
}

#[test]
fn the_reference_peers_of_the_demo_pack_talk_to_each_other() {
    let (pack, settings) = demo();
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let client = Machine::new(pack.clone(), settings, Role::Client);
    let pair = Pair::new(server, client).stimulate(Role::Client, SECOND, "ask").run(SECOND * 61);
    let expected = ["server welcome", "client call", "server result", "server ping", "client pong", "server ping", "client pong"];
    assert_eq!(pair.story(&pack), [&HELLO[..], &expected].concat());
}

#[test]
fn the_same_beginning_gives_the_same_conversation_and_another_seed_another() {
    let (pack, settings) = demo();
    let run = |seed| {
        let genesis = Genesis { seed, ..Genesis::default() };
        let server = Machine::new(pack.clone(), settings.clone(), Role::Server).beginning(genesis);
        let client = Machine::new(pack.clone(), settings.clone(), Role::Client).beginning(genesis);
        Pair::new(server, client).run(SECOND).transcript.to_json_lines()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn it_sends_frames_messages_and_pings() {
    let actions = json!([{"send": {"frame": "event"}}, {"message": {"text": "x", "fragments": [1]}}, {"ping": {}}]);
    check_hello(&actions, &["server event", "server fragmented", "server malformed", "server ping", "client pong"]);
}

#[test]
fn it_closes_ends_and_resets() {
    let closed = ["server close 1008", "client close 1008", "server end", "client end"];
    check_hello(&json!([{"close": {"code": 1008}}, {"send": {"frame": "event"}}, {"ping": {}}]), &closed);
    check_hello(&json!([{"end": {}}, {"send": {"frame": "event"}}]), &["server end", "client end"]);
    check_hello(&json!([{"reset": {}}]), &["server end", "client end"]);
}

#[test]
fn it_answers_upgrades_as_its_connecting_reactions_say() {
    let refusing = json!({"start": "only", "states": {"only": {}}, "connecting": [
        {"on": {"is": "upgrade"}, "if": {"frame": {"query": {"token": {"$present": true}}}}, "do": [{"accept": {"headers": {"X": "1"}}}]},
        {"on": {"is": "upgrade"}, "do": [{"respond": {"status": 401, "body": {"why": "${frame.path}"}}}]}
    ]});
    check(Role::Server, &refusing, &["client upgrade", "server refuse 401", "server end", "client end"]);
    let asking = json!({"start": "only", "states": {"only": {}}, "begin": [{"open": {"path": "/elsewhere"}}]});
    check(Role::Client, &asking, &["client upgrade", "server refuse 404", "server end", "client end"]);
    let plain = json!({"start": "only", "states": {"only": {}}, "begin": [{"open": {"upgrade": false}}]});
    check(Role::Client, &plain, &["client request", "server response 404", "server end", "client end"]);
}

#[test]
fn it_goes_from_state_to_state_and_acts_on_entering() {
    let machine = json!({"start": "a", "states": {
        "a": {"enter": [{"go": "b"}]},
        "b": {"enter": [{"send": {"frame": "event"}}], "on": [{"on": {"is": "message"}, "do": []}]}
    }, "always": [{"on": {"is": "hello"}, "do": [{"close": {}}]}]});
    check(Role::Server, &machine, &["client upgrade", "server accept", "server event", "client hello"]);
}

#[test]
fn it_remembers_for_a_connection_and_shares_with_all() {
    let actions = json!([
        {"remember": {"${frame.name}": "${frame.token}", "list": [1, "${connection}"]}},
        {"share": {"s:${frame.name}": "${var.ann}"}},
        {"message": {"json": ["${var.ann}", "${var.list.1}", "${shared.s:${frame.name}}", "${var.none}"]}},
        {"when": {"if": {"shared": {"s:${frame.name}": {"$present": true}}, "var": {"ann": "${frame.token}"}}, "do": [{"ping": {}}]}},
        {"forget": ["s:${frame.name}"]},
        {"when": {"if": {"shared": {"s:ann": {"$present": true}}}, "do": [{"close": {}}], "otherwise": [{"send": {"frame": "event"}}]}}
    ]);
    check_hello(&actions, &["server malformed", "server ping", "server event", "client pong"]);
}

#[test]
fn it_counts_for_a_connection_and_for_all() {
    let actions = json!([
        {"when": {"if": {"count": {"a": 0}, "total": {"b": 0}}, "do": [{"send": {"frame": "event"}}]}},
        {"count": "a"}, {"count": "a"}, {"total": "b"},
        {"when": {"if": {"$all": [{"count": {"a": 2}}, {"total": {"b": 1}}]}, "do": [{"send": {"frame": "welcome"}}]}},
        {"when": {"if": {"$any": [{"count": {"a": 3}}, {"credential": {"token": "${parameter.tick_interval}"}}]}, "do": [{"close": {}}]}}
    ]);
    check_hello(&actions, &["server event", "server welcome"]);
}

#[test]
fn timers_fire_once_or_often_and_stop() {
    let actions = json!([
        {"start": "once"}, {"start": "often"}, {"later": {"after": "2500ms", "do": [{"stop": "often"}, {"send": {"frame": "event"}}]}}
    ]);
    let pings = ["server ping", "server ping", "client pong", "client pong", "server ping", "client pong", "server event"];
    check_hello(&actions, &pings);
}

#[test]
fn timers_start_with_the_connection_and_start_anew_on_what_they_hear() {
    let machine = json!({"start": "a", "states": {"a": {}}, "timers": {
        "idle": {"after": "900ms", "running": true, "restart": [{"is": "message", "from": "client"}], "do": [{"close": {"code": 4000}}]}
    }});
    let (pack, settings) = with_machine(Role::Server, machine);
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let client = Machine::new(pack.clone(), settings, Role::Client);
    let late = Duration::from_millis(500);
    let pair = Pair::new(server, client).stimulate(Role::Client, late, "ask").run(SECOND * 10);
    let closed = pair.observations(&pack).into_iter().find(|observation| observation.name == "close").unwrap();
    assert_eq!(closed.at, late + Duration::from_millis(901));
}

#[test]
fn what_is_put_off_is_not_done_on_a_connection_that_is_gone() {
    let actions = json!([{"later": {"after": "2s", "do": [{"share": {"late": true}}, {"message": {"text": "late"}}]}}, {"end": {}}]);
    check_hello(&actions, &["server end", "client end"]);
}

#[test]
fn a_client_opens_again_after_a_while_and_leaves_in_the_end() {
    let machine = json!({
        "begin": [{"open": {}}], "start": "a", "states": {"a": {"enter": [{"reset": {}}]}},
        "always": [{"on": {"is": "end"}, "do": [
            {"total": "tries"},
            {"when": {"if": {"total": {"tries": {"$max": 1}}}, "do": [{"later": {"after": "1s", "do": [{"open": {"session": "second"}}]}}],
                "otherwise": [{"leave": {}}]}}
        ]}]
    });
    let (pack, settings) = with_machine(Role::Client, machine);
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let pair = Pair::new(server, Machine::new(pack.clone(), settings, Role::Client)).run(SECOND * 10);
    let once = ["client upgrade", "server accept", "client end", "server end"];
    assert_eq!(pair.story(&pack), [once, once].concat());
    assert!(pair.has_stopped(Role::Client));
}

#[test]
fn a_stimulus_acts_on_the_newest_connection_and_an_unknown_one_does_nothing() {
    let machine = json!({
        "begin": [{"open": {}}, {"open": {}}], "start": "a", "states": {"a": {}},
        "stimuli": {"ask": [{"message": {"json": "${connection}"}}], "dial": [{"open": {}}]}
    });
    let (pack, settings) = with_machine(Role::Client, machine);
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let client = Machine::new(pack.clone(), settings, Role::Client);
    let pair = Pair::new(server, client).stimulate(Role::Client, SECOND, "ask").stimulate(Role::Client, SECOND, "no such").run(SECOND * 2);
    let spoken: Vec<_> = pair.observations(&pack).into_iter().filter(Observation::is_message).collect();
    assert_eq!(spoken.iter().map(|said| (said.connection, said.value["json"].clone())).collect::<Vec<_>>(), [(2, json!(2))]);
}

#[test]
fn a_stimulus_that_comes_before_the_101_waits_for_it() {
    let stimuli = json!({"ask": [{"message": {"text": "asked"}}]});
    let machine = json!({"begin": [{"open": {}}], "start": "a", "states": {"a": {}}, "stimuli": stimuli});
    let (pack, settings) = with_machine(Role::Client, machine);
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let client = Machine::new(pack.clone(), settings, Role::Client);
    let pair = Pair::new(server, client).stimulate(Role::Client, Duration::ZERO, "ask").run(SECOND);
    assert_eq!(pair.story(&pack)[..3], ["client upgrade", "server accept", "client malformed"]);
}

#[test]
fn a_frame_goes_to_all_others_or_to_a_connection_by_number() {
    let (pack, settings) = with_machine(
        Role::Server,
        server(&json!([
            {"on": {"is": "hello"}, "do": [{"share": {"owner": "${connection}"}}]},
            {"on": {"is": "call"}, "do": [
                {"send": {"frame": "event", "connection": "others"}},
                {"send": {"frame": "result", "connection": "${shared.owner}", "set": {"value": {"from": "${connection}"}}}}
            ]}
        ])),
    );
    let mut server = Machine::new(pack, settings, Role::Server);
    for connection in 1..=3 {
        hear(&mut server, connection, What::Request(Request::upgrade("h", "/ws", "dGhlIHNhbXBsZSBub25jZQ==")));
    }
    hear(&mut server, 2, text(r#"{"type":"hello"}"#));
    let said = hear(&mut server, 1, text(r#"{"type":"call"}"#));
    let targets = said.iter().map(|action| match action {
        Action::Send { connection, frame } => (*connection, frame.payload.text().unwrap().contains("\"from\":1")),
        other => panic!("{other:?}"),
    });
    assert_eq!(targets.collect::<Vec<_>>(), [(2, false), (3, false), (2, true)]);
}

#[test]
fn a_reference_peer_does_what_rfc_6455_asks() {
    let (pack, settings) = demo();
    let mut server = Machine::new(pack, settings, Role::Server);
    let statuses: Vec<_> = [("GET", "/ws", "k"), ("POST", "/ws", ""), ("GET", "/other", "")]
        .iter()
        .zip(1..)
        .map(|((method, path, key), connection)| {
            let key = if key.is_empty() { "dGhlIHNhbXBsZSBub25jZQ==" } else { key };
            let request = Request { method: (*method).to_owned(), ..Request::upgrade("h", path, key) };
            match hear(&mut server, connection, What::Request(request)).as_slice() {
                [Action::Respond { response, .. }] => response.status,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(statuses, [400, 405, 404]);
    hear(&mut server, 4, What::Request(Request::upgrade("h", "/ws", "dGhlIHNhbXBsZSBub25jZQ==")));
    let ping = hear(&mut server, 4, What::Frame(Frame::new(Opcode::PING, "p").masked([1; 4])));
    assert_eq!(ping, [Action::Send { connection: 4, frame: Frame::new(Opcode::PONG, "p") }]);
    let unmasked = hear(&mut server, 4, text_unmasked(r#"{"type":"hello","token":"demo-token"}"#));
    assert_eq!(unmasked[0], Action::Send { connection: 4, frame: Frame::close(Some(&Close::code(1002))) });
    let Some(Action::Wake { at, token }) = unmasked.get(1).cloned() else { panic!("{unmasked:?}") };
    assert_eq!(unmasked.len(), 2, "a message that breaks the rules is not answered");
    assert_eq!(server.step(at, Input::Wake(token)), [Action::End(4)], "a client that does not answer is left");
}

#[test]
fn a_message_above_the_limit_is_closed_with_1009() {
    let (pack, settings) = demo();
    let mut server = Machine::new(pack, settings, Role::Server);
    hear(&mut server, 1, What::Request(Request::upgrade("h", "/ws", "dGhlIHNhbXBsZSBub25jZQ==")));
    let long = hear(&mut server, 1, text(&"x".repeat(65_537)));
    assert_eq!(long[0], Action::Send { connection: 1, frame: Frame::close(Some(&Close::code(1009))) });
}

#[test]
fn a_client_does_not_take_a_101_that_is_not_for_its_key() {
    let (pack, settings) = demo();
    let mut client = Machine::new(pack, settings, Role::Client);
    assert!(matches!(client.step(Duration::ZERO, Input::Start)[..], [Action::Open { connection: 1, .. }]));
    let other = crate::transcript::Response::switching(&Request::upgrade("", "/", "other"));
    assert_eq!(hear_from_server(&mut client, 1, What::Response(other)), [Action::End(1)]);
}

#[test]
fn a_client_that_cannot_connect_may_try_again_or_leave() {
    let (pack, settings) = demo();
    let mut client = Machine::new(pack, settings, Role::Client);
    client.step(Duration::ZERO, Input::Start);
    let unreachable = What::Ended(Ending::Unreachable("refused".to_owned()));
    assert_eq!(hear_from_server(&mut client, 1, unreachable), [Action::End(1), Action::Stop]);
    assert_eq!(client.step(SECOND, Input::Stimulus("ask")), []);
}

#[test]
fn a_machine_that_goes_in_circles_says_so_and_stops() {
    let machine = json!({"start": "a", "states": {"a": {"enter": [{"go": "b"}]}, "b": {"enter": [{"go": "a"}]}}});
    let (pack, settings) = with_machine(Role::Server, machine);
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let pair = Pair::new(server, Machine::new(pack, settings, Role::Client)).run(SECOND);
    assert!(matches!(pair.marks()[..], [Mark::Failed(problem)] if problem.contains("circles")), "{:?}", pair.marks());
}

#[test]
fn what_the_other_side_left_out_is_null_and_what_the_pack_left_out_is_an_error() {
    let reactions = json!([{"on": {"is": "hello"}, "do": [
        {"message": {"json": "${frame.none.deeper}"}}, {"message": {"json": "${parameter.none}"}}, {"ping": {}}
    ]}]);
    let (pack, settings) = with_machine(Role::Server, server(&reactions));
    let server = Machine::new(pack.clone(), settings.clone(), Role::Server);
    let pair = Pair::new(server, Machine::new(pack.clone(), settings, Role::Client)).run(SECOND);
    assert_eq!(pair.story(&pack)[3..], ["server malformed", "server ping", "client pong"]);
    assert!(matches!(pair.marks()[..], [Mark::Failed(problem)] if problem.contains("parameter.none")), "{:?}", pair.marks());
}

fn text(text: &str) -> What {
    What::Frame(Frame::text(text).masked([1, 2, 3, 4]))
}

fn text_unmasked(text: &str) -> What {
    What::Frame(Frame::text(text))
}

fn hear(machine: &mut Machine, connection: u32, what: What) -> Vec<Action> {
    machine.step(SECOND, Input::Event(&Event { at: SECOND, connection, from: Role::Client, what }))
}

fn hear_from_server(machine: &mut Machine, connection: u32, what: What) -> Vec<Action> {
    machine.step(SECOND, Input::Event(&Event { at: SECOND, connection, from: Role::Server, what }))
}
