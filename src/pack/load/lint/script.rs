//! Scenarios and phases: what each step names must exist, and each scenario must have something to say.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::machine::{raw, send};
use super::place::Place;
use super::template::Scope;
use super::{Lint, Unit, text};
use crate::pack::load::files::{LayerFiles, Read};
use crate::pack::pattern::Names;
use crate::pack::scenario::{Expect, Needs, Row, Scenario, Step};
use crate::pack::template;
use crate::transcript::Role;

/// The scenarios of one layer; with the protocol's own, its phases.
pub(super) fn check(lint: &mut Lint<'_>, layer: &LayerFiles) {
    for (side, scenarios) in [(Role::Server, &layer.server), (Role::Client, &layer.client)] {
        if layer.group == "protocol" {
            check_phases(lint, side);
        }
        for (name, scenario) in scenarios {
            check_scenario(lint, side, name, scenario);
            check_twin(lint, name, scenario, scenarios);
        }
    }
}

fn check_phases(lint: &mut Lint<'_>, side: Role) {
    let phases = lint.files.manifest.value.phases.of(side);
    let place = Place::of(&lint.files.manifest.document).key("phases").key(side.as_str());
    for (name, steps) in phases {
        let place = place.key(name);
        if reaches(phases, name, name, &mut HashSet::new()) {
            lint.wrong(&place.name(), format!("the phase `{name}` includes itself"), "this never ends");
        }
        let mut script = Script::of(lint, side, &[]);
        for steps in phases.values() {
            script.remember_all(steps);
        }
        script.steps(&place, steps);
    }
}

/// True if the steps of `from` include `goal`, directly or not.
fn reaches<'a>(phases: &'a IndexMap<String, Vec<Step>>, from: &str, goal: &str, seen: &mut HashSet<&'a str>) -> bool {
    let mut included = Vec::new();
    visit(phases.get(from).map(Vec::as_slice).unwrap_or_default(), &mut |step| {
        if let Step::Include(phase) = step {
            included.push(phase.as_str());
        }
    });
    included.into_iter().any(|phase| phase == goal || (seen.insert(phase) && reaches(phases, phase, goal, seen)))
}

/// Calls `then` with every step, repeated ones too, without following includes.
fn visit<'a>(steps: &'a [Step], then: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        then(step);
        if let Step::Repeat(repeat) = step {
            visit(&repeat.steps, then);
        }
    }
}

fn check_scenario(lint: &mut Lint<'_>, side: Role, name: &str, read: &Read<Scenario>) {
    let (place, scenario) = (Place::of(&read.document), &read.value);
    let saved = name.strip_prefix("regressions/");
    if !text::is_plain(saved.unwrap_or(name), &['-']) {
        lint.wrong(&place, format!("`{name}` is no name for a scenario"), "the file's name has lower-case letters, digits and `-`");
    }
    check_covers(lint, &place.key("covers"), scenario, side);
    for (place, name) in place.key("blames").items(&scenario.blames) {
        lint.requirement_names(&place, &Names(vec![name.clone()]), side);
    }
    check_needs(lint, &place.key("needs"), &scenario.needs);
    check_rows(lint, &place.key("rows"), &scenario.rows);
    let mut script = Script::of(lint, side, &scenario.rows);
    script.steps(&place.key("steps"), &scenario.steps);
    // A campaign's oracle judges what it has saved.
    if saved.is_none() && !script.proves && scenario.covers.is_empty() {
        lint.wrong(&place.key("title"), "this scenario says nothing", "it `covers` no requirement, and no step `proves` one");
    }
}

fn check_covers(lint: &mut Lint<'_>, place: &Place<'_>, scenario: &Scenario, side: Role) {
    for (index, name) in scenario.covers.iter().enumerate() {
        let place = place.item(index);
        let found = lint.requirement_names(&place, &Names(vec![name.clone()]), side);
        if found.iter().any(|requirement| requirement.rule.is_none()) {
            lint.wrong(&place, format!("`{name}` has no rule, so that no transcript exercises it"), "a step must `prove` it instead");
        }
    }
}

