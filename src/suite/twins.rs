//! Cases that mean something only if another one, their positive twin, passes.

use std::collections::{BTreeSet, HashMap};

use crate::plan::{Case, foundations, is_case_of};
use crate::verdict::{CaseResult, Finding, Outcome, Severity, Verdict};

/// A case whose positive twin did not pass proves nothing: its verdict becomes inconclusive, and so that of the cases whose twin it is.
pub fn doubt_without_twin(planned: &[&Case], results: &mut [CaseResult]) {
    let is_broken = |case: &&CaseResult| matches!(case.verdict(), Verdict::Fail | Verdict::Error | Verdict::Inconclusive);
    let broken: BTreeSet<String> = results.iter().filter(is_broken).map(|case| case.id.clone()).collect();
    if broken.is_empty() {
        return;
    }
    let by_id: HashMap<&str, &Case> = planned.iter().map(|case| (case.id.as_str(), *case)).collect();
    for result in results.iter_mut().filter(|result| result.skipped.is_none()) {
        let doubt = by_id.get(result.id.as_str()).and_then(|case| Doubt::about(planned, case, &broken));
        if let Some(doubt) = doubt {
            doubt.cast_on(result);
        }
    }
}

/// Why a case proves nothing.
struct Doubt {
    /// Id of the case that did not pass by itself.
    root: String,
    /// What more the command needs that repeats the case, so that it shows the same.
    flags: String,
}

impl Doubt {
    /// The doubt that goes deepest, if anything that the case stands on is broken.
    fn about(planned: &[&Case], case: &Case, broken: &BTreeSet<String>) -> Option<Self> {
        let mut flags = String::new();
        let mut doubt = None;
        for twin in foundations(planned, case) {
            let root = broken.iter().find(|id| is_case_of(id, twin));
            flags.extend([" --only '", root.map_or(twin, String::as_str), "'"]);
            doubt = root.map(|root| Self { root: root.clone(), flags: flags.clone() }).or(doubt);
        }
        doubt
    }

    fn cast_on(&self, case: &mut CaseResult) {
        let why = format!("the twin {} did not pass, so this case proves nothing", self.root);
        case.repeat.push_str(&self.flags);
        case.outcomes.values_mut().for_each(|outcome| *outcome = Outcome::NotExercised);
        for finding in case.findings.iter_mut().filter(|finding| finding.severity > Severity::Info) {
            if finding.severity != Severity::Error {
                finding.severity = Severity::Inconclusive;
                finding.twin = Some(self.root.clone());
            }
            finding.actual = format!("{} ({why})", finding.actual);
        }
        if case.verdict() == Verdict::Pass {
            let doubtful = Finding::harness(Severity::Inconclusive, "the positive twin passes", &why);
            case.findings.push(Finding { twin: Some(self.root.clone()), ..doubtful });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

    fn case(id: &str, severity: Option<Severity>) -> CaseResult {
        let findings = severity.map(|severity| Finding::harness(severity, "a reply", "none")).into_iter().collect();
        CaseResult { id: id.to_owned(), findings, outcomes: [("demo-a".to_owned(), Outcome::Satisfied)].into(), ..CaseResult::sample() }
    }

    fn planned(id: &str, twin: Option<&str>) -> Case {
        Case { id: id.to_owned(), twin: twin.map(ToOwned::to_owned), ..Case::sample(Role::Server) }
    }

    #[test]
    fn a_broken_twin_puts_in_doubt_what_stands_on_it_and_what_stands_on_that() {
        let plan = [planned("bad", Some("good")), planned("worse", Some("bad")), planned("good#row", None), planned("other", None)];
        let mut results = [
            case("bad", Some(Severity::Warn)),
            case("worse", None),
            case("good#row", Some(Severity::Fail)),
            case("other", Some(Severity::Fail)),
        ];
        doubt_without_twin(&plan.iter().collect::<Vec<_>>(), &mut results);
        let verdicts: Vec<_> = results.iter().map(CaseResult::verdict).collect();
        assert_eq!(verdicts, [Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Fail, Verdict::Fail]);
        assert_eq!(results[1].repeat, " --only 'bad' --only 'good#row'");
        assert_eq!(results[1].outcomes["demo-a"], Outcome::NotExercised);
        assert_eq!(results[2].outcomes["demo-a"], Outcome::Satisfied);
    }

    #[test]
    fn a_good_twin_puts_nothing_in_doubt() {
        let plan = [planned("bad", Some("good")), planned("good", None)];
        let mut results = [case("bad", Some(Severity::Fail)), case("good", Some(Severity::Warn))];
        doubt_without_twin(&plan.iter().collect::<Vec<_>>(), &mut results);
        assert_eq!(results.each_ref().map(CaseResult::verdict), [Verdict::Fail, Verdict::Warn]);
    }
}
