//! What the page says, as values for its template.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Serialize;

use super::picture::Picture;
use super::raw::Budget;
use crate::report::account::{reason, told};
use crate::report::breakage::breakages;
use crate::report::{amount, duration};
use crate::transcript::Role;
use crate::verdict::{CaseResult, Finding, Level, Outcome, Report, RequirementResult, Severity, Unlock, Verdict};

/// Findings of a case that are written out; more are only counted.
const FINDINGS: usize = 20;
/// Broken requirements that the summary lists.
const BROKEN: usize = 12;
/// The case's own verdicts, worst first.
const VERDICTS: [Verdict; 6] = [Verdict::Error, Verdict::Fail, Verdict::Inconclusive, Verdict::Warn, Verdict::Skip, Verdict::Pass];

/// The values of the template.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    policy: String,
    style: &'a str,
    script: &'a str,
    version: &'a str,
    target: &'a str,
    headline: &'static str,
    verdict: &'static str,
    wall: String,
    protocol_time: String,
    interrupted: String,
    unfinished: &'a [String],
    counts: Vec<(usize, &'static str)>,
    verdicts: Vec<(&'static str, usize)>,
    broken: Vec<Broken<'a>>,
    /// Broken things that the summary does not list.
    unlisted: usize,
    sides: Vec<Tested<'a>>,
    unlocks: Vec<Unlocked>,
    coverage: Vec<Coverage<'a>>,
    requirements: Vec<Requirement<'a>>,
    cases: Vec<Case<'a>>,
}

/// One requirement, or one cause, with the case that shows it best.
#[derive(Serialize)]
struct Broken<'a> {
    severity: &'static str,
    requirement: &'a str,
    text: &'a str,
    case: usize,
    cases: String,
}

#[derive(Serialize)]
struct Tested<'a> {
    protocol: &'a str,
    side: Role,
    cases: usize,
    verdicts: Vec<(&'static str, usize)>,
}

/// What the target could declare.
#[derive(Serialize)]
struct Unlocked {
    declare: String,
    share: String,
    requirements: Vec<Opened>,
}

/// A requirement that would be put to the test, and where it stands on the page.
#[derive(Serialize)]
struct Opened {
    id: String,
    anchor: Option<usize>,
}

#[derive(Serialize)]
struct Coverage<'a> {
    protocol: &'a str,
    side: Role,
    group: &'a str,
    level: Level,
    outcomes: Vec<Part>,
}

/// One colour of a bar: how many, and where it stands on a scale of 0 to 1000.
#[derive(Serialize)]
struct Part {
    class: &'static str,
    count: usize,
    begin: usize,
    width: usize,
}

#[derive(Serialize)]
struct Requirement<'a> {
    id: &'a str,
    protocol: &'a str,
    level: Level,
    side: Role,
    text: &'a str,
    source: &'a str,
    inferred: bool,
    excluded: Option<&'a str>,
    outcome: &'static str,
    class: &'static str,
    broken_by: Vec<Link<'a>>,
    more: usize,
}

#[derive(Serialize)]
struct Link<'a> {
    case: usize,
    id: &'a str,
}

#[derive(Serialize)]
struct Case<'a> {
    index: usize,
    id: &'a str,
    title: &'a str,
    protocol: &'a str,
    side: Role,
    verdict: &'static str,
    time: String,
    reason: String,
    path: Option<&'a str>,
    findings: Vec<Told<'a>>,
    more: usize,
    repeat: &'a str,
    data: String,
}

#[derive(Serialize)]
struct Told<'a> {
    requirement: &'a str,
    anchor: Option<usize>,
    level: Level,
    severity: &'static str,
    text: &'a str,
    source: &'a str,
    expected: &'a str,
    actual: &'a str,
    event: Option<usize>,
    place: Option<String>,
}

impl<'a> Page<'a> {
    /// Everything that the report says.
    pub(super) fn new(report: &'a Report, style: &'a str, script: &'a str, policy: String) -> Self {
        let interrupted = amount(report.unfinished.len(), "case") + " without a result";
        let (headline, verdict) = headline(report);
        let requirements = requirements(report);
        let anchors = Anchors::new(&requirements);
        Self {
            policy,
            style,
            script,
            version: &report.version,
            target: &report.target,
            headline,
            verdict,
            wall: duration(report.wall),
            protocol_time: duration(report.simulated()),
            interrupted: if report.interrupted { interrupted } else { String::new() },
            unfinished: &report.unfinished,
            counts: counts(report),
            verdicts: verdicts(&report.cases.iter().collect::<Vec<_>>()),
            unlisted: breakages(report).len().saturating_sub(BROKEN),
            broken: broken(report),
            sides: sides(report),
            unlocks: unlocks(report, &anchors),
            coverage: coverage(report),
            cases: cases(report, &anchors),
            requirements,
        }
    }
}

