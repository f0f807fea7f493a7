//! `unique`, `increasing` and `equals`; and what makes two values the same.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::Value;

use crate::check::phrase;
use crate::check::tally::{Tally, Violation};
use crate::pack::Observation;
use crate::pack::matcher::brief;
use crate::pack::rule::{Equals, Key, Keyed};

use super::stretch::Stretch;

/// Beyond this a JSON parser no longer tells neighbouring numbers apart (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

/// No two carry the same value.
pub(super) fn unique(keyed: &Keyed, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut met: HashMap<String, &Observation> = HashMap::new();
    for (seen, value) in carriers(keyed, stretch) {
        tally.exercise_if(!met.is_empty());
        if let Some(earlier) = met.get(&identity(value)) {
            let expected = format!("a value at `{}` that no other {} carries", keyed.key, phrase::names(&keyed.of.is));
            let actual = format!("{} again, as in event {}", brief(value, 80), earlier.event);
            tally.add(Violation::at(seen.event, expected, actual));
        } else {
            met.insert(identity(value), seen);
        }
    }
    tally
}

/// Each carries more than the one before.
pub(super) fn increasing(keyed: &Keyed, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut before: Option<&Value> = None;
    for (seen, value) in carriers(keyed, stretch) {
        if let Some((before, order)) = before.and_then(|before| Some((before, compare(value, before)?))) {
            tally.exercise();
            if order != Ordering::Greater {
                let expected = format!("`{}` of {} greater than {}", keyed.key, phrase::names(&keyed.of.is), brief(before, 80));
                tally.add(Violation::at(seen.event, expected, brief(value, 80)));
            }
        }
        before = Some(value);
    }
    tally
}

/// A value is that of the last earlier observation with the same key.
pub(super) fn equals(equals: &Equals, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut last: HashMap<String, (&Observation, &Value)> = HashMap::new();
    for seen in stretch.observations.iter().copied() {
        let earlier = later_key(equals.by.as_ref(), seen).filter(|_| seen.is(&equals.of.of)).and_then(|key| last.get(&key));
        if let Some((earlier, value)) = earlier {
            tally.exercise();
            let found = seen.value.pointer(&equals.of.key);
            if found.is_none_or(|found| identity(found) != identity(value)) {
                let expected = format!("{} at `{}`, as in event {}", brief(value, 80), equals.of.key, earlier.event);
                let actual = found.map_or("nothing stands there".to_owned(), |found| brief(found, 80));
                tally.add(Violation::at(seen.event, expected, format!("{actual} in `{}`", seen.name)));
            }
        }
        if let Some(value) = seen.value.pointer(&equals.to.key).filter(|_| seen.is(&equals.to.of)) {
            last.extend(earlier_key(equals.by.as_ref(), seen).map(|key| (key, (seen, value))));
        }
    }
    tally
}

/// The observations that carry the value, with the value. Numbers that were read inexactly are left out.
fn carriers<'a>(keyed: &Keyed, stretch: &Stretch<'a>) -> impl Iterator<Item = (&'a Observation, &'a Value)> {
    let meant = stretch.observations.iter().copied().filter(|seen| seen.is(&keyed.of));
    meant.filter_map(|seen| Some((seen, seen.value.pointer(&keyed.key)?))).filter(|(_, value)| is_exact(value))
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.abs() < EXACT),
        _ => true,
    }
}

/// Numbers by size, texts by their whole numbers if they hold such, else letter by letter. Anything else has no order.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => match (a.parse::<u128>(), b.parse::<u128>()) {
            (Ok(a), Ok(b)) => Some(a.cmp(&b)),
            _ => Some(a.cmp(b)),
        },
        _ => None,
    }
}

/// What an observation carries that a later one must carry too. Without a key all carry the same.
pub(super) fn earlier_key(by: Option<&Key>, seen: &Observation) -> Option<String> {
    by.map_or(Some(String::new()), |by| seen.value.pointer(&by.earlier).map(identity))
}

/// What an observation carries that an earlier one must have carried.
pub(super) fn later_key(by: Option<&Key>, seen: &Observation) -> Option<String> {
    by.map_or(Some(String::new()), |by| seen.value.pointer(&by.later).map(identity))
}

/// A text that two values share exactly if JSON calls them equal: `1` is `1.0`, and the order of keys is nothing.
pub(super) fn identity(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(whole) if whole.fract() == 0.0 && whole.abs() < EXACT => format!("{whole:.0}"),
            _ => number.to_string(),
        },
        Value::Array(items) => format!("[{}]", items.iter().map(identity).collect::<Vec<_>>().join(",")),
        Value::Object(entries) => {
            let mut parts: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), identity(value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        other => other.to_string(),
    }
}
