//! Templates: every placeholder must have a root that is known where it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Lint;
use super::place::Place;
use crate::pack::load::nearest::list;
use crate::pack::manifest::Manifest;
use crate::pack::template;

/// What placeholders may name: roots, each with the names below it, or with anything below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a>(BTreeMap<&'a str, Option<BTreeSet<String>>>);

impl<'a> Scope<'a> {
    /// What is known everywhere: the numbers, credentials and stimuli of the manifest.
    pub(super) fn settings(manifest: &Manifest) -> Self {
        Self::default()
            .names("parameter", manifest.parameters.keys().cloned())
            .names("credential", manifest.credentials.keys().cloned())
            .names("stimulus", manifest.stimuli.keys().cloned())
    }

    /// The same, with what a peer makes up.
    pub(super) fn peer(manifest: &Manifest) -> Self {
        ["connection", "uuid", "seq", "now"].into_iter().fold(Self::settings(manifest), Self::anything)
    }

    /// With these names below a root.
    pub(super) fn names(mut self, root: &'a str, names: impl IntoIterator<Item = String>) -> Self {
        self.0.insert(root, Some(names.into_iter().collect()));
        self
    }

    /// With anything below a root.
    pub(super) fn anything(mut self, root: &'a str) -> Self {
        self.0.insert(root, None);
        self
    }

    /// Adds a name below a root.
    pub(super) fn add(&mut self, root: &'a str, name: &str) {
        if let Some(names) = self.0.entry(root).or_insert_with(|| Some(BTreeSet::new())) {
            names.insert(name.to_owned());
        }
    }
}

/// Every placeholder in the value, keys included.
pub(super) fn check(lint: &mut Lint<'_>, place: &Place<'_>, value: &Value, scope: &Scope<'_>) {
    match value {
        Value::String(text) => check_text(lint, place, text, scope),
        Value::Array(items) => {
            for (place, item) in place.items(items) {
                check(lint, &place, item, scope);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                let place = place.key(key);
                check_text(lint, &place.name(), key, scope);
                check(lint, &place, value, scope);
            }
        }
        _ => {}
    }
}

fn check_text(lint: &mut Lint<'_>, place: &Place<'_>, text: &str, scope: &Scope<'_>) {
    if !text.contains("${") {
        return;
    }
    match template::paths(&Value::from(text)) {
        Err(error) => lint.wrong(place, error.to_string(), "this template does not parse"),
        Ok(paths) => {
            for path in paths {
                check_path(lint, place, &path, scope);
            }
        }
    }
}

fn check_path(lint: &mut Lint<'_>, place: &Place<'_>, path: &str, scope: &Scope<'_>) {
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(known) = scope.0.get(root) else {
        let mistake = place.mistake(format!("nothing is known as `${{{path}}}` here"), format!("no root `{root}`"));
        lint.mistakes.push(mistake.help(format!("known here: {}", list(scope.0.keys().copied()))));
        return;
    };
    let Some(names) = known else { return };
    let is_named = |name: &String| rest == name || rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
    if rest.contains('*') || names.iter().any(is_named) {
        return;
    }
    let name = rest.split('.').next().unwrap_or(rest);
    lint.known(place, root, name, names.iter().map(String::as_str));
}
