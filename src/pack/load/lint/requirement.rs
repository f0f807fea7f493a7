//! Requirements: their ids and sources, their rules, and whether anything judges them.

use std::collections::{HashMap, HashSet};

use super::place::Place;
use super::template::Scope;
use super::{Lint, Unit, text};
use crate::pack::load::files::LayerFiles;
use crate::pack::pattern::{Names, Pattern};
use crate::pack::requirement::Requirement;
use crate::pack::rule::{Key, Keyed, Kind, Rule};
use crate::transcript::Role;

/// The requirements of one layer.
pub(super) fn check(lint: &mut Lint<'_>, layer: &LayerFiles) {
    let place = Place::of(&layer.requirements.document).key("requirements");
    let mut seen = HashMap::new();
    for (place, requirement) in place.items(&layer.requirements.value.requirements) {
        check_id(lint, &place.key("id"), layer, requirement);
        if let Some(first) = seen.insert(requirement.id.as_str(), place.key("id").pointer) {
            let mistake = place.key("id").mistake(format!("`{}` stands here twice", requirement.id), "again");
            lint.mistakes.push(mistake.and(place.document.at(&first), "first"));
        }
        let documents = layer.requirements.value.documents.keys().chain(lint.files.manifest.value.documents.keys());
        let names: Vec<&str> = documents.map(String::as_str).collect();
        lint.known(&place.key("source").key("document"), "document", &requirement.source.document, names);
        check_judged(lint, &place, requirement);
        if let Some(rule) = &requirement.rule {
            RuleLint { lint, side: requirement.side, scope: Scope::default() }.check(&place.key("rule"), rule);
        }
    }
}

/// Every frame that a side sends must be held against its schema by some requirement.
pub(super) fn check_coverage(lint: &mut Lint<'_>) {
    let mut covered = HashSet::new();
    for requirement in lint.layers().iter().flat_map(|layer| &layer.requirements.value.requirements) {
        if let Some(Rule { kind: Kind::Conforms(conforms), when: None, unless: None, after: None, until: None, .. }) = &requirement.rule
            && conforms.at.is_empty()
        {
            covered.extend(conforms.frames.0.iter().map(|name| (requirement.side, name.as_str())));
        }
    }
    let frames = Place::of(&lint.files.manifest.document).key("frames");
    for (name, kind) in &lint.files.manifest.value.frames {
        if !covered.contains(&(kind.from, name.as_str())) && !covered.contains(&(kind.from, "frame")) {
            let title = format!("no requirement of the {} says that `{name}` conforms to its schema", kind.from);
            lint.wrong(&frames.key(name), title, "a rule `conforms` without `at` must name it");
        }
    }
}

fn check_id(lint: &mut Lint<'_>, place: &Place<'_>, layer: &LayerFiles, requirement: &Requirement) {
    let rest = requirement.id.strip_prefix(&layer.prefix).and_then(|rest| rest.strip_prefix('-'));
    if !rest.is_some_and(|rest| text::is_plain(rest, &['-'])) {
        let title = format!("`{}` is no id of this file", requirement.id);
        lint.wrong(place, title, format!("expected `{}-` and then lower-case letters, digits and `-`", layer.prefix));
    }
}

fn check_judged(lint: &mut Lint<'_>, place: &Place<'_>, requirement: &Requirement) {
    let id = &requirement.id;
    match (&requirement.rule, &requirement.excluded) {
        (Some(_), Some(_)) => lint.wrong(&place.key("excluded"), format!("`{id}` has a rule and is excluded"), "one of both"),
        (_, Some(why)) if why.trim().is_empty() => lint.wrong(&place.key("excluded"), "an exclusion has a reason", "no reason"),
        (None, None) if !lint.proved.contains(id) => {
            lint.wrong(
                &place.key("id"),
                format!("nothing judges `{id}`"),
                "it has no `rule`, no step `proves` it, and it is not `excluded`",
            );
        }
        _ => {}
    }
}

/// One rule.
struct RuleLint<'l, 'a> {
    lint: &'l mut Lint<'a>,
    side: Role,
    scope: Scope<'a>,
}

