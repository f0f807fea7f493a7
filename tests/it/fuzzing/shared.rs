//! Campaigns whose tries share connections to a server on a socket: they find what tries of their own would find, and nothing else.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use framegate::fuzz::arena::Lane;
use framegate::fuzz::campaign::{Orders, Progress, Unwatched, run};
use framegate::fuzz::{Cell, Class, Summary, Tries, frames, oracle, replay};
use framegate::pack::Library;
use framegate::peer::{Peer, faulty};
use framegate::runner::{Prompts, ServerTarget, Stop, Target, Tls, serve};
use framegate::suite::{Bound, Options, Subject};
use framegate::transcript::Role;

use super::mutant::{Effect, Mutant, Trigger};
use super::{campaign, demo, orders, told};

/// A peer on a socket, ended with its test.
struct Served {
    lane: Lane,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn new(bound: &Bound, wrap: impl FnOnce(Box<dyn Peer>) -> Box<dyn Peer>) -> Self {
        let mut peer = wrap(faulty(bound.pack.clone(), bound.settings.clone(), Role::Server, &[]).0);
        let (stop, (sender, receiver)) = (Stop::new(), channel());
        let own = stop.clone();
        let thread = thread::spawn(move || {
            let mut ready = |address| sender.send(address).unwrap();
            serve(&mut *peer, "127.0.0.1:0".parse().unwrap(), &mut ready, &Prompts::default(), &own, &mut |_| ()).unwrap();
        });
        let server = ServerTarget::parse(&format!("ws://{}", receiver.recv().unwrap()), &Tls::default()).unwrap();
        let subject = Subject::Live(Target::Server(server));
        Self { lane: Lane::new(subject, Options::default(), Stop::new()), stop, thread: Some(thread) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.request();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The demo pack with less patience: what hangs is found sooner.
fn quick() -> Bound {
    let mut bound = demo();
    Arc::make_mut(&mut bound.settings).time_scale = 0.02;
    bound
}

fn shared(tries: u64, depth: usize) -> Orders {
    Orders { jobs: 1, depth, ..orders(&[Role::Server], Some(tries)) }
}

/// What a summary says of coverage, without what differs from one connection to the next.
fn counts(summary: &Summary) -> Vec<String> {
    let line = |((side, state, class), cell): ((Role, String, Class), Cell)| {
        format!("{side} {state} {class} {} {} {}", cell.hit, cell.masked, cell.unreachable)
    };
    summary.coverage.by_class().into_iter().map(line).collect()
}

#[test]
fn tries_that_share_connections_tell_what_tries_of_their_own_tell() {
    let bound = demo();
    let served = Served::new(&bound, |peer| peer);
    let together = campaign(&bound, &shared(400, 64), &served.lane);
    let apart = campaign(&bound, &shared(400, 0), &served.lane);
    assert_eq!(told(&together), Vec::<String>::new());
    assert_eq!((counts(&together), together.tries), (counts(&apart), apart.tries));
}

/// Trigger, effect, and the requirement that must be named.
type Row = (Trigger, Effect, &'static str);

const ROWS: [Row; 6] = [
    (Trigger::Text("framegate_extra"), Effect::Say("Internal Server Error"), oracle::DOCUMENTED_FRAMES),
    (Trigger::Text("framegate_extra"), Effect::Close(4242), oracle::DOCUMENTED_CLOSES),
    (Trigger::Text("framegate_extra"), Effect::SayFrame { opcode: 9, rsv: 4, wrong_mask: false }, oracle::DOCUMENTED_FRAMES),
    (Trigger::Text("framegate_extra"), Effect::HangHere, oracle::ANSWERS),
    (Trigger::Text("framegate_extra"), Effect::Leak, oracle::UNDISTURBED),
    (Trigger::Text("framegate_extra"), Effect::EndOthers, oracle::UNDISTURBED),
];

/// The rules of the pack may speak first.
fn is_meant(found: &str, meant: &str) -> bool {
    let may_be = [oracle::ANSWERS, oracle::DOCUMENTED_FRAMES, oracle::DOCUMENTED_CLOSES].contains(&meant);
    found == meant || may_be && (found.starts_with("demo-") || found.starts_with("websocket-"))
}

/// The first try of the state `connected` that adds a field.
fn first(bound: &Bound) -> u64 {
    let tries = Tries::new(&bound.pack, &bound.settings, &[Role::Server], 7);
    let is_it = |number: &u64| tries.get(*number).is_some_and(|one| one.state > 0 && one.operator().ends_with("extra-field"));
    (0..tries.systematic()).find(is_it).unwrap()
}

fn check(row: &Row) {
    let (trigger, effect, meant) = *row;
    let name = format!("{trigger:?} {effect:?}");
    let bound = quick();
    let served = Served::new(&bound, |peer| Box::new(Mutant::new(peer, Role::Server, trigger, effect).lasting()));
    let begin = first(&bound);
    let progress = Progress { next: begin, ..Progress::default() };
    let summary = run(&bound, &Orders { enough: Some(1), ..shared(begin + 60, 64) }, &served.lane, progress, &Unwatched);
    let Some((fingerprint, cause)) = summary.broken().find(|(fingerprint, _)| is_meant(&fingerprint.requirement, meant)) else {
        panic!("{name}: {meant} is not among {:#?}; {:?}", told(&summary), summary.diagnosis);
    };
    let text = cause.reproducer.as_deref().unwrap_or_else(|| panic!("{name}: no reproducer"));
    let scenario = Library::scenario("reproducer.yaml", text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let sent = frames(&bound.pack, Role::Server, &scenario.steps);
    assert!(sent <= 5, "{name}: {sent} frames\n{text}");
    let again = replay(&bound, Role::Server, "reproducer", &scenario, &served.lane);
    let is_again = again.iter().flat_map(|result| &result.findings).any(|finding| finding.requirement == fingerprint.requirement);
    assert!(is_again, "{name}: replayed it gives nothing of {}\n{text}", fingerprint.requirement);
}

#[test]
fn what_a_server_does_wrong_on_a_shared_connection_is_found_shortened_and_replayed() {
    ROWS.iter().for_each(check);
}
