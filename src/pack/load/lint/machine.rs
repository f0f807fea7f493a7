//! The reference machines: states, timers, frames, stimuli and variables that their actions name.

use serde_json::{Map, Value};

use super::place::Place;
use super::template::Scope;
use super::{Lint, Unit, text};
use crate::pack::machine::{Do, Machine, Reaction};
use crate::pack::scenario::{Raw, Send};
use crate::transcript::Role;

/// Keys of a guard.
const GUARD: [&str; 8] = ["frame", "var", "shared", "count", "total", "parameter", "credential", "stimulus"];

/// Both machines.
pub(super) fn check(lint: &mut Lint<'_>) {
    let machines = &lint.files.machines;
    let place = Place::of(&machines.document);
    for (side, machine) in [(Role::Server, &machines.value.server), (Role::Client, &machines.value.client)] {
        let scope = scope(lint, machine);
        MachineLint { lint, machine, side, scope }.check(&place.key(side.as_str()));
    }
}

/// What placeholders may name in a machine.
pub(super) fn scope<'a>(lint: &Lint<'_>, machine: &Machine) -> Scope<'a> {
    let mut names = Variables::default();
    actions(machine, &mut |action| names.take(action));
    let scope = Scope::peer(&lint.files.manifest.value).anything("frame");
    let scope = below(scope, "var", names.var.iter().chain(machine.memory.keys()));
    let scope = below(scope, "shared", names.shared.iter().chain(machine.shared.keys()));
    let scope = below(scope, "count", names.count.iter());
    below(scope, "total", names.total.iter())
}

/// Names of reactions, which faults switch off.
pub(super) fn reaction_names(machine: &Machine) -> Vec<&str> {
    reactions(machine).filter_map(|reaction| reaction.name.as_deref()).collect()
}

/// A message: hex and templates.
pub(super) fn raw(lint: &mut Lint<'_>, place: &Place<'_>, raw: &Raw, scope: &Scope<'_>) {
    if let Some(hex) = raw.hex.as_ref().filter(|hex| !text::is_hex(hex)) {
        lint.wrong(&place.key("hex"), format!("`{hex}` is not hex"), "pairs of digits from 0 to f");
    }
    raw.text.iter().for_each(|text| lint.templates(&place.key("text"), &Value::from(text.as_str()), scope));
    raw.json.iter().for_each(|json| lint.templates(&place.key("json"), json, scope));
}

/// A frame of the catalogue: its name, pointers, templates and length.
pub(super) fn send(lint: &mut Lint<'_>, place: &Place<'_>, send: &Send, scope: &Scope<'_>) {
    lint.frame(&place.key("frame"), &send.frame);
    send.set.iter().for_each(|set| lint.templates(&place.key("set"), set, scope));
    for (place, pointer) in place.key("unset").items(&send.unset) {
        lint.pointer(&place, pointer);
    }
    if let Some(pad) = &send.pad {
        lint.pointer(&place.key("pad").key("at"), &pad.at);
        lint.span(&place.key("pad").key("to"), &pad.to, Unit::Size);
    }
}

#[derive(Default)]
struct Variables {
    var: Vec<String>,
    shared: Vec<String>,
    count: Vec<String>,
    total: Vec<String>,
}

impl Variables {
    fn take(&mut self, action: &Do) {
        match action {
            Do::Remember(names) => self.var.extend(names.keys().cloned()),
            Do::Share(names) => self.shared.extend(names.keys().cloned()),
            Do::Count(name) => self.count.push(name.clone()),
            Do::Total(name) => self.total.push(name.clone()),
            _ => {}
        }
    }
}

