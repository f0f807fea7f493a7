//! What a run found out: levels, findings, verdicts, counts, the report. A verdict is derived from findings and never stored beside them.

pub mod proof;

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::transcript::{Event, Mark, Redaction, Role, Transcript, What};

/// How strongly a document asks for something (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Allowed; only observed.
    May,
    /// Recommended; a breach warns.
    Should,
    /// Demanded; a breach fails.
    Must,
}

impl Level {
    /// `must`, `should` or `may`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

/// The outcome of one case, in rising order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every covered requirement was exercised and satisfied.
    Pass,
    /// Not applicable by declaration; always with a reason.
    Skip,
    /// A SHOULD is broken, or a documented ambiguity was resolved the unusual way.
    Warn,
    /// The requirement could not be brought to the test.
    Inconclusive,
    /// A MUST is broken.
    Fail,
    /// The harness failed, or sent what its own schema forbids without saying so.
    Error,
}

impl Verdict {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }
}

/// What one finding does to the verdict of its case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Recorded, nothing more.
    Info,
    /// Warns.
    Warn,
    /// The question could not be put.
    Inconclusive,
    /// Fails.
    Fail,
    /// The harness is at fault.
    Error,
}

/// One broken requirement, or one reason why it could not be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the requirement.
    pub requirement: String,
    /// Its level.
    pub level: Level,
    /// What this finding does to the verdict. An inferred requirement warns at most.
    pub severity: Severity,
    /// The requirement's sentence.
    pub text: String,
    /// Document and section it comes from.
    pub source: String,
    /// Index in the transcript of the event that decides, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<usize>,
    /// Index of the scenario step that asked, if a step did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// What was expected, as a phrase.
    pub expected: String,
    /// What came instead, as a phrase.
    pub actual: String,
    /// Id of another case that did not pass, without which this one proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
}

impl Finding {
    /// Id under which the harness reports on itself.
    pub const HARNESS: &str = "framegate-harness";

    /// A finding about a case that failed at first and passed at the last of so many tries.
    fn flake(tries: usize, failure: &Self) -> Self {
        Self {
            requirement: "framegate-flake".to_owned(),
            level: Level::Should,
            severity: Severity::Warn,
            text: "A case comes out the same each time.".to_owned(),
            source: "framegate".to_owned(),
            event: None,
            step: None,
            expected: "the same outcome each time".to_owned(),
            actual: format!("a flake: it passed at try {tries}; before, {}: {}", failure.requirement, failure.actual),
            twin: None,
        }
    }

    /// A finding about the harness's own work.
    pub fn harness(severity: Severity, expected: &str, actual: &str) -> Self {
        Self {
            requirement: Self::HARNESS.to_owned(),
            level: Level::Must,
            severity,
            text: "The harness must be able to put its question.".to_owned(),
            source: "framegate".to_owned(),
            event: None,
            step: None,
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            twin: None,
        }
    }
}

/// What a transcript says about one requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its trigger never occurred: nothing is proved.
    NotExercised,
    /// It was put to the test and held.
    Satisfied,
    /// It was put to the test and broke.
    Violated,
}

/// Where a scenario, or a case of it, is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The file.
    pub path: String,
    /// The line of each step, from 1. In a case, what a phase or a repetition brings in stands on the line that asks for it.
    pub lines: Vec<usize>,
}

/// One attempt at a case that was tried more than once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was said.
    pub transcript: Transcript,
}

/// Everything that came of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseResult {
    /// `<protocol>/<side under test>/<scenario>`, with `#<row>` where a scenario has rows.
    pub id: String,
    /// The scenario's title.
    pub title: String,
    /// Id of the pack.
    pub protocol: String,
    /// The side under test.
    pub side: Role,
    /// The group it counts under: `protocol` or `websocket`.
    pub group: String,
    /// Where it is written down, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Why it was not run, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What was found, most severe first.
    pub findings: Vec<Finding>,
    /// Every requirement that the case's transcript says something about.
    pub outcomes: IndexMap<String, Outcome>,
    /// What was said.
    pub transcript: Transcript,
    /// The other attempts, in order, where a case failed, or the harness was late in it, and it was tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Time on the wall.
    pub wall: Duration,
    /// The longest time the case must take by design: the sum of its waits.
    pub longest_wait: Duration,
    /// True if it had to run alone.
    #[serde(default)]
    pub exclusive: bool,
    /// The command that repeats it.
    pub repeat: String,
}

impl Attempt {
    /// The verdict that follows from the findings.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.findings)
    }
}

