//! What changed between two runs, read from their JSON reports.
//!
//! Cases and requirements are held against each other by id. Findings are compared by requirement alone: what was expected and what came may
//! quote identifiers that differ from run to run.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use indexmap::IndexMap;
use serde::Deserialize;

use super::console::counts_line;
use super::text::{Ink, Style, amount, blanks, columns, escape, pad, wrap};
use crate::verdict::{Counts, Outcome, Severity, Verdict};

/// One of the two runs: what a comparison needs of its report.
#[derive(Debug, Deserialize)]
pub struct Run {
    framegate: String,
    target: String,
    interrupted: bool,
    counts: Counts,
    cases: Vec<Case>,
    requirements: Vec<Requirement>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    verdict: Verdict,
    #[serde(default)]
    skipped: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    requirement: String,
    severity: Severity,
    actual: String,
}

#[derive(Debug, Deserialize)]
struct Requirement {
    id: String,
    protocol: String,
    #[serde(default)]
    excluded: Option<String>,
    outcome: Outcome,
}

impl Run {
    /// Reads what `report::json` wrote.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// What changed.
#[derive(Debug)]
pub struct Difference<'a> {
    before: &'a Run,
    after: &'a Run,
    worse: Vec<Change>,
    better: Vec<Change>,
    /// Cases that break other requirements than before, with the same verdict.
    other: Vec<Change>,
    requirements: Vec<Change>,
    /// Requirements whose outcome is weaker than it was.
    weaker: usize,
}

/// One line: what it was, what it is, of which case or requirement, and why.
#[derive(Debug, PartialEq)]
struct Change {
    was: &'static str,
    is: &'static str,
    id: String,
    why: String,
}

/// What a case or requirement is in a run that does not have it.
const ABSENT: &str = "absent";

impl<'a> Difference<'a> {
    /// Holds two runs against each other.
    pub fn new(before: &'a Run, after: &'a Run) -> Self {
        let mut difference =
            Self { before, after, worse: Vec::new(), better: Vec::new(), other: Vec::new(), requirements: Vec::new(), weaker: 0 };
        difference.compare_cases();
        difference.compare_requirements();
        difference
    }

    /// True if a case came out worse or is gone, or if a requirement is broken or not put to the test any more.
    pub fn is_worse(&self) -> bool {
        !self.worse.is_empty() || self.weaker > 0
    }

    /// True if nothing changed.
    pub fn is_empty(&self) -> bool {
        [&self.worse, &self.better, &self.other, &self.requirements].into_iter().all(Vec::is_empty)
    }

    fn compare_cases(&mut self) {
        let old: IndexMap<&str, &Case> = self.before.cases.iter().map(|case| (case.id.as_str(), case)).collect();
        let new: BTreeSet<&str> = self.after.cases.iter().map(|case| case.id.as_str()).collect();
        for case in &self.after.cases {
            match old.get(case.id.as_str()) {
                Some(before) if before.verdict < case.verdict => self.worse.push(case.change(before.verdict.as_str())),
                Some(before) if before.verdict > case.verdict => self.better.push(case.change(before.verdict.as_str())),
                Some(before) => self.other.extend(other_findings(before, case)),
                None if is_broken(case.verdict) => self.worse.push(case.change(ABSENT)),
                None => self.better.push(case.change(ABSENT)),
            }
        }
        for case in self.before.cases.iter().filter(|case| !new.contains(case.id.as_str())) {
            let change = Change { was: case.verdict.as_str(), is: ABSENT, id: case.id.clone(), why: String::new() };
            self.worse.push(change);
        }
    }

    fn compare_requirements(&mut self) {
        let key = |requirement: &'a Requirement| (requirement.protocol.as_str(), requirement.id.as_str());
        let old: IndexMap<_, &Requirement> = self.before.requirements.iter().map(|requirement| (key(requirement), requirement)).collect();
        let new: IndexMap<_, &Requirement> = self.after.requirements.iter().map(|requirement| (key(requirement), requirement)).collect();
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        for (protocol, id) in keys {
            let (before, after) = (old.get(&(protocol, id)), new.get(&(protocol, id)));
            let [was, is] = [before, after].map(|requirement| requirement.map_or(ABSENT, |requirement| requirement.word()));
            if was != is {
                self.weaker += usize::from(before.zip(after).is_some_and(|(before, after)| before.strength() > after.strength()));
                self.requirements.push(Change { was, is, id: format!("{protocol}: {id}"), why: String::new() });
            }
        }
    }

