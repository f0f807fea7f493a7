//! A campaign: good conversations first, then try after try, then the shortest conversation for each cause.
//!
//! It keeps no clock and touches no disk: whoever runs it says when it is spent, and is given every checkpoint.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::arena::{Arena, Reference};
use super::cause::{Cause, Fingerprint};
use super::coverage::{Place, Status};
use super::minimizer::minimize;
use super::oracle::{self, Sighting};
use super::reproducer;
use super::summary::Summary;
use super::survey::{Survey, survey};
use super::trial::{Tries, Try};
use crate::pack::scenario::{Scenario, Step};
use crate::plan;
use crate::suite::Bound;
use crate::transcript::Role;
use crate::verdict::Finding;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The sides under test.
    pub sides: Vec<Role>,
    /// Fixes every random try.
    pub seed: u64,
    /// The number of tries, the systematic ones first; nothing for as many as the watcher allows, and all systematic ones at least.
    pub tries: Option<u64>,
    /// This part of so many, from 0.
    pub part: (u64, u64),
    /// Tries at a time.
    pub jobs: usize,
    /// Ends when this many causes are known.
    pub enough: Option<usize>,
}

/// Where a campaign goes on.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The number of the first try that is not done.
    pub next: u64,
    /// What the tries before it have found.
    pub found: Summary,
}

/// Is told how far a campaign is, and says when it ends.
pub trait Watcher: Sync {
    /// So many systematic tries there are in all parts together.
    fn planned(&self, systematic: u64) {
        let _ = systematic;
    }

    /// All tries before this number are done, and this is what the last of them found.
    fn checkpoint(&self, next: u64, part: &Summary) {
        let _ = (next, part);
    }

    /// A cause is made shorter.
    fn minimizing(&self, fingerprint: &Fingerprint) {
        let _ = fingerprint;
    }

    /// True if the campaign must end at once.
    fn is_stopped(&self) -> bool {
        false
    }

    /// True if no try beyond the systematic ones may begin.
    fn is_spent(&self) -> bool {
        true
    }
}

/// A watcher that does nothing and allows the systematic tries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {}

/// Tries between two checkpoints.
const STRIDE: u64 = 64;
/// Causes that are made shorter; the others are listed with their first try.
const SHORTENED: usize = 40;

/// Runs a campaign from where it stands to its end.
pub fn run(bound: &Bound, orders: &Orders, arena: &dyn Arena, progress: Progress, watcher: &dyn Watcher) -> Summary {
    let tries = Tries::new(&bound.pack, &bound.settings, &orders.sides, orders.seed);
    let mut summary = progress.found;
    let surveys: Vec<_> = tries.fronts().iter().map(|front| survey(bound, front.clone(), arena, &mut summary)).collect();
    summary.diagnosis.sort();
    let systematic = tries.systematic();
    watcher.planned(systematic);
    let campaign = Campaign { bound, orders, arena, tries: &tries, surveys: &surveys, broken: known(&summary) };
    let end = orders.tries.unwrap_or(u64::MAX);
    let mut next = progress.next;
    let is_enough = |summary: &Summary| orders.enough.is_some_and(|enough| summary.broken().count() >= enough);
    while next < end
        && !is_enough(&summary)
        && !watcher.is_stopped()
        && (next < systematic || orders.tries.is_some() || !watcher.is_spent())
    {
        let until = (next + STRIDE).min(end).min(if next < systematic { systematic } else { u64::MAX });
        let part = campaign.stride(next, until);
        next = until;
        watcher.checkpoint(next, &part);
        summary.merge(part);
    }
    campaign.miss(next, systematic, &mut summary);
    campaign.shorten(&mut summary, watcher);
    summary
}

/// Requirements that good conversations break already.
fn known(summary: &Summary) -> BTreeSet<(Role, String)> {
    summary.baseline.keys().map(|fingerprint| (fingerprint.side, fingerprint.requirement.clone())).collect()
}

