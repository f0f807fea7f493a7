//! A campaign: good conversations first, then try after try, then the shortest conversation for each cause.
//!
//! It keeps no clock and touches no disk: whoever runs it says when it is spent, and is given every checkpoint.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::arena::{Arena, Reference};
use super::batch::{Crew, Stock, Suspect, crew};
use super::cause::{Cause, Fingerprint};
use super::conversation;
use super::coverage::{Place, Status};
use super::minimizer::minimize;
use super::novelty::{self, EPOCH};
use super::oracle;
use super::patience::{Patience, play};
use super::reproducer;
use super::summary::Summary;
use super::survey::{Survey, survey};
use super::trial::{Front, Tries, Try};
use super::violation::Class;
use crate::pack::scenario::{Scenario, Step};
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
    /// How many tries that share a connection may be on their way at a time; 0 gives each try a connection and a runner of its own.
    pub depth: usize,
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

    /// True if so much time has passed since the last checkpoint that what was found is to be written down, although no cause is new.
    fn is_due(&self) -> bool {
        false
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

/// Tries between two checkpoints, at first.
const STRIDE: u64 = 64;
/// Good conversations that must fail one after another before a server counts as gone.
const GOOD_TRIES: usize = 3;
/// Causes that are made shorter; the others are listed with their first try.
const SHORTENED: usize = 40;

/// Runs a campaign from where it stands to its end.
pub fn run(bound: &Bound, orders: &Orders, arena: &dyn Arena, progress: Progress, watcher: &dyn Watcher) -> Summary {
    let mut summary = progress.found;
    let range = Range::look(bound, orders, arena, &mut summary);
    let Range { tries, surveys } = &range;
    summary.diagnosis.sort();
    let systematic = tries.systematic();
    watcher.planned(systematic);
    let stock = range.stock(bound, orders, arena);
    let crew = stock.as_ref().map(|stock| Crew::new(stock, orders.jobs));
    let patience = Patience::new(bound, arena, surveys.iter().map(|survey| &survey.front));
    let campaign = Campaign { bound, orders, arena, tries, surveys, crew, broken: known(&summary), patience };
    let jobs = orders.jobs.max(1) as u64;
    let most = if campaign.crew.is_some() { crew::STRIDE * jobs } else { STRIDE };
    // What a try takes is the target's affair: strides grow as long as they are quick.
    let mut stride = STRIDE.min(most);
    // What happens from here on is the tries' doing.
    arena.misfortunes();
    // Where no state is within reach, the systematic tries are only counted, and there is nothing to try at random.
    let most_tries = if surveys.iter().any(Survey::is_reached) { u64::MAX } else { systematic };
    let end = orders.tries.unwrap_or(u64::MAX).min(most_tries);
    let mut next = progress.next;
    let mut pending = Summary::default();
    let is_enough = |summary: &Summary| orders.enough.is_some_and(|enough| summary.broken().count() >= enough);
    while next < end
        && !is_enough(&summary)
        && !watcher.is_stopped()
        && (next < systematic || orders.tries.is_some() || !watcher.is_spent())
    {
        tries.learn(&summary.novelty);
        let until = (next + stride).min(novelty::epoch(next) + EPOCH).min(end).min(if next < systematic { systematic } else { u64::MAX });
        let mut part = campaign.stride(next, until, &summary);
        if watcher.is_stopped() {
            // Some of these tries were not made. What the others found stands, and none of them counts as done.
            summary.merge_causes(part.causes);
            break;
        }
        campaign.misfortunes(next, until, &mut part);
        let is_gone = campaign.is_gone(until, &mut part);
        next = until;
        let is_new = part.causes.keys().any(|fingerprint| !summary.causes.contains_key(fingerprint));
        pending.merge(part.clone());
        summary.merge(part);
        let is_due = watcher.is_due();
        stride = if is_due { (stride / 2).max(jobs) } else { (stride * 2).min(most) };
        if is_new || is_due {
            watcher.checkpoint(next, &std::mem::take(&mut pending));
        }
        if is_gone {
            break;
        }
    }
    if pending != Summary::default() {
        watcher.checkpoint(next, &pending);
    }
    tries.learn(&summary.novelty);
    campaign.miss(next, systematic, &mut summary);
    campaign.shorten(&mut summary, watcher);
    summary
}

/// What can be tried at a target: the tries, and which states good conversations have shown to be within reach.
#[derive(Debug)]
pub struct Range {
    tries: Tries,
    surveys: Vec<Survey>,
}

impl Range {
    /// Plays the good conversations.
    pub fn new(bound: &Bound, orders: &Orders, arena: &dyn Arena) -> Self {
        Self::look(bound, orders, arena, &mut Summary::default())
    }

    fn look(bound: &Bound, orders: &Orders, arena: &dyn Arena, summary: &mut Summary) -> Self {
        let tries = Tries::new(&bound.pack, &bound.settings, &orders.sides, orders.seed);
        let surveys = tries.fronts().iter().map(|front| survey(bound, front.clone(), arena, summary)).collect();
        Self { tries, surveys }
    }

    /// The states of this side and what can be done wrong in them, as the good conversations have shown them.
    pub fn front(&self, side: Role) -> Option<&Front> {
        self.surveys.iter().map(|survey| &survey.front).find(|front| front.side == side)
    }

    /// The tries.
    pub fn tries(&self) -> &Tries {
        &self.tries
    }

    /// The names of the states of a server, by their index.
    pub fn states(&self) -> Vec<&str> {
        let server = self.surveys.iter().find(|survey| survey.front.side == Role::Server);
        server.map_or_else(Vec::new, |survey| survey.front.fields.iter().map(|field| field.state.name.as_str()).collect())
    }

    /// What workers are made from, where tries can share connections to a server: one that takes several conversations at a time.
    pub fn stock<'a>(&'a self, bound: &'a Bound, orders: &Orders, arena: &'a dyn Arena) -> Option<Stock<'a>> {
        let (_, stop) = arena.server().filter(|_| orders.depth > 0)?;
        let survey = self.surveys.iter().find(|survey| survey.front.side == Role::Server)?;
        if bound.pack.manifest.exclusive {
            return None;
        }
        Some(Stock { bound, tries: &self.tries, survey, arena, stop, depth: orders.depth })
    }
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
    crew: Option<Crew<'a>>,
    broken: BTreeSet<(Role, String)>,
    patience: Patience<'a>,
}

