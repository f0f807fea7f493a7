//! The harness's side of a case: plays the steps one after another, and notes in the transcript where it is and why it stopped.
//!
//! It judges nothing: that a wait was in vain only decides whether the conversation goes on.

mod pause;
mod step;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::ledger::Ledger;
use super::outgoing::SendError;
use super::policy::Duties;
use super::scope::Genesis;
use super::speaker::Speaker;
use super::{Action, Input, Peer};
use crate::pack::scenario::{Expect, Policy, Send, Step};
use crate::pack::template::TemplateError;
use crate::pack::{Pack, Settings};
use crate::transcript::{Close, ConnectionId, Event, Frame, Mark, Role};
use pause::{Outcome, Pause};

/// How long an `expect` waits that does not say.
const REPLY_TIME: &str = "reply_time";

/// The harness answers pings and close frames. What the target breaks is for the checks: the harness closes for nothing by itself.
const DUTIES: Duties = Duties { pong: true, close: true, fail: false, limit: None, linger: None };

/// A harness that plays the steps of a case.
///
/// Plain HTTP requests to a server harness are answered 404 at once, unless a step that is still to come expects a `request` on a
/// connection that has no name yet.
#[derive(Clone, Debug)]
pub struct Script {
    speaker: Speaker,
    steps: Arc<[Step]>,
    ledger: Ledger,
    saved: Value,
    /// Index of the step that is played.
    at: usize,
    /// When it began.
    begun: Duration,
    pause: Option<Pause>,
    /// Policies for connections that have no name yet.
    policies: HashMap<String, Vec<Policy>>,
    is_done: bool,
}

impl Script {
    /// A harness of this side that plays these steps: no `include` and no `repeat` is left in them.
    pub fn new(pack: Arc<Pack>, settings: Arc<Settings>, side: Role, steps: Vec<Step>) -> Self {
        Self {
            speaker: Speaker::new(pack, settings, side, DUTIES, true),
            steps: steps.into(),
            ledger: Ledger::default(),
            saved: Value::Object(Map::new()),
            at: 0,
            begun: Duration::ZERO,
            pause: None,
            policies: HashMap::new(),
            is_done: false,
        }
    }

    /// The same script with its invented values from there.
    #[must_use]
    pub fn beginning(mut self, genesis: Genesis) -> Self {
        self.speaker.begin_at(genesis);
        self
    }

    fn hear(&mut self, event: &Event) {
        let observations = self.speaker.hear(event);
        for observation in observations {
            if let Some(Pause::Play { player, connection, .. }) = &mut self.pause
                && *connection == observation.connection
            {
                player.observe(&mut self.speaker, &observation);
            }
            self.ledger.hear(observation);
        }
        self.turn_away_strays();
    }

    fn wake(&mut self, token: u64) {
        self.speaker.woken(token);
        if let Some(Pause::Play { player, .. }) = &mut self.pause {
            player.wake(&mut self.speaker, token);
        }
        let outcome = match &self.pause {
            Some(Pause::Expect { token: own, .. } | Pause::Meet { token: own }) if *own == token => Outcome::Unmet,
            Some(Pause::Wait { token: own, .. } | Pause::Play { token: own, .. }) if *own == token => Outcome::Done,
            _ => return,
        };
        self.conclude(outcome);
    }

    /// Goes on as far as it gets without waiting.
    fn go_on(&mut self, heard: usize) {
        if self.pause.is_some() {
            match self.check_pause(heard) {
                Ok(outcome) => self.conclude(outcome),
                Err(error) => self.give_up(&error),
            }
        }
        let steps = Arc::clone(&self.steps);
        while self.pause.is_none() && !self.is_done {
            let Some(step) = steps.get(self.at) else { return self.finish(Some(Mark::Finished)) };
            self.speaker.act(Action::Mark(Mark::Step(self.at)));
            self.begun = self.speaker.now;
            match self.begin(step) {
                Ok(outcome) => self.conclude(outcome),
                Err(error) => self.give_up(&error),
            }
        }
    }

    fn conclude(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Waiting => {}
            Outcome::Broken => self.finish(Some(Mark::Stopped(self.at))),
            Outcome::Unmet if !self.is_optional() => self.finish(Some(Mark::Stopped(self.at))),
            Outcome::Unmet | Outcome::Done => {
                self.pause = None;
                self.at += 1;
            }
        }
    }

    fn is_optional(&self) -> bool {
        matches!(self.steps.get(self.at), Some(Step::Expect(Expect { optional: true, .. })))
    }

    /// A step cannot be done. What the target did not say is the target's doing; anything else is the harness's.
    fn give_up(&mut self, error: &SendError) {
        if matches!(error, SendError::Template(TemplateError::Unknown(path)) if self.is_to_be_saved(path)) {
            return self.conclude(Outcome::Unmet);
        }
        let at = self.at;
        self.speaker.fail(format_args!("step {at} could not be done: {error}"));
        self.finish(None);
    }

    /// True if an earlier step was to keep what this path names.
    fn is_to_be_saved(&self, path: &str) -> bool {
        let kept = self.steps[..self.at.min(self.steps.len())].iter().filter_map(|step| match step {
            Step::Expect(Expect { name, .. }) | Step::Send(Send { name, .. }) => name.as_deref(),
            _ => None,
        });
        let wanted = path.strip_prefix("saved.").unwrap_or_default();
        kept.into_iter().any(|name| wanted.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// Says goodbye on every connection and stops. Nothing waits here.
    fn finish(&mut self, mark: Option<Mark>) {
        self.is_done = true;
        self.pause = None;
        if let Some(mark) = mark {
            self.speaker.act(Action::Mark(mark));
        }
        let open: Vec<_> = self.speaker.lines.iter().map(|(number, line)| (*number, line.is_open && !line.policy.has_closed())).collect();
        for (connection, is_open) in open {
            if is_open {
                self.speaker.send(connection, Frame::close(Some(&Close::code(1000))));
            }
            self.speaker.end(connection);
        }
        self.speaker.act(Action::Stop);
    }

    pub(super) fn save(&mut self, name: Option<&str>, value: Value) {
        if let (Some(name), Value::Object(saved)) = (name, &mut self.saved) {
            saved.insert(name.to_owned(), value);
        }
    }

    pub(super) fn name(&mut self, name: &str, connection: ConnectionId) {
        self.ledger.name(name, connection);
        for policy in self.policies.remove(name).unwrap_or_default() {
            self.apply(&policy, connection);
        }
    }
}

impl Peer for Script {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        if self.is_done {
            return Vec::new();
        }
        self.speaker.begin(now);
        let heard = self.ledger.length();
        match input {
            Input::Event(event) => self.hear(event),
            Input::Wake(token) => self.wake(token),
            Input::Start | Input::Stimulus(_) => {}
        }
        if !self.is_done {
            self.go_on(heard);
        }
        self.speaker.finish_step()
    }
}
