//! What a run against a live target holds in memory, whatever the target sends: how much of it at once, and what stays of it to the end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::runner::{Budget, Share};
use crate::transcript::Transcript;
use crate::verdict::CaseResult;

const MIB: usize = 1024 * 1024;

/// Bytes that all sessions that are going on may hold together.
const AT_ONCE: usize = 24 * MIB;

/// A transcript of more bytes is judged alone.
const LARGE: usize = MIB / 4;

/// A transcript of more events is kept to the end only as far as it matters.
const LONG: usize = 5000;

/// Bytes of transcripts that are kept to the end as they are; of later ones only what matters is, unless they are small.
const KEPT: usize = 8 * MIB;
const SMALL: usize = 16 * 1024;

/// What the live cases of a run hold together. Clones are the same.
#[derive(Clone, Debug)]
pub struct Holding(Arc<Held>);

#[derive(Debug)]
struct Held {
    budget: Budget,
    kept: AtomicUsize,
    /// False if results are looked at and dropped.
    keeps: bool,
    judging: Mutex<()>,
}

impl Default for Holding {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Holding {
    /// For cases whose results are looked at as they come and not kept, such as the tries of a campaign: their transcripts stay whole.
    pub fn passing() -> Self {
        Self::new(false)
    }

    fn new(keeps: bool) -> Self {
        Self(Arc::new(Held { budget: Budget::new(AT_ONCE), kept: AtomicUsize::new(0), keeps, judging: Mutex::new(()) }))
    }

    /// The part of one more case.
    pub(super) fn share(&self) -> Share {
        self.0.budget.share()
    }

    /// Judges a transcript, large ones one after another, and shortens what is kept of it if there is too much.
    pub(super) fn keep(&self, transcript: Transcript, judge: impl FnOnce(Transcript) -> CaseResult) -> CaseResult {
        let size = transcript.size();
        // To judge takes several times the memory of what is judged.
        let alone = (size > LARGE).then(|| self.0.judging.lock().unwrap_or_else(PoisonError::into_inner));
        let mut result = judge(transcript);
        if !self.0.keeps {
            return result;
        }
        let is_room = self.0.kept.fetch_add(size, Ordering::Relaxed) + size <= KEPT;
        if result.transcript.events.len() > LONG || !is_room && size > SMALL {
            shorten(&mut result);
            self.0.kept.fetch_sub(size - result.transcript.size().min(size), Ordering::Relaxed);
        }
        drop(alone);
        result
    }
}

/// Shortens the transcript around what was found.
fn shorten(result: &mut CaseResult) {
    let deciding: Vec<_> = result.findings.iter().filter_map(|finding| finding.event).collect();
    let mut places = result.transcript.shorten(&deciding).into_iter();
    for event in result.findings.iter_mut().filter_map(|finding| finding.event.as_mut()) {
        *event = places.next().unwrap_or(*event);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transcript::{Event, Frame, Role, What};
    use crate::verdict::{Finding, Severity};

    fn result(transcript: Transcript, event: usize) -> CaseResult {
        let finding = Finding { event: Some(event), ..Finding::harness(Severity::Inconclusive, "a", "b") };
        let findings = vec![finding.clone(), Finding { event: None, ..finding.clone() }, finding];
        CaseResult { findings, transcript, ..CaseResult::sample() }
    }

    fn flood(count: usize, payload: usize) -> Transcript {
        let what = || What::Frame(Frame::text("x".repeat(payload)));
        let event = |_| Event { at: Duration::ZERO, connection: 1, from: Role::Server, what: what() };
        Transcript { events: (0..count).map(event).collect() }
    }

    #[test]
    fn a_flood_is_shortened_and_its_findings_still_point_at_what_decided() {
        let mut transcript = flood(LONG * 2, 1);
        transcript.events[LONG].what = What::Frame(Frame::text("this one"));
        let kept = Holding::default().keep(transcript, |transcript| result(transcript, LONG));
        assert!(kept.transcript.events.len() < 200);
        for finding in [&kept.findings[0], &kept.findings[2]] {
            assert_eq!(kept.transcript.events[finding.event.unwrap()].what, What::Frame(Frame::text("this one")));
        }
        assert_eq!(kept.findings[1].event, None);
    }

    #[test]
    fn what_is_not_kept_stays_whole() {
        let kept = Holding::passing().keep(flood(LONG * 2, 1), |transcript| result(transcript, LONG));
        assert_eq!(kept.transcript.events.len(), LONG * 2);
    }

    #[test]
    fn large_messages_stay_whole_until_there_are_too_many() {
        let holding = Holding::default();
        let sizes: Vec<_> = (0..12).map(|_| holding.keep(flood(2, MIB), |transcript| result(transcript, 1)).transcript.size()).collect();
        assert!(sizes[0] > MIB && sizes[11] < LARGE, "{sizes:?}");
    }
}
