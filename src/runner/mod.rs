//! The only place with tokio, sockets and clocks. It carries bytes between a peer and a target and writes down what was said.
//!
//! It never judges, and never acts by itself: no pong, no close, no frame that its peer did not ask for.
//!
//! ```text
//!   peer ◄─ inputs ── session ── orders ─► connection ── bytes ─► stream (memory, TCP, TLS)
//!        ── actions ►    │     ◄─ notices ─   inlet    ◄─ bytes ──
//!                        ▼                    outlet
//!                       log (transcript)
//! ```
//!
//! ```
//! use framegate::peer::{Action, Input, Peer};
//! use framegate::runner::{Bounds, embedded};
//! use framegate::transcript::{Ending, Event, Request, Response, Role, What};
//!
//! /// Dials, and stops when the connection ends.
//! struct Client;
//! /// Refuses every request.
//! struct Server;
//!
//! impl Peer for Client {
//!     fn step(&mut self, _: std::time::Duration, input: Input<'_>) -> Vec<Action> {
//!         match input {
//!             Input::Start => {
//!                 let request = Request::upgrade("", "/socket", "dGhlIHNhbXBsZSBub25jZQ==");
//!                 vec![Action::Open { connection: 1, session: "main".to_owned(), request }]
//!             }
//!             Input::Event(Event { what: What::Ended(_), .. }) => vec![Action::Stop],
//!             _ => vec![],
//!         }
//!     }
//! }
//!
//! impl Peer for Server {
//!     fn step(&mut self, _: std::time::Duration, input: Input<'_>) -> Vec<Action> {
//!         match input {
//!             Input::Event(Event { connection, what: What::Request(_), .. }) => {
//!                 vec![Action::Respond { connection: *connection, response: Response::new(401) }]
//!             }
//!             _ => vec![],
//!         }
//!     }
//! }
//!
//! let transcript = embedded(&mut Client, &mut Server, Role::Server, &Bounds::default());
//! assert_eq!(transcript.events.last().unwrap().what, What::Ended(Ending::Finished));
//! ```

mod body;
mod bounds;
mod budget;
mod channel;
mod clock;
mod connection;
mod dial;
mod embedded;
mod group;
mod hook;
mod http;
mod incoming;
mod inlet;
mod listener;
mod live;
mod log;
pub mod memory;
mod outlet;
mod probe;
mod process;
mod serve;
mod service;
mod session;
mod stimuli;
mod stream;
mod target;
#[cfg(feature = "tls")]
mod tls;
pub mod wire;

use std::time::Duration;

pub use bounds::{Bounds, Limits, Stop};
pub use budget::{Budget, Share};
pub use channel::{Channel, Pause, Piece, Tide};
pub use embedded::embedded;
pub use group::kill_processes;
pub use hook::Hooks;
pub use http::{encode_request, encode_response};
pub use live::live;
pub use probe::{Unreachable, round_trip};
pub use serve::{ServeError, dial, serve};
pub use service::{Probe, Service, ServiceError, ServiceTarget};
pub use stimuli::Prompts;
pub use target::{ClientTarget, ServerTarget, Target, TargetError, Tls, fill};
#[cfg(feature = "tls")]
pub use tls::TlsError;

use crate::transcript::{ConnectionId, Event, Mark, Process, Role, Transcript, What};

/// What a session is told by its connections and by the world around it.
#[derive(Debug)]
enum Notice {
    /// The other side opened a connection.
    Accepted(stream::Stream),
    /// A connection that this side wanted is open.
    Opened(ConnectionId),
    /// The other side did something on a connection.
    Arrived(ConnectionId, What),
    /// A connection is over and its task has ended.
    Gone(ConnectionId),
    /// Somebody wants the peer to do this.
    Stimulus(String),
    /// The process under test ended.
    Exited(Process),
    /// The harness could not do something.
    Failed(String),
}

/// The transcript of a case that the harness could not even begin.
fn failed(role: Role, problem: &str) -> Transcript {
    let what = What::Mark(Mark::Failed(problem.to_owned()));
    Transcript { events: vec![Event { at: Duration::ZERO, connection: 0, from: role, what }] }
}
