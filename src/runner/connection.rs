//! One connection: the task that owns its stream, turns what it reads into notices and writes what it is ordered to.
//!
//! It decides nothing; the session does. It never blocks the session, and is blocked by it as soon as notices pile up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::inlet::Inlet;
use super::outlet::Outlet;
use super::stream::Stream;
use super::target::ServerTarget;
use super::{Limits, Notice};
use crate::transcript::{ConnectionId, Ending, Role, What};

/// How long a head waits for the rest of its body before it is given out without.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// How long an ended connection still reads, so that what it sent last is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);

/// How long a connection that nobody needs any more may take to write what it still holds.
const LEAVE: Duration = Duration::from_secs(10);

/// An event of this many bytes takes a place more in the queue of notices.
const HEAVY: usize = 64 * 1024;

/// What a session tells a connection to do.
#[derive(Debug)]
pub(super) enum Order {
    Write(Vec<u8>),
    /// What is read from here on are frames.
    ExpectFrames,
    /// End the sending half after what was written so far.
    Finish,
    /// End the stream after what was written so far.
    End,
    /// Abort the stream at once.
    Reset,
    /// Stop or resume reading.
    Read(bool),
}

/// Where a connection's stream comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// It is open already.
    Given(Stream),
    /// A stream in memory, whose far end is given to the session that takes these notices.
    Memory(mpsc::Sender<Notice>),
    /// A server on the network.
    Server(ServerTarget),
}

impl Origin {
    async fn open(self) -> Result<Stream, Ending> {
        match self {
            Self::Given(stream) => Ok(stream),
            Self::Memory(notices) => {
                let (near, far) = Stream::pair();
                let gone = |_| Ending::Unreachable("the target has stopped".to_owned());
                notices.send(Notice::Accepted(far)).await.map_err(gone)?;
                Ok(near)
            }
            Self::Server(server) => super::dial::dial(&server).await,
        }
    }
}

/// A session's end of a connection. Dropping it ends the connection after what was written so far.
#[derive(Debug)]
pub(super) struct Handle {
    orders: mpsc::UnboundedSender<Order>,
    backlog: Arc<AtomicUsize>,
}

impl Handle {
    /// Gives an order. A connection that is gone already takes none, and nobody minds.
    pub(super) fn order(&self, order: Order) {
        if let Order::Write(bytes) = &order {
            self.backlog.fetch_add(bytes.len(), Ordering::Relaxed);
        }
        let _ = self.orders.send(order);
    }

    /// Bytes that were ordered to be written and are not yet.
    pub(super) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }
}

/// A connection and its task, which wants to be spawned. `reads` is the side whose bytes are read.
pub(super) fn connect(
    id: ConnectionId,
    origin: Origin,
    reads: Role,
    limits: &Limits,
    notices: mpsc::Sender<Notice>,
) -> (Handle, impl Future<Output = ()> + Send + use<>) {
    let (orders, received) = mpsc::unbounded_channel();
    let backlog = Arc::new(AtomicUsize::new(0));
    let handle = Handle { orders, backlog: Arc::clone(&backlog) };
    (handle, dial(id, origin, reads, limits.clone(), notices, received, backlog))
}

