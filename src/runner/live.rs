//! One case against a target on the other side of a socket, in real time.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::runtime::{Builder, Runtime};

use super::clock::Clock;
use super::log::Log;
use super::session::{Inbox, Reach, Session, Setup};
use super::stimuli::Stimuli;
use super::target::{ClientTarget, ServerTarget, Target};
use super::{Bounds, Stop, failed, listener, process};
use crate::peer::Peer;
use crate::transcript::{Event, Role, Transcript, What};

/// How often other tasks may run before a timer is due: what has arrived by now comes first.
pub(super) const PATIENCE: usize = 2;

/// Lets a peer talk to a target until the peer stops, the deadline passes, or somebody ends it; gives what was said.
///
/// A target that cannot be reached, or that ends, is no failure of the harness: the transcript says so.
pub fn live(harness: &mut dyn Peer, target: &Target, bounds: &Bounds, stop: &Stop) -> Transcript {
    let role = target.side().other();
    let played = block_on(async {
        match target {
            Target::Server(server) => Ok(against_server(harness, server, bounds, stop).await),
            Target::Client(client) => against_client(harness, client, bounds, stop).await,
        }
    });
    played.and_then(|result| result).unwrap_or_else(|error| failed(role, &format!("the case could not begin: {error}")))
}

/// Runs this on a runtime of its own. What may still hang in the system afterwards, such as a slow name server, is not waited for.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(result)
}

async fn against_server(harness: &mut dyn Peer, server: &ServerTarget, bounds: &Bounds, stop: &Stop) -> Transcript {
    let reach = Reach::Server(server.clone());
    let inbox = Inbox::new();
    let stimuli = Stimuli::Hooks(server.hooks().clone(), inbox.sender.clone());
    let setup = setup(Role::Client, bounds, stop, reach, stimuli, inbox);
    Session::new(harness, setup).run().await.into_transcript()
}

async fn against_client(harness: &mut dyn Peer, client: &ClientTarget, bounds: &Bounds, stop: &Stop) -> io::Result<Transcript> {
    let (listener, address) = listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let inbox = Inbox::new();
    let process = process::start(client, address.port(), inbox.sender.clone())?;
    tokio::spawn(listener::accept(listener, inbox.sender.clone()));
    let stimuli = Stimuli::Texts(client.stimuli.clone(), process.lines());
    let setup = setup(Role::Server, bounds, stop, Reach::Nowhere, stimuli, inbox);
    let clock = setup.clock.clone();
    let mut transcript = Session::new(harness, setup).run().await.into_transcript();
    let ended = process.end().await;
    let is_known = transcript.events.iter().any(|event| matches!(event.what, What::Exited(_)));
    if !is_known {
        transcript.events.push(Event { at: clock.now(), connection: 0, from: Role::Client, what: What::Exited(ended) });
    }
    Ok(transcript)
}

fn setup<'a>(role: Role, bounds: &Bounds, stop: &Stop, reach: Reach, stimuli: Stimuli, inbox: Inbox) -> Setup<'a> {
    Setup {
        role,
        clock: Clock::watched(),
        deadline: Some(bounds.deadline),
        limits: bounds.limits.clone(),
        log: Log::transcript(&bounds.limits),
        stop: stop.clone(),
        reach,
        stimuli,
        patience: PATIENCE,
        inbox,
    }
}
