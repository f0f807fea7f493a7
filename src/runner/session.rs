//! The loop that drives one peer: it tells the peer what happens, carries out what the peer does, and writes both down.
//!
//! It never judges and does nothing by itself: what no peer asked for is not sent. It never blocks on a connection.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use super::clock::{Clock, Timers};
use super::connection::{self, Handle, Order, Origin};
use super::log::Log;
use super::stimuli::Stimuli;
use super::stream::Stream;
use super::target::ServerTarget;
use super::{Limits, Notice, Stop, http, wire};
use crate::peer::{Action, Input, Peer};
use crate::transcript::{ConnectionId, Ending, Event, Mark, Request, Response, Role, What};

/// How many notices may wait for a session before its connections stop reading.
const INBOX: usize = 16;

/// How many notices are taken in a row while a timer is due.
const BURST: usize = 1000;

/// How long an ended session waits for what its connections still have to write.
const FLUSH: Duration = Duration::from_secs(1);

/// Where a session's connections lead.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    /// To the session in this process that takes these notices.
    Memory(mpsc::Sender<Notice>),
    /// To a server on the network.
    Server(ServerTarget),
    /// Nowhere: it only listens.
    Nowhere,
}

/// What a session is made of.
pub(super) struct Setup<'a> {
    pub(super) role: Role,
    pub(super) clock: Clock,
    pub(super) deadline: Option<Duration>,
    pub(super) limits: Limits,
    pub(super) log: Log<'a>,
    pub(super) stop: Stop,
    pub(super) reach: Reach,
    pub(super) stimuli: Stimuli,
    /// How often the other tasks may run before a due timer is taken to be earlier than what they bring.
    pub(super) patience: usize,
    pub(super) inbox: Inbox,
}

/// Where notices to a session arrive, and the end that others send to.
pub(super) struct Inbox {
    pub(super) sender: mpsc::Sender<Notice>,
    receiver: mpsc::Receiver<Notice>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(INBOX);
        Self { sender, receiver }
    }
}

pub(super) struct Session<'a> {
    peer: &'a mut dyn Peer,
    setup: Setup<'a>,
    connections: BTreeMap<ConnectionId, Connection>,
    accepted: ConnectionId,
    timers: Timers,
    tasks: JoinSet<()>,
    burst: usize,
    is_stopped: bool,
}

/// A connection as its session sees it.
struct Connection {
    handle: Handle,
    /// What waits for it to be open.
    opening: Option<Opening>,
    /// True if our side has ended it.
    is_ended: bool,
    /// True if the other side has.
    is_left: bool,
}

struct Opening {
    session: String,
    request: Request,
    held: Vec<Action>,
}

enum Turn {
    Notice(Notice),
    Wake(u64),
    Late(Duration),
    Deadline,
    Stop,
    Circles,
}

impl<'a> Session<'a> {
    pub(super) fn new(peer: &'a mut dyn Peer, setup: Setup<'a>) -> Self {
        Self {
            peer,
            setup,
            connections: BTreeMap::new(),
            accepted: 0,
            timers: Timers::default(),
            tasks: JoinSet::new(),
            burst: 0,
            is_stopped: false,
        }
    }

