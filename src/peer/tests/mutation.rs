//! What each change does to a reference peer: one test a change.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::pair::Pair;
use super::{demo, with_machine};
use crate::pack::fault::Change;
use crate::pack::{Observation, Pack, Settings};
use crate::peer::{Machine, Script, faulty};
use crate::transcript::Role;

const SECOND: Duration = Duration::from_secs(1);

/// A client that says hello twice with a second between, and calls; against the demo server with these changes.
struct Run {
    pair: Pair,
    pack: Arc<Pack>,
    applied: usize,
}

impl Run {
    /// What the faulty server said after its 101, as told by the story.
    fn said(&self) -> Vec<String> {
        let story = self.pair.story(&self.pack);
        story.iter().filter_map(|told| told.strip_prefix("server ").map(str::to_owned)).collect()
    }

    fn seen(&self, name: &str) -> Vec<Observation> {
        self.pair.observations(&self.pack).into_iter().filter(|seen| seen.name == name && seen.from == Role::Server).collect()
    }
}

fn steps() -> Value {
    json!([
        {"open": {}},
        {"expect": {"is": "accept", "optional": true}},
        {"send": {"frame": "hello"}},
        {"wait": {"for": "1s"}},
        {"send": {"frame": "call", "set": {"id": "a"}}},
        {"send": {"frame": "call", "set": {"id": "b"}}},
        {"ping": {"text": "p"}},
        {"wait": {"for": "1s"}},
        {"close": {"code": 1000}},
        {"wait": {"for": "3s"}}
    ])
}

fn run_with(pack: &Arc<Pack>, settings: &Arc<Settings>, changes: &Value, steps: &Value) -> Run {
    let changes: Vec<Change> = serde_json::from_value(changes.clone()).unwrap();
    let (server, applied) = faulty(pack.clone(), settings.clone(), Role::Server, &changes);
    let harness = Script::new(pack.clone(), settings.clone(), Role::Client, serde_json::from_value(steps.clone()).unwrap());
    let pair = Pair::new(server, harness).run(SECOND * 600);
    Run { pair, pack: pack.clone(), applied: applied.count() }
}

fn run(change: &Value) -> Run {
    let (pack, settings) = demo();
    run_with(&pack, &settings, &json!([change]), &steps())
}

const GOOD: [&str; 7] = ["accept", "welcome", "result", "result", "pong", "close 1000", "end"];

#[track_caller]
fn check(change: &Value, applied: usize, said: &[&str]) -> Run {
    let run = run(change);
    assert_eq!(run.said(), said, "{change}");
    assert_eq!(run.applied, applied, "{change}");
    run
}

#[test]
fn without_changes_the_peer_is_as_it_was() {
    let (pack, settings) = demo();
    let run = run_with(&pack, &settings, &json!([]), &steps());
    assert_eq!((run.said(), run.applied), (GOOD.map(str::to_owned).to_vec(), 0));
}

#[test]
fn a_change_that_meets_nothing_changes_nothing_and_says_so() {
    check(&json!({"drop": {"is": "event"}}), 0, &GOOD);
    check(&json!({"drop": {"is": "result", "match": {"id": "c"}}}), 0, &GOOD);
    check(&json!({"drop": {"is": "result", "nth": 3}}), 0, &GOOD);
    check(&json!({"drop": {"is": "result", "connection": 2}}), 0, &GOOD);
    check(&json!({"set": {"of": {"is": "result"}, "tree": {"ok": true}}}), 0, &GOOD);
}

#[test]
fn what_is_dropped_is_not_sent() {
    check(&json!({"drop": {"is": "result"}}), 2, &["accept", "welcome", "pong", "close 1000", "end"]);
    let run = check(&json!({"drop": {"is": "message", "nth": 2}}), 1, &["accept", "welcome", "result", "pong", "close 1000", "end"]);
    assert_eq!(run.seen("result")[0].value["id"], "b");
    check(&json!({"drop": {"is": "accept"}}), 1, &["end"]);
}

