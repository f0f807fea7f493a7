//! One seed, one result: however the campaign is cut into pieces.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use framegate::fuzz::arena::{Arena, Peers, Reference};
use framegate::fuzz::campaign::{Orders, Progress, Unwatched, Watcher, run};
use framegate::fuzz::journal::{self, Header};
use framegate::fuzz::{EPOCH, Summary};
use framegate::peer::{Null, Peer, faulty};
use framegate::plan::Case;
use framegate::suite::Bound;
use framegate::transcript::Role;
use framegate::verdict::CaseResult;
use proptest::test_runner::{Config, TestRunner};

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
    let summary = run(&bound, &orders, &Reference, progress, &Unwatched);
    assert_eq!(told(&summary), Vec::<String>::new());
    assert_eq!(summary.tries, 300);
}

#[test]
fn a_campaign_against_a_target_that_cannot_be_reached_ends_and_counts_no_tries() {
    let bound = demo();
    let away = Peers(|bound: &Bound, side: Role| Null::Http.peer(bound.pack.clone(), bound.settings.clone(), side));
    let systematic = framegate::fuzz::Tries::new(&bound.pack, &bound.settings, &[Role::Server], 7).systematic();
    let summary = campaign(&bound, &orders(&[Role::Server], Some(u64::MAX)), &away);
    let total = summary.coverage.total();
    assert_eq!((summary.tries, total.hit, total.unreachable, total.missed), (0, 0, systematic, 0), "{:?}", summary.coverage.reasons);
    assert!(summary.diagnosis.iter().any(|sentence| sentence.contains("not reached")), "{:?}", summary.diagnosis);
}

/// A server that is good until so many conversations were had with it, and refuses everything between two others.
fn mortal(last: usize, back: usize) -> impl Arena {
    let count = AtomicUsize::new(0);
    Peers(move |bound: &Bound, side: Role| {
        let (pack, settings) = (bound.pack.clone(), bound.settings.clone());
        let count = count.fetch_add(1, Ordering::Relaxed);
        if (last..back).contains(&count) { Null::Http.peer(pack, settings, side) } else { faulty(pack, settings, side, &[]).0 }
    })
}

#[test]
fn a_server_that_is_gone_between_two_tries_is_found_out_and_tried_no_more() {
    let bound = demo();
    let orders = || Orders { jobs: 1, ..orders(&[Role::Server], None) };
    let summary = campaign(&bound, &orders(), &mortal(400, usize::MAX));
    assert_eq!(summary.exit_code(), 1);
    let told_once = told(&summary);
    assert!(told_once.len() == 1 && told_once[0].starts_with("server framegate-alive (serves nobody any more)"), "{told_once:?}");
    assert!(summary.coverage.total().missed > 0, "{:?}", summary.coverage.total());
    // One that was away for a moment only has brought nobody down.
    let summary = campaign(&bound, &orders(), &mortal(400, 402));
    assert_eq!((summary.exit_code(), told(&summary), summary.coverage.total().missed), (0, Vec::new(), 0));
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

/// Keeps a journal in memory.
struct Journal(Mutex<String>);

impl Watcher for Journal {
    fn checkpoint(&self, next: u64, part: &Summary) {
        self.0.lock().unwrap().push_str(&journal::line(next, part));
    }

    fn is_due(&self) -> bool {
        true
    }
}

/// The journal of a campaign that has come to its end, and what it found.
fn journaled(bound: &Bound, orders: &Orders, progress: Progress) -> (String, Summary) {
    let journal = Journal(Mutex::new(Header::new("demo", "embedded", orders).line()));
    let summary = run(bound, orders, &broken_server(), progress, &journal);
    (journal.0.into_inner().unwrap(), summary)
}

#[test]
fn a_campaign_goes_on_at_whatever_byte_of_its_journal_it_was_killed_and_loses_nothing() {
    let bound = demo();
    let (text, whole) = journaled(&bound, &some(), Progress::default());
    let header = Header::new("demo", "embedded", &some());
    let begin = header.line().len();
    let check = |cut: usize| {
        let (progress, _) = journal::resume(&text[..cut], &header).unwrap();
        let from = progress.next;
        assert_eq!(run(&bound, &some(), &broken_server(), progress, &Unwatched), whole, "cut at byte {cut}, gone on at try {from}");
    };
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    runner
        .run(&(begin..=text.len()), |cut| {
            check(cut);
            Ok(())
        })
        .unwrap();
}

/// Tries on both sides of the number from which on random tries are drawn from what the ones before have shown.
const BEFORE: u64 = EPOCH - 40;
const AFTER: u64 = EPOCH + 40;

#[test]
fn what_random_tries_learn_is_the_same_in_parts_and_after_a_kill() {
    let bound = demo();
    let orders = orders(&[Role::Server], Some(AFTER));
    let begin = || Progress { next: BEFORE, ..Progress::default() };
    let (text, whole) = journaled(&bound, &orders, begin());
    let mut merged = Summary::default();
    for index in 0..2 {
        merged.merge(run(&bound, &Orders { part: (index, 2), ..orders.clone() }, &broken_server(), begin(), &Unwatched));
    }
    assert_eq!(merged, whole);
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    assert!(lines.len() >= 4, "{} lines", lines.len());
    for kept in 2..lines.len() {
        let (progress, _) = journal::resume(&lines[..kept].concat(), &Header::new("demo", "embedded", &orders)).unwrap();
        assert_eq!(run(&bound, &orders, &broken_server(), progress, &Unwatched), whole, "{kept} lines were written");
    }
}

/// Is stopped in the middle of a stretch of tries.
struct Stopped(AtomicUsize);

impl Stopped {
    const PLAYED: usize = 120;
}

impl Arena for Stopped {
    fn play(&self, bound: &Bound, case: &Case) -> CaseResult {
        self.0.fetch_add(1, Ordering::Relaxed);
        broken_server().play(bound, case)
    }
}

impl Watcher for Stopped {
    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) > Self::PLAYED
    }
}

#[test]
fn a_stretch_of_tries_in_which_a_campaign_is_stopped_does_not_count_as_done() {
    let stopped = Stopped(AtomicUsize::new(0));
    let bound = demo();
    let orders = orders(&[Role::Server], None);
    let summary = run(&bound, &orders, &stopped, Progress::default(), &stopped);
    let systematic = framegate::fuzz::Tries::new(&bound.pack, &bound.settings, &[Role::Server], 7).systematic();
    let total = summary.coverage.total();
    assert_eq!(total.hit + total.masked + total.missed, systematic);
    assert!(total.hit < 120 && total.missed > systematic - 120, "{total:?}");
    assert!(!told(&summary).is_empty(), "what was found before stands");
}
