//! What the placeholders of a peer's templates stand for. Not the template language itself: that is [`crate::pack::template`].

use std::time::Duration;

use serde_json::Value;

use super::quirks::Quirks;
use crate::pack::Settings;
use crate::pack::parameter::Quantity;
use crate::pack::template::{Scope, descend};
use crate::transcript::{ConnectionId, Role};

/// Where a peer's invented values come from: the same genesis gives the same conversation, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The wall clock at the beginning of the case, since 1970-01-01T00:00:00Z.
    pub epoch: Duration,
    /// Seed of uuids, masks and keys. Two cases against one live server need two seeds, or their uuids are the same.
    pub seed: u64,
}

impl Default for Genesis {
    /// 2026-01-01T00:00:00Z and seed 0: what embedded peers use.
    fn default() -> Self {
        Self { epoch: Duration::from_secs(1_767_225_600), seed: 0 }
    }
}

/// Values that are new each time, yet the same in each run.
#[derive(Clone, Debug)]
pub(super) struct Invention {
    genesis: Genesis,
    side: Role,
    random: u64,
    sequence: u64,
}

impl Invention {
    pub(super) fn new(genesis: Genesis, side: Role) -> Self {
        // The two sides of one case must not invent the same uuids.
        let random = genesis.seed.wrapping_mul(2).wrapping_add(u64::from(side == Role::Server));
        Self { genesis, side, random, sequence: 0 }
    }

    pub(super) fn restarted(&self, genesis: Genesis) -> Self {
        Self::new(genesis, self.side)
    }

    /// The next of a sequence from 1.
    pub(super) fn sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// A masking key.
    pub(super) fn mask(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.random().to_be_bytes();
        [a, b, c, d]
    }

    /// A `Sec-WebSocket-Key`.
    pub(super) fn key(&mut self) -> String {
        data_encoding::BASE64.encode(&self.sixteen())
    }

    /// A number below `limit`, or 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.random() % limit).unwrap_or_default()
    }

    /// A UUID of version 4.
    fn uuid(&mut self) -> String {
        let mut bytes = self.sixteen();
        bytes[6] = bytes[6] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn sixteen(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.random().to_be_bytes());
        bytes[8..].copy_from_slice(&self.random().to_be_bytes());
        bytes
    }

    /// The next number of `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// What a peer remembers, as far as one template may see it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory<'a> {
    /// The observation that set off a reaction.
    pub(super) frame: Option<&'a Value>,
    /// Variables of the connection.
    pub(super) var: Option<&'a Value>,
    /// Variables of all connections.
    pub(super) shared: Option<&'a Value>,
    /// Counters of the connection.
    pub(super) count: Option<&'a Value>,
    /// Counters of all connections.
    pub(super) total: Option<&'a Value>,
    /// What a script keeps.
    pub(super) saved: Option<&'a Value>,
    /// The connection that the template is about.
    pub(super) connection: ConnectionId,
}

/// The scope of one template.
pub(super) struct View<'a> {
    pub(super) memory: Memory<'a>,
    pub(super) settings: &'a Settings,
    pub(super) invention: &'a mut Invention,
    pub(super) quirks: &'a Quirks,
    pub(super) now: Duration,
}

impl Scope for View<'_> {
    fn lookup(&mut self, path: &str) -> Option<Value> {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        let memory = self.memory;
        match root {
            "frame" => recall(memory.frame, rest, Value::Null),
            "var" => recall(memory.var, rest, Value::Null),
            "shared" => recall(memory.shared, rest, Value::Null),
            "count" => recall(memory.count, rest, Value::from(0)),
            "total" => recall(memory.total, rest, Value::from(0)),
            "saved" => descend(memory.saved?, rest),
            "parameter" => {
                self.quirks.used(self.settings, rest);
                self.settings.parameters.get(rest).map(|parameter| number(self.settings, parameter.value))
            }
            "credential" => self.settings.credentials.get(rest).map(|text| Value::from(text.as_str())),
            "stimulus" => self.settings.stimuli.get(rest).map(|text| Value::from(text.as_str())),
            "connection" => Some(Value::from(memory.connection)),
            "uuid" => Some(Value::from(self.invention.uuid())),
            "seq" => Some(Value::from(self.invention.sequence())),
            "now" => Some(Value::from(timestamp(self.invention.genesis.epoch.saturating_add(self.now)))),
            _ => None,
        }
    }
}

