//! What scripts do: against the reference peers, and against events given by hand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::pair::Pair;
use super::{demo, with_machine};
use crate::pack::scenario::Step;
use crate::pack::{Pack, Settings};
use crate::peer::{Action, Input, Machine, Peer, Script};
use crate::transcript::{Close, Ending, Event, Frame, Mark, Opcode, Process, Request, Response, Role, What};

const SECOND: Duration = Duration::from_secs(1);
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn steps(steps: &Value) -> Vec<Step> {
    serde_json::from_value(steps.clone()).unwrap()
}

fn script(side: Role, list: &Value) -> Script {
    let (pack, settings) = demo();
    Script::new(pack, settings, side, steps(list))
}

/// The harness as a client against the demo server, or as a server against the demo client.
fn play(side: Role, list: &Value) -> (Pair, Arc<Pack>) {
    let (pack, settings) = demo();
    play_with(&pack, &settings, side, list)
}

fn play_with(pack: &Arc<Pack>, settings: &Arc<Settings>, side: Role, list: &Value) -> (Pair, Arc<Pack>) {
    let target = Machine::new(pack.clone(), settings.clone(), side.other());
    let harness = Script::new(pack.clone(), settings.clone(), side, steps(list));
    let pair = if side == Role::Client { Pair::new(target, harness) } else { Pair::new(harness, target) };
    let pair = pair.run(SECOND * 600);
    assert!(pair.has_stopped(side), "a script always stops");
    (pair, pack.clone())
}

/// The last mark, and when it was made.
fn end(pair: &Pair) -> (Mark, Duration) {
    let events = pair.transcript.events.iter().rev();
    let mut marks = events.filter_map(|event| if let What::Mark(mark) = &event.what { Some((mark.clone(), event.at)) } else { None });
    marks.next().unwrap()
}

#[track_caller]
fn check(side: Role, list: &Value, expected: &Mark, seconds: u64) {
    let (pair, pack) = play(side, list);
    let (mark, at) = end(&pair);
    assert_eq!((&mark, at.as_secs()), (expected, seconds), "{:#?}", pair.story(&pack));
}

const HELLO: &str = r#"{"send": {"frame": "hello", "set": {"token": "${credential.token}"}}}"#;

fn connected(more: &Value) -> Value {
    let mut list = vec![json!({"open": {}}), json!({"expect": {"is": "accept"}}), serde_json::from_str(HELLO).unwrap()];
    list.push(json!({"expect": {"is": "welcome", "as": "welcome"}}));
    list.extend(more.as_array().unwrap().iter().cloned());
    Value::Array(list)
}

#[test]
fn a_script_plays_a_conversation_marks_its_steps_and_says_goodbye() {
    let list = connected(&json!([
        {"send": {"frame": "call", "set": {"id": "${uuid}"}, "as": "asked"}},
        {"expect": {"is": "result", "match": {"id": "${saved.asked.id}"}}}
    ]));
    let (pair, pack) = play(Role::Client, &list);
    let steps = (0..6).map(Mark::Step).chain([Mark::Finished]);
    assert!(pair.marks().into_iter().cloned().eq(steps), "{:?}", pair.marks());
    let story = pair.story(&pack);
    assert_eq!(story[..3], ["client upgrade", "server accept", "client hello"]);
    assert_eq!(
        story[3..],
        ["server welcome", "client call", "server result", "client close 1000", "client end", "server close 1000", "server end"]
    );
}

#[test]
fn a_wait_in_vain_stops_the_script_at_its_deadline_unless_it_is_optional() {
    check(Role::Client, &connected(&json!([{"expect": {"is": "event", "within": "3s"}}])), &Mark::Stopped(4), 3);
    check(Role::Client, &connected(&json!([{"expect": {"is": "event"}}])), &Mark::Stopped(4), 5);
    check(Role::Client, &connected(&json!([{"expect": {"is": "event", "within": "3s", "optional": true}}])), &Mark::Finished, 3);
}

