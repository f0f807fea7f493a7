//! Plays mutants and null peers against the cases, and writes down what noticed them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::breaker::breakers;
use super::mutant::{Mutant, mutants};
use crate::pack::fault::{Change, Excuse};
use crate::pack::requirement::Requirement;
use crate::peer::{self, Null};
use crate::plan::{Case, Selection, plan};
use crate::suite::{Bound, trial};
use crate::verdict::proof::{Check, Hole, Proof, State, Tried, Vacuous};
use crate::verdict::{CaseResult, Level, Outcome, Severity, Verdict};

/// How to prove.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Play every case against every mutant, not only those that can see it.
    pub all: bool,
}

/// In how many of the cases that exercise a requirement a breaker is tried.
const MOST_CASES: usize = 4;

/// Plays everything that can go wrong with this pack's reference peers, and says what noticed it.
pub fn prove(bound: &Bound, options: Options) -> Proof {
    let begun = Instant::now();
    let cases: Vec<Case> = plan(&bound.pack, &bound.settings, &Selection::default()).into_iter().filter(is_proving).collect();
    let good = in_parallel(&cases, |case| baseline(bound, case));
    let bench = Bench { bound, cases: &cases, good: &good, options, simulated: Mutex::new(Duration::ZERO) };
    let mutants = mutants(&bound.pack);
    let tried = in_parallel(&mutants, |mutant| bench.try_mutant(mutant));
    let vacuous = in_parallel(&cases, |case| bench.vacuous(case)).into_iter().flatten().collect();
    Proof {
        protocol: bound.pack.id().to_owned(),
        checks: bound.pack.requirements().filter(|(_, requirement)| requirement.excluded.is_none()).map(|(_, one)| check(one)).collect(),
        nulls: Null::ALL.iter().map(|null| null.name().to_owned()).collect(),
        broken: cases.iter().zip(&good).filter(|(_, good)| good.verdict != Verdict::Pass).map(|(case, _)| case.id.clone()).collect(),
        holes: bench.holes(&mutants, &tried),
        tried,
        vacuous,
        cases: cases.iter().map(|case| case.id.clone()).collect(),
        wall: begun.elapsed(),
        simulated: *bench.simulated.lock().unwrap_or_else(PoisonError::into_inner),
    }
}

/// A saved reproducer shows that one thing is mended, and claims to prove nothing else.
fn is_proving(case: &Case) -> bool {
    case.skipped.is_none() && !case.is_regression()
}

fn check(requirement: &Requirement) -> Check {
    Check { id: requirement.id.clone(), side: requirement.side, text: requirement.text.clone() }
}

/// What the reference peers come out with.
struct Good {
    verdict: Verdict,
    exercised: BTreeSet<String>,
    broken: BTreeSet<String>,
}

fn baseline(bound: &Bound, case: &Case) -> Good {
    let mut target = peer::faulty(bound.pack.clone(), bound.settings.clone(), case.side, &[]).0;
    let result = trial(bound, case, &mut *target);
    let exercised = result.outcomes.iter().filter(|(_, outcome)| **outcome != Outcome::NotExercised).map(|(id, _)| id.clone()).collect();
    Good { verdict: result.verdict(), exercised, broken: broken(&result) }
}

fn broken(result: &CaseResult) -> BTreeSet<String> {
    result.outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Violated).map(|(id, _)| id.clone()).collect()
}

struct Bench<'a> {
    bound: &'a Bound,
    cases: &'a [Case],
    good: &'a [Good],
    options: Options,
    simulated: Mutex<Duration>,
}

