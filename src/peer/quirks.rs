//! What a faulty peer does differently from inside, and how often it did. What it does differently on the wire is in [`super::mutation`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::scope::scaled;
use crate::pack::parameter::Span;
use crate::pack::pattern::Pattern;
use crate::pack::{Observation, Settings};

/// How often a faulty peer really deviated. Clones count together, so that it can be read once the peer is gone.
#[derive(Clone, Debug, Default)]
pub struct Applied(Arc<AtomicUsize>);

impl Applied {
    /// How often until now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Deviations that sit inside a machine. The default has none.
#[derive(Clone, Debug)]
pub(super) struct Quirks {
    /// Observations that it does not see.
    pub(super) ignore: Vec<Pattern>,
    /// Named reactions that it lacks.
    pub(super) without: Vec<String>,
    /// True if it takes every upgrade, or every answer to it, as a good one.
    pub(super) credulous: bool,
    /// How many times slower its timers are.
    pub(super) pace: f64,
    /// What holds for the peer without the fault, where its settings are part of the fault.
    pub(super) normal: Option<Arc<Settings>>,
    /// Counts what really differed.
    pub(super) applied: Applied,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { ignore: Vec::new(), without: Vec::new(), credulous: false, pace: 1.0, normal: None, applied: Applied::default() }
    }
}

impl Quirks {
    /// Removes the observations that the peer does not see.
    pub(super) fn overlook(&self, observations: &mut Vec<Observation>) {
        observations.retain(|observation| {
            let is_seen = !self.ignore.iter().any(|pattern| observation.is(pattern));
            if !is_seen {
                self.applied.add();
            }
            is_seen
        });
    }

    /// True if what is wrong with an upgrade is not seen.
    pub(super) fn believes(&self) -> bool {
        if self.credulous {
            self.applied.add();
        }
        self.credulous
    }

    /// True if the reaction of this name is missing.
    pub(super) fn lacks(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.without.iter().any(|missing| missing == name))
    }

    /// How long a timer runs, and how long it would run without the fault if that differs.
    pub(super) fn time(&self, settings: &Settings, span: &Span) -> (Duration, Option<Duration>) {
        let actual = scaled(settings.duration(span), self.pace);
        let normal = self.normal.as_deref().unwrap_or(settings).duration(span);
        (actual, (actual != normal).then_some(normal))
    }

    /// Counts the use of a number that the fault changed.
    pub(super) fn used(&self, settings: &Settings, parameter: &str) {
        let value = |settings: &Settings| settings.parameters.get(parameter).map(|parameter| parameter.value);
        if self.normal.as_deref().is_some_and(|normal| value(normal) != value(settings)) {
            self.applied.add();
        }
    }

    /// Counts a message of this size if the fault changed whether it is too large.
    pub(super) fn measured(&self, settings: &Settings, largest: &Span, size: u64) {
        let is_too_large = |settings: &Settings| size > settings.size(largest);
        if self.normal.as_deref().is_some_and(|normal| is_too_large(normal) != is_too_large(settings)) {
            self.applied.add();
        }
    }
}