#[test]
fn a_connection_that_is_over_ends_the_wait_at_once_unless_something_can_still_come() {
    let hello = json!({"send": {"frame": "hello", "set": {"token": "wrong"}}});
    let refused = |last: Value| json!([{"open": {}}, {"expect": {"is": "accept"}}, hello, last]);
    check(Role::Client, &refused(json!({"expect": {"is": "welcome"}})), &Mark::Stopped(3), 0);
    check(Role::Client, &refused(json!({"expect": {"is": ["welcome", "exit"]}})), &Mark::Stopped(3), 5);
    check(Role::Client, &refused(json!({"expect": {"is": "welcome", "connection": "any"}})), &Mark::Stopped(3), 5);
    check(Role::Client, &refused(json!({"expect": {"is": "close", "match": {"code": 1008}}})), &Mark::Finished, 0);
}

#[test]
fn alternatives_end_the_wait_and_one_that_means_fail_ends_the_script() {
    let list = |means: &str| {
        connected(&json!([
            {"send": {"frame": "call", "set": {"method": "none"}}},
            {"expect": {"is": "result", "or": [{"is": "error", "means": means, "because": "x"}], "as": "answer"}},
            {"send": {"frame": "call", "set": {"id": "${saved.answer.error.code}"}}}
        ]))
    };
    check(Role::Client, &list("pass"), &Mark::Finished, 0);
    check(Role::Client, &list("warn"), &Mark::Finished, 0);
    check(Role::Client, &list("fail"), &Mark::Stopped(5), 0);
}

#[test]
fn an_observation_is_taken_once_and_marks_hide_what_came_before() {
    let call = json!({"send": {"frame": "call"}});
    let twice = |more: Value| connected(&json!([call, call, {"wait": {"for": "1s"}}, {"mark": "here"}, {"expect": more}]));
    check(Role::Client, &twice(json!({"is": "result"})), &Mark::Finished, 1);
    check(Role::Client, &twice(json!({"is": "result", "since": "here", "within": "2s"})), &Mark::Stopped(8), 3);
    let thrice = json!([call, call, {"expect": {"is": "result"}}, {"expect": {"is": "result"}}, {"expect": {"is": "result"}}]);
    check(Role::Client, &connected(&thrice), &Mark::Stopped(8), 5);
}

#[test]
fn the_next_message_decides_where_the_step_says_so() {
    let list = |is: &str| connected(&json!([{"send": {"frame": "call"}}, {"expect": {"is": is, "next": true}}]));
    check(Role::Client, &list("result"), &Mark::Finished, 0);
    check(Role::Client, &list("error"), &Mark::Stopped(5), 0);
}

#[test]
fn a_wait_ends_early_where_it_says_so() {
    let list = connected(&json!([{"wait": {"for": "100s", "until": {"is": "ping"}}}]));
    check(Role::Client, &list, &Mark::Finished, 30);
    check(Role::Client, &connected(&json!([{"wait": {"for": "7s"}}])), &Mark::Finished, 7);
}

#[test]
fn duties_are_switched_by_policy() {
    let list = json!([{"policy": {"pong": false}}]);
    let whole = |first: &Value| {
        Value::Array(
            [first.as_array().unwrap().clone(), connected(&json!([{"wait": {"for": "31s"}}])).as_array().unwrap().clone()].concat(),
        )
    };
    let pongs = |list: &Value| {
        let (pair, pack) = play(Role::Client, list);
        pair.story(&pack).iter().filter(|told| *told == "client pong").count()
    };
    assert_eq!(pongs(&whole(&json!([]))), 1);
    assert_eq!(pongs(&whole(&list)), 0, "a policy may stand before its connection");
    let mut harness = script(Role::Client, &json!([{"open": {}}, {"policy": {"read": false, "close": false}}, {"wait": {"for": "1s"}}]));
    let begun = harness.step(Duration::ZERO, Input::Start);
    assert!(begun.contains(&Action::Read { connection: 1, on: false }));
    hear(&mut harness, 1, What::Response(Response::switching(&Request::upgrade("", "/", KEY))));
    assert_eq!(hear(&mut harness, 1, What::Frame(Frame::close(None))), []);
    assert_eq!(hear(&mut harness, 1, What::Ended(Ending::Finished)), []);
}