/// What came of one try.
pub(super) struct Result {
    place: Place,
    status: Status,
    is_played: bool,
    reaction: String,
    findings: Vec<Finding>,
    way: String,
    number: u64,
}

/// What workers leave to the campaign: what may be sent, and what a try of its own says.
pub(super) struct Judge<'s, 'a> {
    campaign: &'s Campaign<'a>,
    known: &'s Summary,
}

impl Judge<'_, '_> {
    /// The try of this number if it is worth sending; otherwise what came of it.
    pub(super) fn aim(&self, number: u64) -> Option<std::result::Result<Try, Result>> {
        let campaign = self.campaign;
        let one = campaign.tries.get(number)?;
        let result = campaign.blank(&one)?;
        Some(match campaign.excuse(&one) {
            Some(status) => Err(Result { status, is_played: false, ..result }),
            None => Ok(one),
        })
    }

    /// What a try of its own says.
    pub(super) fn alone(&self, number: u64) -> Option<Result> {
        self.campaign.result(number)
    }

    /// What a part of a shared conversation says of its try, as a result.
    pub(super) fn shared(&self, suspect: &Suspect) -> Option<Result> {
        let campaign = self.campaign;
        let one = campaign.tries.get(suspect.number)?;
        let mut result = campaign.blank(&one)?;
        result.findings.clone_from(&suspect.findings);
        result.findings.retain(|finding| !campaign.broken.contains(&(one.side, finding.requirement.clone())));
        result.reaction.clone_from(&suspect.reaction);
        Some(result)
    }

    /// True if a cause of each finding is known.
    pub(super) fn is_known(&self, result: &Result) -> bool {
        result.findings.iter().all(|finding| self.known.causes.contains_key(&result.fingerprint(finding)))
    }

    /// Plays tries one after another on one connection.
    pub(super) fn row(&self, numbers: &[u64], summary: &mut Summary) {
        let campaign = self.campaign;
        let Some((scenario, one)) = campaign.in_a_row(numbers) else { return };
        let sighting = campaign.patience.play(one.side, &scenario);
        for finding in sighting.findings {
            if campaign.broken.contains(&(one.side, finding.requirement.clone())) {
                continue;
            }
            let fingerprint = Fingerprint { side: one.side, requirement: finding.requirement.clone(), reaction: sighting.reaction.clone() };
            let way = format!("{} tries in a row", numbers.len());
            let cause = Cause { row: numbers.to_vec(), ..Cause::new(finding, Some(one.number), way) };
            summary.add(fingerprint, cause);
        }
    }
}

