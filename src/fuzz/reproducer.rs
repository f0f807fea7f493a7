//! A conversation as a scenario file that `framegate replay` and every pack read: comments at the head, then YAML whose values are written as
//! JSON, which YAML reads too.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::pack::scenario::{Scenario, Step};

/// Keys of a step that are left out when they say nothing.
const SILENT: [&str; 14] = [
    "binary",
    "covers",
    "exclusive",
    "fragments",
    "headers",
    "invalid",
    "next",
    "optional",
    "or",
    "proves",
    "reason",
    "rsv",
    "unset",
    "without",
];

/// The file. Each comment becomes a line or several.
pub fn render(comments: &[String], scenario: &Scenario) -> String {
    let mut file = String::from("# yaml-language-server: $schema=../../../../schemas/framegate/scenario.schema.json\n");
    for line in comments.iter().flat_map(|comment| comment.lines()) {
        let printable: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(file, "# {printable}");
    }
    let _ = writeln!(file, "title: {}", quoted(&scenario.title));
    file.push_str("steps:\n");
    for step in &scenario.steps {
        let _ = writeln!(file, "  - {}", one_line(&plain(step)));
    }
    file
}

/// A step without what it need not say.
fn plain(step: &Step) -> Value {
    let value = serde_json::to_value(step).unwrap_or_else(|_| json!({}));
    let Value::Object(entries) = value else { return value };
    Value::Object(entries.into_iter().map(|(name, body)| (name, spare(body))).collect())
}

fn spare(body: Value) -> Value {
    match body {
        Value::Object(entries) => {
            let is_said = |name: &str, value: &Value| {
                let is_nothing = matches!(value, Value::Bool(false) | Value::Null)
                    || *value == json!(0)
                    || *value == json!("")
                    || *value == json!([])
                    || *value == json!({});
                !(is_nothing && (SILENT.contains(&name) || name == "wrong_mask"))
            };
            let kept = entries.into_iter().filter(|(name, value)| is_said(name, value));
            let steps = |(name, value): (String, Value)| match (name.as_str(), value) {
                ("steps", Value::Array(steps)) => (name, steps.into_iter().map(inner_step).collect()),
                (_, value) => (name, value),
            };
            Value::Object(kept.map(steps).collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn inner_step(step: Value) -> Value {
    match step {
        Value::Object(entries) => Value::Object(entries.into_iter().map(|(name, body)| (name, spare(body))).collect()),
        other => other,
    }
}

/// A value as flow YAML, which is JSON with names that need no quotes left bare at the top.
fn one_line(value: &Value) -> String {
    match value {
        Value::Object(entries) => match entries.iter().next() {
            Some((name, body)) if entries.len() == 1 => format!("{name}: {}", flow(body)),
            _ => flow(value),
        },
        other => flow(other),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entry = |(name, value): (&String, &Value)| format!("{}: {}", quoted(name), flow(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A text in double quotes with every character that YAML may not hold, or that people cannot see, escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            ' '..='~' => quoted.push(character),
            other if u32::from(other) <= 0xFFFF => drop(write!(quoted, "\\u{:04x}", u32::from(other))),
            other => drop(write!(quoted, "\\U{:08x}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Library;

    fn check(steps: &Value) {
        let scenario = Scenario::new("A \"title\": with # signs", serde_json::from_value(steps.clone()).unwrap());
        let text = render(&["seed 1".to_owned(), "two\nlines \u{7} bell".to_owned()], &scenario);
        let read = Library::scenario("reproducer.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, scenario, "{text}");
    }

    #[test]
    fn what_is_written_is_read_as_the_same_scenario() {
        check(&json!([
            {"include": "connected"},
            {"open": {"connection": "canary"}},
            {"mark": "violation"},
            {"message": {"json": {"a": {}, "b": [], "c": null, "d": false, "e": 0, "f": ""}}},
            {"message": {"text": "\u{0}\u{7f}\u{85}\u{feff}\u{ffff}😀${uuid} 'x' # no"}},
            {"message": {"text": ""}},
            {"message": {"hex": "00ff", "binary": true, "fragments": [1, 2]}},
            {"frame": {"opcode": 1, "fin": false, "rsv": 4, "wrong_mask": true, "text": "{}", "length": 18_446_744_073_709_551_615_u64, "width": 8}},
            {"repeat": {"times": 3, "steps": [{"ping": {"text": "x"}}]}},
            {"expect": {"is": ["pong"], "match": {"payload": "no"}, "or": [{"is": ["close"], "means": "pass", "because": "it may"}]}},
            {"end": {}},
            {"close": {"code": 1000, "reason": ""}},
        ]));
    }

    #[test]
    fn numbers_keep_their_value() {
        check(&json!([{"message": {"json": [1e300, -0.0, 0.1, 5e-324, 9_007_199_254_740_993_i64, u64::MAX]}}]));
    }
}