impl Bench<'_> {
    /// What becomes of a mutant.
    fn try_mutant(&self, mutant: &Mutant) -> Tried {
        let mut noticed = Noticed::default();
        for index in self.order(mutant) {
            self.try_case(mutant, index, &mut noticed);
            if noticed.by_name.is_some() && !self.options.all {
                break;
            }
        }
        let state = match (&noticed.by_name, &noticed.otherwise, noticed.applied, self.excuse(mutant)) {
            (Some((case, requirement)), ..) => State::Killed { case: case.clone(), requirement: requirement.clone() },
            (_, _, _, Some(reason)) => State::Excused { reason },
            (_, Some((case, requirement)), ..) => State::KilledOtherwise { case: case.clone(), requirement: requirement.clone() },
            (_, _, false, _) => State::NotApplied,
            _ => State::Survived,
        };
        let Mutant { id, side, what, trips, .. } = mutant.clone();
        Tried { id, side, what, trips, state, broke: noticed.broke, cases: noticed.cases }
    }

    /// First the cases in which a requirement that the mutant must trip is exercised, then the others of its side.
    fn order(&self, mutant: &Mutant) -> Vec<usize> {
        let of_side = |index: &usize| self.cases[*index].side == mutant.side;
        let sees = |index: &usize| mutant.trips.iter().any(|id| self.good[*index].exercised.contains(id));
        let (mut sees, others): (Vec<_>, Vec<_>) = (0..self.cases.len()).filter(of_side).partition(sees);
        sees.extend(others);
        sees
    }

    fn try_case(&self, mutant: &Mutant, index: usize, noticed: &mut Noticed) {
        let (case, good) = (&self.cases[index], &self.good[index]);
        let changes = std::slice::from_ref(&mutant.change);
        let (mut target, applied) = peer::faulty(self.bound.pack.clone(), self.bound.settings.clone(), case.side, changes);
        let result = trial(self.bound, case, &mut *target);
        *self.simulated.lock().unwrap_or_else(PoisonError::into_inner) += result.transcript.duration();
        noticed.cases += 1;
        noticed.applied |= applied.count() > 0;
        let new: BTreeSet<_> = broken(&result).difference(&good.broken).cloned().collect();
        if noticed.by_name.is_none() {
            noticed.by_name = new.iter().find(|id| mutant.trips.contains(id)).map(|id| (case.id.clone(), id.clone()));
        }
        if noticed.otherwise.is_none() {
            let other = result.findings.iter().find(|finding| finding.severity >= Severity::Warn);
            noticed.otherwise =
                other.filter(|_| result.verdict() != good.verdict).map(|finding| (case.id.clone(), finding.requirement.clone()));
        }
        for id in new {
            noticed.broke.entry(id).or_insert_with(|| case.id.clone());
        }
    }

    fn excuse(&self, mutant: &Mutant) -> Option<String> {
        let mut excuses = self.bound.pack.layers.iter().flat_map(|layer| &layer.faults.excused);
        excuses.find(|excuse| fits(&excuse.mutant, &mutant.id)).map(|Excuse { reason, .. }| reason.clone())
    }

    /// Requirements of the level must or should that nothing breaks: neither the mutants where they were played, nor any mutant or breaker
    /// in any case that exercises them.
    fn holes(&self, mutants: &[Mutant], tried: &[Tried]) -> Vec<Hole> {
        let broken: BTreeSet<_> = tried.iter().flat_map(|tried| tried.broke.keys()).collect();
        let asked = |id: &str| mutants.iter().filter(|mutant| mutant.trips.iter().any(|trip| trip == id)).count();
        let open: Vec<&Requirement> = self
            .bound
            .pack
            .requirements()
            .map(|(_, requirement)| requirement)
            .filter(|requirement| requirement.level > Level::May && requirement.excluded.is_none() && !broken.contains(&requirement.id))
            .collect();
        let breaks = in_parallel(&open, |requirement| self.can_break(requirement, mutants));
        let holes = open.iter().zip(breaks).filter(|(_, breaks)| !breaks);
        holes.map(|(requirement, _)| Hole { requirement: requirement.id.clone(), mutants: asked(&requirement.id) }).collect()
    }

    fn can_break(&self, requirement: &Requirement, mutants: &[Mutant]) -> bool {
        let own = mutants.iter().filter(|mutant| mutant.side == requirement.side).map(|mutant| mutant.change.clone());
        let changes: Vec<Change> = breakers(&self.bound.pack, requirement.side).into_iter().chain(own).collect();
        let sees = |index: &usize| self.good[*index].exercised.contains(&requirement.id) && self.cases[*index].side == requirement.side;
        let cases: Vec<usize> = (0..self.cases.len()).filter(sees).collect();
        changes.iter().any(|change| cases.iter().take(MOST_CASES).any(|index| self.breaks(requirement, change, &self.cases[*index])))
    }

    fn breaks(&self, requirement: &Requirement, change: &Change, case: &Case) -> bool {
        let changes = std::slice::from_ref(change);
        let (mut target, _) = peer::faulty(self.bound.pack.clone(), self.bound.settings.clone(), case.side, changes);
        let result = trial(self.bound, case, &mut *target);
        result.outcomes.get(&requirement.id) == Some(&Outcome::Violated)
    }

    /// The null peers against which a case passes.
    fn vacuous(&self, case: &Case) -> Vec<Vacuous> {
        let verdict = |null: &Null, case: &Case| {
            let mut target = null.peer(self.bound.pack.clone(), self.bound.settings.clone(), case.side);
            trial(self.bound, case, &mut *target).verdict()
        };
        // A case whose twin does not pass against the same peer proves nothing, and says so: its verdict is inconclusive.
        let twin = case.twin.as_ref().and_then(|twin| self.cases.iter().find(|other| other.is_of(twin)));
        let is_doubted = |null: &Null| twin.is_some_and(|twin| !matches!(verdict(null, twin), Verdict::Pass | Verdict::Warn));
        let passes = |null: &Null| verdict(null, case) == Verdict::Pass && !is_doubted(null);
        let excuses: Vec<_> = self.bound.pack.layers.iter().flat_map(|layer| &layer.faults.vacuous).collect();
        let case_name = case.id.split_once('/').map_or(case.id.as_str(), |(_, name)| name);
        let reason = |null: Null| {
            let fitting =
                excuses.iter().find(|excuse| fits(&excuse.case, case_name) && excuse.peers.iter().any(|name| name == null.name()));
            fitting.map(|excuse| excuse.reason.clone())
        };
        let found = Null::ALL.into_iter().filter(passes);
        found.map(|null| Vacuous { case: case.id.clone(), peer: null.name().to_owned(), reason: reason(null) }).collect()
    }
}

#[derive(Default)]
struct Noticed {
    cases: usize,
    applied: bool,
    by_name: Option<(String, String)>,
    otherwise: Option<(String, String)>,
    broke: BTreeMap<String, String>,
}

/// A glob in which `*` stands for any run of characters.
fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Applies a function to every item, across the cores, and keeps the order.
fn in_parallel<T: Sync, R: Send>(items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) {
            scope.spawn(|| {
                while let Some((item, result)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).zip(results.get(index))
                } {
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(apply(item));
                }
            });
        }
    });
    results.into_iter().filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_glob_fits_as_a_whole() {
        assert!(fits("server/*/a*", "server/rule/abc"));
        assert!(fits("server/rule/abc", "server/rule/abc"));
        assert!(!fits("server/rule/ab", "server/rule/abc"));
        assert!(!fits("*/b", "server/rule/abc"));
    }
}
