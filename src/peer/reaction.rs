//! Which of a machine's reactions an observation sets off. What the reaction then does is in [`super::deed`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::machine::Player;
use super::policy;
use super::scope::{Memory, number};
use super::speaker::Speaker;
use crate::pack::Observation;
use crate::pack::machine::{Do, Headers, Machine, Reaction};
use crate::pack::matcher::fits;
use crate::pack::pattern::Pattern;
use crate::pack::template::render;
use crate::transcript::{Close, ConnectionId, Frame, Response, Role};

/// A machine at work: what it is, what it remembers, and its voice.
pub(super) struct Act<'a> {
    pub(super) machine: &'a Machine,
    pub(super) player: &'a mut Player,
    pub(super) speaker: &'a mut Speaker,
}

impl Act<'_> {
    /// The other side did this: the first reaction that fits acts.
    pub(super) fn observe(&mut self, observation: &Observation) {
        self.restart_timers(observation);
        let connection = observation.connection;
        let line = self.speaker.line(connection);
        // After its own close frame a peer can say nothing more, so messages must not change what it knows either.
        if observation.is_message() && line.is_some_and(|line| line.policy.has_closed()) {
            return;
        }
        match observation.name.as_str() {
            "upgrade" | "request" if self.speaker.side == Role::Server => self.be_asked(observation),
            "accept" if !self.is_switched(connection) => self.speaker.end(connection),
            "accept" => {
                self.open(connection, &self.machine.start);
                self.react(observation);
            }
            "garbage" => {
                self.react(observation);
                self.speaker.send(connection, Frame::close(Some(&Close::code(1002))));
                self.speaker.end(connection);
            }
            _ => drop(self.react(observation)),
        }
    }

    fn be_asked(&mut self, observation: &Observation) {
        let connection = observation.connection;
        let Some(request) = self.speaker.line(connection).and_then(|line| line.request.clone()) else { return };
        let refusal = if request.is_upgrade() { policy::refusal(&request) } else { None };
        if let Some(refusal) = refusal.filter(|_| !self.speaker.quirks.believes()) {
            return self.speaker.answer(connection, refusal);
        }
        if self.react(observation) {
            return;
        }
        let is_ours = request.is_upgrade() && request.path() == self.speaker.pack.manifest.endpoint.path;
        if is_ours {
            self.perform(&[Do::Accept(Headers::default())], connection, &observation.value);
        } else {
            self.speaker.answer(connection, Response::new(404));
        }
    }

    /// True if the 101 is one that RFC 6455 lets this client take.
    fn is_switched(&self, connection: ConnectionId) -> bool {
        let line = self.speaker.line(connection);
        let exchange = line.and_then(|line| line.request.as_ref().zip(line.response.as_ref()));
        exchange.is_some_and(|(request, response)| policy::is_switched(request, response) || self.speaker.quirks.believes())
    }

    /// True if a reaction acted.
    fn react(&mut self, observation: &Observation) -> bool {
        let machine = self.machine;
        let is_open = self.speaker.line(observation.connection).is_none_or(|line| line.is_open);
        let state = self.player.conversations.get(&observation.connection).and_then(|conversation| machine.states.get(&conversation.state));
        let own = if is_open { state.map(|state| state.on.as_slice()).unwrap_or_default() } else { &machine.connecting };
        // What a server turned away at the door must not look like a member that left.
        let always = if is_open || self.speaker.side == Role::Client { machine.always.as_slice() } else { &[] };
        let Some(reaction) = own.iter().chain(always).find(|reaction| self.is_set_off(reaction, observation)) else { return false };
        self.perform(&reaction.actions, observation.connection, &observation.value);
        true
    }

    fn is_set_off(&mut self, reaction: &Reaction, observation: &Observation) -> bool {
        let connection = observation.connection;
        let is_set_off = self.is_meant(&reaction.on, observation) && self.holds(reaction.guard.as_ref(), connection, &observation.value);
        if is_set_off && self.speaker.quirks.lacks(reaction.name.as_deref()) {
            self.speaker.quirks.applied.add();
            return false;
        }
        is_set_off
    }

    /// True if the pattern, with its placeholders filled, holds the observation.
    fn is_meant(&mut self, pattern: &Pattern, observation: &Observation) -> bool {
        if !observation.is_any(&pattern.is) || pattern.from.is_some_and(|from| from != observation.from) {
            return false;
        }
        let Some(tree) = &pattern.tree else { return true };
        let memory = self.player.memory(observation.connection, &observation.value);
        render(tree, &mut self.speaker.view(memory)).is_ok_and(|tree| fits(&tree, &observation.value))
    }

    /// True if the guard fits what the machine knows.
    pub(super) fn holds(&mut self, guard: Option<&Value>, connection: ConnectionId, frame: &Value) -> bool {
        let Some(guard) = guard else { return true };
        let memory = self.player.memory(connection, frame);
        let Ok(tree) = render(guard, &mut self.speaker.view(memory)) else { return false };
        match &tree {
            Value::Object(roots) if !roots.keys().any(|root| root.starts_with('$')) => {
                roots.iter().all(|(root, tree)| known(memory, self.speaker, root).is_some_and(|value| fits(tree, &value)))
            }
            tree => fits(tree, &everything(memory, self.speaker)),
        }
    }
}

/// The value of one root of a guard.
fn known<'a>(memory: Memory<'a>, speaker: &Speaker, root: &str) -> Option<Cow<'a, Value>> {
    let settings = &speaker.settings;
    let texts = |texts: &BTreeMap<String, String>| Cow::Owned(texts.iter().map(|(name, text)| (name.clone(), json!(text))).collect());
    match root {
        "frame" => memory.frame.map(Cow::Borrowed),
        "var" => memory.var.map(Cow::Borrowed),
        "shared" => memory.shared.map(Cow::Borrowed),
        "count" => memory.count.map(Cow::Borrowed),
        "total" => memory.total.map(Cow::Borrowed),
        "parameter" => {
            let numbers = settings.parameters.iter().map(|(name, parameter)| (name.clone(), number(settings, parameter.value)));
            Some(Cow::Owned(numbers.collect()))
        }
        "credential" => Some(texts(&settings.credentials)),
        "stimulus" => Some(texts(&settings.stimuli)),
        _ => None,
    }
}

/// All roots of a guard, for one whose outermost key is an operator.
fn everything(memory: Memory<'_>, speaker: &Speaker) -> Value {
    let roots = ["frame", "var", "shared", "count", "total", "parameter", "credential", "stimulus"];
    roots.iter().filter_map(|root| Some(((*root).to_owned(), known(memory, speaker, root)?.into_owned()))).collect()
}