#[test]
fn what_is_repeated_is_sent_twice() {
    check(&json!({"repeat": {"is": "welcome"}}), 1, &["accept", "welcome", "welcome", "result", "result", "pong", "close 1000", "end"]);
}

#[test]
fn what_is_delayed_comes_late_and_so_does_what_follows() {
    let change = json!({"delay": {"of": {"is": "result", "match": {"id": "a"}}, "by": "500ms"}});
    let run = check(&change, 1, &GOOD);
    let times = |name: &str| run.seen(name).iter().map(|seen| seen.at.as_millis()).collect::<Vec<_>>();
    assert_eq!((times("result"), times("pong")), (vec![1503, 1503], vec![1503]));
    assert_eq!(times("welcome"), [3]);
}

#[test]
fn a_peer_that_leaves_says_first_what_is_held_back() {
    let (pack, settings) = demo();
    let changes = [serde_json::from_value(json!({"delay": {"of": {"is": "hello"}, "by": "20s"}})).unwrap()];
    let (client, _) = faulty(pack.clone(), settings.clone(), Role::Client, &changes);
    let harness = json!([{"accept": {}}, {"end": {}}, {"expect": {"is": "hello", "within": "60s"}}]);
    let harness = Script::new(pack.clone(), settings, Role::Server, serde_json::from_value(harness).unwrap());
    let pair = Pair::new(harness, client).run(SECOND * 600);
    assert_eq!(pair.story(&pack), ["client upgrade", "server accept", "server end", "client hello", "client end"]);
    assert!(pair.has_stopped(Role::Client));
}

#[test]
fn what_is_swapped_comes_after_the_next_message() {
    let ids = |run: &Run| run.seen("result").iter().map(|seen| seen.value["id"].clone()).collect::<Vec<_>>();
    let run = check(&json!({"swap": {"is": "result"}}), 2, &GOOD);
    assert_eq!(ids(&run), ["b", "a"]);
    let alone =
        check(&json!({"swap": {"is": "result", "nth": 2}}), 1, &["accept", "welcome", "result", "pong", "result", "close 1000", "end"]);
    assert_eq!(ids(&alone), ["a", "b"]);
}

#[test]
fn messages_are_edited() {
    let run = check(&json!({"set": {"of": {"is": "welcome"}, "tree": {"session": 5, "more": {"a": 1}}}}), 1, &GOOD);
    assert_eq!((&run.seen("welcome")[0].value["session"], &run.seen("welcome")[0].value["more"]), (&json!(5), &json!({"a": 1})));
    let run = check(&json!({"unset": {"of": {"is": "welcome"}, "at": "/session"}}), 1, &GOOD);
    assert_eq!(run.seen("welcome")[0].value.get("session"), None);
    let run = check(&json!({"freeze": {"of": {"is": "result"}, "at": "/id"}}), 1, &GOOD);
    assert_eq!(run.seen("result").iter().map(|seen| &seen.value["id"]).collect::<Vec<_>>(), ["a", "a"]);
}

#[test]
fn control_frames_and_http_heads_are_edited() {
    let run = check(&json!({"set": {"of": {"is": "close"}, "tree": {"reason": "go"}}}), 1, &GOOD);
    assert_eq!(run.seen("close")[0].value["reason"], "go");
    let run = check(&json!({"set": {"of": {"is": "pong"}, "tree": {"payload": "q"}}}), 1, &GOOD);
    assert_eq!(run.seen("pong")[0].value["payload"], "q");
    let run = check(&json!({"set": {"of": {"is": "accept"}, "tree": {"headers": {"X-New": "1"}}}}), 1, &GOOD);
    assert_eq!(run.seen("accept")[0].value["headers"]["x-new"], "1");
    let run = check(&json!({"unset": {"of": {"is": "accept"}, "at": "/headers/sec-websocket-accept"}}), 1, &GOOD);
    assert_eq!(run.seen("accept")[0].value["headers"].get("sec-websocket-accept"), None);
    let (pack, settings) = demo();
    let changes = json!([{"set": {"of": {"is": "upgrade"}, "tree": {"query": {"token": "a b"}, "headers": {"authorization": "x"}}}}]);
    let (client, applied) = faulty(pack.clone(), settings.clone(), Role::Client, &serde_json::from_value::<Vec<Change>>(changes).unwrap());
    let pair = Pair::new(Machine::new(pack.clone(), settings, Role::Server), client).run(SECOND);
    let upgrade = pair.observations(&pack).into_iter().find(|seen| seen.name == "upgrade").unwrap();
    assert_eq!((&upgrade.value["target"], &upgrade.value["headers"]["authorization"]), (&json!("/ws?token=a%20b"), &json!("x")));
    assert_eq!(applied.count(), 1);
}

