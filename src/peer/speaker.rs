//! The mouth and the ears of a peer: all its connections, what is sent on them and what is heard from them, with the duties of RFC 6455 done
//! on the way. It decides nothing else: that is for the script or the machine that owns it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::outgoing::{self, SendError};
use super::policy::{Duties, Duty, Policy};
use super::quirks::Quirks;
use super::scope::{Genesis, Invention, Memory, View};
use super::{Action, request};
use crate::pack::scenario::{Accept, CloseStep, Control, Open, Raw, RawBytes, RawFrame, Send};
use crate::pack::{Hearing, Observation, Pack, Settings};
use crate::transcript::{ConnectionId, Event, Frame, Mark, Opcode, Request, Response, Role, What};

/// One connection.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and most combinations occur")]
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its duties and where it stands in the close handshake.
    pub(super) policy: Policy,
    /// Its HTTP request.
    pub(super) request: Option<Request>,
    /// The answer that the other side gave to it.
    pub(super) response: Option<Response>,
    /// True once the request has its answer.
    pub(super) is_answered: bool,
    /// True from the 101 on.
    pub(super) is_open: bool,
    /// True once this side ended, aborted or refused it: nothing can be sent any more.
    pub(super) has_ended: bool,
    /// True once this side ended its sending half.
    has_finished: bool,
    /// True once the other side ended: nothing more comes.
    pub(super) is_gone: bool,
    /// How its messages are cut.
    pub(super) cutting: Cutting,
}

impl Line {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            request: None,
            response: None,
            is_answered: false,
            is_open: false,
            has_ended: false,
            has_finished: false,
            is_gone: false,
            cutting: Cutting::default(),
        }
    }

    /// True once there is nothing left of it.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended || self.is_gone
    }
}

/// How messages are cut into fragments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cutting {
    /// Bytes a fragment; 0 for whole messages.
    pub(super) size: usize,
    /// True to send a ping between fragments.
    pub(super) is_interleaved: bool,
}

/// All connections of one peer.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    pub(super) pack: Arc<Pack>,
    pub(super) settings: Arc<Settings>,
    pub(super) side: Role,
    pub(super) lines: BTreeMap<ConnectionId, Line>,
    pub(super) quirks: Quirks,
    pub(super) now: Duration,
    /// What this side did in the current step, in the pack's words.
    pub(super) own: Vec<Observation>,
    duties: Duties,
    /// True if it sends even what RFC 6455 forbids, such as frames after its close frame, when it is told to.
    pub(super) is_free: bool,
    hearing: Hearing,
    invention: Invention,
    actions: Vec<Action>,
    opened: ConnectionId,
    tokens: u64,
    lingering: HashMap<u64, ConnectionId>,
}

impl Speaker {
    /// A speaker of this side. One that `is_free` also sends after its close frame, when it is told to.
    pub(super) fn new(pack: Arc<Pack>, settings: Arc<Settings>, side: Role, duties: Duties, is_free: bool) -> Self {
        Self {
            pack,
            settings,
            side,
            lines: BTreeMap::new(),
            quirks: Quirks::default(),
            now: Duration::ZERO,
            own: Vec::new(),
            duties,
            is_free,
            hearing: Hearing::default(),
            invention: Invention::new(Genesis::default(), side),
            actions: Vec::new(),
            opened: 0,
            tokens: 0,
            lingering: HashMap::new(),
        }
    }

    /// Takes its invented values from there.
    pub(super) fn begin_at(&mut self, genesis: Genesis) {
        self.invention = self.invention.restarted(genesis);
    }

    /// A step begins.
    pub(super) fn begin(&mut self, now: Duration) {
        self.now = now;
        self.own.clear();
    }

