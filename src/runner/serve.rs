//! A peer on a real socket for as long as it likes: what `framegate peer` does. Nothing is kept, so memory stays flat.

use std::io;
use std::net::SocketAddr;

use super::clock::Clock;
use super::live::{PATIENCE, block_on};
use super::log::Log;
use super::session::{Inbox, Reach, Session, Setup};
use super::stimuli::Stimuli;
use super::target::ServerTarget;
use super::{Limits, Stop, listener};
use crate::peer::Peer;
use crate::transcript::{Event, Role};

/// Why a peer cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no resources to run at all.
    #[error("cannot run: {0}")]
    Runtime(io::Error),
}

/// Plays a server on this address until it stops or is ended. `on_ready` is told the address once it listens (the port may have been
/// 0), `observer` each event as it happens.
pub fn serve(
    peer: &mut dyn Peer,
    listen: SocketAddr,
    on_ready: &mut dyn FnMut(SocketAddr),
    stop: &Stop,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), ServeError> {
    let served = block_on(async {
        let (listener, address) = listener::bind(listen).await.map_err(|source| ServeError::Listen { address: listen, source })?;
        let setup = setup(Role::Server, Reach::Nowhere, stop, observer);
        let acceptor = tokio::spawn(listener::accept(listener, setup.inbox.sender.clone()));
        on_ready(address);
        Session::new(peer, setup).run().await;
        acceptor.abort();
        Ok(())
    });
    served.map_err(ServeError::Runtime)?
}

/// Plays a client against this server until it stops or is ended.
pub fn dial(peer: &mut dyn Peer, server: &ServerTarget, stop: &Stop, observer: &mut dyn FnMut(&Event)) -> Result<(), ServeError> {
    let dialed = block_on(async {
        let setup = setup(Role::Client, Reach::Server(server.clone()), stop, observer);
        Session::new(peer, setup).run().await;
    });
    dialed.map_err(ServeError::Runtime)
}

fn setup<'a>(role: Role, reach: Reach, stop: &Stop, observer: &'a mut dyn FnMut(&Event)) -> Setup<'a> {
    Setup {
        role,
        clock: Clock::unwatched(),
        deadline: None,
        limits: Limits::default(),
        log: Log::observer(observer),
        stop: stop.clone(),
        reach,
        stimuli: Stimuli::Nothing,
        patience: PATIENCE,
        inbox: Inbox::new(),
    }
}
