//! What holds of every rule on every transcript: it never panics, and what it does not speak of does not change what it says.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::rendering::patterns;
use crate::check::sample::{Client, Server, Talk, case, pack};
use crate::check::{Judgement, judge};
use crate::pack::rule::{Kind, Rule};
use crate::pack::{Pack, Settings};
use crate::transcript::{Bytes, Ending, Event, Frame, Mark, Opcode, Process, Request, Response, Role, Transcript, What, Width};
use crate::verdict::Outcome;

/// One rule of every kind, and every qualifier at least once.
fn rules() -> Vec<Value> {
    vec![
        json!({"never": {"of": {"is": "bye"}}}),
        json!({"never": {"of": {"is": "violation", "from": "server"}}}),
        json!({"never": {"of": {"is": "tick"}, "for": "3s"}, "after": {"is": "bye"}}),
        json!({"never": {"of": {"is": "tick"}}, "when": {"is": "ask"}, "unless": {"is": "bye"}}),
        json!({"once": {"of": {"is": "tick"}}}),
        json!({"once": {"of": {"is": "tick"}, "required": true, "within": "3s"}}),
        json!({"once": {"of": {"is": "tick"}, "required": true}, "after": {"is": "ask"}, "until": {"is": "reply"}}),
        json!({"once": {"of": {"is": "reply"}}, "per": "/id"}),
        json!({"first": {"is": "tick"}}),
        json!({"last": {"is": "bye"}}),
        json!({"before": {"first": {"is": "ask"}, "then": {"is": "reply"}, "by": "/id"}}),
        json!({"before": {"first": {"is": "ask"}, "then": {"is": "reply"}, "by": "/id"}, "scope": "run"}),
        json!({"answers": {"request": {"is": "ask"}, "reply": {"is": "reply"}, "by": "/id", "within": "3s"}}),
        json!({"answers": {"request": {"is": "ask"}, "reply": {"is": "reply"}, "within": "3s", "or_close": true}, "scope": "session"}),
        json!({"answers": {"request": {"is": "ask"}, "reply": {"is": "reply"}, "within": "3s", "repeated": true}, "until": {"is": "bye"}}),
        json!({"unique": {"of": {"is": "tick"}, "key": "/seq"}}),
        json!({"increasing": {"of": {"is": "tick"}, "key": "/seq"}, "scope": "session"}),
        json!({"closes": {"on": {"is": "ask"}, "by": "server", "codes": [1000], "within": "3s"}}),
        json!({"closes": {"by": "server", "within": "3s", "bare": true}, "after": {"is": "bye"}}),
        json!({"every": {"of": {"is": "tick"}, "period": "beat"}}),
        json!({"equals": {"of": {"of": {"is": "reply"}, "key": "/id"}, "to": {"of": {"is": "ask"}, "key": "/id"}}}),
        json!({"conforms": {"frames": ["reply", "tick"]}}),
        json!({"conforms": {"frames": ["reply"], "at": ["/people/*/age", "/id"]}}),
    ]
}

/// Steps of every kind that is judged, and some that are not.
fn steps() -> Value {
    json!([
        {"open": {}}, {"expect": {"is": "accept"}}, {"open": {"connection": "b"}}, {"mark": "here"},
        {"send": {"frame": "ask", "as": "asked"}},
        {"expect": {"is": "reply", "match": {"id": "${saved.asked.id}"}, "proves": ["r0"], "as": "got"}},
        {"expect": {"is": ["tick", "exit"], "connection": "any", "optional": true, "next": true, "since": "here", "proves": ["r1"],
            "or": [{"is": "end", "means": "warn", "because": "it may"}, {"is": "close", "means": "fail", "because": "it must not"}]}},
        {"absent": {"is": "bye", "match": {"id": "${saved.got.id}"}, "proves": ["r2"]}},
        {"play": {"state": "on", "for": "1s"}}, {"wait": {"for": "1s"}},
    ])
}

fn judged(side: Role, requirements: &Value, events: Vec<Event>, with_case: bool) -> Judgement {
    let pack = pack(side, requirements);
    let case = with_case.then(|| case(side, &["r3"], &steps()));
    judge(&pack, &Settings::embedded(&pack.manifest), case.as_ref(), side, &Transcript { events })
}

fn side() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Client), Just(Server)]
}

