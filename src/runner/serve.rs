//! A peer on a real socket for as long as it likes: what `framegate peer` does. Nothing is kept, so memory stays flat.

use std::io;
use std::net::SocketAddr;

use tokio::task::JoinHandle;

use super::clock::Clock;
use super::live::{PATIENCE, block_on};
use super::log::Log;
use super::session::{Inbox, Reach, Session, Setup};
use super::stimuli::{Prompts, Stimuli};
use super::target::ServerTarget;
use super::{Limits, Notice, Stop, listener};
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
/// 0), `observer` each event as it happens; `prompts` make the
/// peer do things.
pub fn serve(
    peer: &mut dyn Peer,
    listen: SocketAddr,
    on_ready: &mut dyn FnMut(SocketAddr),
    prompts: &Prompts,
    stop: &Stop,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), ServeError> {
    let served = block_on(async {
        let (listener, address) = listener::bind(listen).await.map_err(|source| ServeError::Listen { address: listen, source })?;
        let setup = setup(Role::Server, Reach::Nowhere, stop, observer);
        let acceptor = tokio::spawn(listener::accept(listener, setup.inbox.sender.clone()));
        let prompter = forward(prompts, &setup.inbox);
        on_ready(address);
        Session::new(peer, setup).run().await;
        acceptor.abort();
        prompter.abort();
        Ok(())
    });
    served.map_err(ServeError::Runtime)?
}

/// Plays a client against this server until it stops or is ended. `prompts` make the peer do things.
pub fn dial(
    peer: &mut dyn Peer,
    server: &ServerTarget,
    prompts: &Prompts,
    stop: &Stop,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), ServeError> {
    let dialed = block_on(async {
        let setup = setup(Role::Client, Reach::Server(server.clone()), stop, observer);
        let prompter = forward(prompts, &setup.inbox);
        Session::new(peer, setup).run().await;
        prompter.abort();
    });
    dialed.map_err(ServeError::Runtime)
}

/// Hands what is given to the session.
fn forward(prompts: &Prompts, inbox: &Inbox) -> JoinHandle<()> {
    let (prompts, sender) = (prompts.clone(), inbox.sender.clone());
    tokio::spawn(async move { while sender.send(Notice::Stimulus(prompts.next().await)).await.is_ok() {} })
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