#[test]
fn messages_are_replaced_and_followed() {
    let with = json!({"json": {"type": "event", "name": "${frame.id}"}});
    let replaced = ["accept", "welcome", "event", "result", "pong", "close 1000", "end"];
    let run = check(&json!({"replace": {"of": {"is": "result", "nth": 1}, "with": with}}), 1, &replaced);
    assert_eq!(run.seen("event")[0].value["name"], "a");
    let added = ["accept", "welcome", "result", "event", "result", "event", "pong", "close 1000", "end"];
    check(&json!({"add": {"of": {"is": "result"}, "with": with}}), 2, &added);
    check(&json!({"replace": {"of": {"is": "accept"}, "with": {"text": "hello"}}}), 1, &["garbage", "end"]);
}

#[test]
fn a_text_is_said_in_pieces() {
    let cut = [&GOOD[..2], &GOOD[1..]].concat();
    let run = check(&json!({"cut": {"of": {"is": "welcome"}, "at": "/session", "size": 20}}), 1, &cut);
    let lengths: Vec<_> = run.seen("welcome").iter().map(|seen| seen.value["session"].as_str().unwrap().len()).collect();
    assert_eq!(lengths, [20, 16]);
    check(&json!({"cut": {"of": {"is": "welcome"}, "at": "/session", "size": 36}}), 0, &GOOD);
}

#[test]
fn messages_are_sent_in_fragments() {
    let expected = [&GOOD[..1], &["fragmented"], &GOOD[1..]].concat();
    let run = check(&json!({"fragment": {"of": {"is": "welcome"}, "size": 10}}), 1, &expected);
    let frames = run
        .pair
        .transcript
        .events
        .iter()
        .filter(|event| event.from == Role::Server && matches!(event.what, crate::transcript::What::Frame(_)));
    assert!(frames.count() > 10);
}

#[test]
fn closes_go_wrong() {
    check(&json!({"close_code": 4004}), 1, &["accept", "welcome", "result", "result", "pong", "close 4004", "end"]);
    check(&json!({"close_bare": true}), 1, &["accept", "welcome", "result", "result", "pong", "end"]);
    let never = run(&json!({"close_never": true}));
    assert!(never.said().ends_with(&["pong".to_owned(), "end".to_owned()]), "{:?}", never.said());
    assert_eq!(never.seen("end")[0].at, SECOND * 5 + Duration::from_millis(3), "only when the other side has left");
    check(&json!({"close_after": {"of": {"is": "result"}, "code": 4001}}), 2, &["accept", "welcome", "result", "close 4001", "end"]);
    check(&json!({"close_after": {"of": {"is": "welcome"}, "code": 0}}), 1, &["accept", "welcome", "end"]);
}

#[test]
fn pongs_go_wrong() {
    check(&json!({"pong_never": true}), 1, &["accept", "welcome", "result", "result", "close 1000", "end"]);
    let run = check(&json!({"pong_payload": "other"}), 1, &GOOD);
    assert_eq!(run.seen("pong")[0].value["payload"], "other");
    check(&json!({"pong_payload": "p"}), 0, &GOOD);
}