/// A message of the catalogue or none, with values that meet often.
fn text() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["hello", "ask", "reply", "tick", "bye", "other"]);
    let value = prop_oneof![
        (0..3_u64).prop_map(|n| json!(n)),
        Just(json!("x")),
        Just(json!(null)),
        Just(json!([{"age": "old"}])),
        Just(json!(1e300)),
        Just(json!(-0.0)),
    ];
    let field = prop::sample::select(vec!["id", "seq", "people", "name"]);
    prop_oneof![
        8 => (kind, field, value).prop_map(|(kind, field, value)| json!({"type": kind, field: value}).to_string()),
        1 => ".{0,12}",
        1 => Just(r#"{"type":"reply","id":1,"id":2}"#.to_owned()),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    let raw =
        (any::<bool>(), 0..8_u8, 0..16_u8, any::<Option<[u8; 4]>>(), 0..300_u64, prop::collection::vec(any::<u8>(), 0..6), 0..300_u64);
    let raw = raw.prop_map(|(fin, rsv, opcode, mask, length, payload, arrived)| Frame {
        fin,
        rsv,
        opcode: Opcode(opcode),
        mask,
        length,
        width: Width::Short,
        payload: Bytes(payload),
        arrived,
    });
    let control = (prop::sample::select(vec![Opcode::PING, Opcode::PONG, Opcode::CLOSE]), prop::collection::vec(any::<u8>(), 0..4));
    prop_oneof![4 => text().prop_map(Frame::text), 1 => control.prop_map(|(opcode, payload)| Frame::new(opcode, payload)), 1 => raw]
}

fn what() -> impl Strategy<Value = What> {
    let mark = prop_oneof![
        8 => (0..12_usize).prop_map(Mark::Step),
        1 => Just(Mark::Finished),
        1 => (0..12_usize).prop_map(Mark::Stopped),
        1 => Just(Mark::Deadline),
        1 => Just(Mark::Failed("it broke".to_owned())),
        2 => any::<u64>().prop_map(|milliseconds| Mark::Late { milliseconds }),
    ];
    let ending = prop::sample::select(vec![
        Ending::Finished,
        Ending::Reset,
        Ending::Unreachable("no".to_owned()),
        Ending::Tls("no".to_owned()),
        Ending::Overflow("much".to_owned()),
    ]);
    let process = Process { code: Some(1), signal: None, killed: false, stderr: vec!["boom".to_owned()] };
    let session = prop::sample::select(vec!["main", "other"]);
    prop_oneof![
        1 => session.prop_map(|session| What::Opened { session: session.to_owned() }),
        1 => Just(What::Request(Request::upgrade("h", "/ws?a=%", "k"))),
        1 => prop::sample::select(vec![101, 200, 401]).prop_map(|status| What::Response(Response::new(status))),
        12 => frame().prop_map(What::Frame),
        1 => Just(What::Garbage { bytes: Bytes(vec![0xFF]), problem: "no HTTP".to_owned() }),
        1 => ending.prop_map(What::Ended),
        1 => Just(What::Exited(process)),
        3 => mark.prop_map(What::Mark),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let at = prop_oneof![9 => 0..20_000_u64, 1 => any::<u64>()].prop_map(Duration::from_millis);
    (at, 0..4_u32, side(), what()).prop_map(|(at, connection, from, what)| Event { at, connection, from, what })
}

/// A sensible conversation on connection 1, each event with the pause before it.
fn conversation() -> impl Strategy<Value = Vec<(u64, What, Role)>> {
    let value = |kind: &'static str, key: &'static str| (0..3_u64).prop_map(move |n| json!({"type": kind, key: n}));
    let said = prop_oneof![
        value("ask", "id").prop_map(|value| (value, Client)),
        value("reply", "id").prop_map(|value| (value, Server)),
        value("tick", "seq").prop_map(|value| (value, Server)),
        value("bye", "seq").prop_map(|value| (value, Server)),
    ]
    .prop_map(|(value, from)| (What::Frame(Frame::text(value.to_string()).masked_for(from, [0; 4])), from));
    let close = side().prop_map(|from| (What::Frame(Frame::close(None).masked_for(from, [0; 4])), from));
    let end = side().prop_map(|from| (What::Ended(Ending::Finished), from));
    let act = prop_oneof![20 => said, 1 => close, 1 => end];
    prop::collection::vec((0..3000_u64, act).prop_map(|(pause, (what, from))| (pause, what, from)), 0..14)
}

/// The conversation as events, with something else after each event that `noise` gives something for.
fn events(conversation: &[(u64, What, Role)], mut noise: impl FnMut(usize) -> Vec<(u32, What, Role)>) -> Vec<Event> {
    let mut talk = Talk::with_server();
    let mut now = 0;
    for (index, (pause, what, from)) in conversation.iter().enumerate() {
        for (connection, what, from) in noise(index) {
            talk = talk.add(connection, from, what);
        }
        now += pause;
        talk = talk.at(now).add(1, *from, what.clone());
    }
    talk.at(now + 3000).finish().events
}

/// Things that the rule does not speak of and that break nothing.
fn unrelated(rule: &Rule) -> Vec<(What, Role)> {
    let speaks_of = |name: &str| match &rule.kind {
        Kind::First(_) | Kind::Last(_) => true,
        Kind::Conforms(conforms) => conforms.frames.0.iter().any(|frame| frame == name),
        _ => patterns(rule).iter().any(|pattern| pattern.is.0.iter().any(|mentioned| mentioned == name)),
    };
    let frames = [
        ("tick", Server, json!({"type": "tick", "seq": 9})),
        ("bye", Server, json!({"type": "bye"})),
        ("reply", Server, json!({"type": "reply", "id": 1})),
    ];
    let own = frames.into_iter().filter(|(name, _, _)| !speaks_of(name)).map(|(_, from, value)| (Frame::text(value.to_string()), from));
    let control = [Opcode::PING, Opcode::PONG].into_iter().flat_map(|opcode| [Client, Server].map(|from| (Frame::new(opcode, "p"), from)));
    own.chain(control).map(|(frame, from)| (What::Frame(frame.masked_for(from, [0; 4])), from)).collect()
}

/// True if anything at all may be what it speaks of: whatever follows a close frame is a violation.
fn minds_everything(rule: &Rule) -> bool {
    patterns(rule).iter().any(|pattern| pattern.is.0.iter().any(|name| name == "violation"))
}

/// True if a connection on which nothing happens is itself something to judge.
fn minds_idle_connections(rule: &Rule) -> bool {
    let by_itself = match &rule.kind {
        Kind::Never(_) | Kind::Every(_) => true,
        Kind::Once(once) => once.required,
        Kind::Closes(closes) => closes.on.is_none(),
        _ => false,
    };
    by_itself && rule.after.is_none()
}

/// Each rule with a pack in which it stands alone, compiled once.
static RULES: LazyLock<Vec<(Rule, Pack)>> = LazyLock::new(|| {
    let alone = |rule: Value| (serde_json::from_value(rule.clone()).unwrap(), pack(Server, &json!([{"id": "r0", "rule": rule}])));
    rules().into_iter().map(alone).collect()
});

fn outcome(pack: &Pack, events: Vec<Event>) -> Outcome {
    judge(pack, &Settings::embedded(&pack.manifest), None, Server, &Transcript { events }).outcomes["r0"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_can_be_written_into_a_transcript_makes_the_judge_panic(
        events in prop::collection::vec(event(), 0..60),
        side in side(),
        with_case in any::<bool>(),
    ) {
        let requirements: Vec<_> =
            rules().into_iter().enumerate().map(|(index, rule)| json!({"id": format!("r{index}"), "rule": rule})).collect();
        let length = events.len();
        let judgement = judged(side, &json!(requirements), events, with_case);
        prop_assert_eq!(judgement.outcomes.len(), requirements.len());
        prop_assert!(judgement.findings.iter().all(|finding| finding.event.is_none_or(|event| event < length)));
        for finding in &judgement.findings {
            prop_assert!(!finding.expected.is_empty() && !finding.actual.is_empty(), "{finding:?}");
        }
    }

    #[test]
    fn what_a_rule_does_not_speak_of_does_not_change_what_it_says(
        conversation in conversation(),
        picks in prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 14),
        on_another in any::<bool>(),
    ) {
        for (rule, pack) in RULES.iter().filter(|(rule, _)| !(minds_everything(rule) || on_another && minds_idle_connections(rule))) {
            let pool = unrelated(rule);
            let connection = if on_another { 2 } else { 1 };
            let noise = |index: usize| {
                let opening = (on_another && index == 0).then(|| {
                    let opened = What::Opened { session: "main".to_owned() };
                    [(2, opened, Client), (2, What::Response(Response::new(101)), Server)]
                });
                let pick = picks[index].map(|pick| pick.get(&pool).clone()).map(|(what, from)| (connection, what, from));
                opening.into_iter().flatten().chain(pick).collect()
            };
            let alone = outcome(pack, events(&conversation, |_| Vec::new()));
            let among = outcome(pack, events(&conversation, noise));
            prop_assert_eq!(alone, among, "{:?}", rule);
        }
    }

    #[test]
    fn a_longer_silence_never_turns_a_violation_into_anything_else(conversation in conversation()) {
        for (rule, pack) in RULES.iter() {
            let short = outcome(pack, events(&conversation, |_| Vec::new()));
            let mut longer = events(&conversation, |_| Vec::new());
            longer.iter_mut().filter(|event| event.what == What::Mark(Mark::Finished)).for_each(|event| event.at += Duration::from_secs(60));
            if short == Outcome::Violated {
                prop_assert_eq!(outcome(pack, longer), Outcome::Violated, "{:?}", rule);
            }
        }
    }
}
