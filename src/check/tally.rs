//! What the rules and steps say about one requirement, before it becomes findings.

use crate::verdict::Outcome;

/// How many violations of one requirement are kept.
const KEPT: usize = 3;

/// What was seen of one requirement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    exercised: bool,
    violations: Vec<Violation>,
}

/// One way in which a requirement did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Index of the deciding event.
    pub(super) event: Option<usize>,
    /// Index of the step that asked.
    pub(super) step: Option<usize>,
    /// What was expected, as a phrase.
    pub(super) expected: String,
    /// What came instead, as a phrase.
    pub(super) actual: String,
    /// What it counts for.
    pub(super) weight: Weight,
}

/// What a violation counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// The requirement is broken.
    Full,
    /// It holds, but in a way that deserves a warning.
    Warn,
    /// It cannot be told, because the harness itself was late.
    Unsure,
}

impl Violation {
    /// A violation that this event shows.
    pub(super) fn at(event: usize, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { event: Some(event), step: None, expected: expected.into(), actual: actual.into(), weight: Weight::Full }
    }

    /// The same with another weight.
    pub(super) fn weighing(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }
}

impl Tally {
    /// The requirement was put to the test.
    pub(super) fn exercise(&mut self) {
        self.exercised = true;
    }

    /// The requirement was put to the test if this holds.
    pub(super) fn exercise_if(&mut self, holds: bool) {
        self.exercised |= holds;
    }

    /// Adds a violation; of each weight only the first few are kept.
    pub(super) fn add(&mut self, violation: Violation) {
        self.exercised |= violation.weight != Weight::Unsure;
        if self.violations.iter().filter(|kept| kept.weight == violation.weight).count() < KEPT {
            self.violations.push(violation);
        }
    }

    /// Adds what was seen elsewhere of the same requirement.
    pub(super) fn merge(&mut self, other: Self) {
        self.exercised |= other.exercised;
        other.violations.into_iter().for_each(|violation| self.add(violation));
    }

    /// True if a violation of this weight was seen.
    pub(super) fn weighs(&self, weight: Weight) -> bool {
        self.violations.iter().any(|violation| violation.weight == weight)
    }

    /// What follows.
    pub(super) fn outcome(&self) -> Outcome {
        match (self.weighs(Weight::Full), self.exercised) {
            (true, _) => Outcome::Violated,
            (false, true) => Outcome::Satisfied,
            (false, false) => Outcome::NotExercised,
        }
    }

    /// The first violations, the weightiest before the others.
    pub(super) fn into_violations(mut self) -> Vec<Violation> {
        self.violations.sort_by_key(|violation| (violation.weight, violation.event.unwrap_or(usize::MAX)));
        self.violations.truncate(KEPT);
        self.violations
    }
}
