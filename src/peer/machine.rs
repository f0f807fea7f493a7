//! The reference peer: plays the machine of one side of a pack on all its connections. Frames, states and timers come from `machine.yaml`
//! alone; what RFC 6455 asks comes from `policy`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::policy::Duties;
use super::quirks::Quirks;
use super::reaction::Act;
use super::scope::{Genesis, Memory};
use super::speaker::Speaker;
use super::{Action, Input, Peer};
use crate::pack::machine::{self, Do};
use crate::pack::parameter::Span;
use crate::pack::{Observation, Pack, Settings};
use crate::transcript::{ConnectionId, Event, Role, What};

/// How long a reference peer waits for the other side's part of the close handshake, unless parameter `close_time` says otherwise.
const CLOSE_TIME: &str = "2s";

/// A reference peer.
#[derive(Clone, Debug)]
pub struct Machine {
    speaker: Speaker,
    player: Player,
}

impl Machine {
    /// The reference peer of this side.
    pub fn new(pack: Arc<Pack>, settings: Arc<Settings>, side: Role) -> Self {
        Self::with(pack, settings, side, Quirks::default())
    }

    pub(super) fn with(pack: Arc<Pack>, settings: Arc<Settings>, side: Role, quirks: Quirks) -> Self {
        let duties = duties(&pack, &settings, side);
        let player = Player::new(Arc::clone(&pack), side);
        let mut speaker = Speaker::new(pack, settings, side, duties, false);
        speaker.quirks = quirks;
        Self { speaker, player }
    }

    /// The same peer with its invented values from there.
    #[must_use]
    pub fn beginning(mut self, genesis: Genesis) -> Self {
        self.speaker.begin_at(genesis);
        self
    }
}

impl Peer for Machine {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        if self.player.has_stopped {
            return Vec::new();
        }
        self.speaker.begin(now);
        match input {
            Input::Start => self.player.begin(&mut self.speaker),
            Input::Event(event) => self.player.hear(&mut self.speaker, event),
            Input::Wake(token) => self.player.wake(&mut self.speaker, token),
            Input::Stimulus(name) => self.player.stimulate(&mut self.speaker, name),
        }
        self.player.settle(&mut self.speaker);
        self.speaker.finish_step()
    }
}

fn duties(pack: &Pack, settings: &Settings, side: Role) -> Duties {
    let own = Span("close_time".to_owned());
    let linger = if settings.parameters.contains_key(&own.0) { own } else { Span(CLOSE_TIME.to_owned()) };
    let limit = pack.machines.of(side).largest_message.as_ref().map(|span| settings.size(span));
    Duties { pong: true, close: true, fail: true, limit, linger: Some(settings.duration(&linger)) }
}

/// What a machine remembers of one connection.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) state: String,
    pub(super) var: Value,
    pub(super) count: Value,
    /// Tokens of the running timers.
    pub(super) timers: HashMap<String, u64>,
}

/// Something that is due at its wake-up.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A timer fires.
    Timer { connection: ConnectionId, name: String, at: Duration, is_early: bool },
    /// Actions that were put off.
    Later { connection: ConnectionId, frame: Value, actions: Vec<Do>, is_bound: bool, is_early: bool },
    /// A wake-up that would be over by now, were it not for a fault.
    Overdue(u64),
}

/// The part of a machine that remembers. It speaks through whatever speaker it is given, so that a script can let it play.
#[derive(Clone, Debug)]
pub(super) struct Player {
    pack: Arc<Pack>,
    side: Role,
    pub(super) shared: Value,
    pub(super) total: Value,
    zero: Value,
    pub(super) conversations: BTreeMap<ConnectionId, Conversation>,
    pub(super) due: HashMap<u64, Due>,
    /// Stimuli that came while the only connection was still being made.
    asked: Vec<String>,
    /// Actions that set off actions, to stop a machine that goes in circles.
    pub(super) depth: usize,
    pub(super) is_leaving: bool,
    /// True for a whole peer, false for a guest on one connection of a script.
    pub(super) is_whole: bool,
    has_stopped: bool,
}

impl Player {
    pub(super) fn new(pack: Arc<Pack>, side: Role) -> Self {
        let machine = pack.machines.of(side);
        let (zero, total) = counters(machine);
        Self {
            shared: Value::Object(machine.shared.clone()),
            total,
            zero,
            conversations: BTreeMap::new(),
            due: HashMap::new(),
            asked: Vec::new(),
            depth: 0,
            is_leaving: false,
            is_whole: true,
            has_stopped: false,
            side,
            pack,
        }
    }

    /// A player of one connection that is already open, from this state on.
    pub(super) fn guest(pack: Arc<Pack>, speaker: &mut Speaker, connection: ConnectionId, state: &str, memory: Map<String, Value>) -> Self {
        let mut player = Self { is_whole: false, ..Self::new(pack, speaker.side) };
        player.remember(connection);
        if let Some(Value::Object(var)) = player.conversations.get_mut(&connection).map(|conversation| &mut conversation.var) {
            var.extend(memory);
        }
        player.with(speaker, |act| act.open(connection, state));
        player
    }

    fn begin(&mut self, speaker: &mut Speaker) {
        self.with(speaker, |act| act.perform(&act.machine.begin, 0, &Value::Null));
    }

    fn hear(&mut self, speaker: &mut Speaker, event: &Event) {
        let observations = speaker.hear(event);
        if let What::Opened { .. } | What::Request(_) = event.what {
            self.remember(event.connection);
        }
        self.measure(speaker, event);
        for observation in &observations {
            self.observe(speaker, observation);
        }
        if !speaker.is_dialing() {
            let asked = std::mem::take(&mut self.asked);
            for name in asked {
                self.stimulate(speaker, &name);
            }
        }
        if let What::Ended(_) = event.what {
            self.forget(speaker, event.connection);
        }
    }