    /// A step ends: what is to be done.
    pub(super) fn finish_step(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Does something that concerns no connection.
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Asks for a wake-up; gives its token.
    pub(super) fn wake(&mut self, at: Duration) -> u64 {
        self.tokens += 1;
        self.act(Action::Wake { at, token: self.tokens });
        self.tokens
    }

    /// A wake-up came. If it was one of the speaker's own, gives the connection that it gave up waiting for.
    pub(super) fn woken(&mut self, token: u64) -> Option<ConnectionId> {
        let connection = self.lingering.remove(&token)?;
        self.line(connection).filter(|line| !line.is_over())?;
        self.end(connection);
        Some(connection)
    }

    /// The connection of this number.
    pub(super) fn line(&self, connection: ConnectionId) -> Option<&Line> {
        self.lines.get(&connection)
    }

    /// A number below `limit`, or 0.
    pub(super) fn pick(&mut self, limit: usize) -> usize {
        self.invention.below(limit)
    }

    /// The newest connection that can still be spoken on.
    pub(super) fn newest(&self) -> Option<ConnectionId> {
        let open = self.lines.iter().rev().find(|(_, line)| line.is_open && !line.is_over() && !line.policy.has_closed());
        open.map(|(connection, _)| *connection)
    }

    /// True if this side waits for the answer to its upgrade, and has no other connection to speak on.
    pub(super) fn is_dialing(&self) -> bool {
        let is_dialed = |line: &Line| !line.is_answered && !line.is_over();
        self.side == Role::Client && self.newest().is_none() && self.lines.values().any(is_dialed)
    }

    /// Drops everything about a connection that is over on both sides.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        if self.line(connection).is_some_and(|line| line.has_ended && line.is_gone) {
            self.lines.remove(&connection);
            self.hearing.forget(connection);
        }
    }

    /// Changes the duties on one connection.
    pub(super) fn duties(&mut self, connection: ConnectionId) -> &mut Duties {
        let policy = Policy::new(self.side, self.duties);
        &mut self.lines.entry(connection).or_insert_with(|| Line::new(policy)).policy.duties
    }

    /// Changes how messages are cut on one connection.
    pub(super) fn cut(&mut self, connection: ConnectionId, cutting: Cutting) {
        self.duties(connection);
        if let Some(line) = self.lines.get_mut(&connection) {
            line.cutting = cutting;
        }
    }

    /// The scope of a template that sees this much.
    pub(super) fn view<'a>(&'a mut self, memory: Memory<'a>) -> View<'a> {
        View { memory, settings: &self.settings, invention: &mut self.invention, quirks: &self.quirks, now: self.now }
    }
}

/// Hearing.
impl Speaker {
    /// The other side did something: does what is due, and says what it means.
    pub(super) fn hear(&mut self, event: &Event) -> Vec<Observation> {
        let mut observations = self.hearing.observe(&self.pack.manifest.frames, event);
        let count = observations.len();
        self.quirks.overlook(&mut observations);
        if event.connection == 0 || observations.len() < count && observations.is_empty() {
            return observations;
        }
        let policy = Policy::new(self.side, self.duties);
        let line = self.lines.entry(event.connection).or_insert_with(|| Line::new(policy));
        match &event.what {
            What::Request(request) => line.request = Some(request.clone()),
            What::Response(response) => {
                line.is_answered = true;
                line.is_open = response.status == 101;
                line.response = Some(response.clone());
            }
            What::Frame(frame) => self.hear_frame(event.connection, frame, &mut observations),
            What::Ended(_) => self.hear_end(event.connection),
            What::Opened { .. } | What::Garbage { .. } | What::Exited(_) | What::Mark(_) => {}
        }
        observations
    }

    fn hear_frame(&mut self, connection: ConnectionId, frame: &Frame, observations: &mut Vec<Observation>) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let duties = line.policy.heard(frame, observations);
        if line.policy.has_failed() {
            // RFC 6455 § 7.1.7: an endpoint that has failed the connection does not process what comes after.
            observations.retain(|observation| !observation.is_message());
        }
        for duty in duties {
            self.fulfil(connection, duty);
        }
    }

    fn hear_end(&mut self, connection: ConnectionId) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        line.is_gone = true;
        if let Some(duty) = line.policy.ended() {
            self.fulfil(connection, duty);
        }
    }

    fn fulfil(&mut self, connection: ConnectionId, duty: Duty) {
        match duty {
            Duty::Send(frame) => self.send(connection, frame),
            Duty::End => self.end(connection),
            Duty::Linger(time) => {
                let token = self.wake(self.now.saturating_add(time));
                self.lingering.insert(token, connection);
            }
        }
    }
}

