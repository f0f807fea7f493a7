//! Peers that go wrong in one way each: a campaign finds every one of them, says why, and leaves a short conversation that shows it again.

use framegate::fuzz::arena::Peers;
use framegate::fuzz::{frames, oracle, replay};
use framegate::pack::Library;
use framegate::peer::{Action, Input, Peer, faulty};
use framegate::suite::Bound;
use framegate::transcript::{Event, Frame, Role, What};

use super::mutant::{Effect, Mutant, Trigger};
use super::{campaign, demo, orders, told};

/// Side, trigger, effect, and the requirement that must be named.
type Row = (Role, Trigger, Effect, &'static str);

const SERVER: Role = Role::Server;
const CLIENT: Role = Role::Client;

const ROWS: [Row; 26] = [
    (SERVER, Trigger::NoJson, Effect::Crash, oracle::ALIVE),
    (SERVER, Trigger::Text("framegate_extra"), Effect::Crash, oracle::ALIVE),
    (SERVER, Trigger::Binary, Effect::Crash, oracle::ALIVE),
    (SERVER, Trigger::NoJson, Effect::Hang, oracle::ANSWERS),
    (SERVER, Trigger::Text("\"name\":null"), Effect::HangHere, oracle::ANSWERS),
    (SERVER, Trigger::Text("[[[["), Effect::Deaf, "demo-call-answered"),
    (SERVER, Trigger::Count(40), Effect::Deaf, oracle::ANSWERS),
    (SERVER, Trigger::Text("\"id\":null"), Effect::NoPongs, oracle::ALIVE),
    (SERVER, Trigger::NoJson, Effect::RefuseNew, oracle::ALIVE),
    (SERVER, Trigger::Text("\"type\":\"\""), Effect::IgnoreNew, oracle::ALIVE),
    (SERVER, Trigger::NoJson, Effect::EndOthers, oracle::UNDISTURBED),
    (SERVER, Trigger::Text("<script>"), Effect::Leak, oracle::UNDISTURBED),
    (SERVER, Trigger::Text("none_of_these"), Effect::Say("{\"type\":\"stack_trace\"}"), oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::NoJson, Effect::Say("Internal Server Error"), oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::NoJson, Effect::Say("{\"type\":\"welcome\"}"), "demo-frames-server"),
    (SERVER, Trigger::NoJson, Effect::SayBinary, oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::NoJson, Effect::SayFrame { opcode: 3, rsv: 0, wrong_mask: false }, oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::NoJson, Effect::SayFrame { opcode: 9, rsv: 0, wrong_mask: true }, oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::NoJson, Effect::SayFrame { opcode: 9, rsv: 4, wrong_mask: false }, oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::NoJson, Effect::Close(4242), oracle::DOCUMENTED_CLOSES),
    (SERVER, Trigger::NoJson, Effect::Close(1006), oracle::DOCUMENTED_CLOSES),
    (SERVER, Trigger::NoJson, Effect::Garbage, oracle::DOCUMENTED_FRAMES),
    (SERVER, Trigger::Fragment, Effect::Crash, oracle::ALIVE),
    (SERVER, Trigger::Longer(4000), Effect::HangHere, oracle::ANSWERS),
    (CLIENT, Trigger::NoJson, Effect::Hang, oracle::ANSWERS),
    (CLIENT, Trigger::Text("\"session\":null"), Effect::Say("oops"), oracle::DOCUMENTED_FRAMES),
];

/// RFC 6455 breaches are told by the pack's layer of that name, if it has a rule for them, else by the oracle.
fn is_meant(found: &str, meant: &str) -> bool {
    let is_deaf = meant == oracle::ANSWERS && found == "demo-call-answered";
    is_deaf
        || found == meant
        || meant == oracle::DOCUMENTED_FRAMES && (found.starts_with("websocket-") || found.starts_with("demo-"))
        || meant == oracle::DOCUMENTED_CLOSES && found.starts_with("websocket-")
}

fn check(row: &Row) {
    let (side, trigger, effect, meant) = *row;
    let bound = demo();
    let arena = Peers(move |bound: &Bound, tested: Role| {
        let inner = faulty(bound.pack.clone(), bound.settings.clone(), tested, &[]).0;
        Box::new(Mutant::new(inner, tested, trigger, effect)) as Box<dyn framegate::peer::Peer>
    });
    let orders = framegate::fuzz::campaign::Orders { jobs: 1, enough: Some(1), ..orders(&[side], None) };
    let summary = campaign(&bound, &orders, &arena);
    let name = format!("{side} {trigger:?} {effect:?}");
    assert_eq!(summary.exit_code(), 1, "{name}: nothing was found in {} tries: {:?}", summary.tries, summary.diagnosis);
    let Some((fingerprint, cause)) = summary.broken().find(|(fingerprint, _)| is_meant(&fingerprint.requirement, meant)) else {
        panic!("{name}: {meant} is not among {:#?}", told(&summary));
    };
    let text = cause.reproducer.as_deref().unwrap_or_else(|| panic!("{name}: no reproducer"));
    let scenario = Library::scenario("reproducer.yaml", text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let sent = frames(&bound.pack, side, &scenario.steps);
    assert!(sent <= 5, "{name}: {sent} frames\n{text}");
    let again = replay(&bound, side, "reproducer", &scenario, &arena);
    let is_again = again.iter().flat_map(|result| &result.findings).any(|finding| finding.requirement == fingerprint.requirement);
    assert!(is_again, "{name}: replayed it gives {:?}\n{text}", again.iter().map(|result| &result.findings).collect::<Vec<_>>());
}

#[test]
fn faulty_peers_of_the_first_half_are_found_shortened_and_replayed() {
    ROWS[..13].iter().for_each(check);
}

#[test]
fn faulty_peers_of_the_second_half_are_found_shortened_and_replayed() {
    ROWS[13..].iter().for_each(check);
}

#[test]
fn what_the_connections_of_one_user_share_is_no_leak() {
    let leaks = |is_shared: bool| {
        let mut bound = demo();
        let pack = std::sync::Arc::get_mut(&mut bound.pack).unwrap();
        pack.manifest.frames.values_mut().for_each(|kind| kind.shared = is_shared);
        let arena = Peers(|bound: &Bound, tested: Role| {
            let inner = faulty(bound.pack.clone(), bound.settings.clone(), tested, &[]).0;
            Box::new(Mutant::new(inner, tested, Trigger::Text("<script>"), Effect::Leak)) as Box<dyn framegate::peer::Peer>
        });
        told(&campaign(&bound, &orders(&[SERVER], None), &arena)).into_iter().filter(|line| line.contains(oracle::UNDISTURBED)).count()
    };
    assert!(leaks(false) > 0);
    assert_eq!(leaks(true), 0);
}

/// A peer whose parser takes what JSON has no word for.
struct Lenient(Box<dyn Peer>);

impl Peer for Lenient {
    fn step(&mut self, now: std::time::Duration, input: Input<'_>) -> Vec<Action> {
        let text = |event: &Event| match &event.what {
            What::Frame(frame) => frame.payload.text().filter(|text| text.contains("NaN")).map(|text| text.replace("NaN", "0")),
            _ => None,
        };
        match input {
            Input::Event(event) if text(event).is_some() => {
                let frame = Frame::text(text(event).unwrap()).masked([1, 2, 3, 4]);
                self.0.step(now, Input::Event(&Event { what: What::Frame(frame), ..event.clone() }))
            }
            other => self.0.step(now, other),
        }
    }
}

#[test]
fn a_parser_that_takes_more_than_json_is_no_fault() {
    let arena = Peers(|bound: &Bound, tested: Role| {
        Box::new(Lenient(faulty(bound.pack.clone(), bound.settings.clone(), tested, &[]).0)) as Box<dyn Peer>
    });
    let bound = Library::builtin().load("aius").unwrap();
    let settings = framegate::pack::Settings::embedded(&bound.manifest).into();
    let summary = campaign(&Bound { pack: bound.into(), settings }, &orders(&[SERVER], None), &arena);
    assert_eq!(told(&summary), Vec::<String>::new());
    assert!(summary.coverage.cells.values().any(|cell| cell.reactions.contains_key("answers ready")));
}
