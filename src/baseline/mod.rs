//! Known failures: which of a run's failures are excused, and which entries of a baseline no longer hold.
//!
//! It reads no files and asks no clock: entries, a report and a day come in, a report comes out. An excused failure warns. What makes a run
//! fail is a failure that looks different now, an entry that has expired, one that fits nothing, and one that passes now. A failure of the
//! harness is never excused.
//!
//! ```
//! use framegate::baseline::{Baseline, Day};
//!
//! let day: Day = "2026-02-28".parse().unwrap();
//! assert!(day < Day::of(std::time::Duration::from_secs(1_900_000_000)));
//! assert_eq!(Baseline::default().entries, []);
//! ```

mod day;
mod entry;
mod signature;

pub use day::{Day, DayError};
pub use entry::{Entry, State};
pub use signature::signature;

use std::time::Duration;

use serde::Deserialize;

use crate::transcript::{Role, Transcript};
use crate::verdict::{CaseResult, Finding, Level, Report, Severity, Verdict};

/// A baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// What entries that do not hold are reported under.
const REQUIREMENT: &str = "framegate-baseline";

/// Reason of an entry that a run has written and nobody has explained.
const UNEXPLAINED: &str = "not explained yet";

impl Baseline {
    /// What a run says about each entry. `is_whole`: the run selected everything that its target has, so that an entry without a case is
    /// one too many.
    pub fn judge(&self, report: &Report, today: Day, is_whole: bool) -> Vec<State> {
        self.entries.iter().map(|entry| entry.judge(report, today, is_whole)).collect()
    }

    /// Excuses what is known, and adds a case for each entry that no longer holds.
    pub fn apply(&self, report: &mut Report, today: Day, is_whole: bool) {
        let states = self.judge(report, today, is_whole);
        for case in &mut report.cases {
            let id = case.id.clone();
            for finding in case.findings.iter_mut().filter(|finding| is_excusable(finding)) {
                self.speak(finding, &id, today);
            }
            case.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        }
        trust_twins(&mut report.cases);
        let broken = self.entries.iter().zip(states).filter_map(|(entry, state)| Some((entry, entry.complaint(state)?)));
        let cases: Vec<_> = broken.map(|(entry, complaint)| case(entry, complaint, side(entry, report))).collect();
        report.cases.extend(cases);
    }

    /// The baseline under which this run would pass, but for entries that have expired: to give those more time is not for a program. Reasons
    /// are kept; new entries wait for theirs.
    #[must_use]
    pub fn update(&self, report: &Report, today: Day, is_whole: bool) -> Self {
        let states = self.judge(report, today, is_whole);
        let kept = self.entries.iter().zip(states).filter(|(_, state)| !matches!(state, State::Stale | State::Fixed));
        let mut entries: Vec<Entry> = kept.map(|(entry, state)| entry.renewed(report, state)).collect();
        for (case, finding) in failures(report) {
            if entries.iter().any(|entry| entry.fits(finding, &case.id)) {
                continue;
            }
            let signatures = || failures(report).filter(|(other, of)| other.id == case.id && of.requirement == finding.requirement);
            let mut entry = Entry::new(&finding.requirement, &case.id, UNEXPLAINED);
            entry.signature = signatures().map(|(_, finding)| signature(finding)).collect();
            entry.signature.dedup();
            entries.push(entry);
        }
        Self { entries }
    }

    /// The baseline as YAML.
    pub fn to_yaml(&self) -> String {
        let entries: String = self.entries.iter().map(Entry::to_yaml).collect();
        let entries = if entries.is_empty() { " []\n".to_owned() } else { format!("\n{entries}") };
        format!(
            "# Known failures that do not fail a run. `framegate baseline update` writes this file anew: it keeps the reasons and drops comments.\n\
             entries:{entries}"
        )
    }

    /// Excuses this failure, or says why its entry does not.
    fn speak(&self, finding: &mut Finding, case: &str, today: Day) {
        let fitting: Vec<_> = self.entries.iter().filter(|entry| entry.fits(finding, case)).collect();
        let now = signature(finding);
        let excusing = fitting.iter().find(|entry| !entry.is_expired(today) && entry.knows(&now));
        let said = match (excusing, fitting.first()) {
            (Some(entry), _) => {
                finding.severity = Severity::Warn;
                format!("known: {}", entry.because())
            }
            (None, Some(entry)) if entry.is_expired(today) => format!("the baseline's entry has expired: {}", entry.because()),
            (None, Some(entry)) => format!("the baseline knows another failure of it, not {now}: {}", entry.because()),
            (None, None) => return,
        };
        finding.actual = format!("{} ({said})", finding.actual);
    }
}

/// A case that proves nothing because its twin's failure is known warns, as the twin does; what it should have proved stays not exercised.
fn trust_twins(cases: &mut [CaseResult]) {
    let warns = |case: &&CaseResult| case.verdict() == Verdict::Warn;
    let twins: Vec<String> = cases.iter().filter(warns).map(|case| case.id.clone()).collect();
    for finding in cases.iter_mut().flat_map(|case| &mut case.findings) {
        if finding.severity == Severity::Inconclusive && finding.twin.as_ref().is_some_and(|twin| twins.contains(twin)) {
            finding.severity = Severity::Warn;
            finding.actual.push_str(" (the twin's failure is known)");
        }
    }
}

/// Failures of a protocol's requirements: nothing else can be known of a target.
fn failures(report: &Report) -> impl Iterator<Item = (&CaseResult, &Finding)> {
    report.cases.iter().flat_map(|case| case.findings.iter().filter(|finding| is_excusable(finding)).map(move |finding| (case, finding)))
}

fn is_excusable(finding: &Finding) -> bool {
    finding.severity == Severity::Fail && !finding.requirement.starts_with("framegate-")
}

fn side(entry: &Entry, report: &Report) -> Role {
    let known = report.requirements.iter().find(|requirement| entry.names(&requirement.id));
    known.map_or(Role::Server, |requirement| requirement.side)
}

/// A case of its own for an entry that no longer holds, so that every report shows it.
fn case(entry: &Entry, (expected, actual): (&str, String), side: Role) -> CaseResult {
    let finding = Finding {
        requirement: REQUIREMENT.to_owned(),
        level: Level::Must,
        severity: Severity::Fail,
        text: "A baseline names what fails, and nothing else.".to_owned(),
        source: "framegate".to_owned(),
        event: None,
        step: None,
        expected: expected.to_owned(),
        actual,
        twin: None,
    };
    CaseResult {
        id: format!("baseline/{}@{}", entry.requirement, entry.case),
        title: entry.reason.clone(),
        protocol: "baseline".to_owned(),
        side,
        group: "baseline".to_owned(),
        origin: None,
        skipped: None,
        findings: vec![finding],
        outcomes: [].into(),
        transcript: Transcript::default(),
        attempts: Vec::new(),
        wall: Duration::ZERO,
        longest_wait: Duration::ZERO,
        exclusive: false,
        repeat: "framegate baseline update".to_owned(),
    }
}
