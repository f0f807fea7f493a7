//! Two runs held against each other.

use framegate::report::diff::{Difference, Run};
use framegate::report::{Style, json};
use framegate::verdict::{CaseResult, Finding, Outcome, Report};

use crate::report::{check_golden, report};

fn run(report: &Report) -> Run {
    Run::from_json(&json::render(report, json::Transcripts::Broken)).unwrap()
}

fn rendered(before: &Report, after: &Report) -> (String, bool) {
    let (before, after) = (run(before), run(after));
    let difference = Difference::new(&before, &after);
    (difference.render(&Style::plain(100)), difference.is_worse())
}

/// The made-up run after a day's work: one case is mended, one broke, one breaks something else, one is gone, one is new.
fn later() -> Report {
    let mut later = report();
    later.cases[0].findings = std::mem::take(&mut later.cases[2].findings);
    "demo-other\u{1b}".clone_into(&mut later.cases[1].findings[0].requirement);
    later.cases.remove(5);
    later.cases.push(CaseResult { id: "demo/server/new".to_owned(), ..report().cases[0].clone() });
    later.requirements[1].outcome = Outcome::Satisfied;
    later.requirements[3].outcome = Outcome::NotExercised;
    later
}

#[test]
fn what_is_worse_comes_first_then_what_is_better_then_the_rest() {
    let (text, is_worse) = rendered(&report(), &later());
    assert!(is_worse);
    check_golden("diff.txt", &text);
}

#[test]
fn a_run_does_not_differ_from_itself_nor_from_one_with_other_times() {
    let cases = report().cases.into_iter().map(|case| CaseResult { wall: case.wall * 2, ..case }).collect();
    let (text, is_worse) = rendered(&report(), &Report { cases, ..report() });
    assert!(!is_worse && text.contains("\nnothing changed\n"), "{text}");
}

#[test]
fn other_words_for_the_same_break_are_no_change() {
    let mut later = report();
    for finding in later.cases.iter_mut().flat_map(|case| &mut case.findings) {
        *finding = Finding { actual: "something else".to_owned(), ..finding.clone() };
    }
    assert!(rendered(&report(), &later).0.contains("nothing changed"));
}

#[test]
fn a_case_that_is_gone_is_worse_and_one_that_is_mended_is_not() {
    let gone = Report { cases: report().cases.split_off(1), ..report() };
    let (text, is_worse) = rendered(&report(), &gone);
    assert!(is_worse && text.contains("pass → absent  demo/server/good"), "{text}");
    let (text, is_worse) = rendered(&gone, &report());
    assert!(!is_worse && text.contains("absent → pass  demo/server/good"), "{text}");
}

#[test]
fn a_requirement_that_nothing_tests_any_more_is_worse() {
    let mut before = report();
    before.requirements[0].outcome = Outcome::Satisfied;
    let mut after = before.clone();
    after.requirements[0].outcome = Outcome::NotExercised;
    let (text, is_worse) = rendered(&before, &after);
    assert!(is_worse && text.contains("satisfied → not exercised  demo: demo-hello-first"), "{text}");
}

#[test]
fn a_file_that_is_no_report_is_refused() {
    for wrong in ["", "{}", "[]", "{\"framegate\":1}"] {
        assert!(Run::from_json(wrong).is_err(), "{wrong}");
    }
}
