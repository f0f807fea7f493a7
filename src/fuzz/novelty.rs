//! What was new: the first try with each reaction in each state. Random tries are drawn from it more often than from anywhere else.
//!
//! Feedback must not spoil that a seed fixes a campaign, however it is cut: so tries stand in [`LINES`] lines by their number, a line looks
//! only at itself, a part of a campaign has whole lines, and what a try sees of its line ends where its epoch begins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::transcript::Role;

/// How many lines there are. A campaign can have as many parts.
pub const LINES: u64 = 256;
/// How many tries stand in an epoch: those of one do not see what became of each other.
pub const EPOCH: u64 = 8192;

/// What was new in each line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Novelty {
    first: BTreeMap<u64, BTreeMap<News, u64>>,
}

/// Something that was not seen before in its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct News {
    side: Role,
    state: String,
    reaction: String,
}

/// What was new as it stands in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    number: u64,
    side: Role,
    state: String,
    reaction: String,
}

/// The line of a try.
pub(super) fn line(number: u64) -> u64 {
    number % LINES
}

/// The first number of the epoch of this try.
pub(super) fn epoch(number: u64) -> u64 {
    number - number % EPOCH
}

impl Novelty {
    /// This try had this reaction in this state.
    pub(super) fn see(&mut self, number: u64, side: Role, state: &str, reaction: &str) {
        let news = News { side, state: state.to_owned(), reaction: reaction.to_owned() };
        self.note(number, news);
    }

    /// Adds what other tries have seen.
    pub(super) fn merge(&mut self, other: Self) {
        for (news, number) in other.first.into_values().flatten() {
            self.note(number, news);
        }
    }

    /// The tries of this one's line that were new before its epoch, in the order of what was new.
    pub(super) fn before(&self, number: u64) -> Vec<u64> {
        let own = self.first.get(&line(number)).into_iter().flat_map(BTreeMap::values).copied();
        own.filter(|first| *first < epoch(number)).collect()
    }

    fn note(&mut self, number: u64, news: News) {
        let first = self.first.entry(line(number)).or_default().entry(news).or_insert(number);
        *first = number.min(*first);
    }
}

impl From<Novelty> for Vec<Entry> {
    fn from(novelty: Novelty) -> Self {
        let entry = |(News { side, state, reaction }, number)| Entry { number, side, state, reaction };
        novelty.first.into_values().flatten().map(entry).collect()
    }
}

impl From<Vec<Entry>> for Novelty {
    fn from(entries: Vec<Entry>) -> Self {
        let mut novelty = Self::default();
        for Entry { number, side, state, reaction } in entries {
            novelty.note(number, News { side, state, reaction });
        }
        novelty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_sees_what_was_new_in_its_own_line_before_its_epoch() {
        let mut novelty = Novelty::default();
        let number = |epoch: u64, line: u64| epoch * EPOCH + line;
        novelty.see(number(0, 3), Role::Server, "opened", "ends");
        novelty.see(number(0, 3 + LINES), Role::Server, "opened", "ends");
        novelty.see(number(0, 4), Role::Server, "opened", "ends");
        novelty.see(number(1, 3), Role::Client, "opened", "resets");
        assert_eq!(novelty.before(number(0, 3 + LINES)), Vec::<u64>::new());
        assert_eq!(novelty.before(number(1, 3 + LINES)), [3]);
        assert_eq!(novelty.before(number(2, 3)).len(), 2);
        assert_eq!(novelty.before(number(2, 5)), Vec::<u64>::new());
    }

    #[test]
    fn parts_see_together_what_the_whole_sees_in_any_order() {
        let (mut one, mut other) = (Novelty::default(), Novelty::default());
        one.see(3 + LINES, Role::Server, "opened", "ends");
        other.see(3, Role::Server, "opened", "ends");
        let (mut left, mut right) = (one.clone(), other.clone());
        left.merge(other);
        right.merge(one);
        assert_eq!(left, right);
        let read = Novelty::from(Vec::<Entry>::from(left.clone()));
        assert_eq!(read, left);
    }
}
