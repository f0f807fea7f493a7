//! The beginning of each kind of step. How one that waits goes on is in [`super::pause`].

use std::sync::Arc;

use serde_json::{Map, Value};

use super::pause::{Outcome, Pause};
use super::{REPLY_TIME, Script};
use crate::pack::parameter::Span;
use crate::pack::pattern::{Names, Pattern};
use crate::pack::scenario::{Accept, Expect, Open, Play, Policy, Refuse, Send, Step, Wait};
use crate::pack::template::render;
use crate::peer::Action;
use crate::peer::ledger::{MAIN, Place, Wanted};
use crate::peer::machine::Player;
use crate::peer::outgoing::SendError;
use crate::peer::scope::Memory;
use crate::peer::speaker::Cutting;
use crate::transcript::{ConnectionId, Opcode, Role};

impl Script {
    /// Begins a step: does it, or says that it waits.
    pub(super) fn begin(&mut self, step: &Step) -> Result<Outcome, SendError> {
        match step {
            Step::Open(open) => self.open(open)?,
            Step::Accept(Accept { within, .. }) | Step::Refuse(Refuse { within, .. }) => return self.meet(within.as_ref()),
            Step::Send(send) => self.send(send)?,
            Step::Message(raw) => {
                let connection = self.on(raw.connection.as_deref())?;
                self.speaker.say_raw(connection, raw, kept(&self.saved, connection))?;
            }
            Step::Bytes(raw) => {
                let connection = self.on(raw.connection.as_deref())?;
                self.speaker.say_bytes(connection, raw, kept(&self.saved, connection))?;
            }
            Step::Frame(raw) => {
                let connection = self.on(raw.connection.as_deref())?;
                self.speaker.say_frame(connection, raw, kept(&self.saved, connection))?;
            }
            Step::Ping(control) => {
                let connection = self.on(control.connection.as_deref())?;
                self.speaker.say_control(connection, Opcode::PING, control, kept(&self.saved, connection))?;
            }
            Step::Pong(control) => {
                let connection = self.on(control.connection.as_deref())?;
                self.speaker.say_control(connection, Opcode::PONG, control, kept(&self.saved, connection))?;
            }
            Step::Close(close) => {
                let connection = self.on(close.connection.as_deref())?;
                self.speaker.say_close(connection, close, kept(&self.saved, connection))?;
            }
            Step::Finish(on) => self.on(on.connection.as_deref()).map(|connection| self.speaker.finish(connection))?,
            Step::End(on) => self.on(on.connection.as_deref()).map(|connection| self.speaker.end(connection))?,
            Step::Reset(on) => self.on(on.connection.as_deref()).map(|connection| self.speaker.reset(connection))?,
            Step::Expect(expect) => return self.expect(expect),
            // That something did not happen is a matter of what came before, which the transcript holds.
            Step::Absent(_) => {}
            Step::Wait(wait) => return self.wait(wait),
            Step::Mark(name) => self.ledger.mark(name),
            Step::Stimulus(name) => {
                self.speaker.act(Action::Stimulate(name.clone()));
                return Ok(self.give_way());
            }
            Step::Policy(policy) => self.set_policy(policy),
            Step::Play(play) => return self.play(play),
            Step::Include(_) | Step::Repeat(_) => return Err(SendError::NotUnrolled),
        }
        Ok(Outcome::Done)
    }

    fn open(&mut self, open: &Open) -> Result<(), SendError> {
        let connection = self.speaker.dial(open, kept(&self.saved, 0))?;
        self.name(open.connection.as_deref().unwrap_or(MAIN), connection);
        Ok(())
    }

    fn send(&mut self, send: &Send) -> Result<(), SendError> {
        let connection = self.on(send.connection.as_deref())?;
        let value = self.speaker.say(connection, send, kept(&self.saved, connection))?;
        self.save(send.name.as_deref(), value);
        Ok(())
    }

    fn meet(&mut self, within: Option<&Span>) -> Result<Outcome, SendError> {
        let token = self.speaker.wake(self.begun.saturating_add(self.speaker.settings.dial_time(within)));
        self.pause = Some(Pause::Meet { token });
        self.check_pause(self.ledger.length())
    }

