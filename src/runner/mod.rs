//! The only place with tokio, sockets and clocks. It carries bytes between a peer and a target and writes down what was said; it never judges.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::peer::Peer;
use crate::transcript::{Role, Transcript};

/// Bounds of one case.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// When it ends whatever happens.
    pub deadline: Duration,
    /// What it may cost.
    pub limits: Limits,
}

/// What one case may cost.
#[derive(Clone, Debug, Default)]
pub struct Limits {}

/// Ends sessions early from outside.
#[derive(Clone, Debug, Default)]
pub struct Stop {}

impl Stop {
    /// True once it was told to stop.
    pub fn is_stopped(&self) -> bool {
        false
    }
}

/// What is tested.
#[derive(Clone, Debug)]
pub enum Target {
    /// A server.
    Server(ServerTarget),
    /// A client command.
    Client(ClientTarget),
}

/// A server.
#[derive(Clone, Debug)]
pub struct ServerTarget {}

/// A client command.
#[derive(Clone, Debug, Default)]
pub struct ClientTarget {
    /// The command.
    pub command: String,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Its working directory.
    pub directory: Option<PathBuf>,
    /// Replacements.
    pub tokens: BTreeMap<String, String>,
    /// Stimuli.
    pub stimuli: BTreeMap<String, String>,
    /// The path.
    pub path: String,
}

/// Plays two peers.
pub fn embedded(harness: &mut dyn Peer, target: &mut dyn Peer, side_under_test: Role, bounds: &Bounds) -> Transcript {
    let _ = (harness, target, side_under_test, bounds);
    Transcript::default()
}

/// Plays against a target.
pub fn live(harness: &mut dyn Peer, target: &Target, bounds: &Bounds, stop: &Stop) -> Transcript {
    let _ = (harness, target, bounds, stop);
    Transcript::default()
}