#[test]
fn a_script_sends_what_its_steps_say_even_after_a_close() {
    let list = connected(&json!([
        {"message": {"text": "x"}}, {"ping": {"text": "p"}}, {"pong": {}}, {"bytes": {"hex": "ff"}},
        {"frame": {"opcode": 1, "text": "late", "wrong_mask": true}}, {"close": {"code": 4000}}, {"frame": {"opcode": 1, "text": "late"}}, {"reset": {}}
    ]));
    let (pair, pack) = play(Role::Client, &list);
    let story = pair.story(&pack);
    let said: Vec<_> = story.iter().filter(|told| told.starts_with("client")).skip(2).map(|told| &told[7..]).collect();
    let late = ["violation \"after-close\"", "malformed", "end"];
    let expected = ["malformed", "ping", "pong", "garbage", "violation \"unmasked\"", "malformed", "close 4000"];
    assert_eq!(said, [&expected[..], &late].concat());
}

#[test]
fn a_missing_piece_of_what_the_target_said_stops_the_script_and_a_slip_of_the_pack_fails_it() {
    let missing = connected(&json!([{"send": {"frame": "call", "set": {"id": "${saved.welcome.none}"}}}]));
    check(Role::Client, &missing, &Mark::Stopped(4), 0);
    for slip in ["${saved.never.id}", "${nothing}"] {
        let (pair, _) = play(Role::Client, &connected(&json!([{"send": {"frame": "call", "set": {"id": slip}}}])));
        assert!(matches!(end(&pair).0, Mark::Failed(problem) if problem.contains(slip) && problem.contains("step 4")));
    }
    let (pair, _) = play(Role::Client, &json!([{"send": {"frame": "call", "connection": "other"}}]));
    assert!(matches!(end(&pair).0, Mark::Failed(problem) if problem.contains("`other`")));
}

#[test]
fn a_server_harness_accepts_stimulates_and_stops_when_nobody_dials() {
    let list = json!([
        {"accept": {}}, {"expect": {"is": "hello"}}, {"send": {"frame": "welcome"}}, {"wait": {"for": "1s"}},
        {"stimulus": "ask"}, {"expect": {"is": "call"}}
    ]);
    check(Role::Server, &list, &Mark::Finished, 1);
    check(Role::Server, &json!([{"accept": {}}, {"accept": {"connection": "second"}}]), &Mark::Stopped(1), 10);
    check(Role::Server, &json!([{"accept": {}}, {"accept": {"connection": "second", "within": "2s"}}]), &Mark::Stopped(1), 2);
    let refused = json!([{"refuse": {"status": 503}}, {"expect": {"is": "end"}}]);
    check(Role::Server, &refused, &Mark::Finished, 0);
}

#[test]
fn plain_requests_are_turned_away_unless_a_step_wants_one() {
    let plain = Request { headers: Vec::new(), ..Request::upgrade("h", "/health", KEY) };
    let upgrade = Request::upgrade("h", "/ws", KEY);
    let mut harness = script(Role::Server, &json!([{"accept": {}}, {"wait": {"for": "1s"}}]));
    harness.step(Duration::ZERO, Input::Start);
    assert_eq!(statuses(&hear(&mut harness, 1, What::Request(plain.clone()))), [404]);
    assert_eq!(statuses(&hear(&mut harness, 2, What::Request(upgrade.clone()))), [101]);

    let list = json!([
        {"accept": {}},
        {"expect": {"is": "request", "match": {"path": "/health"}, "connection": "health"}},
        {"refuse": {"connection": "health", "status": 200, "body": {"ok": true}}},
        {"wait": {"for": "1s"}}
    ]);
    let mut harness = script(Role::Server, &list);
    harness.step(Duration::ZERO, Input::Start);
    assert_eq!(statuses(&hear(&mut harness, 1, What::Request(plain.clone()))), [] as [u16; 0], "kept for the step that wants it");
    let both = hear(&mut harness, 2, What::Request(upgrade));
    assert_eq!(statuses(&both), [101, 200]);
    assert_eq!(statuses(&hear(&mut harness, 3, What::Request(plain))), [404]);
}

#[test]
fn the_end_of_the_process_is_seen_from_everywhere() {
    let mut harness = script(Role::Server, &json!([{"expect": {"is": "exit", "match": {"code": 3}, "within": "5s"}}]));
    harness.step(Duration::ZERO, Input::Start);
    let exited = What::Exited(Process { code: Some(3), signal: None, killed: false, stderr: Vec::new() });
    assert_eq!(hear(&mut harness, 0, exited), [Action::Mark(Mark::Finished), Action::Stop]);
}

