//! Fills `${parameter.…}` and `${credential.…}` in the patterns of a rule.

use std::borrow::Cow;

use serde_json::Value;

use crate::pack::Settings;
use crate::pack::pattern::Pattern;
use crate::pack::rule::{Kind, Rule};
use crate::pack::template::{self, Scope};

/// The rule with its placeholders filled. What cannot be filled stays as it is.
pub(super) fn rendered<'a>(rule: &'a Rule, settings: &Settings) -> Cow<'a, Rule> {
    if !patterns(rule).iter().any(|pattern| pattern.tree.as_ref().is_some_and(has_placeholder)) {
        return Cow::Borrowed(rule);
    }
    let mut rule = rule.clone();
    for tree in patterns_mut(&mut rule).into_iter().filter_map(|pattern| pattern.tree.as_mut()) {
        if let Ok(filled) = template::render_known(tree, &mut Declared(settings)) {
            *tree = filled;
        }
    }
    Cow::Owned(rule)
}

/// What a target declares, and what its pack says.
pub(in crate::check) struct Declared<'a>(pub(in crate::check) &'a Settings);

impl Scope for Declared<'_> {
    fn lookup(&mut self, path: &str) -> Option<Value> {
        let (root, name) = path.split_once('.')?;
        match root {
            "parameter" => self.0.parameter_value(name),
            "credential" => self.0.credentials.get(name).map(|value| Value::from(value.as_str())),
            "stimulus" => self.0.stimuli.get(name).map(|text| Value::from(text.as_str())),
            _ => None,
        }
    }
}

fn has_placeholder(tree: &Value) -> bool {
    match tree {
        Value::String(text) => text.contains("${"),
        Value::Array(items) => items.iter().any(has_placeholder),
        Value::Object(entries) => entries.iter().any(|(key, value)| key.contains("${") || has_placeholder(value)),
        _ => false,
    }
}

/// Every pattern of the rule, qualifiers included.
pub(super) fn patterns(rule: &Rule) -> Vec<&Pattern> {
    let of_kind = match &rule.kind {
        Kind::Never(never) => vec![&never.of],
        Kind::Once(once) => vec![&once.of],
        Kind::First(pattern) | Kind::Last(pattern) => vec![pattern],
        Kind::Before(before) => vec![&before.first, &before.then],
        Kind::Answers(answers) => vec![&answers.request, &answers.reply],
        Kind::Unique(keyed) | Kind::Increasing(keyed) => vec![&keyed.of],
        Kind::Closes(closes) => closes.on.iter().collect(),
        Kind::Every(every) => vec![&every.of],
        Kind::Equals(equals) => vec![&equals.of.of, &equals.to.of],
        Kind::Conforms(_) => Vec::new(),
    };
    let qualifiers = [&rule.when, &rule.unless, &rule.after, &rule.until].into_iter().flatten();
    of_kind.into_iter().chain(qualifiers).collect()
}

fn patterns_mut(rule: &mut Rule) -> Vec<&mut Pattern> {
    let of_kind = match &mut rule.kind {
        Kind::Never(never) => vec![&mut never.of],
        Kind::Once(once) => vec![&mut once.of],
        Kind::First(pattern) | Kind::Last(pattern) => vec![pattern],
        Kind::Before(before) => vec![&mut before.first, &mut before.then],
        Kind::Answers(answers) => vec![&mut answers.request, &mut answers.reply],
        Kind::Unique(keyed) | Kind::Increasing(keyed) => vec![&mut keyed.of],
        Kind::Closes(closes) => closes.on.iter_mut().collect(),
        Kind::Every(every) => vec![&mut every.of],
        Kind::Equals(equals) => vec![&mut equals.of.of, &mut equals.to.of],
        Kind::Conforms(_) => Vec::new(),
    };
    let qualifiers = [&mut rule.when, &mut rule.unless, &mut rule.after, &mut rule.until].into_iter().flatten();
    of_kind.into_iter().chain(qualifiers).collect()
}
