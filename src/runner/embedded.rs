//! Two peers against each other, in memory and in virtual time.

use std::pin::pin;

use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use super::clock::Clock;
use super::log::Log;
use super::session::{Inbox, Reach, Session, Setup};
use super::stimuli::Stimuli;
use super::{Bounds, Notice, Stop, failed};
use crate::peer::Peer;
use crate::transcript::{Role, Transcript};

/// How often all else may run before a timer of the harness is due. More than the target's: what the target does at an instant counts
/// as done before the harness loses its patience at the same instant.
const HARNESS_PATIENCE: usize = 16;
const TARGET_PATIENCE: usize = 4;

/// How often all else may run before a stimulus reaches the target: what the harness sent before it arrives before it. Less than the
/// harness's own, which goes on when the stimulus has arrived.
const STIMULUS_PATIENCE: usize = 8;

/// Lets two peers talk to each other until the harness stops or the deadline passes; gives what the harness saw and did.
///
/// Time is virtual: it passes only while both wait. The same peers give the same transcript, byte for byte.
pub fn embedded(harness: &mut dyn Peer, target: &mut dyn Peer, side_under_test: Role, bounds: &Bounds) -> Transcript {
    match Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime.block_on(converse(harness, target, side_under_test, bounds)),
        Err(error) => failed(side_under_test.other(), &format!("no runtime: {error}")),
    }
}

async fn converse(harness: &mut dyn Peer, target: &mut dyn Peer, side_under_test: Role, bounds: &Bounds) -> Transcript {
    let clock = Clock::paused();
    let (to_harness, to_target) = (Inbox::new(), Inbox::new());
    let (names, stimuli) = mpsc::unbounded_channel();
    tokio::spawn(pass_on(stimuli, to_target.sender.clone()));
    let role = side_under_test.other();
    let (harness_reach, target_reach) = match role {
        Role::Client => (Reach::Memory(to_target.sender.clone()), Reach::Nowhere),
        Role::Server => (Reach::Nowhere, Reach::Memory(to_harness.sender.clone())),
    };
    let target_setup = Setup {
        role: side_under_test,
        clock: clock.clone(),
        deadline: None,
        limits: bounds.limits.clone(),
        log: Log::nothing(),
        stop: Stop::default(),
        reach: target_reach,
        stimuli: Stimuli::Nothing,
        patience: TARGET_PATIENCE,
        inbox: to_target,
    };
    let harness_setup = Setup {
        role,
        clock,
        deadline: Some(bounds.deadline),
        limits: bounds.limits.clone(),
        log: Log::transcript(&bounds.limits),
        stop: Stop::default(),
        reach: harness_reach,
        stimuli: Stimuli::Names(names),
        patience: HARNESS_PATIENCE,
        inbox: to_harness,
    };
    let target = Session::new(target, target_setup);
    let harness = Session::new(harness, harness_setup);
    watch(target, harness).await.into_transcript()
}

/// Runs both until the harness is done. The target goes first: a server listens before it is dialed.
async fn watch<'a>(target: Session<'_>, harness: Session<'a>) -> Log<'a> {
    let mut target = pin!(target.run());
    let mut harness = pin!(harness.run());
    let mut target_runs = true;
    loop {
        tokio::select! {
            biased;
            _ = &mut target, if target_runs => target_runs = false,
            log = &mut harness => return log,
        }
    }
}

async fn pass_on(mut names: mpsc::UnboundedReceiver<String>, target: mpsc::Sender<Notice>) {
    while let Some(name) = names.recv().await {
        for _ in 0..STIMULUS_PATIENCE {
            yield_now().await;
        }
        if target.send(Notice::Stimulus(name)).await.is_err() {
            return;
        }
    }
}