/// Speaking in frames and bytes. What is said on a connection that this side has ended is lost without a word.
impl Speaker {
    /// Sends a frame, masked as the side asks.
    pub(super) fn send(&mut self, connection: ConnectionId, frame: Frame) {
        let key = self.invention.mask();
        self.send_as_it_is(connection, frame.masked_for(self.side, key));
    }

    fn send_as_it_is(&mut self, connection: ConnectionId, frame: Frame) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let is_time = line.is_open && !line.policy.has_closed();
        if line.has_ended || line.has_finished || !is_time && !self.is_free {
            return;
        }
        let duty = line.policy.said(&frame);
        self.note(connection, What::Frame(frame.clone()));
        self.act(Action::Send { connection, frame });
        if let Some(duty) = duty {
            self.fulfil(connection, duty);
        }
    }

    /// Writes bytes.
    pub(super) fn write(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        if self.line(connection).is_some_and(|line| !line.has_ended && !line.has_finished) {
            self.act(Action::Bytes { connection, bytes });
        }
    }

    /// Ends the sending half.
    pub(super) fn finish(&mut self, connection: ConnectionId) {
        let Some(line) = self.lines.get_mut(&connection).filter(|line| !line.has_ended && !line.has_finished) else { return };
        line.has_finished = true;
        self.act(Action::Finish(connection));
    }

    /// Ends the stream.
    pub(super) fn end(&mut self, connection: ConnectionId) {
        self.leave(connection, Action::End(connection));
    }

    /// Aborts the stream: nothing comes back after that.
    pub(super) fn reset(&mut self, connection: ConnectionId) {
        self.leave(connection, Action::Reset(connection));
        if let Some(line) = self.lines.get_mut(&connection) {
            line.is_gone = true;
        }
    }

    fn leave(&mut self, connection: ConnectionId, action: Action) {
        let Some(line) = self.lines.get_mut(&connection).filter(|line| !line.has_ended) else { return };
        line.has_ended = true;
        self.act(action);
    }

    /// Lets the own ears hear it too: whether something is a reply depends on what was asked.
    fn note(&mut self, connection: ConnectionId, what: What) {
        let event = Event { at: self.now, connection, from: self.side, what };
        self.own.extend(self.hearing.observe(&self.pack.manifest.frames, &event));
    }
}

/// Speaking in the words of scenarios and machines.
impl Speaker {
    /// Sends a frame of the catalogue; gives its JSON.
    pub(super) fn say(&mut self, connection: ConnectionId, send: &Send, memory: Memory<'_>) -> Result<Value, SendError> {
        let (pack, settings) = (Arc::clone(&self.pack), Arc::clone(&self.settings));
        let value = outgoing::value(send, &pack, &settings, &mut self.view(memory))?;
        self.say_text(connection, value.to_string().into_bytes(), &send.fragments);
        Ok(value)
    }

    /// Sends a text message in these fragments, or cut as the connection says.
    fn say_text(&mut self, connection: ConnectionId, text: Vec<u8>, sizes: &[usize]) {
        let cutting = self.line(connection).map(|line| line.cutting).unwrap_or_default();
        let even = || vec![cutting.size; text.len().saturating_sub(1).checked_div(cutting.size).unwrap_or_default()];
        let sizes = if sizes.is_empty() { even() } else { sizes.to_vec() };
        for (index, frame) in outgoing::fragments(Opcode::TEXT, text, &sizes).into_iter().enumerate() {
            if index > 0 && cutting.is_interleaved {
                self.send(connection, Frame::new(Opcode::PING, "between fragments"));
            }
            self.send(connection, frame);
        }
    }

    /// Sends some other message.
    pub(super) fn say_raw(&mut self, connection: ConnectionId, raw: &Raw, memory: Memory<'_>) -> Result<(), SendError> {
        for frame in outgoing::message(raw, &mut self.view(memory))? {
            self.send(connection, frame);
        }
        Ok(())
    }