fn headline(report: &Report) -> (&'static str, &'static str) {
    match report.exit_code() {
        0 => ("passed", "pass"),
        1 => ("failed", "fail"),
        3 => ("inconclusive", "inconclusive"),
        4 => ("nothing ran", "skip"),
        _ => ("the harness failed", "error"),
    }
}

fn counts(report: &Report) -> Vec<(usize, &'static str)> {
    let counts = report.counts();
    vec![
        (counts.selected, "selected"),
        (counts.run, "run"),
        (counts.passed, "passed"),
        (counts.warned, "warned"),
        (counts.failed, "failed"),
        (counts.inconclusive, "inconclusive"),
        (counts.skipped, "skipped"),
        (counts.errors, "errors"),
        (counts.not_exercised, "not exercised"),
    ]
}

fn verdicts(cases: &[&CaseResult]) -> Vec<(&'static str, usize)> {
    VERDICTS.map(|verdict| (verdict.as_str(), cases.iter().filter(|case| case.verdict() == verdict).count())).into()
}

fn broken(report: &Report) -> Vec<Broken<'_>> {
    let by_id = by_id(report);
    let listed = breakages(report).into_iter().take(BROKEN);
    let broken = listed.filter_map(|breakage| {
        let (case, finding) = *breakage.places.first()?;
        Some(Broken {
            severity: class(breakage.severity),
            requirement: &finding.requirement,
            text: if finding.requirement == Finding::HARNESS { &finding.actual } else { &finding.text },
            case: *by_id.get(case.id.as_str())?,
            cases: amount(breakage.places.len(), "case"),
        })
    });
    broken.collect()
}

/// The number of each case.
fn by_id(report: &Report) -> HashMap<&str, usize> {
    report.cases.iter().enumerate().map(|(index, case)| (case.id.as_str(), index)).collect()
}

/// The class that a finding is drawn in.
fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "pass",
        Severity::Warn => "warn",
        Severity::Inconclusive => "inconclusive",
        Severity::Fail => "fail",
        Severity::Error => "error",
    }
}

fn sides(report: &Report) -> Vec<Tested<'_>> {
    let mut sides: IndexMap<(&str, Role), Vec<&CaseResult>> = IndexMap::new();
    for case in &report.cases {
        sides.entry((&case.protocol, case.side)).or_default().push(case);
    }
    sides.into_iter().map(|((protocol, side), cases)| Tested { protocol, side, cases: cases.len(), verdicts: verdicts(&cases) }).collect()
}

fn coverage(report: &Report) -> Vec<Coverage<'_>> {
    let mut groups: IndexMap<(&str, Role, &str, Level), Vec<&'static str>> = IndexMap::new();
    for requirement in &report.requirements {
        let key = (requirement.protocol.as_str(), requirement.side, requirement.group.as_str(), requirement.level);
        groups.entry(key).or_default().push(outcome(requirement).1);
    }
    groups.sort_by_key(|(protocol, side, group, level), _| (*protocol, std::cmp::Reverse(*side), *group, std::cmp::Reverse(*level)));
    let rows = groups.into_iter();
    rows.map(|((protocol, side, group, level), outcomes)| Coverage { protocol, side, group, level, outcomes: parts(&outcomes) }).collect()
}

fn parts(outcomes: &[&str]) -> Vec<Part> {
    let (all, mut before) = (outcomes.len().max(1), 0);
    let count = |class| {
        let count = outcomes.iter().filter(|outcome| **outcome == class).count();
        let begin = before * 1000 / all;
        before += count;
        Part { class, count, begin, width: before * 1000 / all - begin }
    };
    ["satisfied", "violated", "open", "excluded"].map(count).into()
}

/// An outcome in words, and the class it is drawn in.
fn outcome(requirement: &RequirementResult) -> (&'static str, &'static str) {
    match (&requirement.excluded, requirement.outcome) {
        (Some(_), _) => ("excluded", "excluded"),
        (None, Outcome::Satisfied) => ("satisfied", "satisfied"),
        (None, Outcome::Violated) => ("violated", "violated"),
        (None, Outcome::NotExercised) => ("not exercised", "open"),
    }
}