fn verdict(findings: &[Finding]) -> Verdict {
    match findings.iter().map(|finding| finding.severity).max() {
        None | Some(Severity::Info) => Verdict::Pass,
        Some(Severity::Warn) => Verdict::Warn,
        Some(Severity::Inconclusive) => Verdict::Inconclusive,
        Some(Severity::Fail) => Verdict::Fail,
        Some(Severity::Error) => Verdict::Error,
    }
}

impl CaseResult {
    /// The verdict that follows from the findings.
    pub fn verdict(&self) -> Verdict {
        if self.skipped.is_some() { Verdict::Skip } else { verdict(&self.findings) }
    }

    /// True if the case decided nothing and the harness was late in it: it says nothing about the target, and another try may.
    pub fn is_undecided_by_lateness(&self) -> bool {
        let is_late = |event: &Event| matches!(event.what, What::Mark(Mark::Late { .. }));
        self.verdict() == Verdict::Inconclusive && self.transcript.events.iter().any(is_late)
    }

    /// What came of a case in which the harness was late and that was tried again: the last attempt is its result, whatever it is.
    #[must_use]
    pub fn repeated(self, again: Vec<Self>) -> Self {
        let last = again.len();
        self.merged(again, last)
    }

    /// What came of a case that failed and was tried again. If an attempt passes, the case is a flake: that attempt is its result, with a
    /// warning, and what failed before still counts as broken. Else the failure stands.
    #[must_use]
    pub fn retried(self, again: Vec<Self>) -> Self {
        let tries = again.len() + 1;
        let Some(good) = again.iter().position(|attempt| matches!(attempt.verdict(), Verdict::Pass | Verdict::Warn)) else {
            return self.merged(again, 0);
        };
        let flake = self.findings.first().map(|first| Finding::flake(tries, first));
        let mut result = self.merged(again, good + 1);
        result.findings.splice(..0, flake);
        result
    }

    /// One of the attempts, this one and those after it, as the result; what any of them says about a requirement counts.
    fn merged(mut self, again: Vec<Self>, chosen: usize) -> Self {
        let earlier = std::mem::take(&mut self.attempts);
        let mut attempts = vec![self];
        attempts.extend(again);
        let mut result = attempts.remove(chosen);
        for attempt in &attempts {
            for (id, outcome) in &attempt.outcomes {
                let known = result.outcomes.entry(id.clone()).or_insert(*outcome);
                *known = (*known).max(*outcome);
            }
        }
        let others = attempts.into_iter().map(|Self { findings, transcript, .. }| Attempt { findings, transcript });
        result.attempts = earlier.into_iter().chain(others).collect();
        result
    }

    /// File and line that a finding is about: the step that asked or, where none did, the step that the script was at.
    pub fn place(&self, finding: &Finding) -> Option<(&str, usize)> {
        let origin = self.origin.as_ref()?;
        let step = finding.step.or_else(|| self.step_at(finding.event?));
        let line = step.and_then(|step| origin.lines.get(step)).copied();
        Some((&origin.path, line.unwrap_or(1)))
    }

    /// The step that the script was at when this event happened.
    fn step_at(&self, event: usize) -> Option<usize> {
        let before = self.transcript.events.iter().take(event + 1).rev();
        before.into_iter().find_map(|event| match event.what {
            What::Mark(Mark::Step(step)) => Some(step),
            _ => None,
        })
    }

    /// Takes credentials out of the conversation and of what is said about it.
    pub fn redact(&mut self, redaction: &Redaction) {
        redaction.transcript(&mut self.transcript);
        for finding in &mut self.findings {
            finding.expected = redaction.text(&finding.expected);
            finding.actual = redaction.text(&finding.actual);
        }
        self.skipped = self.skipped.as_deref().map(|reason| redaction.text(reason));
        self.repeat = redaction.text(&self.repeat);
    }
}

#[cfg(test)]
impl CaseResult {
    /// A case that passed without a word.
    pub(crate) fn sample() -> Self {
        Self {
            id: "demo/server/a".to_owned(),
            title: "A".to_owned(),
            protocol: "demo".to_owned(),
            side: Role::Server,
            group: "protocol".to_owned(),
            origin: None,
            skipped: None,
            findings: Vec::new(),
            outcomes: IndexMap::new(),
            transcript: Transcript::default(),
            attempts: Vec::new(),
            wall: Duration::ZERO,
            longest_wait: Duration::ZERO,
            exclusive: false,
            repeat: String::new(),
        }
    }
}

