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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::identity;
    use crate::check::sample::{Server, Talk, check_rule};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};

    #[test]
    fn unique_needs_two_and_breaks_on_a_repeated_value() {
        check_rule(
            &json!({"unique": {"of": {"is": "tick"}, "key": "/seq"}}),
            &[
                ("two values", Talk::with_server().tick(2).tick(1), Satisfied),
                ("one value twice", Talk::with_server().tick(1).tick(2).tick(1), Violated),
                ("one", Talk::with_server().tick(1), NotExercised),
                ("without the value", Talk::with_server().tick(1).server(1, &json!({"type": "tick"})), NotExercised),
                ("on two connections", Talk::with_server().tick(1).connect(2).server(2, &json!({"type": "tick", "seq": 1})), NotExercised),
            ],
        );
    }

    #[test]
    fn numbers_that_a_parser_confuses_are_not_called_equal() {
        let huge = |text: &str| format!(r#"{{"type":"tick","seq":{text}}}"#);
        let talk = Talk::with_server().text(1, Server, &huge("123456789012345678901")).text(1, Server, &huge("123456789012345678902"));
        check_rule(&json!({"unique": {"of": {"is": "tick"}, "key": "/seq"}}), &[("huge", talk, NotExercised)]);
    }

    #[test]
    fn increasing_allows_gaps_and_no_repeats() {
        let named = |text: &str| json!({"type": "tick", "seq": text});
        check_rule(
            &json!({"increasing": {"of": {"is": "tick"}, "key": "/seq"}}),
            &[
                ("rising", Talk::with_server().tick(1).tick(5).tick(6), Satisfied),
                ("standing", Talk::with_server().tick(1).tick(1), Violated),
                ("falling", Talk::with_server().tick(2).tick(1), Violated),
                ("one", Talk::with_server().tick(1), NotExercised),
                ("texts that hold numbers", Talk::with_server().server(1, &named("9")).server(1, &named("10")), Satisfied),
                ("texts", Talk::with_server().server(1, &named("b")).server(1, &named("a")), Violated),
                ("no order", Talk::with_server().tick(1).server(1, &named("a")), NotExercised),
            ],
        );
    }

    #[test]
    fn equals_echoes_the_last_earlier_one_with_the_same_key() {
        let rule = json!({"equals": {
            "of": {"of": {"is": "reply"}, "key": "/text"}, "to": {"of": {"is": "ask"}, "key": "/text"}, "by": "/id",
        }});
        let ask = |id: u64, text: &str| json!({"type": "ask", "id": id, "text": text});
        let reply = |id: u64, text: &str| json!({"type": "reply", "id": id, "text": text});
        let two = || Talk::with_server().client(1, &ask(1, "a")).client(1, &ask(2, "b"));
        check_rule(
            &rule,
            &[
                ("echoed out of order", two().server(1, &reply(2, "b")).server(1, &reply(1, "a")), Satisfied),
                ("mixed up", two().server(1, &reply(2, "a")), Violated),
                ("left out", two().reply(1), Violated),
                ("never asked", two().server(1, &reply(3, "c")), NotExercised),
                ("not said", Talk::with_server().ask(1).server(1, &reply(1, "x")), NotExercised),
                ("said anew", two().client(1, &ask(1, "z")).server(1, &reply(1, "z")), Satisfied),
            ],
        );
    }

    #[test]
    fn values_are_the_same_if_json_says_so() {
        let same = |a: &Value, b: &Value| identity(a) == identity(b);
        assert!(same(&json!(1), &json!(1.0)));
        assert!(same(&json!({"a": 1, "b": [2]}), &json!({"b": [2.0], "a": 1})));
        assert!(!same(&json!("1"), &json!(1)));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        assert!(!same(&json!(null), &json!("null")));
    }
}
