//! One seed, one result: however the campaign is cut into pieces.

use std::sync::Mutex;

use framegate::fuzz::Summary;
use framegate::fuzz::arena::{Arena, Peers, Reference};
use framegate::fuzz::campaign::{Orders, Progress, Watcher, run};
use framegate::fuzz::journal::{self, Header};
use framegate::peer::{Peer, faulty};
use framegate::suite::Bound;
use framegate::transcript::Role;

use super::mutant::{Effect, Mutant, Trigger};
use super::{campaign, demo, orders, told};

fn broken_server() -> impl Arena {
    Peers(|bound: &Bound, side: Role| {
        let inner = faulty(bound.pack.clone(), bound.settings.clone(), side, &[]).0;
        Box::new(Mutant::new(inner, side, Trigger::NoJson, Effect::Say("oops"))) as Box<dyn Peer>
    })
}

/// The server's tries of the state `opened` up to those with malformed JSON.
fn some() -> Orders {
    orders(&[Role::Server], Some(100))
}

#[test]
fn nothing_is_found_on_reference_peers_and_nothing_reachable_is_left_out() {
    let summary = campaign(&demo(), &orders(&[Role::Server, Role::Client], None), &Reference);
    assert_eq!(told(&summary), Vec::<String>::new());
    let total = summary.coverage.total();
    assert_eq!((summary.exit_code(), total.missed, total.unreachable), (0, 0, 0), "{:?}", summary.coverage.reasons);
    assert!(total.hit > 3000, "{total:?}");
}

#[test]
fn random_tries_find_nothing_on_reference_peers_either() {
    let bound = demo();
    let systematic = framegate::fuzz::Tries::new(&bound.pack, &bound.settings, &[Role::Server, Role::Client], 7).systematic();
    let orders = orders(&[Role::Server, Role::Client], Some(systematic + 300));
    let progress = Progress { next: systematic, ..Progress::default() };
    let summary = run(&bound, &orders, &Reference, progress, &framegate::fuzz::campaign::Unwatched);
    assert_eq!(told(&summary), Vec::<String>::new());
    assert_eq!(summary.tries, 300);
}

#[test]
fn one_seed_gives_one_result() {
    let first = campaign(&demo(), &some(), &broken_server());
    assert_eq!(first.exit_code(), 1);
    assert_eq!(first, campaign(&demo(), &Orders { jobs: 1, ..some() }, &broken_server()));
}

#[test]
fn parts_that_are_merged_equal_the_whole() {
    let whole = campaign(&demo(), &some(), &broken_server());
    let mut merged = Summary::default();
    for index in (0..4).rev() {
        merged.merge(campaign(&demo(), &Orders { part: (index, 4), ..some() }, &broken_server()));
    }
    assert_eq!(merged, whole);
}

/// Keeps a journal in memory and ends after so many checkpoints.
struct Killed {
    journal: Mutex<String>,
    after: usize,
}

impl Watcher for Killed {
    fn checkpoint(&self, next: u64, part: &Summary) {
        self.journal.lock().unwrap().push_str(&journal::line(next, part));
    }

    fn is_stopped(&self) -> bool {
        self.journal.lock().unwrap().lines().count() > self.after
    }
}

#[test]
fn a_campaign_that_was_killed_goes_on_and_loses_nothing() {
    let whole = campaign(&demo(), &some(), &broken_server());
    let header = Header::new("demo", "embedded", &some());
    let killed = Killed { journal: Mutex::new(header.line()), after: 1 };
    run(&demo(), &some(), &broken_server(), Progress::default(), &killed);
    let mut text = killed.journal.into_inner().unwrap();
    text.push_str("{\"next\":99,\"fou");
    let (progress, _) = journal::resume(&text, &header).unwrap();
    assert!(progress.next > 0 && progress.next < 100, "{}", progress.next);
    let resumed = run(&demo(), &some(), &broken_server(), progress, &framegate::fuzz::campaign::Unwatched);
    assert_eq!(resumed, whole);
}