/// What is broken first, then what is open; else as the packs have them.
fn requirements(report: &Report) -> Vec<Requirement<'_>> {
    const LISTED: usize = 12;
    let by_id = by_id(report);
    let mut requirements: Vec<_> = report
        .requirements
        .iter()
        .map(|requirement| {
            let (outcome, class) = outcome(requirement);
            let broken_by = requirement.broken_by.iter();
            Requirement {
                id: &requirement.id,
                protocol: &requirement.protocol,
                level: requirement.level,
                side: requirement.side,
                text: &requirement.text,
                source: &requirement.source,
                inferred: requirement.inferred,
                excluded: requirement.excluded.as_deref(),
                outcome,
                class,
                broken_by: broken_by.take(LISTED).filter_map(|id| Some(Link { case: *by_id.get(id.as_str())?, id })).collect(),
                more: requirement.broken_by.len().saturating_sub(LISTED),
            }
        })
        .collect();
    requirements
        .sort_by_key(|requirement| ["violated", "open", "satisfied"].iter().position(|class| *class == requirement.class).unwrap_or(3));
    requirements
}

/// Worst first, else in the order of the plan; a case keeps the number that it has there.
fn cases<'a>(report: &'a Report, anchors: &Anchors<'_>) -> Vec<Case<'a>> {
    let mut cases: Vec<_> = report.cases.iter().enumerate().collect();
    cases.sort_by_key(|(_, case)| VERDICTS.iter().position(|verdict| *verdict == case.verdict()));
    let mut budget = Budget::default();
    cases.into_iter().map(|(index, case)| Case::new(index, case, anchors, &mut budget)).collect()
}

fn unlocks(report: &Report, anchors: &Anchors<'_>) -> Vec<Unlocked> {
    let unlocked = |unlock: &Unlock| Unlocked {
        declare: unlock.declare.join(" + "),
        share: format!("{}, {}", amount(unlock.requirements.len(), "requirement"), amount(unlock.cases, "case")),
        requirements: unlock.requirements.iter().map(|id| Opened { id: id.clone(), anchor: anchors.of(&unlock.protocol, id) }).collect(),
    };
    report.unlocks.iter().map(unlocked).collect()
}

/// Where each requirement stands on the page. Ids are unique within a protocol alone: the packs share their layers.
struct Anchors<'a>(HashMap<(&'a str, &'a str), usize>);

impl<'a> Anchors<'a> {
    fn new(requirements: &[Requirement<'a>]) -> Self {
        let keys = requirements.iter().map(|requirement| (requirement.protocol, requirement.id));
        Self(keys.enumerate().map(|(index, key)| (key, index)).collect())
    }

    fn of(&self, protocol: &str, id: &str) -> Option<usize> {
        self.0.get(&(protocol, id)).copied()
    }
}

impl<'a> Case<'a> {
    fn new(index: usize, case: &'a CaseResult, anchors: &Anchors<'_>, budget: &mut Budget) -> Self {
        let findings: Vec<&Finding> = told(case).collect();
        let shown = &findings[..findings.len().min(FINDINGS)];
        let told = |finding: &&'a Finding| Told::new(case, finding, anchors.of(&case.protocol, &finding.requirement));
        let verdict = case.verdict();
        Self {
            index,
            id: &case.id,
            title: &case.title,
            protocol: &case.protocol,
            side: case.side,
            verdict: verdict.as_str(),
            time: if verdict == Verdict::Skip { String::new() } else { duration(case.transcript.duration()) },
            reason: if verdict == Verdict::Pass { String::new() } else { reason(case) },
            path: case.origin.as_ref().map(|origin| origin.path.as_str()),
            findings: shown.iter().map(told).collect(),
            more: findings.len() - shown.len(),
            repeat: &case.repeat,
            data: Picture::new(case, shown, |id| anchors.of(&case.protocol, id), budget).to_json(),
        }
    }
}

impl<'a> Told<'a> {
    fn new(case: &CaseResult, finding: &'a Finding, anchor: Option<usize>) -> Self {
        Self {
            requirement: &finding.requirement,
            anchor,
            level: finding.level,
            severity: class(finding.severity),
            text: &finding.text,
            source: &finding.source,
            expected: &finding.expected,
            actual: &finding.actual,
            event: finding.event,
            place: case.place(finding).map(|(path, line)| format!("{path}:{line}")),
        }
    }
}