struct Campaign<'a> {
    bound: &'a Bound,
    orders: &'a Orders,
    arena: &'a dyn Arena,
    tries: &'a Tries,
    surveys: &'a [Survey],
    broken: BTreeSet<(Role, String)>,
}

/// What came of one try.
struct Result {
    place: Place,
    status: Status,
    reaction: String,
    findings: Vec<Finding>,
    way: String,
    number: u64,
}

impl Campaign<'_> {
    /// Plays the tries of this range that are this part's.
    fn stride(&self, from: u64, until: u64) -> Summary {
        let (index, count) = self.orders.part;
        let numbers: Vec<u64> = Tries::part(from..until, index, count).collect();
        let results: Vec<Mutex<Option<Result>>> = numbers.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(number) = numbers.get(next.load(Ordering::Relaxed)).map(|_| next.fetch_add(1, Ordering::Relaxed)) {
                let Some((number, slot)) = numbers.get(number).zip(results.get(number)) else { return };
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = self.result(*number);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.orders.jobs.max(1) {
                scope.spawn(work);
            }
            work();
        });
        let mut summary = Summary::default();
        for result in results {
            if let Some(result) = result.into_inner().unwrap_or_else(PoisonError::into_inner) {
                record(&mut summary, result);
            }
        }
        summary
    }

    fn survey(&self, side: Role) -> Option<&Survey> {
        self.surveys.iter().find(|survey| survey.front.side == side)
    }

    fn result(&self, number: u64) -> Option<Result> {
        let one = self.tries.get(number)?;
        let survey = self.survey(one.side)?;
        let ground = survey.grounds.get(one.state)?;
        let mut result = Result {
            place: place(survey, &one)?,
            status: Status::Hit,
            reaction: String::new(),
            findings: Vec::new(),
            way: way(survey, &one)?,
            number,
        };
        if let Some(why) = &ground.unreachable {
            return Some(Result { status: Status::Unreachable(why.clone()), ..result });
        }
        if let Some(why) = one.masked(&self.bound.pack) {
            return Some(Result { status: Status::Masked(why), ..result });
        }
        let scenario = one.scenario(&self.bound.pack, &survey.front, ground.probes)?;
        let sighting = self.play(one.side, &scenario);
        result.findings = sighting.findings;
        result.findings.retain(|finding| !self.broken.contains(&(one.side, finding.requirement.clone())));
        result.reaction = sighting.reaction;
        if let Some(why) = sighting.unreached {
            result.status = Status::Unreachable(why);
        }
        Some(result)
    }

    fn play(&self, side: Role, scenario: &Scenario) -> Sighting {
        let Bound { pack, settings } = self.bound;
        match plan::bind(pack, settings, side, "fuzz", scenario).first() {
            Some(case) => oracle::judge(self.bound, case, &self.arena.play(self.bound, case)),
            None => Sighting { unreached: Some("it makes no case".to_owned()), reaction: String::new(), findings: Vec::new() },
        }
    }

    /// True if the reference peer is found innocent in this conversation.
    fn is_fair(&self, side: Role, steps: &[Step]) -> bool {
        let scenario = Scenario::new("reference", steps.to_vec());
        let cases = plan::bind(&self.bound.pack, &self.bound.settings, side, "fuzz", &scenario);
        cases.first().is_some_and(|case| oracle::judge(self.bound, case, &Reference.play(self.bound, case)).findings.is_empty())
    }

    /// Counts the systematic tries that were not begun.
    fn miss(&self, next: u64, systematic: u64, summary: &mut Summary) {
        let (index, count) = self.orders.part;
        for number in Tries::part(next.min(systematic)..systematic, index, count) {
            let Some(one) = self.tries.get(number) else { continue };
            if let Some(place) = self.survey(one.side).and_then(|survey| place(survey, &one)) {
                summary.coverage.count(place, &Status::Missed("the campaign ended before".to_owned()), "");
            }
        }
    }

    /// Gives each cause the shortest conversation that shows it.
    fn shorten(&self, summary: &mut Summary, watcher: &dyn Watcher) {
        let mut left = SHORTENED;
        for (fingerprint, cause) in summary.baseline.iter_mut().chain(&mut summary.causes) {
            if cause.reproducer.is_some() || left == 0 || watcher.is_stopped() {
                continue;
            }
            left -= 1;
            watcher.minimizing(fingerprint);
            cause.reproducer = self.reproducer(fingerprint, cause);
        }
    }

    fn reproducer(&self, fingerprint: &Fingerprint, cause: &Cause) -> Option<String> {
        let survey = self.survey(fingerprint.side)?;
        let (scenario, one) = match cause.first {
            Some(number) => {
                let one = self.tries.get(number)?;
                (one.scenario(&self.bound.pack, &survey.front, survey.grounds.get(one.state)?.probes)?, Some(one))
            }
            None => (survey.broken.iter().find(|(known, _)| known == fingerprint)?.1.clone(), None),
        };
        let claim =
            one.as_ref().and_then(|one| one.violations.first().filter(|_| one.violations.len() == 1)).and_then(|only| only.claim.clone());
        let is_negative = |steps: &[Step]| claim.as_ref().is_none_or(|claim| claim.unbroken(&self.bound.pack, steps).is_none());
        // A shorter conversation that asks too much, such as a pong to no ping, would fail on everybody.
        let begins_fair = self.is_fair(fingerprint.side, &scenario.steps);
        let negative = |steps: &[Step]| is_negative(steps) && (!begins_fair || self.is_fair(fingerprint.side, steps));
        let mut fails = |scenario: &Scenario| {
            let sighting = self.play(fingerprint.side, scenario);
            sighting.reaction == fingerprint.reaction
                && sighting.findings.iter().any(|finding| finding.requirement == fingerprint.requirement)
        };
        let shortest = minimize(&self.bound.pack, fingerprint.side, &scenario, &negative, &mut fails);
        Some(reproducer::render(&self.comments(fingerprint, cause), &shortest))
    }

    fn comments(&self, fingerprint: &Fingerprint, cause: &Cause) -> Vec<String> {
        let Finding { requirement, expected, actual, .. } = &cause.finding;
        let protocol = self.bound.pack.id();
        let number = cause.first.map_or("a good conversation".to_owned(), |number| format!("try {number}"));
        vec![
            format!("Found by framegate fuzz {protocol}: seed {}, {number}.", self.orders.seed),
            format!("{requirement}: expected {expected}; {actual}. The {} {}.", fingerprint.side, fingerprint.reaction),
            format!("framegate replay --protocol {protocol} --side {} FILE", fingerprint.side),
        ]
    }
}

fn record(summary: &mut Summary, result: Result) {
    summary.tries += u64::from(!matches!(result.status, Status::Masked(_)));
    let mut told = BTreeSet::new();
    for finding in result.findings {
        // A try counts once, however often it breaks the same requirement.
        if !told.insert(finding.requirement.clone()) {
            continue;
        }
        let side = result.place.side;
        let fingerprint = Fingerprint { side, requirement: finding.requirement.clone(), reaction: result.reaction.clone() };
        let cause = Cause::new(finding, Some(result.number), result.way.clone());
        summary.add(fingerprint, cause);
    }
    summary.coverage.count(result.place.clone(), &result.status, &result.reaction);
    summary.coverage.broke(result.place, told);
}

fn place(survey: &Survey, one: &Try) -> Option<Place> {
    let state = survey.front.fields.get(one.state)?.state.name.clone();
    Some(Place { side: one.side, state, frame: one.frame().to_owned(), class: one.class() })
}

fn way(survey: &Survey, one: &Try) -> Option<String> {
    Some(format!("{} {} {} {}", survey.front.fields.get(one.state)?.state.name, one.class(), one.frame(), one.operator()))
}
