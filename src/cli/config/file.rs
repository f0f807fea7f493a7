//! What stands in `framegate.yaml`. The keys and their meaning are those of `schemas/framegate/config.schema.json`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use framegate::pack::parameter::Quantity;
use framegate::transcript::Role;
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) packs: Option<PathBuf>,
    pub(super) targets: IndexMap<String, Target>,
}

/// One target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) protocol: String,
    pub(super) side: Role,
    #[serde(default)]
    pub(super) dialect: Option<String>,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) command: Option<String>,
    #[serde(default)]
    pub(super) ready: Option<Ready>,
    #[serde(default)]
    pub(super) stop: Option<Time>,
    #[serde(default)]
    pub(super) environment: IndexMap<String, String>,
    #[serde(default)]
    pub(super) directory: Option<PathBuf>,
    #[serde(default)]
    pub(super) ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) insecure: bool,
    /// Any value, so that one that is wrong is never shown.
    #[serde(default)]
    pub(super) credentials: IndexMap<String, Value>,
    #[serde(default)]
    pub(super) capabilities: IndexMap<String, bool>,
    #[serde(default)]
    pub(super) stimuli: IndexMap<String, String>,
    #[serde(default)]
    pub(super) hooks: IndexMap<String, String>,
    #[serde(default)]
    pub(super) parameters: IndexMap<String, Value>,
    #[serde(default)]
    pub(super) time_scale: Option<f64>,
    #[serde(default)]
    pub(super) jobs: Option<NonZeroUsize>,
    #[serde(default)]
    pub(super) retries: Option<u32>,
    #[serde(default)]
    pub(super) baseline: Option<PathBuf>,
    #[serde(default)]
    pub(super) allow: Vec<Allowance>,
}

/// What shows that a server takes connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    #[serde(default)]
    pub(super) http: Option<String>,
    #[serde(default)]
    pub(super) line: Option<String>,
    #[serde(default)]
    pub(super) within: Option<Time>,
}

/// What may be done to a target beyond testing it on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Allowance {
    /// It is on another machine.
    Remote,
    /// What it holds may be lost.
    Destructive,
}

/// A time with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Quantity::deserialize(deserializer)? {
            Quantity::Duration(time) => Ok(Self(time)),
            Quantity::Bytes(_) | Quantity::Count(_) => Err(D::Error::custom("expected a time such as 500ms, 30s or 5m")),
        }
    }
}

#[cfg(test)]
mod tests {
    use framegate::pack::Form;

    use super::*;

    #[test]
    fn the_sample_with_every_key_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/samples/config.yaml");
        let form: Form<Config> = Form::read(path, &std::fs::read_to_string(path).unwrap(), "config").unwrap();
        let target = &form.value.targets["gateway"];
        assert_eq!((target.side, target.stop), (Role::Server, Some(Time(Duration::from_secs(2)))));
        assert_eq!(target.allow, [Allowance::Remote, Allowance::Destructive]);
    }
}
