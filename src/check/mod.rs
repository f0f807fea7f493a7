//! A transcript into findings. Pure; knows nothing of peers or runners.

use indexmap::IndexMap;

use crate::pack::{Pack, Settings};
use crate::plan::Case;
use crate::transcript::{Role, Transcript};
use crate::verdict::{Finding, Outcome};

/// What a transcript says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// What was found, most severe first.
    pub findings: Vec<Finding>,
    /// Every requirement of the side under test that the transcript says something about.
    pub outcomes: IndexMap<String, Outcome>,
}

/// Judges a transcript by every rule of the pack that binds the side under test, and by the steps of its case, if it is one of a case.
pub fn judge(pack: &Pack, settings: &Settings, case: Option<&Case>, side: Role, transcript: &Transcript) -> Judgement {
    let _ = (pack, settings, case, side, transcript);
    Judgement::default()
}