impl Result {
    /// How it reacted.
    pub(super) fn reaction(&self) -> &str {
        &self.reaction
    }

    /// True if the same is wrong, with the same reaction.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let broken = |result: &Self| result.findings.iter().map(|finding| result.fingerprint(finding)).collect::<BTreeSet<_>>();
        broken(self) == broken(other)
    }

    /// True if nothing is wrong.
    pub(super) fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    fn fingerprint(&self, finding: &Finding) -> Fingerprint {
        Fingerprint { side: self.place.side, requirement: finding.requirement.clone(), reaction: self.reaction.clone() }
    }
}

impl Campaign<'_> {
    /// Plays the tries of this range that are this part's.
    fn stride(&self, from: u64, until: u64, known: &Summary) -> Summary {
        let (index, count) = self.orders.part;
        let numbers: Vec<u64> = Tries::part(from..until, index, count).collect();
        if let Some(crew) = &self.crew {
            return crew.stride(&numbers, &Judge { campaign: self, known });
        }
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

    /// What has befallen the process under test since the last stretch of tries, and no try of its own has shown.
    fn misfortunes(&self, next: u64, until: u64, part: &mut Summary) {
        for finding in self.arena.misfortunes() {
            if self.is_blamed(&finding, next..until, part) {
                continue;
            }
            if !part.causes.keys().any(|fingerprint| fingerprint.requirement == finding.requirement) {
                self.keep(finding, "does so after many tries", until, part);
            }
        }
    }

    /// True if a server has stopped serving good conversations: a state that they had reached was not reached any more by tries, nor is it now.
    fn is_gone(&self, until: u64, part: &mut Summary) -> bool {
        let lost = part.coverage.cells.iter().filter(|(place, cell)| place.side == Role::Server && cell.unreachable > 0);
        let lost: BTreeSet<&str> = lost.map(|(place, _)| place.state.as_str()).collect();
        let Some(survey) = self.survey(Role::Server) else { return false };
        let mut grounds = survey.front.fields.iter().zip(&survey.grounds);
        let shown = grounds.find(|(field, ground)| ground.unreachable.is_none() && lost.contains(field.state.name.as_str()));
        let Some((field, ground)) = shown else { return false };
        let good = conversation::scenario(&self.bound.pack, Role::Server, &field.state, &[], ground.probes);
        // One lost connection is nobody's fault.
        let tries: Vec<_> = (0..GOOD_TRIES).map_while(|_| self.patience.play(Role::Server, &good).unreached).collect();
        let Some(why) = tries.last().filter(|_| tries.len() == GOOD_TRIES && !self.arena.is_stopped()) else { return false };
        self.keep(oracle::gone(why), "serves nobody any more", until, part);
        true
    }

    /// Keeps what no try of its own has shown.
    fn keep(&self, finding: Finding, reaction: &str, until: u64, part: &mut Summary) {
        let side = self.orders.sides.first().copied().unwrap_or(Role::Server);
        let fingerprint = Fingerprint { side, requirement: finding.requirement.clone(), reaction: reaction.to_owned() };
        part.add(fingerprint, Cause::new(finding, Some(until.saturating_sub(1)), format!("some of the tries before number {until}")));
    }

    /// Plays the tries of this range by themselves until one shows this finding. True if one did.
    fn is_blamed(&self, finding: &Finding, range: std::ops::Range<u64>, part: &mut Summary) -> bool {
        let (index, count) = self.orders.part;
        for number in Tries::part(range, index, count).take_while(|_| !self.arena.is_stopped()) {
            let Some(result) = self.result(number) else { continue };
            if result.findings.iter().any(|own| own.requirement == finding.requirement) {
                blame(part, result);
                return true;
            }
        }
        false
    }

    fn survey(&self, side: Role) -> Option<&Survey> {
        self.surveys.iter().find(|survey| survey.front.side == side)
    }

    fn result(&self, number: u64) -> Option<Result> {
        let one = self.tries.get(number)?;
        let mut result = self.blank(&one)?;
        if let Some(status) = self.excuse(&one) {
            return Some(Result { status, is_played: false, ..result });
        }
        let survey = self.survey(one.side)?;
        let scenario = one.scenario(&self.bound.pack, &survey.front, survey.grounds.get(one.state)?.probes)?;
        let sighting = self.patience.play(one.side, &scenario);
        result.findings = sighting.findings;
        result.findings.retain(|finding| !self.broken.contains(&(one.side, finding.requirement.clone())));
        result.reaction = sighting.reaction;
        if let Some(why) = sighting.unreached {
            result.status = Status::Unreachable(why);
        }
        Some(result)
    }

    /// The result of a try of which nothing is known yet.
    fn blank(&self, one: &Try) -> Option<Result> {
        let survey = self.survey(one.side)?;
        let (place, way) = (place(survey, one)?, way(survey, one)?);
        Some(Result { place, status: Status::Hit, is_played: true, reaction: String::new(), findings: Vec::new(), way, number: one.number })
    }

    /// Why a try is not worth playing, if it is not.
    fn excuse(&self, one: &Try) -> Option<Status> {
        let ground = self.survey(one.side)?.grounds.get(one.state)?;
        if let Some(why) = &ground.unreachable {
            return Some(Status::Unreachable(why.clone()));
        }
        one.masked(&self.bound.pack).map(Status::Masked)
    }

    /// The conversation of several tries of one state on one connection, and the last of them.
    fn in_a_row(&self, numbers: &[u64]) -> Option<(Scenario, Try)> {
        let all: Vec<Try> = numbers.iter().filter_map(|number| self.tries.get(*number)).collect();
        let last = all.last()?.clone();
        let survey = self.survey(last.side)?;
        let probes = survey.grounds.get(last.state)?.probes;
        let violations = all.into_iter().flat_map(|one| one.violations).collect();
        let scenario = Try { violations, ..last.clone() }.scenario(&self.bound.pack, &survey.front, probes)?;
        Some((conversation::insisting(scenario), last))
    }

    /// True if the reference peer is found innocent in this conversation.
    fn is_fair(&self, side: Role, steps: &[Step]) -> bool {
        play(self.bound, &Reference, side, &Scenario::new("reference", steps.to_vec())).findings.is_empty()
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
            Some(_) if !cause.row.is_empty() => (self.in_a_row(&cause.row)?.0, None),
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
            let sighting = self.patience.play(fingerprint.side, scenario);
            sighting.reaction == fingerprint.reaction
                && sighting.findings.iter().any(|finding| finding.requirement == fingerprint.requirement)
        };
        let mut comments = self.comments(fingerprint, cause);
        // The first conversation is worth keeping even where something before it was needed too.
        if !fails(&scenario) {
            comments.push("Played by itself once more, it did not show it.".to_owned());
            return Some(reproducer::render(&comments, &scenario));
        }
        let shortest = minimize(&self.bound.pack, fingerprint.side, &scenario, &negative, &mut fails);
        Some(reproducer::render(&comments, &shortest))
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

/// Counts what came of one try.
pub(super) fn record(summary: &mut Summary, mut result: Result) {
    summary.tries += u64::from(result.is_played);
    let mut told = BTreeSet::new();
    for finding in std::mem::take(&mut result.findings) {
        // A try counts once, however often it breaks the same requirement.
        if !told.insert(finding.requirement.clone()) {
            continue;
        }
        let fingerprint = result.fingerprint(&finding);
        let cause = Cause::new(finding, Some(result.number), result.way.clone());
        summary.add(fingerprint, cause);
    }
    if result.status == Status::Hit {
        summary.novelty.see(result.number, result.place.side, &result.place.state, &result.reaction);
    }
    // A random try is no item of a list: one that is not worth playing is not missing.
    if result.is_played || result.place.class != Class::Random {
        summary.coverage.count(result.place.clone(), &result.status, &result.reaction);
    }
    summary.coverage.broke(result.place, told);
}

/// Keeps what one try has found, whose violation is counted already.
pub(super) fn blame(summary: &mut Summary, result: Result) {
    let mut found = Summary::default();
    record(&mut found, result);
    summary.merge_causes(found.causes);
}

fn place(survey: &Survey, one: &Try) -> Option<Place> {
    let state = survey.front.fields.get(one.state)?.state.name.clone();
    Some(Place { side: one.side, state, frame: one.frame().to_owned(), class: one.class() })
}

fn way(survey: &Survey, one: &Try) -> Option<String> {
    Some(format!("{} {} {} {}", survey.front.fields.get(one.state)?.state.name, one.class(), one.frame(), one.operator()))
}
