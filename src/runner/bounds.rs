//! What a case may take: time, memory, connections. And the handle that ends it early.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Share;

/// What one case may take.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// It ends then, whatever happens; the transcript says so.
    pub deadline: Duration,
    /// How much it may hold in memory.
    pub limits: Limits,
}

impl Bounds {
    /// This deadline with the usual limits.
    pub fn new(deadline: Duration) -> Self {
        Self { deadline, limits: Limits::default() }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(Duration::from_secs(60))
    }
}

/// How much a session holds in memory, whatever the other side sends.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a frame's payload that are kept; the rest is counted.
    pub frame: usize,
    /// Bytes of a whole transcript. The connection that passes it is aborted.
    pub transcript: usize,
    /// Bytes that wait for a target that does not read. The connection that passes it is aborted.
    pub backlog: usize,
    /// Connections that are open at once; more are not taken from the listener.
    pub connections: usize,
    /// Events at one instant of virtual time, before the case counts as one that runs in circles.
    pub instant: usize,
    /// What it holds of what all sessions beside it may hold together.
    pub share: Share,
}

impl Limits {
    /// The limits of a session that has others beside it, against a target that may send anything.
    pub fn beside_others(share: Share) -> Self {
        Self { frame: 4 * MIB, transcript: 16 * MIB, backlog: 16 * MIB, share, ..Self::default() }
    }
}

const MIB: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        let share = Share::unlimited();
        Self { frame: 16 * MIB, transcript: 64 * MIB, backlog: 64 * MIB, connections: 1000, instant: 100_000, share }
    }
}

/// Ends sessions from outside. Clones are the same handle; any thread may use it.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// A handle that has not been used yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Ends every session that was given this handle, and every one that will be.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// True once the end was requested.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Comes back when the end is requested.
    pub(super) async fn requested(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = receiver.wait_for(|requested| *requested).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