async fn dial(
    id: ConnectionId,
    origin: Origin,
    reads: Role,
    limits: Limits,
    notices: mpsc::Sender<Notice>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    backlog: Arc<AtomicUsize>,
) {
    let is_dialed = !matches!(origin, Origin::Given(_));
    let opened = if is_dialed {
        tokio::select! {
            biased;
            // Before it is open, a connection is only ever told to go away.
            _ = orders.recv() => return,
            opened = origin.open() => opened,
        }
    } else {
        origin.open().await
    };
    let notice = match &opened {
        Ok(_) => Notice::Opened(id),
        Err(ending) => Notice::Arrived(id, What::Ended(ending.clone())),
    };
    if is_dialed && notices.send(notice).await.is_err() {
        return;
    }
    if let Ok(stream) = opened {
        let (reading, writing) = tokio::io::split(stream);
        let inlet = Inlet::new(reading, reads, &limits);
        let outlet = Outlet::new(writing, backlog);
        Connection { id, inlet, outlet, orders, notices, fate: Fate::Stay }.run().await;
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stay,
    /// It was ended: it writes the rest, then reads until the other side has ended too, or until this time.
    Linger(Option<Instant>),
    /// Nobody listens any more: it writes the rest, at most until this time.
    Leave(Instant),
    /// The other side flooded it: it is aborted as soon as its last notices are taken.
    Flooded,
}

struct Connection {
    id: ConnectionId,
    inlet: Inlet,
    outlet: Outlet,
    orders: mpsc::UnboundedReceiver<Order>,
    notices: mpsc::Sender<Notice>,
    fate: Fate,
}

enum Turn {
    Ordered(Option<Order>),
    Written(io::Result<()>),
    Delivered(bool),
    Read(io::Result<usize>),
    Patience,
    Expired,
}

impl Connection {
    async fn run(mut self) {
        while !self.is_over() {
            match self.turn().await {
                Turn::Ordered(None) | Turn::Delivered(false) => self.leave(),
                Turn::Ordered(Some(Order::Reset)) => return self.reset(),
                Turn::Ordered(Some(order)) => self.obey(order),
                Turn::Written(Ok(())) | Turn::Delivered(true) => {}
                Turn::Written(Err(error)) => self.give_up_writing(&error),
                Turn::Read(result) => self.inlet.take(result),
                Turn::Patience => self.inlet.give_up_body(),
                Turn::Expired => return,
            }
        }
        if self.fate == Fate::Flooded {
            return self.reset();
        }
        // A session that is gone needs no word of it.
        let _ = self.notices.send(Notice::Gone(self.id)).await;
    }

    async fn turn(&mut self) -> Turn {
        let delivers = self.inlet.has_event() && !matches!(self.fate, Fate::Leave(_));
        let reads = self.inlet.wants_bytes() && !matches!(self.fate, Fate::Leave(_));
        let patience = self.inlet.waits_for_body_since().map(|since| since + BODY_PATIENCE);
        // What is large waits for a queue in which little else waits.
        let places = (1 + self.inlet.weight() / HEAVY).min(self.notices.max_capacity());
        let expiry = match self.fate {
            Fate::Linger(expiry) => expiry,
            Fate::Leave(expiry) => Some(expiry),
            Fate::Stay | Fate::Flooded => None,
        };
        tokio::select! {
            biased;
            order = self.orders.recv(), if !matches!(self.fate, Fate::Leave(_)) => Turn::Ordered(order),
            result = self.outlet.push(), if self.outlet.has_work() => Turn::Written(result),
            permits = self.notices.reserve_many(places), if delivers => Turn::Delivered(match (permits, self.inlet.pop()) {
                (Ok(mut permits), Some(what)) => {
                    if let Some(permit) = permits.next() {
                        permit.send(Notice::Arrived(self.id, what));
                    }
                    true
                }
                (permits, _) => permits.is_ok(),
            }),
            result = self.inlet.read(), if reads => Turn::Read(result),
            () = at(patience), if patience.is_some() => Turn::Patience,
            () = at(expiry), if expiry.is_some() => Turn::Expired,
            else => Turn::Expired,
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Write(bytes) => self.outlet.write(bytes),
            Order::ExpectFrames => self.inlet.expect_frames(),
            Order::Finish => self.outlet.shut(),
            Order::End => {
                self.outlet.shut();
                self.fate = Fate::Linger(None);
            }
            Order::Read(on) => self.inlet.switch(on),
            // Handled before: it takes the connection apart.
            Order::Reset => {}
        }
    }

    fn leave(&mut self) {
        self.outlet.shut();
        self.fate = Fate::Leave(Instant::now() + LEAVE);
    }

    /// What was written is lost. The reading half says how the stream ended; but where the writing half was told of a reset first,
    /// the system does not tell the reading half again.
    fn give_up_writing(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionReset {
            self.inlet.remember_reset();
        }
        self.outlet.give_up();
    }

    fn is_over(&mut self) -> bool {
        if self.inlet.is_flooded() && !matches!(self.fate, Fate::Leave(_)) {
            self.fate = Fate::Flooded;
        }
        let is_written = !self.outlet.has_work();
        let is_read = self.inlet.is_over();
        match &mut self.fate {
            Fate::Stay => false,
            Fate::Flooded => is_read,
            Fate::Leave(_) => is_written,
            Fate::Linger(expiry) => {
                if is_written && expiry.is_none() {
                    *expiry = Some(Instant::now() + LINGER);
                }
                is_written && (is_read || !self.inlet.is_on())
            }
        }
    }

    fn reset(self) {
        self.inlet.into_half().unsplit(self.outlet.into_half()).reset();
    }
}

/// Comes back at this time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
