//! What a machine does, one action after another, and its timers. When it does it is decided in [`super::reaction`].

use std::time::Duration;

use serde_json::{Map, Value};

use super::machine::Due;
use super::outgoing::SendError;
use super::reaction::Act;
use crate::pack::Observation;
use crate::pack::machine::{Do, Later, Respond, When};
use crate::pack::parameter::Span;
use crate::pack::scenario::{Accept, Open, Send};
use crate::pack::template::{render, render_text};
use crate::transcript::{ConnectionId, Opcode, Role};

/// Actions that set off actions (`go` in an `enter`) deeper than this are a machine that goes in circles.
const DEEPEST: usize = 32;

/// The shortest period of a timer: one of zero would never let the clock go on.
const SHORTEST: Duration = Duration::from_millis(1);

/// Actions.
impl Act<'_> {
    /// Does these, in order. What cannot be done is noted and does not keep the rest from being done.
    pub(super) fn perform(&mut self, actions: &[Do], connection: ConnectionId, frame: &Value) {
        if self.player.depth >= DEEPEST {
            return self.speaker.fail("the machine goes in circles: its actions set off actions without end");
        }
        self.player.depth += 1;
        for action in actions {
            if let Err(error) = self.act(action, connection, frame) {
                let side = self.speaker.side;
                self.speaker.fail(format_args!("the {side} machine failed to act: {error}"));
            }
        }
        self.player.depth -= 1;
    }

    fn act(&mut self, action: &Do, connection: ConnectionId, frame: &Value) -> Result<(), SendError> {
        let memory = self.player.memory(connection, frame);
        match action {
            Do::Send(send) => return self.send(send, connection, frame),
            Do::Message(raw) => return self.speaker.say_raw(connection, raw, memory),
            Do::Ping(control) => return self.speaker.say_control(connection, Opcode::PING, control, memory),
            Do::Close(close) => return self.speaker.say_close(connection, close, memory),
            Do::End(_) => self.speaker.end(connection),
            Do::Reset(_) => self.speaker.reset(connection),
            Do::Accept(headers) => {
                let accept = Accept { headers: headers.headers.clone(), ..Accept::default() };
                self.speaker.accept(connection, &accept, memory)?;
                self.open_if_accepted(connection);
            }
            Do::Respond(Respond { status, headers, body }) => {
                self.speaker.refuse(connection, *status, headers, body.as_ref(), memory)?;
            }
            Do::Open(open) => return self.dial(open, connection, frame),
            Do::Go(state) => self.go(connection, state, frame),
            Do::Remember(variables) => return self.remember(variables, connection, frame),
            Do::Share(variables) => return self.share(variables, connection, frame),
            Do::Forget(names) => return self.forget(names, connection, frame),
            Do::Count(name) => self.count(name, connection),
            Do::Total(name) => add_one(&mut self.player.total, name),
            Do::Start(timer) => self.start(connection, timer),
            Do::Stop(timer) => self.stop(connection, timer),
            Do::Later(later) => self.put_off(later, connection, frame),
            Do::When(When { guard, actions, otherwise }) => {
                let list = if self.holds(Some(guard), connection, frame) { actions } else { otherwise };
                self.perform(list, connection, frame);
            }
            Do::Leave(_) => self.leave(),
        }
        Ok(())
    }

    /// On this connection, on the one that the step names by number, or on all others.
    fn send(&mut self, send: &Send, connection: ConnectionId, frame: &Value) -> Result<(), SendError> {
        let memory = self.player.memory(connection, frame);
        let Some(name) = &send.connection else {
            return self.speaker.say(connection, send, memory).map(drop);
        };
        let name = render_text(name, &mut self.speaker.view(memory))?;
        let is_meant = |other: &ConnectionId| if name == "others" { *other != connection } else { other.to_string() == name };
        let open = self.speaker.lines.iter().filter(|(other, line)| line.is_open && !line.is_over() && is_meant(other));
        let targets: Vec<_> = open.map(|(other, _)| *other).collect();
        for target in targets {
            self.speaker.say(target, send, self.player.memory(connection, frame))?;
        }
        Ok(())
    }

    fn dial(&mut self, open: &Open, connection: ConnectionId, frame: &Value) -> Result<(), SendError> {
        let opened = self.speaker.dial(open, self.player.memory(connection, frame))?;
        self.player.remember(opened);
        Ok(())
    }

    fn open_if_accepted(&mut self, connection: ConnectionId) {
        if self.speaker.line(connection).is_some_and(|line| line.is_open) {
            self.open(connection, &self.machine.start);
        }
    }

    /// Starts what starts with a connection's 101, and enters the state.
    pub(super) fn open(&mut self, connection: ConnectionId, state: &str) {
        let machine = self.machine;
        for (name, _) in machine.timers.iter().filter(|(_, timer)| timer.running) {
            self.start(connection, name);
        }
        self.go(connection, state, &Value::Null);
    }

    fn go(&mut self, connection: ConnectionId, state: &str, frame: &Value) {
        let Some(conversation) = self.player.conversations.get_mut(&connection) else { return };
        state.clone_into(&mut conversation.state);
        let machine = self.machine;
        match machine.states.get(state) {
            Some(state) => self.perform(&state.enter, connection, frame),
            None => self.speaker.fail(format_args!("the machine has no state `{state}`")),
        }
    }

    fn remember(&mut self, variables: &Map<String, Value>, connection: ConnectionId, frame: &Value) -> Result<(), SendError> {
        let rendered = self.rendered(variables, connection, frame)?;
        if let Some(conversation) = self.player.conversations.get_mut(&connection) {
            extend(&mut conversation.var, rendered);
        }
        Ok(())
    }

    fn share(&mut self, variables: &Map<String, Value>, connection: ConnectionId, frame: &Value) -> Result<(), SendError> {
        let rendered = self.rendered(variables, connection, frame)?;
        extend(&mut self.player.shared, rendered);
        Ok(())
    }

    fn rendered(
        &mut self,
        variables: &Map<String, Value>,
        connection: ConnectionId,
        frame: &Value,
    ) -> Result<Map<String, Value>, SendError> {
        let memory = self.player.memory(connection, frame);
        let mut view = self.speaker.view(memory);
        let rendered = variables.iter().map(|(name, value)| Ok((render_text(name, &mut view)?, render(value, &mut view)?)));
        rendered.collect()
    }

    fn forget(&mut self, names: &[String], connection: ConnectionId, frame: &Value) -> Result<(), SendError> {
        for name in names {
            let name = render_text(name, &mut self.speaker.view(self.player.memory(connection, frame)))?;
            if let Value::Object(shared) = &mut self.player.shared {
                shared.shift_remove(&name);
            }
        }
        Ok(())
    }

    fn count(&mut self, name: &str, connection: ConnectionId) {
        if let Some(conversation) = self.player.conversations.get_mut(&connection) {
            add_one(&mut conversation.count, name);
        }
    }

    /// Ends what is open; a close handshake that has begun runs to its end. The peer stops once nothing is left.
    fn leave(&mut self) {
        self.player.is_leaving = true;
        if !self.player.is_whole {
            return;
        }
        let open: Vec<_> = self.speaker.lines.iter().filter(|(_, line)| !line.policy.has_closed()).map(|(number, _)| *number).collect();
        for connection in open {
            self.speaker.end(connection);
        }
    }
}

