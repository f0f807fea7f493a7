//! Findings grouped by cause: what broke, and how the target reacted. A known cause is counted, not kept again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::transcript::Role;
use crate::verdict::{Finding, Severity};

/// What tells causes apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The side under test.
    pub side: Role,
    /// The requirement that is broken, of the pack or of the oracle.
    pub requirement: String,
    /// How the target reacted.
    pub reaction: String,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The finding of the try with the lowest number.
    pub finding: Finding,
    /// That number. Nothing for the good conversation at the beginning.
    pub first: Option<u64>,
    /// The tries that show it only one after another on one connection; empty where one is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row: Vec<u64>,
    /// How many tries showed it.
    pub count: u64,
    /// Which: `<state> <frame> <operator>`, each with how often; the first ones only.
    pub ways: BTreeMap<String, u64>,
    /// The shortest conversation that shows it, as a scenario file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproducer: Option<String>,
}

/// How many ways a cause remembers.
const WAYS: usize = 50;

impl Cause {
    /// A cause that one try showed.
    pub fn new(finding: Finding, number: Option<u64>, way: String) -> Self {
        Self { finding, first: number, row: Vec::new(), count: 1, ways: BTreeMap::from([(way, 1)]), reproducer: None }
    }

    /// Adds what other tries showed. The lowest number gives the finding and the reproducer.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        for (way, count) in other.ways {
            *self.ways.entry(way).or_default() += count;
        }
        while self.ways.len() > WAYS {
            self.ways.pop_last();
        }
        if other.first < self.first || self.reproducer.is_none() && other.first == self.first {
            (self.finding, self.first, self.row, self.reproducer) = (other.finding, other.first, other.row, other.reproducer);
        }
    }

    /// True if the harness itself is at fault.
    pub fn is_ours(&self) -> bool {
        self.finding.severity == Severity::Error
    }
}
