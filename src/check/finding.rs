//! Violations into findings: severity, sentence and source of the requirement.

use crate::pack::requirement::Requirement;
use crate::verdict::{Finding, Level, Severity};

use super::tally::{Violation, Weight};

/// Stands for a requirement where the target could not be brought to a test at all.
pub const TARGET: &str = "framegate-target";
/// Stands for a requirement where a step that proves nothing by itself was not met.
pub const PREREQUISITE: &str = "framegate-prerequisite";

/// The finding that a violation of this requirement makes.
pub(super) fn of(requirement: &Requirement, violation: Violation) -> Finding {
    Finding {
        requirement: requirement.id.clone(),
        level: requirement.level,
        severity: severity(requirement, violation.weight),
        text: requirement.text.clone(),
        source: requirement.source.to_string(),
        event: violation.event,
        step: violation.step,
        expected: violation.expected,
        actual: violation.actual,
        twin: None,
    }
}

/// The finding that this requirement could not be judged.
pub(super) fn inconclusive(requirement: &Requirement, step: Option<usize>, event: Option<usize>, why: &str) -> Finding {
    Finding {
        requirement: requirement.id.clone(),
        level: requirement.level,
        severity: Severity::Inconclusive,
        text: requirement.text.clone(),
        source: requirement.source.to_string(),
        event,
        step,
        expected: "a conversation that puts this to the test".to_owned(),
        actual: why.to_owned(),
        twin: None,
    }
}

/// A finding about the target as a whole or the course of the case; `id` is one of the names above.
pub(super) fn about(id: &str, severity: Severity, expected: impl Into<String>, actual: impl Into<String>) -> Finding {
    let text = match id {
        TARGET => "The target can be reached and stays usable while it is tested.",
        _ => "What a case needs before it can prove something is met.",
    };
    Finding { requirement: id.to_owned(), text: text.to_owned(), ..Finding::harness(severity, &expected.into(), &actual.into()) }
}

fn severity(requirement: &Requirement, weight: Weight) -> Severity {
    let full = match requirement.level {
        Level::Must if requirement.inferred => Severity::Warn,
        Level::Must => Severity::Fail,
        Level::Should => Severity::Warn,
        Level::May => Severity::Info,
    };
    match weight {
        Weight::Full => full,
        Weight::Warn => full.min(Severity::Warn),
        Weight::Unsure if full == Severity::Info => full,
        Weight::Unsure => Severity::Inconclusive,
    }
}