impl RuleLint<'_, '_> {
    fn check(&mut self, place: &Place<'_>, rule: &Rule) {
        self.scope = Scope::settings(&self.lint.files.manifest.value);
        for (key, pattern) in [("when", &rule.when), ("unless", &rule.unless), ("after", &rule.after), ("until", &rule.until)] {
            if let Some(pattern) = pattern {
                self.pattern(&place.key(key), pattern);
            }
        }
        if let Some(per) = &rule.per {
            self.lint.pointer(&place.key("per"), per);
        }
        self.kind(place, &rule.kind);
    }

    fn kind(&mut self, place: &Place<'_>, kind: &Kind) {
        match kind {
            Kind::Never(never) => {
                let place = place.key("never");
                self.pattern(&place.key("of"), &never.of);
                never.window.iter().for_each(|span| self.lint.span(&place.key("for"), span, Unit::Time));
            }
            Kind::Once(once) => {
                let place = place.key("once");
                self.pattern(&place.key("of"), &once.of);
                once.within.iter().for_each(|span| self.lint.span(&place.key("within"), span, Unit::Time));
                if once.within.is_some() && !once.required {
                    self.lint.wrong(&place.key("within"), "`within` without `required: true` says nothing", "nothing is required");
                }
            }
            Kind::First(pattern) => self.pattern(&place.key("first"), pattern),
            Kind::Last(pattern) => self.pattern(&place.key("last"), pattern),
            Kind::Before(before) => {
                let place = place.key("before");
                self.pattern(&place.key("first"), &before.first);
                self.pattern(&place.key("then"), &before.then);
                self.by(&place, before.by.as_ref());
            }
            Kind::Answers(answers) => {
                let place = place.key("answers");
                self.pattern(&place.key("request"), &answers.request);
                self.pattern(&place.key("reply"), &answers.reply);
                self.by(&place, answers.by.as_ref());
                self.lint.span(&place.key("within"), &answers.within, Unit::Time);
            }
            Kind::Unique(keyed) => self.keyed(&place.key("unique"), keyed),
            Kind::Increasing(keyed) => self.keyed(&place.key("increasing"), keyed),
            Kind::Closes(closes) => {
                let place = place.key("closes");
                closes.on.iter().for_each(|pattern| self.pattern(&place.key("on"), pattern));
                self.lint.span(&place.key("within"), &closes.within, Unit::Time);
            }
            Kind::Every(every) => {
                let place = place.key("every");
                self.pattern(&place.key("of"), &every.of);
                self.lint.span(&place.key("period"), &every.period, Unit::Time);
            }
            Kind::Equals(equals) => {
                let place = place.key("equals");
                self.keyed(&place.key("of"), &equals.of);
                self.keyed(&place.key("to"), &equals.to);
                self.by(&place, equals.by.as_ref());
            }
            Kind::Conforms(conforms) => {
                let place = place.key("conforms");
                self.frames(&place.key("frames"), &conforms.frames);
                for (place, pointer) in place.key("at").items(&conforms.at) {
                    self.lint.pointer(&place, pointer);
                }
            }
        }
    }

    fn pattern(&mut self, place: &Place<'_>, pattern: &Pattern) {
        self.lint.pattern(place, pattern, None, &self.scope);
    }

    fn keyed(&mut self, place: &Place<'_>, keyed: &Keyed) {
        self.pattern(&place.key("of"), &keyed.of);
        self.lint.pointer(&place.key("key"), &keyed.key);
    }

    fn by(&mut self, place: &Place<'_>, key: Option<&Key>) {
        let Some(key) = key else { return };
        self.lint.pointer(&place.key("by"), &key.earlier);
        if key.later != key.earlier {
            self.lint.pointer(&place.key("by").item(1), &key.later);
        }
    }

    fn frames(&mut self, place: &Place<'_>, names: &Names) {
        let frames = &self.lint.files.manifest.value.frames;
        for (place, name) in place.names(names) {
            let known = frames.keys().map(String::as_str).chain(["frame"]);
            if self.lint.known(&place, "frame", name, known)
                && let Some(kind) = frames.get(name)
                && kind.from != self.side
            {
                let title = format!("`{name}` comes from the {}, and this requirement binds the {}", kind.from, self.side);
                self.lint.wrong(&place, title, "of the other side");
            }
        }
    }
}
