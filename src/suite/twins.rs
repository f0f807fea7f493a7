//! Cases that mean something only if another one, their positive twin, passes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::plan::Case;
use crate::verdict::{CaseResult, Finding, Outcome, Severity, Verdict};

/// A case whose positive twin did not pass proves nothing: its verdict becomes inconclusive, and so that of the cases whose twin it is.
pub fn doubt_without_twin<'a>(planned: impl IntoIterator<Item = &'a Case>, results: &mut [CaseResult]) {
    let twins: HashMap<&str, &str> = planned.into_iter().filter_map(|case| Some((case.id.as_str(), case.twin.as_deref()?))).collect();
    let is_broken = |case: &&CaseResult| matches!(case.verdict(), Verdict::Fail | Verdict::Error | Verdict::Inconclusive);
    let itself = |case: &CaseResult| Doubt { root: case.id.clone(), flags: String::new() };
    let mut broken: BTreeMap<String, Doubt> = results.iter().filter(is_broken).map(|case| (case.id.clone(), itself(case))).collect();
    let mut doubted: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = doubted.len();
        for case in results.iter_mut().filter(|case| case.skipped.is_none()) {
            let Some(twin) = twins.get(case.id.as_str()) else { continue };
            let Some((twin, doubt)) = broken.iter().find(|(id, _)| is_case_of(id, twin)) else { continue };
            if doubted.insert(case.id.clone()) {
                let doubt = Doubt { root: doubt.root.clone(), flags: format!(" --only '{twin}'{}", doubt.flags) };
                doubt.cast_on(case);
                broken.insert(case.id.clone(), doubt);
            }
        }
        if doubted.len() == before {
            return;
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

/// True if the id is the scenario's case, or one of its rows.
fn is_case_of(id: &str, scenario: &str) -> bool {
    id.strip_prefix(scenario).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
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
        doubt_without_twin(&plan, &mut results);
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
        doubt_without_twin(&plan, &mut results);
        assert_eq!(results.each_ref().map(CaseResult::verdict), [Verdict::Fail, Verdict::Warn]);
    }
}