    /// Both runs, then what is worse, what is better, what else changed.
    pub fn render(&self, style: &Style) -> String {
        let run = |name: &str, run: &Run| {
            let interrupted = if run.interrupted { ", interrupted" } else { "" };
            let head = format!("{name}  {}, framegate {}{interrupted}\n", escape(&run.target), escape(&run.framegate));
            head + &style.paint(Ink::Faint, &format!("        {}", counts_line(&run.counts))) + "\n"
        };
        let runs = run("before", self.before) + &run("after ", self.after);
        let lists = [
            list("worse", Ink::Bad, &self.worse, style),
            list("better", Ink::Good, &self.better, style),
            list("as before, but other requirements are broken", Ink::Odd, &self.other, style),
            list("requirements", Ink::Strong, &self.requirements, style),
        ];
        let lists = lists.concat();
        let nothing = if self.is_empty() { "\nnothing changed\n" } else { "" };
        format!("{runs}{lists}{nothing}\n{}\n", self.summary())
    }

    fn summary(&self) -> String {
        format!(
            "{} worse · {} better · {} otherwise broken · {} changed",
            amount(self.worse.len(), "case"),
            self.better.len(),
            self.other.len(),
            amount(self.requirements.len(), "requirement")
        )
    }
}

impl Case {
    fn change(&self, was: &'static str) -> Change {
        Change { was, is: self.verdict.as_str(), id: self.id.clone(), why: self.why() }
    }

    fn why(&self) -> String {
        let worst = self.findings.iter().rev().max_by_key(|finding| finding.severity);
        match (&self.skipped, worst) {
            (Some(reason), _) => reason.clone(),
            (None, Some(finding)) if self.verdict != Verdict::Pass => format!("{}: {}", finding.requirement, finding.actual),
            _ => String::new(),
        }
    }

    /// The requirements that it breaks or cannot tell.
    fn broken(&self) -> BTreeSet<&str> {
        self.findings.iter().filter(|finding| finding.severity > Severity::Info).map(|finding| finding.requirement.as_str()).collect()
    }
}

impl Requirement {
    fn word(&self) -> &'static str {
        match (&self.excluded, self.outcome) {
            (Some(_), _) => "excluded",
            (None, Outcome::Satisfied) => "satisfied",
            (None, Outcome::Violated) => "violated",
            (None, Outcome::NotExercised) => "not exercised",
        }
    }

    /// How much good it says of a target.
    fn strength(&self) -> usize {
        ["violated", "excluded", "not exercised", "satisfied"].iter().position(|word| *word == self.word()).unwrap_or(0)
    }
}

fn is_broken(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Error)
}

/// What a case with the same verdict breaks now, and what no longer.
fn other_findings(before: &Case, after: &Case) -> Option<Change> {
    let (old, new) = (before.broken(), after.broken());
    let signed = |sign: char, ids: Vec<&&str>| ids.into_iter().map(|id| format!("{sign}{id}")).collect::<Vec<_>>();
    let changed = [signed('+', new.difference(&old).collect()), signed('-', old.difference(&new).collect())].concat();
    let verdict = after.verdict.as_str();
    (!changed.is_empty()).then(|| Change { was: verdict, is: verdict, id: after.id.clone(), why: changed.join(" ") })
}

fn list(title: &str, ink: Ink, changes: &[Change], style: &Style) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let arrow = |change: &Change| if change.was == change.is { change.is.to_owned() } else { format!("{} → {}", change.was, change.is) };
    let first = changes.iter().map(|change| columns(&arrow(change))).max().unwrap_or(0);
    let mut text = format!("\n{}\n", style.paint(ink, title));
    for change in changes {
        let head = format!("  {}  {}", pad(&arrow(change), first), escape(&change.id));
        let indent = first + 4;
        text.push_str(&head);
        for line in wrap(&escape(&change.why), style.width.saturating_sub(indent)).iter().take(2).filter(|line| !line.is_empty()) {
            let _ = write!(text, "\n{}{}", blanks(indent), style.paint(Ink::Faint, line));
        }
        text.push('\n');
    }
    text
}
