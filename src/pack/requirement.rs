//! `requirements.yaml`: one normative sentence a line.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::manifest::Document;
use super::rule::Rule;
use crate::transcript::Role;
use crate::verdict::Level;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// The documents of a layer that has no `pack.yaml`. Requirements name them by id.
    #[serde(default)]
    pub documents: IndexMap<String, Document>,
    /// In the order of the documents.
    pub requirements: Vec<Requirement>,
}

/// One normative sentence. It is judged by its `rule`, or by the scenario steps that prove it, or it is excluded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `<protocol>-<topic>-<fact>`, never renumbered.
    pub id: String,
    /// How strongly it is asked for.
    pub level: Level,
    /// The side it binds.
    pub side: Role,
    /// One sentence of our own.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
    /// True if it is a reading nobody stated: it warns at most.
    #[serde(default)]
    pub inferred: bool,
    /// Its form over a transcript. Judged on every transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Why it is not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", self.document, self.section)
    }
}

/// Where a requirement comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Id of a document of the manifest.
    pub document: String,
    /// Its section.
    pub section: String,
    /// Ids of the digest's rows that this requirement restates.
    #[serde(default)]
    pub rows: Vec<String>,
}
