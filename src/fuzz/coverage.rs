//! What was violated where, and what came of it: side × state × frame × class of violation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::violation::Class;
use crate::transcript::Role;

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The side under test.
    pub side: Role,
    /// The state.
    pub state: String,
    /// The frame that was spoiled, or `-`.
    pub frame: String,
    /// What kind of violation.
    pub class: Class,
}

/// Whether a violation was brought to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was: the validator confirms what it breaks, and the state was confirmed before it.
    Hit,
    /// It breaks nothing, or something else than it claims.
    Masked(String),
    /// The state could not be reached.
    Unreachable(String),
    /// Not tried before the campaign ended, or the harness could not finish.
    Missed(String),
}

/// How often which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Brought to the target.
    pub hit: u64,
    /// Broke nothing, or something else.
    pub masked: u64,
    /// State not reached.
    pub unreachable: u64,
    /// Not tried.
    pub missed: u64,
    /// How the target reacted to those that were brought to it.
    pub reactions: BTreeMap<String, u64>,
    /// Which requirements were found broken, each with by how many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broke: BTreeMap<String, u64>,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Its cells.
    pub cells: BTreeMap<Place, Cell>,
    /// Why what was not hit was not, each reason with how often.
    pub reasons: BTreeMap<String, u64>,
}

impl Cell {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.hit + self.masked + self.unreachable + self.missed
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        self.hit += other.hit;
        self.masked += other.masked;
        self.unreachable += other.unreachable;
        self.missed += other.missed;
        for (reaction, count) in &other.reactions {
            *self.reactions.entry(reaction.clone()).or_default() += count;
        }
        for (requirement, count) in &other.broke {
            *self.broke.entry(requirement.clone()).or_default() += count;
        }
    }
}

impl Coverage {
    /// Counts one violation. `reaction` counts only if it was a hit.
    pub fn count(&mut self, place: Place, status: &Status, reaction: &str) {
        self.count_many(place, status, reaction, 1);
    }

    /// Counts so many violations of one place that came to the same.
    pub fn count_many(&mut self, place: Place, status: &Status, reaction: &str, times: u64) {
        let what = format!("{} {} {}", place.side, place.state, place.class);
        let cell = self.cells.entry(place).or_default();
        match status {
            Status::Hit => {
                cell.hit += times;
                *cell.reactions.entry(reaction.to_owned()).or_default() += times;
            }
            Status::Masked(_) => cell.masked += times,
            Status::Unreachable(_) => cell.unreachable += times,
            Status::Missed(_) => cell.missed += times,
        }
        let reason = match status {
            Status::Hit => return,
            Status::Masked(why) => format!("masked: {what}: {why}"),
            Status::Unreachable(why) => format!("unreachable: {what}: {why}"),
            Status::Missed(why) => format!("missed: {what}: {why}"),
        };
        *self.reasons.entry(reason).or_default() += times;
    }

    /// Counts what one violation was found to break.
    pub fn broke(&mut self, place: Place, requirements: impl IntoIterator<Item = String>) {
        let cell = self.cells.entry(place).or_default();
        requirements.into_iter().for_each(|requirement| *cell.broke.entry(requirement).or_default() += 1);
    }

    /// Adds another table.
    pub fn merge(&mut self, other: &Self) {
        for (place, cell) in &other.cells {
            self.cells.entry(place.clone()).or_default().add(cell);
        }
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += count;
        }
    }

    /// The counts of all cells together.
    pub fn total(&self) -> Cell {
        let mut total = Cell::default();
        self.cells.values().for_each(|cell| total.add(cell));
        total
    }

    /// The counts by side, state and class, the frames added up.
    pub fn by_class(&self) -> BTreeMap<(Role, String, Class), Cell> {
        let mut rows: BTreeMap<_, Cell> = BTreeMap::new();
        for (place, cell) in &self.cells {
            rows.entry((place.side, place.state.clone(), place.class)).or_default().add(cell);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(class: Class) -> Place {
        Place { side: Role::Server, state: "connected".to_owned(), frame: "-".to_owned(), class }
    }

    #[test]
    fn tables_add_up_in_any_order() {
        let (mut one, mut other) = (Coverage::default(), Coverage::default());
        one.count(place(Class::Json), &Status::Hit, "closes 1007");
        one.count(place(Class::Json), &Status::Masked("why".to_owned()), "");
        other.count(place(Class::Json), &Status::Hit, "ends");
        other.count(place(Class::Size), &Status::Unreachable("why".to_owned()), "");
        one.broke(place(Class::Json), ["demo-a".to_owned()]);
        other.broke(place(Class::Json), ["demo-a".to_owned()]);
        let (mut left, mut right) = (one.clone(), other.clone());
        left.merge(&other);
        right.merge(&one);
        assert_eq!(left, right);
        let total = left.total();
        assert_eq!((total.hit, total.masked, total.unreachable, total.total()), (2, 1, 1, 4));
        assert_eq!(left.reasons.len(), 2);
        assert_eq!(total.broke["demo-a"], 2);
    }
}
