//! Names of connections into their numbers, as the steps give them.

use std::collections::HashMap;

use crate::check::reading::{Moment, Reading};
use crate::pack::Observation;
use crate::pack::pattern::Names as Kinds;
use crate::transcript::{ConnectionId, Role};

/// The name that steps mean that name none.
const MAIN: &str = "main";

/// Which connection is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// This one.
    One(ConnectionId),
    /// Whichever.
    Any,
    /// One that was never opened.
    Nowhere,
}

impl Place {
    /// True if what happens there is meant. What belongs to no connection, such as the end of a process, is meant everywhere.
    pub(super) fn holds(self, connection: ConnectionId) -> bool {
        match self {
            Self::One(number) => connection == number || connection == 0,
            Self::Any => true,
            Self::Nowhere => connection == 0,
        }
    }
}

/// The names that the steps so far have given.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, ConnectionId>,
    taken: Vec<ConnectionId>,
}

impl Names {
    /// A step that opens a connection from this moment: the first number whose connection began after it and has no name yet.
    pub(super) fn open(&mut self, reading: &Reading, name: Option<&str>, moment: Moment) {
        let begun = |number: &&ConnectionId| {
            let opened = reading.connections.get(*number).and_then(|connection| connection.opened);
            opened.is_none_or(|(by, opened)| by != reading.side && opened.event > moment.event)
        };
        let free = reading.connections.keys().filter(|number| !self.taken.contains(number)).filter(begun).min().copied();
        // A name that is given anew no longer means the earlier connection.
        self.numbers.remove(name.unwrap_or(MAIN));
        self.give(name, free);
    }

    /// A step that answers a client's upgrade: a new name takes the connection that the harness answered then.
    pub(super) fn meet(&mut self, reading: &Reading, name: Option<&str>, moment: Moment) -> Place {
        let known = self.known(name);
        let is_answer = |seen: &&Observation| {
            let is_answer = matches!(seen.name.as_str(), "accept" | "refuse") && seen.from != reading.side;
            is_answer && seen.event > moment.event && !self.taken.contains(&seen.connection)
        };
        let answered = || reading.judged().iter().find(is_answer).map(|seen| seen.connection);
        let number = known.or_else(answered);
        self.give(name, number.filter(|_| known.is_none()));
        number.map_or(Place::Nowhere, Place::One)
    }

    /// A step that awaits something of the client: a new name takes the next connection on which one of these kinds was seen.
    pub(super) fn await_any(&mut self, reading: &Reading, name: Option<&str>, kinds: &[&Kinds]) -> Place {
        let place = self.place(reading, name, kinds);
        if let (Place::One(number), None) = (place, self.known(name)) {
            self.give(name, Some(number));
        }
        place
    }

    /// What a name means, without giving it.
    pub(super) fn place(&self, reading: &Reading, name: Option<&str>, kinds: &[&Kinds]) -> Place {
        if name == Some("any") {
            return Place::Any;
        }
        let is_next = |seen: &&Observation| {
            let is_free = seen.connection != 0 && !self.taken.contains(&seen.connection);
            is_free && seen.from == reading.side && kinds.iter().any(|kinds| seen.is_any(kinds))
        };
        let next = || reading.judged().iter().find(is_next).map(|seen| seen.connection);
        let number = self.known(name).or_else(|| (reading.side == Role::Client).then(next).flatten());
        number.map_or(Place::Nowhere, Place::One)
    }

    fn known(&self, name: Option<&str>) -> Option<ConnectionId> {
        self.numbers.get(name.unwrap_or(MAIN)).copied()
    }

    fn give(&mut self, name: Option<&str>, number: Option<ConnectionId>) {
        if let Some(number) = number {
            self.numbers.insert(name.unwrap_or(MAIN).to_owned(), number);
            self.taken.push(number);
        }
    }
}