/// How many cases came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Cases that the selection names.
    pub selected: usize,
    /// Cases that ran.
    pub run: usize,
    /// `pass`
    pub passed: usize,
    /// `warn`
    pub warned: usize,
    /// `fail`
    pub failed: usize,
    /// `inconclusive`
    pub inconclusive: usize,
    /// `skip`
    pub skipped: usize,
    /// `error`
    pub errors: usize,
    /// Requirements of the selected packs and sides, not excluded, that no case exercised.
    pub not_exercised: usize,
}

/// A requirement as a report lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementResult {
    /// Its id.
    pub id: String,
    /// Id of the pack.
    pub protocol: String,
    /// Its level.
    pub level: Level,
    /// The side it binds.
    pub side: Role,
    /// Its sentence.
    pub text: String,
    /// Document and section.
    pub source: String,
    /// `protocol` or `websocket`.
    pub group: String,
    /// True if it is a reading nobody stated, which warns at most.
    pub inferred: bool,
    /// Why it is not judged, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
    /// The strongest outcome over all cases that ran.
    pub outcome: Outcome,
    /// Ids of the cases that broke it.
    pub broken_by: Vec<String>,
}

impl RequirementResult {
    /// True if it is to be judged, and nothing has put it to the test.
    pub fn is_open(&self) -> bool {
        self.excluded.is_none() && self.outcome == Outcome::NotExercised
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Version of this program.
    pub version: String,
    /// What was tested: `embedded`, a URL, or a command with its credentials removed.
    pub target: String,
    /// Every selected case, in order.
    pub cases: Vec<CaseResult>,
    /// Every requirement of the selected packs and sides.
    pub requirements: Vec<RequirementResult>,
    /// Time on the wall.
    pub wall: Duration,
    /// True if the run was stopped before its end; cases that did not run are then absent from `cases` and named in `unfinished`.
    pub interrupted: bool,
    /// Ids of selected cases that have no result.
    pub unfinished: Vec<String>,
    /// What the target could declare, the most useful first.
    pub unlocks: Vec<Unlock>,
}

/// Declarations of a target that skipped cases wait for, all of them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// Protocol id.
    pub protocol: String,
    /// What to declare, each with its kind: `capability tools`, `stimulus slow`, `credential token`, `hook revoke`, `allow destructive`.
    pub declare: Vec<String>,
    /// Cases that would then run.
    pub cases: usize,
    /// Ids of the requirements, not exercised so far, that they would put to the test.
    pub requirements: Vec<String>,
}

impl Report {
    /// The counts that follow from the cases and requirements.
    pub fn counts(&self) -> Counts {
        let count = |verdict| self.cases.iter().filter(|case| case.verdict() == verdict).count();
        let skipped = count(Verdict::Skip);
        Counts {
            selected: self.cases.len() + self.unfinished.len(),
            run: self.cases.len() - skipped,
            passed: count(Verdict::Pass),
            warned: count(Verdict::Warn),
            failed: count(Verdict::Fail),
            inconclusive: count(Verdict::Inconclusive),
            skipped,
            errors: count(Verdict::Error),
            not_exercised: self.requirements.iter().filter(|requirement| requirement.is_open()).count(),
        }
    }

    /// Protocol time that the conversations took by their own clocks, added up.
    pub fn simulated(&self) -> Duration {
        self.cases.iter().map(|case| case.transcript.duration()).sum()
    }

    /// The longest case that others may run beside, and after it those that had to run alone: no schedule is faster.
    pub fn critical_path(&self) -> Duration {
        let (alone, beside): (Vec<_>, Vec<_>) = self.cases.iter().filter(|case| case.skipped.is_none()).partition(|case| case.exclusive);
        let beside = beside.iter().map(|case| case.transcript.duration()).max().unwrap_or_default();
        beside + alone.iter().map(|case| case.transcript.duration()).sum::<Duration>()
    }

    /// The exit code that follows: 0 passed, 1 findings, 3 something could not be told, or the run was interrupted, 4 nothing ran, 70 the
    /// harness failed. A case that could not be told is never green.
    pub fn exit_code(&self) -> u8 {
        let counts = self.counts();
        match counts {
            Counts { errors: 1.., .. } => 70,
            Counts { failed: 1.., .. } => 1,
            _ if self.interrupted => 3,
            Counts { run: 0, .. } => 4,
            Counts { inconclusive: 1.., .. } => 3,
            _ => 0,
        }
    }
}
