//! Steps that wait: what each waits for, and whether it has come. How they begin is in [`super::step`].

use std::time::Duration;

use super::Script;
use super::step::kept;
use crate::pack::pattern::Pattern;
use crate::pack::scenario::{Accept, Expect, Meaning, Refuse, Step};
use crate::peer::ledger::{Found, MAIN, Place, Wanted, is_elsewhere};
use crate::peer::machine::Player;
use crate::peer::outgoing::SendError;
use crate::peer::speaker::Line;
use crate::transcript::{ConnectionId, Response, Role};

/// What the current step waits for; the token is that of the wake-up that ends it.
#[derive(Clone, Debug)]
pub(super) enum Pause {
    Expect { wanted: Vec<Wanted>, place: Place, since: usize, deadline: Duration, token: u64 },
    Meet { token: u64 },
    Wait { until: Option<Pattern>, token: u64 },
    Play { player: Box<Player>, connection: ConnectionId, until: Option<Pattern>, token: u64 },
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Waiting,
    /// It waited in vain.
    Unmet,
    /// Something came that is worse than nothing.
    Broken,
}

impl Script {
    /// Whether what the current step waits for has come. What was heard before `heard` was looked at before.
    pub(super) fn check_pause(&mut self, heard: usize) -> Result<Outcome, SendError> {
        match &self.pause {
            Some(Pause::Expect { .. }) => Ok(self.check_expected()),
            Some(Pause::Meet { .. }) => self.check_meeting(),
            Some(Pause::Wait { until, .. }) => {
                Ok(if self.has_happened(until.as_ref(), None, heard) { Outcome::Done } else { Outcome::Waiting })
            }
            Some(Pause::Play { .. }) => Ok(self.check_play(heard)),
            None => Ok(Outcome::Done),
        }
    }

    fn check_expected(&mut self) -> Outcome {
        self.give_expected_name();
        let Some(Step::Expect(expect)) = self.steps.get(self.at) else { return Outcome::Done };
        let Some(Pause::Expect { wanted, place, since, deadline, .. }) = &self.pause else { return Outcome::Done };
        match self.ledger.look(place, *since, wanted, expect.next) {
            Found::Fitting(index, meaning) if self.ledger.heard(index).is_some_and(|heard| heard.at <= *deadline) => {
                let name = expect.name.clone();
                self.take(index, name.as_deref());
                if meaning == Some(Meaning::Fail) { Outcome::Broken } else { Outcome::Done }
            }
            Found::Fitting(..) | Found::Wrong => Outcome::Unmet,
            Found::Nothing if self.is_hopeless() || self.is_deserted() => Outcome::Unmet,
            Found::Nothing => {
                self.skip_what_was_seen();
                Outcome::Waiting
            }
        }
    }

    /// What does not fit now will not fit later either. But where the connection has no name yet, its past was not looked at.
    fn skip_what_was_seen(&mut self) {
        let length = self.ledger.length();
        if let Some(Pause::Expect { place: Place::One(_) | Place::Any, since, .. }) = &mut self.pause {
            *since = length;
        }
    }

    /// A new name takes the next connection that does what is waited for.
    fn give_expected_name(&mut self) {
        let Some(Pause::Expect { wanted, place: Place::Next(name), .. }) = &self.pause else { return };
        let Some(connection) = self.ledger.next_named(wanted) else { return };
        let name = name.clone();
        self.name(&name, connection);
        if let Some(Pause::Expect { place, .. }) = &mut self.pause {
            *place = Place::One(connection);
        }
    }

    fn take(&mut self, index: usize, name: Option<&str>) {
        self.ledger.take(index);
        let Some((value, connection)) = self.ledger.heard(index).map(|heard| (heard.value.clone(), heard.connection)) else { return };
        self.save(name, value);
        if !self.ledger.is_named(connection) {
            self.turn_away(connection);
        }
    }

    /// True if the connection is over, and what is waited for could only come there.
    fn is_hopeless(&self) -> bool {
        let Some(Pause::Expect { wanted, place: Place::One(connection), .. }) = &self.pause else { return false };
        self.speaker.line(*connection).is_some_and(|line| line.is_gone) && !is_elsewhere(wanted)
    }

