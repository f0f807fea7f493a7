//! What a script has heard and which of it is spent: names of connections, marks, and the observations that no `expect` has taken yet.

use std::collections::{HashMap, HashSet};

use crate::pack::Observation;
use crate::pack::pattern::Pattern;
use crate::pack::scenario::Meaning;
use crate::transcript::ConnectionId;

/// The name that steps mean that name none.
pub(super) const MAIN: &str = "main";

/// Observations that show that more can come though a connection is over: they belong to another one, or to the process.
const ELSEWHERE: [&str; 4] = ["exit", "opened", "upgrade", "request"];

/// Where a step looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this connection.
    One(ConnectionId),
    /// On the connection that will get this name.
    Next(String),
    /// On whichever.
    Any,
}

/// Something that ends a wait; without a meaning it is what was expected.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) pattern: Pattern,
    pub(super) meaning: Option<Meaning>,
}

/// What a look at the ledger found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The observation at this place, which means this.
    Fitting(usize, Option<Meaning>),
    /// The next message, which fits nothing.
    Wrong,
    /// Nothing yet.
    Nothing,
}

/// Everything that was heard, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    heard: Vec<Observation>,
    taken: HashSet<usize>,
    marks: HashMap<String, usize>,
    names: HashMap<String, ConnectionId>,
    named: HashSet<ConnectionId>,
}

impl Ledger {
    /// The other side did this.
    pub(super) fn hear(&mut self, observation: Observation) {
        self.heard.push(observation);
    }

    /// True once the process under test has ended by itself.
    pub(super) fn has_exited(&self) -> bool {
        self.heard.iter().any(|observation| observation.name == "exit")
    }

    /// How much was heard until now.
    pub(super) fn length(&self) -> usize {
        self.heard.len()
    }

    /// The observation at this place.
    pub(super) fn heard(&self, index: usize) -> Option<&Observation> {
        self.heard.get(index)
    }

    /// What was heard from there on.
    pub(super) fn heard_since(&self, index: usize) -> impl Iterator<Item = &Observation> {
        self.heard.iter().skip(index)
    }

    /// Spends an observation. What `joined` holds goes on growing, and may hold what the next step waits for already.
    pub(super) fn take(&mut self, index: usize) {
        if self.heard.get(index).is_none_or(|heard| heard.name != "joined") {
            self.taken.insert(index);
        }
    }

    /// Names this point.
    pub(super) fn mark(&mut self, name: &str) {
        self.marks.insert(name.to_owned(), self.heard.len());
    }

    /// Where the named point is; the beginning if there is none.
    pub(super) fn since(&self, mark: Option<&str>) -> usize {
        mark.and_then(|mark| self.marks.get(mark)).copied().unwrap_or_default()
    }

    /// Gives a connection its name. A name that is given anew no longer means the earlier one.
    pub(super) fn name(&mut self, name: &str, connection: ConnectionId) {
        self.names.insert(name.to_owned(), connection);
        self.named.insert(connection);
    }

    /// True if the connection has a name.
    pub(super) fn is_named(&self, connection: ConnectionId) -> bool {
        self.named.contains(&connection)
    }

    /// The connection of this name.
    pub(super) fn connection(&self, name: Option<&str>) -> Option<ConnectionId> {
        self.names.get(name.unwrap_or(MAIN)).copied()
    }

    /// Where a step that names this connection looks.
    pub(super) fn place(&self, name: Option<&str>) -> Place {
        match (name.unwrap_or(MAIN), self.connection(name)) {
            ("any", _) => Place::Any,
            (_, Some(connection)) => Place::One(connection),
            (name, None) => Place::Next(name.to_owned()),
        }
    }

    /// The first connection without a name on which something was heard that one of these patterns names.
    pub(super) fn next_named(&self, wanted: &[Wanted]) -> Option<ConnectionId> {
        let is_free = |observation: &&Observation| observation.connection != 0 && !self.is_named(observation.connection);
        let mut free = self.heard.iter().filter(is_free).filter(|observation| is_any(wanted, observation));
        free.next().map(|observation| observation.connection)
    }

    /// The first observation from `since` on, on this place, that is not spent and fits. If it must be the next one, the first message
    /// decides, or the first of what the patterns name.
    pub(super) fn look(&self, place: &Place, since: usize, wanted: &[Wanted], is_next: bool) -> Found {
        let candidates = self.heard.iter().enumerate().skip(since);
        let mut candidates = candidates.filter(|(index, observation)| place.holds(observation.connection) && !self.taken.contains(index));
        let found = if is_next {
            candidates.find(|(_, observation)| observation.is_message() || is_any(wanted, observation))
        } else {
            candidates.find(|(_, observation)| fitting(wanted, observation).is_some())
        };
        let Some((index, observation)) = found else { return Found::Nothing };
        fitting(wanted, observation).map_or(Found::Wrong, |wanted| Found::Fitting(index, wanted.meaning))
    }
}

impl Place {
    /// True if what happens there is meant. What belongs to no connection, such as the end of a process, is meant everywhere.
    fn holds(&self, connection: ConnectionId) -> bool {
        match self {
            Self::One(one) => connection == *one || connection == 0,
            Self::Next(_) => connection == 0,
            Self::Any => true,
        }
    }
}

/// True if what ends the wait may come though the connection is over.
pub(super) fn is_elsewhere(wanted: &[Wanted]) -> bool {
    wanted.iter().flat_map(|wanted| &wanted.pattern.is.0).any(|name| ELSEWHERE.contains(&name.as_str()))
}

fn is_any(wanted: &[Wanted], observation: &Observation) -> bool {
    wanted.iter().any(|wanted| observation.is_any(&wanted.pattern.is))
}

fn fitting<'a>(wanted: &'a [Wanted], observation: &Observation) -> Option<&'a Wanted> {
    wanted.iter().find(|wanted| observation.is(&wanted.pattern))
}
