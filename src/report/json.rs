//! A report as JSON, for machines. Its shape is `schemas/framegate/report.schema.json`.
//!
//! Two reports of one plan on embedded peers differ in `wall_ms` alone.

use std::fmt::Write as _;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::text::is_treacherous;
use crate::transcript::{Role, Transcript};
use crate::verdict::{Attempt, CaseResult, Counts, Finding, Origin, Outcome, Report, RequirementResult, Unlock, Verdict};

/// Which transcripts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transcripts {
    /// Those of cases that did not pass.
    #[default]
    Broken,
    /// Those of all cases that ran.
    All,
}

/// The report as indented JSON, ended by a line feed.
///
/// # Panics
/// Never: a report has only string keys and finite numbers.
pub fn render(report: &Report, transcripts: Transcripts) -> String {
    let document = Document::new(report, transcripts);
    let text = serde_json::to_string_pretty(&document).expect("a report has only string keys and finite numbers");
    ascii_where_it_matters(&text) + "\n"
}

/// What a terminal would act on as `\u` escapes; the JSON writer escapes only what JSON forbids. Such characters stand in strings alone.
pub(super) fn ascii_where_it_matters(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        if character != '\n' && is_treacherous(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
        escaped
    })
}

#[derive(Serialize)]
struct Document<'a> {
    framegate: &'a str,
    target: &'a str,
    exit_code: u8,
    interrupted: bool,
    counts: Counts,
    wall_ms: f64,
    protocol_ms: f64,
    requirements: &'a [RequirementResult],
    cases: Vec<Case<'a>>,
    unfinished: &'a [String],
    unlocks: &'a [Unlock],
}

#[derive(Serialize)]
struct Case<'a> {
    id: &'a str,
    title: &'a str,
    protocol: &'a str,
    side: Role,
    group: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a Origin>,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'a str>,
    findings: &'a [Finding],
    outcomes: &'a IndexMap<String, Outcome>,
    wall_ms: f64,
    protocol_ms: f64,
    longest_wait_ms: f64,
    repeat: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<&'a Transcript>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Try<'a>>,
}

/// Another attempt at a case.
#[derive(Serialize)]
struct Try<'a> {
    verdict: Verdict,
    findings: &'a [Finding],
    transcript: &'a Transcript,
}

impl<'a> Try<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        Self { verdict: attempt.verdict(), findings: &attempt.findings, transcript: &attempt.transcript }
    }
}

impl<'a> Document<'a> {
    fn new(report: &'a Report, transcripts: Transcripts) -> Self {
        Self {
            framegate: &report.version,
            target: &report.target,
            exit_code: report.exit_code(),
            interrupted: report.interrupted,
            counts: report.counts(),
            wall_ms: milliseconds(report.wall),
            protocol_ms: milliseconds(report.simulated()),
            requirements: &report.requirements,
            cases: report.cases.iter().map(|case| Case::new(case, transcripts)).collect(),
            unfinished: &report.unfinished,
            unlocks: &report.unlocks,
        }
    }
}

impl<'a> Case<'a> {
    fn new(case: &'a CaseResult, transcripts: Transcripts) -> Self {
        let verdict = case.verdict();
        let is_wanted = transcripts == Transcripts::All || verdict != Verdict::Pass;
        Self {
            id: &case.id,
            title: &case.title,
            protocol: &case.protocol,
            side: case.side,
            group: &case.group,
            origin: case.origin.as_ref(),
            verdict,
            skipped: case.skipped.as_deref(),
            findings: &case.findings,
            outcomes: &case.outcomes,
            wall_ms: milliseconds(case.wall),
            protocol_ms: milliseconds(case.transcript.duration()),
            longest_wait_ms: milliseconds(case.longest_wait),
            repeat: &case.repeat,
            transcript: Some(&case.transcript).filter(|transcript| is_wanted && !transcript.events.is_empty()),
            attempts: case.attempts.iter().map(Try::new).collect(),
        }
    }
}

/// Whole microseconds, as milliseconds.
fn milliseconds(duration: Duration) -> f64 {
    let microseconds = u32::try_from(duration.as_micros()).map_or(duration.as_secs_f64() * 1e6, f64::from);
    microseconds.round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_terminal_acts_on_are_escaped_and_read_back() {
        let text = "\u{9b}\u{7f}\u{202e}\u{e0001}é\n";
        let json = ascii_where_it_matters(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"\\u009b\\u007f\\u202e\\udb40\\udc01é\\n\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn times_are_milliseconds_with_three_places() {
        assert!((milliseconds(Duration::from_nanos(1_234_567)) - 1.234).abs() < 1e-9);
        assert!((milliseconds(Duration::from_secs(86_400)) - 86_400_000.0).abs() < 1e-9);
    }
}
