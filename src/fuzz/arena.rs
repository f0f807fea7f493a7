//! Where a case is played: against the reference peers, against any other peer in memory, or against a live target.
//!
//! A server that framegate started itself is [`super::keeper`]'s.

use crate::peer::{Peer, faulty};
use crate::plan::Case;
use crate::runner::{ServerTarget, Stop, Target};
use crate::suite::{Bound, Holding, Options, Subject, run_case, trial};
use crate::transcript::Role;
use crate::verdict::{CaseResult, Finding};

/// Plays cases. Several threads may do so at once.
pub trait Arena: Sync {
    /// Plays a case and judges it by the pack's rules.
    fn play(&self, bound: &Bound, case: &Case) -> CaseResult;

    /// The server behind it, where very many tries may be brought to it on connections that they share.
    fn server(&self) -> Option<(ServerTarget, Stop)> {
        None
    }

    /// True if everything is to end.
    fn is_stopped(&self) -> bool {
        self.server().is_some_and(|(_, stop)| stop.is_stopped())
    }

    /// What has befallen the process behind it since it was last asked, beside what tries of their own have shown: its end, and memory
    /// that only grows.
    fn misfortunes(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// The reference peers of the pack.
#[derive(Clone, Copy, Debug)]
pub struct Reference;

impl Arena for Reference {
    fn play(&self, bound: &Bound, case: &Case) -> CaseResult {
        let (mut peer, _) = faulty(bound.pack.clone(), bound.settings.clone(), case.side, &[]);
        trial(bound, case, &mut *peer)
    }
}

/// Peers in memory, a new one for each case.
pub struct Peers<F>(pub F);

impl<F: Fn(&Bound, Role) -> Box<dyn Peer> + Sync> Arena for Peers<F> {
    fn play(&self, bound: &Bound, case: &Case) -> CaseResult {
        trial(bound, case, &mut *self.0(bound, case.side))
    }
}

/// What `framegate run` tests too: the embedded peers with or without a fault, or a live target.
#[derive(Clone, Debug)]
pub struct Lane {
    /// What is tested.
    pub subject: Subject,
    /// What is taken out of every result.
    pub options: Options,
    /// Ends cases from outside.
    pub stop: Stop,
}

impl Lane {
    /// Tries are looked at as they come: their transcripts stay whole, whatever the options say of keeping them.
    pub fn new(subject: Subject, options: Options, stop: Stop) -> Self {
        Self { subject, options: Options { holding: Holding::passing(), ..options }, stop }
    }
}

impl Arena for Lane {
    fn play(&self, bound: &Bound, case: &Case) -> CaseResult {
        run_case(bound, case, &self.subject, &self.options, &self.stop)
    }

    fn server(&self) -> Option<(ServerTarget, Stop)> {
        match &self.subject {
            Subject::Live(Target::Server(server)) if !server.is_secure() => Some((server.clone(), self.stop.clone())),
            _ => None,
        }
    }
}
