//! `machine.yaml`: how a reference peer of either side behaves. `peer::machine` plays it; checks never read it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::parameter::Span;
use super::pattern::Pattern;
use super::scenario::{CloseStep, Control, Open, Raw, Send};
use crate::transcript::Role;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machines {
    /// The reference server.
    pub server: Machine,
    /// The reference client.
    pub client: Machine,
}

impl Machines {
    /// The machine that plays this side.
    pub fn of(&self, side: Role) -> &Machine {
        match side {
            Role::Server => &self.server,
            Role::Client => &self.client,
        }
    }
}

/// One side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// What every connection remembers at its beginning, as `${var.…}`.
    #[serde(default)]
    pub memory: Map<String, Value>,
    /// What all connections share at the beginning, as `${shared.…}`.
    #[serde(default)]
    pub shared: Map<String, Value>,
    /// What it does before anything else (a client opens its connection).
    #[serde(default)]
    pub begin: Vec<Do>,
    /// What a server does with `upgrade` and `request`, first fit; what a client does with `refuse` and `response`.
    #[serde(default)]
    pub connecting: Vec<Reaction>,
    /// The state of a connection after its 101.
    pub start: String,
    /// The states of a connection.
    pub states: IndexMap<String, State>,
    /// Reactions in every state, tried after the state's own.
    #[serde(default)]
    pub always: Vec<Reaction>,
    /// Timers of a connection.
    #[serde(default)]
    pub timers: IndexMap<String, Timer>,
    /// What it does when it is stimulated from outside, by the stimulus's name. On the newest connection.
    #[serde(default)]
    pub stimuli: IndexMap<String, Vec<Do>>,
    /// The largest message it takes; a larger one is answered with close 1009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_message: Option<Span>,
}

/// A state of a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What it does on entering.
    #[serde(default)]
    pub enter: Vec<Do>,
    /// What it does on observations, first fit. What fits nothing is ignored.
    #[serde(default)]
    pub on: Vec<Reaction>,
}

/// What to do when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    /// A name, so that a fault can switch it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The observation. Its value is `${frame.…}` in what follows.
    pub on: Pattern,
    /// A tree over `frame`, `var`, `shared`, `count`, `parameter`, `credential` and `stimulus` that must fit too. Templates allowed, in keys
    /// as well.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub guard: Option<Value>,
    /// What to do, in order.
    #[serde(default, rename = "do")]
    pub actions: Vec<Do>,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Do {
    /// Send a frame of the catalogue. `connection` is a template that gives a connection's number, or `others`.
    Send(Send),
    /// Send some other message.
    Message(Raw),
    /// Send a ping.
    Ping(Control),
    /// Send a close frame, wait for the answer, end the stream.
    Close(CloseStep),
    /// End the stream without a close frame.
    End(Empty),
    /// Abort the stream.
    Reset(Empty),
    /// Answer the upgrade with 101 and these header fields beside those of RFC 6455.
    Accept(Headers),
    /// Answer the request with another status.
    Respond(Respond),
    /// Open a connection (client).
    Open(Open),
    /// Change the state.
    Go(String),
    /// Set variables of the connection, `${var.NAME}`. Templates allowed, in names as well.
    Remember(Map<String, Value>),
    /// Set shared variables, `${shared.NAME}`. Templates allowed, in names as well.
    Share(Map<String, Value>),
    /// Remove shared variables. Templates allowed.
    Forget(Vec<String>),
    /// Add one to a counter of the connection, `${count.NAME}`, which begins at 0.
    Count(String),
    /// Add one to a shared counter, `${total.NAME}`, which begins at 0.
    Total(String),
    /// Start, or start anew, a timer.
    Start(String),
    /// Stop a timer.
    Stop(String),
    /// Do something after a while, unless the connection is gone by then (a client's `open` is done all the same).
    Later(Later),
    /// Do something only if a guard fits.
    When(When),
    /// End the peer's work: a client that is done.
    Leave(Empty),
}

/// Nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Header fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headers {
    /// By name. Templates allowed.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
}

/// An HTTP response other than 101.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Respond {
    /// The status.
    pub status: u16,
    /// Header fields.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body: text as it is, anything else as JSON with that content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Something to do after a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// After how long.
    pub after: Span,
    /// What.
    #[serde(rename = "do")]
    pub actions: Vec<Do>,
}

/// Something to do only if a guard fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// As in [`Reaction::guard`].
    #[serde(rename = "if")]
    pub guard: Value,
    /// What then.
    #[serde(rename = "do")]
    pub actions: Vec<Do>,
    /// What otherwise.
    #[serde(default)]
    pub otherwise: Vec<Do>,
}

/// A timer of a connection. Exactly one of `after` and `every`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    /// Fires once, so long after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Fires again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// True if it starts with the connection's 101; else a `start` action starts it.
    #[serde(default)]
    pub running: bool,
    /// Observations that start it anew while it runs.
    #[serde(default)]
    pub restart: Vec<Pattern>,
    /// What it does.
    #[serde(rename = "do")]
    pub actions: Vec<Do>,
}
