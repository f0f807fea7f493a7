//! What holds for one target: parameters with its own values, credentials, stimuli, capabilities.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::manifest::Manifest;
use super::parameter::{Parameter, Quantity, Span};
use super::scenario::Needs;

/// How long a client may take to dial, where the pack says nothing.
const DIAL_TIME: Duration = Duration::from_secs(10);

/// What a target declares, over what the pack says. Freeze it before planning.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Parameters by name, with the target's values.
    pub parameters: IndexMap<String, Parameter>,
    /// Credentials by name. For embedded peers those of the pack.
    pub credentials: BTreeMap<String, String>,
    /// Stimuli by name: the text or command that makes this target act.
    pub stimuli: BTreeMap<String, String>,
    /// Capabilities that the target has.
    pub capabilities: BTreeSet<String>,
    /// True if cases may be run that a target which is wrong does not survive as it was.
    pub destructive: bool,
    /// Factor on every duration of the pack.
    pub time_scale: f64,
    /// Added to every upper bound, and taken from every lower bound, for the way there and back.
    pub round_trip: Duration,
}

/// Something that a target does not declare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lack {
    /// `capability`, `stimulus`, `credential`; `hook` for what only a command outside the protocol can bring about, `allow` for what is not
    /// done unasked.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// What passes, ends included.
    pub pass: (Duration, Duration),
    /// What warns, ends included; holds `pass`.
    pub warn: (Duration, Duration),
}

/// Where a measured time lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// In the band that passes.
    Pass,
    /// In the band that warns.
    Warn,
    /// Below both.
    Early,
    /// Above both.
    Late,
}

impl Band {
    /// Where this time lies.
    pub fn fit(&self, time: Duration) -> Fit {
        let within = |(low, high): (Duration, Duration)| low <= time && time <= high;
        match time {
            _ if within(self.pass) => Fit::Pass,
            _ if within(self.warn) => Fit::Warn,
            _ if time < self.warn.0 => Fit::Early,
            _ => Fit::Late,
        }
    }

    /// The latest time that is not too late.
    pub fn end(&self) -> Duration {
        self.warn.1.max(self.pass.1)
    }
}

impl Settings {
    /// What holds for the reference peers: everything the pack declares.
    pub fn embedded(manifest: &Manifest) -> Self {
        Self {
            credentials: manifest.credentials.iter().map(|(name, credential)| (name.clone(), credential.value.clone())).collect(),
            stimuli: manifest.stimuli.iter().map(|(name, stimulus)| (name.clone(), stimulus.text.clone())).collect(),
            capabilities: manifest.capabilities.keys().cloned().collect(),
            destructive: true,
            ..Self::bare(manifest)
        }
    }

    /// What holds for a live target that declares nothing: documented parameters, public credentials, default capabilities.
    pub fn live(manifest: &Manifest) -> Self {
        let public = manifest.credentials.iter().filter(|(_, credential)| credential.public);
        let default = manifest.capabilities.iter().filter(|(_, capability)| capability.default);
        Self {
            credentials: public.map(|(name, credential)| (name.clone(), credential.value.clone())).collect(),
            capabilities: default.map(|(name, _)| name.clone()).collect(),
            ..Self::bare(manifest)
        }
    }

    fn bare(manifest: &Manifest) -> Self {
        Self {
            parameters: manifest.parameters.clone(),
            credentials: BTreeMap::new(),
            stimuli: BTreeMap::new(),
            capabilities: BTreeSet::new(),
            destructive: false,
            time_scale: 1.0,
            round_trip: Duration::ZERO,
        }
    }

    /// What of these needs is not declared.
    pub fn lacks(&self, needs: &Needs) -> Vec<Lack> {
        let lack = |kind: &'static str, name: &String| Lack { kind, name: name.clone() };
        let capabilities = needs.capabilities.iter().filter(|name| !self.capabilities.contains(*name));
        let stimuli = needs.stimuli.iter().filter(|name| !self.stimuli.contains_key(*name));
        let credentials = needs.credentials.iter().filter(|name| !self.credentials.contains_key(*name));
        let lacks = capabilities.map(|name| lack("capability", name)).chain(stimuli.map(|name| lack("stimulus", name)));
        lacks.chain(credentials.map(|name| lack("credential", name))).collect()
    }

    /// What of these needs is not declared, as a phrase.
    pub fn missing(&self, needs: &Needs) -> Option<String> {
        let Lack { kind, name } = self.lacks(needs).into_iter().next()?;
        let value = if kind == "capability" { "true" } else { "TEXT" };
        Some(format!("{kind} `{name}` is not declared (--set {kind}.{name}={value})"))
    }

    /// The value that this span stands for: a parameter's, or its own.
    pub fn quantity(&self, span: &Span) -> Option<Quantity> {
        self.parameters.get(&span.0).map(|parameter| parameter.value).or_else(|| span.0.parse().ok())
    }

    /// The time that this span stands for, scaled; zero if it is no time, which `lint` excludes.
    pub fn duration(&self, span: &Span) -> Duration {
        match self.quantity(span) {
            Some(Quantity::Duration(duration)) => self.scale(duration),
            _ => Duration::ZERO,
        }
    }

    /// The size or count that this span stands for; zero if it is neither, which `lint` excludes.
    pub fn size(&self, span: &Span) -> u64 {
        match self.quantity(span) {
            Some(Quantity::Bytes(size) | Quantity::Count(size)) => size,
            _ => 0,
        }
    }

    /// A parameter as templates see it: a time in milliseconds (scaled), a size in bytes, or a count.
    pub fn parameter_value(&self, name: &str) -> Option<Value> {
        self.parameters.get(name).map(|parameter| match parameter.value {
            Quantity::Duration(duration) => Value::from(u64::try_from(self.scale(duration).as_millis()).unwrap_or(u64::MAX)),
            Quantity::Bytes(number) | Quantity::Count(number) => Value::from(number),
        })
    }

    /// How long something may take that must come within this span.
    pub fn bound(&self, span: &Span) -> Band {
        self.band(span, Duration::ZERO)
    }

    /// How long a client may take to dial: this span, or else the parameter `dial_time`, or 10 s. Without a span it is not scaled, for no timer
    /// of the protocol but the start of a program is waited for.
    pub fn dial_time(&self, within: Option<&Span>) -> Duration {
        let parameter = self.parameters.get("dial_time").map(|parameter| as_time(parameter.value));
        within.map_or_else(|| parameter.unwrap_or(DIAL_TIME), |span| self.bound(span).end())
    }

    /// How long each gap may be of something that recurs with this period.
    pub fn period(&self, span: &Span) -> Band {
        self.band(span, self.duration(span))
    }

    /// Bands of a parameter, or `[low, value]` where it gives none.
    fn band(&self, span: &Span, low: Duration) -> Band {
        let parameter = self.parameters.get(&span.0);
        let ends = |[low, high]: [Quantity; 2]| (self.scale(as_time(low)), self.scale(as_time(high)));
        let pass = parameter.and_then(|parameter| parameter.pass).map_or((low, self.duration(span)), ends);
        let warn = parameter.and_then(|parameter| parameter.warn).map_or(pass, ends);
        let widen = |(low, high): (Duration, Duration)| (low.saturating_sub(self.round_trip), high + self.round_trip);
        Band { pass: widen(pass), warn: widen((warn.0.min(pass.0), warn.1.max(pass.1))) }
    }

    fn scale(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.time_scale)
    }
}

fn as_time(quantity: Quantity) -> Duration {
    match quantity {
        Quantity::Duration(duration) => duration,
        Quantity::Bytes(_) | Quantity::Count(_) => Duration::ZERO,
    }
}
