//! Good frames to spoil: an example of the catalogue as it is, and the same as a phase of the pack would send it, so that it means
//! something in the conversation.

use serde_json::Value;

use super::saying::literal_json;
use super::state::{State, unrolled};
use crate::fuzz::pointer;
use crate::pack::manifest::FrameKind;
use crate::pack::scenario::Step;
use crate::pack::{Pack, Settings, template};
use crate::transcript::Role;

/// A good frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Its name.
    pub(super) frame: String,
    /// Without placeholders: what schemas are held against.
    pub(super) value: Value,
    /// With placeholders where the conversation gives the value.
    pub(super) template: Value,
}

impl Sample {
    /// The frames of this side in this state, one for each example of each kind.
    pub(super) fn all(pack: &Pack, settings: &Settings, side_under_test: Role, state: &State) -> Vec<Self> {
        let kinds = pack.manifest.frames.iter().filter(|(_, kind)| kind.from != side_under_test);
        let examples = kinds.flat_map(|(name, kind)| kind.examples.iter().map(move |example| (name, kind, example)));
        examples.map(|(name, kind, example)| Self::of(pack, settings, side_under_test, state, name, kind, example)).collect()
    }

    /// The first sample of each frame.
    pub(super) fn firsts(samples: &[Self]) -> Vec<&Self> {
        let mut firsts: Vec<&Self> = Vec::new();
        for sample in samples {
            if firsts.iter().all(|first| first.frame != sample.frame) {
                firsts.push(sample);
            }
        }
        firsts
    }

    fn of(pack: &Pack, settings: &Settings, side: Role, state: &State, name: &str, kind: &FrameKind, example: &Value) -> Self {
        let mut sample = Self { frame: name.to_owned(), value: example.clone(), template: literal_json(example) };
        if let Some(set) = contribution(pack, side, name) {
            sample.overlay("", &set, settings, state);
        }
        let asked = kind.reply.as_ref().and_then(|reply| Some((reply, state.saved_as(&reply.to)?)));
        if let Some((reply, saved)) = asked {
            let path = format!("${{saved.{saved}{}}}", reply.by.replace('/', "."));
            pointer::set(&mut sample.template, &reply.by, Value::from(path));
        }
        sample
    }

    /// Puts in what a phase sets: literal values in both, placeholders in the template alone and only if they can be filled.
    fn overlay(&mut self, at: &str, set: &Value, settings: &Settings, state: &State) {
        match set {
            Value::Object(entries) => {
                entries.iter().for_each(|(name, value)| self.overlay(&pointer::below(at, name), value, settings, state));
            }
            Value::String(text) if text.contains("${") => {
                if self.value.pointer(at).is_some() && is_known(set, settings, state) {
                    pointer::set(&mut self.template, at, set.clone());
                }
            }
            value => {
                pointer::set(&mut self.value, at, value.clone());
                pointer::set(&mut self.template, at, literal_json(value));
            }
        }
    }

    /// The same with this value there, in both.
    pub(super) fn with(&self, at: &str, new: &Value) -> Self {
        let mut changed = self.clone();
        pointer::set(&mut changed.value, at, new.clone());
        pointer::set(&mut changed.template, at, literal_json(new));
        changed
    }

    /// The same without what stands there.
    pub(super) fn without(&self, at: &str) -> Self {
        let mut changed = self.clone();
        pointer::unset(&mut changed.value, at);
        pointer::unset(&mut changed.template, at);
        changed
    }
}

/// What a phase merges into the first example of a frame when it sends one.
fn contribution(pack: &Pack, side: Role, frame: &str) -> Option<Value> {
    let phases = pack.manifest.phases.of(side);
    let first = ["connected", "exchange"].into_iter().filter_map(|name| phases.get(name));
    let all = first.chain(phases.values()).flat_map(|steps| unrolled(pack, side, steps));
    let mut sends = all.filter_map(|step| if let Step::Send(send) = step { Some(send) } else { None });
    sends.find(|send| send.frame == frame)?.set
}

fn is_known(text: &Value, settings: &Settings, state: &State) -> bool {
    let Ok(paths) = template::paths(text) else { return false };
    paths.iter().all(|path| {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        match root {
            "uuid" | "seq" | "now" | "connection" | "parameter" => true,
            "credential" => settings.credentials.contains_key(rest),
            "stimulus" => settings.stimuli.contains_key(rest),
            "saved" => state.saves(rest.split('.').next().unwrap_or_default()),
            _ => false,
        }
    })
}

/// A template with each placeholder replaced by what an example has in that place, or by some text.
pub(in crate::fuzz) fn settled(template: &Value, examples: &[Value]) -> Value {
    let mut settled = template.clone();
    for (at, leaf) in pointer::leaves(template) {
        let Some(text) = leaf.as_str().filter(|text| text.contains("${")) else { continue };
        let is_literal = template::paths(leaf).is_ok_and(|paths| paths.is_empty());
        let example = || examples.iter().find_map(|example| example.pointer(&at)).cloned();
        let value = if is_literal { Value::from(text.replace("$${", "${")) } else { example().unwrap_or_else(|| Value::from("framegate")) };
        pointer::set(&mut settled, &at, value);
    }
    settled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_placeholder_settles_to_what_the_example_has_there() {
        let examples = [json!({"id": "1", "n": {"a": 2}})];
        let template = json!({"id": "${uuid}", "n": {"a": "${saved.x.a}"}, "text": "$${x}", "other": "${seq}"});
        assert_eq!(settled(&template, &examples), json!({"id": "1", "n": {"a": 2}, "text": "${x}", "other": "framegate"}));
    }
}
