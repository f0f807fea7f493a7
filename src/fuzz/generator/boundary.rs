//! Violations of the class `boundary`: values that a schema may well allow and that programs break on.

use serde_json::{Value, json};

use super::{Ground, discriminators, saying};
use crate::fuzz::pointer::leaves;
use crate::fuzz::violation::{Class, Violation};

/// Texts with a name each.
const TEXTS: [(&str, &str); 24] = [
    ("empty", ""),
    ("space", " "),
    ("nul", "a\0b"),
    ("control", "\u{1}\u{7f}\u{85}"),
    ("line-ends", "a\r\nb\n\u{2028}\u{2029}"),
    ("right-to-left", "\u{202e}abc\u{2066}"),
    ("zero-width", "a\u{200b}\u{200d}\u{feff}b"),
    ("noncharacter", "\u{ffff}\u{fffe}\u{10ffff}"),
    ("combining", "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}"),
    ("emoji", "👩‍👩‍👧‍👦🏳️‍🌈"),
    ("wide", "𝒻𝓇𝒶𝓂ℯ"),
    ("quotes", "\"'`\\"),
    ("markup", "<script>alert(1)</script><!--"),
    ("path", "../../../../etc/passwd"),
    ("shell", "$(id);`id`|id&"),
    ("query", "' OR '1'='1'; --"),
    ("format", "%s%n%x%d"),
    ("template", "${jndi:ldap://127.0.0.1/a}{{7*7}}"),
    ("header", "a\r\nX-Framegate: 1"),
    ("word-null", "null"),
    ("word-nan", "NaN"),
    ("word-proto", "__proto__"),
    ("word-number", "1e400"),
    ("url", "http://127.0.0.1:1/"),
];

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let apart = discriminators(ground.pack);
    let mut found = Vec::new();
    for sample in ground.firsts() {
        for (at, leaf) in leaves(&sample.value).into_iter().filter(|(at, _)| !apart.contains(at)) {
            for (operator, value) in values(leaf) {
                let steps = vec![saying::json(sample.with(&at, &value).template)];
                found.push(Violation::new(Class::Boundary, operator, &sample.frame, &at, steps));
            }
        }
    }
    found
}

fn values(leaf: &Value) -> Vec<(&'static str, Value)> {
    match leaf {
        Value::String(_) => {
            let long = [("long", json!("x".repeat(4096))), ("very-long", json!("é".repeat(32_768)))];
            TEXTS.into_iter().map(|(name, text)| (name, json!(text))).chain(long).collect()
        }
        Value::Number(_) => vec![
            ("zero", json!(0)),
            ("minus-one", json!(-1)),
            ("31-bits", json!(i64::from(i32::MAX) + 1)),
            ("32-bits", json!(i64::from(u32::MAX) + 1)),
            ("53-bits", json!((1_i64 << 53) + 1)),
            ("63-bits", json!(i64::MAX)),
            ("64-bits", json!(u64::MAX)),
            ("negative-63-bits", json!(i64::MIN)),
            ("fraction", json!(0.1)),
            ("largest", json!(f64::MAX)),
            ("smallest", json!(f64::MIN_POSITIVE)),
        ],
        _ => Vec::new(),
    }
}