    /// The other side did this.
    pub(super) fn observe(&mut self, speaker: &mut Speaker, observation: &Observation) {
        self.with(speaker, |act| act.observe(observation));
    }

    /// A wake-up came.
    pub(super) fn wake(&mut self, speaker: &mut Speaker, token: u64) {
        if let Some(connection) = speaker.woken(token) {
            // Whoever waits for the end must not wait for ever because the other side never ends its half.
            let value = serde_json::json!({"how": "finished", "why": "the other side did not end the stream in time"});
            let (at, from) = (speaker.now, self.side.other());
            self.observe(speaker, &Observation { at, connection, from, name: "end".to_owned(), value, event: 0 });
        }
        if let Some(due) = self.due.remove(&token) {
            self.with(speaker, |act| act.due(token, due));
        }
    }

    /// What comes before the connection is made waits for it: who types does not see the 101.
    fn stimulate(&mut self, speaker: &mut Speaker, name: &str) {
        if speaker.is_dialing() {
            return self.asked.push(name.to_owned());
        }
        let pack = Arc::clone(&self.pack);
        let stimuli = &pack.machines.of(self.side).stimuli;
        // A driver that knows only what a person would type may give the text instead of the name.
        let named = speaker.settings.stimuli.iter().find(|(_, text)| *text == name).map(|(named, _)| named.as_str());
        let actions = stimuli.get(name).or_else(|| stimuli.get(named?));
        if let Some(actions) = actions {
            let connection = speaker.newest().unwrap_or_default();
            self.with(speaker, |act| act.perform(actions, connection, &Value::Null));
        }
    }

    /// Lets timers hear what this side did, and stops once a peer that leaves has nothing left to wait for.
    pub(super) fn settle(&mut self, speaker: &mut Speaker) {
        let own = std::mem::take(&mut speaker.own);
        self.with(speaker, |act| own.iter().for_each(|observation| act.restart_timers(observation)));
        if self.is_whole && self.is_leaving && speaker.lines.values().all(super::speaker::Line::is_over) {
            self.has_stopped = true;
            speaker.act(Action::Stop);
        }
    }

    /// A new connection with the machine's own memory.
    pub(super) fn remember(&mut self, connection: ConnectionId) {
        let machine = self.pack.machines.of(self.side);
        self.conversations.entry(connection).or_insert_with(|| Conversation {
            state: String::new(),
            var: Value::Object(machine.memory.clone()),
            count: self.zero.clone(),
            timers: HashMap::new(),
        });
    }

    /// What a template sees of a connection when this set it off.
    pub(super) fn memory<'a>(&'a self, connection: ConnectionId, frame: &'a Value) -> Memory<'a> {
        let conversation = self.conversations.get(&connection);
        Memory {
            frame: Some(frame),
            var: Some(conversation.map_or(&Value::Null, |conversation| &conversation.var)),
            shared: Some(&self.shared),
            count: Some(conversation.map_or(&Value::Null, |conversation| &conversation.count)),
            total: Some(&self.total),
            saved: None,
            connection,
        }
    }

    /// Drops what nothing can ask for any more.
    fn forget(&mut self, speaker: &mut Speaker, connection: ConnectionId) {
        let is_awaited = |due: &Due| matches!(due, Due::Later { connection: other, .. } if *other == connection);
        if let Some(conversation) = self.conversations.get_mut(&connection) {
            conversation.timers.drain().for_each(|(_, token)| drop(self.due.remove(&token)));
        }
        if !self.due.values().any(is_awaited) {
            self.conversations.remove(&connection);
            speaker.forget(connection);
        }
    }

    fn measure(&self, speaker: &Speaker, event: &Event) {
        let largest = &self.pack.machines.of(self.side).largest_message;
        if let (What::Frame(frame), Some(largest), Some(line)) = (&event.what, largest, speaker.line(event.connection))
            && !frame.opcode.is_control()
        {
            speaker.quirks.measured(&speaker.settings, largest, line.policy.message_size());
        }
    }

    fn with(&mut self, speaker: &mut Speaker, then: impl FnOnce(&mut Act<'_>)) {
        let pack = Arc::clone(&self.pack);
        // A guest of a script keeps to the rules that the script may break.
        let is_free = std::mem::replace(&mut speaker.is_free, false);
        then(&mut Act { machine: pack.machines.of(self.side), player: self, speaker: &mut *speaker });
        speaker.is_free = is_free;
    }
}

/// Every counter that the machine names, at 0, so that a guard can ask for it before the first count: of a connection, and of all.
fn counters(machine: &machine::Machine) -> (Value, Value) {
    let (mut count, mut total) = (Map::new(), Map::new());
    let reactions = machine.states.values().flat_map(|state| &state.on).chain(&machine.always).chain(&machine.connecting);
    let mut lists: Vec<&[Do]> = vec![&machine.begin];
    lists.extend(reactions.map(|reaction| reaction.actions.as_slice()));
    lists.extend(machine.states.values().map(|state| state.enter.as_slice()));
    lists.extend(machine.timers.values().map(|timer| timer.actions.as_slice()));
    lists.extend(machine.stimuli.values().map(Vec::as_slice));
    while let Some(actions) = lists.pop() {
        for action in actions {
            match action {
                Do::Count(name) => drop(count.insert(name.clone(), Value::from(0))),
                Do::Total(name) => drop(total.insert(name.clone(), Value::from(0))),
                Do::Later(later) => lists.push(&later.actions),
                Do::When(when) => lists.extend([when.actions.as_slice(), when.otherwise.as_slice()]),
                _ => {}
            }
        }
    }
    (Value::Object(count), Value::Object(total))
}
