//! A pack and a selection into ordered cases. Pure: what `list` and `--dry-run` print is what runs.

use std::time::Duration;

use crate::pack::scenario::Step;
use crate::pack::{Pack, Settings};
use crate::transcript::Role;

/// Which cases are wanted. Empty lists mean all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The side under test, if only one is wanted.
    pub side: Option<Role>,
    /// Globs over case ids; `*` stands for any run of characters.
    pub only: Vec<String>,
    /// Ids of requirements; a case is wanted if it proves or covers one of them.
    pub requirements: Vec<String>,
}

/// A scenario bound to a side, a row and a target's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// `<protocol>/<side under test>/<scenario>`, with `#<row>` where the scenario has rows.
    pub id: String,
    /// The scenario's title.
    pub title: String,
    /// Id of the pack.
    pub protocol: String,
    /// `protocol`, or the layer: `websocket`.
    pub group: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The side under test.
    pub side: Role,
    /// Requirements with a rule that must be exercised.
    pub covers: Vec<String>,
    /// The case that must pass for this one to mean anything.
    pub twin: Option<String>,
    /// Why it cannot be run against this target, if it cannot.
    pub skipped: Option<String>,
    /// True if it must run alone.
    pub exclusive: bool,
    /// The steps: includes and repeats unrolled, `${row.…}`, `${index}`, `${parameter.…}`, `${credential.…}` and `${stimulus.…}` filled.
    pub steps: Vec<Step>,
    /// The sum of the waits that it must sit out by design.
    pub longest_wait: Duration,
    /// When the runner ends it whatever happens.
    pub deadline: Duration,
}

impl Case {
    /// Requirements that a step of it proves, or that it covers, in order and once each.
    pub fn requirements(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// The cases of this pack that the selection wants, in the order of their files, the skipped ones included.
pub fn plan(pack: &Pack, settings: &Settings, selection: &Selection) -> Vec<Case> {
    let _ = (pack, settings, selection);
    Vec::new()
}