#[test]
fn nobody_waits_for_a_process_that_has_ended() {
    let exited = || What::Exited(Process { code: Some(1), signal: None, killed: false, stderr: Vec::new() });
    let says = |harness: &mut Script, connection, what| {
        let said = harness.step(SECOND, Input::Event(&Event { at: SECOND, connection, from: Role::Client, what }));
        said.contains(&Action::Mark(Mark::Stopped(0)))
    };
    for step in [json!({"accept": {}}), json!({"refuse": {"status": 401}}), json!({"expect": {"is": "upgrade", "connection": "any"}})] {
        let mut harness = script(Role::Server, &json!([step]));
        harness.step(Duration::ZERO, Input::Start);
        assert!(says(&mut harness, 0, exited()), "{step}");

        // What it sent before may still come, until the connection has ended too.
        let mut harness = script(Role::Server, &json!([step]));
        harness.step(Duration::ZERO, Input::Start);
        assert!(!says(&mut harness, 1, What::Opened { session: "main".to_owned() }), "{step}");
        assert!(!says(&mut harness, 0, exited()), "{step}");
        assert!(says(&mut harness, 1, What::Ended(Ending::Finished)), "{step}");
    }
}

#[test]
fn what_comes_after_the_deadline_does_not_count() {
    let mut harness = script(Role::Client, &json!([{"open": {}}, {"expect": {"is": "accept", "within": "500ms"}}]));
    harness.step(Duration::ZERO, Input::Start);
    let late = hear(&mut harness, 1, What::Response(Response::switching(&Request::upgrade("", "/", KEY))));
    assert_eq!(late[0], Action::Mark(Mark::Stopped(1)));
}

#[test]
fn the_reference_machine_plays_for_a_while_and_the_script_goes_on() {
    let list = json!([
        {"accept": {}},
        {"play": {"state": "greeting", "for": "45s", "memory": {"x": 1}, "until": {"is": "call"}}},
        {"wait": {"for": "31s"}}
    ]);
    let (pair, pack) = play(Role::Server, &list);
    assert_eq!(end(&pair).1.as_secs(), 76, "nothing ended the play early");
    let story = pair.story(&pack);
    let expected = ["client upgrade", "server accept", "client hello", "server welcome", "server ping", "client pong"];
    assert_eq!(story[..6], expected);
    assert_eq!(story[6..], ["server close 1000", "server end", "client close 1000", "client end"], "a play that is over pings no more");
}

#[test]
fn a_client_harness_finds_a_machine_that_ends_without_a_word() {
    let machine = json!({"start": "a", "states": {"a": {"on": [{"on": {"is": "hello"}, "do": [{"reset": {}}]}]}}});
    let (pack, settings) = with_machine(Role::Server, machine);
    let (pair, _) = play_with(&pack, &settings, Role::Client, &connected(&json!([])));
    assert_eq!(end(&pair).0, Mark::Stopped(3));
}

#[test]
fn a_ping_is_answered_while_the_script_waits_for_something_else() {
    let mut harness = script(Role::Client, &json!([{"open": {}}, {"wait": {"for": "10s"}}]));
    harness.step(Duration::ZERO, Input::Start);
    hear(&mut harness, 1, What::Response(Response::switching(&Request::upgrade("", "/", KEY))));
    let said = hear(&mut harness, 1, What::Frame(Frame::new(Opcode::PING, "p")));
    assert!(matches!(&said[..], [Action::Send { frame, .. }] if frame.opcode == Opcode::PONG && frame.mask.is_some()));
    let said = hear(&mut harness, 1, What::Frame(Frame::close(Some(&Close::code(1001)))));
    assert!(matches!(&said[..], [Action::Send { frame, .. }] if frame.close_payload() == Some(Close::code(1001))));
}

fn hear(peer: &mut impl Peer, connection: u32, what: What) -> Vec<Action> {
    // The side is read from what can only be the other's: the tests give requests to servers and the rest to clients.
    let from = match &what {
        What::Request(_) | What::Exited(_) => Role::Client,
        _ => Role::Server,
    };
    peer.step(SECOND, Input::Event(&Event { at: SECOND, connection, from, what }))
}

fn statuses(actions: &[Action]) -> Vec<u16> {
    let responses =
        actions.iter().filter_map(|action| if let Action::Respond { response, .. } = action { Some(response.status) } else { None });
    responses.collect()
}
