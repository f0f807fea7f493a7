//! What a campaign, or a part of one, has found. Parts add up to the whole in any order, which is all that resuming and merging need.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cause::{Cause, Fingerprint};
use super::coverage::{Cell, Coverage, Place};
use super::novelty::{self, Novelty};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "File", into = "File")]
pub struct Summary {
    /// Tries that were played.
    pub tries: u64,
    /// What was violated where.
    pub coverage: Coverage,
    /// Which tries were the first of their kind.
    pub novelty: Novelty,
    /// What broke in good conversations, before anything was violated.
    pub baseline: BTreeMap<Fingerprint, Cause>,
    /// What broke in tries.
    pub causes: BTreeMap<Fingerprint, Cause>,
    /// What could not be tested at all, and why, one sentence each.
    pub diagnosis: Vec<String>,
}

impl Summary {
    /// Adds a part that has other tries.
    pub fn merge(&mut self, other: Self) {
        self.tries += other.tries;
        self.coverage.merge(&other.coverage);
        self.novelty.merge(other.novelty);
        for (fingerprint, cause) in other.baseline {
            // Every part plays the same good conversations.
            self.baseline.entry(fingerprint).or_insert(cause);
        }
        self.merge_causes(other.causes);
        for sentence in other.diagnosis {
            if !self.diagnosis.contains(&sentence) {
                self.diagnosis.push(sentence);
            }
        }
        self.diagnosis.sort();
    }

    /// Adds what other tries showed, and counts none of them.
    pub(super) fn merge_causes(&mut self, causes: BTreeMap<Fingerprint, Cause>) {
        for (fingerprint, cause) in causes {
            self.add(fingerprint, cause);
        }
    }

    /// Adds what a try showed.
    pub(super) fn add(&mut self, fingerprint: Fingerprint, cause: Cause) {
        match self.causes.get_mut(&fingerprint) {
            Some(known) => known.merge(cause),
            None => drop(self.causes.insert(fingerprint, cause)),
        }
    }

    /// Everything that broke, the good conversations first.
    pub fn broken(&self) -> impl Iterator<Item = (&Fingerprint, &Cause)> {
        self.baseline.iter().chain(&self.causes)
    }

    /// 0 passed, 1 findings, 3 nothing could be told, 70 the harness failed.
    pub fn exit_code(&self) -> u8 {
        if self.broken().any(|(_, cause)| cause.is_ours()) {
            70
        } else if self.broken().next().is_some() {
            1
        } else if self.coverage.total().hit == 0 {
            3
        } else {
            0
        }
    }
}

/// A summary as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tries: u64,
    coverage: Vec<Row>,
    reasons: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    novelty: Vec<novelty::Entry>,
    baseline: Vec<Entry>,
    causes: Vec<Entry>,
    diagnosis: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    place: Place,
    counts: Cell,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: Fingerprint,
    cause: Cause,
}

impl From<Summary> for File {
    fn from(summary: Summary) -> Self {
        let entries = |causes: BTreeMap<_, _>| causes.into_iter().map(|(fingerprint, cause)| Entry { fingerprint, cause }).collect();
        Self {
            tries: summary.tries,
            coverage: summary.coverage.cells.into_iter().map(|(place, counts)| Row { place, counts }).collect(),
            reasons: summary.coverage.reasons,
            novelty: summary.novelty.into(),
            baseline: entries(summary.baseline),
            causes: entries(summary.causes),
            diagnosis: summary.diagnosis,
        }
    }
}

impl From<File> for Summary {
    fn from(file: File) -> Self {
        let entries = |entries: Vec<Entry>| entries.into_iter().map(|entry| (entry.fingerprint, entry.cause)).collect();
        let cells = file.coverage.into_iter().map(|row| (row.place, row.counts)).collect();
        Self {
            tries: file.tries,
            coverage: Coverage { cells, reasons: file.reasons },
            novelty: file.novelty.into(),
            baseline: entries(file.baseline),
            causes: entries(file.causes),
            diagnosis: file.diagnosis,
        }
    }
}
