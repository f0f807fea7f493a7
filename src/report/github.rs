//! A report as annotations of GitHub Actions: workflow commands on standard output, each at the line of the scenario that asked.
//!
//! GitHub shows ten of a kind for a step, so one requirement, or one cause, is one annotation, and the tenth counts what is left.

use std::fmt::Write as _;

use super::account::entries;
use super::amount;
use super::breakage::{Breakage, breakages};
use super::console::counts_line;
use super::text::escape;
use crate::verdict::{Report, Severity};

/// What GitHub shows of each kind.
const MOST: usize = 10;

/// The report as workflow commands, ended by the counts.
pub fn render(report: &Report) -> String {
    let breakages = breakages(report);
    let mut text = String::new();
    for kind in [Kind::Error, Kind::Warning, Kind::Notice] {
        let of_kind: Vec<_> = breakages.iter().filter(|breakage| Kind::of(breakage.severity) == kind).collect();
        let shown = if of_kind.len() > MOST { MOST - 1 } else { of_kind.len() };
        for breakage in &of_kind[..shown] {
            text.push_str(&annotation(kind, breakage));
        }
        if of_kind.len() > shown {
            let _ = writeln!(text, "::{} title=framegate::and {} more, in the other reports", kind.as_str(), of_kind.len() - shown);
        }
    }
    if report.interrupted {
        let unfinished = amount(report.unfinished.len(), "case");
        let _ = writeln!(text, "::error title=framegate::interrupted: {unfinished} without a result");
    }
    text + &counts_line(&report.counts()) + "\n"
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Fail | Severity::Error => Self::Error,
            Severity::Warn => Self::Warning,
            Severity::Inconclusive | Severity::Info => Self::Notice,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

fn annotation(kind: Kind, breakage: &Breakage<'_>) -> String {
    let (case, finding) = breakage.places[0];
    let place = case.place(finding).map(|(path, line)| format!("file={},line={line},", property(path))).unwrap_or_default();
    let title = property(&format!("{} ({})", finding.requirement, finding.level.as_str()));
    let others = match breakage.places.len() - 1 {
        0 => String::new(),
        count => format!(" and {}", amount(count, "more case")),
    };
    let told = entries(case, finding).into_iter().filter(|(key, _)| ["text", "source", "expected", "actual"].contains(key));
    let told = told.map(|(key, value)| if key == "text" { value } else { format!("{key}: {value}") });
    let case_line = format!("case: {}{others}", escape(&case.id));
    let lines: Vec<_> = told.chain([case_line, format!("repeat: {}", escape(&case.repeat))]).collect();
    format!("::{} {place}title={title}::{}\n", kind.as_str(), message(&lines.join("\n")))
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(&escape(text)).replace(':', "%3A").replace(',', "%2C")
}