#[test]
fn what_is_ignored_is_not_seen() {
    check(&json!({"ignore": {"is": "hello"}}), 1, &["accept", "close 1008", "end"]);
    check(
        &json!({"ignore": {"is": "ping", "match": {"payload": "p"}}}),
        1,
        &["accept", "welcome", "result", "result", "close 1000", "end"],
    );
}

#[test]
fn reactions_are_missing() {
    let (pack, settings) = demo();
    let bad =
        json!([{"open": {}}, {"expect": {"is": "accept"}}, {"send": {"frame": "hello", "set": {"token": "bad"}}}, {"wait": {"for": "1s"}}]);
    let run = run_with(&pack, &settings, &json!([{"without": ["refuse-token", "refuse-early"]}]), &bad);
    assert_eq!((run.said(), run.applied), (["accept", "close 1000", "end"].map(str::to_owned).to_vec(), 2));
    check(&json!({"without": "refuse-token"}), 0, &GOOD);
}

#[test]
fn a_message_leaks_to_the_other_connections() {
    let (pack, settings) = demo();
    let steps = json!([
        {"open": {"connection": "other"}}, {"expect": {"is": "accept", "connection": "other"}},
        {"open": {}}, {"expect": {"is": "accept"}}, {"send": {"frame": "hello"}},
        {"expect": {"is": "welcome", "connection": "other"}}
    ]);
    let run = run_with(&pack, &settings, &json!([{"leak": {"is": "welcome"}}]), &steps);
    assert_eq!(run.seen("welcome").iter().map(|seen| seen.connection).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(run.applied, 1);
}

#[test]
fn timers_and_parameters_differ_and_count_once_the_difference_shows() {
    let (pack, settings) = demo();
    let pings = |change: Value, seconds: u64| {
        let steps =
            json!([{"open": {}}, {"expect": {"is": "accept"}}, {"send": {"frame": "hello"}}, {"wait": {"for": format!("{seconds}s")}}]);
        let run = run_with(&pack, &settings, &json!([change]), &steps);
        (run.seen("ping").len(), run.applied)
    };
    assert_eq!(pings(json!({"timers": 1.0}), 65), (2, 0));
    assert_eq!(pings(json!({"timers": 2.0}), 20), (0, 0));
    assert_eq!(pings(json!({"timers": 2.0}), 31), (0, 1));
    assert_eq!(pings(json!({"timers": 0.5}), 31), (2, 2));
    assert_eq!(pings(json!({"parameter": {"name": "ping_interval", "value": "60s"}}), 65), (1, 1));
    assert_eq!(pings(json!({"parameter": {"name": "reply_time", "value": "60s"}}), 65), (2, 0));
}

#[test]
fn a_changed_limit_counts_where_it_decides() {
    let (pack, settings) = demo();
    let sized = |size: &str| {
        let pad = json!({"at": "/params/text", "to": size});
        let steps = json!([
            {"open": {}}, {"expect": {"is": "accept"}}, {"send": {"frame": "hello"}}, {"send": {"frame": "call", "pad": pad}}, {"wait": {"for": "1s"}}
        ]);
        let run = run_with(&pack, &settings, &json!([{"parameter": {"name": "max_message", "value": "1MB"}}]), &steps);
        (run.seen("result").len(), run.applied)
    };
    assert_eq!(sized("60000B"), (1, 0));
    assert_eq!(sized("70000B"), (1, 1));
}

#[test]
fn a_changed_parameter_counts_where_a_template_uses_it() {
    let machine = json!({"start": "a", "states": {"a": {"enter": [{"message": {"json": "${parameter.tick_interval}"}}]}}});
    let (pack, settings) = with_machine(Role::Server, machine);
    let run = run_with(&pack, &settings, &json!([{"parameter": {"name": "tick_interval", "value": "3s"}}]), &steps());
    assert_eq!((run.seen("malformed")[0].value["json"].clone(), run.applied), (json!(3000), 1));
}