fn check_needs(lint: &mut Lint<'_>, place: &Place<'_>, needs: &Needs) {
    let manifest = &lint.files.manifest.value;
    for (place, name) in place.key("capabilities").items(&needs.capabilities) {
        lint.known(&place, "capability", name, manifest.capabilities.keys().map(String::as_str));
    }
    for (place, name) in place.key("stimuli").items(&needs.stimuli) {
        lint.known(&place, "stimulus", name, manifest.stimuli.keys().map(String::as_str));
    }
    for (place, name) in place.key("credentials").items(&needs.credentials) {
        lint.known(&place, "credential", name, manifest.credentials.keys().map(String::as_str));
    }
}

fn check_rows(lint: &mut Lint<'_>, place: &Place<'_>, rows: &[Row]) {
    let mut names = HashSet::new();
    for (place, row) in place.items(rows) {
        if !text::is_plain(&row.name.to_ascii_lowercase(), &['-', '_', '.']) {
            lint.wrong(&place.key("name"), format!("`{}` is no name for a row", row.name), "letters, digits, `-`, `_` and `.`");
        } else if !names.insert(row.name.as_str()) {
            lint.wrong(&place.key("name"), format!("the row `{}` stands here twice", row.name), "again");
        }
    }
}

/// The twin, a scenario or `<scenario>#<row>`, exists, and the chain of twins ends.
fn check_twin(lint: &mut Lint<'_>, name: &str, read: &Read<Scenario>, scenarios: &IndexMap<String, Read<Scenario>>) {
    let Some(twin) = &read.value.twin else { return };
    let place = Place::of(&read.document).key("twin");
    let (twin, row) = twin.split_once('#').map_or((twin.as_str(), None), |(twin, row)| (twin, Some(row)));
    if !lint.known(&place, "scenario of this side", twin, scenarios.keys().map(String::as_str)) {
        return;
    }
    if let Some(row) = row {
        let rows = scenarios[twin].value.rows.iter().map(|row| row.name.as_str());
        lint.known(&place, &format!("row of `{twin}`"), row, rows);
    }
    let mut next = Some(twin);
    for _ in 0..=scenarios.len() {
        match next {
            Some(twin) if twin == name => {
                lint.wrong(&place, format!("the twins of `{name}` lead back to itself"), "a twin must pass by itself");
                return;
            }
            Some(twin) => {
                let twin = scenarios.get(twin).and_then(|read| read.value.twin.as_deref());
                next = twin.map(|twin| twin.split('#').next().unwrap_or(twin));
            }
            None => return,
        }
    }
}

/// Steps in order, with what is known before each.
struct Script<'l, 'a> {
    lint: &'l mut Lint<'a>,
    side: Role,
    rows: &'l [Row],
    scope: Scope<'static>,
    marks: HashSet<String>,
    /// True once a step proves something.
    proves: bool,
}

impl<'l, 'a> Script<'l, 'a> {
    fn of(lint: &'l mut Lint<'a>, side: Role, rows: &'l [Row]) -> Self {
        let mut scope = Scope::peer(&lint.files.manifest.value).names("saved", []);
        if let Some(first) = rows.first() {
            let in_all = first.values.keys().filter(|key| rows.iter().all(|row| row.values.contains_key(*key)));
            scope = scope.names("row", in_all.cloned());
        }
        Self { lint, side, rows, scope, marks: HashSet::new(), proves: false }
    }

    fn steps(&mut self, place: &Place<'_>, steps: &[Step]) {
        for (place, step) in place.items(steps) {
            self.step(&place, step);
            self.remember(step);
        }
    }

