//! Findings put together: one requirement that many cases broke, or one cause that many cases share, is one breakage.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::conversation::draw;
use super::text::{Ink, Style, amount, blanks, columns, escape, wrap};
use crate::verdict::{CaseResult, Finding, Report, Severity, Verdict};

/// Ids of further cases that are written out; more are only counted.
const LISTED: usize = 24;
const INDENT: usize = 2;
/// Columns of the words before the values.
const KEY: usize = 10;

/// The conversations that are drawn already, by case and deciding event, with the requirement that they stand under.
pub(super) type Drawn = HashMap<(String, Option<usize>), String>;

/// One requirement, or one cause, with every case that it shows in.
pub(super) struct Breakage<'a> {
    /// What it does to a verdict.
    pub(super) severity: Severity,
    /// The case that shows it best comes first.
    pub(super) places: Vec<(&'a CaseResult, &'a Finding)>,
    is_inferred: bool,
}

/// Everything that is broken, most severe first, then in the order of the cases; what is only in doubt after that which puts it there.
pub(super) fn breakages(report: &Report) -> Vec<Breakage<'_>> {
    let mut groups: IndexMap<(Severity, &str), Vec<(&CaseResult, &Finding)>> = IndexMap::new();
    let findings = report.cases.iter().flat_map(|case| case.findings.iter().map(move |finding| (case, finding)));
    for (case, finding) in findings.filter(|(case, finding)| is_shown(case, finding)) {
        let places: &mut Vec<_> = groups.entry((finding.severity, cause(finding))).or_default();
        if places.iter().all(|(other, _)| other.id != case.id) {
            places.push((case, finding));
        }
    }
    let inferred = |id: &str| report.requirements.iter().any(|requirement| requirement.id == id && requirement.inferred);
    let mut breakages: Vec<_> = groups
        .into_iter()
        .map(|((severity, _), places)| Breakage {
            severity,
            is_inferred: inferred(&places[0].1.requirement),
            places: clearest_first(places),
        })
        .collect();
    breakages.sort_by_key(|breakage| (std::cmp::Reverse(breakage.severity), breakage.places[0].1.twin.is_some()));
    breakages
}

/// Remarks are for the JSON report. In a case that failed, what could not be asked any more is no news; in one that is inconclusive, the first
/// reason is why the others could not be asked.
fn is_shown(case: &CaseResult, finding: &Finding) -> bool {
    let is_first =
        || case.findings.iter().find(|other| other.severity == Severity::Inconclusive).is_some_and(|first| std::ptr::eq(first, finding));
    match finding.severity {
        Severity::Info => false,
        Severity::Inconclusive => case.verdict() == Verdict::Inconclusive && is_first(),
        Severity::Warn | Severity::Fail | Severity::Error => case.skipped.is_none(),
    }
}

/// A broken requirement is its own cause. What kept a question from being put is usually the same for many requirements.
fn cause(finding: &Finding) -> &str {
    match (finding.severity, &finding.twin) {
        (Severity::Inconclusive, Some(twin)) => twin,
        (Severity::Inconclusive | Severity::Error, _) => &finding.actual,
        (Severity::Info | Severity::Warn | Severity::Fail, _) => &finding.requirement,
    }
}

/// The case with the fewest other findings, then the shortest conversation, is the easiest to read.
fn clearest_first<'a>(mut places: Vec<(&'a CaseResult, &'a Finding)>) -> Vec<(&'a CaseResult, &'a Finding)> {
    let clearest = places
        .iter()
        .enumerate()
        .min_by_key(|(_, (case, finding))| (finding.event.is_none(), case.findings.len(), case.transcript.events.len()))
        .map_or(0, |(index, _)| index);
    let first = places.remove(clearest);
    places.insert(0, first);
    places
}

impl Breakage<'_> {
    /// The breakage in full: what, where, why, and how it came to it.
    pub(super) fn render(&self, drawn: &mut Drawn, style: &Style) -> String {
        let (case, finding) = self.places[0];
        let event = finding.event.map(|event| format!(" (event {event})")).unwrap_or_default();
        let mut text = self.heading(style);
        text.push_str(&paragraph(INDENT, &escape(&finding.text), style));
        text.push_str(&entry("source", &finding.source, style));
        text.push_str(&entry("expected", &finding.expected, style));
        text.push_str(&entry("actual", &format!("{}{event}", finding.actual), style));
        text.push_str(&entry("case", &format!("{}: {}", case.id, case.title), style));
        text.push_str(&stderr(case, style));
        text.push('\n');
        text.push_str(&self.conversation(drawn, style));
        text.push('\n');
        // On one line whatever its length, so that it can be copied.
        text.extend([&blanks(INDENT), "repeat: ", &escape(&case.repeat), "\n"]);
        text.push_str(&self.others(style));
        text
    }

    fn conversation(&self, drawn: &mut Drawn, style: &Style) -> String {
        let (case, finding) = self.places[0];
        let key = (case.id.clone(), finding.event);
        if let Some(requirement) = drawn.get(&key) {
            return paragraph(INDENT, &format!("The conversation is drawn above, under {}.", escape(requirement)), style);
        }
        drawn.insert(key, finding.requirement.clone());
        draw(&case.transcript, finding.event, style)
    }

    fn heading(&self, style: &Style) -> String {
        let (case, finding) = self.places[0];
        let inferred = if self.is_inferred { ", inferred" } else { "" };
        let count = if self.places.len() > 1 { format!(" · {}", amount(self.places.len(), "case")) } else { String::new() };
        let word = style.paint(self.severity.into(), verdict_of(self.severity).as_str());
        let name = style.paint(Ink::Strong, &escape(&finding.requirement));
        format!("{word}  {name} · {}{inferred} · {}{count}\n", finding.level.as_str(), case.side)
    }

    fn others(&self, style: &Style) -> String {
        let ids: Vec<_> = self.places.iter().skip(1).map(|(case, _)| escape(&case.id)).collect();
        if ids.is_empty() {
            return String::new();
        }
        let more = ids.len().saturating_sub(LISTED);
        let listed = ids.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        let rest = if more > 0 { format!(" and {more} more, named in the JSON report") } else { String::new() };
        entry("also in", &(listed + &rest), style)
    }
}

/// The verdict that a case with nothing worse would have.
fn verdict_of(severity: Severity) -> Verdict {
    match severity {
        Severity::Info => Verdict::Pass,
        Severity::Warn => Verdict::Warn,
        Severity::Inconclusive => Verdict::Inconclusive,
        Severity::Fail => Verdict::Fail,
        Severity::Error => Verdict::Error,
    }
}

/// The last words of a process under test, if it had any.
fn stderr(case: &CaseResult, style: &Style) -> String {
    let exits = case.transcript.events.iter().filter_map(|event| match &event.what {
        crate::transcript::What::Exited(process) => Some(&process.stderr),
        _ => None,
    });
    let lines: Vec<_> = exits.flatten().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(5));
    last.map(|line| entry("stderr", line, style)).collect()
}

fn entry(key: &str, value: &str, style: &Style) -> String {
    let indent = INDENT + KEY;
    let lines = wrap(&escape(value), style.width.saturating_sub(indent));
    let key = style.paint(Ink::Faint, key) + &blanks(KEY.saturating_sub(columns(key)));
    format!("{}{key}{}\n", blanks(INDENT), lines.join(&format!("\n{}", blanks(indent))))
}

fn paragraph(indent: usize, text: &str, style: &Style) -> String {
    let lines = wrap(text, style.width.saturating_sub(indent));
    format!("{}{}\n", blanks(indent), lines.join(&format!("\n{}", blanks(indent))))
}
