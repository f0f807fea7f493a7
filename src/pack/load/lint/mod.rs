//! The cross-check of a pack's files: every name, pointer, template, example and number that one file says about another.

mod catalogue;
mod fault;
mod machine;
mod manifest;
mod place;
mod requirement;
mod schema;
mod script;
mod template;
mod text;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::diagnostic::Mistake;
use super::files::{Files, LayerFiles};
use super::nearest::{list, nearest};
use crate::pack::observe::{RESERVED, SETS};
use crate::pack::parameter::{Quantity, Span};
use crate::pack::pattern::{Names, Pattern};
use crate::pack::requirement::Requirement;
use crate::transcript::Role;
use place::Place;
use template::Scope;

/// Everything that is wrong between the files of a pack.
pub(super) fn lint(files: &Files) -> Vec<Mistake> {
    let mut lint = Lint::of(files);
    schema::check(&mut lint);
    catalogue::check(&mut lint);
    manifest::check(&mut lint);
    for layer in &files.layers {
        script::check(&mut lint, layer);
    }
    for layer in &files.layers {
        requirement::check(&mut lint, layer);
    }
    manifest::check_excluded(&mut lint);
    requirement::check_coverage(&mut lint);
    machine::check(&mut lint);
    fault::check(&mut lint);
    lint.mistakes
}

/// What a span must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Time,
    Size,
}

/// A lint at work.
struct Lint<'a> {
    files: &'a Files,
    requirements: HashMap<&'a str, &'a Requirement>,
    /// Requirements that some step proves.
    proved: HashSet<String>,
    mistakes: Vec<Mistake>,
}

impl<'a> Lint<'a> {
    fn of(files: &'a Files) -> Self {
        let all = files.layers.iter().flat_map(|layer| &layer.requirements.value.requirements);
        let requirements = all.map(|requirement| (requirement.id.as_str(), requirement)).collect();
        Self { files, requirements, proved: HashSet::new(), mistakes: Vec::new() }
    }

    fn wrong(&mut self, place: &Place<'_>, title: impl Into<String>, label: impl Into<String>) {
        self.mistakes.push(place.mistake(title, label));
    }

    /// The name must be one of these; `what` says what it names.
    fn known<'n>(&mut self, place: &Place<'_>, what: &str, name: &str, names: impl IntoIterator<Item = &'n str>) -> bool {
        let names: Vec<&str> = names.into_iter().collect();
        if names.contains(&name) {
            return true;
        }
        let mistake = place.mistake(format!("there is no {what} `{name}`"), "nothing has this name");
        self.mistakes.push(match nearest(name, names.iter().copied()) {
            Some(guess) => mistake.help(format!("did you mean `{guess}`?")),
            None => mistake.help(format!("there are: {}", list(names))),
        });
        false
    }

    /// Names of observations. `from` is the side that must be able to do them.
    fn observations(&mut self, place: &Place<'_>, names: &Names, from: Option<Role>) {
        for (place, name) in place.names(names) {
            let frames = &self.files.manifest.value.frames;
            let known = frames.keys().map(String::as_str).chain(RESERVED).chain(SETS);
            if text::is_dynamic(name) || !self.known(&place, "frame or other observation", name, known) {
                continue;
            }
            let doer = frames.get(name).map(|kind| kind.from).or_else(|| reserved_doer(name));
            if let (Some(doer), Some(from)) = (doer, from)
                && doer != from
            {
                self.wrong(&place, format!("`{name}` comes from the {doer}, never from the {from}"), format!("only the {doer} does this"));
            }
        }
    }

    fn pattern(&mut self, place: &Place<'_>, pattern: &Pattern, from: Option<Role>, scope: &Scope<'_>) {
        self.observations(&place.key("is"), &pattern.is, pattern.from.or(from));
        if let Some(tree) = &pattern.tree {
            self.tree(&place.key("match"), tree, scope);
        }
    }

    /// Operators, regular expressions and templates of a tree.
    fn tree(&mut self, place: &Place<'_>, tree: &Value, scope: &Scope<'_>) {
        text::check_tree(self, place, tree);
        self.templates(place, tree, scope);
    }

    fn templates(&mut self, place: &Place<'_>, value: &Value, scope: &Scope<'_>) {
        template::check(self, place, value, scope);
    }

    fn pointer(&mut self, place: &Place<'_>, pointer: &str) {
        if let Some(why) = text::pointer_mistake(pointer).filter(|_| !text::is_dynamic(pointer)) {
            self.wrong(place, format!("`{pointer}` is no JSON Pointer"), why);
        }
    }

    fn span(&mut self, place: &Place<'_>, span: &Span, unit: Unit) {
        if text::is_dynamic(&span.0) {
            return;
        }
        let parameters = &self.files.manifest.value.parameters;
        let quantity = parameters.get(&span.0).map(|parameter| parameter.value).or_else(|| span.0.parse().ok());
        match (quantity, unit) {
            (Some(Quantity::Duration(_)), Unit::Time) | (Some(Quantity::Bytes(_) | Quantity::Count(_)), Unit::Size) => {}
            (None, _) => {
                self.known(place, "parameter, and no quantity,", &span.0, parameters.keys().map(String::as_str));
            }
            (Some(quantity), Unit::Time) => self.wrong(place, format!("`{}` is {quantity}, not a time", span.0), "a time belongs here"),
            (Some(quantity), Unit::Size) => self.wrong(place, format!("`{}` is {quantity}, not a size", span.0), "a size belongs here"),
        }
    }

    /// Ids of requirements that bind this side and are not excluded.
    fn requirement_names(&mut self, place: &Place<'_>, names: &Names, side: Role) -> Vec<&'a Requirement> {
        let mut found = Vec::new();
        for (place, name) in place.names(names) {
            let ids: Vec<&str> = self.requirements.keys().copied().collect();
            if text::is_dynamic(name) || !self.known(&place, "requirement", name, ids) {
                continue;
            }
            let requirement = self.requirements[name];
            if requirement.side != side {
                self.wrong(&place, format!("`{name}` binds the {}, not the {side}", requirement.side), "of the other side");
            } else if requirement.excluded.is_some() {
                self.wrong(&place, format!("`{name}` is excluded"), "nothing judges it");
            } else {
                found.push(requirement);
            }
        }
        found
    }

    fn frame(&mut self, place: &Place<'_>, name: &str) {
        if !text::is_dynamic(name) {
            let frames = &self.files.manifest.value.frames;
            self.known(place, "frame", name, frames.keys().map(String::as_str));
        }
    }

    /// The protocol's own layer, and those it stands on.
    fn layers(&self) -> &'a [LayerFiles] {
        &self.files.layers
    }
}

/// The side that does what this name says, where only one can.
fn reserved_doer(name: &str) -> Option<Role> {
    match name {
        "opened" | "upgrade" | "request" => Some(Role::Client),
        "accept" | "refuse" | "response" => Some(Role::Server),
        _ => None,
    }
}