    fn step(&mut self, place: &Place<'_>, step: &Step) {
        if !matches!(step, Step::Repeat(_)) {
            let value = place.document.value.pointer(&place.pointer).unwrap_or(&Value::Null);
            self.lint.templates(place, value, &self.scope);
        }
        match step {
            Step::Open(_) => self.only(place, Role::Server, "open"),
            Step::Accept(accept) => {
                self.only(place, Role::Client, "accept");
                accept.within.iter().for_each(|span| self.lint.span(&place.key("accept").key("within"), span, Unit::Time));
            }
            Step::Refuse(refuse) => {
                self.only(place, Role::Client, "refuse");
                refuse.within.iter().for_each(|span| self.lint.span(&place.key("refuse").key("within"), span, Unit::Time));
            }
            Step::Send(step) => {
                self.each_row(&step.frame, |script, frame| script.lint.frame(&place.key("send").key("frame"), frame));
                send(self.lint, &place.key("send"), step, &self.scope);
            }
            Step::Message(message) => raw(self.lint, &place.key("message"), message, &self.scope),
            Step::Bytes(step) => self.hex(&place.key("bytes"), step.hex.as_deref()),
            Step::Frame(step) => self.hex(&place.key("frame"), step.hex.as_deref()),
            Step::Ping(step) => self.hex(&place.key("ping"), step.hex.as_deref()),
            Step::Pong(step) => self.hex(&place.key("pong"), step.hex.as_deref()),
            Step::Close(step) => self.hex(&place.key("close"), step.hex.as_deref()),
            Step::Expect(step) => self.expect(&place.key("expect"), step),
            Step::Absent(step) => {
                let place = place.key("absent");
                self.observed(&place, &step.is, step.tree.as_ref());
                self.proves(&place.key("proves"), &step.proves);
                self.since(&place.key("since"), step.since.as_deref());
            }
            Step::Wait(step) => {
                let place = place.key("wait");
                self.lint.span(&place.key("for"), &step.span, Unit::Time);
                step.until.iter().for_each(|pattern| self.lint.pattern(&place.key("until"), pattern, None, &self.scope));
            }
            Step::Stimulus(name) => {
                let stimuli = &self.lint.files.manifest.value.stimuli;
                let names: Vec<&str> =
                    stimuli.iter().filter(|(_, stimulus)| stimulus.side == self.side).map(|(name, _)| name.as_str()).collect();
                let what = format!("stimulus of the {}", self.side);
                self.each_row(name, |script, name| {
                    script.lint.known(&place.key("stimulus"), &what, name, names.iter().copied());
                });
            }
            Step::Include(phase) => self.include(&place.key("include"), phase),
            Step::Repeat(step) => {
                let outer = self.scope.clone();
                self.scope = std::mem::take(&mut self.scope).anything("index");
                self.steps(&place.key("repeat").key("steps"), &step.steps);
                self.scope = outer;
            }
            Step::Play(step) => {
                let place = place.key("play");
                let machines = &self.lint.files.machines.value;
                let machine = if self.side == Role::Server { &machines.client } else { &machines.server };
                self.lint.known(
                    &place.key("state"),
                    "state of the harness's machine",
                    &step.state,
                    machine.states.keys().map(String::as_str),
                );
                self.lint.span(&place.key("for"), &step.span, Unit::Time);
                step.until.iter().for_each(|pattern| self.lint.pattern(&place.key("until"), pattern, None, &self.scope));
            }
            Step::Policy(step) => {
                step.fragment.iter().for_each(|span| self.lint.span(&place.key("policy").key("fragment"), span, Unit::Size));
            }
            Step::Finish(_) | Step::End(_) | Step::Reset(_) | Step::Mark(_) => {}
        }
    }

    fn expect(&mut self, place: &Place<'_>, step: &Expect) {
        self.observed(place, &step.is, step.tree.as_ref());
        step.within.iter().for_each(|span| self.lint.span(&place.key("within"), span, Unit::Time));
        for (place, other) in place.key("or").items(&step.or) {
            self.observed(&place, &other.is, other.tree.as_ref());
        }
        self.proves(&place.key("proves"), &step.proves);
        self.since(&place.key("since"), step.since.as_deref());
    }

