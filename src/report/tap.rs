//! A report in the Test Anything Protocol, version 14. A case that is inconclusive is skipped with the reason: it is neither green nor red.

use std::fmt::Write as _;

use super::account::{entries, reason, told};
use super::amount;
use super::text::escape;
use crate::verdict::{CaseResult, Finding, Report, Verdict};

/// The report as TAP lines.
pub fn render(report: &Report) -> String {
    let selected = report.counts().selected;
    let nothing = if selected == 0 { " # SKIP no case was selected" } else { "" };
    let mut text = format!("TAP version 14\n1..{selected}{nothing}\n");
    for (index, case) in report.cases.iter().enumerate() {
        text.push_str(&point(index + 1, case));
    }
    if report.interrupted {
        let _ = writeln!(text, "Bail out! interrupted: {} without a result", amount(report.unfinished.len(), "case"));
    }
    text
}

fn point(number: usize, case: &CaseResult) -> String {
    let verdict = case.verdict();
    let ok = if matches!(verdict, Verdict::Fail | Verdict::Error) { "not ok" } else { "ok" };
    let directive = match verdict {
        Verdict::Skip => format!(" # SKIP {}", described(&reason(case))),
        Verdict::Inconclusive => format!(" # SKIP inconclusive: {}", described(&reason(case))),
        _ => String::new(),
    };
    format!("{ok} {number} - {}{directive}\n{}", described(&escape(&case.id)), diagnostic(case))
}

/// A description may hold no bare `#`, which begins a directive, and no bare backslash.
fn described(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}

/// What was found, as a YAML block of quoted texts, which small readers of YAML know too.
fn diagnostic(case: &CaseResult) -> String {
    let findings: Vec<&Finding> = told(case).collect();
    if findings.is_empty() || case.skipped.is_some() {
        return String::new();
    }
    let mut text = format!("  ---\n  verdict: {}\n  title: {}\n  findings:\n", case.verdict().as_str(), quoted(&escape(&case.title)));
    for finding in findings {
        for (index, (key, value)) in entries(case, finding).into_iter().enumerate() {
            let dash = if index == 0 { "- " } else { "  " };
            let _ = writeln!(text, "    {dash}{key}: {}", quoted(&value));
        }
    }
    let _ = writeln!(text, "  repeat: {}\n  ...", quoted(&escape(&case.repeat)));
    text
}

/// A text without controls, in double quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
