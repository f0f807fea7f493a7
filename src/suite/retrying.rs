//! When a live case is played again, and which of its attempts counts.

use crate::verdict::{CaseResult, Verdict};

/// How often a case in which the harness was late is tried again, alone: the machine may have been busy with the other cases.
const REPEATS: u32 = 3;

/// What comes of a case that can be played again, as long as `play` gives a result.
pub(super) fn settled(first: CaseResult, retries: u32, mut play: impl FnMut() -> Option<CaseResult>) -> CaseResult {
    let mut repeat = |times: u32, is_settled: &dyn Fn(&CaseResult) -> bool| {
        let mut attempts: Vec<CaseResult> = Vec::new();
        while attempts.len() < times as usize && !attempts.last().is_some_and(is_settled) {
            let Some(attempt) = play() else { break };
            attempts.push(attempt);
        }
        attempts
    };
    let mut result = first;
    if result.is_undecided_by_lateness() {
        result = result.repeated(repeat(REPEATS, &|attempt| !attempt.is_undecided_by_lateness()));
    }
    if result.verdict() == Verdict::Fail {
        result = result.retried(repeat(retries, &|attempt| matches!(attempt.verdict(), Verdict::Pass | Verdict::Warn)));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Event, Mark, Role, Transcript, What};
    use crate::verdict::{Finding, Outcome, Severity};

    const LATE: &str = "late";

    /// A case that came out so; `late` for one that is inconclusive because the harness was late.
    fn case(outcome: &str) -> CaseResult {
        let severity = match outcome {
            "fail" => Some(Severity::Fail),
            "inconclusive" | LATE => Some(Severity::Inconclusive),
            _ => None,
        };
        let mut transcript = Transcript::default();
        if outcome == LATE {
            let what = What::Mark(Mark::Late { milliseconds: 400 });
            transcript.events.push(Event { at: std::time::Duration::ZERO, connection: 0, from: Role::Client, what });
        }
        let requirement = if severity == Some(Severity::Fail) { Outcome::Violated } else { Outcome::NotExercised };
        let findings = severity.map(|severity| Finding::harness(severity, "a reply", outcome)).into_iter().collect();
        let outcomes = [("demo-reply".to_owned(), requirement)].into_iter().collect();
        CaseResult { findings, outcomes, transcript, ..CaseResult::sample() }
    }

    /// Verdict, number of other attempts, and what is left to play.
    fn check(outcomes: &[&str], retries: u32, verdict: Verdict, attempts: usize, left: usize) {
        let mut played = outcomes.iter().map(|outcome| case(outcome));
        let result = settled(played.next().unwrap(), retries, || played.next());
        assert_eq!((result.verdict(), result.attempts.len(), played.len()), (verdict, attempts, left), "{outcomes:?}");
        if outcomes.contains(&"fail") && attempts > 0 {
            assert_eq!(result.outcomes["demo-reply"], Outcome::Violated, "{outcomes:?}");
        }
    }

    #[test]
    fn a_case_in_which_the_harness_was_late_is_played_until_it_decides_something() {
        check(&[LATE, "pass", "pass"], 0, Verdict::Pass, 1, 1);
        check(&[LATE, LATE, "fail", "pass"], 0, Verdict::Fail, 2, 1);
        check(&[LATE, LATE, LATE, LATE, "pass"], 0, Verdict::Inconclusive, 3, 1);
        check(&[LATE, "inconclusive", "pass"], 0, Verdict::Inconclusive, 1, 1);
        check(&[LATE], 0, Verdict::Inconclusive, 0, 0);
        check(&["inconclusive", "pass"], 0, Verdict::Inconclusive, 0, 1);
    }

    #[test]
    fn a_case_that_failed_is_played_as_often_as_is_asked() {
        check(&["fail", "pass"], 0, Verdict::Fail, 0, 1);
        check(&["fail", "pass", "pass"], 2, Verdict::Warn, 1, 1);
        check(&["fail", "fail", "inconclusive", "pass"], 2, Verdict::Fail, 2, 1);
        check(&[LATE, "fail", "pass"], 1, Verdict::Warn, 2, 0);
    }
}