    /// What the target does, in every row.
    fn observed(&mut self, place: &Place<'_>, names: &Names, tree: Option<&Value>) {
        for (place, name) in place.key("is").names(names) {
            self.each_row(name, |script, name| {
                script.lint.observations(&place, &Names(vec![name.to_owned()]), Some(script.side));
            });
        }
        if let Some(tree) = tree {
            text::check_tree(self.lint, &place.key("match"), tree);
        }
    }

    fn proves(&mut self, place: &Place<'_>, ids: &[String]) {
        for (place, id) in place.items(ids) {
            self.proves = true;
            self.each_row(id, |script, id| {
                let found = script.lint.requirement_names(&place, &Names(vec![id.to_owned()]), script.side);
                script.lint.proved.extend(found.iter().map(|requirement| requirement.id.clone()));
            });
        }
    }

    fn include(&mut self, place: &Place<'_>, phase: &str) {
        let phases = self.lint.files.manifest.value.phases.of(self.side);
        if self.lint.known(place, &format!("phase of the {}", self.side), phase, phases.keys().map(String::as_str)) {
            let mut seen = HashSet::from([phase]);
            let mut open = vec![phase];
            while let Some(phase) = open.pop() {
                visit(phases.get(phase).map(Vec::as_slice).unwrap_or_default(), &mut |step| match step {
                    Step::Include(next) if seen.insert(next) => open.push(next),
                    step => self.remember(step),
                });
            }
        }
    }

    /// Takes note of what the steps define, wherever they define it.
    fn remember_all(&mut self, steps: &[Step]) {
        visit(steps, &mut |step| self.remember(step));
    }

    fn remember(&mut self, step: &Step) {
        match step {
            Step::Send(step) => step.name.iter().for_each(|name| self.scope.add("saved", name)),
            Step::Expect(step) => {
                step.name.iter().for_each(|name| self.scope.add("saved", name));
                self.proves |= !step.proves.is_empty();
            }
            Step::Absent(step) => self.proves |= !step.proves.is_empty(),
            Step::Mark(name) => drop(self.marks.insert(name.clone())),
            Step::Repeat(step) => self.remember_all(&step.steps),
            _ => {}
        }
    }

    fn since(&mut self, place: &Place<'_>, mark: Option<&str>) {
        let marks: Vec<String> = self.marks.iter().cloned().collect();
        if let Some(mark) = mark.filter(|mark| !text::is_dynamic(mark)) {
            self.lint.known(place, "mark before this step", mark, marks.iter().map(String::as_str));
        }
    }

    fn only(&mut self, place: &Place<'_>, side: Role, step: &str) {
        if side != self.side {
            let title = format!("`{step}` belongs to scenarios that test a {side}, and this one tests a {}", self.side);
            self.lint.wrong(&place.key(step).name(), title, "the other side does this");
        }
    }

    fn hex(&mut self, place: &Place<'_>, hex: Option<&str>) {
        let Some(hex) = hex else { return };
        self.each_row(hex, |script, hex| {
            if !text::is_dynamic(hex) && !text::is_hex(hex) {
                script.lint.wrong(&place.key("hex"), format!("`{hex}` is not hex"), "pairs of digits from 0 to f");
            }
        });
    }

    /// Calls `then` with the text as it is in each row; with the text itself where rows cannot fill it.
    fn each_row(&mut self, text: &str, mut then: impl FnMut(&mut Self, &str)) {
        struct Filled<'r>(&'r Row);
        impl template::Scope for Filled<'_> {
            fn lookup(&mut self, path: &str) -> Option<Value> {
                template::descend(&json!({ "row": self.0.values }), path)
            }
        }
        if !text::is_dynamic(text) {
            return then(self, text);
        }
        for row in self.rows {
            if let Ok(filled) = template::render_text(text, &mut Filled(row)) {
                then(self, &filled);
            }
        }
    }
}
