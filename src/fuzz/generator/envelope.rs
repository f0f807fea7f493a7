//! Violations of the class `envelope`: the fields by which frames are told apart, and frames that belong to the other side.

use serde_json::{Value, json};

use super::constraint::near_misses;
use super::sample::Sample;
use super::{Ground, discriminators, saying};
use crate::fuzz::violation::{Claim, Class, Violation};

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let pointers = discriminators(ground.pack);
    let mut found: Vec<Violation> = Vec::new();
    for sample in ground.firsts() {
        for at in pointers.iter().filter(|at| sample.value.pointer(at).is_some()) {
            found.extend(spoiled(sample, at));
            found.extend(swapped(ground, sample, at));
        }
    }
    found.push(Violation::new(Class::Envelope, "empty-object", "", "", vec![saying::json(json!({}))]));
    found.push(Violation::new(Class::Envelope, "strange-object", "", "", vec![saying::json(json!({"framegate": [1, {"a": null}]}))]));
    let theirs = ground.pack.manifest.frames.iter().filter(|(_, kind)| kind.from == ground.side);
    for (name, example) in theirs.filter_map(|(name, kind)| Some((name, kind.examples.first()?))) {
        let steps = vec![saying::json(saying::literal_json(example))];
        found.push(Violation::new(Class::Envelope, "frame-of-the-other-side", name, "", steps));
    }
    found
}

fn spoiled(sample: &Sample, at: &str) -> Vec<Violation> {
    let violation = |operator: &str, spoiled: Sample| {
        Violation::new(Class::Envelope, operator, &sample.frame, at, vec![saying::json(spoiled.template)])
    };
    let value = sample.value.pointer(at).cloned().unwrap_or(Value::Null);
    let mut found = vec![violation("missing", sample.without(at))];
    let others = [("null", Value::Null), ("number", json!(7)), ("array", json!([value])), ("object", json!({"name": value}))];
    for (operator, other) in near_misses(&value).into_iter().chain(others).filter(|(_, other)| *other != value) {
        let claim = Claim::NoLonger(sample.frame.clone());
        found.push(violation(operator, sample.with(at, &other)).claiming(claim));
    }
    found
}

/// The body of one frame under the name of another.
fn swapped(ground: &Ground<'_>, sample: &Sample, at: &str) -> Vec<Violation> {
    let mut names: Vec<Value> = Vec::new();
    for other in ground.firsts().into_iter().filter_map(|other| other.value.pointer(at)) {
        if sample.value.pointer(at) != Some(other) && !names.contains(other) {
            names.push(other.clone());
        }
    }
    let violation = |name: &Value| {
        let operator = format!("swapped-for-{}", name.as_str().map_or(name.to_string(), str::to_owned));
        Violation::new(Class::Envelope, operator, &sample.frame, at, vec![saying::json(sample.with(at, name).template)])
    };
    names.iter().map(violation).collect()
}
