//! What a baseline excuses and what it does not: the whole table, on made-up reports and with the program.

use std::time::Duration;

use framegate::baseline::{Baseline, Day, Entry, State, signature};
use framegate::verdict::{CaseResult, Finding, Level, Outcome, Report, RequirementResult, Severity, Verdict};

const CASE: &str = "demo/server/early";
const REQUIREMENT: &str = "demo-hello-first";

fn today() -> Day {
    "2026-06-15".parse().unwrap()
}

fn finding(severity: Severity, actual: &str) -> Finding {
    Finding { requirement: REQUIREMENT.to_owned(), level: Level::Must, ..Finding::harness(severity, "a hello", actual) }
}

/// A case with these findings, and what it says about the requirement.
fn case(id: &str, findings: Vec<Finding>, outcome: Outcome) -> CaseResult {
    let plain = crate::report::report().cases.remove(0);
    CaseResult { id: id.to_owned(), findings, outcomes: [(REQUIREMENT.to_owned(), outcome)].into(), ..plain }
}

fn report(cases: Vec<CaseResult>) -> Report {
    let plain = crate::report::report();
    let requirement = RequirementResult { id: REQUIREMENT.to_owned(), ..plain.requirements[0].clone() };
    Report { cases, requirements: vec![requirement], interrupted: false, unfinished: Vec::new(), ..plain }
}

fn failing() -> Report {
    report(vec![case(CASE, vec![finding(Severity::Fail, "nothing")], Outcome::Violated), passing_case("demo/server/good")])
}

fn passing_case(id: &str) -> CaseResult {
    case(id, Vec::new(), Outcome::Satisfied)
}

fn entry(signature_of: Option<&str>, expires: Option<&str>) -> Entry {
    Entry {
        signature: signature_of.map(|actual| signature(&finding(Severity::Fail, actual))).into_iter().collect(),
        expires: expires.map(|day| day.parse().unwrap()),
        ..Entry::new(REQUIREMENT, CASE, "the old broker")
    }
}

#[track_caller]
fn check(entry: Entry, mut report: Report, is_whole: bool, state: State, exit_code: u8) -> Report {
    let baseline = Baseline { entries: vec![entry] };
    assert_eq!(baseline.judge(&report, today(), is_whole), [state]);
    baseline.apply(&mut report, today(), is_whole);
    assert_eq!(report.exit_code(), exit_code, "{:?}", report.cases.iter().map(|case| (&case.id, case.verdict())).collect::<Vec<_>>());
    report
}

#[test]
fn a_known_failure_warns_and_says_why() {
    for entry in [entry(Some("nothing"), None), entry(None, None), entry(Some("nothing"), Some("2026-06-15"))] {
        let excused = check(entry, failing(), true, State::Excused, 0);
        assert_eq!(excused.cases[0].verdict(), Verdict::Warn);
        assert_eq!(excused.cases[0].findings[0].actual, "nothing (known: the old broker)");
    }
}

#[test]
fn what_only_the_twin_of_a_known_failure_would_prove_warns_too() {
    let doubtful = |twin: &str| {
        let twin = Some(twin.to_owned());
        Finding { twin, ..Finding::harness(Severity::Inconclusive, "the positive twin passes", "it did not pass") }
    };
    let with = |twin| {
        let mut report = failing();
        report.cases.push(case("demo/server/negative", vec![doubtful(twin)], Outcome::NotExercised));
        report
    };
    check(entry(None, None), with(CASE), true, State::Excused, 0);
    check(entry(None, None), with("demo/server/other"), true, State::Excused, 3);
    check(entry(Some("something else"), None), with(CASE), true, State::Changed, 1);
}

#[test]
fn a_failure_that_looks_different_fails() {
    let changed = check(entry(Some("something else"), None), failing(), true, State::Changed, 1);
    assert!(changed.cases[0].findings[0].actual.contains("knows another failure"), "{:?}", changed.cases[0].findings);
}

#[test]
fn an_expired_entry_fails_whether_it_still_fits_or_not() {
    check(entry(Some("nothing"), Some("2026-06-14")), failing(), true, State::Expired, 1);
    check(entry(None, Some("2026-06-14")), report(vec![passing_case(CASE)]), true, State::Expired, 1);
}

#[test]
fn an_entry_that_fits_nothing_fails_a_whole_run_and_no_part_of_one() {
    let stale = Entry { case: "demo/server/gone".to_owned(), ..entry(None, None) };
    let good = || report(vec![passing_case(CASE)]);
    let shown = check(stale.clone(), good(), true, State::Stale, 1);
    assert_eq!(shown.cases[1].findings[0].requirement, "framegate-baseline");
    check(stale, good(), false, State::Unjudged, 0);
    let unknown = Entry { requirement: "demo-no-such".to_owned(), ..entry(None, None) };
    check(unknown, good(), true, State::Stale, 1);
}

#[test]
fn an_entry_whose_failure_is_fixed_fails() {
    check(entry(None, None), report(vec![passing_case(CASE)]), true, State::Fixed, 1);
    check(entry(None, None), report(vec![passing_case(CASE)]), false, State::Fixed, 1);
}

#[test]
fn what_could_not_be_told_neither_excuses_nor_accuses() {
    let unsure = case(CASE, vec![finding(Severity::Inconclusive, "late")], Outcome::NotExercised);
    check(entry(None, None), report(vec![unsure, passing_case("demo/server/good")]), true, State::Unjudged, 3);
    let skipped = CaseResult { skipped: Some("no token".to_owned()), ..case(CASE, Vec::new(), Outcome::NotExercised) };
    check(entry(None, None), report(vec![skipped, passing_case("demo/server/good")]), true, State::Unjudged, 0);
}

#[test]
fn a_failure_of_the_harness_is_never_excused() {
    let everything = Entry { requirement: "*".to_owned(), case: "*".to_owned(), ..entry(None, None) };
    let broken = report(vec![case(CASE, vec![Finding::harness(Severity::Error, "a socket", "none")], Outcome::NotExercised)]);
    check(everything.clone(), broken, true, State::Unjudged, 70);
    let harness = report(vec![case(CASE, vec![Finding::harness(Severity::Fail, "a socket", "none")], Outcome::NotExercised)]);
    check(everything, harness, true, State::Stale, 1);
}

#[test]
fn an_updated_baseline_excuses_the_run_that_it_is_from() {
    let stale = Entry { case: "demo/server/gone".to_owned(), ..entry(None, None) };
    let fixed = Entry { case: "demo/server/good".to_owned(), ..entry(None, None) };
    let changed = Entry { owner: Some("ann".to_owned()), ..entry(Some("something else"), None) };
    for entries in [vec![], vec![stale, fixed, changed]] {
        let updated = Baseline { entries }.update(&failing(), today(), true);
        assert_eq!(updated.entries.len(), 1);
        let mut report = failing();
        updated.apply(&mut report, today(), true);
        assert_eq!(report.exit_code(), 0);
        let form = framegate::pack::Form::<Baseline>::read("baseline.yaml", &updated.to_yaml(), "baseline").unwrap();
        assert_eq!(form.value, updated);
    }
}

#[test]
fn an_update_keeps_reasons_and_gives_nothing_more_time() {
    let expired = entry(Some("nothing"), Some("2026-06-14"));
    let updated = Baseline { entries: vec![expired.clone()] }.update(&failing(), today(), true);
    assert_eq!(updated.entries, [expired]);
    assert_eq!(Day::of(Duration::from_secs(1_781_481_600)), today());
}