/// Timers.
impl Act<'_> {
    /// Starts anew the running timers that want it.
    pub(super) fn restart_timers(&mut self, observation: &Observation) {
        let Some(conversation) = self.player.conversations.get(&observation.connection) else { return };
        let is_due = |name: &&String| {
            let restart = self.machine.timers.get(*name).map(|timer| timer.restart.as_slice()).unwrap_or_default();
            restart.iter().any(|pattern| observation.is(pattern))
        };
        let names: Vec<_> = conversation.timers.keys().filter(is_due).cloned().collect();
        for name in &names {
            self.start(observation.connection, name);
        }
    }

    /// A wake-up came due.
    pub(super) fn due(&mut self, token: u64, due: Due) {
        match due {
            Due::Overdue(token) => {
                if self.player.due.contains_key(&token) {
                    self.speaker.quirks.applied.add();
                }
            }
            Due::Timer { connection, name, at, is_early } => {
                let running = self.player.conversations.get(&connection).and_then(|conversation| conversation.timers.get(&name));
                if running == Some(&token) && self.is_alive(connection) {
                    self.deviate(is_early);
                    self.fire(connection, &name, at);
                }
            }
            Due::Later { connection, frame, actions, is_bound, is_early } => {
                if !is_bound || self.is_alive(connection) || connection == 0 {
                    self.deviate(is_early);
                    self.perform(&actions, connection, &frame);
                }
            }
        }
    }

    /// Starts a timer, anew if it runs.
    fn start(&mut self, connection: ConnectionId, name: &str) {
        let now = self.speaker.now;
        self.start_at(connection, name, now);
    }

    fn start_at(&mut self, connection: ConnectionId, name: &str, from: Duration) {
        self.stop(connection, name);
        let machine = self.machine;
        let span = machine.timers.get(name).and_then(|timer| timer.after.as_ref().or(timer.every.as_ref()));
        let Some(span) = span else { return self.speaker.fail(format_args!("the machine has no timer `{name}`")) };
        if !self.player.conversations.contains_key(&connection) {
            return;
        }
        let (at, normal) = self.time(span, from);
        let is_early = normal.is_some_and(|normal| normal > at);
        let due = Due::Timer { connection, name: name.to_owned(), at, is_early };
        let token = self.await_due(at, normal, due);
        if let Some(conversation) = self.player.conversations.get_mut(&connection) {
            conversation.timers.insert(name.to_owned(), token);
        }
    }

    fn stop(&mut self, connection: ConnectionId, name: &str) {
        let timers = self.player.conversations.get_mut(&connection).map(|conversation| &mut conversation.timers);
        if let Some(token) = timers.and_then(|timers| timers.remove(name)) {
            self.player.due.remove(&token);
        }
    }

    fn fire(&mut self, connection: ConnectionId, name: &str, at: Duration) {
        let machine = self.machine;
        let Some(timer) = machine.timers.get(name) else { return };
        if timer.every.is_some() {
            // From the planned time on, so that being woken late does not add up; unless it was so late that periods were missed.
            let (next, _) = timer.every.as_ref().map_or((at, None), |span| self.time(span, at));
            let from = if next > self.speaker.now { at } else { self.speaker.now };
            self.start_at(connection, name, from);
        } else {
            self.stop(connection, name);
        }
        self.perform(&timer.actions, connection, &Value::Null);
    }

    fn put_off(&mut self, later: &Later, connection: ConnectionId, frame: &Value) {
        let (at, normal) = self.time(&later.after, self.speaker.now);
        // What is put off once the connection is gone already, and a client's next attempt, cannot depend on the connection.
        let is_bound = self.is_alive(connection) && !(self.speaker.side == Role::Client && dials(&later.actions));
        let is_early = normal.is_some_and(|normal| normal > at);
        let due = Due::Later { connection, frame: frame.clone(), actions: later.actions.clone(), is_bound, is_early };
        self.await_due(at, normal, due);
    }

    fn await_due(&mut self, at: Duration, normal: Option<Duration>, due: Due) -> u64 {
        let token = self.speaker.wake(at);
        self.player.due.insert(token, due);
        if let Some(normal) = normal.filter(|normal| *normal < at) {
            let overdue = self.speaker.wake(normal);
            self.player.due.insert(overdue, Due::Overdue(token));
        }
        token
    }

    /// When this span, begun at that time, is over; and when it would be without the fault, if that differs.
    fn time(&self, span: &Span, from: Duration) -> (Duration, Option<Duration>) {
        let (actual, normal) = self.speaker.quirks.time(&self.speaker.settings, span);
        (from.saturating_add(actual.max(SHORTEST)), normal.map(|normal| from.saturating_add(normal.max(SHORTEST))))
    }

    fn deviate(&self, is_early: bool) {
        if is_early {
            self.speaker.quirks.applied.add();
        }
    }

    fn is_alive(&self, connection: ConnectionId) -> bool {
        self.speaker.line(connection).is_some_and(|line| !line.is_over())
    }
}

/// True if one of the actions, at any depth, opens a connection.
fn dials(actions: &[Do]) -> bool {
    actions.iter().any(|action| match action {
        Do::Open(_) => true,
        Do::When(when) => dials(&when.actions) || dials(&when.otherwise),
        Do::Later(later) => dials(&later.actions),
        _ => false,
    })
}

fn add_one(counters: &mut Value, name: &str) {
    let number = counters.get(name).and_then(Value::as_u64).unwrap_or_default();
    extend(counters, [(name.to_owned(), Value::from(number + 1))].into_iter().collect());
}

fn extend(object: &mut Value, with: Map<String, Value>) {
    if let Value::Object(entries) = object {
        entries.extend(with);
    }
}
