//! Numbers that a document gives, with their units and with the bands in which a measured value passes or warns.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// A number with its unit: `30s`, `500ms`, `5m`, `24h`, `512KiB`, `1MB`, `524288B`, or a plain count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Quantity {
    /// A span of time.
    Duration(Duration),
    /// A size in bytes.
    Bytes(u64),
    /// A number without unit.
    Count(u64),
}

/// A text that is no quantity.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no quantity: expected a number with ms, s, m, h, B, KiB, MiB, KB or MB, or a plain number")]
pub struct QuantityError(String);

type Unit = (&'static str, fn(u64) -> Quantity);

const UNITS: [Unit; 10] = [
    ("ms", |n| Quantity::Duration(Duration::from_millis(n))),
    ("s", |n| Quantity::Duration(Duration::from_secs(n))),
    ("m", |n| Quantity::Duration(Duration::from_secs(n.saturating_mul(60)))),
    ("h", |n| Quantity::Duration(Duration::from_secs(n.saturating_mul(3600)))),
    ("B", Quantity::Bytes),
    ("KiB", |n| Quantity::Bytes(n.saturating_mul(1024))),
    ("MiB", |n| Quantity::Bytes(n.saturating_mul(1024 * 1024))),
    ("KB", |n| Quantity::Bytes(n.saturating_mul(1000))),
    ("MB", |n| Quantity::Bytes(n.saturating_mul(1_000_000))),
    ("", Quantity::Count),
];

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let make = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, make)| make);
        make.zip(digits.parse().ok()).map(|(make, number)| make(number)).ok_or_else(|| QuantityError(text.to_owned()))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(duration) => write!(formatter, "{duration:?}"),
            Self::Bytes(bytes) => write!(formatter, "{bytes} bytes"),
            Self::Count(count) => write!(formatter, "{count}"),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Duration(duration) => serializer.collect_str(&format_args!("{}ms", duration.as_millis())),
            Self::Bytes(bytes) => serializer.collect_str(&format_args!("{bytes}B")),
            Self::Count(count) => serializer.serialize_u64(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().map_err(D::Error::custom),
            Value::Number(number) => number.as_u64().map(Self::Count).ok_or_else(|| D::Error::custom("a count that is no whole number")),
            other => Err(D::Error::custom(QuantityError(other.to_string()))),
        }
    }
}

/// A named number of the protocol that a target may set differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The documented value, or the harness's default where the document is silent.
    pub value: Quantity,
    /// Lower and upper end of what passes. Left out: for an upper bound anything up to `value`; for a period exactly `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<[Quantity; 2]>,
    /// Lower and upper end of what warns instead of failing. Left out: nothing warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<[Quantity; 2]>,
    /// One phrase: what it is and where it is from.
    pub what: String,
}

/// A span of time in a pack file: a quantity such as `2s`, or the name of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units_and_nothing_else_parses() {
        assert_eq!("30s".parse(), Ok(Quantity::Duration(Duration::from_secs(30))));
        assert_eq!("5m".parse(), Ok(Quantity::Duration(Duration::from_secs(300))));
        assert_eq!("512KiB".parse(), Ok(Quantity::Bytes(524_288)));
        assert_eq!("7".parse(), Ok(Quantity::Count(7)));
        for wrong in ["", "s", "3 s", "3sec", "-1s", "1.5s"] {
            assert!(wrong.parse::<Quantity>().is_err(), "{wrong}");
        }
    }
}