/// The names below a root; anything, if one of them is only known when the machine plays.
fn below<'a, 'n>(scope: Scope<'a>, root: &'a str, names: impl Iterator<Item = &'n String>) -> Scope<'a> {
    let names: Vec<String> = names.cloned().collect();
    if names.iter().any(|name| text::is_dynamic(name)) { scope.anything(root) } else { scope.names(root, names) }
}

fn reactions(machine: &Machine) -> impl Iterator<Item = &Reaction> {
    machine.connecting.iter().chain(machine.states.values().flat_map(|state| &state.on)).chain(&machine.always)
}

/// Calls `visit` with every action, nested ones too.
fn actions(machine: &Machine, visit: &mut dyn FnMut(&Do)) {
    fn each(actions: &[Do], visit: &mut dyn FnMut(&Do)) {
        for action in actions {
            visit(action);
            match action {
                Do::Later(later) => each(&later.actions, visit),
                Do::When(when) => [&when.actions, &when.otherwise].into_iter().for_each(|actions| each(actions, visit)),
                _ => {}
            }
        }
    }
    each(&machine.begin, visit);
    reactions(machine).for_each(|reaction| each(&reaction.actions, visit));
    machine.states.values().for_each(|state| each(&state.enter, visit));
    machine.timers.values().for_each(|timer| each(&timer.actions, visit));
    machine.stimuli.values().for_each(|actions| each(actions, visit));
}

struct MachineLint<'l, 'a> {
    lint: &'l mut Lint<'a>,
    machine: &'a Machine,
    side: Role,
    scope: Scope<'a>,
}

impl MachineLint<'_, '_> {
    fn check(&mut self, place: &Place<'_>) {
        let machine = self.machine;
        self.state(&place.key("start"), &machine.start);
        self.values(&place.key("memory"), &machine.memory);
        self.values(&place.key("shared"), &machine.shared);
        self.actions(&place.key("begin"), &machine.begin);
        self.reactions(&place.key("connecting"), &machine.connecting);
        self.reactions(&place.key("always"), &machine.always);
        for (name, state) in &machine.states {
            self.actions(&place.key("states").key(name).key("enter"), &state.enter);
            self.reactions(&place.key("states").key(name).key("on"), &state.on);
        }
        self.timers(&place.key("timers"));
        self.stimuli(&place.key("stimuli"));
        if let Some(span) = &machine.largest_message {
            self.lint.span(&place.key("largest_message"), span, Unit::Size);
        }
    }

    fn timers(&mut self, place: &Place<'_>) {
        for (name, timer) in &self.machine.timers {
            let place = place.key(name);
            for (key, span) in [("after", &timer.after), ("every", &timer.every)] {
                if let Some(span) = span {
                    self.lint.span(&place.key(key), span, Unit::Time);
                }
            }
            for (place, pattern) in place.key("restart").items(&timer.restart) {
                self.lint.pattern(&place, pattern, None, &self.scope);
            }
            self.actions(&place.key("do"), &timer.actions);
        }
    }

    fn stimuli(&mut self, place: &Place<'_>) {
        for (name, actions) in &self.machine.stimuli {
            let stimuli = &self.lint.files.manifest.value.stimuli;
            let of_side = stimuli.iter().filter(|(_, stimulus)| stimulus.side == self.side).map(|(name, _)| name.as_str());
            let names: Vec<&str> = of_side.collect();
            self.lint.known(&place.key(name).name(), &format!("stimulus of the {}", self.side), name, names);
            self.actions(&place.key(name), actions);
        }
    }

    fn reactions(&mut self, place: &Place<'_>, reactions: &[Reaction]) {
        for (place, reaction) in place.items(reactions) {
            self.lint.pattern(&place.key("on"), &reaction.on, Some(self.side.other()), &self.scope);
            reaction.guard.iter().for_each(|guard| self.guard(&place.key("if"), guard));
            self.actions(&place.key("do"), &reaction.actions);
        }
    }

    fn guard(&mut self, place: &Place<'_>, guard: &Value) {
        let keys = guard.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| !key.starts_with('$'));
        for key in keys {
            self.lint.known(&place.key(key).name(), "thing to guard with", key, GUARD);
        }
        self.lint.tree(place, guard, &self.scope);
    }

    fn actions(&mut self, place: &Place<'_>, actions: &[Do]) {
        for (place, action) in place.items(actions) {
            self.action(&place, action);
        }
    }

    fn action(&mut self, place: &Place<'_>, action: &Do) {
        match action {
            Do::Send(step) => {
                send(self.lint, &place.key("send"), step, &self.scope);
                self.own(&place.key("send").key("frame"), &step.frame);
                self.text(&place.key("send").key("connection"), step.connection.as_deref());
            }
            Do::Message(message) => raw(self.lint, &place.key("message"), message, &self.scope),
            Do::Ping(_) | Do::Close(_) | Do::Accept(_) | Do::Respond(_) | Do::Open(_) | Do::Forget(_) => self.whole(place),
            Do::Go(state) => self.state(&place.key("go"), state),
            Do::Remember(values) => self.values(&place.key("remember"), values),
            Do::Share(values) => self.values(&place.key("share"), values),
            Do::Start(timer) => self.timer(&place.key("start"), timer),
            Do::Stop(timer) => self.timer(&place.key("stop"), timer),
            Do::Later(later) => {
                self.lint.span(&place.key("later").key("after"), &later.after, Unit::Time);
                self.actions(&place.key("later").key("do"), &later.actions);
            }
            Do::When(when) => {
                let place = place.key("when");
                self.guard(&place.key("if"), &when.guard);
                self.actions(&place.key("do"), &when.actions);
                self.actions(&place.key("otherwise"), &when.otherwise);
            }
            Do::Count(_) | Do::Total(_) | Do::End(_) | Do::Reset(_) | Do::Leave(_) => {}
        }
    }

    /// A machine sends its own side's frames only.
    fn own(&mut self, place: &Place<'_>, name: &str) {
        if let Some(kind) = self.lint.files.manifest.value.frames.get(name)
            && kind.from != self.side
        {
            self.lint.wrong(place, format!("`{name}` comes from the {}, and this is the {}", kind.from, self.side), "of the other side");
        }
    }

    fn state(&mut self, place: &Place<'_>, name: &str) {
        if !text::is_dynamic(name) {
            self.lint.known(place, "state", name, self.machine.states.keys().map(String::as_str));
        }
    }

    fn timer(&mut self, place: &Place<'_>, name: &str) {
        self.lint.known(place, "timer", name, self.machine.timers.keys().map(String::as_str));
    }

    fn values(&mut self, place: &Place<'_>, values: &Map<String, Value>) {
        self.lint.templates(place, &Value::Object(values.clone()), &self.scope);
    }

    fn text(&mut self, place: &Place<'_>, text: Option<&str>) {
        if let Some(text) = text {
            self.lint.templates(place, &Value::from(text), &self.scope);
        }
    }

    /// Templates anywhere in the action.
    fn whole(&mut self, place: &Place<'_>) {
        let value = place.document.value.pointer(&place.pointer).unwrap_or(&Value::Null);
        self.lint.templates(place, value, &self.scope);
    }
}