/// What is remembered there. A machine's memory answers for everything: what the other side left out must not fail the peer.
fn recall(memory: Option<&Value>, path: &str, otherwise: Value) -> Option<Value> {
    memory.map(|memory| descend(memory, path).unwrap_or(otherwise))
}

/// A parameter's value as JSON: milliseconds, bytes or a count.
pub(super) fn number(settings: &Settings, quantity: Quantity) -> Value {
    match quantity {
        Quantity::Duration(duration) => {
            let scaled = scaled(duration, settings.time_scale);
            Value::from(u64::try_from(scaled.as_millis()).unwrap_or(u64::MAX))
        }
        Quantity::Bytes(number) | Quantity::Count(number) => Value::from(number),
    }
}

/// A duration times a factor, as far as there are durations.
pub(super) fn scaled(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor.max(0.0)).unwrap_or(Duration::MAX)
}

/// RFC 3339 in UTC with milliseconds, up to the last second of the year 9999.
fn timestamp(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs().min(253_402_300_799);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let milliseconds = since_1970.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// Year, month and day of this many days after 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::parameter::Parameter;
    use crate::pack::template::render;
    use serde_json::json;

    fn settings() -> Settings {
        let parameter = |text: &str| Parameter { value: text.parse().unwrap(), pass: None, warn: None, what: String::new() };
        Settings {
            parameters: [("wait".to_owned(), parameter("2s")), ("size".to_owned(), parameter("2KiB"))].into_iter().collect(),
            credentials: [("token".to_owned(), "secret".to_owned())].into(),
            stimuli: [("chat".to_owned(), "hello".to_owned())].into(),
            capabilities: std::collections::BTreeSet::new(),
            destructive: true,
            time_scale: 0.5,
            round_trip: Duration::ZERO,
        }
    }

    fn rendered(template: &Value, memory: Memory<'_>) -> Option<Value> {
        let mut invention = Invention::new(Genesis::default(), Role::Client);
        let now = Duration::from_millis(61_005);
        let (settings, quirks) = (settings(), Quirks::default());
        render(template, &mut View { memory, settings: &settings, invention: &mut invention, quirks: &quirks, now }).ok()
    }

    #[test]
    fn every_root_has_its_value() {
        let (frame, empty) = (json!({"a": [7]}), json!({}));
        let memory = Memory { frame: Some(&frame), var: Some(&empty), count: Some(&empty), connection: 3, ..Memory::default() };
        let template = json!([
            "${frame.a.0}",
            "${frame.no}",
            "${var.no}",
            "${count.no}",
            "${parameter.wait}",
            "${parameter.size}",
            "${credential.token}",
            "${stimulus.chat}",
            "${connection}",
            "${now}",
            "${seq}",
            "${seq}"
        ]);
        let expected = json!([7, null, null, 0, 1000, 2048, "secret", "hello", 3, "2026-01-01T00:01:01.005Z", 1, 2]);
        assert_eq!(rendered(&template, memory), Some(expected));
    }

    #[test]
    fn what_a_script_did_not_save_is_unknown() {
        let saved = json!({"asked": {"id": 1}});
        let memory = Memory { saved: Some(&saved), ..Memory::default() };
        assert_eq!(rendered(&json!("${saved.asked.id}"), memory), Some(json!(1)));
        assert_eq!(rendered(&json!("${saved.other}"), memory), None);
        assert_eq!(rendered(&json!("${frame.id}"), memory), None);
        assert_eq!(rendered(&json!("${credential.none}"), memory), None);
    }

    #[test]
    fn uuids_are_of_version_4_and_differ_between_calls_seeds_and_sides() {
        let uuids = |seed, side| {
            let mut invention = Invention::new(Genesis { seed, ..Genesis::default() }, side);
            (0..20).map(|_| invention.uuid()).collect::<Vec<_>>()
        };
        let all = [uuids(0, Role::Client), uuids(0, Role::Server), uuids(1, Role::Client)].concat();
        let shape = regex::Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").unwrap();
        assert!(all.iter().all(|uuid| shape.is_match(uuid)), "{all:?}");
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 60);
        assert_eq!(uuids(0, Role::Client), uuids(0, Role::Client));
    }

    #[test]
    fn timestamps_follow_the_calendar() {
        let at = |seconds| timestamp(Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_767_225_599), "2025-12-31T23:59:59.000Z");
        assert_eq!(at(u64::MAX), "9999-12-31T23:59:59.000Z");
    }
}
