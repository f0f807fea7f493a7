//! What the findings of a case say, in plain lines: the words that JUnit, TAP, Markdown and annotations share.
//!
//! Everything is escaped for a terminal; what else a format forbids, its own file takes care of.

use super::text::escape;
use crate::verdict::{CaseResult, Finding, Severity};

/// The finding that decides the verdict.
pub(super) fn worst(case: &CaseResult) -> Option<&Finding> {
    // The first of the most severe, as the list is ordered; `max_by_key` would take the last.
    case.findings.iter().rev().max_by_key(|finding| finding.severity)
}

/// Why a case is no pass, in one line.
pub(super) fn reason(case: &CaseResult) -> String {
    match (&case.skipped, worst(case)) {
        (Some(reason), _) => escape(reason),
        (None, Some(finding)) if finding.requirement == Finding::HARNESS => escape(&finding.actual),
        (None, Some(finding)) => escape(&format!("{}: {}", finding.requirement, finding.actual)),
        (None, None) => String::new(),
    }
}

/// Everything that a finding says, as keys and values.
pub(super) fn entries(case: &CaseResult, finding: &Finding) -> Vec<(&'static str, String)> {
    let at = case.place(finding).map(|(path, line)| format!("{path}:{line}"));
    let mut entries = vec![
        ("requirement", finding.requirement.clone()),
        ("level", finding.level.as_str().to_owned()),
        ("text", finding.text.clone()),
        ("source", finding.source.clone()),
        ("expected", finding.expected.clone()),
        ("actual", finding.actual.clone()),
    ];
    entries.extend(finding.event.map(|event| ("event", event.to_string())));
    entries.extend(at.map(|at| ("at", at)));
    entries.into_iter().map(|(key, value)| (key, escape(&value))).collect()
}

/// Findings that are worth a reader's time, most severe first.
pub(super) fn told(case: &CaseResult) -> impl Iterator<Item = &Finding> {
    case.findings.iter().filter(|finding| finding.severity > Severity::Info)
}