    /// True if the process under test is gone and all that it had sent was heard: nothing more can come.
    fn is_deserted(&self) -> bool {
        self.ledger.has_exited() && self.speaker.lines.values().all(|line| line.is_gone)
    }

    fn check_meeting(&mut self) -> Result<Outcome, SendError> {
        let steps = std::sync::Arc::clone(&self.steps);
        let Some(step @ (Step::Accept(Accept { connection: name, .. }) | Step::Refuse(Refuse { connection: name, .. }))) =
            steps.get(self.at)
        else {
            return Ok(Outcome::Done);
        };
        let named = self.ledger.connection(name.as_deref());
        let Some(connection) = named.or_else(|| self.next_upgrade()) else {
            return Ok(if self.is_deserted() { Outcome::Unmet } else { Outcome::Waiting });
        };
        let Some(line) = self.speaker.line(connection) else { return Ok(Outcome::Unmet) };
        if line.is_over() || line.is_answered {
            return Ok(Outcome::Unmet);
        }
        if line.request.is_none() {
            return Ok(Outcome::Waiting);
        }
        if named.is_none() {
            self.name(name.as_deref().unwrap_or(MAIN), connection);
        }
        let memory = kept(&self.saved, connection);
        match step {
            Step::Accept(accept) => self.speaker.accept(connection, accept, memory)?,
            Step::Refuse(refuse) => {
                self.speaker.refuse(connection, refuse.status, &refuse.headers, refuse.body.as_ref(), memory)?;
            }
            _ => {}
        }
        Ok(Outcome::Done)
    }

    /// The first connection without a name that waits for the answer to its upgrade.
    fn next_upgrade(&self) -> Option<ConnectionId> {
        let lines = self.speaker.lines.iter().filter(|(number, line)| {
            let is_upgrade = line.request.as_ref().is_some_and(crate::transcript::Request::is_upgrade);
            is_upgrade && !line.is_answered && !line.is_over() && !self.ledger.is_named(**number)
        });
        lines.map(|(number, _)| *number).next()
    }

    fn check_play(&mut self, heard: usize) -> Outcome {
        let Some(Pause::Play { connection, until, .. }) = &self.pause else { return Outcome::Done };
        let has_happened = self.has_happened(until.as_ref(), Some(*connection), heard);
        let is_over = self.speaker.line(*connection).is_none_or(Line::is_over);
        let Some(Pause::Play { player, .. }) = &mut self.pause else { return Outcome::Done };
        player.settle(&mut self.speaker);
        if has_happened || is_over || player.is_leaving { Outcome::Done } else { Outcome::Waiting }
    }

    /// True if either side did this since then.
    fn has_happened(&self, pattern: Option<&Pattern>, connection: Option<ConnectionId>, heard: usize) -> bool {
        let Some(pattern) = pattern else { return false };
        let mut seen = self.ledger.heard_since(heard).chain(&self.speaker.own);
        seen.any(|seen| connection.is_none_or(|connection| connection == seen.connection) && seen.is(pattern))
    }

    /// Answers plain HTTP requests that no step can take any more.
    pub(super) fn turn_away_strays(&mut self) {
        if self.speaker.side == Role::Client || self.awaits_request() {
            return;
        }
        let unnamed: Vec<_> = self.speaker.lines.keys().copied().filter(|number| !self.ledger.is_named(*number)).collect();
        for connection in unnamed {
            self.turn_away(connection);
        }
    }

    fn turn_away(&mut self, connection: ConnectionId) {
        let request = self.speaker.line(connection).and_then(|line| line.request.as_ref());
        if self.speaker.side == Role::Server && request.is_some_and(|request| !request.is_upgrade()) {
            self.speaker.answer(connection, Response::new(404));
        }
    }

    fn awaits_request(&self) -> bool {
        self.steps.iter().skip(self.at).any(|step| {
            let Step::Expect(Expect { is, or, connection, .. }) = step else { return false };
            let mut names = is.0.iter().chain(or.iter().flat_map(|other| &other.is.0));
            !matches!(self.ledger.place(connection.as_deref()), Place::One(_)) && names.any(|name| name == "request")
        })
    }
}
