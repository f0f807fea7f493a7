//! Violations of the class `identity`: ids that nobody gave, that were used before, that are stale, empty or very long.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sample::Sample;
use super::{Ground, saying};
use crate::fuzz::pointer::leaves;
use crate::fuzz::violation::{Class, Violation};
use crate::pack::rule::Kind;

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let keys = keys(ground);
    let mut found = Vec::new();
    for sample in ground.firsts() {
        let ids = leaves(&sample.value).into_iter().filter(|(at, _)| keys.contains(at) || is_named_like_an_id(at));
        for (at, _) in ids {
            found.extend(spoiled(ground, sample, &at));
        }
    }
    found
}

/// What the pack's replies and rules correlate by.
fn keys(ground: &Ground<'_>) -> BTreeSet<String> {
    let replies = ground.pack.manifest.frames.values().filter_map(|kind| kind.reply.as_ref()).map(|reply| reply.by.clone());
    let rules = ground.pack.requirements().filter_map(|(_, requirement)| requirement.rule.as_ref());
    let unique = rules
        .filter_map(|rule| if let Kind::Unique(keyed) | Kind::Increasing(keyed) = &rule.kind { Some(keyed.key.clone()) } else { None });
    replies.chain(unique).collect()
}

fn is_named_like_an_id(at: &str) -> bool {
    let name = at.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    lower == "id" || lower.ends_with("_id") || name.ends_with("Id") || name.ends_with("ID") || lower == "session" || lower == "seq"
}

fn spoiled(ground: &Ground<'_>, sample: &Sample, at: &str) -> Vec<Violation> {
    let violation = |operator: &str, steps| Violation::new(Class::Identity, operator, &sample.frame, at, steps);
    let said = |value: &Value| saying::json(sample.with(at, value).template);
    let mut found: Vec<_> =
        values(sample.value.pointer(at)).iter().map(|(operator, value)| violation(operator, vec![said(value)])).collect();
    let fixed = json!("framegate-twice");
    let same = if sample.value.pointer(at).is_some_and(Value::is_number) { json!(7) } else { fixed };
    found.push(violation("twice", vec![said(&same), said(&same)]));
    for name in ground.state.names() {
        let mut stale = sample.template.clone();
        crate::fuzz::pointer::set(&mut stale, at, Value::from(format!("${{saved.{name}{}}}", at.replace('/', "."))));
        if ground.has_saved(name, at) {
            found.push(violation(&format!("stale-{name}"), vec![saying::json(stale)]));
        }
    }
    found
}

fn values(id: Option<&Value>) -> Vec<(&'static str, Value)> {
    let mut values = vec![
        ("unknown", json!("framegate-nobody-gave-this-id")),
        ("unknown-uuid", json!("00000000-0000-4000-8000-000000000000")),
        ("empty", json!("")),
        ("blank", json!(" ")),
        ("long", json!("x".repeat(1024))),
        ("very-long", json!("x".repeat(65_536))),
        ("nul", json!("a\0b")),
        ("zero-width", json!("1\u{200b}")),
        ("path", json!("../../1")),
        ("zero", json!(0)),
        ("negative", json!(-1)),
        ("beyond-53-bits", json!(9_007_199_254_740_993_i64)),
        ("null", Value::Null),
    ];
    if let Some(Value::Number(number)) = id {
        values.push(("as-text", json!(number.to_string())));
    }
    values
}

impl Ground<'_> {
    /// True if what is kept under this name has something at this pointer, as far as its examples tell.
    fn has_saved(&self, name: &str, at: &str) -> bool {
        self.state.kinds(name).iter().any(|frame| {
            let examples = self.pack.manifest.frames.get(frame).map_or(&[][..], |kind| &kind.examples);
            examples.iter().any(|example| example.pointer(at).is_some())
        })
    }
}