    /// Runs until the peer stops, the deadline passes, or somebody outside ends it.
    pub(super) async fn run(mut self) -> Log<'a> {
        self.tell(Input::Start);
        while !self.is_stopped {
            match self.turn().await {
                Turn::Notice(notice) => self.take(notice),
                Turn::Wake(token) => self.tell(Input::Wake(token)),
                Turn::Late(by) => self.mark(Mark::Late { milliseconds: u64::try_from(by.as_millis()).unwrap_or(u64::MAX) }),
                Turn::Deadline => self.end_with(Mark::Deadline),
                Turn::Circles => self.end_with(Mark::Failed("the conversation runs in circles without time passing".to_owned())),
                Turn::Stop => self.is_stopped = true,
            }
        }
        self.close().await;
        self.setup.log
    }

    /// Waits for whatever comes next. What has arrived comes before a timer that is due, so that being late never looks like silence;
    /// but not for ever, so that a flood does not stop the clock.
    async fn turn(&mut self) -> Turn {
        loop {
            let now = self.setup.clock.now();
            if self.setup.stop.is_stopped() {
                return Turn::Stop;
            }
            if self.setup.deadline.is_some_and(|deadline| now >= deadline) {
                return Turn::Deadline;
            }
            if self.setup.clock.count_turn(now) > self.setup.limits.instant {
                return Turn::Circles;
            }
            if let Some(by) = self.setup.clock.lateness(now) {
                return Turn::Late(by);
            }
            let is_due = self.timers.is_due(now);
            if let Some(notice) = self.next_notice(is_due).await {
                return Turn::Notice(notice);
            }
            if let Some(token) = self.timers.pop(now) {
                self.burst = 0;
                return Turn::Wake(token);
            }
            if let Some(notice) = self.wait().await {
                return Turn::Notice(notice);
            }
        }
    }

    /// A notice that is there already, or that comes without time passing while a timer is due.
    async fn next_notice(&mut self, is_due: bool) -> Option<Notice> {
        self.burst = if is_due { self.burst + 1 } else { 0 };
        if self.burst > BURST {
            return None;
        }
        let rounds = if is_due { self.setup.patience } else { 0 };
        for _ in 0..rounds {
            if !self.setup.inbox.receiver.is_empty() {
                break;
            }
            yield_now().await;
        }
        self.setup.inbox.receiver.try_recv().ok()
    }

    /// Sleeps until a notice comes, a time is reached, or the end is requested.
    async fn wait(&mut self) -> Option<Notice> {
        let until = [self.setup.deadline, self.timers.next(), self.setup.clock.next_tick()].into_iter().flatten().min();
        tokio::select! {
            biased;
            notice = self.setup.inbox.receiver.recv() => notice,
            () = self.setup.clock.sleep_until(until) => None,
            () = self.setup.stop.requested() => None,
        }
    }

    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Accepted(stream) => self.accept(stream),
            Notice::Opened(id) => self.opened(id),
            Notice::Arrived(id, what) => self.arrived(id, what),
            Notice::Gone(id) => drop(self.connections.remove(&id)),
            Notice::Stimulus(name) => self.tell(Input::Stimulus(&name)),
            Notice::Exited(process) => self.observe(0, What::Exited(process)),
            Notice::Failed(problem) => self.mark(Mark::Failed(problem)),
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        let actions = self.peer.step(self.setup.clock.now(), input);
        self.act(actions);
    }

    /// The other side did this: it is written down, and the peer is told.
    fn observe(&mut self, connection: ConnectionId, what: What) {
        let event = Event { at: self.setup.clock.now(), connection, from: self.setup.role.other(), what };
        let actions = self.peer.step(event.at, Input::Event(&event));
        self.setup.log.push(event);
        self.act(actions);
    }

    /// Our side did this: it is written down.
    fn record(&mut self, connection: ConnectionId, what: What) {
        self.setup.log.push(Event { at: self.setup.clock.now(), connection, from: self.setup.role, what });
    }

    fn mark(&mut self, mark: Mark) {
        self.record(0, What::Mark(mark));
    }

    fn end_with(&mut self, mark: Mark) {
        self.mark(mark);
        self.is_stopped = true;
    }

    fn accept(&mut self, stream: Stream) {
        self.accepted = self.accepted.wrapping_add(1).max(1);
        let id = self.accepted;
        let opened = What::Opened { session: "main".to_owned() };
        if !self.setup.log.has_room_for(&opened) {
            stream.reset();
            self.overflow(id);
            self.is_stopped = true;
        } else if self.connections.len() >= self.setup.limits.connections {
            stream.reset();
            self.setup.log.push(Event { at: self.setup.clock.now(), connection: id, from: self.setup.role.other(), what: opened });
            self.record(id, What::Ended(Ending::Overflow(format!("more than {} connections at once", self.setup.limits.connections))));
        } else {
            self.spawn(id, Origin::Given(stream), None);
            self.observe(id, opened);
        }
    }

    fn opened(&mut self, id: ConnectionId) {
        let Some(opening) = self.connections.get_mut(&id).and_then(|connection| connection.opening.take()) else { return };
        self.record(id, What::Opened { session: opening.session });
        let bytes = http::encode_request(&opening.request);
        self.transmit(id, What::Request(opening.request), bytes);
        self.act(opening.held);
    }

    fn arrived(&mut self, id: ConnectionId, what: What) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let What::Ended(ending) = &what {
            connection.is_left = true;
            if connection.is_ended || *ending != Ending::Finished {
                self.connections.remove(&id);
            }
        } else if !self.setup.log.has_room_for(&what) {
            return self.overflow(id);
        }
        self.observe(id, what);
    }

    /// The other side sent more than a transcript may hold.
    fn overflow(&mut self, id: ConnectionId) {
        self.abort(id);
        self.observe(id, What::Ended(Ending::Overflow(self.setup.log.bound())));
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            if self.is_stopped {
                return;
            }
            match action {
                Action::Open { connection, session, request } => self.open(connection, session, request),
                Action::Wake { at, token } => self.timers.insert(at, token),
                Action::Mark(mark) => self.mark(mark),
                Action::Stimulate(name) => self.stimulate(name),
                Action::Stop => self.is_stopped = true,
                Action::Respond { connection, .. }
                | Action::Send { connection, .. }
                | Action::Bytes { connection, .. }
                | Action::Read { connection, .. }
                | Action::Finish(connection)
                | Action::End(connection)
                | Action::Reset(connection) => self.act_on(connection, action),
            }
        }
    }

    fn open(&mut self, id: ConnectionId, session: String, mut request: Request) {
        let (origin, host) = match &self.setup.reach {
            Reach::Memory(notices) => (Origin::Memory(notices.clone()), "127.0.0.1".to_owned()),
            Reach::Server(server) => (Origin::Server(server.clone()), server.host_header()),
            Reach::Nowhere => return self.mark(Mark::Failed(format!("a server opened connection {id}"))),
        };
        if id == 0 || self.connections.contains_key(&id) {
            return self.mark(Mark::Failed(format!("connection {id} was opened twice")));
        }
        if !self.setup.log.has_room_for(&What::Request(request.clone())) {
            return self.end_with(Mark::Failed(self.setup.log.bound()));
        }
        request.name_host(&host);
        self.spawn(id, origin, Some(Opening { session, request, held: Vec::new() }));
    }

    fn spawn(&mut self, id: ConnectionId, origin: Origin, opening: Option<Opening>) {
        while self.tasks.try_join_next().is_some() {}
        let (handle, task) = connection::connect(id, origin, self.setup.role.other(), &self.setup.limits, self.setup.inbox.sender.clone());
        self.tasks.spawn(task);
        self.connections.insert(id, Connection { handle, opening, is_ended: false, is_left: false });
    }

    fn stimulate(&mut self, name: String) {
        let result = self.setup.stimuli.give(&name);
        self.mark(Mark::Stimulus(name));
        if let Err(problem) = result {
            self.mark(Mark::Failed(problem));
        }
    }

    /// An action on a connection that is gone or ended does nothing: the peer could not know yet.
    fn act_on(&mut self, id: ConnectionId, action: Action) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match (&mut connection.opening, action) {
            (_, Action::Reset(_)) => {
                self.abort(id);
                self.record(id, What::Ended(Ending::Reset));
            }
            (Some(opening), action) => opening.held.push(action),
            (None, Action::Read { on, .. }) => connection.handle.order(Order::Read(on)),
            (None, _) if connection.is_ended => {}
            (None, Action::Respond { response, .. }) => self.respond(id, response),
            (None, Action::Send { frame, .. }) => {
                let mut bytes = Vec::with_capacity(frame.payload.len() + 14);
                wire::encode(&frame, &mut bytes);
                self.transmit(id, What::Frame(frame), bytes);
            }
            (None, Action::Bytes { bytes, .. }) => {
                self.transmit(id, What::raw(bytes.clone()), bytes);
            }
            (None, Action::Finish(_)) => self.end(id, Order::Finish),
            (None, _) => self.end(id, Order::End),
        }
    }

    fn respond(&mut self, id: ConnectionId, response: Response) {
        let (status, bytes) = (response.status, http::encode_response(&response));
        if status == 101 {
            self.order(id, Order::ExpectFrames);
        }
        self.transmit(id, What::Response(response), bytes);
        if status >= 200 {
            self.end(id, Order::End);
        }
    }

    /// Ends our half of the stream; the other side's is read on.
    fn end(&mut self, id: ConnectionId, order: Order) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_ended = true;
        connection.handle.order(order);
        if connection.is_left {
            self.connections.remove(&id);
        }
        self.record(id, What::Ended(Ending::Finished));
    }

    fn transmit(&mut self, id: ConnectionId, what: What, bytes: Vec<u8>) {
        let Some(connection) = self.connections.get(&id) else { return };
        let overflow = if !self.setup.log.has_room_for(&what) {
            self.setup.log.bound()
        } else if connection.handle.backlog().saturating_add(bytes.len()) > self.setup.limits.backlog {
            format!("more than {} bytes that the other side does not read", self.setup.limits.backlog)
        } else {
            self.record(id, what);
            return self.order(id, Order::Write(bytes));
        };
        self.abort(id);
        self.record(id, What::Ended(Ending::Overflow(overflow)));
    }

    fn order(&mut self, id: ConnectionId, order: Order) {
        if let Some(connection) = self.connections.get(&id) {
            connection.handle.order(order);
        }
    }

    fn abort(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.remove(&id) {
            connection.handle.order(Order::Reset);
        }
    }

    /// Lets the connections write what they still hold, for a while, and drops them.
    async fn close(&mut self) {
        self.setup.inbox.receiver.close();
        self.connections.clear();
        let _ = timeout(FLUSH, async { while self.tasks.join_next().await.is_some() {} }).await;
        self.tasks.abort_all();
    }
}