    /// Writes bytes.
    pub(super) fn say_bytes(&mut self, connection: ConnectionId, raw: &RawBytes, memory: Memory<'_>) -> Result<(), SendError> {
        let bytes = outgoing::bytes(raw, &mut self.view(memory))?;
        self.write(connection, bytes);
        Ok(())
    }

    /// Sends one frame with every bit in hand.
    pub(super) fn say_frame(&mut self, connection: ConnectionId, raw: &RawFrame, memory: Memory<'_>) -> Result<(), SendError> {
        let frame = outgoing::frame(raw, &mut self.view(memory))?;
        let key = self.invention.mask();
        let side = if raw.wrong_mask { self.side.other() } else { self.side };
        self.send_as_it_is(connection, frame.masked_for(side, key));
        Ok(())
    }

    /// Sends a ping or a pong.
    pub(super) fn say_control(
        &mut self,
        connection: ConnectionId,
        opcode: Opcode,
        control: &Control,
        memory: Memory<'_>,
    ) -> Result<(), SendError> {
        let frame = outgoing::control(opcode, control, &mut self.view(memory))?;
        self.send(connection, frame);
        Ok(())
    }

    /// Sends a close frame.
    pub(super) fn say_close(&mut self, connection: ConnectionId, close: &CloseStep, memory: Memory<'_>) -> Result<(), SendError> {
        let frame = outgoing::close(close, &mut self.view(memory))?;
        self.send(connection, frame);
        Ok(())
    }

    /// Opens a connection; gives its number.
    pub(super) fn dial(&mut self, open: &Open, memory: Memory<'_>) -> Result<ConnectionId, SendError> {
        let (pack, key) = (Arc::clone(&self.pack), self.invention.key());
        let connection = self.opened + 1;
        let request = request::request(open, &pack.manifest.endpoint, &key, &mut self.view(Memory { connection, ..memory }))?;
        self.opened = connection;
        self.duties(connection);
        if let Some(line) = self.lines.get_mut(&connection) {
            line.request = Some(request.clone());
        }
        self.note(connection, What::Request(request.clone()));
        let session = open.session.clone().unwrap_or_else(|| "main".to_owned());
        self.act(Action::Open { connection, session, request });
        Ok(connection)
    }

    /// Answers the connection's request with 101.
    pub(super) fn accept(&mut self, connection: ConnectionId, accept: &Accept, memory: Memory<'_>) -> Result<(), SendError> {
        let Some(request) = self.unanswered(connection) else { return Ok(()) };
        let response = request::switching(accept, &request, &mut self.view(memory))?;
        self.answer(connection, response);
        Ok(())
    }

    /// Answers the connection's request with another status.
    pub(super) fn refuse(
        &mut self,
        connection: ConnectionId,
        status: u16,
        headers: &indexmap::IndexMap<String, String>,
        body: Option<&Value>,
        memory: Memory<'_>,
    ) -> Result<(), SendError> {
        let response = request::response(status, headers, body, &mut self.view(memory))?;
        self.answer(connection, response);
        Ok(())
    }

    /// Answers the connection's request, unless it has its answer. Anything but a 101 ends the connection.
    pub(super) fn answer(&mut self, connection: ConnectionId, response: Response) {
        if self.unanswered(connection).is_none() {
            return;
        }
        if let Some(line) = self.lines.get_mut(&connection) {
            line.is_answered = true;
            line.is_open = response.status == 101;
            line.has_ended = !line.is_open;
        }
        self.note(connection, What::Response(response.clone()));
        self.act(Action::Respond { connection, response });
    }

    /// Notes that the peer itself could not do its work.
    pub(super) fn fail(&mut self, problem: impl std::fmt::Display) {
        self.act(Action::Mark(Mark::Failed(problem.to_string())));
    }

    fn unanswered(&self, connection: ConnectionId) -> Option<Request> {
        self.line(connection).filter(|line| !line.is_answered && !line.is_over()).and_then(|line| line.request.clone())
    }
}