    fn expect(&mut self, expect: &Expect) -> Result<Outcome, SendError> {
        let place = self.ledger.place(expect.connection.as_deref());
        if let (Place::Next(name), Role::Client) = (&place, self.speaker.side) {
            return Err(SendError::NoConnection(name.clone()));
        }
        let mut wanted = vec![Wanted { pattern: self.pattern(&expect.is, expect.tree.as_ref())?, meaning: None }];
        for other in &expect.or {
            wanted.push(Wanted { pattern: self.pattern(&other.is, other.tree.as_ref())?, meaning: Some(other.means) });
        }
        let since = self.ledger.since(expect.since.as_deref());
        let default = Span(REPLY_TIME.to_owned());
        let within = expect.within.as_ref().unwrap_or(&default);
        let deadline = self.begun.saturating_add(self.speaker.settings.bound(within).end());
        let token = self.speaker.wake(deadline);
        self.pause = Some(Pause::Expect { wanted, place, since, deadline, token });
        self.check_pause(self.ledger.length())
    }

    /// Goes on at the same instant, after whatever else happens at it: what comes after a stimulus must not overtake it.
    fn give_way(&mut self) -> Outcome {
        let token = self.speaker.wake(self.begun);
        self.pause = Some(Pause::Wait { until: None, token });
        Outcome::Waiting
    }

    fn wait(&mut self, wait: &Wait) -> Result<Outcome, SendError> {
        let until = self.until(wait.until.as_ref())?;
        let token = self.speaker.wake(self.begun.saturating_add(self.speaker.settings.duration(&wait.span)));
        self.pause = Some(Pause::Wait { until, token });
        Ok(Outcome::Waiting)
    }

    fn play(&mut self, play: &Play) -> Result<Outcome, SendError> {
        let connection = self.on(play.connection.as_deref())?;
        let until = self.until(play.until.as_ref())?;
        let remembered = match render(&Value::Object(play.memory.clone()), &mut self.speaker.view(kept(&self.saved, connection)))? {
            Value::Object(remembered) => remembered,
            _ => Map::new(),
        };
        let token = self.speaker.wake(self.begun.saturating_add(self.speaker.settings.duration(&play.span)));
        let pack = Arc::clone(&self.speaker.pack);
        let player = Box::new(Player::guest(pack, &mut self.speaker, connection, &play.state, remembered));
        self.pause = Some(Pause::Play { player, connection, until, token });
        self.check_pause(self.ledger.length())
    }

    fn set_policy(&mut self, policy: &Policy) {
        let name = policy.connection.as_deref();
        match self.ledger.connection(name) {
            Some(connection) => self.apply(policy, connection),
            None => self.policies.entry(name.unwrap_or(MAIN).to_owned()).or_default().push(policy.clone()),
        }
    }

    pub(super) fn apply(&mut self, policy: &Policy, connection: ConnectionId) {
        let duties = self.speaker.duties(connection);
        duties.pong = policy.pong.unwrap_or(duties.pong);
        duties.close = policy.close.unwrap_or(duties.close);
        let cutting = self.speaker.line(connection).map(|line| line.cutting).unwrap_or_default();
        let size =
            policy.fragment.as_ref().map_or(cutting.size, |size| usize::try_from(self.speaker.settings.size(size)).unwrap_or(usize::MAX));
        self.speaker.cut(connection, Cutting { size, is_interleaved: policy.interleave.unwrap_or(cutting.is_interleaved) });
        if let Some(on) = policy.read {
            self.speaker.act(Action::Read { connection, on });
        }
    }

    fn pattern(&mut self, is: &Names, tree: Option<&Value>) -> Result<Pattern, SendError> {
        let memory = kept(&self.saved, 0);
        let tree = tree.map(|tree| render(tree, &mut self.speaker.view(memory))).transpose()?;
        Ok(Pattern { is: is.clone(), from: Some(self.speaker.side.other()), tree })
    }

    /// A pattern that ends a wait; unlike an `expect` it may also mean what the harness itself does.
    fn until(&mut self, pattern: Option<&Pattern>) -> Result<Option<Pattern>, SendError> {
        let rendered = pattern.map(|pattern| Ok(Pattern { from: pattern.from, ..self.pattern(&pattern.is, pattern.tree.as_ref())? }));
        rendered.transpose()
    }

    fn on(&self, name: Option<&str>) -> Result<ConnectionId, SendError> {
        self.ledger.connection(name).ok_or_else(|| SendError::NoConnection(name.unwrap_or(MAIN).to_owned()))
    }
}

/// What a template of a script sees on this connection.
pub(super) fn kept(saved: &Value, connection: ConnectionId) -> Memory<'_> {
    Memory { saved: Some(saved), connection, ..Memory::default() }
}
