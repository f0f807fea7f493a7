//! Names of connections into their numbers, as the steps give them.

use std::collections::HashMap;

use crate::check::reading::{Moment, Reading};
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

    /// A step that waits for a connection: a new name takes the next one that the client opened.
    pub(super) fn meet(&mut self, reading: &Reading, name: Option<&str>) -> Place {
        let place = self.place(reading, name);
        if let Place::One(number) = place
            && !self.taken.contains(&number)
        {
            self.give(name, Some(number));
        }
        place
    }

    /// What a name means, without giving it.
    pub(super) fn place(&self, reading: &Reading, name: Option<&str>) -> Place {
        if name == Some("any") {
            return Place::Any;
        }
        let known = self.numbers.get(name.unwrap_or(MAIN)).copied();
        let next = || (reading.side == Role::Client).then(|| self.next_dialled(reading)).flatten();
        known.or_else(next).map_or(Place::Nowhere, Place::One)
    }

    fn next_dialled(&self, reading: &Reading) -> Option<ConnectionId> {
        let dialled = reading.connections.iter().filter(|(_, connection)| connection.opened.is_none_or(|(by, _)| by == reading.side));
        dialled.map(|(number, _)| *number).find(|number| !self.taken.contains(number))
    }

    fn give(&mut self, name: Option<&str>, number: Option<ConnectionId>) {
        if let Some(number) = number {
            self.numbers.insert(name.unwrap_or(MAIN).to_owned(), number);
            self.taken.push(number);
        }
    }
}
