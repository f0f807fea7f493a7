//! Which observations are meant: a name, a side, and a tree that the value must fit.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::transcript::Role;

/// One name or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self(vec![name])),
            list @ Value::Array(_) => serde_json::from_value(list).map(Self).map_err(D::Error::custom),
            _ => Err(D::Error::custom("a name or a list of names")),
        }
    }
}

/// A set of observations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Names of catalogue frames, or of the other observations that `docs/pack-format.md` lists.
    pub is: Names,
    /// The side that did it. Left out: the side that the catalogue names, or either side for `message`, `ping`, `close` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Role>,
    /// What the value must look like (see [`crate::pack::matcher`]).
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub tree: Option<Value>,
}
