//! All workers of a campaign: they share out a stretch of tries, and what they cannot tell is played as tries of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::worker::{Left, Stock, Suspect, Worker};
use crate::fuzz::campaign::{Judge, blame, record};
use crate::fuzz::summary::Summary;

/// Tries that a worker takes at a time.
pub(in crate::fuzz) const STRIDE: u64 = 4096;

/// The workers.
pub(in crate::fuzz) struct Crew<'a> {
    workers: Vec<Mutex<Worker<'a>>>,
}

impl<'a> Crew<'a> {
    /// So many workers.
    pub(in crate::fuzz) fn new(stock: &'a Stock<'a>, count: usize) -> Self {
        // What they invent must differ from worker to worker and from run to run: the target may remember it.
        let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let seed = |index: usize| u64::try_from(run & u128::from(u64::MAX)).unwrap_or_default().rotate_left(32) ^ index as u64;
        Self { workers: (0..count.max(1)).map(|index| Mutex::new(Worker::new(stock, seed(index)))).collect() }
    }

    /// Plays these tries and says what came of them.
    pub(in crate::fuzz) fn stride(&self, numbers: &[u64], judge: &Judge<'_, '_>) -> Summary {
        let share = numbers.len().div_ceil(self.workers.len()).max(1);
        let mut summary = Summary::default();
        let parts: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = numbers
                .chunks(share)
                .zip(&self.workers)
                .map(|(numbers, worker)| {
                    let work = move || work(&mut worker.lock().unwrap_or_else(PoisonError::into_inner), numbers, judge);
                    scope.spawn(work)
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        for part in parts {
            summary.merge(part);
        }
        summary
    }
}

fn work(worker: &mut Worker<'_>, numbers: &[u64], judge: &Judge<'_, '_>) -> Summary {
    let mut summary = Summary::default();
    let mut shots = Vec::with_capacity(numbers.len());
    let mut alone = Vec::new();
    for number in numbers {
        match judge.aim(*number) {
            Some(Ok(one)) => match worker.shot(&one) {
                Some(shot) => shots.push(shot),
                None => alone.push(*number),
            },
            Some(Err(result)) => record(&mut summary, result),
            None => {}
        }
    }
    let left = worker.fire(&shots);
    worker.drain(&mut summary);
    alone.extend(&left.alone);
    settle(worker, &alone, left, judge, &mut summary);
    summary
}

/// Plays what was left as tries of their own.
fn settle(worker: &mut Worker<'_>, alone: &[u64], left: Left, judge: &Judge<'_, '_>, summary: &mut Summary) {
    for number in alone {
        if worker.is_stopped() {
            return;
        }
        if let Some(result) = judge.alone(*number) {
            record(summary, result);
        }
    }
    for number in &left.again {
        if let Some(result) = judge.alone(*number).filter(|result| !result.is_good()) {
            blame(summary, result);
        }
    }
    suspects(worker, left.suspects, judge, summary);
    for row in &left.rows {
        judge.row(row, summary);
    }
}

/// The first suspects of each kind have tries of their own. If one of them is confirmed, so are the others of its kind.
fn suspects(worker: &mut Worker<'_>, suspects: Vec<Suspect>, judge: &Judge<'_, '_>, summary: &mut Summary) {
    let mut kinds: BTreeMap<_, Vec<Suspect>> = BTreeMap::new();
    for suspect in suspects {
        let requirements: Vec<_> = suspect.findings.iter().map(|finding| finding.requirement.clone()).collect();
        kinds.entry((requirements, suspect.reaction.clone())).or_default().push(suspect);
    }
    for (_, suspects) in kinds {
        let mut is_confirmed = false;
        for suspect in suspects {
            let Some(shared) = judge.shared(&suspect) else { continue };
            if shared.is_good() {
                worker.acquit(&suspect, shared.reaction());
            }
            if shared.is_good() || is_confirmed || judge.is_known(&shared) {
                record(summary, shared);
                continue;
            }
            if worker.is_stopped() {
                return;
            }
            let Some(result) = judge.alone(suspect.number) else { continue };
            if result.is_good() {
                worker.acquit(&suspect, result.reaction());
            }
            is_confirmed |= result.is_like(&shared);
            record(summary, result);
        }
    }
}
