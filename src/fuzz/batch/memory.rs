//! What was judged before: the same shot with the same echo in the same state is not judged again.

use std::collections::HashMap;

/// How many are remembered. What is forgotten is judged anew.
const MOST: usize = 1 << 16;

/// Echoes that nothing is wrong with, and how each counts as a reaction.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashMap<(u64, u64), u32>,
    reactions: Vec<String>,
}

impl Memory {
    /// The reaction that this echo of this shot is, if it was found to be good.
    pub(super) fn recall(&self, shot: u64, echo: u64) -> Option<u32> {
        self.known.get(&(shot, echo)).copied()
    }

    /// Nothing is wrong with this echo of this shot.
    pub(super) fn learn(&mut self, shot: u64, echo: u64, reaction: &str) -> u32 {
        let index = self.reactions.iter().position(|known| known == reaction).unwrap_or_else(|| {
            self.reactions.push(reaction.to_owned());
            self.reactions.len() - 1
        });
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert((shot, echo), index);
        index
    }

    /// The words of a reaction.
    pub(super) fn words(&self, reaction: u32) -> &str {
        self.reactions.get(reaction as usize).map_or("", String::as_str)
    }
}
